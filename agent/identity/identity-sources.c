/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enrolment.h"
#include "io.h"
#include "mem.h"
#include "source.h"

#include <string.h>

const struct source identity_sources[] = {
	{"systemd-credential", NULL, source_credential},
	{"config-drive", NULL, source_drive},
	{"azure-imds", source_is_azure, source_azure},
	{"ec2-imds", source_is_ec2, source_ec2},
	{"gcp-metadata", source_is_gcp, source_gcp},
	{0},
};

bool source_dmi_has(const struct source_env *env, const char *file, const char *what)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", env->dmi, file), *text = NULL;
	CLEANUP_ERR struct error *ignored = NULL;
	size_t len;
	return file_read(path, 4096, &text, &len, &ignored) == 0 && strstr(text, what);
}

int source_fetch(const struct source_env *env, const char **ret_name, char **ret, size_t *ret_len,
	struct error **err)
{
	for (const struct source *s = identity_sources; s->name; s++) {
		if (s->likely && !s->likely(env))
			continue;
		*ret_name = s->name;
		int rc = s->fetch(env, ret, ret_len, err);
		if (rc < 0)
			return err_prefix(err, "%s", s->name);
		if (rc > 0)
			return 1;
	}
	*ret_name = NULL;
	return 0;
}
