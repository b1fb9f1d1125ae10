/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security descriptors as NTFS stores them: [MS-DTYP] 2.4.2 to 2.4.6, self-relative form. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "le.h"

struct sd_header {
	uint8_t revision; /* 1 */
	uint8_t zero;
	le16 control;
	le32 owner, group, sacl, dacl; /* offsets from here; 0: none */
};
ASSERT_OFFSET(struct sd_header, dacl, 16);
ASSERT_SIZE(struct sd_header, 20);

enum {
	SD_DACL_PRESENT = 0x0004,
	SD_SACL_PRESENT = 0x0010,
	SD_DACL_INHERITED = 0x0400, /* "auto-inherited": its entries say which were inherited */
	SD_SACL_INHERITED = 0x0800,
	SD_SELF_RELATIVE = 0x8000,
};

struct sd_acl {
	uint8_t revision; /* 2 or 4 */
	uint8_t zero;
	le16 size; /* with all its entries; there may be room behind the last */
	le16 count;
	le16 zero2;
};
ASSERT_SIZE(struct sd_acl, 8);

/* An entry of the kinds that have their SID here; more can follow the SID. */
struct sd_ace {
	uint8_t type;
	uint8_t flags;
	le16 size; /* of all */
	le32 mask;
};
ASSERT_SIZE(struct sd_ace, 8);

enum {
	ACE_OBJECT_INHERIT = 0x01,    /* files below get it */
	ACE_CONTAINER_INHERIT = 0x02, /* folders below get it */
	ACE_NO_PROPAGATE = 0x04,      /* but do not hand it on */
	ACE_INHERIT_ONLY = 0x08,      /* does not count here */
	ACE_INHERITED = 0x10,
};

struct sd_sid {
	uint8_t revision; /* 1 */
	uint8_t count;	  /* of sub-authorities, at most 15; 4 bytes each follow */
	uint8_t authority[6];
};
ASSERT_SIZE(struct sd_sid, 8);
