// SPDX-License-Identifier: LGPL-2.1-or-later
// The fusion of a frame with a prediction of it, for a run of pixels side by side: the equations are in
// backend/fusion.h.

#ifdef GPU
#define RUN 1 // a work-item's pixels; its neighbours are work-items
#define run float
#define load(from) (*(from))
#define store(to, value) (*(to) = (value))
#else
#define RUN LANES
#define run vec
#endif

// `count` values, each `step` from the one before; the last again for the rest of the run.
run read_run(const global float *from, int step, int count)
{
    float values[RUN];
    for (int i = 0; i < RUN; i++)
        values[i] = from[min(i, count - 1) * step];
    return load(values);
}

void write_run(global float *to, int step, int count, run value)
{
    float values[RUN];
    store(values, value);
    for (int i = 0; i < count; i++)
        to[i * step] = values[i];
}

// The same to features, one channel of pixels side by side.
void write_channel_run(global feature *to, int count, run value)
{
    float values[RUN];
    store(values, value);
    for (int i = 0; i < count; i++)
        store_one(values[i], to + i * BLOCK);
}

typedef struct fusion {
    run frame, predicted;           // fused = frame * frame's value + prediction * prediction's
    run frame_gain, predicted_gain; // innovation = frame_gain * prediction's value - predicted_gain * frame's
    run rho;
} fusion;

fusion fusion_at(run level, run predicted_level)
{
    run s = clamp(level, MIN_LEVEL, 1.f), g = clamp(predicted_level, MIN_LEVEL, 1.f);
    run s2 = s * s, g2 = g * g, both = s2 * g2;
    run a = sqrt(1 - s2), b = sqrt(1 - g2);
    run precision = (1 - s2) * g2 + (1 - g2) * s2 + PRIOR_PRECISION * both;
    fusion at = { a * g2 / precision, b * s2 / precision, a, b, sqrt(both / (precision + both)) };
    return at;
}
