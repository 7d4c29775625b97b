// SPDX-License-Identifier: LGPL-2.1-or-later
// What each container format can hold.
#ifndef UDM_CLI_RESTORE_CONTAINER_H
#define UDM_CLI_RESTORE_CONTAINER_H

#include <stdbool.h>

#include <libavformat/avformat.h>

// By the extension of a file name; NULL if that is unknown.
const AVOutputFormat *container_find(const char *output);

bool container_holds(const AVOutputFormat *container, enum AVCodecID codec);
bool container_holds_matrix(const AVOutputFormat *container); // a display matrix, that is rotation
bool container_holds_covers(const AVOutputFormat *container); // cover art, as attached pictures
bool container_holds_attachments(const AVOutputFormat *container);
bool container_is_matroska(const AVOutputFormat *container);   // also WebM
bool container_counts_frames(const AVOutputFormat *container); // no timestamps: constant frame rate, no B-frames
bool container_is_picture(const AVOutputFormat *container);

#endif
