# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A disk that fails when told to (tests/fixtures/faultfs.c). Source tap.sh first.
#   faultfs_start FILE DIR [FAULT...]    DIR/disk is FILE; ends with the test
#   faultfs_set DIR FAULT                one fault more, e.g. "eio-after 1048576", or "clear"
#   faultfs_bytes DIR                    bytes read so far
#   faultfs_writes DIR                   writes to the disk so far ("writable" among the faults)
#   faultfs_stop DIR

# Root, /dev/fuse and the program: else the caller skips.
faultfs_available() {
	[ -w /dev/fuse ] && [ -x "$BUILD/tests/fixtures/faultfs" ] && command -v fusermount3 >/dev/null
}

faultfs_start() {
	local file=$1 dir=$2
	shift 2
	mkdir -p "$dir" || return 1
	"$BUILD/tests/fixtures/faultfs" "$file" "$dir" "$@" >"$dir.log" 2>&1 </dev/null &
	at_exit faultfs_stop "$dir"
	wait_for 60 test -e "$dir/control"
}

faultfs_set() {
	printf '%s\n' "$2" >"$1/control"
}

faultfs_writes() {
	cut -d " " -f 3 "$1/control"
}

faultfs_bytes() {
	cut -d ' ' -f 2 "$1/control"
}

# The program ends when its folder is unmounted.
faultfs_stop() {
	fusermount3 -u "$1" 2>/dev/null || fusermount3 -uz "$1" 2>/dev/null
}
