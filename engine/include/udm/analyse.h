// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Where scenes begin and how noisy frames are, as a restorer finds it, without restoring: what is needed beforehand to
 * restore parts of a film apart from each other (udm_settings.scenes_given).
 */
#ifndef UDM_ANALYSE_H
#define UDM_ANALYSE_H

#include "udm/image.h"
#include "udm/model.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** It belongs to one thread at a time. */
typedef struct udm_analyser udm_analyser;

/**
 * Opens an analyser.
 * @param settings width, height, channels and threads are used
 * @return for udm_analyser_free(); NULL with SETTINGS or MEMORY
 */
UDM_API udm_analyser *udm_analyser_open(const udm_settings *settings, udm_error *error);
UDM_API void udm_analyser_free(udm_analyser *analyser); /**< NULL is fine */

/** The frame of a scene, from 0, of which on coarse noise is told from texture that moves: three pictures were seen. */
#define UDM_FINDING_SETTLED 2

/**
 * What was found of a frame: of the noise that its scene has so far. A restorer that is given udm_model_time() of what
 * udm_finding_sigma() says, the kind and chroma_sigma, makes of the frame what one makes that estimates. If that one
 * has a lookahead it knows so many frames of a scene before it restores the first, and takes for all before the last of
 * them, but none after UDM_FINDING_SETTLED, what was found in that.
 */

typedef struct udm_finding {
    double sigma;        /**< of the noise, 0-255 scale, estimated or given, for models of white noise */
    double real_sigma;   /**< for models of the noise of cameras, film and codecs */
    double apart_sigma;  /**< likewise, for those that are told chroma by itself */
    double chroma_sigma; /**< of chroma by itself, at half the size, for models that are told it; 0: not known */
    udm_noise_kind kind; /**< white, or other */
    bool begins;         /**< a scene: it is the first frame, or a cut lies before it */
} udm_finding;

/** The sigma of the two that a model is told of a frame. */
UDM_API double udm_finding_sigma(const udm_finding *finding, const udm_model *model);

/**
 * Looks at the next frame.
 * @param image of the analyser's size and channels
 * @param sigma of its noise, 0-255 scale, or negative to have it estimated
 * @param discontinuity it is not a continuation of the frames before
 * @return false with SETTINGS
 */
UDM_API bool udm_analyser_look(udm_analyser *analyser, const udm_image *image, double sigma, bool discontinuity,
                               udm_finding *finding, udm_error *error);

#ifdef __cplusplus
}
#endif
#endif
