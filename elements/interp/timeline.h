// SPDX-License-Identifier: LGPL-2.1-or-later
// The instants of output frames. They are counted, and their times are scaled from their numbers, so nothing drifts.
#ifndef GST_UDM_TIMELINE_H
#define GST_UDM_TIMELINE_H

#include <gst/video/video.h>

// One pass through time: the caller gives spans in the order of playback, and takes the instants of each until there
// are none left.
typedef struct GstUdmTimeline {
    gint in_n, in_d;   // frames per second; in_n is 0 if the rate is unknown
    gint out_n, out_d; // out_n is 0: `parts` instants from each frame to the next
    guint parts;
    gboolean reverse;

    GstClockTime origin; // of the first frame
    gint64 number;       // of the next instant; the origin is 0
    gboolean inclusive;  // whether an instant at `to` is still within the span
    GstClockTime from, to;
    guint part, last_part;
} GstUdmTimeline;

void gst_udm_timeline_init(GstUdmTimeline *line, const GstVideoInfo *in, const GstVideoInfo *out, guint parts,
                           gboolean reverse);

// How long a frame is shown: by the rate, or as long as `known`, or 1/25 s.
GstClockTime gst_udm_timeline_frame_of(const GstVideoInfo *in, GstClockTime known);
GstClockTime gst_udm_timeline_frame(const GstUdmTimeline *line, GstClockTime known);

// The time of a frame where the rate has it, if a container rounded it to no more than milliseconds; or as it is.
GstClockTime gst_udm_timeline_nominal(const GstUdmTimeline *line, GstClockTime time);

// The first frame begins at a time and lasts. In reverse its span is what is shown of it before its time comes.
void gst_udm_timeline_begin(GstUdmTimeline *line, GstClockTime time, GstClockTime duration);
// From a frame, included, to the next.
void gst_udm_timeline_span(GstUdmTimeline *line, GstClockTime from, GstClockTime to);
// From a frame to the end of the last that came, which is the same or repeats it.
void gst_udm_timeline_end(GstUdmTimeline *line, GstClockTime from, GstClockTime last, GstClockTime duration);

// The next instant of the span and how long it lasts; FALSE if there is none.
gboolean gst_udm_timeline_next(GstUdmTimeline *line, GstClockTime *time, GstClockTime *duration);
// Where there is none, the one that comes first in the span that follows, if that follows at once; FALSE if it has no
// time.
gboolean gst_udm_timeline_foresee(const GstUdmTimeline *line, GstClockTime *time, GstClockTime *duration);

#endif
