#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# GET /v1/diagnostics and cectl diagnostics: all that helps is there, no secret is, and it has an end.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
export CE_LOG_LEVEL=debug
must truncate -s 10M "$TMP/one.img"

# export_with WORKER-TAG: a job whose request has a password and a user
export_with() {
	api POST '/v1/images/$export' --data-binary "$(jq -cn --arg what "$1" '{outputImageFilename: "out", disk: "one", tags: {fake: $what, ms: 1},
		outputStorageLocation: {location: "smb://127.0.0.1:9/images", user: "clerk", password: "Hush-4711!"}}')"
	ID=$(field .id)
	wait_job "$ID"
}

# the real worker: reads the disk, is refused by the share
must agent_start --disk "one=$TMP/one.img"
export_with none
is "a job fails" "$(field .status)" failed
agent_end
# the stand-in: writes a log without end, and one of control characters
CE_WORKER=$BUILD/tests/fake-worker
must agent_start --disk "one=$TMP/one.img"
export_with flood-log
flood=$ID
export_with garbage
for _ in {1..25}; do
	export_with copy
done
export CE_SERVER=$AGENT_URL CE_CERT=$AGENT_DIR/pki/client.crt CE_KEY=$AGENT_DIR/pki/client.key CE_CA=$AGENT_DIR/pki/ca.crt
run_ok "cectl diagnostics" "$BUILD/agent/cectl" diagnostics --output "$TMP/all.json"
is "its file is for its owner alone" "$(stat -c %a "$TMP/all.json")" 600
all() { jq -r "$1" "$TMP/all.json"; }
is "the agent" "$(all '.agent.name')" ce-agentd
is "its version" "$(all '.agent.version')" "$("$BUILD/agent/cectl" --version | cut -d ' ' -f 2)"
is "the kernel" "$(all .system.kernel)" "$(uname -r)"
is "the memory" "$(all '.system.memoryBytes / 1048576 | floor')" "$(($(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024))"
is "the disks" "$(all '.disks[] | "\(.id) \(.size)"')" "one 10485760"
is "no packs" "$(all '.packs.items | length')" 0
like "the agent's messages, with time and level" "$(all '.messages[0]')" '^20..-..-..T..:..:..Z <[3-7]> version .*, listening on'
is "the newest jobs" "$(all '.jobs | length')" 20
is "the last one first" "$(all '.jobs[0].id')" "$ID"
like "with its log" "$(all '.jobs[0].log[]')" '^fake worker: copy'
api GET '/v1/diagnostics?x=1'
is "it takes no parameter" "$api_status" 400
run_ok "on standard output too" "$BUILD/agent/cectl" diagnostics
is "it is the same kind of document" "$(run_out | jq -r .agent.name)" ce-agentd
agent_end

# the older jobs: the one the share refused, the flood
for job in "$AGENT_DIR"/state/jobs/*; do
	[ "${job##*/}" = "$flood" ] || [ "$(jq -r '.job.error.code // ""' "$job/job.json")" != "" ] || rm -r "$job"
done
must agent_start --disk "one=$TMP/one.img"
export CE_SERVER=$AGENT_URL
run_ok "after a restart" "$BUILD/agent/cectl" diagnostics --output "$TMP/all.json"
is "the job that was refused is there, with its error" "$(all '[.jobs[] | select(.error.code == "share-unreachable")] | length')" 1
size=$(all ".jobs[] | select(.id == \"$flood\") | .log | join(\"\n\")" | wc -c)
ok "of a log of MiBs its end: $size bytes" [ "$size" -gt 60000 ] && ok "and no more" [ "$size" -le 65537 ]
like "to its last line" "$(all ".jobs[] | select(.id == \"$flood\") | .log[-1]")" 'agent: '
for secret in 'Hush-4711' 'PRIVATE KEY' "$(sed -n 2p "$AGENT_DIR/pki/server.key")"; do
	is "no secret: ${secret:0:12}" "$(grep -cF -e "$secret" "$TMP/all.json")" 0
done
run_status_is "a place that is none" 1 "$BUILD/agent/cectl" diagnostics --output "$TMP/no/such/folder"
done_testing
