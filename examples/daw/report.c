// SPDX-License-Identifier: 0BSD
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libntsync.h>

#include "daw.h"

void samples_init(struct samples *samples, size_t room)
{
	/* Writes to all pages, so that there are no page faults later. */
	samples->ns = malloc(room * sizeof(*samples->ns));
	if (!samples->ns)
		abort();
	for (size_t i = 0; i < room; i++)
		samples->ns[i] = i;
	samples->room = room;
}

void samples_add(struct samples *samples, uint64_t ns)
{
	if (samples->count < samples->room)
		samples->ns[samples->count++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The percentile, in microseconds. */
static double percentile(const struct samples *samples, unsigned int percent)
{
	return samples->ns[(samples->count - 1) * percent / 100] / 1000.0;
}

static void print_thread(struct thread *thread)
{
	struct samples *latency = &thread->latency, *mutex = &thread->mutex_wait;

	printf("%-9s", thread->name);
	if (thread->priority)
		printf("FIFO %-4d", thread->priority);
	else
		printf("normal   ");
	printf("%9" PRIu64 " ", thread->woken);
	if (thread == &thread->engine->audio)
		printf("%7" PRIu64, thread->missed);
	else
		printf("%7s", "-");
	if (latency->count) {
		qsort(latency->ns, latency->count, sizeof(*latency->ns), compare);
		printf(" %9.1f %9.1f %9.1f %9.1f", percentile(latency, 0),
		       percentile(latency, 50), percentile(latency, 99),
		       percentile(latency, 100));
	}
	if (mutex->count) {
		qsort(mutex->ns, mutex->count, sizeof(*mutex->ns), compare);
		printf(" %9.1f %9.1f", percentile(mutex, 50), percentile(mutex, 100));
	}
	printf("\n");
}

static int in_virtual_machine(void)
{
	char word[64];
	int found = 0;
	FILE *cpuinfo = fopen("/proc/cpuinfo", "r");

	while (cpuinfo && !found && fscanf(cpuinfo, "%63s", word) == 1)
		found = !strcmp(word, "hypervisor");
	if (cpuinfo)
		fclose(cpuinfo);
	return found;
}

void print_table(struct engine *engine)
{
	if (in_virtual_machine())
		printf("\nLateness in a virtual machine, most of it the machine's own:\n");
	printf("\n                                       wake-up latency (us)               mutex wait (us)\n");
	printf("thread   priority  wake-ups   xruns       min    median      99 %%       max    median       max\n");
	print_thread(&engine->clock);
	print_thread(&engine->audio);
	for (unsigned int i = 0; i < engine->tracks; i++)
		print_thread(&engine->worker[i]);
	print_thread(&engine->ui);
	printf("\n");
}

void print_notes(const struct engine *engine)
{
	printf("%" PRIu64 " of %u periods were late (xruns, each of them a click)\n",
	       engine->audio.missed, engine->cycles);
	if (!engine->audio.priority)
		printf("note: no right to real-time priorities (root, or an rtprio limit): these are latencies of ordinary threads\n");
	printf("\n");
}

static int check(const char *what, uint64_t sent, uint64_t received)
{
	printf("%-28s%9" PRIu64 " sent %9" PRIu64 " received  %s\n", what, sent, received,
	       sent == received ? "ok" : "WRONG");
	return sent != received;
}

/* No signal may be left in the objects. */
static int check_objects(struct engine *engine)
{
	uint32_t ticks = 1, owner = 1, signaled;
	int wrong;

	must(ntsync_sem_read(engine->tick, &ticks, NULL), "reading the ticks");
	must(ntsync_mutex_read(engine->project, &owner, NULL), "reading the project");
	wrong = ticks || owner;
	for (unsigned int i = 0; i < engine->tracks; i++) {
		must(ntsync_event_read(engine->start[i], NULL, &signaled), "reading a start");
		wrong |= signaled;
		must(ntsync_event_read(engine->done[i], NULL, &signaled), "reading an end");
		wrong |= signaled;
	}
	printf("%-61s%s\n", "nothing left over in the objects", wrong ? "WRONG" : "ok");
	return wrong;
}

int check_counts(struct engine *engine)
{
	uint64_t started = 0, ended = 0;
	int wrong;

	for (unsigned int i = 0; i < engine->tracks; i++) {
		started += engine->worker[i].woken;
		ended += engine->worker[i].sent;
	}
	wrong = check("ticks (semaphore)", engine->clock.sent, engine->audio.woken);
	wrong |= check("starts (events)", engine->audio.sent, started);
	wrong |= check("ends (events, wait for all)", ended, engine->audio.received);
	/* The plain counter is right only if the mutex excluded the two threads. */
	wrong |= check("project edits (mutex)", engine->audio.locked + engine->ui.locked,
		       engine->edits);
	return wrong | check_objects(engine);
}
