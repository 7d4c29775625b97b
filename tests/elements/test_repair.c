// SPDX-License-Identifier: LGPL-2.1-or-later
// Old film and tape: dirt goes in every format, in fields too, and nothing else changes; its latency, and what the
// statistics say.
#include <math.h>

#include "harness.h"

enum { WIDTH = 96, HEIGHT = 80, FRAMES = 7, DIRTY = 3, X = 40, Y = 36, RADIUS = 5 };

static gboolean in_speck(guint x, guint y)
{
    return hypot((double)x - X, (double)y - Y) < RADIUS;
}

// Waves, the same in all frames; in one of them a speck, black in luma, or in all of RGB.
static GstBuffer *picture(const GstVideoInfo *info, guint number, gboolean speck)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    GstVideoFrame frame;
    const gboolean yuv = GST_VIDEO_INFO_IS_YUV(info);

    gst_buffer_memset(buffer, 0, 0x5a, GST_VIDEO_INFO_SIZE(info));
    stamp(buffer, number);
    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++) {
                double level = yuv && c > 0 && c < 3 ? 0.5 : 0.6 + 0.15 * sin(0.2 * x) * cos(0.17 * y + c);

                if (speck && number == DIRTY && in_speck(x, y) && (c == 0 || (!yuv && c < 3)))
                    level = 0.08;
                set_value(&frame, c, x, y, (guint)lround(level * max_value(info)));
            }
    gst_video_frame_unmap(&frame);
    return buffer;
}

// The greatest difference in the speck, and elsewhere, beside a buffer without it; of 255.
static void compare(GstBuffer *made, GstBuffer *clean, const GstVideoInfo *info, double *inside, double *outside)
{
    GstVideoFrame a, b;

    fail_unless(gst_video_frame_map(&a, info, made, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&b, info, clean, GST_MAP_READ));
    *inside = *outside = 0;
    for (guint y = 0; y < HEIGHT; y++)
        for (guint x = 0; x < WIDTH; x++) {
            const double apart =
                abs((int)get_value(&a, 0, x, y) - (int)get_value(&b, 0, x, y)) * 255.0 / max_value(info);
            double *most = hypot((double)x - X, (double)y - Y) < RADIUS + 4 ? inside : outside;

            *most = MAX(*most, apart);
        }
    gst_video_frame_unmap(&a);
    gst_video_frame_unmap(&b);
}

// change: how much all else may change
static void check(const char *format, const char *more, double change)
{
    char *caps =
        g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1%s", format, WIDTH, HEIGHT, more);
    GstHarness *harness = make_harness(make_denoise("noise-level=0 dirt=0.5"), caps);
    GstVideoInfo info = info_from(caps);
    guint out = 0;

    for (guint n = 0; n < FRAMES; n++)
        fail_unless(gst_harness_push(harness, picture(&info, n, TRUE)) == GST_FLOW_OK);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    for (GstBuffer *made; (made = gst_harness_try_pull(harness)); out++) {
        GstBuffer *clean = picture(&info, out, FALSE);
        double inside, outside;

        assert_equals_uint64(GST_BUFFER_PTS(made), out * FRAME_DURATION);
        compare(made, clean, &info, &inside, &outside);
        fail_unless(inside < 12, "%s%s: %.1f levels are left of the speck in frame %u", format, more, inside, out);
        fail_unless(outside <= change, "%s%s: frame %u changed by %.1f levels elsewhere", format, more, out, outside);
        gst_buffer_unref(clean);
        gst_buffer_unref(made);
    }
    assert_equals_int(out, FRAMES);
    gst_harness_teardown(harness);
    g_free(caps);
}

GST_START_TEST(dirt_goes_in_every_format)
{
    GstElement *element = make_denoise("");
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    GstCaps *caps = gst_pad_get_pad_template_caps(pad);
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");

    fail_unless(gst_value_list_get_size(list) > 40);
    for (guint i = 0; i < gst_value_list_get_size(list); i++) {
        const char *format = g_value_get_string(gst_value_list_get_value(list, i));
        const GstVideoFormatInfo *info = gst_video_format_get_info(gst_video_format_from_string(format));

        // This test would have to know what lies in the low bits of others.
        if (info->shift[0] == 0 && !(GST_VIDEO_FORMAT_INFO_FLAGS(info) & GST_VIDEO_FORMAT_FLAG_COMPLEX))
            check(format, "", 0);
    }
    gst_caps_unref(caps);
    gst_object_unref(pad);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(dirt_goes_in_fields)
{
    check("I420", ",interlace-mode=interleaved,field-order=top-field-first", 2); // rows between are guessed
}
GST_END_TEST;

GST_START_TEST(each_tells_its_latency)
{
    static const struct {
        const char *properties;
        guint frames;
    } cases[] = { { "dirt=0", 0 }, { "dirt=0.1", 1 }, { "deflicker=1", 8 }, { "stabilize-gate=1 dirt=1", 9 } };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        GstHarness *harness = make_harness(make_denoise(cases[i].properties), RGB_CAPS(32, 32));

        push_frames(harness, RGB_CAPS(32, 32), 0, 1);
        assert_equals_uint64(gst_harness_query_latency(harness), cases[i].frames * FRAME_DURATION);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

// All that is said to be repaired, of the default model, whose noise is none here.
GST_START_TEST(statistics_say_what_was_found)
{
    const char *caps = "video/x-raw,format=GRAY8,width=96,height=80,framerate=25/1";
    GstElement *element = gst_object_ref(make_denoise("noise-level=0 dirt=0.5 deflicker=1 stabilize-gate=1"));
    GstHarness *harness = make_harness(element, caps);
    GstVideoInfo info = info_from(caps);
    GstStructure *stats;
    double dirt, flicker, weave;

    for (guint n = 0; n < FRAMES; n++)
        fail_unless(gst_harness_push(harness, picture(&info, n, TRUE)) == GST_FLOW_OK);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    g_object_get(element, "stats", &stats, NULL);
    fail_unless(gst_structure_get(stats, "dirt", G_TYPE_DOUBLE, &dirt, "flicker", G_TYPE_DOUBLE, &flicker, "weave",
                                  G_TYPE_DOUBLE, &weave, NULL));
    fail_unless(dirt > 70.0 / (WIDTH * HEIGHT * FRAMES) && dirt < 300.0 / (WIDTH * HEIGHT * FRAMES), "dirt is %g",
                dirt);
    fail_unless(flicker == 0 && weave == 0, "%g, %g", flicker, weave);
    gst_structure_free(stats);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *repair_suite(void)
{
    Suite *suite = suite_create("repair");
    TCase *repair = tcase_create("repair");

    suite_add_tcase(suite, repair);
    tcase_add_test(repair, dirt_goes_in_every_format);
    tcase_add_test(repair, dirt_goes_in_fields);
    tcase_add_test(repair, each_tells_its_latency);
    tcase_add_test(repair, statistics_say_what_was_found);
    return suite;
}

GST_CHECK_MAIN(repair);
