// SPDX-License-Identifier: GPL-2.0-only
#include "lend.h"

int lend(int dev, uint32_t tid, uint32_t flags)
{
	struct ntsync_lend_args args = { .tid = tid, .flags = flags };

	return nt(dev, NTSYNC_IOC_LEND, &args);
}

int unlend(int dev)
{
	return nt(dev, NTSYNC_IOC_UNLEND, NULL);
}

void become(int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	assert_int_equal(sched_setscheduler(0, prio ? SCHED_FIFO : SCHED_OTHER, &param), 0);
}

static void *idle(void *arg)
{
	struct idler *t = arg;
	char c;

	__atomic_store_n(&t->tid, gettid(), __ATOMIC_RELEASE);
	while (read(t->wake[0], &c, 1) < 0)
		;
	return NULL;
}

void idler_start(struct idler *t)
{
	const struct waiter_sched normal = { .policy = SCHED_OTHER };
	pthread_attr_t attr;

	t->tid = 0;
	assert_int_equal(pipe(t->wake), 0);
	pthread_attr_init(&attr);
	set_thread_sched(&attr, &normal);
	assert_int_equal(pthread_create(&t->thread, &attr, idle, t), 0);
	pthread_attr_destroy(&attr);
	while (!__atomic_load_n(&t->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
}

void idler_end(struct idler *t)
{
	close(t->wake[1]);
	pthread_join(t->thread, NULL);
	close(t->wake[0]);
}

int prio_of(pid_t tid)
{
	struct sched_param param = { 0 };

	return sched_getparam(tid, &param) ? -errno : param.sched_priority;
}

void await_prio_of(pid_t tid, int prio)
{
	while (prio_of(tid) != prio)
		sleep_ms(1);
}
