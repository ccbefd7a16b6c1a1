# SPDX-License-Identifier: GPL-3.0-or-later
"""Printing from a legacy session: lp and a GTK application make documents, whatsup.php announces each of them once, and
print.php hands it out with the headers of the original."""

import re
import time

import ovdclient
import pytest
from ovdclient import OvdClient, ask
from ovdviewer import Screen, SessionDisplay, Tunnel, open_terminal
from testenv import until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 2}


@pytest.fixture(scope="module")
def desk(instance):
    """A desktop with a viewer and a terminal in it."""
    ovd = OvdClient(instance).begin()
    access = ovd.access()
    with Tunnel(access).wait() as tunnel, Screen() as screen, SessionDisplay(instance) as display:
        with screen.viewer(tunnel.port, access.hidden_password) as viewer:
            open_terminal(instance, screen, viewer.shows(display))
            yield ovd, screen
    ovd.kill()
    ovdclient.end_all(instance)


def announced(ovd, application="desktop"):
    """The next announcement; whoever waits for it polls."""
    return until(lambda: ovd.whatsup(application).print, "an announcement", 60, 0.2)


def test_lp(desk):
    ovd, screen = desk
    started = int(time.time())
    assert ovd.whatsup("desktop").print is None
    screen.type("lp -t 'My doc (1)' /etc/passwd\n")
    told = announced(ovd)
    assert set(told) == {"path", "time"} and told["path"] == "Mydoc1.pdf"
    stamp = int(told["time"])
    assert started - 1 <= stamp <= time.time() + 1
    for _ in range(5):
        assert ovd.whatsup("desktop").print is None, "it is announced once"
    reply = ovd.ask("print.php", timestamp=stamp)
    assert (reply.status, reply.type) == (200, "application/pdf"), reply
    assert reply.headers["Content-Disposition"] == "attachment; filename=Mydoc1.pdf"
    assert reply.headers["UlteoFileName"] == "Mydoc1.pdf"
    assert reply.headers["UlteoPrintTime"] == str(stamp + 1)
    assert reply.body.startswith(b"%PDF-") and int(reply.headers["Content-Length"]) == len(reply.body)
    assert ovd.ask("print.php", timestamp=0).body == reply.body, "the first one from that time on"
    later = ovd.ask("print.php", timestamp=stamp + 1)
    assert (later.status, later.body) == (404, b"")


def test_two_documents_are_told_one_after_the_other(desk):
    ovd, screen = desk
    screen.type("lp -t one /etc/group; lp -t two /etc/passwd\n")
    one = announced(ovd)
    two = announced(ovd)
    assert (one["path"], two["path"]) == ("one.pdf", "two.pdf") and int(two["time"]) > int(one["time"])


def test_a_gtk_application(desk, instance):
    """mousepad's print dialog, as a person uses it."""
    ovd, screen = desk
    screen.type("echo hello > hello.txt; mousepad hello.txt\n")
    until(lambda: instance.processes("mousepad"), "the editor")
    with SessionDisplay(instance) as display:
        until(lambda: display.run("sh", "-c", "xdotool search --onlyvisible --name 'hello.*Mousepad' || true"), "its window")
        until(lambda: b"Mousepad" in display.run("sh", "-c", "xdotool getwindowfocus getwindowname || true"), "its focus")
        screen.run("xdotool", "key", "ctrl+p")
        until(lambda: display.run("sh", "-c", "xdotool search --onlyvisible --name '^Print$' || true"), "the print dialog")
        until(lambda: b"Print" in display.run("sh", "-c", "xdotool getwindowfocus getwindowname || true"), "its focus")

        # The printer shows up in the list when the dialog has asked for it.
        def printed():
            screen.run("xdotool", "key", "alt+p")
            return until(lambda: ovd.whatsup("desktop").print, "an announcement", 8, 0.2)

        told = None
        for _ in range(5):
            try:
                told = printed()
                break
            except AssertionError:
                continue
    assert told, "nothing was printed"
    reply = ovd.ask("print.php", timestamp=told["time"])
    assert reply.body.startswith(b"%PDF-") and reply.headers["UlteoFileName"] == told["path"]
    assert told["path"].endswith(".pdf") and not re.search(r"[ /()\[\]{}]", told["path"])


def test_refusals(desk):
    ovd, _ = desk
    for bad in ({}, {"timestamp": ""}, {"timestamp": "x"}, {"timestamp": "../../etc/passwd"}, {"timestamp": "-1"}, {"timestamp": "9" * 40}):
        reply = ovd.ask("print.php", **bad)
        assert (reply.status, reply.body) == (400, b""), bad
    stranger = ask(f"{ovd.base}/print.php?timestamp=0")
    assert stranger.status == 400 and b"%PDF" not in stranger.body
    assert b"%PDF" not in ask(f"{ovd.base}/print.php?timestamp=0", cookie="PHPSESSID=" + "0" * 32).body
