// SPDX-License-Identifier: GPL-2.0-only
/*
 * A receiving thread ends, and a worker of the driver tells its clients. The worker is as urgent
 * as the thread was, and no more when that is done.
 */
#include "channel.h"

#include <dirent.h>

#define REAPER "ntsync_exit"

static bool is_reaper(const char *pid)
{
	char path[300], name[32] = "";
	FILE *file;
	bool is;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	is = file && fgets(name, sizeof(name), file) && !strcmp(name, REAPER "\n");
	if (file)
		fclose(file);
	return is;
}

static pid_t find_reaper(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t pid = 0;

	assert_non_null(proc);
	while (!pid && (entry = readdir(proc))) {
		if (is_reaper(entry->d_name))
			pid = atoi(entry->d_name);
	}
	closedir(proc);
	assert_true(pid > 0);
	return pid;
}

/* It competes with everybody else for the one CPU of the stage. */
static void pin(pid_t reaper)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	assert_int_equal(sched_setaffinity(reaper, sizeof(cpus), &cpus), 0);
}

static void unpin(pid_t reaper)
{
	cpu_set_t cpus;

	memset(&cpus, 0xff, sizeof(cpus));
	assert_int_equal(sched_setaffinity(reaper, sizeof(cpus), &cpus), 0);
}

/* Returns when the reaper has this priority. */
static void await_prio(pid_t reaper, int prio)
{
	for (unsigned int looks = 0; task_live_prio(reaper) != prio; looks++)
		let_others_run(looks);
}

struct scene {
	int channel;
	pid_t reaper;
	struct actor *server, *caller;
};

/* A server at FIFO 10 works for a request of that priority. */
static void set_scene(struct scene *s, struct fixture *f, int prio)
{
	only_ours(f, "no channels");
	*s = (struct scene){
		.channel = stage_channel(f),
		.reaper = find_reaper(),
		.server = actor_new(f, "server", FIFO(LOW)),
		.caller = actor_new(f, "caller", FIFO(HIGH)),
	};
	pin(s->reaper);
	actor_sends(s->caller, s->channel, prio);
	actor_receives(s->server, s->channel, s->caller);
}

static void its_clients_are_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct scene s;

	set_scene(&s, f, HIGH);
	hog_release();
	actor_exit(s.server);
	assert_not_held_up(s.caller, -ECONNRESET);
	await_prio(s.reaper, 1);
	unpin(s.reaper);
}


/* One that is to be told at leisure; then another one that is not. */
static void the_more_urgent_first(void **state)
{
	struct fixture *f = *state;
	struct actor *minor, *other;
	struct scene s;

	set_scene(&s, f, HIGH);
	minor = actor_new(f, "minor", NORMAL(0));
	other = actor_new(f, "other server", FIFO(LOW));
	actor_sends(minor, s.channel, 0);
	actor_receives(other, s.channel, minor);
	actor_exit(other);
	hog_release();
	actor_exit(s.server);
	assert_not_held_up(s.caller, -ECONNRESET);
	assert_ret(actor_finish(minor), -ECONNRESET);
	await_prio(s.reaper, 1);
	unpin(s.reaper);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(its_clients_are_not_held_up),
		PI_TEST(the_more_urgent_first),
	};

	return RUN(tests);
}
