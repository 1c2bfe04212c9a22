/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which task an owner id stands for, learnt while a waiter is asleep.
 *
 * M was created owned by an id that no call has used yet. Q, a real-time task, waits for it. T
 * makes its first call with that id, and Q leaves its wait, or M is handed over to it, at any
 * moment.
 *
 * The table of ids and the tree of mutexes without a known owner are under one raw lock, inside
 * M's. T cannot take M's lock inside the table's; so it takes a reference, releases the table's
 * lock, and checks M again under M's lock.
 *
 * When all calls have returned, M contributes to T if Q waits for T, and to no other task; and M is
 * in the tree only if Q waits for an unknown owner.
 *
 * mutant TWO_LOOKS: assertion violated
 *	Q looks the id up, releases the table's lock, and then puts M into the tree.
 * mutant LEARN_LATE: assertion violated
 *	T searches the tree first, and enters its id afterwards.
 * mutant NO_SECOND_LOOK: assertion violated
 *	T makes M contribute to it without checking again who owns M and which tasks wait.
 */
bool m_lock;			/* M's lock, which is held over several steps only where that matters */
bool q_queued, owned = true;	/* under M's lock: by the id, or by Q */
bool contributes;		/* to T, under M's lock */
bool known, in_tree;		/* under the table's lock */

inline recompute()
{
	atomic {
		contributes = (q_queued && owned && known);
		in_tree = (q_queued && owned && !known)
	}
}

proctype waiter_q()
{
	atomic {
		!m_lock -> m_lock = true;
		if
		:: owned -> q_queued = true
		:: else	/* gets it at once */
		fi
	}
#ifdef TWO_LOOKS
	bool found;

	found = known;
	atomic {
		contributes = (q_queued && owned && found);
		in_tree = (q_queued && owned && !found)
	}
#else
	recompute();
#endif
	m_lock = false;
	if
	:: true
	:: atomic { !m_lock -> q_queued = false; recompute() }
	fi
}

/* Unlocks or kills M: it goes to Q, or is free. */
proctype unlocker()
{
	if
	:: true
	:: atomic { !m_lock -> owned = false; q_queued = false; recompute() }
	fi
}

proctype owner_t()
{
	bool found;

#ifdef LEARN_LATE
	found = in_tree;
	known = true;
#else
	atomic { known = true; found = in_tree }
#endif
	if
	:: found ->
		atomic {
			!m_lock ->
#ifdef NO_SECOND_LOOK
			contributes = true;
			in_tree = false
#else
			recompute()
#endif
		}
	:: else
	fi
}

init
{
	atomic {
		run waiter_q();
		run unlocker();
		run owner_t()
	}
	timeout -> assert(contributes == (q_queued && owned && known) && in_tree == (q_queued && owned && !known))
}
