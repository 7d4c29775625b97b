# SPDX-License-Identifier: LGPL-2.1-or-later
"""How films of a model from text to films (models/world) keep to their words, move, and are filled in and enlarged.

    python tests/bench/text_films.py models/world --reader WORK/reader.pt [--tables read,motion,between,larger]
        [--count 40] [--frames 76]

`read`: of captions that nothing was trained on, how many of the things are read in all frames, in the first, and in
the last; frames are drawn in PyTorch, by windows that go on from each other. `motion`: how fast single things move, at
5, 10 and 25 frames a second, against films of the world. `between`: PSNR of frames that are filled in between every
fifth of films of the world, against repeating, blending and, with --udm, udminterp. `larger`: PSNR of films that are
enlarged, and how much they change from frame to frame, against bicubic and bilinear interpolation, from one noise for
all frames and from noise of their own.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch.nn import functional as F

import text

sys.path.insert(0, str(text.ROOT / "models/train"))
import chain as chains  # noqa: E402
import enlarge  # noqa: E402
import film_chain  # noqa: E402
import film_decoder  # noqa: E402
import film_training  # noqa: E402
import films  # noqa: E402
import paint  # noqa: E402
import readers  # noqa: E402
import scenes  # noqa: E402
import world  # noqa: E402

RATES = 5, 10, 25
FAR = 5  # frames between which motion is measured, at most a second


def read_spots(reader, pictures):
    """(there [N, KINDS], spot [N, KINDS, 3]) of pictures [N, H, W, 3]."""
    said = readers.read(reader, np.ascontiguousarray(pictures))
    return (said["there"] > 0).numpy(), said["spot"].numpy()


def of_reading(c, held, o, reader):
    rows = []
    for split, h in held.items():
        embeddings = c.embeddings(h.texts)
        made = [c.film(embeddings[i:i + 1], h.texts[i], o.frames, o.rate, o.guidance, o.steps, seed=i)
                for i in range(len(h.texts))]
        kinds = [[int(claim[text.wording.AT[f"kind{slot}"]]) for slot in range(claim[text.wording.AT["count"]])]
                 for claim in h.claims]
        shares = {"all frames": [], "first": [], "last": []}
        for film, wanted in zip(made, kinds):
            there = read_spots(reader, film)[0][:, wanted]
            for name, part in (("all frames", there), ("first", there[:1]), ("last", there[-1:])):
                shares[name].append(part.mean())
        change = np.stack([film[1:].astype(int) - film[:-1] for film in made])
        rows.append((split, *(text.percent(v) for v in shares.values()), f"{np.abs(change).mean():.2f}"))
    text.table(f"Things read in films of {o.frames} frames at {o.rate:g} a second, {o.count} captions",
               ("all frames", "first frame", "last frame", "change from frame to frame (of 255)"), rows)


def speeds(reader, film, kind, rate):
    """Sides a second that a thing moves, over the frames of a film in which it is read."""
    there, spot = read_spots(reader, film)
    step = max(1, min(FAR, int(rate)))
    both = there[:-step, kind] & there[step:, kind]
    far = np.linalg.norm(spot[step:, kind, :2] - spot[:-step, kind, :2], axis=-1)[both]
    return far * rate / step


def of_motion(c, held, o, reader):
    """Films that go on from the embedding of one frame of the world's: how fast single things move there and here."""
    painter, rows = paint.Painter(o.digits, o.pictures, "t10k"), []
    found = [s for s in (world.scene(n, scenes.SEEN, moving=True, stream=world.HELD_OUT) for n in range(20 * o.count))
             if len(s.things) == 1 and not any(s.pan) and scenes.MOTIONS[s.things[0].motion] in ("drift", "bounce")]
    for rate in RATES:
        ours, theirs = [], []
        for i, scene in enumerate(found[:o.count]):
            real = np.stack([painter.paint(scene, 64, k / rate) for k in range(16)])
            made = c.film(c.image_embeddings(real[:1]), "", 16, rate, 1, o.steps, seed=i, known=real[:4])
            kind = scene.things[0].kind
            ours.extend(speeds(reader, made, kind, rate)), theirs.extend(speeds(reader, real, kind, rate))
        ratio = np.mean(ours) / np.mean(theirs) if len(ours) and len(theirs) else float("nan")
        rows.append((f"{rate} frames a second", f"{np.mean(theirs):.3f}", f"{np.mean(ours) if ours else 0:.3f}",
                     f"{ratio:.2f}"))
    text.table(f"Speed of single things in sides a second, where four frames are known ({o.count} films)",
               ("of the world", "of the model", "ratio"), rows)


def decibels(made, real):
    return film_decoder.psnr(made, real)


def interpolated(udm, film, factor):
    """What udminterp makes of every `factor`th frame [N, H, W, 3]."""
    kept = np.ascontiguousarray(film[::factor])
    with tempfile.TemporaryDirectory() as name:
        path, out = pathlib.Path(name) / "in.raw", pathlib.Path(name) / "out.raw"
        path.write_bytes(kept.tobytes())
        side = film.shape[1]
        subprocess.run(["meson", "devenv", "-C", str(udm), "gst-launch-1.0", "-q", "filesrc", f"location={path}", "!",
                        "rawvideoparse", "format=rgb", f"width={side}", f"height={side}", "framerate=5/1", "!",
                        "udminterp", f"factor={factor}", "!", "filesink", f"location={out}"], check=True)
        made = np.frombuffer(out.read_bytes(), np.uint8).reshape(-1, side, side, 3)
    return made[:len(film)]


def of_between(c, held, o, reader):
    painter = paint.Painter(o.digits, o.pictures, "t10k")
    real, rates, drawn = films.held_out(painter, o.count, 64, 16, skip=2)
    x0, frames = film_training.film_pixels(real), real.shape[1]
    known = (torch.arange(frames) % 5 == 0).repeat(len(real)).to(x0.device)
    made = c.filled(real, rates, o.seed)
    repeated = x0.view(-1, frames, *x0.shape[1:])[:, torch.arange(frames) // 5 * 5].flatten(0, 1)
    ways = {"the model": made, "repeating": repeated, "blending": film_decoder.blended(x0, 5, frames)}
    if o.udm:
        ours = np.concatenate([interpolated(o.udm, clip, 5) for clip in real])
        ways["udminterp"] = film_training.film_pixels(ours[None])
    moving = np.repeat([any(t.swap or scenes.MOTIONS[t.motion] == "turn" for t in s.things) for s in drawn], frames)
    rows = []
    for name, x in ways.items():
        parts = [decibels(x[m], x0[m]) if m.any() else float("nan")
                 for m in (~known, ~known & torch.from_numpy(moving).to(known.device))]
        rows.append((name, *(f"{value:.2f}" for value in parts)))
    text.table(f"PSNR of four frames between every two, dB ({o.count} films of the world)",
               ("all", "where things turn or cross"), rows)


def flicker(x, frames):
    """Mean change from frame to frame, of 255."""
    clips = x.view(-1, frames, *x.shape[1:])
    return (clips[:, 1:] - clips[:, :-1]).abs().mean().item() * 127.5


def of_larger(c, held, o, reader):
    rows, frames, painter = [], 8, paint.Painter(o.digits, o.pictures, "t10k")
    for part, size in (("super_res_first", 128), ("super_res_last", 256)):
        if not (c.folder / part).is_dir():
            continue
        real, rates, _ = films.held_out(painter, o.count, size, frames)
        x0 = film_training.film_pixels(real)
        small = F.avg_pool2d(x0, 2)
        ways = {"one noise": c.larger(part, small, rates, frames, True), "noise of their own":
                c.larger(part, small, rates, frames, False), "bilinear": enlarge.enlarged(small), "bicubic":
                F.interpolate(small, scale_factor=2.0, mode="bicubic", align_corners=False).clamp(-1, 1)}
        steady = flicker(x0, frames)
        for name, x in ways.items():
            change = f"{flicker(x, frames) / steady:.3f}" if steady else "nothing moves"
            rows.append((f"{size}x{size}: {name}", f"{decibels(x, x0):.2f}", change))
    text.table(f"Films that are enlarged twice ({o.count} films)", ("PSNR, dB", "change, of the original's"), rows)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=pathlib.Path)
    p.add_argument("--reader", required=True, type=pathlib.Path, help="checkpoint of readers.py")
    p.add_argument("--digits", type=pathlib.Path, default=text.DATA / "digits", help="default: %(default)s")
    p.add_argument("--pictures", type=pathlib.Path, default=text.DATA / "train_images", help="for backgrounds "
                   "(default: %(default)s)")
    p.add_argument("--tables", type=text.numbers(str), default=["read", "motion", "between", "larger"])
    p.add_argument("--count", type=int, default=40, help="of films of each kind (default: %(default)s)")
    p.add_argument("--frames", type=int, default=76, help="of films that are read (default: %(default)s)")
    p.add_argument("--rate", type=float, default=10, help="frames a second (default: %(default)s)")
    p.add_argument("--guidance", type=float, default=3, help="default: %(default)s")
    p.add_argument("--steps", type=int, default=10, help="default: %(default)s")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--udm", type=pathlib.Path, help="a build folder, to compare with udminterp")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor (default: %(default)s)")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    c, reader = film_chain.FilmChain(o.model), readers.load(o.reader)
    painter = paint.Painter(o.digits, o.pictures, "t10k")
    held = {split: text.Held(painter, o.count, split) for split in text.SPLITS} if "read" in o.tables else {}
    tables = {"read": of_reading, "motion": of_motion, "between": of_between, "larger": of_larger}
    for name in o.tables:
        tables[name](c, held, o, reader)


if __name__ == "__main__":
    main()
