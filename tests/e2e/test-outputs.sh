#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev test outputs: a second build, elsewhere, gives the same bytes; each platform's output is what that
# platform's rules and other programs say it should be, and starts; Secure Boot takes what its key signed.
# CE_IMAGE_DIR: an image that has been built already (with the same CE_IMAGE_LEVEL). CE_OUTPUTS_BOOT=all starts
# every format, not only some.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
. "$TOP/tests/lib/machine.sh"
. "$TOP/tests/lib/image.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
export CECTL=$BUILD/agent/cectl

run_ok "there is an image" image_ready || done_testing
image=$CE_IMAGE_DIR/ce.raw
SOURCE_DATE_EPOCH=$(date -d "$(jq -r .creationInfo.created "$CE_IMAGE_DIR/ce.spdx.json")" +%s)
export SOURCE_DATE_EPOCH

# ---- the same bytes again: other folders, another time, another locale, a copy of the sources ----
mkdir -p "$TMP/elsewhere/tmp" "$TMP/one" "$TMP/two"
must tar -C "$TOP" --exclude='./build*' --exclude=./.git -cf "$TMP/sources.tar" .
mkdir "$TMP/elsewhere/ce" && must tar -C "$TMP/elsewhere/ce" -xf "$TMP/sources.tar"
rebuild() {
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C TMPDIR=$TMP/elsewhere/tmp "$TMP/elsewhere/ce/image/build.sh" --out "$TMP/two")
}
run_ok "a second build, elsewhere" rebuild || done_testing
for file in ce.efi ce.raw ce.spdx.json ce.packages.txt ce.sizes.txt; do
	ok "$file is the same" cmp "$CE_IMAGE_DIR/$file" "$TMP/two/$file"
done
is "the SBOM keeps to SPDX 2.3" "$(jq -r -f "$TOP/tests/lib/spdx.jq" "$CE_IMAGE_DIR/ce.spdx.json" 2>&1)" ""
is "and names the agent, the kernel and the boot stub" \
	"$(jq -r '[.packages[].name | select(test("^(ce-agent|linux-image-.*-amd64|systemd-boot-efi)$"))] | length' "$CE_IMAGE_DIR/ce.spdx.json")" 3

# ---- each platform's devices have their drivers in the image ----
mkdir "$TMP/uki"
for section in linux initrd osrel cmdline; do
	must objcopy -O binary --only-section=.$section "$CE_IMAGE_DIR/ce.efi" "$TMP/uki/$section"
done
(cd "$TMP/uki" && cpio -idm --quiet root.squashfs <initrd)
must unsquashfs -q -n -f -d "$TMP/uki/root" "$TMP/uki/root.squashfs" usr/lib/modules
version=$(ls "$TMP/uki/root/usr/lib/modules")
missing_drivers() { # PLATFORM
	grep "^$1 " "$TOP/tests/e2e/devices.txt" | while read -r _ device driver; do
		modprobe -d "$TMP/uki/root/usr" -S "$version" --resolve-alias "$device" 2>/dev/null | grep -qx "$driver" || echo "$driver ($device)"
	done
}
is "a device that nobody drives is noticed" \
	"$(modprobe -d "$TMP/uki/root/usr" -S "$version" --resolve-alias pci:v0000FFFFd0000FFFFsv00000000sd00000000bcFFscFFiFF 2>/dev/null)" ""
for platform in hyperv azure vsphere aws gcp ahv xen kvm all; do
	is "$platform: drivers ($(grep -c "^$platform " "$TOP/tests/e2e/devices.txt") devices)" "$(missing_drivers $platform)" ""
done
rm -r "$TMP/uki/root" "$TMP/uki/root.squashfs"

# ---- every output ----
cp --sparse=always "$image" "$TMP/one/ce.raw"
run_ok "all outputs are made" "$TOP/image/outputs.sh" "$TMP/one/ce.raw" || done_testing
make_again() {
	(umask 077 && TZ=Asia/Tokyo TMPDIR=$TMP/elsewhere/tmp "$TOP/image/outputs.sh" "$TMP/two/ce.raw")
}
run_ok "and made again" make_again
is "nothing is left beside them" "$(cd "$TMP/one" && echo *)" \
	"ce-azure.vhd ce-gcp.tar.gz ce-hyperv.vhdx ce-kvm.qcow2 ce-vsphere.ova ce-vsphere.vmdk ce-xen.vhd ce.raw"
for file in azure.vhd hyperv.vhdx xen.vhd kvm.qcow2 vsphere.vmdk vsphere.ova gcp.tar.gz; do
	ok "$file is the same again" cmp "$TMP/one/ce-$file" "$TMP/two/ce-$file"
done
rm -rf "$TMP/two"
cd "$TMP/one" || exit 1
size=$(stat -c %s ce.raw)
sound() { # FILE FORMAT: what QEMU reads is the disk
	ok "$1: QEMU reads the disk in it" qemu-img compare -q -f "$2" -F raw "$1" ce.raw
}
sound ce-azure.vhd vpc
sound ce-hyperv.vhdx vhdx
sound ce-xen.vhd vpc
sound ce-kvm.qcow2 qcow2
sound ce-vsphere.vmdk vmdk
for file in ce-hyperv.vhdx ce-kvm.qcow2 ce-vsphere.vmdk; do
	run_ok "$file: qemu-img check" qemu-img check -q "$file"
done
run_ok "ce-hyperv.vhdx: our own check" "$CECTL" local check --disk ce-hyperv.vhdx
like "ce.raw: its partition table" "$(sgdisk -v ce.raw)" "No problems found"
must mcopy -i ce.raw@@1M ::/EFI/BOOT/BOOTX64.EFI "$TMP/boot.efi"
ok "ce.raw: the kernel image is where firmware looks for it" cmp "$TMP/boot.efi" "$CE_IMAGE_DIR/ce.efi"

bytes() { # FILE OFFSET N: as hexadecimal digits; "-" reads a pipe
	{ [ "$1" = - ] && cat || cat "$1"; } | tail -c +$(($2 + 1)) | head -c "$3" | od -An -v -tx1 | tr -d ' \n'
}
footer() { # OFFSET N: of the VHD
	bytes ce-azure.vhd $((size + $1)) "$2"
}
is "Azure: whole MiB and a footer" "$(($(stat -c %s ce-azure.vhd) - size)) $((size % 1048576))" "512 0"
is "Azure: a fixed VHD of that size, which libvhdi reads too" \
	"$(footer 0 8) $((16#$(footer 48 8))) $(vhdiinfo ce-azure.vhd | sed -n 's/.*Disk type.*: *//p')" \
	"$(printf conectix | bytes - 0 8) $size Fixed"
is "Azure: its time is the sources'" "$((16#$(footer 24 4) + 946684800))" "$SOURCE_DATE_EPOCH"
is "XenServer: a dynamic VHD" "$(vhdiinfo ce-xen.vhd | sed -n 's/.*Disk type.*: *//p')" Dynamic
ids=$(for file in ce-azure.vhd ce-xen.vhd; do vhdiinfo "$file" | sed -n 's/.*Identifier.*: *//p'; done | sort -u | wc -l)
is "two VHDs are not one" "$ids" 2
is "vSphere: streamOptimized" "$(qemu-img info --output=json ce-vsphere.vmdk | jq -r '.["format-specific"].data["create-type"]')" streamOptimized

mkdir ova gcp
must tar -C ova -xf ce-vsphere.ova
is "OVA: the descriptor first" "$(tar -tf ce-vsphere.ova | tr '\n' ' ')" "ce.ovf ce.mf ce.vmdk "
is "OVA: a plain tar" "$(bytes ce-vsphere.ova 257 8)" "$(printf 'ustar\00000' | bytes - 0 8)"
is "OVA: its manifest" "$(sed 's/^SHA256(\(.*\))= \(.*\)$/\2  \1/' ova/ce.mf | (cd ova && sha256sum --strict -c 2>&1))" \
	"ce.ovf: OK
ce.vmdk: OK"
run_ok "OVA: the descriptor is well-formed" xmllint --noout ova/ce.ovf
ovf() { # XPATH: without regard to name spaces
	xmllint --xpath "string($(sed 's#/\([A-Z][A-Za-z]*\)#/*[local-name()="\1"]#g; s#@\([a-zA-Z]*\)#@*[local-name()="\1"]#g' <<<"$1"))" ova/ce.ovf
}
is "OVF: the disk's file and its size" "$(ovf '//File/@href') $(ovf '//File/@size')" "ce.vmdk $(stat -c %s ova/ce.vmdk)"
is "OVF: the disk" "$(ovf '//Disk/@fileRef') $(ovf '//Disk/@capacity')" "$(ovf '//File/@id') $size"
is "OVF: the drive is that disk" "$(ovf '//Item[*[local-name()="ResourceType"]=17]/HostResource')" "ovf:/disk/$(ovf '//Disk/@diskId')"
is "OVF: it hangs on the controller" "$(ovf '//Item[*[local-name()="ResourceType"]=17]/Parent')" \
	"$(ovf '//Item[*[local-name()="ResourceType"]=6]/InstanceID')"
is "OVF: the controller and the network card" \
	"$(ovf '//Item[*[local-name()="ResourceType"]=6]/ResourceSubType') $(ovf '//Item[*[local-name()="ResourceType"]=10]/ResourceSubType')" \
	"VirtualSCSI VmxNet3"
is "OVF: UEFI, and no Secure Boot with other keys" \
	"$(ovf '//Config[@key="firmware"]/@value') $(ovf '//Config[@key="bootOptions.efiSecureBootEnabled"]/@value')" "efi false"

is "GCP: one member, disk.raw" "$(tar -tzf ce-gcp.tar.gz)" disk.raw
is "GCP: GNU tar's old format" "$(gzip -dc ce-gcp.tar.gz 2>/dev/null | bytes - 257 8)" "$(printf 'ustar  \0' | bytes - 0 8)"
must tar -C gcp -xzf ce-gcp.tar.gz
is "GCP: whole GiB" "$(($(stat -c %s gcp/disk.raw) % (1 << 30)))" 0
like "GCP: the backup partition table is at the end" "$(sgdisk -v gcp/disk.raw)" "No problems found"
is "GCP: the partitions are the disk's" "$(sfdisk -d gcp/disk.raw | grep '^gcp' | cut -d : -f 2-)" "$(sfdisk -d ce.raw | grep '^ce' | cut -d : -f 2-)"

if [ -e /usr/bin/guestfish ]; then
	export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg LIBGUESTFS_CACHEDIR=${CE_CACHE:-$TMP}
	run timeout 300 guestfish --ro --format=vhdx -a ce-hyperv.vhdx run : list-filesystems : \
		mount-ro /dev/sda1 / : filesize /EFI/BOOT/BOOTX64.EFI
	is "libguestfs finds the kernel image in the VHDX" "$(run_out | tr '\n' ' ')" \
		"/dev/sda1: vfat /dev/sda2: ext4 $(stat -c %s "$CE_IMAGE_DIR/ce.efi") "
else
	skip "libguestfs finds the kernel image in the VHDX" "no guestfish"
fi

# ---- Secure Boot ----
secure=/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd keys=/usr/share/ovmf/PkKek-1-snakeoil
uki() { # OUT [KEY CERT]
	"$TOP/image/uki.sh" "$TMP/uki/linux" "$TMP/uki/initrd" "$TMP/uki/osrel" "$TMP/uki/cmdline" "$@"
}
must pki_make "$TMP/pki"
must openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=builder" -keyout "$TMP/pki/builder.key" -out "$TMP/pki/builder.crt"
run_ok "the kernel image is signed" uki "$TMP/signed.efi" "$TMP/pki/builder.key" "$TMP/pki/builder.crt"
run_ok "sbverify takes it with that certificate" sbverify --cert "$TMP/pki/builder.crt" "$TMP/signed.efi"
run_status_is "and not with another" 1 sbverify --cert "$TMP/pki/ca.crt" "$TMP/signed.efi"
run_status_is "nor what nobody signed" 1 sbverify --cert "$TMP/pki/builder.crt" "$CE_IMAGE_DIR/ce.efi"
run_status_is "a key that is not the certificate's is refused" 1 uki "$TMP/mixed.efi" "$TMP/pki/builder.key" "$TMP/pki/ca.crt"
run_status_is "an image that cannot be signed is not built" 1 "$TOP/image/build.sh" --out "$TMP/none" --sign "$TMP/none.key" "$TMP/none.crt"

# ---- they start ----
# starts PLATFORM IMAGE FORMAT CONTROLLER NIC [SIZE]: the agent answers, and the state partition has been made
starts() {
	local dir=$TMP/boot-$1 from=$SECONDS at
	must machine_start "$dir" "${@:2}"
	ok "$1: the agent answers" machine_answers "$dir"
	diag "$1: answered after $((SECONDS - from)) s"
	machine_end "$dir"
	must qemu-img convert -f qcow2 -O raw "$dir/system.qcow2" "$dir/raw"
	at=$(($(sfdisk -J "$dir/raw" 2>/dev/null | jq '.partitiontable.partitions[1].start') * 512))
	is "$1: the state partition has a file system" "$(blkid -p -O $at -o value -s TYPE "$dir/raw")" ext4
	rm -rf "$dir"
}
starts kvm ce-kvm.qcow2 qcow2 virtio-blk virtio-net-pci 4G
MACHINE_UKI=$CE_IMAGE_DIR/ce.efi
starts vsphere ova/ce.vmdk vmdk pvscsi vmxnet3
if [ "${CE_OUTPUTS_BOOT-}" = all ]; then
	starts hyperv ce-hyperv.vhdx vhdx ahci e1000
	starts azure ce-azure.vhd vpc nvme e1000e
	starts gcp gcp/disk.raw raw virtio-scsi virtio-net-pci
	starts xen ce-xen.vhd vpc ahci e1000
fi

if [ -e $secure ] && [ -e $keys.key ]; then
	must openssl rsa -in $keys.key -passin pass:snakeoil -out "$TMP/pki/snakeoil.key"
	must uki "$TMP/secure.efi" "$TMP/pki/snakeoil.key" $keys.pem
	must "$TOP/image/disk.sh" "$TMP/secure.efi" "$TMP/secure.raw"
	export MACHINE_FIRMWARE=secure
	must machine_start "$TMP/boot-unsigned" ce.raw raw virtio-blk virtio-net-pci
	ok "Secure Boot refuses what nobody signed" wait_for 120 grep -a 'Access Denied' "$TMP/boot-unsigned/serial.log"
	machine_end "$TMP/boot-unsigned"
	starts secure-boot "$TMP/secure.raw" raw virtio-blk virtio-net-pci
else
	skip "Secure Boot" "no OVMF with test keys"
fi
done_testing
