// SPDX-License-Identifier: GPL-2.0-only
/* The verdicts of `ntsyncctl check`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "ctl.h"

/* A system without a problem. */
static const struct system_facts good = {
	.loaded = true,
	.features = { NTSYNC_DRIVER_NTSYNC_RT, 1, NTSYNC_FEATURE_MUTEX_PI },
	.pi = 1,
	.node = true,
	.node_usable = true,
	.realtime = true,
	.rtprio_soft = 95,
	.rt_runtime_us = -1,
	.rt_period_us = 1000000,
	.rt_group = 0,
	.rt_group_us = -1,
	.rtkit = true,
	.users = "wineserver (7)",
	.wine_can = "/usr/bin/wineserver",
	.at_boot = "/etc/modules",
};

static const struct check *find_check(const char *id)
{
	for (size_t i = 0; i < nr_checks; i++) {
		if (!strcmp(checks[i].id, id))
			return &checks[i];
	}
	fail_msg("no check %s", id);
	return NULL;
}

static enum verdict find_verdict(const char *id, const struct system_facts *f)
{
	return find_check(id)->test(f);
}

/* Every check passes; and each says what to do if it does not. */
static void all_is_well(void **state)
{
	(void)state;
	for (size_t i = 0; i < nr_checks; i++) {
		assert_int_equal(checks[i].test(&good), VERDICT_OK);
		assert_true(*checks[i].good && *checks[i].bad && *checks[i].fix);
	}
}

#define WITH(...) ({ struct system_facts f_ = good; __VA_ARGS__; f_; })
#define assert_verdict(id, want, ...)                                          \
	do {                                                                   \
		struct system_facts f = WITH(__VA_ARGS__);                     \
		assert_int_equal(find_verdict(id, &f), want);                       \
	} while (0)

static void each_fault_is_found(void **state)
{
	(void)state;
	assert_verdict("module", VERDICT_PROBLEM, f_.loaded = false);
	assert_verdict("node", VERDICT_PROBLEM, f_.node = false);
	assert_verdict("node", VERDICT_PROBLEM, f_.node_usable = false);
	assert_verdict("driver", VERDICT_PROBLEM, f_.features.driver = NTSYNC_DRIVER_IN_TREE);
	assert_verdict("inheritance", VERDICT_PROBLEM, f_.features.features = 0);
	/* Inheritance works there too. */
	assert_verdict("kernel", VERDICT_WARNING, f_.realtime = false);
	/* rtkit or another program may have set the priorities. */
	assert_verdict("rtprio", VERDICT_WARNING, f_.rtprio_soft = 0);
	assert_verdict("rtprio", VERDICT_OK, (f_.rtprio_soft = 0, f_.cap_sys_nice = true));
	assert_verdict("rtprio", VERDICT_OK, f_.rtprio_soft = RLIM_INFINITY);
	assert_verdict("throttling", VERDICT_WARNING, f_.rt_runtime_us = 950000);
	assert_verdict("throttling", VERDICT_OK, f_.rt_runtime_us = 1000000);
	assert_verdict("rt-group", VERDICT_PROBLEM, f_.rt_group_us = 0);
	assert_verdict("rt-group", VERDICT_WARNING, f_.rt_group = 1);
	assert_verdict("wineserver", VERDICT_WARNING, f_.wineservers[0] = '7');
	assert_verdict("users", VERDICT_WARNING, f_.wine_without[0] = '7');
	assert_verdict("wine", VERDICT_WARNING, (f_.wine_can[0] = '\0', f_.wine_cannot[0] = '/'));
	assert_verdict("rtkit", VERDICT_WARNING, (f_.rtkit = false, f_.rtprio_soft = 0));
	assert_verdict("boot", VERDICT_WARNING, f_.at_boot[0] = '\0');
	assert_verdict("initramfs", VERDICT_WARNING, f_.initramfs = 1);
}

/* The verdict names the process, and says what to do. */
static void old_wineservers_are_named(void **state)
{
	struct system_facts f = good;
	char text[256];

	(void)state;
	snprintf(f.wineservers, sizeof(f.wineservers), "4711 4712");
	check_text(find_check("wineserver"), VERDICT_WARNING, &f, text, sizeof(text));
	assert_non_null(strstr(text, "4711 4712"));
	assert_non_null(strstr(find_check("wineserver")->fix, "wineserver -k"));
	check_text(find_check("wineserver"), VERDICT_OK, &f, text, sizeof(text));
	assert_string_equal(text, find_check("wineserver")->good);
}

/* An unknown fact must not be reported as good or bad. */
static void what_can_not_be_told(void **state)
{
	(void)state;
	assert_verdict("node", VERDICT_SKIPPED, f_.loaded = false);
	assert_verdict("inheritance", VERDICT_SKIPPED, f_.features.driver = NTSYNC_DRIVER_IN_TREE);
	assert_verdict("driver", VERDICT_SKIPPED,
		       (f_.features.driver = NTSYNC_DRIVER_IN_TREE, f_.asked = -EACCES));
	assert_verdict("inheritance", VERDICT_OK, (f_.features.features = 0, f_.asked = -EACCES));
	assert_verdict("inheritance", VERDICT_PROBLEM, (f_.pi = 0, f_.asked = -EACCES));
	assert_verdict("throttling", VERDICT_SKIPPED, f_.rt_runtime_us = -2);
	assert_verdict("rt-group", VERDICT_SKIPPED, f_.rt_group = -1);
	assert_verdict("wineserver", VERDICT_SKIPPED, f_.loaded = false);
	assert_verdict("users", VERDICT_SKIPPED, f_.users[0] = '\0');
	assert_verdict("wine", VERDICT_SKIPPED, f_.wine_can[0] = '\0');
	assert_verdict("wine", VERDICT_OK, f_.wine_cannot[0] = '/');
	/* With a right of its own, the user needs none. */
	assert_verdict("rtkit", VERDICT_SKIPPED, f_.rtkit = false);
	assert_verdict("initramfs", VERDICT_SKIPPED, f_.initramfs = -1);
}

/* Each verdict names what it is about. */
static void what_it_is_about(void **state)
{
	struct system_facts f = good;
	char text[512];

	(void)state;
	check_text(find_check("users"), VERDICT_OK, &f, text, sizeof(text));
	assert_non_null(strstr(text, "wineserver (7)"));
	check_text(find_check("wine"), VERDICT_OK, &f, text, sizeof(text));
	assert_non_null(strstr(text, "/usr/bin/wineserver"));
	snprintf(f.wine_cannot, sizeof(f.wine_cannot), "/opt/old");
	check_text(find_check("wine"), VERDICT_WARNING, &f, text, sizeof(text));
	assert_non_null(strstr(text, "/opt/old"));
	check_text(find_check("boot"), VERDICT_OK, &f, text, sizeof(text));
	assert_non_null(strstr(text, "/etc/modules"));
	check_text(find_check("users"), VERDICT_SKIPPED, &f, text, sizeof(text));
	assert_string_equal(text, find_check("users")->unknown);
	check_text(find_check("rt-group"), VERDICT_SKIPPED, &f, text, sizeof(text));
	assert_string_equal(text, "can't be told");
}

static void real_time_kernels(void **state)
{
	(void)state;
	assert_true(kernel_is_realtime("#1 SMP PREEMPT_RT Debian 6.12.117-1", 0));
	assert_true(kernel_is_realtime("#1 SMP PREEMPT RT", 0));
	assert_true(kernel_is_realtime("#1 SMP", 1));
	assert_false(kernel_is_realtime("#1 SMP PREEMPT_DYNAMIC Debian 6.12", 0));
}

static void names_of_features(void **state)
{
	const char *names[64];

	(void)state;
	assert_int_equal(feature_names(0, names), 0);
	assert_true(feature_names(~0ull, names) <= ARRAY_SIZE(names));
	assert_int_equal(feature_names(NTSYNC_FEATURE_MUTEX_PI, names), 1);
	assert_string_equal(names[0], "mutex-pi");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(each_fault_is_found),
		cmocka_unit_test(old_wineservers_are_named),
		cmocka_unit_test(what_can_not_be_told),
		cmocka_unit_test(what_it_is_about),
		cmocka_unit_test(real_time_kernels),
		cmocka_unit_test(names_of_features),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
