// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues the three passes of a normalisation: moments, gains and offsets, and their application.
#include "backend/opencl/opencl.h"

static udm_cl_norm describe(const udm_norm *norm, size_t *blocks)
{
    const size_t pixels = (size_t)norm->dst.shape.h * norm->dst.shape.w;
    udm_cl_norm run = { .dst = udm_opencl_tensor(&norm->dst),
                        .affine = udm_opencl_at(&norm->affine),
                        .vector = norm->embedding == UDM_EMBED_NONE ? 0 : udm_opencl_at(&norm->vector) + norm->first,
                        .sources = norm->sources,
                        .groups = norm->groups,
                        .embedding = norm->embedding,
                        .activation = norm->activation,
                        .parts = (cl_int)((pixels + NORM_PART - 1) / NORM_PART),
                        .eps = norm->eps };
    *blocks = 0;
    for (int s = 0; s < norm->sources; s++) {
        run.src[s] = udm_opencl_tensor(&norm->src[s]);
        *blocks += udm_opencl_blocks(norm->src[s].shape.c);
    }
    run.gains = *blocks * run.parts * 2 * UDM_CL_BLOCK;
    return run;
}

void udm_opencl_norm(udm_device *device, const udm_norm *norm)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    size_t blocks, pixels = (size_t)norm->dst.shape.h * norm->dst.shape.w;
    const udm_cl_norm run = describe(norm, &blocks);
    if (!udm_opencl_grow_scratch(cl, (run.gains + 2 * norm->dst.shape.c) / cl->workers + 1, &cl->fault))
        return;
    const cl_mem *src[UDM_MAX_SOURCES];
    for (int s = 0; s < UDM_MAX_SOURCES; s++)
        src[s] = udm_opencl_buffer(&norm->src[s < norm->sources ? s : 0]);
    const udm_tensor *vector = norm->embedding == UDM_EMBED_NONE ? &norm->affine : &norm->vector;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(run),       { sizeof(cl_mem), src[0] },   { sizeof(cl_mem), src[1] },
        { sizeof(cl_mem), src[2] }, UDM_CL_ARGUMENT(cl->scratch), UDM_CL_BUFFER(&norm->affine),
        UDM_CL_BUFFER(vector),
    };
    udm_opencl_run_items(cl, UDM_CL_MOMENTS, arguments, 5, blocks * run.parts);
    udm_opencl_run_teams(cl, UDM_CL_GAINS, arguments, 7, norm->groups);
    const udm_cl_argument last[] = { arguments[0], arguments[1], arguments[2],
                                     arguments[3], arguments[4], UDM_CL_BUFFER(&norm->dst) };
    udm_opencl_run_items(cl, UDM_CL_NORMALISE, last, 6, udm_opencl_blocks(norm->dst.shape.c) * pixels);
}
