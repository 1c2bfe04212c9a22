// SPDX-License-Identifier: GPL-2.0-only
/* AGGREGATE_WAIT: its argument, and what it rejects, in the order of the checks. */
#include "aggregate.h"

#include <sys/mman.h>

/* A descriptor that can't be polled. */
static int new_regular_file(struct fixture *f)
{
	return own_fd(f, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

static int call_raw(struct fixture *f, void *arg)
{
	return nt(f->dev, agg_request(), arg);
}

static size_t size_of_arg(void)
{
	return agg_is_timespec() ? sizeof(agg_timespec_t) : sizeof(agg_t);
}

/* Runs on the in-tree driver too, which has neither of the two. */
static void is_there_if_features_say_so(void **state)
{
	struct fixture *f = *state;
	bool announced = f->features & NTSYNC_FEATURE_AGGREGATE_WAIT;

	assert_int_equal(announced, f->ours);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(new_sem(f, 1, 1)))), announced ? 0 : -ENOTTY, 0, 0);
}

static void args_fault(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);
	const agg_t args = AGG_ARGS(SOURCES(OBJ(sem)));
	const agg_timespec_t ts = agg_as_timespec(&args);
	const void *init = agg_is_timespec() ? (const void *)&ts : &args;

	need_aggregate(f);
	assert_ret(call_raw(f, NULL), -EFAULT);
	assert_ret(call_raw(f, unmapped(f)), -EFAULT);
	assert_ret(call_raw(f, past_page_end(f, init, size_of_arg())), -EFAULT);
	assert_sem(sem, 1, 1);
	assert_ret(call_raw(f, at_page_end(f, init, size_of_arg())), 0);
	assert_sem(sem, 0, 1);
}

static void number_of_sources(void **state)
{
	static const uint32_t wrong[] = { 0, NTSYNC_AGG_MAX + 1, 0x80000000u, ~0u };
	struct fixture *f = *state;
	source_t sources[NTSYNC_AGG_MAX + 1];
	int sem = new_sem(f, 2, 2);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		sources[i] = OBJ(sem);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_agg_refused(f, -EINVAL, .sources = (uintptr_t)sources,
				   .nb_sources = wrong[i]);
	/* Checked before the array is read. */
	assert_agg_refused(f, -EINVAL, .sources = (uintptr_t)unmapped(f), .nb_sources = 0);
	assert_agg_refused(f, -EINVAL, .sources = (uintptr_t)unmapped(f),
			   .nb_sources = NTSYNC_AGG_MAX + 1);
	assert_sem(sem, 2, 2);
	assert_agg(f, AGG_ARGS(.sources = (uintptr_t)sources, .nb_sources = NTSYNC_AGG_MAX), 0, 0,
		   0);
	assert_agg(f, AGG_ARGS(.sources = (uintptr_t)sources, .nb_sources = 1), 0, 0, 0);
	assert_sem(sem, 0, 2);
}

static void flags_and_pads(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);

	need_aggregate(f);
	for (uint32_t flag = 2; flag < NTSYNC_AGG_FLAG_BOOTTIME; flag <<= 1) {
		assert_agg_refused(f, -EINVAL, SOURCES(OBJ(sem)), .flags = flag);
		assert_agg_refused(f, -EINVAL, SOURCES(OBJ(sem)),
				   .flags = NTSYNC_AGG_FLAG_BOOTTIME | flag);
	}
	assert_agg_refused(f, -EINVAL, SOURCES(OBJ(sem)), .flags = ~0u);
	assert_agg_refused(f, -EINVAL, SOURCES(OBJ(sem)),
			   .flags = NTSYNC_AGG_FLAG_REALTIME | NTSYNC_AGG_FLAG_BOOTTIME);
	for (uint32_t bit = 1; bit; bit <<= 1)
		assert_agg_refused(f, -EINVAL, SOURCES(OBJ(sem)), .__pad = bit);
	/* Checked before the array is read. */
	assert_agg_refused(f, -EINVAL, .nb_sources = 1, .sources = (uintptr_t)unmapped(f),
			   .flags = 2);
	assert_agg_refused(f, -EINVAL, .nb_sources = 1, .sources = (uintptr_t)unmapped(f),
			   .__pad = 1);
	assert_sem(sem, 1, 1);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem)), .flags = NTSYNC_AGG_FLAG_REALTIME), 0, 0, 0);
	release(sem, 1, 0);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem)), .flags = NTSYNC_AGG_FLAG_BOOTTIME), 0, 0, 0);
}

/* A valid source before and after the wrong one makes no difference. */
static void assert_source_refused(struct fixture *f, source_t wrong, int ret)
{
	int sem = new_sem(f, 1, 1);

	assert_agg_refused(f, ret, SOURCES(wrong));
	assert_agg_refused(f, ret, SOURCES(OBJ(sem), wrong));
	assert_agg_refused(f, ret, SOURCES(wrong, OBJ(sem)));
	assert_agg_refused(f, ret, SOURCES(OBJ(sem), FILE_IN(new_eventfd(f, 1)), wrong));
	assert_sem(sem, 1, 1);
	close_fd(f, sem);
}

static void unknown_type(void **state)
{
	static const uint32_t types[] = { 0, 3, 4, 0x101, 0x80000001u, ~0u };
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		assert_source_refused(f, (source_t){ .type = types[i], .fd = sem }, -EINVAL);
}

static void source_pad(void **state)
{
	struct fixture *f = *state;
	source_t object = OBJ(new_sem(f, 1, 1)), file = FILE_IN(new_eventfd(f, 1));

	need_aggregate(f);
	for (uint32_t bit = 1; bit; bit <<= 1) {
		object.__pad = file.__pad = bit;
		assert_agg_refused(f, -EINVAL, SOURCES(object));
		assert_agg_refused(f, -EINVAL, SOURCES(file));
	}
	assert_source_refused(f, object, -EINVAL);
}

static void object_with_events(void **state)
{
	struct fixture *f = *state;
	source_t object = OBJ(new_sem(f, 1, 1));

	need_aggregate(f);
	for (uint32_t bit = 1; bit; bit <<= 1) {
		object.events = bit;
		assert_agg_refused(f, -EINVAL, SOURCES(object));
	}
	assert_source_refused(f, object, -EINVAL);
	/* Checked before the descriptor is. */
	assert_source_refused(f, (source_t){ .type = NTSYNC_AGG_OBJECT, .events = 1, .fd = -1 },
			      -EINVAL);
}

static void bad_objects(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);
	int foreign = nt(other, NTSYNC_IOC_CREATE_SEM, &(struct ntsync_sem_args){ 1, 1 });
	int path = own_fd(f, open("/dev/null", O_PATH | O_CLOEXEC));
	int closed = new_sem(f, 1, 1);

	own_fd(f, foreign);
	need_aggregate(f);
	close_fd(f, closed);
	assert_agg_refused(f, -EBADF, SOURCES(OBJ(closed)));
	assert_source_refused(f, OBJ(-1), -EBADF);
	assert_source_refused(f, OBJ(INT32_MAX), -EBADF);
	assert_source_refused(f, OBJ(foreign), -EBADF);
	assert_source_refused(f, OBJ(f->dev), -EBADF);
	assert_source_refused(f, OBJ(new_eventfd(f, 1)), -EBADF);
	assert_source_refused(f, OBJ(path), -EBADF);
	assert_sem(foreign, 1, 1);
}

static void foreign_channel(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);
	struct ntsync_channel_create_args args = { .max_depth = 1 };

	need_aggregate(f);
	assert_source_refused(f, OBJ(own_fd(f, nt(other, NTSYNC_IOC_CREATE_CHANNEL, &args))),
			      -EBADF);
}

static void bad_descriptors(void **state)
{
	struct fixture *f = *state;
	int path = own_fd(f, open("/dev/null", O_PATH | O_CLOEXEC)), closed = new_eventfd(f, 1);

	need_aggregate(f);
	close_fd(f, closed);
	assert_agg_refused(f, -EBADF, SOURCES(FILE_IN(closed)));
	assert_source_refused(f, FILE_IN(-1), -EBADF);
	assert_source_refused(f, FILE_IN(INT32_MAX), -EBADF);
	assert_source_refused(f, FILE_IN(path), -EBADF);
}

/* They would be always ready, or never, and a wait for them would sleep without an error. */
static void what_cannot_be_polled(void **state)
{
	struct fixture *f = *state;
	int directory = own_fd(f, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int memory = own_fd(f, memfd_create("test", MFD_CLOEXEC));

	need_aggregate(f);
	assert_source_refused(f, FILE_IN(new_regular_file(f)), -EPERM);
	assert_source_refused(f, FILE_FOR(new_regular_file(f), 0), -EPERM);
	assert_source_refused(f, FILE_IN(directory), -EPERM);
	assert_source_refused(f, FILE_IN(memory), -EPERM);
	assert_source_refused(f, FILE_IN(f->dev), -EPERM);
}

/* The first wrong source decides the error, and so does a fault at the place where it happens. */
static void one_source_after_the_other(void **state)
{
	struct fixture *f = *state;
	int file = new_regular_file(f), mutex = new_mutex(f, 0, 0);
	const source_t unknown = { .type = 3 };
	const source_t last = FILE_IN(file);

	need_aggregate(f);
	assert_agg_refused(f, -EBADF, SOURCES(OBJ(-1), unknown, FILE_IN(file)));
	assert_agg_refused(f, -EINVAL, SOURCES(unknown, OBJ(-1), FILE_IN(file)));
	assert_agg_refused(f, -EPERM, SOURCES(FILE_IN(file), OBJ(-1), unknown));
	/* The array ends in an unmapped page. */
	assert_agg_refused(f, -EPERM, .nb_sources = 2,
			   .sources = (uintptr_t)at_page_end(f, &last, sizeof(last)));
	assert_agg_refused(f, -EFAULT, .nb_sources = 1,
			   .sources = (uintptr_t)past_page_end(f, &last, sizeof(last)));
	/* The owner is checked last. */
	assert_agg_refused(f, -EBADF, SOURCES(OBJ(mutex), OBJ(-1)));
	assert_agg_refused(f, -EINVAL, SOURCES(OBJ(mutex), FILE_IN(new_eventfd(f, 1))));
}

static void array_faults(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2);
	const source_t sources[] = { OBJ(sem), OBJ(sem) };

	need_aggregate(f);
	assert_agg_refused(f, -EFAULT, .nb_sources = 2);
	assert_agg_refused(f, -EFAULT, .nb_sources = 2, .sources = UINT64_MAX);
	assert_agg_refused(f, -EFAULT, .nb_sources = 2,
			   .sources = 1ull << 63 | (uintptr_t)sources);
	assert_agg_refused(f, -EFAULT, .nb_sources = 2,
			   .sources = (uintptr_t)past_page_end(f, sources, sizeof(sources)));
	assert_sem(sem, 2, 2);
	assert_agg(f, AGG_ARGS(.nb_sources = 2, .sources =
			       (uintptr_t)at_page_end(f, sources, sizeof(sources))), 0, 0, 0);
}

static void array_may_be_unaligned(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);
	const source_t source = OBJ(sem);
	char bytes[sizeof(source) + 3];

	need_aggregate(f);
	memcpy(bytes + 3, &source, sizeof(source));
	assert_agg(f, AGG_ARGS(.nb_sources = 1, .sources = (uintptr_t)(bytes + 3)), 0, 0, 0);
}

/* Bits that poll(2) does not have. */
static void events_above_16_bits(void **state)
{
	struct fixture *f = *state;
	int fd = new_eventfd(f, 1);

	need_aggregate(f);
	assert_agg_ready(f, 0, POLLIN, FILE_FOR(fd, 0xffff0000u | POLLIN));
	assert_agg_nothing(f, FILE_FOR(fd, 0xffff0000u));
}

static void owner_zero(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 1, 1), event = new_manual(f, true);

	need_aggregate(f);
	assert_agg_refused(f, -EINVAL, SOURCES(OBJ(mutex)));
	assert_agg_refused(f, -EINVAL, SOURCES(OBJ(sem), OBJ(mutex)));
	assert_agg_refused(f, -EINVAL, SOURCES(OBJ(mutex), OBJ(mutex)), .timeout = FOREVER);
	assert_sem(sem, 1, 1);
	assert_mutex(mutex, 0, 0);
	assert_agg_ready(f, 0, 0, OBJ(sem));
	assert_agg_ready(f, 1, 0, OBJ(sem), OBJ(event));
	assert_agg_ready(f, 0, POLLIN, FILE_IN(new_eventfd(f, 1)));
	/* The wait polls it and does not acquire it. */
	assert_agg_ready(f, 0, POLLIN, FILE_IN(mutex));
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(mutex)), .owner = OWNER), 0, 0, 0);
	assert_mutex(mutex, OWNER, 1);
}

static void owner_zero_and_a_channel(void **state)
{
	struct fixture *f = *state;

	assert_agg_nothing(f, OBJ(new_channel(f, 1)));
}

/* If the result can't be written, the acquisition stands: on entry, and of a sleeper. */
static void acquisition_stands_when_the_result_faults(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);
	const source_t sources[] = { OBJ(sem) };
	const agg_t args = AGG_ARGS(.nb_sources = 1, .sources = (uintptr_t)sources,
				    .timeout = FOREVER);
	const agg_timespec_t ts = agg_as_timespec(&args);
	void *arg = read_only(f, agg_is_timespec() ? (const void *)&ts : &args, size_of_arg());
	struct call *late;

	need_aggregate(f);
	assert_ret(call_raw(f, arg), -EFAULT);
	assert_sem(sem, 0, 1);
	late = call_at(f, f->dev, agg_request(), arg, NULL);
	assert_call_asleep(late);
	release(sem, 1, 0);
	assert_call(late, -EFAULT);
	assert_sem(sem, 0, 1);
}

static void timeout_is_written(void **state)
{
	struct fixture *f = *state;
	const source_t sources[] = { OBJ(new_sem(f, 0, 1)) };
	const agg_t args = AGG_ARGS(.nb_sources = 1, .sources = (uintptr_t)sources);
	const agg_timespec_t ts = agg_as_timespec(&args);
	const void *init = agg_is_timespec() ? (const void *)&ts : &args;

	need_aggregate(f);
	assert_ret(call_raw(f, read_only(f, init, size_of_arg())), -EFAULT);
	assert_agg(f, args, -ETIMEDOUT, NTSYNC_AGG_TIMEOUT, 0);
}

static void no_timespec(void **state)
{
	static const struct __kernel_timespec wrong[] = {
		{ 0, -1 }, { 0, NS_PER_SEC }, { 1, INT64_MAX }, { -1, -1 }, { 1, INT64_MIN },
	};
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);
	const source_t source = OBJ(sem);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		agg_timespec_t ts = { .nb_sources = 1, .sources = (uintptr_t)&source,
				      .deadline = wrong[i] };

		assert_ret(call_raw(f, &ts), -EINVAL);
	}
	assert_sem(sem, 1, 1);
}

/* The ioctl is one of the device; under its number, other sizes are unknown. */
static void wrong_descriptor_or_size(void **state)
{
	static const unsigned int sizes[] = { 0, 36, 44, 56, 64 };
	struct fixture *f = *state;
	uint64_t arg[8] = { 0 };

	need_aggregate(f);
	assert_ret(nt(new_sem(f, 0, 1), agg_request(), arg), -ENOTTY);
	assert_ret(nt(new_channel(f, 1), agg_request(), arg), -ENOTTY);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_ret(nt(f->dev, _IOC(_IOC_READ | _IOC_WRITE, 'N', 0x97, sizes[i]), arg),
			   -ENOTTY);
	assert_ret(nt(f->dev, _IOC(_IOC_WRITE, 'N', 0x97, size_of_arg()), arg), -ENOTTY);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(is_there_if_features_say_so),
		AGG_TEST(args_fault),
		AGG_TEST(number_of_sources),
		AGG_TEST(flags_and_pads),
		AGG_TEST(unknown_type),
		AGG_TEST(source_pad),
		AGG_TEST(object_with_events),
		AGG_TEST(bad_objects),
		AGG_TEST(foreign_channel),
		AGG_TEST(bad_descriptors),
		AGG_TEST(what_cannot_be_polled),
		AGG_TEST(one_source_after_the_other),
		AGG_TEST(array_faults),
		AGG_TEST(array_may_be_unaligned),
		AGG_TEST(events_above_16_bits),
		AGG_TEST(owner_zero),
		AGG_TEST(owner_zero_and_a_channel),
		AGG_TEST(acquisition_stands_when_the_result_faults),
		AGG_TEST(timeout_is_written),
		AGG_TEST_TIMESPEC(no_timespec),
		AGG_TEST(wrong_descriptor_or_size),
	};

	return RUN(tests);
}
