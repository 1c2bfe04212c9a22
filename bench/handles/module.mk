# SPDX-License-Identifier: GPL-2.0-only
#
# bench/handles: linked with the library's own objects, as it uses internal functions, and with the fake of
# tests/nt in place of the device.
bench_handles_obj := $(patsubst %.c,build/obj/bench/%.o,$(wildcard bench/handles/*.c) \
	$(addprefix tests/nt/fake/,fake_device.c channel.c poll.c) \
	$(addprefix lib/libntsync/,$(LIBNTSYNC_SOURCES) $(LIBNTSYNC_ADDR_SOURCES) $(LIBNTSYNC_LOCK_SOURCES) \
	$(LIBNTSYNC_NT_SOURCES)))

bench-programs: build/bench/handles

build/obj/bench/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -D_GNU_SOURCE -fvisibility=hidden -c -o $@ $<

build/bench/handles: $(bench_handles_obj)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wl,--wrap=ioctl -Wl,--wrap=open -Wl,--wrap=close -Wl,--wrap=fcntl -Wl,--wrap=poll \
		$(LDFLAGS) -o $@ $^ -lpthread

-include $(wildcard build/obj/bench/*/*/*.d build/obj/bench/*/*/*/*.d)
