# SPDX-License-Identifier: LGPL-2.1-or-later
#
# libntsync: included by the top Makefile, paths are from there.
#   lib            builds build/lib/libntsync.a and build/lib/libntsync.so.0
#   lib-install    installs the library, its headers and its pkg-config file under DESTDIR
#   lib-uninstall  removes them

BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
INSTALL ?= install
Q ?=
OBJCOPY ?= objcopy

# For programs that include <linux/ntsync.h> where the system's is old or a stub. It is in no program's
# include path unless that asks for it.
LIBNTSYNC_UAPIDIR = $(INCLUDEDIR)/libntsync/uapi

LIBNTSYNC_VERSION := $(shell sed -n 's/^NTSYNC_VERSION := //p' Kbuild)
LIBNTSYNC_SONAME := libntsync.so.0
LIBNTSYNC_DIR := lib/libntsync
LIBNTSYNC_HEADERS := $(addprefix $(LIBNTSYNC_DIR)/,libntsync.h ntsync_lock.h ntsync_lock_inline.h ntsync_nt.h)
LIBNTSYNC_OBJDIR := $(BUILD)/lib/obj
LIBNTSYNC_A := $(BUILD)/lib/libntsync.a
LIBNTSYNC_SO := $(BUILD)/lib/$(LIBNTSYNC_SONAME)

# Files that call each other are linked to one object, as those of the handle table are to nt.o.
LIBNTSYNC_ADDR_SOURCES := addr.c addr_futex.c
LIBNTSYNC_ADDR_OBJECTS := $(LIBNTSYNC_ADDR_SOURCES:%.c=$(LIBNTSYNC_OBJDIR)/%.o)
LIBNTSYNC_ADDR_O := $(LIBNTSYNC_OBJDIR)/addr_all.o
LIBNTSYNC_LOCK_SOURCES := lock.c locker.c $(sort $(notdir $(wildcard $(LIBNTSYNC_DIR)/lock_*.c)))
LIBNTSYNC_LOCK_OBJECTS := $(LIBNTSYNC_LOCK_SOURCES:%.c=$(LIBNTSYNC_OBJDIR)/%.o)
LIBNTSYNC_LOCK_O := $(LIBNTSYNC_OBJDIR)/lock_all.o

LIBNTSYNC_SOURCES := $(filter-out $(LIBNTSYNC_ADDR_SOURCES) $(LIBNTSYNC_LOCK_SOURCES), \
	$(sort $(notdir $(wildcard $(LIBNTSYNC_DIR)/*.c))))
LIBNTSYNC_OBJECTS := $(LIBNTSYNC_SOURCES:%.c=$(LIBNTSYNC_OBJDIR)/%.o)

# The handle table. Its files call each other by names that programs must not see, so in the static
# library they are one object, in which these names are local. So are LIBNTSYNC_LTO_NAMES:
# what follows the dot in names that -flto makes of those of static functions and files.
LIBNTSYNC_LTO_NAMES := c. lto_priv isra part constprop cold
LIBNTSYNC_NT_SOURCES := $(sort $(patsubst $(LIBNTSYNC_DIR)/%,%,$(wildcard $(LIBNTSYNC_DIR)/nt/*.c)))
LIBNTSYNC_NT_OBJECTS := $(LIBNTSYNC_NT_SOURCES:%.c=$(LIBNTSYNC_OBJDIR)/%.o)
LIBNTSYNC_NT_O := $(LIBNTSYNC_OBJDIR)/nt.o

# On 32-bit machines, time_t has 64 bits too: a timer beyond 2038 must not expire at once.
LIBNTSYNC_TIME64 := $(if $(findstring __LP64__,$(shell $(CC) $(CFLAGS) -E -dM -x c /dev/null 2>/dev/null)),, \
	-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)

# One set of objects for both libraries. The static one can be linked into position-independent
# executables and other libraries.
LIBNTSYNC_CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) \
	-Wmissing-prototypes -Wno-psabi $(LIBNTSYNC_TIME64) -fPIC -fvisibility=hidden -MMD -MP

# The compiler links the partial object: it knows the machine that CFLAGS builds for, and how to
# link objects of -flto. GCC has to be told to optimise them now.
LIBNTSYNC_PARTIAL := $(shell $(CC) -flinker-output=nolto-rel -x c -E /dev/null >/dev/null 2>&1 && \
	echo -flinker-output=nolto-rel)

.PHONY: lib lib-install lib-uninstall

lib: $(LIBNTSYNC_A) $(LIBNTSYNC_SO)

$(LIBNTSYNC_OBJDIR)/%.o: $(LIBNTSYNC_DIR)/%.c $(LIBNTSYNC_DIR)/module.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(LIBNTSYNC_CFLAGS) $(CFLAGS) -c -o $@ $<

$(LIBNTSYNC_NT_O): $(LIBNTSYNC_NT_OBJECTS)
$(LIBNTSYNC_ADDR_O): $(LIBNTSYNC_ADDR_OBJECTS)
$(LIBNTSYNC_LOCK_O): $(LIBNTSYNC_LOCK_OBJECTS)
$(LIBNTSYNC_NT_O) $(LIBNTSYNC_ADDR_O) $(LIBNTSYNC_LOCK_O):
	$(Q)$(CC) $(CFLAGS) $(LIBNTSYNC_PARTIAL) -r -nostdlib -o $@.all $^
	$(Q)$(OBJCOPY) -w --localize-symbol='nt_*' --localize-symbol='addr_*' \
		--localize-symbol='lock_*' $(LIBNTSYNC_LTO_NAMES:%=--localize-symbol='*.%*') \
		$@.all $@

# ar alone would keep members whose source was removed.
$(LIBNTSYNC_A): $(LIBNTSYNC_OBJECTS) $(LIBNTSYNC_ADDR_O) $(LIBNTSYNC_LOCK_O) $(LIBNTSYNC_NT_O)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIBNTSYNC_SO): $(LIBNTSYNC_OBJECTS) $(LIBNTSYNC_ADDR_OBJECTS) $(LIBNTSYNC_LOCK_OBJECTS) \
		$(LIBNTSYNC_NT_OBJECTS) $(LIBNTSYNC_DIR)/libntsync.map
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(LIBNTSYNC_SONAME) -Wl,-z,defs \
		-Wl,--version-script=$(LIBNTSYNC_DIR)/libntsync.map -o $@ \
		$(filter %.o,$^) -lpthread
	$(Q)ln -sf $(LIBNTSYNC_SONAME) $(BUILD)/lib/libntsync.so

# The pkg-config file is written by the installation: it depends on PREFIX.
lib-install: lib
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/libntsync
	$(INSTALL) -m 644 $(LIBNTSYNC_A) $(DESTDIR)$(LIBDIR)/libntsync.a
	$(INSTALL) -m 755 $(LIBNTSYNC_SO) $(DESTDIR)$(LIBDIR)/libntsync.so.$(LIBNTSYNC_VERSION)
	ln -sf libntsync.so.$(LIBNTSYNC_VERSION) $(DESTDIR)$(LIBDIR)/$(LIBNTSYNC_SONAME)
	ln -sf $(LIBNTSYNC_SONAME) $(DESTDIR)$(LIBDIR)/libntsync.so
	$(INSTALL) -m 644 $(LIBNTSYNC_HEADERS) $(DESTDIR)$(INCLUDEDIR)/libntsync/
	$(INSTALL) -d $(DESTDIR)$(LIBNTSYNC_UAPIDIR)/linux
	$(INSTALL) -m 644 include/uapi/linux/ntsync.h $(DESTDIR)$(LIBNTSYNC_UAPIDIR)/linux/ntsync.h
	ln -sf uapi/linux/ntsync.h $(DESTDIR)$(INCLUDEDIR)/libntsync/ntsync_uapi.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(LIBNTSYNC_VERSION)|' \
		$(LIBNTSYNC_DIR)/libntsync.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/libntsync.pc

lib-uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libntsync.a $(DESTDIR)$(LIBDIR)/libntsync.so \
		$(DESTDIR)$(LIBDIR)/$(LIBNTSYNC_SONAME) \
		$(DESTDIR)$(LIBDIR)/libntsync.so.$(LIBNTSYNC_VERSION) \
		$(DESTDIR)$(LIBDIR)/pkgconfig/libntsync.pc
	rm -rf $(DESTDIR)$(INCLUDEDIR)/libntsync

-include $(patsubst %.o,%.d,$(LIBNTSYNC_OBJECTS) $(LIBNTSYNC_ADDR_OBJECTS) $(LIBNTSYNC_LOCK_OBJECTS) \
	$(LIBNTSYNC_NT_OBJECTS))
