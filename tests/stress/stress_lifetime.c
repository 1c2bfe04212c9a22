// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects and instances are created and closed while others use them: open, close, dup, fork, kill,
 * with waits of all sizes going on. No thread knows what a descriptor is at the moment of its call,
 * so nearly every error is right. What must hold is that the kernel survives (its log is checked by
 * the caller of this program), that nothing hangs, and that nothing is left at the end.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libntsync.h"

#define SLOTS 30
#define DEVICES 3
#define THREADS 8

static struct stress stress;

/*
 * Descriptors, -1 = empty. A slot is emptied by an exchange, so that each descriptor is closed
 * once. Object i was created on device i % DEVICES, or on one that had its place.
 */
static atomic_int objects[SLOTS], devices[DEVICES];
static atomic_ullong operations, waits, granted, children;
static atomic_uint unexpected;

struct actor {
	pthread_t thread;
	uint64_t random;
	uint32_t owner;
};

/* Every error that a closed descriptor, or one of another kind, may return. */
static void check_error(int ret, const char *what)
{
	static const int fine[] = { 0, EINVAL, EBADF, ENOTTY, EPERM, EOVERFLOW, EOWNERDEAD,
				    ETIMEDOUT, EINTR, EMFILE };

	atomic_fetch_add(&operations, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(fine); i++) {
		if (ret >= 0 || ret == -fine[i])
			return;
	}
	atomic_fetch_add(&unexpected, 1);
	printf("# %s: %s\n", what, strerror(-ret));
}

static void put_in_slot(atomic_int *slot, int fd)
{
	int old = atomic_exchange(slot, fd);

	if (old >= 0)
		close(old);
}

static int random_object(struct actor *a)
{
	return atomic_load(&objects[stress_below(&a->random, SLOTS)]);
}

static int random_device(struct actor *a)
{
	return atomic_load(&devices[stress_below(&a->random, DEVICES)]);
}

static unsigned int find_slot(struct actor *a, unsigned int device)
{
	return device + DEVICES * stress_below(&a->random, SLOTS / DEVICES);
}

static void create(struct actor *a)
{
	unsigned int device = stress_below(&a->random, DEVICES);
	int dev = atomic_load(&devices[device]), fd;

	switch (stress_below(&a->random, 3)) {
	case 0:
		fd = ntsync_sem_create(dev, stress_below(&a->random, 2), 3);
		break;
	case 1:
		fd = ntsync_mutex_create(dev, 0, 0);
		break;
	default:
		fd = ntsync_event_create(dev, stress_below(&a->random, 2),
					 stress_below(&a->random, 2));
		break;
	}
	check_error(fd, "create");
	if (fd >= 0)
		put_in_slot(&objects[find_slot(a, device)], fd);
}

static void open_another(struct actor *a)
{
	int fd = ntsync_open();

	check_error(fd, "open");
	if (fd >= 0)
		put_in_slot(&devices[stress_below(&a->random, DEVICES)], fd);
}

static void close_one(struct actor *a)
{
	put_in_slot(&objects[stress_below(&a->random, SLOTS)], -1);
}

static void dup_one(struct actor *a)
{
	unsigned int device = stress_below(&a->random, DEVICES);
	int fd = fcntl(atomic_load(&objects[find_slot(a, device)]), F_DUPFD_CLOEXEC, 3);

	if (fd >= 0)
		put_in_slot(&objects[find_slot(a, device)], fd);
}

static void change_one(struct actor *a)
{
	int fd = random_object(a);

	switch (stress_below(&a->random, 7)) {
	case 0:
		check_error(ntsync_sem_release(fd, 1, NULL), "release");
		break;
	case 1:
		check_error(ntsync_mutex_unlock(fd, a->owner, NULL), "unlock");
		break;
	case 2:
		check_error(ntsync_mutex_kill(fd, a->owner), "kill");
		break;
	case 3:
		check_error(ntsync_event_set(fd, NULL), "set");
		break;
	case 4:
		check_error(ntsync_event_reset(fd, NULL), "reset");
		break;
	case 5:
		check_error(ntsync_event_pulse(fd, NULL), "pulse");
		break;
	default:
		check_error(ntsync_mutex_read(fd, NULL, NULL), "read");
		break;
	}
}

/* All sizes, so every way to allocate a wait's record. */
static void wait_for_some(struct actor *a)
{
	static const unsigned int sizes[] = { 1, 1, 2, 3, 6, 16, 17, 40, 64 };
	unsigned int count = sizes[stress_below(&a->random, ARRAY_SIZE(sizes))];
	struct ntsync_wait_opts opts = {
		.owner = a->owner,
		.deadline = stress_now() + stress_below(&a->random, 500000),
	};
	bool all = stress_below(&a->random, 2);
	unsigned int device = stress_below(&a->random, DEVICES);
	int fds[64], dev = atomic_load(&devices[device]), ret;
	uint32_t index;

	for (unsigned int i = 0; i < count; i++)
		fds[i] = atomic_load(&objects[find_slot(a, device)]);
	if (stress_below(&a->random, 4) == 0)
		opts.alert = random_object(a);
	/* The alert may be a descriptor that another thread has just closed: then there is none. */
	if (opts.alert < 0)
		opts.alert = 0;
	ret = all ? ntsync_wait_all(dev, fds, count, &opts, &index) :
		    ntsync_wait_any(dev, fds, count, &opts, &index);
	check_error(ret, "wait");
	atomic_fetch_add(&waits, 1);
	if (!ret)
		atomic_fetch_add(&granted, 1);
}

/* Sleeps on any objects until it is killed, and the kernel closes everything. */
static void wait_in_child(struct actor *a)
{
	struct ntsync_wait_opts opts = { .owner = a->owner, .deadline = NTSYNC_WAIT_FOREVER };
	uint32_t index;

	alarm(60);
	for (;;) {
		int fds[2] = { random_object(a), random_object(a) };

		if (stress_below(&a->random, 2))
			ntsync_wait_all(random_device(a), fds, 2, &opts, &index);
		else
			ntsync_wait_any(random_device(a), fds, 2, &opts, &index);
	}
}

static void fork_and_kill(struct actor *a)
{
	pid_t pid = fork();

	if (pid == 0)
		wait_in_child(a);
	if (pid < 0)
		return;
	stress_sleep(stress_below(&a->random, 2000000));
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	atomic_fetch_add(&children, 1);
}

static void *run_actor(void *arg)
{
	static void (*const actions[])(struct actor *a) = {
		create, create, create, close_one, dup_one, change_one, change_one, change_one,
		wait_for_some, wait_for_some, wait_for_some, wait_for_some,
	};
	struct actor *a = arg;

	while (!stress_over(&stress)) {
		actions[stress_below(&a->random, ARRAY_SIZE(actions))](a);
		if (stress_below(&a->random, 1000) == 0)
			open_another(a);
		if (stress_below(&a->random, 200) == 0)
			fork_and_kill(a);
	}
	return NULL;
}

static void show_progress(void)
{
	printf("# %llu operations, %llu waits, %llu granted, %llu children killed\n",
	       (unsigned long long)operations, (unsigned long long)waits,
	       (unsigned long long)granted, (unsigned long long)children);
}

static bool has_happened(void)
{
	return granted && children;
}

static void run_actors(void)
{
	struct actor actors[THREADS];
	uint64_t random = stress.seed;

	for (unsigned int i = 0; i < THREADS; i++) {
		actors[i].owner = i + 1;
		actors[i].random = stress_random(&random) | 1;
		pthread_create(&actors[i].thread, NULL, run_actor, &actors[i]);
	}
	stress_watch(&stress, show_progress);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(actors[i].thread, NULL);
	show_progress();
}

static void fill_slots(void)
{
	for (int i = 0; i < DEVICES; i++)
		atomic_init(&devices[i], ntsync_open());
	for (int i = 0; i < SLOTS; i++)
		atomic_init(&objects[i], ntsync_event_create(devices[i % DEVICES], false, false));
}

static void empty_slots(void)
{
	for (int i = 0; i < SLOTS; i++)
		put_in_slot(&objects[i], -1);
	for (int i = 0; i < DEVICES; i++)
		put_in_slot(&devices[i], -1);
}

int main(int argc, char **argv)
{
	int fds, references, dev;

	stress_init(&stress, argc, argv);
	stress.complete = has_happened;
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	close(dev);
	fds = stress_count_fds();
	references = stress_module_references();
	fill_slots();
	run_actors();
	empty_slots();
	stress_check(&stress, stress_count_fds() == fds, "no fd is left");
	stress_check(&stress, stress_module_references() == references,
		     "no reference to the module is left");
	stress_check(&stress, !unexpected, "no unexpected error");
	stress_check(&stress, has_happened(), "grants and killed children did happen");
	return stress_end(&stress);
}
