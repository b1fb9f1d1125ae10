/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-sd.h"

#include <string.h>

#include "checked.h"
#include "mem.h"
#include "ntfs-sd-format.h"

#define ACL_MAX 65532u

const uint8_t sd_sid_system[12] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
static const uint8_t sid_creator_owner[12] = {1, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0};
static const uint8_t sid_creator_group[12] = {1, 1, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0};
static const uint8_t sid_administrators[16] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};

static size_t sid_size(const uint8_t *sid)
{
	return sizeof(struct sd_sid) + 4u * sid[offsetof(struct sd_sid, count)];
}

/* ---- entries ---- */

/* The kinds that a file system has; all have their SID behind the mask. */
static bool known_type(uint8_t type)
{
	static const uint8_t types[] = {
		0, 1, 2, 3,    /* allow, deny, audit, alarm */
		9, 10, 13, 14, /* the same with a condition */
		17,	       /* mandatory label */
		18, 19,	       /* resource attribute, central policy */
	};
	return memchr(types, type, sizeof(types));
}

/* [MS-FSCC] and Windows' wdm.h: FILE_GENERIC_READ and its like. */
static uint32_t map_generic(uint32_t mask)
{
	static const struct {
		uint32_t generic, rights;
	} map[] = {
		{0x80000000, 0x00120089},
		{0x40000000, 0x00120116},
		{0x20000000, 0x001200a0},
		{0x10000000, 0x001f01ff},
	};
	uint32_t rights = mask & 0x0fffffff;
	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (mask & map[i].generic)
			rights |= map[i].rights;
	return rights;
}

/* ---- an ACL being made ---- */

struct acl {
	uint8_t *data; /* of ACL_MAX bytes, its header first; NULL: none */
	size_t len;
	uint16_t count;
};

static void acl_init(struct acl *acl, uint8_t revision)
{
	acl->data = xcalloc(1, ACL_MAX);
	acl->data[0] = revision;
	acl->len = sizeof(struct sd_acl);
}

static void acl_done(struct acl *acl)
{
	free(acl->data);
}

static bool acl_has(const struct acl *acl, const uint8_t *ace, size_t size)
{
	for (size_t at = sizeof(struct sd_acl); at < acl->len;) {
		size_t n = le16_at(acl->data + at + offsetof(struct sd_ace, size));
		if (n == size && memcmp(acl->data + at, ace, size) == 0)
			return true;
		at += n;
	}
	return false;
}

/* Adds an entry: SID, and rest bytes that follow it. One that is there already is left out. */
static int acl_add(struct acl *acl, struct sd_ace head, const uint8_t *sid, const uint8_t *rest,
	size_t rest_len, struct error **err)
{
	size_t sid_len = sid_size(sid), size = sizeof(head) + sid_len + rest_len;
	if (size > ACL_MAX - acl->len)
		return err_set(err, ERR_NTFS_DAMAGED,
			"more than %u bytes of inherited access control entries", ACL_MAX);
	uint8_t *p = acl->data + acl->len;
	head.size = le16_make((uint16_t)size);
	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), sid, sid_len);
	if (rest_len)
		memcpy(p + sizeof(head) + sid_len, rest, rest_len);
	if (acl_has(acl, p, size))
		return 0;
	acl->len += size;
	acl->count++;
	return 0;
}

static void acl_finish(struct acl *acl)
{
	struct sd_acl head = {.revision = acl->data[0],
		.size = le16_make((uint16_t)acl->len),
		.count = le16_make(acl->count)};
	memcpy(acl->data, &head, sizeof(head));
}

/* ---- inheriting ---- */

struct child {
	bool folder;
	const uint8_t *owner, *group;
};

static bool same_sid(const uint8_t *a, const uint8_t *b)
{
	return sid_size(a) == sid_size(b) && memcmp(a, b, sid_size(a)) == 0;
}

static const uint8_t *replace_creator(const struct child *c, const uint8_t *sid)
{
	return same_sid(sid, sid_creator_owner)	  ? c->owner
	       : same_sid(sid, sid_creator_group) ? c->group
						  : sid;
}

static int inherit_ace(const struct child *c, const uint8_t *ace, size_t size, uint8_t inherited,
	struct acl *ret, struct error **err)
{
	struct sd_ace head;
	memcpy(&head, ace, sizeof(head));
	const uint8_t *sid = ace + sizeof(head), *rest = sid + sid_size(sid);
	size_t rest_len = size - (size_t)(rest - ace);
	uint8_t flags = head.flags, passed_on = 0, other = flags & 0xe0;
	bool effective = flags & (c->folder ? ACE_CONTAINER_INHERIT : ACE_OBJECT_INHERIT);
	if (c->folder && !(flags & ACE_NO_PROPAGATE))
		passed_on = flags & (ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT);
	const uint8_t *own_sid = replace_creator(c, sid);
	uint32_t mask = le32_get(head.mask), own_mask = map_generic(mask);
	bool split = !effective || own_sid != sid || own_mask != mask;
	if (effective) {
		struct sd_ace own = {.type = head.type, .mask = le32_make(own_mask)};
		own.flags = other | inherited | (split ? 0 : passed_on);
		if (acl_add(ret, own, own_sid, rest, rest_len, err) < 0)
			return -1;
	}
	if (!passed_on || !split)
		return 0;
	/* For what comes below, as it is. */
	head.flags = other | inherited | passed_on | ACE_INHERIT_ONLY;
	return acl_add(ret, head, sid, rest, rest_len, err);
}

static int damaged(struct error **err, const char *what)
{
	return err_set(err, ERR_NTFS_DAMAGED, "a security descriptor with %s", what);
}

/* acl: an ACL of len bytes at least; inherited: ACE_INHERITED or 0. */
static int inherit_acl(const struct child *c, const uint8_t *acl, size_t len, uint8_t inherited,
	struct acl *ret, struct error **err)
{
	struct sd_acl head;
	if (len < sizeof(head))
		return damaged(err, "an ACL that is cut off");
	memcpy(&head, acl, sizeof(head));
	if (le16_get(head.size) > len)
		return damaged(err, "an ACL that is cut off");
	acl_init(ret, head.revision);
	size_t at = sizeof(head), end = le16_get(head.size);
	for (unsigned i = le16_get(head.count); i; i--) {
		if (!u64_range_ok(at, sizeof(struct sd_ace), end))
			return damaged(err, "an ACL that is cut off");
		size_t size = le16_at(acl + at + offsetof(struct sd_ace, size));
		if (size < sizeof(struct sd_ace) || !u64_range_ok(at, size, end))
			return damaged(err, "an entry that is cut off");
		if (known_type(acl[at])) {
			size_t sid = sizeof(struct sd_ace) + sizeof(struct sd_sid);
			if (size < sid || size - sizeof(struct sd_ace) <
						  sid_size(acl + at + sizeof(struct sd_ace)))
				return damaged(err, "a SID that is cut off");
			if (inherit_ace(c, acl + at, size, inherited, ret, err) < 0)
				return -1;
		}
		at += size;
	}
	return 0;
}

/* ---- descriptors ---- */

/* What SYSTEM's token says: itself everything, Administrators read and execute. */
static int default_dacl(struct acl *ret, struct error **err)
{
	struct sd_ace all = {.mask = le32_make(0x001f01ff)}, read = {.mask = le32_make(0x001200a9)};
	if (!ret->data)
		acl_init(ret, 2);
	if (acl_add(ret, all, sd_sid_system, NULL, 0, err) < 0)
		return -1;
	return acl_add(ret, read, sid_administrators, NULL, 0, err);
}

/* Header, SACL, DACL, owner, group: the order in which Windows stores them. */
static uint8_t *put_together(uint16_t control, struct acl *sacl, struct acl *dacl,
	const struct child *c, size_t *ret_len)
{
	struct sd_header h = {.revision = 1};
	size_t sacl_len = sacl->count ? sacl->len : 0;
	size_t at = sizeof(h), owner_len = sid_size(c->owner), group_len = sid_size(c->group);
	uint8_t *sd = xmalloc(at + sacl_len + dacl->len + owner_len + group_len);
	if (sacl_len) {
		acl_finish(sacl);
		memcpy(sd + at, sacl->data, sacl_len);
		h.sacl = le32_make((uint32_t)at);
		control |= SD_SACL_PRESENT;
	}
	at += sacl_len;
	acl_finish(dacl);
	memcpy(sd + at, dacl->data, dacl->len);
	h.dacl = le32_make((uint32_t)at);
	at += dacl->len;
	memcpy(sd + at, c->owner, owner_len);
	h.owner = le32_make((uint32_t)at);
	at += owner_len;
	memcpy(sd + at, c->group, group_len);
	h.group = le32_make((uint32_t)at);
	h.control = le16_make(control | SD_SELF_RELATIVE | SD_DACL_PRESENT);
	memcpy(sd, &h, sizeof(h));
	*ret_len = at + group_len;
	return sd;
}

/* One of the two ACLs of parent, where it has it. */
static int inherit_from(const struct child *c, const uint8_t *parent, size_t len, uint32_t offset,
	bool inherited, struct acl *ret, struct error **err)
{
	if (!offset)
		return 0;
	if (offset < sizeof(struct sd_header) || offset > len)
		return damaged(err, "an ACL outside of it");
	return inherit_acl(
		c, parent + offset, len - offset, inherited ? ACE_INHERITED : 0, ret, err);
}

int sd_inherit(const uint8_t *parent, size_t len, bool folder, const uint8_t *owner,
	const uint8_t *group, uint8_t **ret, size_t *ret_len, struct error **err)
{
	struct sd_header h;
	struct child c = {folder, owner, group};
	CLEANUP(acl_done) struct acl dacl = {0}, sacl = {0};
	if (len < sizeof(h))
		return damaged(err, "no header");
	memcpy(&h, parent, sizeof(h));
	/* Entries are marked as inherited where the folder's own are: since Windows 2000 but on a
	 * volume's root as it was formatted. */
	uint16_t control = le16_get(h.control) & (SD_DACL_INHERITED | SD_SACL_INHERITED);
	if (inherit_from(&c, parent, len, le32_get(h.dacl), control & SD_DACL_INHERITED, &dacl,
		    err) < 0 ||
		inherit_from(&c, parent, len, le32_get(h.sacl), control & SD_SACL_INHERITED, &sacl,
			err) < 0)
		return -1;
	if (!dacl.count && default_dacl(&dacl, err) < 0)
		return -1;
	*ret = put_together(control, &sacl, &dacl, &c, ret_len);
	return 0;
}
