# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains what tells dirt from things that move (engine/repair/judgement.h), on dirt drawn on clips.

    python models/train/dirt.py FOLDER [FOLDER ...] --clips 300 --evidence WORK/evidence.npz
    python models/train/dirt.py --evidence WORK/evidence.npz --write engine/repair/judgement.h

The engine finds regions that contradict their neighbours in time, and says of each what tells of it (evidence.c), by
dirt_tool.c; a network of one hidden layer learns the odds that it is dirt. Clips get noise, codecs, rain, snow and
balls, and some no dirt at all.
"""
import argparse
import pathlib
import random as dice
import subprocess
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import clips
import wear

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SIZE = 384, 288
FRAMES = 6
HIDDEN = 32
KEPT = 20  # clips between times that evidence is kept
EVIDENCE = 20  # numbers: UDM_EVIDENCE of evidence.h
WRONGLY = 5.0  # how much worse it is to take a thing for dirt than dirt for a thing


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="*", help="with videos and folders of frames")
    p.add_argument("--clips", type=int, default=300, help="to draw dirt on (default: %(default)s)")
    p.add_argument("--evidence", type=pathlib.Path, required=True, help="where it is kept")
    p.add_argument("--write", type=pathlib.Path, help="the header that is to hold the network")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--steps", type=int, default=6000)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def build_tool(o, folder):
    tool = pathlib.Path(folder) / "dirt_tool"
    subprocess.run(["cc", "-std=c11", "-O2", "-I", ROOT / "engine", "-I", ROOT / "engine/include",
                    ROOT / "models/train/dirt_tool.c", "-L", o.build / "engine", "-l:libudm-static.a", "-lm", "-ldl",
                    "-lpthread", "-ljansson", "-lutf8proc", "-lOpenCL", "-o", tool], check=True)
    return tool


def spoiled(clip, random):
    """(clip, mask) with some of all that may be wrong with it."""
    mask = np.zeros(clip.shape[:3], bool)
    if random.random() < 0.25:
        clip = random.choice([wear.rain, wear.snow, wear.balls])(clip, random)
    if random.random() < 0.5:
        clip = np.repeat(clip @ np.array([0.299, 0.587, 0.114]), 3).reshape(clip.shape).astype(np.uint8)
    if random.random() < 0.75:
        clip, mask = wear.dirt(clip, random, random.choice([0.3, 1, 3, 8]))
    if random.random() < 0.4:
        clip, drawn = wear.dropouts(clip, random)
        mask |= drawn
    if random.random() < 0.6:
        clip = clips.with_white_noise(clip, random.uniform(1, 12))
    if random.random() < 0.4:
        clip = clips.compressed(clip)
    return clip, mask


def gather(o, folder):
    """Keeps [N, 3 + evidence] of all regions: which video, and what dirt_tool.c says; after every few clips, so that it
    may be ended."""
    tool, found = build_tool(o, folder), []
    films = [c for c in clips.videos(o.folders) if min(c.shape[1:3]) >= 96]
    for n in range(o.clips):
        dice.seed(o.seed + n), np.random.seed(o.seed + n)
        random = np.random.default_rng(o.seed + n)
        which = random.integers(len(films))
        clip, mask = spoiled(clips.crop(films[which], FRAMES, *SIZE), random)
        given = np.concatenate([clip.reshape(len(clip), -1), mask.reshape(len(mask), -1).astype(np.uint8)], 1)
        out = subprocess.run([tool, str(clip.shape[2]), str(clip.shape[1]), str(random.choice([0.3, 0.5, 0.8, 1]))],
                             input=given.tobytes(), stdout=subprocess.PIPE, check=True).stdout
        rows = np.frombuffer(out, np.float32).reshape(-1, 2 + EVIDENCE)
        found.append(np.concatenate([np.full((len(rows), 1), which, np.float32), rows], 1))
        if n % KEPT == KEPT - 1 or n == o.clips - 1:
            np.savez(o.evidence, rows=np.concatenate(found))
        print(f"\r{n + 1} of {o.clips} clips, {sum(map(len, found))} regions", end="", flush=True)
    print()


def network(count):
    return nn.Sequential(nn.Linear(count, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))


def weights_of(dirt, size):
    """Of an error: by the pixels that it spoils, less than in proportion."""
    return size.sqrt().clamp(max=20) * torch.where(dirt > 0.5, 1.0, WRONGLY)


def report(name, odds, dirt, size):
    real = dirt > 0.5
    for least in (0, 1, 2, 3):
        yes = odds > least
        found, wrongly = (100 * (size * (yes & part)).sum() / (size * part).sum() for part in (real, ~real))
        print(f"{name}, odds above {least}: of the pixels of dirt {found:.1f} % found, of those of things "
              f"{wrongly:.2f} % taken for dirt")


def train(rows, o):
    torch.manual_seed(o.seed)
    torch.set_num_threads(1)
    rows = torch.from_numpy(rows)
    held = rows[:, 0] % 8 == 3
    sure = (rows[:, 1] > 0.6) | (rows[:, 1] < 0.1)
    learnt, kept = rows[~held & sure], rows[held & sure]
    mean, scale = learnt[:, 3:].mean(0), 1 / learnt[:, 3:].std(0).clamp(min=1e-3)
    net = network(learnt.shape[1] - 3)
    best = torch.optim.Adam(net.parameters(), 3e-3, weight_decay=1e-6)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(best, o.steps)
    for step in range(o.steps):
        batch = learnt[torch.randint(len(learnt), (512,))]
        odds = net((batch[:, 3:] - mean) * scale)[:, 0]
        wrong = F.binary_cross_entropy_with_logits(odds, (batch[:, 1] > 0.5).float(), reduction="none")
        loss = (wrong * weights_of(batch[:, 1], batch[:, 2])).mean()
        best.zero_grad(), loss.backward(), best.step(), schedule.step()
        if step % 1000 == 999:
            print(step + 1, f"{loss.item():.4f}")
    with torch.no_grad():
        for name, part in (("learnt", learnt), ("held out", kept)):
            report(name, net((part[:, 3:] - mean) * scale)[:, 0], part[:, 1], part[:, 2])
    return net, mean, scale


def numbers(values):
    text, line = [], "   "
    for v in values.flatten().tolist():
        word = " %.6gf," % v if "." in "%.6g" % v or "e" in "%.6g" % v else " %.6g.0f," % v
        if len(line) + len(word) > 118:
            text.append(line)
            line = "   "
        line += word
    return "\n".join([*text, line])


def write(path, net, mean, scale):
    first, last = net[0], net[2]
    rows = ",\n".join("    {\n" + numbers(row) + "\n    }" for row in first.weight.detach())
    path.write_text(f"""// SPDX-License-Identifier: LGPL-2.1-or-later
// The network of evidence.c, as models/train/dirt.py wrote it.
// clang-format off
#ifndef UDM_REPAIR_JUDGEMENT_H
#define UDM_REPAIR_JUDGEMENT_H

enum {{ JUDGEMENT_HIDDEN = {HIDDEN} }};

static const float judgement_mean[] = {{
{numbers(mean)}
}};
static const float judgement_scale[] = {{
{numbers(scale)}
}};
static const float judgement_weight[][{len(mean)}] = {{
{rows}
}};
static const float judgement_bias[] = {{
{numbers(first.bias.detach())}
}};
static const float judgement_last[] = {{
{numbers(last.weight.detach())}
}};
static const float judgement_last_bias = {numbers(last.bias.detach()).strip(" ,")};

#endif
""", encoding="ascii")


def main():
    o = arguments()
    if o.folders:
        with tempfile.TemporaryDirectory() as folder:
            gather(o, folder)
    if o.write:
        kept = np.load(o.evidence)
        write(o.write, *train(kept["rows"], o))


if __name__ == "__main__":
    main()
