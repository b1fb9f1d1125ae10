/* SPDX-License-Identifier: GPL-3.0-or-later */
/* INFs as driver packages: what each directive becomes; and every real INF of the test data. */
#include "unit.h"

#include <dirent.h>
#include <string.h>
#include <strings.h>

#include "inf-directives.h"
#include "inf-package.h"
#include "io.h"
#include "mem.h"
#include "strbuf.h"

static const struct inf_target win10 = {
	.arch = INF_AMD64, .major = 10, .build = 19041, .product_type = INF_PRODUCT_WORKSTATION};

static struct inf *parse(const char *text)
{
	struct inf *inf = NULL;
	struct error *err = NULL;
	if (inf_parse(&inf, text, strlen(text), "Test.INF", &err) < 0)
		ck_abort_msg("%s", err->message);
	return inf;
}

#define HEAD                                                                             \
	"[Version]\nClass=System\nClassGuid={4d36e97d-e325-11ce-bfc1-08002be10318}\n"    \
	"Provider=%P%\nDriverVer=02/29/2024,1.2.3.4\nCatalogFile=a.cat\nPnpLockdown=1\n" \
	"CatalogFile.NTamd64=b.cat\n[Manufacturer]\n%P%=M,NTamd64\n[Strings]\nP=\"Maker\"\n"

static const struct inf *other_inf; /* what Include finds */
static const struct inf *find_included(void *data, const char *name)
{
	ck_assert_ptr_eq(data, &other_inf);
	return strcasecmp(name, "pci.inf") == 0 ? other_inf : NULL;
}

static const struct inf_reg *find_reg(const struct inf_regs *r, const char *key, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcasecmp(r->v[i].key, key) == 0 && strcasecmp(r->v[i].name, name) == 0)
			return &r->v[i];
	ck_abort_msg("no %s [%s]", key, name);
	return NULL;
}

static bool has_note(const struct inf_package *p, const char *text)
{
	for (size_t i = 0; i < p->n_notes; i++)
		if (strstr(p->notes[i], text))
			return true;
	return false;
}

START_TEST(directives_of_a_device)
{
	struct inf *inf = parse(HEAD
		"[M.NTamd64]\n%D%=I,PCI\\A&REV_1,PCI\\A\n%E%=I,PCI\\B,PCI\\A&REV_1\n%F%=,PCI\\C\n"
		"[I.NT]\nCopyFiles=F,@one.sys\nFeatureScore=80\nReboot\nReboot=\nSurprise=1\n"
		"AddReg=Soft\nCharacteristics=4\n"
		"[I.NT.HW]\nAddReg=Hard\nDelReg=Gone\nInclude=pci.inf,none.inf\nNeeds=Io.HW,Missing\n"
		"[I.NT.Services]\nAddService=svc,%A%,S,L\nAddService=svc2,,S2\n"
		"[I.NT.Filters]\nAddFilter=low,,FL\nAddFilter=up,,FU\n[FL]\nFilterPosition=Lower\n"
		"[FU]\nFilterPosition=Upper\n[I.NT.CoInstallers]\nAddReg=x\n[I.NT.Wdf]\nx=1\n"
		"[F]\ndest.sys,src.sys,,2\n[Soft]\nHKR,,Text,,%P%\nHKLM,Software\\X,,,1\nHKR,,Bad,what,1\n"
		"[Hard]\nHKR,\\Key\\,,0x10\nHKR,Key,Number,0x00010001,-1\nHKR,Key,Bytes,1,01,ff\n"
		"HKR,,UpperFilters,0x00010008,another\nHKR,,Security,,\"D:P\"\n"
		"HKR,Key,Number4,0x00010001,1,2,0,0\nHKR,Key,Long,0x000b0001,5\n"
		"[Gone]\nHKR,Old\nHKR,,OldValue\n"
		"[S]\nServiceType=1\nStartType=%Z%\nErrorControl=3\nServiceBinary=%12%\\dest.sys\n"
		"LoadOrderGroup=Base\nDependencies=one,+two\nDisplayName=%D%\nAddReg=SR\nBootFlags=1\n"
		"[SR]\nHKR,Parameters,List,0x00010000,a,,b\nHKR,,Keep,0x00010003,7\n"
		"[L]\nAddReg=LR\n[LR]\nHKR,,TypesSupported,0x00010001,7\n"
		"[S2]\nServiceType=0x20\nStartType=2\nErrorControl=0\nServiceBinary=%11%\\s.exe\n"
		"[DestinationDirs]\nF=12\nDefaultDestDir=11,sub\n"
		"[SourceDisksNames.amd64]\n1=Disk,,,\\x64\n[SourceDisksFiles]\nsrc.sys=1,deep\n"
		"one.sys=1\nspare.dll=1\n[Strings]\nA=2\nZ=0\nD=\"A device\"\n");
	struct inf *pci =
		parse("[Version]\n[Io.HW]\nAddReg=Io\n[Io]\nHKR,guid,IoNotRequired,0x10001,1\n");
	struct inf_package *p = NULL;
	other_inf = pci;
	ck_ok(inf_package_read(&p, inf, &win10, find_included, &other_inf, &err));
	ck_assert_str_eq(p->provider, "Maker");
	ck_assert_str_eq(p->catalog, "b.cat");
	ck_assert(p->lockdown);
	ck_assert_uint_eq(p->version[3], 4);
	/* One configuration for both models, and ids once each. */
	ck_assert_uint_eq(p->n_configs, 1);
	ck_assert_uint_eq(p->n_devices, 3);
	ck_assert(p->devices[0].hardware && p->devices[0].compatible);
	ck_assert(!p->devices[1].hardware && p->devices[1].compatible);
	ck_assert_str_eq(p->devices[2].description, "%E%");
	const struct inf_config *c = &p->configs[0];
	ck_assert_str_eq(c->name, "I.NT");
	ck_assert_uint_eq(c->scope, 0x107);
	ck_assert_uint_eq(c->feature_score, 0x80);
	ck_assert(c->reboot);
	ck_assert_str_eq(c->service, "svc");
	ck_assert_str_eq(c->includes[0], "pci.inf");
	ck_assert_str_eq(c->lower[0], "low");
	ck_assert_str_eq(c->upper[0], "up");
	ck_assert_str_eq(c->upper[1], "another");
	ck_assert_uint_eq(c->n_files, 2);
	ck_assert_str_eq(c->files[0].source, "x64\\deep\\src.sys");
	ck_assert_str_eq(c->files[0].name, "dest.sys");
	ck_assert_uint_eq(c->files[0].dirid, 12);
	ck_assert_str_eq(c->files[1].subdir, "sub");
	ck_assert_int_eq(find_reg(&c->device, "Key", "")->kind, INF_REG_KEY);
	ck_assert_mem_eq(find_reg(&c->device, "Key", "Number")->value.data, "\xff\xff\xff\xff", 4);
	ck_assert_mem_eq(find_reg(&c->device, "Key", "Bytes")->value.data, "\1\xff", 2);
	ck_assert_mem_eq(find_reg(&c->device, "Key", "Number4")->value.data, "\1\2\0\0", 4);
	ck_assert_uint_eq(find_reg(&c->device, "Key", "Long")->value.len, 8);
	ck_assert_int_eq(find_reg(&c->device, "Old", "")->kind, INF_REG_DELETE);
	ck_assert_int_eq(find_reg(&c->device, "", "OldValue")->kind, INF_REG_DELETE);
	ck_assert_uint_eq(find_reg(&c->device, "guid", "IoNotRequired")->value.type, REG_DWORD);
	for (size_t i = 0; i < c->device.n; i++)
		ck_assert_str_ne(c->device.v[i].name, "Security");
	ck_assert_uint_eq(c->driver.n, 1);
	ck_assert_uint_eq(c->n_services, 2);
	const struct inf_service *v = &c->services[0];
	ck_assert_uint_eq(v->start, 0);
	ck_assert_str_eq(v->display, "%D%");
	ck_assert_str_eq(v->depends[1], "+two");
	ck_assert_str_eq(v->event_source, "svc");
	ck_assert_uint_eq(v->event_regs.n, 1);
	ck_assert_uint_eq(find_reg(&v->regs, "Parameters", "List")->value.len, 10);
	ck_assert_int_eq(find_reg(&v->regs, "", "Keep")->kind, INF_REG_SET_NEW);
	ck_assert_uint_eq(find_reg(&v->regs, "", "BootFlags")->value.type, REG_DWORD);
	static const char *const notes[] = {"Surprise", "[Missing]", "co-installers", "I.NT.Wdf",
		"Security", "1 registry values outside", "1 registry values whose type"};
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		ck_assert_msg(has_note(p, notes[i]), "%s", notes[i]);
	ck_assert(!has_note(p, "Characteristics"));
	inf_package_free(p);
	inf_free(inf);
	inf_free(pci);
}
END_TEST

START_TEST(what_contradicts_itself_is_refused)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"[I]\nCopyFiles=None\n", "[None] that CopyFiles names"},
		{"[I]\nCopyFiles=@..\\x.sys\n[DestinationDirs]\nDefaultDestDir=12\n",
			"..\\x.sys\" is no path"},
		{"[I]\nCopyFiles=@x.sys\n[DestinationDirs]\nDefaultDestDir=12,..\\..\n", "no path"},
		{"[I]\nCopyFiles=@c:x.sys\n[DestinationDirs]\nDefaultDestDir=12\n", "no path"},
		{"[I]\n[I.Services]\nAddService=a\\b,2,S\n", "no name of a service"},
		{"[I]\n[I.Services]\nAddService=a,2,S\n", "[S] that AddService names"},
		{"[I]\n[I.Services]\nAddService=a,2,S\n[S]\nServiceType=1\nErrorControl=1\n"
		 "StartType=x\n",
			"StartType is \"x\""},
		{"[I]\nNeeds=J\n[J]\nNeeds=I\n", "goes in circles"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *text =
			xasprintf("%s[M.NTamd64]\n%%D%%=I,PCI\\A\n%s", HEAD, cases[i].text);
		struct inf *inf = parse(text);
		struct inf_package *p = NULL;
		ck_fails(inf_package_read(&p, inf, &win10, NULL, NULL, &err), ERR_INF_INVALID,
			cases[i].want);
		inf_free(inf);
	}
	struct inf *inf = parse("[Version]\nClassGuid={nothing}\n");
	struct inf_package *p = NULL;
	ck_fails(inf_package_read(&p, inf, &win10, NULL, NULL, &err), ERR_INF_INVALID, "ClassGuid");
	inf_free(inf);
}
END_TEST

/* Strings that hold strings, and sections that name sections, stay small. */
START_TEST(what_grows_is_limited)
{
	struct strbuf text = {0};
	struct inf_package *p = NULL;
	strbuf_add(&text, HEAD "[M.NTamd64]\n");
	for (int i = 0; i < 3000; i++)
		strbuf_addf(
			&text, "%%D%%=I%d,PCI\\A%d\n[I%d]\nAddReg=R,R,R,R\n[M.NTamd64]\n", i, i, i);
	strbuf_add(&text, "[R]\n");
	for (int i = 0; i < 100; i++)
		strbuf_add(&text, "HKR,,%D%%D%%D%,,%D%%D%\n");
	strbuf_add(&text, "[Strings]\nD=\"");
	for (int i = 0; i < 2000; i++)
		strbuf_add(&text, "four");
	strbuf_add(&text, "\"\n");
	CLEANUP_FREE char *all = strbuf_take(&text);
	struct inf *inf = parse(all);
	ck_fails(inf_package_read(&p, inf, &win10, NULL, NULL, &err), ERR_INF_INVALID, "more than");
	inf_free(inf);
}
END_TEST

/* ---- every real INF ---- */

struct walk {
	unsigned files, packages, directives;
	struct strbuf unknown;
};

static void check_directives(struct walk *w, const struct inf *inf, enum inf_section_kind kind,
	const struct inf_section *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		if (!s->lines[i].key)
			continue;
		w->directives++;
		if (!inf_directive_find(kind, s->lines[i].key))
			strbuf_addf(
				&w->unknown, "%s [%s] %s\n", inf->name, s->name, s->lines[i].key);
	}
}

static void check_services(struct walk *w, const struct inf *inf, const struct inf_section *s)
{
	check_directives(w, inf, INF_IN_SERVICES, s);
	for (size_t i = 0; s && i < s->n; i++) {
		if (!s->lines[i].key || strcasecmp(s->lines[i].key, "AddService") != 0)
			continue;
		CLEANUP_FREE char *service = inf_text(inf, &s->lines[i], 2);
		CLEANUP_FREE char *events = inf_text(inf, &s->lines[i], 3);
		check_directives(w, inf, INF_IN_SERVICE, inf_section(inf, service));
		check_directives(w, inf, INF_IN_EVENTS, inf_section(inf, events));
	}
}

static void check_install(struct walk *w, const struct inf *inf, const struct inf_section *s)
{
	check_directives(w, inf, INF_IN_INSTALL, s);
	check_directives(w, inf, INF_IN_HW, inf_section_suffixed(inf, s->name, "HW"));
	check_directives(w, inf, INF_IN_FILTERS, inf_section_suffixed(inf, s->name, "Filters"));
	check_services(w, inf, inf_section_suffixed(inf, s->name, "Services"));
}

static void check_inf(struct walk *w, const char *path, const char *name)
{
	static const struct inf_target targets[] = {
		{INF_AMD64, 10, 0, 19041, INF_PRODUCT_WORKSTATION, 0},
		{INF_AMD64, 10, 0, 26100, INF_PRODUCT_SERVER, 0},
		{INF_AMD64, 6, 3, 9600, INF_PRODUCT_SERVER, 0},
		{INF_X86, 6, 1, 7601, INF_PRODUCT_WORKSTATION, 0},
		{INF_X86, 5, 1, 2600, INF_PRODUCT_WORKSTATION, 0},
		{INF_ARM64, 10, 0, 26100, INF_PRODUCT_WORKSTATION, 0}};
	char *data = NULL;
	size_t size;
	struct inf *inf = NULL;
	ck_ok(file_read(path, INF_SIZE_MAX, &data, &size, &err));
	ck_ok(inf_parse(&inf, data, size, name, &err));
	free(data);
	w->files++;
	check_directives(w, inf, INF_IN_VERSION, inf_section(inf, "Version"));
	for (size_t t = 0; t < ARRAY_SIZE(targets); t++) {
		struct inf_model *models = NULL;
		size_t n = inf_models(inf, &targets[t], &models);
		for (size_t i = 0; i < n; i++) {
			const struct inf_section *s =
				inf_install_section(inf, models[i].install, &targets[t]);
			if (s)
				check_install(w, inf, s);
		}
		free(models);
		struct inf_package *p = NULL;
		struct error *err = NULL;
		/* Templates have what their build fills in; then they are refused with a reason. */
		if (inf_package_read(&p, inf, &targets[t], NULL, NULL, &err) < 0)
			ck_assert_int_eq(err->code, ERR_INF_INVALID);
		else
			w->packages += p->n_devices > 0;
		err_free(err);
		inf_package_free(p);
	}
	inf_free(inf);
}

static void walk(struct walk *w, const char *folder)
{
	DIR *d = opendir(folder);
	ck_assert_ptr_nonnull(d);
	for (struct dirent *e; (e = readdir(d));) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, e->d_name);
		size_t len = strlen(e->d_name);
		if (e->d_name[0] == '.')
			continue;
		if (len > 4 && (strcasecmp(e->d_name + len - 4, ".inf") == 0 ||
				       strcasecmp(e->d_name + len - 4, ".inx") == 0))
			check_inf(w, path, e->d_name);
		else if (e->d_type == DT_DIR)
			walk(w, path);
	}
	closedir(d);
}

START_TEST(every_directive_of_real_infs_is_known)
{
	struct walk w = {0};
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	CLEANUP_FREE char *folder = xasprintf("%s/inf", unit_data_dir());
	walk(&w, folder);
	CLEANUP_FREE char *unknown = strbuf_take(&w.unknown);
	ck_assert_msg(!*unknown, "not in the table:\n%s", unknown);
	ck_assert_uint_ge(w.files, 220);
	ck_assert_uint_ge(w.packages, 220);
	ck_assert_uint_ge(w.directives, 3000);
}
END_TEST

UNIT_MAIN("inf-package", directives_of_a_device, what_contradicts_itself_is_refused,
	what_grows_is_limited, every_directive_of_real_infs_is_known)
