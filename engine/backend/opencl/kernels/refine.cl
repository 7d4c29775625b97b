// SPDX-License-Identifier: LGPL-2.1-or-later
// Refinement of motion, and where it rests or follows the camera, on a GPU: the steps of flow/refine.c and
// flow/blocks.c, where the equations stand. Planes are not split by colour: what is relaxed is u, v.
#ifdef GPU

// Of a plane, from its pixel (0, 0) on; beyond the borders the nearest one.
float near_pixel(const udm_motion_level *at, const global float *plane, int x, int y)
{
    return plane[clamp(y, 0, at->height - 1) * at->stride + clamp(x, 0, at->width - 1)];
}

float expand_pixel(const udm_motion_level *at, const global float *plane, int x, int y)
{
    const int left = clamp((x - 1) >> 1, 0, at->coarser_width - 1);
    const int right = clamp((x + 1) >> 1, 0, at->coarser_width - 1);
    const int above = clamp((y - 1) >> 1, 0, at->coarser_height - 1) * at->coarser_stride;
    const int below = clamp((y + 1) >> 1, 0, at->coarser_height - 1) * at->coarser_stride;
    const float fx = x & 1 ? 0.25f : 0.75f, fy = y & 1 ? 0.25f : 0.75f;
    const float one = plane[above + left] + (plane[below + left] - plane[above + left]) * fy;
    const float other = plane[above + right] + (plane[below + right] - plane[above + right]) * fy;
    return 2 * ((1 - fx) * one + fx * other);
}

// From the coarser level; at rest where there is none.
MOTION(motion_expand)
{
    const range items = range_of((size_t)at.width * at.height);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % at.width, y = i / at.width, place = y * at.stride + x;
        memory[at.u + place] = at.coarser_stride ? expand_pixel(&at, memory + at.coarser_u, x, y) : 0;
        memory[at.v + place] = at.coarser_stride ? expand_pixel(&at, memory + at.coarser_v, x, y) : 0;
    }
}

float change_across(const udm_motion_level *at, const global float *plane, int x, int y)
{
    return near_pixel(at, plane, x + 1, y) - near_pixel(at, plane, x - 1, y);
}

float change_down(const udm_motion_level *at, const global float *plane, int x, int y)
{
    return near_pixel(at, plane, x, y + 1) - near_pixel(at, plane, x, y - 1);
}

MOTION(motion_prepare)
{
    const range items = range_of((size_t)at.width * at.height);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % at.width, y = i / at.width, place = y * at.stride + x;
        const global float *u = memory + at.u, *v = memory + at.v;
        const float px = keep_within(x + u[place], 2 - PAD, at.width + PAD - 3);
        const float py = keep_within(y + v[place], 2 - PAD, at.height + PAD - 3);
        const int left = (int)(px + PAD) - PAD, top = (int)(py + PAD) - PAD;
        const global float *to = memory + at.to + top * at.stride + left;
        const float above = to[0] + (to[1] - to[0]) * (px - left);
        const float below = to[at.stride] + (to[at.stride + 1] - to[at.stride]) * (px - left);
        const float warped = above + (below - above) * (py - top), from = memory[at.from + place];
        const float ux = change_across(&at, u, x, y), uy = change_down(&at, u, x, y);
        const float vx = change_across(&at, v, x, y), vy = change_down(&at, v, x, y);
        const float square = 0.25f * (ux * ux + uy * uy + vx * vx + vy * vy);
        memory[at.mean + place] = 0.5f * (warped + from);
        memory[at.change + place] = warped - from;
        memory[at.diffusivity + place] = UDM_FLOW_SMOOTHNESS / sqrt(square + UDM_FLOW_KINK * UDM_FLOW_KINK);
    }
}

MOTION(motion_assemble)
{
    const range items = range_of((size_t)at.width * at.height);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % at.width, y = i / at.width, place = y * at.stride + x;
        const global float *g = memory + at.diffusivity + place;
        const float u = memory[at.u + place], v = memory[at.v + place], change = memory[at.change + place];
        const float ix = 0.5f * change_across(&at, memory + at.mean, x, y);
        const float iy = 0.5f * change_down(&at, memory + at.mean, x, y);
        const float norm = 1 / (ix * ix + iy * iy + at.contrast), px = x + u, py = y + v;
        const bool inside = px > -0.5f && py > -0.5f && px < at.width - 0.5f && py < at.height - 0.5f;
        const float kink = UDM_FLOW_KINK * UDM_FLOW_KINK;
        const float force = inside ? UDM_FLOW_DATA * norm / sqrt(change * change * norm + kink) : 0;
        const float a11 = force * ix * ix, a12 = force * ix * iy, a22 = force * iy * iy;
        const float left = x > 0 ? 0.5f * (g[0] + g[-1]) : 0, right = x + 1 < at.width ? 0.5f * (g[0] + g[1]) : 0;
        const float above = y > 0 ? 0.5f * (g[0] + g[-at.stride]) : 0;
        const float below = y + 1 < at.height ? 0.5f * (g[0] + g[at.stride]) : 0;
        const float links = left + right + above + below + 1e-6f;
        memory[at.right + place] = right;
        memory[at.below + place] = below;
        memory[at.a12 + place] = a12;
        memory[at.b1 + place] = a11 * u + a12 * v - force * ix * change + 1e-6f * u;
        memory[at.b2 + place] = a12 * u + a22 * v - force * iy * change + 1e-6f * v;
        memory[at.scale1 + place] = UDM_FLOW_OMEGA / (a11 + links);
        memory[at.scale2 + place] = UDM_FLOW_OMEGA / (a22 + links);
    }
}

// The pixels of one colour of the checkerboard.
void relax(const udm_motion_level *at, global float *memory, int colour)
{
    const int across = divide_up(at->width, 2);
    const range items = range_of((size_t)across * at->height);
    for (size_t i = items.first; i < items.end; i++) {
        const int y = i / across, x = i % across * 2 + ((y + colour) & 1), place = y * at->stride + x;
        if (x >= at->width)
            continue;
        global float *u = memory + at->u, *v = memory + at->v;
        const float l = x > 0 ? memory[at->right + place - 1] : 0, r = memory[at->right + place];
        const float a = y > 0 ? memory[at->below + place - at->stride] : 0, b = memory[at->below + place];
        const float pull_u = l * near_pixel(at, u, x - 1, y) + r * near_pixel(at, u, x + 1, y) +
                             a * near_pixel(at, u, x, y - 1) + b * near_pixel(at, u, x, y + 1);
        const float pull_v = l * near_pixel(at, v, x - 1, y) + r * near_pixel(at, v, x + 1, y) +
                             a * near_pixel(at, v, x, y - 1) + b * near_pixel(at, v, x, y + 1);
        const float a12 = memory[at->a12 + place], own = 1 - UDM_FLOW_OMEGA;
        const float new_u =
            own * u[place] + memory[at->scale1 + place] * (memory[at->b1 + place] + pull_u - a12 * v[place]);
        u[place] = new_u;
        v[place] = own * v[place] + memory[at->scale2 + place] * (memory[at->b2 + place] + pull_v - a12 * new_u);
    }
}

MOTION(motion_relax_red)
{
    relax(&at, memory, 0);
}

MOTION(motion_relax_black)
{
    relax(&at, memory, 1);
}

MOTION(motion_measure)
{
    const range items = range_of((size_t)at.block_columns * at.block_rows);
    for (size_t i = items.first; i < items.end; i++) {
        const int left = i % at.block_columns * UDM_FLOW_BLOCK, top = i / at.block_columns * UDM_FLOW_BLOCK;
        const int middle = min(top + UDM_FLOW_BLOCK / 2, at.height - 1) * at.stride +
                           min(left + UDM_FLOW_BLOCK / 2, at.width - 1);
        float along = 0, xx = 0, xy = 0, yy = 0, xr = 0, yr = 0;
        for (int y = top; y < min(top + UDM_FLOW_BLOCK, at.height); y++)
            for (int x = left; x < min(left + UDM_FLOW_BLOCK, at.width); x++) {
                const float ix = 0.5f * change_across(&at, memory + at.mean, x, y);
                const float iy = 0.5f * change_down(&at, memory + at.mean, x, y);
                const float r = memory[at.change + y * at.stride + x];
                along += r * r;
                xx += ix * ix;
                xy += ix * iy;
                yy += iy * iy;
                xr += ix * r;
                yr += iy * r;
            }
        memory[at.along + i] = along;
        memory[at.xx + i] = xx;
        memory[at.xy + i] = xy;
        memory[at.yy + i] = yy;
        memory[at.xr + i] = xr;
        memory[at.yr + i] = yr;
        memory[at.middle_u + i] = memory[at.u + middle];
        memory[at.middle_v + i] = memory[at.v + middle];
    }
}

MOTION(motion_compare)
{
    const range items = range_of((size_t)at.block_columns * at.block_rows);
    for (size_t i = items.first; i < items.end; i++) {
        const int left = i % at.block_columns * UDM_FLOW_BLOCK, top = i / at.block_columns * UDM_FLOW_BLOCK;
        float unmoved = 0;
        for (int y = top; y < min(top + UDM_FLOW_BLOCK, at.height); y++)
            for (int x = left; x < min(left + UDM_FLOW_BLOCK, at.width); x++) {
                const float apart = memory[at.to + y * at.stride + x] - memory[at.from + y * at.stride + x];
                unmoved += apart * apart;
            }
        memory[at.unmoved + i] = unmoved;
        memory[at.found + i] = memory[at.along + i];
    }
}

// How many times as much is wrong as along the flow that was found, in a block and those around it.
void compare_with_found(const udm_motion_level *at, global float *memory, int wrong, int excess)
{
    const range items = range_of((size_t)at->block_columns * at->block_rows);
    for (size_t i = items.first; i < items.end; i++) {
        const int column = i % at->block_columns, row = i / at->block_columns;
        float this = 0, found = UDM_FLOW_LEAST_DIFFERENCE;
        for (int y = max(row - 1, 0); y <= min(row + 1, at->block_rows - 1); y++)
            for (int x = max(column - 1, 0); x <= min(column + 1, at->block_columns - 1); x++) {
                this += memory[wrong + y * at->block_columns + x];
                found += memory[at->found + y * at->block_columns + x];
            }
        memory[excess + i] = this / found;
    }
}

MOTION(motion_rest)
{
    compare_with_found(&at, memory, at.unmoved, at.rest_excess);
}

MOTION(motion_fit)
{
    compare_with_found(&at, memory, at.along, at.camera_excess);
}

MOTION(motion_keep)
{
    const range items = range_of((size_t)at.width * at.height);
    for (size_t i = items.first; i < items.end; i++) {
        const int place = i / at.width * at.stride + i % at.width;
        memory[at.kept_u + place] = memory[at.u + place];
        memory[at.kept_v + place] = memory[at.v + place];
    }
}

MOTION(motion_follow)
{
    const float scale = 1 / (float)at.width;
    const range items = range_of((size_t)at.width * at.height);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % at.width, y = i / at.width, place = y * at.stride + x;
        const float across = (x - 0.5f * (at.width - 1)) * scale, down = (y - 0.5f * (at.height - 1)) * scale;
        memory[at.u + place] = at.camera_u0 + at.camera_u2 * down + at.camera_u1 * across;
        memory[at.v + place] = at.camera_v0 + at.camera_v2 * down + at.camera_v1 * across;
    }
}

bool holds(const udm_motion_level *at, const global float *excess, int around, int column, int row)
{
    for (int y = max(row - around, 0); y <= min(row + around, at->block_rows - 1); y++)
        for (int x = max(column - around, 0); x <= min(column + around, at->block_columns - 1); x++)
            if (!(excess[y * at->block_columns + x] < UDM_FLOW_MOST_EXCESS))
                return false;
    return true;
}

MOTION(motion_settle)
{
    const range items = range_of((size_t)at.block_columns * at.block_rows);
    for (size_t i = items.first; i < items.end; i++) {
        const int column = i % at.block_columns, row = i / at.block_columns;
        const int left = column * UDM_FLOW_BLOCK, top = row * UDM_FLOW_BLOCK;
        const bool camera = at.moves && holds(&at, memory + at.camera_excess, UDM_FLOW_FAR, column, row);
        const bool rest =
            !(camera && at.most_move) && holds(&at, memory + at.rest_excess, UDM_FLOW_NEAR, column, row);
        if (!rest && (!at.moves || camera))
            continue;
        for (int y = top; y < min(top + UDM_FLOW_BLOCK, at.height); y++)
            for (int x = left; x < min(left + UDM_FLOW_BLOCK, at.width); x++) {
                const int place = y * at.stride + x;
                memory[at.u + place] = rest ? 0 : memory[at.kept_u + place];
                memory[at.v + place] = rest ? 0 : memory[at.kept_v + place];
            }
    }
}

MOTION(motion_out)
{
    const size_t pixels = (size_t)at.width * at.height;
    const range items = range_of(pixels);
    for (size_t i = items.first; i < items.end; i++) {
        const int place = i / at.width * at.stride + i % at.width;
        memory[at.planes + i] = memory[at.u + place];
        memory[at.planes + pixels + i] = memory[at.v + place];
    }
}

#endif
