# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of pipelines share."""
import os
import pathlib
import sys

import pytest

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"


@pytest.fixture(scope="module")
def gst(tmp_path_factory):
    """GStreamer, with the elements of the build; PyGObject is the system's, as no environment has its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UDM_MODEL_PATH", str(MODELS))
        patch.setenv("GST_PLUGIN_PATH", str(pathlib.Path(os.environ["UDM_BUILD"]) / "elements"))
        patch.setenv("GST_REGISTRY", str(tmp_path_factory.mktemp("registry") / "registry.bin"))
        patch.syspath_prepend("/usr/lib/python3/dist-packages")
        try:
            import gi
            gi.require_version("Gst", "1.0")
            from gi.repository import Gst
        except (ImportError, ValueError) as error:
            pytest.skip(f"PyGObject is not to be had: {error}")
        sys.path.remove("/usr/lib/python3/dist-packages")
        Gst.init(None)
        yield Gst
