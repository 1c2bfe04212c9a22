// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy that an operation makes fails once: the first one,
 * then the second, and so on until it gets through. Each time it has to say ENOMEM or
 * EFAULT, and everything that can be looked at has to be as it was. What can't be
 * looked at from here, a leak, is found when the VM unloads the module.
 */
#include "../pi/task.h"
#include "inject.h"

#include <signal.h>
#include <sys/resource.h>

#define SELF 77u	/* our owner id */
#define HOLDER 500u	/* of the first holder; the next ones count up */
#define MAX_HOLDERS 3
#define MAX_OBJS (NTSYNC_MAX_WAIT_COUNT + 1)
#define INFO_SIZE 512

struct stage;

/**
 * struct op - one operation
 * @setup:   makes what it works on; may be NULL
 * @run:     the call and no other
 * @verify:  after it has worked; leaves everything as it was before; may be NULL
 * @refused: after it has failed: more than the usual look; leaves everything as it was
 * @want:    what it returns if nothing fails; fds count as 0
 * @memory:  allocations that there must be at least; 0: none at all
 * @copies:  likewise
 * @nr:      objects to wait for
 * @alert:   and an alert
 * @all:     waits for all
 * @fifo:    in a real-time task
 * @sleeps:  until a deadline
 */
struct op {
	const char *name;
	void (*setup)(struct stage *s);
	int (*run)(struct stage *s);
	void (*verify)(struct stage *s);
	void (*refused)(struct stage *s);
	int want;
	unsigned int memory, copies;
	unsigned int nr;
	bool alert, all, fifo, sleeps;
};

/* A normal task that owns mutexes and sleeps in a wait for something else. */
struct holder {
	pthread_t thread;
	atomic_int tid;
	atomic_bool out;
	uint32_t owner;
	int dev;
	const int *mutexes;
	unsigned int nr;
	int next;
	int ret;
	struct task_state before;
};

/**
 * struct stage - what the test of one operation works on
 * @objs:   what it waits for, and after that whatever else there is
 * @info:   their fdinfo files
 * @gate:   an event that nobody sets
 * @made:   the fd that the operation has returned
 * @waiter: somebody who sleeps, if the operation is about that
 * @arg:    what the call was given
 * @sent:   what that was before it
 * @sleep_ms: how long it sleeps
 */
struct stage {
	const struct op *op;
	struct fixture *f;
	int objs[MAX_OBJS];
	int info[MAX_OBJS];
	char before[MAX_OBJS][INFO_SIZE];
	unsigned int nr_objs;
	int gate;
	int made;
	struct waiter *waiter;
	struct holder holders[MAX_HOLDERS];
	unsigned int nr_holders;
	_Alignas(8) char arg[64], sent[64];
	uint64_t deadline;
	unsigned int sleep_ms;
	int free_fd;
	char *records;
	struct task_state self;
};

static struct stage stage;

/* ---- objects and holders ---- */

/* An object that everything has to be right with after each attempt. */
static int watch(struct stage *s, int obj)
{
	char path[64];

	assert_true(s->nr_objs < MAX_OBJS);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", obj);
	s->info[s->nr_objs] = own_fd(s->f, open(path, O_RDONLY | O_CLOEXEC));
	s->objs[s->nr_objs++] = obj;
	return obj;
}

static void *holder_thread(void *arg)
{
	struct holder *h = arg;
	struct ntsync_wait_args args;

	for (unsigned int i = 0; i < h->nr && !h->ret; i++) {
		args = ARGS(FDS(h->mutexes[i]), .owner = h->owner);
		h->ret = nt(h->dev, ANY, &args);
	}
	atomic_store(&h->tid, gettid());
	if (!h->ret) {
		args = ARGS(FDS(h->next), .owner = h->owner, .timeout = FOREVER);
		nt(h->dev, ANY, &args);
	}
	atomic_store(&h->out, true);
	return NULL;
}

/* Takes @nr mutexes and then sleeps in a wait for @next. */
static void add_holder(struct stage *s, const int *mutexes, unsigned int nr, int next)
{
	struct holder *h = &s->holders[s->nr_holders];

	assert_true(s->nr_holders < MAX_HOLDERS);
	h->owner = HOLDER + s->nr_holders;
	h->dev = s->f->dev;
	h->mutexes = mutexes;
	h->nr = nr;
	h->next = next;
	assert_int_equal(pthread_create(&h->thread, NULL, holder_thread, h), 0);
	s->nr_holders++;
	while (!h->tid || (!h->out && !asleep_in(getpid(), h->tid, ANY)))
		sleep_ms(1);
	assert_ret(h->ret, 0);
	assert_false(h->out);
	assert_int_equal(task_get_state(h->tid, &h->before), 0);
}

static void end_holders(struct stage *s)
{
	while (s->nr_holders) {
		struct holder *h = &s->holders[--s->nr_holders];

		while (!atomic_load(&h->out)) {
			pthread_kill(h->thread, SIGUSR2);
			sleep_ms(1);
		}
		pthread_join(h->thread, NULL);
	}
}

/* A record of a task that has died stays until the arbiter looks for such. */
static void await_no_records(void)
{
	while (arbiter_has_records())
		sleep_ms(10);
}

static void go_fifo(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	assert_int_equal(pthread_setschedparam(pthread_self(), prio ? SCHED_FIFO : SCHED_OTHER,
					       &param), 0);
}

/* ---- as it was ---- */

static void read_info(struct stage *s, unsigned int i, char *text)
{
	ssize_t len = pread(s->info[i], text, INFO_SIZE - 1, 0);

	assert_true(len > 0);
	text[len] = '\0';
}

static int lowest_free_fd(struct stage *s)
{
	int fd = dup(s->f->dev);

	close(fd);
	return fd;
}

static void look_at_all(struct stage *s)
{
	for (unsigned int i = 0; i < s->nr_objs; i++)
		read_info(s, i, s->before[i]);
	s->free_fd = lowest_free_fd(s);
	free(s->records);
	s->records = arbiter_text("pi");
	assert_non_null(s->records);
	assert_int_equal(task_get_state(0, &s->self), 0);
	for (unsigned int i = 0; i < s->nr_holders; i++)
		assert_int_equal(task_get_state(s->holders[i].tid, &s->holders[i].before), 0);
}

static void assert_as_it_was(struct stage *s)
{
	char text[INFO_SIZE], *records;

	for (unsigned int i = 0; i < s->nr_objs; i++) {
		read_info(s, i, text);
		assert_string_equal(text, s->before[i]);
	}
	assert_int_equal(lowest_free_fd(s), s->free_fd);
	records = arbiter_text("pi");
	assert_non_null(records);
	assert_string_equal(records, s->records);
	free(records);
	assert_true(task_state_is(0, &s->self, "self"));
	for (unsigned int i = 0; i < s->nr_holders; i++)
		assert_true(task_state_is(s->holders[i].tid, &s->holders[i].before, "holder"));
	if (s->waiter)
		assert_asleep(s->waiter);
}

/* ---- calls ---- */

static int call(struct stage *s, int fd, unsigned long request, const void *arg, size_t size)
{
	memcpy(s->sent, arg, size);
	memcpy(s->arg, arg, size);
	return nt(fd, request, s->arg);
}

/* A call that returns an fd. */
static int make(struct stage *s, int fd)
{
	if (fd < 0)
		return fd;
	s->made = fd;
	return 0;
}

static int call_word(struct stage *s, unsigned long request, uint32_t word)
{
	return call(s, s->objs[0], request, &word, sizeof(word));
}

static int call_pair(struct stage *s, int fd, unsigned long request, uint32_t first,
		     uint32_t second)
{
	const uint32_t words[2] = { first, second };

	return call(s, fd, request, words, sizeof(words));
}

static uint32_t answer(const struct stage *s, unsigned int i)
{
	return ((const uint32_t *)s->arg)[i];
}

/* ---- the device ---- */

static int run_open(struct stage *s)
{
	int fd = open("/dev/ntsync", O_RDWR | O_CLOEXEC);

	return make(s, fd < 0 ? -errno : fd);
}

static void verify_open(struct stage *s)
{
	struct ntsync_sem_args args = { .count = 0, .max = 1 };
	int sem = nt(s->made, NTSYNC_IOC_CREATE_SEM, &args);

	assert_true(sem >= 0);
	close(sem);
	close(s->made);
}

static int run_create_sem(struct stage *s)
{
	return make(s, call_pair(s, s->f->dev, NTSYNC_IOC_CREATE_SEM, 2, 3));
}

static void verify_create_sem(struct stage *s)
{
	assert_sem(s->made, 2, 3);
	close(s->made);
}

static int run_create_mutex(struct stage *s)
{
	return make(s, call_pair(s, s->f->dev, NTSYNC_IOC_CREATE_MUTEX, SELF, 3));
}

static void verify_create_mutex(struct stage *s)
{
	assert_mutex(s->made, SELF, 3);
	close(s->made);
}

static int run_create_event(struct stage *s)
{
	return make(s, call_pair(s, s->f->dev, NTSYNC_IOC_CREATE_EVENT, 1, 1));
}

static void verify_create_event(struct stage *s)
{
	assert_event(s->made, 1, 1);
	close(s->made);
}

static int run_query(struct stage *s)
{
	struct ntsync_features_args args;

	memset(&args, 0xa5, sizeof(args));
	return call(s, s->f->dev, NTSYNC_IOC_QUERY_FEATURES, &args, sizeof(args));
}

static void verify_query(struct stage *s)
{
	assert_int_equal(((struct ntsync_features_args *)s->arg)->features, s->f->features);
}

/* ---- semaphores and mutexes ---- */

static void setup_sem(struct stage *s)
{
	watch(s, new_sem(s->f, 1, 5));
}

static int run_release(struct stage *s)
{
	return call_word(s, NTSYNC_IOC_SEM_RELEASE, 2);
}

static void verify_release(struct stage *s)
{
	assert_int_equal(answer(s, 0), 1);
	assert_sem(s->objs[0], 3, 5);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
}

static int run_sem_read(struct stage *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_SEM_READ, UNTOUCHED, UNTOUCHED);
}

static void verify_sem_read(struct stage *s)
{
	assert_int_equal(answer(s, 0), 1);
	assert_int_equal(answer(s, 1), 5);
}

static void wait_for_first(struct stage *s, int policy, int prio)
{
	const struct waiter_sched sched = { .policy = policy, .prio = prio };

	s->waiter = start_sched(s->f, ANY,
				ARGS(FDS(s->objs[0]), .owner = OWNER, .timeout = FOREVER),
				&sched);
}

static void setup_sem_waiter(struct stage *s)
{
	watch(s, new_sem(s->f, 0, 5));
	wait_for_first(s, SCHED_OTHER, 0);
}

static int run_release_one(struct stage *s)
{
	return call_word(s, NTSYNC_IOC_SEM_RELEASE, 1);
}

static void verify_sem_waiter(struct stage *s)
{
	assert_int_equal(answer(s, 0), 0);
	assert_woken(s->waiter, 0, 0);
	wait_for_first(s, SCHED_OTHER, 0);
}

static void setup_owned(struct stage *s)
{
	watch(s, new_mutex(s->f, SELF, 2));
}

static int run_unlock(struct stage *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_MUTEX_UNLOCK, SELF, UNTOUCHED);
}

static void verify_unlock(struct stage *s)
{
	assert_int_equal(answer(s, 1), 2);
	assert_mutex(s->objs[0], SELF, 1);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
}

/* Owned by a normal task, wanted by a real-time one, from which it inherits. */
static void setup_inherited(struct stage *s)
{
	watch(s, new_mutex(s->f, 0, 0));
	add_holder(s, s->objs, 1, s->gate);
	wait_for_first(s, SCHED_FIFO, 20);
	assert_true(arbiter_has(s->holders[0].tid, "mutex", SCHED_FIFO, 20));
}

static int run_unlock_of_holder(struct stage *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_MUTEX_UNLOCK, HOLDER, UNTOUCHED);
}

/* The old holder has nothing any more; a new one takes its place. */
static void verify_handed_over(struct stage *s)
{
	assert_woken(s->waiter, 0, 0);
	s->waiter = NULL;
	unlock(s->objs[0], OWNER, 1);
	end_holders(s);
	memset(s->holders, 0, sizeof(s->holders));
	await_no_records();
	add_holder(s, s->objs, 1, s->gate);
	wait_for_first(s, SCHED_FIFO, 20);
	look_at_all(s);
}

static int run_kill(struct stage *s)
{
	return call_word(s, NTSYNC_IOC_MUTEX_KILL, SELF);
}

static void verify_kill(struct stage *s)
{
	assert_abandoned(s->objs[0]);
	assert_ret(try_wait(s->f, s->objs[0], SELF), -EOWNERDEAD);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
}

static int run_mutex_read(struct stage *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_MUTEX_READ, UNTOUCHED, UNTOUCHED);
}

static void verify_mutex_read(struct stage *s)
{
	assert_int_equal(answer(s, 0), SELF);
	assert_int_equal(answer(s, 1), 2);
}

static void setup_abandoned(struct stage *s)
{
	watch(s, new_mutex(s->f, SELF, 1));
	kill_owner(s->objs[0], SELF);
}

static void verify_abandoned_read(struct stage *s)
{
	assert_int_equal(answer(s, 0), 0);
	assert_int_equal(answer(s, 1), 0);
}

/* ---- events ---- */

static void setup_event(struct stage *s)
{
	watch(s, new_auto(s->f, false));
}

static void setup_signaled(struct stage *s)
{
	watch(s, new_auto(s->f, true));
}

static void setup_event_waiter(struct stage *s)
{
	setup_event(s);
	wait_for_first(s, SCHED_OTHER, 0);
}

static int run_set(struct stage *s)
{
	return call_word(s, NTSYNC_IOC_EVENT_SET, UNTOUCHED);
}

static int run_reset(struct stage *s)
{
	return call_word(s, NTSYNC_IOC_EVENT_RESET, UNTOUCHED);
}

static int run_pulse(struct stage *s)
{
	return call_word(s, NTSYNC_IOC_EVENT_PULSE, UNTOUCHED);
}

static int set_pi(int event, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = prio };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

static int run_set_pi(struct stage *s)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = 20 };

	return call(s, s->objs[0], NTSYNC_IOC_EVENT_SET_PI, &args, sizeof(args));
}

static void verify_set(struct stage *s)
{
	reset_event(s->objs[0], 1);
}

static void verify_reset(struct stage *s)
{
	assert_int_equal(answer(s, 0), 1);
	set_event(s->objs[0], 0);
}

static void verify_woken(struct stage *s)
{
	assert_woken(s->waiter, 0, 0);
	await_no_records();
	wait_for_first(s, SCHED_OTHER, 0);
}

static int run_event_read(struct stage *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_EVENT_READ, UNTOUCHED, UNTOUCHED);
}

static void verify_event_read(struct stage *s)
{
	assert_int_equal(answer(s, 0), 0);
	assert_int_equal(answer(s, 1), 1);
}

/* The signal of the event comes with FIFO @prio, which ends with the next wait. */
static void assert_boost(struct stage *s, uint32_t prio)
{
	struct task_attr attr;

	assert_int_equal(task_get_attr(0, &attr), 0);
	assert_int_equal(attr.policy, SCHED_FIFO);
	assert_int_equal(attr.prio, prio);
	assert_not_ready(s->f, s->gate);
	assert_int_equal(task_get_attr(0, &attr), 0);
	assert_int_equal(attr.policy, SCHED_OTHER);
}

static void take_boost(struct stage *s, uint32_t prio)
{
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
	assert_boost(s, prio);
	assert_ret(set_pi(s->objs[0], 10), 0);
}

static void setup_staged(struct stage *s)
{
	setup_event(s);
	assert_ret(set_pi(s->objs[0], 10), 0);
}

static void verify_staged(struct stage *s)
{
	take_boost(s, 20);
}

/* The boost that was there has stayed. */
static void refused_staged(struct stage *s)
{
	take_boost(s, 10);
}

static void verify_boosted_wait(struct stage *s)
{
	assert_boost(s, 10);
	assert_ret(set_pi(s->objs[0], 10), 0);
}

/* ---- waits ---- */

static int run_wait(struct stage *s)
{
	const struct op *op = s->op;
	const struct ntsync_wait_args args = ARGS(
		.objs = (uintptr_t)s->objs, .count = op->nr, .owner = SELF,
		.alert = op->alert ? s->objs[op->nr] : 0, .timeout = s->deadline);

	return call(s, s->f->dev, op->all ? ALL : ANY, &args, sizeof(args));
}

static uint32_t answered_index(const struct stage *s)
{
	return ((const struct ntsync_wait_args *)s->arg)->index;
}

static void verify_timeout(struct stage *s)
{
	assert_memory_equal(s->arg, s->sent, sizeof(struct ntsync_wait_args));
}

/* One of each type, in turn. */
static void setup_ready(struct stage *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		watch(s, i % 3 == 0 ? new_sem(s->f, 1, 1) :
			 i % 3 == 1 ? new_mutex(s->f, 0, 0) : new_auto(s->f, true));
	if (s->op->alert)
		watch(s, new_auto(s->f, false));
}

static void make_ready(struct stage *s, unsigned int i)
{
	if (i % 3 == 0)
		release(s->objs[i], 1, 0);
	else if (i % 3 == 1)
		unlock(s->objs[i], SELF, 1);
	else
		set_event(s->objs[i], 0);
}

static void verify_ready(struct stage *s)
{
	assert_int_equal(answered_index(s), 0);
	for (unsigned int i = 0; i < (s->op->all ? s->op->nr : 1); i++)
		make_ready(s, i);
}

static void setup_blocked(struct stage *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		watch(s, s->op->fifo || i % 3 == 1 ? new_mutex(s->f, HOLDER, 1) :
			 i % 3 == 0 ? new_sem(s->f, 0, 1) : new_auto(s->f, false));
	if (s->op->alert)
		watch(s, new_auto(s->f, false));
}

/* All of them taken by a task, which then inherits. */
static void setup_held(struct stage *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		watch(s, new_mutex(s->f, 0, 0));
	if (s->op->alert)
		watch(s, new_auto(s->f, false));
	add_holder(s, s->objs, s->op->nr, s->gate);
}

/* The owner of the first mutex waits for the second one, and so on. */
static void setup_chain(struct stage *s)
{
	for (unsigned int i = 0; i < MAX_HOLDERS; i++)
		watch(s, new_mutex(s->f, 0, 0));
	for (unsigned int i = MAX_HOLDERS; i-- > 0;)
		add_holder(s, &s->objs[i], 1, i + 1 < MAX_HOLDERS ? s->objs[i + 1] : s->gate);
}

static void setup_signaled_alert(struct stage *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		watch(s, new_sem(s->f, 0, 1));
	watch(s, new_auto(s->f, true));
}

static void verify_alert(struct stage *s)
{
	assert_int_equal(answered_index(s), s->op->nr);
	set_event(s->objs[s->op->nr], 0);
}

static void verify_owner_dead(struct stage *s)
{
	assert_int_equal(answered_index(s), 0);
	kill_owner(s->objs[0], SELF);
}

/* ---- the table ---- */

/*
 * Allocations for a wait: up to four entries are on the stack, and 65 are more than a
 * slab has, which failslab does not see. A real-time task needs two for each mutex.
 */
#define ENTRIES(n) ((n) > 4 && (n) <= 64)
#define SLEEPS(type, _nr, _alert)                                              \
	{ .name = type##_NAME " sleeps, " #_nr " objects, alert " #_alert,            \
	  .setup = setup_blocked, .run = run_wait, .verify = verify_timeout,   \
	  .want = -ETIMEDOUT, .sleeps = true, .nr = _nr, .alert = _alert,      \
	  .all = type##_ALL, .memory = ENTRIES((_nr) + (_alert)), .copies = 2 }
#define SLEEPS_FIFO(type, _nr, _alert)                                         \
	{ .name = type##_NAME " of a FIFO task, " #_nr " mutexes, alert " #_alert,    \
	  .setup = setup_held, .run = run_wait, .verify = verify_timeout,      \
	  .want = -ETIMEDOUT, .sleeps = true, .nr = _nr, .alert = _alert,      \
	  .all = type##_ALL, .fifo = true,                                 \
	  .memory = ENTRIES((_nr) + (_alert)) + 2 * (_nr), .copies = 2 }
#define any_NAME "ANY"
#define any_ALL false
#define all_NAME "ALL"
#define all_ALL true
#define EACH_SIZE(row, type)                                                   \
	row(type, 1, 0), row(type, 1, 1), row(type, 4, 0), row(type, 4, 1),    \
	row(type, 5, 0), row(type, 16, 0), row(type, 16, 1), row(type, 17, 0), \
	row(type, 64, 0), row(type, 64, 1)

static const struct op ops[] = {
	{ .name = "open", .run = run_open, .verify = verify_open, .memory = 1, .copies = 1 },
	{ .name = "CREATE_SEM", .run = run_create_sem, .verify = verify_create_sem, .memory = 2,
	  .copies = 1 },
	{ .name = "CREATE_MUTEX", .run = run_create_mutex, .verify = verify_create_mutex,
	  .memory = 2, .copies = 1 },
	{ .name = "CREATE_EVENT", .run = run_create_event, .verify = verify_create_event,
	  .memory = 2, .copies = 1 },
	{ .name = "QUERY_FEATURES", .run = run_query, .verify = verify_query, .copies = 1 },

	{ .name = "SEM_RELEASE", .setup = setup_sem, .run = run_release, .verify = verify_release },
	{ .name = "SEM_RELEASE to a waiter", .setup = setup_sem_waiter, .run = run_release_one,
	  .verify = verify_sem_waiter },
	{ .name = "SEM_READ", .setup = setup_sem, .run = run_sem_read, .verify = verify_sem_read,
	  .copies = 1 },

	{ .name = "MUTEX_UNLOCK", .setup = setup_owned, .run = run_unlock, .verify = verify_unlock,
	  .copies = 1 },
	{ .name = "MUTEX_UNLOCK to a FIFO task", .setup = setup_inherited,
	  .run = run_unlock_of_holder, .verify = verify_handed_over, .copies = 1 },
	{ .name = "MUTEX_KILL", .setup = setup_owned, .run = run_kill, .verify = verify_kill },
	{ .name = "MUTEX_READ", .setup = setup_owned, .run = run_mutex_read,
	  .verify = verify_mutex_read, .copies = 1 },
	{ .name = "MUTEX_READ, abandoned", .setup = setup_abandoned, .run = run_mutex_read,
	  .verify = verify_abandoned_read, .want = -EOWNERDEAD, .copies = 1 },

	{ .name = "EVENT_SET", .setup = setup_event, .run = run_set, .verify = verify_set },
	{ .name = "EVENT_SET to a waiter", .setup = setup_event_waiter, .run = run_set,
	  .verify = verify_woken },
	{ .name = "EVENT_RESET", .setup = setup_signaled, .run = run_reset,
	  .verify = verify_reset },
	{ .name = "EVENT_PULSE", .setup = setup_event, .run = run_pulse },
	{ .name = "EVENT_PULSE to a waiter", .setup = setup_event_waiter, .run = run_pulse,
	  .verify = verify_woken },
	{ .name = "EVENT_SET_PI", .setup = setup_event, .run = run_set_pi, .verify = verify_set,
	  .memory = 2, .copies = 1 },
	{ .name = "EVENT_SET_PI to a waiter", .setup = setup_event_waiter, .run = run_set_pi,
	  .verify = verify_woken, .memory = 2, .copies = 1 },
	{ .name = "EVENT_SET_PI in place of another", .setup = setup_staged, .run = run_set_pi,
	  .verify = verify_staged, .refused = refused_staged, .memory = 2, .copies = 1 },
	{ .name = "EVENT_READ", .setup = setup_signaled, .run = run_event_read,
	  .verify = verify_event_read, .copies = 1 },

	{ .name = "ANY, ready", .setup = setup_ready, .run = run_wait, .verify = verify_ready,
	  .nr = 1, .copies = 2 },
	{ .name = "ANY, 64 ready", .setup = setup_ready, .run = run_wait, .verify = verify_ready,
	  .nr = 64, .alert = true, .copies = 2 },
	{ .name = "ALL, 64 ready", .setup = setup_ready, .run = run_wait, .verify = verify_ready,
	  .nr = 64, .alert = true, .all = true, .copies = 2 },
	{ .name = "ANY, alert is set", .setup = setup_signaled_alert, .run = run_wait,
	  .verify = verify_alert, .nr = 5, .alert = true, .copies = 2 },
	{ .name = "ALL, alert is set", .setup = setup_signaled_alert, .run = run_wait,
	  .verify = verify_alert, .nr = 5, .alert = true, .all = true, .copies = 2 },
	{ .name = "ANY, abandoned", .setup = setup_abandoned, .run = run_wait,
	  .verify = verify_owner_dead, .want = -EOWNERDEAD, .nr = 1, .copies = 2 },
	{ .name = "ALL, abandoned", .setup = setup_abandoned, .run = run_wait,
	  .verify = verify_owner_dead, .want = -EOWNERDEAD, .nr = 1, .all = true, .copies = 2 },
	{ .name = "ANY takes a boost", .setup = setup_staged, .run = run_wait,
	  .verify = verify_boosted_wait, .nr = 1, .copies = 2 },
	{ .name = "ANY, no time", .setup = setup_blocked, .run = run_wait, .verify = verify_timeout,
	  .want = -ETIMEDOUT, .nr = 64, .alert = true, .copies = 2 },
	{ .name = "ALL, no time", .setup = setup_blocked, .run = run_wait, .verify = verify_timeout,
	  .want = -ETIMEDOUT, .nr = 64, .alert = true, .all = true, .copies = 2 },
	{ .name = "ANY of a FIFO task, no time", .setup = setup_held, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .nr = 17, .fifo = true, .copies = 2 },

	EACH_SIZE(SLEEPS, any),
	EACH_SIZE(SLEEPS, all),
	EACH_SIZE(SLEEPS_FIFO, any),
	EACH_SIZE(SLEEPS_FIFO, all),

	{ .name = "ANY of a FIFO task, chain", .setup = setup_chain, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 1, .fifo = true,
	  .memory = 2, .copies = 2 },
	{ .name = "ALL of a FIFO task, chain", .setup = setup_chain, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 1, .all = true,
	  .fifo = true, .memory = 2, .copies = 2 },
	/* The mutex has its contribution already. */
	{ .name = "ANY of a FIFO task, behind another", .setup = setup_inherited, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 1, .fifo = true,
	  .copies = 2 },
};

/* ---- every fault in turn ---- */

static long times_slept(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/* Runs it with the @n-th fault; false if the deadline was over before it could sleep. */
static bool run_once(struct stage *s, unsigned int n, int *ret, enum injected *injected)
{
	long slept = times_slept();

	s->deadline = s->op->sleeps ? monotonic_ns() + s->sleep_ms * NS_PER_MS : 0;
	inject_arm(n);
	*ret = s->op->run(s);
	*injected = inject_disarm();
	if (!s->op->sleeps || *injected || *ret != -ETIMEDOUT)
		return true;
	return times_slept() != slept;
}

static enum injected attempt(struct stage *s, unsigned int n)
{
	enum injected injected;
	int ret;

	look_at_all(s);
	while (!run_once(s, n, &ret, &injected))
		s->sleep_ms *= 2;

	if (injected == NOTHING) {
		assert_ret(ret, s->op->want);
		if (s->op->verify)
			s->op->verify(s);
	} else {
		assert_ret(ret, injected == MEMORY ? -ENOMEM : -EFAULT);
		assert_memory_equal(s->arg, s->sent, sizeof(s->arg));
		assert_as_it_was(s);
		if (s->op->refused)
			s->op->refused(s);
	}
	assert_as_it_was(s);
	return injected;
}

static void assert_count(const char *what, unsigned int count, unsigned int least)
{
	if (least ? count >= least : !count)
		return;
	fail_msg("%u %s failed, want %s%u", count, what, least ? "at least " : "", least);
}

static void fails_at_each(void **state)
{
	unsigned int n = 1, count[] = { [NOTHING] = 0, [MEMORY] = 0, [COPY] = 0 };
	struct stage *s = &stage;

	(void)state;
	if (s->op->setup)
		s->op->setup(s);
	if (s->op->fifo)
		go_fifo(30);
	/* Once without: what is allocated only the first time is there then. */
	assert_int_equal(attempt(s, 0), NOTHING);
	while (!count[NOTHING])
		count[attempt(s, n++)]++;
	print_message("# %s: %u allocations, %u copies\n", s->op->name, count[MEMORY],
		      count[COPY]);
	assert_count("allocations", count[MEMORY], s->op->memory);
	assert_count("copies", count[COPY], s->op->copies);
}

static int setup(void **state)
{
	const struct op *op = *state;
	static char name[128];
	int ret;

	await_no_records();
	snprintf(name, sizeof(name), "test_fail_nth.c:%s", op->name);
	*state = name;
	ret = fixture_setup(state);
	memset(&stage, 0, sizeof(stage));
	stage.op = op;
	stage.f = *state;
	stage.sleep_ms = 20;
	if (!ret)
		stage.gate = new_auto(stage.f, false);
	return ret;
}

static int teardown(void **state)
{
	go_fifo(0);
	end_holders(&stage);
	free(stage.records);
	return fixture_teardown(state);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(ops)];

	if (inject_setup())
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		tests[i] = (struct CMUnitTest){ ops[i].name, fails_at_each, setup, teardown,
						(void *)&ops[i] };
	return fixture_run("fault", tests, ARRAY_SIZE(tests));
}
