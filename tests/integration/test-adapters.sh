#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The network settings of an enrolment document: ce-identity writes them, a real systemd-networkd acts on them, in a
# network namespace with two adapters, before a network that has DHCP and IPv6 router advertisements.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/pki.sh"
networkd=/usr/lib/systemd/systemd-networkd
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -x $networkd ] || skip_all "needs systemd-networkd"
getent passwd systemd-network >/dev/null || skip_all "needs systemd-networkd's account"
ip netns add "ce-test-$$" 2>/dev/null || skip_all "needs network namespaces"
ip netns del "ce-test-$$"
must pki_make "$TMP/pki"
world=ce-world-$$ worker=ce-worker-$$
declare -A running=()

# start NS: its networkd, with the files in $TMP/NS/etc and $TMP/NS/run. Without udev: /sys is read-only for it.
start() {
	mkdir -p "$TMP/$1"/{etc,run,netif/links,netif/leases,netif/lldp}
	chown -R systemd-network: "$TMP/$1/netif"
	# shellcheck disable=SC2016  # of the inner shell
	ip netns exec "$1" unshare -m sh -c 'mount --make-rprivate / && mount -o remount,ro /sys && mount -t tmpfs -o mode=755 tmpfs /run &&
		mkdir -p /run/systemd/network /run/systemd/netif && mount --bind "$1/etc" /etc/systemd/network &&
		mount --bind "$1/run" /run/systemd/network && mount --bind "$1/netif" /run/systemd/netif && exec "$2"' - \
		"$TMP/$1" $networkd >>"$TMP/$1/log" 2>&1 &
	running[$1]=$!
}
stop() {
	[ -z "${running[$1]-}" ] || end_process "${running[$1]}"
	unset "running[$1]"
}
clean_up() {
	stop "$world"
	stop "$worker"
	ip netns del "$world" 2>/dev/null
	ip netns del "$worker" 2>/dev/null
}
at_exit clean_up

# one N: adapter ceN of the worker, and the network N that it is in
one() {
	must ip link add "net$1" netns "$world" type veth peer name "ce$1" netns "$worker" address "52:54:00:ab:00:0$1"
	cat >"$TMP/$world/etc/net$1.network" <<-END
		[Match]
		Name=net$1
		[Network]
		Address=192.0.$1.1/24
		Address=2001:db8:$1::1/64
		DHCPServer=yes
		IPv6SendRA=yes
		[DHCPServer]
		PoolOffset=100
		PoolSize=50
		DNS=192.0.$1.53
		[IPv6Prefix]
		Prefix=2001:db8:$1::/64
	END
}
must ip netns add "$world"
must ip netns add "$worker"
mkdir -p "$TMP/$world/etc"
one 1
one 2
start "$world"

addresses() { # ADAPTER: global ones, sorted; those of DHCP and of routers without their changing part
	ip -n "$worker" -j address show "$1" | jq -r '.[].addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"' |
		sed -E 's/^(192\.0\.[12])\.1[0-4][0-9]\/24$/\1.DHCP/; s/^(2001:db8:[12]):.*:.*:.*\/64$/\1:ROUTER/' | sort | xargs
}
gateways() { # ADAPTER
	{ ip -n "$worker" -j route show default; ip -n "$worker" -j -6 route show default; } |
		jq -r --arg dev "$1" '.[] | (.nexthops // [.])[] | select(.dev == $dev) | .gateway' | sed 's/^fe80:.*/ROUTER/' | sort | xargs
}
dns() { # ADAPTER
	sed -n 's/^DNS=//p' "$TMP/$worker/netif/links/$(ip -n "$worker" -j link show "$1" | jq '.[].ifindex')" | xargs
}
has() { [ "$(addresses "$1")|$(gateways "$1")|$(dns "$1")" = "$2" ]; }
# adapter NAME ADAPTER ADDRESSES GATEWAYS DNS: after a while, and for a while
adapter() {
	wait_for 60 has "$2" "$3|$4|$5"
	[ -n "${settled-}" ] || sleep 4
	settled=1
	is "$1: addresses of $2" "$(addresses "$2")" "$3"
	is "$1: gateways of $2" "$(gateways "$2")" "$4"
	is "$1: name servers of $2" "$(dns "$2")" "$5"
}
# boot INTERFACES: the worker starts with that document, {} for none
boot() {
	stop "$worker"
	settled=
	rm -rf "${TMP:?}/$worker"
	mkdir -p "$TMP/$worker"/{etc,run} "$TMP/credentials" "$TMP/none"
	cp "$TOP/image/root/etc/systemd/network/"* "$TMP/$worker/etc/"
	for i in 1 2; do
		must ip -n "$worker" link set "ce$i" down
		must ip -n "$worker" address flush dev "ce$i"
	done
	identify "$1"
	start "$worker"
}
identify() {
	jq -n --rawfile ca "$TMP/pki/ca.crt" --argjson network "$1" '{version: 1, clientCa: $ca, network: $network}' >"$TMP/credentials/ce.enrolment"
	CREDENTIALS_DIRECTORY=$TMP/credentials must "$BUILD/agent/ce-identity" --sources within --output "$TMP/out" \
		--network-dir "$TMP/$worker/run" --dmi "$TMP/none" --drives "$TMP/none" --hypervisor-type "$TMP/none/type" --xenbus "$TMP/none/xenbus"
}

boot null
adapter "without settings" ce1 "192.0.1.DHCP 2001:db8:1:ROUTER" "192.0.1.1 ROUTER" "192.0.1.53"
adapter "without settings" ce2 "192.0.2.DHCP 2001:db8:2:ROUTER" "192.0.2.1 ROUTER" "192.0.2.53"

boot '{"interfaces": [{"mac": "52:54:00:AB:00:01", "addresses": ["192.0.1.5/24"], "gateways": ["192.0.1.1"], "dns": ["192.0.1.7", "192.0.1.8"]}]}'
adapter "fixed, IPv4" ce1 "192.0.1.5/24" "192.0.1.1" "192.0.1.7 192.0.1.8"
adapter "fixed, IPv4, the other one is not named" ce2 "192.0.2.DHCP 2001:db8:2:ROUTER" "192.0.2.1 ROUTER" "192.0.2.53"

boot '{"interfaces": [{"mac": "52:54:00:ab:00:01", "addresses": ["2001:db8:1::5/64"], "gateways": ["2001:db8:1::1"], "dns": ["2001:db8:1::53"]},
	{"dhcp": true}]}'
adapter "fixed, IPv6" ce1 "2001:db8:1::5/64" "2001:db8:1::1" "2001:db8:1::53"
adapter "fixed, IPv6, the others by DHCP" ce2 "192.0.2.DHCP 2001:db8:2:ROUTER" "192.0.2.1 ROUTER" "192.0.2.53"

boot '{"interfaces": [{"dhcp": true, "addresses": ["198.51.100.5/24"], "dns": ["192.0.2.9"]},
	{"mac": "52:54:00:ab:00:01", "addresses": ["192.0.1.5/24", "2001:db8:1::5/64"], "gateways": ["192.0.1.1", "2001:db8:1::1"]}]}'
adapter "fixed, both" ce1 "192.0.1.5/24 2001:db8:1::5/64" "192.0.1.1 2001:db8:1::1" ""
adapter "DHCP and a fixed one" ce2 "192.0.2.DHCP 198.51.100.5/24 2001:db8:2:ROUTER" "192.0.2.1 ROUTER" "192.0.2.9 192.0.2.53"

boot '{"interfaces": [{"mac": "52:54:00:ab:00:01", "addresses": ["203.0.113.7/32"], "gateways": ["192.0.1.1"]}]}'
adapter "a gateway outside the prefix, as clouds have it" ce1 "203.0.113.7/32" "192.0.1.1" ""

# a document from the network: networkd runs already, and is started again
boot null
must wait_for 60 has ce1 "192.0.1.DHCP 2001:db8:1:ROUTER|192.0.1.1 ROUTER|192.0.1.53"
identify '{"interfaces": [{"mac": "52:54:00:ab:00:01", "addresses": ["192.0.1.6/24"], "gateways": ["192.0.1.1"]}]}'
stop "$worker"
settled=
start "$worker"
# what a router gave until then runs out by itself
adapter "settings that came by the network" ce1 "192.0.1.6/24 2001:db8:1:ROUTER" "192.0.1.1 ROUTER" ""
is "networkd has nothing to say against the files" "$(grep -E '\.network:[0-9]+|gnor' "$TMP/$worker/log")" ""
done_testing
