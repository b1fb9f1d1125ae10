# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Looking into disk images with programs this project did not write. After tap.sh; mounting needs root.

# partition DISK INDEX FILE: that partition (from 0) of a raw disk as a file
partition() {
	local start size
	read -r start size < <(sfdisk --json "$1" | jq -r ".partitiontable.partitions[$2] | \"\(.start) \(.size)\"")
	rm -f "$3" && "$BUILD/tests/fixtures/copy-range" "$1" $((start * 512)) $((size * 512)) "$3" 0
}

# mounted FILE COMMAND...: in the root folder of that NTFS volume, mounted read-only (on $MNT)
mounted() {
	local volume=$1 mnt=${MNT:-$TMP/mnt} status
	shift
	mkdir -p "$mnt"
	ntfs-3g -o ro,streams_interface=windows "$volume" "$mnt" || return 1
	at_exit umount -l "$mnt"
	(cd "$mnt" && "$@")
	status=$?
	umount "$mnt"
	return $status
}

# file_hashes: SHA-256 of every file from here on, those that an export leaves out aside
file_hashes() {
	find . -type f ! -name pagefile.sys ! -name swapfile.sys ! -name hiberfil.sys -print0 |
		LC_ALL=C sort -z | xargs -0 sha256sum
}
