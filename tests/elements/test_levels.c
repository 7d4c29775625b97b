// SPDX-License-Identifier: LGPL-2.1-or-later
// What leaves the elements at lower levels of quality: of interlaced video, of frames with holes, and of blocks. To
// them no frame takes any time; what is late is what the test says.
#include <gmodule.h>

#include "woven.h"

// By this the elements measure what frames take: what a program has is found before what its libraries have.
G_MODULE_EXPORT gint64 g_get_monotonic_time(void)
{
    return 1;
}

#define PERIOD (GST_SECOND / 4)
#define SLOW "framerate=4/1"
#define FIELD_CAPS "video/x-raw,format=I420,width=24,height=20,interlace-mode=interleaved," SLOW
#define LARGE 128
#define LARGE_CAPS(format) "video/x-raw,format=" format ",width=128,height=128," SLOW

static gboolean is_at(GstElement *element, const char *level)
{
    GstStructure *stats;
    gboolean is;

    g_object_get(element, "stats", &stats, NULL);
    is = g_strcmp0(gst_structure_get_string(stats, "level"), level) == 0;
    gst_structure_free(stats);
    return is;
}

static void push_at(GstHarness *harness, GstBuffer *frame, guint number)
{
    GST_BUFFER_PTS(frame) = number * PERIOD;
    GST_BUFFER_DURATION(frame) = PERIOD;
    assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
}

#define FIRST 12 // frames that are in time, so that some were made

// Pushes copies of a frame, of which each third is late by two, until the level is reached. The number of the next one,
// which will be made.
static guint fall(GstHarness *harness, GstElement *element, GstBuffer *frame, const char *level)
{
    static const GstClockTimeDiff late[] = { 2 * PERIOD, PERIOD, -(GstClockTimeDiff)PERIOD };
    guint number = 0;

    for (; number % 3 != 0 || !is_at(element, level); number++) {
        fail_unless(number < 60, "it never fell to %s", level);
        push_at(harness, gst_buffer_copy_deep(frame), number);
        gst_harness_push_upstream_event(
            harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1,
                                       number == 0 ? 0 : late[number < FIRST ? 2 : number % 3], number * PERIOD));
    }
    while (frames_out(harness) > 0)
        gst_buffer_unref(gst_harness_pull(harness));
    return number;
}

// ---- interlaced video

// That the rows that a field lacks are what the two above and the two below tell.
static void expect_guessed(GstBuffer *got, const GstVideoInfo *info, guint parity)
{
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, got, GST_MAP_READ));
    FOR_SAMPLES(info, c, x, y, 1 - parity, 2)
    {
        const gint last = ((gint)GST_VIDEO_INFO_COMP_HEIGHT(info, c) - 1 - (gint)parity) / 2;
        const gint above = ((gint)y - 1 - (gint)parity + 2) / 2 - 1;
        gint value[4];
        gdouble want;

        for (gint k = 0; k < 4; k++)
            value[k] = (gint)read_sample(&frame, c, x, 2 * (guint)CLAMP(above - 1 + k, 0, last) + parity);
        want = CLAMP((9 * (value[1] + value[2]) - value[0] - value[3]) / 16.0, 0, 255);
        fail_unless(ABS(read_sample(&frame, c, x, y) - want) <= 1, "component %u at %u,%u is %u, not %.1f", c, x, y,
                    read_sample(&frame, c, x, y), want);
    }
    gst_video_frame_unmap(&frame);
}

// Each frame becomes those of its fields at once, and nothing of them is seen in others.
GST_START_TEST(fields_become_frames_by_themselves_where_there_is_no_time)
{
    static const char *const levels[] = { "live", "source" };
    GstElement *element = make_denoise(CLEAN "deinterlace=fields");
    GstHarness *harness = make_harness(gst_object_ref(element), FIELD_CAPS);
    GstVideoInfo info = info_from(FIELD_CAPS);
    GstBuffer *first = make_woven(&info, 0, 0, GST_VIDEO_BUFFER_FLAG_TFF);
    guint number = fall(harness, element, first, levels[__i__]);

    for (guint end = number + 3; number < end; number++) {
        GstBuffer *in = make_woven(&info, number, number, GST_VIDEO_BUFFER_FLAG_TFF);

        push_at(harness, gst_buffer_ref(in), number);
        assert_equals_int(frames_out(harness), 2);
        for (guint field = 0; field < 2; field++) {
            GstBuffer *out = pull_stamped(harness, number * PERIOD + field * PERIOD / 2, PERIOD / 2);

            expect_rows(out, in, &info, field, 2);
            expect_guessed(out, &info, field);
            gst_buffer_unref(out);
        }
        gst_buffer_unref(in);
    }
    fail_unless(is_at(element, levels[__i__]));
    gst_buffer_unref(first);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// When there is time again frames are seen with their neighbours: what rests comes out as it was woven.
GST_START_TEST(fields_are_seen_together_again)
{
    GstElement *element = make_denoise(CLEAN "deinterlace=frames");
    GstHarness *harness = make_harness(gst_object_ref(element), FIELD_CAPS);
    GstVideoInfo info = info_from(FIELD_CAPS);
    GstBuffer *still = make_woven(&info, 0, 3, GST_VIDEO_BUFFER_FLAG_TFF), *last = NULL;
    guint number = fall(harness, element, still, "live"), out = number;

    for (guint end = number + 40; number < end; number++) {
        push_at(harness, gst_buffer_copy_deep(still), number);
        for (; frames_out(harness) > 0; out++) {
            gst_clear_buffer(&last);
            last = pull_stamped(harness, out * PERIOD, PERIOD);
        }
    }
    fail_unless(is_at(element, "full"));
    assert_equals_int(out, number - 1);
    fail_unless(furthest(last, still, &info) <= 1);
    gst_buffer_unref(last);
    gst_buffer_unref(still);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// Fields of two colours, which one above the other would be stripes.
static GstBuffer *make_stripes(const GstVideoInfo *info)
{
    GstBuffer *buffer = make_woven(info, 0, 0, GST_VIDEO_BUFFER_FLAG_TFF);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    FOR_SAMPLES(info, c, x, y, 0, 1)
    write_sample(&frame, c, x, y, c > 0 ? 128 : y % 2 ? 200 : 60);
    gst_video_frame_unmap(&frame);
    return buffer;
}

static gdouble mean_luma(GstBuffer *buffer, const GstVideoInfo *info)
{
    GstVideoFrame frame;
    gdouble sum = 0;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
    for (guint i = 0; i < LARGE * LARGE; i++)
        sum += get_value(&frame, 0, i % LARGE, i / LARGE);
    gst_video_frame_unmap(&frame);
    return sum / (LARGE * LARGE);
}

// Deinterlaced before it is restored, frame by frame.
GST_START_TEST(interlaced_video_is_restored_at_smaller_sizes)
{
    static const struct {
        const char *level, *properties;
        guint fields;
    } cases[] = {
        { "half", "lookahead=0 deinterlace=frames", 1 },  { "quarter", "lookahead=0 deinterlace=frames", 1 },
        { "quarter", "lookahead=0 deinterlace=auto", 1 }, { "half", "lookahead=0 deinterlace=fields", 2 },
        { "half", "dirt=0.5 deinterlace=frames", 1 },
    };
    const char *caps = LARGE_CAPS("I420") ",interlace-mode=interleaved,colorimetry=bt601";
    GstElement *element = make_denoise(cases[__i__].properties);
    GstHarness *harness = make_harness(gst_object_ref(element), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in = make_stripes(&info);
    guint number = fall(harness, element, in, cases[__i__].level);

    push_at(harness, gst_buffer_copy_deep(in), number);
    assert_equals_int(frames_out(harness), cases[__i__].fields);
    for (guint field = 0; field < cases[__i__].fields; field++) {
        GstBuffer *out = pull_stamped(harness, number * PERIOD + field * PERIOD / 2, PERIOD / cases[__i__].fields);
        const gdouble mean = mean_luma(out, &info);

        fail_unless(ABS(mean - (field ? 200 : 60)) < 20, "field %u is %.1f", field, mean);
        gst_buffer_unref(out);
    }
    fail_unless(is_at(element, cases[__i__].level));
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- holes

static GstHarness *start_shipped(const char *what, const char *model, const char *caps)
{
    char *line = g_strdup_printf("%s model=%s/models/%s", what, g_getenv("UDM_SOURCE_ROOT"), model);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse", line);
    g_free(line);
    return make_harness(gst_object_ref_sink(element), caps);
}

static gboolean in_hole(guint x, guint y)
{
    return x >= 41 && x < 77 && y >= 50 && y < 63;
}

// A slope with a hole of another colour, whose border is half transparent on the left.
static GstBuffer *make_holed(const GstVideoInfo *info)
{
    GstBuffer *buffer = make_frame(info, 0);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    FOR_SAMPLES(info, c, x, y, 0, 1)
    set_value(&frame, c, x, y, c < 3 ? (in_hole(x, y) ? 255 * (c == 1) : 40 + x + 10 * c) : in_hole(x, y) ? 0 : 255);
    gst_video_frame_unmap(&frame);
    return buffer;
}

// What is known stays as it is at every level, the hole is as what lies around it, and all is opaque.
GST_START_TEST(holes_are_filled_at_smaller_sizes)
{
    static const char *const levels[] = { "live", "half", "quarter" };
    GstHarness *harness = start_shipped("udmdenoise n-threads=1", "inpaint", LARGE_CAPS("RGBA"));
    GstVideoInfo info = info_from(LARGE_CAPS("RGBA"));
    GstBuffer *in = make_holed(&info), *out;
    const guint number = fall(harness, harness->element, in, levels[__i__]);
    GstVideoFrame from, to;

    push_at(harness, gst_buffer_copy_deep(in), number);
    out = gst_harness_pull(harness);
    fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&to, &info, out, GST_MAP_READ));
    FOR_SAMPLES(&info, c, x, y, 0, 1)
    {
        const guint is = get_value(&to, c, x, y), was = get_value(&from, c, x, y);
        const gint want = c == 3 ? 255 : (gint)(40 + x + 10 * c);

        if (c < 3 && !in_hole(x, y))
            fail_unless(is == was, "%s: %u at %u,%u is %u, not %u", levels[__i__], c, x, y, is, was);
        else
            fail_unless(ABS((gint)is - want) <= (c == 3 ? 0 : 24), "%s: %u at %u,%u is %u, not %d", levels[__i__], c, x,
                        y, is, want);
    }
    gst_video_frame_unmap(&to);
    gst_video_frame_unmap(&from);
    fail_unless(is_at(harness->element, levels[__i__]));
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- blocks

// Where there is no time for the network a picture is enlarged evenly, and does not fall into blocks.
GST_START_TEST(blocks_become_smooth_where_there_is_no_time)
{
    static const char *const levels[] = { "half", "quarter" };
    const guint factor = __i__ ? 4 : 2, side = LARGE / factor;
    char *what = g_strdup_printf("udmupscale factor=%u", factor);
    char *caps = g_strdup_printf("video/x-raw,format=GRAY8,width=%u,height=%u," SLOW, side, side);
    GstHarness *harness = start_shipped(what, "super4", caps);
    GstVideoInfo info = info_from(caps), large = info_from(LARGE_CAPS("GRAY8"));
    GstBuffer *in = make_frame(&info, 0), *out;
    GstVideoFrame frame;
    guint number;

    fail_unless(gst_video_frame_map(&frame, &info, in, GST_MAP_READWRITE));
    for (guint i = 0; i < side * side; i++)
        set_value(&frame, 0, i % side, i / side, 20 + 2 * factor * (i % side) / 2);
    gst_video_frame_unmap(&frame);
    number = fall(harness, harness->element, in, levels[__i__]);
    push_at(harness, gst_buffer_copy_deep(in), number);
    out = gst_harness_pull(harness);
    fail_unless(gst_video_frame_map(&frame, &large, out, GST_MAP_READ));
    for (guint y = 0; y < LARGE; y++)
        for (guint x = factor; x < LARGE - factor; x++) {
            const gdouble want = 20 + x + 0.5 - factor / 2.0;

            fail_unless(ABS(get_value(&frame, 0, x, y) - want) <= factor / 2.0, "at %u,%u it is %u, not %.1f", x, y,
                        get_value(&frame, 0, x, y), want);
        }
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
    g_free(caps);
    g_free(what);
}
GST_END_TEST;

static Suite *levels_suite(void)
{
    Suite *suite = suite_create("levels");
    TCase *tests = tcase_create("levels");

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, fields_become_frames_by_themselves_where_there_is_no_time, 0, 2);
    tcase_add_test(tests, fields_are_seen_together_again);
    tcase_add_loop_test(tests, interlaced_video_is_restored_at_smaller_sizes, 0, 5);
    tcase_add_loop_test(tests, holes_are_filled_at_smaller_sizes, 0, 3);
    tcase_add_loop_test(tests, blocks_become_smooth_where_there_is_no_time, 0, 2);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(levels_suite(), &argc, &argv);
}
