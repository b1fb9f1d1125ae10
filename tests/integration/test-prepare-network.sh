#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Network identity and the VDA on whole disks of every source, judged by hivexregedit, ntfsls and a second run.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"

cectl=$BUILD/agent/cectl
vda=extra=$TOP/tests/fixtures/windows/vda.txt
controllers='"xdReconfigure": [{"ParameterName": "controllers", "ParameterValue": "ddc1.example,ddc2.example"}]'

# prepare TARGET MEMBERS: the disk, by a request with these members; the answer in $TMP/plan
prepare() {
	echo "{$2}" >"$TMP/request"
	"$cectl" local prepare --disk "$TMP/disk" --target "$1" --request "$TMP/request" --json >"$TMP/plan" 2>"$TMP/log"
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
done_testing
