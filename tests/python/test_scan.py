# SPDX-License-Identifier: LGPL-2.1-or-later
"""A film that is looked at by ranges has the plan of one that is looked at from beginning to end."""
import json
import os
import signal
import subprocess

import films
import pytest

from udm.film import plan, scan
from udm.film.folder import Folder

COUNT, BEGINS = 180, (17, 31, 52, 60, 85, 103, 122, 141, 165)


class Ended:
    """A process that did its work before the first range began: the others are met for certain."""

    def kill(self):
        pass

    def wait(self, timeout=None):
        return 0

    poll = wait


class Lines:
    """The plan of a film looked at in so many ranges, and how many frames each looked at."""

    def __init__(self, path, folder, ranges, sigma=-1):
        self.looked, self.ends, self._path, self._sigma = {}, {}, str(path), sigma
        (folder / "logs").mkdir(parents=True)
        settings = {"source": {"path": str(path)}, "split": 20, "warm-up": 4}
        starts = scan.starts_of(str(path), ranges, 1)
        assert len(starts) == ranges
        self.made = list(scan.scan(Folder(folder), settings, sigma, 1, starts, print, self._begin))
        assert not (folder / "ranges").exists()

    def _begin(self, ranges, threads):
        for number in reversed(range(1, len(ranges.starts))):
            scan.look_at_range(ranges, number, self._path, self._sigma, threads, print)
            lines = [json.loads(line) for line in ranges.file(number).read_text().splitlines()]
            self.looked[number], self.ends[number] = sum("pts" in line for line in lines), lines[-1:]
        return [Ended()] * (len(ranges.starts) - 1)


@pytest.fixture(scope="module", params=["mkv", "mp4"])
def film(tmp_path_factory, request):
    """With open GOPs; in MP4 the first second is cut off by an edit list, in the middle of a GOP."""
    folder = tmp_path_factory.mktemp("scan")
    path = folder / f"in.{request.param}"
    films.make(path, COUNT, BEGINS, rest=False, aspect=1)
    if request.param == "mp4":
        films.cut_off(path, folder / "cut.mp4", 1)
        path = folder / "cut.mp4"
        assert sum(1 for _ in films.frames(path)) < COUNT - 20
    return path


@pytest.fixture(scope="module")
def wanted(film):
    return Lines(film, film.parent / "one", 1).made


@pytest.mark.parametrize("ranges", [2, 3, 5])
def test_ranges_that_meet_make_the_plan_of_one(film, wanted, tmp_path, monkeypatch, ranges):
    """And the first one ends where it meets another."""
    count, digest = [0], scan.digest
    monkeypatch.setattr(scan, "digest", lambda frame: (count.__setitem__(0, count[0] + 1), digest(frame))[1])
    lines = Lines(film, tmp_path / "film", ranges)
    assert lines.made == wanted
    frames, others = sum("frame" in line for line in wanted), sum(lines.looked.values())
    assert count[0] - others < frames * (0.9 if ranges == 2 else 0.7)
    assert "last_duration" in lines.ends[ranges - 1][0]
    assert ranges == 2 or any("range" in last[0] for last in lines.ends.values())


def test_so_does_the_command(film, wanted, tmp_path):
    """Whoever is the first to get somewhere."""
    films.film("plan", film, "--split", 20, "--warm-up", 4, "--scanners", 3, "--dir", tmp_path / "film")
    made = [json.loads(line) for line in (tmp_path / "film/plan.jsonl").read_text().splitlines()]
    assert [line for line in made if "frame" in line] == [line for line in wanted if "frame" in line]
    assert [line for line in made if "segment" in line] == [line for line in wanted if "segment" in line]


def test_a_film_of_one_shot_is_looked_at_by_the_first(tmp_path):
    films.make(tmp_path / "in.mkv", 60, (), 64, 48, rest=False)
    one = Lines(tmp_path / "in.mkv", tmp_path / "one", 1)
    three = Lines(tmp_path / "in.mkv", tmp_path / "three", 3)
    assert three.made == one.made
    assert three.looked[1] < 30  # it sees that it has nothing to offer


def test_where_nothing_can_be_sought_ranges_give_up_at_once(tmp_path):
    """One GOP is all the film."""
    films.make(tmp_path / "in.mkv", 60, (20, 40), 64, 48, rest=False, gop=1000)
    one, three = Lines(tmp_path / "in.mkv", tmp_path / "one", 1), Lines(tmp_path / "in.mkv", tmp_path / "three", 3)
    assert three.made == one.made and three.looked == {1: 0, 2: 0}


def test_what_a_range_complains_of_is_said(film, tmp_path):
    """It ended before the film did, and after it was met."""
    (tmp_path / "film/logs").mkdir(parents=True)

    def begin(ranges, threads):
        scan.look_at_range(ranges, 1, str(film), -1, threads, print)
        held = ranges.file(1).read_text().splitlines()
        ranges.file(1).write_text("\n".join(held[:-20]) + "\n")
        (tmp_path / "film/logs/range-1.log").write_text("udm-film: it cannot be decoded\n")
        return [Ended()]

    settings = {"source": {"path": str(film)}, "split": 20, "warm-up": 4}
    with pytest.raises(plan.FilmError, match="^it cannot be decoded$"):
        list(scan.scan(Folder(tmp_path / "film"), settings, -1, 1, scan.starts_of(str(film), 2, 1), print, begin))


def test_its_processes_die_with_it(film, tmp_path):
    """Nobody would wait for them."""
    job = subprocess.Popen(films.command("plan", film, "--scanners", 3, "--dir", tmp_path / "film"))
    mine = films.wait_for(lambda: list(films.children(job.pid)) or job.poll() is not None and [0])
    for child in mine:  # it must not be done before
        if child and films.alive(child):
            os.kill(child, signal.SIGSTOP)
    job.kill()
    job.wait()
    films.wait_for(lambda: not any(child and films.alive(child) for child in mine))
