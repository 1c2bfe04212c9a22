// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl on situations that are known: what it says is compared with what was set up.
 * The program is build/tools/ntsyncctl, or what NTSYNCCTL names.
 */
#include "../pi/channel.h"
#include "../pi/tracefs.h"

#include <grp.h>
#include <json-c/json.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY 65534

/* ---- running it ---- */

/* What it prints; NULL: it could not be run. Its exit status must be @want. */
static char *ctl_text(const char *args, int want)
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

static struct json_object *ctl_wants(const char *args, int want)
{
	char *text = ctl_text(args, want);
	struct json_object *root = text ? json_tokener_parse(text) : NULL;

	if (text && !root)
		fprintf(stderr, "# not JSON: %s\n", text);
	free(text);
	return root;
}

static struct json_object *ctl(const char *args)
{
	struct json_object *root = ctl_wants(args, 0);

	assert_non_null(root);
	return root;
}

/* ---- looking into what it says ---- */

static struct json_object *member(struct json_object *of, const char *key)
{
	struct json_object *o = NULL;

	if (!json_object_object_get_ex(of, key, &o))
		fprintf(stderr, "# no \"%s\" in %s\n", key, json_object_to_json_string(of));
	assert_non_null(o);
	return o;
}

static long long number(struct json_object *of, const char *key)
{
	return json_object_get_int64(member(of, key));
}

static const char *string(struct json_object *of, const char *key)
{
	return json_object_get_string(member(of, key));
}

/* The element of a list of @root in which @key is @value; or NULL. */
static struct json_object *find(struct json_object *root, const char *list, const char *key,
				long long value)
{
	struct json_object *array = member(root, list);

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		if (number(o, key) == value)
			return o;
	}
	return NULL;
}

static struct json_object *element(struct json_object *root, const char *list, const char *key,
				   long long value)
{
	struct json_object *o = find(root, list, key, value);

	if (!o)
		fprintf(stderr, "# no %s with %s %lld in %s\n", list, key, value,
			json_object_to_json_string(root));
	assert_non_null(o);
	return o;
}

static bool has_edge(struct json_object *root, const char *kind, pid_t tid, int obj, int prio)
{
	struct json_object *array = member(root, "edges");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *e = json_object_array_get_idx(array, i);

		if (!strcmp(string(e, "kind"), kind) && number(e, "tid") == tid &&
		    number(e, "prio") == prio &&
		    (unsigned long long)number(e, "object") == object_id(obj))
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

/* high waits for what mid has, who waits for what low has. */
static struct chain stage_chain(struct fixture *f)
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

static void assert_task(struct json_object *root, const struct actor *a, const char *base, int base_prio)
{
	struct json_object *t = element(root, "tasks", "tid", a->tid);

	assert_string_equal(string(t, "policy"), "FIFO");
	assert_int_equal(number(t, "prio"), HIGH);
	assert_int_equal(number(t, "boosted"), base != NULL);
	if (!base)
		return;
	assert_string_equal(string(t, "base_policy"), base);
	assert_int_equal(number(t, "base_prio"), base_prio);
}

static void graph_of_a_boosted_chain(void **state)
{
	struct fixture *f = *state;
	struct json_object *root;
	struct chain c;

	only_ours(f, "no inheritance");
	c = stage_chain(f);
	root = ctl("graph --json");
	assert_true(has_edge(root, "waits", c.high->tid, c.second, HIGH));
	assert_true(has_edge(root, "held", c.mid->tid, c.second, 0));
	assert_true(has_edge(root, "boost", c.mid->tid, c.second, HIGH));
	assert_true(has_edge(root, "waits", c.mid->tid, c.first, HIGH));
	assert_true(has_edge(root, "held", c.low->tid, c.first, 0));
	assert_true(has_edge(root, "boost", c.low->tid, c.first, HIGH));
	assert_int_equal(json_object_array_length(member(root, "edges")), 6);
	assert_task(root, c.high, NULL, 0);
	assert_task(root, c.mid, "FIFO", LOW);
	assert_task(root, c.low, "normal", 0);
	assert_int_equal(json_object_array_length(member(root, "objects")), 2);
	json_object_put(root);
	end_chain(&c);
	root = ctl("graph --json");
	assert_int_equal(json_object_array_length(member(root, "edges")), 0);
	json_object_put(root);
}

static void graph_in_dot(void **state)
{
	struct fixture *f = *state;
	char line[128], *text;
	struct chain c;

	only_ours(f, "no inheritance");
	c = stage_chain(f);
	text = ctl_text("graph", 0);
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

static void assert_mutex_row(struct json_object *root, int mutex, const struct actor *owner)
{
	struct json_object *o = element(root, "objects", "id", object_id(mutex));

	assert_string_equal(string(o, "type"), "mutex");
	assert_int_equal(number(o, "waiters"), 1);
	assert_int_equal(number(o, "top_prio"), HIGH);
	assert_int_equal(number(o, "boosts"), 1);
	assert_int_equal(number(o, "boost_prio"), HIGH);
	assert_int_equal(number(o, "task"), owner->tid);
	assert_int_equal(number(o, "owner_tid"), owner->tid);
	assert_int_equal(number(o, "owner"), owner->owner);
	assert_int_equal(number(o, "count"), 1);
}

static void top_of_a_boosted_chain(void **state)
{
	struct fixture *f = *state;
	struct json_object *root, *list;
	int idle = new_sem(f, 3, 4);
	struct chain c;

	only_ours(f, "no inheritance");
	c = stage_chain(f);
	root = ctl("top -n 1 --json");
	assert_int_equal(number(root, "boosted_tasks"), 2);
	assert_mutex_row(root, c.first, c.low);
	assert_mutex_row(root, c.second, c.mid);
	assert_int_equal(number(element(root, "objects", "id", object_id(idle)), "count"), 3);
	/* What nobody waits for comes last. */
	list = member(root, "objects");
	assert_int_equal(number(json_object_array_get_idx(list, json_object_array_length(list) - 1),
				"waiters"), 0);
	assert_int_equal(number(json_object_array_get_idx(list, 0), "waiters"), 1);
	json_object_put(root);
	end_chain(&c);
}

/* As many as were asked for, without a terminal. */
static void top_in_text(void **state)
{
	struct fixture *f = *state;
	int screens = 0;
	char *text;

	new_sem(f, 0, 1);
	text = ctl_text("top -b -n 3 -d 0.1", 0);
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

	root = ctl("top -n 1 --json");
	o = element(root, "objects", "id", object_id(channel));
	assert_int_equal(number(o, "depth"), 2);
	assert_int_equal(number(o, "dispatched"), 1);
	assert_int_equal(number(o, "receivers"), 1);
	assert_int_equal(number(o, "waiters"), 3);
	assert_int_equal(number(o, "top_prio"), 40);
	assert_int_equal(number(o, "boost_prio"), 40);
	assert_int_equal(number(o, "task"), busy->tid);
	assert_true(number(o, "oldest_ns") > 0);
	assert_int_equal(number(member(o, "queueing"), "nr"), 1);
	assert_int_equal(number(member(o, "response"), "nr"), 0);
	json_object_put(root);

	root = ctl("graph --json");
	assert_true(has_edge(root, "waits", served->tid, channel, 20));
	assert_true(has_edge(root, "served", busy->tid, channel, 20));
	assert_true(has_edge(root, "pending", first->tid, channel, 30));
	assert_true(has_edge(root, "pending", second->tid, channel, 40));
	assert_true(has_edge(root, "boost", busy->tid, channel, 40));
	assert_true(has_edge(root, "parked", parked->tid, other, LOW));
	json_object_put(root);

	actor_answers(busy, served);
	root = ctl("top -n 1 --json");
	o = member(element(root, "objects", "id", object_id(channel)), "response");
	assert_int_equal(number(o, "nr"), 1);
	assert_true(number(o, "max_ns") > 0 && number(o, "max_ns") == number(o, "sum_ns"));
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
	root = ctl("status --json");
	assert_string_equal(string(member(root, "driver"), "name"), f->ours ? "ntsync-rt" : "in-tree");
	assert_int_equal(number(member(root, "node"), "mode"), 0666);
	assert_int_equal(number(member(root, "kernel"), "realtime"), 1);
	assert_int_equal(number(root, "unreadable_processes"), 0);
	p = element(root, "processes", "pid", getpid());
	assert_string_equal(string(p, "name"), program_invocation_short_name);
	assert_int_equal(number(p, "instance"), 1);
	if (f->ours) {
		assert_int_equal(number(p, "sem"), 1);
		assert_int_equal(number(p, "mutex"), 1);
		assert_int_equal(number(p, "event"), 2);
		assert_int_equal(number(p, "channel"), 0);
		assert_int_equal(number(p, "unknown"), 0);
	} else {
		assert_int_equal(number(p, "unknown"), 5);
	}
	json_object_put(root);
}

static const char *verdict(struct json_object *root, const char *id)
{
	struct json_object *array = member(root, "checks");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		if (!strcmp(string(o, "id"), id))
			return string(o, "verdict");
	}
	return "none";
}

/* Root on a real-time kernel with our driver. */
static void check_finds_nothing_here(void **state)
{
	struct fixture *f = *state;
	struct json_object *root;

	only_ours(f, "that is what check complains about");
	root = ctl("check --json");
	assert_int_equal(number(root, "problems"), 0);
	assert_string_equal(verdict(root, "inheritance"), "ok");
	assert_string_equal(verdict(root, "kernel"), "ok");
	json_object_put(root);
}

/* Its exit status, too, by which scripts go. */
static void check_tells_the_drivers_apart(void **state)
{
	struct fixture *f = *state;
	struct json_object *root = ctl_wants("check --json", f->ours ? 0 : 1);

	assert_non_null(root);
	assert_string_equal(verdict(root, "driver"), f->ours ? "ok" : "problem");
	json_object_put(root);
}

/* A user without any rights: what he may not see is counted, and nothing fails. */
static int as_nobody(struct fixture *f, void *arg)
{
	struct json_object *root;

	(void)f;
	(void)arg;
	CHECK(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY));
	root = ctl_wants("status --json", 0);
	CHECK(root);
	CHECK(json_object_get_int64(json_object_object_get(root, "unreadable_processes")) > 0);
	CHECK(!json_object_get_boolean(json_object_object_get(root, "boosts_readable")));
	json_object_put(root);
	root = ctl_wants("graph --json", 0);
	CHECK(root);
	json_object_put(root);
	root = ctl_wants("check --json", 1);
	CHECK(root);
	CHECK(!strcmp(verdict(root, "rtprio"), "warning"));
	CHECK(!strcmp(verdict(root, "node"), "problem"));
	json_object_put(root);
	return 0;
}

static void a_user_without_rights(void **state)
{
	struct fixture *f = *state;
	int child;

	new_sem(f, 0, 1);
	assert_int_equal(chmod("/dev/ntsync", 0600), 0);
	child = child_finish(child_start(f, as_nobody, NULL));
	assert_int_equal(chmod("/dev/ntsync", 0666), 0);
	assert_int_equal(child, 0);
}

/* ---- hostile names ---- */

/* Its own name, as the list of processes has it. */
static int with_that_name(struct fixture *f, void *name)
{
	char *text;

	(void)f;
	CHECK(!prctl(PR_SET_NAME, name));
	text = ctl_text("status", 0);
	CHECK(text);
	for (const char *at = text; *at; at++)
		CHECK(*at == '\n' || (*at >= ' ' && *at < 0x7f));
	free(text);
	return 0;
}

static int with_that_name_in_json(struct fixture *f, void *name)
{
	struct json_object *root;

	(void)f;
	CHECK(!prctl(PR_SET_NAME, name));
	root = ctl_wants("status --json", 0);
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
		assert_child_ok(child_start(f, i % 2 ? with_that_name_in_json : with_that_name, names[i]));
}

/* A boosted task with such a name, in debugfs: no line of its own making. */
static int rename_here(struct actor *a, void *name)
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
	c = stage_chain(f);
	assert_ret(actor_do(c.low, rename_here, "\"\ntask 1 x\033"), 0);
	root = ctl("graph --json");
	assert_null(find(root, "tasks", "tid", 1));
	assert_string_equal(string(element(root, "tasks", "tid", c.low->tid), "name"),
			    "\"\\x0atask 1 x\\x1b");
	json_object_put(root);
	text = ctl_text("graph", 0);
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
