// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of udminterp share: a picture that moves, and an element with motion alone.
#ifndef UDM_TESTS_INTERP_H
#define UDM_TESTS_INTERP_H

#include "harness.h"

#include <math.h>

enum { WIDTH = 96, HEIGHT = 64, PLANE = WIDTH * HEIGHT };

#define GRAY_CAPS "video/x-raw,format=GRAY8,width=96,height=64,framerate="
#define CAPS GRAY_CAPS "25/1"

// ---- a moving picture: where it is at any time, in frames

typedef struct Shot {
    int scene;
    double shift; // in pixels
} Shot;

static inline double wave(int scene, double x, double y)
{
    double k = 1 + 0.7 * scene;

    return 128 + 55 * sin(x * 0.31 / k + scene) * cos(y * 0.23 * k) + 40 * sin(0.11 * k * x + 0.17 * y + 2 * scene);
}

static inline void paint(Shot shot, guint8 *pixels)
{
    for (int i = 0; i < PLANE; i++)
        pixels[i] = (guint8)lrint(wave(shot.scene, i % WIDTH - shot.shift, i / WIDTH));
}

static inline GstBuffer *make_shot(Shot shot, GstClockTime pts, GstClockTime duration)
{
    guint8 *pixels = g_malloc(PLANE);
    GstBuffer *buffer = gst_buffer_new_wrapped(pixels, PLANE);

    paint(shot, pixels);
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    return buffer;
}

// Frame n of a picture that moves by two pixels a frame.
static inline GstBuffer *moving(int n)
{
    return make_shot((Shot){ 0, 2 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION);
}

// The mean absolute difference from a shot, away from the border.
static inline double miss(GstBuffer *buffer, Shot shot)
{
    static guint8 want[PLANE];
    GstMapInfo map;
    double sum = 0;
    int count = 0;

    paint(shot, want);
    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (int i = 0; i < PLANE; i++) {
        int x = i % WIDTH, y = i / WIDTH;

        if (x < 12 || y < 12 || x >= WIDTH - 12 || y >= HEIGHT - 12)
            continue;
        sum += ABS(map.data[i] - want[i]);
        count++;
    }
    gst_buffer_unmap(buffer, &map);
    return sum / count;
}

static inline gboolean is_exactly(GstBuffer *buffer, Shot shot)
{
    static guint8 want[PLANE];

    paint(shot, want);
    return gst_buffer_memcmp(buffer, 0, want, PLANE) == 0;
}

// Made, and where it should be; the engine that blends is only asked whether it made it.
static inline void expect_made(GstBuffer *buffer, Shot shot)
{
    fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), "it is marked as a duplicate");
    if (!engine_is_fake())
        fail_unless(miss(buffer, shot) < 2.5, "it misses by %.2f", miss(buffer, shot));
}

// ---- harness

static inline GstElement *make_interp(const char *properties)
{
    char *line = g_strdup_printf("udminterp n-threads=1 model=\"\" %s", properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

static inline GstHarness *start(const char *properties, const char *in, const char *out)
{
    GstElement *element = make_interp(properties);
    GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");

    gst_object_unref(element);
    if (out)
        gst_harness_set_sink_caps_str(harness, out);
    gst_harness_set_src_caps_str(harness, in);
    return harness;
}

static inline void push(GstHarness *harness, GstBuffer *buffer)
{
    assert_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
}

static inline void push_gap(GstHarness *harness, GstBuffer *buffer)
{
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
    push(harness, buffer);
}

static inline void finish(GstHarness *harness)
{
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
}

static inline guint64 get_stat(GstElement *element, const char *name)
{
    GstStructure *stats;
    guint64 value;

    g_object_get(element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value), "there is no %s", name);
    gst_structure_free(stats);
    return value;
}

static inline void expect_stats(GstHarness *harness, guint64 originals, guint64 made, guint64 repeated)
{
    assert_equals_uint64(get_stat(harness->element, "originals"), originals);
    assert_equals_uint64(get_stat(harness->element, "made"), made);
    assert_equals_uint64(get_stat(harness->element, "repeated"), repeated);
}

#define SMALL "video/x-raw,format=GRAY8,width=4,height=4,framerate=%d/%d"

static inline GstClockTime scale(guint n, int rate_n, int rate_d)
{
    return gst_util_uint64_scale_round(n, rate_d * GST_SECOND, rate_n);
}

static inline GstBuffer *make_small(GstClockTime pts)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 16, NULL);

    gst_buffer_memset(buffer, 0, 99, 16);
    GST_BUFFER_PTS(buffer) = pts;
    return buffer;
}

static inline void push_moving(GstHarness *harness, int first, int count)
{
    for (int n = first; n < first + count; n++)
        push(harness, moving(n));
}

static inline void expect_pts(GstHarness *harness, const char *expected)
{
    GString *pts = g_string_new("");

    while (frames_out(harness) > 0) {
        GstBuffer *buffer = gst_harness_pull(harness);

        g_string_append_printf(pts, "%d ", (int)(GST_BUFFER_PTS(buffer) / (FRAME_DURATION / 2)));
        gst_buffer_unref(buffer);
    }
    assert_equals_string(pts->str, expected);
    g_string_free(pts, TRUE);
    gst_harness_teardown(harness);
}

static inline GstHarness *start_reverse(const char *properties, const char *in, const char *out)
{
    GstHarness *harness = start(properties, in, out);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.rate = -1;
    segment.stop = 5 * FRAME_DURATION;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    return harness;
}

#endif
