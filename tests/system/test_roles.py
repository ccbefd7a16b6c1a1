# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles without a supervisor: each with a configuration of its own, by the names of the WebStream flags; and what their
signals mean."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
import testenv
from testenv import BINARY, is_alive, until


class Role:
    """One role, its state directory, and what it said when it was ready."""

    def __init__(self, name, state):
        self.state = state
        self.log = open(pathlib.Path(state, "role.log"), "ab")
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [BINARY, name, "--state", str(state), "--config", str(pathlib.Path(state, "roles.xml"))],
            stdin=subprocess.DEVNULL,
            stderr=self.log,
            pass_fds=[write],
            env={**os.environ, "ISTHMUS_READY_FD": str(write)},
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            line = pipe.readline()
        assert line.startswith("READY "), (line, pathlib.Path(state, "role.log").read_text())
        self.ports = dict(word.split("=") for word in line.split()[1:])

    def stop(self, signum):
        self.process.send_signal(signum)
        return self.process.wait(30)

    def destroy(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Farm:
    """A gateway and a host with nothing in common but the secret."""

    def __init__(self):
        self.states = [pathlib.Path(tempfile.mkdtemp(prefix="isthmus-test-", dir="/tmp")) for _ in range(2)]
        self.roles = []
        inner, self.port = testenv.free_port(), testenv.free_port()
        base = testenv.free_block()
        for state in self.states:
            os.chmod(state, 0o711)
            secret = state / "farm.key"
            secret.write_text("5a" * 32 + "\n")
            secret.chmod(0o600)
            config = {
                "gateway.port": inner,
                "gateway.httpsPort": self.port,
                "gateway.httpPort": testenv.free_port(),
                "gateway.sharedSecretFile": secret,
                "gateway.backend.gatewayUrl": f"http://127.0.0.1:{inner}",
                "gateway.backend.advertisedUrl": f"http://127.0.0.1:{base + 5}",
                "webstreamSettings.basePortNumber": base,
                "webstreamSettings.serverMaxSessionCount": 1,
            }
            (state / "roles.xml").write_text(testenv.config_xml(config))

    def start(self, name, which):
        role = Role(name, self.states[which])
        self.roles.append(role)
        return role

    def logs(self, lines=60):
        """Said beside a failure, see conftest.py."""
        parts = []
        for state in self.states:
            for path in [state / "role.log", *sorted(state.glob("slots/*/session/*.log"))]:
                if path.exists():
                    parts += [f"---- {path}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(parts)

    def destroy(self):
        for role in self.roles:
            role.destroy()
        for state in self.states:
            shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def farm():
    made = Farm()
    yield made
    made.destroy()


class Outside(testenv.Instance):
    """The client's side of a gateway that something else has started."""

    def __init__(self, state, port):
        import ssl

        self.state, self.port, self.prefix, self.user = state, port, "", None
        self.origin = f"https://localhost:{port}"
        self.tls = ssl.create_default_context(cafile=str(state / "secrets/tls/cert.pem"))
        self.admin_password = (state / "secrets/first-password").read_text().strip()


def test_gateway_and_host_alone(farm):
    start, states, port = farm.start, farm.states, farm.port
    gateway = start("-gw", 0)
    assert gateway.ports["https"] == str(port)
    instance = Outside(states[0], port)
    client = instance.client()
    refused = client.request("POST", "/gateway/session/select", client.select_body())
    assert refused.status == 503 and refused.code == "no_host", refused
    host = start("-backend", 1)

    def select():
        answer = client.request("POST", "/gateway/session/select", client.select_body())
        client.session = answer.json.get("sessionId")
        return answer.status == 200

    until(select, "the host has registered")
    client.connect()
    (socket,) = states[1].glob("slots/*/session/keeper.sock")

    # TERM leaves the session running, the next start finds it; INT ends it.
    keepers = [pid for pid, (_, name, _) in testenv.process_table().items() if str(states[1]).encode() in b" ".join(testenv.command_line(pid))]
    assert host.stop(signal.SIGTERM) == 0
    assert socket.exists()
    alive = [pid for pid in keepers if pid != host.process.pid and is_alive(pid)]
    assert alive, "the session did not survive its host's TERM"
    host = start("-be", 1)
    until(lambda: client.request("GET", "/getConnection").status == 200, "the host has registered again")
    assert client.session_state()["state"] in ("connecting", "active")
    assert host.stop(signal.SIGINT) == 0
    until(lambda: not any(is_alive(pid) for pid in alive), "INT ends the sessions")
    assert not socket.exists()
    assert gateway.stop(signal.SIGTERM) == 0
