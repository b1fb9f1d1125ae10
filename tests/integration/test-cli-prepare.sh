#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# cectl local prepare, recover, list-steps, list-platforms. What came of a disk is read by ntfscat, hivexregedit
# and ntfsfix; what must not change is compared byte by byte.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
cectl=$BUILD/agent/cectl
disk=$TMP/win.img
journal=$disk.ce-journal

hash_of() { sha256sum <"$disk" | cut -d ' ' -f 1; }
fresh() { must windows_copy "$disk" platform=vsphere size=320; }
prepare() { run "$cectl" local prepare --disk "$disk" "$@"; }
error_code() { run_out | jq -r .error.code; }
# One value of the guest's SYSTEM hive, as hivexget reads it.
system_value() { # KEY VALUE
	windows_volume "$disk" "$TMP/volume" && hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM" && hivexget "$TMP/SYSTEM" "$1" "$2"
}

# --- what there is
run_ok "list-platforms" "$cectl" local list-platforms --json
is "eight targets and a source" "$(run_out | jq -c '[length, map(select(.target)) | length]' 2>/dev/null || run_out | jq -c '[length, ([.[] | select(.target)] | length)]')" "[9,8]"
run_ok "list-platforms for people" "$cectl" local list-platforms
like "VirtualBox can only be left" "$(run_out)" '^virtualbox .*source only'
run_ok "list-steps" "$cectl" local list-steps --json
is "filters come before services" "$(run_out | jq -c '[.[].name] | index("filters") < index("services")')" true

# --- a command line that is wrong: with --json, wherever it stands, it is one document
wrong() { # CODE ARGUMENT...
	run "$cectl" "${@:2}"
	is "${*:2}: a document" "$run_status $(run_out | jq -s -c '[length, .[0].status, .[0].error.code]')" "2 [1,\"failed\",\"$1\"]"
}
wrong invalid-argument local prepair --disk x --json
wrong invalid-argument --json local prepair
wrong invalid-argument local prepare --disk "$disk" --targt azure --json
wrong invalid-argument local prepare --json --disk
wrong invalid-argument local inspect --json
wrong invalid-argument local inspect --disk x --target azure --json
wrong invalid-argument --json
wrong invalid-argument jbos --json
wrong invalid-argument job --json
wrong invalid-argument jobs --json --server ''
run "$cectl" local prepair
is "without --json there is none" "$run_status $(run_out)" "2 "

# --- a dry run
fresh
before=$(hash_of)
prepare --target azure --dry-run --json
is "dry run: status" "$run_status" 0
is "dry run: one document" "$(run_out | jq -s length)" 1
run_out >"$TMP/dry.json"
is "dry run: from where to where" "$(jq -c '[.status, .dryRun, .plan.source, .plan.target]' "$TMP/dry.json")" \
	'["complete",true,"vsphere","azure"]'
ok "dry run: a plan" [ "$(jq '.plan.actions | length' "$TMP/dry.json")" -ge 50 ]
is "dry run: planned only" "$(jq -c '[.plan.actions[].result] | unique' "$TMP/dry.json")" '["planned"]'
is "dry run: every action has step, action and reason" \
	"$(jq -c '[.plan.actions[] | (.step and .action and .why and (.path or .key))] | all' "$TMP/dry.json")" true
is "dry run: the disk is as it was" "$(hash_of)" "$before"
ok "dry run: no journal stays" [ ! -e "$journal" ]
prepare --target azure --dry-run
like "dry run: text, by step" "$(run_out)" '^services$'
like "dry run: old and new value" "$(run_out)" 'storvsc.* \[Start\] dword 0x3 -> dword 0x0|Services\\[a-zA-Z]+ \[Start\] .* -> dword'
# schema NAME: "MEMBER TYPE" of every member that the API's document gives it; null where it may be
schema() {
	awk -v schema="$1:" '/^    [A-Z]/ { here = $1 == schema }
		here && /^        [a-zA-Z]+:/ { name = $1; sub(":", "", name) }
		here && name != "" && match($0, /type: [a-z]+/) {
			print name, substr($0, RSTART + 6, RLENGTH - 6)
			if (/nullable: true/) print name, "null"
			name = ""
		}' "$TOP/docs/api/openapi.yaml" | sort
}
# members FILTER: the same of the objects of the real plan
members() { jq -r "$1 | to_entries[] | \"\(.key) \(.value | type)\"" "$TMP/dry.json" | sed 's/ number$/ integer/' | sort -u; }
while read -r name filter; do
	ok "document: $name has members" [ "$(schema "$name" | wc -l)" -ge 2 -a "$(members "$filter" | wc -l)" -ge 2 ]
	is "document: $name is what a plan has" "$(comm -23 <(members "$filter") <(schema "$name"))" ""
done <<-'END'
	PreparationReport .plan
	PreparationEvidence .plan.evidence[]
	PreparationNote .plan.notes[]
	PreparationAction .plan.actions[]
END
documented=$(sed -n "s/.*description: 'reg-set, \\(.*\\)'/reg-set, \\1/p" "$TOP/docs/api/openapi.yaml" | tr -d ' ' | tr , '\n' | sort)
is "document: kinds of actions" "$(comm -23 <(jq -r '.plan.actions[].action' "$TMP/dry.json" | sort -u) <(echo "$documented"))" ""
like "dry run: totals" "$(run_out)" '^planned +from vsphere to azure$'
is "dry run: progress is not on standard output" "$(run_out | grep -c ' %$')" 0

# --- the real one
prepare --target azure --json
is "prepare: status" "$run_status" 0
run_out >"$TMP/real.json"
is "prepare: the same actions" "$(jq -c '[.plan.actions[] | del(.result)]' "$TMP/real.json" | sha256sum)" \
	"$(jq -c '[.plan.actions[] | del(.result)]' "$TMP/dry.json" | sha256sum)"
is "prepare: done" "$(jq -c '[.plan.actions[].result] | unique' "$TMP/real.json")" '["done"]'
is "prepare: artifacts" "$(jq -c '.additionalInfo.artifacts | [.source, .target, .changed, .bytesChanged > 0]' "$TMP/real.json")" \
	'["vsphere","azure",true,true]'
ok "prepare: no journal stays" [ ! -e "$journal" ]
is "hivexget: storvsc starts at boot" "$(system_value 'ControlSet001\Services\storvsc' Start)" 0
is "hivexget: pvscsi does not" "$(system_value 'ControlSet001\Services\pvscsi' Start 2>/dev/null | grep -x 0)" ""
run_ok "ntfsfix: the volume is clean" ntfsfix -n "$TMP/volume"
after=$(hash_of)
prepare --target azure --json
is "again: nothing to do" "$(run_out | jq -c '[.plan.actions | length, .additionalInfo.artifacts.changed]' 2>/dev/null ||
	run_out | jq -c '[(.plan.actions | length), .additionalInfo.artifacts.changed]')" '[0,false]'
is "again: the disk is as it was" "$(hash_of)" "$after"

# --- in image files, in place
for format in vhdx vpc; do
	file=$TMP/image.$format
	must qemu-img convert -f raw -O $format -o subformat=dynamic "$(windows_fixture platform=vsphere size=320)" "$file"
	run_ok "$format: prepare" "$cectl" local prepare --disk "$file" --target azure --json
	is "$format: the same actions" "$(run_out | jq -c '[.plan.actions[] | del(.result)]' | sha256sum)" \
		"$(jq -c '[.plan.actions[] | del(.result)]' "$TMP/real.json" | sha256sum)"
	[ $format = vpc ] || run_ok "$format: qemu-img finds no fault" qemu-img check -q -f $format "$file"
	run_ok "$format: the check verb finds no fault" "$cectl" local check --disk "$file"
	must qemu-img convert -f $format -O raw "$file" "$disk"
	is "$format: hivexget: storvsc starts at boot" "$(system_value 'ControlSet001\Services\storvsc' Start)" 0
	run_ok "$format: ntfsfix: the volume is clean" ntfsfix -n "$TMP/volume"
	rm -f "$file"
done

# --- refused: nothing is written
fresh
before=$(hash_of)
refused() { # NAME CODE STATUS ARGUMENT...
	local name=$1 code=$2 status=$3
	shift 3
	prepare --json "$@"
	is "$name: status" "$run_status" "$status"
	is "$name: code" "$(error_code)" "$code"
	is "$name: the disk is as it was" "$(hash_of) $(find "$TMP" -name '*ce-journal' | wc -l)" "$before 0"
}
request() { printf '%s' "$1" >"$TMP/request.json"; }
request '{"md5Hash": "23a396b3438cd1b16749c6635dd6c9b2"}'
refused "another disk's hash" hash-mismatch 3 --target azure --request "$TMP/request.json"
is "another disk's hash: the public text" "$(run_out | jq -r .error.message)" \
	"Expected hash [23a396b3438cd1b16749c6635dd6c9b2] does not match provided disk"
request '{"colour": 1}'
refused "an unknown field" unknown-field 2 --target azure --request "$TMP/request.json"
like "an unknown field: named" "$(run_out)" 'colour'
request '{"platform": "aws"}'
refused "two targets" invalid-field 2 --target azure --request "$TMP/request.json"
refused "an unknown target" unknown-platform 2 --target vhs
like "an unknown target: those there are" "$(run_out)" 'vsphere, hyperv, azure, aws'
refused "no target" missing-field 2
refused "no pack" boot-driver-missing 3 --target kvm
refused "a pack that is not there" pack-not-found 3 --target kvm --packs "$TMP/absent"
mkdir "$TMP/empty"
refused "a pack without drivers" pack-invalid 3 --target kvm --packs "$TMP/empty"
echo text >"$TMP/pack.zip"
refused "a pack that is no archive" pack-invalid 3 --target kvm --packs "$TMP/pack.zip"
refused "another root" no-windows 3 --target azure --root '\WINNT'
request '{"provisioningType": "Mcs", "installMisa": true, "domainUnjoin": true}'
refused "what needs the running Windows" needs-first-boot 3 --target azure --request "$TMP/request.json"
exec 8<"$disk"
flock 8
refused "a disk that another job has" disk-busy 3 --target azure
exec 8<&-
qemu-nbd --format raw --socket "$TMP/nbd" --persistent "$disk" &
pid=$!
wait_for 20 test -S "$TMP/nbd"
refused "a disk that QEMU has" disk-busy 3 --target azure
like "a disk that QEMU has: said so" "$(run_out | jq -r .error.message)" 'QEMU'
prepare --target azure --dry-run --json
is "a disk that QEMU has: no dry run" "$run_status $(error_code)" "3 disk-busy"
kill $pid
wait $pid
refused "a journal where none can be" write 1 --target azure --journal "$TMP/absent/journal"
ok "nothing is left in the temporary folder" [ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'ce-packs-*' -newer "$TMP/empty")" ]

# --- taken as it is meant
for root in 'Windows' /Windows/ "\\windows\\" "3:\\Windows"; do
	prepare --target azure --dry-run --json --root "$root"
	is "--root $root" "$run_status $(run_out | jq -c .warnings)" "0 []"
done
prepare --target aws --source azure --dry-run --json
is "another source than is found: a warning" "$run_status $(run_out | jq -r '[.warnings[].code] | join(" ")')" "0 source-differs network-driver-missing"

# --- the right hash, of a disk that a platform rounded up
md5=$(md5sum <"$disk" | cut -d ' ' -f 1)
size=$(stat -c %s "$disk")
request "{\"md5Hash\": \"${md5^^}\", \"diskSizeBytes\": $size}"
prepare --target azure --dry-run --request "$TMP/request.json"
is "the right hash" "$run_status" 0

# --- canceled while it hashes
"$cectl" local prepare --disk "$disk" --target azure --request "$TMP/request.json" >"$TMP/out" 2>"$TMP/err" &
pid=$!
wait_for 20 grep -q hash "$TMP/err"
kill -INT $pid
status=0
wait $pid || status=$?
is "canceled: status" $status 4
is "canceled: the disk is as it was" "$(hash_of)" "$before"
ok "canceled: no journal stays" [ ! -e "$journal" ]

# --- a write that fails, and one that is the last thing the worker does
# faulty KIND AT FILE: a preparation whose AT-th write to that file fails
faulty() {
	CE_FAULT_KIND=$1 CE_FAULT_AT=$2 CE_FAULT_FILE=$3 LD_PRELOAD=$BUILD/tests/libfault-write.so \
		ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 \
		"$cectl" local prepare --disk "$disk" --target azure >"$TMP/out" 2>"$TMP/err"
}
faulty eio 0 "$disk"
is "the first write fails: status" $? 1
like "the first write fails: said so" "$(cat "$TMP/err")" 'the disk is untouched'
is "the first write fails: so it is" "$(hash_of)" "$before"
ok "the first write fails: no journal stays" [ ! -e "$journal" ]
faulty eio 3 "$disk"
is "a later write fails: status" $? 1
like "a later write fails: what to do" "$(cat "$TMP/err")" 'cectl local recover'
ok "a later write fails: the journal stays" [ -s "$journal" ]
fresh
faulty kill 40 "$disk"
is "killed: status" $? 1
like "killed: said so" "$(cat "$TMP/err")" worker-died
ok "killed: the journal stays" [ -s "$journal" ]
ok "killed: the disk is half written" [ "$(hash_of)" != "$before" ]
prepare --target azure --dry-run --json
is "killed: a dry run sends to recover" "$(error_code)" journal
run_ok "recover" "$cectl" local recover --disk "$disk" --json
is "recover: completed" "$(run_out | jq .completed)" true
ok "recover: the journal is gone" [ ! -e "$journal" ]
is "recover: hivexget reads what a whole preparation writes" "$(system_value 'ControlSet001\Services\storvsc' Start)" 0
run_ok "recover: ntfsfix finds a clean volume" ntfsfix -n "$TMP/volume"
prepare --target azure --json
is "recover: nothing is left to do" "$(run_out | jq '.plan.actions | length')" 0
run_ok "recover: nothing to complete" "$cectl" local recover --disk "$disk" --json
is "recover: said so" "$(run_out | jq .completed)" false
for at in 0 1 2 5 100; do
	fresh
	rm -f "$journal"
	faulty kill $at "$disk"
	ok "killed at write $at: the journal stays" [ -s "$journal" ]
	prepare --target azure --json
	is "killed at write $at: the same job completes it" "$run_status" 0
	prepare --target azure --dry-run --json
	is "killed at write $at: nothing is left to do" "$(run_out | jq '.plan.actions | length')" 0
done
fresh
faulty eio 7 "$disk"
ok "a write error once more" [ -s "$journal" ]
prepare --target azure --json
is "the same job completes it" "$run_status" 0
is "and nothing is left to do" "$(prepare --target azure --json && run_out | jq '.plan.actions | length')" 0
ok "and no journal stays" [ ! -e "$journal" ]

# --- a device that was left half written: whoever reads it is told, its journal is where prepare keeps it
fresh
if loop=$(losetup --find --show "$disk" 2>/dev/null); then
	detach() {
		[ -z "$loop" ] || losetup --detach "$loop"
		loop=
	}
	at_exit detach
	mkdir "$TMP/var"
	# on_device VERB OPTION...: with this machine's journals in $TMP/var
	on_device() {
		run unshare --mount bash -c 'mount --bind "$0/var" /var/lib && exec "$@"' "$TMP" "$cectl" local "$1" --disk "$loop" --json "${@:2}"
	}
	CE_FAULT_KIND=kill CE_FAULT_AT=40 CE_FAULT_FILE=$loop LD_PRELOAD=$BUILD/tests/libfault-write.so \
		ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 on_device prepare --target azure
	is "a device, killed" "$run_status $(error_code) $(find "$TMP/var" -name '*.ce-journal' | wc -l)" "1 worker-died 1"
	on_device export --output "$TMP/torn.vhdx"
	is "a device, half written: no export" "$run_status $(error_code)" "1 journal"
	ok "a device, half written: no image" [ ! -e "$TMP/torn.vhdx" ]
	on_device hash
	is "a device, half written: no hash" "$run_status $(error_code)" "1 journal"
	on_device inspect
	is "a device, half written: an inspection says so" "$(run_out | jq -r '.problems[0].code')" journal
	on_device recover
	is "a device, half written: recovered" "$run_status $(run_out | jq .completed)" "0 true"
	on_device export --output "$TMP/whole.vhdx"
	is "a device, recovered: exported" "$run_status" 0
	rm -f "$TMP/whole.vhdx"
	before=$(hash_of)
	prepare --target azure --json
	is "a file that is a loop device" "$run_status $(error_code) $(hash_of)" "3 disk-busy $before"
	like "a file that is a loop device: the way out" "$(run_out | jq -r .error.hint)" "losetup --detach $loop"
	detach
else
	skip "a device" "no loop device here"
fi

# --- what is killed before the seal leaves the disk as it was
fresh
before=$(hash_of)
faulty kill 20 "$journal"
like "killed early: said so" "$(cat "$TMP/err")" worker-died
is "killed early: the disk is as it was" "$(hash_of)" "$before"
run_ok "killed early: recover" "$cectl" local recover --disk "$disk" --json
is "killed early: nothing to complete" "$(run_out | jq .completed)" false
ok "killed early: no journal stays" [ ! -e "$journal" ]
is "killed early: still as it was" "$(hash_of)" "$before"
done_testing
