// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: ends, flushes, seeks, segments, reverse, live sources, lateness, errors and states.
#include "interp.h"

static GstHarness *start_logged(const char *properties, GString **log)
{
    GstHarness *harness = start(properties, CAPS, NULL);

    *log = log_output(harness);
    return harness;
}

GST_START_TEST(one_frame_is_a_stream)
{
    for (int frames = 0; frames < 3; frames++) {
        GstHarness *harness = start("factor=2", CAPS, NULL);

        push_moving(harness, 0, frames);
        finish(harness);
        assert_equals_int(frames_out(harness), 2 * frames);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

GST_START_TEST(what_is_held_leaves_before_what_follows)
{
    GString *log;
    GstHarness *harness = start_logged("factor=2", &log);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_moving(harness, 0, 2);
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
    push(harness, make_small(2 * FRAME_DURATION));
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push(harness, make_small(0));
    fail_unless(gst_harness_push_event(harness, gst_event_new_gap(FRAME_DURATION, FRAME_DURATION)));
    push(harness, make_small(2 * FRAME_DURATION));
    finish(harness);
    expect_log(harness, log, "0, 0, 1, 1, caps 4x4, segment, 2, 2, segment, 0, 0, gap, 2, 2, eos, ");
}
GST_END_TEST;

GST_START_TEST(duplicates_that_are_held_leave_before_what_follows)
{
    GString *log;
    GstHarness *harness = start_logged("mode=fill", &log);

    push_moving(harness, 0, 1);
    push_gap(harness, moving(1));
    push_gap(harness, moving(2));
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
    push(harness, make_small(3 * FRAME_DURATION));
    finish(harness);
    expect_log(harness, log, "0, 1, 2, caps 4x4, segment, 3, eos, ");
}
GST_END_TEST;

GST_START_TEST(a_flush_drops_what_is_held)
{
    GString *log;
    GstHarness *harness = start_logged("factor=2", &log);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_moving(harness, 0, 3);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_moving(harness, 10, 2);
    finish(harness);
    expect_log(harness, log, "0, 0, flush-start, flush-stop, segment, 10, 10, 11, 11, eos, ");
}
GST_END_TEST;

GST_START_TEST(only_what_follows_a_discontinuity_says_so)
{
    GString *log;
    GstHarness *harness = start_logged("factor=2", &log);
    GstBuffer *buffer = moving(5);

    push_moving(harness, 0, 2);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    push(harness, buffer);
    push_moving(harness, 6, 1);
    finish(harness);
    expect_log(harness, log, "0, 0, 1, 1, 5 discont, 5, 6, 6, eos, ");
}
GST_END_TEST;

GST_START_TEST(a_segment_that_stops_early_cuts_the_last_frame)
{
    GstHarness *harness = start("factor=4", CAPS, NULL);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.stop = 2 * FRAME_DURATION + FRAME_DURATION / 2;
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_moving(harness, 0, 3);
    finish(harness);
    assert_equals_int(frames_out(harness), 10);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(it_plays_in_reverse)
{
    GstHarness *harness = start_reverse("factor=2", CAPS, NULL);

    for (int n = 4; n >= 0; n--)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 10);
    for (int n = 9; n >= 0; n--) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), (guint)n * FRAME_DURATION / 2);
        assert_equals_uint64(GST_BUFFER_DURATION(buffer), FRAME_DURATION / 2);
        if (n % 2 == 0 || n == 9)
            fail_unless(is_exactly(buffer, (Shot){ 0, n / 2 * 2 }));
        else
            expect_made(buffer, (Shot){ 0, n });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(with_no_frame_rate_it_plays_in_reverse_too)
{
    GstHarness *harness = start_reverse("factor=2", GRAY_CAPS "0/1", NULL);

    for (int n = 2; n >= 0; n--)
        push(harness, moving(n));
    finish(harness);
    expect_pts(harness, "5 4 3 2 1 0 ");
}
GST_END_TEST;

typedef struct Delay {
    const char *properties;
    guint frames;
} Delay;

GST_START_TEST(the_latency_is_that_of_the_frames_held)
{
    static const Delay delays[] = {
        { "factor=2", 2 },
        { "factor=2 lookahead=0", 1 },
        { "mode=fill", 15 },
        { "mode=fill lookahead=0", 7 },
        { "mode=fill max-gap=3", 7 },
        { "mode=fill max-gap=3 lookahead=0 extrapolate=2", 6 },
        { "factor=2 de-duplicate=true max-gap=3", 4 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(delays); i++) {
        GstHarness *harness = start(delays[i].properties, CAPS, NULL);

        gst_harness_set_upstream_latency(harness, 7 * GST_MSECOND);
        push_moving(harness, 0, 1);
        assert_equals_uint64(gst_harness_query_latency(harness), 7 * GST_MSECOND + delays[i].frames * FRAME_DURATION);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

GST_START_TEST(late_frames_are_repeated)
{
    GstHarness *harness = start("factor=2 qos=true", CAPS, NULL);

    push_moving(harness, 0, 3);
    gst_harness_push_upstream_event(harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 3 * FRAME_DURATION, 0));
    push_moving(harness, 3, 4);
    finish(harness);
    assert_equals_int(frames_out(harness), 14);
    expect_stats(harness, 7, 4, 3);
    assert_equals_uint64(get_stat(harness->element, "degraded"), 2);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// A frame whose colours are the same everywhere, with a soft spot of alpha.
static GstBuffer *make_spot(const GstVideoInfo *info, guint number, double left)
{
    GstBuffer *buffer = make_frame(info, number);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < 4; c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                set_value(&frame, c, x, y, max_value(info) / 2);
    for (guint y = 0; y < HEIGHT; y++)
        for (guint x = 0; x < WIDTH; x++) {
            double away = hypot(x - left, y - HEIGHT / 2.0);

            set_value(&frame, 3, x, y, away > 24 ? 0 : (guint)(max_value(info) * (0.5 + 0.5 * cos(away * G_PI / 24))));
        }
    gst_video_frame_unmap(&frame);
    return buffer;
}

// The most that a component differs, as a share of the range; that of colours counts where they are not transparent.
static double miss_of_what_is_seen(GstBuffer *a, GstBuffer *b, const GstVideoInfo *info)
{
    GstVideoFrame fa, fb;
    guint most = 0;

    fail_unless(gst_video_frame_map(&fa, info, a, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fb, info, b, GST_MAP_READ));
    for (guint y = 0; y < HEIGHT; y++)
        for (guint x = 0; x < WIDTH; x++)
            for (guint c = 0; c < 4; c++) {
                guint got = get_value(&fa, c, x >> GST_VIDEO_FORMAT_INFO_W_SUB(info->finfo, c),
                                      y >> GST_VIDEO_FORMAT_INFO_H_SUB(info->finfo, c));
                guint want = get_value(&fb, c, x >> GST_VIDEO_FORMAT_INFO_W_SUB(info->finfo, c),
                                       y >> GST_VIDEO_FORMAT_INFO_H_SUB(info->finfo, c));

                if (c == 3 || get_value(&fb, 3, x, y) > max_value(info) / 4)
                    most = MAX(most, (guint)ABS((gint)got - (gint)want));
            }
    gst_video_frame_unmap(&fa);
    gst_video_frame_unmap(&fb);
    return (double)most / max_value(info);
}

static const char *const with_alpha[] = { "RGBA", "ABGR", "AYUV", "VUYA", "A420", "GBRA", "GBRA_10LE", "ARGB64" };

// Input frames are as they were; between them alpha is where the spot is then, in the format's own values.
GST_START_TEST(alpha_moves_along)
{
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=96,height=64,framerate=25/1", with_alpha[__i__]);
    GstHarness *harness = start("factor=2", caps, NULL);
    GstVideoInfo info = info_from(caps);

    for (guint n = 0; n < 3; n++)
        push(harness, make_spot(&info, n, 36 + 12 * n));
    finish(harness);
    assert_equals_int(frames_out(harness), 6);
    for (guint n = 0; n < 5; n++) {
        GstBuffer *buffer = gst_harness_pull(harness), *want = make_spot(&info, n, 36 + 6 * n);
        double missed = miss_of_what_is_seen(buffer, want, &info);

        fail_if(n % 2 == 0 && difference(buffer, want, &info) > 0, "%s: input frame %u changed", with_alpha[__i__], n);
        if (!engine_is_fake())
            fail_unless(missed < 0.01, "%s: frame %u misses by %.4f of the range", with_alpha[__i__], n, missed);
        gst_buffer_unref(buffer);
        gst_buffer_unref(want);
    }
    gst_harness_teardown(harness);
    g_free(caps);
}
GST_END_TEST;

// How far the frames between are from where they should be, of what moves ever faster and then slower again.
static double miss_of_a_swing(const char *properties)
{
    static const double shifts[] = { 0, 1.5, 6, 13.5, 18, 19.5 };
    GstHarness *harness = start(properties, CAPS, NULL);
    double missed = 0;

    for (guint n = 0; n < G_N_ELEMENTS(shifts); n++)
        push(harness, make_shot((Shot){ 0, shifts[n] }, n * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    for (guint n = 0; n < 2 * G_N_ELEMENTS(shifts); n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        if (n == 3) // x(t) = 1.5 t^2 at 1.5 frames
            missed = miss(buffer, (Shot){ 0, 3.375 });
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
    return missed;
}

GST_START_TEST(motion_bends_as_what_follows_does)
{
    double ahead = miss_of_a_swing("factor=2"), behind = miss_of_a_swing("factor=2 lookahead=0");

    fail_unless(ahead < 1.5 && ahead < 0.6 * behind, "it misses by %.2f, and by %.2f if it does not look ahead", ahead,
                behind);
}
GST_END_TEST;

// The frame between two that a model makes in one step, or draws in more.
static GstBuffer *make_with(const char *properties)
{
    GstHarness *harness = start(properties, CAPS, NULL);
    GstBuffer *made;

    push_moving(harness, 0, 2);
    finish(harness);
    assert_equals_int(frames_out(harness), 4);
    gst_buffer_unref(gst_harness_pull(harness));
    made = gst_harness_pull(harness);
    gst_harness_teardown(harness);
    return made;
}

static gboolean make_alike(const char *properties, const char *other)
{
    GstBuffer *a = make_with(properties), *b = make_with(other);
    GstMapInfo map;
    gboolean alike;

    fail_unless(gst_buffer_map(b, &map, GST_MAP_READ));
    alike = gst_buffer_memcmp(a, 0, map.data, map.size) == 0;
    gst_buffer_unmap(b, &map);
    gst_buffer_unref(a);
    gst_buffer_unref(b);
    return alike;
}

GST_START_TEST(a_model_is_used_where_one_is_set)
{
    fail_unless(make_alike("factor=2 model=tiny-interp", "factor=2 model=tiny-interp"));
    fail_if(make_alike("factor=2 model=tiny-interp", "factor=2"), "the model did nothing");
    fail_unless(make_alike("factor=2 model=tiny-interp steps=3 seed=5", "factor=2 model=tiny-interp steps=3 seed=5"));
    fail_if(make_alike("factor=2 model=tiny-interp steps=3 seed=5", "factor=2 model=tiny-interp steps=3 seed=6"),
            "the seed did nothing");
}
GST_END_TEST;

GST_START_TEST(without_a_model_that_is_missing_motion_makes_the_frames)
{
    GstElement *element = make_interp("model=no-such-model");
    GstBus *bus = watch(element);
    GstMessage *message;
    GError *error = NULL;

    fail_unless(gst_element_set_state(element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
    fail_unless(message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING);
    gst_message_parse_warning(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
    fail_unless(strstr(error->message, "by motion alone") != NULL, "%s", error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    gst_element_set_state(element, GST_STATE_NULL);
    fail_unless(make_alike("factor=2 model=no-such-model", "factor=2"));
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// Settings that the engine refuses: the defaults take their place.
GST_START_TEST(what_the_engine_refuses_is_a_warning)
{
    GstElement *element = make_interp("steps=2");
    GstBus *bus = watch(element);
    GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");

    gst_harness_set_src_caps_str(harness, CAPS);
    push(harness, moving(0));
    expect_warning(bus, "steps", "defaults");
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_device_that_is_replaced_is_a_warning)
{
    GstElement *element = make_interp("factor=4 device=moves-at-2");
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);

    for (int n = 0; n < 4; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 16);
    expect_moved(element, bus);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- whole pipelines

// What a sink got: timestamps in frames of 20 ms, one after the other.
static void note_frame(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer log)
{
    (void)sink;
    (void)pad;
    g_string_append_printf(log, "%d ", (int)(GST_BUFFER_PTS(buffer) / (FRAME_DURATION / 2)));
}

static GstElement *make_pipeline(const char *source, gboolean sync, GString *log)
{
    char *line =
        g_strdup_printf("%s ! video/x-raw,format=GRAY8,width=96,height=64,framerate=25/1 ! udminterp n-threads=1 "
                        "model=\"\" factor=2 name=interp ! fakesink name=sink signal-handoffs=true sync=%d",
                        source, sync);
    GstElement *pipeline = gst_parse_launch(line, NULL), *sink;

    fail_unless(pipeline != NULL, "\"%s\" does not parse", line);
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_signal_connect(sink, "handoff", G_CALLBACK(note_frame), log);
    gst_object_unref(sink);
    g_free(line);
    return pipeline;
}

static void play_to_the_end(GstElement *pipeline)
{
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "no end came");
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

static void seek(GstElement *pipeline, double rate, int start, int stop)
{
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    fail_unless(gst_element_get_state(pipeline, NULL, NULL, LONGEST) == GST_STATE_CHANGE_SUCCESS);
    fail_unless(gst_element_seek(pipeline, rate, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                 GST_SEEK_TYPE_SET, start * FRAME_DURATION, GST_SEEK_TYPE_SET, stop * FRAME_DURATION));
}

GST_START_TEST(a_seek_begins_anew)
{
    GString *log = g_string_new("");
    GstElement *pipeline = make_pipeline("videotestsrc num-buffers=100 pattern=ball", FALSE, log);

    seek(pipeline, 1, 10, 13);
    play_to_the_end(pipeline);
    assert_equals_string(log->str, "20 21 22 23 24 25 ");
    g_string_free(log, TRUE);
}
GST_END_TEST;

GST_START_TEST(a_seek_may_play_in_reverse)
{
    GString *log = g_string_new("");
    GstElement *pipeline = make_pipeline("videotestsrc num-buffers=100 pattern=ball", FALSE, log);

    seek(pipeline, -1, 10, 13);
    play_to_the_end(pipeline);
    assert_equals_string(log->str, "25 24 23 22 21 20 ");
    g_string_free(log, TRUE);
}
GST_END_TEST;

// The clock decides which number is the first.
static void expect_consecutive(char *numbers, int count)
{
    char **each = g_strsplit(g_strchomp(numbers), " ", -1);

    assert_equals_int((int)g_strv_length(each), count);
    for (int i = 1; i < count; i++)
        assert_equals_int(atoi(each[i]), atoi(each[0]) + i);
    g_strfreev(each);
}

// A live source says what latency the frames that are held add, and every frame comes.
GST_START_TEST(a_live_source_is_played)
{
    GString *log = g_string_new("");
    GstElement *pipeline = make_pipeline("videotestsrc is-live=true num-buffers=5 pattern=ball", TRUE, log);
    GstQuery *query = gst_query_new_latency();
    GstClockTime least;
    gboolean live;

    assert_equals_int(gst_element_set_state(pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_ASYNC);
    assert_equals_int(gst_element_get_state(pipeline, NULL, NULL, LONGEST), GST_STATE_CHANGE_SUCCESS);
    fail_unless(gst_element_query(pipeline, query));
    gst_query_parse_latency(query, &live, &least, NULL);
    fail_unless(live && least >= FRAME_DURATION, "live %d, latency %d ms", live, (int)(least / GST_MSECOND));
    gst_query_unref(query);
    play_to_the_end(pipeline);
    expect_consecutive(log->str, 10);
    g_string_free(log, TRUE);
}
GST_END_TEST;

// ---- cancelling

#define SLOW_CAPS "video/x-raw,format=GRAY8,width=3840,height=2160,framerate=25/1"

static gpointer push_slow_frames(gpointer data)
{
    GstHarness *harness = data;
    GstFlowReturn ret = GST_FLOW_OK;

    for (guint n = 0; n < 100 && ret == GST_FLOW_OK; n++) {
        GstBuffer *frame = gst_buffer_new_allocate(NULL, 3840 * 2160, NULL);

        gst_buffer_memset(frame, 0, (guint8)(100 + n), 3840 * 2160);
        GST_BUFFER_PTS(frame) = n * FRAME_DURATION;
        ret = gst_harness_push(harness, frame);
    }
    return GINT_TO_POINTER(ret);
}

static GThread *start_slow_frames(GstHarness *harness)
{
    GThread *thread = g_thread_new("push", push_slow_frames, harness);

    g_usleep(G_USEC_PER_SEC);
    return thread;
}

GST_START_TEST(a_slow_frame_does_not_hold_up_null)
{
    GstElement *element = make_interp(engine_is_fake() ? "factor=8 steps=1000" : "factor=64");
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GThread *thread = start_slow_frames(harness);
    Moment since = now();

    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    assert_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
    expect_quick(since);
    assert_equals_int(count_messages(bus, GST_MESSAGE_ERROR), 0);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_slow_frame_does_not_hold_up_a_flush)
{
    GstElement *element = make_interp(engine_is_fake() ? "factor=8 steps=1000" : "factor=64");
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GThread *thread = start_slow_frames(harness);
    Moment since = now();
    GstSegment segment;

    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    assert_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    expect_quick(since);

    g_object_set(element, "steps", 1, "factor", 8, NULL);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_set_src_caps_str(harness, CAPS);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    while (frames_out(harness) > 0)
        gst_buffer_unref(gst_harness_pull(harness));
    push_moving(harness, 0, 2);
    finish(harness);
    assert_equals_int(frames_out(harness), 16);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *flow_suite(void)
{
    Suite *suite = suite_create("udminterp");
    TCase *tests = tcase_create("flow");

    tcase_add_test(tests, one_frame_is_a_stream);
    tcase_add_test(tests, what_is_held_leaves_before_what_follows);
    tcase_add_test(tests, duplicates_that_are_held_leave_before_what_follows);
    tcase_add_test(tests, a_flush_drops_what_is_held);
    tcase_add_test(tests, only_what_follows_a_discontinuity_says_so);
    tcase_add_test(tests, a_segment_that_stops_early_cuts_the_last_frame);
    tcase_add_test(tests, it_plays_in_reverse);
    tcase_add_test(tests, with_no_frame_rate_it_plays_in_reverse_too);
    tcase_add_test(tests, the_latency_is_that_of_the_frames_held);
    tcase_add_test(tests, late_frames_are_repeated);
    tcase_add_loop_test(tests, alpha_moves_along, 0, G_N_ELEMENTS(with_alpha));
    tcase_add_test(tests, a_slow_frame_does_not_hold_up_null);
    tcase_add_test(tests, a_slow_frame_does_not_hold_up_a_flush);
    tcase_add_test(tests, without_a_model_that_is_missing_motion_makes_the_frames);
    if (engine_is_fake()) {
        tcase_add_test(tests, a_device_that_is_replaced_is_a_warning);
    } else {
        tcase_add_test(tests, motion_bends_as_what_follows_does);
        tcase_add_test(tests, a_model_is_used_where_one_is_set);
        tcase_add_test(tests, what_the_engine_refuses_is_a_warning);
    }
    tcase_add_test(tests, a_seek_begins_anew);
    tcase_add_test(tests, a_seek_may_play_in_reverse);
    tcase_add_test(tests, a_live_source_is_played);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(flow_suite(), &argc, &argv);
}
