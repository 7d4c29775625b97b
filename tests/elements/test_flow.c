// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise: as many frames out as in, whatever happens between them: ends, flushes, new caps and segments, gaps, late
// frames, properties that change, and passthrough. With an engine that holds frames back, this is where they get lost.
#include "harness.h"

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#define CAPS RGB_CAPS(8, 8)

static const guint counts[] = { 0, 1, 2, 3, 50 };

static void finish(GstHarness *harness)
{
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
}

static GstHarness *start(void)
{
    return make_harness(make_denoise(""), CAPS);
}

GST_START_TEST(as_many_frames_come_out_as_went_in)
{
    guint count = counts[__i__];
    GstHarness *harness = start();

    push_frames(harness, CAPS, 0, count);
    assert_equals_int(frames_out(harness), MAX(count, engine_delay()) - engine_delay());
    finish(harness);
    assert_equals_int(frames_out(harness), count);
    for (guint n = 0; n < count; n++) {
        GstBuffer *out = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(out), n * FRAME_DURATION);
        assert_equals_uint64(GST_BUFFER_DURATION(out), FRAME_DURATION);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(frames_with_neither_time_nor_rate_come_out)
{
    const char *caps = "video/x-raw,format=RGB,width=8,height=8,framerate=0/1";
    GstHarness *harness = make_harness(make_denoise(""), caps);
    GstVideoInfo info = info_from(caps);

    for (guint n = 0; n < 4; n++) {
        GstBuffer *frame = make_frame(&info, n);

        GST_BUFFER_PTS(frame) = GST_BUFFER_DURATION(frame) = GST_CLOCK_TIME_NONE;
        GST_BUFFER_OFFSET(frame) = GST_BUFFER_OFFSET_NONE;
        assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 4);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- events

GST_START_TEST(frames_leave_with_the_caps_they_came_with)
{
    GstHarness *harness = start();
    GString *log = log_output(harness);

    push_frames(harness, CAPS, 0, 3);
    gst_harness_set_src_caps_str(harness, RGB_CAPS(5, 4));
    push_frames(harness, RGB_CAPS(5, 4), 3, 1);
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=6,height=4,framerate=25/1");
    push_frames(harness, "video/x-raw,format=GRAY8,width=6,height=4,framerate=25/1", 4, 1);
    finish(harness);
    expect_log(harness, log, "0, 1, 2, caps 5x4, segment, 3, caps 6x4, segment, 4, eos, ");
}
GST_END_TEST;

GST_START_TEST(a_flush_drops_what_is_held)
{
    GstHarness *harness = start();
    GString *log = log_output(harness);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_frames(harness, CAPS, 0, 3);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_frames(harness, CAPS, 10, 2);
    finish(harness);
    expect_log(harness, log,
               engine_delay() ? "0, flush-start, flush-stop, segment, 10, 11, eos, "
                              : "0, 1, 2, flush-start, flush-stop, segment, 10, 11, eos, ");
}
GST_END_TEST;

GST_START_TEST(frames_leave_with_the_segment_they_came_in)
{
    GstHarness *harness = start();
    GString *log = log_output(harness);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.base = 3 * FRAME_DURATION;
    push_frames(harness, CAPS, 0, 3);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_frames(harness, CAPS, 0, 2);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment_done(GST_FORMAT_TIME, 2 * FRAME_DURATION)));
    push_frames(harness, CAPS, 2, 1);
    fail_unless(gst_harness_push_event(harness, gst_event_new_stream_start("another")));
    finish(harness);
    expect_log(harness, log, "0, 1, 2, segment, 0, 1, segment-done, 2, eos, ");
}
GST_END_TEST;

GST_START_TEST(a_gap_comes_after_the_frames_before_it)
{
    GstHarness *harness = start();
    GString *log = log_output(harness);

    push_frames(harness, CAPS, 0, 3);
    fail_unless(gst_harness_push_event(harness, gst_event_new_gap(3 * FRAME_DURATION, FRAME_DURATION)));
    push_frames(harness, CAPS, 4, 2);
    finish(harness);
    expect_log(harness, log, "0, 1, 2, gap, 4, 5, eos, ");
}
GST_END_TEST;

GST_START_TEST(only_the_frame_that_is_discontinuous_says_so)
{
    GstHarness *harness = start();
    GString *log = log_output(harness);
    GstVideoInfo info = info_from(CAPS);
    GstBuffer *frame = make_frame(&info, 9);

    push_frames(harness, CAPS, 0, 3);
    GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DISCONT);
    assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    push_frames(harness, CAPS, 10, 3);
    finish(harness);
    expect_log(harness, log, "0, 1, 2, 9 discont, 10, 11, 12, eos, ");
}
GST_END_TEST;

GST_START_TEST(duplicates_keep_their_mark)
{
    GstHarness *harness = start();
    GstVideoInfo info = info_from(CAPS);

    for (guint n = 0; n < 4; n++) {
        GstBuffer *frame = make_frame(&info, n);

        if (n % 2)
            GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_GAP);
        assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 4);
    for (guint n = 0; n < 4; n++) {
        GstBuffer *out = gst_harness_pull(harness);

        assert_equals_int(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP) != 0, n % 2);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- latency

GST_START_TEST(the_latency_is_that_of_the_frames_held)
{
    GstElement *element = make_denoise("");
    GstBus *bus;
    GstHarness *harness = make_harness(gst_object_ref(element), NULL);

    bus = watch(element);
    gst_harness_set_upstream_latency(harness, 7 * GST_MSECOND);
    assert_equals_uint64(gst_harness_query_latency(harness), 7 * GST_MSECOND);
    gst_harness_set_src_caps_str(harness, CAPS);
    push_frames(harness, CAPS, 0, 1);
    assert_equals_uint64(gst_harness_query_latency(harness), 7 * GST_MSECOND + engine_delay() * FRAME_DURATION);
    assert_equals_int(count_messages(bus, GST_MESSAGE_LATENCY), engine_delay() > 0);

    g_object_set(element, "noise-level", 0.0, NULL); // passthrough
    push_frames(harness, CAPS, 1, 1);
    assert_equals_uint64(gst_harness_query_latency(harness), 7 * GST_MSECOND);
    assert_equals_int(count_messages(bus, GST_MESSAGE_LATENCY), engine_delay() > 0);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// The tiny model with a preview.
static GstHarness *start_ahead(GstElement **element, const char *properties)
{
    char *all = g_strdup_printf("model=tiny-guess %s", properties);

    *element = make_denoise(all);
    g_free(all);
    return make_harness(gst_object_ref(*element), CAPS);
}

GST_START_TEST(frames_that_are_looked_ahead_to_are_held)
{
    GstElement *element;
    GstHarness *harness = start_ahead(&element, "lookahead=3");

    push_frames(harness, CAPS, 0, 2);
    assert_equals_int(frames_out(harness), 0);
    assert_equals_uint64(gst_harness_query_latency(harness), (engine_delay() + 3) * FRAME_DURATION);
    push_frames(harness, CAPS, 2, 8);
    assert_equals_int(frames_out(harness), 10 - 3 - engine_delay());
    finish(harness);
    assert_equals_int(frames_out(harness), 10);
    for (guint n = 0; n < 10; n++) {
        GstBuffer *out = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(out), n * FRAME_DURATION);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(looking_ahead_may_begin_and_end_while_frames_flow)
{
    GstElement *element;
    GstHarness *harness = start_ahead(&element, "");
    GstBus *bus = watch(element);

    push_frames(harness, CAPS, 0, 4);
    g_object_set(element, "lookahead", 2, NULL);
    push_frames(harness, CAPS, 4, 4);
    assert_equals_uint64(gst_harness_query_latency(harness), (engine_delay() + 2) * FRAME_DURATION);
    assert_equals_int(count_messages(bus, GST_MESSAGE_LATENCY), 1);
    g_object_set(element, "lookahead", 0, NULL);
    push_frames(harness, CAPS, 8, 4);
    assert_equals_uint64(gst_harness_query_latency(harness), engine_delay() * FRAME_DURATION);
    assert_equals_int(count_messages(bus, GST_MESSAGE_LATENCY), 1);
    finish(harness);
    assert_equals_int(frames_out(harness), 12);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// By itself an element looks ahead where nobody waits for the frames.
GST_START_TEST(live_pipelines_do_not_look_ahead)
{
    const gboolean is_live = __i__ % 2, forced = __i__ / 2;
    const guint ahead = forced ? 1 : engine_is_fake() || is_live ? 0 : 2;
    char *line = g_strdup_printf("videotestsrc num-buffers=12 is-live=%d ! video/x-raw,format=RGB,width=16,height=16,"
                                 "framerate=25/1 ! udmdenoise name=d model=tiny-guess n-threads=1 noise-level=25 %s ! "
                                 "fakesink sync=false",
                                 is_live, forced ? "lookahead=1" : "");
    GstElement *pipeline = gst_parse_launch(line, NULL), *element = gst_bin_get_by_name(GST_BIN(pipeline), "d");
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    GstQuery *query = gst_query_new_latency();
    GstPad *pad = gst_element_get_static_pad(element, "src");
    GstClockTime least;
    gboolean live;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    assert_equals_int(GST_MESSAGE_TYPE(message), GST_MESSAGE_EOS);
    fail_unless(gst_pad_query(pad, query));
    gst_query_parse_latency(query, &live, &least, NULL);
    assert_equals_int(live, is_live);
    least -= FRAME_DURATION; // the source's own
    assert_equals_uint64(least, (engine_delay() + ahead) * FRAME_DURATION);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_message_unref(message);
    gst_query_unref(query);
    gst_object_unref(pad);
    gst_object_unref(bus);
    gst_object_unref(element);
    gst_object_unref(pipeline);
    g_free(line);
}
GST_END_TEST;

GST_START_TEST(a_flush_drops_what_is_looked_ahead_to)
{
    GstElement *element;
    GstHarness *harness = start_ahead(&element, "lookahead=2");
    GstSegment segment;
    GstBuffer *out;

    push_frames(harness, CAPS, 0, 2);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_frames(harness, CAPS, 10, 1);
    finish(harness);
    assert_equals_int(frames_out(harness), 1);
    out = gst_harness_pull(harness);
    assert_equals_uint64(GST_BUFFER_PTS(out), 10 * FRAME_DURATION);
    gst_buffer_unref(out);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- properties while frames flow

static void expect_touched(GstHarness *harness, GstBuffer *in, gboolean touched)
{
    GstVideoInfo info = info_from(CAPS);
    GstBuffer *out = gst_harness_pull(harness);

    assert_equals_uint64(GST_BUFFER_PTS(out), GST_BUFFER_PTS(in));
    fail_unless((difference(in, out, &info) > 0) == touched, "frame %d was %s",
                (int)(GST_BUFFER_PTS(in) / FRAME_DURATION), touched ? "not processed" : "processed");
    gst_buffer_unref(out);
    gst_buffer_unref(in);
}

GST_START_TEST(nothing_to_do_is_passthrough)
{
    GstElement *element = make_denoise("");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    const double levels[] = { 25, 25, 25, 0, 0, 25, 25, 0 };
    GstBuffer *in[G_N_ELEMENTS(levels)];
    GstVideoInfo info = info_from(CAPS);

    for (guint n = 0; n < G_N_ELEMENTS(levels); n++) {
        g_object_set(element, "noise-level", levels[n], NULL);
        in[n] = make_frame(&info, n);
        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in[n])), GST_FLOW_OK);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), G_N_ELEMENTS(levels));
    for (guint n = 0; n < G_N_ELEMENTS(levels); n++)
        expect_touched(harness, in[n], levels[n] > 0);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(settings_may_change_while_frames_flow)
{
    GstElement *element = make_denoise("");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);

    push_frames(harness, CAPS, 0, 3);
    g_object_set(element, "steps", 2, NULL);
    push_frames(harness, CAPS, 3, 3);
    g_object_set(element, "seed", G_GUINT64_CONSTANT(12), "n-threads", 2, NULL);
    push_frames(harness, CAPS, 6, 3);
    finish(harness);
    assert_equals_int(frames_out(harness), 9);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// The second of two frames, before which the number of views was set.
static GstBuffer *second_frame(gint views)
{
    GstElement *element = make_denoise("noise-level=25");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstBuffer *out;

    push_frames(harness, CAPS, 0, 1);
    g_object_set(element, "ensemble", views, NULL);
    push_frames(harness, CAPS, 1, 1);
    finish(harness);
    assert_equals_int(frames_out(harness), 2);
    gst_buffer_unref(gst_harness_pull(harness));
    out = gst_harness_pull(harness);
    gst_harness_teardown(harness);
    gst_object_unref(element);
    return out;
}

GST_START_TEST(an_ensemble_may_begin_while_frames_flow)
{
    GstVideoInfo info = info_from(CAPS);
    GstBuffer *one = second_frame(1), *eight = second_frame(8);

    fail_unless(difference(one, eight, &info) > 0, "eight views make what one makes");
    gst_buffer_unref(one);
    gst_buffer_unref(eight);
}
GST_END_TEST;

GST_START_TEST(a_bad_setting_while_frames_flow_is_a_warning_and_loses_nothing)
{
    GstElement *element = make_denoise("");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstBus *bus = watch(element);

    push_frames(harness, CAPS, 0, 3);
    g_object_set(element, "device", "none", NULL);
    push_frames(harness, CAPS, 3, 2);
    expect_warning(bus, "none", "defaults"); // once
    g_object_set(element, "device", "auto", NULL);
    push_frames(harness, CAPS, 5, 3);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    finish(harness);
    assert_equals_int(frames_out(harness), 8);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(more_noise_than_the_model_knows_is_a_warning)
{
    GstElement *element = make_denoise("noise-level=200");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstBus *bus = watch(element);

    push_frames(harness, CAPS, 0, 3);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING), 1);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// Keyframes in an editor: 0 until the fourth frame, 25 from there on.
GST_START_TEST(keyframes_follow_the_stream)
{
    GstElement *element = make_denoise("");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstControlSource *source = gst_interpolation_control_source_new();
    GstVideoInfo info = info_from(CAPS);
    GstBuffer *in[6];

    g_object_set(source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
    gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 0, 0);
    gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 3 * FRAME_DURATION, 25);
    fail_unless(gst_object_add_control_binding(
        GST_OBJECT(element), gst_direct_control_binding_new_absolute(GST_OBJECT(element), "noise-level", source)));
    gst_object_unref(source);
    for (guint n = 0; n < 6; n++) {
        in[n] = make_frame(&info, n);
        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in[n])), GST_FLOW_OK);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 6);
    for (guint n = 0; n < 6; n++)
        expect_touched(harness, in[n], n >= 3);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- quality of service

static guint count_degraded(GstElement *element)
{
    GstStructure *stats;
    guint64 degraded = 0;

    g_object_get(element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, "degraded", &degraded));
    gst_structure_free(stats);
    return (guint)degraded;
}

// A frame lasts a second, so that no machine is too slow for it.
static void push_late(gboolean qos)
{
    static const char *const caps = "video/x-raw,format=RGB,width=8,height=8,framerate=1/1";
    GstElement *element = make_denoise(qos ? "qos=true" : "qos=false");
    GstHarness *harness = make_harness(gst_object_ref(element), caps);
    GstBus *bus = watch(element);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in[8];

    for (guint n = 0; n < 8; n++) {
        if (n == 0) // downstream is at frame 2
            gst_harness_push_upstream_event(harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 2 * GST_SECOND, 0));
        in[n] = make_frame(&info, n);
        GST_BUFFER_PTS(in[n]) = n * GST_SECOND;
        GST_BUFFER_DURATION(in[n]) = GST_SECOND;
        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in[n])), GST_FLOW_OK);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 8);
    for (guint n = 0; n < 8; n++)
        expect_touched(harness, in[n], !qos || n > 2);
    assert_equals_int(count_messages(bus, GST_MESSAGE_QOS), qos ? 3 : 0);
    assert_equals_int(count_degraded(element), qos ? 3 : 0);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}

GST_START_TEST(late_frames_are_passed_on_as_they_came)
{
    push_late(TRUE);
}
GST_END_TEST;

GST_START_TEST(without_qos_late_frames_are_processed)
{
    push_late(FALSE);
}
GST_END_TEST;

// ---- an engine that fails

GST_START_TEST(a_device_that_fails_is_an_error_that_can_be_undone)
{
    GstElement *element = make_denoise("device=fails-at-3");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstBus *bus = watch(element);
    GstVideoInfo info = info_from(CAPS);

    push_frames(harness, CAPS, 0, 5);
    assert_equals_int(gst_harness_push(harness, make_frame(&info, 5)), GST_FLOW_ERROR);
    expect_error(bus, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED);
    gst_harness_teardown(harness);
    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);

    g_object_set(element, "device", "auto", NULL);
    harness = make_harness(gst_object_ref(element), CAPS);
    push_frames(harness, CAPS, 0, 5);
    finish(harness);
    assert_equals_int(frames_out(harness), 5);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_device_that_is_replaced_is_a_warning_and_no_frame_is_lost)
{
    GstElement *element = make_denoise("device=moves-at-2");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstBus *bus = watch(element);

    push_frames(harness, CAPS, 0, 3);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING), 0);
    push_frames(harness, CAPS, 3, 5);
    finish(harness);
    assert_equals_int(frames_out(harness), 8);
    expect_moved(element, bus);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *flow_suite(void)
{
    Suite *suite = suite_create("udmdenoise flow");
    TCase *flow = tcase_create("flow");

    tcase_add_loop_test(flow, as_many_frames_come_out_as_went_in, 0, G_N_ELEMENTS(counts));
    tcase_add_test(flow, frames_with_neither_time_nor_rate_come_out);
    tcase_add_test(flow, frames_leave_with_the_caps_they_came_with);
    tcase_add_test(flow, a_flush_drops_what_is_held);
    tcase_add_test(flow, frames_leave_with_the_segment_they_came_in);
    tcase_add_test(flow, a_gap_comes_after_the_frames_before_it);
    tcase_add_test(flow, only_the_frame_that_is_discontinuous_says_so);
    tcase_add_test(flow, duplicates_keep_their_mark);
    tcase_add_test(flow, the_latency_is_that_of_the_frames_held);
    tcase_add_test(flow, frames_that_are_looked_ahead_to_are_held);
    tcase_add_test(flow, looking_ahead_may_begin_and_end_while_frames_flow);
    tcase_add_loop_test(flow, live_pipelines_do_not_look_ahead, 0, 4);
    tcase_add_test(flow, a_flush_drops_what_is_looked_ahead_to);
    tcase_add_test(flow, nothing_to_do_is_passthrough);
    tcase_add_test(flow, settings_may_change_while_frames_flow);
    tcase_add_test(flow, an_ensemble_may_begin_while_frames_flow);
    tcase_add_test(flow, a_bad_setting_while_frames_flow_is_a_warning_and_loses_nothing);
    tcase_add_test(flow, more_noise_than_the_model_knows_is_a_warning);
    tcase_add_test(flow, keyframes_follow_the_stream);
    tcase_add_test(flow, late_frames_are_passed_on_as_they_came);
    tcase_add_test(flow, without_qos_late_frames_are_processed);
    if (engine_is_fake()) {
        tcase_add_test(flow, a_device_that_fails_is_an_error_that_can_be_undone);
        tcase_add_test(flow, a_device_that_is_replaced_is_a_warning_and_no_frame_is_lost);
    }
    suite_add_tcase(suite, flow);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(flow_suite(), &argc, &argv);
}
