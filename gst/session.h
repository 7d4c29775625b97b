// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine inside an element: one object of the engine, of the type that the element works with. The streaming thread
// uses it, while others cancel it and read its statistics.
#ifndef GST_UDM_SESSION_H
#define GST_UDM_SESSION_H

#include <gst/gst.h>

#include "udm/udm.h"

// The lifecycle that all types of objects of the engine have.
typedef struct GstUdmEngine {
    void (*cancel)(gpointer object, gboolean cancel); // from any thread
    void (*stats)(gconstpointer object, udm_stats *stats);
    void (*free)(gpointer object);
} GstUdmEngine;

// Part of an element. Only the streaming thread opens and closes it, and uses the object.
typedef struct GstUdmSession {
    GstElement *element; // that it is part of
    GMutex lock;         // guards what follows against the other threads
    const GstUdmEngine *engine;
    gpointer object; // NULL when closed
    gboolean cancelled;
    udm_stats stats; // as of the last frame
} GstUdmSession;

void gst_udm_session_init(GstUdmSession *session, GstElement *element);
void gst_udm_session_clear(GstUdmSession *session); // closes it too

// Takes ownership of an object, in place of the one that is open, and cancels it if the session is. engine: static.
void gst_udm_session_open(GstUdmSession *session, const GstUdmEngine *engine, gpointer object);
void gst_udm_session_close(GstUdmSession *session);

// To be called after each frame: updates the statistics, and posts a warning if the engine had to change the device.
void gst_udm_session_update(GstUdmSession *session);

// From any thread, open or not: TRUE makes a running computation return soon, and later ones too, until FALSE.
void gst_udm_session_cancel(GstUdmSession *session, gboolean cancel);
gboolean gst_udm_session_is_cancelled(GstUdmSession *session);

// From any thread: application/x-udm-stats, the value of the property "stats".
GstStructure *gst_udm_session_stats(GstUdmSession *session);

#endif
