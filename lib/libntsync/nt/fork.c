// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whether the process is the one that made the table. Its number would not tell: a child can
 * have the same one in a namespace of its own. The kernel empties a page of its choice in the
 * child, and a load from it costs nothing.
 */
#include "nt.h"

#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

bool nt_is_parents(const struct ntsync_nt *nt)
{
	return !*nt->here;
}

int nt_fork_init(struct ntsync_nt *nt)
{
	uint32_t *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -ENOMEM;
	if (madvise(page, page_size(), MADV_WIPEONFORK)) {
		munmap(page, page_size());
		return -ENOMEM;
	}
	*page = 1;
	nt->here = page;
	return 0;
}

void nt_fork_exit(struct ntsync_nt *nt)
{
	munmap((void *)nt->here, page_size());
}
