// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues the steps of the search for motion.
#include "backend/opencl/opencl.h"

static size_t items_of(udm_motion_step step, const udm_motion_level *level)
{
    const size_t pixels = (size_t)level->width * level->height, rows = level->height + 2 * UDM_FLOW_PAD;
    switch (step) {
    case UDM_MOTION_PICTURE:
        return 2 * rows * level->stride;
    case UDM_MOTION_GRADIENT:
        return rows * level->stride;
    case UDM_MOTION_SEARCH:
    case UDM_MOTION_PROPAGATE:
        return (size_t)level->columns * level->rows;
    case UDM_MOTION_RELAX_RED:
    case UDM_MOTION_RELAX_BLACK:
        return (size_t)(level->width + 1) / 2 * level->height;
    case UDM_MOTION_MEASURE:
    case UDM_MOTION_COMPARE:
    case UDM_MOTION_REST:
    case UDM_MOTION_FIT:
    case UDM_MOTION_SETTLE:
        return (size_t)level->block_columns * level->block_rows;
    default:
        return pixels;
    }
}

void udm_opencl_motion(udm_device *device, udm_motion_step step, const udm_motion_level *level,
                       const udm_memory *memory)
{
    const udm_cl_argument arguments[] = { { sizeof *level, level }, { sizeof(cl_mem), &memory->pieces[0] } };
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_MOTION + step, arguments, UDM_CL_COUNT(arguments),
                         items_of(step, level));
}
