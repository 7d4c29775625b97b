# SPDX-License-Identifier: LGPL-2.1-or-later
"""The software bill of materials of a build: what is installed, and which libraries each of it is linked with, as
CycloneDX 1.5 in JSON.

    python3 tests/release/sbom.py BUILD            prints it
    python3 tests/release/sbom.py --check BUILD    whether it names each library that an installed file asks for

Libraries and their versions are those that Meson found by pkg-config, and on Debian those of the package that has the
file. A library that is linked and that Meson was not told of is an error. There is nothing else: all that is compiled
is written for udm. The same build makes the same document, so it names no date.
"""
import functools
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse

SYSTEM = {"c": "libc.so.6", "m": "libm.so.6"}  # of every compiler; pkg-config does not know them
PROGRAMS = {"executable", "shared library", "shared module"}


def run(*command):
    """What it prints; nothing where it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def introspect(build, what):
    asked = ["meson", "introspect", build, f"--{what}"]
    return json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)


@functools.cache
def dynamic(path, tag):
    """The names that an ELF file has under NEEDED or SONAME."""
    return re.findall(rf"\({tag}\).*\[(.+)\]", run("readelf", "-d", path))


def package_of(path):
    """[package, version, architecture] of Debian's that has a file; None elsewhere."""
    for name in (path.resolve(), pathlib.Path("/usr") / path.resolve().relative_to("/")):  # /lib is a link to /usr/lib
        owner = run("dpkg-query", "-S", name).partition(": ")[0].split(",")[0]
        told = owner and run("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}", owner).split()
        if told and not told[0].endswith("-dev"):
            return told
    return None


def libraries(build):
    """{soname: (name, version, file)}; the first file of a dependency is the dependency's own, as glib-2.0's are not
    those of gstreamer-1.0."""
    found = {}
    for dependency in introspect(build, "dependencies"):
        files = [pathlib.Path(word) for word in dependency["link_args"] if ".so" in word]
        for first, path in zip([True] + [False] * len(files), files):
            for soname in dynamic(path, "SONAME"):
                name = dependency["name"] if first else path.name.removeprefix("lib").partition(".so")[0]
                version = dependency["version"] if first else run("pkg-config", "--modversion", name).strip()
                if first or soname not in found:
                    found[soname] = name, version, path
    for name, soname in SYSTEM.items():
        version = run("getconf", "GNU_LIBC_VERSION").split()
        found[soname] = f"lib{name}", version[-1] if version else "", pathlib.Path(
            run("cc", f"-print-file-name={soname}").strip())
    return found


def library(soname, name, version, path):
    described = {"type": "library", "bom-ref": soname, "name": name, "version": version,
                 "properties": [{"name": "udm:soname", "value": soname}]}
    package = package_of(path)
    if package:
        described["purl"] = "pkg:deb/debian/{0}@{1}?arch={2}".format(*(urllib.parse.quote(p, safe="") for p in package))
    return described


def installed(build):
    """[(name, file in the build, path below the prefix)] of programs, libraries and plugins"""
    prefix = next(option["value"] for option in introspect(build, "buildoptions") if option["name"] == "prefix")
    return [(target["name"], pathlib.Path(target["filename"][0]),
             str(pathlib.Path(target["install_filename"][0]).relative_to(prefix)))
            for target in introspect(build, "targets") if target["installed"] and target["type"] in PROGRAMS]


def bill(build):
    project, known, ours = introspect(build, "projectinfo"), libraries(build), {}
    files = installed(build)
    for _, path, place in files:
        ours.update((soname, place) for soname in dynamic(path, "SONAME"))
    components, linked, used = [], [], set()
    for name, path, place in sorted(files, key=lambda file: file[2]):
        needed = dynamic(path, "NEEDED")
        unknown = [soname for soname in needed if soname not in ours and soname not in known]
        if unknown:
            sys.exit(f"{place} is linked with {', '.join(unknown)}, and Meson knows of no such dependency")
        components.append({"type": "library" if ".so" in place else "application", "bom-ref": place, "name": name,
                           "version": project["version"]})
        linked.append({"ref": place, "dependsOn": sorted(ours.get(soname, soname) for soname in needed)})
        used.update(soname for soname in needed if soname not in ours)
    components += [library(soname, *known[soname]) for soname in sorted(used)]
    whole = {"type": "application", "bom-ref": "udm", "name": project["descriptive_name"],
             "version": project["version"], "licenses": [{"license": {"id": "LGPL-2.1-or-later"}}]}
    linked.insert(0, {"ref": "udm", "dependsOn": sorted(place for _, _, place in files)})
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": whole},
            "components": components, "dependencies": linked}


def check(build):
    """Whoever installs gets files; objdump says what they ask for."""
    told = bill(build)
    named = {entry["ref"]: entry["dependsOn"] for entry in told["dependencies"]}
    described = {part["bom-ref"]: part for part in told["components"]}
    count = 0
    for path, place in introspect(build, "installed").items():
        if pathlib.Path(path).is_file() and pathlib.Path(path).read_bytes()[:4] == b"\x7fELF":
            ref = max((ref for ref in named if place.endswith("/" + ref)), key=len, default=None)
            for soname in re.findall(r"NEEDED +(\S+)", run("objdump", "-p", path)):
                names = soname in named.get(ref, []) or any(
                    pathlib.Path(other).name.startswith(soname) for other in named.get(ref, []))
                if not names:
                    sys.exit(f"{place} asks for {soname}, which the bill does not say")
                count += 1
    without = [ref for ref in described if not described[ref]["version"]]
    if not count or without or len(set(described)) != len(told["components"]):
        sys.exit(f"{count} libraries of installed files; without a version: {without}")
    print(f"{count} libraries of installed files are in the bill")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        check(sys.argv[2])
    elif len(sys.argv) == 2:
        print(json.dumps(bill(sys.argv[1]), indent=2))
    else:
        sys.exit(__doc__)
