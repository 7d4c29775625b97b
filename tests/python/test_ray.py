# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film on a Ray cluster of some nodes of this machine: the file of one worker, though a node is killed, and one
computes otherwise; and what is checked is checked on another one."""
import json
import os
import re
import subprocess
import time

import films
import pytest
from test_faults import other_model

cluster_utils = pytest.importorskip("ray.cluster_utils")
RUN = ("--split", 10, "--warm-up", 2, "--threads", 1)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray")
    films.make(folder / "in.mkv", 90, (15, 30, 45), 64, 48)
    films.film("run", folder / "in.mkv", folder / "wanted.mkv", *RUN)
    return folder


@pytest.fixture(scope="module")
def cluster(work):
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield made
    made.shutdown()


def add_node(cluster, name, **variables):
    return cluster.add_node(num_cpus=1, env_vars={"UDM_FILM_MACHINE": name, **variables}, wait=False)


def test_nodes_make_the_file_of_one_worker_though_some_fail(work, cluster):
    out, folder = work / "out.mkv", work / "out.mkv.udm-film"
    nodes = [add_node(cluster, "first"), add_node(cluster, "second"), add_node(cluster, "third"),
             add_node(cluster, "other", **other_model(work))]
    job = subprocess.Popen(films.command("run", work / "in.mkv", out, *RUN, "--on", "ray", "--verify", 4), text=True,
                           stderr=subprocess.PIPE, env={**os.environ, "RAY_ADDRESS": cluster.address})
    end = time.monotonic() + 900
    while not any(json.loads(path.read_text())["machine"] == "first" for path in folder.glob("segments/*.state")):
        assert job.poll() is None and time.monotonic() < end, job.communicate()[1]
        time.sleep(0.05)
    cluster.remove_node(nodes[0], allow_graceful=False)
    said = job.communicate()[1]
    assert job.returncode == 0, said
    assert out.read_bytes() == (work / "wanted.mkv").read_bytes()
    assert "other is left out: it makes other pixels of frame 0" in said
    assert "retr" in said  # what was at work on the node that was killed
    made = [json.loads(path.read_text())["machine"] for path in folder.glob("segments/*.json")]
    assert {"second", "third"} & set(made) and set(made) <= {"first", "second", "third"}
    said = "".join(path.read_text() for path in folder.glob("logs/*.log"))
    checked = re.findall(r"segment \d+, which (\w+) made, comes out the same on (\w+)", said)
    assert len(checked) == 4 and all(made != again for made, again in checked)


def test_without_a_cluster_the_error_says_so(work):
    said = films.film("run", work / "in.mkv", work / "never.mkv", *RUN, "--on", "ray", code=1,
                      env={**os.environ, "RAY_ADDRESS": "127.0.0.1:1"})
    assert "there is no Ray cluster at 127.0.0.1:1" in said
