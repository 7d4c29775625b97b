// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/interpolate.h: a missing frame stands at time 1. Both neighbours, warped to its instant and blended, are a
// prediction of it, and a network brings it to time 0.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/purpose.h"
#include "api/settings.h"
#include "interp/blending.h"
#include "interp/exposure.h"
#include "interp/synthesis.h"
#include "analysis/duplicates.h"
#include "diffusion/reverse.h"
#include "analysis/scene.h"
#include "tensor/alpha.h"
#include "tensor/planes.h"

// Where as much of a picture's contrast lies still, what motion does not explain is a change by this power of it: three
// quarters are a cut. Measured on pairs of clips: up to 0.05 of it does across cuts, and 0.17 of what is behind bars.
#define LEAST_STILL 0.1
#define SEVERITY 4

struct udm_interpolator {
    udm_settings settings;
    size_t pixels;
    udm_pool *pool;
    udm_synthesis *synthesis;
    udm_scene *scene;
    udm_blending *blending;
    udm_device *device; // these three are NULL without a model
    udm_network *network;
    udm_reverse *reverse;
    udm_noise noise; // of a schedule that is set
    float *memory;
    size_t planes;      // of a picture: channels, and one of alpha
    float *pictures[3]; // [planes, height, width]: the pair, and what follows it; colours multiplied by alpha
    bool grey[3];       // which of them have no chroma
    float *frame;       // [channels of the network, height, width]: the one that is made
    float *times;       // [height, width]: where it stands
    float *straight;    // [planes, height, width]: what is made, its colours no longer multiplied; NULL without alpha
    double seconds;     // between the pictures
    double gap;         // from the second to what follows, times that; 0: nothing does
    udm_exposure *exposure;         // what it sees while the shutter is open; NULL before it was
    double exposed_ms;              // that this has taken so far
    double position;                // of the last frame
    bool warned;                    // that another device took over was logged
    bool paired, found;             // there are pictures, and their flow is known,
    bool moved;                     // and frames were made of them
    double change;                  // of the pair
    udm_scene_look looks[4];        // of the picture before it, of both, and of what follows,
    bool knows_before, knows_after; // if they are known
    udm_synthesis_history history;
    atomic_bool cancelled;
    udm_stats stats;
};

static bool check_settings(const udm_settings *s, bool has_model, udm_error *error)
{
    if (!udm_settings_check(s, error) || !udm_settings_check_method(s, error))
        return false;
    if (s->alpha && s->channels != 3)
        return udm_fail(error, UDM_ERROR_SETTINGS, "channels is %d: with alpha it must be 3", s->channels);
    if (s->steps != 1 && !has_model)
        return udm_fail(error, UDM_ERROR_SETTINGS, "steps is %d: without a model it must be 1", s->steps);
    if (s->ensemble != 1 && !has_model)
        return udm_fail(error, UDM_ERROR_SETTINGS, "ensemble is %d: without a model it must be 1", s->ensemble);
    return true;
}

// Motion is found by the processor; only a network can be elsewhere.
static bool check_device(const char *name, udm_error *error)
{
    if (strcmp(name, "auto") != 0 && strcmp(name, "cpu") != 0 && strncmp(name, "cpu:", 4) != 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "device is \"%s\": without a model it must be auto or cpu", name);
    return true;
}

// As a device is called, for people.
static void name_processor(udm_interpolator *b)
{
    const int threads = udm_pool_threads(b->pool);
    snprintf(b->stats.device, sizeof b->stats.device, "cpu (%s, %d thread%s)", udm_isa_title(udm_pool_isa(b->pool)),
             threads, threads == 1 ? "" : "s");
}

static bool open_network(udm_interpolator *b, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &b->settings;
    return !udm_model_draws_texts(model, error) && udm_open_network(model, s, &b->device, &b->network, error) &&
           udm_network_interpolates(b->network, model, s->channels, error);
}

static bool open_reverse(udm_interpolator *b, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &b->settings;
    const udm_noise *noise = udm_settings_noise(s, model, &b->noise, error);
    udm_reverse_settings reverse;
    if (!noise || !udm_settings_reverse(s, model, b->network, noise, &reverse, error))
        return false;
    reverse.denoiser.process = &udm_process_gaussian;
    reverse.most = udm_noise_time(noise, b->network->max_level);
    return (b->reverse = udm_reverse_new(&reverse, error)) != NULL;
}

static bool allocate(udm_interpolator *b, udm_error *error)
{
    const size_t n = b->pixels, planes = b->planes;
    const size_t wide = b->network ? (size_t)b->network->channels : 0;
    b->memory = calloc(n * (3 * planes + wide + 1 + (b->settings.alpha ? planes : 0)), sizeof(float));
    if (!b->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for frames of %dx%d", b->settings.width,
                        b->settings.height);
    for (int i = 0; i < 3; i++)
        b->pictures[i] = b->memory + i * planes * n;
    b->frame = b->memory + 3 * planes * n, b->times = b->frame + wide * n;
    b->straight = b->settings.alpha ? b->times + n : NULL;
    b->blending =
        udm_blending_new(b->settings.width, b->settings.height, b->settings.channels, b->network, b->pool, error);
    return b->blending != NULL;
}

static bool open_motion(udm_interpolator *b, udm_error *error)
{
    const udm_settings *s = &b->settings;
    if (!(b->pool = udm_settings_pool(s, error)))
        return false;
    name_processor(b);
    udm_pool_watch(b->pool, &b->cancelled);
    return (b->scene = udm_scene_new(s->channels, s->width, s->height, error)) &&
           (b->synthesis = udm_synthesis_new(s->width, s->height, (int)b->planes, b->pool, error));
}

udm_interpolator *udm_interpolator_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_settings own;
    if (!udm_settings_read(&own, settings, error) || !udm_settings_unlimited(&own, error) ||
        !check_settings(&own, model != NULL, error))
        return NULL;
    settings = &own;
    udm_interpolator *b = calloc(1, sizeof *b);
    if (!b) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for an interpolator");
        return NULL;
    }
    b->settings = own;
    b->pixels = (size_t)settings->width * settings->height;
    b->planes = (size_t)settings->channels + (settings->alpha ? 1 : 0);
    const bool opened = open_motion(b, error) &&
                        (model ? open_network(b, model, error) : check_device(settings->device, error)) &&
                        allocate(b, error) && (!model || open_reverse(b, model, error));
    if (!opened) {
        udm_interpolator_free(b);
        return NULL;
    }
    udm_log_device(&own, b->device, b->reverse ? udm_ensemble_tiles(udm_reverse_ensemble(b->reverse)) : 1);
    udm_log_fallback(&own, b->device, &b->warned);
    return b;
}

void udm_interpolator_free(udm_interpolator *interpolator)
{
    if (!interpolator)
        return;
    udm_reverse_free(interpolator->reverse);
    udm_exposure_free(interpolator->exposure);
    udm_blending_free(interpolator->blending);
    free(interpolator->memory);
    udm_network_free(interpolator->network);
    udm_device_close(interpolator->device);
    udm_synthesis_free(interpolator->synthesis);
    udm_scene_free(interpolator->scene);
    udm_pool_free(interpolator->pool);
    free(interpolator);
}

static bool check_image(const udm_interpolator *b, const udm_image *image, udm_error *error)
{
    return udm_check_image(image, "the image", b->settings.width, b->settings.height, b->settings.channels, error);
}

// alpha: NULL is fine.
static bool check_alpha(const udm_interpolator *b, const udm_image *alpha, udm_error *error)
{
    if (!alpha)
        return true;
    if (!b->settings.alpha)
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is alpha, but the settings say that there is none");
    return udm_check_image(alpha, "the alpha", b->settings.width, b->settings.height, 1, error);
}

static bool check_cancelled(const udm_interpolator *b, udm_error *error)
{
    return !atomic_load(&b->cancelled) || udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
}

static bool are_alike(const udm_interpolator *b, int i, int j)
{
    return memcmp(b->pictures[i], b->pictures[j], b->planes * b->pixels * sizeof(float)) == 0;
}

// A gap as so many times another; what is not known is taken to be the same.
static double ratio(double seconds, double of)
{
    return seconds > 0 && of > 0 ? seconds / of : 1;
}

// What is known of the new first picture, which is in the place of what is no longer needed, from the pair before. A
// pair whose flow was not looked for, and which begins with the same picture, passes on what it knew.
static double gap_before(udm_interpolator *b, double seconds)
{
    if (b->moved)
        return are_alike(b, 0, 1) ? ratio(b->seconds, seconds) : 0;
    float *new = b->pictures[2];
    const bool same = b->paired && !b->found && are_alike(b, 0, 2);
    b->pictures[2] = b->pictures[0], b->pictures[0] = new;
    b->grey[0] = b->grey[2];
    return same ? b->history.gap * ratio(b->seconds, seconds) : 0;
}

// If that is cancelled it is half done, and nothing is known the next time.
static bool find_flow(udm_interpolator *b)
{
    if (!b->found)
        udm_synthesis_pair(b->synthesis, b->pictures[0], b->pictures[1], &b->history);
    b->history = (udm_synthesis_history){ 0 };
    b->found = !atomic_load(&b->cancelled);
    return b->found;
}

static bool are_alike_looks(const udm_scene_look *a, const udm_scene_look *b)
{
    return a->mean == b->mean && memcmp(a->cells, b->cells, sizeof a->cells) == 0;
}

// Looks at a new pair, which may follow the last one, or be it.
static void look_at_pair(udm_interpolator *b)
{
    udm_scene_look first;
    udm_scene_shrink(b->scene, b->pictures[0], &first);
    if (b->paired && are_alike_looks(&first, &b->looks[2]))
        b->looks[0] = b->looks[1], b->knows_before = true;
    else if (!b->paired || !are_alike_looks(&first, &b->looks[1]))
        b->knows_before = false;
    b->looks[1] = first;
    udm_scene_shrink(b->scene, b->pictures[1], &b->looks[2]);
    b->knows_after = false;
}

static bool takes_course(const udm_interpolator *b, udm_scene_course course)
{
    return (b->knows_before && udm_scene_course_of(b->scene, &b->looks[0], &b->looks[1], &b->looks[2]) == course) ||
           (b->knows_after && udm_scene_course_of(b->scene, &b->looks[1], &b->looks[2], &b->looks[3]) == course);
}

// What looks like a cut when it is small may be a grating, which its motion explains, or what moves behind bars, of
// which the bars stay; a fade is none; and a flash, which is no turning point of a fade, begins and ends at once.
static double find_change(udm_interpolator *b)
{
    const bool goes_on = takes_course(b, UDM_SCENE_GOES_ON);
    if (!goes_on && takes_course(b, UDM_SCENE_RETURNS))
        return 1;
    const double change = udm_scene_change(b->scene, &b->looks[1], &b->looks[2]);
    if (change < UDM_SCENE_CUT)
        return change;
    if (goes_on)
        return 0;
    if (!find_flow(b))
        return change;
    const udm_synthesis_change found = udm_synthesis_measure_change(b->synthesis);
    return fmin(change, found.still > LEAST_STILL ? pow(found.unexplained, SEVERITY) : found.unexplained);
}

// A cancellation does not stop it half way, as pictures stay for what comes after.
static void take_picture(udm_interpolator *b, const udm_image *image, const udm_image *alpha, int i)
{
    float *opacity = b->pictures[i] + 3 * b->pixels;
    udm_pool_watch(b->pool, NULL);
    udm_planes_of_image(b->pictures[i], image, b->pool);
    if (alpha)
        udm_planes_of_image(opacity, alpha, b->pool);
    else if (b->settings.alpha)
        for (size_t k = 0; k < b->pixels; k++)
            opacity[k] = 1;
    if (alpha)
        udm_alpha_premultiply(b->pictures[i], b->pixels);
    udm_pool_watch(b->pool, &b->cancelled);
    b->grey[i] = udm_image_is_grey(image);
}

bool udm_interpolator_pair(udm_interpolator *interpolator, const udm_image *first, const udm_image *second,
                           double seconds, udm_error *error)
{
    return udm_interpolator_pair_alpha(interpolator, first, NULL, second, NULL, seconds, error);
}

bool udm_interpolator_pair_alpha(udm_interpolator *interpolator, const udm_image *first, const udm_image *first_alpha,
                                 const udm_image *second, const udm_image *second_alpha, double seconds,
                                 udm_error *error)
{
    if (!udm_check_argument(interpolator, "the interpolator", error) || !check_image(interpolator, first, error) ||
        !check_image(interpolator, second, error) || !check_alpha(interpolator, first_alpha, error) ||
        !check_alpha(interpolator, second_alpha, error))
        return false;
    take_picture(interpolator, first, first_alpha, interpolator->moved ? 0 : 2);
    const bool foresaw = interpolator->moved && interpolator->gap > 0;
    interpolator->history.gap = gap_before(interpolator, seconds);
    take_picture(interpolator, second, second_alpha, 1);
    interpolator->history.foreseen = foresaw && interpolator->history.gap > 0 && are_alike(interpolator, 1, 2);
    look_at_pair(interpolator);
    interpolator->paired = true, interpolator->found = interpolator->moved = false;
    interpolator->seconds = seconds, interpolator->gap = 0;
    interpolator->change = find_change(interpolator);
    return true;
}

bool udm_interpolator_follow(udm_interpolator *interpolator, const udm_image *after, double seconds, udm_error *error)
{
    return udm_interpolator_follow_alpha(interpolator, after, NULL, seconds, error);
}

bool udm_interpolator_follow_alpha(udm_interpolator *interpolator, const udm_image *after, const udm_image *alpha,
                                   double seconds, udm_error *error)
{
    if (!udm_check_argument(interpolator, "the interpolator", error) || !check_image(interpolator, after, error) ||
        !check_alpha(interpolator, alpha, error))
        return false;
    if (!interpolator->paired || interpolator->moved)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "udm_interpolator_follow() must be called after a pair is set and before its first frame is made");
    take_picture(interpolator, after, alpha, 2);
    const udm_scene_look *looks = interpolator->looks;
    udm_scene_shrink(interpolator->scene, interpolator->pictures[2], &interpolator->looks[3]);
    interpolator->knows_after = true;
    const bool cut = udm_scene_change(interpolator->scene, &looks[2], &looks[3]) >= UDM_SCENE_CUT;
    interpolator->gap = cut ? 0 : ratio(seconds, interpolator->seconds);
    interpolator->change = find_change(interpolator);
    return true;
}

double udm_interpolator_change(const udm_interpolator *interpolator)
{
    return interpolator && interpolator->paired ? interpolator->change : 0;
}

bool udm_interpolator_repeats(const udm_interpolator *interpolator)
{
    if (!interpolator || !interpolator->paired)
        return false;
    const udm_settings *s = &interpolator->settings;
    return udm_is_duplicate(s->width, s->height, (int)interpolator->planes, interpolator->pictures[0],
                            interpolator->pictures[1]);
}

static void find_blending(const udm_interpolator *b)
{
    const float *const pictures[2] = { b->pictures[0], b->pictures[1] };
    udm_blending_run(b->blending, b->synthesis, pictures, b->position, b->seconds);
}

static bool find_motion(udm_interpolator *b, udm_error *error)
{
    if (!b->moved && find_flow(b) && b->gap > 0)
        udm_synthesis_follow(b->synthesis, b->pictures[2], b->gap);
    if (!check_cancelled(b, error))
        return false;
    b->moved = true;
    return true;
}

// Both pictures at an instant.
static bool move(udm_interpolator *b, double position, udm_error *error)
{
    if (!find_motion(b, error))
        return false;
    udm_synthesis_at(b->synthesis, position);
    b->position = position;
    return check_cancelled(b, error);
}

// Of the frame itself nothing is known: it begins as noise.
static bool draw(udm_interpolator *b, uint64_t number, const udm_side_information *beside, udm_error *error)
{
    const size_t elements = b->pixels * (size_t)b->network->channels;
    memset(b->frame, 0, elements * sizeof *b->frame);
    memset(b->times, 0, b->pixels * sizeof *b->times);
    return udm_reverse_run(b->reverse, number, beside, b->frame, b->frame, b->times, 1, &b->cancelled, error);
}

// udm_side_information.refine
static void refine(const void *blending, const float *level, const float *output, float *x0)
{
    udm_blending_refine(blending, level, output, x0);
}

static bool reverse(udm_interpolator *b, uint64_t number, udm_error *error)
{
    find_blending(b);
    udm_reverse_clear(b->reverse);
    const udm_side_information beside = {
        .predicted = udm_blending_mean(b->blending),
        .predicted_level = udm_blending_level(b->blending),
        .context = udm_blending_context(b->blending),
        .refine = refine,
        .refiner = b->blending,
    };
    if (!(b->settings.steps == 1 ? udm_reverse_mean(b->reverse, &beside, b->frame, &b->cancelled, error)
                                 : draw(b, number, &beside, error)) ||
        !check_cancelled(b, error))
        return false;
    udm_blending_keep_brightness(b->blending, b->frame);
    udm_synthesis_put_overlay(b->synthesis, b->network->channels, b->frame);
    if (b->grey[0] && b->grey[1] && b->network->channels == 3)
        udm_planes_make_grey(b->frame, b->pixels);
    return true;
}

bool udm_interpolator_make(udm_interpolator *interpolator, double position, uint64_t number, const udm_image *out,
                           udm_error *error)
{
    return udm_interpolator_make_alpha(interpolator, position, number, out, NULL, error);
}

// mean: of all that is blended; made: what the network made of that, or NULL.
static void hand_out(udm_interpolator *b, const float *mean, const float *made, const udm_image *out,
                     const udm_image *alpha)
{
    made = made ? made : mean;
    if (b->straight) {
        udm_alpha_straighten(mean, made, b->pixels, b->straight);
        made = b->straight;
    }
    udm_planes_into_image(made, out, b->pool);
    if (alpha)
        udm_planes_into_image(made + 3 * b->pixels, alpha, b->pool);
}

static bool check_position(const udm_interpolator *b, double position, udm_error *error)
{
    if (!b->paired)
        return udm_fail(error, UDM_ERROR_SETTINGS, "no frame can be made before a pair is set");
    if (!(position >= -8 && position <= 9))
        return udm_fail(error, UDM_ERROR_SETTINGS, "position is %g: it must be -8 to 9", position);
    return true;
}

bool udm_interpolator_make_alpha(udm_interpolator *interpolator, double position, uint64_t number, const udm_image *out,
                                 const udm_image *alpha, udm_error *error)
{
    const double start = udm_now_ms();
    if (!udm_check_argument(interpolator, "the interpolator", error) || !check_image(interpolator, out, error) ||
        !check_alpha(interpolator, alpha, error) || !check_position(interpolator, position, error))
        return false;
    if (!move(interpolator, position, error))
        return false;
    if (interpolator->network && !reverse(interpolator, number, error))
        return false;
    hand_out(interpolator, udm_synthesis_mean(interpolator->synthesis),
             interpolator->network ? interpolator->frame : NULL, out, alpha);
    if (!check_cancelled(interpolator, error))
        return false;
    udm_stats_count(&interpolator->stats, start);
    udm_log_fallback(&interpolator->settings, interpolator->device, &interpolator->warned);
    return true;
}

// ---- an open shutter

static size_t floats_made(const udm_interpolator *b)
{
    return b->network ? b->pixels * (size_t)b->network->channels : 0;
}

static bool expose(udm_interpolator *b, double from, double to, uint64_t number, udm_error *error)
{
    const double length = to - from, seconds = length * (b->seconds > 0 ? b->seconds : 1);
    const size_t blended = b->planes * b->pixels;
    if (!b->exposure && !(b->exposure = udm_exposure_new(blended + floats_made(b), error)))
        return false;
    if (!find_motion(b, error))
        return false;
    const int pictures = udm_exposure_pictures(length * udm_synthesis_longest(b->synthesis));
    for (int i = 0; i < pictures; i++) {
        if (!move(b, from + length * (i + 0.5) / pictures, error) || (b->network && !reverse(b, number, error)))
            return false;
        udm_exposure_add(b->exposure, 0, udm_synthesis_mean(b->synthesis), blended, seconds / pictures);
        udm_exposure_add(b->exposure, blended, b->frame, floats_made(b), seconds / pictures);
    }
    return true;
}

// The mean of what was exposed; NULL if nothing was. The next frame begins with nothing.
static const float *develop(udm_interpolator *interpolator)
{
    interpolator->exposed_ms = 0;
    return interpolator->exposure ? udm_exposure_develop(interpolator->exposure) : NULL;
}

bool udm_interpolator_expose(udm_interpolator *interpolator, double from, double to, uint64_t number, udm_error *error)
{
    if (!udm_check_argument(interpolator, "the interpolator", error) || !check_position(interpolator, from, error) ||
        !check_position(interpolator, to, error))
        return false;
    if (from > to)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the shutter opens at %g and closes before that, at %g", from, to);
    const double start = udm_now_ms();
    const bool good = from == to || expose(interpolator, from, to, number, error);
    interpolator->exposed_ms += udm_now_ms() - start;
    if (!good)
        develop(interpolator);
    return good;
}

bool udm_interpolator_develop(udm_interpolator *interpolator, const udm_image *out, udm_error *error)
{
    return udm_interpolator_develop_alpha(interpolator, out, NULL, error);
}

bool udm_interpolator_develop_alpha(udm_interpolator *interpolator, const udm_image *out, const udm_image *alpha,
                                    udm_error *error)
{
    const double now = udm_now_ms();
    if (!udm_check_argument(interpolator, "the interpolator", error) ||
        (out && !check_image(interpolator, out, error)) || !check_alpha(interpolator, alpha, error))
        return false;
    const double start = now - interpolator->exposed_ms;
    const bool exposed = interpolator->exposure && udm_exposure_seconds(interpolator->exposure) > 0;
    if (!exposed && out)
        return udm_fail(error, UDM_ERROR_SETTINGS, "nothing was exposed that a frame could be made of");
    const float *mean = exposed ? develop(interpolator) : NULL;
    if (!out)
        return true;
    hand_out(interpolator, mean, interpolator->network ? mean + interpolator->planes * interpolator->pixels : NULL, out,
             alpha);
    if (!check_cancelled(interpolator, error))
        return false;
    udm_stats_count(&interpolator->stats, start);
    udm_log_fallback(&interpolator->settings, interpolator->device, &interpolator->warned);
    return true;
}

void udm_interpolator_cancel(udm_interpolator *interpolator, bool cancel)
{
    if (interpolator)
        atomic_store(&interpolator->cancelled, cancel);
}

void udm_interpolator_stats(const udm_interpolator *interpolator, udm_stats *stats, size_t size)
{
    if (!interpolator || !stats)
        return;
    udm_stats all = interpolator->stats;
    if (interpolator->network) {
        all.memory = udm_ensemble_memory(udm_reverse_ensemble(interpolator->reverse));
        all.tiles = udm_ensemble_tiles(udm_reverse_ensemble(interpolator->reverse));
        udm_stats_device(&all, interpolator->device);
    }
    udm_copy_sized(stats, size, &all, sizeof all);
}

// NULL before a frame was made.
static const udm_blending *blending_of(const udm_interpolator *interpolator)
{
    if (!interpolator || !interpolator->moved)
        return NULL;
    if (!interpolator->network) // which has no other use of it
        find_blending(interpolator);
    return interpolator->blending;
}

const float *udm_interpolator_moved(const udm_interpolator *interpolator, int which)
{
    const bool there = interpolator && interpolator->moved && (which == 0 || which == 1);
    return there ? udm_synthesis_warped(interpolator->synthesis, which) : NULL;
}

const float *udm_interpolator_mean(const udm_interpolator *interpolator)
{
    return interpolator && interpolator->moved ? udm_synthesis_mean(interpolator->synthesis) : NULL;
}

const float *udm_interpolator_level(const udm_interpolator *interpolator)
{
    const udm_blending *blending = blending_of(interpolator);
    return blending ? udm_blending_level(blending) : NULL;
}

const float *udm_interpolator_context(const udm_interpolator *interpolator)
{
    const udm_blending *blending = blending_of(interpolator);
    return blending ? udm_blending_planes(blending) : NULL;
}
