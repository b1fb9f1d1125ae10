# SPDX-License-Identifier: GPL-3.0-or-later
# What SPDX 2.3 demands of a JSON document that this one breaks, a text each: jq -r -f spdx.jq DOCUMENT
def text: type == "string" and length > 0;
def id: text and test("^SPDXRef-[A-Za-z0-9.-]+$");
def location: text and (. == "NONE" or . == "NOASSERTION" or test("^[a-z+]+://"));
def check($name; condition): if condition then empty else "\($name): \(tojson)" end;
. as $d |
(.spdxVersion | check("spdxVersion"; . == "SPDX-2.3")),
(.dataLicense | check("dataLicense"; . == "CC0-1.0")),
(.SPDXID | check("SPDXID"; . == "SPDXRef-DOCUMENT")),
(.name | check("name"; text)),
(.documentNamespace | check("documentNamespace"; text and test("^[a-z]+://[^#]+$"))),
(.creationInfo.created | check("created"; text and test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$"))),
(.creationInfo.creators | check("creators"; type == "array" and length > 0 and
	all(test("^(Person|Organization|Tool): .")))),
(.packages[] |
	(.SPDXID | check("package id"; id)),
	(.name | check("package name"; text)),
	check("package version"; .versionInfo | text),
	check("download location"; .downloadLocation | location),
	check("files"; .filesAnalyzed == false and (has("packageVerificationCode") | not) and (has("hasFiles") | not)),
	check("supplier"; (has("supplier") | not) or (.supplier | . == "NOASSERTION" or test("^(Person|Organization): ."))),
	(.checksums[]? | check("checksum"; .algorithm == "SHA256" and (.checksumValue | test("^[0-9a-f]{64}$")))),
	(.externalRefs[]? | check("external reference"; .referenceCategory == "PACKAGE-MANAGER" and
		.referenceType == "purl" and
		(.referenceLocator | test("^pkg:deb/debian/[a-z0-9.%A-F-]+@[A-Za-z0-9.%~_-]+\\?distro=[a-z]+$"))))),
([$d.packages[].SPDXID] | check("unique ids"; length == (unique | length))),
([$d.SPDXID, $d.packages[].SPDXID] as $ids | $d.relationships[] | check("relationship";
	(.spdxElementId | IN($ids[])) and (.relatedSpdxElement | IN($ids[])) and
	(.relationshipType | IN("DESCRIBES", "CONTAINS")))),
([$d.relationships[] | select(.relationshipType == "DESCRIBES") | .spdxElementId] |
	check("the document describes one package"; . == ["SPDXRef-DOCUMENT"])),
([$d.relationships[] | select(.relationshipType == "CONTAINS")] |
	check("each package is contained once"; length == ($d.packages | length) - 1))
