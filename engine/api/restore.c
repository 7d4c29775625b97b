// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/restore.h: frames go in, are brought to time 0, and come out.
#include "udm/udm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/restorer.h"
#include "process/process.h"
#include "schedule/schedule.h"
#include "tensor/planes.h"

// udm_side_information.chroma_share where it is not known: of white noise in red, green and blue, and of as much noise
// in each plane of 4:2:0; and the most that is believed.
static const double usual_share = UDM_WHITE_CHROMA, usual_subsampled_share = 0.57, most_chroma_share = 4;

float udm_restorer_own_time(const udm_restorer *restorer, double time)
{
    const udm_noise *model = &restorer->scheduler->noise;
    return (float)(restorer->noise == model ? time : udm_noise_time(restorer->noise, udm_noise_level(model, time)));
}

static bool check_known(const udm_restorer *restorer, const udm_frame *frame, udm_error *error)
{
    if (!frame->known)
        return true;
    if (!udm_model_degradation(restorer->model)->holes)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s fills no holes: process \"%s\" does not lose pixels",
                        udm_model_directory(restorer->model), udm_model_degradation(restorer->model)->process);
    return udm_check_image(frame->known, "the image of what is known", restorer->settings.width,
                           restorer->settings.height, 1, error);
}

static bool check_frame(const udm_restorer *restorer, const udm_frame *frame, udm_error *error)
{
    const udm_settings *s = &restorer->settings;
    if (!udm_check_image(frame->image, "the frame's image", s->width, s->height, s->channels, error) ||
        !check_known(restorer, frame, error))
        return false;
    const bool estimated = frame->time == UDM_TIME_ESTIMATE && !frame->time_map && !frame->known;
    if (estimated && !restorer->scheduler->process->factors)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "what process \"%s\" did to a frame cannot be estimated: say its time",
                        restorer->scheduler->process->name);
    if (!frame->time_map && !frame->known && !estimated && !(frame->time >= 0 && frame->time <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "the time of a frame is %g: it must be 0 to 1", frame->time);
    if (!(frame->strength >= 0 && frame->strength <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "strength is %g: it must be 0 to 1", frame->strength);
    if (!(frame->grain >= 0 && frame->grain <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "grain is %g: it must be 0 to 1", frame->grain);
    if (!(frame->chroma_sigma >= 0 && frame->chroma_sigma <= 1e6))
        return udm_fail(error, UDM_ERROR_SETTINGS, "chroma_sigma is %g: it must be at least 0", frame->chroma_sigma);
    if (frame->grain > 0 && (restorer->sdedit || restorer->redraw || !restorer->scheduler->process->factors))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "grain is %g, but %s removes no noise of which some could stay: it must be 0", frame->grain,
                        udm_model_directory(restorer->model));
    if (frame->time_map && restorer->settings.stabilize_gate > 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a map of times, but stabilize_gate moves the pixels that it is about: set one of both");
    for (size_t i = 0; frame->time_map && i < restorer->pixels; i++)
        if (!(frame->time_map[i] >= 0 && frame->time_map[i] <= 1))
            return udm_fail(error, UDM_ERROR_SETTINGS, "a time of %g in a map: it must be 0 to 1", frame->time_map[i]);
    return true;
}

// A place for a frame, used before or new.
static queued *take_place(udm_restorer *restorer, udm_error *error)
{
    queued *place = restorer->spare;
    if (place) {
        restorer->spare = place->next;
        return place;
    }
    const size_t n = restorer->pixels, own = restorer->holes ? 2 : 1; // planes, and those of the temporal filter:
    const size_t seen = !restorer->expert->temporal ? 0 : restorer->settings.lookahead > 0 ? 4 : 2;
    place = calloc(1, sizeof *place);
    if (place) {
        place->planes = malloc(restorer->channels * n * sizeof(float));
        place->times = malloc((own + seen) * n * sizeof(float));
    }
    if (!place || !place->planes || !place->times) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
        udm_restorer_free_frames(place);
        return NULL;
    }
    place->filled = -1;
    place->known = restorer->holes ? place->times + n : NULL;
    if (restorer->expert->temporal) {
        place->level = place->times + own * n;
        place->input =
            (udm_temporal_input){ .level = place->level, .preview = place->level + n, .flow = place->level + 2 * n };
    }
    return place;
}

// One time for all pixels, which were mostly given it before; and its level, where somebody asks for that.
static void fill_times(const udm_restorer *restorer, queued *frame, float time)
{
    if (frame->filled == time)
        return;
    const float level = (float)udm_noise_level(restorer->noise, time);
    for (size_t i = 0; i < restorer->pixels; i++)
        frame->times[i] = time;
    for (size_t i = 0; frame->level && i < restorer->pixels; i++)
        frame->level[i] = level;
    frame->filled = time;
}

// What is not known for certain is lost, and comes back as the mean of both cases. Holes are filled for now, as those
// who look for scenes and motion are not told of them.
static void take_known(const udm_restorer *restorer, const udm_image *image, queued *place)
{
    const size_t n = restorer->pixels;
    place->filled = -1;
    udm_planes_of_image(place->known, image, restorer->pool);
    for (size_t i = 0; i < n; i++)
        place->times[i] = place->known[i] > -1;
    place->mixed = restorer->redraw; // all that it draws is new
    const float *filled =
        !restorer->filler ? place->planes : udm_hole_filler_fill(restorer->filler, place->planes, place->times);
    memmove(place->planes, filled, n * restorer->settings.channels * sizeof *filled);
    for (size_t i = 0; i < n; i++) {
        place->known[i] = (place->known[i] + 1) / 2;
        place->times[i] = place->known[i] < 1;
        place->mixed |= place->known[i] > 0 && place->known[i] < 1;
    }
}

// What is estimated is filled in later.
static void take_times(const udm_restorer *restorer, const udm_frame *frame, queued *place)
{
    if (!frame->time_map && (restorer->redraw || frame->time >= 0))
        fill_times(restorer, place, restorer->redraw ? 0 : udm_restorer_own_time(restorer, frame->time));
    for (size_t i = 0; frame->time_map && i < restorer->pixels; i++)
        place->times[i] = udm_restorer_own_time(restorer, frame->time_map[i]);
    place->filled = frame->time_map ? -1 : place->filled;
}

// Whether the same is to be made of a frame as of the last one, which is the same: then nothing is computed. Noise that
// is drawn has the frame's number for a name, so it is drawn anew.
static bool repeats_last(const udm_restorer *restorer, const udm_frame *frame, const queued *place)
{
    const udm_frame *last = &restorer->last_pushed;
    const float *planes = restorer->first ? restorer->last->planes : restorer->has_before ? restorer->before : NULL;
    const bool draws = restorer->redraw ? frame->strength != last->strength // noise rests where the picture does
                                        : restorer->sdedit || restorer->settings.steps > 1 || frame->strength > 0 ||
                                              last->strength > 0;
    const bool varies = frame->time_map || frame->known || last->time_map || last->known;
    return planes && !draws && !varies && !frame->discontinuity && frame->time == last->time &&
           frame->kind == last->kind && frame->grain == last->grain && frame->chroma_sigma == last->chroma_sigma &&
           memcmp(planes, place->planes, restorer->channels * restorer->pixels * sizeof *planes) == 0;
}

void udm_restorer_settle(udm_restorer *restorer, queued *frame)
{
    if (restorer->impulses && frame->discontinuity)
        udm_impulses_reset(restorer->impulses);
    if (frame->impulsive)
        udm_impulses_remove(restorer->impulses, frame->planes);
    for (int c = restorer->settings.channels; c < restorer->channels; c++) // grey, for a network of colour
        memcpy(frame->planes + c * restorer->pixels, frame->planes, restorer->pixels * sizeof(float));
}

bool udm_restorer_push(udm_restorer *restorer, const udm_frame *frame, udm_error *error)
{
    if (!udm_check_argument(restorer, "the restorer", error) || !udm_check_argument(frame, "the frame", error))
        return false;
    if (restorer->ended)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame was pushed after the end: reset the restorer first");
    if (!check_frame(restorer, frame, error))
        return false;
    queued *place = take_place(restorer, error);
    if (!place)
        return false;
    place->next = NULL;
    place->time = frame->time_map || frame->known || restorer->redraw ? 0 : frame->time;
    place->mixed = false;
    place->even = !frame->time_map && !frame->known;
    place->strength = frame->strength;
    place->grain = frame->grain;
    place->chroma_sigma = frame->chroma_sigma;
    place->number = frame->number;
    place->discontinuity = frame->discontinuity;
    place->whole = frame->repaired;
    place->looked_at = false;
    place->input.previewed = place->input.linked = place->input.filtered = false;
    udm_planes_of_image(place->planes, frame->image, restorer->pool);
    place->subsampled = frame->image->subsample_x > 0 || frame->image->subsample_y > 0;
    place->kind = frame->kind == UDM_NOISE_JUDGED && place->subsampled ? UDM_NOISE_OTHER : frame->kind;
    if (frame->known)
        take_known(restorer, frame->known, place);
    else
        take_times(restorer, frame, place);
    place->impulsive = restorer->impulses && (frame->time_map || frame->time != 0); // else it is said to be clean
    if (restorer->repair)
        udm_restorer_repair_later(restorer, place);
    else
        udm_restorer_settle(restorer, place);
    place->input.planes = place->planes;
    place->input.repeat = frame->repeat;
    place->repeats = !restorer->repair && repeats_last(restorer, frame, place);
    restorer->last_pushed = *frame;
    *(restorer->first ? &restorer->last->next : &restorer->first) = place;
    restorer->last = place;
    restorer->waiting++;
    return true;
}

// The time of an estimate, and the levels of all times.
static void set_levels(const udm_restorer *restorer, queued *frame)
{
    if (frame->time < 0)
        fill_times(restorer, frame,
                   udm_restorer_own_time(restorer, udm_model_time(restorer->model, frame->noise.sigma)));
    if (frame->filled >= 0)
        return;
    for (size_t i = 0, count; restorer->expert->temporal && i < restorer->pixels; i += count) {
        count = udm_run_length(frame->times, i, restorer->pixels);
        const float level = (float)udm_noise_level(restorer->noise, frame->times[i]);
        for (size_t k = i; k < i + count; k++)
            frame->level[k] = level;
    }
}

// As a frame's time has it, which is a float: so a sigma that was found makes what it makes where it is given.
static double sigma_as_time(const udm_restorer *restorer, double sigma)
{
    const float time = udm_restorer_own_time(restorer, udm_model_time(restorer->model, sigma));
    return udm_sigma_of_level(udm_noise_level(restorer->noise, time));
}

// What the levels of luma and of chroma are to each other is estimated even where the level is given.
static double chroma_share(const udm_restorer *restorer, const queued *frame, double given)
{
    const bool said = frame->chroma_sigma > 0 && given > 0;
    const double chroma = said ? frame->chroma_sigma : fmax(frame->noise.half_chroma, UDM_NOISE_LEAST_CHROMA);
    const double sigma = said ? given : frame->noise.sigma > 0 ? sigma_as_time(restorer, frame->noise.sigma) : 0;
    if (!(sigma > 0))
        return frame->subsampled ? usual_subsampled_share : usual_share;
    return fmin(chroma / sigma, most_chroma_share);
}

void udm_restorer_analyse(udm_restorer *restorer, queued *frame)
{
    if (frame->looked_at)
        return;
    frame->looked_at = true;
    frame->place = restorer->place++;
    if (frame->repeats)
        return;
    if (frame->discontinuity)
        udm_noise_tracker_reset(restorer->tracker);
    const bool estimate = frame->time < 0;
    const bool noisy = restorer->scheduler->process->factors != NULL;
    const double own = noisy && !estimate ? udm_noise_level(restorer->noise, frame->times[0]) : 0;
    const double given = estimate ? -1 : udm_sigma_of_level(own);
    const bool asks = udm_model_has_experts(restorer->model) ||
                      (restorer->expert->network && restorer->expert->network->chroma_level);
    const bool measured = estimate || (asks && frame->kind == UDM_NOISE_JUDGED);
    const udm_noise_hint hint = { .sigma = measured ? -1 : given,
                                  .subsampled = frame->subsampled,
                                  .repeats = frame->input.repeat };
    frame->begins = udm_noise_tracker_look(restorer->tracker, frame->planes, hint);
    if (frame->begins)
        frame->place = 0, restorer->place = 1;
    frame->noise = measured ? *udm_noise_tracker_noise(restorer->tracker) : (udm_noise_estimate){ 0 };
    if (frame->kind == UDM_NOISE_JUDGED)
        frame->kind = frame->noise.white ? UDM_NOISE_WHITE : UDM_NOISE_OTHER;
    udm_noise_estimate *noise = &frame->noise;
    noise->sigma = udm_model_told(udm_model_expert(restorer->model, frame->kind), noise->sigma, noise->real_sigma,
                                  noise->apart_sigma);
    frame->chroma_share = chroma_share(restorer, frame, given);
    if (!estimate)
        frame->noise.sigma = given;
    set_levels(restorer, frame);
}

// Grain that only time tells of is not seen in the first frames of a scene: what is found in the last of those that
// wait already, when the first is made, holds for all of them.
static void learn_from_next(udm_restorer *restorer, queued *frame)
{
    const queued *last = frame;
    const int lookahead = restorer->settings.lookahead;
    int ahead = lookahead < UDM_FINDING_SETTLED ? lookahead : UDM_FINDING_SETTLED;
    if (frame->place > 0 || frame->time >= 0 || restorer->sdedit || restorer->redraw)
        return;
    for (queued *next = frame->next; next && ahead > 0; next = next->next, ahead--) {
        udm_restorer_analyse(restorer, next);
        if (next->place == 0 || next->time >= 0)
            break;
        last = next->repeats ? last : next;
    }
    for (queued *early = frame; early != last; early = early->next) {
        early->noise = last->noise;
        early->kind = last->kind;
        early->chroma_share = last->chroma_share;
        if (!early->repeats)
            set_levels(restorer, early);
    }
}

static void mix_known(udm_restorer *restorer, const queued *frame)
{
    const size_t n = restorer->pixels;
    for (int c = 0; frame->mixed && c < restorer->settings.channels; c++)
        for (size_t i = 0; i < n; i++) {
            const float in = frame->planes[c * n + i];
            restorer->work[c * n + i] += frame->known[i] * (in - restorer->work[c * n + i]);
        }
}

static void forget(udm_restorer *restorer)
{
    if (restorer->redraw)
        udm_redraw_clear(restorer->redraw);
    else if (restorer->sdedit)
        udm_sdedit_clear(restorer->sdedit);
    else
        udm_reverse_clear(restorer->expert->reverse);
    if (restorer->expert->temporal)
        udm_temporal_filter_clear(restorer->expert->temporal);
    if (restorer->tone)
        udm_tone_clear(restorer->tone);
}

static void begin_scene(udm_restorer *restorer, queued *frame)
{
    if (!frame->begins)
        return;
    frame->begins = false;
    restorer->stats.scenes++;
    const udm_log log = { restorer->settings.log, restorer->settings.log_context };
    udm_log_write(&log, UDM_LOG_DEBUG, "frame %llu begins a scene; its noise has a sigma of %.2f",
                  (unsigned long long)frame->number, frame->noise.sigma);
    forget(restorer);
}

// What is known of the frame from its neighbours: those before it, and those that follow it in its scene. Repeats are
// none.
static bool look_around(udm_restorer *restorer, queued *frame, udm_predicted *predicted, udm_error *error)
{
    udm_temporal_input *inputs[UDM_MAX_LOOKAHEAD + 1] = { &frame->input };
    int count = 1, ahead = 0;
    for (queued *next = frame->next; next && ahead++ < restorer->settings.lookahead; next = next->next) {
        udm_restorer_analyse(restorer, next);
        if (next->repeats)
            continue;
        if (next->begins || next->kind != frame->kind)
            break;
        inputs[count++] = &next->input;
    }
    frame->input.before = restorer->has_before ? restorer->before : NULL;
    return udm_temporal_filter_run(restorer->expert->temporal, inputs, count, predicted, &restorer->cancelled, error);
}

// Once, as such frames come out as they went in.
static void warn_small(udm_restorer *restorer, const queued *frame)
{
    udm_stats *stats = &restorer->stats;
    if (frame->time >= 0 || frame->noise.finding != UDM_NOISE_TOO_SMALL || stats->warning[0])
        return;
    snprintf(stats->warning, sizeof stats->warning,
             "Frames of %dx%d are too small for their noise to be estimated, and stay as they are: set its level",
             restorer->settings.width, restorer->settings.height);
    const udm_log log = { restorer->settings.log, restorer->settings.log_context };
    udm_log_write(&log, UDM_LOG_WARNING, "%s", stats->warning);
}

static void count(udm_restorer *restorer, const queued *frame, double start)
{
    warn_small(restorer, frame);
    udm_stats *stats = &restorer->stats;
    const udm_noise_estimate *noise = &frame->noise;
    stats->sigma = noise->sigma;
    stats->luma_sigma = noise->luma, stats->chroma_sigma = noise->chroma;
    stats->whiteness = noise->whiteness, stats->confidence = noise->confidence;
    if (restorer->repair)
        udm_restorer_count_repaired(stats, &frame->repaired);
    snprintf(stats->reason, sizeof stats->reason, "%s", frame->time < 0 ? udm_noise_reason(noise->finding) : "");
    udm_stats_count(stats, start);
}

static bool sdedit(udm_restorer *restorer, const queued *frame, double start, udm_error *error)
{
    const float *made = udm_sdedit_make(restorer->sdedit, &restorer->cancelled, error);
    if (!made)
        return false;
    memcpy(restorer->work, made, restorer->pixels * restorer->channels * sizeof(float));
    count(restorer, frame, start);
    return true;
}

static bool redraw(udm_restorer *restorer, queued *frame, double start, udm_error *error)
{
    const udm_redraw_frame what = { frame->planes, frame->even ? NULL : frame->known, frame->strength, frame->number };
    if (!udm_redraw_make(restorer->redraw, &what, restorer->work, error))
        return false;
    if (restorer->settings.channels == 1)
        udm_planes_make_grey(restorer->work, restorer->pixels);
    mix_known(restorer, frame);
    count(restorer, frame, start);
    return true;
}

// Another expert begins anew: what one made of the frames before is not what the other would have.
static bool ask_expert(udm_restorer *restorer, const queued *frame, udm_error *error)
{
    const udm_expert *before = restorer->expert;
    if (!udm_restorer_ask(restorer, frame->kind, error))
        return false;
    if (restorer->expert != before)
        forget(restorer);
    return true;
}

// Of models of real noise, which are told noise that theirs stands for; detail that is drawn has tones of its own.
static void keep_tones(udm_restorer *restorer, const queued *frame)
{
    const float sigma = (float)(frame->noise.sigma / 127.5);
    if (frame->even && sigma > 0 && frame->strength == 0 && udm_model_scheduler(restorer->expert->model)->real_noise)
        udm_tone_keep(restorer->tone, frame->planes, restorer->work, restorer->channels, restorer->pixels, sigma,
                      restorer->pool);
}

// Of what came in, but for impulses. All is in place: what the temporal filter and the tones go by has no grain.
static void keep_grain(udm_restorer *restorer, const queued *frame)
{
    const float share = (float)frame->grain;
    for (size_t i = 0; share > 0 && i < restorer->pixels * restorer->channels; i++)
        restorer->work[i] += share * (frame->planes[i] - restorer->work[i]);
}

static bool compute(udm_restorer *restorer, queued *frame, udm_error *error)
{
    const double start = udm_now_ms();
    udm_restorer_analyse(restorer, frame);
    if (frame->repeats) { // what was made of the last one is still there
        udm_stats_count(&restorer->stats, start);
        return true;
    }
    learn_from_next(restorer, frame);
    if (!restorer->redraw && !ask_expert(restorer, frame, error))
        return false;
    begin_scene(restorer, frame);
    if (restorer->redraw)
        return redraw(restorer, frame, start, error);
    if (restorer->sdedit)
        return sdedit(restorer, frame, start, error);
    udm_predicted predicted = { 0 };
    const bool clean = restorer->repair && frame->even && frame->time == 0 && frame->strength == 0;
    if (restorer->expert->temporal && clean) // what the filter remembers would be too old for the frame after it
        udm_temporal_filter_clear(restorer->expert->temporal);
    else if (restorer->expert->temporal && !look_around(restorer, frame, &predicted, error))
        return false;
    const udm_side_information beside = { .predicted = predicted.planes,
                                          .predicted_level = predicted.level,
                                          .chroma_share = frame->chroma_share };
    float *times = frame->times;
    if (frame->strength > 0) // which raises them
        times = memcpy(restorer->times, frame->times, restorer->pixels * sizeof(float));
    if (!udm_reverse_run(restorer->expert->reverse, frame->number, &beside, frame->planes, restorer->work, times,
                         frame->strength, &restorer->cancelled, error))
        return false;
    keep_tones(restorer, frame);
    keep_grain(restorer, frame);
    if (restorer->channels == 3 && !frame->mixed) // where what half shows in holes may be white
        udm_planes_keep_grey(frame->planes, restorer->work, restorer->settings.width, restorer->settings.height,
                             restorer->pool);
    mix_known(restorer, frame);
    count(restorer, frame, start);
    return true;
}

static void drop_first(udm_restorer *restorer)
{
    queued *frame = restorer->first;
    float *planes = frame->planes;
    frame->planes = restorer->before;
    restorer->before = planes;
    restorer->has_before = true;
    restorer->first = frame->next;
    frame->next = restorer->spare;
    restorer->spare = frame;
    restorer->waiting--;
}

udm_pulled udm_restorer_pull(udm_restorer *restorer, const udm_image *out, udm_error *error)
{
    if (!udm_check_argument(restorer, "the restorer", error) || !udm_check_argument(out, "the image", error))
        return UDM_PULLED_FAILED;
    queued *frame = restorer->first;
    if (!frame && restorer->ended)
        return UDM_PULLED_END;
    if (!restorer->ended && restorer->waiting <= udm_restorer_delay(restorer))
        return UDM_PULLED_NOTHING;
    const udm_settings *s = &restorer->settings;
    if (!udm_check_image(out, "the image", s->width, s->height, s->channels, error))
        return UDM_PULLED_FAILED;
    if (atomic_load(&restorer->cancelled)) {
        udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
        return UDM_PULLED_FAILED;
    }
    if (!udm_restorer_repair(restorer, error) || !compute(restorer, frame, error))
        return UDM_PULLED_FAILED;
    udm_planes_into_image(restorer->work, out, restorer->pool);
    udm_log_fallback(&restorer->settings, restorer->device, &restorer->warned);
    drop_first(restorer);
    return UDM_PULLED_FRAME;
}

bool udm_restorer_tell(udm_restorer *restorer, const char *text, const char *negative, double guidance,
                       udm_error *error)
{
    if (!udm_check_argument(restorer, "the restorer", error) || !udm_check_argument(text, "the text", error))
        return false;
    if (!restorer->redraw)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s knows no text: for a prompt use one of Stable Diffusion",
                        udm_model_directory(restorer->model));
    if (guidance != UDM_GUIDANCE_USUAL && !(guidance >= 0 && guidance <= 100))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a guidance scale of %g: it must be 0 to 100", guidance);
    bool changed = false;
    const bool good = udm_redraw_tell(restorer->redraw, text, negative ? negative : "", guidance, &changed, error);
    if (changed)
        restorer->has_before = false; // what repeats a frame is not what was made of it
    return good;
}

void udm_restorer_end(udm_restorer *restorer)
{
    if (restorer)
        restorer->ended = true;
}

void udm_restorer_reset(udm_restorer *restorer)
{
    if (!restorer)
        return;
    while (restorer->first)
        drop_first(restorer);
    restorer->ended = restorer->has_before = false;
    if (restorer->impulses)
        udm_impulses_reset(restorer->impulses);
    udm_restorer_forget_repair(restorer);
    udm_noise_tracker_reset(restorer->tracker);
    if (restorer->sdedit)
        udm_sdedit_clear(restorer->sdedit);
    if (restorer->redraw)
        udm_redraw_clear(restorer->redraw);
}

int udm_restorer_delay(const udm_restorer *restorer)
{
    if (!restorer)
        return 0;
    const int ahead = restorer->repair ? udm_repair_ahead(restorer->repair) : 0;
    return ahead + (restorer->sdedit ? udm_sdedit_ahead(restorer->sdedit) : restorer->settings.lookahead);
}

void udm_restorer_cancel(udm_restorer *restorer, bool cancel)
{
    if (!restorer)
        return;
    atomic_store(&restorer->cancelled, cancel);
    if (restorer->redraw)
        udm_redraw_cancel(restorer->redraw, cancel);
}

static size_t memory_of(const udm_restorer *restorer)
{
    if (restorer->redraw)
        return udm_redraw_memory(restorer->redraw);
    if (restorer->sdedit)
        return udm_sdedit_memory(restorer->sdedit);
    return udm_ensemble_memory(udm_reverse_ensemble(restorer->expert->reverse)) +
           (restorer->expert->temporal ? udm_temporal_filter_memory(restorer->expert->temporal) : 0);
}

void udm_restorer_stats(const udm_restorer *restorer, udm_stats *stats, size_t size)
{
    if (!restorer || !stats)
        return;
    udm_stats all = restorer->stats;
    all.tiles = udm_restorer_tiles(restorer);
    all.memory = memory_of(restorer) + (restorer->workspace ? udm_workspace_memory(restorer->workspace) : 0) +
                 (restorer->repair ? udm_repair_memory(restorer->repair) : 0);
    udm_stats_device(&all, restorer->device);
    udm_copy_sized(stats, size, &all, sizeof all);
}

void udm_restorer_profile(const udm_restorer *restorer, udm_timed found, void *context)
{
    if (restorer && found)
        restorer->device->ops->profile(restorer->device, found, context);
}
