#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev vm, each line that it prints as it stands: a machine that is paired with, the debug variant and its
# ssh, the demo. ./dev vm builds the debug variant where there is none (CE_IMAGE_DIR: a folder that has it).
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/vm.sh"
. "$TOP/tests/lib/image.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
vm=$TOP/image/vm.sh
run_ok "there is an image" image_ready || done_testing

# start NAME OPTION...: a machine; what it printed is in $TMP/NAME.out
start() {
	local name=$1 qemu
	shift
	run_ok "$name: it starts" timeout 900 "$vm" --detach --dir "$TMP/$name" --port "$(free_port)" "$@"
	[ "$run_status" = 0 ] || done_testing
	run_out >"$TMP/$name.out"
	qemu=$(cat "$TMP/$name/qemu.pid")
	at_exit end_process "$qemu"
}
# line NAME TEXT: the line that it printed with that text
line() { sed -n "s/^  //p" "$TMP/$1.out" | grep -m 1 -F -e "$2"; }
# on_serial MACHINE TEXT SECONDS: types it, shows what came back
on_serial() {
	{
		sleep 1
		printf '%s' "$2"
		sleep "$3"
	} | socat - "UNIX-CONNECT:$TMP/$1/serial" | tr -d '\r'
}

# ---- nobody's machine ----
must qemu-img create -q -f qcow2 "$TMP/disk.qcow2" 64M
start pair --pair "$TMP/disk.qcow2"
bash -c "$(line pair 'tail -n')" | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' >"$TMP/console"
code=$(sed -n 's/^ *pairing code *\([A-Z0-9-]*\).*/\1/p' "$TMP/console" | tr -d '\r' | tail -n 1)
fingerprint=$(tr -d '\r' <"$TMP/console" | sed -n '/^ *certificate/{s/.*SHA256:/SHA256:/;N;s/\n *//;p}' | tail -n 1)
like "its console shows a code" "$code" '^[A-Z0-9]{5}-[A-Z0-9]{5}$'
like "and the fingerprint of its certificate" "$fingerprint" '^SHA256:[0-9a-f]{64}$'
unlike "Enter on its console brings no login" "$(on_serial pair $'\n\n' 10)" 'login:|[#$] $|Password'
cat >"$TMP/pair.sh" <<END
$(line pair '/env')
$(line pair 'cectl pair') --fingerprint $fingerprint --code-file -
END
run_ok "it can be paired with" bash "$TMP/pair.sh" <<<"$code"
status=$(run_out | sed -n 's/^  //p')
like "cectl says what to type next" "$status" "^cectl --server .* --fingerprint $fingerprint "
run_ok "which works" bash -c "PATH=$BUILD/agent:\$PATH; $status"
run_ok "diagnostics" bash -c "PATH=$BUILD/agent:\$PATH; ${status% status} diagnostics"
is "its disk is there, the image's own is not" "$(run_out | jq -c '[.disks[].size]')" "[67108864]"
like "and the agent's messages" "$(run_out | jq -r '.messages[]')" "listening on"
unlike "no key" "$(run_out)" "PRIVATE KEY|$code"
run_ok "Ctrl-Alt-Del ends it" vm_end "$TMP/pair"

# ---- the debug variant ----
start debug --debug --ssh-port "$(free_port)"
run_ok "ssh" bash -c "$(line debug 'ssh -p') 'id -u; systemctl is-active ce-agentd'"
is "as root, beside the agent" "$(run_out | xargs)" "0 active"
ssh=$(line debug 'ssh -p')
run_status_is "ssh without the key" 255 bash -c "${ssh/-i */-o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=$TMP/none root@127.0.0.1} true"
like "a shell on its serial console" "$(on_serial debug $'\necho serial-$((40 + 2))\n' 10)" '^serial-42|lserial-42'
run_ok "it ends" bash -c "$(line debug kill)"

# ---- the demo ----
run_ok "./dev vm --demo" timeout 1200 "$TOP/tests/demo/run.sh" --vm
like "it passes" "$(run_out)" '^demo: passed'
done_testing
