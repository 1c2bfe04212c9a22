# SPDX-License-Identifier: GPL-2.0-only
#
# tests/ctl: ntsyncctl and the examples. test_*.c run the programs on /dev/ntsync, with the actors of
# tests/pi; host/test_*.c are linked with ntsyncctl's objects, and the other files there, and run
# anywhere.
ctl_test_src := $(wildcard tests/ctl/test_*.c)
ctl_test_bin := $(ctl_test_src:%.c=build/%)
ctl_host_src := $(wildcard tests/ctl/host/test_*.c)
ctl_host_bin := $(ctl_host_src:tests/ctl/host/%.c=build/tests/ctl-host/%)
ctl_host_helpers := $(patsubst %.c,build/obj/%.o,$(filter-out $(ctl_host_src), \
	$(wildcard tests/ctl/host/*.c)))
ctl_actors := $(patsubst %.c,build/obj/%.o,$(filter-out tests/pi/test_%,$(wildcard tests/pi/*.c))) \
	$(addprefix build/obj/tests/uapi/,fixture.o asleep.o)
ctl_parts := $(patsubst %.c,build/obj/%.o,$(filter-out tools/main.c,$(wildcard tools/*.c)))

tests: $(ctl_test_bin) $(ctl_host_bin)

build/obj/tests/ctl/%.o: private INCLUDES += -Itools

$(ctl_test_bin): build/tests/ctl/%: build/obj/tests/ctl/%.o $(ctl_actors)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread -ljson-c

$(ctl_host_bin): build/tests/ctl-host/%: build/obj/tests/ctl/host/%.o \
		$(ctl_host_helpers) $(ctl_parts) \
		build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -ljson-c

-include $(wildcard build/obj/tests/ctl/host/*.d)
