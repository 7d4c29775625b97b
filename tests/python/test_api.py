# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm.restore(), udm.interpolate() and udm.generate(): the right values, whatever the arrays; errors and cancelling."""
import gc
import itertools
import logging
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import udm
from udm import restoration

MODELS = pathlib.Path(__file__).resolve().parents[2] / "tests/models"
CPU = {"device": "cpu", "threads": 1}


def clean(count=6, height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return [np.stack([128 + 80 * np.sin((x + n) / 9), 3 * y + 20, 200 - y - x / 2], 2).round().astype(np.uint8)
            for n in range(count)]


def moving(count):
    """A texture that moves by four pixels a frame."""
    wide = np.random.default_rng(3).uniform(0, 255, (12, 26, 3)).repeat(8, 0).repeat(8, 1)
    for _ in range(3):
        for axis in (0, 1):
            wide = (np.roll(wide, 1, axis) + 2 * wide + np.roll(wide, -1, axis)) / 4
    return [np.uint8(wide[16:80, 24 + 4 * n:120 + 4 * n].round()) for n in range(count)]


def noisy(frames, sigma, seed=1):
    noise = np.random.default_rng(seed)
    return [np.clip(f + noise.normal(0, sigma, f.shape), 0, 255).round().astype(np.uint8) for f in frames]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((np.float64(a) - np.float64(b))**2))


@pytest.fixture(scope="module")
def denoise():
    return udm.Model("denoise")


def test_noise_goes(denoise):
    truth = clean()
    frames = udm.restore(noisy(truth, 25), denoise, **CPU)
    out = list(frames)
    assert len(out) == len(truth)
    assert psnr(out, truth) > psnr(noisy(truth, 25), truth) + 8
    assert abs(frames.stats.sigma - 25) < 3 and frames.stats.scenes == 1 and "cpu" in frames.stats.device


def test_a_level_of_0_gives_back_the_bits(denoise):
    for given in (clean(2), [f[..., 0] for f in clean(2)], [np.uint16(f) * 257 for f in clean(2)]):
        out = list(udm.restore(given, denoise, amount=0, **CPU))
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(out, given, strict=True))


def test_strides_do_not_matter(denoise):
    """Views are read in place: BGR turned round, a crop, a frame upside down and one along other axes."""
    frames = noisy(clean(2), 20)
    truth = list(udm.restore(frames, denoise, amount=20, **CPU))
    padded = [np.pad(f, ((3, 2), (5, 9), (0, 0)))[3:-2, 5:-9] for f in frames]
    bgr = [np.ascontiguousarray(f[..., ::-1])[..., ::-1] for f in frames]
    turned = [np.ascontiguousarray(f[::-1])[::-1] for f in frames]
    planar = [np.ascontiguousarray(f.transpose(2, 0, 1)).transpose(1, 2, 0) for f in frames]
    for views in (padded, bgr, turned, planar):
        assert not views[0].flags.c_contiguous
        before = [v.copy() for v in views]
        out = list(udm.restore(views, denoise, amount=20, **CPU))
        assert all(map(np.array_equal, out, truth)) and all(map(np.array_equal, views, before))


def test_frames_held_back_come_out(denoise):
    frames = noisy(clean(5), 20)
    out = list(udm.restore(frames, denoise, lookahead=2, **CPU))
    assert len(out) == 5
    assert not np.array_equal(out[0], next(udm.restore(frames, denoise, **CPU)))
    assert list(udm.restore([], denoise, lookahead=2, **CPU)) == []


def test_a_map_of_levels(denoise):
    frame = noisy(clean(1), 25)[0]
    level = np.zeros(frame.shape[:2])
    level[:, 32:] = 25
    out = next(udm.restore([frame], denoise, amount=level, **CPU))
    assert np.array_equal(out[:, :32], frame[:, :32]) and not np.array_equal(out[:, 32:], frame[:, 32:])
    with pytest.raises(udm.SettingsError, match="amount has shape"):
        next(udm.restore([frame], denoise, amount=level[1:], **CPU))


def test_holes_are_filled():
    frame = clean(1, 64, 64)[0]
    known = np.full(frame.shape[:2], 255, np.uint8)
    known[20:30, 20:30] = 0
    holed = frame.copy()
    holed[known == 0] = 0
    out = next(udm.restore([holed], "inpaint", known=known, **CPU))
    assert np.array_equal(out[known == 255], frame[known == 255])
    assert psnr(out, frame) > psnr(holed, frame) + 10


def test_frames_are_drawn_anew_as_words_say(denoise):
    turbo = udm.Model(MODELS / "tiny-latents/turbo")
    star, again, ring = (list(udm.restore(clean(2), turbo, strength=0.5, prompt=text, **CPU))
                         for text in ("a red star", "a red star", "a blue ring"))
    assert turbo.info().told and not np.array_equal(star[0], clean(1)[0])
    assert np.array_equal(star, again) and not np.array_equal(star, ring)
    with pytest.raises(udm.UnsupportedError, match="knows no text"):
        list(udm.restore(clean(1), denoise, prompt="a red star", **CPU))


def test_noise_is_named_by_the_frames_number(denoise):
    frames = noisy(clean(1), 10)
    drawn = [next(udm.restore(frames, denoise, amount=10, strength=0.3, first=n, **CPU)) for n in (4, 4, 5)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


def test_grain_stays(denoise):
    frame = noisy(clean(1), 20)[0]
    bare, half, all_of_it = (next(udm.restore([frame], denoise, amount=20, grain=g, **CPU)) for g in (0, 0.5, 1))
    assert np.array_equal(all_of_it, frame) and not np.array_equal(bare, frame)
    assert np.abs(half - (bare.astype(np.float32) + frame) / 2).max() <= 1
    with pytest.raises(udm.Error, match="grain is 2"):
        next(udm.restore([frame], denoise, grain=2, **CPU))


def test_an_analyser_finds_what_a_restorer_finds(denoise):
    frames = noisy(clean(3), 12) + noisy([255 - f.transpose(1, 0, 2)[:48, :48].repeat(2, 1)[:, :64] for f in
                                          clean(3, 64, 48)], 30)
    restored = udm.restore(frames, denoise, **CPU)
    sigmas = [restored.stats.sigma for _ in restored]
    with udm.Analyser(width=64, height=48, threads=1) as analyser:
        found = [analyser.look(udm.view(f)) for f in frames]
    assert [f.begins for f in found] == [True, False, False, True, False, False]
    assert [f.sigma for f in found] == sigmas


def test_interpolation_keeps_the_frames_and_finds_the_middle():
    frames = moving(9)
    out = list(udm.interpolate(frames[::2], **CPU))
    assert len(out) == 9 and all(map(np.array_equal, out[::2], frames[::2]))
    blend = [(np.float64(a) + b) / 2 for a, b in zip(frames[:-2:2], frames[2::2])]
    assert psnr(out[1::2], frames[1::2]) > psnr(blend, frames[1::2]) + 6
    assert len(list(udm.interpolate(frames[:3], 4, None, threads=1))) == 9
    assert len(list(udm.interpolate(frames[:1], **CPU))) == 1 and not list(udm.interpolate([], **CPU))
    assert all(map(np.array_equal, udm.interpolate(frames, 1, **CPU), frames))


def test_interpolation_repeats_frames_at_a_cut():
    a, b = moving(1)[0], np.zeros((64, 96, 3), np.uint8)
    b[:32, :48] = b[32:, 48:] = 255
    out = list(udm.interpolate([a, b], 4, **CPU))
    assert [np.array_equal(f, a) for f in out] == [True, True, True, False, False]
    assert np.array_equal(out[3], b)


def test_video_is_a_function_of_the_numbers():
    video = {"model": MODELS / "tiny-video", "steps": 4, **CPU}
    out = list(udm.generate(6, **video))
    again = list(udm.generate(2, first=4, **video))
    assert len(out) == 6 and all(map(np.array_equal, out[4:], again))
    assert not np.array_equal(out[0], next(udm.generate(1, seed=1, **video)))
    assert next(udm.generate(1, grey=True, **video)).ndim == 2 if udm.Model(video["model"]).info().channels == 1 else 1


def test_a_prompt_says_what_is_drawn():
    drawn = [next(udm.generate(model=MODELS / "tiny-text", prompt=prompt, steps=2, **CPU))
             for prompt in ("a red ball", "a red ball", "a blue tree")]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


def test_a_picture_is_resembled():
    red = np.zeros((5, 9, 3), np.uint8)
    red[..., 0] = 255
    model = {"model": MODELS / "tiny-text", "steps": 2, **CPU}
    drawn = [next(udm.generate(**model, **told)) for told in (
        {}, {"image": red}, {"image": red}, {"image": 0 * red}, {"image": red, "prompt": "a red ball"})]
    assert np.array_equal(drawn[1], drawn[2])
    assert all(not np.array_equal(drawn[1], other) for other in (drawn[0], drawn[3], drawn[4]))
    with pytest.raises(udm.UnsupportedError, match="looks at no picture"):
        next(udm.generate(model=MODELS / "tiny-video", image=red, **CPU))


def test_what_a_callback_raises_comes_out():
    def label(number):
        raise ZeroDivisionError(f"of frame {number}")

    with pytest.raises(ZeroDivisionError, match="of frame 0"):
        next(udm.generate(model=MODELS / "tiny-video", class_label=label, **CPU))


@pytest.mark.parametrize("wrong, kind, says", [
    (lambda: udm.Model("no-such"), udm.NotFoundError, "no-such"),
    (lambda: udm.Model(MODELS), udm.Error, "model_index.json"),
    (lambda: next(udm.restore(clean(1), device="no-such")), udm.NotFoundError, "no-such"),
    (lambda: next(udm.restore(clean(1), steps=0)), udm.SettingsError, "steps is 0"),
    (lambda: next(udm.restore(clean(1), step=2)), udm.SettingsError, "no setting 'step'; have: width"),
    (lambda: next(udm.restore(clean(1), threads="two")), udm.SettingsError, "threads is 'two'"),
    (lambda: next(udm.restore([np.zeros((4, 4, 2), np.uint8)])), udm.SettingsError, r"\(4, 4, 2\)"),
    (lambda: next(udm.restore([np.zeros((4, 4, 3))])), udm.SettingsError, "float64"),
    (lambda: next(udm.restore([np.zeros((4, 4, 3), ">u2")])), udm.SettingsError, "uint8 or uint16"),
    (lambda: next(udm.restore([[1, 2]])), udm.SettingsError, "list"),
    (lambda: next(udm.restore(clean(1), bits=10)), udm.SettingsError, "10 bits in an array of uint8"),
    (lambda: list(udm.restore(clean(1) + clean(1, 50), **CPU)), udm.SettingsError, "64x48"),
    (lambda: udm.interpolate(clean(2), 1.5), udm.SettingsError, "factor"),
    (lambda: udm.generate(1, "denoise"), udm.UnsupportedError, "makes no video"),
])
def test_what_cannot_be_is_an_error(wrong, kind, says):
    with pytest.raises(kind, match=says):
        wrong()


def test_closing_from_another_thread_ends_a_frame_in_the_making():
    given = (np.full((720, 1280, 3), n % 256, np.uint8) for n in itertools.count())
    frames = udm.restore(given, "denoise-quality", amount=25, **CPU)
    began = time.process_time()  # the clock goes on while others compute
    next(frames)
    takes = time.process_time() - began
    threading.Timer(0.1, frames.close).start()
    began = time.process_time()
    assert list(frames) == []
    assert time.process_time() - began < 0.1 * os.cpu_count() + takes / 2
    assert list(frames) == []


def test_memory_is_freed_with_the_iterator(denoise, monkeypatch):
    closed = []
    close = restoration.Restorer.close
    monkeypatch.setattr(restoration.Restorer, "close", lambda self: (closed.append(1), close(self)))
    frames = udm.restore(clean(3), denoise, **CPU)
    next(frames)
    del frames
    gc.collect()
    assert closed
    with udm.restore(clean(3), denoise, **CPU) as frames:
        next(frames)
    assert list(frames) == []


def test_messages_of_the_engine_are_logged(denoise, caplog):
    with caplog.at_level(logging.DEBUG, "udm"):
        list(udm.restore(clean(1), denoise, **CPU))
    assert any("64x48 on cpu" in r.message and r.levelno == logging.INFO for r in caplog.records)
    assert any("begins a scene" in r.message and r.levelno == logging.DEBUG for r in caplog.records)


def test_the_example_runs():
    example = MODELS.parents[1] / "python/example.py"
    out = subprocess.run([sys.executable, example, "3"], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(out) == 3 and all("20.5 dB before" in line or "20.4 dB before" in line for line in out)
    assert float(out[2].split(", ")[2].split()[0]) > 35
