// SPDX-License-Identifier: LGPL-2.1-or-later
// Bins of two pads.
#include "bins.h"

void gst_udm_bin_add_pad(GstElement *bin, const char *name)
{
    GstPadTemplate *template = gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(bin), name);
    GstPad *pad = gst_ghost_pad_new_no_target_from_template(name, template);

    GST_PAD_SET_ACCEPT_INTERSECT(pad); // as the filters do: caps need not have all fields
    gst_element_add_pad(bin, pad);
}

void gst_udm_bin_aim(GstElement *bin, GstElement *element, const char *name)
{
    GstPad *ghost = gst_element_get_static_pad(bin, name);
    GstPad *target = gst_element_get_static_pad(element, name);

    gst_ghost_pad_set_target(GST_GHOST_PAD(ghost), target);
    gst_object_unref(target);
    gst_object_unref(ghost);
}

GstElement *gst_udm_bin_ref_child(GstElement *bin, GstElement *const *child)
{
    GstElement *element;

    GST_OBJECT_LOCK(bin);
    element = *child ? gst_object_ref(*child) : NULL;
    GST_OBJECT_UNLOCK(bin);
    return element;
}
