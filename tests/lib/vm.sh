# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# The CE image in a machine (image/vm.sh), for end-to-end tests and the demo. After tap.sh, smbd.sh.

# vm_share DIR: what the machine reaches as 10.0.2.100:445 is SMBD_PORT of this computer: a process a connection.
vm_share() {
	mkdir -p "$1"
	cat >"$1/to-smbd" <<-END
		#!/bin/bash
		exec 3<>/dev/tcp/127.0.0.1/$SMBD_PORT
		cat <&3 &
		cat >&3
	END
	chmod +x "$1/to-smbd"
	export CE_VM_GUESTFWD=tcp:10.0.2.100:445-cmd:$1/to-smbd
}

# vm_end DIR: as its user would, by Ctrl-Alt-Del: the agent ends its jobs, the machine goes down and QEMU ends.
vm_end() {
	local qemu
	qemu=$(cat "$1/qemu.pid") || return 1
	echo 'sendkey ctrl-alt-delete' >"$1/monitor.in"
	wait_for 90 vm_has_ended "$qemu" || {
		end_process "$qemu"
		return 1
	}
}
vm_has_ended() {
	! kill -0 "$1" 2>/dev/null
}
