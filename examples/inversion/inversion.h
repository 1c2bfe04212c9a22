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
 *	g	give it				:	sleep for a while
 *	< >	the time between them is measured
 *
 * The objects of Y, A and S end with a blank.
 */
#ifndef INVERSION_H
#define INVERSION_H

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

/* FIFO, for the calling thread and those that it creates. */
void set_prio(int prio);

/* Plays @s with a hog at FIFO 50, and returns what was measured, in milliseconds. */
double play(struct scene *s);

#endif
