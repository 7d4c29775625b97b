# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the schedulers of diffusers on a function that stands for a network, and writes what they ask it and where they
end: schedulers.json, which tests/engine/test_parity.c compares with the engine.

    python tests/parity/dump_schedulers.py [--output tests/parity/schedulers.json]

Everything is in double precision: diffusers keep their tables in float32, whose rounding is more than is compared here.
States are noted as a network sees them, with their variance preserved.

Not dumped, as the engine differs on purpose:
- DDIM and PNDM with "linspace", or with steps that do not divide the schedule: they step by T // N, not to the next.
- DDIM with clip_sample and use_clipped_model_output = False: the noise then belongs to another x0.
- PNDM with "v_prediction": it adds up the v of several times, where the method adds up noise.
- DDPM "fixed_large_log", which takes the root of a logarithm and gives NaN, and "fixed_large" where the last time is
  not the schedule's first, which adds noise to the result.
- DPM-Solver++ of order 3, which weighs the second difference by half and so has order 2 (see sampler/dpmpp_3m.c).
- Exponential sigmas in the classes whose times are whole: they cut the fraction off, where Karras's are rounded.
"""

import argparse
import json
from itertools import product

import numpy as np
import torch

torch.float32, np.float32 = torch.float64, np.float64
torch.set_default_dtype(torch.float64)

import diffusers  # noqa: E402

START = [0.9, -0.4, 1.3]
SIGMA_CLASSES = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler")


def network(x, t):
    """Any smooth function; test_parity.c has the same."""
    i = torch.arange(len(START))
    return 0.4 * x + 0.3 * torch.sin(2 * x + i) + 0.1 * np.cos(float(t) / 200)


class Noise:
    """Stands for new noise: numbers that are known."""

    def __init__(self):
        self.draws = 0

    def __call__(self, shape, **_):
        i = torch.arange(len(START))
        self.draws += 1
        return 1.3 * torch.sin(1.7 * (self.draws - 1) + 2.3 * i + 0.5).reshape(shape)


def scale_of(scheduler, index):
    """From the scheduler's state to that whose variance is preserved."""
    if type(scheduler).__name__ not in SIGMA_CLASSES:
        return 1
    return 1 / np.sqrt(1 + float(scheduler.sigmas[index]) ** 2)


def run(case):
    scheduler = getattr(diffusers, case["class"])(**case["config"])
    module = __import__(type(scheduler).__module__, fromlist=["randn_tensor"])
    if hasattr(module, "randn_tensor"):
        module.randn_tensor = Noise()
    scheduler.set_timesteps(case["steps"])
    learned = case["config"].get("variance_type") == "learned_range"
    more = {"eta": case["eta"], "use_clipped_model_output": True} if case["class"] == "DDIMScheduler" else {}
    x = torch.tensor(START).reshape(1, len(START), 1, 1) / scale_of(scheduler, 0)
    asked = []
    for t in scheduler.timesteps:
        seen = scheduler.scale_model_input(x, t)
        asked.append([float(t)] + seen.flatten().tolist())
        output = network(seen.flatten(), t).reshape(x.shape)
        if learned:
            variance = 0.5 * torch.sin(seen + 0.3 * torch.arange(len(START)).reshape(x.shape))
            output = torch.cat([output, variance], 1)
        x = scheduler.step(output, t, x, **more).prev_sample
    final = (x * scale_of(scheduler, -1)).flatten().tolist()
    return {**case, "asked": asked, "final": final}


def cases():
    def case(name, steps, eta=0, **config):
        return {"class": name + "Scheduler", "steps": steps, "eta": eta, "config": config}

    schedules = ("linear", "scaled_linear", "squaredcos_cap_v2")
    latent = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    predictions = ("epsilon", "sample", "v_prediction")
    for schedule, prediction, spacing, eta in product(schedules, predictions, ("leading", "trailing"),
                                                       (0, 0.7)):
        yield case("DDIM", 5, eta, beta_schedule=schedule, prediction_type=prediction, timestep_spacing=spacing,
                   clip_sample=False)
    for steps, alpha in ((4, True), (10, False), (7, False)):
        yield case("DDIM", steps, 0, clip_sample=True, clip_sample_range=0.8, set_alpha_to_one=alpha)
        yield case("DDIM", steps, 0, clip_sample=False, set_alpha_to_one=alpha, steps_offset=1, **latent)
        yield case("DDIM", steps, 1, clip_sample=False, thresholding=True, sample_max_value=1.5,
                   dynamic_thresholding_ratio=0.8, set_alpha_to_one=alpha)
    for steps in (1, 2, 5):
        yield case("DDIM", steps, 0, clip_sample=False, rescale_betas_zero_snr=True, timestep_spacing="trailing",
                   prediction_type="v_prediction", **latent)
    for schedule, prediction, spacing in product(schedules + ("sigmoid",), predictions,
                                                  ("leading", "linspace")):
        yield case("DDPM", 6, beta_schedule=schedule, prediction_type=prediction, timestep_spacing=spacing,
                   clip_sample=False)
    for variance, spacing in product(("fixed_small_log", "fixed_large", "learned_range"), ("leading", "linspace")):
        yield case("DDPM", 6, variance_type=variance, timestep_spacing=spacing, clip_sample=True)
    yield case("DDPM", 8, timestep_spacing="trailing", thresholding=True, sample_max_value=2.0)
    yield case("DDPM", 5, num_train_timesteps=100, beta_end=0.2, clip_sample=False, rescale_betas_zero_snr=True,
               prediction_type="v_prediction", timestep_spacing="trailing")
    for schedule, skip, steps in product(schedules, (False, True), (5, 10)):
        yield case("PNDM", steps, beta_schedule=schedule, skip_prk_steps=skip)
    yield case("PNDM", 10, skip_prk_steps=True, steps_offset=1, **latent)
    yield case("PNDM", 10, skip_prk_steps=True, set_alpha_to_one=True)
    for schedule, order, algorithm, spacing in product(
            schedules, (1, 2), ("dpmsolver++", "sde-dpmsolver++"), ("linspace", "leading", "trailing")):
        yield case("DPMSolverMultistep", 9, beta_schedule=schedule, solver_order=order, algorithm_type=algorithm,
                   timestep_spacing=spacing)
    for steps, final in product((6, 16), ("zero", "sigma_min")):
        yield case("DPMSolverMultistep", steps, final_sigmas_type=final)
        yield case("UniPCMultistep", steps, final_sigmas_type=final)
    for prediction in predictions[1:]:
        yield case("DPMSolverMultistep", 8, prediction_type=prediction, use_karras_sigmas=True)
        yield case("DPMSolverMultistep", 8, prediction_type=prediction, use_lu_lambdas=True, **latent)
        yield case("DPMSolverMultistep", 8, prediction_type=prediction, thresholding=True, sample_max_value=1.2,
                   dynamic_thresholding_ratio=0.6)
    yield case("DPMSolverMultistep", 6, prediction_type="v_prediction", rescale_betas_zero_snr=True,
               timestep_spacing="trailing", **latent)
    for schedule, order, spacing in product(("linear", "scaled_linear"), (1, 2, 3),
                                             ("linspace", "leading", "trailing")):
        yield case("UniPCMultistep", 7, beta_schedule=schedule, solver_order=order, timestep_spacing=spacing)
    yield case("UniPCMultistep", 8, use_karras_sigmas=True, prediction_type="v_prediction", **latent)
    yield case("UniPCMultistep", 9, solver_order=3, lower_order_final=True, thresholding=True)
    for schedule, order, steps in product(("linear", "squaredcos_cap_v2"), (1, 2, 3), (6, 16)):
        yield case("DEISMultistep", steps, beta_schedule=schedule, solver_order=order)
    yield case("DEISMultistep", 8, timestep_spacing="leading", steps_offset=1, **latent)
    yield case("DEISMultistep", 8, timestep_spacing="trailing", prediction_type="v_prediction")
    yield case("DEISMultistep", 8, use_karras_sigmas=True)
    for name, schedule, spacing in product(("EulerDiscrete", "HeunDiscrete", "EulerAncestralDiscrete"),
                                                     schedules, ("linspace", "leading", "trailing")):
        yield case(name, 12 if name == "HeunDiscrete" else 6, beta_schedule=schedule, timestep_spacing=spacing)
    for name in ("EulerDiscrete", "HeunDiscrete", "EulerAncestralDiscrete"):
        yield case(name, 5, prediction_type="v_prediction", **latent)
    for name in ("EulerDiscrete", "HeunDiscrete"):
        yield case(name, 8, use_karras_sigmas=True)
        yield case(name, 8, use_exponential_sigmas=True, **latent)
    yield case("EulerDiscrete", 5, rescale_betas_zero_snr=True, timestep_spacing="trailing",
               prediction_type="v_prediction", **latent)
    yield case("EulerDiscrete", 7, timestep_spacing="leading", steps_offset=1, **latent)
    for steps, prediction in product((1, 2, 4, 8), ("epsilon", "v_prediction")):
        yield case("LCM", steps, beta_schedule="scaled_linear", prediction_type=prediction)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="tests/parity/schedulers.json")
    output = parser.parse_args().output
    done = [run(case) for case in cases()]

    def short(value):
        if isinstance(value, float):
            return float(f"{value:.10g}")
        if isinstance(value, dict):
            return {key: short(entry) for key, entry in value.items()}
        return [short(entry) for entry in value] if isinstance(value, list) else value

    with open(output, "w", encoding="utf-8") as file:
        file.write('{"diffusers": "%s", "torch": "%s", "cases": [\n' % (diffusers.__version__, torch.__version__))
        file.write(",\n".join(json.dumps(short(entry), separators=(",", ":")) for entry in done))
        file.write("\n]}\n")
    print(f"{output}: {len(done)} configurations of diffusers {diffusers.__version__}")


if __name__ == "__main__":
    main()
