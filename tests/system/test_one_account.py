# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary user runs everything: one account, sessions in sandboxes of their own."""

import asyncio
import os
import pwd
import subprocess

import capture
import pytest
import testenv
from testenv import descendants

USER = "isthmus-test"


@pytest.fixture(scope="module")
def user():
    if os.geteuid() != 0:
        return None  # the suite itself runs as an ordinary user
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER], check=True)
    return USER


@pytest.fixture(scope="module")
def instance(user):
    with testenv.Instance(user=user) as running:
        yield running


def test_whole_way_as_an_ordinary_user(instance, user):
    client = instance.client()
    client.launch("app_collection", "terminal", 1000, 700)

    async def look():
        async with client.websocket("capture") as ws:
            picture = await capture.read_update(ws, capture.Picture())
            assert picture.full == 1 and (picture.width, picture.height) == (1000, 700)

    asyncio.run(look())
    uid = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    for pid, name in descendants(instance.pid).items():
        try:
            assert os.stat(f"/proc/{pid}").st_uid in (uid, 0), (pid, name)
        except FileNotFoundError:
            continue
    assert "same uid" in instance.log("session-host")

    # Two sessions at once, each in a home of its own.
    other = instance.client()
    other.launch("virtual_desktop")
    homes = [p for p in instance.state.glob("slots/*/home") if (p.parent / "session/keeper.sock").exists()]
    assert len(homes) == 2
    client.release()
    testenv.until(lambda: client.session_state()["state"] == "ended", "the session ends")
    assert other.session_state()["state"] in ("connecting", "active")
    other.release()
    testenv.until(lambda: other.session_state()["state"] == "ended", "the session ends")


def test_session_sees_neither_state_nor_other_processes(instance):
    """From inside the sandbox: no secrets, no database, no foreign process."""
    client = instance.client()
    client.launch("app_collection", "terminal")

    async def type_command():
        import json

        async with client.websocket("capture") as screen, client.websocket("control") as control:
            picture = await capture.read_until(screen, capture.Picture(), lambda p: p.colours() > 1)
            await capture.read_until_quiet(screen, picture)
            command = f"(ls {instance.state}/secrets {instance.state}/db; cat {instance.state}/secrets/shared.key) >out 2>&1; ps -e >>out; echo end >done"
            await control.send(json.dumps({"type": "text", "text": command}))
            await control.send(json.dumps({"type": "key", "code": "Enter", "key": "Enter", "down": True}))

            async def written():
                while not (found := list(instance.state.glob("slots/*/home/done"))):
                    await capture.read_update(screen, picture)
                return found[0].parent

            return await asyncio.wait_for(written(), 30)

    home = asyncio.run(type_command())
    text = testenv.until((home / "out").read_text, "output")
    assert "shared.key\n" not in text.replace(str(instance.state / "secrets/shared.key"), ""), text
    assert "main.sqlite" not in text, text
    names = [line.split()[-1] for line in text.splitlines() if line.split()[0].isdigit()]
    assert names.count("isthmus") == 1, f"its own first process and no other: {text}"
    client.release()
    testenv.until(lambda: client.session_state()["state"] == "ended", "the session ends")
