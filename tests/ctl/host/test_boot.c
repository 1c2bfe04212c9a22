// SPDX-License-Identifier: GPL-2.0-only
/* What `ntsyncctl check` finds out about the next boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl.h"
#include "tree.h"

#define RELEASE		"6.12-test"
#define MODULES		"/lib/modules/" RELEASE
#define OURS		"updates/dkms/ntsync.ko"
#define THE_KERNELS	"kernel/drivers/misc/ntsync.ko"
#define IMAGE		"/boot/initrd.img-" RELEASE

static struct system_facts look(void)
{
	struct system_facts f = { .release = RELEASE };

	boot_look(&f);
	return f;
}

#define assert_loader(want)						\
	do {								\
		struct system_facts f = look();				\
		assert_string_equal(f.at_boot, want);			\
	} while (0)

#define assert_initramfs(want)						\
	do {								\
		struct system_facts f = look();				\
		assert_int_equal(f.initramfs, want);			\
	} while (0)

static void nothing_loads_it(void **state)
{
	(void)state;
	assert_loader("");
	make_file("# ntsync\nntsync2\nxntsync\nfuse ntsync\n", "/etc/modules-load.d/a.conf");
	make_file("ntsync\n", "/usr/lib/modules-load.d/README");
	make_file("kernel/fs/fuse/fuse.ko\n", MODULES "/modules.builtin");
	assert_loader("");
}

static void a_list_loads_it(void **state)
{
	(void)state;
	make_file("# why\nfuse\n \tntsync \t\nloop", "/usr/lib/modules-load.d/x.conf");
	assert_loader("/usr/lib/modules-load.d/x.conf");
	/* A file of the same name hides it. */
	make_file("", "/etc/modules-load.d/x.conf");
	assert_loader("");
	make_file("ntsync", "/etc/modules-load.d/x.conf");
	assert_loader("/etc/modules-load.d/x.conf");
}

static void something_else_loads_it(void **state)
{
	(void)state;
	make_file("kernel/drivers/misc/ntsync.ko\n", MODULES "/modules.builtin");
	assert_loader("it is built into the kernel");
	make_file("ntsync\n", "/etc/modules");
	assert_loader("/etc/modules");
	make_file("", "/usr/lib/systemd/system/sysinit.target.wants/modprobe@ntsync.service");
	assert_loader("/usr/lib/systemd/system/sysinit.target.wants/modprobe@ntsync.service");
}

/* A machine with our module on the disk, an image made at @image_time, and a tool that lists this. */
static void make_machine(const char *in_image, long long image_time)
{
	char script[512];

	make_file("kernel/fs/fuse/fuse.ko.xz:\n" OURS ".xz:\n", MODULES "/modules.dep");
	make_file("", MODULES "/" OURS ".xz");
	set_time(MODULES "/" OURS ".xz", 1000);
	make_file("", IMAGE);
	set_time(IMAGE, image_time);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n[ \"${1##*/}\" = initrd.img-" RELEASE " ] || exit 1\necho etc\n%s%s\n",
		 in_image ? "echo usr" MODULES "/" : "", in_image ? in_image : "");
	make_file(script, "/usr/bin/lsinitramfs");
	make_executable("/usr/bin/lsinitramfs");
}

static void an_initramfs_without_it(void **state)
{
	(void)state;
	make_machine(NULL, 500);
	assert_initramfs(0);
}

static void an_initramfs_with_the_same(void **state)
{
	(void)state;
	make_machine(OURS ".xz", 1500);
	assert_initramfs(0);
	/* Made before the module that is on the disk. */
	set_time(IMAGE, 500);
	assert_initramfs(1);
}

/* The kernel's own, from before ours was installed; and ours, after it was removed. */
static void an_initramfs_with_another(void **state)
{
	(void)state;
	make_machine(THE_KERNELS, 1500);
	assert_initramfs(1);
	make_machine(OURS, 1500);
	make_file(THE_KERNELS ":\n", MODULES "/modules.dep");
	make_file("", MODULES "/" THE_KERNELS);
	assert_initramfs(1);
	make_file("kernel/fs/fuse/fuse.ko.xz:\n", MODULES "/modules.dep");
	assert_initramfs(1);
}

static void an_initramfs_that_can_not_be_told(void **state)
{
	(void)state;
	assert_initramfs(-1);
	make_machine(NULL, 500);
	make_file("#!/bin/sh\necho " OURS "\nexit 1\n", "/usr/bin/lsinitramfs");
	assert_initramfs(-1);
	make_file("#!/bin/sh\n", "/usr/bin/lsinitramfs");
	assert_initramfs(-1);
	remove_file("/usr/bin/lsinitramfs");
	assert_initramfs(-1);
}

/* Fedora's names, and lines as of `ls -l`. */
static void dracut(void **state)
{
	(void)state;
	make_machine(NULL, 500);
	remove_file(IMAGE);
	remove_file("/usr/bin/lsinitramfs");
	make_file("", "/boot/initramfs-" RELEASE ".img");
	make_file("#!/bin/sh\necho '-rw-r--r-- 1 root root 9 Jan 1 1970 usr" MODULES "/extra/ntsync.ko.xz'\n",
		  "/usr/bin/lsinitrd");
	make_executable("/usr/bin/lsinitrd");
	assert_initramfs(1);
}

/* Arch's names: an image for each package of a kernel. */
static void mkinitcpio(void **state)
{
	(void)state;
	make_machine(NULL, 500);
	remove_file(IMAGE);
	remove_file("/usr/bin/lsinitramfs");
	make_file("", "/boot/initramfs-linux-rt.img");
	make_file("#!/bin/sh\n[ \"${1##*/}\" = initramfs-linux-rt.img ] || exit 1\n"
		  "echo usr" MODULES "/" THE_KERNELS ".zst\n", "/usr/bin/lsinitcpio");
	make_executable("/usr/bin/lsinitcpio");
	assert_initramfs(-1);
	make_file("linux\n", MODULES "/pkgbase");
	assert_initramfs(-1);
	make_file("linux-rt\n", MODULES "/pkgbase");
	assert_initramfs(1);
	/* Without a name there is no image, whatever a file is called. */
	make_file("\n", MODULES "/pkgbase");
	make_file("", "/boot/initramfs-.img");
	make_file("#!/bin/sh\necho etc\n", "/usr/bin/lsinitcpio");
	assert_initramfs(-1);
}

#define BOOT_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOOT_TEST(nothing_loads_it),
		BOOT_TEST(a_list_loads_it),
		BOOT_TEST(something_else_loads_it),
		BOOT_TEST(an_initramfs_without_it),
		BOOT_TEST(an_initramfs_with_the_same),
		BOOT_TEST(an_initramfs_with_another),
		BOOT_TEST(an_initramfs_that_can_not_be_told),
		BOOT_TEST(dracut),
		BOOT_TEST(mkinitcpio),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
