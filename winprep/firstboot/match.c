/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "reg.h"
#include "text.h"

BOOL match_is_new(const struct adapter *a, const struct adapters *old)
{
	for (size_t i = 0; i < old->n; i++)
		if (text_same(old->v[i].device, a->device))
			return FALSE;
	return a->present;
}

size_t match_count_new(const struct adapters *now, const struct adapters *old)
{
	size_t n = 0;
	for (size_t i = 0; i < now->n; i++)
		n += match_is_new(&now->v[i], old) ? 1 : 0;
	return n;
}

static BOOL is_taken(const struct adapters *old, const struct adapter *a)
{
	for (size_t i = 0; i < old->n; i++)
		if (old->v[i].successor == a)
			return TRUE;
	return FALSE;
}

static BOOL is_free(const struct adapters *old, const struct adapter *a)
{
	return match_is_new(a, old) && !is_taken(old, a);
}

/* An earlier start began to give this one's identity to that device. */
static BOOL was_begun(const struct adapter *old, const struct adapter *a)
{
	WCHAR *key = text_format(HANDOVER_KEY L"\\Adapters\\%ls\\Applying", old->guid);
	WCHAR *device = reg_get_text(key, L"Device");
	BOOL same = text_same(device, a->device);
	free(key);
	free(device);
	return same;
}

static BOOL same_mac(const struct adapter *a, const struct adapter *b)
{
	return a->has_mac && b->has_mac && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

/* Two of the same address say nothing. */
static BOOL is_only_mac(const struct adapter *a, const struct adapters *all, BOOL present_only)
{
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++)
		if (same_mac(a, &all->v[i]) && (!present_only || all->v[i].present))
			n++;
	return n == 1;
}

static BOOL same_address(const struct adapters *old, const struct adapters *now,
	const struct adapter *o, const struct adapter *a)
{
	return same_mac(o, a) && is_only_mac(o, old, FALSE) && is_only_mac(a, now, TRUE);
}

static void choose(struct adapters *old, struct adapters *now, struct adapter *o)
{
	for (size_t k = 0; k < now->n && !o->successor; k++)
		if (is_free(old, &now->v[k]) && was_begun(o, &now->v[k])) {
			o->successor = &now->v[k];
			o->by = "begun by an earlier start";
		}
	for (size_t k = 0; k < now->n && !o->successor; k++)
		if (is_free(old, &now->v[k]) && same_address(old, now, o, &now->v[k])) {
			o->successor = &now->v[k];
			o->by = "the MAC address";
		}
}

void match_adapters(struct adapters *old, struct adapters *now)
{
	size_t present = 0;
	for (size_t k = 0; k < now->n; k++)
		present += now->v[k].present ? 1 : 0;
	for (size_t i = 0; i < old->n; i++) {
		struct adapter *o = &old->v[i];
		if (o->present)
			o->done = "same device";
		else
			choose(old, now, o);
	}
	struct adapter *only = old->n == 1 && present == 1 ? &old->v[0] : NULL;
	for (size_t k = 0; only && !only->present && !only->successor && k < now->n; k++)
		if (is_free(old, &now->v[k])) {
			only->successor = &now->v[k];
			only->by = "the only adapter";
		}
	for (size_t i = 0; i < old->n; i++)
		if (!old->v[i].present && !old->v[i].successor)
			old->v[i].done = "no match";
}
