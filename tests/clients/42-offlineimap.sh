#!/bin/bash
# offlineimap, its traffic compressed, copies the account into a Maildir and takes a change back.
set -euo pipefail
cd "$SCRATCH"
rm -rf offline && mkdir -p offline/state offline/mail && cd offline
cat > rc <<EOF2
[general]
accounts = rialto
metadata = $PWD/state
ui = basic
socktimeout = 60
[Account rialto]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = $PWD/mail
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = ${IMAPS##*:}
remoteuser = $USER1
remotepass = $PASSWORD1
ssl = yes
starttls = no
cert_fingerprint = $(openssl x509 -in "$CERTIFICATE" -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :)
usecompression = yes
idlefolders = []
folderfilter = lambda name: name in ('INBOX', 'Drafts')
EOF2
sync_now() { timeout 120 offlineimap -c rc -o > log 2>&1 || { cat log; exit 1; }; ! grep -E "ERROR|Traceback" log || { cat log; exit 1; }; }

sync_now
python3 - <<'EOF2'
import glob, re, sys
sys.path.insert(0, __import__("os").environ["CLIENTS"])
from mail import *
far = imap(USER1, PASSWORD1)
ok(far.select("INBOX"))
remote = {re.search(rb"(?mi)^Message-ID: *(\S+)", m)[1] for n in ok(far.search(None, "ALL"))[0].split() if re.search(rb"(?mi)^Message-ID: *(\S+)", m := fetch(far, n))}
local = {re.search(rb"(?mi)^Message-ID:\s*(\S+)", m)[1] for f in glob.glob("mail/INBOX/[cn]*/*") if re.search(rb"(?mi)^Message-ID:\s*(\S+)", m := open(f, "rb").read())}
assert remote == local and remote, (remote, local)
assert len(glob.glob("mail/INBOX/[cn]*/*")) == len(ok(far.search(None, "ALL"))[0].split())
EOF2

printf 'Subject: written offline\nMessage-ID: <offline@outside.test>\n\nupwards\n' > mail/Drafts/new/1.offline.host
sync_now
python3 - <<'EOF2'
import sys
sys.path.insert(0, __import__("os").environ["CLIENTS"])
from mail import *
far = imap(USER1, PASSWORD1)
ok(far.select("Drafts"))
(found,) = ok(far.search(None, "SUBJECT", '"written offline"'))[0].split()
ok(far.store(found, "+FLAGS", r"(\Deleted)"))
ok(far.expunge())
EOF2
sync_now
! grep -rl "Subject: written offline" mail/Drafts
