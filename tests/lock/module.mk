# SPDX-License-Identifier: GPL-2.0-only
#
# tests/lock: one program per test_*.c, with the other files of this folder and the fixture of tests/uapi.
# They run on the host, by futexes, and in the guest, by futexes and by the driver.
lock_test_src := $(wildcard tests/lock/test_*.c)
lock_test_bin := $(lock_test_src:%.c=build/%)
lock_test_obj := $(patsubst %.c,build/obj/%.o,$(filter-out $(lock_test_src),$(wildcard tests/lock/*.c))) \
	$(addprefix build/obj/tests/uapi/,fixture.o asleep.o)

tests: $(lock_test_bin)

$(lock_test_bin): build/tests/lock/%: build/obj/tests/lock/%.o $(lock_test_obj) build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread
