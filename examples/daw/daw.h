/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A toy audio engine. Every period, as a sound card would ask for it:
 *
 *   clock ──tick (semaphore)──> audio ──start (event per track)──> workers
 *                                 ^──────done (event per track)───────┘
 *
 * and the project (a mutex) is shared by audio and the user interface.
 */
#ifndef EXAMPLES_DAW_H
#define EXAMPLES_DAW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define MAX_TRACKS 16

/*
 * Durations in nanoseconds. Room is made before the threads start: none of them may
 * allocate memory while the music plays.
 */
struct samples {
	uint64_t *ns;
	size_t count, room;
};

/* Each thread writes its own; the main thread reads them when all have ended. */
struct thread {
	char name[16];
	int priority;		/* 1..99: SCHED_FIFO, 0: an ordinary thread */
	uint32_t owner;		/* by what mutexes know this thread, never 0 */
	unsigned int track;
	struct engine *engine;
	pthread_t id;
	uint64_t wait_begin;	/* ns */
	uint64_t woken, sent, received, locked, missed;
	struct samples latency, mutex_wait;
};

struct engine {
	unsigned int tracks, cycles;
	uint64_t period, begin;	/* ns */

	int dev;		/* the instance of /dev/ntsync */
	int tick;		/* semaphore: cycles that audio has not begun */
	int project;		/* mutex, protects @edits */
	uint64_t edits;
	/* Events, the first two with manual reset: their end is for everybody. */
	int clock_stopped, audio_stopped;
	int start[MAX_TRACKS], done[MAX_TRACKS];

	float output[MAX_TRACKS];	/* what the workers rendered */

	/* When the signal was given, for whoever is woken by it. */
	_Atomic uint64_t *tick_time;
	_Atomic uint64_t start_time[MAX_TRACKS];

	struct thread clock, audio, ui, worker[MAX_TRACKS];
};

/* threads.c */
void *clock_thread(void *arg);
void *audio_thread(void *arg);
void *worker_thread(void *arg);
void *ui_thread(void *arg);
uint64_t now_ns(void);
/* Ends the program if @ret, of something like a wait, is an error. */
int must(int ret, const char *what);

/* report.c */
void samples_init(struct samples *samples, size_t room);
void samples_add(struct samples *samples, uint64_t ns);
void print_table(struct engine *engine);
void print_notes(const struct engine *engine);
/* 0 if everything that was sent has been received, once. */
int check_counts(struct engine *engine);

#endif /* EXAMPLES_DAW_H */
