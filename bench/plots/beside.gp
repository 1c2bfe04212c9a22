# SPDX-License-Identifier: GPL-2.0-only
# One kind of operation beside its alternatives, the cheapest first; our module's is darker.
set terminal svg size 900,(120 + 26 * lines) font "sans,12" noenhanced background 'white'
set output dir . '/' . group . '.svg'
set title title
set datafile separator "\t"
set xlabel 'instructions, user space and kernel'
set xrange [0:*]
set offsets 0, graph 0.06, 0, 0
set yrange [lines - 0.3:-0.7]
set xtics format '%.0f'
set grid x
set border 3
set tics nomirror out
set style fill solid 0.9 noborder
plot work . '/' . group using ($2 / 2):0:($2 / 2):(0.35):($3 > 0 ? 0x2a6f97 : 0xa9cbe0):ytic(1) \
		with boxxyerror linecolor rgb variable notitle, \
	'' using 2:0:(sprintf('  %.0f', $2)) with labels left font 'sans,10' notitle
