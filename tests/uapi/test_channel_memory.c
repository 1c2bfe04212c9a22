// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a channel is charged to the control group of the sender or the registering process,
 * so that a limit of that group applies to it.
 */
#include "channel.h"

#include <sys/stat.h>

#define TOKENS 8192
#define SENDERS 200
/* The minimum size of the smaller of the two records. */
#define RECORD 64

static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

struct group {
	char path[128];
};

static int write_file(const struct group *g, const char *name, const char *text)
{
	char path[192];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", g->path, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return ret;
}

/* Slab memory of the group in bytes; -1 if the kernel doesn't tell it. */
static long read_slab_bytes(const struct group *g)
{
	char path[192], line[128];
	long bytes = -1, n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.stat", g->path);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "slab %ld", &n) == 1)
			bytes = n;
	}
	fclose(file);
	return bytes;
}

/*
 * The kernel sums up its per-CPU counters every two seconds, or when they have become large enough.
 */
static long await_stable_slab_bytes(const struct group *g)
{
	sleep_ms(5000);
	return read_slab_bytes(g);
}

static void await_slab_bytes(const struct group *g, long bytes)
{
	while (read_slab_bytes(g) < bytes)
		sleep_ms(100);
}

static void new_group(struct group *g)
{
	struct group root;

	if (geteuid())
		skip_because("not root, so no control group");
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		snprintf(root.path, sizeof(root.path), "%s", roots[i]);
		write_file(&root, "cgroup.subtree_control", "+memory");
		snprintf(g->path, sizeof(g->path), "%s/ntsync-test-%d", roots[i], getpid());
		if (!mkdir(g->path, 0755) && read_slab_bytes(g) >= 0)
			return;
		rmdir(g->path);
	}
	skip_because("no control groups that account memory");
}

static void end_group(struct group *g)
{
	assert_int_equal(rmdir(g->path), 0);
}

struct payer {
	struct group group;
	int channel;
};

static int register_tokens(struct peer *p, void *arg)
{
	struct payer *payer = arg;

	CHECK(!write_file(&payer->group, "cgroup.procs", "0"));
	peer_say(p, 0);
	peer_wait(p);
	for (uint32_t tid = 1; tid <= TOKENS; tid++)
		CHECK(!register_thread(payer->channel, tid, tid));
	peer_say(p, 0);
	peer_wait(p);
	return 0;
}

static void tokens_are_charged(void **state)
{
	struct fixture *f = *state;
	struct payer payer = { .channel = new_channel(f, 1) };
	struct peer *p;
	long before;

	new_group(&payer.group);
	p = peer_start(f, register_tokens, &payer);
	peer_hear(p);
	before = await_stable_slab_bytes(&payer.group);
	peer_go(p);
	peer_hear(p);
	await_slab_bytes(&payer.group, before + TOKENS * RECORD);
	peer_go(p);
	assert_peer_ok(p);
	end_group(&payer.group);
}

static struct {
	int channel;
	pthread_barrier_t barrier;
} senders;

static void *send_when_told(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&senders.barrier);
	try_send(senders.channel, 0, 1);
	return NULL;
}

static int send_requests(struct peer *p, void *arg)
{
	struct payer *payer = arg;
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(!write_file(&payer->group, "cgroup.procs", "0"));
	senders.channel = payer->channel;
	pthread_barrier_init(&senders.barrier, NULL, SENDERS + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (int i = 0; i < SENDERS; i++)
		CHECK(!pthread_create(&thread, &attr, send_when_told, NULL));
	peer_say(p, 0);
	peer_wait(p);
	pthread_barrier_wait(&senders.barrier);
	peer_wait(p);
	return 0;
}

static void requests_are_charged(void **state)
{
	struct fixture *f = *state;
	struct payer payer = { .channel = new_channel(f, SENDERS) };
	struct peer *p;
	long before;

	new_group(&payer.group);
	p = peer_start(f, send_requests, &payer);
	peer_hear(p);
	before = await_stable_slab_bytes(&payer.group);
	peer_go(p);
	await_info(payer.channel, "depth", SENDERS);
	await_slab_bytes(&payer.group, before + SENDERS * RECORD);
	peer_kill(p);
	assert_depth(payer.channel, 0);
	end_group(&payer.group);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(tokens_are_charged),
		CHANNEL_TEST(requests_are_charged),
	};

	return RUN(tests);
}
