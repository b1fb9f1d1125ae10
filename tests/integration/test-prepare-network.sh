#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Network identity and the VDA on whole disks of every source, judged by hivexregedit, ntfs-3g and a second run.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"

cectl=$BUILD/agent/cectl
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/packs"
vda=extra=$TOP/tests/fixtures/windows/vda.txt
controllers='"xdReconfigure": [{"ParameterName": "controllers", "ParameterValue": "ddc1.example,ddc2.example"}]'

# prepare TARGET MEMBERS: the disk, by a request with these members; the answer in $TMP/plan
prepare() {
	echo "{$2}" >"$TMP/request"
	"$cectl" local prepare --disk "$TMP/disk" --target "$1" --packs "$TMP/packs" --request "$TMP/request" --json >"$TMP/plan" 2>"$TMP/log"
}
planned() { jq '.plan.actions | length' "$TMP/plan"; }
# look: the hives as text, and the volume, as they are now
look() {
	windows_volume "$TMP/disk" "$TMP/volume" && hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM" &&
		hive_file "$TMP/volume" SOFTWARE "$TMP/SOFTWARE" &&
		hive_text "$TMP/SYSTEM" >"$TMP/system" && hive_text "$TMP/SOFTWARE" >"$TMP/software"
}
guid_of() { sed -n 's/^nic \({[^}]*}\).*/\1/p' "$TOP/tests/fixtures/windows/$1.txt" | head -1; }
mentions() { grep -a -i -c -F -e "$2" "$TMP/$1"; }
# service NAME: a value of the first start's service, of each control set that has it
service() { sed -n "s/^\\\\ControlSet00[12]\\\\Services\\\\CEFirstBoot\t\"$1\"=//p" "$TMP/system" | xargs -d '\n'; }
files() { MNT=$TMP/mnt file_list "$TMP/volume" | grep -i ceagent; }

[ "$(id -u)" = 0 ] && [ -w /dev/fuse ] || skip_all "looking into volumes needs root and /dev/fuse"
for source in "${SOURCES[@]}"; do
	target=azure
	[ "$source" != azure ] || target=hyperv
	guid=$(guid_of "$source")
	[ -n "$guid" ] || continue
	name="$source to $target"
	must windows_copy "$TMP/disk" platform="$source" "$vda"
	must look
	ok "$name: the adapter is there" test "$(mentions system "$guid")" -gt 0
	run_ok "$name, keep: prepared" prepare $target '"network": "keep"'
	must look
	ok "$name, keep: the adapter is there" test "$(mentions system "$guid")" -gt 0
	ok "$name, keep: handed over" test "$(mentions software "CE Agent\\Network\\Adapters\\$guid")" -gt 0
	is "$name, keep: the service starts by itself, in both control sets" "$(service Start)" "dword:00000002 dword:00000002"
	is "$name, keep: its program" "$(service ImagePath | cut -d ' ' -f 1)" 'str(2):"%SystemRoot%\CEAgent\ce-firstboot.exe"'
	ntfscat "$TMP/volume" /Windows/CEAgent/ce-firstboot.exe >"$TMP/exe"
	run_ok "$name, keep: the program is there" cmp "$TMP/exe" "$BUILD/winprep/firstboot/ce-firstboot.exe"
	like "$name, keep: for x64" "$(objdump -f "$TMP/exe")" 'pei-x86-64'
	like "$name, keep: the notes say what will happen" "$(jq -r '.plan.notes[].message' "$TMP/plan")" 'Windows restarts once'
	is "$name, keep: no warning" "$(grep -c network-first-boot "$TMP/plan")" 0
	run_ok "$name, keep: the volume is sound" ntfsfix -n "$TMP/volume"
	is "$name, keep: an inspection shows it" "$("$cectl" local inspect --disk "$TMP/disk" --json 2>/dev/null | jq -c .windows.firstBoot)" \
		'{"pending":true,"starts":null,"state":null}'
	run_ok "$name, keep: prepared again" prepare $target '"network": "keep"'
	is "$name, keep: nothing is left to do" "$(planned)" 0
	if [ "$source" != virtualbox ]; then # no target
		run_ok "$name and back: prepared" prepare "$source" '"network": "keep"'
		must look
		is "$name and back: no service" "$(service Start)" ''
		is "$name and back: no program" "$(files)" ''
		run_ok "$name and back: prepared again" prepare "$source" '"network": "keep"'
		is "$name and back: nothing is left to do" "$(planned)" 0
	fi
	must windows_copy "$TMP/disk" platform="$source" "$vda"
	run_ok "$name, dhcp: prepared" prepare $target "\"network\": \"dhcp\", $controllers"
	must look
	is "$name, dhcp: nothing names the adapter" "$(mentions system "$guid")" 0
	is "$name: controllers" "$(mentions software 'ddc1.example ddc2.example')" 1
	is "$name: the old controllers are forgotten" "$(mentions software old1.example.org)" 0
	is "$name: so are the caches" "$(ntfsls -R -s "$TMP/volume" 2>/dev/null |
		grep -c -E 'SavedListOfDDCsSids|Personality.ini')" 0
	run_ok "$name: the volume is sound" ntfsfix -n "$TMP/volume"
	run_ok "$name: prepared again" prepare $target "\"network\": \"dhcp\", $controllers"
	is "$name: nothing is left to do" "$(planned)" 0
done

# The last request counts, as long as Windows has not started.
must windows_copy "$TMP/disk" platform=vsphere
run_ok "unsaid, addresses set by hand: prepared" prepare azure ''
must look
is "unsaid, addresses set by hand: a first start" "$(service Start)" "dword:00000002 dword:00000002"
run_ok "then to a third platform" prepare aws ''
must look
is "then to a third platform: still" "$(service Start)" "dword:00000002 dword:00000002"
run_ok "then with dhcp" prepare aws '"network": "dhcp"'
must look
is "then with dhcp: no service" "$(service Start)" ''
is "then with dhcp: no program" "$(files)" ''
is "then with dhcp: no hand-over" "$(mentions software 'CE Agent\Network')" 0
must windows_copy "$TMP/disk" platform=azure
run_ok "unsaid, DHCP, for MCS: prepared" prepare hyperv '"provisioningType": "Mcs"'
must look
is "unsaid, DHCP, for MCS: no first start" "$(service Start)$(files)" ''
done_testing
