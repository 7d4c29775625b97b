// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp mode=rate: how many frames go out and when, and at what rate both sides agree.
#include "interp.h"

typedef struct Pair {
    const char *properties;
    int in_n, in_d, out_n, out_d;
    guint frames, expected;
    GstClockTime origin;
    GstClockTime rounded; // how coarsely timestamps come in
} Pair;

static const Pair pairs[] = {
    { "", 25, 1, 50, 1, 10000, 20000, 0, 1 },
    { "", 12, 1, 24, 1, 10000, 20000, 0, 1 },
    { "", 30, 1, 24, 1, 10000, 8000, 0, 1 },
    { "", 24000, 1001, 60, 1, 10000, 25025, 0, 1 },
    { "", 24000, 1001, 60, 1, 10000, 25025, 3600 * GST_SECOND + 7, GST_MSECOND },
    { "factor=2", 24000, 1001, 48000, 1001, 1001, 2002, 0, GST_MSECOND },
    { "factor=7", 30000, 1001, 210000, 1001, 10, 70, 0, 1 },
    { "factor=4", 60, 1, 240, 1, 1, 4, 0, 1 },
    { "", 25, 1, 25, 1, 10, 10, 0, 1 },
    { "de-duplicate=true max-gap=1", 25, 1, 25, 1, 10, 10, 0, 1 },
    { "", 50, 1, 1, 1, 100, 2, 0, 1 },
    { "motion-blur=180", 60, 1, 24, 1, 1000, 400, 0, 1 },
    { "motion-blur=360", 24000, 1001, 60, 1, 1000, 2503, 3600 * GST_SECOND + 7, GST_MSECOND },
    { "motion-blur=1", 25, 1, 25, 1, 10, 10, 0, 1 },
};

static void expect_times(GstHarness *harness, const Pair *pair, guint *seen)
{
    while (frames_out(harness) > 0) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), pair->origin + scale(*seen, pair->out_n, pair->out_d));
        assert_equals_uint64(GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer),
                             pair->origin + scale(*seen + 1, pair->out_n, pair->out_d));
        gst_buffer_unref(buffer);
        ++*seen;
    }
}

GST_START_TEST(counts_and_timestamps_are_exact)
{
    const Pair *pair = &pairs[__i__];
    char *in = g_strdup_printf(SMALL, pair->in_n, pair->in_d), *out = g_strdup_printf(SMALL, pair->out_n, pair->out_d);
    GstHarness *harness = start(pair->properties, in, out);
    guint seen = 0;

    for (guint n = 0; n < pair->frames; n++) {
        GstClockTime time = scale(n, pair->in_n, pair->in_d);
        GstBuffer *buffer = make_small(pair->origin + time / pair->rounded * pair->rounded);

        GST_BUFFER_DURATION(buffer) = scale(1, pair->in_n, pair->in_d);
        push(harness, buffer);
        expect_times(harness, pair, &seen);
    }
    finish(harness);
    expect_times(harness, pair, &seen);
    assert_equals_int(seen, pair->expected);
    gst_harness_teardown(harness);
    g_free(in);
    g_free(out);
}
GST_END_TEST;

GST_START_TEST(originals_pass_bit_for_bit_and_others_lie_between)
{
    GstHarness *harness = start("factor=4", CAPS, NULL);

    for (int n = 0; n < 5; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 20);
    expect_stats(harness, 5, 12, 3);
    for (int n = 0; n < 20; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        if (n % 4 == 0 || n > 16)
            fail_unless(is_exactly(buffer, (Shot){ 0, n / 4 * 2 }), "%d is no original", n);
        else
            expect_made(buffer, (Shot){ 0, n * 0.5 });
        assert_equals_int(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), n > 16);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(the_last_frames_may_be_extrapolated)
{
    GstHarness *harness = start("factor=4 extrapolate=2", CAPS, NULL);
    GstBuffer *buffer;

    for (int n = 0; n < 3; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 12);
    expect_stats(harness, 3, 8, 1);
    for (int n = 0; n < 12; n++) {
        buffer = gst_harness_pull(harness);
        if (n == 9 || n == 10)
            expect_made(buffer, (Shot){ 0, n * 0.5 });
        if (n == 11)
            fail_unless(is_exactly(buffer, (Shot){ 0, 4 }));
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(with_no_frame_rate_each_gap_is_divided)
{
    static const GstClockTime times[] = { 0, 40, 50, 170, 180, 181 };
    GstHarness *harness = start("factor=3", GRAY_CAPS "0/1", NULL);
    guint n;

    for (n = 0; n < G_N_ELEMENTS(times); n++)
        push(harness, make_shot((Shot){ 0, times[n] * 0.05 }, times[n] * GST_MSECOND, 9 * GST_MSECOND));
    finish(harness);
    assert_equals_int(frames_out(harness), 3 * G_N_ELEMENTS(times));
    for (n = 0; n < 3 * G_N_ELEMENTS(times); n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        GstClockTime from = times[n / 3], to = n / 3 + 1 < G_N_ELEMENTS(times) ? times[n / 3 + 1] : from + 9;
        GstClockTime expected = from * GST_MSECOND + gst_util_uint64_scale_round((to - from) * GST_MSECOND, n % 3, 3);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), expected);
        if (n % 3 == 0)
            fail_unless(is_exactly(buffer, (Shot){ 0, from * 0.05 }));
        else if (n < 15)
            expect_made(buffer, (Shot){ 0, expected * 0.05 / GST_MSECOND });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(frames_that_come_irregularly_go_out_regularly)
{
    static const double times[] = { 0, 40, 75, 118, 160, 171, 240, 250 }; // ms, where the caps say 25 Hz
    GstHarness *harness = start("", CAPS, GRAY_CAPS "50/1");

    for (guint n = 0; n < G_N_ELEMENTS(times); n++)
        push(harness, make_shot((Shot){ 0, times[n] * 0.05 }, (GstClockTime)(times[n] * GST_MSECOND), FRAME_DURATION));
    finish(harness);
    assert_equals_int(frames_out(harness), 15); // until 250 + 40 ms
    for (guint n = 0; n < 15; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), n * 20 * GST_MSECOND);
        if (n <= 12)
            expect_made(buffer, (Shot){ 0, n });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

static void expect_output_rate(const char *properties, const char *in, const char *allowed, int n, int d)
{
    GstHarness *harness = start(properties, in, allowed);
    GstVideoInfo info;
    GstCaps *caps;

    push(harness, make_small(0));
    caps = gst_pad_get_current_caps(harness->sinkpad);
    fail_unless(gst_video_info_from_caps(&info, caps));
    fail_unless(info.fps_n == n && info.fps_d == d, "%d/%d and not %d/%d", info.fps_n, info.fps_d, n, d);
    gst_caps_unref(caps);
    gst_harness_teardown(harness);
}

GST_START_TEST(the_frame_rate_is_what_both_sides_agree_on)
{
#define IN "video/x-raw,format=GRAY8,width=4,height=4,framerate="
    expect_output_rate("", IN "25/1", NULL, 50, 1);
    expect_output_rate("", IN "25/1", "video/x-raw,framerate=[1/1,40/1]", 40, 1);
    expect_output_rate("", IN "25/1", "video/x-raw,framerate={24/1,48/1,60/1}", 48, 1);
    expect_output_rate("factor=3", IN "24000/1001", NULL, 72000, 1001);
    expect_output_rate("factor=3", IN "24000/1001", "video/x-raw,framerate=[1/1,100/1]", 72000, 1001);
    expect_output_rate("mode=fill factor=3", IN "24000/1001", NULL, 24000, 1001);
    expect_output_rate("", IN "0/1", "video/x-raw,framerate=60/1", 60, 1);
    expect_output_rate("", IN "0/1", NULL, 0, 1);
#undef IN
}
GST_END_TEST;

GST_START_TEST(a_factor_that_downstream_does_not_want_is_not_negotiated)
{
    GstHarness *harness = start("factor=2", CAPS, GRAY_CAPS "60/1");

    assert_equals_int(gst_harness_push(harness, moving(0)), GST_FLOW_NOT_NEGOTIATED);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(with_the_same_rate_frames_pass_untouched)
{
    GstHarness *harness = start("", CAPS, CAPS);
    GstBuffer *in = moving(0), *out;

    push(harness, gst_buffer_ref(in));
    out = gst_harness_pull(harness);
    fail_unless(out == in);
    assert_equals_uint64(gst_harness_query_latency(harness), 0);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(the_factor_may_change_while_frames_flow)
{
    GstHarness *harness = start("factor=2", CAPS, NULL);

    push_moving(harness, 0, 3);
    g_object_set(harness->element, "factor", 4, NULL);
    push_moving(harness, 3, 2);
    finish(harness);
    expect_pts(harness, "0 1 2 3 4 5 6 6 7 7 8 8 9 9 ");
}
GST_END_TEST;

// Captions and timecodes leave with the frame that they came with, and a region of interest with all of its pictures.
GST_START_TEST(captions_and_timecodes_are_not_repeated)
{
    static const guint8 caption[] = { 0xfc, 0x94, 0x2c };
    GstHarness *harness = start("factor=2", CAPS, NULL);

    for (int n = 0; n < 3; n++) {
        GstBuffer *buffer = moving(n);

        gst_buffer_add_video_caption_meta(buffer, GST_VIDEO_CAPTION_TYPE_CEA708_RAW, caption, sizeof caption);
        gst_buffer_add_video_time_code_meta_full(buffer, 25, 1, NULL, GST_VIDEO_TIME_CODE_FLAGS_NONE, 0, 0, 0, (guint)n,
                                                 0);
        gst_buffer_add_video_region_of_interest_meta(buffer, "face", 1, 2, 3, 4);
        push(harness, buffer);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 6);
    for (guint n = 0; n < 6; n++) { // every other one is made, and the last repeated
        GstBuffer *buffer = gst_harness_pull(harness);
        GstVideoTimeCodeMeta *code = gst_buffer_get_video_time_code_meta(buffer);

        assert_equals_int(gst_buffer_get_video_caption_meta(buffer) != NULL, n % 2 == 0);
        assert_equals_int(code != NULL, n % 2 == 0);
        fail_if(code && code->tc.frames != n / 2);
        fail_unless(gst_buffer_get_video_region_of_interest_meta(buffer) != NULL);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *rate_suite(void)
{
    Suite *suite = suite_create("udminterp");
    TCase *tests = tcase_create("rate");

    tcase_add_loop_test(tests, counts_and_timestamps_are_exact, 0, G_N_ELEMENTS(pairs));
    tcase_add_test(tests, originals_pass_bit_for_bit_and_others_lie_between);
    tcase_add_test(tests, the_last_frames_may_be_extrapolated);
    tcase_add_test(tests, with_no_frame_rate_each_gap_is_divided);
    tcase_add_test(tests, frames_that_come_irregularly_go_out_regularly);
    tcase_add_test(tests, the_frame_rate_is_what_both_sides_agree_on);
    tcase_add_test(tests, a_factor_that_downstream_does_not_want_is_not_negotiated);
    tcase_add_test(tests, with_the_same_rate_frames_pass_untouched);
    tcase_add_test(tests, the_factor_may_change_while_frames_flow);
    tcase_add_test(tests, captions_and_timecodes_are_not_repeated);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(rate_suite(), &argc, &argv);
}
