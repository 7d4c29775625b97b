// SPDX-License-Identifier: LGPL-2.1-or-later
// The window rolls over the frames of a scene.
#include "diffusion/rolling_window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sampler/guidance.h"

enum {
    ANCHOR_AGE = 4,           // frames after a change of class that the next anchor is taken
    NOISE_UNKNOWN = 1u << 30, // "steps" that name noise which is not that of a step: of a place before the beginning
    NOISE_CLASS = 1u << 31,   // ... and of the class that a scene draws
};

// What stands in a place of the window.
typedef enum state {
    UNKNOWN,   // what was before the beginning
    IN_MAKING, // a frame of the ramp
    KNOWN      // one that is done, or was given
} state;

// A place of the window: 0 is the anchor, then the context, then the ramp.
typedef struct place {
    float *x;             // [C, H, W]
    float *path;          // [steps, C, H, W], x after each; where paths are kept
    float *unconditional; // [C, H, W], x0 as it was last estimated without the class; where that is kept
    state state;
    uint64_t name; // of its noise
    int class;
    double guidance, rescale;
    udm_track track;
} place;

struct udm_rolling {
    udm_rolling_settings settings;
    udm_window *window;
    int frames, ramp, turns; // of the window; places of its ramp; evaluations of the network until a frame leaves
    udm_timesteps timesteps; // of all the steps that a frame takes
    size_t pixels, elements; // of a frame, and times channels
    float *memory;           // all of the following
    place places[UDM_MAX_FRAMES];
    float *conditional, *unconditional; // the network's output with the classes and without: [frames, C, H, W] each
    float *made, *path;                 // the last frame that was done: [C, H, W], and its path
    float *known;                       // [settings.known_count, C, H, W]
    float *e;                           // [C, H, W]
    float *signal, *noise;              // [pixels], where a place is

    bool begun;
    uint64_t first;   // of the scene
    uint64_t entered; // frames of the scene
    int done;         // evaluations of this turn
    bool remembers;   // the window does, from one of them
    int scene_class;  // drawn, for frames of no given class
    int anchor_age;   // frames that were done since the class changed
    uint64_t scenes;
};

static size_t path_elements(const udm_rolling *rolling)
{
    return rolling->settings.keeps_path ? rolling->timesteps.steps * rolling->elements : 0;
}

static size_t unconditional_elements(const udm_rolling *rolling)
{
    return rolling->settings.residual ? rolling->elements : 0;
}

static size_t count_floats(const udm_rolling *rolling)
{
    const size_t e = rolling->elements, looks = (size_t)udm_track_looks(rolling->settings.sampler);
    const size_t place = (1 + looks) * e + path_elements(rolling) + unconditional_elements(rolling);
    return rolling->frames * (place + 2 * e) + (2 + rolling->settings.known_count) * e + path_elements(rolling) +
           2 * rolling->pixels;
}

static bool allocate(udm_rolling *rolling)
{
    const size_t e = rolling->elements;
    float *at = rolling->memory = calloc(count_floats(rolling), sizeof(float));
    if (!at)
        return false;
    for (int f = 0; f < rolling->frames; f++) {
        place *place = &rolling->places[f];
        place->x = at, at += e;
        place->path = at, at += path_elements(rolling);
        place->unconditional = at, at += unconditional_elements(rolling);
        for (int i = 0; i < udm_track_looks(rolling->settings.sampler); i++, at += e)
            place->track.kept[i] = at;
    }
    rolling->conditional = at, at += rolling->frames * e;
    rolling->unconditional = at, at += rolling->frames * e;
    rolling->made = at, at += e;
    rolling->path = at, at += path_elements(rolling);
    rolling->known = at, at += rolling->settings.known_count * e;
    rolling->e = at, at += e;
    rolling->signal = at;
    rolling->noise = at + rolling->pixels;
    return true;
}

// Fewer steps than the ramp has places: they take fewer places, and more frames are known.
static void lay_out(udm_rolling *rolling)
{
    const udm_rolling_settings *s = &rolling->settings;
    const udm_window_shape *shape = &s->network->window;
    const int places = shape->frames - 1 - shape->context;
    rolling->frames = shape->frames;
    rolling->ramp = s->steps < places ? s->steps : places;
    rolling->turns = (s->steps + rolling->ramp - 1) / rolling->ramp;
    rolling->timesteps =
        (udm_timesteps){ .spacing = s->spacing, .noise = s->noise, .steps = rolling->turns * rolling->ramp };
    rolling->pixels = (size_t)shape->width * shape->height;
    rolling->elements = rolling->pixels * s->network->channels;
}

// The last of those that are given, as far as there is room.
static void keep_known(udm_rolling *rolling)
{
    const udm_rolling_settings *s = &rolling->settings;
    const int room = s->network->window.frames - 1;
    const int count = s->known_count < room ? s->known_count : room;
    const size_t elements = (size_t)s->network->window.width * s->network->window.height * s->network->channels;
    rolling->settings.known += (s->known_count - count) * elements;
    rolling->settings.known_count = count;
}

static bool check_sampler(const udm_sampler *sampler, udm_error *error)
{
    if (!udm_track_takes(sampler))
        return udm_fail(
            error, UDM_ERROR_UNSUPPORTED,
            "sampler \"%s\" needs several estimates a step, or goes back; for video use one that does not, such as "
            "\"ddim\" or \"dpmpp_2m\"",
            sampler->name);
    return true;
}

udm_rolling *udm_rolling_new(const udm_rolling_settings *settings, udm_error *error)
{
    if (!check_sampler(settings->sampler, error))
        return NULL;
    udm_rolling *rolling = calloc(1, sizeof *rolling);
    if (rolling) {
        rolling->settings = *settings;
        lay_out(rolling);
        if (settings->known_count > 0)
            keep_known(rolling);
    }
    if (!rolling || !allocate(rolling)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a window of frames");
        udm_rolling_free(rolling);
        return NULL;
    }
    if (settings->known_count > 0)
        memcpy(rolling->known, rolling->settings.known,
               rolling->settings.known_count * rolling->elements * sizeof(float));
    rolling->settings.known = rolling->known;
    rolling->window = udm_window_new(settings->network, settings->recalls ? rolling->frames - rolling->ramp : 0, error);
    if (!rolling->window) {
        udm_rolling_free(rolling);
        return NULL;
    }
    return rolling;
}

void udm_rolling_free(udm_rolling *rolling)
{
    if (!rolling)
        return;
    udm_window_free(rolling->window);
    free(rolling->memory);
    free(rolling);
}

size_t udm_rolling_memory(const udm_rolling *rolling)
{
    return udm_window_memory(rolling->window) + count_floats(rolling) * sizeof(float);
}

int udm_rolling_steps(const udm_rolling *rolling)
{
    return rolling->timesteps.steps;
}

void udm_rolling_restart(udm_rolling *rolling)
{
    rolling->begun = false;
}

int udm_rolling_ahead(const udm_rolling *rolling)
{
    return rolling->ramp;
}

uint64_t udm_rolling_scenes(const udm_rolling *rolling)
{
    return rolling->scenes;
}

// ---- the frames of a scene come and go

static place *first_of_ramp(udm_rolling *rolling)
{
    return &rolling->places[rolling->frames - rolling->ramp];
}

static void draw(const udm_rolling *rolling, uint64_t number, uint32_t step, float *out)
{
    udm_normal(rolling->settings.seed, number, step, 0, rolling->elements, out);
}

// One that is drawn, of all that there are.
static int draw_class(const udm_rolling *rolling, uint64_t first)
{
    const uint64_t seed = rolling->settings.seed;
    const uint32_t counter[4] = { 0, (uint32_t)first, (uint32_t)(first >> 32), NOISE_CLASS };
    uint32_t bits[4];
    udm_philox(counter, (uint32_t[2]){ (uint32_t)seed, (uint32_t)(seed >> 32) }, bits);
    int classes = rolling->settings.network->window.classes;
    return classes ? (int)((uint64_t)bits[0] * (uint64_t)classes >> 32) : -1;
}

// From nothing, or from a picture that has some noise already.
static void start(udm_rolling *rolling, place *at, const udm_rolling_frame *frame_params)
{
    const udm_sampler *sampler = rolling->settings.sampler;
    at->track.start = frame_params->picture ? frame_params->time : 1;
    at->state = at->track.start > 0 ? IN_MAKING : KNOWN;
    draw(rolling, frame_params->name, 0, at->x);
    if (!frame_params->picture)
        return;
    const udm_point from = udm_track_point(&at->track, sampler, &rolling->timesteps, 0);
    const double own = udm_noise_level(rolling->settings.noise, frame_params->own);
    const double had = frame_params->own < 1 ? from.signal * own / sqrt(1 - own * own) : from.noise;
    const float signal = (float)from.signal, noise = (float)sqrt(fmax(from.noise * from.noise - had * had, 0));
    for (size_t i = 0; i < rolling->elements; i++)
        at->x[i] = signal * frame_params->picture[i] + noise * at->x[i];
}

// The next frame of the scene, into the last place.
static void enter(udm_rolling *rolling)
{
    const udm_rolling_settings *s = &rolling->settings;
    place *last = &rolling->places[rolling->frames - 1];
    const uint64_t number = rolling->first + rolling->entered++;
    udm_rolling_frame frame_params = { .class = -1, .guidance = 1, .name = number };
    s->frame_params(s->context, number, &frame_params);
    if (frame_params.class < 0 || frame_params.class >= s->network->window.classes)
        frame_params.class = rolling->scene_class;
    last->track.count = 0;
    last->name = frame_params.name;
    last->class = frame_params.class;
    last->guidance = frame_params.guidance;
    last->rescale = frame_params.rescale;
    start(rolling, last, &frame_params);
    if (frame_params.over)
        last->state = UNKNOWN;
}

// The frames that are given stand right before the first one, and the first of them is the anchor.
static void fill_known(udm_rolling *rolling)
{
    const int count = rolling->settings.known_count;
    for (int i = 0; i < count; i++) {
        const int at = i == 0 ? 0 : rolling->frames - 1 - count + i;
        place *place = &rolling->places[at];
        memcpy(place->x, rolling->known + i * rolling->elements, rolling->elements * sizeof(float));
        place->state = KNOWN;
    }
    if (count == 1) { // a still picture is the frame before the first one, too
        place *place = &rolling->places[rolling->frames - 2];
        memcpy(place->x, rolling->known, rolling->elements * sizeof(float));
        place->state = KNOWN;
    }
}

// The window as it is when the first frame of a scene enters: all before it is unknown, or given.
static void begin(udm_rolling *rolling, uint64_t first)
{
    const bool given = first == 0 && rolling->settings.known_count > 0;
    rolling->begun = true;
    rolling->scenes++;
    rolling->first = first;
    rolling->entered = 0;
    rolling->done = 0;
    rolling->anchor_age = 0;
    rolling->scene_class = given || rolling->settings.classless ? -1 : draw_class(rolling, first);
    for (int f = 0; f < rolling->frames; f++) {
        place *at = &rolling->places[f];
        *at = (place){ .x = at->x,
                       .path = at->path,
                       .unconditional = at->unconditional,
                       .class = -1,
                       .guidance = 1,
                       .track = at->track };
        at->track.start = 1;
        draw(rolling, first, NOISE_UNKNOWN + (uint32_t)f, at->x);
    }
    if (given)
        fill_known(rolling);
    enter(rolling);
    for (int f = 0; given && f < rolling->frames - 1; f++)
        rolling->places[f].class = rolling->places[rolling->frames - 1].class;
}

// The first frame after the beginning becomes the anchor, and so does one that is some frames into another class.
static void drop_anchor(udm_rolling *rolling, const place *done)
{
    place *anchor = &rolling->places[0];
    bool other = anchor->state == KNOWN && anchor->class != done->class;
    rolling->anchor_age = other ? rolling->anchor_age + 1 : 0;
    if (anchor->state == KNOWN && rolling->anchor_age < ANCHOR_AGE)
        return;
    memcpy(anchor->x, done->x, rolling->elements * sizeof(float));
    anchor->state = KNOWN;
    anchor->class = done->class;
    anchor->guidance = done->guidance;
    anchor->rescale = done->rescale;
    rolling->anchor_age = 0;
}

// All places but the anchor move on by one; the oldest makes room for the next frame.
static void roll(udm_rolling *rolling)
{
    place *done = first_of_ramp(rolling);
    if (rolling->entered >= (uint64_t)rolling->ramp && done->state != UNKNOWN) { // not one that was given
        done->state = KNOWN;
        drop_anchor(rolling, done);
        memcpy(rolling->made, done->x, rolling->elements * sizeof(float));
        float *path = rolling->path;
        rolling->path = done->path;
        done->path = path;
    }
    place oldest = rolling->places[1];
    memmove(&rolling->places[1], &rolling->places[2], (size_t)(rolling->frames - 2) * sizeof(place));
    rolling->places[rolling->frames - 1] = oldest;
    enter(rolling);
}

// ---- one evaluation

// Steps that a place of the ramp has taken.
static int taken(const udm_rolling *rolling, int at)
{
    return (rolling->frames - 1 - at) * rolling->turns + rolling->done;
}

static udm_point point_of(const udm_rolling *rolling, int at)
{
    const int steps[] = { [UNKNOWN] = 0, [IN_MAKING] = taken(rolling, at), [KNOWN] = rolling->timesteps.steps };
    return udm_track_point(&rolling->places[at].track, rolling->settings.sampler, &rolling->timesteps,
                           steps[rolling->places[at].state]);
}

static void fill(float *to, size_t count, double value)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)value;
}

// Of a place, valid until the next call.
static udm_levels levels_of(udm_rolling *rolling, int at)
{
    const udm_point point = point_of(rolling, at);
    fill(rolling->signal, rolling->pixels, point.signal);
    fill(rolling->noise, rolling->pixels, point.noise);
    return (udm_levels){ .pixels = rolling->pixels, .signal = rolling->signal, .noise = rolling->noise };
}

static bool run(udm_rolling *rolling, bool with_class, float *out, const atomic_bool *cancel, udm_error *error)
{
    const float *frames[UDM_MAX_FRAMES];
    udm_window_state state = { .rate = rolling->settings.rate, .recalls = rolling->remembers };
    for (int f = 0; f < rolling->frames; f++) {
        frames[f] = rolling->places[f].x;
        state.levels[f] = (float)point_of(rolling, f).noise;
        state.classes[f] = with_class ? rolling->places[f].class : -1;
    }
    if (!udm_window_run(rolling->window, frames, &state, out, cancel, error))
        return false;
    rolling->remembers = rolling->settings.recalls && rolling->places[0].state == KNOWN; // the first frame: with care
    return true;
}

// The unconditional output for the ramp. Residual guidance (Kodaira et al., "StreamDiffusion", 2023, section 3.2)
// evaluates it once a frame, and reuses the x0 of then.
static bool look_unconditional(udm_rolling *rolling, const atomic_bool *cancel, udm_error *error)
{
    const udm_rolling_settings *s = &rolling->settings;
    const bool evaluates = !s->residual || rolling->done == 0;
    if (evaluates && !run(rolling, false, rolling->unconditional, cancel, error))
        return false;
    for (int f = rolling->frames - rolling->ramp; s->residual && f < rolling->frames; f++) {
        const place *at = &rolling->places[f];
        float *out = rolling->unconditional + f * rolling->elements;
        if (at->state != IN_MAKING)
            continue;
        const udm_levels levels = levels_of(rolling, f);
        if (evaluates)
            udm_predict_x0(s->prediction, &levels, s->network->channels, out, at->x, at->unconditional);
        else
            udm_predict_output(s->prediction, &levels, s->network->channels, at->unconditional, at->x, out);
    }
    return true;
}

// Guidance without a classifier: frame by frame, as each has its own.
static bool look(udm_rolling *rolling, const atomic_bool *cancel, udm_error *error)
{
    bool conditional = false, unconditional = false;
    for (int f = rolling->frames - rolling->ramp; f < rolling->frames; f++) {
        const place *at = &rolling->places[f];
        conditional = conditional || (at->class >= 0 && at->guidance != 0);
        unconditional = unconditional || at->guidance != 1;
    }
    unconditional = unconditional || !conditional;
    if ((conditional && !run(rolling, true, rolling->conditional, cancel, error)) ||
        (unconditional && !look_unconditional(rolling, cancel, error)))
        return false;
    for (int f = rolling->frames - rolling->ramp; unconditional && f < rolling->frames; f++) {
        const place *at = &rolling->places[f];
        float *out = rolling->conditional + f * rolling->elements,
              *other = rolling->unconditional + f * rolling->elements;
        if (at->guidance == 0 || !conditional)
            memcpy(out, other, rolling->elements * sizeof *out);
        else if (at->guidance != 1)
            udm_guide(at->guidance, at->rescale, rolling->elements, other, out);
    }
    return true;
}

// Brings one place from its time to the next.
static bool step(udm_rolling *rolling, int at, udm_error *error)
{
    const udm_rolling_settings *s = &rolling->settings;
    const int k = taken(rolling, at);
    place *place = &rolling->places[at];
    float *x0 = rolling->conditional + at * rolling->elements;
    const udm_levels levels = levels_of(rolling, at);
    udm_predict_x0(s->prediction, &levels, s->network->channels, x0, place->x, x0);
    if (!udm_bound_x0(&s->bounds, rolling->elements, x0, error))
        return false;
    const bool draws = s->sampler->stochastic && k + 1 < rolling->timesteps.steps;
    if (draws)
        draw(rolling, place->name, (uint32_t)k + 1, rolling->e);
    udm_track_step(&place->track, s->sampler, &rolling->timesteps, k, x0, draws ? rolling->e : NULL, rolling->elements,
                   place->x);
    if (s->keeps_path)
        memcpy(place->path + k * rolling->elements, place->x, rolling->elements * sizeof(float));
    return true;
}

// Evaluations until the first frame of the ramp is done. May be called again after it was cancelled.
static bool turn(udm_rolling *rolling, const atomic_bool *cancel, udm_error *error)
{
    for (; rolling->done < rolling->turns; rolling->done++) {
        rolling->remembers = rolling->remembers && rolling->done > 0;
        if (!look(rolling, cancel, error))
            return false;
        for (int f = rolling->frames - rolling->ramp; f < rolling->frames; f++)
            if (rolling->places[f].state == IN_MAKING && !step(rolling, f, error))
                return false;
    }
    return true;
}

// Frames of the scene that are done.
static uint64_t count_done(const udm_rolling *rolling)
{
    uint64_t waiting = (uint64_t)rolling->ramp;
    return rolling->entered > waiting ? rolling->entered - waiting : 0;
}

const float *udm_rolling_make(udm_rolling *rolling, uint64_t number, const atomic_bool *cancel, udm_error *error)
{
    const uint64_t scene = rolling->settings.scene, first = scene ? number - number % scene : 0;
    const uint64_t wanted = number - first + 1; // frames of the scene that have to be done
    bool here = rolling->begun && rolling->first == first;
    if (!here || count_done(rolling) > wanted)
        begin(rolling, first);
    while (count_done(rolling) < wanted) {
        if (!turn(rolling, cancel, error))
            return NULL;
        roll(rolling);
        rolling->done = 0;
    }
    return rolling->made;
}

const float *udm_rolling_path(const udm_rolling *rolling, int step)
{
    return rolling->path + step * rolling->elements;
}
