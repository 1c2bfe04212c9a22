/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receivers of a channel that go away: each request is executed at most once, and no sender waits for a reply that
 * can't come.
 *
 *	One process with two receivers, R0 and R1.  Two senders, each of which calls once.
 *
 * A receiver receives once, or twice, executes what it gets, and replies; it may exit before each of these, or receive
 * again. The process closes its last descriptor at any moment, and may get a new one, by which R1 receives, or R0 once
 * more, even while the close has not ended; or all of it is killed. A sender may
 * get a signal: its call is made again if no receiver has seen the request, otherwise it returns EINTR.
 *
 * A section under the channel's lock is one step. The search in the table of descriptors is another step. A task that
 * ends requests drops the lock after each of them. A killed process does not get to its close here: no sender may
 * depend on a task without real-time priority.
 *
 * When nobody can make another step, a sender that sleeps has a pending request and a process that can receive it, or a
 * request that a living receiver works on. EPIPE means that the request was not executed; EBADF of a receive,
 * that the process has no descriptor left. When a close ends, so have the requests that its receivers had.
 *
 * mutant RESTART_ALL: assertion violated
 *	An interrupted call is made again though a receiver has the request.
 * mutant NO_LOOK: assertion violated
 *	The first receive of a process does not look whether the process still has a descriptor.
 * mutant NO_COUNT: assertion violated
 *	A close does not compare the number of receives with the one before its search.
 * mutant NO_RESET: assertion violated
 *	A close ends receives, and not the requests that the receivers have.
 * mutant BROKEN_LATE: assertion violated
 *	The channel is marked as broken after its pending requests were ended.
 * mutant BROKEN_FOREVER: assertion violated
 *	A receive leaves that mark: later sends fail though somebody receives.
 * mutant WORKER_RESETS: assertion violated
 *	The exit worker ends the requests of the receiver only, not those that are pending when all receivers were killed.
 * mutant RETURN_TO_CLOSED: assertion violated
 *	A receiver that comes back is counted in its process though that is being closed.
 * mutant RETURN_WITH_REQUEST: assertion violated
 *	A receiver that comes back takes itself out of the process that is being closed, and keeps its requests.
 * mutant ANY_REPLY: assertion violated
 *	A reply does not look whether its request is dispatched still.
 */
#define NONE		0
#define PENDING		1
#define DISPATCHED	2
#define DONE		3

#define NOTHING		0	/* results of a call */
#define REPLIED		1
#define RESET		2
#define BROKEN		3
#define INTERRUPTED	4

#define NOBODY		2

/* Under the channel's lock. */
byte request[2];
byte served_by[2] = NOBODY;
byte result[2];
bool broken;
bool process;			/* there is a receiving process; it is not closed */
byte last_receive;		/* of it */
bool member[2];			/* R0, R1: in the receiving process, or in the one that is being closed */
bool leaving[2];		/* in the one that is being closed */
bool parked[2], ended[2];	/* ended: its receive, with EBADF */
byte got[2] = NOBODY;		/* the request that the receive returns with */

bool had[2];			/* the request was dispatched to a member of a process when that was closed */
byte one;			/* of the two requests; within one step */
bool has_fd = true, arrived, killed;
bool exited[2];
byte executed[2];

/* The first pending request goes to a parked receiver. */
inline hand_off(s)
{
	if
	:: request[s] == PENDING && parked[0] -> dispatch(s, 0)
	:: request[s] == PENDING && parked[1] -> dispatch(s, 1)
	:: else
	fi
}

inline dispatch(s, r)
{
	parked[r] = false;
	request[s] = DISPATCHED;
	served_by[s] = r;
	got[r] = s
}

inline finish(s, how)
{
	assert(request[s] == DISPATCHED);
	request[s] = DONE;
	served_by[s] = NOBODY;
	result[s] = how
}

/* One request of r, which has one. */
#define served(r)	(request[0] == DISPATCHED && served_by[0] == (r) -> 0 : 1)

/* In a hold. */
inline reset_one(r)
{
	one = served(r);
	result[one] = RESET;
	request[one] = DONE;
	one = 0
}

#define has_request(r)	((request[0] == DISPATCHED && served_by[0] == r) || \
			 (request[1] == DISPATCHED && served_by[1] == r))
#define is_pending	(request[0] == PENDING || request[1] == PENDING)

#define pending		(request[0] == PENDING -> 0 : 1)

inline break_one()
{
	one = pending;
	result[one] = BROKEN;
	request[one] = DONE;
	one = 0
}

inline count_receive()
{
	last_receive++;
#ifndef BROKEN_FOREVER
	broken = false
#endif
}

proctype sender(byte s; bool interrupts)
{
	do
	:: atomic {
		broken ->
		assert(!process);
		result[s] = BROKEN;
		goto out
	   }
	:: atomic {
		!broken ->
		request[s] = PENDING;
		hand_off(s)
	   }
	   if
	   :: request[s] == DONE -> break
	   :: atomic {
		interrupts && request[s] != DONE ->
		interrupts = false;
#ifdef RESTART_ALL
		if
		:: true -> request[s] = NONE
		fi;
#else
		if
		:: request[s] == DISPATCHED -> result[s] = INTERRUPTED; request[s] = DONE
		:: else -> request[s] = NONE
		fi;
#endif
		served_by[s] = NOBODY
	      }
	      if
	      :: request[s] == DONE -> break
	      :: request[s] == NONE
	      fi
	   fi
	od;
out:
	assert(executed[s] <= 1);
	assert(result[s] != BROKEN || !executed[s]);
	assert(result[s] != REPLIED || executed[s])
}

/* A search that found no descriptor closes the process, unless it has begun a receive since. */
inline close_if_no_fd()
{
	do
	:: atomic { seen = last_receive; if :: !process -> goto closed :: else fi }
	   if
	   :: has_fd -> break
	   :: !has_fd ->
		atomic {
			if
#ifdef NO_COUNT
			:: process ->
#else
			:: process && last_receive == seen ->
#endif
				process = false;
				leaving[0] = leaving[0] || member[0];
				leaving[1] = leaving[1] || member[1];
				had[0] = request[0] == DISPATCHED && leaving[served_by[0]];
				had[1] = request[1] == DISPATCHED && leaving[served_by[1]];
#ifndef BROKEN_LATE
				broken = true;
#endif
				mine = true
			:: else
			fi
		}
		if
		:: mine -> break
		:: else
		fi
	   fi
	od;
	if
	:: mine ->
		end_receives();
		reset_leaving();
		do
		:: atomic {
#ifndef BROKEN_LATE
			broken &&
#endif
			is_pending -> break_one()
		   }
		:: atomic {
#ifndef BROKEN_LATE
			!broken ||
#endif
			!is_pending -> break
		   }
		od;
#ifdef BROKEN_LATE
		broken = !process;
#endif
	:: else
	fi;
closed:
	seen = 0
}

inline end_receives()
{
	do
	:: atomic { leaving[0] && parked[0] -> parked[0] = false; ended[0] = true }
	:: atomic { leaving[1] && parked[1] -> parked[1] = false; ended[1] = true }
	:: atomic { !(leaving[0] && parked[0]) && !(leaving[1] && parked[1]) -> break }
	od
}

inline reset_leaving()
{
	do
#ifndef NO_RESET
	:: atomic { leaving[0] && has_request(0) -> reset_one(0) }
	:: atomic { leaving[1] && has_request(1) -> reset_one(1) }
	:: atomic {
		!(leaving[0] && has_request(0)) && !(leaving[1] && has_request(1)) ->
#else
	:: atomic {
#endif
		assert(!(had[0] && request[0] == DISPATCHED) && !(had[1] && request[1] == DISPATCHED));
		member[0] = member[0] && !leaving[0];
		member[1] = member[1] && !leaving[1];
		leaving[0] = false;
		leaving[1] = false;
		break
	   }
	od
}

/* The second receive of a task whose process is being closed: it takes itself out of that process. */
inline leave_closed_process(r)
{
	do
#ifndef RETURN_WITH_REQUEST
	:: atomic { has_request(r) -> reset_one(r) }
	:: atomic {
		!has_request(r) ->
#else
	:: atomic {
#endif
		member[r] = false;
		leaving[r] = false;
		break
	   }
	od
}

proctype receiver(byte r; bool exits, again)
{
	byte seen, id = NOBODY;
	bool mine, by_new;

receive:
	if
	:: atomic { has_fd && !killed -> by_new = arrived }	/* the call has the file */
	:: goto out
	fi;
	/* A member of a process that is not closed has only to be counted. */
	if
#ifdef RETURN_TO_CLOSED
	:: atomic { member[r] -> count_receive(); goto entered }
#else
	:: atomic { member[r] && !leaving[r] -> count_receive(); goto entered }
	:: leaving[r] -> leave_closed_process(r)
#endif
	:: !member[r]
	fi;
	atomic {
		member[r] = true;
		seen = process;
		process = true;
		count_receive()
	}
#ifndef NO_LOOK
	if
	:: !seen -> seen = 0; close_if_no_fd()
	:: else
	fi;
#endif
entered:
	atomic {
		seen = 0;
		mine = false;
		if
		:: !member[r] || leaving[r] -> assert(!by_new); goto failed
		:: else
		fi;
		if
		:: request[0] == PENDING -> dispatch(0, r)
		:: request[1] == PENDING -> dispatch(1, r)
		:: request[0] != PENDING && request[1] != PENDING -> parked[r] = true
		fi
	}
	if
	:: got[r] != NOBODY
	:: atomic { ended[r] -> assert(!by_new); ended[r] = false }
	   goto failed
	:: atomic { killed && parked[r] -> parked[r] = false }
	   goto out
	fi;
	atomic { id = got[r]; got[r] = NOBODY }
	if
	:: exits || killed -> goto out	/* before it has executed anything */
	:: again -> goto failed		/* it leaves the request and receives again */
	:: true
	fi;
	executed[id]++;
	if
	:: exits || killed -> goto out
	:: again -> goto failed
	:: true
	fi;
	/* Without a descriptor it can't. */
	atomic {
		if
		:: !has_fd
#ifdef ANY_REPLY
		:: has_fd -> finish(id, REPLIED)
#else
		:: has_fd && request[id] == DISPATCHED && served_by[id] == r -> finish(id, REPLIED)
		:: else	/* ENOENT */
#endif
		fi
	}
failed:
	if
	:: atomic { again -> again = false; id = NOBODY }
	   goto receive
	:: true
	fi;
out:
	atomic { exits || killed -> exited[r] = true; id = 0; seen = 0 }
}

/* Frees the receivers that have exited. */
proctype worker(byte r)
{
	exited[r];
	do
	:: atomic { has_request(r) -> reset_one(r) }
	:: atomic {
		!has_request(r) ->
		if
		:: killed && process && member[r] && !member[1 - r] -> process = false; broken = true
		:: else
		fi;
#ifndef WORKER_RESETS
		if
		:: broken && is_pending -> break_one()
		:: else -> member[r] = false; break
		fi
#else
		member[r] = false;
		break
#endif
	   }
	od
}

/* Closes the last descriptor. */
proctype closer()
{
	byte seen;
	bool mine;

	has_fd = false;
	close_if_no_fd()
}

/* A new descriptor, through a socket. */
proctype arrival()
{
	atomic { !has_fd -> has_fd = true; arrived = true }
}

proctype killer()
{
	killed = true
}

#define can_receive	(process -> has_fd && !killed : !last_receive)
#define has_server(s)	((request[s] == PENDING && !broken && can_receive && !parked[0] && !parked[1]) || \
			 (request[s] == DISPATCHED && !exited[served_by[s]] && \
			  member[served_by[s]] && !leaving[served_by[s]]))
#define is_answered(s)	(request[s] == NONE || request[s] == DONE || has_server(s))

init
{
	atomic {
		run sender(0, true);
		run worker(0);
		if
		:: run receiver(0, true, true); run closer(); run receiver(1, false, false); run worker(1); run arrival()
		:: run receiver(0, true, false); run sender(1, false); run closer()
		:: run receiver(0, false, false); run receiver(1, false, false); run worker(1); run killer(); run sender(1, false)
		fi
	}
	timeout -> assert(is_answered(0) && is_answered(1))
}
