#!/bin/bash
# swaks sends: from outside over plain SMTP, by a user over submission with STARTTLS and AUTH; what must be
# refused is refused.
set -euo pipefail
cd "$SCRATCH"
domain=${USER1#*@}

message() { # FILE FROM TO SUBJECT
    cat > "$1" <<EOF
From: A Sender <$2>
To: <$3>
Subject: $4
Date: Mon, 23 Nov 2026 05:38:01 +0000
Message-ID: <$RANDOM.$RANDOM@outside.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus der Ferne
.
..two dots lead this line
a line with trailing spaces   

$(head -c 30000 /dev/zero | tr '\0' 'x' | fold -w 70)
EOF
    truncate -s -1 "$1" # swaks ends the last line itself
}
refused() { # WHAT, swaks arguments…
    local what=$1; shift
    if swaks "$@" > refused.log 2>&1; then
        cat refused.log; echo "should have been refused: $what"; exit 1
    fi
    grep -Eq '<(\*\*|~\*) *5[0-9][0-9]|did not advertise auth' refused.log || { cat refused.log; echo "not refused for good: $what"; exit 1; }
}

message outside.eml sender@outside.test "$USER1" "from outside"
swaks --server "$SMTP" --helo client.outside.test --from sender@outside.test --to "$USER1" --data @outside.eml

message inside.eml "$USER1" "$USER2" "from a colleague"
swaks --server "$SUBMISSION" --tls --auth PLAIN --auth-user "$USER1" --auth-password "$PASSWORD1" \
    --from "$USER1" --to "$USER2" --data @inside.eml
swaks --server "$SUBMISSION" --tls --auth LOGIN --auth-user "$USER1" --auth-password "$PASSWORD1" \
    --from "$USER1" --to "$USER1" --header "Subject: to myself"

refused "an unknown recipient" --server "$SMTP" --from sender@outside.test --to "nobody.at.all@$domain"
refused "relaying for strangers" --server "$SMTP" --from sender@outside.test --to someone@ext.example
refused "submission without logging on" --server "$SUBMISSION" --from "$USER1" --to "$USER2"
refused "a wrong password" --server "$SUBMISSION" --tls --auth PLAIN --auth-user "$USER1" \
    --auth-password "not $PASSWORD1" --from "$USER1" --to "$USER2"
refused "a password in the clear" --server "$SUBMISSION" --auth PLAIN --auth-user "$USER1" \
    --auth-password "$PASSWORD1" --from "$USER1" --to "$USER2"
