# SPDX-License-Identifier: GPL-2.0-only
# Raw locks held, and preemption off, per operation.
set terminal svg size 900,(140 + 22 * lines) font "sans,12" noenhanced background 'white'
set output dir . '/holds.svg'
set title 'For how long per operation: a raw lock held, preemption off (longest seen)'
set yrange [lines - 0.3:-0.7]
set logscale x
set xrange [10:*]
set xlabel 'instructions (logarithmic)'
set datafile separator "\t"
set grid x
set border 3
set tics nomirror out
set key at screen 0.5, screen 0.02 bottom center horizontal samplen 2
set bmargin 6
set style fill solid 0.9 noborder
plot work . '/holds' using (10):0:(10):($3 > 10 ? $3 : 10):($0 - 0.35):($0 + 0.35):ytic(1) with boxxyerror \
		linecolor rgb '#a9cbe0' title 'preemption off', \
	'' using (10):0:(10):($2 > 10 ? $2 : 10):($0 - 0.2):($0 + 0.2) with boxxyerror \
		linecolor rgb '#2a6f97' title 'raw lock of ours held'
