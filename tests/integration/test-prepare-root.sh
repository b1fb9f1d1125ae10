#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A Windows whose folder has another name: all comes to the same as in \Windows, file by file and value by value.
# And two on one volume: nothing of the other one's folder changes. Read by hivexregedit and ntfs-3g.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
cectl=$BUILD/agent/cectl
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/packs"

# looks FOLDER: hives and files of $TMP/disk, as they would be in \Windows
looks() {
	local h
	windows_volume "$TMP/disk" "$TMP/volume" && ntfsfix --no-action "$TMP/volume" >/dev/null || return 1
	for h in SYSTEM SOFTWARE DRIVERS DEFAULT; do
		hive_file "$TMP/volume" "$h" "$TMP/hive" "$1" && hive_text "$TMP/hive" | sed "s/C:\\\\$1/C:\\\\Windows/gI"
	done
	file_list "$TMP/volume" | sed "s|^$1/|Windows/|" | LC_ALL=C sort
}
prepare() { run "$cectl" local prepare --disk "$TMP/disk" --json "$@"; }

# --- the same as in \Windows
while read -r source target; do
	for root in Windows WINNT; do
		must windows_copy "$TMP/disk" platform="$source" root=$root size=300
		looks $root >"$TMP/before.$root" || ok "$source in $root: looked at" false
		prepare --target "$target" --packs "$TMP/packs"
		is "$source to $target in $root: prepared" "$run_status" 0 || _show_run
		looks $root >"$TMP/after.$root" || ok "$source in $root: looked at" false
		prepare --target "$target" --packs "$TMP/packs"
		is "$source to $target in $root: a second run plans nothing" "$run_status $(run_out | jq '.plan.actions | length')" "0 0"
	done
	is "$source in another folder: the disks are alike" "$(diff "$TMP/before.Windows" "$TMP/before.WINNT" | head -20)" ''
	ok "$source to $target: there was much to do" [ "$(diff "$TMP/before.WINNT" "$TMP/after.WINNT" | grep -c '^[<>]')" -gt 100 ]
	is "$source to $target: the same comes of it" "$(diff "$TMP/after.Windows" "$TMP/after.WINNT" | head -20)" ''
done <<-'END'
	vsphere kvm
	kvm azure
	xen gcp
END

# --- two on one volume: the one that is not chosen keeps every byte
# folder NAME: SHA-256 of every file in it, and the folders
folder() { mounted "$TMP/volume" find "$1" \( -type f -exec sha256sum {} + \) -o -print | LC_ALL=C sort; }
must windows_copy "$TMP/disk" platform=vsphere firmware=bios root=Win2 size=300
must windows_copy "$TMP/other" platform=vsphere firmware=bios size=300
must windows_volume "$TMP/other" "$TMP/volume"
mkdir "$TMP/tree"
must mounted "$TMP/volume" cp -r Windows "$TMP/tree"
(cd "$TMP/tree" && find Windows -type f -printf '\\%P\t%p\n' | sed 's|/|\\|g; s|^|\\Windows|; s|\t|\t'"$TMP/tree/"'|; ') |
	awk -F'\t' '{ gsub(/\\/, "/", $2); print $1 "\t" $2 }' >"$TMP/list"
must windows_volume "$TMP/disk" "$TMP/volume"
must "$BUILD/tests/fixtures/fill-ntfs" "$TMP/volume" <"$TMP/list"
start=$(sfdisk --json "$TMP/disk" | jq '.partitiontable.partitions[1].start * 512')
must "$BUILD/tests/fixtures/copy-range" "$TMP/volume" 0 "$(stat -c %s "$TMP/volume")" "$TMP/disk" "$start"
folder Windows >"$TMP/other.before"
prepare --target azure
is "two Windows: neither is guessed" "$run_status $(run_out | jq -r .error.code)" "3 two-windows"
prepare --target azure --root '\win2'
is "two Windows: the chosen one is prepared" "$run_status" 0 || _show_run
ok "two Windows: in many files" [ "$(run_out | jq '.plan.totals.files')" -gt 5 ]
must windows_volume "$TMP/disk" "$TMP/volume"
folder Windows >"$TMP/other.after"
ok "two Windows: the other has many files" [ "$(wc -l <"$TMP/other.before")" -gt 60 ]
is "two Windows: every byte of it is as it was" "$(diff "$TMP/other.before" "$TMP/other.after")" ''
prepare --target azure --root '\Win2'
is "two Windows: a second run plans nothing" "$run_status $(run_out | jq '.plan.actions | length')" "0 0"
prepare --target azure --root '\Windows'
is "two Windows: then the other one" "$run_status" 0 || _show_run
done_testing
