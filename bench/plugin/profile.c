// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many instructions the guest executes in each function of its kernel, and how often it calls
 * it: one line per function, per operation:
 *
 *	instructions	calls	function
 *
 * User space is one function. Interrupts count too.
 */
#include "plugin.h"

#include <stdlib.h>

/*
 * The counters of symbol i are at index i; those of user space and of code without a name are
 * before the first.
 */
enum { USER, NAMELESS, FUNCTIONS };

struct counts {
	uint64_t instructions, calls;
};

static struct qemu_plugin_scoreboard *board;
static struct counts *before;
static size_t places;

static qemu_plugin_u64 counter(size_t place, size_t offset)
{
	return (qemu_plugin_u64){ board, place * sizeof(struct counts) + offset };
}

static uint64_t count(size_t place, size_t offset)
{
	return qemu_plugin_u64_get(counter(place, offset), 0);
}

static struct counts counts_of(size_t place)
{
	return (struct counts){ count(place, offsetof(struct counts, instructions)),
				count(place, offsetof(struct counts, calls)) };
}

static size_t place_of(uint64_t pc, const struct symbol *function)
{
	if (!(pc >> 63))
		return USER;
	return function ? FUNCTIONS + symbol_number(function) : NAMELESS;
}

static void count_instruction(struct qemu_plugin_insn *insn)
{
	const uint64_t pc = qemu_plugin_insn_vaddr(insn);
	const struct symbol *function = symbol_at(pc);
	const size_t place = place_of(pc, function);

	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		insn, QEMU_PLUGIN_INLINE_ADD_U64,
		counter(place, offsetof(struct counts, instructions)), 1);
	if (function && function->from == pc)
		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
			insn, QEMU_PLUGIN_INLINE_ADD_U64,
			counter(place, offsetof(struct counts, calls)), 1);
}

static const char *name_of(size_t place)
{
	return place == USER ? "(user space)" :
	       place == NAMELESS ? "(no name)" : symbol_numbered(place - FUNCTIONS)->name;
}

void plugin_end(double operations)
{
	for (size_t i = 0; i < places; i++) {
		const struct counts after = counts_of(i);

		if (after.instructions == before[i].instructions)
			continue;
		fprintf(out, "%.2f\t%.2f\t%s\n",
			(double)(after.instructions - before[i].instructions) / operations,
			(double)(after.calls - before[i].calls) / operations, name_of(i));
	}
	fflush(out);
}

void plugin_translate(struct qemu_plugin_tb *tb)
{
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
		count_instruction(qemu_plugin_tb_get_insn(tb, i));
}

void plugin_go(size_t symbols)
{
	places = FUNCTIONS + symbols;
	board = qemu_plugin_scoreboard_new(places * sizeof(struct counts));
	before = calloc(places, sizeof(*before));
	if (!before)
		abort();
}

void plugin_begin(const char *name)
{
	for (size_t i = 0; i < places; i++)
		before[i] = counts_of(i);
}
