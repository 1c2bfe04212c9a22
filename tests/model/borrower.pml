/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a borrower, made by somebody else while the borrower exits, or makes its own.
 *
 * B is the borrower. L1 and L2 lend to it and make its record if there is none; B may make it itself, in a call of its own.
 * B exits at any moment. Its exit marks it as exiting, and later, with preemption off, looks for its record and retires it:
 * nobody looks after that.
 *
 * L inserts a record under the lock of the bucket, if there is none, and looks at the mark afterwards; B sets the
 * mark and looks for a record afterwards. So one of the two sees the other, and retires the record; if both do, the
 * lock of the bucket decides which. A record that L has found is left to whoever has inserted it, and to B.
 *
 * There is one record at most. When all is done no record is left in the table, and none was retired twice.
 *
 * mutant MARK_FIRST: assertion violated
 *	L looks at the mark before it inserts.
 * mutant BOTH_RETIRE: assertion violated
 *	Both retire what they have found, without asking under the lock whether it is still there.
 * mutant NO_SECOND_LOOK: assertion violated
 *	A record is inserted without asking under the lock whether somebody else has been faster.
 */
byte records;		/* of B, in the table; under the lock of the bucket */
byte made, retired;
bool exiting;
bool gone;		/* B's exit has looked */

/* Takes it out of the table. */
inline retire()
{
#ifdef BOTH_RETIRE
	atomic { retired++; records = 0 }
#else
	atomic {
		if
		:: records -> records--; retired++
		:: else
		fi
	}
#endif
}

inline insert()
{
#ifdef NO_SECOND_LOOK
	found = records;
	atomic {
		if
		:: !found -> records++; made++
		:: else
		fi;
		assert(records <= 1)
	}
#else
	atomic {
		found = records;
		if
		:: !found -> records++; made++
		:: else
		fi
	}
#endif
}

proctype lender()
{
	bool found, late;

#ifdef MARK_FIRST
	late = exiting;
	if
	:: !late -> insert()
	:: else
	fi
#else
	insert();
	late = exiting;
	if
	:: late && !found -> retire()	/* ESRCH */
	:: else
	fi
#endif
}

proctype borrower()
{
	bool found;

	if
	:: true
	:: insert()
	fi;
	exiting = true;
	found = records;
	if
	:: found -> retire()
	:: else
	fi;
	gone = true
}

init
{
	atomic {
		run lender();
		run lender();
		run borrower()
	}
	timeout -> assert(gone && !records && made == retired)
}
