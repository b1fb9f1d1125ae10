/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security descriptors as text, much like SDDL: "O:SY G:SY D:AI(A;OICI;1f01ff;BA)…S:(AU;…)"; rights in
 * hexadecimal. Both ways are the tests' own.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "le.h"
#include "unit.h"

static const struct {
	const char *name;
	uint8_t len, bytes[32];
} sd_sids[] = {
	{"SY", 12, {1, 1, 0, 0, 0, 0, 0, 5, 18}},
	{"BA", 16, {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2}},
	{"BU", 16, {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2}},
	{"AU", 12, {1, 1, 0, 0, 0, 0, 0, 5, 11}},
	{"WD", 12, {1, 1, 0, 0, 0, 0, 0, 1}},
	{"CO", 12, {1, 1, 0, 0, 0, 0, 0, 3}},
	{"CG", 12, {1, 1, 0, 0, 0, 0, 0, 3, 1}},
	{"AC", 16, {1, 2, 0, 0, 0, 0, 0, 15, 2, 0, 0, 0, 1}},
	{"LW", 12, {1, 1, 0, 0, 0, 0, 0, 16, 0, 16}},
	/* TrustedInstaller */
	{"TI", 32,
		{1, 6, 0, 0, 0, 0, 0, 5, 80, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
			15, 16, 17, 18, 19, 20}},
};

static const struct {
	char name[3];
	uint8_t flag;
} sd_flags[] = {{"OI", 1}, {"CI", 2}, {"NP", 4}, {"IO", 8}, {"ID", 16}, {"SA", 64}, {"FA", 128}};

static const struct {
	char name[3];
	uint8_t type;
} sd_types[] = {{"A", 0}, {"D", 1}, {"AU", 2}, {"OA", 5}, {"XA", 9}, {"ML", 17}};

static inline size_t sd_put_sid(uint8_t *out, const char *name)
{
	for (size_t i = 0; i < sizeof(sd_sids) / sizeof(*sd_sids); i++)
		if (strncmp(sd_sids[i].name, name, 2) == 0) {
			memcpy(out, sd_sids[i].bytes, sd_sids[i].len);
			return sd_sids[i].len;
		}
	ck_abort_msg("SID %s", name);
}

/* "(A;OICI;1f01ff;BA)(…)" at *p; returns the ACL's length. */
static inline size_t sd_put_acl(uint8_t *out, const char **p)
{
	size_t len = 8;
	uint16_t count = 0;
	for (; **p == '('; count++) {
		uint8_t *ace = out + len;
		ace[0] = 0xff;
		for (size_t i = 0; i < sizeof(sd_types) / sizeof(*sd_types); i++) {
			size_t n = strlen(sd_types[i].name);
			if (strncmp(*p + 1, sd_types[i].name, n) == 0 && (*p)[1 + n] == ';')
				ace[0] = sd_types[i].type;
		}
		ck_assert_uint_ne(ace[0], 0xff);
		*p = strchr(*p, ';') + 1;
		for (ace[1] = 0; **p != ';'; *p += 2)
			for (size_t i = 0; i < sizeof(sd_flags) / sizeof(*sd_flags); i++)
				if (strncmp(*p, sd_flags[i].name, 2) == 0)
					ace[1] |= sd_flags[i].flag;
		le32_put(ace + 4, (uint32_t)strtoul(*p + 1, (char **)p, 16));
		size_t size = 8 + sd_put_sid(ace + 8, *p + 1);
		le16_put(ace + 2, (uint16_t)size);
		len += size;
		*p = strchr(*p, ')') + 1;
	}
	memset(out, 0, 8);
	out[0] = 2;
	le16_put(out + 2, (uint16_t)len);
	le16_put(out + 4, count);
	return len;
}

/* out: 4096 bytes. */
static inline size_t sd_from_text(uint8_t *out, const char *text)
{
	size_t at = 20;
	uint16_t control = 0x8000;
	memset(out, 0, 20);
	out[0] = 1;
	for (const char *p = text; *p;) {
		char what = *p;
		p += 2;
		bool inherited = strncmp(p, "AI", 2) == 0;
		p += inherited ? 2 : 0;
		le32_put(out + (what == 'O'	     ? 4
				       : what == 'G' ? 8
				       : what == 'S' ? 12
						     : 16),
			(uint32_t)at);
		if (what == 'O' || what == 'G') {
			at += sd_put_sid(out + at, p);
			p += 2;
		} else {
			control |= what == 'S' ? 0x10 : 4;
			control |= inherited ? what == 'S' ? 0x800 : 0x400 : 0;
			at += sd_put_acl(out + at, &p);
		}
		p += *p == ' ';
	}
	le16_put(out + 2, control);
	return at;
}

static inline void sd_print_sid(FILE *f, const uint8_t *sid)
{
	for (size_t i = 0; i < sizeof(sd_sids) / sizeof(*sd_sids); i++)
		if (memcmp(sd_sids[i].bytes, sid, 8u + 4u * sid[1]) == 0) {
			fputs(sd_sids[i].name, f);
			return;
		}
	fprintf(f, "S-1-%u", sid[7]);
	for (unsigned i = 0; i < sid[1]; i++)
		fprintf(f, "-%u", le32_at(sid + 8 + 4 * i));
}

static inline void sd_print_acl(FILE *f, const uint8_t *acl)
{
	const uint8_t *ace = acl + 8;
	for (unsigned n = le16_at(acl + 4); n; n--, ace += le16_at(ace + 2)) {
		const char *type = "?";
		for (size_t i = 0; i < sizeof(sd_types) / sizeof(*sd_types); i++)
			if (sd_types[i].type == ace[0])
				type = sd_types[i].name;
		fprintf(f, "(%s;", type);
		for (size_t i = 0; i < sizeof(sd_flags) / sizeof(*sd_flags); i++)
			if (ace[1] & sd_flags[i].flag)
				fputs(sd_flags[i].name, f);
		fprintf(f, ";%x;", le32_at(ace + 4));
		sd_print_sid(f, ace + 8);
		fputc(')', f);
	}
	ck_assert_int_eq((int)(ace - acl), le16_at(acl + 2));
}

/* The result lasts until the next call. */
static inline const char *sd_to_text(const uint8_t *sd, size_t len)
{
	static char text[8192];
	FILE *f = fmemopen(text, sizeof(text), "w");
	unsigned control = le16_at(sd + 2);
	const uint8_t *sacl = sd + le32_at(sd + 12), *dacl = sd + le32_at(sd + 16);
	ck_assert_uint_ge(len, 20);
	fputs("O:", f);
	sd_print_sid(f, sd + le32_at(sd + 4));
	fputs(" G:", f);
	sd_print_sid(f, sd + le32_at(sd + 8));
	if (control & 4) {
		fprintf(f, " D:%s", control & 0x400 ? "AI" : "");
		sd_print_acl(f, dacl);
	}
	if (control & 0x10) {
		fprintf(f, " S:%s", control & 0x800 ? "AI" : "");
		sd_print_acl(f, sacl);
	}
	fclose(f);
	return text;
}
