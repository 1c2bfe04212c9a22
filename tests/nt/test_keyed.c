// SPDX-License-Identifier: GPL-2.0-only
/* Keyed events: two threads meet, and both go on. */
#include "nt_test.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define SLEEPER		500u
#define KEY		0x7f0012345678ull
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define TERMINATING	0xc000010au

/**
 * struct side - a call at a keyed event
 * @handle: the event
 * @key: the key
 * @releases: which call it is
 * @alertable: whether it is alertable
 */
struct side {
	uint32_t handle;
	uint64_t key;
	bool releases;
	bool alertable;
};

static uint32_t meet_until(struct fixture *f, const struct side *s,
			   struct ntsync_nt_deadline deadline)
{
	if (s->releases)
		return ntsync_nt_release_keyed_event(f->nt, s->handle, s->key, s->alertable, deadline);
	return ntsync_nt_wait_for_keyed_event(f->nt, s->handle, s->key, s->alertable, deadline);
}

static uint32_t meet(struct fixture *f, void *arg)
{
	return meet_until(f, arg, FOREVER);
}

static uint32_t meet_as_sleeper(struct fixture *f, void *arg)
{
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return meet(f, arg);
}

static struct side other_side(struct side s)
{
	s.releases = !s.releases;
	return s;
}

static uint32_t new_keyed(struct fixture *f)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_keyed_event(f->nt, &handle, NULL));
	return handle;
}

/* All four: who comes first waits or releases, alertably or not. */
static struct side make_side(uint32_t handle, int i)
{
	return (struct side){ .handle = handle, .key = KEY, .releases = i & 1, .alertable = i & 2 };
}

static void both_sides_meet(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_keyed(f), 0 };

	for (int i = 0; i < 8; i++) {
		struct side first = make_side(handles[i / 4], i), second = other_side(first);
		struct helper *helper = start_asleep(f, meet, &first);

		second.alertable = i & 1;
		assert_ok(meet(f, &second));
		assert_ok(finish(helper));
		/* They met once. */
		assert_status(meet_until(f, &second, POLL), NTSYNC_STATUS_TIMEOUT);
	}
}

static void only_with_the_same_key_and_event(void **state)
{
	struct fixture *f = *state;
	struct side first = make_side(new_keyed(f), 0), other = other_side(first);
	struct helper *helper = start_asleep(f, meet, &first);

	other.key += 2;
	assert_status(meet_until(f, &other, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	other.key = KEY;
	other.handle = new_keyed(f);
	assert_status(meet_until(f, &other, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	other.handle = 0;
	assert_status(meet_until(f, &other, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	assert_status(meet_until(f, &first, POLL), NTSYNC_STATUS_TIMEOUT);
	assert_true(still_asleep(helper));
	other.handle = duplicate(f, first.handle);
	assert_ok(meet(f, &other));
	assert_ok(finish(helper));
}

static void in_the_order_of_arrival(void **state)
{
	struct fixture *f = *state;
	struct side s = make_side(0, 1), other = other_side(s);
	struct helper *helpers[5];

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start_asleep(f, meet, &s);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
		assert_ok(meet(f, &other));
		assert_ok(finish(helpers[i]));
		assert_true(i == 4 || still_asleep(helpers[i + 1]));
	}
}

static void arguments(void **state)
{
	struct fixture *f = *state;
	struct side s = make_side(new_keyed(f), 0);
	uint32_t event = new_event(f, false, false);
	const struct ntsync_nt_deadline unknown = { 0, 0x80 };

	for (int i = 0; i < 2; i++, s = other_side(s)) {
		struct side wrong = s;

		wrong.key |= 1;
		assert_status(meet(f, &wrong), NTSYNC_STATUS_INVALID_PARAMETER_1);
		wrong.handle = s.handle + 400;
		assert_status(meet(f, &wrong), NTSYNC_STATUS_INVALID_PARAMETER_1);
		wrong.key = KEY;
		assert_status(meet(f, &wrong), NTSYNC_STATUS_INVALID_HANDLE);
		wrong.handle = event;
		assert_status(meet(f, &wrong), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
		assert_status(meet_until(f, &s, unknown), NTSYNC_STATUS_INVALID_PARAMETER);
		assert_status(meet_until(f, &s, POLL), NTSYNC_STATUS_TIMEOUT);
		assert_status(meet_until(f, &s, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	}
	assert_status(ntsync_nt_set_event(f->nt, s.handle, NULL), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, s.handle, event, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	/* As on NT, the object itself is always signaled. */
	assert_status(poll_handle(f, s.handle), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, s.handle), NTSYNC_STATUS_WAIT_0);
}

static void names(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_attributes named = { .name = "CritSec" };
	uint32_t handle, other;

	assert_ok(ntsync_nt_create_keyed_event(f->nt, &handle, &named));
	assert_status(ntsync_nt_create_keyed_event(f->nt, &other, &named),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_ok(ntsync_nt_open_keyed_event(f->nt, &other, "CritSec"));
	assert_ok(ntsync_nt_compare(f->nt, handle, other));
	assert_status(ntsync_nt_open_event(f->nt, &other, "CritSec"),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(info_of(f, handle).type, NTSYNC_NT_KEYED_EVENT);
	assert_ok(ntsync_nt_set_data(f->nt, handle, f));
}

static void the_handle_is_closed_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct side s = make_side(new_keyed(f), 0), other = other_side(s);
	struct helper *helper;

	other.handle = duplicate(f, s.handle);
	helper = start_asleep(f, meet, &s);
	close_handle(f, s.handle);
	assert_ok(meet(f, &other));
	assert_ok(finish(helper));
	assert_invalid(f, s.handle);
}

/* -- Ends from outside -------------------------------------------------------------------- */

static void a_stop_ends_them(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		struct side s = make_side(new_keyed(f), i), other = other_side(s);
		struct helper *helper = start_asleep(f, meet_as_sleeper, &s);

		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		assert_status(meet_until(f, &other, POLL), CANCELLED);
		assert_status(finish(helper), CANCELLED);
		check(f);
		ntsync_nt_resume(f->nt);
		helper = start_asleep(f, meet_as_sleeper, &s);
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		assert_status(finish(helper), TERMINATING);
		/* Nobody is there any more. */
		assert_status(meet_until(f, &other, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	}
}

static void an_alert_ends_an_alertable_one(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		struct side s = make_side(0, i), other = other_side(s);
		struct helper *helper = start_asleep(f, meet_as_sleeper, &s);

		assert_ok(i & 1 ? ntsync_nt_alert_thread(f->nt, SLEEPER) :
				  ntsync_nt_queue_apc(f->nt, SLEEPER));
		if (s.alertable) {
			assert_status(finish(helper), i & 1 ? NTSYNC_STATUS_ALERTED :
							      NTSYNC_STATUS_USER_APC);
			assert_status(meet_until(f, &other, POLL), NTSYNC_STATUS_TIMEOUT);
		} else {
			assert_true(still_asleep(helper));
			assert_ok(meet(f, &other));
			assert_ok(finish(helper));
		}
	}
}

static void an_alert_that_was_there(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);
	struct side s = make_side(0, 2), other = other_side(s);
	struct helper *helper;

	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	/* A partner comes first. */
	helper = start_asleep(f, meet, &other);
	assert_ok(meet(f, &s));
	assert_ok(finish(helper));
	assert_status(meet_until(f, &s, POLL), NTSYNC_STATUS_ALERTED);
	assert_status(meet_until(f, &s, POLL), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

static void an_apc_of_a_timer(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_apc apc = { .function = 7 };
	struct ntsync_nt_apc taken;
	struct side s = make_side(0, 2);
	uint32_t timer = new_timer(f, false);

	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, in_ms(2), 0, &apc, NULL));
	assert_status(meet_until(f, &s, FOREVER), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_take_apc(f->nt, &taken));
	assert_int_equal(taken.function, 7);
	assert_status(meet_until(f, &s, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
}

static void handle_signal(int sig)
{
	(void)sig;
}

static void a_signal_handler_loses_no_partner(void **state)
{
	const struct sigaction action = { .sa_handler = handle_signal };
	struct fixture *f = *state;

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 20; i++) {
		struct side s = make_side(0, i), other = other_side(s);
		struct helper *helper = start_asleep(f, meet, &s);

		interrupt(helper, SIGUSR1);
		assert_ok(meet(f, &other));
		assert_ok(finish(helper));
	}
}

/* -- Races ------------------------------------------------------------------------------- */

#define ROUNDS 1000

/**
 * struct party - threads that meet while others disturb them
 * @side: the call
 * @met: how often it has succeeded
 * @over: they are to leave
 */
struct party {
	struct side side;
	atomic_int met;
	atomic_bool over;
};

static uint32_t keep_meeting(struct fixture *f, void *arg)
{
	struct party *party = arg;
	struct side s = party->side;

	ntsync_nt_thread_attach(f->nt, SLEEPER + s.releases);
	for (int i = 0; !atomic_load(&party->over); i++) {
		uint32_t status;

		s.alertable = i & 1;
		status = meet_until(f, &s, i & 2 ? FOREVER : in_ms(i & 4 ? 1 : 0));
		if (!status)
			atomic_fetch_add(&party->met, 1);
		else if (status != NTSYNC_STATUS_TIMEOUT && status != NTSYNC_STATUS_ALERTED &&
			 status != NTSYNC_STATUS_USER_APC && status != TERMINATING &&
			 status != CANCELLED)
			return status;
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* Each meeting has two sides, whatever ends the other calls. */
static void no_meeting_has_one_side(void **state)
{
	struct fixture *f = *state;
	struct party parties[2] = { { .side = make_side(0, 0) }, { .side = make_side(0, 1) } };
	struct helper *helpers[6];

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start(f, keep_meeting, &parties[i % 2]);
	for (int i = 0; i < ROUNDS; i++)
		disturb_thread(f, i, SLEEPER + (i & 1), TERMINATING);
	while (atomic_load(&parties[0].met) < 100)
		sched_yield();
	atomic_store(&parties[0].over, true);
	atomic_store(&parties[1].over, true);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		assert_ok(finish(helpers[i]));
	assert_int_equal(atomic_load(&parties[0].met), atomic_load(&parties[1].met));
	ntsync_nt_resume(f->nt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_sides_meet),
		TEST(only_with_the_same_key_and_event),
		TEST(in_the_order_of_arrival),
		TEST(arguments),
		TEST(names),
		TEST(the_handle_is_closed_meanwhile),
		TEST(a_stop_ends_them),
		TEST(an_alert_ends_an_alertable_one),
		TEST(an_alert_that_was_there),
		TEST(an_apc_of_a_timer),
		TEST(a_signal_handler_loses_no_partner),
		TEST(no_meeting_has_one_side),
	};

	return RUN(tests);
}
