# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH servers of a session host and the applications behind them: which ports there are, what a suspended application
loses, which start_app.php ends without one, how sure a host is of its Session Manager, and what a browser finds."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import ovdclient
import pytest
import testenv
from ovdclient import HTML, OvdClient, Record, ask
from ovdviewer import Screen, Tunnel
from testenv import until

ERROR = b'<error errno="1" errstr="Unable to start external application"/>'
CONFIG = {
    **ovdclient.CONFIG,
    "webstreamSettings.serverMaxSessionCount": 3,
    "ovd.sshLegacy": "false",
    "ovd.connectionTimeoutMs": 3000,
    "ovd.title": "Desks & <Chairs>",
}


@pytest.fixture(scope="module")
def instance():
    """Its Session Manager has a name, so that the host has to ask whose address it is that asks."""
    base, port = testenv.free_block(), testenv.free_port()
    testenv.claims.remove(block := next(c for c in testenv.claims if c.getsockname() == f"\0isthmus-ports-{base}".encode()))
    block.close()
    config = {
        **CONFIG, "webstreamSettings.basePortNumber": base, "ovd.sessionManagerUrl": f"http://localhost:{base}/sessionmanager", "ovd.sshPort": port,
    }  # fmt: skip
    with testenv.Instance(config=config) as running:
        until(lambda: "host keys made" in ovdclient.logged(running), "the host keys", 120)
        yield running


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    client.kill()
    ovdclient.end_all(instance)


@contextlib.contextmanager
def portal(client, **arguments):
    client.begin(session_mode="portal", **arguments)
    with Tunnel(client.access("portal"), forward=False).wait():
        yield client.applications()


def came_back(client):
    with contextlib.suppress(OSError):
        return client.whatsup("desktop").status == 2
    return False


def fingerprints(port):
    done = subprocess.run(["ssh-keyscan", "-T", "20", "-p", str(port), "127.0.0.1"], capture_output=True, text=True, timeout=60, check=True)
    return sorted(line.split(None, 1)[1] for line in done.stdout.splitlines() if not line.startswith("#"))


# ---- the servers ----


def test_one_server_without_the_legacy_one(instance, ovd):
    ovd.begin()
    access = ovd.access()
    port = instance.config["ovd.sshPort"]
    assert access.ports == [port]
    assert f"ssh={port}\n" in ovdclient.logged(instance) and "sshLegacy" not in (instance.state / "log/all.log").read_text()
    with Tunnel(access).wait(), Tunnel(access, legacy=True) as refused:
        assert "Unable to negotiate" in refused.ended()


def test_host_keys_are_made_once():
    with testenv.Instance(config={**ovdclient.CONFIG, "ovd.sshPort": testenv.free_port()}) as instance:
        port = instance.config["ovd.sshPort"]
        before = until(lambda: fingerprints(port), "the keys", 60)
        assert {line.split()[0] for line in before} == {"ssh-ed25519", "ssh-rsa"}
        for name in ("ssh_host_ed25519_key", "ssh_host_rsa_key"):
            assert (instance.state / "secrets" / name).stat().st_mode & 0o777 == 0o600
        ovd = OvdClient(instance).begin()
        access = ovd.access()
        host = instance.role_pid("session-host")
        subprocess.run(["kill", "-KILL", str(host)], check=True)
        until(lambda: instance.role_pid("session-host") not in (0, host), "another host")

        def answers():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as s:
                return s.recv(4) == b"SSH-"
            return False

        until(answers, "SSH again", 60)
        assert fingerprints(port) == before
        with Tunnel(access).wait():
            until(lambda: came_back(ovd), "its front-end is back")
            assert ovd.access() == access, "the same credentials are let in"
        ovd.exit()


# ---- applications ----


def test_a_suspended_application_loses_its_viewers(instance, ovd):
    with portal(ovd, persistent="1") as apps, Screen() as screen:
        one, two = ovd.start_app(apps["Terminal"], "300x200"), ovd.start_app(apps["Terminal"], "310x210")
        of_one, of_two = ovd.access(one), ovd.access(two)
        with Tunnel(of_one).wait() as tunnel, screen.viewer(tunnel.port, of_one.hidden_password) as seen, Tunnel(of_two).wait() as other:
            with screen.viewer(other.port, of_two.hidden_password) as kept:
                until(lambda: screen.picture().colours() > 30, "a picture")
                shells = instance.processes("bash")
                ovd.ask("portal/application_exit.php", access_id=one)
                until(lambda: ovd.whatsup(one).application == 10, "it is suspended")
                seen.ended()
                assert tunnel.process.poll() is None, "the link stays"
                assert ovd.whatsup(two).application == 2 and kept.process.poll() is None
                with socket.create_connection(("127.0.0.1", tunnel.port), 20) as s:
                    assert s.recv(1) == b"", "no channel to a suspended application"
                ovd.ask("portal/resume_app.php", access_id=one)
                until(lambda: ovd.whatsup(one).application == 2, "it is back")
                with screen.viewer(tunnel.port, of_one.hidden_password) as again:
                    until(lambda: ovdclient.logged(instance).count(f"its owner sees {one}") == 2, "its picture")
                    assert ovd.whatsup(one).application == 2 and again.process.poll() is None
                assert instance.processes("bash") == shells, "its program went on"


def test_silence_suspends_an_application_of_a_persistent_session(ovd):
    """2 -> 8 -> 9 -> 10, and from there back."""
    with portal(ovd, persistent="1") as apps:
        terminal = ovd.start_app(apps["Terminal"])
        until(lambda: ovd.whatsup().running == [(terminal, apps["Terminal"], 10)], "it is suspended", 30)
        assert ovd.whatsup().status == 2
        ovd.ask("portal/resume_app.php", access_id=terminal)
        assert ovd.whatsup(terminal).application == 2


def test_suspended_with_its_session(ovd):
    """All instances go to 10 with the session; the desktop of it comes back with it, others when they are asked for."""
    ovd.begin(session_mode="portal", persistent="1")
    with Tunnel(ovd.access("portal"), forward=False).wait() as tunnel:
        apps = ovd.applications()
        terminal = ovd.start_app(apps["Terminal"])
        ovd.suspend()
        tunnel.ended()
    ovd.open(ovd.form(persistent="1", session_mode="portal").location)
    assert ovd.until(10).running == [(terminal, apps["Terminal"], 10)]
    assert ovd.ask("start_app.php", app_id=apps["Terminal"], size="300x200").body == ERROR
    ovd.start()
    ovd.until(2)
    with Tunnel(ovd.access("portal"), forward=False).wait():
        assert ovd.whatsup().running == [(terminal, apps["Terminal"], 10)]
        ovd.ask("portal/resume_app.php", access_id=terminal)
        until(lambda: ovd.whatsup(terminal).application == 2, "it is back")


def test_an_application_that_does_not_start(instance, ovd):
    with portal(ovd) as apps:
        change = "UPDATE applications SET executable = ? WHERE name = 'Text Editor'"
        ((usual,),) = ovdclient.query(instance, "main", "SELECT executable FROM applications WHERE name = 'Text Editor'")
        try:
            ovdclient.query(instance, "main", change, "/usr/bin/there-is-no-such-program")
            reply = ovd.ask("start_app.php", app_id=apps["Text Editor"], size="300x200")
            assert reply.body == ERROR, reply
        finally:
            ovdclient.query(instance, "main", change, usual)
        assert ovd.whatsup().status == 2 and ovd.whatsup().running == []


def test_a_session_manager_that_does_not_answer(instance, ovd):
    """The error comes after ovd.connectionTimeoutMs, and an answer that comes later starts nothing."""
    with portal(ovd) as apps:
        gateway = instance.role_pid("gateway")
        os.kill(gateway, signal.SIGSTOP)
        try:
            before = time.monotonic()
            reply = ovd.ask("start_app.php", app_id=apps["Terminal"], size="300x200")
            assert reply.body == ERROR and 2.5 < time.monotonic() - before < 9
            assert ovd.ask("icon.php", id="1").body == b""
        finally:
            os.kill(gateway, signal.SIGCONT)
        until(lambda: len(ovd.ask("apps.php").xml("ovd-apps")) == 2, "it answers again")
        assert ovd.whatsup().running == []


def test_a_client_that_does_not_wait(ovd):
    """The application is started, and stopped when nobody asks about it."""
    with portal(ovd) as apps:
        host, port = re.fullmatch(r"http://([^:]+):([0-9]+)/applicationserver", ovd.base).groups()
        with socket.create_connection((host, int(port)), 20) as s:
            path = f"/applicationserver/start_app.php?app_id={apps['Terminal']}&size=300x200"
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {ovd.cookie}\r\n\r\n".encode())
        until(lambda: ovd.whatsup().running, "it runs")
        until(lambda: not ovd.whatsup().running, "it is stopped", 30)
        assert ovd.whatsup().status == 2


def test_guests_start_nothing(ovd):
    with portal(ovd) as apps:
        nobody = OvdClient(ovd.instance)
        nobody.base = ovd.base
        for file, query in (
            ("start_app.php", {"app_id": apps["Terminal"], "size": "300x200"}), ("apps.php", {}), ("portal/application_exit.php", {"access_id": "abcde"}),
            ("portal/share_app.php", {"access_id": "abcde"}), ("portal/get_news.php", {}),
        ):  # fmt: skip
            reply = nobody.ask(file, **query)
            assert (reply.status, reply.type, reply.body) == (200, HTML, b"CRITICAL ERROR"), file
        assert ovd.whatsup().running == []


def test_external_opens_what_it_was_asked_to(instance, ovd):
    """start_app_args of the form is one argument of the session's program; start_app.php with it finds that program, and with
    another one starts another."""
    apps = ovd.applications()
    document = "it's $(touch x) \"new\" {notes}.txt"
    ovd.open(session_mode="external", start_app=apps["Text Editor"], start_app_args=document)
    ovd.until(0)
    ovd.start(640, 480)
    ovd.until(2)
    editor = instance.single("mousepad")
    assert document.encode() in testenv.command_line(editor)
    first = ovd.start_app(apps["Text Editor"], "640x480", app_args=document)
    assert ovd.whatsup().running == [(first, apps["Text Editor"], 2)] and instance.processes("mousepad") == [editor]
    with Tunnel(ovd.access(first), forward=False).wait():
        second = ovd.start_app(apps["Text Editor"], "640x480", doc="other.txt")
        assert second != first
        assert {job for job, _, status in ovd.whatsup(None).running if status == 2} == {first, second}


def test_icons(ovd):
    ovd.begin()
    picture = ask(f"{ovd.base}/icon.php?id={ovd.applications()['Terminal']}")
    assert (picture.status, picture.type) == (200, "image/png") and picture.body.startswith(b"\x89PNG")
    for wrong in ("", "?id=", "?id=999999", "?id=../1", "?id=1;2"):
        nothing = ask(f"{ovd.base}/icon.php{wrong}")
        assert (nothing.status, nothing.type, nothing.body) == (200, "image/png", b""), wrong


# ---- the Session Manager asks ----


def test_the_session_manager_ends_a_session(instance, ovd):
    ovd.begin()
    record, services = Record(instance), f"{ovd.base}/webservices"
    assert record.at_server(ovd.base) == 2
    killed = ask(f"{services}/kill_session.php?session={record.ovd_id}")
    assert (killed.status, killed.type, killed.body) == (200, HTML, b"OK")
    until(lambda: record.at_server(ovd.base) == 4, "it is over")
    until(lambda: record.host == (4, "adminkill"), "the journal has the end")
    again = ask(f"{services}/kill_session.php?session={record.ovd_id}")
    assert (again.status, again.text) == (400, f"No such session : {record.ovd_id}")
    posted = ask(f"{services}/session_status.php", {"session": record.ovd_id})
    assert (posted.status, posted.body) == (200, b"4")


def test_only_the_session_manager_may_ask(instance, ovd):
    """127.0.0.9 has another name than the Session Manager, or none."""
    base = ovd.form().location.split("/index.php")[0].replace("localhost", "127.0.0.1")
    assert ask(f"{base}/webservices/server_status.php").body == b"ready"
    for address in ("127.0.0.9", "127.0.0.9", "127.0.0.1"):
        command = ["curl", "-s", "-i", "--interface", address, "-H", "X-Forwarded-For: 127.0.0.1", f"{base}/webservices/server_type.php"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        good = address == "127.0.0.1"
        assert (" 200 " in done.stdout.splitlines()[0]) == good
        assert done.stdout.endswith("\nlinux" if good else "\nERROR - Request not coming from Session Manager")


# ---- pages ----


def test_the_page_behind_a_used_link(ovd):
    location = ovd.form().location
    ovd.follow(location)
    refused = ask(location)
    page = ask(f"{location.split('/index.php')[0]}/{refused.location}")
    assert (page.status, page.type) == (200, HTML)
    assert "Invalid token" in page.text and "<title>Desks &amp; &lt;Chairs&gt;</title>" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"] and "http" not in page.text
    for path in ("applet/ulteo-applet.jar", "applet/", "media/script/daemon.js", "ulteo-printing.jar"):
        assert ask(f"{location.split('/index.php')[0]}/{path}").status == 404, path


def test_pages_of_a_mode_without_a_session(ovd):
    base = ovd.form().location.split("/index.php")[0]
    for path in ("desktop/?token=17952530164npcHVmvKqQNLKjTmQ37Xh", "share/", "portal/external_app.php?app_id=1"):
        page = ask(f"{base}/{path}")
        assert page.status == 403 and "Invalid token" in page.text and page.headers["Location"] is None, path


def test_a_browser_is_led_by_the_name_it_used(instance, ovd):
    reply = ovd.follow(ovd.form(client="browser").location)
    for host, wanted in (("desk.example:99", "desk.example"), ("[::1]:8082", "[::1]"), ("10.1.2.3", "10.1.2.3")):
        page = ask(f"{ovd.base}/{reply.location}", cookie=ovd.cookie, headers={"Host": host})
        assert re.fullmatch(rf"https://{re.escape(wanted)}:{instance.port}/#code=[0-9a-f]+", page.location), page
        assert page.headers["Referrer-Policy"] == "no-referrer"
    for host in ("a b", "x/y", "evil@x", "x\tz", "[::1", "<b>"):
        page = ask(f"{ovd.base}/{reply.location}", cookie=ovd.cookie, headers={"Host": host})
        assert page.status in (400, 503) and page.headers["Location"] is None, (host, page)
