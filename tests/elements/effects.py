# SPDX-License-Identifier: LGPL-2.1-or-later
"""No model, no caps and no value of a property ends an editor's pipeline: every installed model meets every kind of
frames, before it plays and while it does, and every property takes its least and its greatest value and each name of
its enum while frames flow. What does not work is a warning, and no frame is lost.

    meson test -C build effects
"""
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GObject, Gst, GstVideo  # noqa: E402

ROOT = os.environ["UDM_SOURCE_ROOT"]
EACH = 2  # frames
RATE = 25
PATIENCE = 200 * Gst.SECOND
KINDS = [f"format={name},width={width},height={height}{more}" for name, width, height, more in (
    ("I420", 33, 17, ""), ("RGBA", 32, 24, ""), ("AYUV", 1, 1, ""), ("GRAY8", 28, 28, ""), ("RGB", 3, 40, ""),
    ("I420", 32, 24, ",interlace-mode=interleaved"), ("P010_10LE", 18, 16, ",interlace-mode=mixed"))]
FEW = KINDS[:2] + KINDS[5:6]
SLOW = ("auto-quality", "denoise-quality", "interp", "world")
TEXTS = ("no-such", "opencl:99", "cpu:sse2")
NOT_SET = ("name", "parent", "model", "n-threads", "plan", "deinterlace", "motion-blur", "async-handling",
           "message-forward")  # motion-blur changes how many frames are held, and so the latency


def frame(kind, number):
    """A buffer of noise, the same each time."""
    info = GstVideo.VideoInfo.new_from_caps(Gst.Caps(kind))
    buffer = Gst.Buffer.new_wrapped(bytes((place * 7919 + number) * 2654435761 >> 13 & 255
                                          for place in range(info.size)))
    buffer.pts, buffer.duration = number * Gst.SECOND // RATE, Gst.SECOND // RATE
    return buffer


class Play:
    """A pipeline that is fed frame by frame. What it posts ends the test, if that is an error."""

    def __init__(self, effect):
        self.effect = effect
        self.pipeline = Gst.parse_launch(f"appsrc name=source format=time ! {effect} name=effect ! "
                                         "appsink name=sink sync=false async=false wait-on-eos=false")
        self.source, self.sink = self.pipeline.get_by_name("source"), self.pipeline.get_by_name("sink")
        self.element, self.number = self.pipeline.get_by_name("effect"), 0
        self.pipeline.set_state(Gst.State.PLAYING)

    def check(self, what):
        """That nothing failed."""
        message = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        if message:
            self.fail(what, message)

    def fail(self, what, message):
        """Ends the test."""
        self.pipeline.set_state(Gst.State.NULL)
        sys.exit(f"{self.effect}, {what}: {message.parse_error()[0].message if message else 'hangs'}")

    def push(self, kind, what):
        """Some frames, until they are taken."""
        kind = f"video/x-raw,{kind},framerate={RATE}/1"
        self.source.set_property("caps", Gst.Caps(kind))
        for _ in range(EACH):
            self.source.emit("push-buffer", frame(kind, self.number))
            self.number += 1
        while self.source.get_property("current-level-buffers") > 0:
            self.check(what)
            time.sleep(0.001)

    def end(self, what, least):
        """That all leaves."""
        self.source.emit("end-of-stream")
        message = self.pipeline.get_bus().timed_pop_filtered(PATIENCE, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        if not message or message.type == Gst.MessageType.ERROR:
            self.fail(what, message)
        count = 0
        while self.sink.emit("try-pull-sample", 0):
            count += 1
        self.pipeline.set_state(Gst.State.NULL)
        if count < least:
            sys.exit(f"{self.effect}, {what}: {count} frames of {self.number} came out")


def values(spec):
    """What the property is set to."""
    if spec.value_type.is_a(GObject.TYPE_ENUM):
        return [value.value_nick for value in spec.enum_class.__enum_values__.values()]
    if spec.value_type == GObject.TYPE_BOOLEAN:
        return [False, True]
    if spec.value_type == GObject.TYPE_STRING:
        return TEXTS
    return [spec.minimum, 3 if spec.name == "steps" else spec.maximum]


def try_models(models):
    """Each model, with each kind of frames in one stream."""
    for effect in "udmdenoise", "udminterp", "udmslowmotion", "udmupscale":
        for model in models + ["no-such"]:
            play = Play(f"{effect} model={model}")
            kinds = FEW if model in SLOW or effect != "udmdenoise" else KINDS
            for kind in kinds:
                play.push(kind, kind)
            play.end("each kind of frames", EACH * len(kinds))


def try_changes(models):
    """Each model, set while frames flow."""
    for effect in "udmdenoise", "udminterp":
        play = Play(f"{effect} model=denoise-live")
        for model in models:
            play.element.set_property("model", model)
            play.push(KINDS[0], model)
        play.end("models set while it plays", play.number)


def try_properties():
    """Each value of each property, set while frames flow, of what restores noise, blur and holes, and of the others."""
    for effect in ("udmdenoise model=denoise-live", "udmdenoise model=deblur", "udmdenoise model=inpaint", "udminterp",
                   "udmslowmotion", "udmupscale"):
        play = Play(effect)
        for spec in play.element.list_properties():
            if spec.name in NOT_SET or not spec.flags & GObject.ParamFlags.WRITABLE:
                continue
            before = play.element.get_property(spec.name)
            for value in values(spec):
                Gst.util_set_object_arg(play.element, spec.name, str(value))
                play.push(KINDS[1], f"{spec.name}={value}")
            play.element.set_property(spec.name, before)
        play.end("properties set while it plays", play.number // 2)


def main():
    """All of them."""
    os.environ["UDM_MODEL_PATH"] = os.path.join(ROOT, "models")
    Gst.init(None)
    models = sorted(name for name in os.listdir(os.path.join(ROOT, "models"))
                    if os.path.exists(os.path.join(ROOT, "models", name, "model_index.json")))
    try_properties()
    try_changes(models)
    try_models(models)
    print(f"{len(models)} models")


main()
