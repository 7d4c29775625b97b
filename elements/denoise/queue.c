// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that went in and did not come out yet. The engine holds their pixels; what it does not know, such as
// timestamps and metas, stays here with the buffers.
#include "denoise.h"

typedef struct Held {
    GstBuffer *buffer;
    gboolean late;   // there is no time for it
    gboolean passes; // or it is not to be restored: not given to the engine, it leaves as it is when its turn comes
    GstUdmDenoiseOptions options; // as they were when it came
} Held;

static void release(gpointer data)
{
    Held *held = data;

    gst_buffer_unref(held->buffer);
}

GstQueueArray *gst_udm_denoise_queue_new(void)
{
    GstQueueArray *queue = gst_queue_array_new_for_struct(sizeof(Held), 4); // grows

    gst_queue_array_set_clear_func(queue, release);
    return queue;
}

void gst_udm_denoise_forget(GstUdmTransform *trans)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);

    gst_queue_array_clear(self->queue);
    gst_queue_array_clear(self->kept);
    self->scene = self->restarted = G_MAXUINT64;
    self->expected = 0;
    gst_udm_denoise_forget_woven(self);
    self->ending = 0;
    if (gst_udm_denoise_stream(self))
        udm_restorer_reset(gst_udm_denoise_stream(self));
    if (gst_udm_denoise_bottom(self))
        udm_restorer_reset(gst_udm_denoise_bottom(self));
    self->discontinuity = TRUE;
}

gboolean gst_udm_denoise_follows(GstUdmTransform *trans, GstBuffer *frame)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const GstUdmPlanned *planned;

    if (!GST_BUFFER_IS_DISCONT(frame))
        return TRUE;
    planned = gst_udm_denoise_planned(self, frame); // which knows better
    return planned && planned->number > 0 && planned->number == self->expected;
}

// ---- splits of the plan: a scene begins anew there, after frames before it that are restored once more

static const Held *nth(GstQueueArray *queue, guint n)
{
    return gst_queue_array_peek_nth_struct(queue, n);
}

static guint64 number_of(GstUdmDenoise *self, const Held *held)
{
    return gst_udm_denoise_planned(self, held->buffer)->number; // as the engine took it
}

// A frame went to the engine: a copy is kept if a split will need it, as upstream may have few buffers.
static void keep(GstUdmDenoise *self, const Held *held)
{
    const GstUdmPlanned *planned = gst_udm_denoise_planned(self, held->buffer);
    const guint delay = gst_udm_denoise_delay(GST_UDM_TRANSFORM(self));
    Held copy = *held;

    if (!planned)
        return;
    while (!gst_queue_array_is_empty(self->kept) &&
           number_of(self, nth(self->kept, 0)) + gst_udm_plan_warm_up(self->plan) + delay < planned->number)
        release(gst_queue_array_pop_head_struct(self->kept));
    if (!planned->kept)
        return;
    copy.buffer = gst_buffer_copy_deep(held->buffer);
    gst_queue_array_push_tail_struct(self->kept, &copy);
}

// The first of the frames that the split has before it; FALSE if they are not all there, as after a seek, which is a
// beginning itself.
static gboolean find_warm_up(GstUdmDenoise *self, const GstUdmPlanned *split, guint *first)
{
    const guint length = gst_queue_array_get_length(self->kept);

    for (guint i = 0; i < length; i++)
        if (number_of(self, nth(self->kept, i)) == split->number - split->warm_up) {
            *first = i;
            return i + split->warm_up <= length &&
                   number_of(self, nth(self->kept, i + split->warm_up - 1)) == split->number - 1;
        }
    return split->warm_up == 0;
}

// What comes of a frame of the warm-up is of no use.
static GstFlowReturn drop(GstUdmDenoise *self, GstBuffer *input)
{
    GstBuffer *output = gst_buffer_copy_deep(input);
    const GstFlowReturn ret = gst_udm_denoise_pull(self, input, output);

    gst_buffer_unref(output);
    return ret;
}

// The frame that is to leave next is the first after a split: the engine is given the warm-up, and again all that
// waits.
static GstFlowReturn restart(GstUdmDenoise *self, const GstUdmPlanned *split, guint first)
{
    const guint waiting = gst_queue_array_get_length(self->queue);
    GstFlowReturn ret = GST_FLOW_OK;

    udm_restorer_reset(gst_udm_denoise_stream(self));
    self->discontinuity = TRUE;
    self->restarted = split->number;
    for (guint i = 0; i < split->warm_up && ret == GST_FLOW_OK; i++)
        ret = gst_udm_denoise_push(self, nth(self->kept, first + i)->buffer, &nth(self->kept, first + i)->options);
    for (guint i = 0; i < waiting && ret == GST_FLOW_OK; i++)
        if (!nth(self->queue, i)->passes)
            ret = gst_udm_denoise_push(self, nth(self->queue, i)->buffer, &nth(self->queue, i)->options);
    if (self->ending == 1) // it was told that already
        udm_restorer_end(gst_udm_denoise_stream(self));
    for (guint i = 0; i < split->warm_up && ret == GST_FLOW_OK; i++)
        ret = drop(self, nth(self->kept, first + i)->buffer);
    return ret;
}

static GstFlowReturn restart_if_split(GstUdmDenoise *self, const Held *oldest)
{
    const GstUdmPlanned *planned = oldest->passes ? NULL : gst_udm_denoise_planned(self, oldest->buffer);
    guint first = 0;

    if (!planned || !planned->splits || planned->number == self->restarted || !find_warm_up(self, planned, &first))
        return GST_FLOW_OK;
    return restart(self, planned, first);
}

// ---- in and out

// A frame for the engine; takes the reference.
static GstFlowReturn enter(GstUdmDenoise *self, GstBuffer *frame)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);
    udm_restorer *stream = gst_udm_denoise_stream(self);
    const gboolean late = gst_udm_transform_is_late(trans, GST_BUFFER_PTS(frame), GST_BUFFER_DURATION(frame),
                                                    stream ? (guint)udm_restorer_delay(stream) : 0);
    Held held = { frame, late, late || !stream, gst_udm_denoise_options_copy(self) };
    GstFlowReturn ret;

    if (late && stream && !gst_udm_denoise_restores_fields(self) && gst_udm_transform_leaves_out(trans)) {
        gst_buffer_unref(frame);
        return GST_FLOW_OK;
    }
    ret = held.passes ? GST_FLOW_OK : gst_udm_denoise_push(self, frame, &held.options);
    if (ret == GST_FLOW_OK && !held.passes)
        keep(self, &held);
    if (ret == GST_FLOW_OK)
        gst_queue_array_push_tail_struct(self->queue, &held);
    else
        gst_buffer_unref(frame);
    return ret;
}

GstFlowReturn gst_udm_denoise_take(GstUdmTransform *trans, GstBuffer *frame)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);

    if (self->alternate) {
        const GstFlowReturn ret = gst_udm_denoise_pair(self, frame, &frame);

        if (ret != GST_FLOW_OK || !frame)
            return ret;
    }
    return self->before ? gst_udm_denoise_take_woven(self, frame, FALSE) : enter(self, frame);
}

GstFlowReturn gst_udm_denoise_make_room(GstUdmDenoise *self, GstBuffer *input, gboolean inside, GstBuffer **buffer)
{
    GstBaseTransform *base = GST_BASE_TRANSFORM(self);
    GstBaseTransformClass *klass = GST_BASE_TRANSFORM_GET_CLASS(base);

    if (!inside)
        return klass->prepare_output_buffer(base, input, buffer);
    *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(gst_udm_denoise_info(self)), NULL);
    return klass->copy_metadata(base, input, *buffer) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

// What the engine can return of what it has; NULL if it takes more. late: there was no time for it.
static GstFlowReturn next_of_engine(GstUdmDenoise *self, GstBuffer **output, gboolean *late)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);
    const Held *oldest = gst_queue_array_peek_head_struct(self->queue);
    GstBuffer *buffer = NULL;
    GstFlowReturn ret;

    *output = NULL;
    if (!oldest)
        return GST_FLOW_OK;
    *late = oldest->late || trans->hurried;
    if (oldest->passes || (trans->hurried && gst_udm_transform_is_late(trans, GST_BUFFER_PTS(oldest->buffer), 0, 0))) {
        *output = oldest->buffer;
        gst_queue_array_pop_head_struct(self->queue);
        return GST_FLOW_OK;
    }
    ret = restart_if_split(self, oldest);
    if (ret == GST_FLOW_OK)
        ret = gst_udm_denoise_make_room(self, oldest->buffer, gst_udm_denoise_restores_fields(self), &buffer);
    if (ret == GST_FLOW_OK)
        ret = gst_udm_denoise_pull(self, oldest->buffer, buffer);
    if (ret == GST_FLOW_OK) {
        release(gst_queue_array_pop_head_struct(self->queue));
        *output = buffer;
        return GST_FLOW_OK;
    }
    gst_clear_buffer(&buffer);
    // Not returned as dropped, which would mark the next frame as discontinuous.
    return ret == GST_BASE_TRANSFORM_FLOW_DROPPED ? GST_FLOW_OK : ret;
}

// Tells the first, and when that has returned all, the second of engine and deinterlacer that no more frames follow.
// FALSE if there is nobody left to be told.
static gboolean finish(GstUdmDenoise *self)
{
    const gboolean engine = self->ending == (self->before ? 1 : 2);

    if (self->ending == 0)
        return FALSE;
    self->ending--;
    if (!engine) {
        udm_deinterlacer_end(self->deinterlacer);
        return TRUE;
    }
    if (gst_udm_denoise_stream(self))
        udm_restorer_end(gst_udm_denoise_stream(self));
    if (gst_udm_denoise_bottom(self))
        udm_restorer_end(gst_udm_denoise_bottom(self));
    return TRUE;
}

// What can leave the engine; the deinterlacer, if there is one, feeds it.
static GstFlowReturn next_of_pictures(GstUdmDenoise *self, GstBuffer **output)
{
    gboolean late;
    GstFlowReturn ret = next_of_engine(self, output, &late);

    while (ret == GST_FLOW_OK && !*output) {
        GstBuffer *picture;

        if (gst_udm_denoise_has_woven(self)) {
            ret = gst_udm_denoise_next_of_woven(self, &picture);
            if (ret == GST_FLOW_OK)
                ret = enter(self, picture);
        } else if (!finish(self)) {
            return GST_FLOW_OK;
        }
        if (ret == GST_FLOW_OK)
            ret = next_of_engine(self, output, &late);
    }
    return ret;
}

// What can leave the deinterlacer, which the engine feeds.
static GstFlowReturn next_of_fields(GstUdmDenoise *self, GstBuffer **output)
{
    GstFlowReturn ret = GST_FLOW_OK;

    while (ret == GST_FLOW_OK && !gst_udm_denoise_has_woven(self)) {
        GstBuffer *restored;
        gboolean late;

        ret = next_of_engine(self, &restored, &late);
        if (ret == GST_FLOW_OK && !restored && !finish(self))
            return GST_FLOW_OK;
        if (ret == GST_FLOW_OK && restored)
            ret = gst_udm_denoise_take_woven(self, restored, late);
    }
    return ret == GST_FLOW_OK ? gst_udm_denoise_next_of_woven(self, output) : ret;
}

GstFlowReturn gst_udm_denoise_next(GstUdmTransform *trans, GstBuffer **output)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);

    *output = NULL;
    return gst_udm_denoise_restores_fields(self) ? next_of_fields(self, output) : next_of_pictures(self, output);
}

gboolean gst_udm_denoise_end(GstUdmTransform *trans)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);

    if (self->field && gst_udm_denoise_take(trans, NULL) != GST_FLOW_OK)
        return FALSE;
    if (gst_queue_array_is_empty(self->queue) && gst_queue_array_is_empty(self->woven))
        return FALSE;
    self->ending = 2;
    return TRUE;
}
