// SPDX-License-Identifier: LGPL-2.1-or-later
// A network unfolded for one size: a list of operations on values, whose memory is planned once. While it runs, nothing
// is allocated. Building is a list of calls with no error plumbing: the first fault is kept and reported by
// udm_graph_plan().
#ifndef UDM_NETWORK_GRAPH_H
#define UDM_NETWORK_GRAPH_H

#include <stdatomic.h>
#include <stdint.h>

#include "backend/backend.h"
#include "network/layer.h"

typedef struct udm_graph udm_graph;
typedef int udm_value; // names a tensor of the graph

enum { UDM_NO_VALUE = -1 };

// The inputs and the output of a network; planar where nothing else is said. Those that no operation reads have no
// place in the arena.
typedef struct udm_graph_ports {
    udm_value frame, level, predicted, predicted_level; // [C, H, W], [1, H, W], [C, H, W], [1, H, W]
    udm_value time, label;                              // [times, 1, 1], [labels, 1, 1], features; none where that is 0
    udm_value tokens;                                   // [token_width, 1, tokens], likewise
    udm_value output;                                   // [outputs, H, W]
} udm_graph_ports;

typedef struct udm_graph_size {
    int channels, outputs; // of a frame; as many, or more where the output is more than the frame
    int times, labels;     // values of the frame's time and class
    int tokens, token_width;
    int width, height;
    int patch; // 0 is 1; otherwise frame and output are [C patch patch, H / patch, W / patch]
} udm_graph_size;

// size: of its ports; all 0: it has none.
udm_graph *udm_graph_new(udm_device *device, udm_graph_size size, udm_error *error);
void udm_graph_free(udm_graph *graph); // NULL is fine

const udm_graph_ports *udm_graph_get_ports(const udm_graph *graph);
bool udm_graph_reads(const udm_graph *graph, udm_value port); // false for a port that nothing reads, or none

// For networks with other inputs and outputs than ports: features that are uploaded, and zero until they are; and
// values that are still there when the graph was run. The nth of each, counted from 0 as they were added.
udm_value udm_graph_input(udm_graph *graph, udm_shape shape);
void udm_graph_keep(udm_graph *graph, udm_value x);
udm_value udm_graph_nth_input(const udm_graph *graph, int n);
udm_value udm_graph_nth_kept(const udm_graph *graph, int n);
int udm_graph_count_inputs(const udm_graph *graph);
int udm_graph_count_kept(const udm_graph *graph);

// Operations of backend.h; each returns the value that it writes.
udm_value udm_graph_observe(udm_graph *graph, int patch);
udm_value udm_graph_conv(udm_graph *graph, const udm_layer *layer, udm_value x, udm_value residual,
                         udm_activation activation);
// x: `count` values that are read as one, as many as the layer has sources
udm_value udm_graph_conv_all(udm_graph *graph, const udm_layer *layer, const udm_value *x, int count,
                             udm_value residual, udm_activation activation);
// vector: of the embedding, or none; the layer takes its channels from `first` on
udm_value udm_graph_norm(udm_graph *graph, const udm_norm_layer *layer, const udm_value *x, int count,
                         udm_embedding embedding, udm_value vector, int first, udm_activation activation);
udm_value udm_graph_attention(udm_graph *graph, udm_value query, udm_value key, udm_value value, int heads);
// ... of which each pixel sees those up to itself
udm_value udm_graph_attention_causal(udm_graph *graph, udm_value query, udm_value key, udm_value value, int heads);
// of each pixel over its channels, whose layer has one group
udm_value udm_graph_layer_norm(udm_graph *graph, const udm_norm_layer *layer, udm_value x);
// the pixels of `count` values, at most UDM_MAX_FRAMES, as those of one, [C, 1, pixels]; and of those of one, `pixels`
// from `first` on, or as many as a shape has
udm_value udm_graph_join(udm_graph *graph, const udm_value *x, int count);
udm_value udm_graph_pick(udm_graph *graph, udm_value x, int first, int pixels);
udm_value udm_graph_pick_shape(udm_graph *graph, udm_value x, int first, udm_shape shape);
udm_shape udm_graph_shape(const udm_graph *graph, udm_value x); // all 0 for none
// over `frames` values of each, at each pixel by itself
udm_value udm_graph_attend_frames(udm_graph *graph, udm_value query, const udm_value *key, const udm_value *value,
                                  int frames, int heads);
udm_value udm_graph_multiply(udm_graph *graph, udm_value a, udm_value b); // value by value
udm_value udm_graph_enlarge(udm_graph *graph, udm_value x);               // to twice the size
udm_value udm_graph_halve(udm_graph *graph, udm_value x);
udm_value udm_graph_frame(udm_graph *graph);          // the frame as features
void udm_graph_output(udm_graph *graph, udm_value x); // writes the output
udm_value udm_graph_shuffle_add(udm_graph *graph, udm_value x, udm_value addend);
void udm_graph_restore(udm_graph *graph, udm_value correction, int patch); // writes the output

// x + layer(x two frames back, x one frame back, x): a causal convolution along time (Make-A-Video, Singer et al. 2022,
// section 3.2), with state. Frames before the first are zero.
udm_value udm_graph_temporal(udm_graph *graph, const udm_layer *layer, udm_value x);

// Keeps what lies between operations in bf16 where the device has it: of a graph of convolutions, observe, restore and
// shuffle_add alone.
void udm_graph_use_halves(udm_graph *graph);

// Gives every value its place. Errors: whatever went wrong in building, MEMORY.
bool udm_graph_plan(udm_graph *graph, udm_error *error);
size_t udm_graph_arena_bytes(const udm_graph *graph); // for the values
// Whether that is at most `limit`, and no value is more than the device takes in one piece.
bool udm_graph_fits(const udm_graph *graph, size_t limit);
udm_memory *udm_graph_alloc(const udm_graph *graph, udm_error *error); // an arena; the caller frees it
double udm_graph_work(const udm_graph *graph); // multiply-adds of a run, in convolutions and attention over pixels
size_t udm_graph_state_bytes(const udm_graph *graph); // for what one stream carries from frame to frame; may be 0

// The tensor of a port in `arena`.
udm_tensor udm_graph_tensor(const udm_graph *graph, udm_value value, udm_memory *arena);

// Whether its frame and prediction are only observed, and nothing but what is restored comes out: then they may lie
// elsewhere (udm_graph_outside).
bool udm_graph_only_observes(const udm_graph *graph);

// A frame, its prediction and what is restored, as planes of the caller's on a device that `mirrors`, instead of those
// of the arena.
typedef struct udm_graph_outside {
    udm_observation seen;
    udm_tensor output;
} udm_graph_outside;

// Runs frame number `frame` of a stream (counted from 0 since its state was cleared). It may be run again, for instance
// after it was cancelled. Polls *cancel (which may be NULL) before every operation. False on CANCELLED.
bool udm_graph_run(const udm_graph *graph, udm_memory *arena, udm_memory *state, uint64_t frame,
                   const udm_graph_outside *outside, const atomic_bool *cancel, udm_error *error);

#endif
