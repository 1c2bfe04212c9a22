// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

/*
 * The in-tree driver answers -ENOTTY to the query, and so does a pipe. An instance of either driver
 * answers -EINVAL to a wait with owner 0, which has no effect.
 */
static int probe_instance(int dev)
{
	struct ntsync_wait_args args = { 0 };
	int ret = ntsync_ioctl(dev, NTSYNC_IOC_WAIT_ANY, &args);

	return ret == -EINVAL ? 0 : ret;
}

NTSYNC_API int ntsync_features(int dev, struct ntsync_features *out)
{
	struct ntsync_features_args args = { 0 };
	struct ntsync_features found = { .driver = NTSYNC_DRIVER_IN_TREE };
	int ret = ntsync_ioctl(dev, NTSYNC_IOC_QUERY_FEATURES, &args);

	if (!ret) {
		found.driver = NTSYNC_DRIVER_NTSYNC_RT;
		found.version = args.version;
		found.features = args.features;
	} else if (ret == -ENOTTY) {
		ret = probe_instance(dev);
	}
	if (!ret && out)
		*out = found;
	return ret;
}
