// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks and a semaphore in memory, made of waits on addresses. Holders are counted, and so are tokens.
 * A wake-up that is lost leaves a thread asleep for ever: threads without a deadline have to come to
 * their end. Meanwhile waits time out after microseconds, signals interrupt them, threads are killed
 * in another process, the pages of the words are taken away, and each waiter names the holder.
 *
 * First with keys of the process, then with keys of the file, and then everything is a futex, by the
 * library.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libntsync.h"

#define WORKERS 10
#define LOCKS 4
#define TOKENS 3
#define MANY_WAITERS 20
#define PAGE 4096
#define WAITERS 0x80000000u

/*
 * struct words - in memory that processes share; the first page is taken out of the page tables all
 * the time
 * @lock: 0, or the holder's tid and WAITERS
 * @holders: who is inside of the lock
 * @tokens: of a semaphore
 * @gate: a generation; all wait for the next one
 */
struct words {
	_Atomic uint32_t lock[LOCKS];
	_Atomic uint32_t tokens;
	_Atomic uint16_t gate;
	char pad[PAGE];
	atomic_int holders[LOCKS];
	atomic_int token_holders;
	atomic_int at_gate;
	atomic_bool last_gate;
	atomic_int ended;
	atomic_ullong locked, timeouts, interrupted, taken, gates, kills, woken;
	atomic_uint wrong;
	atomic_bool stop;
};

struct worker {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
};

static struct stress stress;
static int dev;
static struct words *words;
static uint32_t shared_flag;

static void check(bool ok)
{
	if (!ok)
		atomic_fetch_add(&words->wrong, 1);
}

static int own_prio(unsigned int number)
{
	return number % 3 ? 0 : 10 + (int)number;
}

static int become(int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	return sched_setscheduler(0, prio ? SCHED_FIFO : SCHED_OTHER, &param);
}

static uint64_t pick_deadline(uint64_t *random)
{
	if (stress_below(random, 2))
		return NTSYNC_WAIT_FOREVER;
	return stress_now() + stress_below(random, 300) * NS_PER_US;
}

static int wait_on(const volatile void *word, uint32_t size, uint64_t value, uint32_t owner,
		   uint64_t deadline)
{
	const struct ntsync_addr_opts opts = {
		.deadline = deadline,
		.flags = shared_flag | NTSYNC_ADDR_TAKE_OVER,
		.owner = owner,
	};
	int ret = ntsync_addr_wait(dev, word, size, value, &opts, NULL);

	/* Nobody may be boosted by a holder of another process that is gone. */
	if (ret == -ESRCH || ret == -EINVAL)
		return -EAGAIN;
	atomic_fetch_add(&words->timeouts, ret == -ETIMEDOUT);
	atomic_fetch_add(&words->interrupted, ret == -EINTR);
	if (ret && ret != -ETIMEDOUT && ret != -EAGAIN && ret != -EINTR)
		stress_expect(ret, 0, "ntsync_addr_wait");
	return ret;
}

static int wake_on(const volatile void *word, uint32_t count)
{
	int ret = ntsync_addr_wake(dev, word, count, shared_flag);

	if (ret < 0)
		stress_expect(ret, 0, "ntsync_addr_wake");
	else
		atomic_fetch_add(&words->woken, (unsigned int)ret);
	return ret;
}

/* A thread that does not come has missed its wake-up. */
static bool await_count(atomic_int *count, int want)
{
	uint64_t end = stress_now() + 60 * NS_PER_SEC;

	while (atomic_load(count) < want) {
		if (stress_now() > end)
			return false;
		stress_sleep(100 * NS_PER_US);
	}
	return true;
}

/* ---- a lock ---- */

/* Returns false at the deadline. */
static bool lock_word(_Atomic uint32_t *word, uint32_t tid, uint64_t deadline)
{
	uint32_t waiters = 0;

	for (;;) {
		uint32_t v = 0;
		int ret;

		if (atomic_compare_exchange_strong(word, &v, tid | waiters))
			return true;
		if (!(v & WAITERS) && !atomic_compare_exchange_strong(word, &v, v | WAITERS))
			continue;
		ret = wait_on(word, 4, v | WAITERS, v & ~WAITERS, deadline);
		if (ret == -ETIMEDOUT) {
			/* It may have been woken before, and slept again. */
			if (waiters)
				wake_on(word, 1);
			return false;
		}
		waiters = WAITERS;
	}
}

static void unlock_word(_Atomic uint32_t *word)
{
	if (atomic_exchange(word, 0) & WAITERS)
		wake_on(word, 1);
}

static void use_lock(uint32_t tid, uint64_t *random)
{
	unsigned int i = stress_below(random, LOCKS);

	if (!lock_word(&words->lock[i], tid, pick_deadline(random)))
		return;
	check(!atomic_fetch_add(&words->holders[i], 1));
	if (!stress_below(random, 4))
		stress_sleep(stress_below(random, 100) * NS_PER_US);
	atomic_fetch_add(&words->locked, 1);
	atomic_fetch_sub(&words->holders[i], 1);
	unlock_word(&words->lock[i]);
}

/* ---- a semaphore ---- */

static bool take_token(uint64_t deadline)
{
	bool slept = false;

	for (;;) {
		uint32_t v = atomic_load(&words->tokens);
		int ret;

		if (v && atomic_compare_exchange_strong(&words->tokens, &v, v - 1))
			return true;
		if (v)
			continue;
		ret = wait_on(&words->tokens, 4, 0, 0, deadline);
		if (ret == -ETIMEDOUT) {
			if (slept)
				wake_on(&words->tokens, 1);
			return false;
		}
		slept = true;
	}
}

static void use_token(uint64_t *random)
{
	if (!take_token(pick_deadline(random)))
		return;
	check(atomic_fetch_add(&words->token_holders, 1) < TOKENS);
	if (!stress_below(random, 4))
		stress_sleep(stress_below(random, 100) * NS_PER_US);
	atomic_fetch_sub(&words->token_holders, 1);
	atomic_fetch_add(&words->taken, 1);
	atomic_fetch_add(&words->tokens, 1);
	wake_on(&words->tokens, 1);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t tid = (uint32_t)gettid();

	become(own_prio(w->number));
	while (!atomic_load(&words->stop)) {
		if (stress_below(&w->random, 2))
			use_lock(tid, &w->random);
		else
			use_token(&w->random);
		/* Normal threads need the CPU, too. */
		if (own_prio(w->number))
			stress_sleep(20 * NS_PER_US);
	}
	atomic_fetch_add(&words->ended, 1);
	return NULL;
}

/* ---- a gate that many wait for ---- */

static void *wait_at_gate(void *arg)
{
	struct worker *w = arg;

	become(own_prio(w->number));
	while (!atomic_load(&words->last_gate)) {
		uint16_t seen = atomic_load(&words->gate);

		atomic_fetch_add(&words->at_gate, 1);
		while (atomic_load(&words->gate) == seen)
			wait_on(&words->gate, 2, seen, 0, pick_deadline(&w->random));
	}
	atomic_fetch_add(&words->ended, 1);
	return NULL;
}

/* Opens the gate when all are there; each has to pass, although the waker wakes them only once. */
static void *open_gate(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	bool last;

	do {
		if (!await_count(&words->at_gate, MANY_WAITERS))
			break;
		if (stress_below(&random, 2))
			stress_sleep(stress_below(&random, 1000) * NS_PER_US);
		last = atomic_load(&words->stop);
		atomic_store(&words->last_gate, last);
		atomic_store(&words->at_gate, 0);
		atomic_fetch_add(&words->gate, 1);
		wake_on(&words->gate, stress_below(&random, 2) ? MANY_WAITERS : UINT32_MAX);
		atomic_fetch_add(&words->gates, 1);
	} while (!last);
	return NULL;
}

/* ---- what disturbs them ---- */

static void *take_pages(void *unused)
{
	while (!atomic_load(&words->stop)) {
		madvise(words, PAGE, MADV_DONTNEED);
		stress_sleep(30 * NS_PER_US);
	}
	return unused;
}

static void *send_signals(void *arg)
{
	struct worker *w = arg;
	uint64_t random = 77;

	while (!atomic_load(&words->stop)) {
		pthread_kill(w[stress_below(&random, WORKERS)].thread, SIGUSR1);
		stress_sleep(200 * NS_PER_US);
	}
	return NULL;
}

/* On words that no lock uses: a wake-up that a killed task has got is lost. */
static void wait_until_killed(uint64_t random)
{
	become(stress_below(&random, 2) ? 30 : 0);
	for (;;) {
		wait_on(&words->pad[4 * stress_below(&random, 8) + 2], 4, 0, (uint32_t)getppid(),
			NTSYNC_WAIT_FOREVER);
		stress_sleep(10 * NS_PER_US);
	}
}

static void *kill_processes(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	while (!atomic_load(&words->stop)) {
		uint64_t seed = stress_random(&random);
		pid_t pid[3];

		for (int i = 0; i < 3; i++) {
			pid[i] = fork();
			if (!pid[i])
				wait_until_killed(seed + (uint64_t)i);
		}
		stress_sleep(stress_below(&random, 4000) * NS_PER_US);
		for (unsigned int i = 0; i < 8; i++)
			wake_on(&words->pad[4 * i + 2], 2);
		for (int i = 0; i < 3; i++) {
			if (pid[i] < 0)
				continue;
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
			atomic_fetch_add(&words->kills, 1);
		}
	}
	return NULL;
}

/* ---- main ---- */

static bool complete(void)
{
	return atomic_load(&words->locked) > 500 && atomic_load(&words->taken) > 500 &&
	       atomic_load(&words->timeouts) > 20 && atomic_load(&words->gates) > 10 &&
	       atomic_load(&words->kills) > 5 && atomic_load(&words->woken) > 100;
}

static void show(void)
{
	printf("# %llu locked, %llu tokens, %llu gates, %llu woken, %llu timeouts, %llu interrupted, %llu killed\n",
	       atomic_load(&words->locked), atomic_load(&words->taken), atomic_load(&words->gates),
	       atomic_load(&words->woken), atomic_load(&words->timeouts),
	       atomic_load(&words->interrupted), atomic_load(&words->kills));
}

static struct words *map_words(void)
{
	struct words *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return w == MAP_FAILED ? NULL : w;
}

/* Ends the program if a thread sleeps for ever. */
static void await_threads(const char *kind)
{
	if (await_count(&words->ended, WORKERS + MANY_WAITERS))
		return;
	show();
	printf("# %s: %d of %d threads have ended\n", kind, atomic_load(&words->ended),
	       WORKERS + MANY_WAITERS);
	stress_check(&stress, false, "no wake-up is lost");
	fflush(stdout);
	_exit(stress_end(&stress));
}

/* For @ns, and up to a minute more until enough has happened. */
static void run(uint64_t ns, const char *kind)
{
	struct worker workers[WORKERS], waiters[MANY_WAITERS];
	pthread_t gate, pages, signals, killer;
	uint64_t seed = stress.seed, end = stress_now() + ns;

	memset(words, 0, sizeof(*words));
	words->tokens = TOKENS;
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .number = i, .random = stress_random(&seed) };
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (unsigned int i = 0; i < MANY_WAITERS; i++) {
		waiters[i] = (struct worker){ .number = i, .random = stress_random(&seed) };
		pthread_create(&waiters[i].thread, NULL, wait_at_gate, &waiters[i]);
	}
	pthread_create(&gate, NULL, open_gate, &seed);
	pthread_create(&pages, NULL, take_pages, NULL);
	pthread_create(&signals, NULL, send_signals, workers);
	pthread_create(&killer, NULL, kill_processes, &seed);
	stress_watch_until(&stress, end, show);
	while (!complete() && stress_now() < end + 60 * NS_PER_SEC)
		stress_sleep(10 * NS_PER_MS);
	atomic_store(&words->stop, true);
	pthread_join(signals, NULL);
	pthread_join(killer, NULL);
	pthread_join(pages, NULL);
	await_threads(kind);
	pthread_join(gate, NULL);
	for (unsigned int i = 0; i < MANY_WAITERS; i++)
		pthread_join(waiters[i].thread, NULL);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
}

static void run_and_check(uint64_t ns, const char *kind)
{
	char text[80];
	bool is_free = true;

	run(ns, kind);
	show();
	for (int i = 0; i < LOCKS; i++)
		is_free = is_free && !(atomic_load(&words->lock[i]) & ~WAITERS);
	snprintf(text, sizeof(text), "%s: nobody was inside with another one", kind);
	stress_check(&stress, !atomic_load(&words->wrong), text);
	snprintf(text, sizeof(text), "%s: all threads have ended, and locks are free", kind);
	stress_check(&stress, is_free && atomic_load(&words->tokens) == TOKENS, text);
	snprintf(text, sizeof(text), "%s: enough has happened", kind);
	stress_check(&stress, complete(), text);
}

int main(int argc, char **argv)
{
	struct ntsync_features found;
	uint64_t third;

	words = map_words();
	if (!words)
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
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	shared_flag = NTSYNC_ADDR_SHARED;
	run_and_check(third, "file");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	close(dev);
	dev = -1;
	run_and_check(third, "futex");
	stress_check(&stress, !atomic_load(&stress_errors), "every call succeeded");
	return stress_end(&stress);
}
