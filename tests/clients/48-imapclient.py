"""IMAPClient: what its users call, over the extensions it knows: CONDSTORE, SORT, THREAD, QUOTA, ACL, MOVE, IDLE."""
import os, sys
from mail import *

try:
    import imapclient
except ImportError:
    assert "CI" not in os.environ, "IMAPClient is missing: .ci/run installs it"
    print("skipped: no IMAPClient; tests/clients/install brings it")
    sys.exit()

host, port = address("IMAPS")


def client():
    connection = imapclient.IMAPClient(host, port, ssl=True, ssl_context=tls(), timeout=30)
    connection.login(USER1, PASSWORD1)
    return connection


first, second = client(), client()
for capability in ("IMAP4REV1", "IMAP4REV2", "QRESYNC", "SORT", "THREAD=REFERENCES", "QUOTA", "ACL", "COMPRESS=DEFLATE"):
    assert first.has_capability(capability), capability
first.id_({"name": "golden"})
assert first.namespace().personal == (("", "/"),)
first.create_folder("Größe/Maß & Ziel")
assert "Größe/Maß & Ziel" in [name for _, _, name in first.list_folders()]
assert first.find_special_folder(rb"\Sent") == "Sent Items"

folder = "Größe/Maß & Ziel"
raw = "Message-ID: <{0}@x>\r\nReferences: {1}\r\nFrom: {2}@x\r\nSubject: {3}\r\nDate: {4} Jan 2024 00:00:00 +0000\r\n\r\nbody {0}\r\n"
for n, refs, sender, subject in ((1, "", "zoe", "plan"), (2, "<1@x>", "amy", "Re: plan"), (3, "", "bob", "other")):
    first.append(folder, raw.format(n, refs, sender, subject, 4 - n).encode(), flags=[r"\Seen"] if n == 2 else [])
selected = first.select_folder(folder)
assert selected[b"EXISTS"] == 3 and selected[b"READ-WRITE"]
assert first.sort("FROM") == [2, 3, 1] and first.sort("REVERSE DATE", "ALL") == [1, 2, 3], first.sort("FROM")
assert first.thread("REFERENCES") == ((3,), (1, 2)), first.thread("REFERENCES")
assert first.search(["UNSEEN"]) == [1, 3]
assert first.search(["SUBJECT", "größe"], "UTF-8") == []
envelope = first.fetch([1], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE"])[1]
assert envelope[b"ENVELOPE"].subject == b"plan" and envelope[b"BODYSTRUCTURE"][0] == b"text"

# Modification sequences.
before = first.folder_status(folder, ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"]
first.add_flags([1], [imapclient.FLAGGED, "$Label1"])
assert list(first.fetch("1:*", ["FLAGS"], modifiers=[f"CHANGEDSINCE {before}"])) == [1]

# Two sessions on one folder: the second hears of it in IDLE.
second.select_folder(folder)
second.idle()
first.delete_messages([3])
first.expunge([3])
heard = []
for _ in range(50):
    heard += second.idle_check(timeout=0.2)
    if (3, b"EXPUNGE") in heard:
        break
second.idle_done()
assert (3, b"EXPUNGE") in heard, heard

first.move([2], "Archive")
assert first.search() == [1]
assert first.getacl(folder)[0][1].startswith(b"lrswip"), first.getacl(folder)
root, quotas = first.get_quota_root("INBOX")
assert root.quota_roots == [""] and all(quota.resource == "STORAGE" for quota in quotas), (root, quotas)
first.copy([1], "INBOX")
first.close_folder()
first.select_folder("INBOX")
first.delete_messages(first.search(["HEADER", "Message-ID", "<1@x>"]))
first.expunge()
for name in (folder, "Größe"):
    first.delete_folder(name)
first.logout()
second.logout()
