// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine inside an element: a stream, frames between frames, or a source. One thread streams, while others cancel
// it and read its statistics.
#ifndef GST_UDM_SESSION_H
#define GST_UDM_SESSION_H

#include <gst/gst.h>

#include "udm/udm.h"

// Part of an element. The streaming thread alone opens, closes and uses what the engine does: one of the three.
typedef struct GstUdmSession {
    GstElement *element; // whose it is
    GMutex lock;         // guards what follows against the other threads
    udm_restorer *stream;
    udm_interpolator *between;
    udm_generator *source;
    gboolean cancelled;
    udm_stats stats; // as of the last frame
} GstUdmSession;

void gst_udm_session_init(GstUdmSession *session, GstElement *element);
void gst_udm_session_clear(GstUdmSession *session); // closes it too

// Opens one, in place of what is open. A cancelled session opens it cancelled.
gboolean gst_udm_session_open(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                              udm_error *error);
gboolean gst_udm_session_open_between(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                                      udm_error *error);
gboolean gst_udm_session_open_source(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                                     const udm_generation *film, udm_error *error);
void gst_udm_session_close(GstUdmSession *session);

// As udm_restorer_pull(), udm_interpolator_make() and udm_generator_make(), and they note the statistics. These and the
// above post a warning where another device goes on than the best.
udm_pulled gst_udm_session_pull(GstUdmSession *session, const udm_image *out, udm_error *error);
gboolean gst_udm_session_make(GstUdmSession *session, double position, guint64 number, const udm_image *out,
                              udm_error *error);
gboolean gst_udm_session_make_source(GstUdmSession *session, guint64 number, const udm_image *out, udm_error *error);

// From any thread, open or not: TRUE makes what runs return soon, and what is begun later, until FALSE.
void gst_udm_session_cancel(GstUdmSession *session, gboolean cancel);
gboolean gst_udm_session_is_cancelled(GstUdmSession *session);

// From any thread: application/x-udm-stats, as the property "stats" has it.
GstStructure *gst_udm_session_stats(GstUdmSession *session);

#endif
