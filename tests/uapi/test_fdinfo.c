// SPDX-License-Identifier: GPL-2.0-only
/* What /proc/PID/fdinfo/FD says about an object. */
#include "channel.h"

static void read_fdinfo(int fd, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(info >= 0);
	len = read(info, text, size - 1);
	close(info);
	assert_true(len > 0);
	text[len] = '\0';
}

/* The lines between the standard ones and the numbers: order, spelling and the tab. */
static void assert_fdinfo(struct fixture *f, int fd, const char *want)
{
	unsigned long long instance, id;
	char text[4096];
	char *ours;
	int end = 0, found;

	only_ours(f, "it tells nothing in fdinfo");
	read_fdinfo(fd, text, sizeof(text));
	assert_non_null(strstr(text, "pos:\t"));
	ours = strstr(text, "ntsync-");
	assert_non_null(ours);
	if (strncmp(ours, want, strlen(want)))
		assert_string_equal(ours, want);
	ours += strlen(want);
	found = sscanf(ours, "ntsync-instance:\t%llu\nntsync-id:\t%llu\n%n", &instance, &id, &end);
	assert_true(found == 2 && end > 0 && instance && id && instance != id);
}

/* This is one of its lines. */
static void assert_line(int fd, const char *format, ...)
{
	char text[4096], line[128];
	va_list args;

	line[0] = '\n';
	va_start(args, format);
	vsnprintf(line + 1, sizeof(line) - 1, format, args);
	va_end(args);
	read_fdinfo(fd, text, sizeof(text));
	if (strstr(text, line))
		return;
	fprintf(stderr, "# no line %s in:\n%s", line + 1, text);
	fail();
}

static unsigned long long read_number(int fd, const char *key)
{
	char text[4096], *at;

	read_fdinfo(fd, text, sizeof(text));
	at = strstr(text, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static void sem_is_described(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 3, ~0u);

	assert_fdinfo(f, sem, "ntsync-type:\tsem\nntsync-count:\t3\nntsync-max:\t4294967295\n"
			      "ntsync-waiters-any:\t0\nntsync-waiters-all:\t0\n");
	release(sem, 2, 3);
	assert_fdinfo(f, sem, "ntsync-type:\tsem\nntsync-count:\t5\nntsync-max:\t4294967295\n"
			      "ntsync-waiters-any:\t0\nntsync-waiters-all:\t0\n");
}

static void mutex_is_described(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, ~0u, 2);

	assert_fdinfo(f, mutex, "ntsync-type:\tmutex\nntsync-owner:\t4294967295\n"
				"ntsync-count:\t2\nntsync-abandoned:\t0\n"
				"ntsync-waiters-any:\t0\nntsync-waiters-all:\t0\n");
	kill_owner(mutex, ~0u);
	assert_fdinfo(f, mutex, "ntsync-type:\tmutex\nntsync-owner:\t0\nntsync-count:\t0\n"
				"ntsync-abandoned:\t1\n"
				"ntsync-waiters-any:\t0\nntsync-waiters-all:\t0\n");
	/* Reading does not acquire. */
	assert_abandoned(mutex);
}

static void event_is_described(void **state)
{
	struct fixture *f = *state;
	char want[256];

	for (int manual = 0; manual < 2; manual++) {
		for (int signaled = 0; signaled < 2; signaled++) {
			int event = new_event(f, manual, signaled);

			snprintf(want, sizeof(want),
				 "ntsync-type:\tevent\nntsync-manual:\t%d\nntsync-signaled:\t%d\n"
				 "ntsync-waiters-any:\t0\nntsync-waiters-all:\t0\n",
				 manual, signaled);
			assert_fdinfo(f, event, want);
			assert_event(event, manual, signaled);
		}
	}
}

static void assert_waiters(struct fixture *f, int sem, int any, int all)
{
	char want[256];

	snprintf(want, sizeof(want),
		 "ntsync-type:\tsem\nntsync-count:\t0\nntsync-max:\t9\n"
		 "ntsync-waiters-any:\t%d\nntsync-waiters-all:\t%d\n", any, all);
	assert_fdinfo(f, sem, want);
}

static void waiters_are_counted(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), other = new_auto(f, false);
	struct waiter *any, *all;

	any = start_on(f, ANY, sem);
	assert_waiters(f, sem, 1, 0);
	all = start(f, ALL, ARGS(FDS(other, sem), .owner = OWNER, .timeout = FOREVER));
	assert_waiters(f, sem, 1, 1);
	release(sem, 1, 0);
	assert_woken(any, 0, 0);
	assert_waiters(f, sem, 0, 1);
	set_event(other, 0);
	release(sem, 1, 0);
	assert_woken(all, 0, 0);
	assert_waiters(f, sem, 0, 0);
}

/* An instance and its objects show that they belong together; no number is used twice. */
static void objects_have_numbers(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), event = new_auto(f, false);

	only_ours(f, "it tells nothing in fdinfo");
	assert_line(f->dev, "ntsync-type:\tinstance\n");
	assert_int_equal(read_number(sem, "ntsync-instance:\t"),
			 read_number(f->dev, "ntsync-instance:\t"));
	assert_int_equal(read_number(event, "ntsync-instance:\t"),
			 read_number(f->dev, "ntsync-instance:\t"));
	assert_int_not_equal(read_number(sem, "ntsync-id:\t"), read_number(event, "ntsync-id:\t"));
	assert_int_equal(read_number(own_fd(f, dup(sem)), "ntsync-id:\t"),
			 read_number(sem, "ntsync-id:\t"));
}

static void waiters_are_named(void **state)
{
	static const struct waiter_sched fifo = { .policy = SCHED_FIFO, .prio = 7 };
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), other = new_auto(f, false);
	struct waiter *any, *all;

	only_ours(f, "it tells nothing in fdinfo");
	need_realtime();
	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = OWNER), 0, 0);
	assert_line(mutex, "ntsync-owner-tid:\t%d\n", gettid());
	any = start_sched(f, ANY, ARGS(FDS(mutex), .owner = 2, .timeout = FOREVER), &fifo);
	all = start(f, ALL, ARGS(FDS(other, mutex), .owner = 3, .timeout = FOREVER));
	assert_line(mutex, "ntsync-waiter:\tany %d 7\nntsync-waiter:\tall %d 0\n",
		    waiter_tid(any), waiter_tid(all));
	assert_line(other, "ntsync-waiter:\tall %d 0\n", waiter_tid(all));
	unlock(mutex, OWNER, 1);
	assert_woken(any, 0, 0);
	unlock(mutex, 2, 1);
	set_event(other, 0);
	assert_woken(all, 0, 0);
}

/* The list is cut off; the count is complete. */
static void not_all_of_many_waiters_are_named(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 40);
	char text[4096];
	int lines = 0;

	only_ours(f, "it tells nothing in fdinfo");
	for (int i = 0; i < 20; i++)
		start_on(f, ANY, sem);
	assert_line(sem, "ntsync-waiters-any:\t20\n");
	read_fdinfo(sem, text, sizeof(text));
	for (char *at = text; (at = strstr(at, "ntsync-waiter:")); at++)
		lines++;
	assert_int_equal(lines, 16);
	release(sem, 20, 0);
	for (int i = 0; i < 20; i++)
		assert_ret(waiter_ret(next_woken(f)), 0);
}

/* Waits that have timed out are not listed. */
static void waiters_that_time_out_are_gone(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9);

	for (int i = 0; i < 2; i++)
		assert_wait(f, requests[i], ARGS(FDS(sem), .owner = OWNER,
						 .timeout = monotonic_ns() + 10 * NS_PER_MS),
			    -ETIMEDOUT, 0);
	assert_waiters(f, sem, 0, 0);
}

static void assert_channel(struct fixture *f, int channel, const int n[5])
{
	char want[256];

	snprintf(want, sizeof(want),
		 "ntsync-type:\tchannel\nntsync-max-depth:\t1024\nntsync-depth:\t%d\n"
		 "ntsync-dispatched:\t%d\nntsync-receivers:\t%d\nntsync-registrations:\t%d\n"
		 "ntsync-waiters-any:\t%d\nntsync-waiters-all:\t0\n",
		 n[0], n[1], n[2], n[3], n[4]);
	assert_fdinfo(f, channel, want);
}

#define CHANNEL(...) assert_channel(f, channel, (const int[5]){ __VA_ARGS__ })

static void channel_is_described(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1024);
	struct call *receiver;

	CHANNEL(0, 0, 0, 0, 0);
	for (uint32_t tid = 1; tid <= 3; tid++)
		assert_ret(register_thread(channel, tid, tid), 0);
	start_send(f, channel, 10, 1);
	start_send(f, channel, 10, 2);
	CHANNEL(2, 0, 0, 3, 0);
	take(channel, 10, 1);
	CHANNEL(1, 1, 1, 3, 0);
	take(channel, 10, 2);
	receiver = start_recv(f, channel, RECV, NULL);
	CHANNEL(0, 2, 2, 3, 1);
	assert_ret(reply(channel, 1), 0);
	start_send(f, channel, 10, 3);
	assert_got(receiver, 10, 3);
	assert_ret(deregister_thread(channel, 2), 0);
	CHANNEL(0, 2, 2, 2, 0);
	/* A receiver is listed until its thread exits; its requests end with it. */
	call_end(receiver);
	await_info(channel, "receivers", 1);
	CHANNEL(0, 1, 1, 2, 0);
}

/* The first line with that key must have these fields, and an age. */
static void assert_request(int channel, const char *key, unsigned int id, int tid, unsigned int prio,
			   int receiver)
{
	char text[4096], *at;
	unsigned long long age = 0;
	unsigned int got_id, got_prio;
	int got_tid, got_receiver, found;

	read_fdinfo(channel, text, sizeof(text));
	at = strstr(text, key);
	assert_non_null(at);
	found = sscanf(at + strlen(key), ":\t%u %d %u %llu %d\n", &got_id, &got_tid, &got_prio, &age,
		       &got_receiver);
	assert_true(found == 5 && age);
	assert_int_equal(got_id, id);
	assert_int_equal(got_tid, tid);
	assert_int_equal(got_prio, prio);
	assert_int_equal(got_receiver, receiver);
}

/* The sender of each request, its receiver, and the threads that may receive. */
static void requests_and_receivers_are_named(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 9), parked = new_channel(f, 9);
	struct call *senders[2], *receiver;

	for (int i = 0; i < 2; i++)
		senders[i] = start_send(f, channel, 10 + i, i + 1);
	take(channel, 11, 2);
	assert_request(channel, "ntsync-pending", 1, call_tid(senders[0]), 10, 0);
	assert_request(channel, "ntsync-dispatched-request", 2, call_tid(senders[1]), 11, gettid());
	assert_line(channel, "ntsync-receiver:\t%d working\n", gettid());
	assert_line(channel, "ntsync-queueing-ns:\t1 ");
	assert_line(channel, "ntsync-response-ns:\t0 0 0\n");
	assert_ret(reply(channel, 2), 0);
	assert_line(channel, "ntsync-response-ns:\t1 ");
	assert_line(channel, "ntsync-receiver:\t%d idle\n", gettid());
	receiver = start_recv(f, parked, RECV, NULL);
	assert_line(parked, "ntsync-receiver:\t%d parked\n", call_tid(receiver));
}

static int read_in_child(struct fixture *f, void *arg)
{
	char path[64], text[1024];
	int fd;

	(void)f;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", getppid(), *(int *)arg);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK(read(fd, text, sizeof(text)) > 0);
	return 0;
}

/* While states change all the time: no line is torn, and nothing deadlocks. */
static void read_under_load(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9);
	char text[4096];

	only_ours(f, "it tells nothing in fdinfo");
	for (int i = 0; i < 20; i++) {
		struct waiter *w = start_running(f, i % 2 ? ALL : ANY,
						 ARGS(FDS(sem), .owner = OWNER,
						      .timeout = FOREVER), NULL);

		read_fdinfo(sem, text, sizeof(text));
		assert_non_null(strstr(text, "ntsync-type:\tsem\n"));
		assert_non_null(strstr(text, "ntsync-waiters-all:\t"));
		release(sem, 1, 0);
		assert_woken(w, 0, 0);
	}
	assert_child_ok(child_start(f, read_in_child, &sem));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(sem_is_described),
		TEST(mutex_is_described),
		TEST(event_is_described),
		TEST(waiters_are_counted),
		TEST(objects_have_numbers),
		TEST(waiters_are_named),
		TEST(not_all_of_many_waiters_are_named),
		TEST(waiters_that_time_out_are_gone),
		CHANNEL_TEST(channel_is_described),
		CHANNEL_TEST(requests_and_receivers_are_named),
		TEST(read_under_load),
	};

	return RUN(tests);
}
