/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The platforms. Boot paths: facts windows-and-peers 1.4.7; settings: 1.8. */
#include <string.h>

#include "lists.h"

#define VIRTIO "PCI\\VEN_1AF4&DEV_"

/* Several paths, not only the expected one: a boot driver whose device is absent just unloads. */
static const char *const boot_vsphere[] = {"pci", "stornvme", "storahci", "LSI_SAS", NULL};
static const char *const boot_hyperv[] = {"pci", "vpci", "vmbus", "storvsc", "storflt", "intelide",
	"pciide", "atapi", "storahci", "stornvme", NULL};
static const char *const boot_aws[] = {"pci", "stornvme", "intelide", "pciide", "atapi", NULL};
static const char *const boot_gcp[] = {"pci", "stornvme", "storahci", NULL};
static const char *const boot_ahv[] = {"pci", "storahci", "intelide", "pciide", "atapi", NULL};
static const char *const boot_xen[] = {
	"pci", "intelide", "pciide", "atapi", "storahci", "stornvme", NULL};
static const char *const boot_kvm[] = {
	"pci", "storahci", "intelide", "pciide", "atapi", "stornvme", NULL};

static const struct boot_path paths_vsphere[] = {{"NVMe", {"stornvme"}}, {"SATA", {"storahci"}},
	{"LSI Logic SAS", {"LSI_SAS"}}, {"PVSCSI", {"pvscsi"}}, {0}};
/* Generation 1 goes on from its IDE emulation to these, too. */
static const struct boot_path paths_hyperv[] = {{"VMBus SCSI", {"vmbus", "storvsc"}}, {0}};
static const struct boot_path paths_aws[] = {
	{"NVMe", {"stornvme"}}, {"IDE", {"intelide", "atapi"}}, {0}};
static const struct boot_path paths_xen[] = {
	{"IDE", {"intelide", "atapi"}}, {"SATA", {"storahci"}}, {"NVMe", {"stornvme"}}, {0}};

static const struct platform_device devices_vsphere[] = {
	{"PCI\\VEN_15AD&DEV_07C0", "VMware PVSCSI controller", "pvscsi", .boots = true},
	{"PCI\\VEN_15AD&DEV_07B0", "VMware vmxnet3 adapter", "vmxnet3ndis6", 0},
	{0},
};
static const struct platform_device devices_aws[] = {
	{"PCI\\VEN_1D0F&DEV_EC20", "Elastic Network Adapter", "ena", .nic = true},
	{"PCI\\VEN_1D0F&DEV_8061", "AWS NVMe controller", "AWSNVMe", .boots = true},
	{0},
};
static const struct platform_device devices_gcp[] = {
	{VIRTIO "1004", "virtio SCSI controller", "vioscsi", 1},
	{VIRTIO "1048", "virtio 1.0 SCSI controller", "vioscsi", .boots = true},
	{VIRTIO "1000", "virtio network adapter", "netkvm", .nic = true},
	{"PCI\\VEN_1AE0&DEV_0042", "Google virtual NIC", "gvnic", .nic = true},
	{VIRTIO "1002", "virtio balloon", "BALLOON", 0},
	{"ACPI\\QEMU0001", "pvpanic device", "pvpanic", 0},
	{0},
};
static const struct platform_device devices_ahv[] = {
	{VIRTIO "1004", "virtio SCSI controller", "vioscsi", 1},
	{VIRTIO "1000", "virtio network adapter", "netkvm", 0},
	{VIRTIO "1002", "virtio balloon", "BALLOON", 0},
	{0},
};
static const struct platform_device devices_kvm[] = {
	{VIRTIO "1001", "virtio block device", "viostor", 1},
	{VIRTIO "1042", "virtio 1.0 block device", "viostor", 1},
	{VIRTIO "1004", "virtio SCSI controller", "vioscsi", 1},
	{VIRTIO "1048", "virtio 1.0 SCSI controller", "vioscsi", 1},
	{VIRTIO "1000", "virtio network adapter", "netkvm", 0},
	{VIRTIO "1041", "virtio 1.0 network adapter", "netkvm", 0},
	{VIRTIO "1002", "virtio balloon", "BALLOON", 0},
	{VIRTIO "1045", "virtio 1.0 balloon", "BALLOON", 0},
	{VIRTIO "1003", "virtio serial port", "VirtioSerial", 0},
	{VIRTIO "1043", "virtio 1.0 serial port", "VirtioSerial", 0},
	{VIRTIO "1005", "virtio random number generator", "viorng", 0},
	{VIRTIO "1044", "virtio 1.0 random number generator", "viorng", 0},
	{VIRTIO "1050", "virtio graphics adapter", "VioGpuDod", 0},
	{VIRTIO "1052", "virtio input device", "VirtioInput", 0},
	{VIRTIO "1058", "virtio memory device", "VIOMEM", 0},
	{"ACPI\\QEMU0001", "pvpanic device", "pvpanic", 0},
	{"ACPI\\QEMU0002", "QEMU firmware configuration", "fwcfg", 0},
	{0},
};

static const struct strip_list *const strips_vsphere[] = {&strip_vmware, NULL};
static const struct strip_list *const strips_azure[] = {&strip_azure, NULL};
static const struct strip_list *const strips_aws[] = {&strip_aws, &strip_xen_settings, NULL};
static const struct strip_list *const strips_gcp[] = {
	&strip_gcp, &strip_qemu, &strip_qemu_agents, NULL};
static const struct strip_list *const strips_ahv[] = {
	&strip_nutanix, &strip_qemu, &strip_qemu_agents, NULL};
static const struct strip_list *const strips_xen[] = {&strip_xen, &strip_xen_settings, NULL};
static const struct strip_list *const strips_kvm[] = {&strip_qemu, &strip_qemu_agents, NULL};
static const struct strip_list *const strips_virtualbox[] = {&strip_virtualbox, NULL};

const struct platform platforms[] = {
	{.name = "vsphere",
		.title = "VMware vSphere",
		.is_target = true,
		.boot_services = boot_vsphere,
		.boot_paths = paths_vsphere,
		.devices = devices_vsphere,
		.strips = strips_vsphere},
	{.name = "hyperv",
		.title = "Microsoft Hyper-V",
		.is_target = true,
		.boot_services = boot_hyperv,
		.boot_paths = paths_hyperv},
	{.name = "azure",
		.title = "Microsoft Azure",
		.is_target = true,
		.boot_services = boot_hyperv,
		.boot_paths = paths_hyperv,
		.strips = strips_azure,
		.rtc_utc = true,
		.ems_port = 1,
		.temporary_disk = true},
	{.name = "aws",
		.title = "Amazon Web Services",
		.is_target = true,
		.boot_services = boot_aws,
		.boot_paths = paths_aws,
		.devices = devices_aws,
		.strips = strips_aws,
		.rtc_utc = true},
	{.name = "gcp",
		.title = "Google Cloud",
		.is_target = true,
		.boot_services = boot_gcp,
		.devices = devices_gcp,
		.strips = strips_gcp,
		.family = "virtio",
		.rtc_utc = true,
		.ems_port = 2},
	{.name = "ahv",
		.title = "Nutanix AHV",
		.is_target = true,
		.boot_services = boot_ahv,
		.devices = devices_ahv,
		.strips = strips_ahv,
		.family = "virtio"},
	{.name = "xen",
		.title = "XenServer and XCP-ng",
		.is_target = true,
		.boot_services = boot_xen,
		.boot_paths = paths_xen,
		.strips = strips_xen},
	{.name = "kvm",
		.title = "KVM (virtio)",
		.is_target = true,
		.boot_services = boot_kvm,
		.devices = devices_kvm,
		.strips = strips_kvm,
		.family = "virtio"},
	{.name = "virtualbox",
		.title = "Oracle VirtualBox",
		.boot_services = boot_kvm,
		.strips = strips_virtualbox},
	{0},
};

const struct platform *platform_find(const char *name)
{
	for (const struct platform *p = platforms; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}
