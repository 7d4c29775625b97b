# SPDX-License-Identifier: LGPL-2.1-or-later
"""CLIP's two towers (Radford et al. 2021), with the names and the arithmetic of CLIPTextModelWithProjection and
CLIPVisionModelWithProjection of transformers, so that their state dicts are files of those."""
import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-5


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, causal):
        n, tokens, width = x.shape
        q, k, v = (layer(x).view(n, tokens, self.heads, -1).transpose(1, 2)
                   for layer in (self.q_proj, self.k_proj, self.v_proj))
        # Plain products: on the CPU, PyTorch's fused attention takes three times as long for so few tokens.
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        if causal:
            scores = scores + torch.full_like(scores[0, 0], float("-inf")).triu(1)
        y = scores.softmax(-1) @ v
        return self.out_proj(y.transpose(1, 2).reshape(n, tokens, width))


class Perceptron(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["hidden_size"]
        self.self_attn = Attention(width, c["num_attention_heads"])
        self.layer_norm1 = nn.LayerNorm(width, EPSILON)
        self.mlp = Perceptron(width, c["intermediate_size"])
        self.layer_norm2 = nn.LayerNorm(width, EPSILON)

    def forward(self, x, causal):
        x = x + self.self_attn(self.layer_norm1(x), causal)
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        shrink = (2 * len(self.layers)) ** -0.5
        for layer in self.layers:  # so that what the layers add up to is as large as what comes in
            for last in (layer.self_attn.out_proj, layer.mlp.fc2):
                nn.init.normal_(last.weight, std=shrink * last.in_features ** -0.5)

    def forward(self, x, causal=False):
        for layer in self.layers:
            x = layer(x, causal)
        return x


class TextEmbeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.token_embedding = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.position_embedding = nn.Embedding(c["max_position_embeddings"], c["hidden_size"])
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.01)

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding.weight[:ids.shape[1]]


class TextTransformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = TextEmbeddings(c)
        self.encoder = Encoder(c)
        self.final_layer_norm = nn.LayerNorm(c["hidden_size"], EPSILON)

    def forward(self, ids):
        return self.final_layer_norm(self.encoder(self.embeddings(ids), causal=True))


class TextModel(nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config = config
        self.text_model = TextTransformer(config)
        self.text_projection = nn.Linear(config["hidden_size"], config["projection_dim"], bias=False)

    def forward(self, ids):
        """ids [N, T]: the embedding [N, projection_dim], that of the first end token; all tokens [N, T, width]."""
        tokens = self.text_model(ids)
        end = (ids == self.config["eos_token_id"]).int().argmax(1)
        return self.text_projection(tokens[torch.arange(len(ids), device=ids.device), end]), tokens


class VisionEmbeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, patch = c["hidden_size"], c["patch_size"]
        self.class_embedding = nn.Parameter(0.02 * torch.randn(width))
        self.patch_embedding = nn.Conv2d(c["num_channels"], width, patch, patch, bias=False)
        self.position_embedding = nn.Embedding((c["image_size"] // patch) ** 2 + 1, width)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, x):
        patches = self.patch_embedding(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(x), 1, -1)
        return torch.cat([first, patches], 1) + self.position_embedding.weight


class VisionTransformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = VisionEmbeddings(c)
        self.pre_layrnorm = nn.LayerNorm(c["hidden_size"], EPSILON)  # as transformers spells it
        self.encoder = Encoder(c)
        self.post_layernorm = nn.LayerNorm(c["hidden_size"], EPSILON)

    def forward(self, x):
        """All tokens [N, T, width]; the first stands for the picture, the others for its patches."""
        return self.post_layernorm(self.encoder(self.pre_layrnorm(self.embeddings(x))))


class VisionModel(nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config = config
        self.vision_model = VisionTransformer(config)
        self.visual_projection = nn.Linear(config["hidden_size"], config["projection_dim"], bias=False)

    def forward(self, x):
        """x [N, 3, image_size, image_size] in [-1, 1]: the embedding [N, projection_dim]."""
        return self.with_patches(x)[0]

    def with_patches(self, x):
        """The embedding, and the tokens of the patches [N, T, width]."""
        tokens = self.vision_model(x)
        return self.visual_projection(tokens[:, 0]), tokens[:, 1:]
