#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# bare-image.sh CE.efi OUT: what the boot time of the CE image is measured against: Debian's smallest system with
# systemd as its users would have it, packed the same way, with the same kernel, modules, first program and
# command line. It says BARE-READY on the serial line when multi-user.target and the network are up.
set -Eeuo pipefail
TOP=$(readlink -f "$(dirname "$0")/../..")
. "$TOP/image/lib.sh"
[ $# = 2 ] || usage "$0"
ce=$(readlink -f "$1") out=$(readlink -m "$2")
: "${SOURCE_DATE_EPOCH:=$(stat -c %Y "$ce")}" "${CE_CACHE:=$TOP/build/cache}"
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8
umask 022
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ce-bare.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root base=$CE_CACHE/bare-bookworm.tar
mkdir -p "$CE_CACHE" "$root" "$work/initrd" "$work/sections"

if [ ! -e "$base" ]; then
	quietly mmdebstrap --mode=root --variant=minbase --include=systemd-sysv,systemd-resolved,udev,kmod,dbus,iproute2 \
		bookworm "$work/base.tar"
	mv "$work/base.tar" "$base.$$" && mv "$base.$$" "$base"
fi
tar -C "$root" --numeric-owner -xf "$base" --exclude './dev/*'


# of the CE image: kernel, command line, first program, modules
for section in linux initrd cmdline; do
	objcopy -O binary --only-section=.$section "$ce" "$work/sections/$section"
done
(cd "$work/initrd" && quietly cpio -idm <"$work/sections/initrd")
quietly unsquashfs -q -n -f -d "$root" "$work/initrd/root.squashfs" 'usr/lib/modules'
rm "$work/initrd/root.squashfs"

: >"$root/etc/machine-id"
echo bare >"$root/etc/hostname"
printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/90-dhcp.network"
printf 'tmpfs /var/tmp tmpfs defaults 0 0\ntmpfs /tmp tmpfs defaults 0 0\n' >"$root/etc/fstab"
cat >"$root/etc/systemd/system/bare-ready.service" <<-'END'
	[Unit]
	Wants=network-online.target
	After=multi-user.target network-online.target
	[Service]
	Type=oneshot
	ExecStart=/bin/sh -c 'echo BARE-READY >/dev/ttyS0'
	[Install]
	WantedBy=multi-user.target
END
chroot "$root" systemctl -q enable systemd-networkd systemd-resolved bare-ready
chroot "$root" systemctl -q set-default multi-user.target
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 -r touch -h -d "@$SOURCE_DATE_EPOCH"

pack_root "$root" "$work/initrd/root.squashfs"
pack_initrd "$work/initrd" "$work/initrd.cpio"
"$TOP/image/uki.sh" "$work/sections/linux" "$work/initrd.cpio" "$root/usr/lib/os-release" "$work/sections/cmdline" "$work/bare.efi"
"$TOP/image/disk.sh" "$work/bare.efi" "$out"
