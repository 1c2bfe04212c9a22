// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of objects: given to the program, and taken from it. */
#include "nt_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static int fd_of(struct fixture *f, uint32_t handle)
{
	int fd = -1;

	assert_ok(ntsync_nt_get_fd(f->nt, handle, &fd));
	assert_true(fd > 2);
	return fd;
}

static uint32_t adopt(struct fixture *f, int fd)
{
	uint32_t handle;

	assert_ok(ntsync_nt_adopt_fd(f->nt, &handle, NULL, fd));
	return handle;
}

/* A table on an instance of the test's. */
static int use_own_instance(struct fixture *f)
{
	struct ntsync_nt_config config;
	int dev = ntsync_open();

	assert_true(dev >= 0);
	ntsync_nt_config_init(&config);
	config.dev = dev;
	use_config(f, &config);
	return dev;
}

/* The fixture's table must not outlive the instance. */
static void leave_instance(struct fixture *f, int dev)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	use_config(f, &config);
	close(dev);
}

static void a_descriptor_is_of_the_object(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	int fd = fd_of(f, duplicate(f, event));
	struct helper *waiter = start_asleep(f, wait_for_handle, &event);

	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	/* Closing it closes no handle, and the other way round. */
	close(fd);
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	fd = fd_of(f, event);
	close_handle(f, event);
	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	close(fd);
}

static void which_have_a_descriptor(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_own with = { 1, new_event(f, true, false), NULL, NULL };
	const struct ntsync_nt_own without = { 1, 0, NULL, NULL };
	uint32_t own, bare, keyed, port, thread, timer = new_timer(f, true);
	int fd = fd_of(f, new_semaphore(f, 3, 5));
	uint32_t count = 0, max = 0;

	assert_int_equal(ntsync_sem_read(fd, &count, &max), 0);
	assert_int_equal(count * 10 + max, 35);
	close(fd);
	fd = fd_of(f, new_mutant(f, false));
	assert_int_equal(ntsync_mutex_read(fd, NULL, NULL), 0);
	close(fd);
	assert_ok(ntsync_nt_create_own(f->nt, &own, NULL, &with));
	fd = fd_of(f, own);
	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	assert_true(event_signaled(f, with.event));
	close(fd);
	assert_ok(ntsync_nt_create_own(f->nt, &bare, NULL, &without));
	assert_ok(ntsync_nt_create_keyed_event(f->nt, &keyed, NULL));
	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, NULL, 0));
	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, 8));
	fd = 77;
	assert_status(ntsync_nt_get_fd(f->nt, bare, &fd), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_get_fd(f->nt, keyed, &fd), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_get_fd(f->nt, port, &fd), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_get_fd(f->nt, thread, &fd), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_get_fd(f->nt, timer, &fd), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_get_fd(f->nt, 0x1000, &fd), NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_get_fd(f->nt, own, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_int_equal(fd, 77);
	assert_ok(ntsync_nt_thread_abandon(f->nt, 8));
}

static void each_type_is_adopted(void **state)
{
	struct fixture *f = *state;
	int dev = use_own_instance(f);
	int fds[] = {
		ntsync_event_create(dev, true, true), ntsync_event_create(dev, false, false),
		ntsync_mutex_create(dev, 0, 0), ntsync_sem_create(dev, 2, 3),
		ntsync_mutex_create(dev, 5, 1),
	};
	static const enum ntsync_nt_type types[] = {
		NTSYNC_NT_EVENT, NTSYNC_NT_EVENT, NTSYNC_NT_MUTANT, NTSYNC_NT_SEMAPHORE,
		NTSYNC_NT_MUTANT,
	};
	uint32_t handles[ARRAY_SIZE(fds)];
	bool manual, signaled;

	assert_int_equal(ntsync_mutex_kill(fds[4], 5), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		handles[i] = adopt(f, fds[i]);
		assert_int_equal(info_of(f, handles[i]).type, types[i]);
		/* The program's descriptor stays the program's. */
		assert_int_equal(close(fds[i]), 0);
	}
	assert_ok(ntsync_nt_query_event(f->nt, handles[0], &manual, &signaled));
	assert_true(manual && signaled);
	/* Adopting has acquired nothing. */
	assert_status(poll_handle(f, handles[1]), NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(semaphore_count(f, handles[3]), 2);
	assert_status(poll_handle(f, handles[2]), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[2], NULL));
	assert_status(poll_handle(f, handles[4]), NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[4], NULL));
	check(f);
	leave_instance(f, dev);
}

static uint32_t acquire(struct fixture *f, void *arg)
{
	return poll_handle(f, *(uint32_t *)arg);
}

/* As a mutant of the table: the thread owned it when it ended. */
static void an_adopted_mutant_is_abandoned(void **state)
{
	struct fixture *f = *state;
	int dev = use_own_instance(f), fd = ntsync_mutex_create(dev, 0, 0);
	uint32_t mutant = adopt(f, fd);

	assert_status(finish(start(f, acquire, &mutant)), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(ntsync_mutex_read(fd, NULL, NULL), -EOWNERDEAD);
	close(fd);
	leave_instance(f, dev);
}

#define ID 12u

static uint32_t release_of_another(struct fixture *f, void *arg)
{
	const uint32_t *handles = arg;
	uint32_t status;

	ntsync_nt_thread_attach(f->nt, ID);
	status = ntsync_nt_release_mutant(f->nt, handles[0], NULL);
	if (status != NTSYNC_STATUS_MUTANT_NOT_OWNED)
		return status;
	return ntsync_nt_signal_and_wait(f->nt, handles[0], handles[1], false, POLL);
}

/* Another program's thread has the same id, and owns it: the table does not release it. */
static void who_owns_it_elsewhere(void **state)
{
	struct fixture *f = *state;
	int dev = use_own_instance(f), fd = ntsync_mutex_create(dev, ID, 1);
	uint32_t handles[] = { adopt(f, fd), new_event(f, false, true) }, owner = 0;

	assert_status(finish(start(f, release_of_another, handles)),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_int_equal(ntsync_mutex_read(fd, &owner, NULL), 0);
	assert_int_equal(owner, ID);
	assert_true(event_signaled(f, handles[1]));
	close(fd);
	leave_instance(f, dev);
}

/* Two objects of the table with one state. */
/* -- Mutants whose last handle is closed while they are owned ----------------------------- */

/**
 * struct owner - a thread that owns a mutant which others have, too
 * @dev: the instance
 * @mutant: the handle
 * @fd: the descriptor of the others
 * @closes: the thread closes the handle
 * @others: it creates and closes so many others
 * @owns: it does
 * @end: it may end
 */
struct owner {
	int dev;
	uint32_t mutant;
	int fd;
	bool closes;
	int others;
	uint32_t owns;
	uint32_t end;
};

static uint32_t own_and_end(struct fixture *f, void *arg)
{
	struct owner *o = arg;
	uint32_t status;

	ntsync_nt_thread_attach(f->nt, ID);
	status = poll_handle(f, o->mutant);
	/* Until the list of owned ones is searched for those that were destroyed. */
	for (int i = 0; i < o->others; i++)
		close_handle(f, new_mutant(f, true));
	if (!status && o->closes)
		status = ntsync_nt_close(f->nt, o->mutant);
	if (!status)
		status = ntsync_nt_signal_and_wait(f->nt, o->owns, o->end, false, FOREVER);
	return status;
}

static struct owner new_owner(struct fixture *f, int dev, bool adopted)
{
	struct owner o = { .dev = dev, .owns = new_event(f, false, false),
			   .end = new_event(f, false, false) };

	if (!adopted) {
		o.mutant = new_mutant(f, false);
		return o;
	}
	o.fd = ntsync_mutex_create(dev, 0, 0);
	o.mutant = adopt(f, o.fd);
	return o;
}

static uint32_t wait_by_descriptor(struct fixture *f, void *arg)
{
	const struct ntsync_wait_opts opts = { .deadline = in_ms(60000).ns, .owner = 5 };
	struct owner *o = arg;

	(void)f;
	return (uint32_t)-ntsync_wait_any(o->dev, &o->fd, 1, &opts, NULL);
}

/*
 * Bits of i: it was adopted; the owner closes it; others get the descriptor before it is owned; the
 * owner owns many.
 */
static void abandoned_without_a_handle(void **state)
{
	struct fixture *f = *state;
	int dev = use_own_instance(f), fds;

	for (int i = 0; i < 16; i++) {
		struct owner o = new_owner(f, dev, i & 1);
		struct helper *owner, *other;

		o.closes = i & 2;
		o.others = i & 8 ? 40 : 0;
		if (!(i & 1) && i & 4)
			o.fd = fd_of(f, o.mutant);
		/* Its second handle is closed before the thread ends. */
		if (o.closes && !o.fd)
			o.fd = fd_of(f, o.mutant);
		owner = start(f, own_and_end, &o);
		assert_ok(wait_for_handle(f, &o.owns));
		if (!o.fd)
			o.fd = fd_of(f, o.mutant);
		if (!o.closes)
			close_handle(f, o.mutant);
		assert_int_equal(ntsync_mutex_read(o.fd, NULL, NULL), 0);
		other = start_asleep(f, wait_by_descriptor, &o);
		fds = env_count_fds();
		assert_ok(ntsync_nt_set_event(f->nt, o.end, NULL));
		assert_ok(finish(owner));
		assert_int_equal(finish(other), EOWNERDEAD);
		/* Two of the thread, and the mutant's. */
		assert_int_equal(env_count_fds(), fds - 3);
		close(o.fd);
		close_handle(f, o.owns);
		close_handle(f, o.end);
	}
	leave_instance(f, dev);
}

static uint32_t own_and_release(struct fixture *f, void *arg)
{
	uint32_t *handles = arg, status = poll_handle(f, handles[0]);

	if (!status)
		status = ntsync_nt_signal_and_wait(f->nt, handles[0], handles[1], false, POLL);
	return status;
}

/* The table keeps no descriptor for a mutant that none of its threads owns. */
static void destroyed_if_nobody_owns_it(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_mutant(f, false), new_event(f, true, true) };
	int fd = fd_of(f, handles[0]), fds;

	assert_ok(own_and_release(f, handles));
	assert_ok(poll_handle(f, handles[0]));
	assert_ok(poll_handle(f, handles[0]));
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[0], NULL));
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[0], NULL));
	fds = env_count_fds();
	close_handle(f, handles[0]);
	assert_int_equal(env_count_fds(), fds - 1);
	assert_int_equal(ntsync_mutex_read(fd, NULL, NULL), 0);
	close(fd);
	/* Nor for one that has only handles. */
	handles[0] = new_mutant(f, true);
	fds = env_count_fds();
	close_handle(f, handles[0]);
	assert_int_equal(env_count_fds(), fds - 1);
}

/* A release that failed has changed nothing: the mutant is still owned. */
static void a_failed_release_is_none(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), event = new_event(f, false, false);
	int fd = fd_of(f, mutant);

	if (env_fail_waits(ENOMEM)) {
		assert_status(ntsync_nt_signal_and_wait(f->nt, mutant, event, false, POLL),
			      NTSYNC_STATUS_NO_MEMORY);
		env_fail_waits(0);
	}
	close_handle(f, mutant);
	ntsync_nt_thread_detach(f->nt);
	assert_int_equal(ntsync_mutex_read(fd, NULL, NULL), -EOWNERDEAD);
	close(fd);
}

static bool child_destroys(struct fixture *f)
{
	pid_t child = fork();
	int status;

	if (!child) {
		ntsync_nt_destroy(f->nt);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

/* Its owner is a thread of the table, also if that goes on. A forked child's table is a copy. */
static void abandoned_with_the_table(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	int dev = use_own_instance(f), fds[3];
	uint32_t mutants[3];

	for (int i = 0; i < 3; i++) {
		mutants[i] = new_mutant(f, i);
		fds[i] = fd_of(f, mutants[i]);
	}
	close_handle(f, mutants[1]);
	check(f);
	assert_true(child_destroys(f));
	for (int i = 0; i < 3; i++)
		assert_int_equal(ntsync_mutex_read(fds[i], NULL, NULL), 0);
	ntsync_nt_config_init(&config);
	config.dev = dev;
	use_config(f, &config);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ntsync_mutex_read(fds[i], NULL, NULL), i ? -EOWNERDEAD : 0);
		close(fds[i]);
	}
	leave_instance(f, dev);
}

/* Others have released it by the descriptor, and own it. It is theirs. */
static void released_by_others(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt), owner;
	int fds;

	for (int i = 0; i < 2; i++) {
		struct owner o = { .mutant = new_mutant(f, true), .dev = -1 };

		ntsync_nt_thread_id(f->nt);
		o.fd = fd_of(f, o.mutant);
		fds = env_count_fds();
		if (i)
			close_handle(f, o.mutant);
		assert_int_equal(ntsync_mutex_unlock(o.fd, tid, NULL), 0);
		if (!i) {
			assert_status(ntsync_nt_release_mutant(f->nt, o.mutant, NULL),
				      NTSYNC_STATUS_MUTANT_NOT_OWNED);
			close_handle(f, o.mutant);
		}
		ntsync_nt_thread_detach(f->nt);
		assert_int_equal(ntsync_mutex_read(o.fd, &owner, NULL), 0);
		assert_int_equal(owner, 0);
		assert_int_equal(env_count_fds(), fds - 3);
		close(o.fd);
	}
}

/* The same, and the thread has ended when the handle is closed. */
static void closed_after_others_released_it(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), tid = ntsync_nt_thread_id(f->nt);
	int fd = fd_of(f, mutant), fds;

	assert_int_equal(ntsync_mutex_unlock(fd, tid, NULL), 0);
	ntsync_nt_thread_detach(f->nt);
	fds = env_count_fds();
	close_handle(f, mutant);
	assert_int_equal(env_count_fds(), fds - 1);
	close(fd);
}

/* One mutex behind two objects: the thread owns both. */
static void owned_through_two_objects(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true);
	int fd = fd_of(f, mutant), fds;
	uint32_t second = adopt(f, fd);

	assert_ok(poll_handle(f, second));
	ntsync_nt_thread_detach(f->nt);
	assert_int_equal(ntsync_mutex_read(fd, NULL, NULL), -EOWNERDEAD);
	fds = env_count_fds();
	close_handle(f, mutant);
	close_handle(f, second);
	assert_int_equal(env_count_fds(), fds - 2);
	close(fd);
}

static uint32_t own_by_descriptor(struct fixture *f, void *arg)
{
	const struct owner *o = arg;
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = 5 };

	(void)f;
	return (uint32_t)-ntsync_wait_any(o->dev, &o->fd, 1, &opts, NULL);
}

/* The table is destroyed: the mutex goes to another owner, who keeps it. */
static void the_next_owner_keeps_it(void **state)
{
	struct fixture *f = *state;
	struct owner o = { .dev = use_own_instance(f) };
	struct ntsync_nt_config config;
	struct helper *next;
	uint32_t owner;

	o.mutant = new_mutant(f, true);
	o.fd = fd_of(f, o.mutant);
	assert_ok(poll_handle(f, adopt(f, o.fd)));
	next = start_asleep(f, own_by_descriptor, &o);
	ntsync_nt_config_init(&config);
	config.dev = o.dev;
	use_config(f, &config);
	assert_int_equal(finish(next), EOWNERDEAD);
	assert_int_equal(ntsync_mutex_read(o.fd, &owner, NULL), 0);
	assert_int_equal(owner, 5);
	close(o.fd);
	leave_instance(f, o.dev);
}

static uint32_t own_and_wait(struct fixture *f, void *arg)
{
	struct owner *o = arg;
	uint32_t status = poll_handle(f, o->mutant);

	if (!status)
		status = wait_for_handle(f, &o->end);
	return status ? status : ntsync_nt_release_mutant(f->nt, o->mutant, NULL);
}

/* The end of a thread that others have released it for does not concern the next owner. */
static void owned_again_after_others_released_it(void **state)
{
	struct fixture *f = *state;
	struct owner o = { .mutant = new_mutant(f, true), .end = new_event(f, false, false) };
	struct helper *next;

	o.fd = fd_of(f, o.mutant);
	assert_int_equal(ntsync_mutex_unlock(o.fd, ntsync_nt_thread_id(f->nt), NULL), 0);
	next = start_asleep(f, own_and_wait, &o);
	assert_status(ntsync_nt_release_mutant(f->nt, o.mutant, NULL),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	ntsync_nt_thread_detach(f->nt);
	assert_ok(ntsync_nt_set_event(f->nt, o.end, NULL));
	assert_ok(finish(next));
	close(o.fd);
}

/**
 * struct race - the end of a thread against the close of the mutant that it owns
 * @mutant: the handle
 * @owns: the thread owns it
 * @go: both may begin
 */
struct race {
	uint32_t mutant;
	atomic_bool owns;
	atomic_bool go;
};

static uint32_t own_and_detach(struct fixture *f, void *arg)
{
	struct race *race = arg;
	uint32_t status = poll_handle(f, race->mutant);

	atomic_store(&race->owns, true);
	while (!atomic_load(&race->go))
		sched_yield();
	ntsync_nt_thread_detach(f->nt);
	return status;
}

/* Either the close leaves the mutant to its owner, or the owner has abandoned it before. */
static void closed_while_its_owner_ends(void **state)
{
	struct fixture *f = *state;
	int fds = env_count_fds(), fd;

	for (int i = 0; i < 1000; i++) {
		struct race race = { .mutant = new_mutant(f, false) };
		struct helper *owner;

		fd = fd_of(f, race.mutant);
		owner = start(f, own_and_detach, &race);
		while (!atomic_load(&race.owns))
			sched_yield();
		atomic_store(&race.go, true);
		for (int j = 0; j < i % 8; j++)
			info_of(f, race.mutant);
		close_handle(f, race.mutant);
		assert_ok(finish(owner));
		assert_int_equal(ntsync_mutex_read(fd, NULL, NULL), -EOWNERDEAD);
		close(fd);
		check(f);
	}
	assert_int_equal(env_count_fds(), fds);
}

static void adopted_twice(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, true), again, both[2];
	struct ntsync_nt_own own = { .kind = 1 };
	int fd = fd_of(f, event);

	again = adopt(f, fd);
	close(fd);
	assert_status(ntsync_nt_compare(f->nt, event, again), NTSYNC_STATUS_NOT_SAME_OBJECT);
	both[0] = event;
	both[1] = again;
	assert_status(ntsync_nt_wait_multiple(f->nt, both, 2, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_INVALID_PARAMETER_MIX);
	/* One of the runtime's own types with that event is the same, too. */
	own.event = again;
	assert_ok(ntsync_nt_create_own(f->nt, &both[1], NULL, &own));
	assert_status(ntsync_nt_wait_multiple(f->nt, both, 2, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_INVALID_PARAMETER_MIX);
	assert_ok(ntsync_nt_reset_event(f->nt, again, NULL));
	assert_false(event_signaled(f, event));
}

static void adopted_with_a_name(void **state)
{
	const struct ntsync_nt_attributes name = { .name = "shared" };
	struct fixture *f = *state;
	int fd = fd_of(f, new_event(f, true, true));
	uint32_t handle, opened;

	assert_ok(ntsync_nt_adopt_fd(f->nt, &handle, &name, fd));
	assert_ok(ntsync_nt_open_event(f->nt, &opened, "shared"));
	assert_ok(ntsync_nt_compare(f->nt, handle, opened));
	assert_status(ntsync_nt_adopt_fd(f->nt, &handle, &name, fd),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_int_equal(handle, 0);
	close(fd);
}

static void what_cannot_be_adopted(void **state)
{
	struct fixture *f = *state;
	int other = ntsync_open(), file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int foreign = ntsync_event_create(other, true, true);
	uint32_t out = UNTOUCHED;

	assert_status(ntsync_nt_adopt_fd(f->nt, &out, NULL, -1), NTSYNC_STATUS_INVALID_HANDLE);
	assert_int_equal(out, 0);
	assert_status(ntsync_nt_adopt_fd(f->nt, &out, NULL, 900), NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_adopt_fd(f->nt, &out, NULL, file),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_adopt_fd(f->nt, &out, NULL, other),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_adopt_fd(f->nt, &out, NULL, foreign),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_adopt_fd(f->nt, NULL, NULL, foreign),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	close(foreign);
	close(file);
	close(other);
}

static uint32_t send_one(struct fixture *f, void *arg)
{
	(void)f;
	return (uint32_t)-ntsync_channel_send_pi(*(int *)arg, 0, 0, 1, 2);
}

/* A client with the descriptor, a server with the handle. */
static void a_channel_is_adopted(void **state)
{
	struct fixture *f = *state;
	int dev = use_own_instance(f), fd = ntsync_channel_create(dev, 4), other, foreign;
	uint32_t channel = adopt(f, fd), out;
	struct ntsync_channel_request request;
	struct helper *client = start(f, send_one, &fd);

	assert_int_equal(info_of(f, channel).type, NTSYNC_NT_CHANNEL);
	assert_ok(ntsync_nt_channel_receive(f->nt, channel, false, FOREVER, &request));
	assert_ok(ntsync_nt_channel_reply(f->nt, channel, request.id));
	assert_int_equal(finish(client), 0);
	close(fd);
	fd = fd_of(f, channel);
	assert_int_equal(ntsync_channel_reply(fd, request.id), -ENOENT);
	close(fd);
	other = ntsync_open();
	foreign = ntsync_channel_create(other, 4);
	assert_status(ntsync_nt_adopt_fd(f->nt, &out, NULL, foreign),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	close(foreign);
	close(other);
	leave_instance(f, dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_descriptor_is_of_the_object),
		TEST(which_have_a_descriptor),
		TEST(each_type_is_adopted),
		TEST(an_adopted_mutant_is_abandoned),
		TEST(who_owns_it_elsewhere),
		TEST(abandoned_without_a_handle),
		TEST(destroyed_if_nobody_owns_it),
		TEST(a_failed_release_is_none),
		TEST(abandoned_with_the_table),
		TEST(released_by_others),
		TEST(closed_after_others_released_it),
		TEST(owned_through_two_objects),
		TEST(the_next_owner_keeps_it),
		TEST(owned_again_after_others_released_it),
		TEST(closed_while_its_owner_ends),
		TEST(adopted_twice),
		TEST(adopted_with_a_name),
		TEST(what_cannot_be_adopted),
		/* Not on a driver without channels. */
		TEST(a_channel_is_adopted),
	};
	bool channels = driver_offers(NTSYNC_NT_FEATURE_CHANNEL);

	return nt_run_group(__FILE__, tests, ARRAY_SIZE(tests) - !channels);
}
