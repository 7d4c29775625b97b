# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film on a Slurm of two nodes of this machine: the file of one worker, though one node computes otherwise."""
import json
import pathlib
import subprocess
import sys
import time

import clusters
import films
import pytest
from test_faults import other_model

if clusters.lacks_slurm():
    pytest.skip(clusters.lacks_slurm(), allow_module_level=True)

RUN = ("--split", 10, "--warm-up", 2, "--threads", 1)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    films.make(folder / "in.mkv", 60, (15, 30, 45), 64, 48)
    films.film("run", folder / "in.mkv", folder / "wanted.mkv", *RUN)
    return folder


@pytest.fixture(scope="module")
def slurm(work):
    with clusters.slurm(work, ("good", "other")) as variables:
        yield variables


def test_two_nodes_make_the_file_of_one_worker_though_one_computes_otherwise(work, slurm):
    """Jobs see which node they are on, and the other one has another model."""
    out, folder = work / "out.mkv", pathlib.Path(f"{work}/out.mkv.udm-film")
    models = other_model(work)["UDM_MODEL_PATH"]
    python = work / "python"
    python.write_text(f'#!/bin/sh\n[ "$SLURMD_NODENAME" = other ] && export UDM_MODEL_PATH={models}\n'
                      f'UDM_FILM_MACHINE=$SLURMD_NODENAME exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    words = ["run", str(work / "in.mkv"), str(out), *map(str, RUN), "--on", "slurm"]
    driver = (f"import sys; sys.executable, there = {str(python)!r}, sys.executable\n"
              f"from udm.film import main; sys.exit(main.main({words!r}))")
    done = subprocess.run([sys.executable, "-c", driver], env=slurm, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr + clusters.logs(work)
    assert out.read_bytes() == (work / "wanted.mkv").read_bytes()
    assert "other is left out: it makes other pixels of frame 0" in done.stderr
    assert {json.loads(path.read_text())["machine"] for path in folder.glob("segments/*.json")} == {"good"}
    assert not subprocess.run(["squeue", "-h"], env=slurm, capture_output=True, text=True).stdout


def test_a_job_that_is_taken_away_is_given_out_again(work, slurm):
    out = work / "again.mkv"
    job = subprocess.Popen(films.command("run", work / "in.mkv", out, *RUN, "--on", "slurm", "--workers", 1,
                                         "--sbatch-option=--nodelist=good"), env=slurm, text=True,
                           stderr=subprocess.PIPE)
    end = time.monotonic() + 900
    while not (running := subprocess.run(["squeue", "-h", "-t", "running", "-o", "%A"], env=slurm, capture_output=True,
                                         text=True).stdout.split()):
        assert job.poll() is None and time.monotonic() < end, job.communicate()[1]
        time.sleep(0.1)
    subprocess.run(["scancel", running[0]], env=slurm, check=True)
    said = job.communicate()[1]
    assert job.returncode == 0, said
    assert out.read_bytes() == (work / "wanted.mkv").read_bytes()
    assert "1 retry" in said
