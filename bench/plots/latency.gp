# SPDX-License-Identifier: GPL-2.0-only
# How many of the samples took longer, under load: the tail counts, so both axes are logarithmic.
set terminal svg size 900,560 font "sans,12" noenhanced background 'white'
set output dir . '/latency.svg'
set title "A FIFO 80 thread under load: share of samples that took longer\n" . \
	'one CPU, time by instructions executed (1 ns each)'
set xlabel 'microseconds (logarithmic)'
set ylabel 'per cent that took longer (logarithmic)'
set logscale xy
set yrange [0.05:100]
set ytics (100, 50, 10, 5, 1, 0.5, 0.1)
set grid
set border 3
set tics nomirror out
set key bmargin center horizontal maxrows 3 width 2
set bmargin 8
files = 'wakeup mutex channel cyclictest'
names = "'wake-up by an event' 'mutex held by FIFO 10' 'request to a FIFO 10 server' 'cyclictest'"
colours = '#2a6f97 #e07a5f #3a7d44 #777777'
plot for [i = 1:4] work . '/' . word(files, i) . '.ours' with steps linewidth 2 \
		linecolor rgb word(colours, i) title word(names, i), \
	for [i = 2:3] work . '/' . word(files, i) . '.pi-off' with steps linewidth 2 dashtype 2 \
		linecolor rgb word(colours, i) title word(names, i) . ', pi=off'
