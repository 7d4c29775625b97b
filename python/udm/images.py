# SPDX-License-Identifier: LGPL-2.1-or-later
"""NumPy arrays as udm_images: views, with nothing copied."""
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import SettingsError
from .structs import Image

Array = NDArray[Any]


def channels(array: Array) -> int:
    """1 for [H, W] and [H, W, 1], 3 for [H, W, 3]."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1):
        return 1
    if array.ndim == 3 and array.shape[2] == 3:
        return 3
    raise SettingsError(f"a frame of shape {array.shape}: it must be (height, width, 3), or (height, width) for grey")


def view(array: Array, bits: int | None = None) -> Image:
    """Any strides will do, so that array[..., ::-1] is BGR, say. The array must outlive the view.

    bits: of a sample; by default all that the array's type holds.
    """
    if not isinstance(array, np.ndarray) or array.dtype not in (np.uint8, np.uint16) or not array.dtype.isnative:
        kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise SettingsError(f"a frame is {kind}: it must be a NumPy array of uint8 or uint16")
    holds = 8 * array.itemsize
    if bits is not None and (bits > holds or (bits == 8) != (holds == 8)):
        raise SettingsError(f"{bits} bits in an array of {array.dtype}: it must be 8 in uint8, 9 to 16 in uint16")
    count = channels(array)
    made = Image(width=array.shape[1], height=array.shape[0], channels=count, bits=bits or holds)
    for channel in range(count):
        made.data[channel] = array.ctypes.data + (channel * array.strides[2] if count == 3 else 0)
        made.stride[channel] = array.strides[0]
        made.step[channel] = array.strides[1]
    return made
