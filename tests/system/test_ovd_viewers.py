# SPDX-License-Identifier: GPL-3.0-or-later
"""One OVD session, and the programs of its clients' time at it: TightVNC 1.3 with every option, the viewers and SSH clients
that others had. What each shows is compared with the session's own display."""

import contextlib
import re
import struct
import subprocess
import threading

import ovdclient
import pytest
from ovdclient import OvdClient, in_home
from ovdviewer import LEGACY_ALGORITHMS, Screen, SessionDisplay, Tunnel, end, is_listening, open_terminal, rfb_result
from testenv import free_port, until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 2}
WIDTH, HEIGHT = 800, 600
CURSOR = 0.001  # of the picture: viewers draw it into their window


class Desk:
    """A session whose owner stays: the page polls, and the first SSH link is up."""

    def __init__(self, instance):
        self.instance = instance
        self.client = OvdClient(instance)
        self.over = threading.Event()
        self.page = threading.Thread(target=self.poll)

    def poll(self):
        while not self.over.wait(2):
            self.client.whatsup("desktop")

    @contextlib.contextmanager
    def running(self):
        self.client.begin(WIDTH, HEIGHT)
        self.access = self.client.access()
        self.page.start()
        try:
            with Tunnel(self.access, legacy=True).wait() as tunnel, SessionDisplay(self.instance) as display:
                self.port, self.display = tunnel.port, display
                with coloured(display):
                    yield self
        finally:
            self.over.set()
            self.page.join()
            self.client.kill()


@contextlib.contextmanager
def coloured(display):
    """A window of a few hundred thousand colours, which a JPEG is made for."""
    xwd = bytearray(display.run("xwd", "-root", "-silent"))
    header, stride, colours = (struct.unpack_from(">I", xwd, i * 4)[0] for i in (0, 12, 19))
    start = header + colours * 12
    for y in range(HEIGHT):
        line = bytearray(stride)
        for x in range(WIDTH):
            line[x * 4 : x * 4 + 3] = x * 255 // WIDTH, y * 255 // HEIGHT, (x + y) * 255 // (WIDTH + HEIGHT)
        xwd[start + y * stride : start + (y + 1) * stride] = line
    with subprocess.Popen(["xwud", "-raw"], env=display.env, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdin.write(xwd)
        process.stdin.close()
        try:
            until(lambda: display.picture().colours() > 10000, "the coloured window")
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def desk(instance):
    with Desk(instance).running() as running:
        yield running


@pytest.fixture(scope="module")
def screen():
    with Screen() as running:
        yield running


class Program:
    """A viewer on a screen; a context manager."""

    def __init__(self, screen, access, command):
        self.screen = screen
        file = screen.directory / "hidden"
        file.touch(0o600)
        file.write_bytes(bytes.fromhex(access.hidden_password))
        command = [str(file) if word == "FILE" else word for word in command]
        self.log_file = screen.directory / f"viewer-{id(self)}.log"
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(command, env=screen.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        end(self.process)

    def window(self, width, height):
        """Where its window of that size is."""
        tree = self.screen.run("xwininfo", "-root", "-tree").decode()
        found = re.search(rf" {width}x{height}\+-?\d+\+-?\d+ +\+(\d+)\+(\d+)$", tree, re.MULTILINE)
        return found and (int(found[1]), int(found[2]))

    def shows(self, display, near=(0, 0, 0), timeout=30):
        """Waits until its window shows the display's picture, each colour (blue, green, red) that near; where it is."""
        seen = []

        def look():
            assert self.process.poll() is None, self.log_file.read_text(errors="replace")
            wanted = display.picture()
            at = self.window(wanted.width, wanted.height)
            if not at:
                return None
            seen[:] = [differences(self.screen.picture(), at, wanted, near)]
            return at if seen[0] <= CURSOR else None

        try:
            return until(look, "the viewer shows the session's picture", timeout, step=0.2)
        except AssertionError as late:
            raise AssertionError(f"{late}: {seen} of it differs; {self.log_file.read_text(errors='replace')}") from None


def differences(picture, at, wanted, near):
    """Which part of the values is not as wanted."""
    wrong = 0
    for y, row in enumerate(wanted.rows):
        seen = picture.rows[at[1] + y][at[0] * 4 : (at[0] + wanted.width) * 4]
        if seen != row:
            for channel, most in enumerate(near):
                wrong += sum(abs(a - b) > most for a, b in zip(seen[channel::4], row[channel::4], strict=True))
    return wrong / (wanted.width * wanted.height * 3)


def tight(screen, desk, *options):
    return Program(screen, desk.access, ["xtightvncviewer", "-passwd", "FILE", *options, f"127.0.0.1::{desk.port}"])


EXACT, LOSSY, POOR, FEW = (0, 0, 0), (32, 32, 32), (64, 64, 64), (44, 20, 20)
OPTIONS = [
    ("", EXACT),
    *((f"-encodings {name}", EXACT) for name in ("rre", "corre", "hextile", "zlib")),
    ("-encodings tight -nojpeg -compresslevel 0", EXACT),
    ("-encodings tight -nojpeg -compresslevel 9 -nocursorshape", EXACT),
    *((f"-encodings tight -compresslevel 9 -quality {n}", LOSSY) for n in (9, 8, 7)),
    ("-encodings tight -quality 0", POOR),
    *((f"-bgr233 -encodings {name}", FEW) for name in ("raw", "hextile", "zlib")),
    ("-bgr233 -encodings tight -compresslevel 9 -quality 8", FEW),  # the quality "lowest"
]


@pytest.mark.parametrize("options,near", OPTIONS, ids=[o for o, _ in OPTIONS])
def test_tightvnc(desk, screen, options, near):
    with tight(screen, desk, *options.split()) as viewer:
        viewer.shows(desk.display, near)


def test_typing_and_selections(instance, desk, screen):
    """What is copied in the session goes out when the pointer leaves the viewer, the marked text comes in when it enters."""

    def pass_over(display, *selection):
        screen.move(5, 5)
        screen.move(at[0] + 300, at[1] + 300)
        done = subprocess.run(["xsel", "-o", *selection], env={**display.env, "HOME": str(screen.directory)}, capture_output=True, timeout=60, check=False)
        return done.stdout.decode()

    def copy(display, text, *selection):
        subprocess.run(["xsel", "-i", *selection], env={**display.env, "HOME": str(screen.directory)}, input=text.encode(), timeout=60,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip

    with tight(screen, desk) as viewer:
        at = viewer.shows(desk.display)
        open_terminal(instance, screen, at)
        screen.type("echo typed-$((6*7)) > typed; exit\n")
        until(lambda: in_home(instance, "typed") and in_home(instance, "typed").read_text() == "typed-42\n", "what was typed")
        copy(screen, "comes in", "-p")
        until(lambda: pass_over(desk.display, "-b") == "comes in", "the session's clipboard", step=0.5)
        copy(desk.display, "goes out", "-b")
        until(lambda: pass_over(screen, "-p") == "goes out", "the person's selection", step=0.5)


def test_two_at_once_and_again(desk, screen):
    with Screen() as second, tight(second, desk, *"-bgr233 -encodings tight".split()) as stays:
        for _ in range(2):
            with tight(screen, desk, *"-encodings tight -nojpeg".split()) as viewer:
                viewer.shows(desk.display)
            stays.shows(desk.display, FEW)


# ---- SSH clients ----


def fingerprints(access, legacy):
    """Of the listener's keys, as PuTTY takes them."""
    command = ["ssh-keyscan", "-p", str(access.port(legacy)), access.host]
    keys = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    listed = subprocess.run(["ssh-keygen", "-lf", "-"], input=keys, capture_output=True, timeout=60, check=True).stdout.decode()
    return [word for line in listed.splitlines() for word in ("-hostkey", line.split()[1])]


OLD_PUTTY = """KEX=dh-group1-sha1,dh-group14-sha1,dh-gex-sha1,rsa,ecdh,WARN
HostKey=rsa,WARN
Cipher=3des,aes,WARN
"""


@contextlib.contextmanager
def linked(screen, access, legacy, program, *options):
    """The local port of an SSH client's tunnel."""
    secret = screen.directory / "secret"
    secret.touch(0o600)
    secret.write_text(access.ssh_password)
    sessions = screen.directory / ".putty/sessions"
    sessions.mkdir(parents=True, exist_ok=True)
    (sessions / "old").write_text(OLD_PUTTY)
    port, who = free_port(), ["-N", "-L", "127.0.0.1:PORT:localhost:" + str(access.vnc_port)]
    who[-1] = who[-1].replace("PORT", str(port))
    if program == "plink":
        command = ["plink", "-v", "-batch", "-pwfile", secret, *fingerprints(access, legacy), *options, *who, "-P", str(access.port(legacy)),
                   "-l", access.ssh_user, access.host]  # fmt: skip
    else:
        command = [program, "-y", "-y", *options, *who, "-p", str(access.port(legacy)), f"{access.ssh_user}@{access.host}"]
    env = {**screen.env, "DROPBEAR_PASSWORD": access.ssh_password}
    log_file = screen.directory / "ssh.log"
    with open(log_file, "wb") as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready():
        assert process.poll() is None, log_file.read_text(errors="replace")
        return is_listening(port)

    try:
        until(ready, "the forwarded port")
        yield port, log_file
    finally:
        end(process)


@pytest.mark.parametrize(
    "legacy,program,options,said",
    [
        (True, "plink", "", ""),
        (True, "plink", "-load old", "group1.*triple-DES CBC outbound"),
        (False, "plink", "", "Curve25519"),
        (True, "dbclient", "-m hmac-sha1", ""),
        (True, "dbclient", "", ""),
        (False, "dbclient", "", ""),
    ],
)
def test_ssh_clients(desk, screen, legacy, program, options, said):
    with linked(screen, desk.access, legacy, program, *options.split()) as (port, log):
        for _ in range(2):
            assert rfb_result(port, desk.access.vnc_password) == 0
        assert re.search(said, log.read_text(errors="replace"), re.DOTALL)


@pytest.mark.parametrize("mac", ["hmac-sha1", "hmac-sha1,hmac-sha1-96"])
def test_the_applets_algorithms(desk, mac):
    """Exactly these, one of each; Blowfish, DSA and MD5, which it also knew, are in no library of today."""
    options = [f"-oMACs={mac}" if o.startswith("-oMACs") else o for o in LEGACY_ALGORITHMS]
    said = subprocess.run(
        ["ssh", "-F", "none", "-v", *options, "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes",
         "-p", str(desk.access.port(True)), "-l", desk.access.ssh_user, desk.access.host],
        capture_output=True, timeout=60, check=False,
    ).stderr.decode()  # fmt: skip
    assert "cipher: 3des-cbc MAC: hmac-sha1 compression: none" in said and "diffie-hellman-group1-sha1" in said
    assert "can continue: password" in said
