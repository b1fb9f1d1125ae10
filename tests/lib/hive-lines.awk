# SPDX-License-Identifier: GPL-3.0-or-later
# From hivexregedit's export: one line a key and one line a value, "KEY<TAB>NAME=VALUE", lists of texts readable.
BEGIN {
	digits = "0123456789abcdef"
	for (i = 0; i < 256; i++)
		char[substr(digits, int(i / 16) + 1, 1) substr(digits, i % 16 + 1, 1)] = sprintf("%c", i)
}
/^\[/ {
	key = substr($0, 2, length($0) - 2)
	print key
	next
}
/^["@]/ {
	i = index($0, "=hex(7):")
	if (i && substr($0, 1, i) !~ /=.*=/)
		$0 = substr($0, 1, i - 1) "=" texts(substr($0, i + 8))
	print key "\t" $0
}
# The texts of a MULTI_SZ, as ["one", "two"]
function texts(hex,    i, s, unit, list) {
	gsub(/,/, "", hex)
	for (i = 1; i + 3 <= length(hex); i += 4) {
		unit = substr(hex, i, 2)
		if (substr(hex, i, 4) != "0000")
			s = s (substr(hex, i + 2, 2) == "00" ? char[unit] : "\\u" substr(hex, i + 2, 2) unit)
		else if (s != "") {
			list = list (list == "" ? "" : ", ") "\"" s "\""
			s = ""
		}
	}
	return "[" list "]"
}
