#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev demo: a disk with a Windows of VMware, a driver pack, a real SMB server, an agent; over HTTPS with
# mutual TLS the disk is prepared for Google Cloud and exported, and programs this project did not write
# check the result. Its exit status says it all.
# ./dev vm --demo: the same, with the agent in the CE image, the disk attached to that machine.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/lib/smbd.sh"
. "$TOP/tests/lib/pki.sh"
. "$TOP/tests/lib/vm.sh"
vm=''
[ "${1-}" != --vm ] || vm=1
failures=0

step() {
	printf '\n==> %s\n' "$*"
}
die() {
	echo "demo: failed: $*" >&2
	exit 1
}
# check NAME COMMAND...: one line of the summary
check() {
	local name=$1
	shift
	run "$@"
	if [ "$run_status" = 0 ]; then
		echo "ok      $name"
	else
		echo "FAILED  $name"
		_show_run
		failures=$((failures + 1))
	fi
}
hash_of() { # COMMAND FILE
	"$1" <"$2" | cut -d ' ' -f 1
}
result() { # KEY: anywhere in the job
	jq -r "[.. | .$1? // empty] | first // empty" "$TMP/job.json"
}

[ "$(id -u)" = 0 ] || die "run it as root: it mounts volumes and starts smbd"

size=2048
[ -z "$vm" ] || size=1024 # without KVM each GiB takes a minute
step "A disk with a Windows 10 of VMware: $((size / 1024)) GiB, GPT, EFI system partition, C:, recovery"
disk=$TMP/windows.img
windows_copy "$disk" platform=vsphere size=$size files=3000 || die "the disk"
echo "$disk: $(($(stat -c %b "$disk") / 2048)) MiB of data"

step "A driver pack: stand-ins in the shape of virtio-win (INF, .sys, .cat)"
"$TOP/tests/fixtures/make-pack.sh" "$TMP/virtio" vioscsi viostor netkvm balloon gvnic || die "the pack"
tar -C "$TMP/virtio" -czf "$TMP/virtio.tar.gz" . || die "the pack's archive"
echo "$(find "$TMP/virtio" -name '*.inf' | wc -l) drivers"

step "An SMB server (Debian's smbd) that demands encryption"
smbd_start "$TMP/smbd" user=exporter password='Demo "password"' encrypt=required || die "smbd"
at_exit smbd_stop "$TMP/smbd"
printf '%s' 'Demo "password"' >"$TMP/password"
share=smb://127.0.0.1:$SMBD_PORT/images
echo "$share"

# The agent on this computer. Sets what cectl goes by.
agent_here() {
	local port
	step "A certificate authority, and the agent with that disk"
	pki_make "$TMP/pki" || die "certificates"
	port=$(free_port)
	"$BUILD/agent/ce-agentd" --listen "127.0.0.1:$port" --cert "$TMP/pki/server.crt" --key "$TMP/pki/server.key" \
		--client-ca "$TMP/pki/ca.crt" --state-dir "$TMP/state" --disk "windows=$disk" >"$TMP/agent.log" 2>&1 &
	at_exit end_process $!
	export CE_SERVER=https://127.0.0.1:$port CE_CERT=$TMP/pki/client.crt CE_KEY=$TMP/pki/client.key CE_CA=$TMP/pki/ca.crt
	wait_for 60 "$cectl" status || die "the agent: $(cat "$TMP/agent.log")"
	echo "$CE_SERVER, process $!"
}
# The agent in a machine, which has the disk and reaches the share by port 445.
agent_in_machine() {
	step "A machine: ./dev vm $disk --write"
	vm_share "$TMP"
	"$TOP/image/vm.sh" "$disk" --write --detach --dir "$TMP/vm" --port "$(free_port)" >/dev/null ||
		die "the machine"
	at_exit end_process "$(cat "$TMP/vm/qemu.pid")"
	# shellcheck source=/dev/null
	. "$TMP/vm/env"
	share=smb://10.0.2.100/images
	ln -s "$TMP/vm/serial.log" "$TMP/agent.log"
}
cectl=$BUILD/agent/cectl
if [ -n "$vm" ]; then agent_in_machine; else agent_here; fi
"$cectl" disks || die "cectl disks"
name=$("$cectl" disks --json | jq -r '.items[0].id')

step "The pack goes to the agent"
"$cectl" packs put virtio "$TMP/virtio.tar.gz" >"$TMP/pack" || die "the upload: $(cat "$TMP/agent.log")"
"$cectl" packs

step "What would change: cectl prepare --disk $name --target gcp --packs virtio --dry-run"
before=$(hash_of sha256sum "$disk")
"$cectl" prepare --disk "$name" --target gcp --packs virtio --dry-run >"$TMP/plan" || die "the plan: $(cat "$TMP/agent.log")"
awk '/^[a-z-]+$/ { n = 0; print; next } ++n <= 4 { print substr($0, 1, 150) } n == 5 { print "  …" }' "$TMP/plan"
tail -n 4 "$TMP/plan"
check "a dry run: not one byte of the disk has changed" [ "$(hash_of sha256sum "$disk")" = "$before" ]

step "Prepare: cectl prepare --disk $name --target gcp --packs virtio"
"$cectl" prepare --disk "$name" --target gcp --packs virtio >"$TMP/prepared" || die "the preparation: $(cat "$TMP/agent.log")"
tail -n 4 "$TMP/prepared"
"$cectl" prepare --disk "$name" --target gcp --packs virtio --dry-run >"$TMP/again" || die "the second plan"
windows_volume "$disk" "$TMP/c" && hive_file "$TMP/c" SYSTEM "$TMP/SYSTEM" && hive_text "$TMP/SYSTEM" >"$TMP/SYSTEM.txt"
start_of() { # SERVICE: eight hex digits, or that it is gone
	grep -ai "^\\\\ControlSet001\\\\Services\\\\$1"$'\t''"Start"=dword:' "$TMP/SYSTEM.txt" | cut -d : -f 2 | grep . || echo gone
}
check "ntfsfix: the Windows volume is clean" ntfsfix -n "$TMP/c"
# 0: Windows loads it before there is a disk
check "hivexregedit: the virtio SCSI driver starts at boot" [ "$(start_of vioscsi)" = 00000000 ]
check "ntfscat: its file is there" ntfscat "$TMP/c" /Windows/System32/drivers/vioscsi.sys
check "hivexregedit: VMware's SCSI driver is gone, or disabled" grep -qx '\(gone\|00000004\)' <<<"$(start_of pvscsi)"
check "planned again: nothing is left to do" grep -q '^actions *0:' "$TMP/again"
source_hash=$(hash_of sha256sum "$disk")
mounted "$TMP/c" file_hashes >"$TMP/source.sha256" || die "the files on its C:"
rm "$TMP/c"

step "Export: cectl export --disk $name --output $share/windows.vhdx --encrypt --hash"
"$cectl" export --disk "$name" --output "$share/windows.vhdx" \
	--user exporter --password-file "$TMP/password" --encrypt --hash --json >"$TMP/job.json" ||
	die "the export: $(cat "$TMP/job.json" "$TMP/agent.log")"
image=$TMP/smbd/share/windows.vhdx

if [ -n "$vm" ]; then
	step "Power off"
	vm_end "$TMP/vm" || die "the machine does not end"
	echo "the machine has ended"
fi

step "What other programs say about it"
"$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected" || die "the expected content"
qemu-img convert -f vhdx -O raw "$image" "$TMP/raw" || die "qemu-img convert"
partition "$TMP/raw" 2 "$TMP/c" && mounted "$TMP/c" file_hashes >"$TMP/image.sha256"
echo "job     $(result id): $(jq -r .status "$TMP/job.json")"
echo "image   $(($(stat -c %b "$image") / 2048)) MiB of data on the share; the disk has $(($(stat -c %b "$disk") / 2048)) of $(($(stat -c %s "$disk") >> 20)) MiB"
echo "md5     $(result md5Hash)"
echo "sha256  $(result sha256Hash)"
check "the job is complete" [ "$(jq -r .status "$TMP/job.json")" = complete ]
check "the share holds that file and nothing else" [ "$(ls -A "$TMP/smbd/share")" = windows.vhdx ]
check "qemu-img check: the VHDX is sound" qemu-img check -f vhdx "$image"
check "qemu-img compare: as ntfsclone says, less pagefile.sys, swapfile.sys, hiberfil.sys" \
	qemu-img compare -f vhdx -F raw "$image" "$TMP/expected"
check "md5sum of the disk as qemu-img reads it" [ "$(hash_of md5sum "$TMP/raw")" = "$(result md5Hash)" ]
check "sha256sum of it" [ "$(hash_of sha256sum "$TMP/raw")" = "$(result sha256Hash)" ]
check "ntfs-3g: all $(wc -l <"$TMP/image.sha256") files on C: as they were" cmp "$TMP/source.sha256" "$TMP/image.sha256"
check "the export: not one byte of its source has changed" [ "$(hash_of sha256sum "$disk")" = "$source_hash" ]
[ $failures = 0 ] || die "$failures checks"
echo "demo: passed"
