#!/usr/bin/env bash
# Counts the instructions of the server for each request, with callgrind, and prints the table for docs/performance.md. The figures
# do not depend on what else the machine does, so that a regression shows without a clock.
#
# Needs valgrind, curl and jq. Takes an executable; without one, builds it. One connection, so a commit for each request.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly requests=200
readonly port=${CHAVEIRO_BENCH_PORT:-18321}
readonly base=http://127.0.0.1:$port
directory=$(mktemp --directory)
server=0
stop() {
    if [[ $server != 0 ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$directory"
}
trap stop EXIT

executable=${1:-}
if [[ -z $executable ]]; then
    cargo build --release --locked
    executable=target/release/chaveiro
fi
vault=("$executable" --data-dir "$directory/data")

"${vault[@]}" database migrate >/dev/null
"${vault[@]}" application create --name bench >/dev/null
client=$("${vault[@]}" authorization create --application bench --resource pam-core --access read-write --json)
id=$(jq --raw-output .client_id <<<"$client")
secret=$(jq --raw-output .client_secret <<<"$client")

# Valgrind shows each machine the same processor.
valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$directory/counts" \
    "${vault[@]}" serve --listen "127.0.0.1:$port" >"$directory/log" 2>&1 &
server=$!
curl --silent --output /dev/null --retry 60 --retry-delay 1 --retry-connrefused "$base/health/ready"

form="grant_type=client_credentials&client_id=$id&client_secret=$secret"
token=$(curl --silent --fail --data "$form" "$base/iso/oauth2/token" | jq --raw-output .access_token)
readonly authorization="authorization: Bearer $token" json="content-type: application/json"

filled() {
    local text=${1//NUMBER/$2}
    printf '%s' "${text//ROUND/$round}"
}

# Writes the configuration of curl for one request after the other over one connection.
each() {
    local method=$1 path=$2 body=$3 number
    for ((number = 0; number < requests; number++)); do
        ((number == 0)) || echo next
        printf 'silent\nfail\noutput = "/dev/null"\nrequest = "%s"\nheader = "%s"\nheader = "%s"\n' \
            "$method" "$authorization" "${4:-$json}"
        printf 'url = "%s"\n' "$base${path//NUMBER/$number}"
        [[ -z $body ]] || printf 'data = "%s"\n' "$(filled "$body" "$number")"
    done
}

round=0
send() {
    round=$((round + 1))
    each "$@" >"$directory/requests"
    curl --config "$directory/requests"
}

credential='{\"hostname\":\"bench\",\"ip\":\"10.0.0.1\",\"username\":\"user-NUMBER\",\"identifier\":\"bench-NUMBER\",\"content\":\"ROUND-NUMBER\"}'
device='{"hostname":"bench","ip":"10.0.0.1","type":"Server","vendor":"Debian","model":"12","site":"Lisbon"}'
curl --silent --fail --output /dev/null --header "$authorization" --header "$json" --data "$device" "$base/iso/pam/device"
send POST /iso/pam/credential "$credential"

control() {
    callgrind_control "$@" "$server" >/dev/null 2>&1
}

# Prints a row of the table. Everything was done once before, so that custodies, caches and prepared statements are there.
count() {
    local name=$1
    shift
    send "$@"
    control --instr=on
    control --zero
    send "$@"
    control --dump="$name"
    control --instr=off
    local dump total
    dump=$(grep --files-with-matches "^desc: Trigger: .*$name" "$directory"/counts* | head -n 1)
    total=$(awk '/^(summary|totals):/ { print $2; exit }' "$dump")
    printf '| %s | %d |\n' "$name" "$((total / requests / 1000))"
}

printf '| | instructions, in thousands |\n| --- | --- |\n'
count "credential read" GET /iso/pam/credential/bench-NUMBER ""
count "device read" GET /iso/pam/device/bench ""
count "credential update" POST /iso/pam/credential "$credential"
count "token" POST /iso/oauth2/token "$form" "content-type: application/x-www-form-urlencoded"
count "page of 100 credentials" GET "/iso/pam/credential?limit=100" ""
