#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sbom.sh PACKAGES.tsv IMAGE NAME: what the image is made of, as an SPDX 2.3 document.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
[ $# = 3 ] || usage "$0"
sum=$(sha256sum "$2" | cut -d ' ' -f 1)
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)
LC_ALL=C sort "$1" | jq -R -s --arg sum "$sum" --arg created "$created" --arg name "$3" '
	def id: "SPDXRef-Package-" + gsub("[^A-Za-z0-9.-]"; "-");
	[split("\n")[] | select(length > 0) | split("\t")] as $rows |
	{
		spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT",
		name: $name, documentNamespace: "https://ce-agent.invalid/spdx/\($name)-\($sum)",
		creationInfo: {created: $created, creators: ["Tool: ce-agent-image"]},
		packages: ([{
			SPDXID: "SPDXRef-Image", name: $name, versionInfo: $created, downloadLocation: "NOASSERTION",
			filesAnalyzed: false, licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION",
			copyrightText: "NOASSERTION", checksums: [{algorithm: "SHA256", checksumValue: $sum}]
		}] + [$rows[] | {
			SPDXID: (.[0] | id), name: .[0], versionInfo: .[1], downloadLocation: "NOASSERTION",
			filesAnalyzed: false, licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION",
			copyrightText: "NOASSERTION"
		} + if .[0] == "ce-agent" then {licenseDeclared: "GPL-3.0-or-later"} else {
			supplier: "Organization: Debian",
			sourceInfo: "built from source package \(.[2]) \(.[3])",
			externalRefs: [{
				referenceCategory: "PACKAGE-MANAGER", referenceType: "purl",
				referenceLocator: "pkg:deb/debian/\(.[0] | @uri)@\(.[1] | @uri)?distro=bookworm"
			}]
		} end]),
		relationships: ([{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES",
			relatedSpdxElement: "SPDXRef-Image"}] + [$rows[] | {spdxElementId: "SPDXRef-Image",
			relationshipType: "CONTAINS", relatedSpdxElement: (.[0] | id)}])
	}'
