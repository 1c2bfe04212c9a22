/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A boosted task that must not keep its boost, and other tasks that try to make it keep it.
 *
 * T's own prio is 0, the boost is 1. S1 and S2 are other threads of T's user without any privilege;
 * each calls sched_setattr(T, 1) again and again: the kernel checks whether T has that already, and
 * applies it some time later. C sets T to 0, which any task may do. T is boosted twice. It forks,
 * in several steps: the child gets a copy of each parameter separately, can then be found by its
 * pid, and is checked once before it runs.
 *
 * sched_setattr() holds a reference to the task from before its check until after it has applied
 * the parameters. The arbiter forgets a task's own parameters if it finds them set, and no
 * reference but its own, under the lock under which the kernel applies (task->pi_lock). Otherwise
 * it sets them again, and checks again later.
 *
 * Whenever there is no record, the task has its own parameters. When all calls have returned, and
 * after one more check, there is no record.
 *
 * mutant AT_ONCE: assertion violated
 *	The own parameters are forgotten at the end of the boost.
 * mutant GRACE_PERIOD: assertion violated
 *	They are forgotten after every task that was in the kernel at the end of the boost has left it (an RCU-tasks
 *	grace period), if they are set then. What is applied meanwhile is what other callers are checked against.
 * mutant GRACE_PERIOD_AGAIN: assertion violated
 *	The same, but another grace period begins whenever other parameters were found.
 * mutant NO_LOCK: assertion violated
 *	The parameters and the references are read one after the other.
 * mutant CHILD_ONCE: assertion violated
 *	The child is fixed before it runs, and not checked again.
 */
#define T		0
#define CHILD		1
#define SETTERS		2

byte prio[2];
bool boosted, record[2], visible;
byte refs[2];				/* held by others than the arbiter */
byte inside;				/* setters between check and apply, by bit */
byte holdouts;				/* of the grace period */
bool found_other;
byte callers;				/* setters and forks that may still do something */

/* After each change: without a record there is only the task's own prio. */
inline check()
{
	assert(record[T] || !prio[T]);
	assert(record[CHILD] || !visible || !prio[CHILD])
}

proctype setter(byte me)
{
	byte target, tries;

	do
	:: tries < 2 ->
		tries++;
		if
		:: target = T
		:: visible -> target = CHILD
		fi;
		refs[target]++;
		if
		:: atomic { prio[target] >= 1 -> inside = inside | (1 << me) }
		   atomic {
			prio[target] = 1;
			inside = inside & ~(1 << me);
			holdouts = holdouts & ~(1 << me);
			check()
		   }
		:: prio[target] == 0	/* EPERM */
		fi;
		refs[target]--
	:: break
	od;
	atomic { target = 0; tries = 0; callers-- }
}

proctype lowerer()
{
	atomic { prio[T] = 0; check() }
	callers--
}

inline look(t)
{
#if defined(GRACE_PERIOD) || defined(GRACE_PERIOD_AGAIN)
	holdouts = inside;
	do
	:: atomic {
		!holdouts ->
		if
#ifdef GRACE_PERIOD_AGAIN
		:: prio[t] -> prio[t] = 0; holdouts = inside
#endif
		:: else -> prio[t] = 0; record[t] = false; check(); break
		fi
	   }
	od
#elif defined(NO_LOCK)
	do
	:: record[t] ->
		if
		:: prio[t] -> prio[t] = 0
		:: else ->
			if
			:: !refs[t] -> record[t] = false; check()
			:: else -> refs[t] == 0
			fi
		fi
	:: else -> break
	od
#else
	do
	:: atomic {
		if
		:: !prio[t] && !refs[t] -> record[t] = false; break
		:: else -> prio[t] = 0
		fi
	   }
	   (prio[t] || !refs[t])
	od
#endif
}

proctype arbiter()
{
	byte rounds;

	do
	:: rounds < 2 ->
		rounds++;
		atomic { record[T] = true; boosted = true }
		prio[T] = 1;
		atomic { prio[T] = 0; boosted = false }
#ifdef AT_ONCE
		atomic { record[T] = false; check() }
#else
		/* The next boost may begin before the record has gone. */
		if
		:: look(T)
		:: true
		fi
#endif
	:: else -> break
	od;
	look(T)
}

/* A copy of the parameters, maybe of a boosted T's and maybe without its reset-on-fork. */
proctype fork()
{
	byte copy;

	copy = prio[T];
	atomic { record[CHILD] = true; prio[CHILD] = copy; visible = true; copy = 0 }
	/* The parent's check before the child runs. */
	atomic {
		prio[CHILD] = 0;
#ifdef CHILD_ONCE
		record[CHILD] = false;
#else
		if
		:: !refs[CHILD] -> record[CHILD] = false
		:: else
		fi;
#endif
		check()
	}
#ifndef CHILD_ONCE
	if
	:: record[CHILD] -> look(CHILD)
	:: else
	fi;
#endif
	callers--
}

init
{
	atomic {
		callers = 4;
		run arbiter();
		run setter(0);
		run setter(1);
		run lowerer();
		run fork()
	}
	timeout -> assert(!callers && !record[T] && !record[CHILD] && !prio[T] && !prio[CHILD])
}
