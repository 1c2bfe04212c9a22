// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

#include <stdlib.h>
#include <unistd.h>

struct nt_thread *nt_thread_find_self(const struct ntsync_nt *nt)
{
	return pthread_getspecific(nt->thread_key);
}

/* The kernel's ids, which debuggers and /proc show, have 22 bits. */
uint32_t nt_thread_own_tid(void)
{
	return NTSYNC_NT_OWN_TIDS | (uint32_t)gettid();
}

/* That of a thread which has ended without a detach can come again. */
static uint32_t unused_tid_locked(struct ntsync_nt *nt)
{
	uint32_t tid = nt_thread_own_tid();

	while (nt_thread_find_locked(nt, tid))
		tid = nt->next_tid--;
	return tid;
}

static struct nt_thread *make_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	thread->nt = nt;
	thread->tid = tid;
	thread->alert_fd = -1;
	thread->free_owned = NT_NO_INDEX;
	nt_thread_enlist_locked(nt, thread);
	return thread;
}

struct nt_thread *nt_thread_expect_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread = nt_thread_find_locked(nt, tid);

	return thread ? thread : make_locked(nt, tid);
}

static void drop_locked(struct nt_thread *thread)
{
	nt_thread_unlist_locked(thread->nt, thread);
	if (thread->alert_fd >= 0)
		nt_close_fd(thread->alert_fd);
	free(thread);
}

/* Attaching has failed. What was sent before is kept for another try. */
static void detach_locked(struct nt_thread *thread)
{
	if (!atomic_load(&thread->alerts)) {
		drop_locked(thread);
		return;
	}
	if (thread->alert_fd >= 0)
		nt_close_fd(thread->alert_fd);
	thread->alert_fd = -1;
}

/* What was sent to the thread before is in its record. */
static int attach_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread = nt_thread_expect_locked(nt, tid ? tid : unused_tid_locked(nt));
	int ret;

	if (!thread)
		return -ENOMEM;
	if (thread->attached)
		return -EEXIST;
	ret = nt_alert_init_locked(thread);
	if (!ret)
		ret = -pthread_setspecific(nt->thread_key, thread);
	if (ret)
		detach_locked(thread);
	else
		thread->attached = true;
	return ret;
}

static int attach(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_saved saved;
	int ret;

	nt_lock(&nt->lock, &saved);
	ret = attach_locked(nt, tid);
	nt_unlock(&nt->lock, &saved);
	return ret;
}

struct nt_thread *nt_thread_self(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_find_self(nt);

	if (!thread && !attach(nt, 0))
		thread = nt_thread_find_self(nt);
	return thread;
}

NTSYNC_API int ntsync_nt_thread_attach(struct ntsync_nt *nt, uint32_t tid)
{
	if (!tid || tid >= NTSYNC_NT_OWN_TIDS)
		return -EINVAL;
	return nt_thread_find_self(nt) ? -EALREADY : attach(nt, tid);
}

NTSYNC_API uint32_t ntsync_nt_thread_id(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_self(nt);

	return thread ? thread->tid : 0;
}

/* Its guest thread has ended: nobody is to see it own, or be, anything any more. */
static void let_go(struct nt_thread *thread)
{
	struct nt_object *self = thread->self;

	nt_owned_kill(thread);
	thread->self = NULL;
	if (self)
		nt_object_put(thread->nt, self);
}

/* A child's only thread is not the thread of the parent whose record it still has. */
static void detach(struct nt_thread *thread)
{
	struct nt_lock *lock = &thread->nt->lock;
	struct nt_saved saved;

	if (nt_is_parents(thread->nt))
		return;
	let_go(thread);
	nt_lock(lock, &saved);
	drop_locked(thread);
	nt_unlock(lock, &saved);
}

/* Destructor of the key: the thread ends. */
static void thread_ended(void *thread)
{
	detach(thread);
}

int nt_threads_init(struct ntsync_nt *nt)
{
	int ret = nt_tids_init(nt);

	if (ret)
		return ret;
	/* The two above are pseudo-handles. */
	nt->next_tid = 0xfffffffdu;
	ret = -pthread_key_create(&nt->thread_key, thread_ended);
	if (ret)
		nt_tids_exit(nt);
	return ret;
}

NTSYNC_API void ntsync_nt_thread_detach(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_find_self(nt);

	if (!thread)
		return;
	pthread_setspecific(nt->thread_key, NULL);
	detach(thread);
}

/* The event comes last: who waits for the thread's end may count on its mutants being free. */
static uint32_t end(struct nt_thread *thread, struct nt_object *self)
{
	struct ntsync_nt *nt = thread->nt;
	uint32_t status;

	if (!self) {
		ntsync_nt_thread_detach(nt);
		return NTSYNC_STATUS_SUCCESS;
	}
	nt_object_get(self);
	ntsync_nt_thread_detach(nt);
	nt_race();
	status = nt_status(ntsync_event_set(self->fd, NULL));
	nt_object_put(nt, self);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_thread_end(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_find_self(nt);

	if (!thread || nt_is_parents(nt))
		return NTSYNC_STATUS_SUCCESS;
	if (thread->self && thread->self->type != NTSYNC_NT_EVENT)
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	return end(thread, thread->self);
}

/*
 * Of several callers the first gets it. The id stays taken while mutants have it as owner. One
 * that was not attached yet has nothing but what was sent to it, and that is all that goes.
 */
static uint32_t begin_to_abandon(struct ntsync_nt *nt, uint32_t tid, struct nt_thread **thread)
{
	uint32_t status = NTSYNC_STATUS_SUCCESS;
	struct nt_saved saved;

	nt_lock(&nt->lock, &saved);
	*thread = tid ? nt_thread_find_locked(nt, tid) : NULL;
	if (!*thread || (*thread)->abandoned) {
		*thread = NULL;
		status = NTSYNC_STATUS_INVALID_CID;
	} else if (!(*thread)->attached) {
		drop_locked(*thread);
		*thread = NULL;
	} else {
		(*thread)->abandoned = true;
	}
	nt_unlock(&nt->lock, &saved);
	return status;
}

/*
 * The record stays, without an id: the host thread's key refers to it, and frees it if that
 * thread ends after all.
 */
NTSYNC_API uint32_t ntsync_nt_thread_abandon(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread;
	struct nt_saved saved;
	uint32_t status = begin_to_abandon(nt, tid, &thread);

	if (!thread)
		return status;
	nt_race();
	let_go(thread);
	nt_lock(&nt->lock, &saved);
	nt_thread_unlist_locked(nt, thread);
	thread->tid = 0;
	nt_thread_enlist_locked(nt, thread);
	nt_unlock(&nt->lock, &saved);
	return NTSYNC_STATUS_SUCCESS;
}

/* The object of @handle with a reference of its own; 0 is no object. */
static uint32_t object_of(struct ntsync_nt *nt, uint32_t handle, struct nt_object **object)
{
	struct nt_pin pin;
	uint32_t status;

	*object = NULL;
	if (!handle)
		return NTSYNC_STATUS_SUCCESS;
	status = nt_get(nt, handle, &pin);
	if (status)
		return status;
	nt_object_get(pin.object);
	*object = pin.object;
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_bind_thread(struct ntsync_nt *nt, uint32_t handle)
{
	struct nt_thread *thread = nt_thread_self(nt);
	struct nt_object *object, *before;
	uint32_t status;

	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	status = object_of(nt, handle, &object);
	if (status)
		return status;
	before = thread->self;
	thread->self = object;
	if (before)
		nt_object_put(nt, before);
	return NTSYNC_STATUS_SUCCESS;
}

/* Never replaced: other threads use it without a lock, and rely on the table's reference. */
NTSYNC_API uint32_t ntsync_nt_bind_process(struct ntsync_nt *nt, uint32_t handle)
{
	struct nt_object *object, *none = NULL;
	uint32_t status = object_of(nt, handle, &object);

	if (status)
		return status;
	if (object && atomic_compare_exchange_strong(&nt->process, &none, object))
		return NTSYNC_STATUS_SUCCESS;
	if (object)
		nt_object_put(nt, object);
	return NTSYNC_STATUS_INVALID_PARAMETER;
}

void nt_threads_exit(struct ntsync_nt *nt)
{
	struct nt_thread *thread;

	pthread_key_delete(nt->thread_key);
	while ((thread = nt_thread_next_locked(nt, NULL))) {
		free(thread->owned);
		drop_locked(thread);
	}
	nt_tids_exit(nt);
}
