/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests between actors, one step at a time: a client sends and sleeps, a server
 * receives and is idle (it has the request, and would be working), then it answers. Or
 * all at once by serve(), with a hog in the way.
 */
#ifndef NTSYNC_TESTS_PI_CHANNEL_H
#define NTSYNC_TESTS_PI_CHANNEL_H

#include "inversion.h"

#define SEND NTSYNC_IOC_CHANNEL_SEND_PI
#define RECV NTSYNC_IOC_CHANNEL_RECV
#define RECV2 NTSYNC_IOC_CHANNEL_RECV2
#define TRY_RECV2 NTSYNC_IOC_CHANNEL_TRY_RECV2

int stage_channel(struct fixture *f);
/* One of another instance. */
int foreign_channel(struct fixture *f, int dev);

/* ---- clients ---- */

/* Begins a request with FIFO @prio, 0 = none; or with that policy. */
void actor_send(struct actor *client, int channel, uint32_t prio);
void actor_send_as(struct actor *client, int channel, uint32_t policy, uint32_t prio);
/* As actor_send(), and the client sleeps in it. */
void actor_sends(struct actor *client, int channel, uint32_t prio);

/* ---- servers ---- */

/* Begins a receive: RECV2, or another; parks: and sleeps in it. */
void actor_receive(struct actor *server, int channel);
void actor_receive_by(struct actor *server, int channel, unsigned long request);
void actor_parks(struct actor *server, int channel);
/* The end of a receive: it must have got @client's request. Or the end has been seen. */
void actor_assert_got(struct actor *server, struct actor *client);
void assert_has_request_of(struct actor *server, struct actor *client);
/* From begin to end. drains: by TRY_RECV2. */
void actor_receives(struct actor *server, int channel, struct actor *client);
void actor_drains(struct actor *server, int channel, struct actor *client);
/* TRY_RECV2 finds nothing. */
void actor_finds_nothing(struct actor *server, int channel);

/* @replier answers @client, who returns. The request may be another's. */
void actor_answers(struct actor *replier, struct actor *client);
/* The same by the test's thread. */
void answer(struct actor *client);

/**
 * struct serving - an order: serve() receives, works and replies
 * @channel: where
 * @count: how many
 * @before: a request that it has already, replied to at first, or NULL
 * @mutex: locked and unlocked for each, 0 = none
 * @event: waited for during each, 0 = none
 */
struct serving {
	int channel;
	unsigned int count;
	const struct actor *before;
	int mutex;
	int event;
};

int serve(struct actor *server, void *serving);

/* For orders: the same from within an actor. */
int send_here(int channel, uint32_t prio);
int receive_here(int channel, struct ntsync_channel_recv2_args *got);
int reply_here(int channel, uint64_t id);

#endif
