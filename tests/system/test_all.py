# SPDX-License-Identifier: GPL-3.0-or-later
"""isthmus all as a person meets it: first start, second start, a new password, two side by side, stopping."""

import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest
import testenv
from testenv import BINARY, Instance, until


@pytest.fixture
def state():
    directory = tempfile.mkdtemp(prefix="isthmus-test-", dir="/tmp")
    os.chmod(directory, 0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def run(*args, **options):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=60, check=False, **options)


def test_first_and_second_start(state):
    with Instance(state=state) as first:
        assert list(first.banner) == ["browser", "legacy", "user", "password", "state", "logs", "stop"]
        assert first.banner["browser"] == f"https://localhost:{first.config['gateway.httpsPort']}/"
        assert first.banner["legacy"].endswith(f":{first.config['gateway.httpPort']}/sessionmanager/startsession.php")
        assert first.banner["user"] == "admin"
        assert first.banner["state"] == state
        password = first.admin_password
        assert len(password) >= 16
        assert first.login()["user"]["username"] == "admin"
        base = first.status()["base"]
    certificate = pathlib.Path(state, "secrets/tls/cert.pem").read_text()

    with Instance(state=state) as second:
        assert second.banner["password"].startswith("(unchanged")
        assert second.login(password=password)["token"]
        assert pathlib.Path(state, "secrets/tls/cert.pem").read_text() == certificate
        # The same ports again, unless somebody else on this machine was given them in between.
        assert second.status()["base"] == base or testenv.claim(f"isthmus-ports-{base}") is None
        for path in pathlib.Path(state, "log").iterdir():
            assert password not in path.read_text(), f"the password is in {path}"


def test_state_is_private(state):
    with Instance(state=state):
        top = pathlib.Path(state)
        assert stat.S_IMODE(top.stat().st_mode) == 0o711
        for name in ("secrets", "db", "run", "log"):
            assert stat.S_IMODE((top / name).stat().st_mode) == 0o700, name
        for path in (top / "secrets").rglob("*"):
            if path.is_file() and path.name != "cert.pem":
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_reset_password(state):
    with Instance(state=state) as instance:
        old = instance.admin_password
        token = instance.login()["token"]
        done = instance.ctl("reset-password", "admin")
        assert done.returncode == 0, done.stderr
        new = re.search(r"^password: (\S+)$", done.stdout, re.M).group(1)
        assert new != old
        refused = instance.post("/iam/auth/login", {"username": "admin", "password": old})
        assert refused.status == 401, refused
        assert instance.login(password=new)["token"]
        assert instance.get("/iam/auth/me", token=token).status == 401, "a login from before the reset still works"
        assert instance.ctl("reset-password", "nobody-of-that-name").returncode == 1


def test_two_instances_side_by_side(state):
    with Instance() as one, Instance(state=state) as two:
        assert one.status()["base"] != two.status()["base"]
        for instance in (one, two):
            client = instance.client()
            client.launch(width=800, height=600)
            assert client.session_state()["state"] in ("connecting", "active")
        assert one.post("/iam/auth/login", {"username": "admin", "password": two.admin_password}).status == 401
        two.stop()
        assert one.client().workspaces(), "stopping one instance disturbs the other"


def test_one_instance_per_state_directory(state):
    with Instance(state=state) as instance:
        done = run("all", "--state", state)
        assert done.returncode == 1
        assert "another instance" in done.stderr and state in done.stderr
        assert instance.status()["pid"] == instance.pid


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_stop_leaves_no_process(state, signum):
    with Instance(state=state) as instance:
        client = instance.client()
        client.launch(width=800, height=600)
        assert instance.processes("Xvnc") or instance.processes("Xtigervnc"), testenv.descendants(instance.pid)
        instance.stop(signum)  # asserts that none of the processes it had is left
        assert run("ctl", "status", "--state", state).returncode == 1
    assert not list(pathlib.Path(state).glob("slots/*/session/keeper.sock"))


def test_state_of_somebody_else_is_refused(state):
    precious = pathlib.Path(state, "precious")
    precious.write_text("mine")
    os.chmod(state, 0o755)
    done = run("all", "--state", state)
    assert done.returncode == 1
    assert "not empty" in done.stderr
    assert os.listdir(state) == ["precious"]
    assert stat.S_IMODE(os.stat(state).st_mode) == 0o755


def test_bad_configuration_is_told_with_its_line(state):
    file = pathlib.Path(state, "app.config.xml")
    file.write_text("<configuration>\n  <gateway>\n    <port>many</port>\n    <prot>1</prot>\n  </gateway>\n</configuration>\n")
    for command in (["check", "--config", str(file)], ["all", "--state", state], ["gateway", "--state", state]):
        done = run(*command)
        assert done.returncode == 78, (command, done)
        assert f"{file}:3: " in done.stderr, (command, done.stderr)
        assert f"{file}:4: " in done.stderr, (command, done.stderr)


def test_check_dump_shows_effective_values(state):
    file = pathlib.Path(state, "app.config.xml")
    file.write_text(testenv.config_xml({"gateway.port": 12345}))
    done = run("check", "--config", str(file), "--dump")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "gateway.port = 12345" in lines
    assert "webstreamSettings.basePortNumber = 9000" in lines


def test_usage():
    done = run("--version")
    assert done.returncode == 0 and re.match(r"isthmus \d+\.\d+\.\d+", done.stdout)
    assert "libmicrohttpd 0.9" in done.stdout
    done = run("--help")
    assert done.returncode == 0 and "session-host -be -backend" in done.stdout
    assert run("no-such-role").returncode == 2
    assert run().returncode == 2
    for role in ("all", "gateway", "-gw", "session-host", "-be", "check", "ctl"):
        done = run(role, "--help")
        assert done.returncode == 0 and "usage" in done.stdout, (role, done)
        assert run(role, "--no-such-option").returncode == 2, role


def test_long_logs_are_turned_over(state):
    with Instance(state=state) as instance:
        log = pathlib.Path(state, "log/gateway.log")
        with log.open("ab") as file:
            for _ in range(9):
                file.write((b"x" * 127 + b"\n") * (1 << 13))
        until(lambda: log.stat().st_size < 2 << 20, "the log is emptied")
        assert pathlib.Path(state, "log/gateway.log.1").stat().st_size > 8 << 20
        instance.post("/iam/auth/login", {"username": "somebody", "password": "x"})
        until(lambda: "somebody" in instance.log("gateway"), "the role goes on writing")
