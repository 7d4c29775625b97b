// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced video at the pads of udmdenoise in every pixel format, woven and as fields in buffers of their own.
#include "woven.h"

static GstBuffer *make_field(const GstVideoInfo *info, GstBuffer *woven, const GstVideoInfo *whole, guint n,
                             guint field)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    GstVideoFrame from, to;

    GST_BUFFER_FLAG_SET(buffer, field ? GST_VIDEO_BUFFER_FLAG_BOTTOM_FIELD : GST_VIDEO_BUFFER_FLAG_TOP_FIELD);
    GST_BUFFER_PTS(buffer) = n * FRAME_DURATION / 2;
    GST_BUFFER_DURATION(buffer) = FRAME_DURATION / 2;
    fail_unless(gst_video_frame_map(&from, whole, woven, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&to, info, buffer, GST_MAP_WRITE));
    FOR_SAMPLES(whole, c, x, y, field, 2)
    write_sample(&to, c, x, y / 2, read_sample(&from, c, x, y) >> GST_VIDEO_FORMAT_INFO_SHIFT(whole->finfo, c));
    gst_video_frame_unmap(&to);
    gst_video_frame_unmap(&from);
    return buffer;
}

// Fields of two pictures, each in a buffer of its own, become the frames that they become woven; one that lacks its
// other field is a frame, too.
static void check_alternate(const char *format, guint missing)
{
    char *text = g_strdup_printf("video/x-raw(format:Interlaced),format=%s,width=24,height=20,framerate=25/1,"
                                 "interlace-mode=alternate",
                                 format);
    char *woven_text = woven_caps(format, "interlace-mode=interleaved,field-order=top-field-first");
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=fields"), text);
    GstVideoInfo info = info_from(text), whole = info_from(woven_text);
    GstBuffer *woven[FRAMES];

    for (guint n = 0; n < FRAMES; n++)
        woven[n] = make_woven(&whole, n, n, 0);
    for (guint n = 0; n < 2 * FRAMES; n++)
        if (n != missing)
            assert_equals_int(gst_harness_push(harness, make_field(&info, woven[n / 2], &whole, n, n % 2)),
                              GST_FLOW_OK);
    end(harness);
    expect_caps(harness, 50);
    assert_equals_int(frames_out(harness), missing < 2 * FRAMES ? 2 * FRAMES - 1 : 2 * FRAMES);
    for (guint n = 0; n < 2 * FRAMES; n++) {
        GstBuffer *got;

        if (n == missing)
            continue;
        got = gst_harness_pull(harness);
        assert_equals_uint64(GST_BUFFER_PTS(got), n * FRAME_DURATION / 2);
        expect_rows(got, woven[n / 2], &whole, n % 2, 2);
        gst_buffer_unref(got);
    }
    for (guint n = 0; n < FRAMES; n++)
        gst_buffer_unref(woven[n]);
    gst_harness_teardown(harness);
    g_free(woven_text);
    g_free(text);
}

GST_START_TEST(fields_in_buffers_of_their_own)
{
    static const guint missing[] = { 2 * FRAMES, 3, 2 * FRAMES - 1 };

    check_alternate(FORMAT, missing[__i__]);
}
GST_END_TEST;

static GPtrArray *template_formats(void)
{
    GstElement *element = make_denoise("");
    GstPadTemplate *pad = gst_element_get_pad_template(element, "sink");
    GstCaps *caps = gst_pad_template_get_caps(pad);
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");
    GPtrArray *formats = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < gst_value_list_get_size(list); i++)
        g_ptr_array_add(formats, g_value_dup_string(gst_value_list_get_value(list, i)));
    gst_caps_unref(caps);
    gst_object_unref(element);
    return formats;
}

// Of every format: both fields' rows, chroma and alpha among them, in pictures that have nothing to do with each other.
static void check_format(const char *format)
{
    char *caps = woven_caps(format, "interlace-mode=interleaved,field-order=top-field-first");
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in[2];

    for (guint n = 0; n < 2; n++) {
        in[n] = make_woven(&info, n, n, 0);
        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in[n])), GST_FLOW_OK);
    }
    end(harness);
    assert_equals_int(frames_out(harness), 4);
    for (guint n = 0; n < 4; n++) {
        GstBuffer *got = gst_harness_pull(harness);

        expect_rows(got, in[n / 2], &info, n % 2, 2);
        gst_buffer_unref(got);
    }
    gst_buffer_unref(in[0]);
    gst_buffer_unref(in[1]);
    gst_harness_teardown(harness);
    g_free(caps);
}

GST_START_TEST(every_format)
{
    GPtrArray *formats = template_formats();

    fail_unless(formats->len >= 20, "only %u formats", formats->len);
    for (guint i = 0; i < formats->len; i++) {
        check_format(g_ptr_array_index(formats, i));
        check_alternate(g_ptr_array_index(formats, i), 2 * FRAMES);
    }
    g_ptr_array_unref(formats);
}
GST_END_TEST;

static Suite *field_formats_suite(void)
{
    Suite *suite = suite_create("udmdenoise field formats");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, fields_in_buffers_of_their_own, 0, 3);
    tcase_add_test(all, every_format);
    suite_add_tcase(suite, all);
    return suite;
}

GST_CHECK_MAIN(field_formats);
