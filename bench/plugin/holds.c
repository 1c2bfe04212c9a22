// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many instructions the guest's kernel executes while it holds a raw spinlock that the module
 * took, and while it can't be preempted. Nothing in the guest is changed for that, so the figures
 * are those of a kernel in use. For each NAME from the guest one line, separated by tabs:
 *
 *	NAME	longest hold	the function that took the lock	holds
 *	longest section without preemption that ran code of the module	the function where it began
 *	longest other one	the function where it began
 *
 * Sections with an interrupt in them are left out, as that would measure the interrupt.
 */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

#define MOST_HOLDS 16
#define RESCHED_NOT_NEEDED 0x80000000u

/*
 * A watched instruction: its address, and how many instructions are executed in one go with it,
 * including itself.
 */
struct place {
	uint64_t pc;
	uint64_t left;
};

struct longest {
	uint64_t instructions;
	uint64_t pc;
};

/* When a section began, and where; a lock has an address. */
struct section {
	uint64_t address;
	uint64_t since;
	uint64_t pc;
	bool interrupted;
};

static qemu_plugin_u64 executed, caller; /* instructions; the last jump outside of functions that lock */
static bool measuring;
static char name[256];

static struct section holds[MOST_HOLDS], unpreemptible;
static size_t nr_holds, seen_holds;
static struct longest hold, section_of_ours, other_section;
static uint64_t preempt_count_at;
static uint32_t preempt_count;

static uint64_t ours_until; /* when the last instruction of the module had been executed */
static bool lock_is_ours;

static uint64_t read_count(unsigned int cpu, const struct place *place)
{
	return qemu_plugin_u64_get(executed, cpu) - place->left;
}

static void note_longest(struct longest *longest, const struct section *section, uint64_t end)
{
	const uint64_t instructions = end - section->since;

	if (!measuring || section->interrupted || instructions <= longest->instructions)
		return;
	*longest = (struct longest){ instructions, section->pc };
}

static void preempt_count_changed(uint32_t new, uint64_t when, uint64_t pc)
{
	const uint32_t old = preempt_count;

	preempt_count = new;
	if (!old && new)
		unpreemptible = (struct section){ 0, when, pc, false };
	if (old && !new)
		note_longest(ours_until >= unpreemptible.since ? &section_of_ours : &other_section,
			     &unpreemptible, when);
}

static uint32_t count_of(qemu_plugin_meminfo_t info)
{
	return qemu_plugin_mem_get_value(info).data.u32 & ~RESCHED_NOT_NEEDED;
}

/* Per-CPU variables are written with a prefix of their own; the preemption count is one of them. */
static void percpu_written(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address,
			   void *data)
{
	const struct place *place = data;

	if (address == preempt_count_at)
		preempt_count_changed(count_of(info), read_count(cpu, place), place->pc);
}

/* Each interrupt counts itself there; the bits depend on the kernel's version. */
static void interrupt_entered(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address,
			      void *data)
{
	percpu_written(cpu, info, address, data);
	unpreemptible.interrupted = true;
	for (size_t i = 0; i < nr_holds; i++)
		holds[i].interrupted = true;
}

/* A kernel function that takes a raw lock first of all disables preemption. */
static void preempt_count_found(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address,
				void *data)
{
	const struct place *place = data;

	if (!preempt_count_at)
		preempt_count_at = address;
	if (address == preempt_count_at)
		preempt_count_changed(count_of(info), read_count(cpu, place),
				      qemu_plugin_u64_get(caller, cpu));
}

static void ours_executed(unsigned int cpu, void *data)
{
	ours_until = qemu_plugin_u64_get(executed, cpu);
}

static void lock_called(unsigned int cpu, void *data)
{
	lock_is_ours = read_count(cpu, data) == ours_until;
}

static void lock_taken(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	if (!lock_is_ours || nr_holds == MOST_HOLDS)
		return;
	lock_is_ours = false;
	holds[nr_holds++] = (struct section){
		address, read_count(cpu, data), qemu_plugin_u64_get(caller, cpu), false
	};
}

static void lock_dropped(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	for (size_t i = 0; i < nr_holds; i++) {
		if (holds[i].address != address)
			continue;
		note_longest(&hold, &holds[i], read_count(cpu, data));
		holds[i] = holds[--nr_holds];
		seen_holds += measuring;
		return;
	}
}

static void print(const struct longest *longest)
{
	const struct symbol *at = symbol_at(longest->pc);

	fprintf(out, "\t%lu\t%s", longest->instructions, at ? at->name : "-");
}

void plugin_end(double operations)
{
	measuring = false;
	fputs(name, out);
	print(&hold);
	fprintf(out, "\t%zu", seen_holds);
	print(&section_of_ours);
	print(&other_section);
	fputc('\n', out);
	fflush(out);
}

void plugin_begin(const char *what)
{
	snprintf(name, sizeof(name), "%s", what);
	hold = section_of_ours = other_section = (struct longest){ 0 };
	seen_holds = 0;
	measuring = true;
}

static bool is_name(const struct symbol *function, const char *prefix)
{
	return function && !strncmp(function->name, prefix, strlen(prefix));
}

static void watch_memory(struct qemu_plugin_insn *insn, struct place *place,
			 const struct symbol *function)
{
	const bool locks = is_name(function, "_raw_spin_lock");
	const bool unlocks = is_name(function, "_raw_spin_unlock");
	qemu_plugin_mem_cb_t cb;
	uint8_t byte = 0;

	qemu_plugin_insn_data(insn, &byte, 1);
	if (byte == 0x65) /* %gs: */
		cb = locks ? preempt_count_found :
		     is_name(function, "irq_enter_rcu") ? interrupt_entered : percpu_written;
	else if (locks && byte == 0xf0) /* lock */
		cb = lock_taken;
	else if (unlocks)
		cb = lock_dropped;
	else
		return;
	qemu_plugin_register_vcpu_mem_cb(insn, cb, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_W, place);
}

static void watch(struct qemu_plugin_tb *tb, struct place *places, size_t n)
{
	const struct symbol *function = symbol_at(qemu_plugin_tb_vaddr(tb));

	if (function && function->module)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, ours_executed, QEMU_PLUGIN_CB_NO_REGS, NULL);
	if (!is_name(function, "_raw_spin_"))
		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
			qemu_plugin_tb_get_insn(tb, n - 1), QEMU_PLUGIN_INLINE_STORE_U64, caller,
			places[n - 1].pc);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		function = symbol_at(places[i].pc);
		if (is_name(function, "_raw_spin_lock") && function->from == places[i].pc)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, lock_called,
							       QEMU_PLUGIN_CB_NO_REGS, &places[i]);
		watch_memory(insn, &places[i], function);
	}
}

/* Never freed: the emulator does not say when a translation is dropped. */
void plugin_translate(struct qemu_plugin_tb *tb)
{
	const size_t n = qemu_plugin_tb_n_insns(tb);
	struct place *places;

	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64, executed, n);
	if (!(qemu_plugin_tb_vaddr(tb) >> 63))
		return;
	places = calloc(n, sizeof(*places));
	if (!places)
		abort();
	for (size_t i = 0; i < n; i++) {
		places[i].pc = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
		places[i].left = n - i;
	}
	watch(tb, places, n);
}

void plugin_go(size_t symbols)
{
	executed.score = caller.score = qemu_plugin_scoreboard_new(2 * sizeof(uint64_t));
	executed.offset = 0;
	caller.offset = sizeof(uint64_t);
}
