// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine of udmsrc: a generator of frames, what it is opened with, and what it asks for while it runs.
#include "src.h"

#include "frames.h"
#include "report.h"

static void cancel(gpointer source, gboolean cancel)
{
    udm_generator_cancel(source, cancel);
}

static void get_stats(gconstpointer source, udm_stats *stats)
{
    udm_generator_stats(source, stats, sizeof *stats);
}

static void free_source(gpointer source)
{
    udm_generator_free(source);
}

static const GstUdmEngine engine = { cancel, get_stats, free_source };

// What a frame should show: what the properties are at its time.
static void request_frame(void *context, uint64_t number, udm_frame_params *request)
{
    GstUdmSrc *self = context;

    gst_object_sync_values(GST_OBJECT(self), gst_udm_src_time_of(&self->info, number * self->steps));
    GST_OBJECT_LOCK(self);
    request->class_label = self->options.class_label;
    request->guidance = self->options.guidance_scale;
    if (request->guidance < 0)
        request->guidance = self->knows_text ? UDM_GUIDANCE_USUAL : 7;
    request->rescale = self->options.guidance_rescale;
    if (self->knows_text) {
        g_free(self->prompt);
        g_free(self->negative_prompt);
        request->prompt = self->prompt = g_strdup(self->options.prompt);
        request->negative_prompt = self->negative_prompt = g_strdup(self->options.negative_prompt);
    }
    GST_OBJECT_UNLOCK(self);
}

// A prompt for a model that cannot read it is an error rather than ignored.
static gboolean check_prompt(GstUdmSrc *self)
{
    gboolean prompted;

    GST_OBJECT_LOCK(self);
    prompted = self->options.prompt && *self->options.prompt;
    GST_OBJECT_UNLOCK(self);
    if (!prompted || self->knows_text)
        return TRUE;
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                      ("The model knows no text: set the property model to one that does, such as world, or leave the "
                       "property prompt empty."),
                      (NULL));
    return FALSE;
}

static gboolean is_cancelled(gpointer self)
{
    return gst_udm_session_is_cancelled(&GST_UDM_SRC(self)->session);
}

// Reads the end of a clip as frames of the model, at the rate of the caps.
static GstUdmClip *read_end(GstUdmSrc *self, const char *location, const GstVideoInfo *caps, GError **error)
{
    GstVideoInfo info;
    udm_info model;

    if (!udm_model_info(gst_udm_model_get(self->model), &model, sizeof model, NULL) || model.frames == 0)
        return NULL; // which is an error when the model is opened
    gst_video_info_init(&info);
    gst_video_info_set_format(&info, model.channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB,
                              (guint)model.width, (guint)model.height);
    info.fps_n = caps->fps_n;
    info.fps_d = caps->fps_d;
    return gst_udm_clip_read_end(location, &info, (guint)model.frames, is_cancelled, self, error);
}

// What a property names, which is read by `read`; FALSE if an error was posted or it was cancelled.
static gboolean read_file(GstUdmSrc *self, const char *property, const GstVideoInfo *info, GstUdmClip **to,
                          GstUdmClip *(*read)(GstUdmSrc *self, const char *location, const GstVideoInfo *caps,
                                              GError **error))
{
    GError *error = NULL;
    char *location;

    g_clear_pointer(to, gst_udm_clip_free);
    g_object_get(self, property, &location, NULL);
    if (!location)
        return TRUE;
    *to = read(self, location, info, &error);
    if (error)
        GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ,
                          ("Could not read \"%s\": set the property %s to a video or picture.", location, property),
                          ("%s", error->message));
    g_free(location);
    if (!error)
        return !is_cancelled(self);
    g_error_free(error);
    return FALSE;
}

static GstUdmClip *read_image(GstUdmSrc *self, const char *location, const GstVideoInfo *caps, GError **error)
{
    return gst_udm_clip_read_end(location, NULL, 1, is_cancelled, self, error);
}

gboolean gst_udm_src_read_files(GstUdmSrc *self, const GstVideoInfo *info)
{
    return read_file(self, "continue-from", info, &self->clip, read_end) &&
           read_file(self, "image", info, &self->image, read_image);
}

// With a preview, each step is an output frame with a number; where their count changes, the current frame starts anew.
static void count_steps(GstUdmSrc *self)
{
    const guint old = self->steps;

    GST_OBJECT_LOCK(self);
    self->steps = self->options.preview ? (guint)udm_generator_steps(self->session.object) : 1;
    GST_OBJECT_UNLOCK(self);
    if (old > 0 && old != self->steps)
        self->number = self->number / old * self->steps;
}

// Of the property; FALSE with *error if it is no amount of memory.
static gboolean read_memory_limit(GstUdmSrc *self, size_t *bytes, udm_error *error)
{
    gboolean good = TRUE;

    GST_OBJECT_LOCK(self);
    if (self->options.memory_limit && *self->options.memory_limit)
        good = udm_memory_parse(self->options.memory_limit, bytes, error);
    GST_OBJECT_UNLOCK(self);
    return good;
}

gboolean gst_udm_src_open(GstUdmSrc *self, const GstVideoInfo *info)
{
    udm_generation film = { .size = sizeof(udm_generation),
                            .rate = (double)info->fps_n / info->fps_d,
                            .frame_params = request_frame,
                            .context = self };
    udm_settings settings;
    udm_error error = { 0 };
    udm_generator *source = NULL;
    udm_info model;

    GST_OBJECT_LOCK(self);
    settings = gst_udm_settings_to_engine(&self->settings);
    self->version = self->settings.version;
    film.scene = (guint64)self->options.scene_length;
    film.residual_guidance = self->options.residual_guidance;
    film.keep_state = self->options.keep_state;
    film.preview = self->options.preview;
    GST_OBJECT_UNLOCK(self);
    settings.width = GST_VIDEO_INFO_WIDTH(info);
    settings.height = GST_VIDEO_INFO_HEIGHT(info);
    settings.channels = gst_udm_info_channels(info);
    film.known = self->clip ? self->clip->images : NULL;
    film.known_count = self->clip ? (int)self->clip->count : 0;
    film.image = self->image ? self->image->images : NULL;

    self->knows_text =
        udm_model_info(gst_udm_model_get(self->model), &model, sizeof model, NULL) && model.embedding > 0;
    gst_udm_session_close(&self->session); // first, so that there is never memory for two
    if (read_memory_limit(self, &settings.total_memory, &error))
        source = udm_generator_open(gst_udm_model_get(self->model), &settings, &film, &error);
    if (!source) {
        self->version = 0; // so that the next frame tries again
        gst_udm_report_error(GST_ELEMENT(self), &error);
        return FALSE;
    }
    gst_udm_session_open(&self->session, &engine, source);
    count_steps(self);
    return TRUE;
}

gboolean gst_udm_src_apply_settings(GstUdmSrc *self)
{
    gboolean changed;

    if (!check_prompt(self))
        return FALSE;
    GST_OBJECT_LOCK(self);
    changed = self->version != self->settings.version;
    GST_OBJECT_UNLOCK(self);
    return !changed || gst_udm_src_open(self, &self->info);
}
