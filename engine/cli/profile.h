// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of `udm bench --profile`.
#ifndef UDM_CLI_PROFILE_H
#define UDM_CLI_PROFILE_H

#include "udm/udm.h"

// frames: that the stream has done, on a device that times its operations; frame_ms: of all processors, for one.
void profile_print(const udm_restorer *stream, int frames, double frame_ms);

#endif
