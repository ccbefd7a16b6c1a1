# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs on displays of their own, and slots that are held for a session: whatever is killed, nothing of them is left, as root,
as an ordinary user, and without sandboxes."""

import ctypes
import os
import pathlib
import pwd
import signal
import subprocess

import ovdclient
import pytest
import testenv
from ovdclient import OvdClient
from ovdviewer import Tunnel
from testenv import until

USER = "isthmus-test"
CONFIG = {
    **ovdclient.CONFIG,
    "webstreamSettings.serverMaxSessionCount": 2,
    "ovd.linkLossMs": 10000,
    "ovd.staleSessionMs": 100,
    "gateway.healthCheck.interval": 1,
}
SOCKETS = pathlib.Path("/tmp/.X11-unix")


def ordinary_user():
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER], check=True)
    return USER


@pytest.fixture(scope="module", params=["root", "user", "open"])
def instance(request):
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    user = ordinary_user() if request.param == "user" else None
    args = ["--no-sandbox"] if request.param == "open" else []
    with testenv.Instance(config=CONFIG, args=args, user=user) as running:
        running.sandbox = request.param != "open"
        yield running


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    until(lambda: ready(instance), "every role is up", 60)
    client.kill()
    ovdclient.end_all(instance)


def ready(instance):
    return all(role["state"] == "ready" for role in instance.status()["roles"])


def kill(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def processes_of(instance):
    """Everything that has the directory of a slot in its environment or arguments: children, orphans, whoever runs it."""
    found = {}
    mark = f"{instance.state}/slots/".encode()
    for pid in testenv.process_table():
        try:
            text = pathlib.Path(f"/proc/{pid}/environ").read_bytes() + pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if mark in text:
            found[pid] = testenv.command_line(pid)[:2]
    return found


def files_of(instance):
    """What a session makes: its directory, its work in the home."""
    files = [str(path) for path in instance.state.glob("slots/*/session")]
    files += [str(path) for path in instance.state.glob("slots/*/home/.xsession-errors")]
    return files


def displays(instance):
    """Sockets of its display servers in the machine's /tmp."""
    numbers = set()
    for command in processes_of(instance).values():
        if command and command[0].endswith(b"Xvnc") and len(command) > 1:
            numbers.add(int(command[1].lstrip(b":")))
    return [SOCKETS / f"X{n}" for n in numbers]


def identity(path):
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def nothing_is_left(instance):
    until(lambda: not processes_of(instance), "every process is gone", 30)
    until(lambda: not files_of(instance), "every file is gone", 30)


@pytest.fixture
def portal(instance, ovd):
    """A session with two programs on displays of their own."""
    ovd.begin(session_mode="portal")
    with Tunnel(ovd.access("portal"), forward=False).wait():
        apps = ovd.applications()
        ovd.running = [ovd.start_app(apps["Terminal"], "400x300"), ovd.start_app(apps["Terminal"], "500x300")]
        until(lambda: len(instance.processes("Xvnc")) == 3 and len(instance.processes("bash")) == 2, "three displays, two shells")
        yield ovd


def status_of(client):
    try:
        return client.whatsup().status
    except OSError:
        return None  # the host is coming back


def names(part, instance):
    pids = instance.processes(part)
    assert pids, f"no {part}"
    return pids


@pytest.mark.parametrize("parts", [["keeper"], ["session-leader"], ["keeper", "session-host"], ["session-leader", "keeper"]], ids="+".join)
def test_killed_with_programs(instance, portal, parts):
    files = {} if instance.sandbox else {path: identity(path) for path in displays(instance)}
    assert instance.sandbox or len(files) == 3 and all(files.values()), files
    # In one go: a host that saw its keeper die would do the cleaning itself.
    kill(*[pid for part in parts for pid in ([instance.role_pid(part)] if part == "session-host" else names(part, instance))])
    nothing_is_left(instance)
    # A number that was given back may be somebody else's by now: the same file is meant.
    until(lambda: not [path for path in files if identity(path) == files[path]], "the displays' files are gone", 30)
    until(lambda: status_of(portal) in (3, 4), "it is over", 60)
    portal.cookie = None


def test_a_killed_host_finds_the_programs(instance, portal):
    before = sorted(instance.processes("bash"))
    pid = instance.role_pid("session-host")
    kill(pid)
    until(lambda: instance.role_pid("session-host") not in (0, pid) and ready(instance), "another host", 60)
    until(lambda: sorted(job for job, _, status in portal.whatsup().running or [] if status == 2) == sorted(portal.running), "both run", 30)
    assert sorted(instance.processes("bash")) == before
    # And it can end them.
    assert portal.ask("portal/application_exit.php", access_id=portal.running[0]).status == 200
    until(lambda: [job for job, _, _ in portal.whatsup().running] == [portal.running[1]], "one is left", 30)
    until(lambda: len(instance.processes("Xvnc")) == 2, "its display is gone")
    portal.exit()
    nothing_is_left(instance)


def test_one_display_dies(instance, portal):
    """The session and the other program go on."""
    servers = instance.processes("Xvnc")
    started = {pid: pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19] for pid in servers}
    newest = max(servers, key=lambda pid: int(started[pid]))
    kill(newest)
    until(lambda: [job for job, _, _ in portal.whatsup().running] == [portal.running[0]], "the other one runs", 30)
    assert portal.whatsup().status == 2
    assert len(instance.processes("Xvnc")) == 2


@pytest.mark.parametrize("end", ["exit", "killed host", "killed host and started"])
def test_a_slot_that_is_held(instance, ovd, end):
    """State 0: a home, no process."""
    ovd.open()
    ovd.until(0)
    until(lambda: list(instance.state.glob("slots/*/session")), "the slot is held")
    assert not processes_of(instance)
    if end != "exit":
        pid = instance.role_pid("session-host")
        kill(pid)
        until(lambda: instance.role_pid("session-host") not in (0, pid) and ready(instance), "another host", 60)
        until(lambda: status_of(ovd) == 0, "it is held again", 30)
        until(lambda: list(instance.state.glob("slots/*/session")), "the slot is held again", 30)
    if end.endswith("started"):
        ovd.start()
        ovd.until(2, 2, "desktop")
    ovd.exit()
    nothing_is_left(instance)
    ovd.cookie = None


PIDFD_GETFD = 438


def test_the_end_of_a_leader_whose_line_somebody_else_has(instance, ovd):
    """A program of the session can take it from the leader: that keeps neither the keeper busy nor the session alive."""
    if os.geteuid() != 0:
        pytest.skip("the test takes it from outside")
    ovd.begin()
    (leader,) = instance.processes("session-leader")
    pidfd = os.pidfd_open(leader)
    line = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, 3, 0)
    assert line >= 0, os.strerror(ctypes.get_errno())
    try:
        kill(leader)
        ovd.until(4)
        nothing_is_left(instance)
    finally:
        os.close(line)
        os.close(pidfd)
