// SPDX-License-Identifier: GPL-2.0-only
#include "lock.h"

#include <sys/syscall.h>

/* One test runs at a time. Static: a test that has failed may leave threads that use it. */
static struct locks locks;

int setup_futexes(void **state)
{
	still_alive();
	memset(&locks, 0, sizeof(locks));
	locks.dev = -1;
	*state = &locks;
	return ntsync_locker_init(&locks.me, -1, 0);
}

int setup_driver(void **state)
{
	int ret = setup_futexes(state);
	struct ntsync_features found;
	int dev = ntsync_open();

	locks.for_driver = true;
	if (ret || dev < 0)
		return ret;
	if (ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_ADDRESS)) {
		close(dev);
		return 0;
	}
	locks.dev = dev;
	return ntsync_locker_init(&locks.me, dev, 0);
}

int teardown_locks(void **state)
{
	(void)state;
	if (locks.dev != -1)
		close(locks.dev);
	return 0;
}

struct locks *locks_of(void **state)
{
	struct locks *l = *state;

	if (l->dev == -1 && l->for_driver)
		skip_because("the in-tree driver has no waits on addresses");
	return l;
}

void leave_out_driver(void)
{
	if (access("/dev/ntsync", F_OK))
		cmocka_set_skip_filter("driver: *");
}

/* ---- workers ---- */

static void *run_worker(void *arg)
{
	struct worker *w = arg;

	w->ret = ntsync_locker_init(&w->me, w->l->dev, w->l->flags);
	atomic_store(&w->started, true);
	if (!w->ret)
		w->ret = w->job(w, w->arg);
	return NULL;
}

struct worker *start_worker(struct locks *l, worker_fn job, void *arg)
{
	struct worker *w = &l->workers[l->nr_workers++];

	assert_true(l->nr_workers <= MAX_WORKERS);
	*w = (struct worker){ .l = l, .job = job, .arg = arg };
	assert_int_equal(pthread_create(&w->thread, NULL, run_worker, w), 0);
	while (!atomic_load(&w->started))
		sched_yield();
	return w;
}

int finish_worker(struct worker *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	return w->ret;
}

void run_workers(struct locks *l, unsigned int n, worker_fn job, void *arg)
{
	struct worker *w[MAX_WORKERS];

	assert_true(n <= MAX_WORKERS);
	for (unsigned int i = 0; i < n; i++)
		w[i] = start_worker(l, job, arg);
	for (unsigned int i = 0; i < n; i++)
		assert_worker(w[i], 0);
	l->nr_workers -= n;
}

/* The number of the call in which the thread sleeps, and its first two arguments. */
static bool sleeping_call(uint32_t tid, long *nr, unsigned long args[2])
{
	char path[64], text[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%u/syscall", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return sscanf(text, "%ld %lx %lx", nr, &args[0], &args[1]) == 3;
}

static bool is_asleep(const struct worker *w, const void *word)
{
	unsigned long args[2];
	long nr;

	if (!sleeping_call(w->me.tid, &nr, args))
		return false;
	if (w->me.dev == -1)
		return nr == SYS_futex && args[0] == ((uintptr_t)word & ~3ul);
	return nr == SYS_ioctl && args[1] == NTSYNC_IOC_ADDR_WAIT;
}

void await_asleep(struct worker *w, const void *word)
{
	while (!is_asleep(w, word))
		sleep_ms(1);
}

/* ---- jobs ---- */

int enter_cs(struct worker *w, void *cs)
{
	return ntsync_cs_enter(&w->me, cs);
}

int lock_rw(struct worker *w, void *rw)
{
	return ntsync_rw_lock(&w->me, rw);
}

int lock_rw_shared(struct worker *w, void *rw)
{
	return ntsync_rw_lock_shared(&w->me, rw);
}

int enter_and_leave_cs(struct worker *w, void *cs)
{
	int ret = ntsync_cs_enter(&w->me, cs);

	return ret ? ret : ntsync_cs_leave(&w->me, cs);
}

int lock_and_unlock_rw(struct worker *w, void *rw)
{
	int ret = ntsync_rw_lock(&w->me, rw);

	return ret ? ret : ntsync_rw_unlock(&w->me, rw);
}

int share_and_unshare_rw(struct worker *w, void *rw)
{
	int ret = ntsync_rw_lock_shared(&w->me, rw);

	return ret ? ret : ntsync_rw_unlock_shared(&w->me, rw);
}

void stay_inside(int round)
{
	if (round % 16 == 0)
		sched_yield();
}

uint64_t in_a_moment(void)
{
	return monotonic_ns() + 2 * NS_PER_MS;
}
