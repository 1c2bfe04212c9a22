/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits on addresses without a driver that has them. */
#ifndef LIBNTSYNC_ADDR_H
#define LIBNTSYNC_ADDR_H

#include "internal.h"

/* As ntsync_addr_wait() and ntsync_addr_wake(). */
int addr_futex_wait(const volatile void *addr, uint32_t size, uint64_t expected,
		      const struct ntsync_addr_opts *opts);
int addr_futex_wake(const volatile void *addr, uint32_t count, uint32_t flags);

#endif /* LIBNTSYNC_ADDR_H */
