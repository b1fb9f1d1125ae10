#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The disks other tests are made from are what they claim to be, and so is what is expected of an export.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/fixtures.sh"
[ "$(id -u)" = 0 ] || skip_all "making disks needs root (loop devices, ntfs-3g mounts)"

# volume DISK INDEX: that partition as a file
volume() {
	local start size
	read -r start size < <(sfdisk --json "$1" | jq -r ".partitiontable.partitions[$2] | \"\(.start) \(.size)\"")
	dd if="$1" of="$TMP/volume" bs=1M iflag=skip_bytes,count_bytes skip=$((start * 512)) \
		count=$((size * 512)) conv=sparse status=none
	truncate -s $((size * 512)) "$TMP/volume"
}
mounted() { # COMMAND...: with $TMP/volume mounted read-only at $TMP/mnt
	mkdir -p "$TMP/mnt"
	ntfs-3g -o ro,streams_interface=windows "$TMP/volume" "$TMP/mnt" || return 1
	at_exit umount "$TMP/mnt"
	"$@"
	local status=$?
	umount "$TMP/mnt"
	return $status
}
hashes() { (cd "$TMP/mnt" && find . -type f ! -name '*fil*.sys' -print0 | sort -z | xargs -0 sha256sum); }

for name in small small-mbr; do
	disk=$(fixture $name) || { ok "$name is made" false && continue; }
	run_ok "$name: the partition table is sound" sfdisk --verify "$disk"
	c=2
	[ $name = small ] || c=1
	volume "$disk" $c
	run_ok "$name: C: is sound" ntfsfix --no-action "$TMP/volume"
	mounted hashes >"$TMP/source.sha256"
	ok "$name: C: holds files" [ "$(wc -l <"$TMP/source.sha256")" -gt 450 ]

	run_ok "$name: the expected export is made" "$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected"
	ok "$name: it differs from the source" eval '! cmp -s "$disk" "$TMP/expected"'
	volume "$TMP/expected" $c
	mounted hashes >"$TMP/expected.sha256"
	is "$name: it holds the same files" "$(diff "$TMP/source.sha256" "$TMP/expected.sha256")" ""
	mounted cat "$TMP/mnt/pagefile.sys" >"$TMP/pagefile"
	ok "$name: pagefile.sys is all zero" [ -s "$TMP/pagefile" -a "$(tr -d '\0' <"$TMP/pagefile" | wc -c)" = 0 ]
	run_ok "$name: free clusters are zero" cmp "$TMP/volume" <(
		ntfsclone --quiet --save-image --output - "$TMP/volume" 2>/dev/null |
			ntfsclone --quiet --restore-image --overwrite "$TMP/restored" - >/dev/null 2>&1
		cat "$TMP/restored"
	)
	rm -f "$TMP"/{volume,expected,restored,pagefile}
done
"$TOP/tests/fixtures/make-disk.sh" size=200 used=20 "$TMP/a.img" && "$TOP/tests/fixtures/make-disk.sh" size=200 used=20 "$TMP/b.img"
for name in a b; do
	volume "$TMP/$name.img" 2
	mounted hashes >"$TMP/$name.sha256"
done
is "the same options give the same files" "$(diff "$TMP/a.sha256" "$TMP/b.sha256")" ""
done_testing
