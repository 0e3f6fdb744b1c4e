"""A mail program that comes to a server of several, over IMAP and TLS.

    client.py use PORT USER PASSWORD SUBJECT   logs on (trying again for a minute, as programs do), appends a message,
                                               reads it back, and prints the subjects in the inbox
    client.py wait PORT USER PASSWORD          logs on, idles in the inbox, says "idling", and prints what it is told
                                               until the server says goodbye
    client.py list PORT USER PASSWORD          logs on (trying again) and prints the subjects in the inbox, one a line
    client.py do PORT USER PASSWORD            for each line "append SUBJECT" or "count" it reads, says "ok COUNT" or
                                               "no REASON"; it tries once, on the connection that it has
    client.py fill PORT USER PASSWORD COUNT SIZE   appends messages of so many bytes until so many are in the inbox
    client.py show PORT USER PASSWORD          prints UIDVALIDITY, and UID, flags, hash and subject of all in the inbox
"""
import hashlib
import imaplib
import random
import socket
import ssl
import sys
import time

TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


def connect(port, user, password, timeout=60):
    client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=TLS, timeout=timeout)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.login(user, password)
    return client


def log_on(port, user, password):
    """As programs do: what may pass is tried again."""
    until = time.monotonic() + 60
    while True:
        try:
            return connect(port, user, password)
        except (OSError, imaplib.IMAP4.error) as error:
            if "AUTHENTICATIONFAILED" in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.1)


def use(port, user, password, subject):
    client = log_on(port, user, password)
    message = f"Subject: {subject}\r\n\r\nto the byte\r\n".encode()
    client.append("INBOX", None, None, message)
    _, counts = client.select("INBOX")
    _, data = client.fetch(counts[-1], "(BODY.PEEK[])")
    assert data[0][1] == message, data
    print(",".join(subjects(client)))
    client.logout()


def subjects(client):
    _, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return [part[1].decode().strip().removeprefix("Subject: ") for part in data if isinstance(part, tuple)]


def list_subjects(port, user, password):
    client = log_on(port, user, password)
    # Mail that comes at this moment makes the server say twice how many there are.
    count = int(client.select("INBOX")[1][-1])
    found = subjects(client) if count else []
    assert len(found) >= count, (count, len(found))
    print("\n".join(found))


def do(port, user, password):
    client = None
    for line in sys.stdin:
        verb, _, subject = line.strip().partition(" ")
        try:
            client = client or connect(port, user, password, 15)
            if verb == "append":
                answer, _ = client.append("INBOX", None, None, f"Subject: {subject}\r\n\r\n".encode())
            count = client.select("INBOX") if verb == "count" else (answer, [b"0"])
            if count[0] != "OK":
                raise OSError(str(count))
            print("ok", count[1][-1].decode(), flush=True)
        except (OSError, imaplib.IMAP4.error) as error:
            client = None
            print("no", str(error).replace("\n", " "), flush=True)


def wait(port, user, password):
    client = log_on(port, user, password)
    client.select("INBOX")
    client.send(b"w IDLE\r\n")
    while line := client.readline():
        print("idling" if line.startswith(b"+") else line.decode().strip(), flush=True)


def fill(port, user, password, count, size):
    noise = random.Random(7)
    bodies = [noise.randbytes(int(size) // 2).hex() for _ in range(int(count))]
    there = 0
    while there < len(bodies):
        try:
            client = log_on(port, user, password)
            # Nobody else writes: what was appended without an answer is counted.
            there = int(client.select("INBOX")[1][0])
            for n, body in list(enumerate(bodies))[there:]:
                message = f"Subject: n{n}\r\n\r\n{body}\r\n".encode()
                answer, why = client.append("INBOX", r"\Seen" if n % 3 else None, None, message)
                if answer != "OK":
                    raise OSError(str(why))
                there = n + 1
            client.logout()
        except (OSError, imaplib.IMAP4.error) as error:
            print("again:", error, file=sys.stderr)
            time.sleep(0.2)


def show(port, user, password):
    client = log_on(port, user, password)
    client.select("INBOX", readonly=True)
    print(client.response("UIDVALIDITY")[1])
    _, data = client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
    for part in data:
        if isinstance(part, tuple):
            head = part[0].decode().split(" BODY")[0].replace("\\Recent", "")
            print(head, hashlib.sha256(part[1]).hexdigest()[:16], part[1].split(b"\r\n")[0].decode())
    client.logout()


VERBS = {"use": use, "wait": wait, "list": list_subjects, "do": do, "fill": fill, "show": show}
VERBS[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
