#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The fuzz targets build with libFuzzer and survive a moment of it; ./dev fuzz TARGET SECONDS does more.
. "$(dirname "$0")/../lib/tap.sh"
cd "$TOP" || exit 1
for source in tests/fuzz/fuzz-*.c; do
	target=${source##*/fuzz-}
	run_ok "fuzz ${target%.c}" ./dev fuzz "${target%.c}" 3
	like "fuzz ${target%.c} ran" "$(run_err)" 'stat::number_of_executed_units: [0-9]{2,}'
done
done_testing
