// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receivers and senders die. Processes of two receiving threads are killed, or exit, close the
 * channel, execute another program, or lose one of their threads, with requests that they have
 * received; at times no receiver is left. Sending processes are killed too. The call of each sender
 * that lives must return how its request ended: 0 (executed once), ECONNRESET (at most once), or
 * EPIPE (not executed). A call that does not return hangs the program until its alarm.
 *
 * A spawner, a process of one thread, creates all children, so that no process with threads forks.
 */
#include "ledger.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libntsync.h"

#define SENDERS 4
#define SENDING_CHILDREN 2
#define RECEIVING_CHILDREN 3
#define CHILDREN (SENDING_CHILDREN + RECEIVING_CHILDREN)
/* With this argument the program does nothing. */
#define IDLE "idle"

/* How a receiving child ends if it is not killed before. */
enum end { EXITS, CLOSES, EXECS, LOSES_A_THREAD, IS_KILLED, ENDS };

struct shared {
	atomic_bool stop;
	atomic_ullong answered, reset, deserted, received, left, deaths;
	atomic_uint errors;
};

struct sender {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
};

static struct stress stress;
static struct ledger *ledger;
static struct shared *shared;
static int channel;
static atomic_uint senders_left;

static void report_error(const char *what, int ret)
{
	atomic_fetch_add(&shared->errors, 1);
	printf("# %s: %s\n", what, strerror(-ret));
}

/* ---- senders ---- */

static int send_one(unsigned int number, uint64_t *random)
{
	uint64_t payload = ledger_open(ledger, number);
	uint32_t prio = stress_below(random, 2) ? stress_below(random, 90) : 0;
	int ret = ntsync_channel_send_pi(channel, SCHED_FIFO, prio, payload, 0);

	ledger_close(ledger, payload, ret);
	return ret;
}

static void *send_and_live(void *arg)
{
	struct sender *s = arg;

	while (!stress_over(&stress)) {
		int ret = send_one(s->number, &s->random);

		atomic_fetch_add(&shared->answered, !ret);
		atomic_fetch_add(&shared->reset, ret == -ECONNRESET);
		atomic_fetch_add(&shared->deserted, ret == -EPIPE);
		if (ret && ret != -ECONNRESET && ret != -EPIPE)
			report_error("send", ret);
		/* Without a receiver: the next one needs the CPU to start. */
		if (ret == -EPIPE)
			stress_sleep(NS_PER_MS);
	}
	if (!stress_is_scheduled(SCHED_OTHER, 0))
		report_error("scheduled otherwise than before", -EPERM);
	atomic_fetch_sub(&senders_left, 1);
	return NULL;
}

static void send_until_killed(unsigned int number, uint64_t random)
{
	for (;;) {
		if (send_one(number, &random) == -EPIPE)
			stress_sleep(NS_PER_MS);
	}
}

/* ---- receiving children ---- */

/* True as long as it can go on. */
static bool serve_one(uint64_t *random)
{
	struct ntsync_channel_request r;
	int ret = ntsync_channel_recv2(channel, &r);

	/* The other thread has closed the channel. */
	if (ret == -EBADF)
		return false;
	if (ret) {
		report_error("receive", ret);
		return false;
	}
	ledger_execute(ledger, r.payload);
	atomic_fetch_add(&shared->received, 1);
	if (stress_below(random, 3) == 0)
		stress_sleep(stress_below(random, 2000) * NS_PER_US);
	/* Left without a reply, to be ended by the death of the receiver. */
	if (stress_below(random, 24) == 0)
		return true;
	ret = ntsync_channel_reply(channel, r.id);
	atomic_fetch_add(&shared->left, ret == -ENOENT);
	if (ret && ret != -ENOENT && ret != -EBADF)
		report_error("reply", ret);
	return true;
}

static void *serve_for_ever(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	while (serve_one(&random))
		;
	return NULL;
}

static void *serve_some(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	unsigned int count = 1 + stress_below(&random, 30);

	while (count-- && serve_one(&random))
		;
	return NULL;
}

static void receive_until_the_end(uint64_t random)
{
	static char *const idle[] = { "stress_channel_kill", IDLE, NULL };
	enum end end = stress_below(&random, ENDS);
	uint64_t seed = random ^ 0x5555;
	pthread_t other;

	pthread_create(&other, NULL, end == LOSES_A_THREAD ? serve_some : serve_for_ever, &seed);
	if (end == LOSES_A_THREAD || end == IS_KILLED)
		serve_for_ever(&random);
	serve_some(&random);
	if (end == EXITS)
		_exit(0);
	if (end == EXECS)
		execv("/proc/self/exe", idle);
	close(channel);
	for (;;)
		pause();
}

/* ---- the nursery ---- */

static pid_t create_child(unsigned int i, uint64_t *random)
{
	uint64_t childs = stress_random(random) | 1;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (i < SENDING_CHILDREN)
		send_until_killed(SENDERS + i, childs);
	else
		receive_until_the_end(childs);
	_exit(1);
}

static void reap_child(pid_t *child)
{
	if (*child <= 0)
		return;
	kill(*child, SIGKILL);
	while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
		;
	*child = 0;
	atomic_fetch_add(&shared->deaths, 1);
}

static void run_spawner(uint64_t random)
{
	pid_t child[CHILDREN] = { 0 };

	while (!atomic_load(&shared->stop)) {
		/* One at a time, or all: then there is no receiver for a moment. */
		bool all = stress_below(&random, 8) == 0;

		for (unsigned int i = 0; i < CHILDREN; i++) {
			if (all || stress_below(&random, 4) == 0)
				reap_child(&child[i]);
		}
		if (all)
			stress_sleep(stress_below(&random, 3000) * NS_PER_US);
		for (unsigned int i = 0; i < CHILDREN; i++) {
			if (child[i] <= 0)
				child[i] = create_child(i, &random);
		}
		stress_sleep(stress_below(&random, 10000) * NS_PER_US);
	}
	for (unsigned int i = 0; i < CHILDREN; i++)
		reap_child(&child[i]);
}

static pid_t start_spawner(uint64_t seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_spawner(seed);
	_exit(0);
}

/* ---- the program ---- */

static void show_progress(void)
{
	printf("# %llu answered, %llu reset, %llu without a receiver, %llu received, %llu for nobody, %llu dead\n",
	       (unsigned long long)shared->answered, (unsigned long long)shared->reset,
	       (unsigned long long)shared->deserted, (unsigned long long)shared->received,
	       (unsigned long long)shared->left, (unsigned long long)shared->deaths);
}

static void run_senders(void)
{
	static struct sender senders[SENDERS];

	atomic_store(&senders_left, SENDERS);
	for (unsigned int i = 0; i < SENDERS; i++) {
		senders[i].number = i;
		senders[i].random = stress_random(&stress.seed) | 1;
		pthread_create(&senders[i].thread, NULL, send_and_live, &senders[i]);
	}
	stress_watch(&stress, show_progress);
	for (unsigned int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
}

static bool has_happened(void)
{
	return shared->answered && shared->reset && shared->deserted;
}

/* Dead receivers are removed in the background. */
static bool check_drained(const char *key)
{
	for (int tries = 0; tries < 6000; tries++) {
		if (stress_fdinfo(channel, key) == 0)
			return true;
		stress_sleep(10 * NS_PER_MS);
	}
	return false;
}

static void check_results(void)
{
	stress_check(&stress, ledger_is_right(ledger), "each is executed as its sender was told");
	stress_check(&stress, !shared->errors, "no other error");
	stress_check(&stress, check_drained("ntsync-depth") && check_drained("ntsync-dispatched"),
		     "no request is left");
	stress_check(&stress, check_drained("ntsync-receivers"), "no receiver is left");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	stress_check(&stress, has_happened(), "answers and deaths did happen");
}

static void run_idle(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	pid_t nursery;
	int dev;

	if (argc == 2 && !strcmp(argv[1], IDLE))
		run_idle();
	stress_init(&stress, argc, argv);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	channel = ntsync_channel_create(dev, NTSYNC_CHANNEL_MAX_DEPTH);
	ledger = ledger_new();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (channel < 0 || !ledger || shared == MAP_FAILED)
		return stress_bail_out("create", channel < 0 ? channel : -ENOMEM);
	stress.complete = has_happened;
	nursery = start_spawner(stress_random(&stress.seed));
	run_senders();
	atomic_store(&shared->stop, true);
	waitpid(nursery, NULL, 0);
	show_progress();
	check_results();
	return stress_end(&stress);
}
