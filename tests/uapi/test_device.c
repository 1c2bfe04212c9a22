// SPDX-License-Identifier: GPL-2.0-only
/* The device node: which ioctls it knows, and how descriptors are created and closed. */
#include "fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define OBJECT_REQUESTS                                                        \
	NTSYNC_IOC_SEM_RELEASE, NTSYNC_IOC_SEM_READ, NTSYNC_IOC_MUTEX_UNLOCK,  \
		NTSYNC_IOC_MUTEX_KILL, NTSYNC_IOC_MUTEX_READ,                  \
		NTSYNC_IOC_EVENT_SET, NTSYNC_IOC_EVENT_RESET,                  \
		NTSYNC_IOC_EVENT_PULSE, NTSYNC_IOC_EVENT_READ
#define DEVICE_REQUESTS                                                        \
	NTSYNC_IOC_CREATE_SEM, NTSYNC_IOC_CREATE_MUTEX,                        \
		NTSYNC_IOC_CREATE_EVENT, NTSYNC_IOC_WAIT_ANY,                  \
		NTSYNC_IOC_WAIT_ALL

static const unsigned int object_requests[] = { OBJECT_REQUESTS };
static const unsigned int device_requests[] = { DEVICE_REQUESTS };
static const unsigned int all_requests[] = { DEVICE_REQUESTS, OBJECT_REQUESTS };

static const struct {
	unsigned int request;
	uint64_t feature;
	bool on_device;
} later_requests[] = {
	{ NTSYNC_IOC_EVENT_SET_PI, NTSYNC_FEATURE_EVENT_SET_PI, false },
	{ NTSYNC_IOC_CREATE_CHANNEL, NTSYNC_FEATURE_CHANNEL, true },
	{ NTSYNC_IOC_CHANNEL_SEND_PI, NTSYNC_FEATURE_CHANNEL, false },
	{ NTSYNC_IOC_CHANNEL_RECV, NTSYNC_FEATURE_CHANNEL, false },
	{ NTSYNC_IOC_CHANNEL_REPLY, NTSYNC_FEATURE_CHANNEL, false },
	{ NTSYNC_IOC_CHANNEL_REGISTER_THREAD, NTSYNC_FEATURE_CHANNEL, false },
	{ NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, NTSYNC_FEATURE_CHANNEL, false },
	{ NTSYNC_IOC_CHANNEL_RECV2, NTSYNC_FEATURE_CHANNEL, false },
	{ NTSYNC_IOC_CHANNEL_TRY_RECV2, NTSYNC_FEATURE_CHANNEL_TRY_RECV2, false },
	{ NTSYNC_IOC_AGGREGATE_WAIT, NTSYNC_FEATURE_AGGREGATE_WAIT, true },
	{ NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC, NTSYNC_FEATURE_AGGREGATE_WAIT, true },
};

static void node_is_for_everybody(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(fstat(f->dev, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0666);
}

static int open_as_nobody(struct fixture *f, void *arg)
{
	struct ntsync_sem_args sem = { .count = 0, .max = 1 };
	int dev;

	(void)f;
	(void)arg;
	CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	dev = open("/dev/ntsync", O_RDONLY | O_CLOEXEC);
	CHECK(dev >= 0);
	CHECK(nt(dev, NTSYNC_IOC_CREATE_SEM, &sem) >= 0);
	return 0;
}

static void anybody_may_open(void **state)
{
	if (geteuid())
		skip_because("not root, so no other user to become");
	assert_child_ok(child_start(*state, open_as_nobody, NULL));
}

/* Programs open the device read-only, write-only or both; the mode makes no difference. */
static void open_mode_is_irrelevant(void **state)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct ntsync_event_args event = { .signaled = 1 };
		int dev = own_fd(f, open("/dev/ntsync", modes[i] | O_CLOEXEC));
		int obj = own_fd(f, nt(dev, NTSYNC_IOC_CREATE_EVENT, &event));

		fixture_assert_wait(dev, ANY, ARGS(FDS(obj), .owner = OWNER), 0, 0,
				    __FILE__, __LINE__);
	}
}

static void read_and_write_are_einval(void **state)
{
	struct fixture *f = *state;
	char byte = 0;

	assert_int_equal(read(f->dev, &byte, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(write(f->dev, &byte, 1), -1);
	assert_int_equal(errno, EINVAL);
}

static void lseek_is_espipe(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(lseek(f->dev, 0, SEEK_CUR), -1);
	assert_int_equal(errno, ESPIPE);
	assert_int_equal(lseek(f->dev, 1, SEEK_SET), -1);
	assert_int_equal(errno, ESPIPE);
}

static void mmap_is_enodev(void **state)
{
	struct fixture *f = *state;

	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, f->dev, 0),
			 MAP_FAILED);
	assert_int_equal(errno, ENODEV);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, f->dev, 0),
			 MAP_FAILED);
	assert_int_equal(errno, ENODEV);
}

static void new_of_each_type(struct fixture *f, int objs[3])
{
	objs[0] = new_sem(f, 1, 2);
	objs[1] = new_mutex(f, OWNER, 1);
	objs[2] = new_auto(f, true);
}

static void assert_unchanged(const int objs[3])
{
	assert_sem(objs[0], 1, 2);
	assert_mutex(objs[1], OWNER, 1);
	assert_event(objs[2], 0, 1);
}

static void unknown_number_is_enotty(void **state)
{
	struct fixture *f = *state;
	char argument[64] = { 0 };
	int objs[3];

	new_of_each_type(f, objs);
	for (unsigned int nr = 0; nr < 256; nr++) {
		if (nr >= 0x80 && nr <= 0x99)
			continue;
		for (unsigned int size = 0; size <= 40; size += 4) {
			unsigned int request = _IOC(_IOC_READ | _IOC_WRITE, 'N', nr, size);

			assert_ret(nt(f->dev, request, argument), -ENOTTY);
			assert_ret(nt(objs[nr % 3], request, argument), -ENOTTY);
		}
	}
	assert_ret(nt(f->dev, _IOW('O', 0x80, struct ntsync_sem_args), argument), -ENOTTY);
	assert_unchanged(objs);
}

static void assert_variant_unknown(const int fds[4], unsigned int request,
				   unsigned int dir, unsigned int size)
{
	unsigned int variant = _IOC(dir, _IOC_TYPE(request), _IOC_NR(request), size);
	char argument[256] = { 0 };

	if (variant == request)
		return;
	for (int i = 0; i < 4; i++)
		assert_ret(nt(fds[i], variant, argument), -ENOTTY);
}

/* The whole ioctl number counts: magic, number, size and direction. */
static void wrong_size_is_enotty(void **state)
{
	struct fixture *f = *state;
	int fds[4] = { f->dev };

	new_of_each_type(f, fds + 1);
	for (size_t i = 0; i < ARRAY_SIZE(all_requests); i++) {
		unsigned int request = all_requests[i];
		unsigned int size = _IOC_SIZE(request), dir = _IOC_DIR(request);

		assert_variant_unknown(fds, request, dir, 0);
		assert_variant_unknown(fds, request, dir, size - 1);
		assert_variant_unknown(fds, request, dir, size + 1);
		assert_variant_unknown(fds, request, dir, size - 4);
		assert_variant_unknown(fds, request, dir, size + 4);
		assert_variant_unknown(fds, request, dir, size * 2);
		assert_variant_unknown(fds, request, dir, 0x3fff);
		assert_variant_unknown(fds, request, _IOC_NONE, size);
	}
	assert_unchanged(fds + 1);
}

static void object_ioctl_on_device_is_enotty(void **state)
{
	struct fixture *f = *state;
	uint32_t words[2] = { 1, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(object_requests); i++) {
		assert_ret(nt(f->dev, object_requests[i], words), -ENOTTY);
		assert_ret(nt(f->dev, object_requests[i], NULL), -ENOTTY);
	}
}

static void device_ioctl_on_object_is_enotty(void **state)
{
	struct fixture *f = *state;
	char argument[64] = { 0 };
	int objs[3];

	new_of_each_type(f, objs);
	for (size_t i = 0; i < ARRAY_SIZE(device_requests); i++) {
		for (int obj = 0; obj < 3; obj++) {
			assert_ret(nt(objs[obj], device_requests[i], argument), -ENOTTY);
			assert_ret(nt(objs[obj], device_requests[i], NULL), -ENOTTY);
		}
	}
	assert_ret(nt(objs[0], NTSYNC_IOC_QUERY_FEATURES, argument), -ENOTTY);
	assert_unchanged(objs);
}

/* A feature that is not announced has no ioctl either. */
static void later_ioctls_are_enotty_until_announced(void **state)
{
	struct fixture *f = *state;
	int objs[3];

	new_of_each_type(f, objs);
	for (size_t i = 0; i < ARRAY_SIZE(later_requests); i++) {
		char argument[64] = { 0 };
		int right = later_requests[i].on_device ? f->dev : objs[2];
		int wrong = later_requests[i].on_device ? objs[2] : f->dev;

		assert_ret(nt(wrong, later_requests[i].request, argument), -ENOTTY);
		if (f->features & later_requests[i].feature)
			continue;
		assert_ret(nt(right, later_requests[i].request, argument), -ENOTTY);
		assert_ret(nt(right, later_requests[i].request, NULL), -ENOTTY);
	}
	assert_unchanged(objs);
}

static void features_are_reported(void **state)
{
	struct fixture *f = *state;
	struct ntsync_features_args args = { ~0ull, UNTOUCHED, UNTOUCHED };
	const uint64_t known = NTSYNC_FEATURE_ADDRESS * 2 - 1;

	only_ours(f, "it has no feature query");
	assert_ret(nt(f->dev, NTSYNC_IOC_QUERY_FEATURES, &args), 0);
	assert_true(args.version >= 1);
	assert_int_equal(args.reserved, 0);
	assert_true(args.features & NTSYNC_FEATURE_PRIORITY_QUEUES);
	assert_int_equal(args.features & ~known, 0);
	/* A receive that does not block needs channels. */
	if (args.features & NTSYNC_FEATURE_CHANNEL_TRY_RECV2)
		assert_true(args.features & NTSYNC_FEATURE_CHANNEL);
}

static void features_fault(void **state)
{
	struct fixture *f = *state;
	struct ntsync_features_args args = { 0 };
	const unsigned long query = NTSYNC_IOC_QUERY_FEATURES;

	only_ours(f, "it has no feature query");
	assert_ret(nt(f->dev, query, NULL), -EFAULT);
	assert_ret(nt(f->dev, query, unmapped(f)), -EFAULT);
	assert_ret(nt(f->dev, query, read_only(f, &args, sizeof(args))), -EFAULT);
	assert_ret(nt(f->dev, query, past_page_end(f, NULL, sizeof(args))), -EFAULT);
	assert_ret(nt(f->dev, query, at_page_end(f, NULL, sizeof(args))), 0);
}

static int reopen_path(struct fixture *f, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return own_fd(f, open(path, O_PATH | O_CLOEXEC));
}

static void o_path_is_ebadf(void **state)
{
	struct fixture *f = *state;
	struct ntsync_sem_args sem = { .count = 0, .max = 1 };
	uint32_t one = 1;
	int dev, obj;

	dev = own_fd(f, open("/dev/ntsync", O_PATH | O_CLOEXEC));
	obj = reopen_path(f, new_sem(f, 0, 1));
	assert_ret(nt(dev, NTSYNC_IOC_CREATE_SEM, &sem), -EBADF);
	assert_ret(nt(obj, NTSYNC_IOC_SEM_RELEASE, &one), -EBADF);
}

static void created_fds_are_cloexec(void **state)
{
	struct fixture *f = *state;
	int objs[3];

	new_of_each_type(f, objs);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fcntl(objs[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

/* As for every other descriptor: the lowest free number. */
static void created_fds_are_lowest(void **state)
{
	struct fixture *f = *state;
	int hole = new_sem(f, 0, 1);

	new_sem(f, 0, 1);
	close_fd(f, hole);
	assert_int_equal(new_mutex(f, 0, 0), hole);
	close_fd(f, hole);
	assert_int_equal(new_auto(f, false), hole);
	close_fd(f, hole);
	assert_int_equal(new_sem(f, 0, 1), hole);
}

static void instances_are_isolated(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);
	int sem = new_sem(f, 1, 1);

	fixture_assert_wait(other, ANY, ARGS(FDS(sem), .owner = OWNER), -EINVAL, 0,
			    __FILE__, __LINE__);
	assert_sem(sem, 1, 1);
	assert_wait(f, ANY, ARGS(FDS(sem), .owner = OWNER), 0, 0);
}

/* References to the module: one per file. -1 where the kernel doesn't tell. */
static int read_module_references(void)
{
	FILE *file = fopen("/sys/module/ntsync/refcnt", "re");
	int count = -1;

	if (file) {
		if (fscanf(file, "%d", &count) != 1)
			count = -1;
		fclose(file);
	}
	return count;
}

static int create_object(struct fixture *f, unsigned int kind)
{
	static const unsigned long requests[] = { NTSYNC_IOC_CREATE_SEM,
						  NTSYNC_IOC_CREATE_MUTEX,
						  NTSYNC_IOC_CREATE_EVENT };
	uint32_t words[2] = { 0, 0 };

	return nt(f->dev, requests[kind % 3], words);
}

/* Lowers the limit, or restores it. */
static void limit_fds(rlim_t limit)
{
	struct rlimit both;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &both), 0);
	both.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &both), 0);
}

static void exhaustion_leaks_nothing(void **state)
{
	struct fixture *f = *state;
	int first = new_sem(f, 0, 1), last = first, fd, before, ret[3];
	struct rlimit old;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	before = read_module_references() + 19;
	limit_fds(first + 20);
	for (unsigned int i = 0; (fd = create_object(f, i)) >= 0; i++)
		last = own_fd(f, fd);
	for (int i = 0; i < 300; i++)
		ret[i % 3] = create_object(f, i);
	limit_fds(old.rlim_cur);
	for (int i = 0; i < 3; i++)
		assert_ret(ret[i], -EMFILE);
	assert_int_equal(last, first + 19);
	if (read_module_references() >= 0)
		assert_int_equal(read_module_references(), before);
	/* With one closed, one more can be created. */
	limit_fds(first + 20);
	close_fd(f, last);
	fd = create_object(f, 1);
	limit_fds(old.rlim_cur);
	assert_int_equal(own_fd(f, fd), last);
}

/* A create that fails must neither install a descriptor nor keep the object. */
static void failed_creates_leak_nothing(void **state)
{
	struct fixture *f = *state;
	struct ntsync_sem_args sem = { .count = 2, .max = 1 };
	struct ntsync_mutex_args mutex = { .owner = 1, .count = 0 };
	int fds = count_fds(), references = read_module_references();

	for (int i = 0; i < 100; i++) {
		assert_ret(nt(f->dev, NTSYNC_IOC_CREATE_SEM, &sem), -EINVAL);
		assert_ret(nt(f->dev, NTSYNC_IOC_CREATE_MUTEX, &mutex), -EINVAL);
		assert_ret(nt(f->dev, NTSYNC_IOC_CREATE_SEM, NULL), -EFAULT);
		assert_ret(nt(f->dev, NTSYNC_IOC_CREATE_EVENT, NULL), -EFAULT);
	}
	assert_int_equal(count_fds(), fds);
	assert_int_equal(read_module_references(), references);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(node_is_for_everybody),
		TEST(anybody_may_open),
		TEST(open_mode_is_irrelevant),
		TEST(read_and_write_are_einval),
		TEST(lseek_is_espipe),
		TEST(mmap_is_enodev),
		TEST(unknown_number_is_enotty),
		TEST(wrong_size_is_enotty),
		TEST(object_ioctl_on_device_is_enotty),
		TEST(device_ioctl_on_object_is_enotty),
		TEST(later_ioctls_are_enotty_until_announced),
		TEST(features_are_reported),
		TEST(features_fault),
		TEST(o_path_is_ebadf),
		TEST(created_fds_are_cloexec),
		TEST(created_fds_are_lowest),
		TEST(instances_are_isolated),
		TEST(exhaustion_leaks_nothing),
		TEST(failed_creates_leak_nothing),
	};

	return RUN(tests);
}
