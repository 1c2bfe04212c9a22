// SPDX-License-Identifier: GPL-2.0-only
#include "inversion.h"
#include "child.h"

#include <signal.h>

#define RT_RUNTIME "/proc/sys/kernel/sched_rt_runtime_us"

/* Long enough to be seen, short enough to wait for when a test fails. */
#define HOG_SECONDS 1
#define WORK_ROUNDS 20000

/* One test runs at a time. */
static struct {
	struct actor *actors;
	uint32_t owners;
	struct actor *hog;
	atomic_ullong hog_rounds;
	atomic_bool hog_stop;
	char *seen_by_hog;
} stage;

/* The empty statement may do anything, for all that the compiler knows. */
static void spin(unsigned int rounds)
{
	while (rounds--)
		__asm__("" : : : "memory");
}

static void set_rt_runtime(const char *us)
{
	int fd = open(RT_RUNTIME, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, us, strlen(us)) < 0)
		fprintf(stderr, "# " RT_RUNTIME ": %m\n");
	close(fd);
}

static char old_rt_runtime[32];

static void throttle_again(void)
{
	set_rt_runtime(old_rt_runtime);
}

/* A hog that is throttled lets the others run for another reason than ours. */
static void stop_throttling(void)
{
	FILE *file;

	if (old_rt_runtime[0])
		return;
	file = fopen(RT_RUNTIME, "re");
	if (file && !fgets(old_rt_runtime, sizeof(old_rt_runtime), file))
		old_rt_runtime[0] = '\0';
	if (file)
		fclose(file);
	set_rt_runtime("-1");
	/* The bandwidth of a deadline task that has just ended would make it fail. */
	atexit(throttle_again);
}

static void pin_to_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void unpin(void)
{
	cpu_set_t cpus;

	memset(&cpus, 0xff, sizeof(cpus));
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/*
 * The hog runs only when something is wrong, or has come to its end: what it finds
 * then tells what everybody was waiting for.
 */
static void look_around(void)
{
	char *records;
	size_t size;
	FILE *text;

	free(stage.seen_by_hog);
	stage.seen_by_hog = NULL;
	text = open_memstream(&stage.seen_by_hog, &size);
	for (struct actor *a = stage.actors; text && a; a = a->next) {
		if (!a->joined)
			task_describe(text, a->tid, a->name);
	}
	/* The last, as it waits for the arbiter's lock, and lends its own priority to it. */
	records = arbiter_text("pi");
	if (text) {
		fprintf(text, "%s", records ? records : "");
		fclose(text);
	}
	free(records);
}

static uint64_t cpu_ns(void)
{
	return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int burn(struct actor *a, void *arg)
{
	uint64_t end = cpu_ns() + HOG_SECONDS * NS_PER_SEC;

	(void)a;
	(void)arg;
	if (!atomic_fetch_add(&stage.hog_rounds, 1) && !atomic_load(&stage.hog_stop))
		look_around();
	while (!atomic_load(&stage.hog_stop) && cpu_ns() < end) {
		atomic_fetch_add(&stage.hog_rounds, 1);
		spin(1000);
	}
	return 0;
}

/* It gets everything but the word to begin. */
static void arm_hog(void)
{
	struct actor *hog = stage.hog;

	atomic_store(&stage.hog_rounds, 0);
	atomic_store(&stage.hog_stop, false);
	hog->order = burn;
	hog->busy = true;
	atomic_store(&hog->idle, false);
	atomic_store(&hog->held, true);
}

void hog_release(void)
{
	atomic_store(&stage.hog->held, false);
	sem_post(&stage.hog->told);
}

int stage_setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state))
		return -1;
	f = *state;
	memset(&stage, 0, sizeof(stage));
	if (!f->ours)
		return 0;
	stop_throttling();
	pin_to_one_cpu();
	if (task_set_attr(0, FIFO(DIRECTOR))) {
		print_error("# no right to real-time priorities\n");
		return -1;
	}
	stage.hog = actor_new(f, "hog", FIFO(HOG));
	arm_hog();
	return 0;
}

static void end_orders(void)
{
	atomic_store(&stage.hog_stop, true);
	for (struct actor *a = stage.actors; a; a = a->next) {
		if (atomic_load(&a->held))
			hog_release();
		while (a->busy && !atomic_load(&a->idle)) {
			pthread_kill(a->thread, SIGUSR2);
			sleep_ms(1);
		}
		if (a->busy)
			actor_finish(a);
	}
}

static bool all_exact(void)
{
	bool ok = true;

	for (struct actor *a = stage.actors; a; a = a->next) {
		if (!a->joined)
			ok &= task_state_is(a->tid, &a->base, a->name);
	}
	return ok & arbiter_idle();
}

void stage_assert_exact(struct fixture *f)
{
	(void)f;
	assert_true(all_exact());
}

int stage_teardown(void **state)
{
	struct fixture *f = *state;
	bool ours = f->ours, exact = true;

	partners_end();
	end_orders();
	if (ours)
		exact = all_exact();
	while (stage.actors) {
		struct actor *a = stage.actors;

		if (!a->joined)
			actor_exit(a);
		stage.actors = a->next;
		sem_destroy(&a->told);
		sem_destroy(&a->done);
		free(a);
	}
	free(stage.seen_by_hog);
	if (ours) {
		task_set_attr(0, NORMAL(0));
		unpin();
	}
	return fixture_teardown(state) || !exact ? -1 : 0;
}

/* By sleepers at what they lend, and at what could not be set or forgotten. */
long long looks_in_background(void)
{
	return arbiter_stat("pi_verifies") + arbiter_stat("pi_looks");
}

/* Nobody looks when there are no records. */
void until_looked_at(int times)
{
	long long end = looks_in_background() + times;

	assert_true(end >= times);
	while (looks_in_background() < end && arbiter_has_records())
		sleep_ms(10);
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void report(struct actor *a, int ret)
{
	a->ret = ret;
	a->hog_rounds = atomic_load(&stage.hog_rounds);
	atomic_store(&a->idle, true);
	sem_post(&a->done);
}

static void *actor_main(void *arg)
{
	struct actor *a = arg;
	bool more = true;

	if (a->pinned)
		pin_to_one_cpu();
	else
		unpin();
	a->tid = gettid();
	report(a, task_set_attr(0, a->attr));
	while (more) {
		wait_for(&a->told);
		more = !atomic_load(&a->exits);
		report(a, a->order ? a->order(a, a->arg) : 0);
	}
	return NULL;
}

/* In the order of their creation, in which they are shown. */
static void append(struct actor *a)
{
	struct actor **end = &stage.actors;

	while (*end)
		end = &(*end)->next;
	*end = a;
}

static struct actor *new_actor(struct fixture *f, const char *name, struct task_attr attr,
			       bool pinned)
{
	struct actor *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->f = f;
	a->name = name;
	a->attr = attr;
	a->pinned = pinned;
	a->owner = 1000 + ++stage.owners;
	sem_init(&a->told, 0, 0);
	sem_init(&a->done, 0, 0);
	assert_int_equal(pthread_create(&a->thread, NULL, actor_main, a), 0);
	a->busy = true;
	a->next = NULL;
	append(a);
	assert_ret(actor_finish(a), 0);
	assert_ret(task_get_state(a->tid, &a->base), 0);
	return a;
}

struct actor *actor_new(struct fixture *f, const char *name, struct task_attr attr)
{
	return new_actor(f, name, attr, true);
}

struct actor *actor_roaming(struct fixture *f, const char *name, struct task_attr attr)
{
	return new_actor(f, name, attr, false);
}

void actor_tell(struct actor *a, order_fn order, void *arg)
{
	assert_false(a->busy);
	a->order = order;
	a->arg = arg;
	a->busy = true;
	atomic_store(&a->idle, false);
	sem_post(&a->told);
}

int actor_finish(struct actor *a)
{
	wait_for(&a->done);
	a->busy = false;
	return a->ret;
}

bool actor_finished(struct actor *a)
{
	return atomic_load(&a->idle);
}

int actor_do(struct actor *a, order_fn order, void *arg)
{
	actor_tell(a, order, arg);
	return actor_finish(a);
}

void actor_exit(struct actor *a)
{
	if (a->busy)
		actor_finish(a);
	atomic_store(&a->exits, true);
	actor_do(a, NULL, NULL);
	pthread_join(a->thread, NULL);
	a->joined = true;
}

static int do_wait(struct actor *a, void *arg)
{
	(void)arg;
	return nt(a->f->dev, a->request, &a->wait);
}

void actor_wait(struct actor *a, unsigned long request, struct ntsync_wait_args args)
{
	assert_true(args.count <= ARRAY_SIZE(a->objs));
	memcpy(a->objs, (void *)(uintptr_t)args.objs, args.count * sizeof(int));
	args.objs = (uintptr_t)a->objs;
	args.owner = args.owner ? args.owner : a->owner;
	a->request = request;
	a->wait = args;
	actor_tell(a, do_wait, NULL);
}

/* 0: in any call that blocks. */
static bool asleep_in_call(struct actor *a, unsigned long request)
{
	static const unsigned long calls[] = { ANY, ALL, NTSYNC_IOC_CHANNEL_SEND_PI,
					       NTSYNC_IOC_CHANNEL_RECV,
					       NTSYNC_IOC_CHANNEL_RECV2 };
	unsigned long call = sleeping_ioctl(getpid(), a->tid);

	if (request)
		return call == request;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (call == calls[i])
			return true;
	}
	return false;
}

/*
 * A look takes longer than the first moments on a slow machine: with no more than those in
 * between, nobody else would get anywhere.
 */
void let_others_run(unsigned int looks)
{
	const struct timespec moment = { .tv_nsec = 20000l << (looks < 7 ? looks : 7) };

	nanosleep(&moment, NULL);
}

bool actor_falls_asleep(struct actor *a, unsigned long request)
{
	for (unsigned int looks = 0;; looks++) {
		bool asleep = asleep_in_call(a, request);

		/* Looked at last: it may sleep in the same call for another reason. */
		if (atomic_load(&a->idle))
			return false;
		if (asleep)
			return true;
		let_others_run(looks);
	}
}

void actor_assert_asleep_in(struct actor *a, unsigned long request)
{
	if (actor_falls_asleep(a, request))
		return;
	print_error("%s did not block: %d\n", a->name, a->ret);
	fail();
}

void actor_assert_asleep(struct actor *a)
{
	actor_assert_asleep_in(a, 0);
}

void actor_interrupt(struct actor *a)
{
	pthread_kill(a->thread, SIGUSR2);
	assert_ret(actor_finish(a), -EINTR);
}

int wait_any_here(struct actor *a, int obj, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(obj), .owner = a->owner, .timeout = timeout);

	return nt(a->f->dev, ANY, &args);
}

int unlock_here(struct actor *a, int mutex)
{
	struct ntsync_mutex_args args = { .owner = a->owner };

	return nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args);
}

void work_here(void)
{
	spin(WORK_ROUNDS);
}

int actor_locks(struct actor *a, int mutex)
{
	actor_lock(a, mutex);
	return actor_finish(a);
}

static int unlock_order(struct actor *a, void *arg)
{
	return unlock_here(a, *(int *)arg);
}

int actor_unlocks(struct actor *a, int mutex)
{
	return actor_do(a, unlock_order, &mutex);
}

int actor_tries(struct actor *a, int obj)
{
	actor_wait(a, ANY, ARGS(FDS(obj)));
	return actor_finish(a);
}

static int work_and_unlock(struct actor *a, void *arg)
{
	(void)arg;
	work_here();
	return unlock_here(a, a->objs[0]);
}

void actor_work_and_unlock(struct actor *a, int mutex)
{
	a->objs[0] = mutex;
	actor_tell(a, work_and_unlock, NULL);
}

void actor_introduce(struct actor *a)
{
	assert_ret(actor_tries(a, new_manual(a->f, true)), 0);
}

void stage_assert_task_boosted(pid_t tid, const char *name, int policy, int prio, const char *file,
			       int line)
{
	struct task_attr attr;

	fixture_assert_ret(task_get_attr(tid, &attr), 0, "sched_getattr()", file, line);
	if (attr.policy == (uint32_t)policy && attr.prio == (uint32_t)prio &&
	    attr.flags & TASK_RESET_ON_FORK)
		return;
	print_error("%s: policy %u, priority %u, flags %llu: want %d, %d, reset on fork\n",
		    name, attr.policy, attr.prio, (unsigned long long)attr.flags, policy, prio);
	_fail(file, line);
}

void stage_assert_not_held_up(struct actor *a, int ret, const char *file, int line)
{
	int got = actor_finish(a);
	uint64_t rounds = a->hog_rounds;

	atomic_store(&stage.hog_stop, true);
	actor_finish(stage.hog);
	arm_hog();
	fixture_assert_ret(got, ret, a->name, file, line);
	if (!rounds)
		return;
	/* cmocka would cut it off. */
	fprintf(stderr, "# %s was held up for %llu rounds of the hog, which saw:\n%s", a->name,
		(unsigned long long)rounds, stage.seen_by_hog);
	_fail(file, line);
}

void contend(struct actor *holder, struct actor *waiter, int mutex)
{
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(holder, HIGH);
}

void check_inversion(struct fixture *f, struct actor *holder, int mutex)
{
	struct actor *waiter = actor_high(f);

	actor_lock(waiter, mutex);
	actor_work_and_unlock(holder, mutex);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(holder), 0);
	assert_base(holder);
	assert_ret(actor_unlocks(waiter, mutex), 0);
}
