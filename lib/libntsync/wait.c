// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

static uint64_t needed_features(const struct ntsync_wait_opts *opts)
{
	return ntsync_clock_feature(opts->flags) | (opts->uring_fd ? NTSYNC_FEATURE_URING_FD : 0);
}

static int wait_for_objects(int dev, unsigned long request, const int *objs, uint32_t count,
			    const struct ntsync_wait_opts *opts, uint32_t *index)
{
	struct ntsync_wait_args args = {
		.timeout = opts->deadline,
		.objs = (uintptr_t)objs,
		.count = count,
		.flags = opts->flags,
		.owner = opts->owner,
		.alert = opts->alert,
		.uring_fd = opts->uring_fd,
	};
	int ret = ntsync_ioctl(dev, request, &args);

	if (!ret || ret == -EOWNERDEAD)
		ntsync_set_result(index, args.index);
	else if (ret == -EINVAL)
		ret = ntsync_explain_einval(dev, needed_features(opts));
	return ret;
}

NTSYNC_API int ntsync_wait_any(int dev, const int *objs, uint32_t count,
			       const struct ntsync_wait_opts *opts, uint32_t *index)
{
	return wait_for_objects(dev, NTSYNC_IOC_WAIT_ANY, objs, count, opts, index);
}

NTSYNC_API int ntsync_signal_and_wait(int dev, int signal, int wait,
				      const struct ntsync_wait_opts *opts, uint32_t *index)
{
	struct ntsync_signal_and_wait_args args = {
		.timeout = opts->deadline,
		.signal = signal,
		.wait = wait,
		.flags = opts->flags,
		.owner = opts->owner,
		.alert = opts->alert,
	};
	int ret;

	if (opts->uring_fd)
		return -EINVAL;
	ret = ntsync_dev_ioctl(dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args);
	if (!ret || ret == -EOWNERDEAD)
		ntsync_set_result(index, args.index);
	else if (ret == -EINVAL)
		ret = ntsync_explain_einval(dev, needed_features(opts));
	return ret;
}

NTSYNC_API int ntsync_wait_all(int dev, const int *objs, uint32_t count,
			       const struct ntsync_wait_opts *opts, uint32_t *index)
{
	return wait_for_objects(dev, NTSYNC_IOC_WAIT_ALL, objs, count, opts, index);
}
