// SPDX-License-Identifier: 0BSD
/*
 * How many requests a second a dispatcher serves, when it takes one per wake-up and when it takes
 * all that are pending; and which priority it has meanwhile. The content of every answer is
 * checked: the exit status is 1 if one was wrong.
 *
 *	dispatcher [-c CLIENTS] [-s SECONDS]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libntsync.h>

#include "dispatcher.h"

static const char usage[] =
	"usage: dispatcher [-c CLIENTS] [-s SECONDS]\n"
	"  -c  threads that send requests, 1 to 64 (default 16)\n"
	"  -s  how long for each line of the table, 1 to 3600 (default 1)\n";

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

int must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "dispatcher: %s: %s\n", what, strerror(-ret));
		exit(EXIT_FAILURE);
	}
	return ret;
}

static unsigned int number(const char *text, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value < 1 || value > max) {
		fputs(usage, stderr);
		exit(2);
	}
	return value;
}

static int make_file(void)
{
	int fd = memfd_create("dispatcher", MFD_CLOEXEC);
	uint8_t block[4096];

	for (uint64_t at = 0; fd >= 0 && at < FILE_SIZE; at += sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = content(at + i);
		if (pwrite(fd, block, sizeof(block), at) != sizeof(block))
			must(-errno, "writing the file");
	}
	return must(fd < 0 ? -errno : fd, "memfd");
}

/* ---- requests per second ---- */

/* Returns how many answers were wrong or missing. */
static uint64_t measure(struct server *s, const char *name, unsigned int nr, unsigned int seconds)
{
	static struct client clients[MAX_CLIENTS];
	uint64_t answered = 0, wrong = 0, begin = now_ns(), end = begin + seconds * 1000000000ull;

	server_start(s);
	for (unsigned int i = 0; i < nr; i++) {
		clients[i] = (struct client){ .server = s, .number = i + 1, .prio = 20 + i % 40, .until = end,
					      .random = begin + i };
		client_start(&clients[i]);
	}
	for (unsigned int i = 0; i < nr; i++) {
		client_join(&clients[i]);
		answered += clients[i].answered;
		wrong += clients[i].wrong;
	}
	end = now_ns();
	server_stop(s);
	printf("%-24s%9" PRIu64 "%12.0f%16.2f%12" PRIu64 "\n", name, answered,
	       answered * 1e9 / (end - begin), (double)s->waits / answered, wrong);
	return wrong + (s->served != answered);
}

/* ---- the priority of the server ---- */

static void pause_ms(unsigned int ms)
{
	const struct timespec ts = { .tv_nsec = ms * 1000000 };

	nanosleep(&ts, NULL);
}

/* Each request takes 60 ms, and the next one is sent 20 ms after it. */
static uint64_t show_priorities(struct server *s)
{
	static const uint32_t prios[] = { 30, 80, 50 };
	static struct client clients[3];
	struct step log[MAX_STEPS];
	uint64_t wrong = 0;

	s->log = log;
	s->delay = 60000000;
	server_start(s);
	for (unsigned int i = 0; i < 3; i++) {
		clients[i] = (struct client){ .server = s, .number = i + 1, .prio = prios[i],
					      .random = i };
		pause_ms(20);
		client_start(&clients[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		client_join(&clients[i]);
		wrong += clients[i].wrong;
	}
	server_stop(s);
	printf("\n%9s   %-24s%10s%20s\n", "ms", "the handler", "request", "its own priority");
	for (unsigned int i = 0; i < s->steps; i++) {
		const struct step *step = &log[i];

		printf("%9.1f   %-24s", (step->ns - log[0].ns) / 1e6, step->what);
		if (step->request)
			printf("%10u", step->request);
		else
			printf("%10s", "");
		printf("%20d\n", step->prio);
	}
	if (!s->realtime)
		printf("note: no right to real-time priorities (root, or an rtprio limit)\n");
	return wrong;
}

static bool has_all_it_takes(int dev)
{
	struct ntsync_features found;

	must(ntsync_features(dev, &found), "/dev/ntsync (an old driver?)");
	if (found.features & NTSYNC_FEATURE_AGGREGATE_WAIT &&
	    found.features & NTSYNC_FEATURE_CHANNEL_TRY_RECV2)
		return true;
	printf("this driver has no channels and no aggregate wait\n");
	return false;
}

int main(int argc, char **argv)
{
	unsigned int clients = 16, seconds = 1;
	struct server server = { 0 };
	uint64_t wrong;
	int option;

	while ((option = getopt(argc, argv, "c:s:h")) != -1) {
		if (option == 'c')
			clients = number(optarg, MAX_CLIENTS);
		else if (option == 's')
			seconds = number(optarg, 3600);
		else
			return fputs(usage, option == 'h' ? stdout : stderr), option == 'h' ? 0 : 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	server.dev = must(ntsync_open(), "/dev/ntsync");
	if (!has_all_it_takes(server.dev))
		return EXIT_SUCCESS;
	server.file = make_file();
	printf("%u clients read from a file through one thread:\n\n%-24s%9s%12s%16s%12s\n", clients,
	       "the server takes", "requests", "a second", "waits/request", "wrong");
	wrong = measure(&server, "one request a wake-up", clients, seconds);
	server.drain = true;
	wrong += measure(&server, "all that are pending", clients, seconds);
	wrong += show_priorities(&server);
	if (wrong)
		printf("FAILED: answers were wrong or lost\n");
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
