/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "partition-probe.h"

#include <string.h>

#include "mem.h"
#include "utf16.h"

void partition_probe_free(blkid_probe *p)
{
	if (*p)
		blkid_free_probe(*p);
}

blkid_probe partition_probe_new(
	const struct partition_window *w, uint64_t start, uint64_t size, struct error **err)
{
	blkid_probe pr = blkid_new_probe();
	if (!pr || blkid_probe_set_device(pr, w->fd, (blkid_loff_t)start, (blkid_loff_t)size) < 0) {
		err_set(err, ERR_SYSTEM, "libblkid cannot probe a memory file");
		partition_probe_free(&pr);
		return NULL;
	}
	return pr;
}

void partition_copy_text(char *dst, size_t size, const char *src)
{
	size_t units;
	snprintf(dst, size, "%s", src ? src : "");
	CLEANUP_FREE uint8_t *valid = utf8_to_utf16(dst, &units);
	for (char *p = dst; !valid && *p; p++)
		if (*p & 0x80)
			*p = '?';
}

static const char *probe_value(blkid_probe pr, const char *name)
{
	const char *value = NULL;
	return blkid_probe_lookup_value(pr, name, &value, NULL) == 0 ? value : NULL;
}

/* libblkid wants to see more of BitLocker than its boot record; for "copy it whole" that is enough. */
static bool is_bitlocker(const struct partition_window *w, uint64_t start)
{
	char oem[8];
	return pread_full(w->fd, oem, 8, start + 3) == 8 && memcmp(oem, "-FVE-FS-", 8) == 0;
}

/* Two signatures at once are no file system: nothing is assumed about such a partition. */
int partition_probe_fs(struct partition *p, const struct partition_window *w, struct error **err)
{
	CLEANUP(partition_probe_free)
	blkid_probe pr = partition_probe_new(w, p->start, p->size, err);
	if (!pr)
		return -1;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL);
	int result = blkid_do_safeprobe(pr);
	p->ambiguous = result == -2;
	if (result == 0) {
		partition_copy_text(p->fs, sizeof(p->fs), probe_value(pr, "TYPE"));
		partition_copy_text(p->label, sizeof(p->label), probe_value(pr, "LABEL"));
	}
	if (is_bitlocker(w, p->start)) {
		p->ambiguous = false;
		partition_copy_text(p->fs, sizeof(p->fs), "BitLocker");
	}
	return 0;
}
