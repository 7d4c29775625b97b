# SPDX-License-Identifier: LGPL-2.1-or-later
"""The optimizer Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, algorithm 2): the sign of a
mean of gradients, m <- b2 m + (1 - b2) g, step sign(b1 m + (1 - b1) g), with decoupled decay. As every weight moves by
the whole rate, rates are a third to a tenth of AdamW's."""
import torch


class Lion(torch.optim.Optimizer):
    def __init__(self, weights, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(weights, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            gradients, (b1, b2) = [w.grad for w in weights], group["betas"]
            for w in weights:
                if not self.state[w]:
                    self.state[w]["mean"] = torch.zeros_like(w)
            means = [self.state[w]["mean"] for w in weights]
            ways = torch._foreach_lerp(means, gradients, 1 - b1)
            torch._foreach_sign_(ways)
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, ways, alpha=-group["lr"])
            torch._foreach_lerp_(means, gradients, 1 - b2)
