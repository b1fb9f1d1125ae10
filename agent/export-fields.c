/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export-fields.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

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
#define APPLIANCE(n, t)                                              \
	{                                                            \
		.name = n, .type = FIELD_##t, .who = FIELD_APPLIANCE \
	}
#define FOREIGN(n, text)                                      \
	{                                                     \
		.name = n, .who = FIELD_FOREIGN, .note = text \
	}

#define PREPARE "it belongs to $prepare and $prepareAndPublish"
#define CONVERT "it belongs to $convertToUefi, $upgradePvs and $reverse"
#define DIAG	"it belongs to $diagnostics"
#define CLIENT	"it is a setting of the client, not of a job"

/* The name in the first column is the one that reports and messages use. */
static const struct export_field fields[] = {
	/* Section 1.3, and this project's additions. */
	{"outputStorageLocation", NULL, FIELD_OBJECT, FIELD_OURS},
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

	/* Section 1.1: every operation. */
	APPLIANCE("platform", STRING),
	{"platformCredentialId",
		"AzureCwSecretId AwsCwSecretId GcpCwSecretId CloudCwSecretId VsphereCwSecretId "
		"AhvCwSecretId XenCwSecretId",
		FIELD_STRING, FIELD_APPLIANCE},
	{"resourceLocationId",
		"ExportResourceLocationId PublishResourceLocationId PrepareResourceLocationId",
		FIELD_STRING, FIELD_APPLIANCE},
	APPLIANCE("prefix", STRING),
	APPLIANCE("assetsId", STRING),
	APPLIANCE("flags", STRINGS),

	/* Section 1.2, Azure. */
	APPLIANCE("subscriptionId", STRING),
	{"resourceGroup", "AzureVmResourceGroup", FIELD_STRING, FIELD_APPLIANCE},
	APPLIANCE("azureLocation", STRING),
	APPLIANCE("virtualNetworkResourceGroupName", STRING),
	APPLIANCE("virtualNetworkName", STRING),
	APPLIANCE("virtualNetworkSubnetName", STRING),
	APPLIANCE("usePublicIP", BOOL),
	{"targetDiskResourceGroupName", "TargetResourceGroup", FIELD_STRING, FIELD_APPLIANCE},
	{"targetDiskName", "CloudDiskName PrepareDiskName", FIELD_STRING, FIELD_APPLIANCE},
	{"targetSnapshotName", "CloudSnapshotName", FIELD_STRING, FIELD_APPLIANCE},
	APPLIANCE("outputDiskName", STRING),
	APPLIANCE("outputSnapshotName", STRING),
	APPLIANCE("ceVmSku", STRING),
	APPLIANCE("networkIsolation", BOOL),
	/* AWS */
	APPLIANCE("awsRegion", STRING),
	APPLIANCE("awsSubnetId", STRING),
	APPLIANCE("securityGroupIds", STRINGS),
	APPLIANCE("awsVolumeId", STRING),
	APPLIANCE("awsTargetSnapshotId", STRING),
	/* GCP */
	{"zone", "GcpZone", FIELD_STRING, FIELD_APPLIANCE},
	APPLIANCE("vpcNetworkName", STRING),
	APPLIANCE("vpcNetworkSubnetName", STRING),
	APPLIANCE("networkTags", STRINGS),
	APPLIANCE("targetImageName", STRING),
	/* vSphere */
	APPLIANCE("vsphereHost", STRING),
	APPLIANCE("vspherePort", PORT),
	APPLIANCE("vCenterSslCaCertificate", STRING),
	APPLIANCE("vCenterSslFingerprint", STRING),
	APPLIANCE("vCenterSslNoCheckHostname", BOOL),
	APPLIANCE("vsphereDataCenter", STRING),
	APPLIANCE("vsphereDataStore", STRING),
	APPLIANCE("vsphereResourcePool", STRING),
	APPLIANCE("vsphereNetwork", STRING),
	APPLIANCE("vsphereHostSystem", STRING),
	APPLIANCE("sourceDiskName", STRING),
	/* Nutanix AHV */
	APPLIANCE("prismHost", STRING),
	APPLIANCE("prismPort", PORT),
	APPLIANCE("prismSslCaCertificate", STRING),
	APPLIANCE("prismSslFingerprint", STRING),
	APPLIANCE("prismSslNoCheckHostname", BOOL),
	APPLIANCE("sourceImageName", STRING),
	APPLIANCE("outputImageName", STRING),
	/* XenServer */
	APPLIANCE("xenHost", STRING),
	APPLIANCE("xenPort", PORT),
	APPLIANCE("xenSslCaCertificate", STRING),
	APPLIANCE("xenSslFingerprint", STRING),
	APPLIANCE("xenSslNoCheckHostname", BOOL),
	APPLIANCE("network", STRING),
	APPLIANCE("storageRepositoryUuid", STRING),
	APPLIANCE("targetDiskUuid", STRING),

	/* What people may send here by mistake: ignoring it would break a promise of another job. */
	FOREIGN("dryRun", "it is a query parameter: ?dryRun=true"),
	FOREIGN("md5Hash", PREPARE),
	FOREIGN("provisioningType", PREPARE),
	FOREIGN("cloudProvisioningType", PREPARE),
	FOREIGN("xdReconfigure", PREPARE),
	FOREIGN("installMisa", PREPARE),
	FOREIGN("forceMisa", PREPARE),
	FOREIGN("installPvs", PREPARE),
	FOREIGN("domainUnjoin", PREPARE),
	FOREIGN("cloudDiagnosticsMode", PREPARE),
	FOREIGN("inputStorageLocation", CONVERT),
	FOREIGN("inputImageFilename", CONVERT),
	FOREIGN("inputImageFormat", CONVERT),
	FOREIGN("outputSizeMb", CONVERT),
	FOREIGN("overwriteOutput", CONVERT),
	FOREIGN("ceLogs", DIAG),
	FOREIGN("windowsEventLogs", DIAG),
	FOREIGN("deployment", CLIENT),
	FOREIGN("customerId", CLIENT),
	FOREIGN("secureClientId", CLIENT),
	FOREIGN("secureSecret", CLIENT),
	FOREIGN("logFileDir", CLIENT),
	FOREIGN("logFileName", CLIENT),
	FOREIGN("overwriteLog", CLIENT),
};
_Static_assert(ARRAY_SIZE(fields) <= EXPORT_FIELDS_MAX, "raise EXPORT_FIELDS_MAX");

/* Whether name (n bytes) is parent followed by key, ASCII case ignored. */
static bool name_is(const char *name, size_t n, const char *parent, const char *key)
{
	size_t p = strlen(parent);
	return n == p + strlen(key) && strncasecmp(name, parent, p) == 0 &&
	       strncasecmp(name + p, key, n - p) == 0;
}

static bool row_has_name(const struct export_field *f, const char *parent, const char *key)
{
	if (name_is(f->name, strlen(f->name), parent, key))
		return true;
	for (const char *p = f->aliases; p && *p;) {
		size_t n = strcspn(p, " ");
		if (name_is(p, n, parent, key))
			return true;
		p += n + strspn(p + n, " ");
	}
	return false;
}

const struct export_field *export_field_find(const char *parent, const char *key)
{
	/* A dot is what joins the names of this table: no key of a body has one. */
	if (strchr(key, '.'))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (row_has_name(&fields[i], parent, key))
			return &fields[i];
	return NULL;
}

size_t export_field_index(const struct export_field *f)
{
	return (size_t)(f - fields);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

#define SUGGEST_MAX 64 /* longer names are not compared */

/* Levenshtein's distance, ASCII case ignored. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[SUGGEST_MAX + 1];
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned change = strncasecmp(&a[i - 1], &b[j - 1], 1) != 0;
			unsigned up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1, diagonal + change);
			diagonal = up;
		}
	}
	return row[n];
}

const char *export_field_suggest(const char *parent, const char *key)
{
	size_t p = strlen(parent), len = strlen(key);
	if (len > SUGGEST_MAX)
		return NULL;
	unsigned best = 1 + (unsigned)len / 3;
	const char *found = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *name = fields[i].name;
		if (fields[i].who == FIELD_FOREIGN || strncasecmp(name, parent, p) != 0)
			continue;
		name += p;
		if (strchr(name, '.') || strlen(name) > SUGGEST_MAX)
			continue;
		unsigned d = distance(key, name);
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}

static bool all_strings(const json_t *array)
{
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)array, i, item)
		if (!json_is_string(item))
			return false;
	return true;
}

static bool is_bool(const json_t *value)
{
	const char *text = json_string_value(value);
	return json_is_boolean(value) ||
	       (text && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0));
}

/* What a value of the type is called; NULL: value is one. */
static const char *mismatch(const struct export_field *f, const json_t *value)
{
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_CHOICE:
		return json_is_string(value) ? NULL : "a string";
	case FIELD_BOOL:
		return is_bool(value) ? NULL : "true or false";
	case FIELD_NUMBER:
		return json_is_integer(value) ? NULL : "a whole number";
	case FIELD_PORT:
		return json_is_integer(value) || json_is_string(value) ? NULL : "a port number";
	case FIELD_OBJECT:
		return json_is_object(value) ? NULL : "an object";
	case FIELD_STRINGS:
		return json_is_string(value) || (json_is_array(value) && all_strings(value))
			       ? NULL
			       : "an array of strings";
	}
	return "nothing";
}

int export_field_check(
	const struct export_field *f, const char *path, const json_t *value, struct error **err)
{
	const char *expected = mismatch(f, value);
	if (expected)
		return err_set(err, ERR_INVALID_FIELD, "field \"%s\" is not %s", path, expected);
	if (f->type != FIELD_NUMBER || f->who != FIELD_OURS)
		return 0;
	json_int_t n = json_integer_value(value);
	if (n < 0 || (uint64_t)n < f->min || (uint64_t)n > f->max)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"%s\" is %" JSON_INTEGER_FORMAT " (%" PRIu64 " to %" PRIu64
			" expected)",
			path, n, f->min, f->max);
	return 0;
}
