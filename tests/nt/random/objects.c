// SPDX-License-Identifier: GPL-2.0-only
/* Objects and handles. */
#include "reference_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct model_object *model_find(const struct model *m, uint32_t handle)
{
	uint8_t place = m->handles[index_of(handle)];

	return place ? &m->objects[place - 1] : NULL;
}

static bool is_value(int64_t value)
{
	return value > 0 && value % 4 == 0 && value < NR_VALUES * 4;
}

static bool is_used(const struct model *m, uint8_t number)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (memchr(m->threads[t].objects, number, m->threads[t].nr_kept))
			return true;
	}
	return false;
}

/* The thread keeps its object until it has ended. */
static bool is_live(const struct model *m, uint8_t number)
{
	const struct model_object *object = &m->objects[number];

	return object->handles || (object->type == NTSYNC_NT_THREAD && !object->ended) ||
	       is_used(m, number);
}

void model_destroy_unused(struct model *m)
{
	for (uint8_t i = 0; i < NR_OBJECTS; i++) {
		if (m->objects[i].type && !is_live(m, i))
			memset(&m->objects[i], 0, sizeof(m->objects[i]));
	}
}

bool model_open_handle(struct model *m, int64_t value, uint8_t number, unsigned int held)
{
	uint32_t index = (uint32_t)value / 4;

	if (!is_value(value) || m->handles[index] || !model_may_issue(m, index, held))
		return false;
	model_note_issue(m, index, held);
	m->handles[index] = number + 1;
	m->objects[number].handles++;
	return true;
}

void model_close_handle(struct model *m, uint32_t index)
{
	struct model_object *object = &m->objects[m->handles[index] - 1];

	/* The name goes with the last handle, also if the object stays. */
	if (!--object->handles)
		object->name = 0;
	m->handles[index] = 0;
	model_note_closing(m, index);
}

uint8_t model_free_object(const struct model *m)
{
	uint8_t number = 0;

	while (m->objects[number].type)
		number++;
	if (number == NR_OBJECTS - 1) {
		fprintf(stderr, "# the test has too many objects\n");
		abort();
	}
	return number;
}

bool model_is_ready(const struct model_object *object, unsigned int t)
{
	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		return !object->owner || object->owner == t + 1;
	case NTSYNC_NT_KEYED_EVENT:
		return true;
	default:
		return object->count;
	}
}

bool model_acquire(struct model_object *object, unsigned int t)
{
	bool abandoned = object->abandoned;

	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		object->owner = t + 1;
		object->abandoned = false;
		object->count++;
		return abandoned;
	case NTSYNC_NT_SEMAPHORE:
		object->count--;
		return false;
	case NTSYNC_NT_EVENT:
	case NTSYNC_NT_TIMER:
		object->count = object->manual;
		return false;
	default:
		return false;
	}
}

bool model_start_thread(struct model *m, unsigned int t, uint32_t handle)
{
	uint8_t number = model_free_object(m);

	m->threads[t].detached = false;
	if (!handle) {
		model_note_failure(m, 0);
		return model_find_thread_object(m, t) < NR_OBJECTS;
	}
	if (model_find_thread_object(m, t) < NR_OBJECTS)
		return false;
	m->objects[number].type = NTSYNC_NT_THREAD;
	m->objects[number].owner = t + 1;
	return model_open_handle(m, handle, number, 0);
}

static void move_object(struct model *m, uint8_t from, uint8_t to)
{
	struct model_object object = m->objects[from];

	m->objects[from] = m->objects[to];
	m->objects[to] = object;
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		if (m->handles[i] == from + 1 || m->handles[i] == to + 1)
			m->handles[i] = from + to + 2 - m->handles[i];
	}
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct model_thread *thread = &m->threads[t];

		for (unsigned int i = 0; i < thread->nr_kept; i++) {
			if (thread->objects[i] == from || thread->objects[i] == to)
				thread->objects[i] = from + to - thread->objects[i];
		}
	}
}

void model_sort_objects(struct model *m)
{
	for (uint8_t i = 0; i < NR_OBJECTS; i++) {
		uint8_t first = i;

		for (uint8_t j = i; j < NR_OBJECTS; j++) {
			const struct model_object *a = &m->objects[j], *b = &m->objects[first];

			if (a->type && (!b->type || a->id < b->id))
				first = j;
		}
		if (first != i)
			move_object(m, first, i);
	}
}
