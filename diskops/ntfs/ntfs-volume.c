/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-private.h"

#include <inttypes.h>
#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/logfile.h>

#include "mem.h"
#include "ntfs-boot.h"
#include "utf16.h"

int ntfs_failure(struct ntfs_volume *v, struct error **err, const char *what)
{
	int errnum = errno;
	if (v->source.error) {
		err_move(err, &v->source.error);
		return -1;
	}
	if (errnum == ENOMEM || errnum == ENOSPC)
		return err_errno(err, ERR_NTFS_DAMAGED, errnum, "%s", what);
	const char *complaint = ntfs_complaint();
	return err_set(err, ERR_NTFS_DAMAGED, "%s: %s", what,
		*complaint ? complaint : strerror(errnum ? errnum : EIO));
}

void ntfs_begin(struct ntfs_volume *v)
{
	ntfs_complaint_clear();
	ntfs_source_begin(&v->source);
}

int ntfs_prefix(const struct ntfs_volume *v, struct error **err)
{
	return err_prefix(
		err, "\"%s\": NTFS at 0x%" PRIx64, v->source.disk->name, v->source.offset);
}

void ntfs_free_attr(ntfs_attr **na)
{
	if (*na)
		ntfs_attr_close(*na);
}

void ntfs_free_inode(ntfs_inode **ni)
{
	if (*ni)
		ntfs_inode_close(*ni);
}

/* ---- facts ---- */

/*
 * Whether the journal holds nothing that is not on the disk. Version 2.0 of it means that Windows
 * keeps metadata in memory over a shutdown (fast startup): then it is not clean either.
 */
static int read_journal(struct ntfs_volume *v, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = ntfs_inode_open(v->vol, FILE_LogFile);
	CLEANUP(ntfs_free_attr)
	ntfs_attr *na = ni ? ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0) : NULL;
	if (!na)
		return ntfs_failure(v, err, "$LogFile");
	RESTART_PAGE_HEADER *rp = NULL;
	bool clean = ntfs_check_logfile(na, &rp) && ntfs_is_logfile_clean(na, rp);
	if (rp && rp->major_ver == const_cpu_to_le16(2) && rp->minor_ver == const_cpu_to_le16(0))
		clean = false;
	free(rp);
	if (v->source.error)
		return ntfs_failure(v, err, "$LogFile");
	v->facts.journal_unclean = !clean;
	return 0;
}

/* Whether a hibernation file holds a session that waits, or that is being woken. A file that was
 * used up says "wake", or nothing. */
static bool holds_session(const char header[4])
{
	static const char *const signatures[] = {"hibr", "HIBR", "rstr", "RSTR", "HORM"};
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (memcmp(header, signatures[i], 4) == 0)
			return true;
	return false;
}

static int read_hibernation(struct ntfs_volume *v, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_find_file(v, "\\hiberfil.sys", &ni, err) < 0)
		return -1;
	CLEANUP(ntfs_free_attr)
	ntfs_attr *na = ni ? ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0) : NULL;
	char header[4];
	if (na && ntfs_attr_pread(na, 0, sizeof(header), header) == sizeof(header))
		v->facts.hibernated = holds_session(header);
	return v->source.error ? ntfs_failure(v, err, "\"\\hiberfil.sys\"") : 0;
}

static int read_facts(struct ntfs_volume *v, const struct ntfs_boot *boot, struct error **err)
{
	size_t units;
	v->facts = (struct ntfs_volume_facts){
		.cluster_size = boot->cluster_size,
		.clusters = boot->clusters,
		.major = v->vol->major_ver,
		.minor = v->vol->minor_ver,
		.dirty = v->vol->flags & VOLUME_IS_DIRTY,
		.shadow_copies = boot->shadow_copies,
	};
	snprintf(v->facts.label, sizeof(v->facts.label), "%s", v->vol->vol_name);
	CLEANUP_FREE uint8_t *valid = utf8_to_utf16(v->facts.label, &units);
	if (!valid)
		v->facts.label[0] = '\0';
	if (read_journal(v, err) < 0 || read_hibernation(v, err) < 0)
		return -1;
	v->facts.discarded = v->facts.dirty && ntfs_discarded_is(v);
	return 0;
}

/* ---- open and close ---- */

static int mount_volume(struct ntfs_volume *v, struct error **err)
{
	struct ntfs_device *dev = ntfs_device_open(&v->source, err);
	if (!dev)
		return -1;
	ntfs_begin(v);
	errno = 0;
	/* Forensic: neither the journal nor anything else is touched, not even in memory. */
	v->vol = ntfs_device_mount(
		dev, NTFS_MNT_FORENSIC | (v->source.writable ? 0 : NTFS_MNT_RDONLY));
	if (!v->vol) {
		ntfs_failure(v, err, "not a sound NTFS");
		ntfs_device_free(dev);
		return -1;
	}
	return ntfs_set_ignore_case(v->vol) < 0 ? ntfs_failure(v, err, "upper case table") : 0;
}

int ntfs_volume_mount(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	bool writable, struct error **err)
{
	struct ntfs_boot boot;
	if (!u64_range_ok(offset, size, d->size))
		return err_set(err, ERR_NTFS_DAMAGED,
			"\"%s\": a volume at 0x%" PRIx64 " of %" PRIu64
			" bytes reaches past the end of the disk (%" PRIu64 " bytes)",
			d->name, offset, size, d->size);
	CLEANUP(ntfs_volume_close_p) struct ntfs_volume *v = xcalloc(1, sizeof(*v));
	v->source = (struct ntfs_source){
		.disk = d, .offset = offset, .size = size, .writable = writable};
	if (ntfs_boot_read(&boot, d, offset, size, err) < 0 || mount_volume(v, err) < 0 ||
		read_facts(v, &boot, err) < 0)
		return ntfs_prefix(v, err);
	*ret = TAKE_PTR(v);
	return 0;
}

int ntfs_volume_open(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	struct error **err)
{
	return ntfs_volume_mount(ret, d, offset, size, false, err);
}

void ntfs_volume_close(struct ntfs_volume *v)
{
	if (!v)
		return;
	if (v->vol)
		ntfs_umount(v->vol, FALSE);
	err_free(v->source.error);
	err_free(v->broken);
	ranges_done(&v->metadata);
	free(v);
}

const struct ntfs_volume_facts *ntfs_volume_facts(const struct ntfs_volume *v)
{
	return &v->facts;
}
