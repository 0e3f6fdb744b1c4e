#!/bin/bash
# fetchmail takes the inbox by POP3 and by IMAP, both with STARTTLS, and leaves it; the second time it finds
# nothing new.
set -euo pipefail
cd "$SCRATCH"
rm -rf fetchmail && mkdir fetchmail && cd fetchmail
print=$(openssl x509 -in "$CERTIFICATE" -noout -fingerprint -md5 | cut -d= -f2)
for protocol in POP3 IMAP; do
    port=${!protocol##*:}
    cat > rc-$protocol <<EOF2
set no bouncemail
poll 127.0.0.1 service $port protocol $protocol
  user "$USER1" password "$PASSWORD1" keep no rewrite
  sslproto "auto" no sslcertck sslfingerprint "$print"
  mda "tee -a $PWD/mail-$protocol > /dev/null"
EOF2
    [ $protocol = POP3 ] && sed -i "s/protocol POP3/& uidl/" rc-$protocol
    chmod 600 rc-$protocol
    touch mail-$protocol
    timeout 60 fetchmail -f rc-$protocol --idfile ids --pidfile pid --nosyslog > log-$protocol 2>&1 || { cat log-$protocol; exit 1; }
    grep -q "to myself" mail-$protocol || { cat log-$protocol; exit 1; }
    # 1: nothing new.
    code=0
    timeout 60 fetchmail -f rc-$protocol --idfile ids --pidfile pid --nosyslog > log-$protocol 2>&1 || code=$?
    [ $code = 1 ] || { echo "the second time: $code"; cat log-$protocol; exit 1; }
done
