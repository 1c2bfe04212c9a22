// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest suspends its threads wherever they are, and the others must be able to go on. A thread
 * that makes all kinds of calls is stopped in a signal handler again and again, and each time
 * another one makes all kinds of calls. If the stopped thread held a lock, the watchdog would end
 * the test.
 */
#include "nt_test.h"
#include "port.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <libntsync.h>

#define ROUNDS 300

static sem_t suspended, resumed;

static void suspend(int sig)
{
	(void)sig;
	sem_post(&suspended);
	while (sem_wait(&resumed))
		;
}

static void use_names(struct ntsync_nt *nt)
{
	const struct ntsync_nt_attributes named = { .name = "name", .flags = NTSYNC_NT_OPEN_IF };
	uint32_t event, other = 0;

	if (ntsync_nt_create_event(nt, &event, &named, false, false) & 0x80000000)
		return;
	ntsync_nt_open_event(nt, &other, "name");
	ntsync_nt_close(nt, event);
	ntsync_nt_close(nt, other);
}

static void use_mutants(struct ntsync_nt *nt)
{
	uint32_t mutants[20];

	for (size_t i = 0; i < ARRAY_SIZE(mutants); i++)
		ntsync_nt_create_mutant(nt, &mutants[i], NULL, true);
	for (size_t i = 0; i < ARRAY_SIZE(mutants); i++)
		ntsync_nt_close(nt, mutants[i]);
}

static void use_timers(struct ntsync_nt *nt)
{
	const struct ntsync_nt_apc apc = { .function = 1 };
	struct ntsync_nt_apc taken;
	uint32_t timer;

	if (ntsync_nt_create_timer(nt, &timer, NULL, false))
		return;
	ntsync_nt_set_timer(nt, timer, in_ms(100000), 0, NULL);
	ntsync_nt_set_timer_apc(nt, timer, POLL, 0, &apc, NULL);
	ntsync_nt_queue_user_apc(nt, ntsync_nt_thread_id(nt), &apc);
	ntsync_nt_take_apc(nt, &taken);
	ntsync_nt_cancel_timer(nt, timer, NULL);
	ntsync_nt_close(nt, timer);
}

static void use_threads(struct ntsync_nt *nt)
{
	uint32_t thread;

	if (!ntsync_nt_thread_create_object(nt, &thread, 0))
		ntsync_nt_close(nt, thread);
	ntsync_nt_alert_thread(nt, ntsync_nt_thread_id(nt));
	ntsync_nt_stop(nt, NTSYNC_STATUS_CANCELLED);
	ntsync_nt_resume(nt);
	ntsync_nt_interrupt_thread(nt, ntsync_nt_thread_id(nt), NTSYNC_STATUS_CANCELLED);
	ntsync_nt_delay(nt, true, POLL);
	ntsync_nt_thread_detach(nt);
}

static void use_addresses(struct ntsync_nt *nt)
{
	const uint32_t zero = 0, key = 4;
	uint64_t srw = 0, section[5] = { 0, UINT32_MAX, 0, 0, 0 };
	uint32_t keyed, word = 0;

	ntsync_nt_wait_on_address(nt, &word, &zero, sizeof(word), in_ms(1));
	ntsync_nt_wake_address_all(nt, &word);
	ntsync_nt_alert_by_id(nt, ntsync_nt_thread_id(nt));
	ntsync_nt_wait_for_alert_by_id(nt, POLL);
	ntsync_nt_acquire_srw_lock(nt, &srw, true);
	ntsync_nt_release_srw_lock(nt, &srw, true);
	ntsync_nt_enter_critical_section(nt, section, 8);
	ntsync_nt_leave_critical_section(nt, section, 8);
	if (ntsync_nt_create_keyed_event(nt, &keyed, NULL))
		return;
	ntsync_nt_wait_for_keyed_event(nt, keyed, key, true, POLL);
	ntsync_nt_release_keyed_event(nt, keyed, key, false, in_ms(1));
	ntsync_nt_close(nt, keyed);
}

static void use_ports(struct ntsync_nt *nt)
{
	struct ntsync_nt_io_packet packet = { .key = 1 };
	uint32_t port;

	if (ntsync_nt_create_io_completion(nt, &port, NULL, 1))
		return;
	ntsync_nt_set_io_completion(nt, port, &packet);
	ntsync_nt_set_io_completion(nt, port, &packet);
	ntsync_nt_remove_io_completion(nt, port, &packet, POLL);
	ntsync_nt_delay(nt, false, in_ms(1));
	ntsync_nt_remove_io_completion(nt, port, &packet, in_ms(1));
	ntsync_nt_remove_io_completion(nt, port, &packet, in_ms(1));
	ntsync_nt_close(nt, port);
}

static void use_wait_completion_packets(struct ntsync_nt *nt)
{
	struct ntsync_nt_io_packet io = { .key = 1 };
	uint32_t port, packet, event;

	if (ntsync_nt_create_io_completion(nt, &port, NULL, 1))
		return;
	ntsync_nt_create_wait_completion_packet(nt, &packet, NULL);
	ntsync_nt_create_event(nt, &event, NULL, false, false);
	for (int i = 0; i < 2; i++) {
		ntsync_nt_associate_wait_completion_packet(nt, packet, port, event, &io, NULL);
		ntsync_nt_set_event(nt, event, NULL);
		ntsync_nt_cancel_wait_completion_packet(nt, packet, i);
		ntsync_nt_remove_io_completion(nt, port, &io, POLL);
	}
	ntsync_nt_close(nt, event);
	ntsync_nt_close(nt, packet);
	ntsync_nt_close(nt, port);
}

/* All calls that take a lock, and those that don't. */
static void use_all(struct ntsync_nt *nt)
{
	struct ntsync_nt_snapshot *snapshot;
	uint32_t event, dup;

	ntsync_nt_create_event(nt, &event, NULL, false, false);
	ntsync_nt_duplicate(nt, event, &dup, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE);
	ntsync_nt_signal_and_wait(nt, dup, dup, false, POLL);
	ntsync_nt_close(nt, dup);
	if (!ntsync_nt_snapshot_take(nt, &snapshot))
		ntsync_nt_snapshot_free(snapshot);
	use_names(nt);
	use_mutants(nt);
	use_timers(nt);
	use_threads(nt);
	use_addresses(nt);
	use_ports(nt);
	use_wait_completion_packets(nt);
}

/**
 * struct victim - the thread that is suspended
 * @f: the test
 * @over: it is to exit
 * @thread: for the signal
 */
struct victim {
	struct fixture *f;
	atomic_bool over;
	pthread_t thread;
};

static void *run_victim(void *arg)
{
	struct victim *victim = arg;

	while (!atomic_load(&victim->over))
		use_all(victim->f->nt);
	return NULL;
}

static void the_others_go_on(struct fixture *f, enum ntsync_nt_reuse reuse)
{
	const struct sigaction action = { .sa_handler = suspend, .sa_flags = SA_RESTART };
	struct victim victim = { .f = f };
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.reuse = reuse;
	config.quarantine = 2;
	use_config(f, &config);
	sem_init(&suspended, 0, 0);
	sem_init(&resumed, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(pthread_create(&victim.thread, NULL, run_victim, &victim), 0);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_kill(victim.thread, SIGUSR1);
		while (sem_wait(&suspended))
			;
		use_all(f->nt);
		sem_post(&resumed);
	}
	atomic_store(&victim.over, true);
	pthread_join(victim.thread, NULL);
}

static uint32_t wait_for_it(struct fixture *f, void *arg)
{
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
}

static uint32_t wait_on_address(struct fixture *f, void *arg)
{
	static const uint32_t word;

	(void)arg;
	return ntsync_nt_wait_on_address(f->nt, &word, &word, sizeof(word), FOREVER);
}

static uint32_t wait_by_id(struct fixture *f, void *arg)
{
	(void)arg;
	return ntsync_nt_wait_for_alert_by_id(f->nt, FOREVER);
}

static uint32_t wait_for_partner(struct fixture *f, void *arg)
{
	(void)arg;
	return ntsync_nt_wait_for_keyed_event(f->nt, 0, 4, true, FOREVER);
}

static const helper_fn sleeps[] = { wait_for_it, wait_on_address, wait_by_id, wait_for_partner };

/* The table is stopped and goes on while the thread is suspended in its wait. */
static void stopped_while_suspended(void **state)
{
	const struct sigaction action = { .sa_handler = suspend, .sa_flags = SA_RESTART };
	struct fixture *f = *state;
	uint32_t event;

	sem_init(&suspended, 0, 0);
	sem_init(&resumed, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	for (size_t i = 0; i < 10 * ARRAY_SIZE(sleeps); i++) {
		struct helper *waiter;

		event = new_event(f, false, false);
		waiter = start_asleep(f, sleeps[i / 2 % ARRAY_SIZE(sleeps)], &event);
		interrupt(waiter, SIGUSR1);
		while (sem_wait(&suspended))
			;
		assert_ok(ntsync_nt_stop(f->nt, NTSYNC_STATUS_CANCELLED));
		check(f);
		/* Only the wait has the object. */
		close_handle(f, event);
		check(f);
		if (i % 2)
			ntsync_nt_resume(f->nt);
		sem_post(&resumed);
		assert_status(finish(waiter), NTSYNC_STATUS_CANCELLED);
		ntsync_nt_resume(f->nt);
	}
}

/* The partner does not wait for a thread that is suspended. */
static void met_while_suspended(void **state)
{
	const struct sigaction action = { .sa_handler = suspend, .sa_flags = SA_RESTART };
	struct fixture *f = *state;

	sem_init(&suspended, 0, 0);
	sem_init(&resumed, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 10; i++) {
		struct helper *waiter = start_asleep(f, wait_for_partner, NULL);

		interrupt(waiter, SIGUSR1);
		while (sem_wait(&suspended))
			;
		assert_ok(ntsync_nt_release_keyed_event(f->nt, 0, 4, false, FOREVER));
		sem_post(&resumed);
		assert_ok(finish(waiter));
	}
}

/**
 * struct signaler - a thread that signals an event when it is told to
 * @f: the test
 * @event: the event
 * @go: it is to signal
 * @done: it has
 * @over: it is to exit
 * @thread: for the signal
 */
struct signaler {
	struct fixture *f;
	uint32_t event;
	sem_t go, done;
	atomic_bool over;
	pthread_t thread;
};

static void *run_signaler(void *arg)
{
	struct signaler *s = arg;

	for (;;) {
		while (sem_wait(&s->go))
			;
		if (atomic_load(&s->over))
			return NULL;
		ntsync_nt_set_event(s->f->nt, s->event, NULL);
		sem_post(&s->done);
	}
}

/* A thread that is suspended in its call has signaled and queued, or neither. */
static void a_signal_and_its_packet_are_one(void **state)
{
	const struct sigaction action = { .sa_handler = suspend, .sa_flags = SA_RESTART };
	struct fixture *f = *state;
	struct signaler s = { .f = f, .event = new_event(f, true, false) };
	struct ntsync_nt_io_packet io = { .key = 1 };
	uint32_t port = new_port(f, 1), packet, signaled;
	uint64_t until;
	int fd;

	assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &packet, NULL));
	assert_ok(ntsync_nt_get_fd(f->nt, s.event, &fd));
	sem_init(&suspended, 0, 0);
	sem_init(&resumed, 0, 0);
	sem_init(&s.go, 0, 0);
	sem_init(&s.done, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(pthread_create(&s.thread, NULL, run_signaler, &s), 0);
	for (int i = 0; i < 10 * ROUNDS; i++) {
		assert_ok(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, s.event, &io,
								     NULL));
		until = now_ns() + (uint64_t)(i % ROUNDS) * 100;
		sem_post(&s.go);
		while (now_ns() < until)
			;
		pthread_kill(s.thread, SIGUSR1);
		while (sem_wait(&suspended))
			;
		/* Not by the table, which would queue the packet. */
		assert_int_equal(ntsync_event_read(fd, NULL, &signaled), 0);
		assert_int_equal(port_state(f, port).depth, signaled);
		sem_post(&resumed);
		while (sem_wait(&s.done))
			;
		assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &io, POLL));
		assert_ok(ntsync_nt_reset_event(f->nt, s.event, NULL));
	}
	atomic_store(&s.over, true);
	sem_post(&s.go);
	pthread_join(s.thread, NULL);
	close(fd);
}

#define SLEEPER	500u

/* Stops a thread that sleeps, by a signal whose handler waits for @resumed. */
static void stop_by_signal(struct helper *sleeper)
{
	const struct sigaction action = { .sa_handler = suspend, .sa_flags = SA_RESTART };

	sem_init(&suspended, 0, 0);
	sem_init(&resumed, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	interrupt(sleeper, SIGUSR1);
	while (sem_wait(&suspended))
		;
}

/* As a runtime does it: it counts the suspension, and then stops the thread by a signal. */
static void no_packet_while_suspended(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 1), .tid = SLEEPER };
	struct helper *sleeper;
	uint32_t thread;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, SLEEPER));
	sleeper = start_asleep(f, remove_as_worker, &w);
	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
	stop_by_signal(sleeper);
	queue(f, w.port, 1);
	assert_int_equal(port_state(f, w.port).depth, 1);
	assert_ok(ntsync_nt_resume_thread(f->nt, thread, NULL));
	assert_int_equal(port_state(f, w.port).depth, 0);
	sem_post(&resumed);
	assert_ok(finish(sleeper));
	assert_packet(&w.packets[0], 1);
}

/*
 * The thread is stopped for ever, as the runtime sees it, after it was given the first packet. The
 * next one is in the queue, as the thread counts. In the end it goes on, so that the test can join it.
 */
static void an_abandoned_thread_gives_its_packet_back(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 1), .tid = SLEEPER };
	struct helper *sleeper = start_asleep(f, remove_as_worker, &w);

	stop_by_signal(sleeper);
	queue(f, w.port, 1);
	queue(f, w.port, 2);
	assert_int_equal(port_state(f, w.port).depth, 1);
	assert_ok(ntsync_nt_thread_abandon(f->nt, SLEEPER));
	assert_int_equal(port_state(f, w.port).depth, 2);
	assert_removes(f, w.port, 1);
	assert_removes(f, w.port, 2);
	close_handle(f, w.port);
	assert_int_equal(count_objects(f, NTSYNC_NT_IO_COMPLETION), 1);
	sem_post(&resumed);
	assert_status(finish(sleeper), NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_int_equal(count_objects(f, NTSYNC_NT_IO_COMPLETION), 0);
}

static void last_in_first_out(void **state)
{
	the_others_go_on(*state, NTSYNC_NT_REUSE_LIFO);
}

static void quarantined(void **state)
{
	the_others_go_on(*state, NTSYNC_NT_REUSE_QUARANTINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(last_in_first_out),
		TEST(quarantined),
		TEST(stopped_while_suspended),
		TEST(met_while_suspended),
		TEST(a_signal_and_its_packet_are_one),
		TEST(no_packet_while_suspended),
		TEST(an_abandoned_thread_gives_its_packet_back),
	};

	return RUN(tests);
}
