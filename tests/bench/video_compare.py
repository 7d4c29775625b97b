# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ours against what uses time, and what does not, on moving clips: PSNR, flicker where nothing moves, and speed.

    python tests/bench/video_compare.py --cache ../bench-cache
    python tests/bench/video_compare.py --clips "" --stills 4 --sigmas 20,40 --peers ffdnet
    python tests/bench/video_compare.py --held ../shared/data/train_video --frames 8 --sigmas 20 --lookahead 2
    python tests/bench/video_compare.py --speed

--held adds the clips of a folder that recursion.py (models/train) holds out, their middles. A table has all clips
by the speed of what they show, the mean length of the engine's motion between clean frames.

Noise is Gaussian with a fixed seed, then clipped and rounded to 8 bits: everybody gets the same 8-bit RGB frames, is
given sigma, and returns back 8-bit RGB. PSNR is the mean over frames. V-BM3D (vbm3d.py says how to make the Python it
needs) runs with radius 3 and with 4, and the better one counts: vbm3d at the plugin's default profile, vbm3d-np at the
paper's settings, at a fifth of the speed. ffmpeg's filters run at the settings a search finds best on parts of the very
clip.

Flicker: where a 9x9 neighbourhood of the clean clip changes by less than 2 (root mean square, 0-255 scale) from a frame
to the next, the standard deviation in time of what is wrong (what comes out less the clean clip), and of what comes out
itself, beside that of the clean clip, which has noise of its own. --stills adds pictures that stand still, which have
none, as before a camera on a tripod; with --pan the camera turns. With --fade all clips become darker, evenly.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

import numpy as np
from PIL import Image

import common
import libudm
import peers

CLIPS = "foreman,mobile,flower,bikes,blackswan,car-shadow"
PEERS = ["ffdnet", "vbm3d", "vbm3d-np", *peers.FILTERS]
RADII = 3, 4
STILL = 2.0     # grey levels
AROUND = 9      # side of the neighbourhood
ENOUGH = 0.005  # of all pixels, to call it a region
SIDES = 240, 352  # at most, of clips that were held out


def arguments():
    p = common.options(__doc__, models=["denoise", "denoise-quality"])
    p.add_argument("--clips", default=CLIPS, help="separated by commas (default: %(default)s)")
    p.add_argument("--held", type=pathlib.Path, help="folder of training videos")
    p.add_argument("--stills", type=int, default=0, help="Kodak pictures, each as a clip (default: %(default)s)")
    p.add_argument("--pan", type=float, default=0, help="pixels a frame that those move by (default: %(default)s)")
    p.add_argument("--fade", type=float, default=1, help="share of their light that the last frames have (default: "
                   "%(default)s)")
    p.add_argument("--sigmas", default="10,20,30,40,50", help="separated by commas (default: %(default)s)")
    p.add_argument("--peers", default="ffdnet,vbm3d", help="of " + ", ".join(PEERS) + " (default: %(default)s)")
    p.add_argument("--ffdnet", type=pathlib.Path, default=common.ROOT.parent / "shared/peers/ffdnet_color.pth")
    p.add_argument("--vbm3d", type=pathlib.Path, default=common.ROOT.parent / "venv312/bin/python",
                   help="a Python that has it (default: %(default)s)")
    p.add_argument("--cache", type=pathlib.Path, help="folder that keeps the peers' figures for the next run")
    p.add_argument("--lookahead", type=int, default=0, help="frames that ours looks ahead (default: %(default)s)")
    p.add_argument("--ensemble", type=int, default=1, help="views that ours sees of a frame (default: %(default)s)")
    p.add_argument("--speed", action="store_true", help="frames per second at 480p instead; on a quiet machine")
    o = p.parse_args()
    o.sigmas, o.peers = [float(s) for s in o.sigmas.split(",")], [name for name in o.peers.split(",") if name]
    for name in o.peers:
        common.need(name in PEERS, f"a peer {name}; there are: {', '.join(PEERS)}")
    return o


def filmed(picture, frames, pan):
    """By a camera that turns so many pixels a frame to the right, and half as many down."""
    h, w = picture.shape[:2]
    wide = Image.fromarray(np.pad(picture, ((0, h), (0, w), (0, 0)), "symmetric"))
    return np.stack([np.asarray(wide.transform((w, h), Image.AFFINE, (1, 0, k * pan, 0, 1, k * pan / 2), Image.BICUBIC))
                     for k in range(frames)])


def stills(o):
    pictures = common.load_kodak(o) if o.stills else []
    step = max(len(pictures) // max(o.stills, 1), 1)
    return [common.Clip(f"still {p.name}", filmed(p.frames[0], o.frames, o.pan))
            for p in pictures[step // 2::step][:o.stills]]


def held(o):
    """Clips that no weights of this tree have seen."""
    if not o.held:
        return []
    sys.path.insert(0, str(common.ROOT / "models/train"))
    import clips
    import train
    _, chosen = train.hold_out([c for c in clips.videos([o.held], o.frames) if min(c.shape[1:3]) >= 96], 10)
    middles = []
    for k, frames in enumerate(chosen):
        top, left = (max(n - m, 0) // 4 * 2 for n, m in zip(frames.shape[1:3], SIDES))
        cut = frames[:, top:top + SIDES[0], left:left + SIDES[1]]
        height, width = (n // 2 * 2 for n in cut.shape[1:3])
        middles.append(common.Clip(f"held {k}", np.ascontiguousarray(cut[:, :height, :width])))
    return middles


def speed_of(o, clip):
    """In pixels a frame."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = f"{folder}/clip.npy", f"{folder}/flow.npy"
        np.save(given, np.ascontiguousarray(clip.frames.transpose(3, 0, 1, 2)[None], np.float32) / 127.5 - 1)
        subprocess.run([o.build / "engine/cli/udm", "motion", common.ROOT / "models/denoise", given, found,
                        "--sigma", "1", "--threads", str(o.threads)], check=True)
        return float(np.hypot(*np.load(found)[0]).mean())


def by_motion(o, clips, results):
    """A row for each clip, the slowest first: PSNR in the mean of its sigmas, and what ours gains on each peer."""
    names = [n for n in next(iter(results.values())) if n != "clean"]
    mine, rows = [m.name for m in o.models], []
    for speed, clip in sorted((speed_of(o, clip), clip.name) for clip in clips):
        mean = {n: np.mean([s[n]["psnr"] for (name, _), s in results.items() if name == clip]) for n in names}
        rows.append(["%.2f" % speed, clip, *cells(mean.values()),
                     *("%+.2f" % (mean[m] - mean[p]) for m in mine for p in o.peers)])
    print("\nby motion, pixels a frame: PSNR, and ours less each peer")
    common.print_table(["speed", "clip", *names, *(f"{m} - {p}" for m in mine for p in o.peers)], rows)


def faded(clip, share):
    light = np.linspace(1, share, len(clip.frames)).reshape(-1, 1, 1, 1)
    return common.Clip(clip.name, (clip.frames * light).round().astype(np.uint8))


def ours(o, model, sigma):
    o.model = model
    engine = libudm.Engine(o)
    return lambda frames: engine.restore(frames, sigma, lookahead=o.lookahead, ensemble=o.ensemble)[0]


def ways(o, name, noisy, clean, sigma):
    """How a peer can be run, [(label, clip -> restored clip)]: the best one counts."""
    if name == "ffdnet":
        common.need(o.ffdnet.is_file(), f"FFDNet's weights {o.ffdnet}; name them with --ffdnet")
        return [("ffdnet", peers.ffdnet(o.ffdnet, sigma, o.threads))]
    if name in peers.FILTERS:
        restore, _ = peers.searched_ffmpeg(name, [(noisy, clean)], o.threads)
        return [(name, restore)]
    profile = "np" if name == "vbm3d-np" else "fast"
    return [(f"{name}-{r}", peers.vbm3d(o.vbm3d, sigma, r, profile, o.threads)) for r in RADII]


def still(clean):
    """[F - 1, H, W]: where a frame is as the one before."""
    change = np.diff(clean.astype(np.float32), axis=0) ** 2
    reach = AROUND // 2
    wide = np.pad(change.mean(-1), ((0, 0), (reach, reach), (reach, reach)), "reflect")
    for axis in (1, 2):
        wide = np.lib.stride_tricks.sliding_window_view(wide, AROUND, axis).mean(-1)
    return wide < STILL ** 2


def deviation(frames, mask):
    """In time, of what would be constant: from differences of neighbouring frames."""
    change = np.diff(frames.astype(np.float32), axis=0)[mask]
    return float(np.sqrt(np.mean(change ** 2, dtype=np.float64) / 2))


def score(frames, clean):
    mask = still(clean)
    flicker = residual = None
    if mask.mean() >= ENOUGH:
        flicker, residual = deviation(frames, mask), deviation(frames.astype(np.float32) - clean, mask)
    return {"psnr": common.psnr(frames, clean), "flicker": flicker, "residual": residual}


def peer_score(o, name, clip, noisy, sigma):
    """Measured, or what the cache has of these very frames."""
    path = o.cache and o.cache / f"{clip.name}-{len(noisy)}-{sigma:g}-{name}-{zlib.crc32(noisy.tobytes()):08x}.json"
    cached = json.loads(path.read_text()) if path and path.exists() else {}
    if "residual" in cached:
        return cached
    found = [dict(score(restore(noisy), clip.frames), way=label)
             for label, restore in ways(o, name, noisy, clip.frames, sigma)]
    best = max(found, key=lambda s: s["psnr"])
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(best))
    return best


def measure(o, clip, sigma):
    """{contestant: its score}, one after the other on the same frames."""
    noisy = common.add_noise(clip, sigma)
    scores = {"clean": score(clip.frames, clip.frames), "noisy": score(noisy, clip.frames)}
    for name in o.peers:
        scores[name] = peer_score(o, name, clip, noisy, sigma)
    for model in o.models:
        scores[model.name] = score(ours(o, model, sigma)(noisy), clip.frames)
    print(clip.name, "%g" % sigma, *("%s %.2f" % (k, s["psnr"]) for k, s in scores.items() if k != "clean"), flush=True)
    return scores


def cells(values):
    return ["-" if v is None else "%.2f" % v for v in values]


def table(title, results, key, but):
    """A row for each clip and sigma, then the means over the clips for each sigma, and over all."""
    names = [name for name in next(iter(results.values())) if name != but]
    rows = [[clip, "%g" % sigma, *cells(scores[n][key] for n in names)] for (clip, sigma), scores in results.items()]

    def mean(label, chosen):
        complete = [[s[n][key] for n in names] for s in chosen if None not in (s[n][key] for n in names)]
        if complete:
            rows.append(["mean", label, *cells(np.mean(complete, 0))])

    for sigma in sorted({sigma for _, sigma in results}):
        mean("%g" % sigma, [s for (_, at), s in results.items() if at == sigma])
    mean("all", list(results.values()))
    print(f"\n{title}")
    common.print_table(["clip", "sigma", *names], rows)


def verdict(o, results):
    """What each of ours gains on each peer in the mean, and on the best of them in the worst case."""
    rows = []
    for name in (model.name for model in o.models):
        row = [name]
        for peer in o.peers:
            row.append("%+.2f" % np.mean([s[name]["psnr"] - s[peer]["psnr"] for s in results.values()]))
        behind = {where: s[name]["psnr"] - max(s[p]["psnr"] for p in o.peers) for where, s in results.items()}
        clip, sigma = min(behind, key=behind.get)
        rows.append([*row, "%+.2f" % min(behind.values()), f"{clip} {sigma:g}"])
    print("\nPSNR against the peers: means, and the worst case against the best of them")
    common.print_table(["", *o.peers, "worst", "where"], rows)


def speed(o):
    clip = next((c for c in common.load_clips(o, CLIPS.split(",")) if c.frames.shape[1:3] == (480, 854)), None)
    common.need(clip, f"a clip of 854x480 in {o.data}")
    sigma, rows = o.sigmas[0], []
    noisy = common.add_noise(clip, sigma)
    contestants = [way for name in o.peers for way in ways(o, name, noisy, clip.frames, sigma)]
    for label, restore in contestants + [(m.name, ours(o, m, sigma)) for m in o.models]:
        rows.append([label, "%.2f" % common.frames_per_second(restore, noisy)])
    print(f"{clip}, sigma {sigma:g}, {o.threads} threads")
    common.print_table(["", "frames/s"], rows)


def main():
    o = arguments()
    if o.speed:
        return speed(o)
    clips = common.load_clips(o, [name for name in o.clips.split(",") if name]) + stills(o) + held(o)
    common.need(clips, f"the clips {o.clips} in {o.data}")
    clips = [faded(clip, o.fade) for clip in clips] if o.fade != 1 else clips
    results = {(clip.name, sigma): measure(o, clip, sigma) for clip in clips for sigma in o.sigmas}
    table(f"PSNR, dB, {o.frames} frames", results, "psnr", but="clean")
    table("flicker of what is wrong, in still regions, grey levels", results, "residual", but="clean")
    table("flicker of what comes out, there", results, "flicker", but="noisy")
    if o.peers and o.models:
        verdict(o, results)
    by_motion(o, clips, results)


if __name__ == "__main__":
    main()
