#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# outputs.sh DISK.raw [FORMAT...]: the system disk as each platform takes it, beside the raw one:
#   azure.vhd hyperv.vhdx xen.vhd kvm.qcow2 (AHV too) vsphere.vmdk vsphere.ova gcp.tar.gz
# VHD and VHDX are made by the project's own cectl. The same disk gives the same files: ids come from its
# content, dates from SOURCE_DATE_EPOCH.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
. "$HERE/lib.sh"
[ $# -ge 1 ] || usage "$0"
raw=$(readlink -f "$1") && shift
stem=${raw%.raw} name=$(basename "$raw" .raw)
: "${SOURCE_DATE_EPOCH:?}" "${CECTL:?}"
export LC_ALL=C.UTF-8 TZ=UTC
sum=$(sha256sum "$raw" | cut -d ' ' -f 1)
work=$(mktemp -d "$stem-outputs.XXXXXX") # the same file system: a file takes its name when it is whole
trap 'rm -rf "$work"' EXIT
tar=(tar -C "$work" --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=0644)

# ours FORMAT TYPE OUT: nothing is left out of a disk that is no Windows'
ours() {
	quietly "$CECTL" local export --disk "$raw" --format "$1" --type "$2" --whole-disk --seed "$sum $2" --output "$3"
}

# A stream-optimized VMDK names itself by a number of chance, of up to eight digits: made the same for the same
# content, in QEMU's descriptor of 20 sectors after the first, padded with zeros.
vmdk() { # OUT: its descriptor names the extent as the file is called
	local cid=${sum:0:8}
	[ "$cid" != ffffffff ] || cid=00000001
	quietly qemu-img convert -f raw -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic "$raw" "$1"
	dd if="$1" bs=512 skip=1 count=20 status=none | tr -d '\0' | sed "s/^CID=[0-9a-f]*$/CID=$cid/" >"$work/descriptor"
	grep -q "^CID=$cid$" "$work/descriptor" || die "\"$1\" has no descriptor where QEMU puts it"
	truncate -s $((20 * 512)) "$work/descriptor"
	dd if="$work/descriptor" of="$1" bs=512 seek=1 conv=notrunc status=none
}

ovf() { # VMDK: one VM, EFI, two processors, 2 GiB, PVSCSI and vmxnet3
	sed -e "s/@NAME@/$name/g" -e "s/@SIZE@/$(stat -c %s "$1")/" -e "s/@CAPACITY@/$(stat -c %s "$raw")/" "$HERE/vm.ovf"
}

ova() { # OUT
	[ -e "$work/$name.vmdk" ] || vmdk "$work/$name.vmdk"
	ovf "$work/$name.vmdk" >"$work/$name.ovf"
	(
		cd "$work"
		for file in "$name.ovf" "$name.vmdk"; do
			echo "SHA256($file)= $(sha256sum "$file" | cut -d ' ' -f 1)"
		done >"$name.mf"
	)
	# the descriptor is the first member, as DSP0243 demands
	"${tar[@]}" --format=ustar -cf "$1" "$name.ovf" "$name.mf" "$name.vmdk"
}

# One member, disk.raw, a whole number of GiB, GNU tar's old sparse format.
gcp() { # OUT
	local size
	size=$(stat -c %s "$raw")
	cp --sparse=always "$raw" "$work/disk.raw"
	truncate -s $((((size + (1 << 30) - 1) >> 30) << 30)) "$work/disk.raw"
	# the backup partition table belongs at the new end
	quietly sgdisk --move-second-header "$work/disk.raw"
	# what is a hole is read from the content: file systems differ
	"${tar[@]}" --format=oldgnu --sparse --hole-detection=raw -cf - disk.raw | gzip -n -6 >"$1"
}

make() { # FORMAT OUT
	case $1 in
	azure.vhd) ours vhd fixed "$2" ;;
	hyperv.vhdx) ours vhdx dynamic "$2" ;;
	xen.vhd) ours vhd dynamic "$2" ;;
	kvm.qcow2) quietly qemu-img convert -f raw -O qcow2 -c "$raw" "$2" ;;
	vsphere.vmdk) vmdk "$2" ;;
	vsphere.ova) ova "$2" ;;
	gcp.tar.gz) gcp "$2" ;;
	*) die "unknown format \"$1\": azure.vhd hyperv.vhdx xen.vhd kvm.qcow2 vsphere.vmdk vsphere.ova gcp.tar.gz" ;;
	esac
}

[ $# -gt 0 ] || set -- azure.vhd hyperv.vhdx xen.vhd kvm.qcow2 vsphere.vmdk vsphere.ova gcp.tar.gz
for format; do
	make "$format" "$work/$name-$format"
	mv "$work/$name-$format" "$stem-$format"
done
