// SPDX-License-Identifier: 0BSD
/*
 * A small runtime on NT handles, and a guest in it. The first half is the runtime: threads, waits
 * that call APCs, files. The second half is the guest. Two of its threads share a queue: a producer
 * adds numbers and releases a semaphore, a consumer waits for the semaphore or for the end. A
 * mutant protects the queue. A periodic timer with an APC is the vertical blank. All of this, and a
 * file, have handles of one table. In the end two threads wait for ever, and the runtime stops
 * them.
 *
 * A real runtime also converts the guest's memory. Here the guest is C code.
 */
#include <ntsync_nt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 1000
#define ROOM 64
#define FRAMES 30
#define MAX_THREADS 8

static _Thread_local jmp_buf stopped;
static const struct ntsync_nt_deadline forever = { NTSYNC_WAIT_FOREVER, 0 };

/* -- The runtime ------------------------------------------------------------------------------ */

enum kind { KIND_FILE = 1 };

struct guest_thread {
	struct runtime *rt;
	pthread_t host;
	uint32_t tid, handle;
	uint32_t (*code)(struct runtime *rt);
};

struct runtime {
	struct ntsync_nt *nt;
	struct guest_thread threads[MAX_THREADS];
	int nr_threads, nr_files;
	struct guest *guest;
};

/* Ends the program if a guest's call fails. A thread that was stopped in the call ends alone. */
static void must(struct runtime *rt, uint32_t status, const char *what)
{
	if (status == NTSYNC_STATUS_SUCCESS)
		return;
	if (status == NTSYNC_STATUS_CANCELLED) {
		ntsync_nt_thread_set_exit_status(rt->nt, NTSYNC_NT_CURRENT_THREAD, status);
		longjmp(stopped, 1);
	}
	fprintf(stderr, "guest: %s: %s (%#x)\n", what, ntsync_nt_status_name(status), status);
	exit(EXIT_FAILURE);
}

/* NtCreateThread, suspended: the thread waits in ntsync_nt_thread_park(). */
static void *run_thread(void *arg)
{
	struct guest_thread *t = arg;
	struct ntsync_nt *nt = t->rt->nt;

	if (setjmp(stopped) || ntsync_nt_thread_attach(nt, t->tid))
		return NULL;
	must(t->rt, ntsync_nt_thread_park(nt), "start");
	ntsync_nt_thread_set_exit_status(nt, NTSYNC_NT_CURRENT_THREAD, t->code(t->rt));
	return NULL;
}

static uint32_t create_thread(struct runtime *rt, uint32_t (*code)(struct runtime *rt))
{
	struct guest_thread *t = &rt->threads[rt->nr_threads];

	*t = (struct guest_thread){ .rt = rt, .code = code };
	rt->nr_threads++;
	t->tid = 4u * (uint32_t)rt->nr_threads;
	must(rt, ntsync_nt_thread_create_object(rt->nt, &t->handle, t->tid), "thread");
	must(rt, ntsync_nt_suspend_thread(rt->nt, t->handle, NULL), "suspend");
	if (pthread_create(&t->host, NULL, run_thread, t))
		must(rt, NTSYNC_STATUS_NO_MEMORY, "pthread");
	return t->handle;
}

/* An alertable wait. As on NT, it returns USER_APC after all APCs of the queue were called. */
static uint32_t wait_alertably(struct runtime *rt, uint32_t handle)
{
	uint32_t status = ntsync_nt_wait_single(rt->nt, handle, true, forever);
	struct ntsync_nt_apc apc;

	if (status != NTSYNC_STATUS_USER_APC)
		return status;
	while (!ntsync_nt_take_apc(rt->nt, &apc))
		((void (*)(struct runtime *rt))(uintptr_t)apc.function)(rt);
	return status;
}

struct file {
	struct runtime *rt;
	size_t size;
};

/* The last handle was closed, and no call uses the file any more. */
static void destroy_file(void *data)
{
	struct file *file = data;

	file->rt->nr_files--;
	free(file);
}

static uint32_t create_file(struct runtime *rt)
{
	struct file *file = calloc(1, sizeof(*file));
	const struct ntsync_nt_own own = {
		.kind = KIND_FILE, .data = file, .destroy = destroy_file,
	};
	uint32_t handle;

	if (!file)
		must(rt, NTSYNC_STATUS_NO_MEMORY, "file");
	file->rt = rt;
	must(rt, ntsync_nt_create_own(rt->nt, &handle, NULL, &own), "file");
	rt->nr_files++;
	return handle;
}

/* NtWriteFile: another thread may close the handle meanwhile. */
static size_t write_file(struct runtime *rt, uint32_t handle, size_t size)
{
	struct ntsync_nt_object *object;
	struct file *file;
	void *data;
	size_t now;

	must(rt, ntsync_nt_reference(rt->nt, handle, KIND_FILE, &object, &data), "write");
	file = data;
	now = file->size += size;
	ntsync_nt_dereference(rt->nt, object);
	return now;
}

static void stop_guest(struct runtime *rt)
{
	must(rt, ntsync_nt_stop(rt->nt, NTSYNC_STATUS_CANCELLED), "stop");
	for (int i = 0; i < rt->nr_threads; i++)
		pthread_join(rt->threads[i].host, NULL);
	ntsync_nt_resume(rt->nt);
}

static int count_stopped(struct runtime *rt)
{
	struct ntsync_nt_thread_state state;
	int count = 0;

	for (int i = 0; i < rt->nr_threads; i++) {
		must(rt, ntsync_nt_query_thread(rt->nt, rt->threads[i].handle, &state), "query");
		count += state.exit_status == NTSYNC_STATUS_CANCELLED;
	}
	return count;
}

/* -- The guest -------------------------------------------------------------------------------- */

struct guest {
	uint32_t mutant, items, space, vblank, quit, log;
	unsigned int queue[ROOM], head, tail;
	unsigned long sum, frames;
	size_t logged;
};

static void lock(struct runtime *rt, uint32_t mutant)
{
	must(rt, ntsync_nt_wait_single(rt->nt, mutant, false, forever), "lock");
}

static void unlock(struct runtime *rt, uint32_t mutant)
{
	must(rt, ntsync_nt_release_mutant(rt->nt, mutant, NULL), "unlock");
}

static uint32_t produce(struct runtime *rt)
{
	struct guest *g = rt->guest;

	for (unsigned int i = 1; i <= ITEMS; i++) {
		must(rt, ntsync_nt_wait_single(rt->nt, g->space, false, forever), "space");
		lock(rt, g->mutant);
		g->queue[g->head++ % ROOM] = i;
		unlock(rt, g->mutant);
		must(rt, ntsync_nt_release_semaphore(rt->nt, g->items, 1, NULL), "release");
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* The items come first in the wait, so the end is seen only when no item is left. */
static uint32_t consume(struct runtime *rt)
{
	struct guest *g = rt->guest;
	const uint32_t handles[] = { g->items, g->quit };
	uint32_t mutant, status;

	/* Never closed, and owned at the end of the thread; main() shows the effect. */
	must(rt, ntsync_nt_duplicate(rt->nt, g->mutant, &mutant, 0), "duplicate");
	for (;;) {
		status = ntsync_nt_wait_multiple(rt->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false,
						 forever);
		lock(rt, mutant);
		if (status == NTSYNC_STATUS_WAIT_0 + 1)
			return g->tail;
		must(rt, status, "wait for an item");
		g->sum += g->queue[g->tail++ % ROOM];
		unlock(rt, mutant);
		must(rt, ntsync_nt_release_semaphore(rt->nt, g->space, 1, NULL), "release");
	}
}

/* The APC of the timer. Sixty times a second, an emulator would show its screen here. */
static void show_frame(struct runtime *rt)
{
	struct guest *g = rt->guest;

	g->logged = write_file(rt, g->log, 100);
	if (++g->frames == FRAMES)
		must(rt, ntsync_nt_cancel_timer(rt->nt, g->vblank, NULL), "cancel timer");
}

static uint32_t show_frames(struct runtime *rt)
{
	const struct ntsync_nt_apc apc = { .function = (uintptr_t)show_frame };
	struct guest *g = rt->guest;
	const int64_t due = -166667;

	must(rt, ntsync_nt_set_timer_apc(rt->nt, g->vblank, ntsync_nt_timeout(&due), 16666667, &apc,
					 NULL), "set timer");
	while (g->frames < FRAMES)
		wait_alertably(rt, g->quit);
	return NTSYNC_STATUS_SUCCESS;
}

/* Owns nothing, and is not alertable: only the runtime can end this. */
static uint32_t wait_for_ever(struct runtime *rt)
{
	must(rt, ntsync_nt_delay(rt->nt, false, forever), "delay");
	return NTSYNC_STATUS_SUCCESS;
}

static void create_objects(struct runtime *rt, struct guest *g)
{
	struct ntsync_nt_config config;
	int ret;

	ntsync_nt_config_init_xbox360(&config);
	ret = ntsync_nt_create(&config, &rt->nt);
	if (ret) {
		fprintf(stderr, "guest: /dev/ntsync: %s\n", strerror(-ret));
		exit(EXIT_FAILURE);
	}
	must(rt, ntsync_nt_create_mutant(rt->nt, &g->mutant, NULL, false), "mutant");
	must(rt, ntsync_nt_create_semaphore(rt->nt, &g->items, NULL, 0, ROOM), "semaphore");
	must(rt, ntsync_nt_create_semaphore(rt->nt, &g->space, NULL, ROOM, ROOM), "semaphore");
	must(rt, ntsync_nt_create_timer(rt->nt, &g->vblank, NULL, false), "timer");
	must(rt, ntsync_nt_create_event(rt->nt, &g->quit, NULL, true, false), "event");
	g->log = create_file(rt);
}

int main(void)
{
	static uint32_t (*const codes[])(struct runtime *rt) = {
		produce, consume, show_frames, wait_for_ever, wait_for_ever,
	};
	struct ntsync_nt_thread_state consumer;
	struct guest g = { 0 };
	struct runtime rt = { .guest = &g };
	uint32_t handles[5], status;
	struct ntsync_nt_count mutants;

	create_objects(&rt, &g);
	for (int i = 0; i < 5; i++)
		handles[i] = create_thread(&rt, codes[i]);
	for (int i = 0; i < 5; i++)
		must(&rt, ntsync_nt_resume_thread(rt.nt, handles[i], NULL), "resume");
	must(&rt, ntsync_nt_wait_single(rt.nt, handles[0], false, forever), "producer");
	must(&rt, ntsync_nt_wait_single(rt.nt, handles[2], false, forever), "frames");
	must(&rt, ntsync_nt_set_event(rt.nt, g.quit, NULL), "quit");
	must(&rt, ntsync_nt_wait_single(rt.nt, handles[1], false, forever), "consumer");
	must(&rt, ntsync_nt_query_thread(rt.nt, handles[1], &consumer), "query");
	status = ntsync_nt_wait_single(rt.nt, g.mutant, false, forever);
	stop_guest(&rt);
	must(&rt, ntsync_nt_close(rt.nt, g.log), "close");
	ntsync_nt_count(rt.nt, NTSYNC_NT_MUTANT, &mutants);
	printf("%lu frames, %u items, sum %lu\n", g.frames, consumer.exit_status, g.sum);
	printf("mutant after its owner's end: %s\n", ntsync_nt_status_name(status));
	printf("threads stopped in endless waits: %d\n", count_stopped(&rt));
	printf("%zu bytes in the log, open files: %d\n", g.logged, rt.nr_files);
	printf("handles of the mutant, one forgotten: %u\n", mutants.handles);
	ntsync_nt_destroy(rt.nt);
	return status != NTSYNC_STATUS_ABANDONED_WAIT_0 || mutants.handles != 2 || rt.nr_files;
}
