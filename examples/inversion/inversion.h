/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scene is a handful of threads that contend for twelve mutexes and an event, and
 * each thread plays a little program. It is run with 0 to b for the mutexes, e for
 * the event, c for a channel:
 *
 *	L0	wait for object 0		C0	create mutex 0, owned
 *	Y012	wait for any of them		U0	unlock it
 *	A01e	wait for all of them		P	EVENT_SET_PI, FIFO 80
 *	S01e	aggregate wait, with a file	s	send a request, FIFO 80
 *	r	receive it			R	reply
 *	p q	lock and unlock a PI futex	w	work 1 ms
 *	.	wait for the start		b	burn 1 s
 *	g	give it				, !	wait for a step, let it be taken
 *	< >	the time between them is measured
 *
 * The objects of Y, A and S end with a blank.
 */
#ifndef INVERSION_H
#define INVERSION_H

#include <stdbool.h>
#include <stdint.h>

#define CHAIN 12
#define ROLES (CHAIN + 3)

struct role {
	int prio;
	char program[16];
};

struct scene {
	const char *title;
	struct role role[ROLES];
};

/**
 * struct result - what a scene gave
 * @played: false if the driver lacks what the scene is about
 * @late: the hog had its second first
 * @ms: how long the measured thread waited
 */
struct result {
	bool played, late;
	double ms;
};

/* main.c: prints what failed and ends the process if @ret is an error; returns @ret. */
int must(int ret, const char *what);

/* play.c */
/* FIFO, for the calling thread and those that it creates. */
void set_prio(int prio);
/* Plays @s, with a hog at FIFO 50, on a driver that offers @features. */
struct result play(struct scene *s, uint64_t features);

/* guard.c: what is changed for the time of the run, and put back whatever ends it */
/* Real-time tasks may use all of the CPU; false: that is not ours to say. */
bool guard_throttling(void);
/* Replaces the driver by that of the file @module; puts back what was loaded before. */
void guard_module(const char *module, const char *parameters);
/* Runs @work in a process of its own: its exit status. A signal to end ends both. */
int guard_run(int (*work)(void *arg), void *arg);
/* False: something could not be put back. */
bool guard_end(void);

#endif
