#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev bench prepare [--quick] [--write]: an offline preparation against virt-v2v-in-place, an inspection against
# virt-inspector, on the same disk in the same run, caches dropped before each. The disk has the real SYSTEM
# hive of a Windows 10 on VMware where $CE_TEST_DATA has it, else the made one.
#   --quick   the others' tools are run once, ours three times
#   --write   puts the table into docs/performance.md
# Their appliance runs in software emulation (LIBGUESTFS_BACKEND_SETTINGS=force_tcg), as on machines without
# nested virtualisation; virt-v2v gets a stand-in for rhsrvany.exe, which it copies and does not run.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
. "$TOP/tests/bench/measure.sh"
runs=5 theirs=3 write=
for arg; do
	case $arg in
	--quick) runs=3 theirs=1 ;;
	--write) write=1 ;;
	*) die "unknown option $arg" ;;
	esac
done
[ "$(id -u)" = 0 ] || die "needs root"
cectl=$BUILD/agent/cectl
target=azure # in-box drivers only; virt-v2v, which knows KVM only, finds no drivers and injects none either
export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg LIBGUESTFS_CACHEDIR=$CE_CACHE
export VIRT_TOOLS_DATA_DIR=$TMP/tools
mkdir -p "$TMP/tools" "$CE_CACHE"
"$TOP/tests/fixtures/make-pe.sh" "$TMP/tools/rhsrvany.exe" && cp "$TMP/tools/rhsrvany.exe" "$TMP/tools/pnp_wait.exe"

echo "making the disks (kept in $CE_CACHE)" >&2
hive=$(real_data)/hives/win10-19041-vmware-efi.SYSTEM.xz
options=(platform=vsphere size=1024)
if [ -e "$hive" ]; then options+=(hive="$hive") said="real, 11 MiB"; else said="made by the project"; fi
declare -A disks
disks[plain]=$(windows_fixture "${options[@]}") && disks[large]=$(windows_fixture "${options[@]}" size=65536) &&
	disks[crowded]=$(windows_fixture "${options[@]}" files=200000) || die "the disks"
disk=${disks[plain]}
copy=$CE_CACHE/bench-disk
at_exit rm -f "$copy" "$copy.ce-journal"
fresh() { rm -f "$copy" && cp --sparse=always "$1" "$copy" && chmod u+w "$copy"; }

echo "inspection" >&2
"$BUILD/tests/integration/guestfs-windows" "$disk" >/dev/null || die "libguestfs cannot read the disk" # makes its appliance
for ((i = 0; i < runs; i++)); do measure inspect "$cectl" local inspect --disk "$disk" --json; done
for ((i = 0; i < theirs; i++)); do measure virt-inspector virt-inspector --format=raw -a "$disk"; done
inspect_memory=$(peak_memory)

echo "preparation" >&2
for ((i = 0; i < runs; i++)); do
	for which in plain large crowded; do
		fresh "${disks[$which]}"
		measure prepare-$which "$cectl" local prepare --disk "$copy" --target $target --json
		grep -q '"changed": *true' "$TMP/said" || die "nothing was prepared"
	done
done
prepare_memory=$(peak_memory)
for ((i = 0; i < theirs; i++)); do
	fresh "$disk"
	measure virt-v2v virt-v2v-in-place -i disk "$copy"
done

{
	echo "| what | ours | compared with | figure | target | |"
	echo "|---|---|---|---:|---:|---|"
} >"$table"
cat "$table" >&2
hundredths() { sort -g "$TMP/$1.times" | awk '{ v[NR] = $1 } END { printf "%.2f s (%.2f to %.2f)", v[int((NR + 1) / 2)], v[1], v[NR] }'; }
row "preparation" "$(hundredths prepare-plain)" "virt-v2v-in-place: $(spread virt-v2v)" \
	"$(calc "$(median prepare-plain) / $(median virt-v2v)" 4)" " ×" 0.0167
row "inspection" "$(hundredths inspect)" "virt-inspector: $(spread virt-inspector)" \
	"$(calc "$(median inspect) / $(median virt-inspector)" 4)" " ×" 0.0167
row "preparation, 64 GiB disk" "$(hundredths prepare-large)" "1 GiB disk: $(hundredths prepare-plain)" \
	"$(calc "$(median prepare-large) / $(median prepare-plain)")" " ×" 1.5
row "preparation, 200000 files more" "$(hundredths prepare-crowded)" "without: $(hundredths prepare-plain)" \
	"$(calc "$(median prepare-crowded) / $(median prepare-plain)")" " ×" 1.5
row "peak memory, preparation" "" "" "$prepare_memory" " MiB" 192
row "peak memory, inspection" "" "" "$inspect_memory" " MiB" 192

describe() {
	echo
	echo "$(machine), $(virt-v2v --version), $(virt-inspector --version); their appliance in software emulation."
	echo "Disk: ${options[*]/hive=*/}, SYSTEM hive $said; runs of ours: $runs, of theirs: $theirs, medians (and range), caches dropped before each."
}
cat "$table"
describe
if [ -n "$write" ]; then
	{ cat "$table" && describe; } | write_page bench-prepare
fi
