# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clusters of several nodes on this machine."""
import contextlib
import os
import shutil
import socket
import subprocess
import time

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
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
{plugins}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def lacks_slurm():
    """Why there can be none here; or nothing."""
    for program in ("slurmctld", "slurmd", "slurmstepd", "sbatch"):
        if not shutil.which(program):
            return f"there is no {program}"
    return "" if os.getuid() == 0 else "slurmd wants to be root"


def logs(folder):
    return "".join(path.read_text() for path in folder.glob("*.log"))


@contextlib.contextmanager
def slurm(folder, names):
    """Slurm, with a slurmd for each name; the environment for its commands. A job's environment is that of its sbatch;
    what differs on a node is what its slurmd wraps commands in."""
    configuration = folder / "slurm.conf"
    plugins = os.environ.get("SLURM_PLUGINS")
    host = socket.gethostname().split(".")[0]
    configuration.write_text(SETTINGS.format(
        host=host, port=free_port(), folder=folder, names=",".join(names),
        nodes="\n".join(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1"
                        for name in names), plugins=f"PluginDir={plugins}" if plugins else ""))
    (folder / "state").mkdir()
    variables = {**os.environ, "SLURM_CONF": str(configuration)}
    daemons = [subprocess.Popen(words, env=variables) for words in
               (["slurmctld", "-D"], *(["slurmd", "-D", "-d", shutil.which("slurmstepd"), "-N", name]
                                       for name in names))]
    try:
        end = time.monotonic() + 900
        while subprocess.run(["sinfo", "-h", "-t", "idle", "-o", "%D"], env=variables, capture_output=True,
                             text=True).stdout.strip() != str(len(names)):
            assert time.monotonic() < end and all(daemon.poll() is None for daemon in daemons), logs(folder)
            time.sleep(0.5)
        yield variables
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            daemon.wait()
