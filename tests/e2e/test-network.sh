#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev test network: the CE image in QEMU with an enrolment document, on a CD, that has a fixed address and a callback: it is
# where the document says, and tells the appliance through its own firewall. CE_IMAGE_DIR: an image that has been
# built already.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
. "$TOP/tests/lib/image.sh"
. "$TOP/tests/lib/machine.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
run_ok "there is an image" image_ready || done_testing
variant=${CE_IMAGE_VARIANT:-ce}
vm=$TMP/vm
mac=52:54:00:ce:00:01 uuid=564d2a31-7a0e-4f0c-9b1d-2c3d4e5f6a7b

# the appliance: 10.0.2.2 to the machine, of an authority of its own
must pki_make "$TMP/pki"
echo 503 >"$TMP/mode"
: >"$TMP/told"
"$TOP/tests/lib/appliance.py" --cert "$TMP/pki/server.crt" --key "$TMP/pki/server.key" --mode "$TMP/mode" --told "$TMP/told" >"$TMP/port" &
appliance=$!
at_exit end_process $appliance
wait_for 20 [ -s "$TMP/port" ]
told() { [ "$(wc -l <"$TMP/told")" -ge "$1" ]; }
fingerprint=$(openssl x509 -in "$TMP/pki/server.crt" -outform DER | sha256sum | cut -d ' ' -f 1)

# the state partition is damaged: the machine works without it
state_at=$(sfdisk -J "$CE_IMAGE_DIR/$variant.raw" | jq '.partitiontable.partitions[1].start * 512')
must cp --sparse=always "$CE_IMAGE_DIR/$variant.raw" "$TMP/damaged.raw"
block=$(debugfs -R 'blocks <2>' "$TMP/damaged.raw?offset=$state_at" 2>/dev/null | tr -d ' ')
must dd if=/dev/urandom of="$TMP/damaged.raw" bs=4096 seek=$((state_at / 4096 + block)) count=1 conv=notrunc status=none

# DHCP would give it 10.0.2.15, and the agent is looked for at the other address
must truncate -s 16M "$TMP/empty.raw"
export MACHINE_ADDRESS=10.0.2.77
MACHINE_ENROLMENT=".callback = {url: \"https://10.0.2.2:$(cat "$TMP/port")/ce\", sha256Fingerprint: \"$fingerprint\"} |
	.network = {interfaces: [{mac: \"$mac\", addresses: [\"10.0.2.77/24\", \"fec0::77/64\"], gateways: [\"10.0.2.2\"], dns: [\"10.0.2.3\"]}]}"
# shellcheck disable=SC2054,SC2034  # QEMU takes commas; machine.sh uses it
MACHINE_ARGS=(-uuid "$uuid" -drive "file=$TMP/empty.raw,format=raw,if=none,id=empty" -device virtio-scsi-pci,id=more -device "scsi-hd,drive=empty,bus=more.0,serial=empty")
MACHINE_CD=cidata=user-data run machine_start "$vm" "$TMP/damaged.raw" raw virtio-blk "virtio-net-pci,mac=$mac"
run_ok "it answers at the document's address" machine_answers "$vm" || done_testing
port=$(cat "$vm/port")
export CE_SERVER=https://127.0.0.1:$port CE_CERT=$vm/pki/client.crt CE_KEY=$vm/pki/client.key CE_CA=$vm/pki/ca.crt

run "$BUILD/agent/cectl" status --json
is "its state is damaged, and therefore in memory" "$(run_out | jq .stateInMemory)" true
ok "the callback comes through the machine's firewall" wait_for 120 told 2
like "and again while the appliance answers 503" "$(jq -r .body.event "$TMP/told" | sort -u | xargs)" '^ready$'
[ "$variant" != ce ] || ok "which the console shows" wait_for 30 console_shows "$vm/serial.log" 'callback .*answers 503'
echo 200 >"$TMP/mode"
wait_for 150 told $(($(wc -l <"$TMP/told") + 1))
ready=$(tail -n 1 "$TMP/told")
is "it says where the machine is: there, and nowhere else" "$(jq -r '.body.worker.addresses | sort | join(" ")' <<<"$ready")" "10.0.2.77 fec0::77"
is "who it is" "$(jq -r '.body.worker.fingerprint' <<<"$ready")" "$(pki_pin "$vm/pki/server.crt")"
is "and what the platform knows it by" "$(jq -r '.body.worker.uuid' <<<"$ready")" $uuid
run "$BUILD/agent/cectl" disks --json
disk=$(run_out | jq -r '.items[0].id')
lines=$(wc -l <"$TMP/told")
run "$BUILD/agent/cectl" prepare --disk "$disk" --target azure --json
job=$(run_out | jq -r '.id // empty')
ok "a job that has ended is told" wait_for 60 told $((lines + 1))
is "that one, and how" "$(tail -n 1 "$TMP/told" | jq -r '[.body.event, .body.job.id, .body.job.status, .body.job.disk] | join(" ")')" \
	"jobEnded $job failed $disk"
[ "$variant" != ce ] || ok "the console shows where the state is" wait_for 30 console_shows "$vm/serial.log" 'state .*in memory only'
ok "the console shows the address" wait_for 30 console_shows "$vm/serial.log" '10\.0\.2\.77'
machine_end "$vm"

# ---- a cloud's machine: the document comes by the network, and says something else of it ----
mkfifo "$TMP/life"
exec 9<>"$TMP/life"
jq '.network.interfaces = [{addresses: ["169.254.169.77/24"], gateways: ["169.254.169.2"]}] | del(.callback)' "$vm/enrolment.json" >"$TMP/document"
"$BUILD/tests/metadata-server" "$TMP/document" <"$TMP/life" >"$TMP/metadata.port" &
at_exit end_process $!
wait_for 20 [ -s "$TMP/metadata.port" ]
# one process a connection
cat >"$TMP/to-metadata" <<-END
	#!/bin/bash
	exec 3<>/dev/tcp/127.0.0.1/$(cat "$TMP/metadata.port")
	cat <&3 &
	cat >&3
END
chmod +x "$TMP/to-metadata"
cp -r "$vm/pki" "$TMP/pki-kept"
export MACHINE_ADDRESS=169.254.169.77 MACHINE_CREDENTIAL=of.somebody.else
MACHINE_NET=",net=169.254.169.0/24,host=169.254.169.2,dns=169.254.169.3,guestfwd=tcp:169.254.169.254:80-cmd:$TMP/to-metadata"
MACHINE_ARGS=(-smbios "type=1,manufacturer=Amazon EC2,product=t3.large")
run machine_start "$vm" "$CE_IMAGE_DIR/$variant.raw" raw nvme virtio-net-pci
cp "$TMP/pki-kept/"* "$vm/pki/" # of the document that the service has
run_ok "a document of a metadata service: it answers where the document says" machine_answers "$vm"
ok "which the console tells" wait_for 30 console_shows "$vm/serial.log" ec2-imds
machine_end "$vm"
done_testing
