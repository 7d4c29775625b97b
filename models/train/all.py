# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the whole chain from text to films in a given time, exports it, and measures it.

    python models/train/all.py WORK models/mine --minutes 27 --digits PACK --pictures PACK [--start models/world]

PACK: of `films.py pack`. Each stage gets its share of the minutes; what does not need another runs beside it, as small
networks do not fill a GPU, and films are drawn while the first stages learn. It can be stopped at any time and goes on
when the same command is given again; with --slice it stops by itself after so many minutes, and returns 3. --start goes
on from the stages of a model that have one there, with its words. Each stage says what it does in WORK/NAME.log.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import export

HERE = pathlib.Path(__file__).resolve().parent
EASY = 0.1       # share of the minutes that it sees easy pictures alone
AGAIN = 3        # what it returns if it has not finished
PATIENCE = 60    # seconds that a training has to save itself
FILMS = 10       # pictures that are measured for one film
LOOKED = 3       # seconds between looks at what runs
SIZES = {        # of each kind of machine: how many there are, and batches
    "gpu": dict(stills=240000, any=40000, films=20000, larger=12000, largest=12000, clip=1024, reader=512, prior=1024,
                autoencoder=128, decoder=256, film=32, between=32, large=12, last=24),
    "cpu": dict(stills=240000, any=60000, films=4000, larger=2000, largest=4000, clip=64, reader=64, prior=256,
                autoencoder=16, decoder=32, film=4, between=4, large=2, last=4),
    "tiny": dict(stills=60, any=40, films=8, larger=8, largest=8, clip=4, reader=4, prior=4, autoencoder=4,
                 decoder=4, film=1, between=1, large=1, last=1)}


@dataclasses.dataclass
class Stage:
    name: str
    program: str
    arguments: list
    share: float = 0        # of the minutes; 0: it takes as long as it takes
    part: str = ""          # of a model that --start has to have, for this one to go on from it
    after: tuple = ()       # stages that must be done
    exports: bool = True


def stages(o):
    """All of them; one begins when those that it needs are done."""
    n, work, words = SIZES[o.sizes], o.work, o.model / "tokenizer"
    clip, told = work / "clip.pt", ["--clip", work / "clip.pt", "--tokenizer", words]
    drawn = ["--digits", o.digits, *(["--pictures", o.pictures] if o.pictures else [])]
    world, films = work / "world", work / "films"
    draws = lambda name, count, *more: ["draw", work / name, *drawn, "--count", count, *more]
    small = ["--widths", 32, 32] if o.sizes == "tiny" else []
    coder = ["--autoencoder", work / "autoencoder.pt"]
    return [
        Stage("draw", "world.py", draws("world", n["stills"])),
        Stage("draw-any", "world.py", draws("any", n["any"], "--split", "any"), after=("draw",)),
        Stage("draw-films", "films.py", draws("films", n["films"]), after=("draw-any",)),
        Stage("draw-larger", "films.py", draws("larger", n["larger"], "--size", 128, "--frames", 36),
              after=("draw-films",)),
        Stage("draw-largest", "films.py", draws("largest", n["largest"], "--size", 256, "--frames", 1),
              after=("draw-larger",)),
        Stage("clip", "clip.py", [world, "--tokenizer", words], 0.2, "text_encoder", ("draw", "words")),
        Stage("words", "bpe.py", [words]),
        Stage("reader", "readers.py", [work / "any"], 0.2, after=("draw-any",), exports=False),
        Stage("embed", "embed.py", [world, "--clip", clip], after=("clip",)),
        Stage("prior", "prior.py", [world, *told], 0.2, "prior", ("embed",)),
        Stage("autoencoder", "autoencoder.py", [world, "--clip", clip], 0.15, "vae", ("clip",)),
        Stage("encode", "autoencoder.py", [world, "--checkpoint", work / "autoencoder.pt", "--encode"],
              after=("autoencoder",)),
        Stage("decoder", "decoder.py", [world, *told, *coder, *small, "--easy", EASY * o.minutes], 0.4, "decoder",
              ("embed", "encode")),
        Stage("large", "enlarge.py", [work / "larger", *told], 0.4, "super_res_first", ("clip", "draw-larger")),
        Stage("last", "enlarge.py", [work / "largest", *told, "--last", "--patch", 8], 0.3, "super_res_last",
              ("clip", "draw-largest")),
        Stage("film", "film_decoder.py", [films, *told, *coder, "--stills", world, "--start",
                                         work / "decoder.pt"], 0.25, after=("decoder", "draw-films")),
        Stage("between", "film_decoder.py", [films, *told, *coder, "--between", "--start", work / "film.pt"], 0.15,
              after=("film",)),
    ]


def of_start(stage, o):
    """What is said of where a stage begins, unless it is made of another."""
    return ["--start", o.start] if o.start and stage.part and (o.start / stage.part).exists() else []


def command(stage, o, running):
    """Of a stage, of so many that run at once."""
    made = [sys.executable, HERE / stage.program, *stage.arguments]
    if stage.share:
        cores = max(1, (os.cpu_count() - 1) // running)
        made += ["--checkpoint", o.work / f"{stage.name}.pt", *of_start(stage, o), "--batch",
                 SIZES[o.sizes][stage.name], "--minutes", stage.share * o.minutes, "--look-every",
                 max(1, stage.share * o.minutes / 3), "--save-every", 1, "--threads", cores]
        made += ["--workers", cores] if o.sizes == "gpu" else []
    return [str(part) for part in made]


class Run:
    """What is done, and what runs; `done` outlives it."""

    def __init__(self, o):
        self.o, self.file, self.running = o, o.work / "all.json", {}
        self.done = set(json.loads(self.file.read_text())) if self.file.exists() else set()
        self.end = time.monotonic() + 60 * o.slice if o.slice else float("inf")
        self.stopped = False

    def stop(self, *_):
        self.stopped = True

    def begin(self, stage, beside):
        with open(self.o.work / f"{stage.name}.log", "a", encoding="utf-8") as log:
            self.running[stage.name] = subprocess.Popen(command(stage, self.o, beside), stdout=log,
                                                        stderr=subprocess.STDOUT, start_new_session=True)
        print(f"{stage.name} begins", flush=True)

    def collect(self):
        """Notes what has ended."""
        for name, process in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[name]
            if process.returncode:
                self.finish()
                raise SystemExit(f"{name} failed: see {self.o.work / name}.log")
            if time.monotonic() < self.end and not self.stopped:
                self.done.add(name)
                export.write_json(self.file, sorted(self.done))
                print(f"{name} is done", flush=True)

    def finish(self):
        """Ends what runs; trainings save themselves."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.running = {}

    def all(self, every):
        """Whether all are done."""
        while len(self.done) < len(every):
            ready = [s for s in every if s.name not in self.done and s.name not in self.running and
                     self.done.issuperset(s.after)]
            if self.o.alone:
                ready = [] if self.running else ready[:1]
            for stage in ready:
                self.begin(stage, len(self.running) + len(ready))
            time.sleep(min(LOOKED, max(0.1, self.end - time.monotonic())))
            if self.stopped or time.monotonic() > self.end:
                self.finish()
                return False
            self.collect()
        return True


def begin_words(o):
    """The words of the model that is gone on from; True if there are some."""
    if o.start and not (o.model / "tokenizer").exists():
        shutil.copytree(o.start / "tokenizer", o.model / "tokenizer")
    return (o.model / "tokenizer/vocab.json").exists()


def write_model(o, every):
    """What is done so far of the parts."""
    for stage in every:
        if stage.share and stage.exports:
            part = [*command(stage, o, 1), "--export", str(o.model)]
            subprocess.run(part, check=True)
    subprocess.run([sys.executable, str(HERE / "index.py"), str(o.model)], check=True)


def measure(o):
    """The tables of tests/bench/text.py and text_films.py, into WORK/tables.md."""
    bench, pictures = HERE.parent.parent / "tests/bench", ["--pictures", o.pictures] if o.pictures else []
    with open(o.work / "tables.md", "w", encoding="utf-8") as out:
        for program, count in (("text.py", o.count), ("text_films.py", max(2, o.count // FILMS))):
            made = [sys.executable, bench / program, o.model, "--reader", o.work / "reader.pt", "--digits", o.digits,
                    *pictures, "--count", count]
            subprocess.run([str(part) for part in made], check=True, stdout=out)
    print((o.work / "tables.md").read_text())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("model", type=pathlib.Path, help="the folder that is written")
    p.add_argument("--minutes", type=float, required=True, help="of training, from the first stage to the last")
    p.add_argument("--digits", type=pathlib.Path, required=True, help="folder with MNIST's four idx files")
    p.add_argument("--pictures", type=pathlib.Path, help="folder of photographs")
    p.add_argument("--start", type=pathlib.Path, metavar="MODEL", help="whose stages are gone on from")
    p.add_argument("--sizes", choices=SIZES, default="gpu", help="of batches, and of what is drawn (default: gpu)")
    p.add_argument("--slice", type=float, metavar="MINUTES", help="stop after so long, to be called again")
    p.add_argument("--alone", action="store_true", help="one stage at a time")
    p.add_argument("--count", type=int, default=200, help="of pictures that are measured; 0: none (default: "
                   "%(default)s)")
    o = p.parse_args()
    o.work.mkdir(parents=True, exist_ok=True)
    every, run = stages(o), Run(o)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, run.stop)
    if begin_words(o):
        run.done.add("words")
    if not run.all(every):
        print("stopped: the same command goes on", flush=True)
        sys.exit(AGAIN)
    write_model(o, every)
    if o.count:
        measure(o)


if __name__ == "__main__":
    main()
