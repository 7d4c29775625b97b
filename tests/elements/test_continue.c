// SPDX-License-Identifier: LGPL-2.1-or-later
// A model that makes video: udmsrc goes on from a clip or a picture, and shows its steps; udmdenoise draws video anew.
#include <glib/gstdio.h>

#include "source.h"

#define STEPS 6 // whole turns of the window of tiny-video

static void run(const char *line)
{
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "%s", line);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

// A file of so many grey frames, to be unlinked and freed.
static char *write_clip(int frames)
{
    char *path, *line;
    int file = g_file_open_tmp("udm-test-XXXXXX", &path, NULL);

    fail_unless(file >= 0);
    close(file);
    line = g_strdup_printf("videotestsrc pattern=solid-color foreground-color=0xff808080 num-buffers=%d ! "
                           "video/x-raw,width=32,height=32,framerate=25/1 ! videoconvert ! theoraenc ! oggmux ! "
                           "filesink location=%s",
                           frames, path);
    run(line);
    g_free(line);
    return path;
}

static guint first_of(const char *properties)
{
    GstHarness *harness = play(make_source(properties), CAPS);
    GstBuffer *buffer = pull_frame(harness, 0);
    guint value = first_byte(buffer);

    assert_equals_uint64(GST_BUFFER_PTS(buffer), 0);
    gst_buffer_unref(buffer);
    gst_harness_teardown(harness);
    return value;
}

static guint64 hash_of(const char *properties, guint number)
{
    GstHarness *harness = play(make_source(properties), CAPS);
    guint64 sum = frame_hash(harness, number);

    gst_harness_teardown(harness);
    return sum;
}

// The fake engine adds what the last known frame shows.
static void check_continued(char *path)
{
    char *properties = g_strdup_printf("guidance-scale=1 class-label=1 scene-length=4 continue-from=%s", path);

    if (engine_is_fake()) {
        guint value = first_of(properties);

        fail_unless(ABS((int)value - (int)((painted(0, 1, 1) + 128) & 255)) <= 3, "%d", value);
    } else {
        guint64 first = hash_of(properties, 0);

        fail_unless(first == hash_of(properties, 0));
        fail_unless(first != hash_of("guidance-scale=1 class-label=1 scene-length=4", 0));
        fail_unless(hash_of(properties, 4) == hash_of("guidance-scale=1 class-label=1 scene-length=4", 4));
    }
    g_unlink(path);
    g_free(properties);
    g_free(path);
}

GST_START_TEST(test_a_clip_is_continued)
{
    check_continued(write_clip(10));
}
GST_END_TEST;

GST_START_TEST(test_a_long_clip_is_read_from_near_its_end)
{
    check_continued(write_clip(200));
}
GST_END_TEST;

GST_START_TEST(test_a_single_frame_comes_to_life)
{
    check_continued(write_clip(1));
}
GST_END_TEST;

GST_START_TEST(test_what_cannot_be_continued_is_an_error)
{
    expect_failure("continue-from=/nowhere/clip.mp4", "video/x-raw", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ);
    expect_failure("continue-from=nosuchprotocol://clip", "video/x-raw", GST_RESOURCE_ERROR,
                   GST_RESOURCE_ERROR_OPEN_READ);
}
GST_END_TEST;

// Each frame comes STEPS times, the last time as it is without a preview, and the video is as much longer.
GST_START_TEST(test_a_preview_shows_every_step)
{
    GstHarness *plain = play(make_source("num-frames=3 steps=6"), CAPS);
    GstHarness *preview = play(make_source("num-frames=3 steps=6 preview=true"), CAPS);
    guint64 made[3], steps[3 * STEPS];
    gint64 duration;

    for (guint n = 0; n < G_N_ELEMENTS(made); n++)
        made[n] = frame_hash(plain, n);
    for (guint n = 0; n < G_N_ELEMENTS(steps); n++) {
        GstBuffer *buffer = pull_frame(preview, n);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), n * FRAME_DURATION);
        steps[n] = hash(buffer);
        gst_buffer_unref(buffer);
    }
    for (guint n = 1; n < G_N_ELEMENTS(steps); n++)
        fail_unless(steps[n] != steps[n - 1], "step %d shows nothing new", n);
    for (guint n = 0; !engine_is_fake() && n < G_N_ELEMENTS(made); n++)
        fail_unless(steps[n * STEPS + STEPS - 1] == made[n]);
    fail_unless(gst_element_query_duration(preview->element, GST_FORMAT_TIME, &duration));
    assert_equals_int64(duration, 3 * STEPS * FRAME_DURATION);
    seek(preview, 8);
    fail_unless(frame_hash(preview, 8) == steps[8]);
    gst_harness_teardown(plain);
    gst_harness_teardown(preview);
}
GST_END_TEST;

GST_START_TEST(test_what_is_faster_is_another_film)
{
    if (engine_is_fake())
        return;
    fail_unless(hash_of("steps=6 class-label=1 guidance-scale=3", 2) !=
                hash_of("steps=6 class-label=1 guidance-scale=3 residual-guidance=true", 2));
    fail_unless(hash_of("steps=6 class-label=1 guidance-scale=3", 2) !=
                hash_of("steps=6 class-label=1 guidance-scale=3 keep-state=true", 2));
}
GST_END_TEST;

// udmdenoise holds frames back for the window, and draws each anew in its place.
GST_START_TEST(test_frames_are_drawn_anew)
{
    enum { FRAMES = 8, DELAY = 3 };
    GstHarness *harness;

    if (engine_is_fake())
        return;
    harness = gst_harness_new_parse("udmdenoise model=tiny-video device=reference n-threads=1 steps=6 noise-level=0 "
                                    "strength=0.5");
    gst_harness_set_src_caps_str(harness, CAPS);
    for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *buffer = gst_buffer_new_allocate(NULL, SIDE * SIDE, NULL);

        gst_buffer_memset(buffer, 0, 100, SIDE * SIDE);
        GST_BUFFER_PTS(buffer) = n * FRAME_DURATION;
        GST_BUFFER_DURATION(buffer) = FRAME_DURATION;
        fail_unless_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
        assert_equals_int(frames_out(harness), n < DELAY ? 0 : n - DELAY + 1);
    }
    assert_equals_uint64(gst_harness_query_latency(harness), DELAY * FRAME_DURATION);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), FRAMES);
    for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), n * FRAME_DURATION);
        fail_unless(gst_buffer_memcmp(buffer, 0, "dddd", 4) != 0);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

int main(int argc, char **argv)
{
    Suite *suite = suite_create("udmsrc, continued");
    TCase *clips = tcase_create("clips");

    suite_add_tcase(suite, clips);
    tcase_add_test(clips, test_a_clip_is_continued);
    tcase_add_test(clips, test_a_long_clip_is_read_from_near_its_end);
    tcase_add_test(clips, test_a_single_frame_comes_to_life);
    tcase_add_test(clips, test_what_cannot_be_continued_is_an_error);
    tcase_add_test(clips, test_a_preview_shows_every_step);
    tcase_add_test(clips, test_what_is_faster_is_another_film);
    tcase_add_test(clips, test_frames_are_drawn_anew);
    return run_suite(suite, &argc, &argv);
}
