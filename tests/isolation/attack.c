// SPDX-License-Identifier: GPL-2.0-only
#include "attack.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOBODY 65534
#define MOST_THREADS 20000

static atomic_bool *struck;

/* The sleepers that are about to sleep, by number. */
static struct {
	atomic_int count;
	pid_t tids[MOST_THREADS];
} falling_asleep;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		print_error("# %s: %s\n", path, strerror(errno));
	close(fd);
}

static void raise_limit(int which, rlim_t to)
{
	const struct rlimit limit = { to, to };

	if (setrlimit(which, &limit))
		print_error("# limit %d: %s\n", which, strerror(errno));
}

void attack_raise_limits(void)
{
	write_file("/proc/sys/kernel/threads-max", "100000");
	write_file("/proc/sys/kernel/pid_max", "400000");
	write_file("/proc/sys/vm/max_map_count", "500000");
	/* The kernel would throttle a victim, and that would look like an attack. */
	write_file("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	raise_limit(RLIMIT_NPROC, RLIM_INFINITY);
	raise_limit(RLIMIT_NOFILE, 200000);
	struck = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

int attack_fifo(int prio)
{
	return task_set_attr(0, (struct task_attr){ .policy = SCHED_FIFO, .prio = prio });
}

pthread_t attack_thread(void *(*main)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	pthread_attr_setguardsize(&attr, 0);
	ret = pthread_create(&thread, &attr, main, arg);
	pthread_attr_destroy(&attr);
	if (ret) {
		fprintf(stderr, "# attacker: no thread: %s\n", strerror(ret));
		_exit(1);
	}
	return thread;
}

void attack_announce_sleep(void)
{
	falling_asleep.tids[atomic_fetch_add(&falling_asleep.count, 1)] = gettid();
}

int attack_sleepers(int n, void *(*main)(void *arg), unsigned long request)
{
	int before = atomic_load(&falling_asleep.count);

	CHECK(before + n <= MOST_THREADS);
	for (int i = 0; i < n; i++)
		attack_thread(main, (void *)(intptr_t)i);
	while (atomic_load(&falling_asleep.count) < before + n)
		sleep_ms(1);
	for (int i = before; i < before + n; i++) {
		while (!asleep_in(getpid(), falling_asleep.tids[i], request))
			sleep_ms(1);
	}
	return 0;
}

void attack_await_strike(void)
{
	while (!atomic_load(struck))
		sleep_ms(1);
}

void attack_act_once(void)
{
	atomic_store(struck, true);
}

static int become_nobody(unsigned int rtprio)
{
	CHECK(!task_set_attr(0, (struct task_attr){ 0 }));
	raise_limit(RLIMIT_RTPRIO, rtprio);
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	/* The attacker must be able to read the /proc of its own threads. */
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	return 0;
}

/* Small enough for a quick run between two changes; costs that grow with the attack still show. */
static int choose_size(const struct attack *attack)
{
	const char *form = getenv("NTSYNC_ISOLATION");
	bool quick = form && !strcmp(form, "quick");

	return quick && attack->size >= 100 ? attack->size / 4 : attack->size;
}

static int attacker_main(const struct attack *attack, int ready)
{
	int size = choose_size(attack);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK(!become_nobody(attack->rtprio));
	CHECK(!attack->prepare(size));
	CHECK(write(ready, "", 1) == 1);
	if (attack->run)
		attack->run(size);
	for (;;)
		pause();
}

pid_t attack_start(const struct attack *attack)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	atomic_store(struck, false);
	pid = fork();
	if (!pid)
		_exit(attacker_main(attack, ready[1]));
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	sleep_ms(200);
	return pid;
}

void attack_end(pid_t attacker)
{
	kill(attacker, SIGKILL);
	child_finish(attacker);
}
