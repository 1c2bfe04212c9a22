// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl check: what keeps priority inheritance from working for this user, and how to fix
 * it. With a problem it does not work; with a warning it does not always work.
 */
#include <errno.h>
#include <json-c/json.h>
#include <sched.h>

#include "ctl.h"

static enum verdict problem_if(bool bad)
{
	return bad ? VERDICT_PROBLEM : VERDICT_OK;
}

static enum verdict warning_if(bool bad)
{
	return bad ? VERDICT_WARNING : VERDICT_OK;
}

static bool is_ours(const struct system_facts *f)
{
	return f->features.driver == NTSYNC_DRIVER_NTSYNC_RT;
}

static enum verdict test_module(const struct system_facts *f)
{
	return problem_if(!f->loaded);
}

static enum verdict test_node(const struct system_facts *f)
{
	return f->loaded ? problem_if(!f->node || !f->node_usable) : VERDICT_SKIPPED;
}

static enum verdict test_driver(const struct system_facts *f)
{
	return f->loaded && (!f->asked || is_ours(f)) ? problem_if(!is_ours(f)) : VERDICT_SKIPPED;
}

static enum verdict test_pi(const struct system_facts *f)
{
	if (!f->loaded || !is_ours(f))
		return VERDICT_SKIPPED;
	if (f->asked)
		return problem_if(!f->pi);
	return problem_if(!(f->features.features & NTSYNC_FEATURE_MUTEX_PI));
}

static enum verdict test_kernel(const struct system_facts *f)
{
	return warning_if(!f->realtime);
}

static enum verdict test_rtprio(const struct system_facts *f)
{
	return warning_if(!f->rtprio_soft && !f->cap_sys_nice);
}

static enum verdict test_throttling(const struct system_facts *f)
{
	if (f->rt_runtime_us == -2)
		return VERDICT_SKIPPED;
	return warning_if(f->rt_runtime_us >= 0 && f->rt_runtime_us < f->rt_period_us);
}

static enum verdict test_rt_group(const struct system_facts *f)
{
	if (f->rt_group_us == 0)
		return VERDICT_PROBLEM;
	if (f->rt_group < 0)
		return VERDICT_SKIPPED;
	return warning_if(f->rt_group);
}

static enum verdict test_wineserver(const struct system_facts *f)
{
	return f->loaded ? warning_if(f->wineservers[0]) : VERDICT_SKIPPED;
}

static const char *old_wineservers(const struct system_facts *f)
{
	return f->wineservers;
}

const struct check checks[] = {
	{ "module", test_module,
	  "a driver serves /dev/ntsync",
	  "no driver serves /dev/ntsync",
	  "modprobe ntsync; at every boot: echo ntsync > /etc/modules-load.d/ntsync.conf", NULL },
	{ "node", test_node,
	  "this user may open /dev/ntsync",
	  "this user may not open /dev/ntsync",
	  "chmod 666 /dev/ntsync; for good, a udev rule: KERNEL==\"ntsync\", MODE=\"0666\"", NULL },
	{ "driver", test_driver,
	  "the driver is ntsync-rt",
	  "the driver is the kernel's own, which knows no priorities",
	  "install ntsync-rt's module, end what uses /dev/ntsync, then: rmmod ntsync; modprobe ntsync", NULL },
	{ "inheritance", test_pi,
	  "priority inheritance is on",
	  "the module was loaded with pi=off",
	  "take pi=off out of /etc/modprobe.d, then: rmmod ntsync; modprobe ntsync pi=on", NULL },
	{ "kernel", test_kernel,
	  "the kernel is PREEMPT_RT",
	  "the kernel is not PREEMPT_RT: inheritance works, but the kernel itself can hold up a real-time task for milliseconds",
	  "boot a real-time kernel (Debian: apt-get install linux-image-rt-amd64)", NULL },
	{ "rtprio", test_rtprio,
	  "this user may use real-time priorities",
	  "this user may not use real-time priorities (RLIMIT_RTPRIO is 0): only threads that somebody else gives one (rtkit, root) have any to inherit",
	  "in /etc/security/limits.d/rt.conf: @audio - rtprio 95; join that group, and log in again", NULL },
	{ "throttling", test_throttling,
	  "real-time tasks are not throttled",
	  "real-time tasks may be stopped for a part of each second (sched_rt_runtime_us)",
	  "if you trust them: sysctl kernel.sched_rt_runtime_us=-1; from Linux 6.12 on also write 0 into each /sys/kernel/debug/sched/fair_server/cpu*/runtime", NULL },
	{ "rt-group", test_rt_group,
	  "real-time tasks need no share of a control group",
	  "the kernel has RT group scheduling: a boosted task in a group without a share does not run",
	  "give the group a cpu.rt_runtime_us, or use a kernel without CONFIG_RT_GROUP_SCHED", NULL },
	{ "wineserver", test_wineserver,
	  "no wineserver is older than the driver",
	  "started before the driver was there, so Wine's programs don't use it: wineserver",
	  "end Wine's programs, then, as the same user and with the same WINEPREFIX: wineserver -k; the next one will use it",
	  old_wineservers },
};

const size_t nr_checks = ARRAY_SIZE(checks);

static const char *const verdict_names[] = { "ok", "warning", "problem", "unknown" };

static bool is_bad(enum verdict v)
{
	return v == VERDICT_PROBLEM || v == VERDICT_WARNING;
}

void check_text(const struct check *c, enum verdict v, const struct system_facts *f, char *out,
		size_t size)
{
	if (v == VERDICT_SKIPPED)
		snprintf(out, size, "can't be told");
	else if (is_bad(v) && c->who)
		snprintf(out, size, "%s %s", c->bad, c->who(f));
	else
		snprintf(out, size, "%s", is_bad(v) ? c->bad : c->good);
}

static void print_check(const struct check *c, enum verdict v, const char *text)
{
	printf("%-8s %-12s %s\n", verdict_names[v], c->id, text);
	if (is_bad(v))
		printf("         %-12s fix: %s\n", "", c->fix);
}

static void add_check(struct json_object *list, const struct check *c, enum verdict v,
		      const char *text)
{
	struct json_object *o = json_append_object(list);

	json_add_string(o, "id", c->id);
	json_add_string(o, "verdict", verdict_names[v]);
	json_add_string(o, "text", v == VERDICT_SKIPPED ? "" : text);
	json_add_string(o, "fix", is_bad(v) ? c->fix : "");
}

/* Returns 1 if there is a problem. */
int check_command(const struct options *opts)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_add_array(root, "checks");
	struct system_facts f;
	int problems = 0;

	system_look(&f);
	wine_look(&f);
	for (size_t i = 0; i < nr_checks; i++) {
		enum verdict v = checks[i].test(&f);
		char text[256];

		check_text(&checks[i], v, &f, text, sizeof(text));
		problems += v == VERDICT_PROBLEM;
		add_check(list, &checks[i], v, text);
		if (!opts->json)
			print_check(&checks[i], v, text);
	}
	json_add_int(root, "problems", problems);
	if (!opts->json)
		json_object_put(root);
	else if (json_print(root, false))
		return 2;
	return problems ? 1 : 0;
}
