/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LEND as a source of the arbiter: a contribution from the record of one task to that of another.
 *
 *	Q, X (level 2) ──► M0, owned by A ──lends──► B ──► M1, owned by C
 *				    A ◄──lends── B ◄──lends── K (level 1, all the time)
 *
 * search for cycles
 *
 * A has base 1, B and C 0. A lends, and takes it back or exits. Q and X come at any moment and may leave; B may die. While Q
 * sleeps A has level 2, and as long as A has lent to B, so have B and C, wherever A, X and B are stopped. When all
 * calls have returned each task has exactly the best level that reaches it, although A and B lend to each other; and
 * no call goes on for ever.
 *
 * A walk comes from a record to what its task waits for, and to its loan. The loan of a task is under a lock of its own, which
 * stands where the lock of an object stands: outside the locks of the two records, of which only one is held at a time.
 *
 * mutant ONCE: assertion violated
 *	The level is passed on by LEND alone: a walk does not look at the loan.
 * mutant LIVE_LEVEL: non-progress cycle
 *	A task lends what it runs at, not what it should.
 * mutant NO_HOPS: assertion violated
 *	Levels only. What has left goes on to be lent round the circle.
 * mutant TRUST: assertion violated
 *	A task that is about to sleep passes on what has changed and does not look further down.
 * mutant RESTORE: assertion violated
 *	UNLEND gives the borrower what it had before LEND, instead of the best that is left.
 * mutant EXIT_FORGETS: assertion violated
 *	Nobody sees to the borrower of a task that has exited.
 * mutant UNCOUNTED: assertion violated
 *	A loan does not keep the record of a borrower that dies.
 */
#define A		0
#define B		1
#define C		2
#define NOBODY		3

#define FROM_M0		0	/* contributions, by where they come from */
#define FROM_A		1
#define FROM_B		2
#define FROM_M1		3
#define FROM_K		4
#define SOURCES		5

#define LIMIT		3	/* Q to A to B to C: B's entry has two */

byte prio[3], given[3];
bool locked[3];			/* the apply lock; something is about to be set */
byte contrib[5], contrib_hops[5], to[5];
bool b_waits = true, b_dead;
byte refs_b = 1;		/* of B's record: the task's own, and loans */
byte q_entry, x_entry;		/* levels in M0's queue */
bool q_asleep, a_has_lent, worker_wanted;

#define base(r)		(r == A -> 1 : 0)
#define lacks(r, level)	(r != NOBODY && !(r == B && b_dead) && (prio[r] < level || locked[r]))

inline check()
{
	assert(!q_asleep || prio[A] >= 2);
	assert(!q_asleep || !a_has_lent || b_dead || prio[B] >= 2);
	assert(!q_asleep || !a_has_lent || !b_waits || prio[C] >= 2)
}

/* Under the record's lock: what it should have, and over how many hops. */
inline best_of(r)
{
	want = 0;
	want_hops = 0;
	i = 0;
	do
	:: i < SOURCES ->
		if
		:: to[i] == r && (contrib[i] > want || (contrib[i] == want && want && contrib_hops[i] < want_hops)) ->
			want = contrib[i];
			want_hops = contrib_hops[i]
		:: else
		fi;
		i++
	:: else -> break
	od;
	if
	:: want <= base(r) -> want = base(r); want_hops = 0
	:: else
	fi;
	i = 0
}

inline apply(r)
{
	atomic { !locked[r] -> locked[r] = true }
	d_step { best_of(r); given[r] = want; want = 0; want_hops = 0 }
	d_step { prio[r] = given[r]; check() }
	locked[r] = false
}

/* Under the lock of source s and the record's: r's entry, or r's loan. */
inline look(r, s)
{
	d_step {
		if
		:: to[s] != NOBODY ->
			best_of(r);
#ifdef LIVE_LEVEL
			want = prio[r];
#endif
			if
#ifndef NO_HOPS
			:: want_hops >= LIMIT -> want = 0
#endif
			:: else
			fi;
#ifdef NO_HOPS
			want_hops = 0;
#else
			want_hops = (want -> want_hops + 1 : 0);
#endif
			if
			:: contrib[s] != want || contrib_hops[s] != want_hops ->
				contrib[s] = want;
				contrib_hops[s] = want_hops;
				todo = todo | (1 << to[s])
#ifndef TRUST
			:: contrib[s] == want && contrib_hops[s] == want_hops && verify &&
			   (lacks(to[s], want) || !(seen & (1 << to[s]))) ->
				todo = todo | (1 << to[s])
#endif
			:: else
			fi
		:: else
		fi;
		want = 0;
		want_hops = 0
	}
}

inline walk()
{
	do
	:: todo & 1 ->
		atomic { todo = todo & 6; seen = seen | 1 }
		apply(A);
#ifndef ONCE
		look(A, FROM_A)
#endif
	:: todo & 2 ->
		atomic { todo = todo & 5; seen = seen | 2 }
		apply(B);
		look(B, FROM_B);
		look(B, FROM_M1)
	:: todo & 4 ->
		atomic { todo = todo & 3; seen = seen | 4 }
		apply(C)
	:: !todo -> break
	od
}

#define LOCALS		byte todo, seen, want, want_hops, i; bool verify

/* Under M0's lock. */
inline recompute_m0()
{
	if
	:: contrib[FROM_M0] != (q_entry > x_entry -> q_entry : x_entry) ->
		contrib[FROM_M0] = (q_entry > x_entry -> q_entry : x_entry);
		contrib_hops[FROM_M0] = (contrib[FROM_M0] -> 1 : 0);
		todo = todo | 1
	:: else
	fi
}

proctype waiter_q(bool leaves)
{
	LOCALS;

	d_step {
		verify = true;
		q_entry = 2;
		recompute_m0();
#ifndef TRUST
		todo = todo | 1
#endif
	}
	walk();
	atomic { q_asleep = true; check() }
	if
	:: true
	:: leaves ->
		d_step {
			verify = false;
			q_asleep = false;
			q_entry = 0;
			recompute_m0()
		}
		walk()
	fi
}

/* Somebody else's wait that begins and ends: a walk that may stop anywhere. */
proctype waiter_x()
{
	LOCALS;

	d_step { x_entry = 2; recompute_m0() }
	walk();
	atomic { x_entry = 0; recompute_m0() }
	walk()
}

/* Under the lock of A's loan. */
inline detach()
{
	assert(refs_b);
#ifndef UNCOUNTED
	refs_b--;
#endif
	to[FROM_A] = NOBODY;
	contrib[FROM_A] = 0;
	contrib_hops[FROM_A] = 0
}

proctype lender_a(bool ends)
{
	LOCALS;

#ifdef RESTORE
	byte before = prio[B];
#endif
	d_step {
		verify = true;
		if
		:: !b_dead ->
			to[FROM_A] = B;
#ifndef UNCOUNTED
			refs_b++;
#endif
			best_of(A);
			contrib[FROM_A] = want;
			contrib_hops[FROM_A] = want_hops + 1;
			todo = 3;
			want = 0;
			want_hops = 0
		:: else	/* ESRCH */
		fi
	}
	walk();
	atomic { a_has_lent = (to[FROM_A] == B); verify = false; seen = 0; check() }
	if
	:: true
	:: ends && to[FROM_A] == B ->
		d_step { a_has_lent = false; detach(); todo = 2 }
#ifdef RESTORE
		atomic { todo = 0; given[B] = before; prio[B] = before; check() }
#endif
		walk()
	:: ends && to[FROM_A] == B ->	/* exits, with preemption off */
		d_step {
			a_has_lent = false;
			detach();
#ifndef EXIT_FORGETS
			worker_wanted = true
#endif
		}
	fi
}

proctype worker()
{
	LOCALS;

end:	worker_wanted;
	todo = 2;
	walk()
}

/* Has left its wait and taken back its own loan, and exits. */
proctype death_of_b()
{
	byte want, want_hops, i;

	d_step {
		b_waits = false;
		to[FROM_M1] = NOBODY;
		contrib[FROM_M1] = 0;
		contrib_hops[FROM_M1] = 0;
		to[FROM_B] = NOBODY;
		contrib[FROM_B] = 0;
		contrib_hops[FROM_B] = 0
	}
	apply(A);
	apply(C);
	atomic { b_dead = true; refs_b-- }
}

/* Levels as they should be. */
inline compare()
{
	should = (q_entry || x_entry -> 2 : 1);
	assert(prio[A] == should && given[A] == should);
	should = (to[FROM_A] == B -> should : 1);
	assert(b_dead || (prio[B] == should && given[B] == should));
	should = (b_waits -> should : 0);
	assert(prio[C] == should && given[C] == should)
}

init
{
	byte should;

	atomic {
		to[FROM_M0] = A;
		to[FROM_A] = NOBODY;
		to[FROM_B] = A;
		to[FROM_M1] = C;
		to[FROM_K] = B;
		/* K has lent to B, with all that follows from it done. */
		contrib[FROM_K] = 1;
		contrib_hops[FROM_K] = 1;
		prio[B] = 1;
		given[B] = 1;
		contrib[FROM_B] = 1;
		contrib_hops[FROM_B] = 2;
		contrib[FROM_M1] = 1;
		contrib_hops[FROM_M1] = 2;
		prio[C] = 1;
		given[C] = 1;
		prio[A] = 1;
		given[A] = 1;
		run worker()
	}
	/* Two at a time; -DALL has three. */
	if
#ifdef ALL
	:: atomic { run lender_a(true); run waiter_q(true); run waiter_x() }
	:: atomic { run lender_a(true); run waiter_q(true); run death_of_b() }
#endif
	:: atomic { run lender_a(true); run waiter_q(true) }
	:: run lender_a(false); a_has_lent -> atomic { run waiter_q(true); run waiter_x() }
	:: run waiter_q(false); q_asleep -> atomic { run lender_a(true); run waiter_x() }
	:: run waiter_q(false); q_asleep -> atomic { run lender_a(true); run death_of_b() }
	fi;
	timeout -> atomic { compare() }
}
