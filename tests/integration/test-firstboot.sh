#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The service of a prepared Windows' first start, run by Wine on a registry that a preparation left and that has the
# new adapter as Windows installs it. Judged by what Wine's regedit exports before and after.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
command -v wine >/dev/null || skip_all "wine is not installed"
export HOME=$TMP WINEPREFIX=$TMP/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY
windows=$TOP/tests/fixtures/windows
root='HKEY_LOCAL_MACHINE\Software\CETest'
old='{C43669B3-AB3E-4D0E-8FDE-69579925A20F}' old_device='PCI\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\000C29FFFF661AA200'
new='{0A11F00D-0000-4000-8000-00000000B001}'
new_device='VMBUS\{f8615163-df3e-46c5-913f-f2d2f965ed0e}\{b0b1b2b3-0000-4000-8000-00000000b001}'
adapters='SOFTWARE\CE Agent\Network\Adapters'

wine_run() { timeout 120 wine "$@"; }
end_wine() { timeout 20 wineserver -k; }
# A session: as long as it lasts, Windows is up.
session() {
	rm -f "$TMP/session" && mkfifo "$TMP/session" || return 1
	timeout 600 wine cmd <"$TMP/session" >/dev/null 2>&1 &
	session_pid=$!
	exec 7>"$TMP/session"
}
end_session() {
	end_process "$session_pid"
	exec 7>&-
	wait "$session_pid"
	timeout 20 wineserver -k
	timeout 20 wineserver -w
}

# prepared_hives FOLDER OPTION=VALUE...: SYSTEM and SOFTWARE of a disk prepared for Azure
prepared_hives() {
	local out=$1 h
	shift
	mkdir -p "$out" && windows_copy "$TMP/disk" platform=vsphere size=400 "$@" && echo '{"network": "keep"}' >"$TMP/request" &&
		"$BUILD/agent/cectl" local prepare --disk "$TMP/disk" --target azure --request "$TMP/request" &&
		windows_volume "$TMP/disk" "$TMP/volume" || return 1
	for h in SYSTEM SOFTWARE; do
		hive_file "$TMP/volume" "$h" "$out/$h" || return 1
	done
}

# started_hives FOLDER DESCRIPTION: with what Windows adds when it finds the new adapter
started_hives() {
	local h
	gawk -f "$TOP/tests/fixtures/guest-text.awk" -v out="$TMP" "$2" || return 1
	for h in SYSTEM SOFTWARE; do
		hivexregedit --merge "$1/$h" "$TMP/$h.reg" || return 1
	done
}

# reg_file FOLDER FILE: those hives as regedit reads them, below our root
reg_file() {
	local h
	for h in SYSTEM SOFTWARE; do
		hivexregedit --export --prefix "$root\\$h" "$1/$h" \\ || return 1
	done | sed -e '2,${/^Windows Registry Editor/d}' -e 's/\\\]$/]/' | iconv -f UTF-8 -t UTF-16 >"$2"
}

load() {
	wine_run reg delete "$root" /f >/dev/null 2>&1
	wine_run regedit /S "$1"
}

# change: lines of a .reg file, keys below our root
change() {
	{ printf 'Windows Registry Editor Version 5.00\n\n' && sed -E 's/^\[(-?)/[\1HKEY_LOCAL_MACHINE\\Software\\CETest\\/'; } >"$TMP/change.reg"
	wine_run regedit /S "$TMP/change.reg"
}

# state NAME: the registry as it is now, a key or a value a line, in $TMP/NAME
state() {
	wine_run regedit /E "$TMP/export.reg" "$root" &&
		iconv -f UTF-16 -t UTF-8 "$TMP/export.reg" | tr -d '\r' | sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba}' |
		sed 's/^\[HKEY_LOCAL_MACHINE\\Software\\CETest/[/' | gawk -f "$TOP/tests/lib/hive-lines.awk" |
			LC_ALL=C sort >"$TMP/$1" && [ -s "$TMP/$1" ]
}

differences() { diff "$TMP/$1" "$TMP/$2" | sed -n 's/^</-/p; s/^>/+/p' | LC_ALL=C sort -k 2; }
# besides BEFORE AFTER: what differs, the result aside
besides() { differences "$1" "$2" | grep -vE '^. \\SOFTWARE\\CE Agent\\Network\\Result'; }

# once OPTION...: one pass; its log in $TMP/log
once() {
	rm -f "$TMP/log"
	wine_run "$exe" --apply-once --root 'Software\CETest' --log "Z:$TMP/log" "$@"
}

# ---- the program ----
exe=$BUILD/winprep/firstboot/ce-firstboot.exe
is "the program needs nothing but what every Windows has" \
	"$(x86_64-w64-mingw32-objdump -p "$exe" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | sort | tr '\n' ' ')" \
	"advapi32.dll cfgmgr32.dll kernel32.dll msvcrt.dll "
ok "it is small" [ "$(stat -c %s "$exe")" -le 102400 ]
must cp -r "$TOP/winprep/firstboot" "$TMP/sources"
ninja -C "$BUILD" -t commands winprep/firstboot/ce-firstboot.exe | tail -1 |
	sed -E "s|[^ ]*/winprep/firstboot/([a-z-]+[.]c)|$TMP/sources/\1|g; s|-o [^ ]*|-o $TMP/again.exe|" >"$TMP/compile"
must bash "$TMP/compile"
ok "built elsewhere, the same bytes" cmp "$exe" "$TMP/again.exe"

must timeout 120 wineboot -i
at_exit end_wine
must session
must prepared_hives "$TMP/one" extra="$windows/network-old.txt"
must started_hives "$TMP/one" "$windows/network-new.txt"
must reg_file "$TMP/one" "$TMP/one.reg"

# ---- the same MAC address ----
must load "$TMP/one.reg"
must state before
run_status_is "MAC address: applied, a restart is needed" 10 once --present "$new_device"
must state full
name=firstboot.txt
differences before full >"$TMP/$name"
[ -z "${CE_GOLDEN_WRITE-}" ] || cp "$TMP/$name" "$TOP/tests/integration/golden/$name"
is "MAC address: the expected changes" "$(diff "$TOP/tests/integration/golden/$name" "$TMP/$name" | head -40)" ""
is "nothing names the new GUID in the current control set" "$(grep -v ControlSet002 "$TMP/full" | grep -c -i -F "$new")" 0
is "nothing names the new LUID" "$(grep -v ControlSet002 "$TMP/full" | grep -c -i 0000000180000600)" 0
is "one driver key has the old GUID" "$(grep -c -F "ControlSet001\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}\\0002	\"NetCfgInstanceId\"=\"$old\"" "$TMP/full")" 1
like "the log says so" "$(cat "$TMP/log")" "inherited by VMBUS.*told by the MAC address"
run_status_is "once more: nothing is left to do" 0 once --present "$new_device"
must state again
is "once more: nothing changes" "$(differences full again)" ""

# ---- the power fails before every write but the first of each run ----
must load "$TMP/one.reg"
starts=0 odd=0
while [ $starts -lt 1000 ] && [ $odd -lt 3 ]; do
	once --present "$new_device" --die-after 1
	case $? in
	227) starts=$((starts + 1)) ;;
	0 | 10) break ;;
	*) # Wine itself, on a machine that is busy: a start that did not come to a write is one, too
		diag "start $starts ended with $?: $(tail -n 2 "$TMP/log" 2>&1)"
		odd=$((odd + 1))
		;;
	esac
done
must state interrupted
is "interrupted at each write: the same in the end" "$(differences full interrupted)" ""
ok "that were many writes" [ $starts -gt 60 ]
diag "$starts starts"

# ---- settings that went meanwhile ----
must load "$TMP/one.reg"
must change <<END
[-SYSTEM\\ControlSet001\\Services\\Tcpip\\Parameters\\Interfaces\\$old]
[-SYSTEM\\ControlSet001\\Services\\NetBT\\Parameters\\Interfaces\\Tcpip_$old]
[-SYSTEM\\ControlSet001\\Control\\Network\\{4d36e972-e325-11ce-bfc1-08002be10318}\\$old]
[SYSTEM\\ControlSet001\\Control\\Nsi\\{eb004a00-9b1a-11d4-9123-0050047759bc}\\7]
"0000000080000600"=-
[SYSTEM\\ControlSet001\\Control\\Nsi\\{eb004a01-9b1a-11d4-9123-0050047759bc}\\10]
"000000008000060020010db8000000000000000000000010"=-
END
run_status_is "settings gone: applied" 10 once --present "$new_device"
must state restored
is "settings gone: they are back from the hand-over" "$(differences full restored | tr '[:upper:]' '[:lower:]' |
	sed 's/^[+-]//' | sort | uniq -u)" " \\system\\controlset001\\control\\network\\{4d36e972-e325-11ce-bfc1-08002be10318}\\{c43669b3-ab3e-4d0e-8fde-69579925a20f}\\connection	\"mediasubtype\"=dword:00000001"

# ---- the only adapter ----
must load "$TMP/one.reg"
must change <<END
[SYSTEM\\ControlSet001\\Control\\NetworkSetup2\\Interfaces\\$new\\Kernel]
"PermanentAddress"=hex:00,0d,3a,01,02,03
"CurrentAddress"=hex:00,0d,3a,01,02,03
END
run_status_is "only adapter: applied" 10 once --present "$new_device"
must state only
is "only adapter: the same but for its address" "$(besides full only | cut -f 2)" \
	"$(printf '"%s"=hex:%s\n' CurrentAddress 00,0c,29,66,1a,a2 CurrentAddress 00,0d,3a,01,02,03 \
		PermanentAddress 00,0c,29,66,1a,a2 PermanentAddress 00,0d,3a,01,02,03)"
like "only adapter: the log says so" "$(cat "$TMP/log")" "told by the only adapter"

# unchanged NAME STATUS LOG OPTION...: nothing but the result changes, and the log says why
unchanged() {
	local name=$1 status=$2 log=$3
	shift 3
	must state before
	run_status_is "$name: not applied" "$status" once "$@"
	must state after
	is "$name: nothing changes" "$(besides before after)" ""
	like "$name: the log says why" "$(cat "$TMP/log")" "$log"
}

# ---- nothing to do, or nothing that can be told ----
must load "$TMP/one.reg"
unchanged "same device" 0 "same device" --present "$old_device"
unchanged "same device beside a new one" 0 "same device" --present "$old_device" --present "$new_device"
unchanged "no adapter yet" 20 "no new adapter is installed yet" --present 'PCI\NOTHING\0'
must change <<END
[SYSTEM\\ControlSet001\\Enum\\ROOT\\VMS_MP\\0000]
"ClassGUID"="{4d36e972-e325-11ce-bfc1-08002be10318}"
"Driver"="{4d36e972-e325-11ce-bfc1-08002be10318}\\\\0009"
END
unchanged "a virtual switch" 0 "a team or a virtual switch" --present "$new_device"
must load "$TMP/one.reg"
must change <<END
[SYSTEM\\ControlSet001\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}\\0007]
"NetCfgInstanceId"="$old"
"DeviceInstanceID"="PCI\\\\OTHER\\\\1"
END
must state before
run_status_is "another device has the GUID: not applied" 20 once --present "$new_device"
must state after
is "another device has the GUID: nothing changes" "$(besides before after)" ""
like "another device has the GUID: the log says why" "$(cat "$TMP/log")" "another device has that GUID"

# ---- two adapters ----
second='{C43669B3-AB3E-4D0E-8FDE-000000000002}'
must load "$TMP/one.reg"
must change <<END
[$adapters\\$second]
"Device"="PCI\\\\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\\\\000C29FFFF000000"
"Name"="Second"
"Address"=hex:00,0c,29,00,00,00
"NetLuidIndex"=dword:00008003
"IfType"=dword:00000006
END
run_status_is "two old, one MAC address: applied" 10 once --present "$new_device"
must state two
is "two old, one MAC address: the other is not touched" "$(besides full two | grep -v -F "Adapters\\$second")" ""
like "two old, one MAC address: the log says so" "$(cat "$TMP/log")" '"Second".*: no match'
must load "$TMP/one.reg"
must change <<END
[$adapters\\$second]
"Device"="PCI\\\\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\\\\000C29FFFF000000"
"NetLuidIndex"=dword:00008003
[$adapters\\$old]
"Address"=hex:00,0c,29,ff,ff,ff
END
unchanged "two old, no MAC address" 0 "no match" --present "$new_device"

# ---- no hand-over, and one from an enemy ----
must load "$TMP/one.reg"
must change <<'END'
[-SOFTWARE\CE Agent]
END
unchanged "no hand-over" 0 "no hand-over" --present "$new_device"
must load "$TMP/one.reg"
long=$(printf 'x%.0s' {1..20000})
must change <<END
[$adapters\\$old]
"Device"=dword:00000001
"Name"="$long"
"NetLuidIndex"="8000"
"Address"=hex:00
[$adapters\\$second]
"Device"="PCI\\\\..\\\\..\\\\Services"
[$adapters\\{C43669B3-AB3E-4D0E-8FDE-000000000003}]
"Device"="ROOT\\\\KDNIC\\\\0000"
[$adapters\\{C43669B3-AB3E-4D0E-8FDE-000000000004}]
"Device"="PCI\\\\VEN_1\\\\1"
"IfType"=dword:00000047
[$adapters\\..\\..\\..]
"Device"="PCI\\\\VEN_1\\\\1"
[$adapters\\$(printf 'y%.0s' {1..250})]
"Device"=hex(7):00
END
unchanged "nonsense in the hand-over" 0 "is not an adapter's" --present "$new_device"
must load "$TMP/one.reg"
must change <<END
[SOFTWARE\\CE Agent\\Network]
"Version"="1"
END
unchanged "a version of another type" 0 "no hand-over" --present "$new_device"
must load "$TMP/one.reg"
must change <<END
[$adapters\\$old]
"Name"=hex(1):41,00,d8
"Description"=hex(7):
"NetLuidIndex"=dword:ffffffff
"Device"="PCI\\\\VEN_15AD&DEV_07C0&SUBSYS_07C015AD&REV_02\\\\4&1"
"Address"=hex:00,00,00,00,00,00
[$adapters\\$old\\Nsi4\\7]
"$long"=hex:00
"0000000080000600zz"=hex:00
[$adapters\\$old\\Nsi4\\..\\9]
"0000000080000600"=hex:00
[SYSTEM\\ControlSet001\\Enum\\PCI\\VEN_15AD&DEV_07C0&SUBSYS_07C015AD&REV_02\\4&1]
"ClassGUID"="{4d36e97b-e325-11ce-bfc1-08002be10318}"
[SYSTEM\\ControlSet001\\Enum\\$old_device]
"Driver"=-
[-SYSTEM\\ControlSet001\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}\\0001]
END
run_status_is "half wrong: what can be told is applied" 10 once --present "$new_device"
must state after
is "half wrong: another device stays" "$(grep -c 'Enum.PCI.VEN_15AD&DEV_07C0&SUBSYS_07C015AD&REV_02.4&1' "$TMP/after")" 2
is "half wrong: no value with a false name" "$(grep -c -E 'Nsi.*(xxxx|0600zz)' <(grep ControlSet "$TMP/after"))" 0

# ---- as a service: each session of Wine is a start of Windows ----
service='HKLM\System\CurrentControlSet\Services\CEFirstBoot'
program=$WINEPREFIX/drive_c/windows/CEAgent/ce-firstboot.exe
has_service() { wine_run reg query "$service" >/dev/null 2>&1; }
has_run() { [ -s "$1" ] && ! wine_run sc query CEFirstBoot | grep -q 'STATE.*RUNNING'; }
# install OPTION...: as a preparation does it, but for the options; the session ends
install() {
	must mkdir -p "${program%/*}"
	must cp "$exe" "$program"
	must wine_run sc create CEFirstBoot type= own start= auto error= ignore "binPath=" \
		"C:\\windows\\CEAgent\\ce-firstboot.exe${1:+ --root Software\\CETest --log Z:$TMP/log $*}"
	end_session
	rm -f "$TMP/log"
}
# start NAME [LOG]: a start of Windows, until the service has ended
start() {
	rm -f "${2-$TMP/log}"
	must session
	ok "$1: the service runs and ends" wait_for 60 has_run "${2-$TMP/log}"
}

must load "$TMP/one.reg"
install --wait 30 --present "$new_device"
start "service"
must state service
is "service: the same as without one, and counted" "$(differences full service)" \
	'+ \SOFTWARE\CE Agent\Network	"Starts"=dword:00000001'
ok "service: it is gone" test ! "$(has_service && echo there)"
like "service: it asks for one restart" "$(tail -1 "$TMP/log")" "restarting once"
like "service: its program is to go" \
	"$(wine_run reg query 'HKLM\System\CurrentControlSet\Control\Session Manager' /v PendingFileRenameOperations)" 'CEAgent.ce-firstboot.exe'
end_session
must timeout 60 wineboot
must session
ok "service: after a restart its program is gone" test ! -e "$program"

must load "$TMP/one.reg"
must state before
install --wait 1 --present 'PCI\NOTHING\0'
for n in 1 2 3; do
	start "no adapter, start $n"
	is "no adapter, start $n: the service is still there" "$(has_service && echo yes)" "$([ $n = 3 ] || echo yes)"
	[ $n = 3 ] || end_session
done
must state after
is "no adapter: nothing but the count changes" "$(besides before after)" '+ \SOFTWARE\CE Agent\Network	"Starts"=dword:00000003'
like "no adapter: the log says why" "$(tail -1 "$TMP/log")" "given up after 3 starts"
end_session
must session

must load "$TMP/one.reg"
must state before
install --wait 100 --present 'PCI\NOTHING\0'
rm -f "$TMP/log"
must session
must wait_for 60 [ -s "$TMP/log" ]
must wine_run net stop CEFirstBoot
ok "stopped while it waits: it ends" wait_for 60 has_run "$TMP/log"
must state after
is "stopped while it waits: that does not count" "$(differences before after)" '+ \SOFTWARE\CE Agent\Network	"Starts"=dword:00000000'
must wine_run sc delete CEFirstBoot
end_session
must session

must load "$TMP/one.reg"
must change <<END
[SYSTEM\\Setup]
"OOBEInProgress"=dword:00000001
END
must state before
install --wait 1 --present "$new_device"
start "Windows is being set up"
must state after
is "Windows is being set up: nothing changes" "$(differences before after)" ""
ok "Windows is being set up: the service stays" has_service
must wine_run sc delete CEFirstBoot
end_session
must session

install
start "without options, in a Windows without a hand-over" "${program%/*}/firstboot.log"
like "without options: the log says so" "$(cat "${program%/*}/firstboot.log")" "no hand-over: nothing to do"
ok "without options: the service is gone" test ! "$(has_service && echo there)"

# ---- a real hive ----
# Windows binds the new adapter to whatever the old one is bound to: lists of the real hive, with the new GUID, too.
also_bound() {
	hive_text "$1" | gawk -F '\t' -v old="$old" -v new="$new" '
		function items(list, n, part, i, s) {
			n = split(substr(list, 3, length(list) - 4), part, "\", \"")
			added = 0
			for (i = 1; i <= n; i++)
				s = s (i > 1 ? " | " : "") part[i]
			for (i = 1; i <= n; i++)
				if (index(part[i], old)) {
					added++
					sub(/[{]C43669B3[^}]*[}]/, new, part[i])
					s = s " | " part[i]
				}
			return s
		}
		$1 !~ /^\\ControlSet001\\Services\\[^\\]*\\Linkage$/ { next }
		$2 ~ /^"(Bind|Export|Route)"/ && index($2, old) {
			name = substr($2, 2, index($2, "\"=") - 2)
			printf "[SYSTEM%s]\n%s = multi %s\n\n", $1, name, items(substr($2, length(name) + 4))
			if (name == "Bind") lanas[$1] = added
		}
		$2 ~ /^"LanaMap"/ {
			map = substr($2, index($2, ":") + 1)
			for (i = 0; i < lanas[$1]; i++)
				map = map sprintf(",01,%02x", 32 + i)
			printf "[SYSTEM%s]\nLanaMap = bin %s\n\n", $1, map
		}'
}
linkage() { grep -E 'ControlSet001.Services.[^\\]*.Linkage' "$TMP/$1"; }
data=$(real_data)
if [ -z "$data" ]; then
	skip "a real hive" "no real data"
else
	must prepared_hives "$TMP/real" hive="$data/hives/win10-19041-vmware-efi.SYSTEM.xz"
	must reg_file "$TMP/real" "$TMP/real.reg"
	must load "$TMP/real.reg"
	must state prepared
	{ sed -E '/^\[.*Services.*Linkage\]/,/^$/d' "$windows/network-new.txt" && echo && also_bound "$TMP/real/SYSTEM"; } |
		sed 's/NetLuidIndex = dword 8001/NetLuidIndex = dword 8003/; s/00000001800006/00000003800006/; s/00,00,00,01,80/00,00,00,03,80/; s/number 0002/number 0003/; s/}\\0002/}\\0003/' >"$TMP/real.txt"
	must started_hives "$TMP/real" "$TMP/real.txt"
	must reg_file "$TMP/real" "$TMP/real.reg"
	must load "$TMP/real.reg"
	must state before
	ok "real hive: the new adapter is bound" [ "$(linkage before | grep -c -F "$new")" -gt 12 ]
	run_status_is "real hive: applied" 10 once --present "$new_device"
	must state after
	is "real hive: nothing names the new GUID" "$(grep -v ControlSet002 "$TMP/after" | grep -c -i -F "$new")" 0
	is "real hive: nothing names the old device" "$(grep -v -E 'ControlSet002|SOFTWARE|DriverDatabase|SetupMigration' "$TMP/after" | grep -c -i -F "000C29FFFF661AA200")" 0
	is "real hive: bindings are what they were" "$(diff <(linkage prepared) <(linkage after))" ""
	differences before after >"$TMP/real.diff"
	is "real hive: only ControlSet001 changes" "$(grep -c -v -E '^. .(ControlSet001|SYSTEM.ControlSet001|SOFTWARE)' "$TMP/real.diff")" 0
	run_status_is "real hive: once more: nothing is left to do" 0 once --present "$new_device"
fi
done_testing
