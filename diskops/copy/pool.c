/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool.h"

#include <assert.h>
#include <sys/mman.h>

int pool_init(struct pool *p, unsigned n, size_t buf_size, struct error **err)
{
	assert(n > 0 && buf_size > 0 && buf_size % 4096 == 0);
	size_t size = n * buf_size;
	CLEANUP_CLOSE int fd = memfd_create("ce-pool", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "memory of %zu bytes for buffers", size);
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return err_errno(err, ERR_SYSTEM, errno, "mapping %zu bytes of buffers", size);
	*p = (struct pool){.fd = TAKE_FD(fd), .base = base, .buf_size = buf_size, .n = n};
	return 0;
}

void pool_done(struct pool *p)
{
	if (!p->base)
		return;
	munmap(p->base, p->n * p->buf_size);
	close(p->fd);
	*p = (struct pool){.fd = -1};
}
