/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver shows of its state: fdinfo and debugfs. Tracepoints are in core/trace.h.
 */
#ifndef NTSYNC_OBSERVE_H
#define NTSYNC_OBSERVE_H

struct dentry;
struct ntsync_device;
struct ntsync_obj;
struct seq_file;

void ntsync_obj_show(struct seq_file *m, struct ntsync_obj *obj);
void ntsync_device_show(struct seq_file *m, struct ntsync_device *dev);

void ntsync_debugfs_init(void);
void ntsync_debugfs_exit(void);

/* For the fuzzer: tests/fuzz/module/coverage.c. */
#ifdef NTSYNC_COVERAGE
void ntsync_coverage_init(struct dentry *dir);
#else
static inline void ntsync_coverage_init(struct dentry *dir)
{
}
#endif

#endif
