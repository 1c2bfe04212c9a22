/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader/writer lock of ntsync_lock.h: no wake-up is lost, and a writer is alone.
 *
 *	word = writer, or number of readers; waiters bit.	Two writers and two readers, each of which has the lock
 *	once. One of each may give up at any moment. One reader has the right to pass others that wait.
 *
 * While somebody sleeps without a deadline, the word has the waiters bit, or a task is on its way to a wake: it has
 * released the lock, or was woken itself. A wake takes any waiter here, so what holds does not depend on priorities. A
 * task that waits for readers wakes by itself after a while and looks again. A reader that was not woken enters in spite
 * of the waiters bit only by right. In the end everybody has had the lock or has given up,
 * and nobody sleeps.
 *
 * mutant READER_WAKES_NONE: assertion violated
 *	A reader that was woken does not wake the next one.
 * mutant LOSE_BIT: assertion violated
 *	A writer that was woken takes the lock without the waiters bit.
 * mutant GIVE_UP_SILENTLY: assertion violated
 *	A task that was woken and gives up does not wake the next one.
 * mutant LAST_READER_WAKES_NONE: assertion violated
 *	The last reader takes the waiters bit out of the word, and wakes nobody.
 * mutant NO_COMPARISON: assertion violated
 *	A task sleeps though the word has changed since it has set the waiters bit.
 * mutant READERS_PASS: assertion violated
 *	A reader enters though a writer has the lock.
 * mutant READERS_PASS_WAITERS: assertion violated
 *	A reader without the right enters after a while, though the word says that others wait.
 */
#define TASKS	5		/* from 1 */
#define NOBODY	0

byte writer, readers;		/* the word */
bool waiters;

bool queued[TASKS], brief[TASKS], woken[TASKS];
bool wakes[TASKS];		/* it is about to wake somebody, or was woken and has not looked yet */
byte inside_writers, inside_readers;

#define is_on_its_way	(wakes[1] || wakes[2] || wakes[3] || wakes[4])
#define sleeps(i)	(queued[i] && !brief[i])
#define somebody_sleeps	(sleeps(1) || sleeps(2) || sleeps(3) || sleeps(4))

inline check()
{
	assert(!somebody_sleeps || waiters || is_on_its_way)
}

/* ADDR_WAKE of one. */
inline wake()
{
	atomic {
		if
		:: queued[1] -> other = 1
		:: queued[2] -> other = 2
		:: queued[3] -> other = 3
		:: queued[4] -> other = 4
		:: !queued[1] && !queued[2] && !queued[3] && !queued[4]
		fi;
		wakes[me] = false;
		if
		:: other != NOBODY ->
			queued[other] = false;
			woken[other] = true;
			wakes[other] = true
		:: else
		fi;
		other = NOBODY;
		check()
	}
}

/* ADDR_WAIT on the word that was seen, with the waiters bit; true: it sleeps until it is woken. */
inline sleep_or_look_again(is_brief)
{
	atomic {
		if
#ifdef NO_COMPARISON
		:: true
#else
		:: writer == seen_writer && readers == seen_readers && waiters
#endif
			->
			queued[me] = true;
			brief[me] = is_brief;
			wakes[me] = false;
			asleep = true;
			check()
		:: else
		fi
	}
}

inline give_up()
{
#ifndef GIVE_UP_SILENTLY
	if
	:: was_woken -> wake()
	:: else
	fi;
#endif
	atomic { wakes[me] = false; check() }
}

inline set_bit_and_remember()
{
	waiters = true;
	seen_writer = writer;
	seen_readers = readers
}

proctype write(byte me; bool may_give_up)
{
	byte seen_writer, seen_readers, other;
	bool asleep, was_woken, owed, gave_up;

	do
	:: atomic {
		if
		:: writer == NOBODY && readers == 0 ->
			writer = me;
#ifndef LOSE_BIT
			waiters = was_woken;
#endif
			wakes[me] = false;
			inside_writers++;
			assert(inside_writers == 1 && inside_readers == 0);
			check();
			break
		:: may_give_up && wakes[me] -> gave_up = true
		:: else -> set_bit_and_remember()
		fi
	   }
	   if
	   :: gave_up -> goto quit
	   :: else
	   fi;
	   sleep_or_look_again(seen_writer == NOBODY);
	   if
	   :: asleep ->
		if
		:: atomic { woken[me] -> woken[me] = false; was_woken = true; asleep = false }
		:: atomic { brief[me] && queued[me] -> queued[me] = false; asleep = false; check() }
		:: atomic { may_give_up && queued[me] -> queued[me] = false; asleep = false; check() }
			goto quit
		fi
	   :: else
	   fi
	od;
	atomic {
		owed = waiters;
		wakes[me] = waiters;
		writer = NOBODY;
		waiters = false;
		inside_writers--;
		check()
	}
	if
	:: owed -> wake()
	:: else
	fi;
	goto out;
quit:	give_up();
out:	skip
}

proctype share(byte me; bool may_give_up; bool may_pass)
{
	byte seen_writer, seen_readers, other;
	bool asleep, was_woken, enters, owed, gives_way, gave_up;

	do
	:: atomic {
		if
#ifndef READERS_PASS
		:: writer != NOBODY ->
			set_bit_and_remember();
			gives_way = false
#endif
		:: waiters && !enters && writer == NOBODY ->
			set_bit_and_remember();
			gives_way = true
		:: may_give_up && wakes[me] -> gave_up = true
#ifdef READERS_PASS
		:: !waiters || enters ->
#else
		:: writer == NOBODY && (!waiters || enters) ->
#endif
			readers++;
			inside_readers++;
			assert(inside_writers == 0);
			assert(!waiters || was_woken || may_pass);
			break
		fi
	   }
	   if
	   :: gave_up -> goto quit
	   :: else
	   fi;
	   sleep_or_look_again(gives_way);
	   if
	   :: asleep ->
		if
		:: atomic { woken[me] -> woken[me] = false; was_woken = true; enters = true; asleep = false }
#ifdef READERS_PASS_WAITERS
		:: atomic { brief[me] && queued[me] -> queued[me] = false; enters = true; asleep = false; check() }
#else
		:: atomic { brief[me] && queued[me] -> queued[me] = false; enters = may_pass; asleep = false; check() }
#endif
		:: atomic { may_give_up && queued[me] -> queued[me] = false; asleep = false; check() }
			goto quit
		fi
	   :: else
	   fi
	od;
#ifdef READER_WAKES_NONE
	atomic { wakes[me] = false; check() }
#else
	if
	:: was_woken -> wake()
	:: else
	fi;
#endif
	atomic {
		readers--;
		inside_readers--;
		owed = readers == 0 && waiters;
#ifdef LAST_READER_WAKES_NONE
		owed = false;
#endif
		wakes[me] = owed;
		waiters = waiters && readers != 0;
		check()
	}
	if
	:: owed -> wake()
	:: else
	fi;
	goto out;
quit:	give_up();
out:	skip
}

init
{
	atomic {
		run write(1, true);
		run write(2, false);
		run share(3, true, false);
		run share(4, false, true)
	}
	_nr_pr == 1;
	assert(!somebody_sleeps && writer == NOBODY && readers == 0)
}
