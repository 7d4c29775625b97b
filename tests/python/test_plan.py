# SPDX-License-Identifier: LGPL-2.1-or-later
"""udmdenoise with the plan of a film: the frames that udm-film run makes, bit for bit, played from anywhere."""
import hashlib
import json
import os
import pathlib
import sys

import films
import pytest

BUILD = pathlib.Path(os.environ["UDM_BUILD"])
FILTER = "model=denoise lookahead=2"
CUTS, SPLIT, WARM_UP = (9, 34), 10, 4  # splits at 19, 29 and 44, of which the film's end lies 2 behind
COUNT = 46


@pytest.fixture(scope="module")
def gst(tmp_path_factory):
    """Of the build; PyGObject is the system's, as no environment has its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UDM_MODEL_PATH", str(pathlib.Path(__file__).resolve().parents[2] / "models"))
        patch.setenv("GST_PLUGIN_PATH", str(BUILD / "elements"))
        patch.setenv("GST_REGISTRY", str(tmp_path_factory.mktemp("registry") / "registry.bin"))
        patch.syspath_prepend("/usr/lib/python3/dist-packages")
        try:
            import gi
            gi.require_version("Gst", "1.0")
            from gi.repository import Gst
        except (ImportError, ValueError) as error:
            pytest.skip(f"PyGObject is not to be had: {error}")
        sys.path.remove("/usr/lib/python3/dist-packages")
        Gst.init(None)
        yield Gst


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A film, restored, and its plan."""
    folder = tmp_path_factory.mktemp("plan")
    films.make(folder / "in.mkv", COUNT, CUTS, 64, 48, codec="ffv1", sound=False,
               rest=False, aspect=1)
    films.film("run", folder / "in.mkv", folder / "out.mkv", "--split", SPLIT, "--warm-up", WARM_UP, "--threads", 1,
               "--filter", f"udmdenoise {FILTER}", "--dir", folder / "film")
    return folder


def digest(planes):
    return hashlib.sha256(b"".join(planes)).hexdigest()


@pytest.fixture(scope="module")
def wanted(work):
    """{nanoseconds: digest}"""
    return {round(frame.time * 1e9): digest([frame.to_ndarray(format="yuv420p").tobytes()])
            for frame in films.frames(work / "out.mkv")}


def played(gst, work, properties, seek=None):
    """[(nanoseconds, digest)], and what was complained of."""
    pipeline = gst.parse_launch(f"filesrc location={work}/in.mkv ! matroskademux ! avdec_ffv1 max-threads=1 ! "
                                f"udmdenoise n-threads=1 device=cpu {properties} ! appsink name=out sync=false "
                                "max-buffers=200")
    out, bus = pipeline.get_by_name("out"), pipeline.get_bus()
    found = []
    try:
        pipeline.set_state(gst.State.PAUSED)
        pipeline.get_state(60 * gst.SECOND)
        if seek is not None:
            assert pipeline.seek_simple(gst.Format.TIME, gst.SeekFlags.FLUSH | gst.SeekFlags.ACCURATE, seek)
        pipeline.set_state(gst.State.PLAYING)
        while (sample := out.emit("pull-sample")) is not None:
            buffer = sample.get_buffer()
            time = sample.get_segment().to_stream_time(gst.Format.TIME, buffer.pts)
            found.append((time, digest([buffer.extract_dup(0, buffer.get_size())])))
        error = bus.pop_filtered(gst.MessageType.ERROR)
        return found, error.parse_error()[0].message if error else ""
    finally:
        pipeline.set_state(gst.State.NULL)


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
    made = [digest([frame.to_ndarray(format="yuv420p").tobytes()]) for frame in films.frames(tmp_path / "out.mkv")]
    found, error = played(gst, work, f"{words} plan={tmp_path}/film/plan.jsonl", sorted(
        round(frame.time * 1e9) for frame in films.frames(work / "in.mkv"))[CUTS[0]])
    assert not error and list(dict(found).values()) == made[CUTS[0]:]


def test_a_level_that_is_given_is_that_of_the_film(gst, work, tmp_path):
    """Which is told by itself: nothing that the plan saw of chroma beside it."""
    words = "noise-level=8 lookahead=0"
    films.film("run", work / "in.mkv", tmp_path / "out.mkv", "--threads", 1, "--filter", f"udmdenoise {words}",
               "--dir", tmp_path / "film")
    made = [digest([frame.to_ndarray(format="yuv420p").tobytes()]) for frame in films.frames(tmp_path / "out.mkv")]
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
