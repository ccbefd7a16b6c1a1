# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's contract (docs/protocol/gateway.md, internal.md) against a host and a streamer that the test plays."""

import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess

import fake_host
import pytest
import testenv


@pytest.fixture(scope="module")
def gateway():
    """For browsers alone: with the legacy pages beside it there is no Strict-Transport-Security."""
    with fake_host.Gateway(ovd__sessionManager="false") as running:
        yield running


@pytest.fixture(scope="module")
def person(gateway):
    return fake_host.Person(gateway)


@pytest.fixture
def host(gateway, person):
    """A registered host of two slots; its sessions are over afterwards."""
    played = fake_host.FakeHost(gateway)
    assert played.register().status == 200
    yield played
    for session in {entry[3].get("x-session-id") for entry in played.asked("/getConnection")}:
        played.report(session, 4)
    gateway.internal("/gateway/unregister", {"serverUrl": played.url})
    played.close()
    state = person.select()
    assert state.code == "no_host", state


@pytest.fixture
def session(person, host):
    """A session that is selected."""
    chosen = person.select().json["sessionId"]
    yield chosen
    person.release(chosen)
    host.report(chosen, 4)


def connect(person, session, query="?width=1024&height=768", headers=None):
    return person.request("GET", f"/getConnection{query}", session=session, headers=headers)


# ---- hosts ----


def test_register_answers_with_the_heartbeat_interval(host):
    answer = host.register()
    assert answer.json == {"success": True, "heartbeatInterval": 10}
    assert host.heartbeat().json == {"success": True}


def test_heartbeat_of_an_unknown_host(gateway, host):
    answer = host.heartbeat(serverUrl="http://127.0.0.1:1")
    assert (answer.status, answer.code) == (404, "unknown_host")


@pytest.mark.parametrize("url", [
    "https://127.0.0.1:9005", "http://127.0.0.1:9005/path", "http://user@127.0.0.1", "http://127.0.0.1:0", "ftp://127.0.0.1",
    "http://169.254.169.254:80", "http://8.8.8.8:80", "http://no-such-name.invalid:80", "http://", "http://127.0.0.1:70000",
    "http://[2001:db8::1]:80", "http://127.0.0.1:9005?x", "http://" + "a" * 600, "http://10.0.0.1\r\nX: y",
])  # fmt: skip
def test_only_private_hosts_can_register(host, url):
    answer = host.register(serverUrl=url)
    assert answer.status == 400, answer
    assert answer.code in ("bad_server_url", "bad_request")


def test_peers_without_the_farms_key(gateway, host):
    for auth in ("", "v1 1 2 3", fake_host.auth_header(b"k" * 32, "POST", "/gateway/register", b"{}")):
        answer = gateway.internal("/gateway/register", {}, auth=auth)
        assert (answer.status, answer.code) == (401, "peer_auth")
    old = fake_host.auth_header(gateway.key, "POST", "/gateway/register", b"{}", when=1_000_000_000)
    assert gateway.internal("/gateway/register", {}, auth=old).status == 401


def test_bad_reports(gateway, host, session, person):
    for reports in ("x", [{}], [{"sessionId": session, "sequence": 1, "status": 7}]):
        answer = gateway.internal("/gateway/session/report", {"serverUrl": host.url, "reports": reports})
        assert (answer.status, answer.code) == (400, "bad_request")
    assert person.status(session).json["ovdStatus"] == -1


# ---- select, status, release ----


def test_select_is_idempotent(person, host, session):
    again = person.select()
    assert again.json == {
        "sessionId": session,
        "state": "pending",
        "workspaceId": person.desktop["id"],
        "resumed": True,
    }
    status = person.status(session).json
    assert status.pop("expiresAt").endswith("Z")
    assert status == {"sessionId": session, "state": "pending", "ovdStatus": -1, "viewers": 0}


def test_a_clients_own_id(person, host):
    own = os.urandom(16).hex()
    assert person.select(session="not-an-id").code == "bad_session_id"
    assert person.select(session=own).json["sessionId"] == own
    assert person.release(own).json == {"sessionId": own, "state": "ended"}
    assert person.select(session=own).code == "session_taken"


def test_who_may_what(gateway, person, host, session):
    for method, path in [
        ("POST", "/gateway/session/select"),
        ("POST", "/gateway/session/release"),
        ("POST", "/gateway/session/ticket"),
        ("GET", "/gateway/session/status"),
        ("GET", "/getConnection"),
    ]:
        answer = gateway.request(method, path, body={} if method == "POST" else None, session=session)
        assert answer.status == 401, (path, answer)
        assert answer.code == "token_invalid"
    unknown = os.urandom(16).hex()
    for answer in (person.status(unknown), person.release(unknown), connect(person, unknown)):
        assert (answer.status, answer.code) == (404, "unknown_session")
    answer = person.request("POST", "/gateway/session/select", {"workspaceId": unknown})
    assert answer.status in (403, 404), answer


def test_bad_bodies(person, host):
    for body in (b"", b"[]", b"{", b'{"workspaceId":1}', b'{"workspaceId":"x"}', b'{"workspaceId":"a","workspaceId":"b"}'):
        answer = person.request("POST", "/gateway/session/select", body)
        assert answer.status == 400, (body, answer)
    assert person.request("POST", "/gateway/session/select", b"x" * 20000).status == 413


def test_the_last_slot(gateway, host):
    host.register(maxSessions=1)
    # One user has one session for a workspace, so two workspaces race for the slot.
    person = fake_host.Person(gateway)
    app = person.collection["applications"][0]["id"]
    bodies = [{"workspaceId": person.desktop["id"]}, {"workspaceId": person.collection["id"], "appId": app}] * 4
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: person.request("POST", "/gateway/session/select", body), bodies))
    good = [a for a in answers if a.status == 200]
    assert len({a.json["sessionId"] for a in good}) == 1
    assert len(good) == 4
    assert sum(not a.json["resumed"] for a in good) == 1
    for answer in answers:
        if answer.status != 200:
            assert (answer.status, answer.code) == (503, "pool_exhausted")
            assert answer.headers["Retry-After"]
    person.release(good[0].json["sessionId"])


# ---- getConnection ----


def test_connection_carries_our_headers_and_no_others(gateway, person, host, session):
    forged = {"X-App-Exe": "evil", "X-User-ID": "f" * 32, "x-policy-json": "e30=", "X-Isthmus-Auth": "v1 1 2 3", "X-Extra": "1"}
    person.select(appExe="/bin/evil", appArgs="--evil")
    answer = connect(person, session, headers=forged)
    assert answer.json == {"sessionId": session, "width": 1024, "height": 768, "state": "active"}
    assert answer.headers["Cache-Control"] == "no-store"
    (method, path, _, headers, good) = host.asked("/getConnection")[-1]
    assert good, "signature"
    assert (method, path) == ("GET", "/getConnection?width=1024&height=768")
    assert headers["x-session-id"] == session
    assert headers["x-workspace-id"] == person.desktop["id"]
    assert headers["x-workspace-type"] == "virtual_desktop"
    assert headers["x-app-exe"] == "remotedesktop"
    assert headers["x-user-id"] == person.id
    assert headers["x-username"] == "admin"
    assert set(json.loads(base64.b64decode(headers["x-policy-json"]))) >= {"security", "session", "resources"}
    assert "x-extra" not in headers
    assert "authorization" not in headers
    assert "evil" not in str(headers)


def test_connection_can_be_repeated(person, host, session):
    assert connect(person, session).json == connect(person, session).json
    assert connect(person, session, query="").json["width"] == 1280
    for query in ("?width=1", "?width=x&height=700", "?width=99999", "?height=-5", "?width=1024.5"):
        assert connect(person, session, query=query).code == "bad_size"


@pytest.mark.parametrize("status,body,expected", [
    (503, {"success": False, "error": {"code": "pool_exhausted", "message": "x"}}, (503, "pool_exhausted")),
    (502, {"success": False, "error": {"code": "display_failed", "message": "x"}}, (502, "display_failed")),
    (401, {"success": False, "error": {"code": "peer_auth", "message": "x"}}, (502, "host_unreachable")),
    (200, {"sessionId": "somebody else's"}, (502, "host_unreachable")),
    (200, b"not json", (502, "host_unreachable")),
    (302, b"", (502, "host_unreachable")),
    (410, {"success": False, "error": {"code": "session_ended", "message": "x"}}, (410, "session_ended")),
])  # fmt: skip
def test_what_a_host_can_answer(person, host, session, status, body, expected):
    host.connection_answer = (status, body)
    answer = connect(person, session)
    assert (answer.status, answer.code) == expected
    assert person.status(session).json["state"] == ("ended" if status == 410 else "pending")


def test_an_unreachable_host(person, host, session):
    host.server.shutdown()
    host.server.server_close()
    answer = connect(person, session)
    assert (answer.status, answer.code) == (502, "host_unreachable")
    host.server.shutdown = host.server.server_close = lambda: None


# ---- the host's word about its sessions ----


def test_reports_are_seen_in_status(person, host, session):
    connect(person, session)
    for status, word in [(0, "pending"), (1, "pending"), (22, "connecting"), (2, "active"), (9, "suspending"), (10, "suspended"), (11, "resuming"), (2, "active")]:
        assert host.report(session, status)["end"] == []
        answer = person.status(session).json
        assert (answer["ovdStatus"], answer["state"]) == (status, word)
    host.report(session, 3)
    assert connect(person, session).code == "session_ended"
    fresh = person.select().json
    assert fresh["sessionId"] != session and not fresh["resumed"]
    person.release(fresh["sessionId"])


def test_release_reaches_the_host(person, host, session):
    connect(person, session)
    host.report(session, 0, 1, 22, 2)
    assert person.release(session).json == {"sessionId": session, "state": "ending"}
    (_, _, body, _, good) = host.asked("/session/end")[-1]
    assert good and json.loads(body) == {"sessionId": session, "reason": "exit"}
    host.report(session, 3, 4)
    assert person.status(session).json["state"] == "ended"
    assert person.release(session).json["state"] == "ended"


def test_release_of_what_the_host_does_not_know(person, host, session):
    connect(person, session)
    host.end_answer = (404, {"success": False, "error": {"code": "unknown_session", "message": "x"}})
    assert person.release(session).json["state"] == "ended"


def test_release_while_the_host_is_away(person, host, session):
    connect(person, session)
    host.report(session, 2)
    host.end_answer = (500, b"")
    assert person.release(session).json["state"] == "ending"
    assert host.report(session)["end"] == [session]
    host.report(session, 4)
    assert host.report(session)["end"] == []


def test_release_while_it_starts(person, host, session):
    answers = []
    host.before_connection = lambda: answers.append(person.release(session))
    assert connect(person, session).code == "session_ended"
    assert answers[0].json["state"] == "ended"
    assert host.report(session, 2)["end"] == [session]


# ---- WebSockets ----


def test_a_tunnel_carries_bytes_unchanged(person, host, session):
    host.streamer.first = b"first bytes with the head"
    connect(person, session)
    status, _, sock = person.socket(session)
    assert status == 101
    assert fake_host.receive(sock, len(host.streamer.first)) == host.streamer.first
    for size in (1, 2, 125, 126, 16384, 16385, 65536, 200_000) * 4:
        blob = os.urandom(size)
        sock.sendall(blob)
        assert fake_host.receive(sock, size) == blob
    (first, headers, good) = host.streamer.handshakes[-1]
    assert good, "signature with the streamer's own key"
    assert first == "GET /capture HTTP/1.1"
    assert headers["sec-websocket-protocol"] == "isthmus.v1"
    assert headers["x-user-id"] == person.id
    assert not {"sec-websocket-extensions", "origin", "cookie", "authorization"} & set(headers)
    testenv.until(lambda: person.status(session).json["viewers"] == 1, "one viewer")
    sock.close()
    testenv.until(lambda: person.status(session).json["viewers"] == 0, "no viewer")


@pytest.mark.parametrize("size", [4, 1_000_000])
def test_the_last_words_of_a_streamer_arrive(person, host, session, size):
    host.streamer.last = os.urandom(size)
    connect(person, session)
    _, _, sock = person.socket(session)
    sock.sendall(b"\x88\x80\0\0\0\0")
    assert fake_host.receive(sock, size) == host.streamer.last
    with contextlib.suppress(ssl.SSLEOFError):
        assert sock.recv(1) == b""


def test_a_ticket_is_good_once_and_for_one_channel(person, host, session):
    connect(person, session)
    ticket = person.ticket(session, "control")
    protocols = f"isthmus.v1, ticket.{ticket}"
    refused = person.gateway.socket("capture", protocols)
    assert refused[0] == 401
    status, _, _ = person.gateway.socket("control", protocols)
    assert status == 401, "a try on the wrong channel uses it up"
    protocols = f"isthmus.v1, ticket.{person.ticket(session, 'control')}"
    assert person.gateway.socket("control", protocols)[0] == 101
    assert person.gateway.socket("control", protocols)[0] == 401
    for bad in (None, "isthmus.v1", f"ticket.{ticket}", "isthmus.v1, ticket.x", f"isthmus.v2, ticket.{ticket}"):
        assert person.gateway.socket("control", bad)[0] == 401, bad
    assert len(host.streamer.handshakes) == 1


def test_foreign_origins_are_refused_before_anything_else(person, host, session):
    connect(person, session)
    port = person.gateway.port
    protocols = f"isthmus.v1, ticket.{person.ticket(session)}"
    for origin in ("https://evil.example", f"http://localhost:{port}", f"https://localhost:{port}.evil.example", "null", f"https://127.0.0.1:{port}"):
        assert person.gateway.socket("capture", protocols, origin=origin)[0] == 403, origin
    assert host.streamer.handshakes == []
    assert person.gateway.socket("capture", protocols)[0] == 101, "the ticket is still good"


def test_handshakes_that_are_none(gateway):
    answer = gateway.request("GET", "/capture")
    assert (answer.status, answer.code) == (400, "bad_handshake")
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x" * 24, "Sec-WebSocket-Version": "8"}
    answer = gateway.request("GET", "/capture", headers=headers)
    assert answer.status in (400, 426)


def test_no_ticket_before_there_is_a_display(person, host, session):
    answer = person.request("POST", "/gateway/session/ticket", {"sessionId": session, "channel": "capture"})
    assert (answer.status, answer.code) == (409, "not_connected")
    answer = person.request("POST", "/gateway/session/ticket", {"sessionId": session, "channel": "shell"})
    assert (answer.status, answer.code) == (400, "bad_channel")


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    b"HTTP/1.1 101 X\nUpgrade: websocket\n\n" + b"x" * 70000,
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * 20000,
], ids=["refusal", "wrong proof", "bare line feeds", "no HTTP", "endless head"])  # fmt: skip
def test_a_streamer_that_answers_nonsense(person, host, session, answer):
    host.streamer.answer = answer
    connect(person, session)
    assert person.socket(session)[0] == 502
    assert person.status(session).json["viewers"] == 0


def test_a_streamer_that_is_not_there(person, host, session):
    connect(person, session)
    host.streamer.close()
    status, _, _ = person.socket(session)
    assert status == 502


def test_release_closes_the_sockets(person, host, session):
    connect(person, session)
    sockets = [person.socket(session, channel)[2] for channel in ("capture", "control", "audio")]
    person.release(session)
    for sock in sockets:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert sock.recv(1) == b""


def test_logout_closes_the_sockets(gateway, host, session):
    other = fake_host.Person(gateway)
    connect(other, session)
    status, _, sock = other.socket(session)
    assert status == 101
    assert other.request("POST", "/iam/auth/logout").status == 200
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert sock.recv(1) == b""
    assert other.status(session).status == 401


def test_a_session_has_a_limited_number_of_sockets(person, host, session):
    connect(person, session)
    sockets = [person.socket(session, "control") for _ in range(32)]
    assert {status for status, _, _ in sockets} == {101}
    assert person.socket(session, "control")[0] == 429
    sockets[0][2].close()
    testenv.until(lambda: person.socket(session, "control")[0] == 101, "a place is free again")


def test_a_reset_client_leaves_nothing(person, host, session):
    connect(person, session)
    _, _, sock = person.socket(session)
    testenv.until(lambda: person.status(session).json["viewers"] == 1, "one viewer")
    fake_host.rst(sock)
    testenv.until(lambda: person.status(session).json["viewers"] == 0, "no viewer")


# ---- pages, probes, ports ----


def test_health(gateway):
    answer = gateway.request("GET", "/gateway/health")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["Content-Type"].startswith("text/plain")
    for path in ("/healthz", "/readyz"):
        assert gateway.request("GET", path).body == b"OK"


def test_pages_have_their_guards(gateway):
    answer = gateway.request("GET", "/")
    assert answer.status == 200 and b"<html" in answer.body
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Strict-Transport-Security"]
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/js/..%2f..%2fsecrets", "/.git/config", "/nothing"):
        assert gateway.request("GET", path).status in (400, 404), path


def test_the_inside_is_not_outside(gateway, host):
    body = {"serverUrl": host.url, "maxSessions": 100}
    for path in ("/gateway/register", "/gateway/heartbeat", "/gateway/session/report"):
        assert gateway.request("POST", path, body).status in (404, 405), path


def test_plain_http_leads_to_https(gateway):
    connection = http.client.HTTPConnection("localhost", int(gateway.ready["http"]), timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/a/b?c=d")
        answer = testenv.Answer(connection.getresponse())
    assert answer.status == 307
    assert answer.headers["Location"] == f"https://localhost:{gateway.port}/a/b?c=d"
    assert "Strict-Transport-Security" not in answer.headers


def test_pages_from_a_host_below_a_prefix():
    with fake_host.Gateway(gateway__webClient="false", gateway__basePath="/farm") as gateway:
        answer = gateway.request("GET", "/index.html")
        assert (answer.status, answer.code) == (503, "no_host")
        host = fake_host.FakeHost(gateway)
        host.register()
        answer = gateway.request("GET", "/js/app.js?v=1", headers={"Cookie": "a=b", "Authorization": "Bearer x"})
        assert (answer.status, answer.body) == (200, b"page /js/app.js?v=1")
        assert answer.headers["Content-Security-Policy"]
        (_, _, _, headers, good) = host.seen[-1]
        assert not good and not {"cookie", "authorization", "x-isthmus-auth"} & set(headers)
        assert gateway.request("GET", "/gateway/health").body == b"OK"
        host.close()
        assert gateway.request("GET", "/js/app.js").code == "host_unreachable"


def test_sessions_survive_the_gateway():
    with fake_host.Gateway() as gateway:
        host = fake_host.FakeHost(gateway)
        host.register()
        person = fake_host.Person(gateway)
        session = person.select().json["sessionId"]
        connect(person, session)
        host.report(session, 2)
        _, _, sock = person.socket(session)
        testenv.until(lambda: person.status(session).json["viewers"] == 1, "one viewer")
        for signum in (signal.SIGKILL, signal.SIGTERM):
            gateway.stop(signum)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert sock.recv(1) == b""
            gateway.start()
            status = person.status(session).json
            assert (status["state"], status["viewers"]) == ("active", 0)
            assert person.select().json == {
                "sessionId": session, "state": "active", "workspaceId": person.desktop["id"], "resumed": True,
            }  # fmt: skip
            code, _, sock = person.socket(session)
            assert code == 101
        host.close()


def test_stopping_answers_who_waits():
    with fake_host.Gateway() as gateway:
        host = fake_host.FakeHost(gateway)
        host.register()
        person = fake_host.Person(gateway)
        session = person.select().json["sessionId"]
        host.before_connection = lambda: gateway.process.send_signal(signal.SIGTERM)
        assert connect(person, session).status == 200
        assert gateway.process.wait(30) == 0
        gateway.process = None
        host.close()


@pytest.mark.parametrize("kind", ["pem", "pfx"])
def test_reload_takes_a_new_certificate(tmp_path, kind):
    def make(name):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             f"/CN={name}", "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(
            ["openssl", "pkcs12", "-export", "-in", tmp_path / "cert.pem", "-inkey", tmp_path / "key.pem", "-passout", "pass:geheim",
             "-out", tmp_path / "both.pfx"],
            check=True, capture_output=True,
        )  # fmt: skip

    def subject(gateway):
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with socket.create_connection(("localhost", gateway.port)) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
            return dict(pair[0] for pair in tls.getpeercert()["subject"])["commonName"]

    make("first")
    config = {
        "pem": {"gateway.certificateFile": tmp_path / "cert.pem", "gateway.privateKeyFile": tmp_path / "key.pem"},
        "pfx": {"webstreamSettings.serverPfxCertificateFile": tmp_path / "both.pfx", "webstreamSettings.serverPfxSecret": "geheim"},
    }[kind]
    served = next(iter(config.values()))
    with fake_host.Gateway(tmp_path / "cert.pem", **config) as gateway:
        assert subject(gateway) == "first"
        make("second")
        gateway.process.send_signal(signal.SIGHUP)
        testenv.until(lambda: "read the certificate again" in gateway.log(), "the log line")
        assert subject(gateway) == "second"
        served.rename(tmp_path / "kept")
        gateway.process.send_signal(signal.SIGHUP)
        testenv.until(lambda: "the old certificate stays in use" in gateway.log(), "the log line")
        (tmp_path / "kept").rename(served)
        assert subject(gateway) == "second"


def test_a_taken_port_is_said():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=f"cannot listen on port {port} for browsers"), fake_host.Gateway(gateway__httpsPort=port):
            pass


def test_usage():
    for args, code in ([], 2), (["--nonsense"], 2), (["--state"], 2), (["--help"], 0), (["--state", "/tmp/x", "extra"], 2):
        done = subprocess.run([testenv.BINARY, "gateway", *args], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, args
        assert "usage: isthmus gateway" in done.stdout + done.stderr
