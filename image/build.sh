#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev image [--debug] [--out DIR] [--sign KEY CERT] [--slim] [--outputs]: builds the CE image from Debian packages.
# The steps, each a function: root tree, kernel modules, squashfs, initrd, unified kernel image, system
# disk; then what it is made of (SPDX). The same packages and the same sources give the same bytes.
#   --debug   with a shell on the consoles and ssh, under another name: never for production
#   --outputs also as each platform takes it (outputs.sh)
#   --slim    names what is biggest, and fails where a limit is passed
set -Eeuo pipefail
HERE=$(dirname "$(readlink -f "$0")")
TOP=$(dirname "$HERE")
. "$HERE/lib.sh"

out=$TOP/build/image variant=ce sign_key='' sign_cert='' slim='' outputs=''
while [ $# -gt 0 ]; do
	case $1 in
	--debug) variant=ce-debug ;;
	--slim) slim=1 ;;
	--outputs) outputs=1 ;;
	--out)
		[ -n "${2-}" ] || usage "$0"
		out=$(readlink -m "$2") && shift
		;;
	--sign)
		[ $# -ge 3 ] && [ -r "$2" ] && [ -r "$3" ] || die "--sign KEY CERT: two PEM files expected"
		sign_key=$(readlink -f "$2") sign_cert=$(readlink -f "$3") && shift 2
		;;
	*) usage "$0" ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || die "needs root: it sets up a root file system"

# Files of the image are as old as the sources: what changes the image changes its date.
if [ -z "${SOURCE_DATE_EPOCH-}" ]; then
	SOURCE_DATE_EPOCH=$(git -C "$TOP" -c safe.directory='*' log -1 --format=%ct 2>/dev/null || stat -c %Y "$TOP/meson.build")
fi
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
trap 'echo "image: line $LINENO failed: $BASH_COMMAND" >&2' ERR
umask 022
mkdir -p "$out"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ce-image.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

# The packages' own files, kept between builds under the list's digest.
base_tree() {
	local list cache key
	list=$(packages "$HERE/packages.txt")
	[ "$variant" = ce ] || list="$list $(packages "$HERE/packages-debug.txt")"
	key=$(printf '%s\n%s' "$list" "$(mmdebstrap --version)" | sha256sum | cut -c 1-16)
	cache=${CE_CACHE:-$TOP/build/cache}/image-$variant-$key.tar
	mkdir -p "$(dirname "$cache")"
	if [ ! -e "$cache" ] || [ -n "${CE_IMAGE_FRESH-}" ]; then
		# another build may be at it: each has a file of its own, and the last one stays
		quietly mmdebstrap --mode=root --variant=essential --include="${list// /,}" \
			--aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
			--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
			bookworm "$work/base.tar"
		mv "$work/base.tar" "$cache.$$" && mv "$cache.$$" "$cache"
	fi
	mkdir "$root"
	tar -C "$root" --numeric-owner -xf "$cache" --exclude './dev/*'
	local row='${Package}\t${Version}\t${source:Package}\t${source:Version}\n'
	dpkg-query --admindir="$root/var/lib/dpkg" -W -f "$row" >"$work/packages.tsv"
	dpkg-query -W -f "$row" systemd-boot-efi >>"$work/packages.tsv" # its stub begins the kernel image
}

# The agent as an installation puts it, without its debugging symbols.
install_agent() {
	local build=$work/build version
	# assert() names its file: as seen from the sources, wherever they and the build are
	quietly meson setup "$build" "$TOP" --prefix=/usr --sysconfdir=/etc --buildtype=release --strip \
		-Dtests=false -Dc_args="['-ffile-prefix-map=$(realpath --relative-to="$build" "$TOP")=.', '-ffile-prefix-map=$TOP=.']"
	DESTDIR=$root quietly meson install -C "$build"
	version=$(meson introspect --projectinfo "$build" | jq -r .version)
	printf 'ce-agent\t%s\tce-agent\t%s\n' "$version" "$version" >>"$work/packages.tsv"
	cp -r "$HERE/root/." "$root/"
	[ "$variant" = ce ] || cp -r "$HERE/root-debug/." "$root/"
}

# Of the kernel package only the kernel and the modules of the table, with what they depend on.
kernel_and_modules() {
	local deb version dir=$work/kernel
	deb=$(kernel_package "${CE_CACHE:-$TOP/build/cache}" "$work")
	mkdir "$dir"
	dpkg-deb -x "$deb" "$dir"
	version=$(basename "$dir"/lib/modules/*)
	depmod -b "$dir" "$version"
	printf '%s\t%s\t%s\t%s\n' "linux-image-$version" "$(dpkg-deb -f "$deb" Version)" linux-signed-amd64 \
		"$(dpkg-deb -f "$deb" Version)" >>"$work/packages.tsv"
	cp "$dir"/boot/vmlinuz-* "$work/vmlinuz"
	mkdir -p "$root/usr/lib/modules/$version" "$work/initrd/modules"
	# shellcheck disable=SC2046  # a list of names
	modules_with_dependencies "$dir" "$version" $(modules '[a-z]*') | while read -r module; do
		install -D -m 644 "$dir/lib/modules/$version/$module" "$root/usr/lib/modules/$version/$module"
	done
	cp "$dir/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/usr/lib/modules/$version/"
	depmod -b "$root" "$version"
	local n=10
	# shellcheck disable=SC2046
	modules_with_dependencies "$dir" "$version" $(modules initrd) | while read -r module; do
		cp "$dir/lib/modules/$version/$module" "$work/initrd/modules/$n-$(basename "$module")"
		n=$((n + 1))
	done
}

trim() {
	local pattern lists=("$HERE/trim.txt")
	[ "$variant" != ce ] || lists+=("$HERE/trim-plain.txt")
	(
		cd "$root"
		while read -r pattern; do
			# shellcheck disable=SC2086  # a pattern
			rm -rf $pattern
		done < <(sed 's/#.*//; /^ *$/d' "${lists[@]}")
	)
	configure_root
	find "$root" -print0 | xargs -0 -r touch -h -d "@$SOURCE_DATE_EPOCH"
}

# What maintainer scripts made differently each time, and what a read-only root needs.
configure_root() {
	: >"$root/etc/machine-id"
	echo ce >"$root/etc/hostname"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
	rm -rf "$root"/var/lib/systemd/* "$root"/etc/{mtab,fstab,.pwd.lock,passwd-,shadow-,group-,gshadow-} "$root"/tmp/*
	ln -s /proc/self/mounts "$root/etc/mtab"
	cp "$HERE/root/etc/fstab" "$root/etc/fstab"
	chroot "$root" /sbin/ldconfig -X
	rm -f "$root/var/cache/ldconfig/aux-cache"
	quietly chroot "$root" systemd-sysusers
	# no account has a password, and none can be given one
	sed -i 's/^\([^:]*\):[^:]*:[0-9]*:/\1:!:1:/' "$root/etc/shadow"
	# but for root of the debug variant, whom a key lets in: "*" is no password either, and not locked
	[ "$variant" = ce ] || sed -i 's/^root:!:/root:*:/' "$root/etc/shadow"
	rm -f "$root"/etc/ssh/ssh_host_* # made by the package, the same for everybody who has the image
	chroot "$root" systemctl -q preset-all --preset-mode=enable-only
	ln -sf /usr/lib/systemd/system/ce.target "$root/etc/systemd/system/default.target"
	mkdir -p "$root/srv" # systemd-tmpfiles insists
}

check_libraries() {
	local missing
	missing=$(for program in ce-agentd ce-worker cectl; do
		chroot "$root" sh -c "ldd \$(command -v $program)"
	done | grep 'not found' || true)
	[ -z "$missing" ] || die "libraries are missing in the image: $missing"
}

initrd() {
	local dir=$work/initrd
	pack_root "$root" "$dir/root.squashfs"
	gcc -std=gnu17 -Os -static -s -Wall -Wextra -Werror -o "$dir/init" "$HERE/init.c"
	mkdir -p "$dir/root" "$dir/dev"
	mknod -m 600 "$dir/dev/console" c 5 1
	find "$dir" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH"
	pack_initrd "$dir" "$work/initrd.cpio"
}

# KiB of each file, and of each folder with what is in it; nothing that depends on the builder's file system.
sizes() {
	(cd "$root" && find . -type f -printf '%s\t%p\n') | awk -F '\t' '
		{
			for (path = $2; path != ""; sub(/\/?[^\/]*$/, "", path))
				sum[path] += $1
		}
		END { for (path in sum) printf "%d\t%s\n", (sum[path] + 1023) / 1024, path }' | sort -t "$(printf '\t')" -k 1,1nr -k 2
}

base_tree
install_agent
kernel_and_modules
check_libraries
trim
initrd
"$HERE/uki.sh" "$work/vmlinuz" "$work/initrd.cpio" "$root/usr/lib/os-release" "$HERE/cmdline" "$out/$variant.efi" \
	"$sign_key" "$sign_cert"
"$HERE/disk.sh" "$out/$variant.efi" "$out/$variant.raw"
"$HERE/sbom.sh" "$work/packages.tsv" "$out/$variant.efi" "$variant" >"$out/$variant.spdx.json"
cut -f 1,2 "$work/packages.tsv" | LC_ALL=C sort >"$out/$variant.packages.txt"
sizes >"$out/$variant.sizes.txt"
[ -z "$slim" ] || "$HERE/slim.sh" "$out" "$variant"
[ -z "$outputs" ] || CECTL=$TOP/build/agent/cectl "$HERE/outputs.sh" "$out/$variant.raw"
ls -l "$out/$variant"[.-]*
