#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ce-worker alone: what it exports reads as ntfsclone, ntfsinfo and qemu-img say it must; whatever
# happens half way leaves nothing under the final name, and the same request continues it.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/fixtures.sh"
. "$TOP/tests/lib/faultfs.sh"
[ "$(id -u)" = 0 ] || skip_all "making disks needs root (loop devices, ntfs-3g mounts)"

worker=$BUILD/agent/ce-worker
out=$TMP/out
mkdir "$out"

# input DISK OUTPUT [MEMBER...]: the JSON of an export; members of the request like '"hashDisk": true'
input() {
	local disk=$1 file=$2 more=
	shift 2
	for member in "$@"; do more+=", $member"; done
	printf '{"disk": {"path": "%s"}, "local": true, "request": {"outputFile": "%s"%s}}' "$disk" "$file" "$more"
}
# work VERB JSON: events in the file $events, the log in $TMP/log, status in $status
work() {
	status=0 events=$TMP/events
	printf '%s' "$2" | "$worker" "$1" >"$events" 2>"$TMP/log" || status=$?
}
# start VERB JSON: the same in the background, its pid in $pid; finish: until it ends
start() {
	printf '%s' "$2" >"$TMP/input"
	: >"$TMP/started" # here: the child might empty it only after somebody has looked
	"$worker" "$1" <"$TMP/input" >"$TMP/started" 2>"$TMP/log" &
	pid=$!
}
finish() {
	status=0 events=$TMP/started
	wait "$pid" || status=$?
}
event() { jq -r "select(.event == \"$1\") | $2" "$events"; }
error_code() { event error .error.code; }
virtual_md5() { qemu-img convert -O raw "$1" "$TMP/virtual" && md5sum <"$TMP/virtual" | cut -d ' ' -f 1; }
files() { find "$1" -mindepth 1 -printf '%P %s %T@\n' | sort; }

disk=$(fixture small) || { echo "Bail out! the disk is not made"; exit 1; }
sha_before=$(sha256sum <"$disk")
expected=$TMP/expected.raw
must "$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$expected"
expected_md5=$(md5sum <"$expected" | cut -d ' ' -f 1)
expected_sha256=$(sha256sum <"$expected" | cut -d ' ' -f 1)

# --- what is written is the disk less what Windows makes anew
declare -A qemu_format=([vhdx]=vhdx [vhd]=vpc [raw]=raw)
for format in vhdx vhd raw; do
	for type in dynamic fixed; do
		[ $format/$type != raw/fixed ] || continue
		file=$out/$format-$type.$format name="$format, $type"
		work export "$(input "$disk" "$file" "\"format\": \"$format\"" "\"type\": \"$type\"" '"hashDisk": true')"
		is "$name: exported" "$status" 0 || { diag "$(cat "$TMP/log")"; continue; }
		run_ok "$name: qemu-img reads what is expected" \
			qemu-img compare -f raw -F "${qemu_format[$format]}" "$expected" "$file"
		[ $format != vhdx ] || run_ok "$name: qemu-img finds no fault" qemu-img check -f vhdx "$file"
		is "$name: md5Hash" "$(event result .result.artifacts.md5Hash)" "$expected_md5"
		is "$name: sha256Hash" "$(event result .result.artifacts.sha256Hash)" "$expected_sha256"
		is "$name: fileSizeBytes" "$(event result .result.artifacts.fileSizeBytes)" "$(stat -c %s "$file")"
		is "$name: progress ends at 100 % and never goes back" \
			"$(jq -s '[.[] | select(.percent) | .percent] | . == sort and last == 100' "$events")" true
		if [ $format != raw ]; then
			work check "{\"disk\": {\"path\": \"$file\"}}"
			is "$name: the check verb finds no fault" "$(event result .result.ok)" true
			work hash "{\"disk\": {\"path\": \"$file\"}}"
			is "$name: the hash verb reads the same" "$(event result .result.md5Hash)" "$expected_md5"
		fi
	done
done
is "nothing is left beside the images" "$(files "$out" | wc -l)" 5
rm -f "$out"/*

mbr=$(fixture small-mbr) || { echo "Bail out! the disk is not made"; exit 1; }
must "$TOP/tests/fixtures/zero-excluded.sh" "$mbr" "$TMP/expected-mbr"
work export "$(input "$mbr" "$out/mbr.vhdx")"
is "an MBR disk is exported" "$status" 0
run_ok "an MBR disk reads as expected" qemu-img compare -f raw -F vhdx "$TMP/expected-mbr" "$out/mbr.vhdx"
must "$TOP/tests/fixtures/zero-excluded.sh" --keep-excluded "$disk" "$TMP/expected-keep"
work export "$(input "$disk" "$out/keep.raw" '"keepPagefile": true')"
run_ok "keepPagefile keeps the page file" cmp "$TMP/expected-keep" "$out/keep.raw"
work export "$(input "$disk" "$out/whole.raw" '"wholeDisk": true')"
run_ok "wholeDisk keeps every byte" cmp "$disk" "$out/whole.raw"
work hash "{\"disk\": {\"path\": \"$disk\"}, \"mapped\": true}"
is "the hash verb hashes through the map" "$(event result .result.sha256Hash)" "$expected_sha256"
rm -f "$out"/* "$TMP"/expected-*

# --- the plan
before=$(files "$out")
work export "$(input "$disk" "$out/plan.vhdx" '"hashDisk": true' '"platform": "vsphere"' |
	sed 's/"local"/"dryRun": true, "local"/')"
is "a dry run ends well" "$status" 0
is "a dry run writes nothing" "$(files "$out")" "$before"
is "a dry run has a plan" "$(event plan .plan.output.format)" vhdx
is "the plan names ignored fields" "$(event plan '.plan.ignoredFields[]')" platform
is "a dry run's result says so" "$(event result .result.dryRun)" true

# --- refused before any write: status 3, nothing there
refused() { # NAME CODE STATUS JSON
	local before
	before=$(files "$out")
	work export "$4"
	is "$1: status" "$status" "$3"
	is "$1: code" "$(error_code)" "$2"
	is "$1: nothing was written" "$(event error .wrote) $(files "$out")" "false $before"
}
truncate -s 200M "$TMP/short.raw"
must dd if="$disk" of="$TMP/short.raw" bs=1M count=200 conv=notrunc,sparse
refused "a disk shorter than its GPT says" disk-truncated 3 "$(input "$TMP/short.raw" "$out/a.vhdx")"
refused "no disk" disk-open 3 "$(input "$TMP/absent" "$out/a.vhdx")"
refused "an unknown field" unknown-field 2 "$(input "$disk" "$out/a.vhdx" '"colour": 1')"
refused "a format too small" size-unsupported 3 "$(input "$TMP/huge.raw" "$out/a.vhd" '"format": "vhd"' |
	(truncate -s 3T "$TMP/huge.raw" && cat))"
echo precious >"$out/there.vhdx"
refused "a target that exists" target-exists 3 "$(input "$disk" "$out/there.vhdx")"
refused "a folder that does not exist" target-folder 3 "$(input "$disk" "$out/absent/a.vhdx")"
must cp --sparse=always "$disk" "$out/copy.raw"
ln -s copy.raw "$out/link.raw"
refused "the source as the target" target-exists 3 \
	"$(input "$out/copy.raw" "$out/link.raw" '"overwriteTargetFile": true')"
rm "$out/copy.raw" "$out/link.raw" "$TMP/huge.raw" "$TMP/short.raw"

# a block device that holds the file system the output would go to
if loop=$(losetup --find --show "$disk" --read-only 2>/dev/null); then
	at_exit losetup --detach "$loop"
	work export "$(input "$loop" "$out/device.vhdx")"
	is "a block device is exported" "$status" 0
	run_ok "a block device reads as expected" qemu-img compare -f raw -F vhdx "$expected" "$out/device.vhdx"
	rm -f "$out/device.vhdx"
	truncate -s 400M "$TMP/fs.raw"
	must mkfs.ext4 -q -F "$TMP/fs.raw"
	fs=$(losetup --find --show "$TMP/fs.raw")
	at_exit losetup --detach "$fs"
	mkdir "$TMP/fs"
	must mount "$fs" "$TMP/fs"
	at_exit umount "$TMP/fs"
	refused "a file system on the source as the target" target-exists 3 "$(input "$fs" "$TMP/fs/a.vhdx")"
	umount "$TMP/fs"
else
	skip "block devices" "no loop device"
fi

# --- an existing target stays what it is until the new one is complete
faultfs_available || { echo "Bail out! no FUSE here"; exit 1; }
must faultfs_start "$disk" "$TMP/fault" "eio 120000000 120000001"
work export "$(input "$TMP/fault/disk" "$out/there.vhdx" '"overwriteTargetFile": true' '"wholeDisk": true')"
is "a read error half way: code" "$(error_code)" disk-read
is "a read error half way: status" "$status" 1
is "a read error half way: step" "$(event error .error.step)" copy
is "a read error half way: the old file is untouched" "$(cat "$out/there.vhdx")" precious
faultfs_set "$TMP/fault" clear
work export "$(input "$TMP/fault/disk" "$out/there.vhdx" '"overwriteTargetFile": true' '"wholeDisk": true')"
is "the same request again succeeds" "$status" 0
run_ok "it reads as the disk" qemu-img compare -f raw -F vhdx "$disk" "$out/there.vhdx"
ok "it continued what was there" [ "$(event result .result.artifacts.bytesResumed)" -gt 0 ]
is "nothing but the image is left" "$(ls -A "$out")" there.vhdx
rm -f "$out"/*

# --- a seed: the same file each time, and nothing else is continued as that file
seeded() { # DISK OUT
	input "$1" "$2" '"wholeDisk": true' | sed 's/"local"/"seed": "a", "local"/'
}
work export "$(seeded "$TMP/fault/disk" "$out/one.vhdx")"
is "seeded: exported" "$status" 0
faultfs_set "$TMP/fault" "eio 120000000 120000001"
work export "$(input "$TMP/fault/disk" "$out/two.vhdx" '"wholeDisk": true')"
is "seeded: an export without one ends half way" "$(error_code)" disk-read
work export "$(seeded "$TMP/fault/disk" "$out/two.vhdx")"
is "seeded: and one with one" "$(error_code)" disk-read
faultfs_set "$TMP/fault" clear
work export "$(seeded "$TMP/fault/disk" "$out/two.vhdx")"
ok "seeded: the second is continued" [ "$(event result .result.artifacts.bytesResumed)" -gt 0 ]
run_ok "seeded: the same file" cmp "$out/one.vhdx" "$out/two.vhdx"
work export "$(input "$TMP/fault/disk" "$out/three.vhdx" '"wholeDisk": true')"
run_status_is "not seeded: another file" 1 cmp -s "$out/one.vhdx" "$out/three.vhdx"
rm -f "$out"/*

faultfs_set "$TMP/fault" "vanish-after 60000000"
work export "$(input "$TMP/fault/disk" "$out/a.vhdx")"
is "a disk that vanishes: code" "$(error_code)" disk-read
ok "a disk that vanishes: no image" [ ! -e "$out/a.vhdx" ]
faultfs_set "$TMP/fault" clear
faultfs_set "$TMP/fault" "eio 0 4096"
refused "a disk that cannot be read at all" disk-read 1 "$(input "$TMP/fault/disk" "$out/b.vhdx")"
faultfs_set "$TMP/fault" clear
rm -f "$out"/* "$out"/.[!.]*

# --- ended at any moment: nothing under the final name; the same request continues it
# Slow enough that the copy lasts about two seconds.
faultfs_set "$TMP/fault" "slow 15000"
for signal in TERM KILL TERM USR1 TERM KILL; do
	want=4 code=canceled
	[ $signal != KILL ] || want=137 code=
	[ $signal != USR1 ] || want=1 code=timeout
	start export "$(input "$TMP/fault/disk" "$out/b.vhdx" '"hashDisk": true')"
	must wait_for 20 test -s "$TMP/started"
	sleep "0.$((RANDOM % 9))"
	kill -$signal "$pid"
	finish
	is "ended by $signal: status" "$status" $want
	[ -z "$code" ] || is "ended by $signal: code" "$(error_code)" $code
	ok "ended by $signal: no image" [ ! -e "$out/b.vhdx" ]
done
start export "$(input "$TMP/fault/disk" "$out/b.vhdx")"
must wait_for 20 grep -q '"event":"plan"' "$TMP/started"
sleep 1
is "the worker runs under its filter" \
	"$(awk '/^(NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$pid/status" | xargs)" \
	"$(case $BUILD in *asan*) echo 1 0 ;; *) echo 1 2 ;; esac)"
kill -TERM "$pid"
finish
faultfs_set "$TMP/fault" clear
work export "$(input "$TMP/fault/disk" "$out/b.vhdx" '"hashDisk": true')"
is "after all that the request succeeds" "$status" 0
ok "it continued what was there" [ "$(event result .result.artifacts.bytesResumed)" -gt 0 ]
is "its hash is right" "$(event result .result.artifacts.md5Hash)" "$expected_md5"
run_ok "it reads as expected" qemu-img compare -f raw -F vhdx "$expected" "$out/b.vhdx"
run_ok "qemu-img finds no fault" qemu-img check -f vhdx "$out/b.vhdx"
is "nothing but the image is left" "$(ls -A "$out")" b.vhdx
rm -f "$out"/*

# --- no room
mkdir "$TMP/small"
if mount -t tmpfs -o size=40m ce-test "$TMP/small" 2>/dev/null; then
	at_exit umount "$TMP/small"
	work export "$(input "$disk" "$TMP/small/a.vhdx")"
	is "no room: status" "$status" 3
	is "no room: code" "$(error_code)" no-space
	is "no room: nothing was written" "$(ls -A "$TMP/small")" ""
	mount -o remount,size=400m "$TMP/small"
	faultfs_set "$TMP/fault" "slow 10000"
	start export "$(input "$TMP/fault/disk" "$TMP/small/a.vhdx")"
	must wait_for 20 grep -q '"event":"plan"' "$TMP/started"
	fallocate -l 330m "$TMP/small/ballast"
	finish
	is "room lost half way: code" "$(error_code)" no-space
	is "room lost half way: status" "$status" 1
	is "room lost half way: it takes no room" "$(ls -A "$TMP/small")" ballast
	faultfs_set "$TMP/fault" clear
else
	skip "a full file system" "tmpfs cannot be mounted"
fi

# --- inspection
work inspect "{\"disk\": {\"path\": \"$disk\"}}"
is "inspect: status" "$status" 0
is "inspect: size" "$(event result .result.disk.size)" "$(stat -c %s "$disk")"
is "inspect: partitions" "$(event result '[.result.partitionTable.partitions[].fileSystem] | join(" ")')" \
	"vfat  ntfs ntfs"
like "inspect: the NTFS volume's label" "$(event result '.result.partitionTable.partitions[].ntfs.label // empty')" Windows
truncate -s 100M "$TMP/short.raw"
must dd if="$disk" of="$TMP/short.raw" bs=1M count=100 conv=notrunc,sparse
work inspect "{\"disk\": {\"path\": \"$TMP/short.raw\"}}"
is "inspect: a truncated disk is a problem, not a failure" "$status $(event result '.result.problems[].code')" \
	"0 disk-truncated"
exec 5<"$disk"
work inspect '{"disk": {"fd": 5, "name": "sdx"}}'
is "inspect: an open descriptor" "$(event result .result.disk.name)" sdx
exec 5<&-
work check "{\"disk\": {\"path\": \"$disk\"}}"
is "check: a raw disk is refused" "$status $(error_code)" "3 image-unsupported"

# --- one export at a time to one target
faultfs_set "$TMP/fault" "slow 15000"
start export "$(input "$TMP/fault/disk" "$out/busy.vhdx")"
must wait_for 20 test -e "$out/busy.vhdx.ce-partial"
work export "$(input "$disk" "$out/busy.vhdx")"
is "a second export to the same target is refused" "$status $(error_code)" "3 target-busy"
kill -TERM "$pid"
finish
faultfs_set "$TMP/fault" clear
rm -f "$out"/*

# --- usage
run_status_is "no verb: usage" 2 "$worker"
run_status_is "an unknown verb: usage" 2 "$worker" format
work export 'not json'
is "no JSON: status and code" "$status $(error_code)" "2 not-json"

# --- memory
case $BUILD in
*asan*) skip "peak memory" "measured without sanitizers" ;;
*)
	printf '%s' "$(input "$disk" "$out/m.vhdx" '"hashDisk": true')" >"$TMP/input"
	/usr/bin/time -f %M -o "$TMP/rss" "$worker" export <"$TMP/input" >/dev/null 2>&1
	diag "peak memory of an export: $(cat "$TMP/rss") KiB"
	ok "peak memory is at most 128 MiB" [ "$(cat "$TMP/rss")" -le 131072 ]
	;;
esac

is "not one byte of the source has changed" "$(sha256sum <"$disk")" "$sha_before"
done_testing
