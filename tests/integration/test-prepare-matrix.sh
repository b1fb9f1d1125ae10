#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every source platform prepared for every target: what must be gone is gone, what Windows and others own is as
# it was, the target's boot drivers load, the volume is sound, a second run finds nothing to do. Judged by
# hivexregedit, ntfs-3g, ntfsfix and libguestfs against the descriptions the disks were made from and the lists
# below, not by this project's own tables. CE_MATRIX="vsphere/gcp xen/kvm": only these cells.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/windows.sh"
[ "$(id -u)" = 0 ] && [ -w /dev/fuse ] || skip_all "looking into volumes needs root and /dev/fuse"
cectl=$BUILD/agent/cectl
texts=$TOP/tests/fixtures/windows
must "$TOP/tests/fixtures/make-pack.sh" "$TMP/pack"

# In-box boot drivers by target (facts windows-and-peers 1.4.7), and those from a pack.
declare -A boot=(
	[vsphere]="stornvme storahci LSI_SAS pci"
	[hyperv]="vmbus storvsc storflt intelide pciide atapi pci vpci stornvme"
	[azure]="vmbus storvsc storflt intelide pciide atapi pci vpci stornvme"
	[aws]="stornvme pci intelide atapi"
	[gcp]="stornvme pci"
	[ahv]="storahci intelide pci"
	[xen]="intelide pciide atapi storahci pci"
	[kvm]="storahci pci"
)
declare -A from_pack=([gcp]="vioscsi" [ahv]="vioscsi" [kvm]="viostor vioscsi")
declare -A device=([vioscsi]='PCI\VEN_1AF4&DEV_1004' [viostor]='PCI\VEN_1AF4&DEV_1001')
# Never touched: Hyper-V's in-box parts that look like VMware's, Windows' own, another vendor's, the Citrix VDA's.
keep_services="ACPI disk partmgr volmgr volsnap fvevol iorate rdyboost EhStorClass hvservice netvsc VMBusHID vmgid
	gencounter s3cap vmcompute wmiApSrv vmicheartbeat vmickvpexchange vmicrdv vmicshutdown vmictimesync
	vmicvmsession vmicvss vmicguestinterface LSI_SAS2i megasas kbdclass e1i65x64 acmefilt BrokerAgent
	CtxSmartCardSvc picadd picadm CVhdFilter"
keep_software='\Microsoft\Windows\CurrentVersion\Uninstall\VMware Carbon Black sensor
\Microsoft\Windows\CurrentVersion\Uninstall\VMware Horizon Client
\Microsoft\Windows\CurrentVersion\Uninstall\Citrix Virtual Desktop Agent
\Microsoft\Windows\CurrentVersion\Uninstall\{33333333-0000-4000-8000-333333333333}
\Classes\Installer\Products\33333333000000040800333333333333
\Classes\Installer\UpgradeCodes\44444444000000040800444444444444
\Citrix\VirtualDesktopAgent
\Citrix\MachineIdentityServiceAgent
\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree\Microsoft\Windows\Defrag\ScheduledDefrag'
keep_files='Program Files/VMware/VMware Horizon Client/vmware-view.exe
Program Files/Acme Agent/agent.exe
ProgramData/Acme Agent/state.db
Program Files/Citrix/XenDesktopVdaSetup/XenDesktopVdaSetup.exe
Users/Public/Documents/letter.txt
Windows/System32/drivers/vmbus.sys
Windows/System32/drivers/vmgid.sys
Windows/System32/drivers/vmgencounter.sys
Windows/System32/drivers/vms3cap.sys
Windows/System32/drivers/vmstorfl.sys
Windows/System32/drivers/acmefilt.sys
Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/oem0.cat'

family() { # the drivers a platform runs on, where several share them
	case $1 in gcp | ahv | kvm) echo virtio ;; *) echo "$1" ;; esac
}

# exported VOLUME PREFIX: PREFIX.SYSTEM and so on, PREFIX.files
exported() {
	local h
	for h in SYSTEM SOFTWARE DRIVERS DEFAULT; do
		hive_file "$1" $h "$2.hive" && hive_text "$2.hive" >"$2.$h" && [ -s "$2.$h" ] || return 1
	done
	MNT=$2.mnt file_list "$1" >"$2.files"
}

# value FILE KEY NAME: what the export says
value() {
	KEY=$2 NAME=$3 awk -F "\t" 'BEGIN { k = tolower(ENVIRON["KEY"]); n = tolower("\"" ENVIRON["NAME"] "\"=") }
		tolower($1) == k && index(tolower($2), n) == 1 { print substr($2, length(n) + 1); exit }' "$1"
}
has_key() { grep -qixF -e "$2" <(cut -f 1 "$1"); }
# kept_lines PREFIX TARGET: what of the exports must be the same before and after
kept_lines() {
	cat "$1.SYSTEM" "$1.SOFTWARE" | SERVICES=$(tr -s '\n\t' '  ' <<<"$keep_services") KEYS=$keep_software BOOT=${boot[$2]} awk -F '\t' '
		BEGIN {
			n = split(tolower(ENVIRON["SERVICES"]), name, / +/)
			for (i = 1; i <= n; i++)
				service[name[i]] = 1
			n = split(tolower(ENVIRON["BOOT"] " pci atapi intelide pciide storahci stornvme lsi_sas vmbus storvsc storflt vpci"), name, / +/)
			for (i = 1; i <= n; i++)
				loads[name[i]] = 1
			keys = split(tolower(ENVIRON["KEYS"]), key, /\n/)
		}
		{
			n = split(tolower($1), part, /\\/)
			if (part[3] == "services" && part[4] in service)
				print
			# in-box boot drivers may be told to load, and nothing else
			else if (part[3] == "services" && part[4] in loads && !/StartOverride|"Start"=/)
				print
			for (i = 1; i <= keys; i++)
				if (index(tolower($1) "\\", key[i] "\\") == 1)
					print
		}'
}

# ---- one cell; each check prints what is wrong, nothing where all is well ----

# Services of the description: gone, or disabled. Those of a family stay for a target of the family.
check_services() {
	local from=$1 to=$2 after=$3 set name start
	local -A starts
	while IFS='|' read -r name start; do
		starts[${name,,}]=$start
	done < <(sed -n 's/^\\ControlSet00\([12]\)\\Services\\\([^\\]*\)\t"Start"=/\1 \2|/p' "$after.SYSTEM")
	[ ${#starts[@]} -gt 100 ] || echo "only ${#starts[@]} services are left"
	while read -r name; do
		case "$(family "$from")/$(family "$to")/$name" in
		virtio/virtio/vio* | virtio/virtio/netkvm | virtio/virtio/BALLOON | virtio/virtio/Virtio* | virtio/virtio/pvpanic) continue ;;
		virtio/virtio/QEMU* | virtio/virtio/vdservice | virtio/virtio/Balloon* | virtio/virtio/qxl* | virtio/virtio/firstboot) continue ;;
		esac
		for set in 1 2; do
			start=${starts[$set ${name,,}]-}
			[ -z "$start" ] || [ "$start" = dword:00000004 ] || echo "service $name of ControlSet00$set has Start $start"
		done
	done < <(sed -n 's/^service \([^;]*\);.*/\1/p' "$texts/$from.txt" | grep -vxE 'stornvme')
}

# No package of the source's vendors in either hive, no INF of theirs named anywhere.
check_packages() {
	local from=$1 to=$2 after=$3 inf provider
	while IFS='|' read -r inf provider; do
		[ "$(family "$from")/$(family "$to")/$provider" != "virtio/virtio/Red Hat, Inc." ] &&
			[[ "$(family "$from")/$(family "$to")/$inf" != virtio/virtio/@(vioscsi|netkvm|balloon|pvpanic).inf ]] || continue
		grep -qiE "DriverPackages.${inf//./[.]}_amd64_[0-9a-f]*	\"Provider\"=str\(1\):\"${provider//./[.]}\"" "$after.SYSTEM" "$after.DRIVERS" &&
			echo "package $inf of $provider is still there"
	done < <(sed -n 's/^package [^;]*; inf \([^;]*\);.* provider \([^;]*\);.*/\1|\2/p' "$texts/$from.txt")
	[ "$from" != vsphere ] || ! grep -q '\\Services\\mou.*"Owners".*oem[34][.]inf' "$after.SYSTEM" || echo "mouse drivers still name removed packages"
}

# What programs registered and where their files lie.
check_registrations() {
	local from=$1 to=$2 after=$3 name path
	while read -r name; do
		case $name in *Spice* | *QEMU* | Virtio* | Nutanix\ VirtIO) [ "$(family "$to")" != virtio ] || continue ;; esac
		! grep -qiF "\"DisplayName\"=str(1):\"$name\"" "$after.SOFTWARE" || echo "\"$name\" is still registered"
	done < <(sed -n 's/^\(msi\|uninstall\) .*; name \([^;]*\);.*/\2/p' "$texts/$from.txt")
	while read -r name; do
		! grep -qF "CurrentVersion\\Run	\"$name\"=" "$after.SOFTWARE" || echo "Run value \"$name\" is still there"
	done < <(sed -n 's/^run \([^;]*\);.*/\1/p' "$texts/$from.txt")
	while read -r name; do
		! grep -qF "TaskCache\\Tree\\$name" "$after.SOFTWARE" || echo "task \"$name\" is still in the cache"
		! grep -qF "Windows/System32/Tasks/$name" "$after.files" || echo "task \"$name\" is still there"
	done < <(sed -n 's/^task \([^;]*\);.*/\1/p' "$texts/$from.txt")
}

# Traces that are no service or package, by source.
check_traces() {
	local from=$1 to=$2 after=$3 pattern
	case $from in
	vsphere) pattern='ProviderOrder"=.*vmhgfs|UpperFilters"=.*VM(Usb)?Mouse|\\VMware, Inc[.]\\VMware Tools|^.(SYSTEM)?.*vmwTimeProvider|VMwareHostOpen.AssocFile' ;;
	virtualbox) pattern='ProviderOrder"=.*VBoxSF|UpperFilters"=.*VBoxMouse|VirtualBox Guest Additions' ;;
	xen) pattern='(Upper|Lower)Filters"=.*(xenfilt|scsifilt)|\\Citrix\\XenTools' ;;
	aws) pattern='UpperFilters"=.*xenfilt|KeyManagementServiceName"=.*169[.]254|PersistentRoutes	"169[.]254[.]169|NtpServer"=.*169[.]254' ;;
	gcp) pattern='KeyManagementServiceName"=.*googlecloud|NtpServer"=.*metadata' ;;
	azure) pattern='KeyManagementServiceName"=.*core[.]windows[.]net|\\Microsoft\\GuestAgent|PagingFiles"=.*D:' ;;
	*) return 0 ;;
	esac
	cat "$after.SYSTEM" "$after.SOFTWARE" | grep -aE "$pattern" | sed 's/^/trace: /' | head -5
}

# Files of the tools, of their packages, and lines in others' files. The names: facts windows-and-peers 1.3.
check_files() {
	local from=$1 to=$2 after=$3 volume=$4 pattern
	case $from in
	vsphere) pattern='Program Files/VMware/VMware Tools/.|ProgramData/VMware/VMware (Tools|VGAuth)/.|drivers/(vmci|vmmouse|vmusbmouse|vmrawdsk|vmhgfs|vmmemctl|vm3dmp|vm3dmp_loader|vsock)[.]sys|(System32|SysWOW64)/(vmGuestLib|vmhgfs)[.]dll|FileRepository/(vmci|vmmouse|pvscsi|vmxnet3|vm3d)[.]inf_|INF/oem[2-7][.](inf|PNF)' ;;
	azure) pattern='^WindowsAzure/.|^Packages/Plugins/.' ;;
	aws) pattern='Program Files/Amazon/(SSM|EC2Launch|Ec2ConfigService|XenTools)/.|ProgramData/Amazon/SSM/.|FileRepository/(ena|awsnvme|xenbus|xenvbd)[.]inf_' ;;
	gcp) pattern='Google/Compute Engine/.|^ProgramData/GooGet/.' ;;
	xen) pattern='(XenServer|Citrix)/XenTools/.|drivers/xen[a-z]*[.]sys|System32/(xenbus_coinst[.]dll|liteagent[.]exe)|FileRepository/xen[a-z]*[.]inf_' ;;
	kvm) [ "$(family "$to")" = virtio ] || pattern='Program Files/(Virtio-Win|Qemu-ga|SPICE agent|Guestfs)/.|Windows/Drivers/VirtIO/.|FileRepository/(viostor|netkvm|vioser|qxldod)[.]inf_' ;;
	virtualbox) pattern='(System32|drivers)/VBox[A-Za-z]*[.](exe|dll|sys)|VirtualBox Guest Additions/.|FileRepository/VBox[A-Za-z]*[.]inf_' ;;
	esac
	[ -z "${pattern-}" ] || grep -E "$pattern" "$after.files" | sed 's/^/file: /' | head -5
	[ "$from" = gcp ] || return 0
	ntfscat "$volume" /Windows/System32/drivers/etc/hosts >"$after.hosts"
	! grep -q metadata "$after.hosts" || echo "hosts still names the metadata server"
	grep -q files.example.org "$after.hosts" || echo "another's line of hosts is gone"
	grep -qF 'Program Files/Google/Chrome/Application/chrome.exe ' "$after.files" || echo "Chrome is gone"
}

check_kept() {
	local to=$1 before=$2 after=$3 path
	diff <(kept_lines "$before" "$to") <(kept_lines "$after" "$to") | grep '^[<>]' | sed 's/^/in-box or another vendor: /' | head -5
	while read -r path; do
		grep -qF "$path " "$after.files" || echo "file $path is gone"
	done <<<"$keep_files"
	grep -q 'DriverPackages.acmefilt.inf_amd64_.*"Provider"=str(1):"Acme' "$after.SYSTEM" || echo "Acme's package is gone"
	grep -q '4d36e967.*"UpperFilters"=\["partmgr", "acmefilt"\]' "$after.SYSTEM" || echo "Acme's filter is gone"
}

check_boot() {
	local to=$1 after=$2 volume=$3 set name
	for set in 1 2; do
		for name in ${boot[$to]}; do
			[ "$(value "$after.SYSTEM" "\\ControlSet00$set\\Services\\$name" Start)" = dword:00000000 ] &&
				! has_key "$after.SYSTEM" "\\ControlSet00$set\\Services\\$name\\StartOverride" ||
				echo "boot driver $name of ControlSet00$set would not load"
		done
		for name in ${from_pack[$to]-}; do
			[ "$(value "$after.SYSTEM" "\\ControlSet00$set\\Services\\$name" Start)" = dword:00000000 ] || echo "$name would not load"
			value "$after.SYSTEM" "\\ControlSet00$set\\Services\\$name" ImagePath | grep -qi "drivers.$name.sys" || echo "$name has no image"
		done
	done
	for name in ${from_pack[$to]-}; do
		grep -qiF "DeviceIds\\${device[$name]}	\"oem" "$after.SYSTEM" || echo "nothing binds ${device[$name]}"
		ntfscat "$volume" "/Windows/System32/drivers/$name.sys" 2>/dev/null | grep -q . || echo "$name.sys is missing"
	done
}

# cell SOURCE TARGET: prepares a copy, prints what is wrong with it
cell() {
	local from=$1 to=$2 disk=$TMP/$1-$2.img after=$TMP/$1-$2 extra=() time status=0
	windows_copy "$disk" platform="$from" size=400 extra="$texts/vda.txt" || { echo "no disk" && return; }
	[ -z "${from_pack[$to]-}" ] || extra=(--packs "$TMP/pack")
	"$cectl" local prepare --disk "$disk" --target "$to" "${extra[@]}" --json >"$after.json" 2>"$after.log" || status=$?
	[ $status = 0 ] || { echo "status $status: $(tail -3 "$after.log")" && return; }
	[ "$(jq -r .additionalInfo.artifacts.source "$after.json")" = "$from" ] || echo "it was taken for $(jq -r .additionalInfo.artifacts.source "$after.json")"
	windows_volume "$disk" "$after.c"
	ntfsfix --no-action "$after.c" >"$after.log" 2>&1 || echo "ntfsfix: $(tail -2 "$after.log")"
	exported "$after.c" "$after" || { echo "a hive or the volume cannot be read" && return; }
	if [ "$from" != "$to" ]; then
		check_services "$from" "$to" "$after"
		check_packages "$from" "$to" "$after"
		check_registrations "$from" "$to" "$after"
		check_traces "$from" "$to" "$after"
		check_files "$from" "$to" "$after" "$after.c"
	fi
	check_kept "$to" "$TMP/$from.before" "$after"
	check_boot "$to" "$after" "$after.c"
	time=$(stat -c %y "$disk")
	"$cectl" local prepare --disk "$disk" --target "$to" "${extra[@]}" --json >"$after.json" 2>"$after.log" || echo "the second run fails: $(tail -3 "$after.log")"
	[ "$(jq '.plan.actions | length' "$after.json")" = 0 ] || echo "the second run plans $(jq -c '.plan.actions[0]' "$after.json")"
	[ "$(stat -c %y "$disk")" = "$time" ] || echo "the second run wrote to the disk"
}

# ---- all cells, two at a time ----

wanted() { [ -z "${CE_MATRIX-}" ] || [[ " $CE_MATRIX " == *" $1 "* ]]; }
row() {
	local from=$1 to disk
	disk=$(windows_fixture platform="$from" size=400 extra="$texts/vda.txt") || return
	windows_volume "$disk" "$TMP/$from.c" && (exported "$TMP/$from.c" "$TMP/$from.before") || return
	for to in "${TARGETS[@]}"; do
		wanted "$from/$to" || continue
		(cell "$from" "$to") >"$TMP/$from-$to.said" 2>&1
		# one of each source goes on to libguestfs
		[ "$(kept_target "$from")" = "$to" ] || rm -f "$TMP/$from-$to.img"
		rm -rf "$TMP/$from-$to".{c,hive,mnt,SYSTEM,SOFTWARE,DRIVERS,DEFAULT,files,hosts}
	done
}
kept_target() { # every target is one source's
	case $1 in vsphere) echo gcp ;; hyperv) echo vsphere ;; azure) echo aws ;; aws) echo azure ;; gcp) echo hyperv ;;
	ahv) echo xen ;; xen) echo ahv ;; kvm) echo vsphere ;; virtualbox) echo kvm ;; esac
}
(for i in 0 2 4 6 8; do row "${SOURCES[i]}"; done) &
(for i in 1 3 5 7; do row "${SOURCES[i]}"; done)
wait
for from in "${SOURCES[@]}"; do
	for to in "${TARGETS[@]}"; do
		wanted "$from/$to" || continue
		ok "$from to $to" [ -e "$TMP/$from-$to.said" -a ! -s "$TMP/$from-$to.said" ] || diag "$(head -20 "$TMP/$from-$to.said" 2>&1)"
	done
done

# ---- libguestfs: one appliance looks at one prepared disk of each source ----

[ -z "${CE_MATRIX-}" ] || done_testing
export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg LIBGUESTFS_CACHEDIR=$CE_CACHE
prepared=()
for from in "${SOURCES[@]}"; do prepared+=("$TMP/$from-$(kept_target "$from").img"); done
run_ok "libguestfs inspects the prepared disks" timeout 900 "$BUILD/tests/integration/guestfs-windows" "${prepared[@]}"
run_out >"$TMP/inspected"
for i in "${!SOURCES[@]}"; do
	letter=$(cut -c $((i + 1)) <<<abcdefghi)
	is "libguestfs: ${SOURCES[i]} to $(kept_target "${SOURCES[i]}")" "$(grep "^$letter|" "$TMP/inspected")" \
		"$letter|windows|windows|Windows 10 Pro|10.0|x86_64|/Windows|ControlSet001"
done

# virt-v2v takes what was prepared for what it converts: it copies a stand-in of its service and does not run it.
mkdir "$TMP/tools" && "$TOP/tests/fixtures/make-pe.sh" "$TMP/tools/rhsrvany.exe" && cp "$TMP/tools/rhsrvany.exe" "$TMP/tools/pnp_wait.exe"
run_ok "virt-v2v-in-place accepts a prepared disk" env VIRT_TOOLS_DATA_DIR="$TMP/tools" timeout 900 virt-v2v-in-place \
	-i disk "$TMP/virtualbox-kvm.img"
done_testing
