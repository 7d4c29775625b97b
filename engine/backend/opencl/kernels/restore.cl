// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[c, y, x] = fused[c, y, x] + gate correction[c p p + (y mod p) p + x mod p, y / p, x / p]; the
// correction alone beyond the frame's channels.

// `count` pixels of dst from (y, x) on
void restore_run(const udm_cl_tensor dst, const udm_cl_tensor correction, const udm_cl_observation seen, int patch,
                 int y, int x, int count, global float *out, const global feature *corrections,
                 const global float *frames, const global float *predictions, const fusion at)
{
    const run opening = fmin(at.rho / GATE_OPEN, 1), gate = at.rho / (at.rho + GATE) * opening * opening;
    for (int c = 0; c < dst.c; c++) {
        float values[RUN];
        for (int i = 0; i < RUN; i++) {
            const int fx = x + min(i, count - 1), k = (c * patch + y % patch) * patch + fx % patch;
            values[i] = load_one(corrections + feature_at(correction, k, y / patch, fx / patch));
        }
        run value = load(values);
        if (c < seen.frame.c)
            value = at.frame * read_run(frames + planar_at(seen.frame, c, y, x), 1, count) +
                    at.predicted * read_run(predictions + planar_at(seen.predicted, c, y, x), 1, count) + gate * value;
        write_run(out + planar_at(dst, c, y, x), 1, count, value);
    }
}

POINTWISE restore(const udm_cl_tensor dst, const udm_cl_tensor correction, const udm_cl_observation seen, int patch,
                  global float *out, const global feature *corrections, const global float *frames,
                  const global float *levels, const global float *predictions, const global float *predicted_levels)
{
    const int across = divide_up(dst.w, RUN);
    const range runs = range_of((size_t)dst.h * across);
    for (size_t r = runs.first; r < runs.end; r++) {
        const int y = r / across, x = r % across * RUN, count = min(RUN, dst.w - x);
        const run level = read_run(levels + planar_at(seen.level, 0, y, x), 1, count);
        const run predicted_level = read_run(predicted_levels + planar_at(seen.predicted_level, 0, y, x), 1, count);
        restore_run(dst, correction, seen, patch, y, x, count, out, corrections, frames, predictions,
                    fusion_at(level, predicted_level));
    }
}
