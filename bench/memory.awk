# SPDX-License-Identifier: GPL-2.0-only
# Prints the result of bench/memory as a table.
BEGIN {
	FS = "\t"
	width = "%-42s %9s %9s %9s %6s %-4s\n"
	printf width, "bytes of", "in-tree", "struct", "takes", "goal", "met"
}

{ printf width, $1, $5, $2, $3, $4, $4 == "-" ? "" : $3 <= $4 ? "yes" : "NO" }
