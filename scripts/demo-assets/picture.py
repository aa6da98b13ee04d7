#!/usr/bin/env python3
"""Draws picture.png, the image of the demo's second post: hills before sunrise. Standard library only."""

import math
import struct
import sys
import zlib

WIDTH, HEIGHT = 640, 360
TOP, LOW = (36, 46, 92), (246, 178, 122)
SUN, SUN_AT, SUN_RADIUS = (255, 238, 196), (440, 208), 46
# colour, height of the ridge, waves as (amplitude, length, shift)
HILLS = [
    ((150, 104, 128), 222, [(16, 210, 0.4), (6, 83, 1.9)]),
    ((98, 74, 112), 258, [(20, 260, 2.6), (7, 97, 0.2)]),
    ((52, 48, 84), 300, [(18, 310, 4.4), (5, 71, 1.1)]),
]


def mix(one, other, share):
    return tuple(a + (b - a) * share for a, b in zip(one, other))


def ridge(x, base, waves):
    return base + sum(size * math.sin(2 * math.pi * x / length + shift) for size, length, shift in waves)


def pixel(x, y):
    colour = mix(TOP, LOW, min(1.0, y / 250))
    distance = math.dist((x, y), SUN_AT)
    colour = mix(colour, SUN, max(0.0, min(1.0, SUN_RADIUS - distance + 0.5)))
    for hill, base, waves in HILLS:
        colour = mix(colour, hill, max(0.0, min(1.0, y - ridge(x, base, waves) + 0.5)))
    return bytes(round(part) for part in colour)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main():
    rows, above = [], bytes(3 * WIDTH)
    for y in range(HEIGHT):
        row = b"".join(pixel(x, y) for x in range(WIDTH))
        rows.append(b"\x02" + bytes((now - up) & 255 for now, up in zip(row, above)))  # filter 2: difference to above
        above = row
    with open(sys.argv[1], "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n")
        out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)))
        out.write(chunk(b"IDAT", zlib.compress(b"".join(rows), 9)))
        out.write(chunk(b"IEND", b""))


main()
