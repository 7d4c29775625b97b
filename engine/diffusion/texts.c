// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the text tower over each text.
#include "diffusion/texts.h"

#include <stdlib.h>

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

// One chunk, through an unfolded tower.
static bool run_chunk(const reading *r, const udm_clip_text *tower, udm_pass *pass, const udm_emphasis *chunk,
                      float *out, udm_error *error)
{
    const int tokens = r->texts->tokens;
    float *in = malloc((size_t)tokens * tower->width * sizeof *in);
    bool good = in || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text of %d tokens", tokens);
    good = good && udm_clip_text_embed(tower, chunk->ids, (size_t)tokens, in, error);
    if (good) {
        udm_pass_put(pass, 0, in);
        good = udm_pass_run(pass, &out, 1, r->cancel, error);
    }
    if (good)
        udm_emphasis_apply(chunk->weights, tokens, tower->width, out);
    free(in);
    return good;
}

static bool run_texts(const reading *r, const udm_clip_text *tower, udm_pass *pass, udm_error *error)
{
    const udm_texts *texts = r->texts;
    bool good = true;
    for (int i = 0; good && i < texts->count; i++) {
        udm_emphasis chunk = { 0 };
        good = udm_emphasis_read(&chunk, texts->tokenizer, texts->list[i], texts->tokens, error) &&
               run_chunk(r, tower, pass, &chunk, r->out + (size_t)i * texts->tokens * texts->width, error);
        udm_emphasis_clear(&chunk);
    }
    return good;
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
