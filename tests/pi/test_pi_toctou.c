// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel first checks whether a caller may set a task's parameters, against those that the task
 * has at that moment, including a boost, and then sets them. If the boost ends in between, an
 * ordinary user keeps its priority for good.
 *
 *	grabber, an ordinary user		target, of the same user, boosted
 *	sched_setattr(target, FIFO 80)
 *	  may, as the target is FIFO 80
 *						the boost ends
 *	  sets it
 *
 * The driver can't prevent that, but it has to fix the parameters soon after. A round is one boost,
 * which ends while the grabber makes such calls one after the other, at another point of a call
 * each time. NTSYNC_TOCTOU_ROUNDS says how many rounds there are.
 */
#include "channel.h"
#include "child.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ROUNDS 200
/* The driver may wait for all other CPUs to pass through the scheduler. */
#define FIXED_WITHIN (15 * NS_PER_SEC)
/* For how long the test watches that permitted parameters stay. */
#define WATCHED_FOR (2 * NS_PER_SEC)
#define RESET TASK_RESET_ON_FORK
#define MAX_CHILDREN 4

/**
 * struct window - the end of a boost; in memory that all the processes share
 * @target: the task whose parameters the grabber sets, 0 = none
 * @asked, @answered: close_window() counts up the first; the grabber copies it to the second once
 *                    it has seen that @target is 0
 * @grab:   what the grabber sets
 * @granted: how many of its calls succeeded
 * @held:   the target is ready to be boosted
 * @gone:   the booster's part of the round is done
 * @over:   there are no more rounds
 */
static struct window {
	atomic_int target;
	atomic_uint asked, answered;
	struct task_attr grab;
	atomic_ulong granted;
	sem_t held, gone;
	atomic_bool over;
} *window;

static unsigned long count_rounds(void)
{
	const char *text = getenv("NTSYNC_TOCTOU_ROUNDS");

	return text ? strtoul(text, NULL, 10) : ROUNDS;
}

static void spin(unsigned int turns)
{
	while (turns--)
		__asm__("" : : : "memory");
}

/* Lets the grabber make its calls, until another point of one of them each time. */
static void spin_for_round(unsigned long n)
{
	spin(5000 + n % 50 * 1000);
}

static void sleep_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
}

/* ---- the grabber ---- */

static int grab(struct pi_child *p)
{
	cpu_set_t other;

	CPU_ZERO(&other);
	CPU_SET(1, &other);
	CHECK(!sched_setaffinity(0, sizeof(other), &other));
	CHECK(!drop_privilege(p->value));
	while (!atomic_load(&window->over)) {
		unsigned int asked = atomic_load(&window->asked);
		pid_t target = atomic_load(&window->target);

		if (!target)
			atomic_store(&window->answered, asked);
		else if (!task_set_attr(target, window->grab))
			atomic_fetch_add(&window->granted, 1);
	}
	return 0;
}

static void open_window(pid_t target, struct task_attr grab)
{
	window->grab = grab;
	atomic_store(&window->target, target);
}

/* No call of the grabber is under way afterwards. */
static void close_window(void)
{
	unsigned int asked;

	atomic_store(&window->target, 0);
	asked = atomic_fetch_add(&window->asked, 1) + 1;
	while (atomic_load(&window->answered) != asked)
		sleep_briefly();
}

/* ---- boosts ---- */

/**
 * struct source - a way to be boosted
 * @create: creates the object
 * @boost:  the booster's part; it is FIFO HIGH, with all privileges
 * @take:   the target is boosted when this returns
 * @end:    the target is not boosted any more when this returns
 */
struct source {
	const char *name;
	int (*create)(struct fixture *f);
	int (*boost)(struct actor *booster, int object);
	int (*take)(struct pi_child *p);
	int (*end)(struct pi_child *p);
};

static int create_mutex(struct fixture *f)
{
	return new_mutex(f, 0, 0);
}

static int await_boost(void)
{
	struct task_attr attr;

	do {
		CHECK(!task_get_attr(0, &attr));
	} while (attr.prio != HIGH);
	return 0;
}

static int lock_until_boosted(struct pi_child *p)
{
	CHECK(!pi_child_lock(p, FOREVER));
	sem_post(&window->held);
	return await_boost();
}

static int create_event(struct fixture *f)
{
	return new_auto(f, false);
}

static int signal_fifo(struct actor *booster, int event)
{
	(void)booster;
	return set_event_pi(event, SCHED_FIFO, HIGH);
}

static int signal_rr(struct actor *booster, int event)
{
	(void)booster;
	return set_event_pi(event, SCHED_RR, HIGH);
}

static int consume_until_boosted(struct pi_child *p)
{
	sem_post(&window->held);
	CHECK(!pi_child_lock(p, FOREVER));
	return await_boost();
}

static int poll_again(struct pi_child *p)
{
	CHECK(pi_child_lock(p, 0) == -ETIMEDOUT);
	return 0;
}

static int send_request(struct actor *booster, int channel)
{
	(void)booster;
	return send_here(channel, HIGH);
}

static uint64_t request;

static int receive_until_boosted(struct pi_child *p)
{
	struct ntsync_channel_recv2_args got = { 0 };

	sem_post(&window->held);
	CHECK(!receive_here(p->mutex, &got));
	request = got.entry_id;
	return await_boost();
}

static int reply_to_request(struct pi_child *p)
{
	CHECK(!reply_here(p->mutex, request));
	return 0;
}

static const struct source
	a_mutex = { "a mutex", create_mutex, lock_and_unlock_here, lock_until_boosted,
		    pi_child_unlock },
	an_event = { "an event", create_event, signal_fifo, consume_until_boosted, poll_again },
	an_rr_event = { "an event, RR", create_event, signal_rr, consume_until_boosted,
			poll_again },
	a_channel = { "a channel", pi_channel, send_request, receive_until_boosted,
		      reply_to_request };

/* ---- scenarios ---- */

/**
 * struct scenario - what the grabber tries
 * @own:    the target's own parameters
 * @rtprio: RLIMIT_RTPRIO of the target and the grabber
 * @grabs:  what the grabber sets, another one in each round; none of it may stay
 * @round:  the target's part of one round
 */
static const struct scenario {
	const struct source *source;
	struct task_attr own;
	unsigned int rtprio;
	struct task_attr grabs[4];
	size_t nr_grabs;
	int (*round)(struct pi_child *p, unsigned long n);
} *scenario;

#define GRABS(...)                                                             \
	.grabs = { __VA_ARGS__ },                                              \
	.nr_grabs = ARRAY_SIZE(((const struct task_attr[]){ __VA_ARGS__ }))
#define A_FIFO(n, ...) { .policy = SCHED_FIFO, .prio = (n), __VA_ARGS__ }
#define AN_RR(n, ...) { .policy = SCHED_RR, .prio = (n), __VA_ARGS__ }

static struct task_attr choose_grab(unsigned long n)
{
	return scenario->grabs[n % scenario->nr_grabs];
}

static bool attr_equals(const struct task_attr *attr, const struct task_attr *want)
{
	return attr->policy == want->policy && attr->prio == want->prio &&
	       attr->nice == want->nice && attr->flags == want->flags;
}

/* Returns once the caller has the parameters @want; 1 if it never gets them. */
static int await_own_attr(const struct task_attr *want, const char *who, unsigned long n)
{
	uint64_t end = monotonic_ns() + FIXED_WITHIN;
	struct task_attr attr;

	do {
		CHECK(!task_get_attr(0, &attr));
		if (attr_equals(&attr, want))
			return 0;
		sleep_ms(1);
	} while (monotonic_ns() < end);
	fprintf(stderr, "# round %lu: %s has policy %u, priority %u, nice %d, flags %llu for good\n", n,
		who, attr.policy, attr.prio, attr.nice, (unsigned long long)attr.flags);
	return 1;
}

static int await_booster(void)
{
	while (sem_wait(&window->gone))
		CHECK(errno == EINTR);
	return 0;
}

static int boost_and_end(struct pi_child *p, unsigned long n)
{
	const struct source *source = scenario->source;

	CHECK(!source->take(p));
	open_window(p->tid, choose_grab(n));
	spin_for_round(n);
	CHECK(!source->end(p));
	close_window();
	CHECK(!await_booster());
	return await_own_attr(&scenario->own, "the task", n);
}

static int run_target(struct pi_child *p)
{
	CHECK(!task_set_attr(0, scenario->own));
	CHECK(!drop_privilege(scenario->rtprio));
	for (unsigned long n = 0; n < count_rounds(); n++) {
		still_alive();
		if (scenario->round(p, n))
			return 1;
	}
	return 0;
}

/* The booster's job. */
static int boost_each_round(struct actor *booster, void *object)
{
	int ret = 0;

	while (!ret) {
		if (sem_wait(&window->held))
			return -EINTR;
		if (atomic_load(&window->over))
			return 0;
		ret = scenario->source->boost(booster, *(int *)object);
		sem_post(&window->gone);
	}
	return ret;
}

static void new_window(void)
{
	window = mmap(NULL, sizeof(*window), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	assert_true(window != MAP_FAILED);
	sem_init(&window->held, 1, 0);
	sem_init(&window->gone, 1, 0);
}

/* With many rounds this takes long: tells the watchdog that the test is alive. */
static void await_end(struct pi_child *p)
{
	siginfo_t info = { 0 };

	while (!waitid(P_PID, p->pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid) {
		still_alive();
		sleep_ms(20);
	}
}

static void run_scenario(struct fixture *f, const struct scenario *s)
{
	struct actor *booster;
	struct pi_child *target, *grabber;
	uint64_t begin = monotonic_ns();
	int object;

	only_ours(f, "no inheritance");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip_because("it takes two CPUs");
	scenario = s;
	new_window();
	object = s->source->create(f);
	booster = actor_high(f);
	grabber = pi_child_start(f, grab, 0, s->rtprio);
	target = pi_child_start(f, run_target, object, 0);
	actor_tell(booster, boost_each_round, &object);
	await_end(target);
	print_message("# %s: %lu calls were granted, in %llu ms\n", s->source->name,
		      atomic_load(&window->granted),
		      (unsigned long long)((monotonic_ns() - begin) / NS_PER_MS));
	pi_child_assert_ok(target);
	atomic_store(&window->over, true);
	sem_post(&window->held);
	assert_ret(actor_finish(booster), 0);
	pi_child_assert_ok(grabber);
	munmap(window, sizeof(*window));
}

#define SCENARIO_TEST(fn, ...)                                                 \
	static void fn(void **state)                                           \
	{                                                                      \
		static const struct scenario s = { __VA_ARGS__ };              \
								       \
		run_scenario(*state, &s);                                      \
	}

/* ---- the task itself ---- */

SCENARIO_TEST(keeps_nothing_of_a_mutex,
	.source = &a_mutex, .round = boost_and_end,
	GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(HIGH), A_FIFO(1, .flags = RESET)))

SCENARIO_TEST(keeps_nothing_of_a_signal,
	.source = &an_event, .round = boost_and_end,
	GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(2, .flags = RESET), A_FIFO(HIGH)))

SCENARIO_TEST(keeps_nothing_of_a_signal_with_rr,
	.source = &an_rr_event, .round = boost_and_end,
	GRABS(AN_RR(HIGH, .flags = RESET), AN_RR(1, .flags = RESET), AN_RR(HIGH)))

SCENARIO_TEST(keeps_nothing_of_a_request,
	.source = &a_channel, .round = boost_and_end,
	GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(1, .flags = RESET), A_FIFO(HIGH)))

/* A limit above 0 lets it choose another real-time policy too. */
SCENARIO_TEST(keeps_no_more_than_its_limit,
	.source = &a_mutex, .round = boost_and_end, .rtprio = 1,
	GRABS(AN_RR(HIGH, .flags = RESET), A_FIFO(HIGH, .flags = RESET),
	      A_FIFO(2, .flags = RESET)))

/* Without a boost an idle task of an ordinary user can't leave that policy. */
SCENARIO_TEST(an_idle_task_stays_one,
	.source = &a_mutex, .round = boost_and_end, .own = { .policy = SCHED_IDLE },
	GRABS({ .policy = SCHED_OTHER, .flags = RESET }, { .policy = SCHED_BATCH, .flags = RESET },
	      A_FIFO(HIGH, .flags = RESET)))

SCENARIO_TEST(a_nice_task_stays_one,
	.source = &an_event, .round = boost_and_end, .own = { .nice = 19 },
	GRABS(A_FIFO(HIGH, .flags = RESET), { .policy = SCHED_OTHER, .flags = RESET }))

SCENARIO_TEST(a_fifo_task_stays_one,
	.source = &a_mutex, .round = boost_and_end, .own = A_FIFO(30),
	GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(31, .flags = RESET), A_FIFO(HIGH)))

/* ---- its children ---- */

/**
 * struct child_group - the children of a round
 * @gate: at end of file the grabber has finished, and the children check their parameters
 */
struct child_group {
	int gate[2];
	pid_t children[MAX_CHILDREN];
	size_t count;
};

static int check_behind_gate(int gate, const struct task_attr *want, const char *who)
{
	char c;

	still_alive();
	CHECK(read(gate, &c, 1) == 0);
	return await_own_attr(want, who, 0);
}

static int child_main(void *arg)
{
	struct child_group *group = arg;

	close(group->gate[1]);
	return check_behind_gate(group->gate[0], &scenario->own, "a child");
}

/* This program again, with the parameters that it must have. */
static void format_helper_args(char words[5][16], int gate)
{
	const struct task_attr *own = &scenario->own;

	snprintf(words[0], sizeof(words[0]), "%d", gate);
	snprintf(words[1], sizeof(words[1]), "%u", own->policy);
	snprintf(words[2], sizeof(words[2]), "%u", own->prio);
	snprintf(words[3], sizeof(words[3]), "%d", own->nice);
	snprintf(words[4], sizeof(words[4]), "%llu", (unsigned long long)own->flags);
}

static int helper(char **argv)
{
	const struct task_attr want = { .policy = atoi(argv[3]), .prio = atoi(argv[4]),
					.nice = atoi(argv[5]), .flags = atoi(argv[6]) };

	return check_behind_gate(atoi(argv[2]), &want, "a program");
}

#define HELPER_ARGV(w) { "/proc/self/exe", "helper", w[0], w[1], w[2], w[3], w[4], NULL }

static pid_t create_by_fork(struct child_group *group)
{
	pid_t pid = fork();

	if (!pid)
		_exit(child_main(group));
	return pid;
}

/* The kernel tells the grabber the child's id before the child has run. */
static pid_t create_by_clone(struct child_group *group)
{
	static char stack[65536];

	return clone(child_main, stack + sizeof(stack), CLONE_PARENT_SETTID | SIGCHLD, group,
		     (pid_t *)&window->target);
}

static pid_t create_by_spawn(struct child_group *group)
{
	char words[5][16], *argv[] = HELPER_ARGV(words);
	pid_t pid;

	format_helper_args(words, group->gate[0]);
	return posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) ? -1 : pid;
}

static int create_at_the_end(struct pi_child *p, unsigned long n,
			     pid_t (*create)(struct child_group *group))
{
	const struct source *source = scenario->source;
	struct child_group group = { .count = 0 };
	int bad = 0;

	CHECK(!pipe(group.gate));
	CHECK(!fcntl(group.gate[1], F_SETFD, FD_CLOEXEC));
	CHECK(!source->take(p));
	open_window(p->tid, choose_grab(n));
	spin_for_round(n);
	if (n % 2)
		group.children[group.count++] = create(&group);
	CHECK(!source->end(p));
	/* clone() has replaced it by the child's id. */
	atomic_store(&window->target, p->tid);
	group.children[group.count++] = create(&group);
	close_window();
	CHECK(!await_booster());
	close(group.gate[0]);
	close(group.gate[1]);
	for (size_t i = 0; i < group.count; i++) {
		CHECK(group.children[i] > 0);
		bad |= child_finish(group.children[i]);
	}
	return bad ? bad : await_own_attr(&scenario->own, "the parent", n);
}

static int fork_at_the_end(struct pi_child *p, unsigned long n)
{
	return create_at_the_end(p, n, create_by_fork);
}

static int clone_at_the_end(struct pi_child *p, unsigned long n)
{
	return create_at_the_end(p, n, create_by_clone);
}

static int spawn_at_the_end(struct pi_child *p, unsigned long n)
{
	return create_at_the_end(p, n, create_by_spawn);
}

SCENARIO_TEST(a_forked_child_gets_nothing,
	.source = &a_mutex, .round = fork_at_the_end,
	GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(HIGH)))

SCENARIO_TEST(a_cloned_child_gets_nothing,
	.source = &an_event, .round = clone_at_the_end, .own = { .nice = 19 },
	GRABS(A_FIFO(HIGH, .flags = RESET), { .policy = SCHED_OTHER, .flags = RESET }))

SCENARIO_TEST(a_spawned_program_gets_nothing,
	.source = &a_channel, .round = spawn_at_the_end, .own = { .policy = SCHED_IDLE },
	GRABS(A_FIFO(HIGH, .flags = RESET), { .policy = SCHED_OTHER, .flags = RESET }))

/* ---- exec ---- */

/* In a process of its own, which executes another program when its boost has ended. */
static int boost_and_exec(struct pi_child *p, unsigned long n, int gate)
{
	char words[5][16], *argv[] = HELPER_ARGV(words);

	still_alive();
	format_helper_args(words, gate);
	CHECK(!scenario->source->take(p));
	open_window(getpid(), choose_grab(n));
	spin_for_round(n);
	CHECK(!scenario->source->end(p));
	execv(argv[0], argv);
	return 99;
}

static int exec_at_the_end(struct pi_child *p, unsigned long n)
{
	int gate[2], execed[2], bad;
	pid_t pid;
	char c;

	CHECK(!pipe(gate));
	CHECK(!pipe2(execed, O_CLOEXEC));
	CHECK(!fcntl(gate[1], F_SETFD, FD_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(gate[1]);
		_exit(boost_and_exec(p, n, gate[0]));
	}
	close(execed[1]);
	CHECK(pid > 0);
	CHECK(read(execed[0], &c, 1) == 0);
	close(execed[0]);
	close_window();
	CHECK(!await_booster());
	close(gate[0]);
	close(gate[1]);
	bad = child_finish(pid);
	return bad;
}

SCENARIO_TEST(a_new_program_gets_nothing,
	.source = &a_mutex, .round = exec_at_the_end,
	GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(1, .flags = RESET)))

/* ---- permitted parameters stay ---- */

static const struct task_attr own_right = A_FIFO(15, .flags = RESET);
static const struct task_attr later_right = AN_RR(12, .flags = RESET);

/*
 * Flags are not checked: while it is boosted the task can only set parameters with reset-on-fork.
 */
static int check_kept(const struct task_attr *want, uint64_t ns)
{
	uint64_t end = monotonic_ns() + ns;
	struct task_attr attr;

	do {
		CHECK(!task_get_attr(0, &attr));
		CHECK(attr.policy == want->policy);
		CHECK(attr.prio == want->prio);
		sleep_ms(1);
	} while (monotonic_ns() < end);
	return 0;
}

static void *set_by_another(void *arg)
{
	return (void *)(intptr_t)task_set_attr(((struct pi_child *)arg)->tid, own_right);
}

static int set_own_right(struct pi_child *p, bool by_another)
{
	pthread_t thread;
	void *ret;

	if (!by_another)
		return task_set_attr(0, own_right);
	CHECK(!pthread_create(&thread, NULL, set_by_another, p));
	pthread_join(thread, &ret);
	return (intptr_t)ret;
}

/* After the last round the parameters are watched for longer: no late fix may change them. */
static int set_what_it_may(struct pi_child *p, unsigned long n)
{
	const struct source *source = scenario->source;
	bool last = n == 3;

	if (n > 3)
		return 0;
	CHECK(!source->take(p));
	CHECK(!set_own_right(p, n % 2));
	CHECK(!source->end(p));
	CHECK(!await_booster());
	CHECK(!check_kept(&own_right, 0));
	/* The same for parameters that are set right after a boost. */
	CHECK(!task_set_attr(0, later_right));
	CHECK(!check_kept(&later_right, last ? WATCHED_FOR : 0));
	return 0;
}

static void what_it_may_have_stays(void **state)
{
	static const struct scenario s[] = {
		{ .source = &a_mutex, .round = set_what_it_may, .rtprio = 20, GRABS({ 0 }) },
		{ .source = &an_event, .round = set_what_it_may, .rtprio = 20, GRABS({ 0 }) },
		{ .source = &a_channel, .round = set_what_it_may, .rtprio = 20, GRABS({ 0 }) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		run_scenario(*state, &s[i]);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(keeps_nothing_of_a_mutex),
		PI_TEST(keeps_nothing_of_a_signal),
		PI_TEST(keeps_nothing_of_a_signal_with_rr),
		PI_TEST(keeps_nothing_of_a_request),
		PI_TEST(keeps_no_more_than_its_limit),
		PI_TEST(an_idle_task_stays_one),
		PI_TEST(a_nice_task_stays_one),
		PI_TEST(a_fifo_task_stays_one),
		PI_TEST(a_forked_child_gets_nothing),
		PI_TEST(a_cloned_child_gets_nothing),
		PI_TEST(a_spawned_program_gets_nothing),
		PI_TEST(a_new_program_gets_nothing),
		PI_TEST(what_it_may_have_stays),
	};

	if (argc == 7 && !strcmp(argv[1], "helper"))
		return helper(argv);
	return RUN(tests);
}
