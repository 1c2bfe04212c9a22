# SPDX-License-Identifier: GPL-2.0-only
#
# Joins the files of bench/compare (role = which one is being read) with bench/goals. Prints the table
# and writes the file that the variable csv names.

BEGIN {
	FS = "\t"
	width = "%-42s %9s %9s %9s %6s %6s %-4s %9s %9s %7s %7s\n"
	printf width, "", "in-tree", "pi=off", "ours", "ratio", "goal", "met", "ns in-t.", "ns ours", "lock", "no pre."
	print "operation,what,in_tree,pi_off,ours,against,ratio,goal,met,ns_in_tree,ns_pi_off,ns_ours," \
		"lock,lock_by,preempt_off,preempt_off_by" > csv
}

role != "goals" {
	value[role, $1] = $2
	if (role == "holds") {
		value["lock by", $1] = $3
		value["preempt", $1] = $5
		value["preempt by", $1] = $6
	}
	if (role == "counts/ours" && $2 != "-")
		names[$1]
	next
}

/^#/ || !NF { next }

function of(role, name) {
	return (role, name) in value ? value[role, name] : "-"
}

# The cheapest of our module's operations that match; only "*" at the end is special.
function cheapest(glob,	name, least, prefix) {
	least = "-"
	prefix = substr(glob, 1, length(glob) - 1)
	for (name in names)
		if (index(name, prefix) == 1 && (least == "-" || of("counts/ours", name) + 0 < least))
			least = of("counts/ours", name) + 0
	return least
}

function compared_with(against, name) {
	if (against == "-" || against == "in-tree")
		return of("counts/in-tree", name)
	return against ~ /\*$/ ? cheapest(against) : of("counts/ours", against)
}

function whole(figure) {
	return figure ~ /^[0-9]/ ? sprintf("%.0f", figure) : figure
}

{
	gsub(/\t+/, "\t")
	$0 = $0
	name = $1; goal = $2; against = $3; what = $4
	ours = of("counts/ours", name)
	other = compared_with(against, name)
	ratio = ours ~ /^[0-9]/ && other + 0 > 0 ? sprintf("%.2f", ours / other) : "-"
	met = goal == "-" || ratio == "-" ? "" : ours / other <= goal ? "yes" : "NO"
	missed += met == "NO"
	judged += met != ""
	printf width, what, whole(of("counts/in-tree", name)), whole(of("counts/pi-off", name)), whole(ours),
		ratio, goal, met, whole(of("times/in-tree", name)), whole(of("times/ours", name)),
		of("holds", name), of("preempt", name)
	gsub(/,/, ";", what)
	printf "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s\n", name, what, of("counts/in-tree", name),
		of("counts/pi-off", name), ours, against, ratio, goal, met, of("times/in-tree", name),
		of("times/pi-off", name), of("times/ours", name), of("holds", name),
		of("lock by", name), of("preempt", name), of("preempt by", name) > csv
}

END {
	printf "\n%d of %d goals met\n", judged - missed, judged
	print "in-tree, pi=off, ours: instructions per operation; ratio: ours to in-tree, or as bench/goals says"
	print "ns: medians of wall-clock time, two CPUs; lock: the longest that our module holds a raw lock, and"
	print "no pre.: the longest without preemption with code of ours in it: instructions, same kernel, ours"
}
