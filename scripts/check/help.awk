# SPDX-License-Identifier: GPL-2.0-only
#
# Prints the targets of a Makefile: `name: deps ## text` lines under `##@ heading` lines.

/^##@/ {
	printf "\n%s\n", substr($0, 5)
	next
}

/^[a-z-]+:.*##/ {
	name = $0
	sub(/:.*/, "", name)
	text = $0
	sub(/.*##[ \t]*/, "", text)
	printf "  make %-12s %s\n", name, text
}

END { print "" }
