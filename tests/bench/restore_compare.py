# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ours against FFDNet and ffmpeg's denoisers on the same noisy clips: PSNR, SSIM and frames per second.

    python tests/bench/restore_compare.py --sigma 25

Noise is Gaussian with a fixed seed, then clipped and rounded to 8 bits: everybody gets the same 8-bit RGB frames and
gives back 8-bit RGB. (Papers leave the noise unclipped, which gives other figures than these.) Everybody knows sigma.
ffmpeg's filters run at the settings, and in the pixel format, that have the best PSNR on these very clips against the
clean ones: found by a search for each clip, on parts of it; the pictures of Kodak24 share theirs. PSNR and SSIM are
means over frames, of frames as 8-bit RGB. Frames per second: a run over the clip less a run over one frame, so start-up
does not count; pipes and files of raw frames do.
"""
import pathlib

import numpy as np

import common
import ours
import peers

CONTESTANTS = ["element", "pytorch", "ffdnet", *peers.FILTERS]


def arguments():
    p = common.options(__doc__)
    p.add_argument("--sigma", type=float, default=25, help="on the 0-255 scale (default: %(default)s)")
    p.add_argument("--ensemble", type=int, default=1, help="views that the element sees (default: %(default)s)")
    p.add_argument("--ffdnet", type=pathlib.Path, default=common.ROOT.parent / "shared/peers/ffdnet_color.pth")
    p.add_argument("--contestants", default="element,ffdnet," + ",".join(peers.FILTERS),
                   help="of " + ", ".join(CONTESTANTS) + " (default: %(default)s)")
    p.add_argument("--no-clips", action="store_true", help="Kodak24 only")
    p.add_argument("--no-rates", action="store_true", help="PSNR and SSIM only, where the machine is busy")
    p.add_argument("--no-kodak", action="store_true", help="the clips only")
    return p.parse_args()


def contestant(o, name, pairs):
    """Returns (clip -> restored clip, its settings as text). pairs: (noisy, clean), for those that search."""
    if name == "element":
        return ours.element(o, noise_level=o.sigma, ensemble=o.ensemble), f"{o.model.name}, ensemble={o.ensemble}"
    if name == "pytorch":
        return ours.pytorch(o, o.sigma), ""
    if name == "ffdnet":
        common.need(o.ffdnet.is_file(), f"FFDNet's weights {o.ffdnet}; name them with --ffdnet, or leave out ffdnet")
        return peers.ffdnet(o.ffdnet, o.sigma, o.threads), ""
    common.need(name in peers.FILTERS, f"a contestant {name}; there are: {', '.join(CONTESTANTS)}")
    return peers.searched_ffmpeg(name, pairs, o.threads)


def several(frames):
    return frames if len(frames) > 1 else np.concatenate([frames] * 4)


def measure(o, title, clips):
    """Prints the table of some clips as one; returns {contestant: (PSNR, SSIM)}."""
    noisy = [common.add_noise(clip, o.sigma) for clip in clips]
    pairs = [(n, clip.frames) for n, clip in zip(noisy, clips)]

    def quality(results):
        return [float(np.mean([f(r, clip.frames) for r, clip in zip(results, clips)]))
                for f in (common.psnr, common.ssim)]

    scores = {"(noisy)": quality(noisy)}
    rows = [["(noisy)", "%.2f" % scores["(noisy)"][0], "%.4f" % scores["(noisy)"][1], "", ""]]
    for name in o.contestants.split(","):
        restore, settings = contestant(o, name, pairs[::6] if len(pairs) > 1 else pairs)
        scores[name] = quality([restore(n) for n in noisy])
        rate = "" if o.no_rates else "%.2f" % common.frames_per_second(restore, several(noisy[0]))
        rows.append([name, "%.2f" % scores[name][0], "%.4f" % scores[name][1], rate, settings])
    print(f"\n{title}, sigma {o.sigma:g}, {o.threads} threads")
    common.print_table(["", "PSNR", "SSIM", "frames/s", "settings"], rows)
    return scores


def main():
    o = arguments()
    if not o.no_clips:
        clips = common.load_clips(o)
        common.need(clips, f"clips whose name contains '{o.only}' in {o.data}; --no-clips does without")
        scores = [measure(o, repr(clip), [clip]) for clip in clips]
        print(f"\nmean of {len(clips)} clips")
        common.print_table(["", "PSNR", "SSIM"], [[name, *("%.2f %.4f" % tuple(np.mean([s[name] for s in scores], 0))
                                                           ).split()] for name in scores[0]])
    if not o.no_kodak:
        pictures = common.load_kodak(o)
        common.need(pictures, f"pictures whose name contains '{o.only}' in {o.data}; --no-kodak does without")
        measure(o, "Kodak24, 500x500", pictures)


if __name__ == "__main__":
    main()
