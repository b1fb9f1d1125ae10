#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# The agent over HTTPS, every request that is wrong and every way in which a job ends. The worker is a
# stand-in (tests/lib/fake-worker.c) that does what the request's tags say.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
export CE_WORKER=$BUILD/tests/fake-worker
ONE=(--disk "one=$TMP/one.img" --disk "two=$TMP/two.img")
must truncate -s 10M "$TMP/one.img" "$TMP/two.img" "$TMP/slow.img" "$TMP/bad.img" "$TMP/crash.img"
ln -s one.img "$TMP/link.img"

# request WHAT [JQ...]: the body of an export of disk "one" that does WHAT, changed by jq filters
request() {
	local what=$1 filter='{
		outputStorageLocation: {location: "smb://h/s", user: "u", domain: "D", password: "TopSecret!"},
		outputImageFilename: "out", disk: "one", tags: {fake: $what, ms: 20}}'
	shift
	for change in "$@"; do
		filter+=" | $change"
	done
	jq -cn --arg what "$what" "$filter"
}
post() { # BODY [PATH] [CURL OPTION...]
	local body=$1 path=${2:-/v1/images/\$export}
	shift $(($# < 2 ? $# : 2))
	api POST "$path" --data-binary "$body" "$@"
}
is_error() { # NAME STATUS CODE [REGEX of the message]
	is "$1: status" "$api_status" "$2"
	is "$1: code" "$(field .error.code)" "$3"
	[ -z "${4-}" ] || like "$1: message" "$(field .error.message)" "$4"
	like "$1: hint" "$(field .error.hint)" '...'
}
job() { # WHAT [JQ...]: starts one, waits for its end
	post "$(request "$@")"
	ID=$(field .id)
	wait_job "$ID"
}

### How it is started

try_start() { # OPTION...
	run timeout 20 "$BUILD/agent/ce-agentd" --listen 127.0.0.1:0 --cert "$AGENT_DIR/pki/server.crt" \
		--key "$AGENT_DIR/pki/server.key" --client-ca "$AGENT_DIR/pki/ca.crt" \
		--state-dir "$TMP/state2" --worker "$CE_WORKER" "$@"
}
must pki_make "$AGENT_DIR/pki"
try_start --listen nonsense
is "a listening address that is none: status" "$run_status" 2
like "a listening address that is none" "$(run_err)" 'ADDR:PORT'
try_start --worker "$TMP/none"
is "a worker that is not there" "$run_status" 2
cp "$AGENT_DIR/pki/server.key" "$TMP/open.key" && chmod 644 "$TMP/open.key"
try_start --key "$TMP/open.key"
is "a private key that others may read: status" "$run_status" 2
like "a private key that others may read" "$(run_err)" 'mode 0644'
try_start --key "$AGENT_DIR/pki/client.key"
is "a key that is another certificate's" "$run_status" 2
try_start --client-ca "$AGENT_DIR/pki/server.key"
is "a CA file without a certificate" "$run_status" 2
try_start --disk one
is "a disk without a path" "$run_status" 2
run "$BUILD/agent/ce-agentd" --help
is "--help: status" "$run_status" 0
is "--help: nothing on stderr" "$(run_err)" ""
is "--help: at most 80 columns" "$(run_out | awk 'length($0) > 80')" ""

must agent_start "${ONE[@]}" --disk "slow=$TMP/slow.img" --disk "bad=$TMP/bad.img" \
	--disk "crash=$TMP/crash.img" --disk "none=$TMP/none.img" --disk "again=$TMP/link.img" --max-jobs 2
try_start --state-dir "$AGENT_DIR/state"
is "a second agent on the state folder: status" "$run_status" 2
like "a second agent on the state folder" "$(run_err)" 'another agent'
try_start --listen "$AGENT_ADDR"
is "an address that is taken" "$run_status" 1

# A client that connects and says nothing: see the end of this file.
{
	exec 3<>"/dev/tcp/${AGENT_ADDR%:*}/${AGENT_ADDR#*:}"
	timeout 30 cat <&3 >/dev/null
	echo "$?" >"$TMP/silent"
} &
SILENT_START=$SECONDS

### Who may connect

refused() { # NAME CERTIFICATE TLS LOG
	local before
	before=$(wc -l <"$AGENT_DIR/log")
	CLIENT=$2 api GET /v1/status --tlsv1."$3" --tls-max 1."$3"
	is "$1, TLS 1.$3: no reply" "$api_status" 000
	wait_for 60 sh -c "tail -n +$((before + 1)) '$AGENT_DIR/log' | grep -q refused"
	like "$1, TLS 1.$3: logged" "$(tail -n +$((before + 1)) "$AGENT_DIR/log")" "$4"
}
for tls in 2 3; do
	refused "no certificate" "" $tls 'there is none'
	refused "certificate of another CA" stranger $tls 'issuer is unknown'
	refused "self-signed certificate" selfsigned $tls 'issuer is unknown'
	refused "expired certificate" expired $tls 'expired'
	refused "certificate of tomorrow" not-yet $tls 'not yet valid'
	refused "server's certificate as a client's" serverauth $tls 'intended purpose'
	CLIENT=client api GET /v1/status --tlsv1.$tls --tls-max 1.$tls
	is "good certificate, TLS 1.$tls" "$api_status" 200
done
alert() { # CERTIFICATE
	local cert=()
	[ -z "$1" ] || cert=(-cert "$AGENT_DIR/pki/$1.crt" -key "$AGENT_DIR/pki/$1.key")
	openssl s_client -connect "$AGENT_ADDR" -tls1_2 "${cert[@]}" </dev/null 2>&1
}
like "no certificate: alert" "$(alert "")" 'alert handshake failure'
like "another CA: alert" "$(alert stranger)" 'alert unknown ca'
like "expired: alert" "$(alert expired)" 'alert certificate expired'
for old in -tls1 -tls1_1; do
	like "$old is refused" "$(openssl s_client -connect "$AGENT_ADDR" $old -cipher 'ALL:@SECLEVEL=0' \
		-cert "$AGENT_DIR/pki/client.crt" -key "$AGENT_DIR/pki/client.key" </dev/null 2>&1)" 'Cipher is \(NONE\)'
done
like "a cipher without AEAD is refused" "$(openssl s_client -connect "$AGENT_ADDR" -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA \
	-cert "$AGENT_DIR/pki/client.crt" -key "$AGENT_DIR/pki/client.key" </dev/null 2>&1)" 'Cipher is \(NONE\)'
api GET /metrics
is "refused clients made no request" "$(sed -n 's/^ce_agent_requests_total //p' <<<"$api_body")" 2
unlike "nothing is spoken without TLS" "$(curl -sS --max-time 5 "http://$AGENT_ADDR/v1/status" 2>&1)" 'ce-agentd'

### Requests that are wrong

api GET /
is_error "root" 404 not-found
api GET /v1/nothing
is_error "unknown path" 404 not-found /v1/nothing
api GET '/v1/jobs%00/x'
is_error "NUL in a path" 404 not-found
api GET "/v1/disks/$(printf 'x%.0s' {1..300})"
is_error "long id" 404 not-found
api DELETE /v1/jobs
is_error "wrong method" 405 method-not-allowed DELETE
is "wrong method: Allow" "$(header Allow)" "GET, HEAD"
api GET '/v1/images/$export'
is_error "GET of a job's path" 405 method-not-allowed
is "GET of a job's path: Allow" "$(header Allow)" "POST"
api PUT /v1/status --data-binary @- <<<'{}'
is_error "wrong method with a body" 405 method-not-allowed
for verb in prepareAndPublish prepareAndPublishImage convertToUefi upgradePvs reverse diagnostics; do
	post '{}' "/v1/images/\$$verb"
	is_error "\$$verb" 501 not-implemented "$verb"
done
api GET '/v1/jobs?pageSize=0'
is_error "page size out of range" 400 invalid-field pageSize
api GET '/v1/jobs?pageSize=x'
is_error "page size not a number" 400 invalid-field pageSize
api GET '/v1/jobs?continuationToken=abc'
is_error "token of nobody" 400 invalid-field continuationToken
api GET '/v1/jobs?page=2'
is_error "unknown parameter" 400 unknown-field '"page"'
post "$(request copy)" '/v1/images/$export?dry-run=true'
is_error "misspelt parameter" 400 unknown-field '"dry-run"'
post "$(request copy)" '/v1/images/$export?dryRun=maybe'
is_error "dryRun not a boolean" 400 invalid-field dryRun
post "$(request copy)" '/v1/images/$export?dryRun'
is_error "dryRun without a value" 400 invalid-field dryRun
post "$(request copy)" '/v1/images/$export?dryRun='
is_error "dryRun with an empty value" 400 invalid-field dryRun
post "$(request copy)" '/v1/images/$export?dryrun=false&dryRun=true'
is_error "dryRun twice" 400 invalid-field twice
api GET '/v1/nothing/%ff%0a'
is_error "a path that is not UTF-8" 404 not-found
post "$(request copy)" '/v1/images/$export?async=1'
is_error "async not a boolean" 400 invalid-field async

for id in 11111111-2222-3333-4444-555555555555 nothing '..' '%2e%2e%2f%2e%2e'; do
	for path in "" /log /plan /events; do
		api GET "/v1/jobs/$id$path" --path-as-is
		like "job \"$id\"$path" "$api_status $(field .error.code)" '^404 (job-)?not-found$'
	done
done
api POST '/v1/jobs/11111111-2222-3333-4444-555555555555/$cancel'
is_error "cancel of no job" 404 job-not-found

bad_body() { # NAME STATUS CODE REGEX BODY
	post "$5"
	is_error "$1" "$2" "$3" "$4"
}
bad_body "no body" 400 not-json '' ''
bad_body "not JSON" 400 not-json 'line 1' 'hello'
bad_body "half of an object" 400 not-json '' '{"a":'
bad_body "an array" 400 not-json 'object' '[]'
bad_body "two objects" 400 not-json '' '{}{}'
bad_body "keys twice" 400 not-json 'duplicate' '{"disk":"one","disk":"two"}'
bad_body "keys twice, another case" 400 invalid-field 'disk' "$(request copy | sed 's/{/{"DISK":"two",/')"
bad_body "not UTF-8" 400 not-json '' $'{"disk":"\xff"}'
bad_body "nested too deep" 400 not-json 'deeper' "$(printf '{"tags":%*s' 0 ''; printf '[%.0s' {1..100})"
bad_body "unknown field" 400 unknown-field 'hashDsk' "$(request copy '.hashDsk = true')"
bad_body "field of another job" 400 unknown-field 'installMisa' "$(request copy '.installMisa = true')"
bad_body "ill-typed field" 400 invalid-field 'hashDisk' "$(request copy '.hashDisk = 7')"
bad_body "ill-typed inner field" 400 invalid-field 'outputStorageLocation.password' \
	"$(request copy '.outputStorageLocation.password = 7')"
bad_body "number out of range" 400 invalid-field 'timeout' "$(request copy '.timeout = 0')"
bad_body "missing field" 400 missing-field 'outputImageFilename' "$(request copy 'del(.outputImageFilename)')"
bad_body "missing object" 400 missing-field 'outputStorageLocation' "$(request copy 'del(.outputStorageLocation)')"
bad_body "a credential id alone" 400 credentials-unresolved 'credentialId' "$(request copy \
	'.outputStorageLocation = {location: "smb://h/s", credentialId: "c"}')"
bad_body "a local file" 400 invalid-field 'outputFile' "$(request copy '.outputFile = "/etc/x"')"
bad_body "not a share" 400 invalid-field 'location' "$(request copy '.outputStorageLocation.location = "ftp://h/s"')"
for name in ../x a/b 'a\b' CON con.vhdx 'a:b' 'a?' 'x ' 'x.' ''; do
	post "$(request copy ".outputImageFilename = $(jq -n --arg n "$name" '$n')")"
	like "file name \"$name\" is refused" "$api_status $(field .error.code)" '^400 (invalid-file-name|missing-field)$'
done
bad_body "no such disk" 404 disk-not-found 'nope' "$(request copy '.disk = "nope"')"
bad_body "one of several disks" 400 missing-field '"disk"' "$(request copy 'del(.disk)')"
bad_body "a disk that is gone" 404 disk-open 'none' "$(request copy '.disk = "none"')"

head -c 1100000 /dev/zero | tr '\0' ' ' >"$TMP/large"
api POST '/v1/images/$export' --data-binary "@$TMP/large"
is_error "body too large, asked first" 413 body-too-large 1048576
api POST '/v1/images/$export' --data-binary "@$TMP/large" -H 'Expect:'
is_error "body too large, sent at once" 413 body-too-large
api POST '/v1/images/$export' --data-binary "@$TMP/large" -H 'Expect:' -H 'Transfer-Encoding: chunked'
is_error "body too large, in chunks" 413 body-too-large
head -c 100000000 /dev/zero | api POST '/v1/images/$export' --data-binary @- -H 'Transfer-Encoding: chunked' -H 'Expect:'
like "an endless body is not read to its end" "$api_status" '^(413|000)$'
(head -c 1048000 /dev/zero | tr '\0' ' '; request copy '.outputStorageLocation.location = "x"') >"$TMP/nearly"
api POST '/v1/images/$export' --data-binary "@$TMP/nearly"
is_error "just under 1 MiB is read" 400 invalid-field location
api GET /v1/jobs
is "none of these made a job" "$(field '.items | length')" 0
is "nor a file" "$(ls "$AGENT_DIR/state/jobs")" ""

### What is always there

api GET /v1/status
is "status" "$(field '[.name, .apiVersion, .status, .maxJobs] | join(" ")')" "ce-agentd v1 ok 2"
is "status: memory of the machine" "$(field .memory.total)" "$(awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo)"
like "status is not stored by caches" "$(header Cache-Control)" no-store
api HEAD /v1/status
is "HEAD: status" "$api_status" 200
is "HEAD: no body" "$(wc -c <"$AGENT_DIR/body")" "$(wc -c <"$AGENT_DIR/headers")"
api GET /v1/status -H 'Accept: text/html'
is "Accept is not looked at" "$api_status" 200
api GET /v1/openapi.yaml
ok "openapi.yaml is the document" cmp "$AGENT_DIR/body" "$TOP/docs/api/openapi.yaml"

START=$SECONDS
api GET /v1/disks
is "disks: in the order of the command line" "$(field '[.items[].id] | join(" ")')" "one two slow bad crash none again"
is "disks: inspected" "$(field '.items[0].inspection.partitionTable.kind')" gpt
is "disks: the virtual size" "$(field '.items[0].size')" 12582912
is "disks: one that cannot be read" "$(field '.items[3].error.code')" image-corrupt
is "disks: one that kills the inspection" "$(field '.items[4].error.code')" worker-died
is "disks: one that is gone" "$(field '.items[5] | [.error.code, .size] | @json')" '["disk-open",null]'
ok "disks: the slow one did not hold up more than itself" [ $((SECONDS - START)) -le 8 ]
api GET '/v1/disks/slow?inspect=false'
is "a disk, not inspected" "$(field '[.size, .inspection] | @json')" '[10485760,null]'
api GET /v1/disks/nope
is_error "no such disk" 404 disk-not-found nope

### Jobs, and how they end

post "$(request copy '.tags.ms = 300' '.platform = "Azure"' '.outputStorageLocation.location = "smbn://h/s"' '.HASHDISK = "true"')"
is "export: accepted" "$api_status" 202
ID=$(field .id)
is "export: Location" "$(header Location)" "/v1/jobs/$ID"
agent_curl -N "$AGENT_URL/v1/jobs/$ID/events" >"$TMP/events1" &
WATCH1=$!
agent_curl -N "$AGENT_URL/v1/jobs/$ID/events" >"$TMP/events2" &
WATCH2=$!
post "$(request copy '.outputImageFilename = "other"')"
is_error "a second job on the disk" 409 disk-busy "$ID"
post "$(request copy '.outputImageFilename = "other"' '.disk = "again"')"
is_error "a second job on the disk by another name" 409 disk-busy "$ID"
post "$(request copy '.disk = "two"' '.outputImageFilename = "OUT.vhdx"' '.outputStorageLocation.location = "smb://H/S/"')"
is_error "a second job on the file" 409 target-busy "$ID"
api GET /v1/disks/one
is "the disk is busy" "$(field '[.busy, .inspection] | @json')" "[\"$ID\",null]"
progress=0
while api GET "/v1/jobs/$ID" && [ "$(field .status)" != complete ]; do
	now=$(field .overallProgressPercent)
	[ "$now" -ge "$progress" ] || break
	progress=$now
	[ "$(field .status)" != failed ] || break
done
is "export: complete, progress never went back" "$(field '[.status, .overallProgressPercent] | @json')" '["complete",100]'
ok "export: progress was seen" [ "$progress" -gt 20 ]
is "export: MD5" "$(field .additionalInfo.artifacts.md5Hash)" 23a396b3438cd1b16749c6635dd6c9b2
is "export: ignored fields" "$(field '.ignoredFields | @json')" '["platform"]'
is "export: warning" "$(field '[.warnings[].code] | @json')" '["location-scheme"]'
is "export: complete with warnings" "$(field .additionalInfo.completeWithWarnings)" true
is "export: bytes" "$(field '[.bytesDone, .bytesTotal] | @json')" '[1048576,1048576]'
is "export: the password is not shown" "$(field .parameters.outputStorageLocation.password)" '***'
is "export: times" "$(field '[.creationTime <= .startTime, .startTime <= .endTime] | @json')" '[true,true]'
is "export: no error, not cancellable" "$(field '[.error, .isCancellable] | @json')" '[null,false]'
wait $WATCH1 $WATCH2
for n in 1 2; do
	is "events $n: the first is the job" "$(head -n 1 "$TMP/events$n")" 'event: job'
	is "events $n: all progress" "$(grep -c '^event: progress' "$TMP/events$n")" 20
	is "events $n: ids count up" "$(sed -n 's/^id: //p' "$TMP/events$n" | sort -n | uniq | wc -l)" \
		"$(grep -c '^id: ' "$TMP/events$n")"
	is "events $n: the last is the end" "$(grep '^event: ' "$TMP/events$n" | tail -n 1)" 'event: end'
	is "events $n: the end has the job" "$(sed -n 's/^data: //p' "$TMP/events$n" | tail -n 1 | jq -r .status)" complete
done
api GET "/v1/jobs/$ID/events" -H 'Last-Event-ID: 20'
is "events: going on after an id" "$(sed -n 's/^id: //p' <<<"$api_body" | head -n 1)" 21
api GET "/v1/jobs/$ID/events" -H 'Last-Event-ID: rubbish'
is "events: an id that is none" "$(sed -n 's/^id: //p' <<<"$api_body" | head -n 1)" 1
api HEAD "/v1/jobs/$ID/events"
is "events: HEAD" "$api_status" 200
api GET "/v1/jobs/$ID/log"
like "log: the worker" "$api_body" '^fake worker: copy'
like "log: the agent" "$api_body" 'agent: step copy'
like "log: the end" "$(tail -n 1 <<<"$api_body")" 'agent: complete$'
api GET "/v1/jobs/$ID/plan"
is "plan" "$(field .copyBytes)" 1048576
api GET "/v1/jobs/${ID^^}"
is "an id in capitals" "$(field .id)" "$ID"
api POST "/v1/jobs/$ID/%24cancel"
is_error "cancel of an ended job" 409 job-finished complete

post $'\xef\xbb\xbf'"$(request warn)" '/v1/images/%24publish?async=true&dryRun=TRUE' -H 'Content-Type: text/plain'
is "publish, percent-encoded, with a byte order mark" "$api_status" 202
wait_job "$(field .id)"
is "publish: a dry run, with a warning" "$(field '[.dryRun, .status, .warnings[0].code] | @json')" '[true,"complete","ntfs-dirty"]'
api GET "/v1/jobs/$(field .id)/plan"
is_error "no plan" 404 not-found

job crash
is "worker crashes" "$(field '[.status, .error.code] | @json')" '["failed","worker-died"]'
like "worker crashes: the signal is named" "$(field .error.message)" SIGSEGV
job fail
is "worker fails" "$(field '[.status, .error.code, .error.step] | @json')" '["failed","share-login","copy"]'
job garbage
is "worker talks rubbish" "$(field '[.status, .error.code] | @json')" '["failed","internal"]'
job huge-line
is "worker never ends its line" "$(field '[.status, .error.code] | @json')" '["failed","internal"]'
job silent
is "worker says nothing" "$(field '[.status, .error.code] | @json')" '["failed","worker-died"]'
job orphan
is "worker leaves a child behind" "$(field .status)" complete
job flood-log
is "worker floods its log" "$(field .status)" complete
api GET "/v1/jobs/$ID/log" -o /dev/null
size=$(stat -c %s "$AGENT_DIR/state/jobs/$ID/log")
ok "the log is bounded" [ "$size" -gt 4000000 -a "$size" -lt 4300000 ]
like "the log says that it was cut" "$(tail -c 400 "$AGENT_DIR/state/jobs/$ID/log")" 'cut here'
job tell
is "worker: its descriptors" "$(field '.additionalInfo.artifacts.fds | @json')" '[0,1,2]'
is "worker: it gets the password" "$(field .additionalInfo.artifacts.passwordLength)" 10

worker_pid() { pgrep -P "$AGENT_PID" -f fake-worker | head -n 1; }
running() { # WHAT [JQ...]: starts one; its worker runs
	post "$(request "$@")"
	ID=$(field .id)
	wait_for 20 worker_pid
}
running copy '.tags.ms = 500'
tr '\0' '\n' <"/proc/$(worker_pid)/cmdline" >"$TMP/seen"
tr '\0' '\n' <"/proc/$(worker_pid)/environ" >>"$TMP/seen"
tr '\0' '\n' <"/proc/$AGENT_PID/cmdline" >>"$TMP/seen"
unlike "no secret in a process list" "$(cat "$TMP/seen")" TopSecret
kill -KILL "$(worker_pid)"
wait_job "$ID"
like "worker is killed" "$(field '[.error.code, .error.message] | join(" ")')" 'worker-died.*SIGKILL'

running copy '.tags.ms = 500'
api POST "/v1/jobs/$ID/\$cancel"
is "cancel: reply has a status" "$api_status $(field .status)" "200 inProgress"
wait_job "$ID"
is "cancel" "$(field '[.status, .error.code] | @json')" '["canceled","canceled"]'
running copy '.tags.ms = 2000' '.timeout = 1'
wait_job "$ID"
is "time limit" "$(field '[.status, .error.code] | @json')" '["failed","timeout"]'

# Two run at once, the third waits and is canceled before it began.
post "$(request copy '.tags.ms = 200')"
A=$(field .id)
post "$(request copy '.tags.ms = 200' '.disk = "two"' '.outputImageFilename = "b"')"
B=$(field .id)
post "$(request copy '.disk = "slow"' '.outputImageFilename = "c"')"
C=$(field .id)
api GET "/v1/jobs/$C"
is "a job too many waits" "$(field '[.status, .startTime] | @json')" '["notStarted",null]'
api GET "/v1/jobs/$C/log"
is "a job that waits has an empty log" "$api_status:$api_body" "200:"
api POST "/v1/jobs/$C/\$cancel"
is "a job that waits is canceled at once" "$(field .status)" canceled
wait_job "$A" && wait_job "$B"
is "those that ran are complete" "$(field .status)" complete

api GET '/v1/jobs?pageSize=4'
is "first page" "$(field '.items | length')" 4
is "newest first" "$(field '.items[0].id')" "$C"
seen=4
while token=$(field .continuationToken) && [ "$token" != null ]; do
	api GET "/v1/jobs/?pageSize=4&continuationToken=$token"
	seen=$((seen + $(field '.items | length')))
done
is "all pages" "$seen" "$(find "$AGENT_DIR/state/jobs" -name job.json | wc -l)"
api GET /metrics
is "metrics: complete jobs" "$(sed -n 's/^ce_agent_jobs_ended_total{status="complete"} //p' <<<"$api_body")" 7
is "metrics: every line is well-formed" \
	"$(grep -vE '^(# (HELP|TYPE) ce_agent_[a-z_]+ .+|ce_agent_[a-z_]+(\{[a-z]+="[^"]+"\})? [0-9]+)$' <<<"$api_body")" ""

### The agent ends, or is killed

running copy '.tags.ms = 1000'
WORKER=$(worker_pid)
agent_kill
ok "agent killed: its worker ends too" wait_for 5 test ! -e "/proc/$WORKER"
must agent_start "${ONE[@]}"
api GET "/v1/jobs/$ID"
is "agent killed: the job is interrupted" "$(field '[.status, .error.code] | @json')" '["failed","interrupted"]'
api GET "/v1/jobs/$A"
is "agent killed: the others are as they were" "$(field .status)" complete
job copy
is "agent killed: the same request again" "$(field .status)" complete

running copy '.tags.ms = 1000'
agent_curl -N "$AGENT_URL/v1/jobs/$ID/events" >"$TMP/events3" &
WATCH1=$!
wait_for 60 grep -q 'event: progress' "$TMP/events3"
START=$SECONDS
agent_end
is "agent ends: status" "$?" 0
ok "agent ends: soon" [ $((SECONDS - START)) -le 20 ]
wait $WATCH1
is "agent ends: a watcher's stream is closed properly" "$?" 0
is "agent ends: a watcher sees how the job ended" \
	"$(sed -n 's/^data: //p' "$TMP/events3" | tail -n 1 | jq -r .error.code)" interrupted
is "agent ends: the job's record" "$(jq -r .job.error.code "$AGENT_DIR/state/jobs/$ID/job.json")" interrupted
grep -rqa TopSecret "$AGENT_DIR/state" "$AGENT_DIR/log"
is "no secret in records or logs" "$?" 1
is "records are for their owner only" "$(find "$AGENT_DIR/state" -perm /077)" ""

### Pins

must agent_start "${ONE[@]}" --client-pin "$(pki_pin "$AGENT_DIR/pki/client.crt")"
CLIENT=client api GET /v1/status
is "pinned certificate" "$api_status" 200
refused "certificate that is not pinned" client2 2 'none of the pinned'
refused "certificate that is not pinned" client2 3 'none of the pinned'
like "not pinned: alert" "$(alert client2)" 'alert access denied'
CLIENT=client api GET /v1/jobs
is "the records are there again" "$(field '.items | length > 10')" true
agent_end

wait_for $((SILENT_START + 30 - SECONDS > 1 ? SILENT_START + 30 - SECONDS : 1)) test -s "$TMP/silent"
is "a client that says nothing is hung up on" "$(cat "$TMP/silent")" 0
unlike "no sanitizer complained" "$(cat "$AGENT_DIR/log")" 'Sanitizer|runtime error'
done_testing
