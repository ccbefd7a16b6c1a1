# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of every part of a legacy session in each of its states: whatsup.php, the control plane and the pool agree again within
seconds. And many sessions that end at every stage: no slot, port, process, home or descriptor is lost."""

import concurrent.futures
import os
import pathlib
import re
import signal

import ovdclient
import pytest
import testenv
from ovdclient import OvdClient, Record, ask
from ovdviewer import Tunnel, rfb_result
from testenv import BINARY, until

CONFIG = {
    **ovdclient.CONFIG,
    # While a host is dead another test's must not take its place: these are nobody else's.
    "ovd.applicationServerPort": testenv.free_port(),
    "ovd.sshPort": testenv.free_port(),
    "ovd.sshLegacyPort": testenv.free_port(),
    "webstreamSettings.serverMaxSessionCount": 4,
    "ovd.staleSessionMs": 100,
    "ovd.linkLossMs": 5000,
    "gateway.healthCheck.interval": 1,
}
AGREE = 30
SANITIZED = b"__asan_init" in pathlib.Path(BINARY).read_bytes()


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    until(lambda: ready(instance), "every role is up", 60)
    client.kill()
    ovdclient.end_all(instance)


def ready(instance):
    return all(role["state"] == "ready" for role in instance.status()["roles"])


def kill(instance, part):
    """As the kernel does it when memory runs out; waits for the replacement of what is replaced."""
    if part in ("gateway", "session-host"):
        pid = instance.role_pid(part)
        os.kill(pid, signal.SIGKILL)
        until(lambda: instance.role_pid(part) not in (0, pid) and ready(instance), f"another {part}", 60)
        return
    pid = instance.single(part)
    os.kill(pid, signal.SIGKILL)
    if part == "streamer":
        until(lambda: [p for p in instance.processes(part) if p != pid], "another streamer", 60)


def agree(instance, ovd, status, keepers=1):
    """All that tell the status of the session tell this one."""
    record = Record(instance)
    mapped = {10: "suspended", 2: "active", 0: "pending", 4: "ended"}[status]

    def told():
        try:
            whatsup = ovd.whatsup().status if ovd.cookie else None
            server = record.at_server(ovd.base)
        except OSError:
            return None
        found = (whatsup, server, record.plane[0], record.host[0], len(ovdclient.keepers(instance)))
        last.append(found)
        return found == (status if ovd.cookie else None, status, status, status, keepers)

    last = []
    try:
        until(told, f"everybody says {status}", AGREE, 0.1)
    except AssertionError as late:
        raise AssertionError(f"{late} ({mapped}); told: {last[-1] if last else None}") from None


def poll_while(instance, ovd, part):
    """The client goes on polling while the part is dead, as clients do; answers may be missing, wrong ones not."""
    stop = []

    def polls():
        seen = set()
        while not stop:
            try:
                seen.add(ovd.whatsup().status)
            except OSError:
                continue
        return seen

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        job = pool.submit(polls)
        try:
            kill(instance, part)
        finally:
            stop.append(True)
        return job.result()


def picture_answers(ovd, application="desktop"):
    """Tunnel and RFB password work."""
    access = ovd.access(application)
    with Tunnel(access).wait() as tunnel:

        def right():
            try:
                return rfb_result(tunnel.port, access.vnc_password) == 0
            except (OSError, IndexError, AssertionError):
                return False

        return until(right, "the picture can be had again", AGREE, 0.3)


@pytest.mark.parametrize("part", ["gateway", "session-host"])
def test_before_its_start(instance, ovd, part):
    ovd.open()
    ovd.until(0)
    assert poll_while(instance, ovd, part) <= {0}
    agree(instance, ovd, 0, keepers=0)
    ovd.start()
    ovd.until(2, 2, "desktop")
    assert picture_answers(ovd)


def kill_after(instance, call):
    """Kills the session host with the answer to the call still warm."""
    pid = instance.role_pid("session-host")
    call()
    os.kill(pid, signal.SIGKILL)
    until(lambda: instance.role_pid("session-host") not in (0, pid) and ready(instance), "another session host", 60)


def test_an_answer_is_a_promise(instance, ovd):
    """Who has a cookie finds the session, whose start was taken sees it start, and who has left has left."""
    for _ in range(3):
        location = until(lambda: (r := ovd.form(persistent="1")).status == 302 and r.location, "a token", 60)
        kill_after(instance, lambda: ovd.open(location))
        agree(instance, ovd, 0, keepers=0)
        kill_after(instance, ovd.start)
        ovd.until(2, 2, "desktop")
        left = ovdclient.OvdClient(instance)
        left.base, left.cookie = ovd.base, ovd.cookie
        kill_after(instance, left.exit)
        agree(instance, ovd, 4, keepers=0)


@pytest.mark.parametrize("part", ["gateway", "streamer", "session-host"])
def test_while_it_is_ready(instance, ovd, part):
    ovd.begin(persistent="1")
    before = ovd.access()
    with Tunnel(before).wait():
        assert poll_while(instance, ovd, part) <= {2}
        agree(instance, ovd, 2)
    assert picture_answers(ovd)
    assert ovd.access() == before, "the credentials are what they were"
    agree(instance, ovd, 2)


@pytest.mark.parametrize("part", ["gateway", "streamer", "session-host"])
def test_while_it_is_suspended(instance, ovd, part):
    ovd.begin(persistent="1")
    old = ovd.access()
    with Tunnel(old).wait():
        ovd.suspend()
    record = Record(instance)
    until(lambda: record.host[0] == 10, "suspended")
    kill(instance, part)
    until(lambda: record.at_server(ovd.base) == 10, "still suspended", AGREE)
    assert len(ovdclient.keepers(instance)) == 1
    ovd.open(persistent="1")
    ovd.until(10)
    ovd.start()
    ovd.until(2, 2, "desktop")
    new = ovd.access()
    assert new.ssh_password != old.ssh_password and new.hidden_password == old.hidden_password
    assert picture_answers(ovd)


@pytest.mark.parametrize("state", [2, 10])
def test_a_killed_keeper_ends_it(instance, ovd, state):
    ovd.begin(persistent="1")
    family = [pid for name in ("Xvnc", "icewm", "streamer") for pid in instance.processes(name)]
    with Tunnel(ovd.access()).wait() as tunnel:
        if state == 10:
            ovd.suspend()
            tunnel.ended()
            until(lambda: Record(instance).host[0] == 10, "suspended")
        kill(instance, "keeper")
        tunnel.ended()
    ovd.cookie = ovd.cookie if state == 2 else None
    agree(instance, ovd, 4, keepers=0)
    until(lambda: not any(testenv.is_alive(pid) for pid in family), "its processes are gone")
    assert Record(instance).host[1] in ("lost", "exit", "error")


@pytest.mark.parametrize("part", ["streamer", "session-host"])
def test_applications_of_a_portal(instance, ovd, part):
    ovd.begin(session_mode="portal")
    with Tunnel(ovd.access("portal"), forward=False).wait():
        application = ovd.start_app(ovd.applications()["Terminal"], "400x300")
        shell = until(lambda: instance.processes("bash"), "the shell")
        kill(instance, part)
        until(lambda: ovd.whatsup(application).application == 2, "the application is there", AGREE)
        assert ovd.whatsup().running[0][0] == application
        assert instance.processes("bash") == shell
        assert picture_answers(ovd, application)


def test_everything_at_once(instance, ovd):
    """Gateway, session host, keeper."""
    ovd.begin()
    pids = [instance.role_pid("gateway"), instance.role_pid("session-host"), *instance.processes("keeper")]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: ready(instance) and instance.role_pid("gateway") not in (0, pids[0]), "the roles are back", 60)
    agree(instance, ovd, 4, keepers=0)
    again = OvdClient(instance).begin()
    assert picture_answers(again)
    again.exit()


# ---- leaks ----


def belongings(instance):
    """What must not grow: processes, listening ports, homes with something in them, descriptors of the long-lived roles."""
    roles = [instance.role_pid(name) for name in ("gateway", "session-host")]
    processes = sorted(testenv.descendants(instance.pid).values())
    inodes = set()
    descriptors = 0
    for pid in roles:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            descriptors += 1
            try:
                inodes.add(os.readlink(fd))
            except OSError:
                pass
    ports = sum(
        f"socket:[{line.split()[9]}]" in inodes
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in pathlib.Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    )
    sessions = sorted(str(p.relative_to(instance.state)) for p in instance.state.glob("slots/*/session/*"))
    homes = sorted({str(p.relative_to(h)) for h in instance.state.glob("slots/*/home") for p in h.iterdir()})
    accounts = sorted(re.findall(r"webs\d+s?", " ".join(str(p) for p in instance.state.glob("slots/*/account*"))))
    return {"processes": processes, "ports": ports, "sessions": sessions, "homes": homes, "accounts": accounts}, descriptors


def new_session(ovd):
    """The one before may still be on its way out."""
    return until(lambda: (r := ovd.form(persistent="1")).status == 302 and r, "a new session", 60, 0.1)


def live_and_die(instance, login, stage):
    """One session that ends at that stage of its life."""
    ovd = OvdClient(instance, login)
    reply = new_session(ovd)
    if stage == 0:
        return  # the token is never used
    ovd.open(reply.location)
    if stage == 1:
        ovd.exit()
        return
    ovd.until(0)
    if stage == 2:
        ovd.exit()
        return
    ovd.start(400, 300)
    if stage == 3:
        ovd.exit()
        return
    ovd.until(2, timeout=90)
    if stage == 4:
        ask(f"{ovd.base}/webservices/kill_session.php?session={Record(instance, login).ovd_id}")
    else:
        ovd.exit()


def test_many_sessions_leak_nothing(instance):
    count = 40 if SANITIZED else 200
    names = [f"loop{n}" for n in range(4)]
    ovdclient.add_people(instance, *names)
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:  # what is kept for the next one is there from now on
        list(pool.map(lambda name: [live_and_die(instance, name, stage) for stage in (1, 5)], names))
    rest(instance, names)
    before, descriptors = belongings(instance)

    def live(n):
        for i in range(n, count, len(names)):
            # One in six is a whole one; what begins is most of what can leak.
            live_and_die(instance, names[n], (0, 1, 2, 3, 1, 5, 2, 0, 1, 3, 2, 4)[i // len(names) % 12])

    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        for job in [pool.submit(live, n) for n in range(len(names))]:
            job.result()
    rest(instance, names)
    after, now = belongings(instance)
    assert after == before
    assert now <= descriptors + 8, (descriptors, now)
    # And every slot is good for somebody.
    sessions = []
    for name in names:
        ovd = OvdClient(instance, name)
        ovd.open(new_session(ovd).location)
        ovd.until(0)
        ovd.start(400, 300)
        ovd.until(2, 2, "desktop")
        sessions.append(ovd)
    assert len(ovdclient.keepers(instance)) == len(names)
    for ovd in sessions:
        ovd.exit()
    rest(instance, names)


def rest(instance, names):
    for name in names:
        ovdclient.end_sessions(instance, name)
    until(lambda: not ovdclient.keepers(instance) and not instance.processes("keeper"), "the host is empty", 120)
    until(lambda: not list(instance.state.glob("slots/*/session/*")), "nothing of a session is left", 60)
