#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Exports of Windows-like disks, judged by programs this project did not write: qemu-img and libvhdi
# read the images, ntfsclone says what has to be in them, ntfs-3g and libguestfs read the files.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/fixtures.sh"
. "$TOP/tests/lib/volume.sh"
[ "$(id -u)" = 0 ] || skip_all "making and mounting NTFS volumes needs root"
cectl=$BUILD/agent/cectl

# export_as NAME FORMAT(of qemu-img) EXPECTED OPTION...: exports $disk to $TMP/image and compares
export_as() {
	local name=$1 format=$2 expected=$3
	shift 3
	rm -f "$TMP/image"
	run_ok "$name: export" "$cectl" local export --disk "$disk" --output "$TMP/image" --overwrite --hash --json "$@" ||
		return 1
	run_out >"$TMP/result.json"
	[ "$format" != vhdx ] || run_ok "$name: qemu-img check" qemu-img check -q -f vhdx "$TMP/image"
	[ "$format" != vpc ] || run_ok "$name: vhdiinfo" vhdiinfo "$TMP/image"
	run_ok "$name: reads as expected" qemu-img compare -q -f "$format" -F raw "$TMP/image" "$expected"
	is "$name: the job's MD5" "$(jq -r '.. | .md5Hash? // empty' "$TMP/result.json" | tr A-F a-f | head -n 1)" \
		"$(md5sum <"$expected" | cut -d ' ' -f 1)"
	is "$name: the job's SHA-256" "$(jq -r '.. | .sha256Hash? // empty' "$TMP/result.json" | tr A-F a-f | head -n 1)" \
		"$(sha256sum <"$expected" | cut -d ' ' -f 1)"
}

for fixture in small small-mbr; do
	disk=$(fixture $fixture) || { ok "$fixture is made" false && continue; }
	must "$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected"
	before=$(stat -c '%Y %s %b' "$disk") sum=$(sha256sum <"$disk")
	export_as "$fixture, raw" raw "$TMP/expected" --format raw
	export_as "$fixture, VHDX of 1 MiB blocks" vhdx "$TMP/expected" --block-size 1M
	export_as "$fixture, VHDX of 256 MiB blocks" vhdx "$TMP/expected" --block-size 256M
	export_as "$fixture, fixed VHDX" vhdx "$TMP/expected" --type fixed
	export_as "$fixture, fixed VHD" vpc "$TMP/expected" --format vhd --type fixed
	export_as "$fixture, dynamic VHD" vpc "$TMP/expected" --format vhd
	mv "$TMP/image" "$TMP/$fixture.vhd"
	export_as "$fixture, VHDX" vhdx "$TMP/expected"
	mv "$TMP/image" "$TMP/$fixture.vhdx"
	is "$fixture: nothing else is left" "$(find "$TMP" -maxdepth 1 -name '*image*')" ""
	is "$fixture: the source was not touched" "$(stat -c '%Y %s %b' "$disk") $(sha256sum <"$disk")" "$before $sum"

	c=2
	[ $fixture = small ] || c=1
	partition "$disk" $c "$TMP/volume"
	mounted "$TMP/volume" file_hashes >"$TMP/$fixture.sha256"
	for format in vhdx vhd; do
		must qemu-img convert -O raw "$TMP/$fixture.$format" "$TMP/raw"
		run_ok "$fixture.$format: the partition table is sound" sfdisk --verify "$TMP/raw"
		partition "$TMP/raw" $c "$TMP/volume"
		run_ok "$fixture.$format: C: is sound" ntfsfix --no-action "$TMP/volume"
		mounted "$TMP/volume" file_hashes >"$TMP/got"
		is "$fixture.$format: every file by ntfs-3g" "$(diff "$TMP/$fixture.sha256" "$TMP/got")" ""
	done
done

# What the options add; $disk is small-mbr.
must "$TOP/tests/fixtures/zero-excluded.sh" --keep-excluded "$disk" "$TMP/expected"
export_as "--keep-pagefile" vhdx "$TMP/expected" --keep-pagefile
export_as "--whole-disk" vhdx "$disk" --whole-disk

# An image and a block device as the source.
must "$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected"
loop=$(losetup --find --show --read-only "$disk")
at_exit losetup --detach "$loop"
for disk in "$TMP/small-mbr.vhdx" "$TMP/small-mbr.vhd" "$loop"; do
	export_as "from ${disk##*/}" vhdx "$TMP/expected"
done

# libguestfs: an appliance of its own kernel and tools; the emulator works on every machine.
export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg LIBGUESTFS_CACHEDIR=$CE_CACHE
if run_ok "libguestfs reads the images" timeout 600 "$TOP/build/tests/integration/guestfs-hashes" Windows \
	vhdx "$TMP/small.vhdx" "$TMP/guestfs-small" vpc "$TMP/small-mbr.vhd" "$TMP/guestfs-small-mbr"; then
	for fixture in small small-mbr; do
		is "$fixture: every file by libguestfs" \
			"$(grep -vE '\./(pagefile|swapfile|hiberfil)\.sys$' "$TMP/guestfs-$fixture" | LC_ALL=C sort -k 2 |
				diff "$TMP/$fixture.sha256" -)" ""
	done
fi
done_testing
