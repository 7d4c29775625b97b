# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Gaussian process of the prior and the decoder, of 1,000 steps: networks that say x0, guidance, and the ways back:
DDIM (Song et al. 2021) and the ancestral steps of DDPM (Ho et al. 2020), as diffusers' DDIMScheduler (trailing) and
UnCLIPScheduler take them. COSINE is alpha_bar after each step."""
import numpy as np
import torch

import processes

STEPS = processes.STEPS
COSINE = processes.alpha_bars("squaredcos_cap_v2").float()
LATENT_LIMIT = 5.0  # of latents, whose deviation is 1
LEAST_NOISE = 0.1  # errors are divided by the noise's share of the power, or by this where that is less


def column(v, like):
    return v.view(-1, *[1] * (like.dim() - 1)).to(like.device)


def noisy(x0, steps):
    """x_t for the time steps [N]."""
    alpha_bar = column(COSINE[steps.cpu()], x0)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * torch.randn_like(x0)


def weights(steps):
    """Of squared errors of x0, so that they are those of v, but for very little noise."""
    return 1 / (1 - COSINE[steps.cpu()]).clamp(min=LEAST_NOISE).to(steps.device)


def guided(network, x, step, told, untold, scale):
    """x0 as the network says it with what is told, and away from what it says without. told, untold: tuples."""
    steps = torch.full((len(x),), step, device=x.device)
    if scale == 1:
        return network(x, steps, *told)
    both = network(torch.cat([x, x]), steps.repeat(2), *(torch.cat(pair) for pair in zip(told, untold)))
    with_it, without = both.chunk(2)
    return without + scale * (with_it - without)


def trailing(count):
    return [int(t) - 1 for t in np.round(np.arange(STEPS, 0, -STEPS / count))]


def step_of(x, x0, now, then):
    """DDIM from alpha_bar `now` to `then`."""
    return then.sqrt() * x0 + (1 - then).sqrt() * (x - now.sqrt() * x0) / (1 - now).sqrt()


def ddim(network, x, told, untold, scale, count, limit=LATENT_LIMIT):
    """x0 from noise x in `count` steps."""
    steps = trailing(count)
    for step, after in zip(steps, [*steps[1:], -1]):
        x0 = guided(network, x, step, told, untold, scale).clamp(-limit, limit)
        now, then = COSINE[step], COSINE[after] if after >= 0 else torch.tensor(1.0)
        x = step_of(x, x0, now, then)
    return x


def ancestral(network, x, told, untold, scale, count, generator, limit=5.0):
    """As ddim(), with fresh noise in each step but the last."""
    steps = [int(t) for t in np.round(np.linspace(STEPS - 1, 0, count))]
    for step, after in zip(steps, [*steps[1:], -1]):
        x0 = guided(network, x, step, told, untold, scale).clamp(-limit, limit)
        now, then = COSINE[step], COSINE[after] if after >= 0 else torch.tensor(1.0)
        beta = 1 - now / then
        x = then.sqrt() * beta / (1 - now) * x0 + (1 - beta).sqrt() * (1 - then) / (1 - now) * x
        if after >= 0:
            fresh = torch.randn(x.shape, generator=generator).to(x.device)
            x = x + ((1 - then) / (1 - now) * beta).sqrt() * fresh
    return x
