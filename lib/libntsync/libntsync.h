/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libntsync: NT synchronisation objects on Linux, over /dev/ntsync.
 *
 * An instance is an open /dev/ntsync. Objects are created in an instance, and
 * a wait takes objects of one instance only. Instances and objects are file
 * descriptors: close(2) releases them, dup(2), fork(2) and SCM_RIGHTS share
 * them.
 *
 * What holds for every function unless its description says otherwise:
 *
 * - It returns 0, or a descriptor, or a negative errno: -ENOMEM and the like.
 *   errno(3) itself is left with an unspecified value.
 * - A pointer to a result may be NULL. Results are written on success only.
 * - It is one system call. The library keeps no state, allocates no memory and
 *   creates no threads, so every function may be called from any thread at any
 *   time, and from a signal handler (that saves errno around it).
 * - It does not wait. Those that do (ntsync_wait_any(), ntsync_wait_all(),
 *   ntsync_aggregate_wait(), ntsync_channel_send_pi(), ntsync_channel_recv(),
 *   ntsync_channel_recv2()) say so. "Does not wait" is not a bound on time: the driver may allocate memory
 *   when it creates an object.
 * - -EBADF: the descriptor is not open, or was opened with O_PATH.
 *   -ENOTTY: the descriptor is something else, for example a semaphore where a
 *   mutex is expected.
 *
 * The structs of this header keep their members: what is to be added comes with functions of
 * its own, so that programs go together with a library that is newer than they are.
 *
 * The header of the system, <linux/ntsync.h>, may be older than this library.
 * Don't include it before this one; after this one, it adds nothing.
 */
#ifndef LIBNTSYNC_H
#define LIBNTSYNC_H

#include <stdbool.h>
#include <stdint.h>

/* The kernel's header is of C11, and is warned about in a program of an older standard. */
#if defined(__GNUC__) && !defined(__cplusplus) && __STDC_VERSION__ < 201112L
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include "ntsync_uapi.h"
#pragma GCC diagnostic pop
#else
#include "ntsync_uapi.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * NTSYNC_WAIT_FOREVER - deadline of a wait that has none
 */
#define NTSYNC_WAIT_FOREVER UINT64_MAX

/* ------------------------------------------------------------- Instances */

/**
 * ntsync_open() - open an instance
 *
 * Opens /dev/ntsync with O_CLOEXEC. Unlike all others here, this function is a
 * cancellation point.
 *
 * Return: a descriptor, or
 * -ENOENT: no such device: the module is not loaded.
 * -EACCES: the node's mode does not let the caller in.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_open(void);

/**
 * enum ntsync_driver - whose driver answers
 * @NTSYNC_DRIVER_IN_TREE: the one that comes with Linux since 6.14: semaphores,
 *	mutexes, events, ntsync_wait_any() and ntsync_wait_all().
 * @NTSYNC_DRIVER_NTSYNC_RT: ours. &ntsync_features.features says what it adds.
 */
enum ntsync_driver {
	NTSYNC_DRIVER_IN_TREE = 0,
	NTSYNC_DRIVER_NTSYNC_RT = 1
};

/**
 * struct ntsync_features - what the driver offers
 * @driver: whose it is.
 * @version: version of its interface, 0 for the in-tree driver. Ours counts from
 *	1. Ours with a version below 1 was built before the interface was
 *	settled: its feature bits hold, and nothing else is promised.
 * @features: NTSYNC_FEATURE_* bits, 0 for the in-tree driver. Bits that are
 *	newer than this library are passed on, so a program that knows them can
 *	use them.
 */
struct ntsync_features {
	enum ntsync_driver driver;
	uint32_t version;
	uint64_t features;
};

/**
 * ntsync_features() - ask what the driver offers
 * @dev: the instance.
 * @out: where to write the answer.
 *
 * Up to two system calls. The answer does not change while @dev is open, and is
 * not remembered here: callers that need it often keep it.
 *
 * Return: 0, or
 * -ENOTTY: @dev is not an instance of a complete driver. The two-ioctl driver of
 * Linux 6.10 to 6.13 is not one.
 */
int ntsync_features(int dev, struct ntsync_features *out);

/* ------------------------------------------------------------ Semaphores */

/**
 * ntsync_sem_create() - create a semaphore (NtCreateSemaphore)
 * @dev: the instance.
 * @count: how many acquisitions are available at first.
 * @max: how many may be at most.
 *
 * Return: a descriptor (O_CLOEXEC), or
 * -EINVAL: @count is above @max.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_sem_create(int dev, uint32_t count, uint32_t max);

/**
 * ntsync_sem_release() - add to a semaphore's count (NtReleaseSemaphore)
 * @sem: the semaphore.
 * @count: how much. 0 is legal and changes nothing.
 * @prev: where to write the count before, or NULL.
 *
 * Return: 0, or
 * -EOVERFLOW: the count would exceed its maximum. Nothing has changed.
 */
int ntsync_sem_release(int sem, uint32_t count, uint32_t *prev);

/**
 * ntsync_sem_read() - read a semaphore (NtQuerySemaphore)
 * @sem: the semaphore.
 * @count: where to write its count, or NULL.
 * @max: where to write its maximum, or NULL.
 *
 * Return: 0 or an error common to all functions.
 */
int ntsync_sem_read(int sem, uint32_t *count, uint32_t *max);

/* --------------------------------------------------------------- Mutexes */

/**
 * ntsync_mutex_create() - create a mutex (NtCreateMutant)
 * @dev: the instance.
 * @owner: who holds it at first; 0 = nobody. A number by which the caller tells
 *	its threads apart, the same as &ntsync_wait_opts.owner.
 * @count: how often @owner has acquired it; 0 if and only if @owner is 0.
 *
 * Return: a descriptor (O_CLOEXEC), or
 * -EINVAL: exactly one of @owner and @count is 0.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_mutex_create(int dev, uint32_t owner, uint32_t count);

/**
 * ntsync_mutex_unlock() - undo one acquisition (NtReleaseMutant)
 * @mutex: the mutex.
 * @owner: who holds it.
 * @prev: where to write how often it was held before, or NULL.
 *
 * A mutex is acquired by waiting for it.
 *
 * Return: 0, or
 * -EINVAL: @owner is 0.
 * -EPERM: @owner does not hold the mutex: someone else does, or nobody does, or
 * it is abandoned.
 */
int ntsync_mutex_unlock(int mutex, uint32_t owner, uint32_t *prev);

/**
 * ntsync_mutex_kill() - abandon a mutex whose holder has ended
 * @mutex: the mutex.
 * @owner: who held it.
 *
 * What NT does by itself when a thread ends. The next wait that acquires the
 * mutex returns -EOWNERDEAD.
 *
 * Return: 0, or
 * -EINVAL: @owner is 0.
 * -EPERM: @owner does not hold the mutex.
 */
int ntsync_mutex_kill(int mutex, uint32_t owner);

/**
 * ntsync_mutex_read() - read a mutex (NtQueryMutant)
 * @mutex: the mutex.
 * @owner: where to write who holds it, 0 if nobody does, or NULL.
 * @count: where to write how often, or NULL.
 *
 * Return: 0, or
 * -EOWNERDEAD: the mutex is abandoned; 0 is written to both. It stays so until a
 * wait acquires it.
 */
int ntsync_mutex_read(int mutex, uint32_t *owner, uint32_t *count);

/* ---------------------------------------------------------------- Events */

/**
 * ntsync_event_create() - create an event (NtCreateEvent)
 * @dev: the instance.
 * @manual: true: stays signaled until it is reset and releases every waiter
 *	(NotificationEvent). false: releases one waiter, which resets it
 *	(SynchronizationEvent).
 * @signaled: whether it is signaled at first.
 *
 * Return: a descriptor (O_CLOEXEC), or
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_event_create(int dev, bool manual, bool signaled);

/**
 * ntsync_event_set() - signal an event (NtSetEvent)
 * @event: the event.
 * @prev: where to write whether it was signaled before (0 or 1), or NULL.
 *
 * Return: 0 or an error common to all functions.
 */
int ntsync_event_set(int event, uint32_t *prev);

/**
 * ntsync_event_set_pi() - signal an event and hand on a priority with it
 * @event: the event.
 * @policy: SCHED_FIFO or SCHED_RR.
 * @prio: 1 to 99.
 *
 * As ntsync_event_set(), and the thread that consumes the signal runs with @policy
 * and @prio, if its own is not higher: from before it returns from its wait until
 * it enters its next one. Whoever has to answer a real-time thread does not stay
 * behind others then. Of several calls before a consumer comes the last counts, be
 * it this function or ntsync_event_set(); ntsync_event_reset() and
 * ntsync_event_pulse() cancel it.
 *
 * A caller hands on at most what it may have itself: its own real-time priority,
 * RLIMIT_RTPRIO, or with CAP_SYS_NICE everything. A @prio above that is lowered,
 * and the event is signaled in any case.
 *
 * Needs NTSYNC_FEATURE_EVENT_SET_PI.
 *
 * Return: 0, or
 * -EINVAL: @policy or @prio is none of these.
 * -ENOTSUP: the driver does not offer it. Nothing has changed: ntsync_event_set()
 * is the next best.
 */
int ntsync_event_set_pi(int event, uint32_t policy, uint32_t prio);

/**
 * ntsync_event_reset() - end an event's signal (NtResetEvent)
 * @event: the event.
 * @prev: where to write whether it was signaled before (0 or 1), or NULL.
 *
 * Return: 0 or an error common to all functions.
 */
int ntsync_event_reset(int event, uint32_t *prev);

/**
 * ntsync_event_pulse() - release those who wait now (NtPulseEvent)
 * @event: the event.
 * @prev: where to write whether it was signaled before (0 or 1), or NULL.
 *
 * Releases one waiter of an auto-reset event, all of a manual-reset one. The
 * event is not signaled afterwards, whether somebody was waiting or not.
 *
 * Return: 0 or an error common to all functions.
 */
int ntsync_event_pulse(int event, uint32_t *prev);

/**
 * ntsync_event_read() - read an event (NtQueryEvent)
 * @event: the event.
 * @manual: where to write whether it is a manual-reset event (0 or 1), or NULL.
 * @signaled: where to write whether it is signaled (0 or 1), or NULL.
 *
 * Return: 0 or an error common to all functions.
 */
int ntsync_event_read(int event, uint32_t *manual, uint32_t *signaled);

/* -------------------------------------------------------------- Channels */

/*
 * A channel carries requests from threads that call to threads that serve, each
 * request with a priority, and the caller waits for the reply: QNX's MsgSend(),
 * MsgReceive() and MsgReply(). Two numbers go with a request, as they are; data is
 * for the caller and the server to share, in memory that both have.
 *
 * Who serves runs at the priority of the best request that he has or that waits
 * for him, if his own is lower. What exactly he inherits, and what happens when
 * either side goes away, is in ntsync_uapi.h, under "Channels".
 *
 * All functions here need NTSYNC_FEATURE_CHANNEL, ntsync_channel_try_recv2() also
 * NTSYNC_FEATURE_CHANNEL_TRY_RECV2. On a driver without it:
 * -ENOTSUP: @dev is an instance, or @channel is an object, of a driver that does
 * not offer this. To find that out, after the driver's -ENOTTY, takes one or two
 * system calls more.
 * On a driver that has channels:
 * -EINVAL: @channel is an object of another type.
 */

/**
 * ntsync_channel_create() - create a channel (ChannelCreate)
 * @dev: the instance.
 * @max_depth: how many requests may be pending, that is, not received yet; 1 to
 *	NTSYNC_CHANNEL_MAX_DEPTH.
 *
 * There is no connection to be made: whoever has the descriptor may send, receive
 * and reply.
 *
 * Return: a descriptor (O_CLOEXEC), or
 * -EINVAL: @max_depth is out of range.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_channel_create(int dev, uint32_t max_depth);

/**
 * ntsync_channel_send_pi() - send a request and wait for the reply (MsgSend)
 * @channel: the channel.
 * @policy: SCHED_FIFO or SCHED_RR; any if @prio is 0.
 * @prio: priority of the request, 1 to 99; 0: none.
 * @payload: for the receiver, &ntsync_channel_request.payload.
 * @reply: for the receiver, &ntsync_channel_request.reply.
 *
 * Waits, without a deadline, so a signal handler should not call it. Unlike
 * MsgSend(), it does not take the priority of the calling thread: @prio is what
 * counts, and what the thread inherits from others while it waits is passed on.
 * A caller hands on at most what it may have itself, as with
 * ntsync_event_set_pi(); a @prio above that is lowered.
 *
 * -EINTR is handed to the caller and not retried. The request is withdrawn, but
 * whether a receiver had it by then, and has executed it or is about to, can't be
 * told from it: repeat the call only if it does no harm to be executed twice.
 * Handlers installed with SA_RESTART don't cause -EINTR as long as no receiver has
 * the request; once one has, every handler does, and so do stops, debuggers and
 * freezers. Of a reply and a signal, the reply wins.
 *
 * Work that the kernel has for the calling thread is done when the call returns: an
 * operation that it has submitted to an io_uring with default flags is not completed
 * before, so a receiver must not wait for that.
 *
 * Return: 0 after the reply, or
 * -EINVAL: @policy or @prio is none of these.
 * -EAGAIN: as many requests are pending as the channel may hold. Returned at once:
 * MsgSend() has no such limit.
 * -EPIPE: whoever received from this channel has gone. The request was not
 * executed, and the call may be repeated.
 * -ECONNRESET: who had received this request has gone. It may have been executed.
 * -EINTR: a signal was handled.
 * -ENOMEM.
 */
int ntsync_channel_send_pi(int channel, uint32_t policy, uint32_t prio, uint64_t payload,
			   uint64_t reply);

/**
 * struct ntsync_channel_request - a request that was received
 * @id: what ntsync_channel_reply() wants to know. Counted from 1 in each channel,
 *	never used again.
 * @payload: as given to ntsync_channel_send_pi().
 * @reply: as given there.
 * @sender_tid: the sender's thread id (gettid(2)) in its own pid namespace.
 * @prio: the request's priority, lowered to what the sender may hand on; 0: none.
 * @token: what was registered for @sender_tid when the request was received; 0 if
 *	nothing was, and always after ntsync_channel_recv().
 */
struct ntsync_channel_request {
	uint64_t id;
	uint64_t payload;
	uint64_t reply;
	uint32_t sender_tid;
	uint32_t prio;
	uint64_t token;
};

/**
 * ntsync_channel_recv() - wait for a request and take it (MsgReceive)
 * @channel: the channel.
 * @request: where to write it. Not NULL.
 *
 * Waits, without a deadline, so a signal handler should not call it. Takes the
 * request of the highest priority, the oldest among equals. Of several threads
 * that wait, one gets it: that of the highest priority.
 *
 * The thread has at least the request's priority until somebody replies or the
 * thread waits for the next request; and that of a better request from the moment
 * when it is sent. More than one request may be open at a time.
 *
 * -EINTR is handed to the caller and not retried; to go on, call again. Handlers
 * installed with SA_RESTART don't cause it. Of a request and a signal, the request
 * wins: with -EINTR, nothing was received.
 *
 * Return: 0, or
 * -EINTR: a signal was handled.
 * -EBADF: also: the process has closed its last descriptor of the channel
 * meanwhile.
 * -EFAULT: @request cannot be written. The request is still pending.
 * -ENOMEM.
 */
int ntsync_channel_recv(int channel, struct ntsync_channel_request *request);

/**
 * ntsync_channel_recv2() - wait for a request, and look up its sender's token
 * @channel: the channel.
 * @request: where to write it. Not NULL.
 *
 * As ntsync_channel_recv(), with the token.
 *
 * Return: as ntsync_channel_recv().
 */
int ntsync_channel_recv2(int channel, struct ntsync_channel_request *request);

/**
 * ntsync_channel_try_recv2() - take a request if there is one
 * @channel: the channel.
 * @request: where to write it. Not NULL.
 *
 * As ntsync_channel_recv2(), but does not wait. A thread that takes several
 * requests in this way keeps the priority of the best one that it has not replied
 * to. (MsgReceive() of QNX has a timeout of 0 instead.)
 *
 * Return: 0, or
 * -EAGAIN: no request is pending.
 * -EFAULT: @request cannot be written. The request is still pending.
 * -ENOMEM.
 */
int ntsync_channel_try_recv2(int channel, struct ntsync_channel_request *request);

/**
 * ntsync_channel_reply() - let the sender of a request go on (MsgReply)
 * @channel: the channel.
 * @id: &ntsync_channel_request.id.
 *
 * Any thread that has the channel may reply, not only the one that received. It is
 * the latter that gives up the request's priority.
 *
 * Return: 0, or
 * -ENOENT: the id is unknown, not received yet or replied to already; or the
 * sender is no longer there: interrupted, or ended. Nothing is left to be done
 * then.
 */
int ntsync_channel_reply(int channel, uint64_t id);

/**
 * ntsync_channel_register_thread() - give a sender a token
 * @channel: the channel.
 * @tid: the sender's thread id, in the caller's pid namespace; not 0.
 * @token: what ntsync_channel_recv2() shall report for it, such as the address of
 *	what the server knows about this thread. (What a connection's cookie is to
 *	MsgReceive().)
 *
 * Replaces an earlier token. It holds for what is received from now on, pending
 * requests included, and stays until it is deregistered: the end of the thread is
 * not noticed. &ntsync_channel_request.sender_tid is a number of the sender's own
 * namespace, so it serves as @tid only if that is the caller's, too.
 *
 * Return: 0, or
 * -EINVAL: @tid is 0.
 * -ENOSPC: the channel has 32768 tokens.
 * -ENOMEM.
 */
int ntsync_channel_register_thread(int channel, uint32_t tid, uint64_t token);

/**
 * ntsync_channel_deregister_thread() - forget a sender's token
 * @channel: the channel.
 * @tid: the sender's thread id, in the caller's pid namespace.
 *
 * Return: 0, also if there was no token, or an error common to all of these.
 */
int ntsync_channel_deregister_thread(int channel, uint32_t tid);

/* ----------------------------------------------------------------- Waits */

/**
 * struct ntsync_wait_opts - how to wait
 * @deadline: when to give up: an absolute time in nanoseconds of CLOCK_MONOTONIC,
 *	or NTSYNC_WAIT_FOREVER. 0 and the past: try once, don't wait.
 * @flags: 0, or NTSYNC_WAIT_REALTIME: @deadline is of CLOCK_REALTIME.
 * @owner: who acquires mutexes. Must not be 0, even if there are none.
 * @alert: one more object, which ends the wait if no other is ready; 0 = none.
 *	(NT: the thread's APC event.) It is acquired only if it ends the wait.
 * @uring_fd: a descriptor that ends the wait when it is readable and nothing else
 *	is ready, such as an io_uring; 0 = none. Nothing is read from it. Needs
 *	NTSYNC_FEATURE_URING_FD.
 */
struct ntsync_wait_opts {
	uint64_t deadline;
	uint32_t flags;
	uint32_t owner;
	int alert;
	int uring_fd;
};

/**
 * ntsync_wait_any() - wait for one of several objects
 *	(NtWaitForMultipleObjects, WaitAny; NtWaitForSingleObject)
 * @dev: the instance.
 * @objs: the objects. Not read if @count is 0.
 * @count: how many, up to NTSYNC_MAX_WAIT_COUNT. With 0, only the alert and the
 *	deadline end the wait.
 * @opts: how to wait. Not NULL.
 * @index: where to write what ended the wait, or NULL: the position in @objs
 *	(the lowest of several), @count for the alert, NTSYNC_INDEX_URING_READY
 *	for the uring_fd. Written on 0 and -EOWNERDEAD, on no other.
 *
 * Waits, so a signal handler should not call it. Acquires the one object that
 * ended the wait: one of a semaphore's count, an auto-reset event's signal, or
 * the mutex, for the owner.
 *
 * -EINTR is handed to the caller and not retried: whether the signal asked the
 * thread to stop, only the caller knows. To go on, call again with the same
 * @opts: the deadline is absolute, so it does not move. Handlers installed with
 * SA_RESTART don't cause -EINTR. Of an acquisition and a signal, the acquisition
 * wins: with -EINTR, nothing was acquired.
 *
 * Return: 0, or
 * -EOWNERDEAD: success too, and the mutex that was acquired was abandoned: what
 * it protects may be half changed.
 * -ETIMEDOUT: the deadline has passed.
 * -EINTR: a signal was handled.
 * -EINVAL: unknown flags; the owner is 0; @count is too large; an element of
 * @objs or the alert is not an object of this instance (a closed descriptor is
 * not -EBADF here).
 * -EBADF: @dev, or the uring_fd, is not an open descriptor.
 * -EPERM: the uring_fd is of a kind that cannot be polled, such as a regular file.
 * -ENOTSUP: there is a uring_fd and the driver cannot wait for it. The driver's
 * own answer to that is -EINVAL, as to much else: on -EINVAL with a uring_fd, the
 * library asks ntsync_features().
 * -EFAULT, -ENOMEM.
 */
int ntsync_wait_any(int dev, const int *objs, uint32_t count,
		    const struct ntsync_wait_opts *opts, uint32_t *index);

/**
 * ntsync_wait_all() - wait until all of several objects are ready at once
 *	(NtWaitForMultipleObjects, WaitAll)
 * @dev: the instance.
 * @objs: the objects. Not read if @count is 0.
 * @count: how many, up to NTSYNC_MAX_WAIT_COUNT. With 0, the wait succeeds at once.
 * @opts: how to wait. Not NULL.
 * @index: where to write what ended the wait, or NULL: 0 for the objects, @count
 *	for the alert, NTSYNC_INDEX_URING_READY for the uring_fd. Written on 0
 *	and -EOWNERDEAD, on no other.
 *
 * Waits, so a signal handler should not call it. Acquires all objects in one step,
 * or none. -EINTR is handed on as by ntsync_wait_any().
 *
 * Return: as ntsync_wait_any(). In addition
 * -EINVAL: an object is there twice, as object or alert, even by two descriptors.
 * -EOWNERDEAD: at least one mutex was abandoned; all objects were acquired.
 */
int ntsync_wait_all(int dev, const int *objs, uint32_t count,
		    const struct ntsync_wait_opts *opts, uint32_t *index);

/**
 * ntsync_signal_and_wait() - signal one object and wait for another, in one step
 *	(NtSignalAndWaitForSingleObject)
 * @dev: the instance.
 * @signal: what is signaled: an event is set, a semaphore released once, a mutex
 *	unlocked once by the owner in @opts.
 * @wait: what is waited for.
 * @opts: how to wait. Not NULL. No uring_fd.
 * @index: where to write what ended the wait, or NULL: 0 for the object, 1 for the
 *	alert. Written on 0 and -EOWNERDEAD, on no other.
 *
 * Waits, so a signal handler should not call it. When the signal takes effect the
 * wait has begun: whoever is woken by it and pulses or takes @wait finds the caller
 * waiting. -EINTR is handed on, and must not be answered by the same call: @signal
 * has been signaled. Wait for @wait alone then.
 *
 * Return: 0, -EOWNERDEAD, -ETIMEDOUT, -EINTR, -ENOMEM as ntsync_wait_any(); @signal was
 * signaled. With all others it was not:
 * -EOVERFLOW: it is a semaphore that is full.
 * -EPERM: it is a mutex that is not the owner's.
 * -EINVAL: as ntsync_wait_any(), for both objects; there is a uring_fd.
 * -ENOTSUP: the driver does not offer NTSYNC_FEATURE_SIGNAL_AND_WAIT.
 */
int ntsync_signal_and_wait(int dev, int signal, int wait,
			   const struct ntsync_wait_opts *opts, uint32_t *index);

/**
 * struct ntsync_aggregate_opts - how to wait for objects and descriptors
 * @deadline: when to give up: an absolute time in nanoseconds of CLOCK_MONOTONIC,
 *	or NTSYNC_WAIT_FOREVER. 0 and the past: try once, don't wait.
 * @flags: 0, or NTSYNC_AGG_FLAG_REALTIME: @deadline is of CLOCK_REALTIME.
 * @owner: who acquires mutexes. May be 0 if there are none.
 */
struct ntsync_aggregate_opts {
	uint64_t deadline;
	uint32_t flags;
	uint32_t owner;
};

/**
 * ntsync_aggregate_wait() - wait for one of several objects, channels and descriptors
 * @dev: the instance.
 * @sources: what to wait for: { .type = NTSYNC_AGG_OBJECT, .fd = an object or a
 *	channel }, or { .type = NTSYNC_AGG_FD, .events = POLLIN and the like,
 *	.fd = any descriptor that poll(2) would wait for }. The same may be there
 *	twice.
 * @count: how many, 1 to NTSYNC_AGG_MAX.
 * @opts: how to wait. Not NULL.
 * @index: where to write which source ended the wait, or NULL: its position. Of
 *	several that are ready at once, an object goes before a descriptor, and
 *	otherwise the first. Written on 0 and -EOWNERDEAD, on no other.
 * @events: where to write what the descriptor is ready for, or NULL: those of the
 *	wanted events that are there, and POLLERR and POLLHUP whether they were
 *	wanted or not. 0 for an object. Written as @index.
 *
 * Waits, so a signal handler should not call it. An object is acquired, as by
 * ntsync_wait_any(). From a channel nothing is taken: the call returns as long as
 * requests are pending, and ntsync_channel_try_recv2() takes them. Nothing is read
 * from a descriptor.
 *
 * A thread that waits for a channel in this way receives from it as far as its
 * senders are concerned: one such thread is woken for each request, it runs with
 * the priority of the best pending request before it returns, and it is expected
 * to receive. If it ends, or closes the channel, another one is told instead.
 *
 * -EINTR is handed to the caller as by ntsync_wait_any(): with it, nothing was
 * acquired.
 *
 * Needs NTSYNC_FEATURE_AGGREGATE_WAIT.
 *
 * Return: 0, or
 * -EOWNERDEAD: success too, and the mutex that was acquired was abandoned.
 * -ETIMEDOUT: the deadline has passed.
 * -EINTR: a signal was handled.
 * -EINVAL: @count is out of range; unknown flags; a source of unknown type; an
 * object with events; a pad that is not 0; a mutex, and the owner is 0.
 * -EBADF: a source is not an open descriptor, or is as an object none of this
 * instance; or the process has closed its last descriptor of a channel meanwhile.
 * -EPERM: a descriptor is of a kind that cannot be polled, such as a regular file.
 * -ENOTSUP: the driver does not offer it. To find that out, after the driver's
 * -ENOTTY, takes one or two system calls more.
 * -EFAULT, -ENOMEM.
 */
int ntsync_aggregate_wait(int dev, const struct ntsync_aggregate_source *sources,
			  uint32_t count, const struct ntsync_aggregate_opts *opts,
			  uint32_t *index, uint32_t *events);

#ifdef __cplusplus
}
#endif

#endif /* LIBNTSYNC_H */
