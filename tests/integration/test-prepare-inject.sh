#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Drivers of packs on whole disks: what came of it is read by ntfscat, ntfsls and hivexregedit, and the volume is
# checked by ntfsfix. Refusals leave the disk as it was.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"

cectl=$BUILD/agent/cectl
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/packs"

# prepare TARGET OPTION...: the disk; the plan in $TMP/plan
prepare() {
	local target=$1
	shift
	"$cectl" local prepare --disk "$TMP/disk" --target "$target" --json "$@" >"$TMP/plan" 2>"$TMP/log"
}
value() { hivexregedit --export --unsafe-printable-strings --max-depth 1 "$TMP/$1" "\\$2" 2>/dev/null | sed -n "s/^\"$3\"=//p"; }
look() {
	windows_volume "$TMP/disk" "$TMP/volume" && hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM" &&
		hive_file "$TMP/volume" DRIVERS "$TMP/DRIVERS" && hive_file "$TMP/volume" SOFTWARE "$TMP/SOFTWARE"
}
# installed HIVE DRIVER SERVICE START: everything that makes the driver load is there
installed() {
	local hive=$1 driver=$2 service=$3 start=$4 name=$2 pack=$TMP/packs/$2/w10/amd64 set published package store
	package=$(hivexregedit --export --max-depth 2 "$TMP/$hive" '\DriverDatabase\DriverPackages' 2>/dev/null | grep -o "$driver\.inf_amd64_[0-9a-f]*" | head -n 1)
	published=$(hivexregedit --export --unsafe-printable-strings --max-depth 1 "$TMP/$hive" "\\DriverDatabase\\DriverPackages\\$package" 2>/dev/null | sed -n 's/^@=str(1):"\(.*\)"/\1/p')
	like "$name: a package in $hive" "$package" "^$driver\.inf_amd64_[0-9a-f]{16}$"
	like "$name: its number" "$published" '^oem[0-9]+\.inf$'
	is "$name: it is the active one" "$(value "$hive" "DriverDatabase\\DriverInfFiles\\$published" Active)" "str(1):\"$package\""
	for set in ControlSet001 ControlSet002; do
		is "$name: $set: start" "$(value SYSTEM "$set\\Services\\$service" Start)" "dword:0000000$start"
		is "$name: $set: no override" "$(value SYSTEM "$set\\Services\\$service\\StartOverride" 0)" ''
	done
	store=/Windows/System32/DriverStore/FileRepository/$package
	for file in "$store/$driver.sys" "/Windows/System32/drivers/$driver.sys"; do
		run_ok "$name: $file is the pack's" cmp <(ntfscat "$TMP/volume" "$file") "$pack/$driver.sys"
	done
	for file in "$store/$driver.inf" "/Windows/INF/$published"; do
		run_ok "$name: $file is the pack's" cmp <(ntfscat "$TMP/volume" "$file") "$pack/$driver.inf"
	done
	run_ok "$name: its catalog" cmp <(ntfscat "$TMP/volume" "/Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/${published%.inf}.cat") "$pack/$driver.cat"
	numbers+=("$published")
}

# Two sources, three targets: other oem numbers are taken, other packages go.
while read -r source target drivers; do
	must windows_copy "$TMP/disk" platform="$source"
	must windows_volume "$TMP/disk" "$TMP/before"
	numbers=()
	run_ok "$source to $target: prepared" prepare "$target" --packs "$TMP/packs"
	run_ok "$source to $target: looked at" look
	for d in $drivers; do
		IFS=: read -r hive driver service start <<<"$d"
		installed "$hive" "$driver" "$service" "$start"
	done
	is "$source to $target: each has a number of its own" "$(printf '%s\n' "${numbers[@]}" | sort -u | wc -l)" ${#numbers[@]}
	for n in "${numbers[@]}"; do
		ok "$source to $target: $n was free" [ "$(ntfscat "$TMP/before" "/Windows/INF/$n" 2>/dev/null | wc -c)" = 0 ]
	done
	run_ok "$source to $target: the volume is sound" ntfsfix -n "$TMP/volume"
	run_ok "$source to $target: again" prepare "$target" --packs "$TMP/packs"
	is "$source to $target: nothing was left to do" "$(jq -r .additionalInfo.artifacts.changed "$TMP/plan")" false
done <<-'END'
	vsphere kvm SYSTEM:vioscsi:vioscsi:0 SYSTEM:viostor:viostor:0 DRIVERS:netkvm:netkvm:3 SYSTEM:balloon:BALLOON:3
	hyperv gcp SYSTEM:vioscsi:vioscsi:0 DRIVERS:gvnic:gvnic:3
	kvm vsphere SYSTEM:pvscsi:pvscsi:0 DRIVERS:vmxnet3:vmxnet3ndis6:3
END

# A driver that is there already, and that Windows keeps from loading at boot since it did not need it
cat >"$TMP/pvscsi.txt" <<-'END'
	package oem40.inf; inf pvscsi.inf; hive SYSTEM; class {4d36e97b-e325-11ce-bfc1-08002be10318}; provider VMware, Inc.; version 1.3.17.0; section pvscsi_Inst; ids PCI\VEN_15AD&DEV_07C0; service pvscsi; sys pvscsi.sys
	service pvscsi; start 3; group SCSI miniport; image \SystemRoot\System32\drivers\pvscsi.sys; owner oem40.inf; override 3
END
must windows_copy "$TMP/disk" platform=hyperv extra="$TMP/pvscsi.txt"
run_ok "PVSCSI is there: prepared" prepare vsphere
must look
for set in ControlSet001 ControlSet002; do
	is "PVSCSI is there: $set: it loads at boot" "$(value SYSTEM "$set\\Services\\pvscsi" Start)$(value SYSTEM "$set\\Services\\pvscsi\\StartOverride" 0)" dword:00000000
	is "PVSCSI is there: $set: from where the boot loader looks" "$(value SYSTEM "$set\\Services\\pvscsi" ImagePath | sed 's|[^A-Za-z0-9:()."]||g')" 'str(2):"System32driverspvscsi.sys"'
done

# Nitro has one network adapter, and no Windows a driver for it
must windows_copy "$TMP/disk" platform=hyperv
run_ok "no network driver for AWS: prepared" prepare aws --dry-run
is "no network driver for AWS: it is warned of" "$(jq -r '[.warnings[].code] | join(" ")' "$TMP/plan")" network-driver-missing
run_ok "vSphere has an adapter that Windows knows" prepare vsphere --dry-run
is "vSphere has an adapter that Windows knows: no warning" "$(jq '.warnings | length' "$TMP/plan")" 0

# A catalog and what it is for: packs as their vendor made them, and changed.
must windows_copy "$TMP/disk" platform=vsphere
warnings() { jq -r '.warnings[] | select(.code == "pack-unsigned").message' "$TMP/plan"; }
run_ok "catalogs that fit" prepare kvm --packs "$TMP/packs" --dry-run
is "catalogs that fit: no warning" "$(warnings)" ""
cp -r "$TMP/packs" "$TMP/changed"
printf '; changed\r\n' >>"$TMP/changed/viostor/w10/amd64/viostor.inf"
printf x | dd of="$TMP/changed/vioscsi/w10/amd64/vioscsi.sys" bs=1 seek=1000 conv=notrunc status=none
run_ok "a pack that was changed" prepare kvm --packs "$TMP/changed" --dry-run
is "a pack that was changed: warnings" "$(warnings | grep -oE '"viostor.inf": the INF was changed|"vioscsi.sys" of "vioscsi.inf" is neither signed itself' | wc -l)/$(warnings | wc -l)" 2/2

before=$(sha256sum <"$TMP/disk")
sed -i 's/NTamd64/NTx86/g' "$TMP"/packs/vio*/w10/amd64/*.inf
run_status_is "no driver for this machine: refused" 3 prepare kvm --packs "$TMP/packs"
like "it is said why" "$(cat "$TMP/plan" "$TMP/log")" 'boot-driver-missing'
like "the INFs are named" "$(cat "$TMP/plan" "$TMP/log")" 'viostor\.inf is for x86'
is "nothing was written" "$(sha256sum <"$TMP/disk")" "$before"
done_testing
