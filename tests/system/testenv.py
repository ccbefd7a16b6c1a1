# SPDX-License-Identifier: GPL-3.0-or-later
"""A real instance for a test: the binary of the build under test ($ISTHMUS), free ports, a private directory, waiting for
readiness, logs on failure, nothing left behind. And a small client: HTTP with the instance's own certificate, tickets,
WebSockets."""

import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("ISTHMUS", ROOT / "build/release/isthmus"))
START_TIMEOUT = 120  # AddressSanitizer on a busy machine
STOP_TIMEOUT = 60
WAIT = 30


def until(check, what, timeout=WAIT, step=0.05):
    """Polls check() until it gives something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timeout of {timeout} s: {what}")
        time.sleep(step)


# ---- ports ----

# Above the blocks of `isthmus all` and below the kernel's own choices, which any client on this machine may be given at any time.
SINGLE_PORTS = range(32000, 32768)
BLOCKS = range(31000, 8000, -1000)  # those of src/isthmus/all_ports.c, the last first
claims = []  # abstract sockets: they vanish with this process, however that ends


def claim(name):
    """Takes a name on this machine for as long as the socket is open; None when somebody has it."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind("\0" + name)
    except OSError:
        lock.close()
        return None
    return lock


def port_is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("", port))
        except OSError:
            return False
        return True


def free_port():
    """A port that no other test of this machine is given while this one runs."""
    for port in random.sample(SINGLE_PORTS, len(SINGLE_PORTS)):
        lock = claim(f"isthmus-test-port-{port}")
        if lock and port_is_free(port):
            claims.append(lock)
            return port
    raise AssertionError("no free port")


def free_block():
    """The base of 1000 ports that neither a test nor `isthmus all` uses while this process runs."""
    for base in BLOCKS:
        lock = claim(f"isthmus-ports-{base}")
        if lock and all(port_is_free(base + offset) for offset in range(0, 50)):
            claims.append(lock)
            return base
    raise AssertionError("no free block of ports")


def config_xml(properties):
    """{"gateway.httpsPort": 1} as an app.config.xml."""
    tree = {}
    for path, value in properties.items():
        node = tree
        *parents, leaf = path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value

    def render(node, depth):
        pad = "  " * depth
        lines = []
        for name, value in node.items():
            if isinstance(value, dict):
                lines += [f"{pad}<{name}>", *render(value, depth + 1), f"{pad}</{name}>"]
            else:
                text = str(value).replace("&", "&amp;").replace("<", "&lt;")
                lines.append(f"{pad}<{name}>{text}</{name}>")
        return lines

    return "\n".join(["<configuration>", *render(tree, 1), "</configuration>", ""])


# ---- processes ----


def process_table():
    """pid -> (parent, name, state) of every process."""
    table = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
        table[int(entry)] = (int(parent), name, state)
    return table


def descendants(pid):
    table = process_table()
    found = []
    grown = [pid]
    while grown:
        parents = set(grown)
        grown = [p for p, (parent, _, _) in table.items() if parent in parents]
        found += grown
    return {p: table[p][1] for p in found if table[p][2] != "Z"}


def is_alive(pid):
    entry = process_table().get(pid)
    return entry is not None and entry[2] != "Z"


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The error's code; fails when this is not the documented error body."""
        value = self.json
        assert value["success"] is False, value
        assert set(value["error"]) >= {"code", "message"}, value
        assert value["error"]["message"], value
        return value["error"]["code"]

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


def copy_for_user():
    """The binary and what belongs to it, where an ordinary user can read them: the build may lie below a closed home."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-binary-", dir="/tmp"))
    place.chmod(0o755)
    shutil.copy2(BINARY, place)
    for asset in ("web", "skeleton", "xml-schemas"):
        shutil.copytree(pathlib.Path(BINARY).parent / asset, place / asset)
    return place


class Instance:
    """isthmus all, from start to stop. Use as a context manager: an exception prints every log."""

    def __init__(self, config=None, args=(), user=None, state=None):
        self.user = user
        self.copy = copy_for_user() if user else None
        self.binary = str(self.copy / "isthmus") if user else BINARY
        self.args = list(args)
        self.own_state = state is None
        if state is None:
            state = tempfile.mkdtemp(prefix="isthmus-test-", dir="/tmp")
            os.chmod(state, 0o711)  # accounts of sessions pass through
            if user:
                shutil.chown(state, user, user)
        self.state = pathlib.Path(state)
        self.config = {"gateway.httpsPort": free_port(), "gateway.httpPort": free_port()}
        self.config.update(config or {})
        self.process = None
        self.banner = {}
        self.admin_password = None
        self.errors = None

    # -- life --

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.print_logs()
        try:
            if kind is None:
                self.stop()
        finally:
            self.destroy()

    def as_user(self, command):
        if not self.user:
            return command
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--"] + command

    def environment(self):
        env = dict(os.environ)
        if self.user:
            env.update(HOME="/nonexistent", USER=self.user, LOGNAME=self.user)
            for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "SUDO_USER", "SUDO_UID"):
                env.pop(name, None)
        return env

    def spawn(self):
        file = self.state / "app.config.xml"
        if not file.exists():
            file.write_text(config_xml(self.config))
            if self.user:
                shutil.chown(file, self.user, self.user)
        out = open(self.state / "terminal.out", "wb")
        err = open(self.state / "terminal.err", "ab")
        command = self.as_user([self.binary, "all", "--state", str(self.state), *self.args])
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self.environment(), start_new_session=True, cwd="/"
        )
        out.close()
        err.close()

    def read_banner(self):
        banner = {}
        for line in (self.state / "terminal.out").read_text().splitlines():
            name, colon, value = line.partition(": ")
            if colon and " " not in name:
                assert name not in banner, f"two lines {name}: in the banner"
                banner[name] = value
        return banner

    def start(self):
        self.spawn()

        def ready():
            if self.process.poll() is not None:
                self.print_logs()
                raise AssertionError(f"isthmus all ended with {self.process.returncode}")
            banner = self.read_banner()
            return banner if "stop" in banner else None

        try:
            self.banner = until(ready, "the banner", START_TIMEOUT)
        except AssertionError:
            self.print_logs()
            self.destroy()
            raise
        if not self.banner["password"].startswith("("):
            self.admin_password = self.banner["password"]
        url = urllib.parse.urlsplit(self.banner["browser"])
        self.port = url.port or 443
        self.prefix = url.path.rstrip("/")
        self.origin = f"https://localhost:{self.port}" if self.port != 443 else "https://localhost"
        self.tls = ssl.create_default_context(cafile=str(self.state / "secrets/tls/cert.pem"))
        return self

    def stop(self, signum=signal.SIGINT):
        """Asks it to stop and proves that no process stays."""
        if self.process is None:
            return
        family = descendants(self.process.pid)
        if self.process.poll() is None:
            os.kill(self.pid, signum)
        try:
            code = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.print_logs()
            raise AssertionError(f"isthmus all does not stop; left: {descendants(self.process.pid)}") from None
        left = {pid: name for pid, name in family.items() if is_alive(pid)}
        self.process = None
        assert not left, f"processes left behind: {left}"
        assert code == 0, f"exit code {code}"
        found = self.complaints()
        assert not found, "\n".join(found)

    def complaints(self):
        """What the sanitizers said in any process of the instance."""
        found = []
        for path in [*self.state.glob("terminal.err"), *self.state.glob("log/*")]:
            lines = path.read_text(errors="replace").splitlines()
            for i, line in enumerate(lines):
                if re.search(r"(Address|Leak|UndefinedBehavior|Thread)Sanitizer|: runtime error: ", line):
                    found += [f"---- {path.name}", *lines[i : i + 30]]
                    break
        return found

    def destroy(self):
        if self.process is not None:
            family = descendants(self.process.pid)
            for pid in [self.process.pid, *family]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            self.process = None
        if self.own_state:
            shutil.rmtree(self.state, ignore_errors=True)
        if self.copy:
            shutil.rmtree(self.copy, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid  # setpriv execs: it is the same process

    def logs(self, lines=120):
        parts = [f"---- state {self.state}, config {self.config}"]
        for path in sorted([*self.state.glob("terminal.*"), *self.state.glob("log/*"), *self.state.glob("slots/*/session/*.log")]):
            text = path.read_text(errors="replace").splitlines()
            parts += [f"---- {path.relative_to(self.state)}", *(line[:500] for line in text[-lines:])]
        return "\n".join(parts)

    def print_logs(self):
        print(self.logs(), file=sys.stderr)

    def log(self, role):
        return (self.state / "log" / f"{role}.log").read_text(errors="replace")

    # -- commands --

    def ctl(self, *args):
        command = self.as_user([self.binary, "ctl", *args, "--state", str(self.state)])
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.environment(), check=False)

    def status(self):
        done = self.ctl("status", "--json")
        return json.loads(done.stdout)

    def role_pid(self, name):
        for role in self.status()["roles"]:
            if role["name"] == name:
                return role["pid"]
        raise AssertionError(f"no role {name}")

    def processes(self, word):
        """Descendants whose command line holds the word as program name or as role."""
        found = []
        for pid, name in descendants(self.pid).items():
            line = command_line(pid)
            if name == word or word.encode() in line[:2] or (line and os.path.basename(line[0]) == word.encode()):
                found.append(pid)
        return sorted(found)

    def single(self, word):
        """The one process of that name, once there is one: a program that starts another has its own name twice for a moment."""

        def alone():
            found = self.processes(word)
            return found if len(found) == 1 else None

        return until(alone, f"one process {word}")[0]

    # -- the client --

    def request(self, method, path, body=None, token=None, headers=None, raw=None, timeout=30):
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=timeout)
        send = dict(headers or {})
        if body is not None:
            raw = json.dumps(body).encode()
            send.setdefault("Content-Type", "application/json")
        if token:
            send["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, self.prefix + path, body=raw, headers=send)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body=body, **options)

    def login(self, username="admin", password=None):
        answer = self.post("/iam/auth/login", {"username": username, "password": password or self.admin_password})
        assert answer.status == 200, answer
        return answer.json["data"]

    def client(self, username="admin"):
        return Client(self, username)


class Client:
    """A logged-in person."""

    def __init__(self, instance, username="admin"):
        self.instance = instance
        login = instance.login(username)
        self.token = login["token"]
        self.user = login["user"]
        self.session = None

    def request(self, method, path, body=None, session=None, headers=None, **options):
        headers = dict(headers or {})
        if session or self.session:
            headers.setdefault("X-Session-ID", session or self.session)
        return self.instance.request(method, path, body=body, token=self.token, headers=headers, **options)

    def workspaces(self):
        answer = self.request("GET", f"/iam/users/{self.user['id']}/entitlements")
        assert answer.status == 200, answer
        data = answer.json["data"]
        return data if isinstance(data, list) else data["workspaces"]

    def workspace(self, kind):
        for workspace in self.workspaces():
            if workspace["type"] == kind:
                return workspace
        raise AssertionError(f"no workspace of type {kind}")

    def select_body(self, kind="virtual_desktop", application=None):
        workspace = self.workspace(kind)
        body = {"workspaceId": workspace["id"], "workspaceType": workspace["type"]}
        applications = workspace["applications"]
        if kind == "app_collection":
            chosen = [a for a in applications if application is None or application.lower() in a["name"].lower()]
            assert chosen, applications
            body["appId"] = chosen[0]["id"]
        return body

    def select(self, kind="virtual_desktop", application=None):
        answer = self.request("POST", "/gateway/session/select", self.select_body(kind, application))
        assert answer.status == 200, answer
        self.session = answer.json["sessionId"]
        return answer.json

    def connect(self, width=1024, height=768):
        answer = self.request("GET", f"/getConnection?width={width}&height={height}", timeout=60)
        assert answer.status == 200, answer
        return answer.json

    def launch(self, kind="virtual_desktop", application=None, width=1024, height=768):
        self.select(kind, application)
        return self.connect(width, height)

    def session_state(self):
        return self.request("GET", "/gateway/session/status").json

    def release(self):
        return self.request("POST", "/gateway/session/release", {"sessionId": self.session})

    def ticket(self, channel, session=None):
        answer = self.request("POST", "/gateway/session/ticket", {"sessionId": session or self.session, "channel": channel})
        assert answer.status == 200, answer
        return answer.json["ticket"]

    def websocket(self, channel, ticket=None, origin=None, protocols=None, **options):
        """An asynchronous context manager: async with client.websocket("capture") as ws."""
        import websockets

        if protocols is None:
            protocols = ["isthmus.v1", f"ticket.{ticket or self.ticket(channel)}"]
        instance = self.instance
        options.setdefault("open_timeout", 30)
        options.setdefault("ping_interval", None)
        return websockets.connect(
            f"wss://localhost:{instance.port}{instance.prefix}/{channel}",
            ssl=instance.tls,
            origin=origin or instance.origin,
            subprotocols=protocols,
            max_size=None,
            **options,
        )
