// SPDX-License-Identifier: LGPL-2.1-or-later
// Times in a segment, whatever it counts: one of bytes has none.
#ifndef GST_UDM_TIMES_H
#define GST_UDM_TIMES_H

#include <gst/gst.h>

static inline GstClockTime gst_udm_stream_time(const GstSegment *segment, GstClockTime time)
{
    return segment->format == GST_FORMAT_TIME ? gst_segment_to_stream_time(segment, GST_FORMAT_TIME, time)
                                              : GST_CLOCK_TIME_NONE;
}

static inline GstClockTime gst_udm_running_time(const GstSegment *segment, GstClockTime time)
{
    return segment->format == GST_FORMAT_TIME ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, time)
                                              : GST_CLOCK_TIME_NONE;
}

#endif
