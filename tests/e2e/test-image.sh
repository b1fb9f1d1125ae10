#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev test e2e: the CE image is built, started in QEMU with UEFI firmware and a disk with a Windows, and
# driven over mutual TLS: inspect, dry run, prepare, export to an smbd through port 445, cancel, power off.
# Takes some minutes without KVM. CE_IMAGE_DIR: an image that has been built already.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/lib/smbd.sh"
. "$TOP/tests/lib/vm.sh"
. "$TOP/tests/lib/image.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
smbd_available || skip_all "needs smbd"
cectl=$BUILD/agent/cectl

run_ok "there is an image" image_ready || done_testing
ok "the kernel image has at most 80 MiB" [ "$(stat -c %s "$CE_IMAGE_DIR/ce.efi")" -le $((80 << 20)) ]
is "its SBOM names every package" "$(jq -r '.packages[1:][].name' "$CE_IMAGE_DIR/ce.spdx.json" | sort)" \
	"$(cut -f 1 "$CE_IMAGE_DIR/ce.packages.txt" | sort)"

# every platform's drivers are in the image: its modules.alias is what udev goes by
must objcopy -O binary --only-section=.initrd "$CE_IMAGE_DIR/ce.efi" "$TMP/initrd.cpio"
mkdir "$TMP/initrd" "$TMP/root" && (cd "$TMP/initrd" && cpio -idm --quiet root.squashfs <"$TMP/initrd.cpio")
must unsquashfs -q -n -f -d "$TMP/root" "$TMP/initrd/root.squashfs" 'usr/lib/modules/*'
while IFS=: read -r platform modules; do
	missing=
	for module in $modules; do
		find "$TMP/root/usr/lib/modules" -name "${module//_/[-_]}.ko" | grep -q . || missing="$missing $module"
	done
	is "modules for $platform" "$missing" ""
done < <(grep -v '^#' "$TOP/image/modules.txt")

is "nobody can log in: no ssh, no getty, no login" \
	"$(unsquashfs -l "$TMP/initrd/root.squashfs" | grep -E 'bin/(sshd?|a?getty|login)$|getty[^/]*\.(service|target)$')" ""

# ---- the machine ----
disk=$TMP/win.img
windows_copy "$disk" platform=vsphere size=1024 || { ok "the disk is made" false && done_testing; }
smbd_start "$TMP/smbd" user=ips password=secret || exit 1
at_exit smbd_stop "$TMP/smbd"
vm_share "$TMP"
port=$(free_port)
start=$(date +%s%N)
run_ok "the machine starts and answers" timeout 600 "$TOP/image/vm.sh" "$disk" --write --detach --dir "$TMP/vm" --port "$port"
qemu=$(cat "$TMP/vm/qemu.pid" 2>/dev/null)
[ -n "$qemu" ] || done_testing
at_exit end_process "$qemu"
diag "answered after $((($(date +%s%N) - start) / 1000000)) ms"
export CE_SERVER=https://127.0.0.1:$port CE_CERT=$TMP/vm/pki/client.crt CE_KEY=$TMP/vm/pki/client.key CE_CA=$TMP/vm/pki/ca.crt

run_ok "cectl status" "$cectl" status --json
is "its state is on its own disk" "$(run_out | jq .stateInMemory)" false
run "$cectl" disks --json
is "the Windows disk is offered, the system's own is not" "$(run_out | jq -r '[.items[] | .inspection.windows.source.platform // "-"] | join(" ")')" vsphere
name=$(run_out | jq -r '.items[0].id')

run curl -sS -m 20 --cacert "$CE_CA" -o /dev/null "$CE_SERVER/v1/status"
ok "nobody without a certificate" [ "$run_status" != 0 ]
# tls OPTION...: what openssl says of the connection
tls() {
	timeout 30 openssl s_client -connect "127.0.0.1:$port" -CAfile "$CE_CA" -cert "$CE_CERT" -key "$CE_KEY" "$@" </dev/null 2>&1
}
like "TLS 1.2" "$(tls -tls1_2)" 'Cipher is [A-Z]'
unlike "no TLS 1.1" "$(tls -tls1_1 -cipher 'ALL:@SECLEVEL=0')" 'Cipher is [A-Z]'

run_ok "a preparation is planned" "$cectl" prepare --disk "$name" --target azure --dry-run --json
ok "the plan has actions" [ "$(run_out | jq '[.. | .totals? // empty | .actions] | max')" -gt 0 ]
run_ok "the disk is prepared" "$cectl" prepare --disk "$name" --target azure --json
printf secret >"$TMP/password"
run_ok "and exported through port 445" "$cectl" export --disk "$name" --output smb://10.0.2.100/images/win.vhdx --user ips \
	--password-file "$TMP/password" --hash --json
md5=$(run_out | jq -r '[.. | .md5Hash? // empty] | first')
run_ok "the VHDX is sound" qemu-img check -q -f vhdx "$TMP/smbd/share/win.vhdx"
must qemu-img convert -f vhdx -O raw "$TMP/smbd/share/win.vhdx" "$TMP/out.raw"
is "its MD5 is what md5sum says" "$md5" "$(md5sum <"$TMP/out.raw" | cut -d ' ' -f 1)"

run "$cectl" export --disk "$name" --output smb://10.0.2.100/images/second.vhdx --user ips --password-file "$TMP/password" --no-wait --json
job=$(run_out | jq -r '.id // empty')
run "$cectl" cancel "$job" --json
run "$cectl" watch "$job" --json
is "a job is canceled" "$(run_out | jq -r .status)" canceled

ok "the console shows who it is" wait_for 30 console_shows "$TMP/vm/serial.log" systemd-credential
unlike "and no key" "$(cat "$TMP/vm/serial.log")" "PRIVATE KEY"
run_ok "it powers off" vm_end "$TMP/vm"
done_testing
