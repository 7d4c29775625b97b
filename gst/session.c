// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine inside an element.
#include "session.h"

#include <string.h>

#include "report.h"

void gst_udm_session_init(GstUdmSession *session, GstElement *element)
{
    session->element = element;
    g_mutex_init(&session->lock);
}

void gst_udm_session_clear(GstUdmSession *session)
{
    gst_udm_session_close(session);
    g_mutex_clear(&session->lock);
}

// The old object is freed once no other thread can reach it.
static void replace(GstUdmSession *session, const GstUdmEngine *engine, gpointer object)
{
    const GstUdmEngine *old_engine;
    gpointer old_object;

    g_mutex_lock(&session->lock);
    old_engine = session->engine;
    old_object = session->object;
    session->engine = engine;
    session->object = object;
    if (object)
        engine->cancel(object, session->cancelled);
    g_mutex_unlock(&session->lock);
    if (old_object)
        old_engine->free(old_object);
}

void gst_udm_session_open(GstUdmSession *session, const GstUdmEngine *engine, gpointer object)
{
    replace(session, engine, object);
    gst_udm_session_update(session);
}

void gst_udm_session_close(GstUdmSession *session)
{
    replace(session, NULL, NULL);
}

void gst_udm_session_update(GstUdmSession *session)
{
    udm_stats stats;
    gboolean warns;

    session->engine->stats(session->object, &stats);
    g_mutex_lock(&session->lock);
    warns = stats.warning[0] && strcmp(stats.warning, session->stats.warning) != 0;
    session->stats = stats;
    g_mutex_unlock(&session->lock);
    if (warns)
        gst_udm_report_warning(session->element, stats.warning);
}

void gst_udm_session_cancel(GstUdmSession *session, gboolean cancel)
{
    g_mutex_lock(&session->lock);
    session->cancelled = cancel;
    if (session->object)
        session->engine->cancel(session->object, cancel);
    g_mutex_unlock(&session->lock);
}

gboolean gst_udm_session_is_cancelled(GstUdmSession *session)
{
    gboolean cancelled;

    g_mutex_lock(&session->lock);
    cancelled = session->cancelled;
    g_mutex_unlock(&session->lock);
    return cancelled;
}

GstStructure *gst_udm_session_stats(GstUdmSession *session)
{
    udm_stats stats;

    g_mutex_lock(&session->lock);
    stats = session->stats;
    g_mutex_unlock(&session->lock);
    return gst_structure_new("application/x-udm-stats",                         //
                             "frames", G_TYPE_UINT64, stats.frames,             //
                             "scenes", G_TYPE_UINT64, stats.scenes,             //
                             "sigma", G_TYPE_DOUBLE, stats.sigma,               //
                             "luma-sigma", G_TYPE_DOUBLE, stats.luma_sigma,     //
                             "chroma-sigma", G_TYPE_DOUBLE, stats.chroma_sigma, //
                             "whiteness", G_TYPE_DOUBLE, stats.whiteness,       //
                             "confidence", G_TYPE_DOUBLE, stats.confidence,     //
                             "reason", G_TYPE_STRING, stats.reason,             //
                             "dirt", G_TYPE_DOUBLE, stats.dirt,                 //
                             "flicker", G_TYPE_DOUBLE, stats.flicker,           //
                             "weave", G_TYPE_DOUBLE, stats.weave,               //
                             "last-ms", G_TYPE_DOUBLE, stats.last_ms,           //
                             "mean-ms", G_TYPE_DOUBLE, stats.mean_ms,           //
                             "memory", G_TYPE_UINT64, (guint64)stats.memory,    //
                             "tiles", G_TYPE_INT, stats.tiles,                  //
                             "device", G_TYPE_STRING, stats.device, NULL);
}
