// SPDX-License-Identifier: GPL-2.0-only
/* Calls that make, pass, watch and close descriptors. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The slot is empty before the descriptor is closed: it may be another one's at once. */
long run_close(struct call_context *c)
{
	int fd = -1;

	if (c->call->fd < NR_SLOTS)
		fd = atomic_exchange(&shared->fds[c->process][c->call->fd], -1);
	return result_of(close(fd));
}

long run_dup(struct call_context *c)
{
	return store_fd(c, c->call->result, result_of(fcntl(call_fd(c), F_DUPFD_CLOEXEC, 3)));
}

/* A descriptor of another process, without its doing. */
long run_take(struct call_context *c)
{
	uint64_t from = arg(c, "from"), slot = arg(c, "slot");
	pid_t pid = target_pid(from);
	int pidfd, fd;

	if (!pid || slot >= NR_SLOTS)
		return -EINVAL;
	if (c->process == 2 && THREAD_PROCESS(from) == 0)
		return store_fd(c, c->call->result, process_ask_for_fd(slot));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	fd = result_of(syscall(SYS_pidfd_getfd, pidfd,
			       atomic_load(&shared->fds[THREAD_PROCESS(from)][slot]), 0));
	close(pidfd);
	return store_fd(c, c->call->result, fd);
}

long run_eventfd(struct call_context *c)
{
	return store_fd(c, c->call->result,
			result_of(eventfd(arg(c, "value"), EFD_CLOEXEC | EFD_NONBLOCK)));
}

/* The end to write to goes into the next slot. */
long run_pipe(struct call_context *c)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	store_fd(c, c->call->result, ends[0]);
	return store_fd(c, c->call->result < NR_SLOTS - 1 ? c->call->result + 1 : SLOT_NONE, ends[1]);
}

long run_epoll(struct call_context *c)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned int i = 0; fd >= 0 && i < c->call->nr_list; i++) {
		struct epoll_event event = { .events = i & 1 ? EPOLLIN | EPOLLET : EPOLLIN };

		epoll_ctl(fd, EPOLL_CTL_ADD, slot_fd(c, c->call->list[i].slot), &event);
	}
	return store_fd(c, c->call->result, result_of(fd));
}

/* One that can't be polled, one without access, and the device by O_PATH. */
long run_file(struct call_context *c)
{
	switch (arg(c, "which")) {
	case 0:
		return store_fd(c, c->call->result, result_of(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
	case 1:
		return store_fd(c, c->call->result, result_of(open("/dev/null", O_RDWR | O_CLOEXEC)));
	default:
		return store_fd(c, c->call->result, result_of(open("/dev/ntsync", O_PATH | O_CLOEXEC)));
	}
}

long run_poll(struct call_context *c)
{
	struct pollfd fds[MAX_LIST];

	for (unsigned int i = 0; i < c->call->nr_list; i++) {
		fds[i].fd = slot_fd(c, c->call->list[i].slot);
		fds[i].events = arg(c, "events");
	}
	return result_of(poll(fds, c->call->nr_list, arg(c, "us") / 1000 % 1000));
}

long run_read(struct call_context *c)
{
	uint64_t word;

	/* Not of the console, which is what a bad slot may have become. */
	return call_fd(c) > 2 ? result_of(read(call_fd(c), &word, sizeof(word))) : -EBADF;
}

long run_write(struct call_context *c)
{
	uint64_t word = 1;

	return call_fd(c) > 2 ? result_of(write(call_fd(c), &word, sizeof(word))) : -EBADF;
}

long run_seek(struct call_context *c)
{
	return call_fd(c) > 2 ? result_of(lseek(call_fd(c), 0, SEEK_SET)) : -EBADF;
}

long run_mmap(struct call_context *c)
{
	void *memory = mmap(NULL, AREA_SIZE, PROT_READ, MAP_SHARED, call_fd(c), 0);

	if (memory == MAP_FAILED)
		return -errno;
	return result_of(munmap(memory, AREA_SIZE));
}

static long read_whole(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	do
		len = read(fd, text, sizeof(text));
	while (len > 0);
	close(fd);
	return len;
}

long run_fdinfo(struct call_context *c)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", call_fd(c));
	return read_whole(path);
}

long run_debugfs(struct call_context *c)
{
	return read_whole(arg(c, "which") ? "/sys/kernel/debug/ntsync/stats" : "/sys/kernel/debug/ntsync/pi");
}

/* How many descriptors the process may have from now on. */
long run_nofile(struct call_context *c)
{
	struct rlimit limit = { .rlim_cur = arg(c, "most"), .rlim_max = 1024 };

	return result_of(setrlimit(RLIMIT_NOFILE, &limit));
}
