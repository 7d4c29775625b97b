// SPDX-License-Identifier: LGPL-2.1-or-later
// Symbols: with the probability 1 - alpha_bar a pixel is no longer that of x0 but any one of them ("uniform") or the
// last one, which stands for "gone" ("absorbing"). Austin et al., "Structured Denoising Diffusion Models in Discrete
// State-Spaces", 2021, appendix A.2. A symbol is a channel that is 1. e decides by its first two channels, as the
// uniform numbers Phi(e): whether it is replaced, and by what. The networks are trained by cross-entropy and give
// probabilities.
#include <math.h>
#include <string.h>

#include "process/process.h"

static double uniform_of(float normal)
{
    return 0.5 * erfc(-normal / sqrt(2));
}

// And back, by bisection.
static float normal_of(double uniform)
{
    double low = -8, high = 8;
    for (int i = 0; i < 50; i++) {
        const double middle = (low + high) / 2;
        *(uniform_of((float)middle) < uniform ? &low : &high) = middle;
    }
    return (float)low;
}

static int symbol_at(const udm_levels *at, int channels, const float *x, size_t pixel)
{
    int best = 0;
    for (int c = 1; c < channels; c++)
        best = x[c * at->pixels + pixel] > x[best * at->pixels + pixel] ? c : best;
    return best;
}

static void put_symbol(const udm_levels *at, int channels, int symbol, size_t pixel, float *out)
{
    for (int c = 0; c < channels; c++)
        out[c * at->pixels + pixel] = c == symbol;
}

// The symbol that replaces one.
static int other_symbol(const udm_levels *at, int channels, const float *e, size_t pixel, bool absorbing)
{
    const int drawn = (int)(channels * uniform_of(e[(channels > 1) * at->pixels + pixel]));
    return absorbing || drawn >= channels ? channels - 1 : drawn;
}

// With the probability `lost`, replaces the symbol of x.
static void replace(const udm_levels *at, int channels, const float *x, const float *e, size_t pixel, double lost,
                    bool absorbing, float *out)
{
    const bool goes = uniform_of(e[pixel]) < lost;
    const int symbol = goes ? other_symbol(at, channels, e, pixel, absorbing) : symbol_at(at, channels, x, pixel);
    put_symbol(at, channels, symbol, pixel, out);
}

static void forward(const udm_levels *at, int channels, const float *x0, const float *e, bool absorbing, float *out)
{
    for (size_t i = 0; i < at->pixels; i++)
        replace(at, channels, x0, e, i, udm_levels_share(at, i), absorbing, out);
}

// The middle of those e that lead from x0 to x_t.
static void inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    for (size_t i = 0; i < at->pixels; i++) {
        const double lost = udm_levels_share(at, i);
        const int is = symbol_at(at, channels, xt, i), was = symbol_at(at, channels, x0, i);
        for (int c = 0; c < channels; c++)
            out[c * at->pixels + i] = 0;
        out[i] = normal_of(is == was ? (1 + lost) / 2 : lost / 2);
        if (channels > 1)
            out[at->pixels + i] = normal_of((is + 0.5) / channels);
    }
}

static void advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                    bool absorbing, float *out)
{
    for (size_t i = 0; i < to->pixels; i++) {
        const double kept = 1 - udm_levels_share(from, i), keeps = 1 - udm_levels_share(to, i);
        replace(to, channels, xt, e, i, kept > 0 ? 1 - keeps / kept : 1, absorbing, out);
    }
}

// The probability of going from symbol i to j, where a share of `lost` is replaced.
static double transition(int i, int j, double lost, int channels, bool absorbing)
{
    const double to = absorbing ? j == channels - 1 : 1.0 / channels;
    return (i == j) * (1 - lost) + lost * to;
}

// p(x_s = j | x_t) = Q_{s to t}[j, x_t] sum_i p_i Q_s[i, j] / Q_t[i, x_t], one entry of it.
static double reverse_weight(const udm_levels *at, int channels, const float *x0, size_t pixel, int is, int j,
                             double lost_t, double lost_s, bool absorbing)
{
    const double step = lost_s < 1 ? 1 - (1 - lost_t) / (1 - lost_s) : 0;
    double sum = 0;
    for (int i = 0; i < channels; i++) {
        const double reaches = transition(i, is, lost_t, channels, absorbing);
        const double p = fmax(x0[i * at->pixels + pixel], 0);
        sum += reaches > 0 ? p * transition(i, j, lost_s, channels, absorbing) / reaches : 0;
    }
    return sum * transition(j, is, step, channels, absorbing);
}

static void posterior(const udm_levels *from, const udm_levels *to, int channels, const float *x0, const float *xt,
                      const float *e, bool absorbing, float *out)
{
    for (size_t i = 0; i < to->pixels; i++) {
        const double lost_t = udm_levels_share(from, i), lost_s = udm_levels_share(to, i);
        const int is = symbol_at(to, channels, xt, i);
        double all = 0, below = 0;
        for (int j = 0; j < channels; j++)
            all += reverse_weight(to, channels, x0, i, is, j, lost_t, lost_s, absorbing);
        const double drawn = uniform_of(e[i]) * all;
        int symbol = -1;
        while (symbol < channels - 1 && below <= drawn)
            below += reverse_weight(to, channels, x0, i, is, ++symbol, lost_t, lost_s, absorbing);
        put_symbol(to, channels, symbol, i, out);
    }
}

static void uniform_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    forward(at, channels, x0, e, false, out);
}

static void absorbing_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    forward(at, channels, x0, e, true, out);
}

static void uniform_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                            float *out)
{
    advance(from, to, channels, xt, e, false, out);
}

static void absorbing_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt,
                              const float *e, float *out)
{
    advance(from, to, channels, xt, e, true, out);
}

static void uniform_posterior(const udm_levels *from, const udm_levels *to, int channels, const float *x0,
                              const float *xt, const float *e, float *out)
{
    posterior(from, to, channels, x0, xt, e, false, out);
}

static void absorbing_posterior(const udm_levels *from, const udm_levels *to, int channels, const float *x0,
                                const float *xt, const float *e, float *out)
{
    posterior(from, to, channels, x0, xt, e, true, out);
}

const udm_process udm_process_uniform = {
    .name = "uniform",
    .about = "symbols are replaced by random ones",
    .forward = uniform_forward,
    .inverse = inverse,
    .advance = uniform_advance,
    .posterior = uniform_posterior,
    .symbols = true,
};

const udm_process udm_process_absorbing = {
    .name = "absorbing",
    .about = "symbols are replaced by the last one, an absorbing state",
    .forward = absorbing_forward,
    .inverse = inverse,
    .advance = absorbing_advance,
    .posterior = absorbing_posterior,
    .symbols = true,
};
