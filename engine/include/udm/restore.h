// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Restoring a stream of frames: denoising, deblurring, super-resolution, inpainting, or drawing anew.
 */
#ifndef UDM_RESTORE_H
#define UDM_RESTORE_H

#include "udm/image.h"
#include "udm/model.h"
#include "udm/profile.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A stream of frames that are restored one after the other. It belongs to one thread at a time but for its cancel. */
typedef struct udm_restorer udm_restorer;

/**
 * Opens a restorer. All memory but that of held frames is allocated here.
 * @param model must outlive it
 * @param settings all but class_label, where the model has no classes, is used
 * @return for udm_restorer_free(); NULL with SETTINGS (names the field: lookahead for a model without a temporal
 * filter, say), NOT_FOUND (a device), UNSUPPORTED, DEVICE or MEMORY
 */
UDM_API udm_restorer *udm_restorer_open(const udm_model *model, const udm_settings *settings, udm_error *error);
UDM_API void udm_restorer_free(udm_restorer *restorer); /**< NULL is fine */

/** The time of a frame is that of the noise that is estimated in its scene. */
#define UDM_TIME_ESTIMATE (-1.0)

/** A frame as it enters: pixels, each at its time on the forward process. All is copied. */
typedef struct udm_frame {
    const udm_image *image; /**< of the restorer's size and channels */
    double time;            /**< of the whole frame, in [0, 1], or #UDM_TIME_ESTIMATE */
    const float *time_map;  /**< NULL, or a time in [0, 1] for each pixel, [height, width], instead */
    /**
     * NULL, or which pixels are known, instead of a time, for models of udm_degradation.holes: an image of one channel
     * that has the largest value where they are, and 0 where they are lost; between, the restored pixel is mixed with
     * the given one by that share.
     */
    const udm_image *known;
    double strength;     /**< 0 to 1: the process first goes on until the time is this share of the model's highest
                              (SDEdit: Meng et al. 2022), so that detail is drawn anew */
    uint64_t number;     /**< names the noise that is drawn */
    bool discontinuity;  /**< it is not a continuation of the frames before */
    udm_noise_kind kind; /**< of its noise, for models that ask one of two */
    bool repeat;         /**< it is a repeat of the frame before, if not bit for bit (those are found without), so that
                              its noise is the same: where it differs by more than noise this is not believed */
    double grain;        /**< 0 to 1: the share of what is removed that stays, for models that remove noise */
    double chroma_sigma; /**< of the noise of chroma, as in udm_finding, where the kind is given; 0: not known */
    bool repaired; /**< what udm_settings.dirt, deflicker and stabilize_gate ask for was done already, and is not done
                        to this frame */
} udm_frame;

typedef enum udm_pulled {
    UDM_PULLED_FRAME,   /**< the next frame is in *out, in the order in which they were pushed */
    UDM_PULLED_NOTHING, /**< push more first */
    UDM_PULLED_END,     /**< all frames were pulled after udm_restorer_end() */
    UDM_PULLED_FAILED,  /**< see *error; after CANCELLED the frame stays, and can be pulled again */
} udm_pulled;

/**
 * Takes in the next frame; nothing is computed.
 * A frame that repeats the one before bit for bit, at the same time, comes out as that did, and costs next to nothing,
 * unless noise is drawn for it (strength, more than one step). What repeats nearly so, as through a codec, is restored
 * for itself, but its noise counts as evidence once.
 * @return false with SETTINGS (the frame does not fit the restorer, its time is out of range) or MEMORY
 */
UDM_API bool udm_restorer_push(udm_restorer *restorer, const udm_frame *frame, udm_error *error);

/**
 * Computes the next frame.
 * @param out of the restorer's size and channels, 8 to 16 bits; may be the memory of a pushed image
 * @param error SETTINGS, CANCELLED, DEVICE or MEMORY
 */
UDM_API udm_pulled udm_restorer_pull(udm_restorer *restorer, const udm_image *out, udm_error *error);

UDM_API void udm_restorer_end(udm_restorer *restorer);   /**< no more frames: those held back can be pulled */
UDM_API void udm_restorer_reset(udm_restorer *restorer); /**< a flush: drops held frames, forgets, undoes the end */

/**
 * What a model of latent diffusion is to make of the frames that are pulled from now on: it draws each anew, as far as
 * udm_frame.strength says, in as many steps as are set. Before the first call nothing is said.
 * @param text in UTF-8, with weights such as "(word:1.3)"
 * @param negative what frames are to be kept away from; NULL: nothing
 * @param guidance scale of classifier-free guidance, 0 to 100; 1 is none, and #UDM_GUIDANCE_USUAL too, but with models
 *        that are told it (LCM), where it is 7.5
 * @return false with UNSUPPORTED (a model that knows no text), SETTINGS or MEMORY
 */
UDM_API bool udm_restorer_tell(udm_restorer *restorer, const char *text, const char *negative, double guidance,
                               udm_error *error);

/** Frames held back: the lookahead, or the window of a model that makes video. */
UDM_API int udm_restorer_delay(const udm_restorer *restorer);

/** From any thread. true: a pull in progress returns within a layer of the network, and so do later ones until false.
 */
UDM_API void udm_restorer_cancel(udm_restorer *restorer, bool cancel);

/** @param size sizeof *stats */
UDM_API void udm_restorer_stats(const udm_restorer *restorer, udm_stats *stats, size_t size);

/**
 * Calls found(context, operation, timing) for each kind of operation that the device timed so far. The devices
 * "cpu:profile" and "opencl:N:profile" do, which makes the latter slower; others have nothing to tell.
 */
UDM_API void udm_restorer_profile(const udm_restorer *restorer, udm_timed found, void *context);

#ifdef __cplusplus
}
#endif
#endif
