# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-film: pipelines that make films, with random weights, and films that diffusers makes with them (README.md
here).

    python tests/models/make_film.py

Each has golden/noise.npy [1, C, F, h, w] and golden/film.npy [1, 3, F, H, W] of the prompt and steps below; golden/long
is of a prompt with weights that is more than a chunk.
"""
import json
import pathlib
import shutil

import numpy as np
import torch
from diffusers import (AnimateDiffPipeline, AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, MotionAdapter,
                       TextToVideoSDPipeline, UNet2DConditionModel, UNet3DConditionModel)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from make_motion import SHAPE, save
from make_text import emphasis, loud

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "tiny-film"
PROMPT, NEGATIVE, STEPS, GUIDANCE = "a small red seven, and a blue star", "a green ring", 4, 7.5
LONG = "a (small red:1.3) seven, " * 18 + "and [a blue star]"
SCHEDULER = dict(num_train_timesteps=1000, steps_offset=1, clip_sample=False, set_alpha_to_one=False)


def write_json(path, what):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(what, indent=2) + "\n")


def make_parts(folder):
    tokenizer = folder / "tokenizer"
    shutil.copytree(HERE / "tiny-text/tokenizer", tokenizer)
    config = json.loads((tokenizer / "tokenizer_config.json").read_text())
    write_json(tokenizer / "tokenizer_config.json", {**config, "model_max_length": 77})
    words = CLIPTokenizer.from_pretrained(tokenizer, local_files_only=True)
    tower = loud(CLIPTextModel(CLIPTextConfig(
        vocab_size=len(words), hidden_size=12, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=77, hidden_act="gelu", bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id)))
    vae = loud(AutoencoderKL(block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16,
                             down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
                             latent_channels=4))
    tower.half().save_pretrained(folder / "text_encoder")
    tower.float()
    save(vae, folder / "vae")
    return words, tower, vae


def embed(pipe, prompt, count):
    """[1, count 77, width], filled up with chunks of no text."""
    def read(text):
        words = pipe.tokenizer
        ids, weights, _ = emphasis.chunks(text, lambda part: words(part, add_special_tokens=False).input_ids, 77,
                                          words.bos_token_id, words.eos_token_id, words.pad_token_id)
        made = pipe.text_encoder(torch.from_numpy(ids)).last_hidden_state.numpy()
        return [emphasis.apply(w, t) for w, t in zip(weights, made)]

    chunks = read(prompt)
    chunks += read("") * (count - len(chunks))
    return torch.from_numpy(np.concatenate(chunks)[None].astype(np.float32))


def make_film(pipe, noise, **told):
    made = pipe(num_frames=noise.shape[2], num_inference_steps=STEPS, height=8, width=8, guidance_scale=GUIDANCE,
                latents=noise, output_type="pt", **told).frames
    return np.ascontiguousarray(made.float().numpy().transpose(0, 2, 1, 3, 4)) * 2 - 1


def write_film(name, pipe, parts, scheduler, frames):
    folder = FOLDER / name
    write_json(folder / "model_index.json", {"_class_name": type(pipe).__name__, **parts})
    write_json(folder / "scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler", **scheduler})
    pipe.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, frames, 4, 4)
    (folder / "golden").mkdir()
    np.save(folder / "golden/noise.npy", noise.numpy())
    film = make_film(pipe, noise.clone(), prompt=PROMPT, negative_prompt=NEGATIVE)
    np.save(folder / "golden/film.npy", film)
    count = embed(pipe, LONG, 0).shape[1] // 77
    np.save(folder / "golden/long.npy", make_film(pipe, noise.clone(), prompt_embeds=embed(pipe, LONG, count),
                                                  negative_prompt_embeds=embed(pipe, NEGATIVE, count)))
    print(f"{name}: deviation {film.std():.3g}, {np.mean(abs(film) == 1):.3g} is black or white; {count} chunks")


def make_animate():
    """AnimateDiff: a U-Net of Stable Diffusion, and an adapter for 24 frames."""
    torch.manual_seed(11)
    folder = FOLDER / "animate"
    words, tower, vae = make_parts(folder)
    unet = loud(UNet2DConditionModel(**SHAPE, attention_head_dim=2,
                                     down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                                     up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")))
    adapter = loud(MotionAdapter(block_out_channels=(8, 16), motion_layers_per_block=1, motion_num_attention_heads=2,
                                 motion_norm_num_groups=4, motion_max_seq_length=24))
    save(unet, folder / "unet")
    save(adapter, folder / "motion_adapter")
    scheduler = dict(SCHEDULER, beta_schedule="linear", beta_start=0.00085, beta_end=0.012)
    pipe = AnimateDiffPipeline(vae, tower, words, unet, adapter, DDIMScheduler(**scheduler))
    write_film("animate", pipe, {
        "unet": ["diffusers", "UNet2DConditionModel"], "motion_adapter": ["diffusers", "MotionAdapter"],
        "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"],
        "feature_extractor": [None, None]}, scheduler, 24)
    # ... by a scheduler whose noise at the start is not of 1
    pipe.scheduler = EulerDiscreteScheduler(beta_schedule="linear", beta_start=0.00085, beta_end=0.012, steps_offset=1)
    noise = torch.from_numpy(np.load(folder / "golden/noise.npy"))
    np.save(folder / "golden/euler.npy", make_film(pipe, noise, prompt=PROMPT, negative_prompt=NEGATIVE))


def make_scope():
    """ModelScope's text-to-video."""
    torch.manual_seed(12)
    folder = FOLDER / "scope"
    words, tower, vae = make_parts(folder)
    net = loud(UNet3DConditionModel(**SHAPE, attention_head_dim=4,
                                    down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
                                    up_block_types=("UpBlock3D", "CrossAttnUpBlock3D")))
    save(net, folder / "unet")
    scheduler = dict(SCHEDULER, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    pipe = TextToVideoSDPipeline(vae, tower, words, net, DDIMScheduler(**scheduler))
    write_film("scope", pipe, {
        "unet": ["diffusers", "UNet3DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDIMScheduler"]}, scheduler, 6)


def main():
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    make_animate()
    make_scope()


if __name__ == "__main__":
    with torch.no_grad():
        main()
