/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks values at compile time: a wrong one does not build. The program prints the number of
 * groups that were checked, so that a lost group is noticed.
 */
#ifndef TESTS_ABI_PIN_H
#define TESTS_ABI_PIN_H

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
#define PIN_LANGUAGE "C++"
#else
#define PIN_LANGUAGE "C"
#endif

#define PIN_VALUE(name, value) static_assert((name) == (value), #name)

#define PIN_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), "size of " #type)

#define PIN_FIELD(type, field, offset, bytes)					\
	static_assert(offsetof(type, field) == (offset) &&			\
		      sizeof(((type *)0)->field) == (bytes), #type "." #field)

static unsigned int pin_groups;

static inline void pin_group(const char *name)
{
	printf("ok %u - %s (%s, %zu bit)\n", ++pin_groups, name, PIN_LANGUAGE,
	       8 * sizeof(void *));
}

static inline void pin_end(void)
{
	printf("1..%u\n", pin_groups);
}

#endif /* TESTS_ABI_PIN_H */
