// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise: from NULL to PLAYING and back, whatever is in the way: bad models, a slow frame, a flush; and what an
// application sees of it: progress, statistics, properties, presets.
#include "harness.h"

#include <glib/gstdio.h>

#define CAPS RGB_CAPS(8, 8)

// ---- models

// A copy of the tiny model in a folder of its own, whose file is then changed by the test.
static char *copy_model(void)
{
    static const char *const files[] = { "model_index.json", "scheduler/scheduler_config.json", "unet/config.json",
                                         "unet/diffusion_pytorch_model.safetensors" };
    char *folder = g_dir_make_tmp("udm-test-XXXXXX", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        char *from = g_build_filename(g_getenv("UDM_MODEL_PATH"), "tiny-denoise", files[i], NULL);
        char *to = g_build_filename(folder, files[i], NULL);
        char *parent = g_path_get_dirname(to), *contents;
        gsize length;

        fail_unless(g_file_get_contents(from, &contents, &length, NULL), "cannot read %s", from);
        g_mkdir_with_parents(parent, 0755);
        fail_unless(g_file_set_contents(to, contents, (gssize)length, NULL));
        g_free(contents);
        g_free(parent);
        g_free(from);
        g_free(to);
    }
    return folder;
}

static void replace_file(const char *folder, const char *file, const char *contents, gssize length)
{
    char *path = g_build_filename(folder, file, NULL);

    if (contents)
        fail_unless(g_file_set_contents(path, contents, length, NULL));
    else
        g_unlink(path);
    g_free(path);
}

static void cut_file(const char *folder, const char *file)
{
    char *path = g_build_filename(folder, file, NULL), *contents;
    gsize length;

    fail_unless(g_file_get_contents(path, &contents, &length, NULL));
    fail_unless(g_file_set_contents(path, contents, (gssize)length / 2, NULL));
    g_free(contents);
    g_free(path);
}

static void remove_model(char *folder)
{
    static const char *const entries[] = { "unet/diffusion_pytorch_model.safetensors",
                                           "unet/config.json",
                                           "unet",
                                           "scheduler/scheduler_config.json",
                                           "scheduler",
                                           "model_index.json",
                                           "" };

    for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
        char *path = g_build_filename(folder, entries[i], NULL);

        g_remove(path);
        g_free(path);
    }
    g_free(folder);
}

static GstElement *make_with_model(const char *model)
{
    GstElement *element = make_denoise("");

    g_object_set(element, "model", model, NULL);
    return element;
}

static void play_three_frames(GstElement *element)
{
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);

    push_frames(harness, CAPS, 0, 3);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 3);
    gst_harness_teardown(harness);
    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
}

// The warning on the bus, of which there is one, and no error.
static char *take_warning(GstBus *bus, GQuark domain, int code)
{
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
    GError *error = NULL;
    char *text;

    fail_unless(message != NULL, "no warning was posted");
    assert_equals_int(GST_MESSAGE_TYPE(message), GST_MESSAGE_WARNING);
    gst_message_parse_warning(message, &error, NULL);
    fail_unless(g_error_matches(error, domain, code), "posted %s %d: %s", g_quark_to_string(error->domain), error->code,
                error->message);
    text = g_strdup(error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    return text;
}

// Whether a frame comes out at once and as it went in.
static gboolean passes_frame(GstHarness *harness, guint number)
{
    GstVideoInfo info = info_from(CAPS);
    GstBuffer *in = make_frame(&info, number), *out = NULL;
    gboolean passes;

    assert_equals_int(gst_harness_push(harness, gst_buffer_ref(in)), GST_FLOW_OK);
    while (frames_out(harness) > 0) { // those that were held come before it
        gst_clear_buffer(&out);
        out = gst_harness_pull(harness);
    }
    passes = out && difference(in, out, &info) == 0;
    gst_buffer_unref(in);
    gst_clear_buffer(&out);
    return passes;
}

// With a model that does not load frames pass through, and a warning says so; then a good one works in the same
// element.
static void expect_bad_model(const char *model, GQuark domain, int code)
{
    GstElement *element = make_with_model(model);
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    char *kept, *said;

    for (guint n = 0; n < 3; n++)
        fail_unless(passes_frame(harness, n));
    said = take_warning(bus, domain, code);
    fail_unless(strstr(said, "Frames pass through unchanged") != NULL, "%s", said);
    g_object_get(element, "model", &kept, NULL);
    assert_equals_string(kept, model);
    gst_harness_teardown(harness);
    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);

    g_object_set(element, "model", "tiny-denoise", NULL);
    play_three_frames(element);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    unwatch(element, bus);
    gst_object_unref(element);
    g_free(said);
    g_free(kept);
}

GST_START_TEST(a_mistyped_model_is_told_what_there_is)
{
    GstElement *element = make_with_model("tiny-denoize");
    GstBus *bus = watch(element);
    char *said;

    fail_unless(gst_element_set_state(element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    said = take_warning(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    fail_unless(strstr(said, "tiny-denoise, ") != NULL, "%s", said);
    gst_element_set_state(element, GST_STATE_NULL);
    unwatch(element, bus);
    gst_object_unref(element);
    g_free(said);
}
GST_END_TEST;

// ---- models that are set while frames flow

// Pushes frames until they pass, or do not, as they should once the model is there.
static guint push_until(GstHarness *harness, guint number, gboolean passes)
{
    for (Moment start = now(); may_come(start);) {
        if (passes_frame(harness, number++) == passes)
            return number;
        g_usleep(G_USEC_PER_SEC / 100);
    }
    fail("a model that was set while frames flow was not taken");
    return number;
}

GST_START_TEST(a_model_is_taken_while_frames_flow)
{
    GstElement *element = make_with_model("no-such-model");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstBus *bus = watch(element);
    guint number = 0;

    fail_unless(passes_frame(harness, number++));
    g_object_set(element, "model", "tiny-denoise", NULL);
    number = push_until(harness, number, FALSE);
    g_object_set(element, "model", "no-other-model", NULL);
    number = push_until(harness, number, TRUE);
    g_free(take_warning(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(gst_harness_buffers_received(harness), number);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// As in a text field whose every letter is set.
GST_START_TEST(the_last_of_many_models_is_taken)
{
    GstElement *element = make_with_model("tiny-denoise");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);

    for (guint n = 0; n < 20; n++)
        g_object_set(element, "model", n % 2 ? "tiny-denoise" : "no-such-model", NULL);
    g_object_set(element, "model", "no-model", NULL);
    push_until(harness, 0, TRUE);
    g_object_set(element, "model", "tiny-denoise", NULL);
    gst_harness_teardown(harness); // while it loads
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_missing_model_is_not_found)
{
    GstElement *without = make_with_model(""); // none is asked for
    GstBus *bus = watch(without);

    expect_bad_model("no-such-model", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    expect_bad_model("/no/such/model", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    play_three_frames(without);
    assert_equals_int(count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    gst_object_unref(bus);
    gst_object_unref(without);
}
GST_END_TEST;

GST_START_TEST(a_directory_that_holds_no_model_is_not_found)
{
    char *folder = copy_model();

    replace_file(folder, "model_index.json", NULL, 0);
    expect_bad_model(folder, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    remove_model(folder);
}
GST_END_TEST;

GST_START_TEST(a_broken_model_does_not_load)
{
    static const char *const files[] = { "unet/diffusion_pytorch_model.safetensors", "unet/config.json",
                                         "model_index.json" };

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        char *folder = copy_model();

        cut_file(folder, files[i]);
        expect_bad_model(folder, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT);
        remove_model(folder);
    }
}
GST_END_TEST;

GST_START_TEST(a_wrong_model_does_not_load)
{
    const char *config = "{ \"_class_name\": \"SomethingElse\", \"in_channels\": 3 }";
    char *folder = copy_model();

    replace_file(folder, "unet/config.json", config, -1);
    expect_bad_model(folder, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT);
    remove_model(folder);
}
GST_END_TEST;

GST_START_TEST(a_model_may_be_a_directory)
{
    char *folder = copy_model();
    GstElement *element = make_with_model(folder);

    play_three_frames(element);
    gst_object_unref(element);
    remove_model(folder);
}
GST_END_TEST;

// Two elements share a model: it stays usable after its files are gone, until both are back in NULL.
GST_START_TEST(a_model_is_loaded_once_per_process)
{
    char *folder = copy_model();
    GstElement *first = make_with_model(folder), *second = make_with_model(folder);
    GstBus *bus;

    fail_unless(gst_element_set_state(first, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    cut_file(folder, "unet/diffusion_pytorch_model.safetensors");
    replace_file(folder, "unet/config.json", "{", -1);
    replace_file(folder, "model_index.json", NULL, 0);
    gst_element_set_state(first, GST_STATE_READY); // stays warm
    fail_unless(gst_element_set_state(second, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    fail_unless(gst_element_set_state(first, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(first, GST_STATE_NULL);
    gst_element_set_state(second, GST_STATE_NULL);
    bus = watch(second);
    fail_unless(gst_element_set_state(second, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    g_free(take_warning(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
    gst_element_set_state(second, GST_STATE_NULL);
    unwatch(second, bus);
    gst_object_unref(first);
    gst_object_unref(second);
    remove_model(folder);
}
GST_END_TEST;

// ---- cancelling

// A frame that takes minutes.
#define SLOW_CAPS RGB_CAPS(3840, 2160)

static gpointer push_slow_frames(gpointer data)
{
    GstHarness *harness = data;
    GstVideoInfo info = info_from(SLOW_CAPS);
    GstFlowReturn ret = GST_FLOW_OK;

    for (guint n = 0; n <= engine_delay() && ret == GST_FLOW_OK; n++) {
        GstBuffer *frame = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);

        gst_buffer_memset(frame, 0, 100, GST_VIDEO_INFO_SIZE(&info));
        stamp(frame, n);
        ret = gst_harness_push(harness, frame);
    }
    return GINT_TO_POINTER(ret);
}

static GThread *start_slow_frame(GstHarness *harness)
{
    GThread *thread = g_thread_new("push", push_slow_frames, harness);

    g_usleep(G_USEC_PER_SEC);
    assert_equals_int(frames_out(harness), 0);
    return thread;
}

static GstElement *make_slow(void)
{
    return make_denoise("steps=1000 strength=0.5");
}

GST_START_TEST(a_slow_frame_does_not_hold_up_null)
{
    GstElement *element = make_slow();
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GThread *thread = start_slow_frame(harness);
    Moment start = now();

    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    assert_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
    expect_quick(start);
    assert_equals_int(count_messages(bus, GST_MESSAGE_ERROR), 0);
    gst_harness_teardown(harness);

    g_object_set(element, "steps", 1, NULL);
    play_three_frames(element);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(a_slow_frame_does_not_hold_up_a_flush)
{
    GstElement *element = make_slow();
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), SLOW_CAPS);
    GThread *thread = start_slow_frame(harness);
    Moment start = now();
    GstSegment segment;

    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    assert_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    expect_quick(start);
    assert_equals_int(count_messages(bus, GST_MESSAGE_ERROR), 0);

    g_object_set(element, "steps", 1, NULL);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_set_src_caps_str(harness, CAPS);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
    push_frames(harness, CAPS, 0, 3);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 3);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- states

static void play_pipeline(GstElement *pipeline)
{
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "no end came");
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
}

GST_START_TEST(a_pipeline_plays_three_times)
{
    GstElement *pipeline = gst_parse_launch(
        "videotestsrc num-buffers=5 ! video/x-raw,width=32,height=16 ! videoconvert ! "
        "udmdenoise model=tiny-denoise n-threads=1 name=denoise ! videoconvert ! fakesink sync=true qos=true",
        NULL);

    for (int i = 0; i < 3; i++)
        play_pipeline(pipeline);
    gst_object_unref(pipeline);
}
GST_END_TEST;

GST_START_TEST(fifty_turns_through_the_states)
{
    GstElement *element = make_denoise("");

    for (int i = 0; i < 50; i++) {
        GstState state = i % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING;

        fail_unless(gst_element_set_state(element, state) != GST_STATE_CHANGE_FAILURE);
        fail_unless_equals_int(gst_element_set_state(element, i % 3 ? GST_STATE_READY : GST_STATE_NULL),
                               GST_STATE_CHANGE_SUCCESS);
    }
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- what applications see

static void expect_progress(GstBus *bus, GstProgressType expected)
{
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_PROGRESS);
    GstProgressType type;
    char *code;

    fail_unless(message != NULL, "no progress was posted");
    gst_message_parse_progress(message, &type, &code, NULL);
    assert_equals_int(type, expected);
    assert_equals_string(code, "load-model");
    g_free(code);
    gst_message_unref(message);
}

GST_START_TEST(loading_shows_its_progress)
{
    GstElement *element = make_denoise("");
    GstBus *bus = watch(element);

    gst_element_set_state(element, GST_STATE_PAUSED);
    expect_progress(bus, GST_PROGRESS_TYPE_START);
    expect_progress(bus, GST_PROGRESS_TYPE_COMPLETE);
    gst_element_set_state(element, GST_STATE_NULL);
    g_object_set(element, "model", "no-such-model", NULL);
    gst_element_set_state(element, GST_STATE_PAUSED);
    expect_progress(bus, GST_PROGRESS_TYPE_START);
    expect_progress(bus, GST_PROGRESS_TYPE_ERROR);
    gst_element_set_state(element, GST_STATE_NULL);
    unwatch(element, bus);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(statistics_count_the_frames)
{
    GstElement *element = make_denoise("");
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstStructure *stats;
    guint64 frames;
    double sigma;

    g_object_get(element, "stats", &stats, NULL);
    fail_unless(gst_structure_has_name(stats, "application/x-udm-stats"));
    gst_structure_free(stats);
    push_frames(harness, CAPS, 0, 5 + engine_delay());
    g_object_get(element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, "frames", &frames));
    assert_equals_uint64(frames, 5);
    fail_unless(gst_structure_get_double(stats, "sigma", &sigma));
    fail_unless(ABS(sigma - 25) < 0.1, "sigma is %f", sigma);
    fail_unless(gst_structure_has_field(stats, "mean-ms") && gst_structure_has_field(stats, "memory"));
    assert_equals_int(strlen(gst_structure_get_string(stats, "device")) > 0, 1);
    gst_structure_free(stats);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(properties_keep_what_they_are_set_to)
{
    GstElement *element =
        make_denoise("device=cpu steps=7 seed=18446744073709551615 noise-level=12.5 strength=0.25 schedule=linear");
    double noise_level, strength;
    guint64 seed;
    char *device;
    int steps, schedule;

    g_object_get(element, "device", &device, "steps", &steps, "seed", &seed, "noise-level", &noise_level, "strength",
                 &strength, "schedule", &schedule, NULL);
    assert_equals_string(device, "cpu");
    assert_equals_int(steps, 7);
    assert_equals_uint64(seed, G_MAXUINT64);
    fail_unless(noise_level == 12.5 && strength == 0.25);
    fail_unless(schedule > 0, "the schedule is still the model's");
    g_free(device);
    gst_object_unref(element);
}
GST_END_TEST;

// As quality=best sets it for all models.
GST_START_TEST(lookahead_is_ignored_by_models_that_use_no_other_frames)
{
    GstElement *element = make_denoise("lookahead=2");
    GstHarness *harness = make_harness(gst_object_ref(element), NULL);
    GstBus *bus = watch(element);
    char *said;

    gst_harness_set_src_caps_str(harness, CAPS);
    push_frames(harness, CAPS, 0, 3);
    assert_equals_int(frames_out(harness), 3);
    said = take_warning(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED);
    fail_unless(strstr(said, "lookahead") != NULL, "%s", said);
    gst_harness_teardown(harness);
    unwatch(element, bus);
    gst_object_unref(element);
    g_free(said);
}
GST_END_TEST;

GST_START_TEST(presets_load)
{
    GstElement *element = make_denoise("");
    char **names = gst_preset_get_preset_names(GST_PRESET(element));
    double noise_level, dirt, gate;

    fail_unless(names != NULL && g_strv_length(names) >= 3, "there are no presets: is GST_PRESET_PATH set?");
    for (char **name = names; *name; name++)
        fail_unless(gst_preset_load_preset(GST_PRESET(element), *name), "%s does not load", *name);
    fail_unless(gst_preset_load_preset(GST_PRESET(element), "Light grain"));
    g_object_get(element, "noise-level", &noise_level, NULL);
    fail_unless(noise_level > 0 && noise_level < 20, "light grain is %f", noise_level);
    fail_unless(gst_preset_load_preset(GST_PRESET(element), "Old film"));
    g_object_get(element, "dirt", &dirt, "stabilize-gate", &gate, NULL);
    fail_unless(dirt == 0.5 && gate == 1, "of old film, dirt is %f and the gate %f", dirt, gate);
    fail_unless(gst_preset_load_preset(GST_PRESET(element), "Night")); // nothing of it is left
    g_object_get(element, "dirt", &dirt, "stabilize-gate", &gate, NULL);
    fail_unless(dirt == 0 && gate == 0, "at night, dirt is %f and the gate %f", dirt, gate);
    g_strfreev(names);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *states_suite(void)
{
    Suite *suite = suite_create("udmdenoise states");
    TCase *states = tcase_create("states");

    tcase_add_test(states, a_missing_model_is_not_found);
    tcase_add_test(states, a_mistyped_model_is_told_what_there_is);
    tcase_add_test(states, a_model_is_taken_while_frames_flow);
    tcase_add_test(states, the_last_of_many_models_is_taken);
    tcase_add_test(states, a_directory_that_holds_no_model_is_not_found);
    tcase_add_test(states, a_model_may_be_a_directory);
    tcase_add_test(states, a_model_is_loaded_once_per_process);
    tcase_add_test(states, a_slow_frame_does_not_hold_up_null);
    tcase_add_test(states, a_slow_frame_does_not_hold_up_a_flush);
    tcase_add_test(states, a_pipeline_plays_three_times);
    tcase_add_test(states, fifty_turns_through_the_states);
    tcase_add_test(states, loading_shows_its_progress);
    tcase_add_test(states, statistics_count_the_frames);
    tcase_add_test(states, properties_keep_what_they_are_set_to);
    tcase_add_test(states, presets_load);
    if (!engine_is_fake()) {
        tcase_add_test(states, lookahead_is_ignored_by_models_that_use_no_other_frames);
        tcase_add_test(states, a_broken_model_does_not_load);
        tcase_add_test(states, a_wrong_model_does_not_load);
    }
    suite_add_tcase(suite, states);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(states_suite(), &argc, &argv);
}
