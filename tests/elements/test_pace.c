// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping pace with playback: which quality is chosen by what is told of late frames and by how long frames took, and
// what elements do about it. Nothing here depends on how fast the machine is: to the elements no frame takes
// any time.
#include "interp.h"

#include <gmodule.h>

#include "../../gst/pace.h"
#include "../../gst/smaller.h"
#include "../../gst/watched.h"

// By this the elements measure what frames take: what a program has is found before what its libraries have.
G_MODULE_EXPORT gint64 g_get_monotonic_time(void)
{
    return 1;
}

// ---- the choice

#define FRAME (40 * GST_MSECOND)

static const GstUdmCosts costs = { .of = { 1.3, 0.75, 0.4, 0.1, 0.04, 0 }, .held = 0, .steady = FALSE };
// Full quality and the source frame.
static const GstUdmCosts two = { .of = { 1, 0, 0, 0, 0, 0 }, .held = 0, .steady = FALSE };

// A playback whose frame takes `unit` seconds for a cost of 1, which comes to light as lateness.
typedef struct Playback {
    GstUdmPace pace;
    const GstUdmCosts *costs;
    GstClockTime time;
} Playback;

static Playback begin(const GstUdmCosts *its_costs)
{
    Playback playback = { .costs = its_costs };

    gst_udm_pace_start(&playback.pace);
    gst_udm_pace_play(&playback.pace, TRUE);
    return playback;
}

// Makes a frame, which is late by so much. The level it was made at.
static GstUdmLevel make(Playback *playback, gdouble unit, GstClockTimeDiff late)
{
    GstUdmPace *pace = &playback->pace;
    GstUdmLevel level = gst_udm_pace_choose(pace, playback->costs, playback->time, FRAME);

    if (level != GST_UDM_LEVEL_SOURCE)
        gst_udm_pace_took(pace, playback->costs, level, playback->time, unit * playback->costs->of[level]);
    gst_udm_pace_told(pace, playback->time, late);
    playback->time += FRAME;
    return level;
}

GST_START_TEST(where_nobody_tells_of_late_frames_quality_is_full)
{
    Playback playback = begin(&costs);

    for (guint i = 0; i < 100; i++) {
        assert_equals_int(gst_udm_pace_choose(&playback.pace, &costs, i * FRAME, FRAME), GST_UDM_LEVEL_FULL);
        gst_udm_pace_took(&playback.pace, &costs, GST_UDM_LEVEL_FULL, i * FRAME, 5);
        if (i == 50)
            gst_udm_pace_flush(&playback.pace);
    }
}
GST_END_TEST;

// At 0.2 s for a cost of 1, half the resolution takes 20 ms, and all else more than the 40 ms of a frame.
GST_START_TEST(it_falls_to_what_is_fast_enough_at_once)
{
    Playback playback = begin(&costs);

    assert_equals_int(make(&playback, 0.2, 5 * FRAME), GST_UDM_LEVEL_FULL);
    for (guint i = 0; i < 1000; i++)
        assert_equals_int(make(&playback, 0.2, -FRAME / 2), GST_UDM_LEVEL_HALF);
}
GST_END_TEST;

GST_START_TEST(what_no_level_can_do_is_left_to_the_source)
{
    Playback playback = begin(&costs);

    make(&playback, 5, 5 * FRAME);
    assert_equals_int(make(&playback, 5, -FRAME), GST_UDM_LEVEL_SOURCE);
}
GST_END_TEST;

GST_START_TEST(levels_that_do_not_exist_are_left_out)
{
    Playback playback = begin(&two);

    make(&playback, 0.2, 5 * FRAME);
    assert_equals_int(make(&playback, 0.2, -FRAME), GST_UDM_LEVEL_SOURCE);
    for (guint i = 0; i < 8 * 25 - 1; i++)
        assert_equals_int(make(&playback, 0.2, -FRAME), GST_UDM_LEVEL_SOURCE);
    assert_equals_int(make(&playback, 0.2, -FRAME), GST_UDM_LEVEL_FULL);
}
GST_END_TEST;

// One frame that is late by a little may be somebody else's fault.
GST_START_TEST(a_little_lateness_counts_when_it_comes_again)
{
    Playback playback = begin(&costs);

    make(&playback, 0.01, FRAME / 4);
    for (guint i = 0; i < 20; i++)
        assert_equals_int(make(&playback, 0.01, -1), GST_UDM_LEVEL_FULL);
    for (guint i = 0; i < 3; i++)
        assert_equals_int(make(&playback, 0.01, FRAME / 4), GST_UDM_LEVEL_FULL);
    assert_equals_int(make(&playback, 0.01, -1), GST_UDM_LEVEL_LIVE);
}
GST_END_TEST;

GST_START_TEST(every_second_frame_late_is_too_many)
{
    Playback playback = begin(&costs);
    guint frames = 0;

    while (make(&playback, 0.01, frames % 2 ? -1 : FRAME / 2) == GST_UDM_LEVEL_FULL && frames < 50)
        frames++;
    fail_unless(frames < 12, "it fell after %u frames", frames);
}
GST_END_TEST;

// Lateness of frames that were made before the level fell says nothing about it.
GST_START_TEST(one_fault_is_not_counted_twice)
{
    Playback playback = begin(&costs);

    make(&playback, 0.01, 5 * FRAME);
    assert_equals_int(gst_udm_pace_choose(&playback.pace, &costs, playback.time, FRAME), GST_UDM_LEVEL_LIVE);
    for (guint i = 0; i < 4; i++) { // which leave as they came, to catch up
        gst_udm_pace_told(&playback.pace, playback.time, (5 - i) * FRAME);
        playback.time += FRAME;
        assert_equals_int(gst_udm_pace_choose(&playback.pace, &costs, playback.time, FRAME), GST_UDM_LEVEL_LIVE);
    }
}
GST_END_TEST;

// The seconds until it is at full quality again, after a fall.
static gdouble recover(Playback *playback, gdouble unit)
{
    GstClockTime from = playback->time;

    while (playback->time - from < 1000 * GST_SECOND && make(playback, unit, -FRAME / 2) != GST_UDM_LEVEL_FULL)
        ;
    return (gdouble)(playback->time - from) / GST_SECOND;
}

GST_START_TEST(it_rises_again_and_waits_longer_after_each_vain_attempt)
{
    Playback playback = begin(&costs);
    gdouble before = 0;

    for (guint i = 0; i < 4; i++) {
        gdouble took;

        make(&playback, 0.01, 5 * FRAME); // another program was busy
        took = recover(&playback, 0.01);
        fail_unless(took > before && took < 100, "after fall %u it took %.1f s, and %.1f s before", i, took, before);
        before = took;
    }
}
GST_END_TEST;

GST_START_TEST(it_does_not_rise_to_what_takes_too_long)
{
    Playback playback = begin(&costs);

    make(&playback, 0.06, 5 * FRAME); // full: 78 ms, live: 45 ms, its model: 24 ms
    for (guint i = 0; i < 2000; i++)
        assert_equals_int(make(&playback, 0.06, -FRAME / 2), GST_UDM_LEVEL_LIVE_MODEL);
}
GST_END_TEST;

// At the source frame nothing is measured, so it tries: seldom, as each attempt is seen.
GST_START_TEST(from_the_source_it_tries_seldom)
{
    Playback playback = begin(&costs);
    guint attempts = 0;

    make(&playback, 5, 5 * FRAME);
    for (guint i = 0; i < 25 * 600; i++) {
        gboolean made = gst_udm_pace_choose(&playback.pace, &costs, playback.time, FRAME) != GST_UDM_LEVEL_SOURCE;

        make(&playback, 5, made ? 5 * FRAME : -FRAME / 2);
        attempts += made;
    }
    fail_unless(attempts >= 3 && attempts <= 8, "%u attempts in ten minutes", attempts);
}
GST_END_TEST;

// While somebody looks for a place, a picture comes within a quarter of a second; played on, it is as before.
GST_START_TEST(a_picture_that_stands_still_has_more_time)
{
    Playback playback = begin(&costs);

    make(&playback, 0.3, 5 * FRAME);
    assert_equals_int(make(&playback, 0.3, -1), GST_UDM_LEVEL_HALF);
    gst_udm_pace_play(&playback.pace, FALSE);
    gst_udm_pace_flush(&playback.pace);
    playback.time = 0;
    assert_equals_int(gst_udm_pace_choose(&playback.pace, &costs, 0, FRAME), GST_UDM_LEVEL_LIVE);
    gst_udm_pace_play(&playback.pace, TRUE);
    assert_equals_int(make(&playback, 0.3, -1), GST_UDM_LEVEL_HALF);
}
GST_END_TEST;

// The picture that somebody waits for after a seek is one that is there soon: by the session that is open, or at once.
// Those after it make a better one ready.
GST_START_TEST(what_is_looked_for_is_there_soon)
{
    static const struct {
        gdouble waited;    // for the frame as it came
        GstUdmLevel level; // of a session that was not open
        GstUdmLevel next;
        GstUdmLevel then; // after another seek
    } looks[] = {
        { 0.01, GST_UDM_LEVEL_HALF, GST_UDM_LEVEL_LIVE, GST_UDM_LEVEL_LIVE },
        { 0.1, GST_UDM_LEVEL_HALF, GST_UDM_LEVEL_LIVE, GST_UDM_LEVEL_HALF },
        { 0.22, GST_UDM_LEVEL_QUARTER, GST_UDM_LEVEL_LIVE, GST_UDM_LEVEL_QUARTER },
        { 9, GST_UDM_LEVEL_QUARTER, GST_UDM_LEVEL_LIVE, GST_UDM_LEVEL_QUARTER },
    };
    const gdouble unit = 0.31; // full: 0.4 s, live: 0.23 s, half: 0.03 s
    Playback playback = begin(&costs);
    GstUdmPace *pace = &playback.pace;

    make(&playback, unit, 5 * FRAME);
    gst_udm_pace_play(pace, FALSE);
    for (guint n = 0; n < 2; n++) {
        gst_udm_pace_flush(pace);
        gst_udm_pace_look(pace, looks[__i__].waited);
        playback.time = 0;
        assert_equals_int(make(&playback, unit, -1), n ? looks[__i__].then : looks[__i__].level);
        assert_equals_int(make(&playback, unit, -1), looks[__i__].next);
    }
}
GST_END_TEST;

GST_START_TEST(what_full_quality_holds_back_is_waited_for)
{
    const GstUdmCosts held = { .of = { 0.05, 0.04, 0.03, 0.02, 0.01, 0 }, .held = 2, .steady = FALSE };
    Playback playback = begin(&held);

    make(&playback, 2, 5 * FRAME); // full: 0.1 s, and 0.3 s for the first; live: 0.08 s
    gst_udm_pace_play(&playback.pace, FALSE);
    assert_equals_int(make(&playback, 2, -1), GST_UDM_LEVEL_LIVE);
    assert_equals_int(make(&playback, 1.5, -1), GST_UDM_LEVEL_LIVE);
    for (guint i = 0; i < 20; i++)
        make(&playback, 1.5, -1);
    assert_equals_int(make(&playback, 1.5, -1), GST_UDM_LEVEL_FULL);
}
GST_END_TEST;

// Where it is known beforehand that somebody watches, nothing has to be late first.
GST_START_TEST(it_begins_at_what_is_fast_enough)
{
    static const struct {
        gdouble unit;
        GstUdmLevel level;
    } machines[] = { { 0.02, GST_UDM_LEVEL_FULL }, { 0.06, GST_UDM_LEVEL_LIVE_MODEL }, { 5, GST_UDM_LEVEL_SOURCE } };
    const gdouble unit = machines[__i__].unit;
    Playback playback = begin(&costs);

    gst_udm_pace_watch(&playback.pace);
    assert_equals_int(make(&playback, unit, -FRAME), GST_UDM_LEVEL_QUARTER);
    for (guint i = 0; i < 10; i++)
        assert_equals_int(make(&playback, unit, -FRAME), machines[__i__].level);
}
GST_END_TEST;

// Half the resolution takes 60 ms, which is more than the 40 ms of a frame, but not than those of two.
GST_START_TEST(frames_are_left_out_where_the_others_make_a_film)
{
    Playback playback = begin(&costs);

    make(&playback, 0.6, 5 * FRAME);
    for (guint i = 0; i < 100; i++) {
        assert_equals_int(make(&playback, 0.6, i % 3 ? -1 : FRAME), GST_UDM_LEVEL_HALF);
        fail_unless(gst_udm_pace_skips(&playback.pace, &costs));
        fail_unless(ABS(GST_CLOCK_DIFF(72 * GST_MSECOND, gst_udm_pace_margin(&playback.pace, &costs, 0))) <
                    GST_MSECOND);
        playback.time += FRAME;
    }
    for (guint i = 0; i < 20 && playback.pace.level == GST_UDM_LEVEL_HALF; i++) { // too many are
        playback.time += 3 * FRAME;
        make(&playback, 0.6, FRAME);
    }
    assert_equals_int(playback.pace.level, GST_UDM_LEVEL_QUARTER);
}
GST_END_TEST;

// What a frame takes is not all that keeps the next one from being in time.
GST_START_TEST(what_is_late_all_the_same_falls)
{
    Playback playback = begin(&costs);

    make(&playback, 0.6, 5 * FRAME);
    for (guint i = 0; i < 4; i++)
        assert_equals_int(make(&playback, 0.6, 2 * FRAME), GST_UDM_LEVEL_HALF);
    make(&playback, 0.6, 2 * FRAME);
    for (guint i = 0; i < 5; i++)
        assert_equals_int(make(&playback, 0.6, 2 * FRAME), GST_UDM_LEVEL_QUARTER);
    assert_equals_int(make(&playback, 0.6, -FRAME), GST_UDM_LEVEL_SOURCE);
    fail_if(gst_udm_pace_skips(&playback.pace, &costs));
}
GST_END_TEST;

// From a quarter it rises to a half that makes a film by leaving frames out, if there is some room.
GST_START_TEST(it_rises_to_what_makes_a_film)
{
    static const struct {
        gdouble unit;
        GstUdmLevel level;
    } machines[] = { { 0.6, GST_UDM_LEVEL_HALF }, { 0.8, GST_UDM_LEVEL_QUARTER } };
    const gdouble unit = machines[__i__].unit;
    Playback playback = begin(&costs);

    make(&playback, unit, 5 * FRAME);
    for (guint i = 0; i < 6; i++)
        make(&playback, unit, 2 * FRAME);
    assert_equals_int(playback.pace.level, GST_UDM_LEVEL_QUARTER);
    for (guint i = 0; i < 25 * 5; i++)
        make(&playback, unit, -FRAME);
    assert_equals_int(playback.pace.level, machines[__i__].level);
}
GST_END_TEST;

// Frames are held back, so that those that come out next have to be begun long before; the first ones, too.
GST_START_TEST(what_is_held_back_is_begun_earlier)
{
    const GstUdmCosts steady = { .of = { 1.3, 0.75, 0.4, 0.1, 0.04, 0 }, .held = 10, .steady = TRUE };
    Playback playback = begin(&steady);
    GstUdmPace *pace = &playback.pace;

    gst_udm_pace_watch(pace);
    gst_udm_pace_took(pace, &steady, GST_UDM_LEVEL_QUARTER, 0, 0.02); // of which nobody knew how long it would take
    assert_equals_int(gst_udm_pace_choose(pace, &steady, FRAME, FRAME), GST_UDM_LEVEL_QUARTER); // and not a half
    fail_unless(ABS(GST_CLOCK_DIFF(10 * 24 * GST_MSECOND, gst_udm_pace_margin(pace, &steady, 9))) < GST_MSECOND);
    fail_unless(gst_udm_pace_begins_late(pace, &steady, 6 * FRAME, 9));
    fail_if(gst_udm_pace_begins_late(pace, &steady, 8 * FRAME, 9));
    fail_if(gst_udm_pace_begins_late(pace, &steady, 6 * FRAME, 0));
    gst_udm_pace_took(pace, &steady, GST_UDM_LEVEL_QUARTER, 8 * FRAME, 0.02);
    fail_if(gst_udm_pace_begins_late(pace, &steady, 6 * FRAME, 9));
}
GST_END_TEST;

GST_START_TEST(no_frame_is_left_out_where_there_are_few)
{
    Playback playback = begin(&costs);

    make(&playback, 0.6, 5 * FRAME);
    gst_udm_pace_choose(&playback.pace, &costs, playback.time, GST_SECOND / 10);
    assert_equals_int(playback.pace.level, GST_UDM_LEVEL_HALF);
    fail_if(gst_udm_pace_skips(&playback.pace, &costs));
}
GST_END_TEST;

// ---- who watches

static const struct {
    const char *after;
    gboolean watched;
} sinks[] = {
    { "fakesink sync=true qos=true", TRUE },
    { "fakesink sync=true", FALSE },
    { "fakesink qos=true", FALSE },
    { "fakevideosink", TRUE },
    { "queue ! videoconvert ! bin.( videoscale ! queue ! fakevideosink )", TRUE },
    { "bin.( videoscale ! bin.( queue ! fakesink ) )", FALSE },
    { "tee name=t ! queue ! fakesink t. ! queue ! fakevideosink", TRUE },
    { "tee name=t ! queue ! fakesink t. ! queue ! fakesink", FALSE },
};

GST_START_TEST(a_sink_that_shows_frames_by_the_clock_is_found)
{
    char *line = g_strdup_printf("videotestsrc name=source ! %s", sinks[__i__].after);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
    GstPad *pad = gst_element_get_static_pad(source, "src");

    fail_unless(gst_udm_is_watched(pad) == sinks[__i__].watched, "%s", line);
    gst_object_unref(pad);
    gst_object_unref(source);
    gst_object_unref(pipeline);
    g_free(line);
}
GST_END_TEST;

GST_START_TEST(a_pad_that_leads_nowhere_is_not_watched)
{
    GstElement *element = gst_object_ref_sink(gst_element_factory_make("identity", NULL));
    GstPad *pad = gst_element_get_static_pad(element, "src");

    fail_if(gst_udm_is_watched(pad));
    gst_object_unref(pad);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- smaller frames

// A slope, dark on the left and bright at the bottom right, comes back from a half or a quarter of the size as it was.
static void check_smaller(const char *format, gint divisor)
{
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=197,height=160,framerate=25/1,colorimetry=bt709", format);
    GstVideoInfo info = info_from(caps);
    GstUdmSmaller *smaller = gst_udm_smaller_new(&info, divisor);
    GstBuffer *in = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
    GstBuffer *out = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
    const guint margin = 2 * (guint)divisor;
    GstUdmFrame from, to;
    GstVideoFrame frame, back;

    fail_unless(gst_video_frame_map(&frame, &info, in, GST_MAP_WRITE));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(&info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (guint x = 0; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                set_value(&frame, c, x, y, (20 + x + y / 4) * (max_value(&info) + 1) / 256);
    gst_video_frame_unmap(&frame);
    fail_unless(gst_udm_smaller_read(smaller, &from, &info, in));
    assert_equals_int(GST_VIDEO_FRAME_WIDTH(&from.video), divisor == 2 ? 99 : 50);
    assert_equals_int(GST_VIDEO_FRAME_HEIGHT(&from.video), 160 / divisor);
    fail_unless(gst_udm_smaller_write(smaller, &to, &info, out));
    fail_unless(gst_video_frame_copy(&to.video, &from.video));
    gst_udm_frame_unmap(&from);
    fail_unless(gst_udm_smaller_written(smaller, &to, out));

    fail_unless(gst_video_frame_map(&frame, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&back, &info, out, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(&info); c++)
        for (guint y = margin; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c) - margin; y++)
            for (guint x = margin; x < (guint)GST_VIDEO_FRAME_COMP_WIDTH(&frame, c) - margin; x++) {
                gdouble want = get_value(&frame, c, x, y) * 256.0 / (max_value(&info) + 1);
                gdouble is = get_value(&back, c, x, y) * 256.0 / (max_value(&info) + 1);

                fail_unless(ABS(is - want) <= divisor, "%s / %d: component %u at %u,%u is %.1f, not %.1f", format,
                            divisor, c, x, y, is, want);
            }
    gst_video_frame_unmap(&back);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    gst_udm_smaller_free(smaller);
    g_free(caps);
}

GST_START_TEST(what_is_smooth_is_not_changed_by_smaller_sizes)
{
    static const char *const formats[] = { "RGB",  "RGBA", "RGBP", "GRAY8",     "GRAY16_LE", "I420",
                                           "NV12", "YUY2", "Y444", "I420_10LE", "I420_12LE" };

    check_smaller(formats[__i__], 2);
    check_smaller(formats[__i__], 4);
}
GST_END_TEST;

// ---- udmdenoise

static void expect_level(GstElement *element, const char *level)
{
    GstStructure *stats;

    g_object_get(element, "stats", &stats, NULL);
    assert_equals_string(gst_structure_get_string(stats, "level"), level);
    gst_structure_free(stats);
}

// What is late is what the test says.
#define QUARTER (GST_SECOND / 4)
#define SLOW_CAPS "video/x-raw,format=RGB,width=128,height=96,framerate=4/1"

// Pushes the frame of that number, whose lateness downstream tells next. Whether it was restored.
static gboolean play(GstHarness *harness, const GstVideoInfo *info, guint number, GstClockTimeDiff late)
{
    GstBuffer *in = make_frame(info, number), *out = NULL;
    gboolean restored;

    GST_BUFFER_PTS(in) = number * QUARTER;
    GST_BUFFER_DURATION(in) = QUARTER;
    assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in)), GST_FLOW_OK);
    out = gst_harness_pull(harness);
    restored = difference(in, out, info) > 0;
    gst_harness_push_upstream_event(harness,
                                    gst_event_new_qos(late > 0 ? GST_QOS_TYPE_UNDERFLOW : GST_QOS_TYPE_OVERFLOW,
                                                      late > 0 ? 1.5 : 0.5, late, number * QUARTER));
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    return restored;
}

static guint count_qos_upstream(GstHarness *harness)
{
    GstEvent *event;
    guint count = 0;

    while ((event = gst_harness_try_pull_upstream_event(harness))) {
        count += GST_EVENT_TYPE(event) == GST_EVENT_QOS;
        gst_event_unref(event);
    }
    return count;
}

// Each frame is late by two frames: those of the next two leave as they came, and the one after that is made at a
// lower level. Upstream hears of it only when there is none. The same where it is told to play while it does, as after
// a seek.
GST_START_TEST(quality_falls_while_frames_are_late_and_rises_again)
{
    static const char *const levels[] = { "live", "half", "source" };
    GstElement *element = make_denoise("lookahead=0");
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GstVideoInfo info = info_from(SLOW_CAPS);
    guint number = 0;

    if (__i__)
        gst_element_set_state(element, GST_STATE_PLAYING);
    fail_unless(play(harness, &info, number, 0));
    expect_level(element, "full");
    assert_equals_int(get_stat(element, "degraded"), 0);
    for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
        fail_unless(play(harness, &info, ++number, 2 * (GstClockTimeDiff)QUARTER), "not restored before %s", levels[i]);
        count_qos_upstream(harness);
        fail_if(play(harness, &info, ++number, QUARTER));
        assert_equals_int(count_qos_upstream(harness), i == 2);
        expect_level(element, levels[i]);
        fail_if(play(harness, &info, ++number, -QUARTER / 2));
    }
    assert_equals_int(get_stat(element, "degraded"), 8);
    while (number < 60)
        play(harness, &info, ++number, -QUARTER / 2);
    expect_level(element, "full");
    fail_unless(play(harness, &info, ++number, -QUARTER / 2));
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// Late frames do not leave as they came between those that were made, as that would flicker.
GST_START_TEST(at_the_lowest_level_late_frames_are_left_out)
{
    static const char *const caps = "video/x-raw,format=RGB,width=64,height=64,framerate=25/1";
    GstElement *element = make_denoise("lookahead=0");
    GstHarness *harness = make_harness(gst_object_ref(element), caps);
    GstVideoInfo info = info_from(caps);
    GstBuffer *out;

    for (guint n = 0; n < 9; n++) { // each third, as the two after it are late
        GstBuffer *in = make_frame(&info, n);

        assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in)), GST_FLOW_OK);
        if (n % 3 == 0)
            gst_harness_push_upstream_event(
                harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 2 * FRAME_DURATION, n * FRAME_DURATION));
        out = gst_harness_try_pull(harness);
        fail_unless(n > 3 && n % 3 > 0 ? !out : out != NULL, "frame %u", n);
        if (out)
            fail_unless((difference(in, out, &info) > 0) == (n % 3 == 0), "frame %u", n);
        gst_clear_buffer(&out);
        gst_buffer_unref(in);
    }
    expect_level(element, "half");
    assert_equals_int(get_stat(element, "degraded"), 8);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- udminterp

// Pushes the next frame and tells how late the last one is that left. Frames of the input are as they were.
static void step(GstHarness *harness, int number, GstClockTimeDiff late)
{
    GstClockTime time = GST_CLOCK_TIME_NONE;
    GstBuffer *out;

    push(harness, make_shot((Shot){ 0, 2 * number }, (guint)number * QUARTER, QUARTER));
    while ((out = gst_harness_try_pull(harness))) {
        time = GST_BUFFER_PTS(out);
        if (time % QUARTER == 0)
            fail_unless(is_exactly(out, (Shot){ 0, 2.0 * (gdouble)(time / QUARTER) }));
        else if (!GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP))
            fail_unless(miss(out, (Shot){ 0, 2.0 * (gdouble)time / QUARTER }) < 12);
        gst_buffer_unref(out);
    }
    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_harness_push_upstream_event(harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1, late, time));
}

// Frames are made at half the size while frames are late, and then not at all.
GST_START_TEST(frames_between_get_coarser_and_then_repeat)
{
    GstHarness *harness = start("factor=2 lookahead=0", GRAY_CAPS "4/1", NULL);
    const GstClockTimeDiff late = 2 * QUARTER;

    for (int n = 0; n < 4; n++) // those after 0, 1 and 2 are made
        step(harness, n, n == 3 ? late : 0);
    expect_level(harness->element, "full");
    assert_equals_uint64(get_stat(harness->element, "made"), 3);
    for (int n = 4; n < 8; n++) // those after 4, 5 and 6
        step(harness, n, n == 7 ? late : 0);
    expect_level(harness->element, "half");
    assert_equals_uint64(get_stat(harness->element, "made"), 6);
    for (int n = 8; n < 10; n++)
        step(harness, n, 0);
    expect_level(harness->element, "source");
    assert_equals_uint64(get_stat(harness->element, "made"), 6);
    assert_equals_uint64(get_stat(harness->element, "originals"), 9);
    gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *pace_suite(void)
{
    Suite *suite = suite_create("pace");
    TCase *choice = tcase_create("choice"), *elements = tcase_create("elements");

    suite_add_tcase(suite, choice);
    tcase_add_test(choice, where_nobody_tells_of_late_frames_quality_is_full);
    tcase_add_test(choice, it_falls_to_what_is_fast_enough_at_once);
    tcase_add_test(choice, what_no_level_can_do_is_left_to_the_source);
    tcase_add_test(choice, levels_that_do_not_exist_are_left_out);
    tcase_add_test(choice, a_little_lateness_counts_when_it_comes_again);
    tcase_add_test(choice, every_second_frame_late_is_too_many);
    tcase_add_test(choice, one_fault_is_not_counted_twice);
    tcase_add_test(choice, it_rises_again_and_waits_longer_after_each_vain_attempt);
    tcase_add_test(choice, it_does_not_rise_to_what_takes_too_long);
    tcase_add_test(choice, from_the_source_it_tries_seldom);
    tcase_add_test(choice, a_picture_that_stands_still_has_more_time);
    tcase_add_loop_test(choice, it_begins_at_what_is_fast_enough, 0, 3);
    tcase_add_test(choice, frames_are_left_out_where_the_others_make_a_film);
    tcase_add_test(choice, no_frame_is_left_out_where_there_are_few);
    tcase_add_test(choice, what_is_late_all_the_same_falls);
    tcase_add_loop_test(choice, it_rises_to_what_makes_a_film, 0, 2);
    tcase_add_test(choice, what_is_held_back_is_begun_earlier);
    tcase_add_loop_test(choice, what_is_looked_for_is_there_soon, 0, 4);
    tcase_add_test(choice, what_full_quality_holds_back_is_waited_for);
    tcase_add_loop_test(choice, a_sink_that_shows_frames_by_the_clock_is_found, 0, G_N_ELEMENTS(sinks));
    tcase_add_test(choice, a_pad_that_leads_nowhere_is_not_watched);
    suite_add_tcase(suite, elements);
    tcase_add_loop_test(elements, what_is_smooth_is_not_changed_by_smaller_sizes, 0, 11);
    tcase_add_loop_test(elements, quality_falls_while_frames_are_late_and_rises_again, 0, 2);
    tcase_add_test(elements, at_the_lowest_level_late_frames_are_left_out);
    tcase_add_test(elements, frames_between_get_coarser_and_then_repeat);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(pace_suite(), &argc, &argv);
}
