// SPDX-License-Identifier: LGPL-2.1-or-later
// What parts of a pipeline take of memory, on the processor, at most: each is opened on a device that computes nothing
// (backend/plan.h).
#ifndef UDM_API_NEEDS_H
#define UDM_API_NEEDS_H

#include "model/model.h"
#include "network/network.h"

// Of one part, in bytes: its weights, and the largest of them; its values, for the whole picture and in the smallest
// tiles.
typedef struct udm_need {
    size_t weights, largest, values, least_values;
} udm_need;

static const uint64_t UDM_NEED_FIXED = 48 << 20; // the program, the vocabulary, what threads gather

// Values of a network of pictures, which has so many tokens, on a plan's device, and its work; 0: it failed.
size_t udm_need_values(const udm_network *network, int tokens, int width, int height, double *work, udm_error *error);

// Half of an autoencoder, for so many latents.
bool udm_need_of_half(const udm_text_part *part, bool encodes, udm_device *device, int width, int height, udm_need *to,
                      udm_error *error);

// A text tower; its values are those of so many tokens, and its tables, which are floats. 0: as many as it has.
bool udm_need_of_text(const udm_text_part *part, const char *class, udm_device *device, int tokens, udm_need *to,
                      udm_error *error);

// Parts that stay open side by side.
typedef struct udm_needs {
    uint64_t rest;           // what is no part
    size_t weights, largest; // of all parts, and the largest of any
    size_t kept, passing;    // values that are there all the time, and the most that come and go
} udm_needs;

void udm_needs_keep(udm_needs *needs, const udm_need *part); // whose values stay,
void udm_needs_pass(udm_needs *needs, const udm_need *part); // or come and go, in the smallest tiles

uint64_t udm_needs_least(const udm_needs *needs); // weights in a file
uint64_t udm_needs_all(const udm_needs *needs);   // ... or all in memory

// Keeps what is opened on the device from now on within `total`, and says how much may come and go. what: "a picture",
// of width x height. Errors: SETTINGS, which names the least; UNSUPPORTED, of a device without such a limit.
bool udm_needs_limit(const udm_needs *needs, udm_device *device, size_t total, const char *what, int width, int height,
                     size_t *passing, udm_error *error);

// That a model cannot have any.
bool udm_needs_device(const udm_device *device, udm_error *error);

#endif
