# SPDX-License-Identifier: GPL-3.0-or-later
"""The display side of an OVD client, with the programs that people have: ssh for the tunnel, TigerVNC's viewer in an X server
of its own, xwd to look at pictures and xdotool to type."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import testenv
from testenv import until

# What a client of 2009 knows.
LEGACY_ALGORITHMS = [
    "-oKexAlgorithms=diffie-hellman-group1-sha1",
    "-oHostKeyAlgorithms=ssh-rsa",
    "-oCiphers=3des-cbc",
    "-oMACs=hmac-sha1",
]


class Picture:
    """What an X server shows: width, height, and rows of 4 bytes a pixel (blue, green, red, 0)."""

    def __init__(self, width, height, pixels, stride):
        self.width, self.height = width, height
        pixels[3::4] = bytes(len(pixels) // 4)
        self.rows = [bytes(pixels[y * stride : y * stride + width * 4]) for y in range(height)]

    @classmethod
    def of_xwd(cls, xwd):
        fields = struct.unpack(">25I", xwd[:100])
        header, width, height, order, bits, stride, colours = (fields[i] for i in (0, 4, 5, 7, 11, 12, 19))
        assert bits == 32 and order == 0, fields
        start = header + colours * 12
        return cls(width, height, bytearray(xwd[start : start + stride * height]), stride)

    @classmethod
    def of_canvas(cls, width, height, rgba):
        pixels = bytearray(rgba)
        pixels[0::4], pixels[2::4] = pixels[2::4], pixels[0::4]
        return cls(width, height, pixels, width * 4)

    def colours(self):
        return len({row[i : i + 4] for row in set(self.rows) for i in range(0, len(row), 4)})

    def find(self, inner):
        """Where the other picture is in this one, every pixel of it: (x, y), or None. One of a single colour is nowhere."""
        variety = [len(set(memoryview(row).cast("I"))) for row in inner.rows]
        key = max(range(inner.height), key=variety.__getitem__)
        if variety[key] == 1:
            return None
        for y in range(self.height - inner.height + 1):
            at = self.rows[y + key].find(inner.rows[key])
            while at >= 0:
                end = at + inner.width * 4
                if at % 4 == 0 and all(self.rows[y + i][at:end] == inner.rows[i] for i in range(inner.height)):
                    return at // 4, y
                at = self.rows[y + key].find(inner.rows[key], at + 1)
        return None

    def __eq__(self, other):
        return self.rows == other.rows


class Display:
    """An X server that is there: its address, and the file with its cookie."""

    def __init__(self, address, authority):
        self.env = {
            "DISPLAY": str(address),
            "XAUTHORITY": str(authority),
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": "/nonexistent",
        }

    def run(self, *command, **options):
        return subprocess.run(command, env=self.env, capture_output=True, timeout=60, check=True, **options).stdout

    def picture(self):
        return Picture.of_xwd(self.run("xwd", "-root", "-silent"))

    def move(self, x, y):
        self.run("xdotool", "mousemove", str(x), str(y))

    def click(self, x, y, button=1):
        self.run("xdotool", "mousemove", str(x), str(y), "click", str(button))

    def type(self, text):
        """Types it, with a line feed as Return."""
        for i, line in enumerate(text.split("\n")):
            if i:
                self.run("xdotool", "key", "Return")
            if line:
                self.run("xdotool", "type", "--delay", "15", line)


class SessionDisplay(Display):
    """The X server of a running session, as its own applications see it; a context manager."""

    def __init__(self, instance, slot="*"):
        (socket,) = instance.state.glob(f"slots/{slot}/session/x11/X*[0-9]")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-display-", dir="/tmp"))
        # X clients know numbers only; this one is no server's and leads to the session's socket.
        self.link = pathlib.Path(f"/tmp/.X11-unix/X{testenv.free_port()}")
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(socket)
        number = self.link.name[1:]
        super().__init__(f":{number}", self.directory / "xauthority")
        listed = subprocess.run(["xauth", "-n", "-f", socket.parent.parent / "xauthority", "list"], capture_output=True, text=True, check=True)
        cookie = listed.stdout.split()[-1]
        subprocess.run(["xauth", "-q", "-f", self.env["XAUTHORITY"], "add", f":{number}", ".", cookie], check=True, capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.link.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)


class Screen(Display):
    """An X server for a viewer; a context manager."""

    def __init__(self, width=1200, height=900):
        self.size = f"{width}x{height}"

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-screen-", dir="/tmp"))
        authority = self.directory / "xauthority"
        cookie = os.urandom(16).hex()
        read, write = os.pipe()
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["Xvnc", "-displayfd", str(write), "-geometry", self.size, "-depth", "24", "-auth", authority, "-rfbport", "-1",
                 "-rfbunixpath", self.directory / "rfb", "-SecurityTypes", "None", "-nolisten", "tcp", "-noreset"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[write],
            )  # fmt: skip
        os.close(write)
        authority.touch(0o600)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, (self.directory / "log").read_text()
        super().__init__(f":{number}", authority)
        self.env["HOME"] = str(self.directory)
        # Read by the server when the first client connects.
        subprocess.run(["xauth", "-q", "-f", authority, "add", f":{number}", ".", cookie], check=True, env=self.env, capture_output=True)
        # Somebody has to give the keys to the viewer's window.
        managing = self.directory / "managing"
        self.manager = subprocess.Popen(
            ["openbox", "--startup", f"touch {managing}"], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # A window that is shown while it starts, when it is on the screen already but does not listen yet, can stay hidden for ever.
        until(managing.exists, "the window manager")
        return self

    def __exit__(self, *error):
        end(self.manager)
        end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def viewer(self, port, password, *options, timeout=20):
        """vncviewer with the hidden form of a password; waits until its window is there."""
        file = self.directory / f"passwd-{time.monotonic_ns()}"
        file.touch(0o600)
        file.write_bytes(bytes.fromhex(password))
        process = subprocess.Popen(
            ["vncviewer", "-MenuKey=", "-SecurityTypes=VncAuth", "-AutoSelect=0", "-NoJPEG=1", "-RemoteResize=0", "-Shared=1",
             f"-PasswordFile={file}", *options, f"127.0.0.1::{port}"],
            env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Viewer(self, process)


class Viewer:
    """A vncviewer; a context manager."""

    def __init__(self, screen, process):
        self.screen, self.process = screen, process

    def __enter__(self):
        return self

    def __exit__(self, *error):
        end(self.process)

    def shows(self, display, timeout=30):
        """Waits until the window shows what the display shows, every pixel of it, and says where."""

        def look():
            assert self.process.poll() is None, self.process.stdout.read().decode(errors="replace")
            return self.screen.picture().find(display.picture())

        return until(look, "the viewer shows the session's picture", timeout, step=0.2)

    def ended(self, timeout=20):
        """Waits until it has ended; what it said."""
        return self.process.communicate(timeout=timeout)[0].decode(errors="replace")


def end(process):
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def is_listening(port):
    wanted = f":{port:04X} "
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines():
            fields = line.split()
            if fields[3] == "0A" and (fields[1] + " ").endswith(wanted):
                return True
    return False


class Tunnel:
    """`ssh -N`, the password through SSH_ASKPASS; forwards a local port to the session's RFB port. A context manager."""

    def __init__(self, access, legacy=False, target=None, forward=True, password=None, user=None, command=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-ssh-", dir="/tmp"))
        secret, ask = self.directory / "password", self.directory / "ask"
        secret.touch(0o600)
        secret.write_text(access.ssh_password if password is None else password)
        ask.write_text(f"#!/bin/sh\nexec cat {secret}\n")
        ask.chmod(0o700)
        self.port = testenv.free_port()
        arguments = ["ssh", "-F", "none", "-v", "-l", user or access.ssh_user, "-p", str(access.port(legacy))]
        arguments += [
            "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oPreferredAuthentications=password",
            "-oNumberOfPasswordPrompts=1", "-oExitOnForwardFailure=yes", "-oServerAliveInterval=30",
        ]  # fmt: skip
        arguments += LEGACY_ALGORITHMS if legacy else []
        if forward:
            arguments += ["-L", f"127.0.0.1:{self.port}:{target or f'localhost:{access.vnc_port}'}"]
        arguments += [access.host if word == "HOST" else word for word in command or ["-N", "HOST"]]
        env = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "PATH": "/usr/bin:/bin", "HOME": str(self.directory)}
        self.log_file = self.directory / "log"
        with open(self.log_file, "wb") as log, open(self.directory / "output", "wb") as out:
            self.process = subprocess.Popen(arguments, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    @property
    def output(self):
        return (self.directory / "output").read_bytes()

    def wait(self, timeout=30):
        """Until the link is authenticated, and the local port listens when there is one."""

        def ready():
            assert self.process.poll() is None, self.log
            return re.search(r"Authenticated to|Authentication succeeded", self.log) and "Entering interactive session" in self.log

        until(ready, "the SSH link", timeout)
        return self

    def ended(self, timeout=30):
        """Waits for its end; what it said."""
        self.process.wait(timeout)
        return self.log

    def close(self):
        end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)


def open_terminal(instance, screen, at):
    """Makes the desktop at that place of the screen open a terminal; typing starts when the shell reads."""
    screen.click(at[0] + 400, at[1] + 10)
    screen.run("xdotool", "key", "ctrl+alt+t")
    until(lambda: instance.processes("bash"), "a shell")

    def ready():
        screen.type("touch .ready\n")
        try:
            return until(lambda: list(instance.state.glob("slots/*/home/.ready")), "the shell reads", 2)
        except AssertionError:
            return None

    until(ready, "a terminal that takes commands")


def rfb_result(port, password):
    """0 when the VncAuth server at the port takes the password."""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        f = s.makefile("rb")
        assert f.read(12).startswith(b"RFB 003.")
        s.sendall(b"RFB 003.008\n")
        assert 2 in f.read(f.read(1)[0])
        s.sendall(b"\2")
        challenge = f.read(16)
        key = bytes(int(f"{b:08b}"[::-1], 2) for b in password.encode().ljust(8, b"\0"))
        command = ["openssl", "enc", "-des-ecb", "-nopad", "-provider", "legacy", "-provider", "default", "-K", key.hex()]
        s.sendall(subprocess.run(command, input=challenge, capture_output=True, check=True).stdout)
        return struct.unpack(">I", f.read(4))[0]
