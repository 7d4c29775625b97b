# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kdenlive and Shotcut (MLT) know no GStreamer, so clips are restored as files: the project is edited with the clips as
they are, which play fast, and rendered with restored ones.

    python3 examples/relink.py PROJECT.kdenlive|PROJECT.mlt [OPTION OF udm-restore ...]

restores each clip of the project with video into the folder "restored" beside it, and writes PROJECT-restored, which
has these in their places: open that and render. Clips that are there already are not restored again, and what is edited
meanwhile needs no more than the same command again. The project itself is not changed.
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

FILES = ("avformat", "avformat-novalidate")  # services of MLT whose resource is a file
CHECKS = ("kdenlive:file_hash", "kdenlive:file_size", "shotcut:hash")  # of the file as it was


def properties(producer):
    """By name, as elements."""
    return {entry.get("name"): entry for entry in producer.findall("property")}


def has_video(known):
    """Whether a clip has pictures that are in use; -1 is what MLT has for none."""
    index = known.get("video_index")
    streams = [entry.text for name, entry in known.items()
               if name.startswith("meta.media.") and name.endswith(".stream.type")]
    return (index is None or index.text != "-1") and (not streams or "video" in streams)


def restored_name(folder, source):
    """Two clips of one name in different folders stay two."""
    return folder / f"{source.stem}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:8]}{source.suffix}"


def restore(source, output, options):
    """Written aside, so that what is there is whole."""
    if output.exists() and output.stat().st_mtime >= source.stat().st_mtime:
        return
    output.parent.mkdir(exist_ok=True)
    part = output.with_name("." + output.name)
    if subprocess.run(["udm-restore", "--force", *options, source, part], check=False).returncode:
        part.unlink(missing_ok=True)
        sys.exit(f"relink: {source} could not be restored")
    os.replace(part, output)


def relink(project, options):
    """The path of the project with restored clips."""
    try:
        tree = xml.parse(project)
    except (OSError, xml.ParseError) as error:
        sys.exit(f"relink: {project} cannot be read as a project of MLT: {error}")
    if tree.getroot().tag != "mlt":
        sys.exit(f"relink: {project} is not a project of MLT: its root is <{tree.getroot().tag}>")
    root = project.parent / (tree.getroot().get("root") or "")
    count = 0
    for producer in list(tree.iter("producer")) + list(tree.iter("chain")):
        known = properties(producer)
        service, resource = known.get("mlt_service"), known.get("resource")
        if service is None or service.text not in FILES or resource is None or not has_video(known):
            continue
        source = (root / resource.text).resolve()
        output = restored_name(project.parent.resolve() / "restored", source)
        restore(source, output, options)
        resource.text = os.fspath(output)
        for name in CHECKS:
            if name in known:
                producer.remove(known[name])
        if "kdenlive:originalurl" in known:
            known["kdenlive:originalurl"].text = os.fspath(output)
        count += 1
    if not count:
        sys.exit(f"relink: {project} has no clip with video")
    path = project.with_name(f"{project.stem}-restored{project.suffix}")
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return path


if len(sys.argv) < 2:
    sys.exit(__doc__)
print(f"relink: wrote {relink(pathlib.Path(sys.argv[1]), sys.argv[2:])}")
