#!/bin/sh
# Counts once, however often it has to ask: increment.sh URL KEY [N]
#
# One Idempotency-Key is drawn for the increment and sent with every attempt. Lost connections, 409 (the first attempt is
# still running), 429 and 5xx are tried again for a minute, after what Retry-After says or a pause that grows.
set -eu
url=$1 key=$2 value=${3:-1}
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
deadline=$(($(date +%s) + 60))
pause=1

while :; do
    status=$(curl -sS --max-time 5 -i -o "$answer" -w '%{http_code}' -H "Idempotency-Key: $token" \
        --data-urlencode "key=$key" --data-urlencode "value=$value" "$url/increment") || status=000
    case $status in
    2??) break ;;
    000 | 409 | 429 | 5??) ;;
    *) echo "increment: refused: $(tail -n 1 "$answer")" >&2; exit 1 ;;
    esac
    after=
    [ "$status" = 000 ] || after=$(tr -d '\r' <"$answer" | sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9][0-9]*\)$/\1/p')
    [ "$(date +%s)" -lt "$deadline" ] || { echo "increment: given up, status $status: counted once or not at all" >&2; exit 1; }
    echo "increment: status $status, again in ${after:-$pause} s" >&2
    sleep "${after:-$pause}"
    [ "$pause" -ge 8 ] || pause=$((pause * 2))
done
tail -n 1 "$answer"
