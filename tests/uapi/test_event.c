// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

static const unsigned int changes[] = { NTSYNC_IOC_EVENT_SET, NTSYNC_IOC_EVENT_RESET,
					NTSYNC_IOC_EVENT_PULSE };

/* The state of the event after each of them. */
static const uint32_t signaled_after[] = { 1, 0, 0 };

static void create_reads_booleans(void **state)
{
	static const uint32_t values[] = { 0, 1, 2, 0x80000000, ~0u };
	struct fixture *f = *state;

	for (size_t m = 0; m < ARRAY_SIZE(values); m++) {
		for (size_t s = 0; s < ARRAY_SIZE(values); s++) {
			struct ntsync_event_args args = { values[m], values[s] };
			int fd = own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_EVENT, &args));

			assert_event(fd, !!values[m], !!values[s]);
			event_op(fd, NTSYNC_IOC_EVENT_RESET, !!values[s]);
		}
	}
}

static void create_faults(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_event_args args = { 1, 1 };
	const unsigned long create = NTSYNC_IOC_CREATE_EVENT;

	assert_ret(nt(f->dev, create, NULL), -EFAULT);
	assert_ret(nt(f->dev, create, unmapped(f)), -EFAULT);
	assert_ret(nt(f->dev, create, past_page_end(f, &args, sizeof(args))), -EFAULT);
	assert_event(own_fd(f, nt(f->dev, create, at_page_end(f, &args, sizeof(args)))), 1, 1);
	assert_event(own_fd(f, nt(f->dev, create, read_only(f, &args, sizeof(args)))), 1, 1);
}

static void changes_tell_previous(void **state)
{
	struct fixture *f = *state;

	for (int manual = 0; manual < 2; manual++) {
		for (int before = 0; before < 2; before++) {
			for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
				int event = new_event(f, manual, before);

				event_op(event, changes[i], before);
				assert_event(event, manual, signaled_after[i]);
				event_op(event, changes[i], signaled_after[i]);
				assert_event(event, manual, signaled_after[i]);
			}
		}
	}
}

static void change_stands_when_the_output_faults(void **state)
{
	struct fixture *f = *state;
	const uint32_t word = 0;
	void *bad[] = { NULL, unmapped(f), read_only(f, &word, sizeof(word)),
			at_page_end(f, NULL, sizeof(word) / 2) };

	for (size_t b = 0; b < ARRAY_SIZE(bad); b++) {
		for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
			int event = new_event(f, b & 1, !signaled_after[i]);

			assert_ret(nt(event, changes[i], bad[b]), -EFAULT);
			assert_event(event, b & 1, signaled_after[i]);
			close_fd(f, event);
		}
	}
}

static void a_faulting_set_wakes(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);
	struct waiter *w = start_on(f, ANY, event);

	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET, NULL), -EFAULT);
	assert_woken(w, 0, 0);
	assert_event(event, 0, 0);
	w = start_on(f, ANY, event);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_PULSE, NULL), -EFAULT);
	assert_woken(w, 0, 0);
}

static void change_at_page_end(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, true);

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_ret(nt(event, changes[i], at_page_end(f, NULL, 4)), 0);
}

/* Output only: the type is checked before the pointer is used. */
static void wrong_type_is_einval(void **state)
{
	struct fixture *f = *state;
	int others[] = { new_sem(f, 0, 1), new_mutex(f, 0, 0) };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		uint32_t words[2] = { UNTOUCHED, UNTOUCHED };

		for (size_t c = 0; c < ARRAY_SIZE(changes); c++) {
			assert_ret(nt(others[i], changes[c], NULL), -EINVAL);
			assert_ret(nt(others[i], changes[c], words), -EINVAL);
		}
		assert_ret(nt(others[i], NTSYNC_IOC_EVENT_READ, NULL), -EINVAL);
		assert_ret(nt(others[i], NTSYNC_IOC_EVENT_READ, words), -EINVAL);
		assert_int_equal(words[0], UNTOUCHED);
		assert_int_equal(words[1], UNTOUCHED);
	}
	assert_sem(others[0], 0, 1);
	assert_mutex(others[1], 0, 0);
}

static void read_faults(void **state)
{
	struct fixture *f = *state;
	struct ntsync_event_args args = { 0 };
	int event = new_manual(f, true);

	assert_ret(nt(event, NTSYNC_IOC_EVENT_READ, NULL), -EFAULT);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_READ, unmapped(f)), -EFAULT);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_READ, read_only(f, &args, sizeof(args))),
		   -EFAULT);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_READ, past_page_end(f, NULL, sizeof(args))),
		   -EFAULT);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_READ, at_page_end(f, NULL, sizeof(args))), 0);
	assert_event(event, 1, 1);
}

static void wait_consumes_auto_only(void **state)
{
	struct fixture *f = *state;
	int once = new_auto(f, true), forever = new_manual(f, true);

	assert_ret(try_wait(f, once, OWNER), 0);
	assert_event(once, 0, 0);
	assert_not_ready(f, once);
	for (int i = 0; i < 3; i++)
		assert_ret(try_wait(f, forever, OWNER), 0);
	assert_event(forever, 1, 1);
	reset_event(forever, 1);
	assert_not_ready(f, forever);
}

static void set_of_auto_wakes_one(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);
	struct waiter *first = start_on(f, ANY, event), *second = start_on(f, ANY, event);

	set_event(event, 0);
	/* The event is handed over: it is not signaled in between. */
	assert_event(event, 0, 0);
	assert_woken(first, 0, 0);
	assert_asleep(second);
	set_event(event, 0);
	assert_woken(second, 0, 0);
	set_event(event, 0);
	assert_event(event, 0, 1);
}

static void set_of_manual_wakes_all(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false);
	struct waiter *w[40];

	for (int i = 0; i < 40; i++)
		w[i] = start_on(f, i % 3 ? ANY : ALL, event);
	set_event(event, 0);
	for (int i = 0; i < 40; i++)
		assert_woken(w[i], 0, 0);
	assert_event(event, 1, 1);
}

/* A reset right after a set must not affect the waiters that the set has released. */
static void set_then_reset_of_manual_releases_all(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false);
	struct waiter *w[20];

	for (int i = 0; i < 20; i++)
		w[i] = start_on(f, ANY, event);
	set_event(event, 0);
	reset_event(event, 1);
	for (int i = 0; i < 20; i++)
		assert_woken(w[i], 0, 0);
	assert_not_ready(f, event);
}

static void reset_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false);
	struct waiter *w = start_on(f, ANY, event);

	reset_event(event, 0);
	assert_asleep(w);
	set_event(event, 0);
	assert_woken(w, 0, 0);
}

static void pulse_without_waiters_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false);

		pulse_event(event, 0);
		assert_not_ready(f, event);
		set_event(event, 0);
		pulse_event(event, 1);
		assert_not_ready(f, event);
		assert_event(event, manual, 0);
	}
}

static void pulse_of_auto_wakes_one(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);
	struct waiter *first = start_on(f, ANY, event), *second = start_on(f, ANY, event);

	pulse_event(event, 0);
	assert_event(event, 0, 0);
	assert_woken(first, 0, 0);
	assert_asleep(second);
	pulse_event(event, 0);
	assert_woken(second, 0, 0);
	pulse_event(event, 0);
	assert_not_ready(f, event);
}

/* More waiters than one batch of wake-ups has. */
static void pulse_of_manual_wakes_all(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false);
	struct waiter *w[50];

	for (int i = 0; i < 50; i++)
		w[i] = start_on(f, i % 3 ? ANY : ALL, event);
	pulse_event(event, 0);
	assert_event(event, 1, 0);
	for (int i = 0; i < 50; i++)
		assert_woken(w[i], 0, 0);
	assert_not_ready(f, event);
}

/* A pulse is for the waits that it completes; the other wait for all stays. */
static void pulse_passes_an_incomplete_wait_all(void **state)
{
	struct fixture *f = *state;

	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false), sem = new_sem(f, 0, 1);
		struct waiter *all = start(f, ALL, ARGS(FDS(event, sem), .owner = OWNER,
							.timeout = FOREVER));
		struct waiter *any = start_on(f, ANY, event);

		pulse_event(event, 0);
		assert_woken(any, 0, 0);
		assert_asleep(all);
		assert_event(event, manual, 0);
		release(sem, 1, 0);
		assert_asleep(all);
		assert_sem(sem, 1, 1);
		pulse_event(event, 0);
		assert_woken(all, 0, 0);
		assert_sem(sem, 0, 1);
		assert_event(event, manual, 0);
	}
}

static void pulse_of_auto_prefers_wait_all(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), sem = new_sem(f, 1, 1);
	struct waiter *any = start_on(f, ANY, event);
	struct waiter *all = start(f, ALL, ARGS(FDS(sem, event), .owner = OWNER,
						.timeout = FOREVER));

	pulse_event(event, 0);
	assert_woken(all, 0, 0);
	assert_asleep(any);
	assert_sem(sem, 0, 1);
	assert_event(event, 0, 0);
	pulse_event(event, 0);
	assert_woken(any, 0, 0);
}

/* Both waits for all also need the only token, so the pulse completes one of them. */
static void pulse_of_manual_completes_what_it_can(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false), sem = new_sem(f, 1, 1);
	struct waiter *first = start(f, ALL, ARGS(FDS(sem, event), .owner = OWNER,
						  .timeout = FOREVER));
	struct waiter *second = start(f, ALL, ARGS(FDS(sem, event), .owner = OWNER,
						   .timeout = FOREVER));
	struct waiter *any = start_on(f, ANY, event);

	pulse_event(event, 0);
	assert_woken(first, 0, 0);
	assert_woken(any, 0, 0);
	assert_asleep(second);
	assert_sem(sem, 0, 1);
	assert_event(event, 1, 0);
}

/* A wait that is queued after the pulse does not get it. */
static void pulse_is_not_for_later_waiters(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false);
	struct waiter *early = start_on(f, ANY, event), *late;

	pulse_event(event, 0);
	late = start_on(f, ANY, event);
	assert_woken(early, 0, 0);
	assert_asleep(late);
	set_event(event, 0);
	assert_woken(late, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(create_reads_booleans),
		TEST(create_faults),
		TEST(changes_tell_previous),
		TEST(change_stands_when_the_output_faults),
		TEST(a_faulting_set_wakes),
		TEST(change_at_page_end),
		TEST(wrong_type_is_einval),
		TEST(read_faults),
		TEST(wait_consumes_auto_only),
		TEST(set_of_auto_wakes_one),
		TEST(set_of_manual_wakes_all),
		TEST(set_then_reset_of_manual_releases_all),
		TEST(reset_wakes_nobody),
		TEST(pulse_without_waiters_leaves_nothing),
		TEST(pulse_of_auto_wakes_one),
		TEST(pulse_of_manual_wakes_all),
		TEST(pulse_passes_an_incomplete_wait_all),
		TEST(pulse_of_auto_prefers_wait_all),
		TEST(pulse_of_manual_completes_what_it_can),
		TEST(pulse_is_not_for_later_waiters),
	};

	return RUN(tests);
}
