#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# What README tells people to type works as it stands there.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/lib/smbd.sh"
. "$TOP/tests/lib/pki.sh"
smbd_available || skip_all "needs root and smbd"

# block TEXT: README's indented block with that text in it
block() {
	awk -v text="$1" '
		/^    / { block = block substr($0, 5) "\n"; next }
		{ if (index(block, text)) printf "%s", block; block = "" }
		END { if (index(block, text)) printf "%s", block }' "$TOP/README.md"
}
disk=$(windows_fixture platform=vsphere) || { ok "the disk is made" false && done_testing; }

# the developer: in a folder where build/ and win.img are
mkdir -p "$TMP/work/build" && ln -s "$BUILD/agent" "$TMP/work/build/agent" && cp --sparse=always "$disk" "$TMP/work/win.img"
chmod u+w "$TMP/work/win.img"
cd "$TMP/work" || exit 1
n=0
while IFS= read -r line; do
	n=$((n + 1))
	# shellcheck disable=SC2086  # a command line
	run_ok "$line" $line
done < <(block 'cectl local' | grep '^build/')
ok "the developer's commands were found" [ $n -ge 2 ]
run_ok "the image is sound" qemu-img check -q -f vhdx win.vhdx

# the author of an appliance
must pki_make "$TMP/pki"
smbd_start "$TMP/smbd" user=ips password=secret || exit 1
at_exit smbd_stop "$TMP/smbd"
port=$(free_port)
"$BUILD/agent/ce-agentd" --listen "127.0.0.1:$port" --cert "$TMP/pki/server.crt" --key "$TMP/pki/server.key" \
	--client-ca "$TMP/pki/ca.crt" --state-dir "$TMP/state" --disk "windows=$disk" >"$TMP/agent.log" 2>&1 &
at_exit end_process $!
export CE_SERVER=https://127.0.0.1:$port CE_CERT=$TMP/pki/client.crt CE_KEY=$TMP/pki/client.key CE_CA=$TMP/pki/ca.crt
must wait_for 20 "$BUILD/agent/cectl" status
block 'curl --cert' | sed -e "s|https://ce/|$CE_SERVER/|" -e "s|smb://files/|smb://127.0.0.1:$SMBD_PORT/|" \
	-e 's|"password": "…"|"password": "secret"|' -e 's|^curl |curl --fail-with-body --silent --show-error |' >"$TMP/post.sh"
cd "$TMP/pki" || exit 1
run_ok "the appliance's request" bash "$TMP/post.sh"
job=$(run_out | jq -r '.id // empty')
run_ok "its job" "$BUILD/agent/cectl" watch "$job" --json
run_ok "its image is sound" qemu-img check -q -f vhdx "$TMP/smbd/share/win11.vhdx"

# its document, as a platform would hand it over
cp ca.crt appliance-ca.crt
block 'enrolment.json' >"$TMP/enrol.sh"
run_ok "the enrolment document is made" bash "$TMP/enrol.sh"
mkdir "$TMP/credentials" && cp enrolment.json "$TMP/credentials/ce.enrolment"
run_ok "a worker takes it" env CREDENTIALS_DIRECTORY="$TMP/credentials" "$BUILD/agent/ce-identity" --output "$TMP/run" --wait-ms 0
is "and knows its source" "$(jq -r '.source, .problem.message' "$TMP/run/identity.json" | xargs)" "systemd-credential null"
done_testing
