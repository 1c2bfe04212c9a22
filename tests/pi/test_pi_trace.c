// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints, as docs/pi.md describes them.
 */
#include "inversion.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing/"

static void trace_write(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACEFS "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static char *trace_read(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *in = fopen(TRACEFS "trace", "re");

	assert_non_null(in);
	assert_true(getdelim(&text, &size, '\0', in) > 0);
	fclose(in);
	return text;
}

/* Is there such an event of that task, with these words behind its name? */
static bool traced(const char *text, const char *event, pid_t tid, const char *words)
{
	char head[64];
	const char *at = text, *found;

	snprintf(head, sizeof(head), "%s: tid=%d ", event, tid);
	while ((at = strstr(at, head))) {
		at += strlen(head);
		found = strstr(at, words);
		if (found && found < at + strcspn(at, "\n"))
			return true;
	}
	return false;
}

static void assert_traced(pid_t tid, const char *source)
{
	char words[64], *text = trace_read();

	snprintf(words, sizeof(words), " source=%s old_prio=%d new_prio=%d", source, LOW, HIGH);
	assert_true(traced(text, "ntsync_boost", tid, words));
	snprintf(words, sizeof(words), " source=none old_prio=%d new_prio=%d", HIGH, LOW);
	assert_true(traced(text, "ntsync_unboost", tid, words));
	free(text);
}

static void begin_trace(void)
{
	trace_write("trace", "\n");
	trace_write("events/ntsync/enable", "1");
}

static void a_mutex_boost_and_its_end(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", FIFO(LOW));
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	begin_trace();
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	trace_write("events/ntsync/enable", "0");
	assert_traced(holder->tid, "mutex");
}

static void an_event_boost_and_its_end(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", FIFO(LOW));
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = HIGH };
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	begin_trace();
	assert_ret(ioctl(event, NTSYNC_IOC_EVENT_SET_PI, &args), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	trace_write("events/ntsync/enable", "0");
	assert_traced(consumer->tid, "event");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(a_mutex_boost_and_its_end),
		PI_TEST(an_event_boost_and_its_end),
	};

	return RUN(tests);
}
