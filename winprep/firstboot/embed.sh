#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# embed.sh PROGRAM: C source with its bytes, as firstboot-exe.h declares them
set -eu
echo '#include "firstboot-exe.h"'
echo 'const unsigned char ce_firstboot_exe[] = {'
od -An -v -tx1 "$1" | sed 's/ \(..\)/0x\1,/g'
echo '};'
echo 'const size_t ce_firstboot_exe_size = sizeof(ce_firstboot_exe);'
