// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waits for objects, channels and descriptors. Objects come first in the answer, so they are also
 * the first in what the driver gets: then the index of an object is the one in &nt_wait.pins.
 */
#include "wait.h"

/**
 * struct aggregate - an aggregate wait
 * @wait: the wait.
 * @polls: its descriptors.
 * @objects: the positions of the objects in the caller's array.
 * @descriptors: those of the descriptors.
 */
struct aggregate {
	struct nt_wait wait;
	struct nt_polls polls;
	uint32_t objects[NTSYNC_NT_MAX_SOURCES];
	uint32_t descriptors[NTSYNC_NT_MAX_SOURCES];
};

/* As in a wait for several objects, a pseudo-handle is invalid. */
static uint32_t add_object(struct aggregate *a, const struct ntsync_nt_source *source,
			   uint32_t position)
{
	if (source->events)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	if (nt_is_pseudo(source->handle)) {
		nt_handle_invalid(a->wait.nt, source->handle);
		return NTSYNC_STATUS_INVALID_HANDLE;
	}
	a->objects[a->wait.count] = position;
	return nt_wait_add(&a->wait, source->handle);
}

static uint32_t add_descriptor(struct aggregate *a, const struct ntsync_nt_source *source,
			       uint32_t position)
{
	if (source->fd < 0)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	a->descriptors[a->polls.count] = position;
	a->polls.sources[a->polls.count++] = (struct ntsync_aggregate_source){
		.type = NTSYNC_AGG_FD, .events = source->events, .fd = (uint32_t)source->fd,
	};
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t add_sources(struct aggregate *a, const struct ntsync_nt_source *sources,
			    uint32_t count)
{
	uint32_t status = NTSYNC_STATUS_SUCCESS;

	for (uint32_t i = 0; i < count && !status; i++) {
		if (sources[i].type == NTSYNC_AGG_OBJECT)
			status = add_object(a, &sources[i], i);
		else if (sources[i].type == NTSYNC_AGG_FD)
			status = add_descriptor(a, &sources[i], i);
		else
			status = NTSYNC_STATUS_INVALID_PARAMETER;
	}
	return status;
}

/* Replaces the index that the status contains by the one in the caller's array. */
static uint32_t caller_status(const struct aggregate *a, uint32_t status, uint32_t *events)
{
	uint32_t base = status & NTSYNC_STATUS_ABANDONED_WAIT_0, index = status - base;
	uint32_t objects = a->wait.count;

	if (index >= objects + a->polls.count)
		return status;
	if (events)
		*events = index < objects ? 0 : a->polls.events;
	return base + (index < objects ? a->objects[index] : a->descriptors[index - objects]);
}

static uint32_t run(struct aggregate *a, uint32_t *events)
{
	uint32_t status = nt_wait_prepare(&a->wait);

	if (!status)
		status = nt_wait_refuse(&a->wait);
	if (status)
		return status;
	return caller_status(a, nt_wait_run(&a->wait), events);
}

NTSYNC_API uint32_t ntsync_nt_wait_aggregate(struct ntsync_nt *nt,
					     const struct ntsync_nt_source *sources,
					     uint32_t count, bool alertable,
					     struct ntsync_nt_deadline deadline, uint32_t *events)
{
	struct aggregate a;
	uint32_t status;

	if (!sources || !count || count > NTSYNC_NT_MAX_SOURCES)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_wait_begin(&a.wait, nt, alertable, deadline);
	if (status)
		return status;
	a.polls.count = 0;
	a.wait.polls = &a.polls;
	status = add_sources(&a, sources, count);
	if (!status)
		status = run(&a, events);
	nt_wait_end(&a.wait);
	return status;
}
