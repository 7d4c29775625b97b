// SPDX-License-Identifier: LGPL-2.1-or-later
// The configs of the parts that a single file holds.
#ifndef UDM_CONVERT_SETTINGS_H
#define UDM_CONVERT_SETTINGS_H

#include "convert/original.h"

// What tensors do not say.
typedef struct udm_original_guess {
    bool v;     // it predicts v, not epsilon
    int size;   // of the latents that it was trained on
    int groups; // of normalisations: of the U-Net, and
    int coding; // of the autoencoder
    const char *pipeline;
} udm_original_guess;

// prediction: "epsilon", "v_prediction", or NULL: it is guessed
udm_original_guess udm_original_guess_rest(const udm_original *original, const char *prediction);

// Texts of JSON, to be freed with free(); NULL without memory. part: one that the file holds.
char *udm_original_config(const udm_original *original, const udm_original_guess *guess, udm_original_part part);
char *udm_original_scheduler(const udm_original *original, const udm_original_guess *guess);
char *udm_original_index(const udm_original *original, const udm_original_guess *guess);
char *udm_original_tokens(const udm_original *original); // tokenizer_config.json

#endif
