# SPDX-License-Identifier: GPL-2.0-only
#
# The one reader of TAP and KTAP. Prints one record per leaf, tab-separated:
#	pass SUITE NAME | skip SUITE NAME REASON | fail SUITE NAME | other SUITE NAME REASON
# (other: what only our module does, met in a run on the in-tree driver; it says so as a skip)
# and a fail record for everything that makes a count worthless: a suite that ends without its plan
# or with another number of tests than planned, with a bad exit status, with no test at all, or in
# the middle; a skip that gives no reason (`# SKIP reason`, or `# skipped: reason` before it). Whoever asks how a run went counts these records.
#
# Variables: step = name of what ran, rc = its exit status.
# `# suites: N`, `# suite: NAME` and `# suite-status: NAME RC` are the markers of tests/guest/run-suites;
# without them the whole input is one suite.

function emit(kind, name, reason) {
	if (kind == "fail")
		suite_failures++
	printf "%s\t%s\t%s%s\n", kind, suite, name, reason == "" ? "" : "\t" reason
}

# A level is one block of tests at one indentation; level 0 is the suite itself.
function push(indent) {
	depth++
	indent_of[depth] = indent
	planned[depth] = -1
	seen[depth] = 0
	failures_before[depth] = suite_failures
	title[depth] = ""
}

# KUnit prints no plan for the parameters of a case, so only the two upper levels have to have one.
function check_plan(level,	where) {
	where = level == 0 ? "" : (title[level] == "" ? "subtest: " : title[level] ": ")
	if (planned[level] < 0 && level < 2)
		emit("fail", where "ended without its plan")
	else if (planned[level] >= 0 && planned[level] != seen[level])
		emit("fail", where "planned " planned[level] " tests, saw " seen[level] hangs)
	else if (seen[level] == 0 && !skipped_whole[level])
		emit("fail", where "ran no test")
}

function close_deeper(level) {
	while (depth > level) {
		check_plan(depth)
		depth--
	}
}

function begin_suite(name) {
	suite = name
	suite_failures = 0
	hangs = ""
	depth = -1
	push(0)
	skipped_whole[0] = 0
}

function has_content() {
	return depth > 0 || seen[0] > 0 || planned[0] >= 0 || suite_failures > 0
}

# Several plans in one suite are several groups of tests, one after the other.
function finish_group() {
	if (depth > 0)
		emit("fail", (title[depth] == "" ? "subtest" : title[depth]) ": ended in the middle")
	close_deeper(0)
	check_plan(0)
	seen[0] = 0
	planned[0] = -1
	skipped_whole[0] = 0
}

function end_suite(status) {
	if (!bailed)
		finish_group()
	if (status != 0 && suite_failures == 0)
		emit("fail", "exit status " status " without a failed test")
	bailed = 0
	suites_seen++
	total_failures += suite_failures
}

# Finds the level for a line with this indentation; a deeper one opens a new level.
function enter(indent) {
	if (indent > indent_of[depth]) {
		push(indent)
		skipped_whole[depth] = 0
	}
	return depth
}

function close_to_indent(indent) {
	while (depth > 0 && indent_of[depth] > indent) {
		check_plan(depth)
		depth--
	}
}

function plan(indent, line,	count) {
	count = line
	sub(/^1\.\./, "", count)
	count = count + 0
	if (indent < indent_of[depth])
		close_to_indent(indent)
	enter(indent)
	if (planned[depth] >= 0) {
		if (depth == 0) {
			finish_group()
		} else {
			emit("fail", title[depth] ": a second plan")
			seen[depth] = 0
		}
	}
	planned[depth] = count
	if (count == 0 && line ~ /# *[Ss][Kk][Ii][Pp] +[^ ]/) {
		skipped_whole[depth] = 1
		sub(/.*# *[Ss][Kk][Ii][Pp] */, "", line)
		emit("skip", "all", line)
	}
}

function result(indent, line,	ok, name, reason, before) {
	ok = line !~ /^not /
	name = line
	sub(/^(not )?ok +[0-9]+ *(- *)?/, "", name)
	if (indent < indent_of[depth]) {
		# The verdict on a block of tests: its leaves have been counted.
		while (depth > 0 && indent_of[depth] > indent) {
			before = failures_before[depth]
			check_plan(depth)
			depth--
		}
		seen[depth]++
		if (!ok && suite_failures == before)
			emit("fail", name ": failed, though none of its tests did")
		return
	}
	enter(indent)
	seen[depth]++
	reason = ""
	if (match(name, /# *[Ss][Kk][Ii][Pp]/)) {
		reason = substr(name, RSTART + RLENGTH)
		name = substr(name, 1, RSTART - 1)
		gsub(/^[ \t:]+|[ \t]+$/, "", reason)
		gsub(/[ \t]+$/, "", name)
		if (name == "") {
			# cmocka puts the name where the reason belongs.
			name = reason
			reason = announced
		}
		announced = ""
		if (reason == "")
			emit("fail", name ": skipped without a reason")
		else if (reason ~ /^the in-tree driver/)
			emit("other", qualify(name), reason)
		else
			emit("skip", qualify(name), reason)
		return
	}
	announced = ""
	emit(ok ? "pass" : "fail", qualify(name))
}

function qualify(name) {
	return (depth > 0 && title[depth] != "") ? title[depth] ": " name : name
}

BEGIN {
	planned_suites = -1
	begin_suite(step)
}

{
	sub(/\r$/, "")
	# The kernel log's time stamp and caller in front of KTAP.
	sub(/^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? /, "")
	match($0, /^ */)
	indent = RLENGTH
	line = substr($0, indent + 1)
}

indent == 0 && line ~ /^# suites: [0-9]+$/ {
	planned_suites = substr(line, 11) + 0
	marked = 1
	next
}

indent == 0 && line ~ /^# suite: / {
	if (in_suite) {
		emit("fail", "ended in the middle, without a status")
		end_suite(0)
	} else if (has_content()) {
		end_suite(0)
	}
	marked = 1
	in_suite = 1
	begin_suite(substr(line, 10))
	next
}

indent == 0 && line ~ /^# suite-status: / {
	if (!in_suite) {
		emit("fail", "a status without a suite")
		next
	}
	split(line, field, " ")
	end_suite(field[4] + 0)
	in_suite = 0
	begin_suite(step)
	next
}

bailed { next }

line ~ /^Bail out!/ {
	emit("fail", line)
	bailed = 1
	next
}

line ~ /^(KTAP|TAP) version / {
	if (indent < indent_of[depth])
		close_to_indent(indent)
	if (indent == 0 && (seen[0] > 0 || planned[0] >= 0))
		finish_group()
	enter(indent)
	next
}

# What tests/uapi/fixture.c writes before it ends a program that hangs.
line ~ /^# watchdog: hangs: / {
	hangs = "; " substr(line, 13)
	next
}

line ~ /^# skipped: [^ ]/ {
	announced = substr(line, 12)
	next
}

line ~ /^# Subtest: / {
	enter(indent)
	title[depth] = substr(line, 12)
	next
}

line ~ /^1\.\.[0-9]+( *#.*)?$/ { plan(indent, line); next }

line ~ /^(not )?ok +[0-9]+( |$)/ { result(indent, line); next }

END {
	if (in_suite) {
		emit("fail", "ended in the middle, without a status")
		end_suite(0)
		begin_suite(step)
	} else if (!marked || has_content()) {
		end_suite(marked ? 0 : rc)
	}
	suites_marked = marked ? suites_seen : 0
	suite = step
	if (marked && planned_suites < 0)
		emit("fail", "ended without its number of suites")
	else if (marked && planned_suites == 0)
		emit("fail", "ran no suite")
	else if (marked && planned_suites != suites_marked)
		emit("fail", "planned " planned_suites " suites, saw " suites_marked)
	# 1 says that a suite failed; anything else is the machine's own trouble.
	if (marked && rc != 0 && (rc != 1 || total_failures == 0))
		emit("fail", "exit status " rc)
}
