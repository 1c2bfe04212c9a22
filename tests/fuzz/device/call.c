// SPDX-License-Identifier: GPL-2.0-only
/* What all calls need: their arguments, memory, faults, and which errors they may have. */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned int arg_index(const struct op *op, const char *name)
{
	for (unsigned int i = 0; i < op_nr_args(op); i++) {
		if (!strcmp(op->args[i].name, name))
			return i;
	}
	/* The table and the functions disagree. */
	abort();
}

uint64_t arg(const struct call_context *c, const char *name)
{
	return c->call->args[arg_index(c->op, name)];
}

uint32_t prio_arg(const struct call_context *c)
{
	uint32_t prio = arg(c, "prio");

	return prio > exec_options.highest_prio && prio <= 99 ? exec_options.highest_prio : prio;
}

int slot_fd(const struct call_context *c, unsigned int slot)
{
	if (slot < NR_SLOTS)
		return atomic_load(&shared->fds[c->process][slot]);
	return slot == SLOT_NONE ? 0 : -1;
}

int call_fd(const struct call_context *c)
{
	return slot_fd(c, c->call->fd);
}

/* What the slot had is not closed, so that a program can lose a descriptor. */
long store_fd(const struct call_context *c, unsigned int slot, long fd)
{
	if (fd < 0)
		return fd;
	if (slot < NR_SLOTS)
		atomic_store(&shared->fds[c->process][slot], fd);
	else
		close(fd);
	return 0;
}

long result_of(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---- memory ---- */

int scratch_init(struct scratch *scratch)
{
	char *pages = mmap(NULL, 2 * AREA_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return -errno;
	scratch->page = mmap(pages, AREA_SIZE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	/* An old size of 0 makes another mapping of the same memory. */
	scratch->readonly = mremap(pages, 0, AREA_SIZE, MREMAP_MAYMOVE);
	if (scratch->readonly == MAP_FAILED)
		return -errno;
	mprotect(scratch->readonly, AREA_SIZE, PROT_READ);
	return 0;
}

void *place(const struct call_context *c, const void *data, size_t size)
{
	struct scratch *scratch = c->scratch;
	size_t half = size / 2;

	memcpy(scratch->page, data, size);
	switch (arg(c, "ptr")) {
	case POINTER_NULL:
		return NULL;
	case POINTER_BAD:
		return (void *)-AREA_SIZE;
	case POINTER_READONLY:
		return scratch->readonly;
	case POINTER_EDGE:
		memcpy(scratch->page + AREA_SIZE - half, data, half);
		return scratch->page + AREA_SIZE - half;
	default:
		return scratch->page;
	}
}

const void *placed(const struct call_context *c)
{
	return c->scratch->page;
}

void *address_of(uint64_t address)
{
	static void **const areas[] = { &private_area, &shared_area, &file_area };

	if (ADDRESS_AREA(address) >= ARRAY_SIZE(areas))
		return (void *)(uintptr_t)(AREA_SIZE - 64);
	return (char *)*areas[ADDRESS_AREA(address)] + ADDRESS_OFFSET(address);
}

/* ---- tasks and time ---- */

#define KTHREADD	2
#define NO_TID		0x7ffffff0u

uint32_t target_tid(const struct call_context *c, uint64_t target)
{
	switch (target) {
	case TARGET_NONE:
		return 0;
	case TARGET_FUZZER:
		return shared->fuzzer;
	case TARGET_KTHREAD:
		return KTHREADD;
	case TARGET_BAD:
		return NO_TID;
	default:
		return THREAD_PROCESS(target) == c->process ? atomic_load(&shared->inner_tid[target]) :
							      atomic_load(&shared->tid[target]);
	}
}

pid_t target_pid(uint64_t target)
{
	return target < NR_THREADS ? atomic_load(&shared->pid[THREAD_PROCESS(target)]) : 0;
}

uint64_t deadline_of(uint64_t timeout, uint32_t flags)
{
	clockid_t clock = flags & NTSYNC_WAIT_REALTIME ? CLOCK_REALTIME :
			  flags & NTSYNC_WAIT_BOOTTIME ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;

	if (timeout == TIMEOUT_NEVER)
		return UINT64_MAX;
	if (timeout == TIMEOUT_OVER)
		return (uint64_t)INT64_MAX + 2;
	return timeout ? now_ns(clock) + timeout * 1000 : 0;
}

/* ---- running it ---- */

static void write_nth(int fd, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* The copy of this text may be what fails; then nothing is armed any more. */
	if (pwrite(fd, text, len, 0) != len && n)
		exec_options.inject = false;
}

static long run_with_fault(struct call_context *c)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	long ret;

	if (fd >= 0)
		write_nth(fd, c->call->fail);
	ret = c->op->run(c);
	if (fd >= 0) {
		write_nth(fd, 0);
		close(fd);
	}
	return ret;
}

/* Faults are for the driver's own calls. */
long call_run(struct call_context *c)
{
	if (c->call->fail && c->op->on && exec_options.inject)
		return run_with_fault(c);
	return c->op->run(c);
}

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "EMFILE", EMFILE }, { "ENFILE", ENFILE }, { "EOVERFLOW", EOVERFLOW }, { "EPERM", EPERM },
	{ "EOWNERDEAD", EOWNERDEAD }, { "ETIMEDOUT", ETIMEDOUT }, { "EINTR", EINTR },
	{ "EPIPE", EPIPE }, { "EAGAIN", EAGAIN }, { "ECONNRESET", ECONNRESET }, { "ENOENT", ENOENT },
	{ "ENOSPC", ENOSPC }, { "ESRCH", ESRCH }, { "EACCES", EACCES },
};

static bool is_listed(const char *list, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i].number == error)
			return strstr(list, errors[i].name);
	}
	return false;
}

bool call_is_wrong(const struct call *call, long ret)
{
	const struct op *op = &ops[call->op];

	if (ret >= 0 || !op->errors)
		return false;
	switch (-ret) {
	case ENOTTY: case EBADF: case EFAULT: case ENOMEM: case EINVAL:
		return false;
	default:
		return !is_listed(op->errors, -ret);
	}
}
