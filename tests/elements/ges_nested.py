# SPDX-License-Identifier: LGPL-2.1-or-later
"""A project with our effects as a clip of another project. GES links such a clip while its mixer may have negotiated
already, with the format of what it mixes, and there is no converter before the videoflip that comes next: a format that
videoflip does not take ends in "not-negotiated", now and then. So of all that videoflip passes on, our pads take the
same, or something else that it takes. Skipped where GES is not known to Python."""
import os
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

WIDTH, HEIGHT, FRAMES = 96, 64, 5
LENGTH = FRAMES * Gst.SECOND // 25
EFFECTS = ("udmdenoise model=tiny-denoise noise-level=25", "udmslowmotion", "udminterp mode=fill")
ROUNDS = 3


def wait(pipeline, what):
    """Plays to the end."""
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    if message is None or message.type == Gst.MessageType.ERROR:
        print(f"{what}: {message.parse_error() if message else 'it does not end'}")
        os._exit(1)  # as what hangs would not be ended in order
    pipeline.set_state(Gst.State.NULL)


def formats(element):
    """Of its sink pad."""
    caps = Gst.ElementFactory.find(element).get_static_pad_templates()
    sink = [template.get_caps() for template in caps if template.direction == Gst.PadDirection.SINK][0]
    listed = [sink.get_structure(i).get_value("format") for i in range(sink.get_size())]
    return {form for some in listed for form in ([some] if isinstance(some, str) else some)}


def check_formats():
    """What our pads take of each format that videoflip passes on, behind a converter as GES has it."""
    known = formats("videoflip")
    for form in sorted(known & formats("videoconvert")):
        pipeline = Gst.parse_launch("videotestsrc num-buffers=1 ! videoconvert ! video/x-raw,width=16,height=16,"
                                    f"format={form} ! videoconvert ! udmdenoise noise-level=0 name=effect ! fakesink")
        sink = pipeline.get_by_name("effect").get_static_pad("sink")
        pipeline.set_state(Gst.State.PLAYING)
        pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        caps = sink.get_current_caps()
        pipeline.set_state(Gst.State.NULL)
        taken = caps.get_structure(0).get_value("format") if caps else "nothing"
        if taken not in known:
            sys.exit(f"{form}: {taken} is taken, which videoflip does not know")


def timeline_of(uri, effect):
    """A timeline with one clip."""
    timeline = GES.Timeline.new()
    timeline.add_track(GES.VideoTrack.new())
    caps = Gst.Caps.from_string(f"video/x-raw,width={WIDTH},height={HEIGHT},framerate=25/1")
    timeline.get_tracks()[0].set_restriction_caps(caps)
    clip = timeline.append_layer().add_asset(GES.UriClipAsset.request_sync(uri), 0, 0, LENGTH, GES.TrackType.VIDEO)
    if effect:
        clip.add(GES.Effect.new(effect))
    timeline.commit_sync()
    return timeline


def render(timeline, output, what):
    """Its frames, in bytes of YUV."""
    pipeline = GES.Pipeline.new()
    pipeline.set_timeline(timeline)
    settings = GstPbutils.EncodingContainerProfile.new("mkv", None, Gst.Caps.from_string("video/x-matroska"), None)
    raw = Gst.Caps.from_string("video/x-raw,format=I420")
    settings.add_profile(GstPbutils.EncodingVideoProfile.new(raw, None, None, 0))
    pipeline.set_render_settings(Gst.filename_to_uri(output), settings)
    pipeline.set_mode(GES.PipelineFlags.RENDER)
    wait(pipeline, what)
    wait(Gst.parse_launch(f"filesrc location={output} ! matroskademux ! filesink location={output}.raw"), output)
    with open(output + ".raw", "rb") as file:
        return file.read()


def main():
    """The formats, then some nested renders."""
    Gst.init(None)
    GES.init()
    check_formats()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as work:
        clip = f"{work}/clip.mkv"
        wait(Gst.parse_launch(f"videotestsrc pattern=ball num-buffers={2 * FRAMES} ! video/x-raw,format=I420,"
                              f"width={WIDTH},height={HEIGHT},framerate=25/1 ! matroskamux ! "
                              f"filesink location={clip}"), "the clip")
        for number in range(rounds):
            for effect in EFFECTS:
                name = f"{work}/{effect.split()[0]}{number}"
                inner = timeline_of(Gst.filename_to_uri(clip), effect)
                inner.save_to_uri(Gst.filename_to_uri(f"{name}.xges"), None, True)
                nested = render(timeline_of(Gst.filename_to_uri(f"{name}.xges"), None), f"{name}.mkv", effect)
                if len(nested) != FRAMES * WIDTH * HEIGHT * 3 // 2:
                    sys.exit(f"{effect}, round {number}: {len(nested)} bytes")
        print(f"{rounds * len(EFFECTS)} nested projects rendered")


main()
