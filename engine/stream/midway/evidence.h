// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows of stream/evidence.c.
#ifndef UDM_STREAM_MIDWAY_EVIDENCE_H
#define UDM_STREAM_MIDWAY_EVIDENCE_H

#include <stddef.h>

enum {
    UDM_EVIDENCE_ESTIMATES = 3, // the first, moved; the second, moved; both, still
    UDM_EVIDENCE_TOLD = 8,      // what each estimate differs by, the weight of each, the support of both pictures:
                                // UDM_BETWEEN_TOLD
    UDM_EVIDENCE_CONTEXT = 10,  // that, position and time
};

typedef struct udm_evidence_job {
    int width, height, channels, wide; // wide: channels of the network
    const float *mean;                 // [channels, H, W]: the guess
    const float *rest;                 // [H, W]: the share of what lies still in it
    const float *moved[2];             // [channels, H, W]
    const float *variance[2];          // [H, W]
    const float *support[2];           // [H, W]
    const float *pictures[2];          // [channels, H, W]
    float position;                    // of what lies still, in [0, 1]
    float *guess, *level;              // [wide, H, W], as much as its level leaves, and [H, W]
    float *context;                    // [UDM_EVIDENCE_CONTEXT, H, W]
    const float *frame_level;          // [H, W] of the frame that the network was shown; NULL: 1, nothing was known
    const float *votes;                // [UDM_EVIDENCE_ESTIMATES, H, W]: what the network thinks of each estimate
    float *x0;                         // [wide, H, W]
} udm_evidence_job;

typedef void (*udm_evidence_row)(const udm_evidence_job *job, int y);

#endif
