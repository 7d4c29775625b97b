# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the prior: from captions to the CLIP embeddings of their pictures, by diffusion (Ramesh et al. 2022).

    python models/train/prior.py WORK/world --clip WORK/clip.pt --tokenizer models/world/tokenizer \\
        --checkpoint WORK/prior.pt --minutes 15
    python models/train/prior.py WORK/world ... --checkpoint WORK/prior.pt --export models/world

embed.py has put embeddings into the folder. A picture is put into other words each time that it is seen. A share of
captions is empty, for guidance.
"""
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

import bpe
import clip
import embed
import export
import noising
import prior_network
import stage

NOT_TOLD = 0.1  # share of captions that are left out
CLIP_RANGE = 5  # deviations, at most, of what is sampled
HELD = 200
SCHEDULER = dict(_class_name="UnCLIPScheduler", num_train_timesteps=noising.STEPS, beta_schedule="squaredcos_cap_v2",
                 prediction_type="sample", variance_type="fixed_small_log", clip_sample=True,
                 clip_sample_range=float(CLIP_RANGE))


def read(tower, tokenizer, texts):
    """What the prior is told of texts: (embeddings, tokens, how many of those count)."""
    return read_ids(tower, *ids_of(tokenizer, texts))


def ids_of(tokenizer, texts):
    """(ids [N, T], how many of those count)"""
    return tokenizer.batch(texts), np.array([len(tokenizer.ids_of(text)) for text in texts])


def read_ids(tower, ids, lengths):
    ids, lengths = (torch.from_numpy(v).to(stage.device()) for v in (ids, lengths))
    with torch.no_grad(), stage.mixed():
        text, tokens = tower(ids)
    return text.float(), tokens.float(), lengths


def sample(network, told, untold, guidance, steps, generator):
    """Image embeddings [N, size] of what read() gave of texts, and of as many empty ones."""
    width = max(told[1].shape[1], untold[1].shape[1])
    told, untold = ((text, F.pad(tokens, (0, 0, 0, width - tokens.shape[1])), lengths)
                    for text, tokens, lengths in (told, untold))
    noise = torch.randn(told[0].shape, generator=generator).to(told[0].device)
    with torch.no_grad(), stage.mixed():
        x = noising.ancestral(network, noise, told, untold, guidance, steps, generator, limit=CLIP_RANGE)
        return network.restored(x.float())


class Training(stage.Stage):
    memory = 0.998

    def __init__(self, options, drawn, tower, tokenizer, held):
        self.drawn, self.tower, self.tokenizer, self.held = drawn, tower, tokenizer, held
        super().__init__(options)

    def make_network(self):
        if self.options.start:
            return stage.part(self.options.start / "prior", prior_network.Prior)
        size = self.drawn.embeddings.shape[1]
        network = prior_network.Prior(embedding_dim=size, num_embeddings=self.tokenizer.length)
        known = torch.from_numpy(self.drawn.embeddings[:min(20000, self.drawn.count)]).float()
        network.clip_mean.copy_(known.mean(0, keepdim=True))
        network.clip_std.copy_(known.std(0, keepdim=True))
        return network

    def batch(self, seconds):
        """(embeddings, ids of captions or of nothing, how many of those count)"""
        numbers = self.drawn.sample(self.options.batch)
        texts = ["" if np.random.rand() < NOT_TOLD else text for text in self.drawn.pairs.said(numbers)[0]]
        return self.drawn.embeddings[numbers], *ids_of(self.tokenizer, texts)

    def learn_from(self, batch):
        embeddings, *ids = batch
        x0 = self.network.normalised(torch.from_numpy(embeddings).to(stage.device()).float())
        steps = torch.randint(noising.STEPS, (len(x0),), device=x0.device)
        with stage.mixed():
            told = read_ids(self.tower, *ids)
            made = self.network(noising.noisy(x0, steps), steps, *told)
        return self.learn((made.float() - x0).square().mean())

    def measure(self, network):
        """Cosines of embeddings that are sampled for captions that are held out to those of their pictures."""
        texts, embeddings = self.held
        told, untold = (read(self.tower, self.tokenizer, t) for t in (texts, [""] * len(texts)))
        found = {}
        for guidance in (1, 2):
            made = sample(network, told, untold, guidance, 25, torch.Generator().manual_seed(0))
            found[f"cosine, guidance {guidance}"] = F.cosine_similarity(made, embeddings).mean().item()
        return found


def held_out(drawn, tower):
    pictures, texts, _ = drawn.pairs.held_out(HELD)
    with torch.no_grad(), stage.mixed():
        return texts, tower(stage.pixels(pictures)).float()


def load(path):
    """The averaged prior of a checkpoint."""
    config, weights = stage.load(path)
    network = prior_network.Prior(**config).to(stage.device())
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def write_model(folder, network):
    export.write_network(folder / "prior", {"_class_name": "PriorTransformer", **network.config},
                         {k: w.cpu() for k, w in network.state_dict().items()}, torch.float16)
    export.write_json(folder / "prior_scheduler/scheduler_config.json", SCHEDULER)


def main():
    p = stage.parser(__doc__, minutes=15, batch=256, rate=1e-3)
    p.add_argument("--clip", required=True, type=pathlib.Path, help="checkpoint of clip.py")
    p.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder that bpe.py wrote")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the prior of the checkpoint there")
    o = p.parse_args()
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    drawn, towers = embed.Embedded(o.folder), clip.load(o.clip)
    Training(o, drawn, towers.text, bpe.Tokenizer(o.tokenizer), held_out(drawn, towers.vision)).run()


if __name__ == "__main__":
    main()
