#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `cectl local inspect`: what it says of disks whose content is known, of disks that are not in order, and that
# its fields are those of docs/inspection.md. Other programs (ntfsinfo, hivexget, sha256sum) are asked, too.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/lib/agent.sh"
cectl=$BUILD/agent/cectl
here=$TOP/tests/fixtures/windows
data=$(real_data)
seen=$TMP/seen

# inspect DISK [OPTION...]: the document in $TMP/doc; the paths of its fields are remembered
inspect() {
	run "$cectl" local inspect --json --disk "$@"
	run_out >"$TMP/doc"
	jq -r 'paths | select(.[-1] | type == "string") | map(if type == "number" then "[]" else . end) |
		join(".") | gsub("\\.\\[\\]"; "[]")' "$TMP/doc" >>"$seen"
	return "$run_status"
}
field() { jq -r "$1" "$TMP/doc"; }
problems() { field '[.problems[].code] | join(" ")'; }

### A disk with everything

cat >"$TMP/all.txt" <<'END'
nic {57494e00-0000-4000-8000-00000000aaaa}; name LAN "1"; number 0007; device PCI\VEN_15AD&DEV_07B0\FF; desc Test Adapter; component x; service vmxnet3; address 10.1.2.3; mask 255.255.255.0; gateway 10.1.2.1; dns 10.1.2.4,10.1.2.5

[SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}\0007]
NetLuidIndex = dword 8001
*IfType = dword 6

[SYSTEM\CurrentControlSet\Control\Nsi\{eb004a01-9b1a-11d4-9123-0050047759bc}\10]
0000000180000600fd000000000000000000000000000042 = bin 00

[SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\PersistentRoutes]
10.9.0.0,255.255.0.0,10.1.2.254,1 = sz

[SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces\{57494e00-0000-4000-8000-00000000bbbb}]
EnableDHCP = dword 0
IPAddress = multi 192.0.2.9
SubnetMask = multi 255.255.255.128

[SYSTEM\CurrentControlSet\Control\Class\{4d36e967-e325-11ce-bfc1-08002be10318}]
UpperFilters = multi partmgr | gonefilter

[SYSTEM\CurrentControlSet\Control\Session Manager]
PendingFileRenameOperations = multi \??\C:\a | !\??\C:\b

[SYSTEM\CurrentControlSet\Control\DeviceGuard]
EnableVirtualizationBasedSecurity = dword 1

[SOFTWARE\Microsoft\Windows\CurrentVersion\Group Policy\History\{35378EAC-683F-11D2-A89A-00C04FBBCFA2}]
x = sz y

[SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State]
ImageState = sz IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE

[SOFTWARE\Policies\Citrix\VirtualDesktopAgent]
ListOfDDCs = sz policy.example.org

service acmecrypt; start 0; image System32\drivers\acmecrypt.sys
service CSFalconService; type 16; start 2; image C:\Citrix\x.exe
service BNDevice; type 16; start 2; image C:\Citrix\x.exe
service ulayer; start 1; image System32\drivers\x.sys
service ctxProfile; type 16; start 2; image C:\Citrix\x.exe
service WemAgentSvc; type 16; start 2; image C:\Citrix\x.exe
END
all=$TMP/all.img
must "$TOP/tests/fixtures/make-windows.sh" platform=vsphere extra="$here/vda.txt" extra="$TMP/all.txt" size=300 "$all"
before=$(sha256sum <"$all")
inspect "$all"
is "exit status" "$run_status" 0
is "not one byte of the disk changes" "$(sha256sum <"$all")" "$before"
is "the Windows" "$(field '.windows | [.partition, .root, .firmware, .productName, .architecture, .computerName] | @json')" \
	'[3,"\\Windows","uefi","Windows 10 Pro","amd64","FIXTURE-PC"]'
windows_volume "$all" "$TMP/c"
hive_file "$TMP/c" SOFTWARE "$TMP/SOFTWARE"
hive_file "$TMP/c" SYSTEM "$TMP/SYSTEM"
version() { hivexget "$TMP/SOFTWARE" 'Microsoft\Windows NT\CurrentVersion' "$1"; }
is "product, edition and build as hivexget reads them" \
	"$(field '.windows | [.productName, .edition, .installType, .displayVersion, (.build | tostring)] | join("|")')" \
	"$(version ProductName)|$(version EditionID)|$(version InstallationType)|$(version DisplayVersion)|$(version CurrentBuildNumber)"
is "control sets" "$(field '.windows.controlSets | [.present, .current, .default, .lastKnownGood, .failed] | @json')" '[[1,2],1,1,2,0]'
free=$(ntfsinfo -m "$TMP/c" | sed -n 's/.*Free Clusters: \([0-9]*\).*/\1/p')
is "free space as ntfsinfo counts it" "$(field '.partitionTable.partitions[2].ntfs | .freeBytes / .clusterSize')" "$free"
is "source" "$(field .windows.source.platform)" vsphere
like "evidence" "$(field '.windows.source.evidence[].evidence')" 'service VMTools'
boot=$(field '[.windows.bootDrivers[].service] | join(" ")')
like "boot drivers of others" " $boot " ' acmecrypt '
like "with their package" "$(field '.windows.bootDrivers[] | select(.service == "vmci") | [.inf, .originalInf, .provider] | join(" ")')" \
	'^oem[0-9]+.inf vmci.inf VMware, Inc.$'
unlike "none of Windows" " $boot " ' (disk|stornvme|vmbus|acpiex|Wof|i8042prt) '
is "a filter without its driver" "$(field '.windows.filters[] | select(.service == "gonefilter") | [.scope, .list, .start] | @json')" \
	'["class","UpperFilters",null]'
like "a filter of a device" "$(field '.windows.filters[] | select(.scope == "device") | [.service, .key] | join(" ")')" '^VMMouse ACPI.VMW0003'
unlike "no filter of Windows" "$(field '.windows.filters[].service')" '^(partmgr|volsnap|mouclass|kbdclass|EhStorClass)$'
is "a fixed address" "$(field '.windows.network.interfaces[] | select(.name == "LAN \"1\"") | [.adapter, .ipv4.dhcp,
	.ipv4.addresses[0].address, .ipv4.addresses[0].mask, .ipv4.gateways[0], .ipv4.dnsServers[1], .ipv6.addresses[0]] | @json')" \
	'["Test Adapter",false,"10.1.2.3","255.255.255.0","10.1.2.1","10.1.2.5","fd00:0000:0000:0000:0000:0000:0000:0042"]'
is "an address that lost its adapter" "$(field '.windows.network.interfaces[] | select(.device == null) | .ipv4.addresses[0].address')" 192.0.2.9
is "a route" "$(field '.windows.network.persistentRoutes | join(" ")')" 10.9.0.0,255.255.0.0,10.1.2.254,1
is "Citrix" "$(field '.windows.citrix | [.vda.version, .vda.release, .misa.version, (.pvs, .upl, .upm, .wem, .mcsIo | .evidence),
	.registration.controllers, .registrationPolicy.controllers] | join("|")')" \
	'2402.0.100.629|2402|7.41.100.5|service BNDevice|service ulayer|service ctxProfile|service WemAgentSvc|service CVhdFilter|old1.example.org old2.example.org|policy.example.org'
is "page files" "$(field '.windows.pagefile | [.configured[0], .automatic, (.files | length)] | @json')" '["?:\\pagefile.sys",true,2]'
is "state" "$(field '.windows | [.hibernation.hibernated, .hibernation.fastStartup, .servicing.pendingXml,
	.servicing.pendingRenames, .setup.imageState, .compactOs] | @json')" '[false,1,false,1,"IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE",false]'
is "security" "$(field '.windows.security | [.antivirus[0].product, .groupPolicy, .virtualizationBasedSecurity, .credentialGuard] | @json')" \
	'["CrowdStrike Falcon",true,true,false]'
is "what a preparation would warn about" "$(problems)" "pending-renames sysprep"
run "$cectl" local inspect --disk "$all"
like "for people: product" "$(run_out)" '^Windows +Windows 10 Pro, 22H2, 10\.0\.19045'
like "for people: address" "$(run_out)" '^network +LAN "1", Test Adapter: fixed 10\.1\.2\.3/255'
like "for people: problem" "$(run_out)" '^problem .*\[pending-renames\]'

### Other firmware, other formats, other contents

bios=$(windows_fixture platform=kvm firmware=bios product=server2019 size=300)
inspect "$bios"
is "BIOS, a server" "$(field '.windows | [.firmware, .source.platform, .productType, .partition] | @json')" '["bios","kvm","server",2]'
is "nothing to complain about" "$(problems)" ""
must agent_start --disk "win=$bios"
api GET /v1/disks/win
is "GET /v1/disks says the same" "$(jq -S '.inspection | .windows, .installations, .problems' <<<"$api_body")" \
	"$(jq -S '.windows, .installations, .problems' "$TMP/doc")"
must qemu-img convert -q -f raw -O vhdx "$bios" "$TMP/bios.vhdx"
inspect "$TMP/bios.vhdx"
is "the same in a VHDX" "$(field '[.disk.format, .disk.image.type, .windows.productName] | @json')" \
	"[\"vhdx\",\"dynamic\",\"$(field .windows.productName)\"]"

truncate -s 64M "$TMP/data.img"
must sfdisk -q "$TMP/data.img" <<<$'label: gpt\nsize=40MiB,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\nsize=8MiB,type=E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D\nsize=8MiB,type=AF9B60A0-1431-4F62-BC68-3311714A69AD'
inspect "$TMP/data.img"
is "no Windows: the partitions are listed" "$(field '[.partitionTable.partitions[].role] | join(" ")')" "basic-data storage-pool dynamic-disk"
is "no Windows: said so, and why" "$(field .windows) $(problems)" "null storage-spaces dynamic-disk"
truncate -s 1M "$TMP/zero.img"
inspect "$TMP/zero.img"
is "no table at all" "$(field '[.partitionTable.kind, .windows] | @json') $(problems)" '["none",null] no-windows'

printf 'file \\Old\\System32\\config\\SYSTEM; not a hive\n' >"$TMP/two.txt"
two=$TMP/two.img
must "$TOP/tests/fixtures/make-windows.sh" platform=kvm firmware=bios extra="$TMP/two.txt" size=300 "$two"
inspect "$two"
is "two Windows: both are named, none is guessed" "$(field '[.windows, ([.installations[].name] | sort)] | @json') $(problems)" \
	'[null,["2:\\Old","2:\\Windows"]] two-windows'
inspect "$two" --root '\windows'
is "two Windows: --root" "$(field '[.windows.root, .windows.computerName] | @json') $(problems)" '["\\Windows","FIXTURE-PC"] '
inspect "$two" --root '2:\Old'
is "a Windows whose hives are none" "$(field '.windows | [.root, .productName, .computerName, .network, .hives[0].state, .hives[1].state] | @json')" \
	'["\\Old",null,null,null,"unreadable","missing"]'
like "and why" "$(field '.windows.hives[0].error')" 'SYSTEM.*not a registry hive'
is "and as a problem" "$(problems)" hive-damaged
inspect "$two" --root '3:\Windows'
is "--root that is not there" "$(field .windows) $(problems)" "null no-windows"

### Hives and their logs

# dirty IN OUT LOG: the hive as if Windows had stopped while writing its first page, which the log has
dirty() {
	python3 - "$@" <<-'END'
		import struct, sys
		def seal(b):
		    x = 0
		    for i in range(0, 508, 4):
		        x ^= struct.unpack_from("<I", b, i)[0]
		    struct.pack_into("<I", b, 508, 1 if x == 0 else x)
		hive = bytearray(open(sys.argv[1], "rb").read())
		bins = struct.unpack_from("<I", hive, 40)[0]
		seq = struct.unpack_from("<I", hive, 4)[0]
		bitmap = bytearray(bins // 512 // 8)
		bitmap[0] = 0xff
		log = bytearray(hive[:512])
		struct.pack_into("<I", log, 28, 1)
		seal(log)
		log += b"DIRT" + bitmap
		log += bytes(-len(log) % 512) + hive[4096:8192]
		struct.pack_into("<II", hive, 4, seq + 1, seq)
		hive[4096 + 32:4096 + 40] = bytes(8)
		seal(hive)
		open(sys.argv[2], "wb").write(hive)
		open(sys.argv[3], "wb").write(log)
	END
}
put() { # VOLUME FILE PATH
	must ntfscp -q "$1" "$2" "$3"
}
must dirty "$TMP/SYSTEM" "$TMP/SYSTEM.dirty" "$TMP/SYSTEM.log"
cp --sparse=always "$all" "$TMP/dirty.img"
chmod u+w "$TMP/dirty.img"
put "$TMP/c" "$TMP/SYSTEM.dirty" /Windows/System32/config/SYSTEM
with_c() { # DISK: the volume $TMP/c back into it
	local start
	start=$(sfdisk --json "$1" | jq .partitiontable.partitions[2].start)
	must "$BUILD/tests/fixtures/copy-range" "$TMP/c" 0 "$(stat -c %s "$TMP/c")" "$1" $((start * 512))
}
with_c "$TMP/dirty.img"
inspect "$TMP/dirty.img"
is "a dirty hive without its log" "$(field '.windows | [.hives[0].state, .productName, .computerName, .bootDrivers] | @json')" \
	'["unreadable","Windows 10 Pro",null,null]'
like "is a problem" "$(problems)" '^hive-dirty'
put "$TMP/c" "$TMP/SYSTEM.log" /Windows/System32/config/SYSTEM.LOG1
with_c "$TMP/dirty.img"
inspect "$TMP/dirty.img"
is "with its log it is replayed" "$(field '.windows | [.hives[0].state, .hives[0].replay.entries, .hives[0].replay.bytes, .computerName] | @json')" \
	'["replayed",1,4096,"FIXTURE-PC"]'
like "and that is said" "$(problems)" 'hive-replayed'

### Encryption

if [ -n "$data" ] && tar xzOf "$data/ntfs/libblockdev_bitlk-images.tar.gz" bitlk-aes-xts-128.img >"$TMP/bitlk" 2>/dev/null ||
	{ [ -n "$data" ] && tar xzOf "$data/ntfs/libblockdev_bitlk-images.tar.gz" ./bitlk-aes-xts-128.img >"$TMP/bitlk"; }; then
	truncate -s 110M "$TMP/bitlocker.img"
	must sfdisk -q "$TMP/bitlocker.img" <<<$'label: dos\nstart=1MiB,size=100MiB,type=7'
	must "$BUILD/tests/fixtures/copy-range" "$TMP/bitlk" 0 104857600 "$TMP/bitlocker.img" 1048576
	inspect "$TMP/bitlocker.img"
	is "BitLocker, as cryptsetup's authors made it" "$(field '.partitionTable.partitions[0] | [.fileSystem, .bitLocker.state,
		.bitLocker.method, .bitLocker.protectors, .bitLocker.suspended] | @json')" \
		'["BitLocker","encrypted","aes-xts-128",["password","recovery-password"],false]'
	is "BitLocker: problem" "$(field .windows) $(problems)" "null bitlocker"
else
	skip "BitLocker" "no real data"
	printf '%s\n' state method protectors suspended | sed 's/^/partitionTable.partitions[].bitLocker./' >>"$seen"
fi

### Speed: of a disk with a real hive, of one with many files

# cpu COMMAND...: the least of three runs' CPU, in ms; peak MiB of them in $rss
cpu() {
	local i
	for i in 1 2 3; do command time -f '%U %S %M' -a -o "$TMP/time" "$@" >/dev/null 2>&1; done
	read -r cpu rss < <(awk '{ ms = int(($1 + $2) * 1000); if (NR == 1 || ms < least) least = ms; if ($3 > most) most = $3 }
		END { print least, int(most / 1024) }' "$TMP/time")
	rm "$TMP/time"
}
if [ -n "$data" ] && [[ $BUILD != *asan* ]]; then
	hive=$data/hives/win10-19041-vmware-efi.SYSTEM.xz
	real=$(windows_fixture platform=vsphere hive="$hive")
	inspect "$real"
	is "a real hive" "$(field '.windows | [.computerName, .source.platform, (.bootDrivers | length)] | @json')" '["DESKTOP-M3OSHQU","vsphere",2]'
	xz -dc "$hive" >"$TMP/hive"
	cpu hivexregedit --export "$TMP/hive" "\\"
	export=$cpu
	cpu "$cectl" local inspect --json --disk "$real"
	small=$cpu
	ok "a disk with a real hive takes at most a third of what hivexregedit takes for that hive ($small ms, $export ms of CPU)" \
		[ $((small * 3)) -le "$export" ]
	ok "and 192 MiB ($rss MiB)" [ "$rss" -le 192 ]
	cpu "$cectl" local inspect --json --disk "$(windows_fixture platform=vsphere hive="$hive" files=20000 size=4000)"
	ok "a larger one with 20,000 files more at most half as much again ($cpu ms, $rss MiB)" \
		[ $((cpu * 2)) -le $((small * 3)) -a "$rss" -le 192 ]
else
	skip "speed" "no real data, or sanitizers"
fi

### Fields and documentation

documented=$(sed -n '/^## Fields/,$ s/^| `\([^`]*\)` | .*/\1/p' "$TOP/docs/inspection.md" | LC_ALL=C sort -u)
shown=$(sed -E 's/^(windows\.citrix)\.[a-zA-Z]+\.(version|release|cumulativeUpdate|evidence)$/\1.*.\2/' "$seen" | LC_ALL=C sort -u)
ok "fields are found" [ "$(wc -l <<<"$documented")" -gt 120 ]
is "every field shown is documented" "$(comm -13 <(echo "$documented") <(echo "$shown"))" ""
is "every field documented is shown" "$(comm -23 <(echo "$documented") <(echo "$shown"))" ""
done_testing
