/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cycle of owners, and what is inherited in it when waiters come and leave.
 *
 *	Q1 ──► M0, owned by A ──► M1, owned by B ──► M0		(a cycle)
 *	Q2 ──► M1           A ──► M2, owned by C		(A waits for any of two)
 *
 * search for cycles
 *
 * A, B and C have own prio 0; Q1 has 2, Q2 has 1. They come, sleep, and may leave, while A leaves
 * its wait, or M1 is handed over to its first waiter. When all calls have returned, each task runs
 * with the highest priority of the waiters that reach it, and no call goes on for ever (no cycle in
 * the state space). The owner of a mutex is boosted all the time that a waiter sleeps.
 *
 * An entry has the priority that its task passes on, and the number of hops from the task whose own
 * priority that is. A contribution is the highest entry by priority, then by the fewest hops, and
 * one hop more. An entry whose hops have reached LIMIT has no effect.
 *
 * mutant FIRST_ARRIVAL: non-progress cycle
 *	The hops of the first entry of the highest priority, not the fewest. A priority that goes round hides its source.
 * mutant LIVE_LEVEL: non-progress cycle
 *	A task passes on what it runs with, not what it should. Two calls carry round what each has not lowered yet.
 * mutant NO_LIMIT: assertion violated
 *	Any number of hops has an effect (it stops at 254 here): a priority goes round for ever.
 * mutant NO_HOPS: assertion violated
 *	Priorities only. A priority without a source is still inherited round the cycle.
 * mutant LEVEL_ONLY: assertion violated
 *	Nothing is passed on if the priority is unchanged: hops keep their old values.
 * mutant LIMIT_DROPS_ALL: assertion violated
 *	At LIMIT the mutex contributes nothing, instead of the priority of its other waiters.
 */
#define A		0
#define B		1
#define C		2
#define NOBODY		3
#define Q1		2	/* as a waiter */
#define Q2		3
#define BEHIND		4	/* entries of a mutex, in the order of arrival: A, B, Q1, Q2 */
#ifndef LIMIT
#define LIMIT		3	/* Q2 to B to A to C: A's entry has two */
#endif

byte prio[3], given[3];
byte owner[3];			/* of M0, M1, M2 */
byte contrib[3], contrib_hops[3];
byte entry[12];			/* prio by mutex * BEHIND + waiter, 0: not queued, or without effect */
byte hops[4];			/* of the wait of A and B; Q1 and Q2 have 0 */
bool a_waits_m1, a_waits_m2;
bool locked[3];
bool q1_asleep, q2_asleep;
bool handing_over;		/* a task runs with the priority that it causes, see changer.pml */

inline check()
{
	assert(!q1_asleep || prio[A] >= 2);
	assert(!q2_asleep || owner[1] != B || prio[B] >= 1);
	assert(!q2_asleep || owner[1] != A || handing_over || prio[A] >= 1)
}

/* Under M's lock: what it contributes. */
inline recompute(m)
{
	level = 0;
	fewest = 0;
	i = 0;
	do
	:: i < BEHIND ->
		if
		:: entry[m * BEHIND + i] > level ->
			level = entry[m * BEHIND + i];
			fewest = hops[i]
#ifndef FIRST_ARRIVAL
		:: entry[m * BEHIND + i] == level && level && hops[i] < fewest -> fewest = hops[i]
#endif
		:: else
		fi;
		i++
	:: else -> break
	od;
#ifdef LIMIT_DROPS_ALL
	if
	:: level && fewest >= LIMIT -> level = 0
	:: else
	fi;
#endif
	if
	:: level && fewest < 254 -> fewest++
	:: !level -> fewest = 0
	:: else
	fi;
	changed = (level != contrib[m] || fewest != contrib_hops[m]);
#ifdef LEVEL_ONLY
	changed = (level != contrib[m]);
#endif
#ifdef NO_HOPS
	fewest = 0;
	changed = (level != contrib[m]);
#endif
	contrib[m] = level;
	contrib_hops[m] = fewest;
	if
	:: changed && owner[m] != NOBODY -> todo = todo | (1 << owner[m])
	:: else
	fi
}

/* Under the record's lock: what it should have, and over how many hops. */
inline best_of(r)
{
	want = 0;
	want_hops = 0;
	i = 0;
	do
	:: i < 3 ->
		if
		:: owner[i] == r && (contrib[i] > want || (contrib[i] == want && want && contrib_hops[i] < want_hops)) ->
			want = contrib[i];
			want_hops = contrib_hops[i]
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline apply(r)
{
	atomic { !locked[r] -> locked[r] = true }
	do
	:: d_step {
		best_of(r);
		done = (want == given[r]);
		given[r] = want
	   }
	   if
	   :: done -> break
	   :: else
	   fi;
	   d_step { prio[r] = want; check() }
	od;
	atomic { locked[r] = false; done = false; want = 0; want_hops = 0; i = 0 }
}

/* Under M's lock and the record's: r's entry in M, if it is queued there. */
inline visit(r, m, queued)
{
	d_step {
		if
		:: queued ->
			best_of(r);
			hops[r] = want_hops;
#ifdef LIVE_LEVEL
			entry[m * BEHIND + r] = prio[r];
#else
			entry[m * BEHIND + r] = want;
#endif
#if !defined(LIMIT_DROPS_ALL) && !defined(NO_LIMIT)
			if
			:: want_hops >= LIMIT -> entry[m * BEHIND + r] = 0
			:: else
			fi;
#endif
			recompute(m)
		:: else
		fi;
		want = 0; want_hops = 0; i = 0; level = 0; fewest = 0; changed = false
	}
}

inline walk()
{
	do
	:: todo & 1 ->
		todo = todo & 6;
		apply(A);
		visit(A, 1, a_waits_m1);
		visit(A, 2, a_waits_m2)
	:: todo & 2 ->
		todo = todo & 5;
		apply(B);
		visit(B, 0, true)
	:: todo & 4 ->
		todo = todo & 3;
		apply(C)
	:: !todo -> break
	od
}

#define LOCALS		byte todo, want, want_hops, level, fewest, i; bool changed, done

proctype waiter(byte who; byte m; byte own; bool leaves)
{
	LOCALS;

	d_step {
		entry[m * BEHIND + who] = own;
		recompute(m);
		todo = todo | (owner[m] == NOBODY -> 0 : 1 << owner[m]);
		level = 0; fewest = 0; i = 0; changed = false
	}
	walk();
	atomic {
		if
		:: who == Q1 -> q1_asleep = true
		:: else -> q2_asleep = (entry[m * BEHIND + who] != 0)
		fi;
		check()
	}
	if
	:: true
	:: leaves ->
	   d_step {
		if
		:: who == Q1 -> q1_asleep = false
		:: else -> q2_asleep = false
		fi;
		entry[m * BEHIND + who] = 0;
		recompute(m);
		level = 0; fewest = 0; i = 0; changed = false
	   }
	   walk()
	fi
}

proctype other()
{
	LOCALS;

	if
	:: true
	:: /* A gives up. */
	   d_step {
		a_waits_m1 = false;
		entry[1 * BEHIND + A] = 0;
		recompute(1);
		level = 0; fewest = 0; i = 0; changed = false
	   }
	   d_step {
		a_waits_m2 = false;
		entry[2 * BEHIND + A] = 0;
		recompute(2);
		level = 0; fewest = 0; i = 0; changed = false
	   }
	   walk()
	:: /* M1 goes to its first waiter: A, or Q2 if it is higher. */
	   d_step {
		handing_over = true;
		todo = 2;
		if
		:: entry[1 * BEHIND + Q2] > entry[1 * BEHIND + A] ->
			owner[1] = NOBODY;
			entry[1 * BEHIND + Q2] = 0;
			q2_asleep = false
		:: else ->
			owner[1] = A;
			a_waits_m1 = false;
			entry[1 * BEHIND + A] = 0;
			todo = todo | 1
		fi;
		recompute(1);
		level = 0; fewest = 0; i = 0; changed = false
	   }
	   d_step {
		if
		:: owner[1] == A ->
			a_waits_m2 = false;
			entry[2 * BEHIND + A] = 0;
			recompute(2);
			level = 0; fewest = 0; i = 0; changed = false
		:: else
		fi
	   }
	   walk();
	   atomic { handing_over = false; check() }
	fi
}

/* The right priorities: from the waiters along the owners, as often as there are tasks. */
inline compare()
{
	do
	:: rounds < 3 ->
		byte m = 0;
		do
		:: m < 3 ->
			if
			:: owner[m] != NOBODY ->
				if
				:: m == 0 && entry[Q1] > should[owner[m]] -> should[owner[m]] = entry[Q1]
				:: else
				fi;
				if
				:: m == 0 && should[B] > should[owner[m]] -> should[owner[m]] = should[B]
				:: else
				fi;
				if
				:: m == 1 && entry[BEHIND + Q2] > should[owner[m]] -> should[owner[m]] = entry[BEHIND + Q2]
				:: else
				fi;
				if
				:: m == 1 && a_waits_m1 && should[A] > should[owner[m]] -> should[owner[m]] = should[A]
				:: else
				fi;
				if
				:: m == 2 && a_waits_m2 && should[A] > should[owner[m]] -> should[owner[m]] = should[A]
				:: else
				fi
			:: else
			fi;
			m++
		:: else -> break
		od;
		rounds++
	:: else -> break
	od;
	assert(prio[A] == should[A] && given[A] == should[A]);
	assert(prio[B] == should[B] && given[B] == should[B]);
	assert(prio[C] == should[C] && given[C] == should[C])
}

init
{
	byte should[3], rounds;

	atomic {
		owner[0] = A;
		owner[1] = B;
		owner[2] = C;
		a_waits_m1 = true;
		a_waits_m2 = true;
#ifdef ALL
		run waiter(Q1, 0, 2, true);
		run waiter(Q2, 1, 1, true);
		run other()
	}
#else
	}
	/* Two at a time. */
	if
	:: atomic { run waiter(Q1, 0, 2, true); run waiter(Q2, 1, 1, true) }
	:: run waiter(Q1, 0, 2, false); q1_asleep -> atomic { run waiter(Q2, 1, 1, true); run other() }
	:: run waiter(Q2, 1, 1, false); q2_asleep -> atomic { run waiter(Q1, 0, 2, true); run other() }
	fi;
#endif
	timeout -> atomic { compare() }
}
