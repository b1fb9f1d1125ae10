/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The serial console in real boot stores: on an EFI system partition, on the active partition of an MBR disk.
 * What was written is read by mtools, ntfscat and hivexregedit.
 */
#include "ntfs-write-util.h"

#include <string.h>

#include "guest-bcd.h"
#include "hive-guest.h"
#include "io.h"
#include "plan-apply.h"
#include "prepare.h"
#include "settings.h"

#define EMS_OBJECT "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"
#define MANAGER	   "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"

/* A store, the entry of its menu that starts a Windows, and what it stands on. */
struct store {
	const char *file;
	const char *loader;
	bool uefi;
};

static const struct store uefi = {
	"winefi_esp/Boot/BCD", "{347518e1-f3cc-11ea-911e-c7eaa7d84b6c}", true};
static const struct store bios = {
	"bios_komalw20/Boot__BCD", "{99066a2d-6dcc-11eb-9378-f32123128c9c}", false};

struct fixture {
	char *image;
	const struct store *store;
	struct disk *disk;
	struct overlay *overlay;
	struct partition_table *table;
	struct guest g;
	struct plan plan;
	struct prepare_request request;
	struct prep p;
};

static void make_esp(const char *image, const char *bcd)
{
	unit_must("rm -f '%s' && truncate -s 60M '%s' && "
		  "sgdisk -n 1:2048:+50M -t 1:EF00 '%s' >/dev/null && "
		  "mkfs.fat -F 32 -s 1 --offset=2048 '%s' 51200 >/dev/null && "
		  "export MTOOLS_SKIP_CHECK=1 && "
		  "mmd -i '%s@@1M' ::/EFI ::/EFI/Microsoft ::/EFI/Microsoft/Boot && "
		  "mcopy -i '%s@@1M' '%s' ::/EFI/Microsoft/Boot/BCD && "
		  "mcopy -i '%s@@1M' '%s.LOG' ::/EFI/Microsoft/Boot/BCD.LOG",
		image, image, image, image, image, image, bcd, image, bcd);
}

static void make_active(const char *image, const char *bcd)
{
	CLEANUP_FREE char *volume = xasprintf("%s.volume", image);
	ntfs_tool_make(volume, 50 * MiB, 4096, 512);
	ntfs_tool_mkdir(volume, "/Boot");
	unit_must("rm -f '%s' && truncate -s 60M '%s' && "
		  "echo 'start=2048, size=50MiB, type=7, bootable' | sfdisk -q -X dos '%s' && "
		  "ntfscp -q '%s' '%s' /Boot/BCD && ntfscp -q '%s' '%s.LOG' /Boot/BCD.LOG && "
		  "dd if='%s' of='%s' bs=1M seek=1 conv=notrunc,sparse status=none",
		image, image, image, volume, bcd, volume, bcd, volume, image);
}

static void begin(struct fixture *f, const struct store *s, const char *from, const char *to)
{
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	CLEANUP_FREE char *bcd = xasprintf("%s/bcd/%s", unit_data_dir(), s->file);
	*f = (struct fixture){.store = s, .image = xasprintf("%s/disk", unit_tmp())};
	(s->uefi ? make_esp : make_active)(f->image, bcd);
	CLEANUP_FREE char *journal = xasprintf("%s.journal", f->image);
	struct op op = {0};
	ck_ok(disk_open(&f->disk, f->image, DISK_OPEN_WRITE | DISK_OPEN_RAW, &err));
	ck_ok(overlay_new(&f->overlay, f->disk, journal, "test", &err));
	ck_ok(partition_table_read(&f->table, f->disk, &op, &err));
	f->g = (struct guest){.disk = overlay_disk(f->overlay), .table = f->table};
	ck_ok(guest_bcd_open(&f->g, &err));
	f->p = (struct prep){.guest = &f->g,
		.from = from ? platform_find(from) : NULL,
		.to = platform_find(to),
		.request = &f->request,
		.plan = &f->plan};
}

static void end(struct fixture *f)
{
	struct guest_hive *gh = &f->g.hives[HIVE_BCD];
	hive_close(gh->h);
	free(gh->path);
	hive_replay_report_done(&gh->replay);
	plan_done(&f->plan);
	partition_table_free(f->table);
	overlay_free(f->overlay);
	disk_close(f->disk);
	free(f->image);
}

static int plan_boot(struct prep *p, struct error **err)
{
	return settings_boot(p, err);
}

static const struct step step_boot = {.name = "settings", .plan = plan_boot};

static void rerun(struct fixture *f)
{
	plan_done(&f->plan);
	hive_guest_run(&f->p, &step_boot);
}

/* The overlay to the disk, and the store back as other programs see it. */
static void commit_disk(struct fixture *f)
{
	struct op op = {0};
	ck_ok(overlay_commit(f->overlay, f->disk, &op, &err));
	unit_must("dd if='%s' of='%s.part' bs=1M skip=1 count=50 conv=sparse status=none", f->image,
		f->image);
	if (f->store->uefi)
		unit_must("fsck.fat -n '%s.part' >/dev/null && MTOOLS_SKIP_CHECK=1 "
			  "mcopy -n -o -i '%s.part' ::/EFI/Microsoft/Boot/BCD '%s.bcd'",
			f->image, f->image, f->image);
	else
		unit_must(
			"ntfsfix -n '%s.part' >/dev/null && ntfscat '%s.part' /Boot/BCD >'%s.bcd'",
			f->image, f->image, f->image);
}

/* Writes the store to the disk. */
static void commit(struct fixture *f)
{
	uint8_t *data = NULL;
	size_t size;
	ck_ok(hive_save(f->g.hives[HIVE_BCD].h, &data, &size, &err));
	ck_ok(guest_bcd_write(&f->g, data, size, &err));
	free(data);
	commit_disk(f);
}

/* want: "hex(3):01"; "": there is no such element. */
static void check_element(struct fixture *f, const char *object, const char *id, const char *want)
{
	CLEANUP_FREE char *out = xasprintf("%s.element", f->image);
	char *text = NULL;
	unit_run("hivexregedit --export '%s.bcd' '\\Objects\\%s\\Elements\\%s' 2>/dev/null | "
		 "sed -n 's/^\"Element\"=//p' > '%s'",
		f->image, object, id, out);
	ck_ok(file_read(out, 1000, &text, NULL, &err));
	text[strcspn(text, "\n")] = '\0';
	ck_assert_msg(strcmp(text, want) == 0, "%s %s: %s", object, id, text);
	free(text);
}

static void check_ems(struct fixture *f, unsigned port)
{
	CLEANUP_FREE char *number = xasprintf("hex(3):%02x,00,00,00,00,00,00,00", port);
	check_element(f, EMS_OBJECT, "15000022", port ? number : "");
	check_element(f, EMS_OBJECT, "15000023", port ? "hex(3):00,c2,01,00,00,00,00,00" : "");
	check_element(f, f->store->loader, "260000b0", port ? "hex(3):01" : "");
	check_element(f, MANAGER, "16000020", port ? "hex(3):01" : "");
	check_element(f, EMS_OBJECT, "16000020", "hex(3):00"); /* as it was */
}

START_TEST(azure_has_a_console_on_port_1)
{
	static const struct store *const stores[] = {&uefi, &bios};
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		struct fixture f;
		begin(&f, stores[i], "vsphere", "azure");
		rerun(&f);
		commit(&f);
		check_ems(&f, 1);
		check_element(&f, f.store->loader, "250000e0", "hex(3):01,00,00,00,00,00,00,00");
		check_element(&f, f.store->loader, "16000009", "hex(3):00");
		check_element(&f, MANAGER, "25000004", "hex(3):05,00,00,00,00,00,00,00");
		/* The entry for recovery is nobody's business. */
		ck_assert_int_ne(unit_run("hivexregedit --export '%s.bcd' '\\' 2>/dev/null | "
					  "grep -F '260000b0]' | grep -v -q -F '%s'",
					 f.image, f.store->loader),
			0);
		end(&f);
	}
}
END_TEST

START_TEST(google_has_one_on_port_2)
{
	struct fixture f;
	begin(&f, &uefi, NULL, "gcp");
	rerun(&f);
	commit(&f);
	check_ems(&f, 2);
	check_element(&f, MANAGER, "25000004", "hex(3):1e,00,00,00,00,00,00,00"); /* as it was */
	end(&f);
}
END_TEST

START_TEST(leaving_takes_the_console_away)
{
	struct fixture f;
	begin(&f, &uefi, "vsphere", "azure");
	rerun(&f);
	f.p.from = platform_find("vsphere"); /* somebody's own: the source has none */
	f.p.to = platform_find("kvm");
	rerun(&f);
	ck_assert_uint_eq(f.plan.n, 0);
	f.p.from = platform_find("gcp"); /* the port is not Google's, the rest is alike */
	rerun(&f);
	ck_assert_uint_eq(f.plan.n, 3);
	f.p.from = platform_find("azure");
	rerun(&f);
	ck_assert_uint_eq(f.plan.n, 1);
	commit(&f);
	check_ems(&f, 0);
	end(&f);
}
END_TEST

/* Two Windows of the same name: a partition device tells them apart. */
START_TEST(other_windows_are_left_alone)
{
	struct fixture f;
	begin(&f, &uefi, "vsphere", "azure");
	struct partition other = {.number = 9, .start = 12345};
	f.g.partition = &other;
	rerun(&f);
	for (size_t i = 0; i < f.plan.n; i++)
		ck_assert_ptr_null(strstr(f.plan.v[i].path, uefi.loader));
	ck_assert_ptr_nonnull(f.plan.notes);
	f.g.partition = NULL;
	f.g.root = (char *)"\\WINNT";
	rerun(&f);
	ck_assert_uint_eq(f.plan.n, 0);
	ck_assert_ptr_nonnull(f.plan.notes);
	end(&f);
}
END_TEST

/* One partition for all: the store lies on the Windows volume itself, which is open already. */
START_TEST(store_on_the_windows_volume)
{
	struct fixture f;
	begin(&f, &bios, "vsphere", "gcp");
	struct guest_hive *gh = &f.g.hives[HIVE_BCD];
	hive_close(gh->h);
	free(gh->path);
	*gh = (struct guest_hive){0};
	const struct partition *p = f.g.partition = &f.table->v[0];
	ck_ok(ntfs_volume_open_write(
		&f.g.volume, overlay_disk(f.overlay), p->start, p->size, 0, &err));
	ck_ok(guest_bcd_open(&f.g, &err));
	f.g.partition = NULL; /* the store is another disk's: its devices name none of these */
	rerun(&f);
	f.g.partition = p;
	uint8_t *data = NULL;
	size_t size;
	ck_ok(hive_save(gh->h, &data, &size, &err));
	ck_ok(guest_bcd_write(&f.g, data, size, &err));
	free(data);
	ck_ok(ntfs_volume_sync(f.g.volume, &err));
	ntfs_volume_close(f.g.volume);
	commit_disk(&f);
	check_ems(&f, 2);
	end(&f);
}
END_TEST

/* Not closed cleanly: the log beside it is what brings it to the newest state, or it is not touched. */
START_TEST(store_needs_its_log)
{
	struct fixture f;
	begin(&f, &uefi, "vsphere", "azure");
	unit_must("cd '%s' && export MTOOLS_SKIP_CHECK=1 && "
		  "mcopy -n -o -i '%s@@1M' ::/EFI/Microsoft/Boot/BCD dirty && "
		  "printf '\\157' | dd of=dirty bs=1 seek=4 conv=notrunc status=none && "
		  "mcopy -o -i '%s@@1M' dirty ::/EFI/Microsoft/Boot/BCD",
		unit_tmp(), f.image, f.image);
	struct guest g = {.disk = f.disk, .table = f.table};
	struct guest_hive *gh = &g.hives[HIVE_BCD];
	ck_ok(guest_bcd_open(&g, &err));
	ck_assert(gh->replay.dirty && gh->h);
	ck_assert_uint_gt(gh->replay.entries, 0);
	f.p.guest = &g;
	rerun(&f);
	ck_assert_uint_gt(f.plan.n, 0);
	hive_close(gh->h);
	hive_replay_report_done(&gh->replay);
	free(gh->path);
	*gh = (struct guest_hive){0};
	unit_must("MTOOLS_SKIP_CHECK=1 mdel -i '%s@@1M' ::/EFI/Microsoft/Boot/BCD.LOG", f.image);
	ck_fails(guest_bcd_open(&g, &err), ERR_HIVE_DIRTY, "boot configuration");
	free(gh->path);
	end(&f);
}
END_TEST

START_TEST(no_store_is_no_failure)
{
	struct fixture f;
	begin(&f, &uefi, "vsphere", "azure");
	unit_must("MTOOLS_SKIP_CHECK=1 mdel -i '%s@@1M' ::/EFI/Microsoft/Boot/BCD", f.image);
	struct guest g = {.disk = f.disk, .table = f.table};
	ck_ok(guest_bcd_open(&g, &err));
	ck_assert_ptr_null(g.hives[HIVE_BCD].h);
	f.p.guest = &g;
	ck_ok(settings_boot(&f.p, &err));
	ck_assert_uint_eq(f.plan.n, 0);
	ck_assert_ptr_nonnull(f.plan.notes);
	/* One that is no hive is the hive's problem. */
	unit_must("cd '%s' && head -c 9000 /dev/zero >zero && MTOOLS_SKIP_CHECK=1 "
		  "mcopy -i '%s@@1M' zero ::/EFI/Microsoft/Boot/BCD",
		unit_tmp(), f.image);
	ck_fails(guest_bcd_open(&g, &err), ERR_HIVE_DAMAGED, "boot configuration");
	free(g.hives[HIVE_BCD].path);
	end(&f);
}
END_TEST

UNIT_MAIN("bcd", azure_has_a_console_on_port_1, google_has_one_on_port_2,
	leaving_takes_the_console_away, other_windows_are_left_alone, store_on_the_windows_volume,
	store_needs_its_log, no_store_is_no_failure)
