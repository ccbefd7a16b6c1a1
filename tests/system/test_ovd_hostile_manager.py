# SPDX-License-Identifier: GPL-3.0-or-later
"""A Session Manager that lies, babbles, or never ends: a token that it answers so leads to the error page, nobody waits for it but
who asked, and the host goes on."""

import contextlib
import http.server
import threading
import time

import ovdclient
import pytest
import testenv
from ovdclient import OvdClient, Record, ask

HEAD = '<?xml version="1.0"?>\n'
REQUEST_MS = 2000


def session(session_id, mode="desktop", kind="start", extra="", menu="", client="unknown"):
    words = "".join(f'<{name} value="u"/>' for name in ("user_login", "user_displayname", "locale", "quality"))
    return (
        f'{HEAD}<session id="{session_id}" mode="{mode}" type="{kind}"><client value="{client}"/>{words}{extra}<module_fs type="local"/>'
        f"<menu>{menu}</menu></session>"
    )


ANSWERS = {
    "nothing": lambda i: "",
    "a refusal": lambda i: "No such token file",
    "a million elements": lambda i: "<session>" + "<a/>" * 1000000 + "</session>",
    "deep": lambda i: "<session>" * 30000 + "</session>" * 30000,
    "entities": lambda i: f'{HEAD}<!DOCTYPE s [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]>' + session(i).removeprefix(HEAD).replace('"u"', '"&c;"', 1),
    "a file": lambda i: f'{HEAD}<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + session(i).removeprefix(HEAD).replace('"u"', '"&a;"', 1),
    "a path": lambda i: session("../../x"),
    "a long id": lambda i: session("a" * 500),
    "an unknown id": lambda i: session("1795256267" + "b" * 22),
    "no mode": lambda i: session(i, mode="x"),
    "an owner's share": lambda i: session(i, mode="share"),
    "a guest's desktop": lambda i: session(i, kind="invite"),
    "two clients": lambda i: session(i, extra='<client value="browser"/>'),
    "a long argument": lambda i: session(i, mode="external", extra=f'<start_app_args value="{"a" * 5000}"/>'),
    "a long address": lambda i: session(i, mode="share", kind="invite", extra=f'<invite_email value="{"a" * 2000}@b.c"/>'),
    "a long menu": lambda i: session(i, menu="".join(f'<application id="{n}" mode="virtual"/>' for n in range(1, 20001))),
    "broken bytes": lambda i: session(i, extra='<timezone value="\udcff\udcfe"/>'),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, name, value):
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header(name, value)
        self.end_headers()

    def do_GET(self):
        with contextlib.suppress(OSError):
            self.act(self.server.manner)

    def act(self, manner):
        if manner == "redirects":
            self.head(302, "Location", f"{self.server.real}{self.path}")
        elif manner == "is slow":
            self.head(200, "Content-Length", "1000")
            while self.wfile.write(b"<"):
                time.sleep(0.1)
        elif manner == "never ends":
            self.head(200, "Transfer-Encoding", "chunked")
            while self.wfile.write(b"1000\r\n" + b"a" * 4096 + b"\r\n"):
                pass
        elif manner == "goes":
            self.close_connection = True
        else:
            body = manner.encode("utf-8", "surrogateescape")
            self.head(200, "Content-Length", str(len(body)))
            self.wfile.write(body)


@pytest.fixture(scope="module")
def manager():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def opened(manager):
    """A form's location at a host whose Session Manager is the hostile one."""
    url = f"http://127.0.0.1:{manager.server_port}/sessionmanager/"
    with testenv.Instance(config={**ovdclient.CONFIG, "ovd.sessionManagerUrl": url, "ovd.requestMs": REQUEST_MS}) as instance:
        ovd = OvdClient(instance)
        location = ovd.form().location
        manager.real = ovd.manager.removesuffix("/sessionmanager")
        yield instance, ovd, location
        ovdclient.end_all(instance)


def refused(instance, location):
    host = instance.role_pid("session-host")
    before = time.monotonic()
    reply = ask(location)
    assert reply.location == "error/" and reply.headers["Set-Cookie"] is None, reply
    assert time.monotonic() - before < 3 * REQUEST_MS / 1000
    assert instance.role_pid("session-host") == host


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer(manager, opened, name):
    instance, _, location = opened
    manager.manner = ANSWERS[name](Record(instance).ovd_id)
    refused(instance, location)
    assert "root:" not in ovdclient.logged(instance)


@pytest.mark.parametrize("manner", ["redirects", "is slow", "never ends", "goes"])
def test_a_manner(manager, opened, manner):
    instance, _, location = opened
    manager.manner = manner
    refused(instance, location)


def test_what_a_session_asks_for(manager, opened):
    """The same for everything else: the original's words for what failed, and the session is what it was."""
    instance, ovd, location = opened
    manager.manner = session(Record(instance).ovd_id, extra='<shareable value="1"/>', menu='<application id="1" mode="virtual"/>')
    ovd.open(location)
    ovd.start()
    ovd.until(2, 2, "desktop")
    access = ovd.access()
    for manner in ("", "<x", "<a/>", ANSWERS["deep"](""), "redirects", "is slow", "never ends", "goes"):
        manager.manner = manner
        said = "Missing element 'invite'" if manner == "<a/>" else "Invalid XML"
        assert ovd.invite("a@b.c").text == said, manner[:20]
        assert ovd.ask("icon.php", id=1).body == b"" and ovd.ask("portal/get_news.php").body == b""
        assert ovd.ask("apps.php").text in ("<applications/>", "<applications></applications>")
        assert "<error errno=" in ovd.ask("start_app.php", app_id=1, size="300x300").text
        assert ovd.access() == access and ovd.whatsup("desktop").application == 2
    ovd.exit()
