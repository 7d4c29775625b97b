// SPDX-License-Identifier: LGPL-2.1-or-later
// What painters of all kinds share: settings, prompts that are kept, and the loop of a network that draws. A kind of
// pipeline is a file in pipelines/ with a const udm_painter_kind, an extern below and a line in painter_kind_of() of
// paint.c.
#ifndef UDM_API_PAINTER_H
#define UDM_API_PAINTER_H

#include "api/settings.h"
#include "runner/tiling.h"

enum { UDM_KEPT_PROMPTS = 8 };

// The embedding of a prompt.
typedef struct udm_kept_prompt {
    char *text, *negative; // NULL: there is none
    double guidance;
    int steps;
    uint64_t used; // when
    float *embedding;
} udm_kept_prompt;

typedef struct udm_painter_kind {
    const char *name;
    double guidance; // of a painting, where nothing is said
    // Fills all that is marked so in udm_painter, and opens what is its own. settings.width and height may be 0.
    bool (*open)(udm_painter *painter, const udm_model *model, udm_error *error);
    void (*close)(udm_painter *painter); // also of one that failed to open
    bool (*read)(udm_painter *painter, const udm_prompting *prompting, float *embedding, udm_error *error);
    // planes: [3, height, width]; NULL: it sees no pictures
    bool (*look)(udm_painter *painter, const float *planes, int width, int height, float *embedding, udm_error *error);
    bool (*paint)(udm_painter *painter, const udm_painting *painting, float *planes, udm_error *error);
} udm_painter_kind;

extern const udm_painter_kind udm_painter_unclip, udm_painter_latent;

// udm_model_info() of latent diffusion: every file is checked, and nothing is computed.
bool udm_latent_info(const udm_model *model, udm_info *info, udm_error *error);

struct udm_painter {
    udm_settings settings;
    const udm_painter_kind *kind;
    void *own; // the kind's
    const udm_scheduler *scheduler;
    udm_noise own_noise; // where settings.schedule is not the model's
    const udm_noise *noise;
    udm_device *device;   // the kind's open() opens it
    int size;             // of an embedding; ...
    int channels;         // of what is drawn; ...
    int width, height;    // ...
    udm_network *network; // NULL until udm_painter_open_network()
    udm_tiling *tiles;
    udm_tiling *untold_tiles; // what is told and what is not have graphs of their own, in the same
    udm_workspace *workspace; // memory, where they have different numbers of tokens, which are
    int seen[2];              // told, and not; 0: all. Otherwise NULL
    udm_loop *loop;
    double start;                   // the time where pictures begin
    int steps, more_steps;          // of them, and what comes afterwards, for udm_painting.progress
    size_t pixels, elements;        // of what is drawn
    float *memory;                  // all of the following
    float *output, *untold, *times; // the network's output, with and without; [pixels]
    float *x;                       // what is being drawn, [elements]
    udm_kept_prompt kept[UDM_KEPT_PROMPTS];
    uint64_t clock;
    const udm_painting *painting;           // the one that is being drawn,
    const float *told, *untaught, *context; // and with what: conditions, and udm_network_input.context
    double guidance;                        // 1: none
    bool warned;                            // that another device took over was logged
    atomic_bool cancelled;
    udm_stats stats;
};

// The network, where it is not open yet; and its end.
bool udm_painter_open_network(udm_painter *painter, const udm_model *model, udm_error *error);
void udm_painter_close_network(udm_painter *painter);

// The loop, and memory for what is drawn; once a kind has said how large that is, and how many values the network's
// output has for each of a pixel's.
bool udm_painter_open_loop(udm_painter *painter, const udm_model *model, int outputs, udm_error *error);

// As many steps of the whole way from now on; udm_painter_skip() comes next.
void udm_painter_set_steps(udm_painter *painter, int steps);

// With fewer steps, the last ones of all: from then on the start is where those begin.
bool udm_painter_skip(udm_painter *painter, const udm_model *model, int skipped, udm_error *error);

// Noise, or that of the painting, into `out` [elements]; and what x is at the start, where it is noise alone.
void udm_painter_noise(const udm_painter *painter, const udm_painting *painting, float *out);
double udm_painter_first_noise(const udm_painter *painter);

// Draws painter->x, which has what it begins with, by what the fields above say.
bool udm_painter_draw(udm_painter *painter, const udm_painting *painting, udm_error *error);

#endif
