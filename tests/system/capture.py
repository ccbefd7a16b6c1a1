# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of docs/protocol/capture.md, as strict as a test has to be: a picture is built from updates, every
rule that a message breaks is an assertion."""

import struct
import zlib

HEADER = struct.Struct("<BBHIQHHI")
PNG, CACHED, COPY, FILL, CURSOR, POINTER, SIZE = range(1, 8)


def png_pixels(data, width, height):
    """RGB rows of a PNG with 8-bit RGB or RGBA, or a palette of any depth."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    at, packed, palette, channels = 8, b"", None, None
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        assert zlib.crc32(kind + body) == crc, "PNG chunk with a wrong checksum"
        if kind == b"IHDR":
            w, h, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert (w, h, interlace) == (width, height, 0), (w, h, interlace)
            assert depth == 8 or color == 3, (depth, color)
            channels = {2: 3, 3: 1, 6: 4}[color]
        elif kind == b"PLTE":
            palette = [body[i : i + 3] for i in range(0, length, 3)]
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw = zlib.decompress(packed)
    stride = (width * channels * depth + 7) // 8
    assert len(raw) == (stride + 1) * height, "PNG of another size"
    rows, before = [], bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        row = unfilter(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), before, channels)
        rows.append(row)
        before = row
    if palette is not None:
        rows = [b"".join(palette[i] for i in indices(row, depth, width)) for row in rows]
    elif channels == 4:
        rows = [b"".join(row[i : i + 3] for i in range(0, stride, 4)) for row in rows]
    return rows


def indices(row, depth, width):
    """The palette indices of a row."""
    if depth == 8:
        return row
    per_byte, mask = 8 // depth, (1 << depth) - 1
    return [row[i // per_byte] >> (8 - depth * (i % per_byte + 1)) & mask for i in range(width)]


def unfilter(kind, row, before, step):
    if kind == 0:
        return row
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        up = before[i]
        corner = before[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            p = left + up - corner
            guess = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
        row[i] = (row[i] + guess) & 255
    return row


class Picture:
    def __init__(self):
        self.width = self.height = 0
        self.rows = []
        self.cache = {}
        self.sequence = 0
        self.updates = 0
        self.full = 0
        self.bytes = 0
        self.cursor = None

    def apply(self, message):
        """Draws one update and returns its sequence number."""
        version, kind, flags, sequence, _, screen, count, length = HEADER.unpack_from(message)
        assert version == 1 and kind == 1 and screen == 0, (version, kind, screen)
        assert len(message) == HEADER.size + length, "the length in the header is wrong"
        assert sequence == self.sequence + 1, f"sequence {sequence} after {self.sequence}"
        self.sequence = sequence
        self.updates += 1
        self.bytes += len(message)
        at = HEADER.size
        for index in range(count):
            record, zero_flags, zero, size = struct.unpack_from("<BBHI", message, at)
            assert zero_flags == 0 and zero == 0
            if flags & 1 and index == 0:
                assert record == SIZE, "a full picture begins with the size"
            self.record(record, message[at + 8 : at + 8 + size])
            at += 8 + size
        assert at == len(message), "records do not fill the message"
        if flags & 1:
            self.full += 1
        return sequence

    def record(self, kind, body):
        if kind == SIZE:
            self.width, self.height = struct.unpack("<HH", body)
            self.rows = [bytearray(self.width * 3) for _ in range(self.height)]
        elif kind == PNG:
            x, y, w, h, key = struct.unpack_from("<HHHHQ", body)
            rows = png_pixels(body[16:], w, h)
            self.draw(x, y, w, h, rows)
            if key:
                self.cache[key] = (w, h, rows)
        elif kind == CACHED:
            x, y, w, h, key = struct.unpack("<HHHHQ", body)
            kept_w, kept_h, rows = self.cache[key]
            assert (kept_w, kept_h) == (w, h)
            self.draw(x, y, w, h, rows)
        elif kind == FILL:
            x, y, w, h, red, green, blue, zero = struct.unpack("<HHHHBBBB", body)
            assert zero == 0
            self.draw(x, y, w, h, [bytes((red, green, blue)) * w] * h)
        elif kind == COPY:
            x, y, w, h, from_x, from_y = struct.unpack("<HHHHHH", body)
            self.inside(from_x, from_y, w, h)
            rows = [bytes(self.rows[from_y + i][from_x * 3 : (from_x + w) * 3]) for i in range(h)]
            self.draw(x, y, w, h, rows)
        elif kind == CURSOR:
            w, h, hot_x, hot_y = struct.unpack_from("<HHHH", body)
            if w:
                png_pixels(body[8:], w, h)
            self.cursor = (w, h, hot_x, hot_y)
        elif kind == POINTER:
            struct.unpack("<HH", body)
        else:
            raise AssertionError(f"record of type {kind}")

    def inside(self, x, y, w, h):
        assert w > 0 and h > 0 and x + w <= self.width and y + h <= self.height, f"{x},{y} {w}x{h} is outside"

    def draw(self, x, y, w, h, rows):
        self.inside(x, y, w, h)
        for i in range(h):
            self.rows[y + i][x * 3 : (x + w) * 3] = rows[i]

    def colours(self):
        """How many different colours the picture has, looking at every fourth pixel of every fourth row."""
        return len({bytes(row[i : i + 3]) for row in self.rows[::4] for i in range(0, len(row), 12)})


def acknowledge(sequence, decode_us=1000):
    return struct.pack("<BBHII", 1, 1, 0, sequence, decode_us)


def refresh():
    return struct.pack("<BBH", 1, 2, 0)


def miss(x, y, w, h, key):
    return struct.pack("<BBHHHHHQ", 1, 3, 0, x, y, w, h, key)


def hidden(value):
    return struct.pack("<BBHBBBB", 1, 4, 0, int(value), 0, 0, 0)


async def read_update(ws, picture, timeout=30):
    """The next update, drawn and acknowledged."""
    import asyncio

    message = await asyncio.wait_for(ws.recv(), timeout)
    assert isinstance(message, bytes), message
    sequence = picture.apply(message)
    await ws.send(acknowledge(sequence))
    return picture


async def read_until(ws, picture, done, timeout=30):
    """Reads updates until done(picture)."""
    import asyncio

    async def loop():
        while not done(picture):
            await read_update(ws, picture, timeout)

    await asyncio.wait_for(loop(), timeout)
    return picture


async def read_until_quiet(ws, picture, quiet=1.0, timeout=30):
    """Reads updates until none has come for a while."""
    import asyncio
    import time

    deadline = time.monotonic() + timeout
    while True:
        try:
            await read_update(ws, picture, quiet)
        except asyncio.TimeoutError:
            return picture
        assert time.monotonic() < deadline, "the picture does not come to rest"
