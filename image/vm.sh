#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev vm DISK... [--write] [--port N] [--memory MIB] [--debug] [--detach]: starts the CE image in QEMU with the
# disks attached, an identity of its own and a client for it, and prints the next command to type.
#   --write   jobs may change the disks; else everything is thrown away when the VM ends
#   --detach  returns when the agent answers; `kill $(cat DIR/qemu.pid)` ends it
# Disks are raw, qcow2, VHDX or VMDK. Port 8443 on loopback leads to the agent.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
TOP=$(dirname "$HERE")
. "$HERE/lib.sh"
. "$TOP/tests/lib/pki.sh"

disks=() write='' port=8443 memory=1024 variant=ce detach='' dir=''
while [ $# -gt 0 ]; do
	case $1 in
	--write) write=1 ;;
	--port) port=$2 && shift ;;
	--memory) memory=$2 && shift ;;
	--debug) variant=ce-debug ;;
	--detach) detach=1 ;;
	--dir) dir=$2 && shift ;;
	--*) usage "$0" ;;
	*) disks+=("$1") ;;
	esac
	shift
done
image=${CE_IMAGE_DIR:-$TOP/build/image}/$variant.raw
[ -e "$image" ] || die "no $image: build it with ./dev image"
[ -n "$dir" ] || dir=$(mktemp -d "${TMPDIR:-/tmp}/ce-vm.XXXXXX")
mkdir -p "$dir"

# There are machines with a /dev/kvm on which guests crawl or crash: a boot sector that ends QEMU at once tells.
kvm_works() {
	local status=0
	[ -w /dev/kvm ] || return 1
	{
		printf '\xba\x01\x05\xb0\x10\xee\xf4' # mov dx, 0x501; mov al, 0x10; out dx, al; hlt
		head -c 503 /dev/zero
		printf '\x55\xaa'
	} >"$dir/probe"
	timeout 1 qemu-system-x86_64 -accel kvm -m 16 -nodefaults -display none -device isa-debug-exit \
		-drive "file=$dir/probe,format=raw,if=ide,snapshot=on" >/dev/null 2>&1 || status=$?
	rm -f "$dir/probe"
	[ $status = 33 ] # (0x10 << 1) | 1: not how QEMU fails
}
accel=tcg,thread=multi
! kvm_works || accel=kvm

# enrol: this run's certificate authority, the server's identity, one client
enrol() {
	pki_make "$dir/pki"
	jq -n --rawfile cert "$dir/pki/server.crt" --rawfile key "$dir/pki/server.key" --rawfile ca "$dir/pki/ca.crt" \
		'{version: 1, server: {certificate: $cert, key: $key}, clientCa: $ca}' >"$dir/enrolment.json"
	chmod 600 "$dir/enrolment.json"
}

disk_args() {
	local disk n=0 format
	for disk; do
		[ -e "$disk" ] || die "no such disk: $disk"
		format=$(qemu-img info --output=json "$disk" | jq -r .format)
		args+=(-drive "file=$disk,format=$format,if=none,id=disk$n,$([ -n "$write" ] || echo snapshot=on,)discard=unmap"
			-device "scsi-hd,drive=disk$n,bus=scsi.0,serial=disk$n")
		n=$((n + 1))
	done
}

firmware() {
	local f
	for f in /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd; do
		[ ! -e $f ] || break
	done
	[ -e "$f" ] || die "no UEFI firmware: package ovmf"
	cp "${f/CODE/VARS}" "$dir/vars.fd"
	args+=(-drive "if=pflash,format=raw,readonly=on,file=$f" -drive "if=pflash,format=raw,file=$dir/vars.fd")
}

enrol
# shellcheck disable=SC2054  # QEMU takes commas
args=(-machine q35 -cpu max -accel "$accel" -m "$memory" -smp 2 -nodefaults -display none -no-reboot
	-device virtio-rng-pci -device virtio-scsi-pci,id=scsi
	-drive "file=$image,format=raw,if=none,id=system,snapshot=on" -device virtio-blk-pci,drive=system,bootindex=1
	-netdev "user,id=net,restrict=${CE_VM_RESTRICT:-off},hostfwd=tcp:127.0.0.1:$port-:443${CE_VM_GUESTFWD:+,guestfwd=$CE_VM_GUESTFWD}"
	-device virtio-net-pci,netdev=net
	-fw_cfg "name=opt/io.systemd.credentials/ce.enrolment,file=$dir/enrolment.json"
	-serial "file:$dir/serial.log" -pidfile "$dir/qemu.pid" -monitor none)
firmware
disk_args "${disks[@]}"
qemu-system-x86_64 "${args[@]}" 2>"$dir/qemu.log" &
qemu=$!

client="--server https://127.0.0.1:$port --cert $dir/pki/client.crt --key $dir/pki/client.key --ca $dir/pki/ca.crt"
answers() {
	curl -sS -m 5 --cacert "$dir/pki/ca.crt" --cert "$dir/pki/client.crt" --key "$dir/pki/client.key" -o /dev/null \
		"https://127.0.0.1:$port/v1/status" 2>/dev/null
}
echo "starting ($accel); its console is $dir/serial.log" >&2
until answers; do
	kill -0 $qemu 2>/dev/null || die "QEMU ended: $(cat "$dir/qemu.log")"
	sleep 0.2
done
echo "the agent answers. Next:
  build/agent/cectl $client disks"
[ -n "$detach" ] || wait $qemu
