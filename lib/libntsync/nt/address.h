/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits on addresses that the table can end. */
#ifndef LIBNTSYNC_NT_ADDRESS_H
#define LIBNTSYNC_NT_ADDRESS_H

#include "thread.h"

/**
 * struct nt_word - what a thread waits for
 * @addr: the address, a multiple of @size.
 * @size: 1, 2, 4 or 8.
 * @expected: the value that it sleeps with.
 */
struct nt_word {
	const volatile void *addr;
	uint32_t size;
	uint64_t expected;
};

/*
 * As ntsync_addr_wait(); @opts has no alert. -ECANCELED: a stop or an interruption has ended it or
 * refused it with status *@ended.
 */
int nt_address_wait(struct nt_thread *thread, const struct nt_word *word,
		    const struct ntsync_addr_opts *opts, uint32_t *ended);

/*
 * address_futex.c: the same without a driver, and without a look at stops. -EINTR or -EAGAIN also if
 * *@ends differs from @seen.
 */
int nt_futex_wait(const struct nt_word *word, const struct ntsync_addr_opts *opts,
		  const _Atomic uint32_t *ends, uint32_t seen);

#endif /* LIBNTSYNC_NT_ADDRESS_H */
