#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ce-worker writes to a share: its sandbox, connections that are cut, servers that restart, workers that
# are canceled or killed. qemu-img and the folder that smbd serves say what has arrived.
# sanitizers: yes
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/faultfs.sh"
. "$TOP/tests/lib/smbd.sh"
smbd_available || skip_all "smbd cannot be started here (root and the package samba needed)"
faultfs_available || skip_all "faultfs cannot be mounted here (root and /dev/fuse needed)"

# A copy of its own: other tests run workers at the same time, and none of ours may be left.
worker=$TMP/ce-worker
must cp "$BUILD/agent/ce-worker" "$worker"
server=$TMP/smbd share=$TMP/smbd/share
password="Pa ss\"w\$ö%rd\\"
at_exit smbd_stop "$server"
must smbd_start "$server" encrypt=required "password=$password"

must truncate -s 192M "$TMP/disk.raw"
for at in 3 40 100; do
	must dd if=/dev/urandom of="$TMP/disk.raw" bs=1M seek=$at count=30 conv=notrunc status=none
done
must faultfs_start "$TMP/disk.raw" "$TMP/slow"
disk=$TMP/slow/disk

input() { # FILE [JQ...]
	local filter='{disk: {path: $disk}, local: true, request: {outputImageFilename: $file, hashDisk: true,
		outputStorageLocation: {location: $location, user: "exporter", password: $password}}}'
	local file=$1
	shift
	for change in "$@"; do filter+=" | $change"; done
	jq -cn --arg disk "$disk" --arg file "$file" --arg password "$password" \
		--arg location "smb://127.0.0.1:$SMBD_PORT/images" "$filter"
}
start() { # JSON: in the background
	printf '%s' "$1" >"$TMP/input"
	"$worker" export <"$TMP/input" >"$TMP/events" 2>"$TMP/log" &
	pid=$!
}
finish() {
	status=0
	wait "$pid" || status=$?
}
export_to() {
	start "$@"
	finish
}
event() { jq -r "select(.event == \"$1\") | $2" "$TMP/events"; }
error_code() { event error .error.code; }
arrived() { # MIB: so much of the temporary file is there
	[ $(($(du -m --total "$share"/*.ce-partial 2>/dev/null | tail -n 1 | cut -f 1))) -ge "$1" ]
}
begin_slowly() { # JSON: returns when about a third is on the share
	faultfs_set "$TMP/slow" "slow 60000"
	start "$1"
	ok "a part of it arrives" wait_for 60 arrived 30
}
go_on_fast() {
	faultfs_set "$TMP/slow" clear
}
complete() { # NAME FILE: the image is there, whole and alone
	is "$1: it ends well" "$status" 0 || diag "$(cat "$TMP/log")"
	is "$1: the share holds the image and nothing else" "$(ls -A "$share")" "$2"
	run_ok "$1: qemu-img reads the disk" qemu-img compare -q -f raw -F vhdx "$TMP/disk.raw" "$share/$2"
	is "$1: md5Hash" "$(event result .result.artifacts.md5Hash | tr A-F a-f)" \
		"$(md5sum <"$TMP/disk.raw" | cut -d ' ' -f 1)"
	is "$1: no writer process is left" "$(writers)" ""
	rm -f "${share:?}/$2"
}
# Processes of this run's program.
writers() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe" 2>/dev/null)" != "$worker" ] || echo "${exe:6}"
	done
}
no_writers() {
	[ -z "$(writers)" ]
}

name='100% of "it"'
name=${name//\"/\'}.vhdx
export_to "$(input "$name" '.request.outputStorageLocation.encrypt = true')"
complete "a strict server" "$name"

export_to "$(input a.vhdx '.request.outputStorageLocation.password = "wrong"')"
is "a wrong password: status, code" "$status $(error_code)" "3 share-login"
unlike "no password in what is said" "$(cat "$TMP/events" "$TMP/log")" 'Pa ss|wrong'
is "nothing was written" "$(ls -A "$share")" ""

# --- connections cut: the job goes on, or says that the same request continues it
begin_slowly "$(input cut.vhdx)"
smbd_cut "$server"
go_on_fast
finish
if [ "$status" != 0 ]; then
	is "cut: what is not sure is not called done" "$status $(error_code)" "1 share-lost"
	ok "cut: nothing has the final name" [ ! -e "$share/cut.vhdx" ]
	export_to "$(input cut.vhdx)"
	is "cut: continued" "$(event result .result.resumed)" true
fi
complete "cut" cut.vhdx

begin_slowly "$(input restart.vhdx)"
must smbd_kill_hard "$server"
go_on_fast
sleep 1
must smbd_restart "$server"
finish
[ "$status" = 0 ] || export_to "$(input restart.vhdx)"
complete "server restarted" restart.vhdx

# --- canceled, also while the server is away
begin_slowly "$(input cancel.vhdx)"
kill -TERM "$pid"
finish
is "canceled: status, code" "$status $(error_code)" "4 canceled"
is "canceled: only what a resume needs is left" "$(ls -A "$share")" \
	$'cancel.vhdx.ce-partial\ncancel.vhdx.ce-state'
must smbd_kill_hard "$server"
go_on_fast
must smbd_restart "$server"
export_to "$(input cancel.vhdx)"
is "canceled: continued" "$(event result .result.resumed)" true
complete "canceled" cancel.vhdx

begin_slowly "$(input away.vhdx)"
must smbd_kill_hard "$server"
go_on_fast
sleep 1
began=$SECONDS
kill -TERM "$pid"
finish
is "canceled without a server: status, code" "$status $(error_code)" "4 canceled"
ok "canceled without a server: soon" [ $((SECONDS - began)) -le 12 ]
must smbd_restart "$server"
export_to "$(input away.vhdx)"
complete "canceled without a server" away.vhdx

# --- killed
begin_slowly "$(input killed.vhdx)"
wait_for 60 test -e "$share/killed.vhdx.ce-state"
kill -KILL "$pid"
finish
ok "killed: its connections end with it" wait_for 5 no_writers
ok "killed: nothing has the final name" [ ! -e "$share/killed.vhdx" ]
go_on_fast
export_to "$(input killed.vhdx)"
is "killed: continued" "$(event result .result.resumed)" true
complete "killed" killed.vhdx

is "the source is as it was" "$(md5sum <"$TMP/disk.raw")" "$(md5sum <"$disk")"
done_testing
