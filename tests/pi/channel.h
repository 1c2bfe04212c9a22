/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests between actors, one step at a time: a client sends and sleeps; a server receives and
 * stays idle, as if it worked on the request; then it replies. serve_requests() does all of it in
 * one job, so that a hog can compete with it.
 */
#ifndef NTSYNC_TESTS_PI_CHANNEL_H
#define NTSYNC_TESTS_PI_CHANNEL_H

#include "inversion.h"

#define SEND NTSYNC_IOC_CHANNEL_SEND_PI
#define RECV NTSYNC_IOC_CHANNEL_RECV
#define RECV2 NTSYNC_IOC_CHANNEL_RECV2
#define TRY_RECV2 NTSYNC_IOC_CHANNEL_TRY_RECV2

int pi_channel(struct fixture *f);
/* A channel of another open of the device. */
int pi_channel_of(struct fixture *f, int dev);

/* ---- clients ---- */

/* A normal task: only its requests have a priority. */
#define actor_client(f, name) actor_new(f, name, NORMAL(0))

/* Starts a request with FIFO @prio, 0 = none; or with that policy. */
void actor_send(struct actor *client, int channel, uint32_t prio);
void actor_send_as(struct actor *client, int channel, uint32_t policy, uint32_t prio);
/* As actor_send(), and the client sleeps in it. */
void actor_sends(struct actor *client, int channel, uint32_t prio);

/* ---- servers ---- */

/* Starts a receive, RECV2 or another. actor_parks(): the server sleeps in it. */
void actor_receive(struct actor *server, int channel);
void actor_receive_by(struct actor *server, int channel, unsigned long request);
void actor_parks(struct actor *server, int channel);
/* The receive ends with @client's request. assert_has_request_of(): it has ended already. */
void actor_assert_got(struct actor *server, struct actor *client);
void assert_has_request_of(struct actor *server, struct actor *client);
/* A whole receive. actor_drains(): by TRY_RECV2. */
void actor_receives(struct actor *server, int channel, struct actor *client);
void actor_drains(struct actor *server, int channel, struct actor *client);
/* TRY_RECV2 finds nothing. */
void actor_finds_nothing(struct actor *server, int channel);

/* @replier answers @client's request, which another server may have received; @client returns. */
void actor_answers(struct actor *replier, struct actor *client);
/* The test's own thread replies. */
void answer(struct actor *client);

/**
 * struct serve_job - what serve_requests() does: receive, work and reply
 * @count: how many requests
 * @before: a request that the server has received already and replies to first, or NULL
 * @mutex: locked and unlocked for each request, 0 = none
 * @event: waited for during each request, 0 = none
 */
struct serve_job {
	int channel;
	unsigned int count;
	const struct actor *before;
	int mutex;
	int event;
};

int serve_requests(struct actor *server, void *job);

/* The same calls, for jobs. */
int send_here(int channel, uint32_t prio);
int receive_here(int channel, struct ntsync_channel_recv2_args *got);
int reply_here(int channel, uint64_t id);

#endif
