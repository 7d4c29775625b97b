// SPDX-License-Identifier: LGPL-2.1-or-later
// Re-encodes audio in a codec that the output can hold.
#ifndef UDM_CLI_RESTORE_AUDIO_H
#define UDM_CLI_RESTORE_AUDIO_H

#include <libavformat/avformat.h>

#include "cli/restore/sink.h"

typedef struct audio audio;

// An encoder for a codec that the container can hold: AAC, Opus or FLAC; NULL if there is none.
const AVCodec *audio_codec(const AVOutputFormat *container);
// Fills in the parameters of `to`. NULL and *error if the audio cannot be decoded or encoded.
audio *audio_open(const AVStream *from, const AVCodec *codec, const AVOutputFormat *container, AVStream *to,
                  udm_error *error);
void audio_free(audio *audio);
// Takes a packet, or NULL to flush, and writes the packets that it becomes.
bool audio_take(audio *audio, const AVPacket *packet, sink *sink, udm_error *error);

#endif
