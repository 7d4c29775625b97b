# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in a picture of the world, as numbers that networks learn to name."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import scenes
import stage
import wording

KINDS, COLOURS, SIZES, FILLS = (len(x) for x in (scenes.KINDS, scenes.COLOURS, scenes.SIZES, scenes.FILLS))


class Facts(nn.Module):
    """Names what is in a picture from its embedding: of each kind of thing the colour or none, size, fill and place."""

    def __init__(self, size):
        super().__init__()
        self.parts = {"colour": COLOURS + 1, "size": SIZES, "fill": FILLS, "spot": 3}
        self.things = nn.Linear(size, KINDS * sum(self.parts.values()))
        self.background = nn.Linear(size, len(scenes.BACKGROUNDS))
        self.grounds = nn.Linear(size, 2 * len(wording.GROUND_NAMES))

    def loss(self, embedding, told):
        """embedding [N, size], normalised; told: what of() gives."""
        x = embedding * embedding.shape[1] ** 0.5
        colour, size, fill, spot = self.things(x).view(len(x), KINDS, -1).split(list(self.parts.values()), -1)
        there = told["colour"] < COLOURS
        named = F.cross_entropy(colour.flatten(0, 1), told["colour"].flatten(), reduction="sum")
        loss = named / len(x) + F.cross_entropy(size[there], told["size"][there])
        loss = loss + F.cross_entropy(fill[there], told["fill"][there])
        loss = loss + 20 * (spot[there] - told["spot"][there]).square().mean()
        loss = loss + F.cross_entropy(self.background(x), told["background"])
        grounds = self.grounds(x).view(2 * len(x), -1)
        return loss + F.cross_entropy(grounds, told["grounds"].flatten(), ignore_index=wording.OPEN)


def of(drawn):
    """What Facts is to name, of scenes: tensors by name."""
    n = len(drawn)
    told = {name: np.full((n, KINDS), COLOURS if name == "colour" else 0) for name in ("colour", "size", "fill")}
    spot = np.zeros((n, KINDS, 3), np.float32)
    grounds = np.full((n, 2), wording.OPEN)
    for i, scene in enumerate(drawn):
        for thing in scene.things:
            for name, values in told.items():
                values[i, thing.kind] = getattr(thing, name)
            spot[i, thing.kind] = thing.x - 0.5, thing.y - 0.5, thing.radius
        grounds[i, :len(scene.grounds)] = [wording.GROUND_NAMES.index(name) for name in scene.grounds]
    told |= {"spot": spot, "grounds": grounds, "background": np.array([s.background for s in drawn])}
    return {name: torch.from_numpy(v).to(stage.device()) for name, v in told.items()}
