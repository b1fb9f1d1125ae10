#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What systemd itself says of the units' sandboxes: the agent's is under its limit, none is far above it, and
# docs/operations/hardening.md tells the figures of today.
. "$(dirname "$0")/../lib/tap.sh"

page=$TOP/docs/operations/hardening.md

# exposure UNIT: 0 (nothing left to take) to 10
exposure() {
	systemd-analyze security --offline=true --no-pager "$TOP/systemd/$1" |
		sed -n "s/.*exposure level for $1: \([0-9.]*\) .*/\1/p"
}

at_most() { # FIGURE LIMIT
	awk -v figure="$1" -v limit="$2" 'BEGIN { exit !(figure != "" && figure <= limit) }'
}

for unit in "$TOP"/systemd/*.service; do
	unit=${unit##*/}
	limit=3.0
	[ "$unit" != ce-agentd.service ] || limit=2.5
	figure=$(exposure "$unit")
	ok "$unit: exposure $figure, at most $limit" at_most "$figure" $limit
	is "$unit: its figure in hardening.md" "$(sed -n "s/^| \`$unit\` | \([0-9.]*\) |.*/\1/p" "$page")" "$figure"
	is "$unit: systemd understands it" \
		"$(systemd-analyze verify --man=no "$TOP/systemd/$unit" 2>&1 | grep -E "^$TOP/systemd/$unit:" | grep -v 'Command .* is not executable')" ""
done
done_testing
