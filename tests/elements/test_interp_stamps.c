// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: timestamps that are wrong. What leaves never steps back, an error costs a frame or two, and a message says
// what happened.
#include "interp.h"

enum { FRAMES = 100, WRONG = 50 }; // so many, and which of them has the wrong timestamp

typedef struct Fault {
    const char *what;
    int number;              // of the frame; 0: the first
    gboolean on;             // all that follow it, too
    GstClockTimeDiff by;     // how wrong it is; the timestamp may become negative
    guint out;               // frames from factor=2
    guint dropped, messages; // of frames, and on the bus
} Fault;

#define MS ((GstClockTimeDiff)GST_MSECOND)

static const Fault faults[] = {
    { "no fault", 0, FALSE, 0, 200, 0, 0 },
    { "equal", WRONG, FALSE, -40 * MS, 200, 1, 1 },
    { "20 ms back", WRONG, FALSE, -60 * MS, 200, 1, 1 },
    { "two seconds back", WRONG, FALSE, -2000 * MS, 200, 1, 1 },
    { "376 s ahead", WRONG, FALSE, 376000 * MS, 200, 1, 1 },
    { "376 s ahead, the last but one", FRAMES - 2, FALSE, 376000 * MS, 200, 1, 1 },
    { "the first 376 s ahead", 0, FALSE, 376000 * MS, 198, 1, 1 },
    { "120 ms ahead", WRONG, FALSE, 120 * MS, 200, 3, 1 },
    { "a gap of 80 ms", WRONG, TRUE, 80 * MS, 204, 0, 0 },
    { "a jump of 376 s", WRONG, TRUE, 376000 * MS, 214, 0, 1 },
    { "a jump of 376 s, to the last", FRAMES - 1, TRUE, 376000 * MS, 214, 0, 1 },
    { "all earlier", WRONG, TRUE, -200 * MS, 190, 5, 1 },
    { "a frame below 0 ns at first", 0, FALSE, -117834, 200, 0, 0 },
    { "a frame below 0 ns", WRONG, FALSE, -WRONG * 40 * MS - 117834, 200, 1, 1 },
    { "far below 0 ns at first", 0, FALSE, -50 * MS, 198, 1, 1 },
};

static GstClockTime stamp_of(const Fault *fault, int n)
{
    gboolean wrong = fault->on ? n >= fault->number : n == fault->number;

    return (GstClockTime)((GstClockTimeDiff)((guint)n * FRAME_DURATION) + (wrong ? fault->by : 0));
}

// Counts what left, each later than the one before it, in the direction of playback.
static guint count_steady(GstHarness *harness, gboolean reverse, const char *what)
{
    GstClockTime last = GST_CLOCK_TIME_NONE;
    guint count = 0;

    for (; frames_out(harness) > 0; count++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        GstClockTime time = GST_BUFFER_PTS(buffer);

        fail_unless(GST_CLOCK_TIME_IS_VALID(time), "%s: frame %u has no timestamp", what, count);
        fail_if(GST_CLOCK_TIME_IS_VALID(last) && (reverse ? time >= last : time <= last),
                "%s: frame %u, at %" GST_TIME_FORMAT ", comes after %" GST_TIME_FORMAT, what, count,
                GST_TIME_ARGS(time), GST_TIME_ARGS(last));
        last = time;
        gst_buffer_unref(buffer);
    }
    return count;
}

static guint count_all_messages(GstBus *bus)
{
    return count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_INFO);
}

static void expect_outcome(GstHarness *harness, const Fault *fault, guint out, guint messages)
{
    guint count = count_steady(harness, FALSE, fault->what);

    fail_unless(count == out, "%s: %u frames came out, not %u", fault->what, count, out);
    assert_equals_uint64(get_stat(harness->element, "dropped"), fault->dropped);
    fail_unless(messages == fault->messages, "%s: %u messages, not %u", fault->what, messages, fault->messages);
}

// mode=fill makes none, so one comes out for each that is not dropped.
static void run(const Fault *fault, const char *properties, guint out)
{
    GstHarness *harness = start(properties, "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1", NULL);
    GstBus *bus = watch(harness->element);

    for (int n = 0; n < FRAMES; n++)
        push(harness, make_small(stamp_of(fault, n)));
    finish(harness);
    expect_outcome(harness, fault, out, count_all_messages(bus));
    unwatch(harness->element, bus);
    gst_harness_teardown(harness);
}

GST_START_TEST(one_that_is_wrong_costs_a_frame)
{
    const Fault *fault = &faults[__i__];

    run(fault, "factor=2", fault->out);
    run(fault, "mode=fill", FRAMES - fault->dropped);
    if (fault->number > 0) // without lookahead, the first has left before the second comes
        run(fault, "factor=2 lookahead=0", fault->out);
}
GST_END_TEST;

GST_START_TEST(frames_without_timestamps_follow_each_other)
{
    for (int every = 1; every <= 3; every++) {
        GstHarness *harness = start("factor=2", CAPS, NULL);

        for (int n = 0; n < 12; n++) {
            GstBuffer *buffer = moving(n);

            if (n % every == 0)
                GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
            if (n == 6)
                GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
            push(harness, buffer);
        }
        finish(harness);
        assert_equals_uint64(get_stat(harness->element, "dropped"), 0);
        expect_pts(harness, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 ");
    }
}
GST_END_TEST;

// Before the segment begins: a decoder may leave that to the sinks.
GST_START_TEST(a_negative_running_time_is_a_time)
{
    GstHarness *harness = start("factor=2", CAPS, NULL);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = 2 * FRAME_DURATION;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_moving(harness, 0, 4);
    finish(harness);
    expect_pts(harness, "0 1 2 3 4 5 6 7 ");
}
GST_END_TEST;

// Half a frame's time after the last: what the first half of the last frame is doubled to is shown already.
GST_START_TEST(what_begins_anew_does_not_step_back_either)
{
    GstHarness *harness = start("factor=4", CAPS, NULL);

    push_moving(harness, 0, 3);
    g_object_set(harness->element, "extrapolate", 1, NULL);
    push(harness, make_shot((Shot){ 0, 5 }, 5 * FRAME_DURATION / 2, FRAME_DURATION));
    push_moving(harness, 4, 2);
    finish(harness);
    count_steady(harness, FALSE, "a property that changed");
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(in_reverse_later_is_earlier)
{
    static const int numbers[] = { 40, 39, 39, 38, 39, 37, 0, 36, 35, 34 }; // in frames
    GstHarness *harness = start("factor=2", CAPS, NULL);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.rate = -1;
    segment.stop = 41 * FRAME_DURATION;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        push(harness, moving(numbers[i]));
    finish(harness);
    assert_equals_uint64(get_stat(harness->element, "dropped"), 3);
    assert_equals_int(count_steady(harness, TRUE, "reverse"), 14);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(a_new_segment_may_step_back)
{
    GstHarness *harness = start("factor=2", CAPS, NULL);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_moving(harness, 5, 2);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_moving(harness, 0, 2);
    finish(harness);
    expect_pts(harness, "10 11 12 13 0 1 2 3 ");
}
GST_END_TEST;

// Messages do not come as fast as frames do.
GST_START_TEST(many_that_are_wrong_are_one_message)
{
    GstHarness *harness = start("factor=2", CAPS, NULL);
    GstBus *bus = watch(harness->element);

    for (int n = 0; n < 30; n++)
        push(harness, moving(n / 2));
    assert_equals_int(count_all_messages(bus), 1);
    assert_equals_uint64(get_stat(harness->element, "dropped"), 15);
    unwatch(harness->element, bus);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// No sum of times overflows, which sanitizers would tell of.
GST_START_TEST(frames_may_last_for_decades)
{
    GstHarness *harness = gst_harness_new_parse("udminterp factor=3");
    const char *caps = "video/x-raw,format=RGB,width=16,height=16,framerate=1/2147483647";

    gst_harness_set_src_caps_str(harness, caps);
    push_frames(harness, caps, 0, 3);
    gst_harness_push_event(harness, gst_event_new_eos());
    assert_equals_int(frames_out(harness) > 0, TRUE);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Though it is the only one, and no other is made with it.
GST_START_TEST(a_buffer_that_is_too_small_is_an_error)
{
    GstElement *element = gst_object_ref_sink(gst_element_factory_make("udminterp", NULL));
    GstHarness *harness = make_harness(gst_object_ref(element), RGB_CAPS(16, 16));
    GstBus *bus = watch(element);

    assert_equals_int(gst_harness_push(harness, gst_buffer_new_allocate(NULL, 100, NULL)), GST_FLOW_ERROR);
    expect_error(bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// As a file that is read without a demuxer sends it: nothing has a time in it, and all frames come out.
GST_START_TEST(a_segment_of_bytes_is_played)
{
    GstHarness *harness = gst_harness_new_parse("udmdenoise model=tiny-denoise noise-level=25 ! udminterp");
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(harness, gst_event_new_stream_start("bytes"));
    gst_harness_set_src_caps_str(harness, RGB_CAPS(16, 16));
    gst_harness_push_event(harness, gst_event_new_segment(&segment));
    push_frames(harness, RGB_CAPS(16, 16), 0, 3);
    gst_harness_push_event(harness, gst_event_new_eos());
    assert_equals_int(frames_out(harness), 6); // it doubles them where nobody asks for a rate
    gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *stamps_suite(void)
{
    Suite *suite = suite_create("udminterp");
    TCase *tests = tcase_create("stamps");

    tcase_add_loop_test(tests, one_that_is_wrong_costs_a_frame, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tests, a_buffer_that_is_too_small_is_an_error);
    tcase_add_test(tests, a_segment_of_bytes_is_played);
    tcase_add_test(tests, frames_may_last_for_decades);
    tcase_add_test(tests, frames_without_timestamps_follow_each_other);
    tcase_add_test(tests, a_negative_running_time_is_a_time);
    tcase_add_test(tests, what_begins_anew_does_not_step_back_either);
    tcase_add_test(tests, in_reverse_later_is_earlier);
    tcase_add_test(tests, a_new_segment_may_step_back);
    tcase_add_test(tests, many_that_are_wrong_are_one_message);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(stamps_suite(), &argc, &argv);
}
