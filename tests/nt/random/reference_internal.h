/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the reference call of each other. */
#ifndef TESTS_NT_RANDOM_REFERENCE_INTERNAL_H
#define TESTS_NT_RANDOM_REFERENCE_INTERNAL_H

#include "reference.h"

/* &model_thread.step of a thread that takes an alert or an interruption. A wait for a timer looks once more first. */
#define STEP_TAKES		9
/* It has looked. */
#define STEP_TAKES_AFTER_LOOK	10
/* The deadline of a wait for a timer has come. It looks once more. */
#define STEP_GIVES_UP		11

/**
 * struct step - a step in progress
 * @m: the state that it leads to.
 * @t: the thread.
 * @round: its round.
 * @call: its call.
 * @emit: for a step that may lead to several states.
 * @context: for @emit.
 */
struct step {
	struct model m;
	unsigned int t;
	const struct round *round;
	const struct call *call;
	model_fn emit;
	void *context;
};

static inline struct model_thread *self(struct step *s)
{
	return &s->m.threads[s->t];
}

static inline uint32_t index_of(uint32_t handle)
{
	return handle / 4;
}

/* objects.c */

void model_destroy_unused(struct model *m);
/* False: this value can't be issued now. @held: see model_may_issue(). */
bool model_open_handle(struct model *m, int64_t value, uint8_t number, unsigned int held);
void model_close_handle(struct model *m, uint32_t index);
/* The place of a new object. */
uint8_t model_free_object(const struct model *m);
/* Can thread @t acquire the object? */
bool model_is_ready(const struct model_object *object, unsigned int t);
/* True if it was abandoned. */
bool model_acquire(struct model_object *object, unsigned int t);
/* By their ids, free places last. */
void model_sort_objects(struct model *m);

/* reuse.c */

/* May the closed value be issued now? */
/* @held: how many other values calls may hold at the moment, which will fail or return their own. */
bool model_may_issue(const struct model *m, uint32_t index, unsigned int held);
/* A call that would have returned a handle has failed. @others: how many calls were made beside it. */
void model_note_failure(struct model *m, unsigned int others);
void model_note_issue(struct model *m, uint32_t index, unsigned int held);
void model_note_closing(struct model *m, uint32_t index);
/* At the end of a round: closed values that calls still use can be issued in the next one at the earliest. */
void model_delay_pinned(struct model *m);

/* handles.c */

/* The end of a call that returns a handle, of the object @number; of one that fails instead. */
bool step_return_handle(struct step *s, uint8_t number, uint32_t status);
bool step_return_no_handle(struct step *s, uint32_t status);

/* names.c */

/* If an object has the name of the call, which creates one. False: none has. */
bool step_find_name(struct step *s, uint8_t type, bool *possible);

/* thread_end.c */

/* The object of a thread that has not ended; NR_OBJECTS: it has none. */
uint8_t model_find_thread_object(const struct model *m, unsigned int t);

/* waits.c */

void model_return(struct model *m, unsigned int t, uint32_t status, int64_t value);
/* The end of a step that is the call's last. Both return true. */
bool step_finish_with(struct step *s, uint32_t status, int64_t value);
bool step_finish(struct step *s, uint32_t status);
void model_wake(struct model *m, unsigned int t, uint32_t status);
/*
 * The thread takes what it was sent in a further step: what others send before that counts as one
 * with it. Objects that are signaled from now on are not for this thread.
 */
void model_wake_to_take(struct model *m, unsigned int t);
/* An object was signaled. Waits for all come before those for any, each in the order of arrival. */
void model_serve_waits(struct model *m, const struct round *r);
/* Is one of the objects that its call waits for a timer? */
bool model_waits_for_timer(const struct model *m, unsigned int t);
/* What ends an alertable wait; 0: nothing. */
uint32_t model_take_alert(struct model_thread *thread);
uint32_t model_take_interruption(struct model_thread *thread);
/*
 * A thread that sleeps: its deadline may come, or it has been sent something before it came. The latter
 * only at a keyed event: a partner may come before the thread looks.
 */
bool model_can_give_up(const struct model *m, unsigned int t, const struct round *r);
void step_give_up(struct step *s);
void step_fall_asleep(struct step *s);
/* After an interruption was looked for. @joins: a poll joins the queue for a moment. */
bool step_sleep_unless_alerted(struct step *s, bool joins);
bool step_wait_for_objects(struct step *s);
/* A wait for a timer has ended without an object: the timer may have become due before that. */
bool step_look_again(struct step *s);
/* The object of the call's first handle if it has the type; NULL: the call has ended. */
struct model_object *step_find_typed(struct step *s, enum ntsync_nt_type type);
/* The call keeps the object of the handle, and waits for it. */
void step_add_object(struct step *s, uint32_t handle);

/* The steps of the calls: false if the call can't have returned what was seen. */

bool step_wait(struct step *s);
bool step_delay(struct step *s);
bool step_wait_by_id(struct step *s);
bool step_keyed(struct step *s);
bool step_event(struct step *s);
bool step_semaphore(struct step *s);
bool step_mutant(struct step *s);
bool step_timer(struct step *s);
bool step_query_thread(struct step *s);
bool step_suspend(struct step *s);
bool step_park(struct step *s);
bool step_signal_and_wait(struct step *s);
bool step_create(struct step *s);
bool step_open(struct step *s);
bool step_duplicate(struct step *s);
bool step_close(struct step *s);
bool step_query(struct step *s);
bool step_alert(struct step *s);
bool step_queue_apc(struct step *s);
bool step_queue_user_apc(struct step *s);
bool step_alert_by_id(struct step *s);
bool step_interrupt(struct step *s);
bool step_take_apc(struct step *s);
bool step_test_alert(struct step *s);
bool step_end(struct step *s);
bool step_thread_object(struct step *s);
/* The last step of a wait that one of these has ended. */
bool step_take_what_was_sent(struct step *s);

#endif /* TESTS_NT_RANDOM_REFERENCE_INTERNAL_H */
