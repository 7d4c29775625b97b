# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command in README.md and docs/ELEMENTS.md runs as it stands: the blocks of code are read, each line runs in an
empty folder with the files that it names, and what it writes is a video that players play.

What is replaced: "..." at the beginning of a pipeline by a file that is decoded, at the end by an encoder and a file;
sinks that need a display by fakesink, which ends what has no end after some frames. What needs a plugin or a program
that is not there is skipped by name; what no test can run is listed here, with the reason."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

DOCUMENTS = ("README.md", "docs/ELEMENTS.md")
NOT_RUN = {
    "sh examples/": "installs packages and builds",
    "sh tests/run.sh": "runs this",
    "python3 examples/relink.py": "is what tests/restore/relink.sh does",
    "sudo ": "changes the system",
    "meson setup": "is what tests/install does",
    "gst-launch-1.0 filesrc location=in.mkv ! matroskademux ! avdec_h264 ! udmdenoise plan=":
        "is what tests/python/test_plan.py does",
    "gst-launch-1.0 filesrc location=in.mkv ! matroskademux ! avdec_h264 ! udminterp factor=2 plan=":
        "is what tests/python/test_between.py does",
}
BEGIN = "filesrc location=in.mp4 ! decodebin ! videoconvert"
END = "videoconvert ! video/x-raw,format=I420 ! x264enc ! mp4mux ! filesink location=out.mp4"
FRAMES = 6


def commands(path):
    """The commands of a document: indented lines, without comments, continued lines joined."""
    block = ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("    "):
                continue
            block += re.sub(r"\s+#\s.*", "", line.rstrip("\n")).strip()
            if block.endswith("\\"):
                block = block[:-1]
                continue
            if block:
                yield block
            block = ""


def completed(command):
    """The command, with what no test has replaced."""
    if command.startswith("... "):
        command = "gst-launch-1.0 " + command
    command = command.replace("gst-launch-1.0 ... !", f"gst-launch-1.0 {BEGIN} !")
    command = re.sub(r"\.\.\.$", lambda _: END, command)
    command = re.sub(r"\bautovideosink$", f"fakesink num-buffers={FRAMES}", command)
    if command.startswith("gst-play-1.0 "):
        command = re.sub(r"num-frames=\d+", f"num-frames={FRAMES}", command)
        command = command.replace("gst-play-1.0 ", "gst-play-1.0 --no-interactive --videosink=fakesink ")
    if command.startswith("ges-launch-1.0 "):
        command = re.sub(r"duration=\S+", "duration=0.2", command)
        command = command.replace("ges-launch-1.0 ", "ges-launch-1.0 --videosink=fakesink --audiosink=fakesink ")
    return command


def missing(words):
    """What a command needs and is not there, or None."""
    if not shutil.which(words[0]):
        return words[0]
    if words[0] == "gst-launch-1.0":
        for before, word in zip(["!"] + words[1:], words[1:]):
            if before != "!" or not re.fullmatch(r"[a-z][a-z0-9_]*", word) or word.startswith("udm"):
                continue
            if subprocess.run(["gst-inspect-1.0", "--exists", word], check=False).returncode:
                return word
    return None


def run(words):
    """What a command says; fails if it does."""
    done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=1500)
    said = done.stdout.decode(errors="replace")
    if done.returncode or re.search(r"\b(ERROR|CRITICAL|WARNING)\b", said):
        sys.exit(f"{said}\nfailed: {shlex.join(words)}")
    return said


def check_video(path):
    """A player plays it: it is decoded whole, and its chroma is shared by four pixels."""
    about = run(["ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-show_entries",
                 "stream=pix_fmt,nb_read_frames", "-of", "csv=p=0", path]).strip().split(",")
    if not about[0].startswith("yuv420p") or not about[1].isdigit() or int(about[1]) < 1:
        sys.exit(f"{path} is no video that all players play: {about}")


def make_inputs(models):
    """The files that the commands name, in the current folder. models: of the tests."""
    for name, like in (("sd-turbo", "turbo"), ("sd-inpainting", "filled")):
        os.symlink(os.path.join(models, "tiny-latents", like), name)
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i"]
    encode = ["-pix_fmt", "yuv420p", "-c:v", "libx264"]
    sound = ["-f", "lavfi", "-i", f"sine=duration={FRAMES / 25}", "-c:a", "aac"]
    run(make + [f"testsrc2=size=160x96:rate=25:duration={FRAMES / 25}"] + sound + encode + ["in.mp4"])
    run(make + ["testsrc2=size=64x48:rate=1:duration=75"] + encode + ["in.mov"])
    run(make + ["testsrc2=size=64x48:rate=50:duration=1", "-vf", "interlace", "-flags", "+ildct+ilme", "-c:v",
                "mpeg2video", "tape.avi"])


def main():
    """All documents."""
    root = os.environ["UDM_SOURCE_ROOT"]
    os.environ["UDM_MODEL_PATH"] = os.path.join(root, "models")
    os.environ["PATH"] = os.environ["UDM_PROGRAMS"] + ":" + os.environ["PATH"]
    for tool in "ffmpeg", "ffprobe", "gst-launch-1.0":
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}")
            sys.exit(77)
    inputs = tempfile.TemporaryDirectory()
    os.chdir(inputs.name)
    make_inputs(os.path.join(root, "tests", "models"))
    count = 0
    for document in DOCUMENTS:
        for command in commands(os.path.join(root, document)):
            reason = next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)
            words = shlex.split(completed(command))
            lacks = None if reason else missing(words)
            if reason or lacks:
                print(f"skipped: {command} ({reason or 'there is no ' + lacks})", flush=True)
                continue
            with tempfile.TemporaryDirectory() as work:
                os.chdir(shutil.copytree(inputs.name, os.path.join(work, "empty")))
                print(shlex.join(words), flush=True)
                run(words)
                for name in "out.mp4", "try.mkv":
                    if os.path.exists(name):
                        check_video(name)
                    elif name in words or f"location={name}" in words:
                        sys.exit(f"{name} was not written: {command}")
                os.chdir(root)
            count += 1
    print(f"{count} commands run")
    sys.exit(0 if count else 1)


main()
