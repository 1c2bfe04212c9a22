/* SPDX-License-Identifier: 0BSD */
/*
 * A file server in one thread. Clients send requests through a channel; the server reads
 * from a file through io_uring and replies when the read is done:
 *
 *   clients ──request (channel)──> server ──read (io_uring)──> the kernel
 *      ^──────────reply───────────────┘ <──────completion─────────┘
 *
 * One aggregate wait covers requests, completions and the shutdown. The server never sleeps
 * while a request is pending, and has the highest priority of the requests that it has not
 * replied to.
 */
#ifndef EXAMPLES_DISPATCHER_H
#define EXAMPLES_DISPATCHER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_CLIENTS 64
#define BLOCK 512
#define FILE_SIZE (1u << 20)
#define MAX_STEPS 64

/* A client's job, in memory shared with the server. A request's payload is its address. */
struct job {
	uint64_t offset;
	uint32_t length;
	int32_t result;
	uint64_t id;		/* the request's, for the reply */
	uint32_t prio;
	uint8_t data[BLOCK];
};

/* One line of the server's log. */
struct step {
	uint64_t ns;
	const char *what;
	uint32_t request;	/* priority of the request concerned, 0: none */
	int prio;		/* of the server thread, 0: not real-time */
};

struct server {
	int dev, channel, shutdown, file;
	bool drain;		/* takes all that is pending at once */
	uint64_t delay;		/* ns added to each read, to act like a disk */
	pthread_t thread;
	bool realtime;
	uint64_t waits, served;
	struct step *log;	/* MAX_STEPS, or NULL */
	unsigned int steps;
};

struct client {
	struct server *server;
	pthread_t thread;
	unsigned int number;
	uint32_t prio;
	uint64_t random, until;	/* ns; 0: one request */
	uint64_t answered, wrong;
	struct job job;
};

/* server.c */
void server_start(struct server *server);
/* Returns when the server has replied to all received requests. */
void server_stop(struct server *server);
int own_priority(void);

/* client.c */
void client_start(struct client *client);
void client_join(struct client *client);
/* The byte at @offset of the file. */
uint8_t content(uint64_t offset);

/* main.c */
uint64_t now_ns(void);
/* Ends the program if @ret is an error. */
int must(int ret, const char *what);

#endif /* EXAMPLES_DISPATCHER_H */
