/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enrolment.h"
#include "io.h"
#include "mem.h"
#include "source.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define BLANK " \t\r\n"

const struct source identity_sources[] = {
	{"systemd-credential", false, NULL, source_credential},
	{"config-drive", false, NULL, source_drive},
	{"azure-custom-data", false, source_is_azure, source_azure_custom_data},
	{"azure-imds", true, source_is_azure, source_azure},
	{"ec2-imds", true, source_is_ec2, source_ec2},
	{"gcp-metadata", true, source_is_gcp, source_gcp},
	{"vmware-guestinfo", false, source_is_vmware, source_vmware},
	{"xenstore", false, source_is_xen, source_xenstore},
	{0},
};

bool source_dmi_has(const struct source_env *env, const char *file, const char *what)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", env->dmi, file), *text = NULL;
	CLEANUP_ERR struct error *ignored = NULL;
	size_t len;
	return file_read(path, 4096, &text, &len, &ignored) == 0 && strstr(text, what);
}

char *source_base64(const char *text)
{
	const gnutls_datum_t in = {(unsigned char *)text, (unsigned)strlen(text)};
	gnutls_datum_t out = {0};
	if (gnutls_base64_decode2(&in, &out) < 0)
		return NULL;
	char *decoded = xstrndup((char *)out.data, out.size);
	mem_wipe(out.data, out.size);
	gnutls_free(out.data);
	if (strlen(decoded) != out.size)
		mem_wipe_str(TAKE_PTR(decoded));
	return decoded;
}

int source_decode(
	const char *what, const char *text, char **ret, size_t *ret_len, struct error **err)
{
	const char *s = text + strspn(text, BLANK);
	if (!*s)
		return 0;
	char *decoded = *s == '{' ? xstrdup(s) : source_base64(s);
	if (!decoded || decoded[strspn(decoded, BLANK)] != '{') {
		mem_wipe_str(decoded);
		return err_set(err, ERR_ENROLMENT_INVALID,
			"%s is neither a JSON object nor base64 of one", what);
	}
	*ret = decoded;
	*ret_len = strlen(decoded);
	return 1;
}

int source_fetch(const struct source_env *env, const char **ret_name, char **ret, size_t *ret_len,
	struct error **err)
{
	for (const struct source *s = identity_sources; s->name; s++) {
		if ((s->likely && !s->likely(env)) ||
			(!s->outside && env->reach == SOURCES_OUTSIDE))
			continue;
		*ret_name = s->name;
		if (s->outside && env->reach == SOURCES_WITHIN)
			return SOURCE_LATER;
		int rc = s->fetch(env, ret, ret_len, err);
		if (rc < 0) {
			/* a file too long is no fault of a caller */
			if ((*err)->code == ERR_INVALID_ARGUMENT)
				(*err)->code = ERR_ENROLMENT_INVALID;
			return err_prefix(err, "%s", s->name);
		}
		if (rc > 0)
			return 1;
	}
	*ret_name = NULL;
	return 0;
}
