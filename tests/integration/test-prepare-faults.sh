#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A preparation that is killed or cannot write: the disk is as it was, byte for byte, or what was begun can be
# completed. CE_KILLS: how many times it is killed (200).
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/lib/faultfs.sh"
[ "$(id -u)" = 0 ] && faultfs_available || skip_all "failing disks need root and /dev/fuse"
cectl=$BUILD/agent/cectl
disk=$TMP/disk journal=$TMP/disk.ce-journal fuse=$TMP/fuse
kills=${CE_KILLS:-200}
RANDOM=7 # the same moments each time, as far as clocks go

original=$(windows_fixture platform=vsphere firmware=bios size=230) || { echo "Bail out! the disk is not made"; exit 1; }
fresh() { rm -f "$disk" "$journal" && cp --sparse=always "$original" "$disk" && chmod u+w "$disk"; }
prepare() { run "$cectl" local prepare --disk "$1" --target azure --json "${@:2}"; }
actions() { run_out | jq '.plan.actions | length'; }
untouched() { cmp -s "$original" "$disk"; }

# looks DISK: what a preparation makes of it, without the time of day: hives, files, soundness
looks() {
	local h
	windows_volume "$1" "$TMP/c" && ntfsfix --no-action "$TMP/c" >/dev/null || return 1
	for h in SYSTEM SOFTWARE DRIVERS DEFAULT; do
		hive_file "$TMP/c" $h "$TMP/hive" && hive_text "$TMP/hive"
	done
	file_list "$TMP/c"
}

# --- what it comes to where nothing goes wrong, and how long it takes
fresh
before=$(date +%s%N)
prepare "$disk"
span=$((($(date +%s%N) - before) / 1000))
is "nothing goes wrong: prepared" "$run_status" 0 || _show_run
looks "$disk" >"$TMP/expected"
ok "its hives and files are read" [ "$(wc -l <"$TMP/expected")" -gt 1000 ]
prepare "$disk"
is "a second run plans nothing" "$(actions)" 0

# --- KILL at any moment: half of them over the whole run, half in its last third, where it commits
declare -A seen=([untouched]=0 [complete]=0 [completed]=0)
bad='' checked=0
fresh
for ((i = 0; i < kills; i++)); do
	if ((i % 2)); then delay=$((RANDOM * 32768 + RANDOM)) && delay=$((delay % (span * 11 / 10))); else
		delay=$((span * 2 / 3 + (RANDOM * 32768 + RANDOM) % (span / 2)))
	fi
	setsid "$cectl" local prepare --disk "$disk" --target azure --json >"$TMP/killed.out" 2>&1 &
	pid=$!
	disown $pid # or bash tells of every kill
	sleep "$(printf %d.%06d $((delay / 1000000)) $((delay % 1000000)))"
	pkill -KILL -s $pid # the session that began here: cectl and its worker
	while pgrep -s $pid >/dev/null; do sleep 0.01; done
	# a worker that was just being started has seen its parent die a moment later
	for ((try = 0; try < 100; try++)); do
		run "$cectl" local recover --disk "$disk" --json
		run_err | grep -q 'disk-busy' || break
		sleep 0.05
	done
	[ "$run_status" = 0 ] || { bad+="recover fails after $delay us: $(run_err | tail -1)"$'\n' && fresh && continue; }
	if [ "$(run_out | jq .completed)" = true ]; then how=completed; elif untouched; then how=untouched; else how=complete; fi
	seen[$how]=$((seen[$how] + 1))
	[ ! -e "$journal" ] || bad+="a journal is left after $delay us"$'\n'
	[ $how != untouched ] || continue
	prepare "$disk"
	[ "$run_status/$(actions)" = 0/0 ] || bad+="$how after $delay us, but not all is done: $(run_out | jq -c '.plan.actions[0]')"$'\n'
	if ((checked++ < 12)); then
		looks "$disk" | cmp -s "$TMP/expected" - || bad+="$how after $delay us, but it looks different"$'\n'
	fi
	fresh
done
is "$kills times killed: untouched or completable" "$bad" ""
diag "untouched ${seen[untouched]}, completed by recover ${seen[completed]}, complete already ${seen[complete]}"
ok "some kills left the disk untouched, some came after" [ "${seen[untouched]}" -gt 0 -a $((seen[completed] + seen[complete])) -gt 0 ]

# --- the disk fails at one of the first writes
on_fuse() { faultfs_start "$disk" "$fuse" writable "$@"; }
fresh
on_fuse "eio-write 1" || ok "write error 1: the failing disk is there" false
prepare "$fuse/disk" --journal "$journal"
is "write error 1: the job fails" "$run_status" 1
like "write error 1: nothing was written" "$(run_out | jq -r .error.message)" "the disk is untouched"
faultfs_stop "$fuse"
ok "write error 1: the disk is as it was, and no journal is left" [ "$(untouched && echo same)" = same -a ! -e "$journal" ]
for n in 2 3 7 40; do
	fresh
	on_fuse "eio-write $n" || { ok "write error $n: the failing disk is there" false && continue; }
	prepare "$fuse/disk" --journal "$journal"
	is "write error $n: the job fails" "$run_status" 1
	like "write error $n: it says how to go on" "$(run_out | jq -c .error)" "cectl local recover"
	faultfs_stop "$fuse"
	run_ok "write error $n: recover completes it" "$cectl" local recover --disk "$disk" --journal "$journal"
	looks "$disk" | cmp -s "$TMP/expected" - || ok "write error $n: it is what it should be" false
done

# --- KILL at the Nth write of a completion, with half of the write done: the bytes are always the same
fresh
on_fuse "kill-write 1" && prepare "$fuse/disk" --journal "$journal"
isnt_zero=$run_status
faultfs_stop "$fuse"
is "killed at the first write of the commit" "$([ "$isnt_zero" = 0 ] || echo failed)" failed
cp --sparse=always "$disk" "$TMP/torn" && cp "$journal" "$TMP/journal"
blocks=$((($(stat -c %s "$journal") - 4096) / (4096 + 72)))
run_ok "recover completes it" "$cectl" local recover --disk "$disk" --journal "$journal"
cp --sparse=always "$disk" "$TMP/whole"
ok "it is what it should be" cmp -s "$TMP/expected" <(looks "$disk")
bad=''
for ((i = 0; i < 30; i++)); do
	n=$((i < 8 ? i + 1 : 1 + (RANDOM * 32768 + RANDOM) % blocks))
	fault=$([ $((i % 2)) = 0 ] && echo kill || echo eio)-write
	cp --sparse=always "$TMP/torn" "$disk" && cp "$TMP/journal" "$journal"
	on_fuse "$fault $n" || bad+="no failing disk"$'\n'
	"$cectl" local recover --disk "$fuse/disk" --journal "$journal" >"$TMP/killed.out" 2>&1 && bad+="$fault $n: recover says it went well"$'\n'
	[ -e "$journal" ] || bad+="$fault $n: the journal is gone"$'\n'
	faultfs_stop "$fuse"
	"$cectl" local recover --disk "$disk" --journal "$journal" >"$TMP/killed.out" 2>&1 || bad+="$fault $n: recover fails: $(tail -1 "$TMP/killed.out")"$'\n'
	cmp -s "$disk" "$TMP/whole" || bad+="$fault $n: other bytes"$'\n'
done
is "a completion that fails again and again ends in the same bytes" "$bad" ""

# --- a device that is set read-only: it can be opened for writing, and not written
fresh
if loop=$(losetup -r -f --show "$disk" 2>/dev/null); then
	for verb in "prepare --target azure" recover; do
		# shellcheck disable=SC2086
		run "$cectl" local $verb --disk "$loop" --journal "$journal" --json
		is "read-only device: ${verb%% *} is refused" "$run_status $(run_out | jq -r .error.code)" "3 disk-read-only" || _show_run
	done
	run_ok "read-only device: a dry run works" "$cectl" local prepare --disk "$loop" --target azure --dry-run
	losetup -d "$loop"
	ok "read-only device: untouched, and no journal is left" [ "$(untouched && echo same)" = same -a ! -e "$journal" ]
else
	skip "read-only device" "no loop devices"
fi

# --- no room for the journal
mkdir "$TMP/room"
for size in 4k 64k 256k 512k; do
	fresh
	must mount -t tmpfs -o size=$size none "$TMP/room"
	prepare "$disk" --journal "$TMP/room/journal"
	is "$size for the journal: refused" "$run_status" 3 || _show_run
	like "$size for the journal: it says why" "$(run_out | jq -c .error)" "write-failed|no-space"
	ok "$size for the journal: the disk is as it was" untouched
	umount "$TMP/room"
done

# --- no room for what the disk's file has not got yet: found before the first byte of it is written
must mount -t tmpfs -o size=64m none "$TMP/room"
fresh && cp --sparse=always "$disk" "$TMP/room/disk"
dd if=/dev/zero of="$TMP/room/fill" bs=64k status=none 2>/dev/null # until it is full
prepare "$TMP/room/disk" --journal "$journal"
is "no room for the disk: refused" "$run_status $(run_out | jq -r .error.code)" "3 no-space" || _show_run
like "no room for the disk: the way out" "$(run_out | jq -r .error.hint)" "where the disk's file is"
ok "no room for the disk: it is as it was" cmp -s "$original" "$TMP/room/disk"
ok "no room for the disk: no journal is left" [ ! -e "$journal" ]
rm "$TMP/room/fill"
prepare "$TMP/room/disk" --journal "$journal"
is "with room for the disk it works" "$run_status" 0
umount "$TMP/room"
prepare "$disk"
is "with room it works" "$run_status/$(run_out | jq .additionalInfo.artifacts.changed)" 0/true
done_testing
