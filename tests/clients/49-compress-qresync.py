"""Compression, and a client that resynchronises: what it holds is what the server has, however it got there."""
import imaplib, os, random, re, zlib
from mail import *

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))


class Compressed:
    """The socket and file of an imaplib connection, compressed."""

    def __init__(self, connection):
        self.socket, self.file = connection.sock, connection.file
        self.deflate, self.inflate = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
        self.buffer = b""

    def sendall(self, data):
        self.socket.sendall(self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    send = sendall

    def fill(self):
        data = self.file.read1(1 << 16)
        assert data, "the server closed the connection"
        self.buffer += self.inflate.decompress(data)

    def read(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def readline(self, limit=-1):
        while b"\n" not in self.buffer:
            self.fill()
        return self.read(self.buffer.index(b"\n") + 1)

    def __getattr__(self, name):
        return getattr(self.socket, name)


def compressed():
    connection = imap(USER1, PASSWORD1, implicit=True)
    imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")
    ok(connection._simple_command("COMPRESS", "DEFLATE"))
    wrapped = Compressed(connection)
    connection.sock, connection.file, connection._file = wrapped, wrapped, wrapped
    return connection


far = compressed()
big = b"Subject: big\r\n\r\n" + b"compress me, please. " * 100_000 + bytes(random.Random(SEED).randbytes(200_000)).replace(b"\0", b"\1")
ok(far.create("Compressed"))
ok(far.append("Compressed", "", None, big))
ok(far.select("Compressed"))
got = fetch(far, "1")
assert re.sub(rb"\r?\n", b"\r\n", got) == re.sub(rb"\r?\n", b"\r\n", re.sub(rb"(?<!\r)\n|\r(?!\n)", b"\r\n", big)), "changed on the way"
status, data = far._simple_command("COMPRESS", "DEFLATE")
assert status == "NO" and b"COMPRESSIONACTIVE" in data[0], (status, data)
ok(far.close())
ok(far.delete("Compressed"))
far.logout()

# One client changes a folder at random; another comes and goes, and keeps up by QRESYNC alone.
chance = random.Random(SEED)
writer, reader = imap(USER1, PASSWORD1), imap(USER1, PASSWORD1)
ok(writer.create("Resync"))
ok(writer.select("Resync"))
ok(reader.enable("QRESYNC"))
known, validity, modseq = {}, None, None
for turn in range(12):
    for _ in range(chance.randint(0, 12)):
        uids = ok(writer.uid("SEARCH", "ALL"))[0].split()
        uid = chance.choice(uids).decode() if uids else "1"
        match chance.randrange(4):
            case 0 | 1: ok(writer.append("Resync", "", None, b"Subject: x\r\n\r\nx"))
            case 2: ok(writer.uid("STORE", uid, chance.choice(["+FLAGS", "-FLAGS", "FLAGS"]), chance.choice([r"(\Seen)", r"(\Flagged $A)"])))
            case 3:
                ok(writer.uid("STORE", uid, "+FLAGS", r"(\Deleted)"))
                ok(writer.expunge())
    if validity:
        status, data = reader._simple_command("SELECT", "Resync", f"(QRESYNC ({validity} {modseq}))")
        assert status == "OK", data
        reader.state = "SELECTED"
    else:
        ok(reader.select("Resync"))
        reader._simple_command("FETCH", "1:*", "(UID FLAGS)")
    untagged, reader.untagged_responses = reader.untagged_responses, {}
    validity, modseq = untagged["UIDVALIDITY"][-1].decode(), untagged["HIGHESTMODSEQ"][-1].decode()
    for line in untagged.get("VANISHED", []):
        for part in line.split()[-1].decode().split(","):
            low, _, high = part.partition(":")
            for uid in range(int(low), int(high or low) + 1):
                known.pop(uid, None)
    for line in untagged.get("FETCH", []):
        if data := re.search(rb"UID (\d+) FLAGS \(([^)]*)\)", line or b""):
            known[int(data[1])] = set(data[2].split())
    truth = {}
    if ok(writer.uid("SEARCH", "ALL"))[0]:
        for line in ok(writer.uid("FETCH", "1:*", "(FLAGS)")):
            data = re.search(rb"UID (\d+) FLAGS \(([^)]*)\)", line)
            truth[int(data[1])] = set(data[2].split())
    assert known == truth, (SEED, turn, known, truth)
    ok(reader.unselect())
ok(writer.close())
ok(writer.delete("Resync"))
