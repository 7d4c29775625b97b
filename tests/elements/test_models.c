// SPDX-License-Identifier: LGPL-2.1-or-later
// Models that are for something else: a project of an editor that names one opens and plays, as with one that is
// missing. udmdenoise passes frames, udminterp and udmslowmotion go by motion alone, and a warning says so.
#include "interp.h"

#define COLOUR_CAPS "video/x-raw,format=RGB,width=96,height=64,framerate=25/1"

typedef struct Play {
    GstElement *element;
    GstBus *bus;
    GstHarness *harness;
} Play;

static Play play(const char *line, const char *caps)
{
    Play play = { .element = gst_parse_launch(line, NULL) };

    fail_unless(play.element != NULL, "\"%s\" does not parse", line);
    gst_object_ref_sink(play.element);
    play.bus = watch(play.element);
    play.harness = make_harness(gst_object_ref(play.element), caps);
    return play;
}

static void stop(Play *play)
{
    gst_harness_teardown(play->harness);
    unwatch(play->element, play->bus);
    gst_object_unref(play->element);
}

static GstBuffer *last_of(GstHarness *harness)
{
    GstBuffer *last = NULL;

    while (frames_out(harness) > 0) {
        gst_clear_buffer(&last);
        last = gst_harness_pull(harness);
    }
    return last;
}

// Whether frame n, and nothing else, comes out, as it went in.
static gboolean passes(GstHarness *harness, int n)
{
    GstBuffer *out;
    gboolean same;

    push(harness, moving(n));
    out = last_of(harness);
    same = out && is_exactly(out, (Shot){ 0, 2 * n });
    gst_clear_buffer(&out);
    return same;
}

// ---- udmdenoise

#define PASS "Frames pass through unchanged"

static const struct {
    const char *model, *caps, *reason;
} unfit[] = {
    { "tiny-interp", CAPS, "udminterp runs it" },
    { "tiny-symbols", CAPS, "frames have 1 or 3" },
    { "tiny-text", CAPS, "udmsrc runs it" },
    { "tiny-cascade", CAPS, "udmsrc runs it" },
    { "tiny-video", CAPS, "scale and convert them first" },
    { "tiny-grey", COLOUR_CAPS, "grey frames only" },
};

GST_START_TEST(frames_pass_a_model_that_restores_none)
{
    char *line = g_strdup_printf("udmdenoise device=cpu model=%s strength=0.5", unfit[__i__].model);
    Play it = play(line, unfit[__i__].caps);
    GstVideoInfo info = info_from(unfit[__i__].caps);

    for (guint n = 0; n < 3; n++) {
        GstBuffer *in = make_frame(&info, n), *out;

        push(it.harness, gst_buffer_ref(in));
        out = gst_harness_pull(it.harness);
        fail_unless(out == in, "frame %u was touched", n);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
    expect_warning(it.bus, unfit[__i__].reason, PASS);
    stop(&it);
    g_free(line);
}
GST_END_TEST;

GST_START_TEST(a_model_of_grey_frames_works_where_they_are_grey)
{
    Play it = play("udmdenoise device=cpu model=tiny-grey noise-level=25", CAPS);

    fail_if(passes(it.harness, 0));
    assert_equals_int(count_messages(it.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    gst_harness_set_src_caps_str(it.harness, COLOUR_CAPS);
    push_frames(it.harness, COLOUR_CAPS, 1, 2);
    assert_equals_int(frames_out(it.harness), 2);
    gst_buffer_unref(last_of(it.harness));
    expect_warning(it.bus, "grey frames only", PASS);
    gst_harness_set_src_caps_str(it.harness, CAPS);
    fail_if(passes(it.harness, 3));
    assert_equals_int(count_messages(it.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    stop(&it);
}
GST_END_TEST;

static int push_until(GstHarness *harness, int n, gboolean pass)
{
    for (Moment start = now(); may_come(start);) {
        if (passes(harness, n++) == pass)
            return n;
        g_usleep(G_USEC_PER_SEC / 100);
    }
    fail("a model that was set while frames flow was not taken");
    return n;
}

GST_START_TEST(it_may_be_set_while_frames_flow)
{
    Play it = play("udmdenoise device=cpu model=tiny-denoise noise-level=25", CAPS);
    int n = push_until(it.harness, 0, FALSE);

    g_object_set(it.element, "model", "tiny-interp", NULL);
    n = push_until(it.harness, n, TRUE);
    expect_warning(it.bus, "udminterp runs it", PASS);
    g_object_set(it.element, "model", "tiny-denoise", NULL);
    n = push_until(it.harness, n, FALSE);
    assert_equals_int(count_messages(it.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    assert_equals_int(gst_harness_buffers_received(it.harness), n);
    stop(&it);
}
GST_END_TEST;

// A project may come from another machine, and every value can be set on an editor's page: what does not work there is
// a warning, once, and frames are restored with the defaults.
static const struct {
    const char *properties, *reason;
} wrong[] = {
    { "device=no-such", "unknown device" },         { "device=cpu:no-such", "instruction set" },
    { "device=cpu precision=f16", "has no f16" },   { "device=opencl:99", "opencl" },
    { "sampler=ddpm_learned", "learned variance" },
};

GST_START_TEST(what_does_not_work_here_is_a_warning)
{
    char *line = g_strdup_printf("udmdenoise model=tiny-denoise noise-level=25 %s", wrong[__i__].properties);
    Play it = play(line, CAPS);
    int n = push_until(it.harness, 0, FALSE);

    expect_warning(it.bus, wrong[__i__].reason, "defaults");
    g_object_set(it.element, "steps", 2, "device", "cpu", "precision", 0, "sampler", 0, NULL);
    n = push_until(it.harness, n, FALSE);
    assert_equals_int(count_messages(it.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    assert_equals_int(gst_harness_buffers_received(it.harness), n);
    stop(&it);
    g_free(line);
}
GST_END_TEST;

// ---- udminterp and udmslowmotion

#define BY_MOTION "by motion alone"
enum { FRAMES = 4 };

// The second frame that comes of a few, at twice the rate.
static GstBuffer *second_of(GstHarness *harness)
{
    GstBuffer *made;

    for (int n = 0; n < FRAMES; n++)
        push(harness, moving(n));
    finish(harness);
    assert_equals_int(frames_out(harness), 2 * FRAMES);
    gst_buffer_unref(gst_harness_pull(harness));
    made = gst_harness_pull(harness);
    gst_buffer_unref(last_of(harness));
    return made;
}

static const struct {
    const char *line, *model, *more, *reason;
} unable[] = {
    { "udminterp factor=2 model=", "tiny-symbols", "", "not an interpolation model" },
    { "udminterp factor=2 model=", "tiny-sample", "", "does not predict x0" },
    { "udminterp factor=2 model=", "tiny-text", "steps=3", "udmsrc runs it" },
    { "udminterp factor=2 model=", "tiny-video", "device=opencl", "not an interpolation model" },
    { "udminterp factor=2 model=", "tiny-chroma", "", "planes of context" },
    { "udmslowmotion speed=0.5 model=", "tiny-video", "", "not an interpolation model" },
};

GST_START_TEST(motion_makes_the_frames_where_a_model_makes_none)
{
    char *line = g_strconcat(unable[__i__].line, unable[__i__].model, " ", unable[__i__].more, NULL);
    char *without = g_strconcat(unable[__i__].line, "\"\"", NULL);
    Play it = play(line, CAPS), like = play(without, CAPS);
    GstBuffer *made = second_of(it.harness), *same = second_of(like.harness);
    GstMapInfo map;

    fail_unless(gst_buffer_map(same, &map, GST_MAP_READ));
    assert_equals_int(gst_buffer_memcmp(made, 0, map.data, map.size), 0);
    gst_buffer_unmap(same, &map);
    expect_warning(it.bus, unable[__i__].reason, BY_MOTION);
    gst_buffer_unref(made);
    gst_buffer_unref(same);
    stop(&it);
    stop(&like);
    g_free(line);
    g_free(without);
}
GST_END_TEST;

static const char *const lines[] = { "udminterp factor=2 model=tiny-interp",
                                     "udmslowmotion speed=0.5 model=tiny-interp" };

GST_START_TEST(motion_goes_on_where_one_is_set_while_frames_flow)
{
    Play it = play(lines[__i__], CAPS);
    Moment start = now();
    GstMessage *warning;
    int n = 0;

    while (n < 2)
        push(it.harness, moving(n++));
    g_object_set(it.element, "model", "tiny-video", NULL);
    while (!(warning = gst_bus_pop_filtered(it.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)) && may_come(start)) {
        push(it.harness, moving(n++));
        g_usleep(G_USEC_PER_SEC / 100);
    }
    push(it.harness, moving(n++));
    finish(it.harness);
    assert_equals_int(frames_out(it.harness), 2 * n);
    fail_unless(warning != NULL, "a model that was set while frames flow was not taken");
    gst_bus_post(it.bus, warning);
    expect_warning(it.bus, "not an interpolation model", BY_MOTION);
    stop(&it);
}
GST_END_TEST;

static Suite *models_suite(void)
{
    Suite *suite = suite_create("models");
    TCase *tests = tcase_create("models");

    tcase_add_loop_test(tests, frames_pass_a_model_that_restores_none, 0, G_N_ELEMENTS(unfit));
    tcase_add_test(tests, a_model_of_grey_frames_works_where_they_are_grey);
    tcase_add_test(tests, it_may_be_set_while_frames_flow);
    tcase_add_loop_test(tests, what_does_not_work_here_is_a_warning, 0, G_N_ELEMENTS(wrong));
    tcase_add_loop_test(tests, motion_makes_the_frames_where_a_model_makes_none, 0, G_N_ELEMENTS(unable));
    tcase_add_loop_test(tests, motion_goes_on_where_one_is_set_while_frames_flow, 0, G_N_ELEMENTS(lines));
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(models_suite(), &argc, &argv);
}
