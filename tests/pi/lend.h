/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loans between actors, and calls of a server by pipes: the client lends to the server, writes a
 * request, reads the reply, and ends the loan.
 */
#ifndef NTSYNC_TESTS_PI_LEND_H
#define NTSYNC_TESTS_PI_LEND_H

#include "inversion.h"

#define LATER NTSYNC_LEND_LATER

/* Skips without loans. */
void need_loans(struct fixture *f);

/* Whole calls. */
void actor_lends(struct actor *lender, struct actor *borrower);
void actor_lends_later(struct actor *lender, struct actor *borrower);
int actor_lends_to(struct actor *lender, pid_t tid, uint32_t flags);
void actor_unlends(struct actor *lender);
/* The same call, for jobs. */
int lend_here(int dev, pid_t tid, uint32_t flags);

/**
 * struct pipe_server - a server, and what a call of it is
 * @server: the actor
 * @flags: of the client's LEND
 * @mutex: locked and unlocked by the server for the request, 0 = none
 * @unlocks: unlocked by the client after the call, 0 = none
 */
struct pipe_server {
	struct actor *server;
	uint32_t flags;
	int mutex;
	int unlocks;
	int request[2], reply[2];
};

void pipe_server_init(struct fixture *f, struct pipe_server *s, struct actor *server);
/* The server's job: one request. */
int serve_by_pipe(struct actor *server, void *pipe_server);
/* A client's job: one call. */
int call_by_pipe(struct actor *client, void *pipe_server);
/* The same without a loan. */
int exchange_by_pipe(const struct pipe_server *s);
/* Returns when the client waits for the reply. */
void await_call(struct actor *client);

#endif
