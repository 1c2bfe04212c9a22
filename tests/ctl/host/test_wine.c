// SPDX-License-Identifier: GPL-2.0-only
/* Which Wines on a disk can use the device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl.h"
#include "tree.h"

#define PLAIN	"\177ELF and nothing of interest"
#define CAPABLE	"\177ELF open /dev/ntsync failed"

/* The facts after a look, with this home folder. */
static struct system_facts look(void)
{
	struct system_facts f = { 0 };

	setenv("HOME", "/h/u", 1);
	wine_files_look(&f);
	return f;
}

static void no_wine(void **state)
{
	struct system_facts f = look();

	(void)state;
	assert_string_equal(f.wine_can, "");
	assert_string_equal(f.wine_cannot, "");
}

/* As Debian has it, whose /usr/bin/wineserver is a script. */
static void a_wine_that_can_not(void **state)
{
	struct system_facts f;

	(void)state;
	make_file("#!/bin/sh\nexec /usr/lib/wine/wineserver64 # /dev/ntsync\n", "/usr/bin/wineserver");
	make_file(PLAIN, "/usr/lib/wine/wineserver64");
	make_file(PLAIN, "/usr/lib/x86_64-linux-gnu/wine/x86_64-unix/ntdll.so");
	f = look();
	assert_string_equal(f.wine_can, "");
	assert_string_equal(f.wine_cannot, "/usr/lib/wine/wineserver64");
}

static void wines_that_can(void **state)
{
	struct system_facts f;

	(void)state;
	make_file(CAPABLE, "/opt/wine-devel/bin/wineserver");
	make_file(PLAIN, "/usr/lib/wine/wineserver");
	make_file(CAPABLE, "/usr/lib/x86_64-linux-gnu/wine/x86_64-unix/ntdll.so");
	make_file(PLAIN, "/h/u/.local/share/Steam/steamapps/common/Proton 9.0/files/bin/wineserver");
	make_file(CAPABLE, "/h/u/.local/share/Steam/compatibilitytools.d/X/files/bin/wineserver");
	make_file(CAPABLE, "/h/other/.local/share/lutris/runners/wine/x/bin/wineserver");
	f = look();
	assert_string_equal(f.wine_can, "/usr/lib/wine/wineserver, /opt/wine-devel/bin/wineserver, "
			    "/h/u/.local/share/Steam/compatibilitytools.d/X/files/bin/wineserver");
	assert_string_equal(f.wine_cannot,
			    "/h/u/.local/share/Steam/steamapps/common/Proton 9.0/files/bin/wineserver");
}

/* The name lies across two reads, and at the very end of the file. */
static void the_name_anywhere(void **state)
{
	static char text[65536 + 16];
	static const char name[] = "/dev/ntsync";

	(void)state;
	for (size_t at = 65536 - strlen(name) - 1; at <= 65536 + 1; at++) {
		struct system_facts f;

		memset(text, 'x', sizeof(text) - 1);
		memcpy(text, "\177ELF", 4);
		memcpy(text + at, name, strlen(name));
		text[at + strlen(name)] = '\0';
		make_file(text, "/usr/local/bin/wineserver");
		f = look();
		assert_string_equal(f.wine_can, "/usr/local/bin/wineserver");
	}
}

/* Debian's Steam has a folder of its own; its link leads to whichever folder is used. */
static void wines_of_steam(void **state)
{
	struct system_facts f;
	char path[256];

	(void)state;
	make_file(CAPABLE, "/h/u/.steam/debian-installation/steamapps/common/Proton 11/files/bin/wineserver");
	make_file(PLAIN, "/h/u/.steam/debian-installation/compatibilitytools.d/X/files/bin/wineserver");
	f = look();
	assert_string_equal(f.wine_can, "");
	snprintf(path, sizeof(path), "%s/h/u/.steam/root", file_root);
	assert_int_equal(symlink("debian-installation", path), 0);
	f = look();
	assert_string_equal(f.wine_can, "/h/u/.steam/root/steamapps/common/Proton 11/files/bin/wineserver");
	assert_string_equal(f.wine_cannot, "/h/u/.steam/root/compatibilitytools.d/X/files/bin/wineserver");
	/* Elsewhere the link leads to the folder that has been looked at. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("../.local/share/Steam", path), 0);
	make_file(CAPABLE, "/h/u/.local/share/Steam/steamapps/common/Proton 11/files/bin/wineserver");
	f = look();
	assert_string_equal(f.wine_can,
			    "/h/u/.local/share/Steam/steamapps/common/Proton 11/files/bin/wineserver");
}

/* One with two names is listed once. What is no file, or has a bad name, does no harm. */
static void odd_files(void **state)
{
	struct system_facts f;
	char path[256];

	(void)state;
	make_file(CAPABLE, "/opt/wine-devel/bin/wineserver");
	make_dir("/usr/bin");
	snprintf(path, sizeof(path), "%s/usr/bin/wineserver", file_root);
	assert_int_equal(symlink("../../opt/wine-devel/bin/wineserver", path), 0);
	make_dir("/usr/local/bin");
	snprintf(path, sizeof(path), "%s/usr/local/bin/wineserver", file_root);
	assert_int_equal(mkfifo(path, 0600), 0);
	make_dir("/opt/wine-dir/bin/wineserver");
	make_file("", "/opt/wine-empty/bin/wineserver");
	make_file(PLAIN, "/opt/wine\033[2J/bin/wineserver");
	f = look();
	assert_string_equal(f.wine_can, "/usr/bin/wineserver");
	assert_string_equal(f.wine_cannot, "/opt/wine\\x1b[2J/bin/wineserver");
}

#define WINE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WINE_TEST(no_wine),
		WINE_TEST(a_wine_that_can_not),
		WINE_TEST(wines_that_can),
		WINE_TEST(wines_of_steam),
		WINE_TEST(the_name_anywhere),
		WINE_TEST(odd_files),
	};

	return cmocka_run_group_tests_name("wine", tests, NULL, NULL);
}
