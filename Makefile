# SPDX-License-Identifier: GPL-2.0-only
#
# The commands people type. What the kernel's build reads is Kbuild, never this file.
# Everything that is built lands in build/, except ntsync.ko.

SHELL    := /bin/bash
.DEFAULT_GOAL := help

KDIR     ?= /lib/modules/$(shell uname -r)/build
MINUTES  ?= 10
KERNEL   ?= debian-6.12
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Werror
Q        := $(if $(V),,@)
JOBS     := $(shell nproc)

# All processors, unless this is a sub-make that was given its share.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif

# Scripts that run make themselves get a clean one: not this one's flags and job server.
RUN := @env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

##@ Try it
.PHONY: help demo check bench bench-record
help:			## this list
	@awk -f scripts/check/help.awk $(MAKEFILE_LIST)

demo: deps		## boot a real-time kernel in a VM: priority inversion, servers, NT handles, an audio engine
	$(RUN) make -s examples
	$(RUN) scripts/vm/run --smp 1 --add build/examples/inversion -- /add/inversion /vm/module.ko
	@echo
	$(RUN) scripts/vm/run --smp 1 --add build/examples/rpc -- /add/rpc
	@echo
	$(RUN) scripts/vm/run --add build/examples/dispatcher -- /add/dispatcher
	@echo
	$(RUN) scripts/vm/run --add build/examples/guest -- /add/guest
	@echo
	$(RUN) scripts/vm/run --add build/examples/daw -- /add/daw

check: deps		## run everything that can be checked (long)
	$(RUN) scripts/check/all

bench: deps		## where we stand: beside the in-tree driver and others, in VMs; a table and plots (long)
	$(RUN) bench/compare
	build/bench/handles
	$(RUN) scripts/vm/run --icount --add build/bench/aggregate -- /add/aggregate
	$(RUN) scripts/vm/run --icount --add build/bench/timer -- /add/timer
	$(RUN) scripts/vm/run --icount --add build/bench/lenders -- /add/lenders

bench-record: deps	## record what make check compares the module with
	$(RUN) scripts/check/bench --record

##@ Parts of the check
.PHONY: check-host check-fast check-deep check-wide check-kernels check-kcsan check-rv check-litmus check-models check-isolation check-load soak fuzz fuzz-parsers
check-host: deps	## what needs no VM: builds, ABI, library tests, static checks
	$(RUN) scripts/check/all host

check-fast: deps	## the suites on Debian's real-time kernel, in the VM
	$(RUN) scripts/check/all fast

check-deep: deps	## KUnit and the suites on the instrumented kernel, in the VM
	$(RUN) scripts/check/all deep

check-wide: deps	## the suites that make check runs on Debian's 6.12 only, on 7.3 and the instrumented kernel (long)
	$(RUN) scripts/check/all wide

check-kernels: deps	## every kernel of scripts/check/kernels.table, and the table of docs/kernels.md (long)
	@scripts/check/deps scripts/vm/packages-arm64
	$(RUN) scripts/check/kernel-matrix

check-kcsan: deps	## the suites on a kernel that looks for data races (docs/proof.md)
	$(RUN) scripts/check/all race

check-rv: deps		## who wakes real-time tasks, by the kernel's runtime verification (docs/proof.md)
	$(RUN) scripts/check/all judge

check-litmus: deps	## the lockless protocols by the kernel's memory model (docs/proof.md)
	$(RUN) scripts/check/all litmus

check-models: deps	## the models with more tasks, priorities and calls than in make check (docs/proof.md; a few minutes, 4 GB)
	$(RUN) scripts/check/all models

soak: deps		## the stress programs, each for MINUTES=10, on KERNEL=debian-6.12; how many calls that were
	$(RUN) NTSYNC_SOAK_KERNEL=$(KERNEL) NTSYNC_STRESS_SECONDS=$$(( $(MINUTES) * 60 )) scripts/check/all soak

fuzz: deps		## random programs on the driver of the instrumented kernel (KERNEL=...) for MINUTES=10; DRIVER=in-tree
	$(RUN) scripts/check/fuzz --kernel $(if $(filter file,$(origin KERNEL)),instrumented,$(KERNEL)) \
		--driver $(or $(DRIVER),ours) --seconds $$(( $(MINUTES) * 60 ))

fuzz-parsers:		## look for inputs that break the parsers of ntsyncctl, for SECONDS=60 (needs clang and its fuzzer)

check-isolation: deps	## what attackers of another user cost a real-time task, on KERNEL=debian-6.12
	$(RUN) scripts/check/isolation $(KERNEL)

check-load: deps	## progress of normal tasks under real-time load for MINUTES=1, beside pi=off, on KERNEL=debian-6.12
	$(RUN) scripts/check/progress $(KERNEL) $(if $(filter file,$(origin MINUTES)),60,$$(( $(MINUTES) * 60 )))

##@ Build
.PHONY: deps modules lib tools tests examples install uninstall deb dist dkms-install dkms-remove plots clean
deps:			## install the Debian packages that are missing (root or sudo)
	@scripts/check/deps

modules:		## build ntsync.ko for the kernel whose build folder is KDIR=...
	$(RUN) scripts/check/modules "$(KDIR)"

lib:			## build libntsync, static and shared, into build/lib
tools:			## build ntsyncctl into build/tools
tests:			## build the userspace test programs into build/tests
examples:		## build the examples into build/examples
install:		## install libntsync, its headers, pkg-config file, manual pages and ntsyncctl under PREFIX
uninstall:		## take away what install brought, with the same PREFIX

deb:			## build the Debian packages, into build/deb; installs only what that needs
	@scripts/check/deps packaging/packages
	$(RUN) packaging/build-deb

dist:			## make the source archive that packaging/arch and packaging/rpm begin with, into build/dist
	$(RUN) packaging/dist

dkms-install:		## give the module of this tree to DKMS, and load it (root or sudo)
	$(RUN) packaging/dkms-tree install

dkms-remove:		## take it back; the kernel's own module is there again (root or sudo)
	$(RUN) packaging/dkms-tree remove

plots: deps		## draw docs/inversion.svg again, from the table in docs/demo.md
	bench/plot-inversion

clean:			## remove everything that was built (the kernels' cache stays)
	rm -rf build ntsync.ko

# --- libntsync -----------------------------------------------------------------------------------
include lib/libntsync/module.mk lib/ntsync-wine/module.mk man/module.mk $(wildcard tests/*/module.mk)

install: lib-install man-install tools-install wine-install
# A user's compiler may be newer than ours, and warn of more. Packages set WARN, too.
install lib-install tools-install wine-install: WARN := -Wall -Wextra
uninstall: lib-uninstall man-uninstall tools-uninstall wine-uninstall

# Says where the result is, unless this is `make -s`.
SAY = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,echo)

lib:
	$(SAY) "libntsync: $(LIBNTSYNC_A), $(LIBNTSYNC_SO)"

tools:
	$(SAY) "ntsyncctl: build/tools/ntsyncctl"

examples:
	$(SAY) "examples: $(example_bin)"

INCLUDES := -Iinclude/uapi -Ilib/libntsync
COMPILE   = $(CC) $(CPPFLAGS) $(INCLUDES) -std=gnu11 $(WARN) $(CFLAGS) -MMD -MP

include tools/module.mk

# --- test programs -------------------------------------------------------------------------------
# One program per test_*.c or stress_*.c; the other .c files of a folder are linked into each of its
# programs.
test_dirs := lib uapi stress
test_src  := $(foreach d,$(test_dirs),$(wildcard tests/$(d)/test_*.c tests/$(d)/stress_*.c))
test_bin  := $(test_src:%.c=build/%)
helpers    = $(patsubst %.c,build/obj/%.o,$(filter-out $(test_src),$(wildcard tests/$(1)/*.c)))

tests: $(test_bin)

build/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

define test_rule
$(filter-out %32,$(filter build/tests/$(1)/%,$(test_bin))): build/tests/$(1)/%: build/obj/tests/$(1)/%.o \
		$(call helpers,$(1)) build/lib/libntsync.a
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ -lcmocka -lpthread
endef
$(eval $(call test_rule,lib))
$(eval $(call test_rule,uapi))
$(eval $(call test_rule,stress))

# tests/stress/calls.c counts the calls of the driver.
$(filter build/tests/stress/%,$(test_bin)): private override LDFLAGS += -Wl,--wrap=ioctl

# A 32-bit program for a 64-bit guest, which has no 32-bit libraries: static, without cmocka.
build/tests/uapi/test_compat32: tests/uapi/test_compat32.c
	@mkdir -p $(@D) build/obj/tests/uapi
	$(Q)$(COMPILE) -MF build/obj/$(<:.c=.d) -m32 -static -o $@ $< -lpthread

# --- examples ------------------------------------------------------------------------------------
# examples/NAME.c, or examples/NAME/*.c for one of several files.
example_bin := $(patsubst examples/%.c,build/examples/%,$(wildcard examples/*.c)) \
	$(patsubst examples/%/,build/examples/%,$(dir $(wildcard examples/*/main.c)))

examples: $(example_bin)

.SECONDEXPANSION:
$(example_bin): build/examples/%: $$(wildcard examples/%.c examples/%/*.c examples/%/*.h) \
		build/lib/libntsync.a
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d $(LDFLAGS) -o $@ $(filter %.c,$^) build/lib/libntsync.a $(LIBS) -lpthread -lm

# Static, as a guest has no liburing.
build/examples/dispatcher: private LIBS := -l:liburing.a

.SECONDARY:
include $(wildcard bench/module.mk bench/*/module.mk)
-include $(wildcard build/obj/tests/*/*.d build/examples/*.d)
