# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium, driven by its own debugging protocol: a page that a test can look at and type into."""

import asyncio
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import urllib.request

import testenv
import websockets
from ovdviewer import Picture
from testenv import until

KEYS = {" ": "Space", "-": "Minus", ".": "Period", "/": "Slash", "\n": "Enter", **{d: f"Digit{d}" for d in "0123456789"}}
CANVAS = """(() => {
    const screen = document.getElementById('screen');
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [Number(screen.dataset.width), Number(screen.dataset.height)];
    const context = copy.getContext('2d', { alpha: false, willReadFrequently: true });
    context.drawImage(screen, 0, 0);
    const bytes = context.getImageData(0, 0, copy.width, copy.height).data;
    let text = '';
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return [copy.width, copy.height, btoa(text)];
})()"""


class Chromium:
    """One page; a context manager."""

    def __init__(self, width=900, height=650):
        self.width, self.height = width, height
        self.loop = asyncio.new_event_loop()
        self.socket = None
        self.next = 0

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def start(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-chromium-", dir="/tmp"))
        port = testenv.free_port()
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors",
                 "--no-first-run", f"--remote-debugging-port={port}", "--remote-allow-origins=*", f"--user-data-dir={self.directory}/profile",
                 "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        address = until(lambda: self.find(port), "chromium's debugging port", 60)
        self.loop.run_until_complete(self.connect(address))
        self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=self.height, deviceScaleFactor=1, mobile=False)
        self.call("Page.enable")
        return self

    def __exit__(self, *error):
        if self.socket:
            self.loop.run_until_complete(self.socket.close())
        self.loop.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def connect(self, address):
        self.socket = await websockets.connect(address, max_size=None, ping_interval=None)

    def find(self, port):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                pages = [p for p in json.load(answer) if p["type"] == "page"]
        except OSError:
            return None
        return pages[0]["webSocketDebuggerUrl"] if pages else None

    def call(self, method, **parameters):
        self.next += 1
        return self.loop.run_until_complete(asyncio.wait_for(self.exchange(self.next, method, parameters), 60))

    async def exchange(self, number, method, parameters):
        await self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(await self.socket.recv())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def evaluate(self, text):
        result = self.call("Runtime.evaluate", expression=text, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def go(self, address):
        self.call("Page.navigate", url=address)

    def until(self, condition, what, timeout=60):
        def holds():
            try:
                return self.evaluate(condition)
            except AssertionError:  # between two pages
                return None

        try:
            return until(holds, what, timeout, 0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}; the page: {self.evaluate('document.location.href + document.body.innerText')}") from None

    def submit(self, action, fields):
        """A portal's page with its form; the browser follows wherever that leads."""
        self.go("about:blank")
        rows = "".join(f"<input name='{name}' value='{value}'>" for name, value in fields.items())
        page = f"<form id=f method=post action='{action}'>{rows}</form>"
        self.evaluate(f"document.body.innerHTML = {json.dumps(page)}; document.getElementById('f').submit()")

    def active(self):
        self.until("document.documentElement.dataset.session === 'active'", "the session is active")

    def picture(self):
        width, height, text = self.evaluate(CANVAS)
        return Picture.of_canvas(width, height, base64.b64decode(text))

    def shows(self, display, timeout=30):
        return until(lambda: self.picture() == display.picture(), "the canvas shows what the display server has", timeout, 0.2)

    def click(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" else "left", clickCount=1)

    def type(self, text):
        """Lower case, digits and the characters of KEYS."""
        for character in text:
            code = KEYS.get(character) or f"Key{character.upper()}"
            key = "Enter" if character == "\n" else character
            typed = "\r" if character == "\n" else character
            self.call("Input.dispatchKeyEvent", type="keyDown", code=code, key=key, text=typed)
            self.call("Input.dispatchKeyEvent", type="keyUp", code=code, key=key)
