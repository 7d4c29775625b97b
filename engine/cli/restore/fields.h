// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of fields become whole ones, before anything else is done with them.
#ifndef UDM_CLI_RESTORE_FIELDS_H
#define UDM_CLI_RESTORE_FIELDS_H

#include <libavutil/fifo.h>
#include <libavutil/frame.h>

#include "udm/udm.h"

// From the first interlaced frame on all go through a deinterlacer; before, and without one, they pass as they are.
typedef struct fields {
    bool every_field;
    int threads;
    udm_deinterlacer *deinterlacer;
    AVFifo *held; // AVFrame *, that went in and did not come out
} fields;

bool fields_open(fields *fields, bool every_field, int threads, udm_error *error);
void fields_close(fields *fields);

// Takes the reference of the frame, and leaves it blank. Then frames are to be pulled until there are no more.
bool fields_push(fields *fields, AVFrame *frame, udm_error *error);
void fields_end(fields *fields);
udm_pulled fields_pull(fields *fields, AVFrame *out, udm_error *error);

#endif
