/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NTSYNC_TESTS_FUZZ_PARSERS_H
#define NTSYNC_TESTS_FUZZ_PARSERS_H

#include <stddef.h>
#include <stdint.h>

/* One input; the first byte chooses the parser. Aborts if a parser is wrong. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
