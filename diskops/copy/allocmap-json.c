/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "allocmap.h"
#include "jsonx.h"

static const char *how_name(enum allocmap_how how)
{
	static const char *const names[] = {
		[MAP_WHOLE] = "whole",
		[MAP_NTFS] = "ntfs",
		[MAP_NTFS_FALLBACK] = "ntfs-whole",
		[MAP_STRUCTURES] = "structures",
	};
	return names[how];
}

static json_t *ntfs_to_json(const struct ntfs_volume_facts *f)
{
	char version[16];
	json_t *o = json_object();
	snprintf(version, sizeof(version), "%u.%u", f->major & 0xff, f->minor & 0xff);
	jsonx_set_string(o, "version", version);
	jsonx_set_string(o, "label", f->label[0] ? f->label : NULL);
	jsonx_set_u64(o, "clusterSize", f->cluster_size);
	jsonx_set_u64(o, "clusters", f->clusters);
	jsonx_set_u64(o, "freeClusters", f->free_clusters);
	jsonx_set_bool(o, "shadowCopies", f->shadow_copies);
	return o;
}

static json_t *part_to_json(const struct allocmap_part *p)
{
	json_t *o = json_object();
	jsonx_set_u64(o, "partition", p->partition);
	jsonx_set_string(o, "how", how_name(p->how));
	jsonx_set_u64(o, "start", p->start);
	jsonx_set_u64(o, "size", p->size);
	jsonx_set_u64(o, "kept", p->kept);
	jsonx_set_u64(o, "excluded", p->excluded);
	jsonx_set_string(o, "reason", p->reason);
	jsonx_set(o, "ntfs", p->how == MAP_NTFS ? ntfs_to_json(&p->ntfs) : json_null());
	return o;
}

json_t *allocmap_to_json(const struct allocmap *m)
{
	char id[2 * sizeof(m->id) + 1];
	json_t *o = json_object(), *parts = json_array();
	for (size_t i = 0; i < sizeof(m->id); i++)
		snprintf(id + 2 * i, 3, "%02x", m->id[i]);
	jsonx_set_u64(o, "kept", m->kept);
	jsonx_set_u64(o, "excluded", m->excluded);
	jsonx_set_u64(o, "ranges", m->keep.n);
	jsonx_set_string(o, "id", id);
	for (size_t i = 0; i < m->n; i++)
		json_array_append_new(parts, part_to_json(&m->v[i]));
	jsonx_set(o, "parts", parts);
	return o;
}
