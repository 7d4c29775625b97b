# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-unclip, pipelines of Karlo (the public DALL-E 2) with random weights (README.md here).

    python tests/models/make_unclip.py

`prompt` is a UnCLIPPipeline, `variations` a UnCLIPImageVariationPipeline; their parts are links to those of `parts`.
Beside them lie the picture that diffusers makes of PROMPT, and of `image`, with the engine's noise.
"""
import json
import math
import os
import shutil
import sys

import numpy as np
import torch
from diffusers import (PriorTransformer, UnCLIPImageVariationPipeline, UnCLIPPipeline, UnCLIPScheduler,
                       UNet2DConditionModel, UNet2DModel)
from diffusers.pipelines.deprecated.unclip import UnCLIPTextProjModel
from diffusers.schedulers import scheduling_unclip
from transformers import (CLIPImageProcessor, CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer,
                          CLIPVisionConfig, CLIPVisionModelWithProjection)

import make_latents
import make_text
import make_video
from make_latents import export

FOLDER = make_latents.HERE / "tiny-unclip"
PARTS = FOLDER / "parts"
SIZE, WIDTH, LENGTH, SMALL, LARGE = 16, 12, 77, 8, 32
PROMPT = "a small red seven, and a blue star"
PRIOR_STEPS, STEPS, LARGE_STEPS = 4, 5, 3
PRIOR_SCALE, SCALE = 3.0, 2.5
PRIOR_NOISE, LARGE_NOISE = 2 ** 64 - 1, 1 << 31  # what the engine names it by
UNETS = dict(resnet_time_scale_shift="scale_shift", layers_per_block=1, norm_num_groups=4)


def normal(number, step, shape):
    """The engine's noise (engine/base/random.c), of seed 0."""
    count = math.prod(shape)
    counter = np.zeros((-(-count // 4), 4), np.uint64)
    counter[:, 0], counter[:, 3] = np.arange(len(counter)), step
    counter[:, 1], counter[:, 2] = number % 2 ** 32, number // 2 ** 32
    bits = make_video.philox(counter, (0, 0)).astype(np.float64).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log((bits[:, 0] + 1) / 2 ** 32)), bits[:, 1] * (2 * math.pi / 2 ** 32)
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1).reshape(-1)[:count]
    return torch.from_numpy(values.astype(np.float32)).view(shape)


def engine_noise():
    """Of the prior, the decoder and the enlargement, told by their shapes; each counts its draws."""
    counts = {}

    def draw(shape, **_):
        shape = tuple(shape)
        sides = (PRIOR_NOISE, 0) if len(shape) == 2 else (0, LARGE_NOISE if shape[-1] == LARGE else 0)
        step = counts[shape] = counts.get(shape, -1) + 1
        return normal(sides[0], sides[1] + step, shape)
    return draw


def write(name, net):
    make_latents.write(PARTS / name, net)
    return net


def make_networks(tokenizer, size):
    torch.manual_seed(1)
    loud = make_text.loud
    text = loud(CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=size, hidden_size=SIZE, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=LENGTH, eos_token_id=tokenizer.end, bos_token_id=tokenizer.begin,
        projection_dim=SIZE)))
    vision = loud(CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, projection_dim=SIZE, num_hidden_layers=2, num_attention_heads=2,
        image_size=8, patch_size=4)))
    prior = loud(PriorTransformer(num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=SIZE,
                                  num_embeddings=LENGTH, additional_embeddings=4))
    decoder = loud(UNet2DConditionModel(
        sample_size=SMALL, in_channels=3, out_channels=6, block_out_channels=(16, 24), cross_attention_dim=WIDTH,
        attention_head_dim=8, class_embed_type="identity", mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), **UNETS))
    told = UnCLIPTextProjModel(clip_embeddings_dim=SIZE, time_embed_dim=64, cross_attention_dim=WIDTH)
    loud(told)
    with torch.no_grad():
        told.learned_classifier_free_guidance_embeddings.normal_(0, 0.5)
        told.half().float()
    large = [loud(UNet2DModel(
        sample_size=LARGE, in_channels=6, out_channels=3, block_out_channels=(8, 16), add_attention=False,
        down_block_types=("ResnetDownsampleBlock2D",) * 2, up_block_types=("ResnetUpsampleBlock2D",) * 2, **UNETS))
        for _ in range(2)]
    parts = dict(text_encoder=text, image_encoder=vision, prior=prior, decoder=decoder, text_proj=told,
                 super_res_first=large[0], super_res_last=large[1])
    return {name: write(name, net) for name, net in parts.items()}


def make_schedulers():
    learned = dict(prediction_type="epsilon", variance_type="learned_range")
    every = dict(prior=UnCLIPScheduler(prediction_type="sample", clip_sample_range=5.0),
                 decoder=UnCLIPScheduler(**learned), super_res=UnCLIPScheduler())
    for name, scheduler in every.items():
        scheduler.save_pretrained(PARTS / f"{name}_scheduler")
    return {f"{name}_scheduler": scheduler for name, scheduler in every.items()}


def make_extractor():
    export.write_json(PARTS / "feature_extractor/preprocessor_config.json", {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 8},
        "crop_size": {"height": 8, "width": 8}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    return CLIPImageProcessor.from_pretrained(PARTS / "feature_extractor")


def make_pipeline(name, kind, parts, **said):
    folder = FOLDER / name
    folder.mkdir()
    wanted = sorted(kind.__init__.__annotations__)
    index = {}
    for part in wanted:
        os.symlink(f"../parts/{part}", folder / part)
        library = "transformers" if type(parts[part]).__module__.startswith("transformers") else "diffusers"
        if part == "text_proj":
            library = "unclip"
        index[part] = [library, type(parts[part]).__name__]
    export.write_json(folder / "model_index.json", {"_class_name": kind.__name__, **index})
    pipe = kind(**{part: parts[part] for part in wanted})
    pipe.set_progress_bar_config(disable=True)
    draw = engine_noise()
    sys.modules[kind.__module__].randn_tensor = scheduling_unclip.randn_tensor = draw
    made = pipe(decoder_num_inference_steps=STEPS, super_res_num_inference_steps=LARGE_STEPS,
                decoder_guidance_scale=SCALE, output_type="np", **said).images
    assert 0.7 > np.abs(made - 0.5).mean() > 0.02 and ((made > 0) & (made < 1)).mean() > 0.5, (
        name, np.abs(made - 0.5).mean(), ((made > 0) & (made < 1)).mean())
    np.save(FOLDER / f"{name}-made.npy", (2 * made.transpose(0, 3, 1, 2) - 1).astype(np.float32))


@torch.no_grad()
def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    PARTS.mkdir(parents=True)
    make_latents.PARTS, make_latents.LENGTH = PARTS, LENGTH
    size, words, _ = make_latents.make_tokenizer("tokenizer", make_latents.bpe.END)
    parts = make_networks(words, size) | make_schedulers()
    parts |= dict(tokenizer=CLIPTokenizer.from_pretrained(PARTS / "tokenizer"), feature_extractor=make_extractor())
    image = torch.rand(1, 3, 8, 8) * 2 - 1
    np.save(FOLDER / "image.npy", image.numpy())
    make_pipeline("prompt", UnCLIPPipeline, parts, prompt=PROMPT, prior_num_inference_steps=PRIOR_STEPS,
                  prior_guidance_scale=PRIOR_SCALE)
    make_pipeline("variations", UnCLIPImageVariationPipeline, parts, image=image)
    for file in FOLDER.rglob("*.safetensors"):
        file.chmod(0o644)
    for file in FOLDER.rglob("scheduler_config.json"):
        config = json.loads(file.read_text())
        export.write_json(file, {k: v for k, v in config.items() if k != "_diffusers_version"})


if __name__ == "__main__":
    main()
