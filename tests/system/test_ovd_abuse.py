# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers and other people try: tokens again and at the same time, guessed ids, the SSH server as a way to somewhere,
wrong passwords, floods, bodies without an end, dots in names. It is refused, nothing has changed, and the others go on."""

import concurrent.futures
import contextlib
import socket
import time
import urllib.parse

import ovdclient
import pytest
import testenv
from ovdclient import OvdClient, Record, ask
from ovdviewer import Tunnel, rfb_result
from testenv import until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 4}
DOTS = ["..", "../../../../etc/passwd", "%2e%2e/x", "/etc/passwd", "a\0b", "x" * 5000, "<script>alert(1)</script>", "'\"&", "\r\nX-Evil: 1"]


@pytest.fixture(scope="module")
def people(instance):
    """Two people with a session each, whose links stay."""
    ovdclient.add_people(instance, "eve")
    alice, eve = OvdClient(instance).begin(), OvdClient(instance, "eve").begin()
    with Tunnel(alice.access(), forward=False).wait(), Tunnel(eve.access(), forward=False).wait():
        yield alice, eve
    alice.kill()
    eve.kill()
    ovdclient.end_all(instance)


@pytest.fixture(autouse=True)
def nothing_changed(request):
    """Alice's session is what it was, whatever has been tried."""
    if "people" not in request.fixturenames:
        yield
        return
    instance, (alice, _) = request.getfixturevalue("instance"), request.getfixturevalue("people")
    before = alice.access()
    pids = sorted(testenv.descendants(instance.role_pid("session-host")))
    yield
    assert alice.whatsup("desktop").status == 2 and alice.whatsup("desktop").application == 2
    assert alice.access() == before
    assert Record(instance).host[0] == 2
    until(lambda: sorted(testenv.descendants(instance.role_pid("session-host"))) == pids, "the same processes")


# ---- tokens and ids ----


def test_a_token_wins_once(instance):
    ovdclient.add_people(instance, "racer")
    racer = OvdClient(instance, "racer")
    location = racer.form().location
    clients = [OvdClient(instance, "racer") for _ in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda c: c.follow(location), clients))
    winners = [c for c, reply in zip(clients, replies) if reply.status == 200]
    assert len(winners) == 1, replies
    assert all(reply.location.endswith("error/") for reply in replies if reply.status != 200), replies
    winner = winners[0]
    assert winner.until(0).status == 0
    for loser in clients:
        if loser is not winner:
            assert loser.whatsup().status == 4
    assert racer.follow(location).location.endswith("error/"), "and never again"
    winner.exit()
    until(lambda: Record(instance, "racer").host[0] == 4, "the end")


def test_two_forms_at_once(instance):
    ovdclient.add_people(instance, "twice")
    twice = OvdClient(instance, "twice")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: twice.form(), range(8)))
    assert sorted(r.status for r in replies) == [302] + [500] * 7, replies
    ovdclient.end_sessions(instance, "twice")


def test_guessed_tokens_and_cookies(people):
    alice, _ = people
    stamp = str(int(time.time()))
    for token in (stamp + "KyCE5", stamp + "a" * 22, stamp, "0", "a" * 4000, *DOTS):
        reply = ask(f"{alice.base}/index.php?{urllib.parse.urlencode({'token': token})}")
        assert reply.location.endswith("error/" if "\0" not in token else "/sessionmanager") and "Evil" not in str(reply.headers), (token, reply)
    for cookie in ("0" * 32, "", alice.cookie.split("=")[1][:-1], alice.cookie.split("=")[1].upper() + "0", "x" * 4000, "../../x"):
        reply = ask(f"{alice.base}/whatsup.php", cookie=f"PHPSESSID={cookie}")
        assert reply.status == 200 and b'<session status="4">' in reply.body, cookie


def test_the_session_of_somebody_else(instance, people):
    alice, eve = people
    theirs = Record(instance)
    for file in ("whatsup.php", "access.php", "portal/application_exit.php"):
        for name in (theirs.session_id, theirs.ovd_id):
            reply = eve.ask(file, application_id=name, access_id=name)
            assert alice.access().ssh_password not in reply.text and alice.access().hidden_password not in reply.text
    # The services of the Session Manager, from the address of somebody else.
    for name in (theirs.ovd_id, theirs.session_id):
        with contextlib.closing(socket.create_connection((urllib.parse.urlsplit(alice.base).hostname, urllib.parse.urlsplit(alice.base).port),
                                                         30, ("127.0.0.7", 0))) as s:  # fmt: skip
            s.sendall(f"GET /applicationserver/webservices/kill_session.php?session={name} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        assert answer.split(b" ")[1] == b"400" and b"ERROR - Request not coming from Session Manager" in answer


def test_dots_in_names(people):
    alice, eve = people
    for name in DOTS:
        for file, key in (("access.php", "application_id"), ("whatsup.php", "application_id"), ("icon.php", "id"), ("print.php", "timestamp"),
                          ("start_app.php", "app_id"), ("portal/focus.php", "access_id"), ("portal/resume_app.php", "access_id"),
                          ("webservices/session_status.php", "session"), ("webservices/kill_session.php", "session"),
                          ("webservices/icon.php", "path")):  # fmt: skip
            reply = eve.ask(file, **{key: name, "size": "300x300", "focus": "1"})
            assert reply.status in (200, 400, 404, 414, 431), (file, name, reply)
            assert b"root:" not in reply.body and reply.headers["X-Evil"] is None
            if not (reply.type or "").startswith("text/plain"):
                assert b"<script>" not in reply.body, (file, name, reply)
    for path in ("../iam/auth/me", "..%2f..%2fetc/passwd", "desktop/../../sessionmanager/index.php", "portal/nothing.php", "error/../../x"):
        assert ask(f"{alice.base}/{path}").status in (302, 400, 403, 404), path


# ---- SSH ----


def refused(access, **options):
    """What ssh says at the end of something that must not work."""
    with Tunnel(access, forward=False, **options) as tunnel:
        return tunnel.ended(40)


def test_ssh_wants_the_right_person(instance, people):
    alice, eve = people
    mine, theirs = eve.access(), alice.access()
    assert mine.ssh_user != theirs.ssh_user
    for user, password in (
        (theirs.ssh_user, mine.ssh_password), (mine.ssh_user, theirs.ssh_password), ("root", mine.ssh_password), ("SSH999", "12345678"),
        (mine.ssh_user, ""), (mine.ssh_user, mine.ssh_password + "x"), (mine.ssh_user.lower(), mine.ssh_password), ("dummy", "dummy"),
    ):  # fmt: skip
        assert "Permission denied" in refused(mine, user=user, password=password), user
    text = ovdclient.logged(instance)
    assert theirs.ssh_password not in text and mine.ssh_password not in text


def through(access, target):
    """Whether one byte comes through a forward to the target."""
    with Tunnel(access, target=target).wait() as tunnel:
        with socket.create_connection(("127.0.0.1", tunnel.port), 20) as s:
            s.settimeout(20)
            try:
                came = s.recv(1)
            except ConnectionError:
                came = b""
        assert "administratively prohibited" in tunnel.log or came, tunnel.log
        return came


def test_ssh_leads_to_the_own_picture_only(instance, people):
    alice, eve = people
    mine, theirs = eve.access(), alice.access()
    assert mine.vnc_port != theirs.vnc_port
    assert through(mine, f"localhost:{mine.vnc_port}") == b"R"
    for target in (f"localhost:{theirs.vnc_port}", f"localhost:{instance.port}", "localhost:22", f"127.0.0.2:{mine.vnc_port}",
                   f"example.org:{mine.vnc_port}", "localhost:65535", f"localhost:{mine.vnc_port + 1000}"):  # fmt: skip
        assert through(mine, target) == b"", target


@pytest.mark.parametrize("legacy", [False, True])
def test_ssh_is_no_login(people, legacy):
    _, eve = people
    access = eve.access()

    def attempt(*command):
        with Tunnel(access, legacy=legacy, forward=False, command=command) as tunnel:
            tunnel.ended(40)
            return tunnel.process.returncode, tunnel.output

    for command in (["-T", "HOST", "id"], ["-T", "HOST"], ["-tt", "HOST"], ["-s", "HOST", "sftp"]):
        code, output = attempt(*command)
        assert code != 0 and b"uid=" not in output, command
    code, _ = attempt("-N", "-R", f"{testenv.free_port()}:localhost:22", "HOST")
    assert code != 0, "no forward to here"
    code, output = attempt("-W", "localhost:22", "HOST")
    assert code != 0 and b"SSH-2.0" not in output


def test_many_links_of_one_session(people):
    """A limit, and the session is still there."""
    _, eve = people
    access = eve.access()
    with contextlib.ExitStack() as stack:
        tunnels = [stack.enter_context(Tunnel(access, forward=False)) for _ in range(20)]
        until(lambda: all(t.process.poll() is not None or "Entering interactive" in t.log for t in tunnels), "each has its answer", 60)
        assert sum(t.process.poll() is None for t in tunnels) <= 16
    assert eve.whatsup("desktop").status == 2


def test_wrong_rfb_passwords(people):
    alice, eve = people
    access = eve.access()
    with Tunnel(access).wait() as tunnel:
        for password in ("", "wrong", alice.access().vnc_password, access.ssh_password, "\0"):
            assert rfb_result(tunnel.port, password) != 0, password


def test_the_rfb_password_still_works(people):
    _, eve = people
    access = eve.access()

    def right():
        with Tunnel(access).wait() as tunnel:
            try:
                return rfb_result(tunnel.port, access.vnc_password) == 0
            except (OSError, IndexError, AssertionError):
                return False

    until(right, "wrong ones are a nuisance for a while only", 60, 1)


# ---- floods ----


def test_a_hundred_polls_a_second(people):
    alice, eve = people
    stop = time.monotonic() + 3
    counts = []

    def poll():
        n = 0
        while time.monotonic() < stop:
            reply = eve.ask("whatsup.php", application_id="desktop")
            assert reply.status in (200, 429, 503), reply
            n += 1
        counts.append(n)

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        jobs = [pool.submit(poll) for _ in range(8)]
        slowest = 0
        while time.monotonic() < stop:
            before = time.monotonic()
            assert alice.whatsup("desktop").status == 2
            slowest = max(slowest, time.monotonic() - before)
        for job in jobs:
            job.result()
    assert sum(counts) > 150, counts
    assert slowest < 2, slowest
    assert eve.whatsup("desktop").status == 2


def connect(base):
    parts = urllib.parse.urlsplit(base)
    return socket.create_connection((parts.hostname, parts.port), 60)


def test_a_body_without_an_end(people):
    alice, eve = people
    head = f"POST /applicationserver/start.php HTTP/1.1\r\nHost: localhost\r\nCookie: {eve.cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with connect(eve.base) as s:
        s.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        answer = b""
        try:
            for _ in range(4096):
                s.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        except OSError:
            pass
        with contextlib.suppress(OSError):
            s.settimeout(20)
            answer = s.recv(100)
        assert answer == b"" or answer.split(b" ")[1] in (b"400", b"413"), answer
    with connect(eve.base) as s:
        s.sendall((head + "Content-Length: 99999999999\r\n\r\n").encode())
        s.settimeout(20)
        answer = s.recv(100)
        assert answer == b"" or answer.split(b" ")[1] in (b"400", b"413"), answer
    # Slow ones are many, and the others do not wait for them.
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(connect(eve.base))
            slow.sendall((head + "Content-Length: 100\r\n\r\nwidth=").encode())
        before = time.monotonic()
        assert alice.whatsup("desktop").status == 2
        assert time.monotonic() - before < 2


def test_bytes_that_are_no_request(people):
    alice, _ = people
    with contextlib.ExitStack() as stack:
        for rubbish in (b"\0" * 100, b"SSH-2.0-x\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET " + b"/a" * 70000 + b" HTTP/1.1\r\n\r\n"):
            with contextlib.suppress(OSError):
                stack.enter_context(connect(alice.base)).sendall(rubbish)
        access = alice.access()
        for port in access.ports:
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_connection((access.host, port), 20)).sendall(b"GET / HTTP/1.0\r\n\r\n" + b"\0" * 4000)
        assert alice.whatsup("desktop").status == 2
        with Tunnel(access, forward=False).wait():
            pass
    assert alice.whatsup("desktop").status == 2


def test_refusals_are_logged_once(instance, people):
    _, eve = people
    access = eve.access()
    before = ovdclient.logged(instance)
    refused(access, password="wrong000")
    until(lambda: len(ovdclient.logged(instance)) > len(before), "a line")
    added = ovdclient.logged(instance)[len(before) :]
    assert "wrong000" not in added
