// SPDX-License-Identifier: GPL-2.0-only
/* Finds out about the driver, the kernel, and the rights of this user. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ctl.h"

#define NODE "/dev/ntsync"
#define MODULE "/sys/module/ntsync/"

bool kernel_is_realtime(const char *version, long long sys_kernel_realtime)
{
	/* "#1 SMP PREEMPT_RT Debian …"; older kernels say "PREEMPT RT". */
	return sys_kernel_realtime == 1 || strstr(version, "PREEMPT_RT") ||
	       strstr(version, "PREEMPT RT");
}

bool system_has_driver(void)
{
	return file_exists("/sys/class/misc/ntsync");
}

/* Only if a driver is loaded: opening the node could load a module. */
static void ask_driver(struct system_facts *f)
{
	int dev;

	f->loaded = system_has_driver();
	if (!f->loaded) {
		f->asked = -ENOENT;
		return;
	}
	dev = ntsync_open();
	f->asked = dev < 0 ? dev : ntsync_features(dev, &f->features);
	if (dev >= 0)
		close(dev);
}

static void look_at_module(struct system_facts *f)
{
	char buf[64];

	f->pi = -1;
	if (file_read(MODULE "parameters/pi", buf, sizeof(buf)) > 0) {
		f->pi = buf[0] == 'Y';
		/* The in-tree driver has no such parameter. */
		f->features.driver = NTSYNC_DRIVER_NTSYNC_RT;
	}
	if (file_read(MODULE "version", buf, sizeof(buf)) > 0) {
		buf[strcspn(buf, "\n")] = '\0';
		text_clean(buf, f->version, sizeof(f->version), false);
	}
}

static void look_at_node(struct system_facts *f)
{
	struct stat st;

	f->node = !stat(NODE, &st) && S_ISCHR(st.st_mode);
	if (!f->node)
		return;
	f->node_mode = st.st_mode & 07777;
	f->node_uid = st.st_uid;
	f->node_gid = st.st_gid;
	/* Not ctime: it changes with the mode. */
	f->node_since = st.st_mtime;
	f->node_usable = !access(NODE, R_OK | W_OK);
}

static bool has_cap_sys_nice(void)
{
	char buf[4096], *line;

	if (file_read("/proc/self/status", buf, sizeof(buf)) <= 0)
		return false;
	line = strstr(buf, "\nCapEff:");
	return line && strtoull(line + strlen("\nCapEff:"), NULL, 16) >> 23 & 1;
}

static void look_at_kernel(struct system_facts *f)
{
	struct utsname u;

	if (uname(&u))
		return;
	text_clean(u.release, f->release, sizeof(f->release), false);
	text_clean(u.version, f->kernel, sizeof(f->kernel), false);
	f->realtime = kernel_is_realtime(u.version, file_number("/sys/kernel/realtime", 0));
}

/* Reads the configuration from where Debian and others keep it. */
static int configured_rt_group(const char *release)
{
	char path[128], *config;
	bool truncated;
	int found;

	snprintf(path, sizeof(path), "/boot/config-%s", release);
	config = file_read_all(path, 1 << 20, &truncated);
	if (!config)
		return -1;
	found = strstr(config, "\nCONFIG_RT_GROUP_SCHED=y\n") != NULL;
	free(config);
	return found;
}

/* cgroup v1 only: "N:cpu,cpuacct:/PATH" in /proc/self/cgroup. v2 has no cpu.rt_runtime_us. */
static long long group_runtime(void)
{
	char buf[4096], path[1024], *at, *group;

	if (file_read("/proc/self/cgroup", buf, sizeof(buf)) <= 0)
		return -1;
	at = strstr(buf, ":cpu,cpuacct:");
	if (!at)
		at = strstr(buf, ":cpu:");
	group = at ? strchr(at + 1, ':') : NULL;
	if (!group)
		return -1;
	group++;
	group[strcspn(group, "\n")] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/cgroup/cpu%.400s/cpu.rt_runtime_us", group);
	return file_number(path, -1);
}

static void look_at_limits(struct system_facts *f)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_RTPRIO, &limit);
	f->rtprio_soft = limit.rlim_cur;
	f->rtprio_hard = limit.rlim_max;
	f->cap_sys_nice = has_cap_sys_nice();
	f->rtkit = file_exists("/usr/share/dbus-1/system-services/org.freedesktop.RealtimeKit1.service");
	f->rt_runtime_us = file_number("/proc/sys/kernel/sched_rt_runtime_us", -2);
	f->rt_period_us = file_number("/proc/sys/kernel/sched_rt_period_us", -2);
	f->rt_group = configured_rt_group(f->release);
	f->rt_group_us = group_runtime();
	if (f->rt_group_us >= 0)
		f->rt_group = 1;
}

void system_look(struct system_facts *f)
{
	memset(f, 0, sizeof(*f));
	ask_driver(f);
	look_at_module(f);
	look_at_node(f);
	look_at_kernel(f);
	look_at_limits(f);
}

const char *driver_name(const struct system_facts *f)
{
	if (!f->loaded)
		return "none";
	if (f->features.driver == NTSYNC_DRIVER_NTSYNC_RT)
		return "ntsync-rt";
	/* If the driver could not be asked, only its parameter says that it is ours. */
	return f->asked == 0 || f->pi < 0 ? "in-tree" : "unknown";
}

size_t feature_names(uint64_t features, const char **names)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} known[] = {
		{ NTSYNC_FEATURE_PRIORITY_QUEUES, "priority-queues" },
		{ NTSYNC_FEATURE_MUTEX_PI, "mutex-pi" },
		{ NTSYNC_FEATURE_EVENT_SET_PI, "event-set-pi" },
		{ NTSYNC_FEATURE_CHANNEL, "channel" },
		{ NTSYNC_FEATURE_CHANNEL_TRY_RECV2, "channel-try-recv2" },
		{ NTSYNC_FEATURE_AGGREGATE_WAIT, "aggregate-wait" },
		{ NTSYNC_FEATURE_URING_FD, "uring-fd" },
		{ NTSYNC_FEATURE_POLL, "poll" },
		{ NTSYNC_FEATURE_SIGNAL_AND_WAIT, "signal-and-wait" },
		{ NTSYNC_FEATURE_BOOTTIME, "boottime" },
		{ NTSYNC_FEATURE_LEND, "lend" },
		{ NTSYNC_FEATURE_ADDRESS, "address" },
	};
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (features & known[i].bit)
			names[nr++] = known[i].name;
	}
	return nr;
}
