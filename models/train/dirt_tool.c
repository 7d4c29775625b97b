// SPDX-License-Identifier: LGPL-2.1-or-later
// For dirt.py: dirt_tool WIDTH HEIGHT AMOUNT < clip. The clip is frames of rgb24, each with a byte for each pixel after
// it that says whether it is dirt. For each region that might be: how much of it is, its pixels, and the evidence, as
// floats.
#include <stdio.h>
#include <stdlib.h>

#include "repair/dirt.h"

typedef struct clip {
    int width, height;
    size_t pixels;
    unsigned char *bytes[3]; // rgb24 and a mask, of three frames
    float *planes[3];
} clip;

static void tell(void *context, const udm_region *region, const float evidence[UDM_EVIDENCE])
{
    const clip *c = context;
    const unsigned char *mask = c->bytes[1] + 3 * c->pixels;
    size_t dirt = 0;
    for (size_t k = 0; k < region->count; k++)
        dirt += mask[region->pixels[k]] != 0;
    const float about[] = { (float)dirt / (float)region->count, (float)region->count };
    fwrite(about, sizeof about, 1, stdout);
    fwrite(evidence, sizeof *evidence, UDM_EVIDENCE, stdout);
}

static bool read_frame(clip *c)
{
    unsigned char *first = c->bytes[0];
    float *plane = c->planes[0];
    c->bytes[0] = c->bytes[1], c->bytes[1] = c->bytes[2], c->bytes[2] = first;
    c->planes[0] = c->planes[1], c->planes[1] = c->planes[2], c->planes[2] = plane;
    if (fread(first, 4 * c->pixels, 1, stdin) != 1)
        return false;
    for (size_t i = 0; i < 3 * c->pixels; i++)
        plane[i % 3 * c->pixels + i / 3] = (float)first[i] / 127.5f - 1;
    return true;
}

static int run(clip *c, double amount)
{
    udm_error error = { 0 };
    udm_pool *pool = udm_pool_new(1, &error);
    udm_dirt *dirt = pool ? udm_dirt_new(3, c->width, c->height, amount, pool, &error) : NULL;
    float *out = malloc(3 * c->pixels * sizeof *out);
    bool good = dirt && out;
    for (int i = 0; i < 3; i++) {
        c->bytes[i] = malloc(4 * c->pixels), c->planes[i] = malloc(3 * c->pixels * sizeof(float));
        good = good && c->bytes[i] && c->planes[i];
    }
    if (good)
        udm_dirt_listen(dirt, tell, c);
    for (int n = 0; good && read_frame(c); n++)
        if (n >= 2)
            udm_dirt_remove(dirt, (const float *const[]){ c->planes[0], c->planes[1], c->planes[2] }, out);
    if (!good)
        fprintf(stderr, "dirt_tool: %s\n", error.code ? error.message : "no memory");
    for (int i = 0; i < 3; i++)
        free(c->bytes[i]), free(c->planes[i]);
    free(out);
    udm_dirt_free(dirt);
    udm_pool_free(pool);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    clip c = { .width = argc == 4 ? atoi(argv[1]) : 0, .height = argc == 4 ? atoi(argv[2]) : 0 };
    c.pixels = (size_t)c.width * (size_t)c.height;
    if (c.width < 1 || c.height < 1) {
        fprintf(stderr, "usage: dirt_tool WIDTH HEIGHT AMOUNT < clip\n");
        return 2;
    }
    return run(&c, atof(argv[3]));
}
