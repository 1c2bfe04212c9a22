# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# The VM's root file system: busybox, guest-init, the module, and what the user
# adds with the libraries that it needs. Sourced by run.

# For a guest of another architecture: the folder with its busybox, and with its libraries in usr/lib/TRIPLET.
foreign_root='' foreign_triplet=''

# quote WORD…: one line that a POSIX shell reads as these words.
quote() {
	local word
	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
	echo
}

make_skeleton() {
	local root=$1
	mkdir -p "$root"/{proc,sys,dev,tmp,run,root,add,vm,etc,var} \
		"$root"/usr/{bin,sbin,lib,lib32,lib64,libx32}
	local dir
	for dir in bin sbin lib lib32 lib64 libx32; do
		ln -s "usr/$dir" "$root/$dir"
	done
	ln -s ../tmp "$root/var/tmp"
	chmod 1777 "$root/tmp"
	if [ -n "$foreign_root" ]; then
		cp "$foreign_root/bin/busybox" "$root/bin/busybox"
	else
		cp "$(busybox_static)" "$root/bin/busybox"
	fi
	# Another architecture's can't be asked; it is Debian's too, with the same applets.
	local applet
	for applet in $("$(busybox_static)" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' \
		>"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	cp "$vm_dir/guest-init" "$root/init"
	chmod 755 "$root/init"
}

# busybox-static and busybox are both /bin/busybox.
busybox_static() {
	local path
	path=$(command -v busybox) || die "no busybox: install busybox-static"
	ldd "$path" >/dev/null 2>&1 && die "$path is dynamic: install busybox-static"
	echo "$path"
}

# add_path ROOT PATH: PATH becomes /add/NAME, and what its programs need is put
# where they look for it. Links in a folder stay links, as they may lead anywhere.
add_path() {
	local root=$1 path=${2%/} file
	[ -e "$path" ] || die "--add $2: no such file or folder"
	cp -rH "$path" "$root/add/"
	mend_links "$root/add/${path##*/}" "$path"
	while IFS= read -r -d '' file; do
		add_needs "$root" "$file"
	done < <(find -H "$path" -type f -print0)
}

# mend_links COPY PATH: a link to a place in PATH leads to the same place in the guest.
mend_links() {
	local copy=$1 real link target leave=0
	real=$(realpath "$2")
	while IFS= read -r -d '' link; do
		target=$(realpath -m "$real/$link")
		if [[ $target != "$real" && $target != "$real"/* ]]; then
			leave=$((leave + 1))
		elif [[ $(readlink "$real/$link") == /* ]]; then
			ln -snf "/add/${copy##*/}${target#"$real"}" "$copy/$link"
		fi
	done < <(cd "$real" 2>/dev/null && find . -type l -printf '%P\0')
	[ "$leave" = 0 ] || note "links that lead out of $2, and stay links: $leave"
}

add_needs() {
	local root=$1 file=$2 magic
	IFS= read -r -d '' -n 4 magic <"$file" || true
	case $magic in
	$'\x7fELF') add_libraries "$root" "$file" ;;
	'#!'*) add_interpreter "$root" "$file" ;;
	esac
}

# Libraries from outside the loader's own folders (an $ORIGIN, the user's
# LD_LIBRARY_PATH) go to /vm/lib, which guest programs search too.
add_libraries() {
	local root=$1 library
	if [ -n "$foreign_root" ]; then
		add_foreign_libraries "$root" "$2"
		return
	fi
	while read -r library; do
		case $library in
		missing:*) note "warning: $2 needs ${library#missing:}, which this host lacks" ;;
		/lib/* | /lib64/* | /lib32/* | /usr/lib/* | /usr/lib32/*)
			copy_to "$root$library" "$library" ;;
		*) copy_to "$root/vm/lib/${library##*/}" "$library" ;;
		esac
	done < <(libraries_of "$2")
}

# Nothing for a static program; ldd fails for those, and for other machines'.
libraries_of() {
	{ ldd "$1" 2>/dev/null || true; } | awk '
		/=> not found/ { print "missing:" $1; next }
		$2 == "=>" && $3 ~ /^\// { print $3; next }
		$1 ~ /^\// { print $1 }'
}

# What an ELF file names as its interpreter and its libraries, and what those name.
add_foreign_libraries() {
	local root=$1 name path
	while read -r name; do
		path=$name
		[[ $path == /* ]] || path=/usr/lib/$foreign_triplet/$name
		[ -e "$foreign_root$path" ] || { note "warning: $2 needs $name, which $foreign_root lacks"; continue; }
		[ ! -e "$root$path" ] || continue
		copy_to "$root$path" "$foreign_root$path"
		add_foreign_libraries "$root" "$foreign_root$path"
	done < <(LC_ALL=C readelf -dl "$2" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p
		s/.*program interpreter: \(.*\)\]/\1/p')
}

copy_to() {
	[ -e "$1" ] && return
	mkdir -p "${1%/*}"
	cp -L "$2" "$1"
}

# "#!/usr/bin/env NAME" needs NAME. busybox is sh, and env.
add_interpreter() {
	local root=$1 words program
	read -r -a words < <(head -n 1 "$2" | tr -d '\0') || true
	program=${words[0]#'#!'}
	[ -n "$program" ] || program=${words[1]:-}
	if [ "${program##*/}" = env ]; then
		program=$(command -v "${words[-1]}" || true)
	fi
	[ -n "$program" ] && [ ! -e "$root$program" ] || return 0
	if [ ! -x "$program" ]; then
		note "warning: $2 wants $program, which this host lacks"
		return
	fi
	copy_to "$root$program" "$program"
	add_libraries "$root" "$program"
}

# pack ROOT FILE: not compressed, as unpacking is emulated and the file is small.
pack() {
	(cd "$1" && find . -print0 | sort -z |
		cpio --null --create --format=newc --owner=0:0 --quiet) >"$2"
}
