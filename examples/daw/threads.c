// SPDX-License-Identifier: 0BSD
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <libntsync.h>

#include "daw.h"

#define FRAMES 256
#define VOICES 16
#define UI_PAUSE 7000000	/* ns between two edits */
#define UI_EDIT 300000		/* ns that an edit takes */
#define GIVE_UP 10000000000	/* ns after which a signal counts as lost, not late */

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

int must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "daw: %s: %s\n", what, strerror(-ret));
		exit(EXIT_FAILURE);
	}
	return ret;
}

/* Returns the index of the object that ended the wait, or -ETIMEDOUT. */
static int wait_any(struct thread *self, const int *objs, uint32_t count, uint64_t deadline)
{
	struct ntsync_wait_opts opts = { .deadline = deadline, .owner = self->owner };
	uint32_t index;
	int ret = ntsync_wait_any(self->engine->dev, objs, count, &opts, &index);

	return ret ? ret : (int)index;
}

/* The signal comes first in the wait, so the end is seen only when no signal is left. */
static int next_signal(struct thread *self, int signal, int end)
{
	const int objs[] = { signal, end };

	self->wait_begin = now_ns();
	return must(wait_any(self, objs, 2, NTSYNC_WAIT_FOREVER), "waiting for a signal");
}

/* A signal that was given before the wait woke no thread, so it has no latency. */
static void woken(struct thread *self, uint64_t signal_time)
{
	self->woken++;
	if (signal_time >= self->wait_begin)
		samples_add(&self->latency, now_ns() - signal_time);
}

/* A mutex is acquired by a wait. */
static int lock_project(struct thread *self, uint64_t deadline)
{
	uint64_t begin = now_ns();
	int ret = wait_any(self, &self->engine->project, 1, deadline);

	if (ret == -ETIMEDOUT)
		return ret;
	must(ret, "locking the project");
	samples_add(&self->mutex_wait, now_ns() - begin);
	self->locked++;
	self->engine->edits++;
	return 0;
}

static void unlock_project(struct thread *self)
{
	must(ntsync_mutex_unlock(self->engine->project, self->owner, NULL),
	     "unlocking the project");
}

/* Acts as the sound card. A semaphore counts, so no period is lost when audio is late. */
void *clock_thread(void *arg)
{
	struct thread *self = arg;
	struct engine *engine = self->engine;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	const struct itimerspec timer = {
		.it_value = { engine->begin / 1000000000, engine->begin % 1000000000 },
		.it_interval = { engine->period / 1000000000, engine->period % 1000000000 },
	};

	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, NULL))
		must(-errno, "setting the timer");
	while (self->sent < engine->cycles) {
		uint64_t periods, first = self->sent;

		self->wait_begin = now_ns();
		if (read(fd, &periods, sizeof(periods)) != sizeof(periods))
			must(-errno, "reading the timer");
		woken(self, engine->begin + first * engine->period);
		for (; periods && self->sent < engine->cycles; periods--)
			engine->tick_time[self->sent++] = now_ns();
		must(ntsync_sem_release(engine->tick, self->sent - first, NULL), "tick");
	}
	close(fd);
	must(ntsync_event_set(engine->clock_stopped, NULL), "stopping the clock");
	return NULL;
}

static void start_tracks(struct thread *self)
{
	struct engine *engine = self->engine;

	for (unsigned int i = 0; i < engine->tracks; i++) {
		engine->start_time[i] = now_ns();
		must(ntsync_event_set(engine->start[i], NULL), "starting a track");
		self->sent++;
	}
}

static int collect_tracks(struct thread *self, uint64_t deadline)
{
	struct engine *engine = self->engine;
	struct ntsync_wait_opts opts = { .deadline = deadline, .owner = self->owner };
	int ret = ntsync_wait_all(engine->dev, engine->done, engine->tracks, &opts, NULL);

	if (ret == -ETIMEDOUT)
		return ret;
	must(ret, "waiting for the tracks");
	self->received += engine->tracks;
	return 0;
}

/*
 * The work of one period, due by @deadline. Returns 0 if it was done in time; otherwise a sound
 * card would have played silence. Work that was begun is completed anyway, so that all signals
 * that were sent are received.
 */
static int audio_cycle(struct thread *self, uint64_t deadline)
{
	/* Too late already: leaves the time to the next period. */
	if (now_ns() > deadline || lock_project(self, deadline))
		return -ETIMEDOUT;
	unlock_project(self);

	start_tracks(self);
	if (collect_tracks(self, deadline)) {
		must(collect_tracks(self, now_ns() + GIVE_UP), "a track never ended");
		return -ETIMEDOUT;
	}
	return 0;
}

void *audio_thread(void *arg)
{
	struct thread *self = arg;
	struct engine *engine = self->engine;

	while (next_signal(self, engine->tick, engine->clock_stopped) == 0) {
		uint64_t cycle = self->woken;

		/* The modulo: a faulty driver could deliver more ticks than there are cycles. */
		woken(self, engine->tick_time[cycle % engine->cycles]);
		if (audio_cycle(self, engine->begin + (cycle + 1) * engine->period))
			self->missed++;
	}
	must(ntsync_event_set(engine->audio_stopped, NULL), "stopping audio");
	return NULL;
}

/* A few saw-tooth voices through a filter, to keep the processor busy. */
static float render(unsigned int track)
{
	float out = 0;

	for (unsigned int voice = 1; voice <= VOICES; voice++)
		for (unsigned int i = 0; i < FRAMES; i++)
			out += 0.1f * ((i * voice * (track + 1) % 128) / 64.0f - 1 - out);
	return out;
}

void *worker_thread(void *arg)
{
	struct thread *self = arg;
	struct engine *engine = self->engine;
	uint32_t signaled;

	while (next_signal(self, engine->start[self->track], engine->audio_stopped) == 0) {
		woken(self, engine->start_time[self->track]);
		engine->output[self->track] = render(self->track);
		must(ntsync_event_set(engine->done[self->track], &signaled), "ending a track");
		/* A signal that was still set absorbs this one. */
		self->sent += !signaled;
	}
	return NULL;
}

/* Edits the project now and then; audio has to wait meanwhile. */
void *ui_thread(void *arg)
{
	struct thread *self = arg;
	struct engine *engine = self->engine;

	for (;;) {
		uint64_t next = now_ns() + UI_PAUSE;
		int ret = wait_any(self, &engine->audio_stopped, 1, next);

		if (ret != -ETIMEDOUT) {
			must(ret, "waiting for the end");
			return NULL;
		}
		woken(self, next);
		lock_project(self, NTSYNC_WAIT_FOREVER);
		for (uint64_t end = now_ns() + UI_EDIT; now_ns() < end;)
			;
		unlock_project(self);
	}
}
