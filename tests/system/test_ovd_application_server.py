# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Application Server keeps and what it forgets: tokens, cookies, sizes, guests; over requests that race, hosts that are
killed, and clients that ask too much."""

import asyncio
import concurrent.futures
import email
import email.policy
import hashlib
import http.client
import os
import re
import signal
import socket
import stat
import urllib.parse

import aiosmtpd.controller
import ovdclient
import pytest
import testenv
from ovdclient import HTML, OvdClient, Record, ask
from ovdviewer import Tunnel
from testenv import until

GUESTS = 32


class Postbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default).get_content())
        return "250 taken"


@pytest.fixture(scope="module")
def postbox():
    handler = Postbox()
    controller = aiosmtpd.controller.Controller(handler, hostname="127.0.0.1", port=testenv.free_port())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


@pytest.fixture(scope="module")
def instance(postbox):
    config = {
        **ovdclient.CONFIG,
        "ovd.mailUrl": f"smtp://127.0.0.1:{postbox.port}",
        "ovd.mailFrom": "desk@example.org",
        "ovd.guestAliveMs": 500,
        "isthmus.ownerGoneMs": 1000,
        "webstreamSettings.serverMaxSessionCount": 2,
        "webstreamSettings.remoteMaxDesktopWidth": 1000,
        "webstreamSettings.remoteMaxDesktopHeight": 900,
    }
    with testenv.Instance(config=config) as running:
        yield running


@pytest.fixture
def ovd(instance):
    client = OvdClient(instance)
    yield client
    client.kill()
    ovdclient.end_all(instance)


def kill_host(instance):
    """kill -9, and the next one answers."""
    before = instance.role_pid("session-host")
    os.kill(before, signal.SIGKILL)
    until(lambda: not testenv.is_alive(before), "it is dead")

    def answers():
        try:
            return instance.role_pid("session-host") not in (0, before) and len(instance.processes("session-host")) == 1
        except OSError:
            return False

    until(answers, "the host is back")


def answering(function):
    """Once the listener is back."""

    def attempt():
        try:
            return function()
        except OSError:
            return None

    return until(attempt, "the Application Server answers", 30, 0.1)


# ---- tokens ----


def test_without_a_token_to_the_session_manager(instance, ovd):
    base = ovd.form().location.split("/index.php")[0]
    for path in ("/index.php", "/index.php?token=", "/index.php?token=%00", "/"):
        reply = ask(base + path)
        assert reply.location == f"{ovd.manager}", path
        assert not reply.headers.get_all("Set-Cookie")
    for token in ("x" * 65, "../../x", "1795229214KyCE5", "a b"):
        reply = ask(f"{base}/index.php?token={token.replace(' ', '%20')}")
        assert (reply.location, reply.headers.get("Set-Cookie")) == ("error/", None), token


def test_one_of_many_wins_the_token(instance, ovd):
    location = ovd.form().location
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: ask(location), range(12)))
    good = [r for r in replies if r.status == 200]
    assert len(good) == 1 and all(r.location == "error/" for r in replies if r is not good[0])
    ovd.base = location.split("/index.php")[0]
    ovd.remember(good[0])
    assert ovd.whatsup().status == 0
    assert len(re.findall("a token leads to no session", instance.log("session-host"))) >= 11


def test_redirects_lead_somewhere(ovd):
    """They are relative, and the directory has a slash at its end."""
    location = ovd.form(client="browser").location
    bare = ask(location.replace("/index.php", ""))
    assert (bare.status, bare.headers["Location"]) == (301, f"/applicationserver/?token={location.split('token=')[1]}")
    reply = ovd.remember(ask(urllib.parse.urljoin(location, bare.headers["Location"])))
    page = ask(urllib.parse.urljoin(f"{location.split('index.php')[0]}", reply.location), cookie=ovd.cookie)
    assert re.match(r"https://localhost:\d+/#code=\w+$", page.location), page
    wrong = urllib.parse.urljoin(location, ask(location).location)
    assert "used already" in ask(wrong).text
    ovd.base = location.split("/index.php")[0]


def test_the_session_manager_is_away():
    config = {**ovdclient.CONFIG, "ovd.sessionManagerUrl": f"http://127.0.0.1:{testenv.free_port()}/sessionmanager"}
    with testenv.Instance(config=config) as lonely:
        location = OvdClient(lonely).form().location
        assert ask(location).location == "error/"
        base = location.split("/index.php")[0]
        assert ask(f"{base}/index.php").location == config["ovd.sessionManagerUrl"]


@pytest.mark.parametrize("request_ms", [300, 60000])
def test_the_session_manager_hangs(request_ms):
    """Whoever waits is told in time; a host that stops meanwhile stops."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        manager = f"http://127.0.0.1:{silent.getsockname()[1]}/sessionmanager/"
        config = {**ovdclient.CONFIG, "ovd.sessionManagerUrl": manager, "ovd.requestMs": request_ms}
        with testenv.Instance(config=config) as lonely, concurrent.futures.ThreadPoolExecutor(1) as pool:
            location = OvdClient(lonely).form().location
            waiting = pool.submit(ask, location)
            connection, _ = silent.accept()
            with connection:
                asked = connection.recv(4096).decode()
                assert re.match(r"GET /sessionmanager/webservices/session_token\.php\?fqdn=127\.0\.0\.1&token=[0-9a-zA-Z]{32} HTTP", asked)
                if request_ms > 1000:
                    lonely.stop()
                    with pytest.raises((OSError, http.client.HTTPException)):
                        waiting.result(30)
                else:
                    assert waiting.result(30).location == "error/"


NAMES = [
    # Host, the name and the port that the client hears of
    ("desk.example:8", "desk.example", "8"), ("Desk_1", "Desk_1", "80"), ("desk:", "desk", "80"), ("10.0.0.1:65535", "10.0.0.1", "65535"),
    ("[fe80::1]:8082", "[fe80::1]", "8082"), ("[::1]", "[::1]", "80"),
    *((host, None, None) for host in ("evil.example/@x", "a b", "x@evil.example:1", "[::1", "[::1]x", "[]", "h:0", "h:99999", "h:1x", "h?x#y",
                                      "h\"><x", "h\tb", ":80", "", "e" * 300, "caf\u00e9")),
]  # fmt: skip


def test_the_name_that_the_client_used(instance, ovd):
    """It comes back in addresses when it has the form of a name, else this server's own does."""
    plain = instance.config["gateway.httpPort"]
    ovd.begin()
    for host, name, _ in NAMES:
        headers = {"Host": host.encode()}
        shown = name or "127.0.0.1"
        assert ask(f"{ovd.base}/index.php", headers=headers).location == f"http://{shown}:{plain}/sessionmanager", host
        access = ask(f"{ovd.base}/access.php?application_id=desktop", cookie=ovd.cookie, headers=headers)
        assert access.xml("ovd-access").find("ssh").get("host") == shown.strip("[]"), host


@pytest.mark.parametrize("host, name, port", NAMES[:2] + NAMES[4:5] + NAMES[6:7])
def test_the_name_in_the_answer(ovd, host, name, port):
    location = ovd.form().location
    reply = ovd.remember(ask(location, headers={"Host": host}))
    ovd.base = location.split("/index.php")[0]
    aps = reply.xml("ovd-session-answer").find("aps")
    own = re.match(r"http://[^/]*:(\d+)/", location)[1]
    assert (aps.get("server"), aps.get("port")) == (name or "127.0.0.1", port or own)


@pytest.mark.parametrize("host, name, _", NAMES)
def test_the_name_in_redirects(instance, host, name, _):
    """Of the Session Manager, which knows no other name of a server of its own machine."""
    answer = ask(f"{instance.banner['legacy']}", {"login": "admin", "password": instance.admin_password}, headers={"Host": host.encode()})
    assert answer.location.startswith(f"http://{name or 'localhost'}:"), answer
    assert re.match(r"http://(\[[0-9a-f:]+\]|[^/:@]+):\d+/applicationserver/index\.php\?token=\w+$", answer.location), answer
    ovdclient.end_sessions(instance)


@pytest.mark.parametrize("host, name", [("[::1]:80", "[::1]"), ("desk.example", "desk.example")])
def test_the_name_in_a_mail(postbox, ovd, host, name):
    ovd.begin()
    before = len(postbox.mails)
    form = {"access_id": "desktop", "email": "g@x.y", "mode": "active"}
    assert ask(f"{ovd.base}/invite.php", form, cookie=ovd.cookie, headers={"Host": host}).text == "OK"
    assert f"http://{name}:{ovd.base.split(':')[2].split('/')[0]}/applicationserver/index.php?token=" in postbox.mails[before]


# ---- cookies ----


def test_a_cookie_is_made_here_only(instance, ovd):
    planted = "PHPSESSID=" + "ab" * 16
    ovd.cookie = planted
    ovd.open()
    assert ovd.cookie != planted
    assert ask(f"{ovd.base}/whatsup.php", cookie=planted).text == '<session status="4"><applications/></session>'
    value = ovd.cookie.split("=")[1]
    assert re.fullmatch("[0-9a-f]{32}", value)
    for line in (f"x=1; {ovd.cookie}", f"PHPSESSID=zzz; {ovd.cookie} ; y=2", f"{planted};{ovd.cookie}"):
        assert "status=\"0\"" in ask(f"{ovd.base}/whatsup.php", cookie=line).text, line
    for line in (f"{ovd.cookie}; {planted}", f"X{ovd.cookie}", ovd.cookie.upper(), f"{ovd.cookie}0", "PHPSESSID=", "PHPSESSID", ";;;"):
        assert "status=\"4\"" in ask(f"{ovd.base}/whatsup.php", cookie=line).text, line
    files = [instance.state / "db" / name for name in os.listdir(instance.state / "db") if name.startswith("host.sqlite")]
    name = hashlib.sha256(value.encode()).hexdigest().encode()
    until(lambda: name in b"".join(file.read_bytes() for file in files), "the visitor is kept")
    assert value.encode() not in b"".join(file.read_bytes() for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert stat.S_IMODE((instance.state / "db").stat().st_mode) == 0o700


def test_a_new_token_gives_a_new_cookie(instance, ovd):
    """The cookie that was there before is nobody's any more."""
    apps = ovd.applications()
    ovd.begin(session_mode="external", start_app=apps["Terminal"])
    old = ovd.cookie
    other = OvdClient(instance)
    other.cookie = old
    reply = other.follow(other.form(session_mode="external", start_app=apps["Text Editor"]).location)
    assert len(reply.headers.get_all("Set-Cookie")) == 1 and other.cookie != old
    assert "HttpOnly" in reply.headers["Set-Cookie"] and "path=/" in reply.headers["Set-Cookie"]
    assert other.whatsup().status == 2 and ovd.whatsup().status == 4
    ovd.cookie = other.cookie


# ---- start, exit ----


def test_sizes(instance, ovd):
    ovd.open()
    for query in ({}, {"width": 800}, {"width": "x", "height": 5}, {"width": -1, "height": 600}, {"width": 0, "height": 0},
                  {"width": "9" * 30, "height": "9" * 30}, {"width": "800px", "height": "600"}):  # fmt: skip
        reply = ovd.ask("start.php", **query)
        assert (reply.status, reply.type, reply.body) == (200, HTML, b""), query
        assert ovd.whatsup().status == 0, query
    reply = ovd.ask("start.php", {"width": "4000", "height": "4000"})  # a form will do
    assert (reply.status, reply.body) == (200, b"")
    ovd.until(2, 2, "desktop")
    access = ovd.access()
    assert (access.width, access.height) == (1000, 900), "as far as the configuration goes"
    ovd.start(640, 480)
    access = ovd.access()
    assert ((access.width, access.height), ovd.whatsup().status) == ((1000, 900), 2), "it has started"


@pytest.mark.parametrize("file", ["exit.php", "suspend.php"])
def test_an_end_before_the_start(instance, ovd, file):
    ovd.open(persistent="1")
    record = Record(instance)
    assert ovd.ask(file).status == 200
    until(lambda: record.host == (4, "exit"), "the end")
    until(lambda: record.plane == (4, "exit"), "the control plane knows")
    assert ovd.whatsup().status == 4
    assert ovd.ask(file).text == "die2 (400): ERROR - No $session"


def test_a_proxy_is_passed_on(ovd):
    ovd.begin(proxy_type="HTTP", proxy_host="proxy", proxy_port="3128", proxy_username="u", proxy_password="p&<")
    reply = ovd.ask("access.php", application_id="desktop")
    reply.xml("ovd-access")
    assert '<proxy type="HTTP" host="proxy" port="3128" username="u" password="p&amp;&lt;"/>' in reply.text


def test_the_second_program_of_a_person_joins():
    """As a guest of oneself, who may type."""
    with testenv.Instance(config={**ovdclient.CONFIG, "ovd.actionWhenActiveSession": "join"}) as instance:
        first = OvdClient(instance).begin()
        second = OvdClient(instance).open()
        assert second.session.get("mode") == "share"
        second.until(2, 2, "desktop")
        access = second.access()
        assert access.view_only == "No" and access.vnc_port == first.access().vnc_port
        (guest,) = first.whatsup("desktop").sharing
        assert (guest["mode"], guest["joined"], guest["alive"]) == ("active", "1", "1")
        second.exit()
        assert first.whatsup("desktop").status == 2
        first.exit()
        until(lambda: not ovdclient.keepers(instance), "the end")


# ---- what survives ----


def test_a_host_that_is_killed(instance, postbox, ovd):
    ovd.open(persistent="1")
    kill_host(instance)
    assert answering(lambda: ovd.whatsup("desktop")).status == 0
    ovd.start(700, 500)
    ovd.until(2, 2, "desktop")
    access = ovd.access()
    guest = invite(instance, ovd, postbox, "passive")
    guest.until(2, 2, "desktop")
    kept = guest.access()
    unjoined = ovd.invite("later@x.y", "active")
    assert unjoined.text == "OK"
    kill_host(instance)
    after = answering(lambda: ovd.whatsup("desktop"))
    assert (after.status, after.application) == (2, 2)
    assert [(s["email"], s["mode"], s["joined"]) for s in after.sharing] == [("g@x.y", "passive", "1"), ("later@x.y", "active", "0")]
    assert ovd.access() == access and guest.access() == kept
    assert guest.whatsup("desktop").status == 2 and guest.access().view_only == "Yes"
    ovd.exit()
    assert guest.until(4).status == 4
    kill_host(instance)
    assert answering(ovd.whatsup).status == 4


def test_a_suspended_session_survives_its_host(instance, ovd):
    ovd.begin(persistent="1")
    access = ovd.access()
    with Tunnel(access, forward=False).wait() as tunnel:
        ovd.suspend()
        tunnel.ended()
    record = Record(instance)
    until(lambda: record.host[0] == 10, "suspended")
    kill_host(instance)
    again = OvdClient(instance)
    again.follow(again.form(persistent="1").location)
    assert again.whatsup().status == 10 and again.access().ssh_password == ""
    kill_host(instance)
    assert answering(again.whatsup).status == 10
    again.start()
    again.until(2, 2, "desktop")
    after = again.access()
    assert after.ssh_password not in ("", access.ssh_password) and after.hidden_password == access.hidden_password
    ovd.cookie = again.cookie


# ---- whoever began it ----


def test_a_session_of_the_browser_is_resumed_by_the_form(instance, ovd):
    person = instance.client()
    person.launch()
    until(lambda: person.session_state()["ovdStatus"] == 2, "ready")

    async def look():
        async with person.websocket("capture") as socket:
            await socket.recv()

    asyncio.run(look())
    until(lambda: person.session_state()["ovdStatus"] == 10, "suspended", 30)
    ovd.open(persistent="1")
    assert ovd.whatsup().status == 10
    ovd.start()
    ovd.until(2, 2, "desktop")
    assert len(ovdclient.keepers(instance)) == 1
    until(lambda: person.session_state()["ovdStatus"] == 2, "the control plane knows")
    access = ovd.access()
    assert (access.width, access.height, access.view_only) == (1000, 768, "No") and len(access.ssh_password) == 8
    with Tunnel(access, forward=False).wait():
        assert ovd.whatsup("desktop").status == 2


def test_a_browser_was_first(instance, ovd):
    """Between the form and its redirect: the session starts as it came, and the form's client finds it."""
    location = ovd.form(persistent="1").location
    person = ovdclient.as_browser(instance)
    person.connect()
    ovd.open(location)
    ovd.until(2, 2, "desktop")
    assert len(ovdclient.keepers(instance)) == 1 and ovd.access().vnc_port >= 5900
    with Tunnel(ovd.access(), forward=False).wait():
        assert ovd.whatsup("desktop").status == 2


def invite(instance, owner, postbox, mode="active", address="g@x.y"):
    before = len(postbox.mails)
    assert owner.invite(address, mode).text == "OK"
    location = re.search(r"http://\S+/applicationserver/index\.php\?token=[0-9a-zA-Z]+", postbox.mails[before])[0]
    return OvdClient(instance, "nobody", "none").open(location)


# ---- too much ----


def test_polls_write_nothing(instance, ovd):
    ovd.begin()
    ovd.whatsup("desktop")
    files = [instance.state / "db" / name for name in os.listdir(instance.state / "db") if name.startswith("host.sqlite")]

    def written():
        return [(file.stat().st_mtime_ns, file.stat().st_size) for file in files]

    seen = []

    def quiet():
        seen.append(written())
        return len(seen) > 10 and len(set(map(tuple, seen[-10:]))) == 1

    until(quiet, "what the start has to write is written", step=0.1)
    before = written()
    host = instance.role_pid("session-host")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda n: ask(f"{ovd.base}/whatsup.php?application_id=desktop&n={n}", cookie=ovd.cookie), range(400)))
    assert {r.status for r in replies} == {200}
    assert {r.text for r in replies} == {'<session status="2"><application status="2"/><sharing count="0"/></session>'}
    assert written() == before
    assert instance.role_pid("session-host") == host


def test_bodies_and_forms(ovd):
    ovd.begin()
    assert ask(f"{ovd.base}/whatsup.php", raw=b"x" * 70000, cookie=ovd.cookie).status == 413
    many = "&".join(f"a{n}=1" for n in range(500)) + "&application_id=desktop"
    assert "<applications/>" in ask(f"{ovd.base}/whatsup.php?{many}", cookie=ovd.cookie).text, "what is past the limit is not there"
    multipart = b'--B\r\nContent-Disposition: form-data; name="application_id"\r\n\r\ndesktop\r\n--B--\r\n'
    form = ask(f"{ovd.base}/whatsup.php", raw=multipart, cookie=ovd.cookie, headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert '<application status="2"/>' in form.text
    assert ask(f"{ovd.base}/nothing.php", cookie=ovd.cookie).status == 404
    assert ask(f"{ovd.base}/../etc/passwd", cookie=ovd.cookie).status == 404


def test_who_may_invite(instance, postbox, ovd):
    ovd.begin(shareable="0")
    before = len(postbox.mails)
    reply = ovd.invite("x@y.z")
    assert (reply.status, reply.text) == (400, "die2 (400): ERROR - No such application")
    assert len(postbox.mails) == before
    assert ovd.whatsup().sharing == []


def test_guests_make_room(instance, postbox, ovd):
    """Those that are not there any more, for those that come."""
    ovd.begin()
    first = invite(instance, ovd, postbox, address="first@x.y")
    assert first.until(2, 2, "desktop").sharing is None
    for number in range(GUESTS - 1):
        invite(instance, ovd, postbox, address=f"g{number}@x.y").whatsup()
    assert len(ovd.whatsup().sharing) == GUESTS
    until(lambda: all(s["alive"] == "0" for s in ovd.whatsup().sharing), "all are silent")
    invite(instance, ovd, postbox, address="last@x.y")
    assert [s["email"] for s in ovd.whatsup().sharing] == [*(f"g{n}@x.y" for n in range(GUESTS - 1)), "last@x.y"]
    reply = first.ask("whatsup.php")
    assert (reply.status, reply.text) == (400, "ERROR - no current token")
    assert first.ask("access.php", application_id="desktop").text == "CRITICAL ERROR"


def test_a_stranger_of_the_session(instance, postbox, ovd):
    """A guest sees what it was invited to, and nothing of the owner's."""
    ovd.begin()
    guest = invite(instance, ovd, postbox)
    guest.until(2, 2, "desktop")
    assert guest.access("desktop").vnc_port >= 5900 and guest.access("zzzzz").vnc_port == 0
    assert guest.access().hidden_password != ovd.access().hidden_password
    assert guest.invite("me@x.y").status == 400
    assert (guest.ask("print.php", timestamp=0).status, guest.ask("print.php", timestamp="x").status) == (404, 400)
    guest.suspend()
    assert guest.whatsup().status == 4 and ovd.whatsup().status == 2
