# SPDX-License-Identifier: GPL-2.0-only
#
# tests/nt: each test_*.c and stress_*.c twice. In build/tests/nt for /dev/ntsync; in
# build/tests/nt-host with the library's assertions and ThreadSanitizer, and tests/nt/fake in place of
# the device. tests/nt/host/test_*.c use the library's internals, and are built that way only. The fake has
# a lock, with which no thread may be suspended, so test_suspend is for the device only. Without the folder
# of the fake (scripts/vm/userland) only those for the device are built.
nt_test_src := $(wildcard tests/nt/test_*.c tests/nt/stress_*.c)
nt_test_bin := $(nt_test_src:%.c=build/%)
nt_host_src := $(wildcard tests/nt/host/test_*.c)
nt_host_bin := $(if $(wildcard tests/nt/fake),$(patsubst tests/nt/%.c,build/tests/nt-host/%, \
	$(filter-out tests/nt/test_suspend.c,$(nt_test_src))))
nt_inside_bin := $(nt_host_src:tests/nt/host/%.c=build/tests/nt-host/%)

# nt_test.c, port.c and packet.c serve the tests, as tests/uapi/asleep.c does; tests/stress/stress.c the
# stress programs, and random numbers; random/ test_random_threads.
nt_common := $(patsubst %,tests/nt/%.c,nt_test port packet) tests/uapi/asleep.c tests/stress/stress.c
nt_random := $(wildcard tests/nt/random/*.c)
nt_device_obj := $(patsubst %.c,build/obj/%.o,$(nt_common) tests/nt/env_device.c)
nt_host_obj := $(patsubst %.c,build/obj/nt-host/%.o,$(nt_common) $(wildcard tests/nt/fake/*.c) \
	$(addprefix lib/libntsync/,$(LIBNTSYNC_SOURCES) $(LIBNTSYNC_ADDR_SOURCES) \
	$(LIBNTSYNC_LOCK_SOURCES) $(LIBNTSYNC_NT_SOURCES)))

NT_HOST_CFLAGS := -fsanitize=thread -DNTSYNC_NT_DEBUG -fvisibility=hidden
NT_HOST_WRAP := -Wl,--wrap=ioctl -Wl,--wrap=open -Wl,--wrap=close -Wl,--wrap=fcntl \
	-Wl,--wrap=poll -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc \
	-Wl,--wrap=aligned_alloc -Wl,--wrap=free

tests: $(nt_test_bin) $(nt_host_bin) $(nt_inside_bin)

$(nt_test_bin): build/tests/nt/%: build/obj/tests/nt/%.o $(nt_device_obj) build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread

build/tests/nt/test_random_threads: $(nt_random:%.c=build/obj/%.o)
build/tests/nt-host/test_random_threads: $(nt_random:%.c=build/obj/nt-host/%.o)

# tests/stress/calls.c counts the calls of the driver.
nt_stress_bin := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/nt/stress_*.c))
$(nt_stress_bin): build/obj/tests/stress/calls.o
$(nt_stress_bin): private override LDFLAGS += -Wl,--wrap=ioctl

# pthread_cancel() loads it at run time, so the guest's list of libraries would not have it.
build/tests/nt/test_cancel: private override LDFLAGS += -Wl,--no-as-needed -l:libgcc_s.so.1

build/obj/nt-host/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -D_GNU_SOURCE $(NT_HOST_CFLAGS) -c -o $@ $<

$(nt_host_bin): build/tests/nt-host/%: build/obj/nt-host/tests/nt/%.o
$(nt_inside_bin): build/tests/nt-host/%: build/obj/nt-host/tests/nt/host/%.o

$(nt_host_bin) $(nt_inside_bin): $(nt_host_obj)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(NT_HOST_CFLAGS) $(NT_HOST_WRAP) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread

-include $(wildcard build/obj/tests/nt/random/*.d build/obj/nt-host/*/*.d build/obj/nt-host/*/*/*.d build/obj/nt-host/*/*/*/*.d)
