// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Single pictures by a model of any process: from noise, or on from what the process left of a picture.
 */
#ifndef UDM_SAMPLE_H
#define UDM_SAMPLE_H

#include "udm/model.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Start with { 0 } and set what is not fine at 0: at least count, and guidance. */
typedef struct udm_sampling {
    int count;         /**< of pictures, at least 1 */
    double guidance;   /**< scale of classifier-free guidance to settings.class_label: 1 is the conditional estimate, 0
                          the   unconditional one; others evaluate both. 0 to 100 */
    double rescale;    /**< how much of the contrast that this adds is taken back, 0 to 1 */
    double classifier; /**< scale of the gradient of the model's classifier (Dhariwal and Nichol 2021); 0: none */
    double eta;        /**< of the sampler "ddim": its share of the noise that "ddpm" draws, 0 to 1 */
    const float *from; /**< x_t at `time`, [count, channels, height, width]; NULL: noise */
    double time;       /**< above 0, at most 1 */
    bool invert;       /**< the other way: from pictures to the noise from which "ddim" makes them */
    /** NULL, or called with what the network is about to be shown, as a picture of the same planes as those of `out`.
     */
    void (*seen)(void *context, int picture, int estimate, double time, const float *x);
    void *context; /**< passed to it */
} udm_sampling;

/**
 * Makes pictures. Picture k depends on the seed and on k, not on `count`.
 * @param settings all but channels, lookahead and ensemble is used
 * @param out [count, channels, height, width], nominally in [-1, 1]; one channel where the model has symbols
 * @return false with SETTINGS, NOT_FOUND, UNSUPPORTED, DEVICE or MEMORY
 */
UDM_API bool udm_model_sample(const udm_model *model, const udm_settings *settings, const udm_sampling *sampling,
                              float *out, udm_error *error);

#ifdef __cplusplus
}
#endif
#endif
