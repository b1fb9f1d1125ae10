/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare-fields.h"

#include "mem.h"

static const struct field_choice pagefiles[] = {
	{"auto", PREPARE_PAGEFILE_AUTO},
	{"system", PREPARE_PAGEFILE_SYSTEM},
	{"temporaryDisk", PREPARE_PAGEFILE_TEMPORARY_DISK},
	{"none", PREPARE_PAGEFILE_NONE},
	{0},
};

static const struct field_choice provisionings[] = {
	{"Mcs", PREPARE_PROVISIONING_MCS},
	{"Pvs", PREPARE_PROVISIONING_PVS},
	{0},
};

#define TO(member) .offset = offsetof(struct prepare_fields, member)

#define EXPORT "it belongs to $export, $publish and $prepareAndPublish"
#define LAYERS "this agent does not change App Layering's settings"

/* The name in the first column is the one that reports and messages use. */
static const struct request_field fields[] = {
	/* Where to, where from. */
	{"platform", NULL, FIELD_STRING, TO(platform)},
	{"target", NULL, FIELD_STRING, TO(target)},
	{"source", NULL, FIELD_STRING, TO(source)},
	{"disk", NULL, FIELD_STRING, TO(disk_id)},
	{"root", NULL, FIELD_STRING, TO(root)},
	{"packs", NULL, FIELD_STRINGS, TO(packs)},

	/* Section 1.4. */
	{"provisioningType", "cloudProvisioningType", FIELD_CHOICE, TO(provisioning),
		.choices = provisionings},
	{"xdReconfigure", NULL, FIELD_OBJECTS, TO(xd_reconfigure)},
	{"installMisa", NULL, FIELD_BOOL, TO(install_misa)},
	{"forceMisa", NULL, FIELD_BOOL, TO(force_misa)},
	{"installPvs", "pvsInstallVersion", FIELD_STRING, TO(install_pvs)},
	{"domainUnjoin", NULL, FIELD_BOOL, TO(domain_unjoin)},
	{"md5Hash", NULL, FIELD_STRING, TO(md5_hash)},
	{"ceVmSku", NULL, FIELD_STRING, TO(ce_vm_sku)},
	FIELD_ROW_APPLIANCE("cloudDiagnosticsMode", ANY),
	FIELD_ROW_APPLIANCE("debugSettings", ANY),
	{"overwriteTargetFile", "Force", FIELD_BOOL, FIELD_APPLIANCE},

	/* Section 1.6. */
	{"installUpl", NULL, FIELD_BOOL, TO(install_upl)},
	{"chkdsk", NULL, FIELD_BOOL, TO(chkdsk)},
	{"defrag", NULL, FIELD_BOOL, TO(defrag)},
	{"enableRdp", NULL, FIELD_BOOL, TO(enable_rdp)},
	{"misa", NULL, FIELD_ANY, TO(misa)},
	{"mcsio", "installMcsio", FIELD_ANY, TO(mcsio)},

	/* This project's additions. "network" is also a parameter of the public API, for XenServer. */
	{"diskSizeBytes", NULL, FIELD_SIZE, TO(disk_size), .min = 512, .max = INT64_MAX},
	{"pagefile", NULL, FIELD_CHOICE, TO(pagefile), .choices = pagefiles},
	{"network", NULL, FIELD_STRING, TO(network)},
	{"strict", NULL, FIELD_BOOL, TO(strict)},
	{"discardHibernation", NULL, FIELD_BOOL, TO(discard_hibernation)},
	{"timeout", NULL, FIELD_NUMBER, TO(timeout), .min = 1, .max = 604800},
	{"tags", NULL, FIELD_OBJECT, TO(tags)},

	FIELD_ROW_FOREIGN("outputStorageLocation", EXPORT),
	FIELD_ROW_FOREIGN("smbLocation", EXPORT),
	FIELD_ROW_FOREIGN("smbCwId", EXPORT),
	FIELD_ROW_FOREIGN("outputFile", EXPORT),
	FIELD_ROW_FOREIGN("outputImageFilename", EXPORT),
	FIELD_ROW_FOREIGN("smbDiskName", EXPORT),
	FIELD_ROW_FOREIGN("outputImageFormat", EXPORT),
	FIELD_ROW_FOREIGN("outputStorageFormat", EXPORT),
	FIELD_ROW_FOREIGN("smbDiskFormat", EXPORT),
	FIELD_ROW_FOREIGN("hashDisk", EXPORT),
	FIELD_ROW_FOREIGN("keepPagefile", EXPORT),
	FIELD_ROW_FOREIGN("wholeDisk", EXPORT),
	FIELD_ROW_FOREIGN("updateLayerRepo", LAYERS),
};
const struct request_table prepare_table = {"a preparation", fields, ARRAY_SIZE(fields)};
