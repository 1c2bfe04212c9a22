// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cleans names of other users' processes, which may be any bytes. The result is printable, valid
 * UTF-8, and can neither control a terminal nor change the order of the text beside it.
 */
#include <langinfo.h>
#include <string.h>
#include <wchar.h>

#include "ctl.h"

/* The length of the UTF-8 character that begins with @byte; 0 if none does. */
static unsigned int first_byte_length(unsigned char byte)
{
	return byte < 0x80 ? 1 : (byte & 0xe0) == 0xc0 ? 2 : (byte & 0xf0) == 0xe0 ? 3 :
	       (byte & 0xf8) == 0xf0 ? 4 : 0;
}

/* The length of the UTF-8 character at @s and its value; 0 if it is not one. */
static unsigned int decode_utf8(const unsigned char *s, uint32_t *value)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int len = first_byte_length(s[0]);

	if (len <= 1) {
		*value = s[0];
		return len;
	}
	*value = s[0] & (0x7f >> len);
	for (unsigned int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*value = *value << 6 | (s[i] & 0x3f);
	}
	if (*value < least[len] || *value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000))
		return 0;
	return len;
}

/* Control characters, invisible ones, and those that change the direction of writing. */
static bool is_harmless(uint32_t c)
{
	static const uint32_t bad[][2] = {
		{ 0, 0x1f }, { '\\', '\\' }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (c >= bad[i][0] && c <= bad[i][1])
			return false;
	}
	return true;
}

void text_clean(const char *in, char *out, size_t size, bool utf8)
{
	const unsigned char *s = (const unsigned char *)in;
	size_t at = 0;

	while (*s) {
		uint32_t value;
		unsigned int len = decode_utf8(s, &value);
		bool plain = len && is_harmless(value) && (utf8 || len == 1);
		size_t room = plain ? len : 4;

		if (at + room >= size)
			break;
		if (plain)
			memcpy(out + at, s, len);
		else
			snprintf(out + at, size - at, "\\x%02x", *s);
		at += room;
		s += plain ? len : 1;
	}
	out[at] = '\0';
}

bool text_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void text_dot(FILE *out, const char *in)
{
	for (; *in; in++) {
		if (*in == '"' || *in == '\\')
			fputc('\\', out);
		fputc(*in, out);
		/* dot would take it for an HTML entity. */
		if (*in == '&')
			fputs("amp;", out);
	}
}

/* The columns of one character; @len gets its length in bytes. */
static int width_of(const char *s, unsigned int *len)
{
	uint32_t value;
	int width;

	*len = decode_utf8((const unsigned char *)s, &value);
	if (!*len) {
		*len = 1;
		return 1;
	}
	width = wcwidth(value);
	return width < 0 ? 1 : width;
}

int text_width(const char *in)
{
	unsigned int len;
	int width = 0;

	for (; *in; in += len)
		width += width_of(in, &len);
	return width;
}

size_t text_fit(const char *in, int columns)
{
	const char *at = in;
	unsigned int len;

	while (*at) {
		columns -= width_of(at, &len);
		if (columns < 0)
			break;
		at += len;
	}
	return at - in;
}

void text_drop_partial(char *name)
{
	size_t len = strlen(name), tail = 0;
	unsigned int need;

	while (tail < len && tail < 3 && ((unsigned char)name[len - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail == len)
		return;
	need = first_byte_length(name[len - 1 - tail]);
	if (need > tail + 1)
		name[len - 1 - tail] = '\0';
}

bool text_list_add(char *list, size_t size, const char *item)
{
	size_t len = strlen(list);
	const char *comma = len ? ", " : "";

	if (len + strlen(comma) + strlen(item) >= size)
		return false;
	snprintf(list + len, size - len, "%s%s", comma, item);
	return true;
}
