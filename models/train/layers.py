# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clips of uniform motion: a part of one still picture, with a random outline, moves in front of another. They are as
sharp as the pictures, where most videos are not."""
import math
import random

import cv2
import numpy as np

SPEEDS = (1, 4, 10, 20)  # pixels, at most, from the middle of a clip to its end


def outline(side):
    """[side, side]: 1 inside."""
    hills = cv2.GaussianBlur(np.random.rand(side, side).astype(np.float32), (0, 0), random.uniform(10, 30))
    return (hills > np.quantile(hills, random.uniform(0.5, 0.8))).astype(np.float32)


def velocity(most):
    """In pixels, radians and scale, a frame."""
    angle, speed = random.uniform(0, 2 * math.pi), random.uniform(0, most)
    return np.array([speed * math.cos(angle), speed * math.sin(angle), random.gauss(0, 0.004), random.gauss(0, 0.004)])


def warp(picture, motion, corner, side, border=cv2.BORDER_REFLECT_101, how=cv2.INTER_CUBIC):
    """The square of that side whose corner is at `corner`, after it moved."""
    dx, dy, turn, scale = motion
    middle = np.array([side / 2, side / 2])
    c, s = (1 + scale) * math.cos(turn), (1 + scale) * math.sin(turn)
    m = np.array([[c, -s, 0], [s, c, 0]])
    m[:, 2] = middle + (dx, dy) - m[:, :2] @ (middle + corner)
    return cv2.warpAffine(picture, m, (side, side), flags=how, borderMode=border)


def drawn_moves(frames):
    """Of what lies behind and of what lies before."""
    most = random.choice(SPEEDS) / max(1, (frames - 1) / 2)
    return velocity(most), velocity(most)


def clip(pictures, frames, side, moves):
    """[3, frames, side, side] in [-1, 1], rounded to 8 bits. pictures: uint8 [H, W, 3]."""
    mask, chosen = outline(side), random.choices(pictures, k=2)
    corners = [[random.uniform(0, max(n - side, 1)) for n in (p.shape[1], p.shape[0])] for p in chosen]
    out = []
    for time in np.arange(frames) - (frames - 1) / 2:
        back, front = (warp(p.astype(np.float32), move * time, corner, side)
                       for p, move, corner in zip(chosen, moves, corners))
        inside = warp(mask, moves[1] * time, (0, 0), side, cv2.BORDER_CONSTANT, cv2.INTER_LINEAR)[..., None]
        out.append(back + inside * (front - back))
    return (np.stack(out).round().clip(0, 255).transpose(3, 0, 1, 2) / 127.5 - 1).astype(np.float32)
