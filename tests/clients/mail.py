"""What the Python clients share: the environment, logging on, and the one message everybody sends."""
import imaplib, os, ssl, sys

imaplib._MAXLINE = 10_000_000


def address(name):
    host, port = os.environ[name].rsplit(":", 1)
    return host, int(port)


def tls():
    """Trusts the server's certificate and nothing else; quickstart signs it itself."""
    context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
    context.check_hostname = False
    return context


USER1, PASSWORD1 = os.environ["USER1"], os.environ["PASSWORD1"]
USER2, PASSWORD2 = os.environ["USER2"], os.environ["PASSWORD2"]
SCRATCH = os.environ["SCRATCH"]


def imap(user, password, implicit=False):
    if implicit:
        connection = imaplib.IMAP4_SSL(*address("IMAPS"), ssl_context=tls())
    else:
        connection = imaplib.IMAP4(*address("IMAP"))
        connection.starttls(tls())
    connection.login(user, password)
    return connection


def ok(answer):
    """The data of an answer that must be OK."""
    status, data = answer
    assert status == "OK", (status, data)
    return data


def fetch(connection, number, item="BODY.PEEK[]"):
    data = ok(connection.fetch(number, f"({item})"))
    return next(part[1] for part in data if isinstance(part, tuple))


def sent(name):
    """A message as 10-swaks sent it: CRLF line ends, the last line too."""
    return open(os.path.join(SCRATCH, name), "rb").read().replace(b"\n", b"\r\n") + b"\r\n"
