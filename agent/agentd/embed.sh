#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# embed.sh NAME INPUT OUTPUT.c: a file's bytes as `const unsigned char NAME[]` and `NAME_size`.
set -eu
{
	echo "#include <stddef.h>"
	echo "extern const unsigned char $1[];"
	echo "extern const size_t $1_size;"
	echo "const unsigned char $1[] = {"
	od -An -v -tx1 "$2" | sed 's/ \(..\)/0x\1,/g'
	echo "};"
	echo "const size_t $1_size = sizeof($1);"
} >"$3"
