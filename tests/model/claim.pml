/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The claim of a wait: who hands an object to a sleeper, and what the sleeper is told of it.
 *
 *	V waits for any of X and Y, and U for Y.  W waits for all of X and Y, or for its alert Z.
 *	One task each releases X, Y and Z, which are semaphores without a count.
 *
 * V and W may have a deadline or get a signal, at any moment. V is before W or behind it, by priority. Each task may be
 * stopped for ever at any step. A raw lock is held over several steps only from a claim to the acquisition; all_lock
 * (core/lock.h) is held as in the code.
 *
 * Each count that was released is in its object in the end, or a call has told its caller of it: none is lost, and none
 * is there twice. Nobody sleeps though what it waits for is signaled. A waker uses no wait that has ended. A wait-all takes
 * both counts at once: nobody else looks at Y while W has X and not yet Y.
 *
 * mutant READ_EARLY: assertion violated
 *	The sleeper reads the claim, and then leaves the queues.
 * mutant SLEEP_LATE: assertion violated
 *	The sleeper looks at the claim before it sets its state.
 * mutant SKIP_LOCK: assertion violated
 *	A sleeper that finds its entry dequeued does not take the lock of that queue.
 * mutant NO_CLAIM: assertion violated
 *	A waker takes the first waiter without a claim.
 * mutant TAKE_ANYWAY: assertion violated
 *	A waker whose claim fails acquires the object all the same.
 * mutant NO_USERS: assertion violated
 *	A release does not look at all_lock_users: it happens between the two looks of a wait-all.
 * mutant USERS_EARLY: assertion violated
 *	all_lock_users is lowered for both objects before they are acquired.
 * mutant NO_SECOND_LOOK: assertion violated
 *	The wait-all's objects are not looked at again after the waiters before it were served.
 * mutant DONE_EARLY: assertion violated
 *	waker_done is set before the objects were acquired.
 * mutant NO_ALL_LOCK: assertion violated
 *	A wait-all that gives up leaves its queues without all_lock.
 * mutant ALERT_FORGOTTEN: assertion violated
 *	A wait-all that finds waker_done set leaves its alert queued.
 */
#define X		0
#define Y		1
#define Z		2
#define ALL		3	/* a claim of the wait-all */
#define UNCLAIMED	4
#define V		0
#define W		1
#define U		2

byte count[3], users[3];	/* under the object's lock; count under all_lock as well if there are users */
bool locked[3];
bool queued[9];			/* in the any-queue of an object: object * 3 + waiter */
bool all_locked;
bool in_all_queue;		/* W, in those of X and Y */
byte claim[3] = UNCLAIMED;
bool asleep[3];			/* the task's state */
bool memory[3];			/* the wait exists */
bool waker_done;		/* of W */
bool has_x_only;		/* W, or a waker that acts for it */
bool v_first, released_z;
byte told[3];			/* of these the callers know that they have them */

#define is_waiter(o, w)		queued[(o) * 3 + (w)]
#define has_waiter(o)		(is_waiter(o, V) || is_waiter(o, W) || is_waiter(o, U))

inline take_all_lock()
{
	atomic { !all_locked -> all_locked = true; all = true }
}

inline drop_all_lock()
{
	atomic {
		if
		:: all -> all_locked = false; all = false
		:: else
		fi
	}
}

#ifdef NO_USERS
#define may_change(o)	(true)
#else
#define may_change(o)	(!users[o] || all)
#endif

/* The unlock, and the wake-ups after it. */
inline unlock_and_wake(o)
{
	atomic { locked[o] = false; w = 0 }
	do
	:: w < 3 && (to_wake & (1 << w)) -> d_step { asleep[w] = false; to_wake = to_wake ^ (1 << w); w++ }
	:: w < 3 && !(to_wake & (1 << w)) -> w++
	:: else -> break
	od;
	w = 0
}

/* Hands o, whose lock is held, to its any-waiters. */
inline serve(o)
{
	do
	:: count[o] && has_waiter(o) ->
		atomic {
			w = (is_waiter(o, V) -> V : (is_waiter(o, W) -> W : U));
			assert(memory[w]);
			is_waiter(o, w) = false;
#ifdef NO_CLAIM
			got = true;
			claim[w] = o
#else
			got = (claim[w] == UNCLAIMED);
			claim[w] = (got -> o : claim[w])
#endif
		}
		atomic {
			if
#ifdef TAKE_ANYWAY
			:: true ->
#else
			:: got ->
#endif
				assert(memory[w]);
				count[o]--;
				to_wake = to_wake | (1 << w)
			:: else
			fi;
			got = false;
			w = 0
		}
	:: else -> break
	od
}

inline take_x_and_y()
{
#ifdef USERS_EARLY
	d_step { users[X]--; users[Y]-- }
#endif
	atomic {
		!locked[X] ->
		assert(count[X]);
		count[X]--;
#ifndef USERS_EARLY
		users[X]--;
#endif
		has_x_only = true
	}
	atomic {
		!locked[Y] ->
		assert(count[Y]);
		count[Y]--;
#ifndef USERS_EARLY
		users[Y]--;
#endif
		has_x_only = false
	}
}

/* Under all_lock: are both signaled? */
inline look_at_both()
{
	signaled = count[X] && count[Y]
}

inline hand_off_all()
{
	assert(memory[W]);
	atomic {
		got = (claim[W] == UNCLAIMED);
		claim[W] = (got -> ALL : claim[W])
	}
	if
	:: got ->
#ifdef DONE_EARLY
		waker_done = true;
#endif
		assert(memory[W]);
		in_all_queue = false;
		take_x_and_y();
		assert(memory[W]);
		waker_done = true;
		asleep[W] = false
	:: else
	fi;
	got = false
}

inline serve_wait_all(o)
{
	d_step { users[o]++; locked[o] = false }
	if
	:: in_all_queue ->
		look_at_both();
		if
		:: signaled && v_first ->
			atomic { !locked[o] -> locked[o] = true }
			serve(o);
			unlock_and_wake(o);
#ifndef NO_SECOND_LOOK
			look_at_both()
#endif
		:: else
		fi;
		if
		:: signaled -> hand_off_all()
		:: else
		fi;
		signaled = false
	:: else
	fi;
	atomic { !locked[o] -> locked[o] = true; users[o]-- }
}

proctype releaser(byte o)
{
	byte w, to_wake;
	bool all, got, signaled;

	do
	:: atomic {
		!locked[o] && may_change(o) ->
		assert(o != Y || !has_x_only);
		count[o]++;
		if
		:: !all && !has_waiter(o) -> goto out
		:: else -> locked[o] = true
		fi;
		break
	   }
	:: atomic { !locked[o] && !may_change(o) -> skip }
	   take_all_lock()
	od;
	if
	:: all -> serve_wait_all(o)
	:: else
	fi;
	serve(o);
	unlock_and_wake(o);
	drop_all_lock();
out:
	skip
}

/* Until the wait is claimed; or, if it has a deadline or gets a signal, at any moment. */
inline sleep()
{
	do
	:: true ->
#ifdef SLEEP_LATE
		if
		:: claim[me] != UNCLAIMED -> break
		:: else
		fi;
		asleep[me] = true;
#else
		asleep[me] = true;
		if
		:: claim[me] != UNCLAIMED -> break
		:: else
		fi;
#endif
		if
		:: !asleep[me]
		:: may_leave -> break
		fi
	od;
	asleep[me] = false
}

/* Acquires o, or queues for it. */
inline enqueue(o)
{
	do
	:: atomic {
		!locked[o] && may_change(o) ->
		assert(o != Y || !has_x_only);
		if
		:: count[o] ->
			over = true;
			if
			:: claim[me] == UNCLAIMED -> claim[me] = o; count[o]--
			:: else
			fi
		:: else -> is_waiter(o, me) = true
		fi;
		break
	   }
	:: atomic { !locked[o] && !may_change(o) -> skip }
	   take_all_lock()
	od
}

inline dequeue(o)
{
#ifdef SKIP_LOCK
	if
	:: !is_waiter(o, me)
	:: else -> atomic { !locked[o] -> is_waiter(o, me) = false }
	fi
#else
	atomic { !locked[o] -> is_waiter(o, me) = false }
#endif
}

inline tell()
{
	atomic {
#ifndef READ_EARLY
		result = claim[me];
#endif
		told[X] = told[X] + (result == ALL || result == X);
		told[Y] = told[Y] + (result == ALL || result == Y);
		told[Z] = told[Z] + (result == Z);
		memory[me] = false;
		assert(!queued[me] && !queued[3 + me] && !queued[6 + me])
	}
}

#ifdef READ_EARLY
#define READ_RESULT	result = claim[me];
#else
#define READ_RESULT
#endif

proctype any(byte me; bool has_x; bool may_leave)
{
	byte result;
	bool all, over;

	memory[me] = true;
	if
	:: has_x -> enqueue(X); drop_all_lock()
	:: else
	fi;
	if
	:: !over -> enqueue(Y); drop_all_lock()
	:: else
	fi;
	if
	:: !over -> sleep()
	:: else
	fi;
	READ_RESULT
	dequeue(Y);
	dequeue(X);
	tell()
}

proctype all_waiter(bool may_leave)
{
	byte me = W, result;
	bool all, over, signaled;

	memory[me] = true;
	take_all_lock();
	atomic { !locked[X] -> users[X]++; signaled = count[X] }
	atomic { !locked[Y] -> users[Y]++; signaled = signaled && count[Y] }
	if
	:: signaled ->
		claim[W] = ALL;
		over = true;
		take_x_and_y();
		drop_all_lock()
	:: else ->
		/* Nobody raises all_lock_users of the alert. */
		atomic {
			!locked[Z] ->
			if
			:: count[Z] -> over = true; claim[W] = Z; count[Z]--
			:: else -> is_waiter(Z, W) = true
			fi
		}
		if
		:: over ->
			atomic { !locked[X] && !locked[Y] -> users[X]--; users[Y]-- }
		:: else -> in_all_queue = true
		fi;
		drop_all_lock()
	fi;
	if
	:: !over ->
		sleep();
		READ_RESULT
#ifdef ALERT_FORGOTTEN
		if
		:: waker_done
		:: else -> dequeue(Z)
		fi;
#else
		dequeue(Z);
#endif
		if
		:: waker_done
		:: else ->
#ifndef NO_ALL_LOCK
			take_all_lock();
#endif
			if
			:: waker_done
			:: else ->
				atomic { !locked[X] && !locked[Y] -> in_all_queue = false; users[X]--; users[Y]-- }
			fi;
			drop_all_lock()
		fi
	:: else READ_RESULT
	fi;
	tell()
}

/* Nobody can make another step. */
inline compare()
{
	assert(count[X] + told[X] == 1);
	assert(count[Y] + told[Y] == 1);
	assert(count[Z] + told[Z] == released_z);
	assert(!all_locked && !locked[X] && !locked[Y] && !locked[Z]);
	assert(!memory[V] || (!count[X] && !count[Y]));
	assert(!memory[U] || !count[Y]);
	assert(!memory[W] || (!(count[X] && count[Y]) && !count[Z]));
	assert(users[X] == memory[W] && users[Y] == memory[W] && in_all_queue == memory[W])
}

init
{
	/* Two waiters at a time. */
	atomic {
		if
		:: v_first = true
		:: true
		fi;
		run releaser(X);
		run releaser(Y);
		if
		:: released_z = true; run releaser(Z); run any(V, false, false); run all_waiter(true)
		:: run any(V, true, true); run all_waiter(false)
		:: run any(V, true, true); run any(U, false, false)
		fi
	}
	timeout -> atomic { compare() }
}
