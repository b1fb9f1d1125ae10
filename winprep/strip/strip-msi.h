/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MSI products that go, between the two files that take them out. */
#pragma once

#include "msi-guid.h"
#include "strip-software.h"

struct msi_product {
	char guid[MSI_GUID_SIZE], packed[MSI_PACKED_SIZE];
};
struct msi_products {
	struct msi_product *v;
	size_t n;
};
void msi_products_done(struct msi_products *m);
bool msi_products_have(const struct msi_products *m, const char *packed);

extern const char
	*const msi_upgrade_keys[]; /* keys that map upgrade codes to products; NULL-terminated */
/* Out of the keys that products share: components, upgrade codes, folders. */
int msi_strip_shared(struct prep *p, const struct msi_products *m, struct error **err);
