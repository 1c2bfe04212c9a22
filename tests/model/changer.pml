/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change that makes a real-time waiter depend on a task, made by a task of lower priority.
 *
 *	R waits for all of {M, E}, and is normal.		S, normal, sets E: R gets M.
 *	Q (prio 2) and P (prio 3) wait for all of {M, E2}.	P comes at any moment.
 *
 * From the moment when R owns M, Q and P wait for R. The task that makes R the owner may be stopped
 * at any step and for ever, unless it runs with the priority of those that depend on it. So at each
 * moment R has the highest priority of the sleepers that wait for it, or the task that still has to
 * set it has.
 *
 * S checks under the lock, before it changes anything, whether it has that priority. If not it
 * releases the lock, takes the priority as a contribution to its own record, and starts again.
 *
 * mutant LOW_CHANGER: assertion violated
 *	S makes the change with its own priority.
 * mutant ASK_BEFORE: assertion violated
 *	S takes the priority that it has seen, and does not check again under the lock.
 * mutant END_FIRST: assertion violated
 *	S gives up the priority before R has its own.
 */
byte prio_r, prio_s, contrib_r;
bool r_owns, q_asleep, p_asleep, s_in_debt, p_in_debt;
bool q_queued = true, p_queued;
bool locked;

#define waiting		(p_queued -> 3 : (q_queued -> 2 : 0))
#define asleep		(p_asleep -> 3 : (q_asleep -> 2 : 0))

inline check()
{
	assert(!r_owns || prio_r >= asleep || (s_in_debt && prio_s >= asleep))
}

inline apply_r()
{
	atomic { !locked -> locked = true }
	atomic { want = contrib_r }
	atomic { prio_r = want; check() }
	locked = false
}

proctype setter_s()
{
	byte want;

#ifdef ASK_BEFORE
	want = waiting;
	prio_s = want;
#endif
	do
	:: atomic {
		if
#if !defined(LOW_CHANGER) && !defined(ASK_BEFORE)
		:: prio_s < waiting -> want = waiting
#endif
		:: else ->
			r_owns = true;
			contrib_r = waiting;
			s_in_debt = true;
			check();
			break
		fi
	   }
	   prio_s = want
	od;
#ifdef END_FIRST
	atomic { prio_s = 0; check() }
	apply_r();
	atomic { s_in_debt = false; check() }
#else
	apply_r();
	atomic { s_in_debt = false; check() }
	atomic { prio_s = 0; check() }
#endif
}

proctype waiter_p()
{
	byte want;
	bool again;

	atomic {
		p_queued = true;
		if
		:: r_owns -> contrib_r = waiting
		:: else
		fi
	}
	do
	:: atomic {
		if
		:: r_owns && prio_r < 3 -> again = true
		:: else -> p_asleep = true; check(); break
		fi
	   }
	   apply_r()
	od
}

init
{
	atomic {
		q_asleep = true;
		run setter_s();
		run waiter_p()
	}
}
