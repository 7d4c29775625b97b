// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts latents into tiles, computes each, and adds it to the whole with weights that fade towards its inner edges.
#include "runner/coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/maths.h"
#include "runner/pass.h"

enum { LEAST_TILE = 16, FADE = 8 }; // latents: of a tile, and over which two tiles are faded where neither is exact

typedef struct tiling {
    int width, height; // of a tile, in latents
    int across, down;  // tiles
    int overlap;       // of neighbours, in latents
    int margin;        // of each at an inner edge: what is wrong there, and not used
} tiling;

// Where tile i of `count` begins, so that the last one ends at `size`.
static int place(int i, int count, int tile, int size)
{
    return count > 1 ? (int)((int64_t)i * (size - tile) / (count - 1)) : 0;
}

static int count_tiles(int size, int tile, int overlap)
{
    return tile >= size ? 1 : 1 + udm_divide_up(size - tile, tile - overlap);
}

static bool unfold(const udm_autoencoder *half, const tiling *t, udm_pass *pass, udm_error *error)
{
    const int scale = half->encodes ? half->scale : 1;
    return udm_pass_begin(pass, half->device, error) &&
           udm_autoencoder_build(half, pass->graph, t->width * scale, t->height * scale, error);
}

// Of neighbours.
static int overlap_of(const udm_autoencoder *half)
{
    return half->global ? FADE : 2 * half->reach + 1;
}

int udm_coder_least(const udm_autoencoder *half)
{
    return udm_max(LEAST_TILE, 2 * overlap_of(half));
}

// The largest tiles whose values fit; pass: unfolded for them, also where it fails.
static bool plan(const udm_autoencoder *half, const udm_coding *coding, tiling *t, udm_pass *pass, udm_error *error)
{
    const int margin = half->global ? 0 : half->reach, overlap = overlap_of(half), least = udm_coder_least(half);
    *t = (tiling){ coding->width, coding->height, 1, 1, overlap, margin };
    for (;;) {
        if (!unfold(half, t, pass, error))
            return false;
        int *longer = t->width >= t->height ? &t->width : &t->height;
        if (udm_graph_fits(pass->graph, coding->limit) || *longer <= least)
            break;
        *longer = udm_max(least, *longer * 3 / 4);
        udm_pass_end(pass);
    }
    t->across = count_tiles(coding->width, t->width, overlap);
    t->down = count_tiles(coding->height, t->height, overlap);
    return true;
}

bool udm_coder_plan(const udm_autoencoder *half, const udm_coding *coding, int *tile, int *tiles, udm_error *error)
{
    tiling t;
    udm_pass pass = { 0 };
    const bool good = plan(half, coding, &t, &pass, error);
    *tile = udm_max(t.width, t.height);
    *tiles = t.across * t.down;
    udm_pass_end(&pass);
    return good;
}

// A run of the graph: what is put and taken, and the sum of the tiles' weights at each pixel of out.
typedef struct run {
    const udm_autoencoder *half;
    const udm_coding *coding;
    tiling tiles;
    udm_pass pass;
    int in_scale, out_scale;            // pixels for each latent
    int in_planes, kept_planes, planes; // that go in, that the graph keeps, and that are of use
    float *in, *kept, *weights;
} run;

static bool allocate(run *r, udm_error *error)
{
    const size_t tile = (size_t)r->tiles.width * r->tiles.height;
    const size_t in = tile * r->in_scale * r->in_scale * r->in_planes;
    const size_t kept = tile * r->out_scale * r->out_scale * r->kept_planes;
    const size_t whole = (size_t)r->coding->width * r->coding->height * r->out_scale * r->out_scale;
    r->in = malloc((in + kept + whole) * sizeof *r->in);
    if (!r->in)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", r->coding->width * r->half->scale,
                        r->coding->height * r->half->scale);
    r->kept = r->in + in, r->weights = r->kept + kept;
    memset(r->weights, 0, whole * sizeof *r->weights);
    return true;
}

// The part of the input that a tile at (x, y) sees.
static void take(run *r, const float *from, int x, int y)
{
    const int s = r->in_scale, width = r->coding->width * s, height = r->coding->height * s;
    const int across = r->tiles.width * s, down = r->tiles.height * s;
    float *to = r->in;
    for (int c = 0; c < r->in_planes; c++)
        for (int line = 0; line < down; line++, to += across)
            memcpy(to, from + ((size_t)c * height + y * s + line) * width + x * s, across * sizeof *to);
    udm_autoencoder_prepare(r->half, (size_t)(to - r->in), r->in);
}

// Of pixel i of a tile of `size` pixels: 1, falling to 0 over its inner edges. before, after: there are neighbours.
static float fade(const run *r, int i, int size, bool before, bool after)
{
    const int s = r->out_scale, margin = r->tiles.margin * s, ramp = (r->tiles.overlap - 2 * r->tiles.margin) * s;
    float weight = 1;
    if (before)
        weight = ((float)(i - margin) + 0.5f) / (float)ramp;
    if (after && ((float)(size - 1 - i - margin) + 0.5f) / (float)ramp < weight)
        weight = ((float)(size - 1 - i - margin) + 0.5f) / (float)ramp;
    return weight < 0 ? 0 : weight > 1 ? 1 : weight;
}

// Adds a tile to the whole.
static void add(run *r, int column, int line, float *out)
{
    const int s = r->out_scale, width = r->coding->width * s, height = r->coding->height * s;
    const int across = r->tiles.width * s, down = r->tiles.height * s;
    const int x0 = place(column, r->tiles.across, r->tiles.width, r->coding->width) * s;
    const int y0 = place(line, r->tiles.down, r->tiles.height, r->coding->height) * s;
    for (int y = 0; y < down; y++) {
        const float of_line = fade(r, y, down, line > 0, line < r->tiles.down - 1);
        for (int x = 0; x < across; x++) {
            const float weight = of_line * fade(r, x, across, column > 0, column < r->tiles.across - 1);
            const size_t at = (size_t)(y0 + y) * width + x0 + x;
            r->weights[at] += weight;
            for (int c = 0; c < r->planes && weight > 0; c++)
                out[(size_t)c * height * width + at] += weight * r->kept[((size_t)c * down + y) * across + x];
        }
    }
}

static bool run_tiles(run *r, const float *in, float *out, udm_error *error)
{
    for (int line = 0; line < r->tiles.down; line++)
        for (int column = 0; column < r->tiles.across; column++) {
            take(r, in, place(column, r->tiles.across, r->tiles.width, r->coding->width),
                 place(line, r->tiles.down, r->tiles.height, r->coding->height));
            udm_pass_put(&r->pass, 0, r->in);
            if (!udm_pass_run(&r->pass, &r->kept, 1, r->coding->cancel, error))
                return false;
            add(r, column, line, out);
        }
    return true;
}

bool udm_coder_run(const udm_autoencoder *half, const udm_coding *coding, const float *in, float *out, udm_error *error)
{
    const int coded = half->latents * (half->moments ? 2 : 1);
    run r = { .half = half,
              .coding = coding,
              .in_scale = half->encodes ? half->scale : 1,
              .out_scale = half->encodes ? 1 : half->scale,
              .in_planes = half->encodes ? half->channels : half->latents,
              .kept_planes = half->encodes ? coded : half->channels,
              .planes = half->encodes ? half->latents : half->channels };
    const size_t whole = (size_t)coding->width * coding->height * r.out_scale * r.out_scale;
    bool good = plan(half, coding, &r.tiles, &r.pass, error) && udm_pass_settle(&r.pass, error) && allocate(&r, error);
    memset(out, 0, whole * r.planes * sizeof *out);
    good = good && run_tiles(&r, in, out, error);
    for (size_t i = 0; good && i < whole; i++)
        for (int c = 0; c < r.planes; c++)
            out[c * whole + i] /= r.weights[i];
    if (good)
        udm_autoencoder_finish(half, whole * r.planes, out);
    udm_pass_end(&r.pass);
    free(r.in);
    return good;
}
