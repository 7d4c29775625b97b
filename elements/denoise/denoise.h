// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise: its state, and the functions that its files share.
#ifndef GST_UDM_DENOISE_H
#define GST_UDM_DENOISE_H

#include <gst/base/gstqueuearray.h>

#include "options.h"
#include "plan.h"
#include "transform.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_DENOISE (gst_udm_denoise_get_type())
G_DECLARE_FINAL_TYPE(GstUdmDenoise, gst_udm_denoise, GST, UDM_DENOISE, GstUdmTransform)

GST_ELEMENT_REGISTER_DECLARE(udmdenoise)

struct _GstUdmDenoise {
    GstUdmTransform parent;

    // properties, under the object lock
    GstUdmDenoiseOptions options;

    // state of the streaming thread
    udm_deinterlacer *deinterlacer; // NULL unless the video is interlaced
    gboolean film;                  // it makes pictures of film of what was shown as video
    gboolean before;                // it comes before the engine, which restores whole pictures; or after it
    GstQueueArray *woven;           // frames of fields that it holds
    guint64 woven_first;            // the number that it knows the first of them by
    GstVideoInfo woven_info;        // of them
    gboolean alternate;             // they come field by field
    GstBuffer *field;               // that waits for the second one, or NULL
    GstQueueArray *queue;           // frames that went in and did not come out yet
    guint ending;                   // how many are to be told that no more frames follow: engine and deinterlacer
    guint64 count;                  // of frames that had neither a time nor an offset to number them by
    gboolean discontinuity;         // before the next frame
    gboolean warned;                // that a property does not fit the model
    GstUdmModel *live;              // for playback, or NULL

    // state of the streaming thread: the plan
    GstUdmPlan *plan;    // or NULL
    GstQueueArray *kept; // frames that were restored, and are again where a scene is split
    gint ahead;          // that the engine looks, in frames
    guint64 scene;       // of the last frame that it was given
    guint64 expected;    // the number of the frame that follows that; 0: any
    guint64 restarted;   // the number of the frame that was begun with last, as the scene is split there
};

GstUdmDenoiseOptions gst_udm_denoise_options_copy(GstUdmDenoise *self); // takes the object lock

// ---- engine.c: what the engine is opened with, and when it is not needed

extern const GstUdmEngine gst_udm_denoise_engine;

udm_restorer *gst_udm_denoise_stream(GstUdmDenoise *self); // NULL if it is not open
udm_restorer *gst_udm_denoise_bottom(GstUdmDenoise *self); // NULL unless fields are restored
// Whether the engine restores whole pictures, so that interlaced video is deinterlaced before.
gboolean gst_udm_denoise_wants_pictures(GstUdmDenoise *self);
const udm_model *gst_udm_denoise_model(GstUdmDenoise *self); // at the level as it is
void gst_udm_denoise_forget_live(GstUdmDenoise *self);
void gst_udm_denoise_estimate(GstUdmTransform *trans, const GstVideoInfo *info, GstUdmCosts *costs);
// Of what the model undoes, if that is no noise; 0 if nobody says how much.
gdouble gst_udm_denoise_amount(const udm_degradation *degradation, const GstUdmDenoiseOptions *options);
gboolean gst_udm_denoise_is_in_pixels(const udm_degradation *degradation); // a blur, or blocks
gboolean gst_udm_denoise_fills_holes(GstUdmDenoise *self);
gboolean gst_udm_denoise_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out);
gboolean gst_udm_denoise_suits(const udm_model *model, const GstVideoInfo *in, udm_error *error);
gpointer gst_udm_denoise_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error);
guint gst_udm_denoise_delay(GstUdmTransform *trans);

// Whether the engine restores fields, which become frames afterwards.
static inline gboolean gst_udm_denoise_restores_fields(GstUdmDenoise *self)
{
    return self->deinterlacer && !self->before;
}

// Of the frames that the engine restores.
static inline const GstVideoInfo *gst_udm_denoise_info(GstUdmDenoise *self)
{
    return gst_udm_denoise_restores_fields(self) ? &self->woven_info : &GST_VIDEO_FILTER(self)->out_info;
}

// ---- input.c: frames enter the engine

// A warning, the first of them only.
void gst_udm_denoise_warn(GstUdmDenoise *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

// options: as they were when the frame came
GstFlowReturn gst_udm_denoise_push(GstUdmDenoise *self, GstBuffer *input, const GstUdmDenoiseOptions *options);

// Asks for it by a warning if nobody says how much there is to undo; until then nothing is.
void gst_udm_denoise_check_amount(GstUdmDenoise *self);

// ---- planned.c: what the plan of the film says

// Where the element starts: reads the plan, if there is one. FALSE with *error set on failure.
gboolean gst_udm_denoise_read_plan(GstUdmDenoise *self, udm_error *error);
gboolean gst_udm_denoise_fills(GstUdmTransform *trans, GstClockTime time); // what is shown stays until the next frame
const GstUdmPlanned *gst_udm_denoise_planned(GstUdmDenoise *self, GstBuffer *input); // NULL: nothing
// Tells the engine of it; the rest of the frame is set already.
gboolean gst_udm_denoise_follow_plan(GstUdmDenoise *self, const GstUdmDenoiseOptions *options, GstBuffer *input,
                                     udm_frame *frame, udm_error *error);

// ---- fields.c: interlaced frames

gboolean gst_udm_denoise_takes_interlaced(GstUdmTransform *trans, const GstCaps *caps);
GstCaps *gst_udm_denoise_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                        GstCaps *filter);
GstCaps *gst_udm_denoise_parent_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                               GstCaps *filter); // that of the base class; in denoise.c
gboolean gst_udm_denoise_prepare(GstUdmTransform *trans, const GstVideoInfo *in, const udm_settings *settings,
                                 udm_error *error);
GstQueueArray *gst_udm_denoise_woven_new(void);
// Takes the reference. late: there is no time for it.
GstFlowReturn gst_udm_denoise_take_woven(GstUdmDenoise *self, GstBuffer *frame, gboolean late);
gboolean gst_udm_denoise_has_woven(GstUdmDenoise *self); // of which a frame can be made
GstFlowReturn gst_udm_denoise_next_of_woven(GstUdmDenoise *self, GstBuffer **output);
void gst_udm_denoise_forget_woven(GstUdmDenoise *self);
// Frames that go in until one comes out, if the engine holds back so many.
guint gst_udm_denoise_delay_of(GstUdmDenoise *self, guint restored);

// Rows of the top field (0) or the bottom one (1): at least one, which is the only one there is.
gint gst_udm_denoise_rows(gint height, guint field);
udm_image gst_udm_denoise_field(const udm_image *frame, guint field); // those rows of a frame
// Each field has as many rows of chroma as its luma needs, which may be one more than the frame has. Whether it has not
// all of them; whether there is memory for them all; and the missing one filled with the last of its field.
gboolean gst_udm_denoise_lacks_row(const GstVideoInfo *info);
gboolean gst_udm_denoise_has_rows(const GstVideoFrame *frame);
void gst_udm_denoise_fill_row(GstVideoFrame *frame);

// ---- pairs.c: fields in buffers of their own

void gst_udm_denoise_describe_woven(GstUdmDenoise *self, const GstVideoInfo *in);
// Takes the reference of a field, or NULL if none follows; *frame: what is complete now, or NULL.
GstFlowReturn gst_udm_denoise_pair(GstUdmDenoise *self, GstBuffer *field, GstBuffer **frame);

// ---- stamps.c: when frames of fields are shown

// The stamps of a frame that came out of the deinterlacer. It has those of the first of the frames that it holds.
void gst_udm_denoise_stamp(GstUdmDenoise *self, const udm_unwoven *made, GstBuffer *output);

// ---- output.c: frames leave the engine

// Computes the oldest frame that the engine holds, whose buffer is `input`. GST_BASE_TRANSFORM_FLOW_DROPPED if the
// engine needs more frames first.
GstFlowReturn gst_udm_denoise_pull(GstUdmDenoise *self, GstBuffer *input, GstBuffer *output);

// ---- queue.c: frames in between

GstQueueArray *gst_udm_denoise_queue_new(void);
// Room for a frame made of `input`; inside: it stays in this element.
GstFlowReturn gst_udm_denoise_make_room(GstUdmDenoise *self, GstBuffer *input, gboolean inside, GstBuffer **buffer);
gboolean gst_udm_denoise_follows(GstUdmTransform *trans, GstBuffer *frame);
GstFlowReturn gst_udm_denoise_take(GstUdmTransform *trans, GstBuffer *frame);
GstFlowReturn gst_udm_denoise_next(GstUdmTransform *trans, GstBuffer **output);
gboolean gst_udm_denoise_end(GstUdmTransform *trans);
void gst_udm_denoise_forget(GstUdmTransform *trans);

G_END_DECLS

#endif
