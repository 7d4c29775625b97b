// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced video at the pads of udmdenoise: what comes out of it, when, and in which caps. Which pixels the engine
// makes of fields is the matter of its own tests; here all pictures are at rest, or only rows of the fields are looked
// at.
#include "woven.h"

// ---- frames and fields

GST_START_TEST(frames_keep_the_rate)
{
    static const char *const values[] = { "", "deinterlace=frames", ("deinterlace=auto " CLEAN) };
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved,field-order=top-field-first");
    GstHarness *harness = make_harness(make_denoise(values[__i__]), caps);
    GstVideoInfo info = info_from(caps);

    for (guint n = 0; n < FRAMES; n++)
        assert_equals_int(gst_harness_push(harness, make_woven(&info, n, 0, GST_VIDEO_BUFFER_FLAG_TFF)), GST_FLOW_OK);
    end(harness);
    assert_equals_int(frames_out(harness), FRAMES);
    expect_caps(harness, 25);
    for (guint n = 0; n < FRAMES; n++)
        gst_buffer_unref(pull_stamped(harness, n * FRAME_DURATION, FRAME_DURATION));
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

GST_START_TEST(fields_double_the_rate)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved,field-order=top-field-first");
    GstHarness *harness = make_harness(make_denoise(__i__ ? "deinterlace=fields" : CLEAN "deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);

    for (guint n = 0; n < FRAMES; n++)
        assert_equals_int(gst_harness_push(harness, make_woven(&info, n, 0, 0)), GST_FLOW_OK);
    end(harness);
    assert_equals_int(frames_out(harness), 2 * FRAMES);
    expect_caps(harness, 50);
    for (guint n = 0; n < 2 * FRAMES; n++)
        gst_buffer_unref(pull_stamped(harness, n * FRAME_DURATION / 2, FRAME_DURATION / 2));
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

// Upstream is asked for half of what downstream wants.
GST_START_TEST(rates_are_negotiated)
{
    GstElement *element = make_denoise("deinterlace=fields");
    GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");
    GstCaps *caps;

    gst_object_unref(element);
    gst_harness_set_sink_caps_str(harness, "video/x-raw,format=I420,width=24,height=20,framerate=50/1");
    caps = gst_pad_peer_query_caps(harness->srcpad, NULL);
    for (guint i = 0; i < gst_caps_get_size(caps); i++) {
        const GstStructure *structure = gst_caps_get_structure(caps, i);
        const char *mode = gst_structure_get_string(structure, "interlace-mode");
        gint n, d;

        fail_unless(gst_structure_get_fraction(structure, "framerate", &n, &d));
        assert_equals_int(n, (mode && g_str_equal(mode, "progressive") ? 50 : 25) * d);
    }
    gst_caps_unref(caps);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// What is at rest comes out as it went in, though its fields went different ways.
GST_START_TEST(a_still_is_kept)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved");
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *want = make_woven(&info, 0, 0, 0);

    for (guint n = 0; n < FRAMES; n++)
        assert_equals_int(gst_harness_push(harness, make_woven(&info, n, 0, 0)), GST_FLOW_OK);
    end(harness);
    for (guint n = 0; n < 2 * FRAMES; n++) {
        GstBuffer *got = gst_harness_pull(harness);

        fail_unless(furthest(got, want, &info) <= 1);
        gst_buffer_unref(got);
    }
    gst_buffer_unref(want);
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

static const struct {
    const char *caps;
    guint flags;
    guint first; // row of the field that is first
} orders[] = {
    { "interlace-mode=interleaved,field-order=top-field-first", 0, 0 },
    { "interlace-mode=interleaved,field-order=bottom-field-first", 0, 1 },
    { "interlace-mode=interleaved", GST_VIDEO_BUFFER_FLAG_TFF, 0 },
    { "interlace-mode=interleaved", 0, 1 },
    { "interlace-mode=mixed", GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF, 0 },
    { "interlace-mode=mixed", GST_VIDEO_BUFFER_FLAG_INTERLACED, 1 },
};

// Rows of the field that is shown come out as they went in, whatever moves.
GST_START_TEST(the_order_of_fields)
{
    char *caps = woven_caps(FORMAT, orders[__i__].caps);
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in[FRAMES];

    for (guint n = 0; n < FRAMES; n++) {
        in[n] = make_woven(&info, n, n, orders[__i__].flags);
        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in[n])), GST_FLOW_OK);
    }
    end(harness);
    for (guint n = 0; n < 2 * FRAMES; n++) {
        GstBuffer *got = gst_harness_pull(harness);

        expect_rows(got, in[n / 2], &info, n % 2 ? 1 - orders[__i__].first : orders[__i__].first, 2);
        gst_buffer_unref(got);
    }
    for (guint n = 0; n < FRAMES; n++)
        gst_buffer_unref(in[n]);
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

GST_START_TEST(whole_frames_among_others)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=mixed");
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in[FRAMES];

    for (guint n = 0; n < FRAMES; n++) {
        in[n] = make_woven(&info, n, n, n % 2 ? GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF : 0);
        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in[n])), GST_FLOW_OK);
    }
    end(harness);
    assert_equals_int(frames_out(harness), FRAMES * 3 / 2);
    for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *got = pull_stamped(harness, n * FRAME_DURATION, n % 2 ? FRAME_DURATION / 2 : FRAME_DURATION);

        expect_rows(got, in[n], &info, 0, n % 2 ? 2 : 1);
        gst_buffer_unref(got);
        if (n % 2)
            gst_buffer_unref(pull_stamped(harness, n * FRAME_DURATION + FRAME_DURATION / 2, FRAME_DURATION / 2));
        gst_buffer_unref(in[n]);
    }
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

// A frame whose first field is shown again lasts for three.
GST_START_TEST(a_field_that_is_repeated)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=mixed");
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *frame = make_woven(
        &info, 0, 0, GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF | GST_VIDEO_BUFFER_FLAG_RFF);

    GST_BUFFER_DURATION(frame) = 60 * GST_MSECOND;
    assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    end(harness);
    gst_buffer_unref(pull_stamped(harness, 0, 20 * GST_MSECOND));
    gst_buffer_unref(pull_stamped(harness, 20 * GST_MSECOND, 40 * GST_MSECOND));
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

// ---- restored fields

// Every second row of a frame, from row `field` on, as a frame of its own.
static GstBuffer *take_field(GstBuffer *woven, const GstVideoInfo *info, const GstVideoInfo *half, guint field)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(half), NULL);
    GstVideoFrame from, to;

    fail_unless(gst_video_frame_map(&from, info, woven, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&to, half, buffer, GST_MAP_READWRITE));
    FOR_SAMPLES(half, c, x, y, 0, 1)
    write_sample(&to, c, x, y, read_sample(&from, c, x, 2 * y + field));
    gst_video_frame_unmap(&from);
    gst_video_frame_unmap(&to);
    gst_buffer_copy_into(buffer, woven, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
    return buffer;
}

// What becomes of a film of the top fields, or the bottom ones, is what their rows become.
GST_START_TEST(fields_are_restored_as_films_of_their_own)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved,field-order=top-field-first");
    char *half_caps = g_strdup_printf("video/x-raw,format=%s,width=24,height=10,framerate=25/1", FORMAT);
    GstHarness *harness = make_harness(make_denoise("deinterlace=fields"), caps);
    GstHarness *films[2] = { make_harness(make_denoise(""), half_caps), make_harness(make_denoise(""), half_caps) };
    GstVideoInfo info = info_from(caps), half = info_from(half_caps);

    for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *woven = make_woven(&info, n, n, 0);

        for (guint k = 0; k < 2; k++)
            assert_equals_int(gst_harness_push(films[k], take_field(woven, &info, &half, k)), GST_FLOW_OK);
        assert_equals_int(gst_harness_push(harness, woven), GST_FLOW_OK);
    }
    end(harness);
    end(films[0]);
    end(films[1]);
    assert_equals_int(frames_out(harness), 2 * FRAMES);
    for (guint n = 0; n < 2 * FRAMES; n++) {
        GstBuffer *made = gst_harness_pull(harness), *want = gst_harness_pull(films[n % 2]);
        GstBuffer *got = take_field(made, &info, &half, n % 2);

        assert_equals_int(furthest(got, want, &half), 0);
        gst_buffer_unref(made);
        gst_buffer_unref(got);
        gst_buffer_unref(want);
    }
    gst_harness_teardown(films[0]);
    gst_harness_teardown(films[1]);
    gst_harness_teardown(harness);
    g_free(half_caps);
    g_free(caps);
}
GST_END_TEST;

// Heights at which fields, and their chroma, have unlike numbers of rows.
GST_START_TEST(any_height_is_restored)
{
    for (guint height = 1; height <= 11; height++) {
        char *caps = g_strdup_printf(
            "video/x-raw,format=%s,width=8,height=%u,framerate=25/1,interlace-mode=interleaved", FORMAT, height);
        GstHarness *harness = make_harness(make_denoise(__i__ ? "deinterlace=fields" : "deinterlace=frames"), caps);
        GstVideoInfo info = info_from(caps);

        for (guint n = 0; n < FRAMES; n++)
            assert_equals_int(gst_harness_push(harness, make_woven(&info, n, n, 0)), GST_FLOW_OK);
        end(harness);
        assert_equals_int(frames_out(harness), __i__ ? 2 * FRAMES : FRAMES);
        gst_harness_teardown(harness);
        g_free(caps);
    }
}
GST_END_TEST;

// Where the bottom field has fewer rows of chroma than the top one, what lies in memory below them is not seen.
GST_START_TEST(what_lies_below_is_not_seen)
{
    char *caps =
        g_strdup_printf("video/x-raw,format=%s,width=8,height=10,framerate=25/1,interlace-mode=interleaved", FORMAT);
    GstVideoInfo info = info_from(caps);
    GstBuffer *made[2];

    for (guint k = 0; k < 2; k++) {
        GstBuffer *buffer = make_woven(&info, 0, 0, 0);
        GstVideoFrame frame;
        GstHarness *harness = make_harness(make_denoise(""), caps);

        fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE));
        for (guint plane = 1; plane < GST_VIDEO_INFO_N_PLANES(&info); plane++)
            memset((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, plane) +
                       5 * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane),
                   k ? 255 : 0, 4);
        gst_video_frame_unmap(&frame);
        assert_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
        end(harness);
        made[k] = gst_harness_pull(harness);
        gst_harness_teardown(harness);
    }
    gst_video_info_set_interlaced_format(&info, GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_INTERLACE_MODE_PROGRESSIVE, 8,
                                         10);
    assert_equals_int(furthest(made[0], made[1], &info), 0);
    gst_buffer_unref(made[0]);
    gst_buffer_unref(made[1]);
    g_free(caps);
}
GST_END_TEST;

// ---- what else there is

// Without a model nothing is denoised, but fields become frames nevertheless.
GST_START_TEST(fields_become_frames_without_a_model)
{
    GstElement *element =
        gst_object_ref_sink(gst_parse_launch("udmdenoise model=there-is-no-such deinterlace=fields", NULL));
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved");
    GstHarness *harness = make_harness(element, caps);
    GstVideoInfo info = info_from(caps);

    for (guint n = 0; n < FRAMES; n++)
        assert_equals_int(gst_harness_push(harness, make_woven(&info, n, 0, 0)), GST_FLOW_OK);
    end(harness);
    assert_equals_int(frames_out(harness), 2 * FRAMES);
    expect_caps(harness, 50);
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

// Denoising comes and goes while fields flow.
GST_START_TEST(the_noise_level_may_change)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved");
    GstElement *element = make_denoise(CLEAN);
    GstHarness *harness = make_harness(gst_object_ref(element), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *still = make_woven(&info, 0, 0, 0);
    guint changed = 0;

    for (guint n = 0; n < 9; n++) {
        g_object_set(element, "noise-level", n / 3 == 1 ? 25.0 : 0.0, NULL);
        assert_equals_int(gst_harness_push(harness, make_woven(&info, n, 0, 0)), GST_FLOW_OK);
    }
    end(harness);
    assert_equals_int(frames_out(harness), 9);
    for (guint n = 0; n < 9; n++) {
        GstBuffer *got = pull_stamped(harness, n * FRAME_DURATION, FRAME_DURATION);

        changed += furthest(got, still, &info) > 1;
        gst_buffer_unref(got);
    }
    assert_equals_int(changed, 3);
    gst_buffer_unref(still);
    gst_harness_teardown(harness);
    gst_object_unref(element);
    g_free(caps);
}
GST_END_TEST;

GST_START_TEST(a_frame_of_latency)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved");
    GstHarness *harness = make_harness(make_denoise(CLEAN), caps);
    GstVideoInfo info = info_from(caps);

    assert_equals_int(gst_harness_push(harness, make_woven(&info, 0, 0, 0)), GST_FLOW_OK);
    assert_equals_int(frames_out(harness), 0);
    assert_equals_uint64(gst_harness_query_latency(harness), FRAME_DURATION);
    assert_equals_int(gst_harness_push(harness, make_woven(&info, 1, 0, 0)), GST_FLOW_OK);
    assert_equals_int(frames_out(harness), 1);
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

// What is held at a flush is gone, and nothing of it is seen afterwards.
GST_START_TEST(a_flush)
{
    char *caps = woven_caps(FORMAT, "interlace-mode=interleaved");
    GstHarness *harness = make_harness(make_denoise("deinterlace=fields"), caps);
    GstVideoInfo info = info_from(caps);
    GstSegment segment;

    for (guint n = 0; n < 2; n++)
        assert_equals_int(gst_harness_push(harness, make_woven(&info, n, 0, 0)), GST_FLOW_OK);
    while (frames_out(harness) > 0)
        gst_buffer_unref(gst_harness_pull(harness));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    assert_equals_int(gst_harness_push(harness, make_woven(&info, 10, 0, 0)), GST_FLOW_OK);
    end(harness);
    assert_equals_int(frames_out(harness), 2);
    gst_buffer_unref(pull_stamped(harness, 10 * FRAME_DURATION, FRAME_DURATION / 2));
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

static Suite *fields_suite(void)
{
    Suite *suite = suite_create("udmdenoise fields");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, frames_keep_the_rate, 0, 3);
    tcase_add_loop_test(all, fields_double_the_rate, 0, 2);
    tcase_add_test(all, rates_are_negotiated);
    tcase_add_test(all, a_still_is_kept);
    tcase_add_loop_test(all, the_order_of_fields, 0, G_N_ELEMENTS(orders));
    tcase_add_test(all, whole_frames_among_others);
    tcase_add_test(all, a_field_that_is_repeated);
    tcase_add_test(all, fields_are_restored_as_films_of_their_own);
    tcase_add_loop_test(all, any_height_is_restored, 0, 2);
    tcase_add_test(all, what_lies_below_is_not_seen);
    tcase_add_test(all, fields_become_frames_without_a_model);
    tcase_add_test(all, the_noise_level_may_change);
    tcase_add_test(all, a_frame_of_latency);
    tcase_add_test(all, a_flush);
    suite_add_tcase(suite, all);
    return suite;
}

GST_CHECK_MAIN(fields);
