# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the decoder: from image embeddings to pictures of 64x64, on stills, without any text.

    python models/train/decoder.py WORK/world --checkpoint WORK/decoder.pt --minutes 70
    python models/train/decoder.py WORK/world --checkpoint WORK/decoder.pt --export models/world

embed.py has put embeddings into the folder. A share of them is not told, for guidance (Ho and Salimans 2022): zeros
stand for that. The network says x0, its errors count as those of v. Beside the checkpoint lies a picture with samples.
"""
import pathlib

import numpy as np
import torch
from PIL import Image

import decoder_network
import embed
import export
import noising
import stage

NOT_TOLD = 0.1  # share of pictures whose embedding is not told
SHOWN = 24      # samples that are drawn, of pictures that are held out
SCHEDULER = dict(_class_name="DDIMScheduler", num_train_timesteps=noising.STEPS, beta_schedule="linear",
                 beta_start=0.0001, beta_end=0.02, prediction_type="sample", clip_sample=True, clip_sample_range=1.0,
                 set_alpha_to_one=True, timestep_spacing="trailing", steps_offset=0)


def sample(network, embeddings, guidance, steps, generator):
    """Pictures [N, 3, H, W] of embeddings [N, size], each from its own noise."""
    side = network.config["sample_size"] * network.patch
    noise = torch.randn((len(embeddings), 3, side, side), generator=generator).to(embeddings.device)
    with torch.no_grad(), stage.mixed():
        return noising.ddim(network, noise, (embeddings,), (torch.zeros_like(embeddings),), guidance, steps)


def picture_of(x):
    """[N, 3, H, W] in [-1, 1] as uint8 [N, H, W, 3]."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def wall(rows):
    """One picture of rows of pictures, uint8 [N, H, W, 3] each."""
    return Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows]))


class Training(stage.Stage):
    memory = 0.998

    def __init__(self, options, drawn):
        self.drawn = drawn
        super().__init__(options)

    def make_network(self):
        if self.options.start:
            return stage.part(self.options.start / "decoder", decoder_network.Decoder)
        places = self.drawn.pictures.shape[1] // self.options.patch
        return decoder_network.Decoder(sample_size=places, in_channels=3 * self.options.patch ** 2,
                                       out_channels=3 * self.options.patch ** 2,
                                       block_out_channels=tuple(self.options.widths),
                                       encoder_hid_dim=self.drawn.embeddings.shape[1])

    def step(self):
        numbers = self.drawn.sample(self.options.batch)
        x0, told = stage.pixels(self.drawn.pictures[numbers]), self.drawn.embeddings_of(numbers)
        told = torch.where(torch.rand(len(told), 1, device=told.device) < NOT_TOLD, 0, told)
        steps = torch.randint(noising.STEPS, (len(x0),), device=x0.device)
        x = noising.noisy(x0, steps, noising.LINEAR).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made = self.network(x, steps, told)
        return self.learn((noising.weights(steps, noising.LINEAR) * (made - x0).square().mean((1, 2, 3))).mean())

    def measure(self, network):
        """Draws pictures of embeddings, below those that the embeddings are of."""
        numbers = np.arange(SHOWN)
        made = sample(network, self.drawn.embeddings_of(numbers), 3, 10, torch.Generator().manual_seed(0))
        rows = [part for k in range(0, SHOWN, 12)
                for part in (self.drawn.pictures[numbers[k:k + 12]], picture_of(made[k:k + 12]))]
        wall(rows).save(self.options.checkpoint.with_name(self.options.checkpoint.stem + "-samples.png"))
        return {}


def load(path):
    """The averaged decoder of a checkpoint."""
    config, weights = stage.load(path)
    network = decoder_network.Decoder(**config).to(stage.device())
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def write_model(folder, network):
    config = {"_class_name": "UNet2DConditionModel", **network.config, "patch_size": network.patch}
    export.write_network(folder / "decoder", config, {k: w.cpu() for k, w in network.state_dict().items()},
                         torch.float16)
    export.write_json(folder / "decoder_scheduler/scheduler_config.json", SCHEDULER)


def main():
    p = stage.parser(__doc__, minutes=90, batch=16, rate=1e-3)
    p.add_argument("--widths", type=int, nargs=3, default=decoder_network.CONFIG["block_out_channels"],
                   help="channels of each resolution (default: 64 96 96)")
    p.add_argument("--patch", type=int, default=4, help="pixels to a side of a place (default: %(default)s)")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the decoder of the checkpoint there")
    o = p.parse_args()
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    Training(o, embed.Embedded(o.folder)).run()


if __name__ == "__main__":
    main()
