// SPDX-License-Identifier: LGPL-2.1-or-later
// Caps and buffers: frames have the size that the model generates or a whole multiple of it, or with latent diffusion
// any of whole latents, at any frame rate.
#include "src.h"

#define DEFAULT_RATE 25 // where the caps leave the choice

// One that the caps allow, the usual one if they do; otherwise, if they leave a choice, a multiple of step. What is
// none is left to the engine, whose error names the nearest.
static void fixate_side(GstStructure *structure, const char *field, int usual, int step)
{
    int size = usual;

    for (int tries = 0; tries < 3; tries++) {
        GstStructure *tried = gst_structure_copy(structure);
        const int wanted = size;

        gst_structure_fixate_field_nearest_int(tried, field, wanted);
        gst_structure_get_int(tried, field, &size);
        gst_structure_free(tried);
        if (size == wanted || size % step == 0)
            break;
        size = size < usual ? size / step * step : (size + step - 1) / step * step;
    }
    gst_structure_fixate_field_nearest_int(structure, field, size);
}

// The smallest multiple of the model's size that the caps allow.
static void fixate_size(GstUdmSrc *self, GstStructure *structure)
{
    udm_info model;

    if (!udm_model_info(gst_udm_model_get(self->model), &model, sizeof model, NULL) || model.width == 0)
        return;
    if (model.size_step > 0) {
        fixate_side(structure, "width", model.width, model.size_step);
        fixate_side(structure, "height", model.height, model.size_step);
        return;
    }
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

GstCaps *gst_udm_src_fixate(GstBaseSrc *src, GstCaps *caps)
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
    return gst_udm_src_parent()->fixate(src, caps);
}

gboolean gst_udm_src_set_caps(GstBaseSrc *src, GstCaps *caps)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    GstVideoInfo info, old;

    if (!gst_video_info_from_caps(&info, caps))
        return FALSE;
    if (info.fps_n == 0) {
        GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                          ("Video cannot be generated at a variable frame rate: set one in the caps, such as "
                           "video/x-raw,framerate=25/1."),
                          (NULL));
        return FALSE;
    }
    GST_OBJECT_LOCK(self);
    old = self->info;
    self->info = info;
    GST_OBJECT_UNLOCK(self);
    if (old.fps_n > 0 && (old.fps_n != info.fps_n || old.fps_d != info.fps_d))
        self->number = gst_udm_src_frame_at(&info, gst_udm_src_time_of(&old, self->number));
    return gst_udm_src_read_files(self, &info) && gst_udm_src_open(self, &info);
}

gboolean gst_udm_src_decide_allocation(GstBaseSrc *src, GstQuery *query)
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
    return gst_udm_src_parent()->decide_allocation(src, query);
}
