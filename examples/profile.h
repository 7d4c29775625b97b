// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of `udm bench --profile`.
#ifndef UDM_EXAMPLES_PROFILE_H
#define UDM_EXAMPLES_PROFILE_H

#include "udm.h"

// frames: that the stream has done, on a device that times its operations.
void profile_print(const udm_stream *stream, int frames);

#endif
