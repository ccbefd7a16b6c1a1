# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of the session's and the application's state machine that time, the owner or the Session Manager drives, with short
timers. Each row is a story of a person of its own; several are told at a time, because they consist of waiting."""

import asyncio
import concurrent.futures
import os
import signal
import time
import traceback

import capture
import ovdclient
import pytest
import testenv
from ovdclient import OvdClient, Record, ask
from ovdviewer import SessionDisplay, Tunnel
from testenv import until

PATIENCE = 4  # seconds of ovd.connectionTimeoutMs
COMMON = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 8, "ovd.linkLossMs": 300, "isthmus.ownerGoneMs": 1000}
ENDLESS = {**COMMON, "ovd.connectionTimeoutMs": PATIENCE * 1000, "ovd.sessionTimeoutMs": -1}
LIMITED = {**COMMON, "ovd.sessionTimeoutMs": 14000, "ovd.timeLimitWarningMs": 7000}
AT_A_TIME = 4

stories = {}


def story(config):
    def add(function):
        stories[function.__name__] = (config, function)
        return function

    return add


class Person:
    def __init__(self, instance, login):
        self.instance, self.login = instance, login
        self.ovd = OvdClient(instance, login)
        self.polling = None

    def begin(self, **arguments):
        self.ovd.begin(**arguments)
        return self.ovd

    @property
    def record(self):
        return Record(self.instance, self.login)

    def over(self, reason, timeout=30):
        """Every part agrees that it is over, and why."""
        record = self.record
        until(lambda: record.host[0] == 4, f"{self.login}: the end", timeout)
        assert record.host == (4, reason), (self.login, record.host)
        until(lambda: record.plane == (4, reason), f"{self.login}: the control plane knows why: {record.plane}")
        assert record.at_server(self.ovd.base) == 4
        assert self.ovd.whatsup().status == 4

    def stays(self, status, seconds, poll=True):
        record = self.record
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if poll:
                self.ovd.whatsup("desktop")
            assert record.host[0] == status, (self.login, record.host)
            time.sleep(0.2)

    def becomes(self, status, timeout=30, poll=False):
        record = self.record

        def look():
            if poll:
                self.ovd.whatsup("desktop")
            return record.host[0] == status

        until(look, f"{self.login}: status {status}", timeout, 0.1)
        assert record.at_server(self.ovd.base) == status


# ---- 5.1: who was never there ----


@story(ENDLESS)
def never_started(p):
    """0 -> 4 after three times the patience; polls of the owner do not start it."""
    p.ovd.open()
    p.ovd.until(0)
    created = time.monotonic()
    p.becomes(0)
    until(lambda: p.record.host[0] == 4, "it is given up", 3 * PATIENCE + 20)
    assert time.monotonic() - created > 2.5 * PATIENCE
    assert p.ovd.whatsup().status == 4 and p.record.at_server(p.ovd.base) == 4


@story(ENDLESS)
def no_ssh_connection_ever(p):
    """2 -> 3 (ssh): the client polls, but its applet never comes."""
    p.begin()
    p.stays(2, PATIENCE / 2)
    until(lambda: p.ovd.whatsup("desktop").status == 4, "given up", 3 * PATIENCE)
    p.over("ssh")


@story(ENDLESS)
def no_ssh_connection_ever_persistent(p):
    """Being persistent saves nobody who was never there."""
    p.begin(persistent="1")
    p.over("ssh")


@story(ENDLESS)
def suspend_of_somebody_never_there(p):
    """suspend.php of a persistent session without an SSH connection so far ends it."""
    p.begin(persistent="1")
    p.ovd.suspend()
    p.over("exit")


# ---- 5.1: silence ----


@story(ENDLESS)
def silence(p):
    """2 -> 3 (kma): the link is there, the polls are not."""
    p.begin()
    with Tunnel(p.ovd.access()).wait() as tunnel:
        until(lambda: p.record.host[0] == 4, "given up", 3 * PATIENCE)
        tunnel.ended()
    p.over("kma")


@story(ENDLESS)
def silence_persistent(p):
    """2 -> 9 -> 10, and nothing ends it there."""
    p.begin(persistent="1")
    with Tunnel(p.ovd.access()).wait() as tunnel:
        p.becomes(10, 3 * PATIENCE + 10)
        tunnel.ended()
    p.stays(10, 2 * PATIENCE, poll=False)
    again = OvdClient(p.instance, p.login).open(persistent="1")
    again.until(10)
    again.start()
    again.until(2, 2, "desktop")
    again.exit()
    p.ovd = again
    p.over("exit")


# ---- 5.1: the link ----


@story(ENDLESS)
def link_lost(p):
    """2 -> 3 (exit) at once, though the owner polls."""
    p.begin()
    with Tunnel(p.ovd.access()).wait():
        p.stays(2, PATIENCE * 1.5)
    lost = time.monotonic()
    until(lambda: p.ovd.whatsup("desktop").status in (3, 4), "the end", 20)
    assert time.monotonic() - lost < PATIENCE
    p.over("exit")


@story(ENDLESS)
def link_lost_persistent(p):
    p.begin(persistent="1")
    with Tunnel(p.ovd.access()).wait():
        p.stays(2, 0.5)
    p.becomes(10, 20, poll=True)
    p.ovd.exit()


@story(ENDLESS)
def one_of_two_links_lost(p):
    p.begin()
    with Tunnel(p.ovd.access()).wait():
        with Tunnel(p.ovd.access(), forward=False).wait():
            p.stays(2, 0.5)
        p.stays(2, 1.5)
    p.over("exit")


# ---- 5.1: the owner's words ----


@story(ENDLESS)
def leave(p):
    p.begin()
    with Tunnel(p.ovd.access()).wait() as tunnel:
        p.ovd.exit()
        tunnel.ended()
    p.over("exit")


@story(ENDLESS)
def suspend_of_one_that_is_not_persistent(p):
    p.begin(persistent="0")
    with Tunnel(p.ovd.access()).wait() as tunnel:
        p.ovd.suspend()
        tunnel.ended()
    p.over("exit")


@story(ENDLESS)
def the_desktop_ends(p):
    """5: what the desktop ends with, the session ends with."""
    p.begin()
    slot = slot_of(p)
    with Tunnel(p.ovd.access()).wait():
        desktop = in_slot(p.instance, slot, "icewm")
        os.kill(desktop, signal.SIGTERM)
        p.over("exit")


def slot_of(p):
    ((slot,),) = ovdclient.query(p.instance, "host", "SELECT slot FROM sessions WHERE session_id = ?", p.record.session_id)
    return slot


def in_slot(instance, slot, name):
    """The process of that name below the keeper of a slot."""

    def find():
        for keeper in instance.processes("keeper"):
            if str(instance.state / f"slots/{slot:02}").encode() in testenv.command_line(keeper):
                for pid, program in testenv.descendants(keeper).items():
                    if program == name:
                        return pid
        return None

    return until(find, f"{name} in slot {slot}")


# ---- 5.1: the Session Manager's word ----


@story(ENDLESS)
def killed_before_its_start(p):
    p.ovd.open()
    p.ovd.until(0)
    kill(p)


@story(ENDLESS)
def killed_while_ready(p):
    p.begin()
    with Tunnel(p.ovd.access()).wait() as tunnel:
        kill(p)
        tunnel.ended()


@story(ENDLESS)
def killed_while_suspended(p):
    p.begin(persistent="1")
    with Tunnel(p.ovd.access()).wait():
        p.stays(2, 0.3)
        p.ovd.suspend()
    p.becomes(10)
    kill(p)


def kill(p):
    record = p.record
    reply = ask(f"{p.ovd.base}/webservices/kill_session.php?session={record.ovd_id}")
    assert reply.status == 200, reply
    until(lambda: record.host[0] == 4, "killed")
    until(lambda: record.at_server(p.ovd.base) == 4, "the server says so")
    assert p.ovd.whatsup().status == 4


# ---- an attached browser of the owner counts as link and as poll ----


@story(ENDLESS)
def a_browser_keeps_it(p):
    p.begin()
    person = ovdclient.as_browser(p.instance, login=p.login)
    person.connect(800, 600)

    async def watch():
        async with person.websocket("capture") as ws:
            end = time.monotonic() + 2.5 * PATIENCE
            picture = capture.Picture()
            while time.monotonic() < end:
                try:
                    await asyncio.wait_for(capture.read_update(ws, picture), 0.5)
                except asyncio.TimeoutError:
                    pass
                assert p.record.host[0] == 2, p.record.host

    asyncio.run(watch())
    until(lambda: p.record.host[0] == 4, "without it and without polls it ends", 30)


# ---- the time limit ----


@story(LIMITED)
def time_limit_with_a_warning(p):
    p.begin()
    with Tunnel(p.ovd.access()).wait(), SessionDisplay(p.instance, f"{slot_of(p):02}") as display:
        before = display.picture()

        def warned():
            p.ovd.whatsup("desktop")
            return len({row for row, old in zip(display.picture().rows, before.rows) if row != old}) > 30

        until(warned, "a message on the screen", 25, 0.3)
        assert p.record.host[0] == 2
        until(lambda: p.ovd.whatsup("desktop").status == 4, "the end", 25)
    p.over("timeout")


@story(LIMITED)
def time_limit_while_suspended(p):
    p.begin(persistent="1")
    with Tunnel(p.ovd.access()).wait():
        p.stays(2, 0.3)
        p.ovd.suspend()
    p.becomes(10)
    p.over("timeout", 40)


# ---- 5.2: an application's own rows ----


@story(ENDLESS)
def an_application_nobody_asks_about(p):
    """2 -> 3 when nobody asked whatsup.php about it for the patience, while the session lives on."""
    p.begin(session_mode="portal")
    with Tunnel(p.ovd.access("portal"), forward=False).wait():
        application = p.ovd.start_app(p.ovd.applications()["Terminal"])
        until(lambda: not p.ovd.whatsup().running, "it is stopped", 3 * PATIENCE)
        assert p.ovd.whatsup(application).application == -1
        kept = p.ovd.start_app(p.ovd.applications()["Terminal"])
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            assert p.ovd.whatsup(kept).application == 2
            time.sleep(0.3)
    p.over("exit")


@story(ENDLESS)
def a_program_that_is_not_there(p):
    """1, 22 -> 3 -> 4: it cannot be started."""
    wrong = p.ovd.applications()["Text Editor"]
    ovdclient.query(p.instance, "main", "UPDATE applications SET executable = '/usr/bin/mousepad-that-is-not-there' WHERE name = 'Text Editor'")
    p.ovd.open(session_mode="external", start_app=wrong)
    p.ovd.until(0)
    p.ovd.start()
    p.ovd.until(4, timeout=40)
    until(lambda: p.record.host[0] == p.record.plane[0] == 4, "the others say so too")


# ---- how they are told ----


def tell(config, told):
    results = {}
    with testenv.Instance(config=config) as instance:
        ovdclient.add_people(instance, *(name.replace("_", "-") for name in told))

        def one(name):
            try:
                stories[name][1](Person(instance, name.replace("_", "-")))
                results[name] = None
            except BaseException:  # noqa: B036 - told by the test of that name
                results[name] = traceback.format_exc() + "\n" + instance.logs(40)

        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(one, told))
        for name in told:
            ovdclient.end_sessions(instance, name.replace("_", "-"))
        until(lambda: not ovdclient.keepers(instance), "the host is empty", 60)
    return results


@pytest.fixture(scope="module")
def results():
    found = {}
    for config in (ENDLESS, LIMITED):
        found.update(tell(config, [name for name, (wanted, _) in stories.items() if wanted is config]))
    return found


@pytest.mark.parametrize("name", list(stories))
def test_row(results, name):
    assert results[name] is None, results[name]
