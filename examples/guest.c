// SPDX-License-Identifier: 0BSD
/*
 * The synchronisation of a small emulator, by NT handles. Three guest threads share a queue: two
 * producers add numbers and release a semaphore, a consumer waits for the semaphore or for the end.
 * A mutant protects the queue. Each thread duplicates the handles that it uses and closes its
 * duplicates. A periodic timer is the vertical blank, and an event ends the program.
 *
 * A real runtime also converts the guest's memory, whose byte order may differ. Here the guest is
 * C code, so handles are in variables.
 */
#include <ntsync_nt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 1000	/* per producer */
#define ROOM 64
#define FRAMES 30

struct guest {
	struct ntsync_nt *nt;
	uint32_t mutant, items, space, vblank, quit;
	unsigned int queue[ROOM], head, tail;
	unsigned long sum, frames;
};

static const struct ntsync_nt_deadline forever = { NTSYNC_WAIT_FOREVER, 0 };

/* Ends the program if a guest's call fails. */
static void must(uint32_t status, const char *what)
{
	if (status == NTSYNC_STATUS_SUCCESS)
		return;
	fprintf(stderr, "guest: %s: NTSTATUS %#x\n", what, status);
	exit(EXIT_FAILURE);
}

/* A guest thread gets its own handles, as by NtDuplicateObject. */
static uint32_t borrow(struct guest *g, uint32_t handle)
{
	uint32_t own;

	must(ntsync_nt_duplicate(g->nt, handle, &own, NTSYNC_NT_DUPLICATE_SAME_ACCESS),
	     "duplicate");
	return own;
}

static void put(struct guest *g, uint32_t mutant, unsigned int item)
{
	must(ntsync_nt_wait_single(g->nt, mutant, false, forever), "lock");
	g->queue[g->head++ % ROOM] = item;
	must(ntsync_nt_release_mutant(g->nt, mutant, NULL), "unlock");
}

static unsigned int get(struct guest *g, uint32_t mutant)
{
	unsigned int item;

	must(ntsync_nt_wait_single(g->nt, mutant, false, forever), "lock");
	item = g->queue[g->tail++ % ROOM];
	must(ntsync_nt_release_mutant(g->nt, mutant, NULL), "unlock");
	return item;
}

static void *producer(void *arg)
{
	struct guest *g = arg;
	uint32_t mutant = borrow(g, g->mutant), items = borrow(g, g->items);
	uint32_t space = borrow(g, g->space);

	for (unsigned int i = 1; i <= ITEMS; i++) {
		must(ntsync_nt_wait_single(g->nt, space, false, forever), "wait for space");
		put(g, mutant, i);
		must(ntsync_nt_release_semaphore(g->nt, items, 1, NULL), "release");
	}
	must(ntsync_nt_close(g->nt, mutant), "close");
	must(ntsync_nt_close(g->nt, items), "close");
	must(ntsync_nt_close(g->nt, space), "close");
	return NULL;
}

/* The items come first in the wait, so the end is seen only when no item is left. */
static void *consumer(void *arg)
{
	struct guest *g = arg;
	uint32_t handles[] = { borrow(g, g->items), borrow(g, g->quit) }, status;
	uint32_t mutant = borrow(g, g->mutant);

	for (;;) {
		status = ntsync_nt_wait_multiple(g->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false,
						 forever);
		if (status == NTSYNC_STATUS_WAIT_0 + 1)
			break;
		must(status, "wait for an item");
		g->sum += get(g, mutant);
		must(ntsync_nt_release_semaphore(g->nt, g->space, 1, NULL), "release");
	}
	must(ntsync_nt_close(g->nt, handles[0]), "close");
	must(ntsync_nt_close(g->nt, handles[1]), "close");
	/* Left open and owned at the end of the thread; main() shows the effect. */
	must(ntsync_nt_wait_single(g->nt, mutant, false, forever), "lock");
	return NULL;
}

/* Sixty times a second, an emulator would show its screen here. */
static void show_frames(struct guest *g)
{
	const int64_t due = -166667;

	must(ntsync_nt_set_timer(g->nt, g->vblank, ntsync_nt_timeout(&due), 16666667, NULL),
	     "set timer");
	while (g->frames < FRAMES) {
		must(ntsync_nt_wait_single(g->nt, g->vblank, false, forever), "vertical blank");
		g->frames++;
	}
	must(ntsync_nt_cancel_timer(g->nt, g->vblank, NULL), "cancel timer");
}

static void create_objects(struct guest *g)
{
	struct ntsync_nt_config config;
	int ret;

	ntsync_nt_config_init_xbox360(&config);
	ret = ntsync_nt_create(&config, &g->nt);
	if (ret) {
		fprintf(stderr, "guest: /dev/ntsync: %s\n", strerror(-ret));
		exit(EXIT_FAILURE);
	}
	must(ntsync_nt_create_mutant(g->nt, &g->mutant, NULL, false), "mutant");
	must(ntsync_nt_create_semaphore(g->nt, &g->items, NULL, 0, ROOM), "semaphore");
	must(ntsync_nt_create_semaphore(g->nt, &g->space, NULL, ROOM, ROOM), "semaphore");
	must(ntsync_nt_create_timer(g->nt, &g->vblank, NULL, false), "timer");
	must(ntsync_nt_create_event(g->nt, &g->quit, NULL, true, false), "event");
}

static void leak(void *context, const struct ntsync_nt_entry *entry)
{
	*(uint32_t *)context = entry->handle;
}

int main(void)
{
	struct guest g = { 0 };
	struct ntsync_nt_snapshot *before, *after;
	pthread_t threads[3];
	uint32_t leaked = 0, status;
	size_t leaks;

	create_objects(&g);
	ntsync_nt_snapshot_take(g.nt, &before);
	pthread_create(&threads[0], NULL, producer, &g);
	pthread_create(&threads[1], NULL, producer, &g);
	pthread_create(&threads[2], NULL, consumer, &g);
	show_frames(&g);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	must(ntsync_nt_set_event(g.nt, g.quit, NULL), "quit");
	pthread_join(threads[2], NULL);

	status = ntsync_nt_wait_single(g.nt, g.mutant, false, forever);
	ntsync_nt_snapshot_take(g.nt, &after);
	leaks = ntsync_nt_snapshot_diff(before, after, leak, &leaked);
	printf("%lu frames, %u items, sum %lu\n", g.frames, g.tail, g.sum);
	printf("mutant after its owner's end: NTSTATUS %#x\n", status);
	printf("handles that the guest forgot: %zu (%#x)\n", leaks, leaked);
	ntsync_nt_snapshot_free(before);
	ntsync_nt_snapshot_free(after);
	ntsync_nt_destroy(g.nt);
	return g.sum != ITEMS * (ITEMS + 1ul) || status != NTSYNC_STATUS_ABANDONED_WAIT_0 ||
	       leaks != 1;
}
