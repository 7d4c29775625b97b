// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp motion-blur: how wide the edges of what moves become, at higher rates, the same and lower ones, and where
// they lie; how many frames there are, and what is not blurred: nothing at 0, and never across a cut.
#include "interp.h"

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

enum { ROWS = 32, EDGE = 30 }; // period of the texture; where the edge is at first

// ---- a picture with one edge, and a texture of which nothing is left in the mean over all rows

static GstBuffer *edge_at(double place, GstClockTime pts, GstClockTime duration)
{
    guint8 *pixels = g_malloc(PLANE);
    GstBuffer *buffer = gst_buffer_new_wrapped(pixels, PLANE);

    for (int i = 0; i < PLANE; i++) {
        const double x = i % WIDTH - place, y = i / WIDTH;
        const double step = 64 + 128 / (1 + exp(-4 * x));

        pixels[i] = (guint8)lrint(step + 25 * sin(0.5 * x) * cos(2 * G_PI * y / ROWS) +
                                  15 * cos(0.23 * x + 4 * G_PI * y / ROWS));
    }
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    return buffer;
}

typedef struct Edge {
    double place, width;
} Edge;

// The mean of the logistic step over a shutter of this width, at x from its middle.
static double blurred_step(double x, double width)
{
    if (width < 0.01)
        return 1 / (1 + exp(-4 * x));
    return (log1p(exp(4 * (x + width / 2))) - log1p(exp(4 * (x - width / 2)))) / (4 * width);
}

// Of the mean over the rows: where the step lies, by what is below it, and the width that fits best.
static Edge find_edge(GstBuffer *buffer)
{
    enum { MARGIN = 9 };
    double mean[WIDTH] = { 0 }, below = 0, least = INFINITY;
    Edge edge = { 0, 0 };
    GstMapInfo map;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (int i = 0; i < PLANE; i++)
        mean[i % WIDTH] += (double)map.data[i] / HEIGHT;
    gst_buffer_unmap(buffer, &map);
    for (int x = MARGIN; x < WIDTH - MARGIN; x++)
        below += (192 - mean[x]) / 128;
    edge.place = MARGIN - 0.5 + below;
    for (double width = 0; width < 12; width += 0.02) {
        double sum = 0;

        for (int x = MARGIN; x < WIDTH - MARGIN; x++) {
            const double miss = 64 + 128 * blurred_step(x - edge.place, width) - mean[x];

            sum += miss * miss;
        }
        if (sum < least)
            least = sum, edge.width = width;
    }
    return edge;
}

// ---- widths

typedef struct Case {
    const char *properties;
    int in_n, in_d, out_n, out_d;
    double speed; // pixels from one input frame to the next
    double width; // that the edge is to have
} Case;

static const Case cases[] = {
    { "motion-blur=180", 25, 1, 25, 1, 6, 3 },
    { "motion-blur=360", 25, 1, 25, 1, 6, 6 },
    { "motion-blur=360", 25, 1, 50, 1, 8, 4 },
    { "motion-blur=180", 25, 1, 100, 1, 8, 1 },
    { "motion-blur=180", 50, 1, 25, 1, 3, 3 },
    { "motion-blur=180", 60, 1, 24, 1, 2, 2.5 },
    { "motion-blur=360", 60, 1, 24, 1, 2, 5 },
    { "motion-blur=360", 60, 1, 12, 1, 1, 5 },
    { "motion-blur=270 lookahead=0", 30000, 1001, 24000, 1001, 4, 3.75 },
    { "motion-blur=0", 60, 1, 24, 1, 2, 0 },
};

GST_START_TEST(edges_are_as_wide_as_the_shutter_lets_them)
{
    const Case *c = &cases[__i__];
    char *in = g_strdup_printf(GRAY_CAPS "%d/%d", c->in_n, c->in_d);
    char *out = g_strdup_printf(GRAY_CAPS "%d/%d", c->out_n, c->out_d);
    GstHarness *harness = start(c->properties, in, out);
    const guint frames = (guint)(36 / c->speed);
    const double last = (frames - 1) * (double)c->out_n * c->in_d / ((double)c->out_d * c->in_n);
    guint n = 0;

    for (guint i = 0; i < frames; i++)
        push(harness, edge_at(EDGE + i * c->speed, scale(i, c->in_n, c->in_d), scale(1, c->in_n, c->in_d)));
    finish(harness);
    for (; frames_out(harness) > 0; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        const double place = EDGE + n * c->speed * c->in_n * c->out_d / ((double)c->in_d * c->out_n);
        const Edge edge = find_edge(buffer);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), scale(n, c->out_n, c->out_d));
        fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP) && n < last, "frame %u is a duplicate", n);
        if (n >= 1 && n <= last - 1 && !engine_is_fake()) { // the whole interval is seen
            fail_unless(fabs(edge.width - c->width) < 0.35, "%s: frame %u is %.2f wide, and not %.2f", c->properties, n,
                        edge.width, c->width);
            fail_unless(fabs(edge.place - place) < 0.25, "%s: frame %u is at %.2f, and not %.2f", c->properties, n,
                        edge.place, place);
        }
        gst_buffer_unref(buffer);
    }
    assert_equals_uint64(n, gst_util_uint64_scale_ceil((guint64)frames * c->in_d, c->out_n, c->in_n * c->out_d));
    gst_harness_teardown(harness);
    g_free(in);
    g_free(out);
}
GST_END_TEST;

// The same frames come out as in forward playback, whatever comes first.
GST_START_TEST(reverse_playback_shows_the_same)
{
    GstHarness *harness = start_reverse("motion-blur=360", CAPS, CAPS);
    int n = 4;

    for (int i = 4; i >= 0; i--)
        push(harness, edge_at(EDGE + 6 * i, (guint)i * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    for (; frames_out(harness) > 0; n--) {
        GstBuffer *buffer = gst_harness_pull(harness);
        const Edge edge = find_edge(buffer);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), (guint)n * FRAME_DURATION);
        if (n > 0 && n < 4 && !engine_is_fake()) {
            fail_unless(fabs(edge.width - 6) < 0.35, "frame %d is %.2f wide", n, edge.width);
            fail_unless(fabs(edge.place - EDGE - 6 * n) < 0.25, "frame %d is at %.2f", n, edge.place);
        }
        gst_buffer_unref(buffer);
    }
    assert_equals_int(n, -1);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- cuts

GST_START_TEST(no_frame_shows_both_sides_of_a_cut)
{
    GstHarness *harness = start("motion-blur=360 scene-threshold=0.2", CAPS, CAPS);

    for (int i = 0; i < 8; i++)
        push(harness, make_shot((Shot){ i < 4 ? 0 : 5, 2 * i }, (guint)i * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    for (int i = 0; i < 8; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        // at a cut the half of the interval that is left lies half a pixel aside
        if (!engine_is_fake())
            fail_unless(miss(buffer, (Shot){ i < 4 ? 0 : 5, 2 * i }) < 6, "frame %d is %.1f off", i,
                        miss(buffer, (Shot){ i < 4 ? 0 : 5, 2 * i }));
        gst_buffer_unref(buffer);
    }
    assert_equals_int(frames_out(harness), 0);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// What follows the last frame of a scene repeats that as it left, and is not sharp again.
GST_START_TEST(what_is_repeated_is_as_blurred)
{
    GstHarness *harness = start("motion-blur=360", CAPS, GRAY_CAPS "50/1");
    GstBuffer *last = NULL;

    for (int i = 0; i < 4; i++)
        push(harness, edge_at(20 + 8 * i, (guint)i * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    expect_stats(harness, 0, 7, 1);
    for (int n = 0; n < 8; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        GstMapInfo map;

        assert_equals_int(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), n == 7);
        if (n == 7) {
            fail_unless(gst_buffer_map(last, &map, GST_MAP_READ));
            fail_unless(gst_buffer_memcmp(buffer, 0, map.data, map.size) == 0);
            gst_buffer_unmap(last, &map);
        }
        gst_buffer_replace(&last, buffer);
        gst_buffer_unref(buffer);
    }
    gst_buffer_unref(last);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- the property

// At the rate of the input frames pass through as long as it is 0, bit for bit, and not from then on.
GST_START_TEST(it_can_be_set_while_frames_flow)
{
    GstHarness *harness = start("", CAPS, CAPS);
    guint count = 0;

    for (int i = 0; i < 3; i++)
        push(harness, edge_at(20 + 6 * i, (guint)i * FRAME_DURATION, FRAME_DURATION));
    g_object_set(harness->element, "motion-blur", 180.0, NULL);
    for (int i = 3; i < 8; i++)
        push(harness, edge_at(20 + 6 * i, (guint)i * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    for (; frames_out(harness) > 0; count++) {
        GstBuffer *buffer = gst_harness_pull(harness), *sharp = edge_at(20 + 6 * (int)count, 0, 0);
        GstMapInfo map;

        fail_unless(gst_buffer_map(sharp, &map, GST_MAP_READ));
        if (count < 3)
            fail_unless(gst_buffer_memcmp(buffer, 0, map.data, map.size) == 0, "frame %u was changed", count);
        else if (count > 3 && count < 7 && !engine_is_fake())
            fail_unless(fabs(find_edge(buffer).width - 3) < 0.35, "frame %u is %.2f wide", count,
                        find_edge(buffer).width);
        gst_buffer_unmap(sharp, &map);
        gst_buffer_unref(sharp);
        gst_buffer_unref(buffer);
    }
    assert_equals_int(count, 8);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// From 0 to 360 degrees in 8 frames.
GST_START_TEST(a_control_source_changes_it_over_time)
{
    GstHarness *harness = start("", CAPS, NULL);
    GstControlSource *source = gst_interpolation_control_source_new();
    GstTimedValueControlSource *points = GST_TIMED_VALUE_CONTROL_SOURCE(source);

    g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, NULL);
    gst_timed_value_control_source_set(points, 0, 0);
    gst_timed_value_control_source_set(points, 8 * FRAME_DURATION, 360);
    gst_object_add_control_binding(
        GST_OBJECT(harness->element),
        gst_direct_control_binding_new_absolute(GST_OBJECT(harness->element), "motion-blur", source));
    gst_object_unref(source);
    gst_harness_set_sink_caps_str(harness, CAPS);
    for (int i = 0; i < 8; i++)
        push(harness, edge_at(20 + 6 * i, (guint)i * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    assert_equals_int(frames_out(harness), 8);
    for (int i = 0; i < 8; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        if (i < 7 && !engine_is_fake())
            fail_unless(fabs(find_edge(buffer).width - 6 * i / 8.0) < 0.35, "frame %d is %.2f wide", i,
                        find_edge(buffer).width);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Frames that are the input's, but for the blur, keep what is said once.
GST_START_TEST(captions_stay_with_their_frames)
{
    static const guint8 caption[] = { 0xfc, 0x94, 0x20 };
    GstHarness *harness = start("motion-blur=180", CAPS, GRAY_CAPS "50/1");

    for (int n = 0; n < 4; n++) {
        GstBuffer *buffer = moving(n);

        gst_buffer_add_video_caption_meta(buffer, GST_VIDEO_CAPTION_TYPE_CEA708_RAW, caption, sizeof caption);
        push(harness, buffer);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 8);
    for (int n = 0; n < 8; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_int(gst_buffer_get_video_caption_meta(buffer) != NULL, n % 2 == 0);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(mode_fill_says_that_it_has_none)
{
    GstElement *element = make_interp("motion-blur=180 mode=fill");
    GstBus *bus = watch(element); // before caps come
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstMessage *message;

    for (int n = 0; n < 3; n++)
        push(harness, moving(n));
    finish(harness);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
    fail_unless(message != NULL, "there is no warning");
    gst_message_unref(message);
    for (int n = 0; n < 3; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        fail_unless(is_exactly(buffer, (Shot){ 0, 2 * n }));
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *blur_suite(void)
{
    Suite *suite = suite_create("udminterp");
    TCase *tests = tcase_create("blur");

    tcase_add_loop_test(tests, edges_are_as_wide_as_the_shutter_lets_them, 0, G_N_ELEMENTS(cases));
    tcase_add_test(tests, reverse_playback_shows_the_same);
    tcase_add_test(tests, no_frame_shows_both_sides_of_a_cut);
    tcase_add_test(tests, what_is_repeated_is_as_blurred);
    tcase_add_test(tests, it_can_be_set_while_frames_flow);
    tcase_add_test(tests, a_control_source_changes_it_over_time);
    tcase_add_test(tests, captions_stay_with_their_frames);
    tcase_add_test(tests, mode_fill_says_that_it_has_none);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(blur_suite(), &argc, &argv);
}
