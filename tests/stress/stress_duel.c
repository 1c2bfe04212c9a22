// SPDX-License-Identifier: GPL-2.0-only
/*
 * A grant against a timeout, and a grant against a signal, with two threads.
 *
 * One thread waits; the other releases the only token at the moment at which the wait ends for
 * another reason. Afterwards both threads know where the token must be: with the waiter if its wait
 * succeeded, in the object if not. After each round the moment is adjusted in favour of the loser,
 * so that the two ends keep meeting. A wait over many positions leaves its queues one after the
 * other, and a late grant can still reach it in between.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libntsync.h"

#define WAITER 1u
#define GIVER 2u
#define MAX_POSITIONS 64

enum kind { SEM, MUTEX, EVENT, KINDS };
enum rival { DEADLINE, SIGNAL, RIVALS };

static const char *const kind_names[] = { "semaphore", "mutex", "event" };
static const char *const rival_names[] = { "time-out", "signal" };

/**
 * struct duel - a waiter and a thread that releases the token
 * @obj: holds one token at most
 * @spares: never signaled; the waiter waits for these too
 * @moment: when the wait ends, or is to be interrupted; set before @round
 * @round: the waiter's round; the releasing thread follows with @given
 * @offset: from @moment to the release, adjusted after each round
 * @lost: how often the token was in neither place
 * @doubled: how often the token was in both
 */
struct duel {
	enum kind kind;
	enum rival rival;
	bool all;
	int obj;
	int spares[MAX_POSITIONS];
	pthread_t waiter;
	atomic_ullong moment;
	atomic_uint round, given;
	atomic_int last;
	int64_t offset;
	uint64_t random;
	uint64_t end;
	atomic_bool over;
	unsigned int granted, missed, lost, doubled, errors;
};

static struct stress stress;
static int dev;

static void ignore_signal(int sig)
{
	(void)sig;
}

static bool has_token(const struct duel *d)
{
	const struct ntsync_wait_opts once = { .owner = WAITER };
	uint32_t index;

	return ntsync_wait_any(dev, &d->obj, 1, &once, &index) == 0;
}

static int release_token(const struct duel *d)
{
	switch (d->kind) {
	case SEM:
		return ntsync_sem_release(d->obj, 1, NULL);
	case MUTEX:
		return ntsync_mutex_unlock(d->obj, GIVER, NULL);
	default:
		return ntsync_event_set(d->obj, NULL);
	}
}

/* The waiter has the token and returns it for the next round. */
static int pass_back(const struct duel *d)
{
	const struct ntsync_wait_opts as_giver = { .owner = GIVER };
	uint32_t index;
	int ret;

	if (d->kind != MUTEX)
		return 0;
	ret = ntsync_mutex_unlock(d->obj, WAITER, NULL);
	return ret ? ret : ntsync_wait_any(dev, &d->obj, 1, &as_giver, &index);
}

/* A try on a mutex would recurse: its count is read instead. */
static bool is_left_in_object(const struct duel *d, bool granted)
{
	uint32_t owner = 0, count = 0;

	if (d->kind != MUTEX)
		return has_token(d);
	ntsync_mutex_read(d->obj, &owner, &count);
	if (granted)
		return owner != WAITER || count != 1;
	return !owner && has_token(d);
}

/*
 * The token's object is the first of a wait for any, so the last one that it leaves. In a wait for
 * all the spare objects are signaled, so that only the token is missing.
 */
static int wait_for_token(struct duel *d, uint64_t deadline)
{
	unsigned int count = 1 + stress_below(&d->random, 2) * stress_below(&d->random, 64);
	struct ntsync_wait_opts opts = { .owner = WAITER, .deadline = deadline };
	int objs[MAX_POSITIONS];
	uint32_t index;

	memcpy(objs, d->spares, sizeof(objs));
	objs[0] = d->obj;
	return d->all ? ntsync_wait_all(dev, objs, count, &opts, &index) :
			ntsync_wait_any(dev, objs, count, &opts, &index);
}

static void check_round(struct duel *d, int ret)
{
	bool granted = ret == 0, left = is_left_in_object(d, granted);

	d->granted += granted;
	d->missed += !granted;
	d->doubled += granted && left;
	d->lost += !granted && !left;
	if (ret && ret != -ETIMEDOUT && ret != -EINTR)
		d->errors++;
	/* After a lost token the next round starts from a clean state too. */
	if (granted || left)
		d->errors += pass_back(d) != 0;
	atomic_store(&d->last, granted ? 1 : -1);
}

static void *wait_again_and_again(void *arg)
{
	struct duel *d = arg;

	prctl(PR_SET_TIMERSLACK, 1);
	do {
		uint64_t moment = stress_now() + 200 * NS_PER_US;
		unsigned int round = atomic_load(&d->round) + 1;
		int ret;

		atomic_store(&d->moment, moment);
		atomic_store(&d->round, round);
		/*
		 * The signal comes at the moment; the deadline only ends a wait that has missed it.
		 */
		ret = wait_for_token(d, d->rival == SIGNAL ? moment + 20 * NS_PER_MS : moment);
		while (atomic_load(&d->given) != round)
			sched_yield();
		check_round(d, ret);
	} while (stress_now() < d->end && !d->lost && !d->doubled);
	atomic_store(&d->over, true);
	return NULL;
}

static void spin_until(uint64_t moment)
{
	while (stress_now() < moment)
		;
}

/* Later after a grant, earlier after a miss, with steps of many sizes. */
static void adjust_offset(struct duel *d)
{
	int64_t step = 50ll << stress_below(&d->random, 14);

	d->offset += atomic_load(&d->last) * step;
	if (d->offset > (int64_t)(10 * NS_PER_MS))
		d->offset = 10 * NS_PER_MS;
	if (d->offset < -150 * (int64_t)NS_PER_US)
		d->offset = -150 * (int64_t)NS_PER_US;
}

static void give_again_and_again(struct duel *d)
{
	for (unsigned int round = 1;; round++) {
		uint64_t moment;

		while (atomic_load(&d->round) != round) {
			if (atomic_load(&d->over))
				return;
			sched_yield();
		}
		adjust_offset(d);
		moment = atomic_load(&d->moment);
		if (d->rival == SIGNAL && d->offset >= 0) {
			spin_until(moment);
			pthread_kill(d->waiter, SIGUSR1);
		}
		spin_until(moment + d->offset);
		d->errors += release_token(d) != 0;
		if (d->rival == SIGNAL && d->offset < 0) {
			spin_until(moment);
			pthread_kill(d->waiter, SIGUSR1);
		}
		atomic_store(&d->given, round);
	}
}

static int create_object(enum kind kind)
{
	switch (kind) {
	case SEM:
		return ntsync_sem_create(dev, 0, 9);
	case MUTEX:
		return ntsync_mutex_create(dev, GIVER, 1);
	default:
		return ntsync_event_create(dev, false, false);
	}
}

static void run_duel(enum kind kind, enum rival rival, bool all, uint64_t end)
{
	struct duel d = { .kind = kind, .rival = rival, .all = all, .end = end };
	char text[128];

	d.random = stress.seed + kind * 7 + rival * 3 + all;
	d.obj = create_object(kind);
	for (int i = 0; i < MAX_POSITIONS; i++)
		d.spares[i] = ntsync_event_create(dev, true, all);
	pthread_create(&d.waiter, NULL, wait_again_and_again, &d);
	give_again_and_again(&d);
	pthread_join(d.waiter, NULL);
	close(d.obj);
	for (int i = 0; i < MAX_POSITIONS; i++)
		close(d.spares[i]);
	snprintf(text, sizeof(text), "%s against %s, wait-%s: the token is in one place",
		 kind_names[kind], rival_names[rival], all ? "all" : "any");
	printf("# %u granted, %u not, %u lost, %u doubled\n", d.granted, d.missed, d.lost,
	       d.doubled);
	stress_check(&stress, !d.lost && !d.doubled && !d.errors && d.granted + d.missed, text);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	uint64_t begin = stress_now(), share;
	unsigned int n = 0;

	stress_init(&stress, argc, argv);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	sigaction(SIGUSR1, &action, NULL);
	share = (stress.end - begin) / (KINDS * RIVALS * 2);
	for (int kind = 0; kind < KINDS; kind++) {
		for (int rival = 0; rival < RIVALS; rival++) {
			run_duel(kind, rival, false, begin + ++n * share);
			run_duel(kind, rival, true, begin + ++n * share);
		}
	}
	return stress_end(&stress);
}
