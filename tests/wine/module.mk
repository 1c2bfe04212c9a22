# SPDX-License-Identifier: GPL-2.0-only
#
# tests/wine: libntsync-wine.so with a stand-in for Wine. test_*.c on /dev/ntsync, with the actors of tests/pi;
# host/test_*.c with a driver of the test's own, anywhere. Each program preloads the library that is beside it.
wine_test_src := $(wildcard tests/wine/test_*.c)
wine_test_bin := $(wine_test_src:%.c=build/%)
wine_host_bin := $(patsubst tests/wine/host/%.c,build/tests/wine-host/%,$(wildcard tests/wine/host/test_*.c))
wine_host_obj := build/obj/tests/wine/host/fake.o build/obj/tests/wine/host/process.o
wine_common := build/obj/tests/wine/standin.o build/obj/tests/wine/preload.o

tests: $(wine_test_bin) $(wine_host_bin)

build/tests/%/libntsync-wine.so: $(NTSYNC_WINE_SO)
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(wine_test_bin): build/tests/wine/%: build/obj/tests/wine/%.o $(wine_common) $(pi_test_obj) \
		build/tests/wine/libntsync-wine.so
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -lcmocka -lpthread

# The library finds the program's functions.
$(wine_host_bin): build/tests/wine-host/%: build/obj/tests/wine/host/%.o $(wine_common) \
		$(wine_host_obj) build/tests/wine-host/libntsync-wine.so
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@ $(filter %.o,$^) -lcmocka -lpthread

-include $(wildcard build/obj/tests/wine/host/*.d)
