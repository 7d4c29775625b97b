# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws a small world, trains every stage of the chain from text to pictures for some steps, exports it, and holds what
was exported to transformers and diffusers.

    python3 tests/train/chain.py [BUILD]

With a build folder the engine draws with it, too. Skipped (77) where python3 has not what training needs, or not those
two.
"""
import contextlib
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    import numpy as np
    import matplotlib, safetensors, tqdm  # noqa: E401, F401
    import PIL.Image
    import torch
    from diffusers import AutoencoderTiny, DDIMScheduler, PriorTransformer, UnCLIPScheduler, UNet2DConditionModel
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TRAIN = pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"
sys.path.insert(0, str(TRAIN))
import bpe  # noqa: E402
import chain as chains  # noqa: E402
import decoder  # noqa: E402
import film_network  # noqa: E402
import film_training  # noqa: E402
import noising  # noqa: E402
import pairs  # noqa: E402
import prior  # noqa: E402
import stage  # noqa: E402

BUILD = pathlib.Path(sys.argv.pop()) if len(sys.argv) > 1 and os.path.isdir(sys.argv[-1]) else None
TEXTS = ["a small red seven, and a blue star over sand", "4 42 !!", "", "a Café's moon"]


def run(program, *arguments):
    command = [sys.executable, TRAIN / program, *arguments]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{program}: {result.stdout}{result.stderr}")


def write_idx(path, values):
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


def train_all(work):
    """A model in work / "model" of every stage."""
    for part in ("train", "t10k"):
        write_idx(work / f"{part}-images-idx3-ubyte.gz",
                  np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8))
        write_idx(work / f"{part}-labels-idx1-ubyte.gz", (np.arange(20) % 10).astype(np.uint8))
    world, model = work / "world", work / "model"
    run("world.py", "draw", world, "--digits", work, "--count", 40, "--threads", 1)
    run("bpe.py", model / "tokenizer", "--captions", 500)
    short = ["--threads", 1, "--batch", 4, "--minutes", 0.005]
    words = ["--tokenizer", model / "tokenizer"]
    clip = ["clip.py", world, *words, "--checkpoint", work / "clip.pt"]
    told = ["prior.py", world, *words, "--clip", work / "clip.pt", "--checkpoint", work / "prior.pt"]
    coder = ["autoencoder.py", world, "--checkpoint", work / "autoencoder.pt"]
    drawn = ["decoder.py", world, *words, "--clip", work / "clip.pt", "--autoencoder", work / "autoencoder.pt",
             "--widths", 32, 32, "--easy", 0.002, "--checkpoint", work / "decoder.pt"]
    run(*clip, *short)
    run(*coder, *short)
    run(*coder, "--encode", "--threads", 1)
    run(*coder, "--export", work / "narrow")
    run(*coder[:-1], work / "wide.pt", "--start", work / "narrow", "--width", 48, "--keep-latents", "--clip",
        work / "clip.pt", *short)
    run("embed.py", world, "--clip", work / "clip.pt", "--threads", 1)
    for stage in (told, drawn):
        run(*stage, *short)
    for stage in (clip, coder, told, drawn):
        run(*stage, "--export", model)
    for stage in (clip, coder, told, drawn):
        run(*stage[:-1], work / "next.pt", "--start", model, "--threads", 1, "--batch", 4, "--minutes", 0.001)
        (work / "next.pt").unlink()
    train_films(work, model, clip[-1])
    run("index.py", model)
    return model


def train_films(work, model, clip):
    """The networks of films, into the same model; the first with a process that makes its batches."""
    for folder, size, frames in (("films", 64, 18), ("large", 128, 9), ("largest", 256, 1)):
        run("films.py", "draw", work / folder, "--digits", work, "--count", 9, "--size", size, "--frames", frames,
            "--threads", 1)
    common, coder = ["--clip", clip, "--tokenizer", model / "tokenizer"], ["--autoencoder", work / "autoencoder.pt"]
    for program, name, *own in (
            ("film_decoder.py", "films", "--start", work / "decoder.pt", "--stills", work / "world", "--workers", 1,
             *coder),
            ("film_decoder.py", "films", *coder, "--start", work / "films.pt", "--between", "--window", 4),
            ("enlarge.py", "large", "--widths", 8, 16, 16),
            ("enlarge.py", "largest", "--widths", 8, 8, 16, "--last", "--optimizer", "lion", "--patch", 8)):
        checkpoint = work / f"{'between' if '--between' in own else name}.pt"
        command = [program, work / name, *common, "--checkpoint", checkpoint, *own]
        run(*command, "--threads", 1, "--batch", 2, "--minutes", 0.005)
        run(*command, "--export", model)


class Exported(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.folder = train_all(pathlib.Path(cls.work.name))
        cls.chain = chains.Chain(cls.folder)
        torch.manual_seed(0)

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def close(self, ours, theirs):
        self.assertLess(((ours - theirs).abs().max() / theirs.abs().max()).item(), 1e-4)

    def theirs(self, kind, name):
        return kind.from_pretrained(self.folder / name, local_files_only=True, torch_dtype=torch.float32).eval()

    def test_tokenizer(self):
        theirs = CLIPTokenizer.from_pretrained(self.folder / "tokenizer", local_files_only=True)
        for text in [*TEXTS, *bpe.captions(50, motion=True)]:
            self.assertEqual(self.chain.tokenizer.ids_of(text), theirs(text)["input_ids"], text)

    def test_clip(self):
        text, vision = (self.theirs(kind, name) for kind, name in (
            (CLIPTextModelWithProjection, "text_encoder"), (CLIPVisionModelWithProjection, "image_encoder")))
        ids, x = torch.from_numpy(self.chain.tokenizer.batch(TEXTS)), torch.rand(2, 3, 64, 64) * 2 - 1
        with torch.no_grad():
            (embedding, tokens), said = self.chain.text(ids), text(ids)
            self.close(embedding, said.text_embeds)
            self.close(tokens, said.last_hidden_state)
            self.close(self.chain.vision(x), vision(x).image_embeds)

    def test_prior(self):
        theirs = self.theirs(PriorTransformer, "prior")
        text, tokens, lengths = prior.read(self.chain.text, self.chain.tokenizer, TEXTS)
        x, time = torch.randn(text.shape), torch.tensor([0, 7, 600, 999])
        whole = torch.nn.functional.pad(tokens, (0, 0, 0, self.chain.tokenizer.length - tokens.shape[1]))
        mask = torch.arange(whole.shape[1]) < lengths[:, None]
        with torch.no_grad():
            self.close(self.chain.prior(x, time, text, tokens, lengths),
                       theirs(x, time, text, whole, mask).predicted_image_embedding)

    def test_decoder(self):
        theirs, c = self.theirs(UNet2DConditionModel, "decoder"), self.chain.decoder.config
        x, time = torch.randn(2, c["in_channels"], c["sample_size"], c["sample_size"]), torch.tensor([3, 900])
        picture, (text, tokens) = torch.randn(2, c["cross_attention_dim"]), self.chain.told(TEXTS[:2])
        with torch.no_grad():
            self.close(self.chain.decoder.places(x, time, picture, text, tokens),
                       theirs(x, time, tokens, added_cond_kwargs={"image_embeds": picture, "text_embeds": text}).sample)

    def test_autoencoder(self):
        theirs, x = self.theirs(AutoencoderTiny, "vae"), torch.rand(2, 3, 64, 64) * 2 - 1
        with torch.no_grad():
            latents = self.chain.coder.encode(x)
            self.close(latents, theirs.encode(x).latents)
            self.close(self.chain.coder.decode(latents), theirs.decode(latents).sample)

    def test_films(self):
        """What was exported is what was trained, and starts where it said."""
        work = pathlib.Path(self.work.name)
        for part, checkpoint in (("film_decoder", "films"), ("interpolator", "between"), ("super_res_first", "large"),
                                 ("super_res_last", "largest")):
            network = chains.part(self.folder / part, film_network.FilmDecoder)
            trained = film_training.load(work / f"{checkpoint}.pt").state_dict()
            for name, weight in network.state_dict().items():
                self.assertTrue(torch.equal(weight, trained[name].half().float()), f"{part}: {name}")
            latents = self.chain.coder.config["latent_channels"]
            self.assertEqual(network.config["context"], {"interpolator": latents + 1, "film_decoder": 0}.get(part, 3))

    def test_makes_pictures(self):
        embeddings = self.chain.embeddings(TEXTS, steps=2)
        for told in ((embeddings, TEXTS), (embeddings, None), (None, TEXTS)):
            self.assertEqual(self.chain.pictures(*told, steps=2).shape, (len(TEXTS), 64, 64, 3))

    @unittest.skipUnless(BUILD, "no build folder is named")
    @unittest.mock.patch("stage.mixed", contextlib.nullcontext)
    def test_engine(self):
        """From the same noise, of the embedding of the same picture, to a step of 8 bits."""
        folder = pathlib.Path(self.work.name)
        x = torch.rand(1, 3, 64, 64) * 2 - 1
        shape = 1, self.chain.decoder.channels, *(2 * [self.chain.decoder.config["sample_size"]])
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        np.save(folder / "x.npy", x.numpy())
        np.save(folder / "noise.npy", noise.numpy())
        draw = [BUILD / "engine/cli/udm", "generate", self.folder]
        subprocess.run([*draw, folder / "y.npy", "--image", folder / "x.npy", "--latents", folder / "noise.npy",
                        "--steps", "4", "--device", "cpu"], check=True)
        with torch.no_grad():
            made = self.chain.planes((self.chain.vision(x), *self.chain.told([""])), 3, 4)
        self.assertLess(np.abs(np.load(folder / "y.npy") - made.numpy()).max(), 1 / 255)
        subprocess.run([*draw, folder / "y.png", "--prompt", TEXTS[0], "--device", "cpu"], check=True)
        self.assertEqual(PIL.Image.open(folder / "y.png").size, (64, 64))

    def test_schedulers_are_those_of_the_trainings(self):
        for name, config in (("prior_scheduler", prior.SCHEDULER), ("decoder_scheduler", decoder.SCHEDULER)):
            self.assertEqual(json.loads((self.folder / name / "scheduler_config.json").read_text()), config)


class Pairs(unittest.TestCase):
    def test_own_pictures(self):
        """A folder of pictures with captions goes through the first stage."""
        with tempfile.TemporaryDirectory() as name:
            work = pathlib.Path(name)
            for i in range(45):
                PIL.Image.new("RGB", (70 + i, 80), (5 * i, 0, 99)).save(work / f"{i:02}.png")
                (work / f"{i:02}.txt").write_text(f"shade {i}\nthe shade of number {i}\n", encoding="utf-8")
            mine, words = work / "mine", ["--tokenizer", work / "tokenizer"]
            run("pairs.py", work, mine)
            run("bpe.py", work / "tokenizer", "--pairs", mine)
            run("clip.py", mine, *words, "--facts", 0, "--checkpoint", work / "clip.pt", "--threads", 1, "--batch", 4,
                "--minutes", 0.005)
            packed = pairs.opened(mine)
            self.assertEqual((packed.count, len(packed.held_out(9)[0])), (43, 2))
            self.assertEqual(tuple(packed.pictures[10, 0, 0]), (50, 0, 99))


class Samplers(unittest.TestCase):
    """Ours against diffusers', with a network that says a part of what it sees."""

    @staticmethod
    def network(x, *_):
        return 0.7 * x  # beyond the limits in places

    def test_ddim(self):
        start = torch.randn(4, 3, 8, 8)
        theirs = DDIMScheduler.from_config(decoder.SCHEDULER)
        for count in (4, 10):
            x = start
            theirs.set_timesteps(count)
            for step in theirs.timesteps:
                x = theirs.step(self.network(x), step, x, use_clipped_model_output=True).prev_sample
            self.assertLess((noising.ddim(self.network, start, (), (), 1, count) - x).abs().max(), 1e-3)

    def test_ancestral(self):
        start, made, given = torch.randn(4, 32), *(torch.Generator().manual_seed(1) for _ in range(2))
        theirs = UnCLIPScheduler.from_config(prior.SCHEDULER)
        theirs.set_timesteps(25)
        x = start
        for step, after in zip(theirs.timesteps, [*theirs.timesteps[1:], None]):
            x = theirs.step(self.network(x), step, x, prev_timestep=after, generator=given).prev_sample
        ours = noising.ancestral(self.network, start, (), (), 1, 25, made, limit=prior.CLIP_RANGE)
        self.assertLess((ours - x).abs().max(), 5e-3)  # sums of logarithms in float32


if __name__ == "__main__":
    unittest.main()
