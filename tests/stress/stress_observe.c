// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers of fdinfo and debugfs against objects that are created, closed, and waited for by tasks
 * of all priorities that inherit. The text may be of any moment; nothing may crash, hang, stay
 * boosted or be torn, and lockdep must have no complaint.
 */
#include "stress.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libntsync.h"

#define SLOTS 8
#define WORKERS 6
#define SENDERS 2
#define READERS 2

static struct stress stress;
static int dev, channel;
static atomic_int slots[SLOTS];
static atomic_ullong operations, requests, reads, torn;
static atomic_uint unexpected;

struct actor {
	pthread_t thread;
	uint64_t random;
	uint64_t awake_since;
	uint32_t owner;
};

static uint64_t choose_deadline(void)
{
	return stress_now() + NS_PER_MS;
}

static bool is_real_time(const struct actor *a)
{
	return a->owner % 3;
}

/* Every third thread stays normal; without the privilege all do. */
static void make_real_time(struct actor *a)
{
	struct sched_param param = { .sched_priority = 1 + a->owner % 3 * 10 };

	if (is_real_time(a))
		pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

/*
 * Real-time threads that never sleep would keep the CPUs for themselves, and on a slow kernel so
 * would those that sleep for a fixed time.
 */
static void let_others_run(struct actor *a)
{
	if (is_real_time(a))
		stress_sleep(5 * (stress_now() - a->awake_since));
	a->awake_since = stress_now();
}

static void check_error(int ret)
{
	static const int fine[] = { 0, EINVAL, EBADF, ENOTTY, EPERM, EOVERFLOW, EOWNERDEAD, ETIMEDOUT,
				    EPIPE, ECONNRESET, EAGAIN };

	atomic_fetch_add(&operations, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(fine); i++) {
		if (ret >= 0 || ret == -fine[i])
			return;
	}
	atomic_fetch_add(&unexpected, 1);
	printf("# %s\n", strerror(-ret));
}

static int random_slot(struct actor *a)
{
	return atomic_load(&slots[stress_below(&a->random, SLOTS)]);
}

static int new_object(struct actor *a)
{
	switch (stress_below(&a->random, 4)) {
	case 0:
		return ntsync_sem_create(dev, 1, 2);
	case 1:
		return ntsync_event_create(dev, false, true);
	default:
		return ntsync_mutex_create(dev, 0, 0);
	}
}

static void replace_object(struct actor *a)
{
	int new = new_object(a);
	int old = atomic_exchange(&slots[stress_below(&a->random, SLOTS)], new);

	check_error(new);
	if (old >= 0)
		close(old);
}

/* Acquires one or all of some objects, and releases everything. */
static void wait_for_some(struct actor *a)
{
	struct ntsync_wait_opts opts = { .deadline = choose_deadline(), .owner = a->owner };
	int objs[3];

	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = random_slot(a);
	if (stress_below(&a->random, 4))
		check_error(ntsync_wait_any(dev, objs, ARRAY_SIZE(objs), &opts, NULL));
	else
		check_error(ntsync_wait_all(dev, objs, 2, &opts, NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(objs); i++) {
		check_error(ntsync_mutex_unlock(objs[i], a->owner, NULL));
		check_error(ntsync_sem_release(objs[i], 1, NULL));
		check_error(ntsync_event_set(objs[i], NULL));
	}
}

static void *run_worker(void *arg)
{
	struct actor *a = arg;

	make_real_time(a);
	do {
		if (stress_below(&a->random, 4))
			wait_for_some(a);
		else
			replace_object(a);
		let_others_run(a);
	} while (!stress_over(&stress));
	return NULL;
}

/* ---- requests ---- */

static void *send_requests(void *arg)
{
	struct actor *a = arg;

	make_real_time(a);
	do {
		check_error(ntsync_channel_send_pi(channel, SCHED_FIFO,
						   stress_below(&a->random, 40), 1, 2));
		atomic_fetch_add(&requests, 1);
		let_others_run(a);
	} while (!stress_over(&stress));
	return NULL;
}

static atomic_bool senders_are_gone;

static void *serve_requests(void *unused)
{
	struct ntsync_channel_request r;

	(void)unused;
	while (!atomic_load(&senders_are_gone)) {
		if (ntsync_channel_try_recv2(channel, &r))
			sched_yield();
		else
			check_error(ntsync_channel_reply(channel, r.id));
	}
	return NULL;
}

/* ---- readers ---- */

/* Whole lines only, each of them "KEY: VALUE". */
static void check_lines(const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		if (!memchr(line, ':', len))
			atomic_fetch_add(&torn, 1);
	}
}

static bool read_path(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	atomic_fetch_add(&reads, 1);
	return true;
}

static void read_fdinfo(int fd)
{
	char path[64], text[8192];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (read_path(path, text, sizeof(text)))
		check_lines(text);
}

/* Some readers are real-time too, or they would hardly run. */
static void *run_observer(void *arg)
{
	struct actor *a = arg;
	char text[8192];

	make_real_time(a);
	do {
		read_fdinfo(channel);
		read_fdinfo(random_slot(a));
		read_path("/sys/kernel/debug/ntsync/pi", text, sizeof(text));
		read_path("/sys/kernel/debug/ntsync/stats", text, sizeof(text));
		let_others_run(a);
	} while (!stress_over(&stress));
	return NULL;
}

static void show_progress(void)
{
	printf("# %llu operations, %llu requests, %llu reads\n", (unsigned long long)operations,
	       (unsigned long long)requests, (unsigned long long)reads);
}

static bool has_happened(void)
{
	return reads && operations && requests;
}

static void start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int ret = pthread_create(thread, NULL, fn, arg);

	if (ret)
		exit(stress_bail_out("pthread_create", -ret));
}

int main(int argc, char **argv)
{
	struct actor actors[WORKERS + SENDERS + READERS] = { 0 };
	pthread_t server;

	stress_init(&stress, argc, argv);
	stress.complete = has_happened;
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	channel = ntsync_channel_create(dev, 16);
	if (channel < 0)
		return stress_skip("no channels, and nothing in fdinfo");
	for (unsigned int i = 0; i < SLOTS; i++)
		slots[i] = ntsync_mutex_create(dev, 0, 0);
	start_thread(&server, serve_requests, NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++) {
		actors[i].random = stress.seed + i;
		actors[i].owner = i + 1;
		actors[i].awake_since = stress_now();
		start_thread(&actors[i].thread, i < WORKERS ? run_worker : i < WORKERS + SENDERS ? send_requests : run_observer,
			     &actors[i]);
	}

	stress_watch(&stress, show_progress);
	for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++)
		pthread_join(actors[i].thread, NULL);
	atomic_store(&senders_are_gone, true);
	pthread_join(server, NULL);
	show_progress();
	stress_check(&stress, has_happened(), "everybody got to something");
	stress_check(&stress, !torn, "no line was torn");
	stress_check(&stress, !unexpected, "no call failed for another reason than it may");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted any more");
	return stress_end(&stress);
}
