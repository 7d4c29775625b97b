// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of `udm bench --profile`.
#ifndef UDM_CLI_PROFILE_H
#define UDM_CLI_PROFILE_H

#include "udm/udm.h"

// frames: that the stream has done, on a device that times its operations; frame_ms: for one, of all processors, or of
// the clock where those are not what works (on_device).
void profile_print(const udm_restorer *stream, bool on_device, int frames, double frame_ms);

#endif
