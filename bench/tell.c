// SPDX-License-Identifier: GPL-2.0-only
/* tell: sends each line of the standard input to the emulator's plug-in; see bench/plugin. */
#include "tell.h"

#include <stdio.h>

int main(void)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		tell(line);
	}
	return 0;
}
