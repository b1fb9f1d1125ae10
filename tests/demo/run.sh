#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev demo: a Windows-like disk, a real SMB server, an agent; the disk is exported over HTTPS with
# mutual TLS, and programs this project did not write check the result. Its exit status says it all.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/fixtures.sh"
. "$TOP/tests/lib/volume.sh"
. "$TOP/tests/lib/smbd.sh"
. "$TOP/tests/lib/pki.sh"
failures=0

step() {
	printf '\n==> %s\n' "$*"
}
die() {
	echo "demo: failed: $*" >&2
	exit 1
}
# check NAME COMMAND...: one line of the summary
check() {
	local name=$1
	shift
	run "$@"
	if [ "$run_status" = 0 ]; then
		echo "ok      $name"
	else
		echo "FAILED  $name"
		_show_run
		failures=$((failures + 1))
	fi
}
hash_of() { # COMMAND FILE
	"$1" <"$2" | cut -d ' ' -f 1
}
result() { # KEY: anywhere in the job
	jq -r "[.. | .$1? // empty] | first // empty" "$TMP/job.json"
}

[ "$(id -u)" = 0 ] || die "run it as root: it mounts volumes and starts smbd"

step "A Windows-like disk: 4 GiB, GPT, EFI system partition, C:, recovery (made once, then kept)"
disk=$(fixture demo) || die "the disk"
source_hash=$(hash_of sha256sum "$disk")
partition "$disk" 2 "$TMP/c" || die "its C:"
mounted "$TMP/c" file_hashes >"$TMP/source.sha256" || die "the files on its C:"
rm "$TMP/c"
echo "$disk: $(($(stat -c %b "$disk") / 2048)) MiB of data, $(wc -l <"$TMP/source.sha256") files on C:"

step "An SMB server (Debian's smbd) that demands encryption"
smbd_start "$TMP/smbd" user=exporter password='Demo "password"' encrypt=required || die "smbd"
at_exit smbd_stop "$TMP/smbd"
printf '%s' 'Demo "password"' >"$TMP/password"
echo "smb://127.0.0.1:$SMBD_PORT/images"

step "A certificate authority, and the agent with that disk"
pki_make "$TMP/pki" || die "certificates"
port=$(free_port)
"$BUILD/agent/ce-agentd" --listen "127.0.0.1:$port" --cert "$TMP/pki/server.crt" --key "$TMP/pki/server.key" \
	--client-ca "$TMP/pki/ca.crt" --state-dir "$TMP/state" --disk "windows=$disk" >"$TMP/agent.log" 2>&1 &
agent=$!
at_exit end_process $agent
cectl=("$BUILD/agent/cectl" --server "https://127.0.0.1:$port" --cert "$TMP/pki/client.crt"
	--key "$TMP/pki/client.key" --ca "$TMP/pki/ca.crt")
wait_for 10 "${cectl[@]}" status || die "the agent: $(cat "$TMP/agent.log")"
echo "https://127.0.0.1:$port, process $agent"
"${cectl[@]}" disks || die "cectl disks"

step "Export: cectl export --disk windows --output smb://…/images/windows.vhdx --encrypt --hash"
"${cectl[@]}" export --disk windows --output "smb://127.0.0.1:$SMBD_PORT/images/windows.vhdx" \
	--user exporter --password-file "$TMP/password" --encrypt --hash --json >"$TMP/job.json" ||
	die "the export: $(cat "$TMP/job.json" "$TMP/agent.log")"
image=$TMP/smbd/share/windows.vhdx

step "What other programs say about it"
"$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$TMP/expected" || die "the expected content"
qemu-img convert -f vhdx -O raw "$image" "$TMP/raw" || die "qemu-img convert"
partition "$TMP/raw" 2 "$TMP/c" && mounted "$TMP/c" file_hashes >"$TMP/image.sha256"
echo "job     $(result id): $(jq -r .status "$TMP/job.json")"
echo "image   $(($(stat -c %b "$image") / 2048)) MiB of data on the share; the disk has $(($(stat -c %b "$disk") / 2048)) of $(($(stat -c %s "$disk") >> 20)) MiB"
echo "md5     $(result md5Hash)"
echo "sha256  $(result sha256Hash)"
check "the job is complete" [ "$(jq -r .status "$TMP/job.json")" = complete ]
check "the share holds that file and nothing else" [ "$(ls -A "$TMP/smbd/share")" = windows.vhdx ]
check "qemu-img check: the VHDX is sound" qemu-img check -f vhdx "$image"
check "qemu-img compare: as ntfsclone says, less pagefile.sys, swapfile.sys, hiberfil.sys" \
	qemu-img compare -f vhdx -F raw "$image" "$TMP/expected"
check "md5sum of the disk as qemu-img reads it" [ "$(hash_of md5sum "$TMP/raw")" = "$(result md5Hash)" ]
check "sha256sum of it" [ "$(hash_of sha256sum "$TMP/raw")" = "$(result sha256Hash)" ]
check "ntfs-3g: all $(wc -l <"$TMP/image.sha256") files on C: as they were" cmp "$TMP/source.sha256" "$TMP/image.sha256"
check "the source disk: not one byte has changed" [ "$(hash_of sha256sum "$disk")" = "$source_hash" ]
[ $failures = 0 ] || die "$failures checks"
echo "demo: passed"
