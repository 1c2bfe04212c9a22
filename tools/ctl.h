/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of ntsyncctl share. The program reads /proc, /sys and debugfs with the rights
 * of its user, and trusts nothing that it reads: texts are cleaned (text.c), numbers and lists
 * have limits. That a process is gone is no error.
 */
#ifndef NTSYNCCTL_CTL_H
#define NTSYNCCTL_CTL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <libntsync.h>

#include "facts.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct json_object;

/* ---- text.c: names of other users' processes ---- */

/*
 * Writes @in to @out as printable text. Bytes that could control a terminal or are not valid
 * UTF-8, and the backslash, become \xNN; without @utf8 all that is not ASCII does. Cuts off at
 * the end of @out, never within a character.
 */
void text_clean(const char *in, char *out, size_t size, bool utf8);
/* Does the locale want UTF-8 on stdout? */
bool text_utf8(void);
/* Writes @in as the inside of a dot string; @in is clean. */
void text_dot(FILE *out, const char *in);
/* How many columns it takes; @in is clean. */
int text_width(const char *in);
/* How many of its bytes fit into @columns. */
size_t text_fit(const char *in, int columns);
/* Drops an incomplete character at the end: the kernel cuts names after 15 bytes. */
void text_drop_partial(char *name);
/* Adds @item to @list, after a comma; false, and nothing is added, if it has no room. */
bool text_list_add(char *list, size_t size, const char *item);

/* ---- file.c: small files ---- */

/* Put in front of /proc and /sys; tests set it. */
extern const char *file_root;

/* Reads up to @size - 1 bytes and adds a NUL; returns how many, or -errno. */
ssize_t file_read(const char *path, char *buf, size_t size);
/* Reads all of it, up to @limit bytes; to be freed. NULL and errno. */
char *file_read_all(const char *path, size_t limit, bool *truncated);
/* The number at the beginning of the file, or @fallback. */
long long file_number(const char *path, long long fallback);
bool file_exists(const char *path);
/* The descriptors of a process, of which @proc is /proc; NULL and errno. */
DIR *file_open_fds(int proc, pid_t pid);
/* Is @name in @dir the character device whose number @number_path tells ("10:123")? */
bool file_is_device(int dir, const char *name, const char *number_path);

/* ---- fdinfo.c: one object ---- */

enum object_type {
	TYPE_INSTANCE,
	TYPE_SEM,
	TYPE_MUTEX,
	TYPE_EVENT,
	TYPE_CHANNEL,
	TYPE_UNKNOWN,
	NR_TYPES,
	/* Not a type of descriptor: tasks wait on a word of memory. */
	TYPE_ADDRESS = NR_TYPES,
};

extern const char *const type_names[NR_TYPES + 1];

/* The driver prints at most 16 of a kind. */
#define MAX_WAITERS	32
#define MAX_REQUESTS	32
#define MAX_RECEIVERS	16
#define MAX_HOLDERS	8

struct waiter {
	bool all;
	pid_t tid;
	int prio;
};

/* receiver: 0 for a pending request. */
struct request {
	uint64_t id;
	pid_t sender;
	int prio;
	uint64_t age_ns;
	pid_t receiver;
};

struct receiver {
	pid_t tid;
	char state[8];
};

struct latency {
	uint64_t nr;
	uint64_t sum_ns;
	uint64_t max_ns;
};

/*
 * The fields of fdinfo (docs/observing.md); those of other types are 0. An address is shown like an
 * object; its id is that of its space, and only both together tell addresses apart.
 */
struct object {
	enum object_type type;
	uint64_t instance;
	uint64_t id;
	uint64_t address;
	uint64_t count, max;
	uint64_t owner, abandoned;
	pid_t owner_tid;
	uint64_t manual, signaled;
	uint64_t max_depth, depth, dispatched, receivers, registrations;
	uint64_t waiters_any, waiters_all;
	struct latency queueing, response;
	struct waiter waiter[MAX_WAITERS];
	struct request request[MAX_REQUESTS];
	struct receiver receiver[MAX_RECEIVERS];
	unsigned int nr_waiter, nr_request, nr_receiver;
	pid_t holder[MAX_HOLDERS];
	unsigned int nr_holders;
	unsigned int boosts;
	int boost_prio;
};

/* False if @text is not of the driver. */
bool fdinfo_parse(const char *text, struct object *o);

/* prio: 0 = the lender has nothing to lend at the moment. */
struct loan {
	pid_t lender;
	pid_t borrower;
	int prio;
};

/* The loans of an instance. Returns how many it wrote to @out, at most @max; *@more: there were more. */
size_t fdinfo_parse_loans(const char *text, struct loan *out, size_t max, bool *more);

/*
 * Takes the next wait on an address off *@text, fdinfo of an instance. *@o is the address, with one
 * waiter. False at the end.
 */
bool fdinfo_next_address(const char **text, struct object *o);

/* How many tasks wait. Of a channel: its senders, not its receivers. */
uint64_t object_waiters(const struct object *o);
int object_top_prio(const struct object *o);

/* ---- arbiter.c: boosted tasks, from debugfs ---- */

#define MAX_CONTRIBS	8

struct contrib {
	char source[12];
	int policy;
	int prio;
	uint64_t object;
};

struct boosted {
	pid_t tid;
	int normal_policy;
	int normal_prio;
	unsigned int nr;
	struct contrib contrib[MAX_CONTRIBS];
};

/* The object that it comes from; 0 if it does not come from an object, as a loan. */
uint64_t contrib_object(const struct contrib *c);
/* Returns how many it wrote to @out, at most @max; *@more: there were more. */
size_t arbiter_parse(const char *text, struct boosted *out, size_t max, bool *more);

/* ---- scan.c: the descriptors of all processes ---- */

#define MAX_OBJECTS	4096
#define MAX_PROCESSES	1024
#define MAX_BOOSTED	2048
#define MAX_LOANS	4096
#define MAX_FDS		65536

/* count: objects by type; with the in-tree driver, descriptors. */
struct process {
	pid_t pid;
	uid_t uid;
	char comm[64];
	unsigned int count[NR_TYPES];
};

/**
 * struct scan - what was found
 * @unreadable: processes whose descriptors this user may not see
 * @truncated: there was more than fits
 * @arbiter: debugfs could be read, so @boosted is true
 * @lending: the objects that boost a task, by number
 * @loan: loans between tasks
 * @next_idle: in a full table, where to look for an object that makes room
 */
struct scan {
	struct process *process;
	struct object *object;
	struct boosted *boosted;
	uint64_t *lending;
	struct loan *loan;
	unsigned int nr_processes, nr_objects, nr_boosted, nr_lending, nr_loans, next_idle;
	unsigned int unreadable;
	bool truncated;
	bool arbiter;
	int arbiter_error;
	unsigned int *bucket;
};

int scan_init(struct scan *s);
void scan_run(struct scan *s);
void scan_exit(struct scan *s);
const struct boosted *scan_boosted(const struct scan *s, pid_t tid);
/* The object, or the address, that boosts task @tid by @c; NULL: not found. */
struct object *scan_find_source(const struct scan *s, const struct contrib *c, pid_t tid);
/* Counts the boosts of each object; a part of scan_run(). */
void scan_link_boosts(struct scan *s);

/* ---- task.c ---- */

struct task {
	pid_t tid;
	bool exists;
	char comm[64];
	int policy;
	int prio;
};

void task_look(pid_t tid, struct task *t);
const char *policy_name(int policy);

/* ---- json.c ---- */

void json_add_string(struct json_object *to, const char *key, const char *value);
void json_add_number(struct json_object *to, const char *key, uint64_t value);
void json_add_int(struct json_object *to, const char *key, long long value);
void json_add_bool(struct json_object *to, const char *key, bool value);
struct json_object *json_add_object(struct json_object *to, const char *key);
struct json_object *json_add_array(struct json_object *to, const char *key);
struct json_object *json_append_object(struct json_object *array);
void json_append_int(struct json_object *array, long long value);
/* Prints and frees @root. @line: on one line, for a stream of documents. */
int json_print(struct json_object *root, bool line);
/* status.c: the driver, the node, the kernel and this user's rights. */
void status_add_facts(struct json_object *to, const struct system_facts *f);
/* The fields that all commands print of an object, and of a scan. */
void json_add_state(struct json_object *to, const struct object *o);
void json_add_scan(struct json_object *to, const struct scan *s, bool truncated);

/* ---- the commands return an exit status ---- */

struct options {
	bool json;
	bool batch;
	bool idle;
	unsigned long iterations;
	double delay;
	const char *file;
};

int status_command(const struct options *opts);
int top_command(const struct options *opts);
int check_command(const struct options *opts);
int graph_command(const struct options *opts);
int trace_command(const struct options *opts);
/* Shared with the tests. */
/* What the trace says. Returns the exit status; -1 and errno if it can't be read. */
int trace_print(FILE *in, bool json);
void graph_dot(FILE *out, const struct scan *s);
void top_sort(struct scan *s);
/* @idle: also objects that no task waits for or is boosted by. */
void top_screen(FILE *out, const struct scan *s, const struct system_facts *f, unsigned int rows,
		int width, bool idle);

#endif
