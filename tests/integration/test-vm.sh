#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev vm up to QEMU's start, and when that fails: what it refuses and how it cleans up. QEMU is a stand-in;
# the real one is for tests/e2e.
. "$(dirname "$0")/../lib/tap.sh"
vm=$TOP/image/vm.sh
mkdir "$TMP"/{bin,images,run}
export TMPDIR=$TMP/run PATH=$TMP/bin:$PATH CE_IMAGE_DIR=$TMP/images
must truncate -s 1M "$TMP/images/ce.raw"
must qemu-img create -q -f raw "$TMP/disk.raw" 1M
for format in qcow2 vhdx vmdk vpc vdi; do
	must qemu-img create -q -f $format "$TMP/disk,$format" 1M
done
# fake_qemu LINE...: what it does
fake_qemu() {
	printf '#!/bin/bash\ncase "$*" in *isa-debug-exit*) exit 1 ;; esac\n' >"$TMP/bin/qemu-system-x86_64"
	printf '%s\n' 'printf "%s\n" "$@" >'"$TMP/args" "$@" >>"$TMP/bin/qemu-system-x86_64"
	chmod +x "$TMP/bin/qemu-system-x86_64"
}
fake_qemu 'echo "qemu: could not get write lock" >&2' 'exit 1'
port=$(free_port)
refuses() { # NAME MESSAGE OPTION...
	run_status_is "$1" 1 "$vm" --port "$port" "${@:3}"
	like "$1: why" "$(run_err)" "$2"
}
run_ok "--help" "$vm" --help
like "it names the formats" "$(run_out)" "raw, qcow2, VHDX, VMDK or VHD"
run_status_is "an option that is none" 2 "$vm" --snapshot
refuses "a port that is none" "--port 70000: a number from 1 to 65535 expected" --port 70000
refuses "memory without a value" "--memory: a value is missing" --memory
refuses "a disk that is not there" "no such disk: $TMP/nothing" "$TMP/nothing"
refuses "a format that is not taken" "it is vdi; raw, qcow2, VHDX, VMDK or VHD expected" "$TMP/disk,vdi"
refuses "a format of --format that is none" "--format qed: raw, qcow2, vhdx, vmdk or vpc expected" --format qed "$TMP/disk.raw"
run_status_is "an image in no folder" 2 "$TOP/image/build.sh" --out

# An image of a guest's making names a file of this computer: none is opened.
mkdir "$TMP/refers"
printf 'a secret of the host' >"$TMP/refers/secret" && must truncate -s 1M "$TMP/refers/secret"
image() { must qemu-img create -q -f "$1" "${@:3}" "$TMP/refers/$2" 1M; }
image qcow2 backing -u -b "$TMP/refers/secret" -F raw
must truncate -s 1M "$TMP/guest.raw" && must dd if="$TMP/refers/backing" of="$TMP/guest.raw" conv=notrunc status=none
image qcow2 data-file -o "data_file=$TMP/refers/data"
image vmdk parent -u -b "$TMP/disk,vmdk" -F vmdk
image vmdk flat.vmdk -o subformat=monolithicFlat
image vmdk parts.vmdk -o subformat=twoGbMaxExtentSparse
# as a guest can write it: before a raw disk's end, the descriptor inside of a sparse file, without its data
{ printf '# Disk DescriptorFile\n\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2048 FLAT "%s" 0\n' \
	"$TMP/refers/pipe" && head -c 1M /dev/zero; } >"$TMP/refers/text"
{ printf 'KDMV\1\0\0\0\3\0\0\0' && head -c 16 /dev/zero && printf '\1\0\0\0\0\0\0\0\2' && head -c 475 /dev/zero &&
	cat "$TMP/refers/text"; } >"$TMP/refers/inside"
must mkfifo "$TMP/refers/pipe" # opening it waits for ever
must cp "$TMP/disk,vpc" "$TMP/refers/differencing"
printf '\4' | must dd of="$TMP/refers/differencing" bs=1 seek=63 conv=notrunc status=none
refers() { # NAME MESSAGE FILE
	rm -f "$TMP/args"
	run_status_is "$1" 1 timeout 20 "$vm" --port "$port" "$TMP/$3"
	like "$1: why" "$(run_err)" "$2"
	like "$1: the way out" "$(run_err)" "qemu-img convert.*--format raw"
	ok "$1: no machine had it" [ ! -e "$TMP/args" ]
}
refers "a backing file" "its backing file is \"$TMP/refers/secret\"" refers/backing
refers "a backing file in a raw disk's first sectors" "its backing file is \"$TMP/refers/secret\"" guest.raw
refers "a data file" "its data is in \"$TMP/refers/data\"" refers/data-file
refers "a VMDK's parent" "its backing file is \"$TMP/disk,vmdk\"" refers/parent
refers "a flat VMDK" "data is in other files" refers/flat.vmdk
refers "a VMDK in parts" "data is in other files" refers/parts.vmdk
refers "a VMDK's text before zeros" "data is in other files" refers/text
refers "a VMDK's text inside" "data is in other files" refers/inside
refers "a VHD's parent" "differencing VHD" refers/differencing
cat >"$TMP/listen.py" <<-'END'
	import socket, sys, time
	s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
	time.sleep(60)
END
taken=$(free_port)
python3 "$TMP/listen.py" "$taken" &
at_exit end_process $!
must wait_for 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$taken"
refuses "a port that is taken" "port $taken of 127.0.0.1 is taken: choose another with --port N" --port "$taken"
if [ "$(id -u)" = 0 ]; then
	must mkdir "$TMP/mnt"
	must truncate -s 8M "$TMP/fs" && must mkfs.ext4 -q "$TMP/fs"
	loop=$(losetup --find --show "$TMP/fs" 2>/dev/null)
	if [ -n "$loop" ] && mount "$loop" "$TMP/mnt" 2>/dev/null; then
		at_exit losetup -d "$loop"
		at_exit umount "$TMP/mnt"
		refuses "writing to a device that is mounted" "it is mounted" --write "$loop"
		refuses "writing to the file behind it" "it is attached to $loop; a disk in use" --write "$TMP/fs"
	else
		skip "writing to a device that is mounted" "no loop devices here"
	fi
	chmod 755 "$TMP" && chmod 777 "$TMP/run"
	refuses_as_user() { setpriv --reuid=65534 --clear-groups env CE_IMAGE_DIR="$TMP/none" "$vm" --port "$port"; }
	run_status_is "without an image, and not root" 1 refuses_as_user
	like "it says what makes one" "$(run_err)" "no $TMP/none/ce.raw: ./dev image makes it, as root"
else
	skip "a device that is mounted; no image" "needs root"
fi
is "nothing was left behind" "$(ls "$TMP/run")" ""

# QEMU ends at once: its own words
fake_qemu 'echo "qemu: could not get \"write\" lock" >&2' 'exit 1'
refuses "QEMU ends early" 'QEMU ended: qemu: could not get "write" lock' "$TMP/disk.raw" "$TMP/disk,qcow2" "$TMP/disk,vhdx" "$TMP/disk,vmdk"
is "the folder is gone" "$(ls "$TMP/run")" ""
is "each disk in its format, thrown away" "$(grep -o 'format=[a-z0-9]*,if=none,id=disk[0-9],snapshot=on' "$TMP/args" | xargs)" \
	"format=raw,if=none,id=disk0,snapshot=on format=qcow2,if=none,id=disk1,snapshot=on format=vhdx,if=none,id=disk2,snapshot=on format=vmdk,if=none,id=disk3,snapshot=on"
run "$vm" --port "$port" "$TMP/disk,qcow2" --format raw "$TMP/guest.raw" "$TMP/refers/text" --format vpc "$TMP/disk,vpc"
is "a format that is said is taken, whatever is in the disk" "$(grep -o 'format=[a-z0-9]*,if=none,id=disk[0-9]' "$TMP/args" | xargs)" \
	"format=qcow2,if=none,id=disk0 format=raw,if=none,id=disk1 format=raw,if=none,id=disk2 format=vpc,if=none,id=disk3"
run "$vm" --port "$port" "$TMP/disk.raw" "$TMP/disk,qcow2"
like "a comma in a name" "$(cat "$TMP/args")" "file=$TMP/disk,,qcow2,"
like "the document is there" "$(cat "$TMP/args")" 'io.systemd.credentials/ce.enrolment'
run "$vm" --port "$port" --write --pair "$TMP/disk.raw"
unlike "with --write not thrown away" "$(cat "$TMP/args")" "snapshot=on"
unlike "with --pair no document" "$(cat "$TMP/args")" "ce.enrolment"
fake_qemu 'for a; do case $a in *logfile=*) log=${a##*logfile=} ;; esac; done' 'printf "\033[HKernel panic\n" >"$log"' 'exit 0'
refuses "the machine ends early" 'its console: Kernel panic'

# Ctrl-C ends it, and takes its files along
fake_qemu 'echo $$ >'"$TMP/pid" 'exec sleep 100'
"$vm" --port "$port" "$TMP/disk.raw" >"$TMP/out" 2>"$TMP/err" &
pid=$!
must wait_for 20 test -s "$TMP/pid"
ok "a folder for its owner alone" [ "$(stat -c %a "$TMP"/run/ce-vm.*)" = 700 ]
kill -TERM $pid # what Ctrl-C does too; a background process of a script does not hear SIGINT
wait $pid
is "it ends by the signal" $? 143
ok "QEMU has ended" [ ! -e "/proc/$(cat "$TMP/pid")" ]
is "its files are gone" "$(ls "$TMP/run")" ""

# A second machine in the folder of one that runs: nothing there changes. What holds the folder is the
# machine, not the script that started it.
rm "$TMP/pid"
"$vm" --port "$port" --dir "$TMP/kept" "$TMP/disk.raw" >"$TMP/out" 2>"$TMP/err" &
pid=$!
must wait_for 20 test -s "$TMP/pid"
machine=$(cat "$TMP/pid")
at_exit end_process "$machine"
echo "its console" >"$TMP/kept/serial.log"
files() { find "$TMP/kept" -type f -o -type p | sort | xargs stat -c '%n %i %s %y'; }
before=$(files)
second() { run_status_is "$1" 1 timeout 20 "$vm" --port "$(free_port)" --dir "$TMP/kept" "$TMP/disk.raw"; }
second "a second machine in its folder"
like "it says so" "$(run_err)" "a machine runs in $TMP/kept"
is "nothing of the first one was touched" "$(files)" "$before"
kill -KILL $pid
wait $pid 2>/dev/null
second "nor when the script is gone and the machine runs"
is "nothing was touched" "$(files)" "$before"
end_process "$machine"
fake_qemu 'echo "qemu: it is mine" >&2' 'exit 1'
second "the folder is free when the machine has ended"
like "another machine was started in it" "$(run_err)" "qemu: it is mine"
done_testing
