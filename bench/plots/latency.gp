# SPDX-License-Identifier: GPL-2.0-only
# How many of the samples took at most so long, under load.
set terminal svg size 900,600 font "sans,11" noenhanced
set output dir . '/latency.svg'
set title 'Latency of a FIFO 80 thread under load: share of samples that took at most so long'
set xlabel 'microseconds'
set ylabel 'per cent'
set logscale x
set grid
set key bottom right
kinds = 'wakeup mutex channel cyclictest'
plot for [i = 1:words(kinds)] work . '/' . word(kinds, i) . '.ours' with lines linewidth 2 linecolor i \
		title word(kinds, i), \
	for [i = 1:3] work . '/' . word(kinds, i) . '.pi-off' with lines dashtype 2 linecolor i \
		title word(kinds, i) . ', pi=off'
