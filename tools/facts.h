/* SPDX-License-Identifier: GPL-2.0-only */
/* What ntsyncctl finds out about the machine and this user, and what `check` makes of it. */
#ifndef NTSYNCCTL_FACTS_H
#define NTSYNCCTL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libntsync.h>

/**
 * struct system_facts - facts that do not depend on who uses the device
 * @loaded: some driver serves /dev/ntsync
 * @asked: 0 if the driver has filled @features, or -errno
 * @pi: of our driver's parameter: 1, 0, -1 = not known
 * @version: of the module, if it has one
 * @node_since: when the node was made, in seconds since the epoch; 0 = not known
 * @rtkit: rtkit is installed, which gives threads real-time priorities on request
 * @rt_runtime_us, @rt_period_us: real-time throttling; -1 = off, -2 = not known
 * @rt_group: RT group scheduling in the kernel: 1, 0, -1 = not known
 * @rt_group_us: what this process's group may use; -1 = there is no such limit
 * @users: the processes that have the device open, as far as this user may see
 * @wineservers: process ids of Wine's servers that are older than the node, and don't use it
 * @wine_without: those that are newer than the node, and don't use it
 * @wine_can, @wine_cannot: Wine's servers on disk that know the device, and that don't
 * @at_boot: what loads the module at boot, "" = nothing
 * @initramfs: the initramfs has another ntsync than modprobe would load: 1, 0, -1 = not known
 */
struct system_facts {
	bool loaded;
	int asked;
	struct ntsync_features features;
	int pi;
	char version[64];
	bool node;
	unsigned int node_mode, node_uid, node_gid;
	bool node_usable;
	long long node_since;
	char release[65], kernel[65];
	bool realtime;
	uint64_t rtprio_soft, rtprio_hard;
	bool cap_sys_nice;
	bool rtkit;
	long long rt_runtime_us, rt_period_us;
	int rt_group;
	long long rt_group_us;
	char users[128];
	char wineservers[64], wine_without[64];
	char wine_can[256], wine_cannot[256];
	char at_boot[128];
	int initramfs;
};

/* ---- system.c: the driver, the kernel, the rights of this user ---- */

/* Fills what the functions below don't. */
void system_look(struct system_facts *f);
bool system_has_driver(void);
/* By the version string, or /sys/kernel/realtime. */
bool kernel_is_realtime(const char *version, long long sys_kernel_realtime);
const char *driver_name(const struct system_facts *f);
/* Returns the number of @names: one per bit, at most 64. */
size_t feature_names(uint64_t features, const char **names);

/* ---- users.c: fills @users; false if memory is short ---- */

bool users_look(struct system_facts *f);

/* ---- wine.c: fills @wineservers and @wine_without ---- */

void wine_look(struct system_facts *f);

/* ---- wine_files.c: fills @wine_can and @wine_cannot ---- */

void wine_files_look(struct system_facts *f);

/* ---- boot.c: fills @at_boot and @initramfs; takes @release ---- */

void boot_look(struct system_facts *f);

/* ---- check.c ---- */

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_PROBLEM, VERDICT_SKIPPED };

/**
 * struct check - one line of `ntsyncctl check`
 * @good, @bad: the text of a verdict
 * @fix: what to do if it is bad
 * @who: what is named after @bad; or NULL
 * @good_who: what is named after @good; or NULL
 * @unknown: the text if it can't be told; or NULL
 */
struct check {
	const char *id;
	enum verdict (*test)(const struct system_facts *f);
	const char *good;
	const char *bad;
	const char *fix;
	const char *(*who)(const struct system_facts *f);
	const char *(*good_who)(const struct system_facts *f);
	const char *unknown;
};

/* Writes the text of the verdict, with what it is about. */
void check_text(const struct check *c, enum verdict v, const struct system_facts *f, char *out,
		size_t size);

extern const struct check checks[];
extern const size_t nr_checks;

#endif
