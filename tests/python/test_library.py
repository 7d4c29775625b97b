# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library and the models of a build, of an install and of a moved one are found; where there is none, the error
says what to do."""
import os
import pathlib
import subprocess
import sys

import pytest

BUILD = pathlib.Path(os.environ["UDM_BUILD"])
SCRIPT = """
import numpy, udm
frames = list(udm.restore([numpy.full((32, 32, 3), 90, numpy.uint8)] * 2, "denoise", threads=1, device="cpu"))
print(len(frames), udm.load()._name)
"""


def run(folder, script=SCRIPT, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UDM_", "LD_"))}
    return subprocess.run([sys.executable, "-c", script], cwd=folder, env={**environment, **variables}, text=True,
                          capture_output=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], check=True,
                   env={**os.environ, "DESTDIR": str(root)})
    return next(path.parent for path in root.rglob("libudm.so.0"))


def test_in_the_folder_of_a_build(tmp_path):
    (tmp_path / "build").symlink_to(BUILD)
    (tmp_path / "models").symlink_to(pathlib.Path(__file__).resolve().parents[2] / "models")
    done = run(tmp_path)
    assert done.stdout.split() == ["2", str(tmp_path / "build/engine/libudm.so.0")], done.stderr


def test_as_meson_devenv_has_it(tmp_path):
    done = subprocess.run(["meson", "devenv", "-C", BUILD, sys.executable, "-c", SCRIPT], text=True,
                          env={name: value for name, value in os.environ.items() if name != "UDM_LIBRARY"},
                          capture_output=True)
    assert done.stdout.split()[-2:] == ["2", "libudm.so.0"], done.stderr


def test_as_meson_installs_it(tmp_path, installed):
    done = run(tmp_path, LD_LIBRARY_PATH=str(installed))
    assert done.stdout.split() == ["2", "libudm.so.0"], done.stderr


def test_by_its_name(tmp_path, installed):
    done = run(tmp_path, UDM_LIBRARY=str(installed / "libudm.so.0"))
    assert done.stdout.split() == ["2", str(installed / "libudm.so.0")], done.stderr


def test_where_there_is_none_the_error_says_what_to_install(tmp_path):
    script = "import udm\ntry:\n    udm.version()\nexcept udm.LibraryError as error:\n    print(error)"
    said = run(tmp_path, script, UDM_LIBRARY=str(tmp_path / "none.so")).stdout
    assert "libudm0" in said and "meson install" in said and "none.so" in said


def test_another_version_is_refused(tmp_path):
    (tmp_path / "old.c").write_text('const char *udm_version(void) { return "0.1.7"; }')
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "old.so", tmp_path / "old.c"], check=True)
    script = "import udm\ntry:\n    udm.version()\nexcept udm.LibraryError as error:\n    print(error)"
    assert "is udm 0.1.7, but this package is for 0.2" in run(tmp_path, script,
                                                              UDM_LIBRARY=str(tmp_path / "old.so")).stdout
