#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev vm [[--format F] DISK...] [--write] [--port N] [--memory MIB] [--debug] [--pair] [--detach] [--dir DIR]
# Starts the CE image in QEMU with the disks attached, an identity of its own and a client for it, and
# prints what to type next. Builds the image where there is none (as root). Ctrl-C ends the machine.
#   DISK      raw, qcow2, VHDX, VMDK or VHD: an image file or a block device, whole in itself
#   --format  of the disks that follow: raw, qcow2, vhdx, vmdk, vpc (VHD). Without it what is in a disk tells, and that
#             a guest can have written: a raw disk of a guest you do not trust wants --format raw
#   --write   jobs may change the disks; else what they write is thrown away when the machine ends
#   --port N  the agent's port on 127.0.0.1 [8443]
#   --memory  of the machine, in MiB [1024]
#   --debug   the variant with a login on its consoles and ssh, on port 2222 of 127.0.0.1 (--ssh-port N)
#   --pair    without an enrolment document: it shows a code on its console, cectl pair takes it from there
#   --detach  returns when the agent answers, and says how to end the machine
#   --dir DIR keeps the machine's files there: job records and packs are there the next time
#   --demo    prepares and exports a made disk by it, and checks the result (tests/demo)
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
TOP=$(dirname "$HERE")
. "$HERE/lib.sh"
. "$TOP/tests/lib/pki.sh"

disks=() attached=() write='' port=8443 memory=1024 variant=ce pair='' detach='' dir='' keep='' qemu='' args=()
ssh_port=2222 format='' formats=()
value() { [ -n "${2-}" ] || die "$1: a value is missing"; }
number() { # OPTION TEXT FROM TO
	[[ $2 =~ ^[0-9]{1,6}$ ]] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || die "$1 $2: a number from $3 to $4 expected"
}
while [ $# -gt 0 ]; do
	case $1 in
	--write) write=1 ;;
	--port) value "$@" && port=$2 && shift ;;
	--ssh-port) value "$@" && ssh_port=$2 && shift ;;
	--memory) value "$@" && memory=$2 && shift ;;
	--debug) variant=ce-debug ;;
	--pair) pair=1 ;;
	--detach) detach=1 ;;
	--dir) value "$@" && dir=$(readlink -m "$2") && keep=1 && shift ;;
	--format)
		value "$@"
		[[ $2 =~ ^(raw|qcow2|vhdx|vmdk|vpc)$ ]] || die "--format $2: raw, qcow2, vhdx, vmdk or vpc expected"
		format=$2 && shift
		;;
	--help) usage "$0" 0 ;;
	-*) usage "$0" ;;
	*) disks+=("$1") formats+=("$format") ;;
	esac
	shift
done
number --port "$port" 1 65535
number --ssh-port "$ssh_port" 1 65535
number --memory "$memory" 512 262144

# ---- before anything is started: what would fail later ----
free() { # OPTION PORT
	! (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null || die "port $2 of 127.0.0.1 is taken: choose another with $1 N"
}
# writable NAME DISK: by us, and by nobody else
writable() {
	local loops
	[ -w "$2" ] || die "$1: you may not write to it"
	if [ -b "$2" ]; then
		[ -z "$(lsblk -nro MOUNTPOINTS "$2" | tr -d ' \n')" ] || die "$1: it is mounted; a disk in use is not written to"
	else
		loops=$(PATH=$PATH:/usr/sbin:/sbin losetup -n -O NAME -j "$2" | xargs) || die "$1: losetup does not tell whether it is in use"
		[ -z "$loops" ] || die "$1: it is attached to $loops; a disk in use is not written to (losetup -d $loops)"
	fi
}
# refers_by_its_head DISK: tells of what opening it would already open (VMDK), or what QEMU does not see (VHD)
refers_by_its_head() {
	local line head
	line=$(head -c 4096 "$1" | tr -d '\0' | grep -av -m1 -E '^(#.*| *)'$'\r''?$' || true)
	head=$(od -An -v -tx1 -N64 "$1" | tr -d ' \n')
	case $line in version=*) echo "it is a VMDK descriptor, whose data is in other files" ;; esac
	case $head in
	4b444d56????????????????0000000000000000*) echo "it is a VMDK descriptor, whose data is in other files" ;;
	636f6e6563746978*00000004) echo "it is a differencing VHD, with a parent" ;;
	esac
}
# refers DISK INFO: tells which other file the image would have QEMU open
refers() {
	jq -r --arg disk "$1" '."format-specific".data as $d |
		if has("backing-filename") or has("full-backing-filename") then
			"its backing file is \(."full-backing-filename" // ."backing-filename" | tojson)"
		elif $d."data-file" then "its data is in \($d."data-file" | tojson)"
		elif .format == "vmdk" and ($d."create-type" | IN("monolithicSparse", "streamOptimized") | not) then
			"it is a VMDK of type \($d."create-type" | tojson), whose data is in other files"
		elif .format == "vmdk" and any($d.extents[]; .filename != $disk) then "its data is in other files"
		else empty end' <<<"$2"
}
# add_disk DISK FORMAT: its format is looked at, that it names no other file, and that nobody else writes to it
add_disk() {
	local disk info other='' format=$2 n=$((${#attached[@]} / 4))
	[ -e "$1" ] || die "no such disk: $1"
	disk=$(readlink -f "$1")
	[ "$format" = raw ] || other=$(refers_by_its_head "$disk")
	if [ -z "$other" ]; then
		info=$(qemu-img info -U ${format:+-f "$format"} --output=json "$disk" 2>&1) || die "$1: $info"
		format=$(jq -r .format <<<"$info")
		case $format in
		raw | qcow2 | vhdx | vmdk | vpc) ;;
		*) die "$1: it is $format; raw, qcow2, VHDX, VMDK or VHD expected (a raw disk that only looks so: --format raw)" ;;
		esac
		other=$(refers "$disk" "$info")
	fi
	[ -z "$other" ] || die "$1: $other. A guest may have written that to read this computer's files, so it is not opened." \
		"Is it yours: make it whole with qemu-img convert. Is it a raw disk: --format raw"
	[ -z "$write" ] || writable "$1" "$disk"
	disk=${disk//,/,,}
	attached+=(-drive "file=$disk,format=$format,if=none,id=disk$n,$([ -n "$write" ] || echo snapshot=on,)discard=unmap"
		-device "scsi-hd,drive=disk$n,bus=scsi.0")
}
free --port "$port"
[ $variant = ce ] || free --ssh-port "$ssh_port"
for i in "${!disks[@]}"; do
	add_disk "${disks[i]}" "${formats[i]}"
done

images=${CE_IMAGE_DIR:-$TOP/build/image}
image=$images/$variant.raw
if [ ! -e "$image" ]; then
	[ "$(id -u)" = 0 ] || die "no $image: ./dev image makes it, as root"
	echo "no $image yet: it is built first, once" >&2
	debug=()
	[ $variant = ce ] || debug=(--debug)
	"$HERE/build.sh" --out "$images" "${debug[@]}" >&2
fi
newer=$(cd "$TOP" && find agent common diskops image systemd vhdx winprep -type f -newer "$image" -print -quit)
[ -z "$newer" ] || echo "the image is older than $newer: ./dev image builds a new one" >&2

# ---- the machine ----
# What is running is not cut off where it may have written half of something.
clean_up() {
	local status=$? job=''
	trap - EXIT INT TERM HUP
	if [ -n "$qemu" ] && kill -0 "$qemu" 2>/dev/null; then
		[ -z "$write" ] || job=$(preparation_that_runs)
		if [ -n "$job" ]; then
			keep=1
			echo "job $job was running: a disk may hold half of a preparation. Start the machine with --dir" \
				"${dir@Q} and prepare the disk again: that completes it" >&2
		fi
		power_off
	fi
	[ -n "$keep" ] || rm -rf "$dir"
	exit "$status"
}
preparation_that_runs() {
	ask /v1/jobs | jq -r '[.items[] | select(.status == "inProgress" and .type == "prepare") | .id] | first // empty' || true
}
# As its user would: Ctrl-Alt-Del ends the agent, which ends its workers.
power_off() {
	if [ -n "$write" ]; then
		echo "ending the machine" >&2
		echo 'sendkey ctrl-alt-delete' >"$dir/monitor.in"
		for _ in {1..450}; do
			kill -0 "$qemu" 2>/dev/null || return 0
			sleep 0.2
		done
	fi
	kill "$qemu" 2>/dev/null || true
	wait "$qemu" || true
}
[ -n "$dir" ] || dir=$(mktemp -d "${TMPDIR:-/tmp}/ce-vm.XXXXXX")
mkdir -p "$dir"
# Nothing in the folder of a machine that runs is touched. QEMU inherits the descriptor, so the lock is
# held as long as the machine lives, by --detach too, and by no file that somebody forgot.
exec {lock}>>"$dir/lock"
flock -n "$lock" || die "a machine runs in $dir: end it first, or choose another --dir"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

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

# enrol: this run's certificate authority, the server's identity, one client
enrol() {
	[ -e "$dir/pki/server.crt" ] || pki_make "$dir/pki"
	jq -n --rawfile cert "$dir/pki/server.crt" --rawfile key "$dir/pki/server.key" --rawfile ca "$dir/pki/ca.crt" \
		'{version: 1, server: {certificate: $cert, key: $key}, clientCa: $ca}' >"$dir/enrolment.json"
	chmod 600 "$dir/enrolment.json"
	[ -n "$pair" ] ||
		args+=(-fw_cfg "name=opt/io.systemd.credentials/ce.enrolment,file=${dir//,/,,}/enrolment.json")
	cat >"$dir/env" <<-END
		export CE_SERVER=https://127.0.0.1:$port CE_CERT=${dir@Q}/pki/client.crt CE_KEY=${dir@Q}/pki/client.key
		export CE_CA=${dir@Q}/pki/ca.crt PATH=${TOP@Q}/build/agent:\$PATH
	END
}

# The debug variant lets in who has the key, as root.
ssh_key() {
	[ -e "$dir/ssh" ] || ssh-keygen -q -t ed25519 -N '' -C ce-debug -f "$dir/ssh"
	args+=(-fw_cfg "name=opt/io.systemd.credentials/ssh.authorized_keys.root,file=${dir//,/,,}/ssh.pub")
	forward+=,hostfwd=tcp:127.0.0.1:$ssh_port-:22
}

firmware() {
	local f
	for f in /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd; do
		[ ! -e $f ] || break
	done
	[ -e "$f" ] || die "no UEFI firmware: package ovmf"
	cp "${f/CODE/VARS}" "$dir/vars.fd"
	args+=(-drive "if=pflash,format=raw,readonly=on,file=$f" -drive "if=pflash,format=raw,file=${dir//,/,,}/vars.fd")
}

# The image itself stays as it was built; what the machine keeps (job records, journals) goes on top of it.
system_disk() {
	local top=$dir/system.qcow2
	[ ! -e "$top" ] || [ "$image" -ot "$top" ] || die "the machine in $dir is older than $image: choose another --dir"
	[ -e "$top" ] || quietly qemu-img create -f qcow2 -b "$(readlink -f "$image")" -F raw "$top"
	args+=(-drive "file=${top//,/,,},format=qcow2,if=none,id=system" -device "virtio-blk-pci,drive=system,bootindex=1")
}

ask() { # PATH
	curl -sS -m 20 --cacert "$dir/pki/ca.crt" --cert "$dir/pki/client.crt" --key "$dir/pki/client.key" \
		"https://127.0.0.1:$port$1" 2>/dev/null
}

start() {
	local net=user,id=net,restrict=${CE_VM_RESTRICT:-off},hostfwd=tcp:127.0.0.1:$port-:443 accel=tcg,thread=multi
	! kvm_works || accel=kvm
	rm -f "$dir"/monitor.{in,out}
	mkfifo "$dir/monitor.in" "$dir/monitor.out"
	# shellcheck disable=SC2054  # QEMU takes commas
	args=(-machine q35 -cpu max -accel "$accel" -m "$memory" -smp 2 -nodefaults -display none -no-reboot
		-device virtio-rng-pci -device virtio-scsi-pci,id=scsi
		-netdev "$net$forward${CE_VM_GUESTFWD:+,guestfwd=$CE_VM_GUESTFWD}" -device virtio-net-pci,netdev=net
		-chardev "socket,id=serial,path=${dir//,/,,}/serial,server=on,wait=off,logfile=${dir//,/,,}/serial.log" -serial chardev:serial
		-chardev "pipe,id=monitor,path=${dir//,/,,}/monitor" -monitor chardev:monitor
		-pidfile "$dir/qemu.pid" "${args[@]}" "${attached[@]}")
	: >"$dir/serial.log"
	# in a group of its own: Ctrl-C is for this script to hear
	setsid qemu-system-x86_64 "${args[@]}" >"$dir/qemu.log" 2>&1 </dev/null &
	qemu=$!
	echo "starting ($([ $accel = kvm ] && echo KVM || echo "no KVM: takes a minute")); its console: $dir/serial.log" >&2
}

# The last lines of the machine's console, without what moves the cursor.
console_end() {
	sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' "$dir/serial.log" | tr -cd '\n\40-\176' | grep . | tail -n 20
}
why_it_ended() {
	if [ -s "$dir/qemu.log" ]; then
		echo "QEMU ended: $(cat "$dir/qemu.log")"
	else
		echo "the machine ended before its agent answered; its console: $(console_end)"
	fi
}

# A clock on a terminal, a line now and then elsewhere.
wait_for_agent() {
	local from=$SECONDS told=0 n
	until answers; do
		kill -0 "$qemu" 2>/dev/null || die "$(why_it_ended)"
		n=$((SECONDS - from))
		[ $n -lt 900 ] || die "the agent does not answer after $n s; the machine's console: $(console_end)"
		if [ -t 2 ]; then
			printf '\rwaiting for the agent: %d s ' $n >&2
		elif [ $n -ge $((told + 15)) ]; then
			told=$n
			echo "waiting for the agent: $n s" >&2
		fi
		sleep 0.2
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
	echo "the agent answers after $((SECONDS - from)) s" >&2
}
# To a client; where there is none yet, that it waits to be paired.
answers() {
	if [ -n "$pair" ]; then
		curl -sk -m 20 "https://127.0.0.1:$port/" | grep -q not-paired
	else
		ask /v1/status >/dev/null
	fi
}

say_what_next() {
	local disk=''
	[ -n "$pair" ] || disk=$(ask '/v1/disks?inspect=false' | jq -r '.items[0].id // empty' || true)
	echo "Type$([ -n "$detach" ] || echo " in another terminal"):
  . ${dir@Q}/env"
	[ -z "$pair" ] || echo "  tail -n 12 ${dir@Q}/serial.log     # its console: the certificate's fingerprint, the pairing code
  unset CE_CA; cectl pair --client-ca ${dir@Q}/pki/ca.crt"
	[ -n "$pair" ] || echo "  cectl disks"
	[ -z "$disk" ] || echo "  cectl prepare --disk $disk --target azure --dry-run"
	[ $variant = ce ] || echo "  ssh -p $ssh_port -i ${dir@Q}/ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=${dir@Q}/known_hosts root@127.0.0.1
  socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:${dir@Q}/serial     # its serial console; Ctrl-] leaves"
	[ -z "$disk" ] || echo "An export goes to an SMB server: cectl export --help. This computer is smb://10.0.2.2 to the machine."
	[ -n "$write" ] || [ -z "$disk" ] || echo "Nothing reaches the disks: with --write jobs change them."
	if [ -n "$detach" ]; then
		echo "The machine ends with:
  $([ -n "$write" ] && echo "echo sendkey ctrl-alt-delete >${dir@Q}/monitor.in" || echo "kill $qemu")"
		[ -n "$keep" ] || echo "Its files then go with:
  rm -r ${dir@Q}"
	else
		echo "Ctrl-C here ends the machine."
	fi
}

forward=''
enrol
firmware
system_disk
[ $variant = ce ] || ssh_key
start
wait_for_agent
say_what_next
if [ -n "$detach" ]; then
	trap - EXIT
	exit
fi
status=0
wait "$qemu" || status=$?
[ "$status" = 0 ] || die "$(why_it_ended)"
echo "the machine has ended"
