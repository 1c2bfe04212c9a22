/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the supported kernels. Kbuild forces this header into every file.
 * The rest of the driver is written for the newest kernel and has no version test (CI checks).
 */
#ifndef NTSYNC_COMPAT_H
#define NTSYNC_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "ntsync: kernels before 6.12 are not supported"
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "ntsync: this kernel is newer than the newest that was tested (7.3)"
#endif

#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>

/* Arguments of the sched_process_exit tracepoint. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define NTSYNC_EXIT_PROBE_ARGS	struct task_struct *p, bool group_dead
#else
#define NTSYNC_EXIT_PROBE_ARGS	struct task_struct *p
#endif

/* Arguments of the task_newtask tracepoint. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define NTSYNC_NEWTASK_PROBE_ARGS	struct task_struct *p, u64 clone_flags
#else
#define NTSYNC_NEWTASK_PROBE_ARGS	struct task_struct *p, unsigned long clone_flags
#endif

/*
 * For timens_ktime_to_host(), which needs a function that 6.12 does not export. Saturates instead
 * of wrapping around.
 */
static inline ktime_t ntsync_monotonic_to_host(ktime_t t)
{
#ifdef CONFIG_TIME_NS
	ktime_t offset = timespec64_to_ktime(current->nsproxy->time_ns->offsets.monotonic);
	s64 host;

	if (check_sub_overflow(t, offset, &host))
		return offset > 0 ? 0 : KTIME_MAX;
	return max_t(s64, host, 0);
#else
	return t;
#endif
}

#endif
