// SPDX-License-Identifier: GPL-2.0-only
#include "inversion.h"
#include "child.h"

#include <signal.h>

#define RT_RUNTIME "/proc/sys/kernel/sched_rt_runtime_us"

/* A failed test waits for that long. */
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
} pi;

/* Without the asm statement the compiler would remove the loop. */
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

static void restore_throttling(void)
{
	set_rt_runtime(old_rt_runtime);
}

/* A throttled hog would let the others run, and a missing boost would not be seen. */
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
	/*
	 * Not in the teardown: the bandwidth of a deadline task that has just ended would make it
	 * fail.
	 */
	atexit(restore_throttling);
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
 * The hog runs only when something is wrong or the test is over. What it finds then shows what each
 * actor was waiting for.
 */
static void record_actors(void)
{
	char *records;
	size_t size;
	FILE *text;

	free(pi.seen_by_hog);
	pi.seen_by_hog = NULL;
	text = open_memstream(&pi.seen_by_hog, &size);
	for (struct actor *a = pi.actors; text && a; a = a->next) {
		if (!a->joined)
			task_describe(text, a->tid, a->name);
	}
	/* Last: reading it takes the arbiter's lock, and boosts the lock's holder. */
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
	if (!atomic_fetch_add(&pi.hog_rounds, 1) && !atomic_load(&pi.hog_stop))
		record_actors();
	while (!atomic_load(&pi.hog_stop) && cpu_ns() < end) {
		atomic_fetch_add(&pi.hog_rounds, 1);
		spin(1000);
	}
	return 0;
}

/* The hog's job, to be started by hog_release(). */
static void arm_hog(void)
{
	struct actor *hog = pi.hog;

	atomic_store(&pi.hog_rounds, 0);
	atomic_store(&pi.hog_stop, false);
	hog->job = burn;
	hog->busy = true;
	atomic_store(&hog->idle, false);
	atomic_store(&hog->held, true);
}

void hog_release(void)
{
	atomic_store(&pi.hog->held, false);
	sem_post(&pi.hog->told);
}

void hog_begin_count(void)
{
	atomic_store(&pi.hog_rounds, 0);
}

bool hog_is_running(void)
{
	return !atomic_load(&pi.hog->held) && !atomic_load(&pi.hog->idle);
}

int pi_setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state))
		return -1;
	f = *state;
	memset(&pi, 0, sizeof(pi));
	if (!f->ours)
		return 0;
	stop_throttling();
	pin_to_one_cpu();
	if (task_set_attr(0, FIFO(TEST_PRIO))) {
		print_error("# no right to real-time priorities\n");
		return -1;
	}
	pi.hog = actor_new(f, "hog", FIFO(HOG));
	arm_hog();
	return 0;
}

static void end_jobs(void)
{
	atomic_store(&pi.hog_stop, true);
	for (struct actor *a = pi.actors; a; a = a->next) {
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

	for (struct actor *a = pi.actors; a; a = a->next) {
		if (!a->joined)
			ok &= task_state_is(a->tid, &a->unboosted, a->name);
	}
	return ok & arbiter_idle();
}

void pi_assert_exact(struct fixture *f)
{
	(void)f;
	assert_true(all_exact());
}

int pi_teardown(void **state)
{
	struct fixture *f = *state;
	bool ours = f->ours, exact = true;

	pi_children_end();
	end_jobs();
	if (ours)
		exact = all_exact();
	while (pi.actors) {
		struct actor *a = pi.actors;

		if (!a->joined)
			actor_exit(a);
		pi.actors = a->next;
		sem_destroy(&a->told);
		sem_destroy(&a->done);
		free(a);
	}
	free(pi.seen_by_hog);
	if (ours) {
		task_set_attr(0, NORMAL(0));
		unpin();
	}
	return fixture_teardown(state) || !exact ? -1 : 0;
}

/* Verifications by sleepers, and rechecks of boosts that could not be set or removed. */
long long looks_in_background(void)
{
	return arbiter_stat("pi_verifies") + arbiter_stat("pi_rechecks");
}

void until_looked_at(int times)
{
	long long end = looks_in_background() + times;

	assert_true(end >= times);
	while (looks_in_background() < end && arbiter_has_records())
		sleep_ms(10);
}

static void await_semaphore(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void report_end(struct actor *a, int ret)
{
	a->ret = ret;
	a->hog_rounds = atomic_load(&pi.hog_rounds);
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
	report_end(a, task_set_attr(0, a->attr));
	while (more) {
		await_semaphore(&a->told);
		more = !atomic_load(&a->exits);
		report_end(a, a->job ? a->job(a, a->arg) : 0);
	}
	return NULL;
}

/* Keeps the order of creation, in which record_actors() shows them. */
static void append_actor(struct actor *a)
{
	struct actor **end = &pi.actors;

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
	a->owner = 1000 + ++pi.owners;
	sem_init(&a->told, 0, 0);
	sem_init(&a->done, 0, 0);
	assert_int_equal(pthread_create(&a->thread, NULL, actor_main, a), 0);
	a->busy = true;
	append_actor(a);
	assert_ret(actor_finish(a), 0);
	assert_ret(task_get_state(a->tid, &a->unboosted), 0);
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

void actor_tell(struct actor *a, job_fn job, void *arg)
{
	assert_false(a->busy);
	a->job = job;
	a->arg = arg;
	a->busy = true;
	atomic_store(&a->idle, false);
	sem_post(&a->told);
}

int actor_finish(struct actor *a)
{
	await_semaphore(&a->done);
	a->busy = false;
	return a->ret;
}

bool actor_finished(struct actor *a)
{
	return atomic_load(&a->idle);
}

int actor_do(struct actor *a, job_fn job, void *arg)
{
	actor_tell(a, job, arg);
	return actor_finish(a);
}

void actor_set_attr(struct actor *a, struct task_attr attr)
{
	assert_ret(task_set_attr(a->tid, attr), 0);
	assert_ret(task_get_state(a->tid, &a->unboosted), 0);
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

/* @request: 0 stands for any call that blocks. */
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
 * On a slow machine a poll takes longer than the first sleeps do. Without longer ones the other
 * threads would make no progress.
 */
void let_others_run(unsigned int polls)
{
	const struct timespec delay = { .tv_nsec = 20000l << (polls < 7 ? polls : 7) };

	nanosleep(&delay, NULL);
}

bool actor_falls_asleep(struct actor *a, unsigned long request)
{
	for (unsigned int polls = 0;; polls++) {
		bool asleep = asleep_in_call(a, request);

		/* Checked last: it may sleep in the same ioctl for another reason. */
		if (atomic_load(&a->idle))
			return false;
		if (asleep)
			return true;
		let_others_run(polls);
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

void actor_block(struct actor *a, unsigned long request, struct ntsync_wait_args args)
{
	actor_wait(a, request, args);
	actor_assert_asleep(a);
}

void actor_block_on(struct actor *a, int obj)
{
	actor_lock(a, obj);
	actor_assert_asleep(a);
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

int kill_mutex_of(struct actor *a, void *arg)
{
	const struct actor *holder = arg;

	(void)a;
	return nt(holder->objs[0], NTSYNC_IOC_MUTEX_KILL, &(uint32_t){ holder->owner });
}

int lock_and_unlock_here(struct actor *a, int mutex)
{
	int ret = wait_any_here(a, mutex, FOREVER);

	return ret ? ret : unlock_here(a, mutex);
}

int set_event_pi(int event, uint32_t policy, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = policy, .prio = prio };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

struct other_device open_other_device(struct fixture *f)
{
	struct ntsync_mutex_args args = { 0 };
	struct other_device other = { .dev = open_device(f) };

	other.mutex = own_fd(f, nt(other.dev, NTSYNC_IOC_CREATE_MUTEX, &args));
	return other;
}

int lock_on_other_device(struct actor *a, void *other)
{
	const struct other_device *o = other;
	struct ntsync_wait_args args = ARGS(FDS(o->mutex), .owner = a->owner, .timeout = FOREVER);

	return nt(o->dev, ANY, &args);
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

static int do_unlock(struct actor *a, void *arg)
{
	return unlock_here(a, *(int *)arg);
}

int actor_unlocks(struct actor *a, int mutex)
{
	return actor_do(a, do_unlock, &mutex);
}

int actor_tries(struct actor *a, int obj)
{
	actor_wait(a, ANY, ARGS(FDS(obj)));
	return actor_finish(a);
}

static int do_work_and_unlock(struct actor *a, void *arg)
{
	(void)arg;
	work_here();
	return unlock_here(a, a->objs[0]);
}

void actor_work_and_unlock(struct actor *a, int mutex)
{
	a->objs[0] = mutex;
	actor_tell(a, do_work_and_unlock, NULL);
}

void actor_introduce(struct actor *a)
{
	assert_ret(actor_tries(a, new_manual(a->f, true)), 0);
}

void pi_assert_task_boosted(pid_t tid, const char *name, int policy, int prio, const char *file,
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

void pi_assert_not_held_up(struct actor *a, int ret, const char *file, int line)
{
	int got = actor_finish(a);
	uint64_t rounds = a->hog_rounds;

	atomic_store(&pi.hog_stop, true);
	actor_finish(pi.hog);
	arm_hog();
	fixture_assert_ret(got, ret, a->name, file, line);
	if (!rounds)
		return;
	/* cmocka's messages would cut it off. */
	fprintf(stderr, "# %s was held up for %llu rounds of the hog, which saw:\n%s", a->name,
		(unsigned long long)rounds, pi.seen_by_hog);
	_fail(file, line);
}

void contend(struct actor *holder, struct actor *waiter, int mutex)
{
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_boosted(holder, HIGH);
}

void end_contention(struct actor *holder, struct actor *waiter, int mutex)
{
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_unboosted(holder);
	assert_ret(actor_finish(waiter), 0);
}

void actor_pass_mutex(struct actor *from, struct actor *to, int mutex)
{
	assert_ret(actor_unlocks(from, mutex), 0);
	assert_ret(actor_finish(to), 0);
}

void check_inversion(struct fixture *f, struct actor *holder, int mutex)
{
	struct actor *waiter = actor_high(f);

	actor_lock(waiter, mutex);
	actor_work_and_unlock(holder, mutex);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(holder), 0);
	assert_unboosted(holder);
	assert_ret(actor_unlocks(waiter, mutex), 0);
}
