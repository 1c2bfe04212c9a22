// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>

#include <libntsync.h>

#include "dispatcher.h"

/* Two for each request: the delay and the read. */
#define ENTRIES (2 * MAX_CLIENTS)
#define BASE_PRIORITY 10

enum { CHANNEL, URING, SHUTDOWN, SOURCES };

struct work {
	struct server *server;
	struct io_uring ring;
	struct __kernel_timespec delay;
	unsigned int in_flight;
};

int own_priority(void)
{
	struct sched_param param = { 0 };

	sched_getparam(0, &param);
	return param.sched_priority;
}

static void note_step(struct work *w, const char *what, uint32_t request)
{
	struct server *s = w->server;

	if (!s->diary || s->steps == MAX_STEPS)
		return;
	s->diary[s->steps++] = (struct step){ now_ns(), what, request, own_priority() };
}

/* ---- requests ---- */

static void add_delay(struct work *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

	/* ETIME_SUCCESS: the timeout counts as success, so the linked read begins. */
	io_uring_prep_timeout(sqe, &w->delay, 0, IORING_TIMEOUT_ETIME_SUCCESS);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_sqe_set_data(sqe, NULL);
}

/* The ring has room: two places for each client. */
static void begin_read(struct work *w, const struct ntsync_channel_request *request)
{
	struct job *job = (struct job *)(uintptr_t)request->payload;
	struct io_uring_sqe *sqe;

	job->id = request->id;
	job->prio = request->prio;
	if (w->server->delay)
		add_delay(w);
	sqe = io_uring_get_sqe(&w->ring);
	io_uring_prep_read(sqe, w->server->file, job->data, job->length, job->offset);
	/* Otherwise submit would copy from the page cache in this thread. */
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	io_uring_sqe_set_data(sqe, job);
	w->in_flight++;
	note_step(w, "received", request->prio);
}

/* Takes all pending requests, or one. A single system call then begins all the reads. */
static void receive(struct work *w)
{
	struct ntsync_channel_request request;
	int ret;

	do {
		ret = ntsync_channel_try_recv2(w->server->channel, &request);
		if (!ret)
			begin_read(w, &request);
	} while (!ret && w->server->drain);
	if (ret && ret != -EAGAIN)
		must(ret, "receiving");
	must(io_uring_submit(&w->ring), "io_uring_submit");
}

/* ---- completions ---- */

static void finish(struct work *w, struct job *job, int result)
{
	struct server *s = w->server;
	/* Read before the reply: after it the client may reuse the memory. */
	uint32_t prio = job->prio;

	job->result = result;
	must(ntsync_channel_reply(s->channel, job->id), "replying");
	w->in_flight--;
	s->served++;
	note_step(w, "replied", prio);
}

static void complete(struct work *w)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&w->ring, &cqe)) {
		struct job *job = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&w->ring, cqe);
		if (job)
			finish(w, job, result);
	}
}

/* ---- the one place to sleep ---- */

/* Returns the source that is ready. */
static uint32_t wait_for_source(struct work *w, uint32_t count)
{
	const struct server *s = w->server;
	const struct ntsync_aggregate_source sources[] = {
		[CHANNEL] = { .type = NTSYNC_AGG_OBJECT, .fd = s->channel },
		[URING] = { .type = NTSYNC_AGG_FD, .fd = w->ring.ring_fd, .events = POLLIN },
		[SHUTDOWN] = { .type = NTSYNC_AGG_FD, .fd = s->shutdown, .events = POLLIN },
	};
	const struct ntsync_aggregate_opts opts = { .deadline = NTSYNC_WAIT_FOREVER };
	uint32_t index = 0;
	int ret;

	do {
		ret = ntsync_aggregate_wait(s->dev, sources, count, &opts, &index, NULL);
	} while (ret == -EINTR);
	must(ret, "waiting");
	w->server->waits++;
	return index;
}

/*
 * Looks at the ring after each wake-up, whatever the source, which costs no system call: the wait
 * prefers the channel to files, so under load it would never return the ring.
 */
static void serve(struct work *w)
{
	bool more = true;

	while (more || w->in_flight) {
		/* The eventfd stays readable, so it is left out once it has been seen. */
		switch (wait_for_source(w, more ? SOURCES : SHUTDOWN)) {
		case CHANNEL:
			note_step(w, "woken by the channel", 0);
			receive(w);
			break;
		case URING:
			note_step(w, "woken by io_uring", 0);
			break;
		case SHUTDOWN:
			more = false;
			break;
		}
		complete(w);
	}
}

static void *server_main(void *arg)
{
	struct server *s = arg;
	struct work w = {
		.server = s,
		.delay = { s->delay / 1000000000, s->delay % 1000000000 },
	};
	struct sched_param param = { .sched_priority = BASE_PRIORITY };

	s->realtime = !pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	must(io_uring_queue_init(ENTRIES, &w.ring, 0), "io_uring");
	note_step(&w, "ready", 0);
	serve(&w);
	io_uring_queue_exit(&w.ring);
	return NULL;
}

void server_start(struct server *s)
{
	s->channel = must(ntsync_channel_create(s->dev, MAX_CLIENTS), "channel");
	s->shutdown = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	s->waits = 0;
	s->served = 0;
	s->steps = 0;
	must(-pthread_create(&s->thread, NULL, server_main, s), "starting the server");
	pthread_setname_np(s->thread, "server");
}

void server_stop(struct server *s)
{
	must(eventfd_write(s->shutdown, 1), "eventfd");
	pthread_join(s->thread, NULL);
	close(s->channel);
	close(s->shutdown);
}
