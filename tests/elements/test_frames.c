// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise: every format, size and stride, what is kept of a frame, and what the properties do to it.
#include "harness.h"

static const int sizes[][2] = { { 1, 1 }, { 2, 3 }, { 3, 2 }, { 17, 33 }, { 64, 1 }, { 1, 64 }, { 65, 48 } };

GST_START_TEST(any_size_is_taken)
{
    char *caps =
        g_strdup_printf("video/x-raw,format=RGB,width=%d,height=%d,framerate=25/1", sizes[__i__][0], sizes[__i__][1]);
    GstVideoInfo info = info_from(caps);
    GstBuffer *in = make_frame(&info, 0);
    GstBuffer *out = denoise_one(make_denoise(""), caps, gst_buffer_ref(in));

    assert_equals_int(gst_buffer_get_size(out), GST_VIDEO_INFO_SIZE(&info));
    fail_unless(difference(in, out, &info) > 0, "the frame was not processed");
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    g_free(caps);
}
GST_END_TEST;

// ---- formats

// Those of RGB and grey: test_yuv.c has the others.
static GPtrArray *template_formats(void)
{
    GstElementFactory *factory = gst_element_factory_find("udmdenoise");
    const GstStaticPadTemplate *template = gst_element_factory_get_static_pad_templates(factory)->data;
    GstCaps *caps = gst_static_pad_template_get_caps((GstStaticPadTemplate *)template);
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");
    GPtrArray *formats = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < gst_value_list_get_size(list); i++) {
        const char *name = g_value_get_string(gst_value_list_get_value(list, i));

        if (!GST_VIDEO_FORMAT_INFO_IS_YUV(gst_video_format_get_info(gst_video_format_from_string(name))))
            g_ptr_array_add(formats, g_strdup(name));
    }
    gst_caps_unref(caps);
    gst_object_unref(factory);
    return formats;
}

static GstBuffer *denoise_format(const char *format, GstBuffer **in, GstVideoInfo *info)
{
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=21,height=10,framerate=25/1", format);
    GstBuffer *out;

    *info = info_from(caps);
    *in = make_frame(info, 0);
    out = denoise_one(make_denoise(""), caps, gst_buffer_ref(*in));
    g_free(caps);
    return out;
}

// Colours as a frame in 8-bit RGB or GRAY8 has them; alpha bit for bit as it was.
static void check_format(const char *format)
{
    GstVideoInfo info, plain;
    GstBuffer *in, *plain_in, *out = denoise_format(format, &in, &info);
    gboolean grey = GST_VIDEO_INFO_IS_GRAY(&info);
    GstBuffer *expected = denoise_format(grey ? "GRAY8" : "RGB", &plain_in, &plain);
    GstVideoFrame fi, fo, fe;

    fail_unless(difference(in, out, &info) > 0, "%s was not processed", format);
    fail_unless(gst_video_frame_map(&fi, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fo, &info, out, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&fe, &plain, expected, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(&info); c++)
        for (guint i = 0; i < 210; i++) {
            guint x = i % 21, y = i / 21, value = get_value(&fo, c, x, y), max = max_value(&info);

            if (c == 3)
                fail_unless(value == get_value(&fi, c, x, y), "%s: alpha changed at %u,%u", format, x, y);
            else
                fail_unless(ABS(value * 255.0 / max - get_value(&fe, c, x, y)) < 1.5, "%s: %u of %u is not %u", format,
                            value, max, get_value(&fe, c, x, y));
        }
    gst_video_frame_unmap(&fi);
    gst_video_frame_unmap(&fo);
    gst_video_frame_unmap(&fe);
    gst_buffer_unref(in);
    gst_buffer_unref(plain_in);
    gst_buffer_unref(out);
    gst_buffer_unref(expected);
}

GST_START_TEST(every_format_gives_the_same_picture)
{
    GPtrArray *formats = template_formats();

    fail_unless(formats->len >= 20, "only %u formats", formats->len);
    assert_equals_string(g_ptr_array_index(formats, 0), "RGB"); // what unconstrained sources choose
    for (guint i = 0; i < formats->len; i++)
        check_format(g_ptr_array_index(formats, i));
    g_ptr_array_unref(formats);
}
GST_END_TEST;

GST_START_TEST(bytes_between_the_colours_are_kept)
{
    const char *caps = "video/x-raw,format=RGBx,width=8,height=4,framerate=25/1";
    GstVideoInfo info = info_from(caps);
    GstBuffer *out = denoise_one(make_denoise(""), caps, make_frame(&info, 0));
    GstMapInfo map;

    fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
    for (guint i = 3; i < map.size; i += 4)
        assert_equals_int(map.data[i], 0x5a);
    gst_buffer_unmap(out, &map);
    gst_buffer_unref(out);
}
GST_END_TEST;

// ---- interlaced frames

static const char *const interlaced[] = { "interleaved", "mixed", "fields", "alternate" };
static const char *const filters[] = { "udmdenoise model=tiny-denoise deinterlace=off", "udminterp" };

static char *interlaced_caps(guint mode)
{
    return g_strdup_printf("video/x-raw%s,format=RGB,width=8,height=8,framerate=25/1,interlace-mode=%s",
                           g_str_equal(interlaced[mode], "alternate") ? "(format:Interlaced)" : "", interlaced[mode]);
}

// What the one error on the bus says.
static char *take_error(GstBus *bus)
{
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    GError *error = NULL;
    char *text;

    fail_unless(message != NULL, "no error was posted");
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT));
    text = g_strdup(error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    assert_equals_int(count_messages(bus, GST_MESSAGE_ERROR), 0);
    return text;
}

static GstElement *make_filter(const char *description)
{
    GstElement *element = gst_parse_launch(description, NULL);

    fail_unless(element != NULL);
    return gst_object_ref_sink(element);
}

// Nothing is known downstream but that it is linked, as in a pipeline whose decoder is found later.
GST_START_TEST(interlaced_frames_are_refused_with_what_to_do)
{
    const gboolean woven = __i__ % 4 < 2; // of which others make pictures
    GstElement *element = make_filter(filters[woven ? 0 : __i__ / 4]);
    GstHarness *harness = make_harness(gst_object_ref(element), NULL);
    GstBus *bus = watch(element);
    char *caps = interlaced_caps(__i__ % 4), *said;
    GstVideoInfo info = info_from(RGB_CAPS(8, 8));

    gst_harness_set_src_caps_str(harness, caps);
    for (guint n = 0; n < 3; n++)
        assert_equals_int(gst_harness_push(harness, make_frame(&info, n)), GST_FLOW_NOT_NEGOTIATED);
    said = take_error(bus);
    fail_unless(strstr(said, "! deinterlace ! udm") != NULL, "%s", said);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
    g_free(said);
    g_free(caps);
}
GST_END_TEST;

// Of what a pad takes, interlaced frames are the last.
GST_START_TEST(progressive_frames_are_preferred)
{
    GstElement *element = make_filter(filters[__i__]);
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    GstCaps *caps = gst_pad_query_caps(pad, NULL), *open = gst_caps_from_string("video/x-raw,format=RGB"), *chosen;

    chosen = gst_caps_fixate(gst_caps_intersect_full(caps, open, GST_CAPS_INTERSECT_FIRST));
    assert_equals_string(gst_structure_get_string(gst_caps_get_structure(chosen, 0), "interlace-mode"), "progressive");
    gst_caps_unref(chosen);
    gst_caps_unref(open);
    gst_caps_unref(caps);
    gst_object_unref(pad);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(progressive_frames_are_taken_after_interlaced_ones)
{
    GstElement *element = make_filter(filters[__i__]);
    GstHarness *harness = make_harness(gst_object_ref(element), RGB_CAPS(8, 8) ",interlace-mode=fields");
    GstBus *bus = watch(element);
    GstVideoInfo info = info_from(RGB_CAPS(8, 8));

    assert_equals_int(gst_harness_push(harness, make_frame(&info, 0)), GST_FLOW_NOT_NEGOTIATED);
    gst_harness_set_src_caps_str(harness, RGB_CAPS(8, 8) ",interlace-mode=progressive");
    assert_equals_int(gst_harness_push(harness, make_frame(&info, 1)), GST_FLOW_OK);
    gst_harness_set_src_caps_str(harness, RGB_CAPS(8, 8) ",interlace-mode=fields");
    assert_equals_int(gst_harness_push(harness, make_frame(&info, 2)), GST_FLOW_NOT_NEGOTIATED);
    assert_equals_int(count_messages(bus, GST_MESSAGE_ERROR), 1);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// The rows of a field stay, and what leaves is progressive; one warning says what does better.
GST_START_TEST(interlaced_frames_are_interpolated_between_their_first_fields)
{
    static const char *const caps = RGB_CAPS(8, 10) ",interlace-mode=interleaved";
    GstElement *element = make_filter(__i__ ? "udminterp mode=fill" : "udminterp factor=2 model=\"\"");
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), caps);
    const guint parity = 1, step = __i__ ? 1 : 2; // no flag says that top fields are first
    GstVideoInfo in = info_from(caps), info = info_from(RGB_CAPS(8, 10));

    push_frames(harness, caps, 0, 4);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 4 * step);
    for (guint n = 0; n < 4 * step; n++) {
        GstBuffer *out = gst_harness_pull(harness), *want = make_frame(&in, n / step);
        GstVideoFrame a, b;

        assert_equals_uint64(GST_BUFFER_PTS(out), n * FRAME_DURATION / step);
        fail_unless(gst_video_frame_map(&a, &info, out, GST_MAP_READ));
        fail_unless(gst_video_frame_map(&b, &in, want, GST_MAP_READ));
        for (guint i = 0; n % step == 0 && i < 3 * 8 * 5; i++) {
            const guint c = i % 3, x = i / 3 % 8, y = 2 * (i / 24) + parity;

            fail_unless(get_value(&a, c, x, y) == get_value(&b, c, x, y), "frame %u at %u,%u", n, x, y);
        }
        gst_video_frame_unmap(&b);
        gst_video_frame_unmap(&a);
        gst_buffer_unref(want);
        gst_buffer_unref(out);
    }
    expect_warning(bus, "interlaced", "deinterlace=fields");
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- memory

GST_START_TEST(strides_are_respected)
{
    GstVideoInfo info = info_from(RGB_CAPS(17, 9));
    gsize offsets[GST_VIDEO_MAX_PLANES] = { 7 };
    gint strides[GST_VIDEO_MAX_PLANES] = { 17 * 3 + 22 };
    GstBuffer *padded = gst_buffer_new_allocate(NULL, 7 + 9 * (17 * 3 + 22), NULL);
    GstBuffer *a, *b;

    gst_buffer_memset(padded, 0, 0xaa, gst_buffer_get_size(padded));
    gst_buffer_add_video_meta_full(padded, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, 17, 9, 1, offsets, strides);
    draw(padded, &info, 0);
    stamp(padded, 0);
    a = denoise_one(make_denoise(""), RGB_CAPS(17, 9), make_frame(&info, 0));
    b = denoise_one(make_denoise(""), RGB_CAPS(17, 9), padded);
    fail_unless(difference(a, b, &info) == 0, "the picture depends on its padding");
    gst_buffer_unref(a);
    gst_buffer_unref(b);
}
GST_END_TEST;

GST_START_TEST(a_buffer_that_is_too_small_is_an_error)
{
    GstElement *element = make_denoise("");
    GstHarness *harness = make_harness(gst_object_ref(element), RGB_CAPS(16, 16));
    GstBus *bus = watch(element);
    GstBuffer *small = gst_buffer_new_allocate(NULL, 100, NULL);

    assert_equals_int(gst_harness_push(harness, small), GST_FLOW_ERROR);
    expect_error(bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- what goes with a frame

GST_START_TEST(metas_and_stamps_are_kept)
{
    GstVideoInfo info = info_from(RGB_CAPS(8, 8));
    GstBuffer *in = make_frame(&info, 3), *out;
    GstCaps *reference = gst_caps_new_empty_simple("timestamp/x-test");
    GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(in);
    GstVideoRegionOfInterestMeta *region;

    crop->width = 5;
    gst_buffer_add_video_region_of_interest_meta(in, "face", 1, 2, 3, 4);
    gst_buffer_add_reference_timestamp_meta(in, reference, 42, 1);
    GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_MARKER);

    out = denoise_one(make_denoise(""), RGB_CAPS(8, 8), in);
    assert_equals_uint64(GST_BUFFER_PTS(out), 3 * FRAME_DURATION);
    assert_equals_uint64(GST_BUFFER_DURATION(out), FRAME_DURATION);
    assert_equals_uint64(GST_BUFFER_OFFSET(out), 3);
    fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_MARKER));
    region = (GstVideoRegionOfInterestMeta *)gst_buffer_get_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    fail_unless(region != NULL && region->w == 3, "the region of interest is lost");
    fail_unless(gst_buffer_get_video_crop_meta(out) != NULL, "the crop is lost");
    assert_equals_int(gst_buffer_get_video_crop_meta(out)->width, 5);
    fail_unless(gst_buffer_get_reference_timestamp_meta(out, reference) != NULL, "the reference time is lost");
    gst_buffer_unref(out);
    gst_caps_unref(reference);
}
GST_END_TEST;

// ---- properties

static guint64 effect(const char *a, const char *b)
{
    GstVideoInfo info = info_from(RGB_CAPS(16, 16));
    GstBuffer *with_a = denoise_one(make_denoise(a), RGB_CAPS(16, 16), make_frame(&info, 0));
    GstBuffer *with_b = denoise_one(make_denoise(b), RGB_CAPS(16, 16), make_frame(&info, 0));
    guint64 found = difference(with_a, with_b, &info);

    gst_buffer_unref(with_a);
    gst_buffer_unref(with_b);
    return found;
}

GST_START_TEST(properties_change_the_picture)
{
    fail_unless(effect("noise-level=10", "noise-level=50") > 0);
    fail_unless(effect("noise-level=-1", "noise-level=75") > 0);
    fail_unless(effect("strength=0", "strength=0.5") > 0);
    fail_unless(effect("noise-level=30", "noise-level=30 grain=0.5") > 0);
    fail_unless(effect("noise-level=0", "noise-level=30 grain=1") == 0, "not all of the grain stays");
    fail_unless(effect("steps=1", "steps=3") > 0);
    fail_unless(effect("strength=0.5 seed=1", "strength=0.5 seed=2") > 0);
    fail_unless(effect("strength=0.5 seed=7", "strength=0.5 seed=7") == 0, "the same seed gave another picture");
    fail_unless(effect("n-threads=1", "n-threads=2") == 0, "the picture depends on the threads");
}
GST_END_TEST;

GST_START_TEST(the_seed_and_the_time_name_the_noise)
{
    GstVideoInfo info = info_from(RGB_CAPS(16, 16));
    GstHarness *harness = make_harness(make_denoise("strength=0.5"), RGB_CAPS(16, 16));
    GstBuffer *played, *sought;

    push_frames(harness, RGB_CAPS(16, 16), 0, 3);
    gst_buffer_unref(gst_harness_pull(harness));
    gst_buffer_unref(gst_harness_pull(harness));
    played = gst_harness_pull(harness);
    gst_harness_teardown(harness);
    // The tiny model knows no past, so only the noise could make a difference.
    sought = denoise_one(make_denoise("strength=0.5"), RGB_CAPS(16, 16), make_frame(&info, 2));
    fail_unless(difference(played, sought, &info) == 0, "a frame depends on where playing began");
    gst_buffer_unref(played);
    gst_buffer_unref(sought);
}
GST_END_TEST;

// ---- playback

// Each step takes 10 ms, at every level. Paused, a picture has a quarter of a second; how long it takes is tried
// before, if a sink shows frames by the clock.
static const struct {
    const char *properties, *sink, *level;
} watched[] = {
    { "steps=1", "fakesink sync=true qos=true", "full" },
    { "steps=40", "fakesink sync=true qos=true", "live" },
    { "steps=40 qos=false", "fakesink sync=true qos=true", "full" },
    { "steps=40", "fakesink", "full" },
};

GST_START_TEST(what_is_watched_begins_at_the_level_that_is_fast_enough)
{
    char *line = g_strdup_printf("videotestsrc ! video/x-raw,format=RGB,width=64,height=64,framerate=25/1 ! "
                                 "udmdenoise name=effect model=tiny-denoise %s ! %s",
                                 watched[__i__].properties, watched[__i__].sink);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), "effect");
    const gboolean full = g_str_equal(watched[__i__].level, "full");
    GstStructure *stats;
    guint64 degraded;

    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    assert_equals_int(gst_element_get_state(pipeline, NULL, NULL, GST_CLOCK_TIME_NONE), GST_STATE_CHANGE_SUCCESS);
    g_object_get(element, "stats", &stats, NULL);
    assert_equals_string(gst_structure_get_string(stats, "level"), watched[__i__].level);
    fail_unless(gst_structure_get_uint64(stats, "degraded", &degraded));
    fail_unless((degraded == 0) == full, "%u frames are degraded", (guint)degraded); // that of the trial is no frame
    gst_structure_free(stats);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(element);
    gst_object_unref(pipeline);
    g_free(line);
}
GST_END_TEST;

static Suite *frames_suite(void)
{
    Suite *suite = suite_create("udmdenoise frames");
    TCase *any = tcase_create("any engine"), *real;

    tcase_add_loop_test(any, any_size_is_taken, 0, G_N_ELEMENTS(sizes));
    tcase_add_test(any, every_format_gives_the_same_picture);
    tcase_add_test(any, bytes_between_the_colours_are_kept);
    tcase_add_loop_test(any, interlaced_frames_are_refused_with_what_to_do, 0,
                        G_N_ELEMENTS(filters) * G_N_ELEMENTS(interlaced));
    tcase_add_loop_test(any, progressive_frames_are_preferred, 0, G_N_ELEMENTS(filters));
    tcase_add_loop_test(any, interlaced_frames_are_interpolated_between_their_first_fields, 0, 2);
    tcase_add_loop_test(any, progressive_frames_are_taken_after_interlaced_ones, 0, G_N_ELEMENTS(filters));
    tcase_add_test(any, strides_are_respected);
    tcase_add_test(any, a_buffer_that_is_too_small_is_an_error);
    tcase_add_test(any, metas_and_stamps_are_kept);
    suite_add_tcase(suite, any);
    if (!engine_is_fake()) {
        real = tcase_create("the engine");
        tcase_add_test(real, properties_change_the_picture);
        tcase_add_test(real, the_seed_and_the_time_name_the_noise);
        suite_add_tcase(suite, real);
    } else {
        tcase_add_loop_test(any, what_is_watched_begins_at_the_level_that_is_fast_enough, 0, G_N_ELEMENTS(watched));
    }
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(frames_suite(), &argc, &argv);
}
