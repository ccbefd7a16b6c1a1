# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers and broken programs send: the documented refusal, nothing changed, one line in the log."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import time

import capture
import pytest
import testenv
from testenv import until

CONFIG = {"webstreamSettings.serverMaxSessionCount": 2}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(instance, token, header=None, change=None, key=None):
    """The token with another header or claims, signed with key (the instance's own when None)."""
    head, body, _ = token.split(".")
    head = header or json.loads(base64.urlsafe_b64decode(head + "=="))
    body = json.loads(base64.urlsafe_b64decode(body + "=="))
    body.update(change or {})
    if key is None:
        key = bytes.fromhex((instance.state / "secrets/token.key").read_text().strip())
    text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(body).encode())
    return text + "." + b64(hmac.new(key, text.encode(), hashlib.sha256).digest())


# ---- login ----


def test_wrong_password_and_throttle(instance):
    """The same answer for a known and an unknown user; after five failures a wait; a right password waits too."""
    before = instance.log("gateway").count("login")
    for name in ("nobody-1", "nobody-2"):
        answer = instance.post("/iam/auth/login", {"username": name, "password": "wrong"})
        assert answer.status == 401, answer
        unknown = answer.json["error"]
    answer = instance.post("/iam/auth/login", {"username": "nobody-3", "password": "wrong"})
    assert answer.json["error"] == unknown, "an answer tells whether a user exists"
    statuses = [instance.post("/iam/auth/login", {"username": "target", "password": f"guess{i}"}).status for i in range(8)]
    assert 429 in statuses, statuses
    throttled = instance.post("/iam/auth/login", {"username": "target", "password": "guess"})
    assert throttled.status == 429 and throttled.code == "throttled", throttled
    assert int(throttled.headers["Retry-After"]) >= 1
    lines = instance.log("gateway").count("login") - before
    assert lines >= 11, "failed logins are not in the log"
    assert "guess1" not in instance.log("gateway"), "a password is in the log"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'"x"', b'{"username":1,"password":"x"}', b'{"username":"a"}', b'{"username":"a","username":"b","password":"x"}',
     b'{"username":"a\\u0000b","password":"x"}', b"\xff\xfe", b'{"username":"a","password":"x"} trailing', b"[" * 5000],
)  # fmt: skip
def test_malformed_json(instance, raw):
    answer = instance.request("POST", "/iam/auth/login", raw=raw, headers={"Content-Type": "application/json"})
    assert answer.status == 400 and answer.code, answer


def test_wrong_content_type_path_and_method(instance):
    answer = instance.request("POST", "/iam/auth/login", raw=b"username=a", headers={"Content-Type": "text/plain"})
    assert answer.status in (400, 415) and answer.code, answer
    answer = instance.get("/iam/no/such/thing")
    assert answer.status == 404 and answer.code == "not_found", answer
    answer = instance.request("PUT", "/iam/auth/login")
    assert answer.status == 405 and answer.code == "method_not_allowed" and "POST" in answer.headers["Allow"], answer


def test_static_files_stay_in_their_directory(instance):
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/js/..%5c..%5cx", "/.git/config", "/js/%00"):
        answer = instance.get(path)
        assert answer.status in (400, 404), (path, answer)
        assert b"root:" not in answer.body


# ---- tokens ----


def test_forged_and_expired_tokens(instance):
    token = instance.login()["token"]
    good = forged(instance, token)
    assert instance.get("/iam/auth/me", token=good).status == 200, "the forger of this test does not forge well"
    now = int(time.time())
    bad = {
        "alg none": b64(b'{"alg":"none","typ":"JWT"}') + "." + token.split(".")[1] + ".",
        "alg none, kept signature": forged(instance, token, header={"alg": "none", "typ": "JWT"}),
        "other algorithm": forged(instance, token, header={"alg": "HS512", "typ": "JWT"}),
        "other key": forged(instance, token, key=b"x" * 32),
        "expired": forged(instance, token, change={"exp": now - 10}),
        "not yet": forged(instance, token, change={"nbf": now + 1000}),
        "other issuer": forged(instance, token, change={"iss": "somebody"}),
        "other audience": forged(instance, token, change={"aud": "something"}),
        "cut": token[:-5],
        "empty": "",
        "no dots": "x" * 100,
        "very long": "x" * 20000,
    }
    for name, value in bad.items():
        answer = instance.get("/iam/auth/me", token=value or " ")
        assert answer.status == 401 and answer.code, (name, answer)
        answer = instance.post("/gateway/session/select", {"workspaceId": "0" * 32}, token=value or " ")
        assert answer.status == 401, (name, answer)
    assert instance.get("/iam/auth/me").status == 401


# ---- sessions ----


def test_unknown_and_foreign_things(instance, client):
    unknown = "0123456789abcdef0123456789abcdef"
    body = client.select_body()
    answer = client.request("POST", "/gateway/session/select", {**body, "workspaceId": unknown})
    assert answer.status in (403, 404) and answer.code, answer
    answer = client.request("POST", "/gateway/session/select", {**body, "appId": unknown})
    assert answer.status in (400, 403, 404) and answer.code, answer
    answer = client.request("POST", "/gateway/session/select", body, session="../../etc")
    assert answer.status == 400 and answer.code, answer
    for method, path, send in (
        ("GET", "/gateway/session/status", None),
        ("GET", "/getConnection", None),
        ("POST", "/gateway/session/release", {"sessionId": unknown}),
        ("POST", "/gateway/session/ticket", {"sessionId": unknown, "channel": "capture"}),
    ):
        answer = client.request(method, path, send, session=unknown)
        assert answer.status == 404 and answer.code == "unknown_session", (path, answer)
    assert not list(instance.state.glob("slots/*/session/keeper.sock")), "something was started"


def test_browser_cannot_choose_what_is_started(instance, client):
    """appExe, appArgs and injected headers of a browser do not reach the host."""
    body = client.select_body("app_collection", "editor")
    evil = {
        "X-App-Exe": "/usr/bin/touch",
        "X-App-Args": "/tmp/isthmus-owned",
        "x-app-exe": "/usr/bin/touch",
        "X-User-ID": "f" * 32,
        "X-Policy-JSON": "e30=",
        "X-Username": "root",
        "X-Isthmus-Auth": "v1 0 0 0",
    }
    answer = client.request(
        "POST", "/gateway/session/select", {**body, "appExe": "/usr/bin/touch", "appArgs": "/tmp/isthmus-owned"}, headers=evil
    )
    if answer.status == 200:
        client.session = answer.json["sessionId"]
        answer = client.request("GET", "/getConnection?width=800&height=600", headers=evil, timeout=60)
        assert answer.status == 200, answer
        until(lambda: instance.processes("mousepad"), "the editor that the entitlement names")
    else:
        assert answer.status == 400 and answer.code, answer
    assert not os.path.exists("/tmp/isthmus-owned")


def test_absurd_sizes(client):
    client.select()
    for query in ("width=0&height=0", "width=-5&height=5", "width=99999999999999999999&height=1", "width=a&height=b"):
        answer = client.request("GET", f"/getConnection?{query}", timeout=60)
        if answer.status == 200:  # clamped to what a session may be
            assert 200 <= answer.json["width"] <= 7680 and 200 <= answer.json["height"] <= 4320, answer
        else:
            assert answer.status == 400 and answer.code, answer


# ---- sizes and slowness ----


def test_oversized_header_and_body(instance):
    token = instance.login()["token"]
    answer = instance.get("/iam/auth/me", token=token, headers={"X-Filler": "x" * 30000})
    assert answer.status == 200, "64 KiB of headers are allowed"
    try:
        answer = instance.get("/iam/auth/me", token=token, headers={"X-Filler": "x" * 100000})
        assert answer.status in (400, 413, 431, 494), answer
    except (ConnectionError, ssl.SSLError):
        pass  # closed before all of it was sent: refused as well
    try:
        answer = instance.request("POST", "/iam/auth/login", raw=b" " * 4_000_000, headers={"Content-Type": "application/json"})
        assert answer.status == 413 and answer.code == "too_large", answer
    except (ConnectionError, ssl.SSLError):
        pass
    assert instance.get("/gateway/health").status == 200


def raw_exchange(instance, data, timeout=20):
    with socket.create_connection(("localhost", instance.port), timeout=timeout) as plain:
        with instance.tls.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(data)
            answer = b""
            while True:
                try:
                    part = tls.recv(65536)
                except (ConnectionError, ssl.SSLError, TimeoutError):
                    break
                if not part:
                    break
                answer += part
            return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /iam/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcd",
        b"POST /iam/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
        b"POST /iam/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        b"POST /iam/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"\x16\x03\x01garbage\r\n\r\n",
    ],
)
def test_broken_framing_is_never_served(instance, request_bytes):
    answer = raw_exchange(instance, request_bytes, timeout=5)
    statuses = [line.split(b" ")[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert set(statuses) <= {b"400"}, answer
    assert instance.get("/gateway/health").status == 200


def test_half_open_connections_do_not_stop_others(instance):
    """Connections that never finish their TLS handshake, their request line or their body."""
    sockets = []
    try:
        for _ in range(40):
            sockets.append(socket.create_connection(("localhost", instance.port), timeout=10))
        for start in (b"GET / HT", b"POST /iam/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
            for _ in range(20):
                plain = socket.create_connection(("localhost", instance.port), timeout=10)
                tls = instance.tls.wrap_socket(plain, server_hostname="localhost")
                tls.sendall(start)
                sockets.append(tls)
        started = time.monotonic()
        assert instance.get("/gateway/health").status == 200
        assert time.monotonic() - started < 5
    finally:
        for s in sockets:
            s.close()


# ---- WebSockets ----


def handshake(instance, path="/capture", **headers):
    """A handshake by hand; the status of the answer."""
    send = {
        "Host": f"localhost:{instance.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Origin": instance.origin,
    }
    for name, value in headers.items():
        name = name.replace("_", "-")
        send.pop(name, None)
        if value is not None:
            send[name] = value
    lines = [f"GET {path} HTTP/1.1"] + [f"{n}: {v}" for n, v in send.items()]
    with socket.create_connection(("localhost", instance.port), timeout=20) as plain:
        with instance.tls.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = tls.recv(4096)
                if not part:
                    break
                answer += part
    return int(answer.split(b" ", 2)[1]) if answer else 0


def test_websocket_admission(instance, client):
    client.launch()

    def offer(ticket):
        return f"isthmus.v1, ticket.{ticket}"

    for origin in ("https://evil.example", "null", f"http://localhost:{instance.port}", f"https://localhost.evil.example:{instance.port}"):
        ticket = client.ticket("capture")
        assert handshake(instance, Origin=origin, Sec_WebSocket_Protocol=offer(ticket)) == 403, origin
    refusals = {
        "no ticket": (None, 401),
        "no ticket but a protocol": ("isthmus.v1", 401),
        "unknown ticket": (offer("0" * 32), 401),
        "malformed ticket": (offer("../../x"), 401),
        "other channel": (offer(client.ticket("control")), 401),
    }
    for name, (protocols, status) in refusals.items():
        got = handshake(instance, Sec_WebSocket_Protocol=protocols)
        assert got in (status, 400, 403), (name, got)
    ticket = client.ticket("capture")
    assert handshake(instance, Sec_WebSocket_Protocol=offer(ticket)) == 101
    assert handshake(instance, Sec_WebSocket_Protocol=offer(ticket)) == 401, "a ticket worked twice"
    good = offer(client.ticket("capture"))
    assert handshake(instance, Sec_WebSocket_Protocol=good, Sec_WebSocket_Version="12") == 426
    assert handshake(instance, Sec_WebSocket_Protocol=good, Sec_WebSocket_Key="short") == 400
    assert handshake(instance, Sec_WebSocket_Protocol=good, Upgrade=None) in (400, 426)
    # A bearer token in the address or a cookie opens nothing.
    assert handshake(instance, path=f"/capture?token={client.token}", Cookie=f"token={client.token}") in (400, 401, 403)


async def close_code(client, messages, channel="capture"):
    """Sends messages; the code with which the server closes, or None when it stays open."""
    import websockets

    async with client.websocket(channel) as ws:
        if channel == "capture":
            await capture.read_update(ws, capture.Picture())
        try:
            for message in messages:
                await ws.send(message)
            while True:
                await asyncio.wait_for(ws.recv(), 5)
        except asyncio.TimeoutError:
            return None
        except websockets.ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006


async def drawn(client):
    """The desktop has come up and changes no more."""
    async with client.websocket("capture") as ws:
        picture = await capture.read_until(ws, capture.Picture(), lambda p: p.colours() > 4)
        await capture.read_until_quiet(ws, picture)


def test_absurd_capture_messages(client):
    """Each closes its connection with the documented code; the session lives on."""
    client.launch(width=800, height=600)
    asyncio.run(drawn(client))  # a miss that comes while an update is under way may be an old one
    cases = {
        "empty": (b"", 1002),
        "one byte": (b"\x01", 1002),
        "unknown version": (b"\x02\x02\x00\x00", 1002),
        "unknown type": (b"\x01\x09\x00\x00", 1002),
        "short acknowledgement": (capture.acknowledge(1)[:-1], 1002),
        "long refresh": (capture.refresh() + b"x", 1002),
        "acknowledgement of the future": (capture.acknowledge(4_000_000_000), 1002),
        "miss outside": (capture.miss(700, 500, 200, 200, 1), 1002),
        "miss that wraps around": (capture.miss(65535, 65535, 65535, 65535, 1), 1002),
        "miss of nothing": (capture.miss(0, 0, 0, 0, 1), 1002),
        "hidden and more": (struct.pack("<BBHBBBB", 1, 4, 0, 7, 0, 0, 0), 1002),
        "huge": (b"\x01" * 300_000, 1009),
    }
    for name, (message, code) in cases.items():
        assert asyncio.run(close_code(client, [message])) == code, name
    assert asyncio.run(close_code(client, [capture.refresh()] * 400)) == 1008, "too many refreshes"

    async def still_there():
        async with client.websocket("capture") as ws:
            picture = await capture.read_update(ws, capture.Picture())
            assert picture.full == 1

    asyncio.run(still_there())


def test_absurd_control_messages(client):
    """Each is answered by an error and changes nothing; a flood of them ends the connection."""
    client.launch(width=800, height=600)
    bad = [
        "", "{", "[]", "7", '{"type":7}', '{"type":"no-such"}', '{"type":"pointer"}', '{"type":"pointer","x":"a","y":1,"buttons":0}',
        '{"type":"resize","width":1e99,"height":1}', '{"type":"key","code":"KeyA","down":true}',
        json.dumps({"type": "key", "code": "x" * 1000, "key": "a", "down": True}),
        json.dumps({"type": "text", "text": "x" * 5000}), '{"type":"wheel","x":1,"y":1,"dx":99999999,"dy":0}',
    ]  # fmt: skip

    async def talk():
        async with client.websocket("control") as ws:
            hello = json.loads(await asyncio.wait_for(ws.recv(), 20))
            assert hello["type"] == "hello"
            for message in bad:
                await ws.send(message)
                answer = json.loads(await asyncio.wait_for(ws.recv(), 10))
                assert answer["type"] == "error" and answer["code"] and answer["message"], (message, answer)
            # A pointer outside is clamped, and a ping still works.
            await ws.send(json.dumps({"type": "pointer", "x": -5000, "y": 10**6, "buttons": 0}))
            await ws.send(json.dumps({"type": "ping", "t": 5}))
            answer = json.loads(await asyncio.wait_for(ws.recv(), 10))
            assert answer == {"type": "pong", "t": 5}, answer

    asyncio.run(talk())
    assert asyncio.run(close_code(client, ['{"type":"no-such"}'] * 200, "control")) == 1008
    assert asyncio.run(close_code(client, [json.dumps({"type": "text", "text": "x" * 70000})], "control")) == 1009


def test_broken_websocket_frames(instance, client):
    """Frames that no library sends: unmasked, bad UTF-8, a control frame that is too long."""
    client.launch(width=800, height=600)
    mask = b"\0\0\0\0"
    frames = {
        "unmasked": (b"\x82\x04\x01\x02\x00\x00", (1002,)),
        "bad UTF-8": (b"\x81\x82" + mask + b"\xff\xfe", (1007,)),
        "long ping": (b"\x89\xfe\x00\x80" + mask + b"x" * 128, (1002,)),
        "reserved bits": (b"\xf2\x84" + mask + capture.refresh(), (1002,)),
        "2^62 bytes": (b"\x82\xff\x40" + b"\0" * 7 + mask + b"x" * 10, (1002, 1009)),
    }
    for name, (frame, codes) in frames.items():
        code = raw_frame(instance, client, frame)
        assert code in (*codes, None), (name, code)  # None: cut without a close frame
    answer = client.request("GET", "/getConnection")
    assert answer.status == 200, answer


def raw_frame(instance, client, frame):
    """Sends bytes after a good handshake; the close code. Fails when the connection stays open."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /control HTTP/1.1", f"Host: localhost:{instance.port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Origin: {instance.origin}",
        f"Sec-WebSocket-Protocol: isthmus.v1, ticket.{client.ticket('control')}", "", "",
    ]  # fmt: skip
    with socket.create_connection(("localhost", instance.port), timeout=20) as plain:
        with instance.tls.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall("\r\n".join(lines).encode())
            data = b""
            while b"\r\n\r\n" not in data:
                data += tls.recv(4096)
            assert b" 101 " in data.split(b"\r\n")[0], data
            data = data.split(b"\r\n\r\n", 1)[1]
            tls.sendall(frame)
            while True:
                try:
                    part = tls.recv(65536)
                except TimeoutError:
                    raise AssertionError(f"the connection stays open after {frame!r}") from None
                except (ConnectionError, ssl.SSLError):
                    return None
                if not part:
                    break
                data += part
    at = 0  # frames of the server: not masked
    while at + 2 <= len(data):
        opcode, length = data[at] & 15, data[at + 1] & 127
        head = 2 + {126: 2, 127: 8}.get(length, 0)
        if length >= 126:
            length = int.from_bytes(data[at + 2 : at + head], "big")
        if opcode == 8:
            return int.from_bytes(data[at + head : at + head + 2], "big")
        at += head + length
    return None


# ---- inside ----


def test_inner_ports_want_proof(instance, client):
    """The internal listener, the session host and the streamer answer nobody who cannot sign; /health tells nothing."""
    import http.client

    client.launch(width=800, height=600)
    base = instance.status()["base"]

    def ask(port, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, body=json.dumps(body) if body else None, headers=headers or {})
        return testenv.Answer(connection.getresponse())

    registration = {"serverUrl": "http://10.0.0.1:9005", "maxSessions": 5}
    answer = ask(base, "POST", "/gateway/register", registration, {"Content-Type": "application/json"})
    assert answer.status == 401 and answer.code == "peer_auth", answer
    answer = ask(base + 5, "GET", "/getConnection?width=800&height=600", headers={"X-Session-ID": "0" * 32, "X-App-Exe": "xterm"})
    assert answer.status == 401 and answer.code == "peer_auth", answer
    answer = ask(base + 5, "POST", "/session/end", {"sessionId": client.session, "reason": "kill"}, {"Content-Type": "application/json"})
    assert answer.status == 401, answer
    health = ask(base + 5, "GET", "/health")
    assert health.status == 200 and set(health.json) == {"status", "timestamp", "sessions", "uptime"}, health
    # And the outside does not have the inner routes at all.
    answer = instance.post("/gateway/register", registration)
    assert answer.status in (404, 405), answer
    # The streamer: no handshake without a signature.
    streamer = [base + 10 * n for n in range(1, 3)]
    for port in streamer:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                key = base64.b64encode(os.urandom(16)).decode()
                s.sendall(
                    f"GET /capture HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: isthmus.v1\r\n\r\n".encode()
                )
                assert b" 101 " not in s.recv(4096)
        except ConnectionRefusedError:
            continue


def test_security_headers(instance):
    page = instance.get("/")
    assert page.status == 200
    assert "default-src" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
