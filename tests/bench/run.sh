#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev bench [--quick] [--write]: speed and memory of an export against qemu-img and smbclient, on one
# machine, one after the other, alternating, caches dropped before each run; medians of three.
#   --quick   a disk of 4 GiB, once each: a smoke test of the bench, not a measurement
#   --write   puts the table into docs/performance.md
# Needs root (drop_caches, mounts), nothing else running, and about 45 GiB of free disk in $CE_CACHE.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/fixtures.sh"
. "$TOP/tests/lib/smbd.sh"
. "$TOP/tests/bench/measure.sh"
fixture=bench many=million runs=3 write=
for arg; do
	case $arg in
	--quick) fixture=bench-quick many=million-quick runs=1 ;;
	--write) write=1 ;;
	*) echo "bench: unknown option $arg" >&2 && exit 2 ;;
	esac
done
cectl=$BUILD/agent/cectl

[ "$(id -u)" = 0 ] || die "needs root"
[ -z "$write" ] || [ $fixture = bench ] || die "--write takes the full bench"

# Bytes that an export has to write: clusters in use less the excluded files, and the other partitions' data.
bytes_to_write() {
	"$TOP/tests/fixtures/zero-excluded.sh" "$disk" "$CE_CACHE/expected.raw" || die "zero-excluded"
	echo $(($(stat -c %b "$CE_CACHE/expected.raw") * 512))
}

echo "making the disks (kept in $CE_CACHE)" >&2
disk=$(fixture $fixture) || die "the disk"
out=$CE_CACHE/bench-out
rm -rf "$out" && mkdir -p "$out" || die "$out"
at_exit rm -rf "$out"
size=$(stat -c %s "$disk")
at_exit rm -f "$CE_CACHE/expected.raw"
needed=$(bytes_to_write)

echo "local VHDX" >&2
for ((i = 0; i < runs; i++)); do
	measure qemu-img qemu-img convert -f raw -O vhdx "$disk" "$out/theirs.vhdx"
	rm "$out/theirs.vhdx"
	measure export "$cectl" local export --disk "$disk" --output "$out/ours.vhdx" --json
	written=$(($(stat -c %b "$out/ours.vhdx") * 512))
	[ $i != 0 ] || qemu-img compare -q -f vhdx -F raw "$out/ours.vhdx" "$CE_CACHE/expected.raw" || die "the export is wrong"
	rm "$out/ours.vhdx"
	measure export-hash "$cectl" local export --disk "$disk" --output "$out/ours.vhdx" --hash --json
	rm "$out/ours.vhdx"
	# of zeroes as slow as of anything; one core
	openssl speed -mr -bytes 1048576 -seconds 5 -evp md5 2>/dev/null |
		awk -F : -v size="$size" '/^\+F/ { print size / $NF }' >>"$TMP/md5.times"
done
rm -f "$CE_CACHE/expected.raw"
memory_local=$(peak_memory)

echo "SMB" >&2
smbd_start "$TMP/smbd" user=exporter password=secret share="$out/share" encrypt=off || die "smbd"
at_exit smbd_stop "$TMP/smbd"
printf secret >"$TMP/password"
share="smb://127.0.0.1:$SMBD_PORT/images"
for ((i = 0; i < runs; i++)); do
	measure convert-first qemu-img convert -f raw -O vhdx "$disk" "$out/theirs.vhdx"
	measure smbclient-put smbclient "//127.0.0.1/images" -p "$SMBD_PORT" -U exporter%secret \
		-c "put $out/theirs.vhdx theirs.vhdx"
	rm "$out/theirs.vhdx" "$out/share/theirs.vhdx"
	measure export-smb "$cectl" local export --disk "$disk" --output "$share/ours.vhdx" --user exporter \
		--password-file "$TMP/password" --json
	rm "$out/share/ours.vhdx"
done
memory_smb=$(peak_memory)

echo "planning and sparse sources" >&2
crowded=$(fixture $many) || die "the crowded disk"
files=$(fixture_options $many | grep -o 'files=[0-9]*' | cut -d = -f 2)
for ((i = 0; i < runs; i++)); do
	measure plan "$cectl" local export --disk "$crowded" --output "$out/none.vhdx" --dry-run --json
done
: >"$TMP/worker-memory"
# no file system of ours holds a file of 64 TiB but tmpfs
mkdir "$TMP/huge" && mount -t tmpfs -o size=1g ce-bench "$TMP/huge" || die "tmpfs"
at_exit umount "$TMP/huge"
truncate -s 64T "$TMP/huge/disk" && sgdisk --new 1:0:0 "$TMP/huge/disk" >/dev/null || die "sgdisk"
for ((i = 0; i < 64; i++)); do
	dd if=/dev/urandom of="$TMP/huge/disk" bs=1M count=2 seek=$((i * 1048575 + 4)) conv=notrunc status=none
done
measure huge "$cectl" local export --disk "$TMP/huge/disk" --output "$out/huge.vhdx" --json
memory_huge=$(peak_memory)

{
	echo "| what | ours | compared with | figure | target | |"
	echo "|---|---|---|---:|---:|---|"
} >"$table"
cat "$table" >&2
both=$(calc "$(median convert-first) + $(median smbclient-put)")
without=$(median export)
md5=$(median md5)
longer=$(calc "$without > $md5 ? $without : $md5")
row "export to a local VHDX" "$(spread export)" "qemu-img convert: $(spread qemu-img)" \
	"$(calc "$without / $(median qemu-img)")" " ×" 0.6
row "bytes written" "$((written >> 20)) MiB" "in use less excluded: $((needed >> 20)) MiB" "$(calc "$written / $needed" 3)" " ×" 1.02
row "export to SMB" "$(spread export-smb)" "qemu-img convert + smbclient put: $(spread convert-first) + $(spread smbclient-put)" \
	"$(calc "$(median export-smb) / $both")" " ×" 0.5
row "with MD5 and SHA-256" "$(spread export-hash)" \
	"the longer of without: $without s and openssl's MD5 of the virtual size: $(spread md5)" \
	"$(calc "$(median export-hash) / $longer")" " ×" 1.1
row "peak memory, local" "" "" "$memory_local" " MiB" 128
row "peak memory, SMB" "" "" "$memory_smb" " MiB" 128
row "peak memory, 64 TiB sparse source" "$(spread huge)" "" "$memory_huge" " MiB" 128
row "planning, $files files" "$(spread plan)" "" "$(median plan)" " s" 3

describe() {
	echo
	echo "$(machine), $(qemu-img --version | head -n 1), $(smbclient --version)."
	echo "Disk: $(fixture_options $fixture); runs of each: $runs, medians (and range), caches dropped before each."
	echo "CPU of an export: $(median export 2) s user, $(median export 3) s system; of qemu-img: $(median qemu-img 2) s and $(median qemu-img 3) s;" \
		"of an export to SMB: $(median export-smb 2) s and $(median export-smb 3) s."
}
cat "$table"
describe
if [ -n "$write" ]; then
	{ cat "$table" && describe; } | write_page bench
fi
