/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A task that is lowered while it is inside the arbiter and holds the apply lock of another record.
 *
 * W (own prio 0, boosted to 2) and Q (prio 2) wait for the apply lock of some record. X ends W's
 * boost at any moment.
 *
 * What the kernel does (kernel/locking/rtmutex.c): a task that begins to wait boosts the holder at
 * once. A task that acquires a lock for which others wait already is not boosted, as its priority
 * is not below theirs; and sched_setattr() does not check them again. So a task that is lowered
 * later holds the lock without the boost that it should have.
 *
 * Therefore only the task itself lowers a task that is busy in the arbiter; it does that when it
 * has released its last lock. A task that enters while it is being lowered waits for that first.
 *
 * mutant LOWER_BUSY: assertion violated
 *	X lowers W wherever it is.
 * mutant ENTER_BLIND: assertion violated
 *	W enters and does not wait for X, which has found it outside and has not lowered it yet.
 * mutant FORGET_OWED: assertion violated
 *	W does not check, when it leaves, whether it is to be lowered.
 */
#define W	0
#define Q	1
#define H	2
#define NOBODY	3

byte own_prio[2];	/* boost by the kernel */
byte lent[2];		/* by the kernel */
bool waits[2];
byte owner = H;		/* of the lock that both want */
bool busy, owed, lowering;	/* under W's record's lock */

#define runs_at(p)	(own_prio[p] > lent[p] -> own_prio[p] : lent[p])

inline check()
{
	assert(owner != W || !waits[Q] || runs_at(W) >= 2)
}

/* Only if no task of a higher priority waits. */
inline take(me, other)
{
	atomic {
		if
		:: owner == NOBODY && !waits[other] -> owner = me
		:: else ->
			waits[me] = true;
			if
			:: owner == other && lent[other] < own_prio[me] -> lent[other] = own_prio[me]
			:: else
			fi;
			check();
			owner == NOBODY && (!waits[other] || own_prio[me] >= own_prio[other]);
			waits[me] = false;
			owner = me;
			check()
		fi
	}
}

inline release(me)
{
	atomic { owner = NOBODY; lent[me] = 0 }
}

proctype holder_h()
{
	owner = NOBODY
}

proctype walker_w()
{
	busy = true;
#ifndef ENTER_BLIND
	!lowering;
#endif
	take(W, Q);
	release(W);
	/* Under the record's lock, and not preempted. */
	atomic {
		busy = false;
#ifndef FORGET_OWED
		if
		:: owed -> own_prio[W] = 0; owed = false
		:: else
		fi
#endif
	}
}

proctype waiter_q()
{
	take(Q, W);
	release(Q)
}

proctype ender_x()
{
	atomic {
		if
#ifndef LOWER_BUSY
		:: busy -> owed = true
#endif
		:: else -> lowering = true
		fi
	}
	if
	:: lowering ->
		atomic { own_prio[W] = 0; check() }
		lowering = false
	:: else
	fi
}

init
{
	atomic {
		own_prio[W] = 2;
		own_prio[Q] = 2;
		run holder_h();
		run walker_w();
		run waiter_q();
		run ender_x()
	}
	timeout -> assert(!own_prio[W] && !waits[W] && !waits[Q])
}
