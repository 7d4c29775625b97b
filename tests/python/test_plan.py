# SPDX-License-Identifier: LGPL-2.1-or-later
"""udmdenoise with the plan of a film: the frames that udm-film run makes, bit for bit, played from anywhere."""
import json

import films
import pytest

FILTER = "model=denoise lookahead=2"
CUTS, SPLIT, WARM_UP = (9, 34), 10, 4  # splits at 19, 29 and 44, of which the film's end lies 2 behind
COUNT = 46


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A film, restored, and its plan."""
    folder = tmp_path_factory.mktemp("plan")
    films.make(folder / "in.mkv", COUNT, CUTS, 64, 48, codec="ffv1", sound=False,
               rest=False, aspect=1, waits={22: 1500})
    films.film("run", folder / "in.mkv", folder / "out.mkv", "--split", SPLIT, "--warm-up", WARM_UP, "--threads", 1,
               "--filter", f"udmdenoise {FILTER}", "--dir", folder / "film")
    return folder


@pytest.fixture(scope="module")
def wanted(work):
    """{nanoseconds: digest}"""
    return {round(frame.time * 1e9): films.digest(frame) for frame in films.frames(work / "out.mkv")}


def played(gst, work, properties, seek=None):
    return films.played(gst, f"filesrc location={work}/in.mkv ! matroskademux ! avdec_ffv1 max-threads=1 ! "
                        f"udmdenoise n-threads=1 device=cpu {properties}", seek)


def test_frames_are_those_of_the_film(gst, work, wanted):
    found, error = played(gst, work, f"{FILTER} plan={work}/film/plan.jsonl")
    assert not error and [time for time, _ in found] == sorted(wanted)
    assert [n for n, (time, made) in enumerate(found) if made != wanted[time]] == []
    estimated, _ = played(gst, work, FILTER)
    assert dict(estimated) != wanted  # by itself it does not know of splits


@pytest.mark.parametrize("first, same_from", [
    (9, 9),    # a cut
    (12, 19),  # a split whose warm-up comes
    (26, 34),  # the warm-up of the split at 29 has begun: no split for this one, and the same from the cut on
    (40, 44),
])
def test_after_a_seek_they_are_so_from_the_next_cut_or_split(gst, work, wanted, first, same_from):
    times = sorted(wanted)
    found, error = played(gst, work, f"{FILTER} plan={work}/film/plan.jsonl", times[first])
    last = dict(found)  # of two with the same time, as decoders clip the frame before to what was sought
    assert not error and list(last) == times[first:]
    differ = [n for n, time in enumerate(last, first) if last[time] != wanted[time]]
    assert (max(differ) < same_from if differ else first == same_from)
    assert bool(differ) == (first != same_from)


def test_drawn_noise_has_the_numbers_of_the_film(gst, work, tmp_path):
    """As it is numbered by the plan, and not by time, which varies."""
    words = "model=denoise lookahead=0 strength=0.5 seed=3"
    films.film("run", work / "in.mkv", tmp_path / "out.mkv", "--threads", 1, "--filter", f"udmdenoise {words}",
               "--dir", tmp_path / "film")
    made = [films.digest(frame) for frame in films.frames(tmp_path / "out.mkv")]
    found, error = played(gst, work, f"{words} plan={tmp_path}/film/plan.jsonl", sorted(
        round(frame.time * 1e9) for frame in films.frames(work / "in.mkv"))[CUTS[0]])
    assert not error and list(dict(found).values()) == made[CUTS[0]:]


def test_a_level_that_is_given_is_that_of_the_film(gst, work, tmp_path):
    """Which is told by itself: nothing that the plan saw of chroma beside it."""
    words = "noise-level=8 lookahead=0"
    films.film("run", work / "in.mkv", tmp_path / "out.mkv", "--threads", 1, "--filter", f"udmdenoise {words}",
               "--dir", tmp_path / "film")
    made = [films.digest(frame) for frame in films.frames(tmp_path / "out.mkv")]
    found, error = played(gst, work, f"{words} plan={tmp_path}/film/plan.jsonl")
    assert not error and [one for _, one in found] == made


def test_plans_of_other_settings_are_refused(gst, work, tmp_path):
    def complaint(properties):
        found, error = played(gst, work, properties)
        assert not found
        return error

    plan = work / "film/plan.jsonl"
    assert "was made with noise-level=-1, and the property noise-level is 25" in complaint(
        f"{FILTER} noise-level=25 plan={plan}")
    films.make(tmp_path / "other.mkv", 12, (), 64, 32, codec="ffv1", sound=False, rest=False, aspect=1)
    films.film("plan", tmp_path / "other.mkv", "--dir", tmp_path / "other")
    assert "is of a film of 64x32" in complaint(f"{FILTER} plan={tmp_path}/other/plan.jsonl")
    films.film("plan", work / "in.mkv", "--filter", "udmdenoise model=deblur amount=1", "--dir", tmp_path / "deblur")
    assert "says nothing of noise" in complaint(f"{FILTER} plan={tmp_path}/deblur/plan.jsonl")
    lines = plan.read_text().splitlines()
    moved = [json.loads(line) for line in lines]
    for line in moved:
        if "frame" in line:
            line["pts"] += 7
    (tmp_path / "moved.jsonl").write_text("\n".join(map(json.dumps, moved)))
    assert "has no frame at 0:00:00.0" in complaint(f"{FILTER} plan={tmp_path}/moved.jsonl")
