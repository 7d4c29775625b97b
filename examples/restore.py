# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures of restore.sh, on files of raw RGB frames: adds noise; compares and draws."""
import argparse
import re
import struct
import zlib

import numpy as np


def size(text):
    width, height = map(int, text.split("x"))
    return height, width


def read(path, o):
    return np.fromfile(path, np.uint8).reshape(-1, *o.size, 3)


def noise(o):
    """Writes some frames as they are, and with Gaussian noise, clipped and rounded."""
    frames = read(o.source, o)[o.skip:o.skip + o.frames]
    random = np.random.default_rng(0)
    frames.tofile(o.clean)
    with open(o.noisy, "wb") as out:
        for frame in frames:
            noisy = frame + random.standard_normal(frame.shape, np.float32) * o.sigma
            noisy.round().clip(0, 255).astype(np.uint8).tofile(out)


def psnr(a, b):
    """Mean over frames, dB."""
    errors = [np.mean((p.astype(np.float32) - q) ** 2) for p, q in zip(a, b)]
    return np.mean(10 * np.log10(255 ** 2 / np.maximum(errors, 1e-9)))


def write_png(path, picture):
    """picture: [H, W, 3], 8 bits."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                  chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def compare(o):
    clean, noisy, restored = read(o.clean, o), read(o.noisy, o), read(o.restored, o)
    if len(restored) != len(clean):
        raise SystemExit(f"restore: {len(clean)} frames went in, {len(restored)} came out")
    before, after = psnr(noisy, clean), psnr(restored, clean)
    h, m, s = re.search(r"Execution ended after (\d+):(\d+):([\d.]+)", open(o.log).read()).groups()
    # gst-launch's clock starts when the first frame is through.
    rate = (len(clean) - 1) / (3600 * int(h) + 60 * int(m) + float(s))
    print(f"PSNR before {before:.2f} dB, after {after:.2f} dB, {rate:.2f} frames per second")
    middle = len(clean) // 2
    write_png(o.picture, np.concatenate([noisy[middle], restored[middle], clean[middle]], 1))
    if after <= before:
        raise SystemExit("restore: that is not better")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--size", type=size, required=True)
    commands = p.add_subparsers(required=True)
    c = commands.add_parser("noise")
    c.add_argument("--sigma", type=float, default=25)
    c.add_argument("--skip", type=int, default=0)
    c.add_argument("--frames", type=int, default=50)
    for name in ("source", "clean", "noisy"):
        c.add_argument(name)
    c.set_defaults(run=noise)
    c = commands.add_parser("compare")
    c.add_argument("--log", required=True, help="what gst-launch-1.0 printed")
    for name in ("clean", "noisy", "restored", "picture"):
        c.add_argument(name)
    c.set_defaults(run=compare)
    o = p.parse_args()
    o.run(o)


if __name__ == "__main__":
    main()
