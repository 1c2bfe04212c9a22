/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the channel tests: calls made by helper threads, which are known to be asleep in
 * them, and processes that talk to the test through pipes.
 *
 * A test whose process has entered a receive is a receiving process itself, and senders then get
 * other results. channel_info() tells what is in a channel without entering it.
 */
#ifndef NTSYNC_TESTS_UAPI_CHANNEL_H
#define NTSYNC_TESTS_UAPI_CHANNEL_H

#include "fixture.h"

#define SEND NTSYNC_IOC_CHANNEL_SEND_PI
#define RECV NTSYNC_IOC_CHANNEL_RECV
#define RECV2 NTSYNC_IOC_CHANNEL_RECV2
#define TRY_RECV2 NTSYNC_IOC_CHANNEL_TRY_RECV2
#define REPLY NTSYNC_IOC_CHANNEL_REPLY

typedef struct ntsync_channel_recv2_args request_t;

/* As TEST(); the teardown also ends the test's calls and processes. */
#define CHANNEL_TEST(fn)                                                       \
	{                                                                      \
		#fn, fn, channel_setup, channel_teardown,                      \
			(char *)(__FILE__ ":" #fn)                             \
	}
int channel_setup(void **state);
int channel_teardown(void **state);

/* Skips the test on a driver that has no channels. */
int new_channel(struct fixture *f, uint32_t max_depth);

/* A number from the channel's fdinfo: "depth", "dispatched", "receivers", "registrations". */
int channel_info(int channel, const char *key);
#define assert_depth(channel, depth)                                           \
	assert_int_equal(channel_info(channel, "depth"), depth)

/* Returns once the channel's @key is @value. */
void await_info(int channel, const char *key, int value);

/* The argument of SEND_PI, FIFO. */
#define MESSAGE(priority, payload)                                             \
	((struct ntsync_channel_send_args){                                    \
		(priority) ? SCHED_FIFO : SCHED_OTHER, priority, payload,      \
		~(uint64_t)(payload) })

/*
 * Calls in the test's own thread.
 */
int try_send(int channel, uint32_t prio, uint64_t payload);
int receive(int channel, unsigned long request, request_t *out);
int reply(int channel, uint64_t id);
int register_thread(int channel, uint32_t tid, uint64_t token);
int deregister_thread(int channel, uint32_t tid);

/*
 * Receives by that ioctl: it must be this request. Returns its id. Words that the ioctl must not
 * write are checked too.
 */
#define take_by(channel, request, prio, payload)                               \
	channel_take(channel, request, prio, payload, __FILE__, __LINE__)
#define take(channel, prio, payload) take_by(channel, TRY_RECV2, prio, payload)
uint64_t channel_take(int channel, unsigned long request, uint32_t prio,
		      uint64_t payload, const char *file, int line);

/* Received and replied to. */
#define serve(channel, prio, payload)                                          \
	assert_ret(reply(channel, take(channel, prio, payload)), 0)

/* Nothing is pending. Makes the test a receiving process. */
#define assert_empty(channel)                                                  \
	assert_ret(receive(channel, TRY_RECV2, &(request_t){ 0 }), -EAGAIN)

/*
 * Calls of helper threads. A thread whose call has returned stays, and so keeps the request that it
 * received, until call_end() or the teardown. The teardown ends calls that have not returned by
 * SIGUSR2.
 */
struct call;

/* @arg: at most sizeof(request_t) bytes, or a pointer for the ioctl itself. */
struct call *call_running(struct fixture *f, int fd, unsigned long request,
			  const void *arg, const struct waiter_sched *sched);
struct call *call_at(struct fixture *f, int fd, unsigned long request, void *address,
		     const struct waiter_sched *sched);

/* As waiter_asleep(). */
bool call_asleep(struct call *c);
#define assert_call_asleep(c) assert_true(call_asleep(c))
bool call_out(struct call *c);

/* Returns once the thread sleeps in its call; the test fails if it does not block. */
struct call *start_send(struct fixture *f, int channel, uint32_t prio,
			uint64_t payload);
struct call *start_recv(struct fixture *f, int channel, unsigned long request,
			const struct waiter_sched *sched);

/* Blocks until the call has returned. */
int call_ret(struct call *c);
#define assert_call(c, want) assert_ret(call_ret(c), want)

/* The receive must have returned 0 with this request; returns its id. */
#define assert_got(c, prio, payload)                                           \
	channel_got(c, prio, payload, __FILE__, __LINE__)
uint64_t channel_got(struct call *c, uint32_t prio, uint64_t payload,
		     const char *file, int line);
const request_t *call_request(struct call *c);

/* Ends the thread. Returns when it has exited. */
void call_end(struct call *c);

pid_t call_tid(struct call *c);
void call_signal(struct call *c, int sig);

/* How often it has left its CPU: a thread that is not woken does not run. */
long call_switches(struct call *c);

/*
 * Another process. Its body can't use cmocka's assertions but CHECK(), as in child_start(). The
 * teardown kills it if it is still there.
 */
struct peer;
typedef int (*peer_fn)(struct peer *p, void *arg);

struct peer *peer_start(struct fixture *f, peer_fn body, void *arg);
/*
 * The first process of a pid namespace of its own. Skips the test without the privilege for that.
 */
struct peer *peer_start_in_namespace(struct fixture *f, peer_fn body, void *arg);
pid_t peer_pid(struct peer *p);
/* For the body: sends a word to the test; waits for a character from it. */
void peer_say(struct peer *p, uint64_t word);
char peer_wait(struct peer *p);
/* For the test: receives the next word; sends a character. */
uint64_t peer_hear(struct peer *p);
void peer_tell(struct peer *p, char what);
#define peer_go(p) peer_tell(p, 0)
/* Returns once the process' first thread sleeps in that ioctl. */
void peer_await_asleep(struct peer *p, unsigned long request);
/* kill -9. Returns when the process is gone. */
void peer_kill(struct peer *p);
int peer_finish(struct peer *p);
#define assert_peer_ok(p) assert_int_equal(peer_finish(p), 0)

/*
 * A process of one thread that receives when it is told to. Like the test it has a descriptor of
 * the channel, which stays open when the test closes its own.
 */
struct peer *receiver_start(struct fixture *f, int channel);
/*
 * It receives a pending request; returns the id. receiver_parks(): it sleeps in the receive, and
 * later sends the id or -errno.
 */
uint64_t receiver_takes(struct peer *p);
void receiver_parks(struct peer *p);
/* It closes its descriptor. */
void receiver_closes(struct peer *p);

/* Sends a descriptor through a socket: returns 1. Receives one: returns it, or -1. */
int send_rights(int sock, int fd);
int receive_rights(int sock);

#endif
