// SPDX-License-Identifier: 0BSD
/*
 * A small runtime on NT handles, and a guest in it. The first half is the runtime: threads, waits
 * that call APCs, files. The second half is the guest. Two of its threads share a queue under a
 * mutant; a periodic timer with an APC is the vertical blank; a file is among the handles. The
 * runtime pauses it once, and then ends it in the middle of everything: a thread owns a mutant,
 * another waits for it and an event, a third gets APCs of the timer.
 */
#include <err.h>
#include <ntsync_nt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 1000
#define FRAMES 30
#define MAX_THREADS 8
#define KIND_FILE 1
#define PAUSED 0xe0000001u	/* a status that no wait returns otherwise */

static _Thread_local jmp_buf stopped;
static const struct ntsync_nt_deadline forever = { NTSYNC_WAIT_FOREVER, 0 };

/* -- The runtime ------------------------------------------------------------------------------ */

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
	errx(EXIT_FAILURE, "%s: %s (%#x)", what, ntsync_nt_status_name(status), status);
}

static void *run_thread(void *arg)
{
	struct guest_thread *t = arg;

	if (setjmp(stopped))
		return NULL;
	if (!ntsync_nt_thread_attach(t->rt->nt, t->tid))
		ntsync_nt_thread_set_exit_status(t->rt->nt, NTSYNC_NT_CURRENT_THREAD, t->code(t->rt));
	return NULL;
}

/* NtCreateThread. The object exists before the thread, so nobody can come too early. */
static void create_thread(struct runtime *rt, uint32_t (*code)(struct runtime *rt))
{
	struct guest_thread *t = &rt->threads[rt->nr_threads];

	*t = (struct guest_thread){ .rt = rt, .code = code };
	t->tid = 4u * (uint32_t)(++rt->nr_threads);
	must(rt, ntsync_nt_thread_create_object(rt->nt, &t->handle, t->tid), "thread");
	if (pthread_create(&t->host, NULL, run_thread, t))
		must(rt, NTSYNC_STATUS_NO_MEMORY, "pthread");
}

/* NtWaitForMultipleObjects: begins again after a pause. USER_APC: it has called all queued APCs. */
static uint32_t wait_for_several(struct runtime *rt, const uint32_t *handles, uint32_t count,
				 uint32_t type, bool alertable)
{
	struct ntsync_nt_apc apc;
	uint32_t status;

	do {
		status = ntsync_nt_wait_multiple(rt->nt, handles, count, type, alertable, forever);
		if (status != PAUSED)
			break;
		status = ntsync_nt_wait_for_resume(rt->nt, PAUSED);
	} while (!status);
	while (status == NTSYNC_STATUS_USER_APC && !ntsync_nt_take_apc(rt->nt, &apc))
		((void (*)(struct runtime *rt))(uintptr_t)apc.function)(rt);
	return status;
}

static void wait_for(struct runtime *rt, uint32_t handle, const char *what)
{
	must(rt, wait_for_several(rt, &handle, 1, NTSYNC_NT_WAIT_ANY, false), what);
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

static uint32_t exit_status(struct runtime *rt, int thread)
{
	struct ntsync_nt_thread_state state;

	must(rt, ntsync_nt_query_thread(rt->nt, rt->threads[thread].handle, &state), "query");
	return state.exit_status;
}

/* -- The guest -------------------------------------------------------------------------------- */

struct guest {
	uint32_t mutant, items, vblank, quit, log, shown, held, hostage, never;
	unsigned int queue[ITEMS], head, tail;
	unsigned long sum, frames;
	size_t logged;
};

static uint32_t produce(struct runtime *rt)
{
	struct guest *g = rt->guest;

	for (unsigned int i = 1; i <= ITEMS; i++) {
		wait_for(rt, g->mutant, "lock");
		g->queue[g->head++] = i;
		must(rt, ntsync_nt_release_mutant(rt->nt, g->mutant, NULL), "unlock");
		must(rt, ntsync_nt_release_semaphore(rt->nt, g->items, 1, NULL), "release");
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* The items come first in the wait, so the end is seen only when no item is left. Ends as owner. */
static uint32_t consume(struct runtime *rt)
{
	struct guest *g = rt->guest;
	const uint32_t handles[] = { g->items, g->quit };
	uint32_t status;

	for (;;) {
		status = wait_for_several(rt, handles, 2, NTSYNC_NT_WAIT_ANY, false);
		wait_for(rt, g->mutant, "lock");
		if (status == NTSYNC_STATUS_WAIT_0 + 1)
			return g->tail;
		must(rt, status, "wait for an item");
		g->sum += g->queue[g->tail++];
		must(rt, ntsync_nt_release_mutant(rt->nt, g->mutant, NULL), "unlock");
	}
}

/* The APC of the timer. Sixty times a second, an emulator would show its screen here. */
static void show_frame(struct runtime *rt)
{
	struct guest *g = rt->guest;

	g->logged = write_file(rt, g->log, 100);
	if (++g->frames == FRAMES)
		must(rt, ntsync_nt_set_event(rt->nt, g->shown, NULL), "shown");
}

static uint32_t show_frames(struct runtime *rt)
{
	const struct ntsync_nt_apc apc = { .function = (uintptr_t)show_frame };
	struct guest *g = rt->guest;
	const int64_t due = -166667;
	uint32_t status = NTSYNC_STATUS_USER_APC;

	must(rt, ntsync_nt_set_timer_apc(rt->nt, g->vblank, ntsync_nt_timeout(&due), 16666667, &apc,
					 NULL), "set timer");
	while (status == NTSYNC_STATUS_USER_APC)
		status = wait_for_several(rt, &g->never, 1, NTSYNC_NT_WAIT_ANY, true);
	return status;
}

/* Sleeps for ever with a mutant, which its end abandons. */
static uint32_t hold(struct runtime *rt)
{
	wait_for(rt, rt->guest->hostage, "hostage");
	must(rt, ntsync_nt_set_event(rt->nt, rt->guest->held, NULL), "held");
	return wait_for_several(rt, &rt->guest->never, 1, NTSYNC_NT_WAIT_ANY, false);
}

static uint32_t wait_for_both(struct runtime *rt)
{
	const uint32_t handles[] = { rt->guest->hostage, rt->guest->never };

	return wait_for_several(rt, handles, 2, NTSYNC_NT_WAIT_ALL, false);
}

static void create_objects(struct runtime *rt, struct guest *g)
{
	uint32_t *const events[] = { &g->quit, &g->shown, &g->held, &g->never };
	struct ntsync_nt_config config;
	int ret;

	ntsync_nt_config_init_xbox360(&config);
	ret = ntsync_nt_create(&config, &rt->nt);
	if (ret)
		errx(EXIT_FAILURE, "/dev/ntsync: %s", strerror(-ret));
	must(rt, ntsync_nt_create_mutant(rt->nt, &g->mutant, NULL, false), "mutant");
	must(rt, ntsync_nt_create_semaphore(rt->nt, &g->items, NULL, 0, ITEMS), "semaphore");
	must(rt, ntsync_nt_create_timer(rt->nt, &g->vblank, NULL, false), "timer");
	for (int i = 0; i < 4; i++)
		must(rt, ntsync_nt_create_event(rt->nt, events[i], NULL, true, false), "event");
	must(rt, ntsync_nt_create_mutant(rt->nt, &g->hostage, NULL, false), "mutant");
	g->log = create_file(rt);
}

static bool report_mutant(struct runtime *rt, uint32_t mutant, const char *owner)
{
	uint32_t status = ntsync_nt_wait_single(rt->nt, mutant, false, forever);

	printf("mutant after its owner %s: %s\n", owner, ntsync_nt_status_name(status));
	return status == NTSYNC_STATUS_ABANDONED_WAIT_0;
}

int main(void)
{
	static uint32_t (*const codes[])(struct runtime *rt) = {
		produce, consume, show_frames, hold, wait_for_both,
	};
	struct guest g = { 0 };
	struct runtime rt = { .guest = &g };
	bool good;

	create_objects(&rt, &g);
	for (int i = 0; i < 5; i++)
		create_thread(&rt, codes[i]);
	must(&rt, ntsync_nt_stop(rt.nt, PAUSED), "pause");
	ntsync_nt_resume(rt.nt);
	wait_for(&rt, rt.threads[0].handle, "producer");
	must(&rt, ntsync_nt_set_event(rt.nt, g.quit, NULL), "quit");
	wait_for(&rt, rt.threads[1].handle, "consumer");
	printf("%u items, sum %lu\n", exit_status(&rt, 1), g.sum);
	good = report_mutant(&rt, g.mutant, "ended");
	wait_for(&rt, g.shown, "frames");
	wait_for(&rt, g.held, "held");
	stop_guest(&rt);
	good &= report_mutant(&rt, g.hostage, "was stopped");
	for (int i = 2; i < 5; i++) {
		printf("thread %d: %s\n", i, ntsync_nt_status_name(exit_status(&rt, i)));
		good &= exit_status(&rt, i) == NTSYNC_STATUS_CANCELLED;
	}
	must(&rt, ntsync_nt_close(rt.nt, g.log), "close");
	printf("%lu frames, %zu bytes in the log, open files: %d\n", g.frames, g.logged,
	       rt.nr_files);
	ntsync_nt_destroy(rt.nt);
	return !good || rt.nr_files;
}
