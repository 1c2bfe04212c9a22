// SPDX-License-Identifier: GPL-2.0-only
/* ntsyncctl shows the state of /dev/ntsync and changes nothing. */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static const struct {
	const char *name;
	int (*run)(const struct options *opts);
	const char *what;
	bool needs_driver;
	bool needs_file;
} commands[] = {
	{ "status", status_command, "driver, permissions, and who uses it", false, false },
	{ "top", top_command, "objects that tasks wait for, again and again", true, false },
	{ "check", check_command, "what keeps priority inheritance from working; 1 if something does",
	  false, false },
	{ "graph", graph_command, "who waits for whom, for Graphviz' dot", true, false },
	{ "trace", trace_command, "handles left open or misused in a file of NTSYNC_NT_TRACE",
	  false, true },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: ntsyncctl COMMAND [OPTION]... [FILE]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].what);
	fprintf(out, "\n"
		"  -j, --json            JSON; top: one document a line\n"
		"  -a, --all             top: also what nobody waits for; JSON always has that\n"
		"  -b, --batch           top: no terminal, no keys\n"
		"  -n, --iterations N    top: ends after N screens\n"
		"  -d, --delay SECONDS   top: between two screens (default 1, least 0.1)\n"
		"  -h, --help\n"
		"  -V, --version\n");
}

/* @text: the word that is wrong, or NULL. */
static int bad_usage(const char *what, const char *text)
{
	char clean[64];

	fprintf(stderr, "ntsyncctl: %s", what);
	if (text) {
		text_clean(text, clean, sizeof(clean), text_utf8());
		fprintf(stderr, ": '%s'", clean);
	}
	fputc('\n', stderr);
	fprintf(stderr, "Try 'ntsyncctl --help'.\n");
	return 2;
}

/* @word: the last word that getopt looked at; it may have several letters. */
static int bad_option(const char *word)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	return bad_usage("no such option, or its value is missing", optopt ? letter : word);
}

/* All of @text has to be a positive number. */
static bool parse_count(const char *text, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return *out && !*end;
}

static bool parse_delay(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && !*end && *out >= 0.1 && *out <= 86400;
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct options *opts)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ "batch", no_argument, NULL, 'b' },
		{ "iterations", required_argument, NULL, 'n' },
		{ "delay", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	/* getopt would print the word without cleaning it. */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "jabn:d:hV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			opts->json = true;
			opts->batch = true;
			break;
		case 'a':
			opts->idle = true;
			break;
		case 'b':
			opts->batch = true;
			break;
		case 'n':
			if (!parse_count(optarg, &opts->iterations))
				return bad_usage("-n wants a number above 0", optarg);
			break;
		case 'd':
			if (!parse_delay(optarg, &opts->delay))
				return bad_usage("-d wants 0.1 to 86400 seconds", optarg);
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("ntsyncctl " NTSYNCCTL_VERSION);
			return 0;
		default:
			return bad_option(argv[optind - 1]);
		}
	}
	return -1;
}

/* Fails if the output could not be written. */
static int run_command(int (*command)(const struct options *opts), const struct options *opts)
{
	int ret = command(opts);

	if (!fflush(stdout) && !ferror(stdout))
		return ret;
	perror("ntsyncctl: standard output");
	return 2;
}

int main(int argc, char **argv)
{
	struct options opts = { .delay = 1 };
	int ret;

	setlocale(LC_CTYPE, "");
	ret = parse_options(argc, argv, &opts);
	if (ret >= 0)
		return ret;
	if (optind == argc)
		return bad_usage("one command is wanted: status, top, check, graph or trace", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[optind], commands[i].name))
			continue;
		if (commands[i].needs_file && optind + 1 == argc)
			return bad_usage("a file is wanted, or - for standard input", NULL);
		opts.file = commands[i].needs_file ? argv[++optind] : NULL;
		if (optind + 1 < argc)
			return bad_usage(opts.file ? "one file is enough" : "one command is enough",
					 argv[optind + 1]);
		if (!commands[i].needs_driver || system_has_driver())
			return run_command(commands[i].run, &opts);
		fprintf(stderr, "ntsyncctl: no driver serves /dev/ntsync; 'ntsyncctl check' says what to do\n");
		return 1;
	}
	return bad_usage("no such command", argv[optind]);
}
