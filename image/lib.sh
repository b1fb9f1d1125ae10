# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the scripts of the image share.

die() {
	echo "image: $*" >&2
	exit 1
}

# The comment at the top of a script is its help: asked for (status 0), or in place of what was not understood.
usage() { # SCRIPT [STATUS]
	local to=2
	[ "${2-}" != 0 ] || to=1
	sed -n '3,/^[^#]/{s/^# \{0,1\}//p}' "$1" >&$to
	exit "${2:-2}"
}

quietly() {
	local log
	log=$(mktemp)
	"$@" >"$log" 2>&1 || {
		cat "$log" >&2
		rm -f "$log"
		die "failed: $*"
	}
	rm -f "$log"
}

packages() { # FILE: names, one space between
	sed 's/#.*//' "$1" | tr -s ' \t\n' ' ' | sed 's/^ //; s/ $//'
}

# Modules of the platforms that match the pattern.
modules() { # PATTERN
	sed -n "/^$1: /s/^[^:]*: //p" "$(dirname "${BASH_SOURCE[0]}")/modules.txt" | tr -s ' \n' '\n' | sort -u
}

# Paths below lib/modules/VERSION, each after what it depends on.
modules_with_dependencies() { # ROOT VERSION MODULE...
	local dir=$1 version=$2 module path
	shift 2
	for module; do
		path=$(modinfo -b "$dir" -k "$version" -F filename "$module") ||
			die "the kernel $version has no module $module: see image/modules.txt"
		[ "$path" != "(builtin)" ] || continue
		path=${path#"$dir/lib/modules/$version/"}
		sed -n "s|^$path: *||p" "$dir/lib/modules/$version/modules.dep" | tr ' ' '\n' | tac
		echo "$path"
	done | awk 'NF && !seen[$0]++'
}

# Debian's kernel package, the newest that apt knows of, downloaded once: its path.
kernel_package() { # CACHE WORK
	local name version file
	name=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
	[ -n "$name" ] || die "apt knows of no package linux-image-amd64: run apt-get update"
	version=$(apt-cache show --no-all-versions "$name" | sed -n 's/^Version: //p' | head -n 1)
	file=$1/${name}_${version//:/%3a}_amd64.deb
	if [ ! -e "$file" ]; then
		(cd "$2" && quietly apt-get download -o APT::Sandbox::User=root "$name=$version")
		mv "$2/${file##*/}" "$file.$$" && mv "$file.$$" "$file"
	fi
	echo "$file"
}

pack_root() { # FOLDER OUT.squashfs
	mksquashfs "$1" "$2" -quiet -no-progress -noappend -comp zstd -Xcompression-level "${CE_IMAGE_LEVEL:-15}" \
		-b 256K -no-exports -no-xattrs
}

pack_initrd() { # FOLDER OUT.cpio
	(cd "$1" && find . -print0 | sort -z | cpio -0 -o -H newc --reproducible --quiet -R 0:0) >"$2"
}
