/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The request body: what the public API sends is understood, anything else is named. */
#include "unit.h"

#include <string.h>

#include "export-request.h"
#include "jsonx.h"

/* A body that is complete; what a case adds goes before the closing brace. */
#define SHARE(more)                                                                          \
	"{\"outputStorageLocation\": {\"location\": \"smb://nas/images\", \"user\": \"u\", " \
	"\"password\": \"p\"}, \"outputImageFilename\": \"gold\"" more "}"
#define LOCATION(text)                                               \
	"{\"outputStorageLocation\": {\"location\": \"" text "\"}, " \
	"\"outputImageFilename\": \"gold\"}"
#define STORAGE(members)                                                          \
	"{\"outputStorageLocation\": {\"location\": \"smb://nas/images\"" members \
	"}, \"outputImageFilename\": \"gold\"}"
#define NAMED(name)                                                          \
	"{\"outputStorageLocation\": {\"location\": \"smb://nas/images\"}, " \
	"\"outputImageFilename\": \"" name "\"}"

static json_t *load(const char *text)
{
	json_t *body = NULL;
	ck_ok(jsonx_parse(text, strlen(text), &body, &err));
	return body;
}

static struct export_request *parsed(const char *text, unsigned flags)
{
	struct export_request *r = NULL;
	json_t *body = load(text);
	ck_ok(export_request_parse(body, flags, &r, &err));
	json_decref(body);
	return r;
}

static bool lists(const json_t *array, const char *member, const char *text)
{
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)array, i, item) {
		const char *value =
			json_string_value(member ? json_object_get(item, member) : item);
		if (value && strcmp(value, text) == 0)
			return true;
	}
	return false;
}

/* The fields of the public documentation's export and publish examples, with values of our own. */
#define PUBLIC_BODY(scheme, credentials)                                          \
	"{\"platform\": \"Azure\","                                               \
	" \"platformCredentialId\": \"spn-1\","                                   \
	" \"subscriptionId\": \"6f1b4fd0-0d5e-4f0e-9a52-0a7a8c3c8a11\","          \
	" \"resourceGroup\": \"rg-ce\","                                          \
	" \"virtualNetworkResourceGroupName\": \"rg-net\","                       \
	" \"virtualNetworkName\": \"net\","                                       \
	" \"virtualNetworkSubnetName\": \"sub\","                                 \
	" \"targetDiskResourceGroupName\": \"rg-disks\","                         \
	" \"targetDiskName\": \"gold.vhd\","                                      \
	" \"resourceLocationId\": \"0a6d6e0f-4d65-4b7f-a2d0-3f4cbb5ac0de\","      \
	" \"outputStorageLocation\": {\"credentialId\": \"share-1\"," credentials \
	"  \"location\": \"" scheme "disks.example.net/publish\"},"               \
	" \"outputImageFilename\": \"gold-export\"}"
#define RESOLVED "\"user\": \"svc\", \"domain\": \"EXAMPLE\", \"password\": \"s3cret\","

START_TEST(the_public_export_body_is_understood)
{
	struct export_request *r = parsed(PUBLIC_BODY("smb://", RESOLVED), 0);
	ck_assert_str_eq(r->location, "smb://disks.example.net/publish");
	ck_assert_str_eq(r->file_name, "gold-export.vhdx");
	ck_assert_str_eq(r->user, "svc");
	ck_assert_str_eq(r->domain, "EXAMPLE");
	ck_assert_str_eq(r->password, "s3cret");
	ck_assert_int_eq(r->image.format, IMAGE_VHDX);
	ck_assert_int_eq(r->image.type, IMAGE_DYNAMIC);
	ck_assert_uint_eq(r->timeout, 7200);
	ck_assert(!r->hash_md5 && !r->hash_sha256 && !r->overwrite && !r->encrypt);
	ck_assert_uint_eq(json_array_size(r->ignored), 11);
	ck_assert(lists(r->ignored, NULL, "platformCredentialId"));
	ck_assert(lists(r->ignored, NULL, "outputStorageLocation.credentialId"));
	ck_assert_uint_eq(json_array_size(r->warnings), 0);
	export_request_free(r);
}
END_TEST

START_TEST(the_public_publish_body_is_understood)
{
	struct export_request *r = parsed(PUBLIC_BODY("smbn://", RESOLVED), 0);
	ck_assert_str_eq(r->location, "smb://disks.example.net/publish");
	ck_assert(lists(r->warnings, "code", "location-scheme"));
	export_request_free(r);
}
END_TEST

START_TEST(a_credential_id_alone_is_refused_with_the_way_out)
{
	struct export_request *r = NULL;
	struct error *e = NULL;
	json_t *body = load(PUBLIC_BODY("smb://", ""));
	ck_assert_int_eq(export_request_parse(body, 0, &r, &e), -1);
	ck_assert_int_eq(e->code, ERR_CREDENTIALS_UNRESOLVED);
	ck_assert_ptr_nonnull(strstr(err_hint_text(e), "user, domain and password"));
	err_free(e);
	json_decref(body);
}
END_TEST

START_TEST(every_platforms_fields_are_known)
{
	static const char *const names[] = {"AwsRegion", "AwsSubnetId", "AwsVolumeId",
		"AwsTargetSnapshotId", "GcpZone", "VpcNetworkName", "VpcNetworkSubnetName",
		"targetImageName", "VsphereHost", "vCenterSslCaCertificate",
		"vCenterSslFingerprint", "VsphereDataCenter", "VsphereDataStore",
		"VsphereResourcePool", "VsphereNetwork", "VsphereHostSystem", "SourceDiskName",
		"PrismHost", "PrismPort", "prismSslCaCertificate", "prismSslFingerprint",
		"SourceImageName", "OutputImageName", "XenHost", "XenPort", "xenSslCaCertificate",
		"xenSslFingerprint", "Network", "StorageRepositoryUuid", "TargetDiskUuid",
		"OutputDiskName", "OutputSnapshotName", "CloudSnapshotName", "AzureVmResourceGroup",
		"AzureLocation", "TargetResourceGroup", "ceVmSku", "prefix", "assetsId",
		"VsphereCwSecretId", "ExportResourceLocationId", "VspherePort"};
	CLEANUP_JSON json_t *body = load(SHARE(""));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		jsonx_set_string(body, names[i], "7");
	jsonx_set(body, "securityGroupIds", json_pack("[s,s]", "a", "b"));
	jsonx_set(body, "networkTags", json_pack("[]"));
	jsonx_set(body, "flags", json_string("one"));
	jsonx_set(body, "UsePublicIP", json_false());
	jsonx_set(body, "networkIsolation", json_string("True"));
	jsonx_set(body, "xenSslNoCheckHostname", json_true());
	jsonx_set(body, "platform", json_null());
	struct export_request *r = NULL;
	ck_ok(export_request_parse(body, 0, &r, &err));
	ck_assert_uint_eq(json_array_size(r->ignored), ARRAY_SIZE(names) + 6);
	ck_assert(lists(r->ignored, NULL, "AwsRegion"));
	ck_assert(!lists(r->ignored, NULL, "platform"));
	export_request_free(r);
}
END_TEST

START_TEST(module_spellings_and_strings_for_booleans)
{
	struct export_request *r = parsed(
		"{\"SmbLocation\": \"SMB://10.0.1.212:1445/Files/a b/%25//\", \"SmbDiskName\": "
		"\"Gold.VHD\", \"SmbDiskFormat\": \"VhdDiskFormat\", \"HashDisk\": \"True\", "
		"\"Force\": \"false\", \"SmbPort\": \"445\", \"Timeout\": 60, \"provisionType\": "
		"\"Thick\", \"Tags\": {\"a\": [1]}}",
		0);
	ck_assert_str_eq(r->location, "smb://10.0.1.212:1445/Files/a b/%25");
	ck_assert_str_eq(r->file_name, "Gold.VHD");
	ck_assert_int_eq(r->image.format, IMAGE_VHD);
	ck_assert_int_eq(r->image.type, IMAGE_FIXED);
	ck_assert(r->hash_md5 && r->hash_sha256 && !r->overwrite);
	ck_assert_uint_eq(r->timeout, 60);
	ck_assert_ptr_nonnull(json_object_get(r->tags, "a"));
	ck_assert(lists(r->warnings, "code", "field-ignored"));
	ck_assert_ptr_null(r->user);
	export_request_free(r);
}
END_TEST

START_TEST(our_fields)
{
	struct export_request *r = parsed(
		"{\"outputstoragelocation\": {\"Location\": \"smb://[fe80::1]:445/s\", "
		"\"UserName\": \"EXAMPLE\\\\svc\", \"Password\": \"\", \"encrypt\": true, "
		"\"connections\": 3}, \"outputImageFilename\": \"v1.2\", \"blockSize\": 2097152, "
		"\"logicalSectorSize\": 4096, \"physicalSectorSize\": 4096, \"keepPagefile\": "
		"true, \"wholeDisk\": true, \"disk\": \"sdb\"}",
		0);
	ck_assert_str_eq(r->location, "smb://[fe80::1]:445/s");
	ck_assert_str_eq(r->user, "svc");
	ck_assert_str_eq(r->domain, "EXAMPLE");
	ck_assert_str_eq(r->password, "");
	ck_assert_str_eq(r->file_name, "v1.2.vhdx");
	ck_assert_uint_eq(r->connections, 3);
	ck_assert_uint_eq(r->image.block_size, 2097152);
	ck_assert_uint_eq(r->image.logical_sector, 4096);
	ck_assert(r->encrypt && r->keep_excluded && r->whole_disk);
	ck_assert_str_eq(r->disk_id, "sdb");
	export_request_free(r);
	r = parsed(NAMED("gold.vhd"), 0);
	ck_assert_str_eq(r->file_name, "gold.vhd.vhdx");
	ck_assert(lists(r->warnings, "code", "file-name-extension"));
	export_request_free(r);
	r = parsed(SHARE(", \"blockSize\": 2097152, \"outputImageFormat\": \"raw\""), 0);
	ck_assert(lists(r->warnings, "code", "block-size-ignored"));
	export_request_free(r);
}
END_TEST

START_TEST(a_local_file)
{
	static const struct {
		const char *body;
		enum image_format format;
	} cases[] = {
		{"{\"outputFile\": \"/tmp/a\"}", IMAGE_VHDX},
		{"{\"outputFile\": \"/tmp/a.VHD\"}", IMAGE_VHD},
		{"{\"outputFile\": \"a.vhdx\"}", IMAGE_VHDX},
		{"{\"outputFile\": \"a.img\"}", IMAGE_RAW},
		{"{\"outputFile\": \"a.vhd\", \"format\": \"raw\"}", IMAGE_RAW},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct export_request *r = parsed(cases[i].body, EXPORT_REQUEST_LOCAL);
		ck_assert_int_eq(r->image.format, cases[i].format);
		ck_assert_ptr_null(r->file_name);
		export_request_free(r);
	}
	struct export_request *r = NULL;
	json_t *body = load(cases[0].body);
	ck_fails(export_request_parse(body, 0, &r, &err), ERR_INVALID_FIELD, "local use only");
	json_decref(body);
	body = load(SHARE(", \"outputFile\": \"x\""));
	ck_fails(export_request_parse(body, EXPORT_REQUEST_LOCAL, &r, &err), ERR_INVALID_FIELD,
		"outputStorageLocation.location");
	json_decref(body);
}
END_TEST

static const struct {
	const char *body;
	enum err_code code;
	const char *message;
} bad_bodies[] = {
	{"{}", ERR_MISSING_FIELD, "\"outputStorageLocation.location\""},
	{"{\"outputImageFilename\": \"a\"}", ERR_MISSING_FIELD, "location\""},
	{"{\"SmbLocation\": \"smb://h/s\"}", ERR_MISSING_FIELD, "\"outputImageFilename\""},
	{SHARE(", \"colour\": 1"), ERR_UNKNOWN_FIELD, "\"colour\""},
	{SHARE(", \"outputStorageLocation.location\": \"x\""), ERR_UNKNOWN_FIELD, NULL},
	{STORAGE(", \"colour\": 1"), ERR_UNKNOWN_FIELD, "\"outputStorageLocation.colour\""},
	{STORAGE(", \"hashDisk\": true"), ERR_UNKNOWN_FIELD, "outputStorageLocation.hashDisk"},
	{STORAGE(", \"user\": \"u\""), ERR_MISSING_FIELD, "outputStorageLocation.password"},
	{STORAGE(", \"password\": \"u\""), ERR_MISSING_FIELD, "outputStorageLocation.user"},
	{STORAGE(", \"credentialId\": \"c\", \"user\": \"u\""), ERR_CREDENTIALS_UNRESOLVED,
		"not the password"},
	{STORAGE(", \"credentialId\": \"c\", \"user\": \"\", \"password\": \"\""),
		ERR_CREDENTIALS_UNRESOLVED, NULL},
	{STORAGE(", \"connections\": 0"), ERR_INVALID_FIELD, "connections\" is 0 (1 to 16"},
	{SHARE(", \"hashDisk\": 1"), ERR_INVALID_FIELD, "\"hashDisk\" is not true or false"},
	{SHARE(", \"hashDisk\": \"yes\""), ERR_INVALID_FIELD, "\"hashDisk\""},
	{SHARE(", \"HashDisk\": true, \"hashDisk\": true"), ERR_INVALID_FIELD, "given twice"},
	{SHARE(", \"SmbDiskName\": \"a\""), ERR_INVALID_FIELD, "given twice"},
	{SHARE(", \"timeout\": 0"), ERR_INVALID_FIELD, "1 to 604800"},
	{SHARE(", \"timeout\": 604801"), ERR_INVALID_FIELD, "1 to 604800"},
	{SHARE(", \"timeout\": -1"), ERR_INVALID_FIELD, "1 to 604800"},
	{SHARE(", \"timeout\": \"60\""), ERR_INVALID_FIELD, "\"timeout\""},
	{SHARE(", \"tags\": []"), ERR_INVALID_FIELD, "\"tags\" is not an object"},
	{SHARE(", \"platform\": {}"), ERR_INVALID_FIELD, "\"platform\" is not a string"},
	{SHARE(", \"networkTags\": [1]"), ERR_INVALID_FIELD, "\"networkTags\""},
	{SHARE(", \"usePublicIP\": 3"), ERR_INVALID_FIELD, "\"usePublicIP\""},
	{SHARE(", \"disk\": \"\""), ERR_INVALID_FIELD, "empty"},
	{SHARE(", \"format\": \"VmdkDiskFormat\""), ERR_INVALID_FIELD, "vhdx, vhd, raw"},
	{SHARE(", \"type\": \"thin \""), ERR_INVALID_FIELD, "dynamic, fixed"},
	{SHARE(", \"blockSize\": 3145728"), ERR_INVALID_FIELD, "3145728"},
	{SHARE(", \"format\": \"vhd\", \"logicalSectorSize\": 4096"), ERR_INVALID_FIELD, NULL},
	{SHARE(", \"logicalSectorSize\": 1024"), ERR_INVALID_FIELD, NULL},
	{SHARE(", \"md5Hash\": \"00\""), ERR_UNKNOWN_FIELD, "$prepare"},
	{SHARE(", \"XdReconfigure\": []"), ERR_UNKNOWN_FIELD, "$prepare"},
	{SHARE(", \"inputImageFilename\": null"), ERR_UNKNOWN_FIELD, "$convertToUefi"},
	{SHARE(", \"dryRun\": true"), ERR_UNKNOWN_FIELD, "?dryRun=true"},
	{SHARE(", \"SecureSecret\": \"x\""), ERR_UNKNOWN_FIELD, "client"},
	{NAMED(""), ERR_INVALID_FILE_NAME, "empty"},
	{NAMED("../gold"), ERR_INVALID_FILE_NAME, NULL},
	{NAMED("a/b"), ERR_INVALID_FILE_NAME, NULL},
	{NAMED("a\\\\b"), ERR_INVALID_FILE_NAME, NULL},
	{NAMED(".."), ERR_INVALID_FILE_NAME, NULL},
	{NAMED("con"), ERR_INVALID_FILE_NAME, "device"},
	{NAMED("COM1.vhdx"), ERR_INVALID_FILE_NAME, "device"},
	{NAMED("a:b"), ERR_INVALID_FILE_NAME, NULL},
	{NAMED("gold."), ERR_INVALID_FILE_NAME, "dot"},
	{LOCATION("http://h/s"), ERR_INVALID_FIELD, "smb://"},
	{LOCATION("smb:///s"), ERR_INVALID_FIELD, "host"},
	{LOCATION("smb://h"), ERR_INVALID_FIELD, "share"},
	{LOCATION("smb://h/"), ERR_INVALID_FIELD, "share"},
	{LOCATION("smb://h:0/s"), ERR_INVALID_FIELD, "port"},
	{LOCATION("smb://h:65536/s"), ERR_INVALID_FIELD, "port"},
	{LOCATION("smb://h:/s"), ERR_INVALID_FIELD, "port"},
	{LOCATION("smb://h h/s"), ERR_INVALID_FIELD, "host"},
	{LOCATION("smb://[::1/s"), ERR_INVALID_FIELD, "IPv6"},
	{LOCATION("smb://h/s/../t"), ERR_INVALID_FIELD, "\"..\""},
	{LOCATION("smb://h/s?x=1"), ERR_INVALID_FIELD, NULL},
	{LOCATION("\\\\\\\\h\\\\s"), ERR_INVALID_FIELD, "does not begin with smb://"},
};

START_TEST(what_is_wrong_is_named)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_bodies); i++) {
		struct export_request *r = NULL;
		json_t *body = load(bad_bodies[i].body);
		ck_fails(export_request_parse(body, 0, &r, &err), bad_bodies[i].code,
			bad_bodies[i].message);
		ck_assert_ptr_null(r);
		json_decref(body);
	}
}
END_TEST

START_TEST(a_slip_of_the_pen_gets_a_suggestion)
{
	static const struct {
		const char *body, *hint;
	} cases[] = {
		{SHARE(", \"hashdsik\": true"), "\"hashDisk\""},
		{SHARE(", \"overwriteTarget\": true"), "\"overwriteTargetFile\""},
		{STORAGE(", \"passwort\": \"x\""), "\"outputStorageLocation.password\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct export_request *r = NULL;
		struct error *e = NULL;
		json_t *body = load(cases[i].body);
		ck_assert_int_eq(export_request_parse(body, 0, &r, &e), -1);
		ck_assert_int_eq(e->code, ERR_UNKNOWN_FIELD);
		ck_assert_msg(strstr(err_hint_text(e), cases[i].hint), "%s", err_hint_text(e));
		err_free(e);
		json_decref(body);
	}
}
END_TEST

START_TEST(secrets_never_show)
{
	static const char text[] =
		"{\"OutputStorageLocation\": {\"PassWord\": \"hunter2\", \"user\": \"u\", \"location\": "
		"\"smb://u:hunter2@h/s\"}, \"secureSecret\": {\"x\": \"hunter2\"}, \"list\": "
		"[{\"accessToken\": \"hunter2\"}], \"VsphereCwSecretId\": \"vc-1\"}";
	struct export_request *r = NULL;
	struct error *e = NULL;
	CLEANUP_JSON json_t *body = load(text);
	CLEANUP_JSON json_t *shown = export_request_redact(body);
	CLEANUP_FREE char *dump = jsonx_dump(shown);
	ck_assert_msg(!strstr(dump, "hunter2"), "%s", dump);
	ck_assert_ptr_nonnull(strstr(dump, "\"VsphereCwSecretId\":\"vc-1\""));
	ck_assert_ptr_nonnull(strstr(dump, "\"user\":\"u\""));

	CLEANUP_JSON json_t *userinfo = load(LOCATION("smb://u:hunter2@h/s"));
	ck_assert_int_eq(export_request_parse(userinfo, 0, &r, &e), -1);
	ck_assert_ptr_null(strstr(e->message, "hunter2"));
	err_free(e);

	export_request_wipe(body);
	CLEANUP_FREE char *wiped = jsonx_dump(body);
	ck_assert_msg(!strstr(wiped, "hunter2"), "%s", wiped);
}
END_TEST

UNIT_MAIN("export-request", the_public_export_body_is_understood,
	the_public_publish_body_is_understood, a_credential_id_alone_is_refused_with_the_way_out,
	every_platforms_fields_are_known, module_spellings_and_strings_for_booleans, our_fields,
	a_local_file, what_is_wrong_is_named, a_slip_of_the_pen_gets_a_suggestion,
	secrets_never_show)
