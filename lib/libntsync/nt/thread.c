// SPDX-License-Identifier: LGPL-2.1-or-later
#include "thread.h"

#include "association.h"
#include "fd.h"
#include "port.h"

#include <stdlib.h>
#include <unistd.h>

/* Guests' ids are often multiples of 4: Knuth's multiplicative hash, best bits first. */
static uint32_t hash_tid(uint32_t tid)
{
	uint32_t product = tid * 2654435769u;

	return product >> 16 | product << 16;
}

static struct nt_thread *thread_of(struct nt_hash_link *link)
{
	return (struct nt_thread *)link;
}

struct nt_thread *nt_thread_find_locked(const struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_hash_link *link = nt_hash_chain(&nt->threads, hash_tid(tid));

	while (link && thread_of(link)->tid != tid)
		link = link->next;
	return thread_of(link);
}

static void set_tid_locked(struct nt_thread *thread, uint32_t tid)
{
	thread->tid = tid;
	thread->link.hash = hash_tid(tid);
	nt_hash_insert(&thread->nt->threads, &thread->link);
}

struct nt_thread *nt_thread_find_self(const struct ntsync_nt *nt)
{
	return pthread_getspecific(nt->thread_key);
}

struct nt_object *nt_thread_pseudo_object(const struct nt_thread *thread)
{
	return thread->self ? thread->self :
			      atomic_load_explicit(&thread->object, memory_order_relaxed);
}

/* The kernel reuses the id of a thread that ended and is still in the table. */
static uint32_t choose_tid_locked(struct ntsync_nt *nt)
{
	uint32_t tid = nt_thread_own_tid();

	while (nt_thread_find_locked(nt, tid))
		tid = nt->next_tid--;
	return tid;
}

static struct nt_thread *create_thread_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread = nt_hash_reserve(&nt->threads) ? calloc(1, sizeof(*thread)) : NULL;

	if (!thread)
		return NULL;
	thread->nt = nt;
	thread->alert_fd = -1;
	thread->free_owned = NT_NO_INDEX;
	set_tid_locked(thread, tid);
	return thread;
}

struct nt_thread *nt_thread_find_or_create_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread = nt_thread_find_locked(nt, tid);

	return thread ? thread : create_thread_locked(nt, tid);
}

uint32_t nt_thread_address_locked(struct ntsync_nt *nt, uint32_t tid, struct nt_thread **thread)
{
	bool is_guest = tid && tid < NTSYNC_NT_OWN_TIDS;

	*thread = is_guest ? nt_thread_find_or_create_locked(nt, tid) :
			     tid ? nt_thread_find_locked(nt, tid) : NULL;
	if (*thread)
		return NTSYNC_STATUS_SUCCESS;
	return is_guest ? NTSYNC_STATUS_NO_MEMORY : NTSYNC_STATUS_INVALID_CID;
}

static void close_events(struct nt_thread *thread)
{
	if (thread->alert_fd < 0)
		return;
	nt_close_fd(thread->alert_fd);
	nt_close_fd(thread->stop_fd);
	thread->alert_fd = -1;
}

static void free_thread(struct nt_thread *thread)
{
	close_events(thread);
	nt_apc_free_all(thread);
	free(thread->owned);
	free(thread);
}

static void remove_thread_locked(struct nt_thread *thread)
{
	nt_hash_remove(&thread->nt->threads, &thread->link);
	free_thread(thread);
}

static int create_event(struct ntsync_nt *nt, bool signaled)
{
	int fd = nt_fd_nonzero(ntsync_event_create(nt->config.dev, false, signaled));

	if (fd < 0 || nt_fd_is_for_threads(nt, fd))
		return fd;
	nt_close_fd(fd);
	return -EMFILE;
}

/* The event for alerts is signaled if some were sent before the thread attached. */
static int create_events_locked(struct nt_thread *thread)
{
	int stop_fd = create_event(thread->nt, false), alert_fd;

	if (stop_fd < 0)
		return stop_fd;
	alert_fd = create_event(thread->nt, atomic_load(&thread->alerts));
	if (alert_fd < 0) {
		nt_close_fd(stop_fd);
		return alert_fd;
	}
	thread->stop_fd = stop_fd;
	thread->alert_fd = alert_fd;
	return 0;
}

void nt_thread_forget_unused_locked(struct nt_thread *thread)
{
	if (!thread->attached && !atomic_load(&thread->alerts) &&
	    !atomic_load(&thread->interruption) && !atomic_load(&thread->alerted_by_id) &&
	    !atomic_load(&thread->object) && thread->nr_owned == thread->nr_free)
		remove_thread_locked(thread);
}

/* Undoes a failed attach. What was sent to the id stays for the next try. */
static void undo_attach_locked(struct nt_thread *thread)
{
	close_events(thread);
	nt_thread_forget_unused_locked(thread);
}

static int attach_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread =
		nt_thread_find_or_create_locked(nt, tid ? tid : choose_tid_locked(nt));
	int ret;

	if (!thread)
		return -ENOMEM;
	if (thread->attached)
		return -EEXIST;
	ret = create_events_locked(thread);
	if (!ret)
		ret = -pthread_setspecific(nt->thread_key, thread);
	if (ret)
		undo_attach_locked(thread);
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

/* The guest thread has ended: it owns no mutants, gets neither APCs nor packets, and is not bound any more. */
static void release_objects(struct nt_thread *thread)
{
	struct nt_object *self = thread->self;

	nt_owned_abandon(thread);
	nt_timers_forget_thread(thread);
	nt_port_forget_thread(thread);
	thread->self = NULL;
	if (self)
		nt_object_put(thread->nt, self);
}

/* The thread's object, which belongs to the caller now; NULL if it has none. */
static struct nt_object *take_object_locked(struct nt_thread *thread)
{
	struct nt_object *object = atomic_load(&thread->object);

	atomic_store(&thread->object, NULL);
	if (object)
		object->thread->ended = true;
	return object;
}

/* Last: a thread that waited for the object finds the mutants abandoned, and the id free. */
static void signal_end(struct ntsync_nt *nt, struct nt_object *object)
{
	if (!object)
		return;
	nt_race();
	nt_association_set_event(nt, object, NULL);
	nt_object_put(nt, object);
}

/* In a forked child, the record is that of a thread of the parent. */
static void detach(struct nt_thread *thread)
{
	struct ntsync_nt *nt = thread->nt;
	struct nt_object *object;
	struct nt_saved saved;

	if (nt_in_forked_child(nt))
		return;
	release_objects(thread);
	nt_lock(&nt->lock, &saved);
	object = take_object_locked(thread);
	remove_thread_locked(thread);
	nt_unlock(&nt->lock, &saved);
	signal_end(nt, object);
}

/* The destructor of the key: the calling thread ends. */
static void detach_ending_thread(void *thread)
{
	detach(thread);
}

int nt_threads_init(struct ntsync_nt *nt)
{
	/* The two highest numbers are pseudo-handles. */
	nt->next_tid = 0xfffffffdu;
	return -pthread_key_create(&nt->thread_key, detach_ending_thread);
}

NTSYNC_API void ntsync_nt_thread_detach(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_find_self(nt);

	if (!thread)
		return;
	pthread_setspecific(nt->thread_key, NULL);
	detach(thread);
}

/* Sets the event last: a thread that waited for it finds the mutants abandoned. */
static uint32_t end_thread(struct nt_thread *thread, struct nt_object *self)
{
	struct ntsync_nt *nt = thread->nt;
	uint32_t status;

	if (!self || self->type == NTSYNC_NT_THREAD) {
		ntsync_nt_thread_detach(nt);
		return NTSYNC_STATUS_SUCCESS;
	}
	nt_object_get(self);
	ntsync_nt_thread_detach(nt);
	nt_race();
	status = nt_status(nt_association_set_event(nt, self, NULL));
	nt_object_put(nt, self);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_thread_end(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_find_self(nt);

	if (!thread || nt_in_forked_child(nt))
		return NTSYNC_STATUS_SUCCESS;
	if (thread->self && thread->self->type != NTSYNC_NT_EVENT &&
	    thread->self != atomic_load(&thread->object))
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	return end_thread(thread, thread->self);
}

/*
 * Finds the thread and marks it, so that of several callers only one goes on. The thread keeps its
 * id until its mutants are abandoned: a new thread with this id would own them. A record that no
 * thread is attached to is removed here.
 */
static uint32_t begin_to_abandon(struct ntsync_nt *nt, uint32_t tid, struct nt_thread **thread)
{
	uint32_t status = NTSYNC_STATUS_SUCCESS;
	struct nt_object *object = NULL;
	struct nt_saved saved;

	nt_lock(&nt->lock, &saved);
	*thread = tid ? nt_thread_find_locked(nt, tid) : NULL;
	if (!*thread || (*thread)->abandoned) {
		*thread = NULL;
		status = NTSYNC_STATUS_INVALID_CID;
	} else if (!(*thread)->attached) {
		nt_owned_abandon(*thread);
		object = take_object_locked(*thread);
		remove_thread_locked(*thread);
		*thread = NULL;
	} else {
		(*thread)->abandoned = true;
	}
	nt_unlock(&nt->lock, &saved);
	signal_end(nt, object);
	return status;
}

/*
 * The record stays, with the id 0: the host thread's key refers to it, and frees it should that
 * thread end after all.
 */
NTSYNC_API uint32_t ntsync_nt_thread_abandon(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread;
	struct nt_object *object;
	struct nt_saved saved;
	uint32_t status = begin_to_abandon(nt, tid, &thread);

	if (!thread)
		return status;
	nt_race();
	release_objects(thread);
	nt_lock(&nt->lock, &saved);
	object = take_object_locked(thread);
	nt_hash_remove(&nt->threads, &thread->link);
	set_tid_locked(thread, 0);
	nt_unlock(&nt->lock, &saved);
	signal_end(nt, object);
	return NTSYNC_STATUS_SUCCESS;
}

void nt_threads_abandon(struct ntsync_nt *nt)
{
	struct nt_hash_link *link = NULL;

	while ((link = nt_hash_next(&nt->threads, link)))
		nt_owned_abandon(thread_of(link));
}

void nt_threads_exit(struct ntsync_nt *nt)
{
	struct nt_hash_link *link;

	pthread_key_delete(nt->thread_key);
	while ((link = nt_hash_drain(&nt->threads)))
		free_thread(thread_of(link));
}
