# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a directory in the layout of diffusers (AutoencoderTiny) of a tiny autoencoder as its author publishes it.

    python models/tools/taesd.py taef2_encoder.pth taef2_decoder.pth FOLDER

Needs torch and safetensors. Weights keep their type. What the files say is read off their tensors: channels, blocks,
and whether the blocks of the lowest resolution have a normalisation over the picture before them (use_midblock_gn, a
key that diffusers does not have).
"""
import argparse
import json
import pathlib
import re
import sys

import torch
from safetensors.torch import save_file


def load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def numbered(tensors):
    """{number of the layer: its names}"""
    layers = {}
    for name in tensors:
        number, rest = name.split(".", 1)
        layers.setdefault(int(number), []).append(rest)
    return layers


def blocks(layers):
    """How many blocks each resolution has: convolutions by themselves stand between them."""
    counts, is_block = [0], lambda names: any(n.startswith("conv.") for n in names)
    for number in sorted(layers)[1:-1]:
        if is_block(layers[number]):
            counts[-1] += 1
        else:
            counts.append(0)
    return counts


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("encoder", type=pathlib.Path)
    p.add_argument("decoder", type=pathlib.Path)
    p.add_argument("folder", type=pathlib.Path)
    args = p.parse_args()
    encoder, decoder = load(args.encoder), load(args.decoder)
    halves = numbered(encoder), numbered(decoder)
    if any(re.search(r"\.skip\.", name) for name in [*encoder, *decoder]):
        sys.exit("blocks that change the number of channels are not implemented")
    counts = [blocks(half) for half in halves]
    width, channels = encoder["0.weight"].shape[:2]
    latents = encoder[f"{max(halves[0])}.bias"].shape[0]
    config = {"_class_name": "AutoencoderTiny", "in_channels": channels, "out_channels": channels,
              "latent_channels": latents, "encoder_block_out_channels": [width] * len(counts[0]),
              "decoder_block_out_channels": [width] * len(counts[1]), "num_encoder_blocks": counts[0],
              "num_decoder_blocks": counts[1], "use_midblock_gn": any(".pool." in name for name in encoder)}
    # The decoder of the author begins with a layer without weights, that of diffusers does not.
    tensors = {f"encoder.layers.{name}": x for name, x in encoder.items()}
    tensors |= {"decoder.layers.{}.{}".format(int(name.split(".")[0]) - 1, name.split(".", 1)[1]): x
                for name, x in decoder.items()}
    args.folder.mkdir(parents=True, exist_ok=True)
    (args.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({k: v.contiguous() for k, v in tensors.items()}, args.folder / "diffusion_pytorch_model.safetensors")


main()
