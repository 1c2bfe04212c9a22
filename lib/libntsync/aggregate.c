// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

NTSYNC_API int ntsync_aggregate_wait(int dev, const struct ntsync_aggregate_source *sources,
				     uint32_t count, const struct ntsync_aggregate_opts *opts,
				     uint32_t *index, uint32_t *events)
{
	struct ntsync_aggregate_wait_args args = {
		.timeout = opts->deadline,
		.sources = (uintptr_t)sources,
		.nb_sources = count,
		.flags = opts->flags,
		.owner = opts->owner,
	};
	int ret = ntsync_dev_ioctl(dev, NTSYNC_IOC_AGGREGATE_WAIT, &args);

	if (!ret || ret == -EOWNERDEAD) {
		ntsync_set_result(index, args.fired_index);
		ntsync_set_result(events, args.fired_events);
	} else if (ret == -EINVAL) {
		ret = ntsync_explain_einval(dev, ntsync_clock_feature(opts->flags));
	}
	return ret;
}
