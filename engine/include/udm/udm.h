// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * udm: diffusion for media pipelines. This header includes all others. Restores a stream of frames with a model:
 *
 *     udm_error error = { 0 };
 *     udm_model *model = udm_model_open("denoise", &error);
 *     udm_settings settings;
 *     udm_settings_init(&settings, sizeof settings);
 *     settings.width = 640, settings.height = 480;
 *     udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
 *     for (each frame) {
 *         udm_frame frame = { .image = &in, .time = udm_model_time(model, 25), .number = n };
 *         udm_restorer_push(restorer, &frame, &error);
 *         while (udm_restorer_pull(restorer, &out, &error) == UDM_PULLED_FRAME)
 *             show(out);
 *     }
 *     udm_restorer_end(restorer);      // then pull until UDM_PULLED_END
 *     udm_restorer_free(restorer);
 *     udm_model_free(model);
 *
 * udm_interpolator makes the frames between frames, udm_generator makes video, and udm_painter pictures of what a text
 * says; each is opened with settings, asked for frames, cancelled from any thread, asked for statistics, and freed.
 *
 * Errors: a call that can fail returns false or NULL (or UDM_PULLED_FAILED) and fills *error, which may be NULL. An
 * argument that must not be NULL and is, is SETTINGS; calls that cannot fail ignore a NULL object.
 * Ownership: the caller owns all that it passes; it need only live until the call returns, unless something else is
 * said. Each *_free() takes NULL.
 * Threads: an object belongs to one thread at a time, except for its *_cancel(), which any thread may call at any time.
 * There is no global state.
 */
#ifndef UDM_H
#define UDM_H

#include "udm/analyse.h"
#include "udm/convert.h"
#include "udm/error.h"
#include "udm/fields.h"
#include "udm/generate.h"
#include "udm/image.h"
#include "udm/interpolate.h"
#include "udm/list.h"
#include "udm/log.h"
#include "udm/model.h"
#include "udm/paint.h"
#include "udm/profile.h"
#include "udm/restore.h"
#include "udm/sample.h"
#include "udm/settings.h"
#include "udm/train.h"
#include "udm/version.h"

#endif
