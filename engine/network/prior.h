// SPDX-License-Identifier: LGPL-2.1-or-later
// PriorTransformer of diffusers: the prior of DALL-E 2 (Ramesh et al. 2022, section 2.2), which says for a text and a
// noisy embedding of a picture what that embedding is. Its tokens are those of the text, its embedding, the time, the
// noisy embedding, and one whose output is the answer; each sees those before it.
#ifndef UDM_NETWORK_PRIOR_H
#define UDM_NETWORK_PRIOR_H

#include "model/config.h"
#include "network/transformer.h"

typedef struct udm_prior {
    udm_transformer layers;
    udm_norm_layer norm;
    udm_layer time[2], noisy, text, tokens, out;
    float *places, *answer;              // [length + 4, width], [width]
    float *mean, *deviation;             // of embeddings, [size]
    int width, size, length, time_width; // length: tokens of a text, at most
    int64_t weights;
    udm_device *device;
} udm_prior;

udm_prior *udm_prior_open(const udm_config *config, const udm_weights *weights, udm_device *device, udm_error *error);
void udm_prior_free(udm_prior *prior); // NULL is fine

// The inputs of its graph for `count` tokens of a text, which alone are seen, as if those after them were masked; the
// last two do not change.
enum {
    UDM_PRIOR_NOISY,  // [size, 1, 1]
    UDM_PRIOR_TIME,   // [width, 1, 1]
    UDM_PRIOR_TEXT,   // [size, 1, 1], its embedding
    UDM_PRIOR_TOKENS, // [size, 1, count]
    UDM_PRIOR_PLACES, // [width, 1, count], and
    UDM_PRIOR_EXTRA,  // [width, 1, 4]: udm_prior_places()
    UDM_PRIOR_INPUTS
};

// To an empty graph; kept: the embedding, normalised by mean and deviation, [size, 1, 1].
bool udm_prior_build(const udm_prior *prior, udm_graph *graph, int count, udm_error *error);
void udm_prior_places(const udm_prior *prior, int count, float *places, float *extra);
void udm_prior_time(const udm_prior *prior, double timestep, float *time);

#endif
