# SPDX-License-Identifier: GPL-2.0-only
#
# tests/fault: one program per test_*.c, with the other files of this folder, the fixtures of tests/uapi, and
# task.c of tests/pi.
fault_test_src := $(wildcard tests/fault/test_*.c)
fault_test_bin := $(fault_test_src:%.c=build/%)
fault_test_obj := $(patsubst %.c,build/obj/%.o,$(filter-out $(fault_test_src),$(wildcard tests/fault/*.c))) \
	$(addprefix build/obj/tests/uapi/,fixture.o asleep.o channel.o) build/obj/tests/pi/task.o

tests: $(fault_test_bin)

$(fault_test_bin): build/tests/fault/%: build/obj/tests/fault/%.o $(fault_test_obj)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread
