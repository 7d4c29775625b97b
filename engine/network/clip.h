// SPDX-License-Identifier: LGPL-2.1-or-later
// CLIP's two towers (Radford et al. 2021): CLIPTextModelWithProjection and CLIPTextModel, CLIPVisionModelWithProjection
// of transformers.
#ifndef UDM_NETWORK_CLIP_H
#define UDM_NETWORK_CLIP_H

#include "model/config.h"
#include "network/transformer.h"

typedef struct udm_clip_text {
    udm_transformer layers;
    udm_norm_layer norm;
    udm_layer projection;   // none where size is 0
    float *tokens, *places; // [words, width], [length, width]
    int words, length, width;
    int size; // of the embedding; 0: the model has none
    int end;  // the token whose output is the embedding; -1: that with the highest number
    int64_t weights;
    udm_device *device;
} udm_clip_text;

// The device must outlive it. Keys and tensors that are not implemented are errors that name them. class: what
// model_index.json calls it.
udm_clip_text *udm_clip_text_open(const udm_config *config, const udm_weights *weights, const char *class,
                                  udm_device *device, udm_error *error);
void udm_clip_text_free(udm_clip_text *text); // NULL is fine

// What the graph reads: [width, 1, count] of the tokens. False with SETTINGS for one that the model does not have, or
// too many.
bool udm_clip_text_embed(const udm_clip_text *text, const int *ids, size_t count, float *out, udm_error *error);
int udm_clip_text_end(const udm_clip_text *text, const int *ids, size_t count); // the place of the embedding's token

// To an empty graph: input 0 as above; kept: all tokens [width, 1, count], and the embedding [size, 1, 1] of the token
// at `end`, if there is one.
bool udm_clip_text_build(const udm_clip_text *text, udm_graph *graph, int count, int end, udm_error *error);

typedef struct udm_clip_vision {
    udm_transformer layers;
    udm_norm_layer before, after;
    udm_layer patches, projection;
    float *first, *places; // [width], [1 + patches, width]
    int channels, image, patch, width, size;
    int64_t weights;
    udm_device *device;
} udm_clip_vision;

udm_clip_vision *udm_clip_vision_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                      udm_error *error);
void udm_clip_vision_free(udm_clip_vision *vision); // NULL is fine

// To an empty graph: input 0 [channels patch patch, image / patch, image / patch] of the picture; inputs 1 and 2, which
// do not change, [width, 1, 1] and [width, image / patch, image / patch]; kept: the embedding [size, 1, 1].
bool udm_clip_vision_build(const udm_clip_vision *vision, udm_graph *graph, udm_error *error);
void udm_clip_vision_first(const udm_clip_vision *vision, float *first, float *places); // inputs 1 and 2
// x [channels, image, image] as input 0.
void udm_clip_vision_patches(const udm_clip_vision *vision, const float *x, float *out);

#endif
