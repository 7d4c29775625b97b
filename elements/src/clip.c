// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of a video, or a picture, from a file or URI, decoded by a pipeline of its own.
#include "clip.h"

#include <gst/app/gstappsink.h>

// How much of the end is decoded; if that has too few frames, everything is.
#define TAIL (2 * GST_SECOND)
#define POLL (50 * GST_MSECOND) // how often cancellation is checked

typedef struct Reader {
    GstElement *pipeline;
    GstAppSink *sink;
    GstBus *bus;
    GstVideoInfo info; // of the frames
    gboolean (*cancelled)(gpointer context);
    gpointer context;
} Reader;

static char *uri_of(const char *location, GError **error)
{
    return gst_uri_is_valid(location) ? g_strdup(location) : gst_filename_to_uri(location, error);
}

static void reader_close(Reader *reader)
{
    gst_element_set_state(reader->pipeline, GST_STATE_NULL);
    gst_object_unref(reader->bus);
    gst_object_unref(reader->sink);
    gst_object_unref(reader->pipeline);
}

static gboolean reader_open(Reader *reader, const char *location, const GstVideoInfo *info, GError **error)
{
    GstElement *source;
    GstCaps *caps;
    char *uri = uri_of(location, error);

    if (!uri)
        return FALSE;
    reader->pipeline =
        gst_parse_launch("uridecodebin name=source caps=video/x-raw expose-all-streams=false ! videoconvert ! "
                         "videoscale ! videorate ! appsink name=sink sync=false max-buffers=4",
                         error);
    if (!reader->pipeline) {
        g_free(uri);
        return FALSE;
    }
    source = gst_bin_get_by_name(GST_BIN(reader->pipeline), "source");
    g_object_set(source, "uri", uri, NULL);
    gst_object_unref(source);
    reader->sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(reader->pipeline), "sink"));
    caps = info ? gst_video_info_to_caps((GstVideoInfo *)info) // which is not changed
                : gst_caps_from_string("video/x-raw, format=RGB");
    gst_app_sink_set_caps(reader->sink, caps);
    gst_caps_unref(caps);
    reader->bus = gst_element_get_bus(reader->pipeline);
    g_free(uri);
    return TRUE;
}

static gboolean find_error(Reader *reader, GError **error)
{
    GstMessage *message = gst_bus_pop_filtered(reader->bus, GST_MESSAGE_ERROR);

    if (!message)
        return FALSE;
    gst_message_parse_error(message, error, NULL);
    gst_message_unref(message);
    return TRUE;
}

// Waits until the first frame is decoded. FALSE: it failed, or was cancelled.
static gboolean wait_until_ready(Reader *reader, GError **error)
{
    GstStateChangeReturn changed = gst_element_set_state(reader->pipeline, GST_STATE_PAUSED);

    while (changed == GST_STATE_CHANGE_ASYNC && !reader->cancelled(reader->context) && !find_error(reader, error))
        changed = gst_element_get_state(reader->pipeline, NULL, NULL, POLL);
    if (changed == GST_STATE_CHANGE_FAILURE)
        find_error(reader, error);
    return changed == GST_STATE_CHANGE_SUCCESS || changed == GST_STATE_CHANGE_NO_PREROLL;
}

static gboolean seek(Reader *reader, GstClockTime time)
{
    return gst_element_seek_simple(reader->pipeline, GST_FORMAT_TIME,
                                   GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_BEFORE,
                                   (gint64)time);
}

// Plays from here to the end, and keeps the last frames. FALSE: it failed, or was cancelled.
static gboolean play(Reader *reader, GPtrArray *frames, guint count, GError **error)
{
    g_ptr_array_set_size(frames, 0);
    gst_element_set_state(reader->pipeline, GST_STATE_PLAYING);
    while (!gst_app_sink_is_eos(reader->sink)) {
        GstSample *sample = gst_app_sink_try_pull_sample(reader->sink, POLL);

        if (sample) {
            if (frames->len == count)
                g_ptr_array_remove_index(frames, 0);
            g_ptr_array_add(frames, gst_buffer_ref(gst_sample_get_buffer(sample)));
            gst_video_info_from_caps(&reader->info, gst_sample_get_caps(sample));
            gst_sample_unref(sample);
        } else if (reader->cancelled(reader->context) || find_error(reader, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean read_end(Reader *reader, GPtrArray *frames, guint count, GError **error)
{
    gint64 duration = 0;
    gboolean skipped;

    if (!wait_until_ready(reader, error))
        return FALSE;
    skipped = gst_element_query_duration(reader->pipeline, GST_FORMAT_TIME, &duration) &&
              duration > (gint64)(2 * TAIL) && seek(reader, (GstClockTime)duration - TAIL);
    if (!play(reader, frames, count, error))
        return FALSE;
    if (skipped && frames->len < count && seek(reader, 0))
        return play(reader, frames, count, error);
    return TRUE;
}

static GstUdmClip *map_all(const GPtrArray *buffers, const GstVideoInfo *info, GError **error)
{
    GstUdmClip *clip = g_new0(GstUdmClip, 1);

    clip->images = g_new(udm_image, buffers->len);
    clip->frames = g_new(GstUdmFrame, buffers->len);
    while (clip->count < buffers->len) {
        GstUdmFrame *frame = &clip->frames[clip->count];

        if (!gst_udm_frame_map(frame, info, buffers->pdata[clip->count], GST_MAP_READ)) {
            g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "Failed to map a decoded frame");
            gst_udm_clip_free(clip);
            return NULL;
        }
        clip->images[clip->count++] = gst_udm_frame_image(frame);
    }
    return clip;
}

GstUdmClip *gst_udm_clip_read_end(const char *location, const GstVideoInfo *info, guint count,
                                  gboolean (*cancelled)(gpointer context), gpointer context, GError **error)
{
    Reader reader = { .cancelled = cancelled, .context = context };
    GstUdmClip *clip = NULL;
    GPtrArray *buffers;

    if (!reader_open(&reader, location, info, error))
        return NULL;
    buffers = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    if (read_end(&reader, buffers, count, error)) {
        if (buffers->len > 0)
            clip = map_all(buffers, &reader.info, error);
        else
            g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "It contains no frames");
    }
    g_ptr_array_unref(buffers); // mapped frames keep theirs
    reader_close(&reader);
    return clip;
}

void gst_udm_clip_free(GstUdmClip *clip)
{
    for (guint i = 0; i < clip->count; i++)
        gst_udm_frame_unmap(&clip->frames[i]);
    g_free(clip->frames);
    g_free(clip->images);
    g_free(clip);
}
