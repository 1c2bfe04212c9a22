# SPDX-License-Identifier: GPL-2.0-only
# How a mutex hand-over scales with the number of waiters.
set terminal svg size 800,480 font "sans,12" noenhanced background 'white'
set output dir . '/handovers.svg'
set title 'A mutex goes round: instructions per hand-over, by the number of those who wait'
set xlabel 'waiters (logarithmic)'
set ylabel 'instructions per hand-over'
set logscale x
set xrange [1.5:1500]
set xtics (2, 8, 64, 1000)
set yrange [0:*]
set grid
set border 3
set tics nomirror out
set key top left reverse Left
plot work . '/handovers' using 1:2 with linespoints linewidth 2 linecolor rgb '#c1121f' title 'in-tree', \
	'' using 1:4 with linespoints linewidth 2 linecolor rgb '#2a6f97' title 'ours', \
	'' using 1:3 with linespoints linewidth 2 linecolor rgb '#2a6f97' dashtype 2 \
		title 'ours, inheritance off (pi=off)'
