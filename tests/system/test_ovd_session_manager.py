# SPDX-License-Identifier: GPL-3.0-or-later
"""The OVD Session Manager against a real gateway: the test plays browser, client, portal and Application Server. What is
expected, to the byte, is that of the protocol (docs/protocol/ovd-compatibility.md)."""

import concurrent.futures
import contextlib
import http.client
import re
import sqlite3
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import fake_host
import pytest
import testenv

HONOURED = (
    "session_mode,language,windows_keymap,quality,persistent,shareable,desktop_icons,app_with_desktop,start_app,start_app_args,"
    "popup,debug,server"
)
ID = r"[0-9]{10}[a-zA-Z0-9]{22}"


def valid(schema, reply):
    """The root of an answer that its schema allows."""
    file = testenv.ROOT / "xml-schemas" / f"{schema}.xsd"
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", file, "-"], input=reply.body, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (reply, done.stderr)
    return ElementTree.fromstring(reply.body)


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
    def message(self):
        """What an error page says."""
        assert self.status == 500 and self.type == "text/html; charset=utf-8", self
        return re.search(r'<p class="msg_error centered">([^<]*)</p>', self.text)[1]

    @property
    def token(self):
        assert self.status == 302, self
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.headers["Location"]).query)["token"][0]

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:600]!r}>"


class Farm:
    """A gateway with the Session Manager, and one host."""

    def __init__(self, **config):
        config.setdefault("ovd__defaultMode", "desktop")
        self.gateway = fake_host.Gateway(**config)

    def __enter__(self):
        self.gateway.__enter__()
        self.host = fake_host.FakeHost(self.gateway)
        assert self.host.register(capabilities=["ovd-port=8099"]).status == 200
        return self

    def __exit__(self, *error):
        self.host.close()
        self.gateway.__exit__(*error)

    def ask(self, method, path, form=None, cookie=None, headers=None, raw=None, tls=False):
        if tls:
            connection = http.client.HTTPSConnection("localhost", self.gateway.port, context=self.gateway.tls, timeout=60)
        else:
            connection = http.client.HTTPConnection("localhost", self.gateway.config["gateway.httpPort"], timeout=60)
        send = dict(headers or {})
        if form is not None:
            raw = urllib.parse.urlencode(form).encode()
            send["Content-Type"] = "application/x-www-form-urlencoded"
        if cookie:
            send["Cookie"] = cookie
        with contextlib.closing(connection):
            connection.request(method, "/sessionmanager/" + path, body=raw, headers=send)
            return Reply(connection.getresponse())

    def start(self, password=None, tls=False, **arguments):
        form = {"login": "admin", "password": password or self.gateway.password, **arguments}
        return self.ask("POST", "startsession.php", form, tls=tls)

    def service(self, name, method="GET", **arguments):
        arguments.setdefault("fqdn", "127.0.0.1")
        query = urllib.parse.urlencode({k: v for k, v in arguments.items() if v is not None})
        return self.ask(method, f"webservices/{name}.php?{query}")

    def inside(self, service):
        """At the port of the farm's own hosts."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.config["gateway.port"], timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", f"/sessionmanager/webservices/{service}")
            return Reply(connection.getresponse())

    def redeem(self, token, **arguments):
        return self.service("session_token", token=token, **arguments)

    def session(self, **arguments):
        """A session that an Application Server has taken over: its legacy id."""
        return ElementTree.fromstring(self.redeem(self.start(**arguments).token).body).get("id")

    def status(self, session, status, **arguments):
        return self.service("session_status", session=session, status=status, **arguments)

    def end(self, session):
        assert self.status(session, 4).text == ""


@pytest.fixture(scope="module")
def farm():
    with Farm(ovd__honouredArguments=HONOURED) as running:
        yield running


@pytest.fixture(scope="module")
def person(farm):
    return fake_host.Person(farm.gateway)


@pytest.fixture(autouse=True)
def clean(request):
    """No session of one test is in the way of the next one."""
    yield
    if "farm" in request.fixturenames:
        farm, person = request.getfixturevalue("farm"), request.getfixturevalue("person")
        for workspace in ({"workspaceId": person.desktop["id"]},
                          *({"workspaceId": person.collection["id"], "appId": a["id"]} for a in person.collection["applications"])):  # fmt: skip
            answer = person.request("POST", "/gateway/session/select", workspace)
            if answer.status == 200:
                person.release(answer.json["sessionId"])
                farm.host.report(answer.json["sessionId"], 4)


def browser_status(person):
    """The session as the other front-end sees it."""
    return person.status(person.select().json["sessionId"]).json


# ---- startsession.php and session_token.php ----


@pytest.mark.parametrize("tls", [False, True])
def test_from_the_form_to_the_token(farm, person, tls):
    reply = farm.start(tls=tls)
    assert reply.status == 302 and reply.body == b""
    assert re.fullmatch(rf"http://localhost:8099/applicationserver/index\.php\?token={ID}", reply.headers["Location"])
    answer = farm.redeem(reply.token)
    assert (answer.status, answer.type) == (200, "text/xml; charset=utf-8")
    number = int(re.search(r'<timeout value="([0-9]+)"', answer.text)[1])
    assert abs(number - time.time() - 86400) < 60
    assert re.fullmatch(
        r'<\?xml version="1\.0" encoding="utf-8"\?>\n'
        rf'<session id="{ID}" mode="desktop" type="start"><client value="unknown"/><user_login value="admin"/>'
        r'<user_displayname value="Administrator"/><locale value="en_GB\.UTF-8"/><windows_keymap value="en-us"/>'
        r'<quality value="high"/><timeout value="[0-9]+"/><timeout_message value="[^"]+"/><popup value="1"/>'
        r'<shareable value="1"/><desktop_icons value="1"/><module_fs type="local"/>'
        r'<menu>(<application id="[0-9]+" mode="virtual" reload="1"/>)+</menu></session>\n?',
        answer.text,
    ), answer
    valid("ovd-session-token", answer)
    assert farm.redeem(reply.token).text == "No such token file"
    # The same session in the browser: one core.
    seen = person.select().json
    assert (seen["resumed"], seen["state"]) == (True, "pending")


def test_every_argument(farm):
    apps = ElementTree.fromstring(farm.ask("POST", "applications.php", {"login": "admin", "password": farm.gateway.password}).body)
    terminal = next(a for a in apps if a.get("name") == "Terminal").get("id")
    reply = farm.start(
        session_mode="portal", language="fr", windows_keymap="fr", quality="lowest", persistent="1", shareable="0", desktop_icons="0",
        app_with_desktop="yes", start_app=terminal, start_app_args='/a b "c"', popup="0", debug="1", timezone="Europe/Paris",
        client="browser", proxy_type="HTTP", proxy_host="proxy", proxy_port="3128", proxy_username="u", proxy_password="p&<",
        timeout="5", size="1x1", locale="de_DE",
    )  # fmt: skip
    root = valid("ovd-session-token", farm.redeem(reply.token))
    values = {child.tag: child.get("value") for child in root if child.get("value")}
    del values["timeout"], values["timeout_message"]
    assert root.get("mode") == "portal"
    assert values == {
        "client": "browser", "user_login": "admin", "user_displayname": "Administrator", "locale": "fr_FR.UTF-8", "windows_keymap": "fr",
        "quality": "lowest", "timezone": "Europe/Paris", "start_app_id": terminal, "start_app_args": '/a b "c"', "popup": "0", "debug": "1",
        "persistent": "1", "app_with_desktop": "1", "enable_proxy": "1", "proxy_type": "HTTP", "proxy_host": "proxy",
        "proxy_port": "3128", "proxy_username": "u", "proxy_password": "p&<",
    }  # fmt: skip


def test_arguments_come_from_anywhere_but_the_password(farm):
    form = {"login": "admin", "password": farm.gateway.password, "language": "de"}
    reply = farm.ask("POST", "startsession.php?language=fr&quality=medium", form, cookie="quality=lowest; windows_keymap=it")
    values = {c.tag: c.get("value") for c in ElementTree.fromstring(farm.redeem(reply.token).body)}
    assert (values["locale"], values["quality"], values["windows_keymap"]) == ("de_DE.UTF-8", "medium", "it")
    query = urllib.parse.urlencode(form)
    assert farm.ask("GET", f"startsession.php?{query}").message == "The service is not available, please try again later"


def test_multipart_form(farm):
    parts = {"login": "admin", "password": farm.gateway.password, "client": "browser"}
    raw = "".join(f'--XyZ\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items()) + "--XyZ--\r\n"
    reply = farm.ask("POST", "startsession.php", raw=raw.encode(), headers={"Content-Type": "multipart/form-data; boundary=XyZ"})
    assert reply.status == 302, reply


def test_refusals_of_the_form(farm):
    generic = "The service is not available, please try again later"
    assert farm.start(password="wrong").message == generic
    assert farm.start(session_mode="external").message == generic
    assert farm.start(session_mode="external", start_app="99999").message == generic
    assert farm.start(session_mode="share").message == generic
    assert farm.start(start_app="x' OR 1").message == generic
    assert farm.start(force="no.such.server").message == generic
    assert farm.start(timezone="a\nb").message == generic
    assert farm.ask("POST", "startsession.php", {}).message == generic
    assert farm.ask("POST", "startsession.php", {"login": "admin"}).message == generic
    log = farm.gateway.log()
    assert 'login refused user="admin" address=127.0.0.1 reason=credentials' in log
    assert farm.gateway.password not in log


def test_a_second_start(farm, person):
    first = farm.start().token
    assert farm.start().message == "You already have a session, please contact your administrator"
    session = ElementTree.fromstring(farm.redeem(first).body).get("id")
    for status in (0, 1, 22, 2):
        assert farm.status(session, status).body == b""
        assert browser_status(person)["ovdStatus"] == status
        assert farm.start().message == "You already have an active session"
    for status in (9, 10):
        assert farm.status(session, status).body == b""
        again = farm.start(client="browser")
        root = ElementTree.fromstring(farm.redeem(again.token).body)
        assert (root.get("id"), root.get("type"), root.get("mode")) == (session, "resume", "desktop")
        assert root.find("client").get("value") == "browser"
    for status in (11, 3):
        farm.status(session, status)
        assert farm.start().message == "You already have a session, please contact your administrator"
    farm.end(session)
    assert farm.start().status == 302


def test_external_mode_reuses_the_session(farm):
    apps = ElementTree.fromstring(farm.ask("POST", "applications.php", {"login": "admin", "password": farm.gateway.password}).body)
    one = apps[0].get("id")
    session = farm.session(session_mode="external", start_app=one, persistent="1", shareable="1")
    farm.status(session, 2)
    root = ElementTree.fromstring(farm.redeem(farm.start(session_mode="external", start_app=one, start_app_args="x").token).body)
    assert (root.get("id"), root.get("type"), root.get("mode")) == (session, "reuse", "external")
    assert root.find("start_app_args").get("value") == "x"
    assert root.find("persistent") is None and root.find("shareable") is None
    farm.end(session)


def test_a_session_of_the_browser_is_resumed_by_the_form(farm, person):
    session = person.select().json["sessionId"]
    person.request("GET", "/getConnection?width=800&height=600", session=session)
    farm.host.report(session, 2)
    assert farm.start().message == "You already have an active session"
    farm.host.report(session, 9, 10)
    root = ElementTree.fromstring(farm.redeem(farm.start().token).body)
    assert root.get("type") == "resume"
    # Its name here is another one, and means the same session.
    farm.end(root.get("id"))
    assert person.status(session).json["state"] == "ended"


def test_the_token_is_for_one(farm):
    token = farm.start().token
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [reply.text for reply in pool.map(lambda _: farm.redeem(token), range(16))]
    assert sum(text.startswith("<?xml") for text in answers) == 1
    assert answers.count("No such token file") == 15


def test_questions_of_servers(farm):
    token = farm.start().token
    ask = farm.service
    assert ask("session_token", fqdn=None, token=token).text == "ERROR - NO $_GET['fqdn']"
    assert ask("session_token", fqdn="other.example", token=token).text == "Server not authorized"
    assert ask("session_token", fqdn="").text == "Server not authorized"
    assert ask("session_token").text == "ERROR - NO $_GET['token']"
    assert ask("session_token", token="").text == "ERROR - NO $_GET['token']"
    for bad in ("1795230122zRL5O", "../x", "x" * 200, "a'b"):
        assert ask("session_token", token=bad).text == "No such token file"
    session = ElementTree.fromstring(farm.redeem(token, fqdn="127.0.0.1.").body).get("id")
    status = {"session": session, "status": "0", "fqdn": "127.0.0.1"}
    for service in ("session_status", "session_end_status"):
        for name in status:
            reply = ask(service, **{**status, name: None})
            assert (reply.status, reply.type, reply.text) == (200, "text/html; charset=utf-8", f"ERROR - NO $_GET['{name}']")
        assert ask(service, **{**status, "fqdn": "other"}).text == "Server not authorized"
        assert ask(service, **{**status, "session": "nope"}).text == "ERROR - No such session"
    for number in ("5", "x", "99999999999999999999", ""):
        assert ask("session_status", **{**status, "status": number}).status == 400
    assert ask("session_end_status", **{**status, "status": "exit"}).text == "ERROR - No such report"
    farm.status(session, 2)
    assert ask("session_end_status", **{**status, "status": "kma"}).text == ""
    farm.end(session)
    assert farm.status(session, 2).text == "ERROR - No such session"


def test_the_reason_reaches_the_core(farm, person):
    session = farm.session()
    own = person.select().json["sessionId"]
    farm.status(session, 2)
    farm.service("session_end_status", session=session, status="timeout")
    farm.end(session)
    assert person.status(own).json["reason"] == "timeout"


@pytest.mark.parametrize(("core", "original"), [("display_failed", "internal2"), ("no_window", "internal2"), ("kill", "adminkill"), ("lost", "unknown"), ("kma", "kma")])
def test_the_reason_of_the_core_is_written_down(farm, person, core, original):
    """In the words of the original, as far as it has one."""
    session = farm.session()
    own = person.select().json["sessionId"]
    farm.host.report(own, 0, 1)
    farm.host.report(own, 4, reason=core)
    assert person.status(own).json["reason"] == core

    def why():
        with contextlib.closing(sqlite3.connect(farm.gateway.state / "db/main.sqlite")) as db:
            return db.execute("SELECT stop_why FROM ovd_sessions WHERE id = ?", (session,)).fetchone()[0]

    assert testenv.until(why, "the reason", 30) == original


# ---- what portal pages show ----


def test_news_and_logo(farm):
    """On every port that services are asked at; no server and no user is asked for."""
    asked = [farm.ask("GET", "webservices/get_news.php?fqdn=x&login=a", tls=tls) for tls in (False, True)]
    asked.append(farm.inside("get_news.php?fqdn=x"))
    for reply in asked:
        assert (reply.status, reply.type) == (200, "text/xml; charset=utf-8"), reply
        assert len(valid("ovd-news", reply)) == 0
    reply = farm.ask("GET", "webservices/get_news.php")
    assert (reply.status, reply.text) == (200, "ERROR - NO $_GET['fqdn']")
    for reply in (farm.ask("GET", "webservices/get_logo.php"), farm.inside("get_logo.php")):
        assert (reply.status, reply.type) == (200, "image/png")
        assert reply.body.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0@\0\0\0@")


# ---- logins, applications, pages ----


def test_login_by_cookie(farm):
    login = {"login": "admin", "password": farm.gateway.password, "do_login": "1"}
    wrong = farm.ask("POST", "ajax/login.php", {**login, "password": "no"})
    assert (wrong.status, wrong.text) == (404, "Authentication failed")
    assert "Set-Cookie" not in wrong.headers
    none = farm.ask("GET", "ajax/login.php?" + urllib.parse.urlencode(login))
    assert (none.status, none.text) == (404, "Authentication failed")
    right = farm.ask("POST", "ajax/login.php", login)
    assert (right.status, right.text) == (200, "You are now logged in")
    cookie = right.headers["Set-Cookie"].split(";")[0]
    assert re.fullmatch("PHPSESSID=[0-9a-f]{32}", cookie)
    assert farm.ask("GET", "applications.php", cookie=cookie).body.count(b"<application ") == 2
    assert farm.ask("GET", "applications.php", cookie=cookie + "0").body == b""
    assert farm.ask("GET", "startsession.php", cookie=cookie).status == 302
    # Used once, it is forgotten.
    assert farm.ask("GET", "startsession.php", cookie=cookie).message.startswith("The service")
    assert "Secure" in farm.ask("POST", "ajax/login.php", login, tls=True).headers["Set-Cookie"]


def test_many_logins_at_once(farm):
    login = {"login": "admin", "password": farm.gateway.password, "do_login": "1"}
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert [a.status for a in pool.map(lambda _: farm.ask("POST", "ajax/login.php", login), range(20))] == [200] * 20


def test_applications_and_icons(farm):
    login = {"login": "admin", "password": farm.gateway.password}
    reply = farm.ask("POST", "applications.php", login)
    assert reply.type == "text/xml; charset=utf-8"
    root = valid("ovd-user-applications", reply)
    apps = {a.get("name"): a.get("id") for a in root}
    assert set(apps) == {"Terminal", "Text Editor"}
    icon = farm.ask("POST", f"icon.php?id={apps['Terminal']}", login)
    assert icon.type == "image/png" and icon.body.startswith(b"\x89PNG")
    assert int.from_bytes(icon.body[20:24], "big") == 32
    assert farm.ask("GET", f"icon.php?id={apps['Terminal']}").body == b""
    one = farm.service("application", id=apps["Terminal"])
    valid("ovd-application", one)
    assert one.text == (
        f'<?xml version="1.0" encoding="utf-8"?>\n<application id="{apps["Terminal"]}" name="Terminal" description="A command line" '
        'type="linux" package="" published="1" desktopfile="" mimetypes="" static="0"><executable command="/usr/bin/xterm" '
        'icon="terminal"/></application>\n'
    )
    assert farm.service("icon", id=apps["Terminal"]).body == icon.body
    for service, unknown in (("application", 404), ("icon", 400)):
        assert farm.service(service).status == 400
        assert farm.service(service, id="1", fqdn=None).text == "ERROR - NO $_GET['fqdn']"
        assert farm.service(service, id="1", fqdn="other").text == "Server not authorized"
        assert farm.service(service, id="424242").status == unknown
        assert farm.service(service, id="../1").status == unknown


def test_pages(farm):
    page = farm.ask("GET", "index.php")
    root = ElementTree.fromstring(page.body)
    form = root.find(".//{http://www.w3.org/1999/xhtml}form")
    assert (form.get("action"), form.get("method")) == ("startsession.php", "post")
    assert farm.ask("GET", "").body == farm.ask("POST", "index.php", {"login": "x"}).body == page.body
    # The Application Server has no https: the browser must not be told to insist on it.
    assert "Strict-Transport-Security" not in farm.ask("GET", "index.php", tls=True).headers
    ElementTree.fromstring(farm.start(password="wrong").body)
    assert farm.ask("GET", "check.php").body == b""
    assert farm.ask("GET", "webservices/nothing.php").status == 404
    assert farm.ask("GET", "../etc/passwd").status in (307, 404)


def test_bodies_and_heads_without_end(farm):
    big = {"login": "a" * 70000}
    assert farm.ask("POST", "startsession.php", big).status == 413
    many = "&".join(f"a{i}=1" for i in range(200)).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert farm.ask("POST", "startsession.php", raw=many, headers=form).status == 500
    assert farm.ask("POST", "startsession.php", raw=b"login=%ff&password=%00", headers=form).status == 500
    assert farm.ask("GET", "webservices/session_token.php?" + "&".join(f"a{i}" for i in range(200))).status == 400


def test_the_document_walk_with_curl(farm):
    """What an administrator would type."""
    base = f"http://localhost:{farm.gateway.config['gateway.httpPort']}/sessionmanager"
    done = subprocess.run(
        ["curl", "-s", "-D", "-", "-o", "/dev/null", "--data-urlencode", "login=admin", "--data-urlencode",
         f"password={farm.gateway.password}", f"{base}/startsession.php"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("HTTP/1.1 302")
    assert re.search(rf"Location: http://localhost:8099/applicationserver/index\.php\?token={ID}\n", done.stdout)


# ---- other configurations ----


def test_nothing_is_there_when_it_is_off():
    with fake_host.Gateway(ovd__sessionManager="false") as gateway:
        connection = http.client.HTTPConnection("localhost", gateway.config["gateway.httpPort"], timeout=60)
        connection.request("GET", "/sessionmanager/index.php")
        assert connection.getresponse().status == 307


def test_an_untouched_session_manager_ignores_arguments():
    with Farm() as farm:
        values = {c.tag: c.get("value") for c in ElementTree.fromstring(farm.redeem(farm.start(quality="lowest", language="fr").token).body)}
        assert (values["quality"], values["locale"]) == ("high", "en_GB.UTF-8")


def age(farm, milliseconds):
    """Every token was made that much earlier, and invitations and sessions with them."""
    with contextlib.closing(sqlite3.connect(farm.gateway.state / "db/main.sqlite", timeout=60)) as base, base:
        base.execute("UPDATE ovd_tokens SET created = created - ?, expires = expires - ?", (milliseconds, milliseconds))
        base.execute("UPDATE ovd_invites SET expires = expires - ?", (milliseconds,))
        base.execute("UPDATE ovd_sessions SET created = created - ?", (milliseconds,))


def test_limits_of_time():
    with Farm() as farm:
        token = farm.start().token
        age(farm, 270_000)  # half a minute is left
        answer = farm.redeem(token)
        assert answer.text.startswith("<?xml")
        farm.end(ElementTree.fromstring(answer.body).get("id"))
        first = farm.start().token
        assert farm.start().message == "You already have a session, please contact your administrator"
        age(farm, 10_001)
        second = farm.start().token
        assert farm.redeem(first).text == "Invalid session"
        age(farm, 300_001)
        assert farm.redeem(second).text == "No such token file"


def test_a_token_that_led_nowhere():
    """The server took it and made no session of it, or nobody came in time: the user need not ask anybody."""
    with Farm() as farm:
        for wait in (0, 300_001):
            token = farm.start().token
            if wait == 0:
                assert farm.redeem(token).text.startswith("<?xml")
            age(farm, wait)
            if wait == 0:
                assert farm.start().message == "You already have a session, please contact your administrator"
                age(farm, 10_001)
            again = farm.start().token
            root = ElementTree.fromstring(farm.redeem(again).body)
            assert root.get("type") == "start"
            farm.end(root.get("id"))


def test_a_lease_lives_as_long_as_its_token():
    with Farm(isthmus__selectExpiryMs=6000) as farm:
        token = farm.start().token
        person = fake_host.Person(farm.gateway)
        application = {"workspaceId": person.collection["id"], "appId": person.collection["applications"][0]["id"]}
        later = person.request("POST", "/gateway/session/select", application).json["sessionId"]
        testenv.until(lambda: person.status(later).json["state"] == "ended", "the end of a lease that was taken later", 40)
        assert farm.redeem(token).text.startswith("<?xml")


def test_joining_the_own_session():
    with Farm(ovd__actionWhenActiveSession="join") as farm:
        session = farm.session()
        farm.status(session, 2)
        root = ElementTree.fromstring(farm.redeem(farm.start().token).body)
        assert (root.get("id"), root.get("mode"), root.get("type")) == (session, "share", "invite")
        values = {c.tag: c.get("value") for c in root}
        assert (values["invite_email"], values["view_only"], values["access_id"]) == ("admin", "No", "desktop")


def forget_the_desktop(farm):
    """What an administration page does some day: nobody has the desktop any more."""
    with contextlib.closing(sqlite3.connect(farm.gateway.state / "db/main.sqlite", timeout=60)) as base, base:
        base.execute("UPDATE workspaces SET published = 0 WHERE type = 'virtual_desktop'")


def test_nothing_but_applications():
    with Farm(ovd__honouredArguments="session_mode") as farm:
        forget_the_desktop(farm)
        assert farm.start(session_mode="desktop").message == "The service is not available, please try again later"

        def begun(**arguments):
            root = ElementTree.fromstring(farm.redeem(farm.start(session_mode="portal", **arguments).token).body)
            assert root.get("mode") == "portal" and len(root.find("menu")) == 2
            found = farm.gateway.internal("/gateway/ovd/session", {"serverUrl": farm.host.url, "ovdSession": root.get("id")}).json
            farm.end(root.get("id"))
            return found

        portal = begun()
        assert (portal["workspaceType"], portal["appExe"], portal["appArgs"], portal["appId"]) == ("virtual_desktop", "remotedesktop", "", "")
        browser = begun(client="browser")
        assert browser["workspaceType"] == "app_collection" and browser["appExe"] != "remotedesktop" and browser["appId"]


def test_names_of_servers():
    with Farm(ovd__authorizedFqdn="10.*, *.example") as farm:
        assert farm.redeem("x").text == "Server not authorized"
    with Farm(ovd__fqdnPrivateAddresses="aps.farm=127.0.0.1", ovd__externalName="desk.example") as farm:
        assert farm.host.register(capabilities=["ovd-fqdn=aps.farm"]).status == 200
        reply = farm.start()
        assert reply.headers["Location"].startswith("http://desk.example:8082/applicationserver/")
        assert farm.redeem(reply.token, fqdn="127.0.0.1").text == "Server not authorized"
        assert farm.redeem(reply.token, fqdn="APS.farm").text.startswith("<?xml")
    with Farm() as farm:
        assert farm.host.register(capabilities=["ovd-fqdn=no-such-name.invalid"]).status == 200
        assert farm.redeem(farm.start().token, fqdn="no-such-name.invalid").text == "Server not authorized"


def test_no_server_no_session():
    with Farm() as farm:
        farm.gateway.internal("/gateway/unregister", {"serverUrl": farm.host.url})
        assert farm.start().message == "The service is not available, please try again later"


# ---- invitations ----


@pytest.fixture(scope="module")
def postbox():
    aiosmtpd = pytest.importorskip("aiosmtpd.controller")

    class Handler:
        def __init__(self):
            self.mails = []

        async def handle_DATA(self, server, session, envelope):
            self.mails.append(envelope)
            return "550 no" if "refused" in envelope.rcpt_tos[0] else "250 taken"

    handler = Handler()
    controller = aiosmtpd.Controller(handler, hostname="127.0.0.1", port=testenv.free_port())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


def test_invitations(postbox):
    import email
    import email.policy

    with Farm(ovd__mailUrl=f"smtp://127.0.0.1:{postbox.port}", ovd__mailFrom="desk@example.org", ovd__title="Désk") as farm:
        session = farm.session(client="browser")
        farm.status(session, 2)

        def invite(**change):
            arguments = {"session": session, "mode": "passive", "email": "x@y.z", **change}
            return farm.service("session_invite", "POST", **arguments)

        reply = invite()
        assert reply.type == "text/xml; charset=utf-8"
        token = re.fullmatch(
            rf'<\?xml version="1\.0" encoding="utf-8"\?>\n<invite token="({ID})" mode="passive" email="x@y\.z"/>\n?', reply.text
        )[1]
        envelope = postbox.mails[-1]
        assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@example.org", ["x@y.z"])
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert mail["Subject"] == "Invitation from Désk"
        assert mail.get_content().rstrip().endswith(f"http://localhost:8099/applicationserver/index.php?token={token}")
        valid("ovd-invite", reply)
        root = valid("ovd-session-token", farm.redeem(token))
        values = {c.tag: c.get("value") for c in root}
        assert (root.get("id"), root.get("mode"), root.get("type")) == (session, "share", "invite")
        assert (values["invite_email"], values["view_only"], values["client"]) == ("x@y.z", "Yes", "browser")
        assert farm.redeem(token).text == "No such token file"
        active = ElementTree.fromstring(invite(mode="anything").body)
        assert active.get("mode") == "active"

        count = len(postbox.mails)
        for bad in ("a b@c", "x@y\nBcc: z@z", "<x@y>", "x", "@", "x@y,z@z", "-x@y", "x@" + "y" * 300):
            assert invite(email=bad).body == b"", bad
        assert len(postbox.mails) == count
        assert invite(email="refused@y.z").body == b""
        for name in ("session", "mode", "email"):
            assert invite(**{name: None}).text == f"ERROR - NO $_GET['{name}']"
        assert invite(fqdn=None).text == "ERROR - NO $_GET['fqdn']"
        assert invite(fqdn="other").text == "Server not authorized"
        assert invite(session="other").text == "ERROR - No such session"


def test_an_invitation_into_a_session_of_the_browser(postbox):
    with Farm(ovd__mailUrl=f"smtp://127.0.0.1:{postbox.port}", ovd__mailFrom="desk@example.org") as farm:
        person = fake_host.Person(farm.gateway)
        own = person.select().json["sessionId"]
        farm.host.report(own, 2)
        reply = farm.service("session_invite", session=own, mode="active", email="x@y.z")
        root = ElementTree.fromstring(farm.redeem(ElementTree.fromstring(reply.body).get("token")).body)
        assert (root.get("mode"), root.find("view_only").get("value")) == ("share", "No")


def test_no_mail_server_no_invitation():
    with Farm() as farm:
        session = farm.session()
        farm.status(session, 2)
        assert farm.service("session_invite", session=session, mode="active", email="x@y.z").body == b""
