# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job without a browser: login, entitlements, select, connection, ticket, the first picture, input that has an
effect, rest, resize, the end and what is left of it."""

import asyncio
import json
import pathlib

import capture
import pytest
import testenv
from testenv import until

CONFIG = {"webstreamSettings.serverMaxSessionCount": 3}


def slot_homes(instance):
    return [path for path in instance.state.glob("slots/*/home") if path.is_dir()]


def tree(directory):
    return sorted(str(path.relative_to(directory)) for path in pathlib.Path(directory).rglob("*"))


async def next_json(ws, kind, timeout=20):
    """The next text message of this type."""

    async def loop():
        while True:
            message = await ws.recv()
            if isinstance(message, str) and json.loads(message)["type"] == kind:
                return json.loads(message)

    return await asyncio.wait_for(loop(), timeout)


def test_login_says_who(instance):
    data = instance.login()
    assert set(data) >= {"token", "expiresAt", "user"}
    assert set(data["user"]) >= {"id", "username", "displayName", "organisationId"}
    me = instance.get("/iam/auth/me", token=data["token"])
    assert me.status == 200 and me.json["data"]["id" if "id" in me.json["data"] else "user"], me


def test_entitlements_have_no_command_lines(client):
    workspaces = client.workspaces()
    kinds = {w["type"] for w in workspaces}
    assert kinds == {"virtual_desktop", "app_collection"}
    assert len(client.workspace("app_collection")["applications"]) >= 2
    text = json.dumps(workspaces)
    for word in ("xterm", "/usr/bin", "appExe", "appArgs"):
        assert word not in text, word


@pytest.mark.parametrize("kind", ["virtual_desktop", "app_collection"])
def test_first_picture(client, kind):
    chosen = client.select(kind)
    assert set(chosen) >= {"sessionId", "state", "workspaceId", "resumed"} and chosen["resumed"] is False
    connection = client.connect(1024, 768)
    assert connection["sessionId"] == client.session
    assert not {"wsPort", "httpPort", "username"} & set(connection), "inner facts reach the browser"

    async def look():
        async with client.websocket("capture") as ws:
            assert ws.subprotocol == "isthmus.v1"
            picture = await capture.read_update(ws, capture.Picture())
            assert picture.full == 1 and (picture.width, picture.height) == (1024, 768)
            # Applications come up by themselves; a real picture has more than a background.
            await capture.read_until(ws, picture, lambda p: p.colours() > 4)

    asyncio.run(look())
    assert client.session_state()["state"] == "active"


def test_select_again_resumes(client):
    first = client.select()
    client.connect()
    again = client.select()
    assert again["sessionId"] == first["sessionId"] and again["resumed"] is True


def test_text_reaches_the_terminal(instance, client):
    """A command is typed; its effect is a file in the session's home."""
    client.launch("app_collection", "terminal")

    async def type_command():
        async with client.websocket("capture") as screen, client.websocket("control") as control:
            hello = await next_json(control, "hello")
            assert hello["sessionId"] == client.session and (hello["width"], hello["height"]) == (1024, 768)
            picture = await capture.read_until(screen, capture.Picture(), lambda p: p.colours() > 1)
            await capture.read_until_quiet(screen, picture)
            await control.send(json.dumps({"type": "pointer", "x": 500, "y": 400, "buttons": 0}))
            await control.send(json.dumps({"type": "text", "text": "echo 'gr\u00fc\u00df \u20ac' > effect-$((6*7))"}))
            await control.send(json.dumps({"type": "key", "code": "Enter", "key": "Enter", "down": True}))
            await control.send(json.dumps({"type": "key", "code": "Enter", "key": "Enter", "down": False}))

            async def file_there():
                while not (found := list(instance.state.glob("slots/*/home/effect-42"))):
                    await capture.read_update(screen, picture)
                return found[0]

            return await asyncio.wait_for(file_there(), 30)

    path = asyncio.run(type_command())
    text = until(path.read_text, "the file's content")
    assert text == "gr\u00fc\u00df \u20ac\n"


def test_rest_is_silent_and_refresh_is_not(client):
    """Nothing changes, nothing is sent; a refresh brings the full picture."""
    client.launch("app_collection", "editor")

    async def watch():
        async with client.websocket("capture") as ws:
            picture = await capture.read_until(ws, capture.Picture(), lambda p: p.colours() > 4)
            await capture.read_until_quiet(ws, picture, quiet=2, timeout=60)
            before = picture.updates
            with pytest.raises(asyncio.TimeoutError):
                # A blinking cursor would be a change: the editor is not focused by anybody yet, and icons do not move.
                await asyncio.wait_for(ws.recv(), 3)
            assert picture.updates == before
            await ws.send(capture.refresh())
            await capture.read_until(ws, picture, lambda p: p.full == 2)

    asyncio.run(watch())


def test_resize_to_odd_sizes(client):
    client.launch()

    async def resize():
        async with client.websocket("capture") as screen, client.websocket("control") as control:
            picture = await capture.read_update(screen, capture.Picture())
            for width, height in ((1281, 803), (640, 480), (1920, 1080)):
                await control.send(json.dumps({"type": "resize", "width": width, "height": height}))
                told = await next_json(control, "resized")
                assert (told["width"], told["height"]) == (width, height)
                await capture.read_until(screen, picture, lambda p: (p.width, p.height) == (width, height))
            # Larger than the session may be: clamped, not refused.
            await control.send(json.dumps({"type": "resize", "width": 7680, "height": 4320}))
            told = await next_json(control, "resized")
            assert (told["width"], told["height"]) == (3840, 2160)

    asyncio.run(resize())


def test_attach_again(client):
    """A page that is loaded again, and a second viewer, get the full picture; the session is the same."""
    client.launch()

    async def attach():
        for _ in range(2):
            async with client.websocket("capture") as ws:
                picture = await capture.read_update(ws, capture.Picture())
                assert picture.full == 1
        async with client.websocket("capture") as one, client.websocket("capture") as two:
            for ws in (one, two):
                picture = await capture.read_update(ws, capture.Picture())
                assert picture.full == 1

    asyncio.run(attach())
    assert client.select()["resumed"] is True


def test_end_leaves_nothing(instance, client):
    """Release: processes gone, the viewer is told, the home is the skeleton again, the slot can be used again."""
    client.launch("app_collection", "terminal")
    inside = set(until(lambda: instance.processes("xterm"), "the terminal runs"))
    home = slot_homes(instance)
    (in_use,) = [h for h in home if (h.parent / "session/keeper.sock").exists()]
    (in_use / "left-behind").write_text("x")

    async def told():
        async with client.websocket("capture") as ws:
            await capture.read_update(ws, capture.Picture())
            released = await asyncio.to_thread(client.release)
            assert released.status == 200, released
            try:
                while True:
                    await asyncio.wait_for(ws.recv(), 20)
            except Exception as end:  # noqa: BLE001 - websockets raises different ones for different codes
                return getattr(end, "code", None)

    assert asyncio.run(told()) == 4001
    until(lambda: not any(testenv.is_alive(pid) for pid in inside), "the session's processes are gone")
    until(lambda: not (in_use.parent / "session/keeper.sock").exists(), "the session's directory is empty")
    until(lambda: not (in_use / "left-behind").exists(), "the home is cleaned")
    until(lambda: client.session_state()["state"] == "ended", "the gateway knows")
    ended = client.session
    answer = client.request("GET", "/getConnection", session=ended)
    assert answer.status in (404, 410), answer
    # The account is free again.
    client.session = None
    client.launch("app_collection", "terminal")
    assert client.session != ended


def test_last_window_ends_the_session(instance, client):
    client.launch("app_collection", "terminal")

    async def leave():
        async with client.websocket("capture") as screen, client.websocket("control") as control:
            picture = await capture.read_until(screen, capture.Picture(), lambda p: p.colours() > 1)
            await capture.read_until_quiet(screen, picture)
            await control.send(json.dumps({"type": "text", "text": "exit"}))
            await control.send(json.dumps({"type": "key", "code": "Enter", "key": "Enter", "down": True}))
            ended = await next_json(control, "ended", 30)
            assert ended["reason"] == "exit", ended

    asyncio.run(leave())
    until(lambda: client.session_state()["state"] == "ended", "the session is over")
    client.session = None
