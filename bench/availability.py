"""Three servers with copies of one database: failing over, switching over, taking mail in, seeding.

    cargo build --release && python3 bench/availability.py target/release/rialto failover [ROUNDS]
                                                                                 switchover [ROUNDS]
                                                                                 ingest [ROUNDS [SECONDS]]
                                                                                 reseed [MEBIBYTES]
                                                                                 units [DATABASES [MAILBOXES]]

starts three servers of its own on loopback and prints JSON:
- `failover`: the server with the active copy is killed with SIGKILL under SMTP load at all three, round after round.
  From the kill until a message that another server was offered after it is accepted, and until the mailbox can be
  opened and a message read at the third. In the end every message that was acknowledged must be there once, at each
  server; if not, the exit code is 1.
- `switchover`: Move-ActiveMailboxDatabase, while at each server one client sends by SMTP and one appends by IMAP and
  both try again at once; its time, the longest that any message took, and what the clients were told.
- `ingest`: parallel senders to mailboxes of a database with three copies, and of one with one copy on the same server,
  in turns; needs `cargo build --release -p rialto-bench` beside it.
- `reseed`: Update-MailboxDatabaseCopy, beside the same bytes written to the same disk in one sequence and flushed.
- `units`: what a database with three copies costs each server while nothing happens, and a mailbox in the directory."""
import collections
import imaplib
import json
import os
import random
import signal
import smtplib
import statistics
import subprocess
import sys
import threading
import time

from organization import ADMINISTRATOR, DOMAIN, NAMES, PASSWORD, PATIENCE, Organization

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/rialto")
MAILBENCH = os.path.join(os.path.dirname(BINARY), "mailbench")
# Whoever was refused waits so long, seconds.
PAUSE = 0.01
PER_CONNECTION = 10


def argument(place, default):
    return int(sys.argv[2 + place]) if len(sys.argv) > 2 + place else default


def percentiles(name, seconds):
    """p50 and p99 (the nearest rank) and the longest, milliseconds."""
    seconds = sorted(seconds)
    at = {"p50": seconds[(len(seconds) - 1) // 2], "p99": seconds[-(-len(seconds) * 99 // 100) - 1], "max": seconds[-1]}
    return {f"{name}_{which}_ms": round(value * 1000) for which, value in at.items()}


class Ledger:
    """Every message that was tried, and those that were acknowledged."""

    def __init__(self):
        self.lock, self.tried, self.acknowledged = threading.Lock(), 0, set()
        self.told = collections.Counter()

    def subject(self):
        with self.lock:
            self.tried += 1
            return f"m{self.tried}"

    def note(self, subject):
        with self.lock:
            self.acknowledged.add(subject)

    def note_refusal(self, error):
        with self.lock:
            self.told[kind(error)] += 1


def kind(error):
    """What a client that tries again was told."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        error = smtplib.SMTPResponseException(*next(iter(error.recipients.values())))
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp {error.smtp_code}"
    if isinstance(error, imaplib.IMAP4.error) and not isinstance(error, imaplib.IMAP4.abort):
        return f"imap {error}"[:80]
    return "connection ended"


class Smtp:
    """A sender that keeps its connection for some messages and makes another one when it breaks."""

    def __init__(self, server):
        self.server, self.session, self.sent = server, None, 0

    def deliver(self, subject):
        try:
            if self.session is None:
                address = ("127.0.0.1", self.server.smtp)
                self.session, self.sent = smtplib.SMTP(*address, local_hostname="client.outside.test", timeout=10), 0
            text = f"Subject: {subject}\r\nMessage-ID: <{subject}@outside.test>\r\n\r\nmail\r\n"
            self.session.sendmail("sender@outside.test", [ADMINISTRATOR], text)
            self.sent += 1
        except (OSError, smtplib.SMTPException):
            self.end()
            raise
        if self.sent == PER_CONNECTION:
            self.end()

    def end(self):
        if self.session is not None:
            self.session.close()
        self.session = None


class Imap:
    """A mail program that appends, with a connection that it makes again when it breaks."""

    def __init__(self, server):
        self.server, self.session = server, None

    def deliver(self, subject):
        try:
            self.session = self.session or self.server.imap()
            status, said = self.session.append("INBOX", None, None, f"Subject: {subject}\r\n\r\nmail\r\n".encode())
            if status != "OK":
                raise imaplib.IMAP4.error(said[0].decode())
        except (OSError, imaplib.IMAP4.error):
            self.session = None
            raise


def until_delivered(client, ledger):
    """Offers messages, each once, until one is accepted; how long that took, seconds; nothing if it took too long."""
    began = time.monotonic()
    while True:
        subject = ledger.subject()
        try:
            client.deliver(subject)
            ledger.note(subject)
            return time.monotonic() - began
        except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
            ledger.note_refusal(error)
        if time.monotonic() - began > PATIENCE:
            return None
        time.sleep(PAUSE)


class Load:
    """Clients at work, one thread each, until the end of the block; the waits of each message."""

    def __init__(self, ledger, clients):
        self.ledger, self.waits, self.over = ledger, collections.defaultdict(list), threading.Event()
        self.threads = [threading.Thread(target=self.work, args=[client], daemon=True) for client in clients]

    def work(self, client):
        while not self.over.is_set():
            if client.server.process:
                self.waits[type(client)].append(until_delivered(client, self.ledger) or PATIENCE)
            time.sleep(PAUSE)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def until_read(server):
    """Tries until a message can be read; how long that took, seconds; nothing if it took too long."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        try:
            session = server.imap(timeout=5)
            # Mail that comes at this moment makes it say twice how many there are.
            status, counts = session.select("INBOX", readonly=True)
            if status == "OK" and session.fetch(counts[-1], "(BODY.PEEK[])")[0] == "OK":
                return time.monotonic() - began
        except (OSError, imaplib.IMAP4.error):
            time.sleep(PAUSE)
    return None


def subjects(server):
    """How often each message is in the mailbox, as this server shows it."""
    session = server.imap(timeout=PATIENCE)
    session.select("INBOX", readonly=True)
    rows = session.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    session.logout()
    found = (row[1].decode() for row in rows if isinstance(row, tuple))
    return collections.Counter(subject.removeprefix("Subject: ").strip() for subject in found)


def judged(organization, ledger):
    """What became of the messages, at each server."""
    figures = {"tried": ledger.tried, "acknowledged": len(ledger.acknowledged), "missing": 0, "doubled": 0}
    for server in organization.servers:
        until = time.monotonic() + PATIENCE
        while True:
            there = subjects(server)
            missing = ledger.acknowledged - there.keys()
            if not missing or time.monotonic() > until:
                break
            time.sleep(0.5)
        figures["missing"] = max(figures["missing"], len(missing))
        figures["doubled"] = max(figures["doubled"], sum(times > 1 for times in there.values()))
    return figures


def failover(organization):
    rounds, ledger = argument(1, 20), Ledger()
    accepted, read, whole = [], [], []
    with Load(ledger, [Smtp(server) for server in organization.servers]):
        for number in range(rounds):
            active = organization.active(organization.servers[number % 3])
            time.sleep(random.uniform(0, 0.3))
            one, another = random.sample([server for server in organization.servers if server is not active], 2)
            waits = [None, None]

            def note(place, wait, *arguments):
                waits[place] = wait(*arguments)
            probes = [threading.Thread(target=note, args=[0, until_delivered, Smtp(one), ledger]),
                      threading.Thread(target=note, args=[1, until_read, another])]
            active.kill()
            for probe in probes:
                probe.start()
            for probe in probes:
                probe.join()
            if None in waits:
                sys.exit(f"round {number}: without {active.name} mail goes on neither at {one.name} nor {another.name}")
            accepted.append(waits[0])
            read.append(waits[1])
            active.start()
            whole.append(organization.settled(one))
            print(f"round {number}: {active.name} killed; accepted after {waits[0]:.2f} s, "
                  f"read after {waits[1]:.2f} s, whole {whole[-1]:.1f} s after its start; {len(ledger.acknowledged)} acknowledged", file=sys.stderr)
    verdict = judged(organization, ledger)
    figures = {"rounds": rounds, **percentiles("accepted", accepted), **percentiles("read", read),
               **percentiles("whole_again", whole), **verdict}
    return figures, not verdict["missing"] and not verdict["doubled"]


def switchover(organization):
    rounds, took = argument(1, 20), []
    ledger, servers = Ledger(), organization.servers
    quiet = Load(ledger, [client(server) for server in servers for client in (Smtp, Imap)])
    with quiet:
        time.sleep(2)
    ledger.told.clear()
    with Load(ledger, [client(server) for server in servers for client in (Smtp, Imap)]) as load:
        for number in range(rounds):
            target = NAMES[(number + 1) % 3]
            said = servers[number % 3].shell(
                f"(Measure-Command {{ Move-ActiveMailboxDatabase DB01 -ActivateOnServer {target} -Confirm:$false "
                "}).TotalMilliseconds")
            took.append(float(said) / 1000)
            organization.settled(servers[0])
    verdict = judged(organization, ledger)
    figures = {"rounds": rounds, **percentiles("move", took)}
    for client, name in ((Smtp, "smtp"), (Imap, "imap")):
        figures[f"{name}_longest_without_moves_ms"] = round(max(quiet.waits[client]) * 1000)
        figures[f"{name}_longest_ms"] = round(max(load.waits[client]) * 1000)
    return {**figures, "told": dict(ledger.told), **verdict}, not verdict["missing"] and not verdict["doubled"]


def mailbench(organization, accounts, *options):
    servers = organization.servers
    command = [MAILBENCH, *options, "--accounts", accounts, "--smtp", f"127.0.0.1:{servers[0].smtp}",
               "--imap", f"127.0.0.1:{servers[0].imap_plain}", "--disk", organization.folder.name,
               "--pids", ",".join(str(server.process.pid) for server in servers)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def ingest(organization):
    rounds, seconds, mailboxes, first = argument(1, 3), argument(2, 8), 50, organization.servers[0]
    first.shell("New-MailboxDatabase DB02 -Server EX1 | Out-Null; Mount-Database DB02")
    copies = {"three_copies": "DB01", "one_copy": "DB02"}
    figures, accounts = {}, {}
    for name, database in copies.items():
        first.shell(
            f"1..{mailboxes} | ForEach-Object {{ New-Mailbox -Name \"{database}-$_\" -Database {database} "
            f"-UserPrincipalName \"{database}-$_@{DOMAIN}\" "
            f"-Password (ConvertTo-SecureString '{PASSWORD.replace(' ', '-')}' -AsPlainText -Force) }} | Out-Null")
        accounts[name] = os.path.join(organization.folder.name, name)
        with open(accounts[name], "w") as file:
            for number in range(1, mailboxes + 1):
                file.write(f"{database}-{number}@{DOMAIN} {database}-{number}@{DOMAIN} {PASSWORD.replace(' ', '-')}\n")
    for senders in (16, 64):
        runs = {name: [] for name in copies}
        for _ in range(rounds):
            for name, runs_of in runs.items():
                runs_of.append(mailbench(organization, accounts[name], "ingest", "--senders", str(senders),
                                         "--seconds", str(seconds)))
        for name, runs_of in runs.items():
            for figure in ("per_s", "accept_p50_ms", "accept_p99_ms", "cpu_ms_per_message", "refused", "machine_busy"):
                figures[f"{name}_{senders}_{figure}"] = round(statistics.median(run[figure] for run in runs_of), 2)
        figures[f"ratio_{senders}"] = round(
            figures[f"three_copies_{senders}_per_s"] / figures[f"one_copy_{senders}_per_s"], 2)
    return figures, True


def written(organization, size):
    """Writes as many bytes in one sequence and flushes them; how long that took, seconds."""
    block, path = os.urandom(1 << 20), os.path.join(organization.folder.name, "sequence")
    began = time.monotonic()
    with open(path, "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(block)
        os.fdatasync(file.fileno())
    took = time.monotonic() - began
    os.unlink(path)
    return took


def reseed(organization):
    mebibytes, first, rounds = argument(1, 1024), organization.servers[0], 3
    size = mebibytes << 20
    accounts = os.path.join(organization.folder.name, "account")
    login = "seeded"
    first.shell(f"New-Mailbox -Name {login} -Database DB01 -UserPrincipalName {login}@{DOMAIN} -Password "
                f"(ConvertTo-SecureString '{PASSWORD.replace(' ', '-')}' -AsPlainText -Force) | Out-Null")
    with open(accounts, "w") as file:
        file.write(f"{login}@{DOMAIN} {login}@{DOMAIN} {PASSWORD.replace(' ', '-')}\n")
    mailbench(organization, accounts, "fill", "--size", "102400", "--count", str(-(-size // 102400)))
    disk, seeds = [written(organization, size)], []
    for _ in range(rounds):
        organization.settled(first)
        first.shell("Suspend-MailboxDatabaseCopy DB01\\EX2 -Confirm:$false")
        first.until("(Get-MailboxDatabaseCopyStatus DB01\\EX2).Status", "Suspended")
        began = time.monotonic()
        first.shell("Update-MailboxDatabaseCopy DB01\\EX2 -DeleteExistingFiles -Confirm:$false")
        seeds.append(time.monotonic() - began)
        disk.append(written(organization, size))
    rate = [mebibytes / statistics.median(times) for times in (seeds, disk)]
    return {"mib": mebibytes, "rounds": rounds, "seed_mib_per_s": round(rate[0]), "disk_mib_per_s": round(rate[1]),
            "ratio": round(rate[0] / rate[1], 2)}, True


def idle(organization, seconds=10):
    """Resident memory in MiB and milliseconds of processor a second of an idle server, the mean of the three."""
    def spent(server):
        with open(f"/proc/{server.process.pid}/stat") as file:
            words = file.read().rsplit(")", 1)[1].split()
        return sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")

    def resident(server):
        with open(f"/proc/{server.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    time.sleep(5)
    before = [spent(server) for server in organization.servers]
    time.sleep(seconds)
    after = [spent(server) for server in organization.servers]
    busy = statistics.mean((end - begin) / seconds * 1000 for begin, end in zip(before, after))
    return statistics.mean(resident(server) for server in organization.servers), busy


def units(organization):
    databases, mailboxes, first = argument(1, 20), argument(2, 5_000), organization.servers[0]
    one = idle(organization)
    for number in range(databases):
        name, at = f"Unit{number}", NAMES[number % 3]
        first.shell(f"New-MailboxDatabase {name} -Server {at} | Out-Null; Mount-Database {name}; "
                    f"'EX1', 'EX2', 'EX3' | Where-Object {{ $_ -ne '{at}' }} | "
                    f"ForEach-Object {{ Add-MailboxDatabaseCopy {name} -MailboxServer $_ }}")
    many = idle(organization)
    began = time.monotonic()
    first.shell(f"1..{mailboxes} | ForEach-Object {{ New-Mailbox -Name \"unit$_\" -Database DB01 "
                f"-UserPrincipalName \"unit$_@{DOMAIN}\" -Shared }} | Out-Null")
    made = time.monotonic() - began
    full = idle(organization)
    return {"databases": databases, "mailboxes": mailboxes, "idle_mib": round(one[0], 1),
            "idle_cpu_ms_per_s": round(one[1], 1), "mib_per_database": round((many[0] - one[0]) / databases, 2),
            "cpu_ms_per_s_per_database": round((many[1] - one[1]) / databases, 3),
            "kib_per_mailbox": round((full[0] - many[0]) / mailboxes * 1024, 2),
            "mailboxes_made_per_s": round(mailboxes / made)}, True


MEASUREMENTS = {"failover": failover, "switchover": switchover, "ingest": ingest, "reseed": reseed, "units": units}


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in MEASUREMENTS:
        sys.exit(__doc__)
    # The servers end with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with Organization(BINARY) as organization:
        figures, good = MEASUREMENTS[sys.argv[2]](organization)
        figures["load"] = round(os.getloadavg()[0], 1)
        print(json.dumps(figures, indent=2))
    sys.exit(0 if good else 1)


main()
