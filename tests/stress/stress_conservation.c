// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tokens in = tokens out. Many threads acquire semaphore counts, mutexes and auto-reset events and
 * release them, with deadlines of microseconds and interrupted by many signals, so that grants meet
 * timeouts, interruptions and each other. A wait that was granted something but returns that it
 * timed out, or the other way round, leaves a token missing or doubled. Tokens are counted at the
 * end, and holders are counted all the time.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "libntsync.h"

#define WORKERS 12
#define REALTIME_WORKERS 2
#define SEMS 3
#define MUTEXES 3
#define EVENTS 3
#define OBJECTS (SEMS + MUTEXES + EVENTS)
#define SEM_TOKENS 2
#define POSITIONS 64

enum kind { SEM, MUTEX, EVENT };

/*
 * Only this one is killed: with several, a wait for all may acquire two abandoned ones but reports
 * it once.
 */
#define KILLED SEMS

struct counts {
	uint64_t any, all, alert, timeouts, signals, kills, dead;
};

struct worker {
	pthread_t thread;
	uint32_t owner;
	uint64_t random;
	bool realtime;
	unsigned int held[OBJECTS];
	struct counts counts;
};

static struct stress stress;
static int dev, objs[OBJECTS];
static struct worker workers[WORKERS];

/* The number of holders of each object, as the workers know it. */
static atomic_int holders[OBJECTS];
static atomic_uint too_many_holders, bad_previous, foreign_owner;
static atomic_bool stop_signals;

static enum kind choose_kind(int i)
{
	return i < SEMS ? SEM : i < SEMS + MUTEXES ? MUTEX : EVENT;
}

/* A mutex counts once per owner, however often the owner has acquired it. */
static void note_acquired(struct worker *w, int i)
{
	static const int limits[] = { [SEM] = SEM_TOKENS, [MUTEX] = 1, [EVENT] = 1 };
	enum kind kind = choose_kind(i);

	if (kind == MUTEX && w->held[i]++)
		return;
	if (kind != MUTEX)
		w->held[i]++;
	if (atomic_fetch_add(&holders[i], 1) >= limits[kind])
		atomic_fetch_add(&too_many_holders, 1);
}

static void check_owner(struct worker *w, int i)
{
	uint32_t owner, count;
	int ret = ntsync_mutex_read(objs[i], &owner, &count);

	if (ret || owner != w->owner || count != w->held[i])
		atomic_fetch_add(&foreign_owner, 1);
}

static void unlock(struct worker *w, int i)
{
	uint32_t prev = 0;

	check_owner(w, i);
	if (w->held[i] == 1)
		atomic_fetch_sub(&holders[i], 1);
	EXPECT_SUCCESS(ntsync_mutex_unlock(objs[i], w->owner, &prev));
	if (prev != w->held[i])
		atomic_fetch_add(&bad_previous, 1);
	w->held[i]--;
}

static void kill_own(struct worker *w, int i)
{
	atomic_fetch_sub(&holders[i], 1);
	w->held[i] = 0;
	w->counts.kills++;
	EXPECT_SUCCESS(ntsync_mutex_kill(objs[i], w->owner));
}

/* The holder count goes down first: after the release another thread may acquire it. */
static void release_one(struct worker *w, int i)
{
	uint32_t prev = 0;

	switch (choose_kind(i)) {
	case SEM:
		atomic_fetch_sub(&holders[i], 1);
		w->held[i]--;
		EXPECT_SUCCESS(ntsync_sem_release(objs[i], 1, NULL));
		break;
	case MUTEX:
		if (i == KILLED && stress_below(&w->random, 8) == 0)
			kill_own(w, i);
		else
			unlock(w, i);
		break;
	case EVENT:
		atomic_fetch_sub(&holders[i], 1);
		w->held[i]--;
		EXPECT_SUCCESS(ntsync_event_set(objs[i], &prev));
		/* While this thread has the token the event is not signaled. */
		if (prev)
			atomic_fetch_add(&bad_previous, 1);
		break;
	}
}

static void release_all(struct worker *w)
{
	for (int i = 0; i < OBJECTS; i++) {
		while (w->held[i])
			release_one(w, i);
	}
}

static void note_result(struct worker *w, int ret, bool all, const unsigned int *chosen,
			unsigned int count, uint32_t index)
{
	w->counts.timeouts += ret == -ETIMEDOUT;
	w->counts.signals += ret == -EINTR;
	w->counts.dead += ret == -EOWNERDEAD;
	if (ret == -ETIMEDOUT || ret == -EINTR)
		return;
	if (ret && ret != -EOWNERDEAD) {
		stress_expect_success(ret, __LINE__);
		return;
	}
	w->counts.alert += index == count;
	w->counts.all += all && index != count;
	w->counts.any += !all && index != count;
	if (!all || index == count) {
		note_acquired(w, chosen[index]);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		note_acquired(w, chosen[i]);
}

/*
 * A wait for any of the same few objects at many positions is in many queues, and takes long to
 * leave them: long enough to be granted something meanwhile.
 */
static unsigned int repeat_objects(struct worker *w, unsigned int *chosen, unsigned int count)
{
	unsigned int many = POSITIONS / 4 + stress_below(&w->random, POSITIONS * 3 / 4);

	chosen[many] = chosen[count];
	for (unsigned int i = count; i < many; i++)
		chosen[i] = chosen[stress_below(&w->random, count)];
	return many;
}

static void acquire_some(struct worker *w)
{
	unsigned int count = 1 + stress_below(&w->random, 4);
	bool all = stress_below(&w->random, 3) == 0;
	unsigned int chosen[POSITIONS + 1];
	int fds[POSITIONS + 1], ret;
	struct ntsync_wait_opts opts = { .owner = w->owner, .deadline = stress_deadline(&w->random) };
	uint32_t index = ~0u;

	/* The first @count, and one more as an alert. */
	stress_shuffle(&w->random, chosen, OBJECTS);
	if (!all && stress_below(&w->random, 2))
		count = repeat_objects(w, chosen, count);
	for (unsigned int i = 0; i <= count; i++)
		fds[i] = objs[chosen[i]];
	if (stress_below(&w->random, 4) == 0)
		opts.alert = fds[count];
	ret = all ? ntsync_wait_all(dev, fds, count, &opts, &index) :
		    ntsync_wait_any(dev, fds, count, &opts, &index);
	note_result(w, ret, all, chosen, count, index);
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
		acquire_some(w);
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

static void *send_signals(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	for (unsigned int n = 0; !atomic_load(&stop_signals); n++) {
		if (n % 512 == 0)
			stress_handle_signal(n % 1024 ? SA_RESTART : 0);
		pthread_kill(workers[stress_below(&random, WORKERS)].thread, SIGUSR1);
		stress_sleep(100 * NS_PER_US);
	}
	return NULL;
}

static void make_objects(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		switch (choose_kind(i)) {
		case SEM:
			/* With room for one token too many, which the check would find. */
			objs[i] = ntsync_sem_create(dev, SEM_TOKENS, 1000);
			break;
		case MUTEX:
			objs[i] = ntsync_mutex_create(dev, 0, 0);
			break;
		case EVENT:
			objs[i] = ntsync_event_create(dev, false, true);
			break;
		}
		if (objs[i] < 0)
			exit(stress_bail_out("create", objs[i]));
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

		sum.any += c->any;
		sum.all += c->all;
		sum.alert += c->alert;
		sum.timeouts += c->timeouts;
		sum.signals += c->signals;
		sum.kills += c->kills;
		sum.dead += c->dead;
	}
	return sum;
}

static void show_progress(void)
{
	struct counts sum = add_up_counts();

	printf("# any %llu, all %llu, alert %llu, timed out %llu, interrupted %llu, killed %llu\n",
	       (unsigned long long)sum.any, (unsigned long long)sum.all,
	       (unsigned long long)sum.alert, (unsigned long long)sum.timeouts,
	       (unsigned long long)sum.signals, (unsigned long long)sum.kills);
}

static void check_sems(void)
{
	bool ok = true;

	for (int i = 0; i < SEMS; i++) {
		uint32_t count = 0, max = 0;

		EXPECT_SUCCESS(ntsync_sem_read(objs[i], &count, &max));
		if (count == SEM_TOKENS)
			continue;
		printf("# semaphore %d: %u tokens left of %d\n", i, count, SEM_TOKENS);
		ok = false;
	}
	stress_check(&stress, ok, "semaphore tokens in = tokens out");
}

/* Also counts a mutex that is abandoned: a kill that no wait has returned yet. */
static void check_mutexes(uint64_t *unreported)
{
	bool ok = true;

	for (int i = SEMS; i < SEMS + MUTEXES; i++) {
		uint32_t owner = ~0u, count = ~0u;
		int ret = ntsync_mutex_read(objs[i], &owner, &count);

		*unreported += ret == -EOWNERDEAD;
		if ((!ret || ret == -EOWNERDEAD) && !owner && !count)
			continue;
		printf("# mutex %d: owner %u, count %u\n", i - SEMS, owner, count);
		ok = false;
	}
	stress_check(&stress, ok, "no mutex has an owner that doesn't know");
}

static void check_events(void)
{
	bool ok = true;

	for (int i = SEMS + MUTEXES; i < OBJECTS; i++) {
		uint32_t manual = ~0u, signaled = ~0u;

		EXPECT_SUCCESS(ntsync_event_read(objs[i], &manual, &signaled));
		if (signaled == 1)
			continue;
		printf("# event %d: its token is lost\n", i - SEMS - MUTEXES);
		ok = false;
	}
	stress_check(&stress, ok, "event tokens in = tokens out");
}

/* A run in which these did not happen proves nothing. */
static bool has_happened(void)
{
	struct counts sum = add_up_counts();

	return sum.any && sum.all && sum.alert && sum.timeouts && sum.signals;
}

static void check_results(void)
{
	struct counts sum = add_up_counts();
	uint64_t unreported = 0;

	check_sems();
	check_mutexes(&unreported);
	check_events();
	stress_check(&stress, !too_many_holders, "never more holders than tokens");
	stress_check(&stress, !foreign_owner, "a mutex is always its holder's");
	stress_check(&stress, !bad_previous, "previous states are the holder's");
	stress_check(&stress, sum.kills == sum.dead + unreported, "each kill is reported once");
	stress_check(&stress, !stress_errors, "no unexpected error");
	stress_check(&stress, has_happened(), "grants, time-outs and interruptions did happen");
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
	make_objects();
	start_threads(&signal_thread, &random);
	stress_watch(&stress, show_progress);
	/* A signal can't reach an exited thread, and must not be sent to a joined one. */
	atomic_store(&stop_signals, true);
	pthread_join(signal_thread, NULL);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	show_progress();
	check_results();
	return stress_end(&stress);
}
