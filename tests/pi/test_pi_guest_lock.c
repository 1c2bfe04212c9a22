// SPDX-License-Identifier: GPL-2.0-only
/* Locks in the memory of a guest, ntsync_nt.h: who owns one has the priority of those that wait. */
#include "addr.h"

#include <ntsync_nt.h>

/* The table of the running test, and what its actors contend for: a free section of 64 bits. */
static struct {
	struct ntsync_nt *nt;
	uint64_t section[5];
	uint64_t srw;
} s;

static void begin(struct fixture *f)
{
	struct ntsync_nt_config config;

	need_addresses(f);
	memset(&s, 0, sizeof(s));
	s.section[1] = UINT32_MAX;
	ntsync_nt_config_init(&config);
	config.dev = f->dev;
	assert_int_equal(ntsync_nt_create(&config, &s.nt), 0);
}

static void end(void)
{
	ntsync_nt_destroy(s.nt);
	s.nt = NULL;
}

/* ---- jobs ---- */

static int enter_section(struct actor *a, void *unused)
{
	(void)a;
	(void)unused;
	return (int)ntsync_nt_enter_critical_section(s.nt, s.section, 8);
}

static int leave_section(struct actor *a, void *unused)
{
	(void)a;
	(void)unused;
	return (int)ntsync_nt_leave_critical_section(s.nt, s.section, 8);
}

static int acquire_srw(struct actor *a, void *unused)
{
	(void)a;
	(void)unused;
	return (int)ntsync_nt_acquire_srw_lock(s.nt, &s.srw, false);
}

static int release_srw(struct actor *a, void *unused)
{
	(void)a;
	(void)unused;
	return (int)ntsync_nt_release_srw_lock(s.nt, &s.srw, false);
}

/* ---- tests ---- */

static void check_owner(struct fixture *f, job_fn take, job_fn give)
{
	struct actor *high = actor_high(f), *owner = actor_normal(f);

	begin(f);
	assert_ret(actor_do(owner, take, NULL), 0);
	actor_tell(high, take, NULL);
	actor_assert_asleep_in(high, ADDR_WAIT);
	assert_boosted(owner, HIGH);
	assert_ret(actor_do(owner, give, NULL), 0);
	assert_unboosted(owner);
	assert_ret(actor_finish(high), 0);
	assert_ret(actor_do(high, give, NULL), 0);
	end();
}

static void the_owner_of_a_section(void **state)
{
	check_owner(*state, enter_section, leave_section);
}

static void an_exclusive_owner(void **state)
{
	check_owner(*state, acquire_srw, release_srw);
}

/* Nobody waits any more, so the owner does not keep the priority. */
static void a_stop_ends_the_boost(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *owner = actor_normal(f);

	begin(f);
	assert_ret(actor_do(owner, enter_section, NULL), 0);
	actor_tell(high, enter_section, NULL);
	actor_assert_asleep_in(high, ADDR_WAIT);
	assert_boosted(owner, HIGH);
	assert_int_equal(ntsync_nt_stop(s.nt, NTSYNC_STATUS_CANCELLED), NTSYNC_STATUS_SUCCESS);
	assert_ret(actor_finish(high), (int)NTSYNC_STATUS_CANCELLED);
	assert_unboosted(owner);
	assert_ret(actor_do(owner, leave_section, NULL), 0);
	end();
}

/* A failed test may have left a waiter, and needs its table no more. */
static int end_waits(void **state)
{
	if (s.nt)
		ntsync_nt_stop(s.nt, NTSYNC_STATUS_CANCELLED);
	return pi_teardown(state);
}

#define LOCK_TEST(fn) { #fn, fn, pi_setup, end_waits, (char *)(__FILE__ ":" #fn) }

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(the_owner_of_a_section),
		LOCK_TEST(an_exclusive_owner),
		LOCK_TEST(a_stop_ends_the_boost),
	};

	return RUN(tests);
}
