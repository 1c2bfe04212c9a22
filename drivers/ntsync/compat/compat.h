/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the supported kernels. Kbuild forces this header into every file,
 * after ntsync_features.h, which compat/configure makes. The rest of the driver is written for the
 * newest kernel and has no version test (CI checks). docs/kernels.md says how a difference is
 * handled.
 */
#ifndef NTSYNC_COMPAT_H
#define NTSYNC_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "ntsync: kernels before 6.1 are not supported"
#endif

#include <linux/ktime.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>

/* Arguments of the sched_process_exit tracepoint. */
#ifdef NTSYNC_HAVE_EXIT_GROUP_DEAD
#define NTSYNC_EXIT_PROBE_ARGS	struct task_struct *p, bool group_dead
#else
#define NTSYNC_EXIT_PROBE_ARGS	struct task_struct *p
#endif

/* Arguments of the task_newtask tracepoint. */
#ifdef NTSYNC_HAVE_NEWTASK_U64
#define NTSYNC_NEWTASK_PROBE_ARGS	struct task_struct *p, u64 clone_flags
#else
#define NTSYNC_NEWTASK_PROBE_ARGS	struct task_struct *p, unsigned long clone_flags
#endif

/* The slice that @p has asked for, or 0. */
static inline u64 ntsync_custom_slice(const struct task_struct *p)
{
#ifdef NTSYNC_HAVE_CUSTOM_SLICE
	return p->se.custom_slice ? p->se.slice : 0;
#else
	return 0;
#endif
}

/* Instead of __assign_str(), which takes the string as a second argument only before 6.10. */
#define ntsync_assign_str(dst, src)	memcpy(__get_str(dst), src, strlen(src) + 1)

/* Before 6.4 io_uring's workers are the only ones that look like a user's threads. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER	PF_IO_WORKER
#endif

#ifndef fd_file
#define fd_file(f)	((f).file)
#endif

/* Before 6.13 the function of a timer is set by hand. */
#ifndef NTSYNC_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *timer),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/*
 * Kernels without SLAB_NO_MERGE get another flag that keeps caches apart. It also hides them from
 * kmemleak.
 */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	SLAB_NOLEAKTRACE
#endif

/*
 * Instead of timens_ktime_to_host(), which needs a function that 6.12 does not export. @clock is
 * CLOCK_MONOTONIC or CLOCK_BOOTTIME. Saturates, and does not wrap around.
 */
static inline ktime_t ntsync_ktime_to_host(clockid_t clock, ktime_t t)
{
#ifdef CONFIG_TIME_NS
	const struct timens_offsets *offsets = &current->nsproxy->time_ns->offsets;
	ktime_t offset = timespec64_to_ktime(clock == CLOCK_BOOTTIME ? offsets->boottime :
								       offsets->monotonic);
	s64 host;

	if (check_sub_overflow(t, offset, &host))
		return offset > 0 ? 0 : KTIME_MAX;
	return max_t(s64, host, 0);
#else
	return t;
#endif
}

#ifndef NTSYNC_UNTESTED
#define NTSYNC_UNTESTED	0
#endif

/* For scripts/check/untested: a kernel that agrees to all parameters and sets none. */
#ifdef NTSYNC_PRETEND_DEAF
static inline int ntsync_ignore_attr(struct task_struct *p, const struct sched_attr *attr)
{
	return 0;
}
#define sched_setattr_nocheck	ntsync_ignore_attr
#endif

#endif
