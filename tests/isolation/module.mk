# SPDX-License-Identifier: GPL-2.0-only
#
# tests/isolation: test_isolation, with the other files of this folder, and load, which stands alone.
isolation_test_bin := build/tests/isolation/test_isolation
isolation_load_bin := build/tests/isolation/load
isolation_obj := $(patsubst %.c,build/obj/%.o,$(filter-out tests/isolation/load.c,$(wildcard tests/isolation/*.c))) \
	$(addprefix build/obj/tests/uapi/,fixture.o asleep.o) build/obj/tests/pi/task.o

tests: $(isolation_test_bin) $(isolation_load_bin)

$(isolation_test_bin): $(isolation_obj)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread

$(isolation_load_bin): build/obj/tests/isolation/load.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread
