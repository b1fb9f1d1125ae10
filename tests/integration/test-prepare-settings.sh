#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Page files, settings and the boot configuration of whole disks, UEFI and BIOS, there and back again; what came
# of it is read by ntfscat, mtools, hivexregedit, fsck.fat and ntfsfix.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"

cectl=$BUILD/agent/cectl
memory='Control\Session Manager\Memory Management'
ems='{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}'
manager='{9dea862c-5cdd-4e70-acc1-f32b344d4795}'
loader='{b00710ad-0000-4000-8000-000000000001}' # windows/bcd-*.txt

# prepare TARGET [MEMBERS]: the disk, by a request with these members; the plan in $TMP/plan
prepare() {
	echo "{${2-}}" >"$TMP/request"
	"$cectl" local prepare --disk "$TMP/disk" --target "$1" --request "$TMP/request" --json >"$TMP/plan" 2>"$TMP/log"
}
planned() { jq "[.plan.actions[] | select($1)] | length" "$TMP/plan"; }

# look FIRMWARE: what is on the disk now: its volumes, the SYSTEM hive and the boot store
look() {
	windows_volume "$TMP/disk" "$TMP/volume" && hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM" &&
		partition "$TMP/disk" 0 "$TMP/boot" || return 1
	if [ "$1" = uefi ]; then
		mcopy -n -o -i "$TMP/boot" ::EFI/Microsoft/Boot/BCD "$TMP/BCD"
	else
		ntfscat "$TMP/boot" /Boot/BCD >"$TMP/BCD"
	fi
}
# value HIVE KEY NAME: as hivexregedit writes it; nothing where there is none
value() {
	hivexregedit --export --unsafe-printable-strings --max-depth 1 "$TMP/$1" "\\$2" 2>/dev/null | sed -n "s/^\"$3\"=//p"
}
element() { value BCD "Objects\\$1\\Elements\\$2" Element; }
# paging SET: its page files, as text
paging() {
	value SYSTEM "$1\\$memory" PagingFiles | sed 's/^hex(7)://; s/,//g' | tr a-f A-F | basenc -d --base16 | iconv -f UTF-16LE -t UTF-8 | tr -d '\0'
}
sound() {
	if [ "$1" = uefi ]; then fsck.fat -n "$TMP/boot"; else ntfsfix -n "$TMP/boot"; fi && ntfsfix -n "$TMP/volume"
}

for firmware in uefi bios; do
	name="$firmware, Azure to Hyper-V"
	must windows_copy "$TMP/disk" platform=azure firmware=$firmware
	run_ok "$name: prepared" prepare hyperv
	run_ok "$name: looked at" look $firmware
	run_ok "$name: the volumes are sound" sound $firmware
	for set in ControlSet001 ControlSet002; do
		is "$name: $set: page file" "$(paging $set)" 'C:\pagefile.sys 0 0'
		is "$name: $set: clock" "$(value SYSTEM "$set\\Control\\TimeZoneInformation" RealTimeIsUniversal)" ''
	done
	is "$name: the old page file is gone" "$(ntfsls -s "$TMP/volume" 2>/dev/null | grep -c 'pagefile.sys')" 0
	is "$name: no serial console" "$(element "$loader" 260000b0)" ''

	name="$firmware, back to Azure"
	run_ok "$name: prepared" prepare azure '"pagefile": "temporaryDisk", "enableRdp": true'
	run_ok "$name: looked at" look $firmware
	run_ok "$name: the volumes are sound" sound $firmware
	for set in ControlSet001 ControlSet002; do
		is "$name: $set: page file" "$(paging $set)" 'D:\pagefile.sys'
		is "$name: $set: clock" \
			"$(value SYSTEM "$set\\Control\\TimeZoneInformation" RealTimeIsUniversal)" dword:00000001
		is "$name: $set: Remote Desktop" \
			"$(value SYSTEM "$set\\Control\\Terminal Server" fDenyTSConnections)" dword:00000000
		is "$name: $set: firewall" "$(value SYSTEM \
			"$set\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules" \
			RemoteDesktop-UserMode-In-TCP | grep -o 'Active=[A-Z]*')" Active=TRUE
	done
	is "$name: console on port 1" "$(element "$ems" 15000022)" 'hex(3):01,00,00,00,00,00,00,00'
	is "$name: console of Windows" "$(element "$loader" 260000b0)" 'hex(3):01'
	is "$name: console of the boot manager" "$(element "$manager" 16000020)" 'hex(3):01'
	run_ok "$name: again" prepare azure '"pagefile": "temporaryDisk", "enableRdp": true'
	is "$name: nothing is left to do" "$(planned true)" 0
done

run_status_is "a target without a temporary disk refuses it" 2 prepare hyperv '"pagefile": "temporaryDisk"'
is "by its code" "$(jq -r .error.code "$TMP/plan")" invalid-field
done_testing
