# SPDX-License-Identifier: GPL-3.0-or-later
"""A legacy OVD 2.5 client, as a person's program is one: it posts the portal's form, follows the redirect, keeps its cookie,
asks whatsup.php again and again, starts, reads the access data, and leaves. Every XML answer is checked against its schema."""

import contextlib
import dataclasses
import functools
import http.client
import os
import re
import sqlite3
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import testenv
from testenv import until

XML = "text/xml; charset=utf-8"
HTML = "text/html; charset=utf-8"
HONOURED = (
    "session_mode,language,windows_keymap,quality,persistent,shareable,desktop_icons,app_with_desktop,start_app,start_app_args,"
    "popup,debug,server"
)
CONFIG = {"ovd.sessionManager": "true", "ovd.applicationServer": "true", "ovd.defaultMode": "desktop", "ovd.honouredArguments": HONOURED}
VNC_KEY = bytes(int(f"{byte:08b}"[::-1], 2) for byte in (23, 82, 107, 6, 35, 78, 88, 7)).hex()


def reveal(hidden):
    """The password behind its form in VNC password files."""
    command = ["openssl", "enc", "-d", "-des-ecb", "-nopad", "-provider", "legacy", "-provider", "default", "-K", VNC_KEY]
    return subprocess.run(command, input=bytes.fromhex(hidden), capture_output=True, check=True, timeout=60).stdout.rstrip(b"\0").decode("latin-1")


@functools.lru_cache(1000)
def breach(schema, body):
    file = testenv.ROOT / "xml-schemas" / f"{schema}.xsd"
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", file, "-"], input=body, capture_output=True, timeout=60, check=False)
    return done.stderr if done.returncode else None


def validate(schema, body):
    """The root of a message that its schema allows."""
    assert breach(schema, body) is None, (body, breach(schema, body))
    return ElementTree.fromstring(body)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.type = response.headers.get("Content-Type")
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def location(self):
        assert self.status == 302, self
        return self.headers["Location"]

    @property
    def token(self):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.location).query)["token"][0]

    @property
    def message(self):
        """What an error page of startsession.php says."""
        assert self.status == 500 and self.type == HTML, self
        return re.search(r'<p class="msg_error centered">([^<]*)</p>', self.text)[1]

    def xml(self, schema):
        assert (self.status, self.type) == (200, XML), self
        return validate(schema, self.body)

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:600]!r}>"


def ask(url, form=None, cookie=None, method=None, headers=None, raw=None, timeout=60):
    """One request, as it is; redirects are not followed."""
    parts = urllib.parse.urlsplit(url)
    send = dict(headers or {})
    if form is not None:
        raw = urllib.parse.urlencode(form).encode()
        send["Content-Type"] = "application/x-www-form-urlencoded"
    if cookie:
        send["Cookie"] = cookie
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(connection):
        connection.request(method or ("POST" if raw is not None else "GET"), path, body=raw, headers=send)
        return Reply(connection.getresponse())


class Whatsup:
    def __init__(self, root):
        self.root = root
        self.status = int(root.get("status"))
        application, applications = root.find("application"), root.find("applications")
        self.application = None if application is None else int(application.get("status"))
        self.running = None if applications is None else [(r.get("job"), r.get("app_id"), int(r.get("status"))) for r in applications]
        self.print = None if root.find("print") is None else root.find("print").attrib
        sharing = root.find("sharing")
        self.sharing = None if sharing is None else [dict(s.attrib) for s in sharing]
        assert sharing is None or int(sharing.get("count")) == len(self.sharing)

    def __repr__(self):
        return ElementTree.tostring(self.root).decode()


@dataclasses.dataclass
class Access:
    width: int
    height: int
    view_only: str
    host: str
    ssh_user: str
    ssh_password: str
    ports: list
    vnc_port: int = 0
    hidden_password: str = ""
    quality: str = ""

    @classmethod
    def read(cls, root):
        parameters, ssh, vnc = root.find("parameters"), root.find("ssh"), root.find("vnc")
        access = cls(
            int(parameters.get("width")), int(parameters.get("height")), parameters.get("view_only"), ssh.get("host"), ssh.get("user"),
            bytes.fromhex(ssh.get("passwd")).decode("ascii"), [int(p.text) for p in ssh.findall("port")],
        )  # fmt: skip
        if vnc is not None:
            access.vnc_port, access.hidden_password = int(vnc.get("port")), vnc.get("passwd")
            access.quality = vnc.get("quality")
        return access

    def port(self, legacy):
        """Clients use the first port only, which is the legacy listener's while that is on; the other one is the modern one's."""
        return self.ports[0] if legacy else self.ports[-1]

    @property
    def vnc_password(self):
        return reveal(self.hidden_password)


class OvdClient:
    """One client program with one cookie jar."""

    def __init__(self, instance, login="admin", password=None):
        self.instance = instance
        self.login, self.password = login, password or instance.admin_password
        self.manager = instance.banner["legacy"].rsplit("/", 1)[0]
        self.base = None  # http://HOST:PORT/applicationserver
        self.cookie = None
        self.session = None  # the root of index.php's answer

    # -- the Session Manager --

    def form(self, **arguments):
        """The portal's form."""
        return ask(f"{self.manager}/startsession.php", {"login": self.login, "password": self.password, **arguments})

    def applications(self):
        """name -> id"""
        reply = ask(f"{self.manager}/applications.php", {"login": self.login, "password": self.password})
        return {a.get("name"): a.get("id") for a in reply.xml("ovd-user-applications")}

    # -- the Application Server --

    def follow(self, location):
        """The redirect's target; keeps its cookie."""
        self.base = location.split("/index.php")[0]
        return self.remember(ask(location, cookie=self.cookie))

    def remember(self, reply):
        for line in reply.headers.get_all("Set-Cookie") or []:
            found = re.match(r"PHPSESSID=([A-Za-z0-9]+); path=/(;|$)", line, re.IGNORECASE)
            assert found, line
            self.cookie = f"PHPSESSID={found[1]}"
        return reply

    def open(self, location=None, **arguments):
        """From the form to the session: what index.php says."""
        reply = self.follow(location or self.form(**arguments).location)
        self.session = reply.xml("ovd-session-answer")
        aps = self.session.find("aps")
        assert self.base == f"{aps.get('protocol')}://{aps.get('server')}:{aps.get('port')}{aps.get('location')}", self.session.attrib
        return self

    def ask(self, file, form=None, **query):
        url = f"{self.base}/{file}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        return self.remember(ask(url, form, cookie=self.cookie, timeout=150))

    def whatsup(self, application=None):
        query = {} if application is None else {"application_id": application}
        reply = self.ask("whatsup.php", differentiator=time.monotonic_ns(), **query)
        return Whatsup(reply.xml("ovd-whatsup"))

    def until(self, status, application=None, instance=None, timeout=60):
        """Polls until session (and application) have one of these states; what whatsup says then."""
        wanted = status if isinstance(status, tuple) else (status,)
        seen = []

        def look():
            now = self.whatsup(instance)
            if not seen or (seen[-1].status, seen[-1].application) != (now.status, now.application):
                seen.append(now)
            return now if now.status in wanted and application in (None, now.application) else None

        try:
            return until(look, f"whatsup {wanted}/{application}", timeout, step=0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}: {seen}") from None

    def start(self, width=800, height=600):
        reply = self.ask("start.php", width=width, height=height)
        assert (reply.status, reply.body) == (200, b""), reply
        return reply

    def begin(self, width=800, height=600, **arguments):
        """A ready session of any mode."""
        self.open(**arguments)
        self.until(0)
        self.start(width, height)
        desktop = self.session.get("mode") == "desktop"
        self.until(2, 2 if desktop else None, "desktop" if desktop else None)
        return self

    def access(self, application="desktop"):
        return Access.read(self.ask("access.php", application_id=application).xml("ovd-access"))

    def start_app(self, application, size="640x480", **arguments):
        """The id of its instance."""
        root = self.ask("start_app.php", app_id=application, size=size, **arguments).xml("ovd-start-app")
        assert root.tag == "access", ElementTree.tostring(root)
        return root.get("id")

    def invite(self, email, mode="active", access="desktop"):
        return self.ask("invite.php", {"access_id": access, "email": email, "mode": mode})

    def exit(self):
        reply = self.ask("exit.php")
        assert reply.status == 200, reply

    def suspend(self):
        reply = self.ask("suspend.php")
        assert (reply.status, reply.body) == (200, b""), reply

    def kill(self):
        """Whatever it is in: ends it, so that the next test of the same person can start."""
        if self.base:
            self.ask("exit.php")


def end_all(instance, timeout=60):
    """Ends every session of the administrator by the other front-end, and waits until the host is empty."""
    end_sessions(instance)
    until(lambda: not keepers(instance), "the host is empty", timeout)


def end_sessions(instance, login="admin"):
    person = instance.client(login)
    for workspace in person.workspaces():
        bodies = [{"workspaceId": workspace["id"], "workspaceType": workspace["type"]}]
        if workspace["type"] == "app_collection":
            bodies = [{**bodies[0], "appId": a["id"]} for a in workspace["applications"]]
        for body in bodies:
            answer = person.request("POST", "/gateway/session/select", body)
            if answer.status == 200:
                person.session = answer.json["sessionId"]
                person.release()
                person.session = None  # else the next one is asked for by this name


def keepers(instance):
    return list(instance.state.glob("slots/*/session/keeper.sock"))


def as_browser(instance, kind="virtual_desktop", application=None, login="admin"):
    """The person of the form as the other front-end knows it, with the same session."""
    person = instance.client(login)
    chosen = person.select(kind, application)
    assert chosen["resumed"] is True, chosen
    return person


def status_of(person):
    """The OVD status in the control plane's words."""
    return person.session_state()["ovdStatus"]


def in_home(instance, name):
    found = list(instance.state.glob(f"slots/*/home/{name}"))
    return found[0] if found else None


def logged(instance):
    """Every line that any part has logged."""
    files = [*instance.state.glob("log/*"), *instance.state.glob("slots/*/session/*.log"), *instance.state.glob("terminal.err")]
    return "\n".join(file.read_text(errors="replace") for file in files)


# ---- what is written down ----


def query(instance, database, text, *values):
    """Reads one of the instance's databases, or writes to it."""
    with contextlib.closing(sqlite3.connect(instance.state / "db" / f"{database}.sqlite", timeout=30)) as db, db:
        return db.execute(text, values).fetchall()


def add_people(instance, *names):
    """People with the rights and the password of the administrator: each may have a session of its own."""
    ((admin,),) = query(instance, "main", "SELECT id FROM users WHERE username = 'admin'")
    for name in names:
        new = os.urandom(16).hex()
        query(
            instance, "main",
            "INSERT INTO users SELECT ?, organisation_id, ?, display_name, email, password_hash, enabled, token_generation, created,"
            " changed, last_login FROM users WHERE id = ?", new, name, admin,
        )  # fmt: skip
        query(instance, "main", "INSERT INTO user_group_memberships SELECT ?, group_id FROM user_group_memberships WHERE user_id = ?", new, admin)


class Record:
    """The latest session of a person as the parts wrote it down."""

    def __init__(self, instance, login="admin"):
        self.instance = instance
        ((self.ovd_id, self.session_id),) = query(
            instance, "main",
            "SELECT o.id, o.session_id FROM ovd_sessions o JOIN users u ON u.id = o.user_id WHERE u.username = ?"
            " ORDER BY o.created DESC, o.rowid DESC LIMIT 1", login,
        )  # fmt: skip

    @property
    def host(self):
        """Status and reason in the host's journal."""
        rows = query(self.instance, "host", "SELECT status, reason FROM sessions WHERE session_id = ?", self.session_id)
        return rows[0] if rows else (None, None)

    @property
    def plane(self):
        """Status and reason in the control plane's copy."""
        rows = query(self.instance, "main", "SELECT status, reason FROM sessions WHERE id = ?", self.session_id)
        return rows[0] if rows else (None, None)

    def at_server(self, base):
        """What the Application Server tells its Session Manager."""
        return int(ask(f"{base}/webservices/session_status.php?session={self.ovd_id}").body)
