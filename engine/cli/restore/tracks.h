// SPDX-License-Identifier: LGPL-2.1-or-later
// What becomes of each stream of the input.
#ifndef UDM_CLI_RESTORE_TRACKS_H
#define UDM_CLI_RESTORE_TRACKS_H

#include "cli/restore/sink.h"
#include "cli/restore/audio.h"
#include "cli/restore/source.h"
#include "cli/restore/subtitles.h"

typedef enum track_kind {
    TRACK_LEFT_OUT,
    TRACK_RESTORED,
    TRACK_COPIED,
    TRACK_COVER,     // cover art, without timestamps
    TRACK_ATTACHED,  // cover art as an attachment, in the header
    TRACK_AUDIO,     // re-encoded
    TRACK_SUBTITLES, // converted
} track_kind;

typedef struct track {
    track_kind kind;
    int out;   // index in the output
    bool past; // a packet at or after the end was read
    audio *audio;
    subtitles *subtitles;
} track;

typedef struct tracks {
    track *list; // one for each stream of the input
    unsigned count;
} tracks;

// Adds the streams of the output, in the order of the input, and notes what cannot be kept. The restored one is
// completed by tracks_begin().
bool tracks_open(tracks *tracks, const source *source, sink *sink, udm_error *error);
void tracks_close(tracks *tracks);

// Completes the restored stream, and copies tags and chapters. matrix: the display matrix to store, or NULL.
bool tracks_begin(const source *source, sink *sink, const AVCodecContext *encoder, const AVFrame *first,
                  const int32_t *matrix, udm_error *error);

// Takes a packet of any other stream.
bool tracks_take(tracks *tracks, const source *source, sink *sink, AVPacket *packet, udm_error *error);
// Whether all audio has been read up to the end of the output.
bool tracks_are_past(const tracks *tracks, const source *source);
bool tracks_end(tracks *tracks, sink *sink, udm_error *error);

#endif
