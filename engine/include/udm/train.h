// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * What parity tests and training need: a network alone, and the motion that a restorer would find.
 */
#ifndef UDM_TRAIN_H
#define UDM_TRAIN_H

#include "udm/model.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Runs a model's network once over whole clips, frame by frame as a stream, with no sampler around it.
 * @param settings width, height, device, precision, threads, class_label and memory_limit are used; a network that
 * makes video takes clips of its own size and number of frames
 * @param x [clips, channels, frames, height, width], each frame as x_t at times[frame]; channels: udm_info.channels
 * @param times [frames], in [0, 1]
 * @param out the network's output, of the same shape
 * @return false with SETTINGS, NOT_FOUND, UNSUPPORTED, DEVICE or MEMORY
 */
UDM_API bool udm_model_forward(const udm_model *model, const udm_settings *settings, int clips, int frames,
                               const float *x, const double *times, float *out, udm_error *error);

/**
 * The optical flow that a restorer on this model finds between the frames of a clip.
 * @param model one with a temporal filter (udm_info.temporal_filter)
 * @param settings width, height, channels (the model's), device, precision, threads and memory_limit are used
 * @param x [channels, frames, height, width] in [-1, 1], with noise of `sigma` (0-255 scale) in it
 * @param flow [2, frames - 1, height, width], in pixels, x before y: frame k + 1 at p shows what frame k shows at
 *        p + flow(p)
 * @return false with SETTINGS, NOT_FOUND, UNSUPPORTED, DEVICE or MEMORY
 */
UDM_API bool udm_model_flow(const udm_model *model, const udm_settings *settings, int frames, const float *x,
                            double sigma, float *flow, udm_error *error);

#ifdef __cplusplus
}
#endif
#endif
