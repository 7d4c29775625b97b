# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far from the whole is a scene that udm-film splits, by how many frames of warm-up?

    python tests/bench/film_split.py --frames 80

Restores parts of one scene twice: from its beginning, and from the middle of it on. Compares the frames that are j
after that.
"""
import sys

import numpy as np

import common

sys.path.insert(0, str(common.ROOT / "python"))
import udm  # noqa: E402

SIGMA, START, AFTER = 25, 12, (0, 8, 16, 32, 48, 64)
SCENES = {"foreman": 0, "carphone": 0, "flower": 0, "bikes": 137}  # where one begins that is long enough


def restored(o, model, frames, first):
    """From frame `first` on."""
    height, width, _ = frames.shape[1:]
    with udm.Restorer(model, width=width, height=height, device="cpu", threads=o.threads,
                      scenes_given=True) as restorer:
        for number in range(first, len(frames)):
            out = np.empty_like(frames[0])
            restorer.push(udm.view(frames[number]), time=model.time(SIGMA), number=number)
            restorer.pull(udm.view(out))
            yield out


def compare(o, model, noisy):
    """Of each j: largest and mean difference, and the share of samples that differ."""
    whole = list(restored(o, model, noisy, 0))[START:]
    apart = [np.abs(np.int16(a) - b) for a, b in zip(whole, restored(o, model, noisy, START))]
    return [(d.max(), d.mean(), np.mean(d > 0)) for d in (apart[j] for j in AFTER if j < len(apart))]


def main():
    o = common.options(__doc__).parse_args()
    model = udm.Model(o.model)
    wanted = max(o.frames, START + AFTER[-1] + 1)
    rows = {}
    o.frames = wanted + max(SCENES.values())
    for clip in common.load_clips(o, list(SCENES)):
        frames = clip.frames[SCENES[clip.name]:][:wanted, :144, :176]
        if len(frames) > START:
            rows[clip.name] = compare(o, model, common.add_noise(common.Clip(clip.name, frames), SIGMA))
            still = np.repeat(frames[:1], wanted, 0)
            rows[f"{clip.name}, still"] = compare(o, model, common.add_noise(common.Clip(clip.name, still), SIGMA))
    print("| scene | " + " | ".join(f"j = {j}" for j in AFTER) + " |\n" + "|---" * (1 + len(AFTER)) + "|")
    for name, found in rows.items():
        print(f"| {name} | " + " | ".join(f"{most} / {mean:.4f} / {100 * share:.2f} %" for most, mean, share in found) +
              " |", flush=True)


if __name__ == "__main__":
    main()
