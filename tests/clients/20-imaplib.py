"""Python's imaplib: what swaks sent is there to the byte; folders, flags, APPEND, COPY, SEARCH, EXPUNGE."""
import time
from mail import *

first, second = imap(USER1, PASSWORD1), imap(USER2, PASSWORD2, implicit=True)


def wait_for(connection, subject):
    for _ in range(100):
        ok(connection.select("INBOX"))
        found = ok(connection.search(None, "SUBJECT", f'"{subject}"'))[0].split()
        if found:
            assert len(found) == 1, found
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"{subject!r} did not arrive")


def body(message):
    return message.split(b"\r\n\r\n", 1)[1]


# What came by SMTP is what was sent, below the header lines that the way adds on top.
outside = fetch(first, wait_for(first, "from outside"))
assert outside.endswith(sent("outside.eml")), "the message from outside was changed"
assert outside.startswith((b"Received: ", b"Return-Path: ")), outside[:80]
inside = fetch(second, wait_for(second, "from a colleague"))
assert body(inside) == body(sent("inside.eml")), "the message from inside was changed"
wait_for(first, "to myself")

# What is appended comes back to the byte.
raw = b"Subject: appended\r\nX: " + b"y" * 500 + b"\r\n\r\n\x80\xff binary \t\r\n.\r\nno line end"
ok(first.append("INBOX", r"(\Flagged $Label)", imaplib.Time2Internaldate(1_700_000_000), raw))
number = wait_for(first, "appended")
assert fetch(first, number) == raw, "APPEND changed the message"
data = ok(first.fetch(number, "(FLAGS INTERNALDATE RFC822.SIZE)"))[0]
assert br"\Flagged" in data and b"$Label" in data and f"RFC822.SIZE {len(raw)}".encode() in data, data
assert imaplib.Internaldate2tuple(data) == time.localtime(1_700_000_000), data

# Reading marks as read; folders, copies, flags and expunging do what they say.
fetch(first, number, "BODY[]")
assert br"\Seen" in ok(first.fetch(number, "(FLAGS)"))[0]
ok(first.create("Projects"))
ok(first.create("Projects/Rialto"))
ok(first.subscribe("Projects"))
assert any(b"Projects" in line for line in ok(first.list()))
ok(first.copy(number, "Projects"))
ok(first.store(number, "+FLAGS", r"(\Deleted)"))
before = len(ok(first.search(None, "ALL"))[0].split())
ok(first.expunge())
assert len(ok(first.search(None, "ALL"))[0].split()) == before - 1
assert ok(first.select("Projects"))[0] == b"1"
assert fetch(first, "1") == raw, "COPY changed the message"
assert ok(first.search(None, "FLAGGED"))[0] == b"1"
assert ok(first.search(None, "UNSEEN"))[0] == b""
assert ok(first.search(None, "BODY", '"binary"'))[0] == b"1"

# What must not work.
for user, password in ((USER1, PASSWORD1 + "x"), ("nobody@rialto.test", PASSWORD1)):
    try:
        imap(user, password)
        raise SystemExit("a wrong password was accepted")
    except imaplib.IMAP4.error:
        pass
plain = imaplib.IMAP4(*address("IMAP"))
assert "LOGINDISABLED" in plain.capabilities, plain.capabilities
try:
    plain.login(USER1, PASSWORD1)
    raise SystemExit("a password in the clear was accepted")
except imaplib.IMAP4.error:
    pass
for connection in (first, second):
    connection.logout()
