# SPDX-License-Identifier: GPL-2.0-only
#
# For bench/guest-profile: reads a trace of the function graph tracer (with funcgraph-proc). Variables: plain, the
# line that bench/ops printed when nothing was traced; traced, the one when the trace was made.
#
# The tracer adds hundreds of instructions to each function: some inside the duration that it shows, the rest
# to the caller only. Functions of a few instructions show how many: that much is taken off again.

BEGIN {
	split(plain, ops, "\t")
	instructions = ops[2]
	split(traced, ops, "\t")
	operations = ops[5]
}

function duration() {
	return match($0, /[0-9.]+ us/) ? substr($0, RSTART, RLENGTH - 3) * 1000 : 0
}

function returned(task, name, ns, inner, callees) {
	called[name]++
	self[name] += ns - inner
	callees_of[name] += callees
	inside[task, depth[task]] += ns
	callees_in[task, depth[task]]++
}

# CPU) task-pid | duration | function
!/^ *[0-9]+\) .*\|.*\|/ { next }

{
	line[++lines] = $0
	split($0, part, "|")
	task = part[1]
	name = part[3]
	for (i = 4; i in part; i++)
		name = name "|" part[i]
	kind = name
	sub(/^ */, "", name)
	sub(/\(.*/, "", name)
}

kind ~ /[{] *$/ {
	stack[task, ++depth[task]] = name
	inside[task, depth[task]] = callees_in[task, depth[task]] = 0
}

kind ~ /^ *}/ && depth[task] {
	at = depth[task]--
	returned(task, stack[task, at], duration(), inside[task, at], callees_in[task, at])
}

kind ~ /; *$/ && kind !~ /^ *}/ { returned(task, name, duration(), 0, 0) }

# What is called once or twice only may have been called before and after the operations.
function costs_of_tracing(	name, ns) {
	for (name in called) {
		ns = self[name] / called[name]
		if (!callees_of[name] && called[name] >= operations && (!within || ns < within))
			within = ns
	}
	for (name in called) {
		if (!callees_of[name] || called[name] < operations)
			continue
		ns = (self[name] - within * called[name]) / callees_of[name]
		if (!beside || ns < beside)
			beside = ns
	}
}

END {
	if (!operations || !lines) {
		print "nothing was traced"
		exit 1
	}
	costs_of_tracing()
	printf "%s: %s instructions without the tracer\n\n", ops[1], instructions
	print "   calls  instructions    each  function"
	for (name in called) {
		own = self[name] - within * called[name] - beside * callees_of[name]
		total += own
		if (called[name] >= operations / 2)
			printf "%8.2f %13.0f %7.0f  %s\n", called[name] / operations, own / operations,
				own / called[name], name | "sort -k 2,2nr -k 1,1nr"
	}
	close("sort -k 2,2nr -k 1,1nr")
	printf "         %13.0f          all of the functions; the rest is entry, exit and user space\n",
		total / operations
	printf "\nThe tracer's share: %.0f in each function, %.0f beside each; taken off above, but not here:\n\n",
		within, beside
	from = int(lines / 3)
	for (i = from; i < from + lines / operations; i++)
		print line[i]
}
