/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-list.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "io.h"
#include "mem.h"

#define NAME_MAX_LEN 64
#define STACK_DEPTH  8 /* of device mapper upon md upon … */

/* Not disks, or made of other disks. */
static const char *const not_disks[] = {"loop", "ram", "zram", "fd", "sr", "dm-", "md"};

struct scan {
	const char *sys, *proc;
	char (*system)[NAME_MAX_LEN]; /* whole disks that the running system uses */
	size_t n_system;
};

static void add_system(struct scan *s, const char *name)
{
	for (size_t i = 0; i < s->n_system; i++)
		if (strcmp(s->system[i], name) == 0)
			return;
	s->system = xrealloc_array(s->system, s->n_system + 1, sizeof(*s->system));
	snprintf(s->system[s->n_system++], NAME_MAX_LEN, "%s", name);
}

/* A partition's disk stands above it in sysfs: …/block/sda/sda1. */
static void use_device(struct scan *s, const char *link, unsigned depth);

static void use_slaves(struct scan *s, const char *device, unsigned depth)
{
	CLEANUP_FREE char *path = xasprintf("%s/slaves", device);
	CLEANUP_CLOSEDIR DIR *d = opendir(path);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		CLEANUP_FREE char *slave = xasprintf("%s/%s", path, e->d_name);
		use_device(s, slave, depth + 1);
	}
}

static void use_device(struct scan *s, const char *link, unsigned depth)
{
	CLEANUP_FREE char *device = realpath(link, NULL);
	if (!device || depth > STACK_DEPTH)
		return;
	CLEANUP_FREE char *partition = xasprintf("%s/partition", device);
	if (access(partition, F_OK) == 0)
		*strrchr(device, '/') = '\0';
	add_system(s, strrchr(device, '/') + 1);
	use_slaves(s, device, depth);
}

static void use_number(struct scan *s, unsigned major_no, unsigned minor_no)
{
	CLEANUP_FREE char *link = xasprintf("%s/dev/block/%u:%u", s->sys, major_no, minor_no);
	use_device(s, link, 0);
}

static void use_path(struct scan *s, const char *path)
{
	struct stat st;
	if (path[0] == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		use_number(s, major(st.st_rdev), minor(st.st_rdev));
}

/*
 * proc(5): "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/sdb1 rw". A file system with a
 * number of its own (Btrfs, overlay) names its device after the dash.
 */
static void use_mount(struct scan *s, const char *line)
{
	unsigned major_no, minor_no;
	char source[4096];
	const char *dash = strstr(line, " - ");
	if (sscanf(line, "%*u %*u %u:%u", &major_no, &minor_no) == 2)
		use_number(s, major_no, minor_no);
	if (dash && sscanf(dash, " - %*s %4095s", source) == 1)
		use_path(s, source);
}

static void use_swap(struct scan *s, const char *line)
{
	char source[4096];
	if (sscanf(line, "%4095s", source) == 1)
		use_path(s, source);
}

static int each_line(struct scan *s, const char *name, void (*use)(struct scan *, const char *line),
	bool required, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", s->proc, name);
	CLEANUP_FREE char *line = NULL;
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	size_t cap = 0;
	/* Without it the system's own disk would be on offer. */
	if (!f)
		return required ? err_errno(err, ERR_SYSTEM, errno, "cannot read \"%s\"", path) : 0;
	while (getline(&line, &cap, f) > 0)
		use(s, line);
	return 0;
}

static bool is_data_disk(const struct scan *s, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(not_disks); i++)
		if (strncmp(name, not_disks[i], strlen(not_disks[i])) == 0)
			return false;
	for (size_t i = 0; i < s->n_system; i++)
		if (strcmp(name, s->system[i]) == 0)
			return false;
	CLEANUP_FREE char *partition = xasprintf("%s/class/block/%s/partition", s->sys, name);
	CLEANUP_FREE char *size = xasprintf("%s/class/block/%s/size", s->sys, name);
	uint64_t sectors = 0;
	CLEANUP_FCLOSE FILE *f = fopen(size, "re");
	return access(partition, F_OK) < 0 && f && fscanf(f, "%" SCNu64, &sectors) == 1 &&
	       sectors > 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct disk_ref *)a)->id, ((const struct disk_ref *)b)->id);
}

int disk_list_scan(struct disk_list *ret, const char *sys, const char *proc, const char *dev,
	struct error **err)
{
	struct scan s = {.sys = sys, .proc = proc};
	CLEANUP_FREE char *path = xasprintf("%s/class/block", sys);
	CLEANUP_CLOSEDIR DIR *d = opendir(path);
	struct dirent *e;
	if (!d)
		return err_errno(err, ERR_SYSTEM, errno, "cannot read \"%s\"", path);
	int r = each_line(&s, "self/mountinfo", use_mount, true, err);
	if (r == 0)
		r = each_line(&s, "swaps", use_swap, false, err);
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !is_data_disk(&s, e->d_name))
			continue;
		CLEANUP_FREE char *spec = xasprintf("%s=%s/%s", e->d_name, dev, e->d_name);
		CLEANUP_ERR struct error *odd = NULL; /* a name like "cciss!c0d0" is not offered */
		disk_list_add(ret, spec, &odd);
	}
	free(s.system);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_id);
	return r;
}
