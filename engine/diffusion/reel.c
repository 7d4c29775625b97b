// SPDX-License-Identifier: LGPL-2.1-or-later
// Prompts to tokens, tokens and noise to the latents of a window, and latents to frames.
#include "diffusion/reel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fallback.h"
#include "base/random.h"
#include "network/autoencoder.h"
#include "network/clip.h"
#include "runner/coder.h"
#include "runner/film.h"
#include "runner/pass.h"
#include "sampler/guidance.h"
#include "text/emphasis.h"
#include "text/tokenizer.h"
#include "text/travel.h"

enum { USUAL_WINDOW = 16, TOKENS = 77, KEPT = 8 };
static const double SHARED = 0.25; // of a window, with the one before it

// What the tower makes of a text.
typedef struct tokens {
    int chunks;    // of TOKENS each
    float *values; // [width, chunks TOKENS]
} tokens;

typedef struct kept_text {
    char *text; // NULL: there is none
    uint64_t used;
    tokens tokens;
} kept_text;

struct udm_reel {
    udm_reel_settings settings;
    udm_tokenizer *tokenizer;
    udm_device *device; // where tower and decoder are
    udm_clip_text *tower;
    udm_pass pass; // of the tower
    udm_autoencoder *decoder;
    udm_film *film;
    udm_loop *loop;
    int frames, shared;        // of a window, and of those, known from the one before
    int width, height;         // of latents
    size_t pixels, elements;   // of the latents of a frame: pixels, and with all channels
    size_t chunk;              // values of a chunk of a text
    float *memory;             // all of the following
    float *x, *known, *times;  // [channels, frames, height, width], [channels, shared, ...], [frames, height, width]
    float *first;              // settings.latents
    float *in, *told, *untold; // of a turn: [frames][channels, height, width]
    float *latent, *picture;   // of a frame: to be decoded, and decoded
    kept_text kept[KEPT];
    tokens texts[2][UDM_MAX_FRAMES]; // of a window, of one length: what is said, and what not
    int chunks;                      // of each
    uint64_t clock;
    bool has_window, has_picture;
    uint64_t scene, window, number; // of what is there
    uint64_t scenes;
    double guidance, rescale;
    const atomic_bool *cancel;
};

// ---- opening

// What runs on the device of tower and decoder, and goes on elsewhere where that fails.
typedef struct work {
    udm_reel *reel;
    const udm_emphasis *text; // NULL: none is read; ...
    int number;               // of its chunk
    float *out;
} work;

static void close_networks(udm_reel *reel)
{
    udm_pass_end(&reel->pass);
    udm_clip_text_free(reel->tower);
    udm_autoencoder_free(reel->decoder);
    reel->tower = NULL, reel->decoder = NULL;
}

static bool move(void *context, udm_device *to, udm_error *error)
{
    udm_reel *reel = ((const work *)context)->reel;
    (void)error;
    close_networks(reel);
    reel->device = to;
    return true;
}

static bool check_sizes(const udm_reel *reel, udm_error *error)
{
    const udm_network *network = reel->settings.network;
    if (reel->tower->width == network->token_width && reel->tower->length >= TOKENS &&
        reel->decoder->latents == network->channels && reel->decoder->channels == 3)
        return true;
    return udm_fail(error, UDM_ERROR_CORRUPT,
                    "the parts of the model do not fit together: the text encoder gives %d tokens of %d, the U-Net "
                    "takes %d of %d, and draws %d planes, of which the VAE takes %d",
                    reel->tower->length, reel->tower->width, TOKENS, network->token_width, network->channels,
                    reel->decoder->latents);
}

// udm_fallback.run: opens tower and decoder, where they are not.
static bool open_networks(void *context, udm_error *error)
{
    udm_reel *reel = ((const work *)context)->reel;
    const udm_film_parts *parts = reel->settings.parts;
    udm_device *device = reel->device;
    if (reel->decoder)
        return true;
    reel->tower = udm_clip_text_open(parts->text.config, parts->text.weights, parts->text_class, device, error);
    if (reel->tower)
        reel->decoder = udm_autoencoder_open(parts->vae.config, parts->vae.weights, false, device, error);
    if (reel->decoder && check_sizes(reel, error) && udm_pass_begin(&reel->pass, device, error) &&
        udm_clip_text_build(reel->tower, reel->pass.graph, TOKENS, TOKENS - 1, error) &&
        udm_pass_settle(&reel->pass, error))
        return true;
    close_networks(reel);
    return false;
}

static bool run(udm_reel *reel, bool (*what)(void *context, udm_error *error), const udm_emphasis *text, int number,
                float *out, udm_error *error)
{
    work w = { reel, text, number, out };
    return udm_fallback_run(reel->device, &(udm_fallback){ &w, what, move }, error);
}

bool udm_reel_shape(const udm_reel_settings *settings, const udm_network *network, int scale, udm_film_shape *to,
                    udm_error *error)
{
    const int step = scale * network->stride, most = network->frames;
    const bool usual = settings->width == 0 && settings->height == 0;
    const int width = usual ? network->width * scale : settings->width;
    const int height = usual ? network->height * scale : settings->height;
    if (width < 1 || height < 1 || width % step || height % step)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "frames of %dx%d: width and height must be multiples of %d with this model", width, height,
                        step);
    int frames = settings->window ? settings->window : most < USUAL_WINDOW ? most : USUAL_WINDOW;
    if (frames < 1 || frames > most)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a window of %d frames: with this model it must be 1 to %d", frames,
                        most);
    if (settings->scene > 0 && settings->scene < (uint64_t)frames)
        frames = (int)settings->scene;
    *to = (udm_film_shape){ .frames = frames, .texts = frames, .width = width / scale, .height = height / scale };
    return true;
}

static bool choose_sizes(udm_reel *reel, udm_error *error)
{
    const udm_network *network = reel->settings.network;
    const int scale = reel->decoder->scale;
    udm_film_shape shape;
    if (!udm_reel_shape(&reel->settings, network, scale, &shape, error))
        return false;
    reel->width = shape.width, reel->height = shape.height, reel->frames = shape.frames;
    reel->settings.width = shape.width * scale, reel->settings.height = shape.height * scale;
    reel->shared = (int)(SHARED * reel->frames);
    reel->pixels = (size_t)reel->width * reel->height;
    reel->elements = network->channels * reel->pixels;
    reel->chunk = (size_t)network->token_width * TOKENS;
    reel->chunks = 1;
    return true;
}

static bool allocate(udm_reel *reel, udm_error *error)
{
    const size_t all = reel->elements * reel->frames;
    const size_t known = reel->elements * reel->shared, times = reel->pixels * reel->frames;
    const size_t picture = 3 * (size_t)reel->settings.width * reel->settings.height;
    float *at = reel->memory = malloc((5 * all + known + times + reel->elements + picture) * sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film of %dx%d", reel->settings.width,
                        reel->settings.height);
    reel->x = at, reel->first = at += all, reel->in = at += all, reel->told = at += all, reel->untold = at += all;
    reel->known = at += all, reel->times = at += known, reel->latent = at += times;
    reel->picture = at += reel->elements;
    if (reel->settings.latents)
        memcpy(reel->first, reel->settings.latents, all * sizeof *at);
    return true;
}

static bool open_film(udm_reel *reel, udm_error *error)
{
    const udm_film_shape shape = { reel->frames, reel->frames, reel->chunks * TOKENS, reel->width, reel->height };
    udm_film_free(reel->film);
    reel->film = udm_film_new(reel->settings.network, &shape, error);
    return reel->film;
}

static bool open_loop(udm_reel *reel, udm_error *error)
{
    udm_loop_settings loop = reel->settings.loop;
    loop.channels = reel->settings.network->channels, loop.pixels = reel->pixels * reel->frames;
    loop.width = reel->width, loop.height = reel->height * reel->frames;
    reel->loop = udm_loop_new(&loop, error);
    return reel->loop;
}

udm_reel *udm_reel_new(const udm_reel_settings *settings, udm_error *error)
{
    udm_reel *reel = calloc(1, sizeof *reel);
    if (!reel) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film");
        return NULL;
    }
    reel->settings = *settings;
    reel->device = settings->device;
    reel->tokenizer = udm_tokenizer_open(settings->parts->tokenizer, error);
    if (reel->tokenizer && run(reel, open_networks, NULL, 0, NULL, error) && choose_sizes(reel, error) &&
        allocate(reel, error) && open_film(reel, error) && open_loop(reel, error))
        return reel;
    udm_reel_free(reel);
    return NULL;
}

void udm_reel_free(udm_reel *reel)
{
    if (!reel)
        return;
    for (int i = 0; i < KEPT; i++)
        free(reel->kept[i].text), free(reel->kept[i].tokens.values);
    for (int f = 0; f < UDM_MAX_FRAMES; f++)
        free(reel->texts[0][f].values), free(reel->texts[1][f].values);
    udm_loop_free(reel->loop);
    udm_film_free(reel->film);
    close_networks(reel);
    udm_tokenizer_free(reel->tokenizer);
    free(reel->memory);
    free(reel);
}

int udm_reel_width(const udm_reel *reel)
{
    return reel->settings.width;
}

int udm_reel_height(const udm_reel *reel)
{
    return reel->settings.height;
}

int udm_reel_window(const udm_reel *reel)
{
    return reel->frames;
}

size_t udm_reel_memory(const udm_reel *reel)
{
    return reel->film ? udm_film_memory(reel->film) : 0;
}

uint64_t udm_reel_scenes(const udm_reel *reel)
{
    return reel->scenes;
}

// ---- texts

// work.text: of which chunk work.number becomes work.out.
static bool run_tower(void *context, udm_error *error)
{
    const work *w = context;
    udm_reel *reel = w->reel;
    const size_t first = (size_t)w->number * TOKENS;
    float *in = malloc(reel->chunk * sizeof *in);
    bool good = in || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text");
    good = good && open_networks(context, error) &&
           udm_clip_text_embed(reel->tower, w->text->ids + first, TOKENS, in, error);
    if (good) {
        udm_pass_put(&reel->pass, 0, in);
        good = udm_pass_run(&reel->pass, (float *const[]){ w->out }, 1, reel->cancel, error);
    }
    if (good)
        udm_emphasis_apply(w->text->weights + first, TOKENS, reel->tower->width, w->out);
    free(in);
    return good;
}

// Room for so many chunks.
static bool make_room(const udm_reel *reel, tokens *to, int chunks, udm_error *error)
{
    float *values = realloc(to->values, chunks * reel->chunk * sizeof *values);
    if (!values)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text");
    to->values = values, to->chunks = chunks;
    return true;
}

// [width, TOKENS] becomes chunk `at` of a text.
static void put_chunk(const udm_reel *reel, const float *chunk, int at, tokens *to)
{
    const size_t width = reel->chunk / TOKENS;
    for (size_t c = 0; c < width; c++)
        memcpy(to->values + (c * to->chunks + at) * TOKENS, chunk + c * TOKENS, TOKENS * sizeof *chunk);
}

static bool run_text(udm_reel *reel, const char *text, tokens *to, udm_error *error)
{
    udm_emphasis read = { 0 };
    float *chunk = malloc(reel->chunk * sizeof *chunk);
    bool good = chunk || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text");
    good = good && udm_emphasis_read(&read, reel->tokenizer, text, TOKENS, error) &&
           (!reel->settings.limited || read.chunks <= UDM_REEL_CHUNKS ||
            udm_fail(error, UDM_ERROR_SETTINGS,
                     "a prompt of %d chunks: with a limit to all memory it may have %d, of 75 tokens each", read.chunks,
                     (int)UDM_REEL_CHUNKS)) &&
           make_room(reel, to, read.chunks, error);
    for (int k = 0; good && k < read.chunks; k++) {
        good = run(reel, run_tower, &read, k, chunk, error);
        if (good)
            put_chunk(reel, chunk, k, to);
    }
    udm_emphasis_clear(&read);
    free(chunk);
    return good;
}

// The tokens of a text, valid until KEPT more are asked for; NULL with *error.
static const tokens *read_text(udm_reel *reel, const char *text, udm_error *error)
{
    kept_text *kept = reel->kept;
    for (int i = 0; i < KEPT; i++) {
        if (reel->kept[i].text && strcmp(reel->kept[i].text, text) == 0) {
            reel->kept[i].used = ++reel->clock;
            return &reel->kept[i].tokens;
        }
        kept = reel->kept[i].used < kept->used ? &reel->kept[i] : kept;
    }
    free(kept->text);
    kept->text = NULL;
    if (!run_text(reel, text, &kept->tokens, error))
        return NULL;
    kept->text = strdup(text);
    kept->used = ++reel->clock;
    if (!kept->text)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
    return kept->text ? &kept->tokens : NULL;
}

// Adds a share of a text of at most as many chunks; where it has none, of no text.
static bool add_text(udm_reel *reel, const tokens *text, float share, tokens *to, udm_error *error)
{
    const tokens *nothing = text->chunks < to->chunks ? read_text(reel, "", error) : text;
    const size_t width = reel->chunk / TOKENS;
    for (size_t c = 0; nothing && c < width; c++)
        for (int k = 0; k < to->chunks; k++) {
            const tokens *from = k < text->chunks ? text : nothing;
            const float *values = from->values + (c * from->chunks + (k < text->chunks ? k : 0)) * TOKENS;
            float *out = to->values + (c * to->chunks + k) * TOKENS;
            for (int t = 0; t < TOKENS; t++)
                out[t] += share * values[t];
        }
    return nothing;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

// What a prompt says at a frame, which may lie between two texts, in at least so many chunks.
static bool read_prompt(udm_reel *reel, const char *prompt, uint64_t number, int chunks, tokens *to, udm_error *error)
{
    udm_travel travel;
    bool good = udm_travel_at(prompt ? prompt : "", number, &travel, error);
    const tokens *from = good ? read_text(reel, travel.from, error) : NULL;
    const tokens *other = from && travel.to ? read_text(reel, travel.to, error) : NULL;
    good = from && (other || !travel.to) &&
           make_room(reel, to, most(most(chunks, from->chunks), other ? other->chunks : 1), error);
    if (good) {
        memset(to->values, 0, to->chunks * reel->chunk * sizeof *to->values);
        good = add_text(reel, from, 1 - (float)travel.share, to, error) &&
               (!other || add_text(reel, other, (float)travel.share, to, error));
    }
    udm_travel_clear(&travel);
    return good;
}

static bool read_all(udm_reel *reel, uint64_t first, int known, int *chunks, udm_error *error)
{
    for (int f = 0; f < reel->frames; f++) {
        udm_reel_frame asked = { .guidance = 1 };
        if (reel->settings.frame)
            reel->settings.frame(reel->settings.context, first + f, &asked);
        if (f == known)
            reel->guidance = asked.guidance, reel->rescale = asked.rescale;
        const char *const prompts[] = { asked.prompt, asked.negative };
        for (int i = 0; i < 2; i++) {
            tokens *to = &reel->texts[i][f];
            if (!read_prompt(reel, prompts[i], first + f, *chunks, to, error))
                return false;
            *chunks = most(*chunks, to->chunks);
        }
    }
    return true;
}

// To so many chunks.
static bool lengthen(udm_reel *reel, tokens *text, int chunks, udm_error *error)
{
    tokens longer = { 0 };
    if (text->chunks == chunks)
        return true;
    if (!make_room(reel, &longer, chunks, error))
        return false;
    memset(longer.values, 0, chunks * reel->chunk * sizeof *longer.values);
    const bool good = add_text(reel, text, 1, &longer, error);
    free(text->values);
    *text = longer;
    return good;
}

// Of all frames of a window, each of as many chunks as the longest has; first: its first one.
static bool read_prompts(udm_reel *reel, uint64_t first, int known, udm_error *error)
{
    int chunks = 1;
    if (!read_all(reel, first, known, &chunks, error))
        return false;
    for (int f = 0; f < reel->frames; f++)
        if (!lengthen(reel, &reel->texts[0][f], chunks, error) || !lengthen(reel, &reel->texts[1][f], chunks, error))
            return false;
    if (reel->film && chunks == reel->chunks)
        return true;
    reel->chunks = chunks;
    return open_film(reel, error);
}

// ---- a window

// Frames of [channels, frames, height, width] as [frames][channels, height, width], or back.
static void turn(const udm_reel *reel, float *film, float *frames, bool back)
{
    const int channels = reel->settings.network->channels;
    for (int c = 0; c < channels; c++)
        for (int f = 0; f < reel->frames; f++) {
            float *in = film + ((size_t)c * reel->frames + f) * reel->pixels;
            float *out = frames + ((size_t)f * channels + c) * reel->pixels;
            memcpy(back ? in : out, back ? out : in, reel->pixels * sizeof *in);
        }
}

static bool look(udm_reel *reel, double timestep, const tokens *texts, float *out, udm_error *error)
{
    const float *in[UDM_MAX_FRAMES], *told[UDM_MAX_FRAMES];
    float *made[UDM_MAX_FRAMES];
    double times[UDM_MAX_FRAMES];
    for (int f = 0; f < reel->frames; f++) {
        in[f] = reel->in + f * reel->elements, made[f] = out + f * reel->elements;
        told[f] = texts[f].values, times[f] = timestep;
    }
    const udm_film_input input = { in, times, told, NULL, NULL };
    return udm_film_run(reel->film, &input, made, reel->cancel, error);
}

// What is known of the first frames, in place of a guess of them.
static void put_known(const udm_reel *reel, int known, float *x0)
{
    for (int c = 0; c < reel->settings.network->channels; c++)
        memcpy(x0 + (size_t)c * reel->frames * reel->pixels, reel->known + (size_t)c * reel->shared * reel->pixels,
               known * reel->pixels * sizeof *x0);
}

typedef struct drawing {
    udm_reel *reel;
    int known;       // frames, at the beginning of the window
    uint64_t number; // of its noise
} drawing;

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    const drawing *d = context;
    udm_reel *reel = d->reel;
    const udm_reel_settings *s = &reel->settings;
    const size_t all = reel->elements * reel->frames;
    const double time =
        s->noise == s->trained ? at->time[0] : udm_noise_time(s->trained, sqrt(udm_levels_share(at, 0)));
    const double timestep = udm_noise_timestep(s->trained, time);
    (void)number;
    turn(reel, (float *)xt, reel->in, false);
    if (!look(reel, timestep, reel->texts[0], reel->told, error) ||
        (reel->guidance != 1 && !look(reel, timestep, reel->texts[1], reel->untold, error)))
        return false;
    if (reel->guidance != 1)
        udm_guide(reel->guidance, reel->rescale, all, reel->untold, reel->told);
    turn(reel, reel->untold, reel->told, true);
    udm_predict_x0(s->prediction, at, s->network->channels, reel->untold, xt, x0);
    if (!udm_bound_x0(&s->bounds, all, x0, error))
        return false;
    put_known(reel, d->known, x0);
    return true;
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    const drawing *d = context;
    (void)error;
    udm_normal(d->reel->settings.seed, d->number, (uint32_t)number + 1, 0, d->reel->elements * d->reel->frames, e);
    return true;
}

// Window `window` of a scene; the one before it is in reel->x, if there is one.
static bool draw_window(udm_reel *reel, uint64_t scene, uint64_t window, udm_error *error)
{
    const int step = reel->frames - reel->shared;
    drawing d = { .reel = reel, .known = window > 0 ? reel->shared : 0, .number = scene << 32 | window };
    const udm_loop_calls calls = { .context = &d, .estimate = estimate, .draw = draw };
    reel->has_window = false;
    for (int c = 0; c < reel->settings.network->channels && d.known > 0; c++)
        memcpy(reel->known + (size_t)c * reel->shared * reel->pixels,
               reel->x + ((size_t)c * reel->frames + step) * reel->pixels, d.known * reel->pixels * sizeof *reel->x);
    if (!read_prompts(reel, scene * reel->settings.scene + window * (uint64_t)step, d.known, error))
        return false;
    const float start = (float)udm_timesteps_first(&reel->settings.loop.timesteps);
    for (size_t i = 0; i < reel->pixels * reel->frames; i++)
        reel->times[i] = start;
    if (reel->settings.latents && scene == 0 && window == 0)
        memcpy(reel->x, reel->first, reel->elements * reel->frames * sizeof *reel->x);
    else
        draw(&d, -1, reel->x, NULL);
    const double noise = sqrt(1 - udm_noise_alpha_bar(reel->settings.noise, start));
    for (size_t i = 0; reel->settings.begins_noisy && i < reel->elements * reel->frames; i++)
        reel->x[i] *= (float)noise;
    if (!udm_loop_run(reel->loop, &calls, reel->times, reel->x, error))
        return false;
    put_known(reel, d.known, reel->x);
    reel->has_window = true, reel->scene = scene, reel->window = window;
    return true;
}

// From the last window, or from the beginning of the scene.
static bool find_window(udm_reel *reel, uint64_t scene, uint64_t window, udm_error *error)
{
    const bool goes_on = reel->has_window && reel->scene == scene && reel->window <= window;
    reel->scenes += !goes_on;
    for (uint64_t w = goes_on ? reel->window + 1 : 0; w <= window; w++)
        if (!draw_window(reel, scene, w, error))
            return false;
    return true;
}

static bool decode(void *context, udm_error *error)
{
    const work *w = context;
    const udm_reel *reel = w->reel;
    const udm_coding coding = { reel->width, reel->height, reel->settings.limit, reel->cancel };
    return open_networks(context, error) && udm_coder_run(reel->decoder, &coding, reel->latent, w->out, error);
}

const float *udm_reel_make(udm_reel *reel, uint64_t number, const atomic_bool *cancel, udm_error *error)
{
    const uint64_t scene = reel->settings.scene ? number / reel->settings.scene : 0;
    const uint64_t within = number - scene * reel->settings.scene, step = (uint64_t)(reel->frames - reel->shared);
    const uint64_t window = within < (uint64_t)reel->frames ? 0 : (within - (uint64_t)reel->shared) / step;
    const size_t frame = (size_t)(within - window * step);
    const int channels = reel->settings.network->channels;
    reel->cancel = cancel;
    if (reel->has_picture && reel->number == number)
        return reel->picture;
    if (!find_window(reel, scene, window, error))
        return NULL;
    for (int c = 0; c < channels; c++)
        memcpy(reel->latent + c * reel->pixels, reel->x + ((size_t)c * reel->frames + frame) * reel->pixels,
               reel->pixels * sizeof *reel->latent);
    reel->has_picture = run(reel, decode, NULL, 0, reel->picture, error);
    reel->number = number;
    return reel->has_picture ? reel->picture : NULL;
}
