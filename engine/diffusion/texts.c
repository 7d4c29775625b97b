// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the text tower over each text.
#include "diffusion/texts.h"

#include <stdlib.h>
#include <string.h>

#include "backend/fallback.h"
#include "network/clip.h"
#include "runner/pass.h"
#include "text/emphasis.h"

typedef struct reading {
    const udm_texts *texts;
    udm_device *device;
    float *out;
    const atomic_bool *cancel;
} reading;

// One chunk, through an unfolded tower. in: room for its tokens.
static bool run_chunk(const reading *r, const udm_clip_text *tower, udm_pass *pass, const int *ids,
                      const float *weights, float *in, float *out, udm_error *error)
{
    const int tokens = r->texts->tokens;
    if (!udm_clip_text_embed(tower, ids, (size_t)tokens, in, error))
        return false;
    udm_pass_put(pass, 0, in);
    if (!udm_pass_run(pass, &out, 1, r->cancel, error))
        return false;
    udm_emphasis_apply(weights, tokens, tower->width, out);
    return true;
}

static bool check_length(const udm_emphasis *text, udm_error *error)
{
    return text->chunks <= UDM_TEXT_CHUNKS ||
           udm_fail(
               error, UDM_ERROR_SETTINGS,
               "the prompt is too long: it has %d chunks of %d tokens, and this model reads %d at most; shorten it",
               text->chunks, text->length - 2, UDM_TEXT_CHUNKS);
}

// out: [UDM_TEXT_CHUNKS, width, tokens]
static bool run_text(const reading *r, const udm_clip_text *tower, udm_pass *pass, const char *text, float *out,
                     udm_error *error)
{
    const int tokens = r->texts->tokens;
    const size_t chunk = (size_t)tokens * r->texts->width;
    udm_emphasis read = { 0 }, empty = { 0 };
    float *in = malloc((size_t)tokens * tower->width * sizeof *in);
    bool good = in || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text of %d tokens", tokens);
    good = good && udm_emphasis_read(&read, r->texts->tokenizer, text, tokens, error) && check_length(&read, error) &&
           udm_emphasis_read(&empty, r->texts->tokenizer, "", tokens, error);
    int count = read.chunks;
    for (; good && UDM_TEXT_CHUNKS % count; count++)
        good = run_chunk(r, tower, pass, empty.ids, empty.weights, in, out + count * chunk, error);
    for (int i = 0; good && i < read.chunks; i++)
        good = run_chunk(r, tower, pass, read.ids + (size_t)i * tokens, read.weights + (size_t)i * tokens, in,
                         out + i * chunk, error);
    for (int i = count; good && i < UDM_TEXT_CHUNKS; i++)
        memcpy(out + i * chunk, out + (i - count) * chunk, chunk * sizeof *out);
    udm_emphasis_clear(&read);
    udm_emphasis_clear(&empty);
    free(in);
    return good;
}

static bool run_texts(const reading *r, const udm_clip_text *tower, udm_pass *pass, udm_error *error)
{
    const udm_texts *texts = r->texts;
    const size_t size = (size_t)UDM_TEXT_CHUNKS * texts->tokens * texts->width;
    bool good = true;
    for (int i = 0; good && i < texts->count; i++)
        good = run_text(r, tower, pass, texts->list[i], r->out + i * size, error);
    return good;
}

static bool repeats(const float *text, int period, size_t chunk)
{
    return memcmp(text, text + period * chunk, (UDM_TEXT_CHUNKS - period) * chunk * sizeof *text) == 0;
}

int udm_texts_period(const float *first, const float *second, size_t chunk)
{
    int period = 1;
    while (period < UDM_TEXT_CHUNKS &&
           (UDM_TEXT_CHUNKS % period || !repeats(first, period, chunk) || !repeats(second, period, chunk)))
        period++;
    return period;
}

// udm_fallback.run
static bool read(void *context, udm_error *error)
{
    const reading *r = context;
    const udm_texts *texts = r->texts;
    const udm_text_part *part = &texts->parts->text;
    udm_clip_text *tower = udm_clip_text_open(part->config, part->weights, texts->parts->text_class, r->device, error);
    udm_pass pass = { 0 };
    bool good = tower;
    if (good && (tower->width != texts->width || tower->length < texts->tokens))
        good = udm_fail(error, UDM_ERROR_CORRUPT,
                        "the parts of the model do not fit together: the text encoder gives at most %d tokens of %d, "
                        "the network takes %d of %d",
                        tower->length, tower->width, texts->tokens, texts->width);
    good = good && udm_pass_begin(&pass, r->device, error) &&
           udm_clip_text_build(tower, pass.graph, texts->tokens, texts->tokens - 1, error) &&
           udm_pass_settle(&pass, error) && run_texts(r, tower, &pass, error);
    udm_pass_end(&pass);
    udm_clip_text_free(tower);
    return good;
}

static bool move(void *context, udm_device *to, udm_error *error)
{
    (void)error;
    ((reading *)context)->device = to;
    return true;
}

bool udm_texts_read(const udm_texts *texts, udm_device *device, float *out, const atomic_bool *cancel, udm_error *error)
{
    reading r = { texts, device, out, cancel };
    return udm_fallback_run(device, &(udm_fallback){ &r, read, move }, error);
}
