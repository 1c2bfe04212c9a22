/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lock in user space on top of ADDR_WAIT and ADDR_WAKE, and who inherits from its waiters.
 *
 *	word = owner | waiters bit.	A holds it. B, Q (level 2) and R (level 1) want it. R gives up at any moment.
 *
 * A and B have no level of their own, so each of them may be stopped at every step and for ever, as by a hog, unless it
 * inherits one. While a real-time task sleeps, the task that it depends on has its level at least. That is the task that
 * holds the lock; or has released it and is about to wake the best waiter; or has been woken and has not yet looked at
 * the word. In the end everybody has had the lock or has given up, and nobody sleeps.
 *
 * Of a key that has waiters left after a wake, the owner is nobody; or, with TAKE_OVER, the task that was woken. With
 * TAKE_OVER Q has its level from others here, which may take it back at any moment: it has 0 then, wherever it is.
 *
 * The arbiter gives a task what it inherits at once here; that it does so is what the other models are about.
 *
 * mutant NO_REREAD: assertion violated
 *	A task that was woken and finds the lock held again names the owner that it has seen first.
 * mutant ANY_WAKE: assertion violated
 *	A wake takes any waiter, not the best.
 * mutant OLDEST_NAMES: assertion violated
 *	The owner of the key is the one that the first waiter has named, as long as somebody waits.
 * mutant KEEP_OWNER: assertion violated
 *	The owner of the key stays what it was when somebody is woken.
 * mutant NOBODY_OWNS: assertion violated
 *	No TAKE_OVER, and Q loses its level when it has been woken, or has the lock.
 * mutant END_FIRST: assertion violated
 *	The waker loses what it inherits before it has woken anybody.
 * mutant COMPARE_FIRST: assertion violated
 *	The word is compared before the hold in which the waiter is queued and the owner named.
 * mutant WAKE_FIRST: assertion violated
 *	The owner wakes, and then releases.
 * mutant LOSE_BIT: assertion violated
 *	A task that has slept takes the lock without the waiters bit, though others may sleep still.
 * mutant GIVE_UP_SILENTLY: assertion violated
 *	A task that has been woken and gives up does not wake the next one.
 */
#define A	1
#define B	2
#define Q	3
#define R	4
#define NOBODY	0

byte holder = A;		/* the word */
bool contended;

bool queued[5], woken[5];	/* under the lock of the key's bucket */
byte key_owner;
bool take_over;			/* with TAKE_OVER; immutable */

byte own[5];			/* levels that they have without this key */
bool owes[5];			/* has released the lock, and is to wake somebody */
bool acting[5];			/* was woken, and has not slept again, nor got the lock */

#define max(a, b)	((a) > (b) -> (a) : (b))
#define waits_with(i)	(queued[i] -> own[i] : 0)
#define level(i)	max(own[i], (key_owner == i -> max(waits_with(Q), waits_with(R)) : 0))
#define sees_to_it(i)	(holder == i || owes[i] || acting[i])
#define is_seen_to(l)	((sees_to_it(A) && level(A) >= l) || (sees_to_it(B) && level(B) >= l) || \
			 (sees_to_it(Q) && level(Q) >= l) || (sees_to_it(R) && level(R) >= l))
#define somebody_waits	(queued[A] || queued[B] || queued[Q] || queued[R])

inline check()
{
	assert(!queued[Q] || !own[Q] || is_seen_to(own[Q]));
	assert(!queued[R] || is_seen_to(own[R]))
}

/* ADDR_WAKE of one. */
inline wake()
{
#ifdef END_FIRST
	atomic { key_owner = NOBODY; check() }
#endif
	atomic {
		best = NOBODY;
		if
#ifdef ANY_WAKE
		:: queued[Q] -> best = Q
		:: queued[R] -> best = R
		:: queued[B] -> best = B
#else
		:: queued[Q] && own[Q] -> best = Q
		:: queued[R] && !(queued[Q] && own[Q]) -> best = R
		:: queued[Q] && !own[Q] && !queued[R] -> best = Q
		:: queued[B] && !queued[R] && !(queued[Q] && own[Q]) -> best = B
#endif
		:: !somebody_waits
		fi;
		if
		:: best != NOBODY ->
			queued[best] = false;
			woken[best] = true;
			acting[best] = true;
#ifndef KEEP_OWNER
			key_owner = (take_over && somebody_waits -> best : NOBODY)
#endif
		:: else
		fi;
		best = NOBODY;
		owes[me] = false;
		check()
	}
}

inline name(who)
{
#ifdef OLDEST_NAMES
	key_owner = (key_owner == NOBODY -> who : key_owner)
#else
	key_owner = who
#endif
}

inline release()
{
#ifdef WAKE_FIRST
	atomic { owed = contended }
	if
	:: owed -> wake()
	:: else
	fi;
	atomic { holder = NOBODY; contended = false; check() }
#else
	atomic {
		owed = contended;
		owes[me] = contended;
		holder = NOBODY;
		contended = false;
		check()
	}
	if
	:: owed -> wake()
	:: else
	fi
#endif
}

proctype task_a()
{
	byte me = A, best;
	bool owed;

	release()
}

proctype locker(byte me; bool may_give_up)
{
	byte seen, named, best;
	bool slept, owed;

	do
	:: atomic {
		!holder ->
		holder = me;
#ifdef LOSE_BIT
		contended = false;
#else
		contended = slept;
#endif
		acting[me] = false;
		check();
		break
	   }
	:: atomic {
		holder ->
		seen = holder;
		contended = true;
#ifdef NO_REREAD
		named = (named == NOBODY -> seen : named)
#else
		named = seen
#endif
	   }
#ifdef COMPARE_FIRST
	   atomic { owed = (holder == seen && contended) }
#endif
	   atomic {
		if
#ifdef COMPARE_FIRST
		:: owed ->
#else
		:: holder == seen && contended ->
#endif
			queued[me] = true;
			acting[me] = false;
			name(named);
			check()
		:: else	/* EAGAIN */
		fi
	   }
	   if
	   :: atomic { woken[me] -> woken[me] = false; slept = true }
	      if
	      :: true
	      :: may_give_up ->
#ifndef GIVE_UP_SILENTLY
		wake();
#endif
		atomic { acting[me] = false; check() }
		goto out
	      fi
	   :: atomic {
		queued[me] && may_give_up ->
		queued[me] = false;
		key_owner = (somebody_waits -> key_owner : NOBODY);
		check()
	      }
	      goto out
	   :: atomic { !queued[me] && !woken[me] -> skip }	/* it has not slept */
	   fi
	od;
	release();
out:
	skip
}

/* The loan that Q has its level from ends. */
proctype lower_q()
{
	atomic { own[Q] = 0; check() }
}

init
{
	atomic {
		own[Q] = 2;
		own[R] = 1;
		run task_a();
		run locker(B, false);
		run locker(Q, false);
		run locker(R, true);
		if
		:: true
#ifdef NOBODY_OWNS
		:: run lower_q()
#else
		:: take_over = true; run lower_q()
#endif
		fi
	}
	timeout -> assert(!holder && !somebody_waits)
}
