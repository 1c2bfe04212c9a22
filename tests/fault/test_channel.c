// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever fails, no request is lost and none is served twice: a send that fails has not sent, and
 * a request that can't be delivered is the next one again, with its id.
 */
#include "../uapi/channel.h"
#include "fail_nth.h"

#include <signal.h>

#define TID 4711u	/* no such id */

/* A receiver that replies to everything. */
static struct server {
	pthread_t thread;
	int channel;
	atomic_int tid;
	atomic_bool started, stop, out;
	atomic_uint served;
	request_t last;
} server;

/* A thread that sends a request once the test's own thread sleeps in a receive. */
static struct late {
	pthread_t thread;
	int channel;
	unsigned long receive;
	pid_t receiver;
	atomic_bool started, stop, go;
	int ret;
} late;

static struct call *first, *second;	/* pending, in this order */
static uint64_t id;			/* of the first one */
static unsigned int served;

/* ---- others ---- */

static void *serve_all(void *unused)
{
	atomic_store(&server.tid, gettid());
	while (!atomic_load(&server.stop)) {
		if (nt(server.channel, RECV2, &server.last))
			continue;
		atomic_fetch_add(&server.served, 1);
		nt(server.channel, REPLY, &server.last.entry_id);
	}
	atomic_store(&server.out, true);
	return unused;
}

static void await_server(void)
{
	while (!server.tid || !asleep_in(getpid(), server.tid, RECV2))
		sleep_ms(1);
}

static void start_server(int channel)
{
	memset(&server, 0, sizeof(server));
	server.channel = channel;
	served = 0;
	assert_int_equal(pthread_create(&server.thread, NULL, serve_all, NULL), 0);
	atomic_store(&server.started, true);
	await_server();
}

static void *send_late(void *unused)
{
	while (!atomic_load(&late.stop)) {
		if (atomic_load(&late.go) && asleep_in(getpid(), late.receiver, late.receive)) {
			late.ret = nt(late.channel, SEND, &MESSAGE(0, 9));
			atomic_store(&late.go, false);
		}
		sleep_ms(1);
	}
	return unused;
}

static void start_late(int channel, unsigned long receive)
{
	memset(&late, 0, sizeof(late));
	late.channel = channel;
	late.receive = receive;
	late.receiver = gettid();
	assert_int_equal(pthread_create(&late.thread, NULL, send_late, NULL), 0);
	atomic_store(&late.started, true);
}

static void assert_late_replied(void)
{
	while (atomic_load(&late.go))
		sleep_ms(1);
	assert_ret(late.ret, 0);
}

static int end_others(void **state)
{
	atomic_store(&server.stop, true);
	while (server.started && !atomic_load(&server.out)) {
		pthread_kill(server.thread, SIGUSR2);
		sleep_ms(1);
	}
	if (server.started)
		pthread_join(server.thread, NULL);
	server.started = false;
	atomic_store(&late.stop, true);
	while (late.started && pthread_tryjoin_np(late.thread, NULL)) {
		pthread_kill(late.thread, SIGUSR2);
		sleep_ms(1);
	}
	late.started = false;
	return channel_teardown(state);
}

/* ---- what there is ---- */

static void setup_channel(struct scenario *s)
{
	add_object(s, new_channel(s->f, 4));
}

/* Replaces the current channel, which would have a receiver for ever. */
static void renew_channel(struct scenario *s)
{
	close_fd(s->f, s->info[0]);
	close_fd(s->f, s->objs[0]);
	s->nr_objs = 0;
	setup_channel(s);
}

static void setup_served(struct scenario *s)
{
	setup_channel(s);
	start_server(s->objs[0]);
}

static void add_first(struct scenario *s, uint32_t prio)
{
	first = start_send(s->f, s->objs[0], prio, 1);
}

static void end_first_call(struct call **c)
{
	assert_call(*c, 0);
	call_end(*c);
	*c = NULL;
}

/*
 * Two pending requests, and the id of the first: a receive whose result can be written only in part
 * tells it, and fails. It also makes the test a receiver.
 */
static void send_both(struct scenario *s, uint32_t prio)
{
	request_t *half = past_page_end(s->f, NULL, sizeof(*half));

	add_first(s, prio);
	second = start_send(s->f, s->objs[0], prio, 2);
	assert_ret(receive(s->objs[0], TRY_RECV2, half), -EFAULT);
	id = half->entry_id;
	assert_depth(s->objs[0], 2);
}

static void setup_pending(struct scenario *s)
{
	setup_channel(s);
	send_both(s, 0);
}

static void setup_pending_prio(struct scenario *s)
{
	setup_channel(s);
	send_both(s, 40);
	assert_true(arbiter_has(gettid(), "channel", SCHED_FIFO, 40));
}

/* The first one has been received. */
static void finish_both(struct scenario *s, uint32_t prio)
{
	assert_ret(reply(s->objs[0], id), 0);
	end_first_call(&first);
	serve(s->objs[0], prio, 2);
	end_first_call(&second);
	send_both(s, prio);
}

static const request_t *note_received(const struct scenario *s)
{
	return (const request_t *)s->arg;
}

/* ---- the channel itself ---- */

static int run_create(struct scenario *s)
{
	struct ntsync_channel_create_args args = { .max_depth = 5 };

	return store_fd(s, call(s, s->f->dev, NTSYNC_IOC_CREATE_CHANNEL, &args, sizeof(args)));
}

static void verify_create(struct scenario *s)
{
	assert_int_equal(channel_info(s->made, "max-depth"), 5);
	close(s->made);
}

/* ---- send ---- */

static int run_send_prio(struct scenario *s, uint32_t prio)
{
	return call(s, s->objs[0], SEND, &MESSAGE(prio, 7),
		    sizeof(struct ntsync_channel_send_args));
}

static int run_send(struct scenario *s)
{
	return run_send_prio(s, 0);
}

static int run_send_high(struct scenario *s)
{
	return run_send_prio(s, 40);
}

static void assert_served(uint32_t prio)
{
	await_server();
	assert_int_equal(server.served, ++served);
	assert_int_equal(server.last.payload_off, 7);
	assert_int_equal(server.last.sender_tid, gettid());
	assert_int_equal(server.last.prio, prio);
}

static void verify_send(struct scenario *s)
{
	(void)s;
	assert_served(0);
}

static void verify_send_high(struct scenario *s)
{
	(void)s;
	assert_served(40);
}

static void fix_up_send(struct scenario *s, enum injected injected)
{
	(void)s;
	(void)injected;
	assert_int_equal(server.served, served);
}

static void setup_full(struct scenario *s)
{
	add_object(s, new_channel(s->f, 1));
	add_first(s, 0);
}

static int enter_and_leave(struct fixture *f, void *channel)
{
	(void)f;
	CHECK(receive(*(int *)channel, TRY_RECV2, &(request_t){ 0 }) == -EAGAIN);
	return 0;
}

/* Its only receiving process has exited. */
static void setup_without_receiver(struct scenario *s)
{
	setup_channel(s);
	assert_child_ok(child_start(s->f, enter_and_leave, &s->objs[0]));
	await_info(s->objs[0], "receivers", 0);
}

/* ---- receive ---- */

static int run_receive(struct scenario *s, unsigned long request)
{
	request_t args = { .entry_id = ~0ull, .prio = UNTOUCHED };

	return call(s, s->objs[0], request, &args, sizeof(args));
}

static int run_recv(struct scenario *s)
{
	return run_receive(s, RECV);
}

static int run_recv2(struct scenario *s)
{
	return run_receive(s, RECV2);
}

static int run_try_recv2(struct scenario *s)
{
	return run_receive(s, TRY_RECV2);
}

static void assert_received_first(struct scenario *s, uint32_t prio)
{
	assert_int_equal(note_received(s)->entry_id, id);
	assert_int_equal(note_received(s)->payload_off, 1);
	assert_int_equal(note_received(s)->prio, prio);
	finish_both(s, prio);
}

static void verify_receive(struct scenario *s)
{
	assert_received_first(s, 0);
}

static void verify_receive_prio(struct scenario *s)
{
	assert_received_first(s, 40);
}

/* The request has returned to its place in the queue. */
static void assert_first_again(struct scenario *s, uint32_t prio)
{
	assert_int_equal(take(s->objs[0], prio, 1), id);
	finish_both(s, prio);
}

static void refused_receive(struct scenario *s)
{
	assert_first_again(s, 0);
}

static void refused_receive_prio(struct scenario *s)
{
	assert_first_again(s, 40);
}

/* ---- the first receive, which makes a receiver ---- */

static void verify_entered(struct scenario *s)
{
	assert_int_equal(channel_info(s->objs[0], "receivers"), 1);
	renew_channel(s);
}

static void setup_first(struct scenario *s)
{
	setup_channel(s);
	add_first(s, 0);
}

static void renew_first(struct scenario *s)
{
	end_first_call(&first);
	renew_channel(s);
	add_first(s, 0);
}

static void verify_first(struct scenario *s)
{
	assert_int_equal(note_received(s)->payload_off, 1);
	assert_ret(reply(s->objs[0], note_received(s)->entry_id), 0);
	renew_first(s);
}

/* Without memory the test is no receiver; with memory that can't be written it is one. */
static void fix_up_first(struct scenario *s, enum injected injected)
{
	if (injected != COPY)
		return;
	assert_int_equal(channel_info(s->objs[0], "receivers"), 1);
	assert_int_equal(channel_info(s->objs[0], "dispatched"), 0);
	serve(s->objs[0], 0, 1);
	renew_first(s);
}

/* ---- a receive that sleeps ---- */

/* The test has received before. */
static void setup_late(struct scenario *s, unsigned long request)
{
	setup_channel(s);
	assert_empty(s->objs[0]);
	start_late(s->objs[0], request);
}

static void setup_late_recv(struct scenario *s)
{
	setup_late(s, RECV);
}

static void setup_late_recv2(struct scenario *s)
{
	setup_late(s, RECV2);
}

static int run_late(struct scenario *s)
{
	atomic_store(&late.go, true);
	return run_receive(s, late.receive);
}

static void verify_late(struct scenario *s)
{
	assert_int_equal(note_received(s)->payload_off, 9);
	assert_ret(reply(s->objs[0], note_received(s)->entry_id), 0);
	assert_late_replied();
}

/* The request has been sent, and the sender waits. */
static void fix_up_late(struct scenario *s, enum injected injected)
{
	assert_int_equal(injected, COPY);
	assert_int_equal(channel_info(s->objs[0], "dispatched"), 0);
	serve(s->objs[0], 0, 9);
	assert_late_replied();
}

/* ---- reply ---- */

static void setup_dispatched(struct scenario *s)
{
	setup_first(s);
	id = take(s->objs[0], 0, 1);
}

static int run_reply(struct scenario *s)
{
	return call(s, s->objs[0], REPLY, &id, sizeof(id));
}

static void verify_reply(struct scenario *s)
{
	end_first_call(&first);
	add_first(s, 0);
	id = take(s->objs[0], 0, 1);
}

/* ---- tokens ---- */

static int run_register_thread(struct scenario *s, uint32_t tid, uint64_t token)
{
	const struct ntsync_channel_register_thread_args args = { .tid = tid, .token = token };

	return call(s, s->objs[0], NTSYNC_IOC_CHANNEL_REGISTER_THREAD, &args, sizeof(args));
}

static int run_register(struct scenario *s)
{
	return run_register_thread(s, TID, 1);
}

static void verify_register(struct scenario *s)
{
	assert_int_equal(channel_info(s->objs[0], "registrations"), 1);
	assert_ret(deregister_thread(s->objs[0], TID), 0);
}

/* The test's own thread, of which the server is told. */
static void setup_registered(struct scenario *s)
{
	setup_served(s);
	assert_ret(register_thread(s->objs[0], gettid(), 1), 0);
}

static int run_register_again(struct scenario *s)
{
	return run_register_thread(s, gettid(), 2);
}

static void assert_token(struct scenario *s, uint64_t token)
{
	assert_ret(try_send(s->objs[0], 0, 7), 0);
	assert_served(0);
	assert_int_equal(server.last.thread_token, token);
}

static void verify_register_again(struct scenario *s)
{
	assert_token(s, 2);
	assert_ret(register_thread(s->objs[0], gettid(), 1), 0);
}

static void refused_register_again(struct scenario *s)
{
	assert_token(s, 1);
}

static void setup_registration(struct scenario *s)
{
	setup_channel(s);
	assert_ret(register_thread(s->objs[0], TID, 1), 0);
}

static int run_deregister(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, TID);
}

static void verify_deregister(struct scenario *s)
{
	assert_int_equal(channel_info(s->objs[0], "registrations"), 0);
	assert_ret(register_thread(s->objs[0], TID, 1), 0);
}

/* ---- the table ---- */

#define OP(_name, ...) { .name = _name, .teardown = end_others, __VA_ARGS__ }

static const struct op ops[] = {
	OP("CREATE_CHANNEL", .run = run_create, .verify = verify_create, .memory = 3,
	   .copies = 1),

	OP("SEND_PI", .setup = setup_served, .run = run_send, .verify = verify_send,
	   .fix_up = fix_up_send, .memory = 1, .copies = 1),
	OP("SEND_PI with a priority", .setup = setup_served, .run = run_send_high,
	   .verify = verify_send_high, .fix_up = fix_up_send, .memory = 1, .copies = 1),
	OP("SEND_PI of a FIFO task", .setup = setup_served, .run = run_send,
	   .verify = verify_send, .fix_up = fix_up_send, .fifo = true, .memory = 1, .copies = 1),
	OP("SEND_PI, full", .setup = setup_full, .run = run_send, .want = -EAGAIN, .memory = 1,
	   .copies = 1),
	OP("SEND_PI, deserted", .setup = setup_without_receiver, .run = run_send, .want = -EPIPE,
	   .memory = 1, .copies = 1),

	OP("RECV", .setup = setup_pending, .run = run_recv, .verify = verify_receive,
	   .refused = refused_receive, .copies = 1),
	OP("RECV2", .setup = setup_pending, .run = run_recv2, .verify = verify_receive,
	   .refused = refused_receive, .copies = 1),
	OP("TRY_RECV2", .setup = setup_pending, .run = run_try_recv2, .verify = verify_receive,
	   .refused = refused_receive, .copies = 1),
	OP("RECV2 with a priority", .setup = setup_pending_prio, .run = run_recv2,
	   .verify = verify_receive_prio, .refused = refused_receive_prio, .copies = 1),
	/* The first receive of a thread allocates four records. */
	OP("the first TRY_RECV2, empty", .setup = setup_channel, .run = run_try_recv2,
	   .verify = verify_entered, .want = -EAGAIN, .memory = 3),
	OP("the first RECV2", .setup = setup_first, .run = run_recv2, .verify = verify_first,
	   .fix_up = fix_up_first, .memory = 3, .copies = 1),
	OP("RECV sleeps", .setup = setup_late_recv, .run = run_late, .verify = verify_late,
	   .fix_up = fix_up_late, .copies = 1),
	OP("RECV2 sleeps", .setup = setup_late_recv2, .run = run_late, .verify = verify_late,
	   .fix_up = fix_up_late, .copies = 1),

	OP("REPLY", .setup = setup_dispatched, .run = run_reply, .verify = verify_reply),

	OP("REGISTER_THREAD", .setup = setup_channel, .run = run_register,
	   .verify = verify_register, .memory = 1, .copies = 1),
	OP("REGISTER_THREAD in place of another", .setup = setup_registered,
	   .run = run_register_again, .verify = verify_register_again,
	   .refused = refused_register_again, .memory = 1, .copies = 1),
	OP("DEREGISTER_THREAD", .setup = setup_registration, .run = run_deregister,
	   .verify = verify_deregister),
};

int main(void)
{
	return RUN_OPS(ops);
}
