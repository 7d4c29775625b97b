// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes the frames between the frames: which ones, from which neighbours, and with what timestamps.
/**
 * SECTION:element-udminterp
 * @title: udminterp
 *
 * Makes the frames between the frames of a video, along their motion: for slow motion, for other frame rates, for
 * frames that were lost, and for duplicates. Frames that came in go out bit for bit; where a scene ends, and where
 * motion cannot be known, frames are repeated instead.
 *
 * With #GstUdmInterp:mode rate, the frame rate becomes what downstream asks for, or #GstUdmInterp:factor times that of
 * the input; the last frame is repeated until its time is over. With mode fill the frame rate stays, and frames that
 * carry the GAP flag, as videorate sets it on its duplicates, are made anew: this is what works inside editors.
 *
 * With #GstBaseTransform:qos set, a frame that would be late repeats its neighbour.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udminterp ! video/x-raw,framerate=60/1 !
 *     videoconvert ! autovideosink
 * ]|
 * Shows a video at 60 frames a second.
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! identity single-segment=true !
 *     videorate rate=0.25 ! udminterp mode=fill ! videoconvert ! x264enc ! mp4mux ! filesink location=slow.mp4
 * ]|
 * Slow motion, four times as long; a segment with an end would end as early as before.
 * |[
 * ges-launch-1.0 +clip in.mp4 +effect "videorate rate=0.5" +effect "udminterp mode=fill"
 * ]|
 * The same in an editor's timeline, at half the speed.
 */
#include "udminterp.h"

#include "frames.h"
#include "neighbours.h"
#include "timeline.h"

GST_DEBUG_CATEGORY_STATIC(udm_interp_debug);
#define GST_CAT_DEFAULT udm_interp_debug

#define DEFAULT_MODEL "" // motion alone
#define DEFAULT_STEPS 1
#define DEFAULT_MODE MODE_RATE
#define DEFAULT_FACTOR 0
#define DEFAULT_SCENE_THRESHOLD 0.3
#define DEFAULT_EXTRAPOLATE 0
#define DEFAULT_DE_DUPLICATE FALSE
#define DEFAULT_FILL_HOLES FALSE
#define DEFAULT_MAX_GAP 7
#define MAX_FACTOR 64
#define FREE_FACTOR 2    // where neither the property nor downstream asks for one
#define FARTHEST 8       // that the engine extrapolates, in gaps
#define CLOSE (1.0 / 64) // of a gap: a frame that is so close to an instant is shown at it as it is

typedef enum Mode { MODE_RATE, MODE_FILL } Mode;

enum {
    PROP_MODE = GST_UDM_PROP_OWN,
    PROP_FACTOR,
    PROP_SCENE_THRESHOLD,
    PROP_EXTRAPOLATE,
    PROP_DE_DUPLICATE,
    PROP_FILL_HOLES,
    PROP_MAX_GAP,
};

typedef struct Options {
    Mode mode;
    guint factor;
    gdouble scene_threshold;
    guint extrapolate;
    gboolean de_duplicate, fill_holes;
    guint max_gap;
} Options;

// A frame that has to be made.
typedef struct Missing {
    GstBuffer *buffer; // the duplicate that stands for it, or NULL
    GstClockTime time, duration;
} Missing;

struct _GstUdmInterp {
    GstUdmTransform parent;

    // properties, under the object lock
    Options options;

    // state, under the object lock
    guint64 originals, made, repeated;

    // state of the streaming thread
    Options now; // the properties as they were when the session was opened
    GstUdmTimeline line;
    GstUdmNeighbours known;
    GstClockTime last;    // of the last frame that came
    GQueue missing;       // since the first neighbour; with mode fill
    guint repeats;        // that came since the first neighbour; with mode rate
    guint beyond;         // frames that were extrapolated from the first neighbour
    GstBuffer *untouched; // leaves next
    gboolean hopeless;    // there are too many missing: they are repeated, whatever comes
    guint64 count;        // of frames that went out; with mode rate
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define GST_TYPE_UDM_INTERP_MODE (gst_udm_interp_mode_get_type())
static GType gst_udm_interp_mode_get_type(void)
{
    static const GEnumValue modes[] = {
        { MODE_RATE, "Change the frame rate", "rate" },
        { MODE_FILL, "Keep the frame rate, and make the frames that are marked as duplicates", "fill" },
        { 0, NULL, NULL },
    };
    static gsize type = 0;

    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstUdmInterpMode", modes));
    return type;
}

#define gst_udm_interp_parent_class parent_class
G_DEFINE_TYPE(GstUdmInterp, gst_udm_interp, GST_TYPE_UDM_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(udminterp, "udminterp", GST_RANK_NONE, GST_TYPE_UDM_INTERP)

static Options get_options(GstUdmInterp *self)
{
    Options options;

    GST_OBJECT_LOCK(self);
    options = self->options;
    GST_OBJECT_UNLOCK(self);
    return options;
}

static void count(GstUdmInterp *self, guint64 *counter)
{
    GST_OBJECT_LOCK(self);
    ++*counter;
    GST_OBJECT_UNLOCK(self);
}

// ---- caps: with mode rate all but the frame rate is the same on both sides

static void multiply_rate(const GValue *rate, gint n, gint d, GValue *result)
{
    gint rate_n = gst_value_get_fraction_numerator(rate), rate_d = gst_value_get_fraction_denominator(rate);

    g_value_init(result, GST_TYPE_FRACTION);
    if (!gst_util_fraction_multiply(rate_n, rate_d, n, d, &rate_n, &rate_d))
        rate_n = n > d ? G_MAXINT : 1, rate_d = n > d ? 1 : G_MAXINT;
    gst_value_set_fraction(result, rate_n, rate_d);
}

static void multiply_rates(const GValue *rates, gint n, gint d, GValue *result)
{
    if (GST_VALUE_HOLDS_FRACTION_RANGE(rates)) {
        GValue min = G_VALUE_INIT, max = G_VALUE_INIT;

        multiply_rate(gst_value_get_fraction_range_min(rates), n, d, &min);
        multiply_rate(gst_value_get_fraction_range_max(rates), n, d, &max);
        g_value_init(result, GST_TYPE_FRACTION_RANGE);
        gst_value_set_fraction_range(result, &min, &max);
    } else if (GST_VALUE_HOLDS_LIST(rates)) {
        g_value_init(result, GST_TYPE_LIST);
        for (guint i = 0; i < gst_value_list_get_size(rates); i++) {
            GValue value = G_VALUE_INIT;

            multiply_rates(gst_value_list_get_value(rates, i), n, d, &value);
            gst_value_list_append_and_take_value(result, &value);
        }
    } else {
        multiply_rate(rates, n, d, result);
    }
}

static void transform_rate(GstStructure *structure, GstPadDirection direction, gint factor)
{
    const GValue *rates = gst_structure_get_value(structure, "framerate");
    GValue result = G_VALUE_INIT;

    if (factor == 0 || !rates) {
        gst_structure_set(structure, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
        return;
    }
    multiply_rates(rates, direction == GST_PAD_SINK ? factor : 1, direction == GST_PAD_SINK ? 1 : factor, &result);
    gst_structure_take_value(structure, "framerate", &result);
}

static GstCaps *gst_udm_interp_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                              GstCaps *filter)
{
    Options options = get_options(GST_UDM_INTERP(trans));
    GstCaps *result = gst_caps_copy(caps), *unfiltered = result;

    for (guint i = 0; options.mode == MODE_RATE && i < gst_caps_get_size(result); i++)
        transform_rate(gst_caps_get_structure(result, i), direction, (gint)options.factor);
    if (filter) {
        result = gst_caps_intersect_full(filter, unfiltered, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(unfiltered);
    }
    return result;
}

static GstCaps *gst_udm_interp_fixate_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                           GstCaps *other)
{
    gint n, d;

    other = gst_caps_make_writable(gst_caps_truncate(other));
    if (gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &n, &d)) {
        gint up = direction == GST_PAD_SINK ? FREE_FACTOR : 1, down = direction == GST_PAD_SINK ? 1 : FREE_FACTOR;

        if (gst_util_fraction_multiply(n, d, up, down, &n, &d))
            gst_structure_fixate_field_nearest_fraction(gst_caps_get_structure(other, 0), "framerate", n, d);
    }
    return GST_BASE_TRANSFORM_CLASS(parent_class)->fixate_caps(trans, direction, caps, other);
}

static gboolean has_same_rate(const GstVideoInfo *in, const GstVideoInfo *out)
{
    return gst_util_fraction_compare(in->fps_n, in->fps_d, out->fps_n, out->fps_d) == 0;
}

static gboolean gst_udm_interp_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in,
                                                 const GstVideoInfo *out)
{
    Options options = get_options(GST_UDM_INTERP(trans));

    return options.mode == MODE_RATE && !options.de_duplicate && has_same_rate(in, out) &&
           (in->fps_n > 0 || options.factor == 1);
}

// ---- the engine

static gboolean gst_udm_interp_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    self->now = get_options(self);
    return gst_udm_session_open_between(&trans->session, trans->model ? gst_udm_model_get(trans->model) : NULL,
                                        settings, error);
}

static guint gst_udm_interp_delay(GstUdmTransform *trans)
{
    const Options *now = &GST_UDM_INTERP(trans)->now;

    return (now->mode == MODE_RATE) + (now->mode == MODE_FILL || now->de_duplicate ? now->max_gap : 0);
}

static guint gst_udm_interp_buffers(GstUdmTransform *trans)
{
    return gst_udm_interp_delay(trans) + 2; // the two neighbours before
}

// ---- frames that come

static void missing_free(gpointer data)
{
    Missing *missing = data;

    gst_clear_buffer(&missing->buffer);
    g_free(missing);
}

static void gst_udm_interp_forget(GstUdmTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    gst_udm_neighbours_clear(&self->known);
    gst_clear_buffer(&self->untouched);
    g_queue_clear_full(&self->missing, missing_free);
    self->last = GST_CLOCK_TIME_NONE;
    self->repeats = self->beyond = 0;
    self->hopeless = FALSE;
}

// How far a time lies ahead of the last frame, in the direction of play.
static GstClockTimeDiff ahead(GstUdmInterp *self, GstClockTime time)
{
    GstClockTimeDiff difference = GST_CLOCK_DIFF(self->last, time);

    return GST_BASE_TRANSFORM(self)->segment.rate < 0 ? -difference : difference;
}

static GstClockTimeDiff longest_gap(GstUdmInterp *self, GstClockTime frame)
{
    return (GstClockTimeDiff)((self->now.max_gap + 1) * frame + frame / 2);
}

static gboolean gst_udm_interp_follows(GstUdmTransform *trans, GstBuffer *frame)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstClockTime pts = GST_BUFFER_PTS(frame);

    if (!self->known.first.buffer)
        return TRUE;
    if (!GST_CLOCK_TIME_IS_VALID(pts))
        return !GST_BUFFER_IS_DISCONT(frame);
    if (ahead(self, pts) <= 0) {
        GST_INFO_OBJECT(self, "a frame goes back in time: starting anew");
        return FALSE;
    }
    return !GST_BUFFER_IS_DISCONT(frame) ||
           (self->now.fill_holes && ahead(self, pts) <= longest_gap(self, gst_udm_timeline_frame(&self->line, 0)));
}

static GstClockTime time_of(GstUdmInterp *self, GstBuffer *frame)
{
    const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
    GstClockTime length = gst_udm_timeline_frame(&self->line, GST_BUFFER_DURATION(frame));

    if (GST_BUFFER_PTS_IS_VALID(frame))
        return self->known.first.buffer ? gst_udm_timeline_nominal(&self->line, GST_BUFFER_PTS(frame))
                                        : GST_BUFFER_PTS(frame);
    if (!GST_CLOCK_TIME_IS_VALID(self->last))
        return segment->rate < 0 && GST_CLOCK_TIME_IS_VALID(segment->stop) ? segment->stop - length : segment->start;
    return segment->rate < 0 ? self->last - MIN(self->last, length) : self->last + length;
}

static void take_first(GstUdmInterp *self, GstUdmNeighbour frame)
{
    const GstVideoFilter *filter = GST_VIDEO_FILTER(self);

    gst_udm_timeline_init(&self->line, &filter->in_info, &filter->out_info,
                          self->now.factor > 0 ? self->now.factor : FREE_FACTOR,
                          GST_BASE_TRANSFORM(self)->segment.rate < 0);
    frame.time = time_of(self, frame.buffer);
    gst_udm_timeline_begin(&self->line, frame.time,
                           gst_udm_timeline_frame(&self->line, GST_BUFFER_DURATION(frame.buffer)));
    self->known.first = frame;
    self->last = frame.time;
    if (self->now.mode == MODE_FILL)
        self->untouched = gst_buffer_ref(frame.buffer);
}

static void add_missing(GstUdmInterp *self, GstBuffer *buffer, GstClockTime time, GstClockTime duration)
{
    Missing *missing = g_new(Missing, 1);

    *missing = (Missing){ buffer, time, duration };
    g_queue_push_tail(&self->missing, missing);
    self->hopeless |= self->missing.length > self->now.max_gap;
}

// Frames that never came, before one that did.
static void add_holes(GstUdmInterp *self, GstClockTime time)
{
    GstClockTime length = gst_udm_timeline_frame(&self->line, 0);
    guint holes = (guint)((ahead(self, time) + length / 2) / length);

    if (self->line.in_n <= 0 || ahead(self, time) > longest_gap(self, length))
        return;
    for (guint i = 1; i < holes; i++) {
        GstClockTime away = gst_util_uint64_scale_round((guint64)ahead(self, time), i, holes);

        add_missing(self, NULL, self->line.reverse ? self->last - away : self->last + away, length);
    }
}

static GstFlowReturn is_missing(GstUdmInterp *self, const GstUdmNeighbour *frame, gboolean *missing)
{
    *missing = (self->now.mode == MODE_FILL || self->now.de_duplicate) &&
               GST_BUFFER_FLAG_IS_SET(frame->buffer, GST_BUFFER_FLAG_GAP);
    if (*missing || !self->now.de_duplicate)
        return GST_FLOW_OK;
    return gst_udm_neighbours_repeat(&self->known, GST_UDM_TRANSFORM(self), &self->known.first, frame, missing);
}

static void take_for_fill(GstUdmInterp *self, GstUdmNeighbour frame, gboolean missing)
{
    if (self->now.fill_holes)
        add_holes(self, frame.time);
    if (missing)
        add_missing(self, frame.buffer, frame.time, GST_BUFFER_DURATION(frame.buffer));
    else
        self->known.second = frame;
}

static void take_for_rate(GstUdmInterp *self, GstUdmNeighbour frame, gboolean missing)
{
    if (missing && self->repeats < self->now.max_gap) {
        self->repeats++;
        gst_buffer_unref(frame.buffer);
        return;
    }
    self->known.second = frame;
    gst_udm_timeline_span(&self->line, self->known.first.time, frame.time);
}

static GstFlowReturn gst_udm_interp_take(GstUdmTransform *trans, GstBuffer *buffer)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstUdmNeighbour frame = { .buffer = buffer };
    gboolean missing;
    GstFlowReturn ret;

    if (!self->known.first.buffer) {
        take_first(self, frame);
        return GST_FLOW_OK;
    }
    frame.time = time_of(self, buffer);
    ret = is_missing(self, &frame, &missing);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return ret;
    }
    if (self->now.mode == MODE_FILL)
        take_for_fill(self, frame, missing);
    else
        take_for_rate(self, frame, missing);
    self->last = frame.time;
    return GST_FLOW_OK;
}

// ---- frames that go

static gboolean is_joined(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b, GstFlowReturn *ret)
{
    GstClockTimeDiff gap = GST_CLOCK_DIFF(a->time, b->time);
    double change = 1;

    if (!a->buffer || !b->buffer)
        return FALSE;
    if (self->line.in_n > 0 && ABS(gap) > longest_gap(self, gst_udm_timeline_frame(&self->line, 0)))
        return FALSE;
    *ret = gst_udm_neighbours_change(&self->known, GST_UDM_TRANSFORM(self), a, b, &change);
    return change < self->now.scene_threshold || self->now.scene_threshold == 1;
}

// From which frames the one at an instant is made; with no b, it is a.
static GstFlowReturn choose(GstUdmInterp *self, GstClockTime time, GstUdmRecipe *recipe)
{
    GstUdmNeighbours *known = &self->known;
    GstFlowReturn ret = GST_FLOW_OK;

    *recipe = (GstUdmRecipe){ &known->first, NULL, 0 };
    if (time == known->first.time)
        return GST_FLOW_OK;
    if (!self->hopeless && is_joined(self, &known->first, &known->second, &ret)) {
        *recipe = gst_udm_recipe(&known->first, &known->second, time);
        return ret;
    }
    if (ret != GST_FLOW_OK || self->beyond >= self->now.extrapolate ||
        !is_joined(self, &known->before, &known->first, &ret))
        return ret;
    *recipe = gst_udm_recipe(&known->before, &known->first, time);
    if (recipe->position < 1 || recipe->position > 1 + FARTHEST)
        *recipe = (GstUdmRecipe){ &known->first, NULL, 0 };
    else
        self->beyond++;
    return ret;
}

static void stamp(GstUdmInterp *self, GstBuffer *buffer, const Missing *missing)
{
    GST_BUFFER_PTS(buffer) = missing->time;
    GST_BUFFER_DURATION(buffer) = missing->duration;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_OFFSET(buffer) = self->now.mode == MODE_RATE ? self->count : GST_BUFFER_OFFSET_NONE;
    GST_BUFFER_OFFSET_END(buffer) = self->now.mode == MODE_RATE ? self->count + 1 : GST_BUFFER_OFFSET_NONE;
}

// A neighbour at another time.
static GstBuffer *repeat(GstUdmInterp *self, const GstUdmNeighbour *frame, const Missing *missing)
{
    GstBuffer *buffer;

    if (missing->buffer)
        return gst_buffer_ref(missing->buffer);
    buffer = gst_buffer_copy(frame->buffer);
    stamp(self, buffer, missing);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
    return buffer;
}

// A frame that came in; it carries the time at which it goes out.
static GstBuffer *original(GstUdmInterp *self, const GstUdmNeighbour *frame, const Missing *missing)
{
    GstBuffer *buffer = gst_buffer_copy(frame->buffer);

    stamp(self, buffer, missing);
    return buffer;
}

static GstFlowReturn make(GstUdmInterp *self, const GstUdmRecipe *recipe, const Missing *missing, GstBuffer **output)
{
    GstBuffer *like = missing->buffer ? missing->buffer : gst_udm_recipe_nearest(recipe)->buffer, *buffer = NULL;
    GstFlowReturn ret =
        GST_BASE_TRANSFORM_CLASS(parent_class)->prepare_output_buffer(GST_BASE_TRANSFORM(self), like, &buffer);

    if (ret == GST_FLOW_OK)
        ret = gst_udm_neighbours_make(&self->known, GST_UDM_TRANSFORM(self), recipe, buffer);
    if (ret != GST_FLOW_OK) {
        gst_clear_buffer(&buffer);
        return ret;
    }
    if (!missing->buffer)
        stamp(self, buffer, missing);
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_GAP);
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
    *output = buffer;
    return GST_FLOW_OK;
}

static GstFlowReturn produce(GstUdmInterp *self, const Missing *missing, GstBuffer **output)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);
    GstUdmRecipe recipe;
    GstFlowReturn ret = choose(self, missing->time, &recipe);
    GstBuffer *buffer;

    if (ret != GST_FLOW_OK)
        return ret;
    if (!missing->buffer && (missing->time == recipe.a->time || (recipe.b && recipe.position < CLOSE))) {
        *output = original(self, recipe.a, missing);
        count(self, &self->originals);
        return GST_FLOW_OK;
    }
    if (!missing->buffer && recipe.b && ABS(1 - recipe.position) < CLOSE) {
        *output = original(self, recipe.b, missing);
        count(self, &self->originals);
        return GST_FLOW_OK;
    }
    buffer = repeat(self, recipe.b ? gst_udm_recipe_nearest(&recipe) : recipe.a, missing);
    if (!recipe.b || gst_udm_lateness_degrades(&trans->lateness, GST_BASE_TRANSFORM(self), buffer)) {
        *output = buffer;
        count(self, &self->repeated);
        return GST_FLOW_OK;
    }
    gst_buffer_unref(buffer);
    ret = make(self, &recipe, missing, output);
    if (ret == GST_FLOW_OK)
        count(self, &self->made);
    return ret;
}

static void advance(GstUdmInterp *self)
{
    gst_udm_neighbours_advance(&self->known);
    self->repeats = self->beyond = 0;
    self->hopeless = FALSE;
}

// Duplicates wait for the next known frame, which follows them.
static GstFlowReturn next_for_fill(GstUdmInterp *self, GstBuffer **output)
{
    GstUdmNeighbours *known = &self->known;
    Missing *missing = g_queue_peek_head(&self->missing);

    if (!self->untouched && missing) {
        GstFlowReturn ret = GST_FLOW_OK;

        if (known->second.buffer || self->hopeless)
            ret = produce(self, missing, output);
        if (*output)
            missing_free(g_queue_pop_head(&self->missing));
        return ret;
    }
    if (!self->untouched && known->second.buffer) {
        self->untouched = gst_buffer_ref(known->second.buffer);
        advance(self);
    }
    if (self->untouched)
        count(self, &self->originals);
    *output = g_steal_pointer(&self->untouched);
    return GST_FLOW_OK;
}

static GstFlowReturn next_for_rate(GstUdmInterp *self, GstBuffer **output)
{
    GstClockTime stop = GST_BASE_TRANSFORM(self)->segment.stop;
    Missing instant = { .buffer = NULL };
    GstFlowReturn ret;

    while (self->known.first.buffer && gst_udm_timeline_next(&self->line, &instant.time, &instant.duration)) {
        if (GST_CLOCK_TIME_IS_VALID(stop) && instant.time >= stop)
            continue;
        ret = produce(self, &instant, output);
        self->count += ret == GST_FLOW_OK;
        return ret;
    }
    if (self->known.second.buffer)
        advance(self);
    return GST_FLOW_OK;
}

static GstFlowReturn gst_udm_interp_next(GstUdmTransform *trans, GstBuffer **output)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    *output = NULL;
    return self->now.mode == MODE_FILL ? next_for_fill(self, output) : next_for_rate(self, output);
}

static gboolean gst_udm_interp_end(GstUdmTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    const GstUdmNeighbour *first = &self->known.first;

    if (!first->buffer)
        return FALSE;
    self->hopeless = TRUE;
    gst_udm_timeline_end(&self->line, first->time, self->last,
                         gst_udm_timeline_frame(&self->line, GST_BUFFER_DURATION(first->buffer)));
    return TRUE;
}

// A gap that the next frame is going to fill is not passed on.
static gboolean fills(GstUdmInterp *self, GstEvent *event)
{
    GstClockTime time, duration;

    if (GST_EVENT_TYPE(event) != GST_EVENT_GAP || !self->now.fill_holes || !self->known.first.buffer)
        return FALSE;
    gst_event_parse_gap(event, &time, &duration);
    return ahead(self, time) > 0 && ahead(self, time) <= longest_gap(self, gst_udm_timeline_frame(&self->line, 0));
}

static gboolean gst_udm_interp_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    if (!fills(GST_UDM_INTERP(trans), event))
        return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(trans, event);
    gst_event_unref(event);
    return TRUE;
}

static gboolean gst_udm_interp_start(GstBaseTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    GST_OBJECT_LOCK(self);
    self->originals = self->made = self->repeated = 0;
    GST_OBJECT_UNLOCK(self);
    self->count = 0;
    return GST_BASE_TRANSFORM_CLASS(parent_class)->start(trans);
}

// ---- properties

static void gst_udm_interp_add_stats(GstUdmTransform *trans, GstStructure *stats)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    gst_structure_set(stats, "originals", G_TYPE_UINT64, self->originals, "made", G_TYPE_UINT64, self->made, "repeated",
                      G_TYPE_UINT64, self->repeated, NULL);
}

// Under the object lock; FALSE if the id is none of ours.
static gboolean set_option(Options *options, guint id, const GValue *value)
{
    switch (id) {
    case PROP_MODE:
        options->mode = g_value_get_enum(value);
        return TRUE;
    case PROP_FACTOR:
        options->factor = g_value_get_uint(value);
        return TRUE;
    case PROP_SCENE_THRESHOLD:
        options->scene_threshold = g_value_get_double(value);
        return TRUE;
    case PROP_EXTRAPOLATE:
        options->extrapolate = g_value_get_uint(value);
        return TRUE;
    case PROP_DE_DUPLICATE:
        options->de_duplicate = g_value_get_boolean(value);
        return TRUE;
    case PROP_FILL_HOLES:
        options->fill_holes = g_value_get_boolean(value);
        return TRUE;
    case PROP_MAX_GAP:
        options->max_gap = g_value_get_uint(value);
        return TRUE;
    default:
        return FALSE;
    }
}

static void gst_udm_interp_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmInterp *self = GST_UDM_INTERP(object);
    gboolean ours;

    GST_OBJECT_LOCK(self);
    ours = set_option(&self->options, id, value);
    if (ours)
        GST_UDM_TRANSFORM(self)->settings.version++;
    GST_OBJECT_UNLOCK(self);
    if (!ours)
        G_OBJECT_CLASS(parent_class)->set_property(object, id, value, spec);
    else if (id == PROP_MODE || id == PROP_FACTOR)
        gst_base_transform_reconfigure_src(GST_BASE_TRANSFORM(self));
}

static gboolean get_option(const Options *options, guint id, GValue *value)
{
    switch (id) {
    case PROP_MODE:
        g_value_set_enum(value, options->mode);
        return TRUE;
    case PROP_FACTOR:
        g_value_set_uint(value, options->factor);
        return TRUE;
    case PROP_SCENE_THRESHOLD:
        g_value_set_double(value, options->scene_threshold);
        return TRUE;
    case PROP_EXTRAPOLATE:
        g_value_set_uint(value, options->extrapolate);
        return TRUE;
    case PROP_DE_DUPLICATE:
        g_value_set_boolean(value, options->de_duplicate);
        return TRUE;
    case PROP_FILL_HOLES:
        g_value_set_boolean(value, options->fill_holes);
        return TRUE;
    case PROP_MAX_GAP:
        g_value_set_uint(value, options->max_gap);
        return TRUE;
    default:
        return FALSE;
    }
}

static void gst_udm_interp_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    Options options = get_options(GST_UDM_INTERP(object));

    if (!get_option(&options, id, value))
        G_OBJECT_CLASS(parent_class)->get_property(object, id, value, spec);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static void install_rate_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:mode:
     *
     * Whether the frame rate changes, or stays and duplicates are replaced.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_MODE,
                                    g_param_spec_enum("mode", "Mode",
                                                      "Change the frame rate, or keep it and make the duplicates anew",
                                                      GST_TYPE_UDM_INTERP_MODE, DEFAULT_MODE, FLAGS));
    /**
     * GstUdmInterp:factor:
     *
     * How many frames go out for one that comes in, with mode rate. 0 takes the frame rate that downstream asks for, or
     * doubles it where downstream does not mind.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_FACTOR,
        g_param_spec_uint("factor", "Factor",
                          "Frames out for each frame in, with mode rate (0 = the frame rate that downstream asks for)",
                          0, MAX_FACTOR, DEFAULT_FACTOR, FLAGS));
    /**
     * GstUdmInterp:extrapolate:
     *
     * How many frames after the last of a scene or of the stream go on along the motion. Those after them repeat it.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_EXTRAPOLATE,
        g_param_spec_uint("extrapolate", "Extrapolate",
                          "Frames after the last of a scene that go on along its motion, before they repeat", 0, 1000,
                          DEFAULT_EXTRAPOLATE, FLAGS));
}

static void install_known_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:scene-threshold:
     *
     * How much of a picture motion must leave unexplained for it to begin a scene: 0 finds cuts everywhere, 1 nowhere.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_SCENE_THRESHOLD,
        g_param_spec_double(
            "scene-threshold", "Scene threshold",
            "Change between two frames that is a cut, over which frames are repeated (0 = any, 1 = none)", 0, 1,
            DEFAULT_SCENE_THRESHOLD, FLAGS));
    /**
     * GstUdmInterp:de-duplicate:
     *
     * Takes frames that show what the one before showed for missing, though they are not marked, as in animation on
     * twos.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_DE_DUPLICATE,
                                    g_param_spec_boolean("de-duplicate", "De-duplicate",
                                                         "Make frames anew that repeat the one before",
                                                         DEFAULT_DE_DUPLICATE, FLAGS));
    /**
     * GstUdmInterp:fill-holes:
     *
     * With mode fill, also makes frames that the timestamps lack; and goes on where a discontinuity or a gap event is
     * no longer than #GstUdmInterp:max-gap frames.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_FILL_HOLES,
                                    g_param_spec_boolean("fill-holes", "Fill holes",
                                                         "Also make frames that were lost and left a hole in time",
                                                         DEFAULT_FILL_HOLES, FLAGS));
    /**
     * GstUdmInterp:max-gap:
     *
     * The longest row of missing frames that is made; longer ones repeat the frame before. It is the latency of mode
     * fill.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_MAX_GAP,
                                    g_param_spec_uint("max-gap", "Longest gap",
                                                      "Longest row of missing frames that is made and not repeated", 1,
                                                      1000, DEFAULT_MAX_GAP, FLAGS));
}

static void install_vfuncs(GstUdmInterpClass *klass)
{
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS(klass);
    GstUdmTransformClass *transform_class = GST_UDM_TRANSFORM_CLASS(klass);

    base_class->transform_caps = GST_DEBUG_FUNCPTR(gst_udm_interp_transform_caps);
    base_class->fixate_caps = GST_DEBUG_FUNCPTR(gst_udm_interp_fixate_caps);
    base_class->sink_event = GST_DEBUG_FUNCPTR(gst_udm_interp_sink_event);
    base_class->start = GST_DEBUG_FUNCPTR(gst_udm_interp_start);
    transform_class->works_without_model = TRUE;
    transform_class->wants_passthrough = GST_DEBUG_FUNCPTR(gst_udm_interp_wants_passthrough);
    transform_class->open = GST_DEBUG_FUNCPTR(gst_udm_interp_open);
    transform_class->delay = GST_DEBUG_FUNCPTR(gst_udm_interp_delay);
    transform_class->buffers = GST_DEBUG_FUNCPTR(gst_udm_interp_buffers);
    transform_class->follows = GST_DEBUG_FUNCPTR(gst_udm_interp_follows);
    transform_class->take = GST_DEBUG_FUNCPTR(gst_udm_interp_take);
    transform_class->next = GST_DEBUG_FUNCPTR(gst_udm_interp_next);
    transform_class->end = GST_DEBUG_FUNCPTR(gst_udm_interp_end);
    transform_class->forget = GST_DEBUG_FUNCPTR(gst_udm_interp_forget);
    transform_class->add_stats = GST_DEBUG_FUNCPTR(gst_udm_interp_add_stats);
}

static void gst_udm_interp_class_init(GstUdmInterpClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    GST_DEBUG_CATEGORY_INIT(udm_interp_debug, "udminterp", 0, "frames between frames");
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_INTERP_MODE, 0);

    object_class->set_property = gst_udm_interp_set_property;
    object_class->get_property = gst_udm_interp_get_property;
    gst_udm_settings_install(object_class, DEFAULT_MODEL, DEFAULT_STEPS);
    install_rate_properties(object_class);
    install_known_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Diffusion frame interpolator", "Filter/Effect/Video",
                                          "Makes the frames between the frames, along their motion", "The udm authors");
    install_vfuncs(klass);
}

static void gst_udm_interp_init(GstUdmInterp *self)
{
    gst_udm_settings_init(&GST_UDM_TRANSFORM(self)->settings, DEFAULT_MODEL, DEFAULT_STEPS);
    self->options = (Options){
        .mode = DEFAULT_MODE,
        .factor = DEFAULT_FACTOR,
        .scene_threshold = DEFAULT_SCENE_THRESHOLD,
        .extrapolate = DEFAULT_EXTRAPOLATE,
        .de_duplicate = DEFAULT_DE_DUPLICATE,
        .fill_holes = DEFAULT_FILL_HOLES,
        .max_gap = DEFAULT_MAX_GAP,
    };
    g_queue_init(&self->missing);
    self->last = GST_CLOCK_TIME_NONE;
}
