# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film with udminterp: many workers make of a film what one makes, and that is what the engine makes of it in one
go; frames of the film come out as they are, at their times, and those between divide the time."""
import av
import films
import pytest

import udm
from udm.film import between, pixels, plan

FILTER = ("--filter", "udminterp factor=3")
SPLIT = ("--split", 10, "--warm-up", 6)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("film")
    films.make(folder / "in.mkv", 60, begins=(24, 32), aspect=1)
    films.film("run", folder / "in.mkv", folder / "one.mkv", *FILTER, *SPLIT, "--threads", 1, "--verify", 2)
    return folder


def test_three_workers_make_the_file_that_one_makes(work):
    films.film("run", work / "in.mkv", work / "three.mkv", *FILTER, *SPLIT, "--threads", 1, "--workers", 3)
    assert (work / "three.mkv").read_bytes() == (work / "one.mkv").read_bytes()
    film = plan.read(work / "three.mkv.udm-film/plan.jsonl")
    assert [part.first for part in film.segments] == [0, 10, 20, 24, 32, 42, 52]


def test_splits_leave_no_trace(work):
    """Two pairs of frames are all that motion remembers."""
    films.film("run", work / "in.mkv", work / "whole.mkv", *FILTER, "--threads", 1)
    for number, (a, b) in enumerate(zip(films.frames(work / "whole.mkv"), films.frames(work / "one.mkv"), strict=True)):
        assert pixels.digest(a) == pixels.digest(b), number


def test_it_is_what_the_engine_makes_of_the_whole(work):
    given = list(films.frames(work / "in.mkv"))
    colours = pixels.colours_of(given[0], "h264")
    views = [pixels.describe(frame, colours) for frame in given]
    times = films.times(work / "in.mkv")
    made = films.frames(work / "one.mkv")
    with udm.Interpolator(None, width=96, height=64, device="cpu", threads=1) as engine:
        for number in range(60):
            assert pixels.digest(next(made)) == pixels.digest(given[number]), number
            cut = number + 1 in (24, 32, 60)
            if not cut:
                engine.pair(views[number], views[number + 1], float(times[number + 1] - times[number]))
                if number + 2 not in (24, 32, 60):
                    engine.follow(views[number + 2], float(times[number + 2] - times[number + 1]))
            for place in (1, 2):
                out = between._copy(given[number])
                if not cut:
                    engine.make(place / 3, number * 3 + place, pixels.describe(out, colours))
                assert pixels.digest(next(made)) == pixels.digest(out), (number, place)
    assert next(made, None) is None


def test_motion_blur_is_that_of_the_whole_however_the_film_is_split(work):
    blurred = ("--filter", "udminterp factor=2 motion-blur=180", "--threads", 1)
    films.film("run", work / "in.mkv", work / "blurred.mkv", *blurred)
    films.film("run", work / "in.mkv", work / "parts.mkv", *blurred, "--split", 10, "--warm-up", 6, "--workers", 2)
    given = list(films.frames(work / "in.mkv"))
    changed = 0
    for number, (a, b) in enumerate(zip(films.frames(work / "blurred.mkv"), films.frames(work / "parts.mkv"),
                                        strict=True)):
        assert pixels.digest(a) == pixels.digest(b), number
        changed += number % 2 == 0 and pixels.digest(a) != pixels.digest(given[number // 2])
    assert changed > 40  # frames of the film are blurred, too


def test_times_are_divided_and_all_else_stays(work):
    was, now = films.times(work / "in.mkv"), films.times(work / "one.mkv")
    assert now[::3] == was
    for number in range(59):
        step = was[number + 1] - was[number]
        for place in (1, 2):
            assert abs(now[3 * number + place] - was[number] - step * place / 3) <= 0.001
    assert now == sorted(now) and len(set(now)) == 180
    for kind in ("audio", "subtitle"):
        assert films.packets(work / "one.mkv", kind) == films.packets(work / "in.mkv", kind)
    with av.open(str(work / "one.mkv")) as file:
        assert abs(file.streams.video[0].average_rate / 3 - 25) < 1


@pytest.mark.parametrize("words, says", [
    ("udminterp factor=0", "factor=0 is not one of 1 to 64"),
    ("udminterp motion-blur=400", "motion-blur=400 is not an angle of 0 to 360 degrees"),
    ("udminterp speed=2", "'speed=2' is not one of udminterp's factor, model"),
    ("videorate", "does not begin with udmdenoise or udminterp"),
])
def test_what_is_wrong_is_said(work, words, says):
    assert says in films.film("run", work / "in.mkv", work / "never.mkv", "--filter", words, code=1)


def test_pixels_have_to_be_square(tmp_path):
    films.make(tmp_path / "in.mkv", 4, rest=False)
    said = films.film("run", tmp_path / "in.mkv", tmp_path / "out.mkv", *FILTER, code=1)
    assert "4/3 as wide as high" in said and not (tmp_path / "out.mkv").exists()


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A film whose times vary, in which a picture stays for two seconds, with a flash; and its plan."""
    folder = tmp_path_factory.mktemp("planned")
    films.make(folder / "in.mkv", 40, (14, 22), 64, 48, codec="ffv1", sound=False, rest=False, aspect=1,
               waits={17: 2000}, flashes=(30,))
    return folder


@pytest.mark.parametrize("words", ["factor=3", "factor=2 motion-blur=180", "factor=3 scene-threshold=0.02",
                                   "factor=2 model=interp steps=2 sampler=ddpm seed=4"])
def test_the_element_makes_them_by_the_plan(gst, slow, tmp_path, words):
    films.film("run", slow / "in.mkv", tmp_path / "out.mkv", "--threads", 1, "--filter", f"udminterp {words}",
               "--dir", tmp_path / "film", "--split", 10)
    made = [films.digest(frame) for frame in films.frames(tmp_path / "out.mkv")]
    played, error = films.played(gst, f"{source_of(slow)} ! udminterp n-threads=1 device=cpu {words} "
                                 f"plan={tmp_path}/film/plan.jsonl")
    assert not error and len(played) == len(made)
    assert [n for n, (_, one) in enumerate(played) if one != made[n]] == []
    alone, _ = films.played(gst, f"{source_of(slow)} ! udminterp n-threads=1 device=cpu {words}")
    assert [one for _, one in alone] != made  # it does not know of the cuts, and waits no longer than max-gap


def source_of(folder):
    return f"filesrc location={folder}/in.mkv ! matroskademux ! avdec_ffv1 max-threads=1 direct-rendering=false"
