// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise with models of other processes than noise: blur and blocks.
#include <glib/gstdio.h>

#include "harness.h"

#define CAPS(format) "video/x-raw,format=" format ",width=48,height=48,framerate=25/1"

// A shipped model, beside those of the tests.
static GstElement *make_restore(const char *model, const char *properties)
{
    char *line = g_strdup_printf("udmdenoise model=%s/../../models/%s threads=1 %s", g_getenv("UDM_MODEL_PATH"), model,
                                 properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

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
         *line = g_strdup_printf("udmdenoise model=%s threads=1", folder);
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
    assert_equals_int(gst_harness_push(harness, make_frame(&info, 0)), GST_FLOW_ERROR);
    expect_error(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    g_object_set(element, "amount", 2.0, NULL);
    assert_equals_int(gst_harness_push(harness, make_frame(&info, 1)), GST_FLOW_OK);
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
    tcase_add_test(tests, amount_says_how_much_is_undone);
    tcase_add_test(tests, a_property_that_says_nothing_to_the_model_is_a_warning);
    tcase_add_test(tests, what_nobody_says_is_asked_for);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(restore_suite(), &argc, &argv);
}
