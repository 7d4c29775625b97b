// SPDX-License-Identifier: LGPL-2.1-or-later
// AutoencoderKL (Rombach et al. 2022, section 3.1) and AutoencoderTiny of diffusers: pictures to latents, which have
// fewer pixels and other channels, and back. Each half is a list of steps, and is opened by itself, as most uses need
// one of them.
#ifndef UDM_NETWORK_AUTOENCODER_H
#define UDM_NETWORK_AUTOENCODER_H

#include "model/config.h"
#include "network/graph.h"

enum { UDM_AUTOENCODER_LEVELS = 8 };

typedef enum udm_autoencoder_kind {
    UDM_CODE_CONV,      // layers[0]
    UDM_CODE_RESNET,    // norms[0], layers[0], norms[1], layers[1]; layers[2]: of the residual, or none
    UDM_CODE_ATTENTION, // norms[0], query, key, value, out
    UDM_CODE_ENLARGE,
    UDM_CODE_BLOCK, // of AutoencoderTiny: layers[0 to 2]; layers[3]: of the residual, or none
    UDM_CODE_POOL   // before such a block: layers[0], norms[0] over the whole picture, layers[1]
} udm_autoencoder_kind;

typedef struct udm_autoencoder_step {
    udm_autoencoder_kind kind;
    udm_layer layers[4];
    udm_norm_layer norms[2];
    udm_activation activation; // of a convolution
    bool normalised;           // before it: norms[0], with SiLU
} udm_autoencoder_step;

typedef struct udm_autoencoder {
    bool tiny, encodes;    // which class, and which half
    int channels, latents; // of a picture, and of what it becomes
    int scale;             // pixels for each latent, along a side
    double factor, shift;  // a diffusion model sees (latent - shift) factor
    bool moments;          // the encoder gives the mean of each latent, and as many logarithms of variances
    int reach;       // latents that a pixel depends on, on each side, but for normalisations over the whole picture
    bool global;     // it has such, so that tiles are not exact
    int64_t weights; // of the half
    udm_device *device;
    udm_autoencoder_step *steps;
    int count;
} udm_autoencoder;

// What config.json says of sizes, with no layers: for those who only plan. Keys that are not implemented are errors
// that name them.
bool udm_autoencoder_describe(udm_autoencoder *to, const udm_config *config, udm_error *error);

// The encoder, or else the decoder. The device must outlive it. Tensors of that half which nothing reads are errors
// that name them, and so are those of neither half.
udm_autoencoder *udm_autoencoder_open(const udm_config *config, const udm_weights *weights, bool encoder,
                                      udm_device *device, udm_error *error);
void udm_autoencoder_free(udm_autoencoder *half); // NULL is fine

// To an empty graph: input 0, a picture [channels, height, width] or latents [latents, height, width]; kept: latents
// (twice as many where they are moments), or a picture. `prepare` is what is done to values before, `finish` after.
bool udm_autoencoder_build(const udm_autoencoder *half, udm_graph *graph, int width, int height, udm_error *error);

// In place: a picture in [-1, 1], or latents as a diffusion model has them, to what the graph is shown; and what it
// keeps to the same.
void udm_autoencoder_prepare(const udm_autoencoder *half, size_t count, float *values);
void udm_autoencoder_finish(const udm_autoencoder *half, size_t count, float *values);

// For the files that read the layers of each class.
typedef struct udm_autoencoder_reader {
    udm_autoencoder *half;
    const udm_config *config;
    const udm_weights *weights;
    udm_error *error;
    int levels, width[UDM_AUTOENCODER_LEVELS], blocks[UDM_AUTOENCODER_LEVELS]; // from the picture to the latents
    int groups;
    bool attends, quantised, pooled;
} udm_autoencoder_reader;

bool udm_autoencoder_kl_config(udm_autoencoder_reader *from);
bool udm_autoencoder_kl_read(udm_autoencoder_reader *from);
bool udm_autoencoder_tiny_config(udm_autoencoder_reader *from);
bool udm_autoencoder_tiny_read(udm_autoencoder_reader *from);

udm_autoencoder_step *udm_autoencoder_add(udm_autoencoder_reader *from, udm_autoencoder_kind kind); // NULL: no memory
// A convolution; bias: whether it has one. Where step is NULL it fails.
bool udm_autoencoder_conv(udm_autoencoder_reader *from, udm_layer *layer, udm_conv_spec spec, bool bias,
                          const char *name);
udm_conv_spec udm_autoencoder_spec(int in, int out, int size);

#endif
