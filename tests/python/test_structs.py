# SPDX-License-Identifier: LGPL-2.1-or-later
"""The structs of the package are those of the headers: names, offsets and sizes, as a C compiler has them."""
import ctypes
import pathlib
import re
import subprocess

import pytest

from udm import structs

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "engine/include"
STRUCTS = {
    "error": structs.Error, "image": structs.Image, "settings": structs.Settings, "stats": structs.Stats,
    "degradation": structs.Degradation, "info": structs.Info, "frame": structs.Frame, "finding": structs.Finding,
    "frame_params": structs.FrameParams, "generation": structs.Generation,
}


def declared(name):
    """The names of a struct's fields, in order."""
    text = "".join(path.read_text() for path in sorted((INCLUDE / "udm").glob("*.h")))
    body = re.search(rf"typedef struct udm_{name} {{(.*?)\n}} udm_{name};", re.sub(r"/\*.*?\*/", "", text, flags=re.S),
                     re.S).group(1)
    callbacks = re.sub(r"\(\*(\w+)\)\([^)]*\)", r"\1", body)
    return [re.search(r"(\w+)(\[\d+\])?$", field.strip()).group(1)
            for statement in callbacks.split(";") if statement.strip() for field in statement.split(",")]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("structs")
    lines = []
    for name, struct in STRUCTS.items():
        lines.append(f'printf("{name} {name} %zu %d\\n", sizeof(udm_{name}), 0);')
        lines += [f'printf("{name}.{field} {field} %zu %zu\\n", offsetof(udm_{name}, {field}), '
                  f'sizeof(((udm_{name} *)0)->{field}));' for field in structs.names(struct)]
    (folder / "sizes.c").write_text("#include <stddef.h>\n#include <stdio.h>\n" + "".join(
        f"#include <udm/{header}.h>\n" for header in ("analyse", "generate", "model", "restore", "settings")) +
        "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
    subprocess.run(["cc", "-I", INCLUDE, "-o", folder / "sizes", folder / "sizes.c"], check=True)
    out = subprocess.run([folder / "sizes"], check=True, capture_output=True, text=True).stdout
    return {line.split()[0]: tuple(map(int, line.split()[2:])) for line in out.splitlines()}


@pytest.mark.parametrize("name", STRUCTS)
def test_a_struct_is_that_of_the_header(name, compiled):
    struct = STRUCTS[name]
    assert structs.names(struct) == declared(name)
    assert ctypes.sizeof(struct) == compiled[name][0]
    for field in structs.names(struct):
        mine = getattr(struct, field)
        assert (mine.offset, mine.size) == compiled[f"{name}.{field}"], field
