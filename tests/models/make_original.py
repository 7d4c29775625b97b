# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-original, single files of Stable Diffusion with random weights in the names of Latent Diffusion's code
and OpenCLIP's, as `udm convert` reads them, and the pictures that diffusers makes with the same weights (README.md
here).

    python tests/models/make_original.py

The names are held to those that diffusers expects: what its from_single_file() makes of each part must be that part.
"""
import os
import shutil

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

import make_latents
from make_latents import LENGTH, NEGATIVE, PROMPT, WIDTH, loud, quiet

FOLDER = make_latents.HERE / "tiny-original"
UNET = {**make_latents.UNET, "norm_num_groups": 8}
KL = {**make_latents.KL, "block_out_channels": (8, 8), "norm_num_groups": 8}
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
ENDS = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "time_embedding.cond_proj": "time_embed.cond_proj", "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0",
        "conv_out": "out.2"}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj"}


def cut(name):
    """Module and the last word, weight or bias."""
    return name.rsplit(".", 1)


def unet_name(name, config):
    module, last = cut(name)
    every, path = config.layers_per_block + 1, module.split(".")
    if module in ENDS:
        return f"{ENDS[module]}.{last}"
    if path[0] == "mid_block":
        at, rest = {"resnets": 2 * int(path[2]), "attentions": 1}[path[1]], ".".join(path[3:])
        return f"middle_block.{at}.{RESNET.get(rest, rest)}.{last}"
    block, kind, layer, rest = int(path[1]), path[2], int(path[3]), ".".join(path[4:])
    down = path[0] == "down_blocks"
    at = block * every + layer + down
    if kind == "downsamplers":
        return f"input_blocks.{block * every + every}.0.op.{last}"
    if kind == "upsamplers":
        attends = config.up_block_types[block].startswith("Cross")
        return f"output_blocks.{block * every + every - 1}.{1 + attends}.conv.{last}"
    return f"{'input' if down else 'output'}_blocks.{at}.{kind == 'attentions':d}.{RESNET.get(rest, rest)}.{last}"


def vae_name(name, levels):
    module, last = cut(name)
    for new, old in (("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2"),
                     ("mid_block.attentions.0", "mid.attn_1"), ("conv_norm_out", "norm_out"),
                     ("conv_shortcut", "nin_shortcut"), ("downsamplers.0", "downsample"),
                     ("upsamplers.0", "upsample"), ("resnets", "block"), ("down_blocks", "down")):
        module = module.replace(new, old)
    if "attn_1" in module:
        head, word = module.split("attn_1.")
        module = f"{head}attn_1.{ATTENTION[word]}"
    if "up_blocks" in module:
        path = module.split(".")
        module = ".".join(["decoder", "up", str(levels - 1 - int(path[2])), *path[3:]])
    return f"{module}.{last}"


def open_clip(state, layers, width):
    """Of OpenCLIP, with a layer after those, and a projection, that are not used."""
    out = {"token_embedding.weight": state["embeddings.token_embedding.weight"],
           "positional_embedding": state["embeddings.position_embedding.weight"],
           "ln_final.weight": state["final_layer_norm.weight"], "ln_final.bias": state["final_layer_norm.bias"],
           "text_projection": torch.randn(width, width), "logit_scale": torch.tensor(4.6)}
    for i in range(layers + 1):
        old, new = f"encoder.layers.{min(i, layers - 1)}.", f"transformer.resblocks.{i}."
        for last in ("weight", "bias"):
            out[f"{new}attn.in_proj_{last}"] = torch.cat([state[f"{old}self_attn.{k}_proj.{last}"] for k in "qkv"])
            out |= {f"{new}{OPEN[k]}.{last}": state[f"{old}{k}.{last}"] for k in OPEN}
    return {f"cond_stage_model.model.{k}": v for k, v in out.items()}


def plain(state):
    return {k.removeprefix("text_model."): v for k, v in state.items()}


def same(made, wanted, what):
    made = {k: v for k, v in made.items() if "position_ids" not in k}
    assert set(made) == set(wanted), (what, set(made) ^ set(wanted))
    for key, value in wanted.items():
        assert torch.equal(made[key].reshape(value.shape), value), (what, key)


def check(file, pipe):
    """By the functions that from_single_file() is made of, which need no network."""
    same(single_file_utils.convert_ldm_unet_checkpoint(dict(file), pipe.unet.config), pipe.unet.state_dict(), "unet")
    same(single_file_utils.convert_ldm_vae_checkpoint(dict(file), pipe.vae.config), pipe.vae.state_dict(), "vae")
    if any(k.startswith("cond_stage_model.model.") for k in file):
        layers = pipe.text_encoder.config.num_hidden_layers
        used = {k: v for k, v in file.items() if f"resblocks.{layers}." not in k and "text_projection" not in k}
        text = single_file_utils.convert_open_clip_checkpoint(pipe.text_encoder, used)
    else:
        text = single_file_utils.convert_ldm_clip_checkpoint(dict(file))
    same(plain(text), plain(pipe.text_encoder.state_dict()), "text")


def make(name, second, parts, scheduler, extra, steps, guidance):
    tokenizer, text, unet, vae = parts
    pipe = diffusers.StableDiffusionPipeline(vae=vae, text_encoder=text.net, tokenizer=None, unet=unet,
                                             scheduler=scheduler, safety_checker=None, feature_extractor=None,
                                             requires_safety_checker=False)
    state = plain(text.net.state_dict())
    file = {f"model.diffusion_model.{unet_name(k, unet.config)}": v for k, v in unet.state_dict().items()}
    for key, value in vae.state_dict().items():
        old = vae_name(key, len(vae.config.block_out_channels))
        conv = ".attn_1." in old and value.dim() == 2
        file[f"first_stage_model.{old}"] = value[..., None, None] if conv else value
    file |= (open_clip(state, text.net.config.num_hidden_layers, WIDTH) if second
             else {f"cond_stage_model.transformer.text_model.{k}": v for k, v in state.items()})
    check(file, pipe)
    file = {k: v.half().contiguous() for k, v in file.items()} | extra
    save_file(file, FOLDER / f"{name}.safetensors", {"format": "pt"})
    pipe.set_progress_bar_config(disable=True)
    torch.manual_seed(7)
    noise = torch.randn(1, 4, 8, 12)
    said = {f"{of}prompt_embeds": make_latents.tokens_of(words, tokenizer, text)
            for of, words in (("", PROMPT), ("negative_", NEGATIVE))}
    made = pipe(**said, guidance_scale=guidance, num_inference_steps=steps, output_type="pt", height=16, width=24,
                latents=noise).images
    assert 0.6 > (made - 0.5).abs().mean() > 0.02 and ((made > 0) & (made < 1)).float().mean() > 0.7, name
    make_latents.keep(f"{name}-made", 2 * made - 1)
    make_latents.keep("noise", noise)


def make_text(tokenizer, seed, activation):
    net = loud(CLIPTextModel(CLIPTextConfig(
        vocab_size=tokenizer.size, hidden_size=WIDTH, intermediate_size=20, num_hidden_layers=2, num_attention_heads=1,
        max_position_embeddings=LENGTH, eos_token_id=tokenizer.words.end, bos_token_id=tokenizer.words.begin,
        hidden_act=activation)), seed)
    return make_latents.Part(None, net)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    make_latents.FOLDER, make_latents.PARTS = FOLDER, FOLDER
    tokenizer = make_latents.Part("tokenizer", None, *make_latents.make_tokenizer("tokenizer", make_latents.bpe.END))
    other = make_latents.Part("tokenizer", None, tokenizer.size, tokenizer.words,
                              make_latents.json.loads((FOLDER / "tokenizer/vocab.json").read_text())["!"])
    vae = loud(AutoencoderKL(**KL), 31)
    quiet(vae.decoder.conv_out)
    first = loud(UNet2DConditionModel(**UNET, attention_head_dim=8), 32)
    second = loud(UNet2DConditionModel(**UNET, attention_head_dim=(1, 1), use_linear_projection=True), 33)
    for net in (first, second):
        with torch.no_grad():
            net.conv_out.weight.copy_((net.conv_out.weight * 0.5).half().float())
    betas = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1)
    noise = {"alphas_cumprod": torch.cumprod(1 - torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000) ** 2, 0)}
    idle = {"cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(LENGTH)[None],
            "model_ema.decay": torch.tensor(0.9999)}
    make("sd1", False, (tokenizer, make_text(tokenizer, 34, "quick_gelu"), first, vae),
         diffusers.PNDMScheduler(**betas, skip_prk_steps=True), noise | idle, 5, 7.5)
    make("sd2", True, (other, make_text(other, 35, "gelu"), second, vae), diffusers.DDIMScheduler(
        **betas, prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False), {}, 4, 5.0)
    for file in FOLDER.rglob("*.safetensors"):
        os.chmod(file, 0o644)


if __name__ == "__main__":
    main()
