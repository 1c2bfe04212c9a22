// SPDX-License-Identifier: GPL-2.0-only
#include "child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define CHILD_OWNER 5000

static struct pi_child *pi_children;

static int pi_child_main(struct fixture *f, void *arg)
{
	struct pi_child *p = arg;

	(void)f;
	CHECK(!task_set_attr(0, NORMAL(0)));
	p->tid = gettid();
	pi_child_stop(p);
	return p->body(p);
}

struct pi_child *pi_child_start(struct fixture *f, int (*body)(struct pi_child *p), int mutex,
				int value)
{
	struct pi_child *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	p->f = f;
	p->body = body;
	p->mutex = mutex;
	p->value = value;
	p->owner = CHILD_OWNER;
	sem_init(&p->stopped, 1, 0);
	sem_init(&p->go, 1, 0);
	p->pid = child_start(f, pi_child_main, p);
	p->next = pi_children;
	pi_children = p;
	pi_child_await(p);
	assert_ret(task_get_state(p->tid, &p->unboosted), 0);
	pi_child_go(p);
	return p;
}

/* With a timeout: the child may have failed before it got there. */
void pi_child_await(struct pi_child *p)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 30;
	while (sem_timedwait(&p->stopped, &end)) {
		if (errno != EINTR)
			fail_msg("the child did not get where it should");
	}
}

void pi_child_go(struct pi_child *p)
{
	sem_post(&p->go);
}

void pi_child_stop(struct pi_child *p)
{
	sem_post(&p->stopped);
	while (sem_wait(&p->go))
		;
}

void pi_child_assert_ok(struct pi_child *p)
{
	p->reaped = true;
	assert_child_ok(p->pid);
}

void pi_child_contend(struct pi_child *p, struct actor *waiter)
{
	pi_child_await(p);
	actor_block_on(waiter, p->mutex);
	pi_child_assert_boosted(p, HIGH);
	pi_child_go(p);
}

int check_not_boosted(void)
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
	/* The kernel makes such a process undumpable, and the test could not read its /proc. */
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	return 0;
}

void pi_child_kill(struct pi_child *p)
{
	p->reaped = true;
	kill(p->pid, SIGKILL);
	assert_int_equal(child_finish(p->pid), 128 + SIGKILL);
}

static bool is_waiting(struct pi_child *p)
{
	unsigned long call = sleeping_ioctl(p->pid, p->tid);

	return call == ANY || call == ALL;
}

void pi_child_assert_asleep(struct pi_child *p)
{
	while (!is_waiting(p)) {
		if (waitid(P_PID, p->pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT))
			fail_msg("the child has gone");
		sleep_ms(1);
	}
}

int pi_child_lock(struct pi_child *p, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(p->mutex), .owner = p->owner, .timeout = timeout);

	return nt(p->f->dev, ANY, &args);
}

int pi_child_unlock(struct pi_child *p)
{
	struct ntsync_mutex_args args = { .owner = p->owner };

	return nt(p->mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args);
}

void pi_children_end(void)
{
	while (pi_children) {
		struct pi_child *p = pi_children;

		pi_children = p->next;
		if (!p->reaped) {
			kill(p->pid, SIGKILL);
			child_finish(p->pid);
		}
		munmap(p, sizeof(*p));
	}
}
