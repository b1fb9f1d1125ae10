#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An appliance's callback address for tests: HTTPS on a free port of 127.0.0.1, printed on standard output.

    appliance.py --cert PEM --key PEM [--client-ca PEM] --mode FILE --told FILE

FILE of --mode says how to answer, read anew for each request: a status ("200", "503"), "redirect URL", "slow",
"late" (a status line, then nothing), "huge", "headers", "cut" (closed without an answer).
Each request becomes a line of --told: {"path", "client": subject or null, "headers", "body"}.
"""
import argparse
import http.server
import json
import ssl
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cert = self.connection.getpeercert()
        line = {"path": self.path, "headers": dict(self.headers), "body": json.loads(body),
                "client": cert["subject"][0][0][1] if cert else None}
        with open(options.told, "a") as told:
            told.write(json.dumps(line) + "\n")
        with open(options.mode) as f:
            mode = f.read().split()
        getattr(self, "mode_" + mode[0], self.answer)(*mode)

    def answer(self, status, *headers):
        self.send_response(int(status))
        self.send_header("Content-Length", "2")
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(b"{}")

    def mode_redirect(self, _, url):
        self.answer(307, ("Location", url))

    def mode_slow(self, _):
        time.sleep(20)

    def mode_late(self, _):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        time.sleep(20)

    def mode_huge(self, _):
        self.wfile.write(b"HTTP/1.1 500 Huge\r\nContent-Length: 1000000000000\r\n\r\n")
        self.endless(b" " * 65536)

    def mode_headers(self, _):
        self.endless(b"X-Header: " + b"x" * 1000 + b"\r\n", b"HTTP/1.1 500 Headers\r\n")

    def mode_cut(self, _):
        self.close_connection = True

    def endless(self, part, first=b""):
        self.wfile.write(first)
        sent = 0
        self.close_connection = True
        try:
            while True:
                self.wfile.write(part)
                sent += len(part)
        except OSError:
            with open(options.told + ".sent", "w") as f:
                f.write(str(sent))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def finish_request(self, request, client_address):
        # in the connection's own thread: a client that does not greet holds nobody else up
        super().finish_request(context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request, client_address):
        pass


parser = argparse.ArgumentParser()
for name in ("cert", "key", "client-ca", "mode", "told"):
    parser.add_argument("--" + name)
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(options.cert, options.key)
if options.client_ca:
    context.load_verify_locations(options.client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
server = Server(("127.0.0.1", options.port), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
