// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows that a field lacks. Motion is known between fields of like parity, which show the same rows, so that what is
// at rest differs by nothing; the fields of unlike parity between them have the rows that are missing. With P and N
// taken from those, along their part of the motion, and S from the rows above and below,
//
//     T = (P / p + N / n) / (1 / p + 1 / n),    guess = S + (T - S) s / (s + t)
//
// p and n are squared differences, around a pixel, of the rows that the field has from those of the fields of like
// parity that the motion leads to; s those from what the rows above and below them would give, at twice the distance;
// and t is the variance of T if p and n are that of P and N, and P and N differ by no more than is seen of them.
#include "fields/guess.h"

#include "fields/kernels/kernels.h"

void udm_guess_in_space(int width, int height, int parity, float *plane, udm_pool *pool)
{
    udm_guess_job j = { .plane = plane, .width = width, .height = height, .parity = parity };
    udm_pool_run(pool, udm_field_rows(height), udm_field_ops_for(pool)->space, &j);
}

size_t udm_guess_scratch(int width, int height, const udm_pool *pool)
{
    return ((size_t)UDM_GUESS_MAPS * udm_field_rows(height) + (size_t)UDM_GUESS_LINES * udm_pool_threads(pool)) * width;
}

void udm_guess_fill(const udm_guess *guess, float *out, udm_pool *pool)
{
    const udm_field_ops *ops = udm_field_ops_for(pool);
    const int rows = udm_field_rows(guess->height);
    udm_guess_job j = { .guess = guess,
                        .plane = out,
                        .width = guess->width,
                        .height = guess->height,
                        .parity = guess->parity,
                        .maps = guess->scratch,
                        .lines = guess->scratch + (size_t)UDM_GUESS_MAPS * rows * guess->width };
    udm_pool_run(pool, rows, ops->measure, &j);
    udm_pool_run(pool, rows, ops->fill, &j);
}
