# SPDX-License-Identifier: GPL-2.0-only
# How a mutex hand-over scales with the number of those who wait.
set terminal svg size 700,450 font "sans,11" noenhanced
set output dir . '/handovers.svg'
set title 'Mutex hand-over'
set xlabel 'waiters'
set ylabel 'instructions'
set logscale x
set yrange [0:*]
set grid
set key top left
plot work . '/handovers' using 1:2 with linespoints title 'in-tree', \
	'' using 1:3 with linespoints title 'ours, pi=off', \
	'' using 1:4 with linespoints title 'ours'
