// SPDX-License-Identifier: LGPL-2.1-or-later
// UNet2DModel and UNet2DConditionModel of diffusers, and UNetMotionModel and UNet3DConditionModel, which are that over
// the frames of a film, with layers along time between: their config, and their layers as a list of steps. The second
// is conditioned on the embedding of a picture, as Kandinsky 2.2's decoder is: it is added to the embedding of the
// time, and, as tokens, joins the keys and values of attention; on that and a text, as Kandinsky 2.1's and Karlo's; or
// on the tokens of a text, as Stable Diffusion is.
#ifndef UDM_NETWORK_UNET2D_H
#define UDM_NETWORK_UNET2D_H

#include "network/cross.h"
#include "network/network.h"

enum { UDM_UNET2D_LEVELS = 8, UDM_UNET2D_LAYERS = 16 };
enum { UDM_ENTRY_HEADS = 8 }; // of the transformer along time before all

// The blocks of one resolution, on one way.
typedef struct udm_unet2d_block {
    bool attends; // after each residual block
    bool resnet;  // the resolution is changed by a residual block, not by a convolution
} udm_unet2d_block;

// What stands between the layers of a frame: nothing; after the transformer of a block, one along time (AnimateDiff,
// Guo et al. 2023); or, after each residual block, convolutions along time, and such a transformer (ModelScope, Wang et
// al. 2023), and one before all of it; or, after each residual block, one convolution along time, and after each
// attention one along time (Make-A-Video, Singer et al. 2022), the frame rate being a condition: a network of ours.
typedef enum udm_unet2d_time {
    UDM_TIME_NONE,
    UDM_TIME_MOTION,
    UDM_TIME_CONVOLUTIONS,
    UDM_TIME_PSEUDO3D
} udm_unet2d_time;

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
    int own_tokens;                             // that the embedding of a picture becomes
    bool told_apart;                            // by another model, as Karlo's decoder is
    int text_tokens;                            // of a text
    int token_width;                            // values of each token
    int context;                                // planes that are shown beside the frame, as of a hole and its rest
    int guidance;                               // values of the embedding of a guidance scale; 0: it knows none
    int heads[UDM_UNET2D_LEVELS], cross_layers; // of the transformers that see the tokens of a text
    int mid_cross_layers;                       // ... in the middle
    bool cross_linear;                          // udm_cross.linear
    udm_unet2d_time time;
    int time_heads[UDM_UNET2D_LEVELS], time_layers, mid_time_layers; // of the transformers along time
    int time_positions;                                              // udm_cross.positions
    bool mid_time;                                                   // there is one in the middle, too
    int frames, time_window;                                         // of a film; to either side, that attention sees
    int entry_width;                                                 // of the one before all; 0: there is none
} udm_unet2d_config;

// False with *error, which names the key, where something that changes the maths is not implemented (UNSUPPORTED).
bool udm_unet2d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error);

typedef enum udm_unet2d_kind {
    UDM_STEP_RESNET,
    UDM_STEP_ATTENTION,
    UDM_STEP_CROSS,
    UDM_STEP_DOWNSAMPLE,
    UDM_STEP_UPSAMPLE,
    UDM_STEP_FRAMES,              // a transformer along time
    UDM_STEP_FRAMES_CONVOLUTIONS, // four along time, each after its normalisation
    UDM_STEP_TAPS,                // one along time
    UDM_STEP_TURNS                // attention along time, whose queries and keys are turned by the frame's place
} udm_unet2d_kind;

typedef struct udm_unet2d_step {
    udm_unet2d_kind kind;
    bool push, pop; // the result is kept for the way up; what was kept last is read beside x
    // Resnet: conv1, conv2, conv_shortcut. Attention: to_q, to_k, to_v, to_out, add_k_proj, add_v_proj. Otherwise the
    // one convolution.
    udm_layer layers[6];
    udm_norm_layer norms[4];
    udm_cross cross;
    int halvings; // of its resolution
    int resample; // of a resnet: 1 to twice the size, -1 to half of it
    int first;    // of a resnet: where its channels of the projected embedding begin
    int heads;
    udm_layer *turned; // of attention along time, in place of to_q and to_k: those of frame f at 2 f and 2 f + 1
    int turned_count;
} udm_unet2d_step;

// The layers that embeddings go through once, on the processor: a product each, and a normalisation of what comes out
// where there is a gamma.
typedef struct udm_unet2d_linear {
    float *weight, *bias, *gamma, *beta;
} udm_unet2d_linear;

// tokens: the picture's embedding to all of its tokens; words: each token of the text; picture, text: embeddings, to
// what is added to that of the time. Without a text there are no words. rate: of the frame rate, two layers, where
// there is time.
typedef struct udm_unet2d_told {
    udm_unet2d_linear tokens, words, picture, text, rate[2];
    float *nothing; // udm_network.nothing
} udm_unet2d_told;

typedef struct udm_unet2d {
    udm_network base;
    udm_unet2d_config config;
    float *frequencies; // of the Fourier embedding
    float *guidance;    // [times, config.guidance]: what a guidance scale adds to the embedding of the time
    udm_layer conv_in, conv_out, time[2];
    udm_layer project; // the embedding, for all resnets at once
    udm_unet2d_told told;
    udm_norm_layer norm_out;
    udm_unet2d_step *steps;
    int count;
    const udm_weights *motion;       // where the layers along time are; NULL: with the others
    const udm_weights *told_weights; // where those of the embedding are, likewise
} udm_unet2d;

// What flows through the network while a frame of it is unfolded.
typedef struct udm_unet2d_flow {
    udm_graph *graph;
    const udm_unet2d *net;
    udm_value embedding; // all residual blocks' share of it
    udm_value tokens;
    udm_value *kept; // [net->count + 1], for the way up
    int held;
} udm_unet2d_flow;

// A step that is not along time; both keep and take what the step says.
udm_value udm_unet2d_build_step(udm_unet2d_flow *at, const udm_unet2d_step *step, udm_value x);
void udm_unet2d_keep(udm_unet2d_flow *at, const udm_unet2d_step *step, udm_value x);

// A network of which the config was read; others: weights beside its own.
udm_network *udm_unet2d_open(const udm_network_class *class, const udm_unet2d_config *config,
                             const udm_weights *weights, const udm_adapter *others, udm_device *device,
                             udm_error *error);
udm_network *udm_unet2d_open_adapted(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                                     udm_device *device, udm_error *error);
udm_network *udm_unet2d_open_told(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                                  udm_device *device, udm_error *error);
// Frees the layers, and the network.
void udm_unet2d_free(udm_network *network);
// The values of the port `time`.
void udm_unet2d_embed_time(const udm_unet2d *net, double timestep, float *out);

// For a UNet2DConditionModel; told: of a UnCLIPTextProjModel, or NULL. Keys that are not implemented are errors that
// name them.
bool udm_unet2d_condition_config_read(udm_unet2d_config *to, const udm_config *config, const udm_config *told,
                                      udm_error *error);

// For a UNetMotionModel, a UNet3DConditionModel, and a UNet2DConditionModel that the motion modules of a MotionAdapter
// are inserted into; to: of that, already read.
bool udm_unet2d_motion_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error);
bool udm_unet2d_3d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error);
bool udm_unet2d_adapter_config_read(udm_unet2d_config *to, const udm_config *adapter, udm_error *error);
bool udm_unet2d_pseudo3d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error);

// For all: UNSUPPORTED, with the key and its value; a word that must be one of two, into *second; sample_size, a
// number or two, height and width.
bool udm_unet2d_fail_value(const udm_config *config, const char *key, const char *value, udm_error *error);
bool udm_unet2d_read_choice(const udm_config *config, const char *key, const char *first, const char *other,
                            bool *second, udm_error *error);
bool udm_unet2d_read_sample(udm_unet2d_config *to, const udm_config *config, udm_error *error);
// UNSUPPORTED unless a key is false, or this number, or null.
bool udm_unet2d_read_off(const udm_config *config, const char *key, udm_error *error);
bool udm_unet2d_read_number(const udm_config *config, const char *key, double number, udm_error *error);
bool udm_unet2d_read_null(const udm_config *config, const char *key, udm_error *error);
// One number for all resolutions, or one for each.
bool udm_unet2d_read_each(const udm_unet2d_config *to, const udm_config *config, const char *key, int *values,
                          udm_error *error);
// down_block_types or up_block_types; names: of blocks that do not attend, and that do.
bool udm_unet2d_read_way(const udm_config *config, const char *key, const char *const names[2], bool resnet,
                         udm_unet2d_block *blocks, int levels, udm_error *error);

int udm_unet2d_tokens(const udm_unet2d_config *config); // of its port `tokens`
bool udm_unet2d_told_read(udm_unet2d *net, const udm_weights *weights, udm_error *error);
void udm_unet2d_told_clear(udm_unet2d_told *told);
void udm_unet2d_told_embed(const udm_network *network, const float *embedding, float *condition);
void udm_unet2d_told_rate(const udm_network *network, double rate, float *condition);

// Reads all layers, as config says.
bool udm_unet2d_weights_read(udm_unet2d *net, const udm_weights *weights, udm_error *error);

#endif
