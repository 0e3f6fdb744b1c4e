#!/bin/sh
# Runs the fuzz targets (all, or those named) for SECONDS each (30), on the stable compiler, from the golden
# sessions as first inputs. Needs cargo-fuzz and a C++ compiler.
set -eu
cd "$(dirname "$0")"
seconds=${SECONDS_EACH:-30}
targets=${*:-"clixml imap lexer mime parser pop3 record script smtp"}

# seed TARGET FOLDER PREFIX: each line with this prefix of the sessions in a folder is an input.
seed() {
    mkdir -p "corpus/$1"
    cat "$2"/*.txt | sed -n "s/^$3 //p" | awk -v to="corpus/$1/seed-" '{ f = to NR; print > f; close(f) }'
}

for target in $targets; do
    mkdir -p "corpus/$target"
    case $target in
    lexer | parser | script) seed "$target" ../crates/powershell/tests/sessions 'PS>' ;;
    smtp | imap | pop3) seed "$target" "../tests/sessions/$target" 'C:' ;;
    mime) seed mime ../tests/sessions/imap '[CS]:' ;;
    clixml) grep -ho '<Objs.*</Objs>' ../crates/powershell/tests/sessions/*.txt |
        awk '{ f = "corpus/clixml/seed-" NR; print > f; close(f) }' ;;
    esac
    echo "== $target"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1
done
