#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The build enforces the layers: with the flags of its own build, a file of a folder can include what
# stands to its right and not what stands to its left. See docs/design/layers.md.
. "$(dirname "$0")/../lib/tap.sh"

# One public header of each folder, left to right.
layers=(agent winprep diskops vhdx common)
declare -A header=([agent]=worker-protocol.h [winprep]=hive-log.h [diskops]=copy.h [vhdx]=image.h [common]=io.h)

# include_flags FOLDER: as the build compiles that folder's first file
include_flags() {
	jq -r --arg folder "../$1/" 'map(select((.file | startswith($folder)) and (.file[$folder | length:] | contains("/") | not)))[0].command' \
		"$BUILD/compile_commands.json" | grep -oE -- '-I[^ ]+|-D_GNU_SOURCE' | tr '\n' ' '
}

compiles() { # FOLDER HEADER: whether a file of that folder may include it
	local flags
	flags=$(include_flags "$1")
	printf '#include "%s"\n' "$2" >"$TMP/scratch.c"
	# shellcheck disable=SC2086  # a list of flags
	(cd "$BUILD" && cc -std=gnu17 $flags -fsyntax-only "$TMP/scratch.c")
}

for ((i = 0; i < ${#layers[@]}; i++)); do
	from=${layers[i]}
	for ((k = 0; k < ${#layers[@]}; k++)); do
		to=${layers[k]}
		if ((k < i)); then
			run compiles "$from" "${header[$to]}"
			like "$from cannot include $to" "$(run_err)" "${header[$to]}: No such file"
		elif [ "$from" != agent ]; then
			run_ok "$from may include $to" compiles "$from" "${header[$to]}"
		fi
	done
done
# Within agent/ only the worker reads disks: the process that faces the network cannot.
run_ok "agent/worker may include diskops" compiles agent/worker "${header[diskops]}"
for to in winprep diskops; do
	run compiles agent "${header[$to]}"
	like "the rest of agent cannot include $to" "$(run_err)" "${header[$to]}: No such file"
done

# A library's headers are known in one folder.
while read -r library folder; do
	is "$library is used in $folder only" \
		"$(cd "$TOP" && grep -lE "#include <$library" ./*/*.[ch] ./*/*/*.[ch] | grep -vE "^\./($folder|tests)/")" ""
done <<-END
	ntfs-3g/ diskops
	blkid/ diskops
	libsmbclient diskops
	wimlib diskops
	openssl/ diskops|agent/callback
	hivex winprep
	archive winprep
	microhttpd agent
	gnutls/ agent
	curl/ agent
END

# Libraries return errors: only programs, the log and running out of memory end or print anything.
is "libraries neither print nor exit" "$(cd "$TOP" && grep -rnE --include='*.c' '\b(_?exit|printf|puts|perror)\(|fprintf\(std' \
	common vhdx diskops winprep | grep -vE '^(common/logging\.c|winprep/firstboot/)')" ""
done_testing
