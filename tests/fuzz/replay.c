/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target once on each file of the folders given, and on damaged copies of it: the corpus as
 * an ordinary test (TAP), worth most under the sanitizers.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MUTATIONS = 64 };

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	struct stat st;
	uint8_t *data = NULL;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) {
		data = xmalloc((size_t)st.st_size + 1);
		*ret_size = fread(data, 1, (size_t)st.st_size, f);
	}
	fclose(f);
	return data;
}

/* The input goes in a block of exactly its size, so that reading past its end is seen. */
static void run_exact(const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *copy = xmalloc(size ? size : 1);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(size ? copy : (const uint8_t *)"", size);
}

static void run_damaged(uint8_t *data, size_t size)
{
	for (unsigned i = 0; size && i < MUTATIONS; i++) {
		size_t at = (size_t)rand() % size;
		uint8_t saved = data[at];
		data[at] ^= (uint8_t)(1 + rand() % 255);
		run_exact(data, size);
		data[at] = saved;
		run_exact(data, (size_t)rand() % size);
	}
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	printf("TAP version 13\n");
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		for (struct dirent *e; dir && (e = readdir(dir));) {
			CLEANUP_FREE char *path = xasprintf("%s/%s", argv[i], e->d_name);
			size_t size = 0;
			CLEANUP_FREE uint8_t *data = read_file(path, &size);
			if (!data)
				continue;
			printf("# %s\n", e->d_name);
			fflush(stdout);
			run_exact(data, size);
			run_damaged(data, size);
			files++;
		}
		if (dir)
			closedir(dir);
	}
	printf("%s 1 - %u seeds\n1..1\n", files ? "ok" : "not ok", files);
	return files ? 0 : 1;
}
