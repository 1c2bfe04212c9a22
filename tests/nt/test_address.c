// SPDX-License-Identifier: GPL-2.0-only
/* Waits on addresses, and for alerts by a thread's id. */
#include "nt_test.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SLEEPER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define TERMINATING	0xc000010au

/* -- Waits on addresses ------------------------------------------------------------------- */

/**
 * struct value - what a thread waits for
 * @word: the memory
 * @size: how many bytes
 * @offset: where in @word
 * @deadline: of the wait
 */
struct value {
	_Alignas(8) _Atomic uint8_t word[16];
	size_t size;
	size_t offset;
	struct ntsync_nt_deadline deadline;
};

static const size_t sizes[] = { 1, 2, 4, 8 };

static bool fits_here(size_t size)
{
	return size <= sizeof(void *);
}

static const void *zero(void)
{
	static const char bytes[8];

	return bytes;
}

static uint32_t wait_while_zero(struct fixture *f, void *arg)
{
	struct value *v = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_on_address(f->nt, &v->word[v->offset], zero(), v->size, v->deadline);
}

/* As a guest does: returns when the last byte has changed. */
static uint32_t wait_for_change(struct fixture *f, void *arg)
{
	struct value *v = arg;

	while (!atomic_load(&v->word[v->offset + v->size - 1])) {
		uint32_t status = ntsync_nt_wait_on_address(f->nt, &v->word[v->offset], zero(),
							    v->size, v->deadline);

		if (status)
			return status;
	}
	return NTSYNC_STATUS_SUCCESS;
}

static void a_wake_ends_the_wait(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes) && fits_here(sizes[i]); i++) {
		for (size_t offset = 0; offset < 8; offset += sizes[i]) {
			struct value v = { .size = sizes[i], .offset = offset, .deadline = FOREVER };
			struct helper *helper = start_asleep(f, wait_for_change, &v);

			atomic_store(&v.word[offset + v.size - 1], 1);
			ntsync_nt_wake_address_single(f->nt, &v.word[offset]);
			assert_ok(finish(helper));
		}
	}
}

static void a_different_value_ends_it_at_once(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes) && fits_here(sizes[i]); i++) {
		for (size_t byte = 0; byte < sizes[i]; byte++) {
			struct value v = { .size = sizes[i], .deadline = FOREVER };

			atomic_store(&v.word[byte], 0x80);
			assert_ok(wait_while_zero(f, &v));
		}
	}
}

/* What is compared with may be anywhere. */
static void the_whole_value_is_compared(void **state)
{
	struct fixture *f = *state;
	unsigned char compare[9];
	struct value v = { .deadline = in_ms(1) };

	memset(&v.word, 0xa5, 8);
	memset(compare, 0xa5, sizeof(compare));
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && fits_here(sizes[i]); i++)
		assert_status(ntsync_nt_wait_on_address(f->nt, v.word, compare + 1, sizes[i], in_ms(1)),
			      NTSYNC_STATUS_TIMEOUT);
	memset(&v.word, 0, 8);
	/* The bytes after the value do not count. */
	memset(&v.word[4], 0xff, 4);
	assert_status(ntsync_nt_wait_on_address(f->nt, v.word, zero(), 4, in_ms(1)),
		      NTSYNC_STATUS_TIMEOUT);
}

static void deadlines(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_deadline date = {
		realtime_ns() + NS_PER_MS, NTSYNC_WAIT_REALTIME
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes) && fits_here(sizes[i]); i++) {
		struct value v = { .size = sizes[i], .deadline = POLL };

		assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
		v.deadline = in_ms(2);
		assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
		assert_true(now_ns() >= v.deadline.ns);
		v.deadline = date;
		assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
		v.deadline.ns = (uint64_t)INT64_MAX + 1;
		assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
	}
}

static void a_wake_of_all_ends_all(void **state)
{
	enum { MANY = 12 };
	struct fixture *f = *state;
	struct value v = { .size = 4, .deadline = FOREVER };
	struct helper *helpers[MANY];

	for (int i = 0; i < MANY; i++)
		helpers[i] = start_asleep(f, wait_for_change, &v);
	atomic_store(&v.word[3], 1);
	ntsync_nt_wake_address_all(f->nt, v.word);
	for (int i = 0; i < MANY; i++)
		assert_ok(finish(helpers[i]));
}

static void wakes_that_meet_nobody(void **state)
{
	struct fixture *f = *state;
	struct value v = { .size = 4, .deadline = FOREVER };
	struct helper *helper = start_asleep(f, wait_for_change, &v);

	ntsync_nt_wake_address_all(f->nt, &v.word[4]);
	ntsync_nt_wake_address_single(f->nt, &v.word[8]);
	assert_true(still_asleep(helper));
	atomic_store(&v.word[3], 1);
	ntsync_nt_wake_address_single(f->nt, v.word);
	assert_ok(finish(helper));
	/* Nor is one kept for later. */
	v = (struct value){ .size = 4, .deadline = in_ms(1) };
	ntsync_nt_wake_address_single(f->nt, v.word);
	assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
}

static uint32_t wait_for_a_byte(struct fixture *f, void *arg)
{
	_Atomic uint8_t *byte = arg;

	while (!atomic_load(byte)) {
		uint32_t status = ntsync_nt_wait_on_address(f->nt, byte, zero(), 1, FOREVER);

		if (status)
			return status;
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* The bytes of one word have a waiter each. */
static void neighbours_do_not_take_each_others_wakes(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4 * 5; i++) {
		_Alignas(4) _Atomic uint8_t bytes[4] = { 0 };
		struct helper *helpers[4];

		for (int j = 0; j < 4; j++)
			helpers[j] = start_asleep(f, wait_for_a_byte, &bytes[j]);
		for (int j = i; j < i + 4; j++) {
			atomic_store(&bytes[j % 4], 1);
			ntsync_nt_wake_address_single(f->nt, &bytes[j % 4]);
			assert_ok(finish(helpers[j % 4]));
		}
	}
}

static void wrong_arguments(void **state)
{
	struct fixture *f = *state;
	struct value v = { .size = 4 };
	struct ntsync_nt_deadline unknown = { 0, 0x80 };

	for (size_t size = 0; size < 20; size++) {
		if (size == 1 || size == 2 || size == 4 || size == 8)
			continue;
		assert_status(ntsync_nt_wait_on_address(f->nt, v.word, zero(), size, FOREVER),
			      NTSYNC_STATUS_INVALID_PARAMETER);
	}
	assert_status(ntsync_nt_wait_on_address(f->nt, &v.word[2], zero(), 4, FOREVER),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_wait_on_address(f->nt, v.word, zero(), 4, unknown),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, unknown),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_alert_by_id(f->nt, 0), NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_alert_by_id(f->nt, UINT32_MAX), NTSYNC_STATUS_INVALID_CID);
}

static void memory_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_status(ntsync_nt_wait_on_address(f->nt, page, zero(), 4, FOREVER),
		      NTSYNC_STATUS_ACCESS_VIOLATION);
	munmap(page, 4096);
}

static void without_memory(void **state)
{
	struct fixture *f = *state;
	struct value v = { .size = 4, .deadline = FOREVER };

	ntsync_nt_thread_id(f->nt);
	if (!env_fail_waits(ENOMEM))
		return;
	assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_NO_MEMORY);
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, FOREVER), NTSYNC_STATUS_NO_MEMORY);
	env_fail_waits(0);
	v.deadline = POLL;
	assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
}

/* -- Alerts by id ------------------------------------------------------------------------ */

static uint32_t wait_by_id(struct fixture *f, void *arg)
{
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_for_alert_by_id(f->nt, arg ? *(struct ntsync_nt_deadline *)arg : FOREVER);
}

static void an_alert_by_id_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	struct helper *helper = start_asleep(f, wait_by_id, NULL);

	assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
	assert_status(finish(helper), NTSYNC_STATUS_ALERTED);
}

static void an_alert_by_id_is_kept_once(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_alert_by_id(f->nt, tid));
	assert_ok(ntsync_nt_alert_by_id(f->nt, tid));
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, FOREVER), NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_alert_by_id(f->nt, tid));
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, POLL), NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, POLL), NTSYNC_STATUS_TIMEOUT);
}

static void alerts_of_both_kinds_are_independent(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_alert_by_id(f->nt, tid));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, FOREVER), NTSYNC_STATUS_ALERTED);
}

static void an_alert_by_id_before_the_thread_attaches(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_deadline poll = POLL;
	struct ntsync_nt_pending pending;

	assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
	assert_ok(ntsync_nt_query_pending(f->nt, SLEEPER, &pending, NULL, 0));
	assert_true(pending.alerted_by_id);
	assert_status(finish(start(f, wait_by_id, NULL)), NTSYNC_STATUS_ALERTED);
	/* Discarded. */
	assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
	assert_ok(ntsync_nt_thread_abandon(f->nt, SLEEPER));
	assert_status(finish(start(f, wait_by_id, &poll)), NTSYNC_STATUS_TIMEOUT);
}

static void an_alert_by_id_survives_a_failed_create(void **state)
{
	struct fixture *f = *state;
	uint32_t thread;

	assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
	assert_true(env_fail_creates(EMFILE));
	assert_status(ntsync_nt_thread_create_object(f->nt, &thread, SLEEPER),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	env_fail_creates(0);
	assert_status(finish(start(f, wait_by_id, NULL)), NTSYNC_STATUS_ALERTED);
}

/* -- Ends from outside -------------------------------------------------------------------- */

static const helper_fn sleeps[] = { wait_while_zero, wait_by_id };

/* What both kinds of sleep take for their argument. */
static void *argument_of(helper_fn sleep, struct value *v)
{
	return sleep == wait_by_id ? NULL : v;
}

static void a_stop_ends_them(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sleeps) * ARRAY_SIZE(sizes); i++) {
		struct value v = { .size = sizes[i / 2], .deadline = FOREVER };
		helper_fn sleep = sleeps[i % 2];
		struct helper *helper;

		if (!fits_here(v.size))
			break;
		helper = start_asleep(f, sleep, argument_of(sleep, &v));
		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		/* Perhaps before the thread has run. */
		ntsync_nt_resume(f->nt);
		assert_status(finish(helper), CANCELLED);
	}
}

static void an_interruption_ends_them(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		struct value v = { .size = 4, .deadline = FOREVER };
		struct helper *helper = start_asleep(f, sleeps[i], argument_of(sleeps[i], &v));

		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		assert_status(finish(helper), TERMINATING);
	}
}

static void alerts_and_apcs_do_not(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		struct value v = { .size = 4, .deadline = FOREVER };
		struct helper *helper = start_asleep(f, sleeps[i], argument_of(sleeps[i], &v));

		assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
		assert_ok(ntsync_nt_queue_apc(f->nt, SLEEPER));
		assert_true(still_asleep(helper));
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, CANCELLED));
		assert_status(finish(helper), CANCELLED);
	}
}

static void a_stopped_table_refuses_them(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);
	struct value v = { .size = 4, .deadline = FOREVER };

	assert_ok(ntsync_nt_alert_by_id(f->nt, tid));
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	atomic_store(&v.word[0], 1);
	assert_status(wait_while_zero(f, &v), CANCELLED);
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, POLL), CANCELLED);
	check(f);
	ntsync_nt_resume(f->nt);
	assert_ok(wait_while_zero(f, &v));
	/* The alert has stayed. */
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, POLL), NTSYNC_STATUS_ALERTED);
}

/* The next waits of another kind do not end by what has ended one of these. */
static void later_waits_are_not_disturbed(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);
	struct value v = { .size = 4, .deadline = in_ms(1) };

	assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, CANCELLED));
	assert_status(ntsync_nt_wait_for_alert_by_id(f->nt, FOREVER), CANCELLED);
	assert_status(wait_while_zero(f, &v), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

static void handle_signal(int sig)
{
	(void)sig;
}

static void a_signal_handler_loses_nothing(void **state)
{
	struct sigaction action = { .sa_handler = handle_signal };
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		struct value v = { .size = 4, .deadline = FOREVER };
		struct helper *helper;

		action.sa_flags = i & 1 ? SA_RESTART : 0;
		sigaction(SIGUSR1, &action, NULL);
		helper = start_asleep(f, wait_for_change, &v);
		interrupt(helper, SIGUSR1);
		atomic_store(&v.word[3], 1);
		ntsync_nt_wake_address_single(f->nt, v.word);
		assert_ok(finish(helper));
		helper = start_asleep(f, wait_by_id, NULL);
		interrupt(helper, SIGUSR1);
		assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
		assert_status(finish(helper), NTSYNC_STATUS_ALERTED);
	}
}

/* -- Races ------------------------------------------------------------------------------- */

#define ROUNDS 2000

/**
 * struct game - two threads that pass a ball
 * @ball: whose turn it is
 * @size: of @ball that the threads wait for
 */
struct game {
	_Alignas(8) _Atomic uint64_t ball;
	size_t size;
};

/* The whole value changes: both halves of eight bytes, and each byte. */
static uint64_t turn_of(int player)
{
	return player ? UINT64_MAX : 0;
}

static uint32_t play(struct fixture *f, struct game *game, int me)
{
	uint64_t theirs = turn_of(!me), mine = turn_of(me);

	for (int i = 0; i < ROUNDS; i++) {
		while (atomic_load(&game->ball) == theirs) {
			uint32_t status = ntsync_nt_wait_on_address(f->nt, &game->ball, &theirs,
								    game->size, FOREVER);

			if (status && status != TERMINATING)
				return status;
		}
		if (atomic_load(&game->ball) != mine)
			return NTSYNC_STATUS_INTERNAL_ERROR;
		atomic_store(&game->ball, theirs);
		ntsync_nt_wake_address_single(f->nt, &game->ball);
	}
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t play_first(struct fixture *f, void *arg)
{
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return play(f, arg, 0);
}

static uint32_t play_second(struct fixture *f, void *arg)
{
	return play(f, arg, 1);
}

static void no_wake_is_lost(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes) && fits_here(sizes[i]); i++) {
		struct game game = { .size = sizes[i] };
		struct helper *first = start(f, play_first, &game);
		struct helper *second = start(f, play_second, &game);

		for (int j = 0; j < 100; j++) {
			assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
			sched_yield();
		}
		assert_ok(finish(first));
		assert_ok(finish(second));
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, 0));
		ntsync_nt_thread_abandon(f->nt, SLEEPER);
	}
}

/* On one processor the thread that was interrupted does not run before it is also woken. */
static void share_a_processor(cpu_set_t *before)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_getaffinity(0, sizeof(*before), before), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* A wake that goes to a thread that was interrupted is not lost: one of the two returns SUCCESS. */
static void an_interruption_takes_no_wake(void **state)
{
	struct fixture *f = *state;
	struct value v = { .size = 4, .deadline = FOREVER };
	cpu_set_t before;

	share_a_processor(&before);
	for (int i = 0; i < 100; i++) {
		struct helper *first = start_asleep(f, wait_while_zero, &v);
		struct helper *second = start_asleep(f, wait_while_zero, &v);
		uint32_t status;

		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		ntsync_nt_wake_address_single(f->nt, v.word);
		status = finish(first);
		if (status != TERMINATING) {
			assert_ok(status);
			assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, 0));
			ntsync_nt_wake_address_single(f->nt, v.word);
		}
		assert_ok(finish(second));
	}
	sched_setaffinity(0, sizeof(before), &before);
}

static uint32_t count_alerts(struct fixture *f, void *arg)
{
	atomic_int *sent = arg;
	uint32_t status = NTSYNC_STATUS_SUCCESS;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	for (int taken = 0; taken < ROUNDS && status != CANCELLED;) {
		status = ntsync_nt_wait_for_alert_by_id(f->nt, FOREVER);
		if (status == NTSYNC_STATUS_ALERTED)
			taken = atomic_exchange(sent, 0) ? taken + 1 : ROUNDS + 1;
		if (taken > ROUNDS)
			return NTSYNC_STATUS_INTERNAL_ERROR;
	}
	return status == NTSYNC_STATUS_ALERTED ? NTSYNC_STATUS_SUCCESS : status;
}

/* The next alert is sent only when the last one was seen: each one is. */
static void no_alert_by_id_is_lost(void **state)
{
	struct fixture *f = *state;
	atomic_int sent = 0;
	struct helper *helper = start(f, count_alerts, &sent);

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 10 == 0)
			assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		atomic_store(&sent, 1);
		assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
		while (atomic_load(&sent))
			sched_yield();
	}
	assert_ok(finish(helper));
}

static uint32_t sleep_shortly(struct fixture *f, void *arg)
{
	struct value *v = arg;
	uint32_t status;

	v->deadline = FOREVER;
	status = wait_while_zero(f, v);
	ntsync_nt_thread_detach(f->nt);
	return status;
}

/* A stop ends a wait that is just beginning, and threads come and go. */
static void no_stop_is_lost(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 200; i++) {
		struct value v = { .size = sizes[i % 4] };
		struct helper *helper;

		if (!fits_here(v.size))
			continue;
		helper = start(f, i & 4 ? wait_by_id : sleep_shortly, i & 4 ? NULL : &v);
		for (int spin = 0; spin < i % 50; spin++)
			sched_yield();
		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		assert_status(finish(helper), CANCELLED);
		ntsync_nt_resume(f->nt);
	}
}

#define OLD(fn) { #fn " (with futexes)", fn, setup_old_driver, teardown_old_driver, NULL }

#define EACH(how) \
	how(a_wake_ends_the_wait), \
	how(a_different_value_ends_it_at_once), \
	how(the_whole_value_is_compared), \
	how(deadlines), \
	how(a_wake_of_all_ends_all), \
	how(wakes_that_meet_nobody), \
	how(neighbours_do_not_take_each_others_wakes), \
	how(wrong_arguments), \
	how(memory_that_cannot_be_read), \
	how(an_alert_by_id_ends_the_wait), \
	how(an_alert_by_id_is_kept_once), \
	how(alerts_of_both_kinds_are_independent), \
	how(an_alert_by_id_before_the_thread_attaches), \
	how(an_alert_by_id_survives_a_failed_create), \
	how(a_stop_ends_them), \
	how(an_interruption_ends_them), \
	how(alerts_and_apcs_do_not), \
	how(a_stopped_table_refuses_them), \
	how(later_waits_are_not_disturbed), \
	how(a_signal_handler_loses_nothing), \
	how(no_wake_is_lost), \
	how(an_interruption_takes_no_wake), \
	how(no_alert_by_id_is_lost), \
	how(no_stop_is_lost)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(without_memory), EACH(TEST), EACH(OLD) };
	const struct CMUnitTest more[] = { EACH(OLD) };
	bool can_be_old = env_old_driver(false);

	return nt_run_group(__FILE__, tests,
			    ARRAY_SIZE(tests) - (can_be_old ? 0 : ARRAY_SIZE(more)));
}
