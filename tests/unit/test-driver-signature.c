/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a catalog covers: real catalogs hold their INFs; what sbsign hashes of a program is what is looked for.
 */
#include "unit.h"

#include <string.h>

#include "driver-signature.h"
#include "io.h"
#include "mem.h"

/* A package as far as the checks look at it. */
struct fixture {
	struct op op;
	struct prep prep;
	struct driver_session session;
	struct inf_package package;
	struct pack_inf source;
	struct driver_install d;
	unsigned warnings;
};

static void count_warning(void *data, const struct op_event *ev)
{
	struct fixture *f = data;
	ck_assert_int_eq(ev->kind, OP_EVENT_WARNING);
	ck_assert_str_eq(ev->code, "pack-unsigned");
	f->warnings++;
}

static void begin(struct fixture *f)
{
	static char catalog_name[] = "x.cat", pack[] = "p", inf[] = "x.inf";
	*f = (struct fixture){0};
	op_init(&f->op, count_warning, f, NULL);
	f->prep.op = &f->op;
	f->session.p = &f->prep;
	f->package.catalog = catalog_name;
	f->source = (struct pack_inf){.pack = pack, .file = inf};
	f->d = (struct driver_install){
		.s = &f->session, .source = &f->source, .package = &f->package};
}

static uint8_t *bytes_of(const char *path, size_t *ret_len)
{
	char *data = NULL;
	ck_ok(file_read(path, 64u << 20, &data, ret_len, &err));
	return (uint8_t *)data;
}

static unsigned inf_warnings(struct fixture *f)
{
	f->warnings = 0;
	ck_ok(driver_check_inf(&f->d, &err));
	return f->warnings;
}

static void check_real(const char *package, const char *name)
{
	struct fixture f;
	begin(&f);
	CLEANUP_FREE char *stem =
		xasprintf("%s/inf/packages/%s/%s", unit_data_dir(), package, name);
	CLEANUP_FREE char *inf = xasprintf("%s.inf", stem), *cat = xasprintf("%s.cat", stem);
	CLEANUP_FREE uint8_t *catalog = f.d.catalog = bytes_of(cat, &f.d.catalog_size);
	CLEANUP_FREE uint8_t *data = f.source.data = bytes_of(inf, &f.source.size);
	ck_assert_msg(inf_warnings(&f) == 0, "%s: its catalog holds it", stem);
	data[f.source.size / 2] ^= 1;
	ck_assert_uint_eq(inf_warnings(&f), 1);
	f.d.catalog = NULL;
	ck_assert_uint_eq(inf_warnings(&f), 0); /* that there is none is said elsewhere */
}

START_TEST(real_catalogs_hold_their_infs)
{
	if (!unit_data_dir())
		unit_skip("no real data");
	check_real("vmware_pvscsi_1.3.28.0", "pvscsi"); /* both hashes */
	check_real("vmware_vmci_9.8.18.0", "vmci");	/* SHA-1 alone */
	check_real("redhat_vioscsi_100.94.104.24700", "vioscsi");
	check_real("virtio_old_win8.1_amd64", "viostor");
}
END_TEST

static unsigned program_warnings(struct fixture *f, const uint8_t *data, size_t len)
{
	f->warnings = 0;
	ck_ok(driver_check_program(&f->d, "x.sys", data, len, &err));
	return f->warnings;
}

START_TEST(programs_are_signed_or_listed)
{
	struct fixture f;
	size_t plain_len, signed_len;
	begin(&f);
	unit_must(
		"cd '%s' && '%s/tests/fixtures/make-pe.sh' plain x && "
		"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout k -out c 2>/dev/null && "
		"sbsign --key k --cert c --output signed plain 2>/dev/null && "
		"sbsign --key k --cert c --detached --output detached plain 2>/dev/null",
		unit_tmp(), unit_source_root());
	CLEANUP_FREE char *plain_path = xasprintf("%s/plain", unit_tmp());
	CLEANUP_FREE char *signed_path = xasprintf("%s/signed", unit_tmp());
	CLEANUP_FREE char *detached_path = xasprintf("%s/detached", unit_tmp());
	CLEANUP_FREE uint8_t *plain = bytes_of(plain_path, &plain_len);
	CLEANUP_FREE uint8_t *with = bytes_of(signed_path, &signed_len);
	ck_assert_uint_eq(program_warnings(&f, plain, plain_len), 1);
	ck_assert_uint_eq(program_warnings(&f, with, signed_len), 0);
	/* A signature beside the program holds the hash as a catalog does. */
	CLEANUP_FREE uint8_t *catalog = f.d.catalog = bytes_of(detached_path, &f.d.catalog_size);
	ck_assert_uint_eq(program_warnings(&f, plain, plain_len), 0);
	plain[plain_len - 1] ^= 1;
	ck_assert_uint_eq(program_warnings(&f, plain, plain_len), 1);
}
END_TEST

/* Cut anywhere, and with every field of the headers at its worst: no byte past the end is read. */
START_TEST(no_program_is_trusted)
{
	struct fixture f;
	size_t len;
	begin(&f);
	unit_must("'%s/tests/fixtures/make-pe.sh' '%s/pe'", unit_source_root(), unit_tmp());
	CLEANUP_FREE char *path = xasprintf("%s/pe", unit_tmp());
	CLEANUP_FREE uint8_t *data = bytes_of(path, &len);
	for (size_t n = 0; n < len; n += 3) {
		CLEANUP_FREE uint8_t *cut = xmemdup(data, n + 1);
		ck_assert_uint_eq(program_warnings(&f, cut, n), 1);
	}
	for (size_t i = 0x3c; i + 4 < 256; i++) {
		CLEANUP_FREE uint8_t *bad = xmemdup(data, len);
		memset(bad + i, 0xff, 4);
		program_warnings(&f, bad, len);
	}
}
END_TEST

UNIT_MAIN("driver-signature", real_catalogs_hold_their_infs, programs_are_signed_or_listed,
	no_program_is_trusted)
