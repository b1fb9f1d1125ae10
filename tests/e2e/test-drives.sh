#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev test drives: the CE image in QEMU with a config drive, and before it a guest's big disk that claims to be one
# with somebody else's document. The machine obeys the small drive's, and the guest's disk is as it was. Then with Azure's CD.
# CE_IMAGE_DIR: an image that has been built already.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
. "$TOP/tests/lib/image.sh"
. "$TOP/tests/lib/machine.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
run_ok "there is an image" image_ready || done_testing
variant=${CE_IMAGE_VARIANT:-ce}
vm=$TMP/vm

document() { # PKI
	jq -n --rawfile cert "$1/server.crt" --rawfile key "$1/server.key" --rawfile ca "$1/ca.crt" \
		'{version: 1, server: {certificate: $cert, key: $key}, clientCa: $ca}'
}
must pki_make "$TMP/ours" && must pki_make "$TMP/theirs"

# a GPT disk that says at byte 32768 that it is a CD; its partitions have the label and the document too
mkdir "$TMP/tree" && document "$TMP/theirs" >"$TMP/tree/ce-enrolment.json"
truncate -s 128M "$TMP/guest.raw"
{ printf '\1CD001\1\0%-32s%-32s' '' CE-CONFIG; } | dd of="$TMP/guest.raw" bs=32768 seek=1 conv=notrunc status=none
must sgdisk -a 1 -n 1:16M:+32M -c 1:data -n 2:64M:+32M -c 2:more "$TMP/guest.raw"
must mkfs.ext4 -q -L CE-CONFIG -d "$TMP/tree" -E offset=$((16 << 20)) "$TMP/guest.raw" 32M
must mkfs.vfat --offset $((64 << 11)) -n CE-CONFIG "$TMP/guest.raw" $((32 << 10))
must mcopy -i "$TMP/guest.raw@@64M" "$TMP/tree/ce-enrolment.json" ::
is "a guest's disk with the label" "$(blkid -p -o value -s LABEL "$TMP/guest.raw")" CE-CONFIG
before=$(sha256sum <"$TMP/guest.raw")
truncate -s 8M "$TMP/drive.raw" && must mkfs.vfat -n CE-CONFIG "$TMP/drive.raw"
document "$TMP/ours" >"$TMP/ce-enrolment.json" && must mcopy -i "$TMP/drive.raw" "$TMP/ce-enrolment.json" ::

export MACHINE_CREDENTIAL=of.somebody.else
# shellcheck disable=SC2054,SC2034  # QEMU takes commas; machine.sh uses it
MACHINE_ARGS=(-device virtio-scsi-pci,id=more
	-drive "file=$TMP/guest.raw,format=raw,if=none,id=guest" -device scsi-hd,drive=guest,bus=more.0,lun=0
	-drive "file=$TMP/drive.raw,format=raw,if=none,id=drive" -device scsi-hd,drive=drive,bus=more.0,lun=1)
run machine_start "$vm" "$CE_IMAGE_DIR/$variant.raw" raw virtio-blk virtio-net-pci
cp "$TMP/ours/"* "$vm/pki/" # of the document on the small drive
run_ok "the machine obeys the small drive's document" machine_answers "$vm"
ok "the console says where it is from" wait_for 30 console_shows "$vm/serial.log" config-drive
machine_end "$vm"
is "nothing was written to the guest's disk" "$(sha256sum <"$TMP/guest.raw")" "$before"

# as Azure provisions a VM: custom data on a CD with UDF
mkdir "$TMP/cd" && printf '<e><wa:CustomData>%s</wa:CustomData></e>' "$(base64 "$TMP/ce-enrolment.json")" >"$TMP/cd/ovf-env.xml"
must genisoimage -quiet -udf -o "$TMP/cd.iso" "$TMP/cd"
# shellcheck disable=SC2054,SC2034
MACHINE_ARGS=(-smbios type=3,asset=7783-7084-3265-9085-8269-3286-77
	-drive "file=$TMP/cd.iso,format=raw,if=none,id=cd,media=cdrom" -device ide-cd,drive=cd,bus=ide.5)
run machine_start "$vm.azure" "$CE_IMAGE_DIR/$variant.raw" raw virtio-blk virtio-net-pci
cp "$TMP/ours/"* "$vm.azure/pki/"
run_ok "the machine obeys the document of Azure's custom data" machine_answers "$vm.azure"
ok "the console says so" wait_for 30 console_shows "$vm.azure/serial.log" azure-custom-data
machine_end "$vm.azure"
done_testing
