// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise with models that are told in words what frames are to become (tiny-latents).
#include "harness.h"

#define CAPS RGB_CAPS(64, 48)
#define PROMPT "prompt=\"a red star\" "

static GstElement *make_redraw(const char *model, const char *properties)
{
    char *line = g_strdup_printf("udmdenoise model=%s/tiny-latents/%s n-threads=1 qos=false %s",
                                 g_getenv("UDM_MODEL_PATH"), model, properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

static guint64 hash_of(GstBuffer *buffer)
{
    GstMapInfo map;
    guint64 sum = 0;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (gsize i = 0; i < map.size; i++)
        sum = sum * 1099511628211u + map.data[i];
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
    return sum;
}

// The same frame goes in.
static guint64 pass(GstHarness *harness)
{
    const GstVideoInfo info = info_from(CAPS);

    return hash_of(gst_harness_push_and_pull(harness, make_frame(&info, 0)));
}

static guint64 hash_with(const char *model, const char *properties)
{
    GstHarness *harness = make_harness(make_redraw(model, properties), CAPS);
    const guint64 sum = pass(harness);

    gst_harness_teardown(harness);
    return sum;
}

static char *last_message(GstBus *bus, GstMessageType type)
{
    GstMessage *message = gst_bus_pop_filtered(bus, type);
    GError *error = NULL;
    char *text;

    if (!message)
        return NULL;
    if (type == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    else
        gst_message_parse_warning(message, &error, NULL);
    text = g_strdup(error->message);
    g_error_free(error);
    gst_message_unref(message);
    return text;
}

GST_START_TEST(what_is_said_matters)
{
    const guint64 star = hash_with("turbo", PROMPT "strength=0.5");

    fail_unless(star == hash_with("turbo", PROMPT "strength=0.5"));
    fail_unless(star == hash_with("turbo", PROMPT "strength=0.5 guidance-scale=1 negative-prompt=blue"));
    fail_unless(star != hash_with("turbo", "prompt=\"a blue ring\" strength=0.5"));
    fail_unless(star != hash_with("turbo", PROMPT "strength=0.5 guidance-scale=3"));
    fail_unless(star != hash_with("turbo", PROMPT "strength=1"));
    fail_unless(star != hash_with("turbo", PROMPT "strength=0.5 steps=2"));
    fail_unless(star != hash_with("turbo", PROMPT "strength=0.5 seed=1"));
    fail_unless(hash_with("turbo", PROMPT "strength=0.5 guidance-scale=3 negative-prompt=blue") !=
                hash_with("turbo", PROMPT "strength=0.5 guidance-scale=3"));
    fail_unless(hash_with("lcm", PROMPT "strength=0.5") == hash_with("lcm", PROMPT "strength=0.5 guidance-scale=7.5"));
}
GST_END_TEST;

GST_START_TEST(words_change_while_frames_flow)
{
    GstElement *element = make_redraw("turbo", PROMPT "strength=0.5");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    const guint64 star = pass(harness);

    fail_unless(pass(harness) == star); // noise rests where the picture does
    g_object_set(element, "prompt", "a blue ring", NULL);
    fail_unless(pass(harness) != star);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// Frames stay as they are, and a warning says why.
GST_START_TEST(no_strength)
{
    const GstVideoInfo info = info_from(CAPS);
    GstElement *element = make_redraw("turbo", PROMPT);
    GstBus *bus = gst_bus_new();
    GstHarness *harness;
    char *warning;

    gst_element_set_bus(element, bus);
    harness = make_harness(gst_object_ref(element), CAPS);
    fail_unless(pass(harness) == hash_of(make_frame(&info, 0)));
    warning = last_message(bus, GST_MESSAGE_WARNING);
    fail_unless(warning && strstr(warning, "strength is 0"), "%s", warning);
    g_free(warning);
    gst_harness_teardown(harness);
    gst_element_set_bus(element, NULL);
    gst_object_unref(element);
    gst_object_unref(bus);
}
GST_END_TEST;

// A model that knows no text says so, and goes on.
GST_START_TEST(nobody_listens)
{
    GstElement *element = make_denoise("prompt=\"a star\"");
    GstBus *bus = gst_bus_new();
    GstHarness *harness;
    char *warning;

    gst_element_set_bus(element, bus);
    harness = make_harness(gst_object_ref(element), CAPS);
    pass(harness);
    warning = last_message(bus, GST_MESSAGE_WARNING);
    fail_unless(warning && strstr(warning, "knows no text"), "%s", warning);
    g_free(warning);
    gst_harness_teardown(harness);
    gst_element_set_bus(element, NULL);
    gst_object_unref(element);
    gst_object_unref(bus);
}
GST_END_TEST;

// Checkpoints for holes: what is transparent is drawn, the rest stays, and all becomes opaque.
GST_START_TEST(holes_are_drawn)
{
    const GstVideoInfo info = info_from("video/x-raw,format=RGBA,width=64,height=48,framerate=25/1");
    GstHarness *harness = make_harness(make_redraw("filled", PROMPT "steps=2"),
                                       "video/x-raw,format=RGBA,width=64,height=48,framerate=25/1");
    GstBuffer *in = make_frame(&info, 0), *out;
    GstVideoFrame from, to;
    guint changed = 0;

    fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_READWRITE));
    for (guint i = 0; i < 64 * 48; i++)
        set_value(&from, 3, i % 64, i / 64, i % 64 >= 24 && i % 64 < 40 ? 0 : 255);
    gst_video_frame_unmap(&from);
    out = gst_harness_push_and_pull(harness, gst_buffer_ref(in));
    fail_unless(gst_video_frame_map(&from, &info, in, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&to, &info, out, GST_MAP_READ));
    for (guint i = 0; i < 64 * 48; i++) {
        const guint x = i % 64, y = i / 64;

        fail_unless(get_value(&to, 3, x, y) == 255);
        for (guint c = 0; c < 3; c++)
            if (x >= 24 && x < 40)
                changed += get_value(&to, c, x, y) != get_value(&from, c, x, y);
            else
                fail_unless(get_value(&to, c, x, y) == get_value(&from, c, x, y), "%u,%u was known", x, y);
    }
    fail_unless(changed > 3 * 16 * 48 * 9 / 10, "%u", changed);
    gst_video_frame_unmap(&from);
    gst_video_frame_unmap(&to);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// The first frame that comes of some interlaced ones.
static GstBuffer *first_of_fields(GstElement *element)
{
    const char *caps = "video/x-raw,format=RGB,width=64,height=48,framerate=25/1,interlace-mode=interleaved";
    GstHarness *harness = make_harness(element, caps);
    GstBuffer *first;

    push_frames(harness, caps, 0, 3);
    gst_harness_push_event(harness, gst_event_new_eos());
    assert_equals_int(gst_harness_buffers_received(harness), 3);
    first = gst_harness_pull(harness);
    gst_harness_teardown(harness);
    return first;
}

// Two fields are no picture: they are made one, which is then drawn on.
GST_START_TEST(fields_are_drawn_as_pictures)
{
    GstElement *element = make_redraw("turbo", PROMPT "strength=0.5");
    GstBus *bus = watch(element);
    const guint64 drawn = hash_of(first_of_fields(gst_object_ref(element)));
    GstBuffer *picture = first_of_fields(make_denoise("noise-level=0"));
    GstHarness *harness = make_harness(make_redraw("turbo", PROMPT "strength=0.5"), CAPS);

    fail_unless(hash_of(gst_harness_push_and_pull(harness, picture)) == drawn);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *redraw_suite(void)
{
    Suite *suite = suite_create("udmdenoise and words");
    TCase *cases = tcase_create("general");

    tcase_set_timeout(cases, 120);
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, what_is_said_matters);
    tcase_add_test(cases, words_change_while_frames_flow);
    tcase_add_test(cases, no_strength);
    tcase_add_test(cases, nobody_listens);
    tcase_add_test(cases, holes_are_drawn);
    tcase_add_test(cases, fields_are_drawn_as_pictures);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(redraw_suite(), &argc, &argv);
}
