#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# ce-callback against an appliance that is good, wrong, away, slow or hostile, and with a real agent.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
callback=$BUILD/agent/ce-callback
pki=$TMP/pki
must pki_make "$pki"
# the appliance under another name, and a certificate for both directions, as a document may bring
must _pki_leaf "$pki" ca elsewhere $'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:appliance.example'
must _pki_leaf "$pki" ca both $'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=IP:127.0.0.1'
must _pki_leaf "$pki" ca ended $'extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1' -10 -1
mkdir "$TMP/run"
mode=$TMP/mode told=$TMP/told
server='' pid=''

appliance_stop() {
	[ -z "$server" ] || end_process "$server"
	server=
}
at_exit appliance_stop
# appliance NAME [OPTION...]: that one's certificate; the same port again once there was one
appliance() {
	local name=$1
	shift
	appliance_stop
	: >"$TMP/port"
	"$TOP/tests/lib/appliance.py" --cert "$pki/$name.crt" --key "$pki/$name.key" --mode "$mode" --told "$told" \
		--port "${port:-0}" "$@" >"$TMP/port" 2>"$TMP/appliance.err" &
	server=$!
	wait_for 20 [ -s "$TMP/port" ] || cat "$TMP/appliance.err" >&2
	port=$(cat "$TMP/port")
}
callback_stop() {
	[ -z "$pid" ] || end_process "$pid"
	pid=
}
at_exit callback_stop

sha() { openssl x509 -in "$pki/$2.crt" -outform DER | "sha$1sum" | cut -d ' ' -f 1; }
# config [JQ EDIT]: callback.json, as ce-identity writes it: the edit adds how the appliance proves itself
config() {
	jq -n --rawfile ca "$pki/ca.crt" --rawfile other "$pki/other-ca.crt" --arg url "https://127.0.0.1:$port/told?a=1" \
		"{url: \$url} | $1" >"$TMP/run/callback.json"
}
# start [OPTION...]: beside jobs of its own making
start() {
	callback_stop
	"$callback" --config "$TMP/run/callback.json" --identity "$TMP/run/identity.json" --status "$TMP/run/status.json" \
		--jobs "$TMP/jobs" --state "$TMP/state" --retry-ms 100 --retry-max-ms 300 --timeout-ms 3000 --report "$TMP/report.json" "$@" 2>>"$TMP/log" &
	pid=$!
}
fresh() {
	callback_stop
	rm -rf "$TMP/state" "$TMP/jobs" "$told" "$told.sent"
	: >"$told"
	: >"$TMP/log"
	mkdir "$TMP/jobs"
	echo "${1-200}" >"$mode"
}
lines() { [ "$(wc -l <"$told")" -ge "$1" ]; }
# The appliance has its answer a moment before the worker has noted it; the log says so after that.
noted() { [ "$(grep -cE 'is told$' "$TMP/log")" -ge "$1" ]; }
log_says() { grep -qE -e "$1" "$TMP/log"; }
bodies() { jq -c ".body | $1" "$told"; }
uuid() { printf '%08d-0000-4000-8000-000000000000' "$1"; }
# ended N MICROSECONDS [STATUS]: a record as the agent leaves it
ended() {
	local id
	id=$(uuid "$1")
	mkdir -p "$TMP/jobs/$id"
	jq -cn --arg id "$id" --argjson at "$2" --argjson seq "$1" --arg status "${3:-complete}" '{version: 1, seq: $seq,
		endedUs: $at, job: {id: $id, type: "export", status: $status, dryRun: false, disk: "sdb", endTime: "2026-01-01T00:00:00.000Z",
		parameters: {user: "PARAMETER"}, warnings: [{}, {}], error: null}}' >"$TMP/jobs/$id/job.json.tmp"
	mv "$TMP/jobs/$id/job.json.tmp" "$TMP/jobs/$id/job.json"
}

echo '{"port": 443, "jobs": []}' >"$TMP/run/status.json"
echo "{\"source\": \"test\", \"fingerprint\": \"$(pki_pin "$pki/server.crt")\"}" >"$TMP/run/identity.json"
fresh
appliance server

# ---- who it tells, and whom it does not ----
# tells NAME CONFIG; tells_not NAME CONFIG WHY: nothing of the request reaches that one
tells() {
	fresh
	config "$2"
	start
	ok "told: $1" wait_for 15 lines 1
}
tells_not() {
	fresh
	config "$2"
	start
	wait_for 60 log_says "attempt 2"
	like "not told: $1" "$(cat "$TMP/log")" "$3"
	is "not told: $1: nothing was sent" "$(cat "$told")" ""
}
tells "the right CA" '.ca = $ca'
tells_not "another CA" '.ca = $other' 'certificate'
tells "SHA-256" ".sha256Fingerprint = \"$(sha 256 server)\""
tells_not "SHA-256 of another certificate" ".sha256Fingerprint = \"$(sha 256 client)\"" "SHA-256 fingerprint is $(sha 256 server)"
tells "SHA-1" ".sha1Fingerprint = \"$(sha 1 server)\""
tells_not "SHA-1 of another certificate" ".sha1Fingerprint = \"$(sha 1 client)\"" "SHA-1 fingerprint is $(sha 1 server)"
tells "the CA and both fingerprints" ".ca = \$ca | .sha256Fingerprint = \"$(sha 256 server)\" | .sha1Fingerprint = \"$(sha 1 server)\""
tells_not "the CA, but another certificate" ".ca = \$ca | .sha256Fingerprint = \"$(sha 256 client)\"" 'SHA-256'
tells_not "the certificate, but another CA" ".ca = \$other | .sha256Fingerprint = \"$(sha 256 server)\"" 'certificate'
tells_not "one fingerprint of two" ".sha256Fingerprint = \"$(sha 256 server)\" | .sha1Fingerprint = \"$(sha 1 client)\"" 'SHA-1'
tells_not "the fingerprint of its CA" ".sha256Fingerprint = \"$(sha 256 ca)\"" 'SHA-256'

appliance elsewhere
tells_not "another host's name" '.ca = $ca' 'does not match|no alternative certificate subject name'
tells "another host's name, not compared" '.ca = $ca | .noHostNameCheck = true'
tells_not "no name compared, still another CA" '.ca = $other | .noHostNameCheck = true' 'certificate'
tells "a fingerprint alone asks for no name" ".sha1Fingerprint = \"$(sha 1 elsewhere)\""
appliance ended
tells_not "a certificate that ended" '.ca = $ca | .noHostNameCheck = true' 'expired'

appliance selfsigned
tells "a certificate signed by itself, by its fingerprint" ".sha256Fingerprint = \"$(sha 256 selfsigned)\""

# the system's own authorities count for nothing; neither does a proxy of the environment
appliance server
fresh
config '.ca = $other'
SSL_CERT_FILE=$pki/ca.crt start
wait_for 60 log_says "attempt 2"
is "the environment adds no CA" "$(cat "$told")" ""
fresh
config '.ca = $ca'
https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=socks5://127.0.0.1:1 start
ok "the environment adds no proxy" wait_for 15 lines 1
config '{url: .url}'
run timeout 10 "$callback" --config "$TMP/run/callback.json" --state "$TMP/state"
like "nobody is told where nobody would prove who he is" "$run_status $(run_err)" '^3 .*neither a CA nor a fingerprint'

# ---- what is told ----
fresh
config '.ca = $ca'
start
wait_for 60 lines 1
is "ready" "$(bodies '[.version, .event, .id, .job, .worker.fingerprint, .worker.port]')" \
	"[1,\"ready\",\"$(cat /proc/sys/kernel/random/boot_id)\",null,\"$(pki_pin "$pki/server.crt")\",443]"
is "its addresses are the machine's" "$(bodies '.worker.addresses[]' | jq -r . | sort)" \
	"$(ip -j address | jq -r '.[] | select(.flags | contains(["UP"]) and (contains(["LOOPBACK"]) | not)) | .addr_info[] |
		select(.family == "inet" or (.family == "inet6" and .scope != "link")) | .local' | sort)"
is "it is JSON, posted to the path" "$(jq -c '[.path, .headers["Content-Type"], .client]' "$told")" '["/told?a=1","application/json",null]'
ended 1 1000
wait_for 60 lines 2
is "a job has ended" "$(bodies 'select(.event == "jobEnded") | [.id, .time, .job]')" \
	"[\"$(uuid 1)\",\"2026-01-01T00:00:00.000Z\",{\"id\":\"$(uuid 1)\",\"type\":\"export\",\"status\":\"complete\",\"dryRun\":false,\"disk\":\"sdb\",\"creationTime\":null,\"startTime\":null,\"endTime\":\"2026-01-01T00:00:00.000Z\",\"warnings\":2,\"error\":null}]"
unlike "a job's parameters stay here" "$(cat "$told")" PARAMETER
wait_for 60 noted 2
callback_stop
start
sleep 2
is "a restart tells nothing twice" "$(wc -l <"$told")" 2

# ---- an appliance that is away ----
appliance_stop
for i in 4 3 2; do ended $i $((9000 - i)); done
mkdir "$TMP/jobs/$(uuid 9)" && echo '{"version": 1, "seq": 9, "endedUs": 0, "job": {"status": "inProgress"}}' >"$TMP/jobs/$(uuid 9)/job.json"
mkdir "$TMP/jobs/$(uuid 8)" && echo 'no JSON' >"$TMP/jobs/$(uuid 8)/job.json"
wait_for 60 log_says 'attempt 3'
kill -KILL "$pid" && wait "$pid" 2>/dev/null
start
wait_for 60 log_says "attempt 4"
appliance server
ok "what ended meanwhile is told" wait_for 20 lines 5
is "in the order of their ends, over a crash" "$(bodies .id | tail -n 3 | xargs)" "$(uuid 4) $(uuid 3) $(uuid 2)"
sleep 2
is "each of them once, jobs that run and damaged records not at all" "$(wc -l <"$told")" 5
rm -r "$TMP/jobs/$(uuid 1)"
ended 5 20000
wait_for 60 lines 6
ended 6 21000 # the look that finds this one begins after that of the one before, and so after the removal
wait_for 60 lines 7
expected=$(jq -cn '$ARGS.positional' --args "$(uuid 2)" "$(uuid 3)" "$(uuid 4)" "$(uuid 5)" "$(uuid 6)")
wait_for 60 noted 7
is "jobs that the agent has forgotten are forgotten" "$(jq -c '.jobs | sort' "$TMP/state/told.json")" "$expected"
callback_stop
jq '.boot = "00000000-0000-4000-8000-000000000000"' "$TMP/state/told.json" >"$TMP/told.json" && mv "$TMP/told.json" "$TMP/state/told.json"
start
wait_for 60 lines 8
is "another start of the machine is told, its jobs are not again" "$(bodies .event | tail -n 1)" '"ready"'

# ---- answers ----
# retried NAME MODE WHY: and told once the appliance has recovered
retried() {
	fresh "$2"
	config '.ca = $ca'
	start
	ok "$1: tried again" wait_for 25 log_says 'attempt 2'
	like "$1: why" "$(cat "$TMP/log")" "$3"
	like "$1: the console is told" "$(jq -r '.problem.code + " " + .problem.message' "$TMP/report.json")" "^callback .*($3)"
	echo 200 >"$mode"
	ok "$1: told in the end" wait_for 20 log_says 'is told$'
	ok "$1: and no trouble is left to show" wait_for 5 jq -e '.problem == null' "$TMP/report.json"
}
retried "a server's error" 503 'answers 503'
retried "no permission" 403 'answers 403'
retried "no answer" cut 'mpty reply|EOF'
retried "no answer in time" slow 'timed out|Timeout'
retried "an answer without end" huge 'answers 500'
ok "and little of it was read" [ "$(cat "$told.sent")" -lt 16000000 ]
retried "headers without end" headers 'answers 500'
ok "and few of them were read" [ "$(cat "$told.sent")" -lt 16000000 ]
retried "a redirect" "redirect https://localhost:$port/other" 'answers 307; redirects are not followed'
is "nobody was sent elsewhere" "$(jq -r .path "$told" | sort -u)" '/told?a=1'
for status in 204 201; do
	fresh $status
	config '.ca = $ca'
	start
	ok "$status is an answer" wait_for 15 log_says 'is told$'
done
fresh late
config '.ca = $ca'
start
ok "the status line is enough" wait_for 15 log_says 'is told$'
fresh 422
ended 1 1000
ended 2 2000
start
ok "what is not wanted does not stand in the way of the next" wait_for 15 lines 3
wait_for 60 log_says "$(uuid 2) is not told again"
is "and is not told again" "$(bodies '.event' | xargs)" "ready jobEnded jobEnded"
# ends at once, whatever it waits for
fresh slow
start
wait_for 60 lines 1
begin=$(date +%s%N)
kill "$pid"
wait "$pid"
is "it ends when it is told to: status" $? 0
pid=
ok "and at once" [ $((($(date +%s%N) - begin) / 1000000)) -lt 2500 ]
fresh
rm "$TMP/run/status.json"
start
sleep 2
is "an agent that does not answer is not ready" "$(cat "$told")" ""

# ---- mutual TLS ----
echo '{"port": 443}' >"$TMP/run/status.json"
appliance server --client-ca "$pki/ca.crt"
fresh
config ".ca = \$ca | .certificate = \"$pki/both.crt\" | .key = \"$pki/both.key\""
start
wait_for 60 lines 1
is "the worker shows its certificate" "$(jq -r .client "$told")" both
fresh
config '.ca = $ca'
start
wait_for 60 lines 1
is "without one it shows none" "$(jq -r .client "$told")" null

# ---- from the document to the appliance, beside a real agent ----
document() { # CERTIFICATE
	jq -n --rawfile cert "$pki/$1.crt" --rawfile key "$pki/$1.key" --rawfile ca "$pki/ca.crt" --arg url "https://127.0.0.1:$port/" \
		'{version: 1, server: {certificate: $cert, key: $key}, clientCa: $ca, callback: {url: $url, ca: $ca}}'
}
identify() {
	mkdir -p "$TMP/credentials" "$TMP/none"
	cat >"$TMP/credentials/ce.enrolment"
	CREDENTIALS_DIRECTORY=$TMP/credentials must "$BUILD/agent/ce-identity" --output "$TMP/run" --dmi "$TMP/none" \
		--drives "$TMP/none" --hypervisor-type "$TMP/none/type" --xenbus "$TMP/none/xenbus" --wait-ms 0
}
identify < <(document server)
is "a certificate for servers only is none of a client" "$(jq -r .certificate "$TMP/run/callback.json")" null
identify < <(document both)
is "one for both is" "$(jq -r .certificate "$TMP/run/callback.json")" "$TMP/run/server.pem"
identify < <(document both | jq 'del(.server)')
is "one that nobody knows is not" "$(jq -r .certificate "$TMP/run/callback.json")" null
identify < <(document both)
fresh
rm "$TMP/run/status.json"
start --jobs "$TMP/agent/state/jobs"
truncate -s 10M "$TMP/one.img"
AGENT_DIR=$TMP/agent CE_WORKER=$BUILD/tests/fake-worker agent_start --disk "one=$TMP/one.img" --status-file "$TMP/run/status.json"
wait_for 20 lines 1
export_as() {
	api POST '/v1/images/$export' --data-binary "$(jq -cn --arg what "$1" '{outputStorageLocation: {location: "smb://h/s", user: "u",
		domain: "D", password: "TopSecret!"}, outputImageFilename: "out", disk: "one", tags: {fake: $what, ms: 20}}')"
	wait_job "$(field .id)"
}
export_as copy
first=$(field .id)
export_as fail
second=$(field .id)
wait_for 20 lines 3
is "ready, a job that is complete, one that has failed" "$(bodies '[.event, .job.id, .job.status]' | paste -sd ' ')" \
	"[\"ready\",null,null] [\"jobEnded\",\"$first\",\"complete\"] [\"jobEnded\",\"$second\",\"failed\"]"
is "its error is the job's" "$(bodies 'select(.job.status == "failed") | .job.error | [.code, .message]')" "$(field '.error | [.code, .message]' | jq -c .)"
is "the worker is who it is" "$(jq -r '.client + " " + .body.worker.fingerprint' "$told" | sort -u)" "both $(pki_pin "$pki/both.crt")"
unlike "no secret is told or logged" "$(cat "$told" "$TMP/log")" 'TopSecret|PRIVATE'
agent_end
done_testing
