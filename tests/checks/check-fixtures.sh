#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The disks other tests are made from are what they claim to be, and so is what is expected of an export.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
[ "$(id -u)" = 0 ] || skip_all "making disks needs root (loop devices, ntfs-3g mounts)"

# free_clusters_zeroed VOLUME FILE: the volume as ntfsclone restores it, free clusters in zeroes
free_clusters_zeroed() {
	ntfsclone --quiet --save-image --output - "$1" 2>/dev/null |
		ntfsclone --quiet --restore-image --overwrite "$2" - >/dev/null 2>&1
}

for name in small small-mbr; do
	disk=$(fixture $name) || { ok "$name is made" false && continue; }
	run_ok "$name: the partition table is sound" sfdisk --verify "$disk"
	c=2
	[ $name = small ] || c=1
	partition "$disk" $c "$TMP/source"
	run_ok "$name: C: is sound" ntfsfix --no-action "$TMP/source"
	mounted "$TMP/source" file_hashes >"$TMP/source.sha256"
	ok "$name: C: holds files" [ "$(wc -l <"$TMP/source.sha256")" -gt 450 ]
	mounted "$TMP/source" cat Users/Zoë/Downloads/setup.exe:Zone.Identifier >"$TMP/stream"
	is "$name: a stream beside a file" "$(wc -c <"$TMP/stream")" 60

	run_ok "$name: the expected export is made" "$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected"
	run_status_is "$name: it differs from the source" 1 cmp -s "$disk" "$TMP/expected"
	partition "$TMP/expected" $c "$TMP/volume"
	mounted "$TMP/volume" file_hashes >"$TMP/expected.sha256"
	is "$name: it holds the same files" "$(diff "$TMP/source.sha256" "$TMP/expected.sha256")" ""
	mounted "$TMP/volume" cat pagefile.sys >"$TMP/pagefile"
	ok "$name: pagefile.sys is all zero" [ -s "$TMP/pagefile" -a "$(tr -d '\0' <"$TMP/pagefile" | wc -c)" = 0 ]
	free_clusters_zeroed "$TMP/volume" "$TMP/restored"
	truncate -s "$(stat -c %s "$TMP/volume")" "$TMP/restored"
	run_ok "$name: its free clusters are zero" cmp "$TMP/volume" "$TMP/restored"
	free_clusters_zeroed "$TMP/source" "$TMP/restored"
	truncate -s "$(stat -c %s "$TMP/source")" "$TMP/restored"
	run_status_is "$name: those of the source are not" 1 cmp -s "$TMP/source" "$TMP/restored"
	rm -f "$TMP"/{source,volume,expected,restored,pagefile}
done
# The hives are read by hivexregedit, the volumes by ntfs-3g and mtools.
for options in "platform=vsphere firmware=uefi" "platform=xen firmware=bios product=server2022 extra=$TOP/tests/fixtures/windows/vda.txt"; do
	# shellcheck disable=SC2086  # a list of options
	disk=$(windows_fixture $options) || { ok "$options is made" false && continue; }
	run_ok "$options: the partition table is sound" sfdisk --verify "$disk"
	windows_volume "$disk" "$TMP/c"
	run_ok "$options: C: is sound" ntfsfix --no-action "$TMP/c"
	for hive in SYSTEM SOFTWARE DRIVERS DEFAULT; do
		hive_file "$TMP/c" $hive "$TMP/hive" && hive_text "$TMP/hive" >"$TMP/$hive.reg"
	done
	ok "$options: two control sets" [ "$(grep -c "^.ControlSet00[12].Services.storvsc.StartOverride$" "$TMP/SYSTEM.reg")" = 2 ]
	is "$options: every hive says something" "$(cd "$TMP" && grep -l = SYSTEM.reg SOFTWARE.reg DRIVERS.reg DEFAULT.reg | wc -l)" 4
	is "$options: files" "$(file_list "$TMP/c" | grep -c "Windows/System32/drivers/.*[.]sys 1024$" | awk "{ print (\$1 > 30) }")" 1
done
disk=$(windows_fixture platform=vsphere firmware=uefi)
partition "$disk" 0 "$TMP/esp"
run_ok "a boot store on the EFI system partition" mcopy -i "$TMP/esp" ::EFI/Microsoft/Boot/BCD "$TMP/BCD"
ok "which names the loader" grep -q "winload.efi" <(hive_text "$TMP/BCD")

for name in a b; do
	run_ok "the same disk again: $name" "$TOP/tests/fixtures/make-disk.sh" size=200 used=20 "$TMP/$name.img"
	partition "$TMP/$name.img" 2 "$TMP/volume"
	mounted "$TMP/volume" file_hashes >"$TMP/$name.sha256"
done
is "the same options give the same files" "$(diff "$TMP/a.sha256" "$TMP/b.sha256")" ""
done_testing
