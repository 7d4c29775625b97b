// SPDX-License-Identifier: LGPL-2.1-or-later
// Converts text subtitles, such as mov_text and SubRip.
#ifndef UDM_CLI_RESTORE_SUBTITLES_H
#define UDM_CLI_RESTORE_SUBTITLES_H

#include <libavformat/avformat.h>

#include "udm/error.h"

typedef struct subtitles subtitles;

// A text format that the container can hold; AV_CODEC_ID_NONE if there is none, or the subtitles are bitmaps.
enum AVCodecID subtitles_codec(const AVStream *from, const AVOutputFormat *container);
subtitles *subtitles_open(const AVStream *from, enum AVCodecID codec, AVStream *to, udm_error *error);
void subtitles_free(subtitles *subtitles);
// Replaces the payload of the packet; false if it shows nothing.
bool subtitles_convert(subtitles *subtitles, AVPacket *packet);

#endif
