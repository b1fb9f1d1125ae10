/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a BitLocker volume says of itself without any key: how it is encrypted and what opens it. Nothing is
 * decrypted here.
 */
#pragma once

#include "disk.h"

#define BITLOCKER_PROTECTORS_MAX 16

struct bitlocker_facts {
	unsigned state;	 /* of the conversion: 1 decrypted, 2 converting, 4 encrypted, 5 paused */
	unsigned method; /* low half of the method: 0x8004 XTS-AES 128, … */
	uint16_t protectors[BITLOCKER_PROTECTORS_MAX]; /* 0x0100 TPM, 0x0800 recovery password, … */
	size_t n_protectors;
	/* Protection is suspended: the key lies on the disk in the clear. The content is still encrypted. */
	bool clear_key;
};

/* ERR_BITLOCKER where the metadata cannot be understood. */
int bitlocker_read(struct disk *d, uint64_t offset, uint64_t size, struct bitlocker_facts *ret,
	struct error **err);
/* {state, method, protectors, suspended} */
json_t *bitlocker_to_json(const struct bitlocker_facts *f);
