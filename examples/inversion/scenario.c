// SPDX-License-Identifier: 0BSD
/* The threads of a scenario, and the objects that they contend for. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libntsync.h>
#include <ntsync_lock.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "inversion.h"

#define CHANNEL 12
#define EVENT 14
#define ABOVE_ALL 90
#define BELOW_ALL 1
#define NS_PER_MS 1000000ull

static int dev, obj[EVENT + 1];
static int file;
static struct ntsync_channel_request request;
static pthread_mutex_t futex;
static int request_pipe[2], reply_pipe[2];
static struct ntsync_cs cs;
static struct ntsync_rw rw;
static struct ntsync_cond cond;
static bool called;
static pid_t server;
static sem_t start, step;
static int acquired;
static uint64_t from, to;
static atomic_bool hog_is_done;
static bool hog_was_first;

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 * NS_PER_MS + ts.tv_nsec;
}

/* Uses @ns of CPU time, not counting other threads. */
static void spend(uint64_t ns)
{
	uint64_t end = now(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Waits for the objects listed at @at, up to a blank; for any, notes which. Returns the last character used. */
static const char *wait_for(uint32_t owner, const char *at, bool all)
{
	struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = owner };
	const char *end = at;
	uint32_t n = 0, index = 0;
	int objs[16] = { 0 };

	for (; *end != ' '; end++)
		objs[n++] = obj[digit(*end)];
	must((all ? ntsync_wait_all : ntsync_wait_any)(dev, objs, n, &opts, &index), "waiting");
	if (!all && n > 1)
		acquired = digit(at[index]);
	return end;
}

/* An aggregate wait for the same and for a file that is never ready. */
static const char *wait_with_file(uint32_t owner, const char *at)
{
	struct ntsync_aggregate_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = owner };
	struct ntsync_aggregate_source sources[16];
	const char *end = at;
	uint32_t n = 0;

	for (; *end != ' '; end++)
		sources[n++] = (struct ntsync_aggregate_source){
			.type = NTSYNC_AGG_OBJECT, .fd = obj[digit(*end)],
		};
	sources[n++] = (struct ntsync_aggregate_source){
		.type = NTSYNC_AGG_FD, .events = POLLIN, .fd = file,
	};
	must(ntsync_aggregate_wait(dev, sources, n, &opts, NULL, NULL), "aggregate wait");
	return end;
}

static void unlock(uint32_t owner, int i)
{
	must(ntsync_mutex_unlock(obj[i], owner, NULL), "unlocking");
}

static void create_owned(uint32_t owner, int i)
{
	close(obj[i]);
	obj[i] = must(ntsync_mutex_create(dev, owner, 1), "mutex");
}

/* The in-tree driver has no EVENT_SET_PI; a plain SET replaces it. */
static void signal_event(void)
{
	int ret = ntsync_event_set_pi(obj[EVENT], SCHED_FIFO, 80);

	if (ret == -ENOTSUP)
		ret = ntsync_event_set(obj[EVENT], NULL);
	must(ret, "setting the event");
}

static void read_byte(const int pipe[2])
{
	char c;

	must(read(pipe[0], &c, 1) == 1 ? 0 : -EIO, "reading from a pipe");
}

static void write_byte(const int pipe[2])
{
	must(write(pipe[1], "", 1) == 1 ? 0 : -EIO, "writing to a pipe");
}

static void serve(void)
{
	server = gettid();
	read_byte(request_pipe);
}

/* A driver without loans leaves it at the call. */
static void call_server(void)
{
	int ret = ntsync_lend(dev, server, 0);

	if (ret != -ENOTSUP)
		must(ret, "lending");
	write_byte(request_pipe);
	read_byte(reply_pipe);
	if (!ret)
		must(ntsync_unlend(dev), "ending the loan");
}

/* The thread has the critical section then. */
static void await_call(struct ntsync_locker *me)
{
	must(ntsync_cs_enter(me, &cs), "entering");
	while (!called)
		must(ntsync_cond_wait_cs(me, &cond, &cs, NTSYNC_WAIT_FOREVER), "condition variable");
}

static void call(struct ntsync_locker *me)
{
	called = true;
	must(ntsync_cond_wake(me, &cond), "condition variable");
}

static void begin(void)
{
	for (int i = 0; i < ROLES; i++)
		sem_post(&start);
}

static void burn(void)
{
	spend(1000 * NS_PER_MS);
	atomic_store(&hog_is_done, true);
}

/* Runs a step that names objects. Returns the last character used. */
static const char *act_on(uint32_t owner, const char *at)
{
	char one[] = { at[1], ' ' };

	switch (*at) {
	case 'L':
		wait_for(owner, one, false);
		return at + 1;
	case 'Y':
		return wait_for(owner, at + 1, false);
	case 'A':
		return wait_for(owner, at + 1, true);
	case 'S':
		return wait_with_file(owner, at + 1);
	case 'C':
		create_owned(owner, digit(at[1]));
		return at + 1;
	case 'U':
		unlock(owner, digit(at[1]));
		return at + 1;
	case 'u':
		unlock(owner, acquired);
		return at;
	}
	return at;
}

/* Runs a step with a lock. False: it is another one. */
static bool act_on_lock(struct ntsync_locker *me, char what)
{
	switch (what) {
	case 'E':
		must(ntsync_cs_enter(me, &cs), "entering");
		return true;
	case 'X':
		must(ntsync_cs_leave(me, &cs), "leaving");
		return true;
	case 'W':
		must(ntsync_rw_lock(me, &rw), "locking");
		return true;
	case 'V':
		must(ntsync_rw_unlock(me, &rw), "unlocking");
		return true;
	case 'd':
		await_call(me);
		return true;
	case 'k':
		call(me);
		return true;
	}
	return false;
}

static void act(char what)
{
	switch (what) {
	case 'P':
		return signal_event();
	case 's':
		must(ntsync_channel_send_pi(obj[CHANNEL], SCHED_FIFO, 80, 0, 0), "sending");
		return;
	case 'r':
		must(ntsync_channel_try_recv2(obj[CHANNEL], &request), "receiving");
		return;
	case 'R':
		must(ntsync_channel_reply(obj[CHANNEL], request.id), "replying");
		return;
	case 'l':
		return call_server();
	case 'v':
		return serve();
	case 'a':
		return write_byte(reply_pipe);
	case 'p':
		must(-pthread_mutex_lock(&futex), "PI futex");
		return;
	case 'q':
		must(-pthread_mutex_unlock(&futex), "PI futex");
		return;
	case '.':
		sem_wait(&start);
		return;
	case 'g':
		return begin();
	case 'w':
		return spend(NS_PER_MS);
	case 'b':
		return burn();
	case ',':
		sem_wait(&step);
		return;
	case '!':
		sem_post(&step);
		return;
	case '<':
		from = now(CLOCK_MONOTONIC);
		return;
	case '>':
		to = now(CLOCK_MONOTONIC);
		hog_was_first = atomic_load(&hog_is_done);
		return;
	}
}

static void *run_role(void *arg)
{
	const char *at = ((struct role *)arg)->program;
	struct ntsync_locker me;

	must(ntsync_locker_init(&me, dev, 0), "a thread's locker");
	for (; *at; at++) {
		if (strchr("LYASCUu", *at))
			at = act_on(me.tid, at);
		else if (!act_on_lock(&me, *at))
			act(*at);
	}
	return NULL;
}

void set_prio(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	must(sched_setscheduler(0, SCHED_FIFO, &param) ? -errno : 0, "real-time priorities");
}

/*
 * Returns when the thread sleeps or has ended: its priority is higher, and there is one CPU. Under a debugger it
 * may also return before the thread has begun. Each thread unlocks what it has locked, so the scenario ends
 * in any order.
 */
static pthread_t start_role(struct role *r)
{
	pthread_t thread;
	char name[16];

	set_prio(r->prio);
	must(-pthread_create(&thread, NULL, run_role, r), "a thread");
	snprintf(name, sizeof(name), r->prio == 50 ? "hog" : "FIFO %d", r->prio);
	pthread_setname_np(thread, name);
	set_prio(BELOW_ALL);
	return thread;
}

static void create_objects(uint64_t features)
{
	pthread_mutexattr_t attr;

	dev = must(ntsync_open(), "/dev/ntsync");
	for (int i = 0; i < CHAIN; i++)
		obj[i] = must(ntsync_mutex_create(dev, 0, 0), "mutex");
	obj[EVENT] = must(ntsync_event_create(dev, false, false), "event");
	if (features & NTSYNC_FEATURE_CHANNEL)
		obj[CHANNEL] = must(ntsync_channel_create(dev, 1), "channel");
	must(pipe2(request_pipe, O_CLOEXEC) || pipe2(reply_pipe, O_CLOEXEC) ? -errno : 0, "pipes");
	file = eventfd(0, EFD_CLOEXEC);
	must(file < 0 ? -errno : 0, "eventfd");
	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), "PI futex");
	must(-pthread_mutex_init(&futex, &attr), "PI futex");
	sem_init(&start, 0, 0);
	sem_init(&step, 0, 0);
	atomic_store(&hog_is_done, false);
	memset(&cs, 0, sizeof(cs));
	memset(&rw, 0, sizeof(rw));
	memset(&cond, 0, sizeof(cond));
	called = false;
	from = 0;
	to = 0;
}

static void close_objects(uint64_t features)
{
	for (int i = 0; i < CHAIN; i++)
		close(obj[i]);
	close(obj[EVENT]);
	if (features & NTSYNC_FEATURE_CHANNEL)
		close(obj[CHANNEL]);
	close(file);
	for (int i = 0; i < 2; i++) {
		close(request_pipe[i]);
		close(reply_pipe[i]);
	}
	close(dev);
}

static bool is_supported(const struct scenario *s, uint64_t features)
{
	uint64_t needed = 0;

	for (int n = 0; s->role[n].prio; n++) {
		if (strchr(s->role[n].program, 'S'))
			needed |= NTSYNC_FEATURE_AGGREGATE_WAIT;
		if (strpbrk(s->role[n].program, "srR"))
			needed |= NTSYNC_FEATURE_CHANNEL | NTSYNC_FEATURE_CHANNEL_TRY_RECV2;
	}
	return (features & needed) == needed;
}

struct result run_scenario(struct scenario *s, uint64_t features)
{
	struct role hog = { 50, ".b" };
	pthread_t thread[ROLES + 1];
	int n;

	if (!is_supported(s, features))
		return (struct result){ .supported = false };
	create_objects(features);
	thread[0] = start_role(&hog);
	for (n = 0; s->role[n].prio; n++)
		thread[n + 1] = start_role(&s->role[n]);
	/* None of them runs before all have their start. */
	set_prio(ABOVE_ALL);
	begin();
	for (; n >= 0; n--)
		must(-pthread_join(thread[n], NULL), "joining a thread");
	close_objects(features);
	must(from && to >= from ? 0 : -EINVAL, s->title);
	return (struct result){ true, hog_was_first, (to - from) / 1e6 };
}
