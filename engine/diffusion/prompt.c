// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the networks that a prompt goes through.
#include "diffusion/prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fallback.h"
#include "base/random.h"
#include "network/clip.h"
#include "network/prior.h"
#include "runner/pass.h"
#include "sampler/guidance.h"
#include "tensor/bicubic.h"
#include "text/emphasis.h"

struct udm_reader {
    const udm_text_parts *parts;
    udm_tokenizer *tokenizer;
    udm_device *device; // where the networks are
    udm_clip_text *text;
    udm_clip_vision *vision;
    udm_prior *prior; // NULL: not needed yet
};

udm_reader *udm_reader_new(const udm_text_parts *parts, udm_device *device, udm_error *error)
{
    udm_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the networks of a text");
        return NULL;
    }
    *reader = (udm_reader){ .parts = parts, .device = device };
    reader->tokenizer = udm_tokenizer_open(parts->tokenizer, error);
    if (reader->tokenizer)
        return reader;
    free(reader);
    return NULL;
}

static void close_networks(udm_reader *reader)
{
    udm_clip_text_free(reader->text);
    udm_clip_vision_free(reader->vision);
    udm_prior_free(reader->prior);
    reader->text = NULL, reader->vision = NULL, reader->prior = NULL;
}

void udm_reader_free(udm_reader *reader)
{
    if (!reader)
        return;
    close_networks(reader);
    udm_tokenizer_free(reader->tokenizer);
    free(reader);
}

// ---- a text

// What the text tower says of a chunk of a text.
typedef struct said {
    size_t count, seen;        // seen: those before the padding
    float *tokens, *embedding; // [width, 1, count], [size]
} said;

// ... of all of it.
typedef struct text_said {
    int chunks;
    said of[UDM_TOLD_CHUNKS];
} text_said;

static void forget(text_said *what)
{
    for (int k = 0; k < what->chunks; k++) {
        free(what->of[k].tokens);
        free(what->of[k].embedding);
    }
    *what = (text_said){ 0 };
}

static bool run_text(const udm_clip_text *text, const int *ids, said *to, const float *in, const atomic_bool *cancel,
                     udm_error *error)
{
    udm_pass pass = { 0 };
    bool good = udm_pass_begin(&pass, text->device, error) &&
                udm_clip_text_build(text, pass.graph, (int)to->count, udm_clip_text_end(text, ids, to->count), error) &&
                udm_pass_settle(&pass, error);
    if (good) {
        udm_pass_put(&pass, 0, in);
        good = udm_pass_run(&pass, (float *const[]){ to->tokens, to->embedding }, 2, cancel, error);
    }
    udm_pass_end(&pass);
    return good;
}

static bool read_chunk(const udm_clip_text *text, const udm_emphasis *read, int k, bool whole, said *to,
                       const atomic_bool *cancel, udm_error *error)
{
    const int *ids = read->ids + (size_t)k * read->length;
    to->count = (size_t)(whole ? read->length : read->filled[k]), to->seen = (size_t)read->filled[k];
    float *in = malloc(to->count * text->width * sizeof *in);
    to->tokens = malloc(to->count * text->width * sizeof *in);
    to->embedding = malloc(text->size * sizeof *in);
    bool good = in && to->tokens && to->embedding;
    if (!good)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text of %zu tokens", to->count);
    good = good && udm_clip_text_embed(text, ids, to->count, in, error) && run_text(text, ids, to, in, cancel, error);
    if (good)
        udm_emphasis_apply(read->weights + (size_t)k * read->length, (int)to->count, text->width, to->tokens);
    free(in);
    return good;
}

// A text in chunks of `most` tokens at most; `whole`: with their padding. The caller forgets *to, also where it fails.
static bool read_text(const udm_reader *reader, const char *words, int most, bool whole, text_said *to,
                      const atomic_bool *cancel, udm_error *error)
{
    const int length = udm_tokenizer_length(reader->tokenizer);
    most = length > 0 && length < most && !whole ? length : most;
    udm_emphasis read = { 0 };
    bool good = most > 2 ? udm_emphasis_read(&read, reader->tokenizer, words, most, error)
                         : udm_fail(error, UDM_ERROR_UNSUPPORTED, "this model reads texts of at most %d tokens", most);
    if (good && read.chunks > UDM_TOLD_CHUNKS)
        good = udm_fail(error, UDM_ERROR_SETTINGS,
                        "the prompt is too long: it has %d chunks of %d tokens, and this model reads %d at most; "
                        "shorten it",
                        read.chunks, most - 2, (int)UDM_TOLD_CHUNKS);
    for (int k = 0; good && k < read.chunks; k++) {
        to->chunks = k + 1;
        good = read_chunk(reader->text, &read, k, whole, &to->of[k], cancel, error);
    }
    udm_emphasis_clear(&read);
    return good;
}

// ---- the prior

// One prompt on its way to an embedding.
typedef struct finding {
    udm_reader *reader;
    const udm_prompt *prompt;
    int size;
    float *embedding; // where it is found
    const atomic_bool *cancel;
    text_said said[2];                   // with, and without what is said,
    udm_pass passes[2][UDM_TOLD_CHUNKS]; // of each of its chunks
    float *output, *untold, *of_chunk;   // [size]
    float *time;                         // [width]
} finding;

static bool guides(const finding *f)
{
    return f->prompt->guidance != 1;
}

// The prior unfolded for what was said.
static bool set_up_pass(finding *f, udm_pass *pass, const said *what, udm_error *error)
{
    const udm_prior *prior = f->reader->prior;
    const int count = (int)what->count;
    float *places = malloc((size_t)prior->width * (count + 4) * sizeof *places);
    bool good = places || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text of %d tokens", count);
    good = good && udm_pass_begin(pass, prior->device, error) && udm_prior_build(prior, pass->graph, count, error) &&
           udm_pass_settle(pass, error);
    if (good) {
        float *extra = places + (size_t)prior->width * count;
        udm_prior_places(prior, count, places, extra);
        udm_pass_put(pass, UDM_PRIOR_TEXT, what->embedding);
        udm_pass_put(pass, UDM_PRIOR_TOKENS, what->tokens);
        udm_pass_put(pass, UDM_PRIOR_PLACES, places);
        udm_pass_put(pass, UDM_PRIOR_EXTRA, extra);
        good = pass->device->ops->finish(pass->device, error); // what it was put from goes
    }
    free(places);
    return good;
}

// What the prior says of a text: of each of its chunks, and in the mean (as Liu et al., "Compositional Visual
// Generation with Composable Diffusion Models", 2022, join what is asked for).
static bool ask(finding *f, int which, const float *xt, float *out, udm_error *error)
{
    const int chunks = f->said[which].chunks;
    for (int k = 0; k < chunks; k++) {
        udm_pass *pass = &f->passes[which][k];
        float *to = k ? f->of_chunk : out;
        udm_pass_put(pass, UDM_PRIOR_NOISY, xt);
        udm_pass_put(pass, UDM_PRIOR_TIME, f->time);
        if (!udm_pass_run(pass, (float *const[]){ to }, 1, f->cancel, error))
            return false;
        for (int i = 0; k > 0 && i < f->size; i++)
            out[i] += to[i];
    }
    for (int i = 0; chunks > 1 && i < f->size; i++)
        out[i] /= (float)chunks;
    return true;
}

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    finding *f = context;
    const udm_scheduler *scheduler = &f->reader->parts->prior_scheduler;
    (void)number;
    udm_prior_time(f->reader->prior, udm_noise_timestep(&scheduler->noise, at->time[0]), f->time);
    if (!ask(f, 0, xt, f->output, error) || (guides(f) && !ask(f, 1, xt, f->untold, error)))
        return false;
    if (guides(f))
        udm_guide(f->prompt->guidance, 0, f->size, f->untold, f->output);
    udm_predict_x0(scheduler->prediction, at, f->size, f->output, xt, x0);
    return udm_bound_x0(&scheduler->bounds, f->size, x0, error);
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    const finding *f = context;
    const uint32_t step = (uint32_t)number + 1; // 0 is where it begins
    (void)error;
    if (!f->prompt->noise)
        udm_normal(f->prompt->seed, UINT64_MAX, step, 0, f->size, e); // pictures have the numbers from 0
    else if (step < (uint32_t)f->prompt->steps)
        memcpy(e, f->prompt->noise + (size_t)step * f->size, f->size * sizeof *e);
    else
        memset(e, 0, f->size * sizeof *e);
    return true;
}

static bool run_loop(finding *f, udm_error *error)
{
    const udm_scheduler *scheduler = &f->reader->parts->prior_scheduler;
    const udm_prior *prior = f->reader->prior;
    udm_loop_settings settings = { .process = scheduler->process,
                                   .sampler = scheduler->sampler,
                                   .timesteps = scheduler->timesteps,
                                   .order = scheduler->order,
                                   .ease_below = scheduler->ease_below,
                                   .channels = f->size,
                                   .pixels = 1,
                                   .width = 1,
                                   .height = 1 };
    settings.timesteps.noise = &scheduler->noise;
    settings.timesteps.steps = f->prompt->steps;
    const udm_loop_calls calls = { .context = f, .estimate = estimate, .draw = draw };
    udm_loop *loop = udm_loop_new(&settings, error);
    const float start = (float)udm_timesteps_first(&settings.timesteps);
    if (f->prompt->noise)
        memcpy(f->embedding, f->prompt->noise, f->size * sizeof *f->embedding);
    else
        draw(f, -1, f->embedding, NULL);
    const bool good = loop && udm_loop_run(loop, &calls, &start, f->embedding, error);
    udm_loop_free(loop);
    for (int i = 0; good && i < f->size; i++)
        f->embedding[i] = f->embedding[i] * prior->deviation[i] + prior->mean[i];
    return good;
}

static bool check_sizes(const udm_reader *reader, int size, udm_error *error)
{
    const udm_clip_text *text = reader->text;
    if (text->width == reader->prior->size && text->size == reader->prior->size && size == reader->prior->size)
        return true;
    return udm_fail(error, UDM_ERROR_CORRUPT,
                    "the parts of the model do not fit together: the text encoder gives tokens of %d and embeddings of "
                    "%d, the prior takes and gives %d, the decoder takes %d",
                    text->width, text->size, reader->prior->size, size);
}

static bool open_text(udm_reader *reader, udm_error *error)
{
    const udm_text_parts *parts = reader->parts;
    if (!reader->text)
        reader->text =
            udm_clip_text_open(parts->text.config, parts->text.weights, parts->text_class, reader->device, error);
    return reader->text != NULL;
}

static bool open_prior(finding *f, udm_error *error)
{
    udm_reader *reader = f->reader;
    const udm_text_parts *parts = reader->parts;
    if (!parts->prior.config)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "this model has no prior, and draws variations of a picture: let it look at one");
    if (!open_text(reader, error))
        return false;
    if (!reader->prior)
        reader->prior = udm_prior_open(parts->prior.config, parts->prior.weights, reader->device, error);
    return reader->prior && check_sizes(reader, f->size, error);
}

static bool read_for_prior(const finding *f, const char *words, text_said *to, udm_error *error)
{
    const udm_reader *reader = f->reader;
    const int most = reader->text->length < reader->prior->length ? reader->text->length : reader->prior->length;
    return read_text(reader, words, most, false, to, f->cancel, error);
}

static bool set_up_passes(finding *f, udm_error *error)
{
    for (int i = 0; i < 1 + guides(f); i++)
        for (int k = 0; k < f->said[i].chunks; k++)
            if (!set_up_pass(f, &f->passes[i][k], &f->said[i].of[k], error))
                return false;
    return true;
}

// udm_fallback.run
static bool find(void *context, udm_error *error)
{
    finding *f = context;
    bool good = open_prior(f, error) && read_for_prior(f, f->prompt->text, &f->said[0], error);
    if (good && guides(f))
        good = read_for_prior(f, f->prompt->negative ? f->prompt->negative : "", &f->said[1], error);
    float *memory = good ? malloc((3 * (size_t)f->size + f->reader->prior->width) * sizeof *memory) : NULL;
    if (good && !memory)
        good = udm_fail(error, UDM_ERROR_MEMORY, "no memory for an embedding");
    f->output = memory, f->untold = memory + f->size, f->of_chunk = memory + 2 * f->size;
    f->time = memory + 3 * f->size;
    good = good && set_up_passes(f, error) && run_loop(f, error);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < UDM_TOLD_CHUNKS; k++)
            udm_pass_end(&f->passes[i][k]);
        forget(&f->said[i]);
    }
    free(memory);
    return good;
}

static void move_reader(udm_reader *reader, udm_device *to)
{
    close_networks(reader);
    reader->device = to;
}

static bool move_finding(void *context, udm_device *to, udm_error *error)
{
    (void)error;
    move_reader(((finding *)context)->reader, to);
    return true;
}

bool udm_reader_read(udm_reader *reader, const udm_prompt *prompt, int size, float *embedding,
                     const atomic_bool *cancel, udm_error *error)
{
    finding f = { .reader = reader, .prompt = prompt, .size = size, .embedding = embedding, .cancel = cancel };
    return udm_fallback_run(reader->device, &(udm_fallback){ &f, find, move_finding }, error);
}

// ---- a text as the decoder is told it

typedef struct telling {
    udm_reader *reader;
    const char *words;
    const udm_embedding_shape *shape;
    float *embedding;
    const atomic_bool *cancel;
} telling;

static bool check_shape(const udm_reader *reader, const udm_embedding_shape *shape, udm_error *error)
{
    const udm_clip_text *text = reader->text;
    if (text->width == shape->token_width && text->size == shape->text && text->length >= shape->chunk)
        return true;
    return udm_fail(
        error, UDM_ERROR_CORRUPT,
        "the parts of the model do not fit together: the text encoder gives an embedding of %d and up to %d "
        "tokens of %d, the decoder takes %d, %d and %d",
        text->size, text->length, text->width, shape->text, shape->chunk, shape->token_width);
}

// The tokens of so many chunks that are seen, one after the other, and the padding of the last.
static int put_tokens(const text_said *what, int chunks, const udm_embedding_shape *shape, float *tokens)
{
    int seen = 0;
    for (int k = 0; k < chunks; k++) {
        const said *of = &what->of[k];
        for (int c = 0; c < shape->token_width; c++)
            memcpy(tokens + (size_t)c * shape->tokens + seen, of->tokens + c * of->count, of->count * sizeof *tokens);
        seen += (int)of->seen;
    }
    return seen;
}

// udm_fallback.run
static bool tell(void *context, udm_error *error)
{
    const telling *t = context;
    const udm_embedding_shape *shape = t->shape;
    float *tokens = t->embedding + shape->text;
    text_said what = { 0 };
    const bool good = open_text(t->reader, error) && check_shape(t->reader, shape, error) &&
                      read_text(t->reader, t->words, shape->chunk, true, &what, t->cancel, error);
    if (good) {
        const int chunks = shape->counted ? what.chunks : 1; // or there is no room for more
        memset(t->embedding, 0, (shape->text + (size_t)shape->tokens * shape->token_width) * sizeof *tokens);
        for (int k = 0; k < chunks; k++)
            for (int i = 0; i < shape->text; i++)
                t->embedding[i] += what.of[k].embedding[i] / (float)chunks;
        const int seen = put_tokens(&what, chunks, shape, tokens);
        if (shape->counted)
            tokens[(size_t)shape->tokens * shape->token_width] = (float)seen;
    }
    forget(&what);
    return good;
}

static bool move_telling(void *context, udm_device *to, udm_error *error)
{
    (void)error;
    move_reader(((telling *)context)->reader, to);
    return true;
}

bool udm_reader_tell(udm_reader *reader, const char *text, const udm_embedding_shape *shape, float *embedding,
                     const atomic_bool *cancel, udm_error *error)
{
    telling t = { reader, text, shape, embedding, cancel };
    return udm_fallback_run(reader->device, &(udm_fallback){ &t, tell, move_telling }, error);
}

// ---- a picture

typedef struct looking {
    udm_reader *reader;
    const float *picture;
    int width, height, size;
    float *embedding;
    const atomic_bool *cancel;
} looking;

// The middle square of a picture, as the tower is shown it, in planes of side x side.
static bool fit_square(const looking *l, int side, float *out)
{
    const udm_text_parts *parts = l->reader->parts;
    const size_t pixels = (size_t)side * side;
    if (!udm_bicubic_square(l->picture, 3, l->width, l->height, side, out))
        return false;
    for (size_t i = 0; i < 3 * pixels; i++)
        out[i] = (float)((out[i] / 2 + 0.5 - parts->mean[i / pixels]) / parts->deviation[i / pixels]);
    return true;
}

static bool run_vision(const looking *l, udm_error *error)
{
    const udm_clip_vision *vision = l->reader->vision;
    const size_t across = vision->image / vision->patch, pixels = (size_t)vision->image * vision->image * 3;
    float *memory = malloc((2 * pixels + vision->width * (across * across + 1)) * sizeof *memory);
    float *square = memory, *patches = memory + pixels, *first = memory + 2 * pixels, *places = first + vision->width;
    udm_pass pass = { 0 };
    bool good = (memory && fit_square(l, vision->image, square)) ||
                udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture");
    good = good && udm_pass_begin(&pass, vision->device, error) && udm_clip_vision_build(vision, pass.graph, error) &&
           udm_pass_settle(&pass, error);
    if (good) {
        udm_clip_vision_patches(vision, square, patches);
        udm_clip_vision_first(vision, first, places);
        udm_pass_put(&pass, 0, patches);
        udm_pass_put(&pass, 1, first);
        udm_pass_put(&pass, 2, places);
        good = udm_pass_run(&pass, &l->embedding, 1, l->cancel, error);
    }
    udm_pass_end(&pass);
    free(memory);
    return good;
}

static bool look(void *context, udm_error *error)
{
    const looking *l = context;
    udm_reader *reader = l->reader;
    const udm_text_parts *parts = reader->parts;
    if (!parts->vision.config)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "this model has no image_encoder, and cannot see a picture");
    if (!reader->vision)
        reader->vision = udm_clip_vision_open(parts->vision.config, parts->vision.weights, reader->device, error);
    if (!reader->vision)
        return false;
    if (reader->vision->size != l->size)
        return udm_fail(error, UDM_ERROR_CORRUPT,
                        "the parts of the model do not fit together: the image encoder gives embeddings of %d, the "
                        "decoder takes %d",
                        reader->vision->size, l->size);
    return run_vision(l, error);
}

static bool move_looking(void *context, udm_device *to, udm_error *error)
{
    (void)error;
    move_reader(((looking *)context)->reader, to);
    return true;
}

bool udm_reader_look(udm_reader *reader, const float *picture, int width, int height, int size, float *embedding,
                     const atomic_bool *cancel, udm_error *error)
{
    looking l = { reader, picture, width, height, size, embedding, cancel };
    return udm_fallback_run(reader->device, &(udm_fallback){ &l, look, move_looking }, error);
}
