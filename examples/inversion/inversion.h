/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario is a handful of threads that contend for twelve mutexes, an event and a channel.
 * Each thread runs a little program. In it 0 to b are the mutexes, e is the event, c the channel:
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

struct scenario {
	const char *title;
	struct role role[ROLES];
};

/**
 * struct result - the outcome of a scenario
 * @played: false if the driver lacks a feature that the scenario needs
 * @late: the hog had its second before the measured thread got what it waits for
 * @ms: how long the measured thread waited
 */
struct result {
	bool played, late;
	double ms;
};

/* main.c: prints what failed and ends the process if @ret is an error; returns @ret. */
int must(int ret, const char *what);

/* play.c */
/* Sets FIFO @prio for the calling thread and those that it creates. */
void set_prio(int prio);
/* Runs @s, with a hog at FIFO 50, on a driver that has @features. */
struct result play(struct scenario *s, uint64_t features);

/* guard.c: changes settings, and restores them whatever ends the program */
/* Lets real-time tasks use all of the CPU; false: no right to do so. */
bool guard_throttling(void);
/* Replaces the driver by the file @module. guard_end() loads the old one. */
void guard_module(const char *module, const char *parameters);
/* Runs @work in a child process and returns its exit status. A signal ends both. */
int guard_run(int (*work)(void *arg), void *arg);
/* Restores all settings; false: one could not be restored. */
bool guard_end(void);

#endif
