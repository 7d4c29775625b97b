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


class Patches(nn.Module):
    """Names the thing in each patch, and its colour: what eyes must learn before a picture can be summed up.
    nothing: weight of patches in which there is none."""

    def __init__(self, width, nothing=1.0):
        super().__init__()
        self.nothing = nothing
        self.kind, self.colour = nn.Linear(width, KINDS + 1), nn.Linear(width, COLOURS + 1)

    def loss(self, tokens, told):
        """tokens [N, T, width]; told: two rows of numbers [N, T], as patches_of() gives them."""
        return sum(self.wrong(layer(tokens).flatten(0, 1).float(), right.flatten())
                   for layer, right in zip((self.kind, self.colour), told))

    def wrong(self, said, right):
        weight = torch.ones(said.shape[1], device=said.device)
        weight[-1] = self.nothing
        return F.cross_entropy(said, right, weight)


def moved(known):
    """Of numbers() or patch_numbers(), tensors on the device."""
    if isinstance(known, dict):
        return {name: torch.from_numpy(v).to(stage.device()) for name, v in known.items()}
    return [torch.from_numpy(v).to(stage.device()) for v in known]


def patches_of(drawn, side):
    return moved(patch_numbers(drawn, side))


def patch_numbers(drawn, side):
    """(kind, colour) of what lies over the middle of each of side x side patches, or the number after the last."""
    kind, colour = np.full((len(drawn), side, side), KINDS), np.full((len(drawn), side, side), COLOURS)
    at = (np.arange(side) + 0.5) / side
    for i, scene in enumerate(drawn):
        for thing in scene.things:
            here = np.hypot(at[None] - thing.x, at[:, None] - thing.y) < thing.radius
            kind[i, here], colour[i, here] = thing.kind, thing.colour
    return [v.reshape(len(drawn), -1) for v in (kind, colour)]


def of(drawn):
    return moved(numbers(drawn))


def numbers(drawn):
    """What Facts is to name, of scenes: arrays by name."""
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
    return told | {"spot": spot, "grounds": grounds, "background": np.array([s.background for s in drawn])}
