// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once on one device, by thirteen threads. Eight clients acquire semaphore counts,
 * mutexes and events, send requests while they hold some, and release everything, events with a
 * priority. Three servers handle the requests, wait for mutexes and events of their own in between,
 * and are clients of a fourth server. The thirteenth thread interrupts the clients.
 *
 * Tokens in = tokens out; each request is executed as its sender's result says; no thread keeps a
 * boost. Clients wait with deadlines, and servers wait for nothing that clients hold, so there is
 * no deadlock.
 */
#include "ledger.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libntsync.h"

#define CLIENTS 8
#define SERVERS 3
#define LAST (CLIENTS + SERVERS)
#define WORKERS (LAST + 1)
#define QUIT UINT64_MAX

/* What clients contend for. */
enum { SEMS = 2, MUTEXES = 3, EVENTS = 2, OBJECTS = SEMS + MUTEXES + EVENTS };
#define SEM_TOKENS 2

struct worker {
	pthread_t thread;
	uint32_t owner;
	uint64_t random;
	int policy, prio;
	unsigned int held[OBJECTS];
	uint64_t grants, timeouts, signals, requests, nested;
};

static struct stress stress;
static struct ledger *ledger;
static struct worker workers[WORKERS];
static int dev, objs[OBJECTS], front, back, server_mutex, server_event;
static atomic_int holders[OBJECTS];
static atomic_uint too_many_holders, clients_left, not_as_before;
static atomic_bool stop_signals;

static bool is_mutex(int i)
{
	return i >= SEMS && i < SEMS + MUTEXES;
}

static uint64_t choose_deadline(struct worker *w, unsigned int us)
{
	return stress_now() + stress_below(&w->random, us * 1000);
}

/* ---- tokens ---- */

static void note_acquired(struct worker *w, int i)
{
	int limit = i < SEMS ? SEM_TOKENS : 1;

	w->held[i]++;
	if (is_mutex(i) && w->held[i] > 1)
		return;
	if (atomic_fetch_add(&holders[i], 1) >= limit)
		atomic_fetch_add(&too_many_holders, 1);
}

/* An event is set with or without a priority. */
static int set_event(struct worker *w, int event)
{
	if (stress_below(&w->random, 2))
		return ntsync_event_set(event, NULL);
	return ntsync_event_set_pi(event, SCHED_FIFO, 1 + stress_below(&w->random, 80));
}

/* The count goes down first: after the release another thread may acquire it. */
static void release_one(struct worker *w, int i)
{
	if (!is_mutex(i) || w->held[i] == 1)
		atomic_fetch_sub(&holders[i], 1);
	w->held[i]--;
	if (i < SEMS)
		EXPECT_SUCCESS(ntsync_sem_release(objs[i], 1, NULL));
	else if (is_mutex(i))
		EXPECT_SUCCESS(ntsync_mutex_unlock(objs[i], w->owner, NULL));
	else
		EXPECT_SUCCESS(set_event(w, objs[i]));
}

static void release_all(struct worker *w)
{
	for (int i = 0; i < OBJECTS; i++) {
		while (w->held[i])
			release_one(w, i);
	}
}

/* Any or all of some different objects. */
static void acquire_some(struct worker *w)
{
	unsigned int count = 1 + stress_below(&w->random, 3), first = stress_below(&w->random, OBJECTS);
	struct ntsync_wait_opts opts = { .owner = w->owner, .deadline = choose_deadline(w, 3000) };
	bool all = stress_below(&w->random, 2);
	uint32_t index = 0;
	int fds[3], ret;

	for (unsigned int n = 0; n < count; n++)
		fds[n] = objs[(first + 3 * n) % OBJECTS];
	ret = all ? ntsync_wait_all(dev, fds, count, &opts, &index) :
		    ntsync_wait_any(dev, fds, count, &opts, &index);
	w->timeouts += ret == -ETIMEDOUT;
	w->signals += ret == -EINTR;
	w->grants += !ret;
	if (ret && ret != -ETIMEDOUT && ret != -EINTR)
		stress_expect_success(ret, __LINE__);
	for (unsigned int n = 0; !ret && n < count; n++) {
		if (all || n == index)
			note_acquired(w, (first + 3 * n) % OBJECTS);
	}
}

/* ---- requests ---- */

static void send_request(struct worker *w, int channel)
{
	uint32_t prio = stress_below(&w->random, 2) ? stress_below(&w->random, 90) : 0;
	uint64_t payload = ledger_open(ledger, w - workers);
	int ret = ntsync_channel_send_pi(channel, SCHED_FIFO, prio, payload, 0);

	ledger_close(ledger, payload, ret);
	w->requests += !ret;
	w->signals += ret == -EINTR;
	/* EAGAIN as the channel is shallow. */
	if (ret && ret != -EINTR && ret != -EAGAIN)
		stress_expect_success(ret, __LINE__);
}

static void *run_client(void *arg)
{
	struct worker *w = arg;

	while (!stress_over(&stress)) {
		if (stress_below(&w->random, 3))
			acquire_some(w);
		if (stress_below(&w->random, 2))
			send_request(w, front);
		if (stress_below(&w->random, 8) == 0)
			EXPECT_SUCCESS(ntsync_channel_register_thread(front, gettid(), w->owner));
		if (stress_below(&w->random, 8) == 0)
			EXPECT_SUCCESS(ntsync_channel_deregister_thread(front, gettid()));
		/* Sometimes it goes on without a release. */
		if (stress_below(&w->random, 4))
			release_all(w);
		if (w->prio)
			stress_sleep(50 * NS_PER_US);
	}
	release_all(w);
	atomic_fetch_sub(&clients_left, 1);
	return NULL;
}

/* ---- servers ---- */

static void wait_in_the_middle(struct worker *w)
{
	struct ntsync_wait_opts opts = { .owner = w->owner, .deadline = choose_deadline(w, 500) };
	const int fds[] = { server_mutex, server_event };
	uint32_t index;
	int ret = ntsync_wait_any(dev, fds, 2, &opts, &index);

	w->grants += !ret;
	if (ret && ret != -ETIMEDOUT)
		stress_expect_success(ret, __LINE__);
	if (!ret && index == 0)
		EXPECT_SUCCESS(ntsync_mutex_unlock(server_mutex, w->owner, NULL));
	else if (!ret)
		EXPECT_SUCCESS(set_event(w, server_event));
}

static void handle_request(struct worker *w, const struct ntsync_channel_request *r)
{
	ledger_execute(ledger, r->payload);
	if (r->token && workers[r->token - 1].owner != r->token)
		stress_expect_success(-EBADMSG, __LINE__);
	if (stress_below(&w->random, 2))
		wait_in_the_middle(w);
	if (w != &workers[LAST] && stress_below(&w->random, 3) == 0) {
		send_request(w, back);
		w->nested++;
	}
}

/* Sometimes it receives two requests at once, and replies in reverse order. */
static bool serve_some(struct worker *w, int channel)
{
	struct ntsync_channel_request r[2];
	bool more = true;
	int n = 1, ret = ntsync_channel_recv2(channel, &r[0]);

	if (!ret && stress_below(&w->random, 4) == 0)
		n += !ntsync_channel_try_recv2(channel, &r[1]);
	if (ret) {
		stress_expect_success(ret, __LINE__);
		return false;
	}
	while (n--) {
		if (r[n].payload == QUIT)
			more = false;
		else
			handle_request(w, &r[n]);
		ret = ntsync_channel_reply(channel, r[n].id);
		w->requests += !ret;
		if (ret && ret != -ENOENT)
			stress_expect_success(ret, __LINE__);
	}
	return more;
}

static void *run_server(void *arg)
{
	struct worker *w = arg;

	while (serve_some(w, w == &workers[LAST] ? back : front))
		;
	return NULL;
}

/* ---- all of them ---- */

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct sched_param param = { .sched_priority = w->prio };

	prctl(PR_SET_TIMERSLACK, 1);
	EXPECT_SUCCESS(-pthread_setschedparam(pthread_self(), w->policy, &param));
	if (w < &workers[CLIENTS])
		run_client(w);
	else
		run_server(w);
	/* The next wait ends an event's boost. */
	ntsync_wait_any(dev, NULL, 0, &(struct ntsync_wait_opts){ .owner = w->owner }, NULL);
	if (!stress_is_scheduled(w->policy, w->prio))
		atomic_fetch_add(&not_as_before, 1);
	return NULL;
}

static void *send_signals(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	for (unsigned int n = 0; !atomic_load(&stop_signals); n++) {
		if (n % 256 == 0)
			stress_handle_signal(n % 512 ? SA_RESTART : 0);
		pthread_kill(workers[stress_below(&random, CLIENTS)].thread, SIGUSR1);
		stress_sleep(200 * NS_PER_US);
	}
	return NULL;
}

static int check_fd(int fd, const char *what)
{
	if (fd < 0)
		exit(stress_bail_out(what, fd));
	return fd;
}

static void make_objects(void)
{
	for (int i = 0; i < OBJECTS; i++)
		objs[i] = check_fd(i < SEMS ? ntsync_sem_create(dev, SEM_TOKENS, 1000) :
				   is_mutex(i) ? ntsync_mutex_create(dev, 0, 0) :
						ntsync_event_create(dev, false, true), "create");
	server_mutex = check_fd(ntsync_mutex_create(dev, 0, 0), "create");
	server_event = check_fd(ntsync_event_create(dev, false, true), "create");
	front = check_fd(ntsync_channel_create(dev, 4), "create");
	back = check_fd(ntsync_channel_create(dev, 4), "create");
}

static void start_threads(pthread_t *signal_thread)
{
	static const int prios[WORKERS] = { [2] = 5, [5] = 30, [CLIENTS + 1] = 10 };

	stress_handle_signal(SA_RESTART);
	atomic_store(&clients_left, CLIENTS);
	for (int i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		w->owner = i + 1;
		w->random = stress_random(&stress.seed) | 1;
		w->prio = prios[i];
		w->policy = w->prio ? SCHED_FIFO : SCHED_OTHER;
		pthread_create(&w->thread, NULL, run_worker, w);
	}
	pthread_create(signal_thread, NULL, send_signals, &stress.seed);
}

static void stop_server(int channel)
{
	EXPECT_SUCCESS(ntsync_channel_send_pi(channel, 0, 0, QUIT, 0));
}

static void end_threads(pthread_t signal_thread)
{
	while (atomic_load(&clients_left))
		stress_sleep(NS_PER_MS);
	/* A signal can't reach an exited thread, and must not be sent to a joined one. */
	atomic_store(&stop_signals, true);
	pthread_join(signal_thread, NULL);
	for (int i = 0; i < SERVERS; i++)
		stop_server(front);
	for (int i = 0; i < LAST; i++)
		pthread_join(workers[i].thread, NULL);
	stop_server(back);
	pthread_join(workers[LAST].thread, NULL);
}

static uint64_t add_up(size_t member)
{
	uint64_t total = 0;

	for (int i = 0; i < LAST; i++)
		total += *(const uint64_t *)((const char *)&workers[i] + member);
	return total;
}

#define SUM(member) ((unsigned long long)add_up(offsetof(struct worker, member)))

static void show_progress(void)
{
	printf("# %llu grants, %llu timed out, %llu interrupted, %llu requests, %llu nested\n",
	       SUM(grants), SUM(timeouts), SUM(signals), SUM(requests), SUM(nested));
}

static bool object_is_complete(int i)
{
	uint32_t a = 0, b = 0;

	if (i < SEMS)
		return !ntsync_sem_read(objs[i], &a, NULL) && a == SEM_TOKENS;
	if (is_mutex(i))
		return !ntsync_mutex_read(objs[i], &a, &b) && !a && !b;
	return !ntsync_event_read(objs[i], NULL, &a) && a;
}

/* A run in which these did not happen proves nothing. */
static bool has_happened(void)
{
	return SUM(grants) && SUM(requests) && SUM(nested) && SUM(signals);
}

static void check_results(void)
{
	bool complete = true;

	for (int i = 0; i < OBJECTS; i++)
		complete &= object_is_complete(i);
	stress_check(&stress, complete, "tokens in = tokens out");
	stress_check(&stress, !too_many_holders, "never more holders than tokens");
	stress_check(&stress, ledger_is_right(ledger), "each is executed as its sender was told");
	stress_check(&stress, !stress_errors, "no unexpected error");
	stress_check(&stress, !not_as_before, "everybody is scheduled as before");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	stress_check(&stress, has_happened(), "grants, requests and interruptions did happen");
}

int main(int argc, char **argv)
{
	pthread_t signal_thread;

	stress_init(&stress, argc, argv);
	stress.complete = has_happened;
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	ledger = ledger_new();
	if (!ledger)
		return stress_bail_out("memory", -ENOMEM);
	make_objects();
	start_threads(&signal_thread);
	stress_watch(&stress, show_progress);
	end_threads(signal_thread);
	show_progress();
	check_results();
	return stress_end(&stress);
}
