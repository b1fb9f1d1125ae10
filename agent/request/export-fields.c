/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export-fields.h"

#include "export-request.h"
#include "mem.h"

static const struct field_choice formats[] = {
	{"vhdx", IMAGE_VHDX},
	{"vhd", IMAGE_VHD},
	{"raw", IMAGE_RAW},
	{"VhdxDiskFormat", IMAGE_VHDX},
	{"VhdDiskFormat", IMAGE_VHD},
	{"RawDiskFormat", IMAGE_RAW},
	{0},
};

/* Thin and Thick are how the public API's sibling jobs spell it. */
static const struct field_choice types[] = {
	{"dynamic", IMAGE_DYNAMIC},
	{"fixed", IMAGE_FIXED},
	{"Thin", IMAGE_DYNAMIC},
	{"Thick", IMAGE_FIXED},
	{0},
};

#define TO(member) .offset = offsetof(struct export_request, member)

#define PREPARE "it belongs to $prepare and $prepareAndPublish"

/* The name in the first column is the one that reports and messages use. */
static const struct request_field fields[] = {
	/* Section 1.3, and this project's additions. */
	{"outputStorageLocation", NULL, FIELD_SECTION, FIELD_OURS},
	{"outputStorageLocation.location", "SmbLocation", FIELD_STRING, TO(location)},
	{"outputStorageLocation.credentialId", "SmbCwId", FIELD_STRING, FIELD_APPLIANCE},
	{"outputStorageLocation.user",
		"outputStorageLocation.userName outputStorageLocation.username", FIELD_STRING,
		TO(user)},
	{"outputStorageLocation.domain", "outputStorageLocation.userDomain", FIELD_STRING,
		TO(domain)},
	{"outputStorageLocation.password", NULL, FIELD_STRING, TO(password)},
	{"outputStorageLocation.encrypt", NULL, FIELD_BOOL, TO(encrypt)},
	{"outputStorageLocation.connections", NULL, FIELD_NUMBER, TO(connections), .min = 1,
		.max = 16},
	{"outputStorageLocation.port", "SmbPort", FIELD_PORT, FIELD_WARNED,
		.note = "the public API ignores it, and so does this agent: write the port in the "
			"location (smb://host:port/share)"},
	{"outputFile", NULL, FIELD_STRING, TO(output_file)},
	{"outputImageFilename", "SmbDiskName", FIELD_STRING, TO(file_name)},
	{"outputImageFormat", "outputStorageFormat SmbDiskFormat format", FIELD_CHOICE,
		TO(image.format), .choices = formats},
	{"type", "provisionType outputImageType", FIELD_CHOICE, TO(image.type), .choices = types},
	{"blockSize", NULL, FIELD_NUMBER, TO(image.block_size), .min = 512 * KiB, .max = 256 * MiB},
	{"logicalSectorSize", NULL, FIELD_NUMBER, TO(image.logical_sector), .min = 512,
		.max = 4096},
	{"physicalSectorSize", NULL, FIELD_NUMBER, TO(image.physical_sector), .min = 512,
		.max = 4096},
	{"hashDisk", NULL, FIELD_BOOL, TO(hash_md5)},
	{"overwriteTargetFile", "Force", FIELD_BOOL, TO(overwrite)},
	{"keepPagefile", NULL, FIELD_BOOL, TO(keep_excluded)},
	{"wholeDisk", NULL, FIELD_BOOL, TO(whole_disk)},
	{"disk", NULL, FIELD_STRING, TO(disk_id)},
	{"timeout", NULL, FIELD_NUMBER, TO(timeout), .min = 1, .max = 604800},
	{"tags", NULL, FIELD_OBJECT, TO(tags)},

	/* What people may send here by mistake: ignoring it would break a promise of another job. */
	FIELD_ROW_FOREIGN("md5Hash", PREPARE),
	FIELD_ROW_FOREIGN("provisioningType", PREPARE),
	FIELD_ROW_FOREIGN("cloudProvisioningType", PREPARE),
	FIELD_ROW_FOREIGN("xdReconfigure", PREPARE),
	FIELD_ROW_FOREIGN("installMisa", PREPARE),
	FIELD_ROW_FOREIGN("forceMisa", PREPARE),
	FIELD_ROW_FOREIGN("installPvs", PREPARE),
	FIELD_ROW_FOREIGN("domainUnjoin", PREPARE),
	FIELD_ROW_FOREIGN("cloudDiagnosticsMode", PREPARE),
};
const struct request_table export_table = {"an export", fields, ARRAY_SIZE(fields)};
