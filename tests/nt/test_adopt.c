// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of objects: given to the program, and taken from it. */
#include "nt_test.h"

#include <errno.h>
#include <fcntl.h>
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
		TEST(adopted_twice),
		TEST(adopted_with_a_name),
		TEST(what_cannot_be_adopted),
		/* Not on a driver without channels. */
		TEST(a_channel_is_adopted),
	};
	bool channels = driver_offers(NTSYNC_NT_FEATURE_CHANNEL);

	return nt_run_group(__FILE__, tests, ARRAY_SIZE(tests) - !channels);
}
