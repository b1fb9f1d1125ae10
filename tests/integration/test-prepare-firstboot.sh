#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Both halves of a first start, on one disk: prepared; the service that lies on it, as its registry has it, run by
# Wine on that registry with the new adapter in it; what came of that put back; inspected, and prepared for another
# platform. test-firstboot.sh has the service's own cases.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
command -v wine >/dev/null || skip_all "wine is not installed"
export HOME=$TMP WINEPREFIX=$TMP/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY
cectl=$BUILD/agent/cectl windows=$TOP/tests/fixtures/windows
root='HKEY_LOCAL_MACHINE\Software\CETest' service='HKLM\System\CurrentControlSet\Services\CEFirstBoot'
folder=$WINEPREFIX/drive_c/windows/CEAgent
guid='{C43669B3-AB3E-4D0E-8FDE-69579925A20F}'
device='VMBUS\{f8615163-df3e-46c5-913f-f2d2f965ed0e}\{b0b1b2b3-0000-4000-8000-00000000b001}'

wine_run() { timeout 120 wine "$@"; }
end_wine() { timeout 20 wineserver -k; }

# session: Windows starts; its services with it
session() {
	rm -f "$TMP/session" && mkfifo "$TMP/session" || return 1
	timeout 120 wine cmd <"$TMP/session" >"$TMP/cmd" 2>&1 &
	exec 7>"$TMP/session"
}
end_session() { exec 7>&- && wait && timeout 30 wineserver -w; }
has_run() { [ -s "$folder/firstboot.log" ] && ! wine_run sc query CEFirstBoot | grep -q 'STATE.*RUNNING'; }
has_service() { wine_run reg query "$service" >/dev/null 2>&1; }
# plant: program and service as they are on the disk
plant() {
	mkdir -p "$folder" && rm -f "$folder/firstboot.log" && install -m 755 "$TMP/exe" "$folder/ce-firstboot.exe" &&
		wine_run regedit /S "$TMP/service.reg"
}

# prepare TARGET: the disk
prepare() { "$cectl" local prepare --disk "$TMP/disk" --target "$1" --json >"$TMP/plan" 2>"$TMP/log"; }
look() {
	windows_volume "$TMP/disk" "$TMP/volume" && hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM" &&
		hive_file "$TMP/volume" SOFTWARE "$TMP/SOFTWARE"
}
# merge HIVE: its statements of $TMP/more
merge() { gawk -f "$TOP/tests/fixtures/guest-text.awk" -v out="$TMP" "$TMP/more" && hivexregedit --merge "$TMP/$1" "$TMP/$1.reg"; }
# to_reg PREFIX HIVE KEY: as regedit reads it
to_reg() { hivexregedit --export --prefix "$1" "$TMP/$2" "$3" | sed 's/\\\]$/]/'; }
# from_wine HIVE: made anew of what is below our root
from_wine() {
	{ echo 'Windows Registry Editor Version 5.00' && BEGIN="[$root\\$1" awk '
		/^\[/ { on = index($0, ENVIRON["BEGIN"] "]") == 1 || index($0, ENVIRON["BEGIN"] "\\") == 1 } on' "$TMP/export"; } >"$TMP/$1.reg"
	"$BUILD/tests/fixtures/make-hive" "$1" >"$TMP/$1" && hivexregedit --merge --prefix "$root\\$1" "$TMP/$1" "$TMP/$1.reg"
}
# put_back: the hives into the volume, the volume into the disk
put_back() {
	local start
	for h in SYSTEM SOFTWARE; do
		ntfscp -f "$TMP/volume" "$TMP/$h" "/Windows/System32/config/$h" || return 1
	done
	start=$(sfdisk --json "$TMP/disk" | jq -r '.partitiontable.partitions[1].start')
	[ "$(sfdisk --json "$TMP/disk" | jq -r .partitiontable.label)" = dos ] &&
		"$BUILD/tests/fixtures/copy-range" "$TMP/volume" 0 "$(stat -c %s "$TMP/volume")" "$TMP/disk" $((start * 512))
}
value() { hivexregedit --export --unsafe-printable-strings --max-depth 1 "$TMP/$1" "\\$2" 2>/dev/null | sed -n "s/^\"$3\"=//p"; }

# ---- prepared ----
must windows_copy "$TMP/disk" platform=vsphere firmware=bios size=400 extra="$windows/network-old.txt"
run_ok "prepared for Azure" prepare azure
must look
ntfscat "$TMP/volume" /Windows/CEAgent/ce-firstboot.exe >"$TMP/exe"
to_reg X SYSTEM '\ControlSet001\Services\CEFirstBoot' |
	sed 's/^\[X.*/[HKEY_LOCAL_MACHINE\\System\\CurrentControlSet\\Services\\CEFirstBoot]/' |
	iconv -f UTF-8 -t UTF-16 >"$TMP/service.reg"
is "a service was planned" "$(value SYSTEM 'ControlSet001\Services\CEFirstBoot' Start)" dword:00000002

# ---- what Windows itself does: the new machine, the new adapter ----
{
	cat "$windows/network-new.txt"
	printf '\n[SYSTEM\\HardwareConfig]\nLastConfig = sz {%s}\n' 6d736879-0000-4000-8000-0000000000ff
	printf '\n[SYSTEM\\HardwareConfig\\{%s}]\nSystemManufacturer = sz Microsoft Corporation\n' 6d736879-0000-4000-8000-0000000000ff
	printf 'SystemProductName = sz Virtual Machine\n'
} >"$TMP/more"
must merge SYSTEM
must merge SOFTWARE
{ to_reg "$root\\SYSTEM" SYSTEM \\ && to_reg "$root\\SOFTWARE" SOFTWARE \\ | sed 1d; } | iconv -f UTF-8 -t UTF-16 >"$TMP/all.reg"

# ---- the first start ----
must timeout 120 wineboot -i
at_exit end_wine
must plant
must end_session
must session
ok "the service starts from the key that was prepared" wait_for 60 has_run
like "it finds the program's folder" "$(cat "$folder/firstboot.log")" 'no hand-over'
must end_session
must wine_run regedit /S "$TMP/all.reg"
must plant
must wine_run reg add "$service" /v ImagePath /t REG_EXPAND_SZ /f /d \
	"%SystemRoot%\\CEAgent\\ce-firstboot.exe --root Software\\CETest --present $device"
must end_session
must session
ok "on this registry, too" wait_for 60 has_run
like "it hands over" "$(cat "$folder/firstboot.log")" 'inherited by VMBUS.*told by the MAC address'
ok "and removes itself" test ! "$(has_service && echo there)"
must wine_run reg delete 'HKLM\Software\CETest\SYSTEM\ControlSet001\Services\CEFirstBoot' /f
must wine_run regedit /E "$TMP/export.reg" "$root"
must end_session
iconv -f UTF-16 -t UTF-8 "$TMP/export.reg" | tr -d '\r' >"$TMP/export"

# ---- and the disk is looked at, and moves on ----
must from_wine SYSTEM
must from_wine SOFTWARE
must put_back
run_ok "inspected" "$cectl" local inspect --disk "$TMP/disk" --json
run_out >"$TMP/inspected"
is "the first start is done" "$(jq -c .windows.firstBoot "$TMP/inspected")" '{"pending":false,"starts":1,"state":"done"}'
is "the new adapter has the old one's name, GUID and addresses, and there is no other" \
	"$(jq -c '.windows.network.interfaces[] | [.id, .name, .device, [.ipv4.addresses[].address], .ipv4.gateways, .ipv4.dnsServers]' "$TMP/inspected")" \
	"[\"$guid\",\"Ethernet0\",\"${device//\\/\\\\}\",[\"192.0.2.10\",\"192.0.2.11\"],[\"192.0.2.1\"],[\"192.0.2.53\",\"192.0.2.54\"]]"
run_ok "prepared for AWS" prepare aws
must look
is "of Hyper-V's adapter" "$(value SOFTWARE "CE Agent\\Network\\Adapters\\$guid" Device)" "str(1):\"$device\""
is "with its address" "$(value SOFTWARE "CE Agent\\Network\\Adapters\\$guid" Address)" "hex(3):00,0c,29,66,1a,a2"
is "and no other's" "$(hivexregedit --export "$TMP/SOFTWARE" '\CE Agent\Network\Adapters' 2>/dev/null | grep -c -E '^\[.*Adapters.\{[^\\]*\}\]')" 1
is "the earlier result is forgotten" "$(hivexregedit --export "$TMP/SOFTWARE" '\CE Agent\Network' 2>/dev/null | grep -c -E 'Result|"Starts"')" 0
is "a first start again" "$(value SYSTEM 'ControlSet001\Services\CEFirstBoot' Start)" dword:00000002
run_ok "with the program" cmp <(ntfscat "$TMP/volume" /Windows/CEAgent/ce-firstboot.exe) "$BUILD/winprep/firstboot/ce-firstboot.exe"
run_ok "prepared again" prepare aws
is "nothing is left to do" "$(jq '.plan.actions | length' "$TMP/plan")" 0
done_testing
