# SPDX-License-Identifier: GPL-2.0-only
# Instructions of our module in units of the in-tree driver's, and the goals.
set terminal svg size 900,700 font "sans,11" noenhanced
set output dir . '/ratios.svg'
set title 'Instructions per operation, ours to in-tree (1 = the same), and the goal'
set yrange [-1:*] reverse
set xrange [0:*]
set datafile separator "\t"
set grid x
set key outside bottom center horizontal
plot work . '/ratios' using ($2 / 2):0:($2 / 2):(0.35):ytic(1) with boxxyerror fill solid 0.5 title 'ours', \
	'' using 3:0 with points pointtype 7 linecolor 'black' title 'goal'
