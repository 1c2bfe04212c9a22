/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reference for the handle table: what calls do one after the other, as docs/handles.md and
 * ntsync_nt.h say it. The whole state is one struct that can be copied, so that a search (orders.h)
 * can try the calls of several threads in every order.
 *
 * A call is one step or several. Most are one: a wait for all objects, a signal with all waits that
 * it ends. Several steps have
 *
 * - a wait with a deadline that comes: it begins, and times out.
 * - a wait that an alert, an APC or an interruption ends: it takes that when it runs. Several count as
 *   one before that.
 * - a wait for a timer, among others, that anything but an object ends: it looks once more whether an object is
 *   signaled. The timer may have become due before the wait ended.
 * - a park that a resumption ends: the thread sleeps on if it was suspended again before it runs.
 * - a poll of a keyed event, and a call there of a thread that was alerted before: as on NT, it meets a
 *   thread that comes before it gives up.
 * - a duplicate that closes its source: the duplicate exists before that.
 * - a timer that is set to a time in the past: it is reset first, and then signaled.
 * - the end of a thread: it abandons its mutants, one by one; its id is free; its object is signaled. One
 *   that only detaches attaches again after that, as another thread with the same id.
 * - a signal-and-wait on a driver that has no such call, and there a poll, too (&struct round).
 *
 * What it leaves out:
 *
 * - completion ports and wait completion packets.
 * - timers with a period, with an APC, or that become due while a call sleeps.
 * - the limits of names, handles and counts, names whose case differs, and lack of memory.
 * - protected handles, references to handles, handles with chosen values, pseudo-handles, bound threads.
 * - ntsync_nt_thread_abandon(), exit statuses, the withdrawal of an interruption, a stop of the table.
 * - threads that are suspended by a signal.
 * - waits for addresses, critical sections, SRW locks and condition variables.
 * - channels, aggregate waits, descriptors that are adopted or given away.
 * - dates: each deadline is of CLOCK_MONOTONIC.
 * - which of several waiters with different priorities is woken: all have the same one.
 */
#ifndef TESTS_NT_RANDOM_REFERENCE_H
#define TESTS_NT_RANDOM_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntsync_nt.h>

#define NR_THREADS	5
/* Handles are 4, 8, 12, ... */
#define NR_VALUES	64
#define NR_OBJECTS	40
#define MAX_HANDLES	4
#define MAX_APCS	16
/* Names are 1, 2, ...; 0: none. */
#define NR_NAMES	3
/* Thread t has the id FIRST_TID + t. */
#define FIRST_TID	100u
/* The call has written no result but its status. */
#define NO_VALUE	INT64_MIN
/* The status of ntsync_nt_interrupt_thread(). */
#define INTERRUPTED	0xc000013cu

enum call_kind {
	CALL_CREATE_EVENT,
	CALL_CREATE_SEMAPHORE,
	CALL_CREATE_MUTANT,
	CALL_CREATE_KEYED_EVENT,
	CALL_CREATE_TIMER,
	CALL_OPEN,
	CALL_CREATE_THREAD,
	CALL_OPEN_THREAD,
	CALL_DUPLICATE,
	CALL_CLOSE,
	CALL_QUERY,
	CALL_SET_EVENT,
	CALL_RESET_EVENT,
	CALL_PULSE_EVENT,
	CALL_QUERY_EVENT,
	CALL_RELEASE_SEMAPHORE,
	CALL_QUERY_SEMAPHORE,
	CALL_RELEASE_MUTANT,
	CALL_QUERY_MUTANT,
	CALL_SET_TIMER,
	CALL_CANCEL_TIMER,
	CALL_QUERY_TIMER,
	CALL_QUERY_THREAD,
	CALL_SUSPEND,
	CALL_RESUME,
	CALL_WAIT,
	CALL_WAIT_ALL,
	CALL_SIGNAL_AND_WAIT,
	CALL_DELAY,
	CALL_WAIT_KEYED,
	CALL_RELEASE_KEYED,
	CALL_WAIT_BY_ID,
	CALL_PARK,
	CALL_ALERT_BY_ID,
	CALL_ALERT,
	CALL_QUEUE_APC,
	CALL_QUEUE_USER_APC,
	CALL_TAKE_APC,
	CALL_TEST_ALERT,
	CALL_INTERRUPT,
	CALL_REATTACH,
	CALL_END,
	NR_CALL_KINDS
};

enum patience { POLLS, WAITS_BRIEFLY, WAITS_FOR_EVER };

/**
 * struct call - a call of one thread
 * @kind: which function.
 * @handles: its handles; of a signal-and-wait first the one to signal.
 * @count: how many.
 * @patience: the deadline of a wait.
 * @brief_us: with WAITS_BRIEFLY: how long it waits at most.
 * @alertable: of a wait.
 * @flag: create an event, a timer: manual; set a timer: to a time in the past, else far in the future; a mutant: owned; duplicate: close the source; a wait for one
 *	handle: by ntsync_nt_wait_multiple(); end: by ntsync_nt_thread_end().
 * @number: create an event: signaled; a semaphore: its count; release one: how much; an APC: its
 *	routine.
 * @limit: create a semaphore: its limit.
 * @name: create, open: its name, or 0.
 * @open_if: create: open the object that has the name.
 * @type: open: of this type.
 * @key: of a keyed event.
 * @target: the thread that an alert is for, or whose object is created or opened; reattach: the caller.
 */
struct call {
	enum call_kind kind;
	uint32_t handles[MAX_HANDLES];
	uint32_t count;
	enum patience patience;
	unsigned int brief_us;
	bool alertable;
	bool flag;
	int32_t number;
	int32_t limit;
	unsigned int name;
	bool open_if;
	enum ntsync_nt_type type;
	uint64_t key;
	unsigned int target;
};

/**
 * struct result - what a call has returned
 * @status: its status.
 * @value: what else it has written, as a number; or NO_VALUE.
 */
struct result {
	uint32_t status;
	int64_t value;
};

/* The numbers of calls that write several. */
int64_t handle_value(enum ntsync_nt_type type, uint32_t handles);
int64_t mutant_value(const struct ntsync_nt_mutant_state *state);
int64_t timer_value(const struct ntsync_nt_timer_state *state);
int64_t thread_value(const struct ntsync_nt_thread_state *state);

/**
 * struct round - calls that began at the same time, and how each thread was found after that
 * @calls: the last call of each thread.
 * @began: the thread's call is of this round. If not, it slept before or is idle.
 * @returned: it has returned; if not, and the thread is not idle, it sleeps.
 * @results: what it has returned.
 * @two_steps: the driver has no call for a signal-and-wait. A poll joins the queue there for a moment,
 *	so that a pulse may end it.
 */
struct round {
	struct call calls[NR_THREADS];
	bool began[NR_THREADS];
	bool returned[NR_THREADS];
	struct result results[NR_THREADS];
	bool two_steps;
};

/**
 * struct model_object - an object
 * @type: NTSYNC_NT_NONE: this place is free.
 * @manual: of an event or a timer.
 * @abandoned: of a mutant.
 * @ended: of a thread object.
 * @is_set: of a timer.
 * @name: its name, or 0.
 * @owner: of a mutant: the thread that owns it, plus 1; of a thread object: its thread, plus 1.
 * @handles: how many handles it has.
 * @count: event, timer, thread: signaled; semaphore: its count; mutant: how often it was acquired.
 * @limit: of a semaphore.
 * @id: the table's number of it; 0: not known yet.
 */
struct model_object {
	uint8_t type;
	bool manual;
	bool abandoned;
	bool ended;
	uint8_t name;
	uint8_t owner;
	bool is_set;
	uint8_t unused;
	int32_t handles;
	int32_t count;
	int32_t limit;
	uint64_t id;
};

/**
 * enum model_state - where a thread is
 * @THREAD_IDLE: in no call.
 * @THREAD_CALLS: its call has further steps to do.
 * @THREAD_SLEEPS: its call waits; it is in &struct model.queue.
 * @THREAD_RETURNS: its call has returned in this round.
 */
enum model_state { THREAD_IDLE, THREAD_CALLS, THREAD_SLEEPS, THREAD_RETURNS };

/**
 * struct model_thread - a thread
 * @state: enum model_state.
 * @step: how many steps of its call are done.
 * @alerted: ntsync_nt_alert_thread() has come.
 * @apc_pending: ntsync_nt_queue_apc() has come.
 * @alerted_by_id: ntsync_nt_alert_by_id() has come.
 * @detached: its id is free.
 * @nr_objects: how many objects its call waits for.
 * @nr_kept: how many objects its call keeps: these, and the one that it has signaled.
 * @objects: their numbers.
 * @pinned: the handle values that are not issued again before its call has ended.
 * @nr_apcs: how many APCs are queued.
 * @apcs: their routines, in their order.
 * @interruption: the status of an interruption, or 0.
 * @suspends: its suspend count.
 * @result: with THREAD_RETURNS.
 */
struct model_thread {
	uint8_t state;
	uint8_t step;
	bool alerted;
	bool apc_pending;
	bool alerted_by_id;
	bool detached;
	uint8_t nr_objects;
	uint8_t nr_kept;
	uint8_t objects[MAX_HANDLES];
	uint8_t pinned[MAX_HANDLES];
	uint8_t nr_apcs;
	int32_t apcs[MAX_APCS];
	uint32_t interruption;
	uint32_t suspends;
	struct result result;
};

/**
 * struct model_closing - when a handle value was closed: in one of these rounds
 * @first: the round of the call that has closed it; 0: it was never issued.
 * @last: the round in which the last call ended that kept it from being issued again. If it was never issued: the
 *	round in which a call may have given it back, with a quarantine just 1; 0: none has.
 */
struct model_closing {
	uint32_t first;
	uint32_t last;
};

/**
 * struct model - the state of a table and its threads; all bytes count when two are compared
 * @reuse: which closed value is issued next.
 * @quarantine: with NTSYNC_NT_REUSE_QUARANTINE: not before that many others were closed.
 * @round: the number of the round, from 1.
 * @objects: its objects.
 * @handles: by handle value / 4: the object's number plus 1, or 0: closed.
 * @closings: of the values that are closed.
 * @given_back: how many values calls may have given back that have failed.
 * @threads: its threads.
 * @queue: the threads that sleep, in the order in which they came.
 * @nr_asleep: how many.
 */
struct model {
	uint32_t reuse;
	uint32_t quarantine;
	uint32_t round;
	struct model_object objects[NR_OBJECTS];
	uint8_t handles[NR_VALUES];
	struct model_closing closings[NR_VALUES];
	uint32_t given_back;
	struct model_thread threads[NR_THREADS];
	uint8_t queue[NR_THREADS];
	uint8_t nr_asleep;
};

/* No objects, all threads idle and not attached. */
void model_init(struct model *m, enum ntsync_nt_reuse reuse, uint32_t quarantine);
/*
 * A thread begins, with a new thread object whose handle is @handle; 0: with one that it had before. False:
 * that can't be.
 */
bool model_start_thread(struct model *m, unsigned int t, uint32_t handle);
/* The calls of the round are to begin. */
void model_begin_round(struct model *m, const struct round *r);
/* Forgets the results. Objects get an order that does not depend on the order of steps. */
void model_end_round(struct model *m);

typedef void (*model_fn)(void *context, const struct model *next);
/* Whether thread @t has a step that it may do now. */
bool model_can_step(const struct model *m, unsigned int t, const struct round *r);
/* Calls @emit for each state that the next step of thread @t may lead to. */
void model_step(const struct model *m, unsigned int t, const struct round *r, model_fn emit,
		void *context);

/* What ntsync_nt_query_thread() says of a thread object. */
struct ntsync_nt_thread_state model_thread_state(const struct model *m,
						 const struct model_object *object);
/* NULL if the handle is closed. */
const struct model_object *model_find(const struct model *m, uint32_t handle);

#endif /* TESTS_NT_RANDOM_REFERENCE_H */
