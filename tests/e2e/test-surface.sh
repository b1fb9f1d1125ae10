#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev test surface: what a stranger on the network gets of a worker VM, and what it sends by itself. It starts with a
# hostile enrolment document, so it obeys nobody until it is paired with; a second network card leads to a
# scanner that tries every TCP port (tests/lib/wire.py); openssl tries protocols, ciphers and certificates.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
. "$TOP/tests/lib/image.sh"
. "$TOP/tests/lib/machine.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
run_ok "there is an image" image_ready || done_testing
vm=$TMP/vm

# ---- the machine, with a document that is all depth ----
mkdir "$vm"
{
	printf '{"version": 1, "clientCa": '
	head -c 200000 /dev/zero | tr '\0' '['
} >"$TMP/hostile.json"
# two ports: the scanner's end of the cable, and the machine's
here=$(free_port) there=$(free_port)
coproc WIRE { exec python3 "$TOP/tests/lib/wire.py" "$here" "$there" 2>"$TMP/wire.err"; }
at_exit end_process "$WIRE_PID"
exec 7<&"${WIRE[0]}" 8>&"${WIRE[1]}" # its own descriptors bash keeps from pipelines
# wire COMMAND: the scanner's answer
wire() {
	local answer=''
	echo "$1" >&8
	read -r -t 900 answer <&7 || cat "$TMP/wire.err"
	echo "$answer"
}
export MACHINE_DOCUMENT=$TMP/hostile.json
# another CE image's disk is attached: its state partition has the identity of the machine's own
cp --sparse=always "$CE_IMAGE_DIR/ce.raw" "$TMP/twin.raw"
# shellcheck disable=SC2054  # QEMU takes commas
MACHINE_ARGS=(-drive "file=$TMP/twin.raw,format=raw,if=none,id=twin" -device virtio-blk-pci,drive=twin,bootindex=9
	-device virtio-net-pci,netdev=wire,romfile= -netdev
	"dgram,id=wire,local.type=inet,local.host=127.0.0.1,local.port=$there,remote.type=inet,remote.host=127.0.0.1,remote.port=$here")
run_ok "a machine is started with a hostile document" machine_start "$vm" "$CE_IMAGE_DIR/ce.raw" raw virtio-blk virtio-net-pci || done_testing
url=https://127.0.0.1:$(cat "$vm/port")
ask() { # METHOD PATH [CURL OPTION...]: the status, as somebody without a certificate
	curl -sSk -m 30 -X "$1" -o "$TMP/body" -w '%{http_code}' "$url$2" "${@:3}" 2>/dev/null
}
answers_strangers() { [ "$(ask GET /)" != 000 ]; }
ok "its agent answers" wait_for 600 answers_strangers
console() { sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' "$vm/serial.log" | tr -d '\r'; }
console_says() { console | grep -qE "$1"; }
ok "the console shows that the document is refused" wait_for 60 console_says 'PROBLEM.*systemd-credential'
like "and why" "$(console | grep -A2 PROBLEM)" 'nest|depth|line 1'
ok "and a pairing code" wait_for 60 console_says 'pairing code +[A-Z2-9]{5}-[A-Z2-9]{5}'
for request in "GET /v1/status" "GET /v1/disks" "GET /metrics" "POST /v1/images/\$export" "PUT /v1/packs/x"; do
	is "the agent does not take $request" "$(ask "${request% *}" "${request#* }") $(jq -r .error.code "$TMP/body")" "403 not-paired"
done

# ---- every port ----
scan() { # WHEN
	is "$1: of all TCP ports 443 alone is open" "$(wire scan4)" '{"open": [443], "closed": []}'
	is "$1: over IPv6 too" "$(wire scan6)" '{"open": [443], "closed": []}'
	is "$1: no UDP port answers" "$(wire udp4)" '{"answers": []}'
}
like "the scanner's network card has an address" "$(wire lease)" '"address": "192.0.2.15"'
is "the machine answers a ping" "$(wire ping4)" '{"answers": 1}'
scan "unpaired"

# ---- paired ----
code=$(console | sed -n 's/.*pairing code *\([A-Z2-9]\{5\}-[A-Z2-9]\{5\}\).*/\1/p' | tail -n 1)
pair() { # CODE
	jq -n --arg code "$1" --rawfile ca "$vm/pki/ca.crt" --rawfile cert "$vm/pki/server.crt" --rawfile key "$vm/pki/server.key" \
		'{code: $code, enrolment: {version: 1, clientCa: $ca, server: {certificate: $cert, key: $key}}}' >"$TMP/request"
	ask POST '/v1/$pair' --data-binary "@$TMP/request"
}
is "a wrong code is refused" "$(pair AAAAA-AAAAA) $(jq -r .error.code "$TMP/body")" "403 pairing-code"
is "the code on the console pairs" "$(pair "$code")" 200
ok "the agent comes back, enrolled" machine_answers "$vm"
is "it obeys no stranger" "$(ask GET /v1/status)" 000

# ---- protocols, ciphers, certificates ----
# tls CLIENT OPTION...: what openssl says of a connection, as one of the test's clients ("": without a certificate)
tls() {
	local cert=()
	[ -z "$1" ] || cert=(-cert "$vm/pki/$1.crt" -key "$vm/pki/$1.key")
	printf 'GET /v1/status HTTP/1.0\r\n\r\n' | timeout 30 openssl s_client -connect "$to" -CAfile "$vm/pki/ca.crt" \
		-ign_eof "${cert[@]}" "${@:2}" 2>&1
}
taken='^HTTP/1.[01] 200'
# what the machine refuses is offered to a server that takes everything: openssl here can do it
loose=$(free_port)
openssl s_server -accept "127.0.0.1:$loose" -cert "$vm/pki/server.crt" -key "$vm/pki/server.key" -cipher 'ALL:eNULL:@SECLEVEL=0' \
	-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_8_SHA256 -psk 00 -www >/dev/null 2>&1 &
at_exit end_process $!
wait_for 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$loose"
takes() { # NAME WHETHER OPTION...
	local name=$1 yes=$2
	shift 2
	to=127.0.0.1:${url##*:}
	if [ "$yes" = yes ]; then
		like "TLS: taken: $name" "$(tls client "$@")" "$taken"
	else
		unlike "TLS: refused: $name" "$(tls client "$@")" "$taken"
		to=127.0.0.1:$loose
		like "TLS: $name, where it is allowed" "$(tls client "$@")" 'HTTP/1.0 200'
	fi
}
all='ALL:eNULL:@SECLEVEL=0'
takes "TLS 1.3" yes -tls1_3
takes "TLS 1.2" yes -tls1_2
takes "TLS 1.1" no -tls1_1 -cipher $all
takes "TLS 1.0" no -tls1 -cipher $all
for cipher in ECDHE-ECDSA-NULL-SHA ECDHE-ECDSA-AES128-SHA ECDHE-ECDSA-AES256-SHA384 AECDH-AES128-SHA ADH-AES256-GCM-SHA384; do
	takes "$cipher" no -tls1_2 -cipher "$cipher:@SECLEVEL=0"
done
to=127.0.0.1:${url##*:}
unlike "no SSL 3" "$(timeout 30 openssl s_client -ssl3 -connect "$to" </dev/null 2>&1)" 'Cipher is [A-Z]'
for client in '' stranger selfsigned expired not-yet serverauth; do
	for version in -tls1_2 -tls1_3; do
		unlike "${version#-}: no request with ${client:-no} certificate" \
			"$(tls "$client" $version)" '^HTTP/'
	done
done
is "no renegotiation" "$( (echo R && sleep 2) | timeout 30 openssl s_client -tls1_2 -connect "$to" -CAfile "$vm/pki/ca.crt" \
	-cert "$vm/pki/client.crt" -key "$vm/pki/client.key" 2>&1 | sed '1,/^RENEGOTIATING/d')" closed
like "no compression" "$(tls client -tls1_2 -comp)" 'Compression: NONE'

# ---- at rest ----
scan "paired"
status() {
	curl -sS -m 30 --cacert "$vm/pki/ca.crt" --cert "$vm/pki/client.crt" --key "$vm/pki/client.key" "$url/v1/status"
}
status >"$TMP/status"
used=$((1024 - $(jq .memory.available "$TMP/status") / 1048576))
ok "of its 1024 MiB at most 300 are in use at rest: $used" [ "$used" -le 300 ]
is "the agent and its jobs may have nine tenths of the memory" \
	"$(jq '.memory.limit * 100 / .memory.total | round' "$TMP/status")" 90
is "all that the machine sent by itself" "$(wire sent | jq -r '.kinds - ["icmpv6 neighbour advertisement"] | join(", ")')" \
	"arp, dhcp, icmpv6 multicast listener report, icmpv6 neighbour solicitation, icmpv6 router solicitation"
is "two disks could be the state's: none is" "$(jq .stateInMemory "$TMP/status")" true
is "both disks are offered: no state is on either" "$(curl -sS -m 60 --cacert "$vm/pki/ca.crt" --cert "$vm/pki/client.crt" \
	--key "$vm/pki/client.key" "$url/v1/disks" | jq '.items | length')" 2
ok "nothing has been written to the other CE image's disk" cmp "$CE_IMAGE_DIR/ce.raw" "$TMP/twin.raw"
unlike "no key is on the console" "$(console)" "PRIVATE KEY"
done_testing
