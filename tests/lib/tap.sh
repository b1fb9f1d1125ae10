# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Sourced by every shell test: TAP points, a temporary folder, and cleaning up whatever happens.
#
#   . "$(dirname "$0")/../lib/tap.sh"
#   run_ok "the image is made" qemu-img create -f vhdx "$TMP/a.vhdx" 1M
#   is "one file" "$(ls "$TMP" | wc -l)" 1
#   done_testing                       last line: a test that ends without it has failed
#
# Set for the test: TOP (the project), BUILD (where the programs are), TMP (a fresh folder).

set -uo pipefail
TOP=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
BUILD=${CE_BUILD:-$TOP/build}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/ce-test-XXXXXX") || exit 1
export TOP BUILD TMP
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C.UTF-8
run_status=0 # exit status of the last run
_points=0
_failed=0
_at_exit=()

# at_exit COMMAND...: runs at the end, the last one registered first.
at_exit() {
	_at_exit+=("$(printf '%q ' "$@")")
}

_clean_up() {
	local i status=$1
	trap - EXIT
	for ((i = ${#_at_exit[@]} - 1; i >= 0; i--)); do
		eval "${_at_exit[i]}" >/dev/null 2>&1
	done
	rm -rf --one-file-system "$TMP"
	exit "$status"
}
trap '_clean_up $?' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# end_process PID: TERM, KILL after 5 s; returns when it is gone.
end_process() {
	local i
	kill "$1" 2>/dev/null || return 0
	for ((i = 0; i < 50; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		[ "$(ps -o stat= -p "$1" 2>/dev/null | cut -c1)" != Z ] || return 0
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# A TCP port of 127.0.0.1 that nobody listens on now.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo $port
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

_point() { # STATUS NAME
	_points=$((_points + 1))
	if [ "$1" = 0 ]; then
		echo "ok $_points - $2"
	else
		_failed=$((_failed + 1))
		echo "not ok $_points - $2"
	fi
	return "$1"
}

_show_run() {
	diag "exit status $run_status"
	[ ! -s "$TMP/.out" ] || diag "stdout: $(tail -c 2000 "$TMP/.out")"
	[ ! -s "$TMP/.err" ] || diag "stderr: $(tail -c 4000 "$TMP/.err")"
}

# run COMMAND...: keeps its output for run_out and run_err, its status in run_status. Not a point.
run() {
	run_status=0
	"$@" >"$TMP/.out" 2>"$TMP/.err" || run_status=$?
}
run_out() { cat "$TMP/.out"; }
run_err() { cat "$TMP/.err"; }

# run_ok NAME COMMAND...: it succeeds.
run_ok() {
	run_status_is "$1" 0 "${@:2}"
}

# run_status_is NAME STATUS COMMAND...: it ends with exactly that status.
run_status_is() {
	local name=$1 want=$2
	shift 2
	run "$@"
	if [ "$run_status" = "$want" ]; then
		_point 0 "$name"
	else
		_point 1 "$name"
		diag "$* (status $want expected)"
		_show_run
		return 1
	fi
}

# ok NAME CONDITION...: a condition such as [ -e file ] or cmp a b.
ok() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		_point 0 "$name"
	else
		_point 1 "$name"
		diag "false: $*"
		[ -z "$said" ] || diag "$said"
		return 1
	fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		_point 0 "$1"
	else
		_point 1 "$1"
		diag "got    \"$2\""
		diag "wanted \"$3\""
		return 1
	fi
}

# like NAME TEXT REGEX; unlike: the opposite
like() {
	if grep -qE -e "$3" <<<"$2"; then
		_point 0 "$1"
	else
		_point 1 "$1"
		diag "no match of /$3/ in \"$2\""
		return 1
	fi
}
unlike() {
	if ! grep -qE -e "$3" <<<"$2"; then
		_point 0 "$1"
	else
		_point 1 "$1"
		diag "/$3/ found in \"$2\""
		return 1
	fi
}

# skip NAME WHY: one point that cannot be tested here.
skip() {
	_points=$((_points + 1))
	echo "ok $_points - $1 # SKIP $2"
}

# skip_all WHY: nothing of this test can be tested here.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# must COMMAND...: what the test builds on; the test ends where it fails.
must() {
	run "$@"
	if [ "$run_status" != 0 ]; then
		diag "cannot go on: $*"
		_show_run
		echo "Bail out! $*"
		exit 1
	fi
}

done_testing() {
	echo "1..$_points"
	[ $_failed = 0 ]
	exit
}
