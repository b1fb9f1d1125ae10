#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# slim.sh OUT VARIANT: the size of the image against its limit, and what is biggest in it.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
[ $# = 2 ] || usage "$0"
limit=$((80 << 20))
size=$(stat -c %s "$1/$2.efi")
echo "the unified kernel image has $((size >> 20)) MiB (limit $((limit >> 20)) MiB); biggest, uncompressed, in KiB:"
awk -F '\t' '$2 ~ /^\.\/.*\// && $1 >= 1024 && n++ < 40' "$1/$2.sizes.txt"
[ "$size" -le "$limit" ] || die "$2.efi is over its limit"
