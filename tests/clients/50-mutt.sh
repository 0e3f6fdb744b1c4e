#!/bin/bash
# mutt submits a message with an attachment, and reads it back by IMAP into a local mailbox.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$SCRATCH"
rm -rf mutt && mkdir mutt && cd mutt
user=${USER2//@/%40}
cat > rc <<EOF
set from="$USER2" realname="A Mutt" use_envelope_from
set smtp_url="smtp://$user@$SUBMISSION/" smtp_pass="$PASSWORD2" smtp_authenticators="plain"
set imap_user="$USER2" imap_pass="$PASSWORD2" imap_authenticators="plain:login"
set ssl_force_tls ssl_starttls ssl_verify_host=no certificate_file="$CERTIFICATE"
set send_charset="utf-8" copy=no mbox_type=mbox confirmappend=no delete=yes wait_key=no header_cache="" timeout=5
EOF
head -c 100000 /dev/urandom > attachment.bin
echo "The body, by mutt: grüße" | mutt -F rc -s "mutt sends ünicode" -a attachment.bin -- "$USER2"

for try in $(seq 40); do
    rm -f saved
    # Tag what fits, copy it to a file, leave. mutt wants a terminal: script gives it one.
    TERM=xterm timeout 60 script -qec "mutt -F rc -f imap://$user@$IMAP/INBOX \
        -e 'push \"<tag-pattern>~s mutt.sends<enter><tag-prefix-cond><copy-message>=saved<enter><end-cond><exit>\"' \
        -e 'set folder=$PWD confirmcreate=no'" /dev/null > screen.log 2>&1 < /dev/null || true
    [ -s saved ] && break
    sleep 0.25
done
[ -s saved ] || { tail -c 2000 screen.log; echo "mutt read nothing"; exit 1; }
python3 - <<'EOF'
import mailbox
(message,) = mailbox.mbox("saved")
text, attachment = message.get_payload()
assert attachment.get_payload(decode=True) == open("attachment.bin", "rb").read(), "the attachment was changed"
assert "grüße" in text.get_payload(decode=True).decode(), text
EOF
