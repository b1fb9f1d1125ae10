#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Whole disks leave their platform. What is left of SOFTWARE and of the files is what a Windows has that never
# had the tools of any platform, with Citrix' VDA on it: nothing of the tools, and nothing less. Read by
# hivexregedit and ntfs-3g.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"

cectl=$BUILD/agent/cectl
vda=$TOP/tests/fixtures/windows/vda.txt

prepare() {
	"$cectl" local prepare --disk "$TMP/disk" --source "$1" --target "$2" --json >"$TMP/plan" 2>"$TMP/log" ||
		{ tail -5 "$TMP/log" && return 1; }
}

# values NAME: values of SOFTWARE; not what the preparation keeps for the first boot, and not the port that
# belongs to a cloud's licence server
values() {
	windows_volume "$TMP/disk" "$TMP/volume" && hive_file "$TMP/volume" SOFTWARE "$TMP/SOFTWARE" &&
		hive_text "$TMP/SOFTWARE" | grep -P '\t' | grep -v -e '^.CE Agent.' -e '^.Microsoft.Virtual Machine.' \
			-e '"KeyManagementServicePort"' | LC_ALL=C sort >"$TMP/$1.values"
}
# files NAME: files but for those that every preparation changes or the volume keeps for itself
files() {
	file_list "$TMP/volume" | grep -v -e '/$' -e '^Windows/System32/config/' -e '^Windows/CEAgent/' -e '^pagefile.sys' -e '^swapfile.sys' \
		-e '^\$' -e '^System Volume Information' | LC_ALL=C sort >"$TMP/$1.files"
}

# What a source's description holds beside its tools, or what is left alone: it stays.
declare -A stays=(
	[vsphere]='vsocklib\.dll'
	[aws]='drivers/(ena|AWSNVMe)\.sys'
	[gcp]='Google/(Chrome|OSConfig)/|drivers/etc/hosts|drivers/gvnic\.sys'
	[xen]='scsifilt\.sys'
	[virtualbox]='Oracle/Java'
)

compare() {
	diff <(grep -v -E "$other" "$TMP/none.$1") <(grep -v -E "$other" "$TMP/is.$1")
}

must windows_copy "$TMP/disk" platform=hyperv extra="$vda"
run_ok "a Windows without tools is looked at" values none
run_ok "and its files" files none

for source in vsphere azure aws gcp ahv xen kvm virtualbox; do
	must windows_copy "$TMP/disk" platform=$source extra="$vda"
	run_ok "$source: prepared" prepare $source hyperv
	run_ok "$source: SOFTWARE is looked at" values is
	run_ok "$source: and the files" files is
	other=${stays[$source]-'no such name'}
	is "$source: values of SOFTWARE" "$(compare values)" ''
	is "$source: files" "$(compare files)" ''
	run_ok "$source: the volume is sound" ntfsfix -n "$TMP/volume"
	if [ -n "${stays[$source]-}" ]; then
		run_ok "$source: what is no tool of its is there" grep -q -E "$other" "$TMP/is.files"
	fi
	if [ $source = gcp ]; then
		is "gcp: hosts" "$(ntfscat "$TMP/volume" /Windows/System32/drivers/etc/hosts | tr '\r\n' ' |')" \
			'# Copyright (c) 1993-2009 Microsoft Corp. |192.0.2.99 files.example.org |'
	fi
done

# to another virtio platform: its drivers stay, the agents do not
must windows_copy "$TMP/disk" platform=kvm
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/packs"
run_ok "kvm to gcp: prepared" "$cectl" local prepare --disk "$TMP/disk" --target gcp --packs "$TMP/packs" --json
must windows_volume "$TMP/disk" "$TMP/volume"
must hive_file "$TMP/volume" SYSTEM "$TMP/SYSTEM"
file_list "$TMP/volume" >"$TMP/list"
services=$(hivexregedit --export --max-depth 2 "$TMP/SYSTEM" '\ControlSet001\Services' | grep -ioE 'Services.(QEMU-GA|spice-agent|viostor|netkvm)\]' | sort -f | xargs)
unlike "kvm to gcp: no agent is left" "$services" 'QEMU-GA|spice'
like "kvm to gcp: the drivers are" "$services" 'netkvm.*viostor'
is "kvm to gcp: nor its program" "$(grep -ciE 'Program Files/(Qemu-ga|SPICE agent)/.' "$TMP/list")" 0
done_testing
