// SPDX-License-Identifier: LGPL-2.1-or-later
// udmslowmotion: how many frames, when, and what they show, at a constant speed and along a ramp; and what goes the
// other way: seeks, durations, segments.
#include "interp.h"

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

enum { FRAMES = 8 };

static GstHarness *start_slow(const char *properties, const char *caps)
{
    char *line = g_strdup_printf("udmslowmotion %s", properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse", line);
    g_free(line);
    return make_harness(gst_object_ref_sink(element), caps);
}

static void push_moving_frames(GstHarness *harness, int first, int count)
{
    for (int n = first; n < first + count; n++)
        assert_equals_int(gst_harness_push(harness, moving(n)), GST_FLOW_OK);
}

// Frames come at the rate of the input without a gap; how often the picture is as it is.
static guint expect_even_times(GstHarness *harness, GstBuffer **frames, guint most)
{
    guint count = 0;

    while (frames_out(harness) > 0) {
        GstBuffer *frame = gst_harness_pull(harness);

        fail_unless(count < most, "more than %u frames", most);
        assert_equals_uint64(GST_BUFFER_PTS(frame), count * FRAME_DURATION);
        assert_equals_uint64(GST_BUFFER_DURATION(frame), FRAME_DURATION);
        frames[count++] = frame;
    }
    return count;
}

static void free_frames(GstBuffer **frames, guint count)
{
    for (guint n = 0; n < count; n++)
        gst_buffer_unref(frames[n]);
}

static const struct {
    const char *properties;
    guint parts; // of a frame
} speeds[] = { { "speed=1", 1 }, { "speed=0.5", 2 }, { "speed=0.25", 4 }, { "speed=0.2", 5 } };

// At half the speed every second frame is made, at a quarter three of four; none is a duplicate.
GST_START_TEST(frames_are_made_between_those_of_the_input)
{
    const guint parts = speeds[__i__].parts;
    GstHarness *harness = start_slow(speeds[__i__].properties, CAPS);
    GstBuffer *frames[FRAMES * 5];

    push_moving_frames(harness, 0, FRAMES);
    finish(harness);
    assert_equals_int(expect_even_times(harness, frames, FRAMES * parts), FRAMES * parts);
    expect_stats(harness, FRAMES, FRAMES * (parts - 1), 0);
    for (guint n = 0; n < FRAMES * parts; n++) {
        const Shot shot = { 0, 2.0 * n / parts };

        if (n % parts == 0)
            fail_unless(is_exactly(frames[n], shot), "frame %u is not that of the input", n);
        else if (!engine_is_fake())
            expect_made(frames[n], shot);
    }
    free_frames(frames, FRAMES * parts);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(other_speeds_keep_the_first_frame)
{
    GstHarness *harness = start_slow("speed=0.37", CAPS);
    GstBuffer *frames[FRAMES * 3];
    guint count;

    push_moving_frames(harness, 0, FRAMES);
    finish(harness);
    count = expect_even_times(harness, frames, FRAMES * 3);
    assert_equals_int(count, 22); // 8 / 0.37, begun
    fail_unless(is_exactly(frames[0], (Shot){ 0, 0 }));
    for (guint n = 0; n < count && !engine_is_fake(); n++)
        fail_unless(miss(frames[n], (Shot){ 0, 2 * 0.37 * n }) < 3, "frame %u", n);
    free_frames(frames, count);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Downstream may need another frame rate.
GST_START_TEST(the_frame_rate_is_that_of_the_input_or_what_downstream_needs)
{
    GstHarness *harness = start_slow("speed=0.5", NULL);

    gst_harness_set_sink_caps_str(harness, GRAY_CAPS "50/1");
    gst_harness_set_src_caps_str(harness, CAPS);
    push_moving_frames(harness, 0, FRAMES);
    finish(harness);
    assert_equals_int(frames_out(harness), FRAMES * 4);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Times of 60 frames a second, rounded to milliseconds as Matroska does.
// Ticks of a clock instead of frames: it is as if no rate were given, and a second has no million frames.
GST_START_TEST(a_rate_that_no_camera_has_is_none)
{
    static const char *const ticks[] = { GRAY_CAPS "1000/1", GRAY_CAPS "2147483647/1" };
    GstHarness *harness = start_slow("speed=0.5", ticks[__i__]);
    GstBuffer *frames[FRAMES * 2];

    push_moving_frames(harness, 0, FRAMES);
    finish(harness);
    assert_equals_int(expect_even_times(harness, frames, FRAMES * 2), FRAMES * 2);
    free_frames(frames, FRAMES * 2);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(rounded_times_are_those_of_the_rate)
{
    GstHarness *harness = start_slow("speed=0.5", GRAY_CAPS "60/1");

    for (guint n = 0; n < 12; n++)
        assert_equals_int(
            gst_harness_push(harness,
                             make_shot((Shot){ 0, n }, scale(n, 60, 1) / GST_MSECOND * GST_MSECOND, 17 * GST_MSECOND)),
            GST_FLOW_OK);
    finish(harness);
    assert_equals_int(frames_out(harness), 24);
    expect_stats(harness, 12, 12, 0);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- speeds that change

// From full speed to half within 8 frames: where the input is at a time of the output.
static double position(double slowed)
{
    // speed = 1 - t / 16 frames, so slowed = 16 log(16 / (16 - t)).
    return 16 * (1 - exp(-slowed / 16));
}

GST_START_TEST(a_ramp_is_followed)
{
    GstHarness *harness = start_slow("", NULL);
    GstControlSource *source = gst_interpolation_control_source_new();
    GstTimedValueControlSource *points = GST_TIMED_VALUE_CONTROL_SOURCE(source);
    GstBuffer *frames[FRAMES * 2];
    guint count;

    g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, NULL);
    gst_timed_value_control_source_set(points, 0, 1);
    gst_timed_value_control_source_set(points, 8 * FRAME_DURATION, 0.5);
    gst_object_add_control_binding(GST_OBJECT(harness->element), gst_direct_control_binding_new_absolute(
                                                                     GST_OBJECT(harness->element), "speed", source));
    gst_object_unref(source);
    gst_harness_set_src_caps_str(harness, CAPS);
    push_moving_frames(harness, 0, FRAMES);
    finish(harness);
    count = expect_even_times(harness, frames, FRAMES * 2);
    assert_equals_int(count, 12); // 16 log 2 = 11.1, begun
    fail_unless(is_exactly(frames[0], (Shot){ 0, 0 }));
    for (guint n = 1; n < count && !engine_is_fake(); n++)
        fail_unless(miss(frames[n], (Shot){ 0, 2 * position(n) }) < 4, "frame %u: %f", n,
                    miss(frames[n], (Shot){ 0, 2 * position(n) }));
    free_frames(frames, count);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Set while frames flow, it holds from the newest frame on, and time goes on evenly.
GST_START_TEST(a_speed_that_is_set_goes_on_from_there)
{
    GstHarness *harness = start_slow("speed=0.5", CAPS);
    GstBuffer *frames[FRAMES * 6];
    guint count;

    push_moving_frames(harness, 0, FRAMES);
    g_object_set(harness->element, "speed", 0.25, NULL);
    push_moving_frames(harness, FRAMES, FRAMES);
    finish(harness);
    count = expect_even_times(harness, frames, FRAMES * 6);
    fail_unless(count >= FRAMES * 6 - 2, "%u frames", count); // the newest frame was that before it was set
    expect_stats(harness, FRAMES * 2, count - FRAMES * 2, 0);
    free_frames(frames, count);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- the shutter

// By how much a frame differs from the mean of a picture that moves by this length.
static double miss_blurred(GstBuffer *buffer, double shift, double length)
{
    GstMapInfo map;
    double sum = 0;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (int y = 12; y < HEIGHT - 12; y++)
        for (int x = 12; x < WIDTH - 12; x++) {
            double mean = 0;

            for (int i = 0; i < 8; i++)
                mean += wave(0, x - shift - length * ((i + 0.5) / 8 - 0.5), y) / 8;
            sum += fabs(map.data[y * WIDTH + x] - mean);
        }
    gst_buffer_unmap(buffer, &map);
    return sum / ((HEIGHT - 24) * (WIDTH - 24));
}

GST_START_TEST(motion_blur_is_that_of_the_slowed_motion)
{
    GstHarness *harness = start_slow("speed=0.5 motion-blur=360", CAPS);
    GstBuffer *frames[FRAMES * 2];
    guint count;

    for (int n = 0; n < FRAMES; n++)
        assert_equals_int(
            gst_harness_push(harness, make_shot((Shot){ 0, 6 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION)),
            GST_FLOW_OK);
    finish(harness);
    count = expect_even_times(harness, frames, FRAMES * 2);
    assert_equals_int(count, FRAMES * 2);
    for (guint n = 1; n < count - 3 && !engine_is_fake(); n++) {
        fail_unless(miss_blurred(frames[n], 3 * n, 3) < 2.5, "frame %u: %f", n, miss_blurred(frames[n], 3 * n, 3));
        fail_unless(miss_blurred(frames[n], 3 * n, 3) < miss_blurred(frames[n], 3 * n, 0), "frame %u is sharp", n);
    }
    free_frames(frames, count);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(motion_blur_can_be_controlled)
{
    GstHarness *harness = start_slow("speed=1", NULL);
    GstControlSource *source = gst_interpolation_control_source_new();
    GstTimedValueControlSource *points = GST_TIMED_VALUE_CONTROL_SOURCE(source);
    GstBuffer *frames[FRAMES];

    g_object_set(source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
    gst_timed_value_control_source_set(points, 0, 0);
    gst_timed_value_control_source_set(points, 4 * FRAME_DURATION, 360);
    gst_object_add_control_binding(
        GST_OBJECT(harness->element),
        gst_direct_control_binding_new_absolute(GST_OBJECT(harness->element), "motion-blur", source));
    gst_object_unref(source);
    gst_harness_set_src_caps_str(harness, CAPS);
    for (int n = 0; n < FRAMES; n++)
        assert_equals_int(
            gst_harness_push(harness, make_shot((Shot){ 0, 4 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION)),
            GST_FLOW_OK);
    finish(harness);
    assert_equals_int(expect_even_times(harness, frames, FRAMES), FRAMES);
    for (guint n = 0; n < FRAMES - 1 && !engine_is_fake(); n++)
        if (n < 4)
            fail_unless(is_exactly(frames[n], (Shot){ 0, 4 * n }), "frame %u was changed", n);
        else
            fail_unless(miss_blurred(frames[n], 4 * n, 4) < 2, "frame %u: %f", n, miss_blurred(frames[n], 4 * n, 4));
    free_frames(frames, FRAMES);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- the other way

GST_START_TEST(seeks_and_segments_are_translated)
{
    GstHarness *harness = start_slow("speed=0.25", CAPS);
    GstSeekType start_type, stop_type;
    gint64 start, stop;
    GstSegment segment;
    GstEvent *event;
    gdouble rate;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.position = segment.time = GST_SECOND;
    segment.stop = 3 * GST_SECOND;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    while ((event = gst_harness_try_pull_event(harness))) {
        if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT)
            gst_event_copy_segment(event, &segment);
        gst_event_unref(event);
    }
    assert_equals_uint64(segment.start, 4 * GST_SECOND);
    assert_equals_uint64(segment.time, 4 * GST_SECOND);
    assert_equals_uint64(segment.stop, 12 * GST_SECOND);

    gst_harness_push_upstream_event(harness,
                                    gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                                                       8 * GST_SECOND, GST_SEEK_TYPE_SET, 10 * GST_SECOND));
    while ((event = gst_harness_try_pull_upstream_event(harness)) && GST_EVENT_TYPE(event) != GST_EVENT_SEEK)
        gst_event_unref(event);
    fail_unless(event != NULL, "the seek did not come through");
    gst_event_parse_seek(event, &rate, NULL, NULL, &start_type, &start, &stop_type, &stop);
    assert_equals_uint64(start, 2 * GST_SECOND);
    assert_equals_uint64(stop, 2500 * GST_MSECOND);
    gst_event_unref(event);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Downstream tells when a frame was to be shown, and by how much it came too early or too late.
GST_START_TEST(what_is_told_of_early_frames_is_translated)
{
    static const struct {
        GstClockTimeDiff late, before;                  // in ms
    } told[] = { { 0, 0 }, { -20, -5 }, { -40, -10 } }; // of a frame at 40 ms, which is one at 10 ms
    GstHarness *harness = start_slow("speed=0.25", CAPS);

    push_moving_frames(harness, 0, 2);
    for (guint i = 0; i < G_N_ELEMENTS(told); i++) {
        GstClockTimeDiff late = 1;
        GstClockTime time = 0;
        GstEvent *event;

        gst_harness_push_upstream_event(harness, gst_event_new_qos(GST_QOS_TYPE_OVERFLOW, 0.5,
                                                                   told[i].late * (GstClockTimeDiff)GST_MSECOND,
                                                                   40 * GST_MSECOND));
        while ((event = gst_harness_try_pull_upstream_event(harness))) {
            if (GST_EVENT_TYPE(event) == GST_EVENT_QOS)
                gst_event_parse_qos(event, NULL, NULL, &late, &time);
            gst_event_unref(event);
        }
        assert_equals_uint64(time, 10 * GST_MSECOND);
        assert_equals_int64(late, told[i].before * (GstClockTimeDiff)GST_MSECOND);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(durations_are_translated)
{
    GstElement *pipeline = gst_parse_launch("videotestsrc num-buffers=50 ! video/x-raw,format=GRAY8,width=16,height=16,"
                                            "framerate=25/1 ! udmslowmotion speed=0.25 ! fakesink",
                                            NULL);
    gint64 duration = 0;

    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    gst_element_get_state(pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    fail_unless(gst_element_query_duration(pipeline, GST_FORMAT_TIME, &duration));
    assert_equals_uint64(duration, 8 * GST_SECOND);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}
GST_END_TEST;

// Editors show the properties of what an effect holds when it is new, which is to be its own alone.
GST_START_TEST(it_is_empty_until_it_is_needed)
{
    GstElement *element = gst_object_ref_sink(gst_element_factory_make("udmslowmotion", NULL));

    assert_equals_int(GST_BIN_NUMCHILDREN(element), 0);
    for (guint turn = 0; turn < 3; turn++) {
        fail_unless_equals_int(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
        assert_equals_int(GST_BIN_NUMCHILDREN(element), 4);
        gst_element_set_state(element, GST_STATE_NULL);
    }
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *slowmotion_suite(void)
{
    Suite *suite = suite_create("udmslowmotion");
    TCase *tests = tcase_create("slowmotion");

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, frames_are_made_between_those_of_the_input, 0, G_N_ELEMENTS(speeds));
    tcase_add_test(tests, other_speeds_keep_the_first_frame);
    tcase_add_test(tests, the_frame_rate_is_that_of_the_input_or_what_downstream_needs);
    tcase_add_loop_test(tests, a_rate_that_no_camera_has_is_none, 0, 2);
    tcase_add_test(tests, rounded_times_are_those_of_the_rate);
    tcase_add_test(tests, a_ramp_is_followed);
    tcase_add_test(tests, a_speed_that_is_set_goes_on_from_there);
    tcase_add_test(tests, motion_blur_is_that_of_the_slowed_motion);
    tcase_add_test(tests, motion_blur_can_be_controlled);
    tcase_add_test(tests, seeks_and_segments_are_translated);
    tcase_add_test(tests, what_is_told_of_early_frames_is_translated);
    tcase_add_test(tests, durations_are_translated);
    tcase_add_test(tests, it_is_empty_until_it_is_needed);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(slowmotion_suite(), &argc, &argv);
}
