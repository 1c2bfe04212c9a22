// SPDX-License-Identifier: GPL-2.0-only
#include "task.h"

#include <sys/syscall.h>

#define DEBUGFS "/sys/kernel/debug/ntsync/"

int task_get_attr(pid_t tid, struct task_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	return syscall(SYS_sched_getattr, tid, attr, sizeof(*attr), 0) ? -errno : 0;
}

int task_set_attr(pid_t tid, struct task_attr attr)
{
	attr.size = sizeof(attr);
	return syscall(SYS_sched_setattr, tid, &attr, 0) ? -errno : 0;
}

/* The whole file as a string, or NULL. */
static char *read_file(const char *path)
{
	size_t size = 0, room = 4096;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 || !text ? -1 : 1;

	while (got > 0) {
		got = read(fd, text + size, room - size - 1);
		size += got > 0 ? got : 0;
		if (size + 1 == room)
			text = realloc(text, room *= 2);
	}
	if (fd >= 0)
		close(fd);
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/* /proc/TID works for every thread, though a listing of /proc shows processes only. */
static char *read_proc(pid_t tid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", tid ? tid : gettid(), file);
	return read_file(path);
}

int task_get_state(pid_t tid, struct task_state *state)
{
	char *slack = read_proc(tid, "timerslack_ns");
	int ret = task_get_attr(tid, &state->attr);

	state->slack = slack ? strtoull(slack, NULL, 10) : 0;
	free(slack);
	if (!ret && sched_getaffinity(tid, sizeof(state->cpus), &state->cpus))
		ret = -errno;
	return ret;
}

static bool check_same(const char *who, const char *what, long long is, long long want)
{
	if (is == want)
		return true;
	fprintf(stderr, "# %s: %s is %lld, want %lld\n", who, what, is, want);
	return false;
}

bool task_state_is_as(const struct task_state *is, const struct task_state *want, const char *who)
{
	bool ok = true;

	ok &= check_same(who, "policy", is->attr.policy, want->attr.policy);
	ok &= check_same(who, "priority", is->attr.prio, want->attr.prio);
	ok &= check_same(who, "nice", is->attr.nice, want->attr.nice);
	ok &= check_same(who, "flags", is->attr.flags, want->attr.flags);
	ok &= check_same(who, "runtime or slice", is->attr.runtime, want->attr.runtime);
	ok &= check_same(who, "deadline", is->attr.deadline, want->attr.deadline);
	ok &= check_same(who, "period", is->attr.period, want->attr.period);
	ok &= check_same(who, "timer slack", is->slack, want->slack);
	ok &= check_same(who, "affinity kept", CPU_EQUAL(&is->cpus, &want->cpus), 1);
	return ok;
}

bool task_state_is(pid_t tid, const struct task_state *want, const char *who)
{
	struct task_state is;

	return check_same(who, "sched_getattr()", task_get_state(tid, &is), 0) &&
	       task_state_is_as(&is, want, who);
}

/* The @n-th field. The second one, the name, may have spaces and brackets. */
static int parse_stat_field(const char *text, int n)
{
	const char *at = strrchr(text, ')');

	while (at && n-- > 2)
		at = strchr(at + 1, ' ');
	return at ? atoi(at) : 0;
}

bool task_get_stat(pid_t tid, struct task_stat *stat)
{
	char *text = read_proc(tid, "stat");
	int priority;

	if (!text)
		return false;
	stat->asleep = strstr(text, ") S ");
	/* Of a real-time task the field is -1 - priority. */
	priority = parse_stat_field(text, 18);
	stat->live = priority < 0 ? -1 - priority : 0;
	stat->prio = parse_stat_field(text, 40);
	stat->policy = parse_stat_field(text, 41);
	free(text);
	return true;
}

int task_live_prio(pid_t tid)
{
	struct task_stat stat;

	return task_get_stat(tid, &stat) ? stat.live : 0;
}

void task_describe(FILE *out, pid_t tid, const char *who)
{
	char *wchan = read_proc(tid, "wchan"), *stack = read_proc(tid, "stack");
	struct task_attr attr;

	task_get_attr(tid, &attr);
	fprintf(out, "# %s %d: policy %u priority %u, live %d, flags %llu, %s\n%s", who, tid,
		attr.policy, attr.prio, task_live_prio(tid), (unsigned long long)attr.flags,
		wchan ? wchan : "", stack ? stack : "");
	free(wchan);
	free(stack);
}

char *arbiter_text(const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), DEBUGFS "%s", file);
	return read_file(path);
}

bool arbiter_has_records(void)
{
	char *text = arbiter_text("pi");
	bool some = text && *text;

	free(text);
	return some;
}

bool arbiter_idle(void)
{
	char *text = arbiter_text("pi");
	bool idle = text && !*text;

	if (!text)
		fprintf(stderr, "# cannot read " DEBUGFS "pi: %m\n");
	else if (!idle)
		fprintf(stderr, "# records left:\n%s", text);
	free(text);
	return idle;
}

bool arbiter_idle_soon(void)
{
	int tries = 6000;

	while (tries-- && arbiter_has_records())
		usleep(10000);
	return arbiter_idle();
}

bool arbiter_has(pid_t tid, const char *source, int policy, int prio)
{
	char *text = arbiter_text("pi"), *at, *end;
	char task[32], want[64];

	snprintf(task, sizeof(task), "task %d ", tid);
	snprintf(want, sizeof(want), "contribution %s policy=%d prio=%d object=", source, policy, prio);
	at = text ? strstr(text, task) : NULL;
	end = at ? strstr(at + 1, "task ") : NULL;
	if (end)
		*end = '\0';
	at = at ? strstr(at, want) : NULL;
	if (!at)
		fprintf(stderr, "# no \"%s\" of task %d in:\n%s\n", want, tid, text ? text : "");
	free(text);
	return at;
}

long long arbiter_stat(const char *name)
{
	char *text = arbiter_text("stats"), *at;
	char key[64];
	long long value = -1;

	snprintf(key, sizeof(key), "%s:", name);
	at = text ? strstr(text, key) : NULL;
	if (at)
		value = strtoll(at + strlen(key), NULL, 10);
	free(text);
	return value;
}
