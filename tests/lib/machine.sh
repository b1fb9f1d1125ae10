# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Starts a system disk of the CE image as a platform's machine would: its image format, its disk controller, its
# network card. Emulated, whatever the host has. After tap.sh and pki.sh.
#
#   machine_start DIR IMAGE FORMAT CONTROLLER NIC [SIZE]    IMAGE is left as it is; SIZE: the disk is that big
#   machine_answers DIR                                     the agent, to its client, within 5 minutes
#   machine_end DIR
# CONTROLLER: virtio-blk virtio-scsi pvscsi nvme ahci. Debian's firmware cannot read from pvscsi: there MACHINE_UKI, a
# kernel image, is started from a disk of its own. MACHINE_FIRMWARE=secure: Secure Boot is enforced, and db
# holds the certificate of which Debian publishes the key for tests. MACHINE_ENROLMENT: a jq edit of
# the document. MACHINE_ADDRESS: where the machine is; without it where DHCP puts it. MACHINE_ARGS: more for QEMU.
# MACHINE_CD, LABEL=FILE: on a CD of that label under that name, instead of a credential.
# MACHINE_DOCUMENT: a file instead of it. MACHINE_NET: more for its network. MACHINE_CREDENTIAL: what the credential with the document is called.
MACHINE_ARGS=()

_machine_esp() { # OUT UKI
	truncate -s $((($(stat -c %s "$2") >> 20) + 8))M "$1" && mkfs.fat -F 32 "$1" >/dev/null &&
		mmd -i "$1" ::/EFI ::/EFI/BOOT && mcopy -i "$1" "$2" ::/EFI/BOOT/BOOTX64.EFI
}

# shellcheck disable=SC2054  # QEMU takes commas
machine_start() {
	local dir=$1 image=$2 format=$3 controller=$4 nic=$5 grown=("${@:6}") firmware=/usr/share/OVMF/OVMF_CODE_4M.fd
	local vars=/usr/share/OVMF/OVMF_VARS_4M.fd machine=q35 args=()
	mkdir -p "$dir"
	qemu-img create -q -f qcow2 -b "$(readlink -f "$image")" -F "$format" "$dir/system.qcow2" "${grown[@]}" || return 1
	pki_make "$dir/pki" || return 1
	jq -n --rawfile cert "$dir/pki/server.crt" --rawfile key "$dir/pki/server.key" --rawfile ca "$dir/pki/ca.crt" \
		'{version: 1, server: {certificate: $cert, key: $key}, clientCa: $ca} | '"${MACHINE_ENROLMENT:-.}" >"$dir/enrolment.json" || return 1
	case $controller in
	virtio-blk) args+=(-device virtio-blk-pci,drive=system,bootindex=1) ;;
	virtio-scsi) args+=(-device virtio-scsi-pci,id=scsi -device scsi-hd,drive=system,bus=scsi.0,bootindex=1) ;;
	pvscsi)
		_machine_esp "$dir/esp.img" "$MACHINE_UKI" || return 1
		args+=(-device pvscsi,id=scsi -device scsi-hd,drive=system,bus=scsi.0
			-drive "file=$dir/esp.img,format=raw,if=none,id=esp" -device ide-hd,drive=esp,bus=ide.0,bootindex=1)
		;;
	nvme) args+=(-device nvme,serial=system,drive=system,bootindex=1) ;;
	ahci) args+=(-device ide-hd,drive=system,bus=ide.0,bootindex=1) ;;
	*) return 1 ;;
	esac
	if [ "${MACHINE_FIRMWARE-}" = secure ]; then
		firmware=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd vars=/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd machine=q35,smm=on
		args+=(-global driver=cfi.pflash01,property=secure,value=on)
	fi
	cp "$vars" "$dir/vars.fd"
	free_port >"$dir/port"
	local document=(-fw_cfg "name=opt/io.systemd.credentials/${MACHINE_CREDENTIAL:-ce.enrolment},file=${MACHINE_DOCUMENT:-$dir/enrolment.json}")
	if [ -n "${MACHINE_CD-}" ]; then
		genisoimage -quiet -r -V "${MACHINE_CD%%=*}" -graft-points -o "$dir/cd.iso" "${MACHINE_CD#*=}=${MACHINE_DOCUMENT:-$dir/enrolment.json}" || return 1
		document=(-drive "file=$dir/cd.iso,format=raw,if=none,id=cd,media=cdrom" -device ide-cd,drive=cd,bus=ide.5)
	fi
	args=(-machine "$machine" -cpu max -accel tcg,thread=multi -m 1024 -smp 2 -nodefaults -display none -no-reboot
		-drive "if=pflash,format=raw,readonly=on,file=$firmware" -drive "if=pflash,format=raw,file=$dir/vars.fd"
		-drive "file=$dir/system.qcow2,format=qcow2,if=none,id=system" -device virtio-rng-pci
		-netdev "user,id=net${MACHINE_NET-},hostfwd=tcp:127.0.0.1:$(cat "$dir/port")-${MACHINE_ADDRESS-}:443" -device "$nic,netdev=net,romfile="
		"${document[@]}" -serial "file:$dir/serial.log" -monitor none "${MACHINE_ARGS[@]}" "${args[@]}")
	qemu-system-x86_64 "${args[@]}" >"$dir/qemu.log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
	at_exit machine_end "$dir"
}

_machine_asks() {
	curl -sS -m 10 --cacert "$1/pki/ca.crt" --cert "$1/pki/client.crt" --key "$1/pki/client.key" \
		"https://127.0.0.1:$(cat "$1/port")/v1/status"
}
_machine_answers_or_ends() {
	_machine_asks "$1" >"$1/status" || ! kill -0 "$(cat "$1/pid")"
}
machine_answers() {
	wait_for 300 _machine_answers_or_ends "$1"
	grep -qs version "$1/status" && return
	cat "$1/qemu.log"
	tr -cd '\n\40-\176' <"$1/serial.log" | tail -n 20
	return 1
}

machine_end() {
	end_process "$(cat "$1/pid")"
	wait "$(cat "$1/pid")" 2>/dev/null
	return 0
}
