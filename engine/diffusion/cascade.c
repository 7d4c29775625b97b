// SPDX-License-Identifier: LGPL-2.1-or-later
// Which windows a frame needs, what those begin with, and what they are told.
#include "diffusion/cascade.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "diffusion/cascade_stage.h"
#include "diffusion/prompt.h"
#include "runner/developer.h"
#include "text/travel.h"

enum {
    SPACING = 5,       // one in so many frames is drawn, where the others are filled in
    BETWEEN_STEPS = 4, // ...
    LARGER_STEPS = 2,  // of enlarging
    KEPT = 4           // embeddings of prompts
};
static const double SHARED = 0.25;   // of a window, with the one before it
static const double FILLED_FROM = 5; // frames a second, from which on others are filled in
static const double GAIN = 2;        // of the difference to what bilinear interpolation makes: models/train/enlarge.py
static const double PRIOR_GUIDANCE = 2;
enum { PRIOR_STEPS = 25 };
// Noise is named by the window, and by these.
enum { NOISE_BETWEEN = 1u << 28, NOISE_LARGER = 2u << 28, NOISE_LAST = 3u << 28 };

typedef struct kept_prompt {
    char *text, *negative; // NULL: there is none
    uint64_t used;
    float *embedding;
} kept_prompt;

// A window that is there.
typedef struct place {
    bool there;
    uint64_t scene, window;
} place;

struct udm_cascade {
    udm_cascade_settings settings;
    udm_reader *reader;
    udm_stage draws, fills, enlarges, finishes; // those that are not used have no network
    udm_developer developer;
    int shared, keys;                 // frames of a window that are known from the one before; of a filled one
    int width, height;                // of what is made
    size_t size;                      // of an embedding
    float *memory;                    // all of the following
    float *embeddings, *other;        // [frames of draws, size], [size]
    float *empty, *seen;              // of nothing; of settings.image
    float *carried, *noise, *latents; // known frames, noise of a frame, settings.latents
    float *pictures;                  // of the frames of a window, [UDM_MAX_FRAMES, 3, height, width] of the smallest
    bool developed[UDM_MAX_FRAMES];   // whether they are there
    kept_prompt kept[KEPT];
    uint64_t clock, scenes;
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
    const size_t carried = draws->elements * cascade->shared, pictures = picture_of(cascade) * UDM_MAX_FRAMES;
    const size_t frame = largest > draws->elements ? largest : draws->elements;
    cascade->size = draws->network->embedding;
    float *at = cascade->memory =
        calloc(cascade->size * (draws->frames + 3 + KEPT) + carried + frame + all + pictures, sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film of %dx%d", cascade->width, cascade->height);
    cascade->embeddings = at, cascade->other = at += cascade->size * draws->frames;
    cascade->empty = at += cascade->size, cascade->seen = at += cascade->size, at += cascade->size;
    for (int i = 0; i < KEPT; i++, at += cascade->size)
        cascade->kept[i].embedding = at;
    cascade->carried = at, cascade->noise = at += carried, cascade->latents = at += frame, cascade->pictures = at + all;
    if (cascade->settings.latents)
        memcpy(cascade->latents, cascade->settings.latents, all * sizeof *at);
    return true;
}

// The empty text, and no picture; and that of the picture to be resembled.
static bool read_fixed(udm_cascade *cascade, udm_error *error)
{
    const udm_cascade_settings *s = &cascade->settings;
    const udm_embedding_shape *told = &cascade->draws.network->told;
    if (!udm_reader_tell(cascade->reader, "", told, cascade->empty + told->picture, NULL, error))
        return false;
    udm_stage_tell_nothing(&cascade->draws, cascade->empty);
    memcpy(cascade->seen, cascade->empty, cascade->size * sizeof *cascade->seen);
    return !s->image || udm_reader_look(cascade->reader, s->image, s->image_width, s->image_height, told->picture,
                                        cascade->seen, NULL, error);
}

udm_cascade *udm_cascade_new(const udm_cascade_settings *settings, udm_error *error)
{
    udm_cascade *cascade = calloc(1, sizeof *cascade);
    if (!cascade) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film");
        return NULL;
    }
    cascade->settings = *settings;
    cascade->reader = udm_reader_new(settings->parts, settings->device, error);
    if (cascade->reader && open_first(cascade, error) && open_developer(cascade, error) &&
        open_larger(cascade, error) && allocate(cascade, error) && read_fixed(cascade, error))
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
    for (int i = 0; i < KEPT; i++)
        free(cascade->kept[i].text), free(cascade->kept[i].negative);
    udm_reader_free(cascade->reader);
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

// The embedding of a prompt, which stays until KEPT others were read; NULL with *error.
static const float *read_text(udm_cascade *cascade, const char *text, const char *negative, udm_error *error)
{
    const udm_embedding_shape *told = &cascade->draws.network->told;
    kept_prompt *kept = cascade->kept;
    for (int i = 0; i < KEPT; i++) {
        kept_prompt *one = &cascade->kept[i];
        if (one->text && strcmp(one->text, text) == 0 && strcmp(one->negative, negative) == 0) {
            one->used = ++cascade->clock;
            return one->embedding;
        }
        kept = one->used < kept->used ? one : kept;
    }
    free(kept->text), free(kept->negative);
    kept->text = kept->negative = NULL;
    const udm_prompt prompt = { text, negative, PRIOR_GUIDANCE, PRIOR_STEPS, cascade->settings.seed, NULL };
    if (!udm_reader_read(cascade->reader, &prompt, told->picture, kept->embedding, cascade->cancel, error) ||
        !udm_reader_tell(cascade->reader, text, told, kept->embedding + told->picture, cascade->cancel, error))
        return NULL;
    char *own = strdup(text), *other = strdup(negative);
    kept->used = ++cascade->clock;
    if (own && other) {
        kept->text = own, kept->negative = other;
        return kept->embedding;
    }
    free(own), free(other);
    udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
    return NULL;
}

// Networks that draw of what is drawn already are told of its picture alone, as films have no texts where they learn.
static void tell_picture(udm_cascade *cascade, udm_stage *stage, int frame, const float *embedding)
{
    const size_t picture = cascade->draws.network->told.picture;
    memcpy(cascade->other, cascade->empty, cascade->size * sizeof *cascade->other);
    memcpy(cascade->other, embedding, picture * sizeof *cascade->other);
    udm_stage_tell(stage, frame, cascade->other);
}

static bool is_empty(const char *text)
{
    return !text || !*text;
}

static void mix(const udm_cascade *cascade, float *to, const float *other, double share)
{
    for (size_t i = 0; i < cascade->size; i++)
        to[i] += (float)share * (other[i] - to[i]);
}

// What a frame is told: of its prompt, between two prompts, of the picture that is to be resembled, or half of each.
static bool read_prompt(udm_cascade *cascade, const udm_cascade_frame *asked, uint64_t number, float *to,
                        udm_error *error)
{
    const size_t bytes = cascade->size * sizeof *to;
    const char *negative = asked->negative ? asked->negative : "";
    udm_travel travel = { 0 };
    memcpy(to, cascade->seen, bytes);
    if (is_empty(asked->prompt))
        return true;
    const float *from = NULL, *other = NULL;
    bool good = udm_travel_at(asked->prompt, number, &travel, error) &&
                (from = read_text(cascade, travel.from, negative, error));
    if (good)
        memcpy(to, from, bytes);
    if (good && travel.to)
        good = (other = read_text(cascade, travel.to, negative, error));
    if (other)
        mix(cascade, to, other, travel.share);
    if (good && cascade->settings.image)
        mix(cascade, to, cascade->seen, 0.5);
    udm_travel_clear(&travel);
    return good;
}

// Frames that lie between two of the first network.
static uint64_t spacing(const udm_cascade *cascade)
{
    return opened(&cascade->fills) ? SPACING : 1;
}

// first: number of the first frame of the window, as the first network counts.
static bool tell_window(udm_cascade *cascade, uint64_t beginning, uint64_t first, int known, udm_error *error)
{
    udm_stage *draws = &cascade->draws;
    for (int f = 0; f < draws->frames; f++) {
        udm_cascade_frame asked = { .guidance = 1 };
        const uint64_t number = beginning + (first + f) * spacing(cascade);
        float *embedding = cascade->embeddings + f * cascade->size;
        cascade->settings.frame(cascade->settings.context, number, &asked);
        if (!read_prompt(cascade, &asked, number, embedding, error))
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
    const int step = draws->frames - cascade->shared, known = window > 0 ? cascade->shared : 0;
    draws->cancel = cascade->cancel, draws->number = scene << 32 | window;
    cascade->drawn.there = false;
    forget(cascade);
    if (!tell_window(cascade, scene * cascade->settings.scene, window * (uint64_t)step, known, error))
        return false;
    memcpy(cascade->carried, draws->made + step * draws->elements,
           cascade->shared * draws->elements * sizeof *cascade->carried);
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
    const uint64_t within = number - scene * length;
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
