#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The test library and the runner's counting: a test that fails must be seen to fail.
. "$(dirname "$0")/../lib/tap.sh"

script() {
	cat >"$TMP/script.sh" <<-END
		. "$TOP/tests/lib/tap.sh"
		$1
	END
	run bash "$TMP/script.sh"
}

script 'ok "true" true; is "same" a a; done_testing'
is "a test that passes: status" "$run_status" 0
is "a test that passes: plan" "$(run_out | tail -n 1)" "1..2"
script 'is "differs" a b; done_testing'
is "a point that fails: status" "$run_status" 1
like "a point that fails: TAP" "$(run_out)" '^not ok 1 - differs$'
script 'run_ok "no such" false; true'
unlike "without done_testing there is no plan" "$(run_out)" '^1\.\.'
script 'must false; ok "not reached" true; done_testing'
unlike "must ends the test" "$(run_out)" 'not reached'
is "must ends the test: status" "$run_status" 1
script "at_exit touch '$TMP/second'; at_exit test ! -e '$TMP/second'; at_exit touch '$TMP/first'; echo \"\$TMP\"; exit 3"
is "exit status is kept" "$run_status" 3
ok "cleaning up runs" test -e "$TMP/second" -a -e "$TMP/first"
ok "the temporary folder is gone" test ! -e "$(run_out)"

# counted TAP STATUS: what the runner makes of it
counted() {
	printf '%b' "$1" >"$TMP/log"
	"$TOP/tests/run.sh" --count "$TMP/log" "$2" | head -n 1
}
is "count: passes" "$(counted 'ok 1 - a\nok 2 - b\n1..2\n' 0)" "2 0 0"
is "count: a failure" "$(counted 'ok 1 - a\nnot ok 2 - b\n1..2\n' 1)" "1 1 0"
is "count: a skip" "$(counted 'ok 1 - a # SKIP no data\nok 2 - b\n1..2\n' 0)" "1 0 1"
is "count: a skip by a case of a unit test" "$(counted '1..2\n# SKIP a: no data\nok 1 - a\nok 2 - b\n' 0)" "1 0 1"
is "count: all skipped" "$(counted '1..0 # SKIP why\n' 0)" "0 0 1"
is "count: no plan" "$(counted 'ok 1 - a\n' 0)" "1 1 0"
is "count: too few points" "$(counted '1..3\nok 1 - a\n' 0)" "1 1 0"
is "count: a crash" "$(counted '1..1\nok 1 - a\n' 139)" "1 1 0"
is "count: nothing at all" "$(counted '' 0)" "0 1 0"
is "count: an empty plan without a reason" "$(counted '1..0\n' 0)" "0 1 0"
is "count: out of time" "$(counted '1..2\nok 1 - a\n' 124)" "1 1 0"
done_testing
