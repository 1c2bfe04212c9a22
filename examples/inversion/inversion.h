/* SPDX-License-Identifier: 0BSD */
/*
 * In a scenario, a few threads contend for twelve mutexes (0 to b), an event (e), a channel (c),
 * and locks in their own memory. Each thread runs a program, one character a step:
 *
 *	L0	wait for object 0		C0	create mutex 0, owned
 *	Y012	wait for any of them		U0	unlock it
 *	A01e	wait for all of them		u	unlock the mutex that Y acquired
 *	S01e	aggregate wait, with a file	P	EVENT_SET_PI, FIFO 80
 *	s	send a request, FIFO 80		r R	receive it, reply
 *	l	lend to a server and call it	v a	the server reads, answers
 *	p q	lock and unlock a PI futex	w	work 1 ms
 *	E X	enter and leave a		W V	lock and unlock a reader/writer
 *		critical section			lock exclusively
 *	d	enter it and wait for a call	k	call, by a condition variable
 *	.	wait for the start		b	burn 1 s
 *	g	give the start			, !	wait on a semaphore, post it
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
 * struct result - the result of a scenario
 * @supported: the driver has what the scenario needs
 * @late: the hog ran its second before the measured thread went on
 * @ms: how long the measured thread waited
 */
struct result {
	bool supported, late;
	double ms;
};

/* main.c: returns @ret; if it is an error, prints @what and ends the process. */
int must(int ret, const char *what);

/* scenario.c */
/* Sets SCHED_FIFO for the calling thread and those that it creates. */
void set_prio(int prio);
/* Runs @s with a hog at FIFO 50, on a driver with @features. */
struct result run_scenario(struct scenario *s, uint64_t features);

/* guard.c: settings that are changed for the run, and restored however it ends */
/* Lets real-time tasks use all of the CPU. False: the caller may not. */
bool guard_throttling(void);
/* Replaces the driver by the file @module. The one loaded before is restored at the end. */
void guard_module(const char *module, const char *parameters);
/* Runs @work in a child process: its exit status. A signal such as SIGINT ends both. */
int guard_run(int (*work)(void *arg), void *arg);
/* Restores everything. False: something could not be restored. */
bool guard_end(void);

#endif
