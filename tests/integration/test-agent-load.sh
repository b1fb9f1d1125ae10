#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# 64 clients and 10,000 requests while a job runs and another client watches it: no error, and the agent's memory,
# threads and descriptors are afterwards what they were.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
export CE_WORKER=$BUILD/tests/fake-worker
must truncate -s 10M "$TMP/one.img" "$TMP/two.img"
must agent_start --disk "one=$TMP/one.img" --disk "two=$TMP/two.img"

body='{"outputStorageLocation":{"location":"smb://h/s","user":"u","password":"p"},"outputImageFilename":"NAME","disk":"DISK","tags":{"fake":"copy","ms":MS}}'
start_job() { # NAME DISK MS
	local b=${body/NAME/$1}
	b=${b/DISK/$2}
	api POST '/v1/images/$export' --data-binary "${b/MS/$3}"
	ID=$(field .id)
}
start_job short two 1
wait_job "$ID"
DONE=$ID
start_job long one 5000
LONG=$ID
agent_curl --max-time 300 -N "$AGENT_URL/v1/jobs/$LONG/events" >"$TMP/events" &
WATCH=$!

sed "s/DONE/$DONE/; s/LONG/$LONG/" >"$TMP/paths" <<-'END'
	200 GET /v1/status
	200 GET /v1/jobs/LONG
	200 GET /v1/jobs/DONE
	200 GET /v1/jobs/DONE/log
	200 GET /v1/jobs?pageSize=10
	200 GET /metrics
	200 GET /v1/disks?inspect=false
	404 GET /v1/nothing
	405 DELETE /v1/jobs
	400 POST /v1/images/$export {"disk":"one"}
	409 POST /v1/images/$export {"outputStorageLocation":{"location":"smb://h/s","user":"u","password":"p"},"outputImageFilename":"x","disk":"one"}
	409 POST /v1/jobs/DONE/$cancel
END
load() { # NAME REQUESTS PER-CONNECTION
	run_ok "$1: no error" "$BUILD/tests/integration/load-client" "$AGENT_URL" "$AGENT_DIR/pki" 64 "$2" "$3" \
		<"$TMP/paths"
	diag "$1: $(run_out)"
}
heap() { api GET /metrics && sed -n 's/^ce_agent_heap_bytes //p' <<<"$api_body"; }
rss_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$AGENT_PID/status"; }
threads() { sed -n 's/^Threads:[^0-9]*//p' "/proc/$AGENT_PID/status"; }
descriptors() { find "/proc/$AGENT_PID/fd" 2>/dev/null | wc -l; }
settled() { [ "$(threads)" -le "$1" ] && [ "$(descriptors)" -le "$2" ]; }

wait_for 60 grep -q 'event: step' "$TMP/events"
threads_before=$(threads)
descriptors_before=$(descriptors)
load "warming up" 2000 1000
load "warming up, a connection for each" 500 1
wait_for 60 settled "$threads_before" "$descriptors_before"
heap_before=$(heap)
before=$(rss_kib)
load "10,000 requests, connections kept" 10000 1000
load "2,000 requests, a connection for each" 2000 1
ok "threads and descriptors are as before" wait_for 10 settled "$threads_before" "$descriptors_before"
diag "threads $threads_before to $(threads), descriptors $descriptors_before to $(descriptors)"
heap_after=$(heap)
diag "heap: $heap_before bytes after 2,500 requests, $heap_after after 14,500; resident: $before KiB, $(rss_kib) KiB"
# 48 bytes a connection would be seen.
ok "memory in use has not grown" [ "$heap_after" -le $((heap_before + 98304)) ]
ok "resident memory has not grown by more than fragments" [ "$(rss_kib)" -le $((before + 4096)) ]

api GET "/v1/jobs/$LONG"
is "the job still runs" "$(field .status)" inProgress
api POST "/v1/jobs/$LONG/\$cancel"
wait_job "$LONG"
wait $WATCH
is "its watcher saw the end" "$(grep '^event: ' "$TMP/events" | tail -n 1)" 'event: end'
agent_end
is "the agent ends" "$?" 0
is "and had nothing to complain of" "$(grep -cE 'error|warning' "$AGENT_DIR/log")" 0
done_testing
