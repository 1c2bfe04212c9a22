// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls of several threads at the same time, beside a reference that knows one thing at a
 * time. In each round up to three idle threads begin a call each, at the same moment. The round is
 * over when each thread has returned or sleeps. Then there must be an order of the calls in which
 * the reference does exactly what was seen: which threads have returned what, which still sleep, the
 * state of all that can be queried (random/orders.h).
 *
 * The seed is printed; NTSYNC_TEST_SEED repeats a run, as far as the scheduler does.
 * NTSYNC_TEST_ROUNDS says how many rounds there are, however long they take.
 */
#include "nt_test.h"
#include "random/orders.h"
#include "random/round.h"
#include "../stress/stress.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Whichever comes first. */
#define ROUNDS		2000
#define SECONDS		5
/* How many calls begin at the same time, at most. */
#define MAX_CALLS	3
/* How many rounds a report has, besides the last. */
#define NR_REPORTED	8

struct game;

/**
 * struct worker - a thread that makes calls
 * @game: the game.
 * @t: its number.
 * @thread: the pthread.
 * @runs: it can be joined.
 * @tid: the kernel's id of it.
 * @go: a call is to begin, or the thread is to end.
 * @is_ready: it is attached.
 * @call: the call; NULL: the thread is to end.
 * @delay: how long it dawdles before the call.
 * @result: what the call has returned.
 * @has_returned: @result is valid.
 */
struct worker {
	struct game *game;
	unsigned int t;
	pthread_t thread;
	bool runs;
	atomic_int tid;
	sem_t go;
	sem_t is_ready;
	const struct call *call;
	unsigned int delay;
	struct result result;
	atomic_bool has_returned;
};

/**
 * struct game - a run of the test
 * @f: the table.
 * @random: the state of the random numbers.
 * @round: the round.
 * @earlier: the rounds before it: round N is at N % NR_REPORTED.
 * @busy: the threads that sleep in a call of an earlier round, or have one in this round.
 * @workers: the threads.
 * @lock: for @nr_arrived, which counts the round's threads that are at the start.
 * @all_arrived: they are all there.
 * @progress: a call has returned.
 * @nr_calls: how many calls the round has.
 * @seen: what was seen after the last round.
 * @states: what the reference says about the table.
 * @closest: the order that came closest if none was right.
 * @next_apc: the next APC's routine.
 * @number: of the round.
 * @nr_woken: how many calls have slept in one round and returned in a later one.
 * @most_states: how many states were possible at the same time.
 */
struct game {
	struct fixture *f;
	uint64_t random;
	struct round round;
	struct round earlier[NR_REPORTED];
	bool busy[NR_THREADS];
	struct worker workers[NR_THREADS];
	pthread_mutex_t lock;
	pthread_cond_t all_arrived;
	unsigned int nr_arrived;
	sem_t progress;
	unsigned int nr_calls;
	struct observation seen;
	struct states states;
	struct attempt closest;
	int32_t next_apc;
	unsigned int number;
	unsigned int nr_woken;
	unsigned int most_states;
};

/* -- The threads -------------------------------------------------------------------------- */

/* So that the calls begin at the same moment, and now and then not quite. */
static void meet_at_start(struct worker *w)
{
	struct game *g = w->game;

	pthread_mutex_lock(&g->lock);
	if (++g->nr_arrived == g->nr_calls)
		pthread_cond_broadcast(&g->all_arrived);
	while (g->nr_arrived < g->nr_calls)
		pthread_cond_wait(&g->all_arrived, &g->lock);
	pthread_mutex_unlock(&g->lock);
	for (unsigned int i = 0; i < w->delay; i++)
		atomic_signal_fence(memory_order_seq_cst);
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct ntsync_nt *nt = w->game->f->nt;
	bool ends = false;

	if (ntsync_nt_thread_attach(nt, FIRST_TID + w->t))
		abort();
	atomic_store(&w->tid, gettid());
	sem_post(&w->is_ready);
	while (!ends) {
		while (sem_wait(&w->go))
			;
		ends = !w->call || w->call->kind == CALL_END;
		if (w->call)
			meet_at_start(w);
		if (w->call)
			w->result = round_call(nt, w->call);
		atomic_store(&w->has_returned, true);
		sem_post(&w->game->progress);
	}
	return NULL;
}

/* Not every state that is possible so far permits each handle. */
static void start_thread_in_states(struct game *g, unsigned int t, uint32_t handle)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < g->states.nr; i++) {
		struct model *m = &g->states.all[kept];

		if (i != kept)
			*m = g->states.all[i];
		kept += model_start_thread(m, t, handle);
	}
	g->states.nr = kept;
	assert_true(kept > 0);
}

static void start_worker(struct game *g, unsigned int t)
{
	struct worker *w = &g->workers[t];
	uint32_t handle;
	uint32_t status = ntsync_nt_thread_create_object(g->f->nt, &handle, FIRST_TID + t);

	/* Another thread may have created it. */
	if (status)
		assert_status(status, NTSYNC_STATUS_INVALID_PARAMETER);
	start_thread_in_states(g, t, handle);
	assert_int_equal(pthread_create(&w->thread, NULL, run_worker, w), 0);
	w->runs = true;
	while (sem_wait(&w->is_ready))
		;
}

static void start_workers(struct game *g)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct worker *w = &g->workers[t];

		w->game = g;
		w->t = t;
		sem_init(&w->go, 0, 0);
		sem_init(&w->is_ready, 0, 0);
		start_worker(g, t);
	}
}

static void end_worker(struct worker *w)
{
	w->call = NULL;
	sem_post(&w->go);
	pthread_join(w->thread, NULL);
}

/* By a stop of the table. All wake up before one ends: it may abandon a mutant that others wait for. */
static void wake_sleepers(struct game *g)
{
	assert_ok(ntsync_nt_stop(g->f->nt, NTSYNC_STATUS_CANCELLED));
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct worker *w = &g->workers[t];

		if (!g->busy[t])
			continue;
		while (!atomic_load(&w->has_returned))
			sched_yield();
		assert_status(w->result.status, NTSYNC_STATUS_CANCELLED);
	}
}

static void end_workers(struct game *g)
{
	wake_sleepers(g);
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct worker *w = &g->workers[t];

		if (w->runs)
			end_worker(w);
		sem_destroy(&w->go);
		sem_destroy(&w->is_ready);
	}
	ntsync_nt_resume(g->f->nt);
}

/* -- A round ------------------------------------------------------------------------------ */

static void begin_calls(struct game *g)
{
	pthread_mutex_lock(&g->lock);
	g->nr_arrived = 0;
	pthread_mutex_unlock(&g->lock);
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct worker *w = &g->workers[t];

		if (!g->round.began[t])
			continue;
		w->call = &g->round.calls[t];
		w->delay = stress_below(&g->random, 2) ? 0 : stress_below(&g->random, 10000);
		atomic_store(&w->has_returned, false);
		sem_post(&w->go);
	}
}

static bool has_returned(struct game *g, unsigned int t)
{
	struct worker *w = &g->workers[t];

	/* What ends with the thread has happened when it can be joined. */
	if (g->round.calls[t].kind == CALL_END && w->runs) {
		pthread_join(w->thread, NULL);
		w->runs = false;
	}
	return atomic_load(&w->has_returned);
}

/* Notes who has returned. False: some thread has, or one is still running that does not sleep long. */
static bool have_all_returned(struct game *g)
{
	bool all = true;

	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (!g->busy[t] || g->round.returned[t])
			continue;
		if (has_returned(g, t)) {
			g->round.returned[t] = true;
			g->round.results[t] = g->workers[t].result;
			all = false;
		} else if (g->round.calls[t].patience != WAITS_FOR_EVER) {
			all = false;
		}
	}
	return all;
}

static bool do_others_sleep(struct game *g)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct worker *w = &g->workers[t];

		if (g->busy[t] && !g->round.returned[t] &&
		    (!env_asleep(atomic_load(&w->tid)) || atomic_load(&w->has_returned)))
			return false;
	}
	return true;
}

/* Until a call returns, or it is time to look whether the threads sleep. */
static void wait_for_progress(struct game *g)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_nsec += NS_PER_MS / 2;
	if (when.tv_nsec >= (long)NS_PER_SEC) {
		when.tv_nsec -= NS_PER_SEC;
		when.tv_sec++;
	}
	sem_clockwait(&g->progress, CLOCK_MONOTONIC, &when);
}

/*
 * A thread that was seen asleep may be woken by one that is looked at later. By then that one has
 * returned, so the next look finds either the change or that there is none any more.
 */
static void wait_until_quiet(struct game *g)
{
	unsigned int quiet = 0;

	while (quiet < 2) {
		quiet = have_all_returned(g) && do_others_sleep(g) ? quiet + 1 : 0;
		if (!quiet)
			wait_for_progress(g);
	}
}

static void replace_ended_threads(struct game *g)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (g->round.began[t] && g->round.calls[t].kind == CALL_END)
			start_worker(g, t);
	}
}

static void choose_calls(struct game *g)
{
	unsigned int count = 1 + stress_below(&g->random, MAX_CALLS);
	unsigned int first = stress_below(&g->random, NR_THREADS);

	g->nr_calls = 0;
	memset(g->round.began, 0, sizeof(g->round.began));
	memset(g->round.returned, 0, sizeof(g->round.returned));
	for (unsigned int i = 0; i < NR_THREADS && g->nr_calls < count; i++) {
		unsigned int t = (first + i) % NR_THREADS;

		if (g->busy[t])
			continue;
		round_choose_call(&g->round, g->busy, t, &g->states.all[0], &g->random);
		if (g->round.calls[t].kind == CALL_QUEUE_USER_APC)
			g->round.calls[t].number = ++g->next_apc;
		g->round.began[t] = true;
		g->busy[t] = true;
		g->nr_calls++;
	}
}

static void count_round(struct game *g)
{
	for (unsigned int t = 0; t < NR_THREADS; t++)
		g->nr_woken += g->round.returned[t] && !g->round.began[t];
	if (g->states.nr > g->most_states)
		g->most_states = g->states.nr;
}

/* False: no order of the calls explains what was seen. */
static bool play_round(struct game *g)
{
	choose_calls(g);
	begin_calls(g);
	wait_until_quiet(g);
	round_observe(g->f->nt, &g->seen);
	for (unsigned int t = 0; t < NR_THREADS; t++)
		g->busy[t] &= !g->round.returned[t];
	g->number++;
	if (!orders_explain(&g->states, &g->round, &g->seen, &g->closest))
		return false;
	count_round(g);
	g->earlier[g->number % NR_REPORTED] = g->round;
	replace_ended_threads(g);
	return true;
}

static bool play_rounds(struct game *g)
{
	const char *rounds = getenv("NTSYNC_TEST_ROUNDS");
	unsigned int count = rounds ? (unsigned int)atoi(rounds) : ROUNDS;
	uint64_t end = rounds ? UINT64_MAX : now_ns() + SECONDS * NS_PER_SEC;

	/* Without the fixture's watchdog. */
	if (rounds)
		alarm(0);
	while (g->number < count && now_ns() < end) {
		if (!play_round(g))
			return false;
	}
	return true;
}

static void report(const struct game *g)
{
	unsigned int first = g->number > NR_REPORTED ? g->number - NR_REPORTED : 1;

	for (unsigned int i = first; i < g->number; i++)
		round_print_calls(i, &g->earlier[i % NR_REPORTED]);
	round_print(g->number, &g->round, &g->seen, &g->closest);
}

static void play(struct fixture *f, enum ntsync_nt_reuse reuse)
{
	struct game *g = calloc(1, sizeof(*g));
	struct ntsync_nt_config config;
	bool explained;

	assert_non_null(g);
	ntsync_nt_config_init(&config);
	config.reuse = reuse;
	config.quarantine = 8;
	use_config(f, &config);
	g->f = f;
	g->random = random_seed();
	g->round.two_steps =
		!(ntsync_nt_features(f->nt) & NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT);
	sem_init(&g->progress, 0, 0);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->all_arrived, NULL);
	states_init(&g->states);
	model_init(&g->states.all[0], config.reuse, config.quarantine);
	g->states.nr = 1;
	start_workers(g);
	explained = play_rounds(g);
	if (!explained)
		report(g);
	end_workers(g);
	print_message("# %u rounds, %u sleeps ended by others, up to %u states\n", g->number,
		      g->nr_woken, g->most_states);
	/* Else the run proves little. A short one may have bad luck. */
	assert_true(!explained || g->number < 200 || g->nr_woken >= g->number / 20);
	sem_destroy(&g->progress);
	pthread_cond_destroy(&g->all_arrived);
	pthread_mutex_destroy(&g->lock);
	states_free(&g->states);
	free(g);
	assert_true(explained);
}

static void last_in_first_out(void **state)
{
	play(*state, NTSYNC_NT_REUSE_LIFO);
}

static void quarantined(void **state)
{
	play(*state, NTSYNC_NT_REUSE_QUARANTINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(last_in_first_out),
		TEST(quarantined),
		ON_OLD_DRIVER(last_in_first_out),
	};

	return RUN(tests);
}
