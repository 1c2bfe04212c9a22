// SPDX-License-Identifier: GPL-2.0-only
#include "addr.h"

/* Of the running test; an actor's wait may last until the teardown. */
#define MAX_WAITS 64
static struct ntsync_addr_wait_args waits[MAX_WAITS];
static unsigned int nr_waits;

void need_addresses(struct fixture *f)
{
	only_ours(f, "no waits on addresses");
	if (!(f->features & NTSYNC_FEATURE_ADDRESS))
		skip_because("no waits on addresses");
	if (!(f->features & NTSYNC_FEATURE_LEND))
		skip_because("no inheritance");
}

static int sleep_on_word(struct actor *a, void *args)
{
	return nt(a->f->dev, ADDR_WAIT, args);
}

void actor_sleeps_on(struct actor *a, const int *word, pid_t owner, uint32_t flags)
{
	struct ntsync_addr_wait_args *args = &waits[nr_waits++ % MAX_WAITS];

	*args = (struct ntsync_addr_wait_args){
		.timeout = FOREVER,
		.addr = (uintptr_t)word,
		.expected = (uint64_t)(unsigned int)*word,
		.size = sizeof(*word),
		.flags = flags,
		.owner = owner,
	};
	actor_tell(a, sleep_on_word, args);
	actor_assert_asleep_in(a, ADDR_WAIT);
}

int addr_wait_here(int dev, const int *word, int expected, pid_t owner, uint32_t flags)
{
	struct ntsync_addr_wait_args args = {
		.timeout = FOREVER,
		.addr = (uintptr_t)word,
		.expected = (uint64_t)(unsigned int)expected,
		.size = sizeof(*word),
		.flags = flags,
		.owner = owner,
	};

	return nt(dev, ADDR_WAIT, &args);
}

int addr_wake_here(int dev, const int *word, uint32_t count, uint32_t flags)
{
	struct ntsync_addr_wake_args args = {
		.addr = (uintptr_t)word,
		.count = count,
		.flags = flags,
	};
	int ret = ioctl(dev, ADDR_WAKE, &args);

	return ret < 0 ? -errno : ret;
}

void wake_some(struct fixture *f, const int *word, uint32_t count, int woken)
{
	assert_ret(addr_wake_here(f->dev, word, count, 0), woken);
}
