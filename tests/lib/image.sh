# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# The CE image that end-to-end tests start: CE_IMAGE_DIR, or built once for all tests of a run. After tap.sh.

# console_shows LOG PATTERN: what its serial port has written, less the escapes
console_shows() { tr -d '\033' <"$1" | grep -qE "$2"; }

# image_ready: CE_IMAGE_DIR holds ce.efi, ce.raw and what belongs to them.
image_ready() {
	[ -z "${CE_IMAGE_DIR-}" ] || return 0
	export CE_IMAGE_DIR=${CE_TEST_SHARED:-$TMP}/image
	mkdir -p "$CE_IMAGE_DIR" || return 1
	(
		flock 9
		[ -e "$CE_IMAGE_DIR/whole" ] || { "$TOP/image/build.sh" --out "$CE_IMAGE_DIR" --slim && : >"$CE_IMAGE_DIR/whole"; }
	) 9>"$CE_IMAGE_DIR/lock"
}
