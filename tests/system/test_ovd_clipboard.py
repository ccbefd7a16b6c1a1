# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy and paste between a person's own screen and an OVD session, through a real viewer: CLIPBOARD both ways, and what the
person copied is what a middle click pastes."""

import subprocess

import ovdclient
import pytest
from ovdclient import OvdClient
from ovdviewer import Screen, SessionDisplay, Tunnel
from testenv import until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 2}
UNICODE = "Grüße, Ελλάδα, 日本語, 🌊\nand a second line"


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    client.kill()
    ovdclient.end_all(instance)


def copy(display, text, selection="clipboard"):
    """The program stays behind, and would hold a pipe open."""
    subprocess.run(
        ["xclip", "-i", "-selection", selection], input=text.encode(), env=display.env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=True,
    )  # fmt: skip


def paste(display, selection="clipboard"):
    command = ["xclip", "-o", "-selection", selection, "-target", "UTF8_STRING"]
    done = subprocess.run(command, env=display.env, capture_output=True, timeout=60, check=False)
    return done.stdout.decode(errors="replace")


def holds(display, text, selection="clipboard"):
    until(lambda: paste(display, selection) == text, f"{selection} holds {text[:20]!r}", step=0.2)


def test_what_the_policy_forbids(instance, ovd):
    """Nothing is taken out of a session of low trust."""
    kept = ovdclient.query(instance, "main", "SELECT id, policy_set_id FROM workspaces")
    low = "(SELECT id FROM policy_sets WHERE name = 'lowtrust' LIMIT 1)"
    ovdclient.query(instance, "main", f"UPDATE workspaces SET policy_set_id = {low}")
    try:
        ovd.begin()
    finally:
        for row in kept:
            ovdclient.query(instance, "main", "UPDATE workspaces SET policy_set_id = ? WHERE id = ?", row[1], row[0])
    access = ovd.access()
    with Screen() as screen, Tunnel(access).wait() as tunnel, SessionDisplay(instance) as display:
        with screen.viewer(tunnel.port, access.hidden_password) as viewer:
            x, y = viewer.shows(display)
            screen.click(x + 300, y + 300)
            copy(screen, "comes in")
            holds(display, "comes in")
            copy(display, "stays there")
            holds(display, "stays there")
            copy(screen, "marked", "primary")  # takes the same way, and comes later than what would have gone out
            holds(display, "marked")
            assert paste(screen) == "comes in"


def test_both_ways(instance, ovd):
    long = "".join(f"line {i} of a long text\n" for i in range(30000))
    ovd.begin()
    access = ovd.access()
    with Screen() as screen, Tunnel(access).wait() as tunnel, SessionDisplay(instance) as display:
        with screen.viewer(tunnel.port, access.hidden_password, "-MaxCutText=1000000") as viewer:
            x, y = viewer.shows(display)
            screen.click(x + 300, y + 300)  # a viewer without the keyboard's focus leaves the clipboard alone
            for text in (UNICODE, "x", long):
                copy(display, text)
                holds(screen, text)
            for text in (UNICODE + "!", "y", long + "end"):
                copy(screen, text)
                holds(display, text)
                holds(display, text, "primary")
            copy(display, "the last word")
            holds(screen, "the last word")
