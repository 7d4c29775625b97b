// SPDX-License-Identifier: LGPL-2.1-or-later
// The motion-compensated prediction of a frame from its neighbours, and its variance.
#ifndef UDM_TEMPORAL_PREDICTION_H
#define UDM_TEMPORAL_PREDICTION_H

#include <stddef.h>

#include "backend/backend.h"
#include "temporal/correlation.h"
#include "udm/error.h"
#include "base/threads.h"

// A recursive mean of frames along their motion: a Kalman filter for each pixel. For each frame: predict, match the
// illumination, take out what is the same noise, add the variance that a network predicts, if there is one, update.
// Frames may come in order or backwards.
typedef struct udm_predictor udm_predictor;

// Borrows the device, which moves pictures, and the pool. Errors: SETTINGS, MEMORY.
udm_predictor *udm_predictor_new(int width, int height, int channels, udm_device *device, udm_pool *pool,
                                 udm_error *error);
void udm_predictor_free(udm_predictor *predictor);           // NULL is fine
void udm_predictor_reset(udm_predictor *predictor);          // what was seen so far is of another scene
size_t udm_predictor_memory(const udm_predictor *predictor); // bytes

// Makes the prediction of a frame, given the motion to the frame of the last update, [2, height, width]: the frame at p
// is that one at p + flow(p). Does nothing if none was, as for a first frame, and if called again for the same frame.
// Errors: DEVICE, MEMORY.
bool udm_predictor_predict(udm_predictor *predictor, const float *flow, udm_error *error);
bool udm_predictor_has_prediction(const udm_predictor *predictor); // whether there is a prediction

// Makes the prediction as bright as the frame, over wide areas: given as to udm_predictor_update(). Looks at one of
// `step` rows. Comes before udm_predictor_add_variance().
void udm_predictor_match_illumination(udm_predictor *predictor, const float *frame, const float *level, int step);

// Takes out of the prediction what its noise has in common with that of the frame: `beside` is that of the last update.
// Comes before udm_predictor_add_variance(), and after udm_predictor_match_illumination().
void udm_predictor_decorrelate(udm_predictor *predictor, const udm_correlation_input *input);

// Adds the variance of the error of the prediction beyond the noise left in it: log_variance [height, width] is the
// last plane of a network that predicts it (UDM_LOG_VARIANCE_BIAS). Once for each prediction.
void udm_predictor_add_variance(udm_predictor *predictor, const float *log_variance);

// The prediction at half the size, as udm_predictor_get() gives it at its own (halving.h).
void udm_predictor_halve(const udm_predictor *predictor, float *small, float *small_level);

// Takes in the frame that the prediction was made of: pixels [channels, height, width], not scaled by the signal, and
// the level of their noise [height, width].
void udm_predictor_update(udm_predictor *predictor, const float *frame, const float *level);

// Fuses a prediction with another one of the same frame, made of other frames. After the update, which it does not
// change.
void udm_predictor_fuse(udm_predictor *predictor, const udm_predictor *other);

// The prediction as x_t = sqrt(1 - level^2) x0 + level e: [channels, height, width], [height, width]. Level 1: not
// known. Borrowed until the next call; after the update, it is the last one for this prediction.
typedef struct udm_predicted {
    const float *planes, *level;
} udm_predicted;

udm_predicted udm_predictor_get(udm_predictor *predictor);

#endif
