# SPDX-License-Identifier: GPL-2.0-only
#
# tests/pi: one program per test_*.c, with the other files of this folder and the fixture of tests/uapi. The
# library is for its locks.
pi_test_src := $(wildcard tests/pi/test_*.c)
pi_test_bin := $(pi_test_src:%.c=build/%)
pi_test_obj := $(patsubst %.c,build/obj/%.o,$(filter-out $(pi_test_src),$(wildcard tests/pi/*.c))) \
	$(addprefix build/obj/tests/uapi/,fixture.o asleep.o)

tests: $(pi_test_bin)

$(pi_test_bin): build/tests/pi/%: build/obj/tests/pi/%.o $(pi_test_obj) build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread
