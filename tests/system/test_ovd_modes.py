# SPDX-License-Identifier: GPL-3.0-or-later
"""Portal and external mode, every form of whatsup.php, start_app.php and its errors, the calls of the portal page, the MODE
pages, and what the Application Server answers to its Session Manager."""

import concurrent.futures
import re
import socket
import subprocess
import urllib.parse

import ovdclient
import pytest
import testenv
from ovdclient import HTML, OvdClient, ask, in_home
from ovdviewer import Screen, Tunnel
from testenv import until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 3}
INSTANCE = r"[a-zA-Z0-9]{5}"


@pytest.fixture(scope="module")
def apps(instance):
    return OvdClient(instance).applications()


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    client.kill()
    ovdclient.end_all(instance)


@pytest.fixture
def portal(ovd):
    """A portal session with its SSH link, which has no channel: it only says that its owner is there."""
    ovd.begin(session_mode="portal")
    with Tunnel(ovd.access("portal"), forward=False).wait():
        yield ovd


def show(access, legacy=False):
    """Opens the picture of an instance and waits until it has more than a background; its size and its colours."""
    with Tunnel(access, legacy=legacy).wait() as tunnel, Screen(1000, 800) as screen:
        with screen.viewer(tunnel.port, access.hidden_password, "-FullScreen=0") as viewer:

            def look():
                assert viewer.process.poll() is None, viewer.ended()
                return screen.picture().colours() > 30

            until(look, "a picture", 30, 0.3)
            return screen.picture()


# ---- portal ----


def test_portal(instance, portal, apps):
    access = portal.access("portal")
    text = portal.ask("access.php", application_id="portal").text
    assert "<vnc" not in text and access.vnc_port == 0 and len(access.ssh_password) == 8
    assert portal.whatsup().running == []
    listed = portal.ask("apps.php").xml("ovd-apps")
    assert {a.get("name"): a.get("id") for a in listed} == {name: apps[name] for name in ("Terminal", "Text Editor")}

    terminal = portal.start_app(apps["Terminal"], "500x400")
    assert re.fullmatch(INSTANCE, terminal)
    assert portal.whatsup().running == [(terminal, apps["Terminal"], 2)]
    assert portal.whatsup(terminal).application == 2
    editor = portal.start_app(apps["Text Editor"], "640x480")
    running = portal.whatsup().running
    assert sorted(running) == sorted([(terminal, apps["Terminal"], 2), (editor, apps["Text Editor"], 2)])
    of_terminal, of_editor = portal.access(terminal), portal.access(editor)
    assert (of_terminal.width, of_terminal.height, of_editor.width, of_editor.height) == (500, 400, 640, 480)
    assert of_terminal.vnc_port != of_editor.vnc_port and of_terminal.vnc_port >= 5900
    assert of_terminal.hidden_password == of_editor.hidden_password
    assert {of_terminal.ssh_user, of_terminal.ssh_password} == {access.ssh_user, access.ssh_password}
    one, two = show(of_terminal), show(of_editor)
    assert one != two

    # An application that ends takes its instance with it and nothing else.
    shell = instance.single("bash")
    subprocess.run(["kill", "-HUP", str(shell)], check=True)
    until(lambda: portal.whatsup().running == [(editor, apps["Text Editor"], 2)], "the terminal has gone")
    assert portal.whatsup(terminal).application == -1
    assert portal.whatsup().status == 2


def test_portal_stops_an_application(instance, portal, apps):
    terminal = portal.start_app(apps["Terminal"])
    reply = portal.ask("portal/application_exit.php", access_id=terminal)
    assert reply.status == 200
    until(lambda: portal.whatsup().running == [], "it has been stopped")
    until(lambda: not instance.processes("xterm"), "its program has gone")
    assert portal.whatsup().status == 2


def test_portal_suspends_and_resumes_an_application(instance, ovd, apps):
    ovd.begin(session_mode="portal", persistent="1")
    with Tunnel(ovd.access("portal"), forward=False).wait():
        terminal = ovd.start_app(apps["Terminal"])
        shells = until(lambda: instance.processes("bash"), "the shell")
        assert ovd.ask("portal/application_exit.php", access_id=terminal).status == 200
        until(lambda: ovd.whatsup(terminal).application == 10, "suspended")
        assert instance.processes("bash") == shells
        assert ovd.ask("portal/resume_app.php", access_id=terminal).status == 200
        until(lambda: ovd.whatsup(terminal).application == 2, "resumed")
        assert instance.processes("bash") == shells
        show(ovd.access(terminal))


def test_portal_pages(portal, apps):
    terminal = portal.start_app(apps["Terminal"])
    for file, query in (
        ("portal/focus.php", {"access_id": terminal, "focus": 1}),
        ("portal/get_news.php", {}),
        ("portal/share_app.php", {"access_id": terminal}),
        ("portal/external_app.php", {"app_id": apps["Terminal"], "app_args": "<b>"}),
        ("portal/resume.php", {"access_id": terminal}),
    ):
        reply = portal.ask(file, **query)
        assert reply.status in (200, 302), (file, reply)
        assert b"<b>" not in reply.body
    complaints = ovdclient.logged(portal.instance).count("gave no answer")
    assert portal.ask("portal/get_news.php").body == b""
    assert ovdclient.logged(portal.instance).count("gave no answer") == complaints
    for file in ("portal/focus.php", "portal/resume_app.php", "portal/application_exit.php"):
        for bad in ("../../x", "", "a" * 5000, "%00"):
            assert portal.ask(file, access_id=bad).status in (200, 400, 414), file
    assert portal.whatsup(terminal).application == 2


def test_an_argument_stays_one_argument(instance, portal, apps):
    """No shell sees it."""
    evil = "-hold; touch /tmp/evil $(touch evil) `id` 'x' \"y\""
    portal.ask("start_app.php", app_id=apps["Text Editor"], size="400x300", app_args=evil)
    lines = [testenv.command_line(pid) for pid in instance.processes("mousepad")]
    assert all(evil.encode() in line for line in lines if line), lines
    assert not in_home(instance, "evil")


def test_icons(portal, apps):
    for name in apps:
        reply = ask(f"{portal.base}/icon.php?id={apps[name]}")  # nobody needs a session for it
        assert (reply.status, reply.type) == (200, "image/png") and reply.body.startswith(b"\x89PNG\r\n"), name
    for unknown in ("?id=99999", "?id=x", "?id=", "", "?id=../../etc/passwd"):
        reply = ask(f"{portal.base}/icon.php{unknown}")
        assert (reply.status, reply.type, reply.body) == (200, "image/png", b""), unknown


# ---- start_app.php ----


def test_start_app_errors(portal, apps):
    for query in ({}, {"app_id": apps["Terminal"]}, {"size": "640x480"}):
        reply = portal.ask("start_app.php", **query)
        assert (reply.status, reply.type, reply.body) == (200, HTML, b"CRITICAL ERROR"), query
    for query in (
        {"app_id": "999999", "size": "640x480"},
        {"app_id": "xterm", "size": "640x480"},
        {"app_id": "-1", "size": "640x480"},
        {"app_id": apps["Terminal"], "size": "640"},
        {"app_id": apps["Terminal"], "size": "99999999x5"},
        {"app_id": apps["Terminal"], "size": "0x0"},
    ):
        reply = portal.ask("start_app.php", **query)
        if reply.body != b"CRITICAL ERROR":
            assert reply.body == b'<error errno="1" errstr="Unable to start external application"/>', query
            reply.xml("ovd-start-app")
    assert portal.whatsup().running == []


def test_many_at_once(portal, apps):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda n: portal.start_app(apps["Terminal"], f"{300 + n}x200"), range(4)))
    assert len(set(ids)) == 4
    assert sorted(r[0] for r in portal.whatsup().running) == sorted(ids)
    ports = {portal.access(i).vnc_port for i in ids}
    assert len(ports) == 4


# ---- external ----


def test_external(instance, ovd, apps):
    ovd.open(session_mode="external", start_app=apps["Terminal"])
    assert ovd.session.get("mode") == "external" and ovd.session.get("persistent") == "false"
    ovd.until(0)
    ovd.start(700, 500)
    ready = ovd.until(2, -1, "")
    assert ready.application == -1
    first = ovd.start_app(apps["Terminal"], "700x500")
    assert ovd.whatsup(first).application == 2
    assert len(until(lambda: instance.processes("xterm"), "the application")) == 1, "it is not started twice"
    access = ovd.access(first)
    assert (access.width, access.height) == (700, 500)
    show(access)

    # A second program of the same person comes into the same session.
    with Tunnel(access, forward=False).wait():
        other = OvdClient(instance).open(session_mode="external", start_app=apps["Text Editor"])
        assert other.session.get("mode") == "external"
        assert other.until(2, -1, "").application == -1
        second = other.start_app(apps["Text Editor"], "640x480")
        assert second != first
        assert len(ovdclient.keepers(instance)) == 1
        show(other.access(second))
        # The application of the session's start ends: so does the session.
        shell = instance.single("bash")
        subprocess.run(["kill", "-HUP", str(shell)], check=True)
        until(lambda: ovd.whatsup(first).application in (-1, 3, 4) or ovd.whatsup().status in (3, 4), "the terminal has gone")


def test_external_mode_in_a_session_of_the_browser(instance, ovd, apps):
    """What the browser has begun is shown as what it is; anything else has a display of its own."""
    person = instance.client()
    person.launch("app_collection", "terminal")
    assert person.request("POST", "/gateway/session/invite", {"sessionId": person.session, "mode": "passive"}).status == 200
    begun = until(lambda: instance.processes("xterm"), "the terminal")
    ovd.open(session_mode="external", start_app=apps["Text Editor"])
    assert ovd.session.get("mode") == "external"
    assert ovd.until(2, -1, "").application == -1
    editor = ovd.start_app(apps["Text Editor"], "500x400")
    assert (ovd.access(editor).width, ovd.access(editor).height) == (500, 400)
    assert len(instance.processes("mousepad")) == 1
    terminal = ovd.start_app(apps["Terminal"], "500x400")
    assert (ovd.access(terminal).width, ovd.access(terminal).height) == (1024, 768)
    assert terminal != editor and instance.processes("xterm") == begun
    assert len(ovdclient.keepers(instance)) == 1
    show(ovd.access(editor))


def test_external_needs_an_application(ovd):
    for arguments in ({}, {"start_app": "99999"}, {"start_app": "x"}):
        assert ovd.form(session_mode="external", **arguments).message == "The service is not available, please try again later"


# ---- whatsup.php ----


def test_forms_of_whatsup(ovd):
    ovd.begin()
    text = ovd.ask("whatsup.php", application_id="desktop").text
    assert text == '<session status="2"><application status="2"/><sharing count="0"/></session>'
    assert ovd.ask("whatsup.php").text == '<session status="2"><applications/><sharing count="0"/></session>'
    for unknown in ("", "zzzzz", "../desktop", "a" * 300, "windows"):
        reply = ovd.ask("whatsup.php", application_id=unknown)
        assert reply.text == '<session status="2"><application status="-1"/><sharing count="0"/></session>', unknown
    post = ask(f"{ovd.base}/whatsup.php", {"application_id": "desktop"}, cookie=ovd.cookie)
    assert post.status in (200, 405)


# ---- MODE pages ----


def test_mode_pages_for_programs(ovd):
    location = ovd.form().location
    ovd.follow(location)
    for mode in ("desktop", "external", "share"):
        reply = ask(f"{ovd.base}/{mode}/", cookie=ovd.cookie)
        assert reply.status == 200, (mode, reply)
        if b"<aps" in reply.body:
            assert reply.body == b'<aps server="localhost"/>'


def test_browsers_are_sent_to_the_browser_client(instance, ovd):
    reply = ovd.follow(ovd.form(client="browser").location)
    assert re.fullmatch(r"desktop/\?token=[0-9a-zA-Z]{32}", reply.location)
    page = ask(f"{ovd.base}/{reply.location}", cookie=ovd.cookie)
    found = re.fullmatch(rf"https://localhost:{instance.port}/#code=([0-9a-zA-Z_-]{{20,}})", page.location)
    assert found, page
    exchanged = instance.post("/gateway/session/code", {"code": found[1]})
    assert exchanged.status == 200, exchanged
    assert instance.post("/gateway/session/code", {"code": found[1]}).status in (400, 401, 403, 404, 410), "once"
    # Nobody else gets in by the address of the page.
    assert "code=" not in str(ask(f"{ovd.base}/{reply.location}").headers)


# ---- for the Session Manager ----


def test_services_for_the_session_manager(ovd):
    base = ovd.form().location.split("/index.php")[0] + "/webservices"
    for file, body in (("server_status.php", b"ready"), ("server_type.php", b"linux")):
        reply = ask(f"{base}/{file}")
        assert (reply.status, reply.type, reply.body) == (200, HTML, body), file
    assert ask(f"{base}/session_status.php?session=1795229214KyCE5").body == b"4"
    missing = ask(f"{base}/session_status.php")
    assert missing.status == 400
    unknown = ask(f"{base}/kill_session.php?session=1795229214KyCE5")
    assert (unknown.status, unknown.text) == (400, "No such session : 1795229214KyCE5")
    nothing = ask(f"{base}/kill_session.php")
    assert (nothing.status, nothing.text) == (400, "ERROR - NO $_GET['session']")
    for path in ("../../etc/passwd", "..", "%2e%2e%2fetc", "nothing.php"):
        assert ask(f"{base}/{path}").status in (400, 404)


def test_a_stranger_is_not_the_session_manager(instance, ovd):
    """From another address than the Session Manager's."""
    parts = urllib.parse.urlsplit(ovd.form().location)
    with socket.create_connection(("127.0.0.1", parts.port), 30, ("127.0.0.9", 0)) as s:
        s.sendall(b"GET /applicationserver/webservices/server_status.php HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    assert answer.split(b" ")[1] == b"400" and answer.endswith(b"ERROR - Request not coming from Session Manager")
