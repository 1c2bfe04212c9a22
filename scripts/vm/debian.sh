# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# Packages of any Debian suite, through an apt whose sources and lists are in the
# cache: the user's own are neither changed nor needed. Needs no root. A SUITE may name
# another architecture than this host's: bookworm:arm64.

# The mirror that the user's own apt has, so that a local one is respected.
debian_mirror() {
	local uri
	[ -n "${NTSYNC_MIRROR:-}" ] && { echo "${NTSYNC_MIRROR%/}"; return; }
	# shellcheck disable=SC2016 # apt's own variables
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		awk '/\/debian\/*$/ && !found { print; found = 1 } END { exit !found }') ||
		die "no Debian mirror among apt's sources: set NTSYNC_MIRROR to one (…/debian)"
	echo "${uri%%/}"
}

debian_sources() {
	local suite=${1%:*} mirror
	local key=/usr/share/keyrings/debian-archive-keyring.gpg
	mirror=$(debian_mirror)
	mirror=${mirror%/}
	printf 'deb [signed-by=%s] %s %s main\n' "$key" "$mirror" "$suite"
	# A suite that is not released yet has no backports, and needs no updates.
	case $suite in forky | sid) return ;; esac
	printf 'deb [signed-by=%s] %s %s main\n' \
		"$key" "$mirror" "$suite-updates" \
		"$key" "$mirror" "$suite-backports" \
		"$key" "${mirror%debian}debian-security" "$suite-security"
}

# apt SUITE PROGRAM ARGUMENTS…, with the installed packages of this host taken
# into account only when dependencies are asked for.
debian_apt() {
	local dir=$cache_dir/apt/${1/:/-} program=$2 other=()
	[[ $1 != *:* ]] || other=(-o "APT::Architecture=${1#*:}" -o "APT::Architectures=${1#*:}")
	shift 2
	"$program" "${other[@]}" -o Dir::Etc::sourcelist="$dir/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::State::lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User= \
		-o Debug::NoLocking=1 -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Makes the suite's lists at most a day old. Without a network old lists do:
# what is in the cache stays usable.
debian_lists() {
	local suite=$1 dir=$cache_dir/apt/${1/:/-}
	local lock_fd
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$cache_dir/locks"
	exec {lock_fd}>"$cache_dir/locks/apt-${suite/:/-}"
	flock "$lock_fd"
	if [ -z "$(find "$dir/stamp" -mtime -1 2>/dev/null)" ]; then
		debian_sources "$suite" >"$dir/sources.list"
		if progress "package lists of $suite" debian_apt "$suite" apt-get update -q \
			--error-on=any; then
			touch "$dir/stamp"
		elif [ -e "$dir/stamp" ]; then
			note "going on with older package lists of $suite"
		else
			return 1
		fi
	fi
	exec {lock_fd}>&-
}

# The newest version of a package of SUITE.
debian_version() {
	debian_apt "$1" apt-cache policy "$2" |
		awk '$1 == "Candidate:" && $2 != "(none)" { print $2; found = 1 }
			END { exit !found }'
}

# debian_image SUITE VERSION FLAVOUR: the newest kernel's package, of SUITE, its updates and backports.
# What is installed here does not count: the archive may not have it any more.
debian_image() {
	debian_apt "$1" apt-cache -o Dir::State::status=/dev/null pkgnames "linux-image-$2." |
		grep -E "^linux-image-${2//./\\.}\.[^-]*(-[0-9]+)?-$3\$" | sort -V | tail -n 1 | grep .
}

# The package names that PACKAGE=VERSION depends on, one a line. Reads to the end:
# apt fails when its output is cut off.
debian_depends() {
	debian_apt "$1" apt-cache show "$2" |
		sed -n '/^Depends: /{s///;s/ *([^)]*)//g;s/ *[,|] */\n/g;p}'
}

# Downloads PACKAGE[=VERSION]… of SUITE and unpacks them into DIR.
debian_unpack() {
	local suite=$1 dir=$2 debs
	shift 2
	debs=$(mktemp -d "$cache_dir/debs.XXXXXX")
	(cd "$debs" && progress "fetching $*" debian_apt "$suite" apt-get download -q "$@") ||
		{ rm -rf "$debs"; return 1; }
	find "$debs" -name '*.deb' -exec dpkg -x {} "$dir" \;
	rm -rf "$debs"
}
