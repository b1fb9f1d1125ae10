#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/platforms.md from the tables of winprep/platforms; --write puts it there, else it is compared.
set -euo pipefail
cd "$(dirname "$0")/../.."
page=${CE_BUILD:-build}/tests/unit/test-platforms-page
if [ "${1-}" = --write ]; then
	CE_WRITE_PAGE=1 "$page" >/dev/null
else
	"$page"
fi
