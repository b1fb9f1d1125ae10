#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A private smbd on a loopback port, for tests, the demo and the bench. Needs root (smbd changes
# users) and Debian's packages samba and smbclient. Nothing outside DIR is touched: configuration,
# state, password database, sockets and logs live in it.
#
#   . tests/lib/smbd.sh
#   smbd_start DIR [OPTION=VALUE…]   returns when it answers; sets SMBD_PID, SMBD_PORT
#   smbd_stop DIR                    ends it and its sessions, unmounts what size= mounted; any time
#   smbd_kill_hard DIR               KILL at once, all of it: the server crashed
#   smbd_restart DIR                 starts it again: same port, same configuration
#   smbd_cut DIR                     KILL only the sessions: every connection breaks, smbd stays
#   smbd_pause DIR / smbd_resume DIR the server hangs / goes on
#   smbd_set_password DIR TEXT       another password from now on; "" for an empty one
#
# Options (each once, except line= and global=):
#   user=NAME          login; default "exporter"
#   password=TEXT      its password, any characters but a line break; default "Secret-1"
#   share=PATH         folder of the shares; default DIR/share, created
#   size=SIZE          mounts a tmpfs of that size ("64m") there: a share that gets full
#   encrypt=required   smbd refuses unencrypted sessions and unsigned ones, SMB 3.1.1 only
#   encrypt=off        smbd cannot encrypt
#   line=TEXT          a line for [images]
#   global=TEXT        a line for [global]
#
# Shares, all of the same folder:
#   images             the user may write
#   readonly           the user may read
#   denied             the user may not connect
#   public             anybody may write, also without a login
#
# A server that is not stopped ends with the process SMBD_OWNER (default: the shell that sources
# this, or that runs it as a program). The same functions from other programs: tests/lib/smbd.sh start|stop|… DIR [OPTION=VALUE…];
# DIR/port and DIR/pid hold the numbers.

smbd_die() {
	echo "smbd.sh: $*" >&2
	return 1
}

# Skips are for the caller to decide: is there an smbd that we could start?
smbd_available() {
	[ "$(id -u)" = 0 ] && [ -x /usr/sbin/smbd ] && command -v smbpasswd >/dev/null
}

smbd_conf() { # DIR: reads the options from variables of smbd_start
	local dir=$1
	cat <<-CONF
		[global]
		server role = standalone server
		workgroup = TESTGROUP
		netbios name = TESTSMBD
		interfaces = 127.0.0.1/8
		bind interfaces only = yes
		disable netbios = yes
		smb ports = $port
		private dir = $dir/private
		lock directory = $dir/lock
		state directory = $dir/state
		cache directory = $dir/cache
		pid directory = $dir/run
		ncalrpc dir = $dir/ncalrpc
		log file = $dir/log.smbd
		log level = 1
		passdb backend = smbpasswd:$dir/private/smbpasswd
		username map = $dir/users.map
		map to guest = never
		null passwords = yes
		load printers = no
		printing = bsd
		printcap name = /dev/null
		disable spoolss = yes
		usershare max shares = 0
		rpc start on demand helpers = no
		server min protocol = $min
		server signing = $signing
		server smb encrypt = $encrypt
	CONF
	printf '%s\n' "${globals[@]}"
	local name
	for name in images readonly denied public; do
		cat <<-CONF

			[$name]
			path = $share
			force user = root
			create mask = 0644
			read only = no
		CONF
		case $name in
		images) printf '%s\n' "${lines[@]}" ;;
		readonly) echo "read only = yes" ;;
		denied) echo "valid users = nosuchuser" ;;
		public) echo "guest ok = yes" ;;
		esac
	done
}

smbd_free_port() {
	local port i
	for i in {1..200}; do
		port=$((20000 + RANDOM % 12000))
		[ -z "$(ss -Hltn "sport = :$port")" ] && echo "$port" && return
	done
	smbd_die "no free port found"
}

smbd_start() {
	local dir=$1 user=exporter password=Secret-1 share='' size='' encrypt=default option
	local min=SMB2_10 signing=auto port
	local -a lines=() globals=()
	shift
	smbd_available || { smbd_die "needs root, /usr/sbin/smbd and smbpasswd"; return 1; }
	for option in "$@"; do
		case $option in
		user=* | password=* | share=* | size=* | encrypt=*)
			printf -v "${option%%=*}" %s "${option#*=}" ;;
		line=*) lines+=("${option#*=}") ;;
		global=*) globals+=("${option#*=}") ;;
		*) smbd_die "unknown option \"$option\""; return 1 ;;
		esac
	done
	[ "$encrypt" = required ] && min=SMB3_11 signing=mandatory
	mkdir -p "$dir"/{private,lock,state,cache,run,ncalrpc} "${share:=$dir/share}" || return 1
	chmod 700 "$dir/private"
	if [ -n "$size" ]; then
		mount -t tmpfs -o "size=$size" ce-test "$share" || return 1
		echo "$share" >"$dir/mounted"
	fi
	port=$(smbd_free_port) || return 1
	echo "$port" >"$dir/port"
	echo "root = \"$user\"" >"$dir/users.map"
	smbd_conf "$dir" >"$dir/smb.conf"
	smbd_set_password "$dir" "$password" || return 1
	smbd_restart "$dir"
}

smbd_set_password() { # DIR PASSWORD
	local -a options=(-s)
	[ -n "$2" ] || options=(-n)
	printf '%s\n%s\n' "$2" "$2" |
		smbpasswd -c "$1/smb.conf" "${options[@]}" -a root >"$1/log.smbpasswd" 2>&1 ||
		smbd_die "smbpasswd failed: $(cat "$1/log.smbpasswd")"
}

smbd_restart() {
	local dir=$1 i
	SMBD_PORT=$(cat "$dir/port")
	# Without --no-process-group it leads a group of its own: sessions and helpers end with it.
	/usr/sbin/smbd --foreground --configfile="$dir/smb.conf" \
		</dev/null >>"$dir/log.stdout" 2>&1 &
	SMBD_PID=$!
	disown "$SMBD_PID"
	echo "$SMBD_PID" >"$dir/pid"
	# In a session of its own: whoever ends the caller's processes must not end the guard.
	setsid bash "${BASH_SOURCE[0]}" guard "$dir" "$SMBD_PID" "${SMBD_OWNER:-$$}" \
		</dev/null >/dev/null 2>&1 &
	disown $!
	for ((i = 0; i < 100; i++)); do
		(: <"/dev/tcp/127.0.0.1/$SMBD_PORT") 2>/dev/null && return
		kill -0 "$SMBD_PID" 2>/dev/null || break
		sleep 0.1
	done
	smbd_die "smbd does not answer on port $SMBD_PORT: $(tail -n 5 "$dir/log.smbd" "$dir/log.stdout")"
}

# Ends the server when its owner is gone: no test leaves one behind, however it died. The owner may
# have removed DIR already.
smbd_guard() { # DIR PID OWNER
	local mounted
	mounted=$(cat "$1/mounted" 2>/dev/null)
	while smbd_is "$1" "$2"; do
		if ! kill -0 "$3" 2>/dev/null; then
			kill -CONT -- "-$2"
			kill -KILL -- "-$2"
			[ -z "$mounted" ] || umount -l "$mounted"
			[ -d "$1" ] && rmdir "$1/share" "$1" 2>/dev/null
			return
		fi
		sleep 0.5
	done
}

# Is PID the server of DIR?
smbd_is() { # DIR PID
	grep -qzF -- "--configfile=$1/smb.conf" "/proc/$2/cmdline" 2>/dev/null
}

# Signals the server's group, if DIR/pid is still that server.
smbd_signal() { # DIR SIGNAL
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) && smbd_is "$1" "$pid" && kill "-$2" -- "-$pid" 2>/dev/null
}

smbd_wait_gone() { # DIR
	local i pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 -- "-$pid" 2>/dev/null || return 0
		[ "$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)" = Z ] && return 0
		sleep 0.05
	done
	return 1
}

smbd_stop() {
	smbd_signal "$1" CONT
	if smbd_signal "$1" TERM; then
		smbd_wait_gone "$1" || smbd_signal "$1" KILL
	fi
	rm -f "$1/pid"
	if [ -f "$1/mounted" ]; then
		umount -l "$(cat "$1/mounted")" && rm -f "$1/mounted"
	fi
	return 0
}

smbd_kill_hard() {
	smbd_signal "$1" KILL || return 1
	smbd_wait_gone "$1"
}

smbd_cut() {
	local pid port
	port=$(cat "$1/port")
	for pid in $(ss -Htnp "sport = :$port" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
		[ "$pid" = "$(cat "$1/pid")" ] || kill -KILL "$pid"
	done
}

smbd_pause() {
	smbd_signal "$1" STOP
}

smbd_resume() {
	smbd_signal "$1" CONT
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -u
	SMBD_OWNER=${SMBD_OWNER:-$PPID}
	verb=${1:-}
	case $verb in
	available | start | stop | kill_hard | restart | cut | pause | resume | set_password | guard)
		shift
		"smbd_$verb" "$@"
		;;
	*) sed -n '/^#   \./,/^$/s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
fi
