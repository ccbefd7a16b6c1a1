# SPDX-License-Identifier: GPL-3.0-or-later
"""An OVD session is shared: the mail arrives at a real SMTP listener, the guest follows its address, sees the same picture, and
may type or not as the owner said; the owner sees in whatsup.php who has come."""

import concurrent.futures
import email
import email.policy
import re
import socket
import time

import aiosmtpd.controller
import ovdclient
import pytest
import testenv
from ovdclient import OvdClient, in_home
from ovdviewer import Screen, SessionDisplay, Tunnel, open_terminal, rfb_result
from testenv import until


class Postbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(envelope)
        return "550 no" if "refused" in envelope.rcpt_tos[0] else "250 taken"


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
        "ovd.guestAliveMs": 1500,
        "webstreamSettings.serverMaxSessionCount": 3,
    }
    with testenv.Instance(config=config) as running:
        yield running


@pytest.fixture
def owner(instance):
    ovd = OvdClient(instance).begin()
    yield ovd
    ovd.kill()
    ovdclient.end_all(instance)


@pytest.fixture
def owner_of_portal(instance):
    """With an SSH link, which has no channel: it only says that the owner is there."""
    ovd = OvdClient(instance)
    apps = ovd.applications()
    ovd.begin(session_mode="portal")
    with Tunnel(ovd.access("portal"), forward=False).wait():
        yield ovd, apps
    ovd.kill()
    ovdclient.end_all(instance)


def invite(owner, postbox, address="guest@example.org", mode="active", access="desktop"):
    """The address that the mail leads to."""
    before = len(postbox.mails)
    reply = owner.invite(address, mode, access)
    assert (reply.status, reply.type, reply.text) == (200, ovdclient.HTML, "OK"), reply
    assert len(postbox.mails) == before + 1, "the mail goes out before the answer"
    envelope = postbox.mails[-1]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@example.org", [address])
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert mail["Subject"].startswith("Invitation from ")
    return re.search(r"http://\S+/applicationserver/index\.php\?token=[0-9a-zA-Z]+", mail.get_content())[0]


def come(instance, location):
    guest = OvdClient(instance, "nobody", "none").open(location)
    assert guest.session.get("mode") == "share"
    return guest


@pytest.fixture(scope="module")
def screens():
    with Screen() as one, Screen() as two:
        yield one, two


def test_an_active_and_a_passive_guest(instance, postbox, owner, screens):
    mine, theirs = screens
    access = owner.access()
    active, passive = invite(owner, postbox, "a@x.y", "active"), invite(owner, postbox, "p@x.y", "passive")
    assert owner.whatsup("desktop").sharing == [
        {"email": "a@x.y", "mode": "active", "joined": "0", "alive": "0"},
        {"email": "p@x.y", "mode": "passive", "joined": "0", "alive": "0"},
    ]
    with Tunnel(access).wait() as tunnel, mine.viewer(tunnel.port, access.hidden_password) as viewer, SessionDisplay(instance) as display:
        at = viewer.shows(display)
        open_terminal(instance, mine, at)
        watch(instance, owner, come(instance, passive), theirs, mine, display, may_type=False)
        watch(instance, owner, come(instance, active), theirs, mine, display, may_type=True)
        viewer.shows(display)


def watch(instance, owner, guest, theirs, mine, display, may_type):
    mode = "active" if may_type else "passive"
    seen = guest.until(2, 2, "desktop")
    assert seen.sharing is None and "<sharing" not in guest.ask("whatsup.php", application_id="desktop").text
    entry = next(s for s in owner.whatsup("desktop").sharing if s["mode"] == mode)
    assert (entry["joined"], entry["alive"]) == ("1", "1")
    access = guest.access()
    assert access.view_only == ("No" if may_type else "Yes")
    assert access.hidden_password != owner.access().hidden_password
    with Tunnel(access).wait() as tunnel, theirs.viewer(tunnel.port, access.hidden_password) as viewer:
        at = viewer.shows(display)
        theirs.click(at[0] + 300, at[1] + 200)
        theirs.type(f"touch by-{mode}\n")
        # What the owner types afterwards is there: whatever the guest typed has had its time.
        mine.type(f"touch after-{mode}\n" if may_type else f"touch only-{mode}\n")
        until(lambda: in_home(instance, f"after-{mode}" if may_type else f"only-{mode}"), "the owner's own words")
        assert bool(in_home(instance, f"by-{mode}")) == may_type
        viewer.shows(display)
    # Nobody's link but the owner's counts for the session, and a guest that is silent is not alive any more.
    until(lambda: next(s for s in owner.whatsup("desktop").sharing if s["mode"] == mode)["alive"] == "0", "silence", 10)
    guest.whatsup("desktop")
    assert next(s for s in owner.whatsup("desktop").sharing if s["mode"] == mode)["alive"] == "1"
    guest.exit()
    assert next(s for s in owner.whatsup("desktop").sharing if s["mode"] == mode)["alive"] == "0"
    assert guest.whatsup().status == 4 and owner.whatsup("desktop").status == 2


def test_whose_password_it_is(instance, postbox, owner):
    guest = come(instance, invite(owner, postbox, mode="passive"))
    guest.until(2, 2, "desktop")
    one, two = owner.access(), guest.access()
    with Tunnel(one).wait() as tunnel:
        assert rfb_result(tunnel.port, one.vnc_password) == 0
        assert rfb_result(tunnel.port, two.vnc_password) == 0
        assert rfb_result(tunnel.port, "wrong") != 0
        assert rfb_result(tunnel.port, "") != 0
    assert owner.whatsup("desktop").status in (2, 3, 4)


def test_a_guest_of_one_application(instance, postbox, owner_of_portal):
    """It sees that one, whatever port it names, whether it comes with a program or a browser."""
    owner, apps = owner_of_portal
    shown, hidden = owner.start_app(apps["Terminal"]), owner.start_app(apps["Text Editor"])
    guest = come(instance, invite(owner, postbox, access=shown))
    assert guest.until(2, 2, shown).application == 2
    access, others = guest.access(shown), owner.access(hidden)
    assert guest.access(hidden).vnc_port == 0
    with Tunnel(access).wait() as tunnel:
        assert rfb_result(tunnel.port, access.vnc_password) == 0
        assert rfb_result(tunnel.port, others.vnc_password) == 0
    with Tunnel(access, target=f"localhost:{others.vnc_port}").wait() as tunnel:
        assert rfb_result(tunnel.port, access.vnc_password) != 0
        assert rfb_result(tunnel.port, others.vnc_password) == 0
    page = guest.ask("share/", token="x")
    assert page.status == 403 and "the browser cannot show it alone" in page.text, page
    assert "code=" not in page.text and "Location" not in page.headers


def test_an_invitation_is_used_once(instance, postbox, owner):
    location = invite(owner, postbox)
    come(instance, location)
    assert OvdClient(instance).follow(location).location.endswith("error/")


def test_guests_may_not_do_what_owners_do(instance, postbox, owner):
    guest = come(instance, invite(owner, postbox))
    guest.until(2, 2, "desktop")
    with Tunnel(owner.access(), forward=False).wait():
        before = len(postbox.mails)
        guest.invite("third@x.y")
        assert len(postbox.mails) == before
        assert guest.ask("print.php", timestamp=0).status in (400, 404)
        guest.ask("suspend.php")
        assert owner.whatsup("desktop").status == 2
        guest.ask("start.php", width=300, height=300)
        guest.ask("exit.php")
        assert owner.whatsup("desktop").status == 2


def test_what_cannot_be_invited(instance, postbox, owner):
    before = len(postbox.mails)
    for instance_id in ("zzzzz", "../desktop", ""):
        reply = owner.invite("x@y.z", access=instance_id)
        assert (reply.status, reply.text) == (400, "die2 (400): ERROR - No such application"), instance_id
    for address in ("no address", "x@y\nBcc: z@z", "x@y,z@z", "refused@y.z"):
        reply = owner.invite(address)
        assert reply.text in ("Invalid XML", "Missing element 'invite'"), (address, reply)
    assert [m.rcpt_tos[0] for m in postbox.mails[before:]] in ([], ["refused@y.z"])
    assert owner.whatsup("desktop").sharing == []


def test_a_session_of_the_browser_is_joined_by_an_invitation(instance, postbox, screens):
    """It was never a form's: the Session Manager's service for invitations takes its id."""
    person = instance.client()
    person.launch()
    base = OvdClient(instance).manager
    query = f"fqdn=127.0.0.1&session={person.session}&mode=active&email=g@x.y"
    reply = ovdclient.ask(f"{base}/webservices/session_invite.php?{query}")
    token = reply.xml("ovd-invite").get("token")
    mail = email.message_from_bytes(postbox.mails[-1].content, policy=email.policy.default)
    location = re.search(r"http://\S+/applicationserver/index\.php\?token=[0-9a-zA-Z]+", mail.get_content())[0]
    assert location.endswith(token)
    # Who follows a mail's address is taken for a browser; the page of before then did what follows here.
    guest = OvdClient(instance, "nobody", "none")
    assert guest.follow(location).location == f"share/?token={token}"
    guest.until(2, 2, "desktop")
    access = guest.access()
    assert access.view_only == "No"
    with Tunnel(access).wait() as tunnel, screens[1].viewer(tunnel.port, access.hidden_password) as viewer, SessionDisplay(instance) as display:
        at = viewer.shows(display)
        open_terminal(instance, screens[1], at)
    guest.exit()
    assert person.session_state()["state"] == "active"
    person.release()
    until(lambda: not ovdclient.keepers(instance), "the end")


def test_open_invitations_have_an_end(owner, postbox):
    """One session fills nobody's mailbox."""
    before = len(postbox.mails)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: owner.invite(f"g{n}@example.org"), range(60)))
    sent = sum(r.text == "OK" for r in replies)
    assert 50 <= sent <= 51 and {r.text for r in replies} == {"OK", "Invalid XML"}
    assert len(postbox.mails) == before + sent
    assert owner.invite("late@example.org").text == "Invalid XML"


def test_a_mail_server_that_hangs():
    """Who invites waits for it; logins, forms and questions do not."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        config = {**ovdclient.CONFIG, "ovd.mailUrl": f"smtp://127.0.0.1:{silent.getsockname()[1]}", "ovd.mailFrom": "desk@example.org"}
        with testenv.Instance(config=config) as instance, concurrent.futures.ThreadPoolExecutor(24) as pool:
            ovd = OvdClient(instance).begin()
            waiting = [pool.submit(ovd.invite, f"g{n}@example.org") for n in range(24)]
            silent.accept()
            before = time.monotonic()
            instance.login()
            assert ovd.whatsup().status == 2
            assert ovd.applications() and time.monotonic() - before < 6
            assert {job.result(60).text for job in waiting} == {"Invalid XML"}
            ovd.exit()
