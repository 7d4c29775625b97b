# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-latents, autoencoders and pipelines of latent diffusion with random weights (README.md here).

    python tests/models/make_latents.py

A pipeline is a folder whose parts are links to those of `parts`; beside it lie the noise that its picture begins with,
and the picture that diffusers makes of PROMPT and NEGATIVE. New noise in a step is the engine's. Latents of a picture
are the most probable ones, which diffusers draws.
"""
import collections
import json
import os
import pathlib
import shutil
import sys

import diffusers
import numpy as np
import torch
from PIL import Image
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.models.autoencoders import vae as of_vae
from diffusers.schedulers import scheduling_lcm
from transformers import CLIPTextConfig, CLIPTextModel

import make_video

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models/train"))
import bpe  # noqa: E402
import export  # noqa: E402

FOLDER = HERE / "tiny-latents"
PARTS = FOLDER / "parts"
PROMPT, NEGATIVE = "a small red seven, and a blue star", "a green ring"
WORDS = ["a small red seven and a blue star over sand", "the number four, green and large, next to a ring"] * 9
LONG = "a small red seven BREAK a blue star over sand"  # of two chunks
LENGTH, WIDTH = 77, 12
NOTES = ("_diffusers_version", "transformers_version", "_name_or_path")


def loud(net, seed):
    """Random weights that are exact in float16, so that each matters."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.dim() == 1:
                weight.normal_(1 if "norm" in name and name.endswith("weight") else 0, 0.2)
            else:
                weight.normal_(0, (weight[0].numel()) ** -0.5)
            weight.copy_(weight.half().float())
    return net.eval().requires_grad_(False)


def keep(name, x):
    np.save(FOLDER / f"{name}.npy", np.ascontiguousarray(x, dtype=np.float32))


def write(folder, net, rename=None):
    """As diffusers saves it, in float16, less what changes with its version."""
    net.half().save_pretrained(folder, safe_serialization=True)
    net.float()
    path = folder / "config.json"
    config = {k: v for k, v in json.loads(path.read_text()).items() if k not in NOTES}
    path.write_text(json.dumps(config, indent=2) + "\n")
    if rename:
        from safetensors.torch import load_file, save_file
        file = folder / "diffusion_pytorch_model.safetensors"
        save_file({rename(k): v for k, v in load_file(file).items()}, file)


def quiet(last, mean=0.0):
    """The last layer of an autoencoder whose pictures are seldom beyond white, which would hide errors."""
    with torch.no_grad():
        last.weight *= 0.15
        last.bias += mean
        for weight in last.parameters():
            weight.copy_(weight.half().float())


def old_names(key):
    """Those of the attention in the middle, as in files of before 2023."""
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        key = key.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return key


KL = dict(block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4, sample_size=16,
          down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)


def make_kl(name, seed, old=False, **more):
    net = loud(AutoencoderKL(**{**KL, **more}), seed)
    quiet(net.decoder.conv_out)
    write(FOLDER / name, net, old_names if old else None)
    x = torch.rand(1, 3, 16, 24) * 2 - 1
    shift = net.config.shift_factor or 0
    z = (net.encode(x).latent_dist.mode() - shift) * net.config.scaling_factor
    keep(f"{name}-picture", x)
    keep(f"{name}-latents", z)
    keep(f"{name}-decoded", net.decode(z / net.config.scaling_factor + shift).sample)
    return net


def make_tiny(name, seed):
    net = loud(AutoencoderTiny(encoder_block_out_channels=(12,) * 3, decoder_block_out_channels=(12,) * 3,
                               num_encoder_blocks=(1, 1, 2), num_decoder_blocks=(2, 1, 1)), seed)
    quiet(net.decoder.layers[-1], 0.5)
    write(FOLDER / name, net)
    x = torch.rand(1, 3, 16, 24) * 2 - 1
    z = net.encode(x).latents
    keep(f"{name}-picture", x)
    keep(f"{name}-latents", z)
    keep(f"{name}-decoded", net.decode(z).sample)
    wide = torch.randn(1, 4, 4, 80) * 2  # of which tiles are cut
    keep(f"{name}-wide", wide)
    keep(f"{name}-wide-decoded", net.decode(wide).sample)
    return net


# ---- pipelines

UNET = dict(sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=WIDTH, norm_num_groups=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))


def make_tokenizer(name, pad):
    counts = collections.Counter(w for text in WORDS for w in bpe.words_of(text))
    folder = PARTS / name
    folder.mkdir(parents=True)
    size = bpe.write(folder, bpe.learn(counts, 40), LENGTH)
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        config = json.loads((folder / file).read_text())
        export.write_json(folder / file, {**config, "pad_token": pad})
    words = bpe.Tokenizer(folder)
    vocabulary = json.loads((folder / "vocab.json").read_text())
    return size, words, vocabulary[pad]


class Part:
    """Of a pipeline: a folder of PARTS, and what diffusers has there."""

    def __init__(self, folder, net=None, size=0, words=None, pad=None):
        self.folder, self.net, self.size, self.words, self.pad = folder, net, size, words, pad


def make_text(name, tokenizer, seed, activation):
    net = loud(CLIPTextModel(CLIPTextConfig(
        vocab_size=tokenizer.size, hidden_size=WIDTH, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=LENGTH, eos_token_id=tokenizer.words.end, bos_token_id=tokenizer.words.begin,
        hidden_act=activation)), seed)
    write(PARTS / name, net)
    return Part(name, net)


def make_unet(name, seed, **more):
    net = UNet2DConditionModel(**{**UNET, **more})
    loud(net, seed)
    with torch.no_grad():
        net.conv_out.weight *= 0.5
        net.conv_out.weight.copy_(net.conv_out.weight.half().float())
    write(PARTS / name, net)
    return Part(name, net)


def tokens_of(text, tokenizer, tower):
    ids = tokenizer.words.ids_of(text)
    ids = torch.tensor([list(ids) + [tokenizer.pad] * (LENGTH - len(ids))])
    return tower.net(ids).last_hidden_state


def engine_noise(count=[0]):
    """Of the steps of picture 0 of make_video.SEED, in their order."""
    def draw(shape, **_):
        count[0] += 1
        return make_video.normal(0, count[0], tuple(shape))
    count[0] = 0
    return draw


def make_pipeline(name, kind, parts, scheduler, steps, guidance, image=None, mask=None, **more):
    """parts: tokenizer, text encoder, unet, vae"""
    folder = FOLDER / name
    (folder / "scheduler").mkdir(parents=True)
    tokenizer, text, unet, vae = parts
    names = {"tokenizer": ["transformers", "CLIPTokenizer"], "text_encoder": ["transformers", "CLIPTextModel"],
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", type(vae.net).__name__],
             "scheduler": ["diffusers", type(scheduler).__name__], "safety_checker": [None, None],
             "feature_extractor": ["transformers", "CLIPImageProcessor"]}
    export.write_json(folder / "model_index.json", {"_class_name": kind, "requires_safety_checker": False, **names})
    scheduler.save_pretrained(folder / "scheduler")
    for part, of in zip(("tokenizer", "text_encoder", "unet", "vae"), parts):
        os.symlink(os.path.normpath(f"../parts/{of.folder}"), folder / part)
    pipe = getattr(diffusers, kind)(
        vae=vae.net, text_encoder=text.net, tokenizer=None, unet=unet.net, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    scale = 2 ** (len(getattr(vae.net.config, "block_out_channels", (0,) * 3)) - 1)
    torch.manual_seed(7)
    noise = torch.randn(1, 4, 8, 12)
    said = dict(prompt_embeds=tokens_of(PROMPT, tokenizer, text), guidance_scale=guidance, num_inference_steps=steps,
                negative_prompt_embeds=tokens_of(NEGATIVE, tokenizer, text), output_type="pt")
    scheduling_lcm.randn_tensor = engine_noise()
    if kind != "StableDiffusionImg2ImgPipeline":
        said |= dict(height=8 * scale, width=12 * scale, latents=noise)
    if image is not None:
        said |= dict(image=image)
        of_vae.DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
        module = sys.modules[type(pipe).__module__]
        module.randn_tensor = lambda shape, **_: noise
    if mask is not None:
        said |= dict(mask_image=mask)
    made = pipe(**said, **more).images
    assert 0.6 > (made - 0.5).abs().mean() > 0.02 and ((made > 0) & (made < 1)).float().mean() > 0.7, name
    keep(f"{name}-noise", noise)
    keep(f"{name}-made", 2 * made - 1)


def make_long(parts, scheduler, steps, guidance):
    """Of the noise of sd1, and LONG. The negative prompt, of one chunk, is said twice, which changes nothing."""
    tokenizer, text, unet, vae = parts
    pipe = diffusers.StableDiffusionPipeline(
        vae=vae.net, text_encoder=text.net, tokenizer=None, unet=unet.net, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    chunks = [tokens_of(chunk, tokenizer, text) for chunk in LONG.split("BREAK")]
    negative = [tokens_of(NEGATIVE, tokenizer, text)] * len(chunks)
    made = pipe(prompt_embeds=torch.cat(chunks, 1), negative_prompt_embeds=torch.cat(negative, 1), height=16, width=24,
                latents=torch.from_numpy(np.load(FOLDER / "sd1-noise.npy")), guidance_scale=guidance,
                num_inference_steps=steps, output_type="pt").images
    keep("long-made", 2 * made - 1)


def make_pipelines(kl, tiny):
    tokenizers = [Part(f"tokenizer-{i}", None, *make_tokenizer(f"tokenizer-{i}", pad))
                  for i, pad in enumerate((bpe.END, "!"))]
    texts = [make_text(f"text-{i}", tokenizers[i], 11 + i, act) for i, act in enumerate(("quick_gelu", "gelu"))]
    kl, tiny = Part("../kl", kl), Part("../tiny", tiny)
    first = make_unet("unet-1", 21, attention_head_dim=2)
    second = make_unet("unet-2", 22, attention_head_dim=(1, 4), use_linear_projection=True)
    betas = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    plain, other = (tokenizers[0], texts[0], first, kl), (tokenizers[1], texts[1], second, kl)
    make_pipeline("sd1", "StableDiffusionPipeline", plain, diffusers.PNDMScheduler(
        **betas, skip_prk_steps=True, steps_offset=1), 5, 7.5)
    make_long(plain, diffusers.PNDMScheduler(**betas, skip_prk_steps=True, steps_offset=1), 5, 7.5)
    make_pipeline("sd2", "StableDiffusionPipeline", other, diffusers.DDIMScheduler(
        **betas, prediction_type="v_prediction", steps_offset=1, clip_sample=False, set_alpha_to_one=False), 4, 5.0)
    make_pipeline("turbo", "StableDiffusionPipeline", (*other[:3], tiny), diffusers.EulerDiscreteScheduler(
        **betas, timestep_spacing="trailing"), 1, 0.0)
    make_pipeline("solver", "StableDiffusionPipeline", plain, diffusers.DPMSolverMultistepScheduler(
        **betas, timestep_spacing="leading"), 5, 3.0)
    guided = make_unet("unet-lcm", 23, attention_head_dim=2, time_cond_proj_dim=10)
    make_pipeline("lcm", "LatentConsistencyModelPipeline", (*plain[:2], guided, tiny), diffusers.LCMScheduler(), 3, 8.5)
    picture = torch.rand(1, 3, 16, 24).round(decimals=3)
    keep("picture", picture * 2 - 1)
    make_pipeline("changed", "StableDiffusionImg2ImgPipeline", plain, diffusers.EulerDiscreteScheduler(
        **betas, timestep_spacing="leading"), 5, 4.0, image=picture, strength=0.65)
    mask = torch.zeros(1, 1, 16, 24)
    mask[..., 4:13, 6:21] = 1
    holed = torch.cat([picture, 1 - mask], 1)
    keep("holed", holed * 2 - 1)
    Image.fromarray((holed[0].permute(1, 2, 0) * 255).round().byte().numpy()).save(FOLDER / "holed.png")
    filler = make_unet("unet-fill", 24, attention_head_dim=2, in_channels=9)
    make_pipeline("filled", "StableDiffusionInpaintPipeline", (*plain[:2], filler, kl), diffusers.DDIMScheduler(
        **betas, steps_offset=1, clip_sample=False, set_alpha_to_one=False), 4, 4.0, image=picture, mask=mask)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    kl = make_kl("kl", 1, old=True)
    make_kl("kl-bare", 2, mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False,
            shift_factor=0.1, scaling_factor=0.4)
    tiny = make_tiny("tiny", 3)
    make_pipelines(kl, tiny)
    for file in FOLDER.rglob("*.safetensors"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
