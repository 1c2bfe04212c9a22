/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attackers: a process of user nobody with an instance of its own, which does what it may
 * until it is killed.
 */
#ifndef NTSYNC_TESTS_ISOLATION_ATTACK_H
#define NTSYNC_TESTS_ISOLATION_ATTACK_H

#include "../pi/task.h"

/**
 * struct attack - what an attacker does
 * @rtprio:  its RLIMIT_RTPRIO
 * @size:    how many threads, or objects, or whatever makes it worse
 * @prepare: everything is in place when it returns 0
 * @run:     what it does from then on; NULL = nothing, its threads sleep
 */
struct attack {
	unsigned int rtprio;
	int size;
	int (*prepare)(int size);
	void (*run)(int size);
};

/* What makes as many interrupts as any attack, and does not know of ntsync. */
extern const struct attack bystander;

extern const struct attack interrupted_sender;
extern const struct attack contended_mutexes;
extern const struct attack closing_boosts;
extern const struct attack ring;
extern const struct attack sleepers;
extern const struct attack wait_alls;
extern const struct attack noticed_receiver;
extern const struct attack sleeping_crowd;
extern const struct attack standing_boosts;
extern const struct attack signal_storm;
extern const struct attack long_chain;

/* Room for all of them; before the first attack, by root. */
void attack_raise_limits(void);
/* Returns when the attack has been prepared, begun, and been going on for a moment. */
pid_t attack_start(const struct attack *attack);
/* For an attack that is one single blow: its @run waits for that. */
void attack_strike(void);
void attack_end(pid_t attacker);

/* ---- for attacks ---- */

/* A thread with little memory. */
pthread_t attack_thread(void *(*main)(void *arg), void *arg);
/* @n threads that go to sleep in this ioctl, all of them asleep when it returns 0. */
int attack_sleepers(int n, void *(*main)(void *arg), unsigned long request);
void attack_await_strike(void);

/* The sleeper that is about to call says who it is. */
void attack_about_to_sleep(void);

int attack_fifo(int prio);

#endif
