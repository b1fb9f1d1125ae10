#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes the expected changes of preparations and of the first start anew (tests/integration/golden) and shows what became of them: to be
# read before it is committed.
set -euo pipefail
cd "$(dirname "$0")/../.."
CE_GOLDEN_WRITE=1 tests/integration/test-prepare-golden.sh
CE_GOLDEN_WRITE=1 tests/integration/test-firstboot.sh
git --no-pager diff --stat -- tests/integration/golden
git --no-pager diff -- tests/integration/golden
