// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise with models of other processes than noise: blur, blocks, and holes that the alpha of frames says.
#include <glib/gstdio.h>
#include <math.h>

#include "harness.h"

#define SIDE 48
#define CAPS(format) "video/x-raw,format=" format ",width=48,height=48,framerate=25/1"

// A shipped model, beside those of the tests.
static GstElement *make_restore(const char *model, const char *properties)
{
    char *line = g_strdup_printf("udmdenoise model=%s/../../models/%s n-threads=1 %s", g_getenv("UDM_MODEL_PATH"),
                                 model, properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

static gboolean in_hole(guint x, guint y)
{
    return x >= 16 && x < 26 && y >= 20 && y < 30;
}

// A slope from left to right, and a hole with other colours in it.
static GstBuffer *make_holed(const GstVideoInfo *info, guint alpha_in_hole)
{
    GstBuffer *buffer = make_frame(info, 0);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < 4; c++)
        for (guint i = 0; i < SIDE * SIDE; i++) {
            guint x = i % SIDE, y = i / SIDE, value = c == 3 ? 255 : 60 + 2 * x + 20 * c;

            if (in_hole(x, y))
                value = c == 3 ? alpha_in_hole : 255 * (c == 0);
            set_value(&frame, c, x, y, (value * max_value(info) + 127) / 255);
        }
    gst_video_frame_unmap(&frame);
    return buffer;
}

// slack: in grey levels of 255, for what is filled
static void check_filled(const GstVideoInfo *info, GstBuffer *in, GstBuffer *out, double slack)
{
    GstVideoFrame fi, fo;

    fail_unless(gst_video_frame_map(&fi, info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fo, info, out, GST_MAP_READ));
    for (guint c = 0; c < 4; c++)
        for (guint i = 0; i < SIDE * SIDE; i++) {
            guint x = i % SIDE, y = i / SIDE, value = get_value(&fo, c, x, y);

            if (c == 3)
                fail_unless(value == max_value(info), "%u,%u did not become opaque", x, y);
            else if (in_hole(x, y))
                fail_unless(ABS(value * 255.0 / max_value(info) - (60 + 2.0 * x + 20 * c)) < slack,
                            "colour %u at %u,%u is %u of %u", c, x, y, value, max_value(info));
            else
                fail_unless(value == get_value(&fi, c, x, y), "%u,%u was known, and changed", x, y);
        }
    gst_video_frame_unmap(&fi);
    gst_video_frame_unmap(&fo);
}

GST_START_TEST(what_is_transparent_is_filled)
{
    static const char *const formats[] = { CAPS("RGBA"), CAPS("ARGB"), CAPS("BGRA"), CAPS("GBRA"), CAPS("ARGB64") };

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        GstVideoInfo info = info_from(formats[i]);
        GstBuffer *in = make_holed(&info, 0),
                  *out = denoise_one(make_restore("inpaint", ""), formats[i], gst_buffer_ref(in));

        check_filled(&info, in, out, 12);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
}
GST_END_TEST;

// A frame with nothing transparent leaves as it came, but for the alpha of models that do not care, which is kept.
GST_START_TEST(alpha_is_a_mask_to_models_that_fill_holes_only)
{
    GstVideoInfo info = info_from(CAPS("RGBA"));
    GstBuffer *whole = make_holed(&info, 255), *holed = make_holed(&info, 7), *out;
    GstVideoFrame frame;

    out = denoise_one(make_restore("inpaint", ""), CAPS("RGBA"), gst_buffer_ref(whole));
    assert_equals_uint64(difference(whole, out, &info), 0);
    gst_buffer_unref(out);

    out = denoise_one(make_restore("deblur", ""), CAPS("RGBA"), gst_buffer_ref(holed));
    fail_unless(gst_video_frame_map(&frame, &info, out, GST_MAP_READ));
    assert_equals_int(get_value(&frame, 3, 20, 25), 7);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    gst_buffer_unref(whole);
    gst_buffer_unref(holed);
}
GST_END_TEST;

// A buffer of sigma 25 noise, `same` of which is that of the first.
static GstBuffer *make_noisy(const GstVideoInfo *info, guint number, gdouble same, GstBufferFlags flags)
{
    GstBuffer *buffer = make_frame(info, number);
    GRand *first = g_rand_new_with_seed(1), *own = g_rand_new_with_seed(2 + number);
    const gdouble others = sqrt(1 - same * same);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < 3; c++)
        for (guint i = 0; i < SIDE * SIDE; i++) {
            gdouble e = 0;

            for (guint k = 0; k < 12; k++) // nearly normal
                e += same * (g_rand_double(first) - 0.5) + others * (g_rand_double(own) - 0.5);
            set_value(&frame, c, i % SIDE, i / SIDE, (guint)CLAMP(120 + 25 * e, 0, 255));
        }
    gst_video_frame_unmap(&frame);
    g_rand_free(first);
    g_rand_free(own);
    GST_BUFFER_FLAG_SET(buffer, flags);
    return buffer;
}

// The second of two frames, the first of which has the noise of `same` = 1.
static GstBuffer *second_of_two(const GstVideoInfo *info, gdouble same, GstBufferFlags flags)
{
    GstHarness *harness = make_harness(make_restore("denoise", "noise-level=25"), CAPS("RGB"));
    GstBuffer *out;

    assert_equals_int(gst_harness_push(harness, make_noisy(info, 0, 1, 0)), GST_FLOW_OK);
    assert_equals_int(gst_harness_push(harness, make_noisy(info, 1, same, flags)), GST_FLOW_OK);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    gst_buffer_unref(gst_harness_pull(harness));
    out = gst_harness_pull(harness);
    gst_harness_teardown(harness);
    return out;
}

// videorate marks its duplicates as gaps: what they show is known, and their noise is no evidence, even if a filter in
// between has left them other pixels.
GST_START_TEST(gaps_are_no_evidence)
{
    GstVideoInfo info = info_from(CAPS("RGB"));
    GstBuffer *alone = second_of_two(&info, 0.4, GST_BUFFER_FLAG_DISCONT),
              *gap = second_of_two(&info, 0.4, GST_BUFFER_FLAG_GAP), *plain = second_of_two(&info, 0.4, 0),
              *again = second_of_two(&info, 1, 0);

    assert_equals_uint64(difference(gap, alone, &info), 0);
    fail_unless(difference(plain, alone, &info) > SIDE * SIDE / 4);
    gst_buffer_unref(alone);
    alone = second_of_two(&info, 1, GST_BUFFER_FLAG_DISCONT);
    assert_equals_uint64(difference(again, alone, &info), 0);
    fail_unless(GST_BUFFER_PTS(again) == FRAME_DURATION);
    fail_unless(GST_BUFFER_FLAG_IS_SET(gap, GST_BUFFER_FLAG_GAP));
    gst_buffer_unref(alone);
    gst_buffer_unref(gap);
    gst_buffer_unref(plain);
    gst_buffer_unref(again);
}
GST_END_TEST;

GST_START_TEST(frames_without_alpha_have_no_holes)
{
    GstElement *element = make_restore("inpaint", "");
    GstHarness *harness = make_harness(gst_object_ref(element), NULL);
    GstBus *bus = watch(element);
    GstVideoInfo info = info_from(CAPS("RGBx"));
    GstBuffer *in = make_frame(&info, 0), *out;

    gst_harness_set_src_caps_str(harness, CAPS("RGBx"));
    out = gst_harness_push_and_pull(harness, gst_buffer_ref(in));
    fail_unless(out == in);
    expect_warning(bus, "RGBx", "pass through unchanged");
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    unwatch(element, bus);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// The change that an element makes to a frame.
static guint64 change(GstElement *element)
{
    GstVideoInfo info = info_from(CAPS("RGB"));
    GstBuffer *in = make_frame(&info, 0), *out = denoise_one(element, CAPS("RGB"), gst_buffer_ref(in));
    guint64 sum = difference(in, out, &info);

    gst_buffer_unref(in);
    gst_buffer_unref(out);
    return sum;
}

GST_START_TEST(amount_says_how_much_is_undone)
{
    guint64 little = change(make_restore("deblur", "amount=0.6")), usual = change(make_restore("deblur", ""));

    fail_unless(little > 0 && usual > little * 11 / 10);
    assert_equals_uint64(change(make_restore("deblur", "amount=1.6")), usual);
    assert_equals_uint64(change(make_restore("deblur", "amount=0")), 0);
    fail_unless(change(make_restore("super4", "")) > 0);
}
GST_END_TEST;

static guint warnings(const char *model, const char *properties)
{
    GstElement *element = make_restore(model, properties);
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS("RGB"));
    GstBus *bus = watch(element);
    guint count;

    push_frames(harness, CAPS("RGB"), 0, 2);
    count = count_messages(bus, GST_MESSAGE_WARNING);
    unwatch(element, bus);
    gst_harness_teardown(harness);
    gst_object_unref(element);
    return count;
}

GST_START_TEST(a_property_that_says_nothing_to_the_model_is_a_warning)
{
    assert_equals_int(warnings("deblur", ""), 0);
    assert_equals_int(warnings("deblur", "noise-level=5"), 1);
    assert_equals_int(warnings("deblur", "amount=9"), 1); // more than it knows
    assert_equals_int(warnings("deblur", "strength=0.5"), 1);
    assert_equals_int(warnings("../tests/models/tiny-denoise", "noise-level=5 amount=2"), 1);
}
GST_END_TEST;

// A model that does not say how much is usual.
GST_START_TEST(what_nobody_says_is_asked_for)
{
    char *folder = g_dir_make_tmp("udm-test-XXXXXX", NULL), *unet = g_build_filename(folder, "unet", NULL),
         *real = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-denoise", "unet", NULL),
         *index = g_build_filename(folder, "model_index.json", NULL),
         *scheduler = g_build_filename(folder, "scheduler_config.json", NULL),
         *line = g_strdup_printf("udmdenoise model=%s n-threads=1", folder);
    GstElement *element;
    GstHarness *harness;
    GstBus *bus;
    GstVideoInfo info = info_from(CAPS("RGB"));

    fail_unless(symlink(real, unet) == 0);
    fail_unless(g_file_set_contents(
        index, "{\"unet\": [\"udm\", \"UdmUNet\"], \"scheduler\": [\"udm\", \"UdmScheduler\"]}", -1, NULL));
    fail_unless(g_file_set_contents(
        scheduler, "{\"process\": \"blur\", \"process_extent\": 16, \"prediction_type\": \"sample\"}", -1, NULL));
    element = gst_object_ref_sink(gst_parse_launch(line, NULL));
    bus = watch(element);
    harness = make_harness(gst_object_ref(element), CAPS("RGB"));
    gst_element_set_bus(element, bus); // the harness took it away
    for (guint n = 0; n < 2; n++) {
        GstBuffer *in = make_frame(&info, n), *out;

        if (n == 1)
            g_object_set(element, "amount", 2.0, NULL);
        out = gst_harness_push_and_pull(harness, gst_buffer_ref(in));
        fail_unless((difference(in, out, &info) > 0) == (n == 1));
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
    expect_warning(bus, "the standard deviation of the blur in pixels, up to 16", "nothing is removed");
    unwatch(element, bus);
    gst_harness_teardown(harness);
    gst_object_unref(element);
    g_remove(unet), g_remove(index), g_remove(scheduler), g_rmdir(folder);
    g_free(folder), g_free(unet), g_free(real), g_free(index), g_free(scheduler), g_free(line);
}
GST_END_TEST;

static Suite *restore_suite(void)
{
    Suite *suite = suite_create("restore");
    TCase *tests = tcase_create("processes");

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, what_is_transparent_is_filled);
    tcase_add_test(tests, alpha_is_a_mask_to_models_that_fill_holes_only);
    tcase_add_test(tests, gaps_are_no_evidence);
    tcase_add_test(tests, frames_without_alpha_have_no_holes);
    tcase_add_test(tests, amount_says_how_much_is_undone);
    tcase_add_test(tests, a_property_that_says_nothing_to_the_model_is_a_warning);
    tcase_add_test(tests, what_nobody_says_is_asked_for);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(restore_suite(), &argc, &argv);
}
