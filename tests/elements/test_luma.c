// SPDX-License-Identifier: LGPL-2.1-or-later
// Files keep their brightness: in every YUV format the mean of luma is that of the input to 0.1 levels, clean or noisy,
// with no property set.
#include <math.h>

#include "harness.h"

enum { WIDTH = 80, HEIGHT = 64, FRAMES = 3 };

// Of the sink pad.
static GPtrArray *yuv_formats(void)
{
    GstElement *element = make_denoise("");
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    GstCaps *caps = gst_pad_get_pad_template_caps(pad);
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");
    GPtrArray *formats = g_ptr_array_new();

    for (guint i = 0; i < gst_value_list_get_size(list); i++) {
        const char *name = g_intern_string(g_value_get_string(gst_value_list_get_value(list, i)));

        if (GST_VIDEO_FORMAT_INFO_IS_YUV(gst_video_format_get_info(gst_video_format_from_string(name))))
            g_ptr_array_add(formats, (gpointer)name);
    }
    fail_unless(formats->len >= 28);
    gst_caps_unref(caps);
    gst_object_unref(pad);
    gst_object_unref(element);
    return formats;
}

static guint16 *sample(const GstVideoFrame *frame, guint c, guint x, guint y)
{
    return (guint16 *)(void *)sample_at(frame, c, x, y);
}

static void set(GstVideoFrame *frame, guint c, guint x, guint y, double level)
{
    guint16 *at = sample(frame, c, x, y);
    guint bits = GST_VIDEO_FRAME_COMP_DEPTH(frame, c), value = (guint)lround(level * (1 << (bits - 8)));

    if (bits == 8)
        *(guint8 *)at = (guint8)value;
    else
        *at = (guint16)(value << GST_VIDEO_FORMAT_INFO_SHIFT(frame->info.finfo, c));
}

static double luma(GstBuffer *buffer, const GstVideoInfo *info)
{
    GstVideoFrame frame;
    double sum = 0;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
    for (guint i = 0; i < WIDTH * HEIGHT; i++) {
        const guint16 *at = sample(&frame, 0, i % WIDTH, i / WIDTH);
        guint bits = GST_VIDEO_FRAME_COMP_DEPTH(&frame, 0);

        sum += bits == 8 ? *(const guint8 *)at
                         : (double)(*at >> GST_VIDEO_FORMAT_INFO_SHIFT(info->finfo, 0)) / (1 << (bits - 8));
    }
    gst_video_frame_unmap(&frame);
    return sum / (WIDTH * HEIGHT);
}

// Of a normal distribution, nearly: the sum of twelve even ones.
static double draw_noise(guint *seed)
{
    double sum = -6;

    for (guint i = 0; i < 12; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        sum += *seed / 4294967296.0;
    }
    return sum;
}

// Waves and an edge that move, far from black and white, where noise would be cut off.
static GstBuffer *picture(const GstVideoInfo *info, guint number, double sigma)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    GstVideoFrame frame;
    guint seed = number + 1;

    gst_buffer_memset(buffer, 0, 0xff, GST_VIDEO_INFO_SIZE(info));
    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < 3; c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++) {
                double u = (double)x / GST_VIDEO_FRAME_COMP_WIDTH(&frame, c) + 0.01 * number,
                       v = (double)y / GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c);
                double wave = c ? 128 + 10 * sin(5 * u + c) : 110 + 25 * sin(9 * u) * cos(7 * v) + (u + v > 1 ? 20 : 0);

                set(&frame, c, x, y, wave + sigma * draw_noise(&seed));
            }
    gst_video_frame_unmap(&frame);
    stamp(buffer, number);
    return buffer;
}

static void check_luma(const char *format, double sigma)
{
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1,colorimetry=bt709", format,
                                 WIDTH, HEIGHT);
    char *model = g_build_filename(g_getenv("UDM_SOURCE_ROOT"), "models", "auto", NULL);
    GstElement *element = gst_object_ref_sink(gst_element_factory_make("udmdenoise", NULL));
    GstHarness *harness;
    GstVideoInfo info = info_from(caps);
    double in = 0, out = 0;

    g_object_set(element, "model", model, NULL);
    harness = make_harness(element, caps);
    for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *frame = picture(&info, n, sigma);

        in += luma(frame, &info) / FRAMES;
        assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    }
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), FRAMES);
    for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *frame = gst_harness_pull(harness);

        out += luma(frame, &info) / FRAMES;
        gst_buffer_unref(frame);
    }
    fail_unless(fabs(out - in) < 0.1, "%s, sigma %g: mean luma is %.3f, not %.3f", format, sigma, out, in);
    gst_harness_teardown(harness);
    g_free(model);
    g_free(caps);
}

static void check_formats(double sigma)
{
    GPtrArray *formats = yuv_formats();

    for (guint i = 0; i < formats->len; i++)
        check_luma(g_ptr_array_index(formats, i), sigma);
    g_ptr_array_unref(formats);
}

GST_START_TEST(clean_files_keep_their_brightness)
{
    check_formats(0);
}
GST_END_TEST;

GST_START_TEST(noisy_files_keep_their_brightness)
{
    check_formats(10);
}
GST_END_TEST;

static Suite *luma_suite(void)
{
    Suite *suite = suite_create("luma");
    TCase *tcase = tcase_create("default pipeline");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, clean_files_keep_their_brightness);
    tcase_add_test(tcase, noisy_files_keep_their_brightness);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(luma_suite(), &argc, &argv);
}
