// SPDX-License-Identifier: GPL-2.0-only
/* ntsyncctl status: the driver, the rights of this user, and the processes that use the device. */
#include <json-c/json.h>
#include <string.h>
#include <sys/resource.h>

#include "ctl.h"

static void print_driver(const struct system_facts *f)
{
	const char *names[64];
	size_t nr = feature_names(f->features.features, names);

	printf("driver:       %s", driver_name(f));
	if (f->version[0])
		printf(" %s", f->version);
	if (!f->asked && f->features.driver == NTSYNC_DRIVER_NTSYNC_RT)
		printf(", interface %u", f->features.version);
	if (f->pi >= 0)
		printf(", inheritance %s", f->pi ? "on" : "off");
	if (f->loaded && f->asked)
		printf(" (it could not be asked: %s)", strerror(-f->asked));
	printf("\nfeatures:    ");
	for (size_t i = 0; i < nr; i++)
		printf(" %s", names[i]);
	puts(nr ? "" : " none");
}

static void print_limit(uint64_t value)
{
	if (value == RLIM_INFINITY)
		printf("unlimited");
	else
		printf("%lu", value);
}

static void print_user(const struct system_facts *f)
{
	if (f->node)
		printf("node:         mode %04o, user %u, group %u%s\n", f->node_mode, f->node_uid,
		       f->node_gid, f->node_usable ? "" : "; not for this user");
	else
		puts("node:         there is no /dev/ntsync");
	printf("kernel:       %s, %s\n", f->release, f->realtime ? "PREEMPT_RT" : "not PREEMPT_RT");
	printf("real time:    priorities up to ");
	print_limit(f->cap_sys_nice ? 99 : f->rtprio_soft);
	printf(" (RLIMIT_RTPRIO ");
	print_limit(f->rtprio_soft);
	printf(", hard ");
	print_limit(f->rtprio_hard);
	printf("%s)\n", f->cap_sys_nice ? ", CAP_SYS_NICE" : "");
}

static void print_processes(const struct scan *s)
{
	printf("used by:      %u process%s", s->nr_processes, s->nr_processes == 1 ? "" : "es");
	if (s->unreadable)
		printf("; %u more could not be looked at", s->unreadable);
	puts("");
	if (s->nr_processes)
		printf("\n%8s %6s", "PID", "UID");
	for (int i = 0; s->nr_processes && i < NR_TYPES; i++)
		printf(" %9s", type_names[i]);
	if (s->nr_processes)
		puts("  NAME");
	for (unsigned int i = 0; i < s->nr_processes; i++) {
		const struct process *p = &s->process[i];

		printf("%8d %6u", p->pid, p->uid);
		for (int k = 0; k < NR_TYPES; k++)
			printf(" %9u", p->count[k]);
		printf("  %s\n", p->comm);
	}
	if (s->truncated)
		puts("(there is more than is shown)");
}

static void add_driver(struct json_object *to, const struct system_facts *f)
{
	struct json_object *driver = json_add_object(to, "driver"), *list;
	const char *names[64];
	size_t nr = feature_names(f->features.features, names);

	json_add_string(driver, "name", driver_name(f));
	json_add_string(driver, "version", f->version);
	json_add_number(driver, "interface", f->features.version);
	json_add_int(driver, "error", -f->asked);
	json_add_int(driver, "pi", f->pi);
	list = json_add_array(driver, "features");
	for (size_t i = 0; i < nr; i++)
		json_object_array_add(list, json_object_new_string(names[i]));
}

static void add_user(struct json_object *to, const struct system_facts *f)
{
	struct json_object *node = json_add_object(to, "node");
	struct json_object *kernel = json_add_object(to, "kernel");
	struct json_object *user = json_add_object(to, "user");

	json_add_bool(node, "exists", f->node);
	json_add_int(node, "mode", f->node_mode);
	json_add_int(node, "uid", f->node_uid);
	json_add_int(node, "gid", f->node_gid);
	json_add_bool(node, "usable", f->node_usable);
	json_add_string(kernel, "release", f->release);
	json_add_string(kernel, "version", f->kernel);
	json_add_bool(kernel, "realtime", f->realtime);
	/* -1: no limit. */
	json_add_int(user, "rtprio_soft", (int64_t)f->rtprio_soft);
	json_add_int(user, "rtprio_hard", (int64_t)f->rtprio_hard);
	json_add_bool(user, "cap_sys_nice", f->cap_sys_nice);
}

void status_add_facts(struct json_object *to, const struct system_facts *f)
{
	add_driver(to, f);
	add_user(to, f);
}

static int print_json(const struct system_facts *f, const struct scan *s)
{
	struct json_object *root = json_object_new_object(), *list;

	status_add_facts(root, f);
	list = json_add_array(root, "processes");
	for (unsigned int i = 0; i < s->nr_processes; i++) {
		struct json_object *o = json_append_object(list);

		json_add_int(o, "pid", s->process[i].pid);
		json_add_int(o, "uid", s->process[i].uid);
		json_add_string(o, "name", s->process[i].comm);
		for (int k = 0; k < NR_TYPES; k++)
			json_add_int(o, type_names[k], s->process[i].count[k]);
	}
	json_add_scan(root, s, s->truncated);
	return json_print(root, false);
}

int status_command(const struct options *opts)
{
	struct system_facts f;
	struct scan s;
	int ret = 0;

	if (scan_init(&s))
		return 2;
	system_look(&f);
	scan_run(&s);
	if (opts->json) {
		ret = print_json(&f, &s);
	} else {
		print_driver(&f);
		print_user(&f);
		print_processes(&s);
	}
	scan_exit(&s);
	return ret;
}
