// SPDX-License-Identifier: LGPL-2.1-or-later
#include "addr.h"

/* For ntsync_addr_wait() and ntsync_addr_wake(): no driver is meant. */
#define NO_DEVICE (-1)

/* A driver without waits on addresses answers -ENOTTY, as any descriptor that is no instance. */
static bool lacks_addresses(int dev, int ret)
{
	return ret == -ENOTTY && !ntsync_features(dev, NULL);
}

NTSYNC_API int ntsync_addr_wait(int dev, const volatile void *addr, uint32_t size,
				uint64_t expected, const struct ntsync_addr_opts *opts,
				uint32_t *index)
{
	struct ntsync_addr_wait_args args = {
		.timeout = opts->deadline,
		.addr = (uintptr_t)addr,
		.expected = expected,
		.size = size,
		.flags = opts->flags,
		.owner = opts->owner,
		.alert = (uint32_t)opts->alert,
	};
	int ret = -ENOTTY;

	if (dev != NO_DEVICE)
		ret = ntsync_ioctl(dev, NTSYNC_IOC_ADDR_WAIT, &args);
	if (dev == NO_DEVICE || lacks_addresses(dev, ret))
		ret = addr_futex_wait(addr, size, expected, opts);
	else if (ret == -EINVAL)
		ret = ntsync_explain_einval(dev, ntsync_clock_feature(opts->flags));
	if (!ret)
		ntsync_set_result(index, args.index);
	return ret;
}

NTSYNC_API int ntsync_addr_wake(int dev, const volatile void *addr, uint32_t count, uint32_t flags)
{
	struct ntsync_addr_wake_args args = {
		.addr = (uintptr_t)addr,
		.count = count,
		.flags = flags,
	};
	int ret = -ENOTTY;

	if (dev != NO_DEVICE)
		ret = ntsync_ioctl(dev, NTSYNC_IOC_ADDR_WAKE, &args);
	if (dev == NO_DEVICE || lacks_addresses(dev, ret))
		ret = addr_futex_wake(addr, count, flags);
	return ret;
}
