#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# uki.sh KERNEL INITRD OS-RELEASE CMDLINE OUT [KEY CERT]: a unified kernel image, one EFI program: systemd's
# stub with kernel, initrd and command line as sections; signed where a key is given (Secure Boot).
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
[ $# -ge 5 ] || usage "$0"
kernel=$1 initrd=$2 release=$3 cmdline=$4 out=$5 key=${6-} cert=${7-}
stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
[ -e $stub ] || die "no $stub: package systemd-boot-efi"

# Sections are put behind the stub's own, each at the next boundary that its alignment asks for.
at=0
while read -r size vma; do
	end=$((16#$size + 16#$vma))
	[ $end -le $at ] || at=$end
done < <(objdump -h $stub | awk '$1 ~ /^[0-9]+$/ { print $3, $4 }')
args=()
add() { # NAME FILE
	at=$(((at + 0xfff) & ~0xfff))
	args+=(--add-section "$1=$2" --change-section-vma "$1=$(printf '0x%x' "$at")")
	at=$((at + $(stat -Lc %s "$2")))
}
line=$(mktemp)
trap 'rm -f "$line" "$out.new" "$out.signed"' EXIT
tr '\n' ' ' <"$cmdline" | sed 's/ *$//' >"$line"
add .osrel "$release"
add .cmdline "$line"
add .linux "$kernel"
add .initrd "$initrd"
objcopy "${args[@]}" $stub "$out.new"

# objcopy writes the time of day into the header, and a sum over it, which firmware does not look at.
le32() { # FILE OFFSET
	od -An -tu4 --endian=little -j "$2" -N 4 "$1" | tr -d ' '
}
put_le32() { # FILE OFFSET VALUE
	local v=$3
	# shellcheck disable=SC2059  # the bytes are its format
	printf "$(printf '\\x%02x' $((v & 255)) $((v >> 8 & 255)) $((v >> 16 & 255)) $((v >> 24 & 255)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
pe=$(le32 "$out.new" 60)
put_le32 "$out.new" $((pe + 8)) "${SOURCE_DATE_EPOCH:?}" # TimeDateStamp
put_le32 "$out.new" $((pe + 88)) 0                       # CheckSum
if [ -n "$key" ]; then
	quietly sbsign --key "$key" --cert "$cert" --output "$out.signed" "$out.new"
	mv "$out.signed" "$out.new"
fi
mv "$out.new" "$out"
