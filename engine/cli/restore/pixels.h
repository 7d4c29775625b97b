// SPDX-License-Identifier: LGPL-2.1-or-later
// AVFrames as images of the engine.
#ifndef UDM_CLI_RESTORE_PIXELS_H
#define UDM_CLI_RESTORE_PIXELS_H

#include <libavutil/frame.h>

#include "udm/udm.h"

typedef struct pixels pixels;

// For frames like the first, which become frames in the pixel format `out`. matrix: NULL, or a display matrix
// (libavutil/display.h) that is applied: multiples of 90 degrees and mirroring. NULL and *error for formats and
// matrices that the engine does not know. factor: how many times as wide and high the output frames are.
pixels *pixels_open(const AVFrame *first, enum AVPixelFormat out, const int32_t *matrix, int factor, udm_error *error);
void pixels_free(pixels *pixels);

// The size, format and colour properties of output frames; it has no buffers.
const AVFrame *pixels_made(const pixels *pixels);
int pixels_channels(const pixels *pixels); // of the images: 1 for grey, or 3

// The components of a frame as they lie in memory, nothing turned. False for formats that have to be converted first.
bool pixels_describe(const AVFrame *frame, udm_image *image, udm_error *error);

// The image of an input frame; valid as long as the frame, and until the next call.
bool pixels_read(pixels *pixels, const AVFrame *frame, udm_image *image, udm_error *error);
// An image to write the next output frame to; then that frame, with the properties and side data of `from`.
bool pixels_write(pixels *pixels, udm_image *image, udm_error *error);
bool pixels_finish(pixels *pixels, const AVFrame *from, AVFrame *out, udm_error *error);

#endif
