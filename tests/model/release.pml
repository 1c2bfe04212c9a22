/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ADDR_WAKE of many: what a waker that is stopped half-way owes to those that it has not reached.
 *
 * W0 (level 2), W1 (level 2) and W2 (level 1) sleep on a key, and each may time out. A normal task wakes all of them, one in a
 * hold, and may be stopped for ever after each. L comes at any moment.
 *
 * While a waiter that was there when the wake began sleeps, somebody of its level at least has been woken and has not left
 * yet: it wakes the next one when it leaves. In the end nobody that was there sleeps, even if the waker has not
 * gone on. L, if it came later, is not woken.
 *
 * mutant NO_HELP: assertion violated
 *	Only the waker goes on.
 * mutant WAKE_LATER: assertion violated
 *	The wake is promised, and the first waiter woken in a second hold.
 * mutant NO_CUT: assertion violated
 *	What is owed does not end with the arrival at which it was promised.
 * mutant SILENT_TIMEOUT: assertion violated
 *	A waiter that was woken does not help if its time is over as well.
 */
#define L	3
#define N	4

bool queued[N], woken[N];	/* under the lock of the key's bucket */
byte arrival[N], arrivals;
byte owed, last_owed;
bool began, l_was_late;

#define level(i)	(i < 2 -> 2 : (i == 2 -> 1 : 0))
#define was_there(i)	(queued[i] && arrival[i] && arrival[i] <= last_owed)
#define helper(l)	((woken[0] && level(0) >= l) || (woken[1] && level(1) >= l) || (woken[2] && level(2) >= l))

inline check()
{
	assert(!owed || !was_there(0) || helper(level(0)));
	assert(!owed || !was_there(1) || helper(level(1)));
	assert(!owed || !was_there(2) || helper(level(2)))
}

#ifdef NO_CUT
#define is_due(i)	queued[i]
#else
#define is_due(i)	(queued[i] && arrival[i] <= last_owed)
#endif

/* One of those to which a wake-up is owed, in a hold: the best, and of these the first. */
inline wake_one()
{
	best = N;
	i = 0;
	do
	:: i < N ->
		if
		:: is_due(i) && (best == N || level(i) > level(best) ||
				 (level(i) == level(best) && arrival[i] < arrival[best])) -> best = i
		:: else
		fi;
		i++
	:: else -> break
	od;
	if
	:: best == N -> owed = 0
	:: else ->
		assert(best != L || !l_was_late);
		queued[best] = false;
		woken[best] = true;
		owed--
	fi;
	best = 0;
	i = 0
}

proctype waiter(byte me)
{
	byte best, i;
	bool late;

	atomic {
		arrivals++;
		arrival[me] = arrivals;
		queued[me] = true;
		l_was_late = l_was_late || (me == L && began)
	}
	if
	:: woken[me]
	:: late = true
	fi;
	/* Leaves, whatever has ended the sleep. */
	atomic {
		queued[me] = false;
		if
#ifdef NO_HELP
		:: false
#elif defined(SILENT_TIMEOUT)
		:: owed && !late -> wake_one()
#else
		:: owed -> wake_one()
#endif
		:: else
		fi;
		woken[me] = false;
		check()
	}
}

proctype waker()
{
	byte best, i;

	arrivals >= 3;
	atomic {
		owed = (queued[0] -> 1 : 0) + (queued[1] -> 1 : 0) + (queued[2] -> 1 : 0) + (queued[L] -> 1 : 0);
		last_owed = arrivals;
		began = true;
#ifdef WAKE_LATER
		check()
	}
	atomic {
#endif
		if
		:: owed -> wake_one(); check()
		:: else
		fi
	}
	/* Stopped here, or not. */
	if
	:: true
	:: true ->
		do
		:: atomic { owed -> wake_one(); check() }
		:: else -> break
		od
	fi
}

init
{
	atomic {
		run waiter(0);
		run waiter(1);
		run waiter(2);
		run waiter(L);
		run waker()
	}
	timeout -> assert(!was_there(0) && !was_there(1) && !was_there(2))
}
