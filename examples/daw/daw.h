/* SPDX-License-Identifier: 0BSD */
/*
 * A toy audio engine. In every period of a sound card:
 *
 *   clock ──tick (semaphore)──> audio ──start (event per track)──> workers
 *                                 ^──────done (event per track)───────┘
 *
 * The project, protected by a mutex, is shared by audio and the user interface.
 */
#ifndef EXAMPLES_DAW_H
#define EXAMPLES_DAW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define MAX_TRACKS 16

/*
 * Durations in nanoseconds. Allocated before the threads start: none of them may allocate
 * memory while the music plays.
 */
struct samples {
	uint64_t *ns;
	size_t count, room;
};

/* Written by the thread itself, and read by the main thread after it has ended. */
struct thread {
	char name[16];
	int priority;		/* 1..99: SCHED_FIFO, 0: SCHED_OTHER */
	uint32_t owner;		/* owner id for mutexes, never 0 */
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
	/* Events. The first two are manual-reset: they release all threads. */
	int clock_stopped, audio_stopped;
	int start[MAX_TRACKS], done[MAX_TRACKS];

	float output[MAX_TRACKS];	/* what the workers rendered */

	/* When the signal was given, for the thread that is woken by it. */
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
/* Returns @ret; ends the program if it is an error. */
int must(int ret, const char *what);

/* report.c */
void samples_init(struct samples *samples, size_t room);
void samples_add(struct samples *samples, uint64_t ns);
void print_table(struct engine *engine);
void print_notes(const struct engine *engine);
/* 0 if every signal that was sent was received exactly once. */
int check_counts(struct engine *engine);

#endif /* EXAMPLES_DAW_H */
