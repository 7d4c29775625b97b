// SPDX-License-Identifier: LGPL-2.1-or-later
// udmupscale: how large frames become, whatever their format; what happens to what describes them; and what its network
// makes of blocks.
#include "harness.h"

#define SMALL(format) "video/x-raw,format=" format ",width=16,height=12,framerate=25/1"

// Without its model it makes blocks, whose values can be told. More properties as gst-launch-1.0 takes them.
static GstHarness *start_upscale(const char *properties, const char *caps)
{
    char *line = g_strdup_printf("udmupscale model=none %s", properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse", line);
    g_free(line);
    return make_harness(gst_object_ref_sink(element), caps);
}

// As make_frame(), but of formats whose chroma is smaller, too.
static GstBuffer *make_any(const GstVideoInfo *info, guint number)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                set_value(&frame, c, x, y, (texture(c, x, y, number) * max_value(info) + 127) / 255);
    gst_video_frame_unmap(&frame);
    stamp(buffer, number);
    return buffer;
}

static GstVideoInfo info_of_output(GstHarness *harness)
{
    GstPad *pad = gst_element_get_static_pad(harness->element, "src");
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;

    fail_unless(caps && gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    gst_object_unref(pad);
    return info;
}

// ---- caps

static const struct {
    const char *properties, *downstream;
    gint width, height;
} sizes[] = {
    { "", NULL, 32, 24 },
    { "factor=4", NULL, 64, 48 },
    { "factor=1", NULL, 16, 12 },
    { "", "video/x-raw,width=64", 64, 48 },
    { "factor=4", "video/x-raw,height=24", 32, 24 },
    { "factor=4", "video/x-raw,width=[1,40]", 32, 24 },
    { "", "video/x-raw,width=(int){50,64}", 64, 48 },
    { "", "video/x-raw,width=16", 16, 12 },
};

GST_START_TEST(caps_say_how_large_frames_become)
{
    GstHarness *harness = start_upscale(sizes[__i__].properties, NULL);
    GstVideoInfo in = info_from(SMALL("I420") ",colorimetry=bt709,pixel-aspect-ratio=12/11"), out;

    if (sizes[__i__].downstream)
        gst_harness_set_sink_caps_str(harness, sizes[__i__].downstream);
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&in));
    assert_equals_int(gst_harness_push(harness, make_any(&in, 0)), GST_FLOW_OK);
    out = info_of_output(harness);
    assert_equals_int(GST_VIDEO_INFO_WIDTH(&out), sizes[__i__].width);
    assert_equals_int(GST_VIDEO_INFO_HEIGHT(&out), sizes[__i__].height);
    assert_equals_int(GST_VIDEO_INFO_PAR_N(&out), 12);
    fail_unless(gst_video_colorimetry_is_equal(&out.colorimetry, &in.colorimetry));
    gst_harness_teardown(harness);
}
GST_END_TEST;

// What the colours of 576 lines are is not what those of 1152 would be.
GST_START_TEST(colours_do_not_change_with_the_size)
{
    GstHarness *harness = start_upscale("", "video/x-raw,format=I420,width=72,height=576,framerate=25/1");
    GstVideoInfo in = info_from("video/x-raw,format=I420,width=72,height=576,framerate=25/1"), out;

    assert_equals_int(gst_harness_push(harness, make_any(&in, 0)), GST_FLOW_OK);
    out = info_of_output(harness);
    assert_equals_int(GST_VIDEO_INFO_HEIGHT(&out), 1152);
    fail_unless(gst_video_colorimetry_is_equal(&out.colorimetry, &in.colorimetry));
    gst_harness_teardown(harness);
}
GST_END_TEST;

static const struct {
    const char *caps, *downstream, *says;
} refused[] = {
    { SMALL("RGB"), "video/x-raw,width=50", "32x24 or 64x48" },
    { SMALL("RGB") ",interlace-mode=fields", NULL, "interlaced" },
};

GST_START_TEST(what_cannot_be_is_an_error_that_says_what_can)
{
    GstHarness *harness = start_upscale("", NULL);
    GstBus *bus = watch(harness->element);
    GstMessage *message;
    GError *error;

    if (refused[__i__].downstream)
        gst_harness_set_sink_caps_str(harness, refused[__i__].downstream);
    gst_harness_set_src_caps_str(harness, refused[__i__].caps);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    fail_unless(message != NULL, "no error for %s", refused[__i__].caps);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(strstr(error->message, refused[__i__].says) != NULL, "%s", error->message);
    g_error_free(error);
    gst_message_unref(message);
    unwatch(harness->element, bus);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- frames

static const char *const formats[] = { "RGB",      "BGRx",      "RGBA",      "ARGB",     "RGBP", "GBR",
                                       "GRAY8",    "GRAY16_LE", "I420",      "YV12",     "NV12", "NV21",
                                       "Y42B",     "YUY2",      "UYVY",      "Y444",     "Y41B", "AYUV",
                                       "GBR_10LE", "I420_10LE", "I422_10LE", "Y444_12LE" };

// Of each sample, in the planes as they are.
GST_START_TEST(pixels_become_blocks_in_all_formats)
{
    const char *format = formats[(guint)__i__ / 2];
    const guint factor = __i__ % 2 ? 4 : 2;
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=16,height=12,framerate=25/1", format);
    GstHarness *harness = start_upscale(factor == 4 ? "factor=4" : "", caps);
    GstVideoInfo info = info_from(caps), large;
    GstBuffer *in = make_any(&info, 0), *out;
    GstVideoFrame from, to;

    assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in)), GST_FLOW_OK);
    out = gst_harness_pull(harness);
    large = info_of_output(harness);
    fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&to, &large, out, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(&info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&to, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&to, c); x++)
                fail_unless(get_value(&to, c, x, y) == get_value(&from, c, x / factor, y / factor),
                            "%s x%u: component %u at %u,%u is %u, not %u", format, factor, c, x, y,
                            get_value(&to, c, x, y), get_value(&from, c, x / factor, y / factor));
    gst_video_frame_unmap(&to);
    gst_video_frame_unmap(&from);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

GST_START_TEST(metas_move_with_the_picture_and_stamps_are_kept)
{
    GstVideoInfo info = info_from(SMALL("RGB"));
    GstHarness *harness = start_upscale("", SMALL("RGB"));
    GstBuffer *in = make_any(&info, 3), *out;
    GstCaps *reference = gst_caps_new_empty_simple("timestamp/x-test");
    GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(in);
    GstVideoRegionOfInterestMeta *region;

    crop->width = 5;
    gst_buffer_add_video_region_of_interest_meta(in, "face", 1, 2, 3, 4);
    gst_buffer_add_reference_timestamp_meta(in, reference, 42, 1);
    assert_equals_int(gst_harness_push(harness, in), GST_FLOW_OK);
    out = gst_harness_pull(harness);
    assert_equals_uint64(GST_BUFFER_PTS(out), 3 * FRAME_DURATION);
    assert_equals_uint64(GST_BUFFER_DURATION(out), FRAME_DURATION);
    region = (GstVideoRegionOfInterestMeta *)gst_buffer_get_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    fail_unless(region != NULL, "the region of interest is lost");
    assert_equals_int(region->x, 2);
    assert_equals_int(region->h, 8);
    fail_unless(gst_buffer_get_video_crop_meta(out) != NULL, "the crop is lost");
    assert_equals_int(gst_buffer_get_video_crop_meta(out)->width, 10);
    fail_unless(gst_buffer_get_reference_timestamp_meta(out, reference) != NULL, "the reference time is lost");
    gst_buffer_unref(out);
    gst_caps_unref(reference);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(frames_of_the_size_that_is_wanted_pass)
{
    GstVideoInfo info = info_from(SMALL("RGB"));
    GstHarness *harness = start_upscale("", NULL);
    GstBuffer *in = make_any(&info, 0), *out;

    gst_harness_set_sink_caps_str(harness, "video/x-raw,width=16");
    gst_harness_set_src_caps_str(harness, SMALL("RGB"));
    assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in)), GST_FLOW_OK);
    out = gst_harness_pull(harness);
    fail_unless(out == in);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// What is interlaced is deinterlaced before: of what rests each row stays.
GST_START_TEST(interlaced_frames_become_blocks)
{
    const char *caps = SMALL("RGB") ",interlace-mode=interleaved";
    GstHarness *harness = start_upscale("", caps);
    GstVideoInfo info = info_from(caps), large;
    GstBuffer *in = make_any(&info, 0);
    GstVideoFrame from, to;

    for (guint n = 0; n < 3; n++) {
        stamp(in, n);
        assert_equals_int(gst_harness_push(harness, gst_buffer_copy_deep(in)), GST_FLOW_OK);
    }
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 3);
    large = info_of_output(harness);
    assert_equals_int(GST_VIDEO_INFO_INTERLACE_MODE(&large), GST_VIDEO_INTERLACE_MODE_PROGRESSIVE);
    for (guint n = 0; n < 3; n++) {
        GstBuffer *out = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(out), n * FRAME_DURATION);
        fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_READ));
        fail_unless(gst_video_frame_map(&to, &large, out, GST_MAP_READ));
        for (guint i = 0; i < 3 * 32 * 24; i++) {
            const guint c = i % 3, x = i / 3 % 32, y = i / 96;

            if (y / 2 % 2 == 1) // of the field that is first
                fail_unless(get_value(&to, c, x, y) == get_value(&from, c, x / 2, y / 2), "%u at %u,%u", c, x, y);
        }
        gst_video_frame_unmap(&to);
        gst_video_frame_unmap(&from);
        gst_buffer_unref(out);
    }
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- the network

// A slope with an edge comes back nearer to it than blocks are, and each block keeps its mean.
GST_START_TEST(blocks_become_pictures)
{
    const guint factor = __i__ ? 4 : 2;
    char *model = g_build_filename(g_getenv("UDM_SOURCE_ROOT"), "models", "super4", NULL);
    char *properties = g_strdup_printf("factor=%u", factor);
    const char *caps = "video/x-raw,format=RGB,width=24,height=24,framerate=25/1";
    GstHarness *harness = start_upscale(properties, NULL);
    GstVideoInfo info = info_from(caps), large;
    GstBuffer *in = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL), *out;
    gdouble error = 0, blocks = 0;
    GstVideoFrame from, to;

    g_object_set(harness->element, "model", model, NULL);
    gst_element_set_state(harness->element, GST_STATE_NULL); // so that it is loaded before the first frame
    gst_harness_play(harness);
    gst_harness_set_src_caps_str(harness, caps);
    fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_WRITE));
    for (guint y = 0; y < 24; y++)
        for (guint x = 0; x < 24; x++)
            for (guint c = 0; c < 3; c++)
                set_value(&from, c, x, y, 60 + 5 * x);
    stamp(in, 0);
    gst_video_frame_unmap(&from);
    assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in)), GST_FLOW_OK);
    out = gst_harness_pull(harness);
    large = info_of_output(harness);
    fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&to, &large, out, GST_MAP_READ));
    for (guint y = 0; y < 24; y++)
        for (guint x = 2; x < 22; x++) {
            const gdouble want = get_value(&from, 0, x, y);
            gdouble sum = 0;

            for (guint i = 0; i < factor * factor; i++) {
                const gdouble is = get_value(&to, 0, x * factor + i % factor, y * factor + i / factor);
                const gdouble slope = want + 5 * ((i % factor + 0.5) / factor - 0.5);

                sum += is;
                error += ABS(is - slope);
                blocks += ABS(want - slope);
            }
            fail_unless(ABS(sum / (factor * factor) - want) <= 1, "the mean at %u,%u is %f, not %f", x, y,
                        sum / (factor * factor), want);
        }
    fail_unless(error < 0.7 * blocks, "it is off by %f, and blocks are by %f", error, blocks);
    gst_video_frame_unmap(&to);
    gst_video_frame_unmap(&from);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
    g_free(properties);
    g_free(model);
}
GST_END_TEST;

static Suite *upscale_suite(void)
{
    Suite *suite = suite_create("udmupscale");
    TCase *tests = tcase_create("upscale");

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, caps_say_how_large_frames_become, 0, G_N_ELEMENTS(sizes));
    tcase_add_test(tests, colours_do_not_change_with_the_size);
    tcase_add_loop_test(tests, what_cannot_be_is_an_error_that_says_what_can, 0, G_N_ELEMENTS(refused));
    tcase_add_loop_test(tests, pixels_become_blocks_in_all_formats, 0, 2 * G_N_ELEMENTS(formats));
    tcase_add_test(tests, metas_move_with_the_picture_and_stamps_are_kept);
    tcase_add_test(tests, frames_of_the_size_that_is_wanted_pass);
    tcase_add_test(tests, interlaced_frames_become_blocks);
    if (!engine_is_fake())
        tcase_add_loop_test(tests, blocks_become_pictures, 0, 2);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(upscale_suite(), &argc, &argv);
}
