# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-text, a chain from text to pictures with random weights (README.md here): each part is of the class of
transformers or diffusers that its config names, and golden tensors of it lie in tiny-text/golden.

    python tests/models/make_text.py

The last of them is what the whole chain of models/train/chain.py draws of a prompt.
"""
import collections
import contextlib
import json
import pathlib
import shutil
import sys

import numpy as np
import PIL.Image
import torch
from diffusers import AutoencoderTiny, PriorTransformer, UNet2DConditionModel
from transformers import (CLIPImageProcessor, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection,
                          CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection)

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "models/train"), str(HERE.parent / "engine")]
import bpe  # noqa: E402
import chain as chains  # noqa: E402
import decoder  # noqa: E402
import emphasis  # noqa: E402
import export  # noqa: E402
import index  # noqa: E402
import prior  # noqa: E402
import stage  # noqa: E402

FOLDER, GOLDEN = HERE / "tiny-text", HERE / "tiny-text/golden"
SIZE, LENGTH, PATCH, SIDE, LATENTS, SCALE = 24, 16, 2, 16, 6, 2  # SIDE: of pictures; SCALE: of those to latents
ROOM = 1, LATENTS, SIDE // SCALE, SIDE // SCALE
WEIGHTED = ("a (small [red]:1.4) seven, ((and) a blue) star BREAK the \\(number\\) four, (green and:0.5) large "
            "next to a ring")
PROMPT, NEGATIVE = "a small red seven, and a blue star", "a green ring"
WORDS = ["a small red seven and a blue star over sand", "the number four, green and large, next to a ring"] * 9
DECODER = dict(sample_size=SIDE // SCALE // PATCH, in_channels=LATENTS * PATCH ** 2, out_channels=LATENTS * PATCH ** 2,
               block_out_channels=(16, 24), layers_per_block=1, encoder_hid_dim=SIZE, attention_head_dim=8,
               norm_num_groups=4, resnet_time_scale_shift="scale_shift",
               down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
               mid_block_type="UNetMidBlock2DSimpleCrossAttn",
               up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"))


def loud(net):
    """Random weights that are exact in float16, also in layers that start at zero, so that each matters."""
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.dim() == 1 and "norm" in name:
                weight.normal_(1 if name.endswith("weight") else 0, 0.3)
            elif weight.dim() == 1:
                weight.normal_(0, 0.2)
            elif name.startswith("clip_"):
                weight.uniform_(0.5, 1.5)
            elif "embedding" in name and "proj" not in name:
                weight.normal_(0, 0.3)
            else:
                weight.normal_(0, (weight[0].numel()) ** -0.5)
            weight.copy_(weight.half().float())
    return net.eval().requires_grad_(False)


def keep(name, x):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    np.save(GOLDEN / f"{name}.npy", np.ascontiguousarray(x))


def write(name, net, **more):
    folder = FOLDER / name
    net.half().save_pretrained(folder, safe_serialization=True)
    net.float()
    config = json.loads((folder / "config.json").read_text())
    dropped = ("_diffusers_version", "transformers_version", "_name_or_path")
    export.write_json(folder / "config.json", {k: v for k, v in {**config, **more}.items() if k not in dropped})


def make_words():
    counts = collections.Counter(w for text in WORDS for w in bpe.words_of(text))
    size = bpe.write(FOLDER / "tokenizer", bpe.learn(counts, 40), LENGTH)
    return size, bpe.Tokenizer(FOLDER / "tokenizer")


def make_text(size, tokenizer):
    torch.manual_seed(1)
    shape = dict(vocab_size=size, hidden_size=SIZE, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                 max_position_embeddings=LENGTH, eos_token_id=tokenizer.end, bos_token_id=tokenizer.begin)
    net = loud(CLIPTextModelWithProjection(CLIPTextConfig(projection_dim=SIZE, hidden_act="gelu", **shape)))
    write("text_encoder", net)
    ids = torch.from_numpy(tokenizer.batch([PROMPT]))
    said = net(ids)
    keep("text-ids", ids[0].numpy().astype(np.float32))
    keep("text-tokens", said.last_hidden_state[0].T[:, None])
    keep("text-embedding", said.text_embeds[0])
    # As SD-1's: no projection, quick GELU, and no "text_model." in the file
    plain = loud(CLIPTextModel(CLIPTextConfig(hidden_act="quick_gelu", **shape)))
    folder = FOLDER / "other/text_encoder"
    plain.half().save_pretrained(folder)
    plain.float()
    keep("plain-tokens", plain(ids).last_hidden_state[0].T[:, None])
    make_weighted(plain, tokenizer)


def make_weighted(tower, tokenizer):
    """A long prompt with weights, in chunks: [chunks, SIZE, 1, LENGTH]."""
    clip = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer", local_files_only=True)
    ids, weights, _ = emphasis.chunks(WEIGHTED, lambda text: clip(text, add_special_tokens=False).input_ids, LENGTH,
                                      tokenizer.begin, tokenizer.end, clip.pad_token_id)
    made = tower(torch.from_numpy(ids)).last_hidden_state.numpy()
    keep("weighted-ids", ids.astype(np.float32))
    chunks = [emphasis.apply(w, t).T[:, None] for w, t in zip(weights, made)]
    keep("weighted-tokens", np.stack(chunks).astype(np.float32))


def make_vision():
    torch.manual_seed(2)
    net = loud(CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, projection_dim=SIZE, num_hidden_layers=2, num_attention_heads=2,
        image_size=SIDE, patch_size=2 * PATCH, hidden_act="gelu")))
    write("image_encoder", net)
    x = torch.rand(1, 3, SIDE, SIDE) * 2 - 1
    keep("image", x)
    keep("image-embedding", net(x).image_embeds[0])
    export.write_json(FOLDER / "feature_extractor/preprocessor_config.json", {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": SIDE},
        "crop_size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    show = CLIPImageProcessor.from_pretrained(FOLDER / "feature_extractor")
    for name, (height, width) in (("large", (75, 41)), ("small", (7, 10))):
        picture = np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)
        keep(f"{name}-picture", picture.transpose(2, 0, 1) / np.float32(127.5) - 1)
        keep(f"{name}-shown", show(PIL.Image.fromarray(picture), return_tensors="np")["pixel_values"][0])


def make_prior(tokenizer, tower):
    torch.manual_seed(3)
    net = loud(PriorTransformer(num_attention_heads=2, attention_head_dim=16, num_layers=2, embedding_dim=SIZE,
                                num_embeddings=LENGTH, additional_embeddings=4))
    write("prior", net)
    export.write_json(FOLDER / "prior_scheduler/scheduler_config.json", prior.SCHEDULER)
    text, tokens, lengths = prior.read(tower, tokenizer, [PROMPT])
    whole = torch.zeros(1, LENGTH, SIZE)
    whole[:, :tokens.shape[1]] = tokens
    x, time = torch.randn(1, SIZE), torch.tensor([417])
    keep("prior-noisy", x[0])
    made = net(x, time, text, whole, torch.arange(LENGTH)[None] < lengths)
    keep("prior-embedding", made.predicted_image_embedding[0])


def make_decoders(tower, tokenizer):
    """As Kandinsky 2.1's, of the embedding of a picture and a text, and as 2.2's, of the first alone."""
    torch.manual_seed(4)
    export.write_json(FOLDER / "decoder_scheduler/scheduler_config.json", decoder.SCHEDULER)
    x, told = torch.randn(ROOM), torch.randn(1, SIZE)
    text, tokens = decoder.read(tower, tokenizer, [PROMPT], LENGTH)
    keep("decoder-noisy", x)
    keep("decoder-told", torch.cat([told[0], text[0], tokens[0].T.flatten()]))
    for folder, name, width, form, added in (("decoder", "decoder", SIZE, "text_image_proj", "text_image"),
                                             ("other/pictures", "pictures", 8, "image_proj", "image")):
        net = loud(UNet2DConditionModel(**DECODER, cross_attention_dim=width, encoder_hid_dim_type=form,
                                        addition_embed_type=added))
        write(folder, net, patch_size=PATCH, **({"text_tokens": LENGTH} if name == "decoder" else {}))
        made = net(torch.nn.functional.pixel_unshuffle(x, PATCH), torch.tensor([417]), tokens,
                   added_cond_kwargs={"image_embeds": told, "text_embeds": text}).sample
        keep(f"{name}-expected", torch.nn.functional.pixel_shuffle(made, PATCH))


def make_coder():
    torch.manual_seed(6)
    width = dict(encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(0, 1),
                 num_decoder_blocks=(1, 0))
    write("vae", loud(AutoencoderTiny(**width, latent_channels=LATENTS)))


def make_text_unets():
    """As those of Stable Diffusion 1 and 2, with 77 tokens of 12."""
    shape = dict(sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=12,
                 norm_num_groups=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                 up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
    torch.manual_seed(5)
    x, tokens = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 12)
    keep("sd-noisy", x)
    keep("sd-tokens", tokens[0].T)
    for name, more in (("sd1", dict(attention_head_dim=2)),
                       ("sd2", dict(attention_head_dim=(1, 4), use_linear_projection=True))):
        net = loud(UNet2DConditionModel(**shape, **more))
        write(f"other/{name}", net)
        keep(f"{name}-expected", net(x, torch.tensor([417]), tokens).sample)


def make_whites():
    """Pictures for `udm generate --image`: all are white."""
    PIL.Image.new("RGB", (8, 8), "white").save(GOLDEN / "white.jpg")
    PIL.Image.fromarray(np.full((4, 6), 65535, np.uint16)).save(GOLDEN / "white-grey16.png")
    PIL.Image.new("RGB", (5, 5), "white").quantize(2).save(GOLDEN / "white-palette.png")


def make_chain(steps=5, decoder_steps=4):
    chain = chains.Chain(FOLDER)
    generator = torch.Generator().manual_seed(0)
    keep("chain-prior-noise", torch.cat([torch.randn(1, SIZE, generator=generator) for _ in range(steps)]))
    told, untold = (prior.read(chain.text, chain.tokenizer, [t]) for t in (PROMPT, NEGATIVE))
    embedding = prior.sample(chain.prior, told, untold, 2, steps, torch.Generator().manual_seed(0))
    keep("chain-embedding", embedding[0])
    text, tokens = chain.told([PROMPT])
    keep("chain-told", torch.cat([text[0], tokens[0].T.flatten()]))
    keep("chain-noise", torch.randn(ROOM, generator=torch.Generator().manual_seed(0)))
    keep("chain-picture", chain.planes((embedding, text, tokens), 3, decoder_steps))


def main():
    torch.set_num_threads(1)
    stage.mixed = contextlib.nullcontext
    shutil.rmtree(FOLDER, ignore_errors=True)
    size, tokenizer = make_words()
    make_text(size, tokenizer)
    make_vision()
    tower = chains.Chain(FOLDER).text
    make_prior(tokenizer, tower)
    make_decoders(tower, tokenizer)
    make_coder()
    make_text_unets()
    export.write_json(FOLDER / "model_index.json", {"_class_name": "UdmTextPipeline", **index.PARTS, **index.CODER})
    make_chain()
    make_whites()


if __name__ == "__main__":
    with torch.no_grad():
        main()
