#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# disk.sh UKI OUT.raw: the system disk: an EFI system partition with the image at the fallback path, and an
# empty ext4 for the state. No identifier is by chance: image/root/usr/lib/ce-agent/ce-state goes by them.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
[ $# = 2 ] || usage "$0"
uki=$1 out=$2
esp_mib=$((($(stat -c %s "$uki") >> 20) + 16)) state_mib=${CE_STATE_MIB:-1024}
total=$((1 + esp_mib + state_mib + 1))
rm -f "$out.new"
truncate -s "${total}M" "$out.new"
quietly sfdisk --no-reread "$out.new" <<END
label: gpt
label-id: 6E0A0F4C-8F5B-4C7E-9E57-CE0000000000
first-lba: 2048
start=1MiB, size=${esp_mib}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="ce-esp", uuid=6E0A0F4C-8F5B-4C7E-9E57-CE0000000001
size=${state_mib}MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="ce-state", uuid=6E0A0F4C-8F5B-4C7E-9E57-CE0000000002
END
esp=$(mktemp)
trap 'rm -f "$esp"' EXIT
truncate -s "${esp_mib}M" "$esp"
quietly mkfs.fat --invariant -F 32 -s 1 -n CE-ESP -i CE000001 "$esp"
copy=$(mktemp -d)
trap 'rm -rf "$esp" "$copy"' EXIT
mkdir -p "$copy/EFI/BOOT"
cp "$uki" "$copy/EFI/BOOT/BOOTX64.EFI"
find "$copy" -print0 | xargs -0 touch -d "@$SOURCE_DATE_EPOCH"
export MTOOLS_SKIP_CHECK=1
quietly mcopy -s -m -i "$esp" "$copy/EFI" :: # dates: SOURCE_DATE_EPOCH
dd if="$esp" of="$out.new" bs=1M seek=1 conv=notrunc,sparse status=none
# An empty file system, so that a worker formats nothing. Its root is ce-agent's (root/usr/lib/sysusers.d).
export E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH
state_at=$(((1 + esp_mib) << 20))
quietly mkfs.ext4 -q -F -L ce-state -m 0 -U 6E0A0F4C-8F5B-4C7E-9E57-CE0000000003 \
	-E "offset=$state_at,root_owner=900:900,hash_seed=6E0A0F4C-8F5B-4C7E-9E57-CE0000000004,assume_storage_prezeroed=1,nodiscard" \
	"$out.new" "${state_mib}M"
quietly debugfs -w -R 'set_inode_field <2> mode 040700' "$out.new?offset=$state_at"
mv "$out.new" "$out"
