"""A mailbox moved between two databases of one server, beside the same bytes appended over IMAP.

    cargo build --release && python3 bench/moves.py target/release/rialto [ITEMS [ROUNDS]]

starts a `rialto quickstart` of its own in a temporary folder, appends ITEMS messages of 10 KB over IMAP on one
connection (one command each: every one is durable before the next), moves the mailbox to a second database and
back, and prints JSON. A move's time is the mover's own, from the start to the completion of the request, the
wait for its turn left out; `locked_ms` is from the last synchronisation until it was complete. The mailbox is read
before and after: UIDVALIDITY, UIDs, flags, modification sequences and a checksum of all bodies must be the same."""
import hashlib
import imaplib
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/rialto")
ITEMS = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
SIZE = 10_240


def message(number):
    head = f"From: <x@ext.example>\r\nSubject: {number}\r\nMessage-ID: <{number}@ext.example>\r\n\r\n"
    line = f"{number:08} the quick brown fox jumps over the lazy dog, again and again and again\r\n"
    return (head + line * (SIZE // len(line) + 1))[:SIZE].encode()


class Server:
    """A quickstart server."""

    def __init__(self, folder):
        self.data = os.path.join(folder, "data")
        command = [BINARY, "quickstart", "--json", "--data", self.data, "--ports-from", "28045"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.ready = json.loads(self.process.stdout.readline())

    def shell(self, text):
        command = [BINARY, "shell", "--data", self.data, "-Command", text]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().strip()

    def imap(self, user):
        host, port = self.ready["imaps"].rsplit(":", 1)
        trusting = ssl._create_unverified_context()
        session = imaplib.IMAP4_SSL(host, int(port), ssl_context=trusting)
        # The literal is a write of its own: without this each command would wait for a delayed acknowledgement.
        session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session.login(user["address"], user["password"])
        return session


def picture(server, user):
    """Everything a client can see, as a checksum."""
    session = server.imap(user)
    session.select("INBOX", readonly=True)
    seen = hashlib.sha256(str(session.response("UIDVALIDITY")).encode())
    for part in session.uid("FETCH", "1:*", "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)")[1]:
        seen.update(part)
    for part in session.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]:
        seen.update(b"".join(part) if isinstance(part, tuple) else part)
    session.logout()
    return seen.hexdigest()


def append(server, user):
    session = server.imap(user)
    messages = [message(number) for number in range(ITEMS)]
    start = time.perf_counter()
    for body in messages:
        status, answer = session.append("INBOX", None, None, body)
        if status != "OK":
            sys.exit(f"APPEND: {answer}")
    took = time.perf_counter() - start
    session.logout()
    return took


def move(server, user, database):
    """Moves the mailbox; the figures of its request."""
    who = user["address"]
    server.shell(f"New-MoveRequest '{who}' -TargetDatabase '{database}' | Out-Null")
    while True:
        status = server.shell(f"(Get-MoveRequest '{who}').Status.ToString()")
        if status in ("Completed", "Failed", "CompletedWithWarning"):
            break
        time.sleep(0.2)
    figures = server.shell(
        f"$s = Get-MoveRequestStatistics '{who}'; "
        "\"$($s.Status) $($s.ItemsTransferred) "
        "$(($s.CompletionTimestamp - $s.StartTimestamp).TotalSeconds) "
        "$(($s.CompletionTimestamp - $s.FinalSyncTimestamp).TotalMilliseconds)\"; "
        f"Remove-MoveRequest '{who}' -Confirm:$false").split()
    status, items, seconds, locked = figures[0], int(figures[1]), float(figures[2]), float(figures[3])
    if status != "Completed" or items != ITEMS:
        sys.exit(f"the move is {status} with {items} items")
    return seconds, locked


def main():
    with tempfile.TemporaryDirectory(prefix="rialto-moves-") as folder:
        server = Server(folder)
        try:
            user = server.ready["mailboxes"][0]
            server.shell("New-MailboxDatabase DB02 -Server (Get-ExchangeServer).Name | Out-Null; Mount-Database DB02")
            first = server.shell(f"(Get-Mailbox '{user['address']}').Database.Name")
            appended = append(server, user)
            before = picture(server, user)
            moves = []
            for number in range(ROUNDS):
                moves.append(move(server, user, "DB02" if number % 2 == 0 else first))
                if picture(server, user) != before:
                    sys.exit("the mailbox is not what it was before the move")
            seconds = statistics.median(took for took, _ in moves)
            print(json.dumps({
                "items": ITEMS,
                "size": SIZE,
                "rounds": ROUNDS,
                "imap_append_per_s": round(ITEMS / appended),
                "move_per_s": round(ITEMS / seconds),
                "move_to_append": round(appended / seconds, 2),
                "locked_ms": round(statistics.median(locked for _, locked in moves), 1),
            }, indent=2))
        finally:
            server.process.terminate()
            server.process.wait()


main()
