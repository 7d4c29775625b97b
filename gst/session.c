// SPDX-License-Identifier: LGPL-2.1-or-later
// An engine's stream inside an element: one thread streams, while others cancel it and read its statistics.
#include "session.h"

void gst_udm_session_init(GstUdmSession *session)
{
    g_mutex_init(&session->lock);
}

void gst_udm_session_clear(GstUdmSession *session)
{
    gst_udm_session_close(session);
    g_mutex_clear(&session->lock);
}

static void replace(GstUdmSession *session, udm_stream *stream)
{
    udm_stream *old;

    g_mutex_lock(&session->lock);
    old = session->stream;
    session->stream = stream;
    if (stream && session->cancelled)
        udm_stream_cancel(stream, true);
    g_mutex_unlock(&session->lock);
    udm_stream_free(old);
}

static void note_stats(GstUdmSession *session)
{
    udm_stats stats;

    udm_stream_stats(session->stream, &stats);
    g_mutex_lock(&session->lock);
    session->stats = stats;
    g_mutex_unlock(&session->lock);
}

gboolean gst_udm_session_open(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                              udm_error *error)
{
    udm_stream *stream;

    gst_udm_session_close(session); // first, so that there is never memory for two
    stream = udm_stream_open(model, settings, error);
    if (!stream)
        return FALSE;
    replace(session, stream);
    note_stats(session);
    return TRUE;
}

void gst_udm_session_close(GstUdmSession *session)
{
    replace(session, NULL);
}

udm_pulled gst_udm_session_pull(GstUdmSession *session, const udm_image *out, udm_error *error)
{
    udm_pulled pulled = udm_stream_pull(session->stream, out, error);

    if (pulled == UDM_PULLED_FRAME)
        note_stats(session);
    return pulled;
}

void gst_udm_session_cancel(GstUdmSession *session, gboolean cancel)
{
    g_mutex_lock(&session->lock);
    session->cancelled = cancel;
    if (session->stream)
        udm_stream_cancel(session->stream, cancel);
    g_mutex_unlock(&session->lock);
}

GstStructure *gst_udm_session_stats(GstUdmSession *session)
{
    udm_stats stats;

    g_mutex_lock(&session->lock);
    stats = session->stats;
    g_mutex_unlock(&session->lock);
    return gst_structure_new("application/x-udm-stats",                      //
                             "frames", G_TYPE_UINT64, stats.frames,          //
                             "scenes", G_TYPE_UINT64, stats.scenes,          //
                             "sigma", G_TYPE_DOUBLE, stats.sigma,            //
                             "last-ms", G_TYPE_DOUBLE, stats.last_ms,        //
                             "mean-ms", G_TYPE_DOUBLE, stats.mean_ms,        //
                             "memory", G_TYPE_UINT64, (guint64)stats.memory, //
                             "tiles", G_TYPE_INT, stats.tiles,               //
                             "device", G_TYPE_STRING, stats.device, NULL);
}
