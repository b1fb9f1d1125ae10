/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An inspection for people. Texts come from the guest: nothing of them may steer a terminal. */
#include "cectl.h"

#include <string.h>

#include "jsonx.h"
#include "strbuf.h"
#include "utf16.h"

static const json_t *get(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_null(v) ? NULL : v;
}

static void add_clean(struct strbuf *b, const char *text)
{
	CLEANUP_FREE char *clean = utf8_clean(text);
	strbuf_add(b, clean);
}

/* A member as text; nothing where it is null. */
static void add(struct strbuf *b, const char *before, const json_t *o, const char *key)
{
	const json_t *v = get(o, key);
	if (json_is_string(v) && *json_string_value(v)) {
		strbuf_add(b, before);
		add_clean(b, json_string_value(v));
	} else if (json_is_integer(v)) {
		strbuf_addf(b, "%s%" JSON_INTEGER_FORMAT, before, json_integer_value(v));
	}
}

static void add_list(struct strbuf *b, const char *between, const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach ((json_t *)list, i, v) {
		strbuf_add(b, i ? between : "");
		add_clean(b, json_is_string(v) ? json_string_value(v) : "?");
	}
}

/* Ends the line; one without content is not printed. */
static void line(const char *title, struct strbuf *b)
{
	CLEANUP_FREE char *text = strbuf_take(b);
	if (*text)
		printf("%-13s %s\n", title, text);
}

static void print_partition(const json_t *p)
{
	char n[32];
	struct strbuf b = {0};
	const json_t *ntfs = get(p, "ntfs"), *bitlocker = get(p, "bitLocker");
	add(&b, "", p, "label");
	if (json_is_integer(get(ntfs, "freeBytes")))
		strbuf_addf(&b, "%s%s free", b.len ? ", " : "",
			format_bytes((uint64_t)json_integer_value(get(ntfs, "freeBytes")), n,
				sizeof(n)));
	add(&b, "BitLocker: ", bitlocker, "state");
	add(&b, ", ", bitlocker, "method");
	if (json_is_true(get(bitlocker, "suspended")))
		strbuf_add(&b, ", protection suspended");
	CLEANUP_FREE char *notes = strbuf_take(&b);
	const char *role = json_string_value(get(p, "role"));
	const char *fs = json_string_value(get(p, "fileSystem"));
	printf("  %3" JSON_INTEGER_FORMAT "  %-18s %12s  %-10s %s\n",
		json_integer_value(get(p, "number")), role ? role : "",
		format_bytes((uint64_t)json_integer_value(get(p, "size")), n, sizeof(n)),
		fs ? fs : "", notes);
}

/* ---- Windows ---- */

static void print_product(const json_t *w)
{
	struct strbuf b = {0};
	add(&b, "", w, "productName");
	add(&b, ", ", w, "displayVersion");
	add(&b, ", ", w, "version");
	add(&b, ".", w, "build");
	add(&b, ".", w, "revision");
	add(&b, ", ", w, "architecture");
	add(&b, ", ", w, "firmware");
	add(&b, ", in ", w, "partition");
	add(&b, ":", w, "root");
	line("Windows", &b);
	add(&b, "", w, "computerName");
	add(&b, ", domain ", w, "domain");
	line("computer", &b);
}

static void print_source(const json_t *w)
{
	struct strbuf b = {0};
	const json_t *source = get(w, "source"), *evidence = get(source, "evidence");
	add(&b, "", source, "title");
	add(&b, " (", json_array_get(evidence, 0), "evidence");
	if (b.len && json_array_size(evidence))
		strbuf_addf(&b, json_array_size(evidence) > 1 ? ", and %zu more)" : ")",
			json_array_size(evidence) - 1);
	line("last ran on", &b);
}

static void print_hives(const json_t *w)
{
	size_t i;
	json_t *h;
	struct strbuf b = {0};
	json_array_foreach (get(w, "hives"), i, h) {
		add(&b, i ? ", " : "", h, "name");
		add(&b, " ", h, "state");
		add(&b, ", log entries: ", get(h, "replay"), "entries");
	}
	line("hives", &b);
}

static void print_drivers(const json_t *w)
{
	size_t i;
	json_t *d;
	struct strbuf b = {0};
	json_array_foreach (get(w, "bootDrivers"), i, d) {
		add(&b, i ? ", " : "", d, "service");
		add(&b, " of ", d, "provider");
	}
	line("boot drivers", &b);
	json_array_foreach (get(w, "filters"), i, d) {
		add(&b, i ? ", " : "", d, "service");
		add(&b, " on ", d, "key");
		if (!get(d, "start"))
			strbuf_add(&b, " (no such driver)");
	}
	line("filters", &b);
}

static void print_interface(const json_t *n)
{
	size_t i;
	json_t *a;
	struct strbuf b = {0};
	const json_t *ipv4 = get(n, "ipv4"), *ipv6 = get(n, "ipv6");
	add(&b, "", n, "name");
	add(&b, b.len ? ", " : "", n, "adapter");
	strbuf_add(&b, json_is_true(get(ipv4, "dhcp")) ? ": DHCP" : ": fixed");
	json_array_foreach (get(ipv4, "addresses"), i, a) {
		add(&b, " ", a, "address");
		add(&b, "/", a, "mask");
	}
	if (json_array_size(get(ipv6, "addresses")))
		strbuf_add(&b, " ");
	add_list(&b, " ", get(ipv6, "addresses"));
	strbuf_add(&b, json_array_size(get(ipv4, "gateways")) ? ", gateway " : "");
	add_list(&b, " ", get(ipv4, "gateways"));
	strbuf_add(&b, json_array_size(get(ipv4, "dnsServers")) ? ", DNS " : "");
	add_list(&b, " ", get(ipv4, "dnsServers"));
	line("network", &b);
}

static void print_citrix(const json_t *w)
{
	static const struct {
		const char *key, *title;
	} parts[] = {{"vda", "VDA"}, {"misa", "MISA"}, {"mcsIo", "MCS I/O"}, {"pvs", "PVS target"},
		{"upl", "UPL"}, {"upm", "UPM"}, {"wem", "WEM"}};
	struct strbuf b = {0};
	const json_t *citrix = get(w, "citrix");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const json_t *part = get(citrix, parts[i].key);
		if (!part)
			continue;
		strbuf_addf(&b, "%s%s", b.len ? ", " : "", parts[i].title);
		add(&b, " ", part, "version");
	}
	add(&b, "; controllers ", get(citrix, "registration"), "controllers");
	line("Citrix", &b);
}

static void print_windows(const json_t *w)
{
	size_t i;
	json_t *n;
	struct strbuf b = {0};
	print_product(w);
	print_source(w);
	print_hives(w);
	print_drivers(w);
	json_array_foreach (get(get(w, "network"), "interfaces"), i, n)
		print_interface(n);
	print_citrix(w);
	add_list(&b, ", ", get(get(w, "pagefile"), "configured"));
	line("page files", &b);
	json_array_foreach (get(get(w, "security"), "antivirus"), i, n)
		add(&b, i ? ", " : "", n, "product");
	line("antivirus", &b);
}

void print_inspection(const json_t *inspection)
{
	char n[32];
	size_t i;
	json_t *p;
	const json_t *disk = get(inspection, "disk"), *table = get(inspection, "partitionTable");
	const char *name = json_string_value(get(disk, "name")),
		   *format = json_string_value(get(disk, "format")),
		   *kind = json_string_value(get(table, "kind"));
	printf("%s: %s, %s, %" JSON_INTEGER_FORMAT "-byte sectors, partition table: %s\n",
		name ? name : "", format ? format : "",
		format_bytes((uint64_t)json_integer_value(get(disk, "size")), n, sizeof(n)),
		json_integer_value(get(disk, "logicalSectorSize")), kind ? kind : "");
	json_array_foreach (get(table, "partitions"), i, p)
		print_partition(p);
	if (get(inspection, "windows"))
		print_windows(get(inspection, "windows"));
	json_array_foreach (get(inspection, "problems"), i, p) {
		struct strbuf b = {0};
		add(&b, "", p, "message");
		add(&b, " [", p, "code");
		strbuf_add(&b, "]");
		line("problem", &b);
	}
}
