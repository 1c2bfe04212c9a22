// SPDX-License-Identifier: 0BSD
#define _GNU_SOURCE
#include <libntsync.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "dispatcher.h"

/* Any two blocks differ, wherever they begin. */
uint8_t content(uint64_t offset)
{
	uint64_t x = (offset + 1) * 0x9e3779b97f4a7c15ull;

	return x >> 56 ^ x >> 24;
}

static uint64_t draw(struct client *c, uint64_t bound)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % bound;
}

static bool is_right(const struct job *job)
{
	if (job->result != (int32_t)job->length)
		return false;
	for (uint32_t i = 0; i < job->length; i++) {
		if (job->data[i] != content(job->offset + i))
			return false;
	}
	return true;
}

static void ask(struct client *c)
{
	struct job *job = &c->job;

	job->length = 1 + draw(c, BLOCK);
	job->offset = draw(c, FILE_SIZE - job->length);
	job->result = -1;
	memset(job->data, 0, sizeof(job->data));
	must(ntsync_channel_send_pi(c->server->channel, SCHED_FIFO, c->prio, (uintptr_t)job, 0),
	     "sending");
	c->answered++;
	c->wrong += !is_right(job);
}

static void *client_main(void *arg)
{
	struct client *c = arg;

	do
		ask(c);
	while (now_ns() < c->until);
	return NULL;
}

void client_start(struct client *c)
{
	char name[16];

	c->random = c->random * 2 + 1;
	must(-pthread_create(&c->thread, NULL, client_main, c), "starting a client");
	snprintf(name, sizeof(name), "client %u", c->number % 1000);
	pthread_setname_np(c->thread, name);
}

void client_join(struct client *c)
{
	pthread_join(c->thread, NULL);
}
