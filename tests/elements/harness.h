// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of the elements share: elements that use tiny models, frames with texture, and a log of what came out.
#ifndef UDM_TESTS_HARNESS_H
#define UDM_TESTS_HARNESS_H

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <time.h>

#define RATE 25
#define FRAME_DURATION (GST_SECOND / RATE)
#define RGB_CAPS(width, height) "video/x-raw,format=RGB,width=" #width ",height=" #height ",framerate=25/1"

// The tests run with the engine, and with one that holds frames back (fake_engine.c).
static inline gboolean engine_is_fake(void)
{
    return g_strcmp0(g_getenv("UDM_TEST_ENGINE"), "fake") == 0;
}

static inline guint engine_delay(void)
{
    return engine_is_fake() ? 2 : 0;
}

// An element in NULL with a tiny model, and properties as gst-launch-1.0 takes them.
static inline GstElement *make_denoise(const char *properties)
{
    char *line = g_strdup_printf("udmdenoise model=tiny-denoise n-threads=1 noise-level=25 %s", properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

// Takes the element, which goes to PLAYING. Caps may be NULL.
static inline GstHarness *make_harness(GstElement *element, const char *caps)
{
    GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");

    gst_object_unref(element);
    if (caps)
        gst_harness_set_src_caps_str(harness, caps);
    return harness;
}

static inline GstVideoInfo info_from(const char *caps_text)
{
    GstCaps *caps = gst_caps_from_string(caps_text);
    GstVideoInfo info;

    fail_unless(gst_video_info_from_caps(&info, caps), "bad caps %s", caps_text);
    gst_caps_unref(caps);
    return info;
}

// A value from 0 to 255 that varies over place, component and frame number; the same in every format.
static inline guint texture(guint c, guint x, guint y, guint number)
{
    guint hash = (x * 73856093u) ^ (y * 19349663u) ^ ((c + 7 * number + 1) * 83492791u);

    return (x * 5 + y * 3 + c * 40 + ((hash >> 7) & 63)) & 255;
}

// GStreamer 1.22 has Cr of P010 and its like a byte after Cb, amid its sample.
static inline guint8 *sample_at(const GstVideoFrame *frame, guint c, guint x, guint y)
{
    const guint amid = GST_VIDEO_FRAME_COMP_DEPTH(frame, c) > 8 && GST_VIDEO_FRAME_COMP_POFFSET(frame, c) % 2;

    return (guint8 *)GST_VIDEO_FRAME_COMP_DATA(frame, c) + amid + y * (gsize)GST_VIDEO_FRAME_COMP_STRIDE(frame, c) +
           x * (gsize)GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);
}

// Three samples of 10 bits to a word, the first in the lowest bits.
static inline gboolean shares_words(const GstVideoFrame *frame)
{
    return GST_VIDEO_FRAME_FORMAT(frame) == GST_VIDEO_FORMAT_GRAY10_LE32;
}

static inline guint get_value(const GstVideoFrame *frame, guint c, guint x, guint y)
{
    const guint8 *byte = sample_at(frame, c, x, y);

    if (shares_words(frame))
        return GST_READ_UINT32_LE(byte + x / 3 * 4) >> x % 3 * 10 & 1023;
    return GST_VIDEO_FRAME_COMP_DEPTH(frame, c) > 8 ? *(const guint16 *)(const void *)byte : *byte;
}

static inline void set_value(GstVideoFrame *frame, guint c, guint x, guint y, guint value)
{
    guint8 *byte = sample_at(frame, c, x, y);

    if (shares_words(frame)) {
        guint32 word = GST_READ_UINT32_LE(byte + x / 3 * 4) & ~(1023u << x % 3 * 10);

        GST_WRITE_UINT32_LE(byte + x / 3 * 4, word | value << x % 3 * 10);
    } else if (GST_VIDEO_FRAME_COMP_DEPTH(frame, c) > 8) {
        *(guint16 *)(void *)byte = (guint16)value;
    } else {
        *byte = (guint8)value;
    }
}

static inline guint max_value(const GstVideoInfo *info)
{
    return (1u << GST_VIDEO_INFO_COMP_DEPTH(info, 0)) - 1;
}

static inline void draw(GstBuffer *buffer, const GstVideoInfo *info, guint number)
{
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_INFO_HEIGHT(info); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_INFO_WIDTH(info); x++)
                set_value(&frame, c, x, y, (texture(c, x, y, number) * max_value(info) + 127) / 255);
    gst_video_frame_unmap(&frame);
}

static inline void stamp(GstBuffer *buffer, guint number)
{
    GST_BUFFER_PTS(buffer) = number * FRAME_DURATION;
    GST_BUFFER_DURATION(buffer) = FRAME_DURATION;
    GST_BUFFER_OFFSET(buffer) = number;
    GST_BUFFER_OFFSET_END(buffer) = number + 1;
}

static inline GstBuffer *make_frame(const GstVideoInfo *info, guint number)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);

    gst_buffer_memset(buffer, 0, 0x5a, GST_VIDEO_INFO_SIZE(info));
    draw(buffer, info, number);
    stamp(buffer, number);
    return buffer;
}

static inline void push_frames(GstHarness *harness, const char *caps, guint first, guint count)
{
    GstVideoInfo info = info_from(caps);

    for (guint n = first; n < first + count; n++)
        assert_equals_int(gst_harness_push(harness, make_frame(&info, n)), GST_FLOW_OK);
}

// How many frames came out and were not pulled yet.
static inline guint frames_out(GstHarness *harness)
{
    return gst_harness_buffers_in_queue(harness);
}

// The sum of the absolute differences over all components.
static inline guint64 difference(GstBuffer *a, GstBuffer *b, const GstVideoInfo *info)
{
    GstVideoFrame fa, fb;
    guint64 sum = 0;

    fail_unless(gst_video_frame_map(&fa, info, a, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fb, info, b, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_INFO_HEIGHT(info); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_INFO_WIDTH(info); x++)
                sum += (guint64)ABS((gint)get_value(&fa, c, x, y) - (gint)get_value(&fb, c, x, y));
    gst_video_frame_unmap(&fa);
    gst_video_frame_unmap(&fb);
    return sum;
}

// What one frame becomes in a fresh element.
static inline GstBuffer *denoise_one(GstElement *element, const char *caps, GstBuffer *frame)
{
    GstHarness *harness = make_harness(element, caps);
    GstBuffer *out;

    assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 1);
    out = gst_harness_pull(harness);
    gst_harness_teardown(harness);
    return out;
}

// ---- messages

// The next error of the element's bus, which must be there.
static inline void expect_error(GstBus *bus, GQuark domain, int code)
{
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    GError *error = NULL;

    fail_unless(message != NULL, "no error was posted");
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, domain, code), "posted %s %d (%s), not %s %d", g_quark_to_string(error->domain),
                error->code, error->message, g_quark_to_string(domain), code);
    g_clear_error(&error);
    gst_message_unref(message);
}

// That the next warning of the bus is the fake engine's, that there is no other, and that the element knows the device.
static inline void expect_moved(GstElement *element, GstBus *bus)
{
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
    GstStructure *stats = NULL;
    GError *error = NULL;

    fail_unless(message != NULL, "no warning was posted");
    gst_message_parse_warning(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED));
    assert_equals_string(error->message, "the device was lost. Continuing on spare");
    g_clear_error(&error);
    gst_message_unref(message);
    fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == NULL);
    g_object_get(element, "stats", &stats, NULL);
    assert_equals_string(gst_structure_get_string(stats, "device"), "spare");
    gst_structure_free(stats);
}

static inline GstBus *watch(GstElement *element)
{
    GstBus *bus = gst_bus_new();

    gst_element_set_bus(element, bus);
    return bus;
}

static inline void unwatch(GstElement *element, GstBus *bus)
{
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
}

static inline guint count_messages(GstBus *bus, GstMessageType type)
{
    GstMessage *message;
    guint count = 0;

    while ((message = gst_bus_pop_filtered(bus, type))) {
        gst_message_unref(message);
        count++;
    }
    return count;
}

// That there is one warning, which says what is wrong and what is done instead, and no error.
static inline void expect_warning(GstBus *bus, const char *reason, const char *instead)
{
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
    GError *error = NULL;

    fail_unless(message != NULL, "nothing was said where \"%s\" should be", reason);
    assert_equals_int(GST_MESSAGE_TYPE(message), GST_MESSAGE_WARNING);
    gst_message_parse_warning(message, &error, NULL);
    fail_unless(strstr(error->message, reason) && strstr(error->message, instead), "%s", error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
}

// ---- time

// How long a test waits for what has to come. A slow and busy machine takes its time, and what hangs still is found.
#define LONGEST (300 * GST_SECOND)

// When something began: by the clock, and by the time for which this process computed.
typedef struct Moment {
    gint64 clock_us, computed_us;
} Moment;

static inline Moment now(void)
{
    struct timespec computed;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &computed);
    return (Moment){ g_get_monotonic_time(), computed.tv_sec * G_USEC_PER_SEC + computed.tv_nsec / 1000 };
}

// Whether what is waited for since then may still come.
static inline gboolean may_come(Moment start)
{
    return GST_USECOND * (now().clock_us - start.clock_us) < LONGEST;
}

// That a frame was given up which takes minutes: of computing, so that it does not matter what else the machine has to
// do, and with the fake engine of sleep. On an idle machine it is less than a second.
static inline void expect_quick(Moment start)
{
    gint64 took = now().clock_us - start.clock_us, computed = now().computed_us - start.computed_us;

    fail_unless(computed < 20 * G_USEC_PER_SEC && (!engine_is_fake() || took < 100 * G_USEC_PER_SEC),
                "took %" G_GINT64_FORMAT " ms, %" G_GINT64_FORMAT " of them computing", took / 1000, computed / 1000);
}

// ---- a log of what leaves the source pad: "caps 8x8, segment, 0, 1 discont, eos, "

static inline void log_caps(GString *log, GstEvent *event)
{
    GstVideoInfo info;
    GstCaps *caps;

    gst_event_parse_caps(event, &caps);
    fail_unless(gst_video_info_from_caps(&info, caps));
    g_string_append_printf(log, "caps %dx%d, ", info.width, info.height);
}

static inline GstPadProbeReturn log_item(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GString *log = data;
    GstEvent *event;

    if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);

        g_string_append_printf(log, "%d%s, ", (int)(GST_BUFFER_PTS(buffer) / FRAME_DURATION),
                               GST_BUFFER_IS_DISCONT(buffer) ? " discont" : "");
        return GST_PAD_PROBE_OK;
    }
    event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS)
        log_caps(log, event);
    else if (GST_EVENT_TYPE(event) != GST_EVENT_STREAM_START)
        g_string_append_printf(log, "%s, ", GST_EVENT_TYPE_NAME(event));
    return GST_PAD_PROBE_OK;
}

static inline GString *log_output(GstHarness *harness)
{
    GString *log = g_string_new("");
    GstPad *pad = gst_element_get_static_pad(harness->element, "src");

    gst_pad_add_probe(pad,
                      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH,
                      log_item, log, NULL);
    gst_object_unref(pad);
    return log;
}

// Ends the harness and the log.
static inline void expect_log(GstHarness *harness, GString *log, const char *expected)
{
    assert_equals_string(log->str, expected);
    gst_harness_teardown(harness);
    g_string_free(log, TRUE);
}

static inline int run_suite(Suite *suite, int *argc, char ***argv)
{
    SRunner *runner;
    int failed;

    gst_check_init(argc, argv);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
