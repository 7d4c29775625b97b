// SPDX-License-Identifier: LGPL-2.1-or-later
// As many products as the device can do: each work-item has sums that do not wait for each other.

POINTWISE peak(int steps, global float *out)
{
    float16 sum[PEAK_SUMS];
    const float16 factor = (float16)(.5f), start = (float16)((float)get_local_id(0));
    UNROLL for (int i = 0; i < PEAK_SUMS; i++)
        sum[i] = start + i;
    for (int step = 0; step < steps; step++)
        UNROLL for (int i = 0; i < PEAK_SUMS; i++)
            sum[i] = fma(sum[i], factor, start);
    float16 all = 0;
    UNROLL for (int i = 0; i < PEAK_SUMS; i++)
        all += sum[i];
    out[get_global_id(0)] = all.s0 + all.s1 + all.s2 + all.s3 + all.s4 + all.s5 + all.s6 + all.s7 + all.s8 + all.s9 +
                            all.sa + all.sb + all.sc + all.sd + all.se + all.sf;
}
