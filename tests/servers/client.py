"""A mail program that comes to a server of several, over IMAP and TLS.

    client.py use PORT USER PASSWORD SUBJECT   logs on (trying again for a minute, as programs do), appends a message,
                                               reads it back, and prints the subjects in the inbox
    client.py wait PORT USER PASSWORD          logs on, idles in the inbox, says "idling", and prints what it is told
                                               until the server says goodbye
    client.py fill PORT USER PASSWORD COUNT SIZE   appends so many messages of so many bytes
    client.py list PORT USER PASSWORD          prints UIDVALIDITY, and UID, flags, hash and subject of all in the inbox
"""
import hashlib
import imaplib
import random
import ssl
import sys
import time

TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


def log_on(port, user, password):
    """As programs do: what may pass is tried again."""
    until = time.monotonic() + 60
    while True:
        try:
            client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=TLS, timeout=60)
            client.login(user, password)
            return client
        except (OSError, imaplib.IMAP4.error) as error:
            if "AUTHENTICATIONFAILED" in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.1)


def use(port, user, password, subject):
    client = log_on(port, user, password)
    message = f"Subject: {subject}\r\n\r\nto the byte\r\n".encode()
    client.append("INBOX", None, None, message)
    _, (count,) = client.select("INBOX")
    _, data = client.fetch(count, "(BODY.PEEK[])")
    assert data[0][1] == message, data
    _, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    subjects = [part[1].decode().strip().removeprefix("Subject: ") for part in data if isinstance(part, tuple)]
    print(",".join(subjects))
    client.logout()


def wait(port, user, password):
    client = log_on(port, user, password)
    client.select("INBOX")
    client.send(b"w IDLE\r\n")
    while line := client.readline():
        print("idling" if line.startswith(b"+") else line.decode().strip(), flush=True)


def fill(port, user, password, count, size):
    client = log_on(port, user, password)
    noise = random.Random(7)
    for n in range(int(count)):
        body = noise.randbytes(int(size) // 2).hex()
        client.append("INBOX", r"\Seen" if n % 3 else None, None, f"Subject: n{n}\r\n\r\n{body}\r\n".encode())
    client.logout()


def list_all(port, user, password):
    client = log_on(port, user, password)
    client.select("INBOX", readonly=True)
    print(client.response("UIDVALIDITY")[1])
    _, data = client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
    for part in data:
        if isinstance(part, tuple):
            head = part[0].decode().split(" BODY")[0].replace("\\Recent", "")
            print(head, hashlib.sha256(part[1]).hexdigest()[:16], part[1].split(b"\r\n")[0].decode())
    client.logout()


{"use": use, "wait": wait, "fill": fill, "list": list_all}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
