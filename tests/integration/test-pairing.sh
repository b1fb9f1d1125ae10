#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# A machine without an enrolment document: what it takes from strangers, and how it becomes somebody's.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
must pki_make "$TMP/pki"
mkdir -p "$TMP"/{dmi,drives}
agent=

# A machine that starts: its identity, then the agent, which whoever started it starts again when it ends.
power_on() {
	rm -rf "$TMP/run" "$TMP/state"
	run_ok "${1:-a machine starts}" "$BUILD/agent/ce-identity" --output "$TMP/run" --dmi "$TMP/dmi" --drives "$TMP/drives" \
		--hypervisor-type "$TMP/dmi/type" --xenbus "$TMP/xenbus" --wait-ms 0
	start_agent
}
start_agent() {
	[ -z "$agent" ] || end_process "$agent"
	: >"$TMP/agent.out"
	"$BUILD/agent/ce-agentd" --config "$TMP/run/agent.json" --listen "127.0.0.1:0" --state-dir "$TMP/state" \
		--status-file "$TMP/status.json" >"$TMP/agent.out" 2>"$TMP/agent.log" &
	agent=$!
	wait_for 20 grep -q listening "$TMP/agent.out"
	port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$TMP/agent.out")
}
stop_agent() {
	[ -z "$agent" ] || end_process "$agent"
}
at_exit stop_agent

# ask METHOD PATH [CURL OPTION...]: the status; the body in $TMP/body. As a client that has seen the fingerprint.
ask() {
	curl -sS --cacert "$TMP/run/own.pem" --connect-to "::127.0.0.1:$port" -X "$1" -o "$TMP/body" -w '%{http_code}' \
		"https://$(hostname):$port$2" "${@:3}" 2>"$TMP/curl.err"
}
pair() { # CODE [JQ EDIT OF THE DOCUMENT]
	jq -n --arg code "$1" --rawfile ca "$TMP/pki/ca.crt" --rawfile cert "$TMP/pki/server.crt" \
		--rawfile key "$TMP/pki/server.key" '{code: $code, enrolment: ({version: 1, clientCa: $ca} | '"${2:-.}"')}' >"$TMP/request"
	ask POST '/v1/$pair' --data-binary "@$TMP/request"
}
code() { jq -r .error.code "$TMP/body"; }
shown() { jq -r .pairingCode "$TMP/run/identity.json"; }
wrong=AAAAA-AAAAA

power_on
is "the console is told the port" "$(jq .port "$TMP/status.json")" "$port"
for request in "GET /v1/status" "GET /v1/openapi.yaml" "GET /v1/\$pair" "POST /v1/images/\$export" "PUT /v1/packs/x" "GET /"; do
	is "it does not take $request" "$(ask "${request% *}" "${request#* }") $(code)" "403 not-paired"
done
is "nor with a client certificate" \
	"$(ask GET /v1/status --cert "$TMP/pki/client.crt" --key "$TMP/pki/client.key")" 403
unlike "nor TLS 1.1" "$(openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null 2>&1)" \
	"BEGIN CERTIFICATE"
like "but TLS 1.2" "$(openssl s_client -connect "127.0.0.1:$port" -tls1_2 </dev/null 2>&1)" "BEGIN CERTIFICATE"
head -c 300K /dev/zero >"$TMP/huge"
is "nor a body of 300 KiB" "$(ask POST '/v1/$pair' --data-binary "@$TMP/huge") $(code)" "413 body-too-large"
is "nor one that asks first" "$(ask POST '/v1/$pair' --data-binary "@$TMP/huge" -H 'Expect: 100-continue') $(code)" "413 body-too-large"
is "nor a body for another path" "$(ask PUT /v1/packs/x --data-binary "@$TMP/huge" -H 'Transfer-Encoding: chunked') $(code)" "403 not-paired"
is "nor one in chunks" "$(ask POST '/v1/$pair' --data-binary "@$TMP/huge" -H 'Transfer-Encoding: chunked') $(code)" "413 body-too-large"
head -c 9M /dev/zero >"$TMP/huge"
is "one without an end is cut off" "$(ask POST '/v1/$pair' --data-binary "@$TMP/huge" -H 'Transfer-Encoding: chunked' -H 'Expect:')" 000
run_ok "and it goes on" kill -0 "$agent"
is "nor what is not JSON" "$(ask POST '/v1/$pair' -d 'code=1') $(code)" "400 not-json"
is "nor a wrong code" "$(pair $wrong) $(code)" "403 pairing-code"
is "nor a document that is damaged" "$(pair "$(shown)" 'del(.clientCa)') $(code)" "422 enrolment-invalid"
unlike "the log has no code" "$(cat "$TMP/agent.log")" "$(shown)"

code=$(shown)
is "with the code on the console it pairs" "$(pair "$code")" 200
is "and says by which certificate it is known" "$(jq -r .fingerprint "$TMP/body" | tr a-f A-F)" \
	"SHA256:$(openssl x509 -in "$TMP/run/own.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g')"
wait "$agent"
is "then it ends, to be started again" $? 0
is "the console shows no code any more" "$(jq -r '.source, .pairingCode' "$TMP/run/identity.json" | xargs)" "pairing null"

start_agent
is "the appliance's client is obeyed" \
	"$(ask GET /v1/status --cert "$TMP/pki/client.crt" --key "$TMP/pki/client.key")" 200
is "nobody else is" "$(ask GET /v1/status)" 000
is "a stranger with the old code is not" "$(pair "$code")" 000
is "there is no pairing for a client either" "$(ask POST '/v1/$pair' --cert "$TMP/pki/client.crt" --key "$TMP/pki/client.key" -d '{}')" 404

# a certificate of the document's
power_on "another machine starts"
is "a document with a certificate" "$(pair "$(shown)" '.server = {certificate: $cert, key: $key}')" 200
wait "$agent"
start_agent
is "is the server's then" "$(curl -sS --cacert "$TMP/pki/ca.crt" --cert "$TMP/pki/client.crt" --key "$TMP/pki/client.key" \
	-o /dev/null -w '%{http_code}' "https://127.0.0.1:$port/v1/status")" 200

# guessing
power_on "a third machine starts"
for _ in 1 2 3; do
	pair $wrong >/dev/null
done
end_process "$agent"
agent=
start_agent
is "a restart forgets no try" "$(pair $wrong) $(jq -r .error.message "$TMP/body")" "403 the code is wrong (1 more tries)"
is "the fifth wrong code is the last" "$(pair $wrong) $(code)" "403 pairing-locked"
is "the right one comes too late" "$(pair "$(shown)") $(code)" "403 pairing-locked"
is "nothing was written" "$(cd "$TMP/run" && echo *)" "agent.json identity.json own.key own.pem pairing-tries"
power_on "it starts once more"
is "and has another code" "$(pair "$(shown)")" 200
wait "$agent"

# ---- cectl pair: against an agent that is started again when it ends, as systemd does ----
agent_for_ever() {
	trap 'end_process $!; exit' TERM
	while :; do
		"$BUILD/agent/ce-agentd" --config "$TMP/run/agent.json" --listen "127.0.0.1:$1" --state-dir "$TMP/state" >>"$TMP/agent.log" 2>&1 &
		wait $!
		sleep 0.2
	done
}
power_on "a fourth machine starts"
end_process "$agent"
agent=
port=$(free_port)
agent_for_ever "$port" &
at_exit end_process $!
own=SHA256:$(openssl x509 -in "$TMP/run/own.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
export CE_SERVER=https://127.0.0.1:$port CE_CERT=$TMP/pki/client.crt CE_KEY=$TMP/pki/client.key
cectl_pair() { # CODE OPTION...
	"$BUILD/agent/cectl" pair --code-file - "${@:2}" <<<"$1"
}
must wait_for 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
jq -n --rawfile ca "$TMP/pki/ca.crt" '{version: 1, clientCa: $ca}' >"$TMP/enrolment.json"
run_status_is "cectl pair: without a document" 2 cectl_pair "$(shown)" --fingerprint "$own"
run_status_is "cectl pair: nobody has compared" 2 cectl_pair "$(shown)" --enrolment "$TMP/enrolment.json"
like "it says what there is to compare" "$(run_err)" "$own"
run_status_is "cectl pair: another certificate than the console's" 3 cectl_pair "$(shown)" --client-ca "$TMP/pki/ca.crt" \
	--fingerprint "SHA256:$(printf '%064d' 0)"
like "it says so" "$(run_err)" "agent-certificate"
run_status_is "cectl pair: no fingerprint at all" 2 cectl_pair "$(shown)" --client-ca "$TMP/pki/ca.crt" --fingerprint SHA256:12
jq .extra=1 "$TMP/enrolment.json" >"$TMP/odd.json"
run_status_is "cectl pair: a document with a field too many stays here" 3 cectl_pair "$(shown)" --enrolment "$TMP/odd.json" --fingerprint "$own"
run_status_is "cectl pair: a wrong code" 3 cectl_pair $wrong --enrolment "$TMP/enrolment.json" --fingerprint "$own"
is "only that was a try" "$(jq -c . "$TMP/run/pairing-tries" 2>/dev/null || cat "$TMP/run/pairing-tries")" 1
# on a terminal: shows the fingerprint, asks for the code
run_ok "cectl pair on a terminal" script -qefc "$BUILD/agent/cectl pair --enrolment $TMP/enrolment.json" "$TMP/typescript" < <(
	wait_for 20 grep -q 'pairing code' "$TMP/typescript" # typed before it asks it would be thrown away
	shown
	sleep 10
)
like "it shows the first half of the fingerprint as the console does" "$(run_out)" "^ *${own:0:39}.?$"
like "it asks for the code" "$(run_out)" "pairing code, as the console shows it:"
next=$(run_out | tr -d '\r' | sed -n 's/^  cectl //p')
like "it says what to type next" "$next" "^--server $CE_SERVER --fingerprint $own "
# shellcheck disable=SC2086  # a command line
run_ok "which works" env -u CE_SERVER -u CE_CERT -u CE_KEY "$BUILD/agent/cectl" $next
run_status_is "an enrolled machine is not paired again" 1 cectl_pair AAAAA-AAAAA --enrolment "$TMP/enrolment.json" --fingerprint "$own"
like "it says why" "$(run_err)" "enrolled already"

refused() { # NAME MESSAGE OPTION...
	run_status_is "$1" 2 "$BUILD/agent/ce-agentd" --cert "$TMP/run/own.pem" --key "$TMP/run/own.key" "${@:3}"
	like "$1: why" "$(run_err)" "$2"
}
refused "pairing and a client CA exclude each other" "no clients yet" --pairing "$TMP/run" --client-ca "$TMP/pki/ca.crt"
refused "there must be a code" "no pairing code" --pairing "$TMP/run" --listen 127.0.0.1:0
done_testing
