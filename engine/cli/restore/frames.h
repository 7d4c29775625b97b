// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine, fed with AVFrames.
#ifndef UDM_CLI_RESTORE_FRAMES_H
#define UDM_CLI_RESTORE_FRAMES_H

#include <stdatomic.h>

#include <libavutil/fifo.h>
#include <libavutil/frame.h>

#include "cli/restore/enlarge.h"
#include "cli/restore/options.h"
#include "cli/restore/pixels.h"

typedef struct frames {
    const udm_model *model;
    udm_restorer *restorer;
    pixels *pixels;
    enlarge enlarge;
    AVFifo *held; // AVFrame *, pushed and not pulled yet
    double time, strength, grain;
    struct {
        bool dirt, flicker, weave;
    } repaired;                      // what was asked for
    bool restored;                   // frames that are pushed from now on: they pass as they are
    uint64_t count;                  // frames pushed
    _Atomic(udm_restorer *) running; // the restorer, for frames_cancel(); NULL before and after
} frames;

// Whether the options suit the model; *error says what to set instead.
bool frames_check(const udm_model *model, const options *options, udm_error *error);
// Opens a restorer for frames like the first. out, matrix: as for pixels_open().
bool frames_open(frames *frames, const udm_model *model, const options *options, const AVFrame *first,
                 enum AVPixelFormat out, const int32_t *matrix, udm_error *error);
void frames_close(frames *frames);

// Takes the reference of the frame, and leaves it blank.
bool frames_push(frames *frames, AVFrame *frame, udm_error *error);
void frames_end(frames *frames);
udm_pulled frames_pull(frames *frames, AVFrame *out, udm_error *error);
// From any thread: a pull in progress returns soon.
void frames_cancel(frames *frames);

// For people: the noise of the last frame, or why there is none, where it was estimated, and what was repaired.
void frames_found(const frames *frames, char *text, size_t size);

#endif
