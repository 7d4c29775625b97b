// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: how many frames come out and when, which of them are the originals, what is made and what is repeated, and
// what happens at cuts, holes, ends, flushes and seeks.
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

static double wave(int scene, double x, double y)
{
    double k = 1 + 0.7 * scene;

    return 128 + 55 * sin(x * 0.31 / k + scene) * cos(y * 0.23 * k) + 40 * sin(0.11 * k * x + 0.17 * y + 2 * scene);
}

static void paint(Shot shot, guint8 *pixels)
{
    for (int i = 0; i < PLANE; i++)
        pixels[i] = (guint8)lrint(wave(shot.scene, i % WIDTH - shot.shift, i / WIDTH));
}

static GstBuffer *make_shot(Shot shot, GstClockTime pts, GstClockTime duration)
{
    guint8 *pixels = g_malloc(PLANE);
    GstBuffer *buffer = gst_buffer_new_wrapped(pixels, PLANE);

    paint(shot, pixels);
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    return buffer;
}

// Frame n of a picture that moves by two pixels a frame.
static GstBuffer *moving(int n)
{
    return make_shot((Shot){ 0, 2 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION);
}

// The mean absolute difference from a shot, away from the border.
static double miss(GstBuffer *buffer, Shot shot)
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

static gboolean is_exactly(GstBuffer *buffer, Shot shot)
{
    static guint8 want[PLANE];

    paint(shot, want);
    return gst_buffer_memcmp(buffer, 0, want, PLANE) == 0;
}

// Made, and where it should be; the engine that blends is only asked whether it made it.
static void expect_made(GstBuffer *buffer, Shot shot)
{
    fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), "it is marked as a duplicate");
    if (!engine_is_fake())
        fail_unless(miss(buffer, shot) < 1.5, "it misses by %.2f", miss(buffer, shot));
}

// ---- harness

static GstElement *make_interp(const char *properties)
{
    char *line = g_strdup_printf("udminterp threads=1 %s", properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

static GstHarness *start(const char *properties, const char *in, const char *out)
{
    GstElement *element = make_interp(properties);
    GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");

    gst_object_unref(element);
    if (out)
        gst_harness_set_sink_caps_str(harness, out);
    gst_harness_set_src_caps_str(harness, in);
    return harness;
}

static void push(GstHarness *harness, GstBuffer *buffer)
{
    assert_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
}

static void push_gap(GstHarness *harness, GstBuffer *buffer)
{
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
    push(harness, buffer);
}

static void finish(GstHarness *harness)
{
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
}

static guint64 get_stat(GstElement *element, const char *name)
{
    GstStructure *stats;
    guint64 value;

    g_object_get(element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value), "there is no %s", name);
    gst_structure_free(stats);
    return value;
}

static void expect_stats(GstHarness *harness, guint64 originals, guint64 made, guint64 repeated)
{
    assert_equals_uint64(get_stat(harness->element, "originals"), originals);
    assert_equals_uint64(get_stat(harness->element, "made"), made);
    assert_equals_uint64(get_stat(harness->element, "repeated"), repeated);
}

// ---- rates

typedef struct Pair {
    const char *properties;
    int in_n, in_d, out_n, out_d;
    guint frames, expected;
    GstClockTime origin;
    GstClockTime rounded; // how coarsely timestamps come in
} Pair;

static const Pair pairs[] = {
    { "", 25, 1, 50, 1, 10000, 20000, 0, 1 },
    { "", 12, 1, 24, 1, 10000, 20000, 0, 1 },
    { "", 30, 1, 24, 1, 10000, 8000, 0, 1 },
    { "", 24000, 1001, 60, 1, 10000, 25025, 0, 1 },
    { "", 24000, 1001, 60, 1, 10000, 25025, 3600 * GST_SECOND + 7, GST_MSECOND },
    { "factor=2", 24000, 1001, 48000, 1001, 1001, 2002, 0, GST_MSECOND },
    { "factor=7", 30000, 1001, 210000, 1001, 10, 70, 0, 1 },
    { "factor=4", 60, 1, 240, 1, 1, 4, 0, 1 },
    { "", 25, 1, 25, 1, 10, 10, 0, 1 },
    { "de-duplicate=true max-gap=1", 25, 1, 25, 1, 10, 10, 0, 1 },
    { "", 50, 1, 1, 1, 100, 2, 0, 1 },
};

#define SMALL "video/x-raw,format=GRAY8,width=4,height=4,framerate=%d/%d"

static GstClockTime scale(guint n, int rate_n, int rate_d)
{
    return gst_util_uint64_scale_round(n, rate_d * GST_SECOND, rate_n);
}

static GstBuffer *make_small(GstClockTime pts)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 16, NULL);

    gst_buffer_memset(buffer, 0, 99, 16);
    GST_BUFFER_PTS(buffer) = pts;
    return buffer;
}

static void expect_times(GstHarness *harness, const Pair *pair, guint *seen)
{
    while (frames_out(harness) > 0) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), pair->origin + scale(*seen, pair->out_n, pair->out_d));
        assert_equals_uint64(GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer),
                             pair->origin + scale(*seen + 1, pair->out_n, pair->out_d));
        gst_buffer_unref(buffer);
        ++*seen;
    }
}

GST_START_TEST(counts_and_timestamps_are_exact)
{
    const Pair *pair = &pairs[__i__];
    char *in = g_strdup_printf(SMALL, pair->in_n, pair->in_d), *out = g_strdup_printf(SMALL, pair->out_n, pair->out_d);
    GstHarness *harness = start(pair->properties, in, out);
    guint seen = 0;

    for (guint n = 0; n < pair->frames; n++) {
        GstClockTime time = scale(n, pair->in_n, pair->in_d);
        GstBuffer *buffer = make_small(pair->origin + time / pair->rounded * pair->rounded);

        GST_BUFFER_DURATION(buffer) = scale(1, pair->in_n, pair->in_d);
        push(harness, buffer);
        expect_times(harness, pair, &seen);
    }
    finish(harness);
    expect_times(harness, pair, &seen);
    assert_equals_int(seen, pair->expected);
    gst_harness_teardown(harness);
    g_free(in);
    g_free(out);
}
GST_END_TEST;

GST_START_TEST(originals_pass_bit_for_bit_and_others_lie_between)
{
    GstHarness *harness = start("factor=4", CAPS, NULL);

    for (int n = 0; n < 5; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 20);
    expect_stats(harness, 5, 12, 3);
    for (int n = 0; n < 20; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        if (n % 4 == 0 || n > 16)
            fail_unless(is_exactly(buffer, (Shot){ 0, n / 4 * 2 }), "%d is no original", n);
        else
            expect_made(buffer, (Shot){ 0, n * 0.5 });
        assert_equals_int(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), n > 16);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(the_last_frames_may_be_extrapolated)
{
    GstHarness *harness = start("factor=4 extrapolate=2", CAPS, NULL);
    GstBuffer *buffer;

    for (int n = 0; n < 3; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 12);
    expect_stats(harness, 3, 8, 1);
    for (int n = 0; n < 12; n++) {
        buffer = gst_harness_pull(harness);
        if (n == 9 || n == 10)
            expect_made(buffer, (Shot){ 0, n * 0.5 });
        if (n == 11)
            fail_unless(is_exactly(buffer, (Shot){ 0, 4 }));
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(with_no_frame_rate_each_gap_is_divided)
{
    static const GstClockTime times[] = { 0, 40, 50, 170, 180, 181 };
    GstHarness *harness = start("factor=3", GRAY_CAPS "0/1", NULL);
    guint n;

    for (n = 0; n < G_N_ELEMENTS(times); n++)
        push(harness, make_shot((Shot){ 0, times[n] * 0.05 }, times[n] * GST_MSECOND, 9 * GST_MSECOND));
    finish(harness);
    assert_equals_int(frames_out(harness), 3 * G_N_ELEMENTS(times));
    for (n = 0; n < 3 * G_N_ELEMENTS(times); n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        GstClockTime from = times[n / 3], to = n / 3 + 1 < G_N_ELEMENTS(times) ? times[n / 3 + 1] : from + 9;
        GstClockTime expected = from * GST_MSECOND + gst_util_uint64_scale_round((to - from) * GST_MSECOND, n % 3, 3);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), expected);
        if (n % 3 == 0)
            fail_unless(is_exactly(buffer, (Shot){ 0, from * 0.05 }));
        else if (n < 15)
            expect_made(buffer, (Shot){ 0, expected * 0.05 / GST_MSECOND });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(frames_that_come_irregularly_go_out_regularly)
{
    static const double times[] = { 0, 40, 75, 118, 160, 171, 240, 250 }; // ms, where the caps say 25 Hz
    GstHarness *harness = start("", CAPS, GRAY_CAPS "50/1");

    for (guint n = 0; n < G_N_ELEMENTS(times); n++)
        push(harness, make_shot((Shot){ 0, times[n] * 0.05 }, (GstClockTime)(times[n] * GST_MSECOND), FRAME_DURATION));
    finish(harness);
    assert_equals_int(frames_out(harness), 15); // until 250 + 40 ms
    for (guint n = 0; n < 15; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), n * 20 * GST_MSECOND);
        if (n <= 12)
            expect_made(buffer, (Shot){ 0, n });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- duplicates

// Frames with the number of what they show, '+' for a duplicate that is marked, and '=' for one that is not.
static void push_row(GstHarness *harness, const char *row)
{
    int shown = 0;

    for (int n = 0; row[n]; n++) {
        GstBuffer *buffer;

        if (g_ascii_isdigit(row[n]))
            shown = n;
        buffer = make_shot((Shot){ 0, 2 * shown }, (guint)n * FRAME_DURATION, FRAME_DURATION);
        if (row[n] == '+')
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
        push(harness, buffer);
    }
    finish(harness);
}

// 'o' is an original, 'm' was made, 'r' is what came in its place, untouched.
static void expect_row(GstHarness *harness, const char *expected)
{
    int shown = 0;

    assert_equals_int(frames_out(harness), strlen(expected));
    for (int n = 0; expected[n]; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), (guint)n * FRAME_DURATION);
        assert_equals_uint64(GST_BUFFER_DURATION(buffer), FRAME_DURATION);
        if (expected[n] == 'o')
            shown = n;
        if (expected[n] == 'm')
            expect_made(buffer, (Shot){ 0, 2 * n });
        else
            fail_unless(is_exactly(buffer, (Shot){ 0, 2 * shown }), "%d is not what came", n);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}

typedef struct Row {
    const char *properties, *in, *out;
} Row;

static const Row rows[] = {
    { "mode=fill", "0+0+0+0", "omomomo" },
    { "mode=fill", "0++0+++0", "ommommmo" },
    { "mode=fill", "000000", "oooooo" },
    { "mode=fill", "0", "o" },
    { "mode=fill", "+", "o" },
    { "mode=fill", "0+0++", "omorr" },
    { "mode=fill extrapolate=1", "0+0++", "omomr" },
    { "mode=fill max-gap=2", "0++0+++0+0", "ommorrromo" },
    { "mode=fill", "0=0=0", "ororo" },
    { "mode=fill de-duplicate=true", "0=0==0", "omommo" },
    { "mode=fill de-duplicate=true", "0=0+=0", "omommo" },
    { "de-duplicate=true", "0=0==0=", "omommor" },
    { "de-duplicate=true max-gap=1", "0=0=0", "omomo" },
};

GST_START_TEST(duplicates_are_made_anew)
{
    const Row *row = &rows[__i__];
    GstHarness *harness = start(row->properties, CAPS, strstr(row->properties, "fill") ? NULL : CAPS);

    push_row(harness, row->in);
    expect_row(harness, row->out);
}
GST_END_TEST;

GST_START_TEST(videorate_makes_slow_motion_with_it)
{
    GstElement *pipeline = gst_parse_launch(
        "videotestsrc num-buffers=11 pattern=ball ! video/x-raw,format=GRAY8,width=96,height=64,framerate=25/1 ! "
        "videorate rate=0.25 ! udminterp mode=fill threads=1 name=interp ! fakesink",
        NULL);
    GstElement *interp = gst_bin_get_by_name(GST_BIN(pipeline), "interp");
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    guint64 originals, made;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "no end came");
    gst_message_unref(message);
    originals = get_stat(interp, "originals");
    made = get_stat(interp, "made");
    fail_unless(originals == 11 && made == 29, "%d originals, %d made", (int)originals, (int)made);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(interp);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}
GST_END_TEST;

// ---- cuts and holes

// Three scenes of four frames each. With any of them cut, nothing that goes out is a mixture.
GST_START_TEST(over_cuts_frames_are_repeated)
{
    GstHarness *harness = start("factor=3", CAPS, NULL);

    for (int n = 0; n < 12; n++)
        push(harness, make_shot((Shot){ n / 4, 2 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    assert_equals_int(frames_out(harness), 36);
    for (int n = 0; n < 36; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        int in = n / 3;
        gboolean over = in % 4 == 3;

        if (over || n % 3 == 0)
            fail_unless(is_exactly(buffer, (Shot){ in / 4, 2 * in }), "%d is a mixture", n);
        else
            expect_made(buffer, (Shot){ in / 4, n * 2.0 / 3 });
        assert_equals_int(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), over && n % 3 != 0);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(the_threshold_decides_what_is_a_cut)
{
    static const char *const properties[] = { "factor=2 scene-threshold=1", "factor=2 scene-threshold=0" };

    for (guint i = 0; i < 2; i++) {
        GstHarness *harness = start(properties[i], CAPS, NULL);

        for (int n = 0; n < 4; n++)
            push(harness, make_shot((Shot){ n / 2, 2 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION));
        finish(harness);
        expect_stats(harness, 4, i ? 0 : 3, i ? 4 : 1);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

// Frames 0, 1, 2, 6 and 7 come, the later ones perhaps marked as a discontinuity, or after events
// that say that there is a gap.
static GstHarness *push_with_hole(const char *properties, GstBufferFlags flags, gboolean say_so)
{
    static const int numbers[] = { 0, 1, 2, 6, 7 };
    GstHarness *harness = start(properties, CAPS, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        GstBuffer *buffer = moving(numbers[i]);

        if (numbers[i] == 6)
            GST_BUFFER_FLAG_SET(buffer, flags);
        for (guint n = 3; say_so && numbers[i] == 6 && n < 6; n++)
            gst_harness_push_event(harness, gst_event_new_gap(n * FRAME_DURATION, FRAME_DURATION));
        push(harness, buffer);
    }
    finish(harness);
    return harness;
}

GST_START_TEST(lost_frames_are_made_on_request)
{
    expect_row(push_with_hole("mode=fill fill-holes=true", 0, FALSE), "ooommmoo");
    expect_row(push_with_hole("mode=fill fill-holes=true", GST_BUFFER_FLAG_DISCONT, FALSE), "ooommmoo");
    expect_row(push_with_hole("mode=fill fill-holes=true", 0, TRUE), "ooommmoo");
    expect_row(push_with_hole("mode=fill fill-holes=true", GST_BUFFER_FLAG_DISCONT, TRUE), "ooommmoo");
}
GST_END_TEST;

static void expect_pts(GstHarness *harness, const char *expected)
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

GST_START_TEST(a_hole_stays_where_nobody_asks)
{
    expect_pts(push_with_hole("mode=fill", GST_BUFFER_FLAG_DISCONT, FALSE), "0 2 4 12 14 ");
    expect_pts(push_with_hole("mode=fill fill-holes=true max-gap=2", 0, FALSE), "0 2 4 12 14 ");
    expect_pts(push_with_hole("factor=2", GST_BUFFER_FLAG_DISCONT, FALSE), "0 1 2 3 4 5 12 13 14 15 ");
    expect_pts(push_with_hole("factor=2", 0, FALSE), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 ");
}
GST_END_TEST;

GST_START_TEST(a_hole_that_is_too_long_repeats)
{
    GstHarness *harness = push_with_hole("factor=2 max-gap=2", 0, FALSE);

    expect_stats(harness, 5, 3, 8);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- ends, flushes, segments

static void push_moving(GstHarness *harness, int first, int count)
{
    for (int n = first; n < first + count; n++)
        push(harness, moving(n));
}

static GstHarness *start_logged(const char *properties, GString **log)
{
    GstHarness *harness = start(properties, CAPS, NULL);

    *log = log_output(harness);
    return harness;
}

GST_START_TEST(one_frame_is_a_stream)
{
    for (int frames = 0; frames < 3; frames++) {
        GstHarness *harness = start("factor=2", CAPS, NULL);

        push_moving(harness, 0, frames);
        finish(harness);
        assert_equals_int(frames_out(harness), 2 * frames);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

GST_START_TEST(what_is_held_leaves_before_what_follows)
{
    GString *log;
    GstHarness *harness = start_logged("factor=2", &log);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_moving(harness, 0, 2);
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
    push(harness, make_small(2 * FRAME_DURATION));
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push(harness, make_small(0));
    fail_unless(gst_harness_push_event(harness, gst_event_new_gap(FRAME_DURATION, FRAME_DURATION)));
    push(harness, make_small(2 * FRAME_DURATION));
    finish(harness);
    expect_log(harness, log, "0, 0, 1, 1, caps 4x4, segment, 2, 2, segment, 0, 0, gap, 2, 2, eos, ");
}
GST_END_TEST;

GST_START_TEST(duplicates_that_are_held_leave_before_what_follows)
{
    GString *log;
    GstHarness *harness = start_logged("mode=fill", &log);

    push_moving(harness, 0, 1);
    push_gap(harness, moving(1));
    push_gap(harness, moving(2));
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
    push(harness, make_small(3 * FRAME_DURATION));
    finish(harness);
    expect_log(harness, log, "0, 1, 2, caps 4x4, segment, 3, eos, ");
}
GST_END_TEST;

GST_START_TEST(a_flush_drops_what_is_held)
{
    GString *log;
    GstHarness *harness = start_logged("factor=2", &log);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_moving(harness, 0, 2);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_moving(harness, 10, 2);
    finish(harness);
    expect_log(harness, log, "0, 0, flush-start, flush-stop, segment, 10, 10, 11, 11, eos, ");
}
GST_END_TEST;

GST_START_TEST(only_what_follows_a_discontinuity_says_so)
{
    GString *log;
    GstHarness *harness = start_logged("factor=2", &log);
    GstBuffer *buffer = moving(5);

    push_moving(harness, 0, 2);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    push(harness, buffer);
    push_moving(harness, 6, 1);
    push_moving(harness, 3, 2); // back in time
    finish(harness);
    expect_log(harness, log, "0, 0, 1, 1, 5 discont, 5, 6, 6, 3, 3, 4, 4, eos, ");
}
GST_END_TEST;

GST_START_TEST(a_segment_that_stops_early_cuts_the_last_frame)
{
    GstHarness *harness = start("factor=4", CAPS, NULL);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.stop = 2 * FRAME_DURATION + FRAME_DURATION / 2;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_moving(harness, 0, 3);
    finish(harness);
    assert_equals_int(frames_out(harness), 10);
    gst_harness_teardown(harness);
}
GST_END_TEST;

static GstHarness *start_reverse(const char *properties, const char *in, const char *out)
{
    GstHarness *harness = start(properties, in, out);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.rate = -1;
    segment.stop = 5 * FRAME_DURATION;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    return harness;
}

GST_START_TEST(it_plays_in_reverse)
{
    GstHarness *harness = start_reverse("factor=2", CAPS, NULL);

    for (int n = 4; n >= 0; n--)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 10);
    for (int n = 9; n >= 0; n--) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), (guint)n * FRAME_DURATION / 2);
        assert_equals_uint64(GST_BUFFER_DURATION(buffer), FRAME_DURATION / 2);
        if (n % 2 == 0 || n == 9)
            fail_unless(is_exactly(buffer, (Shot){ 0, n / 2 * 2 }));
        else
            expect_made(buffer, (Shot){ 0, n });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(duplicates_are_made_anew_in_reverse)
{
    GstHarness *harness = start_reverse("mode=fill", CAPS, NULL);

    for (int n = 4; n >= 0; n--) {
        GstBuffer *buffer = moving(n);

        if (n % 2)
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
        push(harness, buffer);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 5);
    expect_stats(harness, 3, 2, 0);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(with_no_frame_rate_it_plays_in_reverse_too)
{
    GstHarness *harness = start_reverse("factor=2", GRAY_CAPS "0/1", NULL);

    for (int n = 2; n >= 0; n--)
        push(harness, moving(n));
    finish(harness);
    expect_pts(harness, "5 4 3 2 1 0 ");
}
GST_END_TEST;

// ---- negotiation

static void expect_output_rate(const char *properties, const char *in, const char *allowed, int n, int d)
{
    GstHarness *harness = start(properties, in, allowed);
    GstVideoInfo info;
    GstCaps *caps;

    push(harness, make_small(0));
    caps = gst_pad_get_current_caps(harness->sinkpad);
    fail_unless(gst_video_info_from_caps(&info, caps));
    fail_unless(info.fps_n == n && info.fps_d == d, "%d/%d and not %d/%d", info.fps_n, info.fps_d, n, d);
    gst_caps_unref(caps);
    gst_harness_teardown(harness);
}

GST_START_TEST(the_frame_rate_is_what_both_sides_agree_on)
{
#define IN "video/x-raw,format=GRAY8,width=4,height=4,framerate="
    expect_output_rate("", IN "25/1", NULL, 50, 1);
    expect_output_rate("", IN "25/1", "video/x-raw,framerate=[1/1,40/1]", 40, 1);
    expect_output_rate("", IN "25/1", "video/x-raw,framerate={24/1,48/1,60/1}", 48, 1);
    expect_output_rate("factor=3", IN "24000/1001", NULL, 72000, 1001);
    expect_output_rate("factor=3", IN "24000/1001", "video/x-raw,framerate=[1/1,100/1]", 72000, 1001);
    expect_output_rate("mode=fill factor=3", IN "24000/1001", NULL, 24000, 1001);
    expect_output_rate("", IN "0/1", "video/x-raw,framerate=60/1", 60, 1);
    expect_output_rate("", IN "0/1", NULL, 0, 1);
#undef IN
}
GST_END_TEST;

GST_START_TEST(a_factor_that_downstream_does_not_want_is_not_negotiated)
{
    GstHarness *harness = start("factor=2", CAPS, GRAY_CAPS "60/1");

    assert_equals_int(gst_harness_push(harness, moving(0)), GST_FLOW_NOT_NEGOTIATED);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(with_the_same_rate_frames_pass_untouched)
{
    GstHarness *harness = start("", CAPS, CAPS);
    GstBuffer *in = moving(0), *out;

    push(harness, gst_buffer_ref(in));
    out = gst_harness_pull(harness);
    fail_unless(out == in);
    assert_equals_uint64(gst_harness_query_latency(harness), 0);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(the_factor_may_change_while_frames_flow)
{
    GstHarness *harness = start("factor=2", CAPS, NULL);

    push_moving(harness, 0, 3);
    g_object_set(harness->element, "factor", 4, NULL);
    push_moving(harness, 3, 2);
    finish(harness);
    expect_pts(harness, "0 1 2 3 4 5 6 6 7 7 8 8 9 9 ");
}
GST_END_TEST;

typedef struct Delay {
    const char *properties;
    guint frames;
} Delay;

GST_START_TEST(the_latency_is_that_of_the_frames_held)
{
    static const Delay delays[] = {
        { "factor=2", 1 },
        { "mode=fill", 7 },
        { "mode=fill max-gap=3", 3 },
        { "factor=2 de-duplicate=true max-gap=3", 4 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(delays); i++) {
        GstHarness *harness = start(delays[i].properties, CAPS, NULL);

        gst_harness_set_upstream_latency(harness, 7 * GST_MSECOND);
        push_moving(harness, 0, 1);
        assert_equals_uint64(gst_harness_query_latency(harness), 7 * GST_MSECOND + delays[i].frames * FRAME_DURATION);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

// ---- lateness, errors, states

GST_START_TEST(late_frames_are_repeated)
{
    GstHarness *harness = start("factor=2 qos=true", CAPS, NULL);

    push_moving(harness, 0, 3);
    gst_harness_push_upstream_event(harness,
                                    gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 3 * FRAME_DURATION, FRAME_DURATION));
    push_moving(harness, 3, 4);
    finish(harness);
    assert_equals_int(frames_out(harness), 14);
    expect_stats(harness, 7, 4, 3);
    assert_equals_uint64(get_stat(harness->element, "degraded"), 2);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(alpha_is_kept)
{
    const char *caps = "video/x-raw,format=RGBA,width=8,height=8,framerate=25/1";
    GstHarness *harness = start("factor=2", caps, NULL);
    GstVideoInfo info = info_from(caps);

    push_frames(harness, caps, 0, 2);
    finish(harness);
    assert_equals_int(frames_out(harness), 4);
    for (guint n = 0; n < 4; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        GstVideoFrame frame;

        fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
        assert_equals_int(get_value(&frame, 3, 5, 5), texture(3, 5, 5, (n + 1) / 2 > 1 ? 1 : (n + 1) / 2));
        gst_video_frame_unmap(&frame);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(a_model_is_used_where_one_is_set)
{
    GstHarness *harness = start("factor=2 model=tiny-grey", CAPS, NULL);

    push_moving(harness, 0, 3);
    finish(harness);
    assert_equals_int(frames_out(harness), 6);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(a_missing_model_is_not_found)
{
    GstElement *element = make_interp("model=no-such-model");
    GstBus *bus = watch(element);

    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    expect_error(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    gst_element_set_state(element, GST_STATE_NULL);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// Settings that the engine refuses.
GST_START_TEST(what_the_engine_refuses_is_an_error)
{
    GstElement *element = make_interp("steps=2");
    GstBus *bus = watch(element);
    GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");

    gst_harness_set_src_caps_str(harness, CAPS);
    fail_if(gst_harness_push(harness, moving(0)) == GST_FLOW_OK);
    expect_error(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_device_that_is_replaced_is_a_warning)
{
    GstElement *element = make_interp("factor=4 device=moves-at-2");
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);

    for (int n = 0; n < 4; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 16);
    expect_moved(element, bus);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- cancelling

#define SLOW_CAPS "video/x-raw,format=GRAY8,width=3840,height=2160,framerate=25/1"

static gpointer push_slow_frames(gpointer data)
{
    GstHarness *harness = data;
    GstFlowReturn ret = GST_FLOW_OK;

    for (guint n = 0; n < 100 && ret == GST_FLOW_OK; n++) {
        GstBuffer *frame = gst_buffer_new_allocate(NULL, 3840 * 2160, NULL);

        gst_buffer_memset(frame, 0, (guint8)(100 + n), 3840 * 2160);
        GST_BUFFER_PTS(frame) = n * FRAME_DURATION;
        ret = gst_harness_push(harness, frame);
    }
    return GINT_TO_POINTER(ret);
}

static GThread *start_slow_frames(GstHarness *harness)
{
    GThread *thread = g_thread_new("push", push_slow_frames, harness);

    g_usleep(G_USEC_PER_SEC);
    return thread;
}

GST_START_TEST(a_slow_frame_does_not_hold_up_null)
{
    GstElement *element = make_interp(engine_is_fake() ? "factor=8 steps=1000" : "factor=8");
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GThread *thread = start_slow_frames(harness);
    Moment since = now();

    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    assert_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
    expect_quick(since);
    assert_equals_int(count_messages(bus, GST_MESSAGE_ERROR), 0);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_slow_frame_does_not_hold_up_a_flush)
{
    GstElement *element = make_interp(engine_is_fake() ? "factor=8 steps=1000" : "factor=8");
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GThread *thread = start_slow_frames(harness);
    Moment since = now();
    GstSegment segment;

    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    assert_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    expect_quick(since);

    g_object_set(element, "steps", 1, NULL);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_set_src_caps_str(harness, CAPS);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    while (frames_out(harness) > 0)
        gst_buffer_unref(gst_harness_pull(harness));
    push_moving(harness, 0, 2);
    finish(harness);
    assert_equals_int(frames_out(harness), 16);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

static void add_timing(TCase *tests)
{
    tcase_add_loop_test(tests, counts_and_timestamps_are_exact, 0, G_N_ELEMENTS(pairs));
    tcase_add_test(tests, originals_pass_bit_for_bit_and_others_lie_between);
    tcase_add_test(tests, the_last_frames_may_be_extrapolated);
    tcase_add_test(tests, with_no_frame_rate_each_gap_is_divided);
    tcase_add_test(tests, frames_that_come_irregularly_go_out_regularly);
    tcase_add_loop_test(tests, duplicates_are_made_anew, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tests, videorate_makes_slow_motion_with_it);
    if (!engine_is_fake())
        tcase_add_test(tests, over_cuts_frames_are_repeated);
    tcase_add_test(tests, the_threshold_decides_what_is_a_cut);
    tcase_add_test(tests, lost_frames_are_made_on_request);
    tcase_add_test(tests, a_hole_stays_where_nobody_asks);
    tcase_add_test(tests, a_hole_that_is_too_long_repeats);
}

static void add_flow(TCase *tests)
{
    tcase_add_test(tests, one_frame_is_a_stream);
    tcase_add_test(tests, what_is_held_leaves_before_what_follows);
    tcase_add_test(tests, duplicates_that_are_held_leave_before_what_follows);
    tcase_add_test(tests, a_flush_drops_what_is_held);
    tcase_add_test(tests, only_what_follows_a_discontinuity_says_so);
    tcase_add_test(tests, a_segment_that_stops_early_cuts_the_last_frame);
    tcase_add_test(tests, it_plays_in_reverse);
    tcase_add_test(tests, duplicates_are_made_anew_in_reverse);
    tcase_add_test(tests, with_no_frame_rate_it_plays_in_reverse_too);
    tcase_add_test(tests, the_frame_rate_is_what_both_sides_agree_on);
    tcase_add_test(tests, a_factor_that_downstream_does_not_want_is_not_negotiated);
    tcase_add_test(tests, with_the_same_rate_frames_pass_untouched);
    tcase_add_test(tests, the_factor_may_change_while_frames_flow);
    tcase_add_test(tests, the_latency_is_that_of_the_frames_held);
    tcase_add_test(tests, late_frames_are_repeated);
    tcase_add_test(tests, alpha_is_kept);
    tcase_add_test(tests, a_slow_frame_does_not_hold_up_null);
    tcase_add_test(tests, a_slow_frame_does_not_hold_up_a_flush);
    tcase_add_test(tests, a_missing_model_is_not_found);
    if (engine_is_fake()) {
        tcase_add_test(tests, a_device_that_is_replaced_is_a_warning);
    } else {
        tcase_add_test(tests, a_model_is_used_where_one_is_set);
        tcase_add_test(tests, what_the_engine_refuses_is_an_error);
    }
}

static Suite *interp_suite(void)
{
    Suite *suite = suite_create("udminterp");
    TCase *timing = tcase_create("timing"), *flow = tcase_create("flow");

    add_timing(timing);
    add_flow(flow);
    suite_add_tcase(suite, timing);
    suite_add_tcase(suite, flow);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(interp_suite(), &argc, &argv);
}
