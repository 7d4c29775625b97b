// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures from a model, against diffusers (tests/models/make_sample.py); the classifier's gradient; and what cannot be
// asked for.
#include <unistd.h>

#include "folder.h"
#include "golden.h"
#include "network/classifier.h"
#include "udm/udm.h"

enum { WIDTH = 12, HEIGHT = 8, PIXELS = WIDTH * HEIGHT, MANY = 40 };

static udm_settings settings_for(const char *sampler, int steps, int label)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT;
    settings.threads = 1;
    settings.steps = steps;
    settings.sampler = sampler;
    settings.class_label = label;
    settings.seed = 7;
    return settings;
}

static bool sample(const char *name, const udm_settings *settings, const udm_sampling *sampling, float *out,
                   udm_error *error)
{
    udm_model *model = udm_model_open(golden_path(name), error);
    const bool good = model && udm_model_sample(model, settings, sampling, out, error);
    udm_model_free(model);
    return good;
}

static void must_sample(const char *name, const udm_settings *settings, const udm_sampling *sampling, float *out)
{
    udm_error error = { 0 };
    ck_assert_msg(sample(name, settings, sampling, out, &error), "%s: %s", name, error.message);
}

static const char *const devices[] = { "reference", "cpu" };

// Two kinds of guidance, and a variance that was learned, all at once.
START_TEST(pictures_equal_those_of_diffusers)
{
    npy want = golden_read("tiny-sample/made.npy");
    udm_settings settings = settings_for("model", 5, 1);
    settings.device = devices[_i];
    const udm_sampling sampling = { .count = 2, .guidance = 2.5, .rescale = 0.4, .classifier = 1.5 };
    float out[2 * PIXELS];
    test_case("%s", devices[_i]);
    ck_assert_uint_eq(want.elements, COUNT_OF(out));
    must_sample("tiny-sample", &settings, &sampling, out);
    assert_close(out, want.data, want.elements, 1e-4);
    free(want.data);
}
END_TEST

static udm_classifier *open_classifier(const udm_model *model)
{
    udm_error error = { 0 };
    udm_classifier *classifier =
        udm_classifier_open(udm_model_helper_config(model, UDM_HELPER_CLASSIFIER),
                            udm_model_helper_weights(model, UDM_HELPER_CLASSIFIER), WIDTH, HEIGHT, &error);
    ck_assert_msg(classifier, "%s", error.message);
    return classifier;
}

START_TEST(the_classifier_and_its_gradient_equal_pytorch)
{
    udm_model *model = golden_model("tiny-sample");
    npy x = golden_read("tiny-sample/seen.npy"), scores = golden_read("tiny-sample/scores.npy");
    npy want = golden_read("tiny-sample/gradient.npy");
    udm_classifier *classifier = open_classifier(model);
    float gradient[PIXELS];
    assert_close(udm_classifier_run(classifier, x.data, 0.7), scores.data, scores.elements, 1e-5);
    udm_classifier_gradient(classifier, 1, gradient);
    assert_close(gradient, want.data, want.elements, 1e-4);
    udm_classifier_free(classifier);
    udm_model_free(model);
    free(x.data), free(scores.data), free(want.data);
}
END_TEST

// ... and what two scores a little apart say of it.
START_TEST(the_gradient_is_the_slope_of_the_score)
{
    udm_model *model = golden_model("tiny-sample");
    npy x = golden_read("tiny-sample/seen.npy");
    udm_classifier *classifier = open_classifier(model);
    float gradient[PIXELS];
    for (int class = 0; class < 3; class ++) {
        float slopes[PIXELS], wanted[PIXELS];
        int count = 0;
        udm_classifier_run(classifier, x.data, 0.3);
        udm_classifier_gradient(classifier, class, gradient);
        for (int i = 0; i < PIXELS; i += 7) {
            const float was = x.data[i], apart = 1e-2f;
            x.data[i] = was + apart;
            const double above = udm_classifier_run(classifier, x.data, 0.3)[class];
            x.data[i] = was - apart;
            const double below = udm_classifier_run(classifier, x.data, 0.3)[class];
            x.data[i] = was;
            wanted[count] = gradient[i];
            slopes[count++] = (float)((above - below) / (2 * apart));
        }
        test_at("class %d, every seventh pixel", class);
        assert_within(slopes, wanted, count, 2e-3);
    }
    udm_classifier_free(classifier);
    udm_model_free(model);
    free(x.data);
}
END_TEST

// The pixels of this network do not know of each other, so that each is drawn from what it says, in any number of
// steps.
START_TEST(symbols_come_out_as_often_as_the_network_says)
{
    static const double logits[] = { 0, 1, -1, 0.5 };
    static float out[MANY * PIXELS], even[MANY * PIXELS];
    double sum = 0;
    for (int k = 0; k < 4; k++)
        sum += exp(logits[k]);
    for (int steps = 1; steps <= 10; steps += 9) {
        test_at("%d steps", steps);
        const udm_settings settings = settings_for("model", steps, -1);
        int counts[4] = { 0 };
        must_sample("tiny-symbols", &settings, &(udm_sampling){ .count = MANY, .guidance = 1 }, out);
        for (int i = 0; i < MANY * PIXELS; i++) {
            const int symbol = (int)lround((out[i] + 1) * 1.5);
            ck_assert_msg(symbol >= 0 && symbol < 4, "[%d] is %g", i, out[i]);
            even[i] = (float)(symbol / 1.5 - 1);
            counts[symbol]++;
        }
        assert_within(out, even, MANY * PIXELS, 1e-6);
        for (int k = 0; k < 4; k++) // 4 standard deviations of a count are 0.032
            ck_assert_double_eq_tol(counts[k] / (double)(MANY * PIXELS), exp(logits[k]) / sum, 0.032);
    }
}
END_TEST

START_TEST(a_picture_does_not_depend_on_how_many_are_made)
{
    const udm_settings settings = settings_for("ddim", 3, 0);
    float all[3 * PIXELS], two[2 * PIXELS];
    must_sample("tiny-sample", &settings, &(udm_sampling){ .count = 3, .guidance = 1 }, all);
    must_sample("tiny-sample", &settings, &(udm_sampling){ .count = 2, .guidance = 1 }, two);
    assert_same(all, two, 2 * PIXELS);
    assert_differ(all, all + PIXELS, PIXELS);
}
END_TEST

typedef struct way {
    float states[64 * PIXELS];
    int count;
    double times[64];
} way;

static void keep(void *context, int picture, int estimate, double time, const float *x)
{
    way *w = context;
    (void)picture;
    ck_assert_int_eq(estimate, w->count);
    ck_assert_int_lt(estimate, 64);
    w->times[w->count] = time;
    memcpy(w->states + w->count++ * PIXELS, x, PIXELS * sizeof *x);
}

START_TEST(a_picture_goes_on_from_where_another_was)
{
    static way seen;
    udm_settings settings = settings_for("ddim", 4, 2);
    float whole[PIXELS], rest[PIXELS];
    settings.spacing = "trailing";
    must_sample("tiny-sample", &settings, &(udm_sampling){ .count = 1, .guidance = 1, .seen = keep, .context = &seen },
                whole);
    ck_assert_int_eq(seen.count, 4);
    ck_assert_double_eq_tol(seen.times[1], 0.75, 1e-6);
    settings.steps = 3;
    must_sample("tiny-sample", &settings,
                &(udm_sampling){ .count = 1, .guidance = 1, .from = seen.states + PIXELS, .time = seen.times[1] },
                rest);
    assert_close(rest, whole, PIXELS, 1e-5);
}
END_TEST

// The network of a model with another scheduler.
static folder other_model(const char *name, const char *class, const char *scheduler)
{
    static const char *const files[] = { "unet/config.json", "unet/diffusion_pytorch_model.safetensors" };
    char index[256];
    folder made = folder_new();
    folder_make(&made, "unet"), folder_make(&made, "scheduler");
    snprintf(index, sizeof index,
             "{\"_class_name\": \"UdmPicturePipeline\", \"unet\": [\"diffusers\", \"UNet2DModel\"],"
             " \"scheduler\": [\"udm\", \"%s\"]}",
             class);
    folder_write_text(&made, "model_index.json", index);
    folder_write_text(&made, "scheduler/scheduler_config.json", scheduler);
    for (int i = 0; i < 2; i++) {
        char path[96], *whole;
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        whole = realpath(golden_path(path), NULL);
        ck_assert_msg(whole && symlink(whole, folder_path(&made, files[i])) == 0, "%s: %s", path, strerror(errno));
        free(whole);
    }
    return made;
}

static void sample_other(const char *path, int steps, int label, const udm_sampling *sampling, float *out)
{
    udm_error error = { 0 };
    const udm_settings settings = settings_for("ddim", steps, label);
    udm_model *model = udm_model_open(path, &error);
    ck_assert_msg(model, "%s", error.message);
    assert_ok(udm_model_sample(model, &settings, sampling, out, &error), &error);
    udm_model_free(model);
}

// The noise of a picture leads back to it, the better the more steps are made.
START_TEST(ddim_leads_back_to_what_was_inverted)
{
    const folder model = other_model("tiny-symbols", "DDIMScheduler", // which says the same v everywhere
                                     "{\"prediction_type\": \"v_prediction\", \"clip_sample\": false,"
                                     " \"timestep_spacing\": \"trailing\"}");
    float picture[5 * PIXELS], noise[5 * PIXELS], back[5 * PIXELS];
    double errors[2];
    for (int i = 0; i < 5 * PIXELS; i++)
        picture[i] = 0.3f * (float)sin(i);
    for (int k = 0; k < 2; k++) {
        const int steps = k ? 200 : 25;
        sample_other(model.path, steps, -1,
                     &(udm_sampling){ .count = 1, .guidance = 1, .from = picture, .invert = true }, noise);
        sample_other(model.path, steps, -1, &(udm_sampling){ .count = 1, .guidance = 1, .from = noise, .time = 1 },
                     back);
        errors[k] = relative_difference(back, picture, 5 * PIXELS);
    }
    folder_free(&model);
    ck_assert_double_lt(errors[1], errors[0] / 5);
}
END_TEST

// Half of the pixels are lost; the others come out as they were given, in any number of steps.
START_TEST(known_pixels_stay)
{
    const folder model = other_model("tiny-sample", "UdmScheduler",
                                     "{\"process\": \"mask\", \"prediction_type\": \"sample\","
                                     " \"beta_schedule\": \"squaredcos_cap_v2\", \"timestep_spacing\": \"trailing\"}");
    float given[PIXELS], out[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        given[i] = 0.7f * (float)sin(i);
    for (int steps = 1; steps <= 3; steps++) {
        int same = 0;
        sample_other(model.path, steps, 0, &(udm_sampling){ .count = 1, .guidance = 1, .from = given, .time = 0.5 },
                     out);
        for (int i = 0; i < PIXELS; i++)
            same += out[i] == given[i];
        ck_assert_double_gt(same, PIXELS * 0.35);
        ck_assert_double_lt(same, PIXELS * 0.65);
    }
    folder_free(&model);
}
END_TEST

static void check_refused(const char *name, udm_settings settings, udm_sampling sampling, const char *what)
{
    static float out[MANY * PIXELS];
    udm_error error = { 0 };
    test_at("%s", what);
    ck_assert(!sample(name, &settings, &sampling, out, &error));
    assert_contains(error.message, what);
}

START_TEST(what_cannot_be_asked_for)
{
    static const float given[PIXELS] = { 0 };
    const udm_settings plain = settings_for("ddim", 2, 1), none = settings_for("ddim", 2, -1);
    const udm_settings learned = settings_for("ddpm_learned", 2, -1);
    check_refused("tiny-sample", plain, (udm_sampling){ .count = 0, .guidance = 1 }, "at least one");
    check_refused("tiny-sample", plain, (udm_sampling){ .count = 1, .guidance = -1 }, "guidance");
    check_refused("tiny-sample", plain, (udm_sampling){ .count = 1, .guidance = 1, .eta = 2 }, "eta");
    check_refused("tiny-sample", settings_for("ddim", 2, 5), (udm_sampling){ .count = 1, .guidance = 1 }, "class");
    check_refused("tiny-sample", none, (udm_sampling){ .count = 1, .guidance = 1, .classifier = 1 }, "classifier");
    check_refused("tiny-sample", plain, (udm_sampling){ .count = 1, .guidance = 1, .from = given }, "time");
    check_refused("tiny-sample", plain, (udm_sampling){ .count = 1, .guidance = 1, .invert = true }, "invert");
    check_refused("unet2d-fourier", learned, (udm_sampling){ .count = 1, .guidance = 1 }, "ddpm_learned");
    check_refused("tiny-symbols", none, (udm_sampling){ .count = 1, .guidance = 1, .from = given, .time = 1 },
                  "symbols");
    check_refused("tiny-symbols", settings_for("heun", 2, -1), (udm_sampling){ .count = 1, .guidance = 1 }, "heun");
    check_refused("tiny-video", plain, (udm_sampling){ .count = 1, .guidance = 1 }, "udmsrc");
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = pictures_equal_those_of_diffusers, .cases = COUNT_OF(devices) },
        { .test = the_classifier_and_its_gradient_equal_pytorch },
        { .test = the_gradient_is_the_slope_of_the_score },
        { .test = symbols_come_out_as_often_as_the_network_says },
        { .test = a_picture_does_not_depend_on_how_many_are_made },
        { .test = a_picture_goes_on_from_where_another_was },
        { .test = ddim_leads_back_to_what_was_inverted },
        { .test = known_pixels_stay },
        { .test = what_cannot_be_asked_for },
    };
    return test_main("sample", tests, COUNT_OF(tests));
}
