// SPDX-License-Identifier: LGPL-2.1-or-later
// udm://MODEL?property=value&...: an element's properties as a URI. A model directory is udm:///DIRECTORY?...
#ifndef GST_UDM_URI_H
#define GST_UDM_URI_H

#include <gst/gst.h>

#define GST_UDM_URI_PROTOCOL "udm"

// The init function of GstURIHandler for an element class whose own properties make up its URIs: those that it
// installed itself, but for "model" and what reads files and addresses (a URI may come from anywhere), where they are
// not what they are by default. A URI is refused with GST_URI_ERROR_BAD_URI if it names a property that the class does
// not have, or a value that this cannot have (those before it are set), and with GST_URI_ERROR_BAD_STATE above READY.
void gst_udm_uri_handler_init(gpointer interface, gpointer data);

#endif
