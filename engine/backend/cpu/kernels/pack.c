// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the weights of a convolution, [outputs][inputs][taps], into panels in which the outputs of a group lie side by
// side: some inputs of all its outputs are read at a time, and written out turned.
#include <string.h>

#include "backend/cpu/kernels/cells.h"
#include "backend/cpu/kernels/kernels.h"

enum { RUN = 288, IN_FLOAT = sizeof(float) / sizeof(cell) }; // numbers of an output that are read at once

// Some inputs of all outputs of a group.
typedef struct strip {
    const udm_conv_spec *spec;
    int group, outputs;
    int in, taps;     // of the whole convolution
    int first, count; // inputs
} strip;

// Values of `size` bytes, `stride` of them apart, become some that are `step` apart.
INLINE void turn(void *to, size_t step, const void *from, size_t stride, int count, const size_t size)
{
    for (int o = 0; o < count; o++)
        memcpy((char *)to + o * step * size, (const char *)from + o * stride * size, size);
}

// Where the strip begins in the weights of its output o.
INLINE size_t place_of(const strip *s, int o)
{
    return ((size_t)(s->group * UDM_CPU_GROUP + o) * s->in + s->first) * s->taps;
}

// The nearest cell, the even one of two bf16; weights are finite.
INLINE cell cell_of(float value)
{
#if defined(__AVX512BF16__)
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (cell)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
#else
    return value;
#endif
}

// The weights of output o; wide: [RUN], where they come to lie if they have 16 bits.
static const float *read_floats(const strip *s, int o, float *wide)
{
    const udm_conv_spec *spec = s->spec;
    const size_t at = place_of(s, o), count = (size_t)s->count * s->taps;
    uint16_t halves[RUN];
    if (!spec->kind)
        return spec->weight + at;
    memcpy(halves, (const char *)spec->half + at * sizeof *halves, count * sizeof *halves);
    widen(halves, (count + LANES - 1) / LANES * LANES, wide, spec->kind);
    return wide;
}

// Where matrix p has the weight of row position k and the group's first output; that of the next is IN_FLOAT cells on.
static cell *cell_at(const udm_conv_weights *weights, int g, int p, int k)
{
    const size_t step = (size_t)(k / IN_FLOAT) * udm_cpu_width(weights, g);
    return (cell *)(void *)(weights->values + udm_cpu_panel_at(weights, g, p) + step) + k % IN_FLOAT;
}

// Weights of 16 bits that stay so.
static void copy_strip(const udm_conv_weights *weights, const strip *s)
{
    const int width = udm_cpu_width(weights, s->group);
    uint16_t lines[UDM_CPU_GROUP][RUN];
    uint16_t *panel = (uint16_t *)(void *)weights->values + udm_cpu_panel_at(weights, s->group, 0);
    for (int o = 0; o < s->outputs; o++)
        memcpy(lines[o], (const char *)s->spec->half + place_of(s, o) * sizeof **lines,
               (size_t)s->count * s->taps * sizeof **lines);
    for (int t = 0; t < s->taps; t++)
        for (int i = 0; i < s->count; i++)
            turn(panel + ((size_t)t * s->in + s->first + i) * width, 1, lines[0] + i * s->taps + t, RUN, s->outputs,
                 sizeof **lines);
}

// Row positions are [taps][inputs], and so are the matrices of late weights one after the other.
static void pack_strip(const udm_conv_weights *weights, const strip *s)
{
    cell lines[UDM_CPU_GROUP][RUN];
    float wide[RUN];
    for (int o = 0; o < s->outputs; o++) {
        const float *from = read_floats(s, o, wide);
        for (int k = 0; k < s->count * s->taps; k++)
            lines[o][k] = cell_of(from[k]);
    }
    for (int t = 0; t < s->taps; t++)
        for (int i = 0; i < s->count; i++)
            turn(cell_at(weights, s->group, 0, t * s->in + s->first + i), IN_FLOAT, lines[0] + i * s->taps + t, RUN,
                 s->outputs, sizeof **lines);
}

static void transform_strip(const udm_conv_weights *weights, const strip *s)
{
    float wide[UDM_CPU_GROUP][RUN], u[UDM_PRODUCTS];
    const float *from[UDM_CPU_GROUP];
    cell lines[UDM_CPU_GROUP][UDM_PRODUCTS];
    for (int o = 0; o < s->outputs; o++)
        from[o] = read_floats(s, o, wide[o]);
    for (int i = 0; i < s->count; i++) {
        for (int o = 0; o < s->outputs; o++) {
            udm_winograd_weights(from[o] + i * s->taps, u);
            for (int p = 0; p < UDM_PRODUCTS; p++)
                lines[o][p] = cell_of(u[p]);
        }
        for (int p = 0; p < UDM_PRODUCTS; p++)
            turn(cell_at(weights, s->group, p, s->first + i), IN_FLOAT, &lines[0][p], UDM_PRODUCTS, s->outputs,
                 sizeof(cell));
    }
}

// index: a group
void NAME(udm_cpu_pack)(void *context, int index, int worker)
{
    const udm_cpu_packing *packing = context;
    const udm_conv_weights *weights = packing->weights;
    const int width = udm_cpu_width(weights, index), left = weights->out - index * UDM_CPU_GROUP;
    const int taps = weights->size * weights->size, most = RUN / taps;
    strip s = { .spec = packing->spec, .group = index, .outputs = left < width ? left : width, .taps = taps };
    s.in = weights->products > 1 ? weights->depth : weights->depth / taps;
    for (s.first = 0; s.first < s.in; s.first += most) {
        s.count = s.in - s.first < most ? s.in - s.first : most;
        if (weights->kind)
            copy_strip(weights, &s);
        else if (weights->products > 1 && !udm_cpu_is_late(weights))
            transform_strip(weights, &s);
        else
            pack_strip(weights, &s);
    }
}
