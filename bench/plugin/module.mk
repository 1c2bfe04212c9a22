# SPDX-License-Identifier: GPL-2.0-only
#
# bench/plugin: plug-ins of the emulator, which observe the guest from outside.
plugins := build/bench/holds.so build/bench/profile.so

bench-programs: $(plugins)

$(plugins): build/bench/%.so: bench/plugin/%.c $(patsubst %,bench/plugin/%,plugin.c symbols.c plugin.h qemu.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) -Wno-unused-parameter $(CFLAGS) -fPIC -shared \
		-fvisibility=hidden -o $@ $(filter %.c,$^)
