#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Which partition the worker VM takes for its state: the image's own, and never one of a disk that somebody
# attached. lsblk and udevadm are stand-ins here; tests/e2e/test-surface.sh attaches such a disk.
. "$(dirname "$0")/../lib/tap.sh"
program=$TOP/image/root/usr/lib/ce-agent/ce-state
stranger=11111111-2222-3333-4444-555555555555
esp=6e0a0f4c-8f5b-4c7e-9e57-ce0000000001 state=6e0a0f4c-8f5b-4c7e-9e57-ce0000000002

# the identities are those that image/disk.sh writes, as sfdisk reads them
truncate -s 48M "$TMP/uki"
run_ok "a system disk is made" env SOURCE_DATE_EPOCH=1700000000 "$TOP/image/disk.sh" "$TMP/uki" "$TMP/ce.raw"
is "its partitions have the identities" "$(sfdisk -J "$TMP/ce.raw" | jq -r '.partitiontable.partitions[].uuid | ascii_downcase')" "$esp
$state"
is "the GPT is sound" "$(sgdisk -v "$TMP/ce.raw" | grep -c 'No problems found')" 1
at=$(sfdisk -J "$TMP/ce.raw" | jq '.partitiontable.partitions[1].start * 512')
run_ok "the state's ext4 is sound" e2fsck -fn "$TMP/ce.raw?offset=$at"
like "and its root is ce-agent's alone" "$(debugfs -R 'stat <2>' "$TMP/ce.raw?offset=$at" 2>/dev/null | tr -s ' \n' ' ')" \
	"Mode: 0700 .* User: $(sed -n 's/^u ce-agent \([0-9]*\) .*/\1/p' "$TOP/image/root/usr/lib/sysusers.d/ce-agent.conf") "

mkdir "$TMP/bin"
printf '#!/bin/sh\ncat "%s/lsblk.txt"\n' "$TMP" >"$TMP/bin/lsblk"
printf '#!/bin/sh\n' | tee "$TMP/bin/udevadm" >"$TMP/bin/sleep"
chmod +x "$TMP/bin"/*
link=$TMP/device

# state LINE...: with these disks; PARTUUID, NAME and disk of each partition there is
state() {
	printf '%s\n' " vda" "$@" >"$TMP/lsblk.txt"
	run env PATH="$TMP/bin:/usr/bin:/bin" "$program" "$link"
}
refused() { # WHAT REASON LINE...
	local what=$1 reason=$2
	shift 2
	state "$@"
	ok "$what: no state" [ "$run_status" != 0 ]
	like "$what: it says why" "$(run_err)" "$reason"
	ok "$what: no link" [ ! -L "$link" ]
}
ours=("$esp vda1 vda" "$state vda2 vda")

state "${ours[@]}" "$stranger vdb1 vdb"
is "the image's own is taken" "$run_status $(readlink "$link")" "0 /dev/vda2"
state " vdb" "$stranger vdb1 vdb" "${ours[@]}" # whatever the order
is "and again, after a restart" "$run_status $(readlink "$link")" "0 /dev/vda2"
refused "two disks of that identity" "several disks" "${ours[@]}" "$esp vdb1 vdb" "$state vdb2 vdb"
refused "another disk with the state's identity" "several disks" "${ours[@]}" "$state vdb2 vdb"
refused "only another disk with the state's identity" "not the disk of this image" "$esp vda1 vda" "$state vdb2 vdb"
refused "a disk with the state's identity, none with the image's" "not the disk of this image" "$stranger vda1 vda" "$state vdb2 vdb"
refused "another disk with the image's identity" "not the disk of this image" "${ours[@]}" "$esp vdb1 vdb"
refused "no such partition" "no state partition" "$stranger vda1 vda"
done_testing
