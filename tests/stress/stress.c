// SPDX-License-Identifier: GPL-2.0-only
#include "stress.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* For what has to happen in a run, if it has not when its time is over. */
#define EXTRA_SECONDS 60

/* On top of the run's own time: an emulated kernel under KASAN may need it. */
#define WATCHDOG_SECONDS 300

static uint64_t number(const char *text, uint64_t otherwise)
{
	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

void stress_init(struct stress *s, int argc, char **argv)
{
	memset(s, 0, sizeof(*s));
	setvbuf(stdout, NULL, _IOLBF, 0);
	s->seconds = number(getenv("NTSYNC_STRESS_SECONDS"), 3);
	s->seconds = number(argc > 1 ? argv[1] : NULL, s->seconds);
	s->seed = number(argc > 2 ? argv[2] : NULL, stress_now() | 1);
	s->end = stress_now() + s->seconds * NS_PER_SEC;
	printf("# %u s, seed %llu\n", s->seconds, (unsigned long long)s->seed);
	/* A hang is a failure: SIGALRM kills the program. */
	alarm(s->seconds + WATCHDOG_SECONDS);
}

bool stress_over(const struct stress *s)
{
	uint64_t now = stress_now();

	return now >= s->end && (!s->complete || s->complete() ||
				 now >= s->end + EXTRA_SECONDS * NS_PER_SEC);
}

void stress_check(struct stress *s, bool ok, const char *invariant)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++s->tests, invariant);
	s->failures += !ok;
}

/* The @n-th tenth of a second of the run. */
static void watch_once(const struct stress *s, unsigned int n, void (*show)(void))
{
	stress_sleep(100 * NS_PER_MS);
	if (n % (s->seconds > 60 ? 100 : 10) == 0)
		show();
}

void stress_watch(const struct stress *s, void (*show)(void))
{
	for (unsigned int n = 1; !stress_over(s); n++)
		watch_once(s, n, show);
}

void stress_watch_until(const struct stress *s, uint64_t end, void (*show)(void))
{
	for (unsigned int n = 1; stress_now() < end; n++)
		watch_once(s, n, show);
}

int stress_end(const struct stress *s)
{
	printf("1..%u\n", s->tests);
	return s->failures != 0;
}

int stress_skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

int stress_bail_out(const char *what, int ret)
{
	printf("Bail out! %s: %s\n", what, strerror(-ret));
	return 1;
}

uint64_t stress_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

unsigned int stress_below(uint64_t *state, unsigned int bound)
{
	return (stress_random(state) >> 33) % bound;
}

void stress_shuffle(uint64_t *random, unsigned int *numbers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int j = stress_below(random, i + 1);

		if (j < i)
			numbers[i] = numbers[j];
		numbers[j] = i;
	}
}

uint64_t stress_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

uint64_t stress_deadline(uint64_t *random)
{
	static const unsigned int microseconds[] = { 1, 20, 50, 100, 200, 1000, 5000 };
	unsigned int n = stress_below(random, ARRAY_SIZE(microseconds) + 1);

	if (n == ARRAY_SIZE(microseconds))
		return 0;
	return stress_now() + stress_below(random, microseconds[n] * 1000);
}

void stress_sleep(uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC };

	nanosleep(&ts, NULL);
}

int stress_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory itself */

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int stress_module_references(void)
{
	FILE *file = fopen("/sys/module/ntsync/refcnt", "re");
	int count = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &count) != 1)
		count = -1;
	fclose(file);
	return count;
}

long long stress_fdinfo(int fd, const char *key)
{
	char path[64], text[1024], want[64];
	ssize_t len;
	char *at;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	len = read(info, text, sizeof(text) - 1);
	close(info);
	text[len > 0 ? len : 0] = '\0';
	snprintf(want, sizeof(want), "%s:\t", key);
	at = strstr(text, want);
	return at ? atoll(at + strlen(want)) : -1;
}

static bool arbiter_has_records(void)
{
	FILE *file = fopen("/sys/kernel/debug/ntsync/pi", "re");
	int c;

	if (!file)
		return false;
	c = getc(file);
	fclose(file);
	return c != EOF;
}

bool stress_nobody_boosted(void)
{
	for (int tries = 0; tries < 6000; tries++) {
		if (!arbiter_has_records())
			return true;
		stress_sleep(10 * NS_PER_MS);
	}
	return false;
}

bool stress_is_scheduled(int policy, int prio)
{
	struct sched_param param = { .sched_priority = -1 };

	/* A boosted task has reset-on-fork set. */
	return sched_getscheduler(0) == policy && !sched_getparam(0, &param) &&
	       param.sched_priority == prio;
}

atomic_uint stress_errors;

void stress_expect(int ret, int want, const char *what)
{
	if (ret == want)
		return;
	atomic_fetch_add(&stress_errors, 1);
	printf("# %s: %s\n", what, strerror(-ret));
}

void stress_expect_success(int ret, int line)
{
	if (!ret)
		return;
	atomic_fetch_add(&stress_errors, 1);
	printf("# line %d: %s\n", line, strerror(-ret));
}

static void ignore_signal(int sig)
{
	(void)sig;
}

void stress_handle_signal(int flags)
{
	struct sigaction action = { .sa_handler = ignore_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
}
