// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl in known situations: its output is compared with what the test has set up. The program
 * is build/tools/ntsyncctl, or the one in NTSYNCCTL.
 */
#include "../pi/addr.h"
#include "../pi/channel.h"
#include "../pi/lend.h"
#include "../pi/tracefs.h"

#include <grp.h>
#include <json-c/json.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY 65534

/* ---- running it ---- */

/* The program's output; NULL if it could not be run. Its exit status must be @want. */
static char *run_ctl(const char *args, int want)
{
	const char *program = getenv("NTSYNCCTL");
	char command[256], *text = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *in;

	snprintf(command, sizeof(command), "%s %s", program ? program : "/add/tools/ntsyncctl", args);
	in = popen(command, "re");
	if (!in)
		return NULL;
	len = getdelim(&text, &size, '\0', in);
	if (WEXITSTATUS(pclose(in)) == want && len > 0)
		return text;
	fprintf(stderr, "# %s: not exit status %d\n%s\n", command, want, len > 0 ? text : "");
	free(text);
	return NULL;
}

static struct json_object *assert_ctl(const char *args, int want)
{
	char *text = run_ctl(args, want);
	struct json_object *root = text ? json_tokener_parse(text) : NULL;

	if (text && !root)
		fprintf(stderr, "# not JSON: %s\n", text);
	free(text);
	return root;
}

static struct json_object *run_ctl_json(const char *args)
{
	struct json_object *root = assert_ctl(args, 0);

	assert_non_null(root);
	return root;
}

/* ---- looking into what it says ---- */

static struct json_object *find_member(struct json_object *of, const char *key)
{
	struct json_object *o = NULL;

	if (!json_object_object_get_ex(of, key, &o))
		fprintf(stderr, "# no \"%s\" in %s\n", key, json_object_to_json_string(of));
	assert_non_null(o);
	return o;
}

static long long read_number(struct json_object *of, const char *key)
{
	return json_object_get_int64(find_member(of, key));
}

static const char *read_string(struct json_object *of, const char *key)
{
	return json_object_get_string(find_member(of, key));
}

/* The element of a list of @root whose @key is @value; NULL if there is none. */
static struct json_object *find_in_list(struct json_object *root, const char *list, const char *key,
					long long value)
{
	struct json_object *array = find_member(root, list);

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		if (read_number(o, key) == value)
			return o;
	}
	return NULL;
}

static struct json_object *find_element(struct json_object *root, const char *list, const char *key,
					long long value)
{
	struct json_object *o = find_in_list(root, list, key, value);

	if (!o)
		fprintf(stderr, "# no %s with %s %lld in %s\n", list, key, value,
			json_object_to_json_string(root));
	assert_non_null(o);
	return o;
}

static bool has_edge(struct json_object *root, const char *kind, pid_t tid, int obj, int prio)
{
	struct json_object *array = find_member(root, "edges");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *e = json_object_array_get_idx(array, i);

		if (!strcmp(read_string(e, "kind"), kind) && read_number(e, "tid") == tid &&
		    read_number(e, "prio") == prio &&
		    (unsigned long long)read_number(e, "object") == object_id(obj))
			return true;
	}
	fprintf(stderr, "# no edge %s %d %llu %d in %s\n", kind, tid, object_id(obj), prio,
		json_object_to_json_string(root));
	return false;
}

/* ---- a chain of three ---- */

struct chain {
	struct actor *low, *mid, *high;
	int first, second;
};

/* The high task waits for a mutex of the middle one, which waits for a mutex of the low one. */
static struct chain set_up_chain(struct fixture *f)
{
	struct chain c = {
		.low = actor_new(f, "low", NORMAL(0)),
		.mid = actor_new(f, "mid", FIFO(LOW)),
		.high = actor_new(f, "high", FIFO(HIGH)),
		.first = new_mutex(f, 0, 0),
		.second = new_mutex(f, 0, 0),
	};

	assert_ret(actor_locks(c.low, c.first), 0);
	assert_ret(actor_locks(c.mid, c.second), 0);
	actor_block_on(c.mid, c.first);
	actor_block_on(c.high, c.second);
	return c;
}

static void end_chain(const struct chain *c)
{
	actor_pass_mutex(c->low, c->mid, c->first);
	actor_pass_mutex(c->mid, c->high, c->second);
}

static void assert_task(struct json_object *root, const struct actor *a, const char *normal, int normal_prio)
{
	struct json_object *t = find_element(root, "tasks", "tid", a->tid);

	assert_string_equal(read_string(t, "policy"), "FIFO");
	assert_int_equal(read_number(t, "prio"), HIGH);
	assert_int_equal(read_number(t, "boosted"), normal != NULL);
	if (!normal)
		return;
	assert_string_equal(read_string(t, "normal_policy"), normal);
	assert_int_equal(read_number(t, "normal_prio"), normal_prio);
}

static void graph_of_a_boosted_chain(void **state)
{
	struct fixture *f = *state;
	struct json_object *root;
	struct chain c;

	only_ours(f, "no inheritance");
	c = set_up_chain(f);
	root = run_ctl_json("graph --json");
	assert_true(has_edge(root, "waits", c.high->tid, c.second, HIGH));
	assert_true(has_edge(root, "held", c.mid->tid, c.second, 0));
	assert_true(has_edge(root, "boost", c.mid->tid, c.second, HIGH));
	assert_true(has_edge(root, "waits", c.mid->tid, c.first, HIGH));
	assert_true(has_edge(root, "held", c.low->tid, c.first, 0));
	assert_true(has_edge(root, "boost", c.low->tid, c.first, HIGH));
	assert_int_equal(json_object_array_length(find_member(root, "edges")), 6);
	assert_task(root, c.high, NULL, 0);
	assert_task(root, c.mid, "FIFO", LOW);
	assert_task(root, c.low, "normal", 0);
	assert_int_equal(json_object_array_length(find_member(root, "objects")), 2);
	json_object_put(root);
	end_chain(&c);
	root = run_ctl_json("graph --json");
	assert_int_equal(json_object_array_length(find_member(root, "edges")), 0);
	json_object_put(root);
}

static void graph_in_dot(void **state)
{
	struct fixture *f = *state;
	char line[128], *text;
	struct chain c;

	only_ours(f, "no inheritance");
	c = set_up_chain(f);
	text = run_ctl("graph", 0);
	assert_non_null(text);
	if (getenv("NTSYNCCTL_SHOW"))
		fputs(text, stderr);
	snprintf(line, sizeof(line), "\n\tt%d -> o%llu [label=\"waits %d\"];\n", c.high->tid,
		 object_id(c.second), HIGH);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "\n\to%llu -> t%d [label=\"held\"];\n", object_id(c.first),
		 c.low->tid);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "\n\to%llu -> t%d [label=\"lends %d\", color=red,",
		 object_id(c.first), c.low->tid, HIGH);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "\\n%d\\nFIFO %d, of its own normal\", color=red];\n", c.low->tid,
		 HIGH);
	assert_non_null(strstr(text, line));
	assert_string_equal(text + strlen(text) - 2, "}\n");
	free(text);
	end_chain(&c);
}

static void loans_are_shown(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);
	struct json_object *root, *loan;
	char line[128], *text;

	need_loans(f);
	actor_lends(lender, borrower);
	root = run_ctl_json("graph --json");
	loan = find_element(root, "edges", "lender", lender->tid);
	assert_string_equal(read_string(loan, "kind"), "lends");
	assert_int_equal(read_number(loan, "tid"), borrower->tid);
	assert_int_equal(read_number(loan, "prio"), HIGH);
	assert_int_equal(json_object_array_length(find_member(root, "edges")), 1);
	assert_task(root, borrower, "normal", 0);
	json_object_put(root);
	text = run_ctl("graph", 0);
	snprintf(line, sizeof(line), "\n\tt%d -> t%d [label=\"lends %d\", color=red,", lender->tid,
		 borrower->tid, HIGH);
	assert_non_null(strstr(text, line));
	free(text);
	root = run_ctl_json("top --json -n 1");
	loan = find_element(root, "loans", "lender", lender->tid);
	assert_int_equal(read_number(loan, "borrower"), borrower->tid);
	assert_int_equal(read_number(loan, "prio"), HIGH);
	json_object_put(root);
	text = run_ctl("top -b -n 1", 0);
	assert_non_null(strstr(text, "LENDER"));
	free(text);
	actor_unlends(lender);
	text = run_ctl("top -b -n 1", 0);
	assert_null(strstr(text, "LENDER"));
	free(text);
}

static void assert_address(struct json_object *o, const int *word)
{
	assert_string_equal(read_string(o, "type"), "address");
	assert_true((uintptr_t)read_number(o, "address") == (uintptr_t)word);
}

/* An edge of @kind between task @tid and the address. */
static void assert_address_edge(struct json_object *root, const char *kind, pid_t tid, int prio,
				const int *word)
{
	struct json_object *array = find_member(root, "edges"), *address;

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *e = json_object_array_get_idx(array, i);

		if (json_object_object_get_ex(e, "address", &address) &&
		    (uintptr_t)json_object_get_int64(address) == (uintptr_t)word &&
		    !strcmp(read_string(e, "kind"), kind) && read_number(e, "tid") == tid &&
		    read_number(e, "prio") == prio)
			return;
	}
	fail_msg("no edge %s %d %d of %p in %s", kind, tid, prio, (const void *)word,
		 json_object_to_json_string(root));
}

/*
 * The high task waits on a word of the middle one, which waits for a mutex of the low one. The word's
 * other waiter has named nobody, and is not shown.
 */
static void addresses_are_shown(void **state)
{
	struct fixture *f = *state;
	struct actor *low = actor_normal(f), *mid = actor_new(f, "mid", FIFO(LOW));
	struct actor *high = actor_high(f), *silent = actor_new(f, "silent", FIFO(LOW));
	int mutex = new_mutex(f, 0, 0);
	struct json_object *root, *o;
	char line[128], *text;
	static int word;

	need_addresses(f);
	assert_ret(actor_locks(low, mutex), 0);
	actor_block_on(mid, mutex);
	actor_sleeps(high, &word, mid);
	actor_sleeps_on(silent, &word, 0, 0);
	root = run_ctl_json("graph --json");
	assert_address_edge(root, "waits", high->tid, HIGH, &word);
	assert_address_edge(root, "held", mid->tid, 0, &word);
	assert_address_edge(root, "boost", mid->tid, HIGH, &word);
	assert_true(has_edge(root, "boost", low->tid, mutex, HIGH));
	assert_int_equal(json_object_array_length(find_member(root, "edges")), 6);
	assert_int_equal(json_object_array_length(find_member(root, "objects")), 2);
	json_object_put(root);
	text = run_ctl("graph", 0);
	snprintf(line, sizeof(line), "_%lx -> t%d [label=\"held\"];\n", (unsigned long)&word, mid->tid);
	assert_non_null(strstr(text, line));
	free(text);
	root = run_ctl_json("top --json -n 1");
	o = find_element(root, "objects", "task", mid->tid);
	assert_address(o, &word);
	assert_int_equal(read_number(o, "waiters"), 1);
	assert_int_equal(read_number(o, "top_prio"), HIGH);
	assert_int_equal(read_number(o, "boost_prio"), HIGH);
	json_object_put(root);

	/* The first one. The other one is left, and no owner. */
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(high), 0);
	root = run_ctl_json("graph --json");
	assert_int_equal(json_object_array_length(find_member(root, "objects")), 1);
	json_object_put(root);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(silent), 0);
	actor_pass_mutex(low, mid, mutex);
}

/* What another user's process learns of a wait through an instance that both have. */
static int count_waits_as_nobody(struct fixture *f, void *arg)
{
	char path[64], text[4096];
	FILE *in;

	(void)arg;
	CHECK(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY));
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", f->dev);
	in = fopen(path, "re");
	CHECK(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	CHECK(strstr(text, "ntsync-instance:"));
	CHECK(!strstr(text, "ntsync-addr-waiter:"));
	return 0;
}

static void addresses_of_others_are_not_shown(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_normal(f), *high = actor_high(f);
	char path[64], text[4096], line[128];
	static int word;
	FILE *in;

	need_addresses(f);
	actor_sleeps(high, &word, owner);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", f->dev);
	in = fopen(path, "re");
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	snprintf(line, sizeof(line), "ntsync-addr-waiter:\t%d %d %d ", high->tid, HIGH, owner->tid);
	assert_non_null(strstr(text, line));
	assert_child_ok(child_start(f, count_waits_as_nobody, NULL));
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(high), 0);
}

static void assert_mutex_row(struct json_object *root, int mutex, const struct actor *owner)
{
	struct json_object *o = find_element(root, "objects", "id", object_id(mutex));

	assert_string_equal(read_string(o, "type"), "mutex");
	assert_int_equal(read_number(o, "waiters"), 1);
	assert_int_equal(read_number(o, "top_prio"), HIGH);
	assert_int_equal(read_number(o, "boosts"), 1);
	assert_int_equal(read_number(o, "boost_prio"), HIGH);
	assert_int_equal(read_number(o, "task"), owner->tid);
	assert_int_equal(read_number(o, "owner_tid"), owner->tid);
	assert_int_equal(read_number(o, "owner"), owner->owner);
	assert_int_equal(read_number(o, "count"), 1);
}

static void top_of_a_boosted_chain(void **state)
{
	struct fixture *f = *state;
	struct json_object *root, *list;
	int idle = new_sem(f, 3, 4);
	struct chain c;

	only_ours(f, "no inheritance");
	c = set_up_chain(f);
	root = run_ctl_json("top -n 1 --json");
	assert_int_equal(read_number(root, "boosted_tasks"), 2);
	assert_mutex_row(root, c.first, c.low);
	assert_mutex_row(root, c.second, c.mid);
	assert_int_equal(read_number(find_element(root, "objects", "id", object_id(idle)), "count"), 3);
	/* Objects without waiters come last. */
	list = find_member(root, "objects");
	assert_int_equal(read_number(json_object_array_get_idx(list, json_object_array_length(list) - 1),
				     "waiters"), 0);
	assert_int_equal(read_number(json_object_array_get_idx(list, 0), "waiters"), 1);
	json_object_put(root);
	end_chain(&c);
}

/* As many updates as were asked for, without a terminal. */
static void top_in_text(void **state)
{
	struct fixture *f = *state;
	int screens = 0;
	char *text;

	new_sem(f, 0, 1);
	text = run_ctl("top -b -n 3 -d 0.1", 0);
	assert_non_null(text);
	for (char *at = text; (at = strstr(at, "ntsync: ")); at++)
		screens++;
	assert_int_equal(screens, 3);
	assert_null(strchr(text, '\033'));
	free(text);
}

/* ---- channels ---- */

static void requests_and_receivers(void **state)
{
	struct fixture *f = *state;
	struct actor *busy = actor_new(f, "busy", NORMAL(0)), *parked = actor_new(f, "parked", FIFO(LOW));
	struct actor *served = actor_new(f, "served", NORMAL(0));
	struct actor *first = actor_new(f, "first", NORMAL(0)), *second = actor_new(f, "second", NORMAL(0));
	struct json_object *root, *o;
	int channel, other;

	only_ours(f, "no channels");
	channel = pi_channel(f);
	other = pi_channel(f);
	actor_sends(served, channel, 20);
	actor_receives(busy, channel, served);
	actor_sends(first, channel, 30);
	actor_sends(second, channel, 40);
	actor_parks(parked, other);

	root = run_ctl_json("top -n 1 --json");
	o = find_element(root, "objects", "id", object_id(channel));
	assert_int_equal(read_number(o, "depth"), 2);
	assert_int_equal(read_number(o, "dispatched"), 1);
	assert_int_equal(read_number(o, "receivers"), 1);
	assert_int_equal(read_number(o, "waiters"), 3);
	assert_int_equal(read_number(o, "top_prio"), 40);
	assert_int_equal(read_number(o, "boost_prio"), 40);
	assert_int_equal(read_number(o, "task"), busy->tid);
	assert_true(read_number(o, "oldest_ns") > 0);
	assert_int_equal(read_number(find_member(o, "queueing"), "nr"), 1);
	assert_int_equal(read_number(find_member(o, "response"), "nr"), 0);
	json_object_put(root);

	root = run_ctl_json("graph --json");
	assert_true(has_edge(root, "waits", served->tid, channel, 20));
	assert_true(has_edge(root, "served", busy->tid, channel, 20));
	assert_true(has_edge(root, "pending", first->tid, channel, 30));
	assert_true(has_edge(root, "pending", second->tid, channel, 40));
	assert_true(has_edge(root, "boost", busy->tid, channel, 40));
	assert_true(has_edge(root, "parked", parked->tid, other, LOW));
	json_object_put(root);

	actor_answers(busy, served);
	root = run_ctl_json("top -n 1 --json");
	o = find_member(find_element(root, "objects", "id", object_id(channel)), "response");
	assert_int_equal(read_number(o, "nr"), 1);
	assert_true(read_number(o, "max_ns") > 0 && read_number(o, "max_ns") == read_number(o, "sum_ns"));
	json_object_put(root);
	actor_interrupt(first);
	actor_interrupt(second);
	actor_interrupt(parked);
}

/* ---- status and check ---- */

static void status_counts_what_we_have(void **state)
{
	struct fixture *f = *state;
	struct json_object *root, *p;
	int sem = new_sem(f, 1, 1);

	new_mutex(f, 0, 0);
	new_auto(f, false);
	new_manual(f, false);
	own_fd(f, dup(sem));
	root = run_ctl_json("status --json");
	assert_string_equal(read_string(find_member(root, "driver"), "name"), f->ours ? "ntsync-rt" : "in-tree");
	assert_int_equal(read_number(find_member(root, "node"), "mode"), 0666);
	assert_int_equal(read_number(find_member(root, "kernel"), "realtime"), 1);
	assert_int_equal(read_number(root, "unreadable_processes"), 0);
	p = find_element(root, "processes", "pid", getpid());
	assert_string_equal(read_string(p, "name"), program_invocation_short_name);
	assert_int_equal(read_number(p, "instance"), 1);
	if (f->ours) {
		assert_int_equal(read_number(p, "sem"), 1);
		assert_int_equal(read_number(p, "mutex"), 1);
		assert_int_equal(read_number(p, "event"), 2);
		assert_int_equal(read_number(p, "channel"), 0);
		assert_int_equal(read_number(p, "unknown"), 0);
	} else {
		assert_int_equal(read_number(p, "unknown"), 5);
	}
	json_object_put(root);
}

static const char *find_verdict(struct json_object *root, const char *id)
{
	struct json_object *array = find_member(root, "checks");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		if (!strcmp(read_string(o, "id"), id))
			return read_string(o, "verdict");
	}
	return "none";
}

/* As root, on a real-time kernel with this driver. */
static void check_finds_nothing_here(void **state)
{
	struct fixture *f = *state;
	struct json_object *root;

	only_ours(f, "that is what check complains about");
	root = run_ctl_json("check --json");
	assert_int_equal(read_number(root, "problems"), 0);
	assert_string_equal(find_verdict(root, "inheritance"), "ok");
	assert_string_equal(find_verdict(root, "kernel"), "ok");
	/* This program. */
	assert_string_equal(find_verdict(root, "users"), "ok");
	json_object_put(root);
}

/* Including the exit status, which scripts use. */
static void check_tells_the_drivers_apart(void **state)
{
	struct fixture *f = *state;
	struct json_object *root = assert_ctl("check --json", f->ours ? 0 : 1);

	assert_non_null(root);
	assert_string_equal(find_verdict(root, "driver"), f->ours ? "ok" : "problem");
	json_object_put(root);
}

/* As an unprivileged user: what it may not see is counted, and nothing fails. */
static int check_as_nobody(struct fixture *f, void *arg)
{
	struct json_object *root;

	(void)f;
	(void)arg;
	CHECK(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY));
	root = assert_ctl("status --json", 0);
	CHECK(root);
	CHECK(json_object_get_int64(json_object_object_get(root, "unreadable_processes")) > 0);
	CHECK(!json_object_get_boolean(json_object_object_get(root, "boosts_readable")));
	json_object_put(root);
	root = assert_ctl("graph --json", 0);
	CHECK(root);
	json_object_put(root);
	root = assert_ctl("check --json", 1);
	CHECK(root);
	CHECK(!strcmp(find_verdict(root, "rtprio"), "warning"));
	CHECK(!strcmp(find_verdict(root, "node"), "problem"));
	json_object_put(root);
	return 0;
}

static void a_user_without_rights(void **state)
{
	struct fixture *f = *state;
	int child;

	new_sem(f, 0, 1);
	assert_int_equal(chmod("/dev/ntsync", 0600), 0);
	child = child_finish(child_start(f, check_as_nobody, NULL));
	assert_int_equal(chmod("/dev/ntsync", 0666), 0);
	assert_int_equal(child, 0);
}

/* ---- hostile names ---- */

/* Changes its own name, as the list of processes shows it. */
static int run_with_name(struct fixture *f, void *name)
{
	char *text;

	(void)f;
	CHECK(!prctl(PR_SET_NAME, name));
	text = run_ctl("status", 0);
	CHECK(text);
	for (const char *at = text; *at; at++)
		CHECK(*at == '\n' || (*at >= ' ' && *at < 0x7f));
	free(text);
	return 0;
}

static int run_with_name_in_json(struct fixture *f, void *name)
{
	struct json_object *root;

	(void)f;
	CHECK(!prctl(PR_SET_NAME, name));
	root = assert_ctl("status --json", 0);
	CHECK(root);
	CHECK(json_object_array_length(json_object_object_get(root, "processes")) > 0);
	json_object_put(root);
	return 0;
}

static void names_of_others_do_no_harm(void **state)
{
	static char *const names[] = {
		"\033]0;x\007\033[2J", "a\n\"}],\"b\":[", "\xe2\x80\xae abc\r\177", "\xff\xfe\xc0\xaf\\\"",
	};
	struct fixture *f = *state;

	new_mutex(f, 1, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_child_ok(child_start(f, i % 2 ? run_with_name_in_json : run_with_name, names[i]));
}

/* A boosted task with such a name must not add a line of its own to debugfs. */
static int rename_task(struct actor *a, void *name)
{
	(void)a;
	return prctl(PR_SET_NAME, name);
}

static void a_boosted_task_with_a_bad_name(void **state)
{
	struct fixture *f = *state;
	struct json_object *root;
	struct chain c;
	char *text;

	only_ours(f, "no inheritance");
	c = set_up_chain(f);
	assert_ret(actor_do(c.low, rename_task, "\"\ntask 1 x\033"), 0);
	root = run_ctl_json("graph --json");
	assert_null(find_in_list(root, "tasks", "tid", 1));
	assert_string_equal(read_string(find_element(root, "tasks", "tid", c.low->tid), "name"),
			    "\"\\x0atask 1 x\\x1b");
	json_object_put(root);
	text = run_ctl("graph", 0);
	assert_non_null(text);
	assert_non_null(strstr(text, "[shape=box, label=\"\\\"\\\\x0atask 1 x\\\\x1b\\n"));
	assert_null(strchr(text, '\033'));
	free(text);
	end_chain(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(graph_of_a_boosted_chain),
		PI_TEST(graph_in_dot),
		PI_TEST(loans_are_shown),
		PI_TEST(addresses_are_shown),
		PI_TEST(addresses_of_others_are_not_shown),
		PI_TEST(top_of_a_boosted_chain),
		TEST(top_in_text),
		PI_TEST(requests_and_receivers),
		TEST(status_counts_what_we_have),
		TEST(check_finds_nothing_here),
		TEST(check_tells_the_drivers_apart),
		TEST(a_user_without_rights),
		TEST(names_of_others_do_no_harm),
		PI_TEST(a_boosted_task_with_a_bad_name),
	};

	return RUN(tests);
}
