# SPDX-License-Identifier: LGPL-2.1-or-later
"""Group normalisation for training on the CPU: several times as fast as PyTorch's where channels come last, as it
only has to sum over pixels there, and to multiply and add."""
import torch
from torch import nn


class Normalise(torch.autograd.Function):
    """Wu and He 2018, equations 1, 2, 7. Sums are in float32."""

    @staticmethod
    def forward(ctx, x, weight, bias, groups, eps):
        b, c, h, w = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(b, h * w, c)
        count = h * w * (c // groups)
        mean = rows.sum(1, dtype=torch.float32).view(b, groups, -1).sum(2) / count
        square = rows.square().sum(1, dtype=torch.float32).view(b, groups, -1).sum(2) / count
        scale = (square - mean * mean + eps).rsqrt()
        factor = (scale[:, :, None] * weight.view(1, groups, -1))
        shift = bias - (mean[:, :, None] * factor).view(b, c)
        y = torch.addcmul(shift.view(b, 1, c).to(x.dtype), rows, factor.view(b, 1, c).to(x.dtype))
        ctx.save_for_backward(rows, weight, mean, scale)
        ctx.shape = b, c, h, w, groups, count
        return y.view(b, h, w, c).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, gradient):
        rows, weight, mean, scale = ctx.saved_tensors
        b, c, h, w, groups, count = ctx.shape
        back = gradient.permute(0, 2, 3, 1).reshape(b, h * w, c)
        mean, scale = (v.repeat_interleave(c // groups, 1) for v in (mean, scale))
        total = back.sum(1, dtype=torch.float32)
        along = ((back * rows).sum(1, dtype=torch.float32) - mean * total) * scale  # ... times what was normalised

        def shared(v):
            return ((weight * v).view(b, groups, -1).sum(2) / count).repeat_interleave(c // groups, 1)

        by_row = -(scale * scale * shared(along))
        constant = -(scale * shared(total)) - by_row * mean
        parts = [v.view(b, 1, c).to(rows.dtype) for v in (constant, by_row, scale * weight)]
        dx = torch.addcmul(torch.addcmul(parts[0], rows, parts[1]), back, parts[2])
        return dx.view(b, h, w, c).permute(0, 3, 1, 2), along.sum(0), total.sum(0), None, None


class GroupNorm(nn.GroupNorm):
    def forward(self, x):
        if x.dim() != 4:
            return super().forward(x)
        return Normalise.apply(x, self.weight, self.bias, self.num_groups, self.eps)


def use(network):
    """Replaces PyTorch's in a network, whose weights keep their names."""
    for module in network.modules():
        if type(module) is nn.GroupNorm:
            module.__class__ = GroupNorm
    return network
