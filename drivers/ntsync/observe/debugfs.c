// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of the arbiter in /sys/kernel/debug/ntsync/. For people and tests: the format may
 * change.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "observe.h"
#include "pi/pi.h"

static struct dentry *dir;

DEFINE_SEQ_ATTRIBUTE(ntsync_pi);

static int stats_show(struct seq_file *m, void *unused)
{
	ntsync_pi_show_stats(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

void ntsync_debugfs_init(void)
{
	dir = debugfs_create_dir("ntsync", NULL);
	debugfs_create_file("pi", 0400, dir, NULL, &ntsync_pi_fops);
	debugfs_create_file("stats", 0400, dir, NULL, &stats_fops);
	ntsync_coverage_init(dir);
}

void ntsync_debugfs_exit(void)
{
	debugfs_remove(dir);
}
