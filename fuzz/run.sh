#!/bin/sh
# Runs the fuzz targets (all, or those named) for SECONDS each (30), on the stable compiler, from the golden
# sessions as first inputs. Needs cargo-fuzz and a C++ compiler.
set -eu
cd "$(dirname "$0")"
seconds=${SECONDS_EACH:-30}
targets=${*:-"clixml envelope fragment imap lexer link mime parser pop3 record script smtp ticket xpress"}

# seed TARGET FOLDER PREFIX: each line with this prefix of the sessions in a folder is an input.
seed() {
    mkdir -p "corpus/$1"
    cat "$2"/*.txt | sed -n "s/^$3 //p" | awk -v to="corpus/$1/seed-" '{ f = to NR; print > f; close(f) }'
}

# message NUMBER TEXT: a message for the server of a type (the bytes of its number, escaped) that holds this CLIXML,
# in one fragment, behind the byte that says how the stream is cut.
message() {
    length=$((40 + ${#2}))
    printf '\377%b\1%b\3\0\0%b%b' "$(zeros 7)" "$(zeros 8)" "$(octal $((length / 256)))" "$(octal $((length % 256)))"
    printf '\2\0\0\0%b%b%s' "$1" "$(zeros 32)" "$2"
}
octal() { printf '\\0%03o' "$1"; }
zeros() { printf '\\0000%.0s' $(seq "$1"); }

# Session capability, and a pipeline of one cmdlet.
fragments() {
    message '\002\000\001\000' '<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version><Version N="PSVersion">2.0</Version><Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>' >corpus/fragment/seed-1
    message '\006\020\002\000' '<Obj RefId="0"><MS><B N="NoInput">true</B><Obj N="PowerShell" RefId="1"><MS><B N="IsNested">false</B><Obj N="Cmds" RefId="2"><LST><Obj RefId="3"><MS><S N="Cmd">Get-Mailbox</S><B N="IsScript">false</B><Obj N="Args" RefId="4"><LST><Obj RefId="5"><MS><S N="N">Identity</S><S N="V">nuno</S></MS></Obj></LST></Obj></MS></Obj></LST></Obj></MS></Obj></MS></Obj>' >corpus/fragment/seed-2
}

# "abc" a hundred times, from MS-XCA section 3.2: a table of code lengths, and three literals and a match.
compressed() {
    printf '\053\001\006\001%b\060\043%b\002%b\040%b\250\334\0\0\377\046\001' \
        "$(zeros 48)" "$(zeros 78)" "$(zeros 14)" "$(zeros 112)" >corpus/xpress/seed-1
}

# An offer of Kerberos and NTLM as Windows makes it, a keytab's and an encrypted body's beginning.
tickets() {
    printf '\0\140\60\6\6\53\6\1\5\5\2\240\46\60\44\240\31\60\27\6\11\52\206\110\206\367\22\1\2\2\6\12\53\6\1\4\1\202\67\2\2\12\242\7\4\5token' \
        >corpus/ticket/seed-1
    printf '\4\5\2\0\0\0\61\0\1\0\1R\0\4HTTP\0\0\0\1\0\0\0\0\3\0\21\0\20%b' "$(zeros 16)" >corpus/ticket/seed-2
    printf '\5--Encrypted Boundary\r\n\tOriginalContent: type=application/soap+xml;Length=4\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\2\0\0\0abdata--Encrypted Boundary--\r\n' \
        >corpus/ticket/seed-3
}

for target in $targets; do
    mkdir -p "corpus/$target"
    case $target in
    lexer | parser | script) seed "$target" ../crates/powershell/tests/sessions 'PS>' ;;
    smtp | imap | pop3) seed "$target" "../tests/sessions/$target" 'C:' ;;
    mime) seed mime ../tests/sessions/imap '[CS]:' ;;
    fragment) fragments ;;
    xpress) compressed ;;
    ticket) tickets ;;
    envelope) seed envelope ../tests/sessions/http 'b>' ;;
    clixml) grep -ho '<Objs.*</Objs>' ../crates/powershell/tests/sessions/*.txt |
        awk '{ f = "corpus/clixml/seed-" NR; print > f; close(f) }' ;;
    esac
    echo "== $target"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1
done
