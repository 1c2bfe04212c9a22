# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# Debian's own kernels, unpacked from their packages: nothing is installed on the host. Sourced
# by kernel.

# get_debian NAME SOURCE ARCH TIER: a kernel of the table.
get_debian() {
	local name=$1 suite=${2%%/*} series=${2#*/} arch=$3 tier=$4
	local dir=$cache_dir/kernel/$1 flavour=$3 image version
	[[ $series != *-rt ]] || flavour=rt-$flavour
	series=${series%-rt}
	[ "$suite" != host ] || suite=$(host_suite)
	case $suite in
	bookworm | trixie | forky | sid) ;;
	*) die "$name needs Debian 12 or 13 here (its compiler has to fit)" ;;
	esac
	[ "$arch" = amd64 ] || [ "$suite" = bookworm ] || die "$name: there is a compiler for $arch in Debian 12 only"
	[ "$arch" = amd64 ] || suite=$suite:$arch
	# It was only built for up to now, or by a recipe that called each machine a PC.
	[ "$tier" = build ] || [ -e "$dir/current/vmlinuz" ] || rm -f "$dir/current/stamp"
	[ "$arch" != arm64 ] || grep -qsx virt "$dir/current/machine" || rm -f "$dir/current/stamp"
	# Its modules are built in the folder of today, also if the kernel was unpacked with another one.
	[ "$arch" = amd64 ] || [ ! -L "$dir/current/root" ] ||
		ln -sfn "$("$vm_dir/userland" --root "$arch")" "$dir/current/root"
	[ -n "$(find "$dir/current/stamp" -mtime -1 2>/dev/null)" ] && return
	if ! debian_lists "$suite"; then
		[ -e "$dir/current/stamp" ] || die "no package lists of $suite: is there a network?"
		note "$name: no news from the archive, taking the cached one"
		return
	fi
	image=$(debian_image "$suite" "$series" "$flavour") ||
		die "$suite has no linux-image-$series.*-$flavour any more"
	version=$(debian_version "$suite" "$image")
	entry "$dir/$version" unpack_debian "$suite" "$image" "$version" "$arch" "$tier"
	make_current "$name" "$version"
}

# The packages that a kernel consists of. From 7.x on the image package has
# nothing but dependencies: linux-binary-* and linux-modules-*. linux-kbuild-6.1 is common to all 6.1
# kernels, and may be newer.
kernel_packages() {
	local suite=$1 image=$2 version=$3 headers
	headers=${image/image/headers}
	{
		echo "$image"
		debian_depends "$suite" "$image=$version"
		echo "$headers"
		debian_depends "$suite" "$headers=$version"
	} | grep -E '^linux-(image|binary|modules|headers|kbuild)-[0-9]' | grep -v unsigned |
		sort -u | sed -E "/^linux-kbuild-[0-9]+\.[0-9]+\$/!s/\$/=$version/"
}

unpack_debian() {
	local suite=$1 image=$2 version=$3 arch=$4 tier=$5 new=$6 release all
	release=${image#linux-image-}
	mapfile -t all < <(kernel_packages "$suite" "$image" "$version")
	[ "$tier" = build ] || unpack_image "$suite" "$new" "${all[@]}"
	unpack_headers "$suite" "$release" "$new" "${all[@]}"
	if [ "$(host_suite)" = "$suite" ]; then
		headers_for_host "$release" "$new"
	elif [ "$arch" != amd64 ]; then
		ln -s "$("$vm_dir/userland" --root "$arch")" "$new/root"
	else
		(lock "root-$suite"; make_root "$suite")
		ln -s "../../../root/$suite/root" "$new/root"
	fi
	echo "$arch" >"$new/arch"
	echo "$release" >"$new/release"
	case $arch in
	arm64) echo virt ;;
	*) echo pc ;;
	esac >"$new/machine"
}

select_packages() {
	local pattern=$1
	shift
	printf '%s\n' "$@" | grep -E "$pattern"
}

# The modules that the VM needs, in the order in which they are loaded: the console and the channel to the host
# (most kernels have them built in). And the kernel's own ntsync.
vm_modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console ntsync)

unpack_image() {
	local suite=$1 new=$2 packages module
	shift 2
	mapfile -t packages < <(select_packages '^linux-(image|binary|modules)-' "$@")
	debian_unpack "$suite" "$new/image" "${packages[@]}"
	# In /boot, or from 7.x on beside the modules.
	find "$new/image" -type f -name 'vmlinuz*' -exec mv {} "$new/vmlinuz" \;
	[ -e "$new/vmlinuz" ] || die "no kernel in ${packages[*]}"
	mkdir "$new/modules"
	for module in "${vm_modules[@]}"; do
		find "$new/image" -name "$module.ko*" -exec cp {} "$new/modules/" \;
	done
	find "$new/modules" -name '*.xz' -exec unxz {} +
	for module in "${vm_modules[@]}"; do
		[ "$module" = ntsync ] || [ ! -e "$new/modules/$module.ko" ] || echo "$module.ko"
	done >"$new/modules/load"
	rm -rf "$new/image"
}

unpack_headers() {
	local suite=$1 release=$2 new=$3 packages kbuild
	shift 3
	mapfile -t packages < <(select_packages '^linux-headers-' "$@")
	mapfile -t kbuild < <(select_packages '^linux-kbuild-' "$@")
	debian_unpack "$suite" "$new/packages" "${packages[@]}"
	# Programs, so of this machine's architecture.
	debian_lists "${suite%:*}"
	debian_unpack "${suite%:*}" "$new/packages" "${kbuild[@]}"
	# With type data to go by, every module build would need pahole.
	rm -f "$new/packages/usr/src/linux-headers-$release/vmlinux"
	ln -s "packages/usr/src/linux-headers-$release" "$new/build"
}

# Headers that fit this host's compiler are used where they are. Their makefile names its other half, and from
# 7.x on itself, by an absolute path.
headers_for_host() {
	local release=$1 new=$2 final=${2%.new}/packages
	sed -i -E "s#^(include |KBUILD_OUTPUT=)/usr/src/#\1$final/usr/src/#" \
		"$new/packages/usr/src/linux-headers-$release/Makefile"
}

# Another suite's headers want its compiler, and their tools its libc: they are used inside a folder of
# that suite.
make_root() {
	entry "$cache_dir/root/$1" fill_root "$1"
}

# The script of debootstrap for a suite: Debian 12's does not know forky.
debootstrap_script() {
	local scripts=/usr/share/debootstrap/scripts
	if [ -e "$scripts/$1" ]; then echo "$scripts/$1"; else echo "$scripts/sid"; fi
}

fill_root() {
	local include
	case $1 in
	bookworm) include=gcc-12,libelf1 ;;
	trixie) include=gcc-14,libelf1t64 ;;
	forky | sid) include=gcc-16,libelf1t64 ;;
	esac
	progress "debootstrap $1" as_root debootstrap --variant=minbase --include="$include,make,sparse" \
		"$1" "$2/root" "$(debian_mirror)" "$(debootstrap_script "$1")"
	as_root rm -rf "$2/root/var/cache/apt/archives" "$2/root/var/lib/apt/lists"
	as_root mkdir -p "$2/root/mnt/module"
}
