/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for Wine: a server, and clients that call it as Wine's processes do. A process connects to the
 * socket named "socket" in the server's folder, or has a connection from the process that started it. The
 * server sends the write end of the first thread's request pipe, and the client has the kernel say who
 * has sent it. The reply pipes, and the request pipes
 * of other threads, are made by the client, which sends the server one end. A call is a write of a
 * request, whose header has 64 bytes, and a read of the reply.
 */
#ifndef NTSYNC_TESTS_WINE_STANDIN_H
#define NTSYNC_TESTS_WINE_STANDIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STANDIN_DATA 256

enum { HEADER = 64 };

/**
 * struct standin - what the server and the test share
 * @dir: the server's folder
 * @pid: the server, once it listens
 * @gated: the server reads a request, and answers it, only if @may_read and @may_answer are above 0, and
 *	takes 1 from them
 * @read, @answered: how many requests the server has read and answered
 * @before_answer: what the server does for a request; may be NULL
 * @sends_pipe: before it answers, the server sends the write end of a pipe that it reads itself
 * @has_other_name: it is not called wineserver
 * @has_no_sender: clients do not ask the kernel who has sent the first message
 */
struct standin {
	char dir[64];
	atomic_int pid;
	atomic_bool gated;
	atomic_int may_read, may_answer;
	atomic_int read, answered;
	void (*before_answer)(void);
	atomic_bool sends_pipe;
	bool has_other_name;
	bool has_no_sender;
};

/* A thread of a client. */
struct standin_client {
	int socket;
	int request;
	int reply;
};

/* In memory that children share. @dir is made. */
struct standin *standin_create(void);
void standin_remove(struct standin *s);

/* Both return 0 or a line number. The server serves until its last client is gone. */
int standin_serve(struct standin *s);
/* Returns when the server listens. */
pid_t standin_fork_server(struct standin *s);

/* For the first thread of a process; @socket -1: connects. */
int standin_connect(struct standin *s, struct standin_client *c, int socket);
/* For another thread. */
int standin_add_thread(const struct standin_client *first, struct standin_client *c);
/* A connection for a process that is to be started. */
int standin_connection_for_child(const struct standin_client *c);
/* Sends @fd, as @role of the next thread. */
int standin_send(int socket, char role, int fd);
/* What the server sends: a descriptor, or -1. */
int standin_receive(int socket);
void standin_disconnect(struct standin_client *c);

/* Whole calls, with @size bytes of data, which the server sends back. 0 or a line number. */
int standin_call(const struct standin_client *c, size_t size);
int standin_write_request(const struct standin_client *c, size_t size);
int standin_read_reply(const struct standin_client *c, size_t size);

#define STANDIN_CHECK(condition)                                                                   \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

#endif
