# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-lora: random LoRAs for the U-Net and the text encoder in tiny-text/other, as diffusers, peft and kohya's
scripts write them, and what diffusers and transformers make with them (README.md here).

    python tests/models/make_lora.py
"""
import pathlib
import shutil

import numpy as np
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

HERE = pathlib.Path(__file__).resolve().parent
FOLDER, TEXT = HERE / "tiny-lora", HERE / "tiny-text"
UNET = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1",
        "conv_shortcut", "time_emb_proj"]
TOWER = ["q_proj", "v_proj", "out_proj", "fc1", "fc2"]
SCALE = 0.7


def fill(net):
    """Random halves, which are exact in float16."""
    for name, weight in net.named_parameters():
        if "lora_" in name:
            weight.copy_((torch.randn_like(weight) * weight[0].numel() ** -0.5).half().float())


def open_nets():
    unet = UNet2DConditionModel.from_pretrained(TEXT / "other/sd1").float().eval()
    tower = CLIPTextModel.from_pretrained(TEXT / "other/text_encoder").float().eval()
    return unet, tower


def adapt(unet, tower, rank, alpha, of_unet, of_tower):
    """The configs of what is added to both."""
    configs = [LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets) for targets in (of_unet, of_tower)]
    for net, config in zip((unet, tower), configs):
        inject_adapter_in_model(config, net)
        fill(net)
    return [config.to_dict() for config in configs]


def scale_all(net, scale):
    for module in net.modules():
        if hasattr(module, "scaling") and isinstance(module.scaling, dict):
            module.scaling = {name: value * scale for name, value in module.scaling.items()}


def expect(name, unet, tower):
    noisy = torch.from_numpy(np.load(TEXT / "golden/sd-noisy.npy"))
    tokens = torch.from_numpy(np.load(TEXT / "golden/sd-tokens.npy")).T[None]
    ids = torch.from_numpy(np.load(TEXT / "golden/text-ids.npy")).long()[None]
    np.save(FOLDER / f"{name}-unet.npy", unet(noisy, torch.tensor([417]), tokens).sample.numpy())
    np.save(FOLDER / f"{name}-tokens.npy", tower(ids).last_hidden_state[0].T[:, None].numpy().copy())


def halves(state):
    return {name: value.half().contiguous() for name, value in state.items()}


def parts(unet, tower):
    return halves(get_peft_model_state_dict(unet)), halves(get_peft_model_state_dict(tower))


def old_names(unet):
    """Of the days of attention processors: to_out is one layer, and alpha the rank."""
    return {f"unet.{name}".replace(".attn1.", ".attn1.processor.").replace(".attn2.", ".attn2.processor.")
            .replace("to_out.0", "to_out").replace(".lora_A", "_lora.down").replace(".lora_B", "_lora.up"): value
            for name, value in unet.items() if ".attn" in name}


def make_new():
    """With an alpha that peft's notes say."""
    unet, tower = open_nets()
    of_unet, of_tower = adapt(unet, tower, 3, 6, UNET, TOWER)
    StableDiffusionPipeline.save_lora_weights(
        FOLDER, *parts(unet, tower), weight_name="new.safetensors",
        unet_lora_adapter_metadata=of_unet, text_encoder_lora_adapter_metadata=of_tower)
    scale_all(unet, SCALE), scale_all(tower, SCALE)
    expect("new", unet, tower)
    # ... or a tensor for each, with the names of kohya's scripts
    of_unet, of_tower = parts(unet, tower)
    both = {**{f"unet.{k}": v for k, v in of_unet.items()},
            **{f"text_encoder.text_model.{k.removeprefix('text_model.')}": v for k, v in of_tower.items()}}
    kohya = convert_state_dict_to_kohya(both)
    kohya = {k.replace("lora_te1", "lora_te"): torch.tensor(6.0) if k.endswith(".alpha") else v
             for k, v in kohya.items()}
    save_file(kohya, FOLDER / "kohya.safetensors", {"ss_network_dim": "3"})
    check_kohya(kohya)


def check_kohya(kohya):
    """diffusers reads the same of it."""
    state, alphas = StableDiffusionPipeline.lora_state_dict(FOLDER / "kohya.safetensors")
    unet, tower = open_nets()
    unet.load_lora_adapter(state, network_alphas=alphas, prefix="unet")
    scale_all(unet, SCALE)
    noisy = torch.from_numpy(np.load(TEXT / "golden/sd-noisy.npy"))
    tokens = torch.from_numpy(np.load(TEXT / "golden/sd-tokens.npy")).T[None]
    made, wanted = unet(noisy, torch.tensor([417]), tokens).sample.numpy(), np.load(FOLDER / "new-unet.npy")
    print("kohya:", sorted(kohya)[0], np.abs(made - wanted).max(), "off")


def make_old():
    unet, tower = open_nets()
    adapt(unet, tower, 2, 2, UNET[:4], TOWER[:1])
    of_unet, of_tower = parts(unet, tower)
    of_tower = {f"text_encoder.text_model.{k.removeprefix('text_model.')}".replace(".lora_A", ".lora_linear_layer.down")
                .replace(".lora_B", ".lora_linear_layer.up"): v for k, v in of_tower.items()}
    save_file({**old_names(of_unet), **of_tower}, FOLDER / "old.safetensors")
    scale_all(unet, SCALE), scale_all(tower, SCALE)
    expect("old", unet, tower)


def make_text():
    """For tiny-text itself: its decoder and its text encoder."""
    layers = {"lora_te_text_model_encoder_layers_0_mlp_fc1": ("text_encoder/model", "encoder.layers.0.mlp.fc1.weight"),
              "lora_unet_mid_block_attentions_0_to_q": ("decoder/diffusion_pytorch_model",
                                                        "mid_block.attentions.0.to_q.weight")}
    lora = {}
    for name, (file, tensor) in layers.items():
        weights = load_file(TEXT / f"{file}.safetensors")
        out, into = next(value for key, value in weights.items() if key.endswith(tensor)).shape
        lora[f"{name}.lora_down.weight"], lora[f"{name}.lora_up.weight"] = torch.randn(2, into), torch.randn(out, 2)
    save_file(halves(lora), FOLDER / "text.safetensors")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(7)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    make_new()
    make_old()
    make_text()


if __name__ == "__main__":
    with torch.no_grad():
        main()
