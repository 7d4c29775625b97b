// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the elements: the bytes are a play of caps, buffers, events, queries, properties and states, on an element
// between two pads. Whatever comes, nothing crashes or hangs, no critical warning is given, and what comes out has the
// size that its caps say.
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "fuzz.h"

// The bytes that are still to be read; zeros follow them.
typedef struct Play {
    const guint8 *bytes;
    gsize left;
    GstHarness *harness;
    GstVideoInfo info; // of the last caps
    gboolean has_caps, wrong;
    GstClockTime time; // of the next frame
} Play;

static guint next(Play *play, guint limit)
{
    const guint value = play->left ? *play->bytes : 0;

    if (play->left)
        play->bytes++, play->left--;
    return value % limit;
}

static const char *const lines[] = {
    "udmdenoise model=tiny-denoise noise-level=25",
    "udmdenoise model=tiny-guess",
    "udmdenoise model=tiny-experts qos=true",
    "udminterp factor=2",
    "udminterp mode=fill",
    "udminterp factor=3 model=tiny-interp max-gap=3",
    "udmslowmotion speed=0.5",
    "udmupscale model=tiny-guess device=cpu",
};

static const char *const formats[] = { "RGB",  "BGRx", "RGBA", "GBR",  "GBRA", "GRAY8",     "GRAY16_LE",
                                       "I420", "NV12", "YUY2", "Y444", "Y42B", "I420_10LE", "P010_10LE" };
static const char *const rates[] = { "25/1", "0/1", "30000/1001", "1/1", "1000/1", "2147483647/1", "1/2147483647" };
static const char *const modes[] = { "progressive", "interleaved", "mixed", "fields" };
static const char *const colours[] = { "bt601", "bt709", "sRGB", "bt2020", "1:0:0:0", "2:4:7:1" };

static void send_caps(Play *play)
{
    const guint width = 1 + next(play, 40), height = 1 + next(play, 40);
    const char *const format = formats[next(play, G_N_ELEMENTS(formats))];
    GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, format, "width", G_TYPE_INT, width,
                                        "height", G_TYPE_INT, height, NULL);
    const guint with = next(play, 16);

    gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, 25, 1, NULL);
    if (with & 1)
        gst_structure_set(gst_caps_get_structure(caps, 0), "interlace-mode", G_TYPE_STRING,
                          modes[next(play, G_N_ELEMENTS(modes))], NULL);
    if (with & 2)
        gst_structure_set(gst_caps_get_structure(caps, 0), "colorimetry", G_TYPE_STRING,
                          colours[next(play, G_N_ELEMENTS(colours))], NULL);
    if (with & 4)
        gst_structure_set(gst_caps_get_structure(caps, 0), "pixel-aspect-ratio", GST_TYPE_FRACTION, 1 + next(play, 255),
                          1 + next(play, 255), NULL);
    if (with & 8) {
        GValue rate = G_VALUE_INIT;

        g_value_init(&rate, GST_TYPE_FRACTION);
        gst_value_deserialize(&rate, rates[next(play, G_N_ELEMENTS(rates))]);
        gst_structure_set_value(gst_caps_get_structure(caps, 0), "framerate", &rate);
        g_value_unset(&rate);
    }
    play->has_caps = gst_video_info_from_caps(&play->info, caps);
    gst_harness_push_event(play->harness, gst_event_new_caps(caps));
    gst_caps_unref(caps);
}

static GstClockTime next_time(Play *play)
{
    static const GstClockTime far[] = { GST_CLOCK_TIME_NONE, 0, 1, G_MAXINT64, G_MAXUINT64 - 1, 3600 * GST_SECOND };
    const guint how = next(play, 16);

    if (how < G_N_ELEMENTS(far))
        return far[how];
    if (how > 7)
        play->time += 40 * GST_MSECOND;
    return how == 6 ? play->time - MIN(play->time, 20 * GST_MSECOND) : play->time;
}

static void send_buffer(Play *play)
{
    static const guint flags[] = { 0,
                                   GST_BUFFER_FLAG_DISCONT,
                                   GST_BUFFER_FLAG_GAP,
                                   GST_BUFFER_FLAG_CORRUPTED,
                                   GST_BUFFER_FLAG_HEADER,
                                   GST_BUFFER_FLAG_DROPPABLE,
                                   GST_VIDEO_BUFFER_FLAG_INTERLACED,
                                   GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF,
                                   GST_VIDEO_BUFFER_FLAG_RFF };
    const guint kind = next(play, 32), value = next(play, 256);
    gsize size = play->has_caps ? GST_VIDEO_INFO_SIZE(&play->info) : 16;
    GstBuffer *buffer;

    if (kind == 0)
        size = value, play->wrong = TRUE; // not what the caps say, and passed on as it is where nothing is to be done
    buffer = gst_buffer_new_allocate(NULL, size, NULL);
    gst_buffer_memset(buffer, 0, (guint8)value, size);
    for (gsize at = value % 7; at < size; at += 5 + value % 11)
        gst_buffer_memset(buffer, at, (guint8)(at * value), 1);
    GST_BUFFER_PTS(buffer) = next_time(play);
    GST_BUFFER_DURATION(buffer) = kind % 4 == 1 ? GST_CLOCK_TIME_NONE : kind % 4 == 2 ? 0 : 40 * GST_MSECOND;
    GST_BUFFER_FLAG_SET(buffer, flags[next(play, G_N_ELEMENTS(flags))]);
    if (kind == 31 && play->has_caps && !play->wrong)
        gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&play->info),
                                  GST_VIDEO_INFO_WIDTH(&play->info), GST_VIDEO_INFO_HEIGHT(&play->info));
    gst_harness_push(play->harness, buffer);
}

static void send_segment(Play *play)
{
    static const gdouble speeds[] = { 1, 0.5, 2, -1 };
    GstSegment segment;

    gst_segment_init(&segment, next(play, 8) ? GST_FORMAT_TIME : GST_FORMAT_BYTES);
    segment.rate = speeds[next(play, G_N_ELEMENTS(speeds))];
    segment.start = next(play, 4) * GST_SECOND;
    segment.stop = next(play, 2) || segment.rate < 0 ? segment.start + GST_SECOND : GST_CLOCK_TIME_NONE;
    segment.time = segment.position = segment.start;
    gst_harness_push_event(play->harness, gst_event_new_segment(&segment));
}

static void send_event(Play *play)
{
    switch (next(play, 9)) {
    case 0:
        gst_harness_push_event(play->harness, gst_event_new_flush_start());
        gst_harness_push_event(play->harness, gst_event_new_flush_stop(next(play, 2)));
        send_segment(play);
        break;
    case 1:
        gst_harness_push_event(play->harness, gst_event_new_gap(play->time, next(play, 3) * 40 * GST_MSECOND));
        break;
    case 2:
        gst_harness_push_event(play->harness, gst_event_new_eos());
        break;
    case 3:
        gst_harness_push_event(play->harness, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "t", NULL)));
        break;
    case 4:
        gst_harness_push_upstream_event(play->harness,
                                        gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1 + next(play, 4),
                                                          (gint)next(play, 200) * GST_MSECOND, play->time));
        break;
    case 5:
        gst_harness_push_upstream_event(play->harness, gst_event_new_reconfigure());
        break;
    case 6:
        gst_harness_push_upstream_event(play->harness,
                                        gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                                                           next(play, 4) * GST_SECOND, GST_SEEK_TYPE_NONE, -1));
        break;
    case 7:
        gst_harness_push_event(play->harness, gst_event_new_stream_start("again"));
        break;
    default:
        send_segment(play);
    }
}

static const char *const settings[][2] = {
    { "noise-level", "-1" },    { "noise-level", "20" },   { "strength", "0.5" }, { "lookahead", "2" },
    { "lookahead", "0" },       { "steps", "2" },          { "seed", "7" },       { "model", "tiny-denoise" },
    { "model", "no-such" },     { "n-threads", "2" },      { "sampler", "ddim" }, { "factor", "4" },
    { "factor", "1" },          { "mode", "fill" },        { "mode", "rate" },    { "speed", "0.25" },
    { "scene-threshold", "0" }, { "extrapolate", "true" }, { "max-gap", "1" },    { "qos", "true" },
    { "device", "no-such" },    { "precision", "bf16" },   { "ensemble", "2" },   { "fill-gaps", "true" },
};

static void set_property(Play *play)
{
    const guint which = next(play, G_N_ELEMENTS(settings));
    GstElement *const element = play->harness->element;

    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), settings[which][0]))
        gst_util_set_object_arg(G_OBJECT(element), settings[which][0], settings[which][1]);
}

static void change_state(Play *play)
{
    static const GstState states[] = { GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL };

    gst_element_set_state(play->harness->element, states[next(play, G_N_ELEMENTS(states))]);
    gst_element_set_state(play->harness->element, GST_STATE_PLAYING);
    gst_harness_push_event(play->harness, gst_event_new_stream_start("fuzz"));
    if (play->has_caps)
        send_caps(play);
    send_segment(play);
}

static void ask(Play *play)
{
    GstCaps *caps;
    gchar *stats = NULL;
    GstElement *const element = play->harness->element;

    switch (next(play, 4)) {
    case 0:
        gst_harness_query_latency(play->harness);
        break;
    case 1:
        caps = gst_pad_peer_query_caps(play->harness->srcpad, NULL);
        gst_caps_unref(caps);
        break;
    case 2:
        if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "stats")) {
            GstStructure *structure = NULL;

            g_object_get(element, "stats", &structure, NULL);
            stats = structure ? gst_structure_to_string(structure) : NULL;
            if (structure)
                gst_structure_free(structure);
            g_free(stats);
        }
        break;
    default: {
        gint64 position;

        gst_pad_peer_query_position(play->harness->sinkpad, GST_FORMAT_TIME, &position);
    }
    }
}

static void take_what_came(Play *play)
{
    GstBuffer *buffer;

    while ((buffer = gst_harness_try_pull(play->harness)))
        gst_buffer_unref(buffer);
}

// Each frame is as large as its caps say, if those that went in were.
static GstPadProbeReturn check_frame(GstPad *pad, GstPadProbeInfo *probe, gpointer data)
{
    const Play *play = data;
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;
    GstVideoFrame frame;

    if (play->wrong) {
        gst_clear_caps(&caps);
        return GST_PAD_PROBE_OK;
    }
    if (!caps || !gst_video_info_from_caps(&info, caps) ||
        !gst_video_frame_map(&frame, &info, GST_PAD_PROBE_INFO_BUFFER(probe), GST_MAP_READ))
        abort();
    gst_video_frame_unmap(&frame);
    gst_caps_unref(caps);
    return GST_PAD_PROBE_OK;
}

static void act(Play *play)
{
    static void (*const acts[])(Play *) = { send_caps,  send_buffer,  send_buffer,  send_buffer, send_buffer,
                                            send_event, set_property, change_state, ask };

    acts[next(play, G_N_ELEMENTS(acts))](play);
    take_what_came(play);
}

// GLib's own way to end the process is a signal that libFuzzer does not look for.
static GLogWriterOutput judge_log(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data)
{
    g_log_writer_default(level, fields, count, data);
    if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR))
        abort();
    return G_LOG_WRITER_HANDLED;
}

static GstBusSyncReply drop(GstBus *bus, GstMessage *message, gpointer data)
{
    (void)bus, (void)data;
    gst_message_unref(message);
    return GST_BUS_DROP;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Play play = { .bytes = bytes, .left = MIN(size, 200) };
    GstElement *element;
    GstBus *bus;

    if (!gst_is_initialized()) {
        gst_init(NULL, NULL);
        g_log_set_writer_func(judge_log, NULL, NULL);
    }
    element = gst_parse_launch(lines[next(&play, G_N_ELEMENTS(lines))], NULL);
    if (!element) {
        fprintf(stderr, "the plugin is not there: is GST_PLUGIN_PATH set?\n");
        exit(1);
    }
    gst_object_ref_sink(element);
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "n-threads"))
        g_object_set(element, "n-threads", 1, "device", "cpu", NULL); // drivers of OpenCL catch signals
    bus = gst_bus_new();
    gst_bus_set_sync_handler(bus, drop, NULL, NULL);
    gst_element_set_bus(element, bus);
    play.harness = gst_harness_new_with_element(element, "sink", "src");
    gst_pad_add_probe(play.harness->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, check_frame, &play, NULL);
    gst_harness_play(play.harness);
    send_caps(&play);
    send_segment(&play);
    while (play.left)
        act(&play);
    gst_harness_push_event(play.harness, gst_event_new_eos());
    take_what_came(&play);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_harness_teardown(play.harness);
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
    gst_object_unref(element);
    return 0;
}
