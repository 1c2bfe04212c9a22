// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints, as docs/pi.md describes them.
 */
#include "channel.h"
#include "tracefs.h"

static void assert_boost_traced(pid_t tid, const char *source)
{
	char words[64], *text = trace_end();

	snprintf(words, sizeof(words), " source=%s old_prio=%d new_prio=%d", source, LOW, HIGH);
	assert_true(traced_task(text, "ntsync_boost", tid, words));
	snprintf(words, sizeof(words), " source=none old_prio=%d new_prio=%d", HIGH, LOW);
	assert_true(traced_task(text, "ntsync_unboost", tid, words));
	free(text);
}

static void a_mutex_boost_and_its_end(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	trace_begin();
	actor_block_on(waiter, mutex);
	actor_pass_mutex(holder, waiter, mutex);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	assert_boost_traced(holder->tid, "mutex");
}

static void an_event_boost_and_its_end(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_low(f, "consumer");
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	trace_begin();
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	assert_boost_traced(consumer->tid, "event");
}

static void a_channel_boost_and_its_end(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	struct actor *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	trace_begin();
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	actor_answers(server, caller);
	assert_boost_traced(server->tid, "channel");
}

/* When one source ends, the next one sets the priority. */
static void sources_replace_each_other(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	struct actor *caller = actor_client(f, "caller");
	struct actor *waiter = actor_new(f, "waiter", FIFO(HOG));
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);
	char *text;

	only_ours(f, "no channels");
	assert_ret(actor_locks(server, mutex), 0);
	trace_begin();
	actor_block_on(waiter, mutex);
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	actor_answers(server, caller);
	actor_pass_mutex(server, waiter, mutex);
	text = trace_end();
	assert_true(traced_task(text, "ntsync_boost", server->tid,
				" source=mutex old_prio=10 new_prio=50"));
	assert_true(traced_task(text, "ntsync_boost", server->tid,
				" source=channel old_prio=50 new_prio=80"));
	assert_true(traced_task(text, "ntsync_unboost", server->tid,
				" source=mutex old_prio=80 new_prio=50"));
	assert_true(traced_task(text, "ntsync_unboost", server->tid,
				" source=none old_prio=50 new_prio=10"));
	free(text);
}

/* ---- who hands off another task's mutex ---- */

static int unlock_mutex_of(struct actor *a, void *arg)
{
	const struct actor *holder = arg;

	(void)a;
	return nt(holder->objs[0], NTSYNC_IOC_MUTEX_UNLOCK,
		  &(struct ntsync_mutex_args){ .owner = holder->owner });
}

/* Moves *at behind the next line of that event whose text begins with the words. */
static void assert_next(const char **at, const char *event, const char *format, ...)
{
	char first[64], line[128];
	const char *found;
	va_list args;

	va_start(args, format);
	vsnprintf(first, sizeof(first), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "%s: %s ", event, first);
	found = strstr(*at, line);
	if (!found)
		fail_msg("no %s in:\n%s", line, *at);
	*at = found + strlen(line);
}

static void assert_handed_off_while_boosted(const char *text, const struct actor *by, int mutex)
{
	unsigned long long id = object_id(mutex);
	const char *at = text;

	assert_true(traced_task(text, "ntsync_boost", by->tid,
				" source=handoff old_prio=10 new_prio=80"));
	assert_next(&at, "ntsync_boost", "tid=%d", by->tid);
	assert_next(&at, "ntsync_release", "object=%llu type=mutex tid=%d", id, by->tid);
	assert_next(&at, "ntsync_wake", "object=%llu tid=%d", id, by->tid);
	assert_next(&at, "ntsync_unboost", "tid=%d", by->tid);
}

/*
 * A task of medium priority could preempt it between the hand-off and the boost of the new owner. So
 * it has the priority of the waiters before it releases the mutex, until it has woken the new owner.
 */
static void a_hand_off_is_made_at_the_waiters_priority(void **state)
{
	static const job_fn jobs[] = { kill_mutex_of, unlock_mutex_of };
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(jobs); i++) {
		struct actor *holder = actor_low(f, "holder"), *by = actor_low(f, "by");
		struct actor *waiter = actor_high(f);
		int mutex = new_mutex(f, 0, 0);
		char *text;

		/* A task that has made no other call before does it too. */
		if (i / ARRAY_SIZE(jobs))
			actor_introduce(by);
		contend(holder, waiter, mutex);
		holder->objs[0] = mutex;
		trace_begin();
		assert_ret(actor_do(by, jobs[i % ARRAY_SIZE(jobs)], holder), 0);
		assert_ret(actor_finish(waiter), i % ARRAY_SIZE(jobs) ? 0 : -EOWNERDEAD);
		text = trace_end();
		assert_handed_off_while_boosted(text, by, mutex);
		free(text);
		assert_unboosted(by);
		assert_unboosted(holder);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* ---- what happens to requests ---- */

/* The number of the channel that @tid has sent to. */
static unsigned long long find_traced_channel(const char *text, pid_t tid)
{
	unsigned long long channel, id;
	const char *at = text;
	unsigned int sender;

	while ((at = strstr(at, "ntsync_channel_send: "))) {
		at += strlen("ntsync_channel_send: ");
		if (sscanf(at, "channel=%llu entry_id=%llu tid=%u", &channel, &id, &sender) == 3 &&
		    sender == (unsigned int)tid)
			return channel;
	}
	fail_msg("task %d has sent nothing:\n%s", tid, text);
	return 0;
}

static void assert_request_traced(const char *text, unsigned long long channel, const char *event,
				  const char *format, ...)
{
	char name[64], first[32], words[96];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	snprintf(name, sizeof(name), "ntsync_channel_%s", event);
	snprintf(first, sizeof(first), "channel=%llu", channel);
	if (traced(text, name, first, words))
		return;
	fprintf(stderr, "# no %s: %s %s in:\n%s", name, first, words, text);
	fail();
}

static void requests_are_traced(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	struct actor *caller = actor_client(f, "caller");
	struct actor *leaves = actor_client(f, "leaves");
	int channel = pi_channel(f);
	unsigned long long number;
	char *text;

	only_ours(f, "no channels");
	trace_begin();
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	actor_sends(leaves, channel, 0);
	actor_interrupt(leaves);
	answer(caller);
	actor_sends(leaves, channel, 0);
	actor_drains(server, channel, leaves);
	actor_interrupt(leaves);
	text = trace_end();
	number = find_traced_channel(text, caller->tid);
	assert_request_traced(text, number, "send", "entry_id=1 tid=%d prio=%d\n", caller->tid, HIGH);
	assert_request_traced(text, number, "receive", "entry_id=1 tid=%d sender_tid=%d prio=%d\n",
			      server->tid, caller->tid, HIGH);
	assert_request_traced(text, number, "reply", "entry_id=1 tid=%d\n", gettid());
	assert_request_traced(text, number, "send", "entry_id=2 tid=%d prio=0\n", leaves->tid);
	assert_request_traced(text, number, "withdraw", "entry_id=2 tid=%d\n", leaves->tid);
	assert_request_traced(text, number, "receive", "entry_id=3 tid=%d sender_tid=%d prio=0\n",
			      server->tid, leaves->tid);
	assert_request_traced(text, number, "withdraw", "entry_id=3 tid=%d\n", leaves->tid);
	free(text);
}

/* ---- what happens to objects ---- */

#define assert_line_traced(text, event, ...) \
	assert_traced_line(text, event, __LINE__, __VA_ARGS__)
static void assert_traced_line(const char *text, const char *event, int at, const char *format, ...)
{
	char line[256];
	va_list args;
	int len = snprintf(line, sizeof(line), " %s: ", event);

	va_start(args, format);
	vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (strstr(text, line))
		return;
	fprintf(stderr, "# %s:%d: no \"%s\" in:\n%s", __FILE__, at, line, text);
	fail();
}

static void waits_and_wakes_are_traced(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);
	unsigned long long m = object_id(mutex), e = object_id(event);
	char *text;

	only_ours(f, "no tracepoints");
	trace_begin();
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block(waiter, ANY, ARGS(FDS(mutex, event), .timeout = FOREVER));
	actor_pass_mutex(holder, waiter, mutex);
	text = trace_end();
	assert_line_traced(text, "ntsync_acquire", "object=%llu type=mutex tid=%d owner=%u value=1\n", m,
			   holder->tid, holder->owner);
	assert_line_traced(text, "ntsync_wait",
			   "tid=%d prio=%d owner=%u all=0 nr=2 object=%llu objects={0x%llx,0x%llx}\n",
			   waiter->tid, HIGH, waiter->owner, m, m, e);
	assert_line_traced(text, "ntsync_release", "object=%llu type=mutex tid=%d owner=%u value=0\n", m,
			   holder->tid, holder->owner);
	assert_line_traced(text, "ntsync_acquire", "object=%llu type=mutex tid=%d owner=%u value=1\n", m,
			   waiter->tid, waiter->owner);
	assert_line_traced(text, "ntsync_wake", "object=%llu tid=%d woken_tid=%d woken_comm=%s woken_prio=%d\n",
			   m, holder->tid, waiter->tid, program_invocation_short_name, HIGH);
	free(text);
}

static void all_types_are_traced(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int sem = new_sem(f, 0, 5), event = new_auto(f, false);
	unsigned long long s = object_id(sem), e = object_id(event);
	char *text;

	only_ours(f, "no tracepoints");
	trace_begin();
	actor_block(waiter, ALL, ARGS(FDS(sem, event), .timeout = FOREVER));
	release(sem, 3, 0);
	set_event(event, 0);
	assert_ret(actor_finish(waiter), 0);
	text = trace_end();
	assert_line_traced(text, "ntsync_wait",
			   "tid=%d prio=%d owner=%u all=1 nr=2 object=%llu objects={0x%llx,0x%llx}\n",
			   waiter->tid, HIGH, waiter->owner, s, s, e);
	assert_line_traced(text, "ntsync_release", "object=%llu type=sem tid=%d owner=0 value=3\n", s, gettid());
	assert_line_traced(text, "ntsync_release", "object=%llu type=event tid=%d owner=0 value=1\n", e,
			   gettid());
	assert_line_traced(text, "ntsync_acquire", "object=%llu type=sem tid=%d owner=%u value=2\n", s,
			   waiter->tid, waiter->owner);
	assert_line_traced(text, "ntsync_acquire", "object=%llu type=event tid=%d owner=%u value=0\n", e,
			   waiter->tid, waiter->owner);
	assert_line_traced(text, "ntsync_wake", "object=%llu tid=%d woken_tid=%d ", s, gettid(), waiter->tid);
	free(text);
}

static void aggregate_waits_are_traced(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 5);
	struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = sem };
	struct ntsync_aggregate_wait_args args = {
		.sources = (uintptr_t)&source, .nb_sources = 1, .owner = OWNER,
	};
	char *text;

	only_ours(f, "no AGGREGATE_WAIT");
	trace_begin();
	assert_ret(nt(f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args), 0);
	assert_ret(nt(f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args), -ETIMEDOUT);
	text = trace_end();
	assert_line_traced(text, "ntsync_aggregate", "tid=%d objects=1 files=0 ret=0 fired=0 events=0x0\n",
			   gettid());
	assert_line_traced(text, "ntsync_aggregate", "tid=%d objects=1 files=0 ret=%d fired=0 events=0x0\n",
			   gettid(), -ETIMEDOUT);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(a_mutex_boost_and_its_end),
		PI_TEST(an_event_boost_and_its_end),
		PI_TEST(a_channel_boost_and_its_end),
		PI_TEST(sources_replace_each_other),
		PI_TEST(a_hand_off_is_made_at_the_waiters_priority),
		PI_TEST(requests_are_traced),
		PI_TEST(waits_and_wakes_are_traced),
		PI_TEST(all_types_are_traced),
		PI_TEST(aggregate_waits_are_traced),
	};

	return RUN(tests);
}
