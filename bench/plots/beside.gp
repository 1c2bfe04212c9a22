# SPDX-License-Identifier: GPL-2.0-only
# One kind of operation by what people would use instead.
set terminal svg size 800,450 font "sans,11" noenhanced
set output dir . '/' . group . '.svg'
set title 'Instructions per operation: ' . group
set boxwidth 0.7
set style fill solid 0.5
set xtics rotate by -30
set yrange [0:*]
set grid y
plot work . '/' . group using 0:2:xtic(1) with boxes notitle
