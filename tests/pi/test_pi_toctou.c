// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel checks whether somebody may set a task's parameters before it sets them, and
 * compares with what the task has at that moment: with what was lent, if the task is boosted.
 * If the boost ends in between, an ordinary user has it for good.
 *
 *	grabber, an ordinary user		target, of the same user, boosted
 *	sched_setattr(target, FIFO 80)
 *	  may, as the target is FIFO 80
 *						the boost ends
 *	  sets it
 *
 * The driver can't prevent that, but it has to put it right before long. A round is one boost, at
 * whose end the grabber makes such calls all the time, at another moment each time. How many rounds
 * there are is in NTSYNC_TOCTOU_ROUNDS.
 */
#include "channel.h"
#include "child.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ROUNDS 200
/* The driver may wait for all other CPUs to pass through the scheduler. */
#define SETTLES_IN (15 * NS_PER_SEC)
/* For how long it is watched that what a task may have stays. */
#define WATCHED_FOR (2 * NS_PER_SEC)
#define RESET TASK_RESET_ON_FORK
#define MAX_CHILDREN 4

/**
 * struct window - the end of a boost; in memory that all the processes share
 * @target: whose parameters the grabber sets, 0 = nobody's
 * @asked, @answered: the grabber has seen a @target of 0 after that many questions
 * @grab:   what it sets
 * @granted: how often it was allowed to
 * @held:   the target can be boosted
 * @gone:   whoever lent it something is through
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

static unsigned long rounds(void)
{
	const char *text = getenv("NTSYNC_TOCTOU_ROUNDS");

	return text ? strtoul(text, NULL, 10) : ROUNDS;
}

static void spin(unsigned int turns)
{
	while (turns--)
		__asm__("" : : : "memory");
}

/* The grabber is at its calls, and at another point of one each time. */
static void spin_for_round(unsigned long n)
{
	spin(5000 + n % 50 * 1000);
}

static void moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
}

/* ---- the grabber ---- */

static int grab(struct partner *p)
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
		moment();
}

/* ---- boosts ---- */

/**
 * struct source - a way to be boosted, and the end of that
 * @create: the object
 * @lend:   the giver's part, FIFO HIGH, of a user with all rights
 * @take:   the target is boosted when it returns
 * @end:    and not any more
 */
struct source {
	const char *name;
	int (*create)(struct fixture *f);
	int (*lend)(struct actor *giver, int object);
	int (*take)(struct partner *p);
	int (*end)(struct partner *p);
};

static int create_mutex(struct fixture *f)
{
	return new_mutex(f, 0, 0);
}

static int lock_and_unlock(struct actor *giver, int mutex)
{
	int ret = wait_any_here(giver, mutex, FOREVER);

	return ret ? ret : unlock_here(giver, mutex);
}

static int until_boosted(void)
{
	struct task_attr attr;

	do {
		CHECK(!task_get_attr(0, &attr));
	} while (attr.prio != HIGH);
	return 0;
}

static int hold(struct partner *p)
{
	CHECK(!partner_lock(p, FOREVER));
	sem_post(&window->held);
	return until_boosted();
}

static int create_event(struct fixture *f)
{
	return new_auto(f, false);
}

static int set_event_pi(int event, int policy)
{
	struct ntsync_event_set_pi_args args = { .policy = policy, .prio = HIGH };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

static int signal_fifo(struct actor *giver, int event)
{
	(void)giver;
	return set_event_pi(event, SCHED_FIFO);
}

static int signal_rr(struct actor *giver, int event)
{
	(void)giver;
	return set_event_pi(event, SCHED_RR);
}

static int consume(struct partner *p)
{
	sem_post(&window->held);
	CHECK(!partner_lock(p, FOREVER));
	return until_boosted();
}

static int wait_again(struct partner *p)
{
	CHECK(partner_lock(p, 0) == -ETIMEDOUT);
	return 0;
}

static int send_request(struct actor *giver, int channel)
{
	(void)giver;
	return send_here(channel, HIGH);
}

static uint64_t request;

static int receive(struct partner *p)
{
	struct ntsync_channel_recv2_args got = { 0 };

	sem_post(&window->held);
	CHECK(!receive_here(p->mutex, &got));
	request = got.entry_id;
	return until_boosted();
}

static int reply(struct partner *p)
{
	CHECK(!reply_here(p->mutex, request));
	return 0;
}

static const struct source a_mutex = { "a mutex", create_mutex, lock_and_unlock, hold, partner_unlock };
static const struct source an_event = { "an event", create_event, signal_fifo, consume, wait_again };
static const struct source an_rr_event = { "an event, RR", create_event, signal_rr, consume,
					   wait_again };
static const struct source a_channel = { "a channel", stage_channel, send_request, receive, reply };

/* ---- scenarios ---- */

/**
 * struct scenario - who tries to keep what
 * @base:   what the target has by itself
 * @rtprio: its RLIMIT_RTPRIO, and the grabber's
 * @grabs:  what the grabber wants, one after the other by round; none of it may stay
 * @round:  one round, by the target
 */
static const struct scenario {
	const struct source *source;
	struct task_attr base;
	unsigned int rtprio;
	struct task_attr grabs[4];
	size_t nr_grabs;
	int (*round)(struct partner *p, unsigned long n);
} *scenario;

#define GRABS(...)                                                             \
	.grabs = { __VA_ARGS__ },                                              \
	.nr_grabs = ARRAY_SIZE(((const struct task_attr[]){ __VA_ARGS__ }))
#define A_FIFO(n, ...) { .policy = SCHED_FIFO, .prio = (n), __VA_ARGS__ }
#define AN_RR(n, ...) { .policy = SCHED_RR, .prio = (n), __VA_ARGS__ }

static struct task_attr grab_of_round(unsigned long n)
{
	return scenario->grabs[n % scenario->nr_grabs];
}

static bool is(const struct task_attr *attr, const struct task_attr *want)
{
	return attr->policy == want->policy && attr->prio == want->prio &&
	       attr->nice == want->nice && attr->flags == want->flags;
}

/* Before long the caller has @want and nothing else. */
static int settles(const struct task_attr *want, const char *who, unsigned long n)
{
	uint64_t end = monotonic_ns() + SETTLES_IN;
	struct task_attr attr;

	do {
		CHECK(!task_get_attr(0, &attr));
		if (is(&attr, want))
			return 0;
		sleep_ms(1);
	} while (monotonic_ns() < end);
	fprintf(stderr, "# round %lu: %s has policy %u, priority %u, nice %d, flags %llu for good\n", n,
		who, attr.policy, attr.prio, attr.nice, (unsigned long long)attr.flags);
	return 1;
}

static int await_giver(void)
{
	while (sem_wait(&window->gone))
		CHECK(errno == EINTR);
	return 0;
}

static int boost_and_end(struct partner *p, unsigned long n)
{
	const struct source *source = scenario->source;

	CHECK(!source->take(p));
	open_window(p->tid, grab_of_round(n));
	spin_for_round(n);
	CHECK(!source->end(p));
	close_window();
	CHECK(!await_giver());
	return settles(&scenario->base, "the task", n);
}

static int be_target(struct partner *p)
{
	CHECK(!task_set_attr(0, scenario->base));
	CHECK(!drop_privilege(scenario->rtprio));
	for (unsigned long n = 0; n < rounds(); n++) {
		still_alive();
		if (scenario->round(p, n))
			return 1;
	}
	return 0;
}

/* The giver's order. */
static int lend_each_round(struct actor *giver, void *object)
{
	int ret = 0;

	while (!ret) {
		if (sem_wait(&window->held))
			return -EINTR;
		if (atomic_load(&window->over))
			return 0;
		ret = scenario->source->lend(giver, *(int *)object);
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

/* However many rounds there are: each says itself that it goes on. */
static void await_end(struct partner *p)
{
	siginfo_t info = { 0 };

	while (!waitid(P_PID, p->pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid) {
		still_alive();
		sleep_ms(20);
	}
}

static void play(struct fixture *f, const struct scenario *s)
{
	struct actor *giver;
	struct partner *target, *grabber;
	uint64_t begin = monotonic_ns();
	int object;

	only_ours(f, "no inheritance");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip_because("it takes two CPUs");
	scenario = s;
	new_window();
	object = s->source->create(f);
	giver = actor_high(f);
	grabber = partner_start(f, grab, 0, s->rtprio);
	target = partner_start(f, be_target, object, 0);
	actor_tell(giver, lend_each_round, &object);
	await_end(target);
	print_message("# %s: %lu calls were granted, in %llu ms\n", s->source->name,
		      atomic_load(&window->granted),
		      (unsigned long long)((monotonic_ns() - begin) / NS_PER_MS));
	partner_assert_ok(target);
	atomic_store(&window->over, true);
	sem_post(&window->held);
	assert_ret(actor_finish(giver), 0);
	partner_assert_ok(grabber);
	munmap(window, sizeof(*window));
}

/* ---- the task itself ---- */

static void keeps_nothing_of_a_mutex(void **state)
{
	static const struct scenario s = {
		.source = &a_mutex, .round = boost_and_end,
		GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(HIGH), A_FIFO(1, .flags = RESET)),
	};

	play(*state, &s);
}

static void keeps_nothing_of_a_signal(void **state)
{
	static const struct scenario s = {
		.source = &an_event, .round = boost_and_end,
		GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(2, .flags = RESET), A_FIFO(HIGH)),
	};

	play(*state, &s);
}

static void keeps_nothing_of_a_signal_with_rr(void **state)
{
	static const struct scenario s = {
		.source = &an_rr_event, .round = boost_and_end,
		GRABS(AN_RR(HIGH, .flags = RESET), AN_RR(1, .flags = RESET), AN_RR(HIGH)),
	};

	play(*state, &s);
}

static void keeps_nothing_of_a_request(void **state)
{
	static const struct scenario s = {
		.source = &a_channel, .round = boost_and_end,
		GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(1, .flags = RESET), A_FIFO(HIGH)),
	};

	play(*state, &s);
}

/* A little right makes the kernel let it choose another policy, too. */
static void keeps_no_more_than_its_limit(void **state)
{
	static const struct scenario s = {
		.source = &a_mutex, .round = boost_and_end, .rtprio = 1,
		GRABS(AN_RR(HIGH, .flags = RESET), A_FIFO(HIGH, .flags = RESET),
		      A_FIFO(2, .flags = RESET)),
	};

	play(*state, &s);
}

/* Without a boost there is no way up from there. */
static void an_idle_task_stays_one(void **state)
{
	static const struct scenario s = {
		.source = &a_mutex, .round = boost_and_end, .base = { .policy = SCHED_IDLE },
		GRABS({ .policy = SCHED_OTHER, .flags = RESET }, { .policy = SCHED_BATCH, .flags = RESET },
		      A_FIFO(HIGH, .flags = RESET)),
	};

	play(*state, &s);
}

static void a_nice_task_stays_one(void **state)
{
	static const struct scenario s = {
		.source = &an_event, .round = boost_and_end, .base = { .nice = 19 },
		GRABS(A_FIFO(HIGH, .flags = RESET), { .policy = SCHED_OTHER, .flags = RESET }),
	};

	play(*state, &s);
}

static void a_fifo_task_stays_one(void **state)
{
	static const struct scenario s = {
		.source = &a_mutex, .round = boost_and_end, .base = A_FIFO(30),
		GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(31, .flags = RESET), A_FIFO(HIGH)),
	};

	play(*state, &s);
}

/* ---- its children ---- */

/**
 * struct nursery - the children of a round
 * @gate: at its end of file they look at themselves: the grabber has finished
 */
struct nursery {
	int gate[2];
	pid_t children[MAX_CHILDREN];
	size_t born;
};

static int behind_the_gate(int gate, const struct task_attr *want, const char *who)
{
	char c;

	still_alive();
	CHECK(read(gate, &c, 1) == 0);
	return settles(want, who, 0);
}

static int child_main(void *arg)
{
	struct nursery *nursery = arg;

	close(nursery->gate[1]);
	return behind_the_gate(nursery->gate[0], &scenario->base, "a child");
}

/* This program again: it is told what it has to be. */
static void helper_words(char words[5][16], int gate)
{
	const struct task_attr *base = &scenario->base;

	snprintf(words[0], sizeof(words[0]), "%d", gate);
	snprintf(words[1], sizeof(words[1]), "%u", base->policy);
	snprintf(words[2], sizeof(words[2]), "%u", base->prio);
	snprintf(words[3], sizeof(words[3]), "%d", base->nice);
	snprintf(words[4], sizeof(words[4]), "%llu", (unsigned long long)base->flags);
}

static int helper(char **argv)
{
	const struct task_attr want = { .policy = atoi(argv[3]), .prio = atoi(argv[4]),
					.nice = atoi(argv[5]), .flags = atoi(argv[6]) };

	return behind_the_gate(atoi(argv[2]), &want, "a program");
}

#define HELPER_ARGV(w) { "/proc/self/exe", "helper", w[0], w[1], w[2], w[3], w[4], NULL }

static pid_t bear_by_fork(struct nursery *nursery)
{
	pid_t pid = fork();

	if (!pid)
		_exit(child_main(nursery));
	return pid;
}

/* The kernel tells the grabber whom to take before the child has run. */
static pid_t bear_by_clone(struct nursery *nursery)
{
	static char stack[65536];

	return clone(child_main, stack + sizeof(stack), CLONE_PARENT_SETTID | SIGCHLD, nursery,
		     (pid_t *)&window->target);
}

static pid_t bear_by_spawn(struct nursery *nursery)
{
	char words[5][16], *argv[] = HELPER_ARGV(words);
	pid_t pid;

	helper_words(words, nursery->gate[0]);
	return posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) ? -1 : pid;
}

static int bear_at_the_end(struct partner *p, unsigned long n, pid_t (*bear)(struct nursery *nursery))
{
	const struct source *source = scenario->source;
	struct nursery nursery = { .born = 0 };
	int bad = 0;

	CHECK(!pipe(nursery.gate));
	CHECK(!fcntl(nursery.gate[1], F_SETFD, FD_CLOEXEC));
	CHECK(!source->take(p));
	open_window(p->tid, grab_of_round(n));
	spin_for_round(n);
	if (n % 2)
		nursery.children[nursery.born++] = bear(&nursery);
	CHECK(!source->end(p));
	/* A clone() has made the grabber turn to the child. */
	atomic_store(&window->target, p->tid);
	nursery.children[nursery.born++] = bear(&nursery);
	close_window();
	CHECK(!await_giver());
	close(nursery.gate[0]);
	close(nursery.gate[1]);
	for (size_t i = 0; i < nursery.born; i++) {
		CHECK(nursery.children[i] > 0);
		bad |= child_finish(nursery.children[i]);
	}
	return bad ? bad : settles(&scenario->base, "the parent", n);
}

static int fork_at_the_end(struct partner *p, unsigned long n)
{
	return bear_at_the_end(p, n, bear_by_fork);
}

static int clone_at_the_end(struct partner *p, unsigned long n)
{
	return bear_at_the_end(p, n, bear_by_clone);
}

static int spawn_at_the_end(struct partner *p, unsigned long n)
{
	return bear_at_the_end(p, n, bear_by_spawn);
}

static void a_forked_child_gets_nothing(void **state)
{
	static const struct scenario s = {
		.source = &a_mutex, .round = fork_at_the_end,
		GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(HIGH)),
	};

	play(*state, &s);
}

static void a_cloned_child_gets_nothing(void **state)
{
	static const struct scenario s = {
		.source = &an_event, .round = clone_at_the_end, .base = { .nice = 19 },
		GRABS(A_FIFO(HIGH, .flags = RESET), { .policy = SCHED_OTHER, .flags = RESET }),
	};

	play(*state, &s);
}

static void a_spawned_program_gets_nothing(void **state)
{
	static const struct scenario s = {
		.source = &a_channel, .round = spawn_at_the_end, .base = { .policy = SCHED_IDLE },
		GRABS(A_FIFO(HIGH, .flags = RESET), { .policy = SCHED_OTHER, .flags = RESET }),
	};

	play(*state, &s);
}

/* ---- exec ---- */

/* In a process of its own, which becomes another program at the end of its boost. */
static int boost_and_exec(struct partner *p, unsigned long n, int gate)
{
	char words[5][16], *argv[] = HELPER_ARGV(words);

	still_alive();
	helper_words(words, gate);
	CHECK(!scenario->source->take(p));
	open_window(getpid(), grab_of_round(n));
	spin_for_round(n);
	CHECK(!scenario->source->end(p));
	execv(argv[0], argv);
	return 99;
}

static int exec_at_the_end(struct partner *p, unsigned long n)
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
	CHECK(!await_giver());
	close(gate[0]);
	close(gate[1]);
	bad = child_finish(pid);
	return bad;
}

static void a_new_program_gets_nothing(void **state)
{
	static const struct scenario s = {
		.source = &a_mutex, .round = exec_at_the_end,
		GRABS(A_FIFO(HIGH, .flags = RESET), A_FIFO(1, .flags = RESET)),
	};

	play(*state, &s);
}

/* ---- what it may have stays ---- */

static const struct task_attr mine = A_FIFO(15, .flags = RESET), later = AN_RR(12, .flags = RESET);

/* Whether the reset-on-fork that the boost has made it ask for is its own, nobody can tell. */
static int stays(const struct task_attr *want, uint64_t ns)
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
	return (void *)(intptr_t)task_set_attr(((struct partner *)arg)->tid, mine);
}

static int set_mine(struct partner *p, bool by_another)
{
	pthread_t thread;
	void *ret;

	if (!by_another)
		return task_set_attr(0, mine);
	CHECK(!pthread_create(&thread, NULL, set_by_another, p));
	pthread_join(thread, &ret);
	return (intptr_t)ret;
}

/* The last round is watched for long: nothing may come after it. */
static int set_what_it_may(struct partner *p, unsigned long n)
{
	const struct source *source = scenario->source;
	bool last = n == 3;

	if (n > 3)
		return 0;
	CHECK(!source->take(p));
	CHECK(!set_mine(p, n % 2));
	CHECK(!source->end(p));
	CHECK(!await_giver());
	CHECK(!stays(&mine, 0));
	/* Soon after a boost, too. */
	CHECK(!task_set_attr(0, later));
	CHECK(!stays(&later, last ? WATCHED_FOR : 0));
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
		play(*state, &s[i]);
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
