#!/bin/bash
# getmail fetches the inbox by IMAP and by POP3 over TLS into a Maildir, each message once and to the byte.
set -euo pipefail
# It will not deliver as root.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
as=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work")
fi
for kind in IMAP POP3; do
    mkdir -p $kind/state $kind/mail/cur $kind/mail/new $kind/mail/tmp
    case $kind in
    IMAP) retriever=SimpleIMAPSSLRetriever port=${IMAPS##*:} ;;
    POP3) retriever=SimplePOP3SSLRetriever port=${POP3S##*:} ;;
    esac
    cat > $kind/rc <<EOF2
[retriever]
type = $retriever
server = 127.0.0.1
port = $port
username = $USER1
password = $PASSWORD1
[destination]
type = Maildir
path = $PWD/$kind/mail/
[options]
read_all = false
delivered_to = false
received = false
EOF2
    chmod 600 $kind/rc
    [ ${#as[@]} = 0 ] || chown -R 65534:65534 "$work"
    for time in first second; do
        timeout 60 "${as[@]}" getmail --getmaildir=$PWD/$kind/state --rcfile=$PWD/$kind/rc > $kind/log-$time 2>&1 || { cat $kind/log-$time; exit 1; }
    done
    grep -q "0 messages (0 bytes) retrieved" $kind/log-second || { cat $kind/log-second; exit 1; }
done
