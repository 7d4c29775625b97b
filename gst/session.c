// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine inside an element: a stream, frames between frames, or a source. One thread streams, while others cancel
// it and read its statistics.
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

// Under the lock.
static void tell_cancelled(GstUdmSession *session)
{
    if (session->stream)
        udm_restorer_cancel(session->stream, session->cancelled);
    if (session->between)
        udm_interpolator_cancel(session->between, session->cancelled);
    if (session->source)
        udm_generator_cancel(session->source, session->cancelled);
}

static void replace(GstUdmSession *session, udm_restorer *stream, udm_interpolator *between, udm_generator *source)
{
    udm_restorer *old_stream;
    udm_interpolator *old_between;
    udm_generator *old_source;

    g_mutex_lock(&session->lock);
    old_stream = session->stream;
    old_between = session->between;
    old_source = session->source;
    session->stream = stream;
    session->between = between;
    session->source = source;
    tell_cancelled(session);
    g_mutex_unlock(&session->lock);
    udm_restorer_free(old_stream);
    udm_interpolator_free(old_between);
    udm_generator_free(old_source);
}

static void note_stats(GstUdmSession *session)
{
    udm_stats stats;
    gboolean warns;

    if (session->stream)
        udm_restorer_stats(session->stream, &stats, sizeof stats);
    else if (session->between)
        udm_interpolator_stats(session->between, &stats, sizeof stats);
    else
        udm_generator_stats(session->source, &stats, sizeof stats);
    g_mutex_lock(&session->lock);
    warns = stats.warning[0] && strcmp(stats.warning, session->stats.warning) != 0;
    session->stats = stats;
    g_mutex_unlock(&session->lock);
    if (warns)
        gst_udm_report_warning(session->element, stats.warning);
}

gboolean gst_udm_session_open(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                              udm_error *error)
{
    udm_restorer *stream;

    gst_udm_session_close(session); // first, so that there is never memory for two
    stream = udm_restorer_open(model, settings, error);
    if (!stream)
        return FALSE;
    replace(session, stream, NULL, NULL);
    note_stats(session);
    return TRUE;
}

gboolean gst_udm_session_open_between(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                                      udm_error *error)
{
    udm_interpolator *between;

    gst_udm_session_close(session);
    between = udm_interpolator_open(model, settings, error);
    if (!between)
        return FALSE;
    replace(session, NULL, between, NULL);
    note_stats(session);
    return TRUE;
}

gboolean gst_udm_session_open_source(GstUdmSession *session, const udm_model *model, const udm_settings *settings,
                                     const udm_generation *film, udm_error *error)
{
    udm_generator *source;

    gst_udm_session_close(session);
    source = udm_generator_open(model, settings, film, error);
    if (!source)
        return FALSE;
    replace(session, NULL, NULL, source);
    note_stats(session);
    return TRUE;
}

void gst_udm_session_close(GstUdmSession *session)
{
    replace(session, NULL, NULL, NULL);
}

udm_pulled gst_udm_session_pull(GstUdmSession *session, const udm_image *out, udm_error *error)
{
    udm_pulled pulled = udm_restorer_pull(session->stream, out, error);

    if (pulled == UDM_PULLED_FRAME)
        note_stats(session);
    return pulled;
}

gboolean gst_udm_session_make(GstUdmSession *session, double position, guint64 number, const udm_image *out,
                              udm_error *error)
{
    if (!udm_interpolator_make(session->between, position, number, out, error))
        return FALSE;
    note_stats(session);
    return TRUE;
}

gboolean gst_udm_session_make_source(GstUdmSession *session, guint64 number, const udm_image *out, udm_error *error)
{
    if (!udm_generator_make(session->source, number, out, error))
        return FALSE;
    note_stats(session);
    return TRUE;
}

void gst_udm_session_cancel(GstUdmSession *session, gboolean cancel)
{
    g_mutex_lock(&session->lock);
    session->cancelled = cancel;
    tell_cancelled(session);
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
