# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well the chain from text to pictures (models/world) keeps to its words. Prints a table for each question.

    python tests/bench/text.py models/world --reader WORK/reader.pt [--tables clip,coder,decoder] [--count 400]

Pictures and captions are of numbers, and of digits of MNIST, that nothing was trained on. "seen" are pairs of things
and colours that were learnt, "unseen" those that never were (Sync-DRAW's protocol). What is in a picture that was made
is read by a network that was trained apart (models/train/readers.py), whose own score on real pictures is the ceiling.
"""
import argparse
import os
import pathlib
import sys

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT.parent / "shared/data"
sys.path.insert(0, str(ROOT / "models/train"))
import autoencoder  # noqa: E402
import chain as chains  # noqa: E402
import clip  # noqa: E402
import paint  # noqa: E402
import readers  # noqa: E402
import scenes  # noqa: E402
import stage  # noqa: E402
import wording  # noqa: E402
import world  # noqa: E402

SPLITS = scenes.SEEN, scenes.UNSEEN
COLUMNS = "things", "all and no other", "colours", "sizes", "fills", "places", "sides"


class Held:
    """Pictures of a split with what is said of them."""

    def __init__(self, painter, count, split):
        self.pictures, self.texts, self.claims, self.facts = world.held_out(painter, count, 64, split)


def table(title, head, rows):
    print(f"\n### {title}\n\n| | {' | '.join(head)} |\n|{'---|' * (len(head) + 1)}")
    for name, *values in rows:
        print(f"| {name} | {' | '.join(v if isinstance(v, str) else f'{v:.1f} %' for v in values)} |", flush=True)


def percent(values):
    return 100 * float(np.mean(values)) if len(values) else float("nan")


def place_of(spot):
    """The place, of nine, of a thing that is read at (x, y) from the middle."""
    column, row = (min(max(int(3 * (v + 0.5)), 0), 2) for v in spot[:2])
    return 3 * row + column


def kept(said, claims):
    """What captions claim and the reader finds, percent by COLUMNS. said: as Reader.forward gives it; claims [N, F]."""
    found = {name: [] for name in COLUMNS}
    at = wording.AT
    for i, claim in enumerate(claims):
        kinds = [int(claim[at[f"kind{slot}"]]) for slot in range(claim[at["count"]])]
        present = set(np.flatnonzero(said["there"][i] > 0))
        found["all and no other"].append(present == set(kinds))
        for slot, kind in enumerate(kinds):
            found["things"].append(kind in present)
            for column, name in (("colours", "colour"), ("sizes", "size"), ("fills", "fill")):
                if kind in present and claim[at[f"{name}{slot}"]] != wording.OPEN:
                    found[column].append(int(said[name][i, kind].argmax()) == claim[at[f"{name}{slot}"]])
        if not present.issuperset(kinds):
            continue
        spots = said["spot"][i, kinds].numpy()
        if claim[at["place"]] != wording.OPEN:
            found["places"].append(place_of(spots[0]) == claim[at["place"]])
        for axis, name in enumerate(("beside", "above")):
            if claim[at[name]] != wording.OPEN:
                ahead = spots[1][axis] > spots[0][axis]
                found["sides"].append((wording.FIRST if ahead else wording.SECOND) == claim[at[name]])
    return [percent(found[name]) for name in COLUMNS]


def features(reader, pictures):
    """[N, C]: the reader's features, over all places."""
    with torch.no_grad():
        return torch.cat([reader.features(stage.pixels(pictures[k:k + 200])).mean((2, 3))
                          for k in range(0, len(pictures), 200)]).double().cpu().numpy()


def frechet(a, b):
    """The Fréchet distance of two sets of features, as if they were Gaussian (Heusel et al. 2017)."""
    values, vectors = np.linalg.eigh(np.cov(a.T))
    root = vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T
    middle = np.sqrt(np.linalg.eigvalsh(root @ np.cov(b.T) @ root).clip(0)).sum()
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * middle)


def class_embeddings(c, names, others, phrase):
    """Of each name the mean over captions with all the others (prompt ensembling)."""
    texts = [wording.article(phrase(name, other)) for name in names for other in others]
    each = torch.nn.functional.normalize(c.text_embeddings(texts), dim=-1)
    return each.view(len(names), len(others), -1).mean(1)


def of_clip(c, held, o):
    """Retrieval among a hundred, both ways, and classes of single things by captions that name them."""
    rows, colours = [], list(scenes.COLOURS)
    classes = {"kind0": class_embeddings(c, scenes.KINDS, colours, lambda kind, colour: f"{colour} {kind}"),
               "colour0": class_embeddings(c, colours, scenes.KINDS, lambda colour, kind: f"{colour} {kind}")}
    for split, h in held.items():
        seen = torch.nn.functional.normalize(c.image_embeddings(h.pictures), dim=-1)
        read = torch.nn.functional.normalize(c.text_embeddings(h.texts), dim=-1)
        truth = wording.true_of(h.claims, h.facts)
        own, true = clip.retrieval(seen, read, truth.T)
        back, _ = clip.retrieval(read, seen, truth)
        alone = np.flatnonzero(h.facts[:, wording.AT["count"]] == 1)
        right = [percent((seen[alone] @ told.T).argmax(1).cpu().numpy() == h.facts[alone, wording.AT[name]])
                 for name, told in classes.items()]
        rows.append((split, 100 * own, 100 * true, 100 * back, *right))
    table(f"CLIP: R@1 among 100, {o.count} pictures; zero-shot classes of single things", (
        "caption of a picture", "... or another true one", "picture of a caption", "thing of 20", "colour of 10"), rows)


def of_reader(c, held, o, reader):
    rows = [(split, *kept(readers.read(reader, h.pictures), h.claims)) for split, h in held.items()]
    table(f"The reader's ceiling: {o.count} real pictures", COLUMNS, rows)


def named(planes, claims):
    """What captions claim, and planes of latents (models/train/autoencoder.py) say is there: shares of things, and of
    pictures of which they say just that."""
    there, things, whole = (planes.amax((2, 3)) > autoencoder.THERE / 2).cpu().numpy(), [], []
    for present, claim in zip(there, claims):
        kinds = [int(claim[wording.AT[f"kind{slot}"]]) for slot in range(claim[wording.AT["count"]])]
        things.extend(present[kinds])
        whole.append(set(np.flatnonzero(present)) == set(kinds))
    return percent(things), percent(whole)


def of_coder(c, held, o, reader):
    """Real pictures that became latents and pictures again; and what is drawn of captions, as its planes say it."""
    rows, own = [], c.coder.config["latent_channels"] - len(scenes.KINDS)
    for split, h in held.items():
        latents = torch.cat([c.encoded(stage.pixels(h.pictures[k:k + 100])) for k in range(0, len(h.pictures), 100)])
        true = autoencoder.planes_of(world.held_out_scenes(o.count, split), latents.shape[-1]).to(latents.device)
        told = torch.cat([latents[:, :own], true], 1)
        for name, seen in (("what the encoder finds", latents), ("true planes", told)):
            made = stage.picture_of(c.developed(seen))
            rows.append((f"{split}: {name}", *kept(readers.read(reader, made), h.claims)))
    table(f"{o.count} real pictures, encoded and decoded", COLUMNS, rows)
    rows = []
    for split, h in held.items():
        nothing = torch.zeros(o.count, c.decoder.config["cross_attention_dim"], device=stage.device())
        drawn = c.latents((nothing, *c.told(h.texts)), o.guidance, o.steps)
        rows.append((split, *named(drawn[:, own:], h.claims)))
    table(f"What planes say of what is drawn of {o.count} captions alone", COLUMNS[:2], rows)


def of_decoder(c, held, o, reader):
    """Of true image embeddings, of captions, and of both; of both: guidance, then steps."""
    h = held[scenes.SEEN]
    seen, real = c.image_embeddings(h.pictures), features(reader, h.pictures)
    settings = [("both", (seen, h.texts), g, o.steps) for g in o.guidances]
    settings += [("both", (seen, h.texts), o.guidance, s) for s in o.step_counts if s != o.steps]
    settings += [("pictures", (seen, None), o.guidance, o.steps), ("captions", (None, h.texts), o.guidance, o.steps)]
    rows = []
    for name, told, guidance, steps in settings:
        made = c.pictures(*told, guidance, steps)
        distance = frechet(features(reader, made), real)
        rows.append((f"{name}: guidance {guidance:g}, {steps} steps", *kept(readers.read(reader, made), h.claims),
                     f"{distance:.2f}"))
    table(f"The decoder, given the embeddings of {o.count} real pictures, or their captions, or both (seen pairs)",
          (*COLUMNS, "Fréchet distance"), rows)


def of_prior(c, held, o, reader):
    """From captions: the prior at several guidances, the text embedding in its place, and nothing in its place; the
    prior without telling the decoder the caption as well."""
    rows = []
    for split, h in held.items():
        true = c.image_embeddings(h.pictures)
        real = features(reader, h.pictures)
        ways = {"caption alone": (None, h.texts), "caption, text embedding": (c.straight(h.texts), h.texts)}
        ways |= {f"caption, prior, guidance {g:g}": (c.embeddings(h.texts, g), h.texts) for g in o.prior_guidances}
        ways["prior alone"] = (c.embeddings(h.texts), None)
        for name, told in ways.items():
            made = c.pictures(*told, o.guidance, o.steps)
            near = "" if told[0] is None else \
                f"{torch.nn.functional.cosine_similarity(told[0], true).mean().item():.3f}"
            rows.append((f"{split}: {name}", *kept(readers.read(reader, made), h.claims),
                         f"{frechet(features(reader, made), real):.2f}", near))
    table(f"From {o.count} captions to pictures (decoder: guidance {o.guidance:g}, {o.steps} steps)",
          (*COLUMNS, "Fréchet distance", "cosine"), rows)


def numbers(kind):
    return lambda text: [kind(v) for v in text.split(",")]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=pathlib.Path)
    p.add_argument("--reader", required=True, type=pathlib.Path, help="checkpoint of readers.py")
    p.add_argument("--digits", type=pathlib.Path, default=DATA / "digits", help="default: %(default)s")
    p.add_argument("--pictures", type=pathlib.Path, default=DATA / "train_images", help="for backgrounds (default: "
                   "%(default)s)")
    p.add_argument("--tables", type=numbers(str), default=["clip", "reader", "coder", "decoder", "prior"])
    p.add_argument("--count", type=int, default=400, help="of pictures of each split (default: %(default)s)")
    p.add_argument("--guidance", type=float, default=3, help="of the decoder (default: %(default)s)")
    p.add_argument("--steps", type=int, default=10, help="of the decoder (default: %(default)s)")
    p.add_argument("--guidances", type=numbers(float), default=[1, 2, 3, 5], help="of the decoder, that are compared "
                   "(default: 1,2,3,5)")
    p.add_argument("--step-counts", type=numbers(int), default=[4, 10, 25], help="... (default: 4,10,25)")
    p.add_argument("--prior-guidances", type=numbers(float), default=[1, 2, 4], help="... (default: 1,2,4)")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor (default: %(default)s)")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    c, reader = chains.Chain(o.model), readers.load(o.reader)
    painter = paint.Painter(o.digits, o.pictures, "t10k")
    held = {split: Held(painter, o.count, split) for split in SPLITS}
    tables = {"clip": of_clip, "reader": of_reader, "coder": of_coder, "decoder": of_decoder, "prior": of_prior}
    for name in o.tables:
        tables[name](c, held, o, *([] if name == "clip" else [reader]))


if __name__ == "__main__":
    main()
