/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An INF of a driver pack: its text, the models for three machines, and each as a package. The file
 * includes itself, so that Include and Needs find something. Whatever the bytes: no crash, and a package
 * keeps what its header promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inf-package.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct inf *include_itself(void *data, const char *name)
{
	(void)name;
	return data;
}

static void check_path(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *rest = copy, *part;
	if (strpbrk(path, "/:*?"))
		abort();
	while (*path && (part = strsep(&rest, "\\")))
		if (!*part || strcmp(part, "..") == 0)
			abort();
}

static void check_regs(const struct inf_regs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!r->v[i].key || !r->v[i].name || *r->v[i].key == '\\')
			abort();
		CLEANUP_FREE char *text = reg_value_describe(&r->v[i].value);
		inf_regs_is_last(r, i);
	}
}

static void check_package(const struct inf_package *p)
{
	for (size_t i = 0; i < p->n_devices; i++)
		if (p->devices[i].config >= p->n_configs || !*p->devices[i].id ||
			!(p->devices[i].hardware || p->devices[i].compatible))
			abort();
	for (size_t i = 0; i < p->n_configs; i++) {
		const struct inf_config *c = &p->configs[i];
		check_regs(&c->device);
		check_regs(&c->driver);
		for (size_t k = 0; k < c->n_files; k++) {
			check_path(c->files[k].source);
			check_path(c->files[k].name);
			check_path(c->files[k].subdir);
		}
		for (size_t k = 0; k < c->n_services; k++)
			check_regs(&c->services[k].regs);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct inf_target targets[] = {
		{INF_AMD64, 10, 0, 19041, INF_PRODUCT_WORKSTATION, 0},
		{INF_X86, 6, 1, 7601, INF_PRODUCT_WORKSTATION, 0},
		{INF_ARM64, 10, 0, 26100, INF_PRODUCT_SERVER, 0}};
	struct error *err = NULL;
	struct inf *inf = NULL;
	if (inf_parse(&inf, data, size, "fuzz.inf", &err) < 0) {
		err_free(err);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct inf_package *p = NULL;
		struct error *why = NULL;
		int rc = inf_package_read(&p, inf, &targets[i], include_itself, inf, &why);
		if ((rc < 0) != (why != NULL) || (rc == 0) != (p != NULL))
			abort();
		if (p)
			check_package(p);
		err_free(why);
		inf_package_free(p);
	}
	inf_free(inf);
	return 0;
}
