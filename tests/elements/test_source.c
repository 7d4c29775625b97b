// SPDX-License-Identifier: LGPL-2.1-or-later
// udmsrc: frames, times, seeks, ends, states, caps and URIs. The fake engine's frames show which number, class and
// guidance they were made for.
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include "source.h"

GST_START_TEST(test_frames_are_numbered_and_stamped)
{
    GstHarness *harness = play(make_source(""), "video/x-raw,format=GRAY8,width=16,height=16,framerate=30000/1001");

    for (guint n = 0; n < 8; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        guint64 start = gst_util_uint64_scale(n, 1001 * GST_SECOND, 30000);
        guint64 end = gst_util_uint64_scale(n + 1, 1001 * GST_SECOND, 30000);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), start);
        assert_equals_uint64(GST_BUFFER_DURATION(buffer), end - start);
        assert_equals_uint64(GST_BUFFER_OFFSET(buffer), n);
        assert_equals_uint64(GST_BUFFER_OFFSET_END(buffer), n + 1);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_the_model_chooses_the_size_and_25_frames_a_second)
{
    GstHarness *harness = play(make_source("num-frames=1"), NULL);
    GstBuffer *buffer = gst_harness_pull(harness);
    GstCaps *caps = gst_pad_get_current_caps(harness->sinkpad);
    GstVideoInfo info;

    fail_unless(gst_video_info_from_caps(&info, caps));
    assert_equals_int(GST_VIDEO_INFO_WIDTH(&info), SIDE);
    assert_equals_int(GST_VIDEO_INFO_HEIGHT(&info), SIDE);
    assert_equals_int(GST_VIDEO_INFO_FPS_N(&info), 25);
    assert_equals_int(GST_VIDEO_INFO_FPS_D(&info), 1);
    assert_equals_int(GST_VIDEO_INFO_COMP_DEPTH(&info, 0), 8);
    gst_caps_unref(caps);
    gst_buffer_unref(buffer);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_caps_with_ranges_get_a_whole_factor)
{
    GstHarness *harness =
        play(make_source("num-frames=1"), "video/x-raw,format=BGRA,width=[40,100],height=[30,100],framerate=[1/1,9/1]");
    GstBuffer *buffer = gst_harness_pull(harness);
    GstCaps *caps = gst_pad_get_current_caps(harness->sinkpad);
    GstVideoInfo info;
    GstVideoFrame frame;

    fail_unless(gst_video_info_from_caps(&info, caps));
    assert_equals_int(GST_VIDEO_INFO_WIDTH(&info), 48);
    assert_equals_int(GST_VIDEO_INFO_HEIGHT(&info), 48);
    assert_equals_int(GST_VIDEO_INFO_FPS_N(&info), 9);
    fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    for (guint y = 0; y < 48; y++)
        for (guint x = 0; x < 48; x++) {
            assert_equals_int(get_value(&frame, 0, x, y), get_value(&frame, 0, x / 3 * 3, y / 3 * 3));
            assert_equals_int(get_value(&frame, 3, x, y), 255); // opaque
        }
    gst_video_frame_unmap(&frame);
    gst_caps_unref(caps);
    gst_buffer_unref(buffer);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_a_device_that_is_replaced_is_a_warning)
{
    GstElement *element = make_source("num-frames=6 device=moves-at-2");
    GstBus *bus = watch(element);
    GstHarness *harness = play(gst_object_ref(element), CAPS);

    for (guint n = 0; n < 6; n++)
        gst_buffer_unref(gst_harness_pull(harness));
    expect_moved(element, bus);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(test_what_cannot_be_made_is_an_error)
{
    expect_failure("", "video/x-raw,width=40,height=40", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    expect_failure("", "video/x-raw,framerate=0/1", GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
    expect_failure("model=nowhere", "video/x-raw", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
}
GST_END_TEST;

GST_START_TEST(test_it_ends_after_num_frames)
{
    GstHarness *harness = play(make_source("num-frames=3"), CAPS);
    gint64 duration = 0;

    for (guint n = 0; n < 3; n++)
        gst_buffer_unref(gst_harness_pull(harness));
    for (GstEvent *event; (event = gst_harness_pull_event(harness));) {
        gboolean end = GST_EVENT_TYPE(event) == GST_EVENT_EOS;

        gst_event_unref(event);
        if (end)
            break;
    }
    assert_equals_int(frames_out(harness), 0);
    fail_unless(gst_element_query_duration(harness->element, GST_FORMAT_TIME, &duration));
    assert_equals_int64(duration, 3 * FRAME_DURATION);
    fail_unless(gst_element_query_duration(harness->element, GST_FORMAT_DEFAULT, &duration));
    assert_equals_int64(duration, 3);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_without_end_the_duration_is_unknown)
{
    GstHarness *harness = play(make_source(""), CAPS);
    gint64 duration = 0;

    gst_buffer_unref(gst_harness_pull(harness));
    fail_unless(gst_element_query_duration(harness->element, GST_FORMAT_TIME, &duration));
    assert_equals_int64(duration, -1);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_a_seek_gives_what_playing_gives)
{
    static const guint jumps[] = { 7, 2, 11, 3 };
    GstHarness *harness = play(make_source("scene-length=5 seed=3"), CAPS);
    guint64 played[14];
    GstBuffer *buffer;

    for (guint n = 0; n < G_N_ELEMENTS(played); n++)
        played[n] = frame_hash(harness, n);
    for (guint i = 0; i < G_N_ELEMENTS(jumps); i++) {
        seek(harness, jumps[i]);
        buffer = pull_frame(harness, jumps[i]);
        fail_unless(hash(buffer) == played[jumps[i]], "frame %d differs after a seek", jumps[i]);
        assert_equals_uint64(GST_BUFFER_PTS(buffer), jumps[i] * FRAME_DURATION);
        gst_buffer_unref(buffer);
        fail_unless(frame_hash(harness, jumps[i] + 1) == played[jumps[i] + 1]);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_playing_backwards_is_refused)
{
    GstHarness *harness = play(make_source(""), CAPS);
    GstEvent *event = gst_event_new_seek(-1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                         GST_SEEK_TYPE_SET, (gint64)GST_SECOND);

    gst_buffer_unref(gst_harness_pull(harness));
    fail_unless(!gst_harness_push_upstream_event(harness, event));
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_the_same_seed_gives_the_same_frames)
{
    GstHarness *one = play(make_source("seed=1"), CAPS), *again = play(make_source("seed=1"), CAPS);
    GstHarness *two = play(make_source("seed=2"), CAPS);
    guint64 sum = frame_hash(one, 1);

    fail_unless(sum == frame_hash(again, 1));
    fail_unless(engine_is_fake() || sum != frame_hash(two, 1));
    gst_harness_teardown(one);
    gst_harness_teardown(again);
    gst_harness_teardown(two);
}
GST_END_TEST;

GST_START_TEST(test_position_is_that_of_the_frames)
{
    GstHarness *harness = play(make_source("num-frames=2"), CAPS);
    gint64 position = -1;

    gst_buffer_unref(gst_harness_pull(harness));
    gst_buffer_unref(gst_harness_pull(harness));
    fail_unless(gst_element_query_position(harness->element, GST_FORMAT_TIME, &position));
    fail_unless(position >= (gint64)FRAME_DURATION && position <= (gint64)(2 * FRAME_DURATION));
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_a_live_source_says_so)
{
    GstHarness *harness = play(make_source("is-live=true"), CAPS);
    GstQuery *query = gst_query_new_latency();
    GstClockTime min;
    gboolean live;

    gst_harness_use_systemclock(harness);
    gst_buffer_unref(gst_harness_pull(harness));
    fail_unless(gst_pad_peer_query(harness->sinkpad, query));
    gst_query_parse_latency(query, &live, &min, NULL);
    fail_unless(live);
    assert_equals_uint64(min, FRAME_DURATION);
    gst_query_unref(query);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// A frame that takes long is given up. All of it would be some ten seconds of computing, and more on a slow machine; to
// give it up is a matter of milliseconds.
static void expect_given_up(Moment start)
{
    gint64 computed = now().computed_us - start.computed_us;

    fail_unless(computed < 3 * G_USEC_PER_SEC, "%" G_GINT64_FORMAT " ms of computing", computed / 1000);
    expect_quick(start);
}

GST_START_TEST(test_null_does_not_wait_for_a_frame)
{
    GstHarness *harness = play(make_source("steps=1000"), CAPS);
    Moment start;

    g_usleep(100000);
    start = now();
    gst_element_set_state(harness->element, GST_STATE_NULL);
    expect_given_up(start);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_a_flush_does_not_wait_for_a_frame)
{
    GstHarness *harness = play(make_source("steps=1000"), CAPS);
    Moment start;

    g_usleep(100000);
    start = now();
    seek(harness, 0);
    expect_given_up(start);
    gst_element_set_state(harness->element, GST_STATE_NULL);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_states_can_be_cycled)
{
    GstElement *element = make_source("num-frames=2");
    GstHarness *harness = gst_harness_new_with_element(element, NULL, "src");
    guint64 first = 0;

    gst_harness_set_sink_caps_str(harness, CAPS);
    for (int round = 0; round < 3; round++) {
        guint64 sum;

        gst_harness_play(harness);
        sum = frame_hash(harness, 0);
        fail_unless(round == 0 || sum == first);
        first = sum;
        gst_element_set_state(element, GST_STATE_NULL);
        while (gst_harness_buffers_in_queue(harness) > 0)
            gst_buffer_unref(gst_harness_pull(harness));
        gst_pad_set_active(harness->sinkpad, FALSE);
        gst_pad_set_active(harness->sinkpad, TRUE);
    }
    gst_object_unref(element);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_properties_change_frames_while_playing)
{
    GstHarness *harness = play(make_source("guidance-scale=1 scene-length=0"), CAPS);

    if (engine_is_fake()) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_int(first_byte(buffer), painted(0, -1, 1));
        gst_buffer_unref(buffer);
        g_object_set(harness->element, "class-label", 1, NULL);
        buffer = pull_frame(harness, 60);
        assert_equals_int(first_byte(buffer), painted(60, 1, 1));
        gst_buffer_unref(buffer);
    } else {
        gst_buffer_unref(gst_harness_pull(harness));
        g_object_set(harness->element, "seed", (guint64)5, "steps", 3, NULL); // opened anew in mid-stream
        gst_buffer_unref(pull_frame(harness, 20));
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

static void wait_for_error(GstBus *bus, GQuark domain, int code)
{
    GstMessage *message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_ERROR);
    GError *error = NULL;

    fail_unless(message != NULL, "no error was posted");
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, domain, code), "posted %s %d (%s)", g_quark_to_string(error->domain),
                error->code, error->message);
    g_clear_error(&error);
    gst_message_unref(message);
}

// A bad setting, and then the flow that it stops.
static void wait_until_stopped(GstBus *bus)
{
    wait_for_error(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    wait_for_error(bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
}

static void seek_to_start(GstElement *pipeline)
{
    fail_unless(gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
}

// Each seek starts the streaming thread again.
GST_START_TEST(test_a_bad_setting_while_playing_is_an_error_that_can_be_undone)
{
    GstElement *pipeline = gst_pipeline_new(NULL), *source = make_source(""), *sink;
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    char *device;

    sink = gst_element_factory_make("fakesink", NULL);
    gst_bin_add_many(GST_BIN(pipeline), source, sink, NULL);
    fail_unless(gst_element_link(source, sink));
    g_object_get(source, "device", &device, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    fail_unless_equals_int(gst_element_get_state(pipeline, NULL, NULL, LONGEST), GST_STATE_CHANGE_SUCCESS);

    g_object_set(source, "device", "none", NULL);
    wait_until_stopped(bus);
    seek_to_start(pipeline);
    wait_until_stopped(bus);
    g_object_set(source, "device", device, "num-frames", G_GINT64_CONSTANT(3), NULL);
    seek_to_start(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING); // which it lost to the errors
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "it does not play to its end");
    gst_message_unref(message);

    gst_element_set_state(pipeline, GST_STATE_NULL);
    g_free(device);
    gst_object_unref(source);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}
GST_END_TEST;

// Keyframes count at the time of the frame that they are for, also when a seek jumps over them.
GST_START_TEST(test_keyframes_are_exact)
{
    GstElement *element = make_source("guidance-scale=0");
    GstControlSource *curve = gst_interpolation_control_source_new();
    GstTimedValueControlSource *timed = GST_TIMED_VALUE_CONTROL_SOURCE(curve);
    GstHarness *harness;

    g_object_set(curve, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
    fail_unless(gst_timed_value_control_source_set(timed, 0, 1));
    fail_unless(gst_timed_value_control_source_set(timed, 4 * FRAME_DURATION, 2));
    fail_unless(gst_object_add_control_binding(
        GST_OBJECT(element), gst_direct_control_binding_new_absolute(GST_OBJECT(element), "class-label", curve)));
    gst_object_unref(curve);
    harness = play(element, CAPS);
    if (engine_is_fake()) {
        static const guint numbers[] = { 3, 4, 2, 6 };

        for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
            GstBuffer *buffer;

            seek(harness, numbers[i]);
            buffer = pull_frame(harness, numbers[i]);
            assert_equals_int(first_byte(buffer), painted(numbers[i], numbers[i] < 4 ? 1 : 2, 0));
            gst_buffer_unref(buffer);
        }
    } else {
        guint64 played = frame_hash(harness, 5);

        seek(harness, 5);
        fail_unless(frame_hash(harness, 5) == played);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_stats)
{
    GstHarness *harness = play(make_source(""), CAPS);
    GstStructure *stats;
    guint64 frames, scenes;

    gst_buffer_unref(pull_frame(harness, 2));
    g_object_get(harness->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "scenes", G_TYPE_UINT64, &scenes, NULL));
    fail_unless(frames >= 3);
    assert_equals_uint64(scenes, 1);
    gst_structure_free(stats);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// ---- udm://

static GstElement *from_uri(const char *uri, GError **error)
{
    GstElement *element = gst_element_make_from_uri(GST_URI_SRC, uri, NULL, error);

    return element ? gst_object_ref_sink(element) : NULL;
}

GST_START_TEST(test_a_uri_sets_properties)
{
    GstElement *element = from_uri("udm://tiny-video?class-label=3&seed=7&guidance-scale=1.5&sampler=ddim", NULL);
    char *model, *uri;
    gint class;
    guint64 seed;
    gdouble guidance;

    fail_unless(element != NULL);
    g_object_get(element, "model", &model, "class-label", &class, "seed", &seed, "guidance-scale", &guidance, NULL);
    assert_equals_string(model, "tiny-video");
    assert_equals_int(class, 3);
    assert_equals_uint64(seed, 7);
    assert_equals_float(guidance, 1.5);
    g_free(model);
    gst_object_unref(element);

    // And what it says of itself makes another one like it.
    element = make_source("class-label=2 seed=18446744073709551615 num-frames=9");
    uri = gst_uri_handler_get_uri(GST_URI_HANDLER(element));
    gst_object_unref(element);
    element = from_uri(uri, NULL);
    fail_unless(element != NULL, "%s", uri);
    g_object_get(element, "class-label", &class, "seed", &seed, NULL);
    assert_equals_int(class, 2);
    assert_equals_uint64(seed, G_MAXUINT64);
    g_free(uri);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(test_a_player_plays_a_uri)
{
    char *line = g_strdup_printf("playbin uri=\"udm://tiny-video?num-frames=4&device=%s\" video-sink=fakesink",
                                 engine_is_fake() ? "auto" : "reference");
    GstElement *player = gst_parse_launch(line, NULL);
    GstBus *bus;
    GstMessage *message;
    gint64 duration = 0;

    fail_unless(player != NULL, "%s", line);
    bus = gst_element_get_bus(player);
    gst_element_set_state(player, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    fail_unless(gst_element_query_duration(player, GST_FORMAT_TIME, &duration));
    assert_equals_int64(duration, 4 * FRAME_DURATION);
    gst_message_unref(message);
    gst_element_set_state(player, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(player);
    g_free(line);
}
GST_END_TEST;

GST_START_TEST(test_a_directory_in_a_uri)
{
    GstElement *element = from_uri("udm:///some/where/model?class-label=1", NULL);
    char *model, *uri;

    fail_unless(element != NULL);
    g_object_get(element, "model", &model, NULL);
    assert_equals_string(model, "/some/where/model");
    uri = gst_uri_handler_get_uri(GST_URI_HANDLER(element));
    assert_equals_string(uri, "udm:///some/where/model?class-label=1");
    g_free(model);
    g_free(uri);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(test_bad_uris_are_refused)
{
    static const char *const bad[] = { "udm://digits?colour=red",
                                       "udm://digits?class-label=three",
                                       "udm://digits?name=x",
                                       "udm://digits?class-label=-7",
                                       "udm://digits?seed",
                                       "udm://digits?continue-from=/etc/hostname",
                                       "udm://world?image=/etc/hostname",
                                       "udm://world?lora=/etc/hostname" };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;

        fail_unless(from_uri(bad[i], &error) == NULL, "%s was taken", bad[i]);
        fail_unless(g_error_matches(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI), "%s", bad[i]);
        g_clear_error(&error);
    }
}
GST_END_TEST;

int main(int argc, char **argv)
{
    Suite *suite = suite_create("udmsrc");
    TCase *frames = tcase_create("frames"), *uris = tcase_create("uris");

    suite_add_tcase(suite, frames);
    tcase_add_test(frames, test_frames_are_numbered_and_stamped);
    tcase_add_test(frames, test_the_model_chooses_the_size_and_25_frames_a_second);
    tcase_add_test(frames, test_caps_with_ranges_get_a_whole_factor);
    tcase_add_test(frames, test_what_cannot_be_made_is_an_error);
    tcase_add_test(frames, test_it_ends_after_num_frames);
    tcase_add_test(frames, test_without_end_the_duration_is_unknown);
    tcase_add_test(frames, test_a_seek_gives_what_playing_gives);
    tcase_add_test(frames, test_playing_backwards_is_refused);
    tcase_add_test(frames, test_the_same_seed_gives_the_same_frames);
    tcase_add_test(frames, test_position_is_that_of_the_frames);
    tcase_add_test(frames, test_a_live_source_says_so);
    tcase_add_test(frames, test_null_does_not_wait_for_a_frame);
    tcase_add_test(frames, test_a_flush_does_not_wait_for_a_frame);
    tcase_add_test(frames, test_states_can_be_cycled);
    tcase_add_test(frames, test_properties_change_frames_while_playing);
    tcase_add_test(frames, test_a_bad_setting_while_playing_is_an_error_that_can_be_undone);
    tcase_add_test(frames, test_keyframes_are_exact);
    tcase_add_test(frames, test_stats);
    if (engine_is_fake())
        tcase_add_test(frames, test_a_device_that_is_replaced_is_a_warning);
    suite_add_tcase(suite, uris);
    tcase_add_test(uris, test_a_uri_sets_properties);
    tcase_add_test(uris, test_a_player_plays_a_uri);
    tcase_add_test(uris, test_a_directory_in_a_uri);
    tcase_add_test(uris, test_bad_uris_are_refused);
    return run_suite(suite, &argc, &argv);
}
