// SPDX-License-Identifier: LGPL-2.1-or-later
/* libc's functions, as programs see them. */
#include <errno.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

/* ---- requests and replies ---- */

SHIM_API ssize_t write(int fd, const void *buf, size_t size)
{
	bool is_call = loan_before_write(fd, size);
	ssize_t ret = next()->write(fd, buf, size);

	if (is_call)
		loan_after_write(ret);
	return ret;
}

/* A header and data. What @iov points to is the kernel's to look at: it may be no memory. */
SHIM_API ssize_t writev(int fd, const struct iovec *iov, int count)
{
	bool is_call = loan_before_write(fd, REQUEST_HEADER_SIZE);
	ssize_t ret = next()->writev(fd, iov, count);

	if (is_call)
		loan_after_write(ret);
	return ret;
}

SHIM_API ssize_t read(int fd, void *buf, size_t size)
{
	bool is_reply = loan_before_read(fd);
	ssize_t ret = next()->read(fd, buf, size);

	if (is_reply)
		loan_after_read(ret);
	return ret;
}

/* read() of a program that was built with _FORTIFY_SOURCE. */
SHIM_API ssize_t __read_chk(int fd, void *buf, size_t size, size_t room)
{
	bool is_reply = loan_before_read(fd);
	ssize_t ret = next()->read_chk(fd, buf, size, room);

	if (is_reply)
		loan_after_read(ret);
	return ret;
}

/* ---- descriptors that go: the library's own one is none that the program knows ---- */

SHIM_API int close(int fd)
{
	if (device_is(fd)) {
		errno = EBADF;
		return -1;
	}
	/* Before: afterwards another thread may have got the number already. */
	table_forget(fd);
	return next()->close(fd);
}

static int close_all_but(unsigned int own, unsigned int first, unsigned int last, int flags)
{
	int ret = 0;

	if (own > first)
		ret = next()->close_range(first, own - 1, flags);
	if (!ret && own < last)
		ret = next()->close_range(own + 1, last, flags);
	return ret;
}

SHIM_API int close_range(unsigned int first, unsigned int last, int flags)
{
	int own = device_fd();

	/* Flags that close nothing, or are refused. */
	if (first > last || (flags & ~(int)CLOSE_RANGE_UNSHARE))
		return next()->close_range(first, last, flags);
	table_forget_range(first, last);
	if (own < 0 || (unsigned int)own < first || (unsigned int)own > last)
		return next()->close_range(first, last, flags);
	return close_all_but((unsigned int)own, first, last, flags);
}

SHIM_API void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, UINT_MAX, 0);
}

static uint32_t before_dup(int from, int to)
{
	if (from == to)
		return 0;
	device_forget(to);
	return table_forget(to);
}

static int after_dup(int to, uint32_t entry, int ret)
{
	if (ret < 0)
		table_restore(to, entry);
	return ret;
}

SHIM_API int dup2(int from, int to)
{
	uint32_t entry = before_dup(from, to);

	return after_dup(to, entry, next()->dup2(from, to));
}

SHIM_API int dup3(int from, int to, int flags)
{
	uint32_t entry = before_dup(from, to);

	return after_dup(to, entry, next()->dup3(from, to, flags));
}

/* ---- descriptors that come ---- */

SHIM_API int pipe(int fds[2])
{
	int ret = next()->pipe(fds);

	if (!ret)
		table_add_pipe(fds);
	return ret;
}

SHIM_API int pipe2(int fds[2], int flags)
{
	int ret = next()->pipe2(fds, flags);

	if (!ret)
		table_add_pipe(fds);
	return ret;
}

SHIM_API int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	int ret = next()->connect(fd, addr.__sockaddr__, len);

	if (!ret)
		server_note_connect(fd, addr.__sockaddr__, len);
	return ret;
}

SHIM_API ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t ret = next()->sendmsg(fd, msg, flags);

	if (ret >= 0)
		server_note_sendmsg(fd, msg);
	return ret;
}

SHIM_API ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t ret = next()->recvmsg(fd, msg, flags);

	if (ret >= 0)
		server_note_recvmsg(fd, msg);
	return ret;
}
