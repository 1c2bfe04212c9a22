# SPDX-License-Identifier: GPL-2.0-only
#
# tests/fuzz: the parsers of ntsyncctl with any bytes.
#   build/tests/fuzz/test_parsers    feeds them with the inputs in the tree; built by gcc
#   fuzz-parsers                     looks for new ones for SECONDS=60; needs clang and its fuzzer
FUZZ_CLANG ?= clang
FUZZ_FLAGS := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -Itools
fuzz_parsers_src := tests/fuzz/parsers.c tools/arbiter.c tools/fdinfo.c tools/json.c tools/text.c tools/trace.c
fuzz_corpus := tests/fuzz/corpus/parsers

tests: build/tests/fuzz/test_parsers

build/tests/fuzz/test_parsers: tests/fuzz/test_parsers.c $(fuzz_parsers_src) tests/fuzz/parsers.h \
		tools/ctl.h tools/facts.h tests/fuzz/module.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(INCLUDES) -std=gnu11 $(WARN) -D_GNU_SOURCE $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) -ljson-c

build/fuzz/parsers: $(fuzz_parsers_src) tests/fuzz/parsers.h tools/ctl.h tools/facts.h tests/fuzz/module.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(INCLUDES) -std=gnu11 $(WARN) -D_GNU_SOURCE $(FUZZ_FLAGS) -fsanitize=fuzzer \
		-o $@ $(filter %.c,$^) -ljson-c

fuzz-parsers: build/fuzz/parsers
	@mkdir -p build/fuzz/found
	build/fuzz/parsers -max_total_time=$(if $(filter-out environment undefined,$(origin SECONDS)),$(SECONDS),60) \
		-max_len=4096 -timeout=10 -artifact_prefix=build/fuzz/ build/fuzz/found $(fuzz_corpus)

# tests/fuzz/device: the fuzzer of the driver (docs/fuzzing.md), and the tests of its parts that need no device.
fuzz_device_src := $(wildcard tests/fuzz/device/*.c)
fuzz_device_obj := $(fuzz_device_src:%.c=build/obj/%.o) build/obj/tests/fault/inject.o
fuzz_device_parts := $(filter-out build/obj/tests/fuzz/device/main.o,$(fuzz_device_obj))

tests: build/tests/fuzz-device/device build/tests/fuzz/test_programs

# Static, as a process with fewer mappings forks faster.
build/tests/fuzz-device/device: $(fuzz_device_obj)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ -lpthread

build/tests/fuzz/test_programs: build/obj/tests/fuzz/test_programs.o $(fuzz_device_parts)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread

$(fuzz_device_obj) build/obj/tests/fuzz/test_programs.o: private CPPFLAGS += -D_GNU_SOURCE

-include $(fuzz_device_obj:.o=.d)
