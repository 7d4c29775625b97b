# SPDX-License-Identifier: LGPL-2.1-or-later
"""What restorers use against dirt in VapourSynth, between raw yuv420p on standard input and output. Runs in a Python of
its own:

    python3.12 -m venv FOLDER
    FOLDER/bin/pip install numpy vapoursynth vapoursynth-{mvtools,zsmooth,descratch} smdegrain-bis
    FOLDER/bin/python tests/bench/vsdirt.py WIDTH HEIGHT FILTER < spoiled.yuv > made.yuv

FILTER: removedirt, the median of the frame and of both neighbours, moved to it by MVTools, as RemoveDirtMC of AviSynth
has it (without its RestoreMotionBlocks, of which there is no package); degrain2, MVTools' at twice the usual strength;
smdegrain, SMDegrain as its script has it, at the same strength; and descratch.
"""
import sys

import numpy as np
import vapoursynth as vs

from vsfilters import clip_of, core


def vectors(clip, delta):
    above = core.mv.Super(clip, pel=2)
    return above, *(core.mv.Analyse(above, isb=back, delta=delta, blksize=8, overlap=4, truemotion=1)
                    for back in (True, False))


def removedirt(clip):
    above, back, forth = vectors(clip, 1)
    after, before = (core.mv.Flow(clip, above, v, thscd1=10000, thscd2=255) for v in (back, forth))
    woven = core.std.Interleave([before, clip, after])
    return core.zsmooth.Clense(woven)[1::3]


def degrain2(clip):
    above, back, forth = vectors(clip, 1)
    _, back2, forth2 = vectors(clip, 2)
    return core.mv.Degrain2(clip, above, back, forth, back2, forth2, thsad=400, thscd1=10000, thscd2=255)


def smdegrain(clip):
    from smdegrain_bis import SMDegrain
    return SMDegrain(clip, tr=2, thSAD=400)


def descratch(clip):
    return core.descratch.DeScratch(clip, mindif=5, maxwidth=3, minlen=60, modey=3)


FILTERS = {"removedirt": removedirt, "degrain2": degrain2, "smdegrain": smdegrain, "descratch": descratch}


def main():
    if len(sys.argv) != 4 or sys.argv[3] not in FILTERS:
        sys.exit(__doc__)
    width, height = int(sys.argv[1]), int(sys.argv[2])
    raw = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, width * height * 3 // 2)
    ends = np.cumsum([0, width * height, width * height // 4, width * height // 4])
    planes = [raw[:, ends[k]:ends[k + 1]].reshape(len(raw), height >> (k > 0), width >> (k > 0)) for k in range(3)]
    clip = clip_of(planes, width, height, len(raw))
    assert clip.format.id == vs.YUV420P8
    for frame in FILTERS[sys.argv[3]](clip).frames():
        for k in range(3):
            sys.stdout.buffer.write(np.asarray(frame[k]).tobytes())


if __name__ == "__main__":
    main()
