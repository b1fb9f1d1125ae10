#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of the image, loaded into a network namespace, and real sockets: what gets through, and that without
# the rules all of it does. Three namespaces: the world - the worker - what is behind it.
. "$(dirname "$0")/../lib/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
ip netns add "ce-test-$$" 2>/dev/null || skip_all "needs network namespaces"
ip netns del "ce-test-$$"
world=ce-world-$$ worker=ce-worker-$$ behind=ce-behind-$$
# stand in for those of ce-callback, ce-identity and systemd-resolved, which the image has
group=4242 identity_group=4243 resolve_group=4244
ports=(22 53 67 80 88 111 123 135 139 389 443 445 464 547 636 2049 3268 3389 5355 5985 8443 9443)
pids=()

clean_up() {
	local name
	for name in "${pids[@]}"; do end_process "$name"; done
	for name in $world $worker $behind; do ip netns del "$name" 2>/dev/null; done
}
at_exit clean_up
in_ns() { ip netns exec "$@"; }

# link A B NET: A has the address 1, B 2
link() {
	must ip link add "v$3" netns "$1" type veth peer name "v$3" netns "$2"
	must ip -n "$1" address add "192.0.$3.1/24" dev "v$3"
	must ip -n "$2" address add "192.0.$3.2/24" dev "v$3"
	must ip -n "$1" address add "2001:db8:$3::1/64" dev "v$3" nodad
	must ip -n "$2" address add "2001:db8:$3::2/64" dev "v$3" nodad
	must ip -n "$1" link set "v$3" up
	must ip -n "$2" link set "v$3" up
}
for ns in $world $worker $behind; do
	must ip netns add "$ns"
	must ip -n "$ns" link set lo up
done
link "$world" "$worker" 2
link "$worker" "$behind" 3
must ip -n "$world" route add default via 192.0.2.2
must ip -n "$behind" route add default via 192.0.3.1
must ip -n "$worker" route add default via 192.0.2.1
must ip -n "$world" address add 169.254.169.254/32 dev lo # the metadata service of clouds
# even where somebody had made a router of it
must in_ns "$worker" sysctl -q -w net.ipv4.ip_forward=1
for ns in $world $worker $behind; do
	ip netns exec "$ns" "$TOP/tests/lib/net-probe.py" listen "${ports[@]}" >"$TMP/$ns" &
	pids+=($!)
	wait_for 20 [ -s "$TMP/$ns" ]
done

# probe NS tcp|udp HOST: the ports that are reached
probe() { in_ns "$1" "$TOP/tests/lib/net-probe.py" "$2" "$3" "${ports[@]}"; }
# the same as the callback's process
probe_as() { in_ns "$worker" setpriv --regid "$1" --clear-groups "$TOP/tests/lib/net-probe.py" "$2" "$3" "${ports[@]}"; }
probe_callback() { probe_as $group "$@"; }
ping_from() { in_ns "$1" "$TOP/tests/lib/net-probe.py" ping "$2"; }

# ---- without the rules everything is reached: what is not, later, is their doing ----
all=${ports[*]}
is "without rules: in" "$(probe "$world" tcp 192.0.2.2)" "$all"
is "without rules: in, IPv6, UDP" "$(probe "$world" udp 2001:db8:2::2)" "$all"
is "without rules: out" "$(probe "$worker" tcp 192.0.2.1)" "$all"
is "without rules: out, IPv6, UDP" "$(probe "$worker" udp 2001:db8:2::1)" "$all"
is "without rules: through" "$(probe "$world" tcp 192.0.3.2)" "$all"

# ---- the rules ----
sed "s/\"ce-callback\"/$group/; s/\"ce-identity\"/$identity_group/; s/\"systemd-resolve\"/$resolve_group/" "$TOP/image/root/etc/nftables.conf" >"$TMP/nftables.conf"
for name in callback identity; do
	like "the image has the group ce-$name" "$(cat "$TOP/image/root/usr/lib/sysusers.d/ce-agent.conf")" "^g ce-$name "
	like "which is the unit's" "$(cat "$TOP/systemd/"ce-{callback,identity-network}.service)" "^Group=ce-$name\$"
done
run_ok "nft understands the rules" in_ns "$worker" nft -c -f "$TMP/nftables.conf"
run_ok "and loads them" in_ns "$worker" nft -f "$TMP/nftables.conf"
for chain in input forward output; do
	is "what no rule names is dropped: $chain" \
		"$(in_ns "$worker" nft -j list chain inet ce $chain | jq -r '.nftables[].chain? // empty | .policy')" drop
done

is "in: 443" "$(probe "$world" tcp 192.0.2.2)" 443
is "in, IPv6: 443" "$(probe "$world" tcp 2001:db8:2::2)" 443
is "in: no UDP" "$(probe "$world" udp 192.0.2.2)$(probe "$world" udp 2001:db8:2::2)" ""
is "in: ping" "$(ping_from "$world" 192.0.2.2) $(ping_from "$world" 2001:db8:2::2)" "answered answered"
is "out: SMB" "$(probe "$worker" tcp 192.0.2.1)" "445"
is "out, IPv6: the same, and so neighbours are found" "$(probe "$worker" tcp 2001:db8:2::1)" "445"
is "out, UDP: DHCP" "$(probe "$worker" udp 192.0.2.1)" "67 547"
is "out, UDP, IPv6: the same" "$(probe "$worker" udp 2001:db8:2::1)" "67 547"
is "out: name service, for systemd-resolved alone" "$(probe_as $resolve_group tcp 192.0.2.1)" "53 445"
is "out: the same, UDP" "$(probe_as $resolve_group udp 2001:db8:2::1)" "53 67 547"
is "out: no ping" "$(ping_from "$worker" 192.0.2.1) $(ping_from "$worker" 2001:db8:2::1)" "silent silent"
is "out: the metadata service, for the identity" "$(probe_as $identity_group tcp 169.254.169.254)" "80 445"
is "out: for nobody else" "$(probe "$worker" tcp 169.254.169.254)" "445"
is "out: nowhere else for the identity" "$(probe_as $identity_group tcp 192.0.2.1)" "445"
is "within the machine: all" "$(probe "$worker" tcp 127.0.0.1)" "$all"
is "through: nothing" "$(probe "$world" tcp 192.0.3.2)$(probe "$world" udp 192.0.3.2)" ""
is "through, the other way: nothing" "$(probe "$behind" tcp 192.0.2.1)$(probe "$behind" udp 192.0.2.1)" ""

# ---- the callback ----
is "without a callback its process gets no further than others" "$(probe_callback tcp 192.0.2.1)" "445"
# callback URL: as ce-callback.service does before it starts
callback() {
	jq -n --arg url "$1" '{url: $url, sha1Fingerprint: "x"}' >"$TMP/callback.json"
	run in_ns "$worker" "$BUILD/agent/ce-callback" --config "$TMP/callback.json" --firewall "$(command -v nft)"
}
callback https://appliance.example:8443/ready
is "the document's port is let out: status" "$run_status" 0
is "the document's port is let out" "$(probe_callback tcp 192.0.2.1)" "445 8443"
is "IPv6 too" "$(probe_callback tcp 2001:db8:2::1)" "445 8443"
is "for TCP only" "$(probe_callback udp 192.0.2.1)" "67 547"
is "and for nobody else" "$(probe "$worker" tcp 192.0.2.1)" "445"
is "nothing comes in for it" "$(probe "$world" tcp 192.0.2.2)" 443
callback https://appliance.example/
is "another callback, another port: the former is closed" "$(probe_callback tcp 192.0.2.1)" "443 445"
callback "https://appliance.example:443 }; flush ruleset; add element inet ce callback { 22/"
ok "what is no address changes nothing: status" [ "$run_status" != 0 ]
is "what is no address changes nothing" "$(probe_callback tcp 192.0.2.1)" "443 445"
# as ce-callback.service does when it ends
must in_ns "$worker" nft flush set inet ce callback
is "closed again when it ends" "$(probe_callback tcp 192.0.2.1)" "445"
done_testing
