// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads send, four receive and reply, with priorities of all kinds, and a ninth registers
 * tokens and removes them again. Every request must be executed exactly once, by one receiver, and
 * get a reply; ids, priority and token must be its sender's. Receivers receive one or several
 * requests at a time, blocking or not, and leave every other reply to another receiver.
 *
 * First on a deep channel, then on one with room for one pending request: a request that was
 * refused must not have been served.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libntsync.h"

#define SENDERS 4
#define RECEIVERS 4
#define BATCH 3
#define TIDS 300
#define QUIT UINT64_MAX

/* A request, in memory that both sides can access. */
struct call {
	uint64_t payload, answer;
	uint32_t prio, tid;
	atomic_uint executed;
};

struct thread {
	pthread_t thread;
	uint64_t random;
	int policy, prio;
	uint64_t done, turned_away;
	atomic_bool over;
};

static struct stress stress;
static int channel;
static uint64_t phase_end;
static struct thread senders[SENDERS], receivers[RECEIVERS], clerk;
/* The thread of each sender, by the number in its payloads; the ninth thread registers them. */
static atomic_uint sender_tids[SENDERS];
/* The id of a request whose reply was left to another receiver. */
static atomic_ullong left_over;
static atomic_ullong registered;
static atomic_uint wrong_answers, wrong_counts, wrong_requests, wrong_tokens, not_as_before;

static bool is_phase_over(void)
{
	return stress_now() >= phase_end;
}

static void be_scheduled(const struct thread *t)
{
	struct sched_param param = { .sched_priority = t->prio };

	stress_expect(-pthread_setschedparam(pthread_self(), t->policy, &param), 0, "setschedparam");
}

static void check_schedule(const struct thread *t)
{
	if (!stress_is_scheduled(t->policy, t->prio))
		atomic_fetch_add(&not_as_before, 1);
}

/* ---- senders ---- */

static uint64_t compute_answer(uint64_t payload)
{
	return (payload ^ 0x5bd1e995) * 0x9e3779b97f4a7c15ull;
}

static void check_call(struct thread *t, struct call *call, int ret)
{
	unsigned int executed = atomic_load(&call->executed);

	t->done += !ret;
	t->turned_away += ret == -EAGAIN;
	if (ret == -EAGAIN) {
		if (executed)
			atomic_fetch_add(&wrong_counts, 1);
		return;
	}
	stress_expect(ret, 0, "send");
	if (executed != 1)
		atomic_fetch_add(&wrong_counts, 1);
	if (call->answer != compute_answer(call->payload))
		atomic_fetch_add(&wrong_answers, 1);
}

static void *send_calls(void *arg)
{
	struct thread *t = arg;
	uint64_t number = t - senders;

	atomic_store(&sender_tids[number], gettid());
	be_scheduled(t);
	for (uint64_t n = 1; !is_phase_over(); n++) {
		struct call call = { .payload = number << 56 | n, .tid = gettid() };
		uint32_t policy = stress_below(&t->random, 2) ? SCHED_FIFO : SCHED_RR;

		call.prio = stress_below(&t->random, 3) ? stress_below(&t->random, 100) : 0;
		check_call(t, &call, ntsync_channel_send_pi(channel, policy, call.prio, call.payload,
							    (uintptr_t)&call));
		/* So that threads that are not real-time run too. */
		if (n % 64 == 0)
			stress_sleep(100 * NS_PER_US);
	}
	check_schedule(t);
	atomic_store(&t->over, true);
	return NULL;
}

/* ---- receivers ---- */

static void execute_request(const struct ntsync_channel_request *r)
{
	struct call *call = (struct call *)(uintptr_t)r->reply;

	if (call->payload != r->payload || call->tid != r->sender_tid || call->prio != r->prio)
		atomic_fetch_add(&wrong_requests, 1);
	if (r->token && r->token >> 32 != r->sender_tid)
		atomic_fetch_add(&wrong_tokens, 1);
	call->answer = compute_answer(r->payload);
	atomic_fetch_add(&call->executed, 1);
}

static int receive(struct thread *t, struct ntsync_channel_request *r)
{
	int ret = -EAGAIN;

	switch (stress_below(&t->random, 3)) {
	case 0:
		return ntsync_channel_recv(channel, r);
	case 1:
		ret = ntsync_channel_try_recv2(channel, r);
		break;
	}
	return ret == -EAGAIN ? ntsync_channel_recv2(channel, r) : ret;
}

/* Waits for a request and receives further pending ones, up to a number; returns how many. */
static unsigned int receive_some(struct thread *t, struct ntsync_channel_request *r)
{
	unsigned int want = 1 + stress_below(&t->random, BATCH), n = 1;
	int ret = receive(t, r);

	stress_expect(ret, 0, "receive");
	if (ret)
		return 0;
	for (; n < want; n++) {
		ret = ntsync_channel_try_recv2(channel, &r[n]);
		if (ret == -EAGAIN)
			break;
		stress_expect(ret, 0, "try");
	}
	return n;
}

static void reply_to_request(uint64_t id)
{
	if (id)
		stress_expect(ntsync_channel_reply(channel, id), 0, "reply");
}

static bool finish_requests(struct thread *t, const struct ntsync_channel_request *r)
{
	if (r->payload == QUIT) {
		reply_to_request(r->id);
		return false;
	}
	execute_request(r);
	t->done++;
	/* Replies to the one that another receiver has left, and leaves this one instead. */
	if (stress_below(&t->random, 4) == 0)
		reply_to_request(atomic_exchange(&left_over, r->id));
	else
		reply_to_request(r->id);
	return true;
}

static void *serve_calls(void *arg)
{
	struct ntsync_channel_request r[BATCH];
	struct thread *t = arg;
	bool more = true;

	be_scheduled(t);
	while (more) {
		unsigned int n = receive_some(t, r);

		while (n)
			more &= finish_requests(t, &r[--n]);
	}
	check_schedule(t);
	return NULL;
}

/* ---- tokens ---- */

static void *keep_tokens(void *arg)
{
	struct thread *t = arg;

	for (uint32_t n = 1; !is_phase_over(); n++) {
		unsigned int i = stress_below(&t->random, 3 * SENDERS);
		uint32_t tid = i < SENDERS ? atomic_load(&sender_tids[i]) :
					     1000000 + stress_below(&t->random, TIDS);

		if (!tid)
			continue;
		if (stress_below(&t->random, 3))
			stress_expect(ntsync_channel_register_thread(channel, tid,
							      (uint64_t)tid << 32 | n),
			       0, "register");
		else
			stress_expect(ntsync_channel_deregister_thread(channel, tid), 0, "deregister");
		atomic_fetch_add(&registered, 1);
		if (n % 64 == 0)
			stress_sleep(100 * NS_PER_US);
	}
	return NULL;
}

static void forget_all_tokens(void)
{
	for (int i = 0; i < SENDERS; i++)
		ntsync_channel_deregister_thread(channel, sender_tids[i]);
	for (uint32_t i = 0; i < TIDS; i++)
		ntsync_channel_deregister_thread(channel, 1000000 + i);
}

/* ---- a phase ---- */

static void start_thread(struct thread *t, void *(*run)(void *), int policy, int prio)
{
	t->policy = policy;
	t->prio = prio;
	t->random = stress_random(&stress.seed) | 1;
	atomic_store(&t->over, false);
	pthread_create(&t->thread, NULL, run, t);
}

/* The last sender may wait for a reply that was left to another receiver. */
static void join_senders(void)
{
	for (int i = 0; i < SENDERS; i++) {
		while (!atomic_load(&senders[i].over)) {
			reply_to_request(atomic_exchange(&left_over, 0));
			stress_sleep(NS_PER_MS);
		}
		pthread_join(senders[i].thread, NULL);
	}
}

static void join_receivers(void)
{
	for (int i = 0; i < RECEIVERS; i++)
		stress_expect(ntsync_channel_send_pi(channel, 0, 0, QUIT, 0), 0, "quit");
	for (int i = 0; i < RECEIVERS; i++)
		pthread_join(receivers[i].thread, NULL);
}

static void show_progress(void)
{
	uint64_t sent = 0, received = 0, turned_away = 0;

	for (int i = 0; i < SENDERS; i++) {
		sent += senders[i].done;
		turned_away += senders[i].turned_away;
	}
	for (int i = 0; i < RECEIVERS; i++)
		received += receivers[i].done;
	printf("# %llu answered, %llu received, %llu turned away, %llu registrations\n",
	       (unsigned long long)sent, (unsigned long long)received,
	       (unsigned long long)turned_away, (unsigned long long)registered);
}

static void check_balance(const char *name)
{
	uint64_t sent = 0, received = 0;
	char text[96];

	for (int i = 0; i < SENDERS; i++)
		sent += senders[i].done;
	for (int i = 0; i < RECEIVERS; i++)
		received += receivers[i].done;
	snprintf(text, sizeof(text), "%s: each request is received once", name);
	stress_check(&stress, sent && sent == received, text);
	snprintf(text, sizeof(text), "%s: nothing is left in the channel", name);
	forget_all_tokens();
	stress_check(&stress, !stress_fdinfo(channel, "ntsync-depth") &&
			      !stress_fdinfo(channel, "ntsync-dispatched") &&
			      !stress_fdinfo(channel, "ntsync-registrations"), text);
}

static void run_phase(int dev, const char *name, uint32_t depth, uint64_t end)
{
	channel = ntsync_channel_create(dev, depth);
	stress_expect(channel < 0 ? channel : 0, 0, "create");
	phase_end = end;
	memset(senders, 0, sizeof(senders));
	memset(receivers, 0, sizeof(receivers));
	for (int i = 0; i < SENDERS; i++)
		atomic_store(&sender_tids[i], 0);
	for (int i = 0; i < RECEIVERS; i++)
		start_thread(&receivers[i], serve_calls, i % 2 ? SCHED_FIFO : SCHED_OTHER, i % 2 * i);
	for (int i = 0; i < SENDERS; i++)
		start_thread(&senders[i], send_calls, i ? SCHED_OTHER : SCHED_RR, i ? 0 : 20);
	start_thread(&clerk, keep_tokens, SCHED_OTHER, 0);
	stress_watch_until(&stress, end, show_progress);
	join_senders();
	join_receivers();
	pthread_join(clerk.thread, NULL);
	show_progress();
	check_balance(name);
	close(channel);
}

int main(int argc, char **argv)
{
	uint64_t begin = stress_now();
	int dev;

	stress_init(&stress, argc, argv);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	run_phase(dev, "deep", NTSYNC_CHANNEL_MAX_DEPTH, begin + (stress.end - begin) / 2);
	run_phase(dev, "shallow", 1, stress.end);
	close(dev);
	stress_check(&stress, !wrong_counts, "each is executed exactly once");
	stress_check(&stress, !wrong_answers, "each is answered");
	stress_check(&stress, !wrong_requests, "numbers and priority are the sender's");
	stress_check(&stress, !wrong_tokens, "a token is the sender's");
	stress_check(&stress, !stress_errors, "no error");
	stress_check(&stress, !not_as_before, "everybody is scheduled as before");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	return stress_end(&stress);
}
