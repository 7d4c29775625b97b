// SPDX-License-Identifier: LGPL-2.1-or-later
// An engine's stream inside an element: one thread streams, while others cancel it and read its statistics.
#ifndef GST_UDM_SESSION_H
#define GST_UDM_SESSION_H

#include <gst/gst.h>

#include "udm.h"

// Part of an element. The streaming thread alone opens, closes and uses the stream.
typedef struct GstUdmSession {
    GMutex lock;        // guards what follows against the other threads
    udm_stream *stream; // NULL while closed
    gboolean cancelled;
    udm_stats stats; // as of the last frame
} GstUdmSession;

void gst_udm_session_init(GstUdmSession *session);
void gst_udm_session_clear(GstUdmSession *session); // closes it too

// Opens the stream, in place of an open one. A cancelled session opens a cancelled stream.
gboolean gst_udm_session_open(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                              udm_error *error);
void gst_udm_session_close(GstUdmSession *session);

// As udm_stream_pull(), and notes the statistics.
udm_pulled gst_udm_session_pull(GstUdmSession *session, const udm_image *out, udm_error *error);

// From any thread, open or not: TRUE makes a running pull return soon, and later ones, until FALSE.
void gst_udm_session_cancel(GstUdmSession *session, gboolean cancel);

// From any thread: application/x-udm-stats, as the property "stats" has it.
GstStructure *gst_udm_session_stats(GstUdmSession *session);

#endif
