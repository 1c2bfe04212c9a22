// SPDX-License-Identifier: 0BSD
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

static void note(struct work *w, const char *what, uint32_t request)
{
	struct server *s = w->server;

	if (!s->log || s->steps == MAX_STEPS)
		return;
	s->log[s->steps++] = (struct step){ now_ns(), what, request, own_priority() };
}

/* ---- requests ---- */

static void add_delay(struct work *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

	/* The expiry counts as a success, so the linked read begins after it. */
	io_uring_prep_timeout(sqe, &w->delay, 0, IORING_TIMEOUT_ETIME_SUCCESS);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_sqe_set_data(sqe, NULL);
}

/* The ring has room: a client has one request at a time, and there are two entries for each. */
static void begin(struct work *w, const struct ntsync_channel_request *request)
{
	struct job *job = (struct job *)(uintptr_t)request->payload;
	struct io_uring_sqe *sqe;

	job->id = request->id;
	job->prio = request->prio;
	if (w->server->delay)
		add_delay(w);
	sqe = io_uring_get_sqe(&w->ring);
	io_uring_prep_read(sqe, w->server->file, job->data, job->length, job->offset);
	/* Otherwise the submission would copy data from the page cache in this thread. */
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	io_uring_sqe_set_data(sqe, job);
	w->in_flight++;
	note(w, "received", request->prio);
}

/* Receives one request, or all that are pending. One system call then begins all reads. */
static void receive(struct work *w)
{
	struct ntsync_channel_request request;
	int ret;

	do {
		ret = ntsync_channel_try_recv2(w->server->channel, &request);
		if (!ret)
			begin(w, &request);
	} while (!ret && w->server->drain);
	if (ret && ret != -EAGAIN)
		must(ret, "receiving");
	must(io_uring_submit(&w->ring), "io_uring_submit");
}

/* ---- completions ---- */

static void finish(struct work *w, struct job *job, int result)
{
	struct server *s = w->server;
	/* After the reply, the client may reuse the job. */
	uint32_t prio = job->prio;

	job->result = result;
	must(ntsync_channel_reply(s->channel, job->id), "replying");
	w->in_flight--;
	s->served++;
	note(w, "replied", prio);
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

/* ---- the wait ---- */

/* Returns the source that is ready. */
static uint32_t next(struct work *w, uint32_t count)
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
 * Replies to completed jobs first, as their clients have waited longest. In a wait, the channel
 * comes before the ring, so under load the ring would not be seen: looking at it between two waits
 * takes no system call.
 */
static void serve(struct work *w)
{
	bool more = true;

	while (more || w->in_flight) {
		/* The shutdown event stays readable, so it is waited for only once. */
		switch (next(w, more ? SOURCES : SHUTDOWN)) {
		case CHANNEL:
			note(w, "woken by the channel", 0);
			receive(w);
			break;
		case URING:
			note(w, "woken by io_uring", 0);
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
	note(&w, "ready", 0);
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
