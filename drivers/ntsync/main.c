// SPDX-License-Identifier: GPL-2.0-only
/*
 * NT synchronisation primitives for real-time Linux: module init and exit.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "channel/channel.h"
#include "core/core.h"
#include "observe/observe.h"
#include "pi/pi.h"
#include "types/types.h"
#include "uapi/uapi.h"

static struct miscdevice ntsync_miscdev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ntsync",
	.fops = &ntsync_device_fops,
	.mode = 0666,
};

static int __init ntsync_init(void)
{
	int ret = ntsync_cache_init();

	if (ret)
		return ret;
	ret = ntsync_task_cache_init();
	if (ret)
		goto err_cache;
	ret = ntsync_pi_init();
	if (ret)
		goto err_task_cache;
	ntsync_types_init();
	ret = ntsync_channel_init();
	if (ret)
		goto err_pi;
	ntsync_pi_check_kernel();
	ret = misc_register(&ntsync_miscdev);
	if (ret)
		goto err_channel;
	ntsync_debugfs_init();
	return 0;

err_channel:
	ntsync_channel_exit();
err_pi:
	ntsync_pi_exit();
err_task_cache:
	ntsync_task_cache_exit();
err_cache:
	ntsync_cache_exit();
	return ret;
}

static void __exit ntsync_exit(void)
{
	ntsync_debugfs_exit();
	misc_deregister(&ntsync_miscdev);
	ntsync_objects_exit();
	ntsync_channel_exit();
	ntsync_pi_exit();
	/* Frees what the last chain walks have put: first objects, then task records by RCU. */
	ntsync_objects_exit();
	rcu_barrier();
	ntsync_task_cache_exit();
	ntsync_cache_exit();
}

/* Cannot change after load: existing boosts must end by the rules by which they began. */
module_param_named(pi, ntsync_pi_enabled, bool, 0444);
MODULE_PARM_DESC(pi, "priority inheritance (default: on)");

module_init(ntsync_init);
module_exit(ntsync_exit);

MODULE_DESCRIPTION("NT synchronisation primitives for real-time Linux");
MODULE_AUTHOR("The ntsync-rt authors");
MODULE_VERSION(NTSYNC_VERSION);
MODULE_LICENSE("GPL");
