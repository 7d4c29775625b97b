# SPDX-License-Identifier: LGPL-2.1-or-later
"""The output while it is joined, and how the segments' disk is freed meanwhile.

A container that is half written cannot be gone on with: what its muxer held back is not known. But it is a function of
its packets. So bytes are only ever added to the file; what a muxer changes further up (sizes, where the index is) is
kept until all is there. Once a segment's packets are found in the file, bit for bit, and are on the disk, its manifest
says where, and its own file is removed. A join that goes on muxes all packets again, those from the file itself, and
all that comes of it must be what the file holds already; not until its end does anything change."""
import errno
import hashlib
import os
import pathlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .faults import MismatchError
from .folder import Folder, read_json, write_json

LOOK = 64 << 20  # bytes in which the next packet is looked for; behind them it is taken to be stored otherwise
HEAD = 64  # bytes that it is found by


def place_of(made: Any) -> dict[str, Any] | None:
    """Where the packets of a segment are, by its manifest, if they are in the output alone; None: nowhere there."""
    joined = made.get("joined") if isinstance(made, dict) else None
    try:
        if joined and os.stat(joined["path"]).st_size >= joined["offsets"][-1] + joined["sizes"][-1]:
            return dict(joined)
    except (OSError, KeyError, TypeError, IndexError):
        pass
    return None


def packets_at(joined: dict[str, Any]) -> list[bytes]:
    """Those of place_of(), each."""
    with open(joined["path"], "rb") as file:
        return [os.pread(file.fileno(), size, offset) for offset, size in zip(joined["offsets"], joined["sizes"])]


def is_sound(joined: dict[str, Any]) -> bool:
    """Whether they are what they were."""
    return bool(digest_of(packets_at(joined)) == joined["sha256"])


def digest_of(packets: list[bytes]) -> str:
    whole = hashlib.sha256()
    for packet in packets:
        whole.update(packet)
    return whole.hexdigest()


class Part:
    """A file for a muxer, of which the first bytes may be there from before, and then have to come again."""

    def __init__(self, path: pathlib.Path, known: int) -> None:
        self.name = os.fspath(path)  # by which the container is known
        self._file = open(path, "r+b" if known else "w+b", buffering=0)  # pylint: disable=consider-using-with
        self._file.truncate(known)
        self._known, self.end, self._at = known, 0, 0
        self.changes: list[tuple[int, bytes]] = []
        self.failed: Exception | None = None

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.end}[whence]
        return self._at

    def write(self, data: bytes) -> int:
        """What fails is kept, as muxers make another error of it; and after that they cannot but end."""
        if self.failed is None:
            try:
                self._write(data)
            except Exception as error:
                self.failed = error
                raise
        return len(data)

    def _write(self, data: bytes) -> None:
        if self._at > self.end:
            raise OSError(errno.ESPIPE, "the container leaves out bytes, which cannot be joined")
        above = data[:self.end - self._at]
        if above:
            self.changes.append((self._at, above))
        self._add(data[len(above):])
        self._at += len(data)

    def _add(self, data: bytes) -> None:
        again = data[:max(0, self._known - self.end)]
        if again and os.pread(self._file.fileno(), len(again), self.end) != again:
            raise MismatchError(f"{self.name} was begun by other versions of what writes films, and cannot be gone on "
                                "with: remove it and run the same again; what is in it alone is made anew")
        put(self._file.fileno(), data[len(again):], self.end + len(again))
        self.end += len(data)

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self._file.fileno(), max(0, min(size, self.end - offset)), offset)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def leave(self) -> None:
        self._file.close()


def put(file: int, data: bytes, offset: int) -> None:
    """All of it."""
    while data:
        count = os.pwrite(file, data, offset)
        data, offset = data[count:], offset + count


def complete(done: dict[str, Any]) -> None:
    """What done.json says is made so: the last changes, and the name. It can be done twice."""
    part, output = pathlib.Path(done["part"]), pathlib.Path(done["output"])
    with open(part, "r+b", buffering=0) as file:
        for offset, data in done["changes"]:
            put(file.fileno(), bytes.fromhex(data), offset)
        os.fsync(file.fileno())
    os.replace(part, output)


def can_be_completed(done: dict[str, Any]) -> bool:
    """Whether it was killed in between."""
    try:
        return not os.path.exists(done["output"]) and os.stat(done["part"]).st_size == done["bytes"]
    except (OSError, KeyError):
        return False


@dataclass
class _Waiting:
    """A segment whose packets went to the muxer."""
    number: int
    facts: list[tuple[bytes, int, bytes]]  # head, size and digest of each
    offsets: list[int] = field(default_factory=list)
    end: int = 0  # of one that was freed before


class Freed:
    """Removes the files of segments whose packets are in the output."""

    def __init__(self, part: Part, folder: Folder, output: pathlib.Path) -> None:
        self._part, self._folder, self._output = part, folder, output
        self._waiting: deque[_Waiting] = deque()
        self._behind, self._gave_up = 0, False

    def was(self, joined: dict[str, Any]) -> None:
        """A segment that was freed before."""
        self._waiting.append(_Waiting(0, [], end=joined["offsets"][-1] + joined["sizes"][-1]))

    def add(self, number: int, packets: list[bytes]) -> None:
        """The muxer has all of a segment."""
        self._waiting.append(_Waiting(number, [(packet[:HEAD], len(packet), hashlib.sha256(packet).digest())
                                               for packet in packets]))
        self._settle()

    def _find(self, head: bytes, size: int, digest: bytes) -> int | None:
        window, start = self._part.read(LOOK + size, self._behind), 0
        while (place := window.find(head, start)) >= 0:
            if hashlib.sha256(window[place:place + size]).digest() == digest:
                return self._behind + place
            start = place + 1
        self._gave_up = len(window) == LOOK + size
        return None

    def _settle(self) -> None:
        while self._waiting and not self._gave_up:
            first = self._waiting[0]
            while len(first.offsets) < len(first.facts):
                head, size, digest = first.facts[len(first.offsets)]
                if (place := self._find(head, size, digest)) is None:
                    return
                first.offsets.append(place)
                self._behind = place + size
            self._behind = max(self._behind, first.end)
            del self._waiting[0]
            self._free(first)

    def _free(self, freed: _Waiting) -> None:
        """The first one's file stays, as it says how the video is to be read."""
        made = read_json(self._folder.manifest(freed.number))
        if freed.number == 0 or not made:
            return
        self._part.sync()
        sizes = [size for _, size, _ in freed.facts]
        made["joined"] = {"path": self._part.name, "output": str(self._output), "offsets": freed.offsets,
                          "sizes": sizes, "sha256": digest_of([self._part.read(size, offset) for offset, size in
                                                               zip(freed.offsets, sizes)])}
        write_json(self._folder.manifest(freed.number), made)
        self._folder.video(freed.number).unlink(missing_ok=True)


def freed_in(folder: Folder, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """{segment: place_of()} of those that have no file of their own."""
    found = {}
    for number in numbers:
        if not folder.video(number).exists() and (joined := place_of(read_json(folder.manifest(number)))):
            found[number] = joined
    return found
