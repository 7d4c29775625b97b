// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether somebody watches. No query asks that, so the way of frames is followed from pad to pad.
#include "watched.h"

#include <gst/base/gstbasesink.h>

#define LONGEST_WAY 100 // of pads, as a way may lead back

static gboolean follow(GstPad *src, guint left);

static gboolean follow_any(GstIterator *pads, guint left)
{
    GValue item = G_VALUE_INIT;
    gboolean found = FALSE;

    while (!found) {
        GstIteratorResult result = gst_iterator_next(pads, &item);

        if (result == GST_ITERATOR_OK) {
            found = follow(g_value_get_object(&item), left);
            g_value_reset(&item);
        } else if (result == GST_ITERATOR_RESYNC) {
            gst_iterator_resync(pads);
        } else {
            break;
        }
    }
    g_value_unset(&item);
    return found;
}

static gboolean follow(GstPad *src, guint left)
{
    GstPad *sink = gst_pad_get_peer(src);
    GstObject *parent = sink ? gst_pad_get_parent(sink) : NULL;
    GstIterator *further = NULL;
    gboolean found = FALSE;

    if (parent && GST_IS_BASE_SINK(parent))
        found = gst_base_sink_get_sync(GST_BASE_SINK(parent)) && gst_base_sink_is_qos_enabled(GST_BASE_SINK(parent));
    else if (sink && left > 0)
        further = gst_pad_iterate_internal_links(sink);
    if (further) {
        found = follow_any(further, left - 1);
        gst_iterator_free(further);
    }
    gst_clear_object(&parent);
    gst_clear_object(&sink);
    return found;
}

gboolean gst_udm_is_watched(GstPad *src)
{
    return follow(src, LONGEST_WAY);
}
