# SPDX-License-Identifier: LGPL-2.1-or-later
"""Joining: segments are removed as their packets are in the output, and wherever it is killed, it goes on from there
and makes the same file."""
import json
import os
import shutil
import signal
import subprocess
import sys

import films
import pytest

from udm.film import join, main, part, plan
from udm.film.folder import Folder

RUN = ("--split", 20, "--warm-up", 2, "--threads", 1)
COUNT = 150
NAMES = ("out.mp4", "out.mkv", "out.nut", "out.avi")
# A driver that is killed when so many frames are joined, or on the way to the output's name.
KILLED = """
import os, signal, sys
from udm.film import join, main
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
moment = sys.argv[1]
if moment.isdigit():
    joined = main.Job._joined
    main.Job._joined = lambda self, frames: frames >= int(moment) and kill()
elif moment == "named":  # the output has its name
    complete = join.complete
    join.complete = lambda done: (complete(done), kill())
else:  # it is said what it is, but it is not
    join.complete = kill
main.main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A film whose pictures stay for seconds now and then, as Matroska holds packets back for five."""
    folder = tmp_path_factory.mktemp("join")
    films.make(folder / "in.mkv", COUNT, (50,), 64, 48, waits={n: 6000 for n in range(5, COUNT, 20)}, rest=False)
    films.film("run", folder / "in.mkv", folder / "kept.mkv", *RUN, "--workers", 2, "--keep", "--dir", folder / "kept")
    return folder


@pytest.fixture
def place(work, tmp_path):
    """A folder of the film in which all is restored."""
    shutil.copytree(work / "kept", tmp_path / "film")
    (tmp_path / "film/done.json").unlink()
    return tmp_path


def words(work, place, name, *more):
    return [str(word) for word in ("run", work / "in.mkv", place / name, *RUN, "--dir", place / "film", *more)]


def wanted(work, tmp_path_factory, name):
    """What it is if nothing happens, with --keep, so that nothing is removed meanwhile."""
    folder = work / f"wanted-{name}"
    if not folder.exists():
        shutil.copytree(work / "kept", folder)
        (folder / "done.json").unlink()
        films.film("run", work / "in.mkv", work / f"wanted.{name}", *RUN, "--dir", folder, "--keep")
    return (work / f"wanted.{name}").read_bytes()


def killed(moment, *run):
    done = subprocess.run([sys.executable, "-c", KILLED, str(moment), *run], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def segments(place):
    return sorted(int(path.stem) for path in (place / "film/segments").glob("*.nut"))


@pytest.mark.parametrize("name", NAMES[:2])
def test_segments_are_removed_meanwhile(work, place, name, tmp_path_factory, monkeypatch):
    film, folder = plan.read(place / "film/plan.jsonl"), Folder(place / "film")
    longest = max(folder.video(one.number).stat().st_size for one in film.segments)
    to, most = join.output(str(place / name), "ffv1", []), 0

    def look(frames):
        nonlocal most
        files = [*place.glob(".*"), *(place / "film/segments").glob("*.nut")]
        most = max(most, sum(path.stat().st_size for path in files))

    join.join(film, folder, to, False, look)
    assert len(film.segments) == 8 and set(segments(place)) <= {0, 6, 7}  # the first, and what the muxer may still hold
    assert most < (place / name).stat().st_size + 3 * longest
    assert (place / name).read_bytes() == wanted(work, tmp_path_factory, name)


@pytest.mark.parametrize("name, moments", [("out.mp4", (60, 110, 150)), ("out.mkv", (110, 150)), ("out.nut", (110,))])
def test_killed_while_it_joins_it_goes_on_from_there(work, place, name, moments, tmp_path_factory):
    run, left = words(work, place, name), len(segments(place))
    for moment in moments:
        killed(moment, *run)
        assert not (place / name).exists()
        if name != "out.nut":  # which leaves out what packets have in common, so that they are not found in it
            assert len(segments(place)) < left
            left = len(segments(place))
    restored = {path.name: path.stat().st_mtime_ns for path in (place / "film/logs").glob("0*.log")}
    films.film(*run)
    assert (place / name).read_bytes() == wanted(work, tmp_path_factory, name)
    assert not segments(place) and not list(place.glob(".out*"))
    assert restored == {path.name: path.stat().st_mtime_ns for path in (place / "film/logs").glob("0*.log")}


@pytest.mark.parametrize("moment", ["said", "half", "named"])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_killed_on_the_way_to_its_name_it_is_completed(work, place, name, moment, tmp_path_factory):
    run = words(work, place, name)
    killed("named" if moment == "named" else "said", *run)
    done = json.loads((place / "film/done.json").read_text())
    assert done["changes"] and (place / name).exists() == (moment == "named")
    if moment == "half":  # of the first change
        with open(done["part"], "r+b") as file:
            os.pwrite(file.fileno(), bytes.fromhex(done["changes"][0][1])[:1], done["changes"][0][0])
    assert "is complete" in films.film(*run)
    assert (place / name).read_bytes() == wanted(work, tmp_path_factory, name)
    assert not segments(place) and not list(place.glob(".out*"))


def test_what_is_in_an_output_alone_becomes_no_other(work, place):
    killed(110, *words(work, place, "out.mp4"))
    begun = next(place.glob(".out*"))
    for name, more in (("other.mp4", ()), ("out.mp4", ("--codec", "x264"))):
        said = films.film(*words(work, place, name, *more), code=1)
        assert f"segments are in {begun} alone" in said and "with --codec ffv1; or remove" in said
    assert begun.exists()
    assert "x264" not in films.film(*words(work, place, "out.mp4"))


@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_what_is_lost_with_an_output_is_made_anew(work, place, how, tmp_path_factory):
    run = words(work, place, "out.mp4")
    killed(110, *run)
    begun = next(place.glob(".out*"))
    if how == "gone":
        begun.unlink()
    elif how == "cut":
        os.truncate(begun, begun.stat().st_size // 3)
    else:
        made = json.loads((place / "film/segments/00002.json").read_text())["joined"]
        with open(begun, "r+b") as file:
            os.pwrite(file.fileno(), b"\0\1\2\3", made["offsets"][1])
        assert "files of segments 2, 3" in films.film(*run, code=1)
    films.film(*run)
    assert (place / "out.mp4").read_bytes() == wanted(work, tmp_path_factory, "out.mp4")


def test_another_muxer_is_found_out_and_harms_nothing(work, place, tmp_path_factory):
    """Its header is another one."""
    run = words(work, place, "out.mp4")
    killed(110, *run)
    begun = next(place.glob(".out*"))
    held = begun.read_bytes()
    begun.write_bytes(bytes([held[0] ^ 1]) + held[1:])
    before = (begun.read_bytes(), segments(place))
    said = films.film(*run, code=1)
    assert "was begun by other versions" in said and "remove it and run the same again" in said
    assert begun.read_bytes()[:len(held) // 4] == before[0][:len(held) // 4] and segments(place) == before[1]
    begun.unlink()
    films.film(*run)
    assert (place / "out.mp4").read_bytes() == wanted(work, tmp_path_factory, "out.mp4")


def test_a_disk_that_is_full_while_it_joins_loses_nothing(work, place, monkeypatch, capsys, tmp_path_factory):
    run, put = words(work, place, "out.mp4"), part.put

    def full(file, data, offset):
        if offset > 700000:
            raise OSError(28, os.strerror(28))
        put(file, data, offset)

    monkeypatch.setattr(part, "put", full)
    assert main.main(run) == 1
    assert "cannot be written: No space left on device" in capsys.readouterr().err
    assert 0 < len(segments(place)) < 8
    monkeypatch.undo()
    assert main.main(run) == 0
    assert (place / "out.mp4").read_bytes() == wanted(work, tmp_path_factory, "out.mp4")


def test_outputs_that_were_changed_are_not_written_over(work, place):
    run = words(work, place, "out.mp4")
    films.film(*run)
    assert "is complete" in films.film(*run)
    with open(place / "out.mp4", "ab") as file:
        file.write(b"mine")
    assert "out.mp4 is there already" in films.film(*run, code=1)
    assert (place / "out.mp4").read_bytes().endswith(b"mine")
