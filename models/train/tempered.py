# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cross-entropy tempered by total variation (Ji et al., "Tailoring Language Generation Models under Total Variation
Distance", 2023): the logarithm counts by p / (temper + (1 - temper) p), p being what is said of what is right, so that
answers which are given up for lost, as those to wrong labels should be, teach less. 0 is plain cross-entropy."""
from torch.nn import functional as F


def weighted(losses, temper):
    """Of -log p."""
    if not temper:
        return losses
    p = (-losses).exp().detach()
    return p / (temper + (1 - temper) * p) * losses


def cross_entropy(logits, right, temper=0.0):
    return weighted(F.cross_entropy(logits, right, reduction="none"), temper).mean()


def binary(logits, right, temper=0.0):
    """Of each value; right: 0 or 1."""
    return weighted(F.binary_cross_entropy_with_logits(logits, right, reduction="none"), temper)
