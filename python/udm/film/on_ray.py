# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes of a Ray cluster: of this machine, of several ("ray start --address"), or of Kubernetes (KubeRay). Its
tasks are the commands, placed by node, as a node that computes otherwise must be left out; films are on a disk that
all see. Nothing rests on Ray's memory: what fails there is given out again here."""
import os
import socket
import subprocess
import sys
import time
from typing import Any

from . import local
from .engine import Engine, Result, Task
from .faults import FilmError

REFRESH = 2  # seconds between looks at the nodes


def _run(words: tuple[str, ...], log: str) -> tuple[int, str]:
    """On a node."""
    with open(log, "ab") as file:
        done = subprocess.run([sys.executable, "-m", "udm.film.main", *words], stdin=subprocess.DEVNULL, stdout=file,
                              stderr=file, preexec_fn=local.die_with_parent, check=False)
    return done.returncode, os.environ.get("UDM_FILM_MACHINE") or socket.gethostname()


def _knock(address: str) -> None:
    """Ray itself tries for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise FilmError(f"there is no Ray cluster at {address}, which RAY_ADDRESS says: {error.strerror or error}. "
                        "Start one with ray start --head") from None


class Ray(Engine):
    """workers: None: as many as the nodes have processors for."""
    name = "ray"

    def __init__(self, workers: int | None, threads: int) -> None:
        try:
            import ray
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
        except ImportError:
            raise FilmError("Ray is not installed: pip install './python[ray]', of the same version on all "
                            "machines") from None
        self._ray, self._affinity = ray, NodeAffinitySchedulingStrategy
        _knock(os.environ.get("RAY_ADDRESS", ""))
        ray.init(log_to_driver=False, logging_level="error")
        self._limit, self._threads = workers, threads
        self._task = ray.remote(_run)
        self._running: dict[Any, tuple[Task, str]] = {}  # by reference; and the node
        self._slots: dict[str, int] = {}  # of each node
        self._names: dict[str, str] = {}  # of nodes; as they call themselves, once they did something
        self._out: set[str] = set()
        self._looked = 0.0

    def _look(self) -> None:
        if time.monotonic() - self._looked < REFRESH:
            return
        self._looked = time.monotonic()
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        self._slots = {node["NodeID"]: int(node["Resources"].get("CPU", 0)) // self._threads for node in alive}
        for node in alive:
            self._names.setdefault(node["NodeID"], node["NodeManagerHostname"])

    def _free(self) -> dict[str, int]:
        self._look()
        busy = [node for _, node in self._running.values()]
        return {node: slots - busy.count(node) for node, slots in self._slots.items()
                if node not in self._out and slots > busy.count(node)}

    def room(self) -> int:
        free = sum(self._free().values())
        return free if self._limit is None else min(free, self._limit - len(self._running))

    def workers(self) -> int:
        return len(self._running)

    def _suits(self, node: str, task: Task) -> bool:
        return self._names.get(node) not in task.avoid

    def takes(self, task: Task) -> bool:
        useful = [node for node, slots in self._slots.items() if slots > 0 and node not in self._out]
        return any(self._suits(node, task) for node in self._free()) or not any(
            self._suits(node, task) for node in useful)

    def start(self, task: Task) -> None:
        free = self._free()
        node = max(free, key=lambda one: (self._suits(one, task), free[one]))
        placed = self._task.options(num_cpus=self._threads, max_retries=0,
                                    scheduling_strategy=self._affinity(node, soft=False))
        self._running[placed.remote(task.words, str(task.log))] = task, node

    def finished(self) -> list[Result]:
        if not self._running:
            return []
        results = []
        done, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        for reference in done:
            task, node = self._running.pop(reference)
            try:
                code, name = self._ray.get(reference)
                self._names[node] = name
                results.append(Result(task, code, name))
            except self._ray.exceptions.RayError as error:
                self._looked = 0
                why = str(error).strip().splitlines()[0]
                results.append(Result(task, 1, self._names.get(node, f"node {node[:8]}"), why))
        return results

    def leave_out(self, name: str) -> None:
        self._out |= {node for node, known in self._names.items() if known == name}

    def hopeless(self) -> bool:
        self._look()
        useful = [node for node, slots in self._slots.items() if slots > 0]
        return bool(useful) and all(node in self._out for node in useful)

    def close(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()
