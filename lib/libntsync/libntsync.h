/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libntsync: NT synchronisation objects on Linux, over /dev/ntsync.
 *
 * An instance is an open /dev/ntsync. Every object belongs to the instance that it
 * was created in, and a wait takes objects of one instance only. Instances and
 * objects are file descriptors: close(2) releases them; dup(2), fork(2) and
 * SCM_RIGHTS share them.
 *
 * Unless its description says otherwise, every function
 *
 * - returns 0 or a descriptor, or a negative errno such as -ENOMEM. The value of
 *   errno(3) is unspecified after the call.
 * - accepts NULL for a result that the caller does not want. Results are written on
 *   success only.
 * - is one system call. The library has no state, allocates no memory and creates
 *   no threads. So every function may be called from any thread at any time, and
 *   from a signal handler that saves errno.
 * - does not wait. The functions that wait say so. The driver may still sleep for
 *   memory, for example to create an object.
 * - returns -EBADF if the descriptor is not open, or was opened with O_PATH, and
 *   -ENOTTY if it is something else: for example, a semaphore instead of a mutex.
 *
 * The structs of this header do not change. New members come in new structs with new
 * functions, so a program works with any later version of the library.
 *
 * The system's header <linux/ntsync.h> may be older than this library. Do not include
 * it before this header. After this header, it adds nothing.
 */
#ifndef LIBNTSYNC_H
#define LIBNTSYNC_H

#include <stdbool.h>
#include <stdint.h>

/* The kernel's header uses C11; without this, older standards warn about it. */
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
 * Opens /dev/ntsync with O_CLOEXEC. This is the only function here that is a
 * cancellation point.
 *
 * Return: a descriptor, or
 * -ENOENT: no such device: the module is not loaded.
 * -EACCES: the caller may not open the device.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_open(void);

/**
 * enum ntsync_driver - which driver the instance belongs to
 * @NTSYNC_DRIVER_IN_TREE: the driver that is part of Linux since 6.14: semaphores,
 *	mutexes, events, ntsync_wait_any() and ntsync_wait_all().
 * @NTSYNC_DRIVER_NTSYNC_RT: this project's driver. &ntsync_features.features says
 *	what it adds.
 */
enum ntsync_driver {
	NTSYNC_DRIVER_IN_TREE = 0,
	NTSYNC_DRIVER_NTSYNC_RT = 1
};

/**
 * struct ntsync_features - what the driver offers
 * @driver: which driver it is.
 * @version: version of its interface: 0 for the in-tree driver, 1 or higher for
 *	this project's. This project's driver with version 0 was built before the
 *	interface was final: its feature bits are right, nothing else is promised.
 * @features: NTSYNC_FEATURE_* bits; 0 for the in-tree driver. Bits that this
 *	library does not know are reported too, so a program may test for them.
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
 * Makes one or two system calls. The answer does not change while @dev is open; the
 * library does not store it.
 *
 * Return: 0, or
 * -ENOTTY: @dev is not an instance, or is one of the incomplete driver of Linux 6.10
 * to 6.13, which has two ioctls only.
 */
int ntsync_features(int dev, struct ntsync_features *out);

/* ------------------------------------------------------------ Semaphores */

/**
 * ntsync_sem_create() - create a semaphore (NtCreateSemaphore)
 * @dev: the instance.
 * @count: the initial count.
 * @max: the maximum count.
 *
 * Return: a descriptor (O_CLOEXEC), or
 * -EINVAL: @count is above @max.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_sem_create(int dev, uint32_t count, uint32_t max);

/**
 * ntsync_sem_release() - add to a semaphore's count (NtReleaseSemaphore)
 * @sem: the semaphore.
 * @count: how much to add. 0 changes nothing.
 * @prev: where to write the previous count, or NULL.
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
 * @owner: the owner id that holds it initially; 0: none. Owner ids are numbers of
 *	the program's choice, one per thread, as in &ntsync_wait_opts.owner.
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
 * @owner: the owner id that holds it.
 * @prev: where to write how often it was acquired before the call, or NULL.
 *
 * A mutex is acquired by a wait.
 *
 * Return: 0, or
 * -EINVAL: @owner is 0.
 * -EPERM: @owner does not hold the mutex: another owner does, or none, or it is
 * abandoned.
 */
int ntsync_mutex_unlock(int mutex, uint32_t owner, uint32_t *prev);

/**
 * ntsync_mutex_kill() - abandon a mutex whose holder has ended
 * @mutex: the mutex.
 * @owner: the owner id of the thread that has ended.
 *
 * NT does this itself when a thread ends. The next wait that acquires the mutex
 * returns -EOWNERDEAD.
 *
 * Return: 0, or
 * -EINVAL: @owner is 0.
 * -EPERM: @owner does not hold the mutex.
 */
int ntsync_mutex_kill(int mutex, uint32_t owner);

/**
 * ntsync_mutex_read() - read a mutex (NtQueryMutant)
 * @mutex: the mutex.
 * @owner: where to write the owner id that holds it, 0 for none, or NULL.
 * @count: where to write how often that owner has acquired it, or NULL.
 *
 * Return: 0, or
 * -EOWNERDEAD: the mutex is abandoned, until a wait acquires it; 0 is written to both
 * results.
 */
int ntsync_mutex_read(int mutex, uint32_t *owner, uint32_t *count);

/* ---------------------------------------------------------------- Events */

/**
 * ntsync_event_create() - create an event (NtCreateEvent)
 * @dev: the instance.
 * @manual: true: a manual-reset event (NotificationEvent), which releases every
 *	waiter and stays signaled until it is reset. false: an auto-reset event
 *	(SynchronizationEvent), which releases one waiter and is reset by it.
 * @signaled: whether it is signaled initially.
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
 * ntsync_event_set_pi() - signal an event and boost the thread that consumes it
 * @event: the event.
 * @policy: SCHED_FIFO or SCHED_RR.
 * @prio: 1 to 99.
 *
 * Does what ntsync_event_set() does. In addition, the thread that consumes the signal
 * runs with @policy and @prio unless its own priority is higher. The boost begins
 * before the thread returns from its wait and ends when it enters its next one.
 *
 * If no thread has consumed the signal yet, a later call of this function or of
 * ntsync_event_set() replaces the boost; ntsync_event_reset() and
 * ntsync_event_pulse() cancel it.
 *
 * The boost is limited to what the caller may have itself: its own real-time
 * priority, RLIMIT_RTPRIO, or any with CAP_SYS_NICE. A higher @prio is lowered to
 * that; the event is signaled in any case.
 *
 * Needs NTSYNC_FEATURE_EVENT_SET_PI.
 *
 * Return: 0, or
 * -EINVAL: @policy or @prio is out of range.
 * -ENOTSUP: the driver lacks this function. The event was not signaled;
 * ntsync_event_set() signals it without a boost.
 */
int ntsync_event_set_pi(int event, uint32_t policy, uint32_t prio);

/**
 * ntsync_event_reset() - reset an event (NtResetEvent)
 * @event: the event.
 * @prev: where to write whether it was signaled before (0 or 1), or NULL.
 *
 * Return: 0 or an error common to all functions.
 */
int ntsync_event_reset(int event, uint32_t *prev);

/**
 * ntsync_event_pulse() - release the present waiters (NtPulseEvent)
 * @event: the event.
 * @prev: where to write whether it was signaled before (0 or 1), or NULL.
 *
 * Releases one waiter of an auto-reset event, or all waiters of a manual-reset
 * event. The event is not signaled after the call, even if there was no waiter.
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
 * A channel carries requests from clients to servers. A request has a priority, and
 * the client waits for the reply, as with QNX's MsgSend(), MsgReceive() and
 * MsgReply(). A request carries two numbers, which the driver does not interpret;
 * data goes through memory that client and server share.
 *
 * A server runs at the highest priority of the requests that it works on or that are
 * pending for it, unless its own priority is higher. ntsync_uapi.h, "Channels", says
 * exactly what it inherits, and what happens when either side goes away.
 *
 * All functions here need NTSYNC_FEATURE_CHANNEL; ntsync_channel_try_recv2() also
 * needs NTSYNC_FEATURE_CHANNEL_TRY_RECV2. All of them may return
 * -ENOTSUP: the driver of @dev, or of the object @channel, lacks this function. It
 * answers -ENOTTY; the library makes one or two more system calls to find out why.
 * -EINVAL: @channel is an object of another type, on a driver that has channels.
 */

/**
 * ntsync_channel_create() - create a channel (ChannelCreate)
 * @dev: the instance.
 * @max_depth: how many requests may be pending, that is, sent and not received yet;
 *	1 to NTSYNC_CHANNEL_MAX_DEPTH.
 *
 * Any thread that has the descriptor may send, receive and reply. There are no
 * connections.
 *
 * Return: a descriptor (O_CLOEXEC), or
 * -EINVAL: @max_depth is out of range.
 * -EMFILE, -ENFILE, -ENOMEM: out of descriptors or memory.
 */
int ntsync_channel_create(int dev, uint32_t max_depth);

/**
 * ntsync_channel_send_pi() - send a request and wait for the reply (MsgSend)
 * @channel: the channel.
 * @policy: SCHED_FIFO or SCHED_RR; not checked if @prio is 0.
 * @prio: priority of the request, 1 to 99; 0: none.
 * @payload: for the receiver, as &ntsync_channel_request.payload.
 * @reply: for the receiver, as &ntsync_channel_request.reply.
 *
 * Waits without a deadline, so a signal handler should not call it. Unlike with
 * MsgSend(), the request has the priority @prio, not that of the calling thread. A
 * priority that the thread inherits while it waits is passed on to the receiver.
 * @prio is limited to what the caller may have itself, as in ntsync_event_set_pi().
 *
 * -EINTR: a signal was handled. The library does not retry. The request is withdrawn,
 * but a receiver may have received it, and may have executed it or may still do so:
 * repeat the call only if the request may be executed twice. Before a receiver has
 * the request, handlers installed with SA_RESTART do not cause -EINTR; after that,
 * every handler does, and so does a stop, a debugger and the freezer. If a reply and a
 * signal come together, the call returns 0.
 *
 * Task work of the calling thread runs when the call returns. An operation that the
 * thread submitted to an io_uring with default flags does not complete before that,
 * so the receiver must not wait for it.
 *
 * Return: 0 after the reply, or
 * -EINVAL: @policy or @prio is out of range.
 * -EAGAIN: the channel has as many pending requests as it may hold. Returned at once;
 * MsgSend() has no such limit.
 * -EPIPE: the processes that received from this channel are gone. The request was
 * not executed; the call may be repeated.
 * -ECONNRESET: the receiver of this request is gone. It may have executed the request.
 * -EINTR: see above.
 * -ENOMEM.
 */
int ntsync_channel_send_pi(int channel, uint32_t policy, uint32_t prio, uint64_t payload,
			   uint64_t reply);

/**
 * struct ntsync_channel_request - a request that was received
 * @id: the request's id, for ntsync_channel_reply(). Every channel counts from 1 and
 *	uses no id twice.
 * @payload: as given to ntsync_channel_send_pi().
 * @reply: as given to ntsync_channel_send_pi().
 * @sender_tid: the sender's thread id (gettid(2)) in its own pid namespace.
 * @prio: the request's priority, after it was limited; 0: none.
 * @token: the token that was registered for the sender when the request was received;
 *	0 if there was none, and always with ntsync_channel_recv().
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
 * Waits without a deadline, so a signal handler should not call it. Takes the pending
 * request with the highest priority, and among equals the oldest. If several threads
 * wait, the one with the highest priority gets the request.
 *
 * Until there is a reply or the thread waits for the next request, the thread has at
 * least the request's priority, and that of any higher request from the moment it is
 * sent. A thread may receive further requests before it replies.
 *
 * -EINTR: a signal was handled, and no request was received. The library does not
 * retry. Handlers installed with SA_RESTART do not cause it. If a request and a signal
 * come together, the call returns 0.
 *
 * Return: 0, or
 * -EINTR: see above.
 * -EBADF: also if the process closes its last descriptor of the channel during the
 * call.
 * -EFAULT: @request cannot be written. The request is still pending.
 * -ENOMEM.
 */
int ntsync_channel_recv(int channel, struct ntsync_channel_request *request);

/**
 * ntsync_channel_recv2() - wait for a request and get its sender's token
 * @channel: the channel.
 * @request: where to write it. Not NULL.
 *
 * Does what ntsync_channel_recv() does, and sets &ntsync_channel_request.token.
 *
 * Return: as ntsync_channel_recv().
 */
int ntsync_channel_recv2(int channel, struct ntsync_channel_request *request);

/**
 * ntsync_channel_try_recv2() - take a request if there is one
 * @channel: the channel.
 * @request: where to write it. Not NULL.
 *
 * Does what ntsync_channel_recv2() does, but does not wait. A thread that takes several
 * requests with it has the highest priority of those without a reply. (QNX has
 * MsgReceive() with a timeout of 0.)
 *
 * Return: 0, or
 * -EAGAIN: no request is pending.
 * -EFAULT: @request cannot be written. The request is still pending.
 * -ENOMEM.
 */
int ntsync_channel_try_recv2(int channel, struct ntsync_channel_request *request);

/**
 * ntsync_channel_reply() - end a request, so that its sender returns (MsgReply)
 * @channel: the channel.
 * @id: &ntsync_channel_request.id.
 *
 * Any thread that has the channel may reply. The thread that received the request
 * loses the request's priority.
 *
 * Return: 0, or
 * -ENOENT: the id is unknown, its request is still pending or has a reply already, or
 * the sender was interrupted or has ended. In the last case nothing is left to do.
 */
int ntsync_channel_reply(int channel, uint64_t id);

/**
 * ntsync_channel_register_thread() - give a sender a token
 * @channel: the channel.
 * @tid: the sender's thread id, in the caller's pid namespace; not 0.
 * @token: what ntsync_channel_recv2() reports for that thread, such as the address of
 *	the server's data about it. (Like a connection's cookie in QNX.)
 *
 * Replaces an earlier token. The token is reported with every request that is received
 * after this call, including those that are pending now. It stays registered until
 * ntsync_channel_deregister_thread(), even if the thread ends.
 * &ntsync_channel_request.sender_tid can be used as @tid only if the sender and the
 * caller are in the same pid namespace.
 *
 * Return: 0, or
 * -EINVAL: @tid is 0.
 * -ENOSPC: the channel has 32768 tokens.
 * -ENOMEM.
 */
int ntsync_channel_register_thread(int channel, uint32_t tid, uint64_t token);

/**
 * ntsync_channel_deregister_thread() - remove a sender's token
 * @channel: the channel.
 * @tid: the sender's thread id, in the caller's pid namespace.
 *
 * Return: 0, also if there was no token, or an error common to all channel functions.
 */
int ntsync_channel_deregister_thread(int channel, uint32_t tid);

/* ----------------------------------------------------------------- Waits */

/**
 * struct ntsync_wait_opts - options of a wait
 * @deadline: when the wait times out: an absolute time in nanoseconds of
 *	CLOCK_MONOTONIC, or NTSYNC_WAIT_FOREVER. With 0 or a time in the past, the
 *	call tries once and does not wait.
 * @flags: 0, or NTSYNC_WAIT_REALTIME: @deadline is a time of CLOCK_REALTIME, or
 *	NTSYNC_WAIT_BOOTTIME: of CLOCK_BOOTTIME, which goes on while the machine is
 *	suspended. Needs NTSYNC_FEATURE_BOOTTIME. The wait does not end the suspension.
 * @owner: the owner id that acquires mutexes. Not 0, even if there are none.
 * @alert: one more object, which ends the wait if no other object is ready; 0: none.
 *	(NT: the thread's APC event.) It is acquired only if it ends the wait.
 * @uring_fd: a descriptor, such as an io_uring, which ends the wait if it is readable
 *	and no object is ready; 0: none. Nothing is read from it. Needs
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
 * @count: how many objects, up to NTSYNC_MAX_WAIT_COUNT. With 0, only the alert, the
 *	uring_fd and the deadline end the wait.
 * @opts: the options. Not NULL.
 * @index: where to write what ended the wait, or NULL: the index in @objs (the lowest
 *	if several are ready), @count for the alert, NTSYNC_INDEX_URING_READY for
 *	the uring_fd. Written with 0 and -EOWNERDEAD only.
 *
 * Waits, so a signal handler should not call it. Acquires the object that ends the
 * wait: takes one from a semaphore's count, resets an auto-reset event, or acquires a
 * mutex for the owner.
 *
 * -EINTR: a signal was handled, and nothing was acquired. The library does not retry,
 * because only the caller knows whether the signal is to end the wait. To continue,
 * call again with the same @opts: the deadline is absolute. Handlers installed with
 * SA_RESTART do not cause -EINTR. If an object and a signal come together, the call
 * returns the object.
 *
 * Return: 0, or
 * -EOWNERDEAD: success, and the mutex that was acquired had been abandoned: the data
 * that it protects may be inconsistent.
 * -ETIMEDOUT: the deadline has passed.
 * -EINTR: see above.
 * -EINVAL: unknown flags, or both; the owner is 0; @count is too large; an element of
 * @objs or the alert is not an object of this instance, or is a closed descriptor.
 * -EBADF: @dev or the uring_fd is not an open descriptor.
 * -EPERM: the uring_fd cannot be polled, as a regular file cannot.
 * -ENOTSUP: there is a uring_fd, or NTSYNC_WAIT_BOOTTIME, and the driver lacks it. Such
 * a driver answers -EINVAL; the library then calls ntsync_features() to find out why.
 * -EFAULT, -ENOMEM.
 */
int ntsync_wait_any(int dev, const int *objs, uint32_t count,
		    const struct ntsync_wait_opts *opts, uint32_t *index);

/**
 * ntsync_wait_all() - wait until all of several objects are ready at once
 *	(NtWaitForMultipleObjects, WaitAll)
 * @dev: the instance.
 * @objs: the objects. Not read if @count is 0.
 * @count: how many objects, up to NTSYNC_MAX_WAIT_COUNT. With 0, the call succeeds at
 *	once.
 * @opts: the options. Not NULL.
 * @index: where to write what ended the wait, or NULL: 0 for the objects, @count
 *	for the alert, NTSYNC_INDEX_URING_READY for the uring_fd. Written with 0
 *	and -EOWNERDEAD only.
 *
 * Waits, so a signal handler should not call it. Acquires all objects in one step,
 * or none. For -EINTR, see ntsync_wait_any().
 *
 * Return: as ntsync_wait_any(), and
 * -EINVAL: also if two of the objects and the alert are the same, even through
 * different descriptors.
 * -EOWNERDEAD: all objects were acquired, and at least one mutex had been abandoned.
 */
int ntsync_wait_all(int dev, const int *objs, uint32_t count,
		    const struct ntsync_wait_opts *opts, uint32_t *index);

/**
 * ntsync_signal_and_wait() - signal one object and wait for another, in one step
 *	(NtSignalAndWaitForSingleObject)
 * @dev: the instance.
 * @signal: the object to signal: an event is set, a semaphore is released once, a
 *	mutex is unlocked once for the owner in @opts.
 * @wait: the object to wait for.
 * @opts: the options. Not NULL. No uring_fd.
 * @index: where to write what ended the wait, or NULL: 0 for the object, 1 for the
 *	alert. Written with 0 and -EOWNERDEAD only.
 *
 * Waits, so a signal handler should not call it. The wait has begun when @signal is
 * signaled: a thread that this wakes, and that then pulses @wait, releases the caller.
 * After -EINTR, wait for @wait alone: @signal was signaled already.
 *
 * Needs NTSYNC_FEATURE_SIGNAL_AND_WAIT.
 *
 * Return: with 0, -EOWNERDEAD, -ETIMEDOUT, -EINTR and -ENOMEM, which are as for
 * ntsync_wait_any(), @signal was signaled. With all others it was not:
 * -EOVERFLOW: the semaphore @signal is at its maximum.
 * -EPERM: the owner does not hold the mutex @signal.
 * -EINVAL: as ntsync_wait_any(), for both objects; there is a uring_fd.
 * -ENOTSUP: the driver lacks this function, or NTSYNC_WAIT_BOOTTIME.
 */
int ntsync_signal_and_wait(int dev, int signal, int wait,
			   const struct ntsync_wait_opts *opts, uint32_t *index);

/**
 * struct ntsync_aggregate_opts - options of a wait for objects and descriptors
 * @deadline: when the wait times out: an absolute time in nanoseconds of
 *	CLOCK_MONOTONIC, or NTSYNC_WAIT_FOREVER. With 0 or a time in the past, the
 *	call tries once and does not wait.
 * @flags: 0, or NTSYNC_AGG_FLAG_REALTIME: @deadline is a time of CLOCK_REALTIME, or
 *	NTSYNC_AGG_FLAG_BOOTTIME: of CLOCK_BOOTTIME, see &struct ntsync_wait_opts.
 * @owner: the owner id that acquires mutexes. May be 0 if there are none.
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
 *	.fd = any descriptor that poll(2) supports }. A source may be listed twice.
 * @count: how many sources, 1 to NTSYNC_AGG_MAX.
 * @opts: the options. Not NULL.
 * @index: where to write the index of the source that ended the wait, or NULL. If
 *	several are ready, objects come before descriptors, and each kind is in the
 *	order of @sources. Written with 0 and -EOWNERDEAD only.
 * @events: where to write the events of the descriptor that ended the wait, or NULL:
 *	the requested ones that are set, and POLLERR and POLLHUP even if they were
 *	not requested. 0 for an object. Written when @index is.
 *
 * Waits, so a signal handler should not call it. Acquires an object as
 * ntsync_wait_any() does. Takes nothing from a channel: the call returns while
 * requests are pending, and ntsync_channel_try_recv2() takes them. Reads nothing from
 * a descriptor.
 *
 * A thread that waits for a channel counts as a receiver. Each request wakes one such
 * thread; before the call returns, it runs with the highest priority of the pending
 * requests. It is expected to receive. If it ends or closes the channel instead,
 * another thread is woken.
 *
 * For -EINTR, see ntsync_wait_any().
 *
 * Needs NTSYNC_FEATURE_AGGREGATE_WAIT.
 *
 * Return: 0, or
 * -EOWNERDEAD: success, and the mutex that was acquired had been abandoned.
 * -ETIMEDOUT: the deadline has passed.
 * -EINTR: a signal was handled, and nothing was acquired.
 * -EINVAL: @count is out of range; unknown flags, or both; a source of unknown type; an
 * object with events; a pad that is not 0; a mutex, and the owner is 0.
 * -EBADF: a source is not an open descriptor; an object is not of this instance; the
 * process has closed its last descriptor of a channel during the call.
 * -EPERM: a descriptor cannot be polled, as a regular file cannot.
 * -ENOTSUP: the driver lacks this function, or NTSYNC_AGG_FLAG_BOOTTIME. It answers
 * -ENOTTY or -EINVAL; the library makes one or two more system calls to find out why.
 * -EFAULT, -ENOMEM.
 */
int ntsync_aggregate_wait(int dev, const struct ntsync_aggregate_source *sources,
			  uint32_t count, const struct ntsync_aggregate_opts *opts,
			  uint32_t *index, uint32_t *events);

/* ----------------------------------------------------------------- Loans */

/**
 * ntsync_lend() - lend the calling thread's priority to another thread
 * @dev: the instance.
 * @tid: the thread, in the caller's pid namespace.
 * @flags: 0, or NTSYNC_LEND_LATER: also what the caller inherits later, if it has no
 *	real-time priority now.
 *
 * For a wait that is not for an object, as for a reply through a pipe: call this before
 * it, and ntsync_unlend() after it. The thread runs with the caller's priority
 * meanwhile, if its own is lower, and so do those that it waits for. A thread has one
 * loan: the next one replaces it.
 *
 * A caller without a real-time priority has nothing to lend: 0, and its earlier loan
 * has ended. With NTSYNC_LEND_LATER there is a loan of what it may inherit.
 *
 * Does not wait for the thread.
 *
 * Needs NTSYNC_FEATURE_LEND.
 *
 * Return: 0, or
 * -EINVAL: unknown flags, or @tid is the caller.
 * -ESRCH: there is no such thread, or it exits or has not begun to run.
 * -EPERM: the caller may not set its priority, or it is a thread of the kernel.
 * -ENOTSUP: the driver lacks this function.
 * -ENOMEM.
 * After an error an earlier loan stands.
 */
int ntsync_lend(int dev, uint32_t tid, uint32_t flags);

/**
 * ntsync_unlend() - end the calling thread's loan
 * @dev: any instance.
 *
 * Return: 0, also if there is none, or
 * -ENOTSUP: the driver lacks this function.
 */
int ntsync_unlend(int dev);

/* ------------------------------------------------------------- Addresses */

/**
 * struct ntsync_addr_opts - how to wait on an address
 * @deadline: as in &struct ntsync_wait_opts.
 * @flags: 0, or NTSYNC_WAIT_REALTIME or NTSYNC_WAIT_BOOTTIME, NTSYNC_ADDR_SHARED,
 *	NTSYNC_ADDR_TAKE_OVER.
 * @owner: the thread that has what the caller waits for, and inherits from it, in the
 *	caller's pid namespace; 0: not known.
 * @alert: as in &struct ntsync_wait_opts, but no mutex.
 */
struct ntsync_addr_opts {
	uint64_t deadline;
	uint32_t flags;
	uint32_t owner;
	int alert;
};

/**
 * ntsync_addr_wait() - sleep while a word has a value (RtlWaitOnAddress)
 * @dev: an instance, or -1: a futex is used.
 * @addr: the word, aligned to @size.
 * @size: 1, 2, 4 or 8.
 * @expected: the value; only its lower @size bytes count.
 * @opts: how to wait. Not NULL.
 * @index: gets what ended the wait: 0 for a wake, 1 for the alert.
 *
 * Waits. Returns after a wake of the address, and now and then without one: look at the
 * word again, and at its owner.
 *
 * While the caller sleeps, all that sleep on the word pass on their priority to the
 * thread that was named as the owner last. With NTSYNC_ADDR_TAKE_OVER the others pass it
 * on to the caller from when it is woken; it has to wake another one if it gives up then
 * without having slept again. With NTSYNC_ADDR_SHARED the word may be in memory that
 * processes share.
 *
 * With a driver without NTSYNC_FEATURE_ADDRESS, and for a @dev of -1, it is a futex:
 * nobody inherits, the owner is not looked for, wakes follow the kernel's order, and an
 * alert is refused. It is more than one system call. A word of 8 bytes makes it look
 * again each millisecond, and a deadline of CLOCK_BOOTTIME each second. A word of another
 * size than 4 that can't be read ends the program by a signal then. All that share a word
 * have to use the same: the driver, or futexes.
 *
 * Return: 0, or
 * -EAGAIN: the word has another value.
 * -ETIMEDOUT: the deadline has passed.
 * -EINTR: a signal was handled.
 * -EINVAL: unknown flags, or both clocks; another @size, or @addr is not aligned to it;
 * the owner is the caller; the alert is not an object of this instance, or is a mutex.
 * -ESRCH, -EPERM: as ntsync_lend(), of the owner. Wait with 0 then.
 * -EFAULT: the word can't be read.
 * -EACCES: NTSYNC_ADDR_SHARED, and the mapping can't be made writable.
 * -ENOTSUP: an alert, and a futex; NTSYNC_WAIT_BOOTTIME, and a driver that has waits on
 * addresses but not that.
 * -ENOMEM.
 */
int ntsync_addr_wait(int dev, const volatile void *addr, uint32_t size, uint64_t expected,
		     const struct ntsync_addr_opts *opts, uint32_t *index);

/**
 * ntsync_addr_wake() - wake threads that sleep on an address (RtlWakeAddressSingle, -All)
 * @dev: as the waiters have it.
 * @addr: the address that the waiters have given.
 * @count: how many at most.
 * @flags: 0 or NTSYNC_ADDR_SHARED, as the waiters have it.
 *
 * Wakes those with the highest priority, and within one priority those that came first.
 * Change the word before; it is not touched.
 *
 * Return: how many were woken, or
 * -EINVAL: unknown flags.
 * -EFAULT, -EACCES: NTSYNC_ADDR_SHARED: as ntsync_addr_wait().
 */
int ntsync_addr_wake(int dev, const volatile void *addr, uint32_t count, uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif /* LIBNTSYNC_H */
