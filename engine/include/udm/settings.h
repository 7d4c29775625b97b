// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * The settings that every object is opened with, and its statistics.
 */
#ifndef UDM_SETTINGS_H
#define UDM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"
#include "udm/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A guidance scale of models that know text: 3 of a decoder of embeddings, 8 of Karlo's, 7.5 of latent
    diffusion. */
#define UDM_GUIDANCE_USUAL (-1.0)

enum {
    UDM_LOOKAHEAD_AUTO = -1,
    UDM_LOOKAHEAD_USUAL = 2, /**< what AUTO is with a temporal filter: most of the gain */
    UDM_MAX_LOOKAHEAD = 8,
    UDM_MAX_ENSEMBLE = 8,
    UDM_MAX_STEPS = 1000,
    UDM_MAX_THREADS = 256
};

/**
 * Start with udm_settings_init(), then change what you care about. Strings need only live until the call that is given
 * the settings returns.
 */
typedef struct udm_settings {
    size_t size;       /**< of this struct, as passed to udm_settings_init(): later versions add fields at the end */
    int width, height; /**< of frames, in pixels: 1 to 65536 */
    int channels;      /**< of frames: 1 (grey) or 3; default 3 */
    const char
        *device; /**< "auto" (default), "cpu", ...: udm_list_devices(). If what "auto" chose fails, "cpu" goes on.
                    "cpu:sse2", "cpu:avx2" and "cpu:avx512" limit all code of the object to that instruction set */
    const char *precision; /**< "f32" (default), "bf16", "f16" or "auto": udm_list_precisions() */
    int threads;           /**< 1 to #UDM_MAX_THREADS; 0 (default): one for each processor that the process may use, by
                                its affinity and the quota of its container */
    int steps;             /**< of the sampler, 1 to #UDM_MAX_STEPS; 1 (default) gives the posterior mean */
    const char *sampler;   /**< "model" (default), that of its scheduler, or one of udm_list_samplers() */
    const char *schedule;  /**< "model" (default), or one of udm_list_schedules(): how the noise falls with time */
    const char *spacing;   /**< "model" (default), or one of udm_list_spacings(): at which timesteps the steps stand */
    int class_label;       /**< the class that a class-conditional model is conditioned on; -1 (default): none */
    uint64_t seed;         /**< of all noise that is drawn; default 0 */
    int lookahead;         /**< frames held back, so that each is restored with as many that follow it; 0 to
                                #UDM_MAX_LOOKAHEAD, or #UDM_LOOKAHEAD_AUTO (default): 2 where the model has a temporal
                                filter, and none where it has none. Live sources want 0 */
    int ensemble;         /**< views of a frame, mirrored and rotated, whose estimates are averaged; each costs a run of
                               the network. 1 (default) to #UDM_MAX_ENSEMBLE. Lim et al. 2017, section 3.3 */
    size_t memory_limit;  /**< bytes for the activations of a frame; larger frames are computed in tiles. 0 (default):
                               1 GiB */
    udm_log_callback log; /**< NULL (default), or receives messages */
    void *log_context;    /**< passed to it */
    bool scenes_given;    /**< of a restorer: scenes begin where udm_frame.discontinuity says so, and nowhere else,
                               instead of being looked for; default false. See udm/analyse.h */
    bool alpha;           /**< whether frames between frames have alpha; false (default) */
    /**
     * Of a restorer whose model removes noise, from 0 (default), not at all, to 1: how faint is what counts as dirt on
     * film, or as a dropout of tape: what the frames before and after agree on along motion, and the frame contradicts.
     * It is filled from them before noise is looked at. Thin upright lines from top to bottom, which scratches are, are
     * taken off what is below them. Holds back a frame more.
     */
    double dirt;
    double deflicker; /**< how much of what flickers is taken out of the light, of the whole picture and of its parts:
                           0 (default), none, to 1; fades and flashes stay. Holds back eight frames */
    double stabilize_gate; /**< how much of what weaves is taken out of the place of the picture, as in the gate of a
                                projector: 0 (default), none, to 1; pans stay. Borders are filled from other frames.
                                Holds back the same eight frames */
    size_t total_memory;   /**< of a painter, or a generator of films of latents, on the processor: bytes that all of it
                                is to stay below; parts then take turns, and weights lie in a file in TMPDIR, or
                                /var/tmp. Too little is an error that names the least, and where nothing follows it, it
                                is one, too. 0 (default): no limit */
} udm_settings;

/**
 * Fills in the defaults; width and height are left at 0.
 * @param size sizeof *settings, so that a program that was compiled with an older header still runs
 */
UDM_API void udm_settings_init(udm_settings *settings, size_t size);

/**
 * Reads an amount of memory as people write it, for udm_settings.total_memory: a number of MiB, or one with a unit, M,
 * MiB, G or GiB, as in "1.5G"; the point is one whatever the locale.
 * @return false with SETTINGS if it is something else, or nothing
 */
UDM_API bool udm_memory_parse(const char *text, size_t *bytes, udm_error *error);

/** What a restorer, interpolator or generator has done so far. */
typedef struct udm_stats {
    uint64_t frames;         /**< that came out */
    uint64_t scenes;         /**< that began */
    double sigma;            /**< standard deviation of the noise in the last frame, 0-255 scale, given or estimated; 0
                                  where what was undone is not noise */
    double last_ms, mean_ms; /**< wall-clock time of a frame */
    size_t memory;           /**< bytes for state and activations */
    int tiles;               /**< that a frame is computed in */
    char device[128];        /**< the one in use, for people */
    char warning[704]; /**< why "auto" uses another device than it would, or why nothing is restored, for people; or
                          empty */
    /**
     * Of the estimated noise of the last frame: its standard deviation in luma, Y of BT.601, and in chroma, Cb and Cr,
     * all from 0 to 255 as the planes of RGB are. White noise of sigma s in R, G and B has 0.67 s and 0.64 s. 0 where
     * nothing was measured: the level was given, no expert had to be chosen by it, and no network is told that of
     * chroma.
     */
    double luma_sigma, chroma_sigma;
    double whiteness;  /**< of it: 1 if it is white over pixels and colours, towards 0 if it is coarse grain, or of luma
                            or chroma alone */
    double confidence; /**< in it, 0 to 1: how much of the pictures so far bears witness to it */
    char reason[96];   /**< why an estimated sigma is 0, for people; or empty */
    double dirt;       /**< share of the pixels so far that were dirt, 0 to 1 */
    double flicker;    /**< how much the light was changed so far, in the mean: 0.1 is a tenth up or down */
    double weave;      /**< by how many pixels frames were moved so far, in the mean */
} udm_stats;

#ifdef __cplusplus
}
#endif
#endif
