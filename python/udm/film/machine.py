# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a machine computes what the others do: before it is given work it restores the first frames of the film, and
must make the same bits of them as the machine that planned it."""
import functools
import hashlib
import os
import pathlib
import platform
import socket
import time
from typing import Any

import av

import udm
from udm import library

from . import restore
from .faults import MachineError, MismatchError
from .filters import AnyFilter
from .folder import Folder, read_json, write_json
from .plan import Plan, Segment

PROBE = 30  # frames


def name() -> str:
    return os.environ.get("UDM_FILM_MACHINE") or socket.gethostname()


@functools.cache
def _hash(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(filtered: AnyFilter) -> str:
    """Of all files of a model, and of its experts, which lie beside it."""
    if not filtered.model:
        return "none"
    folder = pathlib.Path(udm.Model(filtered.model).directory)
    index = read_json(folder / "model_index.json") or {}
    experts = [folder.parent / index[key] for key in ("white", "other") if isinstance(index.get(key), str)]
    hashed = hashlib.sha256()
    for part in [folder, *experts]:
        for path in sorted(p for p in part.rglob("*") if p.suffix in (".json", ".safetensors")):
            hashed.update(f"{path.relative_to(folder.parent)} {_hash(str(path))}\n".encode())
    return hashed.hexdigest()[:16]


def _processor() -> str:
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in text.splitlines() if line.startswith(("model name", "flags", "CPU "))}))


def fingerprint(filtered: AnyFilter) -> str:
    """Of what results may depend on: another one is another machine."""
    loaded = pathlib.Path(library.path())
    facts = [name(), _processor(), os.environ.get("UDM_ISA", ""), _hash(str(loaded)), model_digest(filtered),
             av.__version__]
    return f"{name()}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}"


def probe(plan: Plan, filtered: AnyFilter, threads: int) -> dict[str, Any]:
    """What this machine makes of the first frames."""
    count = min(PROBE, len(plan.frames))
    began = time.monotonic()
    digests = [made for made, _ in restore.segment(plan, Segment(0, 0, count, 0, 0), filtered, threads)]
    return {"digests": digests, "seconds": time.monotonic() - began, "machine": name(),
            "fingerprint": fingerprint(filtered)}


def prove(folder: Folder, plan: Plan, filtered: AnyFilter, threads: int) -> None:
    """Raises MachineError unless this machine makes of the probe what the first one did. Remembers that it did."""
    record = folder.machine(fingerprint(filtered))
    known = read_json(record)
    if known is None:
        try:
            made = probe(plan, filtered, threads)
        except (MismatchError, udm.NotFoundError) as error:
            raise MachineError(f"{name()} is left out: {error}") from error
        wanted = read_json(folder.probe)["digests"]
        wrong = [n for n, pair in enumerate(zip(made["digests"], wanted, strict=True)) if pair[0] != pair[1]]
        known = {"machine": name(), "wrong": wrong, "seconds": made["seconds"]}
        write_json(record, known)
    if known["wrong"]:
        raise MachineError(f"{name()} is left out: it makes other pixels of frame {known['wrong'][0]} and "
                           f"{len(known['wrong']) - 1} others of the first {PROBE} than the machine that planned the "
                           "film, as with another version of udm or of the model")
