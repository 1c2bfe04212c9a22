/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Interface of /dev/ntsync: NT synchronisation primitives for Linux.
 *
 * Distributions install a header of the same name that describes other drivers;
 * that of kernels 6.10 to 6.13 has two ioctls only. The include guard therefore
 * has two parts:
 *
 * - If such a header comes first, half of the names below exist already, and
 *   the program would see a mixture of both: an error.
 * - If it comes later, __LINUX_NTSYNC_H keeps it empty.
 */
#ifndef _UAPI_LINUX_NTSYNC_H
#define _UAPI_LINUX_NTSYNC_H

#ifdef NTSYNC_IOC_CREATE_SEM
#error "another linux/ntsync.h came first: include this one instead of it"
#endif

#ifndef __LINUX_NTSYNC_H
#define __LINUX_NTSYNC_H
#endif

#include <linux/ioctl.h>
#include <linux/time_types.h>
#include <linux/types.h>

/**
 * DOC: Devices, objects and numbers
 *
 * Every open of /dev/ntsync creates an instance; objects of two instances
 * cannot take part in one wait. An ioctl acts either on an instance ("dev") or
 * on an object of one type. Objects are file descriptors: dup(), fork() and
 * SCM_RIGHTS share them, and the last close destroys them. A wait keeps its
 * objects alive, so closing a descriptor does not end it.
 *
 * All structs have one layout for 32- and 64-bit callers. Integers are in host
 * byte order. The owner of a mutex is any number that the caller uses to tell its
 * threads apart; it is not a Linux thread id, and 0 means "nobody". The owner of an
 * address is a thread id: see ADDR_WAIT.
 */

/**
 * DOC: Errors that any of these ioctls may return
 *
 * * ENOTTY: the driver does not know the number, the size encoded in it is not
 *   the one listed here, or the descriptor is of another kind: an object for a
 *   device's ioctl, or the other way round.
 * * EINVAL: the object is of another type, a semaphore for an event's ioctl, say.
 *   Where the argument is an input, EFAULT comes first.
 * * EBADF: the descriptor is closed, or was opened with O_PATH.
 * * EFAULT: the argument cannot be read, or the result cannot be written.
 *   Results are written after the operation took effect: when that write
 *   faults, the change stands. CHANNEL_RECV and its variants are the exception
 *   (see there).
 * * ENOMEM: no memory. Nothing has changed.
 *
 * Ioctls that create an object return a new descriptor with O_CLOEXEC set. They
 * may fail with EMFILE and ENFILE, too.
 *
 * The errors of one operation are listed with it in the order in which they are
 * checked. A member marked "out" is written on success only, unless its
 * description says otherwise.
 */

/**
 * DOC: Features
 *
 * The bits of &ntsync_features_args.features. Semaphores, mutexes, events,
 * WAIT_ANY and WAIT_ALL have no bit: every driver has them, also the in-tree
 * driver, which fails the query with ENOTTY.
 *
 * * NTSYNC_FEATURE_PRIORITY_QUEUES: waiters are served in the order of their
 *   real-time priority, and in order of arrival within one priority. Tasks
 *   without a real-time priority come last, in order of arrival.
 * * NTSYNC_FEATURE_MUTEX_PI: the holder of a mutex inherits the priority of
 *   the mutex's waiters.
 * * NTSYNC_FEATURE_EVENT_SET_PI: NTSYNC_IOC_EVENT_SET_PI.
 * * NTSYNC_FEATURE_CHANNEL: NTSYNC_IOC_CREATE_CHANNEL and CHANNEL_SEND_PI,
 *   _RECV, _RECV2, _REPLY, _REGISTER_THREAD and _DEREGISTER_THREAD.
 * * NTSYNC_FEATURE_CHANNEL_TRY_RECV2: NTSYNC_IOC_CHANNEL_TRY_RECV2.
 * * NTSYNC_FEATURE_AGGREGATE_WAIT: NTSYNC_IOC_AGGREGATE_WAIT, both layouts.
 * * NTSYNC_FEATURE_URING_FD: &ntsync_wait_args.uring_fd other than 0.
 * * NTSYNC_FEATURE_POLL: objects can be polled.
 * * NTSYNC_FEATURE_SIGNAL_AND_WAIT: NTSYNC_IOC_SIGNAL_AND_WAIT.
 * * NTSYNC_FEATURE_BOOTTIME: NTSYNC_WAIT_BOOTTIME and NTSYNC_AGG_FLAG_BOOTTIME.
 * * NTSYNC_FEATURE_LEND: NTSYNC_IOC_LEND and NTSYNC_IOC_UNLEND.
 * * NTSYNC_FEATURE_ADDRESS: NTSYNC_IOC_ADDR_WAIT and NTSYNC_IOC_ADDR_WAKE.
 *
 * Programs ignore bits that they do not know.
 */
#define NTSYNC_FEATURE_PRIORITY_QUEUES		(1ULL << 0)
#define NTSYNC_FEATURE_MUTEX_PI			(1ULL << 1)
#define NTSYNC_FEATURE_EVENT_SET_PI		(1ULL << 2)
#define NTSYNC_FEATURE_CHANNEL			(1ULL << 3)
#define NTSYNC_FEATURE_CHANNEL_TRY_RECV2	(1ULL << 4)
#define NTSYNC_FEATURE_AGGREGATE_WAIT		(1ULL << 5)
#define NTSYNC_FEATURE_URING_FD			(1ULL << 6)
#define NTSYNC_FEATURE_POLL			(1ULL << 7)
#define NTSYNC_FEATURE_SIGNAL_AND_WAIT		(1ULL << 8)
#define NTSYNC_FEATURE_BOOTTIME			(1ULL << 9)
#define NTSYNC_FEATURE_LEND			(1ULL << 10)
#define NTSYNC_FEATURE_ADDRESS			(1ULL << 11)

/**
 * struct ntsync_features_args - features of this driver
 * @features: out: NTSYNC_FEATURE_* bits.
 * @version: out: version of the interface, counted from 1. It grows when the
 *	meaning of an existing operation is refined; additions show in
 *	@features.
 * @reserved: out: 0.
 *
 * NTSYNC_IOC_QUERY_FEATURES, on dev. A driver that fails it with ENOTTY has
 * semaphores, mutexes, events, WAIT_ANY and WAIT_ALL only.
 *
 * EFAULT: the result cannot be written.
 */
struct ntsync_features_args {
	__u64 features;
	__u32 version;
	__u32 reserved;
};

#define NTSYNC_IOC_QUERY_FEATURES	_IOR('N', 0x8f, struct ntsync_features_args)

/**
 * struct ntsync_sem_args - state of a semaphore
 * @count: number of acquisitions that are available. 0 = not signaled.
 * @max: upper bound of @count.
 *
 * NTSYNC_IOC_CREATE_SEM, on dev, returns a semaphore. Both members may be 0, or
 * both ~0.
 *
 * * EFAULT
 * * EINVAL: @count > @max.
 *
 * NTSYNC_IOC_SEM_READ, on a semaphore, writes both members.
 *
 * * EFAULT
 */
struct ntsync_sem_args {
	__u32 count;
	__u32 max;
};

#define NTSYNC_IOC_CREATE_SEM		_IOW('N', 0x80, struct ntsync_sem_args)
#define NTSYNC_IOC_SEM_READ		_IOR('N', 0x8b, struct ntsync_sem_args)

/*
 * NTSYNC_IOC_SEM_RELEASE, on a semaphore: adds the number pointed to, and
 * replaces it by the count before. Adding 0 is legal.
 *
 * EFAULT
 * EOVERFLOW: the count would exceed its bound. The semaphore and the number
 *	pointed to are as before.
 */
#define NTSYNC_IOC_SEM_RELEASE		_IOWR('N', 0x81, __u32)

/**
 * struct ntsync_mutex_args - state of a mutex
 * @owner: the owner that holds it. 0 = free.
 * @count: how often the owner has acquired it.
 *
 * NTSYNC_IOC_CREATE_MUTEX, on dev, returns a mutex, held by @owner if not 0.
 *
 * * EFAULT
 * * EINVAL: exactly one of @owner and @count is 0.
 *
 * NTSYNC_IOC_MUTEX_UNLOCK, on a mutex, undoes one acquisition by @owner, and
 * writes the previous count to @count, whose value is ignored.
 *
 * * EFAULT
 * * EINVAL: @owner is 0.
 * * EPERM: @owner does not hold the mutex, which includes one that is free or
 *   abandoned. The argument is untouched.
 *
 * NTSYNC_IOC_MUTEX_READ, on a mutex, writes both members.
 *
 * * EFAULT
 * * EOWNERDEAD: the mutex is abandoned. 0 is written to both members. The
 *   mutex stays abandoned.
 */
struct ntsync_mutex_args {
	__u32 owner;
	__u32 count;
};

#define NTSYNC_IOC_CREATE_MUTEX		_IOW('N', 0x84, struct ntsync_mutex_args)
#define NTSYNC_IOC_MUTEX_UNLOCK		_IOWR('N', 0x85, struct ntsync_mutex_args)
#define NTSYNC_IOC_MUTEX_READ		_IOR('N', 0x8c, struct ntsync_mutex_args)

/*
 * NTSYNC_IOC_MUTEX_KILL, on a mutex: the owner that is pointed to has died.
 * All its acquisitions are undone and the mutex is abandoned: the next wait
 * acquires it and returns EOWNERDEAD.
 *
 * EFAULT
 * EINVAL: the owner is 0.
 * EPERM: the owner does not hold the mutex. A second kill fails with this.
 */
#define NTSYNC_IOC_MUTEX_KILL		_IOW('N', 0x86, __u32)

/**
 * struct ntsync_event_args - state of an event
 * @manual: not 0: the event stays signaled until it is reset, and releases
 *	every waiter. 0: the signal releases one waiter, which resets the event.
 * @signaled: not 0: the event is signaled.
 *
 * NTSYNC_IOC_CREATE_EVENT, on dev, returns an event. Any value but 0 counts
 * as 1.
 *
 * * EFAULT
 *
 * NTSYNC_IOC_EVENT_READ, on an event, writes both members, as 0 or 1.
 *
 * * EFAULT
 */
struct ntsync_event_args {
	__u32 manual;
	__u32 signaled;
};

#define NTSYNC_IOC_CREATE_EVENT		_IOW('N', 0x87, struct ntsync_event_args)
#define NTSYNC_IOC_EVENT_READ		_IOR('N', 0x8d, struct ntsync_event_args)

/*
 * NTSYNC_IOC_EVENT_SET signals an event. NTSYNC_IOC_EVENT_RESET ends the signal.
 * NTSYNC_IOC_EVENT_PULSE releases one waiter (auto-reset event) or all that are
 * waiting (manual-reset), and always leaves the event not signaled. Each writes
 * whether the event was signaled before, as 0 or 1.
 *
 * EFAULT: the result cannot be written. The event has changed nevertheless.
 */
#define NTSYNC_IOC_EVENT_SET		_IOR('N', 0x88, __u32)
#define NTSYNC_IOC_EVENT_RESET		_IOR('N', 0x89, __u32)
#define NTSYNC_IOC_EVENT_PULSE		_IOR('N', 0x8a, __u32)

/* The timeout of a wait is in CLOCK_REALTIME, not CLOCK_MONOTONIC. */
#define NTSYNC_WAIT_REALTIME		0x1

/*
 * The timeout of a wait is in CLOCK_BOOTTIME, which goes on while the machine is
 * suspended. The wait does not end the suspension: if the deadline has passed
 * meanwhile, it times out when the machine resumes. Not together with
 * NTSYNC_WAIT_REALTIME. Announced by NTSYNC_FEATURE_BOOTTIME.
 */
#define NTSYNC_WAIT_BOOTTIME		0x80000000

/* Maximum number of objects of one wait, without the alert. */
#define NTSYNC_MAX_WAIT_COUNT		64

/* The index of a wait that was ended by its uring_fd. */
#define NTSYNC_INDEX_URING_READY	0xFFFFFFFE

/**
 * struct ntsync_wait_args - wait for objects
 * @timeout: deadline in nanoseconds, of CLOCK_MONOTONIC or CLOCK_BOOTTIME in the
 *	caller's time namespace, or of CLOCK_REALTIME (see @flags). U64_MAX =
 *	never. Other values above S64_MAX have passed. If the deadline has passed
 *	on entry, the call tries to acquire once and does not sleep.
 * @objs: address of an array of @count descriptors (int).
 * @count: number of objects, 0 to NTSYNC_MAX_WAIT_COUNT.
 * @index: out: what ended the wait. WAIT_ANY: the position in @objs, the lowest
 *	one if several objects are ready. WAIT_ALL: 0. The alert: @count.
 *	@uring_fd: NTSYNC_INDEX_URING_READY. Also written with EOWNERDEAD, and
 *	with no other error.
 * @flags: 0, NTSYNC_WAIT_REALTIME or NTSYNC_WAIT_BOOTTIME.
 * @owner: the owner that acquires mutexes. Never 0, even if there is no mutex.
 * @alert: descriptor of an additional object that ends the wait if it is ready
 *	and the others are not. It is acquired only if it ends the wait. 0 =
 *	none, so descriptor 0 cannot be an alert.
 * @uring_fd: descriptor that ends the wait when it polls readable and neither
 *	objects nor alert are ready. Nothing is acquired or read then. 0 = none.
 *	Other values need NTSYNC_FEATURE_URING_FD.
 * @pad: name of @uring_fd in the in-tree header.
 *
 * NTSYNC_IOC_WAIT_ANY, on dev, waits until one of the objects is ready and
 * acquires that one. NTSYNC_IOC_WAIT_ALL waits until all are ready at the same
 * time and acquires all of them at once. Acquiring takes one from a semaphore's
 * count, resets an auto-reset event, leaves a manual-reset event signaled, and
 * makes @owner the holder of a mutex. A mutex is ready if it is free, or held by
 * @owner with a count below ~0.
 *
 * With a @count of 0 WAIT_ALL succeeds at once, and WAIT_ANY waits for the alert.
 *
 * * EFAULT: the struct cannot be read.
 * * EINVAL: unknown @flags, or both; @uring_fd without its feature; @owner is 0;
 *   @count above NTSYNC_MAX_WAIT_COUNT.
 * * EFAULT: @objs cannot be read.
 * * EINVAL: an element of @objs, or @alert, is not an object of this instance:
 *   a closed descriptor, the instance itself, a channel.
 * * EBADF: @uring_fd is not an open descriptor. EPERM: it cannot be polled.
 * * EINVAL: WAIT_ALL: two of the objects, or an object and the alert, are the
 *   same, even if by two descriptors.
 * * ENOMEM: nothing is ready, and there is no memory for the sleep; or, in the
 *   first call of a thread, for the thread's record. Nothing was acquired.
 * * EOWNERDEAD: the wait has succeeded, and a mutex that it acquired was
 *   abandoned. The mutex is held now, with a count of 1.
 * * ETIMEDOUT: @timeout has passed. Nothing was acquired.
 * * EINTR: a signal was handled, and its handler does not restart calls. Nothing
 *   was acquired. The timeout is absolute, so a repeated call ends no later.
 */
struct ntsync_wait_args {
	__u64 timeout;
	__u64 objs;
	__u32 count;
	__u32 index;
	__u32 flags;
	__u32 owner;
	__u32 alert;
	union {
		__u32 uring_fd;
		__u32 pad;
	};
};

#define NTSYNC_IOC_WAIT_ANY		_IOWR('N', 0x82, struct ntsync_wait_args)
#define NTSYNC_IOC_WAIT_ALL		_IOWR('N', 0x83, struct ntsync_wait_args)

/**
 * struct ntsync_signal_and_wait_args - signal one object and wait for another
 * @timeout: when to give up, as in &struct ntsync_wait_args.
 * @signal: descriptor of the object to signal: an event is set, a semaphore is
 *	released once, a mutex is unlocked once by @owner.
 * @wait: descriptor of the object to wait for.
 * @flags: 0, NTSYNC_WAIT_REALTIME or NTSYNC_WAIT_BOOTTIME.
 * @owner: the owner that unlocks and acquires mutexes. Never 0.
 * @alert: as in &struct ntsync_wait_args.
 * @index: out: 0 for @wait, 1 for @alert. Also written with EOWNERDEAD, and with no
 *	other error.
 *
 * NTSYNC_IOC_SIGNAL_AND_WAIT, on dev; announced by NTSYNC_FEATURE_SIGNAL_AND_WAIT.
 * The wait begins before the signal takes effect: a thread that the signal releases
 * finds the caller waiting for @wait, or finds that it has acquired @wait already.
 *
 * * EFAULT
 * * EINVAL: as WAIT_ANY, for @flags, @owner and the descriptors.
 * * ENOMEM: in the first call of a thread, for the thread's record. Nothing was
 *   signaled, and there was no wait.
 * * EOVERFLOW, EPERM: as SEM_RELEASE and MUTEX_UNLOCK. Nothing was signaled, and
 *   there was no wait.
 * * EOWNERDEAD, ETIMEDOUT: as WAIT_ANY. @signal was signaled.
 * * EINTR: a signal was handled, with or without SA_RESTART: a repeated call would
 *   signal the object again. @signal was signaled. After an interruption without
 *   a handler, such as a stop, the call goes on with the wait.
 */
struct ntsync_signal_and_wait_args {
	__u64 timeout;
	__u32 signal;
	__u32 wait;
	__u32 flags;
	__u32 owner;
	__u32 alert;
	__u32 index;
};

#define NTSYNC_IOC_SIGNAL_AND_WAIT	_IOWR('N', 0x99, struct ntsync_signal_and_wait_args)

/**
 * struct ntsync_event_set_pi_args - signal an event with a priority
 * @flags: 0.
 * @policy: SCHED_FIFO (1) or SCHED_RR (2).
 * @prio: 1 to 99.
 * @__pad: ignored.
 *
 * NTSYNC_IOC_EVENT_SET_PI, on an event; announced by NTSYNC_FEATURE_EVENT_SET_PI.
 * Acts as EVENT_SET, and boosts the task that consumes the signal to this
 * priority, from before its call returns until it enters its next wait or receive.
 * If the event is set several times before it is consumed, the last call counts; a
 * reset cancels the boost. @prio is lowered to the highest that the caller may have
 * itself: the maximum of its own real-time priority and RLIMIT_RTPRIO, or 99 with
 * CAP_SYS_NICE.
 *
 * * EFAULT
 * * EINVAL: @flags, @policy or @prio has another value.
 */
struct ntsync_event_set_pi_args {
	__u32 flags;
	__u32 policy;
	__u32 prio;
	__u32 __pad;
};

#define NTSYNC_IOC_EVENT_SET_PI		_IOW('N', 0x8e, struct ntsync_event_set_pi_args)

/**
 * DOC: Channels
 *
 * A channel carries requests from senders to receivers: a send sleeps until
 * the reply. Requests are received in the order of their priority, and in order
 * of arrival within one priority. Requests without a priority, own or inherited
 * (see below), come last.
 *
 * A request is *pending* until it is received, and *dispatched* from then until
 * the reply.
 *
 * A *receiver* is a thread that has entered CHANNEL_RECV, _RECV2 or _TRY_RECV2, or
 * an AGGREGATE_WAIT for the channel. It inherits
 *
 * * from the requests that it works on: those received and not replied to. They
 *   form sets. Each CHANNEL_RECV and CHANNEL_RECV2 begins a new set,
 *   CHANNEL_TRY_RECV2 adds to the newest one. The newest set that is not empty
 *   counts, and in it the request with the highest priority. While the receiver
 *   sleeps in a receive, it inherits nothing from its requests.
 * * from the pending request with the highest priority, unless the receiver has
 *   sent that itself. So if all receivers work on requests of lower priority, they
 *   are boosted until one of them receives it.
 *
 * A sleeping receiver has the boost before its receive returns.
 *
 * The priority of a request is the higher of the one that its sender has asked
 * for and the one that its sender inherits while it waits, from EVENT_SET_PI,
 * too. The sender's own priority does not count.
 *
 * A *receiving process* has a receiver among its threads and a descriptor of the
 * channel. When its last descriptor is closed, by close(2), by execve(2) or
 * because the process ends,
 *
 * * senders of requests that its receivers work on return with ECONNRESET;
 * * its receivers that sleep in a receive return with EBADF;
 * * if no receiving process is left, senders of pending requests return with
 *   EPIPE, and later sends fail with EPIPE until the next receive.
 *
 * When a receiver ends and its process goes on, senders of requests that it
 * works on return with ECONNRESET. Before the channel had its first receiver,
 * senders wait. When every descriptor of the channel is closed, all its senders
 * return with EPIPE or ECONNRESET.
 */

/* The largest max_depth of a channel. */
#define NTSYNC_CHANNEL_MAX_DEPTH	1024

/**
 * struct ntsync_channel_create_args - create a channel
 * @max_depth: maximum number of pending requests, 1 to NTSYNC_CHANNEL_MAX_DEPTH.
 * @__pad: ignored.
 *
 * NTSYNC_IOC_CREATE_CHANNEL, on dev, returns a channel. Announced by
 * NTSYNC_FEATURE_CHANNEL.
 *
 * * EFAULT
 * * EINVAL: @max_depth is out of range.
 */
struct ntsync_channel_create_args {
	__u32 max_depth;
	__u32 __pad;
};

#define NTSYNC_IOC_CREATE_CHANNEL	_IOWR('N', 0x90, struct ntsync_channel_create_args)

/**
 * struct ntsync_channel_send_args - send a request and wait for the reply
 * @policy: SCHED_FIFO (1) or SCHED_RR (2); ignored if @prio is 0.
 * @prio: 1 to 99, or 0 for a request without a priority.
 * @payload_off: passed to the receiver as it is.
 * @reply_off: passed to the receiver as it is.
 *
 * NTSYNC_IOC_CHANNEL_SEND_PI, on a channel; announced by NTSYNC_FEATURE_CHANNEL.
 * Returns after the reply. Nothing is written. @prio is lowered as that of
 * EVENT_SET_PI, possibly to 0.
 *
 * * EFAULT
 * * EINVAL: @prio or @policy has another value.
 * * ENOMEM
 * * EPIPE: no receiving process is left. The request was not executed.
 * * EAGAIN: max_depth requests are pending already. Dispatched ones do not count.
 * * ECONNRESET: the thread or the process that had received the request is
 *   gone. The request may have been executed.
 * * EINTR: the call was interrupted by a signal. A pending request is withdrawn;
 *   with SA_RESTART, or if no handler has run, it is sent again with a new id. A
 *   dispatched request may have been executed, so its send is never restarted,
 *   not even after a stop or another interruption without a handler. A reply to
 *   it fails with ENOENT.
 *
 * Task work of the kernel, such as completions of an io_uring of the sender, does
 * not interrupt the call. It is done when the call returns.
 */
struct ntsync_channel_send_args {
	__u32 policy;
	__u32 prio;
	__u64 payload_off;
	__u64 reply_off;
};

#define NTSYNC_IOC_CHANNEL_SEND_PI	_IOWR('N', 0x91, struct ntsync_channel_send_args)

/**
 * struct ntsync_channel_recv_args - receive a request
 * @entry_id: out: id of the request, for the reply. Counted from 1 per channel,
 *	never reused.
 * @payload_off: out: as the sender gave it.
 * @reply_off: out: as the sender gave it.
 * @sender_tid: out: the sender's thread id in its own pid namespace.
 * @prio: out: the priority that the sender has asked for, after it was lowered; 0
 *	= none. It does not include what the sender inherits.
 *
 * NTSYNC_IOC_CHANNEL_RECV, on a channel; announced by NTSYNC_FEATURE_CHANNEL.
 * Waits for a request and receives the first one. Each request goes to one
 * receiver: of several that sleep in a receive, to the one with the highest
 * priority.
 *
 * * ENOMEM
 * * EBADF: the caller's process has closed its last descriptor of the channel,
 *   when the call begins or while it sleeps. Nothing was received.
 * * EINTR: the call was interrupted by a signal. Nothing was received.
 * * EFAULT: the result cannot be written. The request is pending again, with its
 *   id and its place in the queue.
 */
struct ntsync_channel_recv_args {
	__u64 entry_id;
	__u64 payload_off;
	__u64 reply_off;
	__u32 sender_tid;
	__u32 prio;
};

#define NTSYNC_IOC_CHANNEL_RECV		_IOWR('N', 0x92, struct ntsync_channel_recv_args)

/**
 * struct ntsync_channel_recv2_args - receive a request and its sender's token
 * @entry_id: out: as in &struct ntsync_channel_recv_args.
 * @payload_off: out: as there.
 * @reply_off: out: as there.
 * @sender_tid: out: as there.
 * @prio: out: as there.
 * @thread_token: out: the token that is registered for the sender's thread, or
 *	0.
 *
 * NTSYNC_IOC_CHANNEL_RECV2, on a channel; announced by NTSYNC_FEATURE_CHANNEL.
 * Otherwise as CHANNEL_RECV.
 *
 * NTSYNC_IOC_CHANNEL_TRY_RECV2, on a channel; announced by
 * NTSYNC_FEATURE_CHANNEL_TRY_RECV2. Does not sleep. Errors:
 *
 * * ENOMEM
 * * EBADF: the caller's process has closed its last descriptor of the channel
 *   meanwhile. Nothing was received.
 * * EAGAIN: no request is pending. What the caller inherits has not changed.
 * * EFAULT: as CHANNEL_RECV.
 */
struct ntsync_channel_recv2_args {
	__u64 entry_id;
	__u64 payload_off;
	__u64 reply_off;
	__u32 sender_tid;
	__u32 prio;
	__u64 thread_token;
};

#define NTSYNC_IOC_CHANNEL_RECV2	_IOWR('N', 0x96, struct ntsync_channel_recv2_args)
#define NTSYNC_IOC_CHANNEL_TRY_RECV2	_IOWR('N', 0x98, struct ntsync_channel_recv2_args)

/*
 * NTSYNC_IOC_CHANNEL_REPLY, on a channel: the sender of the request whose id is
 * pointed to returns. Any task may reply; the receiver of the request ceases to
 * inherit from it. Announced by NTSYNC_FEATURE_CHANNEL.
 *
 * EFAULT
 * ENOENT: no such request, it is still pending, it has been replied to, or its
 *	sender has left.
 */
#define NTSYNC_IOC_CHANNEL_REPLY	_IOW('N', 0x93, __u64)

/**
 * struct ntsync_channel_register_thread_args - give a thread a token
 * @tid: the thread, in the caller's pid namespace.
 * @__pad: ignored.
 * @token: what CHANNEL_RECV2 reports for this thread.
 *
 * NTSYNC_IOC_CHANNEL_REGISTER_THREAD, on a channel; announced by
 * NTSYNC_FEATURE_CHANNEL. Replaces an earlier token. A token stays registered when
 * the thread ends.
 *
 * The sender_tid of a request is valid in the sender's pid namespace only. If a
 * thread has tokens from several pid namespaces, that of its own namespace counts,
 * or else that of the nearest ancestor.
 *
 * * EFAULT
 * * EINVAL: @tid is 0.
 * * ENOMEM
 * * ENOSPC: the channel has tokens of 32768 other threads.
 */
struct ntsync_channel_register_thread_args {
	__u32 tid;
	__u32 __pad;
	__u64 token;
};

#define NTSYNC_IOC_CHANNEL_REGISTER_THREAD \
	_IOW('N', 0x94, struct ntsync_channel_register_thread_args)

/*
 * NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, on a channel: removes the token of the
 * thread whose id is pointed to. Succeeds if there is none, too. Announced by
 * NTSYNC_FEATURE_CHANNEL.
 *
 * EFAULT
 */
#define NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD	_IOW('N', 0x95, __u32)

/* &ntsync_aggregate_source.type: an object of this instance; any other descriptor. */
#define NTSYNC_AGG_OBJECT		1
#define NTSYNC_AGG_FD			2

/* Maximum number of sources of one aggregate wait. */
#define NTSYNC_AGG_MAX			64

/* The timeout of an aggregate wait is in CLOCK_REALTIME, not CLOCK_MONOTONIC. */
#define NTSYNC_AGG_FLAG_REALTIME	0x1

/* It is in CLOCK_BOOTTIME, as with NTSYNC_WAIT_BOOTTIME. */
#define NTSYNC_AGG_FLAG_BOOTTIME	0x80000000

/* The fired_index of an aggregate wait that timed out. */
#define NTSYNC_AGG_TIMEOUT		0xFFFFFFFF

/**
 * struct ntsync_aggregate_source - one source of an aggregate wait
 * @type: NTSYNC_AGG_OBJECT or NTSYNC_AGG_FD.
 * @events: poll(2) events of a descriptor; 0 for an object. POLLERR and POLLHUP
 *	are always reported. Only the lower 16 bits are used.
 * @fd: the object, or any descriptor that can be polled.
 * @__pad: 0. Together with @fd it is the 64-bit handle_or_fd of programs written
 *	for the 48-byte layout; on little-endian machines the bytes are the same.
 */
struct ntsync_aggregate_source {
	__u32 type;
	__u32 events;
	__u32 fd;
	__u32 __pad;
};

/**
 * struct ntsync_aggregate_wait_args - wait for objects and descriptors
 * @timeout: when to give up, as in &struct ntsync_wait_args.
 * @sources: address of an array of @nb_sources &struct ntsync_aggregate_source.
 * @nb_sources: number of sources, 1 to NTSYNC_AGG_MAX. Duplicates are legal.
 * @fired_index: out: position of the source that ended the wait; with ETIMEDOUT,
 *	NTSYNC_AGG_TIMEOUT. Not written with any other error but EOWNERDEAD.
 * @flags: 0, NTSYNC_AGG_FLAG_REALTIME or NTSYNC_AGG_FLAG_BOOTTIME.
 * @owner: the owner that acquires mutexes. May be 0 if no source is a mutex.
 * @fired_events: out: the poll(2) events of a descriptor, 0 for an object. Written
 *	on success and with EOWNERDEAD only.
 * @__pad: 0.
 *
 * NTSYNC_IOC_AGGREGATE_WAIT, on dev; announced by NTSYNC_FEATURE_AGGREGATE_WAIT.
 * Waits until one source is ready. If several are ready on entry, objects come
 * before descriptors, each in array order. Objects are acquired as by WAIT_ANY;
 * nothing is read from a descriptor. An object that is a source of type
 * NTSYNC_AGG_FD is polled, not acquired.
 *
 * A channel among the objects is ready while requests are pending; no request is
 * received. The caller becomes a receiver (see "Channels"). Each request wakes
 * one waiter of the channel: a receiver, which gets the request, or an aggregate
 * waiter, which gets a *readiness notification* and is expected to receive. Until
 * it receives, or waits for the channel again, no other waiter is woken for this
 * request, but any thread may receive it. The notification passes to another
 * waiter if its holder ends, if it goes to sleep in another call of this driver,
 * if its process closes its last descriptor of the channel, or if the result
 * could not be written (EFAULT).
 *
 * * EFAULT: the struct cannot be read.
 * * EINVAL: @nb_sources is out of range; unknown @flags, or both; @__pad is not 0.
 * * ENOMEM
 * * For each source in turn: EFAULT; EINVAL: an unknown type, a pad that is not 0,
 *   an object with events; EBADF: a closed descriptor, or an object source that is
 *   no object of this instance; EPERM: a descriptor that cannot be polled.
 * * EINVAL: a source is a mutex, and @owner is 0.
 * * EBADF: the caller's process has closed its last descriptor of a channel,
 *   before the call or while it sleeps. Nothing was acquired.
 * * ENOMEM: as WAIT_ANY.
 * * EOWNERDEAD, ETIMEDOUT, EINTR: as WAIT_ANY.
 * * EFAULT: the result cannot be written. What was acquired stays acquired; a
 *   readiness notification passes to another waiter.
 */
struct ntsync_aggregate_wait_args {
	__u64 timeout;
	__u64 sources;
	__u32 nb_sources;
	__u32 fired_index;
	__u32 flags;
	__u32 owner;
	__u32 fired_events;
	__u32 __pad;
};

#define NTSYNC_IOC_AGGREGATE_WAIT	_IOWR('N', 0x97, struct ntsync_aggregate_wait_args)

/**
 * struct ntsync_aggregate_wait_timespec_args - aggregate wait, 48-byte layout
 * @nb_sources: as in &struct ntsync_aggregate_wait_args.
 * @reserved: 0.
 * @sources: as there.
 * @deadline: as timeout there; {0, 0} = never; negative seconds have passed.
 * @fired_index: out: as there.
 * @fired_events: out: as there.
 * @flags: as there.
 * @owner: as there.
 *
 * NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC does the same as AGGREGATE_WAIT; their numbers
 * differ in the encoded size alone. EINVAL also if the nanoseconds of @deadline are
 * not 0 to 999999999.
 */
struct ntsync_aggregate_wait_timespec_args {
	__u32 nb_sources;
	__u32 reserved;
	__u64 sources;
	struct __kernel_timespec deadline;
	__u32 fired_index;
	__u32 fired_events;
	__u32 flags;
	__u32 owner;
};

#define NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC \
	_IOWR('N', 0x97, struct ntsync_aggregate_wait_timespec_args)

/*
 * &ntsync_lend_args.flags: lend also what the caller gets later, if it has
 * nothing to lend yet.
 */
#define NTSYNC_LEND_LATER		0x1

/**
 * struct ntsync_lend_args - lend the caller's priority to a task
 * @tid: the task, in the caller's pid namespace.
 * @flags: 0 or NTSYNC_LEND_LATER.
 *
 * NTSYNC_IOC_LEND, on dev; announced by NTSYNC_FEATURE_LEND. The task has the
 * caller's real-time priority, if its own is lower, wherever the caller blocks
 * meanwhile. The lent priority includes what the caller inherits, and changes when
 * the caller inherits more or less. The owners that the task waits for inherit the
 * lent priority in turn. The task need not know this driver. Of several loans to a
 * task the highest counts.
 *
 * The loan ends with NTSYNC_IOC_UNLEND, with another NTSYNC_IOC_LEND, execve(2)
 * or exit of the caller, and when the instance and all its objects are closed.
 *
 * A caller may lend to a task whose effective or real user id is its own
 * effective user id, or with CAP_SYS_NICE in the task's user namespace.
 *
 * A caller without a real-time priority has nothing to lend: success, an earlier
 * loan ends, and the task is not looked for. With NTSYNC_LEND_LATER it is, and
 * gets what the caller inherits from then on.
 *
 * After an error an earlier loan stands.
 *
 * * EFAULT
 * * EINVAL: unknown @flags; @tid is the caller's own.
 * * ESRCH: no such task.
 * * EPERM: the caller may not lend to it, or it is a thread of the kernel.
 * * ESRCH: the task exits, or has not begun to run.
 * * ENOMEM: in the caller's first loan, or in the first loan to a task.
 *
 * Without inheritance (pi=off) the call checks its arguments and does nothing else.
 */
struct ntsync_lend_args {
	__u32 tid;
	__u32 flags;
};

#define NTSYNC_IOC_LEND			_IOW('N', 0x9a, struct ntsync_lend_args)

/*
 * NTSYNC_IOC_UNLEND, on dev, without an argument; announced by
 * NTSYNC_FEATURE_LEND. Ends the caller's loan, whichever instance it was made
 * through. Success too if there is none.
 */
#define NTSYNC_IOC_UNLEND		_IO('N', 0x9b)

/**
 * DOC: Waits on addresses
 *
 * An address stands for a *place*. That is the address and the process, that is,
 * all tasks that share its memory; with NTSYNC_ADDR_SHARED, if the memory is mapped
 * MAP_SHARED, the file and the offset in it. Places belong to no instance: a wake
 * through one instance reaches waiters of another.
 *
 * While tasks wait there, a place has a *key*. A key may have an *owner*, the task
 * that inherits from them. That is the one that an ADDR_WAIT has named last. A wake
 * ends that: the key has no owner then, or, if the waiter that is woken has said
 * NTSYNC_ADDR_TAKE_OVER, that waiter, as long as others wait. A waiter that is the
 * owner and names nobody ends it, too.
 *
 * A waiter passes on its priority only to a task that it could lend to (see
 * &ntsync_lend_args). Where waiters of several users meet, the first one to name an
 * owner decides: only waiters of that user name owners and pass on priority. Others
 * sleep and are woken, and no more.
 */

/* The place is in the file, if the memory is shared. Not for memory that cannot be written. */
#define NTSYNC_ADDR_SHARED		0x10

/* The waiter is the owner of the key from the moment in which it is woken. */
#define NTSYNC_ADDR_TAKE_OVER		0x20

/**
 * struct ntsync_addr_wait_args - sleep while a word has a value
 * @timeout: when to give up, as in &struct ntsync_wait_args.
 * @addr: address of the word, a multiple of @size.
 * @expected: the value; only its lower @size bytes count.
 * @size: 1, 2, 4, or on 64-bit machines 8.
 * @flags: NTSYNC_WAIT_REALTIME or NTSYNC_WAIT_BOOTTIME, NTSYNC_ADDR_SHARED,
 *	NTSYNC_ADDR_TAKE_OVER.
 * @owner: tid of the task that inherits from the caller, in the caller's pid
 *	namespace. 0: it is not known; nobody inherits from the caller then.
 * @alert: as in &struct ntsync_wait_args, but no mutex.
 * @index: out: 0: woken; 1: the alert. Written on success, and only if there is an
 *	alert.
 * @__pad: 0.
 *
 * NTSYNC_IOC_ADDR_WAIT, on dev; announced by NTSYNC_FEATURE_ADDRESS. If the word
 * has another value: EAGAIN. Else sleeps until an ADDR_WAKE of the address. The
 * comparison and the beginning of the sleep are one step with respect to wakes: a
 * wake that comes after a change of the word leaves nobody asleep that has waited
 * for that change. Success does not mean that the word has changed: look again.
 *
 * The size is no part of the place.
 *
 * * EFAULT: @args
 * * EINVAL: unknown @flags, or both clocks; @__pad; @size; @addr is not a multiple of
 *   it; @owner is the caller; @alert is not an object of this instance, or is a mutex.
 * * EACCES: NTSYNC_ADDR_SHARED, and the mapping cannot be made writable.
 * * EFAULT: NTSYNC_ADDR_SHARED, and it is in shared memory that is not a file's, such
 *   as a driver's; or the word cannot be read.
 * * EAGAIN: the word has another value. This comes before what follows.
 * * ENOMEM: in the first such call of a thread or process, or in one that uses
 *   another file than the thread's last one.
 * * ESRCH, EPERM, ENOMEM: @owner, as for LEND and in that order, even if the deadline
 *   has passed; but EAGAIN if the word has changed meanwhile. Nothing was waited for.
 * * ETIMEDOUT, EINTR: as WAIT_ANY. If the signal's handler restarts calls, the word
 *   is compared again.
 * * EFAULT: @index cannot be written. The call has succeeded.
 *
 * Without inheritance (pi=off) @owner is not looked for.
 */
struct ntsync_addr_wait_args {
	__u64 timeout;
	__u64 addr;
	__u64 expected;
	__u32 size;
	__u32 flags;
	__u32 owner;
	__u32 alert;
	__u32 index;
	__u32 __pad;
};

#define NTSYNC_IOC_ADDR_WAIT		_IOWR('N', 0x9c, struct ntsync_addr_wait_args)

/**
 * struct ntsync_addr_wake_args - wake tasks that wait on an address
 * @addr: the address. In a process's memory it is not touched, and need not be mapped.
 * @count: how many at most.
 * @flags: 0 or NTSYNC_ADDR_SHARED, as the waiters have it.
 *
 * NTSYNC_IOC_ADDR_WAKE, on dev; announced by NTSYNC_FEATURE_ADDRESS. Wakes the
 * waiters with the highest priority, in order of arrival within one priority, of
 * those that wait; one that comes after the call has claimed the first one is not
 * woken. Returns how many it wakes, INT_MAX at most. A waiter that is counted is
 * woken, though its deadline may pass before its turn comes; only its alert may be
 * faster.
 *
 * * EFAULT: @args
 * * EINVAL: unknown @flags.
 * * EFAULT, EACCES: NTSYNC_ADDR_SHARED: as ADDR_WAIT.
 */
struct ntsync_addr_wake_args {
	__u64 addr;
	__u32 count;
	__u32 flags;
};

#define NTSYNC_IOC_ADDR_WAKE		_IOW('N', 0x9d, struct ntsync_addr_wake_args)

#endif /* _UAPI_LINUX_NTSYNC_H */
