#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/errors.md from the rows of common/err-codes.h; --write puts it there.
set -euo pipefail
cd "$(dirname "$0")/../.."
table() {
	cat <<-'END'
		# Errors

		<!-- made by tests/dev/errors-table.sh from common/err-codes.h -->

		Every error is an object `{code, message, detail, step, hint}`. `code` is stable: programs decide by
		it, and it is never renamed or used for something else. `message` says what happened, where, and what
		was expected instead; `hint` is the last column below.

		Exit statuses of `cectl` and `ce-worker`: 0 done, 1 failed, 2 the request is wrong, 3 refused before
		anything was written, 4 canceled. What is listed with 3 ends with 1 once writing has begun.

		| code | HTTP | exit | what to do |
		|---|---:|---:|---|
	END
	printf '%s\n' '#include "common/err-codes.h"' \
		'#define X(name, code, http, class, hint) @ROW code http EXIT_##class hint' 'ERR_CODES(X)' |
		cc -E -P -I. -x c - | tr -d '\n' | sed 's/@ROW/\n/g' | sed '1d' |
		sed -E 's/EXIT_FAIL/1/; s/EXIT_USAGE/2/; s/EXIT_REFUSE/3/; s/EXIT_CANCEL/4/
			s/" +"//2g; s/^ *"([^"]*)" ([0-9]+) ([0-9]) "(.*)" *$/| `\1` | \2 | \3 | \4 |/'
	echo
}
if [ "${1-}" = --write ]; then
	table >docs/errors.md.new
	mv docs/errors.md.new docs/errors.md
else
	table
fi
