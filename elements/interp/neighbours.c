// SPDX-License-Identifier: LGPL-2.1-or-later
// The known frames around one to create, and what the engine makes of them.
#include "neighbours.h"

#include "frames.h"

void gst_udm_neighbours_clear(GstUdmNeighbours *self)
{
    gst_clear_buffer(&self->before.buffer);
    gst_clear_buffer(&self->first.buffer);
    gst_clear_buffer(&self->second.buffer);
    gst_clear_buffer(&self->paired[0]);
    gst_clear_buffer(&self->paired[1]);
}

void gst_udm_neighbours_advance(GstUdmNeighbours *self)
{
    gst_clear_buffer(&self->before.buffer);
    self->before = self->first;
    self->first = self->second;
    self->second.buffer = NULL;
}

GstUdmRecipe gst_udm_recipe(const GstUdmNeighbour *a, const GstUdmNeighbour *b, GstClockTime time)
{
    double gap = (double)GST_CLOCK_DIFF(a->time, b->time);

    return (GstUdmRecipe){ .a = a, .b = b, .position = (double)GST_CLOCK_DIFF(a->time, time) / gap, .number = time };
}

const GstUdmNeighbour *gst_udm_recipe_nearest(const GstUdmRecipe *recipe)
{
    return recipe->position < 0.5 ? recipe->a : recipe->b;
}

// As the engine is to see it.
static gboolean map(GstUdmTransform *trans, GstUdmFrame *frame, GstBuffer *buffer)
{
    return gst_udm_smaller_read(trans->smaller, frame, &GST_VIDEO_FILTER(trans)->out_info, buffer);
}

// A frame as the engine takes it.
typedef struct GstUdmPicture {
    udm_image image, alpha;
    gboolean has_alpha;
} GstUdmPicture;

static GstUdmPicture picture_of(const GstUdmFrame *frame)
{
    GstUdmPicture picture = { .image = gst_udm_frame_image(frame) };

    picture.has_alpha = gst_udm_frame_alpha(frame, &picture.alpha);
    return picture;
}

static const udm_image *alpha_of(const GstUdmPicture *picture)
{
    return picture->has_alpha ? &picture->alpha : NULL;
}

// Both times must be known.
static double seconds_between(const GstUdmNeighbours *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b)
{
    if (a->planned && b->planned)
        return ABS(gst_udm_plan_seconds(self->plan, a->planned, b->planned));
    return (double)ABS(GST_CLOCK_DIFF(a->time, b->time)) / GST_SECOND;
}

// Gives both to the engine, unless they are the pair that it has.
static GstFlowReturn pair(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                          const GstUdmNeighbour *b)
{
    double seconds = seconds_between(self, a, b);
    GstUdmFrame first, second;
    GstUdmPicture pictures[2];
    udm_error error = { 0 };
    gboolean paired;

    if (self->paired[0] == a->buffer && self->paired[1] == b->buffer)
        return GST_FLOW_OK;
    if (!map(trans, &first, a->buffer))
        return gst_udm_transform_invalid_buffer(trans);
    if (!map(trans, &second, b->buffer)) {
        gst_udm_frame_unmap(&first);
        return gst_udm_transform_invalid_buffer(trans);
    }
    pictures[0] = picture_of(&first);
    pictures[1] = picture_of(&second);
    paired = udm_interpolator_pair_alpha(trans->session.object, &pictures[0].image, alpha_of(&pictures[0]),
                                         &pictures[1].image, alpha_of(&pictures[1]), seconds, &error);
    gst_udm_frame_unmap(&second);
    gst_udm_frame_unmap(&first);
    if (!paired)
        return gst_udm_transform_failed(trans, &error);
    gst_buffer_replace(&self->paired[0], a->buffer);
    gst_buffer_replace(&self->paired[1], b->buffer);
    self->settled = FALSE;
    return GST_FLOW_OK;
}

// Gives the engine the frame that follows b, before it makes the first frame of a pair.
static GstFlowReturn follow(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *b,
                            const GstUdmNeighbour *after)
{
    gboolean followed;
    double seconds = 0;
    GstUdmFrame frame;
    GstUdmPicture picture;
    udm_error error = { 0 };

    if (self->settled || !after || !after->buffer)
        return GST_FLOW_OK;
    if (GST_CLOCK_TIME_IS_VALID(after->time))
        seconds = seconds_between(self, b, after);
    if (!map(trans, &frame, after->buffer))
        return gst_udm_transform_invalid_buffer(trans);
    picture = picture_of(&frame);
    followed =
        udm_interpolator_follow_alpha(trans->session.object, &picture.image, alpha_of(&picture), seconds, &error);
    gst_udm_frame_unmap(&frame);
    self->settled = TRUE;
    return followed ? GST_FLOW_OK : gst_udm_transform_failed(trans, &error);
}

GstFlowReturn gst_udm_neighbours_change(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                                        const GstUdmNeighbour *b, const GstUdmNeighbour *after, double *change)
{
    GstFlowReturn ret = pair(self, trans, a, b);

    if (ret == GST_FLOW_OK)
        ret = follow(self, trans, b, after);
    if (ret == GST_FLOW_OK)
        *change = udm_interpolator_change(trans->session.object);
    return ret;
}

GstFlowReturn gst_udm_neighbours_repeat(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                                        const GstUdmNeighbour *b, gboolean *repeats)
{
    GstFlowReturn ret = pair(self, trans, a, b);

    if (ret == GST_FLOW_OK)
        *repeats = udm_interpolator_repeats(trans->session.object);
    return ret;
}

// Makes the frame at an instant, or of what was exposed if there is none.
static GstFlowReturn make(GstUdmTransform *trans, const GstUdmRecipe *recipe, GstUdmFrame *nearest, GstUdmFrame *out)
{
    GstUdmPicture picture = picture_of(out);
    udm_interpolator *between = trans->session.object;
    udm_error error = { 0 };
    gboolean made;

    gst_udm_frame_copy_rest(out, nearest); // the unused bytes of formats like RGBx
    made = recipe ? udm_interpolator_make_alpha(between, recipe->position, recipe->number, &picture.image,
                                                alpha_of(&picture), &error)
                  : udm_interpolator_develop_alpha(between, &picture.image, alpha_of(&picture), &error);
    if (!made)
        return gst_udm_transform_failed(trans, &error);
    gst_udm_transform_made(trans);
    return GST_FLOW_OK;
}

static GstFlowReturn make_like(GstUdmTransform *trans, const GstUdmRecipe *recipe, GstBuffer *like, GstBuffer *output)
{
    GstUdmFrame nearest, out;
    GstFlowReturn ret;

    if (!map(trans, &nearest, like))
        return gst_udm_transform_invalid_buffer(trans);
    if (!gst_udm_smaller_write(trans->smaller, &out, &GST_VIDEO_FILTER(trans)->out_info, output)) {
        gst_udm_frame_unmap(&nearest);
        return gst_udm_transform_invalid_buffer(trans);
    }
    ret = make(trans, recipe, &nearest, &out);
    if (!gst_udm_smaller_written(trans->smaller, &out, output) && ret == GST_FLOW_OK)
        ret = gst_udm_transform_invalid_buffer(trans);
    gst_udm_frame_unmap(&nearest);
    return ret;
}

GstFlowReturn gst_udm_neighbours_make(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmRecipe *recipe,
                                      GstBuffer *output)
{
    GstFlowReturn ret = pair(self, trans, recipe->a, recipe->b);

    if (ret != GST_FLOW_OK)
        return ret;
    self->settled = TRUE;
    return make_like(trans, recipe, gst_udm_recipe_nearest(recipe)->buffer, output);
}

GstFlowReturn gst_udm_neighbours_expose(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmRecipe *begin,
                                        double end, gboolean anew)
{
    GstFlowReturn ret = pair(self, trans, begin->a, begin->b);
    udm_error error = { 0 };

    if (ret != GST_FLOW_OK)
        return ret;
    self->settled = TRUE;
    if ((anew && !udm_interpolator_develop_alpha(trans->session.object, NULL, NULL, &error)) ||
        !udm_interpolator_expose(trans->session.object, begin->position, end, begin->number, &error))
        return gst_udm_transform_failed(trans, &error);
    return GST_FLOW_OK;
}

GstFlowReturn gst_udm_neighbours_develop(GstUdmTransform *trans, GstBuffer *like, GstBuffer *output)
{
    return make_like(trans, NULL, like, output);
}
