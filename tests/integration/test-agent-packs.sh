#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanitizers: yes
# Driver packs over HTTPS, by curl and by cectl: uploading, listing, deleting, and all that is refused.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
must truncate -s 1M "$TMP/disk.img"
must mkdir "$TMP/archives"
must python3 "$TOP/tests/fixtures/make-archives.py" "$TMP/archives"
A=$TMP/archives
PACKS=$AGENT_DIR/state/packs

hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }
# put NAME FILE [CURL OPTION...]: with the right hash
put() {
	local name=$1 file=$2
	shift 2
	api PUT "/v1/packs/$name" -T "$file" -H "X-Content-SHA256: $(hash_of "$file")" "$@"
}
is_error() { # NAME STATUS CODE [REGEX of the message]
	is "$1: status" "$api_status" "$2"
	is "$1: code" "$(field .error.code)" "$3"
	[ -z "${4-}" ] || like "$1: message" "$(field .error.message)" "$4"
	like "$1: hint" "$(field .error.hint)" '...'
}
names() { api GET /v1/packs && field '[.items[].name] | join(" ")'; }
# What is in the folder of packs, hidden things too.
on_disk() { find "$PACKS" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd ' '; }

must agent_start --disk "one=$TMP/disk.img"
api GET /v1/packs
is "no packs at first" "$api_status $(jq -c . <<<"$api_body")" '200 {"items":[]}'

### Uploading

before=$(date -u +%FT%T)
put virtio "$A/good.zip"
is "upload: status" "$api_status" 201
is "upload: the pack" "$(field '[.name, .sha256, .size, .files, .infs] | join(" ")')" \
	"virtio $(hash_of "$A/good.zip") $(stat -c %s "$A/good.zip") 4 2"
is "upload: the INFs" "$(field '.infFiles | join(" ")')" 'NetKVM/w10/amd64/netkvm.inf viostor/viostor.INF'
is "upload: unpacked size" "$(field .unpackedSize)" "$(unzip -l "$A/good.zip" | awk 'END { print $1 }')"
ok "upload: the time" [ "$(field .uploaded)" ">" "$before" ]
must mkdir "$TMP/unzipped"
must unzip -q "$A/good.zip" -d "$TMP/unzipped"
run_ok "what unzip makes of it lies in the pack's folder" diff -r "$TMP/unzipped" "$PACKS/virtio/virtio"
is "nothing else is there" "$(LC_ALL=C ls -A "$PACKS/virtio")" $'PACK.json\nvirtio'
api GET /v1/packs/virtio
is "one pack" "$api_status $(field .infFiles[1])" '200 viostor/viostor.INF'
uploaded=$(field .uploaded)
put virtio "$A/good.zip"
is "the same again: status" "$api_status" 200
is "the same again: nothing happened" "$(field .uploaded)" "$uploaded"
put virtio "$A/good.tar.gz"
is "another one: status" "$api_status" 200
is "another one: hash" "$(field .sha256)" "$(hash_of "$A/good.tar.gz")"
is "another one replaced it" "$(on_disk)" virtio
xz -c "$A/good.tar" >"$TMP/good.tar.xz"
put x.y_z-9 "$TMP/good.tar.xz"
is "tar.xz, a name with everything: status" "$api_status" 201
long=$(printf 'a%.0s' {1..64})
put "$long" "$A/good.tar" -H 'Transfer-Encoding: chunked'
is "tar in chunks, the longest name: status" "$api_status" 201
api PUT /v1/packs/digest -T "$A/good.zip" -H "Repr-Digest: sha-512=:AAAA:, sha-256=:$(openssl dgst -sha256 -binary "$A/good.zip" | base64):"
is "Repr-Digest: status" "$api_status" 201
put case "$A/good.zip" -H "X-Content-SHA256: $(hash_of "$A/good.zip" | tr a-f A-F)"
is "a hash in capitals: status" "$api_status" 201
is "the list" "$(names)" "$long case digest virtio x.y_z-9"
api GET /v1/packs
is "the list has no INFs' paths" "$(field '[.items[].infFiles] | unique | tostring')" '[null]'

### Deleting

for name in "$long" digest case; do
	api DELETE "/v1/packs/$name"
	is "delete: status" "$api_status" 204
	is "delete: no body" "$api_body" ""
done
is "deleted ones are gone" "$(names)" "virtio x.y_z-9"
api DELETE /v1/packs/digest
is_error "delete what is gone" 404 pack-not-found digest
api GET /v1/packs/digest
is_error "get what is gone" 404 pack-not-found digest
for name in .. '%2e%2e' .new-x Virtio 'a%2fb' "${long}a"; do
	api GET "/v1/packs/$name" --path-as-is
	like "get \"$name\"" "$api_status $(field .error.code)" '^404 (pack-)?not-found$'
	api DELETE "/v1/packs/$name" --path-as-is
	like "delete \"$name\"" "$api_status $(field .error.code)" '^404 (pack-)?not-found$'
done

### Refused, and nothing left

kept=$(on_disk)
refused() { # NAME STATUS CODE [REGEX]: the last reply; the packs are as they were
	is_error "$@"
	is "$1: nothing is left" "$(on_disk)" "$kept"
}
api PUT /v1/packs/new -T "$A/good.zip"
refused "no hash" 400 missing-field X-Content-SHA256
api PUT /v1/packs/new -T "$A/good.zip" -H 'X-Content-SHA256: 1234'
refused "half a hash" 400 invalid-field X-Content-SHA256
api PUT /v1/packs/new -T "$A/good.zip" -H 'Repr-Digest: sha-256=:1234:'
refused "half a digest" 400 invalid-field Repr-Digest
put new "$A/good.zip" -H "Repr-Digest: sha-256=:$(head -c 32 /dev/zero | base64):"
refused "two hashes" 400 invalid-field differ
api PUT /v1/packs/new -T "$A/good.zip" -H "X-Content-SHA256: $(hash_of "$A/good.tar")"
refused "wrong hash" 422 hash-mismatch "$(hash_of "$A/good.zip")"
api PUT /v1/packs/virtio -T "$A/good.zip" -H "X-Content-SHA256: $(hash_of "$A/good.tar.gz")"
refused "the stored one's hash, another body" 422 hash-mismatch
for name in Virtio -x .x _x 'a%20b' 'a:b' '%c3%a4'; do
	put "$name" "$A/good.zip"
	refused "name \"$name\"" 400 invalid-field 'pack name'
done
api PUT '/v1/packs/new?force=true' -T "$A/good.zip"
refused "a parameter" 400 unknown-field force
invalid() { # ARCHIVE REGEX
	put new "$A/$1"
	refused "$1" 422 pack-invalid "^pack \"new\": .*$2"
}
invalid dotdot.zip '"\.\./evil\.inf" leads out of the pack'
invalid absolute.tar '"/tmp/evil\.inf" is an absolute path'
invalid drive.zip 'drive letter'
invalid symlink.tar 'symbolic link'
invalid through-link.tar 'symbolic link'
invalid hardlink.tar 'hard link'
invalid block.tar 'device'
invalid twice-case.tar 'upper and lower case'
invalid large-bomb.zip '100 times'
invalid sparse.tar 'larger than'
invalid cut.zip 'no zip, tar'
invalid cut-between.tar 'cut short'
invalid crc.zip 'CRC'
invalid text 'no zip, tar'
invalid empty 'no zip, tar'
invalid no-inf.zip 'holds no INF'
(cd "$TMP/unzipped" && zip -q -r -P secret "$A/secret.zip" .)
invalid secret.zip 'encrypted'
put virtio "$A/dotdot.zip"
refused "a bad one over a good one" 422 pack-invalid
api GET /v1/packs/virtio
is "the good one is still there" "$(field .sha256)" "$(hash_of "$A/good.tar.gz")"
ok "nothing got out" [ ! -e /tmp/evil.inf ]

# A client that goes away in the middle.
must truncate -s 8M "$TMP/large"
agent_curl -X PUT "$AGENT_URL/v1/packs/half" -H "X-Content-SHA256: $(hash_of "$TMP/large")" \
	-H 'Expect:' --limit-rate 200k -T "$TMP/large" >/dev/null 2>&1 &
CLIENT_PID=$!
ok "an upload is under way" wait_for 10 sh -c "ls -d $PACKS/.new-*"
put half "$A/good.zip"
is_error "a second upload of the same name" 409 pack-busy 'is being uploaded'
api DELETE /v1/packs/half
is_error "deleting what is being uploaded" 404 pack-not-found
pkill -KILL -P "$CLIENT_PID" curl
wait "$CLIENT_PID" 2>/dev/null
ok "an interrupted upload leaves nothing" wait_for 10 sh -c "! ls -d $PACKS/.new-*"
is "the packs are as they were" "$(on_disk)" "$kept"
put half "$A/good.zip"
is "the name is free again" "$api_status" 201

# A worker that dies, or says what is not so.
agent_end
printf '#!/bin/sh\ncat >/dev/null\nkill -SEGV $$\n' >"$TMP/crash" && chmod +x "$TMP/crash"
CE_WORKER=$TMP/crash must agent_start --disk "one=$TMP/disk.img"
kept=$(on_disk)
put new "$A/good.zip"
refused "a worker that dies" 500 worker-died SEGV
agent_end
printf '#!/bin/sh\ncat >/dev/null\necho "{\\"event\\":\\"result\\",\\"result\\":{\\"files\\":-1,\\"bytes\\":0,\\"infs\\":[]}}"\n' >"$TMP/liar"
chmod +x "$TMP/liar"
CE_WORKER=$TMP/liar must agent_start --disk "one=$TMP/disk.img"
put new "$A/good.zip"
refused "a worker that lies" 400 invalid-field files

### Restart

agent_kill
must mkdir -p "$PACKS/.new-abc/files/x" "$PACKS/.deleted-abc"
must agent_start --disk "one=$TMP/disk.img"
is "packs survive a restart, half ones do not" "$(on_disk)" "half virtio x.y_z-9"
is "the list after a restart" "$(names)" "half virtio x.y_z-9"
api GET /v1/packs/virtio
is "a pack after a restart" "$(field .sha256)" "$(hash_of "$A/good.tar.gz")"
printf '{' >"$PACKS/half/PACK.json"
is "a damaged record is left out" "$(names)" "virtio x.y_z-9"
put half "$A/good.zip"
is "and can be replaced" "$api_status" 200

# A job holds its packs.
agent_end
CE_WORKER=$BUILD/tests/fake-worker must agent_start --disk "one=$TMP/disk.img"
prepare() { # PACKS MS: as a JSON array, how long a 20th of the job takes
	api POST '/v1/images/$prepare' --data-binary \
		"{\"disk\": \"one\", \"target\": \"kvm\", \"packs\": $1, \"tags\": {\"fake\": \"copy\", \"ms\": $2}}"
}
prepare '["virtio", "nowhere"]' 1
is_error "a job with a pack that is not there" 404 pack-not-found nowhere
prepare '["virtio", "half", "virtio"]' 1000
is "a job with packs" "$api_status" 202
ID=$(field .id)
api DELETE /v1/packs/virtio
is_error "deleting a pack in use" 409 pack-busy 'in use by a job'
api DELETE /v1/packs/half
is_error "deleting the other pack in use" 409 pack-busy 'in use by a job'
put virtio "$A/dots.tar"
is_error "replacing a pack in use" 409 pack-busy 'in use by a job'
api POST "/v1/jobs/$ID/\$cancel"
wait_job "$ID"
is "the job has ended" "$(field .status)" canceled
api DELETE /v1/packs/half
is "its packs are free again" "$api_status" 204
agent_end
must agent_start --disk "one=$TMP/disk.img"
put half "$A/good.zip"
# The worker finds them where the agent says; then there is no Windows on this disk.
prepare '["virtio", "half"]' 1
ID=$(field .id)
wait_job "$ID"
unlike "the worker's error is not about packs" "$(field .error.code)" 'pack|field'
api GET "/v1/jobs/$ID/log"
like "the worker opened the packs" "$api_body" 'step packs'
must rm -r "$PACKS/half/half"
prepare '["virtio", "half"]' 1
wait_job "$(field .id)"
is "a pack whose folder is gone" "$(field .error.code)" pack-not-found
put half "$A/dots.tar"

# Ends while it unpacks: nothing is left of that.
agent_end
printf '#!/bin/sh\ncat >/dev/null\nexec sleep 60\n' >"$TMP/sleeper" && chmod +x "$TMP/sleeper"
CE_WORKER=$TMP/sleeper must agent_start --disk "one=$TMP/disk.img"
kept=$(on_disk)
put new "$A/good.zip" >/dev/null 2>&1 &
CLIENT_PID=$!
ok "it unpacks" wait_for 10 pgrep -f "^sleep 60" -P "$AGENT_PID"
agent_end
wait "$CLIENT_PID" 2>/dev/null
is "the agent ends while it unpacks: nothing is left" "$(on_disk)" "$kept"

### Too large, no room

CE_PACK_UPLOAD_MAX=1000 must agent_start --disk "one=$TMP/disk.img"
put new "$A/stored.zip"
refused "too large, asked first" 413 body-too-large 1000
put new "$A/stored.zip" -H 'Expect:'
refused "too large, sent at once" 413 body-too-large 1000
put new "$A/stored.zip" -H 'Transfer-Encoding: chunked' -H 'Expect:'
refused "too large, in chunks" 413 body-too-large 1000
agent_end
if [ "$(id -u)" = 0 ] && must mkdir -p "$TMP/small" && mount -t tmpfs -o size=80M none "$TMP/small" 2>/dev/null; then
	at_exit umount "$TMP/small"
	must truncate -s 90M "$TMP/large"
	must agent_start --disk "one=$TMP/disk.img" --state-dir "$TMP/small/state"
	PACKS=$TMP/small/state/packs kept=
	put new "$TMP/large"
	refused "no room for it" 507 no-space 'bytes free'
	put new "$TMP/large" -H 'Transfer-Encoding: chunked'
	refused "no room, found half way" 507 no-space 'No space left'
	agent_end
else
	skip "no room" "mounting needs root"
fi

### cectl

must agent_start --disk "one=$TMP/disk.img"
PACKS=$AGENT_DIR/state/packs
cectl() {
	run "$BUILD/agent/cectl" --server "$AGENT_URL" --cert "$AGENT_DIR/pki/client.crt" \
		--key "$AGENT_DIR/pki/client.key" --ca "$AGENT_DIR/pki/ca.crt" "$@"
}
cectl packs put tools "$A/good.zip"
is "cectl packs put: status" "$run_status" 0
like "cectl packs put" "$(run_out)" "^tools +1005 B +4 files +2 INFs .* $(hash_of "$A/good.zip")\$"
like "cectl packs put: progress" "$(run_err)" '^(upload|unpack): '
cectl packs put tools "$A/good.zip" --json
is "cectl packs put --json" "$(run_out | jq -r .name)" tools
cectl packs
is "cectl packs" "$run_status $(run_out | cut -d ' ' -f 1 | paste -sd ' ')" "0 half tools virtio x.y_z-9"
cectl packs --json
is "cectl packs --json" "$(run_out | jq -r '.items[1].sha256')" "$(hash_of "$A/good.zip")"
cectl packs put tools "$A/dotdot.zip"
is "cectl packs put, refused: status" "$run_status" 3
like "cectl packs put, refused" "$(run_err)" 'leads out of the pack'
cectl packs put tools "$TMP/none"
is "cectl packs put, no file: status" "$run_status" 2
like "cectl packs put, no file" "$(run_err)" "$TMP/none"
for words in "put tools" "put" "delete" "delete a b" "frob" "put a b c"; do
	# shellcheck disable=SC2086  # words
	cectl packs $words
	is "cectl packs $words: status" "$run_status" 2
done
cectl packs delete ../disks
is "cectl packs delete of a path: status" "$run_status" 2
cectl packs delete tools
is "cectl packs delete: status" "$run_status" 0
is "cectl packs delete" "$(names)" "half virtio x.y_z-9"
cectl packs delete tools
is "cectl packs delete of none: status" "$run_status" 3
like "cectl packs delete of none" "$(run_err)" 'no pack "tools"'
agent_end
is "the agent ends well" $? 0
done_testing
