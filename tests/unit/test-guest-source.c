/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real hives of Windows on VMware are recognised, with evidence that says why. */
#include "unit.h"

#include <string.h>

#include "guest-check.h"
#include "hive-guest.h"
#include "made-guest.h"
#include "mem.h"

static void check_source(const char *hive, const char *expected, size_t evidence_at_least)
{
	struct guest g;
	json_t *evidence = NULL;
	hive_guest_init(&g, hive);
	const struct platform *p = guest_source_platform(&g, &evidence);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->name, expected);
	ck_assert_uint_ge(json_array_size(evidence), evidence_at_least);
	json_decref(evidence);
	hive_guest_done(&g);
}

START_TEST(vmware_by_firmware_devices_and_services)
{
	check_source("win10-19041-vmware-efi.SYSTEM", "vsphere", 5);
}
END_TEST

START_TEST(old_vmware_too)
{
	check_source("win7-x86-vmware.SYSTEM", "vsphere", 3);
}
END_TEST

static void check_made(const struct made_row *rows, const char *expected)
{
	struct guest g;
	json_t *evidence = NULL;
	made_guest_init(&g);
	made_guest_add(&g, rows);
	const struct platform *p = guest_source_platform(&g, &evidence);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->name, expected);
	json_decref(evidence);
	made_guest_done(&g);
}

#define SERVICE(name) ROW_NUMBER("CCS\\Services\\" name, "Start", 2)
#define XEN_HARDWARE                                                                        \
	ROW_TEXT("CCS\\Control\\SystemInformation", "SystemManufacturer", "Xen"),           \
		ROW_TEXT("CCS\\Enum\\PCI\\VEN_5853&DEV_0001\\3&1", "Service", "xenbus"),    \
		SERVICE("xenbus"), SERVICE("xenvbd"), SERVICE("xenvif"), SERVICE("xennet"), \
		SERVICE("xeniface"), SERVICE("xenfilt")

/* Amazon's older instances are Xen underneath, with PV drivers of the same names. */
START_TEST(amazon_on_xen)
{
	static const struct made_row amazon[] = {
		XEN_HARDWARE, SERVICE("AmazonSSMAgent"), SERVICE("AWSLiteAgent"), {0}};
	static const struct made_row elsewhere[] = {XEN_HARDWARE, SERVICE("AmazonSSMAgent"), {0}};
	check_made(amazon, "aws");
	check_made(elsewhere, "xen");
}
END_TEST

UNIT_MAIN("guest-source", vmware_by_firmware_devices_and_services, old_vmware_too, amazon_on_xen)
