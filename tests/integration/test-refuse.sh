#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Disks that must not be prepared: each is refused with its own code, a message that says what and where, and a
# way out, and not one byte of the disk changes. They are made by programs this project did not write.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
cectl=$BUILD/agent/cectl
make=$TOP/tests/fixtures/make-windows.sh
data=$(real_data)

# refused NAME CODE REGEX DISK [OPTION...]: a preparation for Hyper-V ends with that error
refused() {
	local name=$1 code=$2 regex=$3 disk=$4 before
	shift 4
	before=$(sha256sum <"$disk")
	run "$cectl" local prepare --disk "$disk" --target hyperv --json "$@"
	is "$name: status and code" "$run_status $(run_out | jq -r .error.code)" "3 $code"
	like "$name: message" "$(run_out | jq -r .error.message)" "$regex"
	like "$name: way out" "$(run_out | jq -r .error.hint)" '....'
	is "$name: the disk is as it was" "$(sha256sum <"$disk")" "$before"
	is "$name: no journal is left" "$(find "$(dirname "$disk")" -name "$(basename "$disk").*")" ""
}
# accepted NAME WARNING DISK [OPTION...]: a dry run succeeds, with that warning
accepted() {
	local name=$1 warning=$2 disk=$3
	shift 3
	run "$cectl" local prepare --disk "$disk" --target hyperv --dry-run --json "$@"
	is "$name: accepted" "$run_status" 0
	like "$name: warning" "$(run_out | jq -r '.warnings[].code')" "^$warning\$"
}
# made [OPTION=VALUE...] <DESCRIPTION: $TMP/made.img, with the description added
made() {
	cat >"$TMP/made.txt"
	must "$make" platform=vsphere firmware=bios size=200 extra="$TMP/made.txt" "$@" "$TMP/made.img"
}
# altered COMMAND...: $TMP/altered.img is a good disk, whose volume $TMP/v the command has changed
good=$TMP/good.img
must "$make" platform=vsphere firmware=bios size=200 "$good"
altered() {
	local start
	must partition "$good" 1 "$TMP/v"
	must "$@"
	must cp --sparse=always "$good" "$TMP/altered.img"
	start=$(sfdisk --json "$good" | jq .partitiontable.partitions[1].start)
	must "$BUILD/tests/fixtures/copy-range" "$TMP/v" 0 "$(stat -c %s "$TMP/v")" "$TMP/altered.img" $((start * 512))
}
config=/Windows/System32/config
put_file() { # FILE PATH
	ntfscp -q "$TMP/v" "$1" "$2"
}

### Which Windows

accepted "a good disk" '.*' "$good" || true
truncate -s 64M "$TMP/data.img"
must sfdisk -q "$TMP/data.img" <<<$'label: gpt\nsize=40MiB'
refused "no Windows" no-windows 'no NTFS volume' "$TMP/data.img"
made <<<'file \Old\System32\config\SYSTEM; x'
refused "two Windows" two-windows '2:\\(Old|Windows), 2:\\(Old|Windows)$' "$TMP/made.img"
refused "two Windows, a third one chosen" no-windows '"\\WINNT".*2:\\Windows' "$TMP/made.img" --root '\WINNT'
refused "two Windows, the broken one chosen" hive-damaged 'SYSTEM.*not a registry hive' "$TMP/made.img" --root '2:\Old'
run "$cectl" local prepare --disk "$TMP/made.img" --target hyperv --dry-run --json --root '\Windows'
is "two Windows, the good one chosen" "$run_status" 0
made product=server2012r2 </dev/null
refused "an old Windows" windows-unsupported '2012 R2.*6\.3, build 9600.*too old' "$TMP/made.img"
made <<<$'[SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment]\nPROCESSOR_ARCHITECTURE = sz x86'
refused "x86" windows-unsupported 'no x64 Windows but x86' "$TMP/made.img"
made <<<$'[SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment]\nPROCESSOR_ARCHITECTURE = sz ARM64'
refused "ARM64" windows-unsupported 'no x64 Windows but arm64' "$TMP/made.img"
if [ -n "$data" ]; then
	made hive="$data/hives/win7-x86-vmware.SYSTEM.xz" </dev/null
	refused "a real Windows 7" windows-unsupported 'no x64 Windows but x86' "$TMP/made.img"
else
	skip "a real Windows 7" "no real data"
fi

### The disk

of_type() { # NUMBER TYPE FIRMWARE
	"$make" platform=vsphere firmware="$3" size=250 "$TMP/typed.img" && sfdisk -q --part-type "$TMP/typed.img" "$1" "$2"
}
must of_type 2 42 bios
refused "a dynamic MBR disk" dynamic-disk 'partition 2' "$TMP/typed.img"
must of_type 4 AF9B60A0-1431-4F62-BC68-3311714A69AD uefi
refused "a dynamic GPT disk" dynamic-disk 'partition 4' "$TMP/typed.img"
must sfdisk -q --part-type "$TMP/typed.img" 4 E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D
refused "a storage pool" storage-spaces 'partition 4' "$TMP/typed.img"

suspend() { # every protector of a BitLocker volume becomes a clear key
	python3 - "$1" <<-'END'
		import struct, sys
		d = open(sys.argv[1], "r+b")
		d.seek(176)
		for at in struct.unpack("<3Q", d.read(24)):
		    d.seek(at + 64)
		    size = struct.unpack("<I", d.read(4))[0]
		    entry = at + 112
		    while entry < at + 64 + size:
		        d.seek(entry)
		        length, kind, value = struct.unpack("<3H", d.read(6))
		        if length < 8:
		            break
		        if kind == 2 and value == 8:
		            d.seek(entry + 8 + 26)
		            d.write(b"\0\0")
		        entry += length
	END
}
if [ -n "$data" ]; then
	must tar xzf "$data/ntfs/libblockdev_bitlk-images.tar.gz" -C "$TMP"
	bitlocked() {
		rm -f "$TMP/bitlocker.img"
		truncate -s 110M "$TMP/bitlocker.img"
		must sfdisk -q "$TMP/bitlocker.img" <<<$'label: dos\nstart=1MiB,size=100MiB,type=7'
		must "$BUILD/tests/fixtures/copy-range" "$TMP/bitlk-aes-xts-128.img" 0 104857600 "$TMP/bitlocker.img" 1048576
	}
	bitlocked
	refused "BitLocker" bitlocker 'partition 1 is encrypted with BitLocker' "$TMP/bitlocker.img"
	chmod u+w "$TMP/bitlk-aes-xts-128.img"
	must suspend "$TMP/bitlk-aes-xts-128.img"
	bitlocked
	refused "BitLocker, suspended" bitlocker 'only suspended.*still encrypted' "$TMP/bitlocker.img"
	like "BitLocker, suspended: the way out says so" "$(run_out | jq -r .error.hint)" 'suspending is not enough'
else
	skip "BitLocker" "no real data"
fi

### The volume

# What stands where the service of the first start is to go.
echo "somebody's" >"$TMP/file"
altered put_file "$TMP/file" /Windows/CEAgent
refused "a file by the name of our folder" file-unsupported '"CEAgent" is a file, not a folder' "$TMP/altered.img"
like "a file by the name of our folder: the way out" "$(run_out | jq -r .error.hint)" 'rename the file'

hibernate() { # SIGNATURE
	{
		printf '%s' "$1"
		head -c 8188 /dev/zero
	} >"$TMP/hiberfil.sys"
	put_file "$TMP/hiberfil.sys" /hiberfil.sys
}
altered hibernate hibr
refused "hibernated" hibernated 'hibernat' "$TMP/altered.img"
altered hibernate HIBR
refused "Fast Startup" hibernated 'hibernat' "$TMP/altered.img"
# Dirty is then what we made it: a second run has nothing to do, and an inspection nothing to say.
echo '{"discardHibernation":true}' >"$TMP/discard.json"
altered hibernate hibr
run_ok "hibernated: discarded" "$cectl" local prepare --disk "$TMP/altered.img" --target azure --request "$TMP/discard.json"
for more in "--request $TMP/discard.json" ""; do
	# shellcheck disable=SC2086
	run "$cectl" local prepare --disk "$TMP/altered.img" --target azure --json $more
	is "hibernated: prepared again${more:+ with the option}" "$run_status $(run_out | jq '.plan.actions | length')" "0 0" || _show_run
done
run "$cectl" local inspect --disk "$TMP/altered.img" --json
is "hibernated: inspected after it" "$(run_out | jq -c '[[.problems[].code], any(.partitionTable.partitions[].ntfs; .dirty == true)]')" '[[],true]'
mark_dirty() { ntfsfix "$TMP/v" >/dev/null; }
altered mark_dirty
refused "a volume that wants chkdsk" ntfs-dirty 'chkdsk|dirty|check' "$TMP/altered.img"

# The entry of config in System32 leads back to \Windows: a loop.
loop() {
	python3 - "$TMP/v" "$(ntfsinfo -F /Windows "$TMP/v" | sed -n 's/^Dumping Inode \([0-9]*\).*/\1/p')" <<-'END'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		name, at, n = "config".encode("utf-16le"), 0, 0
		while (at := data.find(name, at)) >= 0:
		    entry = at - 0x52 # name in $FILE_NAME in an index entry
		    if data[at - 2] == 6 and struct.unpack_from("<H", data, entry + 10)[0] == 0x42 + len(name):
		        struct.pack_into("<I", data, entry, int(sys.argv[2]))
		        n += 1
		    at += 2
		assert n
		open(sys.argv[1], "wb").write(data)
	END
}
altered loop
refused "folders in a loop" no-windows '' "$TMP/altered.img"

# overwrite OFFSET LENGTH: zeros, in the volume
overwrite() {
	dd if=/dev/zero of="$TMP/v" bs=1 seek="$1" count="$2" conv=notrunc status=none
}
# place FIELD: of $MFT or $MFTMirr in the volume, from its boot sector
place() {
	echo $(($(od -An -t u8 -j "$1" -N 8 "$TMP/v") * 4096))
}
mirror() { overwrite $(($(place 56) + 1024 + 16)) 2; } # a sequence number
altered mirror
refused "\$MFT and \$MFTMirr differ" ntfs-damaged 'partition 2 cannot be read.*MFTMirr' "$TMP/altered.img"
like "\$MFT and \$MFTMirr differ: the way out" "$(run_out | jq -r .error.hint)" 'chkdsk /f'
run_ok "\$MFT and \$MFTMirr differ: an inspection" "$cectl" local inspect --disk "$TMP/altered.img" --json
is "\$MFT and \$MFTMirr differ: it says so once" "$(run_out | jq -c '[.windows, [.problems[] | [.code, .partition]]]')" '[null,[["ntfs-damaged",2]]]'
no_mft() { overwrite "$(place 48)" 1024; }
altered no_mft
refused "no \$MFT" ntfs-damaged 'partition 2 cannot be read' "$TMP/altered.img"
run_ok "no \$MFT: an inspection" "$cectl" local inspect --disk "$TMP/altered.img" --json
is "no \$MFT: it says so" "$(run_out | jq -c '[.windows, [.problems[] | [.code, .partition]]]')" '[null,[["ntfs-damaged",2]]]'
altered overwrite 0 512
refused "no boot sector" ntfs-damaged 'partition 2 .*boot sector was overwritten: only its copy' "$TMP/altered.img"
# A folder that a name is put into: its index block's update sequence. libntfs-3g alone ends the process over it.
no_sequence() {
	local at
	at=$(python3 -c 'import sys
b = open(sys.argv[1], "rb").read()
print(next(i for i in range(0, len(b), 4096) if b[i:i+4] == b"INDX" and b[i+24+64:].find("Windows".encode("utf-16le"), 0, 4096) >= 0))' "$TMP/v") &&
		printf k | dd of="$TMP/v" bs=1 seek=$((at + 7)) conv=notrunc status=none
}
altered no_sequence
refused "a damaged folder" ntfs-damaged 'index block at 0x[0-9a-f]* has no valid update sequence' "$TMP/altered.img"
# The records of the folders that lead to the hives; an index within its record, so it is the record that is hit.
for folder in /Windows /Windows/System32 /Windows/System32/config; do
	no_folder() {
		local n
		n=$(ntfsinfo -F "$folder" "$TMP/v" | sed -n 's/^Dumping Inode \([0-9]*\).*/\1/p')
		overwrite $(($(place 48) + n * 1024)) 4
	}
	altered no_folder
	refused "no record of $folder" ntfs-damaged 'partition 2 cannot be read' "$TMP/altered.img"
done
# Of the system partition, which is damaged, nobody knows what it holds.
must cp --sparse=always "$good" "$TMP/altered.img"
must dd if=/dev/zero of="$TMP/altered.img" bs=512 seek=2048 count=1 conv=notrunc status=none
accepted "another volume that cannot be read" volume-unread "$TMP/altered.img"
all_of_it() { shred -n 1 -z "$TMP/v"; }
altered all_of_it
refused "no file system at all" no-windows 'no NTFS volume of the disk holds a Windows' "$TMP/altered.img"
other() { mkfs.ext4 -q -F "$TMP/v"; }
altered other
refused "another file system" no-windows 'no NTFS volume of the disk holds a Windows' "$TMP/altered.img"

# A volume that is nearly full. left MIB: $TMP/made.img has so many free, as ntfsinfo counts them
free_clusters() {
	must windows_volume "$1" "$TMP/v"
	ntfsinfo -m "$TMP/v" | sed -n 's/.*Free Clusters: \([0-9]*\).*/\1/p'
}
all=$(free_clusters "$good")
left() { made <<<"zeros \\Users\\fill.bin; $(((all - $1 * 256) * 4096))"; }
left 10
like "10 MiB free" "$(free_clusters "$TMP/made.img")" '^25[0-9][0-9]$'
run_ok "10 MiB free: prepared" "$cectl" local prepare --disk "$TMP/made.img" --target hyperv --json
must windows_volume "$TMP/made.img" "$TMP/v"
run_ok "10 MiB free: ntfsfix finds a clean volume" ntfsfix --no-action "$TMP/v"
run "$cectl" local prepare --disk "$TMP/made.img" --target hyperv --json
is "10 MiB free: nothing is left to do" "$run_status $(run_out | jq '.plan.actions | length')" "0 0"
left 1
refused "1 MiB free" no-space 'Windows volume has 10[0-9]+ bytes free, [0-9]+ are needed: files [0-9]+, registry [0-9]+' "$TMP/made.img"
like "1 MiB free: the way out" "$(run_out | jq -r .error.hint)" 'free space on its system drive'
left 0
refused "nothing free" no-space '' "$TMP/made.img"
like "nothing free: the way out" "$(run_out | jq -r .error.hint)" 'free space on its system drive'
left 10
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/pack"
find "$TMP/pack" -name '*.sys' -exec truncate -s 9M {} \;
before=$(sha256sum <"$TMP/made.img")
run "$cectl" local prepare --disk "$TMP/made.img" --target kvm --packs "$TMP/pack" --json
is "drivers that do not fit" "$run_status $(run_out | jq -r .error.code) $(sha256sum <"$TMP/made.img")" "3 no-space $before"

### The registry

truncated() {
	ntfscat "$TMP/v" "$config"/SOFTWARE >"$TMP/hive" && truncate -s 12288 "$TMP/hive" && ntfscp -q "$TMP/v" "$TMP/empty" "$config"/SOFTWARE &&
		put_file "$TMP/hive" "$config"/SOFTWARE
}
: >"$TMP/empty"
altered truncated
refused "a hive that is cut off" hive-damaged 'SOFTWARE is cut off' "$TMP/altered.img"
no_hive() { put_file "$TMP/text" "$config"/SYSTEM; }
head -c 100000 /dev/zero | tr '\0' x >"$TMP/text"
altered no_hive
refused "a hive that is none" hive-damaged 'SYSTEM' "$TMP/altered.img"
unclean() {
	ntfscat "$TMP/v" "$config"/SYSTEM >"$TMP/hive" && python3 - "$TMP/hive" <<-'END' && put_file "$TMP/hive" "$config"/SYSTEM
		import struct, sys
		b = bytearray(open(sys.argv[1], "rb").read())
		struct.pack_into("<I", b, 4, struct.unpack_from("<I", b, 8)[0] + 1)
		x = 0
		for i in range(0, 508, 4):
		    x ^= struct.unpack_from("<I", b, i)[0]
		struct.pack_into("<I", b, 508, x)
		open(sys.argv[1], "wb").write(b)
	END
}
altered unclean
refused "a dirty hive without logs" hive-dirty 'hive SYSTEM.*not closed cleanly' "$TMP/altered.img"
made <<<$'[SYSTEM\\Select]\nCurrent = dword 7'
refused "a control set that is not there" hive-damaged 'Select\\Current names ControlSet007' "$TMP/made.img"
made < <(printf '[SYSTEM\\CurrentControlSet\\Services\\i8042prt]\nOwners = multi msmouse.inf' && printf ' | oem3.inf!x%d' {1..100} && echo)
refused "owners without end" hive-damaged 'i8042prt": Owners has 101 entries' "$TMP/made.img"
made <<<$'[SYSTEM\\ControlSet003\\Control]\nx = dword 1'
accepted "a control set without services" '.*' "$TMP/made.img"
made size=800 <<<'zeros \Windows\System32\config\SOFTWARE; 450000000'
refused "a hive that is too large" hive-too-large 'SOFTWARE" has 450000000 bytes' "$TMP/made.img"
if [ -n "$data" ]; then
	replace() { put_file "$1" "$config"/SYSTEM; }
	altered replace "$data/hives/yarp/BadSubkeyHive"
	refused "a key in two places" hive-damaged 'SYSTEM: key "\\3"' "$TMP/altered.img"
	altered replace "$data/hives/yarp/TruncatedNameHive"
	refused "a key with a cut name" hive-damaged 'SYSTEM: key' "$TMP/altered.img"
else
	skip "real damaged hives" "no real data"
fi

### What Windows has not finished

cbs='SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing'
made <<<'file \Windows\WinSxS\pending.xml; <x/>'
refused "pending.xml" pending-servicing 'pending\.xml' "$TMP/made.img"
for key in RebootPending PackagesPending; do
	made <<<"[$cbs\\$key]"$'\nx = dword 1'
	refused "$key" pending-servicing "$key" "$TMP/made.img"
done
made <<<"[$cbs\\SessionsPending]"$'\nExclusive = dword 3'
refused "SessionsPending" pending-servicing SessionsPending "$TMP/made.img"
made <<<"[$cbs\\SessionsPending]"$'\nExclusive = dword 0\n\n[SYSTEM\\CurrentControlSet\\Control\\Session Manager]\nPendingFileRenameOperations = multi \\??\\C:\\a | !\\??\\C:\\b'
accepted "files to be renamed" pending-renames "$TMP/made.img"
made <<<$'[SYSTEM\\Setup]\nOOBEInProgress = dword 1'
accepted "the welcome of Windows" setup-in-progress "$TMP/made.img"
made <<<$'[SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State]\nImageState = sz IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE'
accepted "a generalized Windows" sysprep "$TMP/made.img"
done_testing
