/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "callback-target.h"

#include "enrolment.h"
#include "jsonx.h"
#include "mem.h"

void callback_target_done(struct callback_target *t)
{
	free(t->url);
	free(t->ca);
	free(t->sha256);
	free(t->sha1);
	free(t->certificate);
	free(t->key);
	*t = (struct callback_target){0};
}

static int read_text(const json_t *o, const char *name, char **ret, struct error **err)
{
	const char *s = NULL;
	if (jsonx_get_string(o, "", name, &s, err) < 0)
		return -1;
	*ret = s ? xstrdup(s) : NULL;
	return 0;
}

int callback_target_read(const char *file, struct callback_target *ret, struct error **err)
{
	CLEANUP(callback_target_done) struct callback_target t = {0};
	CLEANUP_JSON json_t *o = NULL;
	if (jsonx_read_file(file, &o, err) < 0)
		return -1;
	if (read_text(o, "url", &t.url, err) < 0 || read_text(o, "ca", &t.ca, err) < 0 ||
		read_text(o, "sha256Fingerprint", &t.sha256, err) < 0 ||
		read_text(o, "sha1Fingerprint", &t.sha1, err) < 0 ||
		read_text(o, "certificate", &t.certificate, err) < 0 ||
		read_text(o, "key", &t.key, err) < 0 ||
		jsonx_get_bool(o, "", "noHostNameCheck", &t.no_host_name_check, err) < 0 ||
		callback_url_port(t.url ? t.url : "", &t.port, err) < 0)
		return err_prefix(err, "\"%s\"", file);
	/* nobody to be sure of: then nobody is told anything */
	if (!t.ca && !t.sha256 && !t.sha1)
		return err_set(err, ERR_ENROLMENT_INVALID,
			"\"%s\" has neither a CA nor a fingerprint", file);
	*ret = t;
	t = (struct callback_target){0};
	return 0;
}
