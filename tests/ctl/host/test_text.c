// SPDX-License-Identifier: GPL-2.0-only
/* Hostile strings from other processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl.h"

static void assert_clean(const char *in, const char *want)
{
	char out[256];

	text_clean(in, out, sizeof(out), true);
	assert_string_equal(out, want);
}

static void plain_text_stays(void **state)
{
	(void)state;
	assert_clean("", "");
	assert_clean("wine64-preloader", "wine64-preloader");
	assert_clean("a b\"c'$%", "a b\"c'$%");
	assert_clean("g\xc3\xb6t\xe9", "g\xc3\xb6t\\xe9");
	assert_clean("\xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x8e\xae", "\xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x8e\xae");
}

static void controls_are_escaped(void **state)
{
	(void)state;
	assert_clean("\033]0;x\007", "\\x1b]0;x\\x07");
	assert_clean("a\nb\r\tc\177", "a\\x0ab\\x0d\\x09c\\x7f");
	assert_clean("a\\b", "a\\x5cb");
	/* A C1 control character in eight bits. */
	assert_clean("\xc2\x9b[2J", "\\xc2\\x9b[2J");
	/* Right-to-left override, zero width space, byte order mark, line separator. */
	assert_clean("\xe2\x80\xae", "\\xe2\\x80\\xae");
	assert_clean("\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8", "\\xe2\\x80\\x8b\\xef\\xbb\\xbf\\xe2\\x80\\xa8");
}

static void bad_utf8_is_escaped(void **state)
{
	(void)state;
	assert_clean("\xff\xfe", "\\xff\\xfe");
	assert_clean("\xc0\xaf", "\\xc0\\xaf");			/* overlong */
	assert_clean("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	assert_clean("\xed\xa0\x80", "\\xed\\xa0\\x80");	/* a surrogate */
	assert_clean("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	assert_clean("\xe2\x82", "\\xe2\\x82");			/* cut off */
	assert_clean("\x80x", "\\x80x");
}

static void ascii_only_on_request(void **state)
{
	char out[64];

	(void)state;
	text_clean("g\xc3\xb6", out, sizeof(out), false);
	assert_string_equal(out, "g\\xc3\\xb6");
}

/* Any bytes and any size of the buffer: the result is terminated and has whole characters only. */
static void the_end_is_kept(void **state)
{
	char in[17], out[64];

	(void)state;
	for (unsigned int seed = 1; seed < 20000; seed++) {
		size_t room = 1 + seed % sizeof(out);
		unsigned int r = seed * 2654435761u;

		for (size_t i = 0; i < sizeof(in) - 1; i++, r = r * 1103515245u + 12345u)
			in[i] = 1 + (r >> 16) % 255;
		in[sizeof(in) - 1] = '\0';
		memset(out, 'X', sizeof(out));
		text_clean(in, out, room, seed % 2);
		assert_true(strlen(out) < room);
		for (size_t i = room; i < sizeof(out); i++)
			assert_int_equal(out[i], 'X');
		for (const char *at = out; *at; at++)
			assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
	}
	text_clean("\xc3\xb6\xc3\xb6", out, 4, true);
	assert_string_equal(out, "\xc3\xb6");
}

static void dot_strings_are_quoted(void **state)
{
	char text[64] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	text_dot(out, "\"];x\\&lt;&#65;");
	fclose(out);
	/* An entity would become another character. */
	assert_string_equal(text, "\\\"];x\\\\&amp;lt;&amp;#65;");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(controls_are_escaped),
		cmocka_unit_test(bad_utf8_is_escaped),
		cmocka_unit_test(ascii_only_on_request),
		cmocka_unit_test(the_end_is_kept),
		cmocka_unit_test(dot_strings_are_quoted),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
