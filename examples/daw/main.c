// SPDX-License-Identifier: 0BSD
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libntsync.h>

#include "daw.h"

static const char usage[] =
	"usage: daw [-s SECONDS] [-p PERIOD] [-t TRACKS]\n"
	"  -s  how long to play, 1 to 3600 (default 5)\n"
	"  -p  microseconds per period, 500 to 100000 (default 5333: 256 frames at 48 kHz)\n"
	"  -t  tracks, each with a thread, 1 to 16 (default 4)\n";

static unsigned int number(const char *text, unsigned int min, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value < min || value > max) {
		fputs(usage, stderr);
		exit(2);
	}
	return value;
}

static void read_options(struct engine *engine, int argc, char **argv)
{
	unsigned int seconds = 5, period = 5333;
	int option;

	engine->tracks = 4;
	while ((option = getopt(argc, argv, "s:p:t:h")) != -1) {
		switch (option) {
		case 's':
			seconds = number(optarg, 1, 3600);
			break;
		case 'p':
			period = number(optarg, 500, 100000);
			break;
		case 't':
			engine->tracks = number(optarg, 1, MAX_TRACKS);
			break;
		default:
			fputs(usage, option == 'h' ? stdout : stderr);
			exit(option == 'h' ? 0 : 2);
		}
	}
	engine->period = period * 1000ull;
	engine->cycles = seconds * 1000000ull / period;
}

static void open_device(struct engine *engine)
{
	struct ntsync_features found;

	engine->dev = ntsync_open();
	if (engine->dev == -ENOENT) {
		fprintf(stderr, "daw: /dev/ntsync is missing: load the module (insmod ntsync.ko, or modprobe ntsync)\n");
		exit(EXIT_FAILURE);
	}
	must(engine->dev, "/dev/ntsync");
	must(ntsync_features(engine->dev, &found), "/dev/ntsync (an old driver?)");
	if (found.driver == NTSYNC_DRIVER_IN_TREE)
		printf("driver: in-tree\n");
	else
		printf("driver: ntsync-rt, interface %u, features 0x%" PRIx64 "\n",
		       found.version, found.features);
}

static void create_objects(struct engine *engine)
{
	int dev = engine->dev;

	engine->tick = must(ntsync_sem_create(dev, 0, UINT32_MAX), "semaphore");
	engine->project = must(ntsync_mutex_create(dev, 0, 0), "mutex");
	engine->clock_stopped = must(ntsync_event_create(dev, true, false), "event");
	engine->audio_stopped = must(ntsync_event_create(dev, true, false), "event");
	for (unsigned int i = 0; i < engine->tracks; i++) {
		engine->start[i] = must(ntsync_event_create(dev, false, false), "event");
		engine->done[i] = must(ntsync_event_create(dev, false, false), "event");
	}
	engine->tick_time = calloc(engine->cycles, sizeof(*engine->tick_time));
	if (!engine->tick_time)
		must(-ENOMEM, "memory");
}

/* Starts a thread, without its real-time priority if the process has no right to it. */
static void run(struct engine *engine, struct thread *thread, const char *name, int priority,
		void *(*function)(void *))
{
	static uint32_t owners;
	struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	int ret;

	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->engine = engine;
	thread->owner = ++owners;
	thread->priority = priority;
	samples_init(&thread->latency, engine->cycles + 1);
	samples_init(&thread->mutex_wait, engine->cycles + 1);

	pthread_attr_init(&attr);
	/* All of the stack is locked: mapping the usual 8 MB for each thread would take a while. */
	pthread_attr_setstacksize(&attr, 256 * 1024);
	if (priority) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	ret = pthread_create(&thread->id, &attr, function, thread);
	if (ret == EPERM && priority) {
		thread->priority = 0;
		pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED);
		ret = pthread_create(&thread->id, &attr, function, thread);
	}
	must(-ret, "starting a thread");
	pthread_setname_np(thread->id, thread->name);
	pthread_attr_destroy(&attr);
}

/* Starts consumers before producers, and the clock last. */
static void play(struct engine *engine)
{
	char name[16];

	for (unsigned int i = 0; i < engine->tracks; i++) {
		snprintf(name, sizeof(name), "track %u", i + 1);
		engine->worker[i].track = i;
		run(engine, &engine->worker[i], name, 60, worker_thread);
	}
	run(engine, &engine->ui, "ui", 0, ui_thread);
	run(engine, &engine->audio, "audio", 80, audio_thread);
	engine->begin = now_ns() + 100000000;
	run(engine, &engine->clock, "clock", 90, clock_thread);
	/* A page fault could be heard. Nothing is allocated from here on. */
	if (mlockall(MCL_CURRENT))
		printf("note: memory is not locked: %s\n", strerror(errno));

	pthread_join(engine->clock.id, NULL);
	pthread_join(engine->audio.id, NULL);
	pthread_join(engine->ui.id, NULL);
	for (unsigned int i = 0; i < engine->tracks; i++)
		pthread_join(engine->worker[i].id, NULL);
}

int main(int argc, char **argv)
{
	static struct engine engine;
	int wrong;

	setvbuf(stdout, NULL, _IOLBF, 0);
	read_options(&engine, argc, argv);
	open_device(&engine);
	create_objects(&engine);
	printf("playing %u periods of %.3f ms, %u tracks\n", engine.cycles,
	       engine.period / 1e6, engine.tracks);
	play(&engine);
	print_table(&engine);
	print_notes(&engine);
	wrong = check_counts(&engine);
	if (wrong)
		printf("FAILED: signals were lost or doubled\n");
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
