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

# Fields of the request bodies. A job's own table comes before the appliance's; outputFile is for cectl local.
own_fields() { # FILE
	sed -n -e '/^\(static \)\?const struct request_field /,/FIELD_ROW_FOREIGN/ {
		s/^\t{\?"\([A-Za-z0-9.]*\)".*/\1/p
		s/^\tFIELD_ROW_APPLIANCE("\([A-Za-z]*\)".*/\1/p
	}' "agent/request/$1-fields.c"
}
table_fields() { # FILE
	cat <(own_fields "$1") <(own_fields appliance) | sed 's/^outputStorageLocation\.//' | grep -vx outputFile | sort -u
}
doc_fields() { # SCHEMA
	awk -v schema="$1:" '/^    [A-Z]/ { here = $1 == schema }
		here && (/^        [a-zA-Z0-9]+:/ || /^            [a-zA-Z]+:/) {
			name = $1
			sub(":.*", "", name)
			print name
		}' $doc | grep -vxE 'type|required|properties|additionalProperties|description|enum|default|example'
}
ok "fields are found" [ "$(table_fields export | wc -l)" -gt 60 -a "$(table_fields prepare | wc -l)" -gt 60 ]
is "the document has every field of an export" "$(cat <(doc_fields ExportRequest) <(echo type) | sort -u)" "$(table_fields export)"
is "the document has every field of a preparation" "$(doc_fields PrepareRequest | sort -u)" "$(table_fields prepare)"

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
