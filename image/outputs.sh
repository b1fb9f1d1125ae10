#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# outputs.sh DISK.raw [FORMAT...]: the system disk as each platform takes it, beside the raw one:
#   azure.vhd hyperv.vhdx xen.vhd kvm.qcow2 (AHV too) vsphere.vmdk vsphere.ova gcp.tar.gz
# VHD and VHDX are made by the project's own cectl.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
[ $# -ge 1 ] || usage "$0"
raw=$(readlink -f "$1") stem=${1%.raw}
shift
: "${SOURCE_DATE_EPOCH:?}" "${CECTL:?}"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ce-outputs.XXXXXX")
trap 'rm -rf "$work"' EXIT

# ours FORMAT TYPE OUT: nothing is left out of a disk that is no Windows'
ours() {
	quietly "$CECTL" local export --disk "$raw" --format "$1" --type "$2" --whole-disk --overwrite --output "$3"
}

# A stream-optimized VMDK names itself by a number of chance: made the same for the same content.
vmdk() {
	local cid
	[ ! -e "$stem-vsphere.vmdk" ] || [ "$stem-vsphere.vmdk" -ot "$raw" ] || return 0
	quietly qemu-img convert -f raw -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic "$raw" "$work/disk.vmdk"
	cid=$(sha256sum "$raw" | cut -c 1-8)
	[ "$cid" != ffffffff ] || cid=00000001
	LC_ALL=C sed -i "1,40s/^CID=[0-9a-f]\{8\}$/CID=$cid/" "$work/disk.vmdk"
	mv "$work/disk.vmdk" "$stem-vsphere.vmdk"
}

ovf() { # NAME VMDK: one VM, EFI, two processors, 2 GiB, PVSCSI and vmxnet3
	sed -e "s/@NAME@/$1/g" -e "s/@SIZE@/$(stat -c %s "$2")/" -e "s/@CAPACITY@/$(stat -c %s "$raw")/" \
		"$(dirname "$0")/vm.ovf"
}

ova() {
	local name
	vmdk
	name=$(basename "$stem")
	cp "$stem-vsphere.vmdk" "$work/$name.vmdk"
	ovf "$name" "$work/$name.vmdk" >"$work/$name.ovf"
	(
		cd "$work"
		for file in "$name.ovf" "$name.vmdk"; do
			echo "SHA256($file)= $(sha256sum "$file" | cut -d ' ' -f 1)"
		done >"$name.mf"
		# the descriptor is the first member, as DSP0243 demands
		tar --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --mode=0644 -cf "$stem-vsphere.ova" \
			"$name.ovf" "$name.mf" "$name.vmdk"
	)
}

# One member, disk.raw, a whole number of GiB, GNU tar's old sparse format.
gcp() {
	local size
	size=$(stat -c %s "$raw")
	cp --sparse=always "$raw" "$work/disk.raw"
	truncate -s $((((size + (1 << 30) - 1) >> 30) << 30)) "$work/disk.raw"
	# the backup partition table belongs at the new end
	quietly sgdisk --move-second-header "$work/disk.raw"
	tar -C "$work" --format=oldgnu --sparse --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --mode=0644 -cf - disk.raw |
		gzip -n -6 >"$stem-gcp.tar.gz"
}

make() {
	case $1 in
	azure.vhd) ours vhd fixed "$stem-azure.vhd" ;;
	hyperv.vhdx) ours vhdx dynamic "$stem-hyperv.vhdx" ;;
	xen.vhd) ours vhd dynamic "$stem-xen.vhd" ;;
	kvm.qcow2) quietly qemu-img convert -f raw -O qcow2 -c "$raw" "$stem-kvm.qcow2" ;;
	vsphere.vmdk) vmdk ;;
	vsphere.ova) ova ;;
	gcp.tar.gz) gcp ;;
	*) die "unknown format \"$1\"" ;;
	esac
}

stem=$(readlink -f "$(dirname "$stem")")/$(basename "$stem")
[ $# -gt 0 ] || set -- azure.vhd hyperv.vhdx xen.vhd kvm.qcow2 vsphere.vmdk vsphere.ova gcp.tar.gz
for format; do
	make "$format"
done
