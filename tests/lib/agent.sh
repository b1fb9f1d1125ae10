# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# ce-agentd for tests and the demo: on a free port of 127.0.0.1, with certificates of its own.
#
#   . tests/lib/tap.sh; . tests/lib/agent.sh
#   agent_start --disk one=$TMP/disk.img        AGENT_URL, AGENT_PID, AGENT_ADDR; files in $AGENT_DIR
#   api GET /v1/status                          body in $api_body, status in $api_status
#   wait_job ID; echo "$(field .status)"
#   agent_end; agent_kill

# shellcheck source=tests/lib/pki.sh
. "$(dirname "${BASH_SOURCE[0]}")/pki.sh"

AGENT_DIR=${AGENT_DIR:-$TMP/agent}
AGENT_PID=

# agent_start OPTION...: returns when it listens. CE_WORKER: another worker than ce-worker.
agent_start() {
	mkdir -p "$AGENT_DIR"
	[ -e "$AGENT_DIR/pki/server.key" ] || pki_make "$AGENT_DIR/pki" || return 1
	: >"$AGENT_DIR/out"
	"$BUILD/agent/ce-agentd" --listen 127.0.0.1:0 --cert "$AGENT_DIR/pki/server.crt" \
		--key "$AGENT_DIR/pki/server.key" --client-ca "$AGENT_DIR/pki/ca.crt" \
		--state-dir "$AGENT_DIR/state" --worker "${CE_WORKER:-$BUILD/agent/ce-worker}" \
		"$@" >"$AGENT_DIR/out" 2>>"$AGENT_DIR/log" &
	AGENT_PID=$!
	if ! wait_for 20 grep -q '^listening on' "$AGENT_DIR/out"; then
		tail -n 5 "$AGENT_DIR/log" >&2
		return 1
	fi
	AGENT_ADDR=$(sed -n 's/^listening on //p' "$AGENT_DIR/out")
	AGENT_URL=https://$AGENT_ADDR
}

# agent_end: as systemd would; its exit status.
agent_end() {
	local pid=$AGENT_PID
	AGENT_PID=
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	wait "$pid"
}

agent_kill() {
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
}

agent_clean_up() {
	[ -z "$AGENT_PID" ] || end_process "$AGENT_PID"
}
at_exit agent_clean_up

# curl as a client with a good certificate; CLIENT: another one of the authority's, "" for none.
agent_curl() {
	local cert=()
	[ -z "${CLIENT-client}" ] ||
		cert=(--cert "$AGENT_DIR/pki/${CLIENT-client}.crt" --key "$AGENT_DIR/pki/${CLIENT-client}.key")
	curl -sS --max-time 60 --cacert "$AGENT_DIR/pki/ca.crt" "${cert[@]}" "$@"
}

# api METHOD PATH [CURL OPTION...]: api_body, api_status (000: no reply), headers in $AGENT_DIR/headers
api() {
	local method=$1 path=$2 how=(-X "$1")
	shift 2
	[ "$method" != HEAD ] || how=(-I)
	api_status=$(agent_curl "${how[@]}" -D "$AGENT_DIR/headers" -o "$AGENT_DIR/body" \
		-w '%{http_code}' "$@" "$AGENT_URL$path" 2>"$AGENT_DIR/curl")
	api_body=$(tr -d '\0' 2>/dev/null <"$AGENT_DIR/body")
	[ "$api_status" != 000 ]
}

# field JQ: of the last reply
field() { jq -r "$1" <<<"$api_body" 2>/dev/null; }
header() { sed -n "s/^$1: *\(.*\)\r$/\1/ip" "$AGENT_DIR/headers"; }

job_ended() {
	api GET "/v1/jobs/$1" && [[ $(field .status) =~ ^(complete|failed|canceled)$ ]]
}

# wait_job ID [SECONDS]: until it has ended; the last reply is the job.
wait_job() {
	wait_for "${2:-60}" job_ended "$1" || job_ended "$1"
}
