// SPDX-License-Identifier: GPL-2.0-only
#include "victim.h"

#include <semaphore.h>
#include <sys/wait.h>

#define MOST_CALLS 2000
#define HELD_FOR 100000
/* The priority between measurements: above all that attackers may have. */
#define CALM 60

static struct fixture *f;

static int new_object(unsigned long send_request, uint32_t first, uint32_t second)
{
	uint32_t args[2] = { first, second };

	return own_fd(f, nt(f->dev, send_request, args));
}

#define mutex_here() new_object(NTSYNC_IOC_CREATE_MUTEX, 0, 0)
#define event_here() new_object(NTSYNC_IOC_CREATE_EVENT, 0, 0)
#define channel_here() new_object(NTSYNC_IOC_CREATE_CHANNEL, 16, 0)

static int wait_for(int object, uint32_t owner, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(object), .owner = owner, .timeout = timeout);

	return nt(f->dev, ANY, &args);
}

static int fifo(int prio)
{
	return task_set_attr(0, (struct task_attr){ .policy = prio ? SCHED_FIFO : SCHED_OTHER,
						    .prio = prio });
}

/* Returns when the helper's first call has been made. */
static void start_helper(void *(*main)(void *arg), sem_t *ready)
{
	sem_init(ready, 0, 0);
	pthread_detach(attack_thread(main, ready));
	while (sem_wait(ready))
		;
}

/* ---- a mutex whose owner is normal: boosted, and not any more after the deadline ---- */

static int mutex;

static void *hold_mutex(void *ready)
{
	wait_for(mutex, 2, FOREVER);
	sem_post(ready);
	for (;;)
		pause();
	return NULL;
}

static void setup_mutex(void)
{
	static sem_t ready;

	mutex = mutex_here();
	start_helper(hold_mutex, &ready);
}

static uint64_t wait_in_vain(void)
{
	uint64_t begin = monotonic_ns();

	wait_for(mutex, 3, begin + HELD_FOR);
	return monotonic_ns() - begin - HELD_FOR;
}

const struct victim boosts_an_owner = {
	"wait for a mutex of a normal task until a deadline", 80, setup_mutex, wait_in_vain, 300,
};

/* ---- a boost of its own and its end ---- */

static int event;

static void setup_event(void)
{
	event = event_here();
}

static uint64_t signal_and_acquire(void)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = 90 };
	uint64_t begin = monotonic_ns();

	nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
	wait_for(event, 4, 0);
	wait_for(event, 4, 0);
	return monotonic_ns() - begin;
}

const struct victim boosts_by_a_signal = {
	"EVENT_SET_PI, its boost and its end", 80, setup_event, signal_and_acquire, 500,
};

static uint64_t set_private_event(void)
{
	uint64_t begin = monotonic_ns();
	uint32_t prev;

	nt(event, NTSYNC_IOC_EVENT_SET, &prev);
	return monotonic_ns() - begin;
}

const struct victim sets_an_event = { "EVENT_SET on a private event", 80, setup_event, set_private_event, 1000 };

/* ---- a request ---- */

static int channel;

static void *serve_requests(void *ready)
{
	struct ntsync_channel_recv2_args got = { 0 };

	fifo(70);
	sem_post(ready);
	while (!nt(channel, NTSYNC_IOC_CHANNEL_RECV2, &got)) {
		uint64_t id = got.entry_id;

		nt(channel, NTSYNC_IOC_CHANNEL_REPLY, &id);
	}
	return NULL;
}

static void setup_channel(void)
{
	static sem_t ready;

	channel = channel_here();
	start_helper(serve_requests, &ready);
}

static uint64_t send_request(void)
{
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO, .prio = 80 };
	uint64_t begin = monotonic_ns();

	assert_ret(nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args), 0);
	return monotonic_ns() - begin;
}

const struct victim sends_a_request = {
	"a request and its reply", 80, setup_channel, send_request, 300,
};

/* ---- a server that dies: from its last instruction to ECONNRESET ---- */

static atomic_ullong died;

static void *receive_and_die(void *unused)
{
	struct ntsync_channel_recv2_args got = { 0 };

	fifo(60);
	nt(channel, NTSYNC_IOC_CHANNEL_RECV2, &got);
	atomic_store(&died, monotonic_ns());
	return unused;
}

static void setup_mortals(void)
{
	channel = channel_here();
}

static uint64_t wait_for_death(void)
{
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO, .prio = 80 };
	pthread_t server = attack_thread(receive_and_die, NULL);
	uint64_t end;

	assert_ret(nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args), -ECONNRESET);
	end = monotonic_ns();
	pthread_join(server, NULL);
	return end - atomic_load(&died);
}

const struct victim loses_its_server = {
	"death of a server until ECONNRESET", 80, setup_mortals, wait_for_death, 200,
};

/* ---- a notified thread that goes to sleep elsewhere passes the notification on ---- */

static void *leave_pending(void *ready)
{
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO };

	sem_post(ready);
	nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args);
	return NULL;
}

static void setup_notification(void)
{
	struct ntsync_channel_recv2_args got = { 0 };
	static sem_t ready;

	event = event_here();
	channel = channel_here();
	nt(channel, NTSYNC_IOC_CHANNEL_TRY_RECV2, &got);
	start_helper(leave_pending, &ready);
}

static uint64_t sleep_notified(void)
{
	struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = channel };
	struct ntsync_aggregate_wait_args args = { .sources = (uintptr_t)&source, .nb_sources = 1,
						   .owner = 5, .timeout = FOREVER };
	uint64_t begin;

	assert_ret(nt(f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args), 0);
	begin = monotonic_ns();
	wait_for(event, 5, begin + HELD_FOR);
	return monotonic_ns() - begin - HELD_FOR;
}

const struct victim sleeps_with_a_notification = {
	"going to sleep with a notification", 80, setup_notification, sleep_notified, 300,
};

/* ---- loans ---- */

static pid_t borrower;

static void *be_lent_to(void *ready)
{
	borrower = gettid();
	sem_post(ready);
	for (;;)
		pause();
	return NULL;
}

static void setup_borrower(void)
{
	static sem_t ready;

	start_helper(be_lent_to, &ready);
}

static int lend_to_helper(void)
{
	struct ntsync_lend_args args = { .tid = borrower };

	return nt(f->dev, NTSYNC_IOC_LEND, &args);
}

static uint64_t lend_and_unlend(void)
{
	uint64_t begin = monotonic_ns();

	assert_ret(lend_to_helper(), 0);
	assert_ret(nt(f->dev, NTSYNC_IOC_UNLEND, NULL), 0);
	return monotonic_ns() - begin;
}

const struct victim lends_and_unlends = {
	"LEND to a normal task, and UNLEND", 80, setup_borrower, lend_and_unlend, 500,
};

/* ---- a lender that dies: from its last instruction until its borrower is normal again ---- */

static void *lend_and_die(void *unused)
{
	fifo(60);
	lend_to_helper();
	atomic_store(&died, monotonic_ns());
	return unused;
}

static bool is_boosted(void)
{
	struct task_attr attr;

	return !task_get_attr(borrower, &attr) && attr.prio;
}

static uint64_t lose_lender(void)
{
	const struct timespec moment = { .tv_nsec = 10000 };
	pthread_t lender;
	uint64_t end;

	atomic_store(&died, 0);
	lender = attack_thread(lend_and_die, NULL);
	while (!atomic_load(&died) || is_boosted())
		nanosleep(&moment, NULL);
	end = monotonic_ns();
	pthread_join(lender, NULL);
	return end - atomic_load(&died);
}

const struct victim loses_its_lender = {
	"death of a lender until its borrower is lowered", 80, setup_borrower, lose_lender, 200,
};

/* ---- addresses ---- */

static uint32_t word;

static int wait_on_word(uint32_t owner, uint64_t timeout)
{
	struct ntsync_addr_wait_args args = {
		.timeout = timeout,
		.addr = (uintptr_t)&word,
		.size = sizeof(word),
		.owner = owner,
	};

	return nt(f->dev, NTSYNC_IOC_ADDR_WAIT, &args);
}

static void *sleep_on_word(void *ready)
{
	fifo(70);
	sem_post(ready);
	for (;;)
		wait_on_word(0, FOREVER);
	return NULL;
}

static void setup_sleeper(void)
{
	static sem_t ready;

	start_helper(sleep_on_word, &ready);
}

static uint64_t wake_sleeper(void)
{
	struct ntsync_addr_wake_args args = { .addr = (uintptr_t)&word, .count = 1 };
	const struct timespec moment = { .tv_nsec = 10000 };
	uint64_t begin, end;
	int woken;

	do {
		/* The helper may not sleep again yet. */
		nanosleep(&moment, NULL);
		begin = monotonic_ns();
		woken = ioctl(f->dev, NTSYNC_IOC_ADDR_WAKE, &args);
		end = monotonic_ns();
	} while (woken != 1);
	return end - begin;
}

const struct victim wakes_an_address = {
	"ADDR_WAKE of a thread", 80, setup_sleeper, wake_sleeper, 500,
};

/* The owner is boosted, and lowered when the deadline has passed. */
static uint64_t name_owner(void)
{
	uint64_t begin = monotonic_ns();

	/* A wait whose deadline has passed names nobody. */
	assert_ret(wait_on_word((uint32_t)borrower, begin + HELD_FOR), -ETIMEDOUT);
	return monotonic_ns() - begin - HELD_FOR;
}

const struct victim names_an_owner = {
	"ADDR_WAIT that boosts an owner and times out", 80, setup_borrower, name_owner, 500,
};

/* ---- normal threads ---- */

static int ping, pong;

static void *reply_to_request(void *ready)
{
	uint32_t prev;

	sem_post(ready);
	while (!wait_for(ping, 7, FOREVER))
		nt(pong, NTSYNC_IOC_EVENT_SET, &prev);
	return NULL;
}

static void setup_normal(void)
{
	static sem_t ready;

	ping = event_here();
	pong = event_here();
	start_helper(reply_to_request, &ready);
}

static uint64_t query_object(void)
{
	uint64_t begin = monotonic_ns();
	uint32_t prev;

	nt(ping, NTSYNC_IOC_EVENT_SET, &prev);
	wait_for(pong, 8, FOREVER);
	return monotonic_ns() - begin;
}

const struct victim normal_waits = {
	"two normal threads in turn, each waits for the other", 0, setup_normal, query_object, 500,
};

/* ---- the measurement ---- */

static int compare_sizes(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* At varying times, so as not to be in step with others' timers. */
static void let_others_run(int round)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 + round % 97 * 10000 }, NULL);
}

void victim_setup(const struct victim *victim, struct fixture *fixture)
{
	f = fixture;
	assert_ret(fifo(0), 0);
	victim->setup();
	assert_ret(fifo(CALM), 0);
}

struct figures victim_measure(const struct victim *victim)
{
	static uint64_t took[MOST_CALLS];
	int n = victim->calls;

	assert_true(n <= MOST_CALLS);
	assert_ret(fifo(victim->prio), 0);
	for (int i = 0; i < n; i++) {
		let_others_run(i);
		took[i] = victim->call();
	}
	assert_ret(fifo(CALM), 0);
	qsort(took, n, sizeof(took[0]), compare_sizes);
	return (struct figures){ took[n / 2], took[n - n / 50 - 1], took[n - 1] };
}

static uint64_t spin(void)
{
	uint64_t longest = 0, last = monotonic_ns(), end = last + NS_PER_SEC + NS_PER_SEC / 4;

	while (last < end) {
		uint64_t now = monotonic_ns();

		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	return longest;
}

uint64_t longest_interruption(void)
{
	uint64_t longest = 0;
	int result[2];
	pid_t pid;

	assert_int_equal(pipe(result), 0);
	pid = fork();
	if (!pid) {
		closefrom(result[1] + 1);
		if (fifo(98))
			_exit(1);
		longest = spin();
		_exit(write(result[1], &longest, sizeof(longest)) != sizeof(longest));
	}
	assert_child_ok(pid);
	assert_int_equal(read(result[0], &longest, sizeof(longest)), sizeof(longest));
	close(result[0]);
	close(result[1]);
	return longest;
}
