# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a wider network that computes the same as a trained one, as the start of a longer training.

    python models/train/widen.py WORK/denoise.pt WORK/quality.pt --times 2

Every channel is there `times` times over and what reads it shares its weight among the copies (Chen, Goodfellow and
Shlens, Net2Net, 2016, equation 3). The shares differ by noise that sums to zero over the copies, so that the copies
part as soon as training goes on.
"""
import argparse
import pathlib

import torch

from network import UdmUNet


def widen_outputs(w, times, shuffled):
    """Repeats the output channels; those that a pixel shuffle takes apart stay in its order (channel, then place)."""
    if shuffled:
        return w.unflatten(0, (-1, 4)).repeat_interleave(times, 0).flatten(0, 1)
    return w.repeat_interleave(times, 0)


def widen_inputs(w, times, spread):
    """Repeats the input channels and shares their weights, unevenly, among the copies."""
    shared = (w / times).unsqueeze(2).expand(-1, -1, times, *w.shape[2:])
    noise = torch.randn_like(shared) * w.std() * spread / times
    return (shared + noise - noise.mean(2, keepdim=True)).flatten(1, 2)


def widen(weights, times, spread):
    wide = {}
    for name, w in weights.items():
        first, last = name.startswith("conv_in."), name.startswith("conv_out.")
        if w.dim() > 1 and not first:
            w = widen_inputs(w, times, spread)
        wide[name] = w if last else widen_outputs(w, times, name.startswith("upsamplers."))
    return wide


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", type=pathlib.Path, help="a checkpoint of train.py")
    p.add_argument("result", type=pathlib.Path)
    p.add_argument("--times", type=int, default=2)
    p.add_argument("--spread", type=float, default=1, help="of the shares, in standard deviations of the weights")
    o = p.parse_args()
    saved = torch.load(o.source, weights_only=True)
    config = {k: v for k, v in saved["config"].items() if k != "_class_name"}
    narrow = UdmUNet(**config)
    narrow.load_state_dict(saved["average"])
    wide = UdmUNet(**{**config, "block_out_channels": [o.times * c for c in config["block_out_channels"]]})
    wide.load_state_dict(widen(saved["average"], o.times, o.spread))
    frame, level = torch.randn(1, 3, 64, 64), torch.full((1, 1, 64, 64), 0.2)
    with torch.no_grad():
        difference = (wide(frame, level) - narrow(frame, level)).abs().max().item()
    torch.save(dict(config=wide.config, average=wide.state_dict()), o.result)
    print(f"{o.result}: {sum(w.numel() for w in wide.parameters())} weights; the outputs differ by {difference:.1e}")


if __name__ == "__main__":
    main()
