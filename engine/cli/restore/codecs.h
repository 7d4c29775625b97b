// SPDX-License-Identifier: LGPL-2.1-or-later
// The video codecs of the output.
#ifndef UDM_CLI_RESTORE_CODECS_H
#define UDM_CLI_RESTORE_CODECS_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "udm/error.h"

typedef struct codec {
    const char *name;    // for --codec; NULL: an image format, which the name of the output selects
    const char *encoder; // of libavcodec
    enum AVCodecID id;
    const char *about;
    double crf, crf_most; // default and maximum; -1: it has no constant quality
    bool keeps_rgb;       // else RGB becomes YUV
    bool keeps_grey;      // else grey becomes YUV, too: few players decode monochrome
    // Sets what is its own: rate control, profile, light levels.
    void (*set)(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf);
} codec;

// Calls found() for each one that --codec knows.
void codecs_list(void (*found)(const char *name, const char *about, double crf));

// The codec of that name; without one, the best for `depth` bits that the container can hold. NULL and *error if the
// name is unknown, the container cannot hold it, or libavcodec was built without its encoder.
const codec *codecs_find(const char *name, const AVOutputFormat *container, const char *output, int depth,
                         udm_error *error);
// Whether --crf is in the range of the codec; -1 always is.
bool codecs_check(const codec *codec, double crf, udm_error *error);

// The pixel format of the encoder that loses least of the frame: chroma subsampling first, then depth.
enum AVPixelFormat codecs_format(const codec *codec, const AVFrame *frame);

// What an encoder is opened with.
typedef struct codec_frames {
    const AVFrame *made;  // size, format, colour
    const AVFrame *first; // of the input: its HDR metadata
    AVRational time_base; // of timestamps
    AVRational rate;      // frames per second, nominal; 0/1: unknown
    const AVOutputFormat *container;
    double crf; // -1: the default of the codec
    int threads;
} codec_frames;

// Opens an encoder. NULL and *error if it does not accept such frames.
AVCodecContext *codecs_open(const codec *codec, const codec_frames *frames, udm_error *error);

#endif
