"""Python's poplib: the same messages by POP3 with STLS."""
import poplib
from mail import *

poplib._MAXLINE = 1_000_000
box = poplib.POP3(*address("POP3"))
box.stls(tls())
box.user(USER1)
box.pass_(PASSWORD1)
count, size = box.stat()
assert count >= 2 and size > 30_000, (count, size)
lines = [box.retr(n + 1)[1] for n in range(count)]
messages = [b"\r\n".join(m) + b"\r\n" for m in lines]
assert any(m.endswith(sent("outside.eml")) for m in messages), "the message from outside was changed"
uids = {line.split()[1] for line in box.uidl()[1]}
assert len(uids) == count
assert len(box.top(1, 0)[1]) < len(lines[0])
box.dele(1)
box.rset()
box.quit()
