// SPDX-License-Identifier: LGPL-2.1-or-later
// YUV at the pads: every format, matrix and range comes out as the same colour in RGB of 12 bits does, and what nobody
// changes comes out bit for bit.
#include <math.h>

#include "harness.h"

enum { WIDTH = 24, HEIGHT = 12, FORMATS_OF_8_BITS = 18 };

static const char *const formats[] = {
    "I420",      "YV12",      "NV12",      "NV21",      "YUY2",      "UYVY",      "YVYU",
    "VYUY",      "Y41B",      "Y42B",      "Y444",      "NV16",      "NV61",      "NV24",
    "AYUV",      "VUYA",      "v308",      "A420",      "I420_10LE", "I422_10LE", "Y444_10LE",
    "P010_10LE", "I420_12LE", "I422_12LE", "Y444_12LE", "P012_LE",   "P016_LE",   "Y444_16LE",
};

static const struct colorimetry {
    const char *caps;
    double kr, kb;
    gboolean full;
} colorimetries[] = {
    { "bt601", 0.299, 0.114, FALSE },     { "bt709", 0.2126, 0.0722, FALSE }, { "bt2020", 0.2627, 0.0593, FALSE },
    { "smpte240m", 0.212, 0.087, FALSE }, { "1:4:5:1", 0.299, 0.114, TRUE }, // BT.601 of full range, as cameras and
                                                                             // JPEG have it
};

// Red, green and blue from 0 to 1, which the model leaves within that.
static const double colours[][3] = { { 0.5, 0.5, 0.5 }, { 0.8, 0.3, 0.2 }, { 0.2, 0.6, 0.35 }, { 0.35, 0.4, 0.65 } };

// Y from 0 to 1, Cb and Cr from -1/2 to 1/2.
static void to_yuv(const struct colorimetry *of, const double rgb[3], double yuv[3])
{
    yuv[0] = of->kr * rgb[0] + (1 - of->kr - of->kb) * rgb[1] + of->kb * rgb[2];
    yuv[1] = (rgb[2] - yuv[0]) / (2 * (1 - of->kb));
    yuv[2] = (rgb[0] - yuv[0]) / (2 * (1 - of->kr));
}

static double value_of(const struct colorimetry *of, guint bits, guint c, double e)
{
    double scale = 1 << (bits - 8), top = (1 << bits) - 1;

    if (of->full)
        return c == 0 ? e * top : e * top + (1 << (bits - 1));
    return c == 0 ? (219 * e + 16) * scale : (224 * e + 128) * scale;
}

static double get_sample(const GstVideoFrame *frame, guint c, guint x, guint y)
{
    const guint8 *at = sample_at(frame, c, x, y);
    guint16 word;

    if (GST_VIDEO_FRAME_COMP_DEPTH(frame, c) == 8)
        return *at;
    memcpy(&word, at, sizeof word);
    return word >> GST_VIDEO_FORMAT_INFO_SHIFT(frame->info.finfo, c);
}

static void set_sample(GstVideoFrame *frame, guint c, guint x, guint y, double value)
{
    guint8 *at = sample_at(frame, c, x, y);
    guint16 word = (guint16)((guint)lround(value) << GST_VIDEO_FORMAT_INFO_SHIFT(frame->info.finfo, c));

    if (GST_VIDEO_FRAME_COMP_DEPTH(frame, c) == 8)
        *at = (guint8)lround(value);
    else
        memcpy(at, &word, sizeof word);
}

// A frame whose components have these values everywhere; alpha, if there is any, is opaque.
static GstBuffer *fill(const GstVideoInfo *info, const double values[3])
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    GstVideoFrame frame;

    gst_buffer_memset(buffer, 0, 0xff, GST_VIDEO_INFO_SIZE(info));
    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < 3; c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                set_sample(&frame, c, x, y, values[c]);
    gst_video_frame_unmap(&frame);
    stamp(buffer, 0);
    return buffer;
}

static char *caps_of(const char *format, const char *colorimetry)
{
    return g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1,colorimetry=%s,chroma-site=mpeg2",
                           format, WIDTH, HEIGHT, colorimetry);
}

// What a frame of one colour becomes in the mean, in the format's own values: matrices are linear, and filters keep
// means.
static void restore(const char *caps, const double values[3], double out[3])
{
    GstVideoInfo info = info_from(caps);
    GstBuffer *buffer = denoise_one(make_denoise("noise-level=8"), caps, fill(&info, values));
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    for (guint c = 0; c < 3; c++) {
        guint width = (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c),
              height = (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c);

        out[c] = 0;
        for (guint i = 0; i < width * height; i++)
            out[c] += get_sample(&frame, c, i % width, i / width) / (width * height);
    }
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
}

// Restored as YUV, a colour becomes what it becomes as RGB, within three levels of 8 bits: the network amplifies what
// was rounded, and shared chroma is filtered. Another matrix or range would be off by more.
static void check_colour(const char *format, const struct colorimetry *of, const double rgb[3])
{
    char *caps = caps_of(format, of->caps);
    GstVideoInfo info = info_from(caps);
    guint bits = GST_VIDEO_INFO_COMP_DEPTH(&info, 0);
    double yuv[3], values[3], got[3], plain[3], restored[3];

    to_yuv(of, rgb, yuv);
    for (guint c = 0; c < 3; c++) {
        values[c] = round(value_of(of, bits, c, yuv[c]));
        plain[c] = rgb[c] * 4095;
    }
    restore(caps, values, got);
    restore("video/x-raw,format=GBR_12LE,width=24,height=12,framerate=25/1", plain, restored);
    for (guint c = 0; c < 3; c++)
        plain[c] = restored[c] / 4095;
    to_yuv(of, plain, yuv);
    for (guint c = 0; c < 3; c++) {
        double want = value_of(of, bits, c, yuv[c]), off = fabs(got[c] - want) / (1 << (bits - 8));

        fail_unless(off < 3, "%s, %s: component %u of %g, %g, %g is %g, not %g", format, of->caps, c, rgb[0], rgb[1],
                    rgb[2], got[c], want);
    }
    g_free(caps);
}

GST_START_TEST(colours_are_those_of_rgb)
{
    for (guint k = 0; k < G_N_ELEMENTS(colorimetries); k++)
        for (guint i = 0; i < G_N_ELEMENTS(colours); i++)
            check_colour(formats[__i__], &colorimetries[k], colours[i]);
}
GST_END_TEST;

// With next to no noise to remove the engine changes nothing that 8 bits show; tests/engine/test_yuv.c has the rest.
GST_START_TEST(what_is_known_comes_out_bit_for_bit)
{
    char *caps = caps_of(formats[__i__], "bt709");
    GstVideoInfo info = info_from(caps);
    GstBuffer *in = fill(&info, (double[3]){ 0 }), *out;
    GstVideoFrame a, b;

    fail_unless(gst_video_frame_map(&a, &info, in, GST_MAP_READWRITE));
    for (guint c = 0, seed = 1; c < 3; c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&a, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&a, c); x++) {
                seed = seed * 1664525u + 1013904223u;
                set_sample(&a, c, x, y, seed >> (32 - GST_VIDEO_INFO_COMP_DEPTH(&info, c)));
            }
    gst_video_frame_unmap(&a);
    out = denoise_one(make_denoise("noise-level=1e-9"), caps, gst_buffer_ref(in));
    fail_unless(gst_video_frame_map(&a, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&b, &info, out, GST_MAP_READ));
    for (guint c = 0; c < 3; c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&a, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&a, c); x++)
                fail_unless(get_sample(&a, c, x, y) == get_sample(&b, c, x, y), "%s: component %u changed at %u, %u",
                            formats[__i__], c, x, y);
    gst_video_frame_unmap(&a);
    gst_video_frame_unmap(&b);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    g_free(caps);
}
GST_END_TEST;

// Grey of 10 bits, of which three share a word: it is unpacked and packed again, and udminterp makes it, too.
static const guint widths[] = { 24, 25, 26, 1 };

GST_START_TEST(packed_grey_comes_out_bit_for_bit)
{
    char *caps = g_strdup_printf("video/x-raw,format=GRAY10_LE32,width=%u,height=5,framerate=25/1", widths[__i__]);
    static const char *const levels[] = { "noise-level=0", "noise-level=1e-9" };
    GstVideoInfo info = info_from(caps);

    for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
        GstBuffer *in = make_frame(&info, 0), *out = denoise_one(make_denoise(levels[i]), caps, gst_buffer_ref(in));

        fail_unless(difference(in, out, &info) == 0, "%s: width %u", levels[i], widths[__i__]);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
    g_free(caps);
}
GST_END_TEST;

GST_START_TEST(packed_grey_is_made_between_frames)
{
    const char *caps = "video/x-raw,format=GRAY10_LE32,width=25,height=8,framerate=25/1";
    GstElement *element = gst_object_ref_sink(gst_parse_launch("udminterp factor=2 scene-threshold=1", NULL));
    GstHarness *harness = make_harness(element, caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in = make_frame(&info, 0), *out;

    assert_equals_int(gst_harness_push(harness, gst_buffer_copy(in)), GST_FLOW_OK);
    GST_BUFFER_PTS(in) += FRAME_DURATION;
    assert_equals_int(gst_harness_push(harness, gst_buffer_copy(in)), GST_FLOW_OK);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 4);
    for (guint n = 0; n < 4; n++) { // nothing moves
        out = gst_harness_pull(harness);
        fail_unless(difference(in, out, &info) == 0, "frame %u differs", n);
        gst_buffer_unref(out);
    }
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *yuv_suite(void)
{
    Suite *suite = suite_create("yuv");
    TCase *tcase = tcase_create("formats");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, colours_are_those_of_rgb, 0, G_N_ELEMENTS(formats));
    tcase_add_loop_test(tcase, what_is_known_comes_out_bit_for_bit, 0, FORMATS_OF_8_BITS);
    tcase_add_loop_test(tcase, packed_grey_comes_out_bit_for_bit, 0, G_N_ELEMENTS(widths));
    tcase_add_test(tcase, packed_grey_is_made_between_frames);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(yuv_suite(), &argc, &argv);
}
