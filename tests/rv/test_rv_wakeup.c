// SPDX-License-Identifier: GPL-2.0-only
/*
 * An outside judge of the inheritance: the monitor `wakeup` of the kernel's runtime verification
 * (Documentation/trace/rv/monitor_rtapp.rst, Linux 7.3 and later). It reports each real-time thread
 * that is woken by a thread with a lower priority, or by a softirq. With inheritance, who ends the
 * wait of a FIFO 80 thread has that priority itself at that moment.
 *
 * It reports a wake-up for which nobody can inherit, too, such as an event that a normal task sets.
 * The first test is one, to see that the judge is awake.
 */
#include "../pi/addr.h"
#include "../pi/channel.h"
#include "../pi/tracefs.h"

#define MONITOR	"rv/monitors/rtapp/wakeup/enable"
#define REPORTS	"events/rv/error_wakeup/enable"

/*
 * Before the actors are created: it judges a task that was there before only after that has made a
 * system call and has waited for a lock of the kernel.
 */
static struct fixture *judge_begin(struct fixture *f)
{
	only_ours(f, "no inheritance");
	trace_begin();
	trace_write(REPORTS, "1");
	trace_write(MONITOR, "1");
	return f;
}

static char *judge_end(void)
{
	trace_write(MONITOR, "0");
	trace_write(REPORTS, "0");
	return trace_end();
}

static bool is_reported(const char *text, const struct actor *a)
{
	char words[64];

	snprintf(words, sizeof(words), "[%d]: violation detected", a->tid);
	return strstr(text, words);
}

/* Ends it: the two have been woken, and the judge has nothing to say about it. */
static void assert_not_reported(const struct actor *a, const struct actor *b)
{
	char *text = judge_end();
	bool reported = is_reported(text, a) || is_reported(text, b);

	if (reported)
		fprintf(stderr, "%s", text);
	free(text);
	assert_false(reported);
}

/* ---- the judge ---- */

static int set_event_here(struct actor *a, void *event)
{
	uint32_t previous;

	(void)a;
	return nt(*(int *)event, NTSYNC_IOC_EVENT_SET, &previous);
}

static void an_event_of_a_normal_task_is_reported(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f), *normal = actor_normal(f);
	int event = new_auto(f, false);
	char *text;
	bool reported;

	actor_block_on(high, event);
	assert_ret(actor_do(normal, set_event_here, &event), 0);
	assert_ret(actor_finish(high), 0);
	text = judge_end();
	reported = is_reported(text, high);
	free(text);
	assert_true(reported);
}

/* ---- mutexes ---- */

static void the_owner_of_a_mutex(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	assert_ret(actor_locks(owner, mutex), 0);
	actor_block_on(high, mutex);
	actor_pass_mutex(owner, high, mutex);
	assert_not_reported(high, owner);
	assert_ret(actor_unlocks(high, mutex), 0);
}

/* The one in the middle is a real-time thread while it is boosted, so it is judged, too. */
static void a_chain_of_owners(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f), *middle = actor_normal(f), *last = actor_normal(f);
	int first_mutex = new_mutex(f, 0, 0), second_mutex = new_mutex(f, 0, 0);

	assert_ret(actor_locks(middle, first_mutex), 0);
	assert_ret(actor_locks(last, second_mutex), 0);
	actor_block_on(middle, second_mutex);
	actor_block_on(high, first_mutex);
	actor_pass_mutex(last, middle, second_mutex);
	actor_pass_mutex(middle, high, first_mutex);
	assert_not_reported(high, middle);
	assert_ret(actor_unlocks(middle, second_mutex), 0);
	assert_ret(actor_unlocks(high, first_mutex), 0);
}

static void the_owners_of_all(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f), *first = actor_normal(f), *last = actor_normal(f);
	int mutex[] = { new_mutex(f, 0, 0), new_mutex(f, 0, 0) };

	assert_ret(actor_locks(first, mutex[0]), 0);
	assert_ret(actor_locks(last, mutex[1]), 0);
	actor_block(high, ALL, ARGS(FDS(mutex[0], mutex[1]), .timeout = FOREVER));
	assert_ret(actor_unlocks(first, mutex[0]), 0);
	assert_ret(actor_unlocks(last, mutex[1]), 0);
	assert_ret(actor_finish(high), 0);
	assert_not_reported(high, last);
	assert_ret(actor_unlocks(high, mutex[0]), 0);
	assert_ret(actor_unlocks(high, mutex[1]), 0);
}

/* As a server does for a thread that has ended. */
static void a_normal_task_that_abandons_a_mutex(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f), *owner = actor_normal(f), *killer = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	assert_ret(actor_locks(owner, mutex), 0);
	actor_block_on(high, mutex);
	assert_ret(actor_do(killer, kill_mutex_of, owner), 0);
	assert_ret(actor_finish(high), -EOWNERDEAD);
	assert_not_reported(high, killer);
	assert_ret(actor_unlocks(high, mutex), 0);
}

/* ---- channels ---- */

static void the_server_of_a_request(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *server = actor_normal(f), *client = actor_high(f);
	int channel = pi_channel(f);

	actor_sends(client, channel, HIGH);
	actor_receives(server, channel, client);
	actor_answers(server, client);
	assert_not_reported(client, server);
}

/* The exit worker ends its request. */
static void a_server_that_exits(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *server = actor_normal(f), *client = actor_high(f);
	int channel = pi_channel(f);

	actor_sends(client, channel, HIGH);
	actor_receives(server, channel, client);
	actor_exit(server);
	assert_ret(actor_finish(client), -ECONNRESET);
	assert_not_reported(client, client);
}

/* ---- addresses, deadlines ---- */

static int wake_word(struct actor *a, void *word)
{
	return addr_wake_here(a->f->dev, word, 1, 0);
}

static void the_owner_of_a_word(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	int word = 1;

	need_addresses(f);
	actor_sleeps(high, &word, owner);
	assert_ret(actor_do(owner, wake_word, &word), 1);
	assert_ret(actor_finish(high), 0);
	assert_not_reported(high, owner);
}

/* A timer of the driver expires in the interrupt itself, not in a softirq. */
static void a_deadline(void **state)
{
	struct fixture *f = judge_begin(*state);
	struct actor *high = actor_high(f);
	int event = new_auto(f, false);

	actor_wait(high, ANY, ARGS(FDS(event), .timeout = monotonic_ns() + 20 * NS_PER_MS));
	assert_ret(actor_finish(high), -ETIMEDOUT);
	assert_not_reported(high, high);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(an_event_of_a_normal_task_is_reported),
		PI_TEST(the_owner_of_a_mutex),
		PI_TEST(a_chain_of_owners),
		PI_TEST(the_owners_of_all),
		PI_TEST(a_normal_task_that_abandons_a_mutex),
		PI_TEST(the_server_of_a_request),
		PI_TEST(a_server_that_exits),
		PI_TEST(the_owner_of_a_word),
		PI_TEST(a_deadline),
	};

	return RUN(tests);
}
