# SPDX-License-Identifier: GPL-2.0-only
#
# bench/plugin: what the emulator loads, to look at the guest from outside.
plugins := build/bench/holds.so build/bench/profile.so

bench-programs: $(plugins)

$(plugins): build/bench/%.so: bench/plugin/%.c $(patsubst %,bench/plugin/%,plugin.c symbols.c plugin.h qemu.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) -Wno-unused-parameter $(CFLAGS) -fPIC -shared \
		-fvisibility=hidden -o $@ $(filter %.c,$^)
