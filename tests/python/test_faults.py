# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film when things go wrong: it ends in the same file, or in an error that names what it was; never in a wrong
film."""
import errno
import json
import os
import pathlib
import platform
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import films
import numpy as np
import pytest

from udm.film import join, main, on_slurm, plan
from udm.film.engine import Engine, Result, Task
from udm.film.folder import Folder, aside
from udm.film.job import Job

RUN = ("--split", 10, "--warm-up", 2, "--threads", 1)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    films.make(folder / "in.mkv", 60, (15, 30, 45), 64, 48)
    return folder


@pytest.fixture(scope="module")
def wanted(work):
    out = work / "wanted.mkv"
    films.film("run", work / "in.mkv", out, *RUN, "--workers", 2, "--keep")
    return out.read_bytes()


def started(work, name, *more):
    return subprocess.Popen(films.command("run", work / "in.mkv", work / name, *RUN, *more), text=True,
                            stderr=subprocess.PIPE)


def workers_of(process):
    return [child for child, verb in films.children(process).items() if verb == "segment"]


def test_a_worker_that_is_killed_is_replaced(work, wanted):
    """Twice, at moments that differ from run to run."""
    job = started(work, "worker.mkv", "--workers", 2)
    for _ in range(2):
        victim = random.choice(films.wait_for(lambda: workers_of(job.pid) or job.poll() is not None and [0]))
        time.sleep(random.uniform(0, 0.6))
        if victim and victim in workers_of(job.pid):
            os.kill(victim, signal.SIGKILL)
    said = job.communicate()[1]
    assert job.returncode == 0, said
    assert (work / "worker.mkv").read_bytes() == wanted


def test_a_job_that_is_killed_goes_on_by_the_same_command(work, wanted):
    """Wherever it was: planning, restoring, joining; its workers die with it."""
    out, lives = work / "job.mkv", 0
    for wait in (0.5, 1.5, 3, 5, None):
        job = started(work, "job.mkv", "--workers", 2)
        try:
            job.communicate(timeout=wait and wait * random.uniform(0.5, 1.5))
            assert job.returncode == 0
            break
        except subprocess.TimeoutExpired:
            mine = list(films.children(job.pid))
            job.kill()
            job.communicate()
            lives += 1
            films.wait_for(lambda: not any(films.alive(child) for child in mine))
            if out.exists():  # it was killed between its last deed and its end
                break
    assert lives >= 2
    assert out.read_bytes() == wanted
    assert not list(pathlib.Path(f"{out}.udm-film").rglob("*.part")) and not list(work.glob(".job*"))
    assert "is complete" in films.film("run", work / "in.mkv", out, *RUN)


def test_a_full_disk_is_named_and_then_it_goes_on(work, wanted):
    """Files may not grow beyond 20,000 bytes, which segments do."""
    out = work / "disk.mkv"
    said = films.film("run", work / "in.mkv", out, *RUN, code=1, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY)))
    assert "segment 0, frames 0 to 9, failed 3 times" in said and "File too large" in said and "00000.log" in said
    assert "run the same again" in said and not out.exists()
    films.film("run", work / "in.mkv", out, *RUN)
    assert out.read_bytes() == wanted


def test_a_disk_without_room_for_the_driver_is_named(work, monkeypatch, capsys):
    """It keeps files of its own: the page, and who computes what."""
    def write(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(main, "write_json", write)
    assert main.main(["plan", str(work / "in.mkv"), "--dir", str(work / "full")]) == 1
    assert "No space left on device. Make room, and run the same again" in capsys.readouterr().err


def test_other_settings_are_refused_with_the_difference(work, wanted):
    out = work / "wanted.mkv"
    again = work / "again.mkv"
    with_dir = ("--dir", f"{out}.udm-film")
    said = films.film("run", work / "in.mkv", again, *RUN, *with_dir, "--filter", "udmdenoise noise-level=20 seed=3",
                      code=1)
    assert "filter noise-level was -1.0, and is now 20.0; filter seed was 0, and is now 3." in said
    said = films.film("run", work / "in.mkv", again, "--split", 30, *with_dir, code=1)
    assert "split was 10, and is now 30" in said and "warm-up was 2, and is now 48" in said
    films.make(work / "other.mkv", 12, (), 64, 48)
    said = films.film("run", work / "other.mkv", again, *RUN, *with_dir, code=1)
    assert "source path was" in said and "other.mkv" in said and not again.exists()
    assert "wanted.mkv is there already" in films.film("run", work / "in.mkv", out, "--dir", work / "new", code=1)


@pytest.mark.parametrize("words, says", [
    ("udmdenoise noise=3", "'noise=3' is not one of udmdenoise's model, noise-level"),
    ("udmdenoise noise-levle=3", "did you mean noise-level?"),
    ("udmdenoise seed=x", "'seed=x' is not a number"),
    ("udmsrc", "does not begin with udmdenoise"),
    ("udmdenoise model='auto", "--filter udmdenoise model='auto: no closing quotation"),
    ("udmdenoise model=none", 'no model "none" found'),
    ("udmdenoise model=inpaint", "inpaint cannot restore a film in parts"),
    ("udmdenoise steps=0", "steps is 0"),
    ("udmdenoise device=gpu", "unknown device 'gpu'"),
])
def test_filters_that_cannot_be(work, words, says):
    said = films.film("run", work / "in.mkv", work / "never.mkv", "--filter", words, "--dir", work / words, code=1)
    assert says in said and not (work / "never.mkv").exists()


@pytest.mark.parametrize("words, says", [
    (("--workers", 0), "argument --workers: 0 is less than 1"),
    (("--split", "x"), "argument --split: invalid number value: 'x'"),
    (("--codec", "h264"), "invalid choice: 'h264'"),
    (("--codec-option", "crf=1"), "no effect with ffv1"),
    (("--codec", "x264", "--codec-option", "crf"), "--codec-option crf: it must be NAME=VALUE"),
])
def test_options_that_cannot_be(work, words, says):
    code = 1 if "--codec-option" in words else 2
    said = films.film("run", work / "in.mkv", work / "never.mkv", *words, code=code)
    assert says in said and not (work / "never.mkv").exists()


@pytest.mark.parametrize("made, says", [
    (None, "No such file"),
    (b"no film at all" * 100, "Invalid data"),
])
def test_films_that_cannot_be(tmp_path, made, says):
    path = tmp_path / "in.mkv"
    if made:
        path.write_bytes(made)
    assert says in films.film("run", path, tmp_path / "out.mkv", code=1)
    assert says in films.film("plan", path, code=1)


def test_places_that_cannot_be_are_said_and_nothing_is_left(work, tmp_path):
    for film, out, says in (
            (work / "in.mkv", tmp_path / "no/out.mkv", f"there is no folder {tmp_path}/no"),
            (work / "in.mkv", work / "in.mkv", "the output is the film itself"),
            (work, tmp_path / "out.mkv", "is a folder: name a file"),
            (work / "in.mkv", work, "is there already")):
        assert says in films.film("run", film, out, code=1)
    assert not list(tmp_path.iterdir())


def test_it_is_the_same_film_from_another_folder(work, wanted, tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "in.mkv").symlink_to(work / "in.mkv")
    run = ("--split", 20, "--warm-up", 2, "--threads", 1)
    films.film("plan", tmp_path / "in.mkv", *run, "--dir", tmp_path / "film")
    films.film("run", "../in.mkv", "../else/out.mkv", *run, "--dir", "../film", cwd=tmp_path / "else")
    assert "is complete" in films.film("run", "in.mkv", "else/out.mkv", *run, "--dir", "film", cwd=tmp_path)
    assert "is the film itself" in films.film("run", "../in.mkv", "../else/../in.mkv", code=1, cwd=tmp_path / "else")


def test_what_the_killed_left_aside_is_removed(work, wanted):
    folder = copy_of(work, "aside")
    left = [aside(folder / name) for name in ("settings.json", "machines/x.json", "segments/00001.nut")]
    for path in left:
        path.write_text("half")
    films.film("run", work / "in.mkv", work / "aside.mkv", *RUN, "--dir", folder)
    assert not any(path.exists() for path in left) and (work / "aside.mkv").read_bytes() == wanted


def test_a_plan_that_gets_its_name_while_it_is_opened_is_read(work, wanted, monkeypatch):
    """A worker that looked for it before, and opens it after."""
    folder = Folder(f"{work}/wanted.mkv.udm-film")
    names = [folder.plan.with_suffix(".part"), folder.plan]
    monkeypatch.setattr(folder, "plan_so_far", lambda: names.pop(0))
    assert len(plan.so_far(folder).frames) == 60


def test_only_one_job_works_on_a_film(work, wanted):
    with Folder(f"{work}/wanted.mkv.udm-film").locked():
        said = films.film("run", work / "in.mkv", work / "second.mkv", *RUN, "--dir", f"{work}/wanted.mkv.udm-film",
                          code=1)
    assert "another udm-film works on" in said


def copy_of(work, name):
    """Of a folder whose segments are all there."""
    shutil.copytree(f"{work}/wanted.mkv.udm-film", work / name)
    return work / name


def test_a_segment_that_was_changed_is_found_and_made_anew(work, wanted):
    folder = copy_of(work, "flipped")
    video = folder / "segments/00002.nut"
    held = bytearray(video.read_bytes())
    held[len(held) // 2] ^= 1
    video.write_bytes(held)
    run = ("run", work / "in.mkv", work / "flipped.mkv", *RUN, "--dir", folder)
    assert "files of segments 2 were changed" in films.film(*run, code=1)
    films.film(*run)
    assert (work / "flipped.mkv").read_bytes() == wanted


def test_a_segment_that_is_gone_is_made_anew(work, wanted):
    folder = copy_of(work, "gone")
    (folder / "segments/00001.nut").unlink()
    (folder / "segments/00003.json").write_text('{"key": ')
    films.film("run", work / "in.mkv", work / "gone.mkv", *RUN, "--dir", folder)
    assert (work / "gone.mkv").read_bytes() == wanted


def test_no_room_for_the_joined_film_is_said_before_it_is_begun(work, wanted, tmp_path, monkeypatch, capsys):
    folder, out = copy_of(work, "room"), tmp_path / "out.mkv"
    run = ["run", work / "in.mkv", out, *RUN, "--dir", folder]
    monkeypatch.setattr(join.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2**30, 2**30, 1000))
    assert main.main(list(map(str, run))) == 1
    assert "has room for 0.0 MiB" in (said := capsys.readouterr().err) and "beside the segments: make room" in said
    assert not list(tmp_path.iterdir()) and (folder / "segments/00000.nut").exists()
    monkeypatch.undo()
    films.film(*run)
    assert out.read_bytes() == wanted and not (folder / "segments/00000.nut").exists()


def test_a_film_that_changed_unnoticed_is_no_wrong_film(work, wanted, tmp_path):
    """With the size and the time that it had."""
    film = tmp_path / "in.mkv"
    shutil.copyfile(work / "in.mkv", film)
    films.film("plan", film, *RUN, "--dir", tmp_path / "film")
    facts = film.stat()
    films.make(film, 60, (15, 31, 45), 64, 48)
    with open(film, "ab") as file:
        file.truncate(facts.st_size)
    os.utime(film, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    said = films.film("run", film, tmp_path / "out.mkv", *RUN, "--dir", tmp_path / "film", "--workers", 2, code=1)
    assert "failed 3 times" in said and "is not what it was when the film was planned" in said
    assert not (tmp_path / "out.mkv").exists()


def other_model(folder):
    """A folder with another model of the same name: "auto" asks denoise-real about video."""
    for name in ("auto", "denoise", "denoise-real"):
        shutil.copytree(pathlib.Path(__file__).resolve().parents[2] / "models" / name, folder / "models" / name)
    weights = next((folder / "models/denoise-real").glob("unet/*.safetensors"))
    held = bytearray(weights.read_bytes())
    for place in range(len(held) - 4002, len(held), 4):  # signs of some weights
        held[place + 1] ^= 0x80
    weights.write_bytes(held)
    return {"UDM_MODEL_PATH": str(folder / "models")}


class TwoMachines(Engine):
    """Which differ by the environment of their commands; those without one fail at all that they are given."""
    name = "two"

    def __init__(self, variables):
        self.variables, self.running, self.out, self.given = variables, {}, [], []

    def _free(self):
        return [name for name in self.variables if name not in self.out and name not in self.running]

    def room(self):
        return len(self._free())

    def takes(self, task):
        useful = set(self.variables) - set(self.out)
        return bool(set(self._free()) - task.avoid) or not useful - task.avoid

    def workers(self):
        return len(self.running)

    def start(self, task):
        name = min(self._free(), key=lambda name: name in task.avoid)
        self.given.append((task.segment, name))
        words = ["false"] if self.variables[name] is None else films.command(*task.words)
        with open(task.log, "ab") as log:
            self.running[name] = task, subprocess.Popen(words, stdout=log, stderr=log, env={
                **os.environ, "UDM_FILM_MACHINE": name, **(self.variables[name] or {})})

    def finished(self):
        done = [(name, task, job.returncode) for name, (task, job) in self.running.items() if job.poll() is not None]
        for name, _, _ in done:
            del self.running[name]
        return [Result(task, code, name) for name, task, code in done]

    def leave_out(self, name):
        self.out.append(name)

    def hopeless(self):
        return len(self.out) == len(self.variables)

    def close(self):
        pass


def other_processor(folder):
    """One without FMA, whose sums are rounded otherwise: to be seen in 16 bits for certain, in 8 bits by chance."""
    if platform.machine() != "x86_64" or "avx2" not in pathlib.Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no other instruction set that rounds otherwise")
    return {"UDM_ISA": "sse2"}


@pytest.fixture(scope="module")
def deep(work):
    """Of 16 bits: what is made of it."""
    films.make(work / "deep.mkv", 40, (15, 30), 64, 48, codec="ffv1", pixels="yuv420p16le")
    films.film("run", work / "deep.mkv", work / "deeper.mkv", *RUN, "--workers", 2)
    return (work / "deeper.mkv").read_bytes()


@pytest.mark.parametrize("differs", [other_model, other_processor], ids=["other_model", "other_processor"])
@pytest.mark.parametrize("machines", [("other", "good"), ("other",)], ids=["two machines", "one machine"])
def test_a_machine_that_computes_otherwise_is_left_out(work, deep, tmp_path, machines, differs):
    out = tmp_path / "out.mkv"
    options = main.parser().parse_args(list(map(str, ("run", work / "deep.mkv", out, *RUN))))
    folder = main.folder_of(options, options.output)
    said = []
    engine = TwoMachines({name: differs(tmp_path) if name == "other" else {} for name in machines})
    job = Job(folder, main.begin(folder, options), join.output(str(out), "ffv1", []), engine, 1, said.append)
    if len(machines) == 1:
        with pytest.raises(main.FilmError, match="no machine is left .* other makes other pixels of frame"):
            job.run()
        assert not out.exists()
    else:
        job.run()
        assert out.read_bytes() == deep
        made = [json.loads(path.read_text())["machine"] for path in (folder.path / "segments").glob("*.json")]
        assert set(made) == {"good"}
    assert engine.out == ["other"] and "other is left out: it makes other pixels of frame" in said[0]


def test_what_fails_is_tried_elsewhere(work, wanted, tmp_path):
    """A machine that fails at everything fails at no segment twice, though it is the one that is free again first."""
    out = tmp_path / "out.mkv"
    options = main.parser().parse_args(list(map(str, ("run", work / "in.mkv", out, *RUN))))
    folder = main.folder_of(options, options.output)
    engine = TwoMachines({"bad": None, "good": {}})
    Job(folder, main.begin(folder, options), join.output(str(out), "ffv1", []), engine, 1, print).run()
    assert out.read_bytes() == wanted
    on_bad = [part for part, name in engine.given if name == "bad"]
    assert on_bad and len(on_bad) == len(set(on_bad))


FAKES = {"sinfo": 'echo "a b"', "sbatch": 'echo "$@" >>$CALLS; case "$*" in *--nodelist=a*--exclude=a*) exit 1; esac; '
         'case "$*" in *--exclude=a*--nodelist=a*) exit 1; esac; echo 7'}


@pytest.mark.parametrize("avoid, options, excluded", [
    ((), [], [None]), (("a",), [], ["a"]), (("Slurm",), [], [None]), (("a", "b"), [], [None]),
    (("a",), ["--nodelist=a"], ["a", None])])
def test_slurm_is_told_to_try_elsewhere(tmp_path, monkeypatch, avoid, options, excluded):
    """Where there is another node, and where the options allow it."""
    for name, script in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    engine = on_slurm.Slurm(Folder(tmp_path), None, 1, options)
    engine.start(Task(3, ("segment",), tmp_path / "log", frozenset(avoid)))
    engine._submit()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [(re.search(r"--exclude=(\S+)", call) or [None, None])[1] for call in calls] == excluded


def test_verify_finds_a_segment_that_comes_out_otherwise(work, wanted, tmp_path):
    """A manifest that says so, as if a machine had failed unnoticed."""
    folder = copy_of(work, "verify")
    run = ("run", work / "in.mkv", tmp_path / "out.mkv", *RUN, "--dir", folder, "--keep", "--verify", 100)
    assert "came out the same again" in films.film(*run)
    (tmp_path / "out.mkv").unlink()
    manifest = folder / "segments/00001.json"
    made = json.loads(manifest.read_text())
    made["digests"][3] = made["digests"][4]
    manifest.write_text(json.dumps(made))
    said = films.film(*run, code=1)
    assert f"frame {made['first'] + 3} of segment 1" in said and not (tmp_path / "out.mkv").exists()


def test_status_and_page_tell_how_far_it_is(work, wanted):
    folder = copy_of(work, "status")
    for name in ("00000.json", "00004.json"):
        (folder / "segments" / name).unlink()
    said = films.film("status", folder)
    parts = [json.loads(line) for line in (folder / "plan.jsonl").read_text().splitlines() if '"segment"' in line]
    left = parts[0]["count"] + parts[4]["count"]
    assert f"{60 - left} of 60 frames" in said
    page = (folder / "index.html").read_text()
    assert page.count('class="bar') == len(parts) and page.count('class="bar done"') == len(parts) - 2
    assert page.count("<figure>") == len(parts)
    for name in re.findall('src="([^"]*)"', page):
        assert [(frame.format.name, frame.width) for frame in films.frames(folder / name)] == [("rgb24", 64)], name
    shown = [next(films.frames(folder / f"pictures/00001-{which}.png")).to_ndarray() for which in ("before", "after")]
    assert 1 < np.std(shown[0].astype(int) - shown[1]) < 40
    assert "has no settings.json" in films.film("status", work, code=1)
