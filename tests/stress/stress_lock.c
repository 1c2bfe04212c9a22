// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks of ntsync_lock.h, used by threads of many priorities. Holders are counted, and so are tokens.
 * A wake-up that is lost leaves a thread asleep for ever: threads without a deadline have to come to
 * their end. Meanwhile waits time out after microseconds, signals interrupt them, and the pages of the
 * locks are taken away.
 *
 * First with keys of the process, then with keys of the file, and then everything is a futex.
 */
#include "stress.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ntsync_lock.h"

#define WORKERS 12
#define LOCKS 3
#define TOKENS 3

/*
 * struct words - the locks, and what they protect
 * @inside: of each critical section, who is in it
 * @writers, @readers: of each reader/writer lock
 * @tokens: protected by @token_cs, for each kind of lock that a condition variable can have
 */
struct words {
	struct ntsync_cs cs[LOCKS];
	struct ntsync_rw rw[LOCKS];
	struct ntsync_cs token_cs;
	struct ntsync_rw token_rw;
	struct ntsync_cond returned[2];
	int tokens[2];
	int inside[LOCKS];
	int writers[LOCKS];
	atomic_int readers[LOCKS];
};

static struct {
	atomic_ullong entered, written, read, taken, timeouts;
	atomic_uint wrong;
	atomic_int ended;
	atomic_bool stop;
} seen;

struct worker {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
};

static struct stress stress;
static struct words *words;
static int dev;
static uint32_t locker_flags;

static void check(bool ok)
{
	if (!ok)
		atomic_fetch_add(&seen.wrong, 1);
}

static int own_prio(unsigned int number)
{
	return number % 3 ? 0 : 10 + (int)number;
}

static uint64_t pick_deadline(uint64_t *random)
{
	if (stress_below(random, 2))
		return NTSYNC_WAIT_FOREVER;
	return stress_now() + stress_below(random, 300) * NS_PER_US;
}

static void stay_inside(uint64_t *random)
{
	if (!stress_below(random, 4))
		stress_sleep(stress_below(random, 100) * NS_PER_US);
}

/* It has the lock. False: the deadline has passed. */
static bool has_got(int ret)
{
	atomic_fetch_add(&seen.timeouts, ret == -ETIMEDOUT);
	if (ret != -ETIMEDOUT)
		stress_expect(ret, 0, "a lock");
	return !ret;
}

/* ---- one of each lock ---- */

static void use_cs(struct ntsync_locker *me, uint64_t *random)
{
	unsigned int i = stress_below(random, LOCKS);
	bool twice = stress_below(random, 2);

	if (!has_got(ntsync_cs_enter_until(me, &words->cs[i], pick_deadline(random))))
		return;
	if (twice)
		EXPECT_SUCCESS(ntsync_cs_enter(me, &words->cs[i]));
	check(!words->inside[i]++);
	stay_inside(random);
	check(!--words->inside[i]);
	if (twice)
		EXPECT_SUCCESS(ntsync_cs_leave(me, &words->cs[i]));
	EXPECT_SUCCESS(ntsync_cs_leave(me, &words->cs[i]));
	atomic_fetch_add(&seen.entered, 1);
}

static void write_rw(struct ntsync_locker *me, uint64_t *random)
{
	unsigned int i = stress_below(random, LOCKS);

	if (!has_got(ntsync_rw_lock_until(me, &words->rw[i], pick_deadline(random))))
		return;
	check(!words->writers[i]++ && !atomic_load(&words->readers[i]));
	stay_inside(random);
	check(!--words->writers[i] && !atomic_load(&words->readers[i]));
	EXPECT_SUCCESS(ntsync_rw_unlock(me, &words->rw[i]));
	atomic_fetch_add(&seen.written, 1);
}

static void read_rw(struct ntsync_locker *me, uint64_t *random)
{
	unsigned int i = stress_below(random, LOCKS);

	if (!has_got(ntsync_rw_lock_shared_until(me, &words->rw[i], pick_deadline(random))))
		return;
	atomic_fetch_add(&words->readers[i], 1);
	check(!words->writers[i]);
	stay_inside(random);
	check(!words->writers[i]);
	atomic_fetch_sub(&words->readers[i], 1);
	EXPECT_SUCCESS(ntsync_rw_unlock_shared(me, &words->rw[i]));
	atomic_fetch_add(&seen.read, 1);
}

/* ---- tokens, with a condition variable ---- */

static void lock_tokens(struct ntsync_locker *me, bool rw)
{
	EXPECT_SUCCESS(rw ? ntsync_rw_lock(me, &words->token_rw) :
			    ntsync_cs_enter(me, &words->token_cs));
}

static void unlock_tokens(struct ntsync_locker *me, bool rw)
{
	EXPECT_SUCCESS(rw ? ntsync_rw_unlock(me, &words->token_rw) :
			    ntsync_cs_leave(me, &words->token_cs));
}

static bool take_token(struct ntsync_locker *me, bool rw, uint64_t deadline)
{
	bool got = true;

	lock_tokens(me, rw);
	while (!words->tokens[rw] && got)
		got = has_got(rw ? ntsync_cond_wait_rw(me, &words->returned[rw], &words->token_rw,
						       false, deadline) :
				   ntsync_cond_wait_cs(me, &words->returned[rw], &words->token_cs,
						       deadline));
	/* A wake that it has got with the timeout must not be lost. */
	got = words->tokens[rw] > 0;
	words->tokens[rw] -= got;
	unlock_tokens(me, rw);
	return got;
}

static void use_token(struct ntsync_locker *me, uint64_t *random)
{
	bool rw = stress_below(random, 2);

	if (!take_token(me, rw, pick_deadline(random)))
		return;
	stay_inside(random);
	lock_tokens(me, rw);
	check(++words->tokens[rw] <= TOKENS);
	unlock_tokens(me, rw);
	EXPECT_SUCCESS(stress_below(random, 4) ? ntsync_cond_wake(me, &words->returned[rw]) :
						 ntsync_cond_wake_all(me, &words->returned[rw]));
	atomic_fetch_add(&seen.taken, 1);
}

/* ---- threads ---- */

static void *work(void *arg)
{
	static void (*const uses[])(struct ntsync_locker *me, uint64_t *random) = {
		use_cs, write_rw, read_rw, read_rw, use_token,
	};
	struct worker *w = arg;
	const int prio = own_prio(w->number);
	const struct sched_param param = { .sched_priority = prio };
	struct ntsync_locker me;

	sched_setscheduler(0, prio ? SCHED_FIFO : SCHED_OTHER, &param);
	EXPECT_SUCCESS(ntsync_locker_init(&me, dev, locker_flags));
	while (!atomic_load(&seen.stop)) {
		uses[stress_below(&w->random, ARRAY_SIZE(uses))](&me, &w->random);
		check(!me.held);
		/* Normal threads need the CPU, too. */
		if (prio)
			stress_sleep(20 * NS_PER_US);
	}
	atomic_fetch_add(&seen.ended, 1);
	return NULL;
}

static void *take_pages(void *unused)
{
	while (!atomic_load(&seen.stop)) {
		madvise(words, sizeof(*words), MADV_DONTNEED);
		stress_sleep(30 * NS_PER_US);
	}
	return unused;
}

static void *send_signals(void *arg)
{
	struct worker *w = arg;
	uint64_t random = 77;

	while (!atomic_load(&seen.stop)) {
		pthread_kill(w[stress_below(&random, WORKERS)].thread, SIGUSR1);
		stress_sleep(200 * NS_PER_US);
	}
	return NULL;
}

/* ---- main ---- */

static bool complete(void)
{
	return atomic_load(&seen.entered) > 500 && atomic_load(&seen.written) > 500 &&
	       atomic_load(&seen.read) > 500 && atomic_load(&seen.taken) > 500 &&
	       atomic_load(&seen.timeouts) > 20;
}

static void show(void)
{
	printf("# %llu entered, %llu written, %llu read, %llu tokens, %llu timeouts\n",
	       atomic_load(&seen.entered), atomic_load(&seen.written), atomic_load(&seen.read),
	       atomic_load(&seen.taken), atomic_load(&seen.timeouts));
}

/* Ends the program if a thread sleeps for ever. */
static void await_threads(const char *kind)
{
	uint64_t end = stress_now() + 60 * NS_PER_SEC;

	while (atomic_load(&seen.ended) < WORKERS && stress_now() < end)
		stress_sleep(NS_PER_MS);
	if (atomic_load(&seen.ended) == WORKERS)
		return;
	show();
	printf("# %s: %d of %d threads have ended\n", kind, atomic_load(&seen.ended), WORKERS);
	stress_check(&stress, false, "no wake-up is lost");
	fflush(stdout);
	_exit(stress_end(&stress));
}

/* For @ns, and up to a minute more until enough has happened. */
static void run(uint64_t ns, const char *kind)
{
	struct worker workers[WORKERS];
	pthread_t pages, signals;
	uint64_t seed = stress.seed, end = stress_now() + ns;

	memset(words, 0, sizeof(*words));
	memset(&seen, 0, sizeof(seen));
	words->tokens[0] = TOKENS;
	words->tokens[1] = TOKENS;
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .number = i, .random = stress_random(&seed) };
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	pthread_create(&pages, NULL, take_pages, NULL);
	pthread_create(&signals, NULL, send_signals, workers);
	stress_watch_until(&stress, end, show);
	while (!complete() && stress_now() < end + 60 * NS_PER_SEC)
		stress_sleep(10 * NS_PER_MS);
	atomic_store(&seen.stop, true);
	pthread_join(signals, NULL);
	pthread_join(pages, NULL);
	await_threads(kind);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
}

static bool all_are_free(void)
{
	bool ok = !words->token_cs.word && !words->token_rw.word && words->tokens[0] == TOKENS &&
		  words->tokens[1] == TOKENS;

	for (int i = 0; i < LOCKS; i++)
		ok = ok && !words->cs[i].word && !words->rw[i].word && !words->inside[i];
	for (int i = 0; i < 2; i++)
		ok = ok && !words->returned[i].waiters;
	return ok;
}

static void run_and_check(uint64_t ns, const char *kind)
{
	char text[80];

	run(ns, kind);
	show();
	snprintf(text, sizeof(text), "%s: nobody was inside with another one", kind);
	stress_check(&stress, !atomic_load(&seen.wrong), text);
	snprintf(text, sizeof(text), "%s: all threads have ended, and locks are free", kind);
	stress_check(&stress, all_are_free(), text);
	snprintf(text, sizeof(text), "%s: enough has happened", kind);
	stress_check(&stress, complete(), text);
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
}

int main(int argc, char **argv)
{
	struct ntsync_features found;
	uint64_t third;

	words = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		return stress_bail_out("mmap", -errno);
	stress_init(&stress, argc, argv);
	third = stress.seconds * NS_PER_SEC / 3;
	stress_handle_signal(0);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	if (ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_ADDRESS))
		return stress_skip("the driver has no waits on addresses");
	run_and_check(third, "process");
	locker_flags = NTSYNC_LOCKER_SHARED;
	run_and_check(third, "file");
	close(dev);
	dev = -1;
	run_and_check(third, "futex");
	stress_check(&stress, !atomic_load(&stress_errors), "every call succeeded");
	return stress_end(&stress);
}
