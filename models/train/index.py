# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes model_index.json of a folder that holds the stages from text to pictures, once all are exported.

    python models/train/index.py models/world
"""
import argparse
import json
import pathlib

import export
import film_network

PARTS = {"tokenizer": ["transformers", "CLIPTokenizer"],
         "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
         "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
         "feature_extractor": ["transformers", "CLIPImageProcessor"],
         "prior": ["diffusers", "PriorTransformer"], "prior_scheduler": ["diffusers", "UnCLIPScheduler"],
         "decoder": ["diffusers", "UNet2DConditionModel"], "decoder_scheduler": ["diffusers", "DDIMScheduler"]}

CODER = {"vae": ["diffusers", "AutoencoderTiny"]}  # of a decoder that draws latents
FILMS = "film_decoder", "interpolator", "super_res_first", "super_res_last"  # which a model may have


def size_of(config):
    """The size of the embedding that the stages share. config: of a part, by its name."""
    text = config("text_encoder")
    sizes = {text["projection_dim"], text["hidden_size"], config("image_encoder")["projection_dim"],
             config("prior")["embedding_dim"], config("decoder")["encoder_hid_dim"]}
    if len(sizes) > 1:
        raise SystemExit(f"the stages have embeddings of different sizes: {sorted(sizes)}")
    return sizes.pop()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    o = p.parse_args()
    missing = [name for name in PARTS if not (o.folder / name).is_dir()]
    if missing:
        raise SystemExit(f"{o.folder} has no {', '.join(missing)}: export those first")
    config = lambda name: json.loads((o.folder / name / "config.json").read_text(encoding="utf-8"))
    size = size_of(config)
    more = CODER | {name: ["udm", film_network.CLASS] for name in FILMS}
    parts = PARTS | {name: made for name, made in more.items() if (o.folder / name).is_dir()}
    export.write_json(o.folder / "model_index.json", {"_class_name": "UdmTextPipeline", **parts})
    print(f"{o.folder}: {len(parts)} parts, embeddings of {size}")


if __name__ == "__main__":
    main()
