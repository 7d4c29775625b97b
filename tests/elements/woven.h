// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that two fields are woven into, and what is made of them.
#ifndef UDM_TEST_WOVEN_H
#define UDM_TEST_WOVEN_H

#include "harness.h"

enum { FRAMES = 4 };

// Nothing is denoised.
#define CLEAN "noise-level=0 "

// The other engine knows no shared chroma.
#define FORMAT (engine_is_fake() ? "RGB" : "I420")

static inline char *woven_caps(const char *format, const char *more)
{
    return g_strdup_printf("video/x-raw,format=%s,width=24,height=20,framerate=25/1,%s", format, more);
}

// The word that a sample lies in, be it in its high bits or in its low ones.
static inline guint read_sample(const GstVideoFrame *frame, guint c, guint x, guint y)
{
    if (shares_words(frame))
        return get_value(frame, c, x, y);
    return GST_VIDEO_FRAME_COMP_DEPTH(frame, c) > 8 ? *(const guint16 *)(const void *)sample_at(frame, c, x, y)
                                                    : *sample_at(frame, c, x, y);
}

static inline void write_sample(GstVideoFrame *frame, guint c, guint x, guint y, guint value)
{
    if (shares_words(frame))
        set_value(frame, c, x, y, value);
    else if (GST_VIDEO_FRAME_COMP_DEPTH(frame, c) > 8)
        *(guint16 *)(void *)sample_at(frame, c, x, y) =
            (guint16)(value << GST_VIDEO_FORMAT_INFO_SHIFT(frame->info.finfo, c));
    else
        *sample_at(frame, c, x, y) = (guint8)value;
}

// Calls for every sample of every component, each at its own size.
#define FOR_SAMPLES(info, c, x, y, first, step)                                                                        \
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)                                                      \
        for (guint y = (first); y < (guint)GST_VIDEO_INFO_COMP_HEIGHT(info, c); y += (step))                           \
            for (guint x = 0; x < (guint)GST_VIDEO_INFO_COMP_WIDTH(info, c); x++)

// A picture, with the flags of the stream that it is in.
static inline GstBuffer *make_woven(const GstVideoInfo *info, guint number, guint picture, guint flags)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    GstVideoFrame frame;

    gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(info));
    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    FOR_SAMPLES(info, c, x, y, 0, 1)
    write_sample(&frame, c, x, y, texture(c, x, y, picture) * max_value(info) / 255);
    gst_video_frame_unmap(&frame);
    stamp(buffer, number);
    GST_BUFFER_FLAG_SET(buffer, flags);
    return buffer;
}

// The greatest difference of two samples.
static inline guint furthest(GstBuffer *a, GstBuffer *b, const GstVideoInfo *info)
{
    GstVideoFrame fa, fb;
    guint most = 0;

    fail_unless(gst_video_frame_map(&fa, info, a, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fb, info, b, GST_MAP_READ));
    FOR_SAMPLES(info, c, x, y, 0, 1)
    {
        const gint off = (gint)read_sample(&fa, c, x, y) - (gint)read_sample(&fb, c, x, y);

        most = MAX(most, (guint)ABS(off));
    }
    gst_video_frame_unmap(&fa);
    gst_video_frame_unmap(&fb);
    return most;
}

static inline GstCaps *caps_out(GstHarness *harness)
{
    GstPad *pad = gst_element_get_static_pad(harness->element, "src");
    GstCaps *caps = gst_pad_get_current_caps(pad);

    fail_unless(caps != NULL, "nothing was negotiated");
    gst_object_unref(pad);
    return caps;
}

static inline void expect_caps(GstHarness *harness, gint fps)
{
    GstCaps *caps = caps_out(harness);
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    gint n, d;

    assert_equals_string(gst_structure_get_string(structure, "interlace-mode"), "progressive");
    fail_unless(!gst_structure_has_field(structure, "field-order"), "progressive frames have an order of fields");
    fail_unless(gst_structure_get_fraction(structure, "framerate", &n, &d));
    assert_equals_int(n, fps * d);
    gst_caps_unref(caps);
}

// The next frame, which must have these stamps, and no sign of fields.
static inline GstBuffer *pull_stamped(GstHarness *harness, GstClockTime pts, GstClockTime duration)
{
    GstBuffer *buffer;

    fail_unless(frames_out(harness) > 0, "a frame is missing");
    buffer = gst_harness_pull(harness);
    assert_equals_uint64(GST_BUFFER_PTS(buffer), pts);
    assert_equals_uint64(GST_BUFFER_DURATION(buffer), duration);
    fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED));
    fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_TFF));
    fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_RFF));
    return buffer;
}

// That every second row from `first` on is the same, of all components.
static inline void expect_rows(GstBuffer *got, GstBuffer *want, const GstVideoInfo *info, guint first, guint step)
{
    const char *format = gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(info));
    GstVideoFrame a, b;

    fail_unless(gst_video_frame_map(&a, info, got, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&b, info, want, GST_MAP_READ));
    FOR_SAMPLES(info, c, x, y, first, step)
    fail_unless(read_sample(&a, c, x, y) == read_sample(&b, c, x, y), "%s: component %u at %u,%u is %u, not %u", format,
                c, x, y, read_sample(&a, c, x, y), read_sample(&b, c, x, y));
    gst_video_frame_unmap(&a);
    gst_video_frame_unmap(&b);
}

static inline void end(GstHarness *harness)
{
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
}

#endif
