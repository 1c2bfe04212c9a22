/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attackers: processes of another user, each with an instance of its own, that do what they may
 * until they are killed.
 */
#ifndef NTSYNC_TESTS_ISOLATION_ATTACK_H
#define NTSYNC_TESTS_ISOLATION_ATTACK_H

#include "../pi/task.h"

/**
 * struct attack - what an attacker does
 * @rtprio:  its RLIMIT_RTPRIO
 * @size:    the number of threads, objects or calls
 * @prepare: creates everything; 0 when it is in place
 * @run:     what it does after that; NULL = nothing, its threads sleep
 */
struct attack {
	unsigned int rtprio;
	int size;
	int (*prepare)(int size);
	void (*run)(int size);
};

/* Causes as many interrupts as any attack, and does not use ntsync. */
extern const struct attack bystander;

extern const struct attack interrupted_sender;
extern const struct attack contended_mutexes;
extern const struct attack closing_boosts;
extern const struct attack ring;
extern const struct attack sleepers;
extern const struct attack wait_alls;
extern const struct attack notified_receiver;
extern const struct attack exiting_receiver;
extern const struct attack sleeping_crowd;
extern const struct attack standing_boosts;
extern const struct attack signal_storm;
extern const struct attack long_chain;
extern const struct attack many_loans;
extern const struct attack exiting_lenders;
extern const struct attack chain_of_loans;
extern const struct attack many_waiters;

/* So that all threads and descriptors fit; called by root before the first attack. */
void attack_raise_limits(void);
/* Returns when the attack has been prepared and has been running for a moment. */
pid_t attack_start(const struct attack *attack);
/* For an attack that acts only once: its @run waits for this. */
void attack_act_once(void);
void attack_end(pid_t attacker);

/* ---- for attacks ---- */

/* A thread with a small stack. */
pthread_t attack_thread(void *(*main)(void *arg), void *arg);
/* @n threads that sleep in this ioctl; 0 once all of them are asleep. */
int attack_sleepers(int n, void *(*main)(void *arg), unsigned long request);
void attack_await_strike(void);

/* Called by a sleeper right before its ioctl, so that the attacker knows its tid. */
void attack_announce_sleep(void);

int attack_fifo(int prio);

#endif
