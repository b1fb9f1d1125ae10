# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Disks that tests share: each is made once, kept in $CE_CACHE (default build/cache) and only read.

TOP=${TOP:-$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")}
CE_CACHE=${CE_CACHE:-$TOP/build/cache}

# The options of tests/fixtures/make-disk.sh by name.
fixture_options() {
	case $1 in
	small) echo scheme=gpt ;;
	small-mbr) echo scheme=mbr seed=2 cluster=8192 ;;
	demo) echo scheme=gpt seed=3 size=4096 used=1200 deleted=300 pagefile=256 hiberfil=128 files=3000 ;;
	bench) echo scheme=gpt seed=4 size=24576 used=8192 deleted=3072 pagefile=1024 swapfile=16 hiberfil=0 files=20000 ;;
	bench-quick) echo scheme=gpt seed=5 size=4096 used=1365 deleted=512 pagefile=170 swapfile=16 hiberfil=0 files=3000 ;;
	million) echo scheme=gpt seed=6 size=4096 used=100 files=1000000 ;;
	million-quick) echo scheme=gpt seed=7 size=1024 used=100 files=100000 ;;
	*) echo "no fixture $1" >&2 && return 1 ;;
	esac
}

# fixture NAME: its path, made where it is not there. Needs root; never write to it.
fixture() {
	local options key path
	options=$(fixture_options "$1") || return 1
	key=$(cat "$TOP/tests/fixtures/make-disk.sh" "$TOP/tests/fixtures/make-tree.c" - <<<"$options" | sha256sum | cut -c 1-12)
	path=$CE_CACHE/$1-$key.img
	(
		mkdir -p "$CE_CACHE" && flock 9 || exit 1
		[ ! -e "$path" ] || exit 0
		rm -f "$CE_CACHE/$1"-????????????.*
		# shellcheck disable=SC2086  # a list of options
		"$TOP/tests/fixtures/make-disk.sh" $options "$path.new" >&2 && chmod a-w "$path.new" && mv "$path.new" "$path"
	) 9>"${TMPDIR:-/tmp}/ce-fixture-$1.lock" || return 1
	echo "$path"
}
