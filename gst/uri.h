// SPDX-License-Identifier: LGPL-2.1-or-later
// udm://MODEL?property=value&...: an element's properties as a URI. A model directory is udm:///DIRECTORY?...
#ifndef GST_UDM_URI_H
#define GST_UDM_URI_H

#include <gst/gst.h>

#define GST_UDM_URI_PROTOCOL "udm"

// Those properties that `owner` installed and that are not what they are by default; to be freed.
char *gst_udm_uri_from_properties(GObject *object, GType owner);

// Sets "model", and the properties that the URI names. FALSE with GST_URI_ERROR_BAD_URI for one that `owner` does not
// have, or a value that it cannot have; those before it are set.
gboolean gst_udm_uri_to_properties(GObject *object, GType owner, const char *text, GError **error);

#endif
