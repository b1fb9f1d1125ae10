# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Disks with a Windows for tests, and looking into them with programs this project did not write. After tap.sh.
. "$TOP/tests/lib/fixtures.sh"
. "$TOP/tests/lib/volume.sh"
# shellcheck disable=SC2034  # used by those who source this
SOURCES=(vsphere hyperv azure aws gcp ahv xen kvm virtualbox)
# shellcheck disable=SC2034
TARGETS=(vsphere hyperv azure aws gcp ahv xen kvm)

# The folder of real data, or nothing.
real_data() {
	local folder=${CE_TEST_DATA:-$TOP/../shared/data}
	[ ! -d "$folder" ] || readlink -f "$folder"
}

# windows_fixture OPTION=VALUE...: the path of that disk (make-windows.sh), kept in the cache and only read
windows_fixture() {
	local key path
	key=$(cat "$TOP"/tests/fixtures/{make-windows.sh,make-pe.sh,guest-text.awk,fill-ntfs.c,make-hive.c} \
		"$TOP"/tests/fixtures/windows/*.txt - <<<"$*" | sha256sum | cut -c 1-16)
	path=$CE_CACHE/windows-$key.img
	(
		mkdir -p "$CE_CACHE" && flock 9 || exit 1
		[ ! -e "$path" ] || exit 0
		"$TOP/tests/fixtures/make-windows.sh" "$@" "$path.new" >&2 && chmod a-w "$path.new" && mv "$path.new" "$path"
	) 9>"${TMPDIR:-/tmp}/ce-fixture-windows-$key.lock" || return 1
	echo "$path"
}

# windows_copy OUTPUT OPTION=VALUE...: a copy of that disk to write to
windows_copy() {
	local out=$1 from
	shift
	from=$(windows_fixture "$@") && cp --sparse=always "$from" "$out" && chmod u+w "$out"
}

# windows_volume DISK FILE: its Windows volume as a file
windows_volume() {
	local index=2
	[ "$(sfdisk --json "$1" | jq -r .partitiontable.label)" = gpt ] || index=1
	partition "$1" $index "$2"
}

# hive_file VOLUME HIVE FILE [FOLDER]: a hive out of a volume, of the Windows in that folder
hive_file() {
	ntfscat "$1" "/${4:-Windows}/System32/config/$2" >"$3"
}

# hive_text FILE: all of a hive, a key or value a line (hive-lines.awk)
hive_text() {
	hivexregedit --export --unsafe-printable-strings "$1" \\ 2>/dev/null | gawk -f "$TOP/tests/lib/hive-lines.awk"
}

# file_list VOLUME: path and size of every file, path of every folder
file_list() {
	mounted "$1" find . -type f -printf '%P %s\n' -o -type d -printf '%P/\n' | LC_ALL=C sort
}
