"""Bytes that no client sends, and messages made to hurt: the server answers, in time, and serves the next one."""
import random, socket, time
from mail import *

SECONDS = 3
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
COMMANDS = [
    b"a SELECT INBOX\r\n",
    b"a FETCH 1:* (UID BODY[1.2.HEADER.FIELDS (A B)]<0.5>)\r\n",
    b"a SEARCH OR FROM x (NOT SEEN SINCE 1-Jan-2020)\r\n",
    b'a LIST (SUBSCRIBED) "" ("*" "%") RETURN (STATUS (MESSAGES))\r\n',
    b"a UID STORE 1:5,7 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen x)\r\n",
    b"a UID SEARCH RETURN (MIN ALL) UID 1:*\r\n",
    b"a LOGIN {3}\r\nabc {3}\r\nabc\r\n",
    b"a AUTHENTICATE PLAIN\r\n=\r\n",
    b'a ID ("x" "y")\r\n',
    b"a IDLE\r\nDONE\r\n",
    b"a ENABLE QRESYNC UIDONLY\r\na SELECT INBOX (QRESYNC (1 1 1:9 (1:2 3:4)))\r\n",
    b"a SORT RETURN (PARTIAL -1:-9) (REVERSE SUBJECT DISPLAYTO) UTF-8 TEXT x\r\n",
    b"a UID THREAD REFERENCES UTF-8 ALL\r\n",
    b"a FETCH 1:* (BINARY.SIZE[1.2] BINARY.PEEK[2]<1.9> PREVIEW (LAZY) EMAILID THREADID SAVEDATE)\r\n",
    b'a APPEND Drafts CATENATE (URL "/INBOX;UIDVALIDITY=1/;UID=1/;SECTION=1.MIME/;PARTIAL=1.2" TEXT {2}\r\nab)\r\n',
    b"a UID REPLACE 1 Drafts (\\Seen) ~{3}\r\nabc\r\n",
    b'a SETMETADATA "" (/private/comment {3}\r\nabc /shared/x NIL)\r\na GETMETADATA (DEPTH infinity) "" /private\r\n',
    b"a NOTIFY SET STATUS (subtree (INBOX x) (MessageNew MessageExpunge)) (selected-delayed (MessageNew (UID) MessageExpunge))\r\n",
    b"a UID SEARCH RETURN (UPDATE SAVE COUNT) OR $ EMAILID M1 SAVEDSINCE 1-Jan-2020\r\na CANCELUPDATE \"a\"\r\n",
    b"a COMPRESS DEFLATE\r\n",
]
PIECES = [b"{", b"}", b"(", b")", b'"', b"\\", b"{999999999999}\r\n", b"*", b":", b"4294967295", b"\0", b" ", b"\r", b"\n"]


def twisted(chance):
    command = bytearray(chance.choice(COMMANDS))
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(command) + 1)
        match chance.randrange(4):
            case 0: command[at:at + 1] = bytes([chance.randrange(256)])
            case 1: del command[at:at + chance.randint(1, 4)]
            case 2: command[at:at] = chance.choice(PIECES)
            case 3: command[at:at] = command[at:at + 10] * chance.randint(1, 200)
    return bytes(command)


def twisted_sessions():
    """Whole conversations of twisted commands; each must end when the client has ended it."""
    chance = random.Random(SEED)
    login = f"x LOGIN {USER2} {PASSWORD2}\r\ny EXAMINE INBOX\r\n".encode()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        sent = login if chance.random() < 0.8 else b""
        sent += b"".join(twisted(chance) for _ in range(chance.randint(1, 15)))
        plain = socket.create_connection(address("IMAPS"), timeout=20)
        with tls().wrap_socket(plain) as connection:
            try:
                connection.sendall(sent)
                # Half closed beneath TLS; from here on what is read is not decrypted, only awaited.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
            except TimeoutError:
                raise AssertionError(f"seed {SEED}: no end to {sent!r}")
            except OSError:
                pass


BOMBS = {
    "nested multiparts": "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(20_000)),
    "nested messages": "Content-Type: message/rfc822\r\n\r\n" * 100_000,
    "parts": "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\n" * 500_000,
    "fields": "A: b\r\n" * 1_000_000 + "\r\nx",
    "addresses": "To: " + "a@b.example," * 500_000 + "\r\n\r\nx",
    "parameters": "Content-Type: text/plain" + ";a=b" * 1_000_000 + "\r\n\r\nx",
    "encoded words": "Subject: " + "=?utf-8?q?x" * 100_000 + "\r\n\r\n" + "=?" * 1_000_000,
    "comments": "From: " + "(" * 1_000_000 + "\r\n\r\n",
    "quotes": "To: " + '"\\' * 1_000_000 + "\r\n\r\n",
}


def bombs():
    """Each message is taken, described and searched within seconds, on a busy machine and unoptimised too."""
    connection = imap(USER2, PASSWORD2)
    ok(connection.create("Bombs"))
    for name, message in BOMBS.items():
        ok(connection.append("Bombs", "", None, message.encode()))
        number = ok(connection.select("Bombs"))[0].decode()
        for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[1.MIME]", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"):
            begun = time.monotonic()
            ok(connection.fetch(number, f"({item})"))
            took = time.monotonic() - begun
            assert took < 20, f"{name}: FETCH {item} took {took:.1f} s"
        assert ok(connection.search(None, number, "TEXT", "nowhere"))[0] == b""
    ok(connection.close())
    ok(connection.delete("Bombs"))


twisted_sessions()
bombs()
ok(imap(USER2, PASSWORD2).select("INBOX"))
