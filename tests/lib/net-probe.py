#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sockets for tests of the firewall.

    net-probe.py listen PORT...       TCP and UDP, both IP versions, until it is ended; "ready" on standard output
    net-probe.py tcp HOST PORT...     the ports that take a connection and send a greeting
    net-probe.py udp HOST PORT...     the ports that send a datagram back
    net-probe.py ping HOST            "answered" or "silent"
"""
import select
import socket
import struct
import sys
import time

GREETING = b"hello"
SECONDS = 2


def bound(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    return s


def listen(ports):
    tcp = [bound(socket.SOCK_STREAM, p) for p in ports]
    udp = [bound(socket.SOCK_DGRAM, p) for p in ports]
    for s in tcp:
        s.listen(16)
    print("ready", flush=True)
    while True:
        for s in select.select(tcp + udp, [], [])[0]:
            try:
                if s in tcp:
                    connection = s.accept()[0]
                    connection.sendall(GREETING)
                    connection.close()
                else:
                    s.sendto(*s.recvfrom(64))
            except OSError:
                pass  # what is sent may be dropped: an error of sendto()


def probe(kind, host, ports):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    waiting, answered = {}, []
    for port in ports:
        s = socket.socket(family, kind)
        s.setblocking(False)
        try:
            s.connect((host, port))
            if kind == socket.SOCK_DGRAM:
                s.send(GREETING)
        except BlockingIOError:
            pass
        except OSError:
            continue
        waiting[s] = port
    end = time.monotonic() + SECONDS
    while waiting and time.monotonic() < end:
        for s in select.select(list(waiting), [], [], max(0, end - time.monotonic()))[0]:
            port = waiting.pop(s)
            try:
                if s.recv(64) == GREETING:
                    answered.append(port)
            except OSError:
                pass
    print(*sorted(answered))


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ping(host):
    six = ":" in host
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                      socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
    request, reply = (128, 129) if six else (8, 0)
    packet = struct.pack("!BBHHH", request, 0, 0, 77, 1)
    packet = packet if six else struct.pack("!BBHHH", request, 0, checksum(packet), 77, 1)
    end = time.monotonic() + SECONDS
    try:
        s.sendto(packet, (host, 0))
    except OSError:
        end = 0
    while time.monotonic() < end:
        if not select.select([s], [], [], end - time.monotonic())[0]:
            break
        data = s.recv(1500)
        data = data if six else data[20:]
        if data[0] == reply and data[4:6] == b"\0\x4d":
            print("answered")
            return
    print("silent")


if sys.argv[1] == "listen":
    listen([int(p) for p in sys.argv[2:]])
elif sys.argv[1] == "ping":
    ping(sys.argv[2])
else:
    probe(socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM, sys.argv[2], [int(p) for p in sys.argv[3:]])
