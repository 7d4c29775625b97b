// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise and udminterp with the plan of a film: which plans are taken, and what the stream says that the plan knows
// better. That frames are those of udm-film is in tests/python, test_plan.py and test_between.py.
#include <glib/gstdio.h>
#include <string.h>

#include "harness.h"

#define CAPS RGB_CAPS(48, 48)
#define HEADER(sigma)                                                                                                  \
    "{\"udm-film\": 1, \"path\": \"in.mkv\", \"sigma\": " sigma ", \"split\": 960, \"warm_up\": 48, \"shape\": "       \
    "{\"width\": 48, \"height\": 48}, \"time_base\": \"1/25\", \"rate\": \"25\"}\n"
#define FRAME(number, pts, cut)                                                                                        \
    "{\"frame\": " number ", \"pts\": " pts ", \"cut\": " cut ", \"sigma\": 25, \"real_sigma\": 25, \"kind\": 1, "     \
    "\"chroma_sigma\": 0, \"apart_sigma\": 25, \"digest\": \"0\"}\n"
#define SEGMENT(first, count, warm_up)                                                                                 \
    "{\"segment\": 0, \"first\": " first ", \"count\": " count ", \"warm_up\": " warm_up ", \"after\": 0}\n"
#define END "{\"frames\": 6, \"segments\": 2, \"last_duration\": 1}\n"
#define FRAMES                                                                                                         \
    FRAME("0", "0", "true")                                                                                            \
    FRAME("1", "1", "false")                                                                                           \
    FRAME("2", "2", "false") FRAME("3", "3", "false") FRAME("4", "4", "true") FRAME("5", "5", "false")
#define PLAN HEADER("25") FRAMES SEGMENT("0", "4", "0") SEGMENT("4", "2", "0") END

static char *write_plan(const char *text)
{
    char *path = NULL;
    int file = g_file_open_tmp("plan-XXXXXX.jsonl", &path, NULL);

    fail_unless(file >= 0);
    fail_unless(g_close(file, NULL) && g_file_set_contents(path, text, -1, NULL));
    return path;
}

// With a shipped model, which has a memory.
static GstElement *make_planned(const char *path, const char *properties)
{
    char *line = g_strdup_printf("udmdenoise model=%s/../../models/denoise n-threads=1 lookahead=0 %s",
                                 g_getenv("UDM_MODEL_PATH"), properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse", line);
    if (path)
        g_object_set(element, "plan", path, NULL);
    g_free(line);
    return gst_object_ref_sink(element);
}

// Six frames, of which that of the number has the flag DISCONT.
static GList *restore_all(const char *path, guint discont)
{
    GstHarness *harness = make_harness(make_planned(path, "noise-level=25"), CAPS);
    GstVideoInfo info = info_from(CAPS);
    GList *made = NULL;

    for (guint n = 0; n < 6; n++) {
        GstBuffer *frame = make_frame(&info, n / 4); // what is the same picture is the same, bit for bit, but for time

        stamp(frame, n);
        gst_buffer_memset(frame, n * 30, (guint8)n, 30);
        if (n == discont)
            GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DISCONT);
        assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    }
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 6);
    while (frames_out(harness))
        made = g_list_append(made, gst_harness_pull(harness));
    gst_harness_teardown(harness);
    return made;
}

static void free_frames(GList *frames)
{
    g_list_free_full(frames, (GDestroyNotify)gst_buffer_unref);
}

static guint64 difference_of(GList *a, GList *b, guint number)
{
    GstVideoInfo info = info_from(CAPS);

    return difference(g_list_nth_data(a, number), g_list_nth_data(b, number), &info);
}

GST_START_TEST(discont_is_no_cut_where_the_plan_has_none)
{
    char *path = write_plan(PLAN);
    GList *plain = restore_all(path, 99), *marked = restore_all(path, 3);
    GList *alone = restore_all(NULL, 99), *cut = restore_all(NULL, 3);

    for (guint n = 0; n < 6; n++)
        assert_equals_uint64(difference_of(plain, marked, n), 0);
    if (!engine_is_fake())
        fail_unless(difference_of(alone, cut, 3) > 0, "a cut makes no difference to this film");
    free_frames(plain);
    free_frames(marked);
    free_frames(alone);
    free_frames(cut);
    g_unlink(path);
    g_free(path);
}
GST_END_TEST;

// The error that an element posts when it starts with this plan.
static void expect_refusal(const char *path, GQuark domain, int code, const char *says)
{
    GstElement *element = make_planned(path, "");
    GstBus *bus = watch(element);
    GstMessage *message;
    GError *error = NULL;

    assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    fail_unless(message != NULL, "no error was posted");
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, domain, code), "posted %s %d", g_quark_to_string(error->domain), error->code);
    fail_unless(strstr(error->message, says) && strstr(error->message, "udm-film"), "\"%s\" does not say \"%s\"",
                error->message, says);
    g_clear_error(&error);
    gst_message_unref(message);
    gst_element_set_state(element, GST_STATE_NULL);
    unwatch(element, bus);
    gst_object_unref(element);
}

GST_START_TEST(plans_that_cannot_be_followed_say_what_to_do)
{
    static const struct {
        const char *text, *says;
    } plans[] = {
        { "", "is not complete" },
        { HEADER("25") FRAMES, "is not complete" },
        { HEADER("25") END, "is not complete" },
        { "no plan at all\n", "line 1" },
        { "{\"udm-film\": 2}\n", "another version" },
        { "{\"udm-film\": 1}\n", "the header lacks something" },
        { FRAMES, "has no header" },
        { HEADER("25") FRAME("1", "0", "true"), "line 2: the frame lacks something" },
        { HEADER("25") FRAME("0", "null", "true"), "have no times that rise" },
        { HEADER("25") FRAME("0", "3", "true") FRAME("1", "3", "false"), "line 3: the frames of the film" },
        { HEADER("25") FRAME("0", "9223372036854775807", "true"), "have no times that rise" },
        { HEADER("25") FRAMES SEGMENT("2", "4", "3"), "the segment lacks something" },
        { HEADER("25") FRAMES SEGMENT("6", "4", "2") END, "are not its frames" },
        { HEADER("25") FRAMES SEGMENT("5", "1", "2") END, "are not its frames" },
        { HEADER("25") FRAMES "[1]\n", "nothing that a plan has" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(plans); i++) {
        char *path = write_plan(plans[i].text);

        expect_refusal(path, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, plans[i].says);
        g_unlink(path);
        g_free(path);
    }
    expect_refusal("/none/plan.jsonl", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "cannot be opened");
    expect_refusal("/", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ, "cannot be read");
}
GST_END_TEST;

// Pushes a frame of the number; expects an error of settings.
static void expect_misfit(const char *text, const char *properties, guint number)
{
    char *path = write_plan(text);
    GstElement *element = make_planned(path, properties);
    GstBus *bus = watch(element);
    GstHarness *harness = make_harness(gst_object_ref(element), CAPS);
    GstVideoInfo info = info_from(CAPS);

    assert_equals_int(gst_harness_push(harness, make_frame(&info, number)), GST_FLOW_ERROR);
    expect_error(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
    unwatch(element, bus);
    gst_harness_teardown(harness);
    gst_object_unref(element);
    g_unlink(path);
    g_free(path);
}

GST_START_TEST(plans_that_do_not_fit_are_errors)
{
    expect_misfit(PLAN, "", 6); // beyond the film
    expect_misfit(PLAN, "noise-level=20", 0);
    expect_misfit(HEADER("-1") FRAMES END, "noise-level=25", 0);
    expect_misfit(HEADER("0") FRAMES END, "", 0); // of a filter that asks for no noise
}
GST_END_TEST;

// Frames 0 to 5 of a film of which a scene begins with 4, twice as many: those across the cut are repeated, and a
// picture that is shown for ten seconds, with an event that says so, is none.
GST_START_TEST(interpolation_knows_cuts_and_pauses_by_the_plan)
{
    char *path = write_plan(HEADER("0") FRAME("0", "0", "true") FRAME("1", "1", "false") FRAME("2", "251", "false")
                                FRAME("3", "252", "false") FRAME("4", "253", "true") FRAME("5", "254", "false") END);
    char *line = g_strdup_printf("udminterp factor=2 n-threads=1 plan=%s", path);
    GstHarness *harness = make_harness(gst_object_ref_sink(gst_parse_launch(line, NULL)), CAPS);
    GstVideoInfo info = info_from(CAPS);
    const guint at[] = { 0, 1, 251, 252, 253, 254 };

    for (guint n = 0; n < 6; n++) {
        GstBuffer *frame = make_frame(&info, n);

        stamp(frame, at[n]);
        if (n == 2)
            fail_unless(gst_harness_push_event(harness, gst_event_new_gap(2 * GST_SECOND / 25, 249 * GST_SECOND / 25)));
        assert_equals_int(gst_harness_push(harness, frame), GST_FLOW_OK);
    }
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    assert_equals_int(frames_out(harness), 12);
    for (guint n = 0; n < 12; n++) {
        GstBuffer *frame = gst_harness_pull(harness);
        const gboolean repeated = n == 7 || n == 11; // the last of a scene

        fail_unless(GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_GAP) == repeated, "frame %u", n);
        if (n == 3)
            assert_equals_uint64(GST_BUFFER_PTS(frame), 126 * GST_SECOND / 25);
        gst_buffer_unref(frame);
    }
    for (GstEvent *event; (event = gst_harness_try_pull_event(harness)); gst_event_unref(event))
        fail_if(GST_EVENT_TYPE(event) == GST_EVENT_GAP, "a pause left as a gap");
    gst_harness_teardown(harness);
    g_unlink(path);
    g_free(path);
    g_free(line);
}
GST_END_TEST;

GST_START_TEST(interpolation_by_a_plan_that_does_not_fit_is_an_error)
{
    const char *const plans[] = { PLAN, "{\"udm-film\": 2}\n" };

    for (guint i = 0; i < G_N_ELEMENTS(plans); i++) {
        char *path = write_plan(plans[i]), *line = g_strdup_printf("udminterp factor=2 plan=%s", path);
        GstElement *element = gst_object_ref_sink(gst_parse_launch(line, NULL));
        GstBus *bus = watch(element);
        GstHarness *harness;
        GstVideoInfo info = info_from(CAPS);

        if (i == 0) {
            harness = make_harness(gst_object_ref(element), CAPS);
            for (guint n = 5; n < 8; n++) // 6 is beyond the film
                gst_harness_push(harness, make_frame(&info, n));
            expect_error(bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
            gst_harness_teardown(harness);
        } else {
            assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
            expect_error(bus, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT);
            gst_element_set_state(element, GST_STATE_NULL);
        }
        unwatch(element, bus);
        gst_object_unref(element);
        g_unlink(path);
        g_free(path);
        g_free(line);
    }
}
GST_END_TEST;

// Nobody else than the application names files that are read (gst/settings.h).
GST_START_TEST(an_address_cannot_name_the_plan)
{
    GstElement *element = make_denoise("");
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "plan");

    fail_unless(spec && (spec->flags & GST_PARAM_USER_SHIFT));
    gst_object_unref(element);
}
GST_END_TEST;

int main(int argc, char **argv)
{
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, discont_is_no_cut_where_the_plan_has_none);
    tcase_add_test(tests, plans_that_cannot_be_followed_say_what_to_do);
    tcase_add_test(tests, plans_that_do_not_fit_are_errors);
    tcase_add_test(tests, interpolation_knows_cuts_and_pauses_by_the_plan);
    tcase_add_test(tests, interpolation_by_a_plan_that_does_not_fit_is_an_error);
    tcase_add_test(tests, an_address_cannot_name_the_plan);
    return run_suite(suite, &argc, &argv);
}
