# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps the image embeddings of a folder of pictures, which the prior and the decoder learn from.

    python models/train/embed.py WORK/world --clip WORK/clip.pt [--count 120000]

Writes embeddings.npy [N, size] into the folder, and goes on where that was broken off.
"""
import argparse
import hashlib
import json
import os
import pathlib

import numpy as np
import torch
from tqdm import tqdm

import clip
import export
import pairs
import stage

CHUNK = 250


class Embedded:
    """Pictures with captions, and the embeddings of the first `count` of them, to which more may come meanwhile."""

    def __init__(self, folder):
        self.pairs, self.about = pairs.opened(folder), folder / "embedded.json"
        self.pictures = self.pairs.pictures
        self.embeddings = np.load(folder / "embeddings.npy", mmap_mode="r")

    @property
    def count(self):
        return json.loads(self.about.read_text())["done"]

    def sample(self, batch):
        """Numbers of some of them, in order."""
        return np.sort(np.random.randint(self.count, size=batch))

    def embeddings_of(self, numbers):
        return torch.from_numpy(self.embeddings[numbers]).to(stage.device()).float()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path, help="of pictures, that `world.py draw` or pairs.py filled")
    p.add_argument("--clip", required=True, type=pathlib.Path, help="checkpoint of clip.py")
    p.add_argument("--count", type=int, default=10 ** 9, help="of pictures, from the first (default: all)")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor (default: %(default)s)")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    drawn, tower = pairs.opened(o.folder), clip.load(o.clip).vision
    count = min(o.count, drawn.count)
    path, done_path = o.folder / "embeddings.npy", o.folder / "embedded.json"
    about = dict(clip=hashlib.sha256(o.clip.read_bytes()).hexdigest())
    saved = json.loads(done_path.read_text()) if done_path.exists() else {}
    first = saved["done"] if saved.get("clip") == about["clip"] else 0
    kept = np.lib.format.open_memmap(path, "r+" if first else "w+", np.float16,
                                     (drawn.count, tower.config["projection_dim"]))
    for at in tqdm(range(first, count, CHUNK), unit_scale=CHUNK, unit="picture", mininterval=10):
        with torch.no_grad(), stage.mixed():
            kept[at:at + CHUNK] = tower(stage.pixels(drawn.pictures[at:min(at + CHUNK, count)])).float().cpu()
        export.write_json(done_path, {**about, "done": min(at + CHUNK, count)})


if __name__ == "__main__":
    main()
