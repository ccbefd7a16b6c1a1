# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway alone, and a session host with streamer played by the test: every byte of the farm's inside can be looked at, and every
failure of a host can be had."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import testenv

SIGNED = (
    "x-session-id x-workspace-id x-workspace-name x-workspace-type x-app-id x-app-exe x-app-args x-user-id x-username x-org-id"
    " x-policy-json x-viewer-role"
).split()
WS_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def auth_mac(key, method, url, when, nonce, body, headers):
    lines = "".join(f"{name}:{headers[name]}\n" for name in SIGNED if headers.get(name) is not None)
    text = f"v1\n{method}\n{url}\n{when}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n{lines}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def auth_header(key, method, url, body=b"", headers=None, when=None):
    when, nonce = when or int(time.time()), os.urandom(16).hex()
    return f"v1 {when} {nonce} {auth_mac(key, method, url, when, nonce, body, headers or {})}"


def auth_is_right(key, method, url, body, headers):
    version, when, nonce, mac = headers.get("x-isthmus-auth", "v0 0 0 0").split(" ")
    return version == "v1" and hmac.compare_digest(mac, auth_mac(key, method, url, when, nonce, body, headers))


def streamer_key(key, session):
    return hmac.new(key, f"streamer:{session}".encode(), hashlib.sha256).digest()


class Gateway:
    """isthmus gateway on its own; a context manager."""

    def __init__(self, certificate=None, **config):
        self.certificate = certificate
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-gateway-", dir="/tmp"))
        self.config = {name.replace("__", "."): value for name, value in config.items()}
        self.config.setdefault("gateway.httpsPort", testenv.free_port())
        self.config.setdefault("gateway.httpPort", testenv.free_port())
        self.config.setdefault("gateway.port", testenv.free_port())
        self.prefix = str(self.config.get("gateway.basePath", ""))
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process:
                self.stop(signal.SIGKILL if kind else signal.SIGTERM)
        finally:
            if kind:
                print(self.log(), file=sys.stderr)
            shutil.rmtree(self.state, ignore_errors=True)

    def start(self):
        (self.state / "app.config.xml").write_text(testenv.config_xml(self.config))
        read_end, write_end = os.pipe()
        with open(self.state / "gateway.log", "ab") as log:
            self.process = subprocess.Popen(
                [testenv.BINARY, "gateway", "--state", str(self.state)],
                stdin=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[write_end],
                env=dict(os.environ, ISTHMUS_READY_FD=str(write_end)),
            )
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()  # ends with the process at the latest
        assert line.startswith("READY "), self.log()
        self.ready = dict(word.split("=") for word in line.split()[1:])
        self.port = int(self.ready["https"])
        self.key = bytes.fromhex((self.state / "secrets/shared.key").read_text().strip())
        self.tls = ssl.create_default_context(cafile=str(self.certificate or self.state / "secrets/tls/cert.pem"))
        self.password = (self.state / "secrets/first-password").read_text().strip()

    def stop(self, signum=signal.SIGTERM):
        process, self.process = self.process, None
        process.send_signal(signum)
        code = process.wait(testenv.STOP_TIMEOUT)
        if signum != signal.SIGKILL:
            assert code == 0, f"exit code {code}\n{self.log()}"

    def log(self):
        return (self.state / "gateway.log").read_text(errors="replace")

    # -- the public port --

    def request(self, method, path, body=None, token=None, session=None, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=60)
        send = dict(headers or {})
        raw = None
        if body is not None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            send.setdefault("Content-Type", "application/json")
        if token:
            send["Authorization"] = f"Bearer {token}"
        if session:
            send["X-Session-ID"] = session
        with contextlib.closing(connection):
            connection.request(method, self.prefix + path, body=raw, headers=send)
            return testenv.Answer(connection.getresponse())

    def socket(self, channel, protocols, origin="own", extra=()):
        """Status, headers and the still open TLS socket of a WebSocket handshake made by hand."""
        raw = socket.create_connection(("localhost", self.port), timeout=60)
        tls = self.tls.wrap_socket(raw, server_hostname="localhost")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self.prefix}/{channel} HTTP/1.1",
            f"Host: localhost:{self.port}",
            "Upgrade: websocket",
            "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Extensions: permessage-deflate",
        ]
        if protocols:
            lines.append(f"Sec-WebSocket-Protocol: {protocols}")
        if origin:
            lines.append(f"Origin: {f'https://localhost:{self.port}' if origin == 'own' else origin}")
        tls.sendall("\r\n".join([*lines, *extra, "", ""]).encode())
        status, headers = read_head(tls)
        if status == 101:
            accept = base64.b64encode(hashlib.sha1(key.encode() + WS_MAGIC).digest()).decode()
            assert headers["sec-websocket-accept"] == accept
            assert headers["sec-websocket-protocol"] == "isthmus.v1"
            assert "sec-websocket-extensions" not in headers
        return status, headers, tls

    # -- the internal port --

    def internal(self, path, body, key=None, auth=None):
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        value = auth if auth is not None else auth_header(key or self.key, "POST", path, raw)
        if value:
            headers["X-Isthmus-Auth"] = value
        connection = http.client.HTTPConnection("127.0.0.1", self.config["gateway.port"], timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", path, body=raw, headers=headers)
            return testenv.Answer(connection.getresponse())


def read_head(sock):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            return 0, {}
        data += byte
    first, *lines = data.decode().split("\r\n")[:-2]
    pairs = [line.split(":", 1) for line in lines]
    return int(first.split(" ")[1]) if first.startswith("HTTP/") else first, {k.lower(): v.strip() for k, v in pairs}


def receive(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        assert part, f"closed after {len(data)} of {count} bytes"
        data += part
    return data


class Person:
    """The admin with a token, and the one demo desktop."""

    def __init__(self, gateway):
        self.gateway = gateway
        answer = gateway.request("POST", "/iam/auth/login", {"username": "admin", "password": gateway.password})
        assert answer.status == 200, answer
        self.token = answer.json["data"]["token"]
        self.id = answer.json["data"]["user"]["id"]
        workspaces = self.request("GET", f"/iam/users/{self.id}/entitlements").json["data"]
        self.desktop = next(w for w in workspaces if w["type"] == "virtual_desktop")
        self.collection = next(w for w in workspaces if w["type"] == "app_collection")

    def request(self, method, path, body=None, session=None, headers=None):
        return self.gateway.request(method, path, body, token=self.token, session=session, headers=headers)

    def select(self, session=None, **body):
        return self.request("POST", "/gateway/session/select", {"workspaceId": self.desktop["id"], **body}, session=session)

    def status(self, session):
        return self.request("GET", "/gateway/session/status", session=session)

    def release(self, session):
        return self.request("POST", "/gateway/session/release", {"sessionId": session})

    def ticket(self, session, channel="capture"):
        answer = self.request("POST", "/gateway/session/ticket", {"sessionId": session, "channel": channel})
        assert answer.status == 200, answer
        return answer.json["ticket"]

    def socket(self, session, channel="capture", **options):
        return self.gateway.socket(channel, f"isthmus.v1, ticket.{self.ticket(session, channel)}", **options)


class FakeHost:
    """Answers what it is told to and writes down what it was asked."""

    def __init__(self, gateway, slots=2):
        self.gateway = gateway
        self.slots = slots
        self.seen = []
        self.connection_answer = None  # (status, body), or None for a good one
        self.before_connection = None
        self.end_answer = (200, {"state": "ending"})
        self.streamer = FakeStreamer(gateway)
        self.sequence = 0
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, method):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                good = auth_is_right(host.gateway.key, method, self.path, body, headers)
                status, value = host.answer(method, self.path, body, headers, good)
                raw = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(raw)

            def do_GET(self):
                self.answer("GET")

            def do_POST(self):
                self.answer("POST")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method, path, body, headers, good):
        self.seen.append((method, path, body, headers, good))
        name = path.split("?")[0]
        if name == "/getConnection":
            if self.before_connection:
                self.before_connection()
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
            return self.connection_answer or (
                200,
                {
                    "sessionId": headers.get("x-session-id"),
                    "username": "webs01",
                    "wsPort": self.streamer.port,
                    "httpPort": self.streamer.port,
                    "width": int(query.get("width", ["1280"])[0]),
                    "height": int(query.get("height", ["800"])[0]),
                    "state": "active",
                },
            )
        if name == "/session/end":
            return self.end_answer
        return 200, f"page {path}".encode()

    def asked(self, name):
        return [entry for entry in self.seen if entry[1].split("?")[0] == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.streamer.close()

    def register(self, **change):
        body = {"serverUrl": self.url, "maxSessions": self.slots, "instanceType": "test", "tags": [], "capabilities": [], "version": "1"}
        return self.gateway.internal("/gateway/register", {**body, **change})

    def heartbeat(self, **change):
        body = {"serverUrl": self.url, "status": "healthy", "activeSessions": 0, "maxSessions": self.slots, "cpuUsage": 1.5}
        return self.gateway.internal("/gateway/heartbeat", {**body, **change})

    def report(self, session, *statuses, full=False, reason=""):
        reports = []
        for status in statuses:
            self.sequence += 1
            reports.append({"sessionId": session, "sequence": self.sequence, "status": status, "reason": reason, "time": 1})
        answer = self.gateway.internal("/gateway/session/report", {"serverUrl": self.url, "full": full, "reports": reports})
        assert answer.status == 200, answer
        return answer.json


class FakeStreamer:
    """Accepts any handshake that is signed, then echoes bytes."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.handshakes = []
        self.answer = None  # bytes instead of the good answer
        self.first = b""  # sent together with the head
        self.last = b""  # sent after the first bytes of the client, right before closing
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(sock,), daemon=True).start()

    def talk(self, sock):
        with sock, contextlib.suppress(OSError):
            first, headers = read_head(sock)
            if not headers:
                return
            method, url, _ = first.split(" ")
            good = auth_is_right(streamer_key(self.gateway.key, headers.get("x-session-id", "")), method, url, b"", headers)
            self.handshakes.append((first, headers, good))
            accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + WS_MAGIC).digest()).decode()
            head = (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: isthmus.v1\r\n\r\n"
            )
            sock.sendall((self.answer or head.encode()) + self.first)
            while data := sock.recv(65536):
                if self.last:
                    sock.sendall(self.last)
                    return
                sock.sendall(data)

    def close(self):
        # A thread in accept is only woken by a shutdown.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def rst(sock):
    """Closes with a reset, as a killed machine's kernel would."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
