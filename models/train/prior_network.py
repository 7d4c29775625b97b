# SPDX-License-Identifier: LGPL-2.1-or-later
"""The prior of DALL-E 2 (Ramesh et al. 2022, section 2.2): from a text to a CLIP embedding of a picture, with the names
and the arithmetic of diffusers' PriorTransformer.

Tokens are those of the text, its embedding, the time, the noisy picture embedding, and one whose output is the answer;
each sees those before it. Picture embeddings are normalised by clip_mean and clip_std.
"""
import torch
from torch import nn
from torch.nn import functional as F

from decoder_network import Embedding, sinusoids

EPSILON = 1e-5
EXTRA = 4  # tokens after those of the text
CONFIG = dict(num_attention_heads=4, attention_head_dim=32, num_layers=4, embedding_dim=128, num_embeddings=64,
              additional_embeddings=EXTRA)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x, hidden):
        """hidden: bool [N, 1, T, T], what each token may not see."""
        n, tokens, width = x.shape
        q, k, v = (layer(x).view(n, tokens, self.heads, -1).transpose(1, 2)
                   for layer in (self.to_q, self.to_k, self.to_v))
        scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).masked_fill(hidden, -1e4)
        return self.to_out[0]((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, tokens, width))


class Projection(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.proj = nn.Linear(width, inner)

    def forward(self, x):
        return F.gelu(self.proj(x))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([Projection(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm3 = nn.LayerNorm(width, EPSILON), nn.LayerNorm(width, EPSILON)
        self.attn1, self.ff = Attention(width, heads), FeedForward(width)

    def forward(self, x, hidden):
        x = x + self.attn1(self.norm1(x), hidden)
        return x + self.ff(self.norm3(x))


class Prior(nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config = c = {**CONFIG, **config}
        self.width = width = c["num_attention_heads"] * c["attention_head_dim"]
        size, self.texts = c["embedding_dim"], c["num_embeddings"]
        self.time_embedding = Embedding(width, width)
        self.proj_in, self.embedding_proj = nn.Linear(size, width), nn.Linear(size, width)
        self.encoder_hidden_states_proj = nn.Linear(size, width)
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(1, self.texts + EXTRA, width))
        self.prd_embedding = nn.Parameter(0.01 * torch.randn(1, 1, width))
        self.transformer_blocks = nn.ModuleList(Block(width, c["num_attention_heads"]) for _ in range(c["num_layers"]))
        self.norm_out = nn.LayerNorm(width, EPSILON)
        self.proj_to_clip_embeddings = nn.Linear(width, size)
        self.clip_mean = nn.Parameter(torch.zeros(1, size), requires_grad=False)
        self.clip_std = nn.Parameter(torch.ones(1, size), requires_grad=False)

    def forward(self, x, time, text, tokens, lengths):
        """x: noisy embeddings [N, size]; time steps [N]; of the texts the embedding [N, size] and the tokens
        [N, T, size], of which `lengths` [N] count. The embedding [N, size]. T may be less than diffusers' 64."""
        n, count = tokens.shape[:2]
        after = torch.stack([self.embedding_proj(text), self.time_embedding(sinusoids(time, self.width)),
                             self.proj_in(x)], 1)
        h = torch.cat([self.encoder_hidden_states_proj(tokens), after, self.prd_embedding.expand(n, -1, -1)], 1)
        place = self.positional_embedding
        h = h + torch.cat([place[:, :count], place[:, self.texts:]], 1)
        later = torch.ones(count + EXTRA, count + EXTRA, dtype=torch.bool, device=x.device).triu(1)
        empty = torch.arange(count + EXTRA, device=x.device) < count
        empty = empty & (torch.arange(count + EXTRA, device=x.device) >= lengths[:, None])
        hidden = (later | empty[:, None])[:, None]
        for block in self.transformer_blocks:
            h = block(h, hidden)
        return self.proj_to_clip_embeddings(self.norm_out(h)[:, -1])

    def normalised(self, embeddings):
        return (embeddings - self.clip_mean) / self.clip_std

    def restored(self, x):
        return x * self.clip_std + self.clip_mean
