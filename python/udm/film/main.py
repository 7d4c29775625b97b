# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm-film: one film, many machines, the same pixels."""
import argparse
import errno
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence

import udm

from . import filters, join, local, machine, on_slurm, page, part, plan, progress, scan, segment, source
from .codecs import CODECS
from .engine import REFUSED, Engine
from .faults import FilmError, MachineError
from .folder import Folder, placed, read_json, write_json
from .job import Job, tidy
from .pixels import layout_of


def note(words: str) -> None:
    print(f"udm-film: {words}", file=sys.stderr, flush=True)


def folder_of(options: argparse.Namespace, beside: str) -> Folder:
    path = placed(beside.rpartition("/")[2] if source.is_url(beside) else beside)
    return Folder(options.dir or path.with_name(path.name + ".udm-film"))


def difference(was: object, now: object, name: str = "") -> list[str]:
    """What differs between two settings."""
    if isinstance(was, dict) and isinstance(now, dict):
        return [words for key in sorted(was | now) for words in
                difference(was.get(key), now.get(key), f"{name} {key}".strip())]
    return [] if was == now else [f"{name} was {was}, and is now {now}"]


def begin(folder: Folder, options: argparse.Namespace) -> dict[str, object]:
    """The settings of the film, which stay what they were."""
    settings = segment.settings_for(source.identity(options.film), filters.parse(options.filter), options.split,
                                    options.warm_up)
    known = read_json(folder.settings)
    if known is None:
        folder.make()
        write_json(folder.settings, settings)
    elif words := difference(known, settings):
        raise FilmError(f"{folder.path} was begun with other settings: {'; '.join(words)}. Give the same as before, or "
                        "another --dir, or remove that folder")
    return settings


def do_scan(folder: Folder, threads: int, scanners: int | None) -> None:
    settings = segment.settings_of(folder)
    cores = threads or local.cores()
    starts = scan.starts_of(settings["source"]["path"], scanners, cores)
    plan.write(folder.plan, scan.scan(folder, settings, segment.filter_of(settings).given_sigma(),
                                      max(1, cores // len(starts)), starts, note))


def do_range(folder: Folder, options: argparse.Namespace) -> None:
    settings = segment.settings_of(folder)
    ranges = scan.Ranges(folder, [int(start) for start in options.starts.split(",")])
    scan.look_at_range(ranges, options.number, settings["source"]["path"],
                       segment.filter_of(settings).given_sigma(), options.threads, note)


def tell(folder: Folder) -> None:
    """What a plan says."""
    film = plan.so_far(folder)
    cuts = sum(frame.cut for frame in film.frames)
    longest = max((part.count for part in film.segments), default=0)
    shape = film.film.shape
    layout = layout_of(shape.format)
    chroma = 0 if shape.channels == 1 else 2 / (1 << layout.x + layout.y)
    factor = segment.filter_of(segment.settings_of(folder)).factor
    stored = len(film.frames) * shape.width * shape.height * (1 + chroma) * layout.bits / 8 / 2  # FFV1 halves it
    stored *= factor
    print(f"{film.film.path}: {len(film.frames)} frames of {shape.width}x{shape.height} {shape.format}, {cuts} scenes, "
          f"{len(film.segments)} segments, the longest of {longest} frames")
    size = f"{stored / 2**30:.1f} GiB" if stored > 2**29 else f"{stored / 2**20:.0f} MiB"
    print(f"about {size} for segments, which with --codec ffv1 become the film one after another")
    probe = read_json(folder.probe)
    if probe:
        seconds = probe["seconds"] / len(probe["digests"]) * factor * len(film.frames)
        print(f"about {progress.clock(seconds)} on one worker like this one")
    print(f"udm-film run IN OUT --dir {shlex.quote(str(folder.path))} goes on from here")


def do_plan(options: argparse.Namespace) -> None:
    folder = folder_of(options, options.film)
    begin(folder, options)
    with folder.locked():
        if not folder.plan.exists():
            do_scan(folder, options.threads or 0, options.scanners)
        do_probe_in(folder, options.threads or 0)
    tell(folder)


def do_probe_in(folder: Folder, threads: int) -> None:
    if not folder.probe.exists():
        filtered = segment.filter_of(segment.settings_of(folder))
        made = machine.probe(plan.so_far(folder), filtered, threads)
        write_json(folder.probe, made)
        write_json(folder.machine(str(made["fingerprint"])), {"machine": made["machine"], "wrong": [],
                                                              "seconds": made["seconds"]})


def engine_for(options: argparse.Namespace, folder: Folder) -> Engine:
    match options.on:
        case "ray":
            from .on_ray import Ray
            return Ray(options.workers, threads_of(options))
        case "slurm":
            return on_slurm.Slurm(folder, options.workers, threads_of(options), options.sbatch_option)
        case _:
            return local.Local(options.workers or 1)


def threads_of(options: argparse.Namespace) -> int:
    """Of a worker. Elsewhere there are as many workers as processors."""
    if options.threads:
        return int(options.threads)
    return max(1, local.cores() // (options.workers or 1)) if options.on == "local" else 1


def do_run(options: argparse.Namespace) -> None:
    folder = folder_of(options, options.output)
    to = join.output(options.output, options.codec, options.codec_option, filters.parse(options.filter).factor)
    done = read_json(folder.done) or {}
    if to.path == placed(options.film):
        raise FilmError("the output is the film itself: choose another name")
    if source.is_url(options.output):
        raise FilmError(f"{options.output}: films are read by URLs, and written to disks: name a file, and copy it "
                        "from there")
    if not to.path.parent.is_dir():
        raise FilmError(f"there is no folder {to.path.parent}")
    mine = done.get("output") == str(to.path) and done.get("codec") == to.codec.name
    if to.path.exists() and not (mine and done["bytes"] == to.path.stat().st_size):
        raise FilmError(f"{to.path} is there already: remove it, or choose another name")
    settings = begin(folder, options)
    with folder.locked():
        folder.clear()
        if mine and part.can_be_completed(done):  # it was killed on the way to its name
            part.complete(done)
        if mine and to.path.exists():
            tidy(folder, options.keep)
            note(f"{to.path} is complete")
            return
        Job(folder, settings, to, engine_for(options, folder), threads_of(options), note, options.verify,
            options.keep, options.scanners).run()
    note(f"{to.path} is complete: {len(plan.read(folder.plan).frames) * to.factor} frames")


def do_status(options: argparse.Namespace) -> None:
    folder = Folder(options.dir)
    segment.settings_of(folder)
    film = plan.so_far(folder)
    states = [path for path in (folder.path / "segments").glob("*.state")]
    print(progress.progress_of(folder, film, len(states), 0, None).words())
    for part in film.segments:
        state = read_json(folder.state(part.number))
        if state and not folder.manifest(part.number).exists():
            print(f"segment {part.number}, frames {part.first} to {part.end - 1}: {state['done']} done on "
                  f"{state['machine']}")
    page.write(folder, film, {})
    print(f"{folder.page} shows all segments")


def at_least(least: int) -> Callable[[str], int]:
    """A type of arguments."""
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value
    read.__name__ = "number"  # what argparse calls it
    return read


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("udm-film", description="Restores a film in parts, on one machine or many, and makes "
                                  "the same file of it, whoever took part. See docs/FILM.md.")
    top.add_argument("--version", action="version", version=f"udm-film of udm {udm.version()}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="plan|run|status")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("film", metavar="IN")
    common.add_argument("--filter", default="udmdenoise", metavar="WORDS",
                        help="the element and its properties: 'udmdenoise noise-level=25 lookahead=2', or "
                        "'udminterp factor=2'")
    common.add_argument("--dir", help="folder of the film; all machines must see it at this path (beside the output)")
    common.add_argument("--split", type=at_least(1), default=plan.SPLIT, metavar="FRAMES",
                        help="longer scenes are split (default: %(default)s)")
    common.add_argument("--warm-up", type=at_least(0), default=plan.WARM_UP, metavar="FRAMES",
                        help="frames that are restored before such a split, and dropped (default: %(default)s)")
    common.add_argument("--scanners", type=at_least(1), metavar="N", help="processes that look for cuts and noise at "
                        "once (default: the processors, for films that are long enough)")
    common.add_argument("--threads", type=at_least(1),
                        help="of a worker (default: the processors, shared by the workers)")
    verbs.add_parser("plan", parents=[common], help="find cuts and noise, and estimate disk and time")
    run = verbs.add_parser("run", parents=[common], help="restore a film; again, to go on where it was")
    run.add_argument("output", metavar="OUT")
    run.add_argument("--codec", choices=CODECS, default="ffv1", help="of the output (default: ffv1, without loss)")
    run.add_argument("--codec-option", action="append", default=[], metavar="NAME=VALUE", help="of the encoder")
    run.add_argument("--on", choices=("local", "ray", "slurm"), default="local", help="where work is done")
    run.add_argument("--workers", type=at_least(1), help="at once (default: 1 here, elsewhere all that there is room "
                     "for)")
    run.add_argument("--sbatch-option", action="append", default=[], metavar="--NAME=VALUE",
                     help="of Slurm's sbatch, such as --partition=NAME")
    run.add_argument("--verify", type=at_least(0), default=0, metavar="N", help="restore N segments again, and compare")
    run.add_argument("--keep", action="store_true", help="keep the segments after they are joined")
    status = verbs.add_parser("status", help="how far a film is")
    status.add_argument("dir", metavar="DIR", help="folder of the film")
    for verb in ("scan", "range", "probe", "segment", "check"):  # what run has others do
        inner = verbs.add_parser(verb)
        inner.add_argument("dir")
        if verb == "scan":
            inner.add_argument("--scanners", type=int)
        if verb == "range":
            inner.add_argument("--number", type=int)
            inner.add_argument("--starts")
        if verb in ("segment", "check"):
            inner.add_argument("number", type=int)
        inner.add_argument("--threads", type=int, default=0)
    return top


def do(options: argparse.Namespace) -> None:
    match options.verb:
        case "plan":
            do_plan(options)
        case "run":
            do_run(options)
        case "status":
            do_status(options)
        case "scan":
            do_scan(Folder(options.dir), options.threads, options.scanners)
        case "range":
            do_range(Folder(options.dir), options)
        case "probe":
            do_probe_in(Folder(options.dir), options.threads)
        case "segment":
            segment.run(Folder(options.dir), options.number, options.threads)
        case "check":
            note(segment.check(Folder(options.dir), options.number, options.threads))


def main(words: Sequence[str] | None = None) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # estimates depend on it; here it is as on any other machine
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        do(parser().parse_args(words))
    except MachineError as error:
        note(str(error))
        return REFUSED
    except udm.Error as error:
        note(str(error))
        return 1
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        note((f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)) +
             (". Make room, and run the same again: it goes on from here" if full else ""))
        return 1
    except KeyboardInterrupt:
        note("stopped; the same again goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
