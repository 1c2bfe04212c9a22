// SPDX-License-Identifier: GPL-2.0-only
/* What the ioctls of a channel accept, and in which order they check. */
#include "channel.h"

#include <sys/mman.h>

static const unsigned long channel_requests[] = {
	NTSYNC_IOC_CHANNEL_SEND_PI,	    NTSYNC_IOC_CHANNEL_RECV,
	NTSYNC_IOC_CHANNEL_RECV2,	    NTSYNC_IOC_CHANNEL_TRY_RECV2,
	NTSYNC_IOC_CHANNEL_REPLY,	    NTSYNC_IOC_CHANNEL_REGISTER_THREAD,
	NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD,
};

static int create_object(struct fixture *f, uint32_t max_depth, uint32_t pad)
{
	struct ntsync_channel_create_args args = { max_depth, pad };

	return nt(f->dev, NTSYNC_IOC_CREATE_CHANNEL, &args);
}

static void depths(void **state)
{
	static const uint32_t wrong[] = { 0, NTSYNC_CHANNEL_MAX_DEPTH + 1, 1u << 31, ~0u };
	struct fixture *f = *state;

	close_fd(f, new_channel(f, 1));
	close_fd(f, new_channel(f, 2));
	close_fd(f, new_channel(f, NTSYNC_CHANNEL_MAX_DEPTH));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_ret(create_object(f, wrong[i], 0), -EINVAL);
}

static void pad_is_ignored(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	close_fd(f, channel);
	assert_int_equal(own_fd(f, create_object(f, 1, ~0u)), channel);
}

static void the_argument_is_not_written(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_channel_create_args args = { 7, UNTOUCHED };
	struct ntsync_channel_create_args *copy;

	close_fd(f, new_channel(f, 1));
	copy = read_only(f, &args, sizeof(args));
	own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_CHANNEL, copy));
	assert_memory_equal(copy, &args, sizeof(args));
}

static void fds_are_cloexec_and_lowest(void **state)
{
	struct fixture *f = *state;
	int hole = new_channel(f, 1), channel;

	new_sem(f, 0, 1);
	close_fd(f, hole);
	channel = new_channel(f, 1);
	assert_int_equal(channel, hole);
	assert_int_equal(fcntl(channel, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void create_faults(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_channel_create_args args = { 1, 0 };
	const unsigned long request = NTSYNC_IOC_CREATE_CHANNEL;
	int fds;

	close_fd(f, new_channel(f, 1));
	fds = count_fds();
	assert_ret(nt(f->dev, request, NULL), -EFAULT);
	assert_ret(nt(f->dev, request, unmapped(f)), -EFAULT);
	assert_ret(nt(f->dev, request, past_page_end(f, &args, sizeof(args))), -EFAULT);
	assert_int_equal(count_fds(), fds);
	own_fd(f, nt(f->dev, request, at_page_end(f, &args, sizeof(args))));
}

static int send_as(int channel, uint32_t policy, uint32_t prio)
{
	struct ntsync_channel_send_args args = { .policy = policy, .prio = prio };

	return nt(channel, SEND, &args);
}

static void priorities_of_a_send(void **state)
{
	static const struct {
		uint32_t policy, prio;
	} wrong[] = {
		{ SCHED_FIFO, 100 }, { SCHED_RR, 100 },	 { SCHED_FIFO, ~0u },	  { 0, 100 },
		{ SCHED_OTHER, 1 },  { SCHED_BATCH, 1 }, { SCHED_DEADLINE, 99 },  { 7, 1 },
		{ ~0u, 50 },	     { 0, ~0u },	 { SCHED_FIFO, 1u << 31 }, { 1u << 31, 1 },
		{ SCHED_FIFO | SCHED_RESET_ON_FORK, 1 },
	};
	struct fixture *f = *state;
	int channel = new_channel(f, 1), full = new_channel(f, 1);

	start_send(f, full, 1, 1);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_ret(send_as(channel, wrong[i].policy, wrong[i].prio), -EINVAL);
		/* Checked before the depth. */
		assert_ret(send_as(full, wrong[i].policy, wrong[i].prio), -EINVAL);
	}
	assert_depth(channel, 0);
	assert_depth(full, 1);
}

static void priorities_that_are_right(void **state)
{
	static const struct {
		uint32_t policy, prio;
	} right[] = {
		{ SCHED_FIFO, 1 }, { SCHED_FIFO, 99 }, { SCHED_RR, 1 }, { SCHED_RR, 99 },
		{ SCHED_FIFO, 0 }, { SCHED_OTHER, 0 }, { 77, 0 },	{ ~0u, 0 },
	};
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		struct ntsync_channel_send_args args = { right[i].policy, right[i].prio, i, ~i };
		struct call *sender = call_running(f, channel, SEND, &args, NULL);

		assert_call_asleep(sender);
		serve(channel, right[i].prio, i);
		assert_call(sender, 0);
	}
}

/* The driver passes both numbers on unchanged. */
static void payloads_pass_unchanged(void **state)
{
	static const uint64_t words[] = { 0, 1, 1ull << 32, 1ull << 63, ~0ull };
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct call *sender = start_send(f, channel, 0, words[i]);

		serve(channel, 0, words[i]);
		assert_call(sender, 0);
	}
}

static void the_argument_of_a_send_is_not_written(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct ntsync_channel_send_args args = MESSAGE(5, 6);
	struct call *sender = call_at(f, channel, SEND, read_only(f, &args, sizeof(args)), NULL);

	assert_call_asleep(sender);
	serve(channel, 5, 6);
	assert_call(sender, 0);
}

static void sender_tid_is_the_senders(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender = start_send(f, channel, 0, 1);
	request_t got;

	assert_ret(receive(channel, TRY_RECV2, &got), 0);
	assert_int_equal(got.sender_tid, call_tid(sender));
	assert_int_not_equal(got.sender_tid, gettid());
}

static void tid_0_is_einval(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	assert_ret(register_thread(channel, 0, 1), -EINVAL);
	assert_int_equal(channel_info(channel, "registrations"), 0);
}

/* Inputs are read before the object's type is checked; outputs are not written. */
static void other_objects(void **state)
{
	struct fixture *f = *state;
	int objs[3];

	close_fd(f, new_channel(f, 1));
	objs[0] = new_sem(f, 1, 2);
	objs[1] = new_mutex(f, OWNER, 1);
	objs[2] = new_auto(f, true);
	for (size_t i = 0; i < ARRAY_SIZE(channel_requests); i++) {
		unsigned long request = channel_requests[i];
		bool output = request == RECV || request == RECV2 || request == TRY_RECV2;
		/* Valid for each ioctl: a send without priority, id 1, tid 1. */
		uint64_t argument[8] = { 1 };

		for (size_t j = 0; j < ARRAY_SIZE(objs); j++) {
			assert_ret(nt(objs[j], request, argument), -EINVAL);
			assert_ret(nt(objs[j], request, NULL), output ? -EINVAL : -EFAULT);
		}
	}
	assert_sem(objs[0], 1, 2);
	assert_mutex(objs[1], OWNER, 1);
	assert_event(objs[2], 0, 1);
}

static void a_channel_is_no_other_object(void **state)
{
	static const struct {
		unsigned long request;
		bool input;
	} requests[] = {
		{ NTSYNC_IOC_SEM_RELEASE, true },  { NTSYNC_IOC_SEM_READ, false },
		{ NTSYNC_IOC_MUTEX_UNLOCK, true }, { NTSYNC_IOC_MUTEX_KILL, true },
		{ NTSYNC_IOC_MUTEX_READ, false },  { NTSYNC_IOC_EVENT_SET, false },
		{ NTSYNC_IOC_EVENT_RESET, false }, { NTSYNC_IOC_EVENT_PULSE, false },
		{ NTSYNC_IOC_EVENT_READ, false },  { NTSYNC_IOC_EVENT_SET_PI, true },
	};
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	start_send(f, channel, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct ntsync_event_set_pi_args set = { .policy = SCHED_FIFO, .prio = 1 };
		uint32_t owner[2] = { OWNER, 1 };
		bool pi = requests[i].request == NTSYNC_IOC_EVENT_SET_PI;

		assert_ret(nt(channel, requests[i].request, pi ? (void *)&set : owner), -EINVAL);
		assert_ret(nt(channel, requests[i].request, NULL),
			   requests[i].input ? -EFAULT : -EINVAL);
	}
	serve(channel, 0, 1);
}

static void on_the_device(void **state)
{
	struct fixture *f = *state;
	uint64_t argument[8] = { 1 };
	int channel = new_channel(f, 1);

	for (size_t i = 0; i < ARRAY_SIZE(channel_requests); i++) {
		assert_ret(nt(f->dev, channel_requests[i], argument), -ENOTTY);
		assert_ret(nt(f->dev, channel_requests[i], NULL), -ENOTTY);
	}
	assert_ret(nt(channel, NTSYNC_IOC_CREATE_CHANNEL, argument), -ENOTTY);
	assert_ret(nt(channel, NTSYNC_IOC_CREATE_SEM, argument), -ENOTTY);
	assert_ret(nt(channel, ANY, argument), -ENOTTY);
}

static void assert_variant_unknown(const int fds[2], unsigned long request, unsigned int dir,
				   unsigned int size)
{
	unsigned long variant = _IOC(dir, 'N', _IOC_NR(request), size);
	char argument[256] = { 0 };

	if (variant == request)
		return;
	assert_ret(nt(fds[0], variant, argument), -ENOTTY);
	assert_ret(nt(fds[1], variant, argument), -ENOTTY);
}

static void wrong_size_is_enotty(void **state)
{
	struct fixture *f = *state;
	const int fds[2] = { new_channel(f, 1), f->dev };

	for (size_t i = 0; i <= ARRAY_SIZE(channel_requests); i++) {
		unsigned long request = i ? channel_requests[i - 1] : NTSYNC_IOC_CREATE_CHANNEL;
		unsigned int size = _IOC_SIZE(request), dir = _IOC_DIR(request);

		for (unsigned int other = 0; other <= 64; other += 4)
			assert_variant_unknown(fds, request, dir, other);
		assert_variant_unknown(fds, request, dir, size - 1);
		assert_variant_unknown(fds, request, dir, size + 1);
		assert_variant_unknown(fds, request, _IOC_NONE, size);
		assert_variant_unknown(fds, request, dir ^ _IOC_READ, size);
	}
	assert_empty(fds[0]);
}

/*
 * Even if requests are pending, and even if another object of the wait is ready: nothing is
 * acquired.
 */
static void waits_refuse_a_channel(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	int channel = new_channel(f, 1), sem = new_sem(f, 1, 1);

	for (int with_request = 0; with_request < 2; with_request++) {
		if (with_request)
			start_send(f, channel, 0, 1);
		for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
			assert_wait(f, requests[i], ARGS(FDS(channel), .owner = OWNER,
							 .timeout = FOREVER), -EINVAL, 0);
			assert_wait(f, requests[i], ARGS(FDS(sem, channel), .owner = OWNER),
				    -EINVAL, 0);
			assert_wait(f, requests[i], ARGS(FDS(channel, sem), .owner = OWNER),
				    -EINVAL, 0);
			assert_wait(f, requests[i], ARGS(FDS(sem), .alert = channel,
							 .owner = OWNER), -EINVAL, 0);
		}
	}
	assert_sem(sem, 1, 1);
	serve(channel, 0, 1);
}

static void not_a_file_to_read(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	char byte = 0;

	assert_int_equal(read(channel, &byte, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(write(channel, &byte, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(lseek(channel, 0, SEEK_CUR), -1);
	assert_int_equal(errno, ESPIPE);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, channel, 0), MAP_FAILED);
	assert_int_equal(errno, ENODEV);
}

static void o_path_is_ebadf(void **state)
{
	struct fixture *f = *state;
	uint64_t argument[8] = { 1 };
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", new_channel(f, 1));
	fd = own_fd(f, open(path, O_PATH | O_CLOEXEC));
	for (size_t i = 0; i < ARRAY_SIZE(channel_requests); i++)
		assert_ret(nt(fd, channel_requests[i], argument), -EBADF);
}

static void the_features_are_announced(void **state)
{
	struct fixture *f = *state;

	close_fd(f, new_channel(f, 1));
	assert_true(f->features & NTSYNC_FEATURE_CHANNEL);
	assert_true(f->features & NTSYNC_FEATURE_CHANNEL_TRY_RECV2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(depths),
		CHANNEL_TEST(pad_is_ignored),
		CHANNEL_TEST(the_argument_is_not_written),
		CHANNEL_TEST(fds_are_cloexec_and_lowest),
		CHANNEL_TEST(create_faults),
		CHANNEL_TEST(priorities_of_a_send),
		CHANNEL_TEST(priorities_that_are_right),
		CHANNEL_TEST(payloads_pass_unchanged),
		CHANNEL_TEST(the_argument_of_a_send_is_not_written),
		CHANNEL_TEST(sender_tid_is_the_senders),
		CHANNEL_TEST(tid_0_is_einval),
		CHANNEL_TEST(other_objects),
		CHANNEL_TEST(a_channel_is_no_other_object),
		CHANNEL_TEST(on_the_device),
		CHANNEL_TEST(wrong_size_is_enotty),
		CHANNEL_TEST(waits_refuse_a_channel),
		CHANNEL_TEST(not_a_file_to_read),
		CHANNEL_TEST(o_path_is_ebadf),
		CHANNEL_TEST(the_features_are_announced),
	};

	return RUN(tests);
}
