#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the documents say is what the code does.
. "$(dirname "$0")/../lib/tap.sh"
cd "$TOP" || exit 1

is "docs/errors.md lists the rows of common/err-codes.h (tests/dev/errors-table.sh --write)" \
	"$(diff docs/errors.md <(tests/dev/errors-table.sh))" ""
documented=$(grep -oE '^\| `[a-z-]+`' docs/errors.md | tr -d '|` ' | sort)
is "error codes are unique" "$(uniq -d <<<"$documented")" ""
is "cectl lists the same codes" "$("$BUILD/agent/cectl" local list-errors --json | jq -r '.[].code' | sort)" \
	"$documented"

# Every word of ./dev help is a command, and the other way round.
is "./dev help names every command" "$(./dev help | sed -n 's/^  \([a-z]\+\) .*/\1/p; $ s/.*/help/p' | sort -u)" \
	"$(sed -n '/^case \$command in/,$ s/^\([a-z][a-z |]*\)).*/\1/p' dev | tr -d ' ' | tr '|' '\n' | sort)"

# A fresh machine gets every library that the build asks for.
missing_packages() {
	local name file
	grep -ohE "dependency\('[a-z0-9-]+'" ./meson.build ./*/meson.build ./*/*/meson.build | cut -d "'" -f 2 | sort -u |
		while read -r name; do
			file=$(pkg-config --variable=pcfiledir "$name" 2>/dev/null)/$name.pc
			[ -e "$file" ] || continue # threads
			dpkg -S "$(readlink -f "$file")" 2>/dev/null | cut -d : -f 1 | grep -qxFf \
				<(sed 's/#.*//' tests/dev/packages.txt | tr ' ' '\n' | sed '/^$/d') || echo "$name"
		done
}
if command -v dpkg >/dev/null; then
	is "tests/dev/packages.txt has what meson.build depends on" "$(missing_packages)" ""
else
	skip "tests/dev/packages.txt has what meson.build depends on" "no dpkg here"
fi

# Links between the documents lead somewhere.
broken_links() {
	local doc link
	for doc in ./*.md docs/*.md docs/*/*.md; do
		grep -oE '\]\([^)#: ]+' "$doc" | cut -c 3- | while read -r link; do
			[ -e "$(dirname "$doc")/$link" ] || echo "$doc: $link"
		done
	done
}
is "links in the documents exist" "$(broken_links)" ""

# The options that README, the man pages and docs use are options of the programs.
known_options() {
	local verb
	for verb in "" export jobs prepare "local export" "local hash" "local inspect" "local check" "local prepare" "local recover" pair diagnostics; do
		# shellcheck disable=SC2086  # one or two words
		"$BUILD/agent/cectl" $verb --help 2>&1
	done
	"$BUILD/agent/ce-agentd" --help 2>&1
	./dev help
	image/vm.sh --help
	image/build.sh --help 2>&1
}
unknown_options() {
	local option known
	known=$(known_options)
	cat README.md CONTRIBUTING.md docs/*.md docs/operations/*.md | sed -n '/^```/,/^```/p; s/^\(    \|\t\)//p' |
		grep -E '(cectl|ce-agentd|\./dev) ' | grep -oE -- ' --[a-z-]+' | sort -u |
		while read -r option; do
			grep -qE -- "$option\b" <<<"$known" || echo "$option"
		done
}
is "ce-agentd's man page has its options" "$(sed -n '/^\.Sh OPTIONS/,/^\.Sh SIGNALS/ s/^\.It //p' docs/man/ce-agentd.8 |
	grep -oE 'Fl Fl [a-z-]+' | sed 's/Fl Fl /--/' | sort)" \
	"$("$BUILD/agent/ce-agentd" --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | sort)"
is "options used in the documents exist" "$(unknown_options)" ""
done_testing
