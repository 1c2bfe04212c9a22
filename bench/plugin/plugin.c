// SPDX-License-Identifier: GPL-2.0-only
/* Receives lines from the guest: finds the stores of bench/tell.h while they are translated. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

FILE *out;

static const uint8_t mark[] = { 0x0f, 0x1f, 0x84, 0x00, 't', 'n', 's', 'y' };

static qemu_plugin_id_t plugin;
static bool going;
static char line[1024];
static size_t length;

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);

static void start(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
}

/* Code that was translated before is not watched, so it is dropped. */
static void start_translation(void)
{
	plugin_go(symbols_sort());
	going = true;
	qemu_plugin_reset(plugin, start);
}

static void handle_line(void)
{
	if (!strcmp(line, "go"))
		start_translation();
	else if (!strncmp(line, "begin ", 6))
		plugin_begin(line + 6);
	else if (!strncmp(line, "end ", 4))
		plugin_end(strtod(line + 4, NULL));
	else
		symbols_add(line);
}

static void store(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	const uint64_t word = qemu_plugin_mem_get_value(info).data.u64;

	if (length + sizeof(word) > sizeof(line))
		length = 0;
	memcpy(line + length, &word, sizeof(word));
	length += sizeof(word);
	if (memchr(&word, 0, sizeof(word))) {
		length = 0;
		handle_line();
	}
}

static bool is_store_mark(const struct qemu_plugin_insn *insn)
{
	uint8_t bytes[sizeof(mark)];

	return qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       !memcmp(bytes, mark, sizeof(mark));
}

/* The store may be translated apart from the mark; then it is recognised by its address. */
static void find_stores(const struct qemu_plugin_tb *tb)
{
	static uint64_t expected;

	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint64_t at = qemu_plugin_insn_vaddr(insn);

		if (at == expected)
			qemu_plugin_register_vcpu_mem_cb(insn, store, QEMU_PLUGIN_CB_NO_REGS,
							 QEMU_PLUGIN_MEM_W, NULL);
		expected = is_store_mark(insn) ? at + sizeof(mark) : 0;
	}
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	find_stores(tb);
	if (going)
		plugin_translate(tb);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
					   int argc, char **argv)
{
	if (argc == 1 && !strncmp(argv[0], "out=", 4))
		out = fopen(argv[0] + 4, "w");
	if (!out) {
		fprintf(stderr, "plug-in: needs out=FILE, and a file that can be written\n");
		return 1;
	}
	plugin = id;
	start(id);
	return 0;
}
