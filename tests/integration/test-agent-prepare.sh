#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# POST /v1/images/$prepare over mutual TLS: a client, ce-agentd, ce-worker, a disk with a Windows of VMware.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/lib/agent.sh"
disk=$TMP/win.img
fresh() { must windows_copy "$disk" platform=vsphere size=320; }
hash_of() { sha256sum <"$disk" | cut -d ' ' -f 1; }
cectl() {
	"$BUILD/agent/cectl" --server "$AGENT_URL" --cert "$AGENT_DIR/pki/client.crt" \
		--key "$AGENT_DIR/pki/client.key" --ca "$AGENT_DIR/pki/ca.crt" "$@"
}
# prepare_job BODY [QUERY]: starts it
prepare_job() {
	api POST "/v1/images/\$prepare${2-}" --data-binary "$1"
	ID=$(field .id)
}
# ended NAME WANTED: the job has ended so, as [status, error code]; the last reply is the job
ended() {
	wait_job "$ID" 120
	is "$1" "$(field '[.status, .error.code] | @json')" "$2"
}
system_value() {
	windows_volume "$disk" "$TMP/volume" && hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM" && hivexget "$TMP/SYSTEM" "$1" "$2"
}

fresh
before=$(hash_of)
must agent_start --disk "win=$disk"
journals=$AGENT_DIR/state/journals

# --- refused before there is a job
refused() { # NAME STATUS CODE TEXT BODY
	prepare_job "$5"
	is "$1: status and code" "$api_status $(field .error.code)" "$2 $3"
	like "$1: named" "$api_body" "$4"
}
refused "an unknown field" 400 unknown-field 'colour' '{"platform": "azure", "colour": 1}'
refused "an export's field" 400 unknown-field 'hashDisk.*export' '{"platform": "azure", "hashDisk": true}'
refused "an ill-typed field" 400 invalid-field 'enableRdp' '{"platform": "azure", "enableRdp": 1}'
refused "an unknown target" 400 unknown-platform 'vhs.*vsphere, hyperv' '{"platform": "vhs"}'
refused "no target" 400 missing-field 'platform' '{}'
refused "two targets" 400 invalid-field 'one of the two' '{"platform": "azure", "target": "gcp"}'
refused "installMisa without Mcs" 400 invalid-field 'Mcs' '{"platform": "azure", "installMisa": true}'
refused "a hash that is none" 400 invalid-field 'md5Hash' '{"platform": "azure", "md5Hash": "x"}'
refused "a disk that is not there" 404 disk-not-found 'sdz' '{"platform": "azure", "disk": "sdz"}'
refused "a pack that is not there" 404 pack-not-found 'virtio' '{"platform": "gcp", "packs": ["virtio"]}'

# --- a dry run
prepare_job '{"Platform": "Azure", "ceVmSku": "Standard_D2S_v3", "subscriptionId": "s", "tags": {"who": "test"}}' '?dryRun=true'
is "dry run: accepted" "$api_status" 202
is "dry run: its place" "$(header Location)" "/v1/jobs/$ID"
ended "dry run: complete" '["complete",null]'
is "dry run: the job" "$(field '[.type, .dryRun, .disk, .tags.who, .ignoredFields] | @json')" \
	'["prepare",true,"win","test",["subscriptionId","ceVmSku"]]'
api GET "/v1/jobs/$ID/plan"
is "dry run: the plan" "$(field '[.job, .source, .target, (.actions | length) > 50, .omitted] | @json')" \
	'["prepare","vsphere","azure",true,0]'
planned=$(field '[.actions[] | del(.result)] | @json' | sha256sum)
is "dry run: the disk is as it was" "$(hash_of)" "$before"

# --- what the worker refuses
prepare_job '{"platform": "azure", "md5Hash": "23a396b3438cd1b16749c6635dd6c9b2"}'
ended "another disk's hash" '["failed","hash-mismatch"]'
is "another disk's hash: the public text" "$(field .error.message)" \
	"Expected hash [23a396b3438cd1b16749c6635dd6c9b2] does not match provided disk"
prepare_job '{"platform": "kvm"}'
ended "no boot driver" '["failed","boot-driver-missing"]'
prepare_job '{"platform": "azure", "domainUnjoin": "true"}'
ended "what needs the running Windows" '["failed","needs-first-boot"]'
like "what needs the running Windows: named" "$(field .error.message)" domainUnjoin
is "refused: the disk is as it was" "$(hash_of) $(find "$journals" -type f | wc -l)" "$before 0"

# --- a target that needs a pack
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/pack" vioscsi netkvm
tar -C "$TMP/pack" -czf "$TMP/pack.tar.gz" .
run_ok "a pack is uploaded" cectl packs put virtio "$TMP/pack.tar.gz"
prepare_job '{"platform": "gcp", "packs": ["virtio"]}' '?dryRun=true'
ended "with a pack: complete" '["complete",null]'
api GET "/v1/jobs/$ID/plan"
is "with a pack: its driver is planned" \
	"$(field '[.actions[].path // empty | select(endswith("drivers\\vioscsi.sys"))] | length')" 1

# --- canceled while it hashes
prepare_job '{"platform": "azure", "md5Hash": "23a396b3438cd1b16749c6635dd6c9b2"}'
api POST "/v1/jobs/$ID/\$cancel"
ended "canceled" '["canceled","canceled"]'
is "canceled: the disk is as it was" "$(hash_of)" "$before"

# --- the real one, by cectl
run_ok "cectl prepare" cectl prepare --disk win --target azure --json
run_out >"$TMP/job.json"
is "prepared: the job" "$(jq -c '[.status, .type, .additionalInfo.artifacts.changed, .additionalInfo.report.omitted]' "$TMP/job.json")" \
	'["complete","prepare",true,0]'
is "prepared: the report has what was planned" \
	"$(jq -c '[.additionalInfo.report.actions[] | del(.result)]' "$TMP/job.json" | sha256sum)" "$planned"
is "prepared: and that it was done" "$(jq -c '[.additionalInfo.report.actions[].result] | unique' "$TMP/job.json")" '["done"]'
is "hivexget: storvsc starts at boot" "$(system_value 'ControlSet001\Services\storvsc' Start)" 0
run_ok "ntfsfix: the volume is clean" ntfsfix -n "$TMP/volume"
run_ok "cectl prepare again, for people" cectl prepare --disk win --target azure
like "again: nothing to do" "$(run_out)" '^actions +0:'
run_ok "cectl plan" cectl plan "$(jq -r .id "$TMP/job.json")"
like "cectl plan: by step" "$(run_out)" '^services$'

# --- the worker is killed in its commit, then the agent; the same request completes it
agent_end
fresh
export CE_FAULT_KIND=kill CE_FAULT_AT=40 CE_FAULT_FILE=$disk
ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 LD_PRELOAD=$BUILD/tests/libfault-write.so \
	agent_start --disk "win=$disk" || echo "Bail out! no agent"
unset CE_FAULT_KIND CE_FAULT_AT CE_FAULT_FILE
prepare_job '{"platform": "azure"}'
ended "killed: the job" '["failed","worker-died"]'
is "killed: the journal stays" "$(find "$journals" -type f -size +0 | wc -l)" 1
ok "killed: the disk is half written" [ "$(hash_of)" != "$before" ]
agent_kill
must agent_start --disk "win=$disk"
api GET "/v1/jobs/$ID"
is "killed: on record after a restart" "$(field .status)" failed
prepare_job '{"platform": "azure"}' '?dryRun=true'
ended "killed: a dry run does not touch it" '["failed","journal"]'
prepare_job '{"platform": "azure"}'
ended "killed: the same request completes it" '["complete",null]'
is "killed: no journal is left" "$(find "$journals" -type f | wc -l)" 0
is "killed: hivexget reads what a whole preparation writes" "$(system_value 'ControlSet001\Services\storvsc' Start)" 0
run_ok "killed: ntfsfix finds a clean volume" ntfsfix -n "$TMP/volume"

# --- a device: opened by the agent, for nobody else
if loop=$(losetup --find --show "$disk" 2>/dev/null); then
	at_exit losetup --detach "$loop"
	agent_end
	fresh_device() { fresh && losetup --detach "$loop" && loop=$(losetup --find --show "$disk"); }
	fresh_device
	# and a state that ends with the machine: so would the journal, which a preparation warns of
	memory=$(mktemp -d /dev/shm/ce-state-XXXXXX) && at_exit rm -rf "$memory"
	must agent_start --disk "loop=$loop" --state-dir "$memory" --status-file "$TMP/status.json"
	api GET /v1/status
	wait_for 60 [ -s "$TMP/status.json" ]
	is "a state in memory: its status says so" "$(field .stateInMemory) $(jq .stateInMemory "$TMP/status.json")" "true true"
	prepare_job '{"platform": "aws"}'
	ended "a device: complete" '["complete",null]'
	is "a device: its journal was in memory" "$(field '[.warnings[] | select(.code == "journal-in-memory")] | length')" 1
	blockdev --flushbufs "$loop"
	is "a device: hivexget reads it" "$(system_value 'ControlSet001\Services\stornvme' Start)" 0
else
	skip "a device" "no loop device here"
fi
done_testing
