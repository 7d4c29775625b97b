// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[c p p + dy p + dx, y, x] = plane c of [fused, rho, innovation, level, predicted_level] at pixel (y p + dy,
// x p + dx).

// Those pixels of the frame that become channels c p p + k of `count` pixels of dst from (y, x) on.
void observe_run(const udm_cl_tensor dst, const udm_cl_observation seen, int patch, int k, int y, int x, int count,
                 global feature *out, const global float *frames, const global float *levels,
                 const global float *predictions, const global float *predicted_levels)
{
    const int area = patch * patch, colours = seen.frame.c, fy = y * patch + k / patch, fx = x * patch + k % patch;
    const run level = read_run(levels + planar_at(seen.level, 0, fy, fx), patch, count);
    const run predicted_level = read_run(predicted_levels + planar_at(seen.predicted_level, 0, fy, fx), patch, count);
    const fusion at = fusion_at(level, predicted_level);
    for (int c = 0; c < colours; c++) {
        const run frame = read_run(frames + planar_at(seen.frame, c, fy, fx), patch, count);
        const run predicted = read_run(predictions + planar_at(seen.predicted, c, fy, fx), patch, count);
        write_channel_run(out + feature_at(dst, c * area + k, y, x), count,
                          at.frame * frame + at.predicted * predicted);
        write_channel_run(out + feature_at(dst, (colours + 1 + c) * area + k, y, x), count,
                  at.frame_gain * predicted - at.predicted_gain * frame);
    }
    write_channel_run(out + feature_at(dst, colours * area + k, y, x), count, at.rho);
    write_channel_run(out + feature_at(dst, (2 * colours + 1) * area + k, y, x), count, level);
    write_channel_run(out + feature_at(dst, (2 * colours + 2) * area + k, y, x), count, predicted_level);
}

POINTWISE observe(const udm_cl_tensor dst, const udm_cl_observation seen, int patch, global feature *out,
                  const global float *frames, const global float *levels, const global float *predictions,
                  const global float *predicted_levels)
{
    const int across = divide_up(dst.w, RUN);
    const range runs = range_of((size_t)dst.h * across);
    for (size_t r = runs.first; r < runs.end; r++) {
        const int y = r / across, x = r % across * RUN, count = min(RUN, dst.w - x);
        for (int k = 0; k < patch * patch; k++)
            observe_run(dst, seen, patch, k, y, x, count, out, frames, levels, predictions, predicted_levels);
        for (int c = dst.c; c % BLOCK; c++)
            write_channel_run(out + feature_at(dst, c, y, x), count, (run)0);
    }
}
