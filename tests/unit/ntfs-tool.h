/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NTFS volumes for tests, made and read through libntfs-3g's own file device and none of this
 * project's code. Images are whole volumes in a file. Failures end the test.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* mkntfs with a cluster and a sector size. */
void ntfs_tool_make(const char *image, uint64_t size, unsigned cluster, unsigned sector);
/* Files in folders, fragmented, some compressed, with streams; and deleted ones in between. */
void ntfs_tool_fill(const char *image, unsigned seed, unsigned files);
/* One file with random content; path with '/', its folder exists. */
void ntfs_tool_file(const char *image, const char *path, uint64_t size);
/* A file with clusters of its own that nobody has written to, as a page file. */
void ntfs_tool_reserve(const char *image, const char *path, uint64_t size);
/* The first bytes of a file. */
void ntfs_tool_write(const char *image, const char *path, const void *bytes, uint64_t len);
void ntfs_tool_mkdir(const char *image, const char *path);
void ntfs_tool_link(const char *image, const char *path, const char *other);
/* An empty file that compresses what is written to it. */
void ntfs_tool_compressed_file(const char *image, const char *path);
/* Points a file's first run at these clusters, whoever has them. */
void ntfs_tool_steal(const char *image, const char *path, uint64_t lcn);
void ntfs_tool_set_dirty(const char *image);

/* MFT record number of a file. */
uint64_t ntfs_tool_inode(const char *image, const char *path);
uint64_t ntfs_tool_free_clusters(const char *image);
/* Where the first run of the unnamed data of an MFT record lies, bytes. */
uint64_t ntfs_tool_data_offset(const char *image, uint64_t inode);

/* Every run of every attribute of every file in use, bytes; returns the number of files. */
typedef void ntfs_tool_run_fn(
	void *data, uint64_t inode, bool unnamed_data, uint64_t offset, uint64_t len);
unsigned ntfs_tool_runs(const char *image, ntfs_tool_run_fn *fn, void *data);

/* A hash of all attributes of all files, but for unnamed data of those in skip (0: none). */
uint64_t ntfs_tool_hash(const char *image, const uint64_t *skip, unsigned n_skip);
