// SPDX-License-Identifier: LGPL-2.1-or-later
#include <time.h>

#include "lock.h"

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS 1000000ull

uint64_t lock_now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t lock_in_a_millisecond(void)
{
	return lock_now() + NS_PER_MS;
}

bool lock_has_passed(uint64_t deadline)
{
	/* Values above have passed; the driver's rule. */
	return deadline > INT64_MAX ? deadline != NTSYNC_WAIT_FOREVER : deadline <= lock_now();
}

int lock_nap(uint64_t deadline)
{
	const struct timespec ms = { .tv_nsec = NS_PER_MS };

	if (lock_has_passed(deadline))
		return -ETIMEDOUT;
	nanosleep(&ms, NULL);
	return 0;
}

/* The sleeper that was woken is the one that looks after the others. */
int lock_give_up(struct lock_sleeper *s, int ret)
{
	if (s->waiters)
		ntsync_addr_wake(s->me->dev, s->word, 1, s->me->flags);
	return ret;
}

/* Neither an owner that has ended nor one of another user can be named. The next one may be. */
static uint32_t choose_owner(const struct lock_sleeper *s, uint32_t owner, uint64_t *until)
{
	if (!owner || owner != s->refused)
		return owner;
	*until = lock_in_a_millisecond();
	return 0;
}

static int sleep_on(const struct lock_sleeper *s, uint32_t value, uint32_t owner, uint64_t deadline)
{
	const struct ntsync_addr_opts opts = {
		.deadline = deadline,
		.flags = s->me->flags | NTSYNC_ADDR_TAKE_OVER,
		.owner = owner,
	};

	if (s->me->sleep)
		return s->me->sleep(s->me, s->word, value, &opts);
	return ntsync_addr_wait(s->me->dev, s->word, sizeof(*s->word), value, &opts, NULL);
}

int lock_sleep(struct lock_sleeper *s, uint32_t value, uint32_t owner, uint64_t until)
{
	uint64_t deadline;
	int ret;

	/* The word may change each time: then no sleep says that. */
	if (lock_has_passed(s->deadline))
		return lock_give_up(s, -ETIMEDOUT);
	if (!lock_has_waiters(s->word, value))
		return 0;
	value |= NTSYNC_LOCK_WAITERS;
	owner = choose_owner(s, owner, &until);
	deadline = until < s->deadline ? until : s->deadline;
	ret = sleep_on(s, value, owner, deadline);
	if (ret == -ENOMEM)
		ret = lock_nap(s->deadline);
	switch (ret) {
	case 0:
		s->waiters = NTSYNC_LOCK_WAITERS;
		return 0;
	case -ESRCH:
	case -EPERM:
		s->refused = owner;
		return 0;
	case -EAGAIN:
	case -EINTR:
		return 0;
	case -ETIMEDOUT:
		if (deadline != s->deadline)
			return 0;
	}
	return lock_give_up(s, ret);
}
