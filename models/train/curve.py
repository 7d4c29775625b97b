# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plots the progress of a training."""
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


def draw(curve, path):
    """curve: a dict for each point, with minutes, steps, loss, and PSNR by name; path: of the picture."""
    names = [key for key in curve[-1] if key not in ("minutes", "steps", "loss")]
    figure, axes = pyplot.subplots(1, 1 + bool(names), figsize=(10, 4), layout="constrained", squeeze=False)
    axes = axes[0]
    minutes = [point["minutes"] for point in curve]
    axes[0].plot(minutes, [point["loss"] for point in curve], ".-")
    axes[0].set_ylabel("loss")
    for name in names:
        axes[1].plot(minutes, [point.get(name) for point in curve], ".-", label=name)
    if names:
        axes[1].set_ylabel("PSNR of what is held out, dB")
        axes[1].legend()
    for axis in axes:
        axis.set_xlabel(f"minutes of training ({curve[-1]['steps']} steps)")
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
