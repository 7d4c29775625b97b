// SPDX-License-Identifier: LGPL-2.1-or-later
#include "diffusion/cascade_told.h"

#include <stdlib.h>
#include <string.h>

#include "diffusion/prompt.h"
#include "text/travel.h"

enum { KEPT = 4, PRIOR_STEPS = 25 }; // embeddings of prompts
static const double PRIOR_GUIDANCE = 2;

typedef struct kept_prompt {
    char *text, *negative; // NULL: there is none
    uint64_t used;
    float *embedding;
} kept_prompt;

struct udm_teller {
    const udm_cascade_settings *settings;
    const udm_embedding_shape *told;
    udm_reader *reader;
    size_t size;         // of an embedding
    float *memory;       // all of the following
    float *empty, *seen; // of nothing; of settings.image
    kept_prompt kept[KEPT];
    uint64_t clock;
    const atomic_bool *cancel;
};

// The empty text, and no picture; and that of the picture to be resembled.
static bool read_fixed(udm_teller *teller, udm_error *error)
{
    const udm_cascade_settings *s = teller->settings;
    const int picture = teller->told->picture;
    float *at = teller->memory = calloc(teller->size * (2 + KEPT), sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for what a film is told");
    teller->empty = at, teller->seen = at += teller->size;
    for (int i = 0; i < KEPT; i++)
        teller->kept[i].embedding = at += teller->size;
    if (!udm_reader_tell(teller->reader, "", teller->told, teller->empty + picture, NULL, error))
        return false;
    memcpy(teller->seen, teller->empty, teller->size * sizeof *teller->seen);
    return !s->image || udm_reader_look(teller->reader, s->image, s->image_width, s->image_height, picture,
                                        teller->seen, NULL, error);
}

udm_teller *udm_teller_new(const udm_cascade_settings *settings, const udm_network *network, udm_error *error)
{
    udm_teller *teller = calloc(1, sizeof *teller);
    if (!teller) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for what a film is told");
        return NULL;
    }
    teller->settings = settings, teller->told = &network->told, teller->size = network->embedding;
    teller->reader = udm_reader_new(settings->parts, settings->device, error);
    if (teller->reader && read_fixed(teller, error))
        return teller;
    udm_teller_free(teller);
    return NULL;
}

void udm_teller_free(udm_teller *teller)
{
    if (!teller)
        return;
    for (int i = 0; i < KEPT; i++)
        free(teller->kept[i].text), free(teller->kept[i].negative);
    udm_reader_free(teller->reader);
    free(teller->memory);
    free(teller);
}

const float *udm_teller_nothing(const udm_teller *teller)
{
    return teller->empty;
}

// The embedding of a prompt, which stays until KEPT others were read; NULL with *error.
static const float *read_text(udm_teller *teller, const char *text, const char *negative, udm_error *error)
{
    const udm_embedding_shape *told = teller->told;
    kept_prompt *kept = teller->kept;
    for (int i = 0; i < KEPT; i++) {
        kept_prompt *one = &teller->kept[i];
        if (one->text && strcmp(one->text, text) == 0 && strcmp(one->negative, negative) == 0) {
            one->used = ++teller->clock;
            return one->embedding;
        }
        kept = one->used < kept->used ? one : kept;
    }
    free(kept->text), free(kept->negative);
    kept->text = kept->negative = NULL;
    const udm_prompt prompt = { text, negative, PRIOR_GUIDANCE, PRIOR_STEPS, teller->settings->seed, NULL };
    if (!udm_reader_read(teller->reader, &prompt, told->picture, kept->embedding, teller->cancel, error) ||
        !udm_reader_tell(teller->reader, text, told, kept->embedding + told->picture, teller->cancel, error))
        return NULL;
    char *own = strdup(text), *other = strdup(negative);
    kept->used = ++teller->clock;
    if (own && other) {
        kept->text = own, kept->negative = other;
        return kept->embedding;
    }
    free(own), free(other);
    udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
    return NULL;
}

static bool is_empty(const char *text)
{
    return !text || !*text;
}

static void mix(const udm_teller *teller, float *to, const float *other, double share)
{
    for (size_t i = 0; i < teller->size; i++)
        to[i] += (float)share * (other[i] - to[i]);
}

bool udm_teller_read(udm_teller *teller, const udm_cascade_frame *asked, uint64_t number, float *to,
                     const atomic_bool *cancel, udm_error *error)
{
    const size_t bytes = teller->size * sizeof *to;
    const char *negative = asked->negative ? asked->negative : "";
    udm_travel travel = { 0 };
    teller->cancel = cancel;
    memcpy(to, teller->seen, bytes);
    if (is_empty(asked->prompt))
        return true;
    const float *from = NULL, *other = NULL;
    bool good = udm_travel_at(asked->prompt, number, &travel, error) &&
                (from = read_text(teller, travel.from, negative, error));
    if (good)
        memcpy(to, from, bytes);
    if (good && travel.to)
        good = (other = read_text(teller, travel.to, negative, error));
    if (other)
        mix(teller, to, other, travel.share);
    if (good && teller->settings->image)
        mix(teller, to, teller->seen, 0.5);
    udm_travel_clear(&travel);
    return good;
}

void udm_teller_picture(const udm_teller *teller, const float *told, float *to)
{
    memcpy(to, teller->empty, teller->size * sizeof *to);
    memcpy(to, told, teller->told->picture * sizeof *to);
}
