# SPDX-License-Identifier: GPL-2.0-only
# The table of docs/demo.md: a bar per row with pi=off, and one with pi=on.
set terminal svg size 760,(96 + 19 * lines) font "sans,12" noenhanced background 'white'
set output output
set label "How long a FIFO 80 thread waits for 1 ms of a FIFO 10 thread's work, in milliseconds,\nwhile a FIFO 50 thread burns one second on the same CPU" at screen 0.5, graph 1 center offset 0,3
set tmargin 5
set yrange [lines - 0.4:-0.6]
set xrange [0:*]
set datafile separator "\t"
set border 0
set tics nomirror out scale 0
unset xtics
set rmargin 9
set key outside bottom center horizontal samplen 2
set style fill solid noborder
plot table using ($2 / 2):0:($2 / 2):(0.4) with boxxyerror linecolor rgb '#e9a28b' title 'pi=off', \
	'' using ($3 / 2):0:($3 / 2):(0.4):ytic(1) with boxxyerror linecolor rgb '#2a6f97' title 'pi=on', \
	'' using 2:0:2 with labels left offset 0.5,0 textcolor rgb '#8a5a48' font ",10" notitle, \
	'' using 3:0:3 with labels left offset 0.5,0 textcolor rgb '#174a68' font ",10" notitle
