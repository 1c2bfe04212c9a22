// SPDX-License-Identifier: GPL-2.0-only
#include "child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define PARTNER_OWNER 5000

static struct partner *partners;

static int partner_main(struct fixture *f, void *arg)
{
	struct partner *p = arg;

	(void)f;
	CHECK(!task_set_attr(0, NORMAL(0)));
	p->tid = gettid();
	partner_stop(p);
	return p->body(p);
}

struct partner *partner_start(struct fixture *f, int (*body)(struct partner *p), int mutex,
			      int value)
{
	struct partner *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	p->f = f;
	p->body = body;
	p->mutex = mutex;
	p->value = value;
	p->owner = PARTNER_OWNER;
	sem_init(&p->stopped, 1, 0);
	sem_init(&p->go, 1, 0);
	p->pid = child_start(f, partner_main, p);
	p->next = partners;
	partners = p;
	partner_await(p);
	assert_ret(task_get_state(p->tid, &p->base), 0);
	partner_go(p);
	return p;
}

/* Not for ever: it may have failed before it got there. */
void partner_await(struct partner *p)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 30;
	while (sem_timedwait(&p->stopped, &end)) {
		if (errno != EINTR)
			fail_msg("the partner did not get where it should");
	}
}

void partner_go(struct partner *p)
{
	sem_post(&p->go);
}

void partner_stop(struct partner *p)
{
	sem_post(&p->stopped);
	while (sem_wait(&p->go))
		;
}

void partner_assert_ok(struct partner *p)
{
	p->reaped = true;
	assert_child_ok(p->pid);
}

void partner_contend(struct partner *p, struct actor *waiter)
{
	partner_await(p);
	actor_lock(waiter, p->mutex);
	actor_assert_asleep(waiter);
	partner_assert_boosted(p, HIGH);
	partner_go(p);
}

int no_boost_here(void)
{
	struct task_attr attr;

	CHECK(!task_get_attr(0, &attr));
	CHECK(attr.policy == SCHED_OTHER);
	CHECK(attr.prio == 0);
	CHECK(attr.nice == 0);
	CHECK(!(attr.flags & TASK_RESET_ON_FORK));
	return 0;
}

int drop_privilege(unsigned int rtprio)
{
	const struct rlimit limit = { rtprio, rtprio };

	CHECK(!setrlimit(RLIMIT_RTPRIO, &limit));
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	/* The kernel makes such a process untouchable; the test reads its /proc. */
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	return 0;
}

void partner_kill(struct partner *p)
{
	p->reaped = true;
	kill(p->pid, SIGKILL);
	assert_int_equal(child_finish(p->pid), 128 + SIGKILL);
}

static bool waits(struct partner *p)
{
	unsigned long call = sleeping_ioctl(p->pid, p->tid);

	return call == ANY || call == ALL;
}

void partner_assert_asleep(struct partner *p)
{
	while (!waits(p)) {
		if (waitid(P_PID, p->pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT))
			fail_msg("the partner has gone");
		sleep_ms(1);
	}
}

int partner_lock(struct partner *p, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(p->mutex), .owner = p->owner, .timeout = timeout);

	return nt(p->f->dev, ANY, &args);
}

int partner_unlock(struct partner *p)
{
	struct ntsync_mutex_args args = { .owner = p->owner };

	return nt(p->mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args);
}

void partners_end(void)
{
	while (partners) {
		struct partner *p = partners;

		partners = p->next;
		if (!p->reaped) {
			kill(p->pid, SIGKILL);
			child_finish(p->pid);
		}
		munmap(p, sizeof(*p));
	}
}
