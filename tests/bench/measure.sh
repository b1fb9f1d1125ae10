# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Sourced by the benches, after tap.sh: measuring programs, and a table of the figures.
table=$TMP/table

die() {
	echo "bench: $*" >&2
	exit 1
}
# measure NAME COMMAND...: cold caches; appends seconds, CPU seconds and KiB of peak memory to NAME's file
measure() {
	local name=$1
	shift
	sync
	echo 3 >/proc/sys/vm/drop_caches
	command time -f '%e %U %S %M' -o "$TMP/time" "$@" >"$TMP/said" 2>&1 || die "$name failed: $(cat "$TMP/said")"
	tail -n 1 "$TMP/time" >>"$TMP/$name.times"
	printf '  %-28s %s s\n' "$name" "$(tail -n 1 "$TMP/time" | cut -d ' ' -f 1)" >&2
}
median() { # NAME [FIELD]
	cut -d ' ' -f "${2:-1}" "$TMP/$1.times" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
spread() { # NAME: "12.3 (12.1 to 12.9)"
	sort -g "$TMP/$1.times" | awk '{ v[NR] = $1 }
		END { printf(NR > 1 ? "%.1f s (%.1f to %.1f)" : "%.1f s", v[int((NR + 1) / 2)], v[1], v[NR]) }'
}
calc() {
	awk "BEGIN { printf(\"%.${2:-2}f\", ($1)) }"
}
# row WHAT OURS THEIRS VALUE UNIT TARGET: one row, with the verdict VALUE <= TARGET
row() {
	local verdict=missed
	[ "$(calc "$4 <= $6" 0)" != 1 ] || verdict=reached
	echo "| $1 | $2 | $3 | $4$5 | $6$5 | $verdict |" | tee -a "$table" >&2
}

# The worker, with its peak memory noted: of the largest of its processes.
cat >"$TMP/worker" <<END
#!/bin/sh
unset CE_PARENT_PID # its parent is time
exec /usr/bin/time -a -o "$TMP/worker-memory" -f %M "$BUILD/agent/ce-worker" "\$@"
END
chmod +x "$TMP/worker"
export CE_WORKER=$TMP/worker
peak_memory() { # MiB, since the last call
	sort -n "$TMP/worker-memory" | tail -n 1 | awk '{ printf "%.0f", $1 / 1024 }'
	: >"$TMP/worker-memory"
}

# machine: what it was measured on
machine() {
	echo "Measured $(date -u +%F) on $(nproc) × $(lscpu | sed -n 's/^Model name: *//p'), $(free -g | awk '/^Mem/ { print $2 }') GiB of memory," \
		"Linux $(uname -r)"
}

# write_page MARKER: standard input between <!-- MARKER --> and <!-- end of MARKER --> of docs/performance.md
write_page() {
	{
		sed "/<!-- $1 -->/q" "$TOP/docs/performance.md"
		cat
		sed -n "/<!-- end of $1 -->/,\$p" "$TOP/docs/performance.md"
	} >"$TMP/performance.md" && cp "$TMP/performance.md" "$TOP/docs/performance.md"
}
