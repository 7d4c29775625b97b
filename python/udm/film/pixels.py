# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decoded frames as udm_images, in place, and the formats that restored ones have: those that FFV1 holds."""
import ctypes
import hashlib
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from udm.structs import Image

from .faults import FilmError


@dataclass(frozen=True)
class Layout:
    """Where the samples of a pixel format lie."""
    stored: str  # the format that restored frames have
    bits: int
    planes: tuple[int, ...]  # of each component: red, green, blue, or Y, Cb, Cr, or grey
    offsets: tuple[int, ...]  # bytes
    steps: tuple[int, ...]  # bytes
    rgb: bool = False
    x: int = 0  # log2 of the pixels that share chroma
    y: int = 0
    shift: int = 0
    full: bool = False  # whatever the frame says


def _layouts() -> dict[str, Layout]:
    made: dict[str, Layout] = {}
    depths = [("", 8)] + [(f"{bits}le", bits) for bits in (9, 10, 12, 14, 16)]
    for name, x, y in (("420", 1, 1), ("422", 1, 0), ("444", 0, 0), ("440", 0, 1), ("411", 2, 0)):
        for suffix, bits in depths:
            if (name == "440" and bits not in (8, 10, 12)) or (name == "411" and bits > 8):
                continue
            size = 1 if bits == 8 else 2
            made[f"yuv{name}p{suffix}"] = Layout(f"yuv{name}p{suffix}", bits, (0, 1, 2), (0, 0, 0), (size,) * 3, x=x,
                                                 y=y)
        made[f"yuvj{name}p"] = Layout(f"yuv{name}p", 8, (0, 1, 2), (0, 0, 0), (1, 1, 1), x=x, y=y, full=True)
    for suffix, bits in depths:
        size = 1 if bits == 8 else 2
        made[f"gray{suffix}"] = Layout(f"gray{suffix}", bits, (0,), (0,), (size,), full=True)
        made[f"gbrp{suffix}"] = Layout("bgr0" if bits == 8 else f"gbrp{suffix}", bits, (2, 0, 1), (0, 0, 0),
                                       (size,) * 3, rgb=True)
    for name, offsets, step in (("rgb24", (0, 1, 2), 3), ("bgr24", (2, 1, 0), 3), ("bgr0", (2, 1, 0), 4),
                                ("rgb0", (0, 1, 2), 4), ("0rgb", (1, 2, 3), 4), ("0bgr", (3, 2, 1), 4)):
        made[name] = Layout("bgr0", 8, (0, 0, 0), offsets, (step,) * 3, rgb=True)
    made["rgb48le"] = Layout("gbrp16le", 16, (0, 0, 0), (0, 2, 4), (6, 6, 6), rgb=True)
    made["bgr48le"] = Layout("gbrp16le", 16, (0, 0, 0), (4, 2, 0), (6, 6, 6), rgb=True)
    made["nv12"] = Layout("yuv420p", 8, (0, 1, 1), (0, 0, 1), (1, 2, 2), x=1, y=1)
    made["nv21"] = Layout("yuv420p", 8, (0, 1, 1), (0, 1, 0), (1, 2, 2), x=1, y=1)
    made["yuyv422"] = Layout("yuv422p", 8, (0, 0, 0), (0, 1, 3), (2, 4, 4), x=1)
    made["uyvy422"] = Layout("yuv422p", 8, (0, 0, 0), (1, 0, 2), (2, 4, 4), x=1)
    made["p010le"] = Layout("yuv420p10le", 10, (0, 1, 1), (0, 0, 2), (2, 4, 4), x=1, y=1, shift=6)
    return made


LAYOUTS = _layouts()
MATRICES = {1: 2, 4: 5, 5: 1, 6: 1, 7: 4, 9: 3, 10: 3}  # AVColorSpace to udm_matrix
BT601, BT709, BT2020 = 1, 2, 9  # udm_matrix, udm_matrix, AVColorPrimaries
LEFT, CENTRE, TOP_LEFT = 0, 1, 2  # udm_siting
LIMITED, FULL = 1, 2  # AVColorRange


@dataclass(frozen=True)
class Colours:
    """What YUV means: of the whole film."""
    matrix: int  # udm_matrix
    full: bool
    siting: int  # udm_siting


def layout_of(name: str) -> Layout:
    """Of a pixel format; one that is not known raises."""
    if name not in LAYOUTS:
        raise FilmError(f"pixel format {name} is not supported: convert the video first, without loss, as with ffmpeg "
                        "-i IN -map 0 -c copy -c:v ffv1 -pix_fmt FORMAT OUT.mkv, where FORMAT is yuv444p, bgr0, or "
                        "another of " + ", ".join(sorted({layout.stored for layout in LAYOUTS.values()})))
    return LAYOUTS[name]


def colours_of(frame: av.VideoFrame, codec: str) -> Colours:
    """As udm-restore has them: what is not said is BT.709 from 720 lines on, BT.601 below, and of limited range."""
    layout = layout_of(frame.format.name)
    if layout.rgb:
        return Colours(0, True, LEFT)
    space = int(frame.colorspace)
    if space not in (0, 2, 3) and space not in MATRICES:
        raise FilmError(f"colour matrix {space} of ITU-T H.273 is not supported: convert the video first")
    matrix = MATRICES.get(space) or (BT709 if min(frame.width, frame.height) >= 720 else BT601)
    said = int(frame.color_range)
    siting = CENTRE if codec == "mjpeg" else TOP_LEFT if int(frame.color_primaries) == BT2020 else LEFT
    return Colours(matrix, said == FULL or (layout.full and (said != LIMITED or len(layout.planes) == 3)), siting)


def describe(frame: av.VideoFrame, colours: Colours) -> Image:
    """A view of a frame; it must outlive the view."""
    layout = layout_of(frame.format.name)
    image = Image(width=frame.width, height=frame.height, channels=len(layout.planes), bits=layout.bits,
                  shift=layout.shift, range=0 if colours.full else 1, siting=colours.siting)
    for channel, plane in enumerate(layout.planes):
        image.data[channel] = frame.planes[plane].buffer_ptr + layout.offsets[channel]
        image.stride[channel] = frame.planes[plane].line_size
        image.step[channel] = layout.steps[channel]
    if image.channels == 3 and not layout.rgb:
        image.matrix, image.subsample_x, image.subsample_y = colours.matrix, layout.x, layout.y
    return image


def for_output(like: av.VideoFrame) -> av.VideoFrame:
    """A frame for what is made of another one, which is no longer needed: the same, if its format is stored, so that
    it keeps the shape of its pixels."""
    if like.format.name == layout_of(like.format.name).stored:
        like.make_writable()
        return like
    made = av.VideoFrame(like.width, like.height, layout_of(like.format.name).stored)
    if made.format.name == "bgr0":  # what nobody writes must not differ
        rows(made, 0)[:] = 0
    return made


def rows(frame: av.VideoFrame, plane: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """The bytes of a plane that are seen, [height, bytes of a row]."""
    layout, part = layout_of(frame.format.name), frame.planes[plane]
    count = max(step for place, step in zip(layout.planes, layout.steps) if place == plane)
    width = part.width * count
    if frame.format.name in ("yuyv422", "uyvy422"):
        width = (frame.width + 1) // 2 * 4
    height, line = part.height, part.line_size
    lowest = part.buffer_ptr + min(0, (height - 1) * line)
    held = (ctypes.c_uint8 * ((height - 1) * abs(line) + width)).from_address(lowest)
    return np.ndarray((height, width), np.uint8, memoryview(held).cast("B"), part.buffer_ptr - lowest, (line, 1))


def digest(frame: av.VideoFrame) -> str:
    """Of all that is seen of a frame."""
    hashed = hashlib.blake2b(f"{frame.format.name} {frame.width} {frame.height}".encode(), digest_size=12)
    for plane in range(len(set(layout_of(frame.format.name).planes))):
        hashed.update(np.ascontiguousarray(rows(frame, plane)).data)
    return hashed.hexdigest()
