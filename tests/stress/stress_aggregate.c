// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tokens in = tokens out, with files among the sources. Objects and eventfds hold tokens. Many
 * threads wait for some of each, by AGGREGATE_WAIT and by WAIT_ANY and WAIT_ALL with a uring_fd,
 * with deadlines of microseconds and interrupted by many signals; they keep what they acquire for a
 * moment and release it. So objects are granted at the moment at which a file, the deadline or a
 * signal ends the wait. Descriptors of the eventfds are closed during the waits and replaced all
 * the time.
 */
#include "stress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libntsync.h"

#define WORKERS 10
#define REALTIME_WORKERS 2
#define SEMS 2
#define MUTEXES 2
#define EVENTS 2
#define OBJECTS (SEMS + MUTEXES + EVENTS)
#define FILES 3
#define SEM_TOKENS 2
#define FILE_TOKENS 1

enum kind { SEM, MUTEX, EVENT };

struct counts {
	uint64_t calls, objects, files, alls, timeouts, signals, late, closed;
};

struct worker {
	pthread_t thread;
	uint32_t owner;
	uint64_t random;
	bool realtime;
	unsigned int held[OBJECTS], held_files;
	struct counts counts;
};

static struct stress stress;
static int dev, objs[OBJECTS], files[FILES];
/* A second descriptor of each of @files, which is closed and replaced. */
static atomic_int slots[FILES];
static struct worker workers[WORKERS];
static atomic_int holders[OBJECTS];
static atomic_uint too_many_holders, wrong_results;
static atomic_bool stop_others;

static enum kind choose_kind(int i)
{
	return i < SEMS ? SEM : i < SEMS + MUTEXES ? MUTEX : EVENT;
}

static void count_if_wrong(bool wrong, int line)
{
	if (wrong && atomic_fetch_add(&wrong_results, 1) < 10)
		printf("# line %d: wrong result\n", line);
}

#define WRONG_IF(cond) count_if_wrong(cond, __LINE__)

/* ---- what is taken and given back ---- */

static void note_acquired(struct worker *w, int i)
{
	static const int limits[] = { [SEM] = SEM_TOKENS, [MUTEX] = 1, [EVENT] = 1 };
	enum kind kind = choose_kind(i);

	w->held[i]++;
	/* A mutex counts once, however often its owner has acquired it. */
	if (kind == MUTEX && w->held[i] > 1)
		return;
	if (atomic_fetch_add(&holders[i], 1) >= limits[kind])
		atomic_fetch_add(&too_many_holders, 1);
}

/* The holder count goes down first: after the release another thread may acquire it. */
static void release_one(struct worker *w, int i)
{
	uint32_t prev = 0;

	if (choose_kind(i) != MUTEX || w->held[i] == 1)
		atomic_fetch_sub(&holders[i], 1);
	switch (choose_kind(i)) {
	case SEM:
		EXPECT_SUCCESS(ntsync_sem_release(objs[i], 1, NULL));
		break;
	case MUTEX:
		EXPECT_SUCCESS(ntsync_mutex_unlock(objs[i], w->owner, &prev));
		WRONG_IF(prev != w->held[i]);
		break;
	case EVENT:
		EXPECT_SUCCESS(ntsync_event_set(objs[i], &prev));
		WRONG_IF(prev);
		break;
	}
	w->held[i]--;
}

static void release_all(struct worker *w)
{
	for (int i = 0; i < OBJECTS; i++) {
		while (w->held[i])
			release_one(w, i);
	}
	for (; w->held_files; w->held_files--)
		eventfd_write(files[stress_below(&w->random, FILES)], 1);
}

/* The file was ready, but another thread may have read it since, or closed it. */
static void read_file(struct worker *w, int fd)
{
	eventfd_t value;

	if (!eventfd_read(fd, &value)) {
		w->held_files++;
		w->counts.files++;
	} else {
		w->counts.late++;
	}
}

/* ---- waits ---- */

/* True if the call succeeded. */
static bool check_succeeded(struct worker *w, int ret, int line)
{
	w->counts.calls++;
	w->counts.timeouts += ret == -ETIMEDOUT;
	w->counts.signals += ret == -EINTR;
	w->counts.closed += ret == -EBADF;
	if (ret && ret != -ETIMEDOUT && ret != -EINTR && ret != -EBADF)
		stress_expect_success(ret, line);
	return !ret;
}

static int choose_file(struct worker *w)
{
	return atomic_load(&slots[stress_below(&w->random, FILES)]);
}

/* @chosen: the object of each source, -1 for a file. Sometimes the previous ones again. */
static unsigned int choose_sources(struct worker *w, struct ntsync_aggregate_source *sources,
				   int *chosen)
{
	bool many = !stress_below(&w->random, 3);
	unsigned int count = 1 + stress_below(&w->random, many ? NTSYNC_AGG_MAX : 4);

	for (unsigned int i = 0; i < count; i++) {
		chosen[i] = stress_below(&w->random, 3) ? (int)stress_below(&w->random, OBJECTS) :
							  -1;
		sources[i] = (struct ntsync_aggregate_source){
			.type = chosen[i] < 0 ? NTSYNC_AGG_FD : NTSYNC_AGG_OBJECT,
			.events = chosen[i] < 0 ? POLLIN : 0,
			.fd = chosen[i] < 0 ? choose_file(w) : objs[chosen[i]],
		};
	}
	return count;
}

static void wait_aggregate(struct worker *w)
{
	struct ntsync_aggregate_source sources[NTSYNC_AGG_MAX];
	int chosen[NTSYNC_AGG_MAX];
	const unsigned int count = choose_sources(w, sources, chosen);
	const struct ntsync_aggregate_opts opts = {
		.owner = w->owner, .deadline = stress_deadline(&w->random),
	};
	uint32_t index = ~0u, events = ~0u;

	if (!check_succeeded(w, ntsync_aggregate_wait(dev, sources, count, &opts, &index, &events),
			     __LINE__))
		return;
	WRONG_IF(index >= count);
	if (index >= count)
		return;
	WRONG_IF(events != (chosen[index] < 0 ? (uint32_t)POLLIN : 0));
	if (chosen[index] < 0) {
		read_file(w, sources[index].fd);
		return;
	}
	w->counts.objects++;
	note_acquired(w, chosen[index]);
}

static void wait_with_uring_fd(struct worker *w)
{
	bool all = stress_below(&w->random, 2);
	/* Two neighbours, for a wait for all. */
	int first = stress_below(&w->random, OBJECTS - 1);
	const int fds[] = { objs[first], objs[first + 1] };
	const struct ntsync_wait_opts opts = {
		.owner = w->owner, .deadline = stress_deadline(&w->random), .uring_fd = choose_file(w),
	};
	uint32_t index = ~0u;
	int ret = all ? ntsync_wait_all(dev, fds, 2, &opts, &index) :
			ntsync_wait_any(dev, fds, 2, &opts, &index);

	if (!check_succeeded(w, ret, __LINE__))
		return;
	if (index == NTSYNC_INDEX_URING_READY) {
		read_file(w, opts.uring_fd);
		return;
	}
	WRONG_IF(index > 1 || (all && index));
	w->counts.alls += all;
	note_acquired(w, first + index);
	if (all)
		note_acquired(w, first + 1);
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct sched_param param = { .sched_priority = w->owner };

	/* With the default slack of 50 µs a timeout would hardly ever meet a grant. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (w->realtime)
		pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	while (!stress_over(&stress)) {
		if (stress_below(&w->random, 4))
			wait_aggregate(w);
		else
			wait_with_uring_fd(w);
		/* Sometimes it waits for more before it releases. */
		if (stress_below(&w->random, 4))
			release_all(w);
		/* So that the other threads run too. */
		if (w->realtime)
			stress_sleep(50 * NS_PER_US);
	}
	release_all(w);
	return NULL;
}

/* ---- what happens to them ---- */

/* Sends signals, and replaces descriptors. */
static void *send_signals(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	for (unsigned int n = 0; !atomic_load(&stop_others); n++) {
		unsigned int i = stress_below(&random, FILES);

		if (n % 512 == 0)
			stress_handle_signal(n % 1024 ? SA_RESTART : 0);
		pthread_kill(workers[stress_below(&random, WORKERS)].thread, SIGUSR1);
		close(atomic_exchange(&slots[i], dup(files[i])));
		stress_sleep(100 * NS_PER_US);
	}
	return NULL;
}

/* ---- the run ---- */

static void make_sources(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		/* With room for one token too many, which the check would find. */
		objs[i] = choose_kind(i) == SEM   ? ntsync_sem_create(dev, SEM_TOKENS, 1000) :
			  choose_kind(i) == MUTEX ? ntsync_mutex_create(dev, 0, 0) :
						ntsync_event_create(dev, false, true);
		if (objs[i] < 0)
			exit(stress_bail_out("create", objs[i]));
	}
	for (int i = 0; i < FILES; i++) {
		files[i] = eventfd(FILE_TOKENS, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
		slots[i] = dup(files[i]);
	}
}

static void start_threads(pthread_t *signal_thread, uint64_t *random)
{
	stress_handle_signal(0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		w->owner = i + 1;
		w->random = stress_random(random) | 1;
		w->realtime = i < REALTIME_WORKERS;
		pthread_create(&w->thread, NULL, run_worker, w);
	}
	pthread_create(signal_thread, NULL, send_signals, random);
}

static struct counts add_up_counts(void)
{
	struct counts sum = { 0 };

	for (unsigned int i = 0; i < WORKERS; i++) {
		const struct counts *c = &workers[i].counts;

		sum.calls += c->calls;
		sum.objects += c->objects;
		sum.files += c->files;
		sum.alls += c->alls;
		sum.timeouts += c->timeouts;
		sum.signals += c->signals;
		sum.late += c->late;
		sum.closed += c->closed;
	}
	return sum;
}

static void show_progress(void)
{
	struct counts sum = add_up_counts();

	printf("# waits %llu: objects %llu, files %llu (late %llu), alls %llu, timed out %llu, "
	       "interrupted %llu, closed %llu\n", (unsigned long long)sum.calls,
	       (unsigned long long)sum.objects, (unsigned long long)sum.files,
	       (unsigned long long)sum.late, (unsigned long long)sum.alls,
	       (unsigned long long)sum.timeouts, (unsigned long long)sum.signals,
	       (unsigned long long)sum.closed);
}

static bool object_is_whole(int i)
{
	uint32_t first = ~0u, second = ~0u;

	switch (choose_kind(i)) {
	case SEM:
		EXPECT_SUCCESS(ntsync_sem_read(objs[i], &first, &second));
		return first == SEM_TOKENS;
	case MUTEX:
		EXPECT_SUCCESS(ntsync_mutex_read(objs[i], &first, &second));
		return !first && !second;
	default:
		EXPECT_SUCCESS(ntsync_event_read(objs[i], &first, &second));
		return second == 1;
	}
}

static bool files_are_whole(void)
{
	unsigned int tokens = 0;
	eventfd_t value;

	for (int i = 0; i < FILES; i++) {
		while (!eventfd_read(files[i], &value))
			tokens += value;
	}
	return tokens == FILES * FILE_TOKENS;
}

/* A run in which these did not happen proves nothing. */
static bool has_happened(void)
{
	struct counts sum = add_up_counts();

	return sum.objects && sum.files && sum.alls && sum.timeouts && sum.signals;
}

static void check_results(void)
{
	bool whole = true;

	for (int i = 0; i < OBJECTS; i++) {
		if (object_is_whole(i))
			continue;
		printf("# object %d has lost or gained a token\n", i);
		whole = false;
	}
	stress_check(&stress, whole, "objects: tokens in = tokens out");
	stress_check(&stress, files_are_whole(), "files: tokens in = tokens out");
	stress_check(&stress, !too_many_holders, "never more holders than tokens");
	stress_check(&stress, !wrong_results, "positions and events are right");
	stress_check(&stress, !stress_errors, "no unexpected error");
	stress_check(&stress, has_happened(), "objects, files, time-outs and interruptions did happen");
}

int main(int argc, char **argv)
{
	pthread_t signal_thread;
	uint64_t random;

	stress_init(&stress, argc, argv);
	stress.complete = has_happened;
	random = stress.seed;
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	make_sources();
	start_threads(&signal_thread, &random);
	while (!stress_over(&stress))
		stress_sleep(100 * NS_PER_MS);
	/* A signal can't reach an exited thread, and must not be sent to a joined one. */
	atomic_store(&stop_others, true);
	pthread_join(signal_thread, NULL);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	show_progress();
	check_results();
	return stress_end(&stress);
}
