/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sleeper, its wait record on its stack, and two tasks that change its priority.
 *
 * R waits for any of two objects, returns, and waits again, for one. Two walkers set R's priority,
 * one after the other in an unknown order, and each moves the entries of R's wait. Any of the three
 * may stop at any step for ever. Whenever no walker is active, each queued entry has R's priority,
 * whatever R does next. No walker uses a wait that has ended, or an entry that the wait does not
 * have.
 *
 * mutant QUEUE_FIRST: assertion violated
 *	->wait is set when the entries are queued already. R, lowered in between, may not run for long.
 * mutant CLEAR_FIRST: assertion violated
 *	->wait is cleared while the entries are still queued: the same at the end.
 * mutant EARLY_LEVEL: assertion violated
 *	R reads its priority before it has the lock of the queue.
 * mutant TOUCH_LATE: assertion violated
 *	The walker uses the wait after it has released the record's lock.
 * mutant NO_SEQUENCE: assertion violated
 *	The walker does not notice that the wait is another one now, with fewer entries.
 */
#define NONE	255

byte prio;			/* of R */
byte wait = NONE;		/* number of entries of the wait in which R sleeps, under the record's lock */
byte sequence;			/* of R's waits, under the record's lock */
byte memory;			/* entries that exist on R's stack */
bool queued[2];			/* under the object's lock, as is the level */
byte level[2];
byte at_work;			/* walkers */
bool apply_lock;

inline check()
{
	assert(at_work || !queued[0] || level[0] == prio);
	assert(at_work || !queued[1] || level[1] == prio)
}

inline queue(i)
{
#ifdef EARLY_LEVEL
	now = prio;
#endif
	atomic {
#ifndef EARLY_LEVEL
		now = prio;
#endif
		queued[i] = true;
		level[i] = now;
		now = 0;
		check()
	}
}

/* The object's lock is taken even if a waker has dequeued the entry already. */
inline dequeue(i)
{
	atomic { queued[i] = false; level[i] = 0 }
}

inline set_wait(n)
{
	atomic { wait = n; sequence++ }
}

proctype sleeper()
{
	byte now;

	memory = 2;
#ifndef QUEUE_FIRST
	set_wait(2);
#endif
	queue(0);
	queue(1);
#ifdef QUEUE_FIRST
	set_wait(2);
#endif
	/* Asleep, then woken. */
#ifdef CLEAR_FIRST
	wait = NONE;
#endif
	dequeue(0);
	dequeue(1);
	wait = NONE;
	memory = 0;

	memory = 1;
	set_wait(1);
	queue(0);
	dequeue(0);
	wait = NONE;
	memory = 0
}

inline visit(i)
{
	/* Which object: under the record's lock, from which a reference to the object is taken. */
	atomic {
		if
		:: wait == NONE || (i > 0 && sequence != seen) -> done = true
		:: else ->
			seen = sequence;
			done = (i >= wait)
		fi
	}
	if
	:: done
	:: else ->
		/* Both locks, the object's first. */
		atomic {
#ifdef NO_SEQUENCE
			valid = (wait != NONE);
#else
			valid = (wait != NONE && sequence == seen);
#endif
#ifndef TOUCH_LATE
			if
			:: valid ->
				assert(i < memory);
				if
				:: queued[i] -> level[i] = prio
				:: else
				fi
			:: else
			fi
#endif
		}
#ifdef TOUCH_LATE
		/* The object's lock only. */
		atomic {
			if
			:: valid ->
				assert(i < memory);
				if
				:: queued[i] -> level[i] = prio
				:: else
				fi
			:: else
			fi
		}
#endif
		atomic { valid = false; done = (seen == sequence && wait == NONE) }
	fi
}

proctype walker(byte target)
{
	byte seen;
	bool done, valid;

	atomic { !apply_lock -> apply_lock = true; at_work++ }
	prio = target;
	apply_lock = false;
	visit(0);
	if
	:: !done -> visit(1)
	:: else
	fi;
	atomic { at_work--; check() }
}

init
{
	atomic {
		run walker(0);
		run walker(2);
		run sleeper()
	}
}
