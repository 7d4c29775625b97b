// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes video without end with a diffusion model: numbers frames, asks the engine for them, and stamps them.
/**
 * SECTION:element-udmsrc
 * @title: udmsrc
 *
 * Makes video with a diffusion model, without end or for #GstUdmSrc:num-frames. A frame is a function of its number,
 * the seed, and the classes and guidance scales of the frames of its scene, so the same frames come out wherever
 * playing begins, with any number of threads. A seek computes the frames from the beginning of the scene, or from where
 * the source is if that is nearer, to the one that is wanted: #GstUdmSrc:scene-length bounds what it costs.
 *
 * Frames have the size that the model makes, or a whole multiple of it, if the caps ask for one. The frame rate of the
 * caps is that of the motion: at a higher one, less happens from frame to frame.
 *
 * Several frames are in the making at once, each a part of its steps further than the next. So #GstUdmSrc:steps is
 * rounded up to a multiple of their number, which is 5 for the model "digits".
 *
 * As a URI handler it plays `udm://MODEL?class=3&seed=7`, where every property but #GstUdmSrc:model may follow, and a
 * model directory is written as `udm:///DIRECTORY`.
 *
 * With #GstUdmSrc:continue-from it goes on where a clip ends, or brings a picture to life; with #GstUdmSrc:preview it
 * shows every step on the way from noise to a frame.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 udmsrc ! videoconvert ! autovideosink
 * ]|
 * Digits that fly about, another one every ten seconds.
 * |[
 * gst-launch-1.0 udmsrc class=3 scene-length=0 ! video/x-raw,width=512,height=512 ! videoconvert ! autovideosink
 * ]|
 * The same three for ever, eight times enlarged.
 * |[
 * gst-play-1.0 "udm://digits?class=7&num-frames=250"
 * ]|
 * Ten seconds of a seven, in a player.
 * |[
 * ges-launch-1.0 +clip "udm://digits%3Fclass=7&seed=3" duration=10.0 +effect udmdenoise
 * ]|
 * The same in an editor, which takes its description of a timeline for a URI: the question mark is escaped.
 */
#include "udmsrc.h"

#include "clip.h"
#include "film.h"
#include "frames.h"
#include "loading.h"
#include "report.h"
#include "session.h"
#include "settings.h"
#include "uri.h"

GST_DEBUG_CATEGORY_STATIC(udm_src_debug);
#define GST_CAT_DEFAULT udm_src_debug

#define DEFAULT_MODEL "digits"
#define DEFAULT_STEPS 10
#define DEFAULT_RATE 25 // of caps that leave the choice

struct _GstUdmSrc {
    GstPushSrc parent;

    // properties, under the object lock
    GstUdmSettings settings;
    GstUdmFilm film;

    // under the object lock, as queries need them
    GstVideoInfo info;
    guint steps; // frames that come out for each that is made: 1, or with a preview its steps; 0: not yet known

    // state of the streaming thread
    GstUdmModel *model;    // from start to stop
    GstUdmSession session; // its own lock
    GstUdmClip *clip;      // what it goes on from, or NULL
    guint versions[2];     // of the settings and the film that the session was opened with
    guint64 number;        // of the next frame
};

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define gst_udm_src_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstUdmSrc, gst_udm_src, GST_TYPE_PUSH_SRC,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_URI_HANDLER, gst_udm_uri_handler_init)
                            GST_DEBUG_CATEGORY_INIT(udm_src_debug, "udmsrc", 0, "video from diffusion models"))
GST_ELEMENT_REGISTER_DEFINE(udmsrc, "udmsrc", GST_RANK_NONE, GST_TYPE_UDM_SRC)

// ---- frames and times

static GstClockTime time_of_frame(const GstVideoInfo *info, guint64 number)
{
    return gst_util_uint64_scale(number, info->fps_d * GST_SECOND, info->fps_n);
}

// The frame that is shown at a time.
static guint64 frame_at(const GstVideoInfo *info, GstClockTime time)
{
    guint64 number = gst_util_uint64_scale(time, info->fps_n, info->fps_d * GST_SECOND);

    return time_of_frame(info, number + 1) <= time ? number + 1 : number; // times of frames are rounded down
}

// What a frame shall show: what the properties say at its time.
static void frame_params(void *context, uint64_t number, udm_frame_params *frame_params)
{
    GstUdmSrc *self = context;

    gst_object_sync_values(GST_OBJECT(self), time_of_frame(&self->info, number * self->steps));
    GST_OBJECT_LOCK(self);
    frame_params->class_label = self->film.class;
    frame_params->guidance = self->film.guidance_scale;
    frame_params->rescale = self->film.guidance_rescale;
    GST_OBJECT_UNLOCK(self);
}

// ---- the clip that it goes on from

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

// FALSE if there is a clip to go on from that cannot be read.
static gboolean read_clip(GstUdmSrc *self, const GstVideoInfo *info)
{
    GError *error = NULL;
    char *location;

    g_clear_pointer(&self->clip, gst_udm_clip_free);
    GST_OBJECT_LOCK(self);
    location = g_strdup(self->film.continue_from);
    GST_OBJECT_UNLOCK(self);
    if (!location)
        return TRUE;
    self->clip = read_end(self, location, info, &error);
    if (error)
        GST_ELEMENT_ERROR(
            self, RESOURCE, OPEN_READ,
            ("\"%s\" cannot be continued: set continue-from to a video or picture that can be read.", location),
            ("%s", error->message));
    g_free(location);
    if (!error)
        return !is_cancelled(self);
    g_error_free(error);
    return FALSE;
}

// ---- the engine

// Frames are numbered by steps if each is one: the frame in the making begins anew where their number changes.
static void count_steps(GstUdmSrc *self)
{
    const guint old = self->steps;

    GST_OBJECT_LOCK(self);
    self->steps = self->film.preview ? (guint)udm_generator_steps(self->session.source) : 1;
    GST_OBJECT_UNLOCK(self);
    if (old > 0 && old != self->steps)
        self->number = self->number / old * self->steps;
}

static gboolean open_session(GstUdmSrc *self, const GstVideoInfo *info)
{
    udm_generation film = { .size = sizeof(udm_generation),
                            .rate = (double)info->fps_n / info->fps_d,
                            .frame_params = frame_params,
                            .context = self };
    udm_settings settings;
    udm_error error = { 0 };

    GST_OBJECT_LOCK(self);
    settings = gst_udm_settings_to_engine(&self->settings);
    self->versions[0] = self->settings.version;
    self->versions[1] = self->film.version;
    film.scene = (guint64)self->film.scene_length;
    film.residual_guidance = self->film.residual_guidance;
    film.keep_state = self->film.keep_state;
    film.preview = self->film.preview;
    GST_OBJECT_UNLOCK(self);
    settings.width = GST_VIDEO_INFO_WIDTH(info);
    settings.height = GST_VIDEO_INFO_HEIGHT(info);
    settings.channels = gst_udm_info_channels(info);
    film.known = self->clip ? self->clip->images : NULL;
    film.known_count = self->clip ? (int)self->clip->count : 0;

    if (gst_udm_session_open_source(&self->session, gst_udm_model_get(self->model), &settings, &film, &error)) {
        count_steps(self);
        return TRUE;
    }
    gst_udm_report_error(GST_ELEMENT(self), &error);
    return FALSE;
}

// Lets properties that changed while frames flow take effect.
static gboolean apply_settings(GstUdmSrc *self)
{
    gboolean changed;

    GST_OBJECT_LOCK(self);
    changed = self->versions[0] != self->settings.version || self->versions[1] != self->film.version;
    GST_OBJECT_UNLOCK(self);
    return !changed || open_session(self, &self->info);
}

static gboolean is_past_end(GstUdmSrc *self)
{
    gboolean past;

    GST_OBJECT_LOCK(self);
    past = self->film.num_frames > 0 && self->number >= (guint64)self->film.num_frames * self->steps;
    GST_OBJECT_UNLOCK(self);
    return past;
}

static GstFlowReturn make_frame(GstUdmSrc *self, GstBuffer *buffer)
{
    udm_error error = { 0 };
    GstVideoFrame frame;
    udm_image image;
    gboolean made;

    if (!gst_video_frame_map(&frame, &self->info, buffer, GST_MAP_WRITE)) {
        GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("A buffer of downstream cannot be written to."), (NULL));
        return GST_FLOW_ERROR;
    }
    image = gst_udm_frame_image(&frame);
    gst_udm_frame_fill_rest(&frame);
    made = gst_udm_session_make_source(&self->session, self->number, &image, &error);
    gst_video_frame_unmap(&frame);

    if (made)
        return GST_FLOW_OK;
    if (error.code == UDM_ERROR_CANCELLED)
        return GST_FLOW_FLUSHING;
    gst_udm_report_error(GST_ELEMENT(self), &error);
    return GST_FLOW_ERROR;
}

static GstFlowReturn gst_udm_src_fill(GstPushSrc *src, GstBuffer *buffer)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    GstFlowReturn ret;

    if (is_past_end(self))
        return GST_FLOW_EOS;
    if (!apply_settings(self))
        return GST_FLOW_ERROR;
    ret = make_frame(self, buffer);
    if (ret != GST_FLOW_OK)
        return ret;

    GST_BUFFER_PTS(buffer) = time_of_frame(&self->info, self->number);
    GST_BUFFER_DURATION(buffer) = time_of_frame(&self->info, self->number + 1) - GST_BUFFER_PTS(buffer);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_OFFSET(buffer) = self->number;
    GST_BUFFER_OFFSET_END(buffer) = ++self->number;
    return GST_FLOW_OK;
}

// Live frames are due at the end of their time, as a camera's are.
static void gst_udm_src_get_times(GstBaseSrc *src, GstBuffer *buffer, GstClockTime *start, GstClockTime *end)
{
    *start = *end = GST_CLOCK_TIME_NONE;
    if (gst_base_src_is_live(src)) {
        *start = GST_BUFFER_PTS(buffer);
        *end = *start + GST_BUFFER_DURATION(buffer);
    }
}

// ---- caps

// The largest factor by which no one asked, and the smallest that the caps allow: 1, if they do.
static void fixate_size(GstUdmSrc *self, GstStructure *structure)
{
    udm_info model;

    if (!udm_model_info(gst_udm_model_get(self->model), &model, sizeof model, NULL) || model.width == 0)
        return;
    for (int factor = 1; factor * MAX(model.width, model.height) <= 65536; factor++) {
        GstStructure *tried = gst_structure_copy(structure);
        int width, height;

        gst_structure_fixate_field_nearest_int(tried, "width", factor * model.width);
        gst_structure_fixate_field_nearest_int(tried, "height", factor * model.height);
        gst_structure_get(tried, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL);
        if (width == factor * model.width && height == factor * model.height)
            gst_structure_set(structure, "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, NULL);
        gst_structure_free(tried);
        if (width == factor * model.width && height == factor * model.height)
            return;
    }
}

static GstCaps *gst_udm_src_fixate(GstBaseSrc *src, GstCaps *caps)
{
    GstStructure *structure;

    caps = gst_caps_make_writable(gst_caps_truncate(caps));
    structure = gst_caps_get_structure(caps, 0);
    fixate_size(GST_UDM_SRC(src), structure);
    gst_structure_fixate_field_nearest_fraction(structure, "framerate", DEFAULT_RATE, 1);
    if (gst_structure_has_field(structure, "pixel-aspect-ratio"))
        gst_structure_fixate_field_nearest_fraction(structure, "pixel-aspect-ratio", 1, 1);
    else
        gst_structure_set(structure, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
    return GST_BASE_SRC_CLASS(parent_class)->fixate(src, caps);
}

static gboolean gst_udm_src_set_caps(GstBaseSrc *src, GstCaps *caps)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    GstVideoInfo info, old;

    if (!gst_video_info_from_caps(&info, caps))
        return FALSE;
    if (info.fps_n == 0) {
        GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                          ("Video is made at a rate: ask for one, such as video/x-raw,framerate=25/1."), (NULL));
        return FALSE;
    }
    GST_OBJECT_LOCK(self);
    old = self->info;
    self->info = info;
    GST_OBJECT_UNLOCK(self);
    if (old.fps_n > 0 && (old.fps_n != info.fps_n || old.fps_d != info.fps_d))
        self->number = frame_at(&info, time_of_frame(&old, self->number));
    return read_clip(self, &info) && open_session(self, &info);
}

static gboolean gst_udm_src_decide_allocation(GstBaseSrc *src, GstQuery *query)
{
    GstBufferPool *pool = NULL;
    guint size = 0, min = 0, max = 0;
    gboolean update = gst_query_get_n_allocation_pools(query) > 0;
    GstStructure *config;
    GstCaps *caps;

    gst_query_parse_allocation(query, &caps, NULL);
    if (update)
        gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
    size = MAX(size, (guint)GST_VIDEO_INFO_SIZE(&GST_UDM_SRC(src)->info));
    if (!pool)
        pool = gst_video_buffer_pool_new();
    config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, size, min, max);
    if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL))
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    gst_buffer_pool_set_config(pool, config);
    if (update)
        gst_query_set_nth_allocation_pool(query, 0, pool, size, min, max);
    else
        gst_query_add_allocation_pool(query, pool, size, min, max);
    gst_object_unref(pool);
    return GST_BASE_SRC_CLASS(parent_class)->decide_allocation(src, query);
}

// ---- seeks and queries

static gboolean gst_udm_src_is_seekable(GstBaseSrc *src)
{
    (void)src;
    return TRUE;
}

static gboolean gst_udm_src_do_seek(GstBaseSrc *src, GstSegment *segment)
{
    GstUdmSrc *self = GST_UDM_SRC(src);

    if (segment->rate < 0)
        return FALSE; // each frame is made from those before it
    segment->time = segment->start;
    self->number = self->info.fps_n > 0 ? frame_at(&self->info, segment->position) : 0;
    GST_DEBUG_OBJECT(self, "seek to frame %" G_GUINT64_FORMAT, self->number);
    return TRUE;
}

// Unknown, as that of what has no end is; players take it for a stream, and editors let clips of it be of any length.
static gboolean query_duration(GstUdmSrc *self, GstQuery *query, const GstVideoInfo *info, gint64 num_frames)
{
    GstFormat format;

    gst_query_parse_duration(query, &format, NULL);
    if (format != GST_FORMAT_TIME && format != GST_FORMAT_DEFAULT)
        return GST_BASE_SRC_CLASS(parent_class)->query(GST_BASE_SRC(self), query);
    if (format == GST_FORMAT_TIME && info->fps_n == 0)
        return FALSE;
    if (num_frames == 0)
        gst_query_set_duration(query, format, -1);
    else if (format == GST_FORMAT_TIME)
        gst_query_set_duration(query, format, (gint64)time_of_frame(info, (guint64)num_frames));
    else
        gst_query_set_duration(query, format, num_frames);
    return TRUE;
}

static gboolean query_convert(GstQuery *query, const GstVideoInfo *info)
{
    GstFormat from, to;
    gint64 value, converted;

    gst_query_parse_convert(query, &from, &value, &to, NULL);
    if (info->fps_n == 0 || !gst_video_info_convert(info, from, value, to, &converted))
        return FALSE;
    gst_query_set_convert(query, from, value, to, converted);
    return TRUE;
}

// A live frame is ready when its time is over.
static gboolean query_latency(GstUdmSrc *self, GstQuery *query, const GstVideoInfo *info)
{
    if (info->fps_n == 0)
        return FALSE;
    gst_query_set_latency(query, gst_base_src_is_live(GST_BASE_SRC(self)), time_of_frame(info, 1), GST_CLOCK_TIME_NONE);
    return TRUE;
}

static gboolean gst_udm_src_query(GstBaseSrc *src, GstQuery *query)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    GstVideoInfo info;
    gint64 num_frames;

    GST_OBJECT_LOCK(self);
    info = self->info;
    num_frames = self->film.num_frames * self->steps;
    GST_OBJECT_UNLOCK(self);
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_DURATION:
        return query_duration(self, query, &info, num_frames);
    case GST_QUERY_CONVERT:
        return query_convert(query, &info);
    case GST_QUERY_LATENCY:
        return query_latency(self, query, &info);
    default:
        return GST_BASE_SRC_CLASS(parent_class)->query(src, query);
    }
}

// ---- states

static gboolean gst_udm_src_start(GstBaseSrc *src)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    char *name;

    GST_OBJECT_LOCK(self);
    name = g_strdup(self->settings.model);
    self->steps = self->film.preview ? 0 : 1;
    GST_OBJECT_UNLOCK(self);
    self->number = 0;
    self->model = gst_udm_load_model(GST_ELEMENT(self), name);
    g_free(name);
    return self->model != NULL;
}

static gboolean gst_udm_src_stop(GstBaseSrc *src)
{
    GstUdmSrc *self = GST_UDM_SRC(src);

    gst_udm_session_close(&self->session);
    g_clear_pointer(&self->model, gst_udm_model_release);
    g_clear_pointer(&self->clip, gst_udm_clip_free);
    GST_OBJECT_LOCK(self);
    gst_video_info_init(&self->info);
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean gst_udm_src_unlock(GstBaseSrc *src)
{
    gst_udm_session_cancel(&GST_UDM_SRC(src)->session, TRUE);
    return TRUE;
}

static gboolean gst_udm_src_unlock_stop(GstBaseSrc *src)
{
    gst_udm_session_cancel(&GST_UDM_SRC(src)->session, FALSE);
    return TRUE;
}

// ---- the object

static void gst_udm_src_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmSrc *self = GST_UDM_SRC(object);
    gboolean known;

    if (id == GST_UDM_FILM_PROP_IS_LIVE) {
        gst_base_src_set_live(GST_BASE_SRC(self), g_value_get_boolean(value));
        return;
    }
    GST_OBJECT_LOCK(self);
    known = gst_udm_film_set(&self->film, id, value) || gst_udm_settings_set(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    else if (id == GST_UDM_FILM_PROP_NUM_FRAMES)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_duration_changed(GST_OBJECT(self)));
}

static void gst_udm_src_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmSrc *self = GST_UDM_SRC(object);
    gboolean known = TRUE;

    if (id == GST_UDM_FILM_PROP_IS_LIVE) {
        g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(self)));
        return;
    }
    GST_OBJECT_LOCK(self);
    if (id == GST_UDM_PROP_STATS)
        g_value_take_boxed(value, gst_udm_session_stats(&self->session));
    else
        known = gst_udm_film_get(&self->film, id, value) || gst_udm_settings_get(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_udm_src_finalize(GObject *object)
{
    GstUdmSrc *self = GST_UDM_SRC(object);

    gst_udm_session_clear(&self->session);
    gst_udm_settings_clear(&self->settings);
    gst_udm_film_clear(&self->film);
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_udm_src_class_init(GstUdmSrcClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS(klass);

    object_class->set_property = gst_udm_src_set_property;
    object_class->get_property = gst_udm_src_get_property;
    object_class->finalize = gst_udm_src_finalize;
    gst_udm_settings_install(object_class, DEFAULT_MODEL, DEFAULT_STEPS);
    gst_udm_film_install(object_class);

    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Diffusion source", "Source/Video",
                                          "Makes video with a diffusion model", "The udm authors");

    src_class->start = GST_DEBUG_FUNCPTR(gst_udm_src_start);
    src_class->stop = GST_DEBUG_FUNCPTR(gst_udm_src_stop);
    src_class->unlock = GST_DEBUG_FUNCPTR(gst_udm_src_unlock);
    src_class->unlock_stop = GST_DEBUG_FUNCPTR(gst_udm_src_unlock_stop);
    src_class->fixate = GST_DEBUG_FUNCPTR(gst_udm_src_fixate);
    src_class->set_caps = GST_DEBUG_FUNCPTR(gst_udm_src_set_caps);
    src_class->decide_allocation = GST_DEBUG_FUNCPTR(gst_udm_src_decide_allocation);
    src_class->is_seekable = GST_DEBUG_FUNCPTR(gst_udm_src_is_seekable);
    src_class->do_seek = GST_DEBUG_FUNCPTR(gst_udm_src_do_seek);
    src_class->query = GST_DEBUG_FUNCPTR(gst_udm_src_query);
    src_class->get_times = GST_DEBUG_FUNCPTR(gst_udm_src_get_times);
    GST_PUSH_SRC_CLASS(klass)->fill = GST_DEBUG_FUNCPTR(gst_udm_src_fill);
}

static void gst_udm_src_init(GstUdmSrc *self)
{
    gst_udm_session_init(&self->session, GST_ELEMENT(self));
    gst_udm_settings_init(&self->settings, DEFAULT_MODEL, DEFAULT_STEPS);
    gst_video_info_init(&self->info);
    gst_udm_film_init(&self->film);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
