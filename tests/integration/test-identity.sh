#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ce-identity: each source of an enrolment document against a stand-in, what is written, what is refused.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
identity=$BUILD/agent/ce-identity
must pki_make "$TMP/pki"
mkdir -p "$TMP"/{dmi,drives,credentials,network}

document() { # [JQ EDIT]: a good document, edited
	jq -n --rawfile cert "$TMP/pki/server.crt" --rawfile key "$TMP/pki/server.key" --rawfile ca "$TMP/pki/ca.crt" \
		--arg pin "$(pki_pin "$TMP/pki/client.crt")" '{version: 1, server: {certificate: $cert, key: $key},
			clientCa: $ca, clientPins: [$pin],
			callback: {url: "https://appliance.example/ready", ca: $ca, noHostNameCheck: true},
			network: {interfaces: [{mac: "52:54:00:AB:00:01", addresses: ["192.0.2.5/24", "2001:db8::5/64"],
				gateways: ["192.0.2.1"], dns: ["192.0.2.53"]}, {dhcp: true}]}} | '"${1:-.}"
}

# identify [OPTION...]: into $TMP/out, without the sources that a test has not put there
identify() {
	rm -rf "$TMP/out"
	run "$identity" --output "$TMP/out" --network-dir "$TMP/network" --dmi "$TMP/dmi" --drives "$TMP/drives" \
		--link-local "http://127.0.0.1:1" --wait-ms 0 --hypervisor-type "$TMP/dmi/type" --xenbus "$TMP/xenbus" "$@"
}
source_is() { jq -r '.source' "$TMP/out/identity.json"; }
taken() { jq -r '"\(.source) \(.problem)"' "$TMP/out/identity.json"; }
problem() { jq -r '.problem.code, .problem.message' "$TMP/out/identity.json"; }

# ---- a credential ----
document >"$TMP/credentials/ce.enrolment"
CREDENTIALS_DIRECTORY=$TMP/credentials identify
is "a systemd credential is a source" "$(source_is)" systemd-credential
is "the server's certificate is the document's" "$(cat "$TMP/out/server.pem")" "$(cat "$TMP/pki/server.crt")"
is "its fingerprint is what openssl says" "$(jq -r .fingerprint "$TMP/out/identity.json" | tr a-f A-F)" \
	"$(openssl x509 -in "$TMP/pki/server.crt" -noout -fingerprint -sha256 | sed 's/.*=/SHA256:/; s/\(..\):/\1/g; s/^SHA256\([0-9A-F]\)/SHA256:\1/')"
is "nobody else may read the key" "$(stat -c %a "$TMP/out/server.key" "$TMP/out" | xargs)" "600 700"
is "there is no pairing code" "$(jq -r .pairingCode "$TMP/out/identity.json")" null
is "the callback is handed on" "$(jq -r .url "$TMP/out/callback.json")" https://appliance.example/ready
is "an adapter with fixed addresses" "$(cat "$TMP/network/10-ce-0.network")" "[Match]
Type=ether
MACAddress=52:54:00:ab:00:01

[Network]
DHCP=no
IPv6AcceptRA=no
LinkLocalAddressing=ipv6
LLMNR=no
MulticastDNS=no
Address=192.0.2.5/24
Address=2001:db8::5/64
DNS=192.0.2.53

[Route]
Gateway=192.0.2.1
GatewayOnLink=yes

[DHCPv4]
ClientIdentifier=mac
UseHostname=no"
like "and the others by DHCP" "$(cat "$TMP/network/20-ce-1.network")" "DHCP=yes"
is "who sets up the adapters may read them: networkd is not root" "$(stat -c %a "$TMP"/network/*.network | xargs)" "644 644"

# the agent starts from it, and obeys the client that the document pins
"$BUILD/agent/ce-agentd" --config "$TMP/out/agent.json" --listen 127.0.0.1:0 --state-dir "$TMP/state" \
	>"$TMP/agent.out" 2>"$TMP/agent.log" &
agent=$!
at_exit end_process $agent
wait_for 60 grep -q listening "$TMP/agent.out"
port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$TMP/agent.out")
status_as() {
	curl -sS --cacert "$TMP/pki/ca.crt" --cert "$TMP/pki/$1.crt" --key "$TMP/pki/$1.key" -o /dev/null -w '%{http_code}' \
		"https://127.0.0.1:$port/v1/status" 2>/dev/null || true
}
is "the agent obeys the pinned client" "$(status_as client)" 200
is "and no other of the same CA" "$(status_as client2)" 000

# ---- config drives ----
for drive in CE-CONFIG/ce-enrolment.json cidata/user-data config-2/openstack/latest/user_data; do
	rm -rf "$TMP/drives" && mkdir -p "$TMP/drives/$(dirname $drive)"
	document >"$TMP/drives/$drive"
	identify
	is "a drive with the label ${drive%%/*} is a source" "$(taken)" "config-drive null"
done
printf '#cloud-config\npackages: [nginx]\n' >"$TMP/drives/config-2/openstack/latest/user_data"
identify
is "cloud-init's own user data is nobody's enrolment" "$(source_is)" null
rm -rf "$TMP/drives" && mkdir "$TMP/drives"
# whom the worker obeys is nobody's choice between two
mkdir "$TMP/drives/CE-CONFIG" "$TMP/drives/cidata"
document | tee "$TMP/ce-enrolment.json" "$TMP/drives/CE-CONFIG/ce-enrolment.json" >"$TMP/drives/cidata/user-data"
identify
like "two drives with a document are refused" "$(problem | xargs -d '\n')" \
	"^enrolment-invalid .*\"CE-CONFIG\" \($TMP/drives/CE-CONFIG\) and .*\"cidata\" \($TMP/drives/cidata\) both"
is "and nobody is obeyed" "$(jq -r '.pairingCode != null' "$TMP/out/identity.json")" true
printf '#cloud-config\n' >"$TMP/drives/cidata/user-data"
identify
is "cloud-init's own drive beside ours is none" "$(taken)" "config-drive null"
rm -r "$TMP/drives" && mkdir "$TMP/drives"

# attach IMAGE [--read-only]: as the drive CE-CONFIG
attach() {
	loop=$(losetup --find --show "${@:2}" "$1") && at_exit losetup -d "$loop" && ln -sfn "$loop" "$TMP/drives/CE-CONFIG"
}
mounts() { # TYPE: whether this kernel can
	modprobe -q "$1" 2>/dev/null
	grep -qw "$1" /proc/filesystems
}
if [ "$(id -u)" = 0 ]; then
	# nothing is mounted that writes where it is mounted read-only
	mkdir "$TMP/tree" && cp "$TMP/ce-enrolment.json" "$TMP/tree"
	truncate -s 8M "$TMP/ext4.img" && must mkfs.ext4 -q -L CE-CONFIG -d "$TMP/tree" "$TMP/ext4.img"
	must attach "$TMP/ext4.img"
	identify
	like "ext4 is refused" "$(problem | xargs -d '\n')" "^enrolment-invalid .*\"CE-CONFIG\": .*iso9660 or vfat"
	# a guest may label its own disk so: that is attached to be exported, not to be obeyed
	truncate -s 65M "$TMP/guest.img" && must mkfs.vfat -n CE-CONFIG "$TMP/guest.img"
	must mcopy -i "$TMP/guest.img" "$TMP/ce-enrolment.json" ::
	must attach "$TMP/guest.img" --read-only
	identify
	is "a disk of more than 64 MiB is no config drive" "$(source_is)" null
	rm "$TMP/drives/CE-CONFIG"
else
	skip "a drive of another file system, and a guest's" "needs root"
fi
if [ "$(id -u)" = 0 ] && mounts vfat; then
	truncate -s 4M "$TMP/drive.img" && must mkfs.vfat -n CE-CONFIG "$TMP/drive.img"
	must mcopy -i "$TMP/drive.img" "$TMP/ce-enrolment.json" ::
	must attach "$TMP/drive.img" --read-only
	identify
	is "a drive that nobody has mounted" "$(taken)" "config-drive null"
	is "and nobody has it mounted afterwards" "$(grep -c "$loop" /proc/self/mounts)" 0
	ln -s "$loop" "$TMP/drives/ce-config"
	identify
	is "one that is seen twice is one" "$(taken)" "config-drive null"
	rm "$TMP/drives"/*
else
	skip "a drive that nobody has mounted" "needs root, and a kernel with vfat; e2e/drives mounts one"
fi

# ---- metadata services ----
# metadata FILE: a stand-in that holds it
server=
stop_metadata() {
	[ -z "$server" ] || end_process "$server"
}
at_exit stop_metadata
metadata() {
	mkfifo "$TMP/life" 2>/dev/null
	stop_metadata
	rm -f "$TMP/port"
	"$BUILD/tests/metadata-server" "$1" <"$TMP/life" >"$TMP/port" &
	server=$!
	exec 9>"$TMP/life"
	wait_for 60 [ -s "$TMP/port" ]
	url=http://127.0.0.1:$(cat "$TMP/port")
}
platform() { # FILE TEXT
	rm -f "$TMP"/dmi/*
	echo "$2" >"$TMP/dmi/$1"
}
document >"$TMP/plain"
base64 -w 0 "$TMP/plain" >"$TMP/encoded"
platform chassis_asset_tag 7783-7084-3265-9085-8269-3286-77
metadata "$TMP/encoded"
identify --link-local "$url"
is "Azure's user data" "$(source_is)" azure-imds

# custom_data TEXT [ELEMENT]: what Azure's CD would hold
custom_data() {
	mkdir -p "$TMP/drives/azure"
	printf '<?xml version="1.0"?><ns0:Environment xmlns:ns1="urn:x"><ns1:ProvisioningSection><ns1:UserPassword>TopSecret!</ns1:UserPassword>%s%s%s</ns1:ProvisioningSection></ns0:Environment>' \
		"<${2-ns1:CustomData}>" "$1" "</${2-ns1:CustomData}>" >"$TMP/drives/azure/ovf-env.xml"
}
for text in "$(base64 "$TMP/plain")" "$(base64 -w 0 "$TMP/encoded")"; do
	custom_data "$text"
	identify --sources within
	is "Azure's custom data" "$(taken)" "azure-custom-data null"
done
custom_data "$(base64 "$TMP/plain")" CustomData
identify
is "its element without a prefix" "$(taken)" "azure-custom-data null"
for text in "$(base64 <<<'#cloud-config')" '%%%' '' "$(head -c 3000 /dev/urandom | base64)"; do
	custom_data "$text"
	identify --link-local "$url"
	is "custom data for somebody else is none" "$(taken)" "azure-imds null"
done
custom_data "$(base64 "$TMP/plain")" NotCustomData
identify --link-local "$url"
is "nor is another element" "$(source_is)" azure-imds
custom_data "$(document '.version = 2' | base64)"
identify --link-local "$url"
like "a document there that is damaged is refused" "$(problem | xargs -d '\n')" "^enrolment-invalid azure-custom-data: "
custom_data "$(base64 "$TMP/plain")"
platform sys_vendor "Amazon EC2"
metadata "$TMP/plain"
identify --link-local "$url"
is "such a CD counts on Azure only" "$(source_is)" ec2-imds
rm -r "$TMP/drives/azure"
identify --link-local "$url"
is "EC2's user data, with a token" "$(source_is)" ec2-imds
platform product_name "Google Compute Engine"
identify --link-local "$url"
is "an attribute at Google" "$(source_is)" gcp-metadata
: >"$TMP/nothing"
metadata "$TMP/nothing"
identify --link-local "$url"
is "a service that holds nothing is no source" "$(source_is)" null
head -c 3M /dev/zero | tr '\0' ' ' >"$TMP/huge"
metadata "$TMP/huge"
identify --link-local "$url"
like "an answer without end is cut off" "$(problem)" "more than 524288 bytes"
identify
like "a service that should be there and is silent is told" "$(problem)" "127.0.0.1:1"

# ---- before there is a network, and afterwards ----
metadata "$TMP/encoded"
platform chassis_asset_tag 7783-7084-3265-9085-8269-3286-77
identify --link-local "$url" --sources within
is "what takes the network is asked later: status" "$run_status" 0
ok "and nothing is decided before" [ ! -e "$TMP/out" ]
like "which is told" "$(run_err)" "azure-imds is asked once there is a network"
identify --link-local "$url" --sources outside
is "afterwards it is asked" "$(source_is)" azure-imds
CREDENTIALS_DIRECTORY=$TMP/credentials identify --link-local "$url" --sources within
is "what is in the machine is taken at once" "$(source_is)" systemd-credential
metadata "$TMP/nothing"
identify --link-local "$url" --sources outside
is "nor one afterwards: the machine is on its own" "$(source_is) $(jq -r '.pairingCode != null' "$TMP/out/identity.json")" "null true"
run "$identity" --output "$TMP/out" --sources all
is "other words are none" "$run_status" 2
rm -f "$TMP"/dmi/*
identify --sources within
is "where no network is asked the machine is on its own at once" "$(jq -r '.pairingCode != null' "$TMP/out/identity.json")" true

# ---- no document, damaged documents: nobody is obeyed ----
identify
run_ok "without a document the machine makes an identity" test -s "$TMP/out/agent.json"
like "and a pairing code" "$(jq -r .pairingCode "$TMP/out/identity.json")" '^[A-Z2-9]{5}-[A-Z2-9]{5}$'
is "its certificate is its own" "$(openssl verify -CAfile "$TMP/out/own.pem" "$TMP/out/own.pem" 2>&1 | tail -n 1)" \
	"$TMP/out/own.pem: OK"

# refused NAME EXPECTED BYTES-ON-STDIN
refused() {
	cat >"$TMP/credentials/ce.enrolment"
	CREDENTIALS_DIRECTORY=$TMP/credentials identify
	is "refused: $1: the code" "$(jq -r .problem.code "$TMP/out/identity.json")" enrolment-invalid
	like "refused: $1" "$(jq -r '.problem.message // empty' "$TMP/out/identity.json")" "$2"
	unlike "refused: $1: the document's key is nowhere" "$(cat "$TMP"/out/*)" "$(sed -n 3p "$TMP/pki/server.key")"
}
refused "an unknown field" 'field "surprise" is not known' < <(document '.surprise = 1')
refused "no client CA" 'field "clientCa" is missing' < <(document 'del(.clientCa)')
refused "a CA that is none" '"clientCa" holds no certificate' < <(document '.clientCa = "-----BEGIN"')
refused "half a pair" '"server.key" is missing' < <(document 'del(.server.key)')
refused "a key of another certificate" '"server.certificate" and "server.key"' < <(document ".server.key = $(jq -Rs . "$TMP/pki/client.key")")
refused "a certificate for clients only" 'is none of a server' < <(
	document ".server = {certificate: $(jq -Rs . "$TMP/pki/client.crt"), key: $(jq -Rs . "$TMP/pki/client.key")}")
refused "another version" '"version" is not 1' < <(document '.version = 2')
refused "a weak pin" 'clientPins\[0\]' < <(document '.clientPins = ["SHA1:00"]')
refused "a callback in clear" 'callback.url' < <(document '.callback.url = "http://x/"')
refused "a callback to anybody" '"callback" needs "ca" or a fingerprint' < <(document 'del(.callback.ca)')
refused "a callback with a user" 'no port from 1 to 65535' < <(document '.callback.url = "https://u:p@appliance.example/"')
refused "a callback that would be a rule of the firewall" 'no port from 1 to 65535|more than a host|no place in it' < \
	<(document '.callback.url = "https://a:443 }; flush ruleset; add rule { /"')
refused "a port that is none" 'no port from 1 to 65535' < <(document '.callback.url = "https://a:65536/"')
refused "65 adapters" 'no array of at most 64' < <(document '.network.interfaces = [range(65) | {dhcp: true}]')
refused "65 addresses" 'no array of at most 64' < <(document '.network.interfaces[0].addresses = [range(65) | "192.0.2.5/24"]')
refused "a section of networkd" 'gateways\[0\]' < <(document '.network.interfaces[0].gateways = ["192.0.2.1\n[Route]"]')
refused "a prefix that is none" 'addresses\[0\]' < <(document '.network.interfaces[0].addresses = ["192.0.2.5/33"]')
refused "a field twice" 'duplicate' < <(document | sed 's/"version": 1,/"version": 1, "version": 1,/')
refused "another case, twice" 'not known|twice|duplicate' < <(document '.VERSION = 2' | sed 's/"version": 1,/"version": 1, "vers": 1,/')
refused "a field in two spellings" '"clientCa" is there 2 times' < <(document ".CLIENTCA = $(jq -Rs . "$TMP/pki/other-ca.crt")")
refused "a list of no pins" '"clientPins" is empty' < <(document '.clientPins = []')
refused "everybody's address" 'addresses\[0\]' < <(document '.network.interfaces[0].addresses = ["0.0.0.0/0"]')
refused "an address of its own" 'addresses\[0\]' < <(document '.network.interfaces[0].addresses = ["::1/128"]')
refused "an address of a group" 'gateways\[0\]' < <(document '.network.interfaces[0].gateways = ["224.0.0.1"]')
refused "40 levels" 'depth|deep|levels' < <(printf '{"version":1,"network":%s1%s}' "$(printf '[%.0s' {1..40})" "$(printf ']%.0s' {1..40})")
refused "bytes that are no text" 'UTF-8|line 1' < <(printf '{"version": 1, "\377\376": 1}')
refused "a NUL" 'line|NUL|end of' < <(document | sed 's/"version"/"ver\x00sion"/')
refused "something behind it" 'end of file|line' < <(document && echo '{}')
refused "names for the terminal" 'field ' < <(document '."\u001b[2J\u001b]0;x\u0007\nfake" = 1')
refused "nothing but a text" '[a-z]' < <(echo '"x"')
refused "a line break in an address" 'addresses\[0\]' < <(document '.network.interfaces[0].addresses = ["192.0.2.5/24\nDNS=1.2.3.4"]')
refused "no MAC" '\.mac' < <(document '.network.interfaces[0].mac = "all"')
refused "a document cut off" 'line [0-9]*' < <(document | head -c 900)
refused "a document all depth" 'nest|depth' < <(printf '{"version": 1, "clientCa": ' && head -c 200K /dev/zero | tr '\0' '[')
refused "no object" 'object' < <(echo '[]')
refused "a number for a text" 'clientCa' < <(document '.clientCa = 1')
refused "an object for a list" 'clientPins' < <(document '.clientPins = {}')
refused "a text for an object" 'server' < <(document '.server = "x"')
refused "NUL in a text" 'NUL|\\u0000|line [0-9]*' < <(document '.callback.url = "https://x/\u0000"')
refused "a document of 300 KiB" '262144|262145' < <(head -c 300K /dev/zero | tr '\0' 'x')
done_testing
