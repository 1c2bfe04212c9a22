/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain walk of pi/chain.c over all small graphs of tasks and mutexes.
 *
 * search for cycles
 *
 * The first step chooses a graph: who owns each mutex, which mutexes each task waits for, and each task's own priority.
 * All that follows from the graph is in effect: oracle() computes it from the shortest paths, not as a walk does. Then
 * two tasks make a call each, at the same time: a task begins a wait for one or more mutexes; a wait is given up; a task
 * unlocks a mutex, or kills one of another task; or the own priority of a sleeper is changed from outside, and it
 * verifies. A task that gets a mutex in its sleep ends its wait in a process of its own.
 *
 * When all calls have returned, every value that a walk keeps is what oracle() computes for the graph that is left: the
 * priority and boost of each task, the priority and hops of each entry and contribution. So the calls have led from one
 * such state to another, and what holds for two calls holds for any number of them one after the other. No call
 * goes on for ever (no cycle in the state space).
 *
 * Meanwhile each task that a sleeper depends on runs with the sleeper's own priority or a higher one, or the task that
 * has handed the mutex off does, see changer.pml. There are two exceptions. A task whose parameters were changed from
 * outside has lost its boost for a moment (docs/pi.md, Limits). And with a cycle of owners this is not so while a priority is
 * dropped whose source has left, see README.md; -DIN_CYCLES shows it.
 *
 * Other figures: -DN tasks, -DM mutexes, -DLEVELS priorities beside 0, -DCALLS=1.
 *
 * mutant SHARED_HINT: non-progress cycle
 *	Two walks overwrite each other's marks, as in the driver: walks that verify in a cycle can go round for ever. There
 *	each of them ends after 65,536 records.
 * mutant LIVE_LEVEL: non-progress cycle
 *	A task passes on what it runs with, not what it should.
 * mutant FIRST_HOPS: assertion violated
 *	The hops of any entry of the highest priority, not the fewest.
 * mutant LEVEL_ONLY: assertion violated
 *	A contribution whose priority is unchanged keeps its hops.
 * mutant NO_LIMIT: assertion violated
 *	Any number of hops has an effect.
 * mutant NO_HOPS: assertion violated
 *	Priorities only.
 * mutant SEEN_ONCE: assertion violated
 *	A walk does not come back to a record whose contribution has changed again.
 * mutant ONLY_APPLY: assertion violated
 *	A record whose task has the right parameters is left out, even if that task waits.
 * mutant NOT_APPLYING: assertion violated
 *	Parameters that another call is about to set are not looked at.
 * mutant NO_DESCENT: assertion violated
 *	A task that is about to sleep goes no further down where nothing has changed.
 * mutant NO_VERIFY: assertion violated
 *	A task with its own priority only sleeps without a walk, whatever its owners have.
 * mutant SLEEP_FIRST: assertion violated
 *	A task sleeps before its walk is done.
 * mutant FORGET_FORMER: assertion violated
 *	A kill does not update the former owner.
 */
#ifndef N
#define N		3	/* tasks */
#endif
#ifndef M
#define M		2	/* mutexes */
#endif
#ifndef LEVELS
#define LEVELS		1	/* priorities beside 0 */
#endif
#ifndef CALLS
#define CALLS		2	/* at the same time */
#endif
#define NOBODY		N
#define LIMIT		N	/* no path has more tasks */
#define ANY		15	/* above all priorities */
#define bit(x)		(1 << (x))
#ifdef IN_CYCLES
#define excused		false
#else
#define excused		cyclic
#endif

/* A rank: the priority, then the fewer hops. 0: contributes nothing. */
#if defined(NO_HOPS)
#define rank(p, h)	((p) << 3 | 6)
#elif defined(NO_LIMIT)
#define rank(p, h)	((p) << 3 | 7 - ((h) < 6 -> (h) : 6))
#else
#define rank(p, h)	((p) << 3 | 7 - (h))
#endif
#define rank_prio(x)	((x) >> 3)
#define rank_hops(x)	(7 - ((x) & 7))

/* Of a task, under the lock of its record. */
byte base[N];			/* its own priority */
byte prio[N];			/* what it runs with */
byte boost[N];			/* what was set last; 0: its own parameters */
bool applying[N];		/* apply_lock is held, and the parameters may change */
bool lower_disabled[N];
byte self_boost[N];		/* while it hands off a mutex */
byte wait[N], queued[N];	/* mutexes, as masks */
bool claimed[N], must_walk[N], asleep[N];

/* Of a mutex, under its lock. */
byte owner[M];
byte contrib[M];		/* a rank */
byte entry[N * M];		/* ranks, by task * M + mutex; 0: not queued, or without effect */
#ifdef SHARED_HINT
byte hint[N];			/* _pid << 1 | on the list */
#endif
bool cyclic;			/* there is or was a cycle of owners */
bool debt[N];			/* a task runs with the priority that it causes */
byte outside[N];		/* somebody else has set its parameters */

/* Not part of the state: each is set before it is used in the same step. */
hidden byte x_i, x_j, x_k, x_p, x_h, x_top, x_want, x_rank;
hidden byte x_changed, x_below, x_wanted, x_unboosted;	/* a bit can't be hidden */
hidden byte o_prio[N], o_hops[N], o_dist[N * N];
hidden byte need[N];

/* ---- what is read under t->lock ---- */

/* x_top: the highest contribution; x_p and x_h: what the task passes on */
inline target(r)
{
	x_top = (self_boost[r] -> rank(self_boost[r], 0) : 0);
	x_i = 0;
	do
	:: x_i < M ->
		if
		:: owner[x_i] == r && contrib[x_i] > x_top -> x_top = contrib[x_i]
		:: else
		fi;
		x_i++
	:: else -> break
	od;
	if
	:: rank_prio(x_top) > base[r] -> x_p = rank_prio(x_top); x_h = rank_hops(x_top)
	:: else -> x_p = base[r]; x_h = 0
	fi
}

/* After target(r). */
#define boost_of(r)		(rank_prio(x_top) > base[r] -> rank_prio(x_top) : 0)
#ifdef NOT_APPLYING
#define in_change(r)		false
#else
#define in_change(r)		applying[r]
#endif
#define needs_apply(r)		(in_change(r) || boost[r] != boost_of(r) || \
				 prio[r] != (boost_of(r) -> boost_of(r) : base[r]))
#define is_below(r, p)		(x_top && (in_change(r) || \
				 prio[r] < ((p) < rank_prio(x_top) -> (p) : rank_prio(x_top))))
#ifdef ONLY_APPLY
#define leaves_work(r)		needs_apply(r)
#else
#define leaves_work(r)		(needs_apply(r) || (wait[r] && !claimed[r]))
#endif

/* ---- what a sleeper relies on ---- */

/* From sleepers along the owners, through owners that sleep: N rounds, as no path is longer. */
inline check()
{
	x_i = 0;
	do
	:: x_i < N -> need[x_i] = 0; x_i++
	:: else -> break
	od;
	x_k = 0;
	do
	:: x_k < N ->
		x_i = 0;
		do
		:: x_i < N * M ->
			if
			:: asleep[x_i / M] && (queued[x_i / M] & bit(x_i % M)) && owner[x_i % M] != NOBODY ->
				x_j = owner[x_i % M];
				x_p = (base[x_i / M] > need[x_i / M] -> base[x_i / M] : need[x_i / M]);
				if
				:: x_p > need[x_j] -> need[x_j] = x_p
				:: else
				fi
			:: else
			fi;
			x_i++
		:: else -> break
		od;
		x_k++
	:: else -> break
	od;
	x_p = 0;
	x_i = 0;
	do
	:: x_i < N ->
		if
		:: debt[x_i] && prio[x_i] > x_p -> x_p = prio[x_i]
		:: else
		fi;
		x_i++
	:: else -> break
	od;
	x_i = 0;
	do
	:: x_i < N ->
		assert(prio[x_i] >= need[x_i] || x_p >= need[x_i] || outside[x_i] || excused);
		x_i++
	:: else -> break
	od;
	x_p = 0
}

/* Removes all tasks that wait for none of those that are left. */
inline find_cycle()
{
	x_p = bit(N) - 1;
	x_k = 0;
	do
	:: x_k < N ->
		x_i = 0;
		do
		:: x_i < N ->
			x_wanted = false;
			x_j = 0;
			do
			:: x_j < M ->
				x_wanted = x_wanted || ((wait[x_i] & bit(x_j)) && owner[x_j] != NOBODY && (x_p & bit(owner[x_j])));
				x_j++
			:: else -> break
			od;
			x_p = (x_wanted -> x_p : x_p & ~bit(x_i));
			x_i++
		:: else -> break
		od;
		x_k++
	:: else -> break
	od;
	cyclic = cyclic || x_p
}

/* ---- contributions ---- */

/* Under the mutex's lock. x_wanted: the owner's record has to go to the list */
inline update_contrib(m)
{
	x_rank = 0;
	x_j = 0;
	do
	:: x_j < N ->
		if
#ifdef FIRST_HOPS
		:: owner[m] != NOBODY && rank_prio(entry[x_j * M + m]) > rank_prio(x_rank) && x_j != owner[m] ->
			x_rank = entry[x_j * M + m]
#else
		:: owner[m] != NOBODY && entry[x_j * M + m] > x_rank && x_j != owner[m] -> x_rank = entry[x_j * M + m]
#endif
		:: else
		fi;
		x_j++
	:: else -> break
	od;
#ifdef LEVEL_ONLY
	x_changed = (rank_prio(x_rank) != rank_prio(contrib[m]));
	x_rank = (x_changed -> x_rank : contrib[m]);
#else
	x_changed = (x_rank != contrib[m]);
#endif
	contrib[m] = x_rank;
	x_wanted = false;
	if
	:: x_changed && owner[m] != NOBODY -> target(owner[m]); x_wanted = leaves_work(owner[m])
	:: else
	fi
}

inline set_entry(r, m)
{
	target(r);
#ifdef LIVE_LEVEL
	x_p = prio[r];
#endif
#if defined(NO_LIMIT) || defined(NO_HOPS)
	entry[r * M + m] = (x_p -> rank(x_p, x_h + 1) : 0)
#else
	entry[r * M + m] = (x_p && x_h < LIMIT -> rank(x_p, x_h + 1) : 0)
#endif
}

/* ---- the list of a walk ---- */

#ifdef SHARED_HINT
#define is_on_list(r)	(hint[r] == (_pid << 1 | 1))
#define was_on_list(r)	((hint[r] >> 1) == _pid)
#define mark(r)		hint[r] = (_pid << 1 | 1)
#define unmark(r)	hint[r] = _pid << 1
#define clear(r)	hint[r] = (was_on_list(r) -> 0 : hint[r])
#else
#define is_on_list(r)	(on_list & bit(r))
#define was_on_list(r)	(listed & bit(r))
#define mark(r)		on_list = on_list | bit(r); listed = listed | bit(r)
#define unmark(r)	on_list = on_list & ~bit(r)
#define clear(r)	listed = listed & ~bit(r)
#endif

inline push(r)
{
	if
	:: is_on_list(r)
	:: else ->
		mark(r);
		x_i = 0;
		do
		:: list >> (3 * x_i) -> x_i++
		:: else -> break
		od;
		assert(x_i < 10);
		list = list | (((r) + 1) << (3 * x_i))
	fi
}

inline clear_marks()
{
	x_i = 0;
	do
	:: x_i < N -> clear(x_i); x_i++
	:: else -> break
	od;
	x_i = 0
}

/* ---- the walk ---- */

/* The steps of a process. A walk ends with the step `next`. */
#define BEGIN		0
#define ENQUEUE		1
#define BEFORE_SLEEP	2
#define SLEEP		3
#define GIVE_UP		4
#define DEQUEUE		5
#define END_WAIT	6
#define UNLOCK		7
#define AFTER_UNLOCK	8
#define SET_PARAMS	9
#define DONE		10
#define START_WALK	11
#define TAKE		12	/* [1] and the first half of [2] */
#define SET		13
#define END_SET		14
#define ENTRY		15	/* [3] to [5] */
#define FOUND		16	/* [6] */
#define SELF		17

inline walk_if_needed()
{
	if
	:: list -> next = step; step = START_WALK
	:: else
	fi
}

/* Does this walk set parameters now? The caller's own are lowered at the end. */
inline take()
{
	r = (list & 7) - 1;
	list = list >> 3;
	unmark(r);
	target(r);
	sets = needs_apply(r) && !(r == self && !is_below(r, ANY))
}

/* apply_lock is free. */
inline prepare()
{
	target(r);
	value = boost_of(r);
	x_want = (value -> value : base[r]);
	x_changed = (prio[r] != (boost[r] -> boost[r] : base[r]));
	sets = (boost[r] != value || x_changed) && !(lower_disabled[r] && r != t && x_want < prio[r]);
	applying[r] = sets;
	value = (sets -> value : 0)
}

/* The next entry of r's wait that is not before idx. */
inline next_entry()
{
	do
	:: idx < M && !(wait[r] & bit(idx)) -> idx++
	:: else -> break
	od
}

inline end_record()
{
	if
	:: found_below -> push(r)
	:: else
	fi;
	found_below = false;
	idx = 0;
	r = 0;
	step = (list -> TAKE : SELF)
}

/* Does not take a second lock: `pending` is looked at in the next step. */
inline update_entry()
{
	pending = 0;
	next_entry();
	if
	:: idx < M ->
		if
		:: queued[r] & bit(idx) -> set_entry(r, idx)
		:: else -> target(r)
		fi;
		passed = x_p;
		update_contrib(idx);
		if
#ifdef SEEN_ONCE
		:: x_wanted && !verify && was_on_list(owner[idx])
		:: x_wanted && !verify && !was_on_list(owner[idx]) -> push(owner[idx])
#else
		:: x_wanted && !verify -> push(owner[idx])
#endif
		:: x_wanted && verify -> pending = owner[idx] + 1; changed = true
		:: !x_wanted && contrib[idx] -> pending = owner[idx] + 1
		:: else
		fi;
		idx++;
		next_entry()
	:: else
	fi;
	if
	:: pending -> step = FOUND
	:: else ->
		passed = 0;
		if
		:: idx == M -> end_record()
		:: else
		fi
	fi
}

inline push_found()
{
	target(pending - 1);
	if
	:: verify ->
		x_below = is_below(pending - 1, passed);
		found_below = found_below || x_below;
#ifdef NO_DESCENT
		x_wanted = changed || x_below
#else
		x_wanted = changed || x_below || (leaves_work(pending - 1) && !was_on_list(pending - 1))
#endif
	:: else ->
		x_wanted = needs_apply(pending - 1) && !was_on_list(pending - 1)
	fi;
	if
	:: x_wanted -> push(pending - 1)
	:: else
	fi;
	pending = 0;
	changed = false;
	passed = 0;
	if
	:: idx == M -> end_record()
	:: else -> step = ENTRY
	fi
}

/* The caller may be lowered again. If it waits, its entries follow. */
inline process_self()
{
	x_k = 0;
	if
	:: self == t ->
		self = NOBODY;
		lower_disabled[t] = false;
		target(t);
		x_k = needs_apply(t)
	:: else
	fi;
	if
	:: x_k -> push(t); step = TAKE
	:: else ->
		clear_marks();
		self = 0;
		verify = false;
		step = next;
		next = 0
	fi
}

/* ---- calls ---- */

inline begin()
{
	wait[t] = arg;
	find_cycle();
	step = ENQUEUE
}

/* The entries before idx are queued. */
inline enqueue()
{
	do
	:: idx < M && !(wait[t] & bit(idx)) -> idx++
	:: else -> break
	od;
	if
	:: idx == M -> step = BEFORE_SLEEP; idx = 0
	:: idx < M && owner[idx] == NOBODY ->
		owner[idx] = (claimed[t] -> NOBODY : t);
		claimed[t] = true;
		step = DEQUEUE;
		needed = false;
		idx = 0
	:: idx < M && owner[idx] != NOBODY ->
		queued[t] = queued[t] | bit(idx);
		if
		:: prio[t] ->
			set_entry(t, idx);
			update_contrib(idx);
			target(owner[idx]);
			x_p = rank_prio(entry[t * M + idx]);
			needed = needed || (contrib[idx] && (is_below(owner[idx], x_p) || leaves_work(owner[idx])))
		:: else
		fi;
		idx++
	fi
}

/* ntsync_pi_before_sleep() */
inline before_sleep()
{
	step = SLEEP;
	target(t);
	x_unboosted = !x_top && !boost[t] && !applying[t];
	x_k = 0;
	do
	:: x_k < M ->
		needed = needed || ((wait[t] & bit(x_k)) && rank_prio(entry[t * M + x_k]) != prio[t]);
		x_k++
	:: else -> break
	od;
	if
#ifdef NO_VERIFY
	:: x_unboosted
#else
	:: x_unboosted && (!prio[t] || !needed)
#endif
	:: else ->
		verify = true;
		push(t);
#ifdef SLEEP_FIRST
		asleep[t] = !claimed[t];
		check();
#endif
		skip
	fi;
	needed = false
}

inline sleep()
{
	step = (claimed[t] -> DEQUEUE : DONE);
	asleep[t] = !claimed[t];
	check()
}

inline dequeue()
{
	x_k = M;
	do
	:: x_k && !(queued[t] & bit(x_k - 1)) -> x_k--
	:: else -> break
	od;
	if
	:: x_k ->
		x_k--;
		queued[t] = queued[t] & ~bit(x_k);
		entry[t * M + x_k] = 0;
		update_contrib(x_k);
		if
		:: x_wanted -> push(owner[x_k])
		:: else
		fi
	:: else -> step = END_WAIT
	fi
}

inline end_wait()
{
	step = DONE;
	wait[t] = 0;
	if
	:: claimed[t] && must_walk[t] -> push(t)
	:: else
	fi;
	claimed[t] = false;
	must_walk[t] = false
}

/* Under the lock of mutex `arg`: to the waiter with the highest priority, which is `to` from now on. */
inline hand_off()
{
	debt[t] = true;
	owner[arg] = NOBODY;
	contrib[arg] = 0;
	do
	:: true ->
		to = NOBODY;
		x_i = 0;
		do
		:: x_i < N ->
			if
			:: (queued[x_i] & bit(arg)) && (to == NOBODY || prio[x_i] > prio[to]) -> to = x_i
			:: else
			fi;
			x_i++
		:: else -> break
		od;
		if
		:: to == NOBODY -> break
		:: else ->
			queued[to] = queued[to] & ~bit(arg);
			entry[to * M + arg] = 0;
			if
			:: !claimed[to] -> break
			:: else
			fi
		fi
	od;
	if
	:: to != NOBODY ->
		claimed[to] = true;
		owner[arg] = to;
		find_cycle();
		update_contrib(arg);
		must_walk[to] = x_wanted;
		if
		:: x_wanted -> push(to)
		:: else
		fi
	:: else
	fi;
	/* With an unlock, t updates itself at the end. */
	x_k = from;
	from = 0;
	if
#ifdef FORGET_FORMER
	:: false ->
#else
	:: x_k != NOBODY && (x_k != t || to == NOBODY) ->
#endif
		target(x_k);
		if
		:: leaves_work(x_k) -> push(x_k)
		:: else
		fi
	:: else
	fi
}

/* A task that is below a waiter takes on its priority first, and starts again. */
inline unlock()
{
	x_rank = 0;
	x_j = 0;
	do
	:: x_j < N ->
		x_rank = (entry[x_j * M + arg] > x_rank -> entry[x_j * M + arg] : x_rank);
		x_j++
	:: else -> break
	od;
	if
	:: rank_prio(x_rank) > prio[t] && rank_prio(x_rank) > self_boost[t] ->
		self_boost[t] = rank_prio(x_rank);
		push(t);
		to = NOBODY
	:: else ->
		to = NOBODY;
		step = AFTER_UNLOCK;
		if
		:: owner[arg] == from -> hand_off()
		:: else -> from = 0
		fi
	fi
}

inline after_unlock()
{
	step = DONE;
	debt[t] = false;
	x_k = self_boost[t];
	self_boost[t] = 0;
	target(t);
	if
	:: x_k || needs_apply(t) -> push(t)
	:: else
	fi
}

/* By another task; t is woken to verify. */
inline set_params()
{
	if
	:: asleep[t] ->
		outside[t] = true;
		asleep[t] = false;
		base[t] = arg;
		prio[t] = arg;
		verify = true;
		push(t);
		step = SLEEP
	:: else -> step = DONE
	fi
}

proctype call(byte step; byte t; byte arg; byte from)
{
	int list;
	byte next, on_list, listed, r, self, value, idx, pending, passed, to;
	bool sets, changed, found_below, verify, needed;

	do
	:: atomic { step == BEGIN -> d_step { begin() } }
	:: atomic { step == ENQUEUE -> d_step { enqueue() } }
	:: atomic { step == BEFORE_SLEEP -> d_step { before_sleep(); walk_if_needed() } }
	:: atomic { step == SLEEP -> d_step { sleep() } }
	:: atomic { step == GIVE_UP -> step = (asleep[t] -> DEQUEUE : DONE); asleep[t] = false }
	:: atomic { step == DEQUEUE -> d_step { dequeue(); walk_if_needed() } }
	:: atomic { step == END_WAIT -> d_step { end_wait(); walk_if_needed() } }
	:: atomic {
		step == UNLOCK ->
		d_step { unlock(); walk_if_needed() }
		if
		:: to != NOBODY && asleep[to] -> asleep[to] = false; run call(DEQUEUE, to, 0, 0)
		:: else
		fi;
		to = 0;
		d_step { check() }
	   }
	:: atomic { step == AFTER_UNLOCK -> d_step { after_unlock(); walk_if_needed() } }
	:: atomic { step == SET_PARAMS && !applying[t] -> d_step { set_params(); walk_if_needed() } }
	:: atomic {
		step == START_WALK ->
		lower_disabled[t] = true;
		self = t;
		step = TAKE;
		if
		:: applying[t] -> !applying[t]
		:: else
		fi
	   }
	:: atomic {
		step == TAKE ->
		d_step { take() }
		if
		:: sets -> !applying[r]; d_step { prepare() }
		:: else
		fi;
		step = (sets -> SET : ENTRY);
		sets = false
	   }
	:: atomic { step == SET -> d_step { prio[r] = (value -> value : base[r]); check(); step = END_SET } }
	:: atomic { step == END_SET -> d_step { boost[r] = value; applying[r] = false; value = 0; step = ENTRY } }
	:: atomic { step == ENTRY -> d_step { update_entry() } }
	:: atomic { step == FOUND -> d_step { push_found() } }
	:: atomic { step == SELF -> d_step { process_self() } }
	:: step == DONE -> break
	od
}

/* ---- what is right ---- */

/* Shortest paths, by Floyd and Warshall; then the highest source, and the nearest of those. */
inline oracle()
{
	x_i = 0;
	do
	:: x_i < N * N ->
		o_dist[x_i] = (x_i / N == x_i % N -> 0 : 99);
		x_k = 0;
		do
		:: x_k < M ->
			if
			:: (wait[x_i / N] & bit(x_k)) && owner[x_k] == x_i % N && x_i / N != x_i % N -> o_dist[x_i] = 1
			:: else
			fi;
			x_k++
		:: else -> break
		od;
		x_i++
	:: else -> break
	od;
	x_k = 0;
	do
	:: x_k < N ->
		x_i = 0;
		do
		:: x_i < N * N ->
			x_p = o_dist[(x_i / N) * N + x_k] + o_dist[x_k * N + x_i % N];
			o_dist[x_i] = (x_p < o_dist[x_i] -> x_p : o_dist[x_i]);
			x_i++
		:: else -> break
		od;
		x_k++
	:: else -> break
	od;
	x_j = 0;
	do
	:: x_j < N ->
		o_prio[x_j] = 0;
		o_hops[x_j] = 99;
		x_i = 0;
		do
		:: x_i < N ->
			x_h = o_dist[x_i * N + x_j];
			if
			:: x_h < 99 && (base[x_i] > o_prio[x_j] || (base[x_i] == o_prio[x_j] && x_h < o_hops[x_j])) ->
				o_prio[x_j] = base[x_i];
				o_hops[x_j] = x_h
			:: else
			fi;
			x_i++
		:: else -> break
		od;
		x_j++
	:: else -> break
	od
}

#define o_boost(r)	(o_prio[r] > base[r] -> o_prio[r] : 0)
#define o_entry(r, m)	((wait[r] & bit(m)) && o_prio[r] -> rank(o_prio[r], o_hops[r] + 1) : 0)

inline install()
{
	x_i = 0;
	do
	:: x_i < N ->
		prio[x_i] = o_prio[x_i];
		boost[x_i] = o_boost(x_i);
		queued[x_i] = wait[x_i];
		asleep[x_i] = (wait[x_i] != 0);
		x_i++
	:: else -> break
	od;
	x_i = 0;
	do
	:: x_i < N * M ->
		entry[x_i] = o_entry(x_i / M, x_i % M);
		contrib[x_i % M] = (entry[x_i] > contrib[x_i % M] -> entry[x_i] : contrib[x_i % M]);
		x_i++
	:: else -> break
	od
}

inline compare()
{
	x_i = 0;
	do
	:: x_i < N ->
		assert(prio[x_i] == o_prio[x_i]);
		assert(boost[x_i] == o_boost(x_i));
		assert(queued[x_i] == wait[x_i] && asleep[x_i] == (wait[x_i] != 0));
		assert(!applying[x_i] && !lower_disabled[x_i] && !self_boost[x_i] && !debt[x_i]);
		x_i++
	:: else -> break
	od;
	x_i = 0;
	do
	:: x_i < N * M ->
		assert(entry[x_i] == o_entry(x_i / M, x_i % M));
		x_i++
	:: else -> break
	od;
	x_i = 0;
	do
	:: x_i < M ->
		x_rank = 0;
		x_j = 0;
		do
		:: x_j < N ->
			x_rank = (o_entry(x_j, x_i) > x_rank -> o_entry(x_j, x_i) : x_rank);
			x_j++
		:: else -> break
		od;
		assert(contrib[x_i] == x_rank);
		x_i++
	:: else -> break
	od
}

#define nr_owned(r)	((owner[0] == (r)) + (owner[1] == (r)) + (M > 2 && owner[M - 1] == (r)))

inline start(c)
{
	if
	:: wait[c] -> run call(GIVE_UP, c, 0, 0)
	:: wait[c] && base[c] ->
		select (z : 0 .. LEVELS);
		z != base[c];
		run call(SET_PARAMS, c, z, 0)
	:: !wait[c] ->
		select (z : 1 .. bit(M) - 1);
		allowed = true;
		d_step {
			x_i = 0;
			do
			:: x_i < M -> allowed = allowed && !((z & bit(x_i)) && owner[x_i] == c); x_i++
			:: else -> break
			od
		}
		allowed;
		run call(BEGIN, c, z, 0)
	:: !wait[c] ->
		select (z : 0 .. M - 1);
		owner[z] != NOBODY;
		run call(UNLOCK, c, z, owner[z])
	fi
}

init
{
	byte x, y, z;
	bool allowed;

	atomic {
		do
		:: y < M ->
			select (x : 0 .. N);
			!y || x >= owner[y - 1];
			owner[y] = x;
			y++
		:: else -> break
		od;
		y = 0;
		do
		:: y < N ->
			select (x : 0 .. LEVELS);
			!y || x <= base[y - 1];
			base[y] = x;
			select (x : 0 .. bit(M) - 1);
			allowed = true;
			d_step {
				x_i = 0;
				do
				:: x_i < M ->
					allowed = allowed && !((x & bit(x_i)) && (owner[x_i] == y || owner[x_i] == NOBODY));
					x_i++
				:: else -> break
				od
			}
			allowed;
			wait[y] = x;
			/* Tasks of one priority: first those that own more. */
			!y || base[y] < base[y - 1] || nr_owned(y) < nr_owned(y - 1) ||
				(nr_owned(y) == nr_owned(y - 1) && (nr_owned(y) || wait[y] <= wait[y - 1]));
			y++
		:: else -> d_step { oracle(); install(); find_cycle(); check(); allowed = false } break
		od;
		select (y : 0 .. N - 1);
#if CALLS == 2
		select (x : 0 .. N - 1);
		x < y;
		start(x);
#endif
		start(y);
		x = 0;
		y = 0;
		z = 0;
		allowed = false
	}
	timeout -> d_step { oracle(); compare() }
}
