/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a body may hold that concerns only the appliance, or only its client: facts/ips 1.1 and 1.2. */
#include "mem.h"
#include "request-fields.h"

#define CONVERT "it belongs to $convertToUefi, $upgradePvs and $reverse"
#define DIAG	"it belongs to $diagnostics"
#define CLIENT	"it is a setting of the client, not of a job"

const struct request_field appliance_fields[] = {
	/* Section 1.1: every operation. */
	FIELD_ROW_APPLIANCE("platform", STRING),
	{"platformCredentialId",
		"AzureCwSecretId AwsCwSecretId GcpCwSecretId CloudCwSecretId VsphereCwSecretId "
		"AhvCwSecretId XenCwSecretId",
		FIELD_STRING, FIELD_APPLIANCE},
	{"resourceLocationId",
		"ExportResourceLocationId PublishResourceLocationId PrepareResourceLocationId",
		FIELD_STRING, FIELD_APPLIANCE},
	FIELD_ROW_APPLIANCE("prefix", STRING),
	FIELD_ROW_APPLIANCE("assetsId", STRING),
	FIELD_ROW_APPLIANCE("flags", STRINGS),

	/* Section 1.2, Azure. */
	FIELD_ROW_APPLIANCE("subscriptionId", STRING),
	{"resourceGroup", "AzureVmResourceGroup", FIELD_STRING, FIELD_APPLIANCE},
	FIELD_ROW_APPLIANCE("azureLocation", STRING),
	FIELD_ROW_APPLIANCE("virtualNetworkResourceGroupName", STRING),
	FIELD_ROW_APPLIANCE("virtualNetworkName", STRING),
	FIELD_ROW_APPLIANCE("virtualNetworkSubnetName", STRING),
	FIELD_ROW_APPLIANCE("usePublicIP", BOOL),
	{"targetDiskResourceGroupName", "TargetResourceGroup", FIELD_STRING, FIELD_APPLIANCE},
	{"targetDiskName", "CloudDiskName PrepareDiskName", FIELD_STRING, FIELD_APPLIANCE},
	{"targetSnapshotName", "CloudSnapshotName", FIELD_STRING, FIELD_APPLIANCE},
	FIELD_ROW_APPLIANCE("outputDiskName", STRING),
	FIELD_ROW_APPLIANCE("outputSnapshotName", STRING),
	FIELD_ROW_APPLIANCE("ceVmSku", STRING),
	FIELD_ROW_APPLIANCE("networkIsolation", BOOL),
	/* AWS */
	FIELD_ROW_APPLIANCE("awsRegion", STRING),
	FIELD_ROW_APPLIANCE("awsSubnetId", STRING),
	FIELD_ROW_APPLIANCE("securityGroupIds", STRINGS),
	FIELD_ROW_APPLIANCE("awsVolumeId", STRING),
	FIELD_ROW_APPLIANCE("awsTargetSnapshotId", STRING),
	/* GCP */
	{"zone", "GcpZone", FIELD_STRING, FIELD_APPLIANCE},
	FIELD_ROW_APPLIANCE("vpcNetworkName", STRING),
	FIELD_ROW_APPLIANCE("vpcNetworkSubnetName", STRING),
	FIELD_ROW_APPLIANCE("networkTags", STRINGS),
	FIELD_ROW_APPLIANCE("targetImageName", STRING),
	/* vSphere */
	FIELD_ROW_APPLIANCE("vsphereHost", STRING),
	FIELD_ROW_APPLIANCE("vspherePort", PORT),
	FIELD_ROW_APPLIANCE("vCenterSslCaCertificate", STRING),
	FIELD_ROW_APPLIANCE("vCenterSslFingerprint", STRING),
	FIELD_ROW_APPLIANCE("vCenterSslNoCheckHostname", BOOL),
	FIELD_ROW_APPLIANCE("vsphereDataCenter", STRING),
	FIELD_ROW_APPLIANCE("vsphereDataStore", STRING),
	FIELD_ROW_APPLIANCE("vsphereResourcePool", STRING),
	FIELD_ROW_APPLIANCE("vsphereNetwork", STRING),
	FIELD_ROW_APPLIANCE("vsphereHostSystem", STRING),
	FIELD_ROW_APPLIANCE("sourceDiskName", STRING),
	/* Nutanix AHV */
	FIELD_ROW_APPLIANCE("prismHost", STRING),
	FIELD_ROW_APPLIANCE("prismPort", PORT),
	FIELD_ROW_APPLIANCE("prismSslCaCertificate", STRING),
	FIELD_ROW_APPLIANCE("prismSslFingerprint", STRING),
	FIELD_ROW_APPLIANCE("prismSslNoCheckHostname", BOOL),
	FIELD_ROW_APPLIANCE("sourceImageName", STRING),
	FIELD_ROW_APPLIANCE("outputImageName", STRING),
	/* XenServer */
	FIELD_ROW_APPLIANCE("xenHost", STRING),
	FIELD_ROW_APPLIANCE("xenPort", PORT),
	FIELD_ROW_APPLIANCE("xenSslCaCertificate", STRING),
	FIELD_ROW_APPLIANCE("xenSslFingerprint", STRING),
	FIELD_ROW_APPLIANCE("xenSslNoCheckHostname", BOOL),
	FIELD_ROW_APPLIANCE("network", STRING),
	FIELD_ROW_APPLIANCE("storageRepositoryUuid", STRING),
	FIELD_ROW_APPLIANCE("targetDiskUuid", STRING),

	/* Ignoring these would break a promise. */
	FIELD_ROW_FOREIGN("inputStorageLocation", CONVERT),
	FIELD_ROW_FOREIGN("inputImageFilename", CONVERT),
	FIELD_ROW_FOREIGN("inputImageFormat", CONVERT),
	FIELD_ROW_FOREIGN("outputSizeMb", CONVERT),
	FIELD_ROW_FOREIGN("overwriteOutput", CONVERT),
	FIELD_ROW_FOREIGN("ceLogs", DIAG),
	FIELD_ROW_FOREIGN("windowsEventLogs", DIAG),
	FIELD_ROW_FOREIGN("dryRun", "it is a query parameter: ?dryRun=true"),
	FIELD_ROW_FOREIGN("deployment", CLIENT),
	FIELD_ROW_FOREIGN("customerId", CLIENT),
	FIELD_ROW_FOREIGN("secureClientId", CLIENT),
	FIELD_ROW_FOREIGN("secureSecret", CLIENT),
	FIELD_ROW_FOREIGN("logFileDir", CLIENT),
	FIELD_ROW_FOREIGN("logFileName", CLIENT),
	FIELD_ROW_FOREIGN("overwriteLog", CLIENT),
};
const size_t n_appliance_fields = ARRAY_SIZE(appliance_fields);
