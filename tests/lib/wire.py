#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other end of a virtual machine's network cable: a DHCP server, a port scanner, and a record of all
that the machine sends by itself. Frames come and go as datagrams (QEMU's -netdev dgram), so that no
rights, no bridge and no other program's idea of a closed port are needed.

  wire.py LOCAL-PORT QEMU-PORT      commands on standard input, an answer of one JSON line each:
    lease            {"mac", "address"}   waits until the machine has an address
    scan4, scan6     {"open": [...], "closed": [...]}   every TCP port: what answers SYN, what answers RST
    udp4             {"answers": [...]}   common UDP ports: those that anything comes back from
    ping4            {"answers": n}
    sent             {"kinds": [...]}     what the machine has sent that answered nothing here
Silence is told from a lost frame by asking port 443, in order, after each handful of others.
"""
import ipaddress
import json
import select
import socket
import struct
import sys
import time

OUR_MAC = bytes.fromhex("525400ce00fe")
OUR4 = ipaddress.ip_address("192.0.2.1").packed
ITS4 = ipaddress.ip_address("192.0.2.15").packed
OUR6 = ipaddress.ip_address("fe80::5054:ff:fece:fe").packed
ALIVE_PORT = 443
BATCH = 96
UDP_PORTS = [1, 7, 53, 67, 68, 69, 111, 123, 137, 138, 161, 389, 443, 445, 500, 514, 546, 547, 623, 1434, 1900,
             3478, 4500, 5353, 5355, 19531]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    def __init__(self, local, peer):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind(("127.0.0.1", local))
        self.peer = ("127.0.0.1", peer)
        self.mac = self.its6 = self.leased = None
        self.kinds = set()
        self.replies = []  # ("tcp", version, source port, our port, flags) and ("udp", port), ("icmp", type)
        self.our_port = 20000

    # ---- sending ----
    def frame(self, kind, payload, to=None):
        try:
            self.sock.sendto((to or self.mac) + OUR_MAC + struct.pack(">H", kind) + payload, self.peer)
        except ConnectionRefusedError:
            pass  # QEMU is not there yet, or no more

    def ip4(self, proto, payload, to=ITS4, mac=None):
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0, OUR4, to)
        self.frame(0x0800, head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload, mac)

    def ip6(self, proto, payload, hops=255):
        self.frame(0x86DD, struct.pack(">IHBB", 6 << 28, len(payload), proto, hops) + OUR6 + self.its6 + payload)

    def transport(self, version, proto, segment, at):
        """The segment with its checksum, which stands at that offset."""
        if version == 4:
            pseudo = OUR4 + ITS4 + struct.pack(">BBH", 0, proto, len(segment))
        else:
            pseudo = OUR6 + self.its6 + struct.pack(">IHBB", len(segment), 0, 0, proto)
        segment = segment[:at] + struct.pack(">H", checksum(pseudo + segment)) + segment[at + 2:]
        (self.ip4 if version == 4 else self.ip6)(proto, segment)

    def tcp(self, version, port, our_port, flags, seq=1):
        self.transport(version, 6, struct.pack(">HHIIBBHHH", our_port, port, seq, 0, 0x50, flags, 1024, 0, 0), 16)

    # ---- receiving ----
    def step(self, seconds):
        """Takes what comes within that time, at once when something is there."""
        if not select.select([self.sock], [], [], seconds)[0]:
            return False
        self.take(self.sock.recv(65536))
        return True

    def take(self, f):
        if len(f) < 14:
            return
        self.mac = f[6:12]
        kind, body = struct.unpack(">H", f[12:14])[0], f[14:]
        if kind == 0x0806 and len(body) >= 28:
            self.take_arp(body)
        elif kind == 0x0800 and len(body) >= 20:
            self.take_ip(4, body[9], body[12:16], body[16:20], body[(body[0] & 15) * 4:struct.unpack(">H", body[2:4])[0]])
        elif kind == 0x86DD and len(body) >= 40:
            proto, rest = body[6], body[40:40 + struct.unpack(">H", body[4:6])[0]]
            if proto == 0 and len(rest) >= 8:  # hop-by-hop options, of multicast listener reports
                proto, rest = rest[0], rest[(rest[1] + 1) * 8:]
            self.take_ip(6, proto, body[8:24], body[24:40], rest)
        else:
            self.kinds.add(f"ethernet {kind:#06x}")

    def take_arp(self, body):
        op, target = struct.unpack(">H", body[6:8])[0], body[24:28]
        if op == 1 and target == OUR4:
            self.frame(0x0806, struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + OUR_MAC + OUR4 + body[8:18])
        self.kinds.add("arp")

    def take_ip(self, version, proto, source, target, body):
        if version == 6 and source[:2] == b"\xfe\x80":
            self.its6 = source
        if proto == 6 and len(body) >= 20:
            port, ours, seq, _, _, flags = struct.unpack(">HHIIBB", body[:14])
            if flags & 0x12 == 0x02:
                self.kinds.add(f"tcp to {port_of(body)}")
            else:
                self.replies.append(("tcp", version, port, ours, flags))
        elif proto == 17 and len(body) >= 8:
            self.take_udp(version, target, body)
        elif proto == 58 and version == 6 and body:
            self.take_icmp6(body, source)
        elif proto == 1 and body and body[0] == 0:
            self.replies.append(("icmp", version))
        else:
            self.kinds.add(f"ipv{version} protocol {proto} {body[:1].hex()}")

    def take_udp(self, version, target, body):
        source, port = struct.unpack(">HH", body[:4])
        if version == 4 and port == 67 and len(body) >= 8 + 240:
            self.kinds.add("dhcp")
            self.take_dhcp(body[8:])
        elif 20000 <= port < 65000 and target in (OUR4, OUR6):
            self.replies.append(("udp", source))
        else:
            self.kinds.add(f"udp to {port}")

    def take_icmp6(self, body, source):
        names = {133: "router solicitation", 135: "neighbour solicitation", 136: "neighbour advertisement",
                 143: "multicast listener report"}
        if body[0] == 135 and body[8:24] == OUR6 and source != bytes(16):
            self.its6 = source
            reply = struct.pack(">BBHI", 136, 0, 0, 0x60000000) + OUR6 + b"\2\1" + OUR_MAC
            self.transport(6, 58, reply, 2)
        self.kinds.add("icmpv6 " + names.get(body[0], str(body[0])))

    def take_dhcp(self, b):
        options, i = {}, 240
        while i + 1 < len(b) and b[i] != 255:
            options[b[i]] = b[i + 2:i + 2 + b[i + 1]] if b[i] else b""
            i += 1 if b[i] == 0 else 2 + b[i + 1]
        asked = options.get(53, b"\0")[0]
        if asked not in (1, 3):
            return
        reply = b"\2\1\6\0" + b[4:8] + bytes(8) + ITS4 + OUR4 + bytes(4) + b[28:44] + bytes(192) + b"\x63\x82\x53\x63"
        reply += b"\x35\1" + (b"\2" if asked == 1 else b"\5") + b"\x36\4" + OUR4 + b"\1\4\xff\xff\xff\0"
        reply += b"\x33\4" + struct.pack(">I", 86400) + b"\xff"
        self.ip4(17, struct.pack(">HHHH", 67, 68, 8 + len(reply), 0) + reply, b"\xff" * 4, b"\xff" * 6)
        if asked == 3:
            self.leased = True

    # ---- commands ----
    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.step(0.1)
        return condition()

    def lease(self):
        if not self.until(lambda: self.leased and self.its6, 900):
            raise SystemExit("wire: the machine has not asked for an address")
        return {"mac": self.mac.hex(":"), "address": str(ipaddress.ip_address(ITS4)),
                "address6": str(ipaddress.ip_address(self.its6))}

    def next_port(self):
        self.our_port = 20000 + (self.our_port - 19999) % 40000
        return self.our_port

    def is_alive(self, version):
        """443 has answered: whatever was sent before has arrived."""
        for _ in range(20):
            ours = self.next_port()
            self.tcp(version, ALIVE_PORT, ours, 0x02)
            if self.until(lambda: any(r[:4] == ("tcp", version, ALIVE_PORT, ours) for r in self.replies), 3):
                self.tcp(version, ALIVE_PORT, ours, 0x04, 2)  # RST: nothing stays half open
                return
        raise SystemExit(f"wire: port {ALIVE_PORT} does not answer (IPv{version})")

    def scan(self, version):
        found = {"open": set(), "closed": set()}
        self.replies.clear()
        self.is_alive(version)
        for first in range(1, 65536, BATCH):
            for port in range(first, min(first + BATCH, 65536)):
                self.tcp(version, port, self.next_port(), 0x02)
            self.is_alive(version)
            for r in self.replies:
                if r[0] == "tcp":
                    found["closed" if r[4] & 0x04 else "open"].add(r[2])
            self.replies.clear()
        return {k: sorted(v) for k, v in found.items()}

    def udp4(self):
        self.replies.clear()
        for port in UDP_PORTS:
            for payload in (b"", b"\0" * 16, dns_query()):
                ours = self.next_port()
                self.transport(4, 17, struct.pack(">HHHH", ours, port, 8 + len(payload), 0) + payload, 6)
        self.is_alive(4)
        self.until(lambda: False, 1)
        return {"answers": sorted({r[1] for r in self.replies if r[0] == "udp"})}

    def ping4(self):
        self.replies.clear()
        echo = struct.pack(">BBHHH", 8, 0, 0, 1, 1)
        self.ip4(1, echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:])
        self.until(lambda: ("icmp", 4) in self.replies, 5)
        return {"answers": self.replies.count(("icmp", 4))}

    def sent(self):
        return {"kinds": sorted(self.kinds)}


def port_of(body):
    return struct.unpack(">H", body[2:4])[0]


def dns_query():
    return struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\2ce\0" + struct.pack(">HH", 1, 1)


def main():
    wire = Wire(int(sys.argv[1]), int(sys.argv[2]))
    commands = {"lease": wire.lease, "scan4": lambda: wire.scan(4), "scan6": lambda: wire.scan(6), "udp4": wire.udp4,
                "ping4": wire.ping4, "sent": wire.sent}
    while True:
        ready = select.select([sys.stdin, wire.sock], [], [])[0]
        if wire.sock in ready:
            wire.step(0)
        if sys.stdin in ready:
            line = sys.stdin.buffer.raw.read(256)
            if not line:
                return
            for word in line.decode().split():
                print(json.dumps(commands[word]()), flush=True)


main()
