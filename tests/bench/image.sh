#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev bench image [--quick] [--write]: from power on to the first answered /v1/status, against a bare Debian with
# systemd (bare-image.sh): the same firmware, kernel, packing and QEMU arguments, in turn, in software emulation.
#   --quick   one run of each: shows that the bench works
#   --write   puts the table into docs/performance.md
# As root. CE_IMAGE_DIR: a CE image that has been built already.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
. "$TOP/tests/lib/image.sh"
. "$TOP/tests/lib/machine.sh"
. "$TOP/tests/bench/measure.sh"
runs=5 write=
for arg; do
	case $arg in
	--quick) runs=1 ;;
	--write) write=1 ;;
	*) die "unknown option $arg" ;;
	esac
done
[ "$(id -u)" = 0 ] || die "needs root"
echo "the images" >&2
image_ready >/dev/null || die "the CE image"
"$TOP/tests/bench/bare-image.sh" "$CE_IMAGE_DIR/ce.efi" "$TMP/bare.raw" >&2 || die "the bare image"

# boots NAME IMAGE READY: appends seconds and CPU seconds of QEMU until READY DIR succeeds to NAME's file
boots() {
	local dir=$TMP/$1 from now cpu
	rm -rf "$dir"
	machine_start "$dir" "$2" raw virtio-blk virtio-net-pci || die "$1 does not start"
	from=$(date +%s%N)
	until "$3" "$dir"; do
		kill -0 "$(cat "$dir/pid")" 2>/dev/null || die "$1 ended: $(tail -n 5 "$dir/serial.log" "$dir/qemu.log")"
		[ $(($(date +%s%N) - from)) -lt 900000000000 ] || die "$1 is not ready after 15 minutes"
		sleep 0.1
	done
	now=$(date +%s%N)
	cpu=$(awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$(cat "$dir/pid")/stat")
	machine_end "$dir"
	echo "$(((now - from) / 1000000)) $cpu" | awk '{ print $1 / 1000, $2 }' >>"$TMP/$1.times"
	printf '  %-6s %s s (QEMU used %s s of CPU)\n' "$1" "$(tail -n 1 "$TMP/$1.times" | cut -d ' ' -f 1)" "$cpu" >&2
}
answered() {
	curl -sS -m 20 --cacert "$1/pki/ca.crt" --cert "$1/pki/client.crt" --key "$1/pki/client.key" \
		"https://127.0.0.1:$(cat "$1/port")/v1/status" 2>/dev/null | grep -q '"status"'
}
said_ready() { grep -qa BARE-READY "$1/serial.log" 2>/dev/null; }

for ((i = 0; i < runs; i++)); do
	boots bare "$TMP/bare.raw" said_ready
	boots ce "$CE_IMAGE_DIR/ce.raw" answered
done

{
	echo "| what | ours | compared with | figure | target | |"
	echo "|---|---|---|---:|---:|---|"
} >"$table"
cat "$table" >&2
row "power on to the first /v1/status" "$(spread ce)" "bare Debian, multi-user and network up: $(spread bare)" \
	"$(calc "$(median ce) / $(median bare)")" " ×" 1.3
describe() {
	echo
	echo "$(machine), $(qemu-system-x86_64 --version | head -n 1), TCG, 2 processors, 1 GiB, OVMF; runs of each: $runs, in turn, medians (and range)."
	echo "CPU time of QEMU: $(median ce 2) s, bare $(median bare 2) s. The kernel image has $(($(stat -c %s "$CE_IMAGE_DIR/ce.efi") >> 20)) MiB."
}
cat "$table"
describe
if [ -n "$write" ]; then
	{ cat "$table" && describe; } | write_page bench-image
fi
