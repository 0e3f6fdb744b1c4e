"""Ten sessions change one folder at a time; each checks that its sequence numbers always mean the same UIDs. Some
hear EXPUNGE, some VANISHED.

The seed is printed when something is wrong: SEED=n runs the same commands again (not the same interleaving);
STRESS=600 goes on for ten minutes."""
import random, re, threading, time
from mail import *

SECONDS = float(os.environ.get("STRESS", 4))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
FLAGS = [r"\Seen", r"\Deleted", "work", r"\Flagged later"]
HOLDS_NUMBERS = re.compile("FETCH|STORE|SEARCH|SORT|THREAD")
problems = []


class Session:
    """A raw IMAP client that keeps what the server has told it: the UID (or None) of each message."""

    def __init__(self, name):
        self.name, self.count, self.uids, self.told = name, 0, [], []
        self.connection = imap(USER2, PASSWORD2, implicit=True)
        self.file, self.socket = self.connection.file, self.connection.sock
        if name in "bdfhj":
            self.do("ENABLE QRESYNC")
        self.do("SELECT Crowd")

    def response(self):
        """One response with its literals."""
        whole = line = self.file.readline()
        while literal := re.search(rb"\{(\d+)\}\r\n$", line):
            whole += self.file.read(int(literal[1]))
            line = self.file.readline()
            whole += line
        return whole

    def do(self, command, literal=None):
        self.count += 1
        tag = f"{self.name}{self.count}".encode()
        octets = b"" if literal is None else b" {%d+}\r\n%s" % (len(literal), literal)
        self.told = self.told[-30:] + [command]
        self.socket.sendall(tag + b" " + command.encode() + octets + b"\r\n")
        while True:
            line = self.response()
            self.told.append(line[:120])
            if line.startswith(tag + b" "):
                if line.split(b" ")[1] not in (b"OK", b"NO"):
                    self.wrong(f"{command}: {line}")
                return
            self.hear(command, line)

    def vanish(self, command, line):
        if HOLDS_NUMBERS.match(command):
            self.wrong(f"VANISHED during {command}")
        for part in line.split()[-1].decode().split(","):
            low, _, high = part.partition(":")
            for uid in range(int(low), int(high or low) + 1):
                self.forget(uid, command, line)

    def forget(self, uid, command, line):
        """A UID that was never told is one of those between its neighbours that were not."""
        if uid not in self.uids:
            start = max((n + 1 for n, known in enumerate(self.uids) if known and known < uid), default=0)
            if start >= len(self.uids) or self.uids[start] is not None:
                return self.wrong(f"{line} during {command}: there is no {uid} in {self.uids}")
            self.uids[start] = uid
        self.uids.remove(uid)

    def hear(self, command, line):
        if line.startswith(b"* VANISHED "):
            return self.vanish(command, line)
        data = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
        if not data:
            return
        number, what = int(data[1]), data[2]
        if what == b"EXISTS":
            if number < len(self.uids):
                self.wrong(f"EXISTS went back to {number}")
            self.uids += [None] * (number - len(self.uids))
        elif number > len(self.uids):
            self.wrong(f"{line} beyond {len(self.uids)}")
        elif what == b"EXPUNGE":
            if HOLDS_NUMBERS.match(command):
                self.wrong(f"EXPUNGE during {command}")
            del self.uids[number - 1]
        elif uid := re.search(rb"UID (\d+)", line):
            known = self.uids[number - 1]
            if known not in (None, int(uid[1])):
                self.wrong(f"message {number} was UID {known}, is {int(uid[1])}")
            self.uids[number - 1] = int(uid[1])

    def wrong(self, problem):
        problems.append(f"seed {SEED}, session {self.name}: {problem}\n  " + "\n  ".join(map(str, self.told)))


def some_command(session, chance):
    number = len(session.uids)
    first = chance.randint(1, max(number, 1))
    some = f"{first}:{min(first + chance.randint(0, 5), max(number, 1))}"
    message = b"Subject: x\r\n\r\nhello\r\n" * chance.randint(1, 5)
    store = f"STORE {some} {chance.choice(['+', '-', ''])}FLAGS{chance.choice(['', '.SILENT'])} ({chance.choice(FLAGS)})"
    search = f"SEARCH {chance.choice(['UNSEEN', 'DELETED', 'BODY hello', 'KEYWORD work'])}"
    weighed = [
        (20 if number else 99, "APPEND Crowd", message),
        (15, store, None),
        (10, "EXPUNGE", None),
        (10, f"FETCH {some} (UID FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])", None),
        (5, f"FETCH {some} (UID BODY[TEXT])", None),
        (5, f"COPY {some} Crowd", None),
        (5, f"MOVE {some} Crowd/Gone", None),
        (5, search, None),
        (3, "SORT (REVERSE SIZE ARRIVAL) UTF-8 ALL", None),
        (3, "THREAD REFERENCES UTF-8 UNDELETED", None),
        (3, "SEARCH RETURN (SAVE COUNT) FLAGGED", None),
        (3, "FETCH $ (UID FLAGS)", None),
        (5 if number else 0, f"REPLACE {first} Crowd", message),
        (5, f"UID EXPUNGE {chance.choice([uid for uid in session.uids if uid] or [1])}", None),
        (5, "FETCH 1:* (UID)", None),
        (5, "NOOP", None),
    ]
    _, command, literal = chance.choices(weighed, [weight for weight, *_ in weighed])[0]
    session.do(command, literal)


def crowd(name):
    chance = random.Random(f"{SEED}{name}")
    session = Session(name)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not problems:
        some_command(session, chance)
    session.do("FETCH 1:* (UID)")
    session.do("NOOP")
    return session


def play(name, sessions):
    try:
        sessions.append(crowd(name))
    except Exception as error:
        problems.append(f"seed {SEED}, session {name}: {error!r}")


owner = imap(USER2, PASSWORD2)
ok(owner.create("Crowd"))
ok(owner.create("Crowd/Gone"))
sessions = []
threads = [threading.Thread(target=play, args=(name, sessions)) for name in "abcdefghij"]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not problems, problems[0]
# In the end all of them have been told the same.
for session in sessions:
    session.do("NOOP")
    session.do("FETCH 1:* (UID)")
assert len({tuple(session.uids) for session in sessions}) == 1, [session.uids for session in sessions]
assert sum(session.count for session in sessions) > 100, "hardly anything was done"
ok(owner.delete("Crowd/Gone"))
ok(owner.delete("Crowd"))
