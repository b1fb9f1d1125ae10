/* SPDX-License-Identifier: GPL-3.0-or-later */
/* facts/ips 1.4, 1.6, 3.7 and 3.8. */
#include "prepare-vda.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "guid.h"
#include "jsonx.h"
#include "mem.h"

#define CONTROLLERS_MAX 64
#define HOST_MAX	253 /* RFC 1035 */

static void list_add(char ***list, const char *text)
{
	size_t n = 0;
	while (*list && (*list)[n])
		n++;
	*list = xrealloc_array(*list, n + 2, sizeof(**list));
	(*list)[n] = xstrdup(text);
	(*list)[n + 1] = NULL;
}

static bool list_has(char **list, const char *text)
{
	for (; list && *list; list++)
		if (strcasecmp(*list, text) == 0)
			return true;
	return false;
}

/* ---- xdReconfigure ---- */

static bool is_host(const char *text, size_t n)
{
	if (n == 0 || n > HOST_MAX || text[0] == '.' || text[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(".-_", text[i]))
			return false;
	return true;
}

/* "ddc1.example.net, ddc2.example.net" */
static int take_controllers(const char *text, struct prepare_body *r, struct error **err)
{
	static const char between[] = ", \t";
	size_t count = 0;
	for (const char *p = text + strspn(text, between); *p; p += strspn(p, between)) {
		size_t n = strcspn(p, between);
		if (!is_host(p, n))
			return err_set(err, ERR_INVALID_FIELD,
				"field \"xdReconfigure\": controllers has \"%.*s\" (names of hosts "
				"expected, separated by commas)",
				n < HOST_MAX ? (int)n : HOST_MAX, p);
		if (++count > CONTROLLERS_MAX)
			return err_set(err, ERR_INVALID_FIELD,
				"field \"xdReconfigure\" has more than %d controllers",
				CONTROLLERS_MAX);
		CLEANUP_FREE char *host = xstrndup(p, n);
		if (!list_has(r->controllers, host))
			list_add(&r->controllers, host);
		p += n;
	}
	if (!r->controllers)
		return err_set(
			err, ERR_INVALID_FIELD, "field \"xdReconfigure\": controllers is empty");
	return 0;
}

static int take_site_guid(const char *text, struct prepare_body *r, struct error **err)
{
	struct guid guid;
	char plain[GUID_STRING_SIZE];
	size_t n = strlen(text);
	CLEANUP_FREE char *inner = n > 2 && text[0] == '{' && text[n - 1] == '}'
					   ? xstrndup(text + 1, n - 2)
					   : xstrdup(text);
	if (!guid_parse(inner, &guid))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"xdReconfigure\": site_guid is \"%.64s\" (a GUID expected)", text);
	guid_format(&guid, plain);
	r->site_guid = xstrdup(plain);
	return 0;
}

/* The help writes some of the names as the installer takes them: "/controllers". */
static int take_parameter(
	const json_t *item, struct prepare_body *r, char ***seen, struct error **err)
{
	static const char where[] = "xdReconfigure.";
	const char *name = NULL, *value = NULL, *key;
	json_t *member;
	json_object_foreach ((json_t *)item, key, member)
		if (strcasecmp(key, "ParameterName") != 0 && strcasecmp(key, "ParameterValue") != 0)
			return err_set(
				err, ERR_UNKNOWN_FIELD, "unknown field \"%s%s\"", where, key);
	if (jsonx_get_string(item, where, "ParameterName", &name, err) < 0)
		return -1;
	if (!name || !*name)
		return err_set(
			err, ERR_MISSING_FIELD, "field \"%sParameterName\" is missing", where);
	name += *name == '/';
	if (strlen(name) > 64 || list_has(*seen, name))
		return err_set(err, ERR_INVALID_FIELD, "field \"xdReconfigure\": \"%.64s\" is %s",
			name, strlen(name) > 64 ? "too long a name" : "given twice");
	list_add(seen, name);
	bool controllers = strcasecmp(name, "controllers") == 0;
	if (!controllers && strcasecmp(name, "site_guid") != 0) {
		CLEANUP_FREE char *full = xasprintf("%s%s", where, name);
		list_add(&r->needs_first_boot, full);
		return 0;
	}
	if (jsonx_get_string(item, where, "ParameterValue", &value, err) < 0)
		return -1;
	if (!value)
		return err_set(err, ERR_MISSING_FIELD,
			"field \"%sParameterValue\" of %s is missing", where, name);
	return controllers ? take_controllers(value, r, err) : take_site_guid(value, r, err);
}

static void free_names(char ***list)
{
	for (char **p = *list; p && *p; p++)
		free(*p);
	free(*list);
}

static int take_reconfigure(const json_t *list, struct prepare_body *r, struct error **err)
{
	CLEANUP(free_names) char **seen = NULL;
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)list, i, item)
		if (take_parameter(item, r, &seen, err) < 0)
			return -1;
	/* facts/ips 3.7: "requires one of the following values". */
	if (r->controllers && r->site_guid)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"xdReconfigure\" has controllers and site_guid: give one of the two");
	if (seen && !r->controllers && !r->site_guid && !r->needs_first_boot)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"xdReconfigure\" has neither controllers nor site_guid");
	return 0;
}

/* ---- what needs the running Windows ---- */

/* A boolean, or a word that says how ("Force"). */
static int take_mode(
	const json_t *value, const char *name, struct prepare_body *r, struct error **err)
{
	static const char *const off[] = {"", "false", "none", "skip"};
	const char *text = json_string_value(value);
	if (!value || json_is_false(value))
		return 0;
	if (!text && !json_is_true(value))
		return err_set(err, ERR_INVALID_FIELD, "field \"%s\" is not true or false", name);
	for (size_t i = 0; text && i < ARRAY_SIZE(off); i++)
		if (strcasecmp(text, off[i]) == 0)
			return 0;
	list_add(&r->needs_first_boot, name);
	return 0;
}

static int take_flags(const struct prepare_fields *f, struct prepare_body *r, struct error **err)
{
	const struct {
		const char *name;
		bool on;
	} flags[] = {
		{"installMisa", f->install_misa},
		{"forceMisa", f->force_misa},
		{"installPvs", f->install_pvs && *f->install_pvs},
		{"domainUnjoin", f->domain_unjoin},
		{"installUpl", f->install_upl},
		{"chkdsk", f->chkdsk},
		{"defrag", f->defrag},
	};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].on)
			list_add(&r->needs_first_boot, flags[i].name);
	if (take_mode(f->misa, "misa", r, err) < 0)
		return -1;
	return take_mode(f->mcsio, "mcsio", r, err);
}

/* facts/ips 3.8: each is for images of one provisioning system. */
static int check_gates(
	const struct prepare_fields *f, const struct prepare_body *r, struct error **err)
{
	bool misa = list_has(r->needs_first_boot, "misa");
	const char *for_mcs = f->install_misa ? "installMisa"
			      : f->force_misa ? "forceMisa"
			      : misa	      ? "misa"
					      : NULL;
	const char *for_pvs = f->install_pvs && *f->install_pvs ? "installPvs" : NULL;
	if (for_mcs && r->provisioning != PREPARE_PROVISIONING_MCS)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"%s\" goes with \"provisioningType\": \"Mcs\" only", for_mcs);
	if (for_pvs && r->provisioning != PREPARE_PROVISIONING_PVS)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"%s\" goes with \"provisioningType\": \"Pvs\" only", for_pvs);
	if (for_pvs && (strlen(f->install_pvs) > 32 ||
			       strspn(f->install_pvs, "0123456789.") != strlen(f->install_pvs)))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"installPvs\" is \"%.64s\" (a version like 7.31.0 expected)",
			f->install_pvs);
	return 0;
}

int prepare_vda_parse(const struct prepare_fields *f, struct prepare_body *r, struct error **err)
{
	r->provisioning = (enum prepare_provisioning)f->provisioning;
	if (take_reconfigure(f->xd_reconfigure, r, err) < 0 || take_flags(f, r, err) < 0 ||
		check_gates(f, r, err) < 0)
		return -1;
	if (!r->needs_first_boot)
		r->needs_first_boot = xcalloc(1, sizeof(*r->needs_first_boot));
	return 0;
}
