/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Azure's custom data: in ovf-env.xml on the CD that Azure attaches to a VM that it provisions (osProfile), beside
 * the name and the password of its first user. UDF, and ISO 9660 where somebody made it by hand.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "drive-file.h"
#include "logging.h"
#include "mem.h"
#include "source.h"

#define FILE_NAME "ovf-env.xml"

static const char *const file_systems[] = {"udf", "iso9660"};

bool source_is_azure(const struct source_env *env)
{
	/* the same asset tag on every Azure VM, never on another Hyper-V */
	return source_dmi_has(env, "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77");
}

/* Whether an element begins in front of this name: "<", or "<prefix:". */
static bool is_start_tag(const char *xml, const char *name)
{
	const char *s = name;
	if (s > xml && s[-1] == ':')
		for (s--; s > xml && strchr("<>/ \t\r\n", s[-1]) == NULL;)
			s--;
	return s > xml && s[-1] == '<';
}

/* What is in the first element CustomData, of whatever prefix; NULL: nothing. The text is base64, no entity is in it. */
static char *custom_data(const char *xml)
{
	static const char tag[] = "CustomData>";
	for (const char *p = xml; (p = strstr(p, tag)); p += sizeof(tag) - 1)
		if (is_start_tag(xml, p))
			return xstrndup(p + sizeof(tag) - 1, strcspn(p + sizeof(tag) - 1, "<"));
	return NULL;
}

/* 1: this CD has a document. One that cannot be mounted, or is another's, has none. */
static int look_at(const char *path, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_ERR struct error *ignored = NULL;
	char *xml = NULL;
	size_t len;
	int rc = drive_file_read(path, file_systems, FILE_NAME, SOURCE_TEXT_MAX, &xml, &len, err);
	if (rc < 0 && (*err)->code == ERR_ENROLMENT_INVALID) {
		if ((*err)->errnum != EINVAL && (*err)->errnum != ENOMEDIUM)
			log_warning("%s", (*err)->message);
		err_free(TAKE_PTR(*err));
		rc = 0;
	}
	if (rc <= 0)
		return rc;
	char *encoded = custom_data(xml), *text = encoded ? source_base64(encoded) : NULL;
	rc = text ? source_decode(FILE_NAME, text, ret, ret_len, &ignored) : 0;
	mem_wipe_str(xml);
	mem_wipe_str(encoded);
	mem_wipe_str(text);
	return rc > 0; /* users put there what is for somebody else, too: a script, cloud-init's */
}

/*
 * A guest's disk is never a CD: nothing on one that is attached to be exported is looked at. Two CDs that both have
 * a document: nobody's choice.
 */
static int look_at_cds(char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_CLOSEDIR DIR *d = opendir("/sys/block");
	const struct dirent *e;
	char *text = NULL;
	int rc = 0;
	while (d && rc >= 0 && (e = readdir(d))) {
		if (strncmp(e->d_name, "sr", 2) != 0)
			continue;
		CLEANUP_FREE char *path = xasprintf("/dev/%s", e->d_name);
		rc = look_at(path, &text, ret_len, err);
		if (rc > 0 && *ret) {
			mem_wipe_str(TAKE_PTR(text));
			rc = err_set(err, ERR_ENROLMENT_INVALID,
				"\"%s\" and another CD both have a document: one expected", path);
		} else if (rc > 0) {
			*ret = TAKE_PTR(text);
		}
	}
	if (rc < 0)
		mem_wipe_str(TAKE_PTR(*ret));
	return rc < 0 ? -1 : *ret != NULL;
}

int source_azure_custom_data(
	const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	struct stat st;
	if (!env->drives)
		return look_at_cds(ret, ret_len, err);
	CLEANUP_FREE char *path = xasprintf("%s/azure", env->drives);
	return stat(path, &st) == 0 ? look_at(path, ret, ret_len, err) : 0;
}
