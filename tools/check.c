// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl check: what keeps priority inheritance from working for this user, who uses the device,
 * and how to fix what is wrong. With a problem it does not work; with a warning it does not always
 * work.
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

/* That nobody uses it now is neither good nor bad. */
static enum verdict test_users(const struct system_facts *f)
{
	if (f->wine_without[0])
		return VERDICT_WARNING;
	return f->users[0] ? VERDICT_OK : VERDICT_SKIPPED;
}

static const char *users_of_device(const struct system_facts *f)
{
	return f->users;
}

static const char *wineservers_without(const struct system_facts *f)
{
	return f->wine_without;
}

static enum verdict test_wine(const struct system_facts *f)
{
	if (f->wine_can[0])
		return VERDICT_OK;
	return f->wine_cannot[0] ? VERDICT_WARNING : VERDICT_SKIPPED;
}

static const char *capable_wines(const struct system_facts *f)
{
	return f->wine_can;
}

static const char *incapable_wines(const struct system_facts *f)
{
	return f->wine_cannot;
}

static enum verdict test_rtkit(const struct system_facts *f)
{
	if (f->rtkit)
		return VERDICT_OK;
	return f->rtprio_soft || f->cap_sys_nice ? VERDICT_SKIPPED : VERDICT_WARNING;
}

static enum verdict test_boot(const struct system_facts *f)
{
	return warning_if(!f->at_boot[0]);
}

static const char *loader_at_boot(const struct system_facts *f)
{
	return f->at_boot;
}

static enum verdict test_initramfs(const struct system_facts *f)
{
	return f->initramfs < 0 ? VERDICT_SKIPPED : warning_if(f->initramfs);
}

const struct check checks[] = {
	{ .id = "module", .test = test_module,
	  .good = "a driver serves /dev/ntsync",
	  .bad = "no driver serves /dev/ntsync",
	  .fix = "modprobe ntsync; if there is no such module, install that of ntsync-rt" },
	{ .id = "node", .test = test_node,
	  .good = "this user may open /dev/ntsync",
	  .bad = "this user may not open /dev/ntsync",
	  .fix = "chmod 666 /dev/ntsync; for good, a udev rule: KERNEL==\"ntsync\", MODE=\"0666\"" },
	{ .id = "driver", .test = test_driver,
	  .good = "the driver is ntsync-rt",
	  .bad = "the driver is the kernel's own, which knows no priorities",
	  .fix = "install ntsync-rt's module, end what uses /dev/ntsync, then: rmmod ntsync; modprobe ntsync" },
	{ .id = "inheritance", .test = test_pi,
	  .good = "priority inheritance is on",
	  .bad = "priority inheritance is off: by pi=off, or because the module's test of this kernel failed",
	  .fix = "sudo dmesg | grep ntsync: says what failed. Nothing? Take pi=off out of /etc/modprobe.d, then: rmmod ntsync; modprobe ntsync pi=on" },
	{ .id = "users", .test = test_users,
	  .good = "in use by",
	  .bad = "Wine runs, and does not use the device: wineserver",
	  .fix = "use a Wine that was built with ntsync; see wine",
	  .who = wineservers_without,
	  .good_who = users_of_device,
	  .unknown = "no process that this user may see has it open now" },
	{ .id = "wine", .test = test_wine,
	  .good = "built with ntsync:",
	  .bad = "built without ntsync, so it never uses the device:",
	  .fix = "take a Wine of 10.16 or later that was built with a complete <linux/ntsync.h> (docs/wine.md)",
	  .who = incapable_wines,
	  .good_who = capable_wines,
	  .unknown = "no Wine in the usual places" },
	{ .id = "wineserver", .test = test_wineserver,
	  .good = "no wineserver is older than the driver",
	  .bad = "started before the driver was there, so Wine's programs don't use it: wineserver",
	  .fix = "end Wine's programs, then, as the same user and with the same WINEPREFIX: wineserver -k; the next one will use it",
	  .who = old_wineservers },
	{ .id = "kernel", .test = test_kernel,
	  .good = "the kernel is PREEMPT_RT",
	  .bad = "the kernel is not PREEMPT_RT: inheritance works, but the kernel itself can hold up a real-time task for milliseconds",
	  .fix = "boot a real-time kernel (Debian: apt-get install linux-image-rt-amd64)" },
	{ .id = "rtprio", .test = test_rtprio,
	  .good = "this user may use real-time priorities",
	  .bad = "this user may not use real-time priorities (RLIMIT_RTPRIO is 0): only threads that somebody else gives one (rtkit, root) have any to inherit",
	  .fix = "in /etc/security/limits.d/rt.conf: @audio - rtprio 95; join that group, and log in again" },
	{ .id = "rtkit", .test = test_rtkit,
	  .good = "programs can ask rtkit for real-time priorities",
	  .bad = "there is no rtkit, so no program gets a real-time priority for this user",
	  .fix = "install rtkit; or see rtprio",
	  .unknown = "there is none; this user needs none" },
	{ .id = "throttling", .test = test_throttling,
	  .good = "real-time tasks are not throttled",
	  .bad = "real-time tasks may be stopped for a part of each second (sched_rt_runtime_us)",
	  .fix = "if you trust them: sysctl kernel.sched_rt_runtime_us=-1; from Linux 6.12 on also write 0 into each /sys/kernel/debug/sched/fair_server/cpu*/runtime" },
	{ .id = "rt-group", .test = test_rt_group,
	  .good = "real-time tasks need no share of a control group",
	  .bad = "the kernel has RT group scheduling: a boosted task in a group without a share does not run",
	  .fix = "give the group a cpu.rt_runtime_us, or use a kernel without CONFIG_RT_GROUP_SCHED" },
	{ .id = "boot", .test = test_boot,
	  .good = "the module is loaded at boot:",
	  .bad = "nothing loads the module at boot",
	  .fix = "systemctl add-wants sysinit.target modprobe@ntsync.service; without systemd: echo ntsync > /etc/modules-load.d/ntsync.conf",
	  .good_who = loader_at_boot },
	{ .id = "initramfs", .test = test_initramfs,
	  .good = "the initramfs has no other ntsync than the one that is installed",
	  .bad = "the initramfs has another ntsync than the one that is installed, and loads that",
	  .fix = "update-initramfs -u (Debian), dracut -f (Fedora) or mkinitcpio -P (Arch); then reboot",
	  .unknown = "no initramfs of this kernel that this user may read" },
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
	const char *(*who)(const struct system_facts *f) = is_bad(v) ? c->who : c->good_who;

	if (v == VERDICT_SKIPPED)
		snprintf(out, size, "%s", c->unknown ? c->unknown : "can't be told");
	else
		snprintf(out, size, "%s%s%s", is_bad(v) ? c->bad : c->good, who ? " " : "",
			 who ? who(f) : "");
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
	json_add_string(o, "text", text);
	json_add_string(o, "fix", is_bad(v) ? c->fix : "");
}

static bool look_at_all(struct system_facts *f)
{
	system_look(f);
	wine_look(f);
	wine_files_look(f);
	boot_look(f);
	return users_look(f);
}

/* Returns 1 if there is a problem. */
int check_command(const struct options *opts)
{
	struct json_object *root, *list;
	struct system_facts f;
	int problems = 0;

	if (!look_at_all(&f))
		return 2;
	root = json_object_new_object();
	json_add_string(root, "ntsyncctl", NTSYNCCTL_VERSION);
	status_add_facts(root, &f);
	list = json_add_array(root, "checks");
	for (size_t i = 0; i < nr_checks; i++) {
		enum verdict v = checks[i].test(&f);
		char text[512];

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
