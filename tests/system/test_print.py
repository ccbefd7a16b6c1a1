# SPDX-License-Identifier: GPL-3.0-or-later
"""Something is printed inside a session: the viewer is told, the owner can fetch it, nobody else can, and it goes with the
session."""

import asyncio
import json

import capture
from testenv import until

CONFIG = {"webstreamSettings.serverMaxSessionCount": 2}


async def type_line(control, text):
    await control.send(json.dumps({"type": "text", "text": text}))
    await control.send(json.dumps({"type": "key", "code": "Enter", "key": "Enter", "down": True}))


async def next_print(control):
    while True:
        message = json.loads(await control.recv())
        if message["type"] == "print":
            return message


def print_from_terminal(client, commands):
    """Types each command into the session's terminal; the announcements of what it printed."""

    async def session():
        async with client.websocket("capture") as screen, client.websocket("control") as control:
            picture = await capture.read_until(screen, capture.Picture(), lambda p: p.colours() > 1)
            await capture.read_until_quiet(screen, picture)
            messages = []
            for command in commands:
                await type_line(control, command)
                messages.append(await asyncio.wait_for(next_print(control), 30))
            return messages

    return asyncio.run(session())


def test_print_and_fetch(instance):
    client = instance.client()
    client.launch("app_collection", "terminal")
    messages = print_from_terminal(
        client,
        [
            "lp -t 'My doc (1)' /etc/passwd",
            "lp -t '../../x' /etc/group",
            "(echo '%!PS'; echo '100 100 moveto 200 200 lineto stroke showpage') | lp",
        ],
    )
    assert [m["title"] for m in messages[:2]] == ["Mydoc1.pdf", "x.pdf"], messages
    times = [m["time"] for m in messages]
    assert times == sorted(set(times)), "each has a time of its own"
    for message in messages:
        answer = client.request("GET", f"/session/print/{message['time']}")
        assert answer.status == 200, answer
        assert answer.body.startswith(b"%PDF-") and len(answer.body) == message["bytes"]
        assert answer.headers["Content-Type"] == "application/pdf"
        assert message["title"] in answer.headers["Content-Disposition"]
    check_refusals(instance, client, times[0])
    spool = list(instance.state.glob("slots/*/session/print"))
    assert len(spool) == 1 and len(list(spool[0].iterdir())) == 3
    assert not list(instance.state.glob("slots/*/home/*.pdf"))
    client.release()
    until(lambda: client.session_state()["state"] == "ended", "the session ends")
    until(lambda: not spool[0].exists(), "what it printed is gone")
    assert client.request("GET", f"/session/print/{times[0]}").status == 410
    assert not instance.processes("cupsd")


def check_refusals(instance, owner, time):
    assert owner.request("GET", f"/session/print/{time - 1000}").code == "unknown_document"
    for wrong in ("x", "-1", "1.5", "99999999999", "1%2F..%2Fx"):
        answer = owner.request("GET", f"/session/print/{wrong}")
        assert answer.status in (400, 404), answer
    headers = {"X-Session-ID": owner.session}
    assert instance.request("GET", f"/session/print/{time}", headers=headers).status == 401
    stranger = {"X-Session-ID": "0" * 32}
    token = instance.login()["token"]
    assert instance.request("GET", f"/session/print/{time}", token=token, headers=stranger).status == 404
