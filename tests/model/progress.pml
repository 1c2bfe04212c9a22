/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A real-time waiter and a chain of owners, while other tasks are stopped half-way.
 *
 *	Q ──► M1, owned by A ──► M2, owned by B		(A begins to wait, and may leave)
 *	X ──► M1					(comes or leaves, prio 1 or 3)
 *
 * Q runs with prio 2. Every other task may be stopped at every step and for ever, as by a hog just
 * below Q: it goes on only if it runs with prio 2 itself, or if a task of prio 2 waits for an apply
 * lock that it holds. While Q sleeps, A runs with prio 2 or higher, and so does B if A sleeps as
 * well. Q reaches its sleep, whichever tasks are stopped.
 *
 * A section under raw locks is one atomic step: it can't be preempted, and all that it accesses is
 * protected by the locks, except one read of a task's priority.
 *
 * mutant LATE_GIVEN: assertion violated
 *	apply() writes what it has set after setting it. A lowering in progress looks completed.
 * mutant NO_DESCENT: assertion violated
 *	Q stops at an owner that has the priority it needs. The task that has set it may be stopped on its way down.
 * mutant GIVEN_ONLY: assertion violated
 *	Q checks what was set, not what the owner has: it may have lowered itself.
 * mutant NO_LOCK: assertion violated
 *	apply() without a lock. What was computed first is set last.
 * mutant NO_LENDING: assertion violated
 *	The apply lock does not boost its holder. Q waits for a task that is stopped.
 */
#define A		0
#define B		1
#define Q_LEVEL		2

byte prio[2], given[2];
bool applying[2];
byte contrib[2];		/* from M1 to A, from M2 to B; the base of both is 0 */

byte q_entry, x_entry, a_entry;	/* levels in the queues, 0 if not queued */
bool a_waits, a_queued, a_asleep, q_asleep, q_waits;

byte holder[2];			/* of the apply lock, pid + 1 */
byte wanted[2];			/* waiters for it that run at level 2 */

#define best_m1		(q_entry > x_entry -> q_entry : x_entry)
#define held_for_rt(r)	(holder[r] == _pid + 1 && wanted[r])

inline check()
{
	assert(!q_asleep || prio[A] >= Q_LEVEL);
	assert(!q_asleep || !a_asleep || prio[B] >= Q_LEVEL);
}

/* Stopped, or not. */
inline pause(running)
{
	if
	:: skip
	:: true -> running || held_for_rt(A) || held_for_rt(B)
	fi
}

inline lock(r, rt)
{
#ifdef NO_LOCK
	skip
#else
	atomic {
		if
		:: !holder[r] -> holder[r] = _pid + 1
		:: else ->
#ifndef NO_LENDING
			wanted[r] = wanted[r] + (rt -> 1 : 0);
			mine = (rt -> 1 : 0);
#endif
			!holder[r] -> holder[r] = _pid + 1;
			wanted[r] = wanted[r] - mine;
			mine = 0
		fi
	}
#endif
}

inline unlock(r)
{
	holder[r] = 0
}

inline apply(r, running)
{
	lock(r, running);
	do
	:: atomic {
		want = contrib[r];
		if
		:: want == given[r] && prio[r] == want -> break
		:: else
		fi;
#ifndef LATE_GIVEN
		given[r] = want;
		applying[r] = true
#endif
	   }
	   pause(running);
	   atomic { prio[r] = want; check() }
	   pause(running);
	   atomic {
		given[r] = want;
		applying[r] = false
	   }
#ifdef LATE_GIVEN
	   break
#endif
	od;
	pause(running);
	unlock(r);
	pause(running)
}

/* A's inherited priority goes on to B: A's entry in M2 under M2's lock. */
inline visit_a()
{
	atomic {
		changed = false;
		if
		:: a_waits && a_queued ->
			a_entry = prio[A];
			changed = contrib[B] != a_entry;
			contrib[B] = a_entry
		:: else
		fi
	}
}

/* The consequences of a change of M1's contribution. */
inline walk_m1(running)
{
	apply(A, running);
	visit_a();
	pause(running);
	if
	:: changed -> apply(B, running)
	:: else
	fi
}

#ifdef GIVEN_ONLY
#define is_short(r, level)	(given[r] < (level) || (applying[r] && given[r] < (level)))
#elif defined(LATE_GIVEN)
#define is_short(r, level)	(given[r] != contrib[r] || given[r] < (level))
#else
#define is_short(r, level)	(prio[r] < (level) || (applying[r] && given[r] < (level)))
#endif

proctype waiter_q()
{
	byte want, mine;
	bool changed, again, needed;

	atomic { q_entry = Q_LEVEL; contrib[A] = best_m1 }
	do
	:: again = false;
	   needed = is_short(A, Q_LEVEL);
	   if
	   :: needed -> apply(A, true); again = true
	   :: else
#ifdef NO_DESCENT
		-> break
#endif
	   fi;
	   visit_a();
	   atomic { needed = (changed || (a_queued && is_short(B, Q_LEVEL))) }
	   if
	   :: needed -> apply(B, true); again = true
	   :: else
	   fi;
	   if
	   :: again
	   :: else -> break
	   fi
	od;
	atomic { q_asleep = true; check() }
}

proctype other_x()
{
	byte want, mine;
	bool changed;

	pause(false);
	if
	:: x_entry -> x_entry = 0
	:: else ->
		if
		:: x_entry = 1
		:: x_entry = 3
		fi
	fi;
	atomic { contrib[A] = best_m1 }
	pause(false);
	walk_m1(false)
}

#define a_runs		(prio[A] >= Q_LEVEL)

proctype owner_a()
{
	byte want, mine;
	bool needed;

	pause(a_runs);
	a_waits = true;
	pause(a_runs);
	atomic { a_entry = prio[A]; a_queued = true; contrib[B] = a_entry }
	do
	:: atomic { needed = is_short(B, a_entry) }
	   pause(a_runs);
	   if
	   :: needed -> apply(B, a_runs)
	   :: else ->
		atomic {
			/* Woken, if its entry was moved meanwhile; that one takes care of B. */
			a_asleep = true;
			check()
		}
		break
	   fi
	od;
	if
	:: true
	:: pause(a_runs);
	   a_asleep = false;
	   pause(a_runs);
	   atomic { a_queued = false; a_entry = 0; contrib[B] = 0 }
	   pause(a_runs);
	   apply(B, a_runs);
	   a_waits = false
	fi
}

init
{
	atomic {
		/* X may have been asleep before, with all consequences completed. */
		if
		:: x_entry = 0
		:: x_entry = 1
		:: x_entry = 3
		fi;
		contrib[A] = x_entry;
		given[A] = x_entry;
		prio[A] = x_entry;
		run other_x();
		run owner_a();
		/* A lowers itself before Q comes. */
		if
		:: prio[A] = 0
		:: true
		fi;
		run waiter_q()
	}
	timeout -> assert(q_asleep)
}
