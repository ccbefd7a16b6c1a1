# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests in the browser, before a real session: an active one types and does not resize, a passive one only looks, whatever it
sends and whatever it says that it is."""

import asyncio
import contextlib
import json
import sqlite3
import urllib.parse
import urllib.request

import capture
import fake_host
import pytest
import testenv
import websockets
from test_session import next_json

CONFIG = {"webstreamSettings.serverMaxSessionCount": 2, "ovd.sessionManager": "true"}


def host_url(instance):
    with contextlib.closing(sqlite3.connect(f"file:{instance.state}/db/main.sqlite?mode=ro", uri=True)) as db:
        ((url,),) = db.execute("SELECT server_url FROM hosts").fetchall()
    return url


def internal(instance, path, body):
    """As a host asks: at the first port of the instance's block."""
    port = urllib.parse.urlsplit(host_url(instance)).port // 1000 * 1000
    key = bytes.fromhex((instance.state / "secrets/shared.key").read_text().strip())
    raw = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "X-Isthmus-Auth": fake_host.auth_header(key, "POST", path, raw)}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", raw, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Guest(testenv.Client):
    """Who comes by a code."""

    def __init__(self, owner, role):
        self.instance = owner.instance
        body = {"serverUrl": host_url(self.instance), "sessionId": owner.session, "role": role, "email": f"{role}@example"}
        code = internal(self.instance, "/gateway/ovd/code", body)["code"]
        answer = self.instance.post("/gateway/session/code", {"code": code})
        assert answer.status == 200, answer
        self.token = answer.json["token"]
        self.session = owner.session


def message(kind, **members):
    return json.dumps({"type": kind, **members})


def command(text):
    enter = {"code": "Enter", "key": "Enter"}
    return [message("text", text=text), message("key", down=True, **enter), message("key", down=False, **enter)]


POINT = message("pointer", x=500, y=400, buttons=0)
RESIZE = message("resize", width=640, height=480)


async def error_code(ws):
    return (await next_json(ws, "error"))["code"]


async def file_there(instance, screen, picture, name):
    while not list(instance.state.glob(f"slots/*/home/{name}")):
        await capture.read_update(screen, picture)


def launch(client):
    """Guests are let in when the gateway has heard from the host that the session is ready."""
    client.launch("app_collection", "terminal")
    testenv.until(lambda: client.session_state()["state"] == "active", "the session is ready")


def test_a_guest_leaves_room(instance, client):
    """One who opens connections without end has a few, and the owner and other guests have theirs."""
    launch(client)
    greedy, modest = Guest(client, "passive"), Guest(client, "active")

    async def play():
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(6):
                await stack.enter_async_context(greedy.websocket("control"))
            with pytest.raises(websockets.exceptions.InvalidStatusCode) as refused:
                await stack.enter_async_context(greedy.websocket("capture"))
            assert refused.value.status_code == 429
            for who in (modest, client):
                for channel in ("capture", "control"):
                    await stack.enter_async_context(who.websocket(channel))

    asyncio.run(play())


def test_what_guests_may(instance, client):
    launch(client)
    active, passive = Guest(client, "active"), Guest(client, "passive")
    lie = {"X-Viewer-Role": "owner"}

    async def play():
        async with contextlib.AsyncExitStack() as stack:
            opened = {}
            for name, who in (("owner", client), ("active", active), ("passive", passive)):
                control = await stack.enter_async_context(who.websocket("control", extra_headers=lie))
                hello = await next_json(control, "hello")
                assert (hello["role"], hello["viewOnly"]) == (name, name == "passive"), hello
                opened[name] = control
            screen = await stack.enter_async_context(client.websocket("capture"))
            watched = await stack.enter_async_context(passive.websocket("capture", extra_headers=lie))
            picture = await capture.read_until(screen, capture.Picture(), lambda p: p.colours() > 1)
            await capture.read_until(watched, capture.Picture(), lambda p: p.colours() > 1)  # the same, to look at
            await capture.read_until_quiet(screen, picture)

            for ws in (opened["passive"], watched):
                for text in [POINT, *command("touch passive-was-here"), RESIZE] * 20:
                    await ws.send(text)
            assert await error_code(opened["passive"]) == "view_only"
            await opened["passive"].send(message("ping", t=1))
            await next_json(opened["passive"], "pong")

            for text in [RESIZE, POINT, *command("touch active-was-here")]:
                await opened["active"].send(text)
            assert await error_code(opened["active"]) == "owner_only"
            await asyncio.wait_for(file_there(instance, screen, picture, "active-was-here"), 30)
            assert (picture.width, picture.height) == (1024, 768)

            await opened["owner"].send(RESIZE)
            for name in ("owner", "active", "passive"):
                told = await next_json(opened[name], "resized")
                assert (told["width"], told["height"]) == (640, 480)

    asyncio.run(play())
    assert not list(instance.state.glob("slots/*/home/passive-was-here"))
    assert client.session_state()["state"] == "active"
