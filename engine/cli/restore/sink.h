// SPDX-License-Identifier: LGPL-2.1-or-later
// The output: a muxer and its file. The restored video leads: packets of other streams wait until it has come as far.
#ifndef UDM_CLI_RESTORE_SINK_H
#define UDM_CLI_RESTORE_SINK_H

#include <pthread.h>
#include <stdbool.h>

#include <libavformat/avformat.h>
#include <libavutil/fifo.h>

#include "cli/restore/outfile.h"

typedef struct sink {
    const char *output; // as it was named
    AVFormatContext *muxer;
    outfile file;
    int video;      // the index of the restored stream
    int64_t origin; // microseconds that are subtracted from all timestamps
    int64_t end;    // packets from there on are dropped; microseconds of the input, or INT64_MAX
    bool cut;       // packets before the origin are dropped, too
    // All below is guarded by the lock, as sink_stop() is called from another thread.
    pthread_mutex_t lock;
    AVFifo *held;     // packets that wait, in the order of the input
    size_t held_size; // bytes
    int64_t *last;    // the last dts of each stream
    int64_t shown;    // ... of the restored stream, in microseconds
    int64_t frames;   // of the restored stream, written
    bool begun, ended;
} sink;

// Checks the output and finds its container. Writes nothing.
bool sink_open(sink *sink, const char *input, const char *output, bool force, udm_error *error);
void sink_close(sink *sink); // deletes a file that was not finished

// Sets the origin, once the first packet of each stream is held: `origin` microseconds, or less if timestamps would be
// negative in a container that has none such.
void sink_begin_at(sink *sink, int64_t origin);
// Creates the file and writes the header; all streams are complete.
bool sink_begin(sink *sink, udm_error *error);
// Takes the reference of the packet, whose timestamps are those of the input, in `time_base`. Packets of the restored
// stream are written, after those of other streams that come before them; others wait, also for sink_begin().
bool sink_write(sink *sink, int stream, AVPacket *packet, AVRational time_base, udm_error *error);
// Completes and renames the file.
bool sink_finish(sink *sink, udm_error *error);
// Completes it early, from any thread: audio ends with the video, and an existing file is not replaced. False if there
// is nothing to keep.
bool sink_stop(sink *sink, udm_error *error);

#endif
