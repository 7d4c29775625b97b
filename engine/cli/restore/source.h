// SPDX-License-Identifier: LGPL-2.1-or-later
// The input: packets of all streams, and decoded frames of the one that is restored.
#ifndef UDM_CLI_RESTORE_SOURCE_H
#define UDM_CLI_RESTORE_SOURCE_H

#include <stdbool.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "udm/error.h"

typedef struct source {
    AVFormatContext *demuxer;
    AVStream *video; // the restored one
    AVCodecContext *decoder;
    int64_t last; // pts of the last frame, or AV_NOPTS_VALUE
    int64_t next; // pts of the next frame if it has none
    int damaged;  // packets and frames with errors
    bool ended;   // the decoder is being flushed
} source;

// Fails for what is not a video file or has no video stream.
bool source_open(source *source, const char *path, int threads, udm_error *error);
void source_close(source *source);
bool source_is_interlaced(const source *source); // as far as is known before the first frame

// Seeks to a keyframe at or before that time from the start of the file, if it can.
void source_seek(source *source, int64_t microseconds);

// 1: a packet; 0: end of file; -1: see *error.
int source_read(source *source, AVPacket *packet, udm_error *error);
// Sends a video packet, or NULL to flush.
bool source_decode(source *source, const AVPacket *packet, udm_error *error);
// The next frame, always with a pts; false if it takes more packets.
bool source_frame(source *source, AVFrame *frame);

// Adds HDR metadata of the container to the frame, unless it has its own.
bool source_light(const source *source, AVFrame *first);
// The display matrix of the stream, the frame, or its EXIF orientation; NULL if there is none.
const int32_t *source_matrix(const source *source, const AVFrame *first);
AVRational source_rate(const source *source); // frames per second; 0/1: unknown
bool source_has_even_rate(const source *source);
int64_t source_count(const source *source, int64_t start, int64_t end); // of frames, estimated; 0: unknown

#endif
