/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of a preparation: what the public API sends is understood, anything else is named. */
#include "unit.h"

#include <string.h>

#include "jsonx.h"
#include "prepare-request.h"

#define TO(more) "{\"platform\": \"Azure\"" more "}"
#define XD(list) TO(", \"xdReconfigure\": [" list "]")
#define XD_ONE(name, value) \
	XD("{\"ParameterName\": \"" name "\", \"ParameterValue\": \"" value "\"}")

static json_t *load(const char *text)
{
	json_t *body = NULL;
	ck_ok(jsonx_parse(text, strlen(text), &body, &err));
	return body;
}

static struct prepare_body *parsed(const char *text, unsigned flags)
{
	struct prepare_body *r = NULL;
	CLEANUP_JSON json_t *body = load(text);
	ck_ok(prepare_request_parse(body, flags, &r, &err));
	return r;
}

static bool lists(const json_t *array, const char *text)
{
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)array, i, item)
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static bool has(char *const *list, const char *text)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* The fields of the public documentation's prepare example, with values of our own. */
START_TEST(the_public_prepare_body_is_understood)
{
	struct prepare_body *r = parsed(
		"{\"platform\": \"Azure\", \"platformCredentialId\": \"spn-1\","
		" \"subscriptionId\": \"6f1b4fd0-0d5e-4f0e-9a52-0a7a8c3c8a11\","
		" \"resourceGroup\": \"rg-ce\", \"virtualNetworkResourceGroupName\": \"rg-net\","
		" \"virtualNetworkName\": \"net\", \"virtualNetworkSubnetName\": \"sub\","
		" \"targetDiskResourceGroupName\": \"rg-disks\", \"targetDiskName\": \"gold\","
		" \"resourceLocationId\": \"0a6d6e0f-4d65-4b7f-a2d0-3f4cbb5ac0de\","
		" \"ceVmSku\": \"Standard_D2S_v3\", \"networkIsolation\": true,"
		" \"overwriteTargetFile\": false, \"cloudDiagnosticsMode\": {\"x\": 1},"
		" \"cloudProvisioningType\": \"mcs\","
		" \"md5Hash\": \"23A396b3438cd1b16749c6635dd6c9b2\"}",
		0);
	ck_assert_str_eq(r->target, "azure");
	ck_assert_ptr_null(r->source);
	ck_assert_str_eq(r->md5_hash, "23A396b3438cd1b16749c6635dd6c9b2");
	ck_assert_int_eq(r->provisioning, PREPARE_PROVISIONING_MCS);
	ck_assert_int_eq(r->pagefile, PREPARE_PAGEFILE_AUTO);
	ck_assert_int_eq(r->network, PREPARE_NETWORK_UNSAID);
	ck_assert_uint_eq(r->timeout, 7200);
	ck_assert_ptr_null(r->needs_first_boot[0]);
	ck_assert_ptr_null(r->packs[0]);
	ck_assert_ptr_null(r->controllers);
	ck_assert(lists(r->ignored, "ceVmSku") && lists(r->ignored, "cloudDiagnosticsMode"));
	ck_assert(lists(r->ignored, "platformCredentialId") && !lists(r->ignored, "platform"));
	ck_assert_uint_eq(json_array_size(r->ignored), 13);
	prepare_request_free(r);
}
END_TEST

START_TEST(our_fields)
{
	struct prepare_body *r = parsed(
		"{\"TARGET\": \"GCP\", \"platform\": \"gcp\", \"source\": \"VSPHERE\", \"root\": "
		"\"Windows/x\", \"pagefile\": \"TemporaryDisk\", \"network\": \"DHCP\", "
		"\"enableRdp\": \"True\", \"strict\": true, \"discardHibernation\": \"true\", "
		"\"packs\": [\"virtio-win\", \"gvnic\"], \"disk\": \"sdb\", \"timeout\": 60, "
		"\"tags\": {\"a\": 1}, \"md5Hash\": \"00000000000000000000000000000000\", "
		"\"diskSizeBytes\": 1099511627776}",
		0);
	ck_assert_str_eq(r->target, "gcp");
	ck_assert_str_eq(r->source, "vsphere");
	ck_assert_str_eq(r->root, "\\Windows\\x");
	ck_assert_int_eq(r->pagefile, PREPARE_PAGEFILE_TEMPORARY_DISK);
	ck_assert_int_eq(r->network, PREPARE_NETWORK_DHCP);
	ck_assert(r->enable_rdp && r->strict && r->discard_hibernation);
	ck_assert(has(r->packs, "virtio-win") && has(r->packs, "gvnic"));
	ck_assert_str_eq(r->disk_id, "sdb");
	ck_assert_uint_eq(r->timeout, 60);
	ck_assert_uint_eq(r->disk_size, UINT64_C(1) << 40);
	ck_assert_ptr_nonnull(json_object_get(r->tags, "a"));
	prepare_request_free(r);
	r = parsed(TO(", \"network\": \"Keep\""), 0);
	ck_assert_int_eq(r->network, PREPARE_NETWORK_KEEP);
	prepare_request_free(r);
	r = parsed(TO(", \"packs\": \"/srv/packs/virtio.zip\""), PREPARE_REQUEST_LOCAL);
	ck_assert_str_eq(r->packs[0], "/srv/packs/virtio.zip");
	prepare_request_free(r);
}
END_TEST

START_TEST(a_xen_servers_network_is_not_ours)
{
	struct prepare_body *r = parsed(
		"{\"platform\": \"xen\", \"XenHost\": \"h\", \"Network\": \"Pool-wide\"}", 0);
	ck_assert_int_eq(r->network, PREPARE_NETWORK_UNSAID);
	ck_assert(lists(r->ignored, "network"));
	prepare_request_free(r);
}
END_TEST

START_TEST(reconfiguration_of_the_vda)
{
	struct prepare_body *r =
		parsed(XD_ONE("controllers", "a.example.net, b, A.example.net,"), 0);
	ck_assert(has(r->controllers, "a.example.net") && has(r->controllers, "b"));
	ck_assert_ptr_null(r->controllers[2]);
	prepare_request_free(r);
	r = parsed(XD_ONE("/Site_GUID", "{6F1B4FD0-0D5E-4F0E-9A52-0A7A8C3C8A11}"), 0);
	ck_assert_str_eq(r->site_guid, "6f1b4fd0-0d5e-4f0e-9a52-0a7a8c3c8a11");
	prepare_request_free(r);
	r = parsed(XD("{\"parametername\": \"controllers\", \"parametervalue\": \"a\"}, "
		      "{\"ParameterName\": \"portnumber\", \"ParameterValue\": 8080}, "
		      "{\"ParameterName\": \"wem_server\", \"ParameterValue\": \"w\"}"),
		0);
	ck_assert(has(r->needs_first_boot, "xdReconfigure.portnumber"));
	ck_assert(has(r->needs_first_boot, "xdReconfigure.wem_server"));
	prepare_request_free(r);
	r = parsed(TO(", \"xdReconfigure\": []"), 0);
	ck_assert_ptr_null(r->controllers);
	prepare_request_free(r);
}
END_TEST

START_TEST(what_needs_the_running_windows_is_listed)
{
	struct prepare_body *r = parsed(
		TO(", \"provisioningType\": \"Mcs\", \"installMisa\": \"true\", \"forceMisa\": "
		   "true, \"domainUnjoin\": true, \"installUpl\": true, \"chkdsk\": true, "
		   "\"defrag\": true, \"mcsio\": \"Force\""),
		0);
	static const char *const names[] = {"installMisa", "forceMisa", "domainUnjoin",
		"installUpl", "chkdsk", "defrag", "mcsio"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ck_assert_msg(has(r->needs_first_boot, names[i]), "%s", names[i]);
	ck_assert_ptr_null(r->needs_first_boot[7]);
	prepare_request_free(r);
	r = parsed(TO(", \"provisioningType\": \"PVS\", \"installPvs\": \"7.31.0\""), 0);
	ck_assert(has(r->needs_first_boot, "installPvs"));
	prepare_request_free(r);
	r = parsed(TO(", \"installMisa\": \"False\", \"installPvs\": \"\", \"mcsio\": false, "
		      "\"misa\": null, \"chkdsk\": false"),
		0);
	ck_assert_ptr_null(r->needs_first_boot[0]);
	prepare_request_free(r);
}
END_TEST

static const struct {
	const char *body;
	enum err_code code;
	const char *message;
} bad_bodies[] = {
	{"{}", ERR_MISSING_FIELD, "\"platform\""},
	{"{\"platform\": \"\"}", ERR_MISSING_FIELD, "\"target\""},
	{"{\"platform\": \"vhs\"}", ERR_UNKNOWN_PLATFORM, "\"vhs\" (vsphere, hyperv, azure"},
	{"{\"target\": \"virtualbox\"}", ERR_UNKNOWN_PLATFORM, "virtualbox"},
	{"{\"platform\": \"azure\", \"target\": \"aws\"}", ERR_INVALID_FIELD, "one of the two"},
	{TO(", \"source\": \"dos\""), ERR_UNKNOWN_PLATFORM, "\"source\""},
	{TO(", \"colour\": 1"), ERR_UNKNOWN_FIELD, "\"colour\""},
	{TO(", \"hashDisk\": true"), ERR_UNKNOWN_FIELD, "none of a preparation"},
	{TO(", \"outputStorageLocation\": {}"), ERR_UNKNOWN_FIELD, "$export"},
	{TO(", \"dryRun\": true"), ERR_UNKNOWN_FIELD, "?dryRun=true"},
	{TO(", \"updateLayerRepo\": \"x\""), ERR_UNKNOWN_FIELD, "App Layering"},
	{TO(", \"ceVmSku\": 3"), ERR_INVALID_FIELD, "\"ceVmSku\" is not a string"},
	{TO(", \"strict\": 1"), ERR_INVALID_FIELD, "\"strict\" is not true or false"},
	{TO(", \"provisioningType\": \"Mcs\", \"CloudProvisioningType\": \"Mcs\""),
		ERR_INVALID_FIELD, "given twice"},
	{TO(", \"provisioningType\": \"Ips\""), ERR_INVALID_FIELD, "(Mcs, Pvs expected)"},
	{TO(", \"installMisa\": true"), ERR_INVALID_FIELD, "\"Mcs\" only"},
	{TO(", \"misa\": \"Force\""), ERR_INVALID_FIELD, "\"misa\""},
	{TO(", \"misa\": 3"), ERR_INVALID_FIELD, "\"misa\" is not true or false"},
	{TO(", \"provisioningType\": \"Pvs\", \"installMisa\": true"), ERR_INVALID_FIELD, "Mcs"},
	{TO(", \"provisioningType\": \"Mcs\", \"installPvs\": \"7\""), ERR_INVALID_FIELD, "Pvs"},
	{TO(", \"provisioningType\": \"Pvs\", \"installPvs\": \"new\""), ERR_INVALID_FIELD,
		"a version like"},
	{TO(", \"md5Hash\": \"00\""), ERR_INVALID_FIELD, "32 hexadecimal"},
	{TO(", \"md5Hash\": \"g0000000000000000000000000000000\""), ERR_INVALID_FIELD, "32 hex"},
	{TO(", \"diskSizeBytes\": 4096"), ERR_INVALID_FIELD, "without \"md5Hash\""},
	{TO(", \"diskSizeBytes\": -1"), ERR_INVALID_FIELD, "\"diskSizeBytes\" is -1"},
	{TO(", \"pagefile\": \"D:\""), ERR_INVALID_FIELD, "auto, system, temporaryDisk, none"},
	{TO(", \"network\": \"static\""), ERR_INVALID_FIELD, "keep, dhcp"},
	{TO(", \"root\": \"C:\\\\Windows\""), ERR_INVALID_FIELD, "\"\\Windows\""},
	{TO(", \"root\": \"\\\\\""), ERR_INVALID_FIELD, "\"root\""},
	{TO(", \"root\": \"\\\\Windows\\\\..\\\\x\""), ERR_INVALID_FIELD, "\"root\""},
	{TO(", \"packs\": [1]"), ERR_INVALID_FIELD, "\"packs\" is not an array of strings"},
	{TO(", \"packs\": [\"../x\"]"), ERR_INVALID_FIELD, "\"../x\""},
	{TO(", \"packs\": [\"\"]"), ERR_INVALID_FIELD, "the name of a pack"},
	{TO(", \"disk\": \"\""), ERR_INVALID_FIELD, "empty"},
	{TO(", \"timeout\": 0"), ERR_INVALID_FIELD, "1 to 604800"},
	{TO(", \"xdReconfigure\": {}"), ERR_INVALID_FIELD, "an array of objects"},
	{TO(", \"xdReconfigure\": [\"controllers\"]"), ERR_INVALID_FIELD, "an array of objects"},
	{XD("{}"), ERR_MISSING_FIELD, "ParameterName"},
	{XD("{\"ParameterName\": \"controllers\"}"), ERR_MISSING_FIELD, "ParameterValue"},
	{XD("{\"ParameterName\": \"controllers\", \"Value\": \"a\"}"), ERR_UNKNOWN_FIELD,
		"\"xdReconfigure.Value\""},
	{XD_ONE("controllers", " , "), ERR_INVALID_FIELD, "controllers is empty"},
	{XD_ONE("controllers", "a b/c"), ERR_INVALID_FIELD, "\"b/c\""},
	{XD_ONE("controllers", "-a"), ERR_INVALID_FIELD, "names of hosts"},
	{XD_ONE("site_guid", "my site"), ERR_INVALID_FIELD, "a GUID expected"},
	{XD("{\"ParameterName\": \"controllers\", \"ParameterValue\": \"a\"}, "
	    "{\"ParameterName\": \"/Controllers\", \"ParameterValue\": \"b\"}"),
		ERR_INVALID_FIELD, "given twice"},
	{XD("{\"ParameterName\": \"controllers\", \"ParameterValue\": \"a\"}, {\"ParameterName\": "
	    "\"site_guid\", \"ParameterValue\": \"6f1b4fd0-0d5e-4f0e-9a52-0a7a8c3c8a11\"}"),
		ERR_INVALID_FIELD, "one of the two"},
};

START_TEST(what_is_wrong_is_named)
{
	for (size_t i = 0; i < sizeof(bad_bodies) / sizeof(*bad_bodies); i++) {
		struct prepare_body *r = NULL;
		CLEANUP_JSON json_t *body = load(bad_bodies[i].body);
		ck_fails(prepare_request_parse(body, 0, &r, &err), bad_bodies[i].code,
			bad_bodies[i].message);
		ck_assert_ptr_null(r);
	}
}
END_TEST

START_TEST(a_slip_of_the_pen_gets_a_suggestion)
{
	struct prepare_body *r = NULL;
	struct error *e = NULL;
	CLEANUP_JSON json_t *body = load(TO(", \"enabelRdp\": true"));
	ck_assert_int_eq(prepare_request_parse(body, 0, &r, &e), -1);
	ck_assert_int_eq(e->code, ERR_UNKNOWN_FIELD);
	ck_assert_msg(strstr(err_hint_text(e), "\"enableRdp\""), "%s", err_hint_text(e));
	err_free(e);
}
END_TEST

UNIT_MAIN("prepare-request", the_public_prepare_body_is_understood, our_fields,
	a_xen_servers_network_is_not_ours, reconfiguration_of_the_vda,
	what_needs_the_running_windows_is_listed, what_is_wrong_is_named,
	a_slip_of_the_pen_gets_a_suggestion)
