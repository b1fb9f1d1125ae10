#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs tests that print TAP, several at a time, and adds up their points. ./dev test calls this.
#   tests/run.sh [--list] [NAME...]     NAME: a suite, a test, SUITE/TEST, or "all": e2e too
# Suites: check (sources and documents), unit and fuzz (normal build and with sanitizers),
# e2e (the image in a virtual machine: minutes, so only where it is named),
# integration (and those marked "# sanitizers: yes" also with the sanitized programs).
# A test counts as failed where a point is "not ok", its plan is missing or wrong, it ends with a
# status other than 0 without saying why, or it does not end in time.
set -euo pipefail
TOP=$(readlink -f "$(dirname "$0")/..")
cd "$TOP"
LOGS=$TOP/build/test-logs
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$TOP/tests/lib/lsan.supp:print_suppressions=0}

# Lines of: suite TAB name TAB seconds TAB build folder TAB command; those that take long first.
list_tests() {
	local build suffix t
	for build in build build-asan; do
		suffix=${build#build}
		for t in tests/integration/test-*.sh; do
			[ -z "$suffix" ] || grep -q '^# sanitizers: yes' "$t" || continue
			t=${t##*/test-}
			printf 'integration%s\t%s\t1200\t%s\t%s\n' "$suffix" "${t%.sh}" $build "$TOP/tests/integration/test-$t"
		done
	done
	for t in tests/e2e/test-*.sh; do
		t=${t##*/test-}
		printf 'e2e\t%s\t1800\tbuild\t%s\n' "${t%.sh}" "$TOP/tests/e2e/test-$t"
	done
	for t in tests/checks/check-*.sh; do
		t=${t##*/check-}
		printf 'check\t%s\t600\tbuild\t%s\n' "${t%.sh}" "$TOP/tests/checks/check-$t"
	done
	for build in build-asan build; do
		suffix=${build#build}
		meson introspect --tests $build | jq -r --arg build $build --arg suffix "$suffix" '.[] |
			[(.suite[0] | sub(".*:"; "")) + $suffix, .name, .timeout, $build, (.cmd | join(" "))] | @tsv'
	done
}

# Keeps the lines that one of the names selects; a name that selects nothing is an error.
select_tests() {
	awk -F '\t' -v names="$*" '
		BEGIN { n = split(names, want, " ") }
		{
			pick = n == 0 && $1 != "e2e"
			for (i = 1; i <= n; i++)
				if (want[i] == "all" || want[i] == $1 || want[i] == $2 || want[i] == $1 "/" $2)
					pick = hit[i] = 1
			if (pick)
				print
		}
		END {
			for (i = 1; i <= n; i++)
				if (!hit[i]) {
					print "no test is named \"" want[i] "\"; see ./dev test --list" > "/dev/stderr"
					exit 2
				}
		}'
}

# count LOG STATUS: "passed failed skipped" on the first line, then the failures and the skips by name.
count() {
	awk -v status="$2" '
		function failed_as(why) { failed++; notes = notes "FAILED " why "\n" }
		function skipped_as(why) { skipped++; notes = notes "SKIPPED " why "\n" }
		/^not ok/ { points++; failed_as(substr($0, 8)) }
		/^ok/ {
			points++
			if (match($0, /# *SKIP */))
				skipped_as(substr($0, 4))
			else
				passed++
		}
		# a case that found while running that it cannot: its point comes later, as "ok"
		/^# SKIP / { passed--; skipped_as(substr($0, 8)) }
		/^1\.\.[0-9]+/ {
			planned = 1
			plan = substr($1, 4) + 0
			if (plan == 0 && match($0, /# *SKIP */))
				skipped_as(substr($0, RSTART + RLENGTH))
		}
		END {
			if (status == 124 || status == 137)
				failed_as("did not end in time")
			else if (!planned)
				failed_as("ended without a plan, status " status)
			else if (plan != points || (!points && !skipped))
				failed_as(points " points, " plan " planned")
			else if (status != 0 && !failed)
				failed_as("ended with status " status)
			printf "%d %d %d\n%s", passed, failed, skipped, notes
		}' "$1"
}

# run_one SUITE NAME SECONDS BUILD COMMAND: a log, a result beside it, one line on the screen.
run_one() {
	local log=$LOGS/$1/$2 start=$SECONDS status=0 pid passed failed skipped
	# shellcheck disable=SC2086  # the command is a list of words
	CE_BUILD=$TOP/$4 timeout -k 20 "$3" $5 >"$log.log" 2>&1 </dev/null &
	pid=$!
	trap 'kill $pid; wait $pid; exit 1' TERM
	wait $pid || status=$?
	count "$log.log" $status >"$log.result"
	read -r passed failed skipped <"$log.result"
	printf '%-7s %-40s %5d passed%s%s  %d s\n' "$([ "$failed" = 0 ] && echo ok || echo FAILED)" "$1/$2" \
		"$passed" "$([ "$failed" = 0 ] || echo ", $failed failed")" \
		"$([ "$skipped" = 0 ] || echo ", $skipped skipped")" $((SECONDS - start))
}

# run_all JOBS: the tests on standard input, so many at once
run_all() {
	local running=0 suite name seconds build command
	trap 'kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM
	while IFS=$'\t' read -r suite name seconds build command; do
		mkdir -p "$LOGS/$suite"
		echo "0 1 0"$'\n'"FAILED never ended" >"$LOGS/$suite/$name.result"
		if [ $running -ge "$1" ]; then
			wait -n || true
			running=$((running - 1))
		fi
		run_one "$suite" "$name" "$seconds" "$build" "$command" &
		running=$((running + 1))
	done
	wait
}

report() {
	local result log name passed=0 failed=0 skipped=0 p f s
	for result in "$LOGS"/*/*.result; do
		read -r p f s <"$result"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		[ "$f" != 0 ] || continue
		log=${result%.result}.log name=${log#"$LOGS/"}
		echo "=== ${name%.log}: $log (its last 60 lines)"
		tail -n 60 "$log"
	done
	for result in "$LOGS"/*/*.result; do
		name=${result#"$LOGS/"}
		sed -n "s|^SKIPPED |skipped: ${name%.result}: |p" "$result"
	done
	for result in "$LOGS"/*/*.result; do
		name=${result#"$LOGS/"}
		sed -n "s|^FAILED |failed: ${name%.result}: |p" "$result"
	done
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}

if [ "${1-}" = --count ]; then
	count "$2" "$3"
	exit
fi
if [ "${1-}" = --list ]; then
	list_tests | cut -f 1,2 | tr '\t' /
	exit
fi
chosen=$(list_tests | select_tests "$@") || exit 2
rm -rf "$LOGS"
mkdir -p "$LOGS"
CE_TEST_SHARED=$(mktemp -d "${TMPDIR:-/var/tmp}/ce-tests-XXXXXX") # what the tests of a run make once
export CE_TEST_SHARED
trap 'rm -rf "$CE_TEST_SHARED"' EXIT
run_all "${CE_TEST_JOBS:-$(nproc)}" <<<"$chosen"
report
