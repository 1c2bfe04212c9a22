// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tells a forked child from its parent. The process id would not do: in a pid namespace of its
 * own, the child can have its parent's. The kernel zeroes a page with MADV_WIPEONFORK in the child.
 */
#include "table.h"

#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

bool nt_in_forked_child(const struct ntsync_nt *nt)
{
	return !*nt->fork_marker;
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
	nt->fork_marker = page;
	return 0;
}

void nt_fork_exit(struct ntsync_nt *nt)
{
	munmap((void *)nt->fork_marker, page_size());
}
