# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes, guests and invitations (docs/protocol/gateway.md, internal.md) against a host and a streamer that the test plays."""

import concurrent.futures
import contextlib
import xml.etree.ElementTree as ElementTree

import fake_host
import pytest
import testenv
from test_ovd_session_manager import Farm

OTHER = "f" * 32


@pytest.fixture(scope="module")
def farm():
    with Farm(gateway__publicUrl="https://desk.example/d") as running:
        yield running


@pytest.fixture(scope="module")
def person(farm):
    return fake_host.Person(farm.gateway)


@pytest.fixture
def session(farm, person):
    """A session that runs."""
    chosen = person.select().json["sessionId"]
    assert person.request("GET", "/getConnection?width=800&height=600", session=chosen).status == 200
    farm.host.report(chosen, 0, 1, 22, 2)
    yield chosen
    person.release(chosen)
    farm.host.report(chosen, 4)


@pytest.fixture(autouse=True)
def clean(farm, person):
    yield
    answer = person.select()
    if answer.status == 200:
        person.release(answer.json["sessionId"])
        farm.host.report(answer.json["sessionId"], 4)


class Guest(fake_host.Person):
    """Who came by a code."""

    def __init__(self, gateway, entered):
        self.gateway = gateway
        self.token = entered["token"]
        self.desktop = {"id": None}  # nobody tells guests what there is


def ask_code(farm, session, role="owner", **change):
    body = {"serverUrl": farm.host.url, "sessionId": session, "role": role, **change}
    return farm.gateway.internal("/gateway/ovd/code", body)


def exchange(farm, code):
    return farm.gateway.request("POST", "/gateway/session/code", {"code": code})


def enter(farm, session, role="owner", **change):
    answer = exchange(farm, ask_code(farm, session, role, **change).json["code"])
    assert answer.status == 200, answer
    return answer.json


# ---- what a host asks ----


def test_what_a_session_is_to_start(farm, person):
    ovd = ElementTree.fromstring(farm.redeem(farm.start().token).body).get("id")
    body = {"serverUrl": farm.host.url, "ovdSession": ovd}
    first = farm.gateway.internal("/gateway/ovd/session", body)
    assert first.status == 200, first
    found = first.json
    assert found["sessionId"] == person.select().json["sessionId"]
    assert found["username"] == "admin" and found["userId"] == person.id
    assert (found["workspaceType"], found["workspaceId"]) == ("virtual_desktop", person.desktop["id"])
    assert (found["appExe"], found["appArgs"], found["appId"], found["appNumber"]) == ("remotedesktop", "", "", "")
    assert isinstance(found["persistent"], bool) and found["maxWidth"] >= 0 and found["maxHeight"] >= 0
    assert {"security", "session", "resources"} <= set(found["policy"])
    assert farm.gateway.internal("/gateway/ovd/session", body).json == found  # again: the same
    # A slash behind is the same host.
    assert farm.gateway.internal("/gateway/ovd/session", {**body, "serverUrl": farm.host.url + "/"}).status == 200
    for change in ({"serverUrl": "http://127.0.0.1:1"}, {"ovdSession": "1795230122" + "a" * 22}, {"ovdSession": "../x"}, {"ovdSession": ""}):
        answer = farm.gateway.internal("/gateway/ovd/session", {**body, **change})
        assert (answer.status, answer.code) == (404, "unknown_session"), change
    for change in ({"serverUrl": 1}, {"ovdSession": None}, {"ovdSession": "a" * 5000}):
        assert farm.gateway.internal("/gateway/ovd/session", {**body, **change}).code == "bad_request", change
    assert farm.gateway.internal("/gateway/ovd/session", body, key=b"x" * 32).status == 401
    assert farm.gateway.request("POST", "/gateway/ovd/session", body).status in (404, 405)  # not on the public port
    farm.end(ovd)
    assert farm.gateway.internal("/gateway/ovd/session", body).status == 404


def test_who_gets_a_code(farm, person, session):
    answer = ask_code(farm, session)
    assert answer.status == 200, answer
    assert len(answer.json["code"]) == 32
    assert {k: v for k, v in answer.json.items() if k != "code"} == {
        "expiresMs": 30000, "httpsPort": farm.gateway.port, "basePath": "", "publicUrl": "https://desk.example/d"}  # fmt: skip
    assert answer.json["code"] not in farm.gateway.log()
    assert ask_code(farm, session, serverUrl="http://127.0.0.1:1").code == "unknown_session"
    assert ask_code(farm, OTHER).code == "unknown_session"
    assert ask_code(farm, "x").code == "unknown_session"
    assert ask_code(farm, session, "administrator").code == "bad_request"
    assert ask_code(farm, session, "active", email="a\nb").code == "bad_request"
    assert ask_code(farm, session, "active", email="x" * 300).code == "bad_request"


# ---- the exchange ----


def test_the_owner_by_code(farm, person, session):
    code = ask_code(farm, session).json["code"]
    answer = exchange(farm, code)
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    entered = answer.json
    assert set(entered) == {"token", "expiresAt", "sessionId", "workspaceName", "workspaceId", "appId", "role", "user"}
    assert (entered["sessionId"], entered["role"], entered["workspaceName"]) == (session, "owner", person.desktop["name"])
    assert entered["user"]["username"] == "admin"
    # A login like any other.
    owner = Guest(farm.gateway, entered)
    assert owner.request("GET", "/iam/auth/me").json["data"]["username"] == "admin"
    again = owner.select(workspaceId=person.desktop["id"])
    assert again.json["sessionId"] == session
    assert owner.request("POST", "/iam/auth/logout").status == 200
    assert owner.request("GET", "/iam/auth/me").status == 401
    again = exchange(farm, code)
    assert (again.status, again.code) == (401, "code_invalid")


def test_fifty_at_once():
    with Farm() as own:
        session = fake_host.Person(own.gateway).select().json["sessionId"]
        code = ask_code(own, session).json["code"]
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: exchange(own, code), range(50)))
    assert sum(answer.status == 200 for answer in answers) == 1
    assert {answer.code for answer in answers if answer.status != 200} <= {"code_invalid", "throttled"}


def test_guessing_is_throttled():
    with Farm() as own:
        answers = [exchange(own, f"{i:032x}") for i in range(70)]
        assert answers[0].code == "code_invalid"
        assert answers[-1].status == 429 and answers[-1].code == "throttled"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        for bad in ({}, {"code": 5}, {"code": "x" * 100}, []):
            assert own.gateway.request("POST", "/gateway/session/code", bad).status == 400


def test_a_code_of_a_session_that_is_over(farm, person, session):
    code = ask_code(farm, session, "active").json["code"]
    farm.host.report(session, 4)
    answer = exchange(farm, code)
    assert (answer.status, answer.code) == (410, "session_ended")


# ---- guests ----


@pytest.mark.parametrize("role", ["active", "passive"])
def test_a_guest(farm, person, session, role):
    entered = enter(farm, session, role, email="x@y.z")
    assert set(entered) == {"token", "expiresAt", "sessionId", "workspaceName", "role", "displayName", "ownerName"}
    assert (entered["role"], entered["displayName"], entered["ownerName"]) == (role, "x@y.z", "Administrator")
    guest = Guest(farm.gateway, entered)
    assert guest.status(session).json["state"] == "active"
    connected = guest.request("GET", "/getConnection?width=640&height=480", session=session)
    assert connected.status == 200, connected
    asked = farm.host.asked("/getConnection")[-1]
    assert asked[1] == "/getConnection" and asked[3]["x-viewer-role"] == role and asked[4]  # no wish of its own, and signed
    for channel in ("capture", "control", "audio"):
        status, _, sock = guest.socket(session, channel)
        assert status == 101
        _, headers, good = farm.host.streamer.handshakes[-1]
        assert headers["x-viewer-role"] == role and good
        sock.close()
    status, _, sock = person.socket(session)
    assert status == 101
    assert "x-viewer-role" not in farm.host.streamer.handshakes[-1][1]
    sock.close()


def test_a_guest_may_do_nothing_else(farm, person, session):
    guest = Guest(farm.gateway, enter(farm, session, "active"))
    desktop = {"workspaceId": person.desktop["id"]}
    forbidden = [
        ("GET", "/iam/auth/me", None),
        ("POST", "/iam/auth/logout", {}),
        ("GET", f"/iam/users/{person.id}/entitlements", None),
        ("POST", "/gateway/session/select", desktop),
        ("POST", "/gateway/session/release", {"sessionId": session}),
        ("POST", "/gateway/session/invite", {"sessionId": session, "mode": "active"}),
        ("GET", "/session/print/1", None),
        ("GET", "/gateway/session/status", OTHER),
        ("GET", "/getConnection", OTHER),
        ("POST", "/gateway/session/ticket", {"sessionId": OTHER, "channel": "capture"}),
    ]
    for method, path, body in forbidden:
        other = body if isinstance(body, str) else None
        answer = guest.request(method, path, body if not other else None, session=other or session if body is None or other else None)
        assert (answer.status, answer.code) == (403, "guest_forbidden"), (method, path, answer)
    assert person.status(session).json["state"] == "active"


def test_a_guest_neither_starts_nor_resumes(farm, person, session):
    guest = Guest(farm.gateway, enter(farm, session, "active"))
    ticket = guest.ticket(session)
    for status, code in ((9, "session_suspended"), (10, "session_suspended"), (11, "session_not_ready")):
        farm.host.report(session, status)
        before = len(farm.host.asked("/getConnection"))
        answer = guest.request("GET", "/getConnection", session=session)
        assert (answer.status, answer.code) == (409, code)
        assert len(farm.host.asked("/getConnection")) == before
        refused = guest.request("POST", "/gateway/session/ticket", {"sessionId": session, "channel": "capture"})
        assert (refused.status, refused.code) == (409, "not_connected")
    status, _, _ = farm.gateway.socket("capture", f"isthmus.v1, ticket.{ticket}")
    assert status == 409
    assert guest.status(session).json["state"] == "resuming"


def test_guests_leave_when_it_is_suspended(farm, person, session):
    guest = Guest(farm.gateway, enter(farm, session, "active"))
    _, _, watching = guest.socket(session)
    _, _, own = person.socket(session)
    farm.host.report(session, 9, 10)
    assert watching.recv(1) == b""  # the streamer of this test does not close it: the gateway does
    own.settimeout(0.2)
    with pytest.raises(TimeoutError):
        own.recv(1)
    own.close()


def test_everybody_leaves_when_it_ends(farm, person, session):
    guest = Guest(farm.gateway, enter(farm, session, "passive"))
    _, _, watching = guest.socket(session)
    _, _, own = person.socket(session)
    farm.host.report(session, 3, 4)
    assert (watching.recv(1), own.recv(1)) == (b"", b"")
    answer = guest.request("GET", "/getConnection", session=session)
    assert (answer.status, answer.code) == (410, "session_ended")
    assert guest.status(session).json["state"] == "ended"


def test_a_guest_is_no_viewer_of_the_owner(farm, person, session):
    guest = Guest(farm.gateway, enter(farm, session, "passive"))
    _, _, watching = guest.socket(session)
    _, _, own = person.socket(session)
    testenv.until(lambda: person.status(session).json["viewers"] == 1, "the owner is counted")
    own.close()
    testenv.until(lambda: person.status(session).json["viewers"] == 0, "the guest is not counted")
    watching.close()


def test_guests_leave_with_the_logout_of_the_owner():
    with Farm() as own:
        person = fake_host.Person(own.gateway)
        session = person.select().json["sessionId"]
        person.request("GET", "/getConnection", session=session)
        own.host.report(session, 2)
        guest = Guest(own.gateway, enter(own, session, "active"))
        _, _, watching = guest.socket(session)
        assert person.request("POST", "/iam/auth/logout").status == 200
        assert watching.recv(1) == b""


# ---- invitations ----


def invite(person, session, **change):
    return person.request("POST", "/gateway/session/invite", {"sessionId": session, "mode": "passive", **change})


def test_an_invitation_from_the_browser(farm, person, session):
    answer = invite(person, session)
    assert answer.status == 200, answer
    link = answer.json["link"]
    assert link.startswith("http://localhost:8099/applicationserver/index.php?token=")
    assert answer.json == {"link": link, "mode": "passive", "mailed": False, "expiresMs": 1800000}
    root = ElementTree.fromstring(farm.redeem(link.rpartition("=")[2]).body)
    values = {c.tag: c.get("value") for c in root}
    assert (root.get("mode"), root.get("type")) == ("share", "invite")
    assert (values["client"], values["view_only"], values["invite_email"], values["access_id"]) == ("browser", "Yes", "guest", "desktop")
    # The host finds the session by the name that it has just got.
    found = farm.gateway.internal("/gateway/ovd/session", {"serverUrl": farm.host.url, "ovdSession": root.get("id")})
    assert found.json["sessionId"] == session
    active = invite(person, session, mode="active", email="x@y.z").json
    assert (active["mode"], active["email"], active["mailed"]) == ("active", "x@y.z", False)  # there is no mail server


def test_invitations_that_are_refused(farm, person, session):
    assert invite(person, OTHER).code == "unknown_session"
    assert invite(person, "x").code == "unknown_session"
    assert invite(person, session, mode="any").code == "bad_request"
    for email in ("a b@c", "x@y\nBcc: z@z", "x", "@", "x@y,z@z"):
        assert invite(person, session, email=email).status == 400, email
    body = {"sessionId": session, "mode": "active"}
    assert farm.gateway.request("POST", "/gateway/session/invite", body).code == "token_invalid"
    assert farm.gateway.request("POST", "/gateway/session/invite", body, token="x.y.z").code == "token_invalid"
    codes = [invite(person, session).status for _ in range(52)]
    assert codes[0] == 200 and codes[-1] == 429
    farm.host.report(session, 4)
    assert invite(person, session).code == "session_ended"


def test_what_is_not_to_be_shared():
    with Farm(ovd__shareable="false") as own:
        person = fake_host.Person(own.gateway)
        session = person.select().json["sessionId"]
        own.host.report(session, 2)
        assert (invite(person, session).status, invite(person, session).code) == (403, "not_shareable")


def test_without_the_session_manager():
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(fake_host.Gateway(ovd__sessionManager="false"))
        person = fake_host.Person(gateway)
        assert invite(person, OTHER).status in (404, 405)
        assert gateway.internal("/gateway/ovd/code", {}).status == 404
