#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a preparation changes, line by line: hivexregedit's export of each hive and the list of files, before and
# after, for each source platform. The expected differences are in golden/; where a change is meant,
# tests/dev/prepare-golden.sh writes them anew and shows what became of them.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
[ "$(id -u)" = 0 ] && [ -w /dev/fuse ] || skip_all "looking into volumes needs root and /dev/fuse"
golden=$TOP/tests/integration/golden
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/pack"

# exported DISK PREFIX
exported() {
	local h
	windows_volume "$1" "$2.c" || return 1
	for h in SYSTEM SOFTWARE DRIVERS DEFAULT; do
		hive_file "$2.c" $h "$2.hive" && hive_text "$2.hive" >"$2.$h" && [ -s "$2.$h" ] || return 1
	done
	# hives grow by what they hold, the first start's program with every release
	file_list "$2.c" | sed 's|\(Windows/System32/config/[A-Z]*\) [0-9]*$|\1|; s|\(Windows/CEAgent/.*[.]exe\) .*|\1|' >"$2.files"
}

# differences BEFORE AFTER: "KEY<TAB>- VALUE" and "+"; what happened alike in both control sets once. The day of
# an import is no part of it.
differences() {
	local h
	for h in SYSTEM SOFTWARE DRIVERS DEFAULT files; do
		echo "== $h"
		diff "$1.$h" "$2.$h" | sed -n 's/^</-/p; s/^>/+/p' |
			sed 's/"ImportDate"=hex(3):.*/"ImportDate"=(a day)/; s/\\ControlSet00[12]/\\ControlSet/' |
			LC_ALL=C sort -k 2 | uniq -c |
			awk '{ n = $1; sub(/^ *[0-9]+ /, ""); print (n == 1 && /\\ControlSet/ ? "(one control set) " : "") $0 }'
	done
}

# source, target, options of the disk
while read -r from to options; do
	name=$from-to-$to.txt
	# shellcheck disable=SC2086  # a list of options
	windows_copy "$TMP/disk" platform="$from" size=400 $options || { ok "$name: the disk is made" false && continue; }
	exported "$TMP/disk" "$TMP/before" || { ok "$name: the disk is read" false && continue; }
	run "$BUILD/agent/cectl" local prepare --disk "$TMP/disk" --target "$to" --packs "$TMP/pack" --json
	is "$name: prepared" "$run_status" 0 || { _show_run && continue; }
	exported "$TMP/disk" "$TMP/after" || { ok "$name: the prepared disk is read" false && continue; }
	differences "$TMP/before" "$TMP/after" >"$TMP/$name"
	[ -z "${CE_GOLDEN_WRITE-}" ] || { mkdir -p "$golden" && cp "$TMP/$name" "$golden/$name"; }
	is "$name: the expected changes" "$(diff "$golden/$name" "$TMP/$name" | head -40)" ""
done <<END
vsphere gcp firmware=uefi
hyperv vsphere firmware=uefi product=server2022
azure aws firmware=uefi product=server2019
aws azure firmware=uefi product=server2016
gcp hyperv firmware=uefi product=server2025
ahv xen firmware=bios
xen ahv firmware=bios extra=$TOP/tests/fixtures/windows/vda.txt
kvm vsphere firmware=uefi product=win11
virtualbox kvm firmware=bios
END
done_testing
