# SPDX-License-Identifier: GPL-3.0-or-later
"""A person with an OVD 2.5 client: form, redirect, whatsup, start, access data, SSH, the picture pixel by pixel, typing,
suspend, resume, exit. One instance; the other front-end looks on."""

import contextlib
import re

import ovdclient
import pytest
import testenv
from ovdclient import OvdClient, ask, in_home
from ovdviewer import Screen, SessionDisplay, Tunnel, open_terminal
from testenv import until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 3}
HEAD = r'<\?xml version="1\.0" encoding="utf-8"\?>\n'
ACCESS = (
    HEAD + r'<session><parameters width="800" height="600" view_only="No" share_desktop="true"/>'
    r'<ssh host="localhost" user="SSH[0-9]+" passwd="[0-9a-f]{16}"><port>[0-9]+</port><port>[0-9]+</port></ssh>'
    r'<vnc port="59[0-9]{2}" passwd="[0-9a-f]{16}" quality="high">'
    r'<quality compression_level="9" restricted_colors="no" jpeg_image_quality="8" encoding="Tight"/></vnc></session>\n?'
)


@pytest.fixture(scope="module")
def screen():
    with Screen() as running:
        yield running


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    client.kill()
    ovdclient.end_all(instance)


@contextlib.contextmanager
def at_the_screen(client, screen, legacy=False):
    """Tunnel and viewer of an OVD client."""
    access = client.access()
    with Tunnel(access, legacy=legacy).wait() as tunnel, screen.viewer(tunnel.port, access.hidden_password) as viewer:
        yield tunnel, viewer, access


@pytest.mark.parametrize("legacy", [False, True])
def test_the_whole_walk(instance, screen, ovd, legacy):
    reply = ovd.form(persistent="1", quality="high")
    assert reply.body == b"" and re.fullmatch(r"http://localhost:[0-9]+/applicationserver/index\.php\?token=[0-9a-zA-Z]{32}", reply.location)
    answer = ovd.follow(reply.location)
    port = re.search(r":([0-9]+)/", reply.location)[1]
    assert answer.status == 200 and answer.type == ovdclient.XML
    assert re.fullmatch(
        HEAD + r'<session mode="desktop" shareable="true" persistent="true">'
        rf'<aps protocol="http" server="localhost" port="{port}" location="/applicationserver"/></session>\n?',
        answer.text,
    ), answer
    assert ovd.cookie
    ovd.session = answer.xml("ovd-session-answer")
    first = ovd.until((-1, 0), instance="desktop")
    assert first.application == -1 and first.sharing is None and first.print is None
    ovd.until(0)
    before = ovd.access()
    assert (before.ssh_user, before.ssh_password) == ("", ""), "no credentials before there is a session"
    ovd.start(800, 600)
    ready = ovd.until(2, 2, "desktop")
    assert ready.sharing == []
    assert ovd.whatsup().running == [], "the desktop is no application"
    person = ovdclient.as_browser(instance)
    assert person.session_state()["state"] == "active"

    answer = ovd.ask("access.php", application_id="desktop")
    assert answer.type == ovdclient.XML and re.fullmatch(ACCESS, answer.text), answer
    suspend_and_resume(instance, screen, ovd, person, legacy)
    exit_leaves_nothing(instance, ovd, person)


def suspend_and_resume(instance, screen, ovd, person, legacy):
    with SessionDisplay(instance) as display:
        with at_the_screen(ovd, screen, legacy) as (tunnel, viewer, old):
            at = viewer.shows(display)
            assert at and display.picture().width == 800
            open_terminal(instance, screen, at)
            screen.type("echo effect-$((6*7)) > effect\n")
            until(lambda: in_home(instance, "effect") and in_home(instance, "effect").read_text() == "effect-42\n", "what was typed")
            viewer.shows(display)
            shells = instance.processes("bash")
            ovd.suspend()
            assert ovd.whatsup().status == 4, "the cookie is forgotten"
            tunnel.ended()
            viewer.ended()
        until(lambda: ovdclient.status_of(person) == 10, "suspended")
        assert person.session_state()["state"] == "suspended"
        assert instance.processes("bash") == shells, "its programs go on"
        with Tunnel(old, legacy=legacy) as refused:
            assert "Permission denied" in refused.ended(), "the password went with the suspend"

        reply = ovd.form(persistent="1")
        ovd.open(reply.location)
        assert ovd.until(10).status == 10
        gone = ovd.access()
        assert (gone.ssh_user, gone.ssh_password) == ("", "")
        ovd.start(800, 600)
        ovd.until(2, 2, "desktop")
        with at_the_screen(ovd, screen, legacy) as (tunnel, viewer, new):
            viewer.shows(display)
            assert new.ssh_password != old.ssh_password and new.hidden_password == old.hidden_password
            screen.type("echo again > again\n")
            until(lambda: in_home(instance, "again"), "typing after the resume")
            assert instance.processes("bash") == shells
    ovdclient.as_browser(instance)


def exit_leaves_nothing(instance, ovd, person):
    inside = [pid for name in ("Xvnc", "icewm", "bash", "streamer") for pid in instance.processes(name)]
    assert inside
    ovd.exit()
    assert ovd.whatsup().status == 4 and ovd.whatsup("desktop").root.find("applications") is not None
    until(lambda: ovdclient.status_of(person) == 4, "the gateway knows")
    until(lambda: not any(testenv.is_alive(pid) for pid in inside), "the processes are gone")
    until(lambda: in_home(instance, "effect") is None, "the home is clean")
    until(lambda: not ovdclient.keepers(instance), "the slot is free")
    leaked = ovdclient.logged(instance)
    assert ovd.cookie.split("=")[1] not in leaked


def test_secrets_are_in_no_log_and_no_command_line(instance, ovd):
    reply = ovd.form()
    ovd.open(reply.location)
    ovd.until(0)
    ovd.start()
    ovd.until(2, 2, "desktop")
    access = ovd.access()
    with Tunnel(access).wait():
        secrets = [access.ssh_password, access.vnc_password, access.hidden_password, access.ssh_password.encode().hex(), reply.token,
                   ovd.cookie.split("=")[1], ovd.password]  # fmt: skip
        lines = [b" ".join(testenv.command_line(pid)).decode() for pid in testenv.descendants(instance.pid)]
        text = ovdclient.logged(instance) + "\n".join(lines)
        assert len(access.ssh_password) == 8 and re.fullmatch(r"[!-~]{8}", access.ssh_password)
        for secret in secrets:
            assert secret and secret not in text


def test_two_viewers_of_the_owner(instance, screen, ovd):
    """RFB's shared flag holds: a second program does not throw the first one out."""
    ovd.begin()
    access = ovd.access()
    with Tunnel(access).wait() as tunnel, SessionDisplay(instance) as display:
        with screen.viewer(tunnel.port, access.hidden_password) as one:
            one.shows(display)
            with Screen() as other, other.viewer(tunnel.port, access.hidden_password) as two:
                two.shows(display)
            one.shows(display)


def test_the_size_of_the_start(instance, screen, ovd):
    ovd.begin(1024, 700)
    access = ovd.access()
    assert (access.width, access.height) == (1024, 700)
    with SessionDisplay(instance) as display:
        picture = display.picture()
        assert (picture.width, picture.height) == (1024, 700)


@pytest.mark.parametrize("quality", ["lowest", "medium", "highest"])
def test_quality_words(ovd, quality):
    ovd.open(quality=quality)
    ovd.until(0)
    ovd.start()
    ovd.until(2)
    assert ovd.access().quality == quality


def test_the_ssh_link_alone_ends_it(instance, ovd):
    """The applet is closed, the page does not poll: without the link the session is over at once."""
    ovd.begin()
    person = ovdclient.as_browser(instance)
    with Tunnel(ovd.access()).wait():
        assert ovd.whatsup("desktop").status == 2
    ovd.until(4, timeout=20)
    until(lambda: ovdclient.status_of(person) == 4, "the gateway knows")


def test_where_nobody_may_go(ovd):
    """What a client without a session is told."""
    ovd.base = ovd.form().location.split("/index.php")[0]
    assert ask(f"{ovd.base}/whatsup.php").body == b'<session status="4"><applications/></session>'
    for file in ("start.php?width=8&height=6", "access.php?application_id=desktop", "apps.php", "start_app.php?app_id=1&size=8x6"):
        reply = ask(f"{ovd.base}/{file}")
        assert (reply.status, reply.type, reply.body) == (200, ovdclient.HTML, b"CRITICAL ERROR"), file
    for file in ("exit.php", "suspend.php"):
        reply = ask(f"{ovd.base}/{file}")
        assert (reply.status, reply.text) == (400, "die2 (400): ERROR - No $session"), file
    manager = ovd.manager.split("/")[2]
    for url in (f"{ovd.base}/index.php", f"{ovd.base}/index.php?token="):
        location = ask(url).location
        assert "/sessionmanager" in location and manager.split(":")[0] in location
    assert ask(f"{ovd.base}/index.php?token=17952292141234567890123456789012").location.endswith("error/")
    page = ask(f"{ovd.base}/error/")
    assert page.status == 200 and page.type.startswith("text/html")
