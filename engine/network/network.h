// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks: built from a config, packed for a device, and unfolded into a graph for a size. To add one: a file
// network/NAME.c with a const udm_network_class, an extern below and a line in network.c.
#ifndef UDM_NETWORK_NETWORK_H
#define UDM_NETWORK_NETWORK_H

#include <stdint.h>

#include "backend/backend.h"
#include "model/config.h"
#include "model/weights.h"
#include "network/graph.h"

typedef struct udm_network udm_network;

// A network that makes video looks at a window of frames at once: an anchor, some that are known, and some in the
// making.
typedef struct udm_window_shape {
    int frames;        // of the window, the anchor among them; 0: the network restores frames, and makes none
    int context;       // frames after the anchor that are known
    int width, height; // of the frames
    int patch;         // squares of patch * patch pixels are shown as channels
    int classes;       // of what it makes
} udm_window_shape;

// What the frames of a window are.
typedef struct udm_window_state {
    float levels[UDM_MAX_FRAMES]; // of their noise
    int classes[UDM_MAX_FRAMES];  // -1: none
    double rate;                  // frames a second
    bool recalls;                 // what the known frames came to is taken from the last run that was without this
} udm_window_state;

// A network that makes films, of latents: all frames at once, each of which may stand at a time of its own.
typedef struct udm_film_shape {
    int frames;        // at most network.frames
    int texts, tokens; // one text for all frames, or one for each; tokens of each
    int width, height; // of the frames
} udm_film_shape;

typedef struct udm_network_class {
    const char *name; // _class_name in config.json
    udm_network *(*open)(const udm_config *config, const udm_weights *weights, udm_device *device, udm_error *error);
    void (*free)(udm_network *network);
    // For networks that are conditioned on the time or class of a frame, NULL for others: fills the values of the ports
    // `time` and `label` (times, labels of them). timestep: on the scale the network was trained with. label: -1 for
    // none. *gain: what the output is to be multiplied by.
    bool (*condition)(const udm_network *network, double timestep, int label, float *time, float *hot, float *gain,
                      udm_error *error);
    // For networks that know the scale of the guidance that they were distilled with (network.guided), NULL for others:
    // adds what they make of it to the values of the port `time`.
    void (*guide)(const udm_network *network, double scale, float *time);
    // For networks that are conditioned on the embedding of a picture, NULL for others: what becomes of an embedding
    // [network.embedding]: the values of the port `label`, then those of `tokens`, [token_width, 1, tokens] with as
    // many of them as udm_network_seen_tokens() says.
    void (*embed)(const udm_network *network, const float *embedding, float *condition);
    // For networks of films at a rate, NULL for others: adds what frames a second make of the port `label` to what
    // `embed` filled in.
    void (*pace)(const udm_network *network, double rate, float *condition);
    // For networks that make video, NULL for others: fills the values that describe the frames (conditions of them).
    void (*describe)(const udm_network *network, const udm_window_state *state, float *conditions);
    // Adds the network to an empty graph whose inputs have the size width x height, a multiple of `stride`; NULL for
    // networks that make video.
    bool (*build)(const udm_network *network, udm_graph *graph, int width, int height, udm_error *error);
    // For networks that make video, NULL for others: adds an input for each frame of the window [C patch patch,
    // H / patch, W / patch], then one for the conditions [conditions, 1, 1], and keeps a value for each frame. What
    // layers along time read of the first `known` frames are memories: they are kept, too, before the others; or,
    // `recalled`, they are the last inputs, in the same order, and the known frames have no others and no output.
    bool (*build_window)(const udm_network *network, udm_graph *graph, int known, bool recalled, udm_error *error);
    // For networks that make films, NULL for others: adds an input for each frame [channels, height, width], one for
    // the values of their times, as `condition` fills them [times, 1, frames], one for each text [token_width, 1,
    // tokens], and `place_inputs` that do not change [places, 1, frames * pixels], where plane f is 1 at the pixels of
    // frame f; then, where there are labels, one of the values of their ports `label` [labels, 1, frames], and where
    // there is a context, one for that of each frame [context, height, width]. Those after them stay 0. Frames and
    // contexts are shown as patches. Keeps a value for each frame.
    bool (*build_frames)(const udm_network *network, udm_graph *graph, const udm_film_shape *shape, udm_error *error);
} udm_network_class;

enum { UDM_REACH_ALL = 65536 }; // more than any frame has

// What an embedding consists of: that of a picture, then, where `text` is not 0, that of a text, [text], and its
// tokens, [token_width, 1, tokens]; and, `counted`, how many of those are seen, the first ones. chunk: tokens that are
// read at once, the padding among them; where they are counted there is room for several.
typedef struct udm_embedding_shape {
    int picture, text, tokens, token_width;
    bool counted;
    int chunk;
} udm_embedding_shape;

enum { UDM_TOLD_CHUNKS = 6 };

// What a network is opened with besides its own weights: modules along time that are inserted into a network of frames,
// a MotionAdapter of diffusers; what makes its conditions of an embedding, a UnCLIPTextProjModel.
typedef struct udm_adapter {
    const udm_config *config;
    const udm_weights *weights;
    const udm_config *told_config;
    const udm_weights *told_weights;
} udm_adapter;

enum { UDM_USUAL_FRAMES = 16 }; // of a film, where a config says nothing of "frames"

// Every network starts with this.
struct udm_network {
    const udm_network_class *class;
    const udm_config *config; // what it was opened from: these two outlive it
    const udm_weights *parameters;
    udm_adapter adapter; // of NULLs where there is none; they outlive it, too
    udm_device *device;
    int channels;             // of a frame
    int times, labels;        // values of its ports `time` and `label`
    int tokens, token_width;  // of its port `tokens`; 0: none
    int embedding;            // values of the embedding that it is conditioned on, instead of a class; 0: none
    udm_embedding_shape told; // what those are
    const float *nothing;     // [told.picture], the embedding of no picture; NULL: zeros
    int patch;                // squares of patch x patch pixels are shown as channels, and come out so; 0 is 1
    int classes;              // that it can be conditioned on; one more label, if there is one, stands for none
    int width, height;        // of the pictures that it was trained on; 0: not in its config
    int frames;               // of a film that it takes at once, at most; 0: it makes none
    int places, place_inputs; // udm_network_class.build_frames
    udm_window_shape window;
    int conditions;       // values that describe the frames of the window
    int stride;           // width and height of the input must be multiples of it
    int reach;            // an output pixel depends on no input pixel farther away than this; UDM_REACH_ALL: on all
    bool uses_prediction; // it can be shown a prediction
    bool guided;          // it is told a guidance scale, and needs no other guidance
    bool halved;          // a preview, or a trust network beside one, that is shown frames of half the size
    bool spreads;         // as many planes again are the variance of the new noise of a step (ddpm_learned)
    bool predicts_log_variance; // the last plane of its output (UDM_LOG_VARIANCE_BIAS)
    int context;                // planes of its input, besides frame and prediction
    bool chroma_level;          // that is one plane, the level of the noise of chroma (udm_side_information)
    int mixes;                  // last planes of its output: the shares of other estimates than the prediction
    int memory_frames;          // ... and on no frame farther back than this
    double max_level;           // the highest noise level it was trained for, in (0, 1]
    int64_t weights;            // how many
};

// Where a network predicts the log-variance, the error of the prediction has the variance exp(o +
// UDM_LOG_VARIANCE_BIAS) beyond that of its level, o being the last plane; with the bias an untrained network predicts
// a deviation of some 6 of 255 grey levels. models/train/network.py has the same.
#define UDM_LOG_VARIANCE_BIAS (-6.0f)

// The deviation of Cb and Cr at half the size, of white noise of deviation 1 in red, green and blue.
#define UDM_WHITE_CHROMA 0.31

extern const udm_network_class udm_network_unet, udm_network_unet2d, udm_network_unet2d_condition, udm_network_pseudo3d,
    udm_network_motion, udm_network_3d, udm_network_pseudo3d_condition;

extern const udm_network_class *const udm_network_classes[]; // NULL-ended

int udm_network_outputs(const udm_network *network); // planes of its output: channels, and others
int udm_network_seen_tokens(const udm_network *network, const float *embedding); // at most network.tokens

// The device, config and weights must outlive the network. Where the device fails and has a stand-in, it opens there.
udm_network *udm_network_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                              udm_error *error);
void udm_network_free(udm_network *network); // NULL is fine

// A UNet2DConditionModel with the modules of an adapter, which is then as a UNetMotionModel.
udm_network *udm_network_open_adapted(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                                      udm_device *device, udm_error *error);

// The same network on another device; the caller frees both.
udm_network *udm_network_reopen(const udm_network *network, udm_device *device, udm_error *error);

#endif
