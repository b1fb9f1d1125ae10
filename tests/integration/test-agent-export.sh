#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# The whole chain: a client over HTTPS, ce-agentd, ce-worker, a real smbd; the result is judged by qemu-img.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/fixtures.sh"
. "$TOP/tests/lib/agent.sh"
. "$TOP/tests/lib/smbd.sh"
smbd_available || skip_all "needs root and Debian's samba"

disk=$(fixture small) || { echo "Bail out! the disk is not made"; exit 1; }
must "$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected.raw"
md5=$(md5sum <"$TMP/expected.raw" | cut -d ' ' -f 1)
source_sha256=$(sha256sum <"$disk")
at_exit smbd_stop "$TMP/smbd"
must smbd_start "$TMP/smbd" encrypt=required
share=$TMP/smbd/share
loop=$(losetup --find --show --read-only "$disk" 2>/dev/null)
[ -z "$loop" ] || at_exit losetup --detach "$loop"
must agent_start --disk "file=$disk" ${loop:+--disk "block=$loop"}

# export_job DISK NAME [JQ FILTER]: starts it
export_job() {
	api POST '/v1/images/$export' --data-binary "$(jq -cn --arg disk "$1" --arg name "$2" \
		--arg location "smb://127.0.0.1:$SMBD_PORT/images" '{
			outputStorageLocation: {location: $location, user: "exporter", password: "Secret-1", credentialId: "w"},
			outputImageFilename: $name, disk: $disk, hashDisk: true, platform: "Azure"} | '"${3:-.}")"
	ID=$(field .id)
}

api GET /v1/disks
is "disks: the partition table" "$(field '.items[] | select(.id == "file") | .inspection.partitionTable.kind')" gpt
is "disks: size as it is" "$(field '.items[] | select(.id == "file") | .size')" "$(stat -c %s "$disk")"

for id in file block; do
	[ $id = file ] || [ -n "$loop" ] || { skip "export of a block device" "no loop device here"; continue; }
	export_job $id "from-$id"
	wait_job "$ID" 300
	is "$id: complete" "$(field '[.status, .overallProgressPercent, .error] | @json')" '["complete",100,null]'
	is "$id: MD5" "$(field .additionalInfo.artifacts.md5Hash)" "$md5"
	is "$id: what only the appliance needs" "$(field '.ignoredFields | @json')" \
		'["outputStorageLocation.credentialId","platform"]'
	is "$id: file" "$(field .additionalInfo.artifacts.file)" "from-$id.vhdx"
	run_ok "$id: qemu-img reads what is expected" qemu-img compare -f raw -F vhdx "$TMP/expected.raw" \
		"$share/from-$id.vhdx"
	api GET "/v1/jobs/$ID/plan"
	is "$id: plan" "$(field .job)" export
done

export_job file from-file
wait_job "$ID" 120
is "the target exists" "$(field '[.status, .error.code] | @json')" '["failed","target-exists"]'
export_job file other '.outputStorageLocation.password = "wrong-Pass"'
wait_job "$ID" 120
is "wrong password" "$(field '[.status, .error.code] | @json')" '["failed","share-login"]'
export_job file other '.outputStorageLocation.location = "smb://127.0.0.1:1/images"'
wait_job "$ID" 120
is "nobody there" "$(field '[.status, .error.code] | @json')" '["failed","share-unreachable"]'
api POST '/v1/images/$export?dryRun=true' --data-binary "$(jq -cn --arg location "smb://127.0.0.1:$SMBD_PORT/images" '{
	outputStorageLocation: {location: $location, user: "exporter", password: "Secret-1"},
	outputImageFilename: "dry", disk: "file"}')"
wait_job "$(field .id)" 120
is "dry run" "$(field '[.status, .dryRun] | @json')" '["complete",true]'
is "dry run: nothing is on the share" "$(find "$share" -name '*dry*')" ""

# The agent is killed half way; the same request, to the next one, finishes the file.
export_job file resumed
wait_for 60 sh -c "find '$share' -name '*resumed*' | grep -q ."
agent_kill
is "agent killed: nothing under the final name" "$(ls "$share/resumed.vhdx" 2>/dev/null)" ""
must agent_start --disk "file=$disk"
api GET "/v1/jobs/$ID"
like "agent killed: interrupted, or just done" "$(field '[.status, .error.code] | @json')" 'interrupted|complete'
export_job file resumed '.overwriteTargetFile = true'
wait_job "$ID" 300
is "the same request again" "$(field .status)" complete
run_ok "resumed: qemu-img reads what is expected" qemu-img compare -f raw -F vhdx "$TMP/expected.raw" \
	"$share/resumed.vhdx"

agent_end
is "the agent ends" "$?" 0
is "the disk is as it was" "$(sha256sum <"$disk")" "$source_sha256"
grep -rqaE 'Secret-1|wrong-Pass' "$AGENT_DIR/state" "$AGENT_DIR/log"
is "no secret in records or logs" "$?" 1
unlike "no sanitizer complained" "$(cat "$AGENT_DIR/log" "$AGENT_DIR"/state/jobs/*/log)" 'Sanitizer|runtime error'
done_testing
