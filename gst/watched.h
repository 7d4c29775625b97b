// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether somebody watches: before the first frame, as afterwards QoS events tell.
#ifndef GST_UDM_WATCHED_H
#define GST_UDM_WATCHED_H

#include <gst/gst.h>

// Whether what leaves the pad reaches a sink that shows frames by the clock and tells of those that are late.
gboolean gst_udm_is_watched(GstPad *src);

#endif
