/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The VDA's registration: in made hives, whose outcome hivexregedit reads, and on an NTFS volume. */
#include "ntfs-write-util.h"

#include "first-boot-needs.h"
#include "hive-guest.h"
#include "hive-make.h"
#include "io.h"

#define AGENT	"Citrix\\VirtualDesktopAgent"
#define WOW	"Wow6432Node\\" AGENT
#define POLICY	"Policies\\" AGENT
#define MIRROR	"Citrix\\MachineIdentityServiceAgent\\VdaStateMirror"
#define SERVICE "ControlSet001\\Services\\"
#define SITE	"0f8b5c1e-1111-4000-8000-000000000001"

struct fixture {
	struct guest g;
	struct plan plan;
	struct prepare_request request;
	struct prep p;
	struct op op;
	char warnings[2000]; /* their codes and texts */
};

static void take_warning(void *data, const struct op_event *e)
{
	struct fixture *f = data;
	size_t at = strlen(f->warnings);
	if (e->kind == OP_EVENT_WARNING)
		snprintf(f->warnings + at, sizeof(f->warnings) - at, "%s: %s\n", e->code,
			e->message);
}

static void put_service(struct fixture *f, const char *name)
{
	CLEANUP_FREE char *key = xasprintf(SERVICE "%s", name);
	hive_put_number(f->g.hives[HIVE_SYSTEM].h, key, "Start", 2);
}

/* A desktop in a domain, with a VDA that registers with old controllers. */
static void begin(struct fixture *f)
{
	*f = (struct fixture){.g = {.n_control_sets = 1,
				      .control_sets = {1},
				      .current_control_set = 1,
				      .product_type = INF_PRODUCT_WORKSTATION,
				      .domain = (char *)"corp.example"}};
	struct hive *h = f->g.hives[HIVE_SOFTWARE].h = hive_make_open("SOFTWARE");
	f->g.hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
	op_init(&f->op, take_warning, f, NULL);
	f->p = (struct prep){.guest = &f->g,
		.to = platform_find("azure"),
		.request = &f->request,
		.plan = &f->plan,
		.op = &f->op};
	put_service(f, "BrokerAgent");
	hive_put_text(h, AGENT, "ListOfDDCs", "old1.corp.example old2.corp.example");
	hive_put_text(h, AGENT, "ListOfSIDs", "S-1-5-21-1-2-3-4");
	hive_put_text(h, AGENT, "ProductInstalled", "yes");
	hive_put_text(h, AGENT "\\State", "RegisteredDdcFqdn", "old1.corp.example");
	hive_put_text(h, AGENT "\\State", "Other", "stays");
	hive_put_text(h, MIRROR, "RegisteredDdcFqdn", "old1.corp.example");
}

static void end(struct fixture *f)
{
	plan_done(&f->plan);
	hive_guest_done(&f->g);
}

/* The key as another program sees it has a line that matches. */
static bool seen(struct fixture *f, const char *key, const char *pattern)
{
	uint8_t *data = NULL;
	size_t size;
	const char *path = tmp("software");
	ck_ok(hive_save(f->g.hives[HIVE_SOFTWARE].h, &data, &size, &err));
	ck_ok(file_write_atomic(path, data, size, 0600, &err));
	free(data);
	return unit_run("hivexregedit --export --unsafe-printable-strings '%s' '\\%s' | "
			"grep -q -F '%s'",
		       path, key, pattern) == 0;
}

static char *two[] = {(char *)"ddc1.new.example", (char *)"ddc2.new.example", NULL};

START_TEST(controllers_are_set_and_old_ones_forgotten)
{
	struct fixture f;
	begin(&f);
	f.request.controllers = two;
	ck_assert(seen(&f, "Citrix", "old1"));
	hive_guest_run(&f.p, &step_vda);
	ck_assert(seen(&f, AGENT, "\"ListOfDDCs\"=str(1):\"ddc1.new.example ddc2.new.example\""));
	ck_assert(!seen(&f, "Citrix", "old1"));
	ck_assert(!seen(&f, AGENT, "ListOfSIDs"));
	ck_assert(seen(&f, AGENT, "ProductInstalled"));
	ck_assert(seen(&f, AGENT "\\State", "stays"));
	/* There is no 32-bit view: none is made. */
	ck_assert_int_ne(seen(&f, "", "Wow6432Node"), 1);
	ck_assert_str_eq(f.warnings, "");
	end(&f);
}
END_TEST

START_TEST(site_removes_what_would_outrank_it)
{
	struct fixture f;
	begin(&f);
	f.request.site_guid = (char *)SITE;
	hive_put_text(f.g.hives[HIVE_SOFTWARE].h, WOW, "ListOfDDCs", "old1.corp.example");
	hive_guest_run(&f.p, &step_vda);
	ck_assert(seen(&f, AGENT, "\"FarmGUID\"=str(1):\"" SITE "\""));
	ck_assert(seen(&f, WOW, "\"FarmGUID\"=str(1):\"" SITE "\""));
	ck_assert(!seen(&f, AGENT, "ListOfDDCs"));
	ck_assert(!seen(&f, WOW, "ListOfDDCs"));
	ck_assert_str_eq(f.warnings, "");
	/* A server finds nobody this way, and neither does a machine without a domain. */
	f.g.product_type = INF_PRODUCT_SERVER;
	f.g.domain = NULL;
	plan_done(&f.plan);
	hive_guest_run(&f.p, &step_vda);
	ck_assert_ptr_nonnull(strstr(f.warnings, "vda-site: site_guid: only a desktop"));
	ck_assert_ptr_nonnull(strstr(f.warnings, "in no domain"));
	end(&f);
}
END_TEST

START_TEST(policies_are_reported_and_stay)
{
	struct fixture f;
	begin(&f);
	f.request.controllers = two;
	hive_put_text(f.g.hives[HIVE_SOFTWARE].h, POLICY, "ListOfDDCs", "policy.corp.example");
	hive_guest_run(&f.p, &step_vda);
	ck_assert_ptr_nonnull(strstr(f.warnings, "vda-policy"));
	ck_assert_ptr_nonnull(strstr(f.warnings, "policy.corp.example"));
	ck_assert(seen(&f, POLICY, "policy.corp.example"));
	/* One that says the same is none to speak of. */
	f.warnings[0] = '\0';
	hive_put_text(f.g.hives[HIVE_SOFTWARE].h, POLICY, "ListOfDDCs",
		"ddc1.new.example ddc2.new.example");
	plan_done(&f.plan);
	hive_guest_run(&f.p, &step_vda);
	ck_assert_str_eq(f.warnings, "");
	end(&f);
}
END_TEST

START_TEST(without_a_vda_there_is_nothing_to_reconfigure)
{
	struct fixture f;
	begin(&f);
	f.request.controllers = two;
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	ck_ok(hive_delete(h, hive_find(h, hive_root(h), SERVICE "BrokerAgent"), &err));
	ck_fails(step_vda.plan(&f.p, &err), ERR_VDA_MISSING, "no Virtual Delivery Agent");
	ck_assert(step_vda.optional);
	f.request.controllers = NULL;
	ck_ok(step_vda.plan(&f.p, &err));
	ck_assert_uint_eq(f.plan.n, 0);
	end(&f);
}
END_TEST

START_TEST(what_does_not_go_together_is_said)
{
	struct fixture f;
	begin(&f);
	put_service(&f, "BNDevice");
	put_service(&f, "CVhdFilter");
	f.request.provisioning = PROVISIONING_MCS;
	ck_ok(step_vda.plan(&f.p, &err));
	ck_assert_uint_eq(f.plan.n, 0);
	ck_assert_ptr_nonnull(strstr(f.warnings, "vda-pvs: Provisioning target device is"));
	ck_assert_ptr_nonnull(strstr(f.warnings, "vda-conflict"));
	ck_assert_ptr_null(strstr(f.warnings, "vda-misa")); /* its key is there */
	f.warnings[0] = '\0';
	f.request.provisioning = PROVISIONING_PVS;
	ck_ok(step_vda.plan(&f.p, &err));
	ck_assert_ptr_null(strstr(f.warnings, "vda-pvs"));
	end(&f);
}
END_TEST

START_TEST(what_is_installed_needs_no_first_boot)
{
	struct fixture f;
	char *misa[] = {(char *)"installMisa", NULL};
	char *both[] = {(char *)"domainUnjoin", (char *)"installPvs", NULL};
	begin(&f);
	f.request.needs_first_boot = misa;
	ck_ok(first_boot_needs_check(&f.request, NULL, NULL, &err));
	ck_ok(first_boot_needs_check(&f.request, &f.g, &f.plan, &err));
	ck_assert_uint_eq(json_array_size(f.plan.notes), 1);
	f.request.needs_first_boot = both;
	ck_fails(first_boot_needs_check(&f.request, NULL, NULL, &err), ERR_NEEDS_FIRST_BOOT,
		"domainUnjoin: needs");
	ck_fails(first_boot_needs_check(&f.request, &f.g, &f.plan, &err), ERR_NEEDS_FIRST_BOOT,
		"domainUnjoin, installPvs: needs");
	end(&f);
}
END_TEST

/* ---- files ---- */

#define CACHE "/ProgramData/Citrix/PvsAgent/LocallyPersistedData"

static void make_folders(const char *image, const char *path)
{
	CLEANUP_FREE char *part = xstrdup(path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (unit_run("ntfsls -p '%s' '%s' >/dev/null 2>&1", part, image) != 0)
			ntfs_tool_mkdir(image, part);
		*slash = '/';
	}
}

static void put_file(const char *image, const char *path, const char *text)
{
	const char *file = tmp("content");
	ck_ok(file_write_atomic(file, text, strlen(text), 0600, &err));
	make_folders(image, path);
	ck_assert_int_eq(unit_run("ntfscp -q '%s' '%s' '%s'", image, file, path), 0);
}

static bool planned(const struct fixture *f, const char *path)
{
	for (size_t i = 0; i < f->plan.n; i++)
		if (f->plan.v[i].kind == ACT_FILE_DELETE &&
			strcasecmp(f->plan.v[i].path, path) == 0)
			return true;
	return false;
}

static size_t count_files(const struct fixture *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->plan.n; i++)
		n += f->plan.v[i].kind == ACT_FILE_DELETE;
	return n;
}

START_TEST(caches_go_wherever_they_are)
{
	struct fixture f;
	CLEANUP_FREE char *image = xstrdup(tmp("volume"));
	begin(&f);
	f.request.controllers = two;
	ntfs_tool_make(image, 24u << 20, 4096, 512);
	put_file(image, CACHE "/BrokerAgentInfo/SavedListOfDDCsSids.xml", "<old/>");
	put_file(image, CACHE "/BrokerAgentInfo/Other.xml", "<stays/>");
	put_file(image, CACHE "/CCMData/CCMCFG.BAK", "old");
	put_file(image, "/ProgramData/Citrix/Elsewhere/SavedListOfDDCsSids.xml", "<old/>");
	put_file(image, "/ProgramData/Other/SavedListOfDDCsSids.xml", "<not Citrix'/>");
	put_file(image, "/Personality.ini", "[StringData]\r\nListOfDDCs=old1.corp.example\r\n");
	put_file(image, "/MCSPersonality.ini", "[ArbitraryData]\r\nKey=value\r\n");
	struct changing c = change(image);
	f.g.volume = c.v;
	ck_ok(step_vda.plan(&f.p, &err));
	ck_assert(planned(&f, "\\ProgramData\\Citrix\\PvsAgent\\LocallyPersistedData\\"
			      "BrokerAgentInfo\\SavedListOfDDCsSids.xml"));
	ck_assert(planned(&f, "\\ProgramData\\Citrix\\PvsAgent\\LocallyPersistedData\\CCMData\\"
			      "CCMCFG.BAK"));
	ck_assert(planned(&f, "\\ProgramData\\Citrix\\Elsewhere\\SavedListOfDDCsSids.xml"));
	ck_assert(planned(&f, "\\Personality.ini"));
	ck_assert_uint_eq(count_files(&f), 4);
	for (size_t i = 0; i < f.plan.n; i++)
		if (f.plan.v[i].kind == ACT_FILE_DELETE)
			ck_ok(ntfs_file_delete(c.v, f.plan.v[i].path, &f.op, &err));
	plan_done(&f.plan);
	ck_ok(step_vda.plan(&f.p, &err));
	ck_assert_uint_eq(count_files(&f), 0);
	f.g.volume = NULL;
	change_drop(&c);
	end(&f);
}
END_TEST

UNIT_MAIN("step-vda", controllers_are_set_and_old_ones_forgotten,
	site_removes_what_would_outrank_it, policies_are_reported_and_stay,
	without_a_vda_there_is_nothing_to_reconfigure, what_does_not_go_together_is_said,
	what_is_installed_needs_no_first_boot, caches_go_wherever_they_are)
