#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/api/openapi.yaml against the tables that the programs work with.
. "$(dirname "$0")/../lib/tap.sh"
cd "$TOP" || exit 1
doc=docs/api/openapi.yaml

# "METHOD PATH" of every row of the route table, and of every operation of the document.
table_routes() { sed -n 's/^\t{"\([A-Z]*\)", "\([^"]*\)", route_.*/\1 \2/p' agent/agentd/routes.c; }
doc_routes() {
	awk '/^[a-z]/ { in_paths = $1 == "paths:" }
		in_paths && /^  \// { path = substr($1, 1, length($1) - 1) }
		in_paths && /^    (get|put|post|delete):/ { sub(":", "", $1); print toupper($1), path }' $doc
}
ok "routes are found" [ "$(table_routes | wc -l)" -ge 20 ]
is "the document has every route" "$(doc_routes | sort)" "$(table_routes | sort)"

# Query parameters: those of the rows that are not an image's, by name.
for name in pageSize continuationToken inspect dryRun async; do
	like "the document has the parameter $name" "$(cat $doc)" "name: $name\$"
done

# Fields of the request body; outputFile is for cectl local only.
table_fields() {
	sed -n -e '/^static const struct export_field fields/,/FOREIGN/ {
		s/^\t{\?"\([A-Za-z.]*\)".*/\1/p
		s/^\tAPPLIANCE("\([A-Za-z]*\)".*/\1/p
	}' agent/export-fields.c | sed 's/^outputStorageLocation\.//' | grep -vx outputFile
}
doc_fields() {
	awk '/^    [A-Z]/ { here = $1 == "ExportRequest:" }
		here && (/^        [a-zA-Z]+:/ || /^            [a-zA-Z]+:/) {
			name = $1
			sub(":.*", "", name)
			print name
		}' $doc | grep -vxE 'type|required|properties|additionalProperties|description|enum|default|example' |
		cat - <(echo type)
}
ok "fields are found" [ "$(table_fields | wc -l)" -gt 60 ]
is "the document has every field of an export" "$(doc_fields | sort)" "$(table_fields | sort)"

# Error codes named in the document exist.
unknown_codes() {
	grep -oE '`[a-z]+(-[a-z]+)+`' $doc | tr -d '`' | sort -u | while read -r code; do
		grep -q "\"$code\"" common/err-codes.h || echo "$code"
	done
}
is "every error code in the document is one of ours" "$(unknown_codes)" ""

states() { sed -n 's/^\t\[JOB_.*\] = "\(.*\)",/\1/p' agent/agentd/job.c | paste -sd, | sed 's/,/, /g'; }
like "the document has the states of a job" "$(cat $doc)" "enum: \\[$(states)\\]"
done_testing
