// SPDX-License-Identifier: LGPL-2.1-or-later
// Film that was telecined, at the pads of udmdenoise: caps, stamps and flags, over many frames. How it is found is the
// matter of the engine's own tests.
#include "harness.h"

#define CLEAN "noise-level=0 "
#define FORMAT "I420"
#define SIDES ",format=" FORMAT ",width=64,height=48"
#define CAPS "video/x-raw" SIDES ",framerate=30000/1001,interlace-mode="
#define FIELD (GST_SECOND * 1001 / 60000)

enum { FILM = 20 }; // pictures

// The time of a frame at 30000/1001 a second, rounded as demuxers do.
static GstClockTime frame_time(guint64 n)
{
    return gst_util_uint64_scale_round(n * GST_SECOND, 1001, 30000);
}

// Every second row of a picture, or all: bars that move.
static void draw_rows(GstBuffer *buffer, const GstVideoInfo *info, guint picture, guint first, guint step)
{
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READWRITE));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        for (guint y = first; y < (guint)GST_VIDEO_INFO_COMP_HEIGHT(info, c); y += step)
            for (guint x = 0; x < (guint)GST_VIDEO_INFO_COMP_WIDTH(info, c); x++) {
                const guint along = (x + y / 16 + 7 * picture) % 41;

                *sample_at(&frame, c, x, y) = (guint8)(along < 23 ? 40 + 3 * along : 190);
            }
    gst_video_frame_unmap(&frame);
}

static GstBuffer *make_buffer(const GstVideoInfo *info, GstClockTime pts, GstClockTime duration, guint flags)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);

    gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(info));
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    GST_BUFFER_FLAG_SET(buffer, flags);
    return buffer;
}

static GstBuffer *make_woven(const GstVideoInfo *info, guint64 number, guint first, guint second)
{
    GstBuffer *buffer = make_buffer(info, frame_time(number), frame_time(number + 1) - frame_time(number),
                                    GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF);

    draw_rows(buffer, info, first, 0, 2);
    draw_rows(buffer, info, second, 1, 2);
    return buffer;
}

static gboolean are_same(GstBuffer *a, GstBuffer *b, const GstVideoInfo *info)
{
    GstVideoFrame fa, fb;
    gboolean same = TRUE;

    fail_unless(gst_video_frame_map(&fa, info, a, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fb, info, b, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        for (guint y = 0; y < (guint)GST_VIDEO_INFO_COMP_HEIGHT(info, c); y++)
            same &= memcmp(sample_at(&fa, c, 0, y), sample_at(&fb, c, 0, y),
                           (gsize)GST_VIDEO_INFO_COMP_WIDTH(info, c)) == 0;
    gst_video_frame_unmap(&fa);
    gst_video_frame_unmap(&fb);
    return same;
}

static void expect_picture(GstBuffer *buffer, const GstVideoInfo *info, guint picture)
{
    GstBuffer *want = make_buffer(info, 0, 0, 0);

    draw_rows(want, info, picture, 0, 1);
    fail_unless(are_same(buffer, want, info), "not picture %u", picture);
    gst_buffer_unref(want);
}

static void expect_rate(GstHarness *harness, gint n, gint d)
{
    GstPad *pad = gst_element_get_static_pad(harness->element, "src");
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;

    fail_unless(caps && gst_video_info_from_caps(&info, caps));
    assert_equals_int(GST_VIDEO_INFO_FPS_N(&info), n);
    assert_equals_int(GST_VIDEO_INFO_FPS_D(&info), d);
    fail_unless(!GST_VIDEO_INFO_IS_INTERLACED(&info));
    gst_caps_unref(caps);
    gst_object_unref(pad);
}

static void end(GstHarness *harness)
{
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
}

// A tape, written field by field.
typedef struct Tape {
    GstHarness *harness;
    GstVideoInfo info;
    guint64 fields;
    guint last; // picture of the field before
} Tape;

static void show(Tape *tape, guint picture)
{
    if (tape->fields % 2)
        assert_equals_int(
            gst_harness_push(tape->harness, make_woven(&tape->info, tape->fields / 2, tape->last, picture)),
            GST_FLOW_OK);
    tape->last = picture;
    tape->fields++;
}

// Pictures from `first` on, for 3 and 2 fields in turns.
static void show_film(Tape *tape, guint first, guint count, guint phase)
{
    for (guint n = 0; n < count; n++)
        for (guint k = 0; k < ((n + phase) % 2 ? 2 : 3); k++)
            show(tape, first + n);
}

static Tape open_tape(const char *properties)
{
    Tape tape = { .info = info_from(CAPS "interleaved") };

    tape.harness = make_harness(make_denoise(properties), CAPS "interleaved,field-order=top-field-first");
    return tape;
}

static void close_tape(Tape *tape)
{
    gst_harness_teardown(tape->harness);
}

static guint64 apart(GstClockTime a, GstClockTime b)
{
    return a > b ? a - b : b - a;
}

// Each picture comes out once, at the times that film has, from the first frame on; the first lasts for 3 fields or 2.
GST_START_TEST(film_is_undone)
{
    Tape tape = open_tape(CLEAN "deinterlace=telecine");
    GstVideoInfo whole = tape.info;

    GST_VIDEO_INFO_INTERLACE_MODE(&whole) = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    show_film(&tape, 0, FILM, __i__);
    end(tape.harness);
    expect_rate(tape.harness, 24000, 1001);
    assert_equals_int(frames_out(tape.harness), FILM);
    for (guint n = 0; n < FILM; n++) {
        GstBuffer *buffer = gst_harness_pull(tape.harness);
        const GstClockTime begin = __i__ == 0 ? FIELD / 2 : 0;
        const GstClockTime time = begin + gst_util_uint64_scale_round(n * GST_SECOND, 1001, 24000);

        fail_unless(apart(GST_BUFFER_PTS(buffer), time) <= 2, "picture %u at %" GST_TIME_FORMAT, n,
                    GST_TIME_ARGS(GST_BUFFER_PTS(buffer)));
        if (n < FILM - 1)
            fail_unless(apart(GST_BUFFER_DURATION(buffer), GST_SECOND * 1001 / 24000) <= 2);
        fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED));
        fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_TFF));
        expect_picture(buffer, &whole, n);
        gst_buffer_unref(buffer);
    }
    close_tape(&tape);
}
GST_END_TEST;

// A long film, the tape of which was cut: every scene begins at a phase of its own. Each picture comes out once, a
// field before the middle of its own fields, and each lasts until the next.
GST_START_TEST(a_long_film)
{
    enum { PICTURES = 10000 };
    Tape tape = open_tape(CLEAN "deinterlace=telecine");
    GstVideoInfo whole = tape.info;
    GstClockTime *middle = g_new(GstClockTime, PICTURES), next = GST_CLOCK_TIME_NONE;
    guint pictures = 0, out = 0;

    GST_VIDEO_INFO_INTERLACE_MODE(&whole) = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    for (guint scene = 0; pictures < PICTURES; scene++) {
        const guint count = MIN(24 + scene * 7 % 31, PICTURES - pictures), phase = scene * 5 % 3 % 2;

        for (guint n = 0; n < count; n++, pictures++) {
            const guint64 begin = tape.fields, lasts = (n + phase) % 2 ? 2 : 3;

            middle[pictures] = gst_util_uint64_scale_round((2 * begin + lasts) * GST_SECOND, 1001, 120000);
            show_film(&tape, pictures, 1, (n + phase) % 2);
        }
        if (pictures == PICTURES)
            end(tape.harness); // half a frame is not
        for (; frames_out(tape.harness) > 0; out++) {
            GstBuffer *buffer = gst_harness_pull(tape.harness);

            fail_unless(out < PICTURES, "one picture more");
            expect_picture(buffer, &whole, out);
            fail_unless(apart(GST_BUFFER_PTS(buffer) + FIELD, middle[out]) <= (out == PICTURES - 1 ? FIELD : 2),
                        "picture %u at %" GST_TIME_FORMAT, out, GST_TIME_ARGS(GST_BUFFER_PTS(buffer)));
            fail_unless(out == 0 || GST_BUFFER_PTS(buffer) == next, "a gap before picture %u", out);
            next = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
            gst_buffer_unref(buffer);
        }
    }
    assert_equals_int(out, PICTURES);
    g_free(middle);
    close_tape(&tape);
}
GST_END_TEST;

// What decoders give: whole frames, of which every second one says that its first field is shown again; they last for 3
// and 2 fields in turns, or are at even distances already.
GST_START_TEST(flags_tell_of_film)
{
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=telecine"), CAPS "mixed");
    GstVideoInfo info = info_from(CAPS "mixed"), whole = info;
    GstClockTime first = GST_CLOCK_TIME_NONE;
    guint64 fields = 0;
    guint tff = GST_VIDEO_BUFFER_FLAG_TFF;

    GST_VIDEO_INFO_INTERLACE_MODE(&whole) = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    for (guint n = 0; n < FILM; n++) {
        const guint lasts = n % 2 ? 2 : 3;
        const GstClockTime even = gst_util_uint64_scale_round(n * GST_SECOND, 1001, 24000);
        const GstClockTime pts = __i__ ? even : gst_util_uint64_scale_round(fields * GST_SECOND, 1001, 60000);
        GstBuffer *buffer =
            make_buffer(&info, pts, GST_SECOND * 1001 / 30000, tff | (lasts == 3 ? GST_VIDEO_BUFFER_FLAG_RFF : 0));

        draw_rows(buffer, &info, n, 0, 1);
        fields += lasts;
        tff ^= lasts == 3 ? GST_VIDEO_BUFFER_FLAG_TFF : 0;
        assert_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
    }
    end(harness);
    expect_rate(harness, 24000, 1001);
    assert_equals_int(frames_out(harness), FILM);
    for (guint n = 0; n < FILM - 1; n++) { // how long the last one lasts nobody said
        GstBuffer *buffer = gst_harness_pull(harness);
        const GstClockTime time = gst_util_uint64_scale_round(n * GST_SECOND, 1001, 24000);

        if (n == 0)
            first = GST_BUFFER_PTS(buffer);
        fail_unless(apart(GST_BUFFER_PTS(buffer), first + time) <= 3, "picture %u at %" GST_TIME_FORMAT, n,
                    GST_TIME_ARGS(GST_BUFFER_PTS(buffer)));
        expect_picture(buffer, &whole, n);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Film and video in turns: each frame of video comes out, and stamps go on from one to the next.
GST_START_TEST(nothing_of_mixed_video_is_lost)
{
    Tape tape = open_tape(CLEAN "deinterlace=telecine");
    GstClockTime next = GST_CLOCK_TIME_NONE, last = 0;
    guint count;

    show_film(&tape, 0, 20, 0); // 50 fields
    for (guint n = 0; n < 50; n++)
        show(&tape, 20 + n);
    show_film(&tape, 70, 20, 0);
    end(tape.harness);
    count = frames_out(tape.harness);
    fail_unless(count >= 20 + 25 + 20 && count <= 20 + 25 + 20 + 4, "%u frames", count);
    for (guint n = 0; n < count; n++) {
        GstBuffer *buffer = gst_harness_pull(tape.harness);

        fail_unless(n == 0 || GST_BUFFER_PTS(buffer) == next, "a gap before frame %u", n);
        last = GST_BUFFER_PTS(buffer);
        next = last + GST_BUFFER_DURATION(buffer);
        gst_buffer_unref(buffer);
    }
    fail_unless(apart(next, frame_time(75)) <= 2, "it ends at %" GST_TIME_FORMAT, GST_TIME_ARGS(next));
    close_tape(&tape);
}
GST_END_TEST;

// 25 frames a second stay as many; each is a picture, though its fields come from two frames.
GST_START_TEST(film_at_other_rates)
{
    static const char *const caps = "video/x-raw" SIDES ",framerate=25/1,interlace-mode=interleaved";
    GstHarness *harness = make_harness(make_denoise(CLEAN "deinterlace=telecine"), caps);
    GstVideoInfo info = info_from(caps), whole = info;

    GST_VIDEO_INFO_INTERLACE_MODE(&whole) = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    for (guint n = 0; n < FILM; n++) {
        GstBuffer *buffer = make_buffer(&info, n * FRAME_DURATION, FRAME_DURATION, GST_VIDEO_BUFFER_FLAG_TFF);

        draw_rows(buffer, &info, n, 0, 2);
        draw_rows(buffer, &info, n + 1, 1, 2);
        assert_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
    }
    end(harness);
    expect_rate(harness, 25, 1);
    for (guint n = 0; frames_out(harness) > 1; n++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        if (n > 1)
            expect_picture(buffer, &whole, n);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Pictures of film are restored as those of progressive video, after they were put together.
GST_START_TEST(film_is_restored_as_whole_pictures)
{
    static const char *const caps = "video/x-raw" SIDES ",framerate=24000/1001";
    Tape tape = open_tape("deinterlace=telecine lookahead=1");
    GstHarness *want = make_harness(make_denoise("lookahead=1"), caps);
    GstVideoInfo whole = info_from(caps);

    show_film(&tape, 0, FILM, 1);
    end(tape.harness);
    for (guint n = 0; n < FILM; n++) {
        GstBuffer *buffer = make_buffer(&whole, gst_util_uint64_scale_round(n * GST_SECOND, 1001, 24000), 0, 0);

        draw_rows(buffer, &whole, n, 0, 1);
        assert_equals_int(gst_harness_push(want, buffer), GST_FLOW_OK);
    }
    end(want);
    assert_equals_int(frames_out(tape.harness), FILM);
    assert_equals_int(frames_out(want), FILM);
    for (guint n = 0; n < FILM; n++) {
        GstBuffer *a = gst_harness_pull(tape.harness), *b = gst_harness_pull(want);

        fail_unless(are_same(a, b, &whole), "picture %u is another", n);
        gst_buffer_unref(a);
        gst_buffer_unref(b);
    }
    gst_harness_teardown(want);
    close_tape(&tape);
}
GST_END_TEST;

// By default frames stay as many, and those of film, or of progressive video that was stored in fields, are whole. Live
// pipelines do not wait for that.
GST_START_TEST(film_is_found_by_default)
{
    const gboolean live = __i__ == 1;
    GstHarness *harness = make_harness(make_denoise(CLEAN), NULL);
    Tape tape = { harness, .info = info_from(CAPS "interleaved") };
    GstVideoInfo whole = tape.info;
    guint woven = 0, at = 0;

    GST_VIDEO_INFO_INTERLACE_MODE(&whole) = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    gst_harness_set_live(harness, live);
    gst_harness_set_src_caps_str(harness, CAPS "interleaved,field-order=top-field-first");
    show_film(&tape, 0, FILM, 0);
    assert_equals_uint64(gst_harness_query_latency(harness),
                         (live ? 1 : 9) * gst_util_uint64_scale(GST_SECOND, 1001, 30000));
    end(harness);
    expect_rate(harness, 30000, 1001);
    assert_equals_int(frames_out(harness), tape.fields / 2);
    for (guint n = 0; n < tape.fields / 2; n++) {
        GstBuffer *buffer = gst_harness_pull(harness), *want = make_buffer(&whole, 0, 0, 0);
        guint shown = 0, picture = 0; // which one the first field of frame n shows

        for (; shown + (picture % 2 ? 2 : 3) <= 2 * n; picture++)
            shown += picture % 2 ? 2 : 3;
        draw_rows(want, &whole, picture, 0, 1);
        woven += (guint)are_same(buffer, want, &whole);
        at += GST_BUFFER_PTS(buffer) == frame_time(n);
        gst_buffer_unref(want);
        gst_buffer_unref(buffer);
    }
    assert_equals_int(at, tape.fields / 2);
    fail_unless(live ? woven < tape.fields / 4 : woven == tape.fields / 2, "%u frames are whole", woven);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// What is held at a flush is gone; what comes is counted from there.
GST_START_TEST(a_flush)
{
    Tape tape = open_tape(CLEAN "deinterlace=telecine");
    GstSegment segment;

    show_film(&tape, 0, FILM, 0);
    while (frames_out(tape.harness) > 0)
        gst_buffer_unref(gst_harness_pull(tape.harness));
    fail_unless(gst_harness_push_event(tape.harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(tape.harness, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    fail_unless(gst_harness_push_event(tape.harness, gst_event_new_segment(&segment)));
    show_film(&tape, FILM, FILM, 0);
    end(tape.harness);
    assert_equals_int(frames_out(tape.harness), FILM);
    close_tape(&tape);
}
GST_END_TEST;

static Suite *telecine_suite(void)
{
    Suite *suite = suite_create("udmdenoise telecine");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, film_is_undone, 0, 2);
    tcase_add_test(all, a_long_film);
    tcase_add_loop_test(all, flags_tell_of_film, 0, 2);
    tcase_add_test(all, nothing_of_mixed_video_is_lost);
    tcase_add_test(all, film_at_other_rates);
    tcase_add_test(all, film_is_restored_as_whole_pictures);
    tcase_add_loop_test(all, film_is_found_by_default, 0, 2);
    tcase_add_test(all, a_flush);
    suite_add_tcase(suite, all);
    return suite;
}

GST_CHECK_MAIN(telecine);
