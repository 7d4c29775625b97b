// SPDX-License-Identifier: LGPL-2.1-or-later
// UNet2DModel and UNet2DConditionModel of diffusers: their config, and their layers as a list of steps. The second is
// conditioned on the embedding of a picture, as Kandinsky 2.2's decoder is: it is added to the embedding of the time,
// and, as tokens, joins the keys and values of attention; on that and a text, as Kandinsky 2.1's; or on the tokens of a
// text, as Stable Diffusion is.
#ifndef UDM_NETWORK_UNET2D_H
#define UDM_NETWORK_UNET2D_H

#include "network/cross.h"
#include "network/network.h"

enum { UDM_UNET2D_LEVELS = 8, UDM_UNET2D_LAYERS = 16 };

// The blocks of one resolution, on one way.
typedef struct udm_unet2d_block {
    bool attends; // after each residual block
    bool resnet;  // the resolution is changed by a residual block, not by a convolution
} udm_unet2d_block;

typedef struct udm_unet2d_config {
    int channels;                    // of a frame
    bool spreads;                    // out_channels are twice as many
    int sample_width, sample_height; // 0: not said
    int levels, width[UDM_UNET2D_LEVELS], layers;
    udm_unet2d_block down[UDM_UNET2D_LEVELS], up[UDM_UNET2D_LEVELS]; // in the order in which they are run
    bool mid, mid_attends;
    int head;                     // channels of an attention head; 0: all are one
    int groups, attention_groups; // of normalisations, and of that of the attention in the middle; 0: it has none
    double eps;
    int downsample_padding;
    udm_embedding time_embedding; // how a residual block takes the time in
    bool fourier, cosine_first;
    double frequency_shift;
    int time_width;                             // of the embedding of the time
    int classes;                                // 0: no class
    int null_class;                             // the one that stands for no class; -1: none does
    bool conditioned;                           // it is a UNet2DConditionModel
    int patch;                                  // squares of patch x patch pixels are its channels: a key of ours
    udm_embedding_shape told;                   // picture: 0: the tokens are those of a text
    int text_tokens;                            // of a text
    int token_width;                            // values of each token
    int heads[UDM_UNET2D_LEVELS], cross_layers; // of the transformers that see the tokens of a text
    bool cross_linear;                          // udm_cross.linear
} udm_unet2d_config;

// False with *error, which names the key, where something that changes the maths is not implemented (UNSUPPORTED).
bool udm_unet2d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error);

typedef enum udm_unet2d_kind {
    UDM_STEP_RESNET,
    UDM_STEP_ATTENTION,
    UDM_STEP_CROSS,
    UDM_STEP_DOWNSAMPLE,
    UDM_STEP_UPSAMPLE
} udm_unet2d_kind;

typedef struct udm_unet2d_step {
    udm_unet2d_kind kind;
    bool push, pop; // the result is kept for the way up; what was kept last is read beside x
    // Resnet: conv1, conv2, conv_shortcut. Attention: to_q, to_k, to_v, to_out, add_k_proj, add_v_proj. Otherwise the
    // one convolution.
    udm_layer layers[6];
    udm_norm_layer norms[2];
    udm_cross cross;
    int resample; // of a resnet: 1 to twice the size, -1 to half of it
    int first;    // of a resnet: where its channels of the projected embedding begin
    int heads;
} udm_unet2d_step;

// The layers that embeddings go through once, on the processor: a product each, and a normalisation of what comes out
// where there is a gamma.
typedef struct udm_unet2d_linear {
    float *weight, *bias, *gamma, *beta;
} udm_unet2d_linear;

// tokens: the picture's embedding to all of its tokens; words: each token of the text; picture, text: embeddings, to
// what is added to that of the time. Without a text there are no words.
typedef struct udm_unet2d_told {
    udm_unet2d_linear tokens, words, picture, text;
} udm_unet2d_told;

typedef struct udm_unet2d {
    udm_network base;
    udm_unet2d_config config;
    float *frequencies; // of the Fourier embedding
    udm_layer conv_in, conv_out, time[2];
    udm_layer project; // the embedding, for all resnets at once
    udm_unet2d_told told;
    udm_norm_layer norm_out;
    udm_unet2d_step *steps;
    int count;
} udm_unet2d;

// For a UNet2DConditionModel. Keys that are not implemented are errors that name them.
bool udm_unet2d_condition_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error);

// For both: UNSUPPORTED, with the key and its value; a word that must be one of two, into *second; sample_size, a
// number or two, height and width.
bool udm_unet2d_fail_value(const udm_config *config, const char *key, const char *value, udm_error *error);
bool udm_unet2d_read_choice(const udm_config *config, const char *key, const char *first, const char *other,
                            bool *second, udm_error *error);
bool udm_unet2d_read_sample(udm_unet2d_config *to, const udm_config *config, udm_error *error);

int udm_unet2d_tokens(const udm_unet2d_config *config); // of its port `tokens`
bool udm_unet2d_told_read(udm_unet2d *net, const udm_weights *weights, udm_error *error);
void udm_unet2d_told_clear(udm_unet2d_told *told);
void udm_unet2d_told_embed(const udm_network *network, const float *embedding, float *condition);

// Reads all layers, as config says.
bool udm_unet2d_weights_read(udm_unet2d *net, const udm_weights *weights, udm_error *error);

#endif
