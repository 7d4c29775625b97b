# SPDX-License-Identifier: LGPL-2.1-or-later
"""udm.pipeline(): runs to the end and tells how far it is; what elements complain of is raised."""
import logging
import subprocess
import sys

import films
import pytest

import udm

pytestmark = pytest.mark.usefixtures("gst")


def test_it_runs_to_the_end_and_tells_how_far_it_is(tmp_path):
    films.make(tmp_path / "in.mkv", 50, (), 64, 48, sound=False, rest=False, aspect=1)
    told = []
    udm.pipeline(f"filesrc location={tmp_path}/in.mkv ! matroskademux ! avdec_h264 ! udmdenoise model=denoise "
                 f"n-threads=1 ! filesink location={tmp_path}/out.yuv", told.append, every=0.02)
    assert (tmp_path / "out.yuv").stat().st_size == 50 * 64 * 48 * 3 // 2
    assert len(told) >= 2 and [now.at for now in told] == sorted(now.at for now in told)
    assert told[-1].of and abs(told[-1].of - sum(films.STEPS) * 50 / 6000) < 0.1 and told[-1].share > 0.9


@pytest.mark.parametrize("words, says, element", [
    ("videotestsrc ! nosuchelement ! fakesink", 'no element "nosuchelement"', ""),
    ("videotestsrc ! identity error-after=2 ! fakesink", "failed after iterations", "identity"),
    ("filesrc location=/none ! fakesink", "/none", "filesrc"),
    ("filesrc name=mine location=/none", "/none", "mine"),
])
def test_what_elements_complain_of_is_raised(words, says, element):
    with pytest.raises(udm.PipelineError) as raised:
        udm.pipeline(words)
    assert says.lower() in str(raised.value).lower() and raised.value.element.startswith(element)
    assert isinstance(raised.value, udm.Error)


def test_warnings_are_logged(caplog):
    with caplog.at_level(logging.WARNING, "udm"):
        udm.pipeline("videotestsrc num-buffers=1 ! video/x-raw,width=32,height=32 ! udmdenoise model=denoise "
                     "noise-level=99 n-threads=1 ! fakesink")
    assert "noise-level is 99.0, but the model was trained for" in caplog.text


def test_what_progress_raises_ends_it():
    def stop(now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        udm.pipeline("videotestsrc is-live=true ! fakesink", stop, every=0.05)


def test_without_bindings_the_error_says_what_to_install():
    script = "import sys, udm\nsys.modules['gi'] = None\nudm.pipeline('fakesrc num-buffers=1 ! fakesink')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "udm.errors.LibraryError" in done.stderr and "python3-gi" in done.stderr
