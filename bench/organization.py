"""Three servers of one organisation, each a process on loopback, for the measurements that need several."""
import imaplib
import os
import socket
import ssl
import subprocess
import tempfile
import time

DOMAIN = "contoso.example"
ADMINISTRATOR, PASSWORD = f"administrator@{DOMAIN}", "correct horse battery"
NAMES = ["EX1", "EX2", "EX3"]
# How long anything may take on a busy machine, seconds.
PATIENCE = 120
PORTS_PER_SERVER = 40
# One host sends everything: the limits of connections from one address are lifted; and much goes to few mailboxes.
NO_LIMITS = ("Get-ReceiveConnector | Set-ReceiveConnector -MaxInboundConnectionPerSource Unlimited "
             "-MaxInboundConnectionPercentagePerSource 100 -MessageRateLimit Unlimited; "
             "Get-MailboxDatabase | Set-MailboxDatabase -IssueWarningQuota Unlimited -ProhibitSendQuota Unlimited "
             "-ProhibitSendReceiveQuota Unlimited")
TRUSTING = ssl._create_unverified_context()


def free_ports(taken):
    """The first of a run of ports that nobody listens on."""
    for first in range(12_000 + os.getpid() % 100 * PORTS_PER_SERVER, 20_000, PORTS_PER_SERVER):
        try:
            for port in range(first, first + PORTS_PER_SERVER):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        if first not in taken:
            return first
    raise SystemExit("no free ports")


class Server:
    """One server: its folder, its ports, and its process while it runs."""

    def __init__(self, binary, folder, name, ports):
        self.binary, self.name, self.ports, self.process = binary, name, ports, None
        self.data = os.path.join(folder, name.lower())
        self.log = os.path.join(folder, f"{name.lower()}.log")
        self.smtp, self.imap_plain, self.imaps, self.links = ports, ports + 2, ports + 3, ports + 10

    def setup(self, *more):
        command = [self.binary, "setup", "--non-interactive", "--listen", "127.0.0.1", "--ports-from", str(self.ports),
                   "--server-name", f"{self.name.lower()}.{DOMAIN}", "--data", self.data, *more]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.data, "rialto.toml"), "r+") as file:
            text = file.read().replace("[listen]\n", "[listen]\nallow_plaintext = true\n")
            file.seek(0)
            file.write(text)

    def start(self):
        ready = os.path.join(self.data, "admin.sock")
        if os.path.exists(ready):
            os.unlink(ready)
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--data", self.data], stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while not os.path.exists(ready):
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit(f"{self.name} does not start: see {self.log}")
            time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def shell(self, text, check=True):
        command = [self.binary, "shell", "--data", self.data, "-Command", text]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.stdout.decode().strip()
        if check and done.returncode:
            raise SystemExit(f"{self.name}: {text}: {said}")
        return said

    def until(self, text, wanted):
        """Runs a command until it prints what is wanted; how long that took, seconds."""
        began = time.monotonic()
        while (said := self.shell(text, check=False)) != wanted:
            if time.monotonic() - began > PATIENCE:
                raise SystemExit(f"{self.name}: {text} says {said}, not {wanted}")
            time.sleep(0.1)
        return time.monotonic() - began

    def imap(self, user=ADMINISTRATOR, password=PASSWORD, timeout=10):
        session = imaplib.IMAP4_SSL("127.0.0.1", self.imaps, ssl_context=TRUSTING, timeout=timeout)
        session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session.login(user, password)
        return session


class Organization:
    """Three servers and DB01 with a copy on each, made as docs/admin/availability-group.md says."""

    def __init__(self, binary):
        self.folder = tempfile.TemporaryDirectory(prefix="rialto-availability-")
        self.servers, taken = [], []
        for name in NAMES:
            taken.append(free_ports(taken))
            self.servers.append(Server(os.path.abspath(binary), self.folder.name, name, taken[-1]))

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        first = self.servers[0]
        password = os.path.join(self.folder.name, "password")
        with open(password, "w") as file:
            file.write(PASSWORD + "\n")
        first.setup("--domain", DOMAIN, "--password-file", password)
        first.start()
        for server in self.servers[1:]:
            key = first.shell("(New-ServerJoinKey).Key")
            server.setup("--join", f"127.0.0.1:{first.links}", "--join-key", key)
            server.start()
        for server in self.servers:
            server.until("(Get-ServerLink | Where-Object Status -eq Up | Measure-Object).Count", "2")
        first.shell("New-DatabaseAvailabilityGroup -Name DAG1 | Out-Null")
        for name in NAMES:
            first.shell(f"Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer {name}")
        for name in NAMES[1:]:
            first.shell(f"Add-MailboxDatabaseCopy DB01 -MailboxServer {name}")
        first.shell(NO_LIMITS)
        self.settled(first)

    def settled(self, at):
        """Waits until one copy of DB01 is mounted and the others are healthy; how long that took, seconds."""
        return at.until("(Get-MailboxDatabaseCopyStatus DB01 | ForEach-Object { \"$($_.Status)\" } | Sort-Object) "
                        "-join ','", "Healthy,Healthy,Mounted")

    def active(self, at):
        """The server whose copy of DB01 is the active one."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            said = at.shell("(Get-MailboxDatabaseCopyStatus DB01 | Where-Object Status -eq Mounted).MailboxServer",
                            check=False)
            if said in NAMES:
                return self.servers[NAMES.index(said)]
        raise SystemExit("no copy of DB01 becomes active")

    def __exit__(self, *_):
        for server in self.servers:
            if server.process:
                server.kill()
        self.folder.cleanup()
