// SPDX-License-Identifier: LGPL-2.1-or-later
// Encodes restored frames.
#ifndef UDM_CLI_RESTORE_ENCODER_H
#define UDM_CLI_RESTORE_ENCODER_H

#include "cli/restore/codecs.h"
#include "cli/restore/sink.h"

enum { ENCODER_FRAMES = 1024 }; // more than any encoder delays

typedef struct encoder {
    AVCodecContext *context; // NULL until it is opened
    AVPacket *packet;
    uint64_t count; // frames taken
    struct {
        int64_t stamp, duration;
    } frames[ENCODER_FRAMES]; // the latest: encoders return timestamps, but no durations
} encoder;

bool encoder_open(encoder *encoder, const codec *codec, const codec_frames *frames, udm_error *error);
void encoder_close(encoder *encoder);
// Takes a frame, or NULL to flush, and writes the packets that are ready; none when stop_hurries().
bool encoder_take(encoder *encoder, AVFrame *frame, sink *sink, udm_error *error);

#endif
