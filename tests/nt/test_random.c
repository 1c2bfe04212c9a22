// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations beside a simple model. After every step everything that can be queried is
 * compared: the table's own invariants, the trace, the counts, and the object of each handle. The
 * seed is printed; NTSYNC_TEST_SEED repeats a run.
 */
#include "nt_test.h"
#include "../stress/stress.h"

#include <stdlib.h>

#define MAX_SLOTS	40
#define MAX_OBJECTS	MAX_SLOTS
#define STEPS		5000

/* Semaphores count to 5; an event's count is 1 if it is signaled. */
struct object {
	enum ntsync_nt_type type;
	uint64_t id;
	uint32_t handles;
	int32_t count;
	bool manual;
};

/* One handle value. */
struct slot {
	uint32_t handle;
	uint32_t references;
	bool is_protected;
	struct object *object;
};

struct model {
	struct fixture *f;
	struct slot slots[MAX_SLOTS];
	struct object objects[MAX_OBJECTS];
	uint64_t creates, destroys;
	uint64_t random;
	unsigned int step;
};

static uint32_t random_below(struct model *m, uint32_t bound)
{
	return stress_below(&m->random, bound);
}

static struct slot *free_slot(struct model *m)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		if (!m->slots[i].references)
			return &m->slots[i];
	}
	return NULL;
}

static struct object *free_object(struct model *m)
{
	for (size_t i = 0; i < MAX_OBJECTS; i++) {
		if (!m->objects[i].handles)
			return &m->objects[i];
	}
	return NULL;
}

/* Open or closed; the value of a closed one may belong to another slot by now. */
static struct slot *any_slot(struct model *m)
{
	return &m->slots[random_below(m, MAX_SLOTS)];
}

static struct slot *find_slot(struct model *m, uint32_t handle)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		if (m->slots[i].references && m->slots[i].handle == handle)
			return &m->slots[i];
	}
	return NULL;
}

static void bind_slot(struct model *m, struct slot *slot, uint32_t handle, struct object *object)
{
	if (find_slot(m, handle))
		fail_msg("handle %#x was issued twice", handle);
	*slot = (struct slot){ .handle = handle, .references = 1, .object = object };
	object->handles++;
	m->creates++;
}

static void unbind_slot(struct model *m, struct slot *slot)
{
	if (--slot->references)
		return;
	slot->object->handles--;
	m->destroys++;
}

static void create_object(struct model *m, struct slot *slot, struct object *object)
{
	struct fixture *f = m->f;
	uint32_t handle;

	*object = (struct object){ .type = 1 + random_below(m, 4), .manual = random_below(m, 2) };
	object->count = object->type == NTSYNC_NT_TIMER ? 0 : (int32_t)random_below(m, 2);
	switch (object->type) {
	case NTSYNC_NT_EVENT:
		handle = new_event(f, object->manual, object->count);
		break;
	case NTSYNC_NT_MUTANT:
		handle = new_mutant(f, object->count);
		break;
	case NTSYNC_NT_SEMAPHORE:
		handle = new_semaphore(f, object->count, 5);
		break;
	default:
		handle = new_timer(f, object->manual);
	}
	bind_slot(m, slot, handle, object);
	object->id = info_of(f, handle).id;
}

static void create_any(struct model *m)
{
	struct slot *slot = free_slot(m);
	uint32_t out = UNTOUCHED;

	if (slot) {
		create_object(m, slot, free_object(m));
		return;
	}
	assert_status(ntsync_nt_create_event(m->f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(out, 0);
}

static uint32_t model_close(struct model *m, struct slot *slot)
{
	if (!slot)
		return NTSYNC_STATUS_INVALID_HANDLE;
	if (slot->is_protected)
		return NTSYNC_STATUS_HANDLE_NOT_CLOSABLE;
	unbind_slot(m, slot);
	return NTSYNC_STATUS_SUCCESS;
}

static void close_any(struct model *m)
{
	uint32_t handle = any_slot(m)->handle;
	uint32_t want = model_close(m, find_slot(m, handle));

	assert_status(ntsync_nt_close(m->f->nt, handle), want);
}

static void duplicate_any(struct model *m)
{
	uint32_t options = random_below(m, 8), handle = any_slot(m)->handle, out = UNTOUCHED;
	struct slot *source = find_slot(m, handle), *target = free_slot(m);
	uint32_t status = ntsync_nt_duplicate(m->f->nt, handle, &out, options);

	if (!source || !target) {
		assert_status(status, source ? NTSYNC_STATUS_INSUFFICIENT_RESOURCES :
					       NTSYNC_STATUS_INVALID_HANDLE);
		assert_int_equal(out, 0);
		if (options & NTSYNC_NT_DUPLICATE_CLOSE_SOURCE)
			model_close(m, source);
		return;
	}
	assert_ok(status);
	/* The duplicate exists before the source is closed. */
	bind_slot(m, target, out, source->object);
	if (options & NTSYNC_NT_DUPLICATE_SAME_ATTRIBUTES)
		target->is_protected = source->is_protected;
	if (options & NTSYNC_NT_DUPLICATE_CLOSE_SOURCE)
		model_close(m, source);
}

static void protect_any(struct model *m)
{
	uint32_t handle = any_slot(m)->handle;
	struct slot *slot = find_slot(m, handle);
	bool on = random_below(m, 4) == 0;

	assert_status(ntsync_nt_protect(m->f->nt, handle, on),
		      slot ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_INVALID_HANDLE);
	if (slot)
		slot->is_protected = on;
}

static void retain_any(struct model *m)
{
	uint32_t handle = any_slot(m)->handle;
	struct slot *slot = find_slot(m, handle);

	assert_status(ntsync_nt_retain(m->f->nt, handle),
		      slot ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_INVALID_HANDLE);
	if (slot)
		slot->references++;
}

static uint32_t model_signal(struct object *object)
{
	switch (object->type) {
	case NTSYNC_NT_EVENT:
		object->count = 1;
		return NTSYNC_STATUS_SUCCESS;
	case NTSYNC_NT_MUTANT:
		if (!object->count)
			return NTSYNC_STATUS_MUTANT_NOT_OWNED;
		object->count--;
		return NTSYNC_STATUS_SUCCESS;
	default:
		if (object->count == 5)
			return NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED;
		object->count++;
		return NTSYNC_STATUS_SUCCESS;
	}
}

static uint32_t signal_handle(struct fixture *f, uint32_t handle, enum ntsync_nt_type type)
{
	switch (type) {
	case NTSYNC_NT_EVENT:
		return ntsync_nt_set_event(f->nt, handle, NULL);
	case NTSYNC_NT_MUTANT:
		return ntsync_nt_release_mutant(f->nt, handle, NULL);
	default:
		return ntsync_nt_release_semaphore(f->nt, handle, 1, NULL);
	}
}

static void signal_any(struct model *m)
{
	enum ntsync_nt_type type = 1 + random_below(m, 3);
	uint32_t handle = any_slot(m)->handle, want;
	struct slot *slot = find_slot(m, handle);

	if (!slot)
		want = NTSYNC_STATUS_INVALID_HANDLE;
	else if (slot->object->type != type)
		want = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	else
		want = model_signal(slot->object);
	assert_status(signal_handle(m->f, handle, type), want);
}

static bool is_ready(const struct object *object)
{
	return object->type == NTSYNC_NT_MUTANT || object->count > 0;
}

static void acquire_object(struct object *object)
{
	if (object->type == NTSYNC_NT_MUTANT)
		object->count++;
	else if (object->type == NTSYNC_NT_SEMAPHORE || !object->manual)
		object->count--;
}

static uint32_t model_any(struct slot **slots, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (is_ready(slots[i]->object)) {
			acquire_object(slots[i]->object);
			return NTSYNC_STATUS_WAIT_0 + i;
		}
	}
	return NTSYNC_STATUS_TIMEOUT;
}

static uint32_t model_all(struct slot **slots, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (slots[i]->object == slots[j]->object)
				return NTSYNC_STATUS_INVALID_PARAMETER_MIX;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!is_ready(slots[i]->object))
			return NTSYNC_STATUS_TIMEOUT;
	}
	for (uint32_t i = 0; i < count; i++)
		acquire_object(slots[i]->object);
	return NTSYNC_STATUS_WAIT_0;
}

static void wait_any(struct model *m)
{
	uint32_t count = 1 + random_below(m, 4), type = random_below(m, 2), handles[4], want = 0;
	struct slot *slots[4];

	for (uint32_t i = 0; i < count; i++) {
		handles[i] = any_slot(m)->handle;
		slots[i] = find_slot(m, handles[i]);
		if (!slots[i])
			want = NTSYNC_STATUS_INVALID_HANDLE;
	}
	if (!want)
		want = type == NTSYNC_NT_WAIT_ALL ? model_all(slots, count) :
						    model_any(slots, count);
	assert_status(ntsync_nt_wait_multiple(m->f->nt, handles, count, type, false, POLL), want);
}

static uint32_t model_signal_and_wait(struct slot *signal, struct slot *wait)
{
	uint32_t status;

	if (!signal || !wait)
		return NTSYNC_STATUS_INVALID_HANDLE;
	if (signal->object->type == NTSYNC_NT_TIMER)
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	status = model_signal(signal->object);
	return status ? status : model_any(&wait, 1);
}

/* Sometimes both handles are of the same object. */
static void signal_and_wait_any(struct model *m)
{
	uint32_t signal = any_slot(m)->handle, wait = any_slot(m)->handle;
	uint32_t want = model_signal_and_wait(find_slot(m, signal), find_slot(m, wait));

	assert_status(ntsync_nt_signal_and_wait(m->f->nt, signal, wait, false, POLL), want);
}

static void compare_state(struct model *m, const struct slot *slot)
{
	const struct object *object = slot->object;
	struct ntsync_nt_mutant_state mutant;

	switch (object->type) {
	case NTSYNC_NT_EVENT:
		assert_int_equal(event_signaled(m->f, slot->handle), object->count);
		break;
	case NTSYNC_NT_MUTANT:
		assert_ok(ntsync_nt_query_mutant(m->f->nt, slot->handle, &mutant));
		assert_int_equal(mutant.count, 1 - object->count);
		break;
	case NTSYNC_NT_SEMAPHORE:
		assert_int_equal(semaphore_count(m->f, slot->handle), object->count);
		break;
	default:
		break;
	}
}

static void compare_slot(struct model *m, const struct slot *slot)
{
	struct ntsync_nt_info info;

	if (!slot->references) {
		if (!find_slot(m, slot->handle))
			assert_invalid(m->f, slot->handle);
		return;
	}
	info = info_of(m->f, slot->handle);
	assert_int_equal(info.id, slot->object->id);
	assert_int_equal(info.type, slot->object->type);
	assert_int_equal(info.handles, slot->object->handles);
	assert_int_equal(info.references, slot->references);
	assert_int_equal(info.is_protected, slot->is_protected);
	compare_state(m, slot);
}

/* Creations and destructions in the trace, and the counts, must be the model's. */
static void compare_trace(struct model *m, uint64_t *creates, uint64_t *destroys)
{
	for (size_t i = 0; i < m->f->nr_records; i++) {
		*creates += m->f->records[i].operation == NTSYNC_NT_CREATE;
		*destroys += m->f->records[i].operation == NTSYNC_NT_DESTROY;
	}
	forget_records(m->f);
	assert_int_equal(*creates, m->creates);
	assert_int_equal(*destroys, m->destroys);
}

static void compare_counts(struct model *m)
{
	uint32_t live = 0, handles = 0, objects = 0, all_objects = 0;
	uint64_t creates = 0;

	for (size_t i = 0; i < MAX_SLOTS; i++) {
		live += m->slots[i].references > 0;
		all_objects += m->objects[i].handles > 0;
	}
	for (int type = 0; type < NTSYNC_NT_TYPES; type++) {
		struct ntsync_nt_count count;

		ntsync_nt_count(m->f->nt, type, &count);
		handles += count.handles;
		objects += count.objects;
		creates += count.creates;
	}
	assert_int_equal(handles, live);
	assert_int_equal(m->creates - m->destroys, live);
	assert_int_equal(objects, all_objects);
	assert_int_equal(creates, m->creates);
}

static void run_step(struct model *m)
{
	static void (*const operations[])(struct model *m) = {
		create_any, create_any, close_any, close_any, close_any, duplicate_any, duplicate_any,
		protect_any, retain_any, signal_any, signal_any, wait_any, wait_any,
		signal_and_wait_any,
	};

	operations[random_below(m, ARRAY_SIZE(operations))](m);
}

static void run_model(struct fixture *f, uint32_t max_handles, enum ntsync_nt_reuse reuse)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t creates = 0, destroys = 0;
	struct ntsync_nt_config config;

	assert_non_null(m);
	assert_true(max_handles == MAX_SLOTS);
	ntsync_nt_config_init(&config);
	config.max_handles = max_handles;
	config.reuse = reuse;
	config.quarantine = 8;
	use_config(f, &config);
	m->f = f;
	m->random = random_seed();
	for (m->step = 0; m->step < STEPS; m->step++) {
		run_step(m);
		check(f);
		for (size_t i = 0; i < MAX_SLOTS; i++)
			compare_slot(m, &m->slots[i]);
		compare_trace(m, &creates, &destroys);
		compare_counts(m);
	}
	free(m);
}

static void last_in_first_out(void **state)
{
	run_model(*state, MAX_SLOTS, NTSYNC_NT_REUSE_LIFO);
}

static void quarantined(void **state)
{
	run_model(*state, MAX_SLOTS, NTSYNC_NT_REUSE_QUARANTINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(last_in_first_out),
		TEST(quarantined),
	};

	return RUN(tests);
}
