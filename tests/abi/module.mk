# SPDX-License-Identifier: GPL-2.0-only
#
# The pins of the interface, as C and C++, for 64 and 32 bit.
#   abi-tests      build/tests/abi/test_*
# All of ABI_TESTS print TAP when run; so does tests/abi/test_guards.sh, which
# needs no build.

BUILD ?= build
Q ?=

ABI_TESTS := $(foreach variant,c c-m32 cxx cxx-m32,\
	$(BUILD)/tests/abi/test_layout-$(variant) \
	$(BUILD)/tests/abi/test_lock_layout-$(variant) \
	$(BUILD)/tests/abi/test_intree_source-$(variant))
ABI_FLAGS := -Iinclude/uapi -Ilib/libntsync -O2 -Wall -Wextra -Wpedantic -Werror
ABI_DEPS := include/uapi/linux/ntsync.h $(LIBNTSYNC_HEADERS) tests/abi/pin.h tests/abi/module.mk

.PHONY: abi-tests
abi-tests: $(ABI_TESTS)

$(BUILD)/tests/abi/%-c: tests/abi/%.c $(ABI_DEPS)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(ABI_FLAGS) -o $@ $<

$(BUILD)/tests/abi/%-c-m32: tests/abi/%.c $(ABI_DEPS)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -m32 $(ABI_FLAGS) -o $@ $<

$(BUILD)/tests/abi/%-cxx: tests/abi/%.c $(ABI_DEPS)
	@mkdir -p $(@D)
	$(Q)$(CXX) -x c++ -std=c++20 $(ABI_FLAGS) -o $@ $<

$(BUILD)/tests/abi/%-cxx-m32: tests/abi/%.c $(ABI_DEPS)
	@mkdir -p $(@D)
	$(Q)$(CXX) -x c++ -std=c++20 -m32 $(ABI_FLAGS) -o $@ $<
