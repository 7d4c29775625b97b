# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film: many workers make of a film what one makes, and that is what the engine makes of it in one go."""
import json
import subprocess

import av
import films
import numpy as np
import pytest

import udm
from udm.film import filters, pixels, plan, scan, source
from udm.film.folder import Folder

FILTER = ("--filter", "udmdenoise lookahead=1")
SPLIT = ("--split", 20, "--warm-up", 6)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("film")
    films.make(folder / "in.mkv")
    return folder


@pytest.fixture(scope="module")
def whole(work):
    """No scene is split."""
    films.film("run", work / "in.mkv", work / "whole.mkv", *FILTER, "--threads", 1)
    return work / "whole.mkv"


@pytest.fixture(scope="module")
def split(work):
    """Scenes are split, for one worker, too."""
    films.film("run", work / "in.mkv", work / "split.mkv", *FILTER, *SPLIT, "--threads", 2, "--keep")
    return work / "split.mkv"


def luma(frame):
    """Of 8 bits."""
    layout = pixels.LAYOUTS[frame.format.name]
    seen = np.ascontiguousarray(pixels.rows(frame, 0)).view(np.uint8 if layout.bits == 8 else "<u2")
    return np.float64(seen) / (1 << layout.bits - 8)


def samples(frame, component):
    layout = pixels.LAYOUTS[frame.format.name]
    seen = pixels.rows(frame, layout.planes[component])[:, layout.offsets[component]:]
    if layout.bits > 8:
        pairs = seen[:, :seen.shape[1] // 2 * 2].copy().view("<u2") >> layout.shift
        return pairs[:, ::layout.steps[component] // 2]
    return seen[:, ::layout.steps[component]].copy()


def planned(out):
    return plan.read(out.with_name(out.name + ".udm-film") / "plan.jsonl")


def test_parts_make_what_the_engine_makes_of_the_whole(work, whole):
    """Which looks for scenes and noise itself."""
    assert [part.first for part in planned(whole).segments] == [0, 24, 50, 58, 110]
    made = films.frames(whole)
    restorer = None
    for number, frame in enumerate(films.frames(work / "in.mkv")):
        colours = pixels.colours_of(frame, "h264")
        restorer = restorer or udm.Restorer(udm.Model("auto"), width=96, height=64, device="cpu", threads=1,
                                            lookahead=1)
        restorer.push(pixels.describe(frame, colours), time=-1, number=number)
        out = pixels.for_output(frame)
        if restorer.pull(pixels.describe(out, colours)) is udm.Pulled.FRAME:
            assert pixels.digest(out) == pixels.digest(next(made)), number - 1
    restorer.end()
    assert restorer.pull(pixels.describe(out, colours)) is udm.Pulled.FRAME
    assert pixels.digest(out) == pixels.digest(next(made))
    assert next(made, None) is None
    assert restorer.stats().scenes == 5


def aspect(path):
    """Of pixels, as a player sees it."""
    return subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                           "frame=sample_aspect_ratio", "-read_intervals", "%+#1", "-of", "csv=p=0", path],
                          capture_output=True, text=True).stdout.strip().strip(",")


def test_all_else_is_as_it_was(work, whole):
    assert films.times(whole) == films.times(work / "in.mkv")
    for kind in ("audio", "subtitle"):
        assert films.packets(whole, kind) == films.packets(work / "in.mkv", kind)
    with av.open(str(work / "in.mkv")) as was, av.open(str(whole)) as now:
        assert [stream.type for stream in now.streams] == [stream.type for stream in was.streams]
        assert now.chapters() == was.chapters() and len(now.chapters()) == 2
        assert now.metadata["title"] == "A test of everything"
        assert now.streams[2].language == "eng"
        assert now.streams[3].data == bytes(range(200)) and now.streams[3].name == "letters.ttf"
        a, b = was.streams.video[0], now.streams.video[0]
        next(was.decode(a)), next(now.decode(b))
        for name in ("color_primaries", "color_trc", "colorspace", "color_range", "width", "height", "pix_fmt"):
            assert getattr(a.codec_context, name) == getattr(b.codec_context, name), name
        assert aspect(work / "in.mkv") == aspect(whole) == "4:3"
        assert abs(a.average_rate - b.average_rate) < 0.1


@pytest.mark.parametrize("cut", [False, True])
def test_an_mp4_stays_what_it_is(tmp_path, cut):
    """With text that has a stream of its own, chapters, sound that begins before the film, and an edit list that begins
    in the middle of a GOP."""
    film, one, three = tmp_path / "in.mp4", tmp_path / "one.mp4", tmp_path / "three.mp4"
    films.make(film, 90, (24, 50), aspect=1)
    if cut:
        films.cut_off(film, tmp_path / "cut.mp4", 1)
        film = tmp_path / "cut.mp4"
    films.film("run", film, one, *SPLIT, "--threads", 1)
    films.film("run", film, three, *SPLIT, "--threads", 1, "--workers", 3, "--scanners", 2)
    assert one.read_bytes() == three.read_bytes()
    assert films.times(one) == films.times(film) and len(films.times(one)) == (65 if cut else 90)
    for kind in ("audio", "subtitle"):
        assert films.packets(one, kind) == films.packets(film, kind)
    assert films.packets(film, "audio")[0][0] < 0
    with av.open(str(film)) as was, av.open(str(one)) as now:
        assert now.chapters() == was.chapters() and bool(was.chapters()) != cut


def test_sound_before_the_film_delays_all_in_matroska(tmp_path):
    """Which has no time before 0; by as much, and it is said."""
    film, out = tmp_path / "in.mp4", tmp_path / "out.mkv"
    films.make(film, 30, (), rest=False, aspect=1)
    said = films.film("run", film, out, "--threads", 1)
    assert said.count("the sound begins 0.021 s before the film does, which .mkv cannot say") == 1
    assert {round((a - b) * 1000) for a, b in zip(films.times(out), films.times(film), strict=True)} == {21}


@pytest.mark.parametrize("name", ["it's \"a\" film, 100 %.mkv", "ä 映画 #1?.mkv", "-dash.mkv", "a:b.mkv"])
def test_any_name_will_do(tmp_path, name):
    films.make(tmp_path / "in.mkv", 12, (), 64, 48, sound=False, rest=False)
    (tmp_path / "in.mkv").rename(tmp_path / name)
    films.film("run", "--threads", 1, "--", name, f"out {name}", cwd=tmp_path)
    assert len(list(films.frames(tmp_path / f"out {name}"))) == 12


def test_a_film_is_read_by_its_url(tmp_path):
    """Through fsspec, by all processes; what it is is known, and seen to change."""
    films.make(tmp_path / "in.mkv", 30, (12,), 64, 48, rest=False)
    url = f"file://{tmp_path}/in.mkv"
    run = ("--split", 10, "--warm-up", 2, "--threads", 1)
    films.film("run", tmp_path / "in.mkv", tmp_path / "path.mkv", *run)
    films.film("run", url, tmp_path / "url.mkv", *run, "--workers", 2)
    assert (tmp_path / "url.mkv").read_bytes() == (tmp_path / "path.mkv").read_bytes()
    assert "No such file" in films.film("run", url + "x", tmp_path / "no.mkv", code=1)
    assert "written to disks" in films.film("run", url, f"file://{tmp_path}/no.mkv", code=1)
    films.make(tmp_path / "in.mkv", 31, (12,), 64, 48, rest=False)
    said = films.film("run", url, tmp_path / "again.mkv", *run, "--dir", tmp_path / "url.mkv.udm-film", code=1)
    assert "source bytes was" in said


def test_a_plan_that_was_made_before_is_gone_on_from(work, whole):
    said = films.film("plan", work / "in.mkv", *FILTER, "--threads", 1)
    assert "150 frames of 96x64 yuv420p, 5 scenes, 5 segments, the longest of 52 frames" in said
    assert f"--dir {work}/in.mkv.udm-film goes on from here" in said
    made = (work / "in.mkv.udm-film/plan.jsonl").stat().st_mtime_ns
    out = work / "planned.mkv"
    films.film("run", work / "in.mkv", out, *FILTER, "--dir", f"{work}/in.mkv.udm-film", "--workers", 2)
    assert out.read_bytes() == whole.read_bytes()
    assert (work / "in.mkv.udm-film/plan.jsonl").stat().st_mtime_ns == made


def test_three_workers_make_the_file_that_one_makes(work, split):
    out = work / "three.mkv"
    films.film("run", work / "in.mkv", out, *FILTER, *SPLIT, "--threads", 1, "--workers", 3)
    assert out.read_bytes() == split.read_bytes()
    parts = planned(split).segments
    assert [part.count for part in parts] == [20, 4, 20, 6, 8, 20, 20, 12, 20, 20]
    assert [part.warm_up for part in parts] == [0, 6, 0, 6, 0, 0, 6, 6, 0, 6]


def test_splits_are_seen_in_what_follows_them_alone(whole, split):
    """So the warm-up counts, and is no more than that: frames before a split are those of the whole."""
    differ = [a.to_ndarray().tobytes() != b.to_ndarray().tobytes()
              for a, b in zip(films.frames(whole), films.frames(split), strict=True)]
    first = [n for n, frame in enumerate(differ) if frame][:1]
    assert first and first[0] in range(20, 24)
    assert not any(differ[24:44] + differ[50:78] + differ[110:130])


@pytest.mark.parametrize("count, cuts, wanted", [
    (25, [0], [(0, 10, 0, 8), (10, 10, 3, 5), (20, 5, 3, 0)]),
    (10, [0], [(0, 10, 0, 0)]),
    (22, [0, 12], [(0, 10, 0, 2), (10, 2, 3, 0), (12, 10, 0, 0)]),
    (13, [0, 1, 2], [(0, 1, 0, 0), (1, 1, 0, 0), (2, 10, 0, 1), (12, 1, 3, 0)]),
    (20, [0, 10], [(0, 10, 0, 0), (10, 10, 0, 0)]),
])
def test_where_a_plan_cuts(count, cuts, wanted):
    found = [part for part in plan.segments((n in cuts for n in range(count)), 10, 3) if part]
    assert [(part.first, part.count, part.warm_up, part.after) for part in found] == wanted
    assert [part.number for part in found] == list(range(len(wanted)))


@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov", "ts"])
def test_frames_are_found_in_the_middle(tmp_path, ending):
    """By seeking, in containers that allow it: else decoding from the start would hide that it is broken."""
    path = tmp_path / f"in.{ending}"
    films.make(path, 60, sound=ending != "ts", rest=False)
    (tmp_path / "film/logs").mkdir(parents=True)
    settings = {"source": {"path": str(path)}, "split": 960, "warm-up": 48}
    film = plan.Plan()
    for line in scan.scan(Folder(tmp_path / "film"), settings, 5, 1, [0], print):
        film.take(json.dumps(line))
    assert film.seekable() and len(film.frames) == 60
    sought = 0
    for first in range(4, 56, 3):
        wanted = film.frames[first:first + 4]
        try:
            sought += len(list(source.numbered(str(path), wanted, film.frames[first - 3].pts)))
        except source.MismatchError:
            assert ending == "ts"
            assert len(list(source.numbered(str(path), wanted, None))) == 4
    assert sought == 4 * 18 or ending == "ts"


@pytest.mark.parametrize("name", pixels.LAYOUTS)
def test_pixels_of_all_formats_pass_as_they_are(name):
    """At a noise level of 0, into the format that they are stored in."""
    layout = pixels.LAYOUTS[name]
    given = av.VideoFrame(33 if "422" not in name and "nv" not in name else 34, 18, name)
    random = np.random.default_rng(1)
    for plane in range(len(set(layout.planes))):
        seen = pixels.rows(given, plane)
        if layout.bits == 8:
            seen[:] = random.integers(0, 256, seen.shape, np.uint8)
        else:
            values = random.integers(0, 1 << layout.bits, (seen.shape[0], seen.shape[1] // 2)) << layout.shift
            seen[:] = values.astype("<u2").view(np.uint8).reshape(seen.shape)
    colours = pixels.Colours(0 if layout.rgb else 2, layout.rgb or layout.full, 0)
    before = [samples(given, component) for component in range(len(layout.planes))]
    with filters.Filter().open(given.width, 18, len(layout.planes), 1) as restorer:
        restorer.push(pixels.describe(given, colours), time=0, number=0)
        out = pixels.for_output(given)
        for plane in range(len(set(pixels.LAYOUTS[layout.stored].planes))):
            pixels.rows(out, plane)[:] = 0
        assert restorer.pull(pixels.describe(out, colours)) is udm.Pulled.FRAME
    for component, values in enumerate(before):
        assert np.array_equal(values, samples(out, component)), component
    assert out.format.name == layout.stored
    assert out.format.name in [form.name for form in av.Codec("ffv1", "w").video_formats]


@pytest.fixture(scope="module")
def plain(work):
    """A film that any container holds, without loss, with its segments."""
    films.make(work / "plain.mkv", 40, rest=False, aspect=1)
    films.film("run", work / "plain.mkv", work / "lossless.mkv", "--threads", 2, "--keep")
    return work / "lossless.mkv"


@pytest.mark.parametrize("codec, ending", [("x264", "mp4"), ("x265", "mkv"), ("svtav1", "mkv"), ("prores", "mov")])
def test_one_encode_of_the_joined_film(work, plain, codec, ending):
    """From the segments that were kept: the frames of the lossless file, nearly, at their times."""
    out = work / f"{codec}.{ending}"
    films.film("run", work / "plain.mkv", out, "--dir", f"{plain}.udm-film", "--codec", codec, "--keep")
    frames, lossless = list(films.frames(out)), list(films.frames(plain))
    assert [round(float(f.time), 3) for f in frames] == [round(float(f.time), 3) for f in lossless]
    error = [np.mean((luma(a) - luma(b))**2) for a, b in zip(frames, lossless)]
    assert np.mean(error) < 15
    assert frames[0].colorspace == 1
    heard = [data for _, data in films.packets(out, "audio")]
    assert heard == [data for _, data in films.packets(work / "plain.mkv", "audio")]


@pytest.mark.parametrize("codec, ending, says", [
    ("x264", "mp4", ".mp4 does not hold stream 2, subtitle"),
    ("svtav1", "mkv", "pixels of the film are 4/3 as wide as high"),
    ("ffv1", "nothing", "no container has this ending"),
    ("ffv1", "mov", ".mov does not hold --codec ffv1"),
])
def test_what_a_container_does_not_hold_is_said_before_work_begins(work, codec, ending, says):
    out = work / f"never.{ending}"
    said = films.film("run", work / "in.mkv", out, *FILTER, "--dir", work / f"{ending}.film", "--codec", codec, code=1)
    assert says in said and not out.exists()
    assert not list((work / f"{ending}.film/segments").iterdir())


def test_sound_that_a_container_cannot_be_begun_with_is_named(work, plain):
    """Of Opus in .mov the muxer says no more than that it does not go."""
    film = work / "opus.mkv"
    with av.open(str(work / "plain.mkv")) as source, av.open(str(film), "w") as to:
        video, sound = to.add_stream_from_template(source.streams.video[0]), to.add_stream("libopus", rate=48000)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                to.mux(packet)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="stereo")
        silence.sample_rate, silence.pts = 48000, 0
        to.mux(sound.encode(silence))
        to.mux(sound.encode(None))
    said = films.film("run", film, work / "opus.mov", "--codec", "prores", code=1)
    assert ".mov does not hold stream 1, audio in opus, of the film: choose another ending, such as .mkv, or" in said
    assert not list((work / "opus.mov.udm-film/segments").iterdir())


def test_a_scan_that_was_overtaken_leaves_the_plan_alone(tmp_path):
    """Its successor writes the file that others follow."""
    path = tmp_path / "plan.jsonl"

    def lines():
        yield {"frame": 0}
        path.with_suffix(".part").rename(tmp_path / "gone")
        path.with_suffix(".part").write_text("that of another scan")
        yield {"frame": 1}

    with pytest.raises(plan.FilmError, match="another scan"):
        plan.write(path, lines())
    assert not path.exists() and path.with_suffix(".part").read_text() == "that of another scan"
