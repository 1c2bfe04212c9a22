// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight threads make all kinds of calls with the same few handles for a given time: create,
 * duplicate, close, signal, wait. Another thread may have closed a handle meanwhile, and its value
 * may be in use again, so the result of a single call is not checked. When all handles are closed
 * nothing may be left. The same threads also use a second table, in which no handle is closed by
 * another thread: there nothing may be lost either.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <ntsync_nt.h>

#include "../stress/stress.h"
#include "env.h"

#define THREADS		8
#define SHARED		32
#define TOKENS		16

/**
 * struct shared - what all threads use
 * @nt: the table whose handles any thread may use and close at any time
 * @handles: the handles of @nt
 * @exact: the second table
 * @tokens: a semaphore in @exact
 * @mutant: a mutant in @exact
 * @guarded: only changed by the owner of @mutant
 * @inside: how many threads own it
 */
struct shared {
	struct stress stress;
	struct ntsync_nt *nt, *exact;
	_Atomic uint32_t handles[SHARED];
	uint32_t tokens, mutant;
	uint64_t guarded;
	atomic_int inside;
	_Atomic uint64_t steps, acquisitions, releases, overlaps, strange, traced[3];
	_Atomic uint64_t created, destroyed;
};

struct worker {
	struct shared *s;
	pthread_t thread;
	uint64_t random;
	uint64_t entered;
};

static void count_record(void *context, const struct ntsync_nt_record *record)
{
	struct shared *s = context;

	atomic_fetch_add(&s->traced[record->operation], 1);
}

static uint32_t choose_below(struct worker *w, uint32_t bound)
{
	return stress_below(&w->random, bound);
}

static uint32_t choose_handle(struct worker *w)
{
	return atomic_load(&w->s->handles[choose_below(w, SHARED)]);
}

/* A guest's id, which a worker may have at this moment. */
static uint32_t choose_tid(struct worker *w)
{
	return 1 + choose_below(w, THREADS);
}

/* The thread that replaces a handle closes it: else it would never be closed. */
static void share(struct worker *w, uint32_t handle)
{
	uint32_t old = atomic_exchange(&w->s->handles[choose_below(w, SHARED)], handle);

	if (!old)
		return;
	ntsync_nt_protect(w->s->nt, old, false);
	ntsync_nt_close(w->s->nt, old);
}

static void count_destruction(void *data)
{
	struct shared *s = data;

	atomic_fetch_add(&s->destroyed, 1);
}

/* With an event of its own, if there is one at this handle. */
static void create_own(struct worker *w, uint32_t *handle)
{
	const struct ntsync_nt_own own = {
		.kind = 1, .event = choose_handle(w), .data = w->s, .destroy = count_destruction,
	};

	if (!ntsync_nt_create_own(w->s->nt, handle, NULL, &own))
		atomic_fetch_add(&w->s->created, 1);
}

static void create_object(struct worker *w)
{
	struct ntsync_nt *nt = w->s->nt;
	uint32_t handle = 0;

	switch (choose_below(w, 7)) {
	case 0:
		ntsync_nt_create_event(nt, &handle, NULL, choose_below(w, 2), choose_below(w, 2));
		break;
	case 1:
		ntsync_nt_create_semaphore(nt, &handle, NULL, 1, 100);
		break;
	case 2:
		ntsync_nt_create_mutant(nt, &handle, NULL, choose_below(w, 2));
		break;
	case 3:
		ntsync_nt_thread_create_object(nt, &handle, choose_tid(w));
		break;
	case 4:
		ntsync_nt_open_thread(nt, &handle, choose_tid(w));
		break;
	case 5:
		create_own(w, &handle);
		break;
	default:
		ntsync_nt_create_timer(nt, &handle, NULL, choose_below(w, 2));
	}
	if (handle)
		share(w, handle);
}

static void create_named(struct worker *w)
{
	char name[] = "name 0";
	const struct ntsync_nt_attributes attributes = { .name = name, .flags = NTSYNC_NT_OPEN_IF };
	uint32_t handle = 0;

	name[5] += choose_below(w, 4);
	if (choose_below(w, 2))
		ntsync_nt_create_event(w->s->nt, &handle, &attributes, false, false);
	else
		ntsync_nt_open_event(w->s->nt, &handle, name);
	if (handle)
		share(w, handle);
}

static void duplicate(struct worker *w)
{
	uint32_t handle = 0;

	ntsync_nt_duplicate(w->s->nt, choose_handle(w), &handle, choose_below(w, 8));
	if (handle)
		share(w, handle);
}

/* The object is not destroyed while the reference is held. */
static void refer_to(struct worker *w)
{
	struct ntsync_nt_object *object;
	void *data = NULL;

	if (ntsync_nt_reference(w->s->nt, choose_handle(w), 1, &object, &data))
		return;
	if (data != w->s)
		atomic_fetch_add(&w->s->strange, 1);
	ntsync_nt_dereference(w->s->nt, object);
}

/* A value that may be in use, closed, or in quarantine. */
static void duplicate_at(struct worker *w)
{
	uint32_t value = 4 + 4 * choose_below(w, 2 * SHARED);

	if (!ntsync_nt_duplicate_at(w->s->nt, choose_handle(w), value, choose_below(w, 2)))
		share(w, value);
}

/* The handle stays shared: other threads go on using it, and may meet another object. */
static void close_blindly(struct worker *w)
{
	ntsync_nt_close(w->s->nt, choose_handle(w));
}

static const struct ntsync_nt_apc an_apc = { .function = 1 };

static void signal_some(struct worker *w)
{
	struct ntsync_nt *nt = w->s->nt;
	uint32_t handle = choose_handle(w);
	const struct ntsync_nt_deadline soon = { stress_now() + 100 * NS_PER_US, 0 };

	ntsync_nt_set_event(nt, handle, NULL);
	ntsync_nt_release_semaphore(nt, handle, 1, NULL);
	ntsync_nt_release_mutant(nt, handle, NULL);
	ntsync_nt_suspend_thread(nt, handle, NULL);
	ntsync_nt_resume_thread(nt, handle, NULL);
	if (choose_below(w, 2))
		ntsync_nt_set_timer(nt, handle, soon, 0, NULL);
	else
		ntsync_nt_set_timer_apc(nt, handle, soon, choose_below(w, 2) * NS_PER_MS, &an_apc,
					NULL);
}

/* Also with handles of other types, or closed, and packets in use. */
static void use_port(struct worker *w)
{
	const struct ntsync_nt_deadline soon = { stress_now() + choose_below(w, 300) * NS_PER_US, 0 };
	const struct ntsync_nt_io_packet io = { .key = 1 };
	struct ntsync_nt *nt = w->s->nt;
	struct ntsync_nt_io_packet got;
	uint32_t port = 0, packet = 0;

	ntsync_nt_create_io_completion(nt, &port, NULL, 1 + choose_below(w, 3));
	ntsync_nt_create_wait_completion_packet(nt, &packet, NULL);
	if (port)
		share(w, port);
	if (packet)
		share(w, packet);
	for (int i = 0; i < 8; i++) {
		ntsync_nt_associate_wait_completion_packet(nt, i & 1 ? packet : choose_handle(w), port,
							   choose_handle(w), &io, NULL);
		ntsync_nt_cancel_wait_completion_packet(nt, choose_handle(w), choose_below(w, 2));
		ntsync_nt_pulse_event(nt, choose_handle(w), NULL);
		ntsync_nt_reset_event(nt, choose_handle(w), NULL);
	}
	ntsync_nt_remove_io_completion_ex(nt, port, &got, 1, NULL, choose_below(w, 2), soon);
}

static void wait_some(struct worker *w)
{
	const struct ntsync_nt_deadline soon = { stress_now() + choose_below(w, 300) * NS_PER_US, 0 };
	uint32_t handles[8], count = 1 + choose_below(w, 8), status;

	for (uint32_t i = 0; i < count; i++)
		handles[i] = choose_handle(w);
	if (choose_below(w, 4))
		status = ntsync_nt_wait_multiple(w->s->nt, handles, count, choose_below(w, 2),
						 choose_below(w, 2), soon);
	else
		status = ntsync_nt_signal_and_wait(w->s->nt, handles[0], handles[count - 1],
						   choose_below(w, 2), soon);
	if (status == NTSYNC_STATUS_USER_APC && choose_below(w, 2))
		ntsync_nt_take_apc(w->s->nt, &(struct ntsync_nt_apc){ 0 });
	if (status == NTSYNC_STATUS_INTERNAL_ERROR)
		atomic_fetch_add(&w->s->strange, 1);
}

static void alert_thread(struct worker *w)
{
	uint32_t tid = choose_tid(w);

	switch (choose_below(w, 4)) {
	case 0:
		ntsync_nt_alert_thread(w->s->nt, tid);
		break;
	case 1:
		ntsync_nt_queue_apc(w->s->nt, tid);
		break;
	case 2:
		ntsync_nt_queue_user_apc(w->s->nt, tid, &an_apc);
		break;
	default:
		ntsync_nt_interrupt_thread(w->s->nt, tid, NTSYNC_STATUS_CANCELLED);
	}
}

static void make_other_calls(struct worker *w)
{
	uint32_t handle = choose_handle(w);
	struct ntsync_nt_snapshot *snapshot;
	struct ntsync_nt_info info;

	switch (choose_below(w, 8)) {
	case 0:
		ntsync_nt_query(w->s->nt, handle, &info);
		break;
	case 1:
		ntsync_nt_compare(w->s->nt, handle, choose_handle(w));
		break;
	case 2:
		/* Another thread lifts the protection again soon. */
		ntsync_nt_protect(w->s->nt, handle, true);
		break;
	case 3:
		if (!ntsync_nt_snapshot_take(w->s->nt, &snapshot))
			ntsync_nt_snapshot_free(snapshot);
		break;
	case 4:
		alert_thread(w);
		break;
	default:
		ntsync_nt_protect(w->s->nt, handle, false);
	}
}

/*
 * A token is acquired through one handle and released through another one, which is made for that.
 */
static void pass_token(struct worker *w)
{
	const struct ntsync_nt_deadline soon = { stress_now() + NS_PER_MS, 0 };
	struct shared *s = w->s;
	uint32_t dup;

	if (ntsync_nt_wait_single(s->exact, s->tokens, false, soon))
		return;
	atomic_fetch_add(&s->acquisitions, 1);
	if (ntsync_nt_duplicate(s->exact, s->tokens, &dup, 0))
		dup = s->tokens;
	if (!ntsync_nt_release_semaphore(s->exact, dup, 1, NULL))
		atomic_fetch_add(&s->releases, 1);
	if (dup != s->tokens)
		ntsync_nt_close(s->exact, dup);
}

static bool is_owner(uint32_t status)
{
	return !status || status == NTSYNC_STATUS_ABANDONED_WAIT_0;
}

static void check_guarded(struct worker *w)
{
	struct shared *s = w->s;

	if (atomic_fetch_add(&s->inside, 1))
		atomic_fetch_add(&s->overlaps, 1);
	s->guarded++;
	w->entered++;
	atomic_fetch_sub(&s->inside, 1);
}

/* Releases the mutant and acquires a token, which it then releases. */
static void leave_for_a_token(struct worker *w)
{
	const struct ntsync_nt_deadline soon = { stress_now() + NS_PER_MS, 0 };
	struct shared *s = w->s;

	if (ntsync_nt_signal_and_wait(s->exact, s->mutant, s->tokens, false, soon))
		return;
	atomic_fetch_add(&s->acquisitions, 1);
	if (!ntsync_nt_release_semaphore(s->exact, s->tokens, 1, NULL))
		atomic_fetch_add(&s->releases, 1);
}

/* Sometimes the owner "exits" instead of releasing. */
static void leave_mutant(struct worker *w)
{
	struct shared *s = w->s;

	switch (choose_below(w, 50)) {
	case 0:
		ntsync_nt_thread_detach(s->exact);
		break;
	case 1 ... 20:
		leave_for_a_token(w);
		break;
	default:
		ntsync_nt_release_mutant(s->exact, s->mutant, NULL);
	}
}

static void enter_mutant(struct worker *w)
{
	const struct ntsync_nt_deadline soon = { stress_now() + NS_PER_MS, 0 };
	struct shared *s = w->s;

	if (!is_owner(ntsync_nt_wait_single(s->exact, s->mutant, false, soon)))
		return;
	check_guarded(w);
	leave_mutant(w);
}

/* The token is released as the wait for the mutant begins. */
static void enter_from_a_token(struct worker *w)
{
	const struct ntsync_nt_deadline soon = { stress_now() + NS_PER_MS, 0 };
	struct shared *s = w->s;
	uint32_t status;

	if (ntsync_nt_wait_single(s->exact, s->tokens, false, soon))
		return;
	atomic_fetch_add(&s->acquisitions, 1);
	status = ntsync_nt_signal_and_wait(s->exact, s->tokens, s->mutant, false, soon);
	if (is_owner(status) || status == NTSYNC_STATUS_TIMEOUT ||
	    status == NTSYNC_STATUS_CANCELLED)
		atomic_fetch_add(&s->releases, 1);
	if (!is_owner(status))
		return;
	check_guarded(w);
	leave_mutant(w);
}

/* One guest thread ends, and another one begins, if its id is not in use. */
static void change_guest_thread(struct worker *w)
{
	ntsync_nt_thread_detach(w->s->nt);
	ntsync_nt_thread_attach(w->s->nt, choose_tid(w));
}

/* Another thread may stop it again meanwhile, and this one lets it go on. */
static void stop_waits(struct worker *w)
{
	struct ntsync_nt *nt = choose_below(w, 2) ? w->s->nt : w->s->exact;

	ntsync_nt_stop(nt, NTSYNC_STATUS_CANCELLED);
	ntsync_nt_resume(nt);
}

static void *run_worker(void *arg)
{
	static void (*const operations[])(struct worker *w) = {
		create_object, create_named, duplicate, duplicate, close_blindly, signal_some, wait_some,
		make_other_calls, pass_token, enter_mutant, enter_from_a_token, stop_waits,
		change_guest_thread, refer_to, duplicate_at, use_port,
	};
	struct worker *w = arg;

	while (!stress_over(&w->s->stress)) {
		operations[choose_below(w, ARRAY_SIZE(operations))](w);
		atomic_fetch_add(&w->s->steps, 1);
	}
	return NULL;
}

static uint32_t open_handles(struct ntsync_nt *nt, uint32_t *objects)
{
	uint32_t handles = 0;

	*objects = 0;
	for (int type = 0; type < NTSYNC_NT_TYPES; type++) {
		struct ntsync_nt_count count;

		ntsync_nt_count(nt, type, &count);
		handles += count.handles;
		*objects += count.objects;
	}
	return handles;
}

static void close_entry(void *context, const struct ntsync_nt_entry *entry)
{
	struct shared *s = context;

	ntsync_nt_protect(s->nt, entry->handle, false);
	ntsync_nt_close(s->nt, entry->handle);
}

static void close_rest(struct shared *s)
{
	struct ntsync_nt_snapshot *left;

	if (ntsync_nt_snapshot_take(s->nt, &left))
		return;
	ntsync_nt_snapshot_diff(NULL, left, close_entry, s);
	ntsync_nt_snapshot_free(left);
}

static void check_exact(struct shared *s, const struct worker *workers)
{
	uint32_t handles, objects;
	uint64_t entered = 0;
	int32_t count = 0;

	for (int i = 0; i < THREADS; i++)
		entered += workers[i].entered;
	handles = open_handles(s->exact, &objects);
	ntsync_nt_query_semaphore(s->exact, s->tokens, &count, NULL);
	stress_check(&s->stress, count == TOKENS &&
		     atomic_load(&s->acquisitions) == atomic_load(&s->releases),
		     "as many tokens as there were");
	stress_check(&s->stress, s->guarded == entered && !atomic_load(&s->overlaps),
		     "one owner of the mutant at a time");
	stress_check(&s->stress, handles == 2 && objects == 2, "only what was kept is left");
	stress_check(&s->stress, ntsync_nt_check(s->exact) == 0, "the table agrees with itself");
}

static void check_shared(struct shared *s)
{
	uint32_t handles, objects;

	/* Threads that were prepared and never ran. */
	for (uint32_t tid = 1; tid <= THREADS; tid++)
		ntsync_nt_thread_abandon(s->nt, tid);
	close_rest(s);
	handles = open_handles(s->nt, &objects);
	stress_check(&s->stress, atomic_load(&s->steps) > 100, "the threads got somewhere");
	stress_check(&s->stress, !atomic_load(&s->strange),
		     "no wait met an error of the library, and no reference got another object");
	stress_check(&s->stress, !handles && !objects, "nothing is left");
	stress_check(&s->stress, ntsync_nt_check(s->nt) == 0,
		     "the table of the guessed handles agrees with itself");
	stress_check(&s->stress, atomic_load(&s->created) == atomic_load(&s->destroyed),
		     "each object of the runtime's own was destroyed once");
	stress_check(&s->stress, atomic_load(&s->traced[NTSYNC_NT_CREATE]) ==
		     atomic_load(&s->traced[NTSYNC_NT_DESTROY]),
		     "each handle that was created was destroyed once");
}

/* Only main() has one, and it is where progress is read. */
static struct shared shared;

static void show_progress(void)
{
	uint32_t handles, objects;

	handles = open_handles(shared.nt, &objects);
	printf("# %llu steps, %u handles of %u objects, %llu handles so far\n",
	       (unsigned long long)atomic_load(&shared.steps), handles, objects,
	       (unsigned long long)atomic_load(&shared.traced[NTSYNC_NT_CREATE]));
}

static void run_threads(struct shared *s)
{
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .s = s, .random = s->stress.seed + (uint64_t)i + 1 };
		pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
	}
	stress_watch(&s->stress, show_progress);
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	check_shared(s);
	check_exact(s, workers);
}

/* One table reuses the last value first, the other the first. */
static int make_tables(struct shared *s)
{
	struct ntsync_nt_config config;
	int ret;

	ntsync_nt_config_init(&config);
	config.quarantine = 4;
	config.reuse = s->stress.seed & 2 ? NTSYNC_NT_REUSE_LIFO : NTSYNC_NT_REUSE_QUARANTINE;
	ret = ntsync_nt_create(&config, &s->exact);
	if (ret)
		return ret;
	config.reuse = s->stress.seed & 2 ? NTSYNC_NT_REUSE_QUARANTINE : NTSYNC_NT_REUSE_LIFO;
	config.trace = count_record;
	config.trace_context = s;
	return ntsync_nt_create(&config, &s->nt);
}

int main(int argc, char **argv)
{
	struct shared *s = &shared;
	int ret, fds = env_count_fds();

	stress_init(&s->stress, argc, argv);
	ret = make_tables(s);
	if (ret)
		return stress_bail_out("table", ret);
	ntsync_nt_create_semaphore(s->exact, &s->tokens, NULL, TOKENS, TOKENS);
	ntsync_nt_create_mutant(s->exact, &s->mutant, NULL, false);
	run_threads(s);
	ntsync_nt_destroy(s->nt);
	ntsync_nt_destroy(s->exact);
	stress_check(&s->stress, env_count_fds() == fds, "no descriptor is left over");
	return stress_end(&s->stress);
}
