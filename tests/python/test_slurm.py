# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film on a Slurm of two nodes of this machine: the file of one worker, though one node computes otherwise."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import films
import pytest
from test_faults import other_model

for program in ("slurmctld", "slurmd", "slurmstepd", "sbatch"):
    if not shutil.which(program):
        pytest.skip(f"there is no {program}", allow_module_level=True)
if os.getuid() != 0:
    pytest.skip("slurmd wants to be root", allow_module_level=True)

RUN = ("--split", 10, "--warm-up", 2, "--threads", 1)
SETTINGS = """
ClusterName=film
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
MpiDefault=none
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/%n
SlurmdLogFile={folder}/%n.log
NodeName=good NodeHostname={host} NodeAddr=127.0.0.1 Port={good} CPUs=1
NodeName=other NodeHostname={host} NodeAddr=127.0.0.1 Port={other} CPUs=1
PartitionName=all Nodes=good,other Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
{plugins}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    films.make(folder / "in.mkv", 60, (15, 30, 45), 64, 48)
    films.film("run", folder / "in.mkv", folder / "wanted.mkv", *RUN)
    return folder


@pytest.fixture(scope="module")
def slurm(work):
    """A job's environment is that of its sbatch; what differs on a node is what its slurmd wraps commands in."""
    configuration = work / "slurm.conf"
    plugins = os.environ.get("SLURM_PLUGINS")
    configuration.write_text(SETTINGS.format(
        host=socket.gethostname().split(".")[0], port=free_port(), folder=work, good=free_port(), other=free_port(),
        plugins=f"PluginDir={plugins}" if plugins else ""))
    (work / "state").mkdir()
    variables = {**os.environ, "SLURM_CONF": str(configuration)}
    daemons = [subprocess.Popen(words, env=variables) for words in
               (["slurmctld", "-D"], *(["slurmd", "-D", "-d", shutil.which("slurmstepd"), "-N", name]
                                       for name in ("good", "other")))]
    end = time.monotonic() + 120
    while subprocess.run(["sinfo", "-h", "-t", "idle", "-o", "%D"], env=variables, capture_output=True,
                         text=True).stdout.strip() != "2":
        assert time.monotonic() < end and all(daemon.poll() is None for daemon in daemons), logs(work)
        time.sleep(0.5)
    yield variables
    for daemon in reversed(daemons):
        daemon.terminate()
    for daemon in daemons:
        daemon.wait()


def logs(work):
    return "".join(path.read_text() for path in work.glob("*.log"))


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
    done = subprocess.run([sys.executable, "-c", driver], env=slurm, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr + logs(work)
    assert out.read_bytes() == (work / "wanted.mkv").read_bytes()
    assert "other is left out: it makes other pixels of frame 0" in done.stderr
    assert {json.loads(path.read_text())["machine"] for path in folder.glob("segments/*.json")} == {"good"}
    assert not subprocess.run(["squeue", "-h"], env=slurm, capture_output=True, text=True).stdout


def test_a_job_that_is_taken_away_is_given_out_again(work, slurm):
    out = work / "again.mkv"
    job = subprocess.Popen(films.command("run", work / "in.mkv", out, *RUN, "--on", "slurm", "--workers", 1,
                                         "--sbatch-option=--nodelist=good"), env=slurm, text=True,
                           stderr=subprocess.PIPE)
    end = time.monotonic() + 200
    while not (running := subprocess.run(["squeue", "-h", "-t", "running", "-o", "%A"], env=slurm, capture_output=True,
                                         text=True).stdout.split()):
        assert job.poll() is None and time.monotonic() < end, job.communicate()[1]
        time.sleep(0.1)
    subprocess.run(["scancel", running[0]], env=slurm, check=True)
    said = job.communicate()[1]
    assert job.returncode == 0, said
    assert out.read_bytes() == (work / "wanted.mkv").read_bytes()
    assert "1 retry" in said
