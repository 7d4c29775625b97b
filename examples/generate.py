# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pictures of generate.sh: frames of raw grey films, side by side.

    python3 examples/generate.py PICTURE.png SIZE FIRST EVERY FILM.gray ...

Each film is a row: its frame FIRST, and every EVERY-th from there on. All have the same length.
"""
import pathlib
import struct
import sys
import zlib

LINE = 64  # the grey of the lines between frames


def write_png(path, rows):
    """rows: bytes of 8-bit grey pixels, all of one length."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) +
                                   chunk(b"IEND", b""))


def rows_of(film, size, first, every):
    data, area = pathlib.Path(film).read_bytes(), size * size
    frames = [data[at:at + area] for at in range(0, len(data), area)][first::every]
    rows = [b"".join(frame[y * size:(y + 1) * size] + bytes([LINE]) for frame in frames) for y in range(size)]
    return rows + [bytes([LINE]) * len(rows[0])]


def main():
    path, (size, first, every), films = sys.argv[1], map(int, sys.argv[2:5]), sys.argv[5:]
    write_png(path, [row for film in films for row in rows_of(film, size, first, every)])


if __name__ == "__main__":
    main()
