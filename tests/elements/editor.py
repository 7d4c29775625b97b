# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user's way through Pitivi, under Xvfb: searches the effects for "denoise" and "slow", puts the first on a clip,
opens its page, changes a value while paused and sees the viewer's picture change, plays, renders. It calls Pitivi's own
widgets in its own process, so that nothing depends on where they are on the screen. What the screen shows at each step
is saved as a picture.

    xvfb-run -a /usr/bin/python3 tests/elements/editor.py [FOLDER FOR PICTURES]

Skipped where Pitivi or Xvfb are not installed (Debian: pitivi, xvfb, xauth).
"""
import importlib.machinery
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

PITIVI = shutil.which("pitivi")
PATIENCE = 40  # seconds for each step on a busy machine
WIDTH, HEIGHT, FRAMES = 320, 180, 25


def skip(why):
    """Ends as skipped."""
    print(f"skipped: {why} (Debian: pitivi, xvfb, xauth)")
    sys.exit(77)


def again_under_xvfb():
    """There is no screen: runs itself on one that nobody sees."""
    if not shutil.which("xvfb-run"):
        skip("there is no xvfb-run")
    display = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
    sys.exit(subprocess.run(display + [sys.executable] + sys.argv, check=False,
                            env={**os.environ, "UDM_PITIVI_SCREEN": "1"}).returncode)


def find_pitivi():
    """Its start-up code, as a module that is not run."""
    loader = importlib.machinery.SourceFileLoader("pitivi_program", PITIVI)
    program = importlib.util.module_from_spec(importlib.util.spec_from_loader("pitivi_program", loader))
    loader.exec_module(program)
    program._add_pitivi_path()
    program._initialize_modules()
    program._check_requirements()


if not PITIVI:
    skip("there is no pitivi")
if "UDM_PITIVI_SCREEN" not in os.environ:
    again_under_xvfb()
WORK = tempfile.mkdtemp()
for variable in "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME":
    os.environ[variable] = os.path.join(WORK, variable)
if "UDM_SOURCE_ROOT" in os.environ:  # the tests beside it have tiny models
    os.environ["UDM_MODEL_PATH"] = os.path.join(os.environ["UDM_SOURCE_ROOT"], "models")
os.environ.update(GDK_BACKEND="x11", NO_AT_BRIDGE="1", LC_ALL="C.UTF-8")
# Where there is no sound, autoaudiosink is to be silent and not to fail.
os.environ["GST_PLUGIN_FEATURE_RANK"] = ",".join(f"{sink}:NONE" for sink in (
    "openalsink", "alsasink", "pulsesink", "jackaudiosink", "oss4sink", "osssink", "pipewiresink"))
try:
    find_pitivi()
except (ImportError, ValueError, SystemExit) as missing:
    shutil.rmtree(WORK)
    skip(f"Pitivi lacks something: {missing}")
from gi.repository import GES, Gdk, GLib, Gst, Gtk  # noqa: E402
from pitivi import application  # noqa: E402
from pitivi.render import RenderDialog  # noqa: E402
from pitivi.utils.pipeline import PipelineError, SimplePipeline  # noqa: E402
from pitivi.utils.timeline import SELECT  # noqa: E402


def make_project(project, clip):
    """A project with a noisy clip and no effect."""
    draw = random.Random(1)
    with open(clip + ".raw", "wb") as raw:
        noise = [draw.gauss(0, 25) for _ in range(10007)]
        for frame in range(FRAMES):
            raw.write(bytes(min(255, max(0, round(60 + place % WIDTH / 3 + noise[(place + 7919 * frame) % 10007])))
                            for place in range(WIDTH * HEIGHT)))
    pipeline = Gst.parse_launch(f"filesrc location={clip}.raw ! rawvideoparse format=gray8 width={WIDTH} "
                                f"height={HEIGHT} framerate=25/1 ! videoconvert ! video/x-raw,format=I420 ! "
                                f"matroskamux ! filesink location={clip}")
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    timeline = GES.Timeline.new()
    timeline.add_track(GES.VideoTrack.new())
    caps = Gst.Caps.from_string(f"video/x-raw,width={WIDTH},height={HEIGHT},framerate=25/1")
    timeline.get_tracks()[0].set_restriction_caps(caps)
    asset = GES.UriClipAsset.request_sync(Gst.filename_to_uri(clip))
    timeline.append_layer().add_asset(asset, 0, 0, FRAMES * Gst.SECOND // 25, GES.TrackType.VIDEO)
    timeline.save_to_uri(Gst.filename_to_uri(project), None, True)


class User:
    """What is done, step by step: each step waits until it can see what it looks for."""

    def __init__(self, app, pictures):
        self.app, self.pictures, self.seen = app, pictures, 0
        self.steps = self.work()
        self.waits, self.until = None, time.monotonic() + PATIENCE
        GLib.timeout_add(50, self.go_on)

    def go_on(self):
        """To be called again and again: takes the next step if what it waits for is there."""
        try:
            if self.waits is not None and not self.waits[1]():
                if time.monotonic() > self.until:
                    raise TimeoutError(f"waited in vain for {self.waits[0]}")
                return True
            self.waits = next(self.steps)
            self.until = time.monotonic() + PATIENCE
            return True
        except StopIteration:
            end("found, opened, changed, played and rendered", 0)
        except Exception as error:  # of any kind: it is told, and Pitivi ends  pylint: disable=broad-except
            traceback.print_exc()
            self.look("failed")
            end(f"failed: {error}", 1)
        return False

    # ---- what a user sees

    def look(self, name):
        """Saves what is on the screen."""
        root = Gdk.get_default_root_window()
        picture = Gdk.pixbuf_get_from_window(root, 0, 0, root.get_width(), root.get_height())
        self.seen += 1
        if self.pictures:
            picture.savev(os.path.join(self.pictures, f"pitivi-{self.seen}-{name}.png"), "png", [], [])

    def noise(self):
        """How much pixels side by side differ in the middle of the viewer's picture, in the mean. A tooltip beside it
        is no change of the picture."""
        widget = self.app.gui.editor.viewer.target
        left, top = widget.get_allocation().x, widget.get_allocation().y
        width, height = widget.get_allocated_width(), widget.get_allocated_height()
        middle = Gdk.pixbuf_get_from_window(widget.get_window(), left + width // 2, top + height // 2, width // 4, 1)
        row = middle.get_pixels()[:width // 4 * middle.get_n_channels():middle.get_n_channels()]
        return sum(abs(a - b) for a, b in zip(row, row[1:])) / len(row)

    def found(self, text):
        """The effects that the library shows for it."""
        self.app.gui.editor.effectlist.search_entry.set_text(text)
        rows = self.app.gui.editor.effectlist.search_view.get_children()
        return [row for row in rows if row.get_child_visible()]

    def names(self, text):
        """Of those effects."""
        return [row.get_child().get_child().effect_name for row in self.found(text)]

    def clips(self):
        """In the timeline."""
        project = self.app.project_manager.current_project
        layers = project.ges_timeline.get_layers() if project and project.ges_timeline else []
        return [clip for layer in layers for clip in layer.get_clips()]

    def page(self, effect):
        """The widgets of the effect's page by the names of the properties; None if there is none yet."""
        box = self.app.gui.editor.clipconfig.effect_expander.effects_listbox
        for row in box.get_children():
            if row.effect == effect:
                found = [widget for widget in descendants(row) if hasattr(widget, "uncontrolled_properties")]
                expanders = [widget for widget in descendants(row) if isinstance(widget, Gtk.Expander)]
                expanders[0].set_expanded(True)
                self.scroll_to(row)
                return {spec.name: widget for spec, widget in found[0].properties.items()}
        return None

    def scroll_to(self, row):
        """Until the page is seen."""
        scrolled = self.app.gui.editor.clipconfig
        _, top = row.translate_coordinates(scrolled.get_child(), 0, 0) or (0, 0)
        scrolled.get_vadjustment().set_value(top)

    # ---- what a user does

    def work(self):
        """Yields what is waited for, by name."""
        yield "the project", lambda: self.clips() and hasattr(self.clips()[0], "ui") and self.clips()[0].ui
        editor, project = self.app.gui.editor, self.app.project_manager.current_project
        pipeline = project.pipeline
        yield "a picture", lambda: pipeline.get_simple_state() == Gst.State.PAUSED
        self.app.gui.move(0, 0)
        self.app.gui.resize(1600, 1000)
        editor.toplevel_widget.set_position(800)
        editor.main_tabs.set_current_page(1)
        yield "the effects", lambda: len(editor.effectlist.search_view.get_children()) > 10
        yield "udmslowmotion under \"slow\"", lambda: "udmslowmotion" in self.names("slow")
        yield moment()
        self.look("slow")
        yield "udmdenoise under \"denoise\"", lambda: "udmdenoise" in self.names("denoise")
        yield moment()
        self.look("denoise")

        clip = self.clips()[0]
        editor.timeline_ui.timeline.selection.set_selection([clip], SELECT)
        row = [row for row in self.found("denoise") if row.get_child().get_child().effect_name == "udmdenoise"][0]
        editor.effectlist.search_view.emit("row-activated", row)
        yield "the effect", clip.get_top_effects
        effect = clip.get_top_effects()[0]
        editor.context_tabs.set_current_page(0)
        yield "its page", lambda: self.page(effect)
        properties = self.page(effect)
        wanted = {"restore", "quality", "strength", "noise-level"}
        if not wanted <= set(properties):
            raise LookupError(f"the page has {sorted(properties)}, but not {wanted - set(properties)}")
        yield moment()
        editor.toplevel_widget.set_position(800)
        self.page(effect)
        yield moment()
        self.look("page")

        properties["noise-level"].set_widget_value(0.0)
        yield "noise-level to be 0", lambda: effect.get_child_property("noise-level").value == 0
        yield moment(2)  # to be shown
        before = self.noise()
        properties["noise-level"].set_widget_value(60.0)
        yield "a picture without the noise", lambda: self.page(effect) and self.noise() < before / 2
        self.look("changed")

        pipeline.simple_seek(0)
        pipeline.play()
        yield "the playhead to run", lambda: position_of(pipeline) > 0.3 * Gst.SECOND
        self.look("playing")
        pipeline.pause()
        yield "a pause", lambda: pipeline.get_simple_state() == Gst.State.PAUSED

        output = os.path.join(WORK, "render.webm")
        dialog = RenderDialog(self.app, project)
        dialog.window.show()
        dialog.fileentry.set_text(output)
        dialog._render_button_clicked_cb(None)  # pylint: disable=protected-access
        yield "a render", lambda: dialog.progress and not dialog.progress.cancel_button.get_visible()
        self.look("rendered")
        length = GES.UriClipAsset.request_sync(Gst.filename_to_uri(output)).get_duration()
        if abs(length - FRAMES * Gst.SECOND // 25) > Gst.SECOND // 20:
            raise ValueError(f"the render lasts {length / Gst.SECOND} s")


def moment(seconds=1.0):
    """To be yielded: so much time, in which the screen is drawn."""
    until = time.monotonic() + seconds
    return "a moment", lambda: time.monotonic() > until


def position_of(pipeline):
    """In nanoseconds; 0 while it is not known."""
    try:
        return pipeline.get_position()
    except PipelineError:
        return 0


def descendants(widget):
    """All widgets in it."""
    yield widget
    if isinstance(widget, Gtk.Container):
        for child in widget.get_children():
            yield from descendants(child)


def end(words, status):
    """Without being asked whether to save, and without waiting for threads."""
    shutil.rmtree(WORK, ignore_errors=True)
    print(words)
    sys.stdout.flush()
    os._exit(status)


def main():
    """Runs Pitivi with the user in it."""
    pictures = sys.argv[1] if len(sys.argv) > 1 else None
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    project = os.path.join(WORK, "project.xges")
    make_project(project, os.path.join(WORK, "clip.mkv"))
    # Pitivi gives up what a busy machine does not do in three seconds; the user has more patience.
    SimplePipeline._async_done_not_received_cb = lambda *_: True  # pylint: disable=protected-access
    app = application.Pitivi()
    user = User(app, pictures)
    app.run(["pitivi", project])
    end(f"Pitivi ended while the user waited for {user.waits}", 1)


main()
