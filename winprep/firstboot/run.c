/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run.h"

#include <stdlib.h>

#include "inherit.h"
#include "log.h"
#include "match.h"
#include "reg.h"
#include "text.h"

#define RESULT_KEY HANDOVER_KEY L"\\Result"

static void set_state(const char *state)
{
	WCHAR *text = text_format(L"%hs", state);
	reg_set_text(RESULT_KEY, L"State", text);
	free(text);
	log_line(L"%hs", state);
}

static void write_result(const struct adapter *old)
{
	WCHAR *key = text_format(RESULT_KEY L"\\%ls", old->guid);
	WCHAR *done = text_format(L"%hs", old->done);
	reg_set_text(key, L"Done", done);
	if (old->successor) {
		WCHAR *by = text_format(L"%hs", old->by);
		reg_set_text(key, L"Device", old->successor->device);
		reg_set_text(key, L"By", by);
		free(by);
	} else {
		reg_delete_value(key, L"Device");
		reg_delete_value(key, L"By");
	}
	log_line(L"\"%ls\" %ls: %hs%hs%ls%hs%hs", adapter_title(old), old->guid, old->done,
		old->successor ? " by " : "", old->successor ? old->successor->device : L"",
		old->successor ? ", told by " : "", old->successor ? old->by : "");
	free(key);
	free(done);
}

/* Of an earlier hand-over. */
static void drop_results(const struct adapters *old)
{
	WCHAR *guids = reg_keys(RESULT_KEY);
	LIST_EACH (guid, guids) {
		BOOL known = FALSE;
		for (size_t i = 0; i < old->n; i++)
			known = known || text_same(old->v[i].guid, guid);
		WCHAR *key = text_format(RESULT_KEY L"\\%ls", guid);
		if (!known)
			reg_delete_key(key);
		free(key);
	}
	free(guids);
}

static enum outcome apply_matches(struct adapters *old)
{
	unsigned before = reg_writes();
	BOOL complete = TRUE, any = FALSE;
	for (size_t i = 0; i < old->n; i++)
		if (old->v[i].successor) {
			any = TRUE;
			complete = inherit(&old->v[i]) && complete;
		}
	BOOL changed = reg_writes() != before;
	for (size_t i = 0; i < old->n; i++)
		write_result(&old->v[i]);
	set_state(!any ? "nothing changed" : complete ? "done" : "not complete");
	reg_flush();
	return !complete ? RUN_LATER : changed ? RUN_CHANGED : RUN_OVER;
}

static enum outcome apply(struct adapters *old, struct adapters *now)
{
	drop_results(old);
	if (adapters_team()) {
		set_state("there is a team or a virtual switch: nothing is changed");
		return RUN_OVER;
	}
	match_adapters(old, now);
	BOOL all_back = TRUE;
	for (size_t i = 0; i < old->n; i++)
		all_back = all_back && old->v[i].present;
	if (!all_back && !match_count_new(now, old)) {
		set_state("no new adapter is installed yet");
		return RUN_LATER;
	}
	return apply_matches(old);
}

enum outcome run_apply(const struct run *run)
{
	struct adapters old;
	if (!handover_read(run->present, &old) || !old.n) {
		log_line(L"no hand-over: nothing to do");
		adapters_done(&old);
		return RUN_OVER;
	}
	struct adapters now = adapters_read(run->present);
	enum outcome outcome = apply(&old, &now);
	adapters_done(&old);
	adapters_done(&now);
	return outcome;
}

/* ---- waiting ---- */

/* NetworkSetup2 holds MAC addresses where this Windows has it at all: then they are to be there. */
static BOOL addresses_known(const struct adapters *now)
{
	WCHAR *key = in_set(L"Control\\NetworkSetup2\\Interfaces");
	BOOL known = TRUE, kept = reg_has_key(key);
	for (size_t i = 0; kept && i < now->n; i++)
		known = known && (!now->v[i].present || now->v[i].has_mac);
	free(key);
	return known;
}

static BOOL is_enough(const struct run *run)
{
	struct adapters old, now = {0};
	BOOL enough = TRUE;
	if (handover_read(run->present, &old)) {
		now = adapters_read(run->present);
		enough = old.n == 0;
		for (size_t i = 0; i < old.n && !enough; i++)
			enough = old.v[i].present;
		enough = enough || (match_count_new(&now, &old) && addresses_known(&now));
	}
	adapters_done(&old);
	adapters_done(&now);
	return enough;
}

/* A Windows that is being set up restarts by itself, and must not be by others. */
static BOOL in_setup(void)
{
	static const WCHAR *const names[] = {L"SystemSetupInProgress", L"OOBEInProgress"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		DWORD number;
		if (reg_get_number(L"SYSTEM\\Setup", names[i], &number) && number)
			return TRUE;
	}
	return FALSE;
}

static enum outcome give_up(void)
{
	set_state("given up after 3 starts: the new adapter keeps what it has, with DHCP");
	return RUN_OVER;
}

enum outcome run_start(const struct run *run)
{
	DWORD starts = 0;
	if (in_setup()) {
		log_line(L"Windows is being set up: not in this start");
		return RUN_LATER;
	}
	if (!reg_has_key(HANDOVER_KEY))
		return run_apply(run);
	reg_get_number(HANDOVER_KEY, L"Starts", &starts);
	if (starts >= MAX_STARTS)
		return give_up();
	if (!reg_set_number(HANDOVER_KEY, L"Starts", starts + 1))
		return RUN_OVER; /* what cannot be counted must not be repeated */
	reg_flush();
	log_line(L"start %lu of %d", starts + 1, MAX_STARTS);
	if (!run->wait(is_enough, run)) {
		/* Somebody else restarts, with nothing done: that can be no loop of this service's. */
		log_line(L"asked to stop: this start does not count");
		reg_set_number(HANDOVER_KEY, L"Starts", starts);
		return RUN_LATER;
	}
	enum outcome outcome = run_apply(run);
	if (outcome == RUN_LATER && starts + 1 >= MAX_STARTS)
		outcome = give_up();
	return outcome;
}
