// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of fields become whole ones. Fields are restored before that, as two films of half the height: rows between,
// which are made of them, have less noise. Pictures of film are whole, and are restored afterwards.
#ifndef UDM_CLI_RESTORE_FIELDS_H
#define UDM_CLI_RESTORE_FIELDS_H

#include "cli/restore/frames.h"

// From the first interlaced frame on all go through this, and before if film is to be found; others pass as they are.
typedef struct fields {
    const udm_model *model;
    const options *options;
    udm_deinterlacer *deinterlacer; // NULL until then
    frames films[2];                // of top fields and of bottom fields
    AVFifo *held;                   // AVFrame *, in the deinterlacer, or on their way past it
    uint64_t first;                 // the number that it knows the first of them by
    int64_t field;                  // how long a field lasts, if that is known
    int height;                     // of frames
    bool flagged;                   // frames say how they are made up
    bool ending;                    // no frames follow; the deinterlacer does not know yet
} fields;

// field: how long one lasts, in the unit of the frames' times; 0: unknown.
bool fields_open(fields *fields, const udm_model *model, const options *options, int64_t field, udm_error *error);
void fields_close(fields *fields);
bool fields_restore(const fields *fields); // whether frames that are pulled are restored already

// Takes the reference of the frame, and leaves it blank. Then frames are to be pulled until there are no more.
bool fields_push(fields *fields, AVFrame *frame, udm_error *error);
void fields_end(fields *fields);
udm_pulled fields_pull(fields *fields, AVFrame *out, udm_error *error);

#endif
