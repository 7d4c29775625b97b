// SPDX-License-Identifier: LGPL-2.1-or-later
// An engine that turns frames into their negatives, holds two of them back and as many as `lookahead` says, and can be
// made slow and made to fail: for the promises of the elements that no real model puts to the test on every machine.
//
// steps: each takes 10 ms. ensemble: a frame's first value is brighter by what is above 1. device "fails-at-3": the
// fourth frame fails; "moves-at-2": another device makes the third frame, with a warning. A model is any directory with
// model_index.json.
#include "udm/udm.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DELAY 2
#define SLOTS (DELAY + UDM_MAX_LOOKAHEAD + 1)
#define MAX_SIGMA 75.0

struct udm_model {
    double max_sigma;
    udm_degradation degradation;
};

struct udm_restorer {
    udm_settings settings;
    uint64_t fails_at, pushed, pulled, scenes;
    uint16_t *frames[SLOTS]; // [channels, height, width]
    bool ended;
    atomic_bool cancelled;
    double sigma;
};

bool udm_fail(udm_error *error, udm_error_code code, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return false;
    error->code = code;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return false;
}

udm_model *udm_model_open(const char *directory, udm_error *error)
{
    char path[4096];
    udm_model *model;

    snprintf(path, sizeof(path), "%s/model_index.json", directory);
    if (access(path, R_OK) != 0) {
        udm_fail(error, UDM_ERROR_NOT_FOUND, "there is no %s", path);
        return NULL;
    }
    model = malloc(sizeof(*model));
    model->max_sigma = MAX_SIGMA;
    model->degradation =
        (udm_degradation){ "gaussian", "standard deviation of the noise", -1, MAX_SIGMA, false, false };
    return model;
}

bool udm_model_add_loras(udm_model *model, const char *list, udm_error *error)
{
    (void)model, (void)list;
    return udm_fail(error, UDM_ERROR_UNSUPPORTED, "there are no LoRAs here");
}

bool udm_model_info(const udm_model *model, udm_info *info, size_t size, udm_error *error)
{
    (void)error;
    *info =
        (udm_info){ .network = "fake", .channels = 3, .width = 16, .height = 16, .frames = 5, .temporal_filter = true };
    return true;
}

bool udm_model_restores(const udm_model *model, int width, int height, int channels, udm_error *error)
{
    (void)model, (void)width, (void)height, (void)channels, (void)error;
    return true;
}

bool udm_model_interpolates(const udm_model *model, int channels, udm_error *error)
{
    (void)model, (void)channels, (void)error;
    return true;
}

void udm_model_free(udm_model *model)
{
    free(model);
}

double udm_finding_sigma(const udm_finding *finding, const udm_model *model)
{
    (void)model;
    return finding->sigma;
}

double udm_model_time(const udm_model *model, double sigma)
{
    return sigma < model->max_sigma ? sigma / model->max_sigma : 1;
}

const udm_degradation *udm_model_degradation(const udm_model *model)
{
    return &model->degradation;
}

void udm_settings_init(udm_settings *settings, size_t size)
{
    *settings = (udm_settings){
        .channels = 3,
        .device = "auto",
        .precision = "f32",
        .steps = 1,
        .sampler = "model",
        .schedule = "model",
        .spacing = "model",
        .lookahead = UDM_LOOKAHEAD_AUTO,
    };
}

bool udm_memory_parse(const char *text, size_t *bytes, udm_error *error)
{
    *bytes = strtoul(text, NULL, 10);
    return *bytes > 0 || udm_fail(error, UDM_ERROR_SETTINGS, "\"%s\" is no amount of memory", text);
}

udm_restorer *udm_restorer_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_restorer *stream = calloc(1, sizeof(*stream));
    size_t values = (size_t)settings->channels * (size_t)settings->width * (size_t)settings->height;

    if (strcmp(settings->device, "none") == 0) {
        udm_fail(error, UDM_ERROR_NOT_FOUND, "there is no device \"none\"");
        free(stream);
        return NULL;
    }
    stream->settings = *settings;
    stream->fails_at = strcmp(settings->device, "fails-at-3") == 0 ? 3 : UINT64_MAX;
    for (int i = 0; i < SLOTS; i++)
        stream->frames[i] = malloc(values * sizeof(uint16_t));
    return stream;
}

void udm_restorer_free(udm_restorer *stream)
{
    if (!stream)
        return;
    for (int i = 0; i < SLOTS; i++)
        free(stream->frames[i]);
    free(stream);
}

// Negatives on the way in, plain copies on the way out.
static void move(const udm_image *image, uint16_t *values, bool in)
{
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < image->height; y++)
            for (int x = 0; x < image->width; x++, values++) {
                uint8_t *byte = image->data[c] + y * image->stride[c] + x * image->step[c];
                uint16_t *word = (uint16_t *)(void *)byte;

                if (in)
                    *values = (uint16_t)((1 << image->bits) - 1 - (image->bits > 8 ? *word : *byte));
                else if (image->bits > 8)
                    *word = *values;
                else
                    *byte = (uint8_t)*values;
            }
}

bool udm_restorer_tell(udm_restorer *stream, const char *text, const char *negative, double guidance, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_UNSUPPORTED, "it knows no text");
}

bool udm_restorer_push(udm_restorer *stream, const udm_frame *frame, udm_error *error)
{
    if (stream->pushed - stream->pulled > (uint64_t)udm_restorer_delay(stream))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame was pushed before one was pulled");
    move(frame->image, stream->frames[stream->pushed % SLOTS], true);
    stream->frames[stream->pushed % SLOTS][0] += stream->settings.ensemble - 1;
    stream->scenes += frame->discontinuity;
    stream->sigma = frame->time * MAX_SIGMA;
    stream->pushed++;
    return true;
}

// For how long it sleeps at each step: a frame of the most steps takes minutes, for tests that do not wait for it.
static struct timespec step_of(const udm_settings *settings)
{
    return (struct timespec){ .tv_nsec = settings->steps == UDM_MAX_STEPS ? 200000000 : 10000000 };
}

udm_pulled udm_restorer_pull(udm_restorer *stream, const udm_image *out, udm_error *error)
{
    const struct timespec step = step_of(&stream->settings);

    if (stream->pushed == stream->pulled)
        return stream->ended ? UDM_PULLED_END : UDM_PULLED_NOTHING;
    if (!stream->ended && stream->pushed - stream->pulled <= (uint64_t)udm_restorer_delay(stream))
        return UDM_PULLED_NOTHING;
    for (int i = 0; i < stream->settings.steps; i++) {
        if (stream->cancelled) {
            udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
            return UDM_PULLED_FAILED;
        }
        nanosleep(&step, NULL);
    }
    if (stream->pulled == stream->fails_at) {
        udm_fail(error, UDM_ERROR_DEVICE, "the device failed as it was told to");
        return UDM_PULLED_FAILED;
    }
    move(out, stream->frames[stream->pulled++ % SLOTS], false);
    return UDM_PULLED_FRAME;
}

void udm_restorer_end(udm_restorer *stream)
{
    stream->ended = true;
}

void udm_restorer_reset(udm_restorer *stream)
{
    stream->pushed = stream->pulled;
    stream->ended = false;
}

int udm_restorer_delay(const udm_restorer *stream)
{
    return DELAY + (stream->settings.lookahead > 0 ? stream->settings.lookahead : 0); // automatic: frames stand alone
}

void udm_restorer_cancel(udm_restorer *stream, bool cancel)
{
    stream->cancelled = cancel;
}

static udm_stats stats_of(const udm_settings *settings, uint64_t frames)
{
    udm_stats stats = { .frames = frames, .tiles = 1, .device = "fake" };

    if (strcmp(settings->device, "moves-at-2") == 0 && frames > 2) {
        strcpy(stats.device, "spare");
        strcpy(stats.warning, "the device was lost. Continuing on spare");
    }
    return stats;
}

void udm_restorer_stats(const udm_restorer *stream, udm_stats *stats, size_t size)
{
    *stats = stats_of(&stream->settings, stream->pulled);
    stats->scenes = stream->scenes;
    stats->sigma = stream->sigma;
}

enum { SPARE = 2 };

// Frames of fields: copies of them, one frame late, at the instants of their fields. It looks for
// no film.
struct udm_deinterlacer {
    udm_settings settings;
    udm_deinterlace how;
    bool ended, hurried;
    uint16_t *frames[SPARE + 1];
    bool whole[2];
    uint64_t pushed, passed;
    int next;
};

udm_deinterlacer *udm_deinterlacer_open(const udm_settings *settings, udm_deinterlace how, udm_error *error)
{
    udm_deinterlacer *d = calloc(1, sizeof(*d));

    d->settings = *settings, d->how = how;
    for (int i = 0; i <= SPARE; i++)
        d->frames[i] = malloc((size_t)settings->channels * settings->width * settings->height * sizeof(uint16_t));
    return d;
}

void udm_deinterlacer_free(udm_deinterlacer *d)
{
    if (!d)
        return;
    for (int i = 0; i <= SPARE; i++)
        free(d->frames[i]);
    free(d);
}

bool udm_deinterlacer_push(udm_deinterlacer *d, const udm_woven *frame, udm_error *error)
{
    if (d->pushed - d->passed > 1)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame was pushed before one was pulled");
    move(frame->image, d->frames[d->pushed % 2], true);
    d->whole[d->pushed++ % 2] = frame->progressive;
    return true;
}

bool udm_deinterlacer_ready(udm_deinterlacer *d)
{
    return d && d->pushed - d->passed > (d->ended || d->hurried ? 0 : 1);
}

udm_pulled udm_deinterlacer_pull(udm_deinterlacer *d, const udm_image *out, const udm_image *alpha, udm_unwoven *made,
                                 udm_error *error)
{
    const int fields = d->how == UDM_DEINTERLACE_FIELDS && !d->whole[d->passed % 2] ? 2 : 1;

    if (!udm_deinterlacer_ready(d))
        return d->ended ? UDM_PULLED_END : UDM_PULLED_NOTHING;
    move(out, d->frames[d->passed % 2], false);
    move(out, d->frames[SPARE], true); // negatives of negatives
    move(out, d->frames[SPARE], false);
    *made = (udm_unwoven){ .first = { d->passed, d->next }, .last = { d->passed, fields == 2 ? d->next : 1 } };
    made->next = made->last;
    if (++d->next == fields)
        d->next = 0, d->passed++;
    made->done = d->passed;
    return UDM_PULLED_FRAME;
}

void udm_deinterlacer_hurry(udm_deinterlacer *d, bool hurry)
{
    if (d)
        d->hurried = hurry;
}

void udm_deinterlacer_end(udm_deinterlacer *d)
{
    if (d)
        d->ended = true;
}

void udm_deinterlacer_reset(udm_deinterlacer *d)
{
    if (!d)
        return;
    d->passed = d->pushed;
    d->next = 0;
    d->ended = false;
}

int udm_deinterlacer_delay(const udm_deinterlacer *d)
{
    return 1;
}

// Frames between frames: blends of the two. Pictures that differ by more than half of the range in the mean are cuts.
struct udm_interpolator {
    udm_settings settings;
    uint16_t *pictures[2]; // [channels, height, width], negatives
    int bits;
    double exposed, position; // for how long, and the mean of the positions times that
    uint64_t made;
    atomic_bool cancelled;
};

udm_interpolator *udm_interpolator_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_interpolator *between = calloc(1, sizeof(*between));
    size_t values = (size_t)settings->channels * (size_t)settings->width * (size_t)settings->height;

    (void)model;
    (void)error;
    between->settings = *settings;
    for (int i = 0; i < 2; i++)
        between->pictures[i] = calloc(values, sizeof(uint16_t));
    return between;
}

void udm_interpolator_free(udm_interpolator *between)
{
    if (!between)
        return;
    for (int i = 0; i < 2; i++)
        free(between->pictures[i]);
    free(between);
}

static size_t count_values(const udm_interpolator *between)
{
    const udm_settings *s = &between->settings;

    return (size_t)s->channels * (size_t)s->width * (size_t)s->height;
}

bool udm_interpolator_pair_alpha(udm_interpolator *between, const udm_image *first, const udm_image *first_alpha,
                                 const udm_image *second, const udm_image *second_alpha, double seconds,
                                 udm_error *error)
{
    (void)first_alpha;
    (void)second_alpha;
    (void)seconds;
    (void)error;
    move(first, between->pictures[0], true);
    move(second, between->pictures[1], true);
    between->bits = first->bits;
    return true;
}

bool udm_interpolator_follow_alpha(udm_interpolator *between, const udm_image *after, const udm_image *alpha,
                                   double seconds, udm_error *error)
{
    (void)between;
    (void)alpha;
    (void)after;
    (void)seconds;
    (void)error;
    return true;
}

double udm_interpolator_change(const udm_interpolator *between)
{
    double sum = 0;

    for (size_t i = 0; i < count_values(between); i++)
        sum += abs(between->pictures[0][i] - between->pictures[1][i]);
    return sum / ((1 << between->bits) - 1) / (double)count_values(between);
}

bool udm_interpolator_repeats(const udm_interpolator *between)
{
    return udm_interpolator_change(between) == 0;
}

static bool wait_for_steps(const udm_interpolator *between)
{
    const struct timespec step = step_of(&between->settings);

    for (int i = 0; i < between->settings.steps && !between->cancelled; i++)
        if (between->settings.steps > 1)
            nanosleep(&step, NULL);
    return !between->cancelled;
}

bool udm_interpolator_make_alpha(udm_interpolator *between, double position, uint64_t number, const udm_image *out,
                                 const udm_image *alpha, udm_error *error)
{
    (void)number;
    (void)alpha;
    uint16_t *blend = malloc(count_values(between) * sizeof(uint16_t));

    if (!wait_for_steps(between)) {
        free(blend);
        return udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
    }
    for (size_t i = 0; i < count_values(between); i++) {
        int first = between->pictures[0][i], change = between->pictures[1][i] - first;

        blend[i] = (uint16_t)((1 << between->bits) - 1 - (int)(first + position * change));
    }
    move(out, blend, false);
    free(blend);
    between->made++;
    return true;
}

// Of one pair, as it blends.
bool udm_interpolator_expose(udm_interpolator *between, double from, double to, uint64_t number, udm_error *error)
{
    (void)number;
    (void)error;
    between->exposed += to - from;
    between->position += (to - from) * (from + to) / 2;
    return true;
}

bool udm_interpolator_develop_alpha(udm_interpolator *between, const udm_image *out, const udm_image *alpha,
                                    udm_error *error)
{
    const double position = between->position / between->exposed;

    between->exposed = between->position = 0;
    return !out || udm_interpolator_make_alpha(between, position, 0, out, alpha, error);
}

void udm_interpolator_cancel(udm_interpolator *between, bool cancel)
{
    between->cancelled = cancel;
}

void udm_interpolator_stats(const udm_interpolator *between, udm_stats *stats, size_t size)
{
    *stats = stats_of(&between->settings, between->made);
}

// Frames of 16x16 that show number % 64 + 64 (class + 1) + 10 guidance, the class and the guidance being those that
// were wished for the frame, and more: a preview's step, and what the last known frame shows first. Steps are taken for
// all frames from the last one, or from the beginning of the scene.
struct udm_generator {
    udm_settings settings;
    udm_generation film;
    uint64_t done; // the next frame
    uint64_t made, scenes;
    udm_frame_params frame_params;
    int known;
    atomic_bool cancelled;
};

udm_generator *udm_generator_open(const udm_model *model, const udm_settings *settings, const udm_generation *film,
                                  udm_error *error)
{
    udm_generator *source;

    (void)model;
    if (strcmp(settings->device, "none") == 0) {
        udm_fail(error, UDM_ERROR_NOT_FOUND, "there is no device \"none\"");
        return NULL;
    }
    if (settings->width % 16 || settings->width != settings->height) {
        udm_fail(error, UDM_ERROR_SETTINGS, "frames of 16x16 and whole multiples only");
        return NULL;
    }
    source = calloc(1, sizeof(*source));
    source->settings = *settings;
    source->film = *film;
    source->done = UINT64_MAX;
    source->known = film->known_count ? *film->known[film->known_count - 1].data[0] : 0;
    return source;
}

void udm_generator_free(udm_generator *source)
{
    free(source);
}

static bool work(udm_generator *source, udm_error *error)
{
    const struct timespec step = step_of(&source->settings);

    for (int i = 0; i < source->settings.steps; i++) {
        if (source->cancelled)
            return udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
        nanosleep(&step, NULL);
    }
    source->frame_params = (udm_frame_params){ .class_label = -1, .guidance = 1 };
    source->film.frame_params(source->film.context, source->done, &source->frame_params);
    source->done++;
    return true;
}

static void paint(const udm_image *image, int value)
{
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < image->height; y++)
            for (int x = 0; x < image->width; x++) {
                uint8_t *byte = image->data[c] + y * image->stride[c] + x * image->step[c];

                if (image->bits > 8)
                    *(uint16_t *)(void *)byte = (uint16_t)value;
                else
                    *byte = (uint8_t)value;
            }
}

int udm_generator_steps(const udm_generator *source)
{
    return source->settings.steps;
}

bool udm_generator_make(udm_generator *source, uint64_t number, const udm_image *out, udm_error *error)
{
    uint64_t step = source->film.preview ? number % (uint64_t)source->settings.steps : 0;
    uint64_t scene = source->film.scene, first;

    number /= source->film.preview ? (uint64_t)source->settings.steps : 1;
    first = scene ? number - number % scene : 0;
    if (source->done == UINT64_MAX || source->done > number || source->done < first) {
        source->done = first;
        source->scenes++;
    }
    while (source->done <= number)
        if (!work(source, error))
            return false;
    paint(out, (int)(number % 64 + 64 * (uint64_t)(source->frame_params.class_label + 1) +
                     10 * (uint64_t)source->frame_params.guidance + step) +
                   source->known);
    source->made++;
    return true;
}

void udm_generator_cancel(udm_generator *source, bool cancel)
{
    source->cancelled = cancel;
}

void udm_generator_stats(const udm_generator *source, udm_stats *stats, size_t size)
{
    *stats = stats_of(&source->settings, source->made);
    stats->scenes = source->scenes;
}

void udm_list_samplers(udm_found found, void *context)
{
    found(context, "ddim", "The only one");
}

void udm_list_schedules(udm_found found, void *context)
{
    found(context, "linear", "The only one");
}

void udm_list_precisions(udm_found found, void *context)
{
    found(context, "f32", "The only one");
}

void udm_list_spacings(udm_found found, void *context)
{
    found(context, "trailing", "The only one");
}
