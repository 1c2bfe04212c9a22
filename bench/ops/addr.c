// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls on an address that neither sleep nor wake anybody, beside those of futexes. A sleep and a
 * wake are in pingpong.c.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <libntsync.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t word;

static int need_addresses(const struct operation *op)
{
	struct ntsync_features found;

	return ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_ADDRESS) ?
	       -ENOTSUP : 0;
}

static int begin_futex(const struct operation *op)
{
	return 0;
}

static void end(const struct operation *op)
{
}

/* The word has another value. */
static int addr_wait(const struct operation *op, uint64_t *ns)
{
	static const struct ntsync_addr_opts opts = { .deadline = NTSYNC_WAIT_FOREVER };

	return ntsync_addr_wait(dev, &word, sizeof(word), 1, &opts, NULL) == -EAGAIN ? 1 : -1;
}

static int futex_wait(const struct operation *op, uint64_t *ns)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) < 0 ? 1 : -1;
}

/* Nobody waits. */
static int addr_wake(const struct operation *op, uint64_t *ns)
{
	return ntsync_addr_wake(dev, &word, 1, 0) ? -1 : 1;
}

static int futex_wake(const struct operation *op, uint64_t *ns)
{
	return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) ? -1 : 1;
}

const struct operation addr_ops[] = {
	{ "addr/wait", need_addresses, addr_wait, end, 0, NULL },
	{ "futex/wait", begin_futex, futex_wait, end, 0, NULL },
	{ "addr/wake", need_addresses, addr_wake, end, 0, NULL },
	{ "futex/wake", begin_futex, futex_wake, end, 0, NULL },
	{ 0 },
};
