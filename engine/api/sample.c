// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/sample.h: pictures sampled from noise, or from what a process left of them, one at a time, with any process and
// any sampler.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "api/settings.h"
#include "network/classifier.h"
#include "sampler/guidance.h"
#include "runner/tiling.h"

typedef struct sample {
    const udm_settings *settings;
    const udm_sampling *sampling;
    const udm_scheduler *scheduler;
    const udm_process *process;
    const udm_noise *noise; // what a time means
    udm_noise own_noise;    // ... where settings.schedule is not the model's
    udm_device *device;
    udm_network *network;
    udm_tiling *tiles;
    udm_classifier *classifier; // NULL: not used
    udm_loop *loop;
    double start; // the time where pictures begin
    size_t pixels, elements;
    int number;                                      // of the picture
    float *memory;                                   // all of the following
    float *x, *e, *picture, *times;                  // [elements], [elements], what of x is a picture, [pixels]
    float *output, *unconditional, *gradient, *work; // the network's, twice; [elements]; for the process
    float *levels;                                   // signal and noise where it begins, [2, pixels]
    float *known;                                    // [pixels], 1 where a pixel was given
} sample;

static int planes_of(const sample *s)
{
    return s->process->symbols ? 1 : s->network->channels;
}

static bool guided(const sample *s)
{
    return s->settings->class_label >= 0 && s->sampling->guidance != 1;
}

static bool check(const sample *s, const char *directory, udm_error *error)
{
    const udm_sampling *a = s->sampling;
    if (a->count < 1)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%d pictures: there must be at least one", a->count);
    if (s->network->window.frames > 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes video: use udmsrc", directory);
    if (!s->network->class->condition && s->process != &udm_process_gaussian)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s restores streams: it undoes process \"%s\", and generates no pictures", directory,
                        s->process->name);
    if (!(a->guidance >= 0 && a->guidance <= 100 && a->rescale >= 0 && a->rescale <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "guidance %g must be 0 to 100, and its rescale %g 0 to 1",
                        a->guidance, a->rescale);
    if (!(a->eta >= 0 && a->eta <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "eta is %g: it must be 0 to 1", a->eta);
    if (s->process->cold && !a->from)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "process \"%s\" has no noise to start from: give degraded pictures", s->process->name);
    if (s->process->symbols && (a->from || a->classifier != 0))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "symbols can only be sampled from noise, and without a classifier");
    if (a->from && !a->invert && !(a->time > 0 && a->time <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "time is %g: it must be above 0, and at most 1", a->time);
    if (a->invert && !a->from)
        return udm_fail(error, UDM_ERROR_SETTINGS, "there are no pictures to invert");
    if (guided(s) && s->network->classes == s->network->labels)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "guidance needs an unconditional estimate, and %s is always conditioned on a class: its "
                        "config.json has no \"null_class\"",
                        directory);
    return true;
}

static bool open_classifier(sample *s, const udm_model *model, udm_error *error)
{
    const udm_config *config = udm_model_helper_config(model, UDM_HELPER_CLASSIFIER);
    if (s->sampling->classifier == 0)
        return true;
    if (!config || s->process != &udm_process_gaussian || s->settings->class_label < 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: guidance by a classifier needs a class, Gaussian noise, and a classifier/ in the model",
                        udm_model_directory(model));
    s->classifier = udm_classifier_open(config, udm_model_helper_weights(model, UDM_HELPER_CLASSIFIER),
                                        s->settings->width, s->settings->height, error);
    if (s->classifier && (udm_classifier_channels(s->classifier) != s->network->channels ||
                          udm_classifier_classes(s->classifier) <= s->settings->class_label))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "%s: its classifier takes another number of channels, or has fewer classes",
                        udm_model_directory(model));
    return s->classifier != NULL;
}

static bool open_loop(sample *s, const udm_model *model, udm_error *error)
{
    udm_method method;
    if (!udm_settings_method(s->settings, model, &method, error))
        return false;
    method.timesteps.noise = s->noise, method.timesteps.steps = s->settings->steps;
    const bool begins = !s->sampling->from || s->sampling->invert;
    s->start = begins ? udm_timesteps_first(&method.timesteps) : s->sampling->time;
    const udm_loop_settings loop = {
        .process = s->process,
        .sampler = method.sampler,
        .timesteps = method.timesteps,
        .eta = s->sampling->eta,
        .powers = s->scheduler->powers,
        .power_count = s->scheduler->power_count,
        .order = method.order,
        .ease_below = method.ease_below,
        .channels = s->network->channels,
        .pixels = s->pixels,
        .width = s->settings->width,
        .height = s->settings->height,
        .extent = s->scheduler->extent,
    };
    s->loop = udm_loop_new(&loop, error);
    return s->loop != NULL;
}

static bool allocate(sample *s, udm_error *error)
{
    const size_t output = s->pixels * udm_network_outputs(s->network), n = s->elements;
    const size_t work = s->pixels + 5 * ((size_t)s->settings->width + s->settings->height);
    float *at = s->memory = calloc(4 * n + 4 * s->pixels + 2 * output + work, sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", s->settings->width,
                        s->settings->height);
    s->x = at, s->e = at += n, s->picture = at += n, s->gradient = at += n;
    s->times = at += n, s->levels = at += s->pixels;
    s->known = at += 2 * s->pixels;
    s->output = at += s->pixels, s->unconditional = at += output, s->work = at += output;
    return true;
}

static bool open_sample(sample *s, const udm_model *model, udm_error *error)
{
    s->scheduler = udm_model_scheduler(model);
    s->process = s->scheduler->process;
    s->noise = udm_settings_noise(s->settings, model, &s->own_noise, error);
    if (!s->noise || !udm_open_network(model, s->settings, &s->device, &s->network, error) ||
        !check(s, udm_model_directory(model), error))
        return false;
    s->pixels = (size_t)s->settings->width * s->settings->height;
    s->elements = s->pixels * s->network->channels;
    s->tiles = udm_tiling_new(s->network, NULL, s->settings->width, s->settings->height, 1,
                              udm_settings_memory(s->settings), error);
    return s->tiles && open_classifier(s, model, error) && open_loop(s, model, error) && allocate(s, error);
}

static void close_sample(sample *s)
{
    free(s->memory);
    udm_loop_free(s->loop);
    udm_classifier_free(s->classifier);
    udm_tiling_free(s->tiles);
    udm_network_free(s->network);
    udm_device_close(s->device);
    udm_noise_clear(&s->own_noise);
}

// The symbols as greys from black to white; a lost one is the grey in the middle.
static void show_symbols(const sample *s, const float *x, float *out)
{
    const int channels = s->network->channels, levels = channels - (s->process == &udm_process_absorbing);
    for (size_t i = 0; i < s->pixels; i++) {
        int symbol = 0;
        for (int c = 1; c < channels; c++)
            symbol = x[c * s->pixels + i] > x[symbol * s->pixels + i] ? c : symbol;
        out[i] = symbol < levels && levels > 1 ? 2.0f * symbol / (levels - 1) - 1 : 0;
    }
}

static void show(const sample *s, const float *x, float *out)
{
    if (s->process->symbols)
        show_symbols(s, x, out);
    else
        memcpy(out, x, s->elements * sizeof *out);
}

// The output of the network for xt, conditioned on a class, or on none where label is -1.
static bool look(sample *s, const udm_levels *at, const float *xt, int label, float *output, udm_error *error)
{
    const udm_noise *trained = &s->scheduler->noise;
    const double time = s->noise == trained ? at->time[0] : udm_noise_time(trained, sqrt(udm_levels_share(at, 0)));
    const udm_network_input seen = {
        .frame = xt, .level = at->noise, .timestep = udm_noise_timestep(trained, time), .label = label
    };
    return udm_tiling_run(s->tiles, 0, 0, &seen, output, NULL, error);
}

// Pixels that were given and are not lost are what they are; what was filled in since may change.
static void keep_known(sample *s, const udm_levels *at, int number, const float *xt, float *x0)
{
    for (size_t i = 0; number == 0 && i < s->pixels; i++)
        s->known[i] = !s->process->lost(at, i);
    for (size_t i = 0; i < s->pixels; i++)
        if (s->known[i] > 0)
            for (size_t k = i; k < s->elements; k += s->pixels)
                x0[k] = xt[k];
}

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    sample *s = context;
    const int channels = s->network->channels;
    if (s->sampling->seen) {
        show(s, xt, s->picture);
        s->sampling->seen(s->sampling->context, s->number, number, at->time[0], s->picture);
    }
    if (!look(s, at, xt, s->settings->class_label, s->output, error) ||
        (guided(s) && !look(s, at, xt, -1, s->unconditional, error)))
        return false;
    if (guided(s))
        udm_guide(s->sampling->guidance, s->sampling->rescale, s->elements, s->unconditional, s->output);
    if (s->process->symbols) {
        udm_predict_symbols(channels, s->pixels, s->output, x0);
        return true;
    }
    udm_predict_x0(s->scheduler->prediction, at, channels, s->output, xt, x0);
    if (s->process->lost && s->sampling->from)
        keep_known(s, at, number, xt, x0);
    if (s->classifier) {
        udm_classifier_run(s->classifier, xt, at->noise[0]);
        udm_classifier_gradient(s->classifier, s->settings->class_label, s->gradient);
        udm_predict_towards(s->sampling->classifier, at, channels, s->gradient, x0);
    }
    return udm_bound_x0(&s->scheduler->bounds, s->elements, x0, error);
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    const sample *s = context;
    const uint32_t step = (uint32_t)number + 1; // 0 is the noise that a picture begins with
    (void)error;
    udm_normal(s->settings->seed, s->number, step, 0, s->elements, e);
    if (s->process->shape)
        s->process->shape(s->settings->seed, s->number, step, s->elements, e);
    return true;
}

// The output is -1 for the smaller of the two variances and 1 for the larger, and is not bounded.
static bool variance(void *context, float *share, udm_error *error)
{
    const sample *s = context;
    (void)error;
    for (size_t i = 0; i < s->elements; i++)
        share[i] = (s->output[s->elements + i] + 1) / 2;
    return true;
}

// x = F(0, e), of which nothing but e is left at the highest time, but for what the schedule leaves of the signal.
static void begin(sample *s)
{
    draw(s, -1, s->e, NULL);
    const double alpha_bar = fmax(udm_noise_alpha_bar(s->noise, s->start), UDM_LEAST_ALPHA_BAR);
    double signal, noise;
    (s->process->factors ? s->process : &udm_process_gaussian)->factors(alpha_bar, &signal, &noise);
    for (size_t i = 0; i < s->pixels; i++)
        s->levels[i] = (float)signal, s->levels[s->pixels + i] = (float)noise;
    const udm_levels at = {
        .pixels = s->pixels,
        .signal = s->levels,
        .noise = s->levels + s->pixels,
        .time = s->times,
        .width = s->settings->width,
        .height = s->settings->height,
        .extent = s->scheduler->extent,
        .scratch = s->work,
    };
    memset(s->x, 0, s->elements * sizeof *s->x);
    s->process->forward(&at, s->network->channels, s->x, s->e, s->x);
}

static bool make(sample *s, float *out, udm_error *error)
{
    const udm_loop_calls calls = {
        .context = s, .estimate = estimate, .draw = draw, .variance = s->network->spreads ? variance : NULL
    };
    for (size_t i = 0; i < s->pixels; i++)
        s->times[i] = (float)s->start;
    if (s->sampling->from)
        memcpy(s->x, s->sampling->from + s->number * s->elements, s->elements * sizeof *s->x);
    else
        begin(s);
    if (!(s->sampling->invert ? udm_loop_invert : udm_loop_run)(s->loop, &calls, s->times, s->x, error))
        return false;
    show(s, s->x, out);
    return true;
}

bool udm_model_sample(const udm_model *model, const udm_settings *settings, const udm_sampling *sampling, float *out,
                      udm_error *error)
{
    udm_settings own;
    if (!udm_check_argument(model, "the model", error) || !udm_settings_read(&own, settings, error) ||
        !udm_settings_unlimited(&own, error) || !udm_check_argument(sampling, "the sampling", error) ||
        !udm_check_argument(out, "the output", error))
        return false;
    own.channels = 1; // which are the model's
    if (!udm_settings_check(&own, error) || !udm_settings_check_method(&own, error))
        return false;
    sample s = { .settings = &own, .sampling = sampling };
    bool good = open_sample(&s, model, error);
    for (; good && s.number < sampling->count; s.number++)
        good = make(&s, out + s.number * s.pixels * planes_of(&s), error);
    close_sample(&s);
    return good;
}
