#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What every source file of the project keeps to.
. "$(dirname "$0")/../lib/tap.sh"
cd "$TOP" || exit 1

# Files of the project, those not yet committed too; a copy without git is searched.
mapfile -t files < <(git ls-files -co --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print)
of_type() { printf '%s\n' "${files[@]}" | grep -E "$1" | xargs -d '\n' -r ls -d 2>/dev/null; }
mapfile -t c_files < <(of_type '\.[ch]$')
mapfile -t shell_files < <(of_type '(\.sh|^dev|^\.ci/run)$')
mapfile -t other_code < <(of_type '(meson\.build|meson_options\.txt|\.py|\.awk)$')
ok "sources are found" [ "${#c_files[@]}" -gt 10 -a "${#shell_files[@]}" -gt 3 ]

run_ok "C files are formatted (./dev format)" ./dev format --check
run_ok "shellcheck" shellcheck "${shell_files[@]}"

without_spdx() {
	local f
	for f in "${c_files[@]}" "${shell_files[@]}" "${other_code[@]}"; do
		head -n 2 "$f" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || echo "$f"
	done
}
is "every source file begins with its SPDX line" "$(without_spdx)" ""
is "no source file is over 500 lines" \
	"$(wc -l "${c_files[@]}" | awk '$1 > 500 && $2 != "total" { print $2, $1 }')" ""
is "headers are guarded by #pragma once" "$(of_type '\.h$' | xargs -d '\n' grep -L '^#pragma once')" ""
is "no file has trailing spaces" "$(grep -lE '[[:blank:]]$' "${c_files[@]}" "${shell_files[@]}" "${other_code[@]}")" ""
done_testing
