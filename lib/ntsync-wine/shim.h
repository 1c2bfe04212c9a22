/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libntsync-wine: a preloaded library that makes real-time threads under Wine lend their priority to
 * Wine's server while they wait for its answer.
 *
 * A call of the server is a write to the thread's request pipe and a read from its reply pipe. The
 * library stands in front of libc's functions for both, and of those by which the pipes come and go.
 * All of it may run in a signal handler and in any thread: no function allocates memory or takes a
 * lock, and none changes what the caller sees, errno included.
 */
#ifndef NTSYNC_WINE_SHIM_H
#define NTSYNC_WINE_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define SHIM_API __attribute__((visibility("default")))

/* calls.c: no header of libc has the first, and old ones lack the others. */
SHIM_API ssize_t __read_chk(int fd, void *buf, size_t size, size_t room);
SHIM_API int close_range(unsigned int first, unsigned int last, int flags);
SHIM_API void closefrom(int first);

/* ---- next.c: the functions that this library stands in front of ---- */

struct next {
	ssize_t (*write)(int fd, const void *buf, size_t size);
	ssize_t (*writev)(int fd, const struct iovec *iov, int count);
	ssize_t (*read)(int fd, void *buf, size_t size);
	ssize_t (*read_chk)(int fd, void *buf, size_t size, size_t room);
	int (*close)(int fd);
	int (*close_range)(unsigned int first, unsigned int last, int flags);
	int (*dup2)(int from, int to);
	int (*dup3)(int from, int to, int flags);
	int (*pipe)(int fds[2]);
	int (*pipe2)(int fds[2], int flags);
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
	ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
};

const struct next *next(void);

/* ---- table.c: what the descriptors of the process are ---- */

enum kind {
	KIND_OTHER,
	KIND_READ_END,	/* of a pipe that this process has made */
	KIND_WRITE_END,
	KIND_NEW_SOCKET,	/* may be a connection to the server, which has sent nothing yet */
	KIND_SOCKET,	/* is one */
	KIND_REQUEST,	/* the server has the other end */
	KIND_REPLY,
};

enum kind table_kind(int fd);
void table_set(int fd, enum kind kind);
/* As table_set(fd, KIND_OTHER), and returns the entry, for table_restore(). */
uint32_t table_forget(int fd);
void table_restore(int fd, uint32_t entry);
void table_forget_range(unsigned int first, unsigned int last);
void table_add_pipe(const int fds[2]);
/* The server has been sent @fd: what is the other end? */
void table_note_sent(int fd);

/* ---- server.c: the connection, and whom to lend to ---- */

/* 0: not known. */
pid_t server_pid(void);
/* A process that another one of Wine has started has its connection from there. */
void server_inherit(void);
void server_note_connect(int fd, const struct sockaddr *addr, socklen_t len);
void server_note_sendmsg(int fd, const struct msghdr *msg);
void server_note_recvmsg(int fd, const struct msghdr *msg);

/* ---- device.c: the library's own descriptor ---- */

/* An instance that has loans, or negative. Opens it if need be. */
int device_get(void);
bool device_is(int fd);
/* The one that is open, or negative. */
int device_fd(void);
/* The number means another file now. */
void device_forget(int fd);
/* There is no driver with loans, as device_get() has found. */
bool device_is_unusable(void);

/* ---- policy.c ---- */

/* Has the calling thread a real-time policy, or had it up to a tenth of a second ago? */
bool policy_is_real_time(void);

/* ---- loan.c: the calling thread's call of the server ---- */

/* Of a request without data this is all. */
#define REQUEST_HEADER_SIZE 64

/* Before a write, whose first part has @first bytes; true if it is a request with a loan. */
bool loan_before_write(int fd, size_t first);
void loan_after_write(ssize_t ret);
/* Before a read; true if the reply to a call with a loan is read. */
bool loan_before_read(int fd);
void loan_after_read(ssize_t ret);

#endif
