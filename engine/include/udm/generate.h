// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Video without end, from noise. A frame is a function of its number, the settings (but not of the threads) and the
 * parameters of the frames of its scene.
 */
#ifndef UDM_GENERATE_H
#define UDM_GENERATE_H

#include "udm/image.h"
#include "udm/model.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Parameters of one frame. */
typedef struct udm_frame_params {
    int class_label; /**< of the model's classes; any other, such as -1 (default): one that is drawn for the scene */
    double guidance; /**< scale of classifier-free guidance (Ho and Salimans 2022): 1 (default) is the conditional
                          estimate, 0 the unconditional one; others evaluate both. #UDM_GUIDANCE_USUAL: with models
                          that know text, what is usual with them */
    double rescale;  /**< 0 (default) to 1: how much of the contrast that this adds is taken back (Lin et al. 2023) */
    /**
     * Of models that know text: what is to be seen, and what not; NULL (default) is "". In UTF-8. Lines "FRAME: text"
     * say what is to be seen at those frames, and between them what lies between. They must live until the next call of
     * udm_generation.frame_params, or the end of udm_generator_make().
     */
    const char *prompt, *negative_prompt;
} udm_frame_params;

/** Generation parameters. Start with udm_generation_init(). */
typedef struct udm_generation {
    size_t size;    /**< of this struct, as passed to udm_generation_init() */
    double rate;    /**< frames a second, 0.1 to 1000: how far things move from frame to frame; default 25 */
    uint64_t scene; /**< frames after which the video begins anew, which bounds what jumping to a frame costs; 0
                         (default): never */
    /**
     * The last frames of a clip from which the first scene goes on, the last of them being the one before frame 0, or a
     * picture; of the model's own size and channels (udm_info), at `rate` frames a second. As many as the model's
     * window has frames are looked at. They are copied.
     */
    const udm_image *known;
    int known_count;        /**< 0 (default): nothing is known */
    bool residual_guidance; /**< the unconditional estimate is made once a frame, not once a step */
    bool keep_state;        /**< layers along time keep what they read of known frames until the next frame */
    bool preview;           /**< each step of each frame is a frame of its own: udm_generator_steps() */
    /**
     * NULL, or fills in the parameters of frame `number`; *params holds the defaults. Called from udm_generator_make(),
     * once for a frame each time it is computed, some frames ahead.
     */
    void (*frame_params)(void *context, uint64_t number, udm_frame_params *params);
    void *context; /**< passed to it */
    /**
     * NULL (default), or a picture that is to be resembled, of three channels and any size, with a model that knows
     * text: in place of the prompt, or where there is one, half of each. It is looked at when the generator is opened.
     */
    const udm_image *image;
    /**
     * Of models that make films of what a prompt says: frames that are drawn at once, to udm_info.frames; 0 (default):
     * 16, or as many as the model takes. Where a model fills in frames, it is those between which others are filled in.
     * The first quarter of all windows but the first are the last frames of the one before. And the noise that the
     * first one begins with, [channels, window, height, width] of the model's latents; NULL (default): that of the
     * seed.
     */
    int window;
    const float *latents;
} udm_generation;

/** Fills in the defaults. @param size sizeof *generation */
UDM_API void udm_generation_init(udm_generation *generation, size_t size);

/** Belongs to one thread at a time but for its cancel. */
typedef struct udm_generator udm_generator;

/**
 * Opens a generator.
 * @param model one that makes video (udm_info.frames), or one that draws what a text says (udm_info.embedding), whose
 *        pictures stand still as long as prompt and scene are the same; must outlive it
 * @param settings lookahead, ensemble and memory_limit are not used; width and height are the model's own or the same
 *        multiple of both; a grey model makes frames of 3 channels, too; steps are rounded up to whole turns of the
 *        model's window
 * @return for udm_generator_free(); NULL with SETTINGS, NOT_FOUND, UNSUPPORTED, DEVICE or MEMORY
 */
UDM_API udm_generator *udm_generator_open(const udm_model *model, const udm_settings *settings,
                                          const udm_generation *generation, udm_error *error);
UDM_API void udm_generator_free(udm_generator *generator); /**< NULL is fine */

/**
 * Computes frame `number`. The one after the last costs `steps` evaluations of the network on a frame; any other, those
 * of all frames from the last or from the beginning of its scene.
 * @param out of the size and channels of the settings, 8 to 16 bits
 * @return false with SETTINGS, DEVICE, or CANCELLED, after which this or another frame can be asked for
 */
UDM_API bool udm_generator_make(udm_generator *generator, uint64_t number, const udm_image *out, udm_error *error);

/**
 * How many steps a frame really takes. With udm_generation.preview, number n is the frame n / steps after n % steps + 1
 * of its steps, and the last of them is the frame itself.
 */
UDM_API int udm_generator_steps(const udm_generator *generator);

/** As udm_restorer_cancel(). */
UDM_API void udm_generator_cancel(udm_generator *generator, bool cancel);

/** frames: made; scenes: begun. @param size sizeof *stats */
UDM_API void udm_generator_stats(const udm_generator *generator, udm_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif
#endif
