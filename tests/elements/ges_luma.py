# SPDX-License-Identifier: LGPL-2.1-or-later
"""An editor's timeline keeps the brightness of a clip that udmdenoise restores: mean luma to 0.1 levels, in each format
that decoders give, clean and noisy. Skipped where GES is not known to Python."""
import os
import random
import sys
import tempfile

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GES", "1.0")
    gi.require_version("GstPbutils", "1.0")
    from gi.repository import GES, Gst, GstPbutils
except (ImportError, ValueError) as missing:
    print(f"skipped: {missing} (Debian: python3-gi, gir1.2-ges-1.0)")
    sys.exit(77)

WIDTH, HEIGHT, FRAMES = 80, 64, 3
LENGTH = FRAMES * Gst.SECOND // 25
RAW = ("I420", "YV12", "YUY2", "UYVY")  # that Matroska holds
CODED = ("Y42B", "Y444", "I420_10LE")  # that FFV1 codes


def wait(pipeline):
    """Plays to the end."""
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit(f"did not end: {message and message.parse_error()}")


def launch(line):
    """Runs a pipeline."""
    wait(Gst.parse_launch(line))


def make_clip(path, form, noise):
    """A file of raw video that gets brighter to the right, far from black and white."""
    draw = random.Random(1)
    with open(path + ".raw", "wb") as raw:
        for _ in range(FRAMES):
            for place in range(WIDTH * HEIGHT):
                raw.write(bytes([round(70 + place % WIDTH + draw.gauss(0, noise))]))
    launch(f"filesrc location={path}.raw ! rawvideoparse format=gray8 width={WIDTH} height={HEIGHT} framerate=25/1 ! "
           f"videoconvert ! video/x-raw,format={form} ! {'avenc_ffv1 !' if form in CODED else ''} matroskamux ! "
           f"filesink location={path}")


def mean_luma(path):
    """Of all frames of a file, on the scale of 0 to 255."""
    launch(f"filesrc location={path} ! decodebin ! videoconvert dither=none ! video/x-raw,format=GRAY16_LE ! "
           f"filesink location={path}.grey")
    with open(path + ".grey", "rb") as file:
        data = file.read()
    if len(data) != 2 * WIDTH * HEIGHT * FRAMES:
        sys.exit(f"{path} has {len(data)} bytes")
    return sum(memoryview(data).cast("H")) / (len(data) / 2) / 256


def render(clip, output, effect):
    """What an editor's timeline makes of the clip."""
    timeline = GES.Timeline.new()
    timeline.add_track(GES.VideoTrack.new())
    caps = Gst.Caps.from_string(f"video/x-raw,width={WIDTH},height={HEIGHT},framerate=25/1")
    timeline.get_tracks()[0].set_restriction_caps(caps)
    layer = timeline.append_layer()
    asset = GES.UriClipAsset.request_sync(Gst.filename_to_uri(clip))
    placed = layer.add_asset(asset, 0, 0, LENGTH, GES.TrackType.VIDEO)
    if effect:
        placed.add(GES.Effect.new(effect))
    pipeline = GES.Pipeline.new()
    pipeline.set_timeline(timeline)
    container = Gst.Caps.from_string("video/x-matroska")
    settings = GstPbutils.EncodingContainerProfile.new("mkv", None, container, None)
    settings.add_profile(GstPbutils.EncodingVideoProfile.new(Gst.Caps.from_string("video/x-raw,format=I420"), None,
                                                             None, 0))
    pipeline.set_render_settings(Gst.filename_to_uri(output), settings)
    pipeline.set_mode(GES.PipelineFlags.RENDER)
    timeline.commit_sync()
    wait(pipeline)


def main():
    """All formats."""
    Gst.init(None)
    GES.init()
    model = os.path.join(os.environ["UDM_SOURCE_ROOT"], "models", "auto")
    with tempfile.TemporaryDirectory() as work:
        for noise in 0, 10:
            for form in RAW + (CODED if Gst.ElementFactory.find("avenc_ffv1") else ()):
                clip = f"{work}/{form}{noise}.mkv"
                make_clip(clip, form, noise)
                render(clip, clip + ".plain.mkv", None)
                render(clip, clip + ".restored.mkv", f"udmdenoise model={model}")
                plain, restored = mean_luma(clip + ".plain.mkv"), mean_luma(clip + ".restored.mkv")
                print(f"{form:10} noise {noise:2}: {plain:.3f} restored {restored:.3f}")
                if abs(restored - plain) > 0.1:
                    sys.exit(f"{form}: mean luma is {restored:.3f}, not {plain:.3f}")


main()
