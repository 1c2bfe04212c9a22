# SPDX-License-Identifier: GPL-2.0-only
# Instructions of our module in units of the in-tree driver's, and the goals.
set terminal svg size 900,(140 + 22 * lines) font "sans,12" noenhanced background 'white'
set output dir . '/ratios.svg'
set title 'Instructions per operation, ours to in-tree (1 = the same)'
set yrange [lines - 0.3:-0.7]
set xrange [0:*]
set xlabel 'ours / in-tree'
set datafile separator "\t"
set grid x
set border 3
set tics nomirror out
set arrow from 1, graph 0 to 1, graph 1 nohead linecolor rgb '#555555'
set key at screen 0.5, screen 0.02 bottom center horizontal samplen 2
set bmargin 6
set style fill solid 0.9 noborder
met(row) = stringcolumn(4) eq 'NO'
plot work . '/ratios' using ($2 / 2):0:($2 / 2):(met(0) ? 1 / 0 : 0.35):ytic(1) with boxxyerror \
		linecolor rgb '#2a6f97' title 'ours', \
	'' using (met(0) ? $2 / 2 : 1 / 0):0:($2 / 2):(0.35) with boxxyerror \
		linecolor rgb '#e07a5f' title 'ours, above the goal', \
	'' using 3:0 with points pointtype 7 pointsize 0.7 linecolor 'black' title 'goal'
