// SPDX-License-Identifier: LGPL-2.1-or-later
// Which windows a frame needs, what those begin with, and what they are told.
#include "diffusion/cascade.h"

#include <stdlib.h>
#include <string.h>

#include "base/maths.h"
#include "base/random.h"
#include "diffusion/cascade_stage.h"
#include "diffusion/cascade_told.h"
#include "runner/developer.h"

enum {
    SPACING = 5,       // one in so many frames is drawn, where the others are filled in
    BETWEEN_STEPS = 4, // ...
    LARGER_STEPS = 2   // of enlarging
};
static const double SHARED = 0.25;   // of a window, with the one before it
static const double FILLED_FROM = 5; // frames a second, from which on others are filled in
static const double GAIN = 2;        // of the difference to what bilinear interpolation makes: models/train/enlarge.py
// Noise is named by the window, and by these.
enum { NOISE_BETWEEN = 1u << 28, NOISE_LARGER = 2u << 28, NOISE_LAST = 3u << 28 };

// A window that is there.
typedef struct place {
    bool there;
    uint64_t scene, window;
} place;

struct udm_cascade {
    udm_cascade_settings settings;
    udm_teller *teller;
    udm_stage draws, fills, enlarges, finishes; // those that are not used have no network
    udm_developer developer;
    int shared, keys;                 // frames of a window that are known from the one before; of a filled one
    int width, height;                // of what is made
    int begun;                        // frames of the first window that settings.known gives
    size_t size;                      // of an embedding
    float *memory;                    // all of the following
    float *embeddings, *other;        // [frames of draws, size], [size]
    float *carried, *noise, *latents; // known frames, noise of a frame, settings.latents
    float *first;                     // [begun, elements], latents of settings.known
    float *pictures;                  // of the frames of a window, [UDM_MAX_FRAMES, 3, height, width] of the smallest
    bool developed[UDM_MAX_FRAMES];   // whether they are there
    uint64_t scenes;                  // begun
    place drawn, filled, enlarged;
    const atomic_bool *cancel;
};

static bool opened(const udm_stage *stage)
{
    return stage->network != NULL;
}

// ---- opening

static const udm_text_part *part_of(const udm_cascade *cascade, udm_film_stage which)
{
    return &cascade->settings.parts->films[which];
}

static bool has(const udm_cascade *cascade, udm_film_stage which)
{
    return part_of(cascade, which)->config != NULL;
}

static bool open_part(udm_cascade *cascade, udm_stage *stage, udm_film_stage which, int frames, int steps,
                      udm_error *error)
{
    return udm_stage_open(stage, &cascade->settings, part_of(cascade, which), frames, steps, error);
}

static bool fails_to_fit(const udm_cascade *cascade, udm_film_stage which, udm_error *error)
{
    udm_fail(error, UDM_ERROR_CORRUPT, "%s: this network of films does not fit those of the other parts",
             udm_config_path(part_of(cascade, which)->config));
    return false;
}

// Whether a network is told what the first one is, and draws frames of so many times its size and so many channels,
// beside others of a context.
static bool fits(const udm_cascade *cascade, const udm_stage *stage, int times, int channels, int context)
{
    const udm_network *first = cascade->draws.network, *network = stage->network;
    return network->channels == channels && network->told.picture == first->told.picture &&
           network->told.text == first->told.text && network->told.token_width == first->told.token_width &&
           network->told.tokens == first->told.tokens && network->width == times * first->width &&
           network->height == times * first->height && network->context == context;
}

static bool open_first(udm_cascade *cascade, udm_error *error)
{
    const udm_cascade_settings *s = &cascade->settings;
    const bool fill = has(cascade, UDM_FILM_BETWEEN) && s->rate >= FILLED_FROM;
    if (!open_part(cascade, &cascade->draws, UDM_FILM_DRAWS, s->window, s->loop.timesteps.steps, error))
        return false;
    cascade->shared = (int)(SHARED * cascade->draws.frames);
    const int channels = cascade->draws.network->channels;
    if (!fits(cascade, &cascade->draws, 1, channels, 0))
        return fails_to_fit(cascade, UDM_FILM_DRAWS, error);
    if (!fill)
        return true;
    cascade->draws.rate = s->rate / SPACING;
    if (!open_part(cascade, &cascade->fills, UDM_FILM_BETWEEN, 0, BETWEEN_STEPS, error))
        return false;
    cascade->keys = (cascade->fills.frames - 1) / SPACING;
    const int step = cascade->draws.frames - cascade->shared;
    return (fits(cascade, &cascade->fills, 1, channels, channels + 1) && cascade->keys > 0 &&
            cascade->keys < cascade->draws.frames && cascade->shared > 0 && step % cascade->keys == 0 &&
            cascade->fills.frames == SPACING * cascade->keys + 1) ||
           fails_to_fit(cascade, UDM_FILM_BETWEEN, error);
}

static bool open_developer(udm_cascade *cascade, udm_error *error)
{
    const udm_text_part *vae = &cascade->settings.parts->vae;
    return (vae->config || udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: films need the part \"vae\" beside it",
                                    udm_config_path(part_of(cascade, UDM_FILM_DRAWS)->config))) &&
           udm_developer_open(&cascade->developer, vae->config, vae->weights, cascade->settings.device,
                              cascade->draws.network->channels, error);
}

// Those that the size needs.
static bool open_larger(udm_cascade *cascade, udm_error *error)
{
    const udm_cascade_settings *s = &cascade->settings;
    const udm_network *first = cascade->draws.network;
    const int scale = cascade->developer.about.scale, width = scale * first->width, height = scale * first->height;
    const int times = s->width % width ? 1 : s->width / width;
    cascade->width = width, cascade->height = height;
    if (times % 2 || s->height != times * height || !has(cascade, UDM_FILM_LARGER))
        return true;
    const int most = opened(&cascade->fills) ? cascade->fills.frames : cascade->draws.frames;
    int frames = UDM_USUAL_FRAMES;
    udm_config_int(part_of(cascade, UDM_FILM_LARGER)->config, "frames", 1, UDM_MAX_FRAMES, &frames, NULL);
    if (!open_part(cascade, &cascade->enlarges, UDM_FILM_LARGER, frames < most ? frames : most, LARGER_STEPS, error))
        return false;
    if (!fits(cascade, &cascade->enlarges, 2 * scale, 3, 3))
        return fails_to_fit(cascade, UDM_FILM_LARGER, error);
    cascade->width *= 2, cascade->height *= 2;
    if (times % 4 || !has(cascade, UDM_FILM_LAST))
        return true;
    if (!open_part(cascade, &cascade->finishes, UDM_FILM_LAST, 1, LARGER_STEPS, error))
        return false;
    if (!fits(cascade, &cascade->finishes, 4 * scale, 3, 3))
        return fails_to_fit(cascade, UDM_FILM_LAST, error);
    cascade->width *= 2, cascade->height *= 2;
    return true;
}

// Values of one of the smallest size.
static size_t picture_of(const udm_cascade *cascade)
{
    const size_t scale = cascade->developer.about.scale;
    return 3 * cascade->draws.pixels * scale * scale;
}

static bool allocate(udm_cascade *cascade, udm_error *error)
{
    const udm_stage *draws = &cascade->draws;
    const size_t largest = 3 * (size_t)cascade->width * cascade->height, all = draws->elements * draws->frames;
    const size_t carried = draws->elements * (cascade->shared + 1), pictures = picture_of(cascade) * UDM_MAX_FRAMES;
    const size_t frame = largest > draws->elements ? largest : draws->elements;
    cascade->size = draws->network->embedding;
    float *at = cascade->memory =
        calloc(cascade->size * (draws->frames + 1) + 2 * carried + frame + all + pictures, sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film of %dx%d", cascade->width, cascade->height);
    cascade->embeddings = at, cascade->other = at += cascade->size * draws->frames;
    cascade->carried = at += cascade->size, cascade->first = at += carried, cascade->noise = at += carried;
    cascade->latents = at += frame, cascade->pictures = at + all;
    if (cascade->settings.latents)
        memcpy(cascade->latents, cascade->settings.latents, all * sizeof *at);
    return true;
}

// One in so many frames is drawn by the first network.
static int spacing(const udm_cascade *cascade)
{
    return opened(&cascade->fills) ? SPACING : 1;
}

static bool read_known(udm_cascade *cascade, udm_error *error)
{
    const udm_cascade_settings *s = &cascade->settings;
    const udm_network *network = cascade->draws.network;
    const int scale = cascade->developer.about.scale, width = scale * network->width, height = scale * network->height;
    const udm_coding coding = { network->width, network->height, SIZE_MAX, NULL };
    if (s->known_count == 0)
        return true;
    if (s->known_width != width || s->known_height != height)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a known frame is %dx%d: with this model it must be %dx%d",
                        s->known_width, s->known_height, width, height);
    const int apart = spacing(cascade), all = s->known_count / apart;
    cascade->begun = udm_min(udm_max(all, 1), udm_max(cascade->shared, 1));
    for (int i = 0; i < cascade->begun; i++) {
        const int at = udm_max(s->known_count - apart * (cascade->begun - i), 0);
        if (!udm_developer_encode(&cascade->developer, &coding, s->known + at * picture_of(cascade),
                                  cascade->first + i * cascade->draws.elements, error))
            return false;
    }
    return true;
}

static bool open_teller(udm_cascade *cascade, udm_error *error)
{
    cascade->teller = udm_teller_new(&cascade->settings, cascade->draws.network, error);
    if (!cascade->teller)
        return false;
    udm_stage_tell_nothing(&cascade->draws, udm_teller_nothing(cascade->teller));
    return true;
}

udm_cascade *udm_cascade_new(const udm_cascade_settings *settings, udm_error *error)
{
    udm_cascade *cascade = calloc(1, sizeof *cascade);
    if (!cascade) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film");
        return NULL;
    }
    cascade->settings = *settings;
    if (open_first(cascade, error) && open_developer(cascade, error) && open_larger(cascade, error) &&
        allocate(cascade, error) && open_teller(cascade, error) && read_known(cascade, error))
        return cascade;
    udm_cascade_free(cascade);
    return NULL;
}

void udm_cascade_free(udm_cascade *cascade)
{
    if (!cascade)
        return;
    udm_stage *const stages[] = { &cascade->draws, &cascade->fills, &cascade->enlarges, &cascade->finishes };
    for (int i = 0; i < 4; i++)
        udm_stage_close(stages[i]);
    udm_developer_close(&cascade->developer);
    udm_teller_free(cascade->teller);
    free(cascade->memory);
    free(cascade);
}

int udm_cascade_width(const udm_cascade *cascade)
{
    return cascade->width;
}

int udm_cascade_height(const udm_cascade *cascade)
{
    return cascade->height;
}

uint64_t udm_cascade_scenes(const udm_cascade *cascade)
{
    return cascade->scenes;
}

size_t udm_cascade_memory(const udm_cascade *cascade)
{
    const udm_stage *const stages[] = { &cascade->draws, &cascade->fills, &cascade->enlarges, &cascade->finishes };
    size_t bytes = 0;
    for (int i = 0; i < 4; i++)
        bytes += opened(stages[i]) ? udm_film_memory(stages[i]->film) : 0;
    return bytes;
}

// ---- what windows are told

// Networks that draw of what is drawn already are told of its picture alone, as films have no texts where they learn.
static void tell_picture(udm_cascade *cascade, udm_stage *stage, int frame, const float *embedding)
{
    udm_teller_picture(cascade->teller, embedding, cascade->other);
    udm_stage_tell(stage, frame, cascade->other);
}

// Frames of a scene that come before its first one, as they are known.
static uint64_t before(const udm_cascade *cascade, uint64_t scene)
{
    return scene == 0 ? (uint64_t)(cascade->begun * spacing(cascade)) : 0;
}

// first: number of the first frame of the window, as the first network counts.
static bool tell_window(udm_cascade *cascade, uint64_t scene, uint64_t first, int known, udm_error *error)
{
    udm_stage *draws = &cascade->draws;
    const uint64_t beginning = scene * cascade->settings.scene, skipped = before(cascade, scene);
    for (int f = 0; f < draws->frames; f++) {
        udm_cascade_frame asked = { .guidance = 1 };
        const uint64_t within = (first + (uint64_t)f) * (uint64_t)spacing(cascade);
        const uint64_t number = beginning + (within < skipped ? 0 : within - skipped);
        float *embedding = cascade->embeddings + f * cascade->size;
        cascade->settings.frame(cascade->settings.context, number, &asked);
        if (!udm_teller_read(cascade->teller, &asked, number, embedding, cascade->cancel, error))
            return false;
        udm_stage_tell(draws, f, embedding);
        if (f == known)
            draws->guidance = asked.guidance, draws->rescale = asked.rescale;
    }
    return true;
}

// ---- windows

// Before a window is drawn, nothing of what was made of the one before is there.
static void forget(udm_cascade *cascade)
{
    cascade->filled.there = cascade->enlarged.there = false;
    memset(cascade->developed, 0, sizeof cascade->developed);
}

static bool is_there(const place *at, uint64_t scene, uint64_t window)
{
    return at->there && at->scene == scene && at->window == window;
}

static void begin_window(udm_cascade *cascade, int known)
{
    udm_stage *draws = &cascade->draws;
    const bool given = cascade->settings.latents && draws->number == 0;
    for (int f = 0; f < draws->frames; f++) {
        if (f < known) {
            udm_stage_know(draws, f, cascade->carried + f * draws->elements);
        } else if (given) { // [channels, frames, pixels]
            for (int c = 0; c < draws->network->channels; c++)
                memcpy(cascade->noise + c * draws->pixels,
                       cascade->latents + ((size_t)c * draws->frames + f) * draws->pixels,
                       draws->pixels * sizeof *cascade->noise);
            udm_stage_begin(draws, f, cascade->noise);
        } else {
            udm_normal(cascade->settings.seed, draws->number, 0, f * draws->elements, draws->elements, cascade->noise);
            udm_stage_begin(draws, f, cascade->noise);
        }
    }
}

// Window `window` of a scene; the one before it is there, if there is one.
static bool draw_window(udm_cascade *cascade, uint64_t scene, uint64_t window, udm_error *error)
{
    udm_stage *draws = &cascade->draws;
    const int step = draws->frames - cascade->shared, begun = scene == 0 ? cascade->begun : 0;
    const int known = window > 0 ? cascade->shared : begun;
    draws->cancel = cascade->cancel, draws->number = scene << 32 | window;
    cascade->drawn.there = false;
    forget(cascade);
    if (!tell_window(cascade, scene, window * (uint64_t)step, known, error))
        return false;
    memcpy(cascade->carried, window > 0 ? draws->made + step * draws->elements : cascade->first,
           known * draws->elements * sizeof *cascade->carried);
    begin_window(cascade, known);
    if (!udm_stage_draw(draws, error))
        return false;
    cascade->drawn = (place){ true, scene, window };
    return true;
}

// From the last window, or from the beginning of the scene.
static bool find_window(udm_cascade *cascade, uint64_t scene, uint64_t window, udm_error *error)
{
    const place *at = &cascade->drawn;
    const bool goes_on = at->there && at->scene == scene && at->window <= window;
    cascade->scenes += !goes_on;
    for (uint64_t w = goes_on ? at->window + 1 : 0; w <= window; w++)
        if (!draw_window(cascade, scene, w, error))
            return false;
    return true;
}

// Window `window` of what is filled in: its first frames' neighbours are in one of the first network's.
static bool fill_window(udm_cascade *cascade, uint64_t scene, uint64_t window, udm_error *error)
{
    udm_stage *draws = &cascade->draws, *fills = &cascade->fills;
    const int step = draws->frames - cascade->shared;
    const uint64_t key = window * (uint64_t)cascade->keys;
    if (is_there(&cascade->filled, scene, window))
        return true;
    forget(cascade);
    if (!find_window(cascade, scene, key / (uint64_t)step, error))
        return false;
    const int first = (int)(key % (uint64_t)step);
    const size_t context = fills->elements + fills->pixels; // a frame, and where it is known
    memset(fills->beside, 0, context * fills->frames * sizeof *fills->beside);
    fills->cancel = cascade->cancel, fills->number = scene << 32 | window;
    for (int f = 0; f < fills->frames; f++) {
        float *planes = fills->beside + context * f;
        const int at = first + f / SPACING;
        for (size_t i = 0; f % SPACING == 0 && i < fills->pixels; i++)
            planes[fills->elements + i] = 1;
        if (f % SPACING == 0)
            memcpy(planes, draws->made + at * draws->elements, draws->elements * sizeof *planes);
        tell_picture(cascade, fills, f, cascade->embeddings + at * cascade->size);
        udm_normal(cascade->settings.seed, fills->number, NOISE_BETWEEN, f * fills->elements, fills->elements,
                   cascade->noise);
        udm_stage_begin(fills, f, cascade->noise);
    }
    if (!udm_stage_draw(fills, error))
        return false;
    for (int f = 0; f < fills->frames; f += SPACING)
        memcpy(fills->made + f * fills->elements, draws->made + (first + f / SPACING) * draws->elements,
               draws->elements * sizeof *fills->made);
    cascade->filled = (place){ true, scene, window };
    return true;
}

// Where a frame is.
typedef struct spot {
    const udm_stage *stage;
    uint64_t scene, window;
    int frame;              // of the window
    const float *embedding; // what it was told
} spot;

static bool find_spot(udm_cascade *cascade, uint64_t number, spot *to, udm_error *error)
{
    const uint64_t length = cascade->settings.scene, scene = length ? number / length : 0;
    const uint64_t within = number - scene * length + before(cascade, scene);
    const udm_stage *draws = &cascade->draws;
    const int step = draws->frames - cascade->shared;
    if (opened(&cascade->fills)) {
        const uint64_t count = (uint64_t)cascade->keys * SPACING, window = within / count;
        const int frame = (int)(within % count);
        const int key = (int)(window * (uint64_t)cascade->keys % (uint64_t)step) + frame / SPACING;
        *to = (spot){ &cascade->fills, scene, window, frame, cascade->embeddings + key * cascade->size };
        return fill_window(cascade, scene, window, error);
    }
    const uint64_t window =
        within < (uint64_t)draws->frames ? 0 : (within - (uint64_t)cascade->shared) / (uint64_t)step;
    const int frame = (int)(within - window * (uint64_t)step);
    *to = (spot){ draws, scene, window, frame, cascade->embeddings + frame * cascade->size };
    return find_window(cascade, scene, window, error);
}

// ---- pictures

// [3, height, width] of a frame of the window of a spot; NULL with *error.
static const float *develop(udm_cascade *cascade, const spot *at, int frame, udm_error *error)
{
    const udm_network *network = at->stage->network;
    const udm_coding coding = { network->width, network->height, SIZE_MAX, cascade->cancel };
    float *picture = cascade->pictures + frame * picture_of(cascade);
    if (!cascade->developed[frame])
        cascade->developed[frame] = udm_developer_run(&cascade->developer, &coding,
                                                      at->stage->made + frame * at->stage->elements, picture, error);
    return cascade->developed[frame] ? picture : NULL;
}

// Bilinear interpolation [3, 2 height, 2 width] of [3, height, width]: three quarters of the pixel that is nearest, and
// a quarter of the next, each way.
static void enlarge(const float *from, int width, int height, float *to)
{
    for (int c = 0; c < 3; c++, from += (size_t)width * height)
        for (int y = 0; y < 2 * height; y++) {
            const int near = y / 2, next = y % 2 ? near + 1 : near - 1;
            const float *row = from + (size_t)near * width;
            const float *other = from + (size_t)(next < 0 ? 0 : next < height ? next : height - 1) * width;
            for (int x = 0; x < 2 * width; x++, to++) {
                const int at = x / 2, beside = x % 2 ? at + 1 : at - 1;
                const int side = beside < 0 ? 0 : beside < width ? beside : width - 1;
                *to = 0.75f * (0.75f * row[at] + 0.25f * row[side]) + 0.25f * (0.75f * other[at] + 0.25f * other[side]);
            }
        }
}

// A frame of a network that enlarges begins with noise, which is the same for all of a film.
static void begin_larger(udm_cascade *cascade, udm_stage *stage, int frame, const float *small, uint32_t name,
                         const float *embedding)
{
    enlarge(small, stage->network->width / 2, stage->network->height / 2, stage->beside + frame * stage->elements);
    tell_picture(cascade, stage, frame, embedding);
    udm_normal(cascade->settings.seed, 0, name, 0, stage->elements, cascade->noise); // the same for all frames
    udm_stage_begin(stage, frame, cascade->noise);
}

// What was drawn becomes the difference to what was enlarged.
static bool draw_larger(udm_cascade *cascade, udm_stage *stage, udm_error *error)
{
    stage->cancel = cascade->cancel;
    if (!udm_stage_draw(stage, error))
        return false;
    for (size_t i = 0; i < stage->elements * stage->frames; i++) {
        const float value = stage->beside[i] + stage->made[i] / (float)GAIN;
        stage->made[i] = value < -1 ? -1 : value > 1 ? 1 : value;
    }
    return true;
}

// The embedding of another frame of the window of a spot.
static const float *told_at(const udm_cascade *cascade, const spot *at, int frame)
{
    const int apart = (int)(frame / (int)spacing(cascade)) - (int)(at->frame / (int)spacing(cascade));
    return at->embedding + apart * (ptrdiff_t)cascade->size;
}

static const float *find_larger(udm_cascade *cascade, const spot *at, udm_error *error)
{
    udm_stage *stage = &cascade->enlarges;
    const int count = stage->frames, groups = (at->stage->frames + count - 1) / count, group = at->frame / count;
    const int last = at->stage->frames - count, first = group * count < last ? group * count : last;
    const uint64_t window = at->window * (uint64_t)groups + (uint64_t)group;
    const float *made = stage->made + (at->frame - first) * stage->elements;
    if (is_there(&cascade->enlarged, at->scene, window))
        return made;
    cascade->enlarged.there = false;
    for (int f = 0; f < count; f++) {
        const float *small = develop(cascade, at, first + f, error);
        if (!small)
            return NULL;
        begin_larger(cascade, stage, f, small, NOISE_LARGER, told_at(cascade, at, first + f));
    }
    if (!draw_larger(cascade, stage, error))
        return NULL;
    cascade->enlarged = (place){ true, at->scene, window };
    return made;
}

const float *udm_cascade_make(udm_cascade *cascade, uint64_t number, const atomic_bool *cancel, udm_error *error)
{
    spot at;
    cascade->cancel = cancel;
    if (!find_spot(cascade, number, &at, error))
        return NULL;
    const float *frame =
        opened(&cascade->enlarges) ? find_larger(cascade, &at, error) : develop(cascade, &at, at.frame, error);
    if (!frame || !opened(&cascade->finishes))
        return frame;
    begin_larger(cascade, &cascade->finishes, 0, frame, NOISE_LAST, at.embedding);
    return draw_larger(cascade, &cascade->finishes, error) ? cascade->finishes.made : NULL;
}
