// SPDX-License-Identifier: LGPL-2.1-or-later
// The restoration of one file.
#ifndef UDM_CLI_RESTORE_JOB_H
#define UDM_CLI_RESTORE_JOB_H

#include "cli/restore/encoder.h"
#include "cli/restore/fields.h"
#include "cli/restore/frames.h"
#include "cli/restore/options.h"
#include "cli/restore/progress.h"
#include "cli/restore/source.h"
#include "cli/restore/tracks.h"

typedef struct job {
    const options *options;
    source source;
    sink sink;
    tracks tracks;
    udm_model *model;
    const codec *codec;
    fields fields;
    frames frames;
    encoder encoder;
    progress progress;
    AVPacket *packet;
    AVFrame *frame, *whole, *made; // decoded, deinterlaced, restored
    struct {
        int width, height, format;
    } first;              // the format of the first frame, which all others must have
    int64_t begin, end;   // timestamps between which frames are restored
    uint64_t decoded;     // frames
    bool over;            // a frame at or after `end` was decoded
    AVRational time_base; // of the frames that are restored
    AVRational rate;      // ... and how many there are in a second; 0/1: unknown
} job;

// Checks all that can be checked before anything is written.
bool job_open(job *job, const options *options, udm_error *error);
void job_close(job *job);
// Restores until the end or stop_asked(); the caller then finishes the sink.
bool job_run(job *job, udm_error *error);

#endif
