// SPDX-License-Identifier: LGPL-2.1-or-later
// A model that knows text: udmsrc shows what its prompt says.
#include "source.h"

#define COLOUR "video/x-raw,format=RGB,width=%d,height=%d,framerate=25/1"

static GstElement *make_prompted(const char *properties)
{
    GstElement *element = make_source(properties);

    g_object_set(element, "model", "tiny-text", "steps", 2, NULL);
    return element;
}

static GstHarness *play_prompted(GstElement *element, int side)
{
    char *caps = g_strdup_printf(COLOUR, side, side);
    GstHarness *harness = play(element, caps);

    g_free(caps);
    return harness;
}

static guint64 hash_of(const char *properties, guint number)
{
    GstHarness *harness = play_prompted(make_prompted(properties), SIDE);
    guint64 sum = frame_hash(harness, number);

    gst_harness_teardown(harness);
    return sum;
}

GST_START_TEST(test_a_picture_stands_still)
{
    GstHarness *harness = play_prompted(make_prompted("prompt=\"a red star\" scene-length=3"), SIDE);
    guint64 first = frame_hash(harness, 0);

    fail_unless(first == frame_hash(harness, 1));
    fail_unless(first == frame_hash(harness, 2));
    fail_unless(first != frame_hash(harness, 3)); // the next scene
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_what_is_said_matters)
{
    const guint64 star = hash_of("prompt=\"a red star\"", 0);

    fail_unless(star == hash_of("prompt=\"a red star\"", 0));
    fail_unless(star != hash_of("prompt=\"a blue ring\"", 0));
    fail_unless(star != hash_of("prompt=\"a red star\" negative-prompt=blue", 0));
    fail_unless(star != hash_of("prompt=\"a red star\" guidance-scale=1", 0));
    fail_unless(star == hash_of("prompt=\"a red star\" guidance-scale=3", 0));
    fail_unless(star != hash_of("prompt=\"a red star\" seed=1", 0));
    fail_unless(star != hash_of("", 0));
}
GST_END_TEST;

// At its keyframes it is what it would be without them, between it is none of those, and a seek finds the same.
GST_START_TEST(test_prompts_travel)
{
    GstElement *element = make_prompted("num-frames=6");
    GstHarness *harness;
    guint64 between;

    g_object_set(element, "prompt", "0: a red star\n4: a blue ring", NULL);
    harness = play_prompted(element, SIDE);
    fail_unless(frame_hash(harness, 0) == hash_of("prompt=\"a red star\"", 0));
    between = frame_hash(harness, 2);
    fail_unless(frame_hash(harness, 4) == hash_of("prompt=\"a blue ring\"", 0));
    fail_unless(between != hash_of("prompt=\"a red star\"", 0) && between != hash_of("prompt=\"a blue ring\"", 0));
    seek(harness, 2);
    fail_unless(frame_hash(harness, 2) == between);
    gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_a_prompt_changes_while_playing)
{
    GstElement *element = make_prompted("scene-length=0 prompt=\"a red star\"");
    GstHarness *harness = play_prompted(gst_object_ref(element), SIDE);
    const guint64 star = frame_hash(harness, 0), ring = hash_of("prompt=\"a blue ring\"", 0);
    guint64 now = star;

    g_object_set(element, "prompt", "a blue ring", NULL);
    for (guint n = 1; n < 1000000 && now == star; n++) // many may have been made already
        now = frame_hash(harness, n);
    fail_unless(now == ring);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

// Pixels become squares.
GST_START_TEST(test_pictures_are_enlarged)
{
    GstHarness *harness = play_prompted(make_prompted("prompt=\"a red star\""), 2 * SIDE);
    GstBuffer *buffer = pull_frame(harness, 0);
    GstMapInfo map;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (int y = 0; y < 2 * SIDE; y++)
        for (int x = 0; x < 2 * SIDE; x++)
            fail_unless(
                memcmp(map.data + 3 * (y * 2 * SIDE + x), map.data + 3 * (y / 2 * 2 * 2 * SIDE + x / 2 * 2), 3) == 0);
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
    gst_harness_teardown(harness);
}
GST_END_TEST;

// Of a file or URI, decoded by GStreamer.
GST_START_TEST(test_a_picture_is_resembled)
{
    char *folder = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-text/golden", NULL);
    char *palette = g_strdup_printf("image=%s/white-palette.png", folder);
    char *uri = g_strdup_printf("image=file://%s/white-palette.png", folder);
    char *both = g_strdup_printf("image=%s/white-palette.png prompt=\"a red star\"", folder);
    const guint64 white = hash_of(palette, 0);

    fail_unless(white == hash_of(uri, 0));
    fail_unless(white != hash_of("", 0));
    fail_unless(white != hash_of(both, 0));
    fail_unless(hash_of("prompt=\"a red star\"", 0) != hash_of(both, 0));
    g_free(both);
    g_free(uri);
    g_free(palette);
    g_free(folder);
}
GST_END_TEST;

// Models with LoRAs and without are two.
GST_START_TEST(test_a_lora_changes_the_model)
{
    char *file = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-lora/text.safetensors", NULL);
    char *all = g_strdup_printf("prompt=\"a red star\" lora=%s", file);
    char *none = g_strdup_printf("prompt=\"a red star\" lora=%s:0", file);
    const guint64 star = hash_of("prompt=\"a red star\"", 0);

    fail_unless(hash_of(all, 0) != star);
    fail_unless(hash_of(none, 0) == star);
    fail_unless(hash_of("prompt=\"a red star\"", 0) == star);
    g_free(none);
    g_free(all);
    g_free(file);
}
GST_END_TEST;

// A model that makes films of what is said: frames differ, windows follow each other, and a seek finds the same.
GST_START_TEST(test_films)
{
    char *model = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-film/scope", NULL);
    GstElement *element = make_source("prompt=\"a red star\" steps=2 device=cpu"), *usual = make_source("device=cpu");
    GstHarness *harness, *other;
    guint64 frames[20];

    g_object_set(element, "model", model, "num-frames", (gint64)G_N_ELEMENTS(frames), NULL);
    g_object_set(usual, "model", model, "steps", 2, "prompt", "a red star", "guidance-scale", 7.5, NULL);
    harness = play_prompted(element, SIDE);
    for (guint n = 0; n < G_N_ELEMENTS(frames); n++) {
        frames[n] = frame_hash(harness, n);
        fail_unless(n == 0 || frames[n] != frames[n - 1]);
    }
    seek(harness, 17);
    fail_unless(frame_hash(harness, 17) == frames[17]);
    gst_harness_teardown(harness);
    other = play_prompted(usual, SIDE);
    fail_unless(frame_hash(other, 0) == frames[0]);
    gst_harness_teardown(other);
    g_free(model);
}
GST_END_TEST;

// A frame of latents in these caps, which has to have this size; of BGRx.
static GstBuffer *draw_at(const char *size, int width, int height)
{
    char *model = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-latents/sd1", NULL);
    char *caps = g_strdup_printf("video/x-raw,format=BGRx,framerate=25/1,%s", size);
    GstElement *element = make_source("prompt=star device=cpu");
    GstHarness *harness;
    GstBuffer *buffer;

    g_object_set(element, "model", model, "steps", 1, NULL);
    harness = play(element, caps);
    buffer = pull_frame(harness, 0);
    fail_unless_equals_int(gst_buffer_get_size(buffer), 4 * width * height);
    gst_harness_teardown(harness);
    g_free(caps);
    g_free(model);
    return buffer;
}

// Latents are drawn at the size of the caps, and not enlarged: any of whole ones, of 2 pixels here.
GST_START_TEST(test_sizes_of_latents)
{
    char *model = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-latents/sd1", NULL);
    char *properties = g_strdup_printf("model=%s device=cpu steps=1 prompt=star", model);
    GstBuffer *buffer = draw_at("width=32,height=32", 32, 32); // twice its own
    guint other = 0;
    GstMapInfo map;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (guint i = 0; i < 32 * 32; i += 2)
        other += memcmp(map.data + 4 * i, map.data + 4 * (i + 1), 3) != 0;
    fail_unless(other > 100, "pixels became squares");
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
    gst_buffer_unref(draw_at("width=30,height=18", 30, 18));
    gst_buffer_unref(draw_at("width=[17,40],height=[1,15]", 18, 14));
    expect_failure(properties, "video/x-raw,width=27,height=16", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    g_free(properties);
    g_free(model);
}
GST_END_TEST;

// Kept before the start, an amount of any form, and changed while playing: the session is opened anew.
GST_START_TEST(test_a_limit_to_memory)
{
    char *model = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-latents/sd1", NULL);
    char *properties = g_strdup_printf("model=%s device=cpu steps=1 prompt=star memory-limit=1M", model), *limit;
    GstElement *element = make_source("steps=1 scene-length=1 prompt=star memory-limit=1.5G");
    GstHarness *harness;
    GstMessage *message;
    GstBus *bus = gst_bus_new();
    GError *error = NULL;
    guint64 first;

    expect_failure(properties, "video/x-raw", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    expect_failure("memory-limit=much", "video/x-raw", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    expect_failure("memory-limit=4G", "video/x-raw", GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT); // tiny-video

    g_object_set(element, "model", model, "device", "cpu", NULL);
    g_object_get(element, "memory-limit", &limit, NULL);
    fail_unless_equals_string(limit, "1.5G");
    g_free(limit);
    harness = play_prompted(gst_object_ref(element), SIDE);
    gst_element_set_bus(element, bus);
    first = frame_hash(harness, 0);
    g_object_set(element, "memory-limit", "", NULL); // none
    fail_unless(first != frame_hash(harness, 1));    // another scene, and no error
    g_object_set(element, "memory-limit", "1", NULL);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_ERROR);
    fail_unless(message != NULL, "the new limit was not looked at");
    gst_message_parse_error(message, &error, NULL);
    fail_unless(strstr(error->message, "needs at least") != NULL, "it says %s", error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    gst_element_set_bus(element, NULL);
    gst_harness_teardown(harness);
    gst_object_unref(element);
    gst_object_unref(bus);
    g_free(properties);
    g_free(model);
}
GST_END_TEST;

GST_START_TEST(test_what_cannot_be)
{
    expect_failure("model=tiny-text image=/nowhere/picture.png", "video/x-raw", GST_RESOURCE_ERROR,
                   GST_RESOURCE_ERROR_OPEN_READ);
    expect_failure("prompt=star", "video/x-raw", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS); // tiny-video
    expect_failure("model=tiny-text class-label=1", "video/x-raw", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    expect_failure("model=tiny-text prompt=\"0: star\nring\"", "video/x-raw", GST_RESOURCE_ERROR,
                   GST_RESOURCE_ERROR_SETTINGS);
}
GST_END_TEST;

int main(int argc, char **argv)
{
    Suite *suite = suite_create("udmsrc, prompted");
    TCase *prompts = tcase_create("prompts");

    suite_add_tcase(suite, prompts);
    tcase_add_test(prompts, test_a_picture_stands_still);
    tcase_add_test(prompts, test_what_is_said_matters);
    tcase_add_test(prompts, test_prompts_travel);
    tcase_add_test(prompts, test_a_prompt_changes_while_playing);
    tcase_add_test(prompts, test_pictures_are_enlarged);
    tcase_add_test(prompts, test_a_picture_is_resembled);
    tcase_add_test(prompts, test_a_lora_changes_the_model);
    tcase_add_test(prompts, test_films);
    tcase_add_test(prompts, test_sizes_of_latents);
    tcase_add_test(prompts, test_a_limit_to_memory);
    tcase_add_test(prompts, test_what_cannot_be);
    return run_suite(suite, &argc, &argv);
}
