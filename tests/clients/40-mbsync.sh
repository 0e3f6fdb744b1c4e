#!/bin/bash
# mbsync (isync) copies the account into a Maildir and back: to the byte, both ways, and then finds nothing to do.
set -euo pipefail
cd "$SCRATCH"
rm -rf sync && mkdir -p sync/mail
cat > sync/rc <<EOF
IMAPAccount rialto
Host localhost
Port ${IMAP##*:}
User $USER1
Pass "$PASSWORD1"
SSLType STARTTLS
CertificateFile $CERTIFICATE
SystemCertificates no
AuthMechs PLAIN

IMAPStore far
Account rialto

MaildirStore near
Path $PWD/sync/mail/
Inbox $PWD/sync/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
EOF
sync_now() { mbsync -c sync/rc all > sync/log 2>&1 || { cat sync/log; exit 1; }; }
count() { find sync/mail/INBOX -type f -path '*/[cn]*/*' | wc -l; }

sync_now
python3 - <<'EOF'
import glob, re, sys
sys.path.insert(0, __import__("os").environ["CLIENTS"])
from mail import *
# mbsync stores with LF and adds a line X-TUID of its own.
files = glob.glob("sync/mail/INBOX/[cn]*/*")
local = sorted(re.sub(rb"(?m)^X-TUID: .*\n", b"", open(f, "rb").read()) for f in files)
far = imap(USER1, PASSWORD1)
ok(far.select("INBOX"))
remote = sorted(fetch(far, n).replace(b"\r\n", b"\n") for n in ok(far.search(None, "ALL"))[0].split())
assert local == remote and local, [(a, b) for a, b in zip(local, remote) if a != b][:1]
EOF
before=$(count)

# A message put into the Maildir goes up; one removed goes away there.
printf 'Subject: from the maildir\nMessage-ID: <up@outside.test>\n\nupwards\n' > sync/mail/INBOX/cur/1.up.host:2,S
sync_now
rm "$(grep -l 'Subject: from the maildir' -r sync/mail/INBOX/cur)"
[ "$(count)" = "$before" ]
sync_now
sync_now
[ "$(count)" = "$before" ]
python3 - <<'EOF'
import sys
sys.path.insert(0, __import__("os").environ["CLIENTS"])
from mail import *
far = imap(USER1, PASSWORD1)
ok(far.select("INBOX"))
assert ok(far.search(None, "SUBJECT", '"from the maildir"'))[0] == b"", "removed near, still there far"
EOF
