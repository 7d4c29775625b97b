// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: duplicates, cuts, and frames that were lost; what is made and what is repeated.
#include "interp.h"

// Frames with the number of what they show, '+' for a duplicate that is marked, and '=' for one that is not.
static void push_row(GstHarness *harness, const char *row)
{
    int shown = 0;

    for (int n = 0; row[n]; n++) {
        GstBuffer *buffer;

        if (g_ascii_isdigit(row[n]))
            shown = n;
        buffer = make_shot((Shot){ 0, 2 * shown }, (guint)n * FRAME_DURATION, FRAME_DURATION);
        if (row[n] == '+')
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
        push(harness, buffer);
    }
    finish(harness);
}

// 'o' is an original, 'm' was made, 'r' is what came in its place, untouched.
static void expect_row(GstHarness *harness, const char *expected)
{
    int shown = 0;

    assert_equals_int(frames_out(harness), strlen(expected));
    for (int n = 0; expected[n]; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        assert_equals_uint64(GST_BUFFER_PTS(buffer), (guint)n * FRAME_DURATION);
        assert_equals_uint64(GST_BUFFER_DURATION(buffer), FRAME_DURATION);
        if (expected[n] == 'o')
            shown = n;
        if (expected[n] == 'm')
            expect_made(buffer, (Shot){ 0, 2 * n });
        else
            fail_unless(is_exactly(buffer, (Shot){ 0, 2 * shown }), "%d is not what came", n);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}

typedef struct Row {
    const char *properties, *in, *out;
} Row;

static const Row rows[] = {
    { "mode=fill", "0+0+0+0", "omomomo" },
    { "mode=fill", "0++0+++0", "ommommmo" },
    { "mode=fill", "000000", "oooooo" },
    { "mode=fill", "0", "o" },
    { "mode=fill", "+", "o" },
    { "mode=fill", "0+0++", "omorr" },
    { "mode=fill extrapolate=1", "0+0++", "omomr" },
    { "mode=fill", "++00", "omoo" },
    { "mode=fill extrapolate=2", "++00", "mmoo" },
    { "mode=fill extrapolate=1", "++0+0", "rmomo" },
    { "mode=fill extrapolate=9", "+++00+0", "mmmoomo" },
    { "mode=fill extrapolate=2", "+++0", "rrro" },
    { "mode=fill extrapolate=2", "+", "r" },
    { "mode=fill extrapolate=2 max-gap=2", "++0+++0", "rrorrro" },
    { "mode=fill max-gap=2", "0++0+++0+0", "ommorrromo" },
    { "mode=fill", "0=0=0", "ororo" },
    { "mode=fill", "0=0=0=0=0=0", "orororomomo" },             // it notices
    { "mode=fill", "0=0=0+0=0=0=0", "ororomorororo" },         // flags are not lost
    { "mode=fill", "0=======0=======0", "orrrrrrrorrrrrrro" }, // pictures that are held
    { "mode=fill de-duplicate=true", "0=0==0", "omommo" },
    { "mode=fill de-duplicate=true", "0=0+=0", "omommo" },
    { "de-duplicate=true", "0=0==0=", "omommor" },
    { "de-duplicate=true max-gap=1", "0=0=0", "omomo" },
};

GST_START_TEST(duplicates_are_made_anew)
{
    const Row *row = &rows[__i__];
    GstHarness *harness = start(row->properties, CAPS, strstr(row->properties, "fill") ? NULL : CAPS);

    push_row(harness, row->in);
    expect_row(harness, row->out);
}
GST_END_TEST;

// Of duplicates without a flag, after three of them.
static guint count_warnings(const char *row)
{
    GstHarness *harness = start("mode=fill", CAPS, NULL);
    GstBus *bus = watch(harness->element);
    guint warnings;

    push_row(harness, row);
    warnings = count_messages(bus, GST_MESSAGE_WARNING);
    unwatch(harness->element, bus);
    gst_harness_teardown(harness);
    return warnings;
}

GST_START_TEST(lost_flags_are_noticed_once)
{
    assert_equals_int(count_warnings("0=0=0=0=0=0=0=0=0=0"), 1);
    assert_equals_int(count_warnings("0=0=0"), 0);
    assert_equals_int(count_warnings("0+0+0+0+0+0+0"), 0);
    assert_equals_int(count_warnings("0===================0"), 0);
}
GST_END_TEST;

GST_START_TEST(duplicates_are_made_anew_in_reverse)
{
    GstHarness *harness = start_reverse("mode=fill", CAPS, NULL);

    for (int n = 4; n >= 0; n--) {
        GstBuffer *buffer = moving(n);

        if (n % 2)
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
        push(harness, buffer);
    }
    finish(harness);
    assert_equals_int(frames_out(harness), 5);
    expect_stats(harness, 3, 2, 0);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// A conversion between them drops the flags: all but the first duplicates are made.
GST_START_TEST(videorate_makes_slow_motion_with_it)
{
    const gboolean converts = __i__;
    char *line = g_strdup_printf(
        "videotestsrc num-buffers=11 pattern=ball ! video/x-raw,format=GRAY8,width=96,height=64,framerate=25/1 ! "
        "videorate rate=0.25 ! %s udminterp mode=fill n-threads=1 model=\"\" name=interp ! fakesink",
        converts ? "videoconvert ! video/x-raw,format=RGB !" : "");
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstElement *interp = gst_bin_get_by_name(GST_BIN(pipeline), "interp");
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    guint64 originals, made;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "no end came");
    gst_message_unref(message);
    originals = get_stat(interp, "originals");
    made = get_stat(interp, "made");
    if (converts)
        fail_unless(originals < 24 && made > 16, "%d originals, %d made", (int)originals, (int)made);
    else
        fail_unless(originals == 11 && made == 29, "%d originals, %d made", (int)originals, (int)made);
    g_free(line);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(interp);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}
GST_END_TEST;

// Three scenes of four frames each. With any of them cut, nothing that goes out is a mixture.
GST_START_TEST(over_cuts_frames_are_repeated)
{
    GstHarness *harness = start("factor=3", CAPS, NULL);

    for (int n = 0; n < 12; n++)
        push(harness, make_shot((Shot){ n / 4, 2 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION));
    finish(harness);
    assert_equals_int(frames_out(harness), 36);
    for (int n = 0; n < 36; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        int in = n / 3;
        gboolean over = in % 4 == 3;

        if (over || n % 3 == 0)
            fail_unless(is_exactly(buffer, (Shot){ in / 4, 2 * in }), "%d is a mixture", n);
        else
            expect_made(buffer, (Shot){ in / 4, n * 2.0 / 3 });
        assert_equals_int(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP), over && n % 3 != 0);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(the_threshold_decides_what_is_a_cut)
{
    static const char *const properties[] = { "factor=2 scene-threshold=1", "factor=2 scene-threshold=0" };

    for (guint i = 0; i < 2; i++) {
        GstHarness *harness = start(properties[i], CAPS, NULL);

        for (int n = 0; n < 4; n++)
            push(harness, make_shot((Shot){ n / 2, 2 * n }, (guint)n * FRAME_DURATION, FRAME_DURATION));
        finish(harness);
        expect_stats(harness, 4, i ? 0 : 3, i ? 4 : 1);
        gst_harness_teardown(harness);
    }
}
GST_END_TEST;

// Frames 0, 1, 2, 6 and 7 come, the later ones perhaps marked as a discontinuity, or after events
// that say that there is a gap.
static GstHarness *push_with_hole(const char *properties, GstBufferFlags flags, gboolean say_so)
{
    static const int numbers[] = { 0, 1, 2, 6, 7 };
    GstHarness *harness = start(properties, CAPS, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        GstBuffer *buffer = moving(numbers[i]);

        if (numbers[i] == 6)
            GST_BUFFER_FLAG_SET(buffer, flags);
        for (guint n = 3; say_so && numbers[i] == 6 && n < 6; n++)
            gst_harness_push_event(harness, gst_event_new_gap(n * FRAME_DURATION, FRAME_DURATION));
        push(harness, buffer);
    }
    finish(harness);
    return harness;
}

GST_START_TEST(lost_frames_are_made_on_request)
{
    expect_row(push_with_hole("mode=fill fill-gaps=true", 0, FALSE), "ooommmoo");
    expect_row(push_with_hole("mode=fill fill-gaps=true", GST_BUFFER_FLAG_DISCONT, FALSE), "ooommmoo");
    expect_row(push_with_hole("mode=fill fill-gaps=true", 0, TRUE), "ooommmoo");
    expect_row(push_with_hole("mode=fill fill-gaps=true", GST_BUFFER_FLAG_DISCONT, TRUE), "ooommmoo");
}
GST_END_TEST;

GST_START_TEST(a_hole_stays_where_nobody_asks)
{
    expect_pts(push_with_hole("mode=fill", GST_BUFFER_FLAG_DISCONT, FALSE), "0 2 4 12 14 ");
    expect_pts(push_with_hole("mode=fill fill-gaps=true max-gap=2", 0, FALSE), "0 2 4 12 14 ");
    expect_pts(push_with_hole("factor=2", GST_BUFFER_FLAG_DISCONT, FALSE), "0 1 2 3 4 5 12 13 14 15 ");
    expect_pts(push_with_hole("factor=2", 0, FALSE), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 ");
}
GST_END_TEST;

GST_START_TEST(a_hole_that_is_too_long_repeats)
{
    GstHarness *harness = push_with_hole("factor=2 max-gap=2", 0, FALSE);

    expect_stats(harness, 5, 3, 6); // two of the three that are missing
    gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *fill_suite(void)
{
    Suite *suite = suite_create("udminterp");
    TCase *tests = tcase_create("fill");

    tcase_add_loop_test(tests, duplicates_are_made_anew, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tests, lost_flags_are_noticed_once);
    tcase_add_test(tests, duplicates_are_made_anew_in_reverse);
    tcase_add_loop_test(tests, videorate_makes_slow_motion_with_it, 0, 2);
    if (!engine_is_fake())
        tcase_add_test(tests, over_cuts_frames_are_repeated);
    tcase_add_test(tests, the_threshold_decides_what_is_a_cut);
    tcase_add_test(tests, lost_frames_are_made_on_request);
    tcase_add_test(tests, a_hole_stays_where_nobody_asks);
    tcase_add_test(tests, a_hole_that_is_too_long_repeats);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(fill_suite(), &argc, &argv);
}
