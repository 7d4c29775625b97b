// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests: motion by operations of one's choice.
#ifndef UDM_STREAM_MOTION_ENGINE_H
#define UDM_STREAM_MOTION_ENGINE_H

#include "stream/motion.h"
#include "stream/motion/level.h"

udm_motion *udm_motion_new_with(const udm_motion_ops *ops, int width, int height, udm_pool *pool, udm_error *error);

#endif
