// SPDX-License-Identifier: LGPL-2.1-or-later
// Single files of Stable Diffusion 1 and 2, in the names of the code of Latent Diffusion (Rombach et al. 2022): what
// their networks are, by the names and shapes of their tensors.
#ifndef UDM_CONVERT_ORIGINAL_H
#define UDM_CONVERT_ORIGINAL_H

#include "model/weights.h"

enum { UDM_ORIGINAL_LEVELS = 8 };

typedef struct udm_original_unet {
    int in, out;
    int levels, width[UDM_ORIGINAL_LEVELS], layers;
    bool attends[UDM_ORIGINAL_LEVELS], mid_attends;
    int depth, token_width; // of the transformers
    bool linear;            // their first and last layers are linear, and heads have 64 channels: 2.x
    int guidance;           // values of the embedding of a guidance scale (LCM); 0: it knows none
} udm_original_unet;

typedef struct udm_original_vae {
    bool there;
    int channels, latents;
    int levels, width[UDM_ORIGINAL_LEVELS], layers;
    bool attends, before, after; // in the middle; quant_conv, post_quant_conv
} udm_original_vae;

typedef struct udm_original_text {
    bool there;
    bool open;          // OpenCLIP's, of 2.x, of which the last layer is not used
    const char *prefix; // of its names
    int words, length, width, inner, layers;
} udm_original_text;

// How noise falls: betas from `start` to `end`, or, scaled, their square roots.
typedef struct udm_original_noise {
    bool said; // the file has them; otherwise they are the usual ones
    int steps;
    double start, end;
    bool scaled, without_signal; // the last step has no signal ("zero terminal SNR")
    bool v;                      // a tensor "v_pred" says so
} udm_original_noise;

typedef struct udm_original {
    udm_original_unet unet;
    udm_original_vae vae;
    udm_original_text text;
    udm_original_noise noise;
} udm_original;

// UNSUPPORTED where it is something else, and says what.
bool udm_original_read(udm_original *to, const udm_weights *weights, udm_error *error);

// The part of a directory that a tensor belongs to.
typedef enum udm_original_part {
    UDM_PART_UNET,
    UDM_PART_VAE,
    UDM_PART_TEXT,
    UDM_PARTS,            // how many
    UDM_PART_NONE = -1,   // it is not needed
    UDM_PART_UNKNOWN = -2 // nothing is known of it
} udm_original_part;

// Whether the file holds that part: there is always a U-Net.
bool udm_original_has(const udm_original *original, udm_original_part part);

enum { UDM_RENAMED_NAME = 160, UDM_RENAMED_MOST = 3 };

// A tensor under its new name: `elements` of the old one, from the element `first` on, in a shape.
typedef struct udm_renamed {
    char name[UDM_RENAMED_NAME];
    size_t first, elements;
    int dims;
    int64_t shape[UDM_MAX_DIMS];
} udm_renamed;

// What becomes of a tensor: one, or three of those that hold queries, keys and values.
udm_original_part udm_original_rename(const udm_original *original, const udm_weight *weight,
                                      udm_renamed to[UDM_RENAMED_MOST], int *count);

#endif
